/* native_dw.h - linear_dw: dw (n, k) += dout^T x, reduced over the rows in blocks of a fixed size. */
#ifndef KERNELS_NATIVE_DW_H
#define KERNELS_NATIVE_DW_H

#include "kernels/native_tile.h"

enum {
    DW_ROWS = 256, /* rows of a block at most */
    DW_TILES = 16, /* tiles of outputs a task takes at most: 16 x 6 x 256 floats stay in L2 */
    PACK_LEFT = 8, /* panels packed at a time */
    PACK_RIGHT = 4
};

/* dout (m, n) and x (m, k) of one block, packed: left in panels (rows, TILE_ROWS) of outputs, right in
 * panels (rows, TILE_COLS) of inputs. */
struct outer {
    float *left, *right;
    float *dw, *db;
    const float *dout, *x;
    int rows, n, k;
};

/* to: neighbouring panels of width columns each, (rows, width); from: count columns of rows, ld apart, count
 * at most width panels. Rows outermost: a row's columns lie together, and its page is touched once. */
INLINE void pack_panels(float *to, const float *from, size_t ld, int count, int width, int rows)
{
    for (int i = 0; i < rows; i++, from += ld, to += width) {
        int j = 0;

        for (; j + width <= count; j += width)
            memcpy(to + (size_t)j * rows, from + j, (size_t)width * sizeof(float));
        if (j == count) continue;
        memset(to + (size_t)j * rows, 0, (size_t)width * sizeof(float));
        memcpy(to + (size_t)j * rows, from + j, (size_t)(count - j) * sizeof(float));
    }
}

/* PACK_LEFT panels of outputs from column j. */
static void pack_left(const struct outer *o, int j)
{
    pack_panels(o->left + (size_t)j * o->rows, o->dout + j, (size_t)o->n,
                least(o->n - j, PACK_LEFT * TILE_ROWS), TILE_ROWS, o->rows);
}

/* PACK_RIGHT panels of inputs from column l. */
static void pack_right(const struct outer *o, int l)
{
    pack_panels(o->right + (size_t)l * o->rows, o->x + l, (size_t)o->k,
                least(o->k - l, PACK_RIGHT * TILE_COLS), TILE_COLS, o->rows);
}

/* db of TILE_COLS columns from j, top to bottom. */
static void add_columns(const struct outer *o, int j)
{
    const int count = least(o->n - j, TILE_COLS), high = most(count - VEC, 0);
    vec low_sum = SPLAT(0.0f), high_sum = SPLAT(0.0f);

    for (int i = 0; i < o->rows; i++) {
        const float *from = o->dout + (size_t)i * o->n + j;

        low_sum += load_some(from, count);
        if (high) high_sum += load_some(from + VEC, high);
    }
    store_some(o->db + j, load_some(o->db + j, count) + low_sum, count);
    if (high) store_some(o->db + j + VEC, load_some(o->db + j + VEC, high) + high_sum, high);
}

/* dw tile at (j, l), inside or across the border. */
static void outer_tile(const struct outer *o, int j, int l)
{
    const float *left = o->left + (size_t)j * o->rows, *right = o->right + (size_t)l * o->rows;
    float *to = o->dw + (size_t)j * o->k + l;
    const int rows = least(o->n - j, TILE_ROWS), columns = least(o->k - l, TILE_COLS);
    float edge[TILE_ROWS * TILE_COLS];

    if (rows == TILE_ROWS && columns == TILE_COLS) {
        tile_transposed(to, (size_t)o->k, left, TILE_ROWS, right, o->rows, true);
        return;
    }
    tile_transposed(edge, TILE_COLS, left, TILE_ROWS, right, o->rows, false);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < columns; v++) to[(size_t)i * o->k + v] += edge[i * TILE_COLS + v];
}

/* A panel of x stays in L1 while the tiles of outputs pass by. */
static void outer_task(const struct outer *o, int task)
{
    const int panels = units(o->k, TILE_COLS), first = task / panels * o->tiles * TILE_ROWS;
    const int last = least(o->n, first + o->tiles * TILE_ROWS);

    for (int j = first; j < last; j += TILE_ROWS) outer_tile(o, j, task % panels * TILE_COLS);
}

/* Inside a parallel region: pack, wait, multiply, wait. */
static void outer_block(const struct outer *o)
{
#pragma omp for schedule(static) nowait
    for (int l = 0; l < o->k; l += PACK_RIGHT * TILE_COLS) pack_right(o, l);
#pragma omp for schedule(static) nowait
    for (int j = 0; j < (o->db ? o->n : 0); j += TILE_COLS) add_columns(o, j);
#pragma omp for schedule(static)
    for (int j = 0; j < o->n; j += PACK_LEFT * TILE_ROWS) pack_left(o, j);
#pragma omp for schedule(static)
    for (int task = 0; task < units(o->n, o->tiles * TILE_ROWS) * units(o->k, TILE_COLS); task++)
        outer_task(o, task);
}

/* Tiles of a task: fewer when there would be too few tasks for the threads. No tile depends on it. */
static int cut_outputs(int n, int k, int threads)
{
    int tiles = DW_TILES;

    while (tiles > 1 && units(n, tiles * TILE_ROWS) * units(k, TILE_COLS) < 4 * threads) tiles /= 2;
    return tiles;
}

static size_t dw_scratch(int n, int k)
{
    return (size_t)DW_ROWS * ((size_t)padded(n, TILE_ROWS) + (size_t)padded(k, TILE_COLS));
}

static void linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                      int m, int n, int k)
{
    const int blocks = units(m, DW_ROWS), rows = units(m, blocks);
    float *left = c->scratch, *right = left + (size_t)DW_ROWS * padded(n, TILE_ROWS);

    assert(c->scratch_bytes >= dw_scratch(n, k) * sizeof(float));
#pragma omp parallel num_threads(c->threads)
    for (int i = 0; i < m; i += rows) {
        const struct outer o = { .left = left,
                                 .right = right,
                                 .dw = dw,
                                 .db = db,
                                 .dout = dout + (size_t)i * n,
                                 .x = x + (size_t)i * k,
                                 .rows = least(m - i, rows),
                                 .n = n,
                                 .k = k };
        outer_block(&o);
    }
}

#endif
