#include "vit/train.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/block.h"
#include "vit/model.h"
#include "vit/random.h"

static const char *const INITS[] = { "xavier", "trunc02" };
_Static_assert(VIT_COUNT(INITS) == VIT_INITS, "an initialisation has no name");

const char *vit_init_name(enum vit_init_kind kind)
{
    assert((unsigned)kind < VIT_INITS);
    return INITS[kind];
}

int vit_init_from_name(const char *name)
{
    for (int i = 0; i < VIT_INITS; i++)
        if (!strcmp(name, INITS[i])) return i;
    return -1;
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

static bool ends(const char *name, const char *end)
{
    const size_t n = strlen(name), k = strlen(end);

    return n >= k && !strcmp(name + n - k, end);
}

/* The stem is the same under every initialisation, so that the stream enters the blocks at one scale:
 * convolutions before ReLU normal sqrt(2 / fan_in) (He 2015), the patch embedding and the projection
 * normal sqrt(1 / fan_in) (LeCun 1998, the JAX ViT's choice). */
static void init_stem(float *w, const struct vit_slot *s, uint64_t key)
{
    const bool relu = strstr(s->name, ".conv.") != NULL;
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
    const bool qkv = ends(s->name, "attn.qkv.weight");
    const size_t from = qkv ? s->count / 3 * 2 : 0;

    if (s->block < 0 || !vit_block_has(&c->norm, s->block, c->depth, VIT_OP_JOIN_ALPHA, 0)) return;
    for (size_t i = from; i < s->count; i++) w[i] *= beta;
}

static void init_matrix(float *w, const struct vit_slot *s, const struct vit_config *c,
                        const struct vit_init *init, uint64_t key)
{
    const int parts = ends(s->name, "attn.qkv.weight") ? 3 : 1, out = s->shape[0] / parts;
    const size_t size = s->count / (size_t)parts;

    if (init->zero_head && !strncmp(s->name, "head", 4)) return fill(w, s->count, 0);
    for (int i = 0; i < parts; i++)
        draw_matrix(w + (size_t)i * size, out, s->shape[1], init, vit_key(key, (uint64_t)i));
    scale_deepnorm(w, s, c);
}

static void init_slot(struct vit_model *m, const struct vit_slot *s, const struct vit_init *init)
{
    const struct vit_config *c = &m->config;
    const uint64_t key = tensor_key(init->seed, s->name);
    float *w = *vit_slot_pointer(&m->params, s);

    if (!strncmp(s->name, "patch_embed.", 12) && s->rank == 4)
        init_stem(w, s, key);
    else if (s->decay)
        init_matrix(w, s, c, init, key);
    else if (ends(s->name, "_token"))
        draw_normal(w, s->count, 0.02f, key);
    else if (ends(s->name, "pos_embed"))
        draw_normal(w, s->count, init->position > 0 ? init->position : 0.02f, key);
    else if (ends(s->name, ".gamma"))
        fill(w, s->count, layer_scale(c, init));
    else if (ends(s->name, ".alpha"))
        fill(w, s->count, 0.5f); /* DyT: Zhu et al. 2025 */
    else if (ends(s->name, ".weight") || ends(s->name, "running_var"))
        fill(w, s->count, norm_gain(c, s, init));
    else
        fill(w, s->count, 0);
}

/* ---- the model ---- */

static enum vit_status keep_labels(struct vit_model *m, const char *const *labels, struct vit_error *err)
{
    enum vit_status status = vit_model_default_labels(m, err);

    for (int i = 0; !status && labels && i < m->config.classes; i++) {
        if (!vit_is_utf8(labels[i])) /* in JSON, where a model is saved */
            return vit_fail(err, VIT_ERR_ARG, "%s: label %d must be UTF-8, found \"%s\"", m->path, i,
                            labels[i]);
        free(m->labels[i]);
        m->labels[i] = strdup(labels[i]);
        if (!m->labels[i]) status = vit_fail(err, VIT_ERR_NOMEM, "new model: cannot keep the labels");
    }
    m->has_labels = labels != NULL;
    return status;
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
    if (!status && (unsigned)init->kind >= VIT_INITS)
        status = vit_fail(err, VIT_ERR_ARG, "%s: unknown initialisation %d", m->path, (int)init->kind);
    if (!status) status = vit_config_check(&m->config, m->path, err);
    if (!status) status = patch_recipe_check(&m->recipe, m->path, err);
    if (!status && m->recipe.size != m->config.image)
        status = vit_fail(err, VIT_ERR_ARG, "%s: pictures of %d pixels are prepared for a network of %d",
                          m->path, m->recipe.size, m->config.image);
    if (!status) status = keep_labels(m, labels, err);
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

/* ---- a start that is not drawn ---- */

/* The first class of that name; -1: there is none. */
static int find_label(const struct vit_model *m, const char *name)
{
    for (int i = 0; i < m->config.classes; i++)
        if (!strcmp(vit_model_labels(m)[i], name)) return i;
    return -1;
}

static bool same_labels(const struct vit_model *a, const struct vit_model *b)
{
    for (int i = 0; i < a->config.classes; i++)
        if (strcmp(vit_model_labels(a)[i], vit_model_labels(b)[i]) != 0) return false;
    return true;
}

/* row (classes of m): the row of from's head for each class, by name where both have names that differ.
 * False: it is for other classes, or names that occur twice do not say which are the same. */
static bool match_head(int *row, const struct vit_model *m, const struct vit_model *from)
{
    const int classes = m->config.classes;

    if (classes != from->config.classes || from->headless) return false;
    for (int i = 0; i < classes; i++) row[i] = i;
    if (!m->has_labels || !from->has_labels || same_labels(m, from)) return true;
    for (int i = 0; i < classes; i++) {
        const char *name = vit_model_labels(m)[i];
        row[i] = find_label(from, name);
        if (row[i] < 0 || find_label(m, name) != i) return false;
    }
    return true;
}

static bool is_head(const struct vit_slot *s)
{
    return !strncmp(s->name, "head", 4);
}

/* Its number; -1: there is none. */
static int find_slot(const struct vit_slot *slots, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(slots[i].name, name)) return i;
    return -1;
}

/* "160x64x3x3" */
static const char *shape_text(const struct vit_slot *s, char *text, size_t size)
{
    size_t used = 0;

    for (int i = 0; i < s->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", i ? "x" : "", s->shape[i]);
    return text;
}

static bool same_shape(const struct vit_slot *a, const struct vit_slot *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

enum vit_status vit_slots_lent(const struct vit_slot *wanted, int count, const struct vit_slot *lent,
                               int lent_count, bool drawn_head, const char *path, struct vit_error *err)
{
    char expected[48], has[48];

    for (int i = 0; i < count; i++) {
        const struct vit_slot *s = &wanted[i];
        const int at = find_slot(lent, lent_count, s->name);

        if (drawn_head && is_head(s)) continue;
        if (at < 0)
            return vit_fail(err, VIT_ERR_ARG, "%s: has no %s, which the network to train needs", path,
                            s->name);
        if (!same_shape(s, &lent[at]))
            return vit_fail(err, VIT_ERR_ARG,
                            "%s: %s: expected the shape %s of the network to train, found %s", path, s->name,
                            shape_text(s, expected, sizeof expected), shape_text(&lent[at], has, sizeof has));
    }
    return VIT_OK;
}

/* What the head of another model is read with. */
struct lent_head {
    bool fits;
    int *row;    /* (classes), as match_head() fills it */
    float *room; /* for the largest of its parameters */
};

static enum vit_status lend_head(struct lent_head *h, const struct vit_model *m, const struct vit_model *from,
                                 struct vit_error *err)
{
    size_t most = 1;

    for (int i = 0; i < m->slot_count; i++)
        if (is_head(&m->slots[i]) && m->slots[i].count > most) most = m->slots[i].count;
    *h = (struct lent_head){ .row = calloc((size_t)m->config.classes, sizeof *h->row),
                             .room = calloc(most, sizeof *h->room) };
    if (!h->row || !h->room) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its head", from->path);
    h->fits = match_head(h->row, m, from);
    return VIT_OK;
}

static void take_slot(struct vit_model *m, const struct vit_slot *s, const struct vit_model *from,
                      const struct lent_head *h)
{
    const int at = find_slot(from->slots, from->slot_count, s->name), classes = m->config.classes;
    const size_t size = s->count / (size_t)classes;
    float *to = *vit_slot_pointer(&m->params, s);

    if (!is_head(s)) {
        vit_model_read(from, at, to);
        return;
    }
    vit_model_read(from, at, h->room);
    for (int i = 0; i < classes; i++)
        memcpy(to + (size_t)i * size, h->room + (size_t)h->row[i] * size, size * sizeof *to);
}

static bool head_is_zero(const struct vit_model *m)
{
    for (int i = 0; i < m->slot_count; i++) {
        const float *w = vit_model_parameter(m, i).values;
        for (size_t j = 0; is_head(&m->slots[i]) && j < m->slots[i].count; j++)
            if (w[j] != 0) return false;
    }
    return true;
}

/* What became of the head. */
static void say_head(struct vit_model *m, const struct vit_model *from, const struct lent_head *h)
{
    if (!h->fits)
        vit_model_say(m, true, "%s: %s %s", from->path,
                      from->headless ? "has no head, one" : "its head is for other classes, a new one",
                      head_is_zero(m) ? "begins at zero" : "was drawn");
    else if (m->has_labels && !from->has_labels)
        vit_model_say(m, true,
                      "%s: has no label names: its head is kept, its classes taken in the order of the new "
                      "ones",
                      from->path);
    else if (m->has_labels && !same_labels(m, from))
        vit_model_say(m, false, "%s: its head is for the same classes in another order, and is kept by name",
                      from->path);
}

enum vit_status vit_model_take(struct vit_model *m, const struct vit_model *from, struct vit_error *err)
{
    struct lent_head head = { 0 };
    enum vit_status status;

    if (!m->trainable) return vit_fail(err, VIT_ERR_ARG, "%s: was not opened for training", m->path);
    status = lend_head(&head, m, from, err);
    if (!status)
        status = vit_slots_lent(m->slots, m->slot_count, from->slots, from->slot_count, !head.fits,
                                from->path, err);
    for (int i = 0; !status && i < m->slot_count; i++)
        if (head.fits || !is_head(&m->slots[i])) take_slot(m, &m->slots[i], from, &head);
    if (!status) say_head(m, from, &head);
    if (!status) vit_model_pack(m, NULL);
    free(head.room);
    free(head.row);
    return status;
}
