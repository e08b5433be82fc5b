#include <math.h>

#include "patch/augment_draw.h"

enum vit_status patch_mix_check(const struct patch_mix_options *o, struct vit_error *err)
{
    const struct {
        const char *name;
        float value, high;
    } RANGES[] = { { "mixup", o->mixup, 1000 },
                   { "cutmix", o->cutmix, 1000 },
                   { "mixing probability", o->probability, 1 },
                   { "switching probability", o->switching, 1 } };

    for (size_t i = 0; i < VIT_COUNT(RANGES); i++)
        if (!(RANGES[i].value >= 0 && RANGES[i].value <= RANGES[i].high))
            return vit_fail(err, VIT_ERR_ARG, "augmentation: %s is %g, expected 0 to %g", RANGES[i].name,
                            (double)RANGES[i].value, (double)RANGES[i].high);
    return VIT_OK;
}

/* ---- Beta(alpha, alpha) ---- */

/* Uniform in (0, 1), 53 bits: its logarithm is finite. */
static double open_uniform(uint64_t key, uint64_t counter)
{
    return ((double)(vit_random_u64(key, counter) >> 11) + 0.5) * 0x1p-53;
}

/* Logarithm of a Gamma(alpha, 1) variate: Marsaglia and Tsang 2000, "A simple method for generating gamma
 * variables", for alpha + 1; then Gamma(alpha) = Gamma(alpha + 1) U^(1/alpha), their note on alpha < 1,
 * which holds for any. The logarithm, because that power underflows for a small alpha. */
static double log_gamma_variate(double alpha, uint64_t key)
{
    const double d = alpha + 1 - 1 / 3.0, c = 1 / sqrt(9 * d);
    const uint64_t normals = vit_key(key, 0), uniforms = vit_key(key, 1);

    for (uint64_t i = 0;; i++) { /* a turn is accepted with probability above 0.95 */
        const double x = vit_random_normal(normals, i), v = (1 + c * x) * (1 + c * x) * (1 + c * x);

        if (v > 0 && log(open_uniform(uniforms, i)) < x * x / 2 + d - d * v + d * log(v))
            return log(d * v) + log(open_uniform(vit_key(key, 2), 0)) / alpha;
    }
}

static double beta_variate(double alpha, uint64_t first, uint64_t second)
{
    return 1 / (1 + exp(log_gamma_variate(alpha, second) - log_gamma_variate(alpha, first)));
}

/* ---- what happens to a batch ---- */

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

/* CutMix, Yun et al. 2019 (arXiv 1905.04899), section 3.1: a box of sqrt(1 - lambda) of each side about a
 * uniform centre, cut at the border; lambda becomes the share that really is left. */
static void draw_box(struct patch_mix *mix, int size, double lambda, uint64_t key)
{
    const int half = (int)(size * sqrt(1 - lambda)) / 2;
    const int y = (int)vit_random_below(key, 2, (uint64_t)size),
              x = (int)vit_random_below(key, 3, (uint64_t)size);

    mix->top = clamp(y - half, 0, size), mix->bottom = clamp(y + half, 0, size);
    mix->left = clamp(x - half, 0, size), mix->right = clamp(x + half, 0, size);
    mix->lambda =
        (float)(1 - (double)(mix->bottom - mix->top) * (mix->right - mix->left) / ((double)size * size));
}

struct patch_mix patch_mix_draw(const struct patch_mix_options *o, int size, uint64_t seed, uint64_t step)
{
    const uint64_t key = patch_draw_key(seed, step, 0, PATCH_DRAW_MIX);
    const uint64_t first = patch_draw_key(seed, step, 0, PATCH_DRAW_FIRST);
    const uint64_t second = patch_draw_key(seed, step, 0, PATCH_DRAW_SECOND);
    const bool both = o->mixup > 0 && o->cutmix > 0;
    const bool cut = both ? vit_random_uniform(key, 1) < o->switching : o->cutmix > 0;
    struct patch_mix mix = { .kind = PATCH_MIX_NONE, .lambda = 1 };

    if ((!(o->mixup > 0) && !(o->cutmix > 0)) || vit_random_uniform(key, 0) >= o->probability) return mix;
    const double lambda = beta_variate(cut ? (double)o->cutmix : (double)o->mixup, first, second);
    mix.kind = cut ? PATCH_MIX_CUTMIX : PATCH_MIX_MIXUP;
    mix.lambda = (float)lambda;
    if (cut) draw_box(&mix, size, lambda, key);
    return mix;
}

/* ---- doing it: both pictures of a pair at once, since each is the other's partner ---- */

static void blend_pair(float *restrict a, float *restrict b, size_t count, float lambda)
{
    for (size_t i = 0; i < count; i++) {
        const float x = a[i], y = b[i];

        a[i] = lambda * x + (1 - lambda) * y;
        b[i] = lambda * y + (1 - lambda) * x;
    }
}

static void swap_box(float *restrict a, float *restrict b, int channels, int size,
                     const struct patch_mix *mix)
{
    for (int c = 0; c < channels; c++)
        for (int y = mix->top; y < mix->bottom; y++)
            for (int x = mix->left; x < mix->right; x++) {
                const size_t i = ((size_t)c * size + y) * size + x;
                const float keep = a[i];

                a[i] = b[i];
                b[i] = keep;
            }
}

void patch_mix_apply(float *planes, int n, int channels, int size, const struct patch_mix *mix)
{
    const size_t count = (size_t)channels * size * size;

    for (int i = 0; i < n / 2; i++) {
        float *a = planes + i * count, *b = planes + (n - 1 - i) * count;

        if (mix->kind == PATCH_MIX_MIXUP) blend_pair(a, b, count, mix->lambda);
        if (mix->kind == PATCH_MIX_CUTMIX) swap_box(a, b, channels, size, mix);
    }
}

void patch_mix_labels(int *second, float *weight, const int *labels, int n, const struct patch_mix *mix)
{
    for (int i = 0; i < n; i++) {
        second[i] = labels[mix->kind == PATCH_MIX_NONE ? i : n - 1 - i];
        weight[i] = mix->lambda;
    }
}
