/* Sessions: the same picture gives the same bits, whatever stands beside it; memory as
 * planned. */
#include <limits.h>
#include <pthread.h>

#include "tests/support/test.h"
#include "tests/vit/tiny.h"
#include "vit/session.h"

enum { BATCH = 5 };

static const char *const KERNELS[] = { "ref", NULL };

/* Every placement, then networks that take different paths: read-out by token and by sequence, stems, gates,
 * norms of heads. */
enum { VARIANTS = VIT_PLACEMENTS + 4 };
static struct vit_config variant(int number)
{
    const int i = number - VIT_PLACEMENTS;
    struct vit_config c = tiny_config(i < 0    ? (enum vit_placement)number
                                      : i == 2 ? VIT_NORM_POST
                                      : i == 3 ? VIT_NORM_SANDWICH
                                               : VIT_NORM_PRE);

    if (i == 1) {
        c.cls = false;
        c.pool = VIT_POOL_SEQ;
        c.image = 12;
        c.stem = (struct patch_stem){
            .layers = 2,
            .conv = { { .out = 8,
                        .kernel = 3,
                        .stride = 1,
                        .padding = 1,
                        .act = KERN_ACT_RELU,
                        .pool = { 3, 2, 1 } },
                      { .out = 16, .kernel = 3, .stride = 1, .padding = 1, .act = KERN_ACT_RELU } }
        };
    }
    if (i == 2) c.pool = VIT_POOL_MEAN;
    if (i == 3) c.norm.qk = c.glu = true, c.act = KERN_ACT_SILU;
    return c;
}

struct fixture {
    struct vit_model *model;
    float *planes; /* (BATCH, channels, image, image) */
    size_t image;  /* floats of one */
};

static struct fixture make(int i, const char *kernels)
{
    const struct vit_config c = variant(i);
    struct fixture f = { .model = tiny_model(&c, kernels) };

    f.planes = tiny_planes(f.model, BATCH);
    f.image = vit_model_input_floats(f.model);
    return f;
}

static void drop(struct fixture *f)
{
    free(f->planes);
    vit_model_close(f->model);
}

/* ---- the same bits ---- */

static void neither_batch_nor_place_changes_an_image(void **state)
{
    (void)state;
    SKIP_ON_BLAS();
    for (int i = 0; i < 2 * VARIANTS; i++) {
        struct fixture f = make(i / 2, KERNELS[i % 2]);
        struct vit_session *one = tiny_session(f.model, 1, 1, false),
                           *many = tiny_session(f.model, BATCH, 1, false);
        float alone[TINY_CLASSES], *pair = malloc(2 * f.image * sizeof *pair);
        const float *logits;

        memcpy(alone, vit_forward(one, f.planes, 1), sizeof alone);
        logits = vit_forward(many, f.planes, BATCH);
        assert_memory_equal(alone, logits, sizeof alone);
        memcpy(pair, f.planes + 3 * f.image, f.image * sizeof *pair);
        memcpy(pair + f.image, f.planes, f.image * sizeof *pair);
        logits = vit_forward(many, pair, 2);
        assert_memory_equal(alone, logits + TINY_CLASSES, sizeof alone);
        assert_memory_not_equal(alone, logits, sizeof alone);
        free(pair);
        vit_session_close(one);
        vit_session_close(many);
        drop(&f);
    }
}

static void a_second_call_does_not_see_the_first(void **state)
{
    (void)state;
    for (int i = 0; i < VARIANTS; i++) {
        struct fixture f = make(i, NULL);
        struct vit_session *s = tiny_session(f.model, BATCH, 1, false);
        float first[TINY_CLASSES];

        memcpy(first, vit_forward(s, f.planes, 1), sizeof first);
        vit_forward(s, f.planes, BATCH);
        assert_memory_equal(first, vit_forward(s, f.planes, 1), sizeof first);
        vit_session_close(s);
        drop(&f);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * VARIANTS; i++) {
        struct fixture f = make(i / 2, KERNELS[i % 2]);
        struct vit_session *s[3];

        for (int t = 0; t < 3; t++) {
            s[t] = tiny_session(f.model, BATCH, t + 1, false);
            assert_int_equal(vit_session_threads(s[t]), t + 1);
            vit_forward(s[t], f.planes, BATCH);
            assert_memory_equal(s[t]->ends.logits, s[0]->ends.logits, BATCH * TINY_CLASSES * sizeof(float));
        }
        for (int t = 0; t < 3; t++) vit_session_close(s[t]);
        drop(&f);
    }
}

/* Training keeps the branch in front of its gain. */
static void training_computes_what_inference_does(void **state)
{
    (void)state;
    SKIP_ON_BLAS();
    for (int i = 0; i < 2 * VARIANTS; i++) {
        struct fixture f = make(i / 2, KERNELS[i % 2]);
        struct vit_session *use = tiny_session(f.model, BATCH, 1, false),
                           *train = tiny_session(f.model, BATCH, 1, true);
        const float *a = vit_forward(use, f.planes, BATCH), *b = vit_forward(train, f.planes, BATCH);

        assert_logits(vit_model_kernels(f.model), b, a, BATCH, tiny_gain_slack(vit_model_config(f.model)));
        vit_session_close(use);
        vit_session_close(train);
        drop(&f);
    }
}

/* Integers and packed matrices have no backward. */
static void training_needs_a_model_opened_for_it(void **state)
{
    struct vit_session *s;
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    assert_ok(vit_model_open(&m, "builtin:pre", &(struct vit_model_options){ .dtype = KERN_I8 }, &err), &err);
    assert_refused(vit_session_create(&s, m, &(struct vit_session_options){ .training = true }, &err),
                   VIT_ERR_ARG, "builtin:pre: was not opened for training", &err);
    assert_null(s);
    vit_model_close(m);
}

struct job {
    struct vit_session *session;
    const float *planes;
    float want[BATCH * TINY_CLASSES];
    int wrong;
};

/* And the same ones when the backward asks again. */
static void every_block_drops_other_probabilities(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m = tiny_model(&c, "ref");
    struct vit_session *s = tiny_session(m, 1, 1, true);

    (void)state;
    s->attn_drop = (struct kern_drop){ .rate = 0.5f, .key = 3, .first = 7 };
    for (int a = 0; a < TINY_DEPTH; a++) {
        const struct kern_drop first = vit_session_call(s, a, 1).attn_drop;
        assert_true(first.rate == 0.5f && first.first == 7);
        for (int b = 0; b < TINY_DEPTH; b++)
            assert_int_equal(vit_session_call(s, b, 1).attn_drop.key == first.key, a == b);
    }
    vit_session_close(s);
    vit_model_close(m);
}

static void *work(void *arg)
{
    struct job *j = arg;

    for (int i = 0; i < 40; i++)
        j->wrong += memcmp(vit_forward(j->session, j->planes, BATCH), j->want, sizeof j->want) != 0;
    return NULL;
}

static void two_sessions_may_run_at_once(void **state)
{
    struct fixture f = make(0, NULL);
    struct job job[2];
    pthread_t thread[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        job[i] = (struct job){ .session = tiny_session(f.model, BATCH, 1 + i, false), .planes = f.planes };
        memcpy(job[i].want, vit_forward(job[i].session, f.planes, BATCH), sizeof job[i].want);
    }
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, work, &job[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(job[i].wrong, 0);
        vit_session_close(job[i].session);
    }
    drop(&f);
}

/* ---- memory ---- */

static void the_pieces_sum_to_the_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * VARIANTS; i++) {
        struct fixture f = make(i / 2, NULL);
        struct vit_session *s = tiny_session(f.model, BATCH, 2, i % 2);
        const char *name;
        size_t bytes, total = 0;
        int piece = 0;

        for (; vit_session_piece(s, piece, &name, &bytes); piece++) total += bytes;
        assert_int_equal(total, vit_session_bytes(s));
        assert_false(vit_session_piece(s, -1, &name, &bytes));
        vit_session_close(s);
        drop(&f);
    }
}

static size_t bytes_at(int depth, enum vit_placement placement, bool training)
{
    struct vit_config c = tiny_config(placement);
    struct vit_model *m;
    struct vit_session *s;
    size_t bytes;

    c.depth = depth;
    m = tiny_model(&c, NULL);
    s = tiny_session(m, BATCH, 1, training);
    bytes = vit_session_bytes(s);
    vit_session_close(s);
    vit_model_close(m);
    return bytes;
}

static void inference_memory_does_not_grow_with_the_depth(void **state)
{
    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const enum vit_placement placement = (enum vit_placement)p;
        assert_int_equal(bytes_at(2, placement, false), bytes_at(9, placement, false));
        assert_true(bytes_at(2, placement, true) < bytes_at(9, placement, true));
    }
}

static void a_batch_whose_rows_overflow_is_refused(void **state)
{
    struct fixture f = make(0, NULL);
    struct vit_session *s = (struct vit_session *)&f;
    struct vit_error err;

    (void)state;
    assert_refused(vit_session_create(&s, f.model, &(struct vit_session_options){ .batch = INT_MAX }, &err),
                   VIT_ERR_ARG, "too large", &err);
    assert_null(s);
    drop(&f);
}

/* OpenMP ends the program when the system refuses it a thread. */
static void more_threads_than_a_machine_has_are_refused(void **state)
{
    struct fixture f = make(0, "ref");
    struct vit_session *s;
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    assert_refused(vit_session_create(&s, f.model, &(struct vit_session_options){ .threads = 100000 }, &err),
                   VIT_ERR_ARG, "100000 threads, expected at most 1024", &err);
    assert_null(s);
    assert_refused(vit_model_open(&m, "tests/data/golden/timm-cls",
                                  &(struct vit_model_options){ .threads = 2000 }, &err),
                   VIT_ERR_ARG, "2000 threads, expected at most 1024", &err);
    drop(&f);
}

/* Nobody means the default by a number below zero: it is a calculation that went wrong. */
static void less_than_nothing_is_refused(void **state)
{
    static const struct vit_session_options BAD[] = { { .batch = -1 }, { .threads = -2 } };
    struct fixture f = make(0, "ref");
    struct vit_session *s;
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        assert_refused(vit_session_create(&s, f.model, &BAD[i], &err), VIT_ERR_ARG,
                       "expected 0 (the default) or more", &err);
        assert_null(s);
    }
    assert_refused(
        vit_model_open(&m, "tests/data/golden/timm-cls", &(struct vit_model_options){ .threads = -3 }, &err),
        VIT_ERR_ARG, "-3 threads, expected 0 (the default) to 1024", &err);
    drop(&f);
}

/* Stands where no call may come. */
static void attend_never(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                         const struct kern_heads *a, const struct kern_drop *drop)
{
    (void)c, (void)ctx, (void)prob, (void)qkv, (void)a, (void)drop;
    fail_msg("attention in another format than the model's");
}

static void attention_computes_in_the_format_of_the_model(void **state)
{
    const struct vit_config c = variant(0);

    (void)state;
    for (int dtype = 0; dtype < KERN_DTYPES; dtype++) {
        const struct vit_model_options how = { .dtype = (enum kern_dtype)dtype };
        struct vit_model *m;
        struct vit_session *s;
        struct vit_error err;
        float *planes;

        assert_ok(vit_model_create(&m, &c, NULL, NULL, &(struct vit_init){ .seed = 5 }, &how, &err), &err);
        for (int i = 0; i < KERN_DTYPES; i++)
            if (i != dtype) m->kern.attend[i] = attend_never;
        planes = tiny_planes(m, 1);
        s = tiny_session(m, 1, 1, false);
        vit_forward(s, planes, 1);
        vit_session_close(s);
        free(planes);
        vit_model_close(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neither_batch_nor_place_changes_an_image),
        cmocka_unit_test(a_second_call_does_not_see_the_first),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(training_computes_what_inference_does),
        cmocka_unit_test(every_block_drops_other_probabilities),
        cmocka_unit_test(training_needs_a_model_opened_for_it),
        cmocka_unit_test(two_sessions_may_run_at_once),
        cmocka_unit_test(the_pieces_sum_to_the_whole),
        cmocka_unit_test(inference_memory_does_not_grow_with_the_depth),
        cmocka_unit_test(a_batch_whose_rows_overflow_is_refused),
        cmocka_unit_test(more_threads_than_a_machine_has_are_refused),
        cmocka_unit_test(less_than_nothing_is_refused),
        cmocka_unit_test(attention_computes_in_the_format_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
