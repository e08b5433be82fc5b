/* decode.h - between decode.c and the decoders, one for each format; memory of pictures is image.c. */
#ifndef PATCH_DECODE_H
#define PATCH_DECODE_H

#include "patch/patch.h"

/* Where a picture may be put: memory of the caller's. */
struct patch_space {
    unsigned char *bytes; /* NULL: there is none */
    size_t size;
};

/* The bytes of one file. */
struct patch_input {
    const char *name; /* for the error */
    const unsigned char *bytes;
    size_t size;
    size_t max_pixels;
    const char *max_pixels_name; /* NULL: unsaid */
    struct patch_space space;    /* used if it is large enough; the picture is then lent */
};

/* patch_image_decode in this process, in space if it can be. */
enum vit_status patch_decode_into(struct patch_image *out, const unsigned char *bytes, size_t size,
                                  const char *name, const struct patch_decode *options,
                                  const struct patch_space *space, struct vit_error *err);

/* patch_image_create for the picture of in. */
enum vit_status patch_picture_create(struct patch_image *out, const struct patch_input *in, int width,
                                     int height, struct vit_error *err);

/* Fill *out with an RGB picture, or leave it zeroed and say why. Orientation is not their business. */
enum vit_status patch_jpeg_decode(struct patch_image *out, const struct patch_input *in,
                                  struct vit_error *err);
enum vit_status patch_png_decode(struct patch_image *out, const struct patch_input *in,
                                 struct vit_error *err);
enum vit_status patch_bmp_decode(struct patch_image *out, const struct patch_input *in,
                                 struct vit_error *err);
enum vit_status patch_pnm_decode(struct patch_image *out, const struct patch_input *in,
                                 struct vit_error *err);

/* Whether white space and two numbers follow P1 to P6, as in a header: a text may begin with the letters. */
bool patch_pnm_begins(const unsigned char *bytes, size_t size);

/* A picture of this size may be decoded: not empty, not more than the caller allows. */
enum vit_status patch_check_pixels(const struct patch_input *in, uint64_t width, uint64_t height,
                                   struct vit_error *err);

/* ---- stb.c ---- */

/* A part of what the decoder reads. */
struct patch_piece {
    const unsigned char *bytes;
    size_t size;
};

/* PNG, and JPEG in builds without libjpeg; format is for the error. The size of the picture is checked
 * before, by patch_stb_check (in those builds) or otherwise. The file is what the count pieces hold, one
 * after the other, which are used up. */
enum vit_status patch_stb_check(const struct patch_input *in, const char *format, struct vit_error *err);
enum vit_status patch_stb_decode(struct patch_image *out, const struct patch_input *in,
                                 struct patch_piece *pieces, size_t count, const char *format,
                                 struct vit_error *err);
/* Inflate what zlib packed into at most room bytes. Returns how many; -1: damaged, or there are more. */
int patch_stb_inflate(char *to, int room, const unsigned char *from, int size);
/* PNG of rgb (height, width, 3); freed by free(). NULL: out of memory. */
unsigned char *patch_stb_png(const unsigned char *rgb, int width, int height, int *size);

#endif
