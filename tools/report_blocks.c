/* Rows of probe as series of the plots: by block, and by depth. */
#include <math.h>

#include "tools/report_figures.h"

struct spread {
    int n;
    double sum, low, high;
};

static void add_value(struct spread *s, double v)
{
    if (!isfinite(v)) return;
    s->low = s->n ? fmin(s->low, v) : v;
    s->high = s->n ? fmax(s->high, v) : v;
    s->sum += v;
    s->n++;
}

/* Over the seeds: the rows of one placement and depth at a block. */
static struct spread spread_of(const struct report *r, const struct report_figure *f, const char *norm,
                               const char *group, int depth, int block)
{
    struct spread s = { 0 };

    for (size_t i = 0; i < r->block_count; i++) {
        const struct report_block *b = &r->blocks[i];
        if (b->depth == depth && b->block == block && strcmp(b->norm, norm) == 0 &&
            strcmp(b->group, group) == 0)
            add_value(&s, *(const double *)(const void *)((const char *)b + f->value));
    }
    return s;
}

static void add_point(struct plot *p, int series, const char *norm, const char *where, double x,
                      const struct spread *s)
{
    struct plot_point point = { x, s->n ? s->sum / s->n : NAN, NAN, NAN, "" };

    if (s->n > 1) point.low = s->low, point.high = s->high;
    if (s->n)
        snprintf(point.title, sizeof point.title, "%.40s, %s %.0f: %.4g (%d %s)", norm, where, x, point.y,
                 s->n, s->n == 1 ? "seed" : "seeds");
    plot_point(p, series, point);
}

/* Numbers of the first and the last block that any row of the depth has. */
static void block_range(const struct report *r, const char *group, int depth, int *first, int *last)
{
    *first = 1, *last = 0;
    for (size_t i = 0; i < r->block_count; i++) {
        const struct report_block *b = &r->blocks[i];
        if (b->depth != depth || strcmp(b->group, group) != 0) continue;
        if (*first > *last) *first = *last = b->block;
        if (b->block < *first) *first = b->block;
        if (b->block > *last) *last = b->block;
    }
}

static int norm_series(struct plot *p, const struct report *r, size_t norm)
{
    return plot_series(p, (struct plot_series){ .name = r->norms[norm],
                                                .style = r->styles[norm],
                                                .parts = PLOT_LINE | PLOT_MARKS | PLOT_BAND });
}

void report_fill_blocks(struct plot *p, const struct report *r, const struct report_figure *f,
                        const struct report_panel *panel)
{
    int first, last;

    block_range(r, panel->group, panel->depth, &first, &last);
    for (size_t n = 0; n < r->norm_count; n++) {
        const int s = norm_series(p, r, n);
        for (int block = first; block <= last; block++) {
            const struct spread v = spread_of(r, f, r->norms[n], panel->group, panel->depth, block);
            if (v.n) add_point(p, s, r->norms[n], "block", block, &v);
        }
    }
}

/* The next larger depth of an initialisation, 0: there is none. */
static int next_depth(const struct report *r, const char *group, int depth)
{
    int next = 0;

    for (size_t i = 0; i < r->block_count; i++) {
        const struct report_block *b = &r->blocks[i];
        if (b->depth > depth && (!next || b->depth < next) && strcmp(b->group, group) == 0) next = b->depth;
    }
    return next;
}

void report_fill_depths(struct plot *p, const struct report *r, const struct report_figure *f,
                        const struct report_panel *panel)
{
    const int shallowest = next_depth(r, panel->group, 0);

    if (!next_depth(r, panel->group, shallowest)) return; /* one depth is no line */
    for (size_t n = 0; n < r->norm_count; n++) {
        const int s = norm_series(p, r, n);
        for (int depth = shallowest; depth; depth = next_depth(r, panel->group, depth)) {
            int first, last;
            block_range(r, panel->group, depth, &first, &last);
            const struct spread v = spread_of(r, f, r->norms[n], panel->group, depth, last);
            if (v.n) add_point(p, s, r->norms[n], "depth", depth, &v);
        }
    }
}
