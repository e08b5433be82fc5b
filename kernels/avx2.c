/* avx2.c - the native kernels with 256-bit vectors and FMA. 12 sums, 2 right and 1 left vector fill 15 of
 * the 16 registers. */
#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/avx2_vec.h"

#define NATIVE    avx2
#define TILE_ROWS 6
#include "kernels/native.h"
#endif
