/* bf16_tile.h - the register tile of bf16 products, its panels, and rounding f32 to bf16.
 *
 * A num is a pair of neighbours along the reduced dimension: two bf16 in 32 bits, the earlier one low. One
 * instruction multiplies 16 pairs by 16 pairs and adds both products of each to a float (vdpbf16ps: f32 sums
 * rounded to nearest, subnormals count as zero). A panel holds TILE_COLS columns of the right factor, pair by
 * pair: (pairs, TILE_COLS), padded with zeros. */
#ifndef KERNELS_BF16_TILE_H
#define KERNELS_BF16_TILE_H

#include "kernels/native_ahead.h"

typedef uint32_t num;
enum { FOLD = 2 };

/* Lanes below count of 16. */
INLINE __mmask16 lanes(int count)
{
    return count >= VEC ? 0xffff : (__mmask16)((1u << most(count, 0)) - 1);
}

/* Pairs (a[j], b[j]) of two rows: count columns, zeros behind them. */
INLINE __m512i interleave(const float *a, const float *b, int count)
{
    static const uint16_t ORDER[32] = { 0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
    const __m512 low = _mm512_maskz_loadu_ps(lanes(count), a);
    const __m512 high = b ? _mm512_maskz_loadu_ps(lanes(count), b) : _mm512_setzero_ps();

    return _mm512_permutexvar_epi16(_mm512_loadu_si512(ORDER), (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

/* to (units(count, 2)) = pairs of neighbours in x (count); a last one is paired with zero. factor: for
 * formats that have one. */
INLINE void narrow_row(num *to, const float *x, int count, float factor)
{
    (void)factor;
    for (int l = 0; l < count; l += 2 * VEC) {
        const __m512 low = _mm512_maskz_loadu_ps(lanes(count - l), x + l);
        const __m512 high = _mm512_maskz_loadu_ps(lanes(count - l - VEC), x + l + VEC);

        _mm512_mask_storeu_epi32(to + l / 2, lanes(units(count - l, 2)),
                                 (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

INLINE float row_factor(const float *w, int k)
{
    (void)w, (void)k;
    return 1;
}

/* c (rows, vecs VEC), row i at i ldc, = or += (add) a b: pair (i, l) of a is at a[i row_step + l pair_step],
 * b holds vecs / 2 panels, panel nums apart. rows, vecs are constants after inlining. */
INLINE void tile(const int rows, const int vecs, float *c, size_t ldc, const num *a, size_t row_step,
                 size_t pair_step, const num *b, size_t panel, int pairs, bool add)
{
    __m512 sum[16][8];

    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sum[i][v] = _mm512_setzero_ps();
    }
    for (int l = 0; l < pairs; l++) {
        __m512bh right[8];

        UNROLL
        for (int v = 0; v < vecs; v++)
            right[v] = (__m512bh)_mm512_loadu_si512(b + v / 2 * panel + v % 2 * VEC);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const __m512bh left = (__m512bh)_mm512_set1_epi32((int)a[i * row_step]);

            UNROLL
            for (int v = 0; v < vecs; v++) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], left, right[v]);
        }
        a += pair_step;
        b += TILE_COLS;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) {
            float *to = c + i * ldc + v / 2 * TILE_COLS + v % 2 * VEC;
            _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sum[i][v]) : sum[i][v]);
        }
    }
}

/* a given transposed: pair (i, l) at a[i + l ld], TILE_ROWS rows. */
OUTLINE void tile_transposed(float *c, size_t ldc, const num *a, size_t ld, const num *b, int pairs, bool add)
{
    tile(TILE_ROWS, 2, c, ldc, a, 1, ld, b, 0, pairs, add);
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
                _mm512_mask_storeu_epi32(
                    out + v, lanes(width - v),
                    interleave(from + j + v, second ? second + j + v : NULL, least(count - j, width) - v));
    }
}

/* Pairs are rounded already. */
INLINE void narrow_nums(num *x, size_t count)
{
    (void)x, (void)count;
}

#endif
