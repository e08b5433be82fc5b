/* picture.h - the whole way of a picture: recognised, decoded, turned, resized, cropped, normalised. */
#ifndef TESTS_FUZZ_PICTURE_H
#define TESTS_FUZZ_PICTURE_H

#include "patch/patch.h"

static inline void fuzz_picture(const unsigned char *data, size_t size)
{
    enum { SIDE = 16 };
    /* Few pixels keep an execution short; the cap itself is checked by the tests. */
    const struct patch_decode options = { .max_pixels = 1 << 14 };
    struct patch_recipe recipe = patch_recipe_default(SIDE);
    unsigned char pixels[3 * SIDE * SIDE];
    float planes[3 * SIDE * SIDE];
    struct patch_image image;

    if (patch_image_decode(&image, data, size, "fuzz", &options, NULL)) return;
    recipe.squash = size & 1;
    recipe.filter = (enum patch_filter)(size / 2 % PATCH_FILTERS);
    if (!patch_prepare(pixels, &image, &recipe, NULL)) patch_normalise(planes, pixels, &recipe);
    patch_image_free(&image);
}

#endif
