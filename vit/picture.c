#include "vit/model.h"

#include <stdlib.h>

enum vit_status vit_model_takes_pictures(const struct vit_model *m, struct vit_error *err)
{
    if (m->config.channels == 3) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: the model takes %d channels, pictures have 3", m->path,
                    m->config.channels);
}

static enum vit_status prepare(const struct vit_model *m, const struct patch_image *image, const char *name,
                               float *planes, struct vit_error *err)
{
    const size_t side = (size_t)m->recipe.size;
    unsigned char *pixels = malloc(side * side * 3);
    struct vit_error why;
    enum vit_status status;

    if (!pixels) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its pixels", name);
    status = patch_prepare(pixels, image, &m->recipe, &why);
    if (status)
        vit_fail(err, status, "%s: %s", name, why.text);
    else
        patch_normalise(planes, pixels, &m->recipe);
    free(pixels);
    return status;
}

enum vit_status vit_read_image(const struct vit_model *m, const char *path, float *planes,
                               const struct patch_decode *o, struct vit_error *err)
{
    struct patch_image image;
    enum vit_status status = vit_model_takes_pictures(m, err);

    if (!status) status = patch_image_read(&image, path, o, err);
    if (status) return status;
    status = prepare(m, &image, path, planes, err);
    patch_image_free(&image);
    return status;
}

enum vit_status vit_decode_image(const struct vit_model *m, const void *bytes, size_t size, const char *name,
                                 float *planes, const struct patch_decode *o, struct vit_error *err)
{
    struct patch_image image;
    enum vit_status status = vit_model_takes_pictures(m, err);

    if (!status) status = patch_image_decode(&image, bytes, size, name, o, err);
    if (status) return status;
    status = prepare(m, &image, name, planes, err);
    patch_image_free(&image);
    return status;
}

enum vit_status vit_prepare_image(const struct vit_model *m, const unsigned char *rgb, int width, int height,
                                  float *planes, struct vit_error *err)
{
    const struct patch_image image = { .width = width, .height = height, .rgb = (unsigned char *)rgb };
    enum vit_status status = vit_model_takes_pictures(m, err);

    if (status) return status;
    if (width < 1 || height < 1 || width > PATCH_MAX_SIDE || height > PATCH_MAX_SIDE)
        return vit_fail(err, VIT_ERR_ARG, "picture: %dx%d pixels, expected 1 to %d a side", width, height,
                        PATCH_MAX_SIDE);
    return prepare(m, &image, "picture", planes, err);
}
