/* block.h - one transformer block as a table of steps; forward reads it down, backward up. */
#ifndef VIT_BLOCK_H
#define VIT_BLOCK_H

#include "vit/params.h"
#include "vit/vit.h"

/* A block moves two values of (m, d) numbers each: the residual stream and the branch beside it.
 *
 *   FORK          branch = stream                     ATTN   branch = attention(branch)
 *   JOIN          stream = stream + branch            MLP    branch = mlp(branch)
 *   JOIN_ALPHA    stream = alpha stream + branch      NORM_BRANCH, NORM_STREAM   norm of the named value
 *   SCALE_BRANCH  branch = ls branch (learned vector or scalar)                                       */
enum vit_op {
    VIT_OP_END,
    VIT_OP_FORK,
    VIT_OP_JOIN,
    VIT_OP_JOIN_ALPHA,
    VIT_OP_ATTN,
    VIT_OP_MLP,
    VIT_OP_NORM_BRANCH,
    VIT_OP_NORM_STREAM,
    VIT_OP_SCALE_BRANCH,
    VIT_OPS
};

/* Whether the step ends a branch. */
static inline bool vit_op_joins(enum vit_op op)
{
    return op == VIT_OP_JOIN || op == VIT_OP_JOIN_ALPHA;
}

enum { VIT_STEPS = 12, VIT_NORMS = 4 };

struct vit_step {
    enum vit_op op;
    int index; /* which norm (norm1, norm2, norm1_out, norm2_out) or scale (ls1, ls2) */
};

/* The steps of one block of a model; ends with VIT_OP_END. */
const struct vit_step *vit_block_steps(const struct vit_norm_config *n, int block, int depth);
/* Whether that block's steps use norm or scale index. */
bool vit_block_has(const struct vit_norm_config *n, int block, int depth, enum vit_op op, int index);
/* Whether that block's norm index stands on the output of a branch, behind ATTN or MLP. */
bool vit_block_norm_is_output(const struct vit_norm_config *n, int block, int depth, int index);
/* Whether the placement scales branches by one number, which begins as 0 (ReZero). */
bool vit_placement_scalar_scale(const struct vit_norm_config *n);
/* Elements of ls1.gamma: width, or 1 of a scalar. */
int vit_placement_scale_size(const struct vit_norm_config *n, int width);
/* DeepNorm's factor of the stream, (2 depth)^(1/4): Wang et al. 2022, encoder only. */
float vit_placement_alpha(int depth);

/* What a step leaves for the backward. */
struct vit_step_trace {
    const float *in;   /* the value the step read */
    float *out;        /* (m, d): the value it wrote; NULL: it went to the stream or a shared branch */
    float *stat;       /* norms: (m, 2) */
    float *qkv;        /* ATTN: (m, 3d) */
    float *qkv_normed; /* ATTN with q/k norm: (m, 3d), else qkv itself */
    float *qk_stat[2]; /* (m h, 2) each */
    float *prob;       /* ATTN: (b, h, t, t); NULL in inference */
    float *ctx;        /* ATTN: (m, d) */
    float *up;         /* MLP: (m, fc1 rows), before the activation */
};
struct vit_block_trace {
    struct vit_step_trace step[VIT_STEPS];
    float *drop[2]; /* (batch) factor of the branch of each image: stochastic depth, lent by the trainer that
                     * draws them; NULL: off */
};

/* Buffers that all blocks share. */
struct vit_block_scratch {
    float *branch[2]; /* (m, d): branch values nobody reads again */
    float *wide[2];   /* (m, max(3d, fc1 rows)) */
    float *hid;       /* (m, hidden) */
    float *dbranch;   /* backward: (m, d) */
};

struct vit_block_call;

/* Someone who looks on while a forward walks its tables, and changes nothing: see is called in front of every
 * step, and once with VIT_OP_END, with the values that the step will read (branch is NULL in front of the
 * first FORK). What a step left for the backward is in call->trace. Products are then not fused with their
 * JOIN, so that every branch exists by itself: a gain in between is rounded apart from the sum, where the
 * epilogue of a product may round both at once. */
struct vit_tap {
    void (*see)(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                const float *stream, const float *branch);
    void *arg;
};

struct vit_block_call {
    const struct vit_config *config;
    const struct kern_ctx *kern;
    const struct vit_block_params *params;
    const struct vit_block_mats *mats;
    struct vit_block_trace *trace;
    const struct vit_block_scratch *scratch;
    int block, n, tokens; /* which block, pictures, tokens of each */
    struct kern_drop attn_drop;
    const struct vit_tap *tap; /* NULL: nobody looks */
    bool training;
};

/* For those who look on: the shape of the block's attention, and what its step left. */
struct kern_heads vit_block_heads(const struct vit_block_call *call);
const struct vit_step_trace *vit_block_attention(const struct vit_block_call *call);

/* What memory is reserved for. */
struct vit_extent {
    int batch, tokens; /* pictures at most, tokens of each */
    bool training;
};
/* Reserve the trace of one block; in inference every block carves the same one. */
void vit_block_trace_carve(struct vit_block_trace *t, struct vit_arena *a, const struct vit_config *c,
                           int block, const struct vit_extent *e);
void vit_block_scratch_carve(struct vit_block_scratch *s, struct vit_arena *a, const struct vit_config *c,
                             const struct vit_extent *e);

/* stream (n tokens, d) in; returns the stream after the block: the same buffer in inference, one of the
 * trace's in training. */
float *vit_block_forward(const struct vit_block_call *call, float *stream);
/* dstream (n tokens, d): the gradient after the block becomes the gradient before it; parameter
 * gradients accumulate into grads. */
void vit_block_backward(const struct vit_block_call *call, const struct vit_block_params *grads,
                        float *dstream);

#endif
