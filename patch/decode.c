/* Which decoder a file needs, by its first bytes; in this process or in a confined one. */
#include <stdlib.h>
#include <string.h>

#include "patch/decode.h"
#include "patch/exif.h"
#include "patch/file.h"
#include "patch/sandbox.h"

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
#define OWN ", BMP and PNM of our own"
/* stb_image tells its version in a comment only; the Makefile reads it from there. */
#ifdef VIT_STB_VERSION
#define STB "stb_image " TEXT(VIT_STB_VERSION) OWN
#else
#define STB "stb_image" OWN
#endif

/* What the first bytes of a file say it is. Without decode: recognised, so that it can be refused by name. */
struct format {
    const char *name;
    size_t offset;
    const char *magic;
    size_t length;
    enum vit_status (*decode)(struct patch_image *out, const struct patch_input *in, struct vit_error *err);
    int (*orientation)(const unsigned char *bytes, size_t size);
    /* The magic could begin a text, too, which this can tell; NULL: none begins like that. */
    bool (*is_no_text)(const unsigned char *bytes, size_t size);
};
#define MAGIC(text) text, sizeof(text) - 1

/* Sizes, versions and marks have bytes that no name of a file has, nor an end of a line. */
static bool has_control(const unsigned char *bytes, size_t size)
{
    enum { HEAD = 14 }; /* bytes of BMP's first header */

    for (size_t i = 0; i < size && i < HEAD; i++)
        if (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n') return true;
    return false;
}

static const struct format FORMATS[] = {
    { "JPEG", 0, MAGIC("\xff\xd8\xff"), patch_jpeg_decode, patch_exif_jpeg, NULL },
    { "PNG", 0, MAGIC("\x89PNG\r\n\x1a\n"), patch_png_decode, patch_exif_png, NULL },
    { "BMP", 0, MAGIC("BM"), patch_bmp_decode, NULL, has_control },
    { "PNM", 0, MAGIC("P5"), patch_pnm_decode, NULL, patch_pnm_begins },
    { "PNM", 0, MAGIC("P6"), patch_pnm_decode, NULL, patch_pnm_begins },
    { "PNM written as text", 0, MAGIC("P2"), NULL, NULL, patch_pnm_begins },
    { "PNM written as text", 0, MAGIC("P3"), NULL, NULL, patch_pnm_begins },
    { "a PBM bitmap", 0, MAGIC("P1"), NULL, NULL, patch_pnm_begins },
    { "a PBM bitmap", 0, MAGIC("P4"), NULL, NULL, patch_pnm_begins },
    { "PAM", 0, MAGIC("P7\n"), NULL, NULL, NULL },
    { "GIF", 0, MAGIC("GIF8"), NULL, NULL, has_control },
    { "WebP", 8, MAGIC("WEBP"), NULL, NULL, has_control },
    { "TIFF", 0, MAGIC("II*\0"), NULL, NULL, NULL },
    { "TIFF", 0, MAGIC("MM\0*"), NULL, NULL, NULL },
    { "BigTIFF", 0, MAGIC("II+\0"), NULL, NULL, NULL },
    { "BigTIFF", 0, MAGIC("MM\0+"), NULL, NULL, NULL },
    { "HEIC", 4, MAGIC("ftyphei"), NULL, NULL, has_control },
    { "HEIC", 4, MAGIC("ftyphev"), NULL, NULL, has_control },
    { "HEIC", 4, MAGIC("ftypmif1"), NULL, NULL, has_control },
    { "HEIC", 4, MAGIC("ftypmsf1"), NULL, NULL, has_control },
    { "AVIF", 4, MAGIC("ftypavi"), NULL, NULL, has_control },
    { "JPEG XL", 0, MAGIC("\xff\x0a"), NULL, NULL, NULL },
    { "JPEG XL", 4, MAGIC("JXL "), NULL, NULL, has_control },
    { "JPEG 2000", 4, MAGIC("jP  "), NULL, NULL, has_control },
    { "Photoshop's PSD", 0, MAGIC("8BPS"), NULL, NULL, has_control },
    { "an icon (ICO)", 0, MAGIC("\0\0\1\0"), NULL, NULL, NULL },
    { "OpenEXR", 0, MAGIC("v/1\x01"), NULL, NULL, NULL },
    { "Radiance HDR", 0, MAGIC("#?RADIANCE"), NULL, NULL, NULL },
    { "QOI", 0, MAGIC("qoif"), NULL, NULL, has_control },
    { "SVG or XML", 0, MAGIC("<?xml"), NULL, NULL, NULL },
    { "SVG", 0, MAGIC("<svg"), NULL, NULL, NULL },
    { "a web page", 0, MAGIC("<!DOCTYPE"), NULL, NULL, NULL },
    { "a web page", 0, MAGIC("<html"), NULL, NULL, NULL },
    { "PDF", 0, MAGIC("%PDF"), NULL, NULL, NULL },
    { "a ZIP archive", 0, MAGIC("PK\3\4"), NULL, NULL, NULL },
    { "compressed by gzip", 0, MAGIC("\x1f\x8b"), NULL, NULL, NULL },
};

const char *patch_decoders(void)
{
    return DECODERS;
}

static const struct format *recognise(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < VIT_COUNT(FORMATS); i++) {
        const struct format *f = &FORMATS[i];
        if (size >= f->offset + f->length && !memcmp(bytes + f->offset, f->magic, f->length)) return f;
    }
    return NULL;
}

bool patch_is_picture(const unsigned char *bytes, size_t size)
{
    const struct format *f = recognise(bytes, size);

    return f && (!f->is_no_text || f->is_no_text(bytes, size));
}

enum vit_status patch_image_decode(struct patch_image *out, const unsigned char *bytes, size_t size,
                                   const char *name, const struct patch_decode *options,
                                   struct vit_error *err)
{
    if (options && options->sandbox)
        return patch_sandbox_decode(options->sandbox, out, bytes, size, name, options, err);
    return patch_decode_into(out, bytes, size, name, options, &(struct patch_space){ 0 }, err);
}

/* Upright, as its EXIF says. */
static enum vit_status turn(struct patch_image *image, const struct patch_input *in, const struct format *f,
                            struct vit_error *err)
{
    const int orientation = f->orientation(in->bytes, in->size);
    struct vit_error why;
    enum vit_status status;

    if (!orientation) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to read its EXIF", in->name);
    status = patch_exif_turn(image, orientation, &why);
    return status ? vit_fail(err, status, "%s: %s", in->name, why.text) : VIT_OK;
}

enum vit_status patch_decode_into(struct patch_image *out, const unsigned char *bytes, size_t size,
                                  const char *name, const struct patch_decode *options,
                                  const struct patch_space *space, struct vit_error *err)
{
    const struct patch_decode o = options ? *options : (struct patch_decode){ 0 };
    const struct patch_input in = { .name = name,
                                    .bytes = bytes,
                                    .size = size,
                                    .max_pixels = o.max_pixels ? o.max_pixels : PATCH_MAX_PIXELS,
                                    .max_pixels_name = o.max_pixels_name,
                                    .space = *space };
    const struct format *f = recognise(bytes, size);
    enum vit_status status;

    *out = (struct patch_image){ 0 };
    if (!f) return vit_fail(err, VIT_ERR_FORMAT, "%s: not a picture: expected JPEG, PNG, BMP or PNM", name);
    if (!f->decode)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: is %s, which is not read: expected JPEG, PNG, BMP or PNM", name, f->name);
    status = f->decode(out, &in, err);
    if (!status && f->orientation && !o.ignore_exif) status = turn(out, &in, f, err);
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
