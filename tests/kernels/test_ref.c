/* The reference against PyTorch in double (tests/data/kernels), and identities.
 *
 * The reference sums in double, so what it returns is the exact value rounded once, or a few times where a
 * stored float (a probability, a statistic) stands between. SLACK roundings of the largest value cover it. */
#include "kernels/ref.h"
#include "tests/data/kernels/expected.h"
#include "tests/support/test.h"
#include "vit/random.h"

#define SLACK (8 * 0x1p-24)

static struct kern TABLE;
static double SCRATCH[4096];

static struct kern_ctx ctx_of(int threads)
{
    kern_ref_install(&TABLE);
    return (struct kern_ctx){
        .k = &TABLE, .threads = threads, .scratch = SCRATCH, .scratch_bytes = sizeof SCRATCH
    };
}

static void near(const char *name, const float *got, const double *want, size_t count)
{
    double largest = 0;

    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= SLACK * largest))
            fail_msg("%s[%zu] is %.9g, expected %.9g", name, i, (double)got[i], want[i]);
}

#define NEAR(got, want) near(#want, got, want, VIT_COUNT(want))

static void linear_equals_pytorch(void **state)
{
    const struct kern_ctx c = ctx_of(2);
    const struct kern_mat w = { .n = 9, .k = 7, .f32 = linear_w };
    float out[45], pre[45], dx[35], dw[63] = { 0 }, db[9] = { 0 };
    struct kern_epilogue e = { .bias = linear_b,
                               .pre = pre,
                               .act = KERN_ACT_GELU,
                               .gain = linear_gain,
                               .gain_n = 9,
                               .skip = out,
                               .skip_scale = 0.5f };

    (void)state;
    memcpy(out, linear_skip, sizeof out);
    kern_linear(&c, out, linear_x, &w, &e, 5);
    NEAR(out, linear_out);
    NEAR(pre, linear_pre);
    kern_linear_dx(&c, dx, linear_dout, &w, 5);
    NEAR(dx, linear_dx);
    kern_linear_dw(&c, KERN_F32, dw, db, linear_dout, linear_x, 5, 9, 7);
    NEAR(dw, linear_dw);
    NEAR(db, linear_db);
}

/* By hand: the largest of x is 127 and of w 254, so the scales are 1 and 2 and what is multiplied is
 * (127, -64, 3) and (127, 1, -50). */
static void integers_are_multiplied_exactly(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    const float x[] = { 127, -63.9f, 2.6f }, w[] = { 254, 2.5f, -100.4f };
    const struct kern_mat mat = { .n = 1, .k = 3, .dtype = KERN_I8, .f32 = w };
    const struct kern_epilogue none = { 0 };
    float out;

    (void)state;
    kern_linear(&c, &out, x, &mat, &none, 1);
    assert_true(out == 2 * (127 * 127 - 64 * 1 - 3 * 50));
}

static void activations_equal_pytorch_to_the_last_digit(void **state)
{
    static const struct {
        enum kern_act act;
        const double *value, *slope;
    } CASES[] = {
        { KERN_ACT_NONE, act_none, act_none_slope },
        { KERN_ACT_GELU, act_gelu, act_gelu_slope },
        { KERN_ACT_GELU_TANH, act_gelu_tanh, act_gelu_tanh_slope },
        { KERN_ACT_QUICK_GELU, act_quick_gelu, act_quick_gelu_slope },
        { KERN_ACT_RELU, act_relu, act_relu_slope },
        { KERN_ACT_SILU, act_silu, act_silu_slope },
        { KERN_ACT_TANH, act_tanh, act_tanh_slope },
    };

    (void)state;
    for (size_t k = 0; k < VIT_COUNT(CASES); k++)
        for (size_t i = 0; i < VIT_COUNT(act_x); i++) {
            const double value = kern_ref_act_value(CASES[k].act, (double)act_x[i]);
            const double slope = kern_ref_act_slope(CASES[k].act, (double)act_x[i]);

            /* Relative: in the far tail every digit counts. Absolute: slopes cross zero, and
             * 1 - tanh^2 cancels. */
            if (!(fabs(value - CASES[k].value[i]) <= 1e-11 * fabs(CASES[k].value[i])))
                fail_msg("%s(%g) is %.17g, expected %.17g", kern_act_name(CASES[k].act), (double)act_x[i],
                         value, CASES[k].value[i]);
            if (!(fabs(slope - CASES[k].slope[i]) <= 1e-14))
                fail_msg("slope of %s(%g) is %.17g, expected %.17g", kern_act_name(CASES[k].act),
                         (double)act_x[i], slope, CASES[k].slope[i]);
        }
}

struct norm_case {
    enum kern_norm_kind kind;
    const double *out, *dx, *dgain, *dbias;
};

static void norm_equals(const struct norm_case *n)
{
    const struct kern_ctx c = ctx_of(2);
    const struct kern_rows r = { 4, 1, 6, 6, 6 };
    const float alpha = 0.75f;
    const struct kern_norm p = { n->kind, 1e-3f, norm_gain, norm_bias, &alpha };
    float out[24], stat[8], dx[24], dgain[6] = { 0 }, dbias[6] = { 0 }, dalpha = 0;
    const struct kern_dnorm dn = { dgain, dbias, &dalpha };

    kern_norm(&c, out, stat, norm_x, &p, &r);
    near("out", out, n->out, 24);
    memcpy(dx, norm_dout, sizeof dx);
    kern_norm_back(&c, dx, &dn, dx, norm_x, stat, &p, &r);
    near("dx", dx, n->dx, 24);
    near("dgain", dgain, n->dgain, 6);
    near("dbias", dbias, n->dbias, 6);
    if (n->kind == KERN_DYT) near("dalpha", &dalpha, dyt_dalpha, 1);
}

static void norms_equal_pytorch(void **state)
{
    (void)state;
    norm_equals(
        &(struct norm_case){ KERN_LAYERNORM, layernorm_out, layernorm_dx, layernorm_dgain, layernorm_dbias });
    norm_equals(&(struct norm_case){ KERN_RMSNORM, rmsnorm_out, rmsnorm_dx, rmsnorm_dgain, rmsnorm_dbias });
    norm_equals(&(struct norm_case){ KERN_DYT, dyt_out, dyt_dx, dyt_dgain, dyt_dbias });
}

static const struct kern_heads HEADS = { .b = 2, .t = 5, .h = 2, .e = 3, .scale = 0.6f };

static void attention_equals_pytorch(void **state)
{
    const struct kern_ctx c = ctx_of(2);
    float ctx[60], alone[60], prob[100], dqkv[180];

    (void)state;
    kern_attend(&c, KERN_F32, ctx, prob, attend_qkv, &HEADS, NULL);
    NEAR(ctx, attend_ctx);
    NEAR(prob, attend_prob);
    kern_attend(&c, KERN_F32, alone, NULL, attend_qkv, &HEADS, NULL);
    assert_memory_equal(alone, ctx, sizeof ctx);
    kern_attend_back(&c, dqkv, attend_dctx, prob, attend_qkv, &HEADS, NULL);
    NEAR(dqkv, attend_dqkv);
}

static void probabilities_sum_to_one(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    float ctx[60], prob[100];

    (void)state;
    kern_attend(&c, KERN_F32, ctx, prob, attend_qkv, &HEADS, NULL);
    for (int i = 0; i < 20; i++) {
        double sum = 0;
        for (int j = 0; j < 5; j++) sum += (double)prob[5 * i + j];
        assert_true(fabs(sum - 1) <= SLACK);
    }
}

/* Logits 0 and -1, values 0 and 1, all but for what rounding takes away; the exponential of -1 is rounded,
 * its share of the sum is not. */
static void bf16_attention_rounds_what_it_multiplies(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    const struct kern_heads a = { .b = 1, .t = 2, .h = 1, .e = 1, .scale = 1 };
    const float one = 1 + 0x1p-9f, qkv[6] = { one, 0, 0, one, -one, one };
    const double sum = 1 + exp(-1), rounded = 188 * 0x1p-9; /* exp(-1) = 188.35 2^-9 */
    float ctx[2], prob[4];

    (void)state;
    kern_attend(&c, KERN_BF16, ctx, prob, qkv, &a, NULL);
    NEAR(ctx, ((double[]){ rounded / sum, rounded / sum }));
    NEAR(prob, ((double[]){ 1 / sum, exp(-1) / sum, 1 / sum, exp(-1) / sum }));
}

static void equal_keys_give_the_mean_of_the_values(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    const struct kern_heads a = { .b = 1, .t = 5, .h = 1, .e = 3, .scale = 1 };
    float qkv[45], ctx[15];
    double want[15] = { 0 };

    (void)state;
    memcpy(qkv, attend_qkv, sizeof qkv);
    for (int i = 0; i < 5; i++) memcpy(qkv + 9 * i + 3, qkv + 3, 3 * sizeof *qkv);
    for (int i = 0; i < 75; i++) want[i / 5] += (double)qkv[9 * (i % 5) + 6 + i / 5 % 3] / 5;
    kern_attend(&c, KERN_F32, ctx, NULL, qkv, &a, NULL);
    NEAR(ctx, want);
}

static void a_constant_row_is_normalised_to_the_bias(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    const struct kern_rows r = { 1, 1, 6, 6, 6 };
    const struct kern_norm n = { .kind = KERN_LAYERNORM, .eps = 1e-6f, .gain = norm_gain, .bias = norm_bias };
    float x[6] = { 3, 3, 3, 3, 3, 3 };

    (void)state;
    kern_norm(&c, x, NULL, x, &n, &r);
    assert_memory_equal(x, norm_bias, sizeof x);
}

/* Heads inside rows of q, k and v: neighbouring heads and the rest of the row are not touched. */
static void groups_are_normalised_one_by_one(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    const struct kern_rows groups = { 2, 2, 3, 9, 9 }, single = { 4, 1, 3, 3, 3 };
    const struct kern_norm n = { .kind = KERN_RMSNORM, .eps = 1e-6f };
    float x[18], one[12];

    (void)state;
    for (int i = 0; i < 18; i++) x[i] = norm_x[i];
    for (int i = 0; i < 12; i++) one[i] = norm_x[i / 6 * 9 + i % 6];
    kern_norm(&c, x, NULL, x, &n, &groups);
    kern_norm(&c, one, NULL, one, &n, &single);
    for (int i = 0; i < 18; i++) assert_true(x[i] == (i % 9 < 6 ? one[i / 9 * 6 + i % 9] : norm_x[i]));
}

static const struct kern_window CONV = {
    .height = 5, .width = 6, .channels = 3, .kernel = 3, .stride = 2, .padding = 1
};

static void convolution_equals_pytorch(void **state)
{
    const struct kern_ctx c = ctx_of(2);
    const struct kern_mat w = { .n = 4, .k = 27, .f32 = conv_w };
    const struct kern_epilogue none = { 0 };
    float cols[18 * 27], out[72], dx[180];

    (void)state;
    kern_im2col(&c, cols, conv_x, &CONV, 2);
    kern_linear(&c, out, cols, &w, &none, 18);
    NEAR(out, conv_out);
    kern_linear_dx(&c, cols, conv_dout, &w, 18);
    kern_col2im(&c, dx, cols, &CONV, 2);
    NEAR(dx, conv_dx);
}

static void pooling_equals_pytorch(void **state)
{
    const struct kern_ctx c = ctx_of(2);
    float out[54], dx[180];
    uint8_t arg[54];

    (void)state;
    kern_max_pool(&c, out, arg, conv_x, &CONV, 2);
    NEAR(out, pool_out);
    kern_max_pool_back(&c, dx, pool_dout, arg, &CONV, 2);
    NEAR(dx, pool_dx);
}

static void the_first_of_equal_values_wins_the_pool(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    const struct kern_window w = { .height = 2, .width = 2, .channels = 1, .kernel = 2, .stride = 2 };
    const float x[4] = { 1, 5, 5, 5 };
    float out;
    uint8_t arg;

    (void)state;
    kern_max_pool(&c, &out, &arg, x, &w, 1);
    assert_true(out == 5 && arg == 1);
}

static void adamw_equals_pytorch(void **state)
{
    const struct kern_ctx c = ctx_of(1);
    float w[7], mean[7] = { 0 }, square[7] = { 0 };

    (void)state;
    memcpy(w, adamw_w, sizeof w);
    for (int step = 1; step <= 3; step++) {
        const struct kern_adamw p = { .lr = 0.01f,
                                      .beta1 = 0.9f,
                                      .beta2 = 0.95f,
                                      .eps = 1e-6f,
                                      .decay = 0.1f,
                                      .correct1 = (float)(1 - pow(0.9, step)),
                                      .correct2 = (float)(1 - pow(0.95, step)),
                                      .grad_scale = 0.5f };
        kern_adamw(&c, w, mean, square, adamw_grads + 7 * (step - 1), 7, &p);
    }
    NEAR(w, adamw_after);
}

static void dropout_keeps_the_expected_value(void **state)
{
    const struct kern_drop drop = { .rate = 0.3f, .key = 5 }, later = { .rate = 0.3f, .key = 5, .first = 7 };
    enum { COUNT = 20000 };
    double sum = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        const float factor = kern_ref_drop_factor(&drop, (uint64_t)i);
        assert_true(factor == 0 || factor == 1 / (1 - drop.rate));
        assert_true(i < 7 || factor == kern_ref_drop_factor(&later, (uint64_t)i - 7));
        sum += (double)factor / COUNT;
    }
    /* 5 standard deviations of the mean of COUNT draws: sqrt(rate / (1 - rate) / COUNT) = 0.0046 */
    assert_true(fabs(sum - 1) < 5 * 0.0047);
}

static void threads_do_not_change_a_bit(void **state)
{
    const struct kern_ctx one = ctx_of(1), three = ctx_of(3);
    float a[180], b[180], prob[100];

    (void)state;
    kern_attend(&one, KERN_F32, a, prob, attend_qkv, &HEADS, NULL);
    kern_attend_back(&one, a, attend_dctx, prob, attend_qkv, &HEADS, NULL);
    kern_attend_back(&three, b, attend_dctx, prob, attend_qkv, &HEADS, NULL);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_equals_pytorch),
        cmocka_unit_test(integers_are_multiplied_exactly),
        cmocka_unit_test(activations_equal_pytorch_to_the_last_digit),
        cmocka_unit_test(norms_equal_pytorch),
        cmocka_unit_test(attention_equals_pytorch),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(bf16_attention_rounds_what_it_multiplies),
        cmocka_unit_test(equal_keys_give_the_mean_of_the_values),
        cmocka_unit_test(a_constant_row_is_normalised_to_the_bias),
        cmocka_unit_test(groups_are_normalised_one_by_one),
        cmocka_unit_test(convolution_equals_pytorch),
        cmocka_unit_test(pooling_equals_pytorch),
        cmocka_unit_test(the_first_of_equal_values_wins_the_pool),
        cmocka_unit_test(adamw_equals_pytorch),
        cmocka_unit_test(dropout_keeps_the_expected_value),
        cmocka_unit_test(threads_do_not_change_a_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
