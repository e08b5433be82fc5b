/* A model as a folder of another framework, the reverse of dialects.c: its tensors' names, its config.json,
 * its preprocessing. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vit/config_json.h"
#include "vit/dialects.h"
#include "vit/json.h"
#include "vit/model.h"
#include "vit/sink.h"
#include "vit/train.h"

/* ---- what each framework can hold ---- */

/* In the words of our config.json: what a model must have for the framework's class to be the same network.
 * An array allows any of its elements; what is not named is free. */

#define ACTS "\"act\": [\"gelu\", \"gelu_tanh\", \"quick_gelu\", \"relu\", \"silu\"]"

/* VisionTransformer of timm 1.0. The eps of its norms is no argument, and one norm stands before or after
 * pooling. */
#define TIMM_NORM                                                                                            \
    "\"placement\": [\"pre\", \"layerscale\"], \"kind\": \"layernorm\", \"eps\": 1e-6, \"embed\": false"
static const char TIMM[] =
    "{\"stem\": {\"kind\": \"patch\"}, \"dist\": false, \"position\": [\"learned\", \"none\"],"
    " \"pool\": [\"cls\", \"mean\"], \"pre_logits\": 0, \"patch_bias\": true, " ACTS ","
    " \"norm\": [{\"final\": false, " TIMM_NORM "}, {\"pooled\": false, " TIMM_NORM "}]}";

#define HF_COMMON                                                                                            \
    "\"stem\": {\"kind\": \"patch\"}, \"cls\": true, \"registers\": 0, \"position\": \"learned\","           \
    " \"position_prefix\": true, \"pre_logits\": 0, \"patch_bias\": true, \"bias\": true, " ACTS
#define HF_NORM(placement)                                                                                   \
    "\"norm\": {\"placement\": \"" placement "\", \"kind\": \"layernorm\", \"embed\": false,"                \
    " \"final\": true, \"pooled\": false, \"qk\": false}"

static const char HF_VIT[] = "{\"dist\": false, \"pool\": \"cls\", " HF_COMMON ", " HF_NORM("pre") "}";
static const char HF_DEIT[] = "{\"dist\": true, \"pool\": \"cls\", " HF_COMMON ", " HF_NORM("pre") "}";
static const char HF_DINOV2[] =
    "{\"dist\": false, \"pool\": \"cls_mean\", " HF_COMMON ", " HF_NORM("layerscale") "}";

/* The innermost values where a model is not what is allowed. */
struct misfit {
    char path[64];
    const json_t *allowed, *found;
};

/* value is what allowed says; else *m tells where it is not, for an array of objects by the last of them. */
static bool fits(const json_t *allowed, const json_t *value, struct misfit *m)
{
    const size_t length = strlen(m->path);
    const char *key;
    json_t *inner;

    if (json_is_array(allowed)) {
        const size_t count = json_array_size(allowed);
        for (size_t i = 0; i < count; i++) {
            m->path[length] = '\0';
            if (fits(json_array_get(allowed, i), value, m)) return true;
        }
        if (!json_is_object(json_array_get(allowed, count - 1))) m->allowed = allowed;
        return false;
    }
    json_object_foreach((json_t *)allowed, key, inner)
    {
        snprintf(m->path + length, sizeof m->path - length, "%s%s", length ? "." : "", key);
        if (!fits(inner, json_object_get(value, key), m)) return false;
        m->path[length] = '\0';
    }
    if (json_is_object(allowed) || json_equal(allowed, value)) return true;
    m->allowed = allowed;
    m->found = value;
    return false;
}

enum { VALUE = JSON_ENCODE_ANY | VIT_JSON_FLOATS, FILE_TEXT = JSON_INDENT(2) | VIT_JSON_FLOATS };

static enum vit_status refuse(const struct misfit *m, const char *folder, const char *family,
                              struct vit_error *err)
{
    char *allowed = vit_json_text(m->allowed, VALUE), *found = vit_json_text(m->found, VALUE);
    enum vit_status status = vit_fail(
        err, VIT_ERR_UNSUPPORTED, "%s: no model of %s is like this one: \"%s\" is %s there, here it is %s",
        folder, family, m->path, allowed ? allowed : "another", found ? found : "not");

    free(allowed);
    free(found);
    return status;
}

static enum vit_status check(const struct vit_model *m, const char *allowed, const char *folder,
                             enum weights_family family, struct vit_error *err)
{
    json_t *config = vit_config_to_json(&m->config, NULL, NULL), *table = NULL;
    struct misfit misfit = { "", NULL, NULL };
    enum vit_status status = vit_json_parse(&table, folder, allowed, strlen(allowed), err);

    if (!status && !config) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", folder);
    if (!status && !fits(table, config, &misfit))
        status = refuse(&misfit, folder, weights_family_name(family), err);
    json_decref(config);
    json_decref(table);
    return status;
}

/* ---- how each writes it down ---- */

struct dialect {
    enum weights_family family;
    const char *allowed;
    json_t *(*config)(const struct vit_model *m, const struct dialect *d);
    const char *type, *class;                     /* Hugging Face's model_type and its class */
    json_t *(*recipe)(const struct vit_model *m); /* NULL: config.json has it */
    bool crop_down;                               /* how it rounds the place of a crop: struct patch_recipe */
    const char *blank;                            /* a token that no classifier reads; NULL: none */
};

/* ---- timm ---- */

/* From the middle of the ratios that give it: what a decimal misses it by may be above or below. */
double vit_mlp_ratio(int width, int hidden)
{
    double ratio = 0;
    char text[32];

    for (int digits = 1; digits <= 15 && (int)(width * ratio) != hidden; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (hidden + 0.5) / width);
        ratio = strtod(text, NULL);
    }
    assert((int)(width * ratio) == hidden);
    return ratio;
}

static json_t *labels_of(const struct vit_model *m)
{
    json_t *names = json_array();

    for (int i = 0; i < m->config.classes; i++) vit_json_append(&names, json_string(vit_model_labels(m)[i]));
    return names;
}

static json_t *floats_of(const float *x)
{
    return json_pack("[ooo]", vit_json_number(x[0]), vit_json_number(x[1]), vit_json_number(x[2]));
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

static json_t *timm_args(const struct vit_config *c)
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

static json_t *timm_recipe(const struct vit_model *m)
{
    const struct patch_recipe *r = &m->recipe;

    return json_pack("{s[iii] sb so ss ss so so si ss ss}", "input_size", m->config.channels, r->size,
                     r->size, "fixed_input_size", true, "crop_pct",
                     vit_json_number(r->crop_pct > 0 ? r->crop_pct : 1), "crop_mode",
                     r->squash ? "squash" : "center", "interpolation", patch_filter_name(r->filter), "mean",
                     floats_of(r->mean), "std", floats_of(r->std), "num_classes", m->config.classes,
                     "first_conv", "patch_embed.proj", "classifier", "head");
}

static json_t *timm_config(const struct vit_model *m, const struct dialect *d)
{
    const struct vit_config *c = &m->config;
    json_t *o = json_pack("{ss si si ss so so}", "architecture", architecture_of(c), "num_classes",
                          c->classes, "num_features", c->width, "global_pool", pool_of(c), "model_args",
                          timm_args(c), "pretrained_cfg", timm_recipe(m));

    (void)d;
    if (m->has_labels) vit_json_put(&o, "label_names", labels_of(m));
    return o;
}

/* ---- Hugging Face ---- */

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

static json_t *hf_config(const struct vit_model *m, const struct dialect *d)
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
static json_t *hf_plain_config(const struct vit_model *m, const struct dialect *d)
{
    json_t *o = hf_config(m, d);

    vit_json_put(&o, "intermediate_size", json_integer(m->config.hidden));
    return o;
}

/* Its MLP's width is a ratio too, an integer in all models there are. */
static json_t *hf_dinov2_config(const struct vit_model *m, const struct dialect *d)
{
    const struct vit_config *c = &m->config;
    json_t *o = hf_config(m, d);

    vit_json_put(&o, "mlp_ratio",
                 c->hidden % c->width ? json_real(vit_mlp_ratio(c->width, c->hidden))
                                      : json_integer(c->hidden / c->width));
    vit_json_put(&o, "layerscale_value", json_real(1));
    vit_json_put(&o, "use_swiglu_ffn", json_false());
    return o;
}

/* The processor that does what the recipe says: squash; squash and crop; the short side and crop. */
static json_t *hf_recipe(const struct vit_model *m)
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
                  "do_normalize", true, "image_mean", floats_of(r->mean), "image_std", floats_of(r->std));

    if (!crop) return o;
    vit_json_put(&o, "do_center_crop", json_true());
    vit_json_put(&o, "crop_size", json_pack("{si si}", "height", r->size, "width", r->size));
    return o;
}

/* ---- the folder ---- */

static const struct dialect DIALECTS[] = {
    { WEIGHTS_TIMM, TIMM, timm_config, NULL, NULL, NULL, false, NULL },
    { WEIGHTS_HF_VIT, HF_VIT, hf_plain_config, "vit", "ViTForImageClassification", hf_recipe, true, NULL },
    { WEIGHTS_HF_DEIT, HF_DEIT, hf_plain_config, "deit", "DeiTForImageClassificationWithTeacher", hf_recipe,
      true, NULL },
    { WEIGHTS_HF_DINOV2, HF_DINOV2, hf_dinov2_config, "dinov2", "Dinov2ForImageClassification", hf_recipe,
      true, "dinov2.embeddings.mask_token" },
};

/* NULL: models are not written for it. */
static const struct dialect *dialect_of(enum weights_family family)
{
    for (size_t i = 0; i < VIT_COUNT(DIALECTS); i++)
        if (DIALECTS[i].family == family) return &DIALECTS[i];
    return NULL;
}

/* Whether the margin of a crop is halved at another pixel there. */
static bool crops_beside(const struct patch_recipe *r, const struct dialect *d)
{
    const int margin = patch_recipe_side(r) - r->size;

    if (d->crop_down == r->crop_down) return false;
    /* Of a square the margin is known, and half of 3, 7, ... goes to 2, 4, ... or down. */
    return !r->squash || (margin >= 0 && margin % 4 == 3);
}

#define NOT_TURNED "timm's loaders do not turn pictures as their EXIF orientation says, as is done here"

const char *vit_export_difference(const struct vit_model *m, enum weights_family family)
{
    const struct dialect *d = dialect_of(family);
    const bool beside = d && crops_beside(&m->recipe, d);

    if (family == WEIGHTS_TIMM)
        return beside ? NOT_TURNED
                   ", and timm crops some pictures one pixel beside: half a pixel goes to the "
                   "even side there, down here"
                      : NOT_TURNED;
    return beside ? "transformers crops some pictures one pixel beside: half a pixel goes down there, to "
                    "the even side here"
                  : NULL;
}

enum weights_family vit_export_family(int i)
{
    return i >= 0 && i < (int)VIT_COUNT(DIALECTS) ? DIALECTS[i].family : WEIGHTS_FAMILIES;
}

enum { PATH_SIZE = 4096 };

static enum vit_status path_in(char path[PATH_SIZE], const char *folder, const char *name,
                               struct vit_error *err)
{
    if (snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%.64s...: the path is too long", folder);
}

/* Takes o. */
static enum vit_status write_json(json_t *o, const char *folder, const char *name, struct vit_error *err)
{
    char path[PATH_SIZE], *text = vit_json_text(o, FILE_TEXT);
    enum vit_status status = path_in(path, folder, name, err);

    if (!status && !text) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    if (!status) status = vit_write_file(path, text, strlen(text), err);
    free(text);
    json_decref(o);
    return status;
}

/* Of the model that lay there before: it would be obeyed. */
static enum vit_status remove_old(const char *folder, const char *name, struct vit_error *err)
{
    char path[PATH_SIZE];
    enum vit_status status = path_in(path, folder, name, err);

    if (!status && unlink(path) && errno != ENOENT)
        status = vit_fail(err, VIT_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return status;
}

enum vit_status vit_model_export(const struct vit_model *m, const char *folder, enum weights_family family,
                                 enum weights_dtype dtype, struct vit_error *err)
{
    static const char RECIPE[] = "preprocessor_config.json";
    const struct dialect *d = dialect_of(family);
    char path[PATH_SIZE];
    enum vit_status status;

    if (!d)
        return vit_fail(err, VIT_ERR_ARG, "%s: models are not written for %s", folder,
                        weights_family_name(family));
    if (m->headless)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a model without a classifier is not written for %s",
                        folder, weights_family_name(family));
    status = check(m, d->allowed, folder, family, err);
    if (!status) status = path_in(path, folder, "model.safetensors", err);
    if (!status && mkdir(folder, 0777) && errno != EEXIST)
        status = vit_fail(err, VIT_ERR_IO, "%s: the folder cannot be made: %s", folder, strerror(errno));
    if (!status) status = vit_model_save_as(m, path, family, d->blank, dtype, err);
    if (!status) status = write_json(d->config(m, d), folder, "config.json", err);
    if (!status)
        status = d->recipe ? write_json(d->recipe(m), folder, RECIPE, err) : remove_old(folder, RECIPE, err);
    return status;
}
