/* What networks that teach say, beside the same networks asked by hand. */
#include "tests/patch/noise.h"
#include "tests/vit/tiny.h"
#include "tools/train.h"

enum { N = 70 /* more than are asked at once */, CLASSES = 10, SIDE = 32, MORE = 2 };

struct fixture {
    char dir[TMP_PATH], one[300], two[300];
    struct patch_dataset *data;
    struct patch_recipe pictures; /* of the run */
    unsigned char pixels[N * SIDE * SIDE * 3];
    float planes[N * SIDE * SIDE * 3];
};

/* The classes of CIFAR-10 backwards, behind two others. */
static void name_classes(const struct fixture *f, const char **labels)
{
    labels[0] = "unicorn", labels[1] = "yeti";
    for (int i = 0; i < CLASSES; i++) labels[MORE + i] = patch_dataset_class(f->data, CLASSES - 1 - i);
}

/* labels NULL: it has none. */
static void write_network(const char *path, const char *const *labels, int classes, uint64_t seed, float mean)
{
    const struct vit_init init = { .seed = seed, .position = 0.5f };
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct patch_recipe own = patch_recipe_default(SIDE);
    struct vit_model *m;
    struct vit_error err;

    c.image = SIDE;
    c.stem.patch = 8;
    c.classes = classes;
    for (int i = 0; i < 3; i++) own.mean[i] = mean, own.std[i] = 0.2f + 0.1f * (float)i;
    assert_ok(vit_model_create(&m, &c, &own, labels, &init, NULL, &err), &err);
    for (int i = 0; i < CLASSES * 4; i++) tiny_values(m, "head.weight")[i] *= 20; /* answers that differ */
    assert_ok(vit_model_save(m, path, WEIGHTS_F32, &err), &err);
    vit_model_close(m);
}

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);
    const char *labels[MORE + CLASSES];
    struct vit_error err;

    snprintf(f->one, sizeof f->one, "%s/one.safetensors", f->dir);
    snprintf(f->two, sizeof f->two, "%s/two.safetensors", f->dir);
    noise_write(f->dir, 20, 4, 40, 1, 0);
    assert_ok(patch_dataset_open(&f->data, f->dir, PATCH_TRAIN, &err), &err);
    f->pictures = patch_recipe_default(SIDE);
    patch_recipe_set_statistics(&f->pictures, PATCH_CIFAR10);
    for (size_t i = 0; i < sizeof f->pixels; i++) f->pixels[i] = (unsigned char)vit_random_below(3, i, 256);
    for (int i = 0; i < N; i++)
        patch_normalise(f->planes + i * SIDE * SIDE * 3, f->pixels + i * SIDE * SIDE * 3, &f->pictures);
    name_classes(f, labels);
    write_network(f->one, labels, MORE + CLASSES, 1, 0.4f);
    write_network(f->two, NULL, CLASSES, 2, 0.6f);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    patch_dataset_close(f->data);
    return tmp_teardown(state);
}

static const struct cmd_common QUIET = { .quiet = true, .threads = 1 };

static enum vit_status open_teacher(struct train_teacher **t, const struct fixture *f, const char *names,
                                    struct vit_error *err)
{
    const struct recipe r = { .teacher = names, .batch = N, .dtype = "f32" };

    return train_teacher_open(t, &r, f->data, &f->pictures, &QUIET, err);
}

/* ---- by hand ---- */

/* answer (N, CLASSES) += half of the softmax over the data set's classes, which are those of the network from
 * first on, backwards or not; the pictures are normalised as the network has it. */
static void ask(double *answer, const struct fixture *f, const char *path, int first, bool backwards)
{
    struct vit_model *m;
    struct vit_session *s;
    struct vit_error err;
    float planes[SIDE * SIDE * 3];

    assert_ok(vit_model_open(&m, path, NULL, &err), &err);
    s = tiny_session(m, 1, 1, false);
    for (int i = 0; i < N; i++) {
        const float *logits;
        double sum = 0;
        patch_normalise(planes, f->pixels + i * SIDE * SIDE * 3, vit_model_recipe(m));
        logits = vit_forward(s, planes, 1) + first;
        for (int c = 0; c < CLASSES; c++) sum += exp((double)logits[c]);
        for (int c = 0; c < CLASSES; c++)
            answer[i * CLASSES + c] += exp((double)logits[backwards ? CLASSES - 1 - c : c]) / sum / 2;
    }
    vit_session_close(s);
    vit_model_close(m);
}

/* Planes that are normalised twice are off by some roundings of numbers up to 4, 2^-22, which three blocks
 * and a head of weights up to 5 make 100 times as many at most in a logit; a probability moves by a quarter
 * of it. */
static void the_answer_is_the_mean_of_what_each_says_of_the_same_pictures(void **state)
{
    const struct fixture *f = *state;
    struct train_teacher *t;
    struct vit_error err;
    const float *answer;
    double want[N * CLASSES] = { 0 };
    float wanted[N * CLASSES];
    char names[700];

    snprintf(names, sizeof names, "%s+%s", f->one, f->two);
    ask(want, f, f->one, MORE, true);
    ask(want, f, f->two, 0, false);
    for (int i = 0; i < N * CLASSES; i++) wanted[i] = (float)want[i];
    assert_ok(open_teacher(&t, f, names, &err), &err);
    for (int n = N; n > 0; n -= N - 3) { /* of fewer pictures nothing is left of those before */
        assert_ok(train_teacher_ask(&answer, t, f->planes, n, &err), &err);
        assert_close("answer", answer, wanted, n * CLASSES, 100 * 0x1p-22 / 4);
    }
    assert_true(fabs((double)wanted[0] - 0.1) > 1e-3 &&
                fabs((double)wanted[0] - (double)wanted[CLASSES]) > 1e-3);
    train_teacher_close(t);
}

static void a_recipe_without_one_has_no_answers(void **state)
{
    const struct fixture *f = *state;
    const float *answer = f->planes;
    struct train_teacher *t;
    struct vit_error err;

    assert_ok(open_teacher(&t, f, NULL, &err), &err);
    assert_null(t);
    assert_ok(train_teacher_ask(&answer, t, f->planes, N, &err), &err);
    assert_null(answer);
    assert_ok(train_teacher_spare(t, f->dir, &err), &err);
    assert_true(train_teacher_macs(t) == 0);
    train_teacher_close(t);
}

static void digest_of(char *digest, const struct fixture *f, const char *path)
{
    struct train_teacher *t;
    struct vit_error err;

    assert_ok(open_teacher(&t, f, path, &err), &err);
    memcpy(digest, train_teacher_digest(t), TRAIN_DIGEST);
    train_teacher_close(t);
}

/* Other weights, other classes, another normalisation: each is another teacher; another place is not. */
static void the_digest_tells_teachers_apart(void **state)
{
    const struct fixture *f = *state;
    const char *labels[MORE + CLASSES];
    char first[TRAIN_DIGEST], digest[TRAIN_DIGEST], path[300];

    snprintf(path, sizeof path, "%s/other.safetensors", f->dir);
    digest_of(first, f, f->one);
    name_classes(f, labels);
    write_network(path, labels, MORE + CLASSES, 1, 0.4f);
    digest_of(digest, f, path);
    assert_string_equal(digest, first);
    for (int i = 0; i < 3; i++) {
        name_classes(f, labels);
        if (i == 2) labels[0] = "yeti", labels[1] = "unicorn";
        write_network(path, labels, MORE + CLASSES, i == 0 ? 3 : 1, i == 1 ? 0.5f : 0.4f);
        digest_of(digest, f, path);
        assert_string_not_equal(digest, first);
    }
}

static void an_answer_that_is_not_finite_is_refused(void **state)
{
    const struct fixture *f = *state;
    float *planes = calloc(N * SIDE * SIDE * 3, sizeof *planes);
    const float *answer;
    struct train_teacher *t;
    struct vit_error err;

    assert_non_null(planes);
    planes[65 * SIDE * SIDE * 3] = NAN; /* of the second part */
    assert_ok(open_teacher(&t, f, f->one, &err), &err);
    assert_refused(train_teacher_ask(&answer, t, planes, N, &err), VIT_ERR_FORMAT,
                   "one.safetensors: the network answers nan, expected finite numbers", &err);
    train_teacher_close(t);
    free(planes);
}

/* A run in the folder would replace it, or the folder of that name. */
static void the_model_of_the_run_itself_is_no_teacher(void **state)
{
    const struct fixture *f = *state;
    const char *labels[MORE + CLASSES];
    char folder[280], path[300];
    struct train_teacher *t;
    struct vit_error err;

    snprintf(folder, sizeof folder, "%s/own", f->dir);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    tmp_write(folder, "log.jsonl", "", 0, NULL, 0);
    name_classes(f, labels);
    write_network(path, labels, MORE + CLASSES, 1, 0.4f);
    for (int i = 0; i < 2; i++) {
        assert_ok(open_teacher(&t, f, i ? folder : path, &err), &err);
        assert_refused(train_teacher_spare(t, folder, &err), VIT_ERR_ARG, "is the network that the run in ",
                       &err);
        assert_ok(train_teacher_spare(t, f->dir, &err), &err);
        train_teacher_close(t);
    }
}

static void a_path_may_have_a_plus_in_it(void **state)
{
    const struct fixture *f = *state;
    char path[300], names[700];
    const char *labels[MORE + CLASSES];
    struct train_teacher *t;
    struct vit_error err;

    snprintf(path, sizeof path, "%s/a+b.safetensors", f->dir);
    name_classes(f, labels);
    write_network(path, labels, MORE + CLASSES, 1, 0.4f);
    assert_ok(open_teacher(&t, f, path, &err), &err);
    train_teacher_close(t);
    snprintf(names, sizeof names, "%s+%s", f->one, path);
    assert_ok(open_teacher(&t, f, names, &err), &err);
    assert_true(train_teacher_macs(t) > 0);
    train_teacher_close(t);
}

/* One of the names is replaced; NULL: the network has none, and one class more than it may have. */
static void what_does_not_know_the_classes_is_refused(void **state)
{
    static const struct {
        const char *name, *says;
    } CASES[] = {
        { "dragon", "expected one class called \"airplane\", as the data set has it, found none" },
        { "frog", "expected one class called \"airplane\", as the data set has it, found none" },
        { NULL, "has no label names and 12 classes, the data set has 10" },
    };
    const struct fixture *f = *state;
    const char *labels[MORE + CLASSES];
    struct train_teacher *t;
    struct vit_error err;
    char path[300];

    snprintf(path, sizeof path, "%s/wrong.safetensors", f->dir);
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        name_classes(f, labels);
        labels[MORE + CLASSES - 1] = CASES[i].name;
        write_network(path, CASES[i].name ? labels : NULL, MORE + CLASSES, 1, 0.4f);
        assert_refused(open_teacher(&t, f, path, &err), VIT_ERR_UNSUPPORTED, CASES[i].says, &err);
        assert_null(t);
    }
    name_classes(f, labels);
    labels[0] = "frog";
    write_network(path, labels, MORE + CLASSES, 1, 0.4f);
    assert_refused(open_teacher(&t, f, path, &err), VIT_ERR_UNSUPPORTED,
                   "expected one class called \"frog\", as the data set has it, found several", &err);
}

static void names_that_are_no_list_are_refused(void **state)
{
    const struct fixture *f = *state;
    char names[320], many[17 * 300] = "";
    struct train_teacher *t;
    struct vit_error err;

    snprintf(names, sizeof names, "%s+", f->one);
    assert_refused(open_teacher(&t, f, names, &err), VIT_ERR_ARG, "expected a network on each side of +",
                   &err);
    assert_refused(open_teacher(&t, f, "nowhere", &err), VIT_ERR_IO, "--teacher nowhere: ", &err);
    for (int i = 0; i < 17; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s%s", i ? "+" : "", f->one);
    assert_refused(open_teacher(&t, f, many, &err), VIT_ERR_ARG, "expected at most 16 networks, found more",
                   &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_the_mean_of_what_each_says_of_the_same_pictures),
        cmocka_unit_test(a_recipe_without_one_has_no_answers),
        cmocka_unit_test(the_digest_tells_teachers_apart),
        cmocka_unit_test(an_answer_that_is_not_finite_is_refused),
        cmocka_unit_test(the_model_of_the_run_itself_is_no_teacher),
        cmocka_unit_test(a_path_may_have_a_plus_in_it),
        cmocka_unit_test(what_does_not_know_the_classes_is_refused),
        cmocka_unit_test(names_that_are_no_list_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
