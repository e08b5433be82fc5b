/* native_tile.h - the register tile all products are made of, and the panels it reads.
 *
 * A panel holds TILE_COLS columns of the right factor, k-major: (k, TILE_COLS), padded with zeros. The left
 * factor is read in place, one number at a time, broadcast to a vector. */
#ifndef KERNELS_NATIVE_TILE_H
#define KERNELS_NATIVE_TILE_H

#include "kernels/native_ahead.h"
#include "kernels/native_quant.h"
#include "kernels/native_turn.h"

/* What linear_dw packs: one row of the factors is FOLD rows of the matrices. */
typedef float num;
enum { FOLD = 1 };

/* c (rows, vecs VEC), row i at i ldc, = or += (add) a b: element (i, l) of a is at a[i row_step + l k_step],
 * b holds vecs / 2 panels, panel floats apart. rows, vecs are constants after inlining. */
INLINE void tile(const int rows, const int vecs, float *c, size_t ldc, const float *a, size_t row_step,
                 size_t k_step, const float *b, size_t panel, int k, bool add)
{
    vec sum[16][8];

    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sum[i][v] = SPLAT(0.0f);
    }
    for (int l = 0; l < k; l++) {
        vec right[8];

        UNROLL
        for (int v = 0; v < vecs; v++) right[v] = load(b + v / 2 * panel + v % 2 * VEC);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vec left = SPLAT(a[i * row_step]);

            UNROLL
            for (int v = 0; v < vecs; v++) sum[i][v] += left * right[v];
        }
        a += k_step;
        b += TILE_COLS;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) {
            float *to = c + i * ldc + v / 2 * TILE_COLS + v % 2 * VEC;
            store(to, add ? load(to) + sum[i][v] : sum[i][v]);
        }
    }
}

/* a in rows, ld apart. */
typedef void tile_fn(float *c, size_t ldc, const float *a, size_t ld, const float *b, size_t panel, int k,
                     bool add);

#define TILE(rows, panels)                                                                                   \
    OUTLINE void tile_##rows##x##panels(float *c, size_t ldc, const float *a, size_t ld, const float *b,     \
                                        size_t panel, int k, bool add)                                       \
    {                                                                                                        \
        tile(rows, 2 * panels, c, ldc, a, ld, 1, b, panel, k, add);                                          \
    }

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1)
TILE(6, 1)
#if TILE_ROWS == 14
TILE(7, 1)
TILE(8, 1)
TILE(9, 1)
TILE(10, 1)
TILE(11, 1)
TILE(12, 1)
TILE(13, 1)
TILE(14, 1)
#endif
/* One or two rows against one panel would wait for the additions: take several panels at once. */
TILE(1, 4)
TILE(2, 2)

static tile_fn *const TILES[TILE_ROWS + 1] = {
    NULL,     tile_1x1, tile_2x1, tile_3x1,  tile_4x1,  tile_5x1,  tile_6x1,
#if TILE_ROWS == 14
    tile_7x1, tile_8x1, tile_9x1, tile_10x1, tile_11x1, tile_12x1, tile_13x1, tile_14x1,
#endif
};

/* a given transposed: element (i, l) at a[i + l ld], TILE_ROWS rows. */
OUTLINE void tile_transposed(float *c, size_t ldc, const float *a, size_t ld, const float *b, int k, bool add)
{
    tile(TILE_ROWS, 2, c, ldc, a, 1, ld, b, 0, k, add);
}

/* What native_dw.h asks of tiles; folded_tile.h says what they are. */
INLINE void order_left(float *left, int panels, int k)
{
    (void)left, (void)panels, (void)k;
}

INLINE void multiply_turned(float *c, size_t ldc, const float *a, const float *b, int k, bool add)
{
    tile_transposed(c, ldc, a, TILE_ROWS, b, k, add);
}

INLINE void tiles_begin(void)
{
}

INLINE void tiles_end(void)
{
}

/* Factors of a product of tiles: a (rows, k), rows ld apart; b: panels of (k, TILE_COLS), panel floats
 * apart. */
struct factors {
    const float *a, *b;
    size_t ld, panel;
    int rows, panels, k;
};

/* Rows past the last whole tile. One or two of them take several panels at a time. */
static void last_tiles(float *c, size_t ldc, bool add, const struct factors *f)
{
    const int rest = f->rows % TILE_ROWS, whole = f->rows - rest;
    const int several = rest == 1 ? 4 : rest == 2 ? 2 : 1;
    const float *a = f->a + whole * f->ld;

    for (int p = 0; rest && p < f->panels;) {
        const int taken = p + several <= f->panels ? several : 1;
        tile_fn *tile_of = taken == 4 ? tile_1x4 : taken == 2 ? tile_2x2 : TILES[rest];

        tile_of(c + whole * ldc + p * TILE_COLS, ldc, a, f->ld, f->b + p * f->panel, f->panel, f->k, add);
        p += taken;
    }
}

/* c (rows, panels TILE_COLS), rows ldc apart, = or += a b. Panel after panel: one stays in L1 while the rows
 * pass by. */
static void tiles(float *c, size_t ldc, bool add, const struct factors *f, struct ahead *ahead)
{
    const int whole = f->rows - f->rows % TILE_ROWS;

    for (int p = 0; p < f->panels; p++) {
        const float *b = f->b + p * f->panel;

        for (int i = 0; i < whole; i += TILE_ROWS) {
            if (ahead->panels && p + 1 < f->panels)
                fetch_panel(b + f->panel, f->k, i / TILE_ROWS, whole / TILE_ROWS);
            fetch_rows(ahead, i, p * TILE_COLS);
            fetch_later(ahead);
            TILES[TILE_ROWS](c + i * ldc + p * TILE_COLS, ldc, f->a + i * f->ld, f->ld, b, 0, f->k, add);
        }
    }
    last_tiles(c, ldc, add, f);
}

enum { PACK_AHEAD = 8 }; /* rows */

/* to: neighbouring panels of width columns each, (rows, width); from: count columns of rows, ld apart, count
 * at most width panels. Rows outermost: a row's columns lie together, and its page is touched once. */
INLINE void pack_panels(float *to, const float *from, size_t ld, int count, int width, int rows)
{
    for (int i = 0; i < rows; i++, from += ld, to += width) {
        int j = 0;

        for (int l = 0; l < count; l += LINE) __builtin_prefetch(from + PACK_AHEAD * ld + l, 0, 3);
        for (; j + width <= count; j += width)
            memcpy(to + (size_t)j * rows, from + j, (size_t)width * sizeof(float));
        if (j == count) continue;
        memset(to + (size_t)j * rows, 0, (size_t)width * sizeof(float));
        memcpy(to + (size_t)j * rows, from + j, (size_t)(count - j) * sizeof(float));
    }
}

/* to (count) = x (count) rounded to bf16; to may be x. */
static void narrow_into(num *to, const float *x, size_t count)
{
    size_t i = 0;

    for (; i + VEC <= count; i += VEC) store(to + i, round_bf16(load(x + i)));
    if (i < count) store_some(to + i, round_bf16(load_some(x + i, (int)(count - i))), (int)(count - i));
}

static void narrow_nums(num *x, size_t count)
{
    narrow_into(x, x, count);
}

/* factor: for formats that have one. */
static void narrow_row(num *to, const float *x, int count, float factor)
{
    (void)factor;
    narrow_into(to, x, (size_t)count);
}

/* to (VEC) = the vector x[0], rounded. */
INLINE void narrow_vectors(num *to, const vec *x)
{
    store(to, round_bf16(x[0]));
}

/* One panel (k, TILE_COLS) from count rows of w (count, k), ld apart: to[l][j] = w[j][l]. */
static void pack_rows(float *to, const float *w, size_t ld, int count, int k)
{
    const uvec none = { 0 };

    for (int j = 0; j < TILE_COLS; j += VEC)
        for (int l = 0; l < k; l += VEC) {
            const int taken = least(k - l, VEC);
            uvec x[VEC];

            UNROLL
            for (int i = 0; i < VEC; i++)
                x[i] = j + i < count ? (uvec)load_some(w + (j + i) * ld + l, taken) : none;
            turn(x);
            for (int i = 0; i < taken; i++) store(to + (size_t)(l + i) * TILE_COLS + j, (vec)x[i]);
        }
}

/* A panel (k, TILE_COLS) of floats becomes one of integers; scale (TILE_COLS): of its columns. */
static void quantise_panel(float *panel, float *scale, int k)
{
    for (int v = 0; v < TILE_COLS; v += VEC, scale += VEC) {
        float inverse[VEC];
        ivec largest = { 0 };

        for (int l = 0; l < k; l++) largest = larger_bits(largest, load(panel + (size_t)l * TILE_COLS + v));
        for (int j = 0; j < VEC; j++) {
            const struct kern_quant q = kern_quant_of((uint32_t)largest[j]);
            scale[j] = q.scale;
            inverse[j] = q.inverse;
        }
        for (int l = 0; l < k; l++) {
            float *to = panel + (size_t)l * TILE_COLS + v;
            store(to, VEC_RINT(load(to) * load(inverse)) + SPLAT(0.0f)); /* integers have no -0 */
        }
    }
}

/* One panel (k, TILE_COLS) from count columns of x (k, count), rows ld apart. */
static void pack_columns(float *to, const float *x, size_t ld, int count, int k)
{
    if (count == TILE_COLS) {
        for (int l = 0; l < k; l++) {
            store(to + (size_t)l * TILE_COLS, load(x + l * ld));
            store(to + (size_t)l * TILE_COLS + VEC, load(x + l * ld + VEC));
        }
        return;
    }
    memset(to, 0, (size_t)k * TILE_COLS * sizeof(float));
    for (int l = 0; l < k; l++) memcpy(to + (size_t)l * TILE_COLS, x + l * ld, (size_t)count * sizeof(float));
}

#endif
