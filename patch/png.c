/* PNG: the chunks are checked here, checksums included, and the pixels decoded by stb_image, which
 * checks none of it and would read a damaged file into a damaged picture. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "patch/bytes.h"
#include "patch/decode.h"
#include "vit/sink.h"

/* FRAME: length, type and checksum around the data of a chunk; COLOURS: bytes of the longest palette;
 * PALETTE: a type of colours. */
enum { SIGNATURE = 8, FRAME = 12, HEADER = 13, COLOURS = 3 * 256, PALETTE = 3 };

/* CRC-32 of a chunk's type and data (PNG specification, annex D), four bits at a time. */
static uint32_t checksum(const unsigned char *bytes, size_t size)
{
    static const uint32_t TABLE[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ TABLE[crc & 15];
        crc = crc >> 4 ^ TABLE[crc & 15];
    }
    return ~crc;
}

/* Capital first letter: the picture cannot be understood without the chunk. */
static bool is_critical(const unsigned char *type)
{
    return !(type[0] & 0x20);
}

/* Bytes of pixels before compression, filter bytes included; interlacing adds less than the factor 2. */
static uint64_t raw_bytes(const unsigned char *header)
{
    static const unsigned CHANNELS[8] = { 1, 1, 3, 1, 2, 1, 4, 1 }; /* by colour type */
    const uint64_t width = patch_big32(header), height = patch_big32(header + 4);
    const unsigned depth = header[8] <= 16 ? header[8] : 16;

    return 2 * height * (1 + (width * depth * CHANNELS[header[9] & 7] + 7) / 8);
}

/* What is learnt of a picture on the way through its chunks. */
struct contents {
    uint64_t packed; /* bytes of compressed pixels */
    size_t palette;  /* and of the longest palette before them */
    /* What the decoder gets: the header, perhaps a palette of ours, and runs of chunks. */
    struct patch_piece piece[2 + 8];
    size_t pieces;
};

/* The decoder is strict with what changes no colour: transparency, and a palette that nothing refers to. */
static bool is_idle(const unsigned char *type, unsigned colours)
{
    return !memcmp(type, "tRNS", 4) || (colours != PALETTE && !memcmp(type, "PLTE", 4));
}

/* The decoder does not get the chunk. One that is too many it gets: no picture needs that. */
static void leave_out(struct contents *c, const unsigned char *chunk, size_t size)
{
    struct patch_piece *last = &c->piece[c->pieces - 1];
    const unsigned char *end = last->bytes + last->size;

    if (c->pieces == VIT_COUNT(c->piece)) return;
    last->size = (size_t)(chunk - last->bytes);
    c->piece[c->pieces++] = (struct patch_piece){ chunk + size, (size_t)(end - chunk) - size };
}

/* Walk the chunks to the end of the picture. */
static enum vit_status check_chunks(struct contents *c, const struct patch_input *in, struct vit_error *err)
{
    enum { FIRST = SIGNATURE + FRAME + HEADER };
    const unsigned colours = in->bytes[SIGNATURE + 8 + 9];
    size_t at = SIGNATURE;

    *c = (struct contents){ .piece = { { in->bytes, FIRST }, { 0 }, { in->bytes + FIRST, in->size - FIRST } },
                            .pieces = 3 };
    for (;;) {
        const unsigned char *chunk = in->bytes + at;
        const size_t left = in->size - at;
        const size_t length = left >= FRAME ? patch_big32(chunk) : 0;

        if (left < FRAME || length > left - FRAME)
            return vit_fail(err, VIT_ERR_FORMAT,
                            "%s: truncated PNG: the file ends inside the chunk at byte %zu", in->name, at);
        if (is_critical(chunk + 4) && checksum(chunk + 4, length + 4) != patch_big32(chunk + 8 + length))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged PNG: wrong checksum of the chunk at byte %zu",
                            in->name, at);
        if (!memcmp(chunk + 4, "IEND", 4)) return VIT_OK;
        if (!memcmp(chunk + 4, "IDAT", 4)) c->packed += length;
        if (!memcmp(chunk + 4, "PLTE", 4) && !c->packed && length > c->palette) c->palette = length;
        if (is_idle(chunk + 4, colours)) leave_out(c, chunk, FRAME + length);
        at += FRAME + length;
    }
}

/* stb_image gives a number beyond the palette whatever its stack holds, Pillow black. A palette overwrites
 * the one before colour by colour, and no checksum is looked at: so a black one goes before all others. */
static const unsigned char BLACK[FRAME + COLOURS] = { 0, 0, COLOURS >> 8, COLOURS & 255, 'P', 'L', 'T', 'E' };

enum vit_status patch_png_decode(struct patch_image *out, const struct patch_input *in, struct vit_error *err)
{
    enum { SLACK = 65536 };
    const unsigned char *header = in->bytes + SIGNATURE + 8;
    struct contents c;
    enum vit_status status;

    if (in->size >= SIGNATURE + FRAME && !memcmp(in->bytes + SIGNATURE + 4, "CgBI", 4))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: Apple's variant of PNG (CgBI), which is not read",
                        in->name);
    if (in->size < SIGNATURE + FRAME + HEADER || memcmp(in->bytes + SIGNATURE, "\0\0\0\x0dIHDR", 8))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged PNG: does not begin with a whole header", in->name);
    status = patch_check_pixels(in, patch_big32(header), patch_big32(header + 4), err);
    if (!status) status = check_chunks(&c, in, err);
    if (status) return status;
    /* Deflate never doubles; a surplus is there to be inflated a thousandfold. */
    if (c.packed > raw_bytes(header) + SLACK)
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: damaged PNG: %ju bytes of compressed pixels where %ju are the most", in->name,
                        (uintmax_t)c.packed, (uintmax_t)raw_bytes(header) + SLACK);
    if (header[9] == PALETTE && c.palette && c.palette < COLOURS)
        c.piece[1] = (struct patch_piece){ BLACK, sizeof BLACK };
    return patch_stb_decode(out, in, c.piece, c.pieces, "PNG", err);
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
    status = vit_write_file(path, png, (size_t)size, err);
    free(png);
    return status;
}
