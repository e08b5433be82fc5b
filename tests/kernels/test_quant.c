/* Rows as integers of 8 bits: the formula, and that integers come back as themselves. */
#include "kernels/kern.h"
#include "tests/support/test.h"
#include "vit/random.h"

enum { N = 100, ROWS = 2000 };

/* Rows of all magnitudes that have a scale. */
static void draw(float *x, int row)
{
    const int exponent = (int)(vit_random_uniform(1, (uint64_t)row) * 240) - 117;

    for (int i = 0; i < N; i++)
        x[i] = ldexpf(2 * vit_random_uniform(2, (uint64_t)row * N + (uint64_t)i) - 1, exponent);
}

/* Half a step of rounding, and the scale's own, 2^-16 of 127 steps. */
static void a_row_is_its_integers_times_its_scale(void **state)
{
    float x[N];
    int8_t q[N];

    (void)state;
    for (int row = 0; row < ROWS; row++) {
        draw(x, row);
        const float scale = kern_quantise(q, x, N);
        int most = 0;
        assert_true(scale > 0);
        for (int i = 0; i < N; i++) {
            const double off = fabs((double)x[i] - (double)scale * q[i]);
            if (!(off <= (0.5 + 127 * 0x1p-16) * (double)scale))
                fail_msg("row %d: %g became %d times %g", row, (double)x[i], q[i], (double)scale);
            most = abs(q[i]) > most ? abs(q[i]) : most;
        }
        assert_int_equal(most, 127);
    }
}

static void integers_come_back_as_themselves(void **state)
{
    float x[N];
    int8_t q[N], again[N];

    (void)state;
    for (int row = 0; row < ROWS; row++) {
        draw(x, row);
        const float scale = kern_quantise(q, x, N);
        for (int i = 0; i < N; i++) {
            x[i] = scale * (float)q[i];
            assert_true((double)x[i] == (double)scale * q[i]); /* exact in float */
        }
        assert_true(kern_quantise(again, x, N) == scale);
        assert_memory_equal(again, q, sizeof q);
    }
}

static void rounding_is_to_nearest_and_ties_go_to_even(void **state)
{
    static const float X[] = { 127, 0.5f, 1.5f, -2.5f, 0.49f, -126.6f, 0 };
    static const int8_t WANT[] = { 127, 0, 2, -2, 0, -127, 0 };
    int8_t q[VIT_COUNT(X)];

    (void)state;
    assert_true(kern_quantise(q, X, VIT_COUNT(X)) == 1);
    assert_memory_equal(q, WANT, sizeof WANT);
}

static void what_has_no_scale_says_so(void **state)
{
    const float rows[][2] = { { NAN, 1 }, { 1, INFINITY }, { 0, -0.0f }, { 0x1p-120f, 0 } };
    int8_t q[2];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(rows); i++) {
        const float scale = kern_quantise(q, rows[i], 2);
        assert_true(i < 2 ? isnan(scale) : scale == 0);
        assert_true(!q[0] && !q[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_its_integers_times_its_scale),
        cmocka_unit_test(integers_come_back_as_themselves),
        cmocka_unit_test(rounding_is_to_nearest_and_ties_go_to_even),
        cmocka_unit_test(what_has_no_scale_says_so),
    };

    return cmocka_run_group_tests_name("kernels/quant", tests, NULL, NULL);
}
