#include "tests/support/test.h"
#include "vit/vit.h"

/* ---- softmax ---- */

static void softmax_survives_large_logits(void **state)
{
    const float logits[3] = { 1000, 999, -1000 };
    /* 1 / (1 + 1/e) and 1 / (1 + e); one rounding to float */
    const float want[3] = { 0.7310585786f, 0.2689414214f, 0 };
    float got[3];

    (void)state;
    vit_softmax(got, logits, 3);
    assert_close("softmax", got, want, 3, 0x1p-24);
}

static void softmax_may_work_in_place_and_sums_to_one(void **state)
{
    float v[5] = { -3, 0.5f, 2, 2, 90 }, sum = 0;

    (void)state;
    vit_softmax(v, v, 5);
    for (int i = 0; i < 5; i++) sum += v[i];
    assert_close("sum", &sum, &(float){ 1 }, 1, 5 * 0x1p-24);
}

/* ---- top ---- */

static void check_top(const float *values, int count, int k, const int *want)
{
    int got[8];

    vit_top(got, values, count, k);
    for (int i = 0; i < k; i++)
        if (got[i] != want[i]) fail_msg("place %d of %d: class %d, expected %d", i, k, got[i], want[i]);
}

static void the_largest_come_first(void **state)
{
    (void)state;
    check_top((float[]){ 1, 5, -2, 4, 3 }, 5, 3, (int[]){ 1, 3, 4 });
    check_top((float[]){ 5, 4, 3, 2, 1 }, 5, 5, (int[]){ 0, 1, 2, 3, 4 });
    check_top((float[]){ 1, 2, 3, 4, 5 }, 5, 2, (int[]){ 4, 3 });
    check_top((float[]){ 7 }, 1, 1, (int[]){ 0 });
}

static void ties_go_to_the_lower_index(void **state)
{
    (void)state;
    check_top((float[]){ 2, 3, 3, 2, 3 }, 5, 4, (int[]){ 1, 2, 4, 0 });
    check_top((float[]){ 0, 0, 0 }, 3, 2, (int[]){ 0, 1 });
}

static void nan_ranks_last(void **state)
{
    (void)state;
    check_top((float[]){ NAN, -INFINITY, NAN, 1 }, 4, 4, (int[]){ 3, 1, 0, 2 });
}

/* ---- Wilson ---- */

/* Newcombe 1998, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17,
 * table I, method 3 (score, no continuity correction), 95 %; four digits as printed. */
static void intervals_equal_newcombes_table(void **state)
{
    static const struct {
        double k, n, low, high;
    } ROWS[] = { { 81, 263, 0.2553, 0.3662 },
                 { 15, 148, 0.0624, 0.1605 },
                 { 0, 20, 0.0000, 0.1611 },
                 { 1, 29, 0.0061, 0.1718 } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        double low, high;

        vit_wilson(&low, &high, ROWS[i].k, ROWS[i].n, 1.959964);
        if (fabs(low - ROWS[i].low) > 0.00005 || fabs(high - ROWS[i].high) > 0.00005)
            fail_msg("%g of %g: %.6f to %.6f, expected %.4f to %.4f", ROWS[i].k, ROWS[i].n, low, high,
                     ROWS[i].low, ROWS[i].high);
    }
}

static void intervals_never_leave_zero_to_one(void **state)
{
    double low, high;

    (void)state;
    vit_wilson(&low, &high, 0, 0, 1.96);
    assert_true(low == 0 && high == 1);
    for (int n = 1; n < 50; n++) {
        vit_wilson(&low, &high, 0, n, 1.96);
        assert_true(low == 0 && high > 0 && high < 1);
        vit_wilson(&low, &high, n, n, 1.96);
        assert_true(high == 1 && low > 0 && low < 1);
    }
}

/* ---- over a data set ---- */

static struct vit_metrics *metrics(int classes)
{
    struct vit_metrics *m;
    struct vit_error err;

    assert_ok(vit_metrics_create(&m, classes, &err), &err);
    return m;
}

static void counts_follow_the_predictions(void **state)
{
    const float logits[4][6] = {
        { 9, 1, 2, 3, 4, 5 }, /* label 0: first */
        { 9, 1, 2, 3, 4, 5 }, /* label 1: last of six, not among five */
        { 9, 1, 2, 3, 4, 5 }, /* label 2: fifth */
        { 1, 1, 1, 1, 1, 1 }, /* label 5: all equal, ranked last */
    };
    const int labels[4] = { 0, 1, 2, 5 };
    struct vit_metrics *m = metrics(6);

    (void)state;
    vit_metrics_add(m, logits[0], labels, 2);
    vit_metrics_add(m, logits[2], labels + 2, 2);
    assert_int_equal(vit_metrics_count(m), 4);
    assert_int_equal(vit_metrics_correct(m, 1), 1);
    assert_int_equal(vit_metrics_correct(m, 5), 2);
    for (int label = 0; label < 6; label++)
        for (int p = 0; p < 6; p++)
            assert_int_equal(vit_metrics_confusion(m, label, p), p == 0 && label != 3 && label != 4);
    vit_metrics_close(m);
}

static void top5_of_three_classes_counts_everything(void **state)
{
    struct vit_metrics *m = metrics(3);

    (void)state;
    vit_metrics_add(m, (float[]){ 1, 2, 3, 3, 2, 1 }, (int[]){ 0, 1 }, 2);
    assert_int_equal(vit_metrics_correct(m, 1), 0);
    assert_int_equal(vit_metrics_correct(m, 5), 2);
    vit_metrics_close(m);
}

/* ln(1 + e^-1) = 0.31326..., and with the labels exchanged 1 more. Double: 1e-12 leaves room for libm. */
static void loss_is_the_mean_cross_entropy(void **state)
{
    struct vit_metrics *m = metrics(2);

    (void)state;
    assert_true(vit_metrics_loss(m) == 0);
    vit_metrics_add(m, (float[]){ 200, 199, 200, 199 }, (int[]){ 0, 1 }, 2);
    assert_true(fabs(vit_metrics_loss(m) - (0.31326168751822286 + 0.5)) < 1e-12);
    vit_metrics_close(m);
}

/* Confidences by construction: logits (ln c, ln (1 - c)). Bins of 1/15: 0.95 and 0.97 share the last one,
 * 0.7 is alone. |2 right - 1.92| + |0 right - 0.7| over 3 pictures. */
static void calibration_error_by_hand(void **state)
{
    const float c[3] = { 0.95f, 0.97f, 0.7f };
    struct vit_metrics *m = metrics(2);

    (void)state;
    for (int i = 0; i < 3; i++)
        vit_metrics_add(m, (float[]){ logf(c[i]), logf(1 - c[i]) }, (int[]){ i == 2 }, 1);
    /* A logit is off by half an ulp (1.2e-7 at 3.5), a confidence by a tenth of that. */
    assert_true(fabs(vit_metrics_ece(m) - (0.08 + 0.7) / 3) < 1e-7);
    vit_metrics_close(m);
}

/* k equal logits among 15, the others nothing: a confidence of 1 / k is the upper edge of a bin and belongs
 * to it. With a wrong picture there and a right one just above, two bins are off by 1 / k and 1 - above; one
 * would be by their difference. above / k is off by a rounding of logf and of a logit, 1e-6 of it. */
static void a_confidence_on_the_edge_of_bins_is_in_the_lower_one(void **state)
{
    static const int EQUAL[] = { 15, 5, 3 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(EQUAL); i++) {
        const double edge = 1.0 / EQUAL[i], above = edge + 0.01;
        struct vit_metrics *m = metrics(16);
        float on[16], over[16];

        for (int j = 0; j < 16; j++) on[j] = over[j] = j < EQUAL[i] ? 0 : -1000;
        over[0] = logf((float)(above / (1 - above) * (EQUAL[i] - 1)));
        vit_metrics_add(m, on, (int[]){ 15 }, 1);
        vit_metrics_add(m, over, (int[]){ 0 }, 1);
        if (fabs(vit_metrics_ece(m) - (edge + 1 - above) / 2) > 1e-6)
            fail_msg("1/%d: error %.9g, expected %.9g", EQUAL[i], vit_metrics_ece(m), (edge + 1 - above) / 2);
        vit_metrics_close(m);
    }
}

static void a_perfectly_calibrated_model_has_no_error(void **state)
{
    struct vit_metrics *m = metrics(2);

    (void)state;
    vit_metrics_add(m, (float[]){ 0, 0, 0, 0 }, (int[]){ 0, 1 }, 2); /* confidence 1/2, one of two right */
    assert_true(vit_metrics_ece(m) == 0);
    vit_metrics_add(m, (float[]){ 900, 0 }, (int[]){ 0 }, 1);
    assert_true(vit_metrics_ece(m) == 0);
    vit_metrics_close(m);
}

static void broken_logits_are_counted_and_show_in_the_loss(void **state)
{
    struct vit_metrics *m = metrics(3);

    (void)state;
    vit_metrics_add(m, (float[]){ NAN, NAN, NAN, INFINITY, 0, -INFINITY }, (int[]){ 2, 0 }, 2);
    assert_int_equal(vit_metrics_count(m), 2);
    assert_true(isnan(vit_metrics_loss(m)));
    assert_true(vit_metrics_ece(m) >= 0 && vit_metrics_ece(m) <= 1);
    vit_metrics_close(m);
}

static void a_picture_without_a_class_of_the_network_is_left_out(void **state)
{
    struct vit_metrics *m = metrics(3);

    (void)state;
    vit_metrics_add(m, (float[]){ 9, 0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0 }, (int[]){ -1, 3, 0, INT32_MIN }, 4);
    assert_int_equal(vit_metrics_count(m), 1);
    assert_int_equal(vit_metrics_correct(m, 1), 1);
    assert_true(vit_metrics_loss(m) < 0.001);
    for (int i = 0; i < 9; i++) assert_int_equal(vit_metrics_confusion(m, i / 3, i % 3), i == 0);
    vit_metrics_close(m);
}

static void impossible_numbers_of_classes_are_refused(void **state)
{
    struct vit_metrics *m;
    struct vit_error err;

    (void)state;
    assert_refused(vit_metrics_create(&m, 0, &err), VIT_ERR_ARG, "0 classes", &err);
    assert_null(m);
    assert_refused(vit_metrics_create(&m, INT32_MAX, &err), VIT_ERR_NOMEM, "2147483647 classes", &err);
    assert_null(m);
    vit_metrics_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_survives_large_logits),
        cmocka_unit_test(softmax_may_work_in_place_and_sums_to_one),
        cmocka_unit_test(the_largest_come_first),
        cmocka_unit_test(ties_go_to_the_lower_index),
        cmocka_unit_test(nan_ranks_last),
        cmocka_unit_test(intervals_equal_newcombes_table),
        cmocka_unit_test(intervals_never_leave_zero_to_one),
        cmocka_unit_test(counts_follow_the_predictions),
        cmocka_unit_test(top5_of_three_classes_counts_everything),
        cmocka_unit_test(loss_is_the_mean_cross_entropy),
        cmocka_unit_test(calibration_error_by_hand),
        cmocka_unit_test(a_confidence_on_the_edge_of_bins_is_in_the_lower_one),
        cmocka_unit_test(a_perfectly_calibrated_model_has_no_error),
        cmocka_unit_test(broken_logits_are_counted_and_show_in_the_loss),
        cmocka_unit_test(a_picture_without_a_class_of_the_network_is_left_out),
        cmocka_unit_test(impossible_numbers_of_classes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
