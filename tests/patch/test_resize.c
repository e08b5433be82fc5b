#include "tests/patch/fixtures.h"

/* ---- a resize as Pillow's Resample.c does it, one output at a time, without any of resize.c's means ---- */

static double weight(enum patch_filter filter, double x)
{
    x = fabs(x);
    switch (filter) {
    case PATCH_BOX: return x <= 0.5;
    case PATCH_BILINEAR: return x < 1 ? 1 - x : 0;
    case PATCH_BICUBIC:
        return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    default: return x == 0 ? 1 : x < 3 ? sin(M_PI * x) / (M_PI * x) * sin(M_PI * x / 3) / (M_PI * x / 3) : 0;
    }
}

/* Output at of an axis of in values (step bytes apart) resized to out values. */
static unsigned char resampled(const unsigned char *from, size_t step, int in, int out, int at,
                               enum patch_filter filter)
{
    static const double SUPPORT[PATCH_FILTERS] = { 0.5, 1, 2, 3 };
    const double scale = (double)in / out, fs = scale > 1 ? scale : 1, support = SUPPORT[filter] * fs;
    const double c = (at + 0.5) * scale;
    const int low = c - support + 0.5 > 0 ? (int)(c - support + 0.5) : 0;
    const int high = c + support + 0.5 < in ? (int)(c + support + 0.5) : in;
    double total = 0;
    long long sum = 1 << 21;

    if (in == out) return from[(size_t)at * step];
    for (int x = low; x < high; x++) total += weight(filter, (x - c + 0.5) / fs);
    for (int x = low; x < high; x++) {
        const double w = weight(filter, (x - c + 0.5) / fs) / total * (1 << 22);
        sum += (long long)(w < 0 ? w - 0.5 : w + 0.5) * from[(size_t)x * step];
    }
    sum >>= 22;
    return (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_plainly(unsigned char *out, unsigned char *wide, const struct patch_image *in, int width,
                           int height, enum patch_filter filter)
{
    for (int y = 0; y < in->height; y++)
        for (int i = 0; i < 3 * width; i++)
            wide[(size_t)y * (size_t)width * 3 + (size_t)i] = resampled(
                in->rgb + (size_t)y * (size_t)in->width * 3 + i % 3, 3, in->width, width, i / 3, filter);
    for (int y = 0; y < height; y++)
        for (int i = 0; i < 3 * width; i++)
            out[(size_t)y * (size_t)width * 3 + (size_t)i] =
                resampled(wide + i, (size_t)width * 3, in->height, height, y, filter);
}

/* One level may be lost where a weight falls on a rounding boundary and sin or a division differs in its
 * last bit; the pictures of Pillow in test_recipe.c allow none. */
static void assert_resized(int in_width, int in_height, int width, int height, enum patch_filter filter)
{
    struct vit_error err = { 0 };
    struct patch_image in = fixture_noise(in_width, in_height, 1), out;
    unsigned char *plain = malloc((size_t)width * (size_t)height * 3);
    unsigned char *wide = malloc((size_t)width * (size_t)in_height * 3);

    assert_ok(patch_resize(&out, &in, width, height, filter, &err), &err);
    resize_plainly(plain, wide, &in, width, height, filter);
    assert_int_equal(out.width, width);
    assert_int_equal(out.height, height);
    assert_pixels(patch_filter_name(filter), out.rgb, plain, width, height, 1);
    free(plain);
    free(wide);
    patch_image_free(&in);
    patch_image_free(&out);
}

static void every_filter_follows_its_formula(void **state)
{
    static const int SIZES[][4] = {
        { 40, 30, 13, 9 }, { 13, 9, 40, 30 }, { 500, 2, 3, 5 },   { 2, 300, 7, 1 },
        { 1, 1, 5, 4 },    { 33, 17, 33, 8 }, { 33, 17, 16, 17 }, { 64, 64, 65, 63 },
    };

    (void)state;
    for (int f = 0; f < PATCH_FILTERS; f++)
        for (size_t i = 0; i < VIT_COUNT(SIZES); i++)
            assert_resized(SIZES[i][0], SIZES[i][1], SIZES[i][2], SIZES[i][3], (enum patch_filter)f);
}

static void the_same_size_is_a_copy(void **state)
{
    struct vit_error err = { 0 };
    struct patch_image in = fixture_noise(19, 11, 2), out;

    (void)state;
    for (int f = 0; f < PATCH_FILTERS; f++) {
        assert_ok(patch_resize(&out, &in, 19, 11, (enum patch_filter)f, &err), &err);
        assert_pixels("copy", out.rgb, in.rgb, 19, 11, 0);
        patch_image_free(&out);
    }
    patch_image_free(&in);
}

static void one_colour_stays_that_colour(void **state)
{
    struct vit_error err = { 0 };
    struct patch_image in, out;

    (void)state;
    assert_ok(patch_image_create(&in, 200, 90, &err), &err);
    for (int v = 0; v < 256; v += 51) {
        memset(in.rgb, v, 200 * 90 * 3);
        for (int f = 0; f < PATCH_FILTERS; f++) {
            assert_ok(patch_resize(&out, &in, 31, 230, (enum patch_filter)f, &err), &err);
            for (size_t i = 0; i < 31 * 230 * 3; i++) assert_int_equal(out.rgb[i], v);
            patch_image_free(&out);
        }
    }
    patch_image_free(&in);
}

static void impossible_sizes_are_refused(void **state)
{
    struct vit_error err;
    struct patch_image in = fixture_noise(3, 3, 2), out;

    (void)state;
    assert_refused(patch_resize(&out, &in, 0, 4, PATCH_BOX, &err), VIT_ERR_ARG, "0x4", &err);
    assert_null(out.rgb);
    patch_image_free(&in);
}

static void filters_are_known_by_name(void **state)
{
    (void)state;
    for (int f = 0; f < PATCH_FILTERS; f++)
        assert_int_equal(patch_filter_from_name(patch_filter_name((enum patch_filter)f)), f);
    assert_int_equal(patch_filter_from_name("nearest"), -1);
}

/* PIL.Image.Resampling; 0 is nearest, 5 hamming. */
static void filters_are_known_by_the_number_of_pillow(void **state)
{
    static const int FILTERS[] = { -1, PATCH_LANCZOS, PATCH_BILINEAR, PATCH_BICUBIC, PATCH_BOX, -1 };

    (void)state;
    for (int i = 0; i < (int)VIT_COUNT(FILTERS); i++) {
        assert_int_equal(patch_filter_from_number(i), FILTERS[i]);
        if (FILTERS[i] >= 0) assert_int_equal(patch_filter_number((enum patch_filter)FILTERS[i]), i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_follows_its_formula),
        cmocka_unit_test(the_same_size_is_a_copy),
        cmocka_unit_test(one_colour_stays_that_colour),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(filters_are_known_by_name),
        cmocka_unit_test(filters_are_known_by_the_number_of_pillow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
