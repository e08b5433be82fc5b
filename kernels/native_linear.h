/* native_linear.h - linear and linear_dx: packed weights, blocks of rows times groups of panels. */
#ifndef KERNELS_NATIVE_LINEAR_H
#define KERNELS_NATIVE_LINEAR_H

#include "kernels/native_product.h"
#include "kernels/native_tile.h"

enum {
    DEPTH = 256,      /* k at a time: a panel's slice, 256 x 2 VEC floats, stays in L1 */
    BLOCK_TILES = 16, /* tiles of rows a task takes at most: its slice of x stays in L2 */
    GROUP = 4         /* panels a task takes at most */
};

static size_t linear_pack_bytes(int n, int k, bool back)
{
    const int outputs = back ? k : n, reduced = back ? n : k;

    return (size_t)padded(outputs, TILE_COLS) * (size_t)reduced * sizeof(float);
}

static void linear_pack(void *to, const float *w, int n, int k, bool back)
{
    const int outputs = back ? k : n, reduced = back ? n : k;

    for (int j = 0; j < outputs; j += TILE_COLS) {
        float *panel = (float *)to + (size_t)j * reduced;
        const int count = least(outputs - j, TILE_COLS);

        if (back)
            pack_columns(panel, w + j, (size_t)k, count, n);
        else
            pack_rows(panel, w + (size_t)j * k, (size_t)k, count, k);
    }
}

/* What a task of rows from row and panels from first asks for: weights when they are far, and its share of
 * the rows that the next block reads. */
static struct ahead ahead_of(const struct product *p, int row, int rows, int first, int panels)
{
    const int all = units(p->n, TILE_COLS), next = most(0, least(p->m - row - rows, rows));
    const size_t count = (size_t)next * p->k, share = count / (size_t)all + LINE;
    const size_t from = least_size(count, first * share), to = least_size(count, (first + panels) * share);
    const float *later = p->x + (size_t)(row + rows) * p->k;

    return (struct ahead){ .panels = (size_t)p->k * p->n > WARM,
                           .ld = (size_t)p->n,
                           .later = later + from,
                           .end = later + to,
                           .step = share / (size_t)(units(rows, TILE_ROWS) * units(p->k, DEPTH)) + LINE };
}

/* One block of rows times one group of panels; y: memory of this thread. */
static void product_task(const struct product *p, int task, float *y)
{
    const int row = task / p->groups * p->rows, first = task % p->groups * p->group,
              column = first * TILE_COLS;
    const int rows = least(p->m - row, p->rows), panels = least(units(p->n, TILE_COLS) - first, p->group);
    const int depth = units(p->k, units(p->k, DEPTH));
    const size_t panel = (size_t)p->k * TILE_COLS, ld = (size_t)p->group * TILE_COLS;
    struct ahead ahead = ahead_of(p, row, rows, first, panels);

    for (int l = 0; l < p->k; l += depth) {
        const struct factors f = { .a = p->x + (size_t)row * p->k + l,
                                   .b = (const float *)p->panels + first * panel + (size_t)l * TILE_COLS,
                                   .ld = (size_t)p->k,
                                   .panel = panel,
                                   .rows = rows,
                                   .panels = panels,
                                   .k = least(p->k - l, depth) };

        if (l + depth >= p->k) ask_for_rows(&ahead, p, (size_t)row * p->n + column);
        tiles(y, ld, l > 0, &f, &ahead);
    }
    finish_block(p, y, ld, row, rows, column, least(p->n - column, panels * TILE_COLS));
}

/* Floats of y that a thread needs. */
static size_t product_scratch(void)
{
    return (size_t)BLOCK_TILES * TILE_ROWS * GROUP * TILE_COLS;
}

static void multiply(const struct kern_ctx *c, struct product *p)
{
    const struct task_size size = { BLOCK_TILES, GROUP };

    assert(c->scratch_bytes >= (size_t)c->threads * product_scratch() * sizeof(float));
    cut(p, c->threads, &size);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic) if ((double)p->m * p->n * p->k > TINY)
    for (int task = 0; task < p->blocks * p->groups; task++)
        product_task(p, task, (float *)c->scratch + (size_t)omp_get_thread_num() * product_scratch());
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    struct product p = { .out = out, .x = x, .panels = w->packed, .e = e, .m = m, .n = w->n, .k = w->k };

    if (!w->packed)
        kern_ref_linear(c, out, x, w, e, m);
    else
        multiply(c, &p);
}

static void linear_dx(const struct kern_ctx *c, float *dx, const float *dout, const struct kern_mat *w, int m)
{
    const struct kern_epilogue none = { 0 };
    struct product p = {
        .out = dx, .x = dout, .panels = w->packed_back, .e = &none, .m = m, .n = w->k, .k = w->n
    };

    if (!w->packed_back)
        kern_ref_linear_dx(c, dx, dout, w, m);
    else
        multiply(c, &p);
}

#endif
