#include "patch/exif.h"
#include "tests/patch/fixtures.h"

/* One directory with one entry: orientation, SHORT, 1, value. */
#define LITTLE(value) "II*\0\x8\0\0\0\1\0\x12\1\3\0\1\0\0\0" value "\0\0\0\0\0\0\0"
#define BIG(value)    "MM\0*\0\0\0\x8\0\1\1\x12\0\3\0\0\0\1\0" value "\0\0\0\0\0\0"

static int orientation(const char *text, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1); /* exact, so that a sanitizer sees an overrun */
    int found;

    memcpy(copy, text, size);
    found = patch_exif_tiff(copy, size);
    free(copy);
    return found;
}
#define OF(text) orientation(text, sizeof(text) - 1)

static void both_byte_orders_are_read(void **state)
{
    (void)state;
    assert_int_equal(OF(LITTLE("\6")), 6);
    assert_int_equal(OF(BIG("\3")), 3);
}

static void the_number_may_be_a_byte_or_a_long(void **state)
{
    (void)state;
    assert_int_equal(OF("II*\0\x8\0\0\0\1\0\x12\1\1\0\1\0\0\0\6\0\0\0"), 6);
    assert_int_equal(OF("II*\0\x8\0\0\0\1\0\x12\1\4\0\1\0\0\0\6\0\0\0"), 6);
    assert_int_equal(OF("MM\0*\0\0\0\x8\0\1\1\x12\0\4\0\0\0\1\0\0\0\3"), 3);
    assert_int_equal(OF("II*\0\x8\0\0\0\1\0\x12\1\2\0\1\0\0\0\6\0\0\0"), 1); /* a text */
}

static void nonsense_means_upright(void **state)
{
    (void)state;
    assert_int_equal(OF(LITTLE("\x9")), 1);
    assert_int_equal(OF(LITTLE("\0")), 1);
    assert_int_equal(OF("II*\0\xff\xff\xff\xff\1\0"), 1);
    assert_int_equal(OF("II*\0\xfe\xff\xff\x7f\1\0"), 1);
    assert_int_equal(OF("XX*\0\x8\0\0\0\1\0"), 1);
    assert_int_equal(OF("II*\0\x8\0\0\0\xff\xff"), 1);
}

static void a_cut_structure_never_reads_beyond_itself(void **state)
{
    const char text[] = LITTLE("\6");

    (void)state;
    for (size_t n = 0; n < 8 + 2 + 12; n++) assert_int_equal(orientation(text, n), 1);
    assert_int_equal(orientation(text, 8 + 2 + 12), 6);
}

static void a_png_carries_its_orientation_in_eXIf(void **state)
{
    static const char png[] = "\x89PNG\r\n\x1a\n"
                              "\0\0\0\1tEXt.1234"
                              "\0\0\0\x1a"
                              "eXIf" LITTLE("\5") "1234";

    (void)state;
    assert_int_equal(patch_exif_png((const unsigned char *)png, sizeof png - 1), 5);
    for (size_t n = 0; n < sizeof png - 1; n++)
        assert_in_range(patch_exif_png((const unsigned char *)png, n), 1, 5);
}

static void a_tiff_structure_may_have_its_head_in_a_png(void **state)
{
    (void)state;
    assert_int_equal(OF("Exif\0\0" LITTLE("\6")), 6);
    assert_int_equal(OF("Exif\0\0"), 1);
    assert_int_equal(OF("Exif\0\1" LITTLE("\6")), 1);
}

/* As ImageMagick writes it: "Exif" and a TIFF structure in hexadecimal digits, here of orientation 6. */
#define RAW_KEY     "Raw profile type exif\0"
#define RAW_PROFILE "\nexif\n      32\n45786966000049492a000800000001001201030001000000\n0600000000000000\n"

static int png_orientation(const char *type, const void *data, size_t size, const char *behind, size_t more)
{
    unsigned char *png = calloc(1, 8 + 12 + size + more); /* exact, so that a sanitizer sees an overrun */
    int found;

    for (int i = 0; i < 4; i++) png[8 + i] = (unsigned char)(size >> (24 - 8 * i));
    memcpy(png + 12, type, 4);
    memcpy(png + 16, data, size);
    memcpy(png + 8 + 12 + size, behind, more);
    found = patch_exif_png(png, 8 + 12 + size + more);
    free(png);
    return found;
}

static void a_raw_profile_of_a_png_has_its_orientation(void **state)
{
    static const char text[] = RAW_KEY RAW_PROFILE, exif[] = "\0\0\0\x1a"
                                                             "eXIf" LITTLE("\3") "1234";

    (void)state;
    assert_int_equal(png_orientation("tEXt", text, sizeof text - 1, "", 0), 6);
    assert_int_equal(png_orientation("tEXt", text, sizeof text - 1, exif, sizeof exif - 1), 3);
    assert_int_equal(png_orientation("abCd", text, sizeof text - 1, "", 0), 1);
    for (size_t n = 0; n < sizeof text; n++)
        assert_int_equal(png_orientation("tEXt", text, n, "", 0),
                         n < sizeof text - 1 - strlen("00000000\n") ? 1 : 6);
}

/* In one block that is not compressed; or what makes the most of few bytes, or says so. */
static void a_packed_profile_is_read_as_far_as_it_is_sane(void **state)
{
    enum { KEY = sizeof RAW_KEY, TEXT_BYTES = sizeof RAW_PROFILE - 1, MUCH = 3 << 20 };
    unsigned char data[KEY + 7 + TEXT_BYTES + 4] = RAW_KEY "\0\x78\x01\x01";
    unsigned char *much = calloc(1, MUCH);

    (void)state;
    data[KEY + 3] = TEXT_BYTES;
    data[KEY + 5] = (unsigned char)~TEXT_BYTES;
    data[KEY + 6] = 255;
    memcpy(data + KEY + 7, RAW_PROFILE, TEXT_BYTES);
    assert_int_equal(png_orientation("zTXt", data, sizeof data, "", 0), 6);
    for (size_t n = 0; n < sizeof data; n++) assert_in_range(png_orientation("zTXt", data, n, "", 0), 1, 6);
    assert_non_null(much);
    memcpy(much, data, sizeof data);
    assert_int_equal(png_orientation("zTXt", much, MUCH, "", 0), 1);
    memset(much + KEY - 1, '\n', MUCH - KEY + 1);
    assert_int_equal(png_orientation("tEXt", much, MUCH, "", 0), 1);
    free(much);
}

static void the_first_exif_segment_of_a_jpeg_counts(void **state)
{
    static const char jpeg[] = "\xff\xd8\xff\xe0\0\4ab\xff\xff\xe1\0\x22"
                               "Exif\0\0" LITTLE("\x8") "\xff\xe1\0\x22"
                                                        "Exif\0\0" LITTLE("\2") "\xff\xda";

    (void)state;
    assert_int_equal(patch_exif_jpeg((const unsigned char *)jpeg, sizeof jpeg - 1), 8);
    for (size_t n = 0; n < sizeof jpeg - 1; n++)
        assert_in_range(patch_exif_jpeg((const unsigned char *)jpeg, n), 1, 8);
}

/* Rows of the 3 x 2 picture  a b c / d e f  after each orientation, as exif_transpose of Pillow. */
static void the_eight_turns_are_pillows(void **state)
{
    static const struct {
        int width, height;
        const char *letters;
    } TURNS[9] = {
        [1] = { 3, 2, "abcdef" }, [2] = { 3, 2, "cbafed" }, [3] = { 3, 2, "fedcba" },
        [4] = { 3, 2, "defabc" }, [5] = { 2, 3, "adbecf" }, [6] = { 2, 3, "daebfc" },
        [7] = { 2, 3, "fcebda" }, [8] = { 2, 3, "cfbead" },
    };

    (void)state;
    for (int turn = 1; turn <= 8; turn++) {
        struct patch_image image;
        struct vit_error err = { 0 };

        assert_ok(patch_image_create(&image, 3, 2, &err), &err);
        for (int i = 0; i < 18; i++) image.rgb[i] = (unsigned char)("abcdef"[i / 3] + 32 * (i % 3));
        assert_ok(patch_exif_turn(&image, turn, &err), &err);
        assert_int_equal(image.width, TURNS[turn].width);
        assert_int_equal(image.height, TURNS[turn].height);
        for (int i = 0; i < 18; i++)
            assert_int_equal(image.rgb[i], (unsigned char)(TURNS[turn].letters[i / 3] + 32 * (i % 3)));
        patch_image_free(&image);
    }
}

static void orientation_can_be_ignored(void **state)
{
    const struct patch_decode as_stored = { .ignore_exif = true };
    struct patch_image turned = fixture_image("fmt-exif6.jpg"), stored;
    struct vit_error err = { 0 };
    char path[1024];

    (void)state;
    fixture_path(path, sizeof path, "fmt-exif6.jpg");
    assert_ok(patch_image_read(&stored, path, &as_stored, &err), &err);
    assert_int_equal(stored.width, turned.height);
    assert_int_equal(stored.height, turned.width);
    assert_ok(patch_exif_turn(&stored, 6, &err), &err);
    assert_pixels("turned", stored.rgb, turned.rgb, turned.width, turned.height, 0);
    patch_image_free(&turned);
    patch_image_free(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_are_read),
        cmocka_unit_test(the_number_may_be_a_byte_or_a_long),
        cmocka_unit_test(nonsense_means_upright),
        cmocka_unit_test(a_cut_structure_never_reads_beyond_itself),
        cmocka_unit_test(a_png_carries_its_orientation_in_eXIf),
        cmocka_unit_test(a_tiff_structure_may_have_its_head_in_a_png),
        cmocka_unit_test(a_raw_profile_of_a_png_has_its_orientation),
        cmocka_unit_test(a_packed_profile_is_read_as_far_as_it_is_sane),
        cmocka_unit_test(the_first_exif_segment_of_a_jpeg_counts),
        cmocka_unit_test(the_eight_turns_are_pillows),
        cmocka_unit_test(orientation_can_be_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
