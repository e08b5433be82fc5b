/* amx_tile.h - the tiles of folded_tile.h in registers that are matrices of SIDE rows of SIDE nums:
 * four of sums, two of rows of the left factor and two of columns of the right one. The panels are
 * those of folded_tile.h, so packed weights are the same as without such registers.
 *
 * The includer defines, for a literal r below 8,
 *     MATRIX_SHAPE(nums)            a thread begins to use them, emptied: registers 4 and 5 have rows of
 *                                   nums, 6 and 7 have so many rows, and the others are whole
 *     MATRIX_END()                  it uses them no more
 *     MATRIX_ZERO(r), MATRIX_LOAD(r, p, ld), MATRIX_STORE(r, p, ld)
 *     MATRIX_DOT(sum, a, b)         sum += a b, nums by nums
 * with rows ld nums (or sums) apart. */
#ifndef KERNELS_AMX_TILE_H
#define KERNELS_AMX_TILE_H

#include "kernels/native_turn.h"

enum {
    SIDE = 16,
    ROW_STEP = SIDE,
    MOST_TURNED = 256 /* nums of a panel that is turned at most */
};
_Static_assert(VEC == SIDE && TILE_COLS == 2 * SIDE && TILE_ROWS == 2 * SIDE, "four registers of sums");

INLINE void tiles_begin(void)
{
    MATRIX_SHAPE(SIDE);
}

INLINE void tiles_end(void)
{
    MATRIX_END();
}

/* SIDE nums along the reduced dimension. low, a constant: the lower rows count as well. */
INLINE void multiply_side(const num *a, size_t ld, const num *b, const bool low)
{
    MATRIX_LOAD(4, a, ld);
    MATRIX_LOAD(6, b, TILE_COLS);
    MATRIX_DOT(0, 4, 6);
    MATRIX_LOAD(7, b + SIDE, TILE_COLS);
    MATRIX_DOT(1, 4, 7);
    if (!low) return;
    MATRIX_LOAD(5, a + SIDE * ld, ld);
    MATRIX_DOT(2, 5, 6);
    MATRIX_DOT(3, 5, 7);
}

/* steps times SIDE nums, or one step of fewer, as MATRIX_SHAPE() has it. */
INLINE void multiply_sides(float *c, size_t ldc, const num *a, size_t ld, const num *b, int steps, bool add,
                           const bool low)
{
    if (add) {
        MATRIX_LOAD(0, c, ldc);
        MATRIX_LOAD(1, c + SIDE, ldc);
        if (low) MATRIX_LOAD(2, c + SIDE * ldc, ldc);
        if (low) MATRIX_LOAD(3, c + SIDE * ldc + SIDE, ldc);
    } else {
        MATRIX_ZERO(0);
        MATRIX_ZERO(1);
        MATRIX_ZERO(2);
        MATRIX_ZERO(3);
    }
    for (; steps; steps--, a += SIDE, b += SIDE * TILE_COLS) multiply_side(a, ld, b, low);
    MATRIX_STORE(0, c, ldc);
    MATRIX_STORE(1, c + SIDE, ldc);
    if (low) MATRIX_STORE(2, c + SIDE * ldc, ldc);
    if (low) MATRIX_STORE(3, c + SIDE * ldc + SIDE, ldc);
}

/* What is left over when whole steps are done is multiplied in registers of that shape: what lies
 * behind it in memory is the next slice's, or nobody's. */
INLINE void multiply_nums(float *c, size_t ldc, const num *a, size_t ld, const num *b, int nums, bool add,
                          const bool low)
{
    const int steps = nums / SIDE, whole = steps * SIDE;

    if (steps) multiply_sides(c, ldc, a, ld, b, steps, add, low);
    if (nums == whole) return;
    MATRIX_SHAPE(nums - whole);
    multiply_sides(c, ldc, a + whole, ld, b + whole * TILE_COLS, 1, add || steps, low);
    MATRIX_SHAPE(SIDE);
}

OUTLINE void multiply_tile(int rows, float *c, size_t ldc, const num *a, size_t ld, const num *b, int nums,
                           bool add)
{
    if (rows > SIDE)
        multiply_nums(c, ldc, a, ld, b, nums, add, true);
    else
        multiply_nums(c, ldc, a, ld, b, nums, add, false);
}

/* to (SIDE rows, ld apart) = count rows of nums from from, TILE_ROWS apart, transposed. */
INLINE void turn_side(num *to, size_t ld, const num *from, int count)
{
    uvec x[SIDE];

    UNROLL
    for (int l = 0; l < SIDE; l++) {
        x[l] = (uvec){ 0 };
        if (l < count) x[l] = *(const loose_nums *)(from + l * TILE_ROWS);
    }
    turn(x);
    for (int i = 0; i < SIDE; i++) {
        if (count >= SIDE)
            *(loose_nums *)(to + i * ld) = x[i];
        else
            memcpy(to + i * ld, &x[i], (size_t)count * sizeof *to);
    }
}

/* Each panel from (nums, TILE_ROWS) to (TILE_ROWS, nums). */
INLINE void order_left(num *left, int panels, int nums)
{
    num rows[TILE_ROWS * MOST_TURNED];

    assert(nums <= MOST_TURNED);
    for (int p = 0; p < panels; p++, left += (size_t)TILE_ROWS * nums) {
        for (int l = 0; l < nums; l += SIDE)
            for (int i = 0; i < TILE_ROWS; i += SIDE)
                turn_side(rows + i * nums + l, (size_t)nums, left + l * TILE_ROWS + i, least(nums - l, SIDE));
        memcpy(left, rows, (size_t)TILE_ROWS * nums * sizeof *rows);
    }
}

INLINE void multiply_turned(float *c, size_t ldc, const num *a, const num *b, int nums, bool add)
{
    multiply_tile(TILE_ROWS, c, ldc, a, (size_t)nums, b, nums, add);
}

#endif
