/* A model as timm writes it down: config.json has the preprocessing too. */
#include "vit/dialects.h"
#include "vit/export.h"
#include "vit/json.h"

/* VisionTransformer of timm 1.0. The eps of its norms is no argument, and one norm stands before or after
 * pooling. */
#define NORM                                                                                                 \
    "\"placement\": [\"pre\", \"layerscale\"], \"kind\": \"layernorm\", \"eps\": 1e-6, \"embed\": false"
static const char ALLOWED[] =
    "{\"stem\": {\"kind\": \"patch\"}, \"dist\": false, \"position\": [\"learned\", \"none\"],"
    " \"pool\": [\"cls\", \"mean\"], \"pre_logits\": 0, \"patch_bias\": true, " VIT_EXPORT_ACTS ","
    " \"norm\": [{\"final\": false, " NORM "}, {\"pooled\": false, " NORM "}]}";

static json_t *labels_of(const struct vit_model *m)
{
    json_t *names = json_array();

    for (int i = 0; i < m->config.classes; i++) vit_json_append(&names, json_string(vit_model_labels(m)[i]));
    return names;
}

/* timm builds under the names that it has registered only. One of another size does where none is of this:
 * model_args say all of it again. */
static const char *architecture_of(const struct vit_config *c)
{
    static const char *const PLAIN[] = {
        /* of vision_transformer.py, timm 1.0.31 */
        "vit_base_patch16_224",  "vit_base_patch16_384",  "vit_base_patch32_224",  "vit_base_patch32_384",
        "vit_base_patch8_224",   "vit_tiny_patch16_224",  "vit_tiny_patch16_384",  "vit_small_patch16_224",
        "vit_small_patch16_384", "vit_small_patch32_224", "vit_small_patch32_384", "vit_small_patch8_224",
        "vit_large_patch14_224", "vit_large_patch16_224", "vit_large_patch16_384", "vit_large_patch32_224",
        "vit_large_patch32_384", "vit_huge_patch14_224",  "vit_giant_patch14_224", "vit_gigantic_patch14_224"
    };
    struct vit_config of;

    for (size_t i = 0; i < VIT_COUNT(PLAIN); i++)
        if (!vit_config_preset(&of, PLAIN[i], NULL) && of.width == c->width && of.depth == c->depth &&
            of.heads == c->heads && of.hidden == c->hidden && of.stem.patch == c->stem.patch &&
            of.image == c->image)
            return PLAIN[i];
    return PLAIN[0];
}

static const char *pool_of(const struct vit_config *c)
{
    return c->pool == VIT_POOL_CLS ? "token" : "avg";
}

static json_t *args(const struct vit_config *c)
{
    const struct vit_norm_config *n = &c->norm;
    json_t *o = json_pack("{ss si si si si si si sf sb sb sb si sb sb sb ss ss ss}", "global_pool",
                          pool_of(c), "img_size", c->image, "patch_size", c->stem.patch, "in_chans",
                          c->channels, "embed_dim", c->width, "depth", c->depth, "num_heads", c->heads,
                          "mlp_ratio", vit_mlp_ratio(c->width, c->hidden), "qkv_bias", c->qkv_bias,
                          "proj_bias", c->bias, "qk_norm", n->qk, "reg_tokens", c->registers, "class_token",
                          c->cls, "no_embed_class", !c->position_prefix, "final_norm", n->final || n->pooled,
                          "pos_embed", c->position == VIT_POS_NONE ? "none" : "learn", "norm_layer",
                          "layernorm", "act_layer", kern_act_name(c->act));

    vit_json_put(&o, "fc_norm", json_boolean(n->pooled));
    if (n->placement == VIT_NORM_LAYERSCALE) vit_json_put(&o, "init_values", json_real(1));
    return o;
}

static json_t *recipe(const struct vit_model *m)
{
    const struct patch_recipe *r = &m->recipe;

    return json_pack("{s[iii] sb so ss ss so so si ss ss}", "input_size", m->config.channels, r->size,
                     r->size, "fixed_input_size", true, "crop_pct",
                     vit_json_number(r->crop_pct > 0 ? r->crop_pct : 1), "crop_mode",
                     r->squash ? "squash" : "center", "interpolation", patch_filter_name(r->filter), "mean",
                     vit_export_floats(r->mean), "std", vit_export_floats(r->std), "num_classes",
                     m->config.classes, "first_conv", "patch_embed.proj", "classifier", "head");
}

static json_t *config(const struct vit_model *m, const struct vit_dialect *d)
{
    const struct vit_config *c = &m->config;
    json_t *o = json_pack("{ss si si ss so so}", "architecture", architecture_of(c), "num_classes",
                          c->classes, "num_features", c->width, "global_pool", pool_of(c), "model_args",
                          args(c), "pretrained_cfg", recipe(m));

    (void)d;
    if (m->has_labels) vit_json_put(&o, "label_names", labels_of(m));
    return o;
}

const struct vit_dialect vit_dialect_timm = { .family = WEIGHTS_TIMM, .allowed = ALLOWED, .config = config };
