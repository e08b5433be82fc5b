/* kernels/amxbf16.c on emulated instructions. */
#define NATIVE                emulated_amxbf16
#define VEC                   16
#define TILE_ROWS             32
#define DOT(sum, a, b)        dot2(sum, a, b)
#define ALONG(low, high)      along(low, high)
#define ACROSS(a, b)          across(a, b)
#define TAKE(p, count)        take(p, count)
#define PUT(p, nums, count)   put(p, nums, count)
#define MATRIX_DOT(sum, a, b) MATRIX_MULTIPLY(wide, dot2, sum, a, b)
#include "tests/kernels/emulated.h"

#include "kernels/bf16_product.h"
