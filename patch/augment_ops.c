/* Each operation computes what Pillow 9.4 computes, in its types and its order: Geometry.c
 * (ImagingTransformAffine, nearest), ImageOps.py, ImageEnhance.py, Blend.c, Filter.c, Convert.c. */
#include "patch/augment_ops.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { FILL = 128 };

/* ---- geometry: the colour at (x, y) comes from (a x + b y + c, d x + e y + f) ---- */

struct affine {
    double a, b, c, d, e, f;
};

/* The source pixel of each target pixel's centre, in 16.16 fixed point. */
static void transform(unsigned char *pixels, unsigned char *scratch, int size, const struct affine *m)
{
    const size_t bytes = (size_t)size * size * 3;
    const int64_t one = 65536, end = size * one;
    const int64_t a = (int64_t)floor(m->a * one + 0.5), b = (int64_t)floor(m->b * one + 0.5);
    const int64_t d = (int64_t)floor(m->d * one + 0.5), e = (int64_t)floor(m->e * one + 0.5);
    int64_t c = (int64_t)floor((m->c + m->a * 0.5 + m->b * 0.5) * one + 0.5);
    int64_t f = (int64_t)floor((m->f + m->d * 0.5 + m->e * 0.5) * one + 0.5);
    unsigned char *to = pixels;

    memcpy(scratch, pixels, bytes);
    memset(pixels, FILL, bytes);
    for (int y = 0; y < size; y++, c += b, f += e) {
        int64_t sx = c, sy = f;

        for (int x = 0; x < size; x++, sx += a, sy += d, to += 3)
            if (sx >= 0 && sx < end && sy >= 0 && sy < end)
                memcpy(to, scratch + ((size_t)(sy / one) * size + (size_t)(sx / one)) * 3, 3);
    }
}

static void shear_x(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    transform(pixels, scratch, size, &(struct affine){ 1, value, 0, 0, 1, 0 });
}

static void shear_y(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    transform(pixels, scratch, size, &(struct affine){ 1, 0, 0, value, 1, 0 });
}

/* Pillow moves without rotation or shear in floating point, not in fixed point. */
static void translate(unsigned char *pixels, unsigned char *scratch, int size, double dx, double dy)
{
    const size_t bytes = (size_t)size * size * 3;

    memcpy(scratch, pixels, bytes);
    memset(pixels, FILL, bytes);
    for (int y = 0; y < size; y++) {
        const double sy = dy + 0.5 + y;

        if (sy < 0 || sy >= size) continue;
        for (int x = 0; x < size; x++) {
            const double sx = dx + 0.5 + x;

            if (sx < 0 || sx >= size) continue;
            memcpy(pixels + ((size_t)y * size + x) * 3, scratch + ((size_t)sy * size + (size_t)sx) * 3, 3);
        }
    }
}

static void translate_x(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    translate(pixels, scratch, size, value, 0);
}

static void translate_y(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    translate(pixels, scratch, size, 0, value);
}

/* About the centre. Rounded to 15 digits as Pillow does, so that a quarter turn has no cosine of 6e-17. */
static void rotate(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    const double angle = -(value - 360 * floor(value / 360)) * 0.017453292519943295;
    const double c = nearbyint(cos(angle) * 1e15) / 1e15, s = nearbyint(sin(angle) * 1e15) / 1e15;
    const double half = size / 2.0;

    if (c == 1 && s == 0) return;
    transform(pixels, scratch, size,
              &(struct affine){ c, s, c * -half + s * -half + half, -s, c, -s * -half + c * -half + half });
}

/* ---- one value at a time, through a table of each colour ---- */

typedef void make_table(unsigned char table[256], const size_t histogram[256], double value);

static unsigned char clip(double x)
{
    return x <= 0 ? 0 : x >= 255 ? 255 : (unsigned char)x;
}

static void identity_table(unsigned char table[256])
{
    for (int i = 0; i < 256; i++) table[i] = (unsigned char)i;
}

static void auto_contrast_table(unsigned char table[256], const size_t histogram[256], double value)
{
    int low = 0, high = 255;

    (void)value;
    while (low < 255 && !histogram[low]) low++;
    while (high > 0 && !histogram[high]) high--;
    if (high <= low) {
        identity_table(table);
        return;
    }
    const double scale = 255.0 / (high - low), offset = -low * scale;
    for (int i = 0; i < 256; i++) table[i] = clip(i * scale + offset);
}

static void equalize_table(unsigned char table[256], const size_t histogram[256], double value)
{
    size_t total = 0, last = 0;

    (void)value;
    for (int i = 0; i < 256; i++) {
        total += histogram[i];
        if (histogram[i]) last = histogram[i];
    }
    const size_t step = (total - last) / 255;
    if (!step) {
        identity_table(table);
        return;
    }
    size_t n = step / 2;
    for (int i = 0; i < 256; n += histogram[i++]) table[i] = n / step > 255 ? 255 : (unsigned char)(n / step);
}

static void invert_table(unsigned char table[256], const size_t histogram[256], double value)
{
    (void)histogram, (void)value;
    for (int i = 0; i < 256; i++) table[i] = (unsigned char)(255 - i);
}

static void solarize_table(unsigned char table[256], const size_t histogram[256], double value)
{
    (void)histogram;
    for (int i = 0; i < 256; i++) table[i] = (unsigned char)(i < value ? i : 255 - i);
}

static void solarize_add_table(unsigned char table[256], const size_t histogram[256], double value)
{
    (void)histogram;
    for (int i = 0; i < 256; i++) table[i] = i < 128 ? clip(i + trunc(value)) : (unsigned char)i;
}

static void posterize_table(unsigned char table[256], const size_t histogram[256], double value)
{
    const int bits = value <= 0 ? 0 : value >= 8 ? 8 : (int)value;

    (void)histogram;
    for (int i = 0; i < 256; i++) table[i] = (unsigned char)(i & ~((1 << (8 - bits)) - 1));
}

static void apply_tables(unsigned char *pixels, int size, make_table *make, double value)
{
    const size_t bytes = (size_t)size * size * 3;
    size_t histogram[3][256] = { { 0 } };
    unsigned char table[3][256];

    for (size_t i = 0; i < bytes; i++) histogram[i % 3][pixels[i]]++;
    for (int c = 0; c < 3; c++) make(table[c], histogram[c], value);
    for (size_t i = 0; i < bytes; i++) pixels[i] = table[i % 3][pixels[i]];
}

/* ---- between a degenerate picture and this one ---- */

/* pixels = degenerate + factor (pixels - degenerate), truncated; beyond [0, 1] it extrapolates and clips.
 * In float, as Pillow's Blend.c. */
static void blend(unsigned char *pixels, const unsigned char *degenerate, int size, double value)
{
    const size_t bytes = (size_t)size * size * 3;
    const float factor = (float)value;

    for (size_t i = 0; i < bytes; i++) {
        const int from = degenerate[i];
        pixels[i] = clip((float)from + factor * (float)(pixels[i] - from));
    }
}

/* ITU-R 601-2 luma in 16 bits, rounded: Pillow's conversion to "L". */
static unsigned char luma(const unsigned char *rgb)
{
    return (unsigned char)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

static void color(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    const size_t count = (size_t)size * size;

    for (size_t i = 0; i < count; i++) memset(scratch + 3 * i, luma(pixels + 3 * i), 3);
    blend(pixels, scratch, size, value);
}

static void contrast(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    const size_t count = (size_t)size * size;
    size_t sum = 0;

    for (size_t i = 0; i < count; i++) sum += luma(pixels + 3 * i);
    memset(scratch, (int)((double)sum / (double)count + 0.5), 3 * count);
    blend(pixels, scratch, size, value);
}

static void brightness(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    memset(scratch, 0, (size_t)size * size * 3);
    blend(pixels, scratch, size, value);
}

/* Three neighbours of a colour with weights side, middle, side. */
static float smooth_row(const unsigned char *p, float side, float middle)
{
    return (float)p[-3] * side + (float)p[0] * middle + (float)p[3] * side;
}

/* to = from smoothed by (1 1 1; 1 5 1; 1 1 1) / 13, the outermost pixels unchanged: ImageFilter.SMOOTH. */
static void smooth(unsigned char *to, const unsigned char *from, int size)
{
    const size_t stride = (size_t)size * 3;
    const float side = 1.0f / 13, middle = 5.0f / 13;

    memcpy(to, from, stride * size);
    for (int y = 1; y < size - 1; y++)
        for (size_t i = y * stride + 3; i < (y + 1) * stride - 3; i++) {
            float sum = 0.5f;

            sum += smooth_row(from + i + stride, side, side);
            sum += smooth_row(from + i, side, middle);
            sum += smooth_row(from + i - stride, side, side);
            to[i] = clip(sum);
        }
}

static void sharpness(unsigned char *pixels, unsigned char *scratch, int size, double value)
{
    smooth(scratch, pixels, size);
    blend(pixels, scratch, size, value);
}

/* ---- all of them ---- */

static const struct {
    void (*apply)(unsigned char *pixels, unsigned char *scratch, int size, double value);
    make_table *table; /* where there is no apply */
} OPS[] = {
    [PATCH_OP_IDENTITY] = { NULL, NULL },
    [PATCH_OP_SHEAR_X] = { shear_x, NULL },
    [PATCH_OP_SHEAR_Y] = { shear_y, NULL },
    [PATCH_OP_TRANSLATE_X] = { translate_x, NULL },
    [PATCH_OP_TRANSLATE_Y] = { translate_y, NULL },
    [PATCH_OP_ROTATE] = { rotate, NULL },
    [PATCH_OP_AUTO_CONTRAST] = { NULL, auto_contrast_table },
    [PATCH_OP_INVERT] = { NULL, invert_table },
    [PATCH_OP_EQUALIZE] = { NULL, equalize_table },
    [PATCH_OP_SOLARIZE] = { NULL, solarize_table },
    [PATCH_OP_SOLARIZE_ADD] = { NULL, solarize_add_table },
    [PATCH_OP_POSTERIZE] = { NULL, posterize_table },
    [PATCH_OP_CONTRAST] = { contrast, NULL },
    [PATCH_OP_COLOR] = { color, NULL },
    [PATCH_OP_BRIGHTNESS] = { brightness, NULL },
    [PATCH_OP_SHARPNESS] = { sharpness, NULL },
};
_Static_assert(VIT_COUNT(OPS) == PATCH_OPS, "an operation has no row");

void patch_op_apply(unsigned char *pixels, unsigned char *scratch, int size, enum patch_op op, double value)
{
    assert(size > 0 && size <= PATCH_OP_SIZE && pixels != scratch);
    if (OPS[op].table)
        apply_tables(pixels, size, OPS[op].table, value);
    else if (OPS[op].apply)
        OPS[op].apply(pixels, scratch, size, value);
}
