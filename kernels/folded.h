/* folded.h - linear and its like for formats that multiply FOLD neighbours along k at once: bf16_product.h,
 * int8_product.h.
 *
 * Before it the includer defines, beside what native.h and folded_tile.h want,
 *     FOLD               neighbours in a num
 *     narrow_row()       numbers to nums
 *     DEPTH              k at a time: a panel's slice stays in L1
 *     BLOCK_TILES, GROUP, RESULT tiles of rows, panels, and tiles of both that a task takes at most
 *     struct room        memory of one thread; y (RESULT_FLOATS): a task's result
 * and after it
 *     take_left()        where a slice of rows of x lies as nums
 *     finish()           from the sums of a task to what is written */
#ifndef KERNELS_FOLDED_H
#define KERNELS_FOLDED_H

#include "kernels/folded_tile.h"
#include "kernels/native_product.h"
#include "kernels/native_turn.h"

/* ---- packing ---- */

/* One panel (nums, TILE_COLS) from count rows of w (count, k), ld apart, each times its factor (count),
 * NULL: 1: to[l][j] = factor[j] w[j][FOLD l ...]. */
static void pack_scaled_rows(num *to, const float *w, size_t ld, int count, int k, const float *factor)
{
    for (int j = 0; j < TILE_COLS; j += VEC)
        for (int l = 0; l < k; l += FOLD * VEC) {
            const int taken = least(k - l, FOLD * VEC);
            uvec x[VEC] = { { 0 } };

            for (int i = 0; i < VEC && j + i < count; i++)
                narrow_row((num *)(x + i), w + (j + i) * ld + l, taken, factor ? factor[j + i] : 1);
            turn(x);
            for (int i = 0; i < units(taken, FOLD); i++)
                *(loose_nums *)(to + (size_t)(l / FOLD + i) * TILE_COLS + j) = x[i];
        }
}

/* ---- products ---- */

/* Nums from a row of the left factor to the next: whole lines, and an odd number of them, so that the
 * rows of a tile lie in different sets of the cache. */
static size_t left_step(int nums)
{
    return (size_t)padded(nums, LINE) | LINE;
}

/* Nums of m rows of k numbers, and of the rows that tiles read behind them. */
static size_t left_nums(int m, int k)
{
    return (size_t)padded(m, ROW_STEP) * left_step(units(k, FOLD));
}

/* What one slice of k adds to a task's result. */
struct slice {
    const num *left, *panels;  /* rows lie left_ld apart, with memory up to a ROW_STEP; panels panel */
    size_t left_ld, panel, ld; /* ld: of y */
    int rows, count, nums;     /* count: of panels */
    bool add;
};

/* Point s->left at the nums of s->rows rows of x from row, count inputs from l. */
static void take_left(struct slice *s, const struct product *p, struct room *room, int row, int l, int count);

/* Write the task's result, s->rows rows from row and s->count panels from column. */
static void finish(const struct product *p, struct room *room, const struct slice *s, int row, int column);

static void slice_tiles(float *y, const struct slice *s, const struct ahead *ahead)
{
    const int tiles = units(s->rows, TILE_ROWS);

    tiles_begin();
    for (int p = 0; p < s->count; p++) {
        const num *b = s->panels + p * s->panel;

        for (int i = 0; i < tiles; i++) {
            const int row = i * TILE_ROWS, rows = least(s->rows - row, TILE_ROWS);

            if (ahead->panels && p + 1 < s->count) fetch_panel(b + s->panel, s->nums, i, tiles);
            if (rows == TILE_ROWS) fetch_rows(ahead, row, p * TILE_COLS);
            multiply_tile(rows, y + row * s->ld + p * TILE_COLS, s->ld, s->left + (size_t)row * s->left_ld,
                          s->left_ld, b, s->nums, s->add);
        }
    }
    tiles_end();
}

/* One block of rows times one group of panels. */
static void product_task(const void *work, int task, int worker)
{
    const struct product *p = work;
    struct room *room = (struct room *)p->rooms + worker;
    const int row = task / p->groups * p->rows, first = task % p->groups * p->group,
              column = first * TILE_COLS;
    const int rows = least(p->m - row, p->rows), panels = least(units(p->n, TILE_COLS) - first, p->group);
    const int depth = padded(units(p->k, units(p->k, DEPTH)), FOLD);
    const size_t panel = (size_t)units(p->k, FOLD) * TILE_COLS;
    struct slice s = {
        .panel = panel, .ld = (size_t)p->group * TILE_COLS + LINE, .rows = rows, .count = panels
    };
    struct ahead ahead = { .panels = panel * (size_t)units(p->n, TILE_COLS) > WARM, .ld = (size_t)p->n };

    for (int l = 0; l < p->k; l += depth) {
        const int taken = least(p->k - l, depth);

        s.nums = units(taken, FOLD);
        s.panels = (const num *)p->panels + first * panel + (size_t)(l / FOLD) * TILE_COLS;
        s.add = l > 0;
        take_left(&s, p, room, row, l, taken);
        if (l + depth >= p->k) ask_for_rows(&ahead, p, (size_t)row * p->n + column);
        slice_tiles(room->y, &s, &ahead);
    }
    finish(p, room, &s, row, column);
}

/* p->rooms: a struct room a thread. */
static void multiply(const struct kern_ctx *c, struct product *p)
{
    const struct task_size size = { BLOCK_TILES, GROUP, RESULT };

    cut(p, c->threads, &size);
    kern_share(c, (double)p->m * p->n * p->k <= TINY, product_task, p, p->blocks * p->groups);
}

#endif
