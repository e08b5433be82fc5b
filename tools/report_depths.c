/* Rows of the tables "summary" and "brief" that take the depths of a recipe together: how many runs were
 * lost, and whether more often than those of the first placement. */
#include <stdlib.h>

#include "tools/report_tables.h"

static bool same_recipe(const struct report *r, size_t a, size_t b)
{
    return report_same_recipe(&r->conditions[r->matches[a].condition],
                              &r->conditions[r->matches[b].condition]);
}

/* Whether the match is the first of its recipe. */
static bool opens_recipe(const struct report *r, size_t match)
{
    for (size_t m = 0; m < match; m++)
        if (same_recipe(r, match, m)) return false;
    return true;
}

static bool has_depths(const struct report *r, size_t match)
{
    size_t alike = 0;

    for (size_t m = 0; m < r->match_count; m++) alike += same_recipe(r, match, m);
    return alike > 1;
}

/* "all depths, xavier, epochs 1"; where it has one depth, the match's own name. */
static void add_recipe(struct table *t, const struct report *r, size_t match)
{
    const struct report_condition *c = &r->conditions[r->matches[match].condition];

    if (has_depths(r, match))
        table_cell(t, "all depths, %s%s%s", c->init, *c->more ? ", " : "", c->more);
    else
        table_cell(t, "%s", r->matches[match].label);
}

static void put_lost(struct table *t, const struct report *r, size_t match, size_t norm)
{
    int ended[REPORT_ENDS] = { 0 }, runs = 0;
    char text[64];

    for (size_t m = match; m < r->match_count; m++) {
        if (!same_recipe(r, match, m)) continue;
        const struct report_tally tally = report_tally(r, (int)m, norm);
        runs += tally.runs;
        for (int e = 0; e < REPORT_ENDS; e++) ended[e] += tally.ended[e];
    }
    table_cell(t, "%s", runs ? report_lost_text(text, sizeof text, ended, runs) : "–");
}

void report_add_lost(struct table *t, const struct report *r)
{
    for (size_t m = 0; m < r->match_count; m++) {
        if (!opens_recipe(r, m) || !has_depths(r, m)) continue;
        table_cell(t, "%s", "");
        add_recipe(t, r, m);
        for (size_t n = 0; n < r->norm_count; n++) put_lost(t, r, m, n);
    }
}

/* The losses of a recipe, a placement an item; false: none to tell apart. */
static bool find_losses(struct report_losses *l, const struct report *r, size_t match)
{
    bool any = false;

    for (size_t n = 1; n < r->norm_count; n++) {
        report_losses(&l[n], r, &r->conditions[r->matches[match].condition], n);
        any |= l[n].any;
    }
    return any;
}

void report_add_lost_p(struct table *t, const struct report *r)
{
    struct report_losses *l = calloc(r->norm_count + 1, sizeof *l);
    bool named = false;

    t->failed |= !l;
    for (size_t m = 0; m < r->match_count && l; m++) {
        if (!opens_recipe(r, m) || !find_losses(l, r, m)) continue;
        table_cell(t, "%s%s", named ? "" : "lost runs, p (Fisher / paired) against ",
                   named ? "" : r->norms[0]);
        named = true;
        add_recipe(t, r, m);
        table_cell(t, "–");
        for (size_t n = 1; n < r->norm_count; n++)
            if (l[n].any)
                table_cell(t, "%.2g / %.2g", l[n].p, l[n].paired);
            else
                table_cell(t, "–");
    }
    free(l);
}
