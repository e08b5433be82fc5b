/* avx2.c - the native kernels with 256-bit vectors and FMA. 12 sums, 2 right and 1 left vector fill 15 of
 * the 16 registers. */
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#define NATIVE        avx2
#define VEC           8
#define TILE_ROWS     6
#define SPLAT(x)      _mm256_set1_ps(x)
#define VEC_MAX(a, b) _mm256_max_ps(a, b)
#define VEC_MIN(a, b) _mm256_min_ps(a, b)
#define VEC_SQRT(a)   _mm256_sqrt_ps(a)
#define VEC_RINT(a)   _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#include "kernels/native.h"
#endif
