/* One plot, drawn: axes, strips, and what is said to those who do not see it. */
#include <math.h>

#include "tools/markup.h"
#include "tools/plot_parts.h"

/* ---- axes ---- */

static const char *scale_word(const struct plot_axis *a)
{
    return a->scale == PLOT_LOG ? " (log)" : "";
}

static void draw_axes(const struct plot_frame *f)
{
    const struct plot *p = f->p;
    const double foot = f->height - PLOT_FOOT;
    char text[32];

    for (int i = 0; i < f->y_ticks.count; i++) {
        const double y = plot_at(&f->y, f->y_ticks.value[i]);
        markup_put(f->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", f->left, y, f->right);
        markup_put(f->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>", f->left - 5, y + 4,
                   plot_tick_text(text, sizeof text, p->y.scale, &f->y_ticks, f->y_ticks.value[i]));
    }
    for (int i = 0; i < f->x_ticks.count; i++) {
        const double x = plot_at(&f->x, f->x_ticks.value[i]);
        markup_put(f->out, "<path class=\"frame\" d=\"M%.1f %.1fv4\"/>", x, foot);
        markup_put(f->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", x, foot + 15,
                   plot_tick_text(text, sizeof text, p->x.scale, &f->x_ticks, f->x_ticks.value[i]));
    }
    markup_put(f->out, "<path class=\"frame\" d=\"M%.1f %.1fH%.1f\"/>", f->left, foot, f->right);
    if (f->name > f->above)
        markup_put(f->out, "<text class=\"name\" x=\"0\" y=\"%.1f\">%s</text>", f->above - 6, p->above);
    markup_put(f->out, "<text class=\"name\" x=\"0\" y=\"%.1f\">%s%s</text>", f->name, p->y.label,
               scale_word(&p->y));
    markup_put(f->out, "<text class=\"name\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s%s</text>",
               (f->left + f->right) / 2, f->height - 4, p->x.label, scale_word(&p->x));
}

static void draw_level(const struct plot_frame *f)
{
    if (plot_reached(f))
        markup_put(f->out, "<path class=\"level\" d=\"M%.1f %.1fH%.1f\"/>", f->left,
                   plot_at(&f->y, f->p->level.y), f->right);
}

/* ---- lanes ---- */

/* Items at one x stand beside each other. */
static double beside(const struct plot_lane *l, size_t item)
{
    int before = 0, all = 0;
    bool texts = false;

    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].x != l->items[item].x) continue;
        if (i < item) before++;
        texts |= l->items[i].text[0] != '\0';
        all++;
    }
    return (texts ? 27 : 12) * (before - (all - 1) / 2.0);
}

static void draw_item(const struct plot_frame *f, const struct plot_lane *l, size_t index, double y)
{
    const struct plot_item *item = &l->items[index];
    const enum plot_scale scale = f->p->x.scale;
    double x;

    if (!plot_usable(scale, item->x)) return;
    x = plot_at(&f->x, item->x) + beside(l, index);
    if (plot_usable(scale, item->low) && plot_usable(scale, item->high) && item->low < item->high)
        markup_put(f->out, "<path class=\"bar k%d\" d=\"M%.1f %.1fH%.1f\"/>", plot_style(item->style)->colour,
                   plot_at(&f->x, item->low), y, plot_at(&f->x, item->high));
    if (item->lost) plot_cross(f->out, "cross", item->style, x, y);
    plot_mark(f->out, item->lost || item->open ? "hollow" : "mark", item->style, x, y);
    plot_end_mark(f->out, item->title);
    if (item->text[0])
        markup_put(f->out, "<text class=\"tiny\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 7, y + 3, item->text);
}

static void draw_lanes(const struct plot_frame *f)
{
    double above = f->above, below = f->bottom + 4;
    char name[PLOT_NAME + 1];

    for (size_t i = 0; i < f->p->lane_count; i++) {
        const struct plot_lane *l = &f->p->lanes[i];
        double *at = l->above ? &above : &below;
        markup_put(f->out, "<rect class=\"lane\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
                   f->left, *at + 1, f->right - f->left, PLOT_LANE - 2);
        snprintf(name, sizeof name, "%s", l->label);
        markup_put(f->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>", f->left - 5,
                   *at + PLOT_LANE / 2.0 + 4, name);
        for (size_t k = 0; k < l->count; k++) draw_item(f, l, k, *at + PLOT_LANE / 2.0);
        *at += PLOT_LANE;
    }
}

/* ---- for those who hear the page ---- */

static void describe_series(FILE *out, const struct plot *p, const struct plot_series *s)
{
    const struct plot_point *first = NULL, *last = NULL, *low = NULL, *high = NULL;

    if (!s->name) return;
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!plot_shown(p, q)) continue;
        if (!first) first = q;
        if (!low || q->y < low->y) low = q;
        if (!high || q->y > high->y) high = q;
        last = q;
    }
    if (!first)
        markup_put(out, " %s: no point.", s->name);
    else if (first == last)
        markup_put(out, " %s: %.4g at %.4g.", s->name, first->y, first->x);
    else
        markup_put(out, " %s: from %.4g at %.4g to %.4g at %.4g; lowest %.4g at %.4g, highest %.4g at %.4g.",
                   s->name, first->y, first->x, last->y, last->x, low->y, low->x, high->y, high->x);
}

static void describe(const struct plot_frame *f)
{
    const struct plot *p = f->p;

    markup_put(f->out, "<title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s%s against %s%s.", f->id, p->title,
               f->id, p->y.label, scale_word(&p->y), p->x.label, scale_word(&p->x));
    for (size_t i = 0; i < p->series_count; i++) describe_series(f->out, p, &p->series[i]);
    for (size_t i = 0; i < p->lane_count; i++) {
        if (!p->lanes[i].count) continue;
        markup_put(f->out, " %s:", p->lanes[i].label);
        for (size_t k = 0; k < p->lanes[i].count; k++)
            markup_put(f->out, "%s %s", k ? ";" : "", p->lanes[i].items[k].title);
        fputc('.', f->out);
    }
    fputs("</desc>", f->out);
}

static void draw(const struct plot_frame *f)
{
    describe(f);
    draw_axes(f);
    draw_level(f);
    plot_draw_series(f);
    plot_draw_words(f);
    draw_lanes(f);
}

void plot_svg(FILE *out, const struct plot *p, const char *id)
{
    const struct plot_frame f = plot_frame_of(out, p, id);

    fprintf(out,
            "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\" "
            "xmlns=\"http://www.w3.org/2000/svg\">",
            PLOT_WIDTH, f.height, id, id);
    draw(&f);
    fputs("</svg>", out);
}

void plot_group(FILE *out, const struct plot *p, const char *id, int x, int y)
{
    const struct plot_frame f = plot_frame_of(out, p, id);

    fprintf(out,
            "<g class=\"plot\" transform=\"translate(%d %d)\" role=\"img\" aria-labelledby=\"%s-t %s-d\">", x,
            y, id, id);
    draw(&f);
    fputs("</g>\n", out);
}
