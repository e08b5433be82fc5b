/* Series of a plot as paths and markers. */
#include <math.h>

#include "tools/markup.h"
#include "tools/plot_parts.h"

enum { MANY = 14 }; /* points of a series that all have a marker */

/* ---- series ---- */

/* What lies in one column of pixels: enough to draw, however many points there are. */
struct column {
    double x, first, low, high, last;
    int count;
};

static void put_column(const struct plot_frame *f, const struct column *c, bool begins)
{
    if (!c->count) return;
    fprintf(f->out, "%c%.1f %.1f", begins ? 'M' : 'L', c->x, c->first);
    if (c->low != c->first && c->low != c->last) fprintf(f->out, "V%.1f", c->low);
    if (c->high != c->first && c->high != c->last) fprintf(f->out, "V%.1f", c->high);
    if (c->count > 1) fprintf(f->out, "V%.1f", c->last);
}

static void draw_line(const struct plot_frame *f, const struct plot_series *s)
{
    const struct plot_style *style = plot_style(s->style);
    struct column c = { 0 };
    bool begins = true;

    markup_put(f->out, "<path class=\"line%s k%d\"", s->parts & PLOT_FAINT ? " faint" : "", style->colour);
    if (*style->dash) markup_put(f->out, " stroke-dasharray=\"%s\"", style->dash);
    fputs(" d=\"", f->out);
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        const bool there = plot_shown(f->p, q);
        const double x = there ? plot_at(&f->x, q->x) : 0, y = there ? plot_at(&f->y, q->y) : 0;

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
static void draw_band(const struct plot_frame *f, const struct plot_series *s, size_t from, size_t to)
{
    fprintf(f->out, "<path class=\"band k%d\" d=\"", plot_style(s->style)->colour);
    for (size_t i = from; i < to; i++)
        fprintf(f->out, "%c%.1f %.1f", i == from ? 'M' : 'L', plot_at(&f->x, s->points[i].x),
                plot_at(&f->y, s->points[i].high));
    for (size_t i = to; i-- > from;)
        fprintf(f->out, "L%.1f %.1f", plot_at(&f->x, s->points[i].x), plot_at(&f->y, s->points[i].low));
    fputs("z\"/>", f->out);
}

static void draw_bands(const struct plot_frame *f, const struct plot_series *s)
{
    size_t from = 0;

    for (size_t i = 0; i <= s->count; i++) {
        if (i < s->count && plot_shown(f->p, &s->points[i]) && plot_spanned(f->p, &s->points[i])) continue;
        if (i > from + 1) draw_band(f, s, from, i);
        from = i + 1;
    }
}

static void draw_spans(const struct plot_frame *f, const struct plot_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!plot_shown(f->p, q) || !plot_spanned(f->p, q) || q->low == q->high) continue;
        markup_put(f->out, "<path class=\"span k%d\" d=\"M%.1f %.1fV%.1fm-3 0h6M%.1f %.1fh6\"/>",
                   plot_style(s->style)->colour, plot_at(&f->x, q->x), plot_at(&f->y, q->low),
                   plot_at(&f->y, q->high), plot_at(&f->x, q->x) - 3, plot_at(&f->y, q->low));
    }
}

/* Of many points only some have a marker: enough to tell the series by. */
static void draw_marks(const struct plot_frame *f, const struct plot_series *s)
{
    const size_t stride = s->parts & PLOT_MARKS ? 1 + s->count / MANY : 1;

    for (size_t i = 0; i < s->count; i += stride) {
        const struct plot_point *q = &s->points[i];
        const double x = plot_at(&f->x, q->x), y = plot_at(&f->y, q->y);
        if (!plot_shown(f->p, q)) continue;
        if (s->parts & PLOT_MARKS) {
            plot_mark(f->out, "mark", s->style, x, y);
            plot_end_mark(f->out, q->title);
        } else {
            markup_put(f->out, "<circle class=\"dot k%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"/>",
                       plot_style(s->style)->colour, x, y);
        }
    }
}

const struct plot_point *plot_last_shown(const struct plot *p, const struct plot_series *s)
{
    for (size_t i = s->count; i-- > 0;)
        if (plot_shown(p, &s->points[i])) return &s->points[i];
    return NULL;
}

/* ---- all of it ---- */

void plot_draw_series(const struct plot_frame *f)
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
        const struct plot_point *end = plot_last_shown(p, s);
        if (s->parts & (PLOT_MARKS | PLOT_DOTS)) draw_marks(f, s);
        if ((s->parts & PLOT_STOPS) && end)
            plot_cross(f->out, "cross", s->style, plot_at(&f->x, end->x), plot_at(&f->y, end->y));
    }
    fputs("</g>", f->out);
}
