/* vnni.c - products of integers of 8 bits with exact sums, by AVX512-VNNI. 28 sums, 2 right and 1 left vector
 * fill 31 of the 32 registers. */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define NATIVE    vnni
#define TILE_ROWS 14
#include "kernels/avx512_int8.h"
#include "kernels/int8_product.h"
#endif
