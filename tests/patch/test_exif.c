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
        cmocka_unit_test(the_first_exif_segment_of_a_jpeg_counts),
        cmocka_unit_test(the_eight_turns_are_pillows),
        cmocka_unit_test(orientation_can_be_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
