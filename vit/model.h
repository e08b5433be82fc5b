/* model.h - what a model holds; read-only once open, unless trainable. */
#ifndef VIT_MODEL_H
#define VIT_MODEL_H

#include "vit/arena.h"
#include "vit/packed.h"
#include "vit/params.h"

enum { VIT_NOTES = 32 };

struct vit_note {
    bool warning;
    char text[2048]; /* a configuration of eight convolutions fits */
};

struct vit_model {
    struct vit_config config;
    struct patch_recipe recipe;
    struct kern kern;
    enum kern_dtype dtype; /* of the products of stem and blocks (KERN_I8: their matrices); the head is f32 */
    char *path;
    const char *family;
    char **labels; /* (classes) */
    bool has_labels;

    struct weights_file *file;  /* parameters may point into its mapping */
    struct vit_packing packing; /* of that file */
    struct vit_slot *slots;
    int slot_count;
    size_t arena_floats; /* of a full arena of parameters */
    struct vit_params params;
    struct vit_arena values; /* parameters that are not used in place */
    struct vit_arena packed; /* matrices laid out for the kernels */
    struct vit_mats mats;
    const void **ready; /* (matrices): one that is used packed where it lies in the file, and has no values
                         * beside; else NULL */
    float *x_scale;     /* (matrices): fixed, of what an int8 product reads; 0: each row has its own */
    struct kern_pack_job *jobs; /* one a packed form */
    int job_count;
    float *positions; /* (tokens or patches, d) added to the stream; params.pos or a fixed table */
    bool trainable, row_scales;
    bool headless; /* the file has no classifier; until the tensors are looked at: it need not have one */
    int threads;   /* that lay the matrices out where no session does */

    struct vit_note note[VIT_NOTES];
    int notes;
};

/* The parameters as a file of another family, without a configuration; blank (NULL: none) names a token
 * (1, width) of zeros beside them. VIT_ERR_UNSUPPORTED: the family has no tensor like a parameter. */
enum vit_status vit_model_save_as(const struct vit_model *m, const char *path, enum weights_family family,
                                  const char *blank, enum weights_dtype dtype, struct vit_error *err);

/* Say one line about how the model was opened. */
void vit_model_say(struct vit_model *m, bool warning, const char *format, ...) VIT_PRINTF(3, 4);

/* Say which pixels no patch has, where the image is no multiple of one. */
void vit_model_say_border(struct vit_model *m);

/* The slots and the tables of pointers that m->config needs. */
enum vit_status vit_model_make_slots(struct vit_model *m, struct vit_error *err);
/* Memory for the parameters whose bit in copied is set (NULL: all, in one arena), and for the matrices. */
enum vit_status vit_model_carve(struct vit_model *m, const bool *copied, struct vit_error *err);

/* What the products compute in, and the threads, of options. VIT_ERR_ARG: there is no such dtype, or too
 * many threads. */
enum vit_status vit_model_set_options(struct vit_model *m, const struct vit_model_options *o,
                                      struct vit_error *err);
/* Whether a file may be without the parameter: the classifier of a network that has none. Zeros stand for it,
 * and are not written. */
bool vit_model_may_lack(const struct vit_model *m, const struct vit_slot *s);
/* What a file lacks of the tensors that a network needs, and what of its own has no place in it. */
struct vit_tensor_list {
    int count;
    bool cut;
    char text[432]; /* the first of them: "\"head.weight\" [4, 16], ..." */
};
void vit_tensor_list_add(struct vit_tensor_list *l, const char *name, const char *shape);
struct vit_mismatch {
    struct vit_tensor_list missing, unused;
};
/* slots (count): those that m->config needs; all are asked for. blocks: of the unused those of blocks. */
struct vit_mismatch vit_model_mismatch(const struct vit_model *m, const struct vit_slot *slots, int count,
                                       struct weights_view *v, bool blocks);
/* Read the parameters of a configured model; image: run at another size (0: the file's). */
enum vit_status vit_model_load(struct vit_model *m, struct weights_view *view, int image,
                               struct vit_error *err);
/* Lay the matrices out for the kernels again: after opening and after every optimiser step. c: whose threads
 * do it; NULL: m->threads. */
void vit_model_pack(struct vit_model *m, const struct kern_ctx *c);

/* The product that reads the matrix of slot i; false: none does as it is (a norm, a bias, the stem). */
enum { VIT_PRODUCT_QKV, VIT_PRODUCT_PROJ, VIT_PRODUCT_FC1, VIT_PRODUCT_FC2, VIT_BLOCK_PRODUCTS };
struct vit_product {
    int index; /* of the matrix, in ready and x_scale: block after block, then what stands behind them */
    int n, k;
    bool narrow;           /* in the model's dtype; else f32 */
    enum kern_dtype dtype; /* which of both, in this model */
};
bool vit_model_product(const struct vit_model *m, int i, struct vit_product *out);

/* Fix the scale of what matrix index reads; 0: each row has its own. Not while sessions use the model. */
void vit_model_fix_scale(struct vit_model *m, int index, float scale);

/* "blocks.0.attn.qkv.input_scale": the tensor of that scale, of "blocks.0.attn.qkv.weight". */
void vit_scale_name(char *text, size_t size, const char *weight);

/* "class_0", "class_1", ... for config.classes. */
enum vit_status vit_model_default_labels(struct vit_model *m, struct vit_error *err);

/* Point a vit_params at an arena of m->arena_floats floats in the slots' layout. block: (depth), the
 * caller's. */
void vit_params_point(struct vit_params *p, struct vit_block_params *block, const struct vit_model *m,
                      float *arena);

#endif
