/* int8_product.h - products of integers of 8 bits, one description for every instruction set.
 *
 * Beside what native.h and folded_tile.h want, the includer defines
 *     FOLD             integers of a num: 2 of 16 bits, or 4 of 8
 *     INTEGERS(part)   FOLD vectors of floats, rounded to nearest, as one of nums in their order, saturated
 *     OFFSET           what DOT wants added to the left factor's integers: 0, or 128 where it takes bytes
 *                      without a sign
 *
 * The rows of x are quantised once, by tasks of their own, before the product's tasks read them; a packed
 * matrix is its panels, then the scales of its rows and, where there is an OFFSET, what that adds to their
 * sums. This is taken off again before the sums are scaled. All of it is modulo 2^32, so no sum but the last
 * needs to fit: KERN_I8_INPUTS holds for any OFFSET. */
#ifndef KERNELS_INT8_PRODUCT_H
#define KERNELS_INT8_PRODUCT_H

#include "kernels/native_ahead.h"
#include "kernels/native_quant.h"

typedef uvec sums;

#include "kernels/folded_tile.h"

/* OFFSET on every integer of a num. Added to one of 8 bits, it changes its sign bit. */
#define OFFSETS (OFFSET * 0x01010101u)

/* What a fixed scale does beside: larger numbers are held, and zero times each is added up to zeros. */
INLINE vec scaled(vec x, vec by, const bool fixed, vec *zeros)
{
    if (!fixed) return x * by;
    *zeros += x * SPLAT(0.0f);
    return hold(x * by);
}

/* The first count of FOLD vectors of numbers from x as integers, zeros behind them. */
INLINE uvec integers(const float *x, int count, vec by, const bool fixed, vec *zeros)
{
    vec part[FOLD];

    UNROLL
    for (int i = 0; i < FOLD; i++)
        part[i] = scaled(load_some(x + i * VEC, most(count - i * VEC, 0)), by, fixed, zeros);
    return INTEGERS(part);
}

/* to (units(count, FOLD)) = x (count) times factor, rounded, as integers with offsets, a constant, on them;
 * zeros fill the last num. fixed, a constant: the factor was not taken from x. Returns whether all are
 * numbers, true if not fixed. */
INLINE bool narrow(num *to, const float *x, int count, float factor, const uint32_t offsets, const bool fixed)
{
    const vec by = SPLAT(factor);
    vec zeros = { 0 };
    int l = 0;

    for (; l + FOLD * VEC <= count; l += FOLD * VEC)
        *(loose_nums *)(to + l / FOLD) = integers(x + l, FOLD * VEC, by, fixed, &zeros) ^ offsets;
    if (l < count) {
        const uvec nums = integers(x + l, count - l, by, fixed, &zeros) ^ offsets;
        memcpy(to + l / FOLD, &nums, (size_t)units(count - l, FOLD) * sizeof *to);
    }
    return !fixed || sum_lanes(zeros) == 0;
}

/* Of weights: without offsets. */
INLINE void narrow_row(num *to, const float *x, int count, float factor)
{
    narrow(to, x, count, factor, 0, false);
}

enum {
    DEPTH = 256 * FOLD, /* k at a time: a panel's slice, 256 nums x 2 VEC, stays in L1 */
    BLOCK_TILES = 16,   /* tiles of rows a task takes at most: its slice of x stays in L2 */
    GROUP = 4,          /* panels a task takes at most */
    RESULT = BLOCK_TILES * GROUP,
    ROWS = 1024 /* rows of x that are quantised before their product: what scratch holds */
};

/* Memory of one thread. */
struct room {
    float y[RESULT_FLOATS]; /* the result of a task */
};

#include "kernels/folded.h"

/* Nums of all panels. */
static size_t panel_nums(int outputs, int reduced)
{
    return (size_t)padded(outputs, TILE_COLS) * (size_t)units(reduced, FOLD);
}

/* to (TILE_COLS) = the sums of a row of nothing but OFFSET times a panel. */
static void sum_offsets(num *to, const num *panel, int nums)
{
    for (int v = 0; v < TILE_COLS; v += VEC) {
        uvec sum = { 0 };

        for (int l = 0; l < nums; l++)
            sum = DOT(sum, SPLAT_NUM(OFFSETS), *(const loose_nums *)(panel + (size_t)l * TILE_COLS + v));
        *(loose_nums *)(to + v) = sum;
    }
}

/* Behind the panels: for each column its scale, and what OFFSET adds to its sums. */
static void pack(void *to, const float *w, int n, int k, bool back)
{
    const int nums = units(k, FOLD), outputs = padded(n, TILE_COLS);
    num *behind = (num *)to + panel_nums(n, k);
    /* cppcheck-suppress invalidPointerCast ; the scales lie behind the panels */
    float *scales = (float *)behind;

    (void)back;
    for (int j = 0; j < n; j += TILE_COLS) {
        const int count = least(n - j, TILE_COLS);
        num *panel = (num *)to + (size_t)j * (size_t)nums;
        float factor[TILE_COLS];

        for (int i = 0; i < count; i++) {
            const struct kern_quant q = quant_of_row(w + (size_t)(j + i) * k, k);

            scales[j + i] = q.scale;
            factor[i] = q.inverse;
        }
        for (int i = count; i < TILE_COLS; i++) scales[j + i] = 0;
        pack_scaled_rows(panel, w + (size_t)j * k, (size_t)k, count, k, factor);
        if (OFFSET) sum_offsets(behind + outputs + j, panel, nums);
    }
}

/* ---- a product ---- */

static void take_left(struct slice *s, const struct product *p, struct room *room, int row, int l, int count)
{
    (void)room, (void)count;
    s->left_ld = left_step(units(p->k, FOLD));
    s->left = (const num *)p->left + (size_t)row * s->left_ld + l / FOLD;
}

static void finish(const struct product *p, struct room *room, const struct slice *s, int row, int column)
{
    const float *columns = p->column_scale + column;
    const struct worth worth = { p->row_scale + row, columns,
                                 OFFSET ? columns + padded(p->n, TILE_COLS) : NULL };

    finish_block(p, &worth, room->y, s->ld, row, s->rows, column, least(p->n - column, s->count * TILE_COLS));
}

/* Rows of x become nums and scales. */
struct narrowing {
    num *to;
    float *scale;
    const float *x;
    int m, k;
    float fixed; /* scale of all rows; 0: each has its own */
};

static void narrow_task(const void *work, int task, int worker)
{
    const struct narrowing *n = work;
    const struct range r = task_rows(task, n->m, n->k);

    (void)worker;
    for (int i = r.from; i < r.to; i++) {
        const float *x = n->x + (size_t)i * n->k;
        num *to = n->to + (size_t)i * left_step(units(n->k, FOLD));

        if (n->fixed > 0) {
            n->scale[i] = narrow(to, x, n->k, 1 / n->fixed, OFFSETS, true) ? n->fixed : NAN;
        } else {
            const struct kern_quant q = quant_of_row(x, n->k);
            n->scale[i] = q.scale;
            narrow(to, x, n->k, q.inverse, OFFSETS, false);
        }
    }
}

/* Floats of the scales of m rows: whole lines. */
static size_t scale_floats(int m)
{
    return (size_t)padded(m, LINE);
}

static size_t scratch(const struct kern_limits *l)
{
    const int rows = least(l->rows, ROWS);

    if (l->dtype != KERN_I8) return 0;
    return (size_t)l->threads * sizeof(struct room) + scale_floats(rows) * sizeof(float) +
           left_nums(rows, l->inputs) * sizeof(num);
}

/* At most ROWS rows. */
static void multiply_rows(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                          const struct kern_epilogue *e, int m)
{
    const bool small = (double)m * w->n * w->k <= TINY;
    struct room *rooms = c->scratch;
    float *scale = (float *)(rooms + c->threads);
    /* cppcheck-suppress invalidPointerCast ; the rounded rows lie behind the scales */
    num *left = (num *)(scale + scale_floats(m));
    const struct narrowing n = { left, scale, x, m, w->k, w->x_scale };
    struct product p = { .out = out,
                         .panels = w->packed,
                         .left = left,
                         .row_scale = scale,
                         /* cppcheck-suppress invalidPointerCast ; the scales lie behind the panels */
                         .column_scale = (const float *)((const num *)w->packed + panel_nums(w->n, w->k)),
                         .e = e,
                         .m = m,
                         .n = w->n,
                         .k = w->k,
                         .rooms = rooms };

    assert(c->scratch_bytes >= (size_t)((char *)(left + left_nums(m, w->k)) - (char *)rooms));
    kern_share(c, small, narrow_task, &n, row_tasks(m, w->k));
    multiply(c, &p);
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    const int rows = units(m, units(m, ROWS));

    assert(w->packed);
    for (int i = 0; i < m; i += rows) {
        const size_t at = (size_t)i * w->n;
        const struct kern_epilogue part = kern_epilogue_from(e, at);

        multiply_rows(c, out + at, x + (size_t)i * w->k, w, &part, least(m - i, rows));
    }
}

void INSTALL_NAME(NATIVE)(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->pack[KERN_I8] = pack;
    k->layout[KERN_I8] = (struct kern_layout){ KERN_I8, TILE_COLS, FOLD, sizeof(num) / FOLD };
    k->linear[KERN_I8] = linear;
}

#endif
