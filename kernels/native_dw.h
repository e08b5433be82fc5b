/* native_dw.h - linear_dw: dw (n, k) += dout^T x, reduced over the rows in blocks of a fixed size. */
#ifndef KERNELS_NATIVE_DW_H
#define KERNELS_NATIVE_DW_H

#include "kernels/native_tile.h"

enum { DW_ROWS = 256, DW_TILES = 16 }; /* rows of a block at most; tiles of outputs a task takes */

/* dout (m, n) and x (m, k) of one block, packed: left in panels (rows, TILE_ROWS) of outputs, right in
 * panels (rows, TILE_COLS) of inputs. */
struct outer {
    float *left, *right;
    float *dw, *db;
    const float *dout, *x;
    int rows, n, k;
};

/* Panel of TILE_ROWS outputs from column j, zeros past n; its column sums into db, top to bottom. */
static void pack_left(const struct outer *o, int j)
{
    float *to = o->left + (size_t)j * o->rows;
    const int count = least(o->n - j, TILE_ROWS);
    float sum[TILE_ROWS] = { 0 };

    for (int i = 0; i < o->rows; i++, to += TILE_ROWS) {
        const float *from = o->dout + (size_t)i * o->n + j;

        for (int r = 0; r < TILE_ROWS; r++) to[r] = r < count ? from[r] : 0;
        for (int r = 0; r < TILE_ROWS; r++) sum[r] += to[r];
    }
    for (int r = 0; o->db && r < count; r++) o->db[j + r] += sum[r];
}

static void pack_right(const struct outer *o, int l)
{
    pack_columns(o->right + (size_t)l * o->rows, o->x + l, (size_t)o->k, least(o->k - l, TILE_COLS), o->rows);
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
    const int panels = units(o->k, TILE_COLS), first = task / panels * DW_TILES * TILE_ROWS;
    const int last = least(o->n, first + DW_TILES * TILE_ROWS);

    for (int j = first; j < last; j += TILE_ROWS) outer_tile(o, j, task % panels * TILE_COLS);
}

/* Inside a parallel region: pack, wait, multiply, wait. */
static void outer_block(const struct outer *o)
{
#pragma omp for schedule(static) nowait
    for (int l = 0; l < units(o->k, TILE_COLS); l++) pack_right(o, l * TILE_COLS);
#pragma omp for schedule(static)
    for (int j = 0; j < units(o->n, TILE_ROWS); j++) pack_left(o, j * TILE_ROWS);
#pragma omp for schedule(static)
    for (int task = 0; task < units(o->n, DW_TILES * TILE_ROWS) * units(o->k, TILE_COLS); task++)
        outer_task(o, task);
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
