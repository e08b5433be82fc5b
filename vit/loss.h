/* loss.h - softmax cross-entropy with label smoothing, mixed labels and the answers of another network. */
#ifndef VIT_LOSS_H
#define VIT_LOSS_H

/* What a batch should have been: q = weight onehot(label) + (1 - weight) onehot(other), then smoothed to
 * (1 - e) q + e / classes (PyTorch's and timm's convention), then, with a teacher, (1 - share) q + share
 * teacher: Hinton, Vinyals and Dean 2015, at temperature 1. */
struct vit_targets {
    const int *label;     /* (n), in [0, classes) */
    const int *other;     /* (n), the same, or NULL: not mixed */
    const float *weight;  /* (n), of label; read only when other is set */
    float smoothing;      /* e */
    const float *teacher; /* (n, classes), probabilities, or NULL: none */
    float share;          /* read only when teacher is set */
};

/* Sum over n pictures of the cross-entropy in nats, divided by total (the batch they are a part of);
 * dlogits (n, classes) = (softmax - q) / total, or NULL. Summed in double. */
double vit_cross_entropy(float *dlogits, const float *logits, const struct vit_targets *t, int n, int classes,
                         int total);

#endif
