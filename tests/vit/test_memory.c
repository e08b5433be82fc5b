/* Memory that runs out, and memory that is not asked for: the allocator of this program is counted, and
 * refuses when told to. */
#include <dlfcn.h>
#include <stdatomic.h>

#include "tests/vit/folder.h"
#include "vit/trainer.h"

/* ---- the allocator: the C library's (or a sanitizer's), behind a gate ---- */

/* The allocator runs before a sanitizer has made its shadow memory. */
#define UNCHECKED __attribute__((no_sanitize_address, no_sanitize_thread))

static struct {
    atomic_bool armed;
    atomic_int seen;   /* allocations while armed */
    atomic_int refuse; /* the one that fails, counted from 1; 0: none */
} gate;

static struct {
    bool asking; /* dlsym itself may allocate: it gets nothing and does without */
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*aligned_alloc)(size_t, size_t);
} real;

UNCHECKED static bool ready(void)
{
    if (real.aligned_alloc) return true;
    if (real.asking) return false;
    real.asking = true;
    *(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real.asking = false;
    return true;
}

UNCHECKED static bool is_from(const void *caller, const char *library)
{
    Dl_info info;

    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, library);
}

/* Not the library's own: libgomp makes its teams of threads as it likes, and ends the program when it cannot;
 * jansson 2.14 drops a character when the buffer of its lexer cannot grow, and then fails its own asserts;
 * libzip 1.7 leaks when it cannot open a member. */
UNCHECKED static bool is_others(const void *caller)
{
    return is_from(caller, "libgomp") || is_from(caller, "libjansson") || is_from(caller, "libzip");
}

UNCHECKED static bool refused(const void *caller)
{
    if (!atomic_load(&gate.armed) || is_others(caller)) return false;
    return atomic_fetch_add(&gate.seen, 1) + 1 == atomic_load(&gate.refuse);
}

UNCHECKED void *malloc(size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.malloc(size);
}

UNCHECKED void *calloc(size_t count, size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.calloc(count, size);
}

UNCHECKED void *realloc(void *p, size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.realloc(p, size);
}

UNCHECKED void *aligned_alloc(size_t alignment, size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.aligned_alloc(alignment, size);
}

static void arm(int refuse)
{
    atomic_store(&gate.seen, 0);
    atomic_store(&gate.refuse, refuse);
    atomic_store(&gate.armed, true);
}

/* Allocations since arm. */
static int disarm(void)
{
    atomic_store(&gate.armed, false);
    return atomic_load(&gate.seen);
}

static void the_gate_counts_and_refuses(void **state)
{
    char *volatile p;

    (void)state;
    arm(2);
    p = malloc(10);
    free(p);
    assert_non_null(p);
    assert_null(p = calloc(1, 10));
    p = realloc(NULL, 10);
    free(p);
    p = aligned_alloc(64, 64);
    assert_int_equal(disarm(), 4);
    free(p);
}

/* ---- nothing is allocated ---- */

/* The first parallel region of a program starts its threads, and the C library gives them memory. */
static void start_threads(void)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m = tiny_model(&c, "ref");
    struct vit_session *s = tiny_session(m, 1, 2, false);
    float *planes = tiny_planes(m, 1);

    vit_forward(s, planes, 1);
    free(planes);
    vit_session_close(s);
    vit_model_close(m);
}

static void a_forward_allocates_nothing(void **state)
{
    static const char *const KERNELS[] = { "ref", NULL };

    (void)state;
    start_threads();
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        for (size_t k = 0; k < VIT_COUNT(KERNELS); k++) {
            const struct vit_config c = tiny_config((enum vit_placement)p);
            struct vit_model *m = tiny_model(&c, KERNELS[k]);
            struct vit_session *s = tiny_session(m, 4, 2, false);
            float *planes = tiny_planes(m, 4);

            arm(0);
            vit_forward(s, planes, 4);
            vit_forward(s, planes, 1);
            assert_int_equal(disarm(), 0);
            free(planes);
            vit_session_close(s);
            vit_model_close(m);
        }
    }
}

static void a_training_step_allocates_nothing(void **state)
{
    static const char *const KERNELS[] = { "ref", NULL };

    (void)state;
    start_threads();
    for (int i = 0; i < 4; i++) {
        const struct vit_config c = tiny_config(VIT_NORM_LAYERSCALE);
        struct vit_hyper h = vit_hyper_default();
        const int labels[4] = { 0, 1, 2, 3 };
        struct vit_model *m = tiny_model(&c, KERNELS[i % 2]);
        float *planes = tiny_planes(m, 4);
        struct vit_trainer *t;
        struct vit_error err;

        h.optimizer = i / 2 ? VIT_MUON : VIT_ADAMW;
        h.drop_path = h.attn_drop = h.ema = 0.1f;
        h.accumulate = 2;
        assert_ok(vit_trainer_create(&t, m, &h, 4, 2, &err), &err);
        arm(0);
        vit_trainer_step(t, &(struct vit_batch){ planes, labels, NULL, NULL, 4 });
        vit_trainer_step(t, &(struct vit_batch){ planes, labels, NULL, NULL, 3 });
        vit_trainer_average(t, true);
        assert_int_equal(disarm(), 0);
        free(planes);
        vit_trainer_close(t);
        vit_model_close(m);
    }
}

/* ---- every allocation fails once ---- */

/* One thing to make and to unmake. make leaves NULL on failure; whole: it is as it is without a failure. */
struct maker {
    const char *name;
    enum vit_status (*make)(void **out, struct vit_error *err);
    void (*unmake)(void *made);
    bool (*whole)(const void *made); /* NULL: nothing to compare */
    bool thin;                       /* later allocations repeat tensor by tensor: some of them will do */
};

static struct {
    char path[300];          /* of the model to open */
    struct vit_model *model; /* for sessions and trainers */
    char *config;            /* what an opened model must say of itself */
} made;

static enum vit_status make_opened(void **out, struct vit_error *err)
{
    return vit_model_open((struct vit_model **)out, made.path, NULL, err);
}

static enum vit_status make_trainable(void **out, struct vit_error *err)
{
    return vit_model_open((struct vit_model **)out, made.path,
                          &(struct vit_model_options){ .trainable = true }, err);
}

static enum vit_status make_created(void **out, struct vit_error *err)
{
    static const char *const LABELS[] = { "a", "b", "c", "d" };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);

    return vit_model_create((struct vit_model **)out, &c, NULL, LABELS, &(struct vit_init){ .seed = 1 }, NULL,
                            err);
}

static enum vit_status make_unlabelled(void **out, struct vit_error *err)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);

    return vit_model_create((struct vit_model **)out, &c, NULL, NULL, &(struct vit_init){ .seed = 1 }, NULL,
                            err);
}

static bool has_every_label(const void *m)
{
    for (int i = 0; i < TINY_CLASSES; i++)
        if (!vit_model_labels(m)[i]) return false;
    return true;
}

static enum vit_status make_session(void **out, struct vit_error *err)
{
    return vit_session_create((struct vit_session **)out, made.model, NULL, err);
}

static enum vit_status make_gradients(void **out, struct vit_error *err)
{
    return vit_gradients_create((struct vit_gradients **)out, made.model, err);
}

static enum vit_status make_trainer(void **out, struct vit_error *err)
{
    struct vit_hyper h = vit_hyper_default();

    h.ema = 0.9f;
    h.optimizer = VIT_MUON;
    return vit_trainer_create((struct vit_trainer **)out, made.model, &h, 4, 1, err);
}

static void unmake_model(void *m)
{
    vit_model_close(m);
}

static void unmake_session(void *s)
{
    vit_session_close(s);
}

static void unmake_gradients(void *g)
{
    vit_gradients_close(g);
}

static void unmake_trainer(void *t)
{
    vit_trainer_close(t);
}

static bool says_the_same(const void *m)
{
    char *text = vit_model_config_text(m);
    bool same = text && made.config && !strcmp(text, made.config);

    free(text);
    return same;
}

/* Fail allocation 1, 2, ... until one is never reached. Some may fail unnoticed (a file of /sys that is not
 * read): then the result must be whole. Otherwise a status, a sentence and NULL; leaks are asan's to find. */
static void fail_every_allocation(const struct maker *k)
{
    int refused_by_us = 0;

    for (int n = 1;; n += k->thin ? 1 + n / 24 : 1) {
        struct vit_error err = { 0 };
        void *out = (void *)k;
        int seen;
        enum vit_status status;

        arm(n);
        status = k->make(&out, &err);
        seen = disarm();
        if (status && (out || !*err.text))
            fail_msg("%s: allocation %d: failed, but left something or said nothing", k->name, n);
        if (!status && k->whole && !k->whole(out))
            fail_msg("%s: allocation %d failed and the result is not whole", k->name, n);
        if (!status) k->unmake(out);
        refused_by_us += status == VIT_ERR_NOMEM;
        if (seen < n) break;
        if (n > 100000) fail_msg("%s: does not end", k->name);
    }
    assert_true(refused_by_us > 0);
}

static void a_failed_allocation_is_reported(void **state)
{
    static const struct maker MAKERS[] = {
        { "model_create", make_created, unmake_model, has_every_label, false },
        { "model_create, no labels", make_unlabelled, unmake_model, has_every_label, false },
        { "session_create", make_session, unmake_session, NULL, false },
        { "gradients_create", make_gradients, unmake_gradients, NULL, false },
        { "trainer_create", make_trainer, unmake_trainer, NULL, false },
    };
    const struct vit_config c = tiny_config(VIT_NORM_SANDWICH);

    (void)state;
    made.model = tiny_model(&c, NULL);
    for (size_t i = 0; i < VIT_COUNT(MAKERS); i++) fail_every_allocation(&MAKERS[i]);
    vit_model_close(made.model);
}

static void a_failed_allocation_is_reported_on_opening(void **state)
{
    static const struct maker MAKERS[] = {
        { "open", make_opened, unmake_model, says_the_same, false },
        { "open for training", make_trainable, unmake_model, says_the_same, false },
    };
    const struct vit_config c = tiny_config(VIT_NORM_MIX);
    struct folder f;

    (void)state;
    folder_make(&f, &c);
    folder_write(&f);
    snprintf(made.path, sizeof made.path, "%s", f.path);
    for (size_t i = 0; i < VIT_COUNT(MAKERS); i++) {
        struct vit_model *m = folder_open(&f, NULL);
        made.config = vit_model_config_text(m);
        vit_model_close(m);
        fail_every_allocation(&MAKERS[i]);
        free(made.config);
    }
    folder_remove(&f);
}

/* Other readers: Hugging Face's dialect, a zip of arrays, a pickle. */
static void a_failed_allocation_is_reported_by_every_reader(void **state)
{
    static const char *const MODELS[] = { "tests/data/golden/hf-deit-distilled", "tests/data/golden/jax-npz",
                                          "tests/data/golden/pth-state-dict" };
    static const struct maker OPEN = { "open", make_opened, unmake_model, says_the_same, true };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(MODELS); i++) {
        struct vit_model *m;
        struct vit_error err;
        snprintf(made.path, sizeof made.path, "%s", MODELS[i]);
        assert_ok(vit_model_open(&m, made.path, NULL, &err), &err);
        made.config = vit_model_config_text(m);
        vit_model_close(m);
        fail_every_allocation(&OPEN);
        free(made.config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gate_counts_and_refuses),
        cmocka_unit_test(a_forward_allocates_nothing),
        cmocka_unit_test(a_training_step_allocates_nothing),
        cmocka_unit_test(a_failed_allocation_is_reported),
        cmocka_unit_test(a_failed_allocation_is_reported_on_opening),
        cmocka_unit_test(a_failed_allocation_is_reported_by_every_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
