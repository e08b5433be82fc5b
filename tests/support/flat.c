#include "tests/support/flat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

struct bits {
    unsigned char *bytes;
    size_t count;
};

static void put_bit(struct bits *b, unsigned bit)
{
    b->bytes[b->count / 8] |= (unsigned char)(bit << b->count % 8);
    b->count++;
}

/* Numbers go lowest bit first, Huffman codes highest first (RFC 1951, 3.1.1). */
static void put_number(struct bits *b, unsigned value, int width)
{
    for (int i = 0; i < width; i++) put_bit(b, value >> i & 1);
}

static void put_code(struct bits *b, unsigned code, int width)
{
    while (width-- > 0) put_bit(b, code >> width & 1);
}

/* n zero bytes in zlib's frame, with the fixed codes: one zero, then copies of 258 bytes from one back. */
static void deflate_zeros(struct bits *b, uint64_t n)
{
    uint64_t left = n - 1;
    const unsigned adler = (unsigned)(n % 65521); /* sums of zeros: 1, and n times 1 */

    put_number(b, 0x78, 8);
    put_number(b, 0x01, 8);
    put_number(b, 1, 1);  /* the last block */
    put_number(b, 1, 2);  /* fixed codes */
    put_code(b, 0x30, 8); /* literal 0 */
    for (; left >= 258; left -= 258) {
        put_code(b, 0xc5, 8); /* length 258 */
        put_code(b, 0, 5);    /* distance 1 */
    }
    for (; left; left--) put_code(b, 0x30, 8);
    put_code(b, 0, 7); /* end */
    b->count = (b->count + 7) / 8 * 8;
    for (int shift = 8; shift >= 0; shift -= 8) put_number(b, adler >> shift & 255, 8);
    put_number(b, 0, 8);
    put_number(b, 1, 8);
}

static void big32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t crc32(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* Frame the length bytes that already stand 8 behind chunk; returns where the next chunk goes. */
static unsigned char *close_chunk(unsigned char *chunk, const char *type, size_t length)
{
    big32(chunk, (uint32_t)length);
    memcpy(chunk + 4, type, 4);
    big32(chunk + 8 + length, crc32(chunk + 4, length + 4));
    return chunk + 12 + length;
}

/* format (5): depth, colour type, compression, filter, interlacing; raw: zero bytes to deflate. */
static unsigned char *make(int width, int height, const char *format, uint64_t raw, size_t *size)
{
    /* 13 bits for 258 bytes, at most 257 single ones, and the frames. */
    unsigned char *png = calloc(1, (size_t)(raw / 258 * 13 / 8) + 1024), *at = png;
    struct bits b = { 0 };

    if (!png) fail_msg("no memory for a flat picture");
    memcpy(png, "\x89PNG\r\n\x1a\n", 8);
    at += 8;
    big32(at + 8, (uint32_t)width);
    big32(at + 12, (uint32_t)height);
    memcpy(at + 16, format, 5);
    at = close_chunk(at, "IHDR", 13);
    b.bytes = at + 8;
    deflate_zeros(&b, raw);
    at = close_chunk(at, "IDAT", b.count / 8);
    at = close_chunk(at, "IEND", 0);
    *size = (size_t)(at - png);
    return png;
}

unsigned char *flat_png(int width, int height, size_t *size)
{
    return make(width, height, "\1\0\0\0\0", (uint64_t)height * (1 + ((uint64_t)width + 7) / 8), size);
}

unsigned char *flat_endless_png(size_t *size)
{
    enum { WIDTH = 800, HEIGHT = 656 };

    return make(WIDTH, HEIGHT, "\20\6\0\0\0", (uint64_t)260 * HEIGHT * (1 + 8 * WIDTH), size);
}
