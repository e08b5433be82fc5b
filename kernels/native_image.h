/* native_image.h - windows over pictures with the channels last: columns and pooling, a picture a task. */
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

static void max_pool(const struct kern_ctx *c, float *out, uint8_t *arg, const float *x,
                     const struct kern_window *w, int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const size_t in = (size_t)w->height * w->width * w->channels;

#pragma omp parallel for num_threads(c->threads) collapse(2) schedule(static)
    for (int i = 0; i < n; i++) {
        for (int y = 0; y < oh; y++) {
            struct taps t;
            for (int o = y * ow; o < (y + 1) * ow; o++) {
                const size_t at = ((size_t)i * oh * ow + o) * w->channels;
                find_taps(&t, w, o, ow);
                pool_window(out + at, arg ? arg + at : NULL, x + i * in, &t, w->channels);
            }
        }
    }
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

static void max_pool_back(const struct kern_ctx *c, float *dx, const float *dout, const uint8_t *arg,
                          const struct kern_window *w, int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const size_t in = (size_t)w->height * w->width * w->channels;

#pragma omp parallel for num_threads(c->threads) schedule(static)
    for (int i = 0; i < n; i++) {
        struct taps t;
        memset(dx + i * in, 0, in * sizeof *dx);
        for (int o = 0; o < oh * ow; o++) {
            const size_t at = ((size_t)i * oh * ow + o) * w->channels;
            find_taps(&t, w, o, ow);
            pool_window_back(dx + i * in, dout + at, arg + at, &t, w->channels);
        }
    }
}

/* ---- columns of a convolution ---- */

static void im2col(const struct kern_ctx *c, float *cols, const float *x, const struct kern_window *w, int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const size_t ch = (size_t)w->channels, in = (size_t)w->height * w->width * ch;
    const size_t line = (size_t)w->kernel * ch;

#pragma omp parallel for num_threads(c->threads) collapse(2) schedule(static)
    for (int i = 0; i < n; i++) {
        for (int y = 0; y < oh; y++) {
            float *to = cols + ((size_t)i * oh + y) * ow * w->kernel * line;
            for (int col = 0; col < ow; col++) {
                const int left = col * w->stride - w->padding;
                const int from = most(left, 0), end = least(left + w->kernel, w->width);
                for (int k = 0; k < w->kernel; k++, to += line) {
                    const int row = y * w->stride - w->padding + k;
                    const bool inside = row >= 0 && row < w->height && end > from;
                    if (!inside || end - from < w->kernel) memset(to, 0, line * sizeof *to);
                    if (inside)
                        memcpy(to + (size_t)(from - left) * ch,
                               x + i * in + ((size_t)row * w->width + from) * ch,
                               (size_t)(end - from) * ch * sizeof *to);
                }
            }
        }
    }
}

static void add_span(float *to, const float *from, size_t count)
{
    size_t j = 0;

    for (; j + VEC <= count; j += VEC) store(to + j, load(to + j) + load(from + j));
    for (; j < count; j++) to[j] += from[j];
}

static void col2im(const struct kern_ctx *c, float *dx, const float *dcols, const struct kern_window *w,
                   int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const size_t ch = (size_t)w->channels, in = (size_t)w->height * w->width * ch;
    const size_t row = (size_t)w->kernel * w->kernel * ch;

#pragma omp parallel for num_threads(c->threads) schedule(static)
    for (int i = 0; i < n; i++) {
        memset(dx + i * in, 0, in * sizeof *dx);
        for (int o = 0; o < oh * ow; o++) {
            const int top = o / ow * w->stride - w->padding, left = o % ow * w->stride - w->padding;
            const int from = most(left, 0), end = least(left + w->kernel, w->width);
            const float *g = dcols + ((size_t)i * oh * ow + o) * row;
            for (int k = most(0, -top); k < least(w->kernel, w->height - top) && end > from; k++)
                add_span(dx + i * in + ((size_t)(top + k) * w->width + from) * ch,
                         g + ((size_t)k * w->kernel + (from - left)) * ch, (size_t)(end - from) * ch);
        }
    }
}

#endif
