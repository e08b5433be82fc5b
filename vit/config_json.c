#include "vit/config_json.h"

#include <string.h>

#include "vit/config.h"
#include "vit/json.h"
#include "vit/text.h"

static const char *const POOLS[] = { "cls", "mean", "seq", "cls_mean" };
static const char *const POSITIONS[] = { "learned", "sincos2d", "none" };
_Static_assert(VIT_COUNT(POOLS) == VIT_POOLS, "a pooling has no name");
_Static_assert(VIT_COUNT(POSITIONS) == VIT_POSITIONS, "a position kind has no name");

/* Sizes are read as numbers that add up in an int; how large each may be, vit_config_check() says, and for
 * the stem patch_stem_check(), which names the layer. */
enum { MOST = 1 << 28 };

const char *vit_pool_name(enum vit_pool pool)
{
    return POOLS[pool];
}

const char *vit_position_name(enum vit_position position)
{
    return POSITIONS[position];
}

/* A string that must be one of count names; *out its index. */
static enum vit_status json_name(const json_t *object, const char *where, const char *key,
                                 const char *const *names, size_t count, int *out, struct vit_error *err)
{
    const char *text = NULL;
    char list[256];
    enum vit_status status = vit_json_string(object, where, key, &text, err);
    int found;

    if (status || !text) return status;
    found = vit_index_of(names, count, text);
    if (found < 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be one of %s, found \"%s\"", where, key,
                        vit_list(list, sizeof list, names, count), text);
    *out = found;
    return VIT_OK;
}

/* Every key of object must be among those listed (NULL ends the list). */
static enum vit_status known_keys(const json_t *object, const char *where, const char *const *keys,
                                  struct vit_error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        int i = 0;
        while (keys[i] && strcmp(keys[i], key)) i++;
        if (!keys[i]) return vit_fail(err, VIT_ERR_FORMAT, "%s: unknown key \"%s\"", where, key);
    }
    return VIT_OK;
}

/* ---- the stem ---- */

static enum vit_status read_activation(const json_t *object, const char *where, const char *key,
                                       enum kern_act *act, struct vit_error *err)
{
    const char *text = NULL;
    enum vit_status status = vit_json_string(object, where, key, &text, err);
    int found;

    if (status || !text) return status;
    found = kern_act_from_name(text);
    if (found < 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\": unknown activation \"%s\"", where, key, text);
    *act = (enum kern_act)found;
    return VIT_OK;
}

static enum vit_status read_pool(struct patch_conv *l, const json_t *layer, const char *where,
                                 struct vit_error *err)
{
    static const char *const KEYS[] = { "kind", "kernel", "stride", "padding", NULL };
    static const char *const KINDS[] = { "max" };
    const json_t *pool = NULL;
    int kind = 0;
    enum vit_status status = vit_json_object(layer, where, "pool", &pool, err);

    if (status || !pool) return status;
    l->pool.kernel = 2;
    l->pool.stride = 2;
    status = known_keys(pool, where, KEYS, err);
    if (!status) status = json_name(pool, where, "kind", KINDS, 1, &kind, err);
    /* 0 would be no pooling at all. */
    if (!status) status = vit_json_int(pool, where, "kernel", 1, MOST, &l->pool.kernel, err);
    if (!status) status = vit_json_int(pool, where, "stride", 0, MOST, &l->pool.stride, err);
    if (!status) status = vit_json_int(pool, where, "padding", 0, MOST, &l->pool.padding, err);
    return status;
}

static enum vit_status read_layer(struct patch_conv *l, const json_t *layer, const char *where,
                                  struct vit_error *err)
{
    static const char *const KEYS[] = { "out",  "kernel", "stride", "padding", "bias",
                                        "norm", "act",    "pool",   NULL };
    static const char *const NORMS[] = { "none", "batch" };
    int norm = 0;
    enum vit_status status;

    if (!json_is_object(layer))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: a stem layer must be an object", where);
    *l = (struct patch_conv){ .kernel = 3, .stride = 1, .padding = 1, .bias = true, .act = KERN_ACT_RELU };
    status = known_keys(layer, where, KEYS, err);
    if (!status) status = vit_json_int(layer, where, "out", 0, MOST, &l->out, err);
    if (!status) status = vit_json_int(layer, where, "kernel", 0, MOST, &l->kernel, err);
    if (!status) status = vit_json_int(layer, where, "stride", 0, MOST, &l->stride, err);
    if (!status) status = vit_json_int(layer, where, "padding", 0, MOST, &l->padding, err);
    if (!status) status = vit_json_bool(layer, where, "bias", &l->bias, err);
    if (!status) status = json_name(layer, where, "norm", NORMS, 2, &norm, err);
    if (!status) status = read_activation(layer, where, "act", &l->act, err);
    if (!status) status = read_pool(l, layer, where, err);
    l->batch_norm = norm == 1;
    return status;
}

static enum vit_status read_layers(struct patch_stem *s, const json_t *stem, const char *where,
                                   struct vit_error *err)
{
    const json_t *layers = json_object_get(stem, "layers");

    if (!json_is_array(layers) || !json_array_size(layers) || json_array_size(layers) > PATCH_STEM_LAYERS)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"stem\" must have 1 to %d \"layers\"", where,
                        PATCH_STEM_LAYERS);
    s->layers = (int)json_array_size(layers);
    for (int i = 0; i < s->layers; i++) {
        enum vit_status status = read_layer(&s->conv[i], json_array_get(layers, (size_t)i), where, err);
        if (status) return status;
    }
    return vit_json_bool(stem, where, "project", &s->project, err);
}

static enum vit_status read_stem(struct patch_stem *s, const json_t *object, const char *where,
                                 struct vit_error *err)
{
    static const char *const KEYS[] = { "kind", "patch", "layers", "project", NULL };
    static const char *const KINDS[] = { "patch", "conv" };
    const json_t *stem = NULL;
    int kind = 0;
    enum vit_status status = vit_json_object(object, where, "stem", &stem, err);

    if (!status && !stem) return vit_fail(err, VIT_ERR_FORMAT, "%s: no \"stem\"", where);
    if (!status) status = known_keys(stem, where, KEYS, err);
    if (!status) status = json_name(stem, where, "kind", KINDS, 2, &kind, err);
    if (status) return status;
    if (kind == 1) return read_layers(s, stem, where, err);
    /* 0 would be layers. */
    return vit_json_int(stem, where, "patch", 1, MOST, &s->patch, err);
}

/* ---- the rest ---- */

static enum vit_status read_norm(struct vit_norm_config *n, const json_t *object, const char *where,
                                 struct vit_error *err)
{
    static const char *const KEYS[] = { "placement", "kind", "eps", "embed", "final", "pooled", "qk", NULL };
    const json_t *norm = NULL;
    const char *placement = NULL, *kind = NULL;
    struct vit_error inner;
    enum vit_status status = vit_json_object(object, where, "norm", &norm, err);

    if (status || !norm) return status;
    status = known_keys(norm, where, KEYS, err);
    if (!status) status = vit_json_string(norm, where, "placement", &placement, err);
    if (!status && placement && vit_placement_parse(n, placement, &inner))
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: %s", where, inner.text);
    n->final = vit_placement_final(n->placement);
    if (!status) status = vit_json_string(norm, where, "kind", &kind, err);
    if (!status && kind && kern_norm_kind_from_name(kind) < 0)
        status = vit_fail(err, VIT_ERR_FORMAT,
                          "%s: norm \"kind\" must be layernorm, rmsnorm or dyt, found \"%s\"", where, kind);
    if (!status && kind) n->kind = (enum kern_norm_kind)kern_norm_kind_from_name(kind);
    if (!status) status = vit_json_float(norm, where, "eps", &n->eps, err);
    if (!status) status = vit_json_bool(norm, where, "embed", &n->embed, err);
    if (!status) status = vit_json_bool(norm, where, "final", &n->final, err);
    if (!status) status = vit_json_bool(norm, where, "pooled", &n->pooled, err);
    if (!status) status = vit_json_bool(norm, where, "qk", &n->qk, err);
    return status;
}

/* "swiglu" is SiLU behind a gate; every other name is an activation. */
static enum vit_status read_act(struct vit_config *c, const json_t *object, const char *where,
                                struct vit_error *err)
{
    const char *text = NULL;
    enum vit_status status = vit_json_string(object, where, "act", &text, err);

    if (status || !text) return status;
    c->glu = !strcmp(text, "swiglu");
    if (!c->glu) return read_activation(object, where, "act", &c->act, err);
    c->act = KERN_ACT_SILU;
    return VIT_OK;
}

static enum vit_status read_sizes(struct vit_config *c, const json_t *o, const char *where,
                                  struct vit_error *err)
{
    const struct {
        const char *key;
        int *value;
        bool required;
    } rows[] = {
        { "image", &c->image, true },
        { "channels", &c->channels, false },
        { "width", &c->width, true },
        { "depth", &c->depth, true },
        { "heads", &c->heads, true },
        { "hidden", &c->hidden, true },
        { "classes", &c->classes, true },
        { "registers", &c->registers, false },
        { "pre_logits", &c->pre_logits, false },
    };

    for (size_t i = 0; i < VIT_COUNT(rows); i++) {
        enum vit_status status = vit_json_int(o, where, rows[i].key, 0, MOST, rows[i].value, err);
        if (status) return status;
        if (rows[i].required && !*rows[i].value)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: no \"%s\"", where, rows[i].key);
    }
    return VIT_OK;
}

static enum vit_status read_switches(struct vit_config *c, const json_t *o, const char *where,
                                     struct vit_error *err)
{
    const struct {
        const char *key;
        bool *value;
    } rows[] = {
        { "cls", &c->cls },
        { "dist", &c->dist },
        { "qkv_bias", &c->qkv_bias },
        { "bias", &c->bias },
        { "patch_bias", &c->patch_bias },
        { "position_prefix", &c->position_prefix },
    };

    for (size_t i = 0; i < VIT_COUNT(rows); i++) {
        enum vit_status status = vit_json_bool(o, where, rows[i].key, rows[i].value, err);
        if (status) return status;
    }
    return VIT_OK;
}

static enum vit_status read_resample(struct vit_config *c, const json_t *o, const char *where,
                                     struct vit_error *err)
{
    const char *text = NULL;
    enum vit_status status = vit_json_string(o, where, "position_resample", &text, err);
    int found;

    if (status || !text) return status;
    found = weights_resample_from_name(text);
    if (found < 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: unknown \"position_resample\" \"%s\"", where, text);
    c->position_resample = (enum weights_resample)found;
    return VIT_OK;
}

enum vit_status vit_config_from_json(struct vit_config *c, const json_t *o, const char *where,
                                     struct vit_error *err)
{
    static const char *const KEYS[] = {
        "format",     "image",      "channels",   "stem", "width",     "depth",    "heads",
        "hidden",     "classes",    "cls",        "dist", "registers", "position", "position_prefix",
        "pool",       "pre_logits", "norm",       "act",  "qkv_bias",  "bias",     "position_resample",
        "patch_bias", "labels",     "preprocess", NULL
    };
    int pool = VIT_POOL_CLS, position = VIT_POS_LEARNED;
    enum vit_status status;

    *c = (struct vit_config){ .channels = 3,
                              .cls = true,
                              .qkv_bias = true,
                              .bias = true,
                              .patch_bias = true,
                              .act = KERN_ACT_GELU,
                              .position_prefix = true,
                              .norm = { .eps = 1e-6f, .final = true } };
    if (!json_is_object(o)) return vit_fail(err, VIT_ERR_FORMAT, "%s: must be a JSON object", where);
    status = known_keys(o, where, KEYS, err);
    if (!status) status = read_sizes(c, o, where, err);
    if (!status) status = read_switches(c, o, where, err);
    if (!status) status = read_stem(&c->stem, o, where, err);
    if (!status) status = json_name(o, where, "pool", POOLS, VIT_POOLS, &pool, err);
    if (!status) status = json_name(o, where, "position", POSITIONS, VIT_POSITIONS, &position, err);
    if (!status) status = read_resample(c, o, where, err);
    if (!status) status = read_norm(&c->norm, o, where, err);
    if (!status) status = read_act(c, o, where, err);
    c->pool = (enum vit_pool)pool;
    c->position = (enum vit_position)position;
    return status ? status : vit_config_check(c, where, err);
}

enum vit_status vit_recipe_from_json(struct patch_recipe *r, const json_t *o, const char *where,
                                     struct vit_error *err)
{
    static const char *const KEYS[] = { "size",          "crop_mode", "crop_pct", "crop_round",
                                        "interpolation", "mean",      "std",      NULL };
    static const char *const MODES[] = { "center", "squash" }, *const ROUNDS[] = { "even", "down" };
    const json_t *p = NULL;
    const char *filter = NULL;
    int mode = r->squash, round = r->crop_down;
    enum vit_status status = vit_json_object(o, where, "preprocess", &p, err);

    if (status || !p) return status;
    status = known_keys(p, where, KEYS, err);
    if (!status) status = vit_json_int(p, where, "size", 1, PATCH_MOST_SIZE, &r->size, err);
    if (!status) status = json_name(p, where, "crop_mode", MODES, 2, &mode, err);
    if (!status) status = vit_json_float(p, where, "crop_pct", &r->crop_pct, err);
    if (!status) status = json_name(p, where, "crop_round", ROUNDS, 2, &round, err);
    if (!status) status = vit_json_string(p, where, "interpolation", &filter, err);
    if (!status) status = vit_json_floats(p, where, "mean", 3, r->mean, err);
    if (!status) status = vit_json_floats(p, where, "std", 3, r->std, err);
    if (!status && filter && patch_filter_from_name(filter) < 0)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: unknown \"interpolation\" \"%s\"", where, filter);
    if (status) return status;
    if (filter) r->filter = (enum patch_filter)patch_filter_from_name(filter);
    r->squash = mode == 1;
    r->crop_down = round == 1;
    if (r->squash && !vit_json_get(p, "crop_pct")) r->crop_pct = 1;
    return vit_recipe_check(r, where, err);
}

/* ---- writing ---- */

static json_t *stem_to_json(const struct patch_stem *s)
{
    json_t *layers;

    if (s->patch) return json_pack("{ss si}", "kind", "patch", "patch", s->patch);
    layers = json_array();
    for (int i = 0; i < s->layers; i++) {
        const struct patch_conv *l = &s->conv[i];
        json_t *layer = json_pack("{si si si si sb ss ss}", "out", l->out, "kernel", l->kernel, "stride",
                                  l->stride, "padding", l->padding, "bias", l->bias, "norm",
                                  l->batch_norm ? "batch" : "none", "act", kern_act_name(l->act));
        if (l->pool.kernel)
            vit_json_put(&layer, "pool",
                         json_pack("{ss si si si}", "kind", "max", "kernel", l->pool.kernel, "stride",
                                   l->pool.stride, "padding", l->pool.padding));
        vit_json_append(&layers, layer);
    }
    return json_pack("{ss so sb}", "kind", "conv", "layers", layers, "project", s->project);
}

static json_t *norm_to_json(const struct vit_norm_config *n)
{
    char text[32];

    return json_pack("{ss ss so sb sb sb sb}", "placement", vit_placement_text(n, text, sizeof text), "kind",
                     kern_norm_kind_name(n->kind), "eps", vit_json_number(n->eps), "embed", n->embed, "final",
                     n->final, "pooled", n->pooled, "qk", n->qk);
}

static json_t *recipe_to_json(const struct patch_recipe *r)
{
    json_t *o = json_pack("{si ss so ss s[ooo] s[ooo]}", "size", r->size, "crop_mode",
                          r->squash ? "squash" : "center", "crop_pct", vit_json_number(r->crop_pct),
                          "interpolation", patch_filter_name(r->filter), "mean", vit_json_number(r->mean[0]),
                          vit_json_number(r->mean[1]), vit_json_number(r->mean[2]), "std",
                          vit_json_number(r->std[0]), vit_json_number(r->std[1]), vit_json_number(r->std[2]));

    if (r->crop_down) vit_json_put(&o, "crop_round", json_string("down"));
    return o;
}

json_t *vit_config_to_json(const struct vit_config *c, const struct patch_recipe *r,
                           const char *const *labels)
{
    json_t *o = json_pack("{ss si si so si si si si si sb sb si ss sb ss si so ss sb sb sb}", "format",
                          "vit-1", "image", c->image, "channels", c->channels, "stem", stem_to_json(&c->stem),
                          "width", c->width, "depth", c->depth, "heads", c->heads, "hidden", c->hidden,
                          "classes", c->classes, "cls", c->cls, "dist", c->dist, "registers", c->registers,
                          "position", POSITIONS[c->position], "position_prefix", c->position_prefix, "pool",
                          POOLS[c->pool], "pre_logits", c->pre_logits, "norm", norm_to_json(&c->norm), "act",
                          c->glu ? "swiglu" : kern_act_name(c->act), "qkv_bias", c->qkv_bias, "bias", c->bias,
                          "patch_bias", c->patch_bias);
    json_t *names;

    if (o && c->position_resample)
        vit_json_put(&o, "position_resample", json_string(weights_resample_name(c->position_resample)));
    if (o && r) vit_json_put(&o, "preprocess", recipe_to_json(r));
    if (!o || !labels) return o;
    names = json_array();
    for (int i = 0; i < c->classes; i++) vit_json_append(&names, json_string(labels[i]));
    vit_json_put(&o, "labels", names);
    return o;
}
