/* preprocessor_config.json of Hugging Face. */
#include <math.h>
#include <string.h>

#include "vit/config.h"
#include "vit/dialects.h"
#include "vit/json.h"

enum { MOST_RESIZED = 2 * PATCH_MOST_SIZE }; /* before a crop */

/* [height, width] */
static enum vit_status read_sides(const json_t *o, const char *where, const char *key, int most, int *size,
                                  struct vit_error *err)
{
    float sides[2];
    enum vit_status status = vit_json_floats(o, where, key, 2, sides, err);

    if (status) return status;
    if (sides[0] != sides[1])
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" is %g x %g: only squares are supported", where,
                        key, (double)sides[0], (double)sides[1]);
    if (!(sides[0] >= 1 && sides[0] <= (float)most) || sides[0] != floorf(sides[0]))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be whole numbers between 1 and %d, found %g",
                        where, key, most, (double)sides[0]);
    *size = (int)sides[0];
    return VIT_OK;
}

/* size, up to most: a number, [height, width], {"height", "width"} or {"shortest_edge"}. */
static enum vit_status read_hf_size(const json_t *o, const char *where, const char *key, int most, int *size,
                                    bool *shortest, struct vit_error *err)
{
    const json_t *v = vit_json_get(o, key);
    int width = *size;
    enum vit_status status;

    *shortest = false;
    if (json_is_array(v)) return read_sides(o, where, key, most, size, err);
    if (!json_is_object(v)) return vit_json_int(o, where, key, 1, most, size, err);
    *shortest = vit_json_get(v, "shortest_edge") != NULL;
    if (*shortest) return vit_json_int(v, where, "shortest_edge", 1, most, size, err);
    if (!vit_json_get(v, "height") && !vit_json_get(v, "width"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: \"%s\" has neither \"height\" and \"width\" nor \"shortest_edge\": other sizes "
                        "are not supported",
                        where, key);
    status = vit_json_int(v, where, "height", 1, most, size, err);
    if (!status) status = vit_json_int(v, where, "width", 1, most, &width, err);
    if (!status && vit_json_get(v, "width") && width != *size)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" is %d x %d: only squares are supported", where,
                        key, *size, width);
    return status;
}

/* Pillow's numbers for its filters. */
static enum vit_status read_resample(struct patch_recipe *r, const json_t *o, const char *where,
                                     struct vit_error *err)
{
    static const int FILTERS[] = {
        [1] = PATCH_LANCZOS, [2] = PATCH_BILINEAR, [3] = PATCH_BICUBIC, [4] = PATCH_BOX
    };
    int number = 0;
    enum vit_status status = vit_json_int(o, where, "resample", 0, 5, &number, err);

    if (status || !vit_json_get(o, "resample")) return status;
    if (number < 1 || number > 4)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"resample\" %d is not supported (1 to 4 are)", where,
                        number);
    r->filter = (enum patch_filter)FILTERS[number];
    return VIT_OK;
}

/* What a processor's name implies. */
static enum vit_status read_processor(struct vit_model *m, bool *shortest, const json_t *o, const char *where,
                                      struct vit_error *err)
{
    static const char *const KEYS[] = { "image_processor_type", "feature_extractor_type" };
    static const struct {
        const char *name;
        bool shortest; /* a size that is a number is the short side's; else a square's */
    } PROCESSORS[] = {
        { "ViTImageProcessor", false },    { "ViTFeatureExtractor", false }, { "DeiTImageProcessor", false },
        { "DeiTFeatureExtractor", false }, { "BitImageProcessor", true },    { "CLIPImageProcessor", true },
        { "CLIPFeatureExtractor", true },
    };
    const char *type = NULL;
    enum vit_status status = VIT_OK;

    *shortest = false;
    for (size_t i = 0; i < VIT_COUNT(KEYS) && !status && !type; i++)
        status = vit_json_string(o, where, KEYS[i], &type, err);
    if (status || !type) return status;
    for (size_t i = 0; i < VIT_COUNT(PROCESSORS); i++) /* "ViTImageProcessorFast" is the same */
        if (!strncmp(type, PROCESSORS[i].name, strlen(PROCESSORS[i].name)))
            return *shortest = PROCESSORS[i].shortest, VIT_OK;
    vit_model_say(m, true,
                  "%s: the processor \"%s\" is not known: what it says is read as ViTImageProcessor's", where,
                  type);
    return VIT_OK;
}

/* (x f - mean) / std of bytes x, where the recipe divides by 255. */
static enum vit_status read_values(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    bool normalised = true, rescaled = true;
    float factor = 1.0f / 255;
    enum vit_status status = vit_json_bool(o, where, "do_normalize", &normalised, err);

    if (!status) status = vit_json_bool(o, where, "do_rescale", &rescaled, err);
    if (!status) status = vit_json_float(o, where, "rescale_factor", &factor, err);
    /* As in timm's recipes: pictures of other than three colours are never prepared. */
    if (!status && m->config.channels == 3) status = vit_json_floats(o, where, "image_mean", 3, r->mean, err);
    if (!status && m->config.channels == 3) status = vit_json_floats(o, where, "image_std", 3, r->std, err);
    if (status) return status;
    if (rescaled && !(factor > 0))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"rescale_factor\" must be positive, found %g", where,
                        (double)factor);
    if (!rescaled) factor = 1;
    for (int i = 0; i < 3; i++) {
        if (!normalised) r->mean[i] = 0, r->std[i] = 1;
        if (fabsf(factor * 255 - 1) < 1e-5f) continue;
        r->mean[i] /= factor * 255;
        r->std[i] /= factor * 255;
    }
    return VIT_OK;
}

static enum vit_status read_resize(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    bool resize = true;
    enum vit_status status = vit_json_bool(o, where, "do_resize", &resize, err);

    if (!status && !resize)
        vit_model_say(m, true,
                      "%s: \"do_resize\" is false: pictures of another size are resized all the same", where);
    return status;
}

enum vit_status vit_read_hf_recipe(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    int resized = m->config.image, crop = m->config.image;
    bool shortest = false, number, ignored, cropped = vit_json_get(o, "crop_size") != NULL;
    enum vit_status status;

    if (!json_is_object(o)) return vit_fail(err, VIT_ERR_FORMAT, "%s: must be a JSON object", where);
    status = read_processor(m, &number, o, where, err);
    if (!status) status = vit_json_bool(o, where, "do_center_crop", &cropped, err);
    if (!status)
        status = read_hf_size(o, where, "size", cropped ? MOST_RESIZED : PATCH_MOST_SIZE, &resized, &shortest,
                              err);
    if (!status && cropped)
        status = read_hf_size(o, where, "crop_size", PATCH_MOST_SIZE, &crop, &ignored, err);
    if (!status) status = read_resample(r, o, where, err);
    if (!status) status = read_resize(m, o, where, err);
    if (!status) status = read_values(m, o, where, err);
    if (status) return status;
    r->squash = !shortest && !(number && json_is_integer(json_object_get(o, "size")));
    r->crop_pct = cropped ? (float)crop / (float)resized : 1;
    r->size = cropped ? crop : resized;
    r->crop_down = !r->squash || r->size != resized; /* transformers: image_transforms.py, center_crop */
    return vit_recipe_check(r, where, err);
}
