/* native_act.h - activations and gated units over whole arrays. */
#ifndef KERNELS_NATIVE_ACT_H
#define KERNELS_NATIVE_ACT_H

#include "kernels/native_math.h"

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

/* A whole array, or rows of (m, hidden) and (m, 2 hidden). */
struct act_work {
    float *out;
    const float *dout, *x; /* dout: backward only */
    enum kern_act name;
    size_t count;
    int m, hidden;
};

static void act_task(const void *work, int task, int worker)
{
    const struct act_work *w = work;
    const size_t at = (size_t)task * SPAN;

    (void)worker;
    act_span(w->out + at, w->x + at, span_of(at, w->count), w->name);
}

static void act_back_task(const void *work, int task, int worker)
{
    const struct act_work *w = work;
    const size_t at = (size_t)task * SPAN;

    (void)worker;
    act_back_span(w->out + at, w->dout + at, w->x + at, span_of(at, w->count), w->name);
}

static void act(const struct kern_ctx *c, float *out, const float *x, size_t count, enum kern_act name)
{
    const struct act_work w = { .out = out, .x = x, .name = name, .count = count };

    kern_share(c, false, act_task, &w, spans(count));
}

static void act_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, size_t count,
                     enum kern_act name)
{
    const struct act_work w = { .out = dx, .dout = dout, .x = x, .name = name, .count = count };

    kern_share(c, false, act_back_task, &w, spans(count));
}

/* out (count) = x y. */
static void times(float *out, const float *x, const float *y, int count)
{
    for (int j = 0; j < count; j += VEC)
        store_some(out + j, load_some(x + j, count - j) * load_some(y + j, count - j), count - j);
}

static void glu_task(const void *work, int task, int worker)
{
    const struct act_work *w = work;
    const int hidden = w->hidden;
    const struct range rows = task_rows(task, w->m, hidden);

    (void)worker;
    for (int i = rows.from; i < rows.to; i++) {
        const float *gate = w->x + (size_t)i * 2 * hidden;
        float *to = w->out + (size_t)i * hidden;

        act_span(to, gate, hidden, w->name);
        times(to, to, gate + hidden, hidden);
    }
}

static void glu(const struct kern_ctx *c, float *out, const float *x, int m, int hidden, enum kern_act name)
{
    const struct act_work w = { .out = out, .x = x, .name = name, .m = m, .hidden = hidden };

    kern_share(c, false, glu_task, &w, row_tasks(m, hidden));
}

/* d gate = dout up act'(gate), d up = dout act(gate). */
static void glu_back_task(const void *work, int task, int worker)
{
    const struct act_work *w = work;
    const int hidden = w->hidden;
    const struct range rows = task_rows(task, w->m, hidden);

    (void)worker;
    for (int i = rows.from; i < rows.to; i++) {
        const float *gate = w->x + (size_t)i * 2 * hidden, *g = w->dout + (size_t)i * hidden;
        float *dgate = w->out + (size_t)i * 2 * hidden, *dup = dgate + hidden;

        times(dgate, g, gate + hidden, hidden);
        act_back_span(dgate, dgate, gate, hidden, w->name);
        act_span(dup, gate, hidden, w->name);
        times(dup, dup, g, hidden);
    }
}

/* dx overlaps neither x nor dout. */
static void glu_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, int m,
                     int hidden, enum kern_act name)
{
    const struct act_work w = { .out = dx, .dout = dout, .x = x, .name = name, .m = m, .hidden = hidden };

    kern_share(c, false, glu_back_task, &w, row_tasks(m, hidden));
}

#endif
