/* What the axes of a plot cover, and where everything stands. */
#include <math.h>
#include <string.h>

#include "tools/plot_parts.h"

enum {
    INSET = 9,  /* from the frame to the first and last value */
    LETTER = 7, /* about the width of a letter of 12 px */
    X_TICKS = 7,
    Y_TICKS = 6,
};

/* Beyond these bounds the arithmetic of scales overflows, and nothing worth drawing is there. */
bool plot_usable(enum plot_scale scale, double v)
{
    return fabs(v) < 1e30 && (scale == PLOT_LINEAR || v > 1e-30); /* false for NAN */
}

bool plot_shown(const struct plot *p, const struct plot_point *q)
{
    return plot_usable(p->x.scale, q->x) && plot_usable(p->y.scale, q->y);
}

bool plot_spanned(const struct plot *p, const struct plot_point *q)
{
    return plot_usable(p->y.scale, q->low) && plot_usable(p->y.scale, q->high);
}

/* ---- what the axes cover ---- */

struct span {
    double low, high; /* low > high: of nothing yet */
};

static void cover(struct span *s, const struct plot_axis *a, double v)
{
    if (!plot_usable(a->scale, v) || (a->most > 0 && v > a->most)) return;
    s->low = fmin(s->low, v);
    s->high = fmax(s->high, v);
}

static void cover_series(struct span *x, struct span *y, const struct plot *p, const struct plot_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct plot_point *q = &s->points[i];
        if (!plot_shown(p, q)) continue;
        cover(x, &p->x, q->x);
        cover(y, &p->y, q->y);
        if (!(s->parts & (PLOT_BAND | PLOT_SPAN)) || !plot_spanned(p, q)) continue;
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

static void find_spans(const struct plot *p, struct span *x, struct span *y)
{
    *x = *y = (struct span){ INFINITY, -INFINITY };
    if (p->x.low != p->x.high) cover(x, &p->x, p->x.low), cover(x, &p->x, p->x.high);
    if (p->y.low != p->y.high) cover(y, &p->y, p->y.low), cover(y, &p->y, p->y.high);
    for (size_t i = 0; i < p->series_count; i++) cover_series(x, y, p, &p->series[i]);
    for (size_t i = 0; i < p->lane_count; i++) cover_lane(x, p, &p->lanes[i]);
}

static struct span both(struct span a, struct span b)
{
    return (struct span){ fmin(a.low, b.low), fmax(a.high, b.high) };
}

void plot_share(struct plot *plots, size_t count, bool share_x)
{
    struct span all_x = { INFINITY, -INFINITY }, all_y = all_x, x, y;

    for (size_t i = 0; i < count; i++) {
        find_spans(&plots[i], &x, &y);
        all_x = both(all_x, x), all_y = both(all_y, y);
    }
    for (size_t i = 0; i < count; i++) {
        if (all_y.low < all_y.high) plots[i].y.low = all_y.low, plots[i].y.high = all_y.high;
        if (share_x && all_x.low < all_x.high) plots[i].x.low = all_x.low, plots[i].x.high = all_x.high;
    }
}

/* The different values of x that are shown, ascending; more than PLOT_MAX_TICKS: none. */
static void add_value(struct plot_ticks *t, const struct plot *p, double x)
{
    int at = t->count;

    if (!plot_usable(p->x.scale, x) || t->count > PLOT_MAX_TICKS) return;
    while (at > 0 && t->value[at - 1] > x * (1 + 1e-6)) at--;
    if (at > 0 && fabs(t->value[at - 1] - x) <= 1e-6 * fabs(x)) return;
    t->count++;
    if (t->count > PLOT_MAX_TICKS) return;
    for (int i = t->count - 1; i > at; i--) t->value[i] = t->value[i - 1];
    t->value[at] = x;
}

/* One tick alone does not tell a scale: those of the plots that it is shared with, or of the frame. */
static void add_ends(struct plot_ticks *t, const struct plot *p, const struct plot_map *map)
{
    const bool shared = p->x.low < p->x.high;

    add_value(t, p, shared ? p->x.low : map->low);
    add_value(t, p, shared ? p->x.high : map->high);
}

static struct plot_ticks x_ticks(const struct plot *p, const struct plot_map *map)
{
    struct plot_ticks round = plot_ticks(p->x.scale, map->low, map->high, X_TICKS, p->x.whole);
    struct plot_ticks t = { .digits = round.digits };

    if (!p->x.at_points) return round;
    for (size_t i = 0; i < p->series_count; i++)
        for (size_t k = 0; k < p->series[i].count; k++) add_value(&t, p, p->series[i].points[k].x);
    for (size_t i = 0; i < p->lane_count; i++)
        for (size_t k = 0; k < p->lanes[i].count; k++) add_value(&t, p, p->lanes[i].items[k].x);
    if (t.count == 1) add_ends(&t, p, map);
    return t.count && t.count <= X_TICKS ? t : round;
}

static void find_axes(struct plot_frame *f)
{
    const struct plot *p = f->p;
    struct span x, y;

    find_spans(p, &x, &y);
    f->x = map_of(&p->x, x, X_TICKS, p->x.scale == PLOT_LOG);
    f->y = map_of(&p->y, y, Y_TICKS, true);
    f->x_ticks = x_ticks(p, &f->x);
    f->y_ticks = plot_ticks(p->y.scale, f->y.low, f->y.high, Y_TICKS, p->y.whole);
}

/* ---- where things stand ---- */

static int longer(int letters, const char *text)
{
    const int n = (int)strlen(text);

    return n > letters ? n : letters;
}

static int widest_left(const struct plot_frame *f)
{
    int letters = 2;
    char text[32];

    for (int i = 0; i < f->y_ticks.count; i++)
        letters = longer(letters,
                         plot_tick_text(text, sizeof text, f->p->y.scale, &f->y_ticks, f->y_ticks.value[i]));
    for (size_t i = 0; i < f->p->lane_count; i++) letters = longer(letters, f->p->lanes[i].label);
    return letters < PLOT_NAME ? letters : PLOT_NAME;
}

static int widest_end(const struct plot *p)
{
    int letters = 0;

    for (size_t i = 0; i < p->series_count; i++) letters = longer(letters, p->series[i].label);
    return letters;
}

static void find_places(struct plot_frame *f)
{
    int above = 0, below = 0;

    for (size_t i = 0; i < f->p->lane_count; i++) f->p->lanes[i].above ? above++ : below++;
    f->left = LETTER * widest_left(f) + 12;
    f->right = PLOT_WIDTH - 4 - LETTER * widest_end(f->p);
    f->above = PLOT_HEAD;
    f->name = PLOT_HEAD - 6 + (above ? PLOT_LANE * above + PLOT_HEAD + 4 : 0);
    f->top = f->name + 12;
    f->bottom = f->top + PLOT_TALL;
    f->height = (int)f->bottom + (below ? PLOT_LANE * below + 4 : 0) + PLOT_FOOT;
    f->x.at_low = f->left + INSET, f->x.at_high = f->right - INSET;
    f->y.at_low = f->bottom, f->y.at_high = f->top;
}

struct plot_frame plot_frame_of(FILE *out, const struct plot *p, const char *id)
{
    struct plot_frame f = { .out = out, .p = p, .id = id };

    find_axes(&f);
    find_places(&f);
    return f;
}

int plot_height(const struct plot *p)
{
    return plot_frame_of(NULL, p, "").height;
}
