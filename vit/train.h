/* train.h - making a model and training it.
 *
 *     #include <vit/train.h>
 *
 *     // n pictures by heart.
 *     enum vit_status learn(const struct vit_config *c, const float *planes, const int *labels, int n,
 *                           struct vit_error *err)
 *     {
 *         const struct vit_init init = { .kind = VIT_INIT_XAVIER, .seed = 1 };
 *         const struct vit_batch batch = { .planes = planes, .labels = labels, .n = n };
 *         struct vit_hyper h = vit_hyper_default();
 *         struct vit_trainer *t = NULL;
 *         struct vit_model *m;
 *         enum vit_status status = vit_model_create(&m, c, NULL, NULL, &init, NULL, err);
 *
 *         h.steps = 100;
 *         if (!status) status = vit_trainer_create(&t, m, &h, n, 0, err);
 *         for (int i = 0; !status && i < h.steps; i++)
 *             if (!vit_trainer_step(t, &batch).finite) break; // diverged: the weights were not touched
 *         if (!status) status = vit_trainer_save(t, "state.safetensors", NULL, err); // to go on from
 *         if (!status) status = vit_model_save(m, "model.safetensors", WEIGHTS_F32, err);
 *         vit_trainer_close(t);
 *         vit_model_close(m);
 *         return status;
 *     }
 *
 * Everything random is a function of (seed, step, image, purpose), never of threads, of the placement or of
 * what happened before: the same seed gives bit-identical weights, masks and results in every arm, and a
 * resumed run continues with the bits it would have had. */
#ifndef VIT_TRAIN_H
#define VIT_TRAIN_H

#include "vit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- new models ---- */

enum vit_init_kind {
    VIT_INIT_XAVIER,  /* uniform +-sqrt(6 / (in + out)) for every matrix, q, k, v one by one; Glorot 2010 */
    VIT_INIT_TRUNC02, /* normal 0.02 cut at two deviations, which leaves one of 0.0176; timm, Hugging Face and
                         CCT cut at an absolute 2, which leaves 0.02 */
    VIT_INITS
};
const char *vit_init_name(enum vit_init_kind kind);
int vit_init_from_name(const char *name); /* -1: unknown */

struct vit_init { /* numbers are finite, scale and position not below 0 */
    enum vit_init_kind kind;
    uint64_t seed;
    float out_gain; /* gain of norms on a branch's output (res-post, sandwich) */
    float scale;    /* initial LayerScale; 0: 0.1 up to 18 blocks, 1e-5 up to 24, 1e-6 deeper */
    float position; /* deviation of learned positions; 0: 0.02 */
    bool zero_head; /* head weights 0 (the JAX ViT); else as the other matrices */
};

/* A trainable model with fresh parameters. The draw of a tensor depends on the seed and its name alone, so
 * arms that share a tensor share its values; DeepNorm multiplies v, proj, fc1, fc2 by (8 depth)^(-1/4)
 * afterwards. Biases 0, gains 1, tokens and positions normal 0.02; all normal draws are cut at two deviations
 * and not widened for it, so that theirs is 0.88 of what is asked for. labels (classes), in UTF-8, may be
 * NULL; recipe NULL: the default; init NULL: all of it zero. Of o (may be NULL) kernels, dtype and threads
 * are read; a model in KERN_I8 is not trainable. VIT_ERR_ARG: c is no network that can be made, the recipe is
 * not for it, a label is not UTF-8, or a value of init or o is out of its range; VIT_ERR_UNSUPPORTED: kernels
 * that this build or CPU does not have, or layers too wide for KERN_I8. */
enum vit_status vit_model_create(struct vit_model **out, const struct vit_config *c,
                                 const struct patch_recipe *recipe, const char *const *labels,
                                 const struct vit_init *init, const struct vit_model_options *o,
                                 struct vit_error *err);
/* Copies the parameters of from, by name: a start that is not drawn. Where both models have labels, the rows
 * of the head are those of the same names, whatever their order; where one has none, they keep their order,
 * and a note says so where it is from. The head stays as it is where the classes differ, in number or by
 * name, or where from has none (headless): a note says so, and whether it is zero or drawn.
 * MLPs of m may have more hidden units than those of from: fc1's rows of the new ones stay as drawn and fc2's
 * columns become zero, so that m answers as from does; a note says so.
 * What else of from has no place in m (blocks beyond its depth, another readout) is left out, and a warning
 * among its notes counts and names it; another one says that m has another number of attention heads.
 * VIT_ERR_ARG: m is not trainable, the MLPs of one of them alone have a gate, or a parameter of m that from
 * lacks or has in another shape; m is then unchanged. No session of m computes meanwhile. */
enum vit_status vit_model_take(struct vit_model *m, const struct vit_model *from, struct vit_error *err);
/* Replaces each parameter of m by the mean of its own and those of with (count), summed in double in that
 * order and rounded once: of networks on one path of training it may answer better than any of them
 * (stochastic weight averaging: Izmailov et al. 2018). VIT_ERR_ARG: m is not trainable, or one of with has
 * another configuration, recipe, or other labels; VIT_ERR_UNSUPPORTED: batch norms, whose running statistics
 * a mean has not; m is then unchanged. No session of m computes meanwhile. */
enum vit_status vit_model_average(struct vit_model *m, const struct vit_model *const *with, int count,
                                  struct vit_error *err);
/* Self-contained safetensors: timm's names, metadata vit.config with labels and preprocessing. No time, path
 * or thread count in it: equal models give equal bytes. dtype: WEIGHTS_F32; WEIGHTS_BF16 (half the size,
 * rounded to nearest); WEIGHTS_I8: the matrices of the blocks as integers, as kern_quantise() makes them of
 * each row, beside their scales (NAME_scale), the rest as f32. config.json is written apart if wanted.
 * VIT_ERR_ARG: another dtype; VIT_ERR_IO: path cannot be written, and what was there is as it was. */
enum vit_status vit_model_save(const struct vit_model *m, const char *path, enum weights_dtype dtype,
                               struct vit_error *err);
/* What holds a model that computes in dtype. */
enum weights_dtype vit_stored_dtype(enum kern_dtype dtype);
/* The same numbers with the matrices laid out as the products of kernels (NULL: as kern_select() has it) take
 * them in dtype: opened by kernels with that layout, the file is used where it lies. VIT_ERR_ARG: these
 * kernels lay out nothing, or have no such name; VIT_ERR_UNSUPPORTED: this build or CPU does not have them;
 * VIT_ERR_IO: path cannot be written. */
enum vit_status vit_model_save_packed(const struct vit_model *m, const char *path, enum kern_dtype dtype,
                                      const char *kernels, struct vit_error *err);
/* A folder for another framework, from which its own code loads the model: model.safetensors under the names
 * of family, config.json, and for Hugging Face preprocessor_config.json. The folder is made; files of these
 * names in it are replaced, or removed where the family has none. dtype: WEIGHTS_F32 or WEIGHTS_BF16.
 * VIT_ERR_ARG: another dtype, or a family that is not written; VIT_ERR_IO: a file or the folder cannot be
 * written; VIT_ERR_UNSUPPORTED: the family has no such model; the sentence names the first setting in the
 * way; or the model has no classifier, which is not written. */
enum vit_status vit_model_export(const struct vit_model *m, const char *folder, enum weights_family family,
                                 enum weights_dtype dtype, struct vit_error *err);
/* What family does otherwise than the model's recipe, and no file of theirs can tell: where its classes round
 * the place of a crop, and that timm's loaders leave EXIF orientations alone (those of Hugging Face turn
 * pictures). A sentence; NULL: nothing. */
const char *vit_export_difference(const struct vit_model *m, enum weights_family family);
/* The families that can be written, i = 0, 1, ...; WEIGHTS_FAMILIES past the end. */
enum weights_family vit_export_family(int i);
/* The text of config.json for a model (free it); NULL when memory runs out. */
char *vit_model_config_text(const struct vit_model *m);

/* ---- hyper-parameters ---- */

enum vit_schedule { VIT_COSINE, VIT_LINEAR, VIT_CONSTANT, VIT_SCHEDULES };
const char *vit_schedule_name(enum vit_schedule s);
int vit_schedule_from_name(const char *name);

enum vit_optimizer {
    VIT_ADAMW,
    VIT_MUON, /* for the matrices of the blocks (Jordan 2024), AdamW for the rest */
    VIT_OPTIMIZERS
};
const char *vit_optimizer_name(enum vit_optimizer o);
int vit_optimizer_from_name(const char *name);

/* To be started from vit_hyper_default(): zero is no default here. */
struct vit_hyper {
    enum vit_optimizer optimizer;
    float lr;                /* peak */
    float muon_lr;           /* peak for Muon's matrices */
    float beta1, beta2, eps; /* AdamW */
    float decay;             /* decoupled, matrices only */
    bool decay_all;          /* on every parameter (the published CCT recipe) */
    float clip;              /* global gradient norm; 0: none */
    float smoothing;         /* of the labels */
    float drop_path;         /* of the last block, rising linearly from 0 */
    float attn_drop;         /* dropout of attention probabilities */
    float patch_drop;        /* share of a picture's patches that a step does without, drawn anew each time */
    float ema;               /* decay of the averaged weights, (1 + step) / (10 + step) at most; 0: none */
    enum vit_schedule schedule;
    float lr_end;      /* where cosine and linear end, as a fraction of the peak */
    int steps, warmup; /* optimiser steps in all, at least 1, and those of linear warm-up from 0, at most all:
                        * then the rate ends at the peak. More may be taken: it stays where it ended */
    int accumulate;    /* micro-batches of one step; 0: 1 */
    uint64_t seed;
};
/* AdamW, cosine to 0, no warm-up, steps 1, accumulate 1: lr 1e-3, muon_lr 0.02, beta1 0.9, beta2 0.98 (not
 * the usual 0.999), eps 1e-8, decay 0.05, clip 1; all else 0. */
struct vit_hyper vit_hyper_default(void);
/* Factor of the peak rate at step (0-based) of a schedule. */
double vit_schedule_factor(const struct vit_hyper *h, int step);

/* Multiply-adds of a picture's forward in training, which patch_drop makes fewer. */
double vit_training_macs(const struct vit_config *c, const struct vit_hyper *h);

/* ---- the trainer ---- */

struct vit_batch {
    const float *planes; /* (n, channels, image, image) */
    const int *labels;   /* (n), in [0, classes) */
    const int *other;    /* (n), the same: second labels of a mixed batch, or NULL */
    const float *weight; /* (n) weight of labels; read only with other */
    int n;               /* 1 to the trainer's batch */
    /* What another network answers, as probabilities (n, classes), or NULL; and its share of what is to be
     * learnt, in [0, 1], of which labels have the rest. */
    const float *teacher;
    float teacher_share; /* read only with teacher */
};
struct vit_report {
    double loss;      /* mean cross-entropy of the batch, with what it should have been */
    double grad_norm; /* before clipping */
    double lr;
    int correct; /* pictures whose largest logit is labels[i] */
    bool finite; /* false: loss or gradient is not; nothing was updated */
};

struct vit_trainer;
/* batch: most pictures of a step; the trainer keeps one session of batch / accumulate, with threads as a
 * session takes them. m, whose parameters are trained where they lie, must outlive it; while they change (a
 * step, resuming, averaging) no other session of m computes. VIT_ERR_ARG: m was not opened for training, a
 * batch below 1, or a hyper-parameter that nothing can be trained with; VIT_ERR_UNSUPPORTED: its stem has
 * batch norm. */
enum vit_status vit_trainer_create(struct vit_trainer **out, struct vit_model *m, const struct vit_hyper *h,
                                   int batch, int threads, struct vit_error *err);
void vit_trainer_close(struct vit_trainer *t);
/* One optimiser step. Cannot fail and allocates nothing. */
struct vit_report vit_trainer_step(struct vit_trainer *t, const struct vit_batch *batch);
int vit_trainer_steps(const struct vit_trainer *t); /* done so far */
size_t vit_trainer_bytes(const struct vit_trainer *t);
/* Put the averaged weights into the model (on), or the trained ones back (off): in between vit_model_save()
 * writes the average, and vit_trainer_step(), vit_trainer_save() and vit_trainer_resume() are not called.
 * Nothing where there is none (ema 0). */
void vit_trainer_average(struct vit_trainer *t, bool on);

/* Everything a continuation needs, atomically. note: the caller's own text (where the data stands) in UTF-8;
 * NULL: "". VIT_ERR_ARG: note is not UTF-8; VIT_ERR_IO: path cannot be written, and what was there is as it
 * was. */
enum vit_status vit_trainer_save(const struct vit_trainer *t, const char *path, const char *note,
                                 struct vit_error *err);
/* The reverse. VIT_ERR_ARG names what differs of hyper-parameters, configuration, the model's dtype or the
 * batch (the last two where the state says: those of the first versions do not); VIT_ERR_IO: path cannot be
 * read; VIT_ERR_FORMAT: no state of a training, or a damaged one; VIT_ERR_UNSUPPORTED: one of another
 * version. The trainer is then unchanged. *note: free it. */
enum vit_status vit_trainer_resume(struct vit_trainer *t, const char *path, char **note,
                                   struct vit_error *err);

#ifdef __cplusplus
}
#endif
#endif
