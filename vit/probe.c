#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/loss.h"
#include "vit/probe_parts.h"
#include "vit/tokens.h"
#include "vit/train.h"

/* ---- memory ---- */

static void carve(struct vit_probe *p)
{
    const struct vit_config *c = &p->model->config;
    const size_t depth = (size_t)c->depth, n = (size_t)p->options.pictures, floats = p->model->arena_floats;
    struct vit_arena *a = &p->arena;

    p->streams = vit_arena_take(a, (depth + 1) * n, stream_floats(p) * sizeof(float));
    p->logits = vit_arena_take(a, n * (size_t)c->classes, sizeof(float));
    p->mean = vit_arena_take(a, floats, sizeof(float));
    p->square = vit_arena_take(a, floats, sizeof(float));
    p->saved = vit_arena_take(a, floats, sizeof(float));
    p->entropy = vit_arena_take(a, depth * (size_t)c->heads, sizeof(double));
    p->angle = vit_arena_take(a, depth * depth, sizeof(double));
    p->work = vit_arena_take(a, vit_tokens_work(p->session->tokens, c->width), sizeof(double));
    p->sums = vit_arena_take(a, depth, sizeof *p->sums);
    p->block = vit_arena_take(a, depth, sizeof *p->block);
}

static enum vit_status create(struct vit_probe *p, struct vit_error *err)
{
    const struct vit_session_options o = { .batch = p->options.batch,
                                           .threads = p->options.threads,
                                           .training = true };
    enum vit_status status = vit_session_create(&p->session, p->model, &o, err);

    if (!status) status = vit_gradients_create_any(&p->grads, p->model, err);
    if (status) return status;
    carve(p);
    status = vit_arena_alloc(&p->arena, "probe", err);
    if (!status) carve(p);
    return status;
}

static enum vit_status check(const struct vit_probe_options *o, struct vit_error *err)
{
    if (o->pictures < 1)
        return vit_fail(err, VIT_ERR_ARG, "probe: %d pictures, expected at least 1", o->pictures);
    if (o->batch < 0)
        return vit_fail(err, VIT_ERR_ARG, "probe: batch must be at least 0, found %d", o->batch);
    if (o->steps < 0)
        return vit_fail(err, VIT_ERR_ARG, "probe: steps must be at least 0, found %d", o->steps);
    if (!(o->lr >= 0 && o->lr <= FLT_MAX))
        return vit_fail(err, VIT_ERR_ARG, "probe: lr must be at least 0 and finite, found %g", (double)o->lr);
    return VIT_OK;
}

enum vit_status vit_probe_create(struct vit_probe **out, struct vit_model *m,
                                 const struct vit_probe_options *o, struct vit_error *err)
{
    enum vit_status status = check(o, err);
    struct vit_probe *p;

    *out = NULL;
    if (status) return status;
    p = calloc(1, sizeof *p);
    if (!p) return vit_fail(err, VIT_ERR_NOMEM, "probe: no memory");
    p->model = m;
    p->options = *o;
    if (!o->batch || o->batch > o->pictures) p->options.batch = o->pictures;
    if (!o->steps) p->options.steps = 1;
    status = create(p, err);
    if (status) {
        vit_probe_close(p);
        return status;
    }
    *out = p;
    return VIT_OK;
}

void vit_probe_close(struct vit_probe *p)
{
    if (!p) return;
    vit_arena_free(&p->arena);
    vit_gradients_close(p->grads);
    vit_session_close(p->session);
    free(p);
}

const struct vit_probe_block *vit_probe_block(const struct vit_probe *p, int block)
{
    assert(block >= 0 && block < p->model->config.depth);
    return &p->block[block];
}

const struct vit_probe_network *vit_probe_network(const struct vit_probe *p)
{
    return &p->network;
}

/* ---- looking on while a forward runs ---- */

static void keep(struct vit_probe *p, int i, const float *stream, int n)
{
    memcpy(stream_at(p, i, p->first), stream, (size_t)n * stream_floats(p) * sizeof *stream);
}

/* Entropies and logits of a block whose attention has just been computed. */
static void see_attention(struct vit_probe *p, const struct vit_block_call *call)
{
    const struct vit_config *c = call->config;
    const struct vit_step_trace *attention = vit_block_attention(call);
    const size_t t = (size_t)call->tokens, d = (size_t)c->width, e = d / (size_t)c->heads;
    double *entropy = p->entropy + (size_t)call->block * (size_t)c->heads;
    struct vit_probe_block *b = &p->block[call->block];

    for (size_t i = 0; i < (size_t)call->n; i++)
        for (size_t h = 0; h < (size_t)c->heads; h++) {
            const float *prob = attention->prob + (i * (size_t)c->heads + h) * t * t;
            const float *q = attention->qkv_normed + i * t * 3 * d + h * e;
            for (size_t row = 0; row < t; row++) entropy[h] += vit_tokens_entropy(prob + row * t, (int)t);
            b->max_logit = vit_tokens_larger(b->max_logit, vit_tokens_logit(q, q + d, (int)t, (int)e, 3 * d));
        }
}

/* The first forward: everything that is not a gradient or a change. */
static void watch(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                  const float *stream, const float *branch)
{
    struct vit_probe *p = arg;
    const struct vit_config *c = call->config;
    const size_t count = (size_t)call->n * stream_floats(p);
    struct vit_probe_sums *s = &p->sums[call->block];
    double alpha = 1;

    if (step == vit_block_steps(&c->norm, call->block, c->depth)) {
        p->half = VIT_PROBE_ATTN;
        if (!call->block) keep(p, 0, stream, call->n);
    }
    switch (step->op) {
    case VIT_OP_FORK:
        if (p->half == VIT_PROBE_MLP) s->middle += vit_tokens_squares(stream, count, NULL);
        break;
    case VIT_OP_JOIN_ALPHA: alpha = (double)vit_placement_alpha(c->depth); /* fall through */
    case VIT_OP_JOIN:
        s->skip[p->half] += alpha * alpha * vit_tokens_squares(stream, count, NULL);
        s->branch[p->half] += vit_tokens_squares(branch, count, NULL);
        p->half++;
        break;
    case VIT_OP_END:
        keep(p, call->block + 1, stream, call->n);
        see_attention(p, call);
        break;
    default: break;
    }
}

/* A forward after a step: how far the streams have moved. */
static void compare(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                    const float *stream, const float *branch)
{
    struct vit_probe *p = arg;
    const float *before = stream_at(p, call->block + 1, p->first);

    (void)branch;
    if (step->op != VIT_OP_END) return;
    p->sums[call->block].changed += vit_tokens_distance(stream, before, (size_t)call->n * stream_floats(p));
}

/* ---- passes over the pictures ---- */

enum want { STREAMS = 1, GRADIENTS = 2, CHANGES = 4 };

/* All pictures through the model as it is now. Returns their mean loss. */
static double pass(struct vit_probe *p, const float *planes, const int *labels, unsigned want)
{
    const struct vit_config *c = &p->model->config;
    const size_t floats = vit_model_input_floats(p->model), classes = (size_t)c->classes;
    const int pictures = p->options.pictures;
    double loss = 0;

    p->tap = (struct vit_tap){ want & STREAMS ? watch : compare, p };
    p->session->tap = want & (STREAMS | CHANGES) ? &p->tap : NULL;
    p->logits_changed = 0;
    for (int i = 0; i < c->depth; i++) p->sums[i].changed = 0;
    if (want & GRADIENTS) vit_gradients_zero(p->grads);
    for (int n; p->first < pictures; p->first += n) {
        const struct vit_targets targets = { .label = labels + p->first };
        float *kept = p->logits + (size_t)p->first * classes;
        n = pictures - p->first < p->options.batch ? pictures - p->first : p->options.batch;

        const float *logits = vit_forward(p->session, planes + (size_t)p->first * floats, n);
        if (want & STREAMS) memcpy(kept, logits, (size_t)n * classes * sizeof *logits);
        if (want & CHANGES) p->logits_changed += vit_tokens_distance(logits, kept, (size_t)n * classes);
        if (!(want & GRADIENTS)) continue;
        loss += vit_cross_entropy(p->session->ends.dlogits, logits, &targets, n, c->classes, pictures);
        vit_session_backward(p->session, &p->grads->params);
    }
    p->first = 0;
    p->session->tap = NULL;
    return loss;
}

/* ---- steps ---- */

/* One step of AdamW without decay; the first moves every weight by lr in the direction of its sign. Only the
 * matrices of the blocks move: what is measured is what the blocks do, the stream enters them as before. */
static void step(struct vit_probe *p, int number)
{
    const struct vit_hyper h = vit_hyper_default();
    const struct kern_adamw adamw = { .lr = p->options.lr,
                                      .beta1 = h.beta1,
                                      .beta2 = h.beta2,
                                      .eps = h.eps,
                                      .correct1 = (float)(1 - pow((double)h.beta1, number)),
                                      .correct2 = (float)(1 - pow((double)h.beta2, number)),
                                      .grad_scale = 1 };

    for (int i = 0; i < p->model->slot_count; i++) {
        const struct vit_slot *s = &p->model->slots[i];
        if (s->block < 0 || !s->decay) continue;
        kern_adamw(&p->session->kern, *vit_slot_pointer(&p->model->params, s), p->mean + s->offset,
                   p->square + s->offset, p->grads->values + s->offset, s->count, &adamw);
    }
    vit_model_pack(p->model, &p->session->kern);
}

static void measure_steps(struct vit_probe *p, const float *planes, const int *labels)
{
    float *values = *vit_slot_pointer(&p->model->params, &p->model->slots[0]); /* all, in the slots' layout */
    const size_t bytes = p->model->arena_floats * sizeof *values;

    memcpy(p->saved, values, bytes);
    memset(p->mean, 0, bytes);
    memset(p->square, 0, bytes);
    for (int i = 1; i <= p->options.steps; i++) {
        const bool last = i == p->options.steps;
        step(p, i);
        pass(p, planes, labels, (i == 1 || last ? CHANGES : 0u) | (last ? 0u : GRADIENTS));
        if (i == 1) vit_probe_finish_changes(p, false);
        if (last) vit_probe_finish_changes(p, true);
    }
    memcpy(values, p->saved, bytes);
    vit_model_pack(p->model, &p->session->kern);
}

void vit_probe_measure(struct vit_probe *p, const float *planes, const int *labels)
{
    const struct vit_config *c = &p->model->config;
    const size_t depth = (size_t)c->depth;

    memset(p->sums, 0, depth * sizeof *p->sums);
    memset(p->entropy, 0, depth * (size_t)c->heads * sizeof *p->entropy);
    for (int i = 0; i < c->depth; i++) p->block[i] = (struct vit_probe_block){ .max_logit = -INFINITY };
    p->network.loss = pass(p, planes, labels, STREAMS | GRADIENTS);
    vit_probe_finish(p);
    measure_steps(p, planes, labels);
}
