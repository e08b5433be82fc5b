#include "vit/session.h"

#include <math.h>
#include <string.h>

#include "vit/config.h"

/* From the stream after the blocks to logits: final norm, pooling, fc_norm, pre_logits, head. Pooling by
 * token needs the norm of that token alone, so the rows are picked first. */

/* Rows of a picture of so many tokens that the final norm sees. */
static int final_rows(const struct vit_config *c, int tokens)
{
    return c->pool == VIT_POOL_CLS ? 1 + c->dist : tokens;
}

int vit_features_width(const struct vit_model *m)
{
    return vit_pooled_width(&m->config);
}

static void carve_gradients(struct vit_ends *e, struct vit_arena *a, const struct vit_config *c,
                            const struct vit_extent *x)
{
    const size_t b = (size_t)x->batch, d = (size_t)c->width, f = (size_t)vit_pooled_width(c);
    const size_t widest = f > (size_t)c->pre_logits ? f : (size_t)c->pre_logits;

    e->dlogits = vit_arena_take(a, b * (size_t)c->classes, sizeof(float));
    e->dfeatures = vit_arena_take(a, 3 * b * widest, sizeof(float));
    e->dstream = vit_arena_take(a, b * (size_t)x->tokens * d, sizeof(float));
}

void vit_ends_carve_readout(struct vit_ends *e, struct vit_arena *a, const struct vit_config *c,
                            const struct vit_extent *x)
{
    const size_t b = (size_t)x->batch, d = (size_t)c->width, f = (size_t)vit_pooled_width(c);
    const size_t rows = b * (size_t)final_rows(c, x->tokens);

    e->picked = c->pool == VIT_POOL_CLS ? vit_arena_take(a, rows * d, sizeof(float)) : NULL;
    e->final = c->norm.final ? vit_arena_take(a, rows * d, sizeof(float)) : NULL;
    e->final_stat = c->norm.final && x->training ? vit_arena_take(a, rows * 2, sizeof(float)) : NULL;
    e->weight = c->pool == VIT_POOL_SEQ ? vit_arena_take(a, rows, sizeof(float)) : NULL;
    e->pooled = vit_arena_take(a, rows > 2 * b ? b * f : rows * d, sizeof(float));
    e->pooled_stat = c->norm.pooled && x->training ? vit_arena_take(a, b * 2, sizeof(float)) : NULL;
    e->features = c->norm.pooled ? vit_arena_take(a, b * f, sizeof(float)) : e->pooled;
    e->hidden = c->pre_logits ? vit_arena_take(a, b * (size_t)c->pre_logits, sizeof(float)) : NULL;
    e->hidden_out = c->pre_logits ? vit_arena_take(a, b * (size_t)c->pre_logits, sizeof(float)) : NULL;
    e->logits = vit_arena_take(a, b * (size_t)c->classes, sizeof(float));
    e->logits_dist = c->dist ? vit_arena_take(a, b * (size_t)c->classes, sizeof(float)) : NULL;
    if (x->training) carve_gradients(e, a, c, x);
}

/* ---- pooling: rows (n, t, d) -> pooled (n, f) ---- */

static void pool_mean(float *out, const float *x, int prefix, int tokens, int d)
{
    memset(out, 0, (size_t)d * sizeof *out);
    for (int i = prefix; i < tokens; i++)
        for (int j = 0; j < d; j++) out[j] += x[(size_t)i * (size_t)d + (size_t)j];
    for (int j = 0; j < d; j++) out[j] /= (float)(tokens - prefix);
}

static float dot(const float *a, const float *b, int d)
{
    float sum = 0;

#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < d; j++) sum += a[j] * b[j];
    return sum;
}

/* Sequence pooling, Hassani et al. 2021: weight = softmax over tokens of (x u + b), out = sum weight x. */
static void pool_sequence(float *out, float *weight, const float *x, const struct vit_linear_params *p,
                          int tokens, int d)
{
    float most = -INFINITY;
    double sum = 0;

    for (int i = 0; i < tokens; i++) {
        weight[i] = dot(x + (size_t)i * (size_t)d, p->weight, d) + (p->bias ? p->bias[0] : 0);
        most = fmaxf(most, weight[i]);
    }
    for (int i = 0; i < tokens; i++) {
        weight[i] = expf(weight[i] - most);
        sum += weight[i];
    }
    memset(out, 0, (size_t)d * sizeof *out);
    for (int i = 0; i < tokens; i++) {
        weight[i] = (float)(weight[i] / sum);
        for (int j = 0; j < d; j++) out[j] += weight[i] * x[(size_t)i * (size_t)d + (size_t)j];
    }
}

static void pool(const struct vit_session *s, const float *rows, int n)
{
    const struct vit_config *c = &s->model->config;
    const int d = c->width, t = s->tokens, prefix = vit_config_prefix(c), f = vit_pooled_width(c);

    for (int i = 0; i < n; i++) {
        const float *x = rows + (size_t)i * (size_t)t * (size_t)d;
        float *out = s->ends.pooled + (size_t)i * (size_t)f;

        if (c->pool == VIT_POOL_SEQ)
            pool_sequence(out, s->ends.weight + (size_t)i * (size_t)t, x, &s->model->params.attention_pool, t,
                          d);
        else if (c->pool == VIT_POOL_MEAN)
            pool_mean(out, x, prefix, t, d);
        else {
            memcpy(out, x, (size_t)d * sizeof *out);
            pool_mean(out + d, x, prefix, t, d);
        }
    }
}

/* Gradient of sequence pooling: with a_i = g . x_i and mean a = sum w a,
 * dx_i = w_i g + w_i (a_i - mean a) u;  du = sum w_i (a_i - mean a) x_i;  db = 0. */
static void pool_sequence_back(float *dx, const struct vit_linear_params *grads, const float *g,
                               const float *weight, const float *x, const float *u, int tokens, int d)
{
    double mean = 0;

    for (int i = 0; i < tokens; i++) mean += (double)weight[i] * (double)dot(g, x + (size_t)i * (size_t)d, d);
    for (int i = 0; i < tokens; i++) {
        const float *row = x + (size_t)i * (size_t)d;
        const float slope = (float)((double)weight[i] * ((double)dot(g, row, d) - mean));
        for (int j = 0; j < d; j++) dx[(size_t)i * (size_t)d + (size_t)j] = weight[i] * g[j] + slope * u[j];
        for (int j = 0; j < d; j++) grads->weight[j] += slope * row[j];
    }
}

static void pool_mean_back(float *dx, const float *g, int prefix, int tokens, int d)
{
    for (int i = prefix; i < tokens; i++)
        for (int j = 0; j < d; j++) dx[(size_t)i * (size_t)d + (size_t)j] = g[j] / (float)(tokens - prefix);
}

/* drows (n, t, d) from g (n, f). */
static void pool_back(const struct vit_session *s, const struct vit_params *grads, float *drows,
                      const float *g, const float *rows, int n)
{
    const struct vit_config *c = &s->model->config;
    const int d = c->width, t = s->tokens, prefix = vit_config_prefix(c), f = vit_pooled_width(c);
    const size_t image = (size_t)t * (size_t)d;

    memset(drows, 0, (size_t)n * image * sizeof *drows);
    for (int i = 0; i < n; i++) {
        float *dx = drows + (size_t)i * image;
        const float *gi = g + (size_t)i * (size_t)f;

        if (c->pool == VIT_POOL_SEQ)
            pool_sequence_back(dx, &grads->attention_pool, gi, s->ends.weight + (size_t)i * (size_t)t,
                               rows + (size_t)i * image, s->model->params.attention_pool.weight, t, d);
        else if (c->pool == VIT_POOL_MEAN)
            pool_mean_back(dx, gi, prefix, t, d);
        else {
            memcpy(dx, gi, (size_t)d * sizeof *dx);
            pool_mean_back(dx, gi + d, prefix, t, d);
        }
    }
}

/* ---- the whole read-out ---- */

/* The class row (and the distillation row) of every picture. With two, all class rows come first. */
static void pick(const struct vit_session *s, const float *stream, int n)
{
    const struct vit_config *c = &s->model->config;
    const size_t d = (size_t)c->width, image = (size_t)s->tokens * d;

    for (int row = 0; row < 1 + c->dist; row++)
        for (int i = 0; i < n; i++)
            memcpy(s->ends.picked + ((size_t)row * (size_t)n + (size_t)i) * d,
                   stream + (size_t)i * image + (size_t)row * d, d * sizeof(float));
}

/* What pooling reads: the stream or its picked rows, normed where there is a final norm. */
static const float *final_values(const struct vit_session *s, const float *stream)
{
    if (s->ends.final) return s->ends.final;
    return s->ends.picked ? s->ends.picked : stream;
}

static void heads(const struct vit_session *s, const float *features, int n)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    const struct vit_ends *e = &s->ends;
    const struct kern_epilogue bias = { .bias = m->params.head.bias };
    const float *in = features;

    if (c->pre_logits) {
        const struct kern_epilogue tanh = { .bias = m->params.pre_logits.bias,
                                            .pre = e->hidden,
                                            .act = KERN_ACT_TANH };
        kern_linear(&s->kern, e->hidden_out, features, &m->mats.pre_logits, &tanh, n);
        in = e->hidden_out;
    }
    kern_linear(&s->kern, e->logits, in, &m->mats.head, &bias, n);
    if (!c->dist) return;

    const struct kern_epilogue bias_dist = { .bias = m->params.head_dist.bias };
    kern_linear(&s->kern, e->logits_dist, features + (size_t)n * (size_t)c->width, &m->mats.head_dist,
                &bias_dist, n);
    for (size_t i = 0; i < (size_t)n * (size_t)c->classes; i++)
        e->logits[i] = (e->logits[i] + e->logits_dist[i]) / 2;
}

void vit_readout(struct vit_session *s, const float *stream, int n)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    const struct vit_ends *e = &s->ends;
    const int rows = n * final_rows(c, s->tokens);

    if (e->picked) pick(s, stream, n);
    if (e->final) {
        const struct kern_norm norm = vit_norm_of(c, &m->params.norm);
        const struct kern_rows r = vit_rows_of(rows, c->width);
        kern_norm(&s->kern, e->final, e->final_stat, e->picked ? e->picked : stream, &norm, &r);
    }
    if (e->picked)
        memcpy(e->pooled, final_values(s, stream), (size_t)rows * (size_t)c->width * sizeof(float));
    else
        pool(s, final_values(s, stream), n);
    if (c->norm.pooled) {
        const struct kern_norm norm = vit_norm_of(c, &m->params.fc_norm);
        const struct kern_rows r = vit_rows_of(n, c->width);
        kern_norm(&s->kern, e->features, e->pooled_stat, e->pooled, &norm, &r);
    }
    heads(s, e->features, n);
}

/* Gradient of the head layers into g (n, f); the distillation rows follow at g + n d. */
static void heads_back(struct vit_session *s, const struct vit_params *grads, float *g, int n)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    const struct vit_ends *e = &s->ends;
    const int f = vit_pooled_width(c);
    float *dlogits = e->dlogits;

    if (c->dist) { /* the two heads are averaged */
        for (size_t i = 0; i < (size_t)n * (size_t)c->classes; i++) dlogits[i] /= 2;
        kern_linear_dw(&s->kern, KERN_F32, grads->head_dist.weight, grads->head_dist.bias, dlogits,
                       e->features + (size_t)n * (size_t)f, n, c->classes, f);
        kern_linear_dx(&s->kern, g + (size_t)n * (size_t)f, dlogits, &m->mats.head_dist, n);
    }
    const float *in = c->pre_logits ? e->hidden_out : e->features;
    kern_linear_dw(&s->kern, KERN_F32, grads->head.weight, grads->head.bias, dlogits, in, n, c->classes,
                   m->mats.head.k);
    if (!c->pre_logits) {
        kern_linear_dx(&s->kern, g, dlogits, &m->mats.head, n);
        return;
    }
    float *dhidden = e->dfeatures + 2 * (size_t)s->batch * (size_t)(f > c->pre_logits ? f : c->pre_logits);
    kern_linear_dx(&s->kern, dhidden, dlogits, &m->mats.head, n);
    kern_act_back(&s->kern, dhidden, dhidden, e->hidden, (size_t)n * (size_t)c->pre_logits, KERN_ACT_TANH);
    kern_linear_dw(&s->kern, KERN_F32, grads->pre_logits.weight, grads->pre_logits.bias, dhidden, e->features,
                   n, c->pre_logits, f);
    kern_linear_dx(&s->kern, g, dhidden, &m->mats.pre_logits, n);
}

/* Picked rows' gradient back to their places in the stream. */
static void unpick(const struct vit_session *s, float *dstream, const float *g, int n)
{
    const struct vit_config *c = &s->model->config;
    const size_t d = (size_t)c->width, image = (size_t)s->tokens * d;

    memset(dstream, 0, (size_t)n * image * sizeof *dstream);
    for (int row = 0; row < 1 + c->dist; row++)
        for (int i = 0; i < n; i++)
            memcpy(dstream + (size_t)i * image + (size_t)row * d,
                   g + ((size_t)row * (size_t)n + (size_t)i) * d, d * sizeof(float));
}

void vit_readout_backward(struct vit_session *s, const struct vit_params *grads, const float *stream,
                          float *dstream, int n)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    const struct vit_ends *e = &s->ends;
    const struct kern_norm norm = vit_norm_of(c, &m->params.norm);
    const struct kern_dnorm dn = { grads->norm.gain, grads->norm.bias, grads->norm.alpha };
    const struct kern_rows r = vit_rows_of(n * final_rows(c, s->tokens), c->width);
    float *g = e->dfeatures;

    heads_back(s, grads, g, n);
    if (c->norm.pooled) {
        const struct kern_norm pooled = vit_norm_of(c, &m->params.fc_norm);
        const struct kern_dnorm dpooled = { grads->fc_norm.gain, grads->fc_norm.bias, grads->fc_norm.alpha };
        const struct kern_rows rows = vit_rows_of(n, c->width);
        kern_norm_back(&s->kern, g, &dpooled, g, e->pooled, e->pooled_stat, &pooled, &rows);
    }
    if (e->picked) {
        if (e->final) kern_norm_back(&s->kern, g, &dn, g, e->picked, e->final_stat, &norm, &r);
        unpick(s, dstream, g, n);
        return;
    }
    pool_back(s, grads, dstream, g, final_values(s, stream), n);
    if (e->final) kern_norm_back(&s->kern, dstream, &dn, dstream, stream, e->final_stat, &norm, &r);
}
