/* params.h - the parameters of a model: one list of slots, from which everything else is derived.
 *
 * A struct vit_params is pointers only: values and gradients are two of them over two arenas of the same
 * layout, which an optimiser's moments have too. The slots are the only place that knows names, shapes and
 * order, and what is particular to one parameter, so that nobody asks for its name: they measure and carve,
 * initialise, load and check a file, save, decide on weight decay, and name the tensor when something is
 * wrong. What looks into a file before there is a configuration (infer.c) has its own names to look for. */
#ifndef VIT_PARAMS_H
#define VIT_PARAMS_H

#include "vit/vit.h"

struct vit_norm_params {
    float *gain, *bias; /* (d) */
    float *alpha;       /* (1), DyT */
};
struct vit_linear_params {
    float *weight; /* (n, k) */
    float *bias;   /* (n) or NULL */
};

struct vit_block_params {
    struct vit_norm_params
        norm[4];                  /* norm1, norm2, norm1_out, norm2_out; NULL where the placement has none */
    struct vit_norm_params qk[2]; /* (e) */
    struct vit_linear_params qkv, proj, fc1, fc2;
    float *scale[2]; /* ls1.gamma, ls2.gamma: (d) or (1) */
};

struct vit_params {
    float *stem[PATCH_STEM_TENSORS];
    float *cls, *dist, *reg; /* (d), (d), (registers, d) */
    float *pos;              /* (tokens or patches, d); NULL: not learned */
    struct vit_norm_params norm_pre, norm, fc_norm;
    struct vit_linear_params attention_pool, pre_logits, head, head_dist;
    struct vit_block_params *block; /* (depth) */
};

enum { VIT_SLOT_ALIGN = 16 }; /* floats, 64 bytes: slots begin on it, and an arena of them is whole ones */

/* What a parameter begins as. */
enum vit_start {
    VIT_START_ZERO,
    VIT_START_MATRIX, /* as the initialisation draws matrices */
    VIT_START_CONV,   /* of the stem, in front of an activation */
    VIT_START_PATCH,  /* of the stem: the patch embedding or the projection */
    VIT_START_TOKEN,
    VIT_START_POSITION,
    VIT_START_GAIN,  /* of a norm; running variances, too */
    VIT_START_ALPHA, /* of DyT */
    VIT_START_SCALE  /* of a branch */
};

struct vit_slot {
    char name[64]; /* canonical */
    size_t field;  /* of the pointer: in struct vit_params, or in vit_block_params for block >= 0 */
    int block;     /* -1: not of a block */
    int rank, shape[4];
    size_t count;  /* elements */
    size_t offset; /* floats from the start of an arena of parameters, a multiple of VIT_SLOT_ALIGN */
    enum vit_start start;
    int parts;   /* one after the other along the first axis: 3 where q, k and v lie in one, else 1 */
    bool head;   /* of the classifier, which a network may be without */
    bool decay;  /* weight decay applies: matrices only */
    bool buffer; /* stored, never trained: running statistics */
};

/* The slots of a configuration in their fixed order; *total floats of an arena that holds them all.
 * Returns the number; slots may be NULL to count. */
int vit_slots(struct vit_slot *slots, const struct vit_config *c, size_t *total);

/* Whether the slots wanted are all among those lent, by name and shape, but that MLPs may want more hidden
 * units; without the head's, if it is drawn. VIT_ERR_ARG: one is not; path is whose the lent ones are. */
enum vit_status vit_slots_lent(const struct vit_slot *wanted, int count, const struct vit_slot *lent,
                               int lent_count, bool drawn_head, const char *path, struct vit_error *err);

/* The pointer of a slot in p. */
float **vit_slot_pointer(struct vit_params *p, const struct vit_slot *s);

/* "[144, 48]" */
const char *vit_slot_shape_text(const struct vit_slot *s, char *text, size_t size);
/* The shape that each of parts tensors of a file has which together are the slot. */
const char *vit_slot_part_text(const struct vit_slot *s, const struct vit_config *c,
                               enum weights_layout layout, int parts, char *text, size_t size);

/* ---- as the kernels take them ---- */

/* A norm, and m rows of d for it. */
struct kern_norm vit_norm_of(const struct vit_config *c, const struct vit_norm_params *p);
struct kern_rows vit_rows_of(int m, int d);

struct vit_block_mats {
    struct kern_mat qkv, proj, fc1, fc2;
};
struct vit_mats {
    struct vit_block_mats *block; /* (depth) */
    struct kern_mat pre_logits, head, head_dist;
    struct patch_stem_packed stem;
};

#endif
