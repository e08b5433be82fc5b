/* native_heads.h - attention one head at a time, in cache: keys and values packed once, then for a few
 * queries q k^T, softmax, p v. The (h, t, t) matrix exists only when the backward wants it. One description
 * for f32 (native_attend.h) and for pairs of bf16 (bf16_attend.h).
 *
 * Before it the includer's tile says how FOLD numbers along a sum become one num (num, pack_rows,
 * pack_panels, narrow_nums, narrow_row, narrow_vectors); after it stands
 *     multiply_into()    a product of nums that lie in cache
 * which may read and write whole tiles of rows: what is as long as the queries has so many. */
#ifndef KERNELS_NATIVE_HEADS_H
#define KERNELS_NATIVE_HEADS_H

#include "kernels/native_ahead.h"
#include "kernels/native_math.h"

enum {
    QUERY_TILES = 4, /* tiles of queries whose logits a thread holds at a time */
    QUERIES = QUERY_TILES * TILE_ROWS
};

/* ---- which head, and which next ---- */

enum {
    DEAL = 8,       /* heads of a task at most */
    NEXT = 1 << 16, /* floats of a head's queries, keys and values that the one before leaves in L2 */
};

/* A task takes span neighbours of all heads of a batch: who computes one knows which comes next, and asks the
 * memory for it. A head's rows are short and far apart, so no prefetcher of a CPU's finds them. */
struct deal {
    int heads, span, threads;
    bool ahead; /* a head is small enough to wait in L2 */
};

static struct deal deal_heads(const struct kern_heads *a, int threads)
{
    const int heads = a->b * a->h;

    return (struct deal){ .heads = heads,
                          .span = most(1, least(DEAL, heads / (4 * threads))),
                          .threads = threads,
                          .ahead = 3 * (size_t)a->t * (size_t)a->e <= NEXT };
}

/* Behind the last of a task, the threads are taken to be equally fast. -1: none is asked for. */
static int head_after(const struct deal *d, int head)
{
    const int next = head + ((head + 1) % d->span ? 1 : 1 + d->span * (d->threads - 1));

    return d->ahead && next < d->heads ? next : -1;
}

/* Where a head starts in rows of so many heads, of tokens tokens an image. */
static size_t head_place(const struct kern_heads *a, int head, size_t heads)
{
    return ((size_t)(head / a->h) * a->t * heads + (size_t)(head % a->h)) * a->e;
}

/* Where the query of an image's first token starts for a head; keys follow at d, values at 2 d. */
static const float *head_start(const float *qkv, const struct kern_heads *a, int head)
{
    return qkv + head_place(a, head, 3 * (size_t)a->h);
}

/* What a head, if there is one (-1: none), reads of a token: query, key and value. */
INLINE void fetch_token(const float *qkv, const struct kern_heads *a, int head, int token)
{
    const size_t d = (size_t)a->h * a->e;
    const float *q;

    if (head < 0) return;
    q = head_start(qkv, a, head) + (size_t)token * 3 * d;
    fetch_read(q, a->e);
    fetch_read(q + d, a->e);
    fetch_read(q + 2 * d, a->e);
}

/* ---- packing ---- */

/* Panels of TILE_COLS tokens, (e, TILE_COLS) each before folding: keys as the right factor of q k^T. */
static void pack_tokens(num *to, const float *x, size_t ld, int t, int e)
{
    for (int j = 0; j < t; j += TILE_COLS)
        pack_rows(to + (size_t)j * units(e, FOLD), x + j * ld, ld, least(t - j, TILE_COLS), e);
}

/* Panels of TILE_COLS features, (t, TILE_COLS) each before folding: values as the right factor of p v. */
static void pack_features(num *to, const float *x, size_t ld, int t, int e)
{
    pack_panels(to, x, ld, e, TILE_COLS, t);
}

/* ---- a row of logits ---- */

/* What lies behind t in the last FOLD vectors of x becomes -inf. */
INLINE void hide_behind(float *x, int t)
{
    static const int32_t PLACES[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    ivec places;

    memcpy(&places, PLACES, sizeof places);
    UNROLL
    for (int f = 1; f <= FOLD; f++) {
        const int j = padded(t, FOLD * VEC) - f * VEC;

        store(x + j, pick(places < t - j, load(x + j), SPLAT(-INFINITY)));
    }
}

/* x (t) = exp(scale (x - max)), scale > 0, or in its place (narrow) the same as nums; returns the sum of what
 * is not rounded. Shift first: exp overflows above 88.7. The row has room for FOLD whole vectors; what lies
 * behind t is made -inf, whose exponential is zero. */
INLINE float softmax(float *x, float scale, int t, const bool narrow)
{
    const vec factor = SPLAT(scale);
    vec top = SPLAT(-INFINITY), sum = SPLAT(0.0f), shift;

    hide_behind(x, t);
    for (int j = 0; j < t; j += VEC) top = VEC_MAX(top, load(x + j));
    shift = SPLAT(max_lanes(top));
    for (int j = 0; j < t; j += FOLD * VEC) {
        vec p[FOLD];

        UNROLL
        for (int f = 0; f < FOLD; f++) {
            p[f] = vec_exp_low((load(x + j + f * VEC) - shift) * factor);
            sum += p[f];
            if (!narrow) store(x + j + f * VEC, p[f]);
        }
        if (narrow) narrow_vectors((num *)(void *)x + j / FOLD, p);
    }
    return sum_lanes(sum);
}

OUTLINE float softmax_row(float *x, float scale, int t)
{
    return softmax(x, scale, t, false);
}

OUTLINE float softmax_row_narrow(float *x, float scale, int t)
{
    return softmax(x, scale, t, true);
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

/* ---- memory ---- */

/* Numbers of four bytes from a row to the next, for rows of whole vectors: an odd number of lines, so that
 * rows lie in different sets of the cache. */
static int row_step(int count)
{
    return padded(count, most(TILE_COLS, LINE)) | LINE;
}

/* Of one thread: keys and values packed; of a few queries themselves, logits and results. A row of logits
 * becomes the nums that multiply the values where it lies: they are never longer. */
struct attend_room {
    num *keys;   /* (t padded to TILE_COLS, e) before folding */
    num *values; /* (t, e padded) before folding */
    float *p;    /* (QUERIES, row_step(t)) */
    float *out;  /* (QUERIES, row_step(e)) */
    num *q;      /* (QUERIES, row_step(e folded)): rounded */
};

/* Floats, or nums: both have four bytes. */
static size_t attend_floats(int t, int e)
{
    const size_t keys = (size_t)padded(t, TILE_COLS) * units(e, FOLD);
    const size_t values = (size_t)units(t, FOLD) * padded(e, TILE_COLS);
    const size_t row = (size_t)row_step(t) + row_step(e) + row_step(units(e, FOLD));

    return (keys + values + QUERIES * row + LINE - 1) / LINE * LINE;
}

static struct attend_room attend_room_of(void *scratch, int worker, int t, int e)
{
    struct attend_room r;

    r.keys = (num *)scratch + (size_t)worker * attend_floats(t, e);
    r.values = r.keys + (size_t)padded(t, TILE_COLS) * units(e, FOLD);
    r.p = (float *)(void *)(r.values + (size_t)units(t, FOLD) * padded(e, TILE_COLS));
    r.out = r.p + (size_t)QUERIES * row_step(t);
    r.q = (num *)(void *)(r.out + (size_t)QUERIES * row_step(e));
    return r;
}

/* ---- heads ---- */

struct attention {
    float *ctx, *prob;
    const float *qkv;
    const struct kern_heads *a;
    const struct kern_drop *drop; /* NULL: none */
    bool narrow;                  /* round what is multiplied to bf16 */
    struct deal deal;
    int parts; /* of the queries of a head: tasks; more than one where a task has one head */
    void *scratch;
};

/* out (rows, n padded), ld apart, = left (rows, k), left_ld nums apart, times panels (n padded, k). */
static void multiply_into(float *out, int ld, const num *left, size_t left_ld, const num *panels, int rows,
                          int n, int k);

/* r->p (rows, t) = q k^T; q: the first of the queries, which are read in place unless they are rounded. */
static void find_logits(const struct attention *w, const struct attend_room *r, const float *q, int rows)
{
    const int t = w->a->t, e = w->a->e;
    const size_t ld = 3 * (size_t)w->a->h * e, step = (size_t)row_step(units(e, FOLD));

    for (int j = 0; w->narrow && j < rows; j++) narrow_row(r->q + j * step, q + j * ld, e, 1);
    multiply_into(r->p, row_step(t), w->narrow ? r->q : (const num *)(const void *)q, w->narrow ? step : ld,
                  r->keys, rows, t, e);
}

/* A row of logits x (t) becomes what the values are multiplied with, as nums in its place. Returns the factor
 * that makes probabilities of it. at: of the row in prob. */
static float weigh_row(const struct attention *w, float *x, size_t at)
{
    const int t = w->a->t;
    const bool at_once = w->narrow && !w->prob && !w->drop;
    const float factor =
        1 / (at_once ? softmax_row_narrow(x, w->a->scale, t) : softmax_row(x, w->a->scale, t));

    if (w->prob) scale_row(w->prob + at, x, factor, t);
    if (w->drop) drop_row(x, w->drop, at, t);
    if (w->narrow && !at_once) narrow_row((num *)(void *)x, x, t, 1);
    return factor;
}

/* Queries i .. i + rows of a head, rows <= QUERIES. The factor of the probabilities is applied to the
 * result, which is shorter. */
static void attend_queries(const struct attention *w, const struct attend_room *r, int head, int i, int rows)
{
    const int t = w->a->t, e = w->a->e, next = head_after(&w->deal, head);
    const int tp = row_step(t), ep = row_step(e);
    const size_t d = (size_t)w->a->h * e;
    float factor[QUERIES];
    float *to = w->ctx + head_place(w->a, head, (size_t)w->a->h) + i * d;

    find_logits(w, r, head_start(w->qkv, w->a, head) + i * 3 * d, rows);
    for (int j = 0; j < rows; j++) {
        fetch_token(w->qkv, w->a, next, i + j);
        fetch_write(to + j * d, e);
        factor[j] = weigh_row(w, r->p + (size_t)j * tp, ((size_t)head * t + i + j) * t);
    }
    multiply_into(r->out, ep, (const num *)(const void *)r->p, (size_t)tp, r->values, rows, e, t);
    for (int j = 0; j < rows; j++) scale_row(to + j * d, r->out + (size_t)j * ep, factor[j], e);
}

/* One part of the queries of a head. */
static void attend_part(const struct attention *w, const struct attend_room *r, int head, int part)
{
    const int t = w->a->t, e = w->a->e, rows = padded(units(t, w->parts), TILE_ROWS);
    const int last = least(t, (part + 1) * rows);
    const size_t d = (size_t)w->a->h * e;
    const float *q = head_start(w->qkv, w->a, head);

    if (part * rows >= t) return;
    pack_tokens(r->keys, q + d, 3 * d, t, e);
    pack_features(r->values, q + 2 * d, 3 * d, t, e);
    if (w->narrow) narrow_nums(r->keys, (size_t)(r->values - r->keys));
    if (w->narrow) narrow_nums(r->values, (size_t)units(t, FOLD) * padded(e, TILE_COLS));
    for (int i = part * rows; i < last; i += QUERIES) attend_queries(w, r, head, i, least(last - i, QUERIES));
}

static void attend_task(const void *work, int task, int worker)
{
    const struct attention *w = work;
    const struct attend_room r = attend_room_of(w->scratch, worker, w->a->t, w->a->e);
    const int first = task / w->parts * w->deal.span, last = least(first + w->deal.span, w->deal.heads);

    for (int head = first; head < last; head++) attend_part(w, &r, head, task % w->parts);
}

/* Few heads are split by queries too, though every part packs the keys and values again. */
static int query_parts(const struct kern_heads *a, int threads)
{
    const int heads = a->b * a->h, wanted = 2 * threads;

    if (threads == 1 || heads >= wanted) return 1;
    return most(1, least(units(wanted, heads), a->t / (4 * TILE_ROWS)));
}

static void attend_heads(const struct kern_ctx *c, bool narrow, float *ctx, float *prob, const float *qkv,
                         const struct kern_heads *a, const struct kern_drop *drop)
{
    const struct attention w = { .ctx = ctx,
                                 .prob = prob,
                                 .qkv = qkv,
                                 .a = a,
                                 .drop = drop && drop->rate > 0 ? drop : NULL,
                                 .narrow = narrow,
                                 .deal = deal_heads(a, c->threads),
                                 .parts = query_parts(a, c->threads),
                                 .scratch = c->scratch };

    assert(c->scratch_bytes >= (size_t)c->threads * attend_floats(a->t, a->e) * sizeof(float));
    kern_share(c, false, attend_task, &w, units(w.deal.heads, w.deal.span) * w.parts);
}

#endif
