/* attention.h - which tokens of a picture a network's answer comes from, as its attention tells.
 *
 *     #include <stdio.h>
 *     #include <vit/attention.h>
 *
 *     // The share of each patch of a picture, row by row.
 *     enum vit_status print_map(const struct vit_model *m, const float *planes, struct vit_error *err)
 *     {
 *         const struct vit_config *c = vit_model_config(m);
 *         const int grid = vit_config_grid(c);
 *         struct vit_attention *a;
 *         enum vit_status status = vit_attention_create(&a, m, 0, err);
 *
 *         if (status) return status;
 *         vit_attention_forward(a, planes);
 *         const double *map = vit_attention_rollout(a) + vit_config_prefix(c);
 *         for (int i = 0; i < grid * grid; i++) printf("%g%c", map[i], (i + 1) % grid ? ' ' : '\n');
 *         vit_attention_close(a);
 *         return VIT_OK;
 *     }
 *
 * A_bh (t, t) is the softmax of head h in block b: row i says how token i reads the tokens. The classifier
 * reads the tokens that leave the last block with the weights r (t), which add up to one:
 *   cls       1 for the class token; with a distillation token, whose head is averaged with it, 1/2 each
 *   mean      the same for every patch, 0 for tokens in front of them
 *   seq       sequence pooling's softmax for this picture (Hassani et al. 2021)
 *   cls+mean  1/2 for the class token, 1/2 over the patches (DINOv2 concatenates the two)
 *
 * A map of a head is r A_bh: of class pooling the row of the class token, of mean pooling the mean of the
 * rows. The rollout is r R_L ... R_2 R_1 with R_b = (mean over heads of A_bh + I) / 2, rows divided by their
 * sum: Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", section 3. The half for I stands
 * for the residual connection whatever the placement of the norms weighs it with; values, MLPs and norms do
 * not enter. Attention is where a network looks, not why it answers. */
#ifndef VIT_ATTENTION_H
#define VIT_ATTENTION_H

#include "vit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vit_attention;
/* m must outlive it. threads 0: physical cores this process may use. Memory: one matrix (t, t) for each block
 * and each head of one block. VIT_ERR_ARG: threads below 0 or too many. */
enum vit_status vit_attention_create(struct vit_attention **out, const struct vit_model *m, int threads,
                                     struct vit_error *err);
void vit_attention_close(struct vit_attention *a);
/* planes (channels, image, image). Returns logits (classes), those of vit_forward as vit_forward_watched has
 * them; valid until the next call, as are the maps. Cannot fail and allocates nothing. */
const float *vit_attention_forward(struct vit_attention *a, const float *planes);
/* (t) = (vit_config_tokens), not negative, of sum one: vit_config_prefix tokens in front, then the patches
 * row by row. Values that are not finite come from a network that has them. */
const double *vit_attention_rollout(const struct vit_attention *a);
const double *vit_attention_head(const struct vit_attention *a, int block, int head); /* both from 0 */

#ifdef __cplusplus
}
#endif
#endif
