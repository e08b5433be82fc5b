/* A model as Hugging Face's transformers writes it down, in config.json and preprocessor_config.json. */
#include <stdio.h>

#include "vit/dialects.h"
#include "vit/export.h"
#include "vit/json.h"

#define COMMON                                                                                               \
    "\"stem\": {\"kind\": \"patch\"}, \"cls\": true, \"registers\": 0, \"position\": \"learned\","           \
    " \"position_prefix\": true, \"pre_logits\": 0, \"patch_bias\": true, \"bias\": true, " VIT_EXPORT_ACTS
#define NORM(placement)                                                                                      \
    "\"norm\": {\"placement\": \"" placement "\", \"kind\": \"layernorm\", \"embed\": false,"                \
    " \"final\": true, \"pooled\": false, \"qk\": false}"

static const char ALLOWED_VIT[] = "{\"dist\": false, \"pool\": \"cls\", " COMMON ", " NORM("pre") "}";
static const char ALLOWED_DEIT[] = "{\"dist\": true, \"pool\": \"cls\", " COMMON ", " NORM("pre") "}";
static const char ALLOWED_DINOV2[] =
    "{\"dist\": false, \"pool\": \"cls_mean\", " COMMON ", " NORM("layerscale") "}";

static void put_labels(json_t **o, const struct vit_model *m)
{
    json_t *names = json_object(), *numbers = json_object();
    char key[16];

    for (int i = 0; i < m->config.classes; i++) {
        const char *label = vit_model_labels(m)[i];
        snprintf(key, sizeof key, "%d", i);
        vit_json_put(&names, key, json_string(label));
        vit_json_put(&numbers, label, json_integer(i));
    }
    vit_json_put(o, "id2label", names);
    vit_json_put(o, "label2id", numbers);
}

static json_t *config(const struct vit_model *m, const struct vit_dialect *d)
{
    const struct vit_config *c = &m->config;
    const char *act = c->act == KERN_ACT_GELU_TANH ? "gelu_pytorch_tanh" : kern_act_name(c->act);
    json_t *o =
        json_pack("{s[s] ss si si si si si si ss so sb}", "architectures", d->class, "model_type", d->type,
                  "hidden_size", c->width, "num_hidden_layers", c->depth, "num_attention_heads", c->heads,
                  "image_size", c->image, "patch_size", c->stem.patch, "num_channels", c->channels,
                  "hidden_act", act, "layer_norm_eps", vit_json_number(c->norm.eps), "qkv_bias", c->qkv_bias);

    put_labels(&o, m);
    return o;
}

/* ViT and DeiT. */
static json_t *plain_config(const struct vit_model *m, const struct vit_dialect *d)
{
    json_t *o = config(m, d);

    vit_json_put(&o, "intermediate_size", json_integer(m->config.hidden));
    return o;
}

/* Its MLP's width is a ratio too, an integer in all models there are. */
static json_t *dinov2_config(const struct vit_model *m, const struct vit_dialect *d)
{
    const struct vit_config *c = &m->config;
    json_t *o = config(m, d);

    vit_json_put(&o, "mlp_ratio",
                 c->hidden % c->width ? json_real(vit_mlp_ratio(c->width, c->hidden))
                                      : json_integer(c->hidden / c->width));
    vit_json_put(&o, "layerscale_value", json_real(1));
    vit_json_put(&o, "use_swiglu_ffn", json_false());
    return o;
}

/* The processor that does what the recipe says: squash; squash and crop; the short side and crop. */
static json_t *recipe(const struct vit_model *m)
{
    const struct patch_recipe *r = &m->recipe;
    const int side = patch_recipe_side(r);
    const bool crop = !r->squash || side != r->size;
    const char *type = !crop ? "ViTImageProcessor" : r->squash ? "DeiTImageProcessor" : "BitImageProcessor";
    json_t *o =
        json_pack("{ss sb so si sb sf sb so so}", "image_processor_type", type, "do_resize", true, "size",
                  r->squash ? json_pack("{si si}", "height", side, "width", side)
                            : json_pack("{si}", "shortest_edge", side),
                  "resample", patch_filter_number(r->filter), "do_rescale", true, "rescale_factor", 1. / 255,
                  "do_normalize", true, "image_mean", vit_export_floats(r->mean), "image_std",
                  vit_export_floats(r->std));

    if (!crop) return o;
    vit_json_put(&o, "do_center_crop", json_true());
    vit_json_put(&o, "crop_size", json_pack("{si si}", "height", r->size, "width", r->size));
    return o;
}

const struct vit_dialect vit_dialect_hf_vit = {
    .family = WEIGHTS_HF_VIT,
    .allowed = ALLOWED_VIT,
    .config = plain_config,
    .type = "vit",
    .class = "ViTForImageClassification",
    .recipe = recipe,
    .crop_down = true,
};
const struct vit_dialect vit_dialect_hf_deit = {
    .family = WEIGHTS_HF_DEIT,
    .allowed = ALLOWED_DEIT,
    .config = plain_config,
    .type = "deit",
    .class = "DeiTForImageClassificationWithTeacher",
    .recipe = recipe,
    .crop_down = true,
};
const struct vit_dialect vit_dialect_hf_dinov2 = {
    .family = WEIGHTS_HF_DINOV2,
    .allowed = ALLOWED_DINOV2,
    .config = dinov2_config,
    .type = "dinov2",
    .class = "Dinov2ForImageClassification",
    .recipe = recipe,
    .crop_down = true,
    .blank = "dinov2.embeddings.mask_token",
};
