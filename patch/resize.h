/* resize.h - a part of a resized picture, without computing the rest. */
#ifndef PATCH_RESIZE_H
#define PATCH_RESIZE_H

#include "patch/patch.h"

/* The whole resized picture would have full_width x full_height pixels; wanted are width x height of
 * them from (left, top) on, all inside. */
struct patch_window {
    int64_t full_width, full_height;
    int64_t left, top;
    int width, height;
};

/* out: height rows of (width, 3) bytes, stride bytes apart, equal to those of patch_resize. */
enum vit_status patch_resize_window(unsigned char *out, size_t stride, const struct patch_image *in,
                                    const struct patch_window *w, enum patch_filter filter,
                                    struct vit_error *err);

#endif
