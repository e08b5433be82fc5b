/* native_flat.h - what passes over memory element by element or row by row: additions, scalings, AdamW,
 * the sum of squares. */
#ifndef KERNELS_NATIVE_FLAT_H
#define KERNELS_NATIVE_FLAT_H

#include "kernels/native_act.h"
#include "kernels/native_norm.h"

/* A gain for columns from j: one factor for all (gain_n 1), or its own for each. */
INLINE vec gain_at(const float *gain, int gain_n, int j, int count)
{
    return gain_n == 1 ? (vec)SPLAT(*gain) : load_some(gain + j, count - j);
}

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

/* Arguments of add and add_back: out is dy there. */
struct add_work {
    float *out;
    const float *x, *y, *gain;
    float x_scale;
    int gain_n, m, n;
    const float *dout; /* backward only ... */
    float *sums;       /* ... (PARTS, stride) */
    size_t stride;
};

static void add_task(const void *work, int task, int worker)
{
    const struct add_work *w = work;
    const struct range rows = task_rows(task, w->m, w->n);

    (void)worker;
    for (int i = rows.from; i < rows.to; i++) {
        const size_t at = (size_t)i * w->n;
        add_row(w->out + at, w->x ? w->x + at : NULL, w->x_scale, w->y + at, w->gain, w->gain_n, w->n);
    }
}

static void add(const struct kern_ctx *c, float *out, const float *x, float x_scale, const float *y,
                const float *gain, int gain_n, int m, int n)
{
    const struct add_work w = { out, x, y, gain, x_scale, gain_n, m, n, NULL, NULL, 0 };

    kern_share(c, false, add_task, &w, row_tasks(m, n));
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
            store_some(dy + j, g * gain_at(gain, gain_n, j, n), rest);
        }
}

static void add_back_task(const void *work, int part, int worker)
{
    const struct add_work *w = work;
    const int step = units(w->m, PARTS), rows = most(0, least(step, w->m - part * step));
    const size_t at = (size_t)part * step * w->n;

    (void)worker;
    add_back_part(w->out + at, w->sums + part * w->stride, w->dout + at, w->y + at, w->gain, w->gain_n, rows,
                  w->n);
}

static void add_back(const struct kern_ctx *c, float *dy, float *dgain, const float *dout, const float *y,
                     const float *gain, int gain_n, int m, int n)
{
    const size_t stride = (size_t)padded(n, 16);
    float *sums = c->scratch, total = 0;
    const struct add_work w = { dy, NULL, y, gain, 0, gain_n, m, n, dout, sums, stride };

    assert(c->scratch_bytes >= PARTS * stride * sizeof(float));
    kern_share(c, false, add_back_task, &w, PARTS);
    if (gain_n != 1) {
        add_parts(dgain, sums, stride, n);
        return;
    }
    for (int part = 0; part < PARTS; part++) total += row_sum(sums + part * stride, n);
    *dgain += total;
}

struct scale_work {
    float *x;
    const float *factor;
    size_t n;
};

static void scale_task(const void *work, int row, int worker)
{
    const struct scale_work *w = work;
    float *x = w->x + (size_t)row * w->n;

    (void)worker;
#pragma omp simd
    for (size_t j = 0; j < w->n; j++) x[j] *= w->factor[row];
}

static void row_scale(const struct kern_ctx *c, float *x, const float *factor, int m, size_t n)
{
    const struct scale_work w = { x, factor, n };

    kern_share(c, (size_t)m * n <= SPAN, scale_task, &w, m);
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

struct adamw_work {
    float *w, *mean, *square;
    const float *grad;
    size_t count;
    const struct kern_adamw *p;
};

static void adamw_task(const void *work, int task, int worker)
{
    const struct adamw_work *w = work;
    const size_t at = (size_t)task * SPAN;

    (void)worker;
    adamw_span(w->w + at, w->mean + at, w->square + at, w->grad + at, span_of(at, w->count), w->p);
}

static void adamw(const struct kern_ctx *c, float *w, float *mean, float *square, const float *grad,
                  size_t count, const struct kern_adamw *p)
{
    const struct adamw_work work = { w, mean, square, grad, count, p };

    kern_share(c, false, adamw_task, &work, spans(count));
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

struct squares_work {
    double *part; /* (CHUNKS) */
    const float *x;
    size_t count, step;
};

static void squares_task(const void *work, int i, int worker)
{
    const struct squares_work *w = work;
    const size_t at = (size_t)i * w->step, rest = w->count - at;

    (void)worker;
    w->part[i] = chunk_squares(w->x + at, rest < w->step ? rest : w->step);
}

static double sum_squares(const struct kern_ctx *c, const float *x, size_t count)
{
    const size_t even = (count + CHUNKS - 1) / CHUNKS, step = even > SPAN ? even : SPAN;
    double part[CHUNKS] = { 0 }, sum = 0;
    const struct squares_work w = { part, x, count, step };

    kern_share(c, count <= 4 * SPAN, squares_task, &w, (int)((count + step - 1) / step));
    for (int i = 0; i < CHUNKS; i++) sum += part[i];
    return sum;
}

#endif
