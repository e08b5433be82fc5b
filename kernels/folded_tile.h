/* folded_tile.h - the register tile of formats that multiply FOLD neighbours along the reduced dimension at
 * once: bf16_tile.h two, int8_product.h two or four.
 *
 * A num is FOLD neighbours in 32 bits, the earliest one lowest. A panel holds TILE_COLS columns of the right
 * factor, num by num: (nums, TILE_COLS), padded with zeros. Before it the includer defines
 *     sums              a vector of sums, of 32 bits each: vec or uvec
 *     SPLAT_NUM(x)      a num in every lane, as uvec
 *     DOT(sum, a, b)    sum + the products of the neighbours in a and b, lane by lane */
#ifndef KERNELS_FOLDED_TILE_H
#define KERNELS_FOLDED_TILE_H

#include "kernels/native_base.h"

typedef uint32_t num;
typedef uvec loose_nums __attribute__((aligned(4), may_alias));
typedef sums loose_sums __attribute__((aligned(4), may_alias));

/* c (rows, TILE_COLS), row i at i ldc, = or += (add) a b, sums of any kind in the place of floats: num (i, l)
 * of a is at a[i row_step + l num_step], b is a panel. rows is a constant after inlining. */
INLINE void tile(const int rows, float *c, size_t ldc, const num *a, size_t row_step, size_t num_step,
                 const num *b, int nums, bool add)
{
    sums sum[16][2];

    UNROLL
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (sums){ 0 };
    for (int l = 0; l < nums; l++) {
        const uvec right[2] = { *(const loose_nums *)b, *(const loose_nums *)(b + VEC) };

        UNROLL
        for (int i = 0; i < rows; i++) {
            const uvec left = SPLAT_NUM(a[i * row_step]);

            sum[i][0] = DOT(sum[i][0], left, right[0]);
            sum[i][1] = DOT(sum[i][1], left, right[1]);
        }
        a += num_step;
        b += TILE_COLS;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < 2; v++) {
            /* cppcheck-suppress invalidPointerCast ; sums of integers lie in the memory of the result */
            loose_sums *to = (loose_sums *)(c + i * ldc + v * VEC);
            *to = add ? (sums)*to + sum[i][v] : sum[i][v];
        }
    }
}

#endif
