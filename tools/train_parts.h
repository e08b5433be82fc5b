/* train_parts.h - a run under way, for train*.c only. */
#ifndef TOOLS_TRAIN_PARTS_H
#define TOOLS_TRAIN_PARTS_H

#include "tools/progress.h"
#include "tools/train.h"

enum { TRAIN_EVAL_BATCH = 64 }; /* pictures that eval computes together */

/* Over the steps of the epoch under way. */
struct train_sums {
    double loss, norm; /* loss: times pictures */
    int64_t correct, seen;
    int steps;
};

struct train {
    const struct train_job *job;
    const struct recipe *recipe;

    const struct train_data *data; /* the job's, or own */
    struct train_data own;
    char digest[TRAIN_DIGEST]; /* of the data set; "": of a cell, which does not keep it */
    struct patch_recipe pictures;
    struct patch_feed *feed;
    size_t failed, val_failed; /* pictures that have been reported */
    struct vit_hyper hyper;
    struct vit_model *model;
    struct vit_trainer *trainer;
    struct vit_session *eval;
    struct train_teacher *teacher; /* NULL: none */

    int log;      /* file; -1: none */
    bool goes_on; /* the folder has a state to go on from */
    char placement[32];

    /* Where the run stands: saved. */
    int epoch, batch; /* batches of the epoch that are done */
    struct train_sums sums;
    double train_loss;  /* of the last whole epoch */
    double running;     /* mean loss of the last steps */
    int plateau_step;   /* the first with the running loss below the plateau; 0: none yet */
    double all_seconds; /* of steps */
    int64_t all_images;
    struct train_score val,
        raw; /* of the last validation; raw: without averaging, when there is an average */
    bool finished;
    int64_t all_failed; /* failed and val_failed, when it is finished */

    /* Of this process. */
    double start, saved;          /* seconds */
    double counted;               /* seconds of steps are, up to here */
    double epoch_seconds;         /* of steps in the epoch under way */
    int64_t epoch_images, images; /* this process did, in the epoch and in all */
    double seconds;               /* of steps, in all */
    struct progress bar;
    char what[96];
    int dead_after; /* steps; 0: never */
    char reason[160];
};

/* ---- train_open.c ---- */

/* Returns an exit code; what is wrong has been said. Close it in any case. */
int train_open(struct train *t);
void train_close(struct train *t);

/* ---- train_feed.c: all return an exit code ---- */

int train_feed_open(struct train *t, const struct patch_feed_options *given);
/* Score of the model as it is. CMD_INTERRUPTED: a signal came, *out is nothing. */
int train_feed_validate(struct train *t, struct train_score *out);
/* Say which pictures could not be read since the last time. */
void train_feed_report(struct train *t);

/* ---- train_plateau.c ---- */

/* Take in the loss of a step, the steps-th (from 1), of a network for so many classes. */
void train_plateau_step(struct train *t, double loss, int step, int classes);

/* ---- train_log.c ---- */

/* Makes, opens and locks the log; whether the run goes on is known from then on. */
enum vit_status train_log_open(struct train *t, struct vit_error *err);
enum vit_status train_log_trim(struct train *t, int64_t bytes, struct vit_error *err);
enum vit_status train_log_sync(struct train *t, int64_t *bytes, struct vit_error *err);
/* That it is still the one in the folder: asked before another file is written there. */
enum vit_status train_log_kept(const struct train *t, struct vit_error *err);

struct train_line {
    const char *kind; /* "epoch", "step" */
    int step;
    double train_loss, train_top1, grad_norm;
    float lr;
    const struct train_score *val, *raw; /* NULL: not validated here */
    bool diverged;
};
enum vit_status train_log_write(struct train *t, const struct train_line *line, struct vit_error *err);

/* ---- train_state.c ---- */

enum vit_status train_state_save(struct train *t, struct vit_error *err);
/* The network that a run to go on with trains; *saved false: there is no such run. */
enum vit_status train_state_base(struct recipe_base *b, bool *saved, const struct train_job *job,
                                 struct vit_error *err);
/* Of a run that goes on. Also cuts the log. */
enum vit_status train_state_resume(struct train *t, struct vit_error *err);

/* ---- train_show.c ---- */

/* The bar, of what in all; none where other cells are trained beside this one. */
void train_show_bar(struct train *t, const char *what, size_t all);
/* Says what is wrong, below the line of progress; returns CMD_UNUSABLE. */
int train_fail(struct train *t, const struct vit_error *err);
/* Of the epoch under way. */
double train_loss(const struct train *t);
double train_top1(const struct train *t);
double train_rate(const struct train *t); /* images per second; NAN: this process did no step of it */

void train_show_start(struct train *t);
void train_show_progress(struct train *t);
void train_show_epoch(struct train *t, bool validated);

#endif
