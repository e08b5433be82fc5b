/* Every *_back of the reference against finite differences of its forward.
 *
 * The loss is sum r out with fixed random r. Differences of four points (Richardson) with step h = 1/32
 * leave a truncation of h^4 f5 / 30 < 1e-7 f5; the forward is rounded to float, which adds at most
 * 3 u sum |r out| / h = 6e-6 sum |r out|. BOUND covers both for functions of order one. */
#include "kernels/ref.h"
#include "tests/support/test.h"
#include "vit/random.h"

static const float STEP = 0x1p-5f;
#define BOUND 1e-5

static double SCRATCH[4096];

static struct kern_ctx ctx_of(void)
{
    return (struct kern_ctx){ .threads = 1, .scratch = SCRATCH, .scratch_bytes = sizeof SCRATCH };
}

static void fill(float *x, int count, uint64_t key)
{
    for (int i = 0; i < count; i++) x[i] = (float)vit_random_normal(key, (uint64_t)i);
}

/* A forward from in to out, with whatever else it needs in args. */
typedef void forward_fn(float *out, const float *in, const void *args);

enum { MOST = 512 };

static double loss(forward_fn *f, const float *in, const void *args, const float *r, int count,
                   double *absolute)
{
    float out[MOST];
    double sum = 0;

    f(out, in, args);
    *absolute = 0;
    for (int i = 0; i < count; i++) {
        sum += (double)r[i] * (double)out[i];
        *absolute += fabs((double)r[i] * (double)out[i]);
    }
    return sum;
}

/* got: the gradient of sum r out with respect to in (ins), from the backward. */
static void check(const char *name, forward_fn *f, const void *args, float *in, int ins, const float *r,
                  int outs, const float *got)
{
    for (int i = 0; i < ins; i++) {
        const float was = in[i];
        double at[4], absolute, want;

        for (int k = 0; k < 4; k++) {
            static const float OFFSET[4] = { -2, -1, 1, 2 };
            in[i] = was + OFFSET[k] * STEP;
            at[k] = loss(f, in, args, r, outs, &absolute);
        }
        in[i] = was;
        want = (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * (double)STEP);
        if (!(fabs((double)got[i] - want) <= BOUND * (1 + absolute)))
            fail_msg("%s: gradient %d is %.9g, differences say %.9g", name, i, (double)got[i], want);
    }
}

/* ---- linear ---- */

enum { M = 3, N = 4, K = 5 };

static void linear_of_x(float *out, const float *x, const void *w)
{
    const struct kern_ctx c = ctx_of();
    const struct kern_mat mat = { .n = N, .k = K, .f32 = w };

    kern_ref_linear(&c, out, x, &mat, &(struct kern_epilogue){ 0 }, M);
}

static void linear_of_w(float *out, const float *w, const void *x)
{
    linear_of_x(out, x, w);
}

static void linear_gradients(void **state)
{
    const struct kern_ctx c = ctx_of();
    float x[M * K], w[N * K], r[M * N], dx[M * K], dw[N * K] = { 0 };
    const struct kern_mat mat = { .n = N, .k = K, .f32 = w };

    (void)state;
    fill(x, M * K, 1), fill(w, N * K, 2), fill(r, M * N, 3);
    kern_ref_linear_dx(&c, dx, r, &mat, M);
    kern_ref_linear_dw(&c, dw, NULL, r, x, M, N, K);
    check("linear_dx", linear_of_x, w, x, M * K, r, M * N, dx);
    check("linear_dw", linear_of_w, x, w, N * K, r, M * N, dw);
}

/* ---- attention ---- */

static const struct kern_heads A = { .b = 1, .t = 4, .h = 2, .e = 3, .scale = 0.5f };
enum { QKV = 72, CTX = 24, PROB = 32 };

static void attend_of_qkv(float *out, const float *qkv, const void *drop)
{
    const struct kern_ctx c = ctx_of();

    kern_ref_attend(&c, out, NULL, qkv, &A, drop);
}

static void attend_gradients(const struct kern_drop *drop)
{
    const struct kern_ctx c = ctx_of();
    float qkv[QKV], r[CTX], ctx[CTX], prob[PROB], dqkv[QKV];

    fill(qkv, QKV, 4), fill(r, CTX, 5);
    kern_ref_attend(&c, ctx, prob, qkv, &A, drop);
    kern_ref_attend_back(&c, dqkv, r, prob, qkv, &A, drop);
    check("attend_back", attend_of_qkv, drop, qkv, QKV, r, CTX, dqkv);
}

static void attention_gradients(void **state)
{
    (void)state;
    attend_gradients(NULL);
}

static void attention_gradients_with_dropout(void **state)
{
    (void)state;
    attend_gradients(&(struct kern_drop){ .rate = 0.4f, .key = 9 });
}

/* ---- norms ---- */

enum { ROWS = 3, D = 5 };
static const struct kern_rows R = { ROWS, 1, D, D, D };

/* x (ROWS, D), gain (D), bias (D), alpha (1) in one array, so that one check sees all of them. */
enum { GAIN = ROWS * D, BIAS = GAIN + D, ALPHA = BIAS + D, ALL = ALPHA + 1 };

static void norm_of_all(float *out, const float *all, const void *kind)
{
    const struct kern_ctx c = ctx_of();
    const struct kern_norm n = { *(const enum kern_norm_kind *)kind, 1e-2f, all + GAIN, all + BIAS,
                                 all + ALPHA };

    kern_ref_norm(&c, out, NULL, all, &n, &R);
}

static void norm_gradients(void **state)
{
    const struct kern_ctx c = ctx_of();

    (void)state;
    for (enum kern_norm_kind kind = 0; kind < KERN_NORM_KINDS; kind++) {
        float all[ALL], r[GAIN], out[GAIN], stat[2 * ROWS], got[ALL] = { 0 };
        const struct kern_norm n = { kind, 1e-2f, all + GAIN, all + BIAS, all + ALPHA };
        const struct kern_dnorm dn = { got + GAIN, got + BIAS, got + ALPHA };

        fill(all, ALL, 6), fill(r, GAIN, 7);
        /* Keeps the deviation large against the step; DyT has no deviation, but powers of x. */
        for (int i = 0; kind != KERN_DYT && i < GAIN; i++) all[i] *= 3;
        all[ALPHA] = 0.3f;
        kern_ref_norm(&c, out, stat, all, &n, &R);
        kern_ref_norm_back(&c, got, &dn, r, all, stat, &n, &R);
        check(kern_norm_kind_name(kind), norm_of_all, &kind, all, ALL, r, GAIN, got);
    }
}

/* ---- activations and gates ---- */

enum { POINTS = 40, HIDDEN = 20 };

static void act_of_x(float *out, const float *x, const void *act)
{
    const struct kern_ctx c = ctx_of();

    kern_ref_act(&c, out, x, POINTS, *(const enum kern_act *)act);
}

static void glu_of_x(float *out, const float *x, const void *act)
{
    const struct kern_ctx c = ctx_of();

    kern_ref_glu(&c, out, x, 1, HIDDEN, *(const enum kern_act *)act);
}

static void activation_gradients(void **state)
{
    const struct kern_ctx c = ctx_of();

    (void)state;
    for (enum kern_act act = 0; act < KERN_ACTS; act++) {
        float x[POINTS], r[POINTS], dx[POINTS];

        fill(r, POINTS, 8);
        for (int i = 0; i < POINTS; i++)
            x[i] = ((float)i - 19.5f) * 0.25f; /* never within 2 steps of ReLU's kink */
        kern_ref_act_back(&c, dx, r, x, POINTS, act);
        check(kern_act_name(act), act_of_x, &act, x, POINTS, r, POINTS, dx);
        kern_ref_glu_back(&c, dx, r, x, 1, HIDDEN, act);
        check("glu", glu_of_x, &act, x, POINTS, r, HIDDEN, dx);
    }
}

/* ---- add ---- */

static void scaled_of_y(float *out, const float *y, const void *gain)
{
    const struct kern_ctx c = ctx_of();

    kern_ref_add(&c, out, NULL, 0, y, gain, D, ROWS, D);
}

static void scaled_of_gain(float *out, const float *gain, const void *y)
{
    scaled_of_y(out, y, gain);
}

static void scaling_gradients(void **state)
{
    const struct kern_ctx c = ctx_of();
    float y[GAIN], gain[D], r[GAIN], dy[GAIN], dgain[D] = { 0 };

    (void)state;
    fill(y, GAIN, 10), fill(gain, D, 11), fill(r, GAIN, 12);
    kern_ref_add_back(&c, dy, dgain, r, y, gain, D, ROWS, D);
    check("add_back dy", scaled_of_y, gain, y, GAIN, r, GAIN, dy);
    check("add_back dgain", scaled_of_gain, y, gain, D, r, GAIN, dgain);
}

/* ---- pictures ---- */

static const struct kern_window W = {
    .height = 4, .width = 5, .channels = 2, .kernel = 3, .stride = 2, .padding = 1
};
enum { PIXELS = 40, COLS = 2 * 3 * 18, POOLED = 12 };

static void columns_of_x(float *out, const float *x, const void *none)
{
    const struct kern_ctx c = ctx_of();

    (void)none;
    kern_ref_im2col(&c, out, x, &W, 1);
}

static void pooled_of_x(float *out, const float *x, const void *none)
{
    const struct kern_ctx c = ctx_of();

    (void)none;
    kern_ref_max_pool(&c, out, NULL, x, &W, 1);
}

static void picture_gradients(void **state)
{
    const struct kern_ctx c = ctx_of();
    float x[PIXELS], r[COLS], dx[PIXELS], out[POOLED];
    uint8_t arg[POOLED];

    (void)state;
    fill(r, COLS, 13);
    for (int i = 0; i < PIXELS; i++)
        x[i] = (float)(i * 7 % PIXELS); /* all different by more than two steps */
    kern_ref_col2im(&c, dx, r, &W, 1);
    check("col2im", columns_of_x, NULL, x, PIXELS, r, COLS, dx);
    kern_ref_max_pool(&c, out, arg, x, &W, 1);
    kern_ref_max_pool_back(&c, dx, r, arg, &W, 1);
    check("max_pool_back", pooled_of_x, NULL, x, PIXELS, r, POOLED, dx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_gradients),
        cmocka_unit_test(attention_gradients),
        cmocka_unit_test(attention_gradients_with_dropout),
        cmocka_unit_test(norm_gradients),
        cmocka_unit_test(activation_gradients),
        cmocka_unit_test(scaling_gradients),
        cmocka_unit_test(picture_gradients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
