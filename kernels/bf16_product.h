/* bf16_product.h - products of bf16 numbers with f32 sums, one description for every instruction set.
 * Activations come and go as f32 and are rounded on the way in; weights are rounded when they are packed. The
 * includer defines what native.h and bf16_tile.h want. */
#ifndef KERNELS_BF16_PRODUCT_H
#define KERNELS_BF16_PRODUCT_H

#include "kernels/bf16_tile.h"
#include "kernels/native_dw.h"

enum {
    DEPTH = 512,     /* k at a time: a panel's slice, 256 pairs x 32 columns, is as large as L1 */
    BLOCK_TILES = 8, /* tiles of rows a task takes at most: with their rounded slice and their result in L2 */
    GROUP = 24,      /* panels a task takes at most: each row is rounded once for so many */
    RESULT = 48,     /* tiles of its result at most: that is read again, and left in L2 for it */
    ROWS =
        512 /* rows of x at most that are rounded once, before the tasks; of more each task rounds its own */
};

/* Memory of one thread. */
struct room {
    float y[RESULT_FLOATS];                                    /* the result of a task */
    num left[BLOCK_TILES * TILE_ROWS * (DEPTH / FOLD + LINE)]; /* a slice of its rows of x, rounded */
};

#include "kernels/folded.h"

static void pack_rows(num *to, const float *w, size_t ld, int count, int k)
{
    pack_scaled_rows(to, w, ld, count, k, NULL);
}

#include "kernels/bf16_attend.h"

/* ---- packing ---- */

static void pack(void *to, const float *w, int n, int k, bool back)
{
    const int outputs = back ? k : n, nums = units(back ? n : k, FOLD);

    for (int j = 0; j < outputs; j += TILE_COLS) {
        num *panel = (num *)to + (size_t)j * (size_t)nums;
        const int count = least(outputs - j, TILE_COLS);

        if (back)
            pack_panels(panel, w + j, (size_t)k, count, TILE_COLS, n);
        else
            pack_rows(panel, w + (size_t)j * k, (size_t)k, count, k);
    }
}

/* ---- linear and linear_dx ---- */

/* Rows of x become nums. */
struct rounding {
    num *to;
    const float *x;
    int m, k;
};

static void round_task(const void *work, int task, int worker)
{
    const struct rounding *n = work;
    const struct range r = task_rows(task, n->m, n->k);
    const size_t step = left_step(units(n->k, FOLD));

    (void)worker;
    for (int i = r.from; i < r.to; i++) narrow_row(n->to + i * step, n->x + (size_t)i * n->k, n->k, 1);
}

static void take_left(struct slice *s, const struct product *p, struct room *room, int row, int l, int count)
{
    s->left_ld = left_step(units(p->left ? p->k : count, FOLD));
    s->left = p->left ? (const num *)p->left + row * s->left_ld + l / FOLD : room->left;
    if (p->left) return;
    for (int i = 0; i < s->rows; i++)
        narrow_row(room->left + i * s->left_ld, p->x + (size_t)(row + i) * p->k + l, count, 1);
}

static void finish(const struct product *p, struct room *room, const struct slice *s, int row, int column)
{
    finish_block(p, NULL, room->y, s->ld, row, s->rows, column, least(p->n - column, s->count * TILE_COLS));
}

static void multiply_by(const struct kern_ctx *c, struct product *p)
{
    struct room *rooms = c->scratch;
    /* cppcheck-suppress invalidPointerCast ; the rounded rows lie behind the rooms */
    num *left = (num *)(rooms + c->threads);
    const struct rounding n = { left, p->x, p->m, p->k };

    p->rooms = rooms;
    if (p->m <= ROWS) {
        assert(c->scratch_bytes >= c->threads * sizeof *rooms + left_nums(p->m, p->k) * sizeof *left);
        kern_share(c, (double)p->m * p->n * p->k <= TINY, round_task, &n, row_tasks(p->m, p->k));
        p->left = left;
    }
    multiply(c, p);
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    struct product p = { .out = out, .x = x, .panels = w->packed, .e = e, .m = m, .n = w->n, .k = w->k };

    assert(w->packed);
    multiply_by(c, &p);
}

static void linear_dx(const struct kern_ctx *c, float *dx, const float *dout, const struct kern_mat *w, int m)
{
    const struct kern_epilogue none = { 0 };
    struct product p = {
        .out = dx, .x = dout, .panels = w->packed_back, .e = &none, .m = m, .n = w->k, .k = w->n
    };

    assert(w->packed_back);
    multiply_by(c, &p);
}

static void linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                      int m, int n, int k)
{
    multiply_outer(c, true, dw, db, dout, x, m, n, k);
}

static size_t scratch(const struct kern_limits *l)
{
    const int reduced = l->training ? most(l->inputs, l->outputs) : l->inputs;
    const size_t left = left_nums(least(l->rows, ROWS), reduced) * sizeof(num);
    const size_t heads = (size_t)l->threads * attend_floats(l->tokens, l->head) * sizeof(float);
    const size_t rooms = larger((size_t)l->threads * sizeof(struct room) + left, heads);

    if (l->dtype != KERN_BF16) return 0;
    return l->training ? larger(rooms, dw_scratch(l->outputs, l->inputs) * sizeof(num)) : rooms;
}

void INSTALL_NAME(NATIVE)(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->pack[KERN_BF16] = pack;
    k->layout[KERN_BF16] = (struct kern_layout){ KERN_BF16, TILE_COLS, FOLD, sizeof(num) / FOLD };
    k->linear[KERN_BF16] = linear;
    k->linear_dx[KERN_BF16] = linear_dx;
    k->linear_dw[KERN_BF16] = linear_dw;
    k->attend[KERN_BF16] = attend;
}

#endif
