/* JPEG through libjpeg: the settings are the library's defaults (accurate inverse transform, smooth
 * upsampling of colour), which are Pillow's too, so the pixels are equal. */
#include "patch/bytes.h"
#include "patch/decode.h"

#if VIT_JPEG

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file may repeat scans at a few bytes each; encoders write ten, rarely a hundred. */
enum { MAX_SCANS = 500 };

/* Everything lives here, not in locals, because an error leaves by longjmp. */
struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    bool too_many_scans;
};

static _Noreturn void stop(j_common_ptr jpeg)
{
    struct reader *r = jpeg->client_data;

    longjmp(r->leave, 1);
}

/* Warnings that leave every pixel right. All others tell of missing or invented pixels. */
static bool is_harmless(int code)
{
    static const int HARMLESS[] = { JWRN_EXTRANEOUS_DATA, JWRN_ADOBE_XFORM, JWRN_JFIF_MAJOR,
                                    JWRN_NOT_SEQUENTIAL };

    for (size_t i = 0; i < VIT_COUNT(HARMLESS); i++)
        if (code == HARMLESS[i]) return true;
    return false;
}

static void warn(j_common_ptr jpeg, int level)
{
    if (level < 0 && !is_harmless(jpeg->err->msg_code)) stop(jpeg);
}

static void watch(j_common_ptr jpeg)
{
    struct reader *r = jpeg->client_data;

    if (r->jpeg.input_scan_number <= MAX_SCANS) return;
    r->too_many_scans = true;
    stop(jpeg);
}

/* Say what libjpeg says of its last error. */
static enum vit_status blame(struct reader *r, const struct patch_input *in, struct vit_error *err)
{
    static const int BEYOND[] = { JERR_BAD_PRECISION,      JERR_ARITH_NOTIMPL,        JERR_SOF_UNSUPPORTED,
                                  JERR_CCIR601_NOTIMPL,    JERR_FRACT_SAMPLE_NOTIMPL, JERR_NOTIMPL,
                                  JERR_CONVERSION_NOTIMPL, JERR_IMAGE_TOO_BIG };
    char text[JMSG_LENGTH_MAX];
    const int code = r->errors.msg_code;

    if (r->too_many_scans)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a JPEG of more than %d scans", in->name, MAX_SCANS);
    r->errors.format_message((j_common_ptr)&r->jpeg, text);
    if (code == JERR_OUT_OF_MEMORY) return vit_fail(err, VIT_ERR_NOMEM, "%s: %s", in->name, text);
    for (size_t i = 0; i < VIT_COUNT(BEYOND); i++)
        if (code == BEYOND[i])
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a kind of JPEG that is not read: %s", in->name,
                            text);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged JPEG: %s", in->name, text);
}

/* Pillow's cmyk2rgb of a row of n pixels. Four-colour JPEGs hold inverted values, as Adobe began. */
static void cmyk_to_rgb(unsigned char *rgb, const unsigned char *cmyk, int n)
{
    for (int i = 0; i < n; i++, rgb += 3, cmyk += 4) {
        const int white = cmyk[3];
        for (int j = 0; j < 3; j++) {
            const int product = (255 - cmyk[j]) * white + 128;
            const int value = white - (((product >> 8) + product) >> 8);
            rgb[j] = (unsigned char)(value < 0 ? 0 : value);
        }
    }
}

static enum vit_status choose_colours(struct reader *r, const struct patch_input *in, struct vit_error *err)
{
    switch (r->jpeg.num_components) {
    case 1:
    case 3: r->jpeg.out_color_space = JCS_RGB; return VIT_OK;
    case 4: r->jpeg.out_color_space = JCS_CMYK; return VIT_OK;
    default:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a JPEG of %d components, expected 1, 3 or 4", in->name,
                        r->jpeg.num_components);
    }
}

static void read_rows(struct reader *r, struct patch_image *out)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    JSAMPARRAY four = NULL; /* (1, width, 4), freed with the reader */

    if (jpeg->out_color_space == JCS_CMYK)
        four = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = out->rgb + (size_t)jpeg->output_scanline * (size_t)out->width * 3;
        jpeg_read_scanlines(jpeg, four ? four : &row, 1);
        if (four) cmyk_to_rgb(row, four[0], out->width);
    }
}

/* Any step may leave by longjmp to patch_jpeg_decode. */
static enum vit_status read_picture(struct reader *r, struct patch_image *out, const struct patch_input *in,
                                    struct vit_error *err)
{
    enum vit_status status;

    jpeg_create_decompress(&r->jpeg);
    r->jpeg.progress = &r->progress;
    jpeg_mem_src(&r->jpeg, (unsigned char *)in->bytes, (unsigned long)in->size);
    jpeg_read_header(&r->jpeg, TRUE);
    status = patch_check_pixels(in, r->jpeg.image_width, r->jpeg.image_height, err);
    if (!status) status = choose_colours(r, in, err);
    if (!status)
        status = patch_picture_create(out, in, (int)r->jpeg.image_width, (int)r->jpeg.image_height, err);
    if (status) return status;
    jpeg_start_decompress(&r->jpeg);
    read_rows(r, out);
    return VIT_OK;
}

enum vit_status patch_jpeg_decode(struct patch_image *out, const struct patch_input *in,
                                  struct vit_error *err)
{
    struct reader r = { .progress.progress_monitor = watch };
    enum vit_status status;

    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = stop;
    r.errors.emit_message = warn;
    if (setjmp(r.leave))
        status = blame(&r, in, err);
    else
        status = read_picture(&r, out, in, err);
    jpeg_destroy_decompress(&r.jpeg);
    if (status) patch_image_free(out);
    return status;
}

#else

/* Whether the tables of a Huffman segment (from its length on) hold at most 256 codes each. The last
 * one counts even where the segment says it ends inside it. */
static bool tables_fit(const unsigned char *segment, size_t left)
{
    enum { COUNTS = 17 }; /* a table's number, then how many codes of 1 to 16 bits */
    const size_t length = left >= 2 ? patch_big16(segment) : 0;

    for (size_t at = 2; at < length;) {
        unsigned codes = 0;
        for (size_t i = 1; i < COUNTS && at + i < left; i++) codes += segment[at + i];
        if (codes > 256) return false;
        at += COUNTS + codes;
    }
    return true;
}

/* stb_image 2.27 writes beyond its table when a file defines more than 256 codes. Before the first scan
 * segments are skipped as it skips them; in compressed data any marker that could be taken for one counts. */
static bool huffman_tables_fit(const unsigned char *bytes, size_t size)
{
    enum { TABLES = 0xc4, SCAN = 0xda, STUFFED = 0x00, FIRST_BARE = 0xd0, LAST_BARE = 0xd9 };
    bool scan = false;

    for (size_t at = 2; at + 2 <= size; at++) {
        const unsigned marker = bytes[at + 1];
        if (bytes[at] != 0xff || marker == 0xff || marker == STUFFED) continue;
        if (marker >= FIRST_BARE && marker <= LAST_BARE) continue;
        if (marker == TABLES && !tables_fit(bytes + at + 2, size - at - 2)) return false;
        if (marker == SCAN) scan = true;
        if (!scan && size - at >= 4) at += 1 + patch_big16(bytes + at + 2);
    }
    return true;
}

enum vit_status patch_jpeg_decode(struct patch_image *out, const struct patch_input *in,
                                  struct vit_error *err)
{
    struct patch_piece whole = { in->bytes, in->size };
    enum vit_status status;

    if (!huffman_tables_fit(in->bytes, in->size))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged JPEG: a Huffman table of more than 256 codes",
                        in->name);
    status = patch_stb_check(in, "JPEG", err);
    return status ? status : patch_stb_decode(out, in, &whole, 1, "JPEG", err);
}

#endif
