/* ref_image.c - pictures, channels last: columns of convolutions, pooling. */
#include <math.h>

#include "kernels/ref.h"

/* Pixel (y, x) of picture i, or NULL outside. */
static const float *pixel(const float *x, const struct kern_window *w, int i, int y, int column)
{
    if (y < 0 || y >= w->height || column < 0 || column >= w->width) return NULL;
    return x + (((size_t)i * w->height + y) * w->width + column) * w->channels;
}

void kern_ref_im2col(const struct kern_ctx *c, float *cols, const float *x, const struct kern_window *w,
                     int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const int taps = w->kernel * w->kernel;

#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int i = 0; i < n; i++)
        for (int o = 0; o < oh * ow; o++)
            for (int tap = 0; tap < taps; tap++) {
                float *to = cols + (((size_t)i * oh * ow + o) * taps + tap) * w->channels;
                const float *from = pixel(x, w, i, o / ow * w->stride - w->padding + tap / w->kernel,
                                          o % ow * w->stride - w->padding + tap % w->kernel);

                for (int ch = 0; ch < w->channels; ch++) to[ch] = from ? from[ch] : 0;
            }
}

/* The output position along one axis whose tap reads input position at: -1 when there is none. */
static int reader(int at, int tap, int out, const struct kern_window *w)
{
    const int first = at + w->padding - tap;

    return first >= 0 && first % w->stride == 0 && first / w->stride < out ? first / w->stride : -1;
}

void kern_ref_col2im(const struct kern_ctx *c, float *dx, const float *dcols, const struct kern_window *w,
                     int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const int taps = w->kernel * w->kernel, pixels = w->height * w->width;

#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int i = 0; i < n; i++)
        for (int p = 0; p < pixels; p++)
            for (int ch = 0; ch < w->channels; ch++) {
                double sum = 0;

                for (int tap = 0; tap < taps; tap++) {
                    const int oy = reader(p / w->width, tap / w->kernel, oh, w);
                    const int ox = reader(p % w->width, tap % w->kernel, ow, w);
                    const size_t row = ((size_t)i * oh + oy) * ow + ox;

                    if (oy >= 0 && ox >= 0) sum += (double)dcols[(row * taps + tap) * w->channels + ch];
                }
                dx[((size_t)i * pixels + p) * w->channels + ch] = (float)sum;
            }
}

/* Largest value of channel ch in the window of output o; NaN wins, as in PyTorch. */
static float largest(uint8_t *arg, const float *x, const struct kern_window *w, int i, int o, int ow, int ch)
{
    float best = -INFINITY;
    int place = -1;

    for (int tap = 0; tap < w->kernel * w->kernel; tap++) {
        const float *at = pixel(x, w, i, o / ow * w->stride - w->padding + tap / w->kernel,
                                o % ow * w->stride - w->padding + tap % w->kernel);

        if (!at || (place >= 0 && !(at[ch] > best) && !isnan(at[ch]))) continue;
        best = at[ch];
        place = tap;
    }
    *arg = (uint8_t)(place < 0 ? 0 : place);
    return best;
}

void kern_ref_max_pool(const struct kern_ctx *c, float *out, uint8_t *arg, const float *x,
                       const struct kern_window *w, int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);

#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int i = 0; i < n; i++)
        for (int o = 0; o < oh * ow; o++)
            for (int ch = 0; ch < w->channels; ch++) {
                const size_t at = ((size_t)i * oh * ow + o) * w->channels + ch;
                uint8_t place;

                out[at] = largest(&place, x, w, i, o, ow, ch);
                if (arg) arg[at] = place;
            }
}

void kern_ref_max_pool_back(const struct kern_ctx *c, float *dx, const float *dout, const uint8_t *arg,
                            const struct kern_window *w, int n)
{
    const int oh = kern_window_out(w->height, w), ow = kern_window_out(w->width, w);
    const int taps = w->kernel * w->kernel, pixels = w->height * w->width;

#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int i = 0; i < n; i++)
        for (int p = 0; p < pixels; p++)
            for (int ch = 0; ch < w->channels; ch++) {
                double sum = 0;

                for (int tap = 0; tap < taps; tap++) {
                    const int oy = reader(p / w->width, tap / w->kernel, oh, w);
                    const int ox = reader(p % w->width, tap % w->kernel, ow, w);
                    const size_t at = (((size_t)i * oh + oy) * ow + ox) * w->channels + ch;

                    if (oy >= 0 && ox >= 0 && arg[at] == tap) sum += (double)dout[at];
                }
                dx[((size_t)i * pixels + p) * w->channels + ch] = (float)sum;
            }
}
