/* sweep.h - a grid of training runs under one recipe, one after the other or some side by side, in a folder:
 *
 *   sweep.json                the grid: lists of settings, data set, teachers, kernels, cells in their order
 *   cells/ID/                 what train writes
 *   logits/ID.safetensors     logits of the test pictures, as eval_logits_write writes them
 *   epochs.jsonl              the logs' lines, of epochs and of steps, of the cells that ended
 *   cells.jsonl               a line for each cell that ended: its settings, how it ended, what it reached
 *
 * A cell has ended when its line in cells.jsonl is whole; everything else is made anew or cut back to that.
 * So a kill at any moment loses no more than train does, and doubles nothing. */
#ifndef TOOLS_SWEEP_H
#define TOOLS_SWEEP_H

#include <pthread.h>

#include "tools/train.h"

struct sweep_options {
    struct cmd_common common;
    struct recipe_words words; /* right here: the shared rows point to it */
    const char *data, *out, *recipe, *dead_after, *keep;
    int seeds, checkpoint_every, jobs;
    float rate; /* GFLOP/s; 0: measured */
    bool plan, no_test;
};

/* Pictures that cells share: those whose recipes choose, divide, read and prepare them alike. */
struct sweep_source {
    const struct recipe *recipe; /* of the first of them */
    int image;
    struct patch_recipe pictures;
    struct train_data data;
    struct patch_dataset *test; /* NULL: none, or not wanted */
    char digest[TRAIN_DIGEST];  /* of it */
    struct patch_feed_store *test_store;
    bool read;
};

/* A teacher of cells, as it is for their pictures. */
struct sweep_teacher {
    const char *names;
    int source;
    char digest[TRAIN_DIGEST];
    double macs; /* of an answer */
};

struct sweep_cell {
    char id[200]; /* "norm=pre_lr=0.001_seed=0" */
    int number;   /* in the product, norm innermost */
    struct recipe_texts texts;
    struct recipe recipe;
    struct vit_config config;
    int source, batches, steps; /* batches of an epoch; steps in all */
    double flops;               /* training: 6 for a multiply-add; validations and test: 2 */
    const json_t *line;         /* of cells.jsonl; NULL: it has not ended */
    bool taken;                 /* by one of the jobs of this process */
};

struct sweep {
    const struct sweep_options *options;
    struct cmd_common common; /* with the sweep's kernels, and the threads of one cell */
    int jobs;                 /* cells trained side by side */
    const char *data;         /* path */
    const char *dead_after;
    bool test;
    int classes;               /* of the data set */
    int pictures, begun_with;  /* of the training split, now and when the sweep began; 0: not said */
    unsigned splits;           /* of the data set that are read, bits */
    char digest[TRAIN_DIGEST]; /* of these */
    const char *begun_digest;  /* the same when the sweep began; NULL: not said */

    struct recipe_lists lists;
    enum recipe_id
        axes[RECIPE_SETTINGS]; /* (axis_count) parts of the ids: norm, what has several values, seed */
    int axis_count;
    struct sweep_cell *cells; /* (count), in the order they are run in */
    int count;
    struct sweep_source *sources; /* (source_count) */
    int source_count;
    struct sweep_teacher *teachers; /* (teacher_count) */
    int teacher_count;
    const json_t *begun_teachers; /* when the sweep began; NULL: not said */
    const json_t *begun_grid;     /* sweep.json as it was then, or when it last went on; NULL: it begins */

    pthread_mutex_t lock;     /* while jobs run: of the cells' taken and line, and of what follows */
    int code;                 /* the first that was not CMD_DONE: no further cell begins */
    double flops_done, spent; /* by the cells that ended in this process, and their seconds */
    size_t cached;            /* bytes of pictures in memory */
    bool unread;              /* there were pictures that cannot be read */
    bool unwritten;           /* a line could not be added: no other one is, until the sweep goes on */
    int file;                 /* cells.jsonl, locked; -1: none */
    json_t *lines;            /* of it: array of objects */
};

/* ---- the grid (sweep_grid.c) ---- */

enum vit_status sweep_grid_make(struct sweep *s, struct vit_error *err);
void sweep_grid_free(struct sweep *s);
/* Cells of one arm: all axes are equal but for the last one, the seed. */
bool sweep_grid_same_arm(const struct sweep *s, const struct sweep_cell *a, const struct sweep_cell *b);

/* ---- the pictures (sweep_data.c) ---- */

/* Opens what the cells need and completes them: network, source, steps, flops. Reads no picture. Returns an
 * exit code. */
int sweep_data_open(struct sweep *s);
/* Decode a source's pictures, unless that is done. Fails where stop_wanted() comes to hold. */
enum vit_status sweep_data_read(struct sweep *s, struct sweep_source *source, struct vit_error *err);
void sweep_data_close(struct sweep *s);

/* ---- the folder (sweep_folder.c) ---- */

struct sweep_saved {
    bool exists, test;
    int pictures; /* 0: not said */
    struct recipe_lists lists;
    struct train_place data;
    json_t *grid;           /* all of it; NULL: none */
    const json_t *teachers; /* of it: array; NULL: not said */
    char *kernels, *dead_after;
};
enum vit_status sweep_saved_read(struct sweep_saved *saved, const char *folder, struct vit_error *err);
void sweep_saved_free(struct sweep_saved *saved);

/* Makes and locks the folder, writes the grid, clears what a kill left, finds the cells that have ended. */
enum vit_status sweep_folder_open(struct sweep *s, struct vit_error *err);
/* Only finds the cells that have ended; changes nothing. */
enum vit_status sweep_folder_look(struct sweep *s, struct vit_error *err);
/* That it is still the folder that was opened: asked before more is written there. */
enum vit_status sweep_folder_kept(const struct sweep *s, struct vit_error *err);
/* One more has ended: line (taken). */
enum vit_status sweep_folder_add(struct sweep *s, struct sweep_cell *cell, json_t *line,
                                 struct vit_error *err);
void sweep_folder_close(struct sweep *s);
/* out/cells/ID into text (PATH_MAX). */
const char *sweep_folder_cell(char *text, const struct sweep *s, const struct sweep_cell *cell);

/* ---- what a continuation must agree with (sweep_again.c) ---- */

/* VIT_ERR_ARG: what is given now is no setting of the sweep in folder, nor a value that may be added. */
enum vit_status sweep_again_lists(const struct recipe_lists *given, const struct sweep_saved *saved,
                                  const char *folder, struct vit_error *err);

/* ---- what to expect (sweep_plan.c), the runs (sweep_run.c), the results (sweep_table.c): exit codes ---- */

int sweep_plan(struct sweep *s);
int sweep_run(struct sweep *s);
int sweep_table(const struct sweep *s);

/* The test split through the model of a cell: score, and its logits into path. */
int sweep_test(struct sweep *s, const struct sweep_cell *cell, const char *path, struct train_score *out);

#endif
