/* avxvnni.c - vnni.c with vectors of 256 bits, for CPUs that have its instruction (AVX-VNNI) and no AVX-512.
 * 12 sums, 2 right and 1 left vector fill 15 of the 16 registers. */
#if defined(__AVXVNNI__) && defined(__AVX2__) && defined(__FMA__)
#include "kernels/avx2_vec.h"

#define NATIVE         avxvnni
#define TILE_ROWS      6
#define FOLD           4
#define OFFSET         128
#define DOT(sum, a, b) ((uvec)_mm256_dpbusd_avx_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(b)))
#define INTEGERS(part) ((uvec)bytes_of((part)[0], (part)[1], (part)[2], (part)[3]))

/* packs works on halves of 128 bits: each then holds four integers of a, of b, of c and of d. */
static inline __attribute__((always_inline)) __m256i bytes_of(__m256 a, __m256 b, __m256 c, __m256 d)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i ab = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
    const __m256i cd = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));

    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd), order);
}

#include "kernels/int8_product.h"
#endif
