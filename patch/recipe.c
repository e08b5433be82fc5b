#include <math.h>
#include <string.h>

#include "patch/resize.h"

struct patch_recipe patch_recipe_default(int size)
{
    return (struct patch_recipe){
        .size = size,
        .crop_pct = 0.9f,
        .filter = PATCH_BICUBIC,
        .mean = { 0.5f, 0.5f, 0.5f },
        .std = { 0.5f, 0.5f, 0.5f },
    };
}

enum vit_status patch_recipe_check(const struct patch_recipe *r, const char *where, struct vit_error *err)
{
    if (r->size < 1 || r->size > PATCH_MOST_SIZE)
        return vit_fail(err, VIT_ERR_ARG, "%s: picture size must be 1 to %d, found %d", where,
                        (int)PATCH_MOST_SIZE, r->size);
    if (!(r->squash && r->crop_pct == 0) && !(r->crop_pct >= 0.01f && r->crop_pct <= 10))
        return vit_fail(err, VIT_ERR_ARG, "%s: crop_pct must be 0.01 to 10, found %g", where,
                        (double)r->crop_pct);
    if ((unsigned)r->filter >= PATCH_FILTERS)
        return vit_fail(err, VIT_ERR_ARG, "%s: unknown interpolation %d", where, (int)r->filter);
    for (int c = 0; c < 3; c++)
        if (!isfinite(r->mean[c]) || !(r->std[c] > 0) || !isfinite(r->std[c]))
            return vit_fail(err, VIT_ERR_ARG,
                            "%s: mean and std must be finite and std positive, found %g and %g", where,
                            (double)r->mean[c], (double)r->std[c]);
    return VIT_OK;
}

static const struct statistics {
    const char *name;
    float mean[3], std[3];
} STATISTICS[] = {
    [PATCH_CIFAR10] = { "CIFAR-10", { 0.4914f, 0.4822f, 0.4465f }, { 0.2470f, 0.2435f, 0.2616f } },
    [PATCH_CIFAR100] = { "CIFAR-100", { 0.5071f, 0.4867f, 0.4408f }, { 0.2675f, 0.2565f, 0.2761f } },
    [PATCH_IMAGENET] = { "ImageNet", { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f } },
};
_Static_assert(VIT_COUNT(STATISTICS) == PATCH_STATISTICS, "a data set has no row");

void patch_recipe_set_statistics(struct patch_recipe *r, enum patch_statistics of)
{
    memcpy(r->mean, STATISTICS[of].mean, sizeof r->mean);
    memcpy(r->std, STATISTICS[of].std, sizeof r->std);
}

static bool same_numbers(const float a[3], const float b[3])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

const char *patch_recipe_statistics_name(const struct patch_recipe *r)
{
    for (size_t i = 0; i < VIT_COUNT(STATISTICS); i++)
        if (same_numbers(r->mean, STATISTICS[i].mean) && same_numbers(r->std, STATISTICS[i].std))
            return STATISTICS[i].name;
    return NULL;
}

/* floor(size / crop_pct); size itself where nothing is cropped (0). crop_pct was a decimal or a ratio before
 * it became a float: where the quotient misses an integer by no more than a float's rounding, that integer
 * was meant. */
int patch_recipe_side(const struct patch_recipe *r)
{
    const double q = r->crop_pct > 0 ? r->size / (double)r->crop_pct : r->size, next = rint(q);

    if (next > q && next - q <= q * 0x1p-23) return (int)next;
    return q < 1 ? 1 : (int)q;
}

/* Where to crop (positive) or pad (negative) length pixels to size: torchvision's center_crop, where
 * rint is Python's round, half to even, and the padding before is the smaller half. down: transformers'. */
static int64_t crop_offset(int64_t length, int size, bool down)
{
    if (length < size) return -((size - length) / 2);
    return down ? (length - size) / 2 : (int64_t)rint((double)(length - size) / 2);
}

/* What the whole picture is resized to: a square, or as torchvision's Resize(int) does with the long side
 * truncated. */
static void full_size(struct patch_window *w, const struct patch_image *image, const struct patch_recipe *r)
{
    const int64_t side = patch_recipe_side(r);
    const int64_t width = r->squash ? 1 : image->width, height = r->squash ? 1 : image->height;

    w->full_width = width <= height ? side : side * width / height;
    w->full_height = width <= height ? side * height / width : side;
}

/* One axis of the window; returns where it lies in the square. */
static int place(int64_t full, const struct patch_recipe *r, int64_t *from, int *count)
{
    const int64_t offset = crop_offset(full, r->size, r->crop_down);

    *from = offset > 0 ? offset : 0;
    *count = (int)(full < r->size ? full : r->size);
    return (int)(offset < 0 ? -offset : 0);
}

enum vit_status patch_prepare(unsigned char *pixels, const struct patch_image *image,
                              const struct patch_recipe *r, struct vit_error *err)
{
    const size_t stride = (size_t)r->size * 3;
    struct patch_window w = { 0 };
    int x, y;

    full_size(&w, image, r);
    x = place(w.full_width, r, &w.left, &w.width);
    y = place(w.full_height, r, &w.top, &w.height);
    if (w.width < r->size || w.height < r->size) memset(pixels, 0, stride * (size_t)r->size);
    return patch_resize_window(pixels + stride * (size_t)y + (size_t)x * 3, stride, image, &w, r->filter,
                               err);
}

void patch_normalise(float *planes, const unsigned char *pixels, const struct patch_recipe *r)
{
    const size_t count = (size_t)r->size * (size_t)r->size;

    for (int c = 0; c < 3; c++) {
        float value[256], *plane = planes + (size_t)c * count;
        for (int i = 0; i < 256; i++) value[i] = ((float)i / 255 - r->mean[c]) / r->std[c];
        for (size_t i = 0; i < count; i++) plane[i] = value[pixels[3 * i + (size_t)c]];
    }
}
