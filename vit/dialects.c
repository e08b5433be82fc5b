#include "vit/dialects.h"

#include <string.h>

#include "vit/config.h"
#include "vit/json.h"
#include "vit/text.h"

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
    { "gelu_accurate", KERN_ACT_GELU_TANH },
    { "gelu_python", KERN_ACT_GELU },
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

/* ---- what is asked for before the tensors are ---- */

int vit_foreign_size(const json_t *o)
{
    const json_t *cfg = vit_json_get(o, "pretrained_cfg"), *size = NULL;
    json_int_t side;

    if (vit_json_get(o, "architecture")) {
        size = vit_json_get(vit_json_get(o, "model_args"), "img_size");
        if (!size) size = vit_json_get(cfg ? cfg : o, "input_size");
    } else if (vit_json_get(o, "model_type"))
        size = vit_json_get(o, "image_size");
    if (json_is_array(size)) size = json_array_get(size, json_array_size(size) - 1);
    side = json_integer_value(size);
    return side > 0 && side <= PATCH_MOST_SIZE ? (int)side : 0;
}

bool vit_foreign_positionless(const json_t *o)
{
    const json_t *kind = vit_json_get(vit_json_get(o, "model_args"), "pos_embed");

    return vit_json_get(o, "architecture") && json_is_string(kind) &&
           !strcmp(json_string_value(kind), "none");
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

    if (status || !pool) return status;
    if (!strcmp(pool, "avg"))
        m->config.pool = VIT_POOL_MEAN;
    else if (!strcmp(pool, "token"))
        m->config.pool = m->config.cls ? VIT_POOL_CLS : m->config.pool;
    else
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"global_pool\" \"%s\" is not supported", where, pool);
    return VIT_OK;
}

/* What a part of an architecture's name implies and no tensor shows, in timm 1.0.31; a row goes before those
 * above it. Where nothing is written, a plain ViT of timm is meant. */
static const struct trait {
    const char *part;
    int heads;
    enum kern_act act;
    float eps;
    bool res_post, normless;
    const char *other; /* what makes it another network */
} TRAITS[] = {
    { .part = "quickgelu", .act = KERN_ACT_QUICK_GELU },
    { .part = "_clip_", .eps = 1e-5f },
    { .part = "beit3_", .eps = 1e-5f },
    { .part = "_rpn_", .res_post = true },
    { .part = "flexivit_small", .heads = 6 },
    { .part = "flexivit_base", .heads = 12 },
    { .part = "flexivit_large", .heads = 16 },
    { .part = "eva_large_", .heads = 16 },
    { .part = "vit_xsmall_", .heads = 4 },
    { .part = "vit_so150m2_", .heads = 13 },
    { .part = "vit_intern300m_", .heads = 16, .normless = true },
    { .part = "_radio_", .normless = true },
    { .part = "vit_base_patch16_plus_", .heads = 14 },
    { .part = "vit_base_patch32_plus_", .heads = 14 },
    { .part = "vit_base_patch16_gap_", .heads = 16 },
    { .part = "vit_giant_patch14_dinov2", .heads = 24 },
    { .part = "vit_giant_patch14_reg", .heads = 24 },
    { .part = "vit_giant_patch16_radio", .heads = 24 },
    { .part = "vit_giantopt_", .heads = 16, .act = KERN_ACT_GELU_TANH },
    { .part = "vit_base_patch32_siglip_", .act = KERN_ACT_GELU_TANH },
    { .part = "vit_large_patch16_siglip_512", .act = KERN_ACT_GELU_TANH },
    { .part = "vit_large_patch16_siglip_gap_512", .act = KERN_ACT_GELU_TANH },
    { .part = "vit_so400m_patch16_siglip_", .act = KERN_ACT_GELU_TANH },
    { .part = "beit3_giant_", .heads = 16 },
    { .part = "test_vit", .heads = 2 },
    { .part = "test_vit3", .heads = 3 },
    { .part = "test_vit4", .heads = 3 },
    { .part = "_rope_", .other = "rotary positions" },
    { .part = "_dinov3", .other = "rotary positions" },
    { .part = "_lingbot", .other = "rotary positions" },
    { .part = "_sapiens2", .other = "rotary positions" },
    { .part = "vit_pe_", .other = "rotary positions" },
    { .part = "eva02_", .other = "rotary positions" },
    { .part = "_relpos_", .other = "relative positions" },
    { .part = "_srelpos_", .other = "relative positions" },
};

bool vit_foreign_normless(const json_t *o)
{
    const char *name = json_string_value(vit_json_get(o, "architecture"));
    const json_t *said = vit_json_get(vit_json_get(o, "model_args"), "final_norm");

    if (!name || said) return name && json_is_false(said);
    for (size_t i = 0; i < VIT_COUNT(TRAITS); i++)
        if (TRAITS[i].normless && strstr(name, TRAITS[i].part)) return true;
    return false;
}

static enum vit_status apply_timm_name(struct vit_model *m, const char *name, const char *where,
                                       struct vit_error *err)
{
    struct vit_config *c = &m->config;
    int heads = vit_preset_heads(name);

    for (size_t i = 0; i < VIT_COUNT(TRAITS); i++) {
        const struct trait *t = &TRAITS[i];

        if (!strstr(name, t->part)) continue;
        if (t->other)
            return vit_fail(err, VIT_ERR_UNSUPPORTED,
                            "%s: \"architecture\" \"%s\" has %s, which are not "
                            "supported",
                            where, name, t->other);
        if (t->heads) heads = t->heads;
        if (t->act) c->act = t->act;
        if (t->eps > 0) c->norm.eps = t->eps;
        if (t->res_post) c->norm.placement = VIT_NORM_RES_POST;
    }
    if (!c->heads) c->heads = heads; /* else the tensors tell */
    return VIT_OK;
}

/* A picture of another shape than a square, [height, width], whose positions are a square by chance. */
static enum vit_status refuse_oblong(const json_t *o, const char *where, const char *key,
                                     struct vit_error *err)
{
    const json_t *v = json_object_get(o, key);
    const size_t n = json_array_size(v);
    const json_t *height = json_array_get(v, n - 2), *width = json_array_get(v, n - 1);

    if (n < 2 || json_number_value(height) == json_number_value(width)) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" is %g x %g: only squares are supported", where, key,
                    json_number_value(height), json_number_value(width));
}

/* The kinds of norm that VisionTransformer takes by name; which of both kinds it is, the tensors tell. */
static enum vit_status read_timm_norm(const struct vit_model *m, const json_t *args, const char *where,
                                      struct vit_error *err)
{
    static const struct {
        const char *name;
        enum kern_norm_kind kind;
    } NORMS[] = {
        { "layernorm", KERN_LAYERNORM },
        { "layernormfp32", KERN_LAYERNORM },
        { "rmsnorm", KERN_RMSNORM },
        { "rmsnormfp32", KERN_RMSNORM },
    };
    const char *name = NULL;
    enum vit_status status = vit_json_string(args, where, "norm_layer", &name, err);

    if (status || !name) return status;
    for (size_t i = 0; i < VIT_COUNT(NORMS); i++)
        if (!strcmp(name, NORMS[i].name) && m->config.norm.kind == NORMS[i].kind) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%s: \"norm_layer\" \"%s\" is not supported, or is not what the tensors are", where,
                    name);
}

/* Nowhere in the tensors, and change the answer. */
static enum vit_status refuse_switches(const json_t *args, const char *where, struct vit_error *err)
{
    static const char *const KEYS[] = { "pool_include_prefix", "dynamic_img_pad" };

    for (size_t i = 0; i < VIT_COUNT(KEYS); i++) {
        bool on = false;
        enum vit_status status = vit_json_bool(args, where, KEYS[i], &on, err);

        if (status) return status;
        if (on) return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" is not supported", where, KEYS[i]);
    }
    return VIT_OK;
}

static enum vit_status read_timm_args(struct vit_model *m, const json_t *args, const char *where,
                                      struct vit_error *err)
{
    struct vit_config *c = &m->config;
    enum vit_status status = read_timm_block(m, args, where, err);

    if (!status) status = vit_agree_timm(c, args, where, err);
    if (!status) status = refuse_oblong(args, where, "img_size", err);
    if (!status) status = refuse_switches(args, where, err);
    if (!status) status = read_timm_norm(m, args, where, err);
    if (!status) status = vit_json_int(args, where, "num_heads", 1, 1 << 16, &c->heads, err);
    if (!status) status = vit_json_float(args, where, "norm_eps", &c->norm.eps, err);
    if (!status) status = read_act_name(&c->act, args, where, "act_layer", err);
    if (!status) status = read_timm_pool(m, args, where, err);
    return status;
}

static void say_timm_recipe(struct vit_model *m, const json_t *cfg, const char *where)
{
    static const struct {
        const char *key, *assumed;
        bool colours;
    } DEFAULTS[] = { { "crop_pct", "crop_pct 0.875", false },
                     { "mean", "ImageNet's mean", true },
                     { "std", "ImageNet's std", true } };
    const char *names[VIT_COUNT(DEFAULTS)];
    char text[128];
    size_t count = 0;

    for (size_t i = 0; i < VIT_COUNT(DEFAULTS); i++)
        if (!vit_json_get(cfg, DEFAULTS[i].key) && (!DEFAULTS[i].colours || m->config.channels == 3))
            names[count++] = DEFAULTS[i].assumed;
    if (count)
        vit_model_say(m, true, "%s: does not say all of the preprocessing: %s assumed, as timm does", where,
                      vit_list(text, sizeof text, names, count));
}

/* What is not said is as in PretrainedCfg of timm's _pretrained.py, whatever the network. */
static enum vit_status read_timm_recipe(struct vit_model *m, const json_t *cfg, const char *where,
                                        struct vit_error *err)
{
    struct patch_recipe *r = &m->recipe;
    float input[3] = { 3, (float)m->config.image, (float)m->config.image };
    const char *filter = NULL, *mode = NULL;
    enum vit_status status = vit_json_floats(cfg, where, "input_size", 3, input, err);

    r->crop_pct = 0.875f;
    r->filter = PATCH_BICUBIC;
    patch_recipe_set_statistics(r, PATCH_IMAGENET);
    if (!status) status = refuse_oblong(cfg, where, "input_size", err);
    if (!status) status = vit_json_float(cfg, where, "crop_pct", &r->crop_pct, err);
    if (!status) status = vit_json_string(cfg, where, "interpolation", &filter, err);
    if (!status) status = vit_json_string(cfg, where, "crop_mode", &mode, err);
    /* Pictures have three colours: those of another network are never prepared. */
    if (!status && m->config.channels == 3) status = vit_json_floats(cfg, where, "mean", 3, r->mean, err);
    if (!status && m->config.channels == 3) status = vit_json_floats(cfg, where, "std", 3, r->std, err);
    if (status) return status;
    if (mode && *mode && strcmp(mode, "center") && strcmp(mode, "squash"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"crop_mode\" \"%s\" is not supported", where, mode);
    if (filter && patch_filter_from_name(filter) < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: unknown \"interpolation\" \"%s\"", where, filter);
    if (filter) r->filter = (enum patch_filter)patch_filter_from_name(filter);
    r->squash = mode && !strcmp(mode, "squash");
    status = vit_recipe_check(r, where, err);
    if (status) return status;
    say_timm_recipe(m, cfg, where);
    if (m->config.position == VIT_POS_LEARNED && input[1] != (float)m->config.image)
        vit_model_say(m, false, "%s: \"input_size\" names %g pixels, the position embeddings are for %d",
                      where, (double)input[1], m->config.image);
    return VIT_OK;
}

enum vit_status vit_read_timm(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err)
{
    const json_t *args = NULL, *cfg = NULL;
    const char *name = NULL;
    enum vit_status status = vit_json_string(o, where, "architecture", &name, err);

    if (!status) status = vit_json_object(o, where, "model_args", &args, err);
    if (!status) status = vit_json_object(o, where, "pretrained_cfg", &cfg, err);
    if (!status && name) status = apply_timm_name(m, name, where, err);
    if (!status) status = read_timm_pool(m, o, where, err);
    if (!status && args) status = read_timm_args(m, args, where, err);
    /* Once there was no pretrained_cfg around its keys. */
    if (!status) status = read_timm_recipe(m, cfg ? cfg : o, where, err);
    if (!status) status = vit_agree_classes(m, o, where, "num_classes", err);
    return status;
}

/* ---- Hugging Face ---- */

enum vit_status vit_check_hf_type(const json_t *o, const char *where, struct vit_error *err)
{
    static const char *const TYPES[] = { "vit", "deit", "dinov2", "dinov2_with_registers", "ijepa" };
    const char *type = NULL;
    enum vit_status status = vit_json_string(o, where, "model_type", &type, err);

    if (status || !type) return status;
    for (size_t i = 0; i < VIT_COUNT(TYPES); i++)
        if (!strcmp(type, TYPES[i])) return VIT_OK;
    return vit_fail(
        err, VIT_ERR_UNSUPPORTED,
        "%s: \"model_type\" \"%s\" is not supported (vit, deit, dinov2, dinov2_with_registers and ijepa are)",
        where, type);
}

enum vit_status vit_read_hf(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err)
{
    struct vit_config *c = &m->config;
    enum vit_status status = refuse_oblong(o, where, "image_size", err);

    if (!status) status = vit_agree_hf(c, o, where, err);
    if (!status) status = vit_agree_classes(m, o, where, "num_labels", err);
    if (!status) status = vit_json_int(o, where, "num_attention_heads", 1, 1 << 16, &c->heads, err);
    if (!status) status = vit_json_float(o, where, "layer_norm_eps", &c->norm.eps, err);
    if (!status && !c->glu) status = read_act_name(&c->act, o, where, "hidden_act", err);
    return status;
}
