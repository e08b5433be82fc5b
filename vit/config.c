#include "vit/config.h"

/* Largest values that are taken: far above any model, far below overflow. */
enum { MAX_WIDTH = 1 << 16, MAX_DEPTH = 1024, MAX_CLASSES = 1 << 20, MAX_TOKENS = 1 << 20 };

const char *vit_version(void)
{
    return VIT_VERSION;
}

int vit_config_grid(const struct vit_config *c)
{
    return patch_stem_grid(&c->stem, c->image);
}

int vit_config_prefix(const struct vit_config *c)
{
    return c->cls + c->dist + c->registers;
}

int vit_config_patches(const struct vit_config *c)
{
    return vit_config_grid(c) * vit_config_grid(c);
}

int vit_config_tokens(const struct vit_config *c)
{
    return vit_config_prefix(c) + vit_config_patches(c);
}

int vit_up_rows(const struct vit_config *c)
{
    return c->glu ? 2 * c->hidden : c->hidden;
}

int vit_pooled_width(const struct vit_config *c)
{
    return c->pool == VIT_POOL_CLS_MEAN ? 2 * c->width : c->width;
}

int vit_head_inputs(const struct vit_config *c)
{
    return c->pre_logits ? c->pre_logits : vit_pooled_width(c);
}

double vit_config_macs(const struct vit_config *c)
{
    return vit_config_macs_at(c, vit_config_tokens(c));
}

double vit_config_macs_at(const struct vit_config *c, int tokens)
{
    double t = tokens, d = c->width, m = c->hidden;
    double products = t * d * (3 * d + d + vit_up_rows(c) + m);
    double attention = 2 * t * t * d;
    double heads = (double)c->classes * ((double)vit_head_inputs(c) + (c->dist ? d : 0));

    return patch_stem_macs(&c->stem, c->channels, c->image, c->width) + c->depth * (products + attention) +
           (double)vit_pooled_width(c) * c->pre_logits + heads;
}

static enum vit_status check_range(const char *where, const char *key, int value, int low, int high,
                                   struct vit_error *err)
{
    if (value >= low && value <= high) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be between %d and %d, found %d", where, key, low,
                    high, value);
}

static enum vit_status check_sizes(const struct vit_config *c, const char *where, struct vit_error *err)
{
    const struct {
        const char *key;
        int value, low, high;
    } rows[] = {
        { "image", c->image, 1, PATCH_MOST_SIZE },
        { "channels", c->channels, 1, 4 },
        { "width", c->width, 1, MAX_WIDTH },
        { "depth", c->depth, 1, MAX_DEPTH },
        { "heads", c->heads, 1, c->width },
        { "hidden", c->hidden, 1, 8 * MAX_WIDTH },
        { "classes", c->classes, 1, MAX_CLASSES },
        { "registers", c->registers, 0, 1024 },
        { "pre_logits", c->pre_logits, 0, MAX_WIDTH },
        { "position", (int)c->position, 0, VIT_POSITIONS - 1 },
        { "position_resample", (int)c->position_resample, 0, WEIGHTS_RESAMPLES - 1 },
        { "pool", (int)c->pool, 0, VIT_POOLS - 1 },
        { "norm.placement", (int)c->norm.placement, 0, VIT_PLACEMENTS - 1 },
        { "norm.kind", (int)c->norm.kind, 0, KERN_NORM_KINDS - 1 },
        { "act", (int)c->act, 0, KERN_ACTS - 1 },
    };

    for (size_t i = 0; i < VIT_COUNT(rows); i++) {
        enum vit_status status =
            check_range(where, rows[i].key, rows[i].value, rows[i].low, rows[i].high, err);
        if (status) return status;
    }
    return VIT_OK;
}

/* Settings that are right one by one but not together. */
static enum vit_status check_together(const struct vit_config *c, const char *where, struct vit_error *err)
{
    const char *why = NULL;

    if (c->width % c->heads)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: width %d is not a multiple of %d heads", where, c->width,
                        c->heads);
    if (c->glu && c->act != KERN_ACT_SILU)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: a gated MLP (swiglu) has the activation silu, found %s",
                        where, kern_act_name(c->act));
    if ((c->pool == VIT_POOL_CLS || c->pool == VIT_POOL_CLS_MEAN) && !c->cls)
        why = "pooling reads the class token, but there is none";
    else if (c->dist && c->pool != VIT_POOL_CLS)
        why = "a distillation token needs pool \"cls\"";
    else if (c->dist && c->norm.pooled)
        why = "a distillation token does not go with a norm after pooling";
    else if (c->position == VIT_POS_SINCOS2D && c->width % 4)
        why = "sincos2d positions need a width that is a multiple of 4";
    else if (c->norm.pooled && c->pool == VIT_POOL_CLS_MEAN)
        why = "a norm after pooling does not go with pool \"cls_mean\"";
    return why ? vit_fail(err, VIT_ERR_FORMAT, "%s: %s", where, why) : VIT_OK;
}

static enum vit_status check_norm(const struct vit_norm_config *n, const char *where, struct vit_error *err)
{
    if (n->placement == VIT_NORM_MIX && !(n->mix >= 0 && n->mix <= 1))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: the fraction of a mix of norms must be 0 to 1, found %g",
                        where, (double)n->mix);
    if (!(n->eps > 0 && n->eps < 1))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: norm \"eps\" must be above 0 and below 1, found %g", where,
                        (double)n->eps);
    return VIT_OK;
}

enum vit_status vit_config_check(const struct vit_config *c, const char *where, struct vit_error *err)
{
    enum vit_status status = check_sizes(c, where, err);

    if (!status) status = patch_stem_check(&c->stem, c->channels, c->image, c->width, where, err);
    if (!status) status = check_range(where, "tokens", vit_config_tokens(c), 1, MAX_TOKENS, err);
    if (!status) status = check_together(c, where, err);
    if (!status) status = check_norm(&c->norm, where, err);
    return status;
}

enum vit_status vit_recipe_check(const struct patch_recipe *r, const char *where, struct vit_error *err)
{
    struct vit_error inner;

    if (!patch_recipe_check(r, where, &inner)) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s", inner.text);
}
