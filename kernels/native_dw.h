/* native_dw.h - linear_dw: dw (n, k) += dout^T x, reduced over the rows in blocks of one size, that
 * depends on the number of rows alone.
 *
 * The tile's header says how FOLD rows become one row of nums (pack_panels, narrow_nums, order_left)
 * and multiplies them (multiply_turned): native_tile.h for f32, bf16_tile.h for pairs of bf16. */
#ifndef KERNELS_NATIVE_DW_H
#define KERNELS_NATIVE_DW_H

#include "kernels/native_ahead.h"

enum {
    DW_ROWS = 256, /* rows of nums of a block at most */
    DW_TILES = 16, /* tiles of outputs a task takes at most: TILE_ROWS x 256 nums each, which stay in L2 */
    PACK_LEFT = 8, /* panels packed at a time */
    PACK_RIGHT = 4,
    BIAS = 8 * VEC /* columns of db at a time */
};

/* dout (m, n) and x (m, k) of one block, packed: left in panels (folded, TILE_ROWS) of outputs, right in
 * panels (folded, TILE_COLS) of inputs. */
struct outer {
    num *left, *right;
    float *dw, *db;
    const float *dout, *x;
    int rows, n, k;
    int folded;        /* rows of nums */
    int tiles;         /* of outputs that a task takes */
    bool narrow;       /* round the factors to bf16 */
    int next;          /* rows of the block after this one; they start where this one's end */
    int rights, lefts; /* tasks that pack */
};

/* At most PACK_LEFT panels of outputs from column j. */
static void pack_left(const struct outer *o, int j)
{
    num *to = o->left + (size_t)j * o->folded;
    const int count = least(o->n - j, PACK_LEFT * TILE_ROWS);

    pack_panels(to, o->dout + j, (size_t)o->n, count, TILE_ROWS, o->rows);
    if (o->narrow) narrow_nums(to, (size_t)padded(count, TILE_ROWS) * o->folded);
    order_left(to, units(count, TILE_ROWS), o->folded);
}

/* db of vecs vectors of columns from j, top to bottom; count columns of the last vector. */
INLINE void add_columns(const struct outer *o, int j, const int vecs, int count)
{
    vec sum[8];

    UNROLL
    for (int v = 0; v < vecs; v++) sum[v] = SPLAT(0.0f);
    for (int i = 0; i < o->rows; i++) {
        const float *from = o->dout + (size_t)i * o->n + j;

        UNROLL
        for (int v = 0; v < vecs; v++) sum[v] += load_some(from + v * VEC, count);
    }
    for (int v = 0; v < vecs; v++) {
        float *to = o->db + j + v * VEC;
        store_some(to, load_some(to, count) + sum[v], count);
    }
}

/* db of at most BIAS columns from j. */
static void add_bias(const struct outer *o, int j)
{
    if (o->n - j >= BIAS) {
        add_columns(o, j, 8, VEC);
        return;
    }
    for (; j < o->n; j += VEC) add_columns(o, j, 1, least(o->n - j, VEC));
}

/* At most PACK_RIGHT panels of inputs from column l. */
static void pack_right(const struct outer *o, int l)
{
    num *to = o->right + (size_t)l * o->folded;
    const int count = least(o->k - l, PACK_RIGHT * TILE_COLS);

    pack_panels(to, o->x + l, (size_t)o->k, count, TILE_COLS, o->rows);
    if (o->narrow) narrow_nums(to, (size_t)padded(count, TILE_COLS) * o->folded);
}

/* dw tile at (j, l), inside or across the border. */
static void outer_tile(const struct outer *o, int j, int l)
{
    const num *left = o->left + (size_t)j * o->folded, *right = o->right + (size_t)l * o->folded;
    float *to = o->dw + (size_t)j * o->k + l;
    const int rows = least(o->n - j, TILE_ROWS), columns = least(o->k - l, TILE_COLS);
    const bool whole = rows == TILE_ROWS && columns == TILE_COLS;
    float edge[TILE_ROWS * TILE_COLS];

    if (whole) fetch_written(to, (size_t)o->k);
    multiply_turned(whole ? to : edge, whole ? (size_t)o->k : TILE_COLS, left, right, o->folded, whole);
    if (whole) return;
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < columns; v++) to[(size_t)i * o->k + v] += edge[i * TILE_COLS + v];
}

/* Share share of shares of the next rows of (rows, ld) behind from; step is set for tiles steps. */
static struct ahead next_rows(const float *from, const struct outer *o, int ld, size_t share, size_t shares,
                              int steps)
{
    const size_t count = (size_t)o->next * ld, length = count / shares + LINE;
    const float *later = from + (size_t)o->rows * ld;

    return (struct ahead){ .later = later + least_size(count, share * length),
                           .end = later + least_size(count, (share + 1) * length),
                           .step = length / (size_t)steps + LINE };
}

/* A panel of x stays in L1 while the tiles of outputs pass by. Meanwhile each tile asks for its share of the
 * next block, whose packing would otherwise wait for the memory: a tenth of the time at 8320 rows. */
static void outer_task(const void *work, int task, int worker)
{
    const struct outer *o = work;
    const int panels = units(o->k, TILE_COLS), first = task / panels * o->tiles * TILE_ROWS;
    const int last = least(o->n, first + o->tiles * TILE_ROWS);
    const size_t tasks = (size_t)units(o->n, o->tiles * TILE_ROWS) * panels;
    struct ahead dout = next_rows(o->dout, o, o->n, (size_t)task, tasks, o->tiles);
    struct ahead x = next_rows(o->x, o, o->k, (size_t)task, tasks, o->tiles);

    (void)worker;
    tiles_begin();
    for (int j = first; j < last; j += TILE_ROWS) {
        fetch_later(&dout);
        fetch_later(&x);
        outer_tile(o, j, task % panels * TILE_COLS);
    }
    tiles_end();
}

/* What comes before the product of a block: its right factor, its left factor and its part of db. */
static void prepare_task(const void *work, int task, int worker)
{
    const struct outer *o = work;

    (void)worker;
    if (task < o->rights)
        pack_right(o, task * PACK_RIGHT * TILE_COLS);
    else if (task < o->rights + o->lefts)
        pack_left(o, (task - o->rights) * PACK_LEFT * TILE_ROWS);
    else
        add_bias(o, (task - o->rights - o->lefts) * BIAS);
}

static void outer_block(const struct kern_ctx *c, struct outer *o)
{
    const int biases = o->db ? units(o->n, BIAS) : 0;

    o->rights = units(o->k, PACK_RIGHT * TILE_COLS);
    o->lefts = units(o->n, PACK_LEFT * TILE_ROWS);
    kern_share(c, false, prepare_task, o, o->rights + o->lefts + biases);
    kern_share(c, false, outer_task, o, units(o->n, o->tiles * TILE_ROWS) * units(o->k, TILE_COLS));
}

/* Tiles of a task: fewer when there would be too few tasks for the threads. No tile depends on it. */
static int cut_outputs(int n, int k, int threads)
{
    int tiles = DW_TILES;

    while (tiles > 1 && units(n, tiles * TILE_ROWS) * units(k, TILE_COLS) < 4 * threads) tiles /= 2;
    return tiles;
}

/* Nums. */
static size_t dw_scratch(int n, int k)
{
    return (size_t)DW_ROWS * ((size_t)padded(n, TILE_ROWS) + (size_t)padded(k, TILE_COLS));
}

static void multiply_outer(const struct kern_ctx *c, bool narrow, float *dw, float *db, const float *dout,
                           const float *x, int m, int n, int k)
{
    const int blocks = units(m, DW_ROWS * FOLD), rows = padded(units(m, blocks), FOLD);
    num *left = c->scratch, *right = left + (size_t)DW_ROWS * padded(n, TILE_ROWS);

    assert(c->scratch_bytes >= dw_scratch(n, k) * sizeof(num));
    for (int i = 0; i < m; i += rows) {
        struct outer o = { .left = left,
                           .right = right,
                           .dw = dw,
                           .db = db,
                           .dout = dout + (size_t)i * n,
                           .x = x + (size_t)i * k,
                           .rows = least(m - i, rows),
                           .folded = units(least(m - i, rows), FOLD),
                           .n = n,
                           .k = k,
                           .narrow = narrow,
                           .tiles = cut_outputs(n, k, c->threads),
                           .next = most(0, least(m - i - rows, rows)) };
        outer_block(c, &o);
    }
}

#endif
