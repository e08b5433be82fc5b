/* place.h - where the files of a model lie. */
#ifndef VIT_PLACE_H
#define VIT_PLACE_H

#include "vit/base.h"

enum { VIT_PLACE_BYTES = 4096 };

/* Paths; empty where there is no such file. */
struct vit_place {
    char weights[VIT_PLACE_BYTES], config[VIT_PLACE_BYTES], recipe[VIT_PLACE_BYTES];
};

/* The file that path names, or the one model of that folder; and the config.json and
 * preprocessor_config.json beside it. VIT_ERR_IO: there is none; VIT_ERR_ARG: there are several;
 * VIT_ERR_UNSUPPORTED: it lies in several files. */
enum vit_status vit_place_find(struct vit_place *p, const char *path, struct vit_error *err);

#endif
