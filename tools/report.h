/* report.h - what sweep, train, probe and compare left in folders, as one page.
 *
 *     struct report r = { 0 };
 *     report_read(&r, "runs/grid", &err);      any number of folders and files
 *     report_arrange(&r, &err);
 *     report_page(out, &r, "Pre-norm against post-norm");
 *     report_free(&r);
 *
 * A run that was lost is a result: nothing here drops one. Accuracies are fractions; what a file does not
 * know (null) is NAN, or 0 for counts. */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "tools/recipe.h"
#include "vit/base.h"

/* How a run ended. */
enum report_end {
    REPORT_DONE,
    REPORT_DEAD,       /* at chance when that was asked; stopped early */
    REPORT_DIVERGED,   /* loss or gradient not finite */
    REPORT_STAYED,     /* trained to its end, and hardly above chance there: what report_arrange finds */
    REPORT_UNFINISHED, /* so far */
    REPORT_ENDS
};
const char *report_end_name(enum report_end e);

enum { REPORT_LABEL = 160, REPORT_MORE = 1024, REPORT_WHOLE = REPORT_LABEL + REPORT_MORE + 2 };

/* A training run: a cell of a sweep, or a folder of train. Texts belong to the report. */
struct report_cell {
    int source;
    const char *id, *norm, *init, *reason;
    char warmup[32]; /* "200", "5%" */
    int depth, epochs, epochs_done, steps;
    int val_n, test_n; /* pictures; 0: not known */
    enum report_end end;
    double lr, seed, train_loss, val_loss, val_top1, test_top1, images_per_second, seconds;
    double plateau_step;          /* the first that had left the plateau; INFINITY: none did */
    const json_t *line, *planned; /* objects with more settings, or NULL */

    /* Set by report_arrange. */
    const json_t *whole; /* every setting that it reads, where its folder says those of the run; or NULL */
    bool unread[RECIPE_SETTINGS]; /* settings known to change nothing */
    int condition, arm;
};

/* A line of a log. */
struct report_epoch {
    int cell;   /* index */
    bool whole; /* the end of an epoch; else of some steps */
    bool diverged;
    int epoch, step;
    double train_loss, train_top1, val_loss, val_top1, grad_norm, lr_now;
};

/* A row of probe: one block of one network. */
struct report_block {
    const char *file;                            /* that it is of */
    const char *norm, *init, *model, *condition; /* model: a file, "": drawn */
    const json_t *line;
    const char *group; /* what is shared by rows that belong in one panel, but for depth */
    int depth, block;  /* from 0 */
    double seed, grad_w2, stream_rms, branch_share, token_cosine, step_change, entropy;
};

enum report_kind { REPORT_SWEEP, REPORT_TRAIN, REPORT_COMPARE };

struct report_source {
    const char *path;
    enum report_kind kind;
    const json_t *about; /* sweep.json; data and settings of a training run; a result of compare; or NULL */
    int classes;         /* of the networks; 0: not known */
};

/* ---- what report_arrange finds ---- */

/* All that runs of one panel share: everything that the grid varies, but for placement, rate and seed. */
struct report_condition {
    const char *init;
    char warmup[32];
    int depth;
    char more[REPORT_MORE];   /* "width 96, batch 128"; "": nothing else varies */
    char start[64];           /* "no warm-up", "warm-up 200 steps" */
    char brief[REPORT_LABEL]; /* of all others: "depth 6, no warm-up, xavier" */
    char label[REPORT_WHOLE]; /* of all */
    int match;                /* index */
    int next;                 /* condition of the same match, -1: none; index */
    size_t arm, arm_count;    /* its arms: so many from this index on */
};

/* Conditions that differ in their warm-up alone, which like the rate is chosen for each placement: a best of
 * their runs compares like with like. */
struct report_match {
    int condition;            /* the first of them */
    char label[REPORT_WHOLE]; /* "depth 6, xavier, epochs 3" */
};

/* The runs of an arm under one condition at one learning rate. */
struct report_rate {
    double lr;
    int runs, ended[REPORT_ENDS];
    int learnt;                     /* of those that are done: known to be above chance */
    double mean, median, low, high; /* validation top-1 of those that are done */
};

/* One placement under one condition. */
struct report_arm {
    int condition, norm;       /* indices */
    struct report_rate *rates; /* ascending */
    int rate_count;
    int best; /* the rate with the highest mean, of those where no run was lost; else of all; not validated,
               * the only one with runs that are done; -1: none */
    int within_low,
        within_high; /* rates around the best whose mean is at most a point below it, no run lost */
    bool judged;     /* of all its runs that are done it is known whether they learnt */
    int highest;     /* the highest rate that learns: all its runs that ended learnt; -1: none is known to */
    int runs, ended[REPORT_ENDS];
};

struct report {
    json_t *keep; /* everything that was parsed: owns the texts */
    struct report_source *sources;
    struct report_cell *cells;
    struct report_epoch *epochs; /* in the order of the files */
    struct report_block *blocks;
    const char **paths; /* as they were asked for */
    size_t source_count, cell_count, epoch_count, block_count, path_count;

    size_t twice;       /* copies of runs in further inputs, which are no cells any more */
    const char **norms; /* placements, in the order of the library's table, others behind */
    int *styles;        /* (norm_count) of the plots: the same for a placement on every page */
    struct report_condition *conditions; /* sorted by more, init, warm-up, depth */
    struct report_match *matches;
    struct report_arm *arms; /* by condition, then norm; only those with runs */
    size_t norm_count, condition_count, match_count, arm_count;
};

/* A folder of sweep or train (perhaps with probe.jsonl and compare.json, or more such folders, in it), one of
 * such folders, or a file of rows of probe or of a result of compare. Fails with a sentence that names file,
 * line and what is wrong. */
enum vit_status report_read(struct report *r, const char *path, struct vit_error *err);
enum vit_status report_arrange(struct report *r, struct vit_error *err);
void report_free(struct report *r);

/* title NULL: made from the content. False: memory ran out. */
bool report_page(FILE *out, const struct report *r, const char *title);
/* One figure of the page, by its id there, as an SVG file. title NULL: the figure's. Fails with VIT_ERR_ARG
 * where there is none of that name or no data for it. */
enum vit_status report_svg(FILE *out, const struct report *r, const char *id, const char *title,
                           struct vit_error *err);
/* A table for a text, by its name, as markdown with a note below it. Fails with VIT_ERR_ARG where there is
 * none of that name or no data for it. */
enum vit_status report_table(FILE *out, const struct report *r, const char *name, struct vit_error *err);
/* The same as { "table": name, "parts": [{ "columns", "rows" }, ...], "note": text }; owned by the caller. */
enum vit_status report_table_json(json_t **out, const struct report *r, const char *name,
                                  struct vit_error *err);
/* Name of table i; NULL past the end. */
const char *report_table_name(size_t i);

#endif
