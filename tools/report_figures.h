/* report_figures.h - the figures of the page: rows of a table, and what fills their plots. */
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

struct report_panel {
    int condition;     /* by condition */
    const char *group; /* of probe's rows */
    int depth;
    char label[REPORT_LABEL];
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
    bool lost; /* shows lost runs: the legend explains their sign */
};

report_fill report_fill_rates, report_fill_plateau, report_fill_tuning, report_fill_curves,
    report_fill_blocks, report_fill_depths;

/* The figures of a section that have data, numbered from number on; returns the number after them, or -1:
 * memory ran out. */
int report_put_figures(FILE *out, const struct report *r, enum report_section section, int number);

/* "3e-4", "0.25": as one would type it. */
const char *report_rate_text(char *text, size_t size, double lr);

#endif
