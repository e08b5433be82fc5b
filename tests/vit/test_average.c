/* The mean of several networks: its numbers, and what has none. */
#include "tests/vit/tiny.h"

static struct vit_model *drawn(const struct vit_config *c, const char *const *labels, uint64_t seed)
{
    const struct vit_init init = { .seed = seed };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_create(&m, c, NULL, labels, &init, NULL, &err), &err);
    return m;
}

static void assert_mean(const struct vit_model *mean, struct vit_model *const *of, int count)
{
    for (int i = 0; i < mean->slot_count; i++) {
        const float *is = vit_model_parameter(mean, i).values;
        for (size_t j = 0; j < mean->slots[i].count; j++) {
            double sum = 0;
            for (int k = 0; k < count; k++) sum += (double)vit_model_parameter(of[k], i).values[j];
            if (is[j] != (float)(sum / count)) fail_msg("%s[%zu]", mean->slots[i].name, j);
        }
    }
}

/* What the products read is laid out again: the answers are those of a network made of these numbers. */
static void parameters_are_means(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *of[] = { drawn(&c, NULL, 1), drawn(&c, NULL, 2), drawn(&c, NULL, 3) };
    struct vit_model *m = drawn(&c, NULL, 1), *same = drawn(&c, NULL, 4);
    float *planes = tiny_planes(m, 1);
    struct vit_session *is, *expected;
    struct vit_error err;
    (void)state;

    assert_ok(vit_model_average(m, (const struct vit_model *const *)of + 1, 2, &err), &err);
    assert_mean(m, of, 3);
    assert_ok(vit_model_take(same, m, &err), &err);
    is = tiny_session(m, 1, 1, false);
    expected = tiny_session(same, 1, 1, false);
    assert_memory_equal(vit_forward(is, planes, 1), vit_forward(expected, planes, 1),
                        TINY_CLASSES * sizeof(float));
    vit_session_close(is);
    vit_session_close(expected);
    free(planes);
    for (int k = 0; k < 3; k++) vit_model_close(of[k]);
    vit_model_close(m);
    vit_model_close(same);
}

static void refuse(struct vit_model *m, const struct vit_model *with, enum vit_status wanted,
                   const char *words)
{
    const int last = m->slot_count - 1;
    const float was = vit_model_parameter(m, last - 1).values[0];
    struct vit_error err;

    assert_refused(vit_model_average(m, &with, 1, &err), wanted, words, &err);
    assert_true(vit_model_parameter(m, last - 1).values[0] == was);
}

/* Shapes alone do not tell: heads and eps have none. */
static void networks_of_another_kind_have_no_mean(void **state)
{
    static const char *const LABELS[2][TINY_CLASSES] = { { "a", "b", "c", "d" }, { "a", "c", "b", "d" } };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_config other[] = { c, c, tiny_config(VIT_NORM_POST), c };
    static const char *const KEY[] = { "\"width\"", "\"heads\"", "\"norm\"", "\"norm\"" };
    struct vit_model *m = drawn(&c, LABELS[0], 1), *with;
    (void)state;

    other[0].width = 32;
    other[1].heads = 4;
    other[3].norm.eps = 1e-5f;
    for (size_t i = 0; i < VIT_COUNT(KEY); i++) {
        with = drawn(&other[i], LABELS[0], 2);
        refuse(m, with, VIT_ERR_ARG, KEY[i]);
        vit_model_close(with);
    }
    with = drawn(&c, LABELS[1], 2);
    refuse(m, with, VIT_ERR_ARG, "expected \"b\" as class 1");
    vit_model_close(with);
    vit_model_close(m);
}

static void running_statistics_have_no_mean(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m, *with;
    (void)state;

    c.stem = (struct patch_stem){ .layers = 1 };
    c.stem.conv[0] =
        (struct patch_conv){ .out = c.width, .kernel = 3, .stride = 2, .padding = 1, .batch_norm = true };
    m = drawn(&c, NULL, 1);
    with = drawn(&c, NULL, 2);
    refuse(m, with, VIT_ERR_UNSUPPORTED, "patch_embed.bn.0.running_mean");
    vit_model_close(m);
    vit_model_close(with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_means),
        cmocka_unit_test(networks_of_another_kind_have_no_mean),
        cmocka_unit_test(running_statistics_have_no_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
