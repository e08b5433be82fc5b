/* kernels/amxint8.c on emulated instructions. */
#define NATIVE                emulated_amxint8
#define VEC                   16
#define TILE_ROWS             32
#define FOLD                  4
#define OFFSET                128
#define DOT(sum, a, b)        dot4(sum, a, b)
#define INTEGERS(part)        bytes_of(part)
#define MATRIX_DOT(sum, a, b) MATRIX_MULTIPLY(uwide, dot4, sum, a, b)
#include "tests/kernels/emulated.h"

#include "kernels/int8_product.h"
