/* native_act.h - activations and gated units over whole arrays. */
#ifndef KERNELS_NATIVE_ACT_H
#define KERNELS_NATIVE_ACT_H

#include "kernels/native_math.h"

enum { SPAN = 4096 }; /* numbers of a task: 16 KiB stay in L1 */

INLINE void act_columns(enum kern_act act, float *out, const float *x, int count)
{
    int j = 0;

    for (; j + VEC <= count; j += VEC) store(out + j, vec_act(act, load(x + j)));
    if (j < count) store_some(out + j, vec_act(act, load_some(x + j, count - j)), count - j);
}

OUTLINE void act_span(float *out, const float *x, int count, enum kern_act act)
{
    FOR_ACT(act, act_columns, out, x, count);
}

INLINE void act_back_columns(enum kern_act act, float *dx, const float *dout, const float *x, int count)
{
    int j = 0;

    for (; j + VEC <= count; j += VEC) store(dx + j, load(dout + j) * vec_act_slope(act, load(x + j)));
    if (j < count)
        store_some(dx + j, load_some(dout + j, count - j) * vec_act_slope(act, load_some(x + j, count - j)),
                   count - j);
}

OUTLINE void act_back_span(float *dx, const float *dout, const float *x, int count, enum kern_act act)
{
    FOR_ACT(act, act_back_columns, dx, dout, x, count);
}

static int span_of(size_t at, size_t count)
{
    return count - at < SPAN ? (int)(count - at) : SPAN;
}

static void act(const struct kern_ctx *c, float *out, const float *x, size_t count, enum kern_act name)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if (count > SPAN)
    for (size_t i = 0; i < count; i += SPAN) act_span(out + i, x + i, span_of(i, count), name);
}

static void act_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, size_t count,
                     enum kern_act name)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if (count > SPAN)
    for (size_t i = 0; i < count; i += SPAN) act_back_span(dx + i, dout + i, x + i, span_of(i, count), name);
}

/* out (count) = x y. */
static void times(float *out, const float *x, const float *y, int count)
{
    for (int j = 0; j < count; j += VEC)
        store_some(out + j, load_some(x + j, count - j) * load_some(y + j, count - j), count - j);
}

static void glu(const struct kern_ctx *c, float *out, const float *x, int m, int hidden, enum kern_act name)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if ((size_t)m * hidden > SPAN)
    for (int i = 0; i < m; i++) {
        const float *gate = x + (size_t)i * 2 * hidden;
        float *to = out + (size_t)i * hidden;

        act_span(to, gate, hidden, name);
        times(to, to, gate + hidden, hidden);
    }
}

/* d gate = dout up act'(gate), d up = dout act(gate); dx overlaps neither x nor dout. */
static void glu_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, int m,
                     int hidden, enum kern_act name)
{
#pragma omp parallel for num_threads(c->threads) schedule(static) if ((size_t)m * hidden > SPAN)
    for (int i = 0; i < m; i++) {
        const float *gate = x + (size_t)i * 2 * hidden, *g = dout + (size_t)i * hidden;
        float *dgate = dx + (size_t)i * 2 * hidden, *dup = dgate + hidden;

        times(dgate, g, gate + hidden, hidden);
        act_back_span(dgate, dgate, gate, hidden, name);
        act_span(dup, gate, hidden, name);
        times(dup, dup, g, hidden);
    }
}

#endif
