/* Distribution functions of the statistics; everything rests on the incomplete beta function. */
#include <assert.h>
#include <float.h>
#include <math.h>

#include "vit/stats.h"

/* lgamma writes a global; this does not. */
static double log_gamma(double x)
{
    int sign;

    return lgamma_r(x, &sign);
}

/* ---- beta ---- */

/* No partial product of the fraction may be 0: Thompson & Barnett 1986. */
static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction of DLMF 8.17.22, 1 / (1 + d1 / (1 + d2 / ...)). It needs about sqrt(max(a, b)) terms
 * where x is below the mean of the distribution. */
static double beta_fraction(double x, double a, double b)
{
    enum { MOST = 100000 };
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;

    for (int m = 1; m < MOST; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step;

        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= c * d;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        step = c * d;
        value *= step;
        if (fabs(step - 1) < DBL_EPSILON) break;
    }
    return value;
}

double vit_incomplete_beta(double x, double a, double b)
{
    double front;

    assert(a > 0 && b > 0 && x >= 0 && x <= 1);
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    front = exp(a * log(x) + b * log1p(-x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double vit_binomial_cdf(size_t k, size_t n, double p)
{
    return k >= n ? 1 : vit_incomplete_beta(1 - p, (double)(n - k), (double)k + 1);
}

/* ---- quantiles ---- */

/* The argument where a distribution that is symmetric about 0 reaches p, by halving until the two sides are
 * neighbours. The lower tail has the digits: 1 - p is exact, and a chance near 1 is not. */
static double quantile(double (*cdf)(double x, double df), double df, double p)
{
    double low = -1, high = 0;

    assert(p > 0 && p < 1);
    if (p >= 0.5) return p > 0.5 ? -quantile(cdf, df, 1 - p) : 0;
    while (cdf(low, df) > p && low > -DBL_MAX / 4) low *= 2;
    for (;;) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) return middle;
        if (cdf(middle, df) < p)
            low = middle;
        else
            high = middle;
    }
}

/* ---- normal ---- */

double vit_normal_cdf(double z)
{
    return erfc(-z * 0.70710678118654752440) / 2; /* sqrt(1/2) */
}

static double normal_cdf(double z, double unused)
{
    (void)unused;
    return vit_normal_cdf(z);
}

double vit_normal_quantile(double p)
{
    return quantile(normal_cdf, 0, p);
}

/* ---- Student's t ---- */

double vit_t_cdf(double t, double df)
{
    double tail;

    if (isnan(t) || isnan(df)) return NAN;
    if (isinf(t)) return t > 0;
    /* df / (df + t^2) loses all digits of a small t, t^2 / (df + t^2) none. */
    tail = t * t < df ? 0.5 - vit_incomplete_beta(t * t / (df + t * t), 0.5, df / 2) / 2
                      : vit_incomplete_beta(df / (df + t * t), df / 2, 0.5) / 2;
    return t < 0 ? tail : 1 - tail;
}

double vit_t_quantile(double p, double df)
{
    return quantile(vit_t_cdf, df, p);
}

/* AS 243, t >= 0: Phi(-delta) + sum_j (p_j I(j + 1/2) + q_j I(j + 1)) / 2 with x = t^2 / (df + t^2); p_j are
 * Poisson weights of mean delta^2 / 2, here from their logarithms, because the first of them underflows. */
double vit_noncentral_t_cdf(double t, double df, double delta)
{
    const double x = t * t / (df + t * t), mean = delta * delta / 2;
    double sum = 0;

    if (isnan(t) || isnan(df) || !(fabs(delta) <= VIT_MOST_NONCENTRALITY)) return NAN;
    if (t < 0) return 1 - vit_noncentral_t_cdf(-t, df, -delta);
    if (mean <= 0) return vit_t_cdf(t, df); /* a delta whose square is too small for a double counts as 0 */
    for (int j = 0; x > 0 && j < 20000; j++) {
        const double log_p = -mean + j * log(mean) - log_gamma(j + 1.0);
        const double log_q = -mean + j * log(mean) - log_gamma(j + 1.5);
        const double p = exp(log_p), q = delta * exp(log_q) * 0.70710678118654752440;
        const double term =
            p * vit_incomplete_beta(x, j + 0.5, df / 2) + q * vit_incomplete_beta(x, j + 1.0, df / 2);

        sum += term / 2;
        if (j > mean && p + fabs(q) < 1e-17) break;
    }
    return fmin(1, fmax(0, vit_normal_cdf(-delta) + sum));
}
