/* eval.h - what one evaluation found; filled by cmd_eval.c, printed by eval_report.c. */
#ifndef TOOLS_EVAL_H
#define TOOLS_EVAL_H

#include <jansson.h>

#include "tools/cmd.h"

struct eval {
    const struct cmd_common *common;
    const struct vit_model *model;
    const char *model_name; /* as given */
    const struct patch_dataset *data;
    const char *const *names; /* (classes) of the classes: the model's, or the data set's */
    const char *path, *split; /* of the data set */
    const struct vit_metrics *metrics;
    size_t n, n_failed;
    json_t *failures; /* [{"file","error"}] */
    struct {
        double decode, prepare; /* seconds of one worker, added up */
        double forward;         /* seconds */
        double total;           /* seconds from the first picture to the last */
    } seconds;
};

/* False: stdout is broken or memory ran out. */
bool eval_print_json(const struct eval *e);
void eval_print_text(const struct eval *e);

#endif
