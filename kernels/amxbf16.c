/* amxbf16.c - products of bf16 numbers by AMX: one instruction multiplies 16 rows of 16 pairs by 16
 * pairs of 16 columns and adds to f32 sums (tdpbf16ps: rounded to nearest, subnormals count as zero). */
#if defined(__AVX512BF16__) && VIT_AMX
#define NATIVE    amxbf16
#define TILE_ROWS 32
#include "kernels/amx.h"
#include "kernels/avx512_bf16.h"
#define MATRIX_DOT(sum, a, b) MATRIX_MULTIPLY("tdpbf16ps", sum, a, b)
#include "kernels/bf16_product.h"
#endif
