/* folded_tile.h - the tiles of formats that multiply FOLD neighbours along the reduced dimension at
 * once: bf16_tile.h two, int8_product.h two or four. Two kinds of registers can hold them, vectors
 * (folded_rows.h) and matrices (amx_tile.h), with the same functions for who multiplies by them:
 *     multiply_tile()            c (rows, TILE_COLS), rows ldc apart, = or += (add) a b, rows of a ld
 *                                apart, b a panel; rows are read and written up to whole ROW_STEPs
 *     order_left()               panels (nums, TILE_ROWS) of a transposed left factor as the next wants them
 *     multiply_turned()          the same as multiply_tile() with TILE_ROWS rows, one such panel
 *     tiles_begin(), tiles_end() around all of these, on the thread that calls them
 *
 * A num is FOLD neighbours in 32 bits, the earliest one lowest. A panel holds TILE_COLS columns of the
 * right factor, num by num: (nums, TILE_COLS), padded with zeros. Before it the includer defines
 *     sums              a vector of sums, of 32 bits each: vec or uvec
 *     SPLAT_NUM(x)      a num in every lane, as uvec
 *     DOT(sum, a, b)    sum + the products of the neighbours in a and b, lane by lane */
#ifndef KERNELS_FOLDED_TILE_H
#define KERNELS_FOLDED_TILE_H

#include "kernels/native_base.h"

typedef uint32_t num;
typedef uvec loose_nums __attribute__((aligned(4), may_alias));
typedef sums loose_sums __attribute__((aligned(4), may_alias));

/* What a task's result takes at most, its rows being a line longer than they need: so that those of a
 * tile lie in different sets of the cache. folded.h says what tasks are. */
#define RESULT_FLOATS ((RESULT * TILE_COLS + BLOCK_TILES * LINE) * TILE_ROWS)

#if defined(MATRIX_DOT)
#include "kernels/amx_tile.h"
#else
#include "kernels/folded_rows.h"
#endif

#endif
