/* native_norm.h - norm and norm_back: a vector is read into L1 once and passed over there. */
#ifndef KERNELS_NATIVE_NORM_H
#define KERNELS_NATIVE_NORM_H

#include "kernels/native_math.h"

enum { SMALL = 4096, PARTS = 32 }; /* numbers below which one thread does it; partial sums of a column */

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

static float row_sum(const float *x, int d)
{
    vec sum = SPLAT(0.0f);

    for (int j = 0; j < d; j += VEC) sum += load_some(x + j, d - j);
    return sum_lanes(sum);
}

/* Sum of (x - mean)^2; lanes past d do not count. */
static float row_squares(const float *x, float mean, int d)
{
    const int whole = d - d % VEC;
    vec sum = SPLAT(0.0f);

    for (int j = 0; j < whole; j += VEC) {
        const vec v = load(x + j) - SPLAT(mean);
        sum += v * v;
    }
    if (whole < d) {
        const vec v = keep_some(load_some(x + whole, d - whole) - SPLAT(mean), d - whole);
        sum += v * v;
    }
    return sum_lanes(sum);
}

struct stat {
    float mean, inverse; /* 1 / deviation */
};

static struct stat row_stat(const float *x, int d, const struct kern_norm *n)
{
    const float mean = n->kind == KERN_LAYERNORM ? row_sum(x, d) / (float)d : 0;

    return (struct stat){ mean, 1 / sqrtf(row_squares(x, mean, d) / (float)d + n->eps) };
}

/* The value before gain and bias. */
INLINE vec normal_of(vec x, struct stat s, const struct kern_norm *n)
{
    return n->kind == KERN_DYT ? vec_tanh(SPLAT(*n->alpha) * x) : (x - SPLAT(s.mean)) * SPLAT(s.inverse);
}

static void norm_vector(float *out, const float *x, struct stat s, const struct kern_norm *n, int d)
{
    for (int j = 0; j < d; j += VEC) {
        vec v = normal_of(load_some(x + j, d - j), s, n);

        if (n->gain) v = v * load_some(n->gain + j, d - j);
        if (n->bias) v = v + load_some(n->bias + j, d - j);
        store_some(out + j, v, d - j);
    }
}

static void norm(const struct kern_ctx *c, float *out, float *stat, const float *x, const struct kern_norm *n,
                 const struct kern_rows *r)
{
    const size_t count = (size_t)r->m * r->groups;

#pragma omp parallel for num_threads(c->threads) schedule(static) if (count * (size_t)r->d > SMALL)
    for (size_t i = 0; i < count; i++) {
        const float *from = x + vector_start(i, r, r->ld_in);
        struct stat s = { 0, 0 };

        if (n->kind != KERN_DYT) s = row_stat(from, r->d, n);
        if (stat && n->kind != KERN_DYT) stat[2 * i] = s.mean, stat[2 * i + 1] = s.inverse;
        norm_vector(out + vector_start(i, r, r->ld_out), from, s, n, r->d);
    }
}

/* Sums of one part of the vectors: dgain (d), dbias (d), then dalpha. */
static size_t part_floats(int d)
{
    return 2 * (size_t)padded(d, 16) + 16;
}

struct norm_sums {
    float *gain, *bias, *alpha;
};

static struct norm_sums sums_of(const struct kern_ctx *c, int part, int d)
{
    float *at = (float *)c->scratch + (size_t)part * part_floats(d);

    return (struct norm_sums){ at, at + padded(d, 16), at + 2 * padded(d, 16) };
}

/* The sums that dx needs, and this vector's share of the parameters' gradients. */
static void back_sums(float out[2], const struct norm_sums *p, const float *dout, const float *x,
                      struct stat s, const struct kern_norm *n, int d)
{
    vec mean = SPLAT(0.0f), along = SPLAT(0.0f);

    for (int j = 0; j < d; j += VEC) {
        const vec g = load_some(dout + j, d - j), h = n->gain ? g * load_some(n->gain + j, d - j) : g;
        const vec xh = normal_of(load_some(x + j, d - j), s, n);

        mean += h;
        along += h * xh;
        store_some(p->gain + j, load_some(p->gain + j, d - j) + g * xh, d - j);
        store_some(p->bias + j, load_some(p->bias + j, d - j) + g, d - j);
    }
    out[0] = n->kind == KERN_LAYERNORM ? sum_lanes(mean) / (float)d : 0;
    out[1] = sum_lanes(along) / (float)d;
}

/* With h = gain dout: dx = (h - mean(h) - xh mean(h xh)) / deviation, RMSNorm without mean(h). */
static void back_vector(float *dx, const struct norm_sums *p, const float *dout, const float *x,
                        struct stat s, const struct kern_norm *n, int d)
{
    float sums[2];

    back_sums(sums, p, dout, x, s, n, d);
    for (int j = 0; j < d; j += VEC) {
        const vec g = load_some(dout + j, d - j), h = n->gain ? g * load_some(n->gain + j, d - j) : g;
        const vec xh = normal_of(load_some(x + j, d - j), s, n);

        store_some(dx + j, (h - SPLAT(sums[0]) - xh * SPLAT(sums[1])) * SPLAT(s.inverse), d - j);
    }
}

/* DyT: with u = h (1 - tanh^2): dx = alpha u, dalpha = sum u x. */
static void back_vector_dyt(float *dx, const struct norm_sums *p, const float *dout, const float *x,
                            const struct kern_norm *n, int d)
{
    const struct stat none = { 0, 0 };
    float unused[2];
    vec sum = SPLAT(0.0f);

    back_sums(unused, p, dout, x, none, n, d);
    for (int j = 0; j < d; j += VEC) {
        const vec g = load_some(dout + j, d - j), h = n->gain ? g * load_some(n->gain + j, d - j) : g;
        const vec v = load_some(x + j, d - j), th = normal_of(v, none, n), u = h * (SPLAT(1.0f) - th * th);

        sum += u * v;
        store_some(dx + j, u * SPLAT(*n->alpha), d - j);
    }
    *p->alpha += sum_lanes(sum);
}

/* Part part of PARTS of the vectors, whatever the number of threads. */
static void back_part(float *dx, const struct norm_sums *p, const float *dout, const float *x,
                      const float *stat, const struct kern_norm *n, const struct kern_rows *r, int part)
{
    const size_t count = (size_t)r->m * r->groups, step = (count + PARTS - 1) / PARTS;
    const size_t end = (part + 1) * step < count ? (part + 1) * step : count;

    memset(p->gain, 0, part_floats(r->d) * sizeof(float));
    for (size_t i = part * step; i < end; i++) {
        float *to = dx + vector_start(i, r, r->ld_out);
        const float *g = dout + vector_start(i, r, r->ld_out), *from = x + vector_start(i, r, r->ld_in);

        if (n->kind == KERN_DYT) {
            back_vector_dyt(to, p, g, from, n, r->d);
        } else {
            const struct stat s = { n->kind == KERN_LAYERNORM ? stat[2 * i] : 0, stat[2 * i + 1] };
            back_vector(to, p, g, from, s, n, r->d);
        }
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
    const struct norm_sums first = sums_of(c, 0, r->d);

    assert(c->scratch_bytes >= PARTS * part_floats(r->d) * sizeof(float));
#pragma omp parallel for num_threads(c->threads) schedule(static)
    for (int part = 0; part < PARTS; part++) {
        const struct norm_sums p = sums_of(c, part, r->d);
        back_part(dx, &p, dout, x, stat, n, r, part);
    }
    add_parts(dn->gain, first.gain, part_floats(r->d), r->d);
    add_parts(dn->bias, first.bias, part_floats(r->d), r->d);
    if (n->kind == KERN_DYT) add_parts(dn->alpha, first.alpha, part_floats(r->d), 1);
}

#endif
