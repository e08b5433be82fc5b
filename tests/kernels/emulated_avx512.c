/* kernels/avx512.c on emulated instructions. */
#define NATIVE    emulated_avx512
#define VEC       16
#define TILE_ROWS 14
#include "tests/kernels/emulated.h"

#include "kernels/native.h"
