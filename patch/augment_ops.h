/* augment_ops.h - the picture operations of the AutoAugment family, byte-equal to Pillow's. */
#ifndef PATCH_AUGMENT_OPS_H
#define PATCH_AUGMENT_OPS_H

#include "vit/base.h"

enum patch_op {
    PATCH_OP_IDENTITY,
    PATCH_OP_SHEAR_X,       /* tangent */
    PATCH_OP_SHEAR_Y,       /* tangent */
    PATCH_OP_TRANSLATE_X,   /* pixels; positive moves the content left */
    PATCH_OP_TRANSLATE_Y,   /* pixels; positive moves the content up */
    PATCH_OP_ROTATE,        /* degrees, counter-clockwise */
    PATCH_OP_AUTO_CONTRAST, /* - */
    PATCH_OP_INVERT,        /* - */
    PATCH_OP_EQUALIZE,      /* - */
    PATCH_OP_SOLARIZE,      /* threshold: values from it on are inverted */
    PATCH_OP_SOLARIZE_ADD,  /* added to values below 128 */
    PATCH_OP_POSTERIZE,     /* bits kept, 0 to 8 */
    PATCH_OP_CONTRAST,      /* factor; 1 changes nothing, 0 is grey of the mean */
    PATCH_OP_COLOR,         /* factor; 0 is grey */
    PATCH_OP_BRIGHTNESS,    /* factor; 0 is black */
    PATCH_OP_SHARPNESS,     /* factor; 0 is smoothed */
    PATCH_OPS
};

enum { PATCH_OP_SIZE = 8192 }; /* largest side: the coordinates of the transforms are 16.16 fixed point */

/* Change pixels (size, size, 3) in place; scratch (size, size, 3). What a transform uncovers becomes grey,
 * 128, as in the AutoAugment code Compact Transformers were trained with (the original fills with the data
 * set's mean, which is 114 to 125 on CIFAR-10; torchvision's default is black). */
void patch_op_apply(unsigned char *pixels, unsigned char *scratch, int size, enum patch_op op, double value);

#endif
