/* The table "accuracy": what training runs with several seeds reached, each of them, and how far the
 * placements are apart. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"
#include "tools/memory.h"
#include "tools/report_tables.h"

/* A placement in a match at its best rate and warm-up: its runs, in the order of the cells. */
struct side {
    const struct report_arm *arm; /* NULL: it has not several */
    double *value, *seed;         /* (count) */
    size_t count;
};

static report_value *value_of(const struct report *r)
{
    return report_tested(r) ? report_test_top1 : report_val_top1;
}

static double seed_of(const struct report_cell *c)
{
    return c->seed;
}

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
    table_cell(t, "%.2f ± %.2f", 100 * vit_mean(value, (int)n), 100 * vit_standard_deviation(value, (int)n));
    put_runs(t, value, n);
}

/* A row for each rate that a placement of a match was run at with several seeds; whether there are any. value
 * has room for the runs. */
static bool add_placement(struct table *t, const struct report *r, int match, size_t norm, double *value)
{
    bool any = false;

    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        if (r->conditions[a->condition].match != match || (size_t)a->norm != norm) continue;
        for (int k = 0; k < a->rate_count; k++) {
            const size_t n = report_values(r, a, a->rates[k].lr, value_of(r), value);
            if (n > 1) add_rate(t, r, a, &a->rates[k], value, n);
            any |= n > 1;
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

/* ---- the differences ---- */

static void free_sides(struct side *sides, size_t count)
{
    for (size_t n = 0; sides && n < count; n++) {
        free(sides[n].value);
        free(sides[n].seed);
    }
    free(sides);
}

/* False: no memory. */
static bool find_side(struct side *s, const struct report *r, int match, size_t norm)
{
    const struct report_tally t = report_tally(r, match, norm);
    double lr;

    *s = (struct side){ .value = calloc(r->cell_count + 1, sizeof *s->value),
                        .seed = calloc(r->cell_count + 1, sizeof *s->seed) };
    if (!s->value || !s->seed) return false;
    if (!t.best) return true;
    lr = t.best->rates[t.best->best].lr;
    s->count = report_values(r, t.best, lr, value_of(r), s->value);
    if (s->count != report_values(r, t.best, lr, seed_of, s->seed)) s->seed[0] = NAN; /* some have no value */
    if (s->count > 1) s->arm = t.best;
    return true;
}

/* The runs of b in the order of those of a, by seed, into out; false: they have not the same seeds. */
static bool pair_up(double *out, const struct side *a, const struct side *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        size_t found = 0, at = 0;
        for (size_t k = 0; k < b->count; k++)
            if (a->seed[i] == b->seed[k]) found++, at = k;
        if (found != 1) return false;
        out[i] = b->value[at];
    }
    return true;
}

/* Two placements of a match, later minus earlier. */
struct pair {
    int match;
    const struct report_arm *a, *b;
    struct vit_t_test welch, paired;
    int fewest; /* runs */
    double holm;
    double low, high; /* over runs and pictures, of a result of vit compare; NAN: there is none */
};

/* Whether an arm of a result of vit compare is these very runs, in whatever order. */
static bool is_arm(const json_t *arm, const struct side *s)
{
    const json_t *runs = json_object_get(arm, "runs"), *run;
    size_t i, k;

    if (json_array_size(runs) != s->count) return false;
    for (i = 0; i < s->count; i++) {
        int surplus = 0; /* of this value, there over here */
        json_array_foreach(runs, k, run)
        {
            const json_t *top1 = json_object_get(run, "top1");
            surplus += json_is_number(top1) && fabs(json_number_value(top1) - s->value[i]) < 1e-9;
            surplus -= fabs(s->value[k] - s->value[i]) < 1e-9;
        }
        if (surplus) return false;
    }
    return true;
}

/* What drawing runs and pictures anew says of a minus b, which only vit compare has the pictures for. */
static void find_bootstrap(struct pair *p, const struct report *r, const struct side *a, const struct side *b)
{
    p->low = p->high = NAN;
    for (size_t i = 0; i < r->source_count; i++) {
        const json_t *about = r->sources[i].about, *arms = json_object_get(about, "arms"),
                     *span = json_object_get(json_object_get(about, "bootstrap"), "difference_ci95"),
                     *low = json_array_get(span, 0), *high = json_array_get(span, 1);
        if (r->sources[i].kind != REPORT_COMPARE || !json_is_number(low) || !json_is_number(high)) continue;
        if (is_arm(json_array_get(arms, 0), a) && is_arm(json_array_get(arms, 1), b))
            p->low = json_number_value(low), p->high = json_number_value(high);
        else if (is_arm(json_array_get(arms, 0), b) && is_arm(json_array_get(arms, 1), a))
            p->low = -json_number_value(high), p->high = -json_number_value(low);
    }
}

static struct pair pair_of(const struct report *r, int match, const struct side *a, const struct side *b,
                           double *room)
{
    struct pair p = { .match = match, .a = a->arm, .b = b->arm, .holm = NAN };

    find_bootstrap(&p, r, a, b);
    p.fewest = (int)(a->count < b->count ? a->count : b->count);
    p.welch = vit_welch(a->value, (int)a->count, b->value, (int)b->count, COMPARE_LEVEL);
    p.paired = (struct vit_t_test){ NAN, NAN, NAN, NAN, NAN, NAN, NAN };
    if (pair_up(room, a, b)) p.paired = vit_paired(a->value, room, (int)a->count, COMPARE_LEVEL);
    if (p.fewest < COMPARE_MIN_RUNS) p.welch.p = p.paired.p = NAN;
    return p;
}

/* Pairs of a match, behind those that there are. False: no memory. */
static bool find_pairs(struct pair **pairs, size_t *count, const struct report *r, int match)
{
    struct side *sides = calloc(r->norm_count + 1, sizeof *sides);
    double *room = calloc(r->cell_count + 1, sizeof *room);
    bool whole = sides && room;

    for (size_t n = 0; n < r->norm_count && whole; n++) whole = find_side(&sides[n], r, match, n);
    for (size_t a = 0; a < r->norm_count && whole; a++)
        for (size_t b = 0; b < a && whole; b++) {
            if (!sides[a].arm || !sides[b].arm) continue;
            whole = !report_grow((void **)pairs, *count, sizeof **pairs, NULL);
            if (whole) (*pairs)[(*count)++] = pair_of(r, match, &sides[a], &sides[b], room);
        }
    free_sides(sides, r->norm_count);
    free(room);
    return whole;
}

/* As vit compare does: the first pair of a match was chosen beforehand, the others are corrected for their
 * number. False: no memory. */
static bool correct(struct pair *pairs, size_t count)
{
    double *p = calloc(2 * count + 1, sizeof *p);

    for (size_t from = 0, to; from < count && p; from = to) {
        for (to = from + 1; to < count && pairs[to].match == pairs[from].match; to++)
            p[to] = pairs[to].welch.p;
        vit_holm(p + count + from + 1, p + from + 1, (int)(to - from - 1));
        for (size_t i = from + 1; i < to; i++) pairs[i].holm = p[count + i];
    }
    free(p);
    return p != NULL;
}

static void put_span(struct table *t, double low, double high)
{
    if (isfinite(low))
        table_cell(t, "%+.2f to %+.2f", 100 * low, 100 * high);
    else
        table_cell(t, "–");
}

static void put_p(struct table *t, double p)
{
    if (isfinite(p))
        table_cell(t, "%.2g", p);
    else
        table_cell(t, "–");
}

static void add_pair(struct table *t, const struct report *r, const struct pair *p, bool bootstrap)
{
    if (any_setting(r)) table_cell(t, "%s", r->matches[p->match].label);
    table_cell(t, "%s minus %s", r->norms[p->a->norm], r->norms[p->b->norm]);
    table_cell(t, "%+.2f", 100 * p->welch.difference);
    put_span(t, p->welch.low, p->welch.high);
    put_p(t, p->welch.p);
    put_p(t, p->holm);
    put_span(t, p->paired.low, p->paired.high);
    put_p(t, p->paired.p);
    if (bootstrap) put_span(t, p->low, p->high);
}

enum vit_status report_tabulate_differences(struct table *t, const struct report *r, struct vit_error *err)
{
    static const char *const HEADS[] = { "points",   "95 % (Welch)",      "p",
                                         "p (Holm)", "95 % (same seeds)", "p (same seeds)" };
    struct pair *pairs = NULL;
    size_t count = 0;
    bool whole = true, bootstrap = false;

    for (size_t m = 0; m < r->match_count && whole; m++) whole = find_pairs(&pairs, &count, r, (int)m);
    whole = whole && correct(pairs, count);
    if (any_setting(r)) table_column(t, TABLE_LEFT, "setting");
    table_column(t, TABLE_LEFT, "difference");
    for (size_t i = 0; i < VIT_COUNT(HEADS); i++) table_column(t, TABLE_RIGHT, "%s", HEADS[i]);
    for (size_t i = 0; i < count; i++) bootstrap |= isfinite(pairs[i].low);
    if (bootstrap) table_column(t, TABLE_RIGHT, "95 %% (runs and pictures)");
    for (size_t i = 0; i < count && whole; i++) add_pair(t, r, &pairs[i], bootstrap);
    free(pairs);
    if (!whole) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    return count ? VIT_OK : vit_fail(err, VIT_ERR_ARG, "table accuracy: no two placements have several runs");
}

/* ---- what its reader must know ---- */

static bool any_comparison(const struct report *r)
{
    for (size_t i = 0; i < r->source_count; i++)
        if (r->sources[i].kind == REPORT_COMPARE) return true;
    return false;
}

/* Whether a placement had more than one rate or warm-up to be best at. */
static bool any_choice(const struct report *r)
{
    for (size_t m = 0; m < r->match_count; m++)
        for (size_t n = 0; n < r->norm_count; n++)
            if (report_tally(r, (int)m, n).trials > 1) return true;
    return false;
}

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
            return c->end == REPORT_DONE && isfinite(value_of(r)(c)) && a->rates[k].ended[REPORT_DONE] > 1;
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
    fprintf(out,
            ". Differences in points of top-1, each placement at %s: Welch's t over runs, and the paired t "
            "where both have the same seeds;",
            any_choice(r) ? "its best rate and warm-up by validation"
                          : "the only rate and warm-up that it was run at here");
    fprintf(out, " no p from fewer than %d runs.", COMPARE_MIN_RUNS);
    fputs(" The first pair is the comparison chosen beforehand; the p of the others are corrected for their "
          "number (Holm).",
          out);
    if (any_lost(r)) {
        fputs(" Lost runs (dead, diverged or not learnt) are in no mean and no test, which flatters a "
              "placement that lost any.",
              out);
        report_put_lost(out, r);
    }
    if (any_comparison(r))
        fputs(" Runs and pictures: the bootstrap of vit compare, which draws both anew, where it was "
              "given these runs; of so few runs it is too narrow.",
              out);
}
