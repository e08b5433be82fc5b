/* JPEGs that no camera makes and a stranger may, made here by libjpeg; without it there is nothing. */
#include <stdio.h>

#include "tests/patch/fixtures.h"

#if VIT_JPEG
#include <jpeglib.h>

/* The sentence and the status of bytes that are no picture. */
static void refuse(const unsigned char *bytes, size_t size, enum vit_status status, const char *says)
{
    struct patch_image image;
    struct vit_error err = { 0 };

    assert_refused(patch_image_decode(&image, bytes, size, "x", NULL, &err), status, says, &err);
    assert_null(image.rgb);
}

/* A JPEG of 8 x 8 pixels of some components and one of the scripts of scans; the caller frees. */
static unsigned char *tiny_jpeg(int components, const jpeg_scan_info *scans, int count, size_t *size)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL, row[8 * 4];
    unsigned long length = 0;
    JSAMPROW rows = row;

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &length);
    c.image_width = c.image_height = 8;
    c.input_components = components;
    c.in_color_space = components == 1 ? JCS_GRAYSCALE : JCS_UNKNOWN;
    jpeg_set_defaults(&c);
    c.scan_info = scans;
    c.num_scans = count;
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        for (int i = 0; i < 8 * components; i++) row[i] = (unsigned char)(20 * i + 10 * (int)c.next_scanline);
        jpeg_write_scanlines(&c, &rows, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    *size = length;
    return bytes;
}

static void a_jpeg_of_two_components_is_refused(void **state)
{
    size_t size;
    unsigned char *bytes = tiny_jpeg(2, NULL, 0, &size);

    (void)state;
    refuse(bytes, size, VIT_ERR_UNSUPPORTED, "x: a JPEG of 2 components, expected 1, 3 or 4");
    free(bytes);
}

/* A scan of all waves but the first, in full precision, may come again: no warning tells of it. */
static void a_jpeg_of_endless_scans_is_refused(void **state)
{
    static const jpeg_scan_info SCANS[] = { { 1, { 0 }, 0, 0, 0, 0 }, { 1, { 0 }, 1, 63, 0, 0 } };
    enum { MOST = 500, END = 2 };
    struct vit_error err = { 0 };
    struct patch_image once, again;
    size_t size, scan, at;
    unsigned char *bytes = tiny_jpeg(1, SCANS, VIT_COUNT(SCANS), &size), *many;

    (void)state;
    for (at = size - END; bytes[at] != 0xff || bytes[at + 1] != 0xda; at--) assert_true(at > 0);
    scan = size - END - at;
    many = malloc(size + MOST * scan);
    memcpy(many, bytes, size);
    for (int i = 0; i < MOST; i++) memcpy(many + at + (size_t)i * scan, bytes + at, scan);
    memcpy(many + at + (MOST - 1) * scan, bytes + size - END, END);
    assert_ok(patch_image_decode(&once, bytes, size, "x", NULL, &err), &err);
    assert_ok(patch_image_decode(&again, many, at + (MOST - 1) * scan + END, "x", NULL, &err), &err);
    assert_memory_equal(again.rgb, once.rgb, 3 * 8 * 8);
    memcpy(many + at + (MOST - 1) * scan, bytes + at, scan);
    memcpy(many + at + MOST * scan, bytes + size - END, END);
    refuse(many, at + MOST * scan + END, VIT_ERR_UNSUPPORTED, "x: a JPEG of more than 500 scans");
    patch_image_free(&once);
    patch_image_free(&again);
    free(many);
    free(bytes);
}

/* A baseline scan has all waves, whatever it says of them. */
static void the_waves_of_a_baseline_scan_need_not_be_said(void **state)
{
    enum { LAST_WAVE = 2 + 2 + 1 + 2 + 1 }; /* of one component: marker, length, count, what is read, first */
    struct vit_error err = { 0 };
    struct patch_image right, other;
    size_t size, at = 0;
    unsigned char *bytes = tiny_jpeg(1, NULL, 0, &size);

    (void)state;
    while (bytes[at] != 0xff || bytes[at + 1] != 0xda) assert_true(++at + LAST_WAVE < size);
    assert_ok(patch_image_decode(&right, bytes, size, "x", NULL, &err), &err);
    assert_int_equal(bytes[at + LAST_WAVE], 63);
    bytes[at + LAST_WAVE] = 0;
    assert_ok(patch_image_decode(&other, bytes, size, "x", NULL, &err), &err);
    assert_memory_equal(other.rgb, right.rgb, 3 * 8 * 8);
    patch_image_free(&right);
    patch_image_free(&other);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_waves_of_a_baseline_scan_need_not_be_said),
        cmocka_unit_test(a_jpeg_of_two_components_is_refused),
        cmocka_unit_test(a_jpeg_of_endless_scans_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
