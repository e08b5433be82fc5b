/* native_flat.h - element by element; plain loops the compiler turns into vectors of this overlay. */
#ifndef KERNELS_NATIVE_FLAT_H
#define KERNELS_NATIVE_FLAT_H

#include "kernels/native_act.h"
#include "kernels/native_norm.h"

/* One row of add. */
static void add_row(float *out, const float *x, float x_scale, const float *y, const float *gain, int gain_n,
                    int n)
{
    for (int j = 0; j < n; j += VEC) {
        const int rest = n - j;
        vec v = load_some(y + j, rest);

        if (gain) v = v * gain_at(gain, gain_n, j, n);
        if (x) v = v + load_some(x + j, rest) * SPLAT(x_scale);
        store_some(out + j, v, rest);
    }
}

static void add(const struct kern_ctx *c, float *out, const float *x, float x_scale, const float *y,
                const float *gain, int gain_n, int m, int n)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if ((size_t)m * n > SPAN)
    for (int i = 0; i < m; i++) {
        const size_t at = (size_t)i * n;
        add_row(out + at, x ? x + at : NULL, x_scale, y + at, gain, gain_n, n);
    }
}

/* One part of the rows: dy = gain dout, and into sums (n) the column sums of dout y. */
static void add_back_part(float *dy, float *sums, const float *dout, const float *y, const float *gain,
                          int gain_n, int rows, int n)
{
    memset(sums, 0, (size_t)n * sizeof(float));
    for (int i = 0; i < rows; i++, dy += n, dout += n, y += n)
        for (int j = 0; j < n; j += VEC) {
            const int rest = n - j;
            const vec g = load_some(dout + j, rest);

            store_some(sums + j, load_some(sums + j, rest) + g * load_some(y + j, rest), rest);
            store_some(dy + j, gain ? g * gain_at(gain, gain_n, j, n) : g, rest);
        }
}

static void add_back(const struct kern_ctx *c, float *dy, float *dgain, const float *dout, const float *y,
                     const float *gain, int gain_n, int m, int n)
{
    const size_t stride = (size_t)padded(n, 16);
    const int step = units(m, PARTS);
    float *sums = c->scratch, total = 0;

    assert(c->scratch_bytes >= PARTS * stride * sizeof(float));
#pragma omp parallel for num_threads(c->threads) schedule(static)
    for (int part = 0; part < PARTS; part++) {
        const size_t at = (size_t)part * step * n;
        const int rows = most(0, least(step, m - part * step));

        add_back_part(dy + at, sums + part * stride, dout + at, y + at, gain, gain_n, rows, n);
    }
    if (gain_n != 1) {
        add_parts(dgain, sums, stride, n);
        return;
    }
    for (int part = 0; part < PARTS; part++) total += row_sum(sums + part * stride, n);
    if (dgain) *dgain += total;
}

static void row_scale(const struct kern_ctx *c, float *x, const float *factor, int m, size_t n)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if ((size_t)m * n > SPAN)
    for (int i = 0; i < m; i++) {
#pragma omp simd
        for (size_t j = 0; j < n; j++) x[(size_t)i * n + j] *= factor[i];
    }
}

/* AdamW as in ref_flat.c, in float. */
static void adamw_span(float *w, float *mean, float *square, const float *grad, int count,
                       const struct kern_adamw *p)
{
    const vec keep = SPLAT(1 - p->lr * p->decay), lr = SPLAT(p->lr / p->correct1);
    const vec inverse = SPLAT(1 / p->correct2), eps = SPLAT(p->eps), scale = SPLAT(p->grad_scale);

    for (int j = 0; j < count; j += VEC) {
        const int rest = count - j;
        const vec g = load_some(grad + j, rest) * scale;
        const vec m = load_some(mean + j, rest) * SPLAT(p->beta1) + g * SPLAT(1 - p->beta1);
        const vec s = load_some(square + j, rest) * SPLAT(p->beta2) + g * g * SPLAT(1 - p->beta2);

        store_some(mean + j, m, rest);
        store_some(square + j, s, rest);
        store_some(w + j, load_some(w + j, rest) * keep - lr * (m / (VEC_SQRT(s * inverse) + eps)), rest);
    }
}

static void adamw(const struct kern_ctx *c, float *w, float *mean, float *square, const float *grad,
                  size_t count, const struct kern_adamw *p)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if (count > SPAN)
    for (size_t i = 0; i < count; i += SPAN)
        adamw_span(w + i, mean + i, square + i, grad + i, span_of(i, count), p);
}

enum { CHUNKS = 256 }; /* of sum_squares, whatever the number of threads */

static double chunk_squares(const float *x, size_t count)
{
    double sum[8] = { 0 };
    size_t i = 0;

    for (; i + 8 <= count; i += 8)
        for (int j = 0; j < 8; j++) sum[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < count; i++) sum[i % 8] += (double)x[i] * (double)x[i];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static double sum_squares(const struct kern_ctx *c, const float *x, size_t count)
{
    const size_t even = (count + CHUNKS - 1) / CHUNKS, step = even > SPAN ? even : SPAN;
    double part[CHUNKS] = { 0 }, sum = 0;

#pragma omp parallel for num_threads(c->threads) schedule(static) if (count > 4 * SPAN)
    for (int i = 0; i < CHUNKS; i++) {
        const size_t at = i * step;
        if (at < count) part[i] = chunk_squares(x + at, count - at < step ? count - at : step);
    }
    for (int i = 0; i < CHUNKS; i++) sum += part[i];
    return sum;
}

#endif
