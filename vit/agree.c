/* What timm's or Hugging Face's config.json says and the tensors tell too: both must say the same, or it is
 * another network's. */
#include <string.h>

#include "vit/config.h"
#include "vit/dialects.h"
#include "vit/json.h"

/* A key and what the tensors say of it. */
struct claim {
    const char *key;
    bool flag; /* true or false; else a number */
    int tensors;
};

static enum vit_status agree_number(const json_t *o, const char *where, const struct claim *c,
                                    struct vit_error *err)
{
    int value = c->tensors;
    enum vit_status status = vit_json_int(o, where, c->key, 0, 1 << 28, &value, err);

    if (status || value == c->tensors) return status;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %d, but the tensors say %d", where, c->key, value,
                    c->tensors);
}

static enum vit_status agree_flag(const json_t *o, const char *where, const struct claim *c,
                                  struct vit_error *err)
{
    bool value = c->tensors;
    enum vit_status status = vit_json_bool(o, where, c->key, &value, err);

    if (status || value == (c->tensors != 0)) return status;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %s, but the tensors say %s", where, c->key,
                    value ? "true" : "false", c->tensors ? "true" : "false");
}

static enum vit_status agree(const json_t *o, const char *where, const struct claim *claims, size_t count,
                             struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (size_t i = 0; !status && i < count; i++)
        status = (claims[i].flag ? agree_flag : agree_number)(o, where, &claims[i], err);
    return status;
}

/* Both take int(width * ratio) in double. A gate in the MLP is of another size than its ratio says. */
static enum vit_status agree_ratio(const struct vit_config *c, const json_t *o, const char *where,
                                   struct vit_error *err)
{
    const json_t *said = vit_json_get(o, "mlp_ratio");
    const double hidden = c->width * json_number_value(said);

    if (!said || c->glu || (hidden >= c->hidden && hidden < c->hidden + 1.)) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"mlp_ratio\" is %g, but the tensors say %g", where,
                    json_number_value(said), vit_mlp_ratio(c->width, c->hidden));
}

/* Zero is none; norms that stand behind branches begin with it, and have no scales. */
static enum vit_status agree_scales(const struct vit_config *c, const json_t *args, const char *where,
                                    struct vit_error *err)
{
    const bool there = c->norm.placement == VIT_NORM_LAYERSCALE;
    float value = there;
    enum vit_status status = vit_json_float(args, where, "init_values", &value, err);

    if (status || c->norm.placement == VIT_NORM_RES_POST || (value != 0) == there) return status;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"init_values\" is %g, but the tensors have %s", where,
                    (double)value, there ? "scales of branches" : "no scales of branches");
}

static enum vit_status agree_positions(const struct vit_config *c, const json_t *args, const char *where,
                                       struct vit_error *err)
{
    const char *kind = NULL;
    enum vit_status status = vit_json_string(args, where, "pos_embed", &kind, err);

    if (status || !kind || c->position != VIT_POS_LEARNED || (*kind && strcmp(kind, "none"))) return status;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"pos_embed\" is \"%s\", but the tensors have positions", where,
                    kind);
}

enum vit_status vit_agree_timm(const struct vit_config *c, const json_t *args, const char *where,
                               struct vit_error *err)
{
    const struct vit_norm_config *n = &c->norm;
    const struct claim claims[] = {
        { "depth", false, c->depth },
        { "embed_dim", false, c->width },
        { "patch_size", false, c->stem.patch },
        { "in_chans", false, c->channels },
        { "reg_tokens", false, c->registers },
        { "class_token", true, c->cls },
        { "qkv_bias", true, c->qkv_bias },
        { "proj_bias", true, c->bias },
        { "qk_norm", true, n->qk },
        { "pre_norm", true, n->embed },
        { "fc_norm", true, n->pooled },
        { "final_norm", true, n->final || n->pooled },
        { "no_embed_class", true, !c->position_prefix },
    };
    /* Without tokens in front, or without positions, the last has no meaning. */
    const bool front = c->position == VIT_POS_LEARNED && vit_config_prefix(c);
    enum vit_status status = agree(args, where, claims, VIT_COUNT(claims) - !front, err);

    if (!status) status = agree_ratio(c, args, where, err);
    if (!status) status = agree_scales(c, args, where, err);
    if (!status) status = agree_positions(c, args, where, err);
    return status;
}

enum vit_status vit_agree_hf(const struct vit_config *c, const json_t *o, const char *where,
                             struct vit_error *err)
{
    const struct claim claims[] = {
        { "hidden_size", false, c->width },
        { "num_hidden_layers", false, c->depth },
        { "patch_size", false, c->stem.patch },
        { "num_channels", false, c->channels },
        { "num_register_tokens", false, c->registers },
        { "qkv_bias", true, c->qkv_bias },
        { "use_swiglu_ffn", true, c->glu },
        { "intermediate_size", false, c->hidden },
    };
    const int image = vit_foreign_size(o);
    enum vit_status status = agree(o, where, claims, VIT_COUNT(claims) - c->glu, err);

    if (!status) status = agree_ratio(c, o, where, err);
    if (status || !image || c->position != VIT_POS_LEARNED || image == c->image) return status;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"image_size\" is %d, but the tensors say %d", where, image,
                    c->image);
}

enum vit_status vit_agree_classes(const struct vit_model *m, const json_t *o, const char *where,
                                  const char *key, struct vit_error *err)
{
    const struct claim classes = { key, false, m->config.classes };

    return m->headless ? VIT_OK : agree_number(o, where, &classes, err);
}
