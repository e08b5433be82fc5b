/* What follows from the runs: every pair of arms, picture by picture and run by run. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"

/* Tests over runs that were not made. */
static const struct vit_t_test UNTESTED = { NAN, NAN, NAN, NAN, NAN, NAN, NAN };

/* The run in the middle by accuracy, the lower of two; ties go to the earlier one. */
static int median_of(const struct compare_arm *arm)
{
    for (int i = 0; i < arm->count; i++) {
        int below = 0;

        for (int k = 0; k < arm->count; k++)
            below += arm->top1[k] < arm->top1[i] || (k < i && arm->top1[k] == arm->top1[i]);
        if (below == (arm->count - 1) / 2) return i;
    }
    return 0;
}

static void measure_arm(struct compare_arm *arm)
{
    for (int i = 0; i < arm->count; i++)
        arm->top1[i] = eval_share_of(arm->runs[i].correct, arm->runs[i].n).value;
    arm->mean = vit_mean(arm->top1, arm->count);
    arm->sd = vit_standard_deviation(arm->top1, arm->count);
    arm->median = median_of(arm);
}

int compare_fewest(const struct compare_pair *p)
{
    return p->a->count < p->b->count ? p->a->count : p->b->count;
}

static void measure_networks(struct compare_pair *p, size_t n)
{
    const unsigned char *a = p->a->runs[p->a->median].right, *b = p->b->runs[p->b->median].right;

    for (size_t i = 0; i < n; i++) {
        p->both += a[i] && b[i];
        p->only_a += a[i] && !b[i];
        p->only_b += !a[i] && b[i];
    }
    p->difference = p->low = p->high = p->mcnemar = NAN;
    if (!n) return;
    p->difference = ((double)p->only_a - (double)p->only_b) / (double)n;
    vit_paired_proportions(&p->low, &p->high, p->only_a, p->only_b, n, COMPARE_LEVEL);
    p->mcnemar = vit_mcnemar(p->only_a, p->only_b);
    p->least = vit_mcnemar_least(p->only_a + p->only_b, COMPARE_ALPHA);
}

/* An interval needs two runs an arm, a p-value COMPARE_MIN_RUNS. */
static struct vit_t_test without_p(struct vit_t_test t)
{
    t.t = t.p = NAN;
    return t;
}

static void measure_runs(struct compare_pair *p, double margin)
{
    const struct compare_arm *a = p->a, *b = p->b;
    const int fewest = compare_fewest(p);

    p->welch = p->paired = UNTESTED;
    p->equivalence = p->detectable = NAN;
    if (fewest < 2) return;
    p->welch = vit_welch(a->top1, a->count, b->top1, b->count, COMPARE_LEVEL);
    if (a->count == b->count) p->paired = vit_paired(a->top1, b->top1, a->count, COMPARE_LEVEL);
    if (fewest < COMPARE_MIN_RUNS) {
        p->welch = without_p(p->welch);
        p->paired = without_p(p->paired);
        return;
    }
    p->equivalence = vit_equivalence(&p->welch, margin);
    p->detectable = vit_detectable(p->welch.error, p->welch.df, COMPARE_ALPHA, COMPARE_POWER);
}

static void measure_pair(struct compare_pair *p, const struct compare *c, int a, int b)
{
    *p = (struct compare_pair){ .a = &c->arms[a], .b = &c->arms[b] };
    p->bootstrap_low = p->bootstrap_high = NAN;
    measure_networks(p, c->n);
    measure_runs(p, c->margin);
}

/* (count, n) right answers of an arm's runs in one piece; NULL: no memory. */
static unsigned char *gather(const struct compare_arm *arm, size_t n)
{
    unsigned char *all = calloc((size_t)arm->count, n);

    for (int i = 0; all && i < arm->count; i++) memcpy(all + (size_t)i * n, arm->runs[i].right, n);
    return all;
}

static enum vit_status bootstrap(struct compare_pair *p, const struct compare *c, struct vit_error *err)
{
    const struct vit_bootstrap o = { .draws = (int)c->draws,
                                     .seed = c->common->seed,
                                     .threads = cmd_threads_in_all(c->common),
                                     .level = COMPARE_LEVEL };
    unsigned char *a, *b;
    enum vit_status status;

    if (compare_fewest(p) < 2 || !c->n) return VIT_OK;
    a = gather(p->a, c->n);
    b = gather(p->b, c->n);
    if (a && b)
        status = vit_bootstrap_difference(&p->bootstrap_low, &p->bootstrap_high, a, p->a->count, b,
                                          p->b->count, c->n, &o, err);
    else
        status =
            vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the answers of all runs to %zu pictures", c->n);
    free(a);
    free(b);
    return status;
}

/* All pairs but the first, which was chosen beforehand. */
static enum vit_status measure_others(struct compare *c, struct vit_error *err)
{
    const int most = c->arm_count * (c->arm_count - 1) / 2;

    c->others = calloc((size_t)most, sizeof *c->others);
    c->other_p = calloc((size_t)most, sizeof *c->other_p);
    c->other_holm = calloc((size_t)most, sizeof *c->other_holm);
    if (!c->others || !c->other_p || !c->other_holm)
        return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %d pairs of arms", most);
    c->others_by_run = true;
    for (int i = 0; i < c->arm_count; i++) c->others_by_run &= c->arms[i].count >= COMPARE_MIN_RUNS;
    for (int i = 0; i < c->arm_count; i++)
        for (int k = i + 1; k < c->arm_count; k++) {
            if (k == 1) continue;
            measure_pair(&c->others[c->other_count], c, i, k);
            c->other_p[c->other_count] =
                c->others_by_run ? c->others[c->other_count].welch.p : c->others[c->other_count].mcnemar;
            c->other_count++;
        }
    vit_holm(c->other_holm, c->other_p, c->other_count);
    return VIT_OK;
}

enum vit_status compare_measure(struct compare *c, struct vit_error *err)
{
    enum vit_status status;

    for (int i = 0; i < c->arm_count; i++) measure_arm(&c->arms[i]);
    measure_pair(&c->first, c, 0, 1);
    status = bootstrap(&c->first, c, err);
    if (!status) status = measure_others(c, err);
    c->fisher = c->has_diverged ? vit_fisher(c->diverged[0].diverged, c->diverged[0].runs,
                                             c->diverged[1].diverged, c->diverged[1].runs)
                                : NAN;
    return status;
}
