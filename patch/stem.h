/* stem.h - from normalised planes to patch tokens, forward and backward.
 *
 * Two kinds: one patch embedding (a linear layer over the pixels of a patch), or a list
 * of convolution layers with optional batch norm (folded when a model is opened), an
 * activation, optional max pooling, and an optional 1x1 projection to the width. */
#ifndef VIT_PATCH_STEM_H
#define VIT_PATCH_STEM_H

#include "../kernels/kern.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vit_arena; /* vit/arena.h */

enum { PATCH_STEM_LAYERS = 8 };

struct patch_conv {
    int out, kernel, stride, padding;
    bool bias, batch_norm; /* batch norm: eps 1e-5 */
    enum kern_act act;
    struct {
        int kernel, stride, padding; /* kernel 0: no pooling */
    } pool;
};

struct patch_stem {
    int patch;  /* side of a patch in pixels; 0: convolution layers */
    int layers; /* of conv */
    struct patch_conv conv[PATCH_STEM_LAYERS];
    bool project; /* a 1x1 convolution with bias to the width after the layers */
};

/* What a tensor of a stem is to what goes through it. */
enum patch_stem_role {
    PATCH_STEM_OFFSET, /* added or subtracted: biases, running means */
    PATCH_STEM_FACTOR, /* multiplies or divides: gains, running variances */
    PATCH_STEM_CONV,   /* the matrix of a layer, in front of its activation */
    PATCH_STEM_PROJ,   /* that of the patch embedding or the projection */
    PATCH_STEM_ROLES
};

/* One stored tensor of a stem, under its canonical name, as files hold it. */
enum { PATCH_STEM_TENSORS = 6 * PATCH_STEM_LAYERS + 2 };
struct patch_stem_tensor {
    char
        name[48]; /* patch_embed.proj.weight, patch_embed.conv.0.weight, patch_embed.bn.0.running_mean, ... */
    int rank, shape[4];
    enum patch_stem_role role;
    bool decay;  /* a matrix: weight decay applies */
    bool buffer; /* running statistics: stored, not trained */
};

/* The tensors of a stem in their fixed order; returns how many. channels: of the picture.
 * patch_bias: whether the patch embedding has a bias (CLIP has none). */
int patch_stem_tensors(const struct patch_stem *s, int channels, int width, bool patch_bias,
                       struct patch_stem_tensor out[PATCH_STEM_TENSORS]);

/* Patches along a side of a square picture of image pixels; 0 when nothing is left of it. */
int patch_stem_grid(const struct patch_stem *s, int image);

/* Multiply-adds of one picture. */
double patch_stem_macs(const struct patch_stem *s, int channels, int image, int width);

/* Whether the description can be computed: ranges, channels that end at width. where names the
 * file in the error. */
enum vit_status patch_stem_check(const struct patch_stem *s, int channels, int image, int width,
                                 const char *where, struct vit_error *err);

/* Weights as the forward takes them: batch norm folded, convolution weights reordered to
 * (out, row, column, channel), packed for the kernels. */
struct patch_stem_packed {
    struct kern_mat mat[PATCH_STEM_LAYERS + 1]; /* layers, then the projection; or the patch embedding at 0 */
    const float *bias[PATCH_STEM_LAYERS + 1];   /* or NULL */
    float *own[PATCH_STEM_LAYERS + 1];          /* reordered copies the mats point into; NULL: the file's */
    float *own_bias[PATCH_STEM_LAYERS + 1];     /* of folded layers */
    void *room[PATCH_STEM_LAYERS + 1][2];       /* kern_pack's output for linear and linear_dx; NULL: none */
};

/* Carve what packing needs from an arena (twice, as vit/arena.h says). dtype: what the products compute
 * in. */
void patch_stem_packed_carve(struct patch_stem_packed *p, struct vit_arena *a, const struct patch_stem *s,
                             int channels, int width, const struct kern *k, enum kern_dtype dtype,
                             bool training);

/* Fill a carved p from tensors in the order of patch_stem_tensors; called again after every optimiser
 * step. A patch embedding always has two entries, NULL for a bias it does not have. The f32 weights of
 * the patch embedding and of the projection are used in place: tensors must outlive p. */
void patch_stem_pack(struct patch_stem_packed *p, const struct patch_stem *s, int channels,
                     const struct kern *k, const float *const *tensors);

/* Buffers of one forward of batch pictures, and what the backward needs. Convolution layers run
 * over a few pictures at a time, so that the columns stay in cache. */
struct patch_stem_trace {
    int image, channels, width, batch;
    int chunk; /* pictures that go through the stem together */
    bool training;
    float *rows;                     /* patchify of the batch (training) or of a chunk */
    float *cols;                     /* im2col of a chunk */
    float *input;                    /* the batch, channels last (training), or a chunk */
    float *pre[PATCH_STEM_LAYERS];   /* before the activation (training) */
    float *act[PATCH_STEM_LAYERS];   /* after it, before pooling; NULL: written to the tokens */
    float *out[PATCH_STEM_LAYERS];   /* after pooling, act itself without; NULL: written to the tokens */
    uint8_t *arg[PATCH_STEM_LAYERS]; /* winners of the pooling (training) */
    float *grad[2];                  /* gradients of a chunk: before and after a layer's product */
    float *dw[PATCH_STEM_LAYERS];    /* weight gradients as (out, row, column, channel) */
};
void patch_stem_trace_carve(struct patch_stem_trace *t, struct vit_arena *a, const struct patch_stem *s,
                            int channels, int image, int width, int batch, bool training);

/* Largest k, n and m of the stem's products, for kern_limits (fields are raised, never lowered). */
void patch_stem_limits(struct kern_limits *limits, const struct patch_stem *s, int channels, int image,
                       int width, int batch);

/* tokens (n, grid grid, width) = stem(planes (n, channels, image, image)), patches in row-major order.
 * n <= batch of the trace. Batch norm as folded (evaluation mode). */
void patch_stem_forward(const struct kern_ctx *c, float *tokens, const float *planes,
                        const struct patch_stem *s, const struct patch_stem_packed *p,
                        struct patch_stem_trace *t, int n);

/* Gradients of the tensors, in the order of patch_stem_tensors, += ; NULL: a bias that the patch embedding
 * does not have. From dtokens (n, grid grid, width) and the trace of the last forward (training), whose
 * activations stay as they are. With batch norm they are those of the folded weights: vit_gradients_create()
 * refuses such a stem. */
void patch_stem_backward(const struct kern_ctx *c, float *const *dtensors, const float *dtokens,
                         const struct patch_stem *s, const struct patch_stem_packed *p,
                         struct patch_stem_trace *t, int n);

#ifdef __cplusplus
}
#endif
#endif
