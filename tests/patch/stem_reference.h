/* stem_reference.h - the stems computed directly: doubles, channels first, nothing clever. */
#ifndef TESTS_PATCH_STEM_REFERENCE_H
#define TESTS_PATCH_STEM_REFERENCE_H

#include "patch/stem.h"
#include "tests/support/test.h"

struct grid {
    int channels, side;
    double *v; /* (channels, side, side) */
};

static struct grid grid_create(int channels, int side)
{
    struct grid g = { channels, side, calloc((size_t)channels * side * side, sizeof(double)) };

    assert_non_null(g.v);
    return g;
}

static double at(const struct grid *g, int c, int y, int x, double outside)
{
    if (y < 0 || x < 0 || y >= g->side || x >= g->side) return outside;
    return g->v[((size_t)c * g->side + y) * g->side + x];
}

static double act_of(double x, enum kern_act act)
{
    if (act == KERN_ACT_RELU) return x > 0 ? x : 0;
    if (act == KERN_ACT_GELU) return x * (1 + erf(x * 0.70710678118654752)) / 2;
    assert_int_equal(act, KERN_ACT_NONE);
    return x;
}

/* w (out, channels, kernel, kernel). magnitude: of everything, to bound rounding errors. */
static struct grid convolve(const struct grid *in, const double *w, const double *b, int out, int kernel,
                            int stride, int padding, bool magnitude)
{
    struct grid g = grid_create(out, (in->side + 2 * padding - kernel) / stride + 1);
    double *to = g.v;

    for (int o = 0; o < out; o++)
        for (int y = 0; y < g.side; y++)
            for (int x = 0; x < g.side; x++) {
                double sum = b ? (magnitude ? fabs(b[o]) : b[o]) : 0;
                const double *wi = w + (size_t)o * in->channels * kernel * kernel;

                for (int c = 0; c < in->channels; c++)
                    for (int i = 0; i < kernel; i++)
                        for (int j = 0; j < kernel; j++, wi++)
                            sum += (magnitude ? fabs(*wi) : *wi) *
                                   at(in, c, y * stride - padding + i, x * stride - padding + j, 0);
                *to++ = sum;
            }
    return g;
}

static struct grid pool(const struct grid *in, int kernel, int stride, int padding)
{
    struct grid g = grid_create(in->channels, (in->side + 2 * padding - kernel) / stride + 1);
    double *to = g.v;

    for (int c = 0; c < in->channels; c++)
        for (int y = 0; y < g.side; y++)
            for (int x = 0; x < g.side; x++, to++) {
                *to = -INFINITY;
                for (int i = 0; i < kernel * kernel; i++)
                    *to = fmax(*to, at(in, c, y * stride - padding + i / kernel,
                                       x * stride - padding + i % kernel, -INFINITY));
            }
    return g;
}

static void batch_norm(struct grid *g, double *const norm[4], bool magnitude)
{
    const size_t area = (size_t)g->side * g->side;

    for (size_t i = 0; i < g->channels * area; i++) {
        const size_t c = i / area;
        const double inv = norm[0][c] / sqrt(norm[3][c] + 1e-5);

        if (magnitude)
            g->v[i] = (g->v[i] + fabs(norm[2][c])) * fabs(inv) + fabs(norm[1][c]);
        else
            g->v[i] = (g->v[i] - norm[2][c]) * inv + norm[1][c];
    }
}

static struct grid layer(struct grid in, const struct patch_conv *c, double *const **tensor, bool magnitude)
{
    double *const *t = *tensor;
    struct grid g =
        convolve(&in, t[0], c->bias ? t[1] : NULL, c->out, c->kernel, c->stride, c->padding, magnitude);

    free(in.v);
    t += 1 + c->bias;
    if (c->batch_norm) batch_norm(&g, t, magnitude);
    *tensor = t + 4 * c->batch_norm;
    for (size_t i = 0; !magnitude && i < (size_t)g.channels * g.side * g.side; i++)
        g.v[i] = act_of(g.v[i], c->act);
    if (!c->pool.kernel) return g;
    in = pool(&g, c->pool.kernel, c->pool.stride, c->pool.padding);
    free(g.v);
    return in;
}

/* tokens (patches, width) of one picture, planes (channels, image, image). */
static inline void reference(double *tokens, const float *planes, const struct patch_stem *s, int channels,
                             int image, int width, double *const *tensors, bool magnitude)
{
    struct grid g = grid_create(channels, image);

    for (size_t i = 0; i < (size_t)channels * image * image; i++)
        g.v[i] = magnitude ? fabs((double)planes[i]) : (double)planes[i];
    for (int i = 0; !s->patch && i < s->layers; i++) g = layer(g, &s->conv[i], &tensors, magnitude);
    if (s->patch || s->project) {
        const int side = s->patch ? s->patch : 1;
        struct grid last = convolve(&g, tensors[0], tensors[1], width, side, side, 0, magnitude);
        free(g.v);
        g = last;
    }
    for (int i = 0; i < g.side * g.side; i++)
        for (int c = 0; c < width; c++) tokens[(size_t)i * width + c] = g.v[(size_t)c * g.side * g.side + i];
    free(g.v);
}

#endif
