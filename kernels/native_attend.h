/* native_attend.h - attention one head at a time, in cache: keys and values packed once, then for a few
 * queries q k^T, softmax, p v. The (h, t, t) matrix exists only when the backward wants it. */
#ifndef KERNELS_NATIVE_ATTEND_H
#define KERNELS_NATIVE_ATTEND_H

#include "kernels/native_math.h"
#include "kernels/native_tile.h"

enum { QUERY_TILES = 4 }; /* tiles of queries whose logits a thread holds at a time */

/* Where the query of an image's first token starts for a head; keys follow at d, values at 2 d. */
static const float *head_start(const float *qkv, const struct kern_heads *a, int task)
{
    const size_t d = (size_t)a->h * a->e;

    return qkv + (size_t)(task / a->h) * a->t * 3 * d + (size_t)(task % a->h) * a->e;
}

/* Panels of TILE_COLS tokens, (e, TILE_COLS) each: keys as the right factor of q k^T. */
static void pack_tokens(float *to, const float *x, size_t ld, int t, int e)
{
    for (int j = 0; j < t; j += TILE_COLS)
        pack_rows(to + (size_t)j * e, x + j * ld, ld, least(t - j, TILE_COLS), e);
}

/* Panels of TILE_COLS features, (t, TILE_COLS) each: values as the right factor of p v. */
static void pack_features(float *to, const float *x, size_t ld, int t, int e)
{
    for (int l = 0; l < e; l += TILE_COLS)
        pack_columns(to + (size_t)l * t, x + l, ld, least(e - l, TILE_COLS), t);
}

/* x (t) = exp(scale (x - max)), scale > 0; returns the sum. Shift first: exp overflows above 88.7. The row
 * has room for whole vectors; what lies behind t is made -inf, whose share of the sum, 1e-38, is none. */
static float softmax_row(float *x, float scale, int t)
{
    const vec factor = SPLAT(scale);
    vec top = SPLAT(-INFINITY), sum = SPLAT(0.0f), shift;

    for (int j = t; j < padded(t, VEC); j++) x[j] = -INFINITY;
    for (int j = 0; j < t; j += VEC) top = VEC_MAX(top, load(x + j));
    shift = SPLAT(max_lanes(top));
    for (int j = 0; j < t; j += VEC) {
        const vec p = vec_exp_low((load(x + j) - shift) * factor);
        store(x + j, p);
        sum += p;
    }
    return sum_lanes(sum);
}

static void scale_row(float *out, const float *x, float factor, int count)
{
    int j = 0;

    for (; j + VEC <= count; j += VEC) store(out + j, load(x + j) * SPLAT(factor));
    if (j < count) store_some(out + j, load_some(x + j, count - j) * SPLAT(factor), count - j);
}

static void drop_row(float *x, const struct kern_drop *drop, uint64_t first, int count)
{
    for (int j = 0; j < count; j++) x[j] *= kern_ref_drop_factor(drop, first + j);
}

/* Memory of one thread: keys and values packed, logits and results of a few queries. */
struct attend_room {
    float *keys;   /* (tp, e), tp: t padded to TILE_COLS */
    float *values; /* (t, ep), ep: e padded */
    float *p;      /* (QUERY_TILES TILE_ROWS, tp) */
    float *out;    /* (QUERY_TILES TILE_ROWS, ep) */
};

static size_t attend_floats(int t, int e)
{
    const size_t tp = (size_t)padded(t, TILE_COLS), ep = (size_t)padded(e, TILE_COLS);
    const size_t all = tp * e + t * ep + QUERY_TILES * TILE_ROWS * (tp + ep);

    return (all + 15) / 16 * 16;
}

static struct attend_room attend_room_of(void *scratch, int worker, int t, int e)
{
    const size_t tp = (size_t)padded(t, TILE_COLS), ep = (size_t)padded(e, TILE_COLS);
    float *at = (float *)scratch + (size_t)worker * attend_floats(t, e);
    struct attend_room r;

    r.keys = at;
    r.values = r.keys + tp * e;
    r.p = r.values + (size_t)t * ep;
    r.out = r.p + QUERY_TILES * TILE_ROWS * tp;
    return r;
}

/* out (rows, n padded), ld apart, = a (rows, k), rows lda apart, times panels (n padded, k); all in cache. */
static void multiply_into(float *out, int ld, const float *a, size_t lda, const float *panels, int rows,
                          int n, int k)
{
    const struct factors f = { a, panels, lda, (size_t)k * TILE_COLS, rows, units(n, TILE_COLS), k };
    struct ahead nothing = { 0 };

    tiles(out, (size_t)ld, false, &f, &nothing);
}

struct attention {
    float *ctx, *prob;
    const float *qkv;
    const struct kern_heads *a;
    const struct kern_drop *drop; /* NULL: none */
    int parts;                    /* of the queries of a head, a task each */
    void *scratch;
};

/* Queries i .. i + rows of head task, rows <= QUERY_TILES TILE_ROWS. The factor 1 / sum is applied to the
 * result, which is shorter than the row of probabilities. */
static void attend_queries(const struct attention *w, const struct attend_room *r, int task, int i, int rows)
{
    const int t = w->a->t, e = w->a->e;
    const int tp = padded(t, TILE_COLS), ep = padded(e, TILE_COLS);
    const size_t d = (size_t)w->a->h * e;
    float sum[QUERY_TILES * TILE_ROWS];
    float *to = w->ctx + ((size_t)(task / w->a->h) * t + i) * d + (size_t)(task % w->a->h) * e;

    multiply_into(r->p, tp, head_start(w->qkv, w->a, task) + i * 3 * d, 3 * d, r->keys, rows, t, e);
    for (int j = 0; j < rows; j++) {
        const size_t at = ((size_t)task * t + i + j) * t;
        float *p = r->p + (size_t)j * tp;

        sum[j] = 1 / softmax_row(p, w->a->scale, t);
        if (w->prob) scale_row(w->prob + at, p, sum[j], t);
        if (w->drop) drop_row(p, w->drop, at, t);
    }
    multiply_into(r->out, ep, r->p, (size_t)tp, r->values, rows, e, t);
    for (int j = 0; j < rows; j++) scale_row(to + j * d, r->out + (size_t)j * ep, sum[j], e);
}

/* One part of the queries of a head. */
static void attend_task(const void *work, int task, int worker)
{
    const struct attention *w = work;
    const int t = w->a->t, e = w->a->e, step = QUERY_TILES * TILE_ROWS;
    const int head = task / w->parts, part = task % w->parts, rows = padded(units(t, w->parts), TILE_ROWS);
    const int last = least(t, (part + 1) * rows);
    const size_t d = (size_t)w->a->h * e;
    const float *q = head_start(w->qkv, w->a, head);
    const struct attend_room r = attend_room_of(w->scratch, worker, t, e);

    if (part * rows >= t) return;
    pack_tokens(r.keys, q + d, 3 * d, t, e);
    pack_features(r.values, q + 2 * d, 3 * d, t, e);
    for (int i = part * rows; i < last; i += step) attend_queries(w, &r, head, i, least(last - i, step));
}

/* Few heads are split by queries too, though every part packs the keys and values again. */
static int query_parts(const struct kern_heads *a, int threads)
{
    const int heads = a->b * a->h, wanted = 2 * threads;

    if (threads == 1 || heads >= wanted) return 1;
    return most(1, least(units(wanted, heads), a->t / (4 * TILE_ROWS)));
}

static void attend(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                   const struct kern_heads *a, const struct kern_drop *drop)
{
    const struct attention w = { .ctx = ctx,
                                 .prob = prob,
                                 .qkv = qkv,
                                 .a = a,
                                 .drop = drop && drop->rate > 0 ? drop : NULL,
                                 .parts = query_parts(a, c->threads),
                                 .scratch = c->scratch };

    assert(c->scratch_bytes >= (size_t)c->threads * attend_floats(a->t, a->e) * sizeof(float));
    kern_share(c, false, attend_task, &w, a->b * a->h * w.parts);
}

#endif
