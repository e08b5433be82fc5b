/* pictures.h - pictures named on the command line, through the model, one result each, in order.
 *
 * Operands are files, folders, .txt lists of paths, and - for stdin: a picture, or a list of paths.
 * What cannot be read is handed over as a failure and the rest goes on. */
#ifndef TOOLS_PICTURES_H
#define TOOLS_PICTURES_H

#include "tools/cmd.h"

struct pictures_result {
    const char *file;                /* "-": the picture on stdin */
    const struct vit_error *err;     /* not NULL: it failed, and what follows is zero */
    const float *logits;             /* (classes) */
    const float *features;           /* (vit_features_width) */
    double decode, prepare, forward; /* seconds; forward is the picture's share of its batch */
};

struct pictures_options { /* right after the struct cmd_common of the verb's options */
    int batch;
    bool no_exif;
    uint64_t max_pixels;
    const char *sandbox;
    bool check;
};
extern const struct args_group pictures_group; /* the rows of pictures_options, for options that follow */

struct pictures_job {
    const struct cmd_common *common;
    struct vit_model *model;
    struct pictures_options options;
    const struct cmd_output *output; /* is none of the pictures, or CMD_USAGE; NULL: there is none */
    /* Print one result; false: stdout is broken, stop. */
    bool (*emit)(void *state, const struct pictures_result *result);
    void *state;
    bool *cut; /* not NULL: whether that was before the last picture */
};

/* Returns an exit code; failed pictures have been emitted and counted. */
int pictures_run(const struct pictures_job *job, int count, char **operands);

#define PICTURES_STDIN "standard input" /* in sentences; results call it "-" */
/* All of it, with a zero byte behind it; free it. NULL: it is empty, too large, or cannot be read. */
unsigned char *pictures_stdin(size_t *size, struct vit_error *err);

/* One picture as the operands of other verbs name it: a file, or - for stdin. Free it in any case. */
enum vit_status pictures_read(struct patch_image *out, const char *file, const struct patch_decode *options,
                              struct vit_error *err);

/* {"decode":..,"preprocess":..,"forward":..} in milliseconds. */
struct json_t *pictures_milliseconds(const struct pictures_result *r);

/* {"file":..,"error":{..}} on stdout with --json, else a line on stderr; what emit does with a failure. */
bool pictures_emit_failure(const struct cmd_common *o, const struct pictures_result *r);

#endif
