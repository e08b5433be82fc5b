/* What is known of runs, as series of the plots: by learning rate, and over the steps. */
#include <math.h>
#include <stdlib.h>

#include "tools/report_figures.h"

/* ---- by learning rate ---- */

/* Under the heading of the condition. */
static bool any_ended(const struct report *r, int condition, enum report_end end)
{
    for (size_t i = 0; i < r->arm_count; i++)
        if (r->arms[i].ended[end] &&
            strcmp(r->conditions[r->arms[i].condition].more, r->conditions[condition].more) == 0)
            return true;
    return false;
}

/* A lane for each way of being lost that any panel under the heading has, so that these stand alike. */
static void add_lost(struct plot *p, const struct report *r, int condition)
{
    for (int end = REPORT_DEAD; end <= REPORT_UNFINISHED; end++) {
        const int lane = any_ended(r, condition, (enum report_end)end)
                             ? plot_lane(p, report_end_name((enum report_end)end), false)
                             : -1;
        for (size_t i = 0; i < r->arm_count && lane >= 0; i++) {
            const struct report_arm *a = &r->arms[i];
            for (int k = 0; k < a->rate_count && a->condition == condition; k++) {
                const struct report_rate *rate = &a->rates[k];
                struct plot_item item = { .x = rate->lr,
                                          .low = NAN,
                                          .high = NAN,
                                          .style = r->styles[a->norm],
                                          .lost = end != REPORT_UNFINISHED,
                                          .open = end == REPORT_UNFINISHED };
                char lr[32];
                if (!rate->ended[end]) continue;
                if (rate->runs > 1)
                    snprintf(item.text, sizeof item.text, "%d/%d", rate->ended[end], rate->runs);
                snprintf(item.title, sizeof item.title, "%.40s, lr %s: %d of %d %s", r->norms[a->norm],
                         report_rate_text(lr, sizeof lr, rate->lr), rate->ended[end], rate->runs,
                         report_end_name((enum report_end)end));
                plot_item(p, lane, item);
            }
        }
    }
}

/* On top: the rates that are nearly as good as the arm's best. One without a run that learnt has an empty
 * strip, so that the plots of a row stand alike. */
static void add_within(struct plot *p, const struct report *r, const struct report_arm *a)
{
    const int lane = plot_lane(p, r->norms[a->norm], true);
    struct plot_item item = { .style = r->styles[a->norm] };
    char low[32], high[32], best[32];

    if (a->best < 0 || !isfinite(a->rates[a->best].mean)) return;
    item.x = a->rates[a->best].lr;
    item.low = a->rates[a->within_low].lr;
    item.high = a->rates[a->within_high].lr;
    snprintf(item.title, sizeof item.title, "%.40s: best at %s, within a point of it from %s to %s",
             r->norms[a->norm], report_rate_text(best, sizeof best, item.x),
             report_rate_text(low, sizeof low, item.low), report_rate_text(high, sizeof high, item.high));
    plot_item(p, lane, item);
}

/* Where there are several seeds. */
static void add_singles(struct plot *p, const struct report *r, const struct report_arm *a)
{
    bool several = false;
    int s;

    for (int k = 0; k < a->rate_count; k++) several |= a->rates[k].ended[REPORT_DONE] > 1;
    if (!several) return;
    s = plot_series(p, (struct plot_series){ .style = r->styles[a->norm], .parts = PLOT_DOTS });
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (!report_is_of(r, c, a) || c->end != REPORT_DONE) continue;
        plot_point(p, s, (struct plot_point){ .x = c->lr, .y = 100 * c->val_top1, .low = NAN, .high = NAN });
    }
}

static void add_rates(struct plot *p, const struct report *r, const struct report_arm *a)
{
    const unsigned parts = PLOT_LINE | PLOT_MARKS | PLOT_BAND;
    const int s = plot_series(
        p, (struct plot_series){ .name = r->norms[a->norm], .style = r->styles[a->norm], .parts = parts });

    for (int k = 0; k < a->rate_count; k++) {
        const struct report_rate *rate = &a->rates[k];
        struct plot_point point = { rate->lr, 100 * rate->median, 100 * rate->low, 100 * rate->high, "" };
        char lr[32];
        snprintf(point.title, sizeof point.title, "%.40s, lr %s: %.2f %% (%d of %d runs)", r->norms[a->norm],
                 report_rate_text(lr, sizeof lr, rate->lr), point.y, rate->ended[REPORT_DONE], rate->runs);
        plot_point(p, s, point);
    }
}

void report_fill_rates(struct plot *p, const struct report *r, const struct report_figure *f,
                       const struct report_panel *panel)
{
    (void)f;
    for (size_t i = 0; i < r->arm_count; i++) {
        if (r->arms[i].condition != panel->condition) continue;
        add_within(p, r, &r->arms[i]);
        add_singles(p, r, &r->arms[i]);
        add_rates(p, r, &r->arms[i]);
    }
    add_lost(p, r, panel->condition);
}

/* ---- the plateau ---- */

/* Steps of the runs of an arm at a rate that left the plateau, ascending; diverged ones too may have. never:
 * how many others ended; those of which neither is known count nowhere. */
static size_t plateau_steps(const struct report *r, const struct report_arm *a, double lr, double *steps,
                            int *never)
{
    size_t n = 0;

    *never = 0;
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (!report_is_of(r, c, a) || !report_same_rate(c->lr, lr)) continue;
        if (isfinite(c->plateau_step)) steps[n++] = c->plateau_step;
        *never += isinf(c->plateau_step) && c->end != REPORT_UNFINISHED;
    }
    qsort(steps, n, sizeof *steps, report_by_number);
    return n;
}

static void add_plateau(struct plot *p, const struct report *r, const struct report_arm *a, int lane,
                        double *steps)
{
    const int s = plot_series(p, (struct plot_series){ .name = r->norms[a->norm],
                                                       .style = r->styles[a->norm],
                                                       .parts = PLOT_LINE | PLOT_MARKS | PLOT_BAND });

    for (int k = 0; k < a->rate_count; k++) {
        const struct report_rate *rate = &a->rates[k];
        int never;
        const size_t n = plateau_steps(r, a, rate->lr, steps, &never);
        const int known = (int)n + never;
        struct plot_point point = { rate->lr, NAN, NAN, NAN, "" };
        struct plot_item item = {
            .x = rate->lr, .low = NAN, .high = NAN, .style = r->styles[a->norm], .lost = true
        };
        char lr[32];

        report_rate_text(lr, sizeof lr, rate->lr);
        if (n)
            point.y = (steps[(n - 1) / 2] + steps[n / 2]) / 2, point.low = steps[0],
            point.high = steps[n - 1];
        snprintf(point.title, sizeof point.title, "%.40s, lr %s: step %.0f", r->norms[a->norm], lr, point.y);
        plot_point(p, s, point);
        if (!never) continue;
        if (known > 1) snprintf(item.text, sizeof item.text, "%d/%d", never, known);
        snprintf(item.title, sizeof item.title, "%.40s, lr %s: %d of %d never", r->norms[a->norm], lr, never,
                 known);
        plot_item(p, lane, item);
    }
}

void report_fill_plateau(struct plot *p, const struct report *r, const struct report_figure *f,
                         const struct report_panel *panel)
{
    double *steps = calloc(r->cell_count + 1, sizeof *steps);
    bool known = false;
    int lane;

    (void)f;
    for (size_t i = 0; i < r->cell_count; i++) known |= !isnan(r->cells[i].plateau_step);
    p->failed |= !steps;
    if (!p->failed && known) {
        lane = plot_lane(p, "never", false);
        for (size_t i = 0; i < r->arm_count; i++)
            if (r->arms[i].condition == panel->condition) add_plateau(p, r, &r->arms[i], lane, steps);
    }
    free(steps);
}

/* ---- the best of k ---- */

/* What the runs of a rate are worth: the mean over all that ended, lost ones with what they reached, or with
 * chance. NAN: one of them has no accuracy, and chance is not known. */
static double worth(const struct report *r, const struct report_arm *a, const struct report_rate *rate)
{
    double sum = 0;
    int n = 0;

    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (!report_is_of(r, c, a) || c->end == REPORT_UNFINISHED || !report_same_rate(c->lr, rate->lr))
            continue;
        if (!isfinite(c->val_top1) && c->end == REPORT_DONE) continue;
        const int classes = report_classes(r, c->source);
        sum += isfinite(c->val_top1) ? c->val_top1 : classes ? 1.0 / classes : NAN;
        n++;
    }
    return n ? sum / n : NAN;
}

/* Mean of the largest of k out of value (n, ascending), over all choices: value i is it in C(i, k - 1) of
 * C(n, k). */
static double expected_best(const double *value, int n, int k)
{
    double sum = 0;

    for (int i = k - 1; i < n; i++)
        sum += value[i] * k / (n - k + 1) *
               exp(lgamma(i + 1) - lgamma(i - k + 2) - lgamma(n + 1) + lgamma(n - k + 2));
    return sum;
}

static void add_tuning(struct plot *p, const struct report *r, const struct report_arm *a, double *value)
{
    const int s = plot_series(p, (struct plot_series){ .name = r->norms[a->norm],
                                                       .style = r->styles[a->norm],
                                                       .parts = PLOT_LINE | PLOT_MARKS });
    int n = 0;

    for (int k = 0; k < a->rate_count; k++) {
        value[n] = worth(r, a, &a->rates[k]);
        if (!isfinite(value[n]) && report_lost(a->rates[k].ended))
            return; /* a best without it would flatter */
        if (isfinite(value[n])) n++;
    }
    if (n < 2) return; /* nothing was chosen */
    qsort(value, (size_t)n, sizeof *value, report_by_number);
    for (int k = 1; k <= n; k++) {
        struct plot_point point = { k, 100 * expected_best(value, n, k), NAN, NAN, "" };
        snprintf(point.title, sizeof point.title, "%.40s, best of %d: %.2f %%", r->norms[a->norm], k,
                 point.y);
        plot_point(p, s, point);
    }
}

void report_fill_tuning(struct plot *p, const struct report *r, const struct report_figure *f,
                        const struct report_panel *panel)
{
    double *value = calloc(r->cell_count + 1, sizeof *value);

    (void)f;
    p->failed |= !value;
    for (size_t i = 0; i < r->arm_count && !p->failed; i++)
        if (r->arms[i].condition == panel->condition) add_tuning(p, r, &r->arms[i], value);
    free(value);
}

/* ---- over the steps ---- */

/* Lines of steps where the log has them for the quantity, else those of epochs; the line of the divergence
 * belongs to both. */
static void add_run(struct plot *p, const struct report *r, const struct report_figure *f, size_t cell,
                    unsigned parts)
{
    const struct report_cell *c = &r->cells[cell];
    struct plot_series series = { .name = c->norm, .style = report_style(r, c->norm), .parts = parts };
    const double factor = f->factor > 0 ? f->factor : 1;
    bool steps = false;
    int s;

    report_rate_text(series.label, sizeof series.label, c->lr);
    s = plot_series(p, series);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < r->epoch_count; i++) {
            const struct report_epoch *e = &r->epochs[i];
            const double y = factor * *(const double *)(const void *)((const char *)e + f->value);
            if (e->cell != (int)cell || !isfinite(y)) continue;
            if (pass == 0) steps |= !e->whole && !e->diverged;
            if (pass == 1 && (e->diverged || e->whole != steps))
                plot_point(p, s, (struct plot_point){ e->step, y, NAN, NAN, "" });
        }
    if (s >= 0 && p->series[s].count == 1) p->series[s].parts |= PLOT_MARKS; /* a line of one is not seen */
}

static int first_cell(const struct report *r, const struct report_arm *a, double lr, bool lost)
{
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        const bool is_lost = c->end != REPORT_DONE && c->end != REPORT_UNFINISHED;
        if (report_is_of(r, c, a) && is_lost == lost && report_same_rate(c->lr, lr)) return (int)i;
    }
    return -1;
}

/* The lowest rate above the best at which a run was lost, or else the lowest of all; -1: none was. */
static int failing_rate(const struct report_arm *a)
{
    int first = -1;

    for (int k = 0; k < a->rate_count; k++) {
        if (!report_lost(a->rates[k].ended)) continue;
        if (k > a->best) return k;
        if (first < 0) first = k;
    }
    return first;
}

void report_fill_curves(struct plot *p, const struct report *r, const struct report_figure *f,
                        const struct report_panel *panel)
{
    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        const int failing = failing_rate(a), open = a->best < 0 && a->rate_count ? 0 : a->best;
        int cell;

        if (a->condition != panel->condition) continue;
        cell = open < 0 ? -1 : first_cell(r, a, a->rates[open].lr, false);
        if (cell >= 0) add_run(p, r, f, (size_t)cell, PLOT_LINE);
        cell = failing < 0 ? -1 : first_cell(r, a, a->rates[failing].lr, true);
        if (cell >= 0) add_run(p, r, f, (size_t)cell, PLOT_LINE | PLOT_FAINT | PLOT_STOPS);
    }
}
