/* avx512_vec.h - what every file for vectors of 512 bits tells the descriptions it includes. */
#ifndef KERNELS_AVX512_VEC_H
#define KERNELS_AVX512_VEC_H

#include <immintrin.h>

#define VEC           16
#define SPLAT(x)      _mm512_set1_ps(x)
#define SPLAT_NUM(x)  ((uvec)_mm512_set1_epi32((int)(x)))
#define VEC_MAX(a, b) _mm512_max_ps(a, b)
#define VEC_MIN(a, b) _mm512_min_ps(a, b)
#define VEC_SQRT(a)   _mm512_sqrt_ps(a)
#define VEC_RINT(a)   _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

#endif
