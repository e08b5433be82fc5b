/* The stem's buffers, forward and backward. Pictures go through all layers a chunk at a time, so that the
 * columns of im2col stay in cache; training keeps every layer's output of the whole batch, and makes the
 * columns again in the backward, because they are nine times the size of what they are made from. */
#include <string.h>

#include "patch/stem_shape.h"
#include "vit/arena.h"

/* ---- memory ---- */

static size_t act_count(const struct patch_stem_shape *sh)
{
    return (size_t)sh->side * sh->side * sh->out;
}

static size_t out_count(const struct patch_stem_shape *sh)
{
    return (size_t)sh->end * sh->end * sh->out;
}

static void *take(struct vit_arena *a, int pictures, size_t each, size_t size)
{
    size_t count = each;

    if (!vit_size_mul(&count, (size_t)pictures)) count = SIZE_MAX; /* the arena will refuse */
    return vit_arena_take(a, count, size);
}

/* Does layer i write the tokens themselves? */
static bool is_last(const struct patch_stem *s, int i)
{
    return i == s->layers - 1 && !s->project;
}

static void carve_layer(struct patch_stem_trace *t, struct vit_arena *a, const struct patch_stem *s,
                        const struct patch_stem_shape *sh, int i)
{
    const int pictures = t->training ? t->batch : t->chunk;
    const bool pool = sh->pool.kernel != 0;

    if (pool || !is_last(s, i)) t->act[i] = take(a, pictures, act_count(sh), sizeof(float));
    t->out[i] = t->act[i];
    if (pool) t->out[i] = is_last(s, i) ? NULL : take(a, pictures, out_count(sh), sizeof(float));
    if (!t->training) return;
    /* Where ReLU was zero its output says so as well as its input. */
    const bool shared = s->conv[i].act == KERN_ACT_RELU && (pool || !is_last(s, i));
    t->pre[i] = shared ? t->act[i] : take(a, pictures, act_count(sh), sizeof(float));
    if (pool) t->arg[i] = take(a, pictures, out_count(sh), 1);
    t->dw[i] = vit_arena_take(a, (size_t)sh->out * sh->k, sizeof(float));
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void carve_conv(struct patch_stem_trace *t, struct vit_arena *a, const struct patch_stem *s)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];
    size_t cols = 0, act = 0, out = 0;

    patch_stem_shapes(shapes, s, t->channels, t->image);
    t->input =
        take(a, t->training ? t->batch : t->chunk, (size_t)t->image * t->image * t->channels, sizeof(float));
    for (int i = 0; i < s->layers; i++) {
        carve_layer(t, a, s, &shapes[i], i);
        cols = most(cols, (size_t)shapes[i].side * shapes[i].side * shapes[i].k);
        act = most(act, act_count(&shapes[i]));
        out = most(out, out_count(&shapes[i]));
    }
    t->cols = take(a, t->chunk, cols, sizeof(float));
    if (!t->training) return;
    t->grad[0] = take(a, t->chunk, act, sizeof(float));
    t->grad[1] = take(a, t->chunk, out, sizeof(float));
}

void patch_stem_trace_carve(struct patch_stem_trace *t, struct vit_arena *a, const struct patch_stem *s,
                            int channels, int image, int width, int batch, bool training)
{
    *t = (struct patch_stem_trace){ .image = image,
                                    .channels = channels,
                                    .width = width,
                                    .batch = batch,
                                    .chunk = patch_stem_chunk(s, channels, image, batch),
                                    .training = training };
    if (s->patch) {
        const size_t grid = (size_t)patch_stem_grid(s, image);
        t->rows =
            take(a, training ? batch : t->chunk, grid * grid * channels * s->patch * s->patch, sizeof(float));
    } else {
        carve_conv(t, a, s);
    }
}

/* ---- a chunk: n pictures from number first of the batch ---- */

struct chunk {
    int first, n;
    size_t slot; /* of the first picture in the buffers that are whole in training */
};

static bool next_chunk(struct chunk *ch, const struct patch_stem_trace *t, int n)
{
    ch->first += ch->n;
    ch->slot = t->training ? (size_t)ch->first : 0;
    ch->n = n - ch->first < t->chunk ? n - ch->first : t->chunk;
    return ch->n > 0;
}

/* What layer i reads, channels last. */
static const float *layer_input(const struct patch_stem_trace *t, const struct patch_stem_shape *shapes,
                                int i, const struct chunk *ch)
{
    if (i) return t->out[i - 1] + ch->slot * out_count(&shapes[i - 1]);
    return t->input + ch->slot * t->image * t->image * t->channels;
}

/* ---- forward ---- */

static void patch_forward(const struct kern_ctx *c, float *tokens, const float *planes,
                          const struct patch_stem *s, const struct patch_stem_packed *p,
                          struct patch_stem_trace *t, int n)
{
    const int grid = patch_stem_grid(s, t->image), patches = grid * grid;
    const size_t picture = (size_t)t->channels * t->image * t->image;
    const struct kern_epilogue e = { .bias = p->bias[0] };

    for (struct chunk ch = { 0 }; next_chunk(&ch, t, n);) {
        float *rows = t->rows + ch.slot * patches * p->mat[0].k;

        kern_patchify(c, rows, planes + ch.first * picture, ch.n, t->channels, t->image, s->patch);
        kern_linear(c, tokens + (size_t)ch.first * patches * t->width, rows, &p->mat[0], &e, ch.n * patches);
    }
}

/* tokens: where the last layer of a stem without projection writes. */
static void layer_forward(const struct kern_ctx *c, float *tokens, const struct patch_stem *s,
                          const struct patch_stem_packed *p, struct patch_stem_trace *t,
                          const struct patch_stem_shape *shapes, int i, const struct chunk *ch)
{
    const struct patch_stem_shape *sh = &shapes[i];
    const size_t act_at = ch->slot * act_count(sh), out_at = ch->slot * out_count(sh);
    float *act = t->act[i] ? t->act[i] + act_at : tokens;
    float *out = t->out[i] ? t->out[i] + out_at : tokens;
    float *pre = t->pre[i] && t->pre[i] != t->act[i] ? t->pre[i] + act_at : NULL;
    const struct kern_epilogue e = { .bias = p->bias[i], .pre = pre, .act = s->conv[i].act };

    kern_im2col(c, t->cols, layer_input(t, shapes, i, ch), &sh->conv, ch->n);
    kern_linear(c, act, t->cols, &p->mat[i], &e, ch->n * sh->side * sh->side);
    if (sh->pool.kernel) kern_max_pool(c, out, t->arg[i] ? t->arg[i] + out_at : NULL, act, &sh->pool, ch->n);
}

static void conv_forward(const struct kern_ctx *c, float *tokens, const float *planes,
                         const struct patch_stem *s, const struct patch_stem_packed *p,
                         struct patch_stem_trace *t, int n)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];
    const int grid = patch_stem_shapes(shapes, s, t->channels, t->image), patches = grid * grid;
    const size_t picture = (size_t)t->channels * t->image * t->image;
    const struct kern_epilogue e = { .bias = p->bias[s->layers] };

    for (struct chunk ch = { 0 }; next_chunk(&ch, t, n);) {
        float *to = tokens + (size_t)ch.first * patches * t->width;

        kern_nhwc(c, t->input + ch.slot * picture, planes + ch.first * picture, ch.n, t->channels, t->image,
                  t->image);
        for (int i = 0; i < s->layers; i++) layer_forward(c, to, s, p, t, shapes, i, &ch);
        if (s->project)
            kern_linear(c, to, layer_input(t, shapes, s->layers, &ch), &p->mat[s->layers], &e,
                        ch.n * patches);
    }
}

void patch_stem_forward(const struct kern_ctx *c, float *tokens, const float *planes,
                        const struct patch_stem *s, const struct patch_stem_packed *p,
                        struct patch_stem_trace *t, int n)
{
    assert(n > 0 && n <= t->batch);
    (s->patch ? patch_forward : conv_forward)(c, tokens, planes, s, p, t, n);
}

/* ---- backward ---- */

static void patch_backward(const struct kern_ctx *c, float *const *dtensors, const float *dtokens,
                           const struct patch_stem *s, const struct patch_stem_packed *p,
                           struct patch_stem_trace *t, int n)
{
    const int grid = patch_stem_grid(s, t->image), patches = grid * grid;
    const struct kern_mat *w = &p->mat[0];

    for (struct chunk ch = { 0 }; next_chunk(&ch, t, n);)
        kern_linear_dw(c, w->dtype, dtensors[0], dtensors[1], dtokens + (size_t)ch.first * patches * t->width,
                       t->rows + ch.slot * patches * w->k, ch.n * patches, w->n, w->k);
}

/* dout: gradient of the layer's output for the chunk. Returns that of its input, in t->grad[1]. */
static const float *layer_backward(const struct kern_ctx *c, float *db, const float *dout,
                                   const struct patch_stem *s, const struct patch_stem_packed *p,
                                   struct patch_stem_trace *t, const struct patch_stem_shape *shapes, int i,
                                   const struct chunk *ch)
{
    const struct patch_stem_shape *sh = &shapes[i];
    const size_t act_at = ch->slot * act_count(sh), out_at = ch->slot * out_count(sh);
    const int m = ch->n * sh->side * sh->side;
    float *dpre = t->grad[0];

    if (sh->pool.kernel) kern_max_pool_back(c, dpre, dout, t->arg[i] + out_at, &sh->pool, ch->n);
    kern_act_back(c, dpre, sh->pool.kernel ? dpre : dout, t->pre[i] + act_at, ch->n * act_count(sh),
                  s->conv[i].act);
    kern_im2col(c, t->cols, layer_input(t, shapes, i, ch), &sh->conv, ch->n);
    kern_linear_dw(c, p->mat[i].dtype, t->dw[i], db, dpre, t->cols, m, sh->out, sh->k);
    if (!i) return NULL;
    kern_linear_dx(c, t->cols, dpre, &p->mat[i], m); /* the columns are used up: theirs is the place */
    kern_col2im(c, t->grad[1], t->cols, &sh->conv, ch->n);
    return t->grad[1];
}

/* to (out, in, kernel, kernel) += from (out, kernel, kernel, in). */
static void add_reordered(float *restrict to, const float *restrict from, int out, int in, int kernel)
{
    const size_t area = (size_t)kernel * kernel;

    for (int o = 0; o < out; o++, to += area * in, from += area * in)
        for (int c = 0; c < in; c++)
            for (size_t i = 0; i < area; i++) to[c * area + i] += from[i * in + c];
}

static void conv_backward(const struct kern_ctx *c, float *const *dtensors, const float *dtokens,
                          const struct patch_stem *s, const struct patch_stem_packed *p,
                          struct patch_stem_trace *t, int n)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];
    const int grid = patch_stem_shapes(shapes, s, t->channels, t->image), patches = grid * grid;
    float *const *dproj = dtensors + patch_stem_slot(s, s->layers);

    for (int i = 0; i < s->layers; i++)
        memset(t->dw[i], 0, (size_t)shapes[i].out * shapes[i].k * sizeof(float));
    for (struct chunk ch = { 0 }; next_chunk(&ch, t, n);) {
        const float *dout = dtokens + (size_t)ch.first * patches * t->width;

        if (s->project) {
            const struct kern_mat *w = &p->mat[s->layers];
            kern_linear_dw(c, w->dtype, dproj[0], dproj[1], dout, layer_input(t, shapes, s->layers, &ch),
                           ch.n * patches, w->n, w->k);
            kern_linear_dx(c, t->grad[1], dout, w, ch.n * patches);
            dout = t->grad[1];
        }
        for (int i = s->layers - 1; i >= 0; i--) {
            float *db = s->conv[i].bias ? dtensors[patch_stem_slot(s, i) + 1] : NULL;
            dout = layer_backward(c, db, dout, s, p, t, shapes, i, &ch);
        }
    }
    for (int i = 0; i < s->layers; i++)
        add_reordered(dtensors[patch_stem_slot(s, i)], t->dw[i], shapes[i].out, shapes[i].conv.channels,
                      shapes[i].conv.kernel);
}

void patch_stem_backward(const struct kern_ctx *c, float *const *dtensors, const float *dtokens,
                         const struct patch_stem *s, const struct patch_stem_packed *p,
                         struct patch_stem_trace *t, int n)
{
    assert(t->training && n > 0 && n <= t->batch);
    (s->patch ? patch_backward : conv_backward)(c, dtensors, dtokens, s, p, t, n);
}
