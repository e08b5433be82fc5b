/* avx512_bf16.h - what the products of bf16 numbers want of AVX-512 and AVX512-BF16: vdpbf16ps
 * multiplies 16 pairs by 16 pairs and adds both products of each to a float (f32 sums rounded to
 * nearest, subnormals count as zero). */
#ifndef KERNELS_AVX512_BF16_H
#define KERNELS_AVX512_BF16_H

#include "kernels/avx512_vec.h"

#define DOT(sum, a, b)            _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#define ALONG(low, high)          ((uvec)_mm512_cvtne2ps_pbh(high, low))
#define ACROSS(a, b)              ((uvec)across(a, b))
#define TAKE(p, count)            _mm512_maskz_loadu_ps(lanes(count), p)
#define PUT(p, nums_of_it, count) _mm512_mask_storeu_epi32(p, lanes(count), (__m512i)(nums_of_it))

/* Lanes below count of 16. */
static inline __attribute__((always_inline)) __mmask16 lanes(int count)
{
    return count >= VEC ? 0xffff : count > 0 ? (__mmask16)((1u << count) - 1) : 0;
}

static inline __attribute__((always_inline)) __m512i across(__m512 a, __m512 b)
{
    static const unsigned short ORDER[32] = { 0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                              8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };

    return _mm512_permutexvar_epi16(_mm512_loadu_si512(ORDER), (__m512i)_mm512_cvtne2ps_pbh(b, a));
}

#endif
