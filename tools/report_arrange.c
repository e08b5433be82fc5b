/* Cells into arms: what is compared with what. */
#include <math.h>
#include <stdlib.h>

#include "tools/report_parts.h"
#include "tools/train.h"

int report_by_number(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static int by_rate(const void *a, const void *b)
{
    return report_by_number(&((const struct report_rate *)a)->lr, &((const struct report_rate *)b)->lr);
}

/* Whether two sources are known to have one data set: by its digest where both have one, else by its name,
 * which is what conditions are told apart by. */
static bool same_data(const struct report_source *a, const struct report_source *b)
{
    const char *left = json_string_value(json_object_get(a->about, "digest"));
    const char *right = json_string_value(json_object_get(b->about, "digest"));
    char name[256], other[256];

    if (left && right) return strcmp(left, right) == 0;
    report_data(a, name, sizeof name);
    return *name && strcmp(name, report_data(b, other, sizeof other)) == 0;
}

static int classes_of(const struct report *r, const struct report_source *s)
{
    int classes = s->classes;

    for (size_t i = 0; i < r->source_count && !s->classes; i++) {
        const int n = r->sources[i].classes;
        if (!n || !same_data(s, &r->sources[i])) continue;
        if (classes && n != classes) return 0;
        classes = n;
    }
    return classes;
}

int report_classes(const struct report *r, int source)
{
    int classes = 0, n;

    if (source >= 0) return classes_of(r, &r->sources[source]);
    for (size_t i = 0; i < r->cell_count; i++) {
        if (i && r->cells[i].source == r->cells[i - 1].source) continue;
        n = classes_of(r, &r->sources[r->cells[i].source]);
        if (!n || (classes && n != classes)) return 0;
        classes = n;
    }
    return classes;
}

double report_learnt(int classes)
{
    const double chance = 1.0 / classes;

    return fmin(2 * chance, chance + (1 - chance) / 9);
}

/* Whether a run that is done is known to have learnt; one that is known not to have, ends as one that
 * stayed. */
static bool judge(struct report_cell *c, int classes)
{
    if (c->end != REPORT_DONE || !classes || !isfinite(c->val_top1)) return false;
    if (c->val_top1 < report_learnt(classes)) c->end = REPORT_STAYED;
    return c->end == REPORT_DONE;
}

static enum vit_status add_rate(struct report_arm *a, struct report_cell *c, int classes,
                                struct vit_error *err)
{
    const bool learnt = judge(c, classes);
    struct report_rate *rate = NULL;
    enum vit_status status;

    for (int i = 0; i < a->rate_count && !rate; i++)
        if (report_same_rate(a->rates[i].lr, c->lr)) rate = &a->rates[i];
    if (!rate) {
        status = report_grow((void **)&a->rates, (size_t)a->rate_count, sizeof *rate, err);
        if (status) return status;
        rate = &a->rates[a->rate_count++];
        *rate = (struct report_rate){ .lr = c->lr, .mean = NAN, .median = NAN, .low = NAN, .high = NAN };
    }
    rate->runs++, rate->ended[c->end]++;
    a->runs++, a->ended[c->end]++;
    rate->learnt += learnt;
    return VIT_OK;
}

bool report_is_of(const struct report *r, const struct report_cell *c, const struct report_arm *a)
{
    return c->arm == (int)(a - r->arms);
}

/* Those that report_values takes. */
struct runs {
    const struct report *report;
    const struct report_arm *arm;
    double lr;
    report_value *value;
};

static bool is_run(const struct runs *w, const struct report_cell *c)
{
    return report_is_of(w->report, c, w->arm) && c->end == REPORT_DONE && report_same_rate(c->lr, w->lr) &&
           isfinite(w->value(c));
}

/* How many of them stand before c, by seed, and of one seed by where they are in the files. */
static size_t rank(const struct runs *w, const struct report_cell *c)
{
    size_t before = 0;

    for (size_t i = 0; i < w->report->cell_count; i++) {
        const struct report_cell *other = &w->report->cells[i];
        if (is_run(w, other)) before += other->seed < c->seed || (other->seed == c->seed && other < c);
    }
    return before;
}

size_t report_values(const struct report *r, const struct report_arm *a, double lr, report_value *value,
                     double *out)
{
    const struct runs w = { r, a, lr, value };
    size_t count = 0;

    for (size_t i = 0; i < r->cell_count; i++) {
        if (!is_run(&w, &r->cells[i])) continue;
        out[rank(&w, &r->cells[i])] = value(&r->cells[i]);
        count++;
    }
    return count;
}

double report_val_top1(const struct report_cell *c)
{
    return c->val_top1;
}

double report_test_top1(const struct report_cell *c)
{
    return c->test_top1;
}

bool report_tested(const struct report *r)
{
    for (size_t i = 0; i < r->cell_count; i++)
        if (isfinite(r->cells[i].test_top1)) return true;
    return false;
}

report_value *report_shown(const struct report *r)
{
    return report_tested(r) ? report_test_top1 : report_val_top1;
}

double report_precision(const struct report *r, struct report_span *pictures)
{
    double widest = NAN, low, high;

    *pictures = (struct report_span){ 0 };
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (c->end != REPORT_DONE || !c->val_n || !isfinite(c->val_top1)) continue;
        report_widen(pictures, c->val_n);
        report_interval(&low, &high, c->val_top1 * c->val_n, c->val_n);
        widest = fmax(widest, (high - low) / 2);
    }
    return widest;
}

bool report_judged(const struct report *r)
{
    for (size_t i = 0; i < r->arm_count; i++)
        if (!r->arms[i].judged) return false;
    return true;
}

/* values (cells): room. */
static void measure_rate(const struct report *r, const struct report_arm *a, struct report_rate *rate,
                         double *values)
{
    const size_t n = report_values(r, a, rate->lr, report_val_top1, values);
    double sum = 0;

    if (!n) return;
    qsort(values, n, sizeof *values, report_by_number);
    for (size_t i = 0; i < n; i++) sum += values[i];
    rate->mean = sum / (double)n;
    rate->median = (values[(n - 1) / 2] + values[n / 2]) / 2;
    rate->low = values[0];
    rate->high = values[n - 1];
}

/* The best of the rates, of those only where no run was lost when whole. */
static int best_of(const struct report_arm *a, bool whole)
{
    int best = -1;

    for (int i = 0; i < a->rate_count; i++) {
        const struct report_rate *rate = &a->rates[i];
        if (!isfinite(rate->mean) || (whole && report_lost(rate->ended))) continue;
        if (best < 0 || rate->mean > a->rates[best].mean) best = i;
    }
    return best;
}

/* Rates with runs that were trained to their end. */
static int survived(const struct report_arm *a)
{
    int count = 0;

    for (int i = 0; i < a->rate_count; i++) count += a->rates[i].ended[REPORT_DONE] > 0;
    return count;
}

/* The only one of them, which needs no validation to be chosen; -1: there are several, or none. */
static int only_of(const struct report_arm *a)
{
    if (survived(a) != 1) return -1;
    for (int i = 0; i < a->rate_count; i++)
        if (a->rates[i].ended[REPORT_DONE]) return i;
    return -1;
}

static bool is_close(const struct report_arm *a, int i)
{
    const struct report_rate *rate = &a->rates[i];

    return !report_lost(rate->ended) && rate->mean >= a->rates[a->best].mean - REPORT_POINT - 1e-12;
}

static void find_highest(struct report_arm *a)
{
    int judged = 0;

    a->highest = -1;
    for (int i = 0; i < a->rate_count; i++) {
        const struct report_rate *rate = &a->rates[i];
        judged += rate->learnt;
        if (rate->learnt && rate->learnt == report_ended(rate->ended, rate->runs)) a->highest = i;
    }
    a->judged = judged == a->ended[REPORT_DONE];
}

static void find_best(struct report_arm *a)
{
    a->best = best_of(a, true);
    if (a->best < 0) a->best = best_of(a, false);
    if (a->best < 0) a->best = only_of(a);
    a->within_low = a->within_high = a->best;
    if (a->best < 0) return;
    while (a->within_low > 0 && is_close(a, a->within_low - 1)) a->within_low--;
    while (a->within_high < a->rate_count - 1 && is_close(a, a->within_high + 1)) a->within_high++;
}

/* A cell on its way to its arm. */
struct placed {
    struct report_cell *cell;
    int norm;
};

/* Those of an arm are neighbours, in the order they were read in. */
static int by_arm(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;

    if (a->cell->condition != b->cell->condition) return a->cell->condition - b->cell->condition;
    return a->norm != b->norm ? a->norm - b->norm : (a->cell > b->cell) - (a->cell < b->cell);
}

static bool is_of(const struct report_arm *a, const struct placed *p)
{
    return a->condition == p->cell->condition && a->norm == p->norm;
}

/* They come one condition after the other. */
static void add_to_condition(struct report_condition *c, size_t arm)
{
    if (!c->arm_count++) c->arm = arm;
}

/* To the last arm, or to a new one. */
static enum vit_status add_to_arm(struct report *r, const struct placed *p, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    if (!r->arm_count || !is_of(&r->arms[r->arm_count - 1], p)) {
        status = report_grow((void **)&r->arms, r->arm_count, sizeof *r->arms, err);
        if (status) return status;
        r->arms[r->arm_count] = (struct report_arm){ .condition = p->cell->condition, .norm = p->norm };
        add_to_condition(&r->conditions[p->cell->condition], r->arm_count++);
    }
    p->cell->arm = (int)r->arm_count - 1;
    return add_rate(&r->arms[r->arm_count - 1], p->cell, report_classes(r, p->cell->source), err);
}

static enum vit_status find_arms(struct report *r, struct vit_error *err)
{
    struct placed *sorted = calloc(r->cell_count + 1, sizeof *sorted);
    enum vit_status status = sorted ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "report: no memory");

    for (size_t i = 0; i < r->cell_count && !status; i++)
        sorted[i] = (struct placed){ &r->cells[i], report_norm(r, r->cells[i].norm) };
    if (!status) qsort(sorted, r->cell_count, sizeof *sorted, by_arm);
    for (size_t i = 0; i < r->cell_count && !status; i++) status = add_to_arm(r, &sorted[i], err);
    for (size_t i = 0; i < r->arm_count && !status; i++)
        qsort(r->arms[i].rates, (size_t)r->arms[i].rate_count, sizeof *r->arms[i].rates, by_rate);
    free(sorted);
    return status;
}

/* Whether the best rate of a is better than that of b, by what find_best goes by. */
static bool is_better(const struct report_arm *a, const struct report_arm *b)
{
    const struct report_rate *rate = &a->rates[a->best], *other = &b->rates[b->best];
    const bool whole = !report_lost(rate->ended);

    if (!isfinite(rate->mean) || !isfinite(other->mean)) return isfinite(rate->mean);
    return whole != !report_lost(other->ended) ? whole : rate->mean > other->mean;
}

const struct report_arm *report_arm(const struct report *r, int condition, size_t norm)
{
    const struct report_condition *c = &r->conditions[condition];

    for (size_t i = c->arm; i < c->arm + c->arm_count; i++)
        if (r->arms[i].norm == (int)norm) return &r->arms[i];
    return NULL;
}

struct report_tally report_tally(const struct report *r, int match, size_t norm)
{
    struct report_tally t = { 0 };
    int choices = 0;

    for (int c = r->matches[match].condition; c >= 0; c = r->conditions[c].next) {
        const struct report_arm *a = report_arm(r, c, norm);
        if (!a) continue;
        t.runs += a->runs;
        t.trials += report_tried(a);
        for (int e = 0; e < REPORT_ENDS; e++) t.ended[e] += a->ended[e];
        choices += survived(a);
        if (a->best >= 0 && (!t.best || is_better(a, t.best))) t.best = a;
    }
    if (choices > 1 && t.best && !isfinite(t.best->rates[t.best->best].mean)) t.best = NULL;
    return t;
}

enum vit_status report_arrange(struct report *r, struct vit_error *err)
{
    double *values = calloc(r->cell_count + 1, sizeof *values);
    enum vit_status status =
        values ? report_find_norms(r, err) : vit_fail(err, VIT_ERR_NOMEM, "report: no memory");

    if (!status) status = report_find_conditions(r, err);
    if (!status) status = report_count_once(r, err);
    if (!status) status = report_find_groups(r, err);
    if (!status) status = find_arms(r, err);
    for (size_t i = 0; i < r->arm_count && !status; i++) {
        struct report_arm *a = &r->arms[i];
        for (int k = 0; k < a->rate_count; k++) measure_rate(r, a, &a->rates[k], values);
        find_best(a);
        find_highest(a);
    }
    free(values);
    return status;
}
