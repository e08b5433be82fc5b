#include "vit/model.h"

#include <stdlib.h>

enum vit_status vit_model_takes_pictures(const struct vit_model *m, struct vit_error *err)
{
    if (m->config.channels == 3) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: the model takes %d channels, pictures have 3", m->path,
                    m->config.channels);
}

enum vit_status vit_read_image(const struct vit_model *m, const char *path, float *planes,
                               struct vit_error *err)
{
    const size_t side = (size_t)m->recipe.size;
    struct patch_image image;
    enum vit_status status = vit_model_takes_pictures(m, err);
    unsigned char *pixels;

    if (!status) status = patch_image_read(&image, path, NULL, err);
    if (status) return status;
    pixels = malloc(side * side * 3);
    status = pixels ? patch_prepare(pixels, &image, &m->recipe, err)
                    : vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its pixels", path);
    if (!status) patch_normalise(planes, pixels, &m->recipe);
    free(pixels);
    patch_image_free(&image);
    return status;
}
