/* The reference and every overlay against float64 where float is at its ends: huge and tiny values,
 * denormals, means far above the deviation, softmax of scores that overflow an exponential, activations of
 * infinity. u = 2^-24. */
#include "tests/kernels/overlay.h"

enum { M = 4, D = 67 };
#define DENORMAL 0x1p-149 /* the smallest; one rounding below the normal numbers errs by half of it */

/* ---- LayerNorm, RMSNorm ---- */

static const struct range {
    const char *name;
    float mean, spread;
} RANGES[] = {
    { "usual", 0, 1 },
    { "far from zero", 1e4f, 1 },
    { "huge", 0, 1e18f },
    { "huge and far", 1e18f, 1e17f },
    { "squares above float", 0, 1e20f },
    { "near the largest", 0, 1e37f },
    { "sums above float", 2e37f, 1e37f },
    { "tiny", 0, 1e-18f },
    { "denormal", 0, 1e-40f },
    { "constant", 3, 0 },
    { "zero", 0, 0 },
    { "large, equal", 1e30f, 0 },
};

/* As test_overlays_norm.c derives it: the mean errs by dm = 2 (d + 2) u mean |x|, the variance about
 * another mean is larger by dm^2, each x - mean errs by u |x - mean| + dm. Where squares are below the
 * normal numbers each of them errs by a denormal, which eps, 1e-6, makes nothing of. And about whatever mean
 * they are taken, no number is more than sqrt(D) deviations away. RMSNorm's mean is 0, without an error. */
static void check_row(const char *name, const char *range, const float *got, const float *stat,
                      const float *x, const struct kern_norm *n)
{
    const bool centred = n->kind == KERN_LAYERNORM;
    double mean = 0, square = 0, absolutes = 0, inverse, dm, relative;

    for (int j = 0; centred && j < D; j++) mean += (double)x[j] / D, absolutes += fabs((double)x[j]) / D;
    for (int j = 0; j < D; j++) square += ((double)x[j] - mean) * ((double)x[j] - mean);
    inverse = 1 / sqrt(square / D + (double)n->eps);
    dm = 2 * (D + 2) * UNIT * absolutes;
    relative = (D + 8) * UNIT + dm * dm * inverse * inverse;
    if (!(fabs((double)stat[0] - mean) <= dm + UNIT * fabs(mean) + DENORMAL &&
          fabs((double)stat[1] - inverse) <= relative * inverse + DENORMAL))
        fail_msg("%s, %s: mean and 1 / deviation are %.9g and %.9g, expected %.9g and %.9g", name, range,
                 (double)stat[0], (double)stat[1], mean, inverse);
    for (int j = 0; j < D; j++) {
        const double xh = ((double)x[j] - mean) * inverse,
                     want = xh * (double)n->gain[j] + (double)n->bias[j];
        const double error =
            fmin(dm * inverse + fabs(xh) * relative + 2 * UNIT * fabs((double)x[j]) * inverse,
                 (1 + (D + 8) * UNIT) * sqrt(D) + fabs(xh));
        const double bound = fabs((double)n->gain[j]) * (error + 2 * UNIT * fabs(xh)) +
                             2 * UNIT * fabs((double)n->bias[j]) + 4 * DENORMAL * inverse;
        if (!(fabs((double)got[j] - want) <= bound))
            fail_msg("%s, %s: [%d] is %.9g, expected %.9g, differs by %.3g > %.3g", name, range, j,
                     (double)got[j], want, fabs((double)got[j] - want), bound);
    }
}

static void norm_of(const struct kern *k, const char *name, enum kern_norm_kind kind)
{
    const struct kern_limits l = { .rows = M, .inputs = D, .outputs = D, .tokens = 1, .head = 1 };
    struct kern_ctx c = open_ctx(k, l, 1);
    float *x = guard_floats(M * D), *out = guard_floats(M * D), *stat = guard_floats(2 * M);
    float *gain = filled(D, 1), *bias = filled(D, 2);
    const struct kern_norm n = { .kind = kind, .eps = 1e-6f, .gain = gain, .bias = bias };
    const struct kern_rows rows = { M, 1, D, D, D };

    for (size_t r = 0; r < VIT_COUNT(RANGES); r++) {
        for (int i = 0; i < M * D; i++)
            x[i] = RANGES[r].mean + RANGES[r].spread * (2 * vit_random_uniform(r + 5, (uint64_t)i) - 1);
        kern_norm(&c, out, stat, x, &n, &rows);
        for (int i = 0; i < M; i++) check_row(name, RANGES[r].name, out + i * D, stat + 2 * i, x + i * D, &n);
    }
    guard_free_floats(x, M * D);
    guard_free_floats(out, M * D);
    guard_free_floats(stat, 2 * M);
    guard_free_floats(gain, D);
    guard_free_floats(bias, D);
    close_ctx(&c);
}

static void layernorm_is_that_of_double_at_the_ends_of_float(void **state)
{
    const struct overlay *o = *state;

    norm_of(&o->ref, "ref", KERN_LAYERNORM);
    norm_of(&o->k, o->name, KERN_LAYERNORM);
}

static void rmsnorm_is_that_of_double_at_the_ends_of_float(void **state)
{
    const struct overlay *o = *state;

    norm_of(&o->ref, "ref", KERN_RMSNORM);
    norm_of(&o->k, o->name, KERN_RMSNORM);
}

/* One such number among numbers whose squares are too large for float. */
static void a_row_that_is_not_finite_is_what_the_reference_makes_of_it(void **state)
{
    static const float WRONG[] = { INFINITY, -INFINITY, NAN };
    static const enum kern_norm_kind KINDS[] = { KERN_LAYERNORM, KERN_RMSNORM };
    const struct overlay *o = *state;
    const struct kern_limits l = { .rows = 1, .inputs = D, .outputs = D, .tokens = 1, .head = 1 };
    const struct kern_rows rows = { 1, 1, D, D, D };
    struct kern_ctx c = open_ctx(&o->k, l, 1), ref = open_ctx(&o->ref, l, 1);
    float x[D], got[D], want[D];

    for (size_t i = 0; i < VIT_COUNT(WRONG) * VIT_COUNT(KINDS); i++) {
        const struct kern_norm n = { .kind = KINDS[i % VIT_COUNT(KINDS)], .eps = 1e-6f };

        for (int j = 0; j < D; j++) x[j] = j % 2 ? 1e30f : 2e30f;
        x[D / 2] = WRONG[i / VIT_COUNT(KINDS)];
        kern_norm(&c, got, NULL, x, &n, &rows);
        kern_norm(&ref, want, NULL, x, &n, &rows);
        assert_true(isnan(want[D / 2]));
        for (int j = 0; j < D; j++)
            if (got[j] != want[j] && !(isnan(got[j]) && isnan(want[j])))
                fail_msg("%s: [%d] beside %g is %g, expected %g", o->name, j, (double)x[D / 2],
                         (double)got[j], (double)want[j]);
    }
    close_ctx(&ref);
    close_ctx(&c);
}

/* ---- the softmax inside attention ---- */

enum { T = 9, E = 8 };

static const float SCORES[] = { 0, 1, 30, 3e3f, 1e8f, 1e-20f, 1e-40f }; /* largest |scale q k| */

/* Scores s_j = scale q k_j err by ds = 2 (e + 2) u scale sum |q| |k_j|, so a probability by a factor exp(2
 * max ds); the rest is one sum of t exponentials and one of t products. */
static void check_attention(const char *name, float largest, const float *got, const float *qkv, float scale)
{
    for (int i = 0; i < T; i++) {
        const float *q = qkv + i * 3 * E;
        double s[T], shift = -INFINITY, sum = 0, ds = 0;

        for (int j = 0; j < T; j++) {
            double size = 0;
            s[j] = 0;
            for (int e = 0; e < E; e++) {
                const double product = (double)q[e] * (double)qkv[j * 3 * E + E + e] * (double)scale;
                s[j] += product;
                size += fabs(product);
            }
            ds = fmax(ds, 2 * (E + 2) * UNIT * size);
            shift = fmax(shift, s[j]);
        }
        for (int j = 0; j < T; j++) sum += exp(s[j] - shift);
        for (int e = 0; e < E; e++) {
            double want = 0, size = 0;
            for (int j = 0; j < T; j++) {
                const double p = exp(s[j] - shift) / sum, v = (double)qkv[j * 3 * E + 2 * E + e];
                want += p * v;
                size = fmax(size, fabs(v)); /* a mean of values is none larger than they */
            }
            const double moved = fmin(expm1(2 * ds), 2) * size, bound = moved + (6 * T + 32) * UNIT * size;
            if (!(fabs((double)got[i * E + e] - want) <= bound))
                fail_msg("%s, scores to %g: [%d, %d] is %.9g, expected %.9g, bound %.3g", name,
                         (double)largest, i, e, (double)got[i * E + e], want, bound);
        }
    }
}

static void attention_of(const struct kern *k, const char *name)
{
    const struct kern_limits l = { .rows = T, .inputs = E, .outputs = 3 * E, .tokens = T, .head = E };
    const struct kern_heads a = { .b = 1, .t = T, .h = 1, .e = E, .scale = 0.5f };
    struct kern_ctx c = open_ctx(k, l, 1);
    float *qkv = guard_floats(T * 3 * E), *out = guard_floats(T * E);

    for (size_t r = 0; r < VIT_COUNT(SCORES); r++) {
        const float side = sqrtf(SCORES[r] / (0.5f * E));
        for (int i = 0; i < T * 3 * E; i++) {
            const bool value = i / E % 3 == 2;
            qkv[i] = (value ? 1 : side) * (2 * vit_random_uniform(r + 31, (uint64_t)i) - 1);
        }
        kern_attend(&c, KERN_F32, out, NULL, qkv, &a, NULL);
        check_attention(name, SCORES[r], out, qkv, a.scale);
    }
    guard_free_floats(qkv, T * 3 * E);
    guard_free_floats(out, T * E);
    close_ctx(&c);
}

static void attention_is_that_of_double_for_any_scores(void **state)
{
    const struct overlay *o = *state;

    attention_of(&o->ref, "ref");
    attention_of(&o->k, o->name);
}

/* ---- activations ---- */

/* kern.h: what act tends to at the largest numbers, NaN where a formula has infinity times zero. */
static const float ENDS[] = { INFINITY, -INFINITY, 3e38f, -3e38f };
static const struct {
    float value[VIT_COUNT(ENDS)], slope[VIT_COUNT(ENDS)];
} AT_ENDS[] = {
    [KERN_ACT_NONE] = { { INFINITY, -INFINITY, 3e38f, -3e38f }, { 1, 1, 1, 1 } },
    [KERN_ACT_GELU] = { { INFINITY, NAN, 3e38f, 0 }, { NAN, NAN, 1, 0 } },
    [KERN_ACT_GELU_TANH] = { { INFINITY, NAN, 3e38f, 0 }, { NAN, NAN, 1, 0 } },
    [KERN_ACT_QUICK_GELU] = { { INFINITY, NAN, 3e38f, 0 }, { NAN, NAN, 1, 0 } },
    [KERN_ACT_RELU] = { { INFINITY, 0, 3e38f, 0 }, { 1, 0, 1, 0 } },
    [KERN_ACT_SILU] = { { INFINITY, NAN, 3e38f, 0 }, { NAN, NAN, 1, 0 } },
    [KERN_ACT_TANH] = { { 1, -1, 1, -1 }, { 0, 0, 0, 0 } },
};
_Static_assert(VIT_COUNT(AT_ENDS) == KERN_ACTS, "every activation");

static void check_ends(const char *name, const char *what, enum kern_act act, const float *got,
                       const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float w = want[i % VIT_COUNT(ENDS)];
        if (got[i] != w && !(isnan(got[i]) && isnan(w)))
            fail_msg("%s: %s of %s at %g is %g, expected %g", name, what, kern_act_name(act),
                     (double)ENDS[i % VIT_COUNT(ENDS)], (double)got[i], (double)w);
    }
}

static void activations_of(const struct kern *k, const char *name)
{
    enum { COUNT = 41 }; /* whole vectors and a rest */
    const struct kern_limits l = { .rows = 1, .inputs = 1, .outputs = 1, .tokens = 1, .head = 1 };
    struct kern_ctx c = open_ctx(k, l, 1);
    float x[COUNT], one[COUNT], got[COUNT];

    for (size_t i = 0; i < COUNT; i++) x[i] = ENDS[i % VIT_COUNT(ENDS)], one[i] = 1;
    for (int act = 0; act < KERN_ACTS; act++) {
        kern_act(&c, got, x, COUNT, act);
        check_ends(name, "value", act, got, AT_ENDS[act].value, COUNT);
        kern_act_back(&c, got, one, x, COUNT, act);
        check_ends(name, "slope", act, got, AT_ENDS[act].slope, COUNT);
    }
    close_ctx(&c);
}

static void activations_at_the_ends_of_float_are_what_the_contract_says(void **state)
{
    const struct overlay *o = *state;

    activations_of(&o->ref, "ref");
    activations_of(&o->k, o->name);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(layernorm_is_that_of_double_at_the_ends_of_float),
        cmocka_unit_test(rmsnorm_is_that_of_double_at_the_ends_of_float),
        cmocka_unit_test(a_row_that_is_not_finite_is_what_the_reference_makes_of_it),
        cmocka_unit_test(attention_is_that_of_double_for_any_scores),
        cmocka_unit_test(activations_at_the_ends_of_float_are_what_the_contract_says),
    };

    return run_on_part(PART_REST, tests, VIT_COUNT(tests));
}
