/* The two-way bootstrap. A draw is a function of (seed, draw), so threads change nothing. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "vit/arena.h"
#include "vit/random.h"
#include "vit/stats.h"

#define BOOTSTRAP_DOMAIN UINT64_C(0x626f6f74) /* "boot": apart from every other use of the seed */

struct arm {
    const unsigned char *right; /* (runs, n) */
    int runs, weight;
};

/* value (n) += weight times how often the drawn runs get each picture right; uses counters from *at on. */
static void add_runs(int32_t *value, const struct arm *arm, size_t n, uint64_t key, uint64_t *at)
{
    for (int i = 0; i < arm->runs; i++) {
        const size_t run = (size_t)vit_random_below(key, (*at)++, (uint64_t)arm->runs);
        const unsigned char *right = arm->right + run * n;

        for (size_t k = 0; k < n; k++) value[k] += right[k] * arm->weight;
    }
}

/* One draw: runs first, then pictures. The sum is of whole numbers, so its order does not matter. */
static double draw(int32_t *value, const struct arm *a, const struct arm *b, size_t n, uint64_t key)
{
    uint64_t at = 0;
    int64_t sum = 0;

    memset(value, 0, n * sizeof *value);
    add_runs(value, a, n, key, &at);
    add_runs(value, b, n, key, &at);
    for (size_t i = 0; i < n; i++) sum += value[vit_random_below(key, at + i, n)];
    return (double)sum / ((double)a->runs * b->runs * (double)n);
}

static int ascending(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* Between the order statistics around p (count - 1), as NumPy and R (type 7) do. */
static double percentile(const double *sorted, int count, double p)
{
    const double at = p * (count - 1);
    const int i = (int)floor(at) < count - 1 ? (int)floor(at) : count - 2;

    return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

static enum vit_status check(const struct vit_bootstrap *o, struct vit_error *err)
{
    if (o->draws < 2)
        return vit_fail(err, VIT_ERR_ARG, "bootstrap: draws must be at least 2, found %d", o->draws);
    if (!(o->level > 0 && o->level <= 1))
        return vit_fail(err, VIT_ERR_ARG, "bootstrap: level must be above 0 and at most 1, found %g",
                        o->level);
    return VIT_OK;
}

enum vit_status vit_bootstrap_difference(double *low, double *high, const unsigned char *right_a, int runs_a,
                                         const unsigned char *right_b, int runs_b, size_t n,
                                         const struct vit_bootstrap *o, struct vit_error *err)
{
    /* Over a common denominator, the mean of an arm is a whole number. */
    const struct arm a = { right_a, runs_a, runs_b }, b = { right_b, runs_b, -runs_a };
    const uint64_t key = vit_key(o->seed, BOOTSTRAP_DOMAIN);
    const int most = o->threads < VIT_MOST_THREADS ? o->threads : VIT_MOST_THREADS,
              threads = most > 0 ? most : 1;
    size_t bytes = n;
    double *drawn;
    int32_t *value = NULL;
    enum vit_status status = check(o, err);

    assert(runs_a > 0 && runs_b > 0 && runs_a <= 30000 && runs_b <= 30000 && n > 0);
    *low = *high = NAN;
    if (status) return status;
    drawn = calloc((size_t)o->draws, sizeof *drawn);
    if (vit_size_mul(&bytes, (size_t)threads) && vit_size_mul(&bytes, sizeof *value) && bytes <= SIZE_MAX / 2)
        value = malloc(bytes);
    if (!drawn || !value) {
        status =
            vit_fail(err, VIT_ERR_NOMEM, "bootstrap: cannot allocate %d draws of %zu pictures", o->draws, n);
    } else {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int t = 0; t < threads; t++)
            for (int r = t; r < o->draws; r += threads)
                drawn[r] = draw(value + (size_t)t * n, &a, &b, n, vit_key(key, (uint64_t)r));
        qsort(drawn, (size_t)o->draws, sizeof *drawn, ascending);
        *low = percentile(drawn, o->draws, 0.5 - o->level / 2);
        *high = percentile(drawn, o->draws, 0.5 + o->level / 2);
    }
    free(value);
    free(drawn);
    return status;
}
