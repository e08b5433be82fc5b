/* What vit eval says, as JSON, as text and as a table, follows from the logits that it wrote: each definition
 * once more, in double. */
#include "patch/patch.h"
#include "tests/tools/cli.h"
#include "vit/random.h"
#include "vit/train.h"
#include "weights/weights.h"

/* More classes than a terminal shows the matrix of. */
enum { CLASSES = 24, PICTURES = 4, N = CLASSES * PICTURES, BINS = 15, MOST = 10 };

struct fixture {
    char dir[TMP_PATH], model[300], data[300], logits[300];
    struct weights_file *file;
    const float *answer;  /* (N, CLASSES) */
    const int64_t *label; /* (N) */
    int confusion[CLASSES][CLASSES];
};

static const char *name_of(int class)
{
    static char names[CLASSES][16];

    snprintf(names[class], sizeof names[class], "c%02d", class);
    return names[class];
}

static void make_model(const char *path, int classes)
{
    const struct vit_config c = { .image = 32,
                                  .channels = 3,
                                  .stem = { .patch = 16 },
                                  .width = 16,
                                  .depth = 1,
                                  .heads = 2,
                                  .hidden = 16,
                                  .classes = classes,
                                  .pool = VIT_POOL_MEAN,
                                  .norm = { .eps = 1e-6f, .final = true } };
    struct patch_recipe recipe = patch_recipe_default(32);
    const char *labels[CLASSES];
    struct vit_model *m;
    struct vit_error err;

    recipe.crop_pct = 1; /* the pixels as they are, so that a mirrored picture gives mirrored ones */
    for (int i = 0; i < classes; i++) labels[i] = name_of(i);
    assert_ok(vit_model_create(&m, &c, &recipe, labels, &(struct vit_init){ .seed = 1 }, NULL, &err), &err);
    assert_ok(vit_model_save(m, path, WEIGHTS_F32, &err), &err);
    vit_model_close(m);
}

/* mirrored: the same pictures, left for right. */
static void make_data(const char *root, int classes, bool mirrored)
{
    unsigned char pixels[32 * 32 * 3], turned[sizeof pixels];
    char path[512];

    for (int i = 0; i < classes * PICTURES; i++) {
        const uint64_t key = vit_key(7, (uint64_t)i);
        for (size_t k = 0; k < sizeof pixels; k++)
            pixels[k] = (unsigned char)(vit_random_u64(key, k % 3) % 200 + vit_random_u64(key, k) % 50);
        snprintf(path, sizeof path, "%s/%d.png", name_of(i / PICTURES), i);
        tmp_write(root, path, "", 0, NULL, 0);
        snprintf(path, sizeof path, "%s/%s/%d.png", root, name_of(i / PICTURES), i);
        for (size_t k = 0; k < sizeof pixels; k++)
            turned[k] = pixels[k / 96 * 96 + (31 - k % 96 / 3) * 3 + k % 3];
        assert_int_equal(patch_png_write(path, mirrored ? turned : pixels, 32, 32, NULL), VIT_OK);
    }
}

static int best_of(const float *logits)
{
    int best = 0;

    for (int c = 1; c < CLASSES; c++)
        if (logits[c] > logits[best]) best = c;
    return best;
}

static int open_fixture(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);
    struct vit_error err;

    snprintf(f->model, sizeof f->model, "%s/model.safetensors", f->dir);
    snprintf(f->data, sizeof f->data, "%s/data", f->dir);
    snprintf(f->logits, sizeof f->logits, "%s/logits.safetensors", f->dir);
    make_model(f->model, CLASSES);
    make_data(f->data, CLASSES, false);
    EXPECT(0, "", "", "eval", "-q", "-m", f->model, "--data", f->data, "--split", "all", "--logits",
           f->logits);
    assert_ok(weights_open(&f->file, f->logits, &err), &err);
    f->answer = weights_find(f->file, "logits")->data;
    f->label = weights_find(f->file, "labels")->data;
    assert_int_equal(weights_find(f->file, "labels")->count, N);
    for (int i = 0; i < N; i++) f->confusion[f->label[i]][best_of(f->answer + i * CLASSES)]++;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    weights_close(f->file);
    return tmp_teardown(state);
}

/* ---- the definitions ---- */

/* Pictures whose label is among the k largest logits. */
static int correct(const struct fixture *f, int k)
{
    int count = 0;

    for (int i = 0; i < N; i++) {
        const float *x = f->answer + i * CLASSES, own = x[f->label[i]];
        int above = 0;
        for (int c = 0; c < CLASSES; c++) above += x[c] > own;
        count += above < k;
    }
    return count;
}

static double probability(const float *x, int class)
{
    double sum = 0;

    for (int c = 0; c < CLASSES; c++) sum += exp((double)x[c] - (double)x[class]);
    return 1 / sum;
}

static double loss(const struct fixture *f)
{
    double sum = 0;

    for (int i = 0; i < N; i++) sum -= log(probability(f->answer + i * CLASSES, (int)f->label[i]));
    return sum / N;
}

/* Guo et al. 2017: 15 bins of equal width. */
static double calibration_error(const struct fixture *f)
{
    double gap[BINS] = { 0 }, sum = 0;

    for (int i = 0; i < N; i++) {
        const float *x = f->answer + i * CLASSES;
        const int best = best_of(x);
        const double p = probability(x, best);
        gap[(int)ceil(p * BINS) - 1] += (best == f->label[i]) - p;
    }
    for (int i = 0; i < BINS; i++) sum += fabs(gap[i]);
    return sum / N;
}

/* Wilson 1927: both ends solve (p - k/n)^2 = z^2 p (1 - p) / n, z = 1.959964. */
static void interval(double end[2], int k)
{
    const double z2 = 1.959963984540054 * 1.959963984540054, share = k / (double)N;
    const double a = 1 + z2 / N, b = -2 * share - z2 / N, c = share * share, root = sqrt(b * b - 4 * a * c);

    end[0] = k ? (-b - root) / (2 * a) : 0;
    end[1] = k < N ? (-b + root) / (2 * a) : 1;
}

/* ---- what the program says ---- */

static void assert_share(const json_t *o, const char *key, int k)
{
    const json_t *found;
    char name[32];
    double end[2];

    interval(end, k);
    assert_near(number(o, key), k / (double)N, 1e-12);
    snprintf(name, sizeof name, "%s_ci95", key);
    found = json_object_get(o, name);
    for (size_t i = 0; i < 2; i++) assert_near(json_number_value(json_array_get(found, i)), end[i], 1e-9);
}

static void assert_class(const json_t *o, const struct fixture *f, int c)
{
    int predicted = 0;

    assert_string_equal(json_string_value(json_object_get(o, "label")), name_of(c));
    for (int i = 0; i < CLASSES; i++) predicted += f->confusion[i][c];
    assert_near(number(o, "n"), PICTURES, 0);
    assert_near(number(o, "correct"), f->confusion[c][c], 0);
    assert_near(number(o, "accuracy"), f->confusion[c][c] / (double)PICTURES, 1e-12);
    assert_near(number(o, "f1"), 2.0 * f->confusion[c][c] / (PICTURES + predicted), 1e-12);
    if (predicted)
        assert_near(number(o, "precision"), f->confusion[c][c] / (double)predicted, 1e-12);
    else
        assert_true(json_is_null(json_object_get(o, "precision")));
}

static void the_json_follows_from_the_logits(void **state)
{
    static const char *const STAGES[] = { "decode", "preprocess", "forward", "total" };
    const struct fixture *f = *state;
    json_t *all =
        objects_of(VIT("eval", "-q", "--json", "-m", f->model, "--data", f->data, "--split", "all"));
    const json_t *o = json_array_get(all, 0);

    assert_near(number(o, "n"), N, 0);
    assert_near(number(o, "n_failed"), 0, 0);
    assert_string_equal(text_of(o, "matched"), "names");
    assert_share(o, "top1", correct(f, 1));
    assert_share(o, "top5", correct(f, 5));
    assert_near(number(o, "loss"), loss(f), 1e-9);
    assert_near(number(o, "ece"), calibration_error(f), 1e-9);
    for (int c = 0; c < CLASSES; c++) {
        const json_t *row = json_array_get(json_object_get(o, "confusion"), (size_t)c);
        assert_class(json_array_get(json_object_get(o, "per_class"), (size_t)c), f, c);
        for (int p = 0; p < CLASSES; p++)
            assert_int_equal(json_integer_value(json_array_get(row, (size_t)p)), f->confusion[c][p]);
    }
    for (size_t i = 0; i < VIT_COUNT(STAGES); i++)
        assert_true(number(json_object_get(o, "stages"), STAGES[i]) > 0);
    assert_true(number(json_object_get(o, "stages"), "total") == number(o, "images_per_second"));
    json_decref(all);
}

/* A row for each picture, in the order of the logits: the answer and its share of the softmax. */
static void the_predictions_follow_from_the_logits(void **state)
{
    const struct fixture *f = *state;
    char path[300], file[100], label[8], answer[8];
    double share;
    int used;

    snprintf(path, sizeof path, "%s/p.csv", f->dir);
    EXPECT(0, "", "", "eval", "-q", "-m", f->model, "--data", f->data, "--split", "all", "--predictions",
           path);
    char *table = tmp_text(f->dir, "p.csv"), *at = table;
    assert_memory_equal(at, "file,label,prediction,score\n", 28);
    at += 28;
    for (int i = 0; i < N; i++, at += used) {
        const float *x = f->answer + i * CLASSES;
        if (sscanf(at, "%99[^,],%7[^,],%7[^,],%lf\n%n", file, label, answer, &share, &used) != 4)
            fail_msg("row %d is \"%.100s\"", i, at);
        assert_string_equal(label, name_of((int)f->label[i]));
        assert_string_equal(answer, name_of(best_of(x)));
        assert_near(share, probability(x, best_of(x)), 1e-8); /* nine digits */
    }
    assert_int_equal(*at, '\0');
    free(table);
}

/* The largest count that is left, of the first row and column that have it; it is taken away. */
static int take_largest(int confusion[CLASSES][CLASSES], int *label, int *prediction)
{
    int most = 0;

    for (int c = 0; c < CLASSES; c++)
        for (int p = 0; p < CLASSES; p++)
            if (c != p && confusion[c][p] > most) most = confusion[c][p], *label = c, *prediction = p;
    if (most) confusion[*label][*prediction] = 0;
    return most;
}

static void the_text_says_the_same(void **state)
{
    struct fixture *f = *state;
    struct run r = VIT("eval", "-q", "-m", f->model, "--data", f->data, "--split", "all");
    char want[2048];
    int used = 0, count, label = 0, prediction = 0;

    assert_int_equal(r.code, 0);
    for (int k = 1; k <= 5; k += 4) {
        double end[2];
        interval(end, correct(f, k));
        snprintf(want, sizeof want, "top-%d      %.4f  (95 %%: %.4f to %.4f)\n", k, correct(f, k) / (double)N,
                 end[0], end[1]);
        assert_says("stdout", r.out, want);
    }
    snprintf(want, sizeof want, "loss       %.4f\nece        %.4f\n", loss(f), calibration_error(f));
    assert_says("stdout", r.out, want);
    used = snprintf(want, sizeof want, "\nmost often confused (the whole matrix: --json)\n");
    for (int i = 0; i < MOST && (count = take_largest(f->confusion, &label, &prediction)); i++)
        used += snprintf(want + used, sizeof want - (size_t)used, "%6d  %s taken for %s\n", count,
                         name_of(label), name_of(prediction));
    assert_string_equal(strstr(r.out, "\nmost often"), want);
    run_free(&r);
}

/* Of five classes, all are among the first five. */
static void few_classes_have_no_top_5(void **state)
{
    const struct fixture *f = *state;
    char model[300], data[300];

    snprintf(model, sizeof model, "%s/few.safetensors", f->dir);
    snprintf(data, sizeof data, "%s/few", f->dir);
    make_model(model, 5);
    make_data(data, 5, false);
    struct run r = VIT("eval", "-q", "-m", model, "--data", data);
    assert_says("stdout", r.out, "\ntop-1 ");
    assert_null(strstr(r.out, "top-5"));
    run_free(&r);
    EXPECT(0, "\"top5\":null,\"top5_ci95\":null,", "", "eval", "-q", "-m", model, "--data", data, "--json");
}

/* Asked for or not. */
static void what_a_network_has_learnt_from_is_no_test_set(void **state)
{
    const struct fixture *f = *state;
    char model[300], data[300];

    snprintf(model, sizeof model, "%s/learnt.safetensors", f->dir);
    snprintf(data, sizeof data, "%s/learnt/train", f->dir);
    make_model(model, 5);
    make_data(data, 5, false);
    snprintf(data, sizeof data, "%s/learnt", f->dir);
    EXPECT(0, "", "learnt: a network that was trained on this data set has learnt from its split \"train\"",
           "eval", "-m", model, "--data", data, "--split", "train");
}

/* The error has room for some of what does not match; above it stand all classes. */
static void a_mismatch_prints_both_lists(void **state)
{
    const struct fixture *f = *state;
    char model[300], data[300], lists[1000];

    snprintf(model, sizeof model, "%s/two.safetensors", f->dir);
    snprintf(data, sizeof data, "%s/others", f->dir);
    make_model(model, 2);
    tmp_write(data, "ant/0.png", "x", 1, NULL, 0);
    tmp_write(data, "bee/0.png", "x", 1, NULL, 0);
    snprintf(lists, sizeof lists,
             "%s: 2 classes: ant, bee\n%s: 2 classes: %s, %s\nvit: the data's class \"ant\"", data, model,
             name_of(0), name_of(1));
    EXPECT(3, NULL, lists, "eval", "-m", model, "--data", data, "--split", "all");
}

/* One set is no test set, whatever split is asked for: nobody shall report training pictures as one. */
static void a_set_without_splits_is_no_test_set(void **state)
{
    const struct fixture *f = *state;
    struct run r = VIT("eval", "-q", "-m", f->model, "--data", f->data);
    json_t *all = objects_of(VIT("eval", "-q", "--json", "-m", f->model, "--data", f->data));

    assert_says("stdout", r.out, "data       folder of classes, all: ");
    assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "split")), "all");
    json_decref(all);
    run_free(&r);
    all = objects_of(VIT("compare", "-q", "--json", f->model, f->model, "--data", f->data));
    assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "split")), "all");
    json_decref(all);
    EXPECT(0, "", "has no splits: all of it is read", "eval", "-m", f->model, "--data", f->data);
    EXPECT(0, "", NULL, "eval", "-m", f->model, "--data", f->data, "--split", "all");
    EXPECT(3, NULL, "has no splits: expected --split all, or none, found train", "eval", "-m", f->model,
           "--data", f->data, "--split", "train");
}

/* Two results of one model can be told apart. */
static void what_was_run_is_said(void **state)
{
    const struct fixture *f = *state;
    json_t *all = objects_of(VIT("eval", "-q", "--json", "-m", f->model, "--data", f->data, "--norm", "post",
                                 "--final-norm", "off", "--dtype", "int8", "--size", "48"));
    const json_t *o = json_array_get(all, 0);

    assert_string_equal(text_of(o, "norm"), "post");
    assert_string_equal(text_of(o, "dtype"), "int8");
    assert_true(json_is_false(json_object_get(o, "final_norm")) && json_is_false(json_object_get(o, "flip")));
    assert_true(number(o, "size") == 48);
    json_decref(all);
    EXPECT(0, "\nrun as     norm pre, final norm on, f32, 32 pixels a side\n", "", "eval", "-m", f->model,
           "--data", f->data);
}

/* The logits that eval writes of a folder; words: further flags. */
static const float *logits_of(const struct fixture *f, struct weights_file **file, const char *data,
                              const char *flag, const char *other)
{
    struct vit_error err;
    char path[300];

    snprintf(path, sizeof path, "%s/other.safetensors", f->dir);
    EXPECT(0, "", "", "eval", "-q", "-m", f->model, "--data", data, "--split", "all", "--logits", path, flag,
           other);
    assert_ok(weights_open(file, path, &err), &err);
    return weights_find(*file, "logits")->data;
}

static void flip_is_the_mean_with_the_mirror_image(void **state)
{
    struct fixture *f = *state;
    struct weights_file *file[3];
    const float *mirrored, *both, *watched;
    char data[300];

    snprintf(data, sizeof data, "%s/mirrored", f->dir);
    make_data(data, CLASSES, true);
    mirrored = logits_of(f, &file[0], data, NULL, NULL);
    both = logits_of(f, &file[1], f->data, "--flip", NULL);
    watched = logits_of(f, &file[2], data, "--flip", "--check");
    assert_memory_not_equal(f->answer, mirrored, N * CLASSES * sizeof *mirrored);
    for (int i = 0; i < N * CLASSES; i++) {
        assert_true(both[i] == 0.5f * (f->answer[i] + mirrored[i]));
        assert_true(watched[i] == both[i]); /* a mirror image's mirror image is the picture */
    }
    for (int i = 0; i < 3; i++) weights_close(file[i]);
    EXPECT(0, "\nflip       each with its mirror image", "", "eval", "-m", f->model, "--data", f->data,
           "--split", "all", "--flip");
}

/* A picture may have a name that is none. */
static void an_output_is_no_picture_of_the_data_set(void **state)
{
    static const char *const OPTIONS[] = { "--predictions", "--logits" };
    static const char SET[] = "picture,c00\nmissing.png,c01\n";
    const struct fixture *f = *state;
    char picture[400], set[400], *text;

    tmp_write(f->dir, "picture", "precious", 8, picture, sizeof picture);
    tmp_write(f->dir, "set", SET, sizeof SET - 1, set, sizeof set);
    for (size_t i = 0; i < VIT_COUNT(OPTIONS); i++)
        EXPECT(2, "", "expected another file than the one that is read", "eval", "-m", f->model, "--data",
               set, OPTIONS[i], picture);
    text = tmp_text(f->dir, "picture");
    assert_string_equal(text, "precious");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_json_follows_from_the_logits, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_predictions_follow_from_the_logits, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_text_says_the_same, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(few_classes_have_no_top_5, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_a_network_has_learnt_from_is_no_test_set, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_mismatch_prints_both_lists, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_set_without_splits_is_no_test_set, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_was_run_is_said, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_output_is_no_picture_of_the_data_set, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(flip_is_the_mean_with_the_mirror_image, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
