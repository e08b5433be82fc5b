/* What the policies ask for: which operation, how strong, how often. This file's patch_op_apply() takes the
 * place of the library's, and writes down what it is asked. */
#include "patch/augment_draw.h"
#include "patch/augment_ops.h"
#include "tests/support/test.h"

enum { SIZE = 32, MOST = 4096 };

static struct call {
    enum patch_op op;
    double value;
    int count;
} calls[MOST];
static int kinds, total;

void patch_op_apply(unsigned char *pixels, unsigned char *scratch, int size, enum patch_op op, double value)
{
    int i = 0;

    (void)pixels, (void)scratch;
    assert_int_equal(size, SIZE);
    while (i < kinds && (calls[i].op != op || calls[i].value != value)) i++;
    assert_in_range(i, 0, MOST - 1);
    if (i == kinds) calls[kinds++] = (struct call){ .op = op, .value = value };
    calls[i].count++;
    total++;
}

static void draw_many(const struct patch_augment *a, int draws)
{
    kinds = total = 0;
    for (int i = 0; i < draws; i++)
        patch_policy_apply(NULL, NULL, SIZE, a, patch_draw_key(4, 0, (uint64_t)i, PATCH_DRAW_POLICY));
}

/* Calls of op with the value, to six digits; they are taken off the list. */
static int taken(enum patch_op op, double value)
{
    int count = 0;

    for (int i = 0; i < kinds; i++)
        if (calls[i].op == op && fabs(calls[i].value - value) <= 1e-6 * fmax(1, fabs(value))) {
            count += calls[i].count;
            calls[i].count = 0;
        }
    return count;
}

static void assert_all_taken(const char *policy)
{
    for (int i = 0; i < kinds; i++)
        if (calls[i].count)
            fail_msg("%s asks for operation %d of %.9g", policy, (int)calls[i].op, calls[i].value);
}

/* Of so many independent draws with the probability p: five deviations. */
static void assert_often(const char *policy, enum patch_op op, double value, int count, int draws, double p)
{
    if (!(fabs(count - draws * p) <= 5 * sqrt(draws * p * (1 - p))))
        fail_msg("%s: operation %d of %.9g %d times, expected about %g", policy, (int)op, value, count,
                 draws * p);
}

/* An operation with that value or, either: as often with it on the other side of the middle. */
static void assert_asked(const char *policy, enum patch_op op, double middle, double value, bool either,
                         int draws, double p)
{
    const int above = taken(op, middle + value), below = either && value ? taken(op, middle - value) : 0;

    assert_often(policy, op, value, above + below, draws, p);
    if (either && value) assert_often(policy, op, value, above, above + below, 0.5);
}

/* torchvision 0.29's AutoAugmentPolicy.CIFAR10: for each operation and level of its 25 sub-policies the value
 * that _augmentation_space(10, (32, 32)) has there, translations truncated, and the sum of its probabilities
 * in tenths. middle 1: a factor, either side of 1. */
static void autoaugment_is_that_of_torchvision(void **state)
{
    static const struct {
        enum patch_op op;
        double middle, value;
        bool either;
        int tenths;
    } ROWS[] = {
        { PATCH_OP_AUTO_CONTRAST, 0, 0, false, 50 },
        { PATCH_OP_BRIGHTNESS, 1, 0.3, true, 1 },
        { PATCH_OP_BRIGHTNESS, 1, 0.6, true, 9 },
        { PATCH_OP_BRIGHTNESS, 1, 0.7, true, 6 },
        { PATCH_OP_BRIGHTNESS, 1, 0.9, true, 7 },
        { PATCH_OP_COLOR, 1, 0, true, 7 },
        { PATCH_OP_COLOR, 1, 0.3, true, 4 },
        { PATCH_OP_COLOR, 1, 0.7, true, 7 },
        { PATCH_OP_COLOR, 1, 0.8, true, 2 },
        { PATCH_OP_COLOR, 1, 0.9, true, 9 },
        { PATCH_OP_CONTRAST, 1, 0.6, true, 2 },
        { PATCH_OP_CONTRAST, 1, 0.7, true, 6 },
        { PATCH_OP_EQUALIZE, 0, 0, false, 47 },
        { PATCH_OP_INVERT, 0, 0, false, 2 },
        { PATCH_OP_POSTERIZE, 0, 5, false, 3 },
        { PATCH_OP_ROTATE, 0, 20 / 3.0, true, 7 },
        { PATCH_OP_SHARPNESS, 1, 0.1, true, 8 },
        { PATCH_OP_SHARPNESS, 1, 0.3, true, 9 },
        { PATCH_OP_SHARPNESS, 1, 0.5, true, 6 },
        { PATCH_OP_SHARPNESS, 1, 0.6, true, 2 },
        { PATCH_OP_SHARPNESS, 1, 0.9, true, 3 },
        { PATCH_OP_SHEAR_Y, 0, 0.7 / 3, true, 2 },
        { PATCH_OP_SHEAR_Y, 0, 0.8 / 3, true, 5 },
        { PATCH_OP_SOLARIZE, 0, 255 * 4 / 9.0, false, 4 },
        { PATCH_OP_SOLARIZE, 0, 255 * 6 / 9.0, false, 8 },
        { PATCH_OP_SOLARIZE, 0, 255 * 7 / 9.0, false, 5 },
        { PATCH_OP_SOLARIZE, 0, 255 * 1 / 9.0, false, 2 },
        { PATCH_OP_TRANSLATE_X, 0, 12, true, 5 },
        { PATCH_OP_TRANSLATE_X, 0, 14, true, 3 },
        { PATCH_OP_TRANSLATE_Y, 0, 14, true, 30 },
        { PATCH_OP_TRANSLATE_Y, 0, 4, true, 4 },
    };
    const struct patch_augment a = { .policy = PATCH_POLICY_AUTOAUGMENT };
    enum { DRAWS = 400000 }; /* a tenth more or less of any row is seen */

    (void)state;
    draw_many(&a, DRAWS);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        /* Either operation of a sub-policy may be this one: as two draws of half the probability. */
        const double p = ROWS[i].tenths / 250.0 / 2;
        assert_asked("autoaugment", ROWS[i].op, ROWS[i].middle, ROWS[i].value, ROWS[i].either, 2 * DRAWS, p);
    }
    assert_all_taken("autoaugment");
}

/* timm 1.0.31, rand-m{3,7,9}-mstd0-inc1: LEVEL_TO_ARG of _RAND_INCREASING_TRANSFORMS, each done with the
 * probability 1/2. Translations are shares of the side there. */
static void randaugment_is_that_of_timm(void **state)
{
    static const int MAGNITUDES[3] = { 3, 7, 9 };
    static const struct {
        enum patch_op op;
        double middle, value[3];
        bool either;
    } ROWS[] = {
        { PATCH_OP_AUTO_CONTRAST, 0, { 0, 0, 0 }, false },
        { PATCH_OP_EQUALIZE, 0, { 0, 0, 0 }, false },
        { PATCH_OP_INVERT, 0, { 0, 0, 0 }, false },
        { PATCH_OP_ROTATE, 0, { 9, 21, 27 }, true },
        { PATCH_OP_POSTERIZE, 0, { 3, 2, 1 }, false },
        { PATCH_OP_SOLARIZE, 0, { 180, 77, 26 }, false },
        { PATCH_OP_SOLARIZE_ADD, 0, { 33, 77, 99 }, false },
        { PATCH_OP_COLOR, 1, { 0.27, 0.63, 0.81 }, true },
        { PATCH_OP_CONTRAST, 1, { 0.27, 0.63, 0.81 }, true },
        { PATCH_OP_BRIGHTNESS, 1, { 0.27, 0.63, 0.81 }, true },
        { PATCH_OP_SHARPNESS, 1, { 0.27, 0.63, 0.81 }, true },
        { PATCH_OP_SHEAR_X, 0, { 0.09, 0.21, 0.27 }, true },
        { PATCH_OP_SHEAR_Y, 0, { 0.09, 0.21, 0.27 }, true },
        { PATCH_OP_TRANSLATE_X, 0, { 0.135 * SIZE, 0.315 * SIZE, 0.405 * SIZE }, true },
        { PATCH_OP_TRANSLATE_Y, 0, { 0.135 * SIZE, 0.315 * SIZE, 0.405 * SIZE }, true },
    };
    enum { DRAWS = 10000, OPERATIONS = 2 };

    (void)state;
    for (size_t m = 0; m < VIT_COUNT(MAGNITUDES); m++) {
        const struct patch_augment a = { .policy = PATCH_POLICY_RANDAUGMENT,
                                         .operations = OPERATIONS,
                                         .magnitude = (float)MAGNITUDES[m] };
        draw_many(&a, DRAWS);
        for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
            const double p = 0.5 / VIT_COUNT(ROWS), value = ROWS[i].value[m];
            assert_asked("randaugment", ROWS[i].op, ROWS[i].middle, value, ROWS[i].either, OPERATIONS * DRAWS,
                         p);
        }
        assert_all_taken("randaugment");
    }
}

/* A rotation at magnitude m turns by 3 m degrees: m is normal about the magnitude, and stays in 0 to 10. */
static void the_magnitude_of_randaugment_varies(void **state)
{
    const struct patch_augment near = {
        .policy = PATCH_POLICY_RANDAUGMENT, .operations = 1, .magnitude = 5, .deviation = 0.5f
    };
    struct patch_augment far = near;
    double mean = 0, square = 0;
    int count = 0;

    (void)state;
    draw_many(&near, 8000);
    for (int i = 0; i < kinds; i++) {
        const double m = fabs(calls[i].value) / 3;
        if (calls[i].op != PATCH_OP_ROTATE) continue;
        mean += m * calls[i].count;
        square += (m - 5) * (m - 5) * calls[i].count;
        count += calls[i].count;
    }
    mean /= count;
    assert_near(mean, 5, 5 * 0.5 / sqrt(count));
    assert_near(sqrt(square / count), 0.5, 5 * 0.5 / sqrt(2.0 * count));
    far.deviation = 100;
    draw_many(&far, 2000);
    for (int i = 0; i < kinds; i++)
        if (calls[i].op == PATCH_OP_ROTATE) assert_in_range((int)fabs(calls[i].value), 0, 30);
}

/* torchvision 0.29's TrivialAugmentWide: one of 14 operations at one of 31 strengths, evenly spaced to the
 * last; translations truncated, 8 - round(6 i / 30) bits kept. */
static void trivialaugment_is_that_of_torchvision(void **state)
{
    static const struct {
        enum patch_op op;
        double middle, first, last;
        bool either;
    } ROWS[] = {
        { PATCH_OP_IDENTITY, 0, 0, 0, false },      { PATCH_OP_SHEAR_X, 0, 0, 0.99, true },
        { PATCH_OP_SHEAR_Y, 0, 0, 0.99, true },     { PATCH_OP_TRANSLATE_X, 0, 0, 32, true },
        { PATCH_OP_TRANSLATE_Y, 0, 0, 32, true },   { PATCH_OP_ROTATE, 0, 0, 135, true },
        { PATCH_OP_BRIGHTNESS, 1, 0, 0.99, true },  { PATCH_OP_COLOR, 1, 0, 0.99, true },
        { PATCH_OP_CONTRAST, 1, 0, 0.99, true },    { PATCH_OP_SHARPNESS, 1, 0, 0.99, true },
        { PATCH_OP_POSTERIZE, 0, 8, 2, false },     { PATCH_OP_SOLARIZE, 0, 255, 0, false },
        { PATCH_OP_AUTO_CONTRAST, 0, 0, 0, false }, { PATCH_OP_EQUALIZE, 0, 0, 0, false },
    };
    const struct patch_augment a = { .policy = PATCH_POLICY_TRIVIAL };
    enum { DRAWS = 60000, BINS = 31 };

    (void)state;
    draw_many(&a, DRAWS);
    assert_int_equal(total, DRAWS);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        int bins[BINS] = {
            0
        }; /* how many of the strengths have the value of bin j, which is the first of them */
        double value[BINS];
        for (int j = 0; j < BINS; j++) {
            int same = 0;
            value[j] = ROWS[i].first + (ROWS[i].last - ROWS[i].first) * j / (BINS - 1);
            if (ROWS[i].op == PATCH_OP_TRANSLATE_X || ROWS[i].op == PATCH_OP_TRANSLATE_Y)
                value[j] = trunc(value[j]);
            if (ROWS[i].op == PATCH_OP_POSTERIZE) value[j] = 8 - round(6.0 * j / (BINS - 1));
            while (fabs(value[same] - value[j]) > 1e-9) same++;
            bins[same]++;
        }
        for (int j = 0; j < BINS; j++) {
            const double p = bins[j] / (double)(VIT_COUNT(ROWS) * BINS);
            if (bins[j])
                assert_asked("trivial", ROWS[i].op, ROWS[i].middle, value[j], ROWS[i].either, DRAWS, p);
        }
    }
    assert_all_taken("trivial");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autoaugment_is_that_of_torchvision),
        cmocka_unit_test(randaugment_is_that_of_timm),
        cmocka_unit_test(the_magnitude_of_randaugment_varies),
        cmocka_unit_test(trivialaugment_is_that_of_torchvision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
