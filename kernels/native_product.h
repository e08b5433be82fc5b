/* native_product.h - what linear and linear_dx of every format share: the cut into tasks and the epilogue. */
#ifndef KERNELS_NATIVE_PRODUCT_H
#define KERNELS_NATIVE_PRODUCT_H

#include "kernels/native_ahead.h"
#include "kernels/native_math.h"

enum {
    WARM = 1 << 18, /* bytes / 4 of weights that are taken to lie in L2 or near it */
    TINY = 1 << 16  /* multiply-adds that are done sooner than a second thread wakes up */
};

/* A product out (m, n) = epilogue(x (m, k) panels) and how it is cut into tasks. */
struct product {
    float *out;
    const float *x;
    const void *panels; /* as the format packs them */
    enum kern_dtype dtype;
    const void *left;                      /* x as the format takes it, if it lies ready */
    const float *row_scale, *column_scale; /* int8: of left and of the panels */
    float x_scale;                         /* int8: fixed, of all rows of x; 0: each has its own */
    const struct kern_epilogue *e;
    int m, n, k;
    void *rooms;       /* memory of each thread */
    int rows, blocks;  /* rows of a block, blocks */
    int group, groups; /* panels of a group, groups */
};

/* How large a task may be: the slice of x that it takes stays in L2, and so does its result. */
struct task_size {
    int tiles;  /* of rows */
    int panels; /* of a group */
    int result; /* tiles of both, that is of the result */
};

/* Blocks of equal size, enough tasks for every thread. The cut changes no bit of the result. */
static void cut(struct product *p, int threads, const struct task_size *most_of)
{
    const int panels = units(p->n, TILE_COLS), tiles_all = units(p->m, TILE_ROWS);
    const int wanted = 4 * threads;
    int group = least(most_of->panels, panels);
    int blocks = units(tiles_all, least(most_of->tiles, most(most_of->result / group, 1)));

    while (group > 1 && blocks * units(panels, group) < wanted) group /= 2;
    if (threads > 1 && blocks * panels < threads) blocks = least(units(tiles_all, 2), units(threads, panels));
    p->rows = units(tiles_all, most(blocks, 1)) * TILE_ROWS;
    p->blocks = units(p->m, p->rows);
    p->group = group;
    p->groups = units(panels, group);
}

/* What sums of integers are worth: the scales of the rows, those of the columns, and what the sums of
 * a column have too much, modulo 2^32, or NULL; all in whole vectors. */
struct worth {
    const float *rows, *columns, *excess;
};

/* What the epilogue needs of one row, from its first column on. */
struct row_end {
    const float *columns, *excess; /* struct worth; columns NULL: y is the sums' value */
    float row;
    float *out, *pre;
    const float *y, *bias, *gain, *skip;
    int gain_n;
    float skip_scale;
};

INLINE vec value_of_sums(const struct row_end *r, int j)
{
    const vec y = load(r->y + j);
    const uvec sum = r->excess ? (uvec)y - (uvec)load(r->excess + j) : (uvec)y;

    return r->columns ? __builtin_convertvector((ivec)sum, vec) * SPLAT(r->row) * load(r->columns + j) : y;
}

/* The epilogue of columns from j, count left, act a constant after inlining; kern.h has the formula. */
INLINE void finish_vector(const struct row_end *r, enum kern_act act, int j, int count)
{
    vec y = value_of_sums(r, j);

    if (r->bias) y += load_some(r->bias + j, count);
    if (r->pre) store_some(r->pre + j, y, count);
    y = vec_act(act, y);
    if (r->gain) y *= r->gain_n == 1 ? (vec)SPLAT(*r->gain) : load_some(r->gain + j, count);
    if (r->skip) y += SPLAT(r->skip_scale) * load_some(r->skip + j, count);
    store_some(r->out + j, y, count);
}

INLINE void finish_columns(enum kern_act act, const struct row_end *row, int count)
{
    const struct row_end r = *row; /* a copy, which no store can change: what it says is looked at once */
    int j = 0;

    for (; j + VEC <= count; j += VEC) finish_vector(&r, act, j, VEC);
    if (j < count) finish_vector(&r, act, j, count - j);
}

OUTLINE void finish_row(const struct row_end *r, enum kern_act act, int count)
{
    FOR_ACT(act, finish_columns, r, count);
}

/* The epilogue of rows from row and of count columns from column; y (rows, ld). worth: of the block,
 * or NULL. */
static void finish_block(const struct product *p, const struct worth *worth, const float *y, size_t ld,
                         int row, int rows, int column, int count)
{
    const struct kern_epilogue *e = p->e;
    struct row_end r = { .bias = e->bias ? e->bias + column : NULL,
                         .gain = e->gain && e->gain_n != 1 ? e->gain + column : e->gain,
                         .gain_n = e->gain_n,
                         .skip_scale = e->skip_scale,
                         .columns = worth ? worth->columns : NULL,
                         .excess = worth ? worth->excess : NULL };

    for (int i = 0; i < rows; i++) {
        const size_t at = (size_t)(row + i) * p->n + column;

        r.y = y + i * ld;
        r.row = worth ? worth->rows[i] : 1;
        r.out = p->out + at;
        r.pre = e->pre ? e->pre + at : NULL;
        r.skip = e->skip ? e->skip + at : NULL;
        finish_row(&r, e->act, count);
    }
}

/* With the last slice, also what the epilogue will touch. */
static void ask_for_rows(struct ahead *f, const struct product *p, size_t at)
{
    f->written[0] = p->out + at;
    if (p->e->pre) f->written[1] = p->e->pre + at;
    if (p->e->skip && p->e->skip != p->out) f->read = p->e->skip + at;
}

#endif
