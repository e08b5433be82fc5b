/* linear, linear_dx and linear_dw of every overlay against the reference.
 *
 * A sum of k products in float, in any order, differs from the exact one by at most k u / (1 - k u) times
 * the sum of the absolute products (Higham, Accuracy and Stability, 3.1), u = 2^-24; 2 k u covers it. The
 * activation has a slope of at most 1.13 and errs by a few u of the sum itself.
 *
 * The product of two bf16 numbers is exact in float, so the same holds for sums of them. The bounds are
 * taken of the factors before they are rounded, which makes each at most 1 + 2^-8 times larger.
 *
 * Sums of integers are exact, so that no bound depends on k there: one rounding makes a float of the sum,
 * two the products with the scales, one adds the bias; each errs by at most u of what it gives, and 6 u
 * covers them. */
#include "tests/kernels/overlay.h"

#define ROUNDED ((1 + 0x1p-8) * (1 + 0x1p-8))

struct shape {
    int m, n, k;
};

/* Which parts of the epilogue are on. */
enum { BIAS = 1, PRE = 2, GAIN = 4, ONE_GAIN = 8, SKIP = 16, IN_PLACE = 32 };
static const struct {
    enum kern_act act;
    int parts;
} EPILOGUES[] = {
    { KERN_ACT_NONE, 0 },
    { KERN_ACT_NONE, BIAS },
    { KERN_ACT_GELU, BIAS },
    { KERN_ACT_GELU_TANH, BIAS | PRE },
    { KERN_ACT_NONE, BIAS | SKIP | IN_PLACE },
    { KERN_ACT_NONE, BIAS | GAIN | SKIP | IN_PLACE },
    { KERN_ACT_QUICK_GELU, BIAS | PRE | ONE_GAIN | SKIP },
    { KERN_ACT_RELU, GAIN },
    { KERN_ACT_SILU, PRE },
    { KERN_ACT_TANH, BIAS | SKIP },
};

/* One product with its operands. */
struct problem {
    struct shape s;
    enum kern_dtype dtype;
    float *x, *w, *bias, *gain, *skip;
    void *packed, *packed_back;
    size_t bytes, bytes_back;
    struct kern_mat mat, plain;
    char text[64];
};

static struct problem make(const struct overlay *o, struct shape s)
{
    struct problem p = { .s = s, .dtype = o->dtype };
    const size_t m = (size_t)s.m, n = (size_t)s.n, k = (size_t)s.k;

    snprintf(p.text, sizeof p.text, "%s m %d n %d k %d", kern_dtype_name(o->dtype), s.m, s.n, s.k);
    p.x = filled(m * k, 1);
    p.w = filled(n * k, 2);
    p.bias = filled(n, 3);
    p.gain = filled(n, 4);
    p.skip = filled(m * n, 5);
    p.plain = (struct kern_mat){ .n = s.n, .k = s.k, .dtype = o->dtype, .f32 = p.w, .x_scale = o->x_scale };
    p.mat = p.plain;
    p.bytes = kern_pack_bytes(&o->k, o->dtype, s.n, s.k, false);
    p.bytes_back = kern_pack_bytes(&o->k, o->dtype, s.n, s.k, true);
    if (!p.bytes) return p;
    p.packed = guard_bytes(p.bytes);
    kern_pack(&o->k, o->dtype, p.packed, p.w, s.n, s.k, false);
    p.mat.f32 = NULL;
    p.mat.packed = p.packed;
    if (!p.bytes_back) return p;
    p.packed_back = guard_bytes(p.bytes_back);
    kern_pack(&o->k, o->dtype, p.packed_back, p.w, s.n, s.k, true);
    p.mat.packed_back = p.packed_back;
    return p;
}

static void release(struct problem *p)
{
    const size_t m = (size_t)p->s.m, n = (size_t)p->s.n, k = (size_t)p->s.k;

    guard_free_floats(p->x, m * k);
    guard_free_floats(p->w, n * k);
    guard_free_floats(p->bias, n);
    guard_free_floats(p->gain, n);
    guard_free_floats(p->skip, m * n);
    guard_free(p->packed, p->bytes);
    if (p->packed_back) guard_free(p->packed_back, p->bytes_back);
}

static struct kern_limits limits_of(const struct problem *p)
{
    return (struct kern_limits){ .rows = p->s.m,
                                 .inputs = p->s.k,
                                 .outputs = p->s.n,
                                 .tokens = 1,
                                 .head = 1,
                                 .training = true,
                                 .dtype = p->dtype };
}

static struct kern_epilogue epilogue_of(const struct problem *p, int which, float *out, float *pre)
{
    const int parts = EPILOGUES[which].parts;

    return (struct kern_epilogue){ .bias = parts & BIAS ? p->bias : NULL,
                                   .pre = parts & PRE ? pre : NULL,
                                   .act = EPILOGUES[which].act,
                                   .gain = parts & (GAIN | ONE_GAIN) ? p->gain : NULL,
                                   .gain_n = parts & ONE_GAIN ? 1 : p->s.n,
                                   .skip = parts & IN_PLACE ? out
                                           : parts & SKIP   ? p->skip
                                                            : NULL,
                                   .skip_scale = 0.75f };
}

/* Of element (i, j): bound on the error before the activation, and on what is written. product: the exact
 * one of integers. */
static void linear_bounds(double *pre, double *out, const struct problem *p, const struct kern_epilogue *e,
                          const float *product)
{
    const bool exact = p->dtype == KERN_I8;

    for (int i = 0; i < p->s.m; i++)
        for (int j = 0; j < p->s.n; j++) {
            const size_t at = (size_t)i * p->s.n + j;
            double sum = e->bias ? fabs((double)e->bias[j]) : 0, gain = 1;

            if (exact) sum += fabs((double)product[at]);
            for (int l = 0; !exact && l < p->s.k; l++)
                sum += fabs((double)p->x[(size_t)i * p->s.k + l] * (double)p->w[(size_t)j * p->s.k + l]);
            if (e->gain) gain = fabs((double)e->gain[e->gain_n == 1 ? 0 : j]);
            pre[at] = exact ? 6 * UNIT * sum : 2 * (p->s.k + 2) * UNIT * sum * ROUNDED;
            out[at] = gain * (1.13 * pre[at] + 32 * UNIT * sum) + 2 * UNIT * (gain * sum + 0.75) + 1e-36;
        }
}

static void run_linear(const struct kern *k, const struct problem *p, int which, int threads, float *out,
                       float *pre)
{
    struct kern_ctx c = open_ctx(k, limits_of(p), threads);
    const struct kern_epilogue e = epilogue_of(p, which, out, pre);

    if (EPILOGUES[which].parts & IN_PLACE) memcpy(out, p->skip, (size_t)p->s.m * p->s.n * sizeof *out);
    kern_linear(&c, out, p->x, p->mat.packed ? &p->mat : &p->plain, &e, p->s.m);
    close_ctx(&c);
}

static void check_linear(const struct overlay *o, struct shape s, int which)
{
    struct problem p = make(o, s);
    struct problem r = p;
    const size_t count = (size_t)s.m * s.n;
    float *want = guard_floats(count), *want_pre = guard_floats(count), *got[THREADS], *pre[THREADS];
    float *product = guard_floats(count);
    double *bound = malloc(2 * count * sizeof *bound);
    const struct kern_epilogue e = epilogue_of(&p, which, want, want_pre);

    r.mat.packed = NULL;
    run_linear(&o->ref, &r, 0, 1, product, NULL);
    run_linear(&o->ref, &r, which, 1, want, want_pre);
    linear_bounds(bound + count, bound, &p, &e, product);
    for (int t = 0; t < THREADS; t++) {
        got[t] = guard_floats(count);
        pre[t] = guard_floats(count);
        run_linear(&o->k, &p, which, t + 1, got[t], pre[t]);
        check("linear", o->name, p.text, got[t], want, bound, count);
        check_bits(o, "linear", p.text, got[t], got[0], count, t + 1);
        if (EPILOGUES[which].parts & PRE)
            check("linear pre", o->name, p.text, pre[t], want_pre, bound + count, count);
    }
    for (int t = 0; t < THREADS; t++) guard_free_floats(got[t], count), guard_free_floats(pre[t], count);
    guard_free_floats(want, count);
    guard_free_floats(want_pre, count);
    guard_free_floats(product, count);
    free(bound);
    release(&p);
}

static void check_dx(const struct overlay *o, struct shape s)
{
    struct problem p = make(o, s);
    const size_t count = (size_t)s.m * s.k;
    float *want = guard_floats(count), *got[THREADS];
    double *bound = calloc(count, sizeof *bound);
    struct kern_ctx c = open_ctx(&o->ref, limits_of(&p), 1);

    kern_linear_dx(&c, want, p.skip, &p.plain, s.m); /* skip (m, n) serves as dout */
    close_ctx(&c);
    for (int i = 0; i < s.m; i++)
        for (int l = 0; l < s.k; l++)
            for (int j = 0; j < s.n; j++)
                bound[(size_t)i * s.k + l] +=
                    2 * (s.n + 2) * UNIT * ROUNDED *
                    fabs((double)p.skip[(size_t)i * s.n + j] * (double)p.w[(size_t)j * s.k + l]);
    for (int t = 0; t < THREADS; t++) {
        got[t] = guard_floats(count);
        c = open_ctx(&o->k, limits_of(&p), t + 1);
        kern_linear_dx(&c, got[t], p.skip, p.packed ? &p.mat : &p.plain, s.m);
        close_ctx(&c);
        check("linear_dx", o->name, p.text, got[t], want, bound, count);
        check_bits(o, "linear_dx", p.text, got[t], got[0], count, t + 1);
    }
    for (int t = 0; t < THREADS; t++) guard_free_floats(got[t], count);
    guard_free_floats(want, count);
    free(bound);
    release(&p);
}

/* Bounds of dw (n, k) and db (n), which start from the values in was. */
static void dw_bounds(double *dw, double *db, const struct problem *p, const float *was, const float *was_b)
{
    for (int j = 0; j < p->s.n; j++) {
        double sum = fabs((double)was_b[j]);

        for (int i = 0; i < p->s.m; i++) sum += fabs((double)p->skip[(size_t)i * p->s.n + j]);
        db[j] = 2 * (p->s.m + 2) * UNIT * sum;
        for (int l = 0; l < p->s.k; l++) {
            sum = fabs((double)was[(size_t)j * p->s.k + l]);
            for (int i = 0; i < p->s.m; i++)
                sum += fabs((double)p->skip[(size_t)i * p->s.n + j] * (double)p->x[(size_t)i * p->s.k + l]);
            dw[(size_t)j * p->s.k + l] = 2 * (p->s.m + 2) * UNIT * sum * ROUNDED;
        }
    }
}

static void check_dw(const struct overlay *o, struct shape s)
{
    struct problem p = make(o, s);
    const size_t count = (size_t)s.n * s.k;
    float *want = copied(p.w, count), *want_b = copied(p.bias, (size_t)s.n), *got[THREADS], *got_b[THREADS];
    double *bound = malloc((count + (size_t)s.n) * sizeof *bound);
    struct kern_ctx c = open_ctx(&o->ref, limits_of(&p), 1);

    kern_linear_dw(&c, o->dtype, want, want_b, p.skip, p.x, s.m, s.n, s.k);
    close_ctx(&c);
    dw_bounds(bound, bound + count, &p, p.w, p.bias);
    for (int t = 0; t < THREADS; t++) {
        got[t] = copied(p.w, count);
        got_b[t] = copied(p.bias, (size_t)s.n);
        c = open_ctx(&o->k, limits_of(&p), t + 1);
        kern_linear_dw(&c, o->dtype, got[t], t == 1 ? NULL : got_b[t], p.skip, p.x, s.m, s.n, s.k);
        close_ctx(&c);
        check("linear_dw", o->name, p.text, got[t], want, bound, count);
        check_bits(o, "linear_dw", p.text, got[t], got[0], count, t + 1);
        if (t != 1) check("linear_dw db", o->name, p.text, got_b[t], want_b, bound + count, (size_t)s.n);
        if (t != 1) check_bits(o, "linear_dw db", p.text, got_b[t], got_b[0], (size_t)s.n, t + 1);
    }
    for (int t = 0; t < THREADS; t++)
        guard_free_floats(got[t], count), guard_free_floats(got_b[t], (size_t)s.n);
    guard_free_floats(want, count);
    guard_free_floats(want_b, (size_t)s.n);
    free(bound);
    release(&p);
}

/* Shape i of a list that has all remainders around tile and vector widths, and more than one slice of k, more
 * than one part of rows, and both. */
static bool shape_of(int i, struct shape *s)
{
    static const struct shape LARGE[] = {
        { 65, 192, 64 }, { 197, 40, 24 }, { 101, 10, 300 }, { 3, 130, 257 },  { 2, 70, 513 },
        { 1, 300, 256 }, { 301, 33, 17 }, { 1030, 9, 5 },   { 530, 33, 530 },
    };

    if (i < 33)
        *s = (struct shape){ i + 1, 37, 19 };
    else if (i < 99)
        *s = (struct shape){ 7, i - 32, 11 };
    else if (i < 133)
        *s = (struct shape){ 7, 18, i - 98 };
    else if (i < 133 + (int)VIT_COUNT(LARGE))
        *s = LARGE[i - 133];
    else
        return false;
    return true;
}

static void linear_equals_the_reference(void **state)
{
    struct shape s;

    for (int i = 0; shape_of(i, &s); i++) check_linear(*state, s, i % (int)VIT_COUNT(EPILOGUES));
}

/* Scales that leave every number inside, hold the larger half, and let nearly all of them be zero. */
static void a_fixed_scale_equals_the_reference(void **state)
{
    static const float SCALES[] = { 1.0f / 127, 0.5f / 127, 3.0f };
    const struct overlay *o = *state;

    for (size_t i = 0; i < VIT_COUNT(SCALES); i++) {
        struct overlay fixed = *o;
        struct shape s;

        fixed.x_scale = SCALES[i];
        for (int j = (int)i; shape_of(j, &s); j += 5) check_linear(&fixed, s, j % (int)VIT_COUNT(EPILOGUES));
    }
}

/* 0.5 is 127 steps of the scale: what is larger counts as 127, and the rows beside show nothing of an
 * infinity or a NaN. */
static void a_fixed_scale_holds_what_is_larger(void **state)
{
    enum { M = 4, N = 5, K = 33 };
    const struct overlay *o = *state;
    struct overlay fixed = *o;
    struct problem p;
    float *got = guard_floats((size_t)M * N);

    fixed.x_scale = 0.5f / 127;
    p = make(&fixed, (struct shape){ M, N, K });
    for (int l = 0; l < K; l++) {
        p.x[l] = l % 2 ? 3e38f : -7;
        p.x[K + l] = l % 2 ? 0.5f : -0.5f;
    }
    p.x[2 * K + 7] = NAN;
    p.x[3 * K + 32] = -INFINITY;
    run_linear(&o->k, &p, 0, 1, got, NULL);
    assert_memory_equal(got, got + N, N * sizeof *got);
    for (int j = 0; j < N; j++)
        if (!isfinite(got[j]) || !isnan(got[2 * N + j]) || !isnan(got[3 * N + j]))
            fail_msg("%s: column %d is %g, %g, %g", o->name, j, (double)got[j], (double)got[2 * N + j],
                     (double)got[3 * N + j]);
    guard_free_floats(got, (size_t)M * N);
    release(&p);
}

/* With sums of up to 1040 products, vec's are exact in float; scales and bias are then rounded in the same
 * places. */
static void integers_give_the_bits_of_the_vec_kernels(void **state)
{
    const struct overlay *o = *state;
    struct overlay own = *o, vec = *o;
    struct vit_error err;
    struct shape s;

    assert_ok(kern_select(&vec.k, "ref+vec", &err), &err);
    for (int i = 0; shape_of(i, &s); i += 4) {
        const size_t count = (size_t)s.m * s.n;
        float *got = guard_floats(count), *want = guard_floats(count);

        own.x_scale = vec.x_scale = i % 3 ? 0 : 0.9f / 127;
        struct problem p = make(&own, s), q = make(&vec, s);
        run_linear(&own.k, &p, 1, 1 + i % THREADS, got, NULL);
        run_linear(&vec.k, &q, 1, 1, want, NULL);
        if (memcmp(got, want, count * sizeof *got)) fail_msg("%s: %s has other bits", o->name, p.text);
        release(&p);
        release(&q);
        guard_free_floats(got, count);
        guard_free_floats(want, count);
    }
}

/* The largest integers with both signs, KERN_I8_INPUTS of them; kernels that sum them in float are not exact
 * there. */
static void sums_may_fill_31_bits(void **state)
{
    enum { M = 3, N = 5, K = KERN_I8_INPUTS };
    const struct overlay *o = *state;
    struct problem p;
    float got[M * N];

    if (o->k.layout[KERN_I8].bytes == sizeof(float)) skip();
    p = make(o, (struct shape){ M, N, K });
    for (int l = 0; l < K; l++) {
        for (int i = 0; i < M; i++) p.x[(size_t)i * K + l] = i % 2 ? -KERN_I8_MOST : KERN_I8_MOST;
        for (int j = 0; j < N; j++) p.w[(size_t)j * K + l] = j % 2 ? -KERN_I8_MOST : KERN_I8_MOST;
    }
    kern_pack(&o->k, o->dtype, p.packed, p.w, N, K, false);
    run_linear(&o->k, &p, 0, 2, got, NULL);
    for (int i = 0; i < M * N; i++) {
        const double sign = (i / N + i % N) % 2 ? -1 : 1;
        const float want = (float)(sign * K * KERN_I8_MOST * KERN_I8_MOST);
        if (got[i] != want)
            fail_msg("%s: [%d] is %.9g, expected %.9g", o->name, i, (double)got[i], (double)want);
    }
    release(&p);
}

static void every_epilogue_equals_the_reference(void **state)
{
    for (int i = 0; i < (int)VIT_COUNT(EPILOGUES); i++) {
        check_linear(*state, (struct shape){ 9, 53, 30 }, i);
        check_linear(*state, (struct shape){ 1, 64, 270 }, i);
        check_linear(*state, (struct shape){ 1030, 9, 5 }, i); /* rows in parts */
    }
}

static void linear_dx_equals_the_reference(void **state)
{
    struct shape s;

    for (int i = 0; shape_of(i, &s); i++) check_dx(*state, (struct shape){ s.m, s.k, s.n });
}

static void linear_dw_equals_the_reference(void **state)
{
    struct shape s;

    for (int i = 0; shape_of(i, &s); i++) check_dw(*state, s);
}

/* A row alone has the bits it has among others. */
static void a_row_does_not_depend_on_its_batch(void **state)
{
    const struct overlay *o = *state;
    const struct shape s = { 40, 50, 600 };
    struct problem p = make(o, s);
    float *all = guard_floats((size_t)s.m * s.n), *one = guard_floats((size_t)s.n);

    if (!o->same_bits) skip();
    run_linear(&o->k, &p, 2, 2, all, NULL);
    for (int i = 0; i < s.m; i++) {
        struct problem q = p;

        q.s.m = 1;
        q.x = p.x + (size_t)i * s.k;
        run_linear(&o->k, &q, 2, 2, one, NULL);
        assert_memory_equal(one, all + (size_t)i * s.n, (size_t)s.n * sizeof *one);
    }
    guard_free_floats(all, (size_t)s.m * s.n);
    guard_free_floats(one, (size_t)s.n);
    release(&p);
}

/* Rows of x and of w that hold an infinity, a NaN, only zeros, or only numbers too small to have a scale. */
static void what_has_no_scale_shows_in_its_row_alone(void **state)
{
    static const float ODD[] = { NAN, INFINITY, -INFINITY, 0, 0x1p-120f };
    enum { ODDS = VIT_COUNT(ODD), M = ODDS + 2, N = ODDS + 12, K = 37 };
    const struct overlay *o = *state;
    struct problem p = make(o, (struct shape){ M, N, K });
    float *got = guard_floats((size_t)M * N);

    for (int i = 0; i < ODDS; i++)
        for (int l = 0; l < K; l++) {
            const bool all = fabsf(ODD[i]) < 1;
            if (all || l == i) p.x[i * K + l] = p.w[i * K + l] = ODD[i];
        }
    if (p.packed) kern_pack(&o->k, o->dtype, p.packed, p.w, N, K, false);
    run_linear(&o->k, &p, 0, 1, got, NULL);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            const bool none = i < 3 || j < 3, zero = (i >= 3 && i < ODDS) || (j >= 3 && j < ODDS);
            const float y = got[i * N + j];

            if (none ? !isnan(y) : zero ? y != 0 : !(fabsf(y) < K))
                fail_msg("%s: (%d, %d) is %g", o->name, i, j, (double)y);
        }
    guard_free_floats(got, (size_t)M * N);
    release(&p);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_equals_the_reference),
        cmocka_unit_test(every_epilogue_equals_the_reference),
        cmocka_unit_test(linear_dx_equals_the_reference),
        cmocka_unit_test(linear_dw_equals_the_reference),
        cmocka_unit_test(a_row_does_not_depend_on_its_batch),
    };
    struct CMUnitTest integers[] = {
        cmocka_unit_test(linear_equals_the_reference),
        cmocka_unit_test(every_epilogue_equals_the_reference),
        cmocka_unit_test(a_row_does_not_depend_on_its_batch),
        cmocka_unit_test(what_has_no_scale_shows_in_its_row_alone),
        cmocka_unit_test(a_fixed_scale_equals_the_reference),
        cmocka_unit_test(a_fixed_scale_holds_what_is_larger),
        cmocka_unit_test(integers_give_the_bits_of_the_vec_kernels),
        cmocka_unit_test(sums_may_fill_31_bits),
    };

    return run_on_part(PART_F32, tests, VIT_COUNT(tests)) + run_on_part(PART_BF16, tests, VIT_COUNT(tests)) +
           run_on_part(PART_I8, integers, VIT_COUNT(integers));
}
