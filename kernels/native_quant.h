/* native_quant.h - rows as integers of 8 bits (quant.h), vector by vector, and what their sums stand for. */
#ifndef KERNELS_NATIVE_QUANT_H
#define KERNELS_NATIVE_QUANT_H

#include "kernels/native_base.h"
#include "kernels/quant.h"

/* The larger of the bits of |x| and of largest, lane by lane. */
INLINE ivec larger_bits(ivec largest, vec x)
{
    const ivec bits = (ivec)x & 0x7fffffff, more = bits > largest;

    return (bits & more) | (largest & ~more);
}

/* Of row x (n). */
INLINE struct kern_quant quant_of_row(const float *x, int n)
{
    ivec largest = { 0 }, other = { 0 };
    uint32_t most_of = 0;
    int i = 0;

    for (; i + 2 * VEC <= n; i += 2 * VEC) {
        largest = larger_bits(largest, load(x + i));
        other = larger_bits(other, load(x + i + VEC));
    }
    for (; i < n; i += VEC) largest = larger_bits(largest, load_some(x + i, n - i));
    largest = larger_bits(largest, (vec)other);
    for (int v = 0; v < VEC; v++) most_of = (uint32_t)largest[v] > most_of ? (uint32_t)largest[v] : most_of;
    return kern_quant_of(most_of);
}

/* x scaled and held within the integers: to be rounded. */
INLINE vec hold(vec x)
{
    return VEC_MIN(VEC_MAX(x, SPLAT(-(float)KERN_I8_MOST)), SPLAT((float)KERN_I8_MOST));
}

/* All of row x (n) are numbers: zero times them adds up to zero. */
INLINE bool all_finite(const float *x, int n)
{
    vec zeros = { 0 };

    for (int i = 0; i < n; i += VEC) zeros += load_some(x + i, n - i) * SPLAT(0.0f);
    return sum_lanes(zeros) == 0;
}

/* Of row x (n); fixed 0: its own. */
INLINE struct kern_quant quant_of(const float *x, int n, float fixed)
{
    if (!(fixed > 0)) return quant_of_row(x, n);
    return all_finite(x, n) ? (struct kern_quant){ fixed, 1 / fixed } : (struct kern_quant){ NAN, 0 };
}

/* y (count, up to whole vectors) = the integer sums y, in floats, times the scales of their row and
 * columns. */
INLINE void scale_sums(float *y, float row, const float *columns, int count)
{
    for (int j = 0; j < count; j += VEC) store(y + j, load(y + j) * SPLAT(row) * load(columns + j));
}

#endif
