/* convert.h - the parts of vit convert: the verb (cmd_convert.c), the mean of several networks
 * (convert_average.c), scales from pictures (convert_calibrate.c), the answers of both files
 * (convert_compare.c). */
#ifndef TOOLS_CONVERT_H
#define TOOLS_CONVERT_H

#include "tools/cmd.h"

struct convert_options {
    struct cmd_common common;
    const char *data, *split, *calibrate, *names, *average;
    uint64_t limit, calibrate_limit; /* 0: not given */
    uint64_t max_pixels;
    bool force, packed;
};

enum { CONVERT_AVERAGE = 64 }; /* networks of one mean, at most */
#define CONVERT_CALIBRATE 256  /* pictures, where --calibrate-limit is not given */
enum { CONVERT_BATCH = 32 };

/* What is compared: the original, the new file, and that file without its fixed scales, if it has any. */
enum convert_side { CONVERT_BEFORE, CONVERT_AFTER, CONVERT_ROW_SCALES, CONVERT_SIDES };

struct convert_comparison {
    const struct convert_options *options;
    struct vit_model *model[CONVERT_SIDES];     /* NULL: not there */
    struct vit_session *session[CONVERT_SIDES]; /* likewise */
    struct patch_dataset *data;                 /* NULL: nothing to compare with */
    struct patch_dataset *pictures;             /* to calibrate with; NULL: it is not asked for */
    size_t n, n_failed, no_answer; /* no_answer: of those that failed, by numbers that are not finite */
    size_t correct[CONVERT_SIDES], agree[CONVERT_SIDES]; /* agree: with the original */
    double largest[CONVERT_SIDES];                       /* |difference| of two logits */
    double most_logit;                                   /* |logit| of the original */
    size_t calibrated, uncalibrated; /* pictures; of those to calibrate with, that cannot be read */
    int64_t bytes_before;            /* of the original; -1: not known */
    int averaged;                    /* networks whose mean the original is; 0: it is one alone */
};

/* Before anything is written: open the data set of --data, and the pictures of --calibrate. */
enum vit_status convert_open_data(struct convert_comparison *c, struct vit_error *err);
enum vit_status convert_open_pictures(struct convert_comparison *c, struct vit_error *err);
/* Open the new file, to compute in the numbers it holds, and show all sides the data set. */
enum vit_status convert_compare(struct convert_comparison *c, const char *path, struct vit_error *err);
/* Fix the scales of the original's activations from the pictures of --calibrate; without --data these are
 * what is compared on, their labels as far as they are the model's. */
enum vit_status convert_calibrate(struct convert_comparison *c, struct vit_error *err);
/* Make the original, which was opened for training, the mean of itself and the networks of --average, and
 * count them. */
enum vit_status convert_average(struct convert_comparison *c, struct vit_error *err);
void convert_close(struct convert_comparison *c);

/* Every batch of a data set, with a progress bar; what cannot be read is said and counted in *failed. */
enum vit_status convert_pictures(const struct convert_comparison *c, const struct patch_dataset *data,
                                 const char *what, void (*show)(void *arg, const struct patch_batch *b),
                                 void *arg, size_t *failed, struct vit_error *err);

#endif
