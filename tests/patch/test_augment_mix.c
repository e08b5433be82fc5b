#include "patch/augment.h"

#include "tests/support/test.h"
#include "vit/random.h"

static const struct patch_mix_options MIXUP = { .mixup = 0.8f, .probability = 1 };
static const struct patch_mix_options CUTMIX = { .cutmix = 1, .probability = 1 };

static void mixing_depends_on_seed_and_step_alone(void **state)
{
    int equal = 0;

    (void)state;
    for (uint64_t step = 0; step < 100; step++) {
        const struct patch_mix one = patch_mix_draw(&CUTMIX, 32, 1, step),
                               same = patch_mix_draw(&CUTMIX, 32, 1, step);
        const struct patch_mix seed = patch_mix_draw(&CUTMIX, 32, 2, step),
                               next = patch_mix_draw(&CUTMIX, 32, 1, step + 1);
        assert_memory_equal(&one, &same, sizeof one);
        equal += one.lambda == seed.lambda || one.lambda == next.lambda;
    }
    assert_in_range(equal, 0, 20); /* only by chance: two boxes of one area, or both empty */
}

static void kinds_come_with_their_probabilities(void **state)
{
    const struct patch_mix_options o = {
        .mixup = 0.8f, .cutmix = 1, .probability = 0.5f, .switching = 0.25f
    };
    const struct patch_mix_options off = { .probability = 1, .switching = 0.5f };
    int count[PATCH_MIX_KINDS] = { 0 };

    (void)state;
    for (uint64_t step = 0; step < 4000; step++) {
        count[patch_mix_draw(&o, 32, 7, step).kind]++;
        assert_int_equal(patch_mix_draw(&off, 32, 7, step).kind, PATCH_MIX_NONE);
        assert_int_equal(patch_mix_draw(&MIXUP, 32, 7, step).kind, PATCH_MIX_MIXUP);
    }
    /* 2000, 1500 and 500, five deviations each */
    assert_in_range(count[PATCH_MIX_NONE], 2000 - 158, 2000 + 158);
    assert_in_range(count[PATCH_MIX_MIXUP], 1500 - 153, 1500 + 153);
    assert_in_range(count[PATCH_MIX_CUTMIX], 500 - 105, 500 + 105);
}

/* Beta(a, a) has mean 1/2, variance 1 / (4 (2a + 1)), fourth central moment 3 / (16 (2a + 1) (2a + 3)). */
static void lambda_has_the_moments_of_beta(void **state)
{
    static const float ALPHAS[] = { 0.01f, 0.2f, 0.8f, 1, 4 };
    enum { DRAWS = 20000 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ALPHAS); i++) {
        const struct patch_mix_options o = { .mixup = ALPHAS[i], .probability = 1 };
        const double a = (double)ALPHAS[i], variance = 1 / (4 * (2 * a + 1)),
                     fourth = 3 / (16 * (2 * a + 1) * (2 * a + 3));
        double mean = 0, square = 0;

        for (uint64_t step = 0; step < DRAWS; step++) {
            const double l = (double)patch_mix_draw(&o, 32, 3, step).lambda;
            assert_true(l >= 0 && l <= 1);
            mean += l / DRAWS;
            square += (l - 0.5) * (l - 0.5) / DRAWS;
        }
        if (fabs(mean - 0.5) > 5 * sqrt(variance / DRAWS) ||
            fabs(square - variance) > 5 * sqrt((fourth - variance * variance) / DRAWS))
            fail_msg("alpha %g: mean %.4f, variance %.5f, expected %.5f", a, mean, square, variance);
    }
}

/* Yun et al. 2019: the centre of the box is uniform in both directions, which are drawn apart, and lambda is
 * drawn apart from them. Correlations are normal with the deviation 1 / sqrt(n). */
static void boxes_lie_anywhere(void **state)
{
    enum { SIZE = 32, DRAWS = 4000 };
    double yy = 0, xx = 0, xy = 0, ay = 0, aa = 0;

    (void)state;
    for (uint64_t step = 0; step < DRAWS; step++) {
        const struct patch_mix mix = patch_mix_draw(&CUTMIX, SIZE, 11, step);
        const double y = mix.top + mix.bottom - SIZE, x = mix.left + mix.right - SIZE;
        const double side = (mix.bottom - mix.top) - SIZE / 2.0;

        assert_true(mix.top >= 0 && mix.bottom <= SIZE && mix.left >= 0 && mix.right <= SIZE);
        yy += y * y, xx += x * x, xy += x * y, ay += side * y, aa += side * side;
    }
    assert_near(xy / sqrt(xx * yy), 0, 5 / sqrt(DRAWS));
    assert_near(ay / sqrt(aa * yy), 0, 5 / sqrt(DRAWS));
    assert_true(yy / DRAWS > SIZE * SIZE / 12.0 &&
                xx / DRAWS > SIZE * SIZE / 12.0); /* not about the middle */
}

/* The share of a box that is cut at the border, over all lambdas and centres, by its definition. */
static double mean_share(int size)
{
    enum { LAMBDAS = 2000 };
    double all = 0;

    for (int i = 0; i < LAMBDAS; i++) {
        const double side = size * sqrt((i + 0.5) / LAMBDAS); /* of lambda uniform, alpha 1 */
        const int half = (int)side / 2;
        double length = 0;
        for (int centre = 0; centre < size; centre++)
            length += fmin(centre + half, size) - fmax(centre - half, 0);
        all += length / size * (length / size) / ((double)size * size) / LAMBDAS;
    }
    return all;
}

/* Independent centres: the mean of a product is that of the means. The share lies in [0, 1], so its deviation
 * is at most a half. */
static void boxes_are_as_large_as_lambda_has_it(void **state)
{
    enum { SIZE = 32, DRAWS = 20000 };
    double mean = 0;

    (void)state;
    for (uint64_t step = 0; step < DRAWS; step++)
        mean += (1 - (double)patch_mix_draw(&CUTMIX, SIZE, 13, step).lambda) / DRAWS;
    assert_near(mean, mean_share(SIZE), 5 * 0.5 / sqrt(DRAWS));
}

static void each_kind_has_its_own_alpha(void **state)
{
    const struct patch_mix_options cut = { .mixup = 0.01f, .cutmix = 1, .probability = 1, .switching = 1 };
    const struct patch_mix_options blend = { .mixup = 0.8f, .cutmix = 50, .probability = 1 };

    (void)state;
    for (uint64_t step = 0; step < 100; step++) {
        const struct patch_mix both = patch_mix_draw(&cut, 32, 5, step),
                               alone = patch_mix_draw(&CUTMIX, 32, 5, step);
        assert_memory_equal(&both, &alone, sizeof both);
        assert_true(patch_mix_draw(&blend, 32, 5, step).lambda == patch_mix_draw(&MIXUP, 32, 5, step).lambda);
    }
}

static float *batch(int n, int channels, int size)
{
    const size_t count = (size_t)n * channels * size * size;
    float *planes = malloc(count * sizeof *planes);

    assert_non_null(planes);
    for (size_t i = 0; i < count; i++) planes[i] = vit_random_uniform(21, i);
    return planes;
}

static void check_mixed(const struct patch_mix *mix, int n)
{
    enum { C = 3, S = 16 };
    float *before = batch(n, C, S), *after = batch(n, C, S);
    size_t taken = 0;

    patch_mix_apply(after, n, C, S, mix);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < C * S * S; j++) {
            const float own = before[i * C * S * S + j], other = before[(n - 1 - i) * C * S * S + j];
            const int y = j / S % S, x = j % S;
            const bool inside = mix->kind == PATCH_MIX_CUTMIX && y >= mix->top && y < mix->bottom &&
                                x >= mix->left && x < mix->right;
            float want = inside ? other : own;

            if (mix->kind == PATCH_MIX_MIXUP)
                want = i == n - 1 - i ? own : mix->lambda * own + (1 - mix->lambda) * other;
            taken += inside;
            /* The middle of an odd batch is left alone. Bits otherwise. */
            assert_true(after[i * C * S * S + j] == want);
        }
    if (mix->kind == PATCH_MIX_CUTMIX)
        assert_true(mix->lambda == (float)(1 - (double)taken / ((double)n * C * S * S)));
    free(after);
    free(before);
}

static void a_mixed_batch_is_what_its_weights_say(void **state)
{
    const struct patch_mix none = { .kind = PATCH_MIX_NONE, .lambda = 1 };

    (void)state;
    for (uint64_t step = 0; step < 100; step++) {
        const struct patch_mix up = patch_mix_draw(&MIXUP, 16, 5, step),
                               cut = patch_mix_draw(&CUTMIX, 16, 5, step);
        check_mixed(&up, 4 + (int)(step & 1));
        check_mixed(&cut, 4 + (int)(step & 1));
    }
    check_mixed(&none, 3);
    check_mixed(&(struct patch_mix){ .kind = PATCH_MIX_MIXUP, .lambda = 0.25f }, 1);
}

static void labels_name_the_partner_and_the_weight(void **state)
{
    const int labels[3] = { 4, 5, 6 };
    int second[3];
    float weight[3];

    (void)state;
    patch_mix_labels(second, weight, labels, 3,
                     &(struct patch_mix){ .kind = PATCH_MIX_MIXUP, .lambda = 0.75f });
    assert_memory_equal(second, ((int[3]){ 6, 5, 4 }), sizeof second);
    assert_true(weight[0] == 0.75f && weight[1] == 0.75f && weight[2] == 0.75f);
    patch_mix_labels(second, weight, labels, 3, &(struct patch_mix){ .kind = PATCH_MIX_NONE, .lambda = 1 });
    assert_memory_equal(second, labels, sizeof second);
    assert_true(weight[0] == 1 && weight[2] == 1);
}

static void impossible_mixing_is_refused(void **state)
{
    struct vit_error err;

    (void)state;
    assert_ok(patch_mix_check(&CUTMIX, &err), &err);
    assert_refused(patch_mix_check(&(struct patch_mix_options){ .mixup = -1 }, &err), VIT_ERR_ARG,
                   "mixup is -1", &err);
    assert_refused(patch_mix_check(&(struct patch_mix_options){ .probability = 2 }, &err), VIT_ERR_ARG,
                   "mixing probability is 2, expected 0 to 1", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixing_depends_on_seed_and_step_alone),
        cmocka_unit_test(kinds_come_with_their_probabilities),
        cmocka_unit_test(lambda_has_the_moments_of_beta),
        cmocka_unit_test(boxes_lie_anywhere),
        cmocka_unit_test(boxes_are_as_large_as_lambda_has_it),
        cmocka_unit_test(each_kind_has_its_own_alpha),
        cmocka_unit_test(a_mixed_batch_is_what_its_weights_say),
        cmocka_unit_test(labels_name_the_partner_and_the_weight),
        cmocka_unit_test(impossible_mixing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
