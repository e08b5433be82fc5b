#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/block.h"
#include "vit/config_json.h"
#include "vit/dialects.h"
#include "vit/json.h"
#include "vit/model.h"
#include "vit/place.h"
#include "weights/builtin.h"

enum { CONFIG_BYTES = 16 << 20 };

/* ---- the configuration ---- */

/* The configuration object: the file's own metadata first, then config.json, else NULL. */
static enum vit_status load_config(json_t **out, const struct vit_model *m, const struct vit_place *p,
                                   struct vit_error *err)
{
    const char *text = weights_meta(m->file, "vit.config");

    *out = NULL;
    if (text) return vit_json_parse(out, p->weights, text, strlen(text), err);
    return *p->config ? vit_json_read(out, p->config, CONFIG_BYTES, err) : VIT_OK;
}

/* As the code does that the file was made for. */
static enum weights_resample resample_of(const struct vit_model *m, const struct weights_view *v)
{
    return weights_family_resample(weights_view_family(v), weights_format(m->file));
}

/* Asked for only where they are learned: others that a file has are tensors that are not used. */
static void fit_prefix(struct vit_config *c, struct weights_view *v)
{
    const struct weights_source pos = weights_view_find(v, "pos_embed");
    int64_t shape[WEIGHTS_RANK];
    int rank;

    if (pos.parts && weights_source_shape(&pos, &rank, shape) && rank == 3)
        c->position_prefix = shape[1] != vit_config_grid(c) * vit_config_grid(c);
}

/* Keys that our configurations may leave out are taken from the file: what it is, and its shapes. */
static void fit_to_file(struct vit_model *m, const json_t *o, struct weights_view *v)
{
    struct vit_config *c = &m->config;

    if (!vit_json_get(o, "patch_bias") && c->stem.patch)
        c->patch_bias = weights_view_find(v, "patch_embed.proj.bias").parts > 0;
    if (!vit_json_get(o, "position_resample")) c->position_resample = resample_of(m, v);
    if (!vit_json_get(vit_json_get(o, "norm"), "pooled"))
        c->norm.pooled = weights_view_find(v, "fc_norm.weight").parts > 0;
    if (!vit_json_get(o, "dist")) c->dist = weights_view_find(v, "dist_token").parts > 0;
    if (!vit_json_get(o, "position_prefix") && c->position == VIT_POS_LEARNED) fit_prefix(c, v);
    m->headless = m->headless && !weights_view_find(v, "head.weight").parts &&
                  !weights_view_find(v, "head.weight" VIT_PACKED_SUFFIX).parts;
    if (m->headless) vit_model_without_head(m);
}

static enum vit_status configure_ours(struct vit_model *m, struct weights_view *v, const json_t *o,
                                      const char *where, struct vit_error *err)
{
    enum vit_status status = vit_config_from_json(&m->config, o, where, err);

    if (status) return status;
    fit_to_file(m, o, v);
    m->recipe = patch_recipe_default(m->config.image);
    status = vit_recipe_from_json(&m->recipe, o, where, err);
    if (!vit_json_get(o, "preprocess"))
        vit_model_say(m, true, "%s: no \"preprocess\": crop_pct 0.9, mean and std 0.5 assumed", where);
    return status;
}

/* vit_huge has heads of 80: width / 64 would be another network. */
static void assume_heads(struct vit_model *m)
{
    const char *size = NULL;

    m->config.heads = vit_preset_heads_of(&m->config, &size);
    if (size) {
        vit_model_say(m, true, "%s: the number of heads is not stored: %d assumed, as vit_%s has", m->path,
                      m->config.heads, size);
        return;
    }
    m->config.heads = m->config.width >= 64 ? m->config.width / 64 : 1;
    vit_model_say(
        m, true,
        "%s: the number of heads is not stored: %d assumed (width / 64); a config.json beside it can say "
        "otherwise",
        m->path, m->config.heads);
}

/* Without a configuration; the towers of CLIP differ from timm's other networks in what no tensor tells. */
static void assume_alone(struct vit_model *m, const struct weights_view *v)
{
    vit_model_say(m, true, "%s: no config.json that can be read: everything is inferred from the tensors",
                  m->path);
    if (weights_view_family(v) != WEIGHTS_TIMM || !m->config.norm.embed) return;
    m->config.norm.eps = 1e-5f;
    vit_model_say(m, true,
                  "%s: \"norm_pre\" says that it is a tower of CLIP: eps 1e-5 and gelu assumed (OpenAI's own "
                  "weights have quick_gelu: give a config.json)",
                  m->path);
}

/* A network that Hugging Face's configuration says to be of another kind; both keys: timm's network in a
 * wrapper of Hugging Face's. */
static enum vit_status check_type(const json_t *o, const char *family, const char *where,
                                  struct vit_error *err)
{
    if (vit_json_get(o, "architecture") || (family && strncmp(family, "hf-", 3))) return VIT_OK;
    return vit_check_hf_type(o, where, err);
}

/* Anything that is not ours: what the tensors say, then what the dialect adds. */
static enum vit_status configure_foreign(struct vit_model *m, struct weights_view *v, const json_t *o,
                                         const struct vit_place *p, struct vit_error *err)
{
    enum vit_status status = check_type(o, m->family, p->config, err);
    json_t *recipe = NULL;

    if (!status) status = vit_infer(m, v, o, err);
    m->config.position_resample = resample_of(m, v);
    if (!status && vit_json_get(o, "architecture"))
        status = vit_read_timm(m, o, p->config, err);
    else if (!status && vit_json_get(o, "model_type"))
        status = vit_read_hf(m, o, p->config, err);
    else if (!status)
        assume_alone(m, v);
    if (!status && !m->config.heads) assume_heads(m);
    if (!status && *p->recipe) status = vit_json_read(&recipe, p->recipe, CONFIG_BYTES, err);
    if (!status && recipe) status = vit_read_hf_recipe(m, recipe, p->recipe, err);
    json_decref(recipe);
    return status;
}

static enum vit_status configure(struct vit_model *m, struct weights_view *v, const struct vit_place *p,
                                 struct vit_error *err)
{
    json_t *o = NULL;
    enum vit_status status = load_config(&o, m, p, err);
    const char *where = weights_meta(m->file, "vit.config") ? p->weights : p->config;
    const char *format = NULL;

    if (!status && o && !json_is_object(o))
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: must be a JSON object", where);
    if (!status) status = vit_json_string(o, where, "format", &format, err);
    if (!status && format && strcmp(format, "vit-1"))
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"format\" must be \"vit-1\", found \"%s\"", where,
                          format);
    if (!status) status = format ? configure_ours(m, v, o, where, err) : configure_foreign(m, v, o, p, err);
    if (!status) status = vit_config_check(&m->config, m->path, err);
    if (!status && !format) status = vit_infer_check(m, v, err);
    if (!status) status = vit_say_scores(m, o, where, err);
    if (!status) status = vit_model_default_labels(m, err);
    if (!status && !m->headless)
        status =
            vit_read_labels(m, format ? json_object_get(o, "labels") : vit_foreign_labels(o), where, err);
    if (!status) vit_say_taken(m, format ? o : NULL);
    json_decref(o);
    return status;
}

/* ---- swaps at run time ---- */

/* The network went together as the file has it: what does not at this size is not the file's fault. */
static enum vit_status check_image(const struct vit_model *m, int image, struct vit_error *err)
{
    struct vit_config c = m->config;
    struct vit_error inner;
    char where[512];

    c.image = image;
    snprintf(where, sizeof where, "%s: at %d pixels", m->path, image);
    if (!vit_config_check(&c, where, &inner)) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s", inner.text);
}

static enum vit_status apply_options(struct vit_model *m, const struct vit_model_options *o,
                                     struct vit_error *err)
{
    struct vit_config *c = &m->config;
    char before[32], after[32];

    if (o->placement) {
        vit_placement_text(&c->norm, before, sizeof before);
        enum vit_status status = vit_placement_parse(&c->norm, o->placement, err);
        if (status) return status;
        vit_placement_text(&c->norm, after, sizeof after);
        m->row_scales |= strcmp(before, after) != 0; /* fixed ones are of what the old placement gave */
        if (strcmp(before, after))
            vit_model_say(m, true,
                          "norm placement swapped from %s to %s: weights trained for another placement are "
                          "expected to lose accuracy",
                          before, after);
    }
    if (o->final_norm) c->norm.final = o->final_norm > 0;
    return VIT_OK;
}

/* ---- opening ---- */

/* What a model is opened from. */
struct origin {
    const char *path;  /* or the name of what lies in memory */
    const void *bytes; /* NULL: a path */
    size_t size;
};

/* Memory, a network inside the binary, or the file that path means; place tells what lies beside it. */
static enum vit_status open_weights(struct vit_model *m, struct vit_place *place, const struct origin *from,
                                    struct vit_error *err)
{
    const char *path = from->path;
    enum vit_status status;

    if (from->bytes) {
        snprintf(place->weights, sizeof place->weights, "%s", path);
        return weights_open_memory(&m->file, from->bytes, from->size, path, err);
    }
    if (!strncmp(path, WEIGHTS_BUILTIN, strlen(WEIGHTS_BUILTIN))) {
        snprintf(place->weights, sizeof place->weights, "%s", path);
        return weights_open_builtin(&m->file, path, err);
    }
    status = vit_place_find(place, path, err);
    return status ? status : weights_open(&m->file, place->weights, err);
}

/* Of tensors that nobody knows, the configuration beside them may say whose they are. */
static enum vit_status open_view(struct weights_view **out, struct vit_model *m, const struct vit_place *p,
                                 struct vit_error *err)
{
    enum vit_status status = weights_view_open(out, m->file, err);
    json_t *o = NULL;

    if (!status || status == VIT_ERR_NOMEM) return status;
    if (!load_config(&o, m, p, NULL) && json_is_object(o) && check_type(o, NULL, p->config, err))
        status = VIT_ERR_UNSUPPORTED;
    json_decref(o);
    return status;
}

/* Weights, moments and averages in one tensor: no network can be read from it. */
static enum vit_status refuse_state(const struct vit_model *m, struct vit_error *err)
{
    if (!weights_meta(m->file, "vit.state")) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%s: is the state of a training run, for that run to go on from; expected a "
                    "model, such as the one that the run leaves at its end",
                    m->path);
}

/* Of several copies one was taken: whoever compares must know which. And what was taken for a wrapper. */
static void say_copy(struct vit_model *m, const struct weights_view *v)
{
    const char *chosen, *other;

    if (weights_view_copies(v, &chosen, &other))
        vit_model_say(m, true, "%s: holds several copies of the network: \"%.*s\" is read, not \"%.*s\"",
                      m->path, (int)strlen(chosen) - 1, chosen, (int)strlen(other) - 1, other);
    else if (*chosen)
        vit_model_say(m, false, "%s: \"%s\" before the names of its tensors is left out", m->path, chosen);
}

static enum vit_status open_model(struct vit_model *m, const struct origin *from,
                                  const struct vit_model_options *o, struct vit_error *err)
{
    struct vit_place place = { "", "", "" };
    struct weights_view *view;
    enum vit_status status = kern_select(&m->kern, o->kernels, err);

    if (!status) status = open_weights(m, &place, from, err);
    if (status) return status;
    m->path = strdup(place.weights);
    if (!m->path) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot be opened: no memory", from->path);
    m->trainable = o->trainable;
    m->row_scales = o->row_scales;
    m->headless = o->headless;
    status = vit_model_set_options(m, o, err);
    if (!status) status = refuse_state(m, err);
    if (!status) status = open_view(&view, m, &place, err);
    if (status) return status;
    m->family = weights_family_name(weights_view_family(view));
    say_copy(m, view);
    status = configure(m, view, &place, err);
    if (!status && o->image) status = check_image(m, o->image, err);
    if (!status) status = apply_options(m, o, err);
    /* The network runs at the size its pictures are prepared for: DINOv2's positions are for 518 pixels and
     * its recipe for 224. */
    if (!status) status = vit_model_load(m, view, o->image ? o->image : m->recipe.size, err);
    weights_view_close(view);
    return status;
}

static enum vit_status open_from(struct vit_model **out, const struct origin *from,
                                 const struct vit_model_options *o, struct vit_error *err)
{
    const struct vit_model_options none = { 0 };
    struct vit_model *m = calloc(1, sizeof *m);
    enum vit_status status;

    *out = NULL;
    if (!m) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate a model", from->path);
    status = open_model(m, from, o ? o : &none, err);
    if (status) {
        vit_model_close(m);
        return status;
    }
    *out = m;
    return VIT_OK;
}

enum vit_status vit_model_open(struct vit_model **out, const char *path, const struct vit_model_options *o,
                               struct vit_error *err)
{
    return open_from(out, &(struct origin){ .path = path }, o, err);
}

enum vit_status vit_model_open_memory(struct vit_model **out, const void *bytes, size_t size,
                                      const char *name, const struct vit_model_options *o,
                                      struct vit_error *err)
{
    return open_from(out, &(struct origin){ name, bytes ? bytes : "", bytes ? size : 0 }, o, err);
}
