/* compare.h - several arms of trained runs on the same pictures: what they got right (compare_arms.c,
 * compare_runs.c, compare_logits.c), what follows from it (compare_pair.c, compare_words.c), and how that is
 * printed (compare_text.c, compare_json.c). */
#ifndef TOOLS_COMPARE_H
#define TOOLS_COMPARE_H

#include <jansson.h>

#include "tools/eval.h"
#include "vit/stats.h"

/* What is decided beforehand: CIFAR practice, and no p-value from one or two seeds. */
#define COMPARE_ALPHA 0.05
#define COMPARE_LEVEL 0.95
#define COMPARE_POWER 0.8
enum { COMPARE_MIN_RUNS = 3, COMPARE_MANY_RUNS = 10 };

struct compare_run {
    const char *file; /* as given */
    bool logits;      /* a file of logits, not a model */
    json_t *how;      /* eval_how() of it; owned. NULL: the file does not say */
    json_t *pictures; /* eval_pictures() of it; the same */
    size_t n;         /* pictures */
    int classes;
    int64_t *index;          /* (n) place in the data set, rising */
    int *label, *prediction; /* (n) */
    unsigned char *right;    /* (n) 1: prediction is label */
    size_t correct;
};

struct compare_arm {
    char *words; /* what name and files point into; owned */
    const char *name;
    int count;                /* runs */
    struct compare_run *runs; /* (count) */
    /* after compare_measure: */
    double *top1;    /* (count) */
    double mean, sd; /* of top1 */
    int median;      /* run in the middle, the lower one of two */
};

struct compare_counts {
    size_t diverged, runs;
};

/* Two arms; what their runs do not allow is NAN. */
struct compare_pair {
    const struct compare_arm *a, *b;
    /* the median networks, picture by picture */
    size_t only_a, only_b, both;
    double difference, low, high, mcnemar;
    size_t least; /* |only_a - only_b| that would have been significant; 0: none */
    /* the runs */
    struct vit_t_test welch, paired;
    double equivalence, detectable, bootstrap_low, bootstrap_high;
};

struct compare {
    const struct cmd_common *common;
    const struct eval_options *options;
    uint64_t draws;
    double margin; /* a fraction */
    bool has_diverged;
    struct compare_counts diverged[2];
    struct compare_arm *arms;
    int arm_count;
    /* the pictures */
    char *kind;        /* of data set; NULL: logits files only. owned */
    const char *split; /* the part of it that was read */
    char **names;      /* (names_count) classes, as the first run that names them orders them; owned */
    int names_count;
    const char *names_file; /* whose */
    unsigned char *failed;  /* (total) pictures that a model could not be given; owned */
    size_t total, n, n_failed;
    json_t *failures; /* [{"file","error"}]; owned */
    /* the result */
    struct compare_pair first;
    struct compare_pair *others;  /* (other_count) the other pairs of arms; owned */
    double *other_p, *other_holm; /* (other_count); owned */
    int other_count;
    bool others_by_run; /* other_p are of Welch's test; else McNemar's */
    double fisher;
};

/* ---- arms and runs ---- */

/* "[NAME=]FILE[,FILE...]" -> a further arm. VIT_ERR_ARG: what is wrong with the words. */
enum vit_status compare_add_arm(struct compare *c, const char *words, struct vit_error *err);
/* Which runs are files of logits. All others are opened once: what cannot be opened is told before any of
 * them is run, which may take hours. Returns an exit code. */
int compare_look(struct compare *c);
/* The first run that is no file of logits, so that it wants a data set; NULL: none does. */
const char *compare_needs_data(const struct compare *c);
/* Read all files of logits, run all models, and line their answers up, picture by picture. Returns an exit
 * code. */
int compare_read(struct compare *c);
void compare_free(struct compare *c); /* accepts what compare_add_arm left */

/* Run i over all arms; NULL past the end. */
struct compare_run *compare_run_at(const struct compare *c, int i);
/* Room for n answers. */
enum vit_status compare_run_alloc(struct compare_run *run, size_t n, struct vit_error *err);
void compare_run_free(struct compare_run *run);
void compare_run_set(struct compare_run *run, size_t i, int label, int prediction);
/* A row of logits with a NaN or an infinity in it gives some class all the same, which is no answer of the
 * network: VIT_ERR_FORMAT. picture: of the data set. */
enum vit_status compare_check_logits(const struct compare_run *run, int64_t picture, const float *logits,
                                     struct vit_error *err);
/* Whether a file holds logits; one that cannot be opened does not. */
bool compare_is_logits(const char *path);
enum vit_status compare_read_logits(struct compare_run *run, struct vit_error *err);
bool compare_flips(const struct compare *c); /* whether the runs had mirror images; after compare_read */

/* ---- what follows ---- */

/* Everything that follows from the runs. Fails for want of memory. */
enum vit_status compare_measure(struct compare *c, struct vit_error *err);
int compare_fewest(const struct compare_pair *p); /* runs of the smaller arm */

/* *text = sentence i of what follows (free it; NULL: no memory for it); false past the end. */
bool compare_words(char **text, const struct compare *c, int i);

/* False: something could not be written, which is said. */
bool compare_print_json(const struct compare *c);
bool compare_print_text(const struct compare *c);

#endif
