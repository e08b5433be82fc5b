#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "patch/decode.h"
#include "patch/file.h"
#include "patch/patch.h"
#include "patch/sandbox.h"
#include "vit/arena.h"

#define QUOTE(x) #x
#define TEXT(x)  QUOTE(x)
#if VIT_JPEG
#include <stdio.h>

#include <jpeglib.h>
#ifdef LIBJPEG_TURBO_VERSION
#define DECODERS "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION) ", " STB
#else
#define DECODERS "libjpeg " TEXT(JPEG_LIB_VERSION) ", " STB
#endif
#else
#define DECODERS STB
#endif
/* stb_image tells its version in a comment only; the Makefile reads it from there. */
#ifdef VIT_STB_VERSION
#define STB "stb_image " TEXT(VIT_STB_VERSION)
#else
#define STB "stb_image"
#endif

/* What the first bytes of a file say it is. Without decode: recognised, so that it can be refused by name. */
struct format {
    const char *name;
    size_t offset;
    const char *magic;
    size_t length;
    enum vit_status (*decode)(struct patch_image *out, const struct patch_input *in, struct vit_error *err);
    int (*orientation)(const unsigned char *bytes, size_t size);
};
#define MAGIC(text) text, sizeof(text) - 1

static const struct format FORMATS[] = {
    { "JPEG", 0, MAGIC("\xff\xd8\xff"), patch_jpeg_decode, patch_exif_jpeg },
    { "PNG", 0, MAGIC("\x89PNG\r\n\x1a\n"), patch_png_decode, patch_exif_png },
    { "BMP", 0, MAGIC("BM"), patch_bmp_decode, NULL },
    { "PNM", 0, MAGIC("P5"), patch_pnm_decode, NULL },
    { "PNM", 0, MAGIC("P6"), patch_pnm_decode, NULL },
    { "PNM written as text", 0, MAGIC("P2"), NULL, NULL },
    { "PNM written as text", 0, MAGIC("P3"), NULL, NULL },
    { "a PBM bitmap", 0, MAGIC("P1"), NULL, NULL },
    { "a PBM bitmap", 0, MAGIC("P4"), NULL, NULL },
    { "PAM", 0, MAGIC("P7"), NULL, NULL },
    { "GIF", 0, MAGIC("GIF8"), NULL, NULL },
    { "WebP", 8, MAGIC("WEBP"), NULL, NULL },
    { "TIFF", 0, MAGIC("II*\0"), NULL, NULL },
    { "TIFF", 0, MAGIC("MM\0*"), NULL, NULL },
    { "HEIC", 4, MAGIC("ftyphei"), NULL, NULL },
    { "HEIC", 4, MAGIC("ftypmif1"), NULL, NULL },
    { "AVIF", 4, MAGIC("ftypavi"), NULL, NULL },
    { "JPEG XL", 0, MAGIC("\xff\x0a"), NULL, NULL },
    { "JPEG XL", 4, MAGIC("JXL "), NULL, NULL },
    { "JPEG 2000", 4, MAGIC("jP  "), NULL, NULL },
    { "Photoshop's PSD", 0, MAGIC("8BPS"), NULL, NULL },
    { "an icon (ICO)", 0, MAGIC("\0\0\1\0"), NULL, NULL },
    { "OpenEXR", 0, MAGIC("v/1\x01"), NULL, NULL },
    { "Radiance HDR", 0, MAGIC("#?RADIANCE"), NULL, NULL },
    { "QOI", 0, MAGIC("qoif"), NULL, NULL },
    { "SVG or XML", 0, MAGIC("<?xml"), NULL, NULL },
    { "SVG", 0, MAGIC("<svg"), NULL, NULL },
    { "a web page", 0, MAGIC("<!DOCTYPE"), NULL, NULL },
    { "a web page", 0, MAGIC("<html"), NULL, NULL },
    { "PDF", 0, MAGIC("%PDF"), NULL, NULL },
    { "a ZIP archive", 0, MAGIC("PK\3\4"), NULL, NULL },
    { "compressed by gzip", 0, MAGIC("\x1f\x8b"), NULL, NULL },
};

const char *patch_decoders(void)
{
    return DECODERS;
}

enum vit_status patch_image_create(struct patch_image *out, int width, int height, struct vit_error *err)
{
    size_t bytes = 3;

    *out = (struct patch_image){ 0 };
    if (width <= 0 || height <= 0)
        return vit_fail(err, VIT_ERR_ARG, "a picture of %dx%d pixels cannot be made", width, height);
    if (!vit_size_mul(&bytes, (size_t)width) || !vit_size_mul(&bytes, (size_t)height) ||
        !(out->rgb = malloc(bytes)))
        return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate a picture of %dx%d pixels", width, height);
    out->width = width;
    out->height = height;
    return VIT_OK;
}

static void keep(void *owner)
{
    (void)owner; /* the space was the caller's before */
}

enum vit_status patch_picture_create(struct patch_image *out, const struct patch_input *in, int width,
                                     int height, struct vit_error *err)
{
    const uint64_t bytes = (uint64_t)3 * (unsigned)width * (unsigned)height; /* sides are checked */

    if (!in->space.bytes || bytes > in->space.size) return patch_image_create(out, width, height, err);
    *out = (struct patch_image){ width, height, in->space.bytes, keep, NULL };
    return VIT_OK;
}

void patch_image_free(struct patch_image *image)
{
    if (image->give_back)
        image->give_back(image->owner);
    else
        free(image->rgb);
    *image = (struct patch_image){ 0 };
}

enum vit_status patch_check_pixels(const struct patch_input *in, uint64_t width, uint64_t height,
                                   struct vit_error *err)
{
    if (!width || !height)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: its header says %ju x %ju pixels, expected at least 1 x 1",
                        in->name, (uintmax_t)width, (uintmax_t)height);
    if (width > PATCH_MAX_SIDE || height > PATCH_MAX_SIDE)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %ju x %ju pixels, a side may have %d", in->name,
                        (uintmax_t)width, (uintmax_t)height, PATCH_MAX_SIDE);
    if (width * height > in->max_pixels)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: %ju x %ju pixels, more than the %zu that may be decoded", in->name,
                        (uintmax_t)width, (uintmax_t)height, in->max_pixels);
    return VIT_OK;
}

static const struct format *recognise(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < VIT_COUNT(FORMATS); i++) {
        const struct format *f = &FORMATS[i];
        if (size >= f->offset + f->length && !memcmp(bytes + f->offset, f->magic, f->length)) return f;
    }
    return NULL;
}

enum vit_status patch_image_decode(struct patch_image *out, const unsigned char *bytes, size_t size,
                                   const char *name, const struct patch_decode *options,
                                   struct vit_error *err)
{
    if (options && options->sandbox)
        return patch_sandbox_decode(options->sandbox, out, bytes, size, name, options, err);
    return patch_decode_into(out, bytes, size, name, options, &(struct patch_space){ 0 }, err);
}

enum vit_status patch_decode_into(struct patch_image *out, const unsigned char *bytes, size_t size,
                                  const char *name, const struct patch_decode *options,
                                  const struct patch_space *space, struct vit_error *err)
{
    const struct patch_decode o = options ? *options : (struct patch_decode){ 0 };
    const struct patch_input in = { name, bytes, size, o.max_pixels ? o.max_pixels : PATCH_MAX_PIXELS,
                                    *space };
    const struct format *f = recognise(bytes, size);
    enum vit_status status;

    *out = (struct patch_image){ 0 };
    if (!f) return vit_fail(err, VIT_ERR_FORMAT, "%s: not a picture: expected JPEG, PNG, BMP or PNM", name);
    if (!f->decode)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: is %s, which is not read: expected JPEG, PNG, BMP or PNM", name, f->name);
    status = f->decode(out, &in, err);
    if (!status && f->orientation && !o.ignore_exif)
        status = patch_exif_turn(out, f->orientation(bytes, size), err);
    if (status) patch_image_free(out);
    return status;
}

enum vit_status patch_image_read(struct patch_image *out, const char *path,
                                 const struct patch_decode *options, struct vit_error *err)
{
    const size_t max = options && options->max_bytes ? options->max_bytes : PATCH_MAX_BYTES;
    unsigned char *bytes;
    size_t size;
    enum vit_status status;

    *out = (struct patch_image){ 0 };
    status = patch_file_read(&bytes, &size, path, max, err);
    if (status) return status;
    status = patch_image_decode(out, bytes, size, path, options, err);
    free(bytes);
    return status;
}

enum vit_status patch_png_write(const char *path, const unsigned char *rgb, int width, int height,
                                struct vit_error *err)
{
    int size;
    unsigned char *png;
    enum vit_status status;

    if (width <= 0 || height <= 0 || ((size_t)width * 3 + 1) * (size_t)height > INT_MAX / 2)
        return vit_fail(err, VIT_ERR_ARG, "%s: a PNG of %dx%d pixels cannot be written", path, width, height);
    png = patch_stb_png(rgb, width, height, &size);
    if (!png) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write %dx%d pixels", path, width, height);
    status = patch_file_write(path, png, (size_t)size, err);
    free(png);
    return status;
}
