#include "tests/patch/fixtures.h"

static const struct transform {
    const char *name;
    struct patch_recipe recipe;
} TRANSFORMS[] = {
    { "timm-bicubic-crop0.9", { .size = 224, .crop_pct = 0.9f, .filter = PATCH_BICUBIC } },
    { "timm-bicubic-crop1.0", { .size = 224, .crop_pct = 1, .filter = PATCH_BICUBIC } },
    { "torchvision-bilinear-256-224", { .size = 224, .crop_pct = 0.875f, .filter = PATCH_BILINEAR } },
    { "hf-bilinear-squash224", { .size = 224, .squash = true, .filter = PATCH_BILINEAR } },
    { "cifar-bicubic-squash32", { .size = 32, .squash = true, .filter = PATCH_BICUBIC } },
    { "lanczos-squash64", { .size = 64, .squash = true, .filter = PATCH_LANCZOS } },
};

static const struct patch_recipe *recipe_of(const char *transform)
{
    for (size_t i = 0; i < VIT_COUNT(TRANSFORMS); i++)
        if (!strcmp(transform, TRANSFORMS[i].name)) return &TRANSFORMS[i].recipe;
    fail_msg("no recipe for the transform %s", transform);
    return NULL;
}

static unsigned char *prepared(const struct patch_image *image, const struct patch_recipe *r)
{
    struct vit_error err = { 0 };
    unsigned char *pixels = malloc((size_t)r->size * (size_t)r->size * 3);

    assert_non_null(pixels);
    assert_ok(patch_prepare(pixels, image, r, &err), &err);
    return pixels;
}

static void prepared_pictures_equal_pillow_to_the_byte(void **state)
{
    json_t *manifest = fixture_manifest(), *entry;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(manifest, "resize"), i, entry)
    {
        const struct patch_recipe *r = recipe_of(fixture_text(entry, "transform"));
        struct patch_image in = fixture_image(fixture_text(entry, "input"));
        struct patch_image expected = fixture_image(fixture_text(entry, "expect"));
        unsigned char *pixels = prepared(&in, r);

        assert_int_equal(expected.width, r->size);
        assert_int_equal(expected.height, r->size);
        assert_pixels(fixture_text(entry, "expect"), pixels, expected.rgb, r->size, r->size, 0);
        free(pixels);
        patch_image_free(&in);
        patch_image_free(&expected);
    }
    assert_true(i > 0);
    json_decref(manifest);
}

/* Resize the whole picture to width x height and cut (left, top) out of it. */
static void assert_cut(const struct patch_recipe *r, int in_width, int in_height, int width, int height,
                       int left, int top)
{
    struct vit_error err = { 0 };
    struct patch_image in = fixture_noise(in_width, in_height, 7), full;
    unsigned char *pixels = prepared(&in, r);

    assert_ok(patch_resize(&full, &in, width, height, r->filter, &err), &err);
    for (int y = 0; y < r->size; y++)
        assert_pixels("cut", pixels + (size_t)y * (size_t)r->size * 3,
                      full.rgb + ((size_t)(top + y) * (size_t)width + (size_t)left) * 3, r->size, 1, 0);
    free(pixels);
    patch_image_free(&in);
    patch_image_free(&full);
}

static void the_long_side_is_truncated(void **state)
{
    /* 48 * 100 / 53 = 90.57 */
    const struct patch_recipe r = { .size = 48, .crop_pct = 1, .filter = PATCH_BICUBIC };

    (void)state;
    assert_cut(&r, 53, 100, 48, 90, 0, 21);
    assert_cut(&r, 100, 53, 90, 48, 21, 0);
}

static void the_crop_is_rounded_half_to_even(void **state)
{
    const struct patch_recipe r = { .size = 20, .crop_pct = 1, .filter = PATCH_BOX };

    (void)state;
    assert_cut(&r, 20, 21, 20, 21, 0, 0); /* 0.5 -> 0 */
    assert_cut(&r, 20, 23, 20, 23, 0, 2); /* 1.5 -> 2 */
    assert_cut(&r, 20, 25, 20, 25, 0, 2); /* 2.5 -> 2 */
}

/* center_crop of transformers 5.24 (image_transforms.py): (length - size) // 2. */
static void the_crop_of_transformers_is_rounded_down(void **state)
{
    const struct patch_recipe r = { .size = 20, .crop_pct = 1, .crop_down = true, .filter = PATCH_BOX };

    (void)state;
    assert_cut(&r, 20, 21, 20, 21, 0, 0); /* 0.5 -> 0 */
    assert_cut(&r, 20, 23, 20, 23, 0, 1); /* 1.5 -> 1 */
    assert_cut(&r, 27, 20, 27, 20, 3, 0); /* 3.5 -> 3 */
}

static void a_crop_of_decimals_and_ratios_gives_the_side_that_was_meant(void **state)
{
    static const struct {
        int size, side;
        float crop_pct;
    } CASES[] = {
        { 224, 248, 0.9f },  { 224, 256, 0.875f }, { 96, 160, 0.6f },
        { 380, 400, 0.95f }, { 224, 235, 0.95f },  { 224, 242, 224.0f / 242 },
        { 224, 226, 0.99f }, { 384, 384, 1 },      { 518, 518, 1 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const struct patch_recipe r = { .size = CASES[i].size, .crop_pct = CASES[i].crop_pct };
        const int side = CASES[i].side, at = (int)rint((side - r.size) / 2.0);
        assert_cut(&r, 64, 64, side, side, at, at);
    }
}

static void a_picture_shorter_than_the_crop_is_padded_with_zeros(void **state)
{
    /* floor(10 / 1.25) = 8: one row or column of zeros before, one behind, as torchvision pads. */
    static const struct {
        int width, height, left, top; /* of the picture; where the first pixel of the square lies in it */
    } CASES[] = { { 8, 16, -1, 3 }, { 16, 8, 3, -1 }, { 8, 8, -1, -1 } };
    const struct patch_recipe r = { .size = 10, .crop_pct = 1.25f, .filter = PATCH_BICUBIC };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct patch_image in = fixture_noise(CASES[i].width, CASES[i].height, 3);
        unsigned char *pixels = prepared(&in, &r);
        for (int at = 0; at < r.size * r.size; at++) {
            const int x = CASES[i].left + at % r.size, y = CASES[i].top + at / r.size;
            const bool inside = x >= 0 && x < in.width && y >= 0 && y < in.height;
            const unsigned char zeros[3] = { 0 };
            assert_pixels("padded", pixels + (size_t)at * 3, inside ? in.rgb + (y * in.width + x) * 3 : zeros,
                          1, 1, 0);
        }
        free(pixels);
        patch_image_free(&in);
    }
}

static void a_needle_of_a_picture_costs_only_its_crop(void **state)
{
    /* Resized as a whole it would have 248 x 16,252,928 pixels. */
    const struct patch_recipe r = patch_recipe_default(224);
    struct patch_image in = fixture_noise(65536, 1, 5);

    (void)state;
    free(prepared(&in, &r));
    patch_image_free(&in);
}

static void normalising_is_torchvisions_arithmetic_in_float(void **state)
{
    const struct patch_recipe r = { .size = 1,
                                    .mean = { 0.485f, 0.456f, 0.406f },
                                    .std = { 0.229f, 0.224f, 0.225f } };

    (void)state;
    for (int v = 0; v < 256; v++) {
        const unsigned char pixel[3] = { (unsigned char)v, (unsigned char)(255 - v), 7 };
        float planes[3];

        patch_normalise(planes, pixel, &r);
        for (int c = 0; c < 3; c++) {
            volatile float x = (float)pixel[c] / 255; /* volatile: rounded after every step */
            x = x - r.mean[c];
            x = x / r.std[c];
            assert_true(planes[c] == x);
        }
    }
}

static void planes_follow_one_another(void **state)
{
    const struct patch_recipe r = { .size = 2, .std = { 1, 1, 1 } };
    const unsigned char pixels[12] = { 0, 51, 102, 255, 51, 102, 0, 51, 102, 0, 51, 204 };
    const float expected[12] = { 0, 1, 0, 0, 0.2f, 0.2f, 0.2f, 0.2f, 0.4f, 0.4f, 0.4f, 0.8f };
    float planes[12];

    (void)state;
    patch_normalise(planes, pixels, &r);
    assert_close("planes", planes, expected, 12, 0);
}

static void mean_and_deviation_of_a_data_set_are_known_again(void **state)
{
    static const char *const NAMES[] = { "CIFAR-10", "CIFAR-100", "ImageNet" };
    struct patch_recipe r = patch_recipe_default(224);

    (void)state;
    assert_null(patch_recipe_statistics_name(&r));
    for (int i = 0; i < PATCH_STATISTICS; i++) {
        patch_recipe_set_statistics(&r, (enum patch_statistics)i);
        assert_string_equal(patch_recipe_statistics_name(&r), NAMES[i]);
    }
    r.std[2] = nextafterf(r.std[2], 1);
    assert_null(patch_recipe_statistics_name(&r));
}

static void impossible_recipes_are_refused(void **state)
{
    struct vit_error err;
    struct patch_recipe r = patch_recipe_default(224);

    (void)state;
    assert_ok(patch_recipe_check(&r, "x", &err), &err);
    r.std[1] = 0;
    assert_refused(patch_recipe_check(&r, "x", &err), VIT_ERR_ARG, "std", &err);
    r = patch_recipe_default(0);
    assert_refused(patch_recipe_check(&r, "x", &err), VIT_ERR_ARG, "size", &err);
    r = patch_recipe_default(224);
    r.crop_pct = 0;
    assert_refused(patch_recipe_check(&r, "x", &err), VIT_ERR_ARG, "crop_pct", &err);
    r.squash = true;
    assert_ok(patch_recipe_check(&r, "x", &err), &err);
}

static void a_squashed_picture_is_cropped_too(void **state)
{
    struct patch_recipe r = patch_recipe_default(8);
    struct patch_image im, square;
    unsigned char pixels[8 * 8 * 3];
    struct vit_error err;

    (void)state;
    r.squash = true;
    r.crop_pct = 0.5f; /* to 16 x 16, then the 8 x 8 in the middle */
    assert_ok(patch_image_create(&im, 40, 20, &err), &err);
    for (int i = 0; i < 40 * 20 * 3; i++) im.rgb[i] = (unsigned char)(i * 7);
    assert_ok(patch_resize(&square, &im, 16, 16, r.filter, &err), &err);
    assert_ok(patch_prepare(pixels, &im, &r, &err), &err);
    for (int y = 0; y < 8; y++) assert_memory_equal(pixels + y * 24, square.rgb + ((y + 4) * 16 + 4) * 3, 24);
    patch_image_free(&square);
    patch_image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prepared_pictures_equal_pillow_to_the_byte),
        cmocka_unit_test(the_long_side_is_truncated),
        cmocka_unit_test(a_squashed_picture_is_cropped_too),
        cmocka_unit_test(the_crop_is_rounded_half_to_even),
        cmocka_unit_test(the_crop_of_transformers_is_rounded_down),
        cmocka_unit_test(a_crop_of_decimals_and_ratios_gives_the_side_that_was_meant),
        cmocka_unit_test(a_picture_shorter_than_the_crop_is_padded_with_zeros),
        cmocka_unit_test(a_needle_of_a_picture_costs_only_its_crop),
        cmocka_unit_test(normalising_is_torchvisions_arithmetic_in_float),
        cmocka_unit_test(planes_follow_one_another),
        cmocka_unit_test(mean_and_deviation_of_a_data_set_are_known_again),
        cmocka_unit_test(impossible_recipes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
