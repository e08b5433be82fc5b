/* Activations, gated units, additions, scalings and the optimiser of every overlay against the reference.
 *
 * u = 2^-24. An activation is built from exp, which is right to a few u and turns the rounding of its
 * argument z into a relative error 2 |z| u: that is where the terms with z come from. */
#include "kernels/ref.h"
#include "tests/kernels/overlay.h"

static const struct kern_limits NO_LIMITS = {
    .rows = 1, .inputs = 48, .outputs = 48, .tokens = 1, .head = 1, .training = true
};
static const size_t COUNTS[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 4095, 4096, 4097, 20011 };

/* Numbers of all sizes: most in (-6, 6), some tiny, some in the far tails. */
static float *varied(size_t count, uint64_t key)
{
    float *x = filled(count, key);

    for (size_t i = 0; i < count; i++) x[i] *= i % 11 == 3 ? 1e-6f : i % 7 == 2 ? 40.0f : 6.0f;
    return x;
}

/* ---- activations ---- */

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* The argument of the sigmoid that an activation x s(z) uses, and dz/dx. */
static double inner(enum kern_act act, double x, double *slope)
{
    const double k = 2 * 0.7978845608028654;

    *slope = act == KERN_ACT_SILU ? 1 : act == KERN_ACT_QUICK_GELU ? 1.702 : k * (1 + 3 * 0.044715 * x * x);
    return act == KERN_ACT_GELU_TANH ? k * (x + 0.044715 * x * x * x) : x * *slope;
}

static double act_bound(enum kern_act act, double x)
{
    const double y = fabs(kern_ref_act_value(act, x)), tail = fabs(x) * 0.5 * erfc(fabs(x) / sqrt(2.0));
    double slope, z;

    switch (act) {
    case KERN_ACT_GELU: return tail * (2 * x * x + 32) * UNIT + 2 * UNIT * y;
    case KERN_ACT_GELU_TANH:
    case KERN_ACT_QUICK_GELU:
    case KERN_ACT_SILU:
        z = fabs(inner(act, x, &slope));
        return y * (12 + 8 * z * sigmoid(-inner(act, x, &slope))) * UNIT;
    case KERN_ACT_TANH: return 16 * UNIT * y;
    case KERN_ACT_NONE:
    case KERN_ACT_RELU:
    case KERN_ACTS: break;
    }
    return 0;
}

static double slope_bound(enum kern_act act, double x)
{
    const double bell = 0.3989422804014327 * exp(-x * x / 2), tail = 0.5 * erfc(fabs(x) / sqrt(2.0));
    double dz, z, s;

    switch (act) {
    case KERN_ACT_GELU: return (tail + fabs(x) * bell) * (2 * x * x + 40) * UNIT + 4 * UNIT;
    case KERN_ACT_GELU_TANH:
    case KERN_ACT_QUICK_GELU:
    case KERN_ACT_SILU:
        z = inner(act, x, &dz);
        s = sigmoid(z);
        return (s + fabs(x) * dz * s * (1 - s)) * (24 + 12 * fabs(z)) * UNIT;
    case KERN_ACT_TANH: return 40 * UNIT;
    case KERN_ACT_NONE:
    case KERN_ACT_RELU:
    case KERN_ACTS: break;
    }
    return 0;
}

/* The far tails end where exp becomes zero, at 8.3e-39, times x. */
static double floor_of(double x)
{
    return 1e-38 * (1 + fabs(x));
}

/* A slope multiplies that by x dz/dx. */
static double slope_floor_of(double x)
{
    return 2e-38 * (1 + fabs(x) * (2 + x * x));
}

static void check_act(const struct overlay *o, enum kern_act act, size_t count, int threads)
{
    float *x = varied(count, 31), *want = guard_floats(count), *got = guard_floats(count);
    double *bound = malloc(count * sizeof *bound);
    struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, threads);

    kern_act(&r, want, x, count, act);
    for (size_t i = 0; i < count; i++) bound[i] = act_bound(act, (double)x[i]) + floor_of((double)x[i]);
    kern_act(&c, got, x, count, act);
    check("act", o->name, kern_act_name(act), got, want, bound, count);
    c.threads = 1;
    kern_act(&c, x, x, count, act);
    check_bits(o, "act in place", kern_act_name(act), got, x, count, threads);
    close_ctx(&r);
    close_ctx(&c);
    guard_free_floats(x, count);
    guard_free_floats(want, count);
    guard_free_floats(got, count);
    free(bound);
}

static void check_act_back(const struct overlay *o, enum kern_act act, size_t count, int threads)
{
    float *x = varied(count, 32), *dout = filled(count, 33), *want = guard_floats(count),
          *got = guard_floats(count);
    double *bound = malloc(count * sizeof *bound);
    struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, threads);

    kern_act_back(&r, want, dout, x, count, act);
    for (size_t i = 0; i < count; i++)
        bound[i] = fabs((double)dout[i]) * slope_bound(act, (double)x[i]) + 2 * UNIT * fabs((double)want[i]) +
                   slope_floor_of((double)x[i]);
    kern_act_back(&c, got, dout, x, count, act);
    check("act_back", o->name, kern_act_name(act), got, want, bound, count);
    c.threads = 1;
    kern_act_back(&c, dout, dout, x, count, act);
    check_bits(o, "act_back in place", kern_act_name(act), got, dout, count, threads);
    close_ctx(&r);
    close_ctx(&c);
    guard_free_floats(x, count);
    guard_free_floats(dout, count);
    guard_free_floats(want, count);
    guard_free_floats(got, count);
    free(bound);
}

static void activations_equal_the_reference(void **state)
{
    const struct overlay *o = *state;

    for (int act = 0; act < KERN_ACTS; act++)
        for (size_t i = 0; i < VIT_COUNT(COUNTS); i++) {
            check_act(o, act, COUNTS[i], 1 + (int)i % THREADS);
            check_act_back(o, act, COUNTS[i], 1 + (int)i % THREADS);
        }
}

/* But for the slope of ReLU, 0 in the reference too. */
static void nan_stays_nan(void **state)
{
    const struct overlay *o = *state;
    float x[40], y[40], slope[40], one[40];
    struct kern_ctx c = open_ctx(&o->k, NO_LIMITS, 1);

    for (int i = 0; i < 40; i++) x[i] = float_of(NANS[(size_t)i % VIT_COUNT(NANS)]), one[i] = 1;
    for (int act = 0; act < KERN_ACTS; act++) {
        const bool stepped = act == KERN_ACT_RELU || act == KERN_ACT_NONE;

        kern_act(&c, y, x, 40, act);
        kern_act_back(&c, slope, one, x, 40, act);
        for (int i = 0; i < 40; i++)
            if (!isnan(y[i]) || (!isnan(slope[i]) && !stepped))
                fail_msg("%s of NaN (%x) is %g, its slope %g", kern_act_name(act),
                         (unsigned)NANS[(size_t)i % VIT_COUNT(NANS)], (double)y[i], (double)slope[i]);
    }
    close_ctx(&c);
}

/* ---- gated units ---- */

static void check_glu(const struct overlay *o, int m, int hidden, enum kern_act act, int threads)
{
    const size_t half = (size_t)m * hidden;
    float *x = varied(2 * half, 34), *dout = filled(half, 35), *want = guard_floats(3 * half),
          *got = guard_floats(3 * half), *first = guard_floats(3 * half);
    double *bound = malloc(3 * half * sizeof *bound);
    struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, threads);

    kern_glu(&r, want, x, m, hidden, act);
    kern_glu_back(&r, want + half, dout, x, m, hidden, act);
    kern_glu(&c, got, x, m, hidden, act);
    kern_glu_back(&c, got + half, dout, x, m, hidden, act);
    for (size_t i = 0; i < half; i++) {
        const size_t gate = i / hidden * 2 * hidden + i % hidden, up = gate + hidden;
        const double a = (double)x[gate], b = fabs((double)x[up]), d = fabs((double)dout[i]);
        const double value = act_bound(act, a) + 2 * UNIT * fabs(kern_ref_act_value(act, a)) + floor_of(a);

        bound[i] = b * value + 1e-36;
        bound[half + up] = d * value + 1e-36;
        bound[half + gate] =
            d * b * (slope_bound(act, a) + 4 * UNIT * fabs(kern_ref_act_slope(act, a)) + slope_floor_of(a)) +
            1e-36;
    }
    check("glu", o->name, kern_act_name(act), got, want, bound, half);
    check("glu_back", o->name, kern_act_name(act), got + half, want + half, bound + half, 2 * half);
    c.threads = 1;
    kern_glu(&c, first, x, m, hidden, act);
    kern_glu_back(&c, first + half, dout, x, m, hidden, act);
    check_bits(o, "glu, glu_back", kern_act_name(act), got, first, 3 * half, threads);
    close_ctx(&r);
    close_ctx(&c);
    guard_free_floats(x, 2 * half);
    guard_free_floats(dout, half);
    guard_free_floats(want, 3 * half);
    guard_free_floats(got, 3 * half);
    guard_free_floats(first, 3 * half);
    free(bound);
}

static void gated_units_equal_the_reference(void **state)
{
    const struct overlay *o = *state;

    for (int hidden = 1; hidden < 40; hidden++) check_glu(o, 3, hidden, KERN_ACT_SILU, 1 + hidden % THREADS);
    check_glu(o, 70, 100, KERN_ACT_GELU, 3);
}

/* ---- additions ---- */

static void check_add(const struct overlay *o, int m, int n, int gain_n, bool with_x, int threads)
{
    const size_t count = (size_t)m * n;
    float *x = filled(count, 41), *y = filled(count, 42), *gain = filled((size_t)n, 43);
    float *want = guard_floats(count), *got = guard_floats(count);
    double *bound = malloc(count * sizeof *bound);
    struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, threads);

    for (size_t i = 0; i < count; i++) bound[i] = 4 * UNIT * (fabs(0.7 * (double)x[i]) + fabs((double)y[i]));
    kern_add(&r, want, with_x ? x : NULL, 0.7f, y, gain_n ? gain : NULL, gain_n, m, n);
    kern_add(&c, got, with_x ? x : NULL, 0.7f, y, gain_n ? gain : NULL, gain_n, m, n);
    check("add", o->name, "out of place", got, want, bound, count);
    c.threads = 1;
    kern_add(&c, x, with_x ? x : NULL, 0.7f, y, gain_n ? gain : NULL, gain_n, m, n);
    check_bits(o, "add", "onto x", got, x, count, threads);
    fill(x, count, 41);
    kern_add(&c, y, with_x ? x : NULL, 0.7f, y, gain_n ? gain : NULL, gain_n, m, n);
    check_bits(o, "add", "onto y", got, y, count, threads);
    close_ctx(&r);
    close_ctx(&c);
    guard_free_floats(x, count);
    guard_free_floats(y, count);
    guard_free_floats(gain, (size_t)n);
    guard_free_floats(want, count);
    guard_free_floats(got, count);
    free(bound);
}

static void check_add_back(const struct overlay *o, int m, int n, int gain_n, int threads)
{
    const size_t count = (size_t)m * n, gains = (size_t)gain_n;
    float *dout = filled(count, 44), *y = filled(count, 45), *gain = filled((size_t)n, 46);
    float *want = guard_floats(count), *got = guard_floats(count), *want_gain = copied(gain, gains),
          *got_gain = copied(gain, gains);
    double *bound = malloc((count + gains) * sizeof *bound), *sums = bound + count;
    struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, threads);

    for (size_t j = 0; j < gains; j++) sums[j] = 2 * UNIT;
    for (size_t i = 0; i < count; i++) {
        bound[i] = 2 * UNIT;
        sums[gain_n > 1 ? i % (size_t)n : 0] +=
            2 * ((double)(gain_n > 1 ? m : m * n) + 4) * UNIT * fabs((double)dout[i] * (double)y[i]);
    }
    kern_add_back(&r, want, want_gain, dout, y, gain, gain_n, m, n);
    kern_add_back(&c, got, got_gain, dout, y, gain, gain_n, m, n);
    check("add_back", o->name, "dy", got, want, bound, count);
    check("add_back", o->name, "dgain", got_gain, want_gain, sums, gains);
    memcpy(want_gain, gain, gains * sizeof *gain);
    c.threads = 1;
    kern_add_back(&c, dout, want_gain, dout, y, gain, gain_n, m, n);
    check_bits(o, "add_back", "in place", got, dout, count, threads);
    check_bits(o, "add_back", "dgain", got_gain, want_gain, gains, threads);
    close_ctx(&r);
    close_ctx(&c);
    guard_free_floats(dout, count);
    guard_free_floats(y, count);
    guard_free_floats(gain, (size_t)n);
    guard_free_floats(want, count);
    guard_free_floats(got, count);
    guard_free_floats(want_gain, gains);
    guard_free_floats(got_gain, gains);
    free(bound);
}

static void additions_equal_the_reference(void **state)
{
    const struct overlay *o = *state;

    for (int n = 1; n < 40; n++)
        for (int kind = 0; kind < 3; kind++) {
            const int gain_n = kind == 0 ? 0 : kind == 1 ? 1 : n;
            check_add(o, 1 + 2 * n % 5, n, gain_n, n % 4 != 0, 1 + n % THREADS);
            if (gain_n) check_add_back(o, 1 + 2 * n % 5, n, gain_n, 1 + n % THREADS);
        }
    check_add(o, 300, 48, 48, true, 3);
    check_add_back(o, 300, 48, 48, 3);
    check_add_back(o, 300, 48, 1, 3);
}

static void row_scale_equals_the_reference(void **state)
{
    const struct overlay *o = *state;
    const float factor[5] = { 0, 1.25f, 1, -3, 0.1f };

    for (size_t n = 1; n < 3000; n += n < 40 ? 1 : 977) {
        float *want = filled(5 * n, 47), *got = filled(5 * n, 47);
        struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, 2);

        kern_row_scale(&r, want, factor, 5, n);
        kern_row_scale(&c, got, factor, 5, n);
        assert_memory_equal(got, want, 5 * n * sizeof *got);
        close_ctx(&r);
        close_ctx(&c);
        guard_free_floats(want, 5 * n);
        guard_free_floats(got, 5 * n);
    }
}

/* ---- optimiser ---- */

/* w, mean and square as one array of 3 count. */
static float *adam_state(size_t count)
{
    float *s = filled(3 * count, 51);

    for (size_t i = 2 * count; i < 3 * count; i++) s[i] = fabsf(s[i]) + 1e-8f;
    return s;
}

static void adam_bounds(double *bound, const float *was, const float *grad, size_t count,
                        const struct kern_adamw *p)
{
    for (size_t i = 0; i < count; i++) {
        const double g = fabs((double)p->grad_scale * (double)grad[i]);
        const double mean = (double)p->beta1 * fabs((double)was[count + i]) + (1 - (double)p->beta1) * g;
        const double square = (double)p->beta2 * (double)was[2 * count + i] + (1 - (double)p->beta2) * g * g;
        const double step = (double)p->lr * mean / (double)p->correct1 / sqrt(square / (double)p->correct2);

        bound[count + i] = 6 * UNIT * mean;
        bound[2 * count + i] = 8 * UNIT * square;
        bound[i] = 4 * UNIT * fabs((double)was[i]) + 24 * UNIT * step;
    }
}

static void adamw_equals_the_reference(void **state)
{
    const struct overlay *o = *state;
    const struct kern_adamw p = { 1e-3f, 0.9f, 0.999f, 1e-2f, 0.05f, 1 - 0.9f * 0.9f, 1 - 0.999f * 0.999f,
                                  0.3f };

    for (size_t k = 0; k < VIT_COUNT(COUNTS); k++) {
        const size_t n = COUNTS[k];
        const int threads = 1 + (int)k % THREADS;
        float *was = adam_state(n), *want = adam_state(n), *got = adam_state(n), *grad = filled(n, 52);
        double *bound = malloc(3 * n * sizeof *bound);
        struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1), c = open_ctx(&o->k, NO_LIMITS, threads);

        adam_bounds(bound, was, grad, n, &p);
        kern_adamw(&r, want, want + n, want + 2 * n, grad, n, &p);
        kern_adamw(&c, got, got + n, got + 2 * n, grad, n, &p);
        check("adamw", o->name, "w, mean, square", got, want, bound, 3 * n);
        c.threads = 1;
        kern_adamw(&c, was, was + n, was + 2 * n, grad, n, &p);
        check_bits(o, "adamw", "w, mean, square", got, was, 3 * n, threads);
        close_ctx(&r);
        close_ctx(&c);
        guard_free_floats(was, 3 * n);
        guard_free_floats(want, 3 * n);
        guard_free_floats(got, 3 * n);
        guard_free_floats(grad, n);
        free(bound);
    }
}

static void sum_squares_equals_the_reference(void **state)
{
    const struct overlay *o = *state;

    for (size_t k = 0; k < VIT_COUNT(COUNTS); k++) {
        float *x = filled(COUNTS[k], 53);
        double want, got[THREADS];
        struct kern_ctx r = open_ctx(&o->ref, NO_LIMITS, 1);

        want = kern_sum_squares(&r, x, COUNTS[k]);
        close_ctx(&r);
        for (int t = 0; t < THREADS; t++) {
            struct kern_ctx c = open_ctx(&o->k, NO_LIMITS, t + 1);

            got[t] = kern_sum_squares(&c, x, COUNTS[k]);
            assert_true(fabs(got[t] - want) <= 2 * (double)COUNTS[k] * 0x1p-53 * want);
            assert_memory_equal(&got[t], &got[0], sizeof got[0]);
            close_ctx(&c);
        }
        guard_free_floats(x, COUNTS[k]);
    }
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_equal_the_reference),  cmocka_unit_test(nan_stays_nan),
        cmocka_unit_test(gated_units_equal_the_reference),  cmocka_unit_test(additions_equal_the_reference),
        cmocka_unit_test(row_scale_equals_the_reference),   cmocka_unit_test(adamw_equals_the_reference),
        cmocka_unit_test(sum_squares_equals_the_reference),
    };

    return run_on_part(PART_REST, tests, VIT_COUNT(tests));
}
