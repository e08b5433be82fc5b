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
    GROUP = 16       /* panels a task takes at most: each row is rounded once for so many */
};

/* Memory of one thread. */
struct room {
    float y[BLOCK_TILES * TILE_ROWS * GROUP * TILE_COLS]; /* the result of a task */
    num left[BLOCK_TILES * TILE_ROWS * DEPTH / FOLD];     /* a slice of its rows of x, rounded */
};

#include "kernels/folded.h"

#include "kernels/bf16_attend.h"

/* ---- packing ---- */

static size_t pack_bytes(int n, int k, bool back)
{
    return panel_nums(back ? k : n, back ? n : k) * sizeof(num);
}

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

static void take_left(struct slice *s, const struct product *p, struct room *room, int row, int l, int count)
{
    s->left = room->left;
    s->left_ld = (size_t)s->nums;
    for (int i = 0; i < s->rows; i++)
        narrow_row(room->left + (size_t)i * s->nums, p->x + (size_t)(row + i) * p->k + l, count, 1);
}

static void finish(const struct product *p, struct room *room, const struct slice *s, int row, int column)
{
    finish_block(p, room->y, s->ld, row, s->rows, column, least(p->n - column, s->count * TILE_COLS));
}

static void multiply_by(const struct kern_ctx *c, struct product *p)
{
    assert(c->scratch_bytes >= (size_t)c->threads * sizeof(struct room));
    p->rooms = c->scratch;
    multiply(c, p);
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    struct product p = { .out = out, .x = x, .panels = w->packed, .e = e, .m = m, .n = w->n, .k = w->k };

    if (!w->packed)
        kern_ref_linear(c, out, x, w, e, m);
    else
        multiply_by(c, &p);
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
        multiply_by(c, &p);
}

static void linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                      int m, int n, int k)
{
    multiply_outer(c, true, dw, db, dout, x, m, n, k);
}

static size_t scratch(const struct kern_limits *l)
{
    const size_t heads = attend_floats(l->tokens, l->head) * sizeof(float);
    const size_t rooms = (size_t)l->threads * larger(sizeof(struct room), heads);

    return l->training ? larger(rooms, dw_scratch(l->outputs, l->inputs) * sizeof(num)) : rooms;
}

void INSTALL_NAME(NATIVE)(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->pack_bytes[KERN_BF16] = pack_bytes;
    k->pack[KERN_BF16] = pack;
    k->layout[KERN_BF16] = (struct kern_layout){ KERN_BF16, TILE_COLS, FOLD, sizeof(num) / FOLD };
    k->linear[KERN_BF16] = linear;
    k->linear_dx[KERN_BF16] = linear_dx;
    k->linear_dw[KERN_BF16] = linear_dw;
    k->attend[KERN_BF16] = attend;
}

#endif
