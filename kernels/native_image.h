/* native_image.h - windows over pictures with the channels last: columns and pooling. A task is a line of
 * outputs, or a picture where the windows of several lines add to the same input. */
#ifndef KERNELS_NATIVE_IMAGE_H
#define KERNELS_NATIVE_IMAGE_H

#include "kernels/native_base.h"

typedef uint8_t bytes __attribute__((vector_size(VEC)));

enum { TAPS = 256 }; /* of a window: kern_max_pool allows 16 x 16 */

/* The taps of one window that lie inside the picture: their number in the window and their pixel. */
struct taps {
    int count;
    int tap[TAPS];
    size_t pixel[TAPS];
};

static void find_taps(struct taps *t, const struct kern_window *w, int o, int ow)
{
    const int top = o / ow * w->stride - w->padding, left = o % ow * w->stride - w->padding;

    t->count = 0;
    for (int y = 0; y < w->kernel; y++) {
        for (int x = 0; x < w->kernel; x++) {
            if (top + y < 0 || top + y >= w->height || left + x < 0 || left + x >= w->width) continue;
            t->tap[t->count] = y * w->kernel + x;
            t->pixel[t->count++] = (size_t)(top + y) * w->width + left + x;
        }
    }
}

/* Of n pictures: out, arg and x mean what each operation says. */
struct image_work {
    float *out;
    uint8_t *arg; /* written by the forward, NULL: not wanted */
    const float *x;
    const uint8_t *won; /* read by the backward */
    const struct kern_window *w;
    int oh, ow;
    size_t in; /* numbers of an input picture */
};

static struct image_work image_work(float *out, const float *x, const struct kern_window *w)
{
    return (struct image_work){ .out = out,
                                .x = x,
                                .w = w,
                                .oh = kern_window_out(w->height, w),
                                .ow = kern_window_out(w->width, w),
                                .in = (size_t)w->height * w->width * w->channels };
}

/* ---- pooling ---- */

/* The first largest of each channel; NaN wins, as in PyTorch. */
static void pool_window(float *out, uint8_t *arg, const float *x, const struct taps *t, int channels)
{
    for (int ch = 0; ch < channels; ch += VEC) {
        const int count = least(VEC, channels - ch);
        vec best = SPLAT(-INFINITY);
        ivec place = { 0 };

        for (int i = 0; i < t->count; i++) {
            const vec v = load_some(x + t->pixel[i] * channels + ch, count);
            const ivec take = (v > best) | (v != v);
            const ivec tap = (ivec){ 0 } + t->tap[i];
            best = i ? pick(take, v, best) : v;
            place = i ? (take & tap) | (~take & place) : tap;
        }
        store_some(out + ch, best, count);
        if (!arg) continue;
        const bytes narrow = __builtin_convertvector((uvec)place, bytes);
        memcpy(arg + ch, &narrow, (size_t)count);
    }
}

/* A line of outputs. */
static void pool_task(const void *work, int task, int worker)
{
    const struct image_work *p = work;
    const int i = task / p->oh, y = task % p->oh, channels = p->w->channels;
    struct taps t;

    (void)worker;
    for (int o = y * p->ow; o < (y + 1) * p->ow; o++) {
        const size_t at = ((size_t)i * p->oh * p->ow + o) * channels;
        find_taps(&t, p->w, o, p->ow);
        pool_window(p->out + at, p->arg ? p->arg + at : NULL, p->x + i * p->in, &t, channels);
    }
}

static void max_pool(const struct kern_ctx *c, float *out, uint8_t *arg, const float *x,
                     const struct kern_window *w, int n)
{
    struct image_work p = image_work(out, x, w);

    p.arg = arg;
    kern_share(c, false, pool_task, &p, n * p.oh);
}

/* dx of every tap += dout where that tap won. */
static void pool_window_back(float *dx, const float *dout, const uint8_t *arg, const struct taps *t,
                             int channels)
{
    for (int ch = 0; ch < channels; ch += VEC) {
        const int count = least(VEC, channels - ch);
        const vec g = load_some(dout + ch, count), zero = { 0 };
        bytes narrow = { 0 };

        memcpy(&narrow, arg + ch, (size_t)count);
        const ivec place = (ivec) __builtin_convertvector(narrow, uvec);
        for (int i = 0; i < t->count; i++) {
            float *to = dx + t->pixel[i] * channels + ch;
            store_some(to, load_some(to, count) + pick(place == t->tap[i], g, zero), count);
        }
    }
}

/* A picture: out is dx, x is dout. */
static void pool_back_task(const void *work, int i, int worker)
{
    const struct image_work *p = work;
    const int channels = p->w->channels;
    float *dx = p->out + i * p->in;
    struct taps t;

    (void)worker;
    memset(dx, 0, p->in * sizeof *dx);
    for (int o = 0; o < p->oh * p->ow; o++) {
        const size_t at = ((size_t)i * p->oh * p->ow + o) * channels;
        find_taps(&t, p->w, o, p->ow);
        pool_window_back(dx, p->x + at, p->won + at, &t, channels);
    }
}

static void max_pool_back(const struct kern_ctx *c, float *dx, const float *dout, const uint8_t *arg,
                          const struct kern_window *w, int n)
{
    struct image_work p = image_work(dx, dout, w);

    p.won = arg;
    kern_share(c, false, pool_back_task, &p, n);
}

/* ---- columns of a convolution ---- */

/* A line of outputs. */
static void im2col_task(const void *work, int task, int worker)
{
    const struct image_work *p = work;
    const struct kern_window *w = p->w;
    const int i = task / p->oh, y = task % p->oh;
    const size_t ch = (size_t)w->channels, line = (size_t)w->kernel * ch;
    float *to = p->out + (size_t)task * p->ow * w->kernel * line;

    (void)worker;
    for (int col = 0; col < p->ow; col++) {
        const int left = col * w->stride - w->padding;
        const int from = most(left, 0), end = least(left + w->kernel, w->width);

        for (int k = 0; k < w->kernel; k++, to += line) {
            const int row = y * w->stride - w->padding + k;
            const bool inside = row >= 0 && row < w->height && end > from;

            if (!inside || end - from < w->kernel) memset(to, 0, line * sizeof *to);
            if (inside)
                memcpy(to + (size_t)(from - left) * ch,
                       p->x + i * p->in + ((size_t)row * w->width + from) * ch,
                       (size_t)(end - from) * ch * sizeof *to);
        }
    }
}

static void im2col(const struct kern_ctx *c, float *cols, const float *x, const struct kern_window *w, int n)
{
    const struct image_work p = image_work(cols, x, w);

    kern_share(c, false, im2col_task, &p, n * p.oh);
}

static void add_span(float *to, const float *from, size_t count)
{
    size_t j = 0;

    for (; j + VEC <= count; j += VEC) store(to + j, load(to + j) + load(from + j));
    for (; j < count; j++) to[j] += from[j];
}

/* A picture: out is dx, x is dcols. */
static void col2im_task(const void *work, int i, int worker)
{
    const struct image_work *p = work;
    const struct kern_window *w = p->w;
    const size_t ch = (size_t)w->channels, row = (size_t)w->kernel * w->kernel * ch;
    float *dx = p->out + i * p->in;

    (void)worker;
    memset(dx, 0, p->in * sizeof *dx);
    for (int o = 0; o < p->oh * p->ow; o++) {
        const int top = o / p->ow * w->stride - w->padding, left = o % p->ow * w->stride - w->padding;
        const int from = most(left, 0), end = least(left + w->kernel, w->width);
        const float *g = p->x + ((size_t)i * p->oh * p->ow + o) * row;

        for (int k = most(0, -top); k < least(w->kernel, w->height - top) && end > from; k++)
            add_span(dx + ((size_t)(top + k) * w->width + from) * ch,
                     g + ((size_t)k * w->kernel + (from - left)) * ch, (size_t)(end - from) * ch);
    }
}

static void col2im(const struct kern_ctx *c, float *dx, const float *dcols, const struct kern_window *w,
                   int n)
{
    const struct image_work p = image_work(dx, dcols, w);

    kern_share(c, false, col2im_task, &p, n);
}

#endif
