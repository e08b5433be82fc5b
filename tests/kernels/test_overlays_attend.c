/* attend and attend_back of every overlay against the reference.
 *
 * Bounds, u = 2^-24. A logit is a sum of e products: it errs by dl = 2 (e + 3) u scale sum |q||k|. exp turns
 * an absolute error into a relative one, so a probability errs by p (2 max dl + (2 t + 32) u), the sum of t
 * terms included; the result by that times sum p |v|. The backward starts from the same probabilities:
 * its sums are bounded the same way, each carrying the errors of what it adds up.
 *
 * In bf16 all of that holds for the rounded q, k and v, whose products are exact in float. What is rounded
 * later is known but for that error r of an exponential x: its rounded value lies between those of x (1 - r)
 * and x (1 + r), which are mostly the same number. */
#include "tests/kernels/overlay.h"

#define ROUNDED (1 + 0x1p-8) /* how much larger rounding to bf16 may make a number */

struct problem {
    struct kern_heads a;
    enum kern_dtype dtype;
    struct kern_drop drop;
    size_t qkv_count, ctx_count, prob_count;
    float *qkv, *dctx;
    float *seen; /* qkv as the products see it */
    char text[96];
};

static float rounded(float x)
{
    return vit_from_bf16(vit_bf16(x));
}

static struct problem make(const struct overlay *o, int b, int t, int h, int e, float rate)
{
    struct problem p = { .a = { b, t, h, e, 1.7f / sqrtf((float)e) },
                         .dtype = o->dtype,
                         .drop = { rate, 77 } };

    p.ctx_count = (size_t)b * t * h * e;
    p.qkv_count = 3 * p.ctx_count;
    p.prob_count = (size_t)b * h * t * t;
    p.qkv = filled(p.qkv_count, 11);
    p.dctx = filled(p.ctx_count, 12);
    p.seen = guard_floats(p.qkv_count);
    for (size_t i = 0; i < p.qkv_count; i++) {
        p.qkv[i] *= 3;
        p.seen[i] = p.dtype == KERN_BF16 ? rounded(p.qkv[i]) : p.qkv[i];
    }
    snprintf(p.text, sizeof p.text, "%s b %d t %d h %d e %d drop %g", kern_dtype_name(p.dtype), b, t, h, e,
             (double)rate);
    return p;
}

static void release(struct problem *p)
{
    guard_free_floats(p->qkv, p->qkv_count);
    guard_free_floats(p->seen, p->qkv_count);
    guard_free_floats(p->dctx, p->ctx_count);
}

static struct kern_limits limits_of(const struct problem *p)
{
    const int width = p->a.h * p->a.e;

    return (struct kern_limits){ .rows = p->a.b * p->a.t,
                                 .inputs = width,
                                 .outputs = 3 * width,
                                 .tokens = p->a.t,
                                 .head = p->a.e,
                                 .training = true,
                                 .dtype = p->dtype };
}

/* Element l of part (0 query, 1 key, 2 value) of token i of a head. */
static size_t at(const struct problem *p, int task, int part, int i, int l)
{
    const size_t d = (size_t)p->a.h * p->a.e;

    return ((size_t)(task / p->a.h) * p->a.t + i) * 3 * d + part * d + (size_t)(task % p->a.h) * p->a.e + l;
}

static size_t at_ctx(const struct problem *p, int task, int i, int l)
{
    return (((size_t)(task / p->a.h) * p->a.t + i) * p->a.h + task % p->a.h) * p->a.e + l;
}

static double factor(const struct problem *p, size_t i)
{
    if (p->drop.rate <= 0) return 1;
    return vit_random_uniform(p->drop.key, i) >= p->drop.rate ? 1 / (1 - (double)p->drop.rate) : 0;
}

/* Sum of |x||y| over the head's features. */
static double absolute(const struct problem *p, int task, int i, int part, const float *y,
                       size_t (*where)(const struct problem *, int, int, int), int j)
{
    double sum = 0;

    for (int l = 0; l < p->a.e; l++)
        sum += fabs((double)p->seen[at(p, task, part, i, l)] * (double)y[where(p, task, j, l)]);
    return sum;
}

static size_t key_at(const struct problem *p, int task, int j, int l)
{
    return at(p, task, 1, j, l);
}

/* What rounding adds to the error of a probability p after dropout: p / top is the exponential that was
 * rounded, top the largest probability of the row and of the exponential 1. relative: how far the exponential
 * may be off, where p and top, floats, and the product with the dropout factor add 4 u. */
static double rounding(double p, double top, double relative)
{
    const double r = relative + 4 * UNIT, x = p / top;

    return ((double)rounded((float)(x * (1 + r))) - (double)rounded((float)(x * (1 - r)))) * top;
}

static void attend_bounds(double *ctx, double *prob, const struct problem *p, const float *want)
{
    const bool narrow = p->dtype == KERN_BF16;

    for (int task = 0; task < p->a.b * p->a.h; task++)
        for (int i = 0; i < p->a.t; i++) {
            const size_t row = ((size_t)task * p->a.t + i) * p->a.t;
            double dl = 0, relative, top = 0;

            for (int j = 0; j < p->a.t; j++)
                dl = fmax(dl, 2 * (p->a.e + 3) * UNIT * (double)p->a.scale *
                                  absolute(p, task, i, 0, p->seen, key_at, j));
            relative = 2 * dl + (2 * p->a.t + 32) * UNIT;
            for (int j = 0; j < p->a.t; j++) prob[row + j] = relative * (double)want[row + j] + 2e-38;
            for (int j = 0; j < p->a.t; j++) top = fmax(top, (double)want[row + j]);
            for (int l = 0; l < p->a.e; l++) {
                double sum = 1e-36, moved = 0;

                for (int j = 0; j < p->a.t; j++) {
                    const double v = fabs((double)p->seen[at(p, task, 2, j, l)]);
                    const double dropped = (double)want[row + j] * factor(p, row + j);

                    sum += dropped * v;
                    if (narrow) moved += rounding(dropped, top, relative) * v;
                }
                ctx[at_ctx(p, task, i, l)] =
                    (relative + 2 * (p->a.t + 2) * UNIT) * sum * (narrow ? ROUNDED : 1) + moved;
            }
        }
}

static void run(const struct kern *k, const struct problem *p, float *ctx, float *prob, int threads)
{
    struct kern_ctx c = open_ctx(k, limits_of(p), threads);

    kern_attend(&c, p->dtype, ctx, prob, p->qkv, &p->a, p->drop.rate > 0 ? &p->drop : NULL);
    close_ctx(&c);
}

static void check_attend(const struct overlay *o, struct problem p)
{
    float *want = guard_floats(p.ctx_count), *want_prob = guard_floats(p.prob_count);
    float *ctx[THREADS], *prob = guard_floats(p.prob_count);
    double *bound = malloc((p.ctx_count + p.prob_count) * sizeof *bound);

    run(&o->ref, &p, want, want_prob, 1);
    attend_bounds(bound, bound + p.ctx_count, &p, want_prob);
    for (int t = 0; t < THREADS; t++) {
        ctx[t] = guard_floats(p.ctx_count);
        run(&o->k, &p, ctx[t], t == 1 ? NULL : prob, t + 1);
        check("attend", o->name, p.text, ctx[t], want, bound, p.ctx_count);
        check_bits(o, "attend", p.text, ctx[t], ctx[0], p.ctx_count, t + 1);
        if (t != 1) check("prob", o->name, p.text, prob, want_prob, bound + p.ctx_count, p.prob_count);
    }
    for (int t = 0; t < THREADS; t++) guard_free_floats(ctx[t], p.ctx_count);
    guard_free_floats(want, p.ctx_count);
    guard_free_floats(want_prob, p.prob_count);
    guard_free_floats(prob, p.prob_count);
    free(bound);
    release(&p);
}

/* dp, ds and their bounds for one query; exact values in double. */
static void logits_back(double *ds, double *bound, const struct problem *p, const float *prob, int task,
                        int i)
{
    const size_t row = ((size_t)task * p->a.t + i) * p->a.t;
    const double scale = (double)p->a.scale;
    double mean = 0, error = 0, absolutes = 0;

    for (int j = 0; j < p->a.t; j++) {
        double sum = 0;

        for (int l = 0; l < p->a.e; l++)
            sum += (double)p->dctx[at_ctx(p, task, i, l)] * (double)p->qkv[at(p, task, 2, j, l)];
        ds[j] = sum * factor(p, row + j);
        bound[j] = 2 * (p->a.e + 3) * UNIT * absolute(p, task, j, 2, p->dctx, at_ctx, i) * factor(p, row + j);
        mean += (double)prob[row + j] * ds[j];
        absolutes += (double)prob[row + j] * fabs(ds[j]);
        error += (double)prob[row + j] * bound[j];
    }
    error += 2 * (p->a.t + 2) * UNIT * absolutes;
    for (int j = 0; j < p->a.t; j++) {
        const double q = (double)prob[row + j] * scale;

        bound[j] = q * (bound[j] + error + 6 * UNIT * (fabs(ds[j]) + fabs(mean)));
        ds[j] = q * (ds[j] - mean);
    }
}

/* bound (like dqkv) of the three gradients. */
static void back_bounds(double *bound, const struct problem *p, const float *prob)
{
    const double sum_error = 2 * (p->a.t + 3) * UNIT;
    double *ds = malloc(2 * (size_t)p->a.t * sizeof *ds), *error = ds + p->a.t;

    for (size_t i = 0; i < p->qkv_count; i++) bound[i] = 1e-36;
    for (int task = 0; task < p->a.b * p->a.h; task++)
        for (int i = 0; i < p->a.t; i++) {
            logits_back(ds, error, p, prob, task, i);
            for (int j = 0; j < p->a.t; j++) {
                const size_t row = ((size_t)task * p->a.t + i) * p->a.t;
                const double each = error[j] + sum_error * fabs(ds[j]);

                for (int l = 0; l < p->a.e; l++) {
                    bound[at(p, task, 0, i, l)] += each * fabs((double)p->qkv[at(p, task, 1, j, l)]);
                    bound[at(p, task, 1, j, l)] += each * fabs((double)p->qkv[at(p, task, 0, i, l)]);
                    bound[at(p, task, 2, j, l)] += sum_error * (double)prob[row + j] * factor(p, row + j) *
                                                   fabs((double)p->dctx[at_ctx(p, task, i, l)]);
                }
            }
        }
    free(ds);
}

static void check_back(const struct overlay *o, struct problem p)
{
    float *prob = guard_floats(p.prob_count), *ctx = guard_floats(p.ctx_count);
    float *want = guard_floats(p.qkv_count), *got[THREADS];
    double *bound = malloc(p.qkv_count * sizeof *bound);
    const struct kern_drop *drop = p.drop.rate > 0 ? &p.drop : NULL;
    struct kern_ctx c = open_ctx(&o->ref, limits_of(&p), 1);

    kern_attend(&c, KERN_F32, ctx, prob, p.qkv, &p.a, drop);
    kern_attend_back(&c, want, p.dctx, prob, p.qkv, &p.a, drop);
    close_ctx(&c);
    back_bounds(bound, &p, prob);
    for (int t = 0; t < THREADS; t++) {
        got[t] = guard_floats(p.qkv_count);
        c = open_ctx(&o->k, limits_of(&p), t + 1);
        kern_attend_back(&c, got[t], p.dctx, prob, p.qkv, &p.a, drop);
        close_ctx(&c);
        check("attend_back", o->name, p.text, got[t], want, bound, p.qkv_count);
        check_bits(o, "attend_back", p.text, got[t], got[0], p.qkv_count, t + 1);
    }
    for (int t = 0; t < THREADS; t++) guard_free_floats(got[t], p.qkv_count);
    guard_free_floats(prob, p.prob_count);
    guard_free_floats(ctx, p.ctx_count);
    guard_free_floats(want, p.qkv_count);
    free(bound);
    release(&p);
}

/* Every remainder of tokens around the tile and vector widths; the usual head widths and odd ones. */
static void each(const struct overlay *o, void (*one)(const struct overlay *, struct problem))
{
    static const int HEADS[] = { 1, 7, 8, 16, 24, 32, 64, 80 };

    for (int t = 1; t <= 34; t++) one(o, make(o, 1, t, 2, t % 2 ? 8 : 5, 0));
    for (size_t i = 0; i < VIT_COUNT(HEADS); i++) one(o, make(o, 2, 19, 3, HEADS[i], 0));
    one(o, make(o, 1, 65, 3, 64, 0));
    one(o, make(o, 1, 131, 1, 16, 0));
    one(o, make(o, 2, 33, 3, 16, 0.25f));
}

static void attend_equals_the_reference(void **state)
{
    const struct overlay *o = *state;

    each(o, check_attend);
}

static void attend_back_equals_the_reference(void **state)
{
    const struct overlay *o = *state;

    each(o, check_back);
}

/* Logits of several hundred: without the shift by the maximum exp would overflow. */
static void large_logits_do_not_overflow(void **state)
{
    const struct overlay *o = *state;
    struct problem p = make(o, 1, 21, 1, 8, 0);
    float *ctx = guard_floats(p.ctx_count);

    for (size_t i = 0; i < p.qkv_count; i++) p.qkv[i] *= 10;
    run(&o->k, &p, ctx, NULL, 2);
    for (size_t i = 0; i < p.ctx_count; i++)
        if (!(fabsf(ctx[i]) <= 31)) fail_msg("[%zu] is %g", i, (double)ctx[i]);
    guard_free_floats(ctx, p.ctx_count);
    release(&p);
}

/* A NaN must reach the output, or a diverged training would look healthy. */
static void nan_is_not_hidden(void **state)
{
    const struct overlay *o = *state;

    for (int j = 0; j < 21; j++) {
        const uint32_t bits = NANS[(size_t)j % VIT_COUNT(NANS)];
        struct problem p = make(o, 1, 21, 1, 8, 0);
        float *ctx = guard_floats(p.ctx_count);

        p.qkv[at(&p, 0, 1, j, 3)] = float_of(bits);
        run(&o->k, &p, ctx, NULL, 1);
        for (size_t i = 0; i < p.ctx_count; i++)
            if (!isnan(ctx[i]))
                fail_msg("key %d is NaN (%x), yet [%zu] is %g", j, (unsigned)bits, i, (double)ctx[i]);
        guard_free_floats(ctx, p.ctx_count);
        release(&p);
    }
}

/* Equal keys: every exponential is 1, and the result the mean of the values, which errs as a sum of t. */
static void many_tokens_fit(void **state)
{
    const struct overlay *o = *state;
    struct problem p = make(o, 1, 2051, 1, 3, 0);
    float *ctx = guard_floats(p.ctx_count);
    double mean[3] = { 0 }, bound[3] = { 0 };

    for (int j = 0; j < p.a.t; j++)
        for (int l = 0; l < p.a.e; l++) {
            const double v = (double)p.seen[at(&p, 0, 2, j, l)] / p.a.t;

            p.qkv[at(&p, 0, 1, j, l)] = p.qkv[at(&p, 0, 1, 0, l)];
            mean[l] += v;
            bound[l] += 2 * (p.a.t + 4) * UNIT * fabs(v);
        }
    run(&o->k, &p, ctx, NULL, 3);
    for (int i = 0; i < p.a.t; i++)
        for (int l = 0; l < p.a.e; l++) {
            const double got = (double)ctx[at_ctx(&p, 0, i, l)];
            if (!(fabs(got - mean[l]) <= bound[l]))
                fail_msg("%s, %s: [%d, %d] is %.9g, expected %.9g, differs by %.3g > %.3g", o->name, p.text,
                         i, l, got, mean[l], fabs(got - mean[l]), bound[l]);
        }
    guard_free_floats(ctx, p.ctx_count);
    release(&p);
}

/* ---- bf16 ---- */

/* Rounding what is rounded already changes no bit; not rounding it would. */
static void queries_keys_and_values_are_rounded(void **state)
{
    const struct overlay *o = *state;
    struct problem p = make(o, 1, 37, 2, 24, 0);
    float *ctx = guard_floats(p.ctx_count), *again = guard_floats(p.ctx_count);
    float *whole = guard_floats(p.ctx_count);

    run(&o->k, &p, ctx, NULL, 1);
    p.dtype = KERN_F32;
    run(&o->k, &p, whole, NULL, 1);
    p.dtype = KERN_BF16;
    memcpy(p.qkv, p.seen, p.qkv_count * sizeof *p.qkv);
    run(&o->k, &p, again, NULL, 1);
    assert_memory_equal(ctx, again, p.ctx_count * sizeof *ctx);
    assert_memory_not_equal(ctx, whole, p.ctx_count * sizeof *ctx);
    guard_free_floats(ctx, p.ctx_count);
    guard_free_floats(again, p.ctx_count);
    guard_free_floats(whole, p.ctx_count);
    release(&p);
}

/* Values of one give what the probabilities sum up to: to one but for rounding, in f32 to t + 4 units, in
 * bf16 to 2^-8 of each and, the errors being 37 different ones, not to those of f32. */
static void probabilities_are_rounded(void **state)
{
    const struct overlay *o = *state;
    struct problem p = make(o, 1, 37, 2, 24, 0);
    const double of_f32 = (p.a.t + 4) * UNIT;
    float *ctx = guard_floats(p.ctx_count);
    int farther = 0;

    for (int task = 0; task < p.a.h; task++)
        for (int j = 0; j < p.a.t; j++)
            for (int l = 0; l < p.a.e; l++) p.qkv[at(&p, task, 2, j, l)] = 1;
    run(&o->k, &p, ctx, NULL, 1);
    for (size_t i = 0; i < p.ctx_count; i++) {
        const double off = fabs((double)ctx[i] - 1);

        if (!(off <= 0x1p-8 + of_f32)) fail_msg("%s: [%zu] is %.9g", o->name, i, (double)ctx[i]);
        farther += off > of_f32;
    }
    assert_true(farther > 0);
    guard_free_floats(ctx, p.ctx_count);
    release(&p);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(attend_equals_the_reference),
        cmocka_unit_test(attend_back_equals_the_reference),
        cmocka_unit_test(large_logits_do_not_overflow),
        cmocka_unit_test(nan_is_not_hidden),
        cmocka_unit_test(many_tokens_fit),
    };
    struct CMUnitTest narrow[] = {
        cmocka_unit_test(attend_equals_the_reference),
        cmocka_unit_test(large_logits_do_not_overflow),
        cmocka_unit_test(nan_is_not_hidden),
        cmocka_unit_test(many_tokens_fit),
        cmocka_unit_test(queries_keys_and_values_are_rounded),
        cmocka_unit_test(probabilities_are_rounded),
    };

    return run_on_part(PART_REST, tests, VIT_COUNT(tests)) +
           run_on_part(PART_BF16, narrow, VIT_COUNT(narrow));
}
