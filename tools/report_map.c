/* The table "map": what every placement reached at every rate under every condition. */
#include <math.h>
#include <stdlib.h>

#include "tools/report_tables.h"
#include "vit/text.h"

/* ---- its columns ---- */

static bool any_more(const struct report *r)
{
    for (size_t i = 0; i < r->condition_count; i++)
        if (*r->conditions[i].more) return true;
    return false;
}

/* All rates that were tried, ascending, into rates (cells). */
static size_t find_rates(const struct report *r, double *rates)
{
    size_t all = 0, count = 0;

    for (size_t i = 0; i < r->cell_count; i++) rates[all++] = r->cells[i].lr;
    qsort(rates, all, sizeof *rates, report_by_number);
    for (size_t i = 0; i < all; i++)
        if (!count || !report_same_rate(rates[count - 1], rates[i])) rates[count++] = rates[i];
    return count;
}

/* ---- its cells ---- */

static const struct report_rate *find_rate(const struct report_arm *a, double lr)
{
    for (int i = 0; i < a->rate_count; i++)
        if (report_same_rate(a->rates[i].lr, lr)) return &a->rates[i];
    return NULL;
}

/* "41.1", "dead", "41.1, dead 1 of 5". */
static void add_rate(struct table *t, const struct report_rate *rate)
{
    char text[160] = "";

    if (rate && isfinite(rate->mean)) snprintf(text, sizeof text, "%.1f", 100 * rate->mean);
    for (int e = REPORT_DEAD; e < REPORT_ENDS && rate; e++) {
        if (!rate->ended[e]) continue;
        vit_list_add(text, sizeof text, ", ", report_end_name((enum report_end)e));
        if (rate->runs > 1)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %d of %d", rate->ended[e],
                     rate->runs);
    }
    table_cell(t, "%s", *text ? text : "–");
}

static void add_arm(struct table *t, const struct report *r, const struct report_arm *a)
{
    const struct report_condition *c = &r->conditions[a->condition];
    char depth[16], warmup[48];

    table_cell(t, "%s", c->init);
    table_cell(t, "%s", report_depth_text(depth, sizeof depth, c->depth));
    table_cell(t, "%s", report_warmup_text(warmup, sizeof warmup, c->warmup));
    if (any_more(r)) table_cell(t, "%s", c->more);
    table_cell(t, "%s", r->norms[a->norm]);
}

enum vit_status report_tabulate_map(struct table *t, const struct report *r, struct vit_error *err)
{
    double *rates = calloc(r->cell_count + 1, sizeof *rates);
    const size_t count = rates ? find_rates(r, rates) : 0;
    char lr[32];

    if (!rates) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    table_column(t, TABLE_LEFT, "init");
    table_column(t, TABLE_RIGHT, "depth");
    table_column(t, TABLE_LEFT, "warm-up");
    if (any_more(r)) table_column(t, TABLE_LEFT, "other settings");
    table_column(t, TABLE_LEFT, "placement");
    for (size_t i = 0; i < count; i++)
        table_column(t, TABLE_RIGHT, "%s", report_rate_text(lr, sizeof lr, rates[i]));
    for (size_t i = 0; i < r->arm_count; i++) {
        add_arm(t, r, &r->arms[i]);
        for (size_t k = 0; k < count; k++) add_rate(t, find_rate(&r->arms[i], rates[k]));
    }
    free(rates);
    return r->arm_count ? VIT_OK : vit_fail(err, VIT_ERR_ARG, "table map: the inputs have no training runs");
}

/* ---- what its reader must know ---- */

void report_note_map(FILE *out, const struct report *r)
{
    struct report_span pictures;
    const double half = report_precision(r, &pictures);

    fputs("Validation top-1 (%) by learning rate, the mean over seeds where there are several.", out);
    if (pictures.high) {
        fputs(" It is of ", out);
        report_put_pictures(out, &pictures);
        fprintf(out,
                ": by their choice alone that of one run is known to ± %.1f points (95 %%) or better; "
                "another seed may differ by more.",
                100 * half);
    }
    report_put_lost(out, r);
}
