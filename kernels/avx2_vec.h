/* avx2_vec.h - what every file for vectors of 256 bits tells the descriptions it includes. */
#ifndef KERNELS_AVX2_VEC_H
#define KERNELS_AVX2_VEC_H

#include <immintrin.h>

#define VEC           8
#define SPLAT(x)      _mm256_set1_ps(x)
#define SPLAT_NUM(x)  ((uvec)_mm256_set1_epi32((int)(x)))
#define VEC_MAX(a, b) _mm256_max_ps(a, b)
#define VEC_MIN(a, b) _mm256_min_ps(a, b)
#define VEC_SQRT(a)   _mm256_sqrt_ps(a)
#define VEC_RINT(a)   _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

#endif
