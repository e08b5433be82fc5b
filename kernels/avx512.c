/* avx512.c - the native kernels with 512-bit vectors. 28 sums, 2 right and 1 left vector fill 31 of the 32
 * registers. */
#if defined(__AVX512F__)
#include "kernels/avx512_vec.h"

#define NATIVE    avx512
#define TILE_ROWS 14
#include "kernels/native.h"
#endif
