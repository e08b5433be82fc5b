/* native_norm.h - norm and norm_back: a vector is read into L1 once and passed over there. */
#ifndef KERNELS_NATIVE_NORM_H
#define KERNELS_NATIVE_NORM_H

#include "kernels/native_math.h"

enum { PARTS = 32 }; /* partial sums of a column */

/* Vector i of m groups starts here. */
static size_t vector_start(size_t i, const struct kern_rows *r, size_t ld)
{
    return r->groups == 1 ? i * ld : i / (size_t)r->groups * ld + i % (size_t)r->groups * (size_t)r->d;
}

/* Lanes below count. */
static vec keep_some(vec v, int count)
{
    vec out = { 0 };

    store_some((float *)&out, v, count);
    return out;
}

/* Four sums at once: one would wait for each addition. */
static float row_sum(const float *x, int d)
{
    vec a = SPLAT(0.0f), b = a, e = a, f = a;
    int j = 0;

    for (; j + 4 * VEC <= d; j += 4 * VEC) {
        a += load(x + j);
        b += load(x + j + VEC);
        e += load(x + j + 2 * VEC);
        f += load(x + j + 3 * VEC);
    }
    for (; j + VEC <= d; j += VEC) a += load(x + j);
    if (j < d) b += load_some(x + j, d - j);
    return sum_lanes((a + b) + (e + f));
}

/* Sum of (x - mean)^2; lanes past d do not count. */
static float row_squares(const float *x, float mean, int d)
{
    const vec m = SPLAT(mean);
    vec a = SPLAT(0.0f), b = a, e = a, f = a, v;
    int j = 0;

    for (; j + 4 * VEC <= d; j += 4 * VEC) {
        v = load(x + j) - m, a += v * v;
        v = load(x + j + VEC) - m, b += v * v;
        v = load(x + j + 2 * VEC) - m, e += v * v;
        v = load(x + j + 3 * VEC) - m, f += v * v;
    }
    for (; j + VEC <= d; j += VEC) v = load(x + j) - m, a += v * v;
    if (j < d) v = keep_some(load_some(x + j, d - j) - m, d - j), b += v * v;
    return sum_lanes((a + b) + (e + f));
}

struct stat {
    float mean, inverse; /* 1 / deviation */
};

/* In double, as the reference measures: of a row whose sums leave the range of float. */
OUTLINE struct stat row_stat_wide(const float *x, int d, const struct kern_norm *n)
{
    double mean = 0, square = 0;

    if (n->kind == KERN_LAYERNORM)
        for (int j = 0; j < d; j++) mean += (double)x[j] / d;
    for (int j = 0; j < d; j++) square += ((double)x[j] - mean) * ((double)x[j] - mean);
    return (struct stat){ (float)mean, (float)(1 / sqrt(square / d + (double)n->eps)) };
}

static struct stat row_stat(const float *x, int d, const struct kern_norm *n)
{
    const float mean = n->kind == KERN_LAYERNORM ? row_sum(x, d) / (float)d : 0;
    const float square = row_squares(x, mean, d);

    /* Numbers above 1e19 have no squares in float: infinite deviation, and every output would be the bias. */
    if (!isfinite(square)) return row_stat_wide(x, d, n);
    return (struct stat){ mean, 1 / sqrtf(square / (float)d + n->eps) };
}

/* The value before gain and bias. */
INLINE vec normal_of(vec x, struct stat s, const struct kern_norm *n)
{
    return n->kind == KERN_DYT ? vec_tanh(SPLAT(*n->alpha) * x) : (x - SPLAT(s.mean)) * SPLAT(s.inverse);
}

INLINE void norm_columns(float *out, const float *x, struct stat s, const struct kern_norm *n, int j,
                         int count)
{
    vec v = normal_of(load_some(x + j, count), s, n);

    if (n->gain) v = v * load_some(n->gain + j, count);
    if (n->bias) v = v + load_some(n->bias + j, count);
    store_some(out + j, v, count);
}

static void norm_vector(float *out, const float *x, struct stat s, const struct kern_norm *n, int d)
{
    int j = 0;

    for (; j + VEC <= d; j += VEC) norm_columns(out, x, s, n, j, VEC);
    if (j < d) norm_columns(out, x, s, n, j, d - j);
}

struct norm_work {
    float *out, *stat;
    const float *x;
    const struct kern_norm *n;
    const struct kern_rows *r;
    const float *dout, *saved; /* backward only; saved: the forward's stat */
    void *scratch;             /* backward only */
};

static void norm_task(const void *work, int task, int worker)
{
    const struct norm_work *w = work;
    const struct kern_norm *n = w->n;
    const struct kern_rows *r = w->r;
    const struct range rows = task_rows(task, r->m, r->groups * r->d);

    (void)worker;
    for (size_t i = (size_t)rows.from * r->groups; i < (size_t)rows.to * r->groups; i++) {
        const float *from = w->x + vector_start(i, r, r->ld_in);
        struct stat s = { 0, 0 };

        if (n->kind != KERN_DYT) s = row_stat(from, r->d, n);
        if (w->stat && n->kind != KERN_DYT) w->stat[2 * i] = s.mean, w->stat[2 * i + 1] = s.inverse;
        norm_vector(w->out + vector_start(i, r, r->ld_out), from, s, n, r->d);
    }
}

static void norm(const struct kern_ctx *c, float *out, float *stat, const float *x, const struct kern_norm *n,
                 const struct kern_rows *r)
{
    const struct norm_work w = { .out = out, .stat = stat, .x = x, .n = n, .r = r };

    kern_share(c, false, norm_task, &w, row_tasks(r->m, r->groups * r->d));
}

/* Sums of one part of the vectors: dgain (d), dbias (d), then dalpha. */
static size_t part_floats(int d)
{
    return 2 * (size_t)padded(d, 16) + 16;
}

struct norm_sums {
    float *gain, *bias, *alpha;
};

static struct norm_sums sums_of(void *scratch, int part, int d)
{
    float *at = (float *)scratch + (size_t)part * part_floats(d);

    return (struct norm_sums){ at, at + padded(d, 16), at + 2 * padded(d, 16) };
}

/* What the two passes of the backward read of one vector. */
struct back_row {
    float *dx;
    const float *dout, *x, *gain; /* gain: or NULL */
    const struct norm_sums *sums;
    struct stat s;
    const struct kern_norm *n;
};

struct back_pair {
    vec mean, along; /* sums of h and h xh so far */
};

/* First pass, columns from j: this vector's share of the parameters' gradients, and what dx needs. */
INLINE void back_first(struct back_pair *sum, const struct back_row *r, int j, int count)
{
    const vec g = load_some(r->dout + j, count), h = r->gain ? g * load_some(r->gain + j, count) : g;
    const vec xh = normal_of(load_some(r->x + j, count), r->s, r->n);

    sum->mean += h;
    sum->along += h * xh;
    store_some(r->sums->gain + j, load_some(r->sums->gain + j, count) + g * xh, count);
    store_some(r->sums->bias + j, load_some(r->sums->bias + j, count) + g, count);
}

/* Second pass. With h = gain dout: dx = (h - mean(h) - xh mean(h xh)) / deviation; RMSNorm without
 * mean(h). */
INLINE void back_second(const struct back_row *r, vec mean, vec along, int j, int count)
{
    const vec g = load_some(r->dout + j, count), h = r->gain ? g * load_some(r->gain + j, count) : g;
    const vec xh = normal_of(load_some(r->x + j, count), r->s, r->n);

    store_some(r->dx + j, (h - mean - xh * along) * SPLAT(r->s.inverse), count);
}

static struct back_pair back_sums(const struct back_row *r, int d)
{
    struct back_pair a = { SPLAT(0.0f), SPLAT(0.0f) }, b = a;
    int j = 0;

    for (; j + 2 * VEC <= d; j += 2 * VEC) {
        back_first(&a, r, j, VEC);
        back_first(&b, r, j + VEC, VEC);
    }
    for (; j + VEC <= d; j += VEC) back_first(&a, r, j, VEC);
    if (j < d) back_first(&b, r, j, d - j);
    return (struct back_pair){ a.mean + b.mean, a.along + b.along };
}

static void back_vector(const struct back_row *r, int d)
{
    const struct back_pair sums = back_sums(r, d);
    const vec along = SPLAT(sum_lanes(sums.along) / (float)d);
    vec mean = SPLAT(0.0f);
    int j = 0;

    if (r->n->kind == KERN_LAYERNORM) mean = SPLAT(sum_lanes(sums.mean) / (float)d);
    for (; j + VEC <= d; j += VEC) back_second(r, mean, along, j, VEC);
    if (j < d) back_second(r, mean, along, j, d - j);
}

/* DyT: with u = h (1 - tanh^2): dx = alpha u, dalpha = sum u x. */
static void back_vector_dyt(const struct back_row *r, int d)
{
    vec sum = SPLAT(0.0f);

    back_sums(r, d);
    for (int j = 0; j < d; j += VEC) {
        const int rest = d - j;
        const vec g = load_some(r->dout + j, rest), h = r->gain ? g * load_some(r->gain + j, rest) : g;
        const vec v = load_some(r->x + j, rest), th = normal_of(v, r->s, r->n);
        const vec u = h * (SPLAT(1.0f) - th * th);

        sum += u * v;
        store_some(r->dx + j, u * SPLAT(*r->n->alpha), rest);
    }
    *r->sums->alpha += sum_lanes(sum);
}

/* Part part of PARTS of the vectors, whatever the number of threads. */
static void back_part(const void *work, int part, int worker)
{
    const struct norm_work *w = work;
    const struct kern_norm *n = w->n;
    const struct kern_rows *r = w->r;
    const size_t count = (size_t)r->m * r->groups, step = (count + PARTS - 1) / PARTS;
    const size_t end = (part + 1) * step < count ? (part + 1) * step : count;
    const struct norm_sums p = sums_of(w->scratch, part, r->d);

    (void)worker;
    memset(p.gain, 0, part_floats(r->d) * sizeof(float));
    for (size_t i = part * step; i < end; i++) {
        const size_t at = vector_start(i, r, r->ld_out);
        struct back_row row = { .dx = w->out + at,
                                .dout = w->dout + at,
                                .x = w->x + vector_start(i, r, r->ld_in),
                                .gain = n->gain,
                                .sums = &p,
                                .n = n };

        if (n->kind == KERN_LAYERNORM) row.s.mean = w->saved[2 * i];
        if (n->kind != KERN_DYT) row.s.inverse = w->saved[2 * i + 1];
        if (n->kind == KERN_DYT)
            back_vector_dyt(&row, r->d);
        else
            back_vector(&row, r->d);
    }
}

/* to[j] += the sum over the parts, in their order; parts stride floats apart. */
static void add_parts(float *to, const float *part, size_t stride, int count)
{
    for (int j = 0; to && j < count; j++) {
        float sum = 0;

        for (int i = 0; i < PARTS; i++) sum += part[i * stride + j];
        to[j] += sum;
    }
}

static void norm_back(const struct kern_ctx *c, float *dx, const struct kern_dnorm *dn, const float *dout,
                      const float *x, const float *stat, const struct kern_norm *n, const struct kern_rows *r)
{
    const struct norm_sums first = sums_of(c->scratch, 0, r->d);
    const struct norm_work w = {
        .out = dx, .x = x, .n = n, .r = r, .dout = dout, .saved = stat, .scratch = c->scratch
    };

    assert(c->scratch_bytes >= PARTS * part_floats(r->d) * sizeof(float));
    kern_share(c, false, back_part, &w, PARTS);
    add_parts(dn->gain, first.gain, part_floats(r->d), r->d);
    add_parts(dn->bias, first.bias, part_floats(r->d), r->d);
    if (n->kind == KERN_DYT) add_parts(dn->alpha, first.alpha, part_floats(r->d), 1);
}

#endif
