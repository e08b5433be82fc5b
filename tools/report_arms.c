/* The arms in numbers: an arm a line, a run a line. */
#include <math.h>
#include <stdlib.h>

#include "tools/markup.h"
#include "tools/report_page.h"
#include "vit/stats.h"

/* ---- accuracy of an arm at its best rate ---- */

/* Pictures behind the accuracy of the arm's runs at its best rate, 0: not known. */
static int pictures(const struct report *r, const struct report_arm *a, bool test)
{
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (report_is_of(r, c, a) && c->end == REPORT_DONE && (test ? c->test_n : c->val_n))
            return test ? c->test_n : c->val_n;
    }
    return 0;
}

/* Finite values of the arm's runs at its best rate; room (cells). */
static size_t best_values(const struct report *r, const struct report_arm *a, bool test, double *room)
{
    if (a->best < 0) return 0;
    return report_values(r, a, a->rates[a->best].lr, test ? report_test_top1 : report_val_top1, room);
}

/* Mean, and what chance leaves of it: of the seed by Student's t where there are several, else of the
 * pictures alone by Wilson, which is marked. */
static void put_accuracy(FILE *out, const struct report *r, const struct report_arm *a, bool test,
                         double *room)
{
    const size_t n = best_values(r, a, test, room);
    const double mean = vit_mean(room, (int)n);
    char text[32];

    markup_put(out, "<td class=\"n\">%s", report_percent(text, sizeof text, mean));
    if (n > 1) {
        const double half =
            vit_t_quantile(0.975, (double)n - 1) * vit_standard_deviation(room, (int)n) / sqrt((double)n);
        markup_put(out, " <small>± %.2f</small>", 100 * half);
    } else if (n && pictures(r, a, test)) {
        double low, high;
        report_interval(&low, &high, mean * pictures(r, a, test), pictures(r, a, test));
        markup_put(out, " <small>(%.1f–%.1f) †</small>", 100 * low, 100 * high);
    }
    fputs("</td>", out);
}

/* Against the first placement, where the condition has it; with an interval where both have several runs. */
static void put_difference(FILE *out, const struct report *r, const struct report_arm *a,
                           const struct report_arm *first, bool test, double *room)
{
    double *other = room + r->cell_count;
    const size_t n = best_values(r, a, test, room), m = best_values(r, first, test, other);

    if (a == first || first->norm || !n || !m) {
        fputs("<td class=\"n\">–</td>", out);
    } else if (n > 1 && m > 1) {
        const struct vit_t_test t = vit_welch(room, (int)n, other, (int)m, 0.95);
        markup_put(out, "<td class=\"n\">%+.2f", 100 * t.difference);
        if (isfinite(t.low)) markup_put(out, " <small>(%+.2f to %+.2f)</small>", 100 * t.low, 100 * t.high);
        fputs("</td>", out);
    } else {
        markup_put(out, "<td class=\"n\">%+.2f <small>‡</small></td>",
                   100 * (vit_mean(room, (int)n) - vit_mean(other, (int)m)));
    }
}

/* Runs at the best rate that were trained to their end, and of how many of them an accuracy is, where it is
 * not of all. */
static void put_seeds(FILE *out, const struct report *r, const struct report_arm *a, double *room)
{
    const size_t done = a->best < 0 ? 0 : (size_t)a->rates[a->best].ended[REPORT_DONE];
    const size_t validated = best_values(r, a, false, room), tested = best_values(r, a, true, room);

    markup_put(out, "<td class=\"n\">%zu", done);
    if (validated && validated < done) markup_put(out, " <small>%zu validated</small>", validated);
    if (tested && tested < done) markup_put(out, " <small>%zu tested</small>", tested);
    fputs("</td>", out);
}

static void put_count(FILE *out, int k, int n)
{
    double low, high;

    report_interval(&low, &high, k, n);
    markup_put(out, "<td class=\"n\">%d of %d", k, n);
    if (n) markup_put(out, " <small>(%.0f–%.0f %%)</small>", 100 * low, 100 * high);
    fputs("</td>", out);
}

static void put_range(FILE *out, const struct report_arm *a)
{
    char text[80];

    markup_put(out, "<td>%s", report_within_text(text, sizeof text, a));
    if (a->best >= 0 && a->within_low < a->within_high)
        markup_put(out, " <small>(×%.2g)</small>", a->rates[a->within_high].lr / a->rates[a->within_low].lr);
    fputs("</td>", out);
}

/* Ways to be lost beside death that have a column where there are any. */
static const enum report_end RARE[] = { REPORT_DIVERGED, REPORT_STAYED };

static int rare_columns(const struct report *r)
{
    int count = 0;

    for (size_t i = 0; i < VIT_COUNT(RARE); i++) count += report_count_end(r, RARE[i]) > 0;
    return count;
}

static bool at_edge(const struct report_arm *a)
{
    return report_tried(a) > 1 && (report_is_lowest(a, a->best) || report_is_highest(a, a->best));
}

/* Where nobody says of how many classes the networks are, chance is not known, and there is no column. */
static bool any_judged(const struct report *r)
{
    for (size_t i = 0; i < r->arm_count; i++)
        if (r->arms[i].judged && r->arms[i].ended[REPORT_DONE] + r->arms[i].ended[REPORT_STAYED]) return true;
    return false;
}

static void put_highest(FILE *out, const struct report_arm *a)
{
    char text[48];

    markup_put(out, "<td>%s</td>", report_highest_text(text, sizeof text, a));
}

static void put_arm(FILE *out, const struct report *r, const struct report_arm *a,
                    const struct report_arm *first, bool test, double *room)
{
    const int ended = report_ended(a->ended, a->runs);
    char lr[32], lost[64];

    snprintf(lr, sizeof lr, "%s", a->ended[REPORT_DONE] ? "not validated" : "–");
    if (a->best >= 0) report_rate_text(lr, sizeof lr, a->rates[a->best].lr);
    fputs("<tr><th scope=\"row\">", out);
    report_put_key(out, r, (size_t)a->norm);
    markup_put(out, "%s</th><td class=\"n\">%s", r->norms[a->norm], lr);
    if (a->best >= 0 && at_edge(a)) fputs(" <small>edge</small>", out);
    if (a->best >= 0 && report_tried(a) == 1) fputs(" <small>only</small>", out);
    if (a->best >= 0 && *report_lost_best(lost, sizeof lost, a)) markup_put(out, " <small>%s</small>", lost);
    fputs("</td>", out);
    put_seeds(out, r, a, room);
    put_accuracy(out, r, a, false, room);
    if (test) put_accuracy(out, r, a, true, room);
    put_difference(out, r, a, first, test, room);
    put_range(out, a);
    if (any_judged(r)) put_highest(out, a);
    put_count(out, a->ended[REPORT_DEAD], ended);
    for (size_t i = 0; i < VIT_COUNT(RARE); i++)
        if (report_count_end(r, RARE[i])) put_count(out, a->ended[RARE[i]], ended);
    fputs("</tr>\n", out);
}

static void put_head(FILE *out, const struct report *r, bool test)
{
    fputs("<thead><tr><th scope=\"col\">placement</th><th class=\"n\" scope=\"col\">best rate</th>"
          "<th class=\"n\" scope=\"col\">seeds</th><th class=\"n\" scope=\"col\">validation top-1 (%)</th>",
          out);
    if (test) fputs("<th class=\"n\" scope=\"col\">test top-1 (%)</th>", out);
    markup_put(
        out,
        "<th class=\"n\" scope=\"col\">minus %s (points, %s)</th><th scope=\"col\">rates within a point</th>",
        r->norm_count ? r->norms[0] : "", test ? "test" : "validation");
    if (any_judged(r)) fputs("<th scope=\"col\">highest rate that learns</th>", out);
    fputs("<th class=\"n\" scope=\"col\">dead</th>", out);
    for (size_t i = 0; i < VIT_COUNT(RARE); i++)
        if (report_count_end(r, RARE[i]))
            markup_put(out, "<th class=\"n\" scope=\"col\">%s</th>", report_end_name(RARE[i]));
    fputs("</tr></thead>\n", out);
}

bool report_put_arms(FILE *out, const struct report *r)
{
    const bool test = report_tested(r);
    double *room = calloc(2 * r->cell_count + 1, sizeof *room);
    const struct report_arm *first = NULL;

    if (!room) return false;
    fputs("<div class=\"wide\" role=\"region\" aria-label=\"Arms\" tabindex=\"0\"><table>", out);
    put_head(out, r, test);
    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        if (!i || a->condition != r->arms[i - 1].condition) {
            first = a;
            markup_put(out, "<tbody><tr><th class=\"group\" scope=\"rowgroup\" colspan=\"%d\">%s</th></tr>\n",
                       7 + test + any_judged(r) + rare_columns(r), r->conditions[a->condition].label);
        }
        put_arm(out, r, a, first, test, room);
        if (i + 1 == r->arm_count || r->arms[i + 1].condition != a->condition) fputs("</tbody>", out);
    }
    fputs("</table></div>\n", out);
    fputs(
        "<p class=\"soft\"><small>Accuracy at the arm's best rate, which is chosen by the mean validation "
        "accuracy over seeds among the rates that lost no run, or among all where each lost some. ± half of "
        "the 95 % interval of the mean over seeds (Student's t). † a single seed: the interval is that of "
        "the pictures alone (Wilson) and says nothing about other seeds. ‡ fewer than two seeds in an arm: "
        "no interval, no test. <i>edge</i>: the best rate is the lowest or the highest tried; <i>only</i>: "
        "no other was. Counts with 95 % Wilson intervals, over all rates.",
        out);
    report_put_flattered(out, r);
    if (!report_count_end(r, REPORT_DIVERGED)) fputs(" No run diverged.", out);
    report_put_lost(out, r);
    if (any_judged(r))
        fputs(" A rate learns when none of its runs was lost; ≥: no higher one was tried.", out);
    fputs("</small></p>\n", out);
    free(room);
    return true;
}

/* ---- every run ---- */

void report_put_number(FILE *out, const char *format, double value)
{
    char text[32] = "–";

    if (isfinite(value)) snprintf(text, sizeof text, format, value);
    markup_put(out, "<td class=\"n\">%s</td>", text);
}

static void put_cell(FILE *out, const struct report_cell *c)
{
    char lr[32], val[32], test[32];

    markup_put(out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td><td class=\"n\">%.0f</td>", c->norm,
               report_rate_text(lr, sizeof lr, c->lr), isfinite(c->seed) ? c->seed : 0);
    markup_put(out, "<td>%s</td><td class=\"n\">%d of %d</td>", report_end_name(c->end), c->epochs_done,
               c->epochs);
    report_put_number(out, "%.4f", c->train_loss);
    report_put_number(out, "%.4f", c->val_loss);
    markup_put(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td>",
               report_percent(val, sizeof val, c->val_top1), report_percent(test, sizeof test, c->test_top1));
    report_put_number(out, "%.0f", c->plateau_step);
    report_put_number(out, "%.0f", c->images_per_second);
    report_put_number(out, "%.0f", c->seconds);
    markup_put(out, "<td class=\"why\">%s</td></tr>\n", c->reason);
}

/* Of an arm, by learning rate. */
static void put_runs(FILE *out, const struct report *r, const struct report_arm *a)
{
    for (int k = 0; k < a->rate_count; k++)
        for (size_t i = 0; i < r->cell_count; i++) {
            const struct report_cell *c = &r->cells[i];
            if (report_is_of(r, c, a) && report_same_rate(c->lr, a->rates[k].lr)) put_cell(out, c);
        }
}

void report_put_cells(FILE *out, const struct report *r)
{
    static const char *const HEADS[] = { "learning rate",
                                         "seed",
                                         "ended",
                                         "epochs",
                                         "training loss",
                                         "validation loss",
                                         "validation top-1 (%)",
                                         "test top-1 (%)",
                                         "left plateau (step)",
                                         "images/s",
                                         "seconds" };

    markup_put(out, "<details><summary>All %zu runs</summary>\n", r->cell_count);
    fputs("<div class=\"wide\" role=\"region\" aria-label=\"All runs\" tabindex=\"0\"><table><thead><tr>"
          "<th scope=\"col\">placement</th>",
          out);
    for (size_t i = 0; i < VIT_COUNT(HEADS); i++) markup_put(out, "<th scope=\"col\">%s</th>", HEADS[i]);
    fputs("<th scope=\"col\">why it ended</th></tr></thead>\n", out);
    for (size_t i = 0; i < r->arm_count; i++) {
        const int condition = r->arms[i].condition;
        if (!i || r->arms[i - 1].condition != condition)
            markup_put(out, "<tbody><tr><th class=\"group\" scope=\"rowgroup\" colspan=\"%d\">%s</th></tr>\n",
                       (int)VIT_COUNT(HEADS) + 2, r->conditions[condition].label);
        put_runs(out, r, &r->arms[i]);
        if (i + 1 == r->arm_count || r->arms[i + 1].condition != condition) fputs("</tbody>", out);
    }
    fputs("</table></div></details>\n", out);
}
