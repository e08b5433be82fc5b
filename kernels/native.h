/* native.h - one description of the fast f32 kernels, compiled once per instruction set.
 *
 * vec.c, avx2.c and avx512.c define
 *     NATIVE        the overlay's name
 *     VEC           floats of a vector
 *     TILE_ROWS     rows of the register tile; it is 2 VEC wide
 *     SPLAT(x)      x in every lane
 *     VEC_MAX(a, b), VEC_MIN(a, b)    as x86 does it: b when either is NaN
 *     VEC_SQRT(a)
 *     VEC_RINT(a)   to nearest, ties to even, for |a| below 2^22; NaN stays
 * and include this file, which uses the vector extensions of gcc and clang. Everything is static, so each
 * overlay has its own copy under its own instruction flags.
 *
 * Sums run over k in an order that depends on k alone, and no kernel's order depends on the number of rows
 * or threads: a row has the same bits in any batch. */
#ifndef KERNELS_NATIVE_H
#define KERNELS_NATIVE_H

#include "kernels/native_act.h"
#include "kernels/native_attend.h"
#include "kernels/native_attend_back.h"
#include "kernels/native_flat.h"
#include "kernels/native_image.h"
#include "kernels/native_linear.h"
#include "kernels/native_norm.h"

#include "kernels/native_install.h"

#endif
