/* When a run counts as one that learns, and as dead. */
#include "tools/train_parts.h"

#include "tests/support/test.h"

/* The grid was designed with 2.2 and 2.25 for ten classes, where chance is 2.303. */
static void ten_classes_have_the_designed_thresholds(void **state)
{
    (void)state;
    assert_true(train_left(2.199, 10));
    assert_false(train_left(2.201, 10));
    assert_true(train_dead(2.251, 10));
    assert_false(train_dead(2.249, 10));
}

static void thresholds_scale_with_chance(void **state)
{
    (void)state;
    for (int classes = 2; classes <= 1000; classes *= 2) {
        const double chance = log(classes);

        assert_true(train_dead(chance, classes));
        assert_false(train_left(chance, classes));
        assert_true(train_left(0.955 * chance, classes));
        assert_false(train_dead(0.977 * chance, classes));
    }
}

static void no_run_is_dead_before_600_steps_unless_asked(void **state)
{
    static const struct {
        const char *text;
        int steps, at; /* at -1: refused */
    } CASES[] = { { "auto", 1950, 600 }, { "auto", 17500, 5250 }, { "auto", 100, 600 }, { "10", 100, 10 },
                  { "50%", 100, 50 },    { "0", 100, 0 },         { "101", 100, -1 },   { "soon", 100, -1 } };
    struct vit_error err;
    int at;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const enum vit_status status = train_dead_after(&at, CASES[i].text, CASES[i].steps, &err);

        assert_int_equal(status, CASES[i].at < 0 ? VIT_ERR_ARG : VIT_OK);
        if (!status) assert_int_equal(at, CASES[i].at);
    }
}

/* The step that is found in a run of ten classes whose loss is low, and from the step high on at chance. */
static int plateau_of(int steps, int high)
{
    struct train t = { .hyper = { .steps = steps } };

    for (int step = 1; step <= steps; step++) train_plateau_step(&t, step < high ? 1.9 : 2.303, step, 10);
    return t.plateau_step;
}

/* Ten lucky batches are no plateau that was left; what a whole window says counts. */
static void the_luck_of_the_first_steps_leaves_no_plateau(void **state)
{
    (void)state;
    assert_int_equal(plateau_of(200, 10), 0);
    assert_int_equal(plateau_of(200, 201), TRAIN_WINDOW);
    assert_int_equal(plateau_of(TRAIN_WINDOW, 201), TRAIN_WINDOW);
    /* A run that has no such window is judged by all its steps, when they are done. */
    assert_int_equal(plateau_of(30, 201), 30);
    assert_int_equal(plateau_of(30, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_classes_have_the_designed_thresholds),
        cmocka_unit_test(thresholds_scale_with_chance),
        cmocka_unit_test(no_run_is_dead_before_600_steps_unless_asked),
        cmocka_unit_test(the_luck_of_the_first_steps_leaves_no_plateau),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
