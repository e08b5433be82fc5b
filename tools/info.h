/* info.h - the two halves of vit info: the machine (cmd_info.c) and a model (info.c). */
#ifndef TOOLS_INFO_H
#define TOOLS_INFO_H

#include <jansson.h>

#include "tools/cmd.h"

struct info_options {
    struct cmd_common common;
    int batch; /* 0: not given */
    bool memory, training;
};

/* Both return exit codes; info_print takes the reference to all. */
int info_model(const struct info_options *o);
int info_print(json_t *all, const struct info_options *o);

#endif
