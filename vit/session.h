/* session.h - the memory and the state of one stream of calls. */
#ifndef VIT_SESSION_H
#define VIT_SESSION_H

#include "vit/arena.h"
#include "vit/block.h"
#include "vit/model.h"

/* Values around the blocks that the backward reads again. */
struct vit_ends {
    float *patches;    /* (batch, g g, d): the stem's output, where tokens stand in front of it */
    float *embedded;   /* (batch, t, d): the stream that enters the blocks (or norm_pre) */
    float *embed_stat; /* of norm_pre */
    float *normed;     /* (batch, t, d) after norm_pre in training */
    float *picked;     /* (batch, 1 or 2, d): class and distillation rows, pool cls */
    float *final;      /* after norm: (batch, 1 or 2, d) for pool cls, else (batch, t, d) */
    float *final_stat;
    float *weight; /* (batch, t): sequence pooling's softmax */
    float *pooled; /* (batch, f) before fc_norm */
    float *pooled_stat;
    float *features;    /* (batch, f): what pre_logits or the head reads */
    float *hidden;      /* (batch, pre_logits): before tanh */
    float *hidden_out;  /* after it */
    float *logits;      /* (batch, classes) */
    float *logits_dist; /* (batch, classes) of the distillation head */
    /* backward only */
    float *dlogits;   /* (batch, classes) */
    float *dfeatures; /* (3, batch, max(f, pre_logits)): features, distillation row, pre_logits */
    float *dstream;   /* (batch, t, d) */
    float *dpatches;  /* (batch, g g, d), where the stream is not the patches */
};

struct vit_piece {
    const char *name;
    size_t bytes;
};
enum { VIT_PIECES = 12 };

struct vit_session {
    const struct vit_model *model;
    int batch, tokens; /* of each picture: those that the blocks see */
    bool training;
    const int *kept; /* (batch, tokens - prefix): which patches these are, ascending; NULL: all. Lent */
    struct kern_ctx kern;
    struct vit_arena arena;
    struct vit_ends ends;
    struct patch_stem_trace stem;
    struct vit_block_scratch scratch;
    struct vit_block_trace *trace; /* (depth) */
    struct kern_drop attn_drop;    /* of this step; the key is folded with the block */
    const struct vit_tap *tap;     /* looks on while the blocks work; NULL: nobody */
    float *stream;                 /* of the last forward: what the blocks gave */
    int n;                         /* pictures of the last forward */
    struct vit_piece piece[VIT_PIECES];
    int pieces;
};

/* vit_session_create for a caller whose blocks see only so many patches of each picture, 1 to all: it lends
 * kept before it calls vit_forward. */
enum vit_status vit_session_create_partial(struct vit_session **out, const struct vit_model *m,
                                           const struct vit_session_options *o, int patches,
                                           struct vit_error *err);

/* The call descriptor of one block. */
struct vit_block_call vit_session_call(const struct vit_session *s, int block, int n);

/* embed.c: from planes to the stream that enters the blocks, and back. */
void vit_ends_carve_embed(struct vit_ends *e, struct vit_arena *a, const struct vit_config *c,
                          const struct vit_extent *x);
float *vit_embed(struct vit_session *s, const float *planes, int n);
void vit_embed_backward(struct vit_session *s, const struct vit_params *grads, float *dstream, int n);

/* readout.c: from the stream to logits, and back. dstream is written. */
void vit_ends_carve_readout(struct vit_ends *e, struct vit_arena *a, const struct vit_config *c,
                            const struct vit_extent *x);
void vit_readout(struct vit_session *s, const float *stream, int n);
void vit_readout_backward(struct vit_session *s, const struct vit_params *grads, const float *stream,
                          float *dstream, int n);

/* backward.c: the gradient of the logits, ends.dlogits, into every parameter of grads; the last
 * forward's n pictures. */
void vit_session_backward(struct vit_session *s, const struct vit_params *grads);

#endif
