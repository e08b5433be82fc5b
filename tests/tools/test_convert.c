/* vit convert: every family's file becomes one of ours with the same answers. */
#include <jansson.h>
#include <sys/stat.h>

#include "tests/support/golden.h"
#include "tests/support/run.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "vit/train.h"

#define MODEL "tests/data/golden/timm-cls"

enum { CLASSES = 10, MOST = 64 };

struct fixture {
    char dir[TMP_PATH], out[512];
};

static int open_folder(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->out, sizeof f->out, "%s/out.safetensors", f->dir);
    return 0;
}

#define VIT(...) run_verb("convert", NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_code(struct run r, int code, const char *part)
{
    if (r.code != code || !strstr(r.err, part))
        fail_msg("exit code %d, expected %d and \"%s\"; stderr: %s", r.code, code, part, r.err);
    run_free(&r);
}

/* ---- the same answers ---- */

/* The converted model must give the bits of the original, with any kernels. */
static void assert_same_logits(struct golden *g, const char *path)
{
    const struct vit_model_options how = { .image = g->image };
    const struct vit_session_options options = { .batch = g->n, .threads = 1 };
    const size_t size = (size_t)g->n * (size_t)vit_model_config(g->model)->classes * sizeof(float);
    struct vit_session *was, *is;
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, path, &how, &err), &err);
    assert_ok(vit_session_create(&was, g->model, &options, &err), &err);
    assert_ok(vit_session_create(&is, m, &options, &err), &err);
    if (memcmp(vit_forward(was, g->input, g->n), vit_forward(is, g->input, g->n), size))
        fail_msg("%s: the converted model answers otherwise", g->path);
    vit_session_close(was);
    vit_session_close(is);
    vit_model_close(m);
}

static void every_family_keeps_its_answers(void **state)
{
    const struct fixture *f = *state;
    char names[MOST][64];
    const int count = golden_list(names, MOST);

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        struct golden g;
        char size[16];
        golden_open(&g, names[i], NULL, false);
        snprintf(size, sizeof size, "%d", g.image);
        assert_code(VIT("--force", g.path, f->out, "--size", size), 0, "");
        assert_same_logits(&g, f->out);
        golden_close(&g);
    }
}

static void assert_same_bytes(const char *a, const char *b)
{
    size_t size, other;
    unsigned char *first = tmp_read(a, &size), *second = tmp_read(b, &other);

    assert_int_equal(size, other);
    assert_memory_equal(first, second, size);
    free(first);
    free(second);
}

static void converting_again_changes_no_byte(void **state)
{
    const struct fixture *f = *state;
    char again[512];

    snprintf(again, sizeof again, "%s/again.safetensors", f->dir);
    assert_code(VIT(MODEL, f->out), 0, "");
    assert_code(VIT(f->out, again), 0, "");
    assert_same_bytes(f->out, again);
}

/* bf16 keeps 8 significant bits, so rounding to nearest errs by at most 2^-8 of the value. */
static void bf16_rounds_to_nearest_and_halves_the_file(void **state)
{
    const struct fixture *f = *state;
    struct vit_model *was, *is;
    struct vit_error err;
    struct stat s;

    assert_code(VIT(MODEL, f->out, "--dtype", "bf16"), 0, "");
    assert_ok(vit_model_open(&was, MODEL, NULL, &err), &err);
    assert_ok(vit_model_open(&is, f->out, NULL, &err), &err);
    for (int i = 0; i < vit_model_parameter_count(was); i++) {
        const struct vit_parameter a = vit_model_parameter(was, i), b = vit_model_parameter(is, i);
        assert_string_equal(a.name, b.name);
        for (size_t k = 0; k < a.count; k++)
            if (fabsf(a.values[k] - b.values[k]) > 0x1p-8f * fabsf(a.values[k]))
                fail_msg("%s[%zu]: %.9g became %.9g", a.name, k, (double)a.values[k], (double)b.values[k]);
    }
    assert_int_equal(stat(f->out, &s), 0);
    /* Beside the numbers: names and shapes, and each tensor may be padded to 64 bytes. */
    assert_true((size_t)s.st_size < 2 * vit_model_parameters(was) + 16384);
    vit_model_close(was);
    vit_model_close(is);
}

/* The file holds what the products see, so that quantising it again changes nothing: int8 answers of the
 * file have the bits of int8 answers of the original, and converting it again gives its bytes. */
static void int8_answers_as_the_original_does_in_int8(void **state)
{
    const struct fixture *f = *state;
    const struct vit_model_options how = { .dtype = KERN_I8 };
    const struct vit_session_options options = { .batch = 2, .threads = 1 };
    struct vit_model *m[2];
    struct vit_session *s[2];
    struct vit_error err;
    float planes[2 * 3 * 64 * 64];
    size_t count;

    assert_code(VIT(MODEL, f->out, "--dtype", "int8"), 0, "");
    for (int i = 0; i < 2; i++) {
        assert_ok(vit_model_open(&m[i], i ? f->out : MODEL, &how, &err), &err);
        assert_ok(vit_session_create(&s[i], m[i], &options, &err), &err);
    }
    count = 2 * vit_model_input_floats(m[0]);
    assert_true(count <= VIT_COUNT(planes));
    for (size_t k = 0; k < count; k++) planes[k] = sinf((float)k);
    assert_memory_equal(vit_forward(s[0], planes, 2), vit_forward(s[1], planes, 2),
                        2 * (size_t)vit_model_config(m[0])->classes * sizeof(float));
    for (int i = 0; i < 2; i++) {
        vit_session_close(s[i]);
        vit_model_close(m[i]);
    }
}

static void int8_again_changes_no_byte(void **state)
{
    const struct fixture *f = *state;
    char again[512];

    snprintf(again, sizeof again, "%s/again.safetensors", f->dir);
    assert_code(VIT(MODEL, f->out, "--dtype", "int8"), 0, "");
    assert_code(VIT(f->out, again, "--dtype", "int8", "-v"), 0, "stored as int8");
    assert_same_bytes(f->out, again);
}

/* Rounding to nearest errs by half a scale, and the scale by 2^-16 of itself; the scale is the row's largest
 * / 127. What is no matrix of a block is f32. */
static void int8_is_near_in_matrices_and_equal_elsewhere(void **state)
{
    const struct fixture *f = *state;
    struct vit_model *was, *is;
    struct vit_error err;
    size_t bytes = 0;
    struct stat s;

    assert_code(VIT(MODEL, f->out, "--dtype", "int8"), 0, "");
    assert_ok(vit_model_open(&was, MODEL, NULL, &err), &err);
    assert_ok(vit_model_open(&is, f->out, NULL, &err), &err);
    for (int i = 0; i < vit_model_parameter_count(was); i++) {
        const struct vit_parameter a = vit_model_parameter(was, i), b = vit_model_parameter(is, i);
        const bool matrix = a.rank == 2 && !strncmp(a.name, "blocks.", 7);
        const size_t row = matrix ? (size_t)a.shape[1] : 1;
        for (size_t k = 0; k < a.count; k += row) {
            float largest = 0;
            for (size_t l = k; l < k + row; l++) largest = fmaxf(largest, fabsf(a.values[l]));
            for (size_t l = k; l < k + row; l++)
                if (fabsf(a.values[l] - b.values[l]) > (matrix ? 0.51f / 127 * largest : 0))
                    fail_msg("%s[%zu]: %.9g became %.9g", a.name, l, (double)a.values[l],
                             (double)b.values[l]);
        }
        bytes += matrix ? a.count + (size_t)a.shape[0] * sizeof(float) : a.count * sizeof(float);
    }
    assert_int_equal(stat(f->out, &s), 0);
    assert_true((size_t)s.st_size > bytes && (size_t)s.st_size < bytes + 16384); /* names and shapes */
    vit_model_close(was);
    vit_model_close(is);
}

/* Packed for any type, back to that type: the file that an ordinary conversion gives. */
static void packed_and_back_changes_no_byte(void **state)
{
    static const char *const TYPES[] = { "f32", "bf16", "int8" };
    const struct fixture *f = *state;
    char packed[512], plain[512];
    size_t first_size, second_size;

    snprintf(packed, sizeof packed, "%s/packed.safetensors", f->dir);
    snprintf(plain, sizeof plain, "%s/plain.safetensors", f->dir);
    for (size_t i = 0; i < VIT_COUNT(TYPES); i++) {
        assert_code(VIT(MODEL, plain, "-f", "--dtype", TYPES[i]), 0, "");
        assert_code(VIT(MODEL, packed, "-f", "--dtype", TYPES[i], "--packed", "--kernels", "ref+vec"), 0, "");
        assert_code(VIT(packed, f->out, "-f", "--dtype", TYPES[i], "--kernels", "ref+vec"), 0, "");
        unsigned char *first = tmp_read(plain, &first_size), *second = tmp_read(f->out, &second_size);
        assert_int_equal(first_size, second_size);
        assert_memory_equal(first, second, first_size);
        free(first);
        free(second);
    }
    assert_code(VIT(packed, f->out, "-f", "-v", "--kernels", "ref"), 0,
                "packed in int8 for ref+vec; laid out");
}

static void another_size_is_kept(void **state)
{
    const struct fixture *f = *state;
    struct vit_model *m;
    struct vit_error err;

    assert_code(VIT(MODEL, f->out, "--size", "48"), 0, "resized");
    assert_ok(vit_model_open(&m, f->out, NULL, &err), &err);
    assert_int_equal(vit_model_config(m)->image, 48);
    assert_int_equal(vit_model_recipe(m)->size, 48);
    vit_model_close(m);
}

/* ---- comparing ---- */

static void make_data_set(const char *dir)
{
    unsigned char pixels[32 * 32 * 3];
    char path[1024];

    for (int c = 0; c < CLASSES; c++) {
        for (size_t k = 0; k < sizeof pixels; k++) pixels[k] = (unsigned char)(k * (size_t)(7 + c));
        snprintf(path, sizeof path, "data/class_%d/a.png", c);
        tmp_write(dir, path, "", 0, NULL, 0);
        snprintf(path, sizeof path, "%s/data/class_%d/a.png", dir, c);
        assert_int_equal(patch_png_write(path, pixels, 32, 32, NULL), VIT_OK);
    }
    tmp_write(dir, "data/class_3/broken.png", "no picture", 10, NULL, 0);
}

static json_t *object_of(const struct run *r)
{
    json_error_t e;
    json_t *o = json_loads(r->out, JSON_REJECT_DUPLICATES, &e);

    if (!json_is_object(o)) fail_msg("not an object: %s", r->out);
    return o;
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_number(v)) fail_msg("\"%s\" is not a number", key);
    return json_number_value(v);
}

static void f32_agrees_on_every_picture(void **state)
{
    const struct fixture *f = *state;
    char data[512];
    struct run r;
    json_t *o;

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    r = VIT(MODEL, f->out, "--data", data, "--split", "all", "--json");
    assert_int_equal(r.code, 1); /* the broken one */
    o = object_of(&r);
    assert_true(number(o, "n") == CLASSES && number(o, "n_failed") == 1);
    assert_true(number(o, "agreement") == 1 && number(o, "largest_logit_difference") == 0);
    assert_true(number(o, "top1_before") == number(o, "top1_after"));
    assert_true(number(o, "bytes_after") > 4 * number(o, "parameters"));
    json_decref(o);
    run_free(&r);
}

/* As in vit eval: an accuracy on pictures of the training is none. */
static void a_set_without_splits_is_warned_of(void **state)
{
    const struct fixture *f = *state;
    char data[512];

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    assert_code(VIT(MODEL, f->out, "--data", data), 1, "has no splits: all of it is read");
}

/* A copy of MODEL that names its classes in the reverse of the data set's order. */
static void make_reversed_model(const char *dir, char *path, size_t size)
{
    json_t *config = json_load_file(MODEL "/config.json", 0, NULL), *names = json_array();
    char name[32];
    size_t bytes;
    unsigned char *weights = tmp_read(MODEL "/model.safetensors", &bytes);
    char *text;

    for (int c = CLASSES - 1; c >= 0; c--) {
        snprintf(name, sizeof name, "class_%d", c);
        json_array_append_new(names, json_string(name));
    }
    json_object_set_new(config, "label_names", names);
    text = json_dumps(config, 0);
    tmp_write(dir, "reversed/config.json", text, strlen(text), NULL, 0);
    tmp_write(dir, "reversed/model.safetensors", weights, bytes, NULL, 0);
    snprintf(path, size, "%s/reversed", dir);
    json_decref(config);
    free(text);
    free(weights);
}

/* The pictures of --limit are those of vit eval, whatever the order of the model's labels. */
static void a_limit_takes_the_pictures_of_eval(void **state)
{
    const struct fixture *f = *state;
    char data[512], model[512];
    struct run r;
    json_t *o;

    make_data_set(f->dir);
    tmp_write(f->dir, "data/class_0/a.png", "no picture", 10, NULL, 0);
    make_reversed_model(f->dir, model, sizeof model);
    snprintf(data, sizeof data, "%s/data", f->dir);
    r = run_verb(
        "eval", NULL,
        (const char *const[]){ "-m", model, "-d", data, "--split", "all", "--limit", "3", "--json", NULL });
    o = object_of(&r);
    assert_true(number(o, "n") == 2 && number(o, "n_failed") == 1);
    json_decref(o);
    run_free(&r);
    r = VIT(model, f->out, "--data", data, "--split", "all", "--limit", "3", "--json");
    o = object_of(&r);
    assert_true(number(o, "n") == 2 && number(o, "n_failed") == 1);
    json_decref(o);
    run_free(&r);
    r = VIT(model, f->out, "--data", data, "--split", "all", "-f", "--max-pixels", "1");
    assert_non_null(strstr(r.err, "more than the 1 that may be decoded (--max-pixels)"));
    run_free(&r);
}

static void narrow_formats_say_what_they_cost(void **state)
{
    static const char *const TYPES[] = { "bf16", "int8" };
    const struct fixture *f = *state;
    char data[512];

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    for (size_t i = 0; i < VIT_COUNT(TYPES); i++) {
        struct run r =
            VIT(MODEL, f->out, "--force", "--dtype", TYPES[i], "--data", data, "--split", "all", "--json");
        json_t *o = object_of(&r);
        const double relative = number(o, "relative_logit_difference");
        assert_true(number(o, "largest_logit_difference") > 0);
        assert_true(relative > 0 && relative < 1);
        assert_true(number(o, "agreement") >= 0 && number(o, "agreement") <= 1);
        json_decref(o);
        run_free(&r);
    }
}

/* Both ways of int8 are compared, and the scales stay when the file is converted again. */
static void calibration_shows_both_ways(void **state)
{
    const struct fixture *f = *state;
    char data[512], again[512];
    struct run r;
    json_t *o;
    size_t first_size, second_size;

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    snprintf(again, sizeof again, "%s/again.safetensors", f->dir);
    r = VIT(MODEL, f->out, "--dtype", "int8", "--calibrate", data, "--data", data, "--split", "all", "--json",
            "-q");
    assert_int_equal(r.code, 1); /* the broken one */
    o = object_of(&r);
    assert_true(number(o, "calibrated_on") == CLASSES);
    assert_true(number(o, "largest_logit_difference") > 0);
    assert_true(number(json_object_get(o, "row_scales"), "largest_logit_difference") > 0);
    assert_true(number(json_object_get(o, "row_scales"), "largest_logit_difference") !=
                number(o, "largest_logit_difference"));
    json_decref(o);
    run_free(&r);
    assert_code(VIT(f->out, again, "--dtype", "int8", "-v"), 0, "have fixed scales");
    unsigned char *first = tmp_read(f->out, &first_size), *second = tmp_read(again, &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
}

/* On the one side as on the other: the pictures to compare on are all sound. */
static void a_picture_that_calibrates_nothing_is_counted(void **state)
{
    const struct fixture *f = *state;
    char data[512], sound[512], list[1024] = "";

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    for (int c = 0; c < CLASSES; c++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "data/class_%d/a.png,class_%d\n", c, c);
    tmp_write(f->dir, "sound.csv", list, strlen(list), sound, sizeof sound);
    assert_code(VIT(MODEL, f->out, "--dtype", "int8", "--calibrate", data, "--data", sound, "--split", "all"),
                1, "broken.png");
}

/* Pictures that nobody has labelled fix scales as well, and show what these cost in equal answers. */
static void calibration_needs_no_labels(void **state)
{
    const struct fixture *f = *state;
    struct run r;
    json_t *o;

    r = VIT(MODEL, f->out, "--dtype", "int8", "--calibrate", "samples", "--calibrate-limit", "3", "--json",
            "-q");
    assert_int_equal(r.code, 0);
    o = object_of(&r);
    assert_true(number(o, "calibrated_on") == 3 && number(o, "n") == 3);
    assert_string_equal(json_string_value(json_object_get(o, "compared_on")), "samples");
    assert_true(number(o, "agreement") >= 0 && number(o, "largest_logit_difference") > 0);
    assert_null(json_object_get(o, "top1_before"));
    json_decref(o);
    run_free(&r);
}

/* The pictures that an accuracy is measured on afterwards are not those that fix the scales. */
static void calibration_looks_at_the_training_split_alone(void **state)
{
    static const char *const SPLITS[] = { "train", "test" };
    const struct fixture *f = *state;
    char path[512];
    unsigned char *picture;
    struct run r;
    json_t *o;
    size_t size;

    make_data_set(f->dir);
    for (int c = 0; c < CLASSES; c++) {
        snprintf(path, sizeof path, "%s/data/class_%d/a.png", f->dir, c);
        picture = tmp_read(path, &size);
        for (size_t i = 0; i < VIT_COUNT(SPLITS); i++) {
            snprintf(path, sizeof path, "set/%s/class_%d/a.png", SPLITS[i], c);
            tmp_write(f->dir, path, picture, size, NULL, 0);
        }
        free(picture);
    }
    snprintf(path, sizeof path, "%s/set", f->dir);
    r = VIT(MODEL, f->out, "--dtype", "int8", "--calibrate", path, "--json", "-q");
    assert_int_equal(r.code, 0);
    o = object_of(&r);
    assert_true(number(o, "calibrated_on") == CLASSES);
    json_decref(o);
    run_free(&r);
}

/* They fix scales all the same. */
static void calibration_on_other_classes_compares_no_answers(void **state)
{
    const struct fixture *f = *state;
    char data[512];
    struct run r;

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    r = VIT("builtin:pre", f->out, "--dtype", "int8", "--calibrate", data);
    assert_null(strstr(r.err, " classes: "));
    assert_code(r, 1, "data: its classes are not those of builtin:pre: no answers are compared");
    r = VIT("builtin:pre", f->out, "--force", "--dtype", "int8", "--calibrate", data, "-q");
    assert_null(strstr(r.err, "classes"));
    assert_code(r, 1, "broken.png");
}

static void a_cost_that_was_not_measured_is_no_secret(void **state)
{
    const struct fixture *f = *state;

    assert_code(VIT(MODEL, f->out, "--dtype", "bf16"), 0, "what bf16 costs in accuracy was not measured");
}

/* A class is named whatever the logits are; but a NaN is no answer, on whichever side. */
static void answers_that_are_not_finite_are_not_compared(void **state)
{
    const struct fixture *f = *state;
    char data[512], broken[512];
    struct vit_model *m;
    struct vit_error err;
    struct run r;
    json_t *o;

    make_data_set(f->dir);
    snprintf(data, sizeof data, "%s/data", f->dir);
    snprintf(broken, sizeof broken, "%s/broken.safetensors", f->dir);
    assert_ok(vit_model_open(&m, MODEL, &(struct vit_model_options){ .trainable = true }, &err), &err);
    for (int i = 0; i < vit_model_parameter_count(m); i++)
        if (!strcmp(vit_model_parameter(m, i).name, "head.bias"))
            ((float *)vit_model_parameter(m, i).values)[0] = NAN;
    assert_ok(vit_model_save(m, broken, WEIGHTS_F32, &err), &err);
    vit_model_close(m);
    r = VIT(broken, f->out, "--dtype", "bf16", "--data", data, "--split", "all", "--json", "-q");
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.err, "the network answers nan"));
    o = object_of(&r);
    assert_true(number(o, "n") == 0 && number(o, "n_failed") > 1);
    assert_true(json_is_null(json_object_get(o, "agreement")));
    json_decref(o);
    run_free(&r);
}

/* ---- refusals ---- */

static void what_exists_is_not_replaced_unasked(void **state)
{
    const struct fixture *f = *state;
    size_t size;
    unsigned char *bytes;

    tmp_write(f->dir, "out.safetensors", "precious", 8, NULL, 0);
    assert_code(VIT(MODEL, f->out), 2, "--force");
    bytes = tmp_read(f->out, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    assert_code(VIT(MODEL, f->out, "--force"), 0, "");
    assert_code(VIT(f->out, f->out, "--force"), 0, ""); /* asked for */
}

static void a_data_set_is_not_replaced(void **state)
{
    const struct fixture *f = *state;
    char set[512];

    tmp_write(f->dir, "set", "a.png,0\n", 8, set, sizeof set);
    assert_code(VIT(MODEL, set, "--force", "--data", set), 2, "another file than the one that is read");
    assert_code(VIT(MODEL, set, "--force", "--dtype", "int8", "--calibrate", set), 2,
                "another file than the one that is read");
}

/* Nor is a picture that it lists, whatever its name. */
static void a_picture_that_is_read_is_not_replaced(void **state)
{
    static const char *const OPTIONS[] = { "--data", "--calibrate" };
    const struct fixture *f = *state;
    char text[CLASSES * 32] = "picture,class_0\n", set[512], picture[512], *found;

    for (int c = 1; c < CLASSES; c++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "missing.png,class_%d\n", c);
    tmp_write(f->dir, "set", text, strlen(text), set, sizeof set);
    tmp_write(f->dir, "picture", "precious", 8, picture, sizeof picture);
    for (size_t i = 0; i < VIT_COUNT(OPTIONS); i++)
        assert_code(VIT(MODEL, picture, "--force", "--dtype", "int8", OPTIONS[i], set), 2,
                    "another file than the one that is read");
    found = tmp_text(f->dir, "picture");
    assert_string_equal(found, "precious");
    free(found);
}

static void a_name_that_promises_another_kind_of_file_is_refused(void **state)
{
    static const char *const NAMES[] = { "x.npz", "x.pth", "x.pt", "x.bin", "x.onnx", "x.gguf" };
    const struct fixture *f = *state;
    char out[512];

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        snprintf(out, sizeof out, "%s/%s", f->dir, NAMES[i]);
        assert_code(VIT(MODEL, out), 2, "expected a name for a safetensors file");
        assert_false(tmp_has(f->dir, NAMES[i]));
    }
}

/* A folder of Hugging Face's is a model like any other, and is compared with the original. */
static void another_framework_gets_a_folder(void **state)
{
    const struct fixture *f = *state;
    char data[512], out[512];
    struct run r;
    json_t *o;

    snprintf(data, sizeof data, "%s/data", f->dir);
    snprintf(out, sizeof out, "%s/hf", f->dir);
    make_data_set(f->dir);
    r = VIT(MODEL, out, "--names", "hf-vit", "--data", data, "--split", "all", "--json");
    o = object_of(&r);
    assert_true(number(o, "agreement") == 1 && number(o, "largest_logit_difference") == 0);
    assert_true(number(o, "bytes_after") > 4 * number(o, "parameters"));
    json_decref(o);
    run_free(&r);
    assert_true(tmp_has(out, "preprocessor_config.json"));
    assert_code(VIT(MODEL, out, "--names", "hf-vit"), 2, "--force");
    assert_code(VIT(MODEL, out, "--names", "hf-vit", "--force"), 0,
                "hf: transformers crops some pictures one pixel beside");
    assert_code(VIT(MODEL, out, "--names", "timm", "--force"), 0, "");
    assert_code(VIT(MODEL, f->out, "--names", "hf"), 2, "timm, hf-vit, hf-deit or hf-dinov2");
    assert_code(VIT(MODEL, f->out, "--names", "timm", "--packed"), 2, "found --packed");
    assert_code(VIT(MODEL, f->out, "--names", "timm", "--dtype", "int8"), 2, "found --dtype int8");
    assert_code(VIT("builtin:pre", f->out, "--names", "timm"), 3,
                "\"stem.kind\" is \"patch\" there, here it is \"conv\"");
    assert_false(tmp_has(f->dir, "out.safetensors"));
    tmp_write(f->dir, "out.safetensors", "precious", 8, NULL, 0);
    assert_code(VIT(MODEL, f->out, "--names", "timm", "--force"), 2, "found a file");
}

/* Of a network and itself it is that network, to the bit. */
static void a_mean_of_networks_is_written(void **state)
{
    const struct fixture *f = *state;
    char one[TMP_PATH + 32];
    struct run r;
    json_t *o;

    snprintf(one, sizeof one, "%s/a+b.safetensors", f->dir);
    assert_code(VIT("builtin:pre", one), 0, "");
    r = VIT("builtin:pre", f->out, "--average", "builtin:pre+builtin:pre", "--json");
    o = object_of(&r);
    assert_true(number(o, "averaged") == 3);
    json_decref(o);
    run_free(&r);
    assert_same_bytes(one, f->out);
    assert_code(VIT("builtin:pre", f->out, "--force", "--average", one), 0, ""); /* one, of that name */
    assert_same_bytes(one, f->out);
    assert_code(VIT("builtin:pre", f->out, "--force", "--average", "builtin:pre+"), 2, "on each side of +");
    assert_code(VIT("builtin:pre", f->out, "--force", "--average", "builtin:post"), 2,
                "builtin:post: expected the configuration of builtin:pre, found another \"norm\"");
    assert_code(VIT("builtin:pre", f->out, "--force", "--average", "nowhere"), 3, "--average nowhere");
    assert_same_bytes(one, f->out);
}

static void unusable_data_leaves_no_file(void **state)
{
    const struct fixture *f = *state;
    struct stat s;

    assert_code(VIT(MODEL, f->out, "--data", "nowhere"), 3, "nowhere");
    assert_int_not_equal(stat(f->out, &s), 0);
}

static void mistakes_are_named(void **state)
{
    const struct fixture *f = *state;
    char missing[512];

    snprintf(missing, sizeof missing, "%s/no/out.safetensors", f->dir);
    assert_code(VIT(MODEL), 2, "found 1 operands");
    assert_code(VIT(MODEL, f->out, "x"), 2, "found 3 operands");
    assert_code(VIT("-m", MODEL, f->out), 2, "unknown option \"-m\"");
    assert_code(VIT(MODEL, "-"), 2, "OUT: expected a file, found \"-\"");
    assert_code(VIT(MODEL, f->out, "--dtype", "int4"), 2, "f32, bf16 or int8");
    assert_code(VIT(MODEL, f->dir), 2, "found a folder");
    assert_code(VIT(MODEL, f->out, "--calibrate", f->dir), 2, "is for --dtype int8, found f32");
    assert_code(VIT(MODEL, f->out, "--calibrate", "nowhere", "--dtype", "int8"), 3, "nowhere");
    assert_code(VIT(MODEL, f->out, "--split", "train"), 2, "--split: expected --data");
    assert_code(VIT(MODEL, f->out, "--max-pixels", "5"), 2, "--max-pixels: expected --data or --calibrate");
    assert_code(VIT(MODEL, f->out, "--calibrate-limit", "9"), 2, "--calibrate-limit: expected --calibrate");
    assert_code(VIT(MODEL, f->out, "--packed", "--kernels", "ref"), 2, "there is nothing to pack");
    assert_code(VIT("nowhere", f->out), 3, "nowhere");
    assert_code(VIT(MODEL, missing), 1, "no/out.safetensors");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, tmp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_family_keeps_its_answers),
        IN_FOLDER(converting_again_changes_no_byte),
        IN_FOLDER(bf16_rounds_to_nearest_and_halves_the_file),
        IN_FOLDER(int8_answers_as_the_original_does_in_int8),
        IN_FOLDER(int8_again_changes_no_byte),
        IN_FOLDER(int8_is_near_in_matrices_and_equal_elsewhere),
        IN_FOLDER(packed_and_back_changes_no_byte),
        IN_FOLDER(another_size_is_kept),
        IN_FOLDER(f32_agrees_on_every_picture),
        IN_FOLDER(a_set_without_splits_is_warned_of),
        IN_FOLDER(a_limit_takes_the_pictures_of_eval),
        IN_FOLDER(narrow_formats_say_what_they_cost),
        IN_FOLDER(calibration_shows_both_ways),
        IN_FOLDER(a_picture_that_calibrates_nothing_is_counted),
        IN_FOLDER(calibration_needs_no_labels),
        IN_FOLDER(calibration_looks_at_the_training_split_alone),
        IN_FOLDER(calibration_on_other_classes_compares_no_answers),
        IN_FOLDER(a_cost_that_was_not_measured_is_no_secret),
        IN_FOLDER(answers_that_are_not_finite_are_not_compared),
        IN_FOLDER(what_exists_is_not_replaced_unasked),
        IN_FOLDER(a_data_set_is_not_replaced),
        IN_FOLDER(a_picture_that_is_read_is_not_replaced),
        IN_FOLDER(a_name_that_promises_another_kind_of_file_is_refused),
        IN_FOLDER(another_framework_gets_a_folder),
        IN_FOLDER(a_mean_of_networks_is_written),
        IN_FOLDER(unusable_data_leaves_no_file),
        IN_FOLDER(mistakes_are_named),
    };

    return cmocka_run_group_tests_name("tools/convert", tests, NULL, NULL);
}
