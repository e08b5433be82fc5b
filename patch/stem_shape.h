/* stem_shape.h - sizes of a convolution stem's layers, for stem.c and stem_run.c only. */
#ifndef PATCH_STEM_SHAPE_H
#define PATCH_STEM_SHAPE_H

#include "patch/stem.h"

/* One layer on a square picture: (in side, in side, channels) -> (side, side, out) -> (end, end, out). */
struct patch_stem_shape {
    struct kern_window conv, pool; /* pool.kernel 0: none, and end is side */
    int k;                         /* inputs of the product: kernel kernel channels */
    int out, side, end;
};

/* Fill shapes (s->layers) for pictures of image pixels; returns the final side, 0 when nothing is left
 * (then shapes past that layer are not set). */
int patch_stem_shapes(struct patch_stem_shape shapes[PATCH_STEM_LAYERS], const struct patch_stem *s,
                      int channels, int image);

/* Pictures that go through the stem together, 1 to batch. */
int patch_stem_chunk(const struct patch_stem *s, int channels, int image, int batch);

/* Index of a layer's first tensor in the order of patch_stem_tensors; layer s->layers is the projection. */
int patch_stem_slot(const struct patch_stem *s, int layer);

#endif
