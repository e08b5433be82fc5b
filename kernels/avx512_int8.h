/* avx512_int8.h - what the products of integers of 8 bits want of AVX-512 and AVX512-VNNI: four
 * neighbours along k lie as bytes in 32 bits, and one instruction (vpdpbusd) multiplies 16 such by 16,
 * the left ones without a sign, and adds all four products of each to a sum. */
#ifndef KERNELS_AVX512_INT8_H
#define KERNELS_AVX512_INT8_H

#include "kernels/avx512_vec.h"

#define FOLD           4
#define OFFSET         128
#define DOT(sum, a, b) ((uvec)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(a), (__m512i)(b)))
#define INTEGERS(part) ((uvec)bytes_of((part)[0], (part)[1], (part)[2], (part)[3]))

/* packs works on quarters of 128 bits: each then holds four integers of a, of b, of c and of d. */
static inline __attribute__((always_inline)) __m512i bytes_of(__m512 a, __m512 b, __m512 c, __m512 d)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    const __m512i cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));

    return _mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
}

#endif
