/* Words within a plot: the labels at the ends of series, and the name of the level. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/markup.h"
#include "tools/plot_parts.h"

enum {
    APART = 11, /* between baselines of labels */
    MOST_LABELS = 24,
    EARLY = 45,  /* from the frame: room for a label */
    LETTER = 6,  /* about the width of a letter of 10 or 11 px */
    PLACES = 12, /* along a level, for its name */
    CLEAR = 3,   /* around it */
};

/* ---- labels at the ends of series: those beside each other pushed apart, in order ---- */

struct label {
    double x, y; /* y of the series' end, then of the label */
    const char *text;
};

struct labels {
    struct label item[MOST_LABELS];
    int count;
};

static int by_place(const void *a, const void *b)
{
    const double left = ((const struct label *)a)->x, right = ((const struct label *)b)->x;

    return (left > right) - (left < right);
}

static int by_height(const void *a, const void *b)
{
    const double left = ((const struct label *)a)->y, right = ((const struct label *)b)->y;

    return (left > right) - (left < right);
}

/* A series that ends before the frame does has its label there; those at the frame share the margin. */
static void find_labels(struct labels *l, const struct plot_frame *f)
{
    for (size_t i = 0; i < f->p->series_count && l->count < MOST_LABELS; i++) {
        const struct plot_series *s = &f->p->series[i];
        const struct plot_point *end = plot_last_shown(f->p, s);
        if (!s->label[0] || !end) continue;
        const double x = plot_at(&f->x, end->x), at = fmax(f->top, fmin(f->bottom, plot_at(&f->y, end->y)));
        l->item[l->count++] = (struct label){ x < f->right - EARLY ? x + 8 : f->right + 2, at, s->label };
    }
}

static void push_apart(struct label *l, int count, double limit)
{
    qsort(l, (size_t)count, sizeof *l, by_height);
    for (int i = 1; i < count; i++) l[i].y = fmax(l[i].y, l[i - 1].y + APART);
    for (int i = count; i-- > 0;) {
        l[i].y = fmin(l[i].y, limit);
        limit = l[i].y - APART;
    }
}

static double width_of(const char *text)
{
    return LETTER * (double)strlen(text);
}

/* Labels in one column where each begins before one to its left has ended. */
static void spread(struct labels *l, const struct plot_frame *f)
{
    qsort(l->item, (size_t)l->count, sizeof *l->item, by_place);
    for (int from = 0, to; from < l->count; from = to) {
        double end = l->item[from].x + width_of(l->item[from].text);
        for (to = from + 1; to < l->count && l->item[to].x < end; to++)
            end = fmax(end, l->item[to].x + width_of(l->item[to].text));
        push_apart(l->item + from, to - from, f->bottom);
    }
}

/* ---- the name of the level: where it covers least ---- */

struct box {
    double left, right, top, bottom;
};

struct spot {
    double x, y;
};

static bool meets(const struct box *a, const struct box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Whether the line from a to b passes through the box. */
static bool passes(const struct box *box, const struct spot *a, const struct spot *b)
{
    const double from = fmax(box->left, fmin(a->x, b->x)), to = fmin(box->right, fmax(a->x, b->x));
    const double slope = b->x != a->x ? (b->y - a->y) / (b->x - a->x) : 0;
    double low = a->y + slope * (from - a->x), high = a->y + slope * (to - a->x);

    if (from > to) return false;
    if (b->x == a->x) low = a->y, high = b->y;
    return fmin(low, high) < box->bottom && fmax(low, high) > box->top;
}

static int count_passes(const struct plot_frame *f, const struct plot_series *s, const struct box *box)
{
    struct spot last = { 0 };
    bool joined = false;
    int count = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        const bool there = plot_shown(f->p, q);
        const struct spot at = { there ? plot_at(&f->x, q->x) : 0, there ? plot_at(&f->y, q->y) : 0 };
        if (there) count += passes(box, joined ? &last : &at, &at);
        joined = there && s->parts & PLOT_LINE;
        last = at;
    }
    return count;
}

static int count_covered(const struct plot_frame *f, const struct labels *l, const struct box *box)
{
    int count = 0;

    for (size_t i = 0; i < f->p->series_count; i++) count += count_passes(f, &f->p->series[i], box);
    for (int i = 0; i < l->count; i++) {
        const struct label *a = &l->item[i];
        const struct box b = { a->x, a->x + width_of(a->text), a->y - APART / 2.0, a->y + APART / 2.0 };
        count += meets(box, &b);
    }
    return count;
}

/* The name at place i, from left to right above the line and below it by turns; y: of its baseline. */
static struct box place_of(const struct plot_frame *f, int i, double *y)
{
    const struct plot_level *l = &f->p->level;
    const double width = width_of(l->label), step = (f->right - f->left - width - 6) / (PLACES - 1);
    const double left = f->left + 3 + step * (double)(i / 2);

    *y = plot_at(&f->y, l->y) + (i % 2 ? 10 : -3);
    return (struct box){ left - CLEAR, left + width + CLEAR, *y - 7 - CLEAR, *y + CLEAR };
}

/* Not beyond the frame, where other words are. */
static void draw_level(const struct plot_frame *f, const struct labels *labels)
{
    const struct plot_level *l = &f->p->level;
    double x = f->left + 3, y = plot_at(&f->y, l->y) - 3;
    int least = -1;

    for (int i = 0; i < 2 * PLACES && least; i++) {
        double at;
        const struct box box = place_of(f, i, &at);
        const int covered = count_covered(f, labels, &box);
        if (at - 7 < f->top || at > f->bottom || (least >= 0 && covered >= least)) continue;
        least = covered, x = box.left + CLEAR, y = at;
    }
    markup_put(f->out, "<text class=\"tiny\" x=\"%.1f\" y=\"%.1f\">%s</text>", x, y, l->label);
}

bool plot_reached(const struct plot_frame *f)
{
    const struct plot_level *l = &f->p->level;

    return l->label && l->y >= f->y.low && l->y <= f->y.high;
}

/* ---- all of them ---- */

void plot_draw_words(const struct plot_frame *f)
{
    struct labels labels = { .count = 0 };

    find_labels(&labels, f);
    spread(&labels, f);
    if (plot_reached(f)) draw_level(f, &labels);
    for (int i = 0; i < labels.count; i++)
        markup_put(f->out, "<text class=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>", labels.item[i].x,
                   labels.item[i].y + 3.5, labels.item[i].text);
}
