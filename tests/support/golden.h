/* golden.h - a folder of expected values: a model in its framework's own dialect, and what that framework
 * computes in float64. Where they come from: tests/data/golden/README.md. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include "vit/vit.h"

struct golden {
    char path[512];
    struct weights_file *expect;
    struct weights_view *view; /* of the model's file, for the names of gradients */
    struct weights_file *file;
    struct vit_model *model;
    struct vit_session *session;
    int n, image;
    float *input;  /* (n, channels, image, image) */
    float *logits; /* (n, classes), expected */
    int *labels;   /* (n), or NULL: no gradients in this folder */
    double loss;
};

/* Folders of the golden set, tests/data/golden. Names sorted; returns how many. */
int golden_list(char names[][64], int most);
void golden_open(struct golden *g, const char *name, const struct vit_model_options *o, bool training);
void golden_close(struct golden *g);
/* Largest |a - b| over the largest |b|. */
double golden_error(const float *a, const float *b, size_t count);
/* The expected gradient of parameter i in canonical layout (free it), or NULL when the folder has none. */
float *golden_gradient(struct golden *g, int i);

#endif
