#include <math.h>
#include <omp.h>

#include "kernels/ref.h"
#include "vit/random.h"

/* Where query, key and value of one image and head start in qkv, and how far apart tokens are. */
struct head {
    const float *q, *k, *v;
    size_t ld; /* 3 h e */
};

static struct head head_of(const float *qkv, const struct kern_heads *a, int image, int head)
{
    const size_t d = (size_t)a->h * a->e;
    const float *q = qkv + (size_t)image * a->t * 3 * d + (size_t)head * a->e;

    return (struct head){ .q = q, .k = q + d, .v = q + 2 * d, .ld = 3 * d };
}

float kern_ref_drop_factor(const struct kern_drop *drop, uint64_t i)
{
    if (!drop || drop->rate <= 0) return 1;
    return vit_random_uniform(drop->key, drop->first + i) >= drop->rate ? 1 / (1 - drop->rate) : 0;
}

/* Two rows of t doubles of this thread. */
static double *own_rows(const struct kern_ctx *c, int t)
{
    assert(c->scratch_bytes >= (size_t)c->threads * 2 * (size_t)t * sizeof(double));
    return (double *)c->scratch + (size_t)omp_get_thread_num() * 2 * (size_t)t;
}

/* p (t) = exp(l - max l), l = scale q k^T, for query i; returns the sum. Without the shift by the maximum exp
 * would overflow above 88.7 in float. */
static double exponentials(double *p, const struct head *s, int i, const struct kern_heads *a,
                           enum kern_dtype dtype)
{
    double top = -INFINITY, sum = 0;

    for (int j = 0; j < a->t; j++) {
        p[j] =
            (double)a->scale * kern_ref_dot(s->q + (size_t)i * s->ld, s->k + (size_t)j * s->ld, a->e, dtype);
        if (p[j] > top) top = p[j];
    }
    for (int j = 0; j < a->t; j++) sum += p[j] = exp(p[j] - top);
    return sum;
}

static void attend(const struct kern_ctx *c, enum kern_dtype dtype, float *ctx, float *prob, const float *qkv,
                   const struct kern_heads *a, const struct kern_drop *drop)
{
    const int t = a->t, e = a->e;

#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int task = 0; task < a->b * a->h; task++)
        for (int i = 0; i < t; i++) {
            const struct head s = head_of(qkv, a, task / a->h, task % a->h);
            const size_t row = ((size_t)task * t + i) * t;
            float *out = ctx + (((size_t)(task / a->h) * t + i) * a->h + task % a->h) * e;
            double *p = own_rows(c, t);
            const double all = exponentials(p, &s, i, a, dtype);

            for (int j = 0; prob && j < t; j++) prob[row + j] = (float)(p[j] / all);
            for (int j = 0; j < t; j++) {
                p[j] *= (double)kern_ref_drop_factor(drop, row + j);
                if (dtype == KERN_BF16) p[j] = kern_ref_seen((float)p[j], dtype);
            }
            for (int l = 0; l < e; l++) {
                double sum = 0;

                for (int j = 0; j < t; j++) sum += p[j] * kern_ref_seen(s.v[(size_t)j * s.ld + l], dtype);
                out[l] = (float)(sum / all);
            }
        }
}

void kern_ref_attend(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                     const struct kern_heads *a, const struct kern_drop *drop)
{
    attend(c, KERN_F32, ctx, prob, qkv, a, drop);
}

void kern_ref_attend_bf16(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                          const struct kern_heads *a, const struct kern_drop *drop)
{
    attend(c, KERN_BF16, ctx, prob, qkv, a, drop);
}

/* What the backward of one head reads. dp = dctx v^T times the dropout factor; a query's logits have the
 * gradient ds = scale p (dp - mean), mean (t) = sum over keys of p dp. */
struct back {
    struct head s;
    const float *p;    /* (t, t) */
    const float *dctx; /* token i at i * ld */
    size_t ld;         /* h e */
    size_t first;      /* index of p in prob */
    const double *mean;
    const struct kern_heads *a;
    const struct kern_drop *drop;
};

static double dp_of(const struct back *w, int i, int j)
{
    const size_t at = (size_t)i * w->a->t + j;

    return kern_ref_dot(w->dctx + i * w->ld, w->s.v + j * w->s.ld, w->a->e, KERN_F32) *
           (double)kern_ref_drop_factor(w->drop, w->first + at);
}

static double ds_of(const struct back *w, int i, int j)
{
    return (double)w->a->scale * (double)w->p[(size_t)i * w->a->t + j] * (dp_of(w, i, j) - w->mean[i]);
}

/* dq of token i; buffer (t). */
static void back_query(float *dq, const struct back *w, int i, double *buffer)
{
    for (int j = 0; j < w->a->t; j++) buffer[j] = ds_of(w, i, j);
    for (int l = 0; l < w->a->e; l++) {
        double sum = 0;

        for (int j = 0; j < w->a->t; j++) sum += buffer[j] * (double)w->s.k[j * w->s.ld + l];
        dq[l] = (float)sum;
    }
}

/* dk and dv of token j; buffer (t). */
static void back_key(float *dk, float *dv, const struct back *w, int j, double *buffer)
{
    for (int i = 0; i < w->a->t; i++) buffer[i] = ds_of(w, i, j);
    for (int l = 0; l < w->a->e; l++) {
        double sum = 0;

        for (int i = 0; i < w->a->t; i++) sum += buffer[i] * (double)w->s.q[i * w->s.ld + l];
        dk[l] = (float)sum;
    }
    for (int i = 0; i < w->a->t; i++) {
        const size_t at = (size_t)i * w->a->t + j;
        buffer[i] = (double)w->p[at] * (double)kern_ref_drop_factor(w->drop, w->first + at);
    }
    for (int l = 0; l < w->a->e; l++) {
        double sum = 0;

        for (int i = 0; i < w->a->t; i++) sum += buffer[i] * (double)w->dctx[i * w->ld + l];
        dv[l] = (float)sum;
    }
}

void kern_ref_attend_back(const struct kern_ctx *c, float *dqkv, const float *dctx, const float *prob,
                          const float *qkv, const struct kern_heads *a, const struct kern_drop *drop)
{
    const int t = a->t;
    const size_t d = (size_t)a->h * a->e;

#pragma omp parallel for num_threads(c->threads)
    for (int task = 0; task < a->b * a->h; task++) {
        const int image = task / a->h, head = task % a->h;
        double *mean = own_rows(c, t), *buffer = mean + t;
        const struct back w = { .s = head_of(qkv, a, image, head),
                                .p = prob + (size_t)task * t * t,
                                .dctx = dctx + (size_t)image * t * d + (size_t)head * a->e,
                                .ld = d,
                                .first = (size_t)task * t * t,
                                .mean = mean,
                                .a = a,
                                .drop = drop };
        float *dq = dqkv + (size_t)image * t * 3 * d + (size_t)head * a->e;

        for (int i = 0; i < t; i++) {
            mean[i] = 0;
            for (int j = 0; j < t; j++) mean[i] += (double)w.p[(size_t)i * t + j] * dp_of(&w, i, j);
        }
        for (int i = 0; i < t; i++) {
            float *row = dq + (size_t)i * 3 * d;

            back_query(row, &w, i, buffer);
            back_key(row + d, row + 2 * d, &w, i, buffer);
        }
    }
}
