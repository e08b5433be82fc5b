/* eval.h - a model over a labelled data set (eval_pass.c), and what an evaluation found (filled by
 * cmd_eval.c, printed by eval_report.c). */
#ifndef TOOLS_EVAL_H
#define TOOLS_EVAL_H

#include <jansson.h>

#include "tools/train.h"

/* ---- a pass over a data set ---- */

extern const struct args_group eval_group; /* --data --split --limit --batch ..., for what follows */
struct eval_options {                      /* right after the struct cmd_common of the verb's options */
    const char *data, *split;
    uint64_t limit;
    float held_out; /* 0: whatever the split has */
    int batch;
    bool no_exif;
    uint64_t max_pixels;
    const char *sandbox;
    bool check; /* a picture whose numbers go wrong has failed */
    bool flip;  /* the logits of a picture are the mean of its own and those of its mirror image */
};

/* The labels of d, which lies at path, in the order of the model's classes: matched by name. Of a model
 * without names the order of the data is trusted, with a warning. VIT_ERR_UNSUPPORTED: other classes than
 * its. */
enum vit_status eval_match_labels(struct patch_dataset *d, const struct vit_model *m, const char *path,
                                  const struct cmd_common *o, struct vit_error *err);
/* The same where other classes are no end: both lists are not printed. */
enum vit_status eval_try_labels(struct patch_dataset *d, const struct vit_model *m, const char *path,
                                const struct cmd_common *o, struct vit_error *err);

/* Which pictures of the data set at path. */
struct eval_part {
    const char *path, *split; /* NULL: test; a set without splits has no part but all */
    size_t limit;             /* 0: all, else so many, chosen as in training */
    float held_out;           /* above 0: what vit train --val held_out --limit limit validates on */
};

#define EVAL_HELD_OUT "held-out" /* what such a part is called */

/* Open it. *name: which part it is. VIT_ERR_ARG: nothing can be held out of it, or out of that split;
 * VIT_ERR_UNSUPPORTED: it has no such split. common: warns where all is read unasked, of the training split,
 * and of files that are named again where some are held out; NULL: it does not, as nothing is said of
 * accuracy. out is NULL on failure. */
enum vit_status eval_data_open(struct patch_dataset **out, const char **name, const struct eval_part *part,
                               const struct cmd_common *common, struct vit_error *err);

/* How m is run: {"norm","final_norm","dtype","size","flip"}; NULL: no memory. */
json_t *eval_how(const struct vit_model *m, bool flip);
/* Of which pictures and classes logits are: {"digest","classes"}; digest: train_data_digest_set, names
 * (classes) in the order of the logits. NULL: no memory. */
json_t *eval_pictures(const char *digest, const char *const *names, int classes);

/* A data set whose labels are numbered as the classes of a model. */
struct eval_set {
    struct patch_dataset *data;
    const char *const *names;  /* (classes) the model's, or the data set's where the model has none */
    const char **own;          /* names of the latter kind; owned */
    const char *split;         /* which part it is */
    char digest[TRAIN_DIGEST]; /* of it, the same for every model */
};
/* Returns an exit code; what is wrong has been said, and out is zero. */
int eval_set_open(struct eval_set *out, const struct vit_model *m, const struct eval_options *o,
                  const struct cmd_common *common);
void eval_set_close(struct eval_set *s); /* accepts a zeroed set */

struct eval_pass {
    const struct cmd_common *common;
    const struct eval_options *options;
    const struct vit_model *model;
    const struct patch_dataset *data;
    /* Called for every picture, in order; logits (classes), NULL: it failed, and item->error says why. */
    void (*add)(void *state, const struct patch_item *item, const float *logits);
    void *state;
};
struct eval_seconds {
    double decode, prepare; /* of one worker, added up */
    double forward;
    double total; /* from the first picture to the last */
};
/* Every picture through loader and model; nothing is kept. */
enum vit_status eval_pass(const struct eval_pass *p, struct eval_seconds *seconds, struct vit_error *err);

/* ---- logits that are kept (eval_logits.c): what eval and sweep write, and compare takes for a model ---- */

/* Texts of the metadata; files of older versions lack one or both. */
#define EVAL_HOW_KEY      "vit.run"      /* eval_how(); from vit eval with "model" before it */
#define EVAL_PICTURES_KEY "vit.pictures" /* eval_pictures() */

struct eval_logits {
    float *logits;           /* (room, classes) */
    int64_t *labels, *index; /* (room); index: in the data set */
    size_t n;                /* rows that there are */
    int classes;
};
/* None yet; path: of the file that is to hold them, for the error. Close it in any case. */
enum vit_status eval_logits_open(struct eval_logits *l, const char *path, size_t room, int classes,
                                 struct vit_error *err);
/* n more: logits (n, classes), labels (n), index (n). */
void eval_logits_add(struct eval_logits *l, const float *logits, const int *labels, const size_t *index,
                     int n);
/* how, pictures: taken; NULL: memory ran out. */
enum vit_status eval_logits_write(const struct eval_logits *l, const char *path, json_t *how,
                                  json_t *pictures, struct vit_error *err);
void eval_logits_close(struct eval_logits *l); /* accepts a zeroed one */

#define EVAL_FLIP_WORDS "each with its mirror image: the mean of their logits"

/* ---- a share with its interval ---- */

struct eval_share {
    double value, low, high; /* Wilson's 95 %; NAN without pictures */
};
struct eval_share eval_share_of(size_t k, size_t n);
json_t *eval_interval(double low, double high); /* [low, high]; not finite: null */

/* ---- the result of vit eval ---- */

struct eval {
    const struct cmd_common *common;
    const struct vit_model *model;
    const char *model_name; /* as given */
    const char *path;       /* of the data set */
    struct eval_set set;
    bool flip;
    struct vit_metrics *metrics;
    size_t n, n_failed;
    json_t *failures; /* [{"file","error"}] */
    struct eval_seconds seconds;
};

/* False: stdout is broken or memory ran out. */
bool eval_print_json(const struct eval *e);
void eval_print_text(const struct eval *e);

#endif
