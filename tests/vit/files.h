/* files.h - a network in memory, pictures for it, and where its files will lie. */
#ifndef TESTS_VIT_FILES_H
#define TESTS_VIT_FILES_H

#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"

struct files {
    char dir[TMP_PATH], plain[300], packed[300]; /* a folder, and two names in it */
    struct vit_model *m;
    float *planes; /* (pictures, channels, image, image) */
};

/* The two halves of a setup and a teardown. */
static inline int files_open(void **state, const struct vit_config *c, int pictures)
{
    struct files *f = tmp_fixture(state, sizeof *f);

    snprintf(f->plain, sizeof f->plain, "%s/plain", f->dir);
    snprintf(f->packed, sizeof f->packed, "%s/packed", f->dir);
    f->m = tiny_model(c, "ref");
    f->planes = tiny_planes(f->m, pictures);
    return 0;
}

static inline int files_close(void **state)
{
    struct files *f = *state;

    free(f->planes);
    vit_model_close(f->m);
    return tmp_teardown(state);
}

#endif
