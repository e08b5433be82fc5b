/* Cross-entropy and its gradient against the textbook in double. */
#include "tests/support/test.h"
#include "vit/loss.h"
#include "vit/random.h"

enum { N = 5, CLASSES = 7 };

struct batch {
    float logits[N * CLASSES];
    int label[N], other[N];
    float weight[N];
    float teacher[N * CLASSES];
};

/* Probabilities: one class is likelier than the others, which are all alike. */
static float teacher_says(int row, int class)
{
    return (class == (2 * row + 1) % CLASSES ? 2.0f + (float)row : 1) / (CLASSES + 1 + (float)row);
}

/* Row 3 has both labels alike, row 4 all its weight on the second. */
static struct batch make(float spread)
{
    struct batch b;

    for (int i = 0; i < N * CLASSES; i++) b.logits[i] = spread * (float)vit_random_normal(1, (uint64_t)i);
    for (int i = 0; i < N; i++) {
        b.label[i] = i % CLASSES;
        b.other[i] = i == 3 ? b.label[i] : (3 * i + 2) % CLASSES;
        b.weight[i] = i == 4 ? 0 : 0.3f + 0.1f * (float)i;
        for (int j = 0; j < CLASSES; j++) b.teacher[i * CLASSES + j] = teacher_says(i, j);
    }
    return b;
}

/* What PyTorch's CrossEntropyLoss(label_smoothing=e) and timm's Mixup define: the sum over classes of -q
 * log p
 * with q = (1 - e) (w onehot(a) + (1 - w) onehot(b)) + e / classes. With a teacher, the mean of that loss and
 * the cross-entropy with what it says, weighted by its share. No shift: the logits here are small. */
static double textbook(const double *logits, const struct vit_targets *t, int n, double total)
{
    double loss = 0;

    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < CLASSES; j++) sum += exp(logits[i * CLASSES + j]);
        for (int j = 0; j < CLASSES; j++) {
            const double w = t->other ? (double)t->weight[i] : 1;
            double q = (j == t->label[i]) * w + (t->other && j == t->other[i]) * (1 - w);
            q = (1 - (double)t->smoothing) * q + (double)t->smoothing / CLASSES;
            if (t->teacher) q += (double)t->share * ((double)t->teacher[i * CLASSES + j] - q);
            loss -= q * log(exp(logits[i * CLASSES + j]) / sum);
        }
    }
    return loss / total;
}

static const struct shape {
    const char *name;
    bool mixed;
    float smoothing;
    int total;
    float share; /* of a teacher; 0: there is none */
} SHAPES[] = {
    { "plain", false, 0, N, 0 },          { "smoothed", false, 0.1f, N, 0 },
    { "mixed", true, 0, N, 0 },           { "mixed, smoothed", true, 0.1f, N, 0 },
    { "part of 12", true, 0.1f, 12, 0 },  { "all smooth", false, 1, N, 0 },
    { "taught", false, 0, N, 0.5f },      { "mixed, smoothed, taught", true, 0.1f, 12, 0.3f },
    { "taught alone", true, 0.1f, N, 1 },
};

static struct vit_targets targets_of(const struct batch *b, const struct shape *s)
{
    return (struct vit_targets){ .label = b->label,
                                 .other = s->mixed ? b->other : NULL,
                                 .weight = s->mixed ? b->weight : NULL,
                                 .smoothing = s->smoothing,
                                 .teacher = s->share > 0 ? b->teacher : NULL,
                                 .share = s->share };
}

/* Both sum N CLASSES terms of at most about 10 in double. */
static void the_loss_is_the_textbooks(void **state)
{
    const struct shape *s = *state;
    const struct batch b = make(2);
    const struct vit_targets t = targets_of(&b, s);
    double logits[N * CLASSES], want;
    double got = vit_cross_entropy(NULL, b.logits, &t, N, CLASSES, s->total);

    for (int i = 0; i < N * CLASSES; i++) logits[i] = (double)b.logits[i];
    want = textbook(logits, &t, N, s->total);
    if (!(fabs(got - want) <= 1e-13 * N * CLASSES)) fail_msg("%s: %.17g, expected %.17g", s->name, got, want);
}

/* Central differences of the textbook in double: step h leaves h^2 / 6 times a third derivative below 1, and
 * rounding 1e-15 / h; with h 1e-4 both are below 1e-8. Rounding the gradient (below 1) to float: 2^-24. */
static void the_gradient_is_the_slope_of_the_textbook(void **state)
{
    const struct shape *s = *state;
    const struct batch b = make(2);
    const struct vit_targets t = targets_of(&b, s);
    double logits[N * CLASSES];
    float gradient[N * CLASSES], slope[N * CLASSES];
    const double h = 1e-4;

    for (int i = 0; i < N * CLASSES; i++) logits[i] = (double)b.logits[i];
    for (int i = 0; i < N * CLASSES; i++) {
        double up, down;
        logits[i] += h;
        up = textbook(logits, &t, N, s->total);
        logits[i] -= 2 * h;
        down = textbook(logits, &t, N, s->total);
        logits[i] += h;
        slope[i] = (float)((up - down) / (2 * h));
    }
    vit_cross_entropy(gradient, b.logits, &t, N, CLASSES, s->total);
    assert_close(s->name, gradient, slope, N * CLASSES, 2e-8 + 2 * 0x1p-24);
}

static void a_gradient_row_sums_to_zero(void **state)
{
    const struct shape *s = *state;
    const struct batch b = make(2);
    const struct vit_targets t = targets_of(&b, s);
    float gradient[N * CLASSES];

    vit_cross_entropy(gradient, b.logits, &t, N, CLASSES, s->total);
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < CLASSES; j++) sum += (double)gradient[i * CLASSES + j];
        if (fabs(sum) > CLASSES * 0x1p-25) fail_msg("%s: row %d sums to %g", s->name, i, sum);
    }
}

static void parts_of_a_batch_add_up_to_the_whole(void **state)
{
    const struct batch b = make(2);
    const struct vit_targets all = { .label = b.label,
                                     .other = b.other,
                                     .weight = b.weight,
                                     .smoothing = 0.1f,
                                     .teacher = b.teacher,
                                     .share = 0.3f };
    const struct vit_targets rest = { .label = b.label + 2,
                                      .other = b.other + 2,
                                      .weight = b.weight + 2,
                                      .smoothing = 0.1f,
                                      .teacher = b.teacher + 2 * CLASSES,
                                      .share = 0.3f };
    float whole[N * CLASSES], parts[N * CLASSES];
    double a = vit_cross_entropy(whole, b.logits, &all, N, CLASSES, N), c;

    (void)state;
    c = vit_cross_entropy(parts, b.logits, &all, 2, CLASSES, N);
    c += vit_cross_entropy(parts + 2 * CLASSES, b.logits + 2 * CLASSES, &rest, N - 2, CLASSES, N);
    assert_true(fabs(a - c) < 1e-14);
    assert_memory_equal(whole, parts, sizeof whole);
}

/* log p = x - max - log sum exp(x - max): nothing overflows, a certain and right answer costs 0. */
static void large_logits_do_not_overflow(void **state)
{
    const float logits[6] = { 3e38f, -3e38f, 0, 1e4f, 1e4f, -1e4f };
    const int right[2] = { 0, 1 };
    const struct vit_targets t = { .label = right };
    float gradient[6];
    double loss = vit_cross_entropy(gradient, logits, &t, 2, 3, 2);

    (void)state;
    assert_true(fabs(loss - log(2) / 2) < 1e-12);
    for (int i = 0; i < 6; i++) assert_true(isfinite(gradient[i]));
    assert_true(gradient[0] == 0 && fabsf(gradient[3] - 0.25f) < 1e-6f && fabsf(gradient[4] + 0.25f) < 1e-6f);
}

static void a_logit_that_is_no_number_makes_the_loss_none(void **state)
{
    const float logits[3] = { 0, NAN, 1 };
    const struct vit_targets t = { .label = (const int[]){ 2 } };

    (void)state;
    assert_false(isfinite(vit_cross_entropy(NULL, logits, &t, 1, 3, 1)));
}

int main(void)
{
    static struct CMUnitTest tests[3 * VIT_COUNT(SHAPES) + 3];
    size_t used = 0;

    for (size_t i = 0; i < VIT_COUNT(SHAPES); i++) {
        tests[used++] =
            (struct CMUnitTest)cmocka_unit_test_prestate(the_loss_is_the_textbooks, (void *)&SHAPES[i]);
        tests[used++] = (struct CMUnitTest)cmocka_unit_test_prestate(
            the_gradient_is_the_slope_of_the_textbook, (void *)&SHAPES[i]);
        tests[used++] =
            (struct CMUnitTest)cmocka_unit_test_prestate(a_gradient_row_sums_to_zero, (void *)&SHAPES[i]);
    }
    tests[used++] = (struct CMUnitTest)cmocka_unit_test(parts_of_a_batch_add_up_to_the_whole);
    tests[used++] = (struct CMUnitTest)cmocka_unit_test(large_logits_do_not_overflow);
    tests[used++] = (struct CMUnitTest)cmocka_unit_test(a_logit_that_is_no_number_makes_the_loss_none);
    return _cmocka_run_group_tests("loss", tests, used, NULL, NULL);
}
