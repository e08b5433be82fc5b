#include <math.h>

#include "kernels/ref.h"

static const double SQRT_HALF = 0.70710678118654752440;
static const double INV_SQRT_2PI = 0.39894228040143267794;
static const double SQRT_2_OVER_PI = 0.79788456080286535588;
static const double CUBIC = 0.044715; /* Hendrycks & Gimpel 2016 */
static const double QUICK = 1.702;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* x s(a x) and its derivative s + a x s (1 - s). 1 - s is taken as s(-a x): no cancellation. */
static double swish(double x, double a)
{
    return x * sigmoid(a * x);
}

static double swish_slope(double x, double a)
{
    return sigmoid(a * x) + a * x * sigmoid(a * x) * sigmoid(-a * x);
}

/* Phi(x) = erfc(-x / sqrt 2) / 2: 1 + erf would cancel for x << 0. */
static double normal_cdf(double x)
{
    return 0.5 * erfc(-x * SQRT_HALF);
}

/* tanh GELU is x s(2 z) with z = sqrt(2/pi) (x + 0.044715 x^3), since (1 + tanh z) / 2 = s(2 z). */
static double gelu_tanh_slope(double x)
{
    const double z = SQRT_2_OVER_PI * (x + CUBIC * x * x * x), dz = SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x);

    return sigmoid(2 * z) + 2 * x * dz * sigmoid(2 * z) * sigmoid(-2 * z);
}

double kern_ref_act_value(enum kern_act act, double x)
{
    switch (act) {
    case KERN_ACT_GELU: return x * normal_cdf(x);
    case KERN_ACT_GELU_TANH: return x * sigmoid(2 * SQRT_2_OVER_PI * (x + CUBIC * x * x * x));
    case KERN_ACT_QUICK_GELU: return swish(x, QUICK);
    case KERN_ACT_RELU: return x <= 0 ? 0 : x; /* NaN stays NaN */
    case KERN_ACT_SILU: return swish(x, 1);
    case KERN_ACT_TANH: return tanh(x);
    case KERN_ACT_NONE:
    case KERN_ACTS: break;
    }
    return x;
}

double kern_ref_act_slope(enum kern_act act, double x)
{
    switch (act) {
    case KERN_ACT_GELU: return normal_cdf(x) + x * INV_SQRT_2PI * exp(-0.5 * x * x);
    case KERN_ACT_GELU_TANH: return gelu_tanh_slope(x);
    case KERN_ACT_QUICK_GELU: return swish_slope(x, QUICK);
    case KERN_ACT_RELU: return x > 0;
    case KERN_ACT_SILU: return swish_slope(x, 1);
    case KERN_ACT_TANH: return 1 - tanh(x) * tanh(x);
    case KERN_ACT_NONE:
    case KERN_ACTS: break;
    }
    return 1;
}

void kern_ref_act(const struct kern_ctx *c, float *out, const float *x, size_t count, enum kern_act act)
{
#pragma omp parallel for num_threads(c->threads)
    for (size_t i = 0; i < count; i++) out[i] = (float)kern_ref_act_value(act, (double)x[i]);
}

void kern_ref_act_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, size_t count,
                       enum kern_act act)
{
#pragma omp parallel for num_threads(c->threads)
    for (size_t i = 0; i < count; i++)
        dx[i] = (float)((double)dout[i] * kern_ref_act_slope(act, (double)x[i]));
}

void kern_ref_glu(const struct kern_ctx *c, float *out, const float *x, int m, int hidden, enum kern_act act)
{
#pragma omp parallel for num_threads(c->threads)
    for (int i = 0; i < m; i++) {
        const float *gate = x + (size_t)i * 2 * hidden, *up = gate + hidden;

        for (int j = 0; j < hidden; j++)
            out[(size_t)i * hidden + j] = (float)(kern_ref_act_value(act, (double)gate[j]) * (double)up[j]);
    }
}

void kern_ref_glu_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, int m,
                       int hidden, enum kern_act act)
{
#pragma omp parallel for num_threads(c->threads)
    for (int i = 0; i < m; i++) {
        const float *gate = x + (size_t)i * 2 * hidden, *up = gate + hidden;
        float *dgate = dx + (size_t)i * 2 * hidden, *dup = dgate + hidden;

        for (int j = 0; j < hidden; j++) {
            const double d = (double)dout[(size_t)i * hidden + j];
            const double slope = kern_ref_act_slope(act, (double)gate[j]);

            dup[j] = (float)(d * kern_ref_act_value(act, (double)gate[j]));
            dgate[j] = (float)(d * (double)up[j] * slope);
        }
    }
}
