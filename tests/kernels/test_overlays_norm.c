/* norm and norm_back of every overlay against the reference. u = 2^-24. */
#include "tests/kernels/overlay.h"

static const int WIDTHS[] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 13,  15, 16,
                              17, 19, 23, 29, 31, 32, 33, 47, 48, 65, 192, 769 };

static struct kern_limits limits_of(int m, int d)
{
    return (
        struct kern_limits){ .rows = m, .inputs = d, .outputs = d, .tokens = 1, .head = 1, .training = true };
}

/* ---- norm ---- */

struct norm_problem {
    struct kern_norm n;
    struct kern_rows r;
    size_t in, out; /* floats of x, and of out, dout, dx */
    float *x, *gain, *bias, alpha;
    char text[96];
};

static struct norm_problem make_norm(enum kern_norm_kind kind, int m, int groups, int d, bool affine)
{
    struct norm_problem p = { .r = { m, groups, d, (size_t)groups * d + 5, (size_t)groups * d + 2 },
                              .alpha = 0.8f };

    p.in = (size_t)(m - 1) * p.r.ld_in + (size_t)groups * d;
    p.out = (size_t)(m - 1) * p.r.ld_out + (size_t)groups * d;
    p.x = filled(p.in, 21);
    for (size_t i = 0; i < p.in; i++) p.x[i] = 3 * p.x[i] + 1;
    p.gain = filled((size_t)d, 22);
    p.bias = filled((size_t)d, 23);
    p.n = (struct kern_norm){
        .kind = kind, .eps = 1e-6f, .gain = affine ? p.gain : NULL, .bias = affine ? p.bias : NULL
    };
    snprintf(p.text, sizeof p.text, "%s m %d groups %d d %d%s", kern_norm_kind_name(kind), m, groups, d,
             affine ? " affine" : "");
    return p;
}

static void release_norm(struct norm_problem *p)
{
    guard_free_floats(p->x, p->in);
    guard_free_floats(p->gain, (size_t)p->r.d);
    guard_free_floats(p->bias, (size_t)p->r.d);
}

static size_t vector(const struct norm_problem *p, size_t i, size_t ld)
{
    return i / (size_t)p->r.groups * ld + i % (size_t)p->r.groups * (size_t)p->r.d;
}

/* Exact statistics of vector i and how far xh = (x - mean) / deviation may be off: the mean errs by
 * dm = 2 d u mean |x|; the variance about another mean is larger by dm^2; each x - mean errs by
 * u |x - mean| + dm. */
struct exact {
    double mean, inverse, dm, relative;
};

static struct exact exact_of(const struct norm_problem *p, size_t i)
{
    const float *x = p->x + vector(p, i, p->r.ld_in);
    const int d = p->r.d;
    struct exact s = { 0 };
    double square = 0, absolutes = 0;

    for (int j = 0; j < d; j++) s.mean += (double)x[j] / d, absolutes += fabs((double)x[j]) / d;
    if (p->n.kind == KERN_RMSNORM) s.mean = 0;
    for (int j = 0; j < d; j++) square += ((double)x[j] - s.mean) * ((double)x[j] - s.mean);
    s.inverse = 1 / sqrt(square / d + (double)p->n.eps);
    s.dm = p->n.kind == KERN_RMSNORM ? 0 : 2 * (d + 2) * UNIT * absolutes;
    s.relative = (d + 8) * UNIT + s.dm * s.dm * s.inverse * s.inverse;
    return s;
}

static double xh_of(const struct norm_problem *p, const struct exact *s, double x)
{
    return p->n.kind == KERN_DYT ? tanh((double)p->alpha * x) : (x - s->mean) * s->inverse;
}

static double xh_error(const struct norm_problem *p, const struct exact *s, double x)
{
    if (p->n.kind == KERN_DYT) return 16 * UNIT;
    return s->dm * s->inverse + fabs(xh_of(p, s, x)) * s->relative + 2 * UNIT * fabs(x) * s->inverse;
}

/* Gaps between the vectors are not written and compare as nothing: bound infinite. */
static double *norm_bounds(const struct norm_problem *p)
{
    double *bound = malloc(p->out * sizeof *bound);

    for (size_t i = 0; i < p->out; i++) bound[i] = INFINITY;
    for (size_t i = 0; i < (size_t)p->r.m * p->r.groups; i++) {
        const struct exact s = exact_of(p, i);

        for (int j = 0; j < p->r.d; j++) {
            const double x = (double)p->x[vector(p, i, p->r.ld_in) + j],
                         gain = p->n.gain ? fabs((double)p->n.gain[j]) : 1;
            bound[vector(p, i, p->r.ld_out) + j] =
                gain * (xh_error(p, &s, x) + 2 * UNIT * fabs(xh_of(p, &s, x))) + 2 * UNIT;
        }
    }
    return bound;
}

/* Where the bound is infinite nothing was written: x has the bits of was there, or of a fresh buffer (was
 * NULL). Both sides become zero, so that NaN does not fail. */
static void clear_gaps(const char *name, const struct norm_problem *p, float *x, const float *was,
                       const double *bound)
{
    static const uint32_t fresh = 0xffffffff;

    for (size_t i = 0; i < p->out; i++) {
        if (!isinf(bound[i])) continue;
        if (memcmp(&x[i], was ? (const void *)&was[i] : &fresh, sizeof *x))
            fail_msg("%s, %s: [%zu], between two vectors, was made %g", name, p->text, i, (double)x[i]);
        x[i] = 0;
    }
}

static void check_norm(const struct overlay *o, struct norm_problem p)
{
    const size_t vectors = (size_t)p.r.m * p.r.groups;
    float *want = guard_floats(p.out), *got = guard_floats(p.out), *first = guard_floats(p.out);
    float *stat = guard_floats(2 * vectors);
    double *bound = norm_bounds(&p);
    struct kern_ctx c = open_ctx(&o->ref, limits_of(p.r.m, p.r.d), 1);

    p.n.alpha = &p.alpha;
    kern_norm(&c, want, NULL, p.x, &p.n, &p.r);
    close_ctx(&c);
    clear_gaps("ref", &p, want, NULL, bound);
    for (int t = 0; t < THREADS; t++) {
        c = open_ctx(&o->k, limits_of(p.r.m, p.r.d), t + 1);
        memset(got, 0xff, p.out * sizeof *got);
        kern_norm(&c, got, t ? stat : NULL, p.x, &p.n, &p.r);
        close_ctx(&c);
        clear_gaps(o->name, &p, got, NULL, bound);
        if (!t) memcpy(first, got, p.out * sizeof *got);
        check("norm", o->name, p.text, got, want, bound, p.out);
        check_bits(o, "norm", p.text, got, first, p.out, t + 1);
    }
    for (size_t i = 0; i < vectors && p.n.kind != KERN_DYT; i++) {
        const struct exact s = exact_of(&p, i);
        const double mean_bound = s.dm + 1e-30, inverse_bound = s.inverse * s.relative;
        check("stat mean", o->name, p.text, stat + 2 * i, &(float){ (float)s.mean }, &mean_bound, 1);
        check("stat inverse", o->name, p.text, stat + 2 * i + 1, &(float){ (float)s.inverse }, &inverse_bound,
              1);
    }
    guard_free_floats(want, p.out);
    guard_free_floats(got, p.out);
    guard_free_floats(first, p.out);
    guard_free_floats(stat, 2 * vectors);
    free(bound);
    release_norm(&p);
}

/* Bounds of dx, and behind them of dgain, dbias (d each) and dalpha. The statistics come as floats, so xh
 * errs by 4 u (|x| + |mean|) / deviation. Sums of n terms: 2 (n + 4) u times the absolute sum. */
static double *back_bounds(const struct norm_problem *p, const float *dout, const float *stat)
{
    const size_t vectors = (size_t)p->r.m * p->r.groups;
    const int d = p->r.d;
    const double column = 2 * ((double)vectors + 8) * UNIT, row = 2 * (d + 4) * UNIT;
    double *bound = malloc((p->out + 2 * (size_t)d + 1) * sizeof *bound), *sums = bound + p->out;

    for (size_t i = 0; i < p->out; i++) bound[i] = INFINITY;
    for (int j = 0; j <= 2 * d; j++) sums[j] = 2 * UNIT;
    for (size_t i = 0; i < vectors; i++) {
        const struct exact s = { .mean = p->n.kind == KERN_LAYERNORM ? (double)stat[2 * i] : 0,
                                 .inverse = p->n.kind == KERN_DYT ? 0 : (double)stat[2 * i + 1] };
        double mean = 0, along = 0, along_error = 0;

        for (int j = 0; j < d; j++) {
            const double x = (double)p->x[vector(p, i, p->r.ld_in) + j],
                         g = (double)dout[vector(p, i, p->r.ld_out) + j];
            const double h = fabs(g * (p->n.gain ? (double)p->n.gain[j] : 1)), xh = fabs(xh_of(p, &s, x));
            const double error =
                p->n.kind == KERN_DYT ? 16 * UNIT : 4 * UNIT * (fabs(x) + fabs(s.mean)) * s.inverse;

            mean += h / d;
            along += h * xh / d;
            along_error += h * error / d;
            sums[j] += fabs(g) * (xh * column + error);
            sums[d + j] += fabs(g) * column;
            sums[2 * d] += h * fabs(x) * (2 * (d * (double)vectors + 8) * UNIT + 34 * UNIT);
        }
        for (int j = 0; j < d; j++) {
            const double x = (double)p->x[vector(p, i, p->r.ld_in) + j],
                         g = (double)dout[vector(p, i, p->r.ld_out) + j];
            const double h = fabs(g * (p->n.gain ? (double)p->n.gain[j] : 1)), xh = fabs(xh_of(p, &s, x));
            const double error = 4 * UNIT * (fabs(x) + fabs(s.mean)) * s.inverse;
            double b = s.inverse * (mean * row + xh * (along * row + along_error) + along * error +
                                    4 * UNIT * (h + mean + xh * along));

            if (p->n.kind == KERN_DYT) b = h * (double)p->alpha * 40 * UNIT;
            bound[vector(p, i, p->r.ld_out) + j] = b + 1e-36;
        }
    }
    return bound;
}

/* Gradients as one array: dx, then dgain, dbias and dalpha, which start from one half. */
static void run_back(const struct kern *k, const struct norm_problem *p, float *all, const float *dout,
                     const float *stat, int threads, bool in_place)
{
    const size_t d = (size_t)p->r.d;
    struct kern_ctx c = open_ctx(k, limits_of(p->r.m, p->r.d), threads);
    struct kern_dnorm dn = { .gain = all + p->out, .bias = all + p->out + d };

    for (size_t j = 0; j <= 2 * d; j++) all[p->out + j] = 0.5f;
    if (p->n.kind == KERN_DYT) dn.alpha = all + p->out + 2 * d;
    memset(all, 0xff, p->out * sizeof *all);
    if (in_place) memcpy(all, dout, p->out * sizeof *all);
    kern_norm_back(&c, all, &dn, in_place ? all : dout, p->x, stat, &p->n, &p->r);
    close_ctx(&c);
}

static void check_norm_back(const struct overlay *o, struct norm_problem p)
{
    const size_t vectors = (size_t)p.r.m * p.r.groups, count = p.out + 2 * (size_t)p.r.d + 1;
    float *dout = filled(p.out, 24), *stat = guard_floats(2 * vectors), *scrap = guard_floats(p.out);
    float *want = guard_floats(count), *got = guard_floats(count), *first = guard_floats(count);
    struct kern_ctx c = open_ctx(&o->ref, limits_of(p.r.m, p.r.d), 1);
    double *bound;

    p.n.alpha = &p.alpha;
    kern_norm(&c, scrap, stat, p.x, &p.n, &p.r);
    close_ctx(&c);
    bound = back_bounds(&p, dout, stat);
    run_back(&o->ref, &p, want, dout, stat, 1, false);
    clear_gaps("ref", &p, want, NULL, bound);
    for (int t = 0; t < THREADS; t++) {
        run_back(&o->k, &p, got, dout, stat, t + 1, t == 1);
        clear_gaps(o->name, &p, got, t == 1 ? dout : NULL, bound);
        if (!t) memcpy(first, got, count * sizeof *got);
        check("norm_back", o->name, p.text, got, want, bound, count);
        check_bits(o, "norm_back", p.text, got, first, count, t + 1);
    }
    guard_free_floats(dout, p.out);
    guard_free_floats(stat, 2 * vectors);
    guard_free_floats(scrap, p.out);
    guard_free_floats(want, count);
    guard_free_floats(got, count);
    guard_free_floats(first, count);
    free(bound);
    release_norm(&p);
}

static void each_norm(const struct overlay *o, void (*one)(const struct overlay *, struct norm_problem))
{
    for (int kind = 0; kind < KERN_NORM_KINDS; kind++) {
        for (size_t i = 0; i < VIT_COUNT(WIDTHS); i++) one(o, make_norm(kind, 3, 1, WIDTHS[i], i % 3 != 0));
        one(o, make_norm(kind, 128, 1, 48, true));
        one(o, make_norm(kind, 37, 3, 20, true));
    }
}

static void norm_equals_the_reference(void **state)
{
    const struct overlay *o = *state;

    each_norm(o, check_norm);
}

static void norm_back_equals_the_reference(void **state)
{
    const struct overlay *o = *state;

    each_norm(o, check_norm_back);
}

/* A mean of 1e4 deviations: the one-pass variance would be noise. */
static void a_large_mean_does_not_spoil_the_variance(void **state)
{
    const struct overlay *o = *state;
    struct norm_problem p = make_norm(KERN_LAYERNORM, 2, 1, 200, false);

    for (size_t i = 0; i < p.in; i++) p.x[i] = 1e4f + p.x[i];
    check_norm(o, p);
}

/* A NaN reaches its whole vector, or in DyT, which takes each number alone, its place. */
static void nan_is_not_hidden(void **state)
{
    enum { D = 21 };
    const struct overlay *o = *state;

    for (int kind = 0; kind < KERN_NORM_KINDS; kind++)
        for (int at = 0; at < D; at++) {
            const uint32_t bits = NANS[(size_t)at % VIT_COUNT(NANS)];
            struct norm_problem p = make_norm(kind, 1, 1, D, true);
            struct kern_ctx c = open_ctx(&o->k, limits_of(1, D), 1);
            float *got = guard_floats(D);

            p.n.alpha = &p.alpha;
            p.x[at] = float_of(bits);
            kern_norm(&c, got, NULL, p.x, &p.n, &p.r);
            for (int j = 0; j < D; j++)
                if (!isnan(got[j]) && (kind != KERN_DYT || j == at))
                    fail_msg("%s, %s: [%d] is NaN (%x), yet [%d] becomes %g", o->name, p.text, at,
                             (unsigned)bits, j, (double)got[j]);
            close_ctx(&c);
            guard_free_floats(got, D);
            release_norm(&p);
        }
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_equals_the_reference),
        cmocka_unit_test(norm_back_equals_the_reference),
        cmocka_unit_test(a_large_mean_does_not_spoil_the_variance),
        cmocka_unit_test(nan_is_not_hidden),
    };

    return run_on_part(PART_REST, tests, VIT_COUNT(tests));
}
