/* From settings to what the library takes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/recipe.h"
#include "tools/recipe_preset.h"
#include "vit/config_json.h"
#include "vit/gradients.h"
#include "vit/params.h"

/* name is one of the words: a choice has been checked. */
static int word_index(const char *(*word)(int i), const char *name)
{
    int i = 0;

    while (strcmp(word(i), name) != 0) i++;
    return i;
}

/* ---- the stem ---- */

static const struct stem {
    const char *name;
    int layers, stride;
    bool pool;
} STEMS[] = {
    { "patch", 0, 0, false },   { "conv-3x1", 1, 1, true },    { "conv-3x2", 2, 1, true },
    { "conv-3x3", 3, 1, true }, { "stride-3x2", 2, 2, false },
};

const char *recipe_stem_word(int i)
{
    return (size_t)i < VIT_COUNT(STEMS) ? STEMS[i].name : NULL;
}

static const struct stem *stem_of(const char *name)
{
    return &STEMS[word_index(recipe_stem_word, name)];
}

const char *recipe_stem_name(const struct patch_stem *s)
{
    for (size_t i = 0; i < VIT_COUNT(STEMS); i++) {
        const struct stem *of = &STEMS[i];
        if (of->layers != s->layers) continue;
        if (!s->layers || (of->stride == s->conv[0].stride && of->pool == (s->conv[0].pool.kernel > 0)))
            return of->name;
    }
    return NULL;
}

/* 64 channels in all layers but the last, which makes the width: Hassani et al. 2021. */
static void convolutions(struct patch_stem *to, const struct stem *s)
{
    *to = (struct patch_stem){ .layers = s->layers };
    for (int i = 0; i < s->layers; i++) {
        to->conv[i] = (struct patch_conv){
            .out = 64, .kernel = 3, .stride = s->stride, .padding = 1, .act = KERN_ACT_RELU
        };
        if (!s->pool) continue;
        to->conv[i].pool.kernel = 3;
        to->conv[i].pool.stride = 2;
        to->conv[i].pool.padding = 1;
    }
}

static enum vit_status set_stem(struct vit_config *c, const struct recipe *r, struct vit_error *err)
{
    const bool patch = r->stem ? strcmp(r->stem, "patch") == 0 : c->stem.patch > 0;

    if (r->patch && !patch)
        return vit_fail(err, VIT_ERR_ARG,
                        "--patch %d: the stem is made of convolutions, --stem patch changes it", r->patch);
    if (patch) {
        const int before = c->stem.patch ? c->stem.patch : 4;
        c->stem = (struct patch_stem){ .patch = r->patch ? r->patch : before };
    } else if (r->stem) {
        convolutions(&c->stem, stem_of(r->stem));
    }
    if (!patch && !c->stem.project) c->stem.conv[c->stem.layers - 1].out = c->width;
    return VIT_OK;
}

/* ---- the network ---- */

static void replace(int *value, int by)
{
    if (by) *value = by;
}

static void set_sizes(struct vit_config *c, const struct recipe *r)
{
    const double times = (double)c->hidden / c->width;

    replace(&c->image, r->image);
    replace(&c->width, r->width);
    replace(&c->depth, r->depth);
    replace(&c->heads, r->heads);
    c->hidden = r->hidden ? r->hidden : (int)lrint(times * c->width);
}

/* New networks have no head over a class token and the patches' mean, which stands last. */
const char *recipe_pool_word(int i)
{
    _Static_assert(VIT_POOL_CLS_MEAN == VIT_POOLS - 1, "words in between would be lost");
    return i < VIT_POOL_CLS_MEAN ? vit_pool_name((enum vit_pool)i) : NULL;
}

const char *recipe_position_word(int i)
{
    return i < VIT_POSITIONS ? vit_position_name((enum vit_position)i) : NULL;
}

static void set_readout(struct vit_config *c, const struct recipe *r)
{
    if (r->pool) c->pool = (enum vit_pool)word_index(recipe_pool_word, r->pool);
    if (r->position) c->position = (enum vit_position)word_index(recipe_position_word, r->position);
    if (r->pool) c->cls = c->pool == VIT_POOL_CLS;
}

/* A placement that a network has already changes nothing. One whose norm follows the pooling keeps it in the
 * place of the final one, as where placements are swapped at run time. */
static enum vit_status set_placement(struct vit_norm_config *n, const char *text, struct vit_error *err)
{
    const struct vit_norm_config had = *n;
    const enum vit_status status = vit_placement_parse(n, text, err);

    if (status || n->pooled || (n->placement == had.placement && n->mix == had.mix)) return status;
    n->final = vit_placement_final(n->placement);
    return VIT_OK;
}

static enum vit_status set_norm(struct vit_config *c, const struct recipe *r, struct vit_error *err)
{
    struct vit_norm_config *n = &c->norm;
    const enum vit_status status = r->norm ? set_placement(n, r->norm, err) : VIT_OK;

    if (status) return status;
    if (strcmp(r->final_norm, "auto") != 0) n->final = strcmp(r->final_norm, "on") == 0;
    if (r->norm_kind) n->kind = (enum kern_norm_kind)kern_norm_kind_from_name(r->norm_kind);
    n->qk |= r->qk_norm;
    n->embed |= r->embed_norm;
    return VIT_OK;
}

enum vit_status recipe_network(struct vit_config *c, const char *preset, struct vit_error *err)
{
    if (strcmp(preset, RECIPE_PRESET_OF_TRAINED) != 0) return vit_config_preset(c, preset, err);
    return vit_fail(err, VIT_ERR_ARG,
                    "--preset %s: is a recipe for trained networks, expected one to start from, found none",
                    preset);
}

enum vit_status recipe_base_open(struct recipe_base *b, const struct recipe *r, const struct cmd_common *o,
                                 struct vit_error *err)
{
    const struct vit_model_options options = {
        .kernels = o->kernels, .image = r->image, .headless = true, .threads = cmd_threads(o)
    };
    struct vit_model *m;
    enum vit_status status = vit_model_open(&m, r->from, &options, err);

    if (status) return status;
    status = vit_model_takes_pictures(m, err);
    if (!status) status = vit_gradients_check(m, err);
    *b = (struct recipe_base){ *vit_model_config(m), *vit_model_recipe(m) };
    vit_model_close(m);
    return status;
}

static enum vit_status check_lent(const struct vit_config *c, const struct vit_config *base, const char *from,
                                  struct vit_error *err)
{
    size_t total;
    const int count = vit_slots(NULL, c, &total), lent_count = vit_slots(NULL, base, &total);
    struct vit_slot *slots = calloc((size_t)(count + lent_count), sizeof *slots);
    enum vit_status status;

    if (!slots) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for the names of its tensors", from);
    vit_slots(slots, c, &total);
    vit_slots(slots + count, base, &total);
    /* The head may be drawn: vit_model_take knows. */
    status = vit_slots_lent(slots, count, slots + count, lent_count, true, from, err);
    free(slots);
    return status;
}

/* A network that starts from another needs what that has: asked before any is made, as the cells of a sweep
 * are made one after the other. */
static enum vit_status check_base(const struct vit_config *c, const struct vit_config *base, const char *from,
                                  struct vit_error *err)
{
    struct vit_config without = *c;
    struct vit_error why;
    const enum vit_status status = check_lent(c, base, from, &why);

    if (!status) return VIT_OK;
    without.norm.final = false;
    return vit_fail(err, status, "%s%s", why.text,
                    check_lent(&without, base, from, NULL) ? "" : "; --final-norm off does without");
}

enum vit_status recipe_config(struct vit_config *c, const struct recipe *r, const struct recipe_base *base,
                              int classes, struct vit_error *err)
{
    enum vit_status status = base ? VIT_OK : recipe_network(c, r->preset, err);

    if (base) *c = base->config;
    if (status) return status;
    if (r->classes && r->classes != classes)
        return vit_fail(err, VIT_ERR_ARG, "--classes %d: the data set has %d classes", r->classes, classes);
    c->classes = classes;
    set_sizes(c, r);
    status = set_stem(c, r, err);
    if (status) return status;
    set_readout(c, r);
    status = set_norm(c, r, err);
    if (!status) status = vit_config_check(c, "the network asked for", err);
    return status || !base ? status : check_base(c, &base->config, r->from, err);
}

struct vit_init recipe_init(const struct recipe *r)
{
    return (struct vit_init){ .kind = (enum vit_init_kind)vit_init_from_name(r->init),
                              .seed = r->seed,
                              .out_gain = r->out_gain,
                              .scale = r->layer_scale,
                              .position = r->position_std,
                              .zero_head = r->zero_head };
}

/* ---- the optimiser ---- */

enum vit_status recipe_steps(int *out, const char *option, const char *text, int steps, struct vit_error *err)
{
    char *end = NULL;
    const double value = text[strspn(text, "0123456789.%")] ? -1 : strtod(text, &end);
    const bool percent = end && end > text && strcmp(end, "%") == 0;

    if (value < 0 || end == text || (percent ? value > 100 : *end || value != floor(value) || value > steps))
        return vit_fail(err, VIT_ERR_ARG, "%s: expected 0 to %d steps, or 0%% to 100%% of them, found \"%s\"",
                        option, steps, text);
    *out = percent ? (int)lrint(value / 100 * steps) : (int)value;
    return VIT_OK;
}

enum vit_status recipe_batches(int *out, const struct recipe *r, size_t pictures, struct vit_error *err)
{
    *out = (int)(pictures / (size_t)r->batch);
    if (*out) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG,
                    "--batch %d: there are %zu training pictures: expected --batch %zu or less", r->batch,
                    pictures, pictures);
}

enum vit_status recipe_hyper(struct vit_hyper *h, const struct recipe *r, int batches, struct vit_error *err)
{
    enum { MOST_STEPS = 1 << 30 };

    if ((int64_t)batches * r->epochs > MOST_STEPS)
        return vit_fail(err, VIT_ERR_ARG, "--epochs %d: of %d batches make more than %d steps", r->epochs,
                        batches, MOST_STEPS);
    *h = vit_hyper_default();
    h->optimizer = (enum vit_optimizer)vit_optimizer_from_name(r->optimizer);
    h->schedule = (enum vit_schedule)vit_schedule_from_name(r->schedule);
    h->lr = r->lr;
    h->muon_lr = r->muon_lr;
    h->beta2 = r->beta2;
    h->decay = r->weight_decay;
    h->decay_all = r->decay_all;
    h->clip = r->clip;
    h->smoothing = r->label_smoothing;
    h->drop_path = r->drop_path;
    h->attn_drop = r->attn_drop;
    h->patch_drop = r->patch_drop;
    h->ema = r->ema;
    h->lr_end = r->lr_end;
    h->steps = batches * r->epochs;
    h->accumulate = r->accumulate;
    h->seed = r->seed;
    if (r->accumulate > r->batch)
        return vit_fail(err, VIT_ERR_ARG, "--accumulate %d: a batch has only %d pictures", r->accumulate,
                        r->batch);
    return recipe_steps(&h->warmup, "--warmup", r->warmup, h->steps, err);
}

/* ---- pictures ---- */

const char *recipe_flip_word(int i)
{
    static const char *const WORDS[] = { "none", "random", "alternating", NULL };
    _Static_assert(VIT_COUNT(WORDS) == PATCH_FLIPS + 1, "a kind of flip has no name");
    return WORDS[i];
}

const char *recipe_padding_word(int i)
{
    static const char *const WORDS[] = { "reflect", "zero", NULL };
    _Static_assert(VIT_COUNT(WORDS) == PATCH_PADDINGS + 1, "a kind of padding has no name");
    return WORDS[i];
}

enum vit_status recipe_feed(struct patch_feed_options *o, const struct recipe *r,
                            const struct patch_recipe *p, struct vit_error *err)
{
    enum vit_status status;

    *o = (struct patch_feed_options){
        .batch = r->batch,
        .seed = r->seed,
        .mix = { .mixup = r->mixup, .cutmix = r->cutmix, .probability = r->mix_prob, .switching = 0.5f },
    };
    status = patch_augment_preset(&o->augment, r->augment, err);
    if (status) return status;
    if (r->flip) o->augment.flip = (enum patch_flip)word_index(recipe_flip_word, r->flip);
    if (r->padding) o->augment.padding = (enum patch_padding)word_index(recipe_padding_word, r->padding);
    o->augment.erase = r->erase;
    patch_augment_scale(&o->augment, p->size);
    patch_augment_fill(&o->augment, p->mean);
    return patch_augment_check(&o->augment, p->size, err);
}

bool recipe_mixes(const struct recipe *r, int epoch)
{
    return epoch < (int)lrint(r->epochs * (1 - (double)r->mix_off));
}
