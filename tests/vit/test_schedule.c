/* Learning-rate schedules against their definitions. */
#include "tests/support/test.h"
#include "vit/train.h"

static struct vit_hyper schedule(enum vit_schedule s, int steps, int warmup, float end)
{
    struct vit_hyper h = vit_hyper_default();

    h.schedule = s;
    h.steps = steps;
    h.warmup = warmup;
    h.lr_end = end;
    return h;
}

static void assert_factor(const struct vit_hyper *h, int step, double want)
{
    const double got = vit_schedule_factor(h, step);

    if (!(fabs(got - want) <= 1e-12))
        fail_msg("%s, step %d of %d: %.15g, expected %.15g", vit_schedule_name(h->schedule), step, h->steps,
                 got, want);
}

static void warm_up_rises_in_equal_steps_to_the_peak(void **state)
{
    (void)state;
    for (int s = 0; s < VIT_SCHEDULES; s++) {
        const struct vit_hyper h = schedule((enum vit_schedule)s, 100, 10, 0.1f);
        for (int i = 0; i < 10; i++) assert_factor(&h, i, (i + 1) / 10.0);
        assert_factor(&h, 10, 1); /* the first step after it */
    }
}

static void without_warm_up_the_first_step_is_the_peak(void **state)
{
    (void)state;
    for (int s = 0; s < VIT_SCHEDULES; s++) {
        const struct vit_hyper h = schedule((enum vit_schedule)s, 100, 0, 0);
        assert_factor(&h, 0, 1);
    }
}

/* Loshchilov & Hutter 2017, eq. 5, without restarts: end + (1 - end) (1 + cos(pi t / T)) / 2. */
static void cosine_is_half_way_at_half_time(void **state)
{
    const struct vit_hyper h = schedule(VIT_COSINE, 110, 10, 0.25f);

    (void)state;
    assert_factor(&h, 60, 0.25 + 0.75 / 2);
    assert_factor(&h, 35, 0.25 + 0.75 * (1 + sqrt(0.5)) / 2); /* cos 45 degrees */
    assert_factor(&h, 110, 0.25);
}

static void linear_falls_in_equal_steps(void **state)
{
    const struct vit_hyper h = schedule(VIT_LINEAR, 24, 8, 0.5f);

    (void)state;
    for (int i = 8; i <= 24; i++) assert_factor(&h, i, 1 - 0.5 * (i - 8) / 16.0);
}

static void constant_stays_at_the_peak(void **state)
{
    const struct vit_hyper h = schedule(VIT_CONSTANT, 50, 5, 0.1f);

    (void)state;
    for (int i = 5; i < 60; i++) assert_factor(&h, i, 1);
}

/* And there is nothing after it that could fall. */
static void a_warm_up_over_all_steps_ends_at_the_peak(void **state)
{
    (void)state;
    for (int s = 0; s < VIT_SCHEDULES; s++) {
        const struct vit_hyper h = schedule((enum vit_schedule)s, 10, 10, 0.1f);
        for (int i = 0; i < 20; i++) assert_factor(&h, i, i < 10 ? (i + 1) / 10.0 : 1);
    }
}

static void no_schedule_goes_below_its_end_or_rises_again(void **state)
{
    (void)state;
    for (int s = 0; s < VIT_SCHEDULES; s++) {
        for (int warmup = 0; warmup <= 12; warmup += 3) {
            const struct vit_hyper h = schedule((enum vit_schedule)s, 12, warmup, 0.125f);
            for (int i = warmup; i < 40; i++) {
                const double now = vit_schedule_factor(&h, i), next = vit_schedule_factor(&h, i + 1);
                if (!(now >= 0.125 && now <= 1 && next <= now))
                    fail_msg("%s, warm-up %d, step %d: %g, then %g", vit_schedule_name(h.schedule), warmup, i,
                             now, next);
            }
        }
    }
}

static void names_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < VIT_SCHEDULES; i++)
        assert_int_equal(vit_schedule_from_name(vit_schedule_name((enum vit_schedule)i)), i);
    for (int i = 0; i < VIT_OPTIMIZERS; i++)
        assert_int_equal(vit_optimizer_from_name(vit_optimizer_name((enum vit_optimizer)i)), i);
    for (int i = 0; i < VIT_INITS; i++)
        assert_int_equal(vit_init_from_name(vit_init_name((enum vit_init_kind)i)), i);
    assert_int_equal(vit_schedule_from_name("Cosine"), -1);
    assert_int_equal(vit_optimizer_from_name(""), -1);
    assert_int_equal(vit_init_from_name("kaiming"), -1);
}

static void what_is_no_value_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(vit_schedule_name((enum vit_schedule)99), "unknown");
    assert_string_equal(vit_optimizer_name((enum vit_optimizer)99), "unknown");
    assert_string_equal(vit_init_name((enum vit_init_kind)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warm_up_rises_in_equal_steps_to_the_peak),
        cmocka_unit_test(without_warm_up_the_first_step_is_the_peak),
        cmocka_unit_test(cosine_is_half_way_at_half_time),
        cmocka_unit_test(linear_falls_in_equal_steps),
        cmocka_unit_test(constant_stays_at_the_peak),
        cmocka_unit_test(a_warm_up_over_all_steps_ends_at_the_peak),
        cmocka_unit_test(no_schedule_goes_below_its_end_or_rises_again),
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(what_is_no_value_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
