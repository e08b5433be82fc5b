/* bf16.c - products of bf16 numbers by AVX512-BF16. The tile is as large as that of avx512.c. */
#if defined(__AVX512BF16__)
#define NATIVE    bf16
#define TILE_ROWS 14
#include "kernels/avx512_bf16.h"
#include "kernels/bf16_product.h"
#endif
