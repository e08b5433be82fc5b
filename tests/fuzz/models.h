/* models.h - the same tiny network under the names of two frameworks, for what reads a configuration. */
#ifndef TESTS_FUZZ_MODELS_H
#define TESTS_FUZZ_MODELS_H

#include "tests/vit/tiny.h"

/* The smallest network whose files have everything. */
static inline struct vit_config fuzz_config(void)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    c.width = c.hidden = 8;
    c.depth = 1;
    return c;
}

/* 0: timm's names, 1: Hugging Face's. */
enum { MODELS = 2 };

/* folder/model.safetensors, the folder is made. */
void models_write(const char *folder, int which);

#endif
