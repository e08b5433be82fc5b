/* preprocessor_config.json of Hugging Face. */
#include <math.h>
#include <string.h>

#include "vit/config.h"
#include "vit/dialects.h"
#include "vit/json.h"
#include "vit/text.h"

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

static enum vit_status read_shortest(const json_t *size, const char *where, const char *key, int most,
                                     int *side, struct vit_error *err)
{
    if (vit_json_get(size, "longest_edge"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: \"%s\" has \"longest_edge\" beside \"shortest_edge\": a limit of the long side "
                        "is not supported",
                        where, key);
    return vit_json_int(size, where, "shortest_edge", 1, most, side, err);
}

/* size, up to most: a number, [height, width], {"height", "width"} or {"shortest_edge"}. *shortest: whether
 * it is the short side's; of a number, and where there is none, as it was set. */
static enum vit_status read_hf_size(const json_t *o, const char *where, const char *key, int most, int *size,
                                    bool *shortest, struct vit_error *err)
{
    const json_t *v = vit_json_get(o, key);
    int width = *size;
    enum vit_status status;

    if (!json_is_array(v) && !json_is_object(v)) return vit_json_int(o, where, key, 1, most, size, err);
    *shortest = vit_json_get(v, "shortest_edge") != NULL;
    if (json_is_array(v)) return read_sides(o, where, key, most, size, err);
    if (*shortest) return read_shortest(v, where, key, most, size, err);
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
    int number = 0;
    enum vit_status status = vit_json_int(o, where, "resample", 0, 5, &number, err);

    if (status || !vit_json_get(o, "resample")) return status;
    if (patch_filter_from_number(number) < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"resample\" %d is not supported (1 to 4 are)", where,
                        number);
    r->filter = (enum patch_filter)patch_filter_from_number(number);
    return VIT_OK;
}

/* What a processor does where the file says nothing: transformers, image_processing_*.py of each. */
struct processor {
    const char *name;
    bool shortest;  /* a size that is a number is the short side's; else a square's */
    int size, crop; /* pixels a side; crop 0: it does not crop unless it is told to */
    enum patch_filter filter;
    bool clip; /* mean and std of CLIP; else 0.5 */
};

static const struct processor PROCESSORS[] = {
    { "ViTImageProcessor", false, 224, 0, PATCH_BILINEAR, false },
    { "ViTFeatureExtractor", false, 224, 0, PATCH_BILINEAR, false },
    { "DeiTImageProcessor", false, 256, 224, PATCH_BICUBIC, false },
    { "DeiTFeatureExtractor", false, 256, 224, PATCH_BICUBIC, false },
    { "BitImageProcessor", true, 224, 224, PATCH_BICUBIC, true },
    { "CLIPImageProcessor", true, 224, 224, PATCH_BICUBIC, true },
    { "CLIPFeatureExtractor", true, 224, 224, PATCH_BICUBIC, true },
};

/* NULL: no processor is named. One that is not known is said to be taken for the first. */
static enum vit_status find_processor(const struct processor **out, struct vit_model *m, const json_t *o,
                                      const char *where, struct vit_error *err)
{
    static const char *const KEYS[] = { "image_processor_type", "feature_extractor_type" };
    const char *type = NULL;
    enum vit_status status = VIT_OK;

    *out = NULL;
    for (size_t i = 0; i < VIT_COUNT(KEYS) && !status && !type; i++)
        status = vit_json_string(o, where, KEYS[i], &type, err);
    if (status || !type) return status;
    for (size_t i = 0; i < VIT_COUNT(PROCESSORS); i++) /* "ViTImageProcessorFast" is the same */
        if (!strncmp(type, PROCESSORS[i].name, strlen(PROCESSORS[i].name)))
            return *out = &PROCESSORS[i], VIT_OK;
    *out = &PROCESSORS[0];
    vit_model_say(m, true,
                  "%s: the processor \"%s\" is not known: what it says is read as ViTImageProcessor's", where,
                  type);
    return VIT_OK;
}

static void say_defaults(struct vit_model *m, const struct processor *p, const json_t *o, const char *where)
{
    static const char *const KEYS[] = { "size", "resample", "image_mean", "image_std", "crop_size" };
    const size_t keys = VIT_COUNT(KEYS) - !p->crop;
    const char *names[VIT_COUNT(KEYS)];
    char text[128];
    size_t count = 0;

    for (size_t i = 0; i < keys; i++)
        if (!vit_json_get(o, KEYS[i])) names[count++] = KEYS[i];
    if (count)
        vit_model_say(m, false, "%s: does not say all of the preprocessing: %s as %s has them", where,
                      vit_list(text, sizeof text, names, count), p->name);
}

static void take_defaults(struct patch_recipe *r, const struct processor *p)
{
    static const float MEAN[3] = { 0.48145466f, 0.4578275f, 0.40821073f },
                       STD[3] = { 0.26862954f, 0.26130258f, 0.27577711f };
    const struct patch_recipe half = patch_recipe_default(p->size);

    r->filter = p->filter;
    memcpy(r->mean, p->clip ? MEAN : half.mean, sizeof MEAN);
    memcpy(r->std, p->clip ? STD : half.std, sizeof STD);
}

/* A null is Python's None, which is off. */
static enum vit_status read_switch(const json_t *o, const char *where, const char *key, bool *on,
                                   struct vit_error *err)
{
    if (json_is_null(json_object_get(o, key))) return *on = false, VIT_OK;
    return vit_json_bool(o, where, key, on, err);
}

/* (x f - mean) / std of bytes x, where the recipe divides by 255. */
static enum vit_status read_values(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    bool normalised = true, rescaled = true;
    float factor = 1.0f / 255;
    enum vit_status status = read_switch(o, where, "do_normalize", &normalised, err);

    if (!status) status = read_switch(o, where, "do_rescale", &rescaled, err);
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
    enum vit_status status = read_switch(o, where, "do_resize", &resize, err);

    if (!status && !resize)
        vit_model_say(m, true,
                      "%s: \"do_resize\" is false: pictures of another size are resized all the same", where);
    return status;
}

/* Without a size for them, pictures are padded to the largest of those that come together: all are alike. */
static enum vit_status refuse_padding(const json_t *o, const char *where, struct vit_error *err)
{
    bool pad = false;
    enum vit_status status = read_switch(o, where, "do_pad", &pad, err);

    if (status || !pad || !vit_json_get(o, "pad_size")) return status;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"do_pad\" to a \"pad_size\" is not supported", where);
}

/* p NULL: the network's own size, cropped to if that is mentioned. */
static enum vit_status read_sizes(struct vit_model *m, const struct processor *p, const json_t *o,
                                  const char *where, struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    int resized = p ? p->size : m->config.image, crop = p && p->crop ? p->crop : m->config.image;
    bool shortest = p && p->shortest, ignored = false;
    bool cropped = p ? p->crop > 0 : vit_json_get(o, "crop_size") != NULL;
    enum vit_status status = read_switch(o, where, "do_center_crop", &cropped, err);

    if (!status)
        status = read_hf_size(o, where, "size", cropped ? MOST_RESIZED : PATCH_MOST_SIZE, &resized, &shortest,
                              err);
    if (!status && cropped)
        status = read_hf_size(o, where, "crop_size", PATCH_MOST_SIZE, &crop, &ignored, err);
    if (status) return status;
    if (cropped && crop > resized)
        vit_model_say(m, true, "%s: pictures are resized to %d pixels and padded with black to %d", where,
                      resized, crop);
    r->squash = !shortest;
    r->crop_pct = cropped ? (float)crop / (float)resized : 1;
    r->size = cropped ? crop : resized;
    r->crop_down = !r->squash || r->size != resized; /* transformers: image_transforms.py, center_crop */
    return VIT_OK;
}

enum vit_status vit_read_hf_recipe(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    const struct processor *p;
    enum vit_status status;

    if (!json_is_object(o)) return vit_fail(err, VIT_ERR_FORMAT, "%s: must be a JSON object", where);
    status = find_processor(&p, m, o, where, err);
    if (!status && p) take_defaults(&m->recipe, p);
    if (!status) status = refuse_padding(o, where, err);
    if (!status) status = read_sizes(m, p, o, where, err);
    if (!status) status = read_resample(&m->recipe, o, where, err);
    if (!status) status = read_resize(m, o, where, err);
    if (!status) status = read_values(m, o, where, err);
    if (!status) status = vit_recipe_check(&m->recipe, where, err);
    if (!status && p) say_defaults(m, p, o, where);
    return status;
}
