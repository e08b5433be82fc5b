#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patch/decode.h"
#include "tests/patch/fixtures.h"
#include "tests/support/flat.h"

static bool is_jpeg(const char *name)
{
    return strstr(name, ".jpg") != NULL;
}

static void every_encoding_gives_pillows_pixels(void **state)
{
    json_t *manifest = fixture_manifest(), *entry;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(manifest, "decode"), i, entry)
    {
        const char *name = fixture_text(entry, "input");
        struct patch_image image, expected;

        if (strstr(name, ".gif")) continue;
        image = fixture_image(name);
        expected = fixture_image(fixture_text(entry, "expect"));
        assert_int_equal(image.width, expected.width);
        assert_int_equal(image.height, expected.height);
        assert_pixels(name, image.rgb, expected.rgb, image.width, image.height,
                      is_jpeg(name) ? JPEG_LEVELS : 0);
        patch_image_free(&image);
        patch_image_free(&expected);
    }
    assert_true(i > 0);
    json_decref(manifest);
}

static void other_formats_are_refused_by_name(void **state)
{
    static const struct {
        const char *bytes, *name;
    } CASES[] = {
        { "GIF89a..........", "GIF" },           { "RIFF....WEBPVP8 ", "WebP" },
        { "II*\0............", "TIFF" },         { "....ftypheic....", "HEIC" },
        { "....ftypavif....", "AVIF" },          { "8BPS............", "PSD" },
        { "P3 1 1 255 1 2 3", "text" },          { "%PDF-1.7........", "PDF" },
        { "hello, world....", "not a picture" }, { "PK\3\4............", "ZIP" },
        { "<!DOCTYPE html>.", "web page" },
    };
    struct patch_image image;
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const enum vit_status status =
            patch_image_decode(&image, (const unsigned char *)CASES[i].bytes, 16, "x", NULL, &err);
        assert_true(status == VIT_ERR_UNSUPPORTED || status == VIT_ERR_FORMAT);
        assert_null(image.rgb);
        if (!strstr(err.text, CASES[i].name)) fail_msg("\"%s\" does not say %s", err.text, CASES[i].name);
        assert_non_null(strstr(err.text, "JPEG, PNG"));
    }
}

static void what_is_not_a_file_is_refused(void **state)
{
    char dir[256], path[512];
    struct patch_image image;
    struct vit_error err;

    (void)state;
    tmp_create(dir, sizeof dir);
    assert_refused(patch_image_read(&image, dir, NULL, &err), VIT_ERR_IO, "folder", &err);
    snprintf(path, sizeof path, "%s/pipe.png", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(patch_image_read(&image, path, NULL, &err), VIT_ERR_IO, "pipe", &err);
    tmp_write(dir, "empty.png", "", 0, path, sizeof path);
    assert_refused(patch_image_read(&image, path, NULL, &err), VIT_ERR_FORMAT, "empty", &err);
    snprintf(path, sizeof path, "%s/none.png", dir);
    assert_refused(patch_image_read(&image, path, NULL, &err), VIT_ERR_IO, "none.png", &err);
    tmp_remove(dir);
}

static void limits_are_checked_before_decoding(void **state)
{
    const char *const names[] = { "fmt-rgba.png", "fmt-baseline.jpg", "fmt-rgb.bmp" };
    const struct patch_decode few = { .max_pixels = 100, .max_pixels_name = "limit" };
    const struct patch_decode small = { .max_bytes = 100 };
    struct patch_image image;
    struct vit_error err;
    char path[1024];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(names); i++) {
        fixture_path(path, sizeof path, names[i]);
        assert_refused(patch_image_read(&image, path, &few, &err), VIT_ERR_UNSUPPORTED, "decoded (limit)",
                       &err);
        assert_refused(patch_image_read(&image, path, &small, &err), VIT_ERR_UNSUPPORTED, "bytes", &err);
        assert_null(image.rgb);
    }
}

/* 200 kB that would become 600 MB: refused by its header, unless the caller wants it. */
static void a_bomb_is_refused_before_it_is_decoded(void **state)
{
    enum { SIDE = 14000, SMALL = 3000 };
    struct vit_error err;
    struct patch_image image;
    const struct patch_decode less = { .max_pixels = SMALL * SMALL - 1 };
    const struct patch_decode exactly = { .max_pixels = SMALL * SMALL };
    size_t size;
    unsigned char *bytes = flat_png(SIDE, SIDE, &size);

    (void)state;
    assert_true(size < 200 * 1000);
    assert_refused(patch_image_decode(&image, bytes, size, "bomb.png", NULL, &err), VIT_ERR_UNSUPPORTED,
                   "14000 x 14000 pixels, more than the 178956970 that may be decoded", &err);
    free(bytes);
    bytes = flat_png(SMALL, SMALL, &size);
    assert_refused(patch_image_decode(&image, bytes, size, "small.png", &less, &err), VIT_ERR_UNSUPPORTED,
                   "more than the 8999999", &err);
    assert_ok(patch_image_decode(&image, bytes, size, "small.png", &exactly, &err), &err);
    assert_int_equal(image.width, SMALL);
    for (size_t i = 0; i < (size_t)3 * SMALL * SMALL; i++)
        if (image.rgb[i]) fail_msg("byte %zu of a black picture is %d", i, image.rgb[i]);
    patch_image_free(&image);
    free(bytes);
}

static void a_cut_file_is_an_error_or_the_whole_picture(void **state)
{
    const char *const names[] = { "fmt-baseline.jpg", "fmt-progressive.jpg", "fmt-cmyk.jpg", "fmt-exif6.jpg",
                                  "fmt-rgba.png",     "fmt-palette.png",     "fmt-rgb.bmp" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(names); i++) {
        struct patch_image whole = fixture_image(names[i]), image;
        struct vit_error err;
        char path[1024];
        size_t size;
        unsigned char *bytes = tmp_read(fixture_path(path, sizeof path, names[i]), &size);

        for (size_t cut = 0; cut < size; cut++) {
            unsigned char *copy = malloc(cut ? cut : 1); /* exact, so that a sanitizer sees an overrun */
            memcpy(copy, bytes, cut);
            if (!patch_image_decode(&image, copy, cut, names[i], NULL, &err))
                assert_pixels(names[i], image.rgb, whole.rgb, whole.width, whole.height, 0);
            else
                assert_null(image.rgb);
            patch_image_free(&image);
            free(copy);
        }
        free(bytes);
        patch_image_free(&whole);
    }
}

static void flipped_bits_never_crash(void **state)
{
    const char *const names[] = { "fmt-420.jpg", "fmt-progressive.jpg", "fmt-gray-alpha.png", "fmt-rgb.bmp" };
    enum { ROUNDS = 300 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(names); i++) {
        char path[1024];
        size_t size;
        unsigned char *bytes = tmp_read(fixture_path(path, sizeof path, names[i]), &size);

        for (uint64_t round = 0; round < ROUNDS; round++) {
            struct patch_image image;
            const size_t at = vit_random_below(11, round, size);
            const unsigned char mask = (unsigned char)(1 + vit_random_below(12, round, 255));
            bytes[at] ^= mask;
            (void)patch_image_decode(&image, bytes, size, names[i], NULL, NULL);
            patch_image_free(&image);
            bytes[at] ^= mask;
        }
        free(bytes);
    }
}

static void a_damaged_png_fails_its_checksum(void **state)
{
    char path[1024];
    size_t size;
    unsigned char *bytes = tmp_read(fixture_path(path, sizeof path, "fmt-gray.png"), &size);
    struct patch_image image;
    struct vit_error err;

    (void)state;
    bytes[size / 2] ^= 1;
    assert_refused(patch_image_decode(&image, bytes, size, "x", NULL, &err), VIT_ERR_FORMAT, "checksum",
                   &err);
    free(bytes);
}

static void rgb_of(const char *text, size_t size, const unsigned char *expected, int width, int height)
{
    struct patch_image image;
    struct vit_error err = { 0 };

    assert_ok(patch_image_decode(&image, (const unsigned char *)text, size, "x", NULL, &err), &err);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_pixels("picture", image.rgb, expected, width, height, 0);
    patch_image_free(&image);
}
#define TEXT(s) s, sizeof(s) - 1

static void pnm_is_scaled_by_its_largest_value(void **state)
{
    const unsigned char grey[6] = { 0, 0, 0, 128, 128, 128 }, colour[3] = { 0x12, 0x56, 0xff };

    (void)state;
    rgb_of(TEXT("P5 2 1 2\n\0\1"), grey, 2, 1); /* 1 of 2: 127.5, which Python rounds to 128 */
    rgb_of(TEXT("P6\n# a comment\n1 1\n65535\n\x12\x34\x56\x78\xff\xff"), colour, 1, 1);
    rgb_of(TEXT("P6 1 1 255 \x12\x56\xff, and more"), colour, 1, 1);
    rgb_of(TEXT("P6\r# a comment\r1 1\r255\r\x12\x56\xff"), colour, 1, 1);
}

/* Colours are Pillow's: v / largest * 255 to the nearest, halves to even; grey is as in a PNG of 16 bits. */
static void pnm_of_16_bits_is_rounded_in_colour_and_shifted_in_grey(void **state)
{
    const unsigned char all[3] = { 2, 128, 254 }, half[3] = { 2, 128, 255 }, grey[3] = { 1, 1, 1 };

    (void)state;
    rgb_of(TEXT("P6 1 1 65535 \x01\xff\x80\x00\xff\x00"), all, 1, 1);
    rgb_of(TEXT("P6 1 1 510 \0\x05\0\xff\xff\xff"), half, 1, 1);
    rgb_of(TEXT("P5 1 1 65535 \x01\xff"), grey, 1, 1);
}

static void damaged_pnm_is_refused(void **state)
{
    static const char *const CASES[] = { "P5 2 2 255\nabc",
                                         "P5 2 2 0\nabcd",
                                         "P5 2 2 70000\nabcd",
                                         "P5 0 2 255\nab",
                                         "P6 9999999 9999999 255\nab",
                                         "P5 2",
                                         "P5 2 2 255" };
    struct patch_image image;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++)
        assert_int_not_equal(
            patch_image_decode(&image, (const unsigned char *)CASES[i], strlen(CASES[i]), "x", NULL, NULL),
            VIT_OK);
}

/* 14 + 40 bytes of header: 2 x 2 pixels, the lower row first. */
#define BMP_HEAD(offset, bits, packing)                                                                      \
    "BM\0\0\0\0\0\0\0\0" offset "\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0" bits "\0" packing                     \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void bmp_rows_stand_on_their_head(void **state)
{
    const unsigned char expected[12] = { 9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4 };

    (void)state;
    rgb_of(TEXT(BMP_HEAD("\x36", "\x18", "\0") "\1\2\3\4\5\6\0\0\7\x8\x9\xa\xb\xc\0\0"), expected, 2, 2);
}

static void bmp_palettes_and_masks_are_applied(void **state)
{
    const unsigned char palette[12] = { 3, 2, 1, 6, 5, 4, 6, 5, 4, 3, 2, 1 };
    const unsigned char masked[12] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 8, 8, 8 };

    (void)state;
    rgb_of(TEXT(BMP_HEAD("\x3e", "\1", "\0") "\1\2\3\0\4\5\6\0\x80\0\0\0\x40\0\0\0"), palette, 2, 2);
    rgb_of(TEXT(BMP_HEAD("\x36", "\x10", "\0") "\x1f\0\x21\4\0\x7c\xe0\3"), masked, 2, 2);
}

static void a_bmp_index_beyond_its_palette_is_refused(void **state)
{
    const char text[] = BMP_HEAD("\x3e", "\4", "\0") "\1\2\3\0\4\5\6\0\x20\0\0\0\x10\0\0\0";
    struct patch_image image;
    struct vit_error err;

    (void)state;
    assert_refused(patch_image_decode(&image, (const unsigned char *)text, sizeof text - 1, "x", NULL, &err),
                   VIT_ERR_FORMAT, "palette", &err);
}

/* A chunk of length bytes of zeros, or of data; where the next one goes. */
static unsigned char *put_chunk(unsigned char *to, const char *type, const void *data, uint32_t length)
{
    uint32_t crc = 0xffffffff;

    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(length >> (24 - 8 * i));
    memcpy(to + 4, type, 4);
    memset(to + 8, 0, length);
    if (data) memcpy(to + 8, data, length);
    for (uint32_t i = 0; i < length + 4; i++) {
        crc ^= to[4 + i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    for (int i = 0; i < 4; i++) to[8 + length + i] = (unsigned char)(~crc >> (24 - 8 * i));
    return to + 12 + length;
}

/* Leave something on the stack for whoever reads of it what it did not write. */
static void dirty_stack(int value)
{
    volatile unsigned char bytes[1 << 16];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)value;
}

/* A row of 256 numbers, each once, and a palette of two colours. Pillow 12 has black beyond its end. */
static void a_png_index_beyond_its_palette_is_black(void **state)
{
    enum { WIDTH = 256, RAW = WIDTH + 1 };
    static const char HEADER[] = "\0\0\1\0\0\0\0\1\x8\3\0\0", SIGNATURE[] = "\x89PNG\r\n\x1a\n";
    unsigned char zlib[7 + RAW + 4] = "\x78\x01\x01\x01\x01\xfe\xfe"; /* one block, not compressed */
    unsigned char png[1000], expected[3 * WIDTH] = "\x9\x8\x7\x6\x5\x4", *at = png + 8;

    (void)state;
    for (int i = 0; i < WIDTH; i++) zlib[8 + i] = (unsigned char)i;
    memcpy(png, SIGNATURE, 8);
    at = put_chunk(at, "IHDR", HEADER, 13);
    at = put_chunk(at, "PLTE", expected, 6);
    at = put_chunk(at, "tRNS", "\1\2", 2);
    at = put_chunk(at, "IDAT", zlib, sizeof zlib);
    at = put_chunk(at, "IEND", NULL, 0);
    for (int value = 0; value < 256; value += 85) {
        dirty_stack(value);
        rgb_of((const char *)png, (size_t)(at - png), expected, WIDTH, 1);
    }
}

/* What says nothing of colours may be wrong, as for Pillow: transparency, and palettes where none is used. */
static void idle_chunks_of_a_png_may_be_wrong(void **state)
{
    static const char SIGNATURE[] = "\x89PNG\r\n\x1a\n";
    static const struct {
        char depth, colours;
        const char *pixel; /* with its filter byte */
        size_t bytes;
        const char *type;
        size_t length;
        unsigned char rgb[3];
    } CASES[] = {
        { 8, 3, "\0\1", 2, "tRNS", 20, { 4, 5, 6 } },
        { 8, 6, "\0\7\x8\x9\1", 5, "tRNS", 6, { 7, 8, 9 } },
        { 8, 4, "\0\7\1", 3, "tRNS", 2, { 7, 7, 7 } },
        { 8, 2, "\0\7\x8\x9", 4, "tRNS", 5, { 7, 8, 9 } },
        { 8, 2, "\0\7\x8\x9", 4, "PLTE", 31, { 7, 8, 9 } },
        { 8, 6, "\0\7\x8\x9\1", 5, "PLTE", 900, { 7, 8, 9 } },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        char header[13] = { 0, 0, 0, 1, 0, 0, 0, 1, CASES[i].depth, CASES[i].colours };
        unsigned char zlib[7 + 5 + 4] = "\x78\x01\x01", png[2000], *at = png + 8;
        const size_t n = CASES[i].bytes;

        zlib[3] = (unsigned char)n;
        zlib[5] = (unsigned char)~n;
        zlib[6] = 255;
        memcpy(zlib + 7, CASES[i].pixel, n);
        memcpy(png, SIGNATURE, 8);
        at = put_chunk(at, "IHDR", header, 13);
        if (CASES[i].colours == 3) at = put_chunk(at, "PLTE", "\1\2\3\4\5\6", 6);
        at = put_chunk(at, CASES[i].type, NULL, CASES[i].length);
        at = put_chunk(at, CASES[i].type, NULL, CASES[i].length);
        at = put_chunk(at, "IDAT", zlib, 7 + n + 4);
        at = put_chunk(at, "IEND", NULL, 0);
        rgb_of((const char *)png, (size_t)(at - png), CASES[i].rgb, 1, 1);
    }
}

/* Nothing says what its numbers mean, also where a palette follows. */
static void a_png_of_numbers_without_a_palette_is_refused(void **state)
{
    static const char HEADER[] = "\0\0\0\1\0\0\0\1\x8\3\0\0", SIGNATURE[] = "\x89PNG\r\n\x1a\n";
    static const char PIXELS[] = "\x78\x01\x01\x02\x00\xfd\xff\x00\x07\x00\x09\x00\x08";
    unsigned char png[200], *at = png + 8;
    struct patch_image image;
    struct vit_error err;

    (void)state;
    memcpy(png, SIGNATURE, 8);
    at = put_chunk(at, "IHDR", HEADER, 13);
    at = put_chunk(at, "IDAT", PIXELS, sizeof PIXELS - 1);
    at = put_chunk(at, "PLTE", "\1\2\3", 3);
    at = put_chunk(at, "IEND", NULL, 0);
    assert_refused(patch_image_decode(&image, png, (size_t)(at - png), "x", NULL, &err), VIT_ERR_FORMAT,
                   "x: damaged PNG: no PLTE", &err);
}

/* The sentence and the status of bytes that are no picture. */
static void refuse(const char *text, size_t size, enum vit_status status, const char *says)
{
    struct patch_image image;
    struct vit_error err = { 0 };

    assert_refused(patch_image_decode(&image, (const unsigned char *)text, size, "x", NULL, &err), status,
                   says, &err);
    assert_null(image.rgb);
}

static void bmp_that_is_none_is_refused(void **state)
{
    (void)state;
    refuse(TEXT(BMP_HEAD("\x36", "\x8", "\1") "\2\1\2\2\0\1"), VIT_ERR_UNSUPPORTED,
           "x: a compressed BMP (method 1), which is not read");
    refuse(TEXT(BMP_HEAD("\x36", "\5", "\0") "\1\2\3\4"), VIT_ERR_FORMAT,
           "x: damaged BMP: expected 1, 4, 8, 16, 24 or 32 bits a pixel");
    refuse(TEXT(BMP_HEAD("\x36", "\x8", "\3") "\1\2\3\4"), VIT_ERR_FORMAT, "x: damaged BMP: no colour masks");
    refuse(TEXT(BMP_HEAD("\x36", "\x10", "\3") "\1\2\3\4"), VIT_ERR_FORMAT,
           "x: damaged BMP: no colour masks");
    refuse(TEXT(BMP_HEAD("\x36", "\x18", "\0") "\1\2\3\4\5\6\0\0\7"), VIT_ERR_FORMAT,
           "x: truncated BMP: expected 16 bytes of pixels, found 9");
    refuse(TEXT(BMP_HEAD("\x35", "\x18", "\0") "\1\2\3\4"), VIT_ERR_FORMAT, "or the pixels do not follow it");
    refuse(TEXT(BMP_HEAD("\x80", "\x18", "\0") "\1\2\3\4"), VIT_ERR_FORMAT,
           "the file ends inside its header");
    refuse(TEXT("BM\0\0\0\0\0\0\0\0\x1b\0\0\0\xd\0\0\0\1\0\1\0\1\0\x18\0\0\1\2\3"), VIT_ERR_FORMAT,
           "x: damaged BMP: unknown header");
    refuse(TEXT("BM"), VIT_ERR_FORMAT, "x: damaged BMP: unknown header");
}

/* The decoder's own look: the file is whole for whoever checks its chunks. */
static void a_picture_that_ends_early_is_not_filled_with_zeros(void **state)
{
    struct patch_input in = { .name = "x", .max_pixels = PATCH_MAX_PIXELS };
    struct patch_piece whole;
    struct patch_image image = { 0 };
    struct vit_error err = { 0 };
    unsigned char *bytes = flat_png(40, 30, &in.size);

    (void)state;
    in.bytes = bytes;
    whole = (struct patch_piece){ in.bytes, in.size };
    assert_ok(patch_stb_decode(&image, &in, &whole, 1, "PNG", &err), &err);
    patch_image_free(&image);
    in.size -= 12; /* the chunk that says it is the end */
    whole = (struct patch_piece){ in.bytes, in.size };
    assert_refused(patch_stb_decode(&image, &in, &whole, 1, "PNG", &err), VIT_ERR_FORMAT,
                   "x: truncated PNG: the file ends before the picture", &err);
    assert_null(image.rgb);
    in.size -= 8; /* and some of the pixels */
    whole = (struct patch_piece){ in.bytes, in.size };
    assert_refused(patch_stb_decode(&image, &in, &whole, 1, "PNG", &err), VIT_ERR_FORMAT,
                   "x: damaged PNG: outofdata", &err);
    assert_null(image.rgb);
    free(bytes);
}

/* In the caller's space where the picture fits, in memory of its own otherwise: the same pixels. */
static void a_picture_is_put_where_there_is_space(void **state)
{
    static const char *const NAMES[] = { "fmt-420.jpg", "fmt-cmyk.jpg", "fmt-rgb.bmp", "fmt-gray.png" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        struct patch_image want = fixture_image(NAMES[i]), got;
        const size_t all = (size_t)3 * (size_t)want.width * (size_t)want.height;
        struct vit_error err = { 0 };
        char path[1024];
        size_t size;
        unsigned char *bytes = tmp_read(fixture_path(path, sizeof path, NAMES[i]), &size);
        struct patch_space space = { malloc(all), all };
        const bool lent = strstr(NAMES[i], ".bmp") || (VIT_JPEG && strstr(NAMES[i], ".jpg"));

        assert_ok(patch_decode_into(&got, bytes, size, NAMES[i], NULL, &space, &err), &err);
        assert_true((got.rgb == space.bytes) == lent);
        assert_pixels(NAMES[i], got.rgb, want.rgb, want.width, want.height, 0);
        patch_image_free(&got);
        space.size--;
        assert_ok(patch_decode_into(&got, bytes, size, NAMES[i], NULL, &space, &err), &err);
        assert_ptr_not_equal(got.rgb, space.bytes);
        assert_pixels(NAMES[i], got.rgb, want.rgb, want.width, want.height, 0);
        patch_image_free(&got);
        patch_image_free(&want);
        free(space.bytes);
        free(bytes);
    }
}

/* What fills the memory is wrong, whether or not there is as much: it costs its picture, not a whole run. */
static void a_png_without_end_is_damaged(void **state)
{
    const double gib = (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
    struct vit_error err = { 0 };
    struct patch_image image;
    size_t size;
    unsigned char *bytes;

    (void)state;
    if (gib < 4) skip();
    bytes = flat_endless_png(&size);
    assert_refused(patch_image_decode(&image, bytes, size, "endless.png", NULL, &err), VIT_ERR_FORMAT,
                   "endless.png: damaged PNG: it would take more than 2 GiB", &err);
    free(bytes);
}

static void a_png_that_cannot_be_is_not_written(void **state)
{
    const unsigned char rgb[3] = { 0 };
    struct vit_error err = { 0 };

    (void)state;
    assert_refused(patch_png_write("no.png", rgb, 0, 1, &err), VIT_ERR_ARG,
                   "no.png: a PNG of 0x1 pixels cannot be written", &err);
    assert_refused(patch_png_write("no.png", rgb, 1, -1, &err), VIT_ERR_ARG, "a PNG of 1x-1 pixels", &err);
    assert_refused(patch_png_write("no.png", rgb, 1 << 15, 1 << 15, &err), VIT_ERR_ARG,
                   "a PNG of 32768x32768 pixels", &err);
    assert_int_not_equal(access("no.png", F_OK), 0);
}

static void a_written_png_reads_back(void **state)
{
    struct patch_image image = fixture_noise(37, 21, 5), back;
    struct vit_error err = { 0 };
    char dir[256], path[512];

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/out.png", dir);
    assert_ok(patch_png_write(path, image.rgb, 37, 21, &err), &err);
    assert_ok(patch_png_write(path, image.rgb, 37, 21, &err), &err); /* over itself */
    assert_ok(patch_image_read(&back, path, NULL, &err), &err);
    assert_int_equal(back.width, 37);
    assert_pixels("written", back.rgb, image.rgb, 37, 21, 0);
    snprintf(path, sizeof path, "%s/none/out.png", dir);
    assert_refused(patch_png_write(path, image.rgb, 37, 21, &err), VIT_ERR_IO, "none/out.png", &err);
    patch_image_free(&image);
    patch_image_free(&back);
    tmp_remove(dir);
}

/* As every other file the program writes: what is no ordinary file is not replaced. */
static void a_png_is_written_into_a_pipe(void **state)
{
    const unsigned char rgb[3] = { 0 };
    struct vit_error err = { 0 };
    char dir[256], path[512], got[4];
    struct stat s;
    int fd;

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = open(path, O_RDONLY | O_NONBLOCK);
    assert_ok(patch_png_write(path, rgb, 1, 1, &err), &err);
    assert_int_equal(read(fd, got, sizeof got), sizeof got);
    assert_memory_equal(got, "\x89PNG", sizeof got);
    close(fd);
    assert_int_equal(stat(path, &s), 0);
    assert_true(S_ISFIFO(s.st_mode));
    tmp_remove(dir);
}

static void decoders_are_named(void **state)
{
    (void)state;
    assert_non_null(strstr(patch_decoders(), "stb_image"));
    assert_non_null(strstr(patch_decoders(), "BMP and PNM of our own"));
    if (VIT_JPEG) assert_non_null(strstr(patch_decoders(), "libjpeg"));
}

/* One grey pixel takes two bytes; what is there beyond a slack of 64 KiB is there to be inflated. */
static void a_png_with_more_than_its_pixels_is_refused(void **state)
{
    static const char HEADER[] = "\0\0\0\1\0\0\0\1\x8\0\0\0", SIGNATURE[] = "\x89PNG\r\n\x1a\n";
    enum { MUCH = 70000 };
    unsigned char *png = malloc(MUCH + 100), *at = png + 8;
    struct vit_error err = { 0 };
    struct patch_image image;

    (void)state;
    memcpy(png, SIGNATURE, 8);
    at = put_chunk(at, "IHDR", HEADER, 13);
    at = put_chunk(at, "IDAT", NULL, MUCH);
    at = put_chunk(at, "IEND", NULL, 0);
    assert_refused(patch_image_decode(&image, png, (size_t)(at - png), "much.png", NULL, &err),
                   VIT_ERR_FORMAT, "much.png: damaged PNG: 70000 bytes of compressed pixels", &err);
    at = put_chunk(png + 8, "CgBI", "\x50\0\x20\2", 4);
    assert_refused(patch_image_decode(&image, png, (size_t)(at - png), "apple.png", NULL, &err),
                   VIT_ERR_UNSUPPORTED, "apple.png: Apple's variant", &err);
    free(png);
}

/* One grey pixel, 7, in a block that is not compressed; an empty piece before it changes nothing. */
static void an_empty_piece_of_a_png_is_nothing(void **state)
{
    static const char HEADER[] = "\0\0\0\1\0\0\0\1\x8\0\0\0", SIGNATURE[] = "\x89PNG\r\n\x1a\n";
    static const char PIXELS[] = "\x78\x01\x01\x02\x00\xfd\xff\x00\x07\x00\x09\x00\x08";
    unsigned char png[200], *at = png + 8;
    struct vit_error err = { 0 };
    struct patch_image image;

    (void)state;
    memcpy(png, SIGNATURE, 8);
    at = put_chunk(at, "IHDR", HEADER, 13);
    at = put_chunk(at, "IDAT", NULL, 0);
    at = put_chunk(at, "IDAT", PIXELS, sizeof PIXELS - 1);
    at = put_chunk(at, "IEND", NULL, 0);
    assert_ok(patch_image_decode(&image, png, (size_t)(at - png), "e.png", NULL, &err), &err);
    assert_int_equal(image.width, 1);
    assert_memory_equal(image.rgb, "\7\7\7", 3);
    patch_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_piece_of_a_png_is_nothing),
        cmocka_unit_test(every_encoding_gives_pillows_pixels),
        cmocka_unit_test(other_formats_are_refused_by_name),
        cmocka_unit_test(what_is_not_a_file_is_refused),
        cmocka_unit_test(limits_are_checked_before_decoding),
        cmocka_unit_test(a_bomb_is_refused_before_it_is_decoded),
        cmocka_unit_test(a_cut_file_is_an_error_or_the_whole_picture),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(a_damaged_png_fails_its_checksum),
        cmocka_unit_test(pnm_is_scaled_by_its_largest_value),
        cmocka_unit_test(pnm_of_16_bits_is_rounded_in_colour_and_shifted_in_grey),
        cmocka_unit_test(damaged_pnm_is_refused),
        cmocka_unit_test(bmp_rows_stand_on_their_head),
        cmocka_unit_test(bmp_palettes_and_masks_are_applied),
        cmocka_unit_test(a_bmp_index_beyond_its_palette_is_refused),
        cmocka_unit_test(a_png_index_beyond_its_palette_is_black),
        cmocka_unit_test(a_png_of_numbers_without_a_palette_is_refused),
        cmocka_unit_test(idle_chunks_of_a_png_may_be_wrong),
        cmocka_unit_test(bmp_that_is_none_is_refused),
        cmocka_unit_test(a_picture_that_ends_early_is_not_filled_with_zeros),
        cmocka_unit_test(a_picture_is_put_where_there_is_space),
        cmocka_unit_test(a_png_without_end_is_damaged),
        cmocka_unit_test(a_png_that_cannot_be_is_not_written),
        cmocka_unit_test(a_written_png_reads_back),
        cmocka_unit_test(a_png_is_written_into_a_pipe),
        cmocka_unit_test(decoders_are_named),
        cmocka_unit_test(a_png_with_more_than_its_pixels_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
