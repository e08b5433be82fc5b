/* plot.h - figures as data, drawn as SVG by one function.
 *
 *     struct plot p = { .title = "depth 6", .x = { .label = "learning rate", .scale = PLOT_LOG }, ... };
 *     int s = plot_series(&p, (struct plot_series){ .name = "pre", .style = 0, .parts = PLOT_LINE });
 *     plot_point(&p, s, (struct plot_point){ .x = 1e-3, .y = 61.2, .low = NAN, .high = NAN });
 *     plot_svg(out, &p, "fig1");
 *     plot_free(&p);
 *
 * Colours are classes that a style sheet defines (plot_styles), so that one drawing serves light and dark.
 * Every style has a colour, a dash pattern and a marker of its own: colour is never the only sign.
 * Numbers that are not finite are gaps. */
#ifndef TOOLS_PLOT_H
#define TOOLS_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum plot_scale { PLOT_LINEAR, PLOT_LOG };

struct plot_axis {
    const char *label; /* with its unit; that it is logarithmic is added */
    enum plot_scale scale;
    double low, high; /* at least this span; equal: what the data spans */
    double most;      /* what is larger is cut off and does not widen the span; 0: nothing is */
    bool whole;       /* ticks at whole numbers only */
    bool at_points;   /* of x: ticks at the values there are, when they are few */
};

enum { PLOT_TITLE = 120 };

struct plot_point {
    double x, y;
    double low, high;       /* of the band or whisker; NAN: none */
    char title[PLOT_TITLE]; /* shown when a pointer rests on it; "": none */
};

enum plot_part {
    PLOT_LINE = 1,
    PLOT_MARKS = 2,  /* a marker at every point */
    PLOT_DOTS = 4,   /* a small hollow one instead */
    PLOT_BAND = 8,   /* between low and high, shaded */
    PLOT_SPAN = 16,  /* the same as a whisker at each point */
    PLOT_FAINT = 32, /* thin: not what the figure is about */
    PLOT_STOPS = 64, /* a cross where it ends: the run was lost */
};

struct plot_series {
    const char *name; /* for the description */
    int style;
    unsigned parts;
    char label[24]; /* at the right end; "": none */
    struct plot_point *points;
    size_t count;
};

/* A horizontal line with a name: chance, a threshold. Not drawn where the data does not reach it. */
struct plot_level {
    double y;
    const char *label;
};

/* A marker at x in a lane, with a bar from low to high when they are numbers. */
struct plot_item {
    double x, low, high;
    int style;
    bool lost;     /* the marker is hollow and crossed out */
    bool open;     /* it is hollow */
    char text[24]; /* beside it: "2/3" */
    char title[PLOT_TITLE];
};

/* A strip above or below the plot that shares its x axis. */
struct plot_lane {
    const char *label;
    bool above;
    struct plot_item *items;
    size_t count;
};

struct plot {
    const char *title; /* for those who hear the page */
    const char *above; /* names the strips above */
    struct plot_axis x, y;
    struct plot_level level; /* label NULL: none */
    struct plot_series *series;
    size_t series_count;
    struct plot_lane *lanes;
    size_t lane_count;
    bool failed; /* memory ran out while it was built */
};

/* Add a series (without points), a point, a lane (without items), an item. They return the index of what was
 * added. When memory runs out p->failed is set and nothing is added. */
int plot_series(struct plot *p, struct plot_series s);
void plot_point(struct plot *p, int series, struct plot_point point);
int plot_lane(struct plot *p, const char *label, bool above);
void plot_item(struct plot *p, int lane, struct plot_item item);
void plot_free(struct plot *p);

/* Whether there is a finite point or an item: a plot without is not worth drawing. */
bool plot_has_data(const struct plot *p);

/* Give plots one scale of y, and of x if wanted, so that they can be compared. */
void plot_share(struct plot *plots, size_t count, bool share_x);

enum { PLOT_WIDTH = 360 }; /* of a drawing, in the units that a page shows about one pixel large */
int plot_height(const struct plot *p);

/* The drawing as an element svg as wide as what it stands in; id: of the page's ids, a word. */
void plot_svg(FILE *out, const struct plot *p, const char *id);
/* The same as a group of a larger drawing, with its upper left corner at a place. */
void plot_group(FILE *out, const struct plot *p, const char *id, int x, int y);

/* An entry of a legend: line and marker of a style, or the sign of lost runs in the colour of text. */
struct plot_key {
    int style;
    unsigned parts;
    bool lost;
};
enum { PLOT_KEY_TALL = 14 };
int plot_key_width(const struct plot_key *k);
void plot_key_svg(FILE *out, const struct plot_key *k);
void plot_draw_key(FILE *out, const struct plot_key *k); /* within a drawing, at its origin */

/* Rules of a style sheet for all of it: colours, widths, sizes of text; light, and dark where that is
 * preferred and the page is not printed. Of a page: it may use the colours ground, ink, soft, rule, axis and
 * lane too, as variables. */
void plot_styles(FILE *out);
/* Of a drawing that is a file: for programs too that know nothing of variables. */
void plot_styles_alone(FILE *out);

/* ---- scales (plot_scale.c) ---- */

/* From values to a coordinate. */
struct plot_map {
    enum plot_scale scale;
    double low, high; /* of values, low < high; above 0 when log */
    double at_low, at_high;
};
double plot_at(const struct plot_map *m, double value);

enum { PLOT_MAX_TICKS = 12 };
struct plot_ticks {
    int count;
    double value[PLOT_MAX_TICKS];
    int digits; /* behind the point, linear scale */
};
/* At most most (2 to PLOT_MAX_TICKS) round numbers within [low, high]: multiples of 1, 2, 2.5 or 5 times a
 * power of ten; on a log scale decades, with 2 and 5 or 3 between where there is room, or as on a linear one
 * where the span has hardly any. */
struct plot_ticks plot_ticks(enum plot_scale scale, double low, double high, int most, bool whole);
/* "0.25", "1e-4", "300" */
const char *plot_tick_text(char *text, size_t size, enum plot_scale scale, const struct plot_ticks *t,
                           double value);
/* Widen to round numbers (linear) or by a few per cent (log); a span of nothing becomes one. Then there is
 * room for two ticks, if most is 5 or more. */
void plot_widen(enum plot_scale scale, double *low, double *high, int most, bool whole);

#endif
