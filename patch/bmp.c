/* Windows and OS/2 bitmaps, uncompressed. Not through stb_image, which loses colours of OS/2 palettes
 * and reads uninitialised ones where a palette is short. */
#include <string.h>

#include "patch/bytes.h"
#include "patch/decode.h"

struct bitmap {
    const unsigned char *palette; /* (colours, entry): blue, green, red */
    size_t colours, entry;
    const unsigned char *rows; /* (height, stride) */
    size_t stride;
    unsigned bits;    /* of a pixel */
    uint32_t mask[3]; /* red, green, blue; of pixels of 16 and 32 bits */
    int width, height;
    bool top_down;
};

static enum vit_status damaged(const struct patch_input *in, const char *what, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged BMP: %s", in->name, what);
}

/* Masks of pixels of 16 and 32 bits: 5-5-5 and 8-8-8, unless the file brings its own. */
static void read_masks(struct bitmap *b, const unsigned char *own)
{
    static const uint32_t MASKS[2][3] = { { 0x7c00, 0x3e0, 0x1f }, { 0xff0000, 0xff00, 0xff } };

    memcpy(b->mask, MASKS[b->bits == 32], sizeof b->mask);
    for (int i = 0; own && i < 3; i++) b->mask[i] = patch_little32(own + 4 * i);
}

/* The header after the 14 bytes of the file's own; size is what it says of its length. */
static enum vit_status read_header(struct bitmap *b, const struct patch_input *in, size_t size,
                                   struct vit_error *err)
{
    enum { OS2 = 12, WINDOWS = 40, NONE = 0, BITFIELDS = 3, ALPHA_BITFIELDS = 6, MASKS_AT = 54 };
    const unsigned char *h = in->bytes + 14;
    const bool os2 = size == OS2;
    const int64_t height = os2 ? (int32_t)patch_little16(h + 6) : (int32_t)patch_little32(h + 8);
    const uint32_t width = os2 ? patch_little16(h + 4) : patch_little32(h + 4);
    const uint32_t packing = os2 ? NONE : patch_little32(h + 16);
    const bool fields = packing == BITFIELDS || packing == ALPHA_BITFIELDS;
    enum vit_status status = patch_check_pixels(in, width, (uint64_t)(height < 0 ? -height : height), err);

    if (status) return status;
    b->bits = patch_little16(h + (os2 ? 10 : 14));
    if (packing != NONE && !fields)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a compressed BMP (method %u), which is not read",
                        in->name, (unsigned)packing);
    if (!memchr("\1\4\x8\x10\x18\x20", (int)(b->bits & 255), 6) || b->bits > 32)
        return damaged(in, "expected 1, 4, 8, 16, 24 or 32 bits a pixel", err);
    if (fields && (b->bits < 16 || in->size < MASKS_AT + 12)) return damaged(in, "no colour masks", err);
    read_masks(b, fields ? in->bytes + MASKS_AT : NULL);
    b->width = (int)width;
    b->height = (int)(height < 0 ? -height : height);
    b->top_down = height < 0;
    b->stride = (width * (size_t)b->bits + 31) / 32 * 4;
    b->palette = in->bytes + 14 + size;
    b->entry = os2 ? 3 : 4;
    return VIT_OK;
}

static enum vit_status read_layout(struct bitmap *b, const struct patch_input *in, struct vit_error *err)
{
    const size_t at = in->size >= 18 ? patch_little32(in->bytes + 10) : 0;
    const size_t header = in->size >= 18 ? patch_little32(in->bytes + 14) : 0;
    size_t last;
    enum vit_status status;

    if (header != 12 && (header < 40 || header > 256)) return damaged(in, "unknown header", err);
    if (in->size < 14 + header || at < 14 + header || at > in->size)
        return damaged(in, "the file ends inside its header, or the pixels do not follow it", err);
    status = read_header(b, in, header, err);
    if (status) return status;
    b->rows = in->bytes + at;
    b->colours = (at - 14 - header) / b->entry;
    /* The padding of the last row may be missing. */
    last = ((size_t)b->width * b->bits + 7) / 8;
    if (in->size - at < b->stride * (size_t)(b->height - 1) + last)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: truncated BMP: expected %zu bytes of pixels, found %zu",
                        in->name, b->stride * (size_t)b->height, in->size - at);
    return VIT_OK;
}

/* A row of palette numbers; false when one has no colour. */
static bool look_up(unsigned char *rgb, const unsigned char *row, const struct bitmap *b)
{
    const unsigned bits = b->bits, mask = (1u << bits) - 1;

    for (int x = 0; x < b->width; x++) {
        const size_t bit = (size_t)x * bits;
        const unsigned i = (unsigned)row[bit / 8] >> (8 - bits - bit % 8) & mask;
        const unsigned char *colour = b->palette + i * b->entry;
        if (i >= b->colours) return false;
        for (int j = 0; j < 3; j++) rgb[3 * x + j] = colour[2 - j];
    }
    return true;
}

static void reverse(unsigned char *rgb, const unsigned char *row, const struct bitmap *b)
{
    for (int i = 0; i < 3 * b->width; i += 3) {
        rgb[i] = row[i + 2];
        rgb[i + 1] = row[i + 1];
        rgb[i + 2] = row[i];
    }
}

/* Each masked field stretched to 0..255, rounded down as Pillow does. An absent field is 0. */
static void unmask(unsigned char *rgb, const unsigned char *row, const struct bitmap *b)
{
    const size_t bytes = b->bits / 8;

    for (int i = 0; i < 3 * b->width; i++) {
        const unsigned char *p = row + (size_t)(i / 3) * bytes;
        const uint32_t mask = b->mask[i % 3], lowest = mask & -mask;
        const uint32_t pixel = bytes == 2 ? patch_little16(p) : patch_little32(p);
        rgb[i] = mask ? (unsigned char)((uint64_t)(pixel & mask) / lowest * 255 / (mask / lowest)) : 0;
    }
}

enum vit_status patch_bmp_decode(struct patch_image *out, const struct patch_input *in, struct vit_error *err)
{
    struct bitmap b = { 0 };
    enum vit_status status = read_layout(&b, in, err);

    if (!status) status = patch_picture_create(out, in, b.width, b.height, err);
    if (status) return status;
    for (int y = 0; y < b.height; y++) {
        const unsigned char *row = b.rows + b.stride * (size_t)(b.top_down ? y : b.height - 1 - y);
        unsigned char *rgb = out->rgb + (size_t)y * (size_t)b.width * 3;
        if (b.bits == 24)
            reverse(rgb, row, &b);
        else if (b.bits > 8)
            unmask(rgb, row, &b);
        else if (!look_up(rgb, row, &b)) {
            patch_image_free(out);
            return damaged(in, "a pixel's number is beyond its palette", err);
        }
    }
    return VIT_OK;
}
