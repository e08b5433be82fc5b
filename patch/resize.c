/* Pillow's Image.resize, to the byte: weights in double, rounded to 22 bits after the point; a horizontal
 * pass into bytes, then a vertical one; a pass is left out where the length stays. So it is up to Pillow
 * 12.1; 12.2 begins with the vertical pass where a picture is more than 100 times as tall as wide, 13.0 in a
 * third of all sizes, and rounding in between then moves single bytes, nearly all by 1. The sums here are
 * Pillow's, in another order: all arithmetic is on integers that fit. */
#include "patch/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/arena.h"

enum { BITS = 22, HALF = 1 << (BITS - 1) };
#define PI 3.14159265358979323846

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys 1981 with a = -0.5. */
static double bicubic(double x)
{
    const double a = -0.5;

    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double sinc(double x)
{
    if (x == 0) return 1;
    x *= PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct filter {
    const char *name;
    int number; /* Pillow's, Image.Resampling */
    double (*at)(double x);
    double support; /* the filter is zero beyond it */
} FILTERS[] = {
    [PATCH_BOX] = { "box", 4, box, 0.5 },
    [PATCH_BILINEAR] = { "bilinear", 2, bilinear, 1 },
    [PATCH_BICUBIC] = { "bicubic", 3, bicubic, 2 },
    [PATCH_LANCZOS] = { "lanczos", 1, lanczos, 3 },
};
_Static_assert(VIT_COUNT(FILTERS) == PATCH_FILTERS, "a filter has no row");

const char *patch_filter_name(enum patch_filter filter)
{
    return (size_t)filter < PATCH_FILTERS ? FILTERS[filter].name : "unknown";
}

int patch_filter_from_name(const char *name)
{
    for (int i = 0; i < PATCH_FILTERS; i++)
        if (!strcmp(name, FILTERS[i].name)) return i;
    return -1;
}

int patch_filter_number(enum patch_filter filter)
{
    return (size_t)filter < PATCH_FILTERS ? FILTERS[filter].number : -1;
}

int patch_filter_from_number(int number)
{
    for (int i = 0; i < PATCH_FILTERS; i++)
        if (number == FILTERS[i].number) return i;
    return -1;
}

/* The weights of one axis: output i is the sum over j < length[i] of weight (i, j) times input
 * first[i] + j. A weight is high * 4096 + low, so that both halves fit 16 bits and the sums vectorise
 * as products of 16-bit numbers; |low| <= |weight|, so neither sum leaves 32 bits where the whole fits. */
struct axis {
    int count, room;     /* outputs; weights kept for each */
    int *first, *length; /* (count) */
    int32_t *weight;     /* (count, room) */
    int16_t *high, *low; /* (count, room), zeros after length */
    double *exact;       /* (room), while the weights are made */
    struct vit_arena memory;
};

static void carve_axis(struct axis *a)
{
    const size_t count = (size_t)a->count, room = (size_t)a->room;
    size_t all = count;

    if (!vit_size_mul(&all, room)) a->memory.overflow = true;
    a->first = vit_arena_take(&a->memory, count, sizeof *a->first);
    a->length = vit_arena_take(&a->memory, count, sizeof *a->length);
    a->weight = vit_arena_take(&a->memory, all, sizeof *a->weight);
    a->high = vit_arena_take(&a->memory, all, sizeof *a->high);
    a->low = vit_arena_take(&a->memory, all, sizeof *a->low);
    a->exact = vit_arena_take(&a->memory, room, sizeof *a->exact);
}

/* Output i, which is number at of the whole axis. The order of operations is Pillow's precompute_coeffs. */
static void weigh(struct axis *a, int i, int64_t at, int in, double scale, const struct filter *f)
{
    const double stretch = scale < 1 ? 1 : scale, support = f->support * stretch, ss = 1 / stretch;
    const double centre = ((double)at + 0.5) * scale;
    const size_t row = (size_t)i * (size_t)a->room;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    double sum = 0;

    if (first < 0) first = 0;
    if (end > in) end = in;
    for (int j = 0; j < end - first; j++) sum += a->exact[j] = f->at((j + first - centre + 0.5) * ss);
    for (int j = 0; j < end - first; j++) {
        const double w = (sum != 0 ? a->exact[j] / sum : a->exact[j]) * (1 << BITS);
        const int32_t weight = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
        const int32_t high = (weight + 2048) >> 12;
        a->weight[row + (size_t)j] = weight;
        a->high[row + (size_t)j] = (int16_t)high;
        a->low[row + (size_t)j] = (int16_t)(weight - high * 4096);
    }
    a->first[i] = first;
    a->length[i] = end - first;
}

/* Outputs from..from + count of in values resized to out values. */
static enum vit_status make_axis(struct axis *a, int in, int64_t out, int64_t from, int count,
                                 const struct filter *f, struct vit_error *err)
{
    const double scale = (double)in / (double)out;
    const double most = ceil(f->support * (scale < 1 ? 1 : scale)) * 2 + 1;
    enum vit_status status;

    *a = (struct axis){ .count = count, .room = (int)(most < in ? most : in) };
    a->room = (a->room + 7) / 8 * 8;
    carve_axis(a);
    status = vit_arena_alloc(&a->memory, "weights of a resize", err);
    if (status) return status;
    carve_axis(a);
    for (int i = 0; i < count; i++) weigh(a, i, from + i, in, scale, f);
    return VIT_OK;
}

static unsigned char to_byte(int32_t sum)
{
    sum >>= BITS;
    return (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Sum of n products of x with 12-bit halves of weights; n is a multiple of 8. */
static int32_t dot(const int16_t *restrict x, const int16_t *restrict high, const int16_t *restrict low,
                   int n)
{
    int32_t h = 0, l = 0;

    for (int i = 0; i < n; i++) {
        h += x[i] * high[i];
        l += x[i] * low[i];
    }
    return h * 4096 + l;
}

/* The columns of a row that the axis reads, as three rows of 16-bit numbers with 8 zeros behind. */
static void separate(int16_t *restrict planes, size_t plane, const unsigned char *restrict rgb, int n)
{
    for (int i = 0; i < n; i++) {
        planes[i] = rgb[3 * i];
        planes[plane + (size_t)i] = rgb[3 * i + 1];
        planes[2 * plane + (size_t)i] = rgb[3 * i + 2];
    }
}

static void resize_row(unsigned char *out, const int16_t *planes, size_t plane, const struct axis *a)
{
    const int start = a->first[0];

    for (int x = 0; x < a->count; x++) {
        const size_t row = (size_t)x * (size_t)a->room;
        const int n = (a->length[x] + 7) & ~7;
        for (int c = 0; c < 3; c++) {
            const int16_t *from = planes + (size_t)c * plane + (a->first[x] - start);
            out[3 * x + c] = to_byte(HALF + dot(from, a->high + row, a->low + row, n));
        }
    }
}

/* One past the last input an axis reads. */
static int axis_end(const struct axis *a)
{
    int end = 0;

    for (int i = 0; i < a->count; i++)
        if (a->first[i] + a->length[i] > end) end = a->first[i] + a->length[i];
    return end;
}

/* *out (rows, count, 3), freed by the caller = rows of in from first on, resized along x. */
static enum vit_status horizontal(unsigned char **out, const struct patch_image *in, int first, int rows,
                                  const struct axis *a, struct vit_error *err)
{
    const int start = a->first[0], n = axis_end(a) - start;
    const size_t plane = (size_t)n + 8, stride = (size_t)a->count * 3;
    int16_t *planes = calloc(plane * 3, sizeof *planes);

    *out = malloc(stride * (size_t)rows);
    if (!*out || !planes) {
        free(planes);
        free(*out);
        *out = NULL;
        return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %d resized rows", rows);
    }
    for (int y = 0; y < rows; y++) {
        separate(planes, plane, in->rgb + ((size_t)(first + y) * (size_t)in->width + (size_t)start) * 3, n);
        resize_row(*out + stride * (size_t)y, planes, plane, a);
    }
    free(planes);
    return VIT_OK;
}

/* sum (n) += weight * row (n) */
static void add_row(int32_t *restrict sum, const unsigned char *restrict row, int32_t weight, size_t n)
{
    for (size_t i = 0; i < n; i++) sum[i] += weight * row[i];
}

/* from: the row that the axis reads first; bytes of a row of the result. */
static enum vit_status vertical(unsigned char *out, size_t stride, const unsigned char *from,
                                size_t from_stride, size_t bytes, const struct axis *a, struct vit_error *err)
{
    int32_t *sum = malloc(bytes * sizeof *sum);

    if (!sum) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate a resized row");
    for (int y = 0; y < a->count; y++) {
        const int32_t *weight = a->weight + (size_t)y * (size_t)a->room;
        const unsigned char *row = from + (size_t)(a->first[y] - a->first[0]) * from_stride;
        for (size_t i = 0; i < bytes; i++) sum[i] = HALF;
        for (int j = 0; j < a->length[y]; j++) add_row(sum, row + (size_t)j * from_stride, weight[j], bytes);
        for (size_t i = 0; i < bytes; i++) out[(size_t)y * stride + i] = to_byte(sum[i]);
    }
    free(sum);
    return VIT_OK;
}

static void copy_rows(unsigned char *out, size_t stride, const unsigned char *from, size_t from_stride,
                      size_t bytes, int rows)
{
    for (int y = 0; y < rows; y++) memcpy(out + stride * (size_t)y, from + from_stride * (size_t)y, bytes);
}

/* The vertical pass, or a copy; from: the first row that is read of the picture so far. */
static enum vit_status finish(unsigned char *out, size_t stride, const unsigned char *from,
                              size_t from_stride, const struct patch_window *w, const struct axis *y,
                              struct vit_error *err)
{
    const size_t bytes = (size_t)w->width * 3;

    if (y->count) return vertical(out, stride, from, from_stride, bytes, y, err);
    copy_rows(out, stride, from, from_stride, bytes, w->height);
    return VIT_OK;
}

enum vit_status patch_resize_window(unsigned char *out, size_t stride, const struct patch_image *in,
                                    const struct patch_window *w, enum patch_filter filter,
                                    struct vit_error *err)
{
    const struct filter *f = &FILTERS[filter];
    struct axis x = { 0 }, y = { 0 };
    unsigned char *narrow = NULL;
    int first = (int)w->top, rows = w->height;
    enum vit_status status = VIT_OK;

    if (w->full_width != in->width)
        status = make_axis(&x, in->width, w->full_width, w->left, w->width, f, err);
    if (!status && w->full_height != in->height) {
        status = make_axis(&y, in->height, w->full_height, w->top, w->height, f, err);
        if (!status) first = y.first[0], rows = axis_end(&y) - first;
    }
    if (!status && x.count) status = horizontal(&narrow, in, first, rows, &x, err);
    if (!status) {
        const size_t across = (size_t)in->width * 3;
        const unsigned char *from = narrow ? narrow : in->rgb + across * (size_t)first + (size_t)w->left * 3;
        status = finish(out, stride, from, narrow ? (size_t)w->width * 3 : across, w, &y, err);
    }
    free(narrow);
    vit_arena_free(&x.memory);
    vit_arena_free(&y.memory);
    return status;
}

enum vit_status patch_resize(struct patch_image *out, const struct patch_image *in, int width, int height,
                             enum patch_filter filter, struct vit_error *err)
{
    const struct patch_window whole = {
        .full_width = width, .full_height = height, .width = width, .height = height
    };
    enum vit_status status = patch_image_create(out, width, height, err);

    if (status) return status;
    status = patch_resize_window(out->rgb, (size_t)width * 3, in, &whole, filter, err);
    if (status) patch_image_free(out);
    return status;
}
