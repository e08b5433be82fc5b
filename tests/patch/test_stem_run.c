/* The stems against a direct convolution in double, and their gradients against its central differences. */
#include "tests/patch/stem_reference.h"
#include "vit/arena.h"
#include "vit/random.h"

/* ---- a stem with random weights ---- */

struct fixture {
    struct patch_stem stem;
    int channels, image, width, batch;
    bool no_bias; /* patch embedding without a bias */

    int count, grid;
    struct patch_stem_tensor tensors[PATCH_STEM_TENSORS];
    size_t size[PATCH_STEM_TENSORS];
    float *value[PATCH_STEM_TENSORS];
    double *exact[PATCH_STEM_TENSORS];
    float *planes, *tokens;
    struct kern kern;
    struct kern_ctx ctx;
    struct vit_arena arena;
    struct patch_stem_packed packed;
    struct patch_stem_trace trace;
};

static float *floats(size_t count, uint64_t key, float low, float high)
{
    float *v = malloc(count * sizeof *v);

    assert_non_null(v);
    for (size_t i = 0; i < count; i++) v[i] = low + (high - low) * vit_random_uniform(key, i);
    return v;
}

static void fill_tensors(struct fixture *f)
{
    f->count = patch_stem_tensors(&f->stem, f->channels, f->width, !f->no_bias, f->tensors);
    for (int i = 0; i < f->count; i++) {
        const struct patch_stem_tensor *t = &f->tensors[i];
        const bool positive = strstr(t->name, "running_var") != NULL;

        f->size[i] = 1;
        for (int j = 0; j < t->rank; j++) f->size[i] *= (size_t)t->shape[j];
        f->value[i] =
            floats(f->size[i], vit_key(11, (uint64_t)i), positive ? 0.3f : -0.6f, positive ? 2 : 0.8f);
        f->exact[i] = malloc(f->size[i] * sizeof(double));
        assert_non_null(f->exact[i]);
        for (size_t j = 0; j < f->size[i]; j++) f->exact[i][j] = f->value[i][j];
    }
}

static void carve(struct fixture *f, const struct kern_limits *limits, bool training)
{
    patch_stem_packed_carve(&f->packed, &f->arena, &f->stem, f->channels, f->width, &f->kern, KERN_F32,
                            training);
    patch_stem_trace_carve(&f->trace, &f->arena, &f->stem, f->channels, f->image, f->width, f->batch,
                           training);
    f->ctx.scratch_bytes = kern_scratch_bytes(&f->kern, limits);
    f->ctx.scratch = vit_arena_take(&f->arena, f->ctx.scratch_bytes, 1);
}

static void open_stem(struct fixture *f, int threads, bool training)
{
    struct kern_limits limits = { .threads = threads, .training = training };
    struct vit_error err;

    assert_ok(patch_stem_check(&f->stem, f->channels, f->image, f->width, "test", &err), &err);
    assert_ok(kern_select(&f->kern, NULL, &err), &err);
    f->ctx.k = &f->kern;
    f->ctx.threads = threads;
    patch_stem_limits(&limits, &f->stem, f->channels, f->image, f->width, f->batch);
    carve(f, &limits, training);
    assert_ok(vit_arena_alloc(&f->arena, "test", &err), &err);
    carve(f, &limits, training);

    fill_tensors(f);
    f->grid = patch_stem_grid(&f->stem, f->image);
    f->planes = floats((size_t)f->batch * f->channels * f->image * f->image, 12, -1, 1);
    f->tokens = calloc((size_t)f->batch * f->grid * f->grid * f->width, sizeof(float));
    assert_non_null(f->tokens);
    patch_stem_pack(&f->packed, &f->stem, f->channels, &f->kern, (const float *const *)f->value);
}

static void close_stem(struct fixture *f)
{
    for (int i = 0; i < f->count; i++) free(f->value[i]), free(f->exact[i]);
    free(f->planes);
    free(f->tokens);
    vit_arena_free(&f->arena);
}

static void forward(struct fixture *f, int n)
{
    patch_stem_forward(&f->ctx, f->tokens, f->planes, &f->stem, &f->packed, &f->trace, n);
}

/* Every kind of stem: square and not, remainders everywhere, with and without each optional part. */
#define CONV3(outputs, step, activation)                                                                     \
    .out = (outputs), .kernel = 3, .stride = (step), .padding = 1, .act = KERN_ACT_##activation
static const struct fixture STEMS[] = {
    { { .patch = 4 }, .channels = 3, .image = 12, .width = 10, .batch = 3 },
    { { .patch = 5 }, .channels = 2, .image = 13, .width = 7, .batch = 2, .no_bias = true },
    { { .layers = 2,
        .conv = { { CONV3(6, 1, RELU), .pool = { 3, 2, 1 } }, { CONV3(5, 1, RELU), .pool = { 3, 2, 1 } } } },
      .channels = 3,
      .image = 9,
      .width = 5,
      .batch = 3 },
    { { .layers = 2,
        .conv = { { .out = 4, .kernel = 2, .stride = 2, .padding = 1, .bias = true, .act = KERN_ACT_GELU },
                  { CONV3(7, 1, RELU), .bias = true } } },
      .channels = 1,
      .image = 11,
      .width = 7,
      .batch = 2 },
    { { .layers = 3,
        .project = true,
        .conv = { { CONV3(4, 2, RELU) },
                  { .out = 3, .kernel = 1, .stride = 1, .bias = true },
                  { CONV3(6, 1, GELU), .pool = { 2, 2, 0 } } } },
      .channels = 3,
      .image = 10,
      .width = 8,
      .batch = 2 },
};
static const struct fixture NORMED = {
    { .layers = 2,
      .project = true,
      .conv = { { CONV3(5, 2, RELU), .batch_norm = true },
                { CONV3(6, 2, RELU), .bias = true, .batch_norm = true } } },
    .channels = 3,
    .image = 14,
    .width = 9,
    .batch = 2
};

/* ---- forward ---- */

/* A float sum of k products is off by at most k eps times the sum of magnitudes (Higham 2002, 3.1); so is
 * what the next layer makes of it. Activations and pooling stretch by at most 1.13 (GELU). The folded
 * factor of a batch norm and the activation add a few roundings a layer. */
static double rounding_bound(const struct fixture *f, double magnitude)
{
    double terms = 0, stretch = 1;

    for (int i = 0; i < f->count; i++)
        if (f->tensors[i].rank > 1) terms += (double)f->size[i] / f->tensors[i].shape[0] + 8, stretch *= 1.13;
    return terms * stretch * 0x1p-23 * magnitude;
}

static void check_forward(struct fixture f, bool training)
{
    open_stem(&f, 2, training);
    const size_t count = (size_t)f.grid * f.grid * f.width, picture = (size_t)f.channels * f.image * f.image;
    double *want = malloc(2 * count * sizeof *want), *magnitude = want + count;

    assert_non_null(want);
    forward(&f, f.batch);
    for (int b = 0; b < f.batch; b++) {
        reference(want, f.planes + b * picture, &f.stem, f.channels, f.image, f.width, f.exact, false);
        reference(magnitude, f.planes + b * picture, &f.stem, f.channels, f.image, f.width, f.exact, true);
        for (size_t i = 0; i < count; i++) {
            const double got = f.tokens[b * count + i], bound = rounding_bound(&f, magnitude[i]);
            if (!(fabs(got - want[i]) <= bound))
                fail_msg("picture %d, token value %zu: %.9g, expected %.9g within %.3g", b, i, got, want[i],
                         bound);
        }
    }
    free(want);
    close_stem(&f);
}

static void tokens_equal_a_direct_convolution(void **state)
{
    (void)state;
    for (size_t i = 0; i < VIT_COUNT(STEMS); i++)
        check_forward(STEMS[i], false), check_forward(STEMS[i], true);
}

static void a_folded_batch_norm_equals_the_unfolded(void **state)
{
    (void)state;
    check_forward(NORMED, false);
}

/* Two layers of 32 pixels whose columns fill several chunks of the batch. */
static struct fixture chunked(void)
{
    return (struct fixture){ .stem = { .layers = 2,
                                       .conv = { { CONV3(64, 1, RELU), .pool = { 3, 2, 1 } },
                                                 { CONV3(24, 1, RELU), .pool = { 3, 2, 1 } } } },
                             .channels = 3,
                             .image = 32,
                             .width = 24,
                             .batch = 20 };
}

static void a_picture_does_not_depend_on_its_batch_or_the_threads(void **state)
{
    struct fixture f = chunked(), alone = chunked();

    (void)state;
    alone.batch = 1;
    open_stem(&f, 3, false);
    open_stem(&alone, 1, false);
    if (strstr(f.kern.name, "blas")) { /* kern.h promises less for it: another size may take another path */
        close_stem(&alone);
        close_stem(&f);
        skip();
    }
    assert_in_range(f.trace.chunk, 2, f.batch - 1);
    forward(&f, f.batch);
    for (int b = 0; b < f.batch; b++) {
        const size_t count = (size_t)f.grid * f.grid * f.width;
        memcpy(alone.planes, f.planes + (size_t)b * 3 * 32 * 32, (size_t)3 * 32 * 32 * sizeof(float));
        forward(&alone, 1);
        assert_memory_equal(alone.tokens, f.tokens + b * count, count * sizeof(float));
    }
    close_stem(&alone);
    close_stem(&f);
}

static void training_computes_the_bits_of_inference(void **state)
{
    struct fixture f = chunked(), training = chunked();

    (void)state;
    open_stem(&f, 2, false);
    open_stem(&training, 2, true);
    forward(&f, f.batch);
    forward(&training, f.batch);
    assert_memory_equal(f.tokens, training.tokens,
                        (size_t)f.batch * f.grid * f.grid * f.width * sizeof(float));
    close_stem(&training);
    close_stem(&f);
}

/* ---- backward ---- */

struct gradients {
    float *of[PATCH_STEM_TENSORS];
};

static struct gradients gradients_create(const struct fixture *f)
{
    struct gradients g = { 0 };

    for (int i = 0; i < f->count; i++) {
        g.of[i] = calloc(f->size[i], sizeof(float));
        assert_non_null(g.of[i]);
    }
    return g;
}

static void gradients_free(struct gradients *g)
{
    for (int i = 0; i < PATCH_STEM_TENSORS; i++) free(g->of[i]);
}

static void backward(struct fixture *f, struct gradients *g, const float *dtokens, int n)
{
    patch_stem_backward(&f->ctx, g->of, dtokens, &f->stem, &f->packed, &f->trace, n);
}

/* Sum over the batch of dtokens times tokens, in double. */
static double objective(const struct fixture *f, const float *dtokens)
{
    const size_t count = (size_t)f->grid * f->grid * f->width,
                 picture = (size_t)f->channels * f->image * f->image;
    double *tokens = malloc(count * sizeof *tokens), sum = 0;

    assert_non_null(tokens);
    for (int b = 0; b < f->batch; b++) {
        reference(tokens, f->planes + b * picture, &f->stem, f->channels, f->image, f->width, f->exact,
                  false);
        for (size_t i = 0; i < count; i++) sum += tokens[i] * dtokens[b * count + i];
    }
    free(tokens);
    return sum;
}

/* Central differences of the double reference, at a step so small (1e-6) that no sample crosses a kink of
 * ReLU or changes the winner of a pooling window, and that still leaves ten digits. */
static void difference(float *slope, const struct fixture *f, int tensor, const float *dtokens)
{
    const double step = 1e-6;

    for (size_t i = 0; i < f->size[tensor]; i++) {
        double *x = &f->exact[tensor][i], was = *x;

        *x = was + step;
        double up = objective(f, dtokens);
        *x = was - step;
        slope[i] = (float)((up - objective(f, dtokens)) / (2 * step));
        *x = was;
    }
}

static double largest(const float *v, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++) most = fmax(most, fabs((double)v[i]));
    return most;
}

/* A gradient element is a sum of at most rows of the batch (< 300) products of sums of at most 60: relative
 * to the largest element, 360 roundings of 6e-8 are 2e-5; cancellation may cost a few times that. */
static const double GRADIENT_BOUND = 1e-4;

static void check_gradients(struct fixture f)
{
    open_stem(&f, 2, true);
    struct gradients g = gradients_create(&f);
    float *dtokens = floats((size_t)f.batch * f.grid * f.grid * f.width, 13, -1, 1);

    forward(&f, f.batch);
    backward(&f, &g, dtokens, f.batch);
    for (int i = 0; i < f.count; i++) {
        float *slope = malloc(f.size[i] * sizeof *slope);

        assert_non_null(slope);
        difference(slope, &f, i, dtokens);
        assert_close(f.tensors[i].name, g.of[i], slope, f.size[i],
                     GRADIENT_BOUND * largest(slope, f.size[i]));
        free(slope);
    }
    free(dtokens);
    gradients_free(&g);
    close_stem(&f);
}

static void gradients_equal_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < VIT_COUNT(STEMS); i++) check_gradients(STEMS[i]);
}

static void gradients_of_a_batch_are_the_sum_over_its_pictures(void **state)
{
    struct fixture f = chunked();
    const size_t picture = (size_t)3 * 32 * 32;

    (void)state;
    open_stem(&f, 2, true);
    assert_in_range(f.trace.chunk, 2, f.batch - 1);
    struct gradients whole = gradients_create(&f), sum = gradients_create(&f);
    const size_t count = (size_t)f.grid * f.grid * f.width;
    float *dtokens = floats(f.batch * count, 13, -1, 1);

    forward(&f, f.batch);
    backward(&f, &whole, dtokens, f.batch);
    for (int b = 0; b < f.batch; b++) { /* += : the sum is made by backward itself */
        memmove(f.planes, f.planes + (b ? picture : 0), picture * (f.batch - b) * sizeof(float));
        forward(&f, 1);
        backward(&f, &sum, dtokens + b * count, 1);
    }
    for (int i = 0; i < f.count; i++) /* 7168 rows of alternating sign: a random walk of 85 roundings */
        assert_close(f.tensors[i].name, whole.of[i], sum.of[i], f.size[i],
                     GRADIENT_BOUND * largest(whole.of[i], f.size[i]));
    free(dtokens);
    gradients_free(&sum);
    gradients_free(&whole);
    close_stem(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_equal_a_direct_convolution),
        cmocka_unit_test(a_folded_batch_norm_equals_the_unfolded),
        cmocka_unit_test(a_picture_does_not_depend_on_its_batch_or_the_threads),
        cmocka_unit_test(training_computes_the_bits_of_inference),
        cmocka_unit_test(gradients_equal_central_differences),
        cmocka_unit_test(gradients_of_a_batch_are_the_sum_over_its_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
