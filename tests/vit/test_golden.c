/* Logits, loss and every gradient against the reference frameworks, folder by folder. */
#include "tests/support/golden.h"
#include "tests/support/test.h"

/* Contract: logits to 1e-4 of the largest logit, loss to 1e-5, gradients to 1e-3 of the tensor's largest. */
static const double LOGIT_BOUND = 1e-4, LOSS_BOUND = 1e-5, GRADIENT_BOUND = 1e-3;

static void logits_equal_the_reference(void **state)
{
    const char *name = *state;
    struct golden g;
    double error;

    golden_open(&g, name, NULL, false);
    error = golden_error(vit_forward(g.session, g.input, g.n), g.logits,
                         (size_t)g.n * (size_t)vit_model_config(g.model)->classes);
    printf("%-24s logits %.2g of the largest\n", name, error);
    if (!(error <= LOGIT_BOUND)) fail_msg("%s: logits differ by %.3g > %.3g", name, error, LOGIT_BOUND);
    golden_close(&g);
}

static void gradients_equal_the_reference(void **state)
{
    const char *name = *state;
    struct vit_gradients *grads;
    struct golden g;
    struct vit_error err;
    double loss, worst = 0;
    int compared = 0;

    golden_open(&g, name, NULL, true);
    if (!g.labels) {
        golden_close(&g);
        skip();
    }
    assert_ok(vit_gradients_create(&grads, g.model, &err), &err);
    vit_forward(g.session, g.input, g.n);
    loss = vit_backward(g.session, g.labels, g.n, grads);
    if (!(fabs(loss - g.loss) <= LOSS_BOUND)) fail_msg("%s: loss %.8f, expected %.8f", name, loss, g.loss);
    for (int i = 0; i < vit_model_parameter_count(g.model); i++) {
        const struct vit_parameter p = vit_model_parameter(g.model, i);
        float *expected = golden_gradient(&g, i);
        double error;
        if (!expected) fail_msg("%s: no expected gradient of %s", name, p.name);
        error = golden_error(vit_gradients_get(grads, i), expected, p.count);
        if (!(error <= GRADIENT_BOUND))
            fail_msg("%s: gradient of %s differs by %.3g > %.3g of its largest", name, p.name, error,
                     GRADIENT_BOUND);
        worst = fmax(worst, error);
        compared++;
        free(expected);
    }
    printf("%-24s loss %.2g, %d gradients %.2g of the largest\n", name, fabs(loss - g.loss), compared, worst);
    assert_true(compared > 0);
    vit_gradients_close(grads);
    golden_close(&g);
}

int main(void)
{
    static char names[64][64];
    static struct CMUnitTest tests[128];
    int count = golden_list(names, 64), used = 0;

    for (int i = 0; i < count; i++) {
        tests[used++] = (struct CMUnitTest)cmocka_unit_test_prestate(logits_equal_the_reference, names[i]);
        tests[used - 1].name = names[i];
        tests[used++] = (struct CMUnitTest)cmocka_unit_test_prestate(gradients_equal_the_reference, names[i]);
        tests[used - 1].name = names[i];
    }
    return _cmocka_run_group_tests("golden", tests, (size_t)used, NULL, NULL);
}
