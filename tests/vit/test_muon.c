/* Muon's step: nearly orthogonal updates for matrices of every form, momentum, decay. */
#include "tests/support/test.h"
#include "vit/muon.h"
#include "vit/random.h"

enum { MOST = 96 }; /* longest side */

struct optimiser {
    struct kern kern;
    struct kern_ctx ctx;
    struct vit_muon muon;
    struct vit_arena arena;
};

static void start_with(struct optimiser *o, const char *kernels, enum kern_dtype dtype, int threads)
{
    struct vit_error err;

    *o = (struct optimiser){ 0 };
    assert_ok(kern_select(&o->kern, kernels, &err), &err);
    o->ctx = (struct kern_ctx){ .k = &o->kern, .threads = threads };
    vit_muon_carve(&o->muon, &o->arena, &o->ctx, dtype, MOST, MOST);
    assert_ok(vit_arena_alloc(&o->arena, "muon", &err), &err);
    vit_muon_carve(&o->muon, &o->arena, &o->ctx, dtype, MOST, MOST);
}

static void start(struct optimiser *o, const char *kernels)
{
    start_with(o, kernels, KERN_F32, 1);
}

/* One matrix. */
static void step(struct optimiser *o, float *w, float *momentum, const float *g, int n, int k,
                 const struct vit_muon_step *p)
{
    vit_muon_update(&o->ctx, &o->muon, &(struct vit_muon_matrix){ w, momentum, g, n, k }, 1, p);
}

static void stop(struct optimiser *o)
{
    vit_arena_free(&o->arena);
}

static void fill(float *g, int count, uint64_t key)
{
    for (int i = 0; i < count; i++) g[i] = (float)vit_random_normal(key, (uint64_t)i);
}

/* ---- singular values, by Jacobi rotations of the Gram matrix of the shorter side ---- */

static void gram_of(double *a, const float *x, int n, int k)
{
    const int r = n < k ? n : k;

    for (int i = 0; i < r; i++)
        for (int j = 0; j < r; j++) {
            a[i * r + j] = 0;
            for (int l = 0; l < (n < k ? k : n); l++)
                a[i * r + j] += n < k ? (double)x[i * k + l] * (double)x[j * k + l]
                                      : (double)x[l * k + i] * (double)x[l * k + j];
        }
}

/* One rotation that zeroes a[p][q] of a symmetric matrix: Golub & Van Loan, 8.5. */
static void rotate(double *a, int r, int p, int q)
{
    const double tau = (a[q * r + q] - a[p * r + p]) / (2 * a[p * r + q]);
    const double t = (tau >= 0 ? 1 : -1) / (fabs(tau) + sqrt(1 + tau * tau));
    const double c = 1 / sqrt(1 + t * t), s = t * c;

    for (int i = 0; i < r; i++) {
        const double x = a[i * r + p], y = a[i * r + q];
        a[i * r + p] = c * x - s * y;
        a[i * r + q] = s * x + c * y;
    }
    for (int i = 0; i < r; i++) {
        const double x = a[p * r + i], y = a[q * r + i];
        a[p * r + i] = c * x - s * y;
        a[q * r + i] = s * x + c * y;
    }
}

static void singular_range(double *least, double *most, const float *x, int n, int k)
{
    const int r = n < k ? n : k;
    double *a = malloc((size_t)r * (size_t)r * sizeof *a);

    gram_of(a, x, n, k);
    for (int sweep = 0; sweep < 30; sweep++)
        for (int p = 0; p < r; p++)
            for (int q = p + 1; q < r; q++)
                if (fabs(a[p * r + q]) > 1e-14) rotate(a, r, p, q);
    *least = INFINITY;
    *most = 0;
    for (int i = 0; i < r; i++) {
        const double v = sqrt(fmax(a[i * r + i], 0));
        *least = fmin(*least, v);
        *most = fmax(*most, v);
    }
    free(a);
}

/* ---- facts ---- */

/* From zero weights and without decay the step is -lr sqrt(max(1, n / k)) times the update. Jordan et al.
 * 2024 choose the coefficients for singular values in [0.7, 1.2]; values that were small against the largest
 * arrive lower, and a square random matrix has some. */
static void an_update_is_nearly_orthogonal(void **state)
{
    static const int FORMS[][2] = { { 8, 64 }, { 64, 8 }, { 16, 24 }, { 96, 32 },
                                    { 1, 16 }, { 16, 1 }, { 33, 47 } };
    static const char *const KERNELS[] = { "ref", NULL };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(FORMS) * VIT_COUNT(KERNELS); i++) {
        const int n = FORMS[i / 2][0], k = FORMS[i / 2][1];
        const struct vit_muon_step p = { .lr = 1, .momentum = 0.95f, .grad_scale = 1e-3f };
        float w[MOST * MOST] = { 0 }, momentum[MOST * MOST] = { 0 }, g[MOST * MOST];
        const double scale = sqrt(n > k ? (double)n / k : 1);
        double least, most;
        struct optimiser o;

        start(&o, KERNELS[i % 2]);
        fill(g, n * k, i / 2);
        step(&o, w, momentum, g, n, k, &p);
        singular_range(&least, &most, w, n, k);
        if (!(least / scale >= 0.5 && most / scale <= 1.5))
            fail_msg("%d x %d, %s: singular values %.3g to %.3g", n, k, o.kern.name, least / scale,
                     most / scale);
        stop(&o);
    }
}

/* The update points along the gradient: the inner product of -step and gradient is the sum of its singular
 * values, halved at most, and that sum is at least the root of their squares' sum. */
static void an_update_goes_downhill(void **state)
{
    enum { LONG = 20, SHORT = 12 };
    const struct vit_muon_step p = { .lr = 1, .momentum = 0.95f, .grad_scale = 1 };

    (void)state;
    for (int tall = 0; tall < 2; tall++) {
        float w[LONG * SHORT] = { 0 }, momentum[LONG * SHORT] = { 0 }, g[LONG * SHORT];
        double dot = 0, norm = 0;
        struct optimiser o;

        start(&o, "ref");
        fill(g, LONG * SHORT, 4);
        step(&o, w, momentum, g, tall ? LONG : SHORT, tall ? SHORT : LONG, &p);
        for (int i = 0; i < LONG * SHORT; i++) {
            dot -= (double)w[i] * (double)g[i];
            norm += (double)g[i] * (double)g[i];
        }
        /* Of 12 singular values of a random matrix the sum is above twice the root of the squares' sum. */
        assert_true(dot > sqrt(norm));
        stop(&o);
    }
}

/* The step does not depend on the gradient's length, so neither does it on clipping. */
static void the_length_of_the_gradient_does_not_matter(void **state)
{
    enum { ROWS = 12, COLS = 20 };
    float a[ROWS * COLS] = { 0 }, b[ROWS * COLS] = { 0 }, m[ROWS * COLS] = { 0 }, n[ROWS * COLS] = { 0 },
                   g[ROWS * COLS];
    struct vit_muon_step p = { .lr = 1, .momentum = 0.95f, .grad_scale = 1 };
    struct optimiser o;

    (void)state;
    start(&o, "ref");
    fill(g, ROWS * COLS, 4);
    step(&o, a, m, g, ROWS, COLS, &p);
    p.grad_scale = 0x1p-8f; /* a power of two: the same digits */
    step(&o, b, n, g, ROWS, COLS, &p);
    /* the guard 1e-7 of the norm, about 15 / 256 here, is amplified by five rounds of at most 3.4445 */
    assert_close("step", a, b, ROWS * COLS, 1e-7 / (15.0 / 256) * pow(3.4445, 5));
    stop(&o);
}

static void momentum_is_the_geometric_sum_of_gradients(void **state)
{
    enum { ROWS = 3, COLS = 5 };
    const struct vit_muon_step p = { .lr = 0.1f, .momentum = 0.5f, .grad_scale = 2 };
    float w[ROWS * COLS] = { 0 }, momentum[ROWS * COLS] = { 0 }, g[ROWS * COLS], want[ROWS * COLS];
    struct optimiser o;

    (void)state;
    start(&o, "ref");
    fill(g, ROWS * COLS, 9);
    for (int i = 0; i < 3; i++) step(&o, w, momentum, g, ROWS, COLS, &p);
    for (int i = 0; i < ROWS * COLS; i++) want[i] = 2 * g[i] * (1 + 0.5f + 0.25f);
    assert_close("momentum", momentum, want, ROWS * COLS, 16 * 0x1p-22); /* values below 16, four roundings */
    stop(&o);
}

/* The second step's direction is g2 + mu (mu g1 + g2), that of a first step with G is (1 + mu) G; how long it
 * is does not matter. Rounding G, and the guard of its norm, about 15, are amplified by five rounds. */
static void the_second_step_looks_ahead(void **state)
{
    enum { ROWS = 12, COLS = 20, COUNT = ROWS * COLS };
    const struct vit_muon_step p = { .lr = 1, .momentum = 0.95f, .grad_scale = 1 };
    float w[COUNT] = { 0 }, before[COUNT], m[COUNT] = { 0 }, once[COUNT] = { 0 }, n[COUNT] = { 0 };
    float first[COUNT], second[COUNT], both[COUNT];
    struct optimiser o;

    (void)state;
    start(&o, "ref");
    fill(first, COUNT, 4);
    fill(second, COUNT, 5);
    for (int i = 0; i < COUNT; i++) both[i] = 1.95f * second[i] + 0.95f * 0.95f * first[i];
    step(&o, w, m, first, ROWS, COLS, &p);
    memcpy(before, w, sizeof w);
    step(&o, w, m, second, ROWS, COLS, &p);
    for (int i = 0; i < COUNT; i++) w[i] -= before[i];
    step(&o, once, n, both, ROWS, COLS, &p);
    assert_close("step", w, once, COUNT, (1e-7 / 15 + 4 * 0x1p-24) * pow(3.4445, 5));
    stop(&o);
}

static void decay_shrinks_the_weights_by_the_rate(void **state)
{
    enum { ROWS = 4, COLS = 6 };
    const struct vit_muon_step p = { .lr = 0.1f, .momentum = 0.95f, .decay = 0.5f, .grad_scale = 1 };
    float w[ROWS * COLS], want[ROWS * COLS], momentum[ROWS * COLS] = { 0 };
    const float none[ROWS * COLS] = { 0 };
    struct optimiser o;

    (void)state;
    start(&o, "ref");
    fill(w, ROWS * COLS, 2);
    for (int i = 0; i < ROWS * COLS; i++) want[i] = 0.95f * w[i];
    step(&o, w, momentum, none, ROWS, COLS, &p); /* no gradient: no update, no NaN */
    assert_close("weight", w, want, ROWS * COLS, 1e-6);
    stop(&o);
}

static void what_another_form_left_behind_does_not_matter(void **state)
{
    const struct vit_muon_step p = { .lr = 1, .momentum = 0.95f, .grad_scale = 1 };
    float a[MOST * MOST] = { 0 }, b[MOST * MOST] = { 0 }, m[MOST * MOST] = { 0 }, n[MOST * MOST] = { 0 },
                   g[MOST * MOST];
    struct optimiser fresh, used;

    (void)state;
    start(&fresh, NULL);
    start(&used, NULL);
    fill(g, MOST * MOST, 6);
    step(&used, b, n, g, 64, 32, &p);
    memset(b, 0, sizeof b);
    memset(n, 0, sizeof n);
    step(&fresh, a, m, g, 24, 40, &p);
    step(&used, b, n, g, 24, 40, &p);
    assert_memory_equal(a, b, 24 * 40 * sizeof *a);
    stop(&fresh);
    stop(&used);
}

/* Every form, in the order in which tasks are handed out or any other; more threads than matrices too. */
static void neither_threads_nor_company_change_a_bit(void **state)
{
    enum { COUNT = 5, THREADS = 7 };
    static const int FORMS[COUNT][2] = { { 64, 64 }, { 96, 32 }, { 24, 96 }, { 33, 47 }, { 1, 16 } };
    static const struct {
        const char *kernels;
        enum kern_dtype dtype;
    } ROWS[] = { { "ref", KERN_F32 }, { "ref", KERN_BF16 }, { NULL, KERN_F32 }, { NULL, KERN_BF16 } };
    const struct vit_muon_step p = { .lr = 0.1f, .momentum = 0.95f, .decay = 0.5f, .grad_scale = 2 };
    static float g[COUNT][MOST * MOST], w[COUNT][MOST * MOST], m[COUNT][MOST * MOST];
    static float want[COUNT][MOST * MOST], beside[COUNT][MOST * MOST];
    struct vit_muon_matrix list[COUNT];
    struct optimiser o;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        fill(g[i], MOST * MOST, (uint64_t)i);
        list[i] = (struct vit_muon_matrix){ w[i], m[i], g[i], FORMS[i][0], FORMS[i][1] };
    }
    for (size_t row = 0; row < VIT_COUNT(ROWS); row++) {
        memset(want, 0, sizeof want);
        memset(beside, 0, sizeof beside);
        start_with(&o, ROWS[row].kernels, ROWS[row].dtype, 1);
        for (int i = COUNT; i-- > 0;) step(&o, want[i], beside[i], g[i], FORMS[i][0], FORMS[i][1], &p);
        stop(&o);
        for (int threads = 1; threads <= THREADS; threads += 2) {
            memset(w, 0, sizeof w);
            memset(m, 0, sizeof m);
            start_with(&o, ROWS[row].kernels, ROWS[row].dtype, threads);
            vit_muon_update(&o.ctx, &o.muon, list, COUNT, &p);
            stop(&o);
            assert_memory_equal(w, want, sizeof w);
            assert_memory_equal(m, beside, sizeof m);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_is_nearly_orthogonal),
        cmocka_unit_test(an_update_goes_downhill),
        cmocka_unit_test(the_length_of_the_gradient_does_not_matter),
        cmocka_unit_test(momentum_is_the_geometric_sum_of_gradients),
        cmocka_unit_test(the_second_step_looks_ahead),
        cmocka_unit_test(decay_shrinks_the_weights_by_the_rate),
        cmocka_unit_test(what_another_form_left_behind_does_not_matter),
        cmocka_unit_test(neither_threads_nor_company_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
