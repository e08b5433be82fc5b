/* int8_product.h - products of integers of 8 bits, one description for every instruction set.
 *
 * Beside what native.h wants, the includer defines
 *     SPLAT_PAIR(x)     a pair in every lane
 *     MADD(sum, a, b)   sum + both products of each pair, as int32
 *     PAIRS(low, high)  two vectors of floats rounded to nearest as one of int16, saturated
 *
 * The rows of x are quantised once, by tasks of their own, before the product's tasks read them; a packed
 * matrix is its panels and then the scales of its rows. */
#ifndef KERNELS_INT8_PRODUCT_H
#define KERNELS_INT8_PRODUCT_H

#include "kernels/native_ahead.h"
#include "kernels/native_quant.h"

typedef uint32_t num;
enum { FOLD = 2 };
typedef uvec loose_nums __attribute__((aligned(4), may_alias));

/* c (rows, vecs VEC), row i at i ldc, = or += (add) a b, as int32 in the place of floats: pair (i, l) of a
 * is at a[i row_step + l pair_step], b holds vecs / 2 panels, panel nums apart. rows, vecs are constants
 * after inlining. */
INLINE void tile(const int rows, const int vecs, float *c, size_t ldc, const num *a, size_t row_step,
                 size_t pair_step, const num *b, size_t panel, int pairs, bool add)
{
    uvec sum[16][8];

    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sum[i][v] = (uvec){ 0 };
    }
    for (int l = 0; l < pairs; l++) {
        uvec right[8];

        UNROLL
        for (int v = 0; v < vecs; v++) right[v] = *(const loose_nums *)(b + v / 2 * panel + v % 2 * VEC);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const uvec left = SPLAT_PAIR(a[i * row_step]);

            UNROLL
            for (int v = 0; v < vecs; v++) sum[i][v] = MADD(sum[i][v], left, right[v]);
        }
        a += pair_step;
        b += TILE_COLS;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) {
            /* cppcheck-suppress invalidPointerCast ; sums stay integers in the memory of the result */
            loose_nums *to = (loose_nums *)(c + i * ldc + v / 2 * TILE_COLS + v % 2 * VEC);
            *to = add ? (uvec)*to + sum[i][v] : sum[i][v];
        }
    }
}

/* What a fixed scale does beside: larger numbers are held, and zero times each is added up to zeros. */
INLINE vec scaled(vec x, vec by, const bool fixed, vec *zeros)
{
    if (!fixed) return x * by;
    *zeros += x * SPLAT(0.0f);
    return hold(x * by);
}

/* to (units(count, 2)) = pairs of neighbours in x (count) times factor, rounded; a last one is paired with
 * zero. fixed, a constant: the factor was not taken from x. Returns whether all are numbers, true if not
 * fixed. */
INLINE bool narrow(num *to, const float *x, int count, float factor, const bool fixed)
{
    const vec by = SPLAT(factor);
    vec zeros = { 0 };
    int l = 0;

    for (; l + 2 * VEC <= count; l += 2 * VEC)
        *(loose_nums *)(to + l / 2) =
            (uvec)PAIRS(scaled(load(x + l), by, fixed, &zeros), scaled(load(x + l + VEC), by, fixed, &zeros));
    if (l < count) {
        const int later = most(count - l - VEC, 0);
        const uvec pairs = (uvec)PAIRS(scaled(load_some(x + l, count - l), by, fixed, &zeros),
                                       scaled(load_some(x + l + VEC, later), by, fixed, &zeros));
        memcpy(to + l / 2, &pairs, (size_t)units(count - l, FOLD) * sizeof *to);
    }
    return !fixed || sum_lanes(zeros) == 0;
}

INLINE void narrow_row(num *to, const float *x, int count, float factor)
{
    narrow(to, x, count, factor, false);
}

INLINE float row_factor(const float *w, int k)
{
    return quant_of_row(w, k).inverse;
}

enum {
    DEPTH = 512,      /* k at a time: a panel's slice, 256 pairs x 2 VEC, stays in L1 */
    BLOCK_TILES = 16, /* tiles of rows a task takes at most: its slice of x stays in L2 */
    GROUP = 4,        /* panels a task takes at most */
    ROWS = 1024       /* rows of x that are quantised before their product: what scratch holds */
};

/* Memory of one thread. */
struct room {
    float y[BLOCK_TILES * TILE_ROWS * GROUP * TILE_COLS]; /* the result of a task */
};

#include "kernels/folded.h"

static size_t pack_bytes(int n, int k, bool back)
{
    return back ? 0 : panel_nums(n, k) * sizeof(num) + (size_t)padded(n, TILE_COLS) * sizeof(float);
}

static void pack(void *to, const float *w, int n, int k, bool back)
{
    /* cppcheck-suppress invalidPointerCast ; the scales lie behind the panels */
    float *scales = (float *)((num *)to + panel_nums(n, k));

    (void)back;
    for (int j = 0; j < n; j += TILE_COLS)
        pack_rows((num *)to + (size_t)j * (size_t)units(k, FOLD), w + (size_t)j * k, (size_t)k,
                  least(n - j, TILE_COLS), k);
    for (int j = 0; j < padded(n, TILE_COLS); j++)
        scales[j] = j < n ? quant_of_row(w + (size_t)j * k, k).scale : 0;
}

/* ---- a product ---- */

static void take_left(struct slice *s, const struct product *p, struct room *room, int row, int l, int count)
{
    (void)room, (void)count;
    s->left_ld = (size_t)units(p->k, FOLD);
    s->left = (const num *)p->left + (size_t)row * s->left_ld + l / FOLD;
}

static void finish(const struct product *p, struct room *room, const struct slice *s, int row, int column)
{
    const int count = least(p->n - column, s->count * TILE_COLS);

    for (int i = 0; i < s->rows; i++)
        scale_sums(room->y + i * s->ld, p->row_scale[row + i], p->column_scale + column, count, true);
    finish_block(p, room->y, s->ld, row, s->rows, column, count);
}

/* Rows of x become pairs and scales. */
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
        num *to = n->to + (size_t)i * (size_t)units(n->k, FOLD);

        if (n->fixed > 0) {
            n->scale[i] = narrow(to, x, n->k, 1 / n->fixed, true) ? n->fixed : NAN;
        } else {
            const struct kern_quant q = quant_of_row(x, n->k);
            n->scale[i] = q.scale;
            narrow_row(to, x, n->k, q.inverse);
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
           (size_t)rows * (size_t)units(l->inputs, FOLD) * sizeof(num);
}

/* The epilogue of the rows from element at on. */
static struct kern_epilogue epilogue_from(const struct kern_epilogue *e, size_t at)
{
    struct kern_epilogue part = *e;

    if (part.pre) part.pre += at;
    if (part.skip) part.skip += at;
    return part;
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
                         .x = x,
                         .panels = w->packed,
                         .dtype = KERN_I8,
                         .left = left,
                         .row_scale = scale,
                         /* cppcheck-suppress invalidPointerCast ; the scales lie behind the panels */
                         .column_scale = (const float *)((const num *)w->packed + panel_nums(w->n, w->k)),
                         .e = e,
                         .m = m,
                         .n = w->n,
                         .k = w->k,
                         .rooms = rooms };

    assert(c->scratch_bytes >= (size_t)((char *)(left + (size_t)m * units(w->k, FOLD)) - (char *)rooms));
    kern_share(c, small, narrow_task, &n, row_tasks(m, w->k));
    multiply(c, &p);
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    const int rows = units(m, units(m, ROWS));

    if (!w->packed) {
        kern_ref_linear(c, out, x, w, e, m);
        return;
    }
    for (int i = 0; i < m; i += rows) {
        const size_t at = (size_t)i * w->n;
        const struct kern_epilogue part = epilogue_from(e, at);

        multiply_rows(c, out + at, x + (size_t)i * w->k, w, &part, least(m - i, rows));
    }
}

#define INSTALL_NAME_(name) kern_##name##_install
#define INSTALL_NAME(name)  INSTALL_NAME_(name)

void INSTALL_NAME(NATIVE)(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->pack_bytes[KERN_I8] = pack_bytes;
    k->pack[KERN_I8] = pack;
    k->layout[KERN_I8] = (struct kern_layout){ KERN_I8, TILE_COLS, FOLD, sizeof(num) / FOLD };
    k->linear[KERN_I8] = linear;
}

#endif
