#include "tests/support/test.h"
#include "weights/weights.h"

static float read_one(enum weights_dtype dtype, const void *bits)
{
    const struct weights_tensor t = { .name = "x", .dtype = dtype, .rank = 0, .count = 1, .data = bits };
    struct vit_error err;
    float f;

    assert_ok(weights_read_f32(&t, "p", &f, &err), &err);
    return f;
}

/* From the definition: (-1)^s 2^(e - bias) (1 + f / 2^fbits), denormals 2^(1 - bias) f / 2^fbits. */
static double by_formula(unsigned h, int exponent_bits, int fraction_bits)
{
    const int sign = h >> 15, bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
    const int e = h >> fraction_bits & top, f = h & ((1 << fraction_bits) - 1);
    double value;

    if (e == top)
        value = f ? NAN : INFINITY;
    else if (e)
        value = ldexp(1 + ldexp(f, -fraction_bits), e - bias);
    else
        value = ldexp(f, 1 - bias - fraction_bits);
    return sign ? -value : value;
}

static void check_all(enum weights_dtype dtype, int exponent_bits, int fraction_bits)
{
    for (unsigned h = 0; h < 65536; h++) {
        const uint16_t bits = (uint16_t)h;
        const float got = read_one(dtype, &bits);
        const double wanted = by_formula(h, exponent_bits, fraction_bits);
        const bool same = isnan(wanted) ? isnan(got) : (double)got == wanted;

        if (!same || !!signbit(got) != (h >> 15 == 1))
            fail_msg("0x%04x: %.9g, expected %.9g", h, (double)got, wanted);
    }
}

static void every_f16_is_its_formula(void **state)
{
    (void)state;
    check_all(WEIGHTS_F16, 5, 10);
}

static void every_bf16_is_its_formula(void **state)
{
    (void)state;
    check_all(WEIGHTS_BF16, 8, 7);
}

static void f64_is_rounded_to_the_nearest_f32(void **state)
{
    static const struct {
        double from;
        float to;
    } ROWS[] = { { 0.1, 0.1f },           { -1e300, -INFINITY },  { 1e-50, 0 },
                 { 16777217, 16777216 },  { 16777219, 16777220 }, { 0x1.fffffep127, 0x1.fffffep127f },
                 { 0x1p-149, 0x1p-149f }, { INFINITY, INFINITY } };
    const double nan = NAN;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        assert_true(read_one(WEIGHTS_F64, &ROWS[i].from) == ROWS[i].to);
    assert_true(isnan(read_one(WEIGHTS_F64, &nan)));
}

static void integers_keep_their_sign(void **state)
{
    static const unsigned char ONES[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
    static const struct {
        enum weights_dtype dtype;
        int64_t value;
    } ROWS[] = {
        { WEIGHTS_I64, -1 }, { WEIGHTS_I32, -1 }, { WEIGHTS_I16, -1 }, { WEIGHTS_I8, -1 }, { WEIGHTS_U8, 255 }
    };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct weights_tensor t = { .name = "x", .dtype = ROWS[i].dtype, .count = 1, .data = ONES };
        int64_t got = 0;

        assert_ok(weights_read_i64(&t, "p", &got, &err), &err);
        assert_true(got == ROWS[i].value);
    }
}

/* Element (i, j, k) of a (2, 3, 4) tensor is 100 i + 10 j + k, stored first index fastest. */
static void fortran_order_is_undone(void **state)
{
    float stored[24], got[24];
    int64_t small[24], integers[24];
    struct vit_error err;

    (void)state;
    for (int n = 0; n < 24; n++) stored[n] = (float)(small[n] = 100 * (n % 2) + 10 * (n / 2 % 3) + n / 6);
    const struct weights_tensor f = { "x", WEIGHTS_F32, 3, { 2, 3, 4 }, true, 24, stored };
    const struct weights_tensor i = { "x", WEIGHTS_I64, 3, { 2, 3, 4 }, true, 24, small };
    assert_ok(weights_read_f32(&f, "p", got, &err), &err);
    assert_ok(weights_read_i64(&i, "p", integers, &err), &err);
    for (int n = 0; n < 24; n++) {
        assert_true(got[n] == (float)(100 * (n / 12) + 10 * (n / 4 % 3) + n % 4));
        assert_true(integers[n] == (int64_t)got[n]);
    }
    assert_null(weights_view_f32(&f));
}

static void dtype_names_and_sizes_are_those_of_safetensors(void **state)
{
    (void)state;
    assert_string_equal(weights_dtype_name(WEIGHTS_BF16), "BF16");
    assert_string_equal(weights_dtype_name(WEIGHTS_BOOL), "BOOL");
    assert_int_equal(weights_dtype_size(WEIGHTS_F64), 8);
    assert_int_equal(weights_dtype_size(WEIGHTS_BF16), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16_is_its_formula),
        cmocka_unit_test(every_bf16_is_its_formula),
        cmocka_unit_test(f64_is_rounded_to_the_nearest_f32),
        cmocka_unit_test(integers_keep_their_sign),
        cmocka_unit_test(fortran_order_is_undone),
        cmocka_unit_test(dtype_names_and_sizes_are_those_of_safetensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
