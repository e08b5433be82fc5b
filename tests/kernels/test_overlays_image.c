/* Columns and pooling of every overlay against the reference. Copies and maxima are exact; the two sums add
 * at most kernel^2 numbers, so they may differ by that many roundings of the sum of absolute values. */
#include "tests/kernels/overlay.h"

static const struct kern_limits NO_LIMITS = {
    .rows = 1, .inputs = 1, .outputs = 1, .tokens = 1, .head = 1, .training = true
};

enum { PICTURES = 3 };
static const struct kern_window WINDOWS[] = {
    { 5, 7, 1, 3, 1, 1 },  { 8, 8, 3, 3, 2, 1 },  { 9, 6, 5, 3, 2, 0 },
    { 6, 6, 8, 2, 2, 0 },  { 7, 5, 16, 3, 1, 1 }, { 4, 4, 17, 3, 2, 1 },
    { 5, 5, 33, 5, 3, 2 }, { 3, 3, 4, 1, 1, 0 },  { 2, 9, 9, 4, 2, 3 },
};

struct shape {
    struct kern_window w;
    size_t in, out, cols; /* numbers of all pictures: input, pooled output, columns */
    char text[64];
};

static struct shape shape_of(const struct kern_window *w)
{
    const size_t places = (size_t)kern_window_out(w->height, w) * (size_t)kern_window_out(w->width, w);
    struct shape s = { .w = *w };

    s.in = (size_t)PICTURES * (size_t)w->height * (size_t)w->width * (size_t)w->channels;
    s.out = PICTURES * places * (size_t)w->channels;
    s.cols = s.out * (size_t)w->kernel * (size_t)w->kernel;
    snprintf(s.text, sizeof s.text, "%dx%dx%d kernel %d stride %d padding %d", w->height, w->width,
             w->channels, w->kernel, w->stride, w->padding);
    return s;
}

/* sums: what the reference makes of the absolute values. */
static double *bounds_of(const float *sums, size_t count, const struct kern_window *w)
{
    double *bound = malloc(count * sizeof *bound);

    for (size_t i = 0; i < count; i++) bound[i] = 2.0 * w->kernel * w->kernel * UNIT * (double)sums[i];
    return bound;
}

static float *absolute(const float *x, size_t count)
{
    float *y = guard_floats(count);

    for (size_t i = 0; i < count; i++) y[i] = fabsf(x[i]);
    return y;
}

static void im2col_copies_what_the_reference_copies(void **state)
{
    const struct overlay *o = *state;

    for (size_t i = 0; i < VIT_COUNT(WINDOWS); i++) {
        const struct shape s = shape_of(&WINDOWS[i]);
        float *x = filled(s.in, i), *want = guard_floats(s.cols), *got = guard_floats(s.cols);

        for (int threads = 1; threads <= THREADS; threads++) {
            struct kern_ctx a = open_ctx(&o->ref, NO_LIMITS, threads),
                            b = open_ctx(&o->k, NO_LIMITS, threads);
            kern_im2col(&a, want, x, &s.w, PICTURES);
            kern_im2col(&b, got, x, &s.w, PICTURES);
            if (memcmp(got, want, s.cols * sizeof *got))
                fail_msg("%s, im2col, %s: not equal", o->name, s.text);
            close_ctx(&a);
            close_ctx(&b);
        }
        guard_free_floats(x, s.in);
        guard_free_floats(want, s.cols);
        guard_free_floats(got, s.cols);
    }
}

static void max_pool_finds_the_same_places(void **state)
{
    const struct overlay *o = *state;

    for (size_t i = 0; i < VIT_COUNT(WINDOWS); i++) {
        const struct shape s = shape_of(&WINDOWS[i]);
        float *x = filled(s.in, i), *want = guard_floats(s.out), *got = guard_floats(s.out);
        uint8_t *want_arg = guard_bytes(s.out), *got_arg = guard_bytes(s.out);
        struct kern_ctx a = open_ctx(&o->ref, NO_LIMITS, 1), b = open_ctx(&o->k, NO_LIMITS, THREADS);

        for (size_t j = 0; j < s.in; j++) x[j] = roundf(x[j] * 3); /* many ties */
        x[s.in / 2] = NAN;
        kern_max_pool(&a, want, want_arg, x, &s.w, PICTURES);
        kern_max_pool(&b, got, got_arg, x, &s.w, PICTURES);
        for (size_t j = 0; j < s.out; j++)
            if (got[j] != want[j] && !(isnan(got[j]) && isnan(want[j])))
                fail_msg("%s, max_pool, %s: [%zu] is %g, expected %g", o->name, s.text, j, (double)got[j],
                         (double)want[j]);
        if (memcmp(got_arg, want_arg, s.out)) fail_msg("%s, max_pool, %s: other places", o->name, s.text);
        kern_max_pool(&b, got, NULL, x, &s.w, PICTURES);
        close_ctx(&a);
        close_ctx(&b);
        guard_free_floats(x, s.in);
        guard_free_floats(want, s.out);
        guard_free_floats(got, s.out);
        guard_free(want_arg, s.out);
        guard_free(got_arg, s.out);
    }
}

static void sums_over_windows_equal_the_reference(void **state)
{
    const struct overlay *o = *state;

    for (size_t i = 0; i < VIT_COUNT(WINDOWS); i++) {
        const struct shape s = shape_of(&WINDOWS[i]);
        float *cols = filled(s.cols, i), *g = filled(s.out, i + 99), *x = filled(s.in, i + 7);
        float *cols_abs = absolute(cols, s.cols), *g_abs = absolute(g, s.out);
        float *want = guard_floats(s.in), *got = guard_floats(s.in), *size = guard_floats(s.in);
        float *first = guard_floats(s.in);
        float *pooled = guard_floats(s.out);
        uint8_t *arg = guard_bytes(s.out);
        struct kern_ctx a = open_ctx(&o->ref, NO_LIMITS, 1), b = open_ctx(&o->k, NO_LIMITS, THREADS);
        struct kern_ctx one = open_ctx(&o->k, NO_LIMITS, 1);
        double *bound;

        kern_col2im(&a, want, cols, &s.w, PICTURES);
        kern_col2im(&a, size, cols_abs, &s.w, PICTURES);
        kern_col2im(&b, got, cols, &s.w, PICTURES);
        bound = bounds_of(size, s.in, &s.w);
        check("col2im", o->name, s.text, got, want, bound, s.in);
        kern_col2im(&one, first, cols, &s.w, PICTURES);
        check_bits(o, "col2im", s.text, got, first, s.in, THREADS);
        free(bound);
        kern_max_pool(&a, pooled, arg, x, &s.w, PICTURES);
        kern_max_pool_back(&a, want, g, arg, &s.w, PICTURES);
        kern_max_pool_back(&a, size, g_abs, arg, &s.w, PICTURES);
        kern_max_pool_back(&b, got, g, arg, &s.w, PICTURES);
        bound = bounds_of(size, s.in, &s.w);
        check("max_pool_back", o->name, s.text, got, want, bound, s.in);
        kern_max_pool_back(&one, first, g, arg, &s.w, PICTURES);
        check_bits(o, "max_pool_back", s.text, got, first, s.in, THREADS);
        free(bound);
        close_ctx(&a);
        close_ctx(&b);
        close_ctx(&one);
        float *floats[] = { cols, cols_abs, g, g_abs, x, want, got, first, size, pooled };
        const size_t counts[] = { s.cols, s.cols, s.out, s.out, s.in, s.in, s.in, s.in, s.in, s.out };
        for (size_t j = 0; j < VIT_COUNT(floats); j++) guard_free_floats(floats[j], counts[j]);
        guard_free(arg, s.out);
    }
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(im2col_copies_what_the_reference_copies),
        cmocka_unit_test(max_pool_finds_the_same_places),
        cmocka_unit_test(sums_over_windows_equal_the_reference),
    };

    return run_on_part(PART_REST, tests, VIT_COUNT(tests));
}
