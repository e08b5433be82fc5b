/* report_figures.h - the figures: rows of a table, what fills their plots, and what is shown of one. */
#ifndef TOOLS_REPORT_FIGURES_H
#define TOOLS_REPORT_FIGURES_H

#include "tools/plot.h"
#include "tools/report_parts.h"

enum report_section { REPORT_RATES, REPORT_CURVES, REPORT_PROBES };
enum report_panels {
    REPORT_BY_CONDITION, /* of the runs */
    REPORT_BY_DEPTH,     /* group and depth of the probe's rows */
    REPORT_BY_GROUP,     /* group of them */
};
enum report_reference { REPORT_NO_REFERENCE, REPORT_CHANCE_TOP1, REPORT_CHANCE_LOSS };

/* Panels under one heading share their scales, and stand in rows whose columns are the depths. */
struct report_panel {
    int condition;     /* by condition */
    const char *group; /* of probe's rows */
    int depth;
    const char
        *heading;    /* what the panels of one heading have in common and others have not; "": all the same */
    const char *row; /* equal for the panels of a row */
    char label[REPORT_LABEL];
    int column, columns; /* its place in its row, and of how many; columns 0: one after the other */
};

struct report_figure;
typedef void report_fill(struct plot *p, const struct report *r, const struct report_figure *f,
                         const struct report_panel *panel);

struct report_figure {
    enum report_section section;
    const char *id, *title, *caption;
    struct plot_axis x, y;
    const char *above; /* names the strips above */
    enum report_panels panels;
    report_fill *fill;
    size_t value;  /* offset of the double that is shown, in a report_epoch or report_block */
    double factor; /* it is multiplied with that; 0: with 1 */
    enum report_reference reference;
};

report_fill report_fill_rates, report_fill_plateau, report_fill_tuning, report_fill_curves,
    report_fill_blocks, report_fill_depths;

/* Row i of the table of figures, NULL behind the last; by its id, NULL: there is none. */
const struct report_figure *report_figure_at(size_t i);
const struct report_figure *report_find_figure(const char *id);

/* ---- report_draw.c ---- */

/* What a line and marker stand for, or the sign of lost runs. */
struct report_legend {
    struct plot_key key;
    const char *name;
};

/* A figure with its data: what the page and a file show of it. */
struct report_drawing {
    const struct report_figure *figure;
    struct report_panel *panel;
    struct plot *plot;
    size_t count; /* of both; plots without data are among them */
    struct report_legend *legend;
    size_t legend_count;
    bool any, failed; /* there is something to show; memory ran out */
};
void report_draw(struct report_drawing *d, const struct report *r, const struct report_figure *f);
void report_drawing_free(struct report_drawing *d);
/* The panels from, ... in one row with it: the index behind them. Whether any of from..to - 1 has data. */
size_t report_row_end(const struct report_drawing *d, size_t from);
bool report_row_shown(const struct report_drawing *d, size_t from, size_t to);
/* The heading above panel i: NULL where the panel before stands under it too, or there is but one. */
const char *report_heading(const struct report_drawing *d, size_t i);

/* The figures of a section that have data, numbered from number on; returns the number after them, or -1:
 * memory ran out. */
int report_put_figures(FILE *out, const struct report *r, enum report_section section, int number);

#endif
