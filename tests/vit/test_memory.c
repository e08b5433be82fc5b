/* Memory that runs out, and memory that is not asked for: the allocator of this program is counted, and
 * refuses when told to. */
#include "tests/support/gate.h"
#include "tests/vit/folder.h"
#include "vit/attention.h"
#include "vit/trainer.h"

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

/* Whatever it is that there is no memory for: of a thousand pictures one has failed. Turned by its EXIF. */
static void a_picture_without_memory_is_named(void **state)
{
    static const char PICTURE[] = "tests/data/preprocess/fmt-exif6.jpg";
    struct vit_model *m;
    struct vit_error err;
    float *planes;
    int failed = 0, seen;

    (void)state;
    assert_ok(vit_model_open(&m, "tests/data/golden/timm-cls", NULL, &err), &err);
    planes = calloc(vit_model_input_floats(m), sizeof *planes);
    for (int n = 1;; n++) {
        arm(n);
        const enum vit_status status = vit_read_image(m, PICTURE, planes, NULL, &err);
        seen = disarm();
        if (seen < n) break;
        failed += status != VIT_OK;
        if (status && !strstr(err.text, PICTURE)) fail_msg("allocation %d: not named: %s", n, err.text);
    }
    assert_true(failed > 3);
    free(planes);
    vit_model_close(m);
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
            struct vit_attention *a;
            struct vit_error err;
            float *planes = tiny_planes(m, 4);

            assert_ok(vit_attention_create(&a, m, 2, &err), &err);
            arm(0);
            vit_forward(s, planes, 4);
            vit_forward(s, planes, 1);
            vit_attention_forward(a, planes);
            assert_int_equal(disarm(), 0);
            vit_attention_close(a);
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
        vit_trainer_step(t, &(struct vit_batch){ .planes = planes, .labels = labels, .n = 4 });
        vit_trainer_step(t, &(struct vit_batch){ .planes = planes, .labels = labels, .n = 3 });
        vit_trainer_average(t, true);
        assert_int_equal(disarm(), 0);
        free(planes);
        vit_trainer_close(t);
        vit_model_close(m);
    }
}

/* ---- every allocation fails once ---- */

static struct {
    char path[300];          /* of the model to open */
    struct vit_model *model; /* for sessions and trainers */
    char *config;            /* what an opened model must say of itself */
    struct vit_trainer *trainer;
    unsigned char *file; /* what must be at path */
    size_t file_size;
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

static enum vit_status make_calibration(void **out, struct vit_error *err)
{
    return vit_calibration_create((struct vit_calibration **)out, made.model, err);
}

static enum vit_status make_trainer(void **out, struct vit_error *err)
{
    struct vit_hyper h = vit_hyper_default();

    h.ema = 0.9f;
    h.optimizer = VIT_MUON;
    return vit_trainer_create((struct vit_trainer **)out, made.model, &h, 4, 1, err);
}

static enum vit_status make_attention(void **out, struct vit_error *err)
{
    return vit_attention_create((struct vit_attention **)out, made.model, 1, err);
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

static void unmake_calibration(void *c)
{
    vit_calibration_close(c);
}

static void unmake_trainer(void *t)
{
    vit_trainer_close(t);
}

static void unmake_attention(void *a)
{
    vit_attention_close(a);
}

static bool says_the_same(const void *m)
{
    char *text = vit_model_config_text(m);
    bool same = text && made.config && !strcmp(text, made.config);

    free(text);
    return same;
}

static void a_failed_allocation_is_reported(void **state)
{
    static const struct maker MAKERS[] = {
        { "model_create", make_created, unmake_model, has_every_label, false },
        { "model_create, no labels", make_unlabelled, unmake_model, has_every_label, false },
        { "session_create", make_session, unmake_session, NULL, false },
        { "gradients_create", make_gradients, unmake_gradients, NULL, false },
        { "calibration_create", make_calibration, unmake_calibration, NULL, false },
        { "trainer_create", make_trainer, unmake_trainer, NULL, false },
        { "attention_create", make_attention, unmake_attention, NULL, false },
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

/* Matrices that lie packed, and are unpacked where the default kernels are others. */
static void a_failed_allocation_is_reported_on_opening_packed_files(void **state)
{
    static const struct maker OPEN = { "open packed", make_opened, unmake_model, says_the_same, false };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m = tiny_model(&c, NULL);
    struct vit_error err;
    char dir[256];

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(made.path, sizeof made.path, "%s/file", dir);
    made.config = vit_model_config_text(m);
    for (int dtype = 0; dtype < KERN_DTYPES; dtype++) {
        assert_ok(vit_model_save_packed(m, made.path, (enum kern_dtype)dtype, "ref+vec", &err), &err);
        fail_every_allocation(&OPEN);
    }
    free(made.config);
    vit_model_close(m);
    tmp_remove(dir);
}

/* ---- files ---- */

static enum vit_status save_model(void **out, struct vit_error *err)
{
    *out = NULL;
    return vit_model_save(made.model, made.path, WEIGHTS_F32, err);
}

static enum vit_status save_half(void **out, struct vit_error *err)
{
    *out = NULL;
    return vit_model_save(made.model, made.path, WEIGHTS_BF16, err);
}

static enum vit_status save_packed(void **out, struct vit_error *err)
{
    *out = NULL;
    return vit_model_save_packed(made.model, made.path, KERN_BF16, "ref+vec", err);
}

static enum vit_status save_trainer(void **out, struct vit_error *err)
{
    *out = NULL;
    return vit_trainer_save(made.trainer, made.path, "{\"epoch\":3}", err);
}

static void unmake_nothing(void *nothing)
{
    (void)nothing;
}

/* The file is the one that was written without a failure. */
static bool is_the_file(const void *nothing)
{
    size_t size;
    unsigned char *bytes = tmp_read(made.path, &size);
    const bool same = size == made.file_size && !memcmp(bytes, made.file, size);

    (void)nothing;
    free(bytes);
    return same;
}

/* Whatever fails, and wherever it ends: what is at the path stays what it was. JSON's memory fails too. */
static void a_failed_allocation_spoils_no_file(void **state)
{
    static const struct maker SAVERS[] = {
        { "model_save", save_model, unmake_nothing, is_the_file, false },
        { "model_save, bf16", save_half, unmake_nothing, is_the_file, false },
        { "model_save_packed", save_packed, unmake_nothing, is_the_file, false },
        { "trainer_save", save_trainer, unmake_nothing, is_the_file, false },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct vit_hyper h = vit_hyper_default();
    struct vit_error err = { 0 };
    char dir[256];

    (void)state;
    tmp_create(dir, sizeof dir);
    made.model = tiny_model(&c, NULL);
    assert_ok(vit_trainer_create(&made.trainer, made.model, &h, 4, 1, &err), &err);
    for (size_t i = 0; i < VIT_COUNT(SAVERS); i++) {
        void *out;
        snprintf(made.path, sizeof made.path, "%s/file", dir);
        assert_ok(SAVERS[i].make(&out, &err), &err);
        made.file = tmp_read(made.path, &made.file_size);
        atomic_store(&gate.jansson, true);
        fail_every_allocation(&SAVERS[i]);
        atomic_store(&gate.jansson, false);
        assert_true(is_the_file(NULL));
        free(made.file);
    }
    assert_int_equal(tmp_count(dir), 1); /* nothing half written lies beside it */
    vit_trainer_close(made.trainer);
    vit_model_close(made.model);
    tmp_remove(dir);
}

/* Of a folder each file is the old one or the new one; made.path is the last of them. */
static enum vit_status export_model(void **out, struct vit_error *err)
{
    char folder[sizeof made.path];

    *out = NULL;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(made.path, '/') - made.path), made.path);
    return vit_model_export(made.model, folder, WEIGHTS_HF_VIT, WEIGHTS_F32, err);
}

static void a_failed_allocation_spoils_no_folder(void **state)
{
    static const struct maker EXPORT = { "model_export", export_model, unmake_nothing, is_the_file, false };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_error err = { 0 };
    char dir[256];
    void *out;

    (void)state;
    tmp_create(dir, sizeof dir);
    made.model = tiny_model(&c, NULL);
    snprintf(made.path, sizeof made.path, "%s/preprocessor_config.json", dir);
    assert_ok(export_model(&out, &err), &err);
    made.file = tmp_read(made.path, &made.file_size);
    atomic_store(&gate.jansson, true);
    fail_every_allocation(&EXPORT);
    atomic_store(&gate.jansson, false);
    assert_true(is_the_file(NULL));
    assert_int_equal(tmp_count(dir), 3);
    free(made.file);
    vit_model_close(made.model);
    tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gate_counts_and_refuses),
        cmocka_unit_test(a_picture_without_memory_is_named),
        cmocka_unit_test(a_forward_allocates_nothing),
        cmocka_unit_test(a_training_step_allocates_nothing),
        cmocka_unit_test(a_failed_allocation_is_reported),
        cmocka_unit_test(a_failed_allocation_is_reported_on_opening),
        cmocka_unit_test(a_failed_allocation_is_reported_by_every_reader),
        cmocka_unit_test(a_failed_allocation_is_reported_on_opening_packed_files),
        cmocka_unit_test(a_failed_allocation_spoils_no_file),
        cmocka_unit_test(a_failed_allocation_spoils_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
