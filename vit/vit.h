/* vit.h - Vision Transformer image classifier.
 *
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *     #include <vit/vit.h>
 *
 *     int main(void)
 *     {
 *         struct vit_error err;
 *         struct vit_model *m;
 *         struct vit_session *s;
 *         int best;
 *
 *         if (vit_model_open(&m, "model.safetensors", NULL, &err)) return puts(err.text);
 *         if (vit_session_create(&s, m, NULL, &err)) return puts(err.text);
 *         float *planes = malloc(vit_model_input_floats(m) * sizeof *planes);
 *         if (!planes) return puts("no memory");
 *         if (vit_read_image(m, "cat.jpg", planes, NULL, &err)) return puts(err.text);
 *         const float *logits = vit_forward(s, planes, 1);
 *         vit_top(&best, logits, vit_model_config(m)->classes, 1);
 *         printf("%s %g\n", vit_model_labels(m)[best], logits[best]);
 *         free(planes);
 *         vit_session_close(s);
 *         vit_model_close(m);
 *     }
 *
 * Threads: a session is used by one thread at a time, a model by any number of sessions at once. What takes a
 * const model or opens one, vit_read_image() and vit_decode_image() too, may be called by any number of
 * threads at once, while nothing changes that model: a step of training, vit_model_take() and what else takes
 * it without const. After fork(), the thread of the child, if it had computed in the parent, computes alone
 * (threads 1, in opening a model too): OpenMP would wait for threads that are gone. A new thread of the child
 * need not.
 *
 * Functions that return enum vit_status leave their output NULL on failure; any of them can fail with
 * VIT_ERR_NOMEM, and with what else is said; err may be NULL; close and free accept NULL. Options are structs
 * where zero means the default, so {0} is right; other pointers may be NULL where it is said. What a comment
 * here rules out is not looked for in a release build; others have asserts. The library never exits, prints
 * or changes process-wide state, but for two things: the OpenBLAS thread count, when the blas kernels are
 * chosen by name (sessions that compute with them at the same time must have one number of threads); and on
 * Linux the permission to use AMX, which the whole process gets where the CPU has it, when kernels are chosen
 * by "auto" or those for it by name. But libgomp, whose threads compute, ends the process when it cannot
 * start one, and jansson 2.14, which reads JSON, may when it gets no memory: its asserts fail. Not promised:
 * the same bits from different kernels or versions.
 *
 * libvit.so exports what is called vit_*. The headers included here give the types that go with it; their
 * own functions (patch_*, weights_*, kern_*) are in libvit.a alone. In C++ a function hides the struct of its
 * name, which needs the word struct there: vit_probe_block, vit_probe_network, kern_adamw, kern_norm,
 * kern_overlay. */
#ifndef VIT_VIT_H
#define VIT_VIT_H

#include "../kernels/kern.h"
#include "../patch/patch.h"
#include "../patch/stem.h"
#include "../weights/weights.h"
#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *vit_version(void); /* "0.1.0" */

/* ---- configuration ---- */

/* Where the normalisation stands; the rows of the table in placement.c define each. */
enum vit_placement {
    VIT_NORM_PRE,
    VIT_NORM_POST,
    VIT_NORM_RES_POST,
    VIT_NORM_SANDWICH,
    VIT_NORM_DEEPNORM,
    VIT_NORM_PRE_POST, /* the Compact-Transformer block */
    VIT_NORM_POST_PRE,
    VIT_NORM_LAYERSCALE,
    VIT_NORM_REZERO,
    VIT_NORM_MIX, /* the first part of the blocks post, the rest pre */
    VIT_PLACEMENTS
};
enum vit_position { VIT_POS_LEARNED, VIT_POS_SINCOS2D, VIT_POS_NONE, VIT_POSITIONS };
enum vit_pool {
    VIT_POOL_CLS,
    VIT_POOL_MEAN,     /* over patch tokens */
    VIT_POOL_SEQ,      /* sequence pooling: softmax-weighted mean over all tokens */
    VIT_POOL_CLS_MEAN, /* DINOv2's classifier: cls and patch mean concatenated */
    VIT_POOLS
};

struct vit_norm_config {
    enum vit_placement placement;
    float mix; /* VIT_NORM_MIX: floor(mix depth + 1e-4) blocks are post: 0.333333 of 12 are 4 */
    enum kern_norm_kind kind;
    float eps;
    bool embed;  /* norm_pre: once more after the embedding (CLIP) */
    bool final;  /* norm: after the last block, before pooling */
    bool pooled; /* fc_norm: after pooling */
    bool qk;     /* q_norm, k_norm in every head */
};

struct vit_config {
    int image, channels; /* pixels a side, colours */
    struct patch_stem stem;
    int width, depth, heads, hidden, classes;
    bool cls, dist; /* class token, distillation token with its own head */
    int registers;
    enum vit_position position;
    bool position_prefix;                    /* learned positions have rows for the prefix tokens too */
    enum weights_resample position_resample; /* how learned positions are brought to another image size */
    enum vit_pool pool;
    int pre_logits; /* width of the tanh layer before the head; 0: none */
    struct vit_norm_config norm;
    enum kern_act act;
    bool glu;            /* gated MLP, act KERN_ACT_SILU: fc1 has 2 hidden rows, gate first */
    bool qkv_bias, bias; /* bias: of proj, fc1, fc2 */
    bool patch_bias;     /* of the patch embedding */
};

const char *vit_placement_name(enum vit_placement p); /* "res-post"; VIT_NORM_MIX: "mix" */
/* "pre", "mix:0.25", ...: sets placement and mix. VIT_ERR_ARG lists the names. */
enum vit_status vit_placement_parse(struct vit_norm_config *n, const char *text, struct vit_error *err);
/* The reverse: "mix:0.25". */
const char *vit_placement_text(const struct vit_norm_config *n, char *text, size_t size);
/* Whether the placement by itself wants a norm after the last block. */
bool vit_placement_final(enum vit_placement p);

/* Whether such a network can be made; where begins the sentence. VIT_ERR_FORMAT: a value is out of its range,
 * or two do not go together. */
enum vit_status vit_config_check(const struct vit_config *c, const char *where, struct vit_error *err);
int vit_config_grid(const struct vit_config *c);   /* patches along a side */
int vit_config_prefix(const struct vit_config *c); /* tokens before the patches */
int vit_config_tokens(const struct vit_config *c);
/* Multiply-adds of one picture in products and attention; norms, activations and pooling are not counted. */
double vit_config_macs(const struct vit_config *c);

/* timm's names of plain ViTs ("vit_base_patch16_224") and our presets. VIT_ERR_ARG lists all presets and
 * sizes; VIT_ERR_FORMAT: a patch or picture size that no such network has, and *c is filled all the same. */
enum vit_status vit_config_preset(struct vit_config *c, const char *name, struct vit_error *err);
const char *vit_config_preset_name(int i); /* NULL past the end */

/* ---- model ---- */

struct vit_model_options {
    const char *kernels;   /* "auto", or overlays by name: "ref+avx2"; NULL: the environment's VIT_KERNELS,
                            * or "auto" */
    const char *placement; /* swap the norm placement at run time; NULL: the file's */
    int final_norm;        /* 0: the file's; 1: on; -1: off */
    int image;             /* run at another image size (positions are resized); 0: the file's. VIT_ERR_ARG:
                            * the network cannot */
    /* Products of stem and blocks; the head and its neighbours are f32. KERN_I8: of the blocks' matrices
     * only, and not with trainable. */
    enum kern_dtype dtype;
    bool row_scales; /* KERN_I8: a scale for each row of activations, even where the file has fixed ones;
                      * always so with another placement */
    bool trainable;  /* parameters in memory of the model's own, ready for a trainer; fixed scales are left
                      * out, and a note says so: they are of what the products read before it */
    bool headless;   /* a file without a classifier opens too (DINOv2, MAE, ...): for its features, or for
                      * vit_model_take(). Its one class has a head of zeros, and a note says so; what it is
                      * saved to has none again */
    int threads;     /* that lay the matrices out; 0: physical cores this process may use */
};

struct vit_model;

/* path: a file (safetensors, npz, pth) or a folder as downloaded from a hub: weights, config.json and perhaps
 * preprocessor_config.json; or "builtin:pre", "builtin:post". What the file does not say is inferred, and
 * vit_model_note tells. o may be NULL. A file must not change while the model is open. VIT_ERR_ARG: an option
 * is out of its range or not for this network, a folder has several models, or path is of no network inside
 * the library; VIT_ERR_IO: what is not there or cannot be read; VIT_ERR_FORMAT: damaged, or tensors and
 * configuration do not go together, or not with the placement asked for; VIT_ERR_UNSUPPORTED: a network or
 * file of another kind, kernels that this build or CPU does not have. */
enum vit_status vit_model_open(struct vit_model **out, const char *path, const struct vit_model_options *o,
                               struct vit_error *err);
/* The same of a safetensors file in memory, which the caller leaves as it is until the model is closed; name:
 * for errors, and vit_model_path. Fails as vit_model_open() does, but never with VIT_ERR_IO. */
enum vit_status vit_model_open_memory(struct vit_model **out, const void *bytes, size_t size,
                                      const char *name, const struct vit_model_options *o,
                                      struct vit_error *err);
void vit_model_close(struct vit_model *m);

const struct vit_config *vit_model_config(const struct vit_model *m);
const struct patch_recipe *vit_model_recipe(const struct vit_model *m);
const char *vit_model_path(const struct vit_model *m);
enum kern_dtype vit_model_dtype(const struct vit_model *m);
const char *vit_model_kernels(const struct vit_model *m); /* "ref+vec+avx2" */
const char *vit_model_family(const struct vit_model *m);  /* "timm", "hf-vit", ... */
const char *const *vit_model_labels(
    const struct vit_model *m); /* (classes); "class_3" where the file has none */
bool vit_model_has_labels(const struct vit_model *m);
/* Name the classes: labels (classes), copied; what vit_model_labels() gave before is no more. Fails with
 * VIT_ERR_ARG where one is not UTF-8, and VIT_ERR_NOMEM; the names are then the old ones. */
enum vit_status vit_model_set_labels(struct vit_model *m, const char *const *labels, struct vit_error *err);
size_t vit_model_parameters(const struct vit_model *m);
size_t vit_model_input_floats(const struct vit_model *m); /* channels image image */
/* Line i of what was inferred, resized or left unused ("x.npz: position embeddings resized from 4x4 to 6x6");
 * NULL past the end. warning (if not NULL): the user should see it without asking. */
const char *vit_model_note(const struct vit_model *m, int i, bool *warning);

/* Parameters in their fixed order, under canonical names. */
struct vit_parameter {
    const char *name;
    int rank, shape[4];
    size_t count;
    bool decay;          /* weight decay applies */
    const float *values; /* last index fastest; NULL: used packed where it lies in the file */
};
int vit_model_parameter_count(const struct vit_model *m);
struct vit_parameter vit_model_parameter(const struct vit_model *m, int i);
/* out (count) = the values of parameter i, packed or not. */
void vit_model_read(const struct vit_model *m, int i, float *out);
/* The kernels that a file's matrices are packed for, "ref+vec+avx2"; NULL: it is an ordinary one. in_place
 * (may be NULL): all are used where they lie, else some were laid out again for the model's kernels. */
const char *vit_model_packed(const struct vit_model *m, bool *in_place);

/* ---- pictures ---- */

/* A picture has three colours: VIT_ERR_UNSUPPORTED for a model of more or fewer channels. To be asked before
 * planes of pictures (3, size, size) are handed to its sessions. */
enum vit_status vit_model_takes_pictures(const struct vit_model *m, struct vit_error *err);
/* planes (channels, image, image): the picture as the model expects it. o: how large it may be, and whether
 * its EXIF orientation counts; NULL: the defaults. VIT_ERR_IO: the file cannot be read; VIT_ERR_FORMAT: no
 * picture, or a damaged one; VIT_ERR_UNSUPPORTED: larger than o allows, a format or kind that is not decoded,
 * or the model takes no pictures. */
enum vit_status vit_read_image(const struct vit_model *m, const char *path, float *planes,
                               const struct patch_decode *o, struct vit_error *err);
/* The same of the bytes of a file, however many; name: for errors. */
enum vit_status vit_decode_image(const struct vit_model *m, const void *bytes, size_t size, const char *name,
                                 float *planes, const struct patch_decode *o, struct vit_error *err);
/* The same of pixels: rgb (height, width, 3). VIT_ERR_ARG: a side is not 1 to PATCH_MAX_SIDE;
 * VIT_ERR_UNSUPPORTED: the model takes no pictures. */
enum vit_status vit_prepare_image(const struct vit_model *m, const unsigned char *rgb, int width, int height,
                                  float *planes, struct vit_error *err);

/* ---- inference ---- */

struct vit_session_options {
    int batch;     /* most pictures a call; 0: 1 */
    int threads;   /* 0: physical cores this process may use; at most VIT_MOST_THREADS */
    bool training; /* keep what the backward needs, which the model must be opened for (trainable) */
};

struct vit_session;
/* m must outlive it. o may be NULL. VIT_ERR_ARG: training without a model for it, more than INT_MAX tokens a
 * batch, or too many threads. */
enum vit_status vit_session_create(struct vit_session **out, const struct vit_model *m,
                                   const struct vit_session_options *o, struct vit_error *err);
void vit_session_close(struct vit_session *s);
size_t vit_session_bytes(const struct vit_session *s);
int vit_session_threads(const struct vit_session *s);
int vit_session_batch(const struct vit_session *s);
/* The memory plan: piece i of the session's allocation; false past the end. */
bool vit_session_piece(const struct vit_session *s, int i, const char **name, size_t *bytes);

/* planes (n, channels, image, image), n <= batch; n 0 (all pictures of a batch failed) does nothing. Returns
 * logits (n, classes), valid until the next call on s. Cannot fail and allocates nothing. A row does not
 * depend on the others of its batch. */
const float *vit_forward(struct vit_session *s, const float *planes, int n);
/* The pooled features of the last forward, (n, vit_features_width(m)): what the head, or the layer
 * before it, saw. */
const float *vit_features(const struct vit_session *s);
int vit_features_width(const struct vit_model *m);

/* ---- looking for what is not a number ---- */

/* Every parameter is finite: VIT_ERR_FORMAT names the first tensor that holds something else, and how
 * often. */
enum vit_status vit_model_check(const struct vit_model *m, struct vit_error *err);

/* Where the forward of one picture first met, or made, an infinity or a NaN. */
struct vit_trouble {
    bool found;
    float value;
    char where[48]; /* "the pixels", "the MLP of block 3", "the head" */
};
/* vit_forward that looks at every value on its way, which takes longer. trouble (n) is written. The logits
 * have the same bits where no branch has a gain (VIT_NORM_LAYERSCALE, VIT_NORM_REZERO) and products are not
 * those of the kernels ref and blas; else they may differ as two orders of the same f32 sums do. */
const float *vit_forward_watched(struct vit_session *s, const float *planes, int n,
                                 struct vit_trouble *trouble);

/* ---- fixed scales of activations, for int8 ---- */

/* By itself an int8 product takes the scale of each row of what it reads from that row. Fixed scales, one a
 * product, are chosen from pictures, and stored by vit_model_save() with WEIGHTS_I8 beside the matrix
 * ("blocks.0.attn.qkv.input_scale", (1)); a model that has them uses them. Whatever kernels compute, what is
 * larger than 127 steps is held there. */
struct vit_calibration;
enum vit_status vit_calibration_create(struct vit_calibration **out, const struct vit_model *m,
                                       struct vit_error *err);
/* A forward of n pictures, as vit_forward() takes them, looked at. s: of a model as deep as m, in f32. */
void vit_calibration_add(struct vit_calibration *c, struct vit_session *s, const float *planes, int n);
/* Fix the scales of m, as deep as that one (no session uses it meanwhile): the largest number that was seen
 * becomes 127. */
void vit_calibration_apply(const struct vit_calibration *c, struct vit_model *m);
void vit_calibration_close(struct vit_calibration *c);
/* Products with a fixed scale, of 4 in each block. */
int vit_model_fixed_scales(const struct vit_model *m);

/* ---- loss and backward (training sessions) ---- */

/* One gradient per parameter, in the model's order. m must outlive it. VIT_ERR_UNSUPPORTED: the stem has
 * batch norm, which is only evaluated (folded into the convolutions), never trained. */
struct vit_gradients;
enum vit_status vit_gradients_create(struct vit_gradients **out, const struct vit_model *m,
                                     struct vit_error *err);
void vit_gradients_close(struct vit_gradients *g);
void vit_gradients_zero(struct vit_gradients *g);
const float *vit_gradients_get(const struct vit_gradients *g, int i); /* of parameter i, in its shape */

/* Mean cross-entropy of the last forward's n pictures, at least 1; its gradient is added to grads. labels
 * (n), in [0, classes). */
double vit_backward(struct vit_session *s, const int *labels, int n, struct vit_gradients *grads);

/* ---- metrics ---- */

/* out (classes) = softmax(logits). */
void vit_softmax(float *out, const float *logits, int classes);
/* index (k) of the k largest, largest first; ties to the lower index. k at most count. */
void vit_top(int *index, const float *values, int count, int k);
/* Wilson score interval for k of n, Wilson 1927; z 1.96 gives 95 %. 0 to 1 for n 0. */
void vit_wilson(double *low, double *high, double k, double n, double z);

struct vit_metrics; /* counts over a data set */
/* VIT_ERR_ARG: no classes. */
enum vit_status vit_metrics_create(struct vit_metrics **out, int classes, struct vit_error *err);
/* logits (n, classes), labels (n). A picture whose label is not in [0, classes) is left out of every count:
 * patch_dataset_label() is -1 where there is none. */
void vit_metrics_add(struct vit_metrics *m, const float *logits, const int *labels, int n);
void vit_metrics_close(struct vit_metrics *m);
size_t vit_metrics_count(const struct vit_metrics *m);
size_t vit_metrics_correct(const struct vit_metrics *m, int k); /* k 1 or 5 */
double vit_metrics_loss(const struct vit_metrics *m);           /* mean cross-entropy, nats */
double vit_metrics_ece(
    const struct vit_metrics *m); /* calibration error, 15 equal bins of confidence (Guo 2017) */
size_t vit_metrics_confusion(const struct vit_metrics *m, int label, int prediction);

#ifdef __cplusplus
}
#endif
#endif
