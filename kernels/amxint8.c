/* amxint8.c - products of integers of 8 bits with exact sums, by AMX: vnni.c with one instruction for
 * 16 rows of 16 nums times 16 nums of 16 columns (tdpbusd: the left ones without a sign, sums modulo
 * 2^32). */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && VIT_AMX
#define NATIVE    amxint8
#define TILE_ROWS 32
#include "kernels/amx.h"
#include "kernels/avx512_int8.h"
#define MATRIX_DOT(sum, a, b) MATRIX_MULTIPLY("tdpbusd", sum, a, b)
#include "kernels/int8_product.h"
#endif
