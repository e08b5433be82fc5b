/* planes.c - the pictures that a network gets, a plane a channel, as its first operation reads them: cut into
 * patches, or channels last. Numbers are only moved, in one way for all kernels. */
#include "kernels/kern.h"

struct planes_work {
    float *out;
    const float *planes;
    int channels, image, patch; /* patchify */
    size_t plane;
};

/* A line of patches. */
static void patchify_task(const void *work, int task, int worker)
{
    const struct planes_work *w = work;
    const int g = w->image / w->patch;
    const float *line =
        w->planes + (size_t)(task / g) * w->channels * w->plane + (size_t)(task % g * w->patch) * w->image;
    float *row = w->out + (size_t)task * g * w->channels * w->patch * w->patch;

    (void)worker;
    for (int p = 0; p < g; p++) {
        const float *corner = line + p * w->patch;

        for (int ch = 0; ch < w->channels; ch++)
            for (int y = 0; y < w->patch; y++)
                for (int x = 0; x < w->patch; x++) *row++ = corner[ch * w->plane + (size_t)y * w->image + x];
    }
}

void kern_patchify(const struct kern_ctx *c, float *rows, const float *planes, int n, int channels, int image,
                   int patch)
{
    const struct planes_work w = { rows, planes, channels, image, patch, (size_t)image * image };

    kern_share(c, false, patchify_task, &w, n * (image / patch));
}

/* A picture. */
static void nhwc_task(const void *work, int i, int worker)
{
    const struct planes_work *w = work;

    (void)worker;
    for (size_t p = 0; p < w->plane; p++)
        for (int ch = 0; ch < w->channels; ch++)
            w->out[((size_t)i * w->plane + p) * w->channels + ch] =
                w->planes[((size_t)i * w->channels + ch) * w->plane + p];
}

void kern_nhwc(const struct kern_ctx *c, float *out, const float *planes, int n, int channels, int height,
               int width)
{
    const struct planes_work w = {
        .out = out, .planes = planes, .channels = channels, .plane = (size_t)height * width
    };

    kern_share(c, false, nhwc_task, &w, n);
}
