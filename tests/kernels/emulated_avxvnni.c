/* kernels/avxvnni.c on emulated instructions. */
#define NATIVE         emulated_avxvnni
#define VEC            8
#define TILE_ROWS      6
#define FOLD           4
#define OFFSET         128
#define DOT(sum, a, b) dot4(sum, a, b)
#define INTEGERS(part) bytes_of(part)
#include "tests/kernels/emulated.h"

#include "kernels/int8_product.h"
