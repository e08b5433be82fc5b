/* The memory of a block. */
#include "vit/arena.h"
#include "vit/block.h"
#include "vit/config.h"

/* What ATTN leaves. The probabilities are kept only for the backward. */
static void carve_attention(struct vit_step_trace *t, struct vit_arena *a, const struct vit_config *c,
                            const struct vit_extent *e)
{
    const size_t d = (size_t)c->width, tokens = (size_t)e->tokens, m = (size_t)e->batch * tokens;

    t->qkv = vit_arena_take(a, m * 3 * d, sizeof(float));
    t->qkv_normed = t->qkv;
    t->ctx = vit_arena_take(a, m * d, sizeof(float));
    if (!e->training) return;
    t->prob = vit_arena_take(a, (size_t)e->batch * (size_t)c->heads * tokens, tokens * sizeof(float));
    if (!c->norm.qk) return;
    t->qkv_normed = vit_arena_take(a, m * 3 * d, sizeof(float));
    for (int i = 0; i < 2; i++) t->qk_stat[i] = vit_arena_take(a, m * (size_t)c->heads * 2, sizeof(float));
}

/* One step's buffers. In training every value that the backward reads has its own; a branch that only
 * a JOIN reads is dead after it and lives in the shared scratch, and so does what is recomputed. */
static void carve_step(struct vit_step_trace *t, struct vit_arena *a, const struct vit_config *c,
                       const struct vit_step *step, const struct vit_extent *e)
{
    const size_t m = (size_t)e->batch * (size_t)e->tokens, d = (size_t)c->width;
    const bool kept = e->training && step->op != VIT_OP_FORK && !vit_op_joins(step[1].op);

    switch (step->op) {
    case VIT_OP_ATTN: carve_attention(t, a, c, e); break;
    case VIT_OP_MLP:
        if (e->training || c->glu) t->up = vit_arena_take(a, m * (size_t)vit_up_rows(c), sizeof(float));
        break;
    case VIT_OP_NORM_BRANCH:
    case VIT_OP_NORM_STREAM:
        if (e->training) t->stat = vit_arena_take(a, m * 2, sizeof(float));
        break;
    default: break;
    }
    t->out = kept ? vit_arena_take(a, m * d, sizeof(float)) : NULL;
}

void vit_block_trace_carve(struct vit_block_trace *t, struct vit_arena *a, const struct vit_config *c,
                           int block, const struct vit_extent *e)
{
    const struct vit_step *steps = vit_block_steps(&c->norm, block, c->depth);

    for (int i = 0; steps[i].op != VIT_OP_END; i++) carve_step(&t->step[i], a, c, &steps[i], e);
}

void vit_block_scratch_carve(struct vit_block_scratch *s, struct vit_arena *a, const struct vit_config *c,
                             const struct vit_extent *e)
{
    const size_t m = (size_t)e->batch * (size_t)e->tokens, d = (size_t)c->width;
    const size_t wide = (size_t)(vit_up_rows(c) > 3 * c->width ? vit_up_rows(c) : 3 * c->width);

    for (int i = 0; i < 2; i++) s->branch[i] = vit_arena_take(a, m * d, sizeof(float));
    s->hid = vit_arena_take(a, m * (size_t)c->hidden, sizeof(float));
    if (!e->training) return;
    for (int i = 0; i < 2; i++) s->wide[i] = vit_arena_take(a, m * wide, sizeof(float));
    s->dbranch = vit_arena_take(a, m * d, sizeof(float));
}
