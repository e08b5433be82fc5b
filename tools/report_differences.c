/* Second part of the table "accuracy": how far the placements are apart. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"
#include "tools/report_tables.h"

/* ---- the runs of a placement ---- */

/* A placement in a match at its best rate and warm-up: its runs, by seed. */
struct side {
    double *value, *seed; /* (count) */
    size_t count;
    int runs; /* of the match, wherever and however they ended */
};

/* The seed of a run that has such a value, as report_values takes them. */
static double seed_of_tested(const struct report_cell *c)
{
    return isfinite(c->test_top1) ? c->seed : NAN;
}

static double seed_of_validated(const struct report_cell *c)
{
    return isfinite(c->val_top1) ? c->seed : NAN;
}

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
                        .seed = calloc(r->cell_count + 1, sizeof *s->seed),
                        .runs = t.runs };
    if (!s->value || !s->seed) return false;
    if (!t.best) return true;
    lr = t.best->rates[t.best->best].lr;
    s->count = report_values(r, t.best, lr, report_shown(r), s->value);
    report_values(r, t.best, lr, report_tested(r) ? seed_of_tested : seed_of_validated, s->seed);
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

/* ---- a pair of placements ---- */

/* Two placements of a match, later minus earlier; all is NAN where one has not several runs. */
struct pair {
    int match;
    size_t a, b; /* indices */
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

static bool is_made(const struct pair *p)
{
    return p->fewest > 1;
}

static struct pair pair_of(const struct report *r, int match, const struct side *sides, size_t left,
                           size_t right, double *room)
{
    const struct vit_t_test none = { NAN, NAN, NAN, NAN, NAN, NAN, NAN };
    const struct side *a = &sides[left], *b = &sides[right];
    struct pair p = { .match = match,
                      .a = left,
                      .b = right,
                      .welch = none,
                      .paired = none,
                      .holm = NAN,
                      .low = NAN,
                      .high = NAN };

    p.fewest = (int)(a->count < b->count ? a->count : b->count);
    if (!is_made(&p)) return p;
    find_bootstrap(&p, r, a, b);
    p.welch = vit_welch(a->value, (int)a->count, b->value, (int)b->count, COMPARE_LEVEL);
    if (pair_up(room, a, b)) p.paired = vit_paired(a->value, room, (int)a->count, COMPARE_LEVEL);
    if (p.fewest < COMPARE_MIN_RUNS) p.welch.p = p.paired.p = NAN;
    return p;
}

/* ---- all pairs ---- */

/* Pairs of a match, behind those that there are. The first is that of its first two placements, whatever
 * became of their runs: it stays where it cannot be made and others can. False: no memory. */
static bool find_pairs(struct pair **pairs, size_t *count, const struct report *r, int match)
{
    struct side *sides = calloc(r->norm_count + 1, sizeof *sides);
    double *room = calloc(r->cell_count + 1, sizeof *room);
    const size_t from = *count;
    bool whole = sides && room;

    for (size_t n = 0; n < r->norm_count && whole; n++) whole = find_side(&sides[n], r, match, n);
    for (size_t a = 0; a < r->norm_count && whole; a++)
        for (size_t b = 0; b < a && whole; b++) {
            const struct pair p = pair_of(r, match, sides, a, b, room);
            if (!sides[a].runs || !sides[b].runs || (!is_made(&p) && *count > from)) continue;
            whole = !report_grow((void **)pairs, *count, sizeof **pairs, NULL);
            if (whole) (*pairs)[(*count)++] = p;
        }
    if (*count == from + 1 && !is_made(&(*pairs)[from])) --*count;
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

/* Of all matches. False: no memory. */
static bool find_all(struct pair **pairs, size_t *count, const struct report *r)
{
    bool whole = true;

    for (size_t m = 0; m < r->match_count && whole; m++) whole = find_pairs(pairs, count, r, (int)m);
    return whole && correct(*pairs, *count);
}

/* ---- the table ---- */

static void put_points(struct table *t, double points)
{
    if (isfinite(points))
        table_cell(t, "%+.2f", 100 * points);
    else
        table_cell(t, "–");
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
    if (r->match_count > 1) table_cell(t, "%s", r->matches[p->match].label);
    table_cell(t, "%s minus %s", r->norms[p->a], r->norms[p->b]);
    put_points(t, p->welch.difference);
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
    const bool whole = find_all(&pairs, &count, r);
    bool bootstrap = false;

    if (r->match_count > 1) table_column(t, TABLE_LEFT, "setting");
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

/* Whether a placement had more than one rate or warm-up to be best at. */
static bool any_choice(const struct report *r)
{
    for (size_t m = 0; m < r->match_count; m++)
        for (size_t n = 0; n < r->norm_count; n++)
            if (report_tally(r, (int)m, n).trials > 1) return true;
    return false;
}

static bool any_pair(const struct report *r)
{
    struct pair *pairs = NULL;
    size_t count = 0;
    const bool found = find_all(&pairs, &count, r) && count;

    free(pairs);
    return found;
}

void report_note_differences(FILE *out, const struct report *r)
{
    if (!any_pair(r)) return;
    fprintf(out,
            " Differences in points of top-1, each placement at %s: Welch's t over runs, and the paired t "
            "where both have the same seeds; no p from fewer than %d runs. The first pair is the comparison "
            "chosen beforehand; the p of the others are corrected for their number (Holm).",
            any_choice(r) ? "its best rate and warm-up by validation"
                          : "the only rate and warm-up that it was run at here",
            COMPARE_MIN_RUNS);
}
