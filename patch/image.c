/* Memory of pictures, and how large one may be. */
#include <stdlib.h>

#include "patch/decode.h"
#include "vit/arena.h"

enum vit_status patch_image_create(struct patch_image *out, int width, int height, struct vit_error *err)
{
    size_t bytes = 3;

    *out = (struct patch_image){ 0 };
    if (width <= 0 || height <= 0)
        return vit_fail(err, VIT_ERR_ARG, "a picture of %dx%d pixels cannot be made", width, height);
    if (!vit_size_mul(&bytes, (size_t)width) || !vit_size_mul(&bytes, (size_t)height) ||
        !(out->rgb = malloc(bytes)))
        return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate a picture of %dx%d pixels", width, height);
    out->width = width;
    out->height = height;
    return VIT_OK;
}

static void keep(void *owner)
{
    (void)owner; /* the space was the caller's before */
}

enum vit_status patch_picture_create(struct patch_image *out, const struct patch_input *in, int width,
                                     int height, struct vit_error *err)
{
    const uint64_t bytes = (uint64_t)3 * (unsigned)width * (unsigned)height; /* sides are checked */
    struct vit_error why;
    enum vit_status status;

    if (in->space.bytes && bytes <= in->space.size) {
        *out = (struct patch_image){ width, height, in->space.bytes, keep, NULL };
        return VIT_OK;
    }
    status = patch_image_create(out, width, height, &why);
    return status ? vit_fail(err, status, "%s: %s", in->name, why.text) : VIT_OK;
}

void patch_image_free(struct patch_image *image)
{
    if (image->give_back)
        image->give_back(image->owner);
    else
        free(image->rgb);
    *image = (struct patch_image){ 0 };
}

enum vit_status patch_check_pixels(const struct patch_input *in, uint64_t width, uint64_t height,
                                   struct vit_error *err)
{
    const char *option = in->max_pixels_name;

    if (!width || !height)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: its header says %ju x %ju pixels, expected at least 1 x 1",
                        in->name, (uintmax_t)width, (uintmax_t)height);
    if (width > PATCH_MAX_SIDE || height > PATCH_MAX_SIDE)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %ju x %ju pixels, a side may have %d", in->name,
                        (uintmax_t)width, (uintmax_t)height, PATCH_MAX_SIDE);
    if (width * height > in->max_pixels)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: %ju x %ju pixels, more than the %zu that may be decoded%s%s%s", in->name,
                        (uintmax_t)width, (uintmax_t)height, in->max_pixels, option ? " (" : "",
                        option ? option : "", option ? ")" : "");
    return VIT_OK;
}
