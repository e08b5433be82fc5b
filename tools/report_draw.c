/* A figure with its data: its panels in their places, on their scales, and its legend. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "tools/report_figures.h"

/* ---- panels ---- */

/* Whether no block before i has the same group (and depth). */
static bool is_first(const struct report *r, size_t i, bool depth)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(r->blocks[k].group, r->blocks[i].group) == 0 &&
            (!depth || r->blocks[k].depth == r->blocks[i].depth))
            return false;
    return true;
}

static void condition_panel(struct report_panel *p, const struct report *r, int index)
{
    const struct report_condition *c = &r->conditions[index];

    p->depth = c->depth;
    p->heading = c->more;
    p->row = c->brief + strcspn(c->brief, ","); /* all but the depth, which stands first */
    snprintf(p->label, sizeof p->label, "%s", c->brief);
}

static void block_panel(struct report_panel *p, const struct report_block *b, bool depth)
{
    p->group = p->row = b->group;
    p->depth = depth ? b->depth : 0;
    if (depth)
        snprintf(p->label, sizeof p->label, "depth %d, %s", p->depth, p->group);
    else
        snprintf(p->label, sizeof p->label, "%s", p->group);
}

/* Panel number index of the figure; false: there are not so many. */
static bool find_panel(struct report_panel *p, const struct report *r, const struct report_figure *f,
                       int index)
{
    const bool depth = f->panels == REPORT_BY_DEPTH;

    *p = (struct report_panel){ .condition = index, .label = "", .heading = "" };
    if (f->panels == REPORT_BY_CONDITION) {
        if (index < (int)r->condition_count) condition_panel(p, r, index);
        return index < (int)r->condition_count;
    }
    for (size_t i = 0; i < r->block_count; i++) {
        if (!is_first(r, i, depth) || index--) continue;
        block_panel(p, &r->blocks[i], depth);
        return true;
    }
    return false;
}

/* ---- chance ---- */

/* A line at chance, and for losses a limit above it: one run that explodes would flatten all others. */
static void add_reference(struct plot *p, const struct report *r, const struct report_figure *f)
{
    const int classes = report_classes(r, -1);

    if (!classes || f->reference == REPORT_NO_REFERENCE) return;
    p->level.label = "chance";
    p->level.y = f->reference == REPORT_CHANCE_LOSS ? log(classes) : 100.0 / classes;
    if (f->reference == REPORT_CHANCE_LOSS) p->y.most = 1.5 * p->level.y;
}

/* ---- places and scales ---- */

static bool same_heading(const struct report_panel *a, const struct report_panel *b)
{
    return strcmp(a->heading, b->heading) == 0;
}

static bool same_row(const struct report_panel *a, const struct report_panel *b)
{
    return same_heading(a, b) && (!a->columns || strcmp(a->row, b->row) == 0);
}

size_t report_row_end(const struct report_drawing *d, size_t from)
{
    size_t to = from + 1;

    while (to < d->count && same_row(&d->panel[from], &d->panel[to])) to++;
    return to;
}

bool report_row_shown(const struct report_drawing *d, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (plot_has_data(&d->plot[i])) return true;
    return false;
}

const char *report_heading(const struct report_drawing *d, size_t i)
{
    const char *text = d->panel[i].heading;

    if (same_heading(&d->panel[0], &d->panel[d->count - 1])) return NULL; /* they are sorted */
    if (i && same_heading(&d->panel[i - 1], &d->panel[i])) return NULL;
    return *text ? text : "other settings are not said";
}

/* Different depths among the panels from..to - 1; below: only those smaller than that. */
static int count_depths(const struct report_panel *panel, size_t from, size_t to, int below)
{
    int count = 0;

    for (size_t i = from; i < to; i++) {
        bool seen = panel[i].depth >= below;
        for (size_t k = from; k < i && !seen; k++) seen = panel[k].depth == panel[i].depth;
        count += !seen;
    }
    return count;
}

/* The panels from..to - 1 stand under one heading. */
static void place_group(struct report_drawing *d, size_t from, size_t to)
{
    const int depths = count_depths(d->panel, from, to, INT_MAX);

    for (size_t i = from; i < to && depths > 1; i++) {
        d->panel[i].columns = depths;
        d->panel[i].column = count_depths(d->panel, from, to, d->panel[i].depth);
    }
    plot_share(d->plot + from, to - from, d->figure->panels == REPORT_BY_CONDITION);
}

static void place(struct report_drawing *d)
{
    for (size_t from = 0, to; from < d->count; from = to) {
        for (to = from + 1; to < d->count && same_heading(&d->panel[from], &d->panel[to]);) to++;
        place_group(d, from, to);
    }
}

static void fill(struct report_drawing *d, const struct report *r, const struct report_figure *f)
{
    struct report_panel panel;

    while (!d->failed && find_panel(&panel, r, f, (int)d->count)) {
        struct plot plot = { .title = f->title, .x = f->x, .y = f->y, .above = f->above };
        d->failed = report_grow((void **)&d->panel, d->count, sizeof panel, NULL) ||
                    report_grow((void **)&d->plot, d->count, sizeof plot, NULL);
        if (d->failed) return;
        add_reference(&plot, r, f);
        f->fill(&plot, r, f, &panel);
        d->panel[d->count] = panel;
        d->plot[d->count++] = plot;
        d->any |= plot_has_data(&plot);
        d->failed = plot.failed;
    }
}

/* ---- the legend ---- */

/* What the series of the style are drawn with; 0: there are none. */
static unsigned series_parts(const struct plot *p, int style)
{
    unsigned parts = 0;

    for (size_t i = 0; i < p->series_count; i++)
        if (p->series[i].style == style && p->series[i].count) parts |= p->series[i].parts;
    return parts;
}

/* Whether a strip has a marker of the style, of a lost run when lost. */
static bool item_shown(const struct plot *p, int style, bool lost)
{
    for (size_t i = 0; i < p->lane_count; i++)
        for (size_t k = 0; k < p->lanes[i].count; k++)
            if (lost ? p->lanes[i].items[k].lost : p->lanes[i].items[k].style == style) return true;
    return false;
}

static void find_legend(struct report_drawing *d, const struct report *r)
{
    bool lost = false;

    d->legend = calloc(r->norm_count + 1, sizeof *d->legend);
    d->failed |= !d->legend;
    for (size_t n = 0; n < r->norm_count && !d->failed; n++) {
        unsigned parts = 0;
        for (size_t i = 0; i < d->count; i++) {
            parts |= series_parts(&d->plot[i], r->styles[n]);
            if (item_shown(&d->plot[i], r->styles[n], false)) parts |= PLOT_LINE | PLOT_MARKS;
        }
        parts &= PLOT_LINE | PLOT_MARKS;
        if (!parts) continue;
        d->legend[d->legend_count].key = (struct plot_key){ .style = r->styles[n], .parts = parts };
        d->legend[d->legend_count++].name = r->norms[n];
    }
    for (size_t i = 0; i < d->count; i++) lost |= item_shown(&d->plot[i], 0, true);
    if (d->failed || !lost) return;
    d->legend[d->legend_count].key = (struct plot_key){ .lost = true };
    d->legend[d->legend_count++].name = "lost, in the marker of its arm";
}

/* ---- all of it ---- */

void report_draw(struct report_drawing *d, const struct report *r, const struct report_figure *f)
{
    *d = (struct report_drawing){ .figure = f };
    fill(d, r, f);
    if (d->failed) return;
    place(d);
    find_legend(d, r);
}

void report_drawing_free(struct report_drawing *d)
{
    for (size_t i = 0; i < d->count; i++) plot_free(&d->plot[i]);
    free(d->plot);
    free(d->panel);
    free(d->legend);
    *d = (struct report_drawing){ 0 };
}
