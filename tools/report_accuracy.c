/* The table "accuracy": what training runs with several seeds reached, each of them. */
#include <math.h>
#include <stdlib.h>

#include "tools/memory.h"
#include "tools/report_tables.h"
#include "vit/stats.h"

/* ---- the runs ---- */

static bool any_setting(const struct report *r)
{
    return r->match_count > 1;
}

static void put_runs(struct table *t, const double *value, size_t n)
{
    struct memory list;

    memory_open(&list);
    for (size_t i = 0; i < n && list.out; i++) fprintf(list.out, "%s%.2f", i ? ", " : "", 100 * value[i]);
    if (!n && list.out) fputs("–", list.out);
    t->failed |= !memory_close(&list);
    table_cell(t, "%s", t->failed ? "" : list.bytes);
    free(list.bytes);
}

static void add_rate(struct table *t, const struct report *r, const struct report_arm *a,
                     const struct report_rate *rate, const double *value, size_t n)
{
    const struct report_condition *c = &r->conditions[a->condition];
    char lr[32], warmup[48], lost[64];

    if (any_setting(r)) table_cell(t, "%s", r->matches[c->match].label);
    table_cell(t, "%s", r->norms[a->norm]);
    table_cell(t, "%s", report_rate_text(lr, sizeof lr, rate->lr));
    table_cell(t, "%s", report_warmup_text(warmup, sizeof warmup, c->warmup));
    table_cell(t, "%s", report_lost_text(lost, sizeof lost, rate->ended, rate->runs));
    if (n > 1)
        table_cell(t, "%.2f ± %.2f", 100 * vit_mean(value, (int)n),
                   100 * vit_standard_deviation(value, (int)n));
    else
        table_cell(t, "–");
    put_runs(t, value, n);
}

/* n: its runs with a value. Several, or fewer because others of several were lost. */
static bool was_repeated(const struct report_rate *rate, size_t n)
{
    return n > 1 || (report_lost(rate->ended) && report_ended(rate->ended, rate->runs) > 1);
}

/* A row for each rate that a placement of a match was run at with several seeds; whether there are any. value
 * has room for the runs. */
static bool add_placement(struct table *t, const struct report *r, int match, size_t norm, double *value)
{
    bool any = false;

    for (int c = r->matches[match].condition; c >= 0; c = r->conditions[c].next) {
        const struct report_arm *a = report_arm(r, c, norm);
        for (int k = 0; a && k < a->rate_count; k++) {
            const size_t n = report_values(r, a, a->rates[k].lr, report_shown(r), value);
            if (!was_repeated(&a->rates[k], n)) continue;
            add_rate(t, r, a, &a->rates[k], value, n);
            any = true;
        }
    }
    return any;
}

enum vit_status report_tabulate_accuracy(struct table *t, const struct report *r, struct vit_error *err)
{
    double *value = calloc(r->cell_count + 1, sizeof *value);
    bool any = false;

    if (!value) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    if (any_setting(r)) table_column(t, TABLE_LEFT, "setting");
    table_column(t, TABLE_LEFT, "placement");
    table_column(t, TABLE_RIGHT, "rate");
    table_column(t, TABLE_LEFT, "warm-up");
    table_column(t, TABLE_RIGHT, "lost runs");
    table_column(t, TABLE_RIGHT, "%s top-1 (%%)", report_tested(r) ? "test" : "validation");
    table_column(t, TABLE_LEFT, "each run");
    for (int match = 0; match < (int)r->match_count; match++)
        for (size_t norm = 0; norm < r->norm_count; norm++) any |= add_placement(t, r, match, norm, value);
    free(value);
    if (any) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG,
                    "table accuracy: expected several runs (seeds) of a placement at one rate, found none");
}

/* ---- what its reader must know ---- */

static bool any_lost(const struct report *r)
{
    for (size_t i = 0; i < r->arm_count; i++)
        if (report_lost(r->arms[i].ended)) return true;
    return false;
}

/* Whether the table has a mean that the run is in. */
static bool is_shown(const struct report *r, const struct report_cell *c)
{
    const struct report_arm *a = &r->arms[c->arm];

    for (int k = 0; k < a->rate_count; k++)
        if (report_same_rate(a->rates[k].lr, c->lr))
            return c->end == REPORT_DONE && isfinite(report_shown(r)(c)) &&
                   a->rates[k].ended[REPORT_DONE] > 1;
    return false;
}

static void put_pictures(FILE *out, const struct report *r)
{
    struct report_span pictures = { 0 };

    for (size_t i = 0; i < r->cell_count; i++)
        if (is_shown(r, &r->cells[i]))
            report_widen(&pictures, report_tested(r) ? r->cells[i].test_n : r->cells[i].val_n);
    if (!pictures.high) return;
    fputs(", on ", out);
    report_put_pictures(out, &pictures);
}

void report_note_accuracy(FILE *out, const struct report *r)
{
    fputs("Mean ± standard deviation of training runs that differ by their seed alone", out);
    put_pictures(out, r);
    fputs(".", out);
    report_note_differences(out, r);
    if (any_lost(r)) {
        fputs(" Lost runs (dead, diverged or not learnt) are in no mean and no test, which flatters a "
              "placement that lost any.",
              out);
        report_put_passed(out, r);
        report_put_lost(out, r);
    }
    if (report_count_sources(r, REPORT_COMPARE))
        fputs(" Runs and pictures: the bootstrap of vit compare, which draws both anew, where it was "
              "given these runs; of so few runs it is too narrow.",
              out);
}
