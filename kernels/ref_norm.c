#include <math.h>

#include "kernels/ref.h"

/* Vector i of m groups: row i / groups, group i % groups. */
static size_t start(size_t i, const struct kern_rows *r, size_t ld)
{
    return i / (size_t)r->groups * ld + i % (size_t)r->groups * (size_t)r->d;
}

/* Mean and 1 / deviation of x (d). Two passes: the one-pass variance loses half the digits when
 * mean >> deviation. */
static void measure(double stat[2], const float *x, int d, const struct kern_norm *n)
{
    double mean = 0, square = 0;

    if (n->kind == KERN_LAYERNORM)
        for (int j = 0; j < d; j++) mean += (double)x[j] / d;
    for (int j = 0; j < d; j++) square += ((double)x[j] - mean) * ((double)x[j] - mean);
    stat[0] = mean;
    stat[1] = 1 / sqrt(square / d + (double)n->eps);
}

/* The value before gain and bias. */
static double normal(double x, const double stat[2], const struct kern_norm *n)
{
    return n->kind == KERN_DYT ? tanh((double)n->alpha[0] * x) : (x - stat[0]) * stat[1];
}

void kern_ref_norm(const struct kern_ctx *c, float *out, float *stat, const float *x,
                   const struct kern_norm *n, const struct kern_rows *r)
{
    const size_t count = (size_t)r->m * r->groups;

#pragma omp parallel for num_threads(c->threads)
    for (size_t i = 0; i < count; i++) {
        const float *from = x + start(i, r, r->ld_in);
        float *to = out + start(i, r, r->ld_out);
        double s[2];

        measure(s, from, r->d, n);
        if (stat && n->kind != KERN_DYT) stat[2 * i] = (float)s[0], stat[2 * i + 1] = (float)s[1];
        for (int j = 0; j < r->d; j++)
            to[j] = (float)(normal((double)from[j], s, n) * (n->gain ? (double)n->gain[j] : 1) +
                            (n->bias ? (double)n->bias[j] : 0));
    }
}

static void load_stat(double out[2], const float *stat, size_t i, const struct kern_norm *n)
{
    out[0] = n->kind == KERN_LAYERNORM ? (double)stat[2 * i] : 0;
    out[1] = n->kind == KERN_DYT ? 0 : (double)stat[2 * i + 1];
}

/* Column j of the sums over all vectors: dgain = sum dout xh, dbias = sum dout. */
static void column(const struct kern_dnorm *dn, int j, const float *dout, const float *x, const float *stat,
                   const struct kern_norm *n, const struct kern_rows *r)
{
    double gain = 0, bias = 0, s[2];

    for (size_t i = 0; i < (size_t)r->m * r->groups; i++) {
        const double g = (double)dout[start(i, r, r->ld_out) + j];

        load_stat(s, stat, i, n);
        gain += g * normal((double)x[start(i, r, r->ld_in) + j], s, n);
        bias += g;
    }
    if (dn->gain) dn->gain[j] = (float)((double)dn->gain[j] + gain);
    if (dn->bias) dn->bias[j] = (float)((double)dn->bias[j] + bias);
}

/* DyT: y = g tanh(alpha x) + b, so dalpha = sum dout g (1 - tanh^2) x over everything. */
static void add_alpha(float *dalpha, const float *dout, const float *x, const struct kern_norm *n,
                      const struct kern_rows *r)
{
    double sum = 0;

    for (size_t i = 0; i < (size_t)r->m * r->groups; i++)
        for (int j = 0; j < r->d; j++) {
            const double v = (double)x[start(i, r, r->ld_in) + j], th = tanh((double)n->alpha[0] * v);
            const double g = (double)dout[start(i, r, r->ld_out) + j] * (n->gain ? (double)n->gain[j] : 1);
            sum += g * (1 - th * th) * v;
        }
    *dalpha = (float)((double)*dalpha + sum);
}

/* With h = gain dout: LayerNorm dx = (h - mean(h) - xh mean(h xh)) / deviation; RMSNorm the same
 * without mean(h); DyT dx = h (1 - tanh^2) alpha. dx may be dout: h is read before dx is written. */
static void back_vector(float *dx, const float *dout, const float *x, const double s[2],
                        const struct kern_norm *n, int d)
{
    double mean = 0, along = 0;

    for (int j = 0; j < d; j++) {
        const double h = (double)dout[j] * (n->gain ? (double)n->gain[j] : 1);
        mean += h / d;
        along += h * normal((double)x[j], s, n) / d;
    }
    if (n->kind != KERN_LAYERNORM) mean = 0;
    for (int j = 0; j < d; j++) {
        const double h = (double)dout[j] * (n->gain ? (double)n->gain[j] : 1);
        const double xh = normal((double)x[j], s, n);

        if (n->kind == KERN_DYT)
            dx[j] = (float)(h * (1 - xh * xh) * (double)n->alpha[0]);
        else
            dx[j] = (float)((h - mean - xh * along) * s[1]);
    }
}

void kern_ref_norm_back(const struct kern_ctx *c, float *dx, const struct kern_dnorm *dn, const float *dout,
                        const float *x, const float *stat, const struct kern_norm *n,
                        const struct kern_rows *r)
{
    const size_t count = (size_t)r->m * r->groups;

    /* First what reads dout, which dx may overwrite. */
    if (dn->alpha && n->kind == KERN_DYT) add_alpha(dn->alpha, dout, x, n, r);
#pragma omp parallel for num_threads(c->threads)
    for (int j = 0; j < r->d; j++) column(dn, j, dout, x, stat, n, r);
#pragma omp parallel for num_threads(c->threads)
    for (size_t i = 0; i < count; i++) {
        double s[2];

        load_stat(s, stat, i, n);
        back_vector(dx + start(i, r, r->ld_out), dout + start(i, r, r->ld_out), x + start(i, r, r->ld_in), s,
                    n, r->d);
    }
}
