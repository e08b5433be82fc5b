/* loss.h - softmax cross-entropy with label smoothing and mixed labels. */
#ifndef VIT_LOSS_H
#define VIT_LOSS_H

#include "vit/arena.h"
#include "vit/params.h"

/* What a batch should have been: q = weight onehot(label) + (1 - weight) onehot(other), then smoothed to
 * (1 - e) q + e / classes (PyTorch's and timm's convention). */
struct vit_targets {
    const int *label;    /* (n) */
    const int *other;    /* (n) or NULL: not mixed */
    const float *weight; /* (n), of label; read only when other is set */
    float smoothing;     /* e */
};

/* Sum over n pictures of the cross-entropy in nats, divided by total (the batch they are a part of);
 * dlogits (n, classes) = (softmax - q) / total, or NULL. Summed in double. */
double vit_cross_entropy(float *dlogits, const float *logits, const struct vit_targets *t, int n, int classes,
                         int total);

/* Gradients of all parameters, laid out as the parameters are. */
struct vit_gradients {
    struct vit_arena arena;
    float *values; /* (floats) */
    size_t floats;
    struct vit_params params;
    struct vit_block_params *block;
    const struct vit_slot *slots;
    int slot_count;
};

#endif
