/* train.h - one training run: a folder that holds its log, a state to continue from, and in the end a model.
 *
 *   model.safetensors   the weights, their configuration and labels
 *   config.json         the configuration alone
 *   log.jsonl           a line for each epoch, and for every so many steps
 *   state.safetensors   what a continuation needs
 *
 * A run may be killed at any moment: files are replaced whole, and what the log says beyond the saved state
 * is cut off before the run goes on, so that the result is that of a run never interrupted. */
#ifndef TOOLS_TRAIN_H
#define TOOLS_TRAIN_H

#include "tools/recipe.h"

/* The row --checkpoint-every; the target is an int at an offset. */
#define TRAIN_CHECKPOINT_ROW(offset, text)                                                                   \
    {                                                                                                        \
        .name = "checkpoint-every", .kind = ARGS_INT, .at = (offset), .low = 1, .high = 1000000000,          \
        .metavar = "STEPS", .otherwise = "every two minutes", .help = (text)                                 \
    }

/* Exit codes beside those of cmd.h; TRAIN_DEAD, where a job asks for it, is none of the program's. */
enum { TRAIN_DIVERGED = 4, TRAIN_DEAD = 5 };

struct train_data;

struct train_job {
    const struct cmd_common *common;  /* threads, kernels, quiet */
    const struct recipe_texts *texts; /* complete: saved for a continuation */
    struct recipe recipe;             /* the same, parsed */
    const char *data, *out;
    const char *digest;                /* of the data set that out's run began with; NULL: not said */
    const char *cell;                  /* of a sweep; NULL: none */
    bool beside;                       /* other cells are trained meanwhile: lines say which, and no bar */
    const struct train_data *pictures; /* those of data, shared with other runs; NULL: of its own */
    const char *dead_after;            /* when train_dead decides, for train_dead_after; NULL: never */
    int checkpoint_every;              /* steps; 0: every two minutes */
    bool resume;                       /* go on from out's state, if it has one */
    bool replace;                      /* the run that out holds, where it does not go on */
};

struct train_score {
    size_t n; /* pictures; 0: not validated */
    double loss, top1;
};

struct train_result {
    int epochs, steps; /* done */
    int warmup;        /* steps */
    int plateau_step;  /* the first, of those asked, that had left the plateau of chance; 0: none */
    size_t pictures;   /* to learn from */
    int64_t failed;    /* that could not be read, those to validate on too; -1: an older state does not say */
    double train_loss; /* of the last whole epoch; 0 when there is none */
    double seconds;    /* of this process */
    double images_per_second;
    double all_seconds; /* of the steps of all processes, but for what a kill took */
    int64_t all_images;
    struct train_score val; /* the last; when done, of the model that was written */
    char reason[160];       /* of TRAIN_DIVERGED and TRAIN_DEAD */
};

/* Train, or go on. Returns an exit code; what is wrong has been said, but for result->reason. */
int train_run(const struct train_job *job, struct train_result *result);
/* "done", "diverged" or "dead": how a run has ended that returned code. NULL: it has not. */
const char *train_status(int code);

/* ---- when a run has learnt nothing (train_plateau.c) ---- */

/* Loss of ten classes at which a run counts as one that learns, and as dead: what the matched-recipe grid was
 * designed with. They scale with chance. */
#define TRAIN_LEFT_BELOW 2.2
#define TRAIN_DEAD_ABOVE 2.25
/* When that is decided: the grid's 600 of 1950 steps, where a run is longer; a shorter one has had no time to
 * be called dead. */
#define TRAIN_DEAD_SHARE 30 /* per cent of all steps */
#define TRAIN_DEAD_LEAST 600
/* Steps that the running loss looks back on: short beside those 600, long enough that the noise of a batch of
 * 128 (about 0.02 at chance) is far below the 0.05 that decide. */
#define TRAIN_WINDOW 50

/* Chance is ln(classes): the loss of equal probabilities, however labels are smoothed or mixed. running: mean
 * training loss of the last steps. */
/* It has left the plateau. That is no end: what has learnt is for vit report to say. */
bool train_left(double running, int classes);
double train_plateau_dead(int classes);       /* above which a run is on it */
bool train_dead(double running, int classes); /* it is above that */
/* The step to ask at: "N" or "N%" of all steps, 0: never; "auto": TRAIN_DEAD_SHARE, or TRAIN_DEAD_LEAST. */
enum vit_status train_dead_after(int *step, const char *text, int steps, struct vit_error *err);

/* ---- the pictures (train_data.c) ---- */

/* The training split, divided, or with the validation split; the test split is never opened. */
struct train_data {
    struct patch_dataset *training, *held;       /* held: to validate on; NULL: no validation */
    struct patch_feed_store *store, *held_store; /* of them; NULL: not read before they are needed */
    size_t repeats;                              /* how often what was divided into them names a file again */
    struct patch_decode decode;
};
enum { TRAIN_DIGEST = 17 }; /* bytes of one as a text */
/* What r says of limit, validation and decoding. Reads no picture. VIT_ERR_ARG: no picture is left to learn
 * from, or to validate on. */
enum vit_status train_data_open(struct train_data *d, const char *path, const struct recipe *r,
                                struct vit_error *err);
/* Another split of the same data set, limited, its labels renumbered to those of training; the caller closes
 * *out, also after a failure. digest: train_data_digest_set of it; NULL: not wanted.
 * VIT_ERR_UNSUPPORTED: there is none, or it has other classes. */
enum vit_status train_data_open_split(struct patch_dataset **out, char *digest,
                                      const struct patch_dataset *training, const char *path,
                                      enum patch_split split, size_t limit, struct vit_error *err);
/* patch_dataset_digest of the splits wanted, bits, that path has, or of all of a data set without splits, in
 * hexadecimal. */
enum vit_status train_data_digest(char text[TRAIN_DIGEST], const char *path, unsigned wanted,
                                  struct vit_error *err);
/* The same of one set as it was opened and chosen, before its labels are renumbered. */
void train_data_digest_set(char text[TRAIN_DIGEST], const struct patch_dataset *set, const char *path);
/* Those that a run reads. */
unsigned train_data_splits(const struct recipe *r);
/* Whoever made a validation split expects a run to use it. */
void train_data_warn(const struct cmd_common *common, const char *path, const struct recipe *r);
/* Of count pictures, which were divided, repeats name a file again. */
void train_data_warn_repeats(const struct cmd_common *common, const char *path, size_t repeats, size_t count);
/* How d, which is open, was divided; the classes that limiting and dividing left nothing to learn from. */
void train_data_warn_divided(const struct cmd_common *common, const char *path, const struct train_data *d);
/* Decode all pictures for networks that see them as p says, and keep up to cache_bytes of each part. Fails
 * where stop_wanted() comes to hold. */
enum vit_status train_data_read(struct train_data *d, const struct patch_recipe *p, size_t cache_bytes,
                                const struct cmd_common *common, struct vit_error *err);
/* The same for any set. */
enum vit_status train_data_read_set(struct patch_feed_store **out, const struct patch_dataset *set,
                                    const struct patch_recipe *p, const struct patch_decode *decode,
                                    size_t cache_bytes, const struct cmd_common *common,
                                    struct vit_error *err);
void train_data_close(struct train_data *d);

/* A set of pictures to send through a session. */
struct train_visit {
    const struct patch_dataset *data;
    const struct patch_feed_store *store; /* of them; NULL: they are decoded */
    const struct patch_recipe *recipe;
    struct patch_decode decode;
    /* logits (n, classes), labels (n), index (n) in data */
    void (*batch)(void *arg, const float *logits, const int *labels, const size_t *index, int n);
    void (*failed)(void *arg, const struct vit_error *why); /* a picture that is decoded and cannot be read */
    void *arg;
};
/* In the order of the set. Returns an exit code; CMD_INTERRUPTED: not to the end. */
int train_visit(const struct train_visit *v, struct vit_session *s);
struct train_score train_score_of(const struct vit_metrics *m);

/* ---- networks whose answers are learnt too (train_teacher.c) ---- */

struct train_teacher;
struct train_saved;
/* Those that r names, for pictures of data normalised as pictures says; *out NULL: r names none. data NULL:
 * they are asked for no more than their digest.
 * VIT_ERR_UNSUPPORTED: one does not know the classes, or takes other than pictures. */
enum vit_status train_teacher_open(struct train_teacher **out, const struct recipe *r,
                                   const struct patch_dataset *data, const struct patch_recipe *pictures,
                                   const struct cmd_common *common, struct vit_error *err);
/* Whether those that job names are those of the finished run in its folder, which says how large pictures
 * are. */
enum vit_status train_teacher_check(const struct train_job *job, const struct train_saved *saved,
                                    struct vit_error *err);
/* *answer = the mean of theirs to n planes, at most a batch: probabilities (n, classes) of the data set's
 * classes alone, until the next call; NULL where there is no teacher, t NULL. VIT_ERR_FORMAT: one is not
 * finite. */
enum vit_status train_teacher_ask(const float **answer, struct train_teacher *t, const float *planes, int n,
                                  struct vit_error *err);
/* VIT_ERR_ARG: one of them is the model that a run in folder would replace. */
enum vit_status train_teacher_spare(const struct train_teacher *t, const char *folder, struct vit_error *err);
/* Of what they are and of their weights, in hexadecimal. */
const char *train_teacher_digest(const struct train_teacher *t);
/* Multiply-adds of what they answer to a picture; t NULL: none. */
double train_teacher_macs(const struct train_teacher *t);
void train_teacher_close(struct train_teacher *t);

/* ---- what a continuation must agree with (train_again.c) ---- */

/* What a folder says of its data set; NULL: nothing, digest also where it is too old to. */
struct train_place {
    char *path, *digest;
};
/* *out = the data set given, or the saved one; its real path UTF-8, as it is saved. Another place than the
 * saved one must have the same digest of the splits read. what: "run". */
enum vit_status train_again_data(const char **out, const char *given, const struct train_place *saved,
                                 unsigned splits, const char *what, const char *folder,
                                 struct vit_error *err);
/* Whether the data set still lists what it did when the folder was begun. */
enum vit_status train_again_digest(const char *data, const char *digest, const char *saved, const char *what,
                                   const char *folder, struct vit_error *err);
/* common->kernels = those given, or the saved ones where this CPU can run them (else a warning): others give
 * other bits. */
enum vit_status train_again_kernels(struct cmd_common *common, const char *saved, const char *what,
                                    const char *folder, struct vit_error *err);

/* A teacher may lie elsewhere by now, but another one says other things. names, digest: of what is asked for
 * now; VIT_ERR_ARG: it was called otherwise and is another one; VIT_ERR_UNSUPPORTED: what is called so is. */
enum vit_status train_again_teacher(const char *names, const char *digest, const char *saved_names,
                                    const char *saved_digest, const char *what, const char *folder,
                                    struct vit_error *err);

/* ---- what a folder has saved (train_state.c) ---- */

struct train_saved {
    bool exists, finished;
    struct recipe_texts texts;
    struct train_place data;
    char *kernels, *teacher;    /* teacher: train_teacher_digest; NULL: there was none */
    struct train_result result; /* as far as it came; plateau_step -1: the state is too old to say */
};
/* A folder without state is no error. Free it in any case. */
enum vit_status train_saved_read(struct train_saved *s, const char *folder, struct vit_error *err);
void train_saved_free(struct train_saved *s);

/* ---- the folder (train_folder.c) ---- */

/* Files of a run. */
#define TRAIN_MODEL  "model.safetensors"
#define TRAIN_CONFIG "config.json"
#define TRAIN_LOG    "log.jsonl"
#define TRAIN_STATE  "state.safetensors"
/* And in the folder of a sweep. */
#define TRAIN_GRID   "sweep.json"
#define TRAIN_CELLS  "cells.jsonl"
#define TRAIN_EPOCHS "epochs.jsonl"

/* folder/name into text (PATH_MAX). */
const char *train_path(char *text, const char *folder, const char *name);
/* That it can be told what it holds: nothing, where it is not there. Asked before all that follows. */
enum vit_status train_folder_check(const char *folder, struct vit_error *err);
bool train_folder_has(const char *folder, const char *name);
/* Not there, or nothing in it. */
bool train_folder_empty(const char *folder);
/* It has a log. */
bool train_folder_runs(const char *folder);
/* That a run may begin in it: it is empty, but perhaps for the log of a run that failed before its first
 * line, or holds a run and replace says that it may go. VIT_ERR_ARG. */
enum vit_status train_folder_may_begin(const char *folder, bool replace, struct vit_error *err);
/* A sweep's, or one with folders of runs in it. */
bool train_folder_above(const char *folder);
/* All is there that the end of a run writes after its last state. */
bool train_folder_done(const char *folder);
/* Make it, and those above it. */
enum vit_status train_folder_make(const char *folder, struct vit_error *err);
/* Open folder/name, to be added to, and lock the folder by it. The lock goes with the process: two that write
 * to one folder would destroy each other's files. what: "run", of which another is there. *file: below 0, or
 * to be closed also after a failure. */
enum vit_status train_folder_lock(int *file, const char *folder, const char *name, const char *what,
                                  struct vit_error *err);
/* That folder/name is still the open file that holds the lock. Else the folder may be another's by now, and
 * nothing is to be written there any more. what: "run". */
enum vit_status train_folder_kept(const char *folder, const char *name, int file, const char *what,
                                  struct vit_error *err);
/* Remove the files of an earlier run, but for the log: all of them, or none where one may not be written. */
enum vit_status train_folder_clear(const char *folder, struct vit_error *err);
/* Remove what a killed process was writing. Only while the log is locked. */
void train_folder_tidy(const char *folder);
/* The same in another folder, of the files that is_file knows: what else lies there is not ours. */
typedef bool train_is_file(const void *of, const char *name);
void train_folder_tidy_files(const char *folder, train_is_file *is_file, const void *of);

#endif
