/* plot_parts.h - what plot*.c share: how a style looks, and where things stand in one plot. */
#ifndef TOOLS_PLOT_PARTS_H
#define TOOLS_PLOT_PARTS_H

#include "tools/plot.h"

struct plot_style {
    const char *dash;  /* stroke-dasharray; "": whole */
    const char *shape; /* path of the marker, relative to its centre */
    int colour;        /* class "kN" */
};
/* Styles begin anew after the last one. */
const struct plot_style *plot_style(int i);

/* Marker of a style at a place; classes: of the style sheet. Left open for a title: plot_end_mark. */
void plot_mark(FILE *out, const char *classes, int style, double x, double y);
void plot_end_mark(FILE *out, const char *title);
/* Two strokes across the marker. */
void plot_cross(FILE *out, const char *classes, int style, double x, double y);

/* ---- plot_frame.c ---- */

enum {
    PLOT_TALL = 176, /* of the plot itself */
    PLOT_LANE = 17,  /* of a strip */
    PLOT_HEAD = 17,  /* for a label above */
    PLOT_FOOT = 36,  /* ticks and label of x */
    PLOT_NAME = 14,  /* letters of a lane's name that are shown */
};

/* A plot under way. Lengths are in the units of PLOT_WIDTH. */
struct plot_frame {
    FILE *out;
    const struct plot *p;
    const char *id;
    struct plot_map x, y;
    struct plot_ticks x_ticks, y_ticks;
    double left, right, top, bottom; /* of the plot itself */
    double above, name;              /* where strips above begin; baseline of the name of y */
    int height;
};

/* Axes, ticks and places of a plot. */
struct plot_frame plot_frame_of(FILE *out, const struct plot *p, const char *id);
/* Whether a point can be drawn; whether its band can. */
bool plot_shown(const struct plot *p, const struct plot_point *q);
bool plot_spanned(const struct plot *p, const struct plot_point *q);
bool plot_usable(enum plot_scale scale, double v);

/* ---- plot_series.c ---- */

/* Bands below lines below markers. */
void plot_draw_series(const struct plot_frame *f);
/* NULL: no point of s is. */
const struct plot_point *plot_last_shown(const struct plot *p, const struct plot_series *s);

/* ---- plot_words.c ---- */

/* The labels of series at their ends and the name of the level, none of them on another, and names where no
 * series is. */
void plot_draw_words(const struct plot_frame *f);
bool plot_reached(const struct plot_frame *f); /* whether the level is drawn */

#endif
