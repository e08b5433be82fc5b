#include "vit/dialects.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/config_json.h"
#include "vit/json.h"

/* ---- names of other frameworks ---- */

static const struct act_name {
    const char *name;
    enum kern_act act;
} ACTS[] = {
    { "gelu", KERN_ACT_GELU },
    { "gelu_new", KERN_ACT_GELU_TANH },
    { "gelu_fast", KERN_ACT_GELU_TANH },
    { "gelu_tanh", KERN_ACT_GELU_TANH },
    { "gelu_pytorch_tanh", KERN_ACT_GELU_TANH },
    { "quick_gelu", KERN_ACT_QUICK_GELU },
    { "quickgelu", KERN_ACT_QUICK_GELU },
    { "relu", KERN_ACT_RELU },
    { "silu", KERN_ACT_SILU },
    { "swish", KERN_ACT_SILU },
};

static enum vit_status read_act_name(enum kern_act *act, const json_t *o, const char *where, const char *key,
                                     struct vit_error *err)
{
    const char *text = NULL;
    enum vit_status status = vit_json_string(o, where, key, &text, err);

    if (status || !text) return status;
    for (size_t i = 0; i < VIT_COUNT(ACTS); i++) {
        if (strcmp(text, ACTS[i].name)) continue;
        *act = ACTS[i].act;
        return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\": activation \"%s\" is not known", where, key, text);
}

/* A value of config.json that the tensors also tell must agree with them. */
static enum vit_status agree(const json_t *o, const char *where, const char *key, int tensors,
                             struct vit_error *err)
{
    int value = tensors;
    enum vit_status status = vit_json_int(o, where, key, 0, 1 << 28, &value, err);

    if (status || value == tensors) return status;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %d, but the tensors say %d", where, key, value,
                    tensors);
}

/* ---- labels ---- */

static const char *label_at(const json_t *labels, int i)
{
    char key[16];

    if (json_is_array(labels)) return json_string_value(json_array_get(labels, (size_t)i));
    snprintf(key, sizeof key, "%d", i);
    return json_string_value(json_object_get(labels, key));
}

enum vit_status vit_read_labels(struct vit_model *m, const json_t *labels, const char *where,
                                struct vit_error *err)
{
    const size_t count = json_is_array(labels) ? json_array_size(labels) : json_object_size(labels);

    if (!labels || json_is_null(labels)) return VIT_OK;
    if (!json_is_array(labels) && !json_is_object(labels))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: labels must be an array or an object", where);
    if (count != (size_t)m->config.classes)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: %zu labels, but the model has %d classes", where, count,
                        m->config.classes);
    for (int i = 0; i < m->config.classes; i++) {
        const char *text = label_at(labels, i);
        if (!text) return vit_fail(err, VIT_ERR_FORMAT, "%s: no label for class %d", where, i);
        free(m->labels[i]);
        m->labels[i] = strdup(text);
        if (!m->labels[i]) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot keep the labels", where);
    }
    m->has_labels = true;
    return VIT_OK;
}

/* ---- timm ---- */

static enum vit_status read_timm_block(struct vit_model *m, const json_t *args, const char *where,
                                       struct vit_error *err)
{
    const char *block = NULL;
    enum vit_status status = vit_json_string(args, where, "block", &block, err);

    if (status || !block || !strcmp(block, "Block")) return status;
    if (strcmp(block, "ResPostBlock"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: block \"%s\" is not supported (Block and ResPostBlock are)", where, block);
    m->config.norm.placement = VIT_NORM_RES_POST;
    return VIT_OK;
}

static enum vit_status read_timm_pool(struct vit_model *m, const json_t *o, const char *where,
                                      struct vit_error *err)
{
    const char *pool = NULL;
    enum vit_status status = vit_json_string(o, where, "global_pool", &pool, err);

    if (status || !pool || !*pool) return status;
    if (!strcmp(pool, "avg"))
        m->config.pool = VIT_POOL_MEAN;
    else if (!strcmp(pool, "token"))
        m->config.pool = m->config.cls ? VIT_POOL_CLS : m->config.pool;
    else
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"global_pool\" \"%s\" is not supported", where, pool);
    return VIT_OK;
}

/* 4 positions beside 3 prefix tokens may be of 2 x 2 patches, or of 1 and the tokens: the size tells. */
static void split_positions(struct vit_model *m, const json_t *args)
{
    struct vit_config *c = &m->config;
    const json_int_t image = json_integer_value(json_object_get(args, "img_size"));
    const int was = vit_config_grid(c), prefix = vit_config_prefix(c);
    const int rows = was * was + (c->position_prefix ? prefix : 0);
    int grid;

    if (c->position != VIT_POS_LEARNED || !c->stem.patch || image < c->stem.patch || image > 1 << 14) return;
    grid = (int)image / c->stem.patch;
    if (rows != grid * grid && rows != grid * grid + prefix) return;
    c->image = m->recipe.size = (int)image;
    c->position_prefix = rows != grid * grid;
}

static enum vit_status read_timm_args(struct vit_model *m, const json_t *args, const char *where,
                                      struct vit_error *err)
{
    struct vit_config *c = &m->config;
    enum vit_status status = agree(args, where, "depth", c->depth, err);

    if (!status) status = agree(args, where, "embed_dim", c->width, err);
    if (!status) status = agree(args, where, "patch_size", c->stem.patch, err);
    if (!status) split_positions(m, args);
    if (!status) status = vit_json_int(args, where, "num_heads", 1, 1 << 16, &c->heads, err);
    if (!status) status = vit_json_float(args, where, "norm_eps", &c->norm.eps, err);
    if (!status) status = read_act_name(&c->act, args, where, "act_layer", err);
    if (!status) status = read_timm_block(m, args, where, err);
    if (!status) status = read_timm_pool(m, args, where, err);
    return status;
}

/* What an architecture's name implies and no tensor shows. */
static void apply_timm_name(struct vit_model *m, const char *name)
{
    struct vit_config *c = &m->config;
    int heads = vit_preset_heads(name, c->width);

    if (heads) c->heads = heads;
    if (strstr(name, "quickgelu")) c->act = KERN_ACT_QUICK_GELU;
    if (strstr(name, "_clip_")) c->norm.eps = 1e-5f;
    if (strstr(name, "_rpn_") || strstr(name, "_srelpos_") || strstr(name, "_relpos_rpn"))
        c->norm.placement = VIT_NORM_RES_POST;
}

static enum vit_status read_timm_recipe(struct vit_model *m, const json_t *cfg, const char *where,
                                        struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    float input[3] = { 3, (float)m->config.image, (float)m->config.image };
    const char *filter = NULL, *mode = NULL;
    enum vit_status status = vit_json_floats(cfg, where, "input_size", 3, input, err);

    if (!status) status = vit_json_float(cfg, where, "crop_pct", &r->crop_pct, err);
    if (!status) status = vit_json_string(cfg, where, "interpolation", &filter, err);
    if (!status) status = vit_json_string(cfg, where, "crop_mode", &mode, err);
    if (!status) status = vit_json_floats(cfg, where, "mean", 3, r->mean, err);
    if (!status) status = vit_json_floats(cfg, where, "std", 3, r->std, err);
    if (status) return status;
    if (filter && patch_filter_from_name(filter) < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: unknown \"interpolation\" \"%s\"", where, filter);
    if (filter) r->filter = (enum patch_filter)patch_filter_from_name(filter);
    r->squash = mode && !strcmp(mode, "squash");
    status = patch_recipe_check(r, where, err);
    if (status) return status;
    if ((int)input[1] != m->config.image)
        vit_model_say(m, false, "%s: pretrained_cfg names %d pixels, the position embeddings are for %d",
                      where, (int)input[1], m->config.image);
    return VIT_OK;
}

enum vit_status vit_read_timm(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err)
{
    const json_t *args = json_object_get(o, "model_args"), *cfg = json_object_get(o, "pretrained_cfg");
    const char *name = NULL;
    enum vit_status status = vit_json_string(o, where, "architecture", &name, err);

    if (!status && name) apply_timm_name(m, name);
    if (!status) status = read_timm_pool(m, o, where, err);
    if (!status && json_is_object(args)) status = read_timm_args(m, args, where, err);
    if (!status && json_is_object(cfg)) status = read_timm_recipe(m, cfg, where, err);
    if (!status && json_object_get(o, "num_classes"))
        status = agree(o, where, "num_classes", m->config.classes, err);
    return status;
}

/* ---- Hugging Face ---- */

enum vit_status vit_read_hf(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err)
{
    struct vit_config *c = &m->config;
    enum vit_status status = agree(o, where, "hidden_size", c->width, err);

    if (!status) status = agree(o, where, "num_hidden_layers", c->depth, err);
    if (!status) status = agree(o, where, "patch_size", c->stem.patch, err);
    if (!status) status = agree(o, where, "num_channels", c->channels, err);
    if (!status) status = vit_json_int(o, where, "num_attention_heads", 1, 1 << 16, &c->heads, err);
    if (!status) status = vit_json_float(o, where, "layer_norm_eps", &c->norm.eps, err);
    if (!status && !c->glu) status = read_act_name(&c->act, o, where, "hidden_act", err);
    return status;
}

/* size: a number, {"height", "width"} or {"shortest_edge"}. */
static enum vit_status read_hf_size(const json_t *o, const char *where, const char *key, int *size,
                                    bool *shortest, struct vit_error *err)
{
    const json_t *v = json_object_get(o, key);
    int width = *size;
    enum vit_status status;

    *shortest = false;
    if (!json_is_object(v)) return vit_json_int(o, where, key, 1, 1 << 14, size, err);
    *shortest = json_object_get(v, "shortest_edge") != NULL;
    if (*shortest) return vit_json_int(v, where, "shortest_edge", 1, 1 << 14, size, err);
    status = vit_json_int(v, where, "height", 1, 1 << 14, size, err);
    if (!status) status = vit_json_int(v, where, "width", 1, 1 << 14, &width, err);
    if (!status && json_object_get(v, "width") && width != *size)
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

    if (status || !json_object_get(o, "resample")) return status;
    if (number < 1 || number > 4)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"resample\" %d is not supported (1 to 4 are)", where,
                        number);
    r->filter = (enum patch_filter)FILTERS[number];
    return VIT_OK;
}

enum vit_status vit_read_hf_recipe(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    int resized = m->config.image, crop = m->config.image;
    bool shortest = false, ignored, cropped = json_object_get(o, "crop_size") != NULL, normalised = true;
    enum vit_status status;

    if (!json_is_object(o)) return vit_fail(err, VIT_ERR_FORMAT, "%s: must be a JSON object", where);
    status = read_hf_size(o, where, "size", &resized, &shortest, err);

    if (!status) status = vit_json_bool(o, where, "do_center_crop", &cropped, err);
    if (!status && cropped) status = read_hf_size(o, where, "crop_size", &crop, &ignored, err);
    if (!status) status = read_resample(r, o, where, err);
    if (!status) status = vit_json_bool(o, where, "do_normalize", &normalised, err);
    if (!status) status = vit_json_floats(o, where, "image_mean", 3, r->mean, err);
    if (!status) status = vit_json_floats(o, where, "image_std", 3, r->std, err);
    if (status) return status;
    if (!normalised)
        for (int i = 0; i < 3; i++) r->mean[i] = 0, r->std[i] = 1;
    r->squash = !shortest;
    r->crop_pct = cropped ? (float)crop / (float)resized : 1;
    r->size = cropped ? crop : resized;
    return patch_recipe_check(r, where, err);
}
