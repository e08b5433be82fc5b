/* Position embeddings on another grid. Every kind is separable: a table of taps for one axis, made once,
 * serves both. Formulas: PyTorch UpSample (non-antialiased cubic: a -0.75; antialiased: Pillow's filter,
 * a -0.5), scipy.ndimage.zoom for JAX. */
#include <math.h>
#include <string.h>

#include "vit/arena.h"
#include "weights/weights.h"

/* Keys 1981; zero beyond 2. */
static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return ((x - 5) * x + 8) * x * a - 4 * a;
    return 0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* What an axis computes: out[t] = sum over i of weight[t * taps + i] * in[index[t * taps + i]]. */
struct axis {
    int taps;
    int *index;     /* (to, taps) */
    double *weight; /* (to, taps) */
};

enum where { HALF_PIXEL, HALF_PIXEL_OFFSET, CORNERS };

/* In this order: timm's resample_abs_pos_embed, and what it does to npz files; torch's interpolate as Hugging
 * Face calls it, and as DINOv2's hub does, with an offset; torchvision's interpolate_embeddings; scipy's zoom
 * in the JAX ViT. An a of 0 stands for linear. */
static const struct kind {
    const char *name;
    double a;
    enum where where;
    bool antialias;
} KINDS[] = {
    [WEIGHTS_BICUBIC_ANTIALIAS] = { "bicubic_antialias", -0.5, HALF_PIXEL, true },
    [WEIGHTS_BILINEAR] = { "bilinear", 0, HALF_PIXEL, false },
    [WEIGHTS_BICUBIC] = { "bicubic", -0.75, HALF_PIXEL, false },
    [WEIGHTS_BICUBIC_OFFSET] = { "bicubic_offset", -0.75, HALF_PIXEL_OFFSET, false },
    [WEIGHTS_BICUBIC_CORNERS] = { "bicubic_corners", -0.75, CORNERS, false },
    [WEIGHTS_LINEAR_CORNERS] = { "linear_corners", 0, CORNERS, false },
};
_Static_assert(VIT_COUNT(KINDS) == WEIGHTS_RESAMPLES, "a kind of resampling has no row");

const char *weights_resample_name(enum weights_resample how)
{
    return KINDS[how].name;
}

int weights_resample_from_name(const char *name)
{
    for (int i = 0; i < WEIGHTS_RESAMPLES; i++)
        if (!strcmp(KINDS[i].name, name)) return i;
    return -1;
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* Where output t lies on the input axis. The hub's DINOv2 hands PyTorch the factor (to + 0.1) / from. */
static double source(int t, int from, int to, const struct kind *k)
{
    double s;

    if (k->where == CORNERS) return to > 1 ? (double)t * (from - 1) / (to - 1) : 0;
    s = (t + 0.5) * from / (k->where == HALF_PIXEL_OFFSET ? to + 0.1 : to) - 0.5;
    return k->a == 0 && s < 0 ? 0 : s;
}

static void interpolate(struct axis *x, int from, int to, const struct kind *k)
{
    for (int t = 0; t < to; t++) {
        const double s = source(t, from, to, k);
        const int first = (int)floor(s) - x->taps / 2 + 1;

        for (int i = 0; i < x->taps; i++) {
            const double distance = s - (first + i);
            x->index[t * x->taps + i] = clamp(first + i, from);
            x->weight[t * x->taps + i] = k->a != 0 ? cubic(distance, k->a) : triangle(distance);
        }
    }
}

/* Pillow's Resample.c, precompute_coeffs: the filter widens with the scale, and is cut at the border. */
static void filter(struct axis *x, int from, int to, const struct kind *k)
{
    const double scale = (double)from / to, wide = scale > 1 ? scale : 1, support = 2 * wide;

    for (int t = 0; t < to; t++) {
        const double centre = (t + 0.5) * scale;
        const int low = (int)fmax(centre - support + 0.5, 0), high = (int)fmin(centre + support + 0.5, from);
        double sum = 0;

        for (int i = low; i < high; i++) sum += cubic((i - centre + 0.5) / wide, k->a);
        for (int i = 0; i < x->taps; i++) {
            const bool inside = low + i < high;
            x->index[t * x->taps + i] = inside ? low + i : 0;
            x->weight[t * x->taps + i] = inside ? cubic((low + i - centre + 0.5) / wide, k->a) / sum : 0;
        }
    }
}

static int tap_count(int from, int to, const struct kind *k)
{
    const double scale = (double)from / to;

    if (k->antialias) return 2 * (int)ceil(2 * (scale > 1 ? scale : 1)) + 1;
    return k->a != 0 ? 4 : 2;
}

/* out (d) = the sum of the taps around (y, x), in double. */
static void resample_one(float *out, const float *in, int from, int d, const struct axis *axis, int y, int x)
{
    enum { CHUNK = 64 };
    const int *iy = axis->index + y * axis->taps, *ix = axis->index + x * axis->taps;
    const double *wy = axis->weight + y * axis->taps, *wx = axis->weight + x * axis->taps;

    for (int c = 0; c < d; c += CHUNK) {
        const int n = d - c < CHUNK ? d - c : CHUNK;
        double sum[CHUNK] = { 0 };

        for (int i = 0; i < axis->taps * axis->taps; i++) {
            const int a = i / axis->taps, b = i % axis->taps;
            const double w = wy[a] * wx[b];
            const float *from_row = in + ((size_t)iy[a] * from + ix[b]) * d + c;

            for (int j = 0; j < n; j++) sum[j] += w * from_row[j];
        }
        for (int j = 0; j < n; j++) out[c + j] = (float)sum[j];
    }
}

enum vit_status weights_resample_grid(float *out, const float *in, int from, int to, int d,
                                      enum weights_resample how, struct vit_error *err)
{
    const struct kind *k = &KINDS[how];
    struct vit_arena arena = { 0 };
    struct axis axis;

    if (from < 1 || to < 1 || d < 1 || from > 4096 || to > 4096)
        return vit_fail(err, VIT_ERR_ARG, "position embeddings: cannot be resized from %dx%d to %dx%d", from,
                        from, to, to);
    if (from == to) {
        memcpy(out, in, (size_t)to * to * d * sizeof *out);
        return VIT_OK;
    }
    axis.taps = tap_count(from, to, k);
    for (int pass = 0; pass < 2; pass++) {
        axis.index = vit_arena_take(&arena, (size_t)to * axis.taps, sizeof *axis.index);
        axis.weight = vit_arena_take(&arena, (size_t)to * axis.taps, sizeof *axis.weight);
        if (!pass && vit_arena_alloc(&arena, "position embeddings", err)) return VIT_ERR_NOMEM;
    }
    if (k->antialias)
        filter(&axis, from, to, k);
    else
        interpolate(&axis, from, to, k);
    for (int y = 0; y < to; y++)
        for (int x = 0; x < to; x++) resample_one(out + ((size_t)y * to + x) * d, in, from, d, &axis, y, x);
    vit_arena_free(&arena);
    return VIT_OK;
}
