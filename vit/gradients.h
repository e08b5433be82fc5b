/* gradients.h - what a backward adds up: a number for each parameter. */
#ifndef VIT_GRADIENTS_H
#define VIT_GRADIENTS_H

#include "vit/arena.h"
#include "vit/params.h"

/* Laid out as the parameters are. */
struct vit_gradients {
    struct vit_arena arena;
    float *values; /* (floats) */
    size_t floats;
    struct vit_params params;
    struct vit_block_params *block;
    const struct vit_slot *slots;
    int slot_count;
};

/* VIT_ERR_UNSUPPORTED: the stem has batch norm. patch_stem_pack() folds it into the convolutions, and what
 * the backward gives for them is of the folded weights, not of the model's tensors. */
enum vit_status vit_gradients_check(const struct vit_model *m, struct vit_error *err);
/* vit_gradients_create() for any model: with batch norm in the stem those of the blocks, the read-out and the
 * tokens are right, those of the stem are not. */
enum vit_status vit_gradients_create_any(struct vit_gradients **out, const struct vit_model *m,
                                         struct vit_error *err);

#endif
