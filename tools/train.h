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

/* Exit codes beside those of cmd.h. */
enum { TRAIN_DIVERGED = 4, TRAIN_INTERRUPTED = 130 };

struct train_job {
    const struct cmd_common *common;  /* threads, kernels, quiet */
    const struct recipe_texts *texts; /* complete: saved for a continuation */
    struct recipe recipe;             /* the same, parsed */
    const char *data, *out;
    const char *cell;     /* of a sweep; NULL: none */
    int checkpoint_every; /* steps; 0: every two minutes */
    bool resume;          /* go on from out's state, if it has one */
};

struct train_score {
    size_t n; /* pictures; 0: not validated */
    double loss, top1;
};

struct train_result {
    int epochs, steps;
    double train_loss; /* of the last epoch */
    double seconds;    /* of this process */
    double images_per_second;
    struct train_score val; /* of the model that was written */
};

/* Train, or go on. Returns an exit code; what is wrong has been said. */
int train_run(const struct train_job *job, struct train_result *result);

/* ---- what a folder has saved (train_state.c) ---- */

struct train_saved {
    bool exists, finished;
    struct recipe_texts texts;
    char *data, *kernels;
    struct train_result result; /* as far as it came */
};
/* A folder without state is no error. Free it in any case. */
enum vit_status train_saved_read(struct train_saved *s, const char *folder, struct vit_error *err);
void train_saved_free(struct train_saved *s);

/* ---- the folder (train_folder.c) ---- */

/* folder/name into text (PATH_MAX). */
const char *train_path(char *text, const char *folder, const char *name);
bool train_folder_has(const char *folder, const char *name);
/* Not there, or nothing in it. */
bool train_folder_empty(const char *folder);
/* Make it, and those above it. */
enum vit_status train_folder_make(const char *folder, struct vit_error *err);
/* Remove the files of an earlier run, but for the log. */
enum vit_status train_folder_clear(const char *folder, struct vit_error *err);
/* Remove what a killed process was writing. Only while the log is locked. */
void train_folder_sweep(const char *folder);

#endif
