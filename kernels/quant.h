/* quant.h - how a row of floats becomes integers of 8 bits and one scale.
 *
 * x ~ scale q, q from -127 to 127: scale is the largest |x| divided by 127, q is x / scale rounded to
 * nearest, ties to even. The scale is rounded to 16 significant bits, so that scale q is exact in float: a
 * row that came from integers gives the same integers and the same scale again.
 *
 * A row of activations may have a scale that was fixed before (struct kern_mat: x_scale); what is beyond 127
 * of its steps is held there.
 *
 * A row with an infinity or a NaN has the scale NaN, so that all that is computed from it is NaN. A row
 * without a number of 2^-119 or more (there scale and 1 / scale are normal numbers) counts as zeros and has
 * the scale 0. */
#ifndef KERNELS_QUANT_H
#define KERNELS_QUANT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kern.h"

struct kern_quant {
    float scale, inverse; /* 1 / scale; 0 where the row's numbers are not looked at */
};

/* largest: the bits of the largest |x|, as an integer: in that order NaN is above infinity above numbers. */
static inline struct kern_quant kern_quant_of(uint32_t largest)
{
    const uint32_t infinity = 0x7f800000, least = (127 - 119) << 23;
    struct kern_quant q = { 0, 0 };

    if (largest >= infinity) return (struct kern_quant){ NAN, 0 };
    if (largest < least) return q;
    memcpy(&q.scale, &largest, sizeof largest);
    q.scale /= KERN_I8_MOST;
    memcpy(&largest, &q.scale, sizeof largest);
    largest = (largest + 0x80) & ~0xffu;
    memcpy(&q.scale, &largest, sizeof largest);
    q.inverse = 1 / q.scale;
    return q;
}

/* Of row x (n). */
static inline struct kern_quant kern_quant_row(const float *x, int n)
{
    uint32_t largest = 0, bits;

    for (int i = 0; i < n; i++) {
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        if (bits > largest) largest = bits;
    }
    return kern_quant_of(largest);
}

/* Of row x (n) with a fixed scale. */
static inline struct kern_quant kern_quant_fixed(const float *x, int n, float scale)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i])) return (struct kern_quant){ NAN, 0 };
    return (struct kern_quant){ scale, 1 / scale };
}

/* The integer that x is; anything where the scale is NaN. */
static inline float kern_quant_round(float x, struct kern_quant q)
{
    const float step = rintf(x * q.inverse);

    return step > KERN_I8_MOST ? KERN_I8_MOST : step < -KERN_I8_MOST ? -KERN_I8_MOST : step;
}

#endif
