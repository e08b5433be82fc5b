/* avx512.c - the native kernels with 512-bit vectors. 28 sums, 2 right and 1 left vector fill 31 of the 32
 * registers. */
#if defined(__AVX512F__)
#include <immintrin.h>

#define NATIVE        avx512
#define VEC           16
#define TILE_ROWS     14
#define SPLAT(x)      _mm512_set1_ps(x)
#define VEC_MAX(a, b) _mm512_max_ps(a, b)
#define VEC_MIN(a, b) _mm512_min_ps(a, b)
#define VEC_SQRT(a)   _mm512_sqrt_ps(a)
#define VEC_RINT(a)   _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#include "kernels/native.h"
#endif
