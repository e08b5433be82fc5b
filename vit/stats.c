/* Tests and intervals of stats.h, but for the bootstrap. */
#include <assert.h>
#include <float.h>
#include <math.h>

#include "vit/stats.h"

/* ---- two networks, the same pictures ---- */

double vit_mcnemar(size_t only_a, size_t only_b)
{
    const size_t n = only_a + only_b, least = only_a < only_b ? only_a : only_b;

    return n ? fmin(1, 2 * vit_binomial_cdf(least, n, 0.5)) : 1;
}

size_t vit_mcnemar_least(size_t discordant, double alpha)
{
    size_t low = 0, high = discordant / 2; /* the smaller count: p rises with it */

    if (vit_mcnemar(0, discordant) > alpha || !discordant) return 0;
    while (low < high) {
        const size_t middle = high - (high - low) / 2;
        if (vit_mcnemar(middle, discordant - middle) <= alpha)
            low = middle;
        else
            high = middle - 1;
    }
    return discordant - 2 * low;
}

/* Tango 1998: the standardised distance of the data from a true difference d, with the chance q of "only b"
 * that is likeliest given d, the larger root of 2 n q^2 + u q - b d (1 - d) = 0. Falls as d rises. */
static double score(double d, double a, double b, double n)
{
    const double u = (2 * n - a + b) * d - a - b, v = -b * d * (1 - d);
    const double q = (sqrt(fmax(0, u * u - 8 * n * v)) - u) / (4 * n);
    const double variance = n * (2 * q + d * (1 - d)), distance = a - b - n * d;

    /* At d = -1 and 1 nothing varies: any other data are out of reach. */
    if (variance <= 0) return distance > 0 ? INFINITY : distance < 0 ? -INFINITY : 0;
    return distance / sqrt(variance);
}

/* Where the score passes z between low and high, by halving until the two sides are neighbours. */
static double where_score_is(double z, double low, double high, double a, double b, double n)
{
    for (;;) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) return middle;
        if (score(middle, a, b, n) > z)
            low = middle;
        else
            high = middle;
    }
}

void vit_paired_proportions(double *low, double *high, size_t only_a, size_t only_b, size_t n, double level)
{
    const double z = vit_normal_quantile(0.5 + level / 2), a = (double)only_a, b = (double)only_b;
    const double estimate = n ? (a - b) / (double)n : 0;

    assert(only_a + only_b <= n && level > 0 && level < 1);
    *low = -1, *high = 1;
    if (n && estimate > -1) *low = where_score_is(z, -1, estimate, a, b, (double)n);
    if (n && estimate < 1) *high = where_score_is(-z, estimate, 1, a, b, (double)n);
}

/* ---- two arms, one number a run ---- */

double vit_mean(const double *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++) sum += x[i];
    return n ? sum / n : NAN;
}

double vit_standard_deviation(const double *x, int n)
{
    const double mean = vit_mean(x, n);
    double sum = 0;

    for (int i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(sum / (n - 1)) : NAN;
}

/* Fill in what follows from difference, error and df. Errors of rounding in the mean of equal numbers are no
 * spread: R's t.test draws the same line. */
static struct vit_t_test finish(double difference, double error, double df, double size, double level)
{
    struct vit_t_test t = { .difference = difference, .error = error, .df = df };

    t.t = t.p = t.low = t.high = NAN;
    if (!(error > 10 * DBL_EPSILON * size) || !(df > 0)) {
        t.df = NAN;
        return t;
    }
    t.t = difference / error;
    t.p = fmin(1, 2 * vit_t_cdf(-fabs(t.t), df));
    t.high = difference + error * vit_t_quantile(0.5 + level / 2, df);
    t.low = 2 * difference - t.high;
    return t;
}

struct vit_t_test vit_welch(const double *a, int na, const double *b, int nb, double level)
{
    const double mean_a = vit_mean(a, na), mean_b = vit_mean(b, nb);
    const double sd_a = vit_standard_deviation(a, na), sd_b = vit_standard_deviation(b, nb);
    const double va = sd_a * sd_a / na, vb = sd_b * sd_b / nb;
    const double df = (va + vb) * (va + vb) / (va * va / (na - 1) + vb * vb / (nb - 1));

    return finish(mean_a - mean_b, sqrt(va + vb), df, fmax(fabs(mean_a), fabs(mean_b)), level);
}

struct vit_t_test vit_paired(const double *a, const double *b, int n, double level)
{
    double mean = 0, sum = 0, size = 0;

    for (int i = 0; i < n; i++) {
        mean += (a[i] - b[i]) / n;
        size = fmax(size, fmax(fabs(a[i]), fabs(b[i])));
    }
    for (int i = 0; i < n; i++) sum += (a[i] - b[i] - mean) * (a[i] - b[i] - mean);
    return finish(n ? mean : NAN, n > 1 ? sqrt(sum / (n - 1) / n) : NAN, n - 1, size, level);
}

double vit_equivalence(const struct vit_t_test *t, double margin)
{
    if (isnan(t->df)) return NAN;
    return fmax(vit_t_cdf(-(t->difference + margin) / t->error, t->df),
                vit_t_cdf((t->difference - margin) / t->error, t->df));
}

/* Chance that |T| exceeds limit at a noncentrality. */
static double power_at(double delta, double df, double limit)
{
    return 1 - vit_noncentral_t_cdf(limit, df, delta) + vit_noncentral_t_cdf(-limit, df, delta);
}

double vit_detectable(double error, double df, double alpha, double power)
{
    double low = 0, high = 1, limit;

    if (!(error > 0) || !(df > 0)) return NAN;
    assert(alpha > 0 && alpha < power && power < 1);
    limit = vit_t_quantile(1 - alpha / 2, df);
    while (power_at(high, df, limit) < power) {
        if (high >= VIT_MOST_NONCENTRALITY) return NAN;
        low = high;
        high = fmin(2 * high, VIT_MOST_NONCENTRALITY);
    }
    while (high - low > 1e-12 * high) {
        const double middle = (low + high) / 2;
        if (power_at(middle, df, limit) < power)
            low = middle;
        else
            high = middle;
    }
    return error * high;
}

/* ---- counts and many tests ---- */

static double log_choose(double n, double k)
{
    int sign;

    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

double vit_fisher(size_t k_a, size_t n_a, size_t k_b, size_t n_b)
{
    const size_t k = k_a + k_b, low = k > n_b ? k - n_b : 0, high = k < n_a ? k : n_a;
    const double all = log_choose((double)(n_a + n_b), (double)k);
    const double found = log_choose((double)n_a, (double)k_a) + log_choose((double)n_b, (double)k_b) - all;
    double sum = 0;

    assert(k_a <= n_a && k_b <= n_b);
    for (size_t i = low; i <= high; i++) {
        const double one =
            log_choose((double)n_a, (double)i) + log_choose((double)n_b, (double)(k - i)) - all;
        if (one <= found + 1e-7) sum += exp(one);
    }
    return fmin(1, sum);
}

/* Tests that are not before p[i] in rising order, itself among them; NAN comes last. */
static int not_before(const double *p, int count, int i)
{
    int left = count;

    for (int j = 0; j < count; j++) left -= p[j] < p[i] || (j < i && p[j] == p[i]);
    return left;
}

/* Every p times the number of tests that are not before it, and never below one that is. The second pass may
 * meet a value that is final already: that is a maximum over some of the same. */
void vit_holm(double *adjusted, const double *p, int count)
{
    for (int i = 0; i < count; i++) adjusted[i] = fmin(1, not_before(p, count, i) * p[i]);
    for (int i = 0; i < count; i++) {
        if (isnan(p[i])) adjusted[i] = NAN;
        for (int j = 0; j < count; j++)
            if (p[j] <= p[i]) adjusted[i] = fmax(adjusted[i], adjusted[j]);
    }
}
