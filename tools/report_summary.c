/* The table "summary": a placement a column, what it lost, stood and reached a row for each setting; and
 * "brief", the two of these that answer first. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"
#include "tools/report_tables.h"
#include "vit/stats.h"
#include "vit/text.h"

/* A setting is a match: its warm-ups are told apart only where the row is about rates. */
typedef void put_value(struct table *t, const struct report *r, int match, size_t norm);
struct row {
    const char *what; /* the name of the first placement follows where the row is against it */
    bool (*there)(const struct report *r, int match);
    put_value *put;
    bool by_warmup, against;
};

/* ---- which rows a setting has ---- */

static bool always(const struct report *r, int match)
{
    (void)r, (void)match;
    return true;
}

/* Nothing is known of a range from one rate. */
static bool was_tuned(const struct report *r, int match)
{
    for (int c = r->matches[match].condition; c >= 0; c = r->conditions[c].next)
        for (size_t n = 0; n < r->norm_count; n++) {
            const struct report_arm *a = report_arm(r, c, n);
            if (a && report_tried(a) > 1) return true;
        }
    return false;
}

/* Finite values of a placement's runs at its best rate and warm-up; room (cells). */
static size_t best_values(const struct report *r, int match, size_t norm, double *room)
{
    const struct report_tally t = report_tally(r, match, norm);

    if (!t.best) return 0;
    return report_values(r, t.best, t.best->rates[t.best->best].lr, report_test_top1, room);
}

/* Whether a placement has so many of them, or more. */
static bool has_values(const struct report *r, int match, size_t least)
{
    double *room = calloc(r->cell_count + 1, sizeof *room);
    bool found = false;

    for (size_t n = 0; n < r->norm_count && room; n++) found |= best_values(r, match, n, room) >= least;
    free(room);
    return found;
}

static bool was_tested(const struct report *r, int match)
{
    return has_values(r, match, 1);
}

static bool was_repeated(const struct report *r, int match)
{
    return has_values(r, match, 2);
}

/* The first placement with another. */
static bool was_compared(const struct report *r, int match)
{
    double *room = calloc(r->cell_count + 1, sizeof *room);
    bool found = false;

    for (size_t n = 1; n < r->norm_count && room; n++) found |= best_values(r, match, n, room) > 1;
    found = found && best_values(r, match, 0, room) > 1;
    free(room);
    return found;
}

/* ---- what they say ---- */

static void put_lost(struct table *t, const struct report *r, int match, size_t norm)
{
    const struct report_tally tally = report_tally(r, match, norm);
    char text[64];

    table_cell(t, "%s", tally.runs ? report_lost_text(text, sizeof text, tally.ended, tally.runs) : "–");
}

/* "1e-3 / 3e-3": what is said of the arm of each warm-up. */
static void put_warmups(struct table *t, const struct report *r, int match, size_t norm,
                        const char *(*say)(char *text, size_t size, const struct report_arm *a))
{
    char text[256] = "", one[80];

    for (int c = r->matches[match].condition; c >= 0; c = r->conditions[c].next) {
        const struct report_arm *a = report_arm(r, c, norm);
        vit_list_add(text, sizeof text, " / ", a ? say(one, sizeof one, a) : "–");
    }
    table_cell(t, "%s", text);
}

static void put_highest(struct table *t, const struct report *r, int match, size_t norm)
{
    put_warmups(t, r, match, norm, report_highest_text);
}

static void put_within(struct table *t, const struct report *r, int match, size_t norm)
{
    put_warmups(t, r, match, norm, report_within_text);
}

/* " (lost 1 of 3)" behind a best rate that lost runs. */
static const char *lost_there(char *text, size_t size, const struct report_arm *best)
{
    char lost[64];

    *text = '\0';
    if (*report_lost_best(lost, sizeof lost, best)) snprintf(text, size, " (%s)", lost);
    return text;
}

/* "52.8 at 1e-3, 54.2": the choice, and what the same networks reach on pictures that chose nothing. */
static void put_best(struct table *t, const struct report *r, int match, size_t norm)
{
    const struct report_tally tally = report_tally(r, match, norm);
    const struct report_rate *rate = tally.best ? &tally.best->rates[tally.best->best] : NULL;
    double *room = calloc(r->cell_count + 1, sizeof *room);
    const size_t n = room ? best_values(r, match, norm, room) : 0;
    char lr[32], val[32] = "–", lost[72] = "", test[32] = "";

    t->failed |= !room;
    if (n) snprintf(test, sizeof test, ", %.1f", 100 * vit_mean(room, (int)n));
    if (rate && isfinite(rate->mean)) snprintf(val, sizeof val, "%.1f", 100 * rate->mean);
    if (rate)
        table_cell(t, "%s at %s%s%s", val, report_rate_text(lr, sizeof lr, rate->lr),
                   lost_there(lost, sizeof lost, tally.best), test);
    else
        table_cell(t, "%s", tally.ended[REPORT_DONE] ? "not validated" : "–");
    free(room);
}

static void put_test(struct table *t, const struct report *r, int match, size_t norm)
{
    const struct report_tally tally = report_tally(r, match, norm);
    double *room = calloc(r->cell_count + 1, sizeof *room);
    const size_t n = room ? best_values(r, match, norm, room) : 0;
    char lost[72] = "";

    t->failed |= !room;
    if (n) lost_there(lost, sizeof lost, tally.best);
    if (n > 1)
        table_cell(t, "%.2f ± %.2f (%zu)%s", 100 * vit_mean(room, (int)n),
                   100 * vit_standard_deviation(room, (int)n), n, lost);
    else if (n)
        table_cell(t, "%.2f (1)%s", 100 * room[0], lost);
    else
        table_cell(t, "–");
    free(room);
}

/* "41.8 at 3e-4" */
static void put_reached(struct table *t, const struct report *r, int match, size_t norm)
{
    const struct report_tally tally = report_tally(r, match, norm);
    double *room = calloc(r->cell_count + 1, sizeof *room);
    const size_t n = room ? best_values(r, match, norm, room) : 0;
    char lr[32], lost[72];

    t->failed |= !room;
    if (n)
        table_cell(t, "%.1f at %s%s", 100 * vit_mean(room, (int)n),
                   report_rate_text(lr, sizeof lr, tally.best->rates[tally.best->best].lr),
                   lost_there(lost, sizeof lost, tally.best));
    else
        table_cell(t, "–");
    free(room);
}

/* The first placement's runs are those that it is against. */
static void put_difference(struct table *t, const struct report *r, int match, size_t norm)
{
    double *room = calloc(2 * r->cell_count + 1, sizeof *room);
    const size_t first = room ? best_values(r, match, 0, room) : 0;
    const size_t n = room && norm ? best_values(r, match, norm, room + first) : 0;

    t->failed |= !room;
    if (first > 1 && n > 1) {
        const struct vit_t_test welch = vit_welch(room + first, (int)n, room, (int)first, COMPARE_LEVEL);
        table_cell(t, "%+.2f (%+.2f to %+.2f)", 100 * welch.difference, 100 * welch.low, 100 * welch.high);
    } else {
        table_cell(t, "–");
    }
    free(room);
}

static const struct row ROWS[] = {
    { "lost runs", always, put_lost, false, false },
    { "highest rate that learns", was_tuned, put_highest, true, false },
    { "rates within a point of the best", was_tuned, put_within, true, false },
    { "best validation top-1 (%), its test top-1", was_tuned, put_best, false, false },
    { "test top-1 (%), mean ± deviation (seeds)", was_repeated, put_test, false, false },
    { "test top-1, points (95 %, Welch) over ", was_compared, put_difference, false, true },
};
static const struct row BRIEF[] = {
    { "lost runs", always, put_lost, false, false },
    { "test top-1 (%) at its best rate", was_tested, put_reached, false, false },
};

/* ---- a row for each setting ---- */

/* "depth 6, xavier, epochs 1", and where it counts its warm-ups: ": none / 200 steps". */
static void add_setting(struct table *t, const struct report *r, int match, bool by_warmup)
{
    char text[REPORT_WHOLE + 256], warmup[48];
    int count = 0;

    snprintf(text, sizeof text, "%s", r->matches[match].label);
    for (int c = r->matches[match].condition; c >= 0 && by_warmup; c = r->conditions[c].next) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", count++ ? " / " : ", warm-up ",
                 report_warmup_text(warmup, sizeof warmup, r->conditions[c].warmup));
    }
    table_cell(t, "%s", text);
}

static void add_rows(struct table *t, const struct report *r, const struct row *row)
{
    bool named = false;

    for (size_t m = 0; m < r->match_count; m++) {
        if (!row->there(r, (int)m)) continue;
        table_cell(t, "%s%s", named ? "" : row->what, named || !row->against ? "" : r->norms[0]);
        named = true;
        add_setting(t, r, (int)m, row->by_warmup);
        for (size_t n = 0; n < r->norm_count; n++) row->put(t, r, (int)m, n);
    }
}

/* ---- the table ---- */

static enum vit_status add_columns(struct table *t, const struct report *r, const char *name,
                                   struct vit_error *err)
{
    table_column(t, TABLE_LEFT, "%s", "");
    table_column(t, TABLE_LEFT, "setting");
    for (size_t n = 0; n < r->norm_count; n++) table_column(t, TABLE_LEFT, "%s", r->norms[n]);
    return r->arm_count ? VIT_OK
                        : vit_fail(err, VIT_ERR_ARG, "table %s: the inputs have no training runs", name);
}

enum vit_status report_tabulate_brief(struct table *t, const struct report *r, struct vit_error *err)
{
    const enum vit_status status = add_columns(t, r, "brief", err);

    for (size_t i = 0; i < VIT_COUNT(BRIEF); i++) {
        add_rows(t, r, &BRIEF[i]);
        if (BRIEF[i].put == put_lost) report_add_lost(t, r);
    }
    return status;
}

enum vit_status report_tabulate_summary(struct table *t, const struct report *r, struct vit_error *err)
{
    const enum vit_status status = add_columns(t, r, "summary", err);

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        add_rows(t, r, &ROWS[i]);
        if (ROWS[i].put != put_lost) continue;
        report_add_lost(t, r);
        report_add_lost_p(t, r);
    }
    return status;
}

/* ---- what its reader must know ---- */

static bool any_match(const struct report *r, bool (*there)(const struct report *r, int match))
{
    for (size_t m = 0; m < r->match_count; m++)
        if (there(r, (int)m)) return true;
    return false;
}

static bool any_lost(const struct report *r)
{
    struct report_losses l;

    for (size_t m = 0; m < r->match_count; m++)
        for (size_t n = 1; n < r->norm_count; n++)
            if (report_losses(&l, r, &r->conditions[r->matches[m].condition], n) && l.any) return true;
    return false;
}

/* Whether a placement is at the only rate that there is, and not validated there. */
static bool any_unvalidated(const struct report *r)
{
    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        if (a->best >= 0 && !isfinite(a->rates[a->best].mean)) return true;
    }
    return false;
}

void report_note_brief(FILE *out, const struct report *r)
{
    fputs("Lost: dead, diverged or not learnt.", out);
    report_put_lost(out, r);
    if (any_match(r, was_tested)) {
        fprintf(out,
                " Test: the mean over seeds, at the rate and warm-up that are best on the validation "
                "pictures%s.",
                any_unvalidated(r) ? ", or the only one that was run" : "");
        report_put_passed(out, r);
    }
    report_put_flattered(out, r);
}

void report_note_summary(FILE *out, const struct report *r)
{
    fputs("Lost: dead, diverged or not learnt.", out);
    report_put_lost(out, r);
    if (any_lost(r))
        fputs(
            " p: over the runs whose condition, rate and seed both have, Fisher's exact test, and McNemar's, "
            "which takes them as pairs: of the runs that one alone lost. Not corrected for their number; "
            "rates are no random draw, and neighbouring ones fail together, so it is for this grid and no "
            "other.",
            out);
    if (any_match(r, was_tuned)) {
        fputs(" A rate learns when none of its runs was lost; ≥: no higher one was tried. Within a point: "
              "the rates around the best, of one warm-up, whose validation accuracy is at most a point less.",
              out);
        if (!report_judged(r))
            fputs(" ?: of some runs it is not known (classes or validation accuracies are not said).", out);
        fputs(" Best: the highest mean over seeds, of the rates and warm-ups that lost no run, or of all "
              "where each lost some; to be chosen flatters it, and not its test top-1.",
              out);
    }
    report_put_flattered(out, r);
    if (any_match(r, was_repeated))
        fputs(" Test: at the rate and warm-up that are best on the validation pictures, or the only one that "
              "was run.",
              out);
}
