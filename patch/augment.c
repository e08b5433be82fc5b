#include "patch/augment.h"

#include <math.h>
#include <string.h>

#include "patch/augment_draw.h"
#include "patch/augment_ops.h"
#include "vit/text.h"

/* ---- presets ---- */

enum { PRESET_SIZE = 32 }; /* side of the pictures that the sizes of the presets are meant for */

#define BASIC .crop_padding = 4, .flip = PATCH_FLIP_ALTERNATING

static const struct {
    const char *name;
    struct patch_augment augment;
} PRESETS[] = {
    { "none", { 0 } },
    { "flip", { .flip = PATCH_FLIP_ALTERNATING } },
    { "basic", { BASIC } },
    { "cutout", { BASIC, .cutout = 8 } },
    { "autoaugment", { BASIC, .policy = PATCH_POLICY_AUTOAUGMENT } },
    /* timm's rand-m9-n2-mstd0.5-inc1: the second recipe of Compact Transformers */
    { "randaugment",
      { BASIC, .policy = PATCH_POLICY_RANDAUGMENT, .operations = 2, .magnitude = 9, .deviation = 0.5f } },
    { "trivial", { BASIC, .policy = PATCH_POLICY_TRIVIAL } },
};

const char *patch_augment_preset_name(int i)
{
    return i >= 0 && i < (int)VIT_COUNT(PRESETS) ? PRESETS[i].name : NULL;
}

enum vit_status patch_augment_preset(struct patch_augment *out, const char *name, struct vit_error *err)
{
    char names[256] = "";

    for (size_t i = 0; i < VIT_COUNT(PRESETS); i++) {
        if (!strcmp(PRESETS[i].name, name)) {
            *out = PRESETS[i].augment;
            memset(out->fill, 128, sizeof out->fill);
            return VIT_OK;
        }
        vit_list_add(names, sizeof names, ", ", PRESETS[i].name);
    }
    *out = (struct patch_augment){ 0 };
    return vit_fail(err, VIT_ERR_ARG, "no augmentation is called \"%s\", expected one of %s", name, names);
}

static int scaled(int pixels, int size)
{
    return (int)(((int64_t)pixels * size + PRESET_SIZE / 2) / PRESET_SIZE);
}

void patch_augment_scale(struct patch_augment *a, int size)
{
    a->crop_padding = scaled(a->crop_padding, size);
    a->cutout = scaled(a->cutout, size);
}

void patch_augment_fill(struct patch_augment *a, const float mean[3])
{
    for (int c = 0; c < 3; c++) {
        const float v = mean[c] * 255 + 0.5f;
        a->fill[c] = v >= 255 ? 255 : v > 0 ? (unsigned char)v : 0;
    }
}

enum vit_status patch_augment_check(const struct patch_augment *a, int size, struct vit_error *err)
{
    /* A reflected border has no more pixels than the picture has beside its edge. */
    const double most = a->padding == PATCH_PAD_REFLECT ? size - 1 : PATCH_OP_SIZE;
    const struct {
        const char *name;
        double value, low, high;
    } RANGES[] = {
        { "picture size", size, 1, PATCH_OP_SIZE },
        { "crop padding", a->crop_padding, 0, most },
        { "kind of padding", a->padding, 0, PATCH_PADDINGS - 1 },
        { "kind of flip", a->flip, 0, PATCH_FLIPS - 1 },
        { "policy", a->policy, 0, PATCH_POLICIES - 1 },
        { "number of operations", a->operations, 0, 1000 },
        { "magnitude", (double)a->magnitude, 0, 10 },
        { "deviation of the magnitude", (double)a->deviation, 0, 100 },
        { "cutout", a->cutout, 0, PATCH_OP_SIZE },
        { "erase probability", (double)a->erase, 0, 1 },
    };

    for (size_t i = 0; i < VIT_COUNT(RANGES); i++)
        if (!(RANGES[i].value >= RANGES[i].low && RANGES[i].value <= RANGES[i].high))
            return vit_fail(err, VIT_ERR_ARG, "augmentation: %s is %g, expected %g to %g", RANGES[i].name,
                            RANGES[i].value, RANGES[i].low, RANGES[i].high);
    return VIT_OK;
}

/* ---- crop and flip ---- */

/* Where position i of a padded row comes from; -1: from outside. */
static int source(int i, int size, enum patch_padding padding)
{
    if (i >= 0 && i < size) return i;
    if (padding == PATCH_PAD_ZERO) return -1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

static void crop(unsigned char *pixels, unsigned char *scratch, int size, const struct patch_augment *a,
                 uint64_t key)
{
    const uint64_t places = 2 * (uint64_t)a->crop_padding + 1;
    const int down = (int)vit_random_below(key, 0, places) - a->crop_padding;
    const int right = (int)vit_random_below(key, 1, places) - a->crop_padding;
    unsigned char *to = pixels;

    memcpy(scratch, pixels, (size_t)size * size * 3);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++, to += 3) {
            const int sy = source(y + down, size, a->padding), sx = source(x + right, size, a->padding);

            if (sy < 0 || sx < 0)
                memset(to, 0, 3);
            else
                memcpy(to, scratch + ((size_t)sy * size + sx) * 3, 3);
        }
}

static void flip(unsigned char *pixels, int size)
{
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size / 2; x++) {
            unsigned char *l = pixels + ((size_t)y * size + x) * 3;
            unsigned char *r = pixels + ((size_t)y * size + size - 1 - x) * 3;
            unsigned char keep[3];

            memcpy(keep, l, 3);
            memcpy(l, r, 3);
            memcpy(r, keep, 3);
        }
}

static bool flipped(enum patch_flip how, uint64_t seed, uint64_t epoch, uint64_t index)
{
    if (how == PATCH_FLIP_NONE) return false;
    if (how == PATCH_FLIP_RANDOM)
        return vit_random_below(patch_draw_key(seed, epoch, index, PATCH_DRAW_FLIP), 0, 2);
    /* The same coin in every epoch, turned over by the epoch's parity. */
    return (vit_random_below(patch_draw_key(seed, 0, index, PATCH_DRAW_FLIP), 0, 2) + epoch) & 1;
}

/* ---- cutout and erasing ---- */

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

static void paint(unsigned char *pixels, int size, int top, int left, int bottom, int right,
                  const unsigned char fill[3])
{
    top = clamp(top, 0, size), bottom = clamp(bottom, 0, size);
    left = clamp(left, 0, size), right = clamp(right, 0, size);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) memcpy(pixels + ((size_t)y * size + x) * 3, fill, 3);
}

/* DeVries and Taylor 2017 (arXiv 1708.04552): the centre is uniform, so that part may fall outside. */
static void cutout(unsigned char *pixels, int size, const struct patch_augment *a, uint64_t key)
{
    const int top = (int)vit_random_below(key, 0, (uint64_t)size) - a->cutout / 2;
    const int left = (int)vit_random_below(key, 1, (uint64_t)size) - a->cutout / 2;

    paint(pixels, size, top, left, top + a->cutout, left + a->cutout, a->fill);
}

/* Zhong et al. 2020 (arXiv 1708.04896), algorithm 1, as timm's RandomErasing in mode const: a share of the
 * area uniform in 0.02 to 1/3, height over width log-uniform in 0.3 to 1/0.3; ten attempts to find sides less
 * than the picture's. */
static void erase(unsigned char *pixels, int size, const struct patch_augment *a, uint64_t key)
{
    if (vit_random_uniform(key, 0) >= a->erase) return;
    for (uint64_t attempt = 0; attempt < 10; attempt++) {
        const uint64_t own = vit_key(key, attempt);
        const double area = (0.02 + (1 / 3.0 - 0.02) * vit_random_uniform(own, 0)) * size * size;
        const double ratio = exp(log(0.3) * (1 - 2 * (double)vit_random_uniform(own, 1)));
        const int h = (int)(sqrt(area * ratio) + 0.5), w = (int)(sqrt(area / ratio) + 0.5);

        if (h >= size || w >= size) continue;
        const int top = (int)vit_random_below(own, 2, (uint64_t)(size - h + 1));
        const int left = (int)vit_random_below(own, 3, (uint64_t)(size - w + 1));
        paint(pixels, size, top, left, top + h, left + w, a->fill);
        return;
    }
}

void patch_augment_apply(unsigned char *pixels, unsigned char *scratch, int size,
                         const struct patch_augment *a, uint64_t seed, uint64_t epoch, uint64_t index)
{
    if (a->crop_padding) crop(pixels, scratch, size, a, patch_draw_key(seed, epoch, index, PATCH_DRAW_CROP));
    if (flipped(a->flip, seed, epoch, index)) flip(pixels, size);
    patch_policy_apply(pixels, scratch, size, a, patch_draw_key(seed, epoch, index, PATCH_DRAW_POLICY));
    if (a->cutout) cutout(pixels, size, a, patch_draw_key(seed, epoch, index, PATCH_DRAW_CUTOUT));
    if (a->erase > 0) erase(pixels, size, a, patch_draw_key(seed, epoch, index, PATCH_DRAW_ERASE));
}
