#include "vit/trainer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/config.h"
#include "vit/hyper.h"
#include "vit/random.h"

/* What a random number is for; folded into its key. */
enum purpose { DROP_PATH = 0x64726f70, ATTENTION_DROP = 0x6174746e, PATCH_DROP = 0x70617463 };

/* ---- memory ---- */

static bool by_muon(const struct vit_trainer *t, const struct vit_slot *s)
{
    return t->hyper.optimizer == VIT_MUON && s->block >= 0 && s->decay;
}

/* What Muon updates: how many matrices, their largest sides (rows <= cols), and into list (may be NULL) where
 * they lie. */
static int list_matrices(const struct vit_trainer *t, struct vit_muon_matrix *list, int *rows, int *cols)
{
    int count = 0;

    *rows = *cols = 0;
    for (int i = 0; i < t->model->slot_count; i++) {
        const struct vit_slot *s = &t->model->slots[i];
        if (!by_muon(t, s)) continue;
        const int n = s->shape[0] / s->parts, k = s->shape[1];
        const int low = n < k ? n : k, high = n < k ? k : n;

        if (*rows < low) *rows = low;
        if (*cols < high) *cols = high;
        for (int part = 0; part < s->parts; part++, count++) {
            const size_t at = s->offset + (size_t)part * (size_t)n * (size_t)k;
            if (list)
                list[count] =
                    (struct vit_muon_matrix){ t->values + at, t->mean + at, t->grads->values + at, n, k };
        }
    }
    return count;
}

/* Lent to the session, whose branches have no factors without a trainer that draws them. */
static void carve_drop_path(struct vit_trainer *t)
{
    const size_t batch = (size_t)t->session->batch;

    if (t->hyper.drop_path <= 0) return;
    for (int block = 0; block < t->model->config.depth; block++)
        for (int half = 0; half < 2; half++)
            t->session->trace[block].drop[half] = vit_arena_take(&t->arena, batch, sizeof(float));
}

static int patches_kept(const struct vit_trainer *t)
{
    return vit_hyper_patches(&t->hyper, &t->model->config);
}

/* Lent to the session, too: without, its blocks see all patches. */
static void carve_kept(struct vit_trainer *t)
{
    const int each = patches_kept(t);

    if (each == vit_config_patches(&t->model->config)) return;
    t->kept = vit_arena_take(&t->arena, (size_t)t->session->batch * (size_t)each, sizeof *t->kept);
    t->session->kept = t->kept;
}

static void carve(struct vit_trainer *t)
{
    int rows, cols;

    carve_drop_path(t);
    carve_kept(t);
    t->mean = vit_arena_take(&t->arena, t->floats, sizeof(float));
    t->square = vit_arena_take(&t->arena, t->floats, sizeof(float));
    t->average = t->hyper.ema > 0 ? vit_arena_take(&t->arena, t->floats, sizeof(float)) : NULL;
    t->matrix_count = list_matrices(t, NULL, &rows, &cols);
    if (!t->matrix_count) return;
    t->matrices = vit_arena_take(&t->arena, (size_t)t->matrix_count, sizeof *t->matrices);
    vit_muon_carve(&t->muon, &t->arena, &t->session->kern, t->model->dtype, rows, cols);
    list_matrices(t, t->matrices, &rows, &cols);
}

/* Most pictures of a micro-batch: batch / accumulate, rounded up. */
static int micro_batch(const struct vit_trainer *t)
{
    return (t->batch - 1) / t->hyper.accumulate + 1;
}

static enum vit_status create(struct vit_trainer *t, int threads, struct vit_error *err)
{
    const struct vit_session_options o = { .batch = micro_batch(t), .threads = threads, .training = true };
    enum vit_status status = vit_session_create_partial(&t->session, t->model, &o, patches_kept(t), err);

    if (!status) status = vit_gradients_create(&t->grads, t->model, err);
    if (status) return status;
    carve(t);
    status = vit_arena_alloc(&t->arena, "trainer", err);
    if (status) return status;
    carve(t);
    if (t->average) memcpy(t->average, t->values, t->floats * sizeof *t->average);
    return VIT_OK;
}

enum vit_status vit_trainer_create(struct vit_trainer **out, struct vit_model *m, const struct vit_hyper *h,
                                   int batch, int threads, struct vit_error *err)
{
    enum vit_status status = vit_hyper_check(h, err);
    struct vit_trainer *t;

    *out = NULL;
    if (!status && batch < 1)
        status = vit_fail(err, VIT_ERR_ARG, "trainer: a batch of %d pictures, expected at least 1", batch);
    if (status) return status;
    t = calloc(1, sizeof *t);
    if (!t) return vit_fail(err, VIT_ERR_NOMEM, "trainer: no memory");
    t->model = m;
    t->hyper = *h;
    if (t->hyper.accumulate < 1) t->hyper.accumulate = 1;
    if (t->hyper.accumulate > batch) t->hyper.accumulate = batch;
    t->batch = batch;
    t->floats = m->arena_floats;
    t->values = *vit_slot_pointer(&m->params, &m->slots[0]);
    status = create(t, threads, err);
    if (status) {
        vit_trainer_close(t);
        return status;
    }
    *out = t;
    return VIT_OK;
}

void vit_trainer_close(struct vit_trainer *t)
{
    if (!t) return;
    vit_arena_free(&t->arena);
    vit_gradients_close(t->grads);
    vit_session_close(t->session);
    free(t);
}

int vit_trainer_steps(const struct vit_trainer *t)
{
    return t->step;
}

size_t vit_trainer_bytes(const struct vit_trainer *t)
{
    return t->arena.size + t->grads->arena.size + vit_session_bytes(t->session) + t->model->values.size +
           t->model->packed.size;
}

/* ---- one step ---- */

/* Factors of the branches of n pictures from the first: 0, or 1 / keep. The rate rises linearly to the last
 * block: Huang et al. 2016. */
static void draw_drop_path(struct vit_trainer *t, int first, int n)
{
    const int depth = t->model->config.depth;
    const uint64_t key = vit_key(vit_key(t->hyper.seed, DROP_PATH), (uint64_t)t->step);

    if (t->hyper.drop_path <= 0) return;
    for (int block = 0; block < depth; block++) {
        const float rate =
            depth > 1 ? t->hyper.drop_path * (float)block / (float)(depth - 1) : t->hyper.drop_path;
        for (int half = 0; half < 2; half++) {
            const uint64_t row = vit_key(key, (uint64_t)(2 * block + half));
            float *factor = t->session->trace[block].drop[half];
            for (int i = 0; i < n; i++)
                factor[i] = vit_random_uniform(row, (uint64_t)(first + i)) < rate ? 0 : 1 / (1 - rate);
        }
    }
}

/* Of each of n pictures from the first, which patches its blocks see: any so many of them alike likely, by
 * selection sampling, one draw a patch (Knuth, TAOCP 2, 3.4.2, algorithm S). */
static void draw_patches(struct vit_trainer *t, int first, int n)
{
    const uint64_t key = vit_key(vit_key(t->hyper.seed, PATCH_DROP), (uint64_t)t->step);
    const int all = vit_config_patches(&t->model->config), kept = patches_kept(t);

    if (!t->kept) return;
    for (int i = 0; i < n; i++) {
        const uint64_t row = vit_key(key, (uint64_t)(first + i));
        int *to = t->kept + (size_t)i * (size_t)kept, chosen = 0;
        for (int p = 0; chosen < kept; p++)
            if (vit_random_below(row, (uint64_t)p, (uint64_t)(all - p)) < (uint64_t)(kept - chosen))
                to[chosen++] = p;
    }
}

/* One counter runs through the probabilities of the whole batch: the parts of a step draw what it would draw
 * as one. (Its key is folded with a 0 so that runs of one part keep the masks they had.) */
static void draw_attention_drop(struct vit_trainer *t, int first)
{
    const uint64_t key = vit_key(vit_key(t->hyper.seed, ATTENTION_DROP), (uint64_t)t->step);
    const uint64_t tokens = (uint64_t)t->session->tokens, heads = (uint64_t)t->model->config.heads;

    t->session->attn_drop = (struct kern_drop){ .rate = t->hyper.attn_drop,
                                                .key = vit_key(key, 0),
                                                .first = (uint64_t)first * heads * tokens * tokens };
}

static int count_correct(const float *logits, const int *labels, int n, int classes)
{
    int correct = 0, best;

    for (int i = 0; i < n; i++) {
        vit_top(&best, logits + (size_t)i * (size_t)classes, classes, 1);
        correct += best == labels[i];
    }
    return correct;
}

/* Forward and backward of pictures first .. first + n of a batch. */
static void run_part(struct vit_trainer *t, const struct vit_batch *b, int first, int n, struct vit_report *r)
{
    const int classes = t->model->config.classes;
    const struct vit_targets targets = {
        .label = b->labels + first,
        .other = b->other ? b->other + first : NULL,
        .weight = b->other ? b->weight + first : NULL,
        .smoothing = t->hyper.smoothing,
        .teacher = b->teacher ? b->teacher + (size_t)first * (size_t)classes : NULL,
        .share = b->teacher_share,
    };
    struct vit_session *s = t->session;
    const float *logits;

    draw_drop_path(t, first, n);
    draw_attention_drop(t, first);
    draw_patches(t, first, n);
    logits = vit_forward(s, b->planes + (size_t)first * vit_model_input_floats(t->model), n);
    r->loss += vit_cross_entropy(s->ends.dlogits, logits, &targets, n, classes, b->n);
    r->correct += count_correct(logits, targets.label, n, classes);
    vit_session_backward(s, &t->grads->params);
}

static void update_by_muon(struct vit_trainer *t, float factor, float grad_scale)
{
    const struct vit_muon_step p = {
        .lr = t->hyper.muon_lr * factor, .momentum = 0.95f, .decay = t->hyper.decay, .grad_scale = grad_scale
    };

    if (t->matrix_count) vit_muon_update(&t->session->kern, &t->muon, t->matrices, t->matrix_count, &p);
}

static void update(struct vit_trainer *t, float factor, float grad_scale)
{
    const struct vit_hyper *h = &t->hyper;
    struct kern_adamw p = {
        .lr = h->lr * factor, .beta1 = h->beta1, .beta2 = h->beta2, .eps = h->eps, .grad_scale = grad_scale
    };

    p.correct1 = (float)(1 - pow((double)h->beta1, t->step + 1));
    p.correct2 = (float)(1 - pow((double)h->beta2, t->step + 1));
    for (int i = 0; i < t->model->slot_count; i++) {
        const struct vit_slot *s = &t->model->slots[i];
        if (by_muon(t, s)) continue;
        p.decay = s->decay || h->decay_all ? h->decay : 0;
        kern_adamw(&t->session->kern, t->values + s->offset, t->mean + s->offset, t->square + s->offset,
                   t->grads->values + s->offset, s->count, &p);
    }
    update_by_muon(t, factor, grad_scale);
}

/* average = d average + (1 - d) values; the first steps average over what there is. */
static void average(struct vit_trainer *t)
{
    const int lines = (int)(t->floats / VIT_SLOT_ALIGN); /* an int holds them, but not any number of floats */
    const float warm = (1 + (float)t->step) / (10 + (float)t->step);
    const float decay = t->hyper.ema < warm ? t->hyper.ema : warm, rest = 1 - decay;

    if (!t->average) return;
    kern_add(&t->session->kern, t->average, t->average, decay, t->values, &rest, 1, lines, VIT_SLOT_ALIGN);
}

struct step {
    struct vit_trainer *t;
    const struct vit_batch *batch;
    struct vit_report report;
};

static void step(void *arg)
{
    struct step *s = arg;
    struct vit_trainer *t = s->t;
    struct vit_report *r = &s->report;
    const struct vit_hyper *h = &t->hyper;
    const int n = s->batch->n, micro = micro_batch(t);
    const float factor = (float)vit_schedule_factor(h, t->step);
    float scale = 1;

    vit_gradients_zero(t->grads);
    for (int first = 0; first < n; first += micro)
        run_part(t, s->batch, first, n - first < micro ? n - first : micro, r);
    r->lr = (double)(h->lr * factor);
    r->grad_norm = sqrt(kern_sum_squares(&t->session->kern, t->grads->values, t->floats));
    r->finite = isfinite(r->loss) && isfinite(r->grad_norm);
    if (!r->finite) return;
    if (h->clip > 0 && r->grad_norm > (double)h->clip)
        scale = (float)((double)h->clip / (r->grad_norm + 1e-6));
    update(t, factor, scale);
    average(t);
    t->step++;
    vit_model_pack(t->model, &t->session->kern);
}

struct vit_report vit_trainer_step(struct vit_trainer *t, const struct vit_batch *b)
{
    struct step s = { .t = t, .batch = b };

    assert(b->n > 0 && b->n <= t->batch && !t->swapped);
    kern_team_run(&t->session->kern, step, &s);
    return s.report;
}

void vit_trainer_average(struct vit_trainer *t, bool on)
{
    if (!t->average || t->swapped == on) return;
    for (size_t i = 0; i < t->floats; i++) {
        const float other = t->average[i];
        t->average[i] = t->values[i];
        t->values[i] = other;
    }
    t->swapped = on;
    vit_model_pack(t->model, &t->session->kern);
}
