/* One plot, drawn. Lengths are in the units of its viewBox, which a page shows about one pixel large. */
#include <math.h>
#include <stdlib.h>

#include "tools/markup.h"
#include "tools/plot_parts.h"

enum {
    WIDTH = 360,
    TALL = 176, /* of the plot itself */
    LANE = 17,  /* of a strip */
    INSET = 9,  /* from the frame to the first and last value */
    HEAD = 22,  /* for the label of y */
    FOOT = 36,  /* ticks and label of x */
    LETTER = 6, /* about the width of a letter of 11 px */
    APART = 11, /* between baselines of labels */
    X_TICKS = 7,
    Y_TICKS = 6,
    MOST_LABELS = 24,
};

struct frame {
    FILE *out;
    const struct plot *p;
    const char *id;
    struct plot_map x, y;
    struct plot_ticks x_ticks, y_ticks;
    double left, right, top, bottom; /* of the plot itself */
    int height;
};

static bool usable(enum plot_scale scale, double v)
{
    return isfinite(v) && (scale == PLOT_LINEAR || v > 0);
}

static bool shown(const struct plot *p, const struct plot_point *q)
{
    return usable(p->x.scale, q->x) && usable(p->y.scale, q->y);
}

static bool spanned(const struct plot *p, const struct plot_point *q)
{
    return usable(p->y.scale, q->low) && usable(p->y.scale, q->high);
}

/* ---- what the axes cover ---- */

struct span {
    double low, high; /* low > high: of nothing yet */
};

static void cover(struct span *s, const struct plot_axis *a, double v)
{
    if (!usable(a->scale, v) || (a->most > 0 && v > a->most)) return;
    s->low = fmin(s->low, v);
    s->high = fmax(s->high, v);
}

static void cover_series(struct span *x, struct span *y, const struct plot *p, const struct plot_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!shown(p, q)) continue;
        cover(x, &p->x, q->x);
        cover(y, &p->y, q->y);
        if (!(s->parts & (PLOT_BAND | PLOT_SPAN)) || !spanned(p, q)) continue;
        cover(y, &p->y, q->low);
        cover(y, &p->y, q->high);
    }
}

static void cover_lane(struct span *x, const struct plot *p, const struct plot_lane *l)
{
    for (size_t i = 0; i < l->count; i++) {
        cover(x, &p->x, l->items[i].x);
        cover(x, &p->x, l->items[i].low);
        cover(x, &p->x, l->items[i].high);
    }
}

static struct plot_map map_of(const struct plot_axis *a, struct span s, int most, bool widen)
{
    if (s.low > s.high) s = a->scale == PLOT_LOG ? (struct span){ 1, 10 } : (struct span){ 0, 1 };
    if (widen || s.low == s.high) plot_widen(a->scale, &s.low, &s.high, most, a->whole);
    return (struct plot_map){ .scale = a->scale, .low = s.low, .high = s.high };
}

static void find_spans(struct frame *f)
{
    const struct plot *p = f->p;
    struct span x = { INFINITY, -INFINITY }, y = { INFINITY, -INFINITY };

    if (p->x.low != p->x.high) cover(&x, &p->x, p->x.low), cover(&x, &p->x, p->x.high);
    if (p->y.low != p->y.high) cover(&y, &p->y, p->y.low), cover(&y, &p->y, p->y.high);
    for (size_t i = 0; i < p->series_count; i++) cover_series(&x, &y, p, &p->series[i]);
    for (size_t i = 0; i < p->lane_count; i++) cover_lane(&x, p, &p->lanes[i]);
    for (int i = 0; i < PLOT_LEVELS && p->levels[i].label; i++) cover(&y, &p->y, p->levels[i].y);
    f->x = map_of(&p->x, x, X_TICKS, p->x.scale == PLOT_LOG);
    f->y = map_of(&p->y, y, Y_TICKS, true);
    f->x_ticks = plot_ticks(p->x.scale, f->x.low, f->x.high, X_TICKS, p->x.whole);
    f->y_ticks = plot_ticks(p->y.scale, f->y.low, f->y.high, Y_TICKS, p->y.whole);
}

/* ---- where things stand ---- */

static int widest_left(const struct frame *f)
{
    int letters = 2;
    char text[32];

    for (int i = 0; i < f->y_ticks.count; i++) {
        const int n =
            (int)strlen(plot_tick_text(text, sizeof text, f->p->y.scale, &f->y_ticks, f->y_ticks.value[i]));
        if (n > letters) letters = n;
    }
    for (size_t i = 0; i < f->p->lane_count; i++)
        if ((int)strlen(f->p->lanes[i].label) > letters) letters = (int)strlen(f->p->lanes[i].label);
    return letters;
}

static int widest_end(const struct plot *p)
{
    int letters = 0;

    for (size_t i = 0; i < p->series_count; i++)
        if ((int)strlen(p->series[i].label) > letters) letters = (int)strlen(p->series[i].label);
    return letters;
}

static void find_places(struct frame *f)
{
    int above = 0, below = 0;

    for (size_t i = 0; i < f->p->lane_count; i++) f->p->lanes[i].above ? above++ : below++;
    f->left = LETTER * widest_left(f) + 8;
    f->right = WIDTH - 4 - LETTER * widest_end(f->p);
    f->top = HEAD + LANE * above + (above ? 4 : 0);
    f->bottom = f->top + TALL;
    f->height = (int)f->bottom + (below ? LANE * below + 4 : 0) + FOOT;
    f->x.at_low = f->left + INSET, f->x.at_high = f->right - INSET;
    f->y.at_low = f->bottom, f->y.at_high = f->top;
}

static double at_x(const struct frame *f, double v)
{
    return plot_at(&f->x, v);
}

static double at_y(const struct frame *f, double v)
{
    return plot_at(&f->y, v);
}

/* ---- axes ---- */

static void draw_axes(const struct frame *f)
{
    const struct plot *p = f->p;
    const double foot = f->height - FOOT;
    char text[32];

    for (int i = 0; i < f->y_ticks.count; i++) {
        const double y = at_y(f, f->y_ticks.value[i]);
        markup_put(f->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", f->left, y, f->right);
        markup_put(f->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>", f->left - 5, y + 4,
                   plot_tick_text(text, sizeof text, p->y.scale, &f->y_ticks, f->y_ticks.value[i]));
    }
    for (int i = 0; i < f->x_ticks.count; i++) {
        const double x = at_x(f, f->x_ticks.value[i]);
        markup_put(f->out, "<path class=\"frame\" d=\"M%.1f %.1fv4\"/>", x, foot);
        markup_put(f->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", x, foot + 15,
                   plot_tick_text(text, sizeof text, p->x.scale, &f->x_ticks, f->x_ticks.value[i]));
    }
    markup_put(f->out, "<path class=\"frame\" d=\"M%.1f %.1fH%.1f\"/>", f->left, foot, f->right);
    markup_put(f->out, "<text class=\"name\" x=\"0\" y=\"11\">%s</text>", p->y.label);
    markup_put(f->out, "<text class=\"name\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>",
               (f->left + f->right) / 2, f->height - 4, p->x.label);
}

static void draw_levels(const struct frame *f)
{
    for (int i = 0; i < PLOT_LEVELS && f->p->levels[i].label; i++) {
        const double y = at_y(f, f->p->levels[i].y);
        markup_put(f->out, "<path class=\"level\" d=\"M%.1f %.1fH%.1f\"/>", f->left, y, f->right);
        markup_put(f->out, "<text class=\"tiny\" x=\"%.1f\" y=\"%.1f\">%s</text>", f->left + 3, y - 3,
                   f->p->levels[i].label);
    }
}

/* ---- series ---- */

/* What lies in one column of pixels: enough to draw, however many points there are. */
struct column {
    double x, first, low, high, last;
    int count;
};

static void put_column(const struct frame *f, const struct column *c, bool begins)
{
    if (!c->count) return;
    fprintf(f->out, "%c%.1f %.1f", begins ? 'M' : 'L', c->x, c->first);
    if (c->low != c->first && c->low != c->last) fprintf(f->out, "V%.1f", c->low);
    if (c->high != c->first && c->high != c->last) fprintf(f->out, "V%.1f", c->high);
    if (c->count > 1) fprintf(f->out, "V%.1f", c->last);
}

static void draw_line(const struct frame *f, const struct plot_series *s)
{
    const struct plot_style *style = plot_style(s->style);
    struct column c = { 0 };
    bool begins = true;

    markup_put(f->out, "<path class=\"line%s k%d\"", s->parts & PLOT_FAINT ? " faint" : "", style->colour);
    if (*style->dash) markup_put(f->out, " stroke-dasharray=\"%s\"", style->dash);
    fputs(" d=\"", f->out);
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        const bool there = shown(f->p, q);
        const double x = there ? at_x(f, q->x) : 0, y = there ? at_y(f, q->y) : 0;

        if (c.count && there && fabs(x - c.x) < 1) {
            c.low = fmin(c.low, y), c.high = fmax(c.high, y), c.last = y, c.count++;
            continue;
        }
        put_column(f, &c, begins);
        begins = c.count ? !there : begins;
        c = there ? (struct column){ x, y, y, y, y, 1 } : (struct column){ 0 };
    }
    put_column(f, &c, begins);
    fputs("\"/>", f->out);
}

/* The points from..to - 1 have a band. */
static void draw_band(const struct frame *f, const struct plot_series *s, size_t from, size_t to)
{
    fprintf(f->out, "<path class=\"band k%d\" d=\"", plot_style(s->style)->colour);
    for (size_t i = from; i < to; i++)
        fprintf(f->out, "%c%.1f %.1f", i == from ? 'M' : 'L', at_x(f, s->points[i].x),
                at_y(f, s->points[i].high));
    for (size_t i = to; i-- > from;)
        fprintf(f->out, "L%.1f %.1f", at_x(f, s->points[i].x), at_y(f, s->points[i].low));
    fputs("z\"/>", f->out);
}

static void draw_bands(const struct frame *f, const struct plot_series *s)
{
    size_t from = 0;

    for (size_t i = 0; i <= s->count; i++) {
        if (i < s->count && shown(f->p, &s->points[i]) && spanned(f->p, &s->points[i])) continue;
        if (i > from + 1) draw_band(f, s, from, i);
        from = i + 1;
    }
}

static void draw_spans(const struct frame *f, const struct plot_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!shown(f->p, q) || !spanned(f->p, q) || q->low == q->high) continue;
        markup_put(f->out, "<path class=\"span k%d\" d=\"M%.1f %.1fV%.1fm-3 0h6M%.1f %.1fh6\"/>",
                   plot_style(s->style)->colour, at_x(f, q->x), at_y(f, q->low), at_y(f, q->high),
                   at_x(f, q->x) - 3, at_y(f, q->low));
    }
}

static void draw_marks(const struct frame *f, const struct plot_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!shown(f->p, q)) continue;
        if (s->parts & PLOT_MARKS) {
            plot_mark(f->out, "mark", s->style, at_x(f, q->x), at_y(f, q->y));
            plot_end_mark(f->out, q->title);
        } else {
            markup_put(f->out, "<circle class=\"dot k%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"/>",
                       plot_style(s->style)->colour, at_x(f, q->x), at_y(f, q->y));
        }
    }
}

static const struct plot_point *last_shown(const struct plot *p, const struct plot_series *s)
{
    for (size_t i = s->count; i-- > 0;)
        if (shown(p, &s->points[i])) return &s->points[i];
    return NULL;
}

/* Bands below lines below markers, over all series. */
static void draw_series(const struct frame *f)
{
    const struct plot *p = f->p;

    fprintf(f->out,
            "<clipPath id=\"%s-c\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/></clipPath>",
            f->id, f->left, f->top - 6, f->right - f->left, f->bottom - f->top + 12);
    fprintf(f->out, "<g clip-path=\"url(#%s-c)\">", f->id);
    for (size_t i = 0; i < p->series_count; i++)
        if (p->series[i].parts & PLOT_BAND) draw_bands(f, &p->series[i]);
    for (size_t i = 0; i < p->series_count; i++)
        if (p->series[i].parts & PLOT_LINE) draw_line(f, &p->series[i]);
    for (size_t i = 0; i < p->series_count; i++)
        if (p->series[i].parts & PLOT_SPAN) draw_spans(f, &p->series[i]);
    for (size_t i = 0; i < p->series_count; i++) {
        const struct plot_series *s = &p->series[i];
        const struct plot_point *end = last_shown(p, s);
        if (s->parts & (PLOT_MARKS | PLOT_DOTS)) draw_marks(f, s);
        if ((s->parts & PLOT_STOPS) && end)
            plot_cross(f->out, "cross", s->style, at_x(f, end->x), at_y(f, end->y));
    }
    fputs("</g>", f->out);
}

/* ---- labels at the ends of series: pushed apart, in order ---- */

struct label {
    double y;
    const char *text;
};

static int by_height(const void *a, const void *b)
{
    const double left = ((const struct label *)a)->y, right = ((const struct label *)b)->y;

    return (left > right) - (left < right);
}

static void draw_labels(const struct frame *f)
{
    struct label labels[MOST_LABELS];
    int count = 0;

    for (size_t i = 0; i < f->p->series_count && count < MOST_LABELS; i++) {
        const struct plot_series *s = &f->p->series[i];
        const struct plot_point *end = last_shown(f->p, s);
        if (!s->label[0] || !end) continue;
        const double y = fmax(f->top, fmin(f->bottom, at_y(f, end->y)));
        labels[count++] = (struct label){ y, s->label };
    }
    qsort(labels, (size_t)count, sizeof *labels, by_height);
    for (int i = 1; i < count; i++) labels[i].y = fmax(labels[i].y, labels[i - 1].y + APART);
    double limit = f->bottom;
    for (int i = count; i-- > 0; limit = labels[i].y - APART) labels[i].y = fmin(labels[i].y, limit);
    for (int i = 0; i < count; i++)
        markup_put(f->out, "<text class=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>", f->right + 2,
                   labels[i].y + 3.5, labels[i].text);
}

/* ---- lanes ---- */

/* Items at one x stand beside each other. */
static double beside(const struct plot_lane *l, size_t item)
{
    int before = 0, all = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].x != l->items[item].x) continue;
        if (i < item) before++;
        all++;
    }
    return 12 * (before - (all - 1) / 2.0);
}

static void draw_item(const struct frame *f, const struct plot_lane *l, size_t index, double y)
{
    const struct plot_item *item = &l->items[index];
    const enum plot_scale scale = f->p->x.scale;
    double x;

    if (!usable(scale, item->x)) return;
    x = at_x(f, item->x) + beside(l, index);
    if (usable(scale, item->low) && usable(scale, item->high) && item->low < item->high)
        markup_put(f->out, "<path class=\"bar k%d\" d=\"M%.1f %.1fH%.1f\"/>", plot_style(item->style)->colour,
                   at_x(f, item->low), y, at_x(f, item->high));
    if (item->lost) plot_cross(f->out, "cross", item->style, x, y);
    plot_mark(f->out, item->lost ? "hollow" : "mark", item->style, x, y);
    plot_end_mark(f->out, item->title);
    if (item->text[0])
        markup_put(f->out, "<text class=\"tiny\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 7, y + 3, item->text);
}

static void draw_lanes(const struct frame *f)
{
    double above = HEAD, below = f->bottom + 4;

    for (size_t i = 0; i < f->p->lane_count; i++) {
        const struct plot_lane *l = &f->p->lanes[i];
        double *at = l->above ? &above : &below;
        markup_put(f->out, "<rect class=\"lane\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
                   f->left, *at + 1, f->right - f->left, LANE - 2);
        markup_put(f->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>", f->left - 5,
                   *at + LANE / 2.0 + 4, l->label);
        for (size_t k = 0; k < l->count; k++) draw_item(f, l, k, *at + LANE / 2.0);
        *at += LANE;
    }
}

/* ---- for those who hear the page ---- */

static void describe_series(FILE *out, const struct plot *p, const struct plot_series *s)
{
    const struct plot_point *first = NULL, *last = NULL, *low = NULL, *high = NULL;

    if (!s->name) return;
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!shown(p, q)) continue;
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

static void describe(const struct frame *f)
{
    const struct plot *p = f->p;

    markup_put(f->out, "<title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s against %s.", f->id, p->title,
               f->id, p->y.label, p->x.label);
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

void plot_svg(FILE *out, const struct plot *p, const char *id)
{
    struct frame f = { .out = out, .p = p, .id = id };

    find_spans(&f);
    find_places(&f);
    fprintf(out,
            "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\" "
            "xmlns=\"http://www.w3.org/2000/svg\">",
            WIDTH, f.height, id, id);
    describe(&f);
    draw_axes(&f);
    draw_levels(&f);
    draw_series(&f);
    draw_labels(&f);
    draw_lanes(&f);
    fputs("</svg>", out);
}
