/* folded_rows.h - the tiles of folded_tile.h in registers that are vectors: one for each number of rows. */
#ifndef KERNELS_FOLDED_ROWS_H
#define KERNELS_FOLDED_ROWS_H

enum { ROW_STEP = 1 };

INLINE void tiles_begin(void)
{
}

INLINE void tiles_end(void)
{
}

/* c (rows, TILE_COLS), row i at i ldc, = or += (add) a b, sums of any kind in the place of floats: num (i, l)
 * of a is at a[i row_step + l num_step], b is a panel. rows is a constant after inlining. */
INLINE void tile(const int rows, float *c, size_t ldc, const num *a, size_t row_step, size_t num_step,
                 const num *b, int nums, bool add)
{
    sums sum[16][2];

    UNROLL
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (sums){ 0 };
    for (int l = 0; l < nums; l++) {
        const uvec right[2] = { *(const loose_nums *)b, *(const loose_nums *)(b + VEC) };

        UNROLL
        for (int i = 0; i < rows; i++) {
            const uvec left = SPLAT_NUM(a[i * row_step]);

            sum[i][0] = DOT(sum[i][0], left, right[0]);
            sum[i][1] = DOT(sum[i][1], left, right[1]);
        }
        a += num_step;
        b += TILE_COLS;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < 2; v++) {
            /* cppcheck-suppress invalidPointerCast ; sums of integers lie in the memory of the result */
            loose_sums *to = (loose_sums *)(c + i * ldc + v * VEC);
            *to = add ? (sums)*to + sum[i][v] : sum[i][v];
        }
    }
}

/* a in rows, ld apart. */
typedef void tile_fn(float *c, size_t ldc, const num *a, size_t ld, const num *b, int nums, bool add);

#define TILE(rows)                                                                                           \
    OUTLINE void tile_##rows(float *c, size_t ldc, const num *a, size_t ld, const num *b, int nums,          \
                             bool add)                                                                       \
    {                                                                                                        \
        tile(rows, c, ldc, a, ld, 1, b, nums, add);                                                          \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#if TILE_ROWS == 14
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)
#endif
static tile_fn *const TILES[TILE_ROWS + 1] = {
    NULL,   tile_1, tile_2, tile_3,  tile_4,  tile_5,  tile_6,
#if TILE_ROWS == 14
    tile_7, tile_8, tile_9, tile_10, tile_11, tile_12, tile_13, tile_14,
#endif
};

INLINE void multiply_tile(int rows, float *c, size_t ldc, const num *a, size_t ld, const num *b, int nums,
                          bool add)
{
    TILES[rows](c, ldc, a, ld, b, nums, add);
}

INLINE void order_left(num *left, int panels, int nums)
{
    (void)left, (void)panels, (void)nums;
}

INLINE void multiply_turned(float *c, size_t ldc, const num *a, const num *b, int nums, bool add)
{
    tile(TILE_ROWS, c, ldc, a, 1, TILE_ROWS, b, nums, add);
}

#endif
