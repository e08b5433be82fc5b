/* Files that say they are the state of a training run and are not: refused, and nothing is taken. */
#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"

enum { MOST_TENSORS = 8, TEXTS = 6, STEPS = 10 };

struct fixture {
    char dir[TMP_PATH], path[300], broken[300];
    struct vit_model *model;
    struct vit_trainer *trainer;
    float *planes;             /* of two pictures */
    struct weights_file *file; /* a state that is whole */
};

static int setup(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct fixture *f = tmp_fixture(state, sizeof *f);
    struct vit_hyper h = vit_hyper_default();
    struct vit_error err;

    h.steps = STEPS;
    snprintf(f->path, sizeof f->path, "%s/state", f->dir);
    snprintf(f->broken, sizeof f->broken, "%s/broken", f->dir);
    f->model = tiny_model(&c, "ref");
    f->planes = tiny_planes(f->model, 2);
    assert_ok(vit_trainer_create(&f->trainer, f->model, &h, 2, 1, &err), &err);
    assert_ok(vit_trainer_save(f->trainer, f->path, "note", &err), &err);
    assert_ok(weights_open(&f->file, f->path, &err), &err);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    weights_close(f->file);
    vit_trainer_close(f->trainer);
    vit_model_close(f->model);
    free(f->planes);
    return tmp_teardown(state);
}

/* The whole state, with another text under key (NULL: without it) and its first tensor as spoil makes it. */
static void write_broken(const struct fixture *f, const char *key, const char *text,
                         void (*spoil)(struct weights_entry *first))
{
    static const char *const KEYS[TEXTS] = { "vit.state",   "vit.config", "vit.hyper",
                                             "vit.trainer", "vit.step",   "vit.note" };
    struct weights_entry entries[MOST_TENSORS];
    struct weights_text texts[TEXTS];
    const size_t count = weights_count(f->file);
    size_t n = 0;
    struct vit_error err;

    assert_true(count <= MOST_TENSORS);
    for (size_t i = 0; i < count; i++) {
        const struct weights_tensor *t = weights_at(f->file, i);
        entries[i] = (struct weights_entry){ t->name, t->dtype, t->rank, { 0 }, t->data };
        memcpy(entries[i].shape, t->shape, sizeof entries[i].shape);
    }
    if (spoil) spoil(&entries[0]);
    for (int i = 0; i < TEXTS; i++) {
        const bool other = key && !strcmp(key, KEYS[i]);
        texts[n] = (struct weights_text){ KEYS[i], other ? text : weights_meta(f->file, KEYS[i]) };
        n += texts[n].value != NULL;
    }
    assert_ok(weights_write(f->broken, entries, count, texts, n, &err), &err);
}

/* And the network is as it was, to the bit. */
static void refuse(const struct fixture *f, enum vit_status status, const char *says)
{
    const struct vit_parameter p = vit_model_parameter(f->model, 0);
    float *before = malloc(p.count * sizeof *before);
    struct vit_error err = { 0 };
    char *note;

    memcpy(before, p.values, p.count * sizeof *before);
    assert_refused(vit_trainer_resume(f->trainer, f->broken, &note, &err), status, says, &err);
    assert_null(note);
    assert_int_equal(vit_trainer_steps(f->trainer), 0);
    assert_memory_equal(before, p.values, p.count * sizeof *before);
    free(before);
}

static void the_whole_state_is_taken(void **state)
{
    const struct fixture *f = *state;
    struct vit_error err;
    char *note;

    write_broken(f, NULL, NULL, NULL);
    assert_ok(vit_trainer_resume(f->trainer, f->broken, &note, &err), &err);
    assert_string_equal(note, "note");
    free(note);
}

/* Whoever took more steps than the schedule has goes on from them. */
static void steps_beyond_the_schedule_are_taken(void **state)
{
    const struct fixture *f = *state;
    const struct vit_batch b = { .planes = f->planes, .labels = (const int[]){ 0, 1 }, .n = 2 };
    struct vit_error err;
    char *note;

    for (int i = 0; i < STEPS + 1; i++) assert_true(vit_trainer_step(f->trainer, &b).finite);
    assert_ok(vit_trainer_save(f->trainer, f->broken, "beyond", &err), &err);
    vit_trainer_step(f->trainer, &b);
    assert_ok(vit_trainer_resume(f->trainer, f->broken, &note, &err), &err);
    assert_int_equal(vit_trainer_steps(f->trainer), STEPS + 1);
    assert_string_equal(note, "beyond");
    free(note);
}

/* As version 0.1.0 began to write them. */
static void a_state_that_does_not_say_dtype_and_batch_is_taken(void **state)
{
    const struct fixture *f = *state;
    struct vit_error err;
    char *note;

    write_broken(f, "vit.trainer", NULL, NULL);
    assert_ok(vit_trainer_resume(f->trainer, f->broken, &note, &err), &err);
    free(note);
}

static void a_state_of_another_dtype_or_batch_is_refused(void **state)
{
    static const struct {
        enum kern_dtype dtype;
        int batch;
        const char *says;
    } ROWS[] = {
        { KERN_BF16, 2, "state: made with \"dtype\" \"f32\", this run has \"bf16\"" },
        { KERN_F32, 3, "state: made with \"batch\" 2, this run has 3" },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct fixture *f = *state;
    struct vit_hyper h = vit_hyper_default();

    h.steps = STEPS;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_model_options how = { .kernels = "ref", .dtype = ROWS[i].dtype };
        struct vit_trainer *t;
        struct vit_model *m;
        struct vit_error err;
        char *note;

        assert_ok(vit_model_create(&m, &c, NULL, NULL, NULL, &how, &err), &err);
        assert_ok(vit_trainer_create(&t, m, &h, ROWS[i].batch, 1, &err), &err);
        assert_refused(vit_trainer_resume(t, f->path, &note, &err), VIT_ERR_ARG, ROWS[i].says, &err);
        assert_null(note);
        vit_trainer_close(t);
        vit_model_close(m);
    }
}

static void no_note_is_an_empty_one(void **state)
{
    const struct fixture *f = *state;
    struct vit_error err;
    char *note;

    assert_ok(vit_trainer_save(f->trainer, f->broken, NULL, &err), &err);
    assert_ok(vit_trainer_resume(f->trainer, f->broken, &note, &err), &err);
    assert_string_equal(note, "");
    free(note);
}

/* Values count, not how they are spelt. */
static void numbers_may_be_spelt_otherwise(void **state)
{
    static const char SHORT[] = "\"eps\":1e-6", LONG[] = "\"eps\":9.9999999999999995e-7";
    const struct fixture *f = *state;
    const char *config = weights_meta(f->file, "vit.config"), *at = strstr(config, SHORT);
    char text[2000], *note;
    struct vit_error err;

    assert_non_null(at);
    assert_true(strlen(config) + sizeof LONG < sizeof text);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, LONG, at + sizeof SHORT - 1);
    write_broken(f, "vit.config", text, NULL);
    assert_ok(vit_trainer_resume(f->trainer, f->broken, &note, &err), &err);
    free(note);
}

/* Its one tensor of all weights has the name of no family, which would be no help. */
static void a_state_is_no_model_and_says_so(void **state)
{
    const struct fixture *f = *state;
    struct vit_error err;
    struct vit_model *m;

    assert_refused(vit_model_open(&m, f->path, NULL, &err), VIT_ERR_UNSUPPORTED,
                   "is the state of a training run, for that run to go on from; expected a model", &err);
}

static void texts_that_are_wrong_are_named(void **state)
{
    static const struct {
        const char *key, *text;
        enum vit_status status;
        const char *says;
    } CASES[] = {
        { "vit.state", NULL, VIT_ERR_FORMAT, "broken: is not a training state: no \"vit.state\"" },
        { "vit.state", "2", VIT_ERR_UNSUPPORTED, "broken: \"vit.state\" must be \"1\", found \"2\"" },
        { "vit.config", NULL, VIT_ERR_FORMAT, "broken: is not a training state: no \"vit.config\"" },
        { "vit.hyper", NULL, VIT_ERR_FORMAT, "broken: is not a training state: no \"vit.hyper\"" },
        { "vit.config", "nonsense", VIT_ERR_FORMAT, "broken: its model is no JSON object" },
        { "vit.config", "[]", VIT_ERR_FORMAT, "broken: its model is no JSON object" },
        { "vit.config", "{\"format\":\"vit-2\"}", VIT_ERR_ARG,
          "broken: made with \"format\" \"vit-2\", this run has \"vit-1\"" },
        { "vit.trainer", "nonsense", VIT_ERR_FORMAT, "broken: its trainer is no JSON object" },
        { "vit.step", NULL, VIT_ERR_FORMAT, "\"vit.step\" must be between 0 and 1073741824, found \"\"" },
        { "vit.step", "", VIT_ERR_FORMAT, "found \"\"" },
        { "vit.step", "-1", VIT_ERR_FORMAT, "found \"-1\"" },
        { "vit.step", "2147483647", VIT_ERR_FORMAT, "found \"2147483647\"" },
        { "vit.step", "1x", VIT_ERR_FORMAT, "found \"1x\"" },
        { "vit.step", "99999999999999999999", VIT_ERR_FORMAT, "found \"99999999999999999999\"" },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        write_broken(f, CASES[i].key, CASES[i].text, NULL);
        refuse(f, CASES[i].status, CASES[i].says);
    }
}

static void shorten(struct weights_entry *first)
{
    first->shape[first->rank - 1]--;
}

static void make_integers(struct weights_entry *first)
{
    first->dtype = WEIGHTS_I32;
}

static void rename_it(struct weights_entry *first)
{
    first->name = "another";
}

static void tensors_that_are_wrong_are_named(void **state)
{
    static void (*const SPOILS[])(struct weights_entry * first) = { shorten, make_integers, rename_it };
    const struct fixture *f = *state;
    char says[200];

    for (size_t i = 0; i < VIT_COUNT(SPOILS); i++) {
        write_broken(f, NULL, NULL, SPOILS[i]);
        snprintf(says, sizeof says, "broken: \"%s\" must be %zu floats", weights_at(f->file, 0)->name,
                 weights_at(f->file, 0)->count);
        refuse(f, VIT_ERR_FORMAT, says);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_whole_state_is_taken),
        TEST(steps_beyond_the_schedule_are_taken),
        TEST(a_state_that_does_not_say_dtype_and_batch_is_taken),
        TEST(a_state_of_another_dtype_or_batch_is_refused),
        TEST(no_note_is_an_empty_one),
        TEST(numbers_may_be_spelt_otherwise),
        TEST(a_state_is_no_model_and_says_so),
        TEST(texts_that_are_wrong_are_named),
        TEST(tensors_that_are_wrong_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
