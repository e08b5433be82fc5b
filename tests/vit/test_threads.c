/* Threads: any number of them gives the same bits, also more than there are cores, several sessions on one
 * model at once, and in a child of a program that had some. For make tsan above all. */
#include <omp.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"

#if VIT_BLAS
#include <cblas.h>
#endif

enum { THREADS = 8, BATCH = 5, SESSIONS = 4 };

/* Large enough that operations share their work: a tiny one is done by the caller alone. */
static struct vit_config shared_config(void)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    c.image = 32;
    c.width = 64;
    c.heads = 4;
    c.hidden = 128;
    return c;
}

/* Every kind of number and of kernels. */
static const struct row {
    const char *kernels; /* NULL: what is chosen here */
    enum kern_dtype dtype;
} ROWS[] = { { "ref", KERN_F32 }, { NULL, KERN_F32 }, { NULL, KERN_BF16 }, { NULL, KERN_I8 } };

static struct vit_model *model_of(const struct row *row)
{
    const struct vit_config c = shared_config();
    const struct vit_init init = { .seed = 5, .out_gain = 0.7f, .scale = 0.5f, .position = 0.5f };
    const struct vit_model_options o = { .kernels = row->kernels, .dtype = row->dtype };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_create(&m, &c, NULL, NULL, &init, &o, &err), &err);
    return m;
}

static void neither_threads_nor_batch_change_a_bit(void **state)
{
    (void)state;
    SKIP_ON_BLAS();
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_model *m = model_of(&ROWS[i]);
        const size_t floats = vit_model_input_floats(m);
        float *planes = tiny_planes(m, BATCH), want[BATCH * TINY_CLASSES];

        for (int threads = 1; threads <= THREADS; threads++) {
            struct vit_session *many = tiny_session(m, BATCH, threads, false),
                               *one = tiny_session(m, 1, threads, false);
            if (threads == 1) memcpy(want, vit_forward(many, planes, BATCH), sizeof want);
            assert_memory_equal(vit_forward(many, planes, BATCH), want, sizeof want);
            for (int b = 0; b < BATCH; b++)
                assert_memory_equal(vit_forward(one, planes + (size_t)b * floats, 1), want + b * TINY_CLASSES,
                                    TINY_CLASSES * sizeof *want);
            vit_session_close(many);
            vit_session_close(one);
        }
        free(planes);
        vit_model_close(m);
    }
}

/* ---- several sessions ---- */

struct job {
    pthread_t thread;
    const struct vit_model *model;
    const float *planes, *want;
    int threads, wrong;
};

/* A session from its making to its end, beside those of others. */
static void *work(void *arg)
{
    struct job *j = arg;
    struct vit_session *s = tiny_session(j->model, BATCH, j->threads, false);

    for (int i = 0; i < 5; i++)
        j->wrong +=
            memcmp(vit_forward(s, j->planes, BATCH), j->want, BATCH * TINY_CLASSES * sizeof *j->want) != 0;
    vit_session_close(s);
    return NULL;
}

static void sessions_with_teams_share_a_model(void **state)
{
    (void)state;
    SKIP_ON_BLAS();
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_model *m = model_of(&ROWS[i]);
        float *planes = tiny_planes(m, BATCH), want[BATCH * TINY_CLASSES];
        struct vit_session *s = tiny_session(m, BATCH, 1, false);
        struct job job[SESSIONS];

        memcpy(want, vit_forward(s, planes, BATCH), sizeof want);
        for (int j = 0; j < SESSIONS; j++) {
            job[j] = (struct job){ .model = m, .planes = planes, .want = want, .threads = 1 + j };
            assert_int_equal(pthread_create(&job[j].thread, NULL, work, &job[j]), 0);
        }
        for (int j = 0; j < SESSIONS; j++) {
            pthread_join(job[j].thread, NULL);
            assert_int_equal(job[j].wrong, 0);
        }
        vit_session_close(s);
        free(planes);
        vit_model_close(m);
    }
}

#if VIT_BLAS
/* Whatever the caller has told OpenMP, and that stays as it was. */
static void openblas_has_the_threads_of_the_session(void **state)
{
    enum { CALLERS = 3, OURS = 2 };
    const struct row blas = { "ref+blas", KERN_F32 };
    struct vit_model *m = model_of(&blas);
    struct vit_session *s = tiny_session(m, BATCH, OURS, false);
    float *planes = tiny_planes(m, BATCH);
    const int before = omp_get_max_threads();

    (void)state;
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(CALLERS);
        vit_forward(s, planes, BATCH);
        assert_int_equal(openblas_get_num_threads(), OURS);
        assert_int_equal(omp_get_max_threads(), CALLERS);
    }
    omp_set_num_threads(before);
    free(planes);
    vit_session_close(s);
    vit_model_close(m);
}
#endif

/* ---- training ---- */

static const struct training {
    enum vit_optimizer optimizer;
    enum kern_dtype dtype;
} TRAININGS[] = { { VIT_ADAMW, KERN_F32 }, { VIT_MUON, KERN_F32 }, { VIT_MUON, KERN_BF16 } };

/* The weights after steps of training with some threads; free them. */
static float *trained(const struct training *how, int threads, size_t *count)
{
    const struct vit_config c = shared_config();
    const struct vit_init init = { .seed = 5 };
    const struct vit_model_options o = { .trainable = true, .dtype = how->dtype };
    struct vit_hyper h = vit_hyper_default();
    static const int labels[BATCH] = { 0, 1, 2, 3, 0 };
    struct vit_trainer *t;
    struct vit_model *m;
    struct vit_error err;
    float *planes, *weights;

    h.optimizer = how->optimizer;
    h.steps = 3;
    h.drop_path = 0.2f;
    assert_ok(vit_model_create(&m, &c, NULL, NULL, &init, &o, &err), &err);
    assert_ok(vit_trainer_create(&t, m, &h, BATCH, threads, &err), &err);
    planes = tiny_planes(m, BATCH);
    for (int i = 0; i < h.steps; i++)
        vit_trainer_step(t, &(struct vit_batch){ .planes = planes, .labels = labels, .n = BATCH });
    *count = vit_model_parameters(m);
    weights = malloc(*count * sizeof *weights);
    for (int i = 0, at = 0; i < m->slot_count; at += (int)m->slots[i++].count)
        memcpy(weights + at, *vit_slot_pointer(&m->params, &m->slots[i]),
               m->slots[i].count * sizeof *weights);
    vit_trainer_close(t);
    vit_model_close(m);
    free(planes);
    return weights;
}

static void threads_do_not_change_a_training(void **state)
{
    (void)state;
    SKIP_ON_BLAS();
    for (size_t i = 0; i < VIT_COUNT(TRAININGS); i++) {
        size_t count;
        float *want = trained(&TRAININGS[i], 1, &count);

        for (int threads = 2; threads <= THREADS; threads += 3) {
            float *got = trained(&TRAININGS[i], threads, &count);
            assert_memory_equal(got, want, count * sizeof *want);
            free(got);
        }
        free(want);
    }
}

/* ---- without a session ---- */

static const char PICTURE[] = "tests/data/preprocess/fmt-420.jpg";

/* What a thread does with a model that others use, and in a folder of its own. */
struct reader {
    const struct vit_model *m;
    const char *dir;
    const float *want; /* planes of PICTURE */
    int number;
    pthread_t thread;
    struct vit_error err;
};

static enum vit_status use(struct reader *r, struct vit_model **again)
{
    const struct vit_model *m = r->m;
    char path[TMP_PATH + 16];
    struct vit_session *s = NULL;
    enum vit_status status;

    snprintf(path, sizeof path, "%s/%d", r->dir, r->number);
    status = vit_model_save(m, path, WEIGHTS_BF16, &r->err);
    if (!status) status = vit_model_open(again, path, NULL, &r->err);
    if (!status) status = vit_model_check(m, &r->err);
    if (!status) status = vit_session_create(&s, m, &(struct vit_session_options){ .threads = 1 }, &r->err);
    vit_session_close(s);
    return status;
}

static void *read_along(void *arg)
{
    struct reader *r = arg;
    const size_t floats = vit_model_input_floats(r->m);
    float *planes = malloc(floats * sizeof *planes);
    struct vit_model *again = NULL;
    enum vit_status status = vit_read_image(r->m, PICTURE, planes, NULL, &r->err);

    if (!status && memcmp(planes, r->want, floats * sizeof *planes))
        status = vit_fail(&r->err, VIT_ERR_FORMAT, "another picture");
    if (!status) status = use(r, &again);
    vit_model_close(again);
    free(planes);
    return status ? r->err.text : NULL;
}

/* vit.h promises it of what takes a const model, and of opening one. */
static void threads_read_open_and_save_beside_each_other(void **state)
{
    struct reader reader[SESSIONS];
    struct vit_model *m = model_of(&ROWS[1]);
    float *want = malloc(vit_model_input_floats(m) * sizeof *want);
    char dir[TMP_PATH];
    struct vit_error err;
    void *why[SESSIONS];

    (void)state;
    tmp_create(dir, sizeof dir);
    assert_ok(vit_read_image(m, PICTURE, want, NULL, &err), &err);
    for (int i = 0; i < SESSIONS; i++) {
        reader[i] = (struct reader){ .m = m, .dir = dir, .want = want, .number = i };
        assert_int_equal(pthread_create(&reader[i].thread, NULL, read_along, &reader[i]), 0);
    }
    for (int i = 0; i < SESSIONS; i++) pthread_join(reader[i].thread, &why[i]);
    for (int i = 0; i < SESSIONS; i++)
        if (why[i]) fail_msg("thread %d: %s", i, (const char *)why[i]);
    tmp_remove(dir);
    free(want);
    vit_model_close(m);
}

/* ---- a child ---- */

/* What SECURITY.md promises of fork: the model of the parent, a session of one's own with one thread. */
static void a_child_computes_with_the_model_of_its_parent(void **state)
{
    struct vit_model *m;
    float *planes, want[BATCH * TINY_CLASSES];
    struct vit_session *s;
    int status;
    pid_t child;

    (void)state;
    SKIP_ON_BLAS();
    m = model_of(&ROWS[1]);
    planes = tiny_planes(m, BATCH);
    s = tiny_session(m, BATCH, 3, false);
    memcpy(want, vit_forward(s, planes, BATCH), sizeof want);
    child = fork();
    if (child == 0) {
        const struct vit_session_options o = { .batch = BATCH, .threads = 1 };
        const struct vit_config c = shared_config();
        struct vit_session *own;
        struct vit_model *another;
        alarm(60); /* a deadlock ends too */
        if (vit_model_create(&another, &c, NULL, NULL, NULL, &(struct vit_model_options){ .threads = 1 },
                             NULL))
            _exit(3);
        if (vit_session_create(&own, m, &o, NULL)) _exit(2);
        _exit(memcmp(vit_forward(own, planes, BATCH), want, sizeof want) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status) fail_msg("the child ended with status %#x", (unsigned)status);
    assert_memory_equal(vit_forward(s, planes, BATCH), want, sizeof want);
    vit_session_close(s);
    free(planes);
    vit_model_close(m);
}

/* In a model that the parent made with several threads. */
static void a_child_takes_parameters_alone(void **state)
{
    const struct vit_config c = shared_config();
    const struct vit_model_options several = { .threads = 3 }, alone = { .threads = 1 };
    struct vit_model *m;
    struct vit_error err;
    int status;
    pid_t child;

    (void)state;
    assert_ok(vit_model_create(&m, &c, NULL, NULL, NULL, &several, &err), &err);
    child = fork();
    if (child == 0) {
        const struct vit_init other = { .seed = 6 };
        struct vit_model *from;
        alarm(60); /* a deadlock ends too */
        if (vit_model_create(&from, &c, NULL, NULL, &other, &alone, NULL)) _exit(2);
        _exit(vit_model_take(m, from, NULL) != VIT_OK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status) fail_msg("the child ended with status %#x", (unsigned)status);
    vit_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neither_threads_nor_batch_change_a_bit),
        cmocka_unit_test(sessions_with_teams_share_a_model),
#if VIT_BLAS
        cmocka_unit_test(openblas_has_the_threads_of_the_session),
#endif
        cmocka_unit_test(threads_do_not_change_a_training),
        cmocka_unit_test(threads_read_open_and_save_beside_each_other),
        cmocka_unit_test(a_child_computes_with_the_model_of_its_parent),
        cmocka_unit_test(a_child_takes_parameters_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
