/* bf16.c - products of bf16 numbers with f32 sums, by AVX512-BF16. Activations come and go as f32 and are
 * rounded on the way in; weights are rounded when they are packed. The tile is the one of avx512.c. */
#if defined(__AVX512BF16__)
#include <immintrin.h>

#define NATIVE        bf16
#define VEC           16
#define TILE_ROWS     14
#define SPLAT(x)      _mm512_set1_ps(x)
#define VEC_MAX(a, b) _mm512_max_ps(a, b)
#define VEC_MIN(a, b) _mm512_min_ps(a, b)
#define VEC_SQRT(a)   _mm512_sqrt_ps(a)
#include "kernels/bf16_tile.h"
#include "kernels/native_dw.h"
#include "kernels/native_product.h"

enum {
    DEPTH = 512,     /* k at a time: a panel's slice, 256 pairs x 32 columns, is as large as L1 */
    BLOCK_TILES = 8, /* tiles of rows a task takes at most: with their rounded slice and their result in L2 */
    GROUP = 16       /* panels a task takes at most: each row is rounded once for so many */
};

/* ---- packing ---- */

static size_t pack_bytes(int n, int k, bool back)
{
    const int outputs = back ? k : n, reduced = back ? n : k;

    return (size_t)padded(outputs, TILE_COLS) * (size_t)units(reduced, FOLD) * sizeof(num);
}

/* One panel (pairs, TILE_COLS) from count rows of w (count, k), ld apart: to[l][j] = w[j][2l .. 2l + 1]. */
static void pack_rows(num *to, const float *w, size_t ld, int count, int k)
{
    num pairs[VEC];

    memset(to, 0, (size_t)units(k, FOLD) * TILE_COLS * sizeof *to);
    for (int j = 0; j < count; j++)
        for (int l = 0; l < k; l += FOLD * VEC) {
            const int taken = least(k - l, FOLD * VEC);

            narrow_row(pairs, w + j * ld + l, taken);
            for (int i = 0; i < units(taken, FOLD); i++)
                to[(size_t)(l / FOLD + i) * TILE_COLS + j] = pairs[i];
        }
}

static void pack(void *to, const float *w, int n, int k, bool back)
{
    const int outputs = back ? k : n, pairs = units(back ? n : k, FOLD);

    for (int j = 0; j < outputs; j += TILE_COLS) {
        num *panel = (num *)to + (size_t)j * (size_t)pairs;
        const int count = least(outputs - j, TILE_COLS);

        if (back)
            pack_panels(panel, w + j, (size_t)k, count, TILE_COLS, n);
        else
            pack_rows(panel, w + (size_t)j * k, (size_t)k, count, k);
    }
}

/* ---- tiles ---- */

/* a in rows, ld apart. */
typedef void tile_fn(float *c, size_t ldc, const num *a, size_t ld, const num *b, int pairs, bool add);

#define TILE(rows)                                                                                           \
    OUTLINE void tile_##rows(float *c, size_t ldc, const num *a, size_t ld, const num *b, int pairs,         \
                             bool add)                                                                       \
    {                                                                                                        \
        tile(rows, 2, c, ldc, a, ld, 1, b, 0, pairs, add);                                                   \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)
static tile_fn *const TILES[TILE_ROWS + 1] = { NULL,    tile_1,  tile_2,  tile_3,  tile_4,
                                               tile_5,  tile_6,  tile_7,  tile_8,  tile_9,
                                               tile_10, tile_11, tile_12, tile_13, tile_14 };

/* ---- linear and linear_dx ---- */

/* Memory of one thread. */
struct room {
    float y[BLOCK_TILES * TILE_ROWS * GROUP * TILE_COLS]; /* the result of a task */
    num left[BLOCK_TILES * TILE_ROWS * DEPTH / FOLD];     /* a slice of its rows of x, rounded */
};

/* What one slice of k adds to a task's result. */
struct slice {
    const num *left, *panels; /* panels lie panel apart */
    size_t panel, ld;         /* ld: of y */
    int rows, count, pairs;   /* count: of panels */
    bool add;
};

static void slice_tiles(float *y, const struct slice *s, const struct ahead *ahead)
{
    const int tiles = units(s->rows, TILE_ROWS);

    for (int p = 0; p < s->count; p++) {
        const num *b = s->panels + p * s->panel;

        for (int i = 0; i < tiles; i++) {
            const int row = i * TILE_ROWS, rows = least(s->rows - row, TILE_ROWS);

            if (ahead->panels && p + 1 < s->count) fetch_panel(b + s->panel, s->pairs, i, tiles);
            if (rows == TILE_ROWS) fetch_rows(ahead, row, p * TILE_COLS);
            TILES[rows](y + row * s->ld + p * TILE_COLS, s->ld, s->left + (size_t)row * s->pairs,
                        (size_t)s->pairs, b, s->pairs, s->add);
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
    const int depth = padded(units(p->k, units(p->k, DEPTH)), FOLD);
    const size_t panel = (size_t)units(p->k, FOLD) * TILE_COLS;
    struct slice s = {
        .left = room->left, .panel = panel, .ld = (size_t)p->group * TILE_COLS, .rows = rows, .count = panels
    };
    struct ahead ahead = { .panels = panel * (size_t)units(p->n, TILE_COLS) > WARM, .ld = (size_t)p->n };

    for (int l = 0; l < p->k; l += depth) {
        const int taken = least(p->k - l, depth);

        s.pairs = units(taken, FOLD);
        s.panels = (const num *)p->panels + first * panel + (size_t)(l / FOLD) * TILE_COLS;
        s.add = l > 0;
        for (int i = 0; i < rows; i++)
            narrow_row(room->left + (size_t)i * s.pairs, p->x + (size_t)(row + i) * p->k + l, taken);
        if (l + depth >= p->k) ask_for_rows(&ahead, p, (size_t)row * p->n + column);
        slice_tiles(room->y, &s, &ahead);
    }
    finish_block(p, room->y, s.ld, row, rows, column, least(p->n - column, panels * TILE_COLS));
}

static void multiply(const struct kern_ctx *c, struct product *p)
{
    const struct task_size size = { BLOCK_TILES, GROUP };

    assert(c->scratch_bytes >= (size_t)c->threads * sizeof(struct room));
    p->rooms = c->scratch;
    cut(p, c->threads, &size);
    kern_share(c, (double)p->m * p->n * p->k <= TINY, product_task, p, p->blocks * p->groups);
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

static void linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                      int m, int n, int k)
{
    multiply_outer(c, true, dw, db, dout, x, m, n, k);
}

static size_t scratch(const struct kern_limits *l)
{
    const size_t rooms = (size_t)l->threads * sizeof(struct room);

    return l->training ? larger(rooms, dw_scratch(l->outputs, l->inputs) * sizeof(num)) : rooms;
}

void kern_bf16_install(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->pack_bytes[KERN_BF16] = pack_bytes;
    k->pack[KERN_BF16] = pack;
    k->linear[KERN_BF16] = linear;
    k->linear_dx[KERN_BF16] = linear_dx;
    k->linear_dw[KERN_BF16] = linear_dw;
}
#endif
