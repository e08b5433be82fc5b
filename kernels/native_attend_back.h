/* native_attend_back.h - the backward of attention, one head at a time, a block of queries at a time:
 *   dp = dctx v^T,  ds = scale p (dp - sum p dp),  dq = ds k,  dk += ds^T q,  dv += p^T dctx. */
#ifndef KERNELS_NATIVE_ATTEND_BACK_H
#define KERNELS_NATIVE_ATTEND_BACK_H

#include "kernels/native_attend.h"

enum { BACK_TILES = 8 }; /* tiles of queries in a block */

/* Memory of one thread. tp: t padded to TILE_COLS and to TILE_ROWS; ep: e padded; rows: of a block. */
struct back_room {
    float *values;  /* (tp, e) in panels of tokens */
    float *keys;    /* (t, ep) in panels of features */
    float *q, *g;   /* (rows, ep) in panels of features: queries and dctx of the block */
    float *ds, *p;  /* (rows, tp): gradient of the logits; probabilities after dropout */
    float *dq;      /* (rows, ep) */
    float *dk, *dv; /* (tp, ep) */
    int tp, ep;
};

static int token_pad(int t)
{
    return most(padded(t, TILE_COLS), padded(t, TILE_ROWS));
}

static size_t back_floats(int t, int e)
{
    const size_t tp = (size_t)token_pad(t), ep = (size_t)padded(e, TILE_COLS), rows = BACK_TILES * TILE_ROWS;
    const size_t all = tp * e + t * ep + 2 * rows * ep + 2 * rows * tp + rows * ep + 2 * tp * ep;

    return (all + 15) / 16 * 16;
}

static struct back_room back_room_of(void *scratch, int worker, int t, int e)
{
    const size_t rows = BACK_TILES * TILE_ROWS;
    struct back_room r = { .tp = token_pad(t), .ep = padded(e, TILE_COLS) };
    float *at = (float *)scratch + (size_t)worker * back_floats(t, e);

    r.dk = at;
    r.dv = r.dk + (size_t)r.tp * r.ep;
    r.ds = r.dv + (size_t)r.tp * r.ep;
    r.p = r.ds + rows * r.tp;
    r.q = r.p + rows * r.tp;
    r.g = r.q + rows * r.ep;
    r.dq = r.g + rows * r.ep;
    r.keys = r.dq + rows * r.ep;
    r.values = r.keys + (size_t)t * r.ep;
    return r;
}

/* ds (t) = scale p (ds - sum p ds), where ds comes in as dp. p is the saved row; dropped receives it after
 * dropout, which ds passes too. What lies behind t in both reaches only rows of dk and dv that are not
 * copied. */
static void logits_back(float *ds, float *dropped, const float *p, const struct kern_drop *drop,
                        uint64_t first, float scale, int t)
{
    vec sum = SPLAT(0.0f), mean;

    memcpy(dropped, p, (size_t)t * sizeof(float));
    if (drop) drop_row(dropped, drop, first, t);
    if (drop) drop_row(ds, drop, first, t);
    for (int j = 0; j < t; j += VEC) sum += load_some(p + j, t - j) * load_some(ds + j, t - j);
    mean = SPLAT(sum_lanes(sum));
    for (int j = 0; j < t; j += VEC) {
        const vec v = SPLAT(scale) * load_some(p + j, t - j) * (load_some(ds + j, t - j) - mean);
        store_some(ds + j, v, t - j);
    }
}

/* into (tp, ep) += left (rows, tp)^T right, right in panels of features of the block. */
static void add_outer(float *into, const float *left, const float *right, const struct back_room *r, int t,
                      int rows)
{
    for (int l = 0; l < r->ep; l += TILE_COLS)
        for (int j = 0; j < t; j += TILE_ROWS)
            tile_transposed(into + (size_t)j * r->ep + l, (size_t)r->ep, left + j, (size_t)r->tp,
                            right + (size_t)l * rows, rows, true);
}

struct attention_back {
    float *dqkv;
    const float *dctx, *prob, *qkv;
    const struct kern_heads *a;
    const struct kern_drop *drop;
    struct deal deal;
    void *scratch;
};

/* What comes next of token i: what the next head reads, and where the results of this one go. */
static void fetch_back(const struct attention_back *w, float *dq, int next, int i)
{
    const size_t d = (size_t)w->a->h * w->a->e;

    fetch_token(w->qkv, w->a, next, i);
    if (next >= 0) fetch_read(w->dctx + head_place(w->a, next, (size_t)w->a->h) + i * d, w->a->e);
    for (int part = 0; part < 3; part++) fetch_write(dq + (3 * (size_t)i + (size_t)part) * d, w->a->e);
}

/* Queries i .. i + rows of a head. */
static void back_queries(const struct attention_back *w, const struct back_room *r, int head, int i, int rows)
{
    const int t = w->a->t, e = w->a->e, next = head_after(&w->deal, head);
    const size_t d = (size_t)w->a->h * e, place = head_place(w->a, head, 3 * (size_t)w->a->h);
    const float *q = w->qkv + place + i * 3 * d;
    const float *g = w->dctx + head_place(w->a, head, (size_t)w->a->h) + i * d;
    float *dq = w->dqkv + place;

    pack_features(r->q, q, 3 * d, rows, e);
    pack_features(r->g, g, d, rows, e);
    multiply_into(r->ds, r->tp, g, d, r->values, rows, t, e);
    for (int j = 0; j < rows; j++) {
        const size_t at = ((size_t)head * t + i + j) * t;

        fetch_back(w, dq, next, i + j);
        logits_back(r->ds + (size_t)j * r->tp, r->p + (size_t)j * r->tp, w->prob + at, w->drop, at,
                    w->a->scale, t);
    }
    multiply_into(r->dq, r->ep, r->ds, (size_t)r->tp, r->keys, rows, e, t);
    for (int j = 0; j < rows; j++)
        memcpy(dq + (i + j) * 3 * d, r->dq + (size_t)j * r->ep, (size_t)e * sizeof(float));
    add_outer(r->dk, r->ds, r->q, r, t, rows);
    add_outer(r->dv, r->p, r->g, r, t, rows);
}

static void back_head(const struct attention_back *w, const struct back_room *r, int head)
{
    const int t = w->a->t, e = w->a->e, step = BACK_TILES * TILE_ROWS;
    const size_t d = (size_t)w->a->h * e;
    const float *q = head_start(w->qkv, w->a, head);
    float *dq = w->dqkv + (q - w->qkv);

    pack_tokens(r->values, q + 2 * d, 3 * d, t, e);
    pack_features(r->keys, q + d, 3 * d, t, e);
    memset(r->dk, 0, (size_t)r->tp * r->ep * sizeof(float));
    memset(r->dv, 0, (size_t)r->tp * r->ep * sizeof(float));
    for (int i = 0; i < t; i += step) back_queries(w, r, head, i, least(t - i, step));
    for (int j = 0; j < t; j++) {
        memcpy(dq + d + j * 3 * d, r->dk + (size_t)j * r->ep, (size_t)e * sizeof(float));
        memcpy(dq + 2 * d + j * 3 * d, r->dv + (size_t)j * r->ep, (size_t)e * sizeof(float));
    }
}

static void back_task(const void *work, int task, int worker)
{
    const struct attention_back *w = work;
    const struct back_room r = back_room_of(w->scratch, worker, w->a->t, w->a->e);
    const int first = task * w->deal.span, last = least(first + w->deal.span, w->deal.heads);

    for (int head = first; head < last; head++) back_head(w, &r, head);
}

static void attend_back(const struct kern_ctx *c, float *dqkv, const float *dctx, const float *prob,
                        const float *qkv, const struct kern_heads *a, const struct kern_drop *drop)
{
    const struct attention_back w = { .dqkv = dqkv,
                                      .dctx = dctx,
                                      .prob = prob,
                                      .qkv = qkv,
                                      .a = a,
                                      .drop = drop && drop->rate > 0 ? drop : NULL,
                                      .deal = deal_heads(a, c->threads),
                                      .scratch = c->scratch };

    assert(c->scratch_bytes >= (size_t)c->threads * back_floats(a->t, a->e) * sizeof(float));
    kern_share(c, false, back_task, &w, units(w.deal.heads, w.deal.span));
}

#endif
