/* bf16_tile.h - pairs of bf16 numbers: their products, and f32 rounded and laid out for them.
 *
 * Beside what native.h and folded_tile.h want, the includer defines
 *     ALONG(low, high)     two vectors of floats, rounded to bf16, as pairs of neighbours
 *     ACROSS(a, b)         the same as pairs (a[j], b[j])
 *     TAKE(p, count)       floats from p, zeros behind the first count
 *     PUT(p, nums, count)  the first count lanes to p
 * where count may be below 0 and above VEC. */
#ifndef KERNELS_BF16_TILE_H
#define KERNELS_BF16_TILE_H

#include "kernels/native_ahead.h"

typedef vec sums;
enum { FOLD = 2 };

#include "kernels/folded_tile.h"

/* to (units(count, 2)) = pairs of neighbours in x (count), where to may be x; a last one is paired with zero.
 * factor: for formats that have one. */
INLINE void narrow_row(num *to, const float *x, int count, float factor)
{
    int l = 0;

    (void)factor;
    for (; l + FOLD * VEC <= count; l += FOLD * VEC)
        *(loose_nums *)(to + l / FOLD) = ALONG(load(x + l), load(x + l + VEC));
    if (l < count) {
        const vec low = TAKE(x + l, count - l), high = TAKE(x + l + VEC, count - l - VEC);

        PUT(to + l / FOLD, ALONG(low, high), units(count - l, FOLD));
    }
}

/* to (VEC) = the numbers of x[0], then those of x[1], as pairs of neighbours. */
INLINE void narrow_vectors(num *to, const vec *x)
{
    *(loose_nums *)to = ALONG(x[0], x[1]);
}

/* The first room lanes of to = pairs of numbers of a row and the next, or zeros if there is none;
 * count numbers, which may be below 0. */
INLINE void pack_pairs(num *to, const float *row, const float *next, int count, const int room)
{
    const vec none = { 0 };

    if (count >= VEC && room >= VEC)
        *(loose_nums *)to = ACROSS(load(row), next ? load(next) : none);
    else
        PUT(to, ACROSS((vec)TAKE(row, count), next ? (vec)TAKE(next, count) : none), room);
}

/* to: neighbouring panels of width columns each, (units(rows, 2), width); from: count columns of rows, ld
 * apart, count at most width panels. Two rows become one row of pairs. */
INLINE void pack_panels(num *to, const float *from, size_t ld, int count, const int width, int rows)
{
    const size_t panel = (size_t)units(rows, FOLD) * width;

    for (int i = 0; i < rows; i += FOLD, from += FOLD * ld, to += width) {
        const float *second = i + 1 < rows ? from + ld : NULL;
        num *out = to;

        for (int j = 0; j < count; j += width, out += panel)
            for (int v = 0; v < width; v += VEC)
                pack_pairs(out + v, from + j + v, second ? second + j + v : NULL, least(count - j, width) - v,
                           width - v);
    }
}

/* Pairs are rounded already. */
INLINE void narrow_nums(num *x, size_t count)
{
    (void)x, (void)count;
}

#endif
