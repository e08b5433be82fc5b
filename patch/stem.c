#include "patch/stem.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "patch/patch.h"
#include "patch/stem_shape.h"
#include "vit/arena.h"

/* With these bounds, and PATCH_MOST_SIZE, the elements of one picture's columns stay below 2^60, and the rows
 * of a chunk's products in an int. */
enum {
    MAX_SIDE = 64,
    MAX_WIDTH = 65536,
    MAX_POOL = 16, /* a winner's place in its window is stored in 8 bits */
};

/* The columns of a chunk: large enough to give every thread rows, small enough for a last-level cache. */
static const size_t CHUNK_FLOATS = (size_t)2048 * 1024; /* 8 MiB: work for 16 threads */

/* ---- sizes ---- */

static int window_out(int in, const struct kern_window *w)
{
    return in + 2 * w->padding < w->kernel ? 0 : kern_window_out(in, w);
}

int patch_stem_shapes(struct patch_stem_shape shapes[PATCH_STEM_LAYERS], const struct patch_stem *s,
                      int channels, int image)
{
    int side = image;

    for (int i = 0; i < s->layers && side > 0; i++) {
        const struct patch_conv *c = &s->conv[i];
        struct patch_stem_shape *sh = &shapes[i];

        *sh = (struct patch_stem_shape){ .conv = { side, side, channels, c->kernel, c->stride, c->padding },
                                         .k = c->kernel * c->kernel * channels,
                                         .out = c->out };
        sh->side = sh->end = window_out(side, &sh->conv);
        sh->pool = (struct kern_window){ sh->side,       sh->side,       c->out,
                                         c->pool.kernel, c->pool.stride, c->pool.padding };
        if (c->pool.kernel && sh->side) sh->end = window_out(sh->side, &sh->pool);
        side = sh->end;
        channels = c->out;
    }
    return side;
}

int patch_stem_grid(const struct patch_stem *s, int image)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];

    if (s->patch) return image / s->patch;
    return patch_stem_shapes(shapes, s, 1, image);
}

/* Largest number of floats a picture's product reads: patch rows, or the columns of a layer. */
static size_t picture_inputs(const struct patch_stem *s, int channels, int image)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];
    size_t most = 1;

    if (s->patch) {
        const size_t grid = (size_t)(image / s->patch);
        return grid ? grid * grid * channels * s->patch * s->patch : 1;
    }
    patch_stem_shapes(shapes, s, channels, image);
    for (int i = 0; i < s->layers; i++) {
        const size_t cols = (size_t)shapes[i].side * shapes[i].side * shapes[i].k;
        if (cols > most) most = cols;
    }
    return most;
}

int patch_stem_chunk(const struct patch_stem *s, int channels, int image, int batch)
{
    const size_t chunk = CHUNK_FLOATS / picture_inputs(s, channels, image);

    if (chunk < 1) return 1;
    return chunk < (size_t)batch ? (int)chunk : batch;
}

static int last_channels(const struct patch_stem *s)
{
    return s->conv[s->layers - 1].out;
}

double patch_stem_macs(const struct patch_stem *s, int channels, int image, int width)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];
    const double grid = patch_stem_grid(s, image);
    double macs = 0;

    if (s->patch) return grid * grid * width * channels * s->patch * s->patch;
    if (!grid) return 0;
    patch_stem_shapes(shapes, s, channels, image);
    for (int i = 0; i < s->layers; i++)
        macs += (double)shapes[i].side * shapes[i].side * shapes[i].k * shapes[i].out;
    return s->project ? macs + grid * grid * last_channels(s) * width : macs;
}

static void raise_to(int *value, int least)
{
    if (*value < least) *value = least;
}

void patch_stem_limits(struct kern_limits *limits, const struct patch_stem *s, int channels, int image,
                       int width, int batch)
{
    struct patch_stem_shape shapes[PATCH_STEM_LAYERS];
    const int chunk = patch_stem_chunk(s, channels, image, batch);
    const int grid = patch_stem_grid(s, image);

    raise_to(&limits->outputs, width);
    raise_to(&limits->rows, chunk * grid * grid);
    if (s->patch) {
        raise_to(&limits->inputs, channels * s->patch * s->patch);
        return;
    }
    patch_stem_shapes(shapes, s, channels, image);
    for (int i = 0; i < s->layers; i++) {
        raise_to(&limits->rows, chunk * shapes[i].side * shapes[i].side);
        raise_to(&limits->inputs, shapes[i].k);
        raise_to(&limits->outputs, shapes[i].out);
    }
    raise_to(&limits->inputs, last_channels(s));
}

/* ---- tensors ---- */

static void add_tensor(struct patch_stem_tensor *t, const char *format, int layer, enum patch_stem_role role,
                       int rank, const int shape[4])
{
    *t = (struct patch_stem_tensor){ .rank = rank, .role = role, .decay = rank > 1 };
    snprintf(t->name, sizeof t->name, format, layer);
    for (int i = 0; i < rank; i++) t->shape[i] = shape[i];
}

static int add_batch_norm(struct patch_stem_tensor *t, int layer, int n)
{
    static const struct {
        const char *format;
        enum patch_stem_role role;
        bool buffer;
    } TENSORS[] = { { "patch_embed.bn.%d.weight", PATCH_STEM_FACTOR, false },
                    { "patch_embed.bn.%d.bias", PATCH_STEM_OFFSET, false },
                    { "patch_embed.bn.%d.running_mean", PATCH_STEM_OFFSET, true },
                    { "patch_embed.bn.%d.running_var", PATCH_STEM_FACTOR, true } };

    for (size_t i = 0; i < VIT_COUNT(TENSORS); i++) {
        add_tensor(&t[i], TENSORS[i].format, layer, TENSORS[i].role, 1, (int[4]){ n });
        t[i].buffer = TENSORS[i].buffer;
    }
    return (int)VIT_COUNT(TENSORS);
}

int patch_stem_tensors(const struct patch_stem *s, int channels, int width, bool patch_bias,
                       struct patch_stem_tensor out[PATCH_STEM_TENSORS])
{
    const int layers = s->patch ? 0 : s->layers;
    const int side = s->patch ? s->patch : 1;
    int count = 0;

    for (int i = 0; i < layers; i++) {
        const struct patch_conv *c = &s->conv[i];

        add_tensor(&out[count++], "patch_embed.conv.%d.weight", i, PATCH_STEM_CONV, 4,
                   (int[4]){ c->out, channels, c->kernel, c->kernel });
        if (c->bias)
            add_tensor(&out[count++], "patch_embed.conv.%d.bias", i, PATCH_STEM_OFFSET, 1,
                       (int[4]){ c->out });
        if (c->batch_norm) count += add_batch_norm(&out[count], i, c->out);
        channels = c->out;
    }
    if (!s->patch && !s->project) return count;
    add_tensor(&out[count++], "patch_embed.proj.weight", 0, PATCH_STEM_PROJ, 4,
               (int[4]){ width, channels, side, side });
    if (!s->patch || patch_bias)
        add_tensor(&out[count++], "patch_embed.proj.bias", 0, PATCH_STEM_OFFSET, 1, (int[4]){ width });
    return count;
}

int patch_stem_slot(const struct patch_stem *s, int layer)
{
    int slot = 0;

    for (int i = 0; i < layer; i++) slot += 1 + s->conv[i].bias + 4 * s->conv[i].batch_norm;
    return slot;
}

/* ---- can it be computed? ---- */

struct range {
    const char *name;
    int value, low, high;
};

static enum vit_status check_ranges(const struct range *ranges, size_t count, const char *where, int layer,
                                    struct vit_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct range *r = &ranges[i];

        if (r->value >= r->low && r->value <= r->high) continue;
        if (layer < 0)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: stem: %s is %d, expected %d to %d", where, r->name,
                            r->value, r->low, r->high);
        return vit_fail(err, VIT_ERR_FORMAT, "%s: stem layer %d: %s is %d, expected %d to %d", where, layer,
                        r->name, r->value, r->low, r->high);
    }
    return VIT_OK;
}

static enum vit_status check_layer(const struct patch_conv *c, const char *where, int layer,
                                   struct vit_error *err)
{
    const bool pool = c->pool.kernel != 0;
    const struct range ranges[] = {
        { "number of outputs", c->out, 1, MAX_WIDTH },
        { "kernel", c->kernel, 1, MAX_SIDE },
        { "stride", c->stride, 1, MAX_SIDE },
        { "padding", c->padding, 0, c->kernel - 1 },
        { "activation", (int)c->act, 0, KERN_ACTS - 1 },
        { "pooling kernel", c->pool.kernel, 0, MAX_POOL },
        { "pooling stride", c->pool.stride, pool ? 1 : 0, MAX_SIDE },
        /* More would make windows that hold no pixel; PyTorch has the same bound. */
        { "pooling padding", c->pool.padding, 0, c->pool.kernel / 2 },
    };

    return check_ranges(ranges, VIT_COUNT(ranges), where, layer, err);
}

static enum vit_status check_patch(const struct patch_stem *s, int channels, int image, const char *where,
                                   struct vit_error *err)
{
    const struct range patch = { "patch", s->patch, 1, image };

    if (check_ranges(&patch, 1, where, -1, err)) return VIT_ERR_FORMAT;
    if ((int64_t)channels * s->patch * s->patch > INT_MAX)
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: stem: a patch of %d channels and %d pixels a side is too large", where, channels,
                        s->patch);
    return VIT_OK;
}

enum vit_status patch_stem_check(const struct patch_stem *s, int channels, int image, int width,
                                 const char *where, struct vit_error *err)
{
    const struct range common[] = { { "number of channels", channels, 1, MAX_WIDTH },
                                    { "image", image, 1, PATCH_MOST_SIZE },
                                    { "width", width, 1, MAX_WIDTH } };
    const struct range layers = { "number of layers", s->layers, 1, PATCH_STEM_LAYERS };

    if (check_ranges(common, VIT_COUNT(common), where, -1, err)) return VIT_ERR_FORMAT;
    if (s->patch) return check_patch(s, channels, image, where, err);
    if (check_ranges(&layers, 1, where, -1, err)) return VIT_ERR_FORMAT;
    for (int i = 0; i < s->layers; i++)
        if (check_layer(&s->conv[i], where, i, err)) return VIT_ERR_FORMAT;
    if (!s->project && last_channels(s) != width)
        return vit_fail(
            err, VIT_ERR_FORMAT,
            "%s: stem: the last layer has %d outputs and no projection follows, expected the width, %d",
            where, last_channels(s), width);
    if (!patch_stem_grid(s, image))
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: stem: nothing is left of a picture of %d pixels after %d layers", where, image,
                        s->layers);
    return VIT_OK;
}

/* ---- weights as the forward takes them ---- */

/* Products of a stem: layers and the projection, or the patch embedding alone. */
static int product_count(const struct patch_stem *s)
{
    return s->patch ? 1 : s->layers + s->project;
}

static struct kern_mat product_size(const struct patch_stem *s, int i, int channels, int width)
{
    const int in = i && !s->patch ? s->conv[i - 1].out : channels;

    if (s->patch) return (struct kern_mat){ .n = width, .k = channels * s->patch * s->patch };
    if (i == s->layers) return (struct kern_mat){ .n = width, .k = in };
    return (struct kern_mat){ .n = s->conv[i].out, .k = s->conv[i].kernel * s->conv[i].kernel * in };
}

static void *take_pack(struct vit_arena *a, const struct kern *k, const struct kern_mat *m, bool back)
{
    const size_t bytes = kern_pack_bytes(k, m->dtype, m->n, m->k, back);

    return bytes ? vit_arena_take(a, bytes, 1) : NULL;
}

void patch_stem_packed_carve(struct patch_stem_packed *p, struct vit_arena *a, const struct patch_stem *s,
                             int channels, int width, const struct kern *k, enum kern_dtype dtype,
                             bool training)
{
    *p = (struct patch_stem_packed){ 0 };
    for (int i = 0; i < product_count(s); i++) {
        const bool layer = !s->patch && i < s->layers;
        struct kern_mat m = product_size(s, i, channels, width);

        m.dtype = dtype;
        p->mat[i] = m;
        if (layer) p->own[i] = vit_arena_take(a, (size_t)m.n * m.k, sizeof(float));
        if (layer && s->conv[i].batch_norm) p->own_bias[i] = vit_arena_take(a, m.n, sizeof(float));
        p->room[i][0] = take_pack(a, k, &m, false);
        /* The first product's input is the picture, which has no gradient. */
        if (training && i > 0) p->room[i][1] = take_pack(a, k, &m, true);
    }
}

/* to (out, kernel, kernel, in) = factor (out) * from (out, in, kernel, kernel); factor may be NULL. */
static void reorder(float *restrict to, const float *restrict from, const float *factor, int out, int in,
                    int kernel)
{
    const size_t area = (size_t)kernel * kernel;

    for (int o = 0; o < out; o++, to += area * in, from += area * in)
        for (size_t i = 0; i < area; i++)
            for (int c = 0; c < in; c++) to[i * in + c] = from[c * area + i] * (factor ? factor[o] : 1);
}

/* Batch norm in evaluation mode is y = (x - mean) f + beta with f = g / sqrt(var + eps): the factor goes
 * into the weights, bias (out) = beta + (b - mean) f. norm: weight, bias, running mean, running variance. */
static void fold(float *own, float *bias, const float *w, const float *b, const float *const norm[4], int out,
                 int in, int kernel)
{
    const size_t row = (size_t)kernel * kernel * in;

    for (int o = 0; o < out; o++) {
        const double f = norm[0][o] / sqrt((double)norm[3][o] + 1e-5);
        const float factor = (float)f;

        reorder(own + o * row, w + o * row, &factor, 1, in, kernel);
        bias[o] = (float)(norm[1][o] + ((b ? b[o] : 0.0) - norm[2][o]) * f);
    }
}

static void pack_layer(struct patch_stem_packed *p, const struct patch_conv *c, int i, int in,
                       const float *const *tensors)
{
    const float *bias = c->bias ? tensors[1] : NULL;

    p->bias[i] = c->batch_norm ? p->own_bias[i] : bias;
    p->mat[i].f32 = p->own[i];
    if (c->batch_norm)
        fold(p->own[i], p->own_bias[i], tensors[0], bias, tensors + 1 + c->bias, c->out, in, c->kernel);
    else
        reorder(p->own[i], tensors[0], NULL, c->out, in, c->kernel);
}

static void pack_product(struct kern_mat *m, void *const room[2], const struct kern *k)
{
    m->packed = room[0];
    m->packed_back = room[1];
    for (int back = 0; back < 2; back++)
        if (room[back]) kern_pack(k, m->dtype, room[back], m->f32, m->n, m->k, back);
}

void patch_stem_pack(struct patch_stem_packed *p, const struct patch_stem *s, int channels,
                     const struct kern *k, const float *const *tensors)
{
    for (int i = 0; i < product_count(s); i++) {
        const float *const *t = tensors + (s->patch ? 0 : patch_stem_slot(s, i));

        if (!s->patch && i < s->layers) {
            pack_layer(p, &s->conv[i], i, i ? s->conv[i - 1].out : channels, t);
        } else {
            p->mat[i].f32 = t[0];
            p->bias[i] = t[1];
        }
        pack_product(&p->mat[i], p->room[i], k);
    }
}
