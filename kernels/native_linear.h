/* native_linear.h - products in f32, and in bf16 and int8 where no overlay multiplies such numbers: there
 * what is multiplied is rounded and the rest is the same. Sums of integers are exact in f32 up to 2^24.
 *
 * linear and linear_dx: packed weights, blocks of rows times groups of panels. */
#ifndef KERNELS_NATIVE_LINEAR_H
#define KERNELS_NATIVE_LINEAR_H

#include "kernels/native_product.h"
#include "kernels/native_tile.h"

#include "kernels/native_dw.h"

enum {
    DEPTH = 256,      /* k at a time: a panel's slice, 256 x 2 VEC floats, stays in L1 */
    BLOCK_TILES = 16, /* tiles of rows a task takes at most: its slice of x stays in L2 */
    GROUP = 4,        /* panels a task takes at most */
    FEW = 128         /* rows that are done with a panel as soon as it has come: a network's next, from far */
};

/* Floats of all panels. */
static size_t panel_floats(int outputs, int reduced)
{
    return (size_t)padded(outputs, TILE_COLS) * (size_t)reduced;
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

static void linear_pack_bf16(void *to, const float *w, int n, int k, bool back)
{
    linear_pack(to, w, n, k, back);
    narrow_nums(to, back ? panel_floats(k, n) : panel_floats(n, k));
}

/* The panels, then the scales of their columns. */
static void linear_pack_i8(void *to, const float *w, int n, int k, bool back)
{
    float *panels = to, *scales = panels + panel_floats(n, k);

    linear_pack(to, w, n, k, back);
    for (int j = 0; j < n; j += TILE_COLS) quantise_panel(panels + (size_t)j * (size_t)k, scales + j, k);
}

/* Memory of one thread. */
struct room {
    float y[BLOCK_TILES * TILE_ROWS * GROUP * TILE_COLS]; /* the result of a task */
    float left[BLOCK_TILES * TILE_ROWS * DEPTH];          /* bf16, int8: a slice of its rows of x, rounded */
    struct kern_quant quant[BLOCK_TILES * TILE_ROWS];     /* int8: of these rows */
};

/* What a task of rows from row and panels from first asks for: weights when they are far, and its share of
 * the rows that the next block reads. */
static struct ahead ahead_of(const struct product *p, int row, int rows, int first, int panels)
{
    const int all = units(p->n, TILE_COLS), next = most(0, least(p->m - row - rows, rows));
    const size_t count = (size_t)next * p->k, share = count / (size_t)all + LINE;
    const size_t from = least_size(count, first * share), to = least_size(count, (first + panels) * share);
    const float *later = p->x + (size_t)(row + rows) * p->k;

    return (struct ahead){ .panels = (size_t)p->k * p->n > WARM || p->m <= FEW,
                           .ld = (size_t)p->n,
                           .later = later + from,
                           .end = later + to,
                           .step = share / (size_t)(units(rows, TILE_ROWS) * units(p->k, DEPTH)) + LINE };
}

/* to (k) = the integers of x (k). */
static void quantise_nums(float *to, const float *x, struct kern_quant q, int k)
{
    for (int l = 0; l < k; l += VEC)
        store_some(to + l, VEC_RINT(hold(load_some(x + l, k - l) * SPLAT(q.inverse))), k - l);
}

/* The left factor of the slice from input l: x (rows, k) in place, or rounded in the room. */
static void take_left(struct factors *f, const struct product *p, struct room *room, const float *x, int l)
{
    f->a = x + l;
    f->ld = (size_t)p->k;
    if (p->dtype == KERN_F32) return;
    f->a = room->left;
    f->ld = (size_t)f->k;
    for (int i = 0; i < f->rows; i++) {
        const float *from = x + (size_t)i * p->k;
        float *to = room->left + i * f->ld;

        if (p->dtype == KERN_BF16) {
            narrow_row(to, from + l, f->k, 1);
        } else {
            if (l == 0) room->quant[i] = quant_of(from, p->k, p->x_scale);
            quantise_nums(to, from + l, room->quant[i], f->k);
        }
    }
}

/* One block of rows times one group of panels. */
static void product_task(const void *work, int task, int worker)
{
    const struct product *p = work;
    struct room *room = (struct room *)p->rooms + worker;
    const int row = task / p->groups * p->rows, first = task % p->groups * p->group,
              column = first * TILE_COLS;
    const int rows = least(p->m - row, p->rows), panels = least(units(p->n, TILE_COLS) - first, p->group);
    const int depth = units(p->k, units(p->k, DEPTH));
    const size_t panel = (size_t)p->k * TILE_COLS, ld = (size_t)p->group * TILE_COLS;
    struct ahead ahead = ahead_of(p, row, rows, first, panels);

    for (int l = 0; l < p->k; l += depth) {
        struct factors f = { .b = (const float *)p->panels + first * panel + (size_t)l * TILE_COLS,
                             .panel = panel,
                             .rows = rows,
                             .panels = panels,
                             .k = least(p->k - l, depth) };

        take_left(&f, p, room, p->x + (size_t)row * p->k, l);
        if (l + depth >= p->k) ask_for_rows(&ahead, p, (size_t)row * p->n + column);
        tiles(room->y, ld, l > 0, &f, &ahead);
    }
    for (int i = 0; p->dtype == KERN_I8 && i < rows; i++)
        scale_sums(room->y + i * ld, room->quant[i].scale, p->column_scale + column, panels * TILE_COLS);
    finish_block(p, NULL, room->y, ld, row, rows, column, least(p->n - column, panels * TILE_COLS));
}

static void multiply(const struct kern_ctx *c, struct product *p)
{
    const struct task_size size = { BLOCK_TILES, GROUP, BLOCK_TILES * GROUP };

    assert(c->scratch_bytes >= (size_t)c->threads * sizeof(struct room));
    p->rooms = c->scratch;
    cut(p, c->threads, &size);
    kern_share(c, (double)p->m * p->n * p->k <= TINY, product_task, p, p->blocks * p->groups);
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    struct product p = { .out = out,
                         .x = x,
                         .panels = w->packed,
                         .dtype = w->dtype,
                         .x_scale = w->x_scale,
                         .e = e,
                         .m = m,
                         .n = w->n,
                         .k = w->k };

    assert(w->packed);
    if (w->dtype == KERN_I8) p.column_scale = (const float *)w->packed + panel_floats(w->n, w->k);
    multiply(c, &p);
}

static void linear_dx(const struct kern_ctx *c, float *dx, const float *dout, const struct kern_mat *w, int m)
{
    const struct kern_epilogue none = { 0 };
    struct product p = { .out = dx,
                         .x = dout,
                         .panels = w->packed_back,
                         .dtype = w->dtype,
                         .e = &none,
                         .m = m,
                         .n = w->k,
                         .k = w->n };

    assert(w->packed_back);
    multiply(c, &p);
}

static void linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                      int m, int n, int k)
{
    multiply_outer(c, false, dw, db, dout, x, m, n, k);
}

static void linear_dw_bf16(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                           int m, int n, int k)
{
    multiply_outer(c, true, dw, db, dout, x, m, n, k);
}

#endif
