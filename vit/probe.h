/* probe.h - what a network does to its stream, its branches and its gradients, block by block, on one batch.
 *
 *     #include <stdio.h>
 *     #include <vit/probe.h>
 *
 *     // The gradient of each block's second matrix of the MLP, of a trainable model and n pictures.
 *     enum vit_status print_gradients(struct vit_model *m, const float *planes, const int *labels, int n,
 *                                     struct vit_error *err)
 *     {
 *         const struct vit_probe_options o = { .pictures = n, .lr = 1e-3f };
 *         struct vit_probe *p;
 *         enum vit_status status = vit_probe_create(&p, m, &o, err);
 *
 *         if (status) return status;
 *         vit_probe_measure(p, planes, labels);
 *         for (int i = 0; i < vit_model_config(m)->depth; i++)
 *             printf("%g\n", vit_probe_block(p, i)->grad[VIT_PROBE_W2]);
 *         vit_probe_close(p);
 *         return VIT_OK;
 *     }
 *
 * The stream x_0 enters the blocks, x_i leaves block i (1-based here). Nothing random is drawn and nothing is
 * dropped: the same model and pictures give the same numbers, for any number of threads. Numbers that do not
 * exist (one token, an overflow) are not finite. */
#ifndef VIT_PROBE_H
#define VIT_PROBE_H

#include "vit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vit_probe_options {
    int pictures; /* of the batch that is measured */
    int batch;    /* computed together, at most; 0: all */
    int threads;  /* 0: physical cores this process may use */
    float lr;     /* of the optimiser's steps */
    int steps;    /* of AdamW without decay on the matrices of the blocks, all on the same batch; 0: 1 */
};

enum vit_probe_matrix {
    VIT_PROBE_Q,
    VIT_PROBE_K,
    VIT_PROBE_V,
    VIT_PROBE_O,
    VIT_PROBE_W1,
    VIT_PROBE_W2,
    VIT_PROBE_MATRICES
};
enum vit_probe_half { VIT_PROBE_ATTN, VIT_PROBE_MLP, VIT_PROBE_HALVES };

struct vit_probe_block {
    double grad[VIT_PROBE_MATRICES]; /* Frobenius norm of the gradient of the batch's mean cross-entropy */

    double middle_rms;                   /* of the stream that the MLP's half starts from */
    double stream_rms;                   /* of x_i: sqrt(mean(x^2)) */
    double stream_max;                   /* largest |x_i| */
    double branch_rms[VIT_PROBE_HALVES]; /* of what is added, scales included */
    double share[VIT_PROBE_HALVES];      /* that over the RMS of what it is added to (DeepNorm: alpha x) */
    double branch_share;                 /* mean of both */

    /* |x_i after one step - x_i| / |x_i| over all tokens: the test of Wang et al. 2022 and Liu et al. 2020 */
    double step_change;
    double steps_change; /* and after all steps */

    double entropy;   /* of attention: mean over heads, queries and pictures of -sum a ln a / ln t */
    double one_hot;   /* share of the heads whose entropy is below 0.1 */
    double max_logit; /* of attention, scaled as the softmax sees it */

    double layer_cosine; /* mean over tokens of cos(x_(i-1), x_i) */
    double token_cosine; /* of x_i: mean over the pairs of different tokens of a picture */
    double rank;         /* of x_i: effective rank of a picture's tokens, mean over pictures */

    const double *head_entropy; /* (heads) */
    const double *angle;        /* (i): mean over tokens of arccos(cos(x_j, x_i)) / pi for j = 0 to i - 1 */
};

/* Of the network as a whole. */
struct vit_probe_network {
    double loss;
    double entry_rms, entry_cosine, entry_rank; /* of x_0 */
    double logits_change, logits_steps_change;  /* as step_change, of the logits */
};

struct vit_probe;
/* m must outlive it. VIT_ERR_ARG: m is not trainable, or an option is out of its range; VIT_ERR_UNSUPPORTED:
 * its stem has batch norm. p keeps the stream of every block for all pictures. */
enum vit_status vit_probe_create(struct vit_probe **out, struct vit_model *m,
                                 const struct vit_probe_options *o, struct vit_error *err);
void vit_probe_close(struct vit_probe *p);
/* planes (pictures, channels, image, image), labels (pictures), in [0, classes). The model is left as it
 * was; its weights change meanwhile, so no other session of it computes then. Cannot fail and allocates
 * nothing. */
void vit_probe_measure(struct vit_probe *p, const float *planes, const int *labels);
/* Of the last measurement; valid until the next. block: 0 to depth - 1. */
const struct vit_probe_block *vit_probe_block(const struct vit_probe *p, int block);
const struct vit_probe_network *vit_probe_network(const struct vit_probe *p);

#ifdef __cplusplus
}
#endif
#endif
