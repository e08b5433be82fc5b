/* builtin.h - the networks inside the binary. */
#ifndef WEIGHTS_BUILTIN_H
#define WEIGHTS_BUILTIN_H

#include "weights/weights.h"

/* "builtin:pre" and the like name one of them. */
#define WEIGHTS_BUILTIN "builtin:"

/* Open a network of this build by its full name; an unknown one is an error that lists those there are. */
enum vit_status weights_open_builtin(struct weights_file **out, const char *name, struct vit_error *err);

#endif
