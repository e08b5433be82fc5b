#include "vit/attention.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vit/session.h"

struct vit_attention {
    const struct vit_model *model;
    struct vit_session *session;
    struct vit_tap tap;

    struct vit_arena arena;
    float *prob;           /* (heads, t, t) of the block under way */
    float *ctx;            /* (t, d): room of the kernel */
    float *mean;           /* (depth, t, t): over heads */
    double *weight;        /* r (t) */
    double *head;          /* (depth, heads, t): the maps */
    double *rollout, *row; /* (t) */
};

/* ---- memory ---- */

static void carve(struct vit_attention *a)
{
    const struct vit_config *c = &a->model->config;
    const size_t t = (size_t)a->session->tokens, depth = (size_t)c->depth, heads = (size_t)c->heads;

    a->prob = vit_arena_take(&a->arena, heads * t, t * sizeof(float));
    a->ctx = vit_arena_take(&a->arena, t, (size_t)c->width * sizeof(float));
    a->mean = vit_arena_take(&a->arena, depth * t, t * sizeof(float));
    a->weight = vit_arena_take(&a->arena, t, sizeof(double));
    a->head = vit_arena_take(&a->arena, depth * heads, t * sizeof(double));
    a->rollout = vit_arena_take(&a->arena, t, sizeof(double));
    a->row = vit_arena_take(&a->arena, t, sizeof(double));
}

static enum vit_status create(struct vit_attention *a, int threads, struct vit_error *err)
{
    const struct vit_session_options o = { .batch = 1, .threads = threads };
    enum vit_status status = vit_session_create(&a->session, a->model, &o, err);

    if (status) return status;
    carve(a);
    status = vit_arena_alloc(&a->arena, "attention maps", err);
    if (!status) carve(a);
    return status;
}

enum vit_status vit_attention_create(struct vit_attention **out, const struct vit_model *m, int threads,
                                     struct vit_error *err)
{
    struct vit_attention *a = calloc(1, sizeof *a);
    enum vit_status status;

    *out = NULL;
    if (!a) return vit_fail(err, VIT_ERR_NOMEM, "attention maps: no memory");
    a->model = m;
    status = create(a, threads, err);
    if (status) {
        vit_attention_close(a);
        return status;
    }
    *out = a;
    return VIT_OK;
}

void vit_attention_close(struct vit_attention *a)
{
    if (!a) return;
    vit_arena_free(&a->arena);
    vit_session_close(a->session);
    free(a);
}

const double *vit_attention_rollout(const struct vit_attention *a)
{
    return a->rollout;
}

static double *head_map(const struct vit_attention *a, int block, int head)
{
    return a->head +
           ((size_t)block * (size_t)a->model->config.heads + (size_t)head) * (size_t)a->session->tokens;
}

const double *vit_attention_head(const struct vit_attention *a, int block, int head)
{
    assert(block >= 0 && block < a->model->config.depth && head >= 0 && head < a->model->config.heads);
    return head_map(a, block, head);
}

/* ---- what the read-out reads ---- */

static void weigh(struct vit_attention *a)
{
    const struct vit_config *c = &a->model->config;
    const int t = a->session->tokens, prefix = vit_config_prefix(c), classes = 1 + c->dist;
    const bool both = c->pool == VIT_POOL_CLS_MEAN;

    for (int i = 0; i < t; i++) a->weight[i] = 0;
    switch (c->pool) {
    case VIT_POOL_CLS:
        for (int i = 0; i < classes; i++) a->weight[i] = 1.0 / classes;
        break;
    case VIT_POOL_SEQ:
        for (int i = 0; i < t; i++) a->weight[i] = (double)a->session->ends.weight[i];
        break;
    default:
        if (both) a->weight[0] = 0.5;
        for (int i = prefix; i < t; i++) a->weight[i] = (both ? 0.5 : 1) / (t - prefix);
        break;
    }
}

/* ---- looking on while a forward runs ---- */

/* The probabilities of a block that has just been computed, once more: inference keeps none. */
static void see(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                const float *stream, const float *branch)
{
    struct vit_attention *a = arg;
    const struct kern_heads heads = vit_block_heads(call);
    const size_t t = (size_t)call->tokens;
    float *mean = a->mean + (size_t)call->block * t * t;

    (void)stream;
    (void)branch;
    if (step->op != VIT_OP_END) return;
    kern_attend(call->kern, call->mats->qkv.dtype, a->ctx, a->prob, vit_block_attention(call)->qkv_normed,
                &heads, NULL);
    memset(mean, 0, t * t * sizeof *mean);
    for (int h = 0; h < heads.h; h++) {
        const float *prob = a->prob + (size_t)h * t * t;
        double *map = head_map(a, call->block, h);

        for (size_t j = 0; j < t; j++) map[j] = 0;
        for (size_t i = 0; i < t; i++)
            for (size_t j = 0; j < t; j++) map[j] += a->weight[i] * (double)prob[i * t + j];
        for (size_t i = 0; i < t * t; i++) mean[i] += prob[i] / (float)heads.h;
    }
}

/* rollout = rollout R_b. */
static void roll(struct vit_attention *a, int block)
{
    const double residual = 0.5; /* Abnar & Zuidema 2020: A = 0.5 W + 0.5 I */
    const size_t t = (size_t)a->session->tokens;
    const float *mean = a->mean + (size_t)block * t * t;

    for (size_t j = 0; j < t; j++) a->row[j] = 0;
    for (size_t i = 0; i < t; i++) {
        double sum = residual, share;
        for (size_t j = 0; j < t; j++) sum += (1 - residual) * (double)mean[i * t + j];
        share = a->rollout[i] / sum;
        a->row[i] += share * residual;
        for (size_t j = 0; j < t; j++) a->row[j] += share * (1 - residual) * (double)mean[i * t + j];
    }
    memcpy(a->rollout, a->row, t * sizeof *a->rollout);
}

const float *vit_attention_forward(struct vit_attention *a, const float *planes)
{
    const struct vit_config *c = &a->model->config;
    const float *logits;

    /* Sequence pooling weighs the tokens by what they are in the end: once more to know that before. */
    if (c->pool == VIT_POOL_SEQ) vit_forward(a->session, planes, 1);
    weigh(a);
    a->tap = (struct vit_tap){ see, a };
    a->session->tap = &a->tap;
    logits = vit_forward(a->session, planes, 1);
    a->session->tap = NULL;
    memcpy(a->rollout, a->weight, (size_t)a->session->tokens * sizeof *a->rollout);
    for (int block = c->depth - 1; block >= 0; block--) roll(a, block);
    return logits;
}
