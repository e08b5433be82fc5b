#include "vit/train.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vit/block.h"
#include "vit/model.h"
#include "vit/random.h"
#include "vit/text.h"

static const char *const INITS[] = { "xavier", "trunc02" };
_Static_assert(VIT_COUNT(INITS) == VIT_INITS, "an initialisation has no name");

const char *vit_init_name(enum vit_init_kind kind)
{
    return (size_t)kind < VIT_INITS ? INITS[kind] : "unknown";
}

int vit_init_from_name(const char *name)
{
    return vit_index_of(INITS, VIT_INITS, name);
}

/* ---- random draws: a function of the seed, the tensor's name and the element ---- */

static uint64_t tensor_key(uint64_t seed, const char *name)
{
    uint64_t key = vit_key(seed, 0x696e6974); /* "init": apart from every other use of the seed */

    for (; *name; name++) key = vit_key(key, (unsigned char)*name);
    return key;
}

static void draw_uniform(float *w, size_t count, float bound, uint64_t key)
{
    for (size_t i = 0; i < count; i++) w[i] = bound * (2 * vit_random_uniform(key, i) - 1);
}

/* Normal, drawn again beyond two deviations, which leaves 0.88 of the deviation. */
static void draw_normal(float *w, size_t count, float deviation, uint64_t key)
{
    enum { TRIES = 16 }; /* all beyond two deviations: once in 10^21 */

    for (size_t i = 0; i < count; i++) {
        double z = 0;
        for (uint64_t t = 0; t < TRIES; t++) {
            z = vit_random_normal(key, i * TRIES + t);
            if (fabs(z) <= 2) break;
        }
        w[i] = deviation * (float)z;
    }
}

static void fill(float *w, size_t count, float value)
{
    for (size_t i = 0; i < count; i++) w[i] = value;
}

/* One matrix (out, in) of the encoder or the head. */
static void draw_matrix(float *w, int out, int in, const struct vit_init *init, uint64_t key)
{
    const size_t count = (size_t)out * (size_t)in;

    if (init->kind == VIT_INIT_TRUNC02)
        draw_normal(w, count, 0.02f, key);
    else
        draw_uniform(w, count, sqrtf(6 / ((float)in + (float)out)), key);
}

/* ---- which tensor gets what ---- */

/* The stem is the same under every initialisation, so that the stream enters the blocks at one scale:
 * convolutions before ReLU normal sqrt(2 / fan_in) (He 2015), the patch embedding and the projection
 * normal sqrt(1 / fan_in) (LeCun 1998, the JAX ViT's choice). */
static void init_stem(float *w, const struct vit_slot *s, uint64_t key)
{
    const bool relu = s->start == VIT_START_CONV;
    size_t fan_in = 1;

    for (int i = 1; i < s->rank; i++) fan_in *= (size_t)s->shape[i];
    draw_normal(w, s->count, sqrtf((relu ? 2.0f : 1.0f) / (float)fan_in), key);
}

/* CaiT's initial LayerScale by depth: Touvron et al. 2021. */
static float layer_scale(const struct vit_config *c, const struct vit_init *init)
{
    if (vit_placement_scalar_scale(&c->norm)) return 0;
    if (init->scale > 0) return init->scale;
    return c->depth <= 18 ? 0.1f : c->depth <= 24 ? 1e-5f : 1e-6f;
}

/* Which of its block's norms has the gain in slot s; -1: none. */
static int norm_index(const struct vit_slot *s)
{
    for (int i = 0; s->block >= 0 && i < VIT_NORMS; i++)
        if (s->field == offsetof(struct vit_block_params, norm[i].gain)) return i;
    return -1;
}

/* Gain of a norm: on the output of a branch out_gain, else 1. */
static float norm_gain(const struct vit_config *c, const struct vit_slot *s, const struct vit_init *init)
{
    const int index = norm_index(s);

    return index >= 0 && vit_block_norm_is_output(&c->norm, s->block, c->depth, index) ? init->out_gain : 1;
}

/* Where the stream is multiplied by alpha (DeepNorm), the matrices of the value path are by (8 depth)^(-1/4):
 * Wang et al. 2022, encoder only. */
static void scale_deepnorm(float *w, const struct vit_slot *s, const struct vit_config *c)
{
    const float beta = powf(8 * (float)c->depth, -0.25f);
    const size_t from = s->count / (size_t)s->parts * (size_t)(s->parts - 1); /* of q, k and v the last */

    if (s->block < 0 || !vit_block_has(&c->norm, s->block, c->depth, VIT_OP_JOIN_ALPHA, 0)) return;
    for (size_t i = from; i < s->count; i++) w[i] *= beta;
}

static void init_matrix(float *w, const struct vit_slot *s, const struct vit_config *c,
                        const struct vit_init *init, uint64_t key)
{
    const size_t size = s->count / (size_t)s->parts;

    if (init->zero_head && s->head) return fill(w, s->count, 0);
    for (int i = 0; i < s->parts; i++)
        draw_matrix(w + (size_t)i * size, s->shape[0] / s->parts, s->shape[1], init,
                    vit_key(key, (uint64_t)i));
    scale_deepnorm(w, s, c);
}

static void init_slot(struct vit_model *m, const struct vit_slot *s, const struct vit_init *init)
{
    const struct vit_config *c = &m->config;
    const uint64_t key = tensor_key(init->seed, s->name);
    float *w = *vit_slot_pointer(&m->params, s);

    switch (s->start) {
    case VIT_START_ZERO: fill(w, s->count, 0); break;
    case VIT_START_MATRIX: init_matrix(w, s, c, init, key); break;
    case VIT_START_CONV:
    case VIT_START_PATCH: init_stem(w, s, key); break;
    case VIT_START_TOKEN: draw_normal(w, s->count, 0.02f, key); break;
    case VIT_START_POSITION:
        draw_normal(w, s->count, init->position > 0 ? init->position : 0.02f, key);
        break;
    case VIT_START_GAIN: fill(w, s->count, norm_gain(c, s, init)); break;
    case VIT_START_ALPHA: fill(w, s->count, 0.5f); break; /* DyT: Zhu et al. 2025 */
    case VIT_START_SCALE: fill(w, s->count, layer_scale(c, init)); break;
    }
}

/* ---- the model ---- */

/* Comparisons that are false refuse NaN. */
static enum vit_status check_init(const struct vit_model *m, const struct vit_init *init,
                                  struct vit_error *err)
{
    const struct {
        const char *name;
        float value, low;
    } rows[] = {
        { "gain of output norms", init->out_gain, -FLT_MAX },
        { "LayerScale", init->scale, 0 },
        { "deviation of positions", init->position, 0 },
    };

    if ((unsigned)init->kind >= VIT_INITS)
        return vit_fail(err, VIT_ERR_ARG, "%s: unknown initialisation %d", m->path, (int)init->kind);
    for (size_t i = 0; i < VIT_COUNT(rows); i++)
        if (!(rows[i].value >= rows[i].low && rows[i].value <= FLT_MAX))
            return vit_fail(err, VIT_ERR_ARG, "%s: the initial %s must be finite%s, found %g", m->path,
                            rows[i].name, rows[i].low < 0 ? "" : " and at least 0", (double)rows[i].value);
    return VIT_OK;
}

/* Nothing was read from a file: what is wrong with the network was chosen. */
static enum vit_status check_config(const struct vit_model *m, struct vit_error *err)
{
    struct vit_error inner;

    if (!vit_config_check(&m->config, m->path, &inner)) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s", inner.text);
}

static enum vit_status create(struct vit_model *m, const struct vit_init *init, const char *const *labels,
                              const struct vit_model_options *o, struct vit_error *err)
{
    enum vit_status status = kern_select(&m->kern, o->kernels, err);

    m->path = strdup("new model");
    m->family = "timm";
    if (!m->path) return vit_fail(err, VIT_ERR_NOMEM, "new model: no memory");
    if (!status) status = vit_model_set_options(m, o, err);
    m->trainable = m->dtype != KERN_I8;
    if (!status) status = check_init(m, init, err);
    if (!status) status = check_config(m, err);
    if (!status) status = patch_recipe_check(&m->recipe, m->path, err);
    if (!status && m->recipe.size != m->config.image)
        status = vit_fail(err, VIT_ERR_ARG, "%s: pictures of %d pixels are prepared for a network of %d",
                          m->path, m->recipe.size, m->config.image);
    if (!status) status = vit_model_default_labels(m, err);
    if (!status && labels) status = vit_model_set_labels(m, labels, err);
    if (!status) status = vit_model_make_slots(m, err);
    if (!status) status = vit_model_carve(m, NULL, err);
    for (int i = 0; !status && i < m->slot_count; i++) init_slot(m, &m->slots[i], init);
    if (!status) vit_model_say_border(m);
    if (!status) vit_model_pack(m, NULL);
    return status;
}

enum vit_status vit_model_create(struct vit_model **out, const struct vit_config *c,
                                 const struct patch_recipe *recipe, const char *const *labels,
                                 const struct vit_init *init, const struct vit_model_options *o,
                                 struct vit_error *err)
{
    const struct vit_model_options plain = { 0 };
    const struct vit_init none = { 0 };
    struct vit_model *m = calloc(1, sizeof *m);
    enum vit_status status;

    *out = NULL;
    if (!m) return vit_fail(err, VIT_ERR_NOMEM, "new model: no memory");
    m->config = *c;
    m->recipe = recipe ? *recipe : patch_recipe_default(c->image);
    status = create(m, init ? init : &none, labels, o ? o : &plain, err);
    if (status) {
        vit_model_close(m);
        return status;
    }
    *out = m;
    return VIT_OK;
}
