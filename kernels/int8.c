/* int8.c - products of integers of 8 bits with exact sums, by AVX2: pairs of neighbours along k lie as two
 * int16 in 32 bits, and one instruction multiplies 8 pairs by 8 pairs and adds both products of each. 12
 * sums, 2 right, 1 left and 1 vector of products fill the 16 registers. */
#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/avx2_vec.h"

#define NATIVE         int8
#define TILE_ROWS      6
#define FOLD           2
#define OFFSET         0
#define DOT(sum, a, b) ((sum) + (uvec)_mm256_madd_epi16((__m256i)(a), (__m256i)(b)))
#define INTEGERS(part) ((uvec)pairs_of((part)[0], (part)[1]))

/* packs works on halves of 128 bits. */
static inline __attribute__((always_inline)) __m256i pairs_of(__m256 low, __m256 high)
{
    const __m256i packed = _mm256_packs_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high));

    return _mm256_permute4x64_epi64(packed, 0xd8);
}

#include "kernels/int8_product.h"
#endif
