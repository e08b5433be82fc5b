/* plot_parts.h - what plot*.c share: how a style looks. */
#ifndef TOOLS_PLOT_PARTS_H
#define TOOLS_PLOT_PARTS_H

#include "tools/plot.h"

struct plot_style {
    const char *dash;         /* stroke-dasharray; "": whole */
    const char *shape;        /* path of the marker, relative to its centre */
    const char *light, *dark; /* colours */
    int colour;               /* class "kN" */
};
/* Styles begin anew after the last one. */
const struct plot_style *plot_style(int i);

/* Marker of a style at a place; classes: of the style sheet. Left open for a title: plot_end_mark. */
void plot_mark(FILE *out, const char *classes, int style, double x, double y);
void plot_end_mark(FILE *out, const char *title);
/* Two strokes across the marker. */
void plot_cross(FILE *out, const char *classes, int style, double x, double y);

#endif
