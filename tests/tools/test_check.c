/* --check: what is not a number is named, in the weights and in what goes through them. */
#include <unistd.h>

#include "patch/patch.h"
#include "tests/patch/noise.h"
#include "tests/tools/cli.h"
#include "weights/weights.h"

#define MODEL   "tests/data/golden/timm-cls"
#define PICTURE "tests/data/preprocess/fmt-420.jpg"

enum { TENSORS = 64 };

static const char *dir;

/* A copy of MODEL with the first values of a tensor changed, in dir/name. */
static const char *spoiled_model(const char *name, const char *tensor, float value, size_t values)
{
    static char path[300];
    struct weights_entry entries[TENSORS];
    struct weights_file *f;
    struct vit_error err = { 0 };
    float *copy = NULL;
    char file[400];
    size_t size;
    unsigned char *config = tmp_read(MODEL "/config.json", &size);

    snprintf(path, sizeof path, "%s/%s", dir, name);
    tmp_write(path, "config.json", config, size, NULL, 0);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_ok(weights_open(&f, MODEL "/model.safetensors", &err), &err);
    assert_true(weights_count(f) <= TENSORS);
    for (size_t i = 0; i < weights_count(f); i++) {
        const struct weights_tensor *t = weights_at(f, i);
        entries[i] =
            (struct weights_entry){ .name = t->name, .dtype = t->dtype, .rank = t->rank, .data = t->data };
        memcpy(entries[i].shape, t->shape, sizeof t->shape);
        if (strcmp(t->name, tensor) != 0) continue;
        copy = malloc(t->count * sizeof *copy);
        memcpy(copy, t->data, t->count * sizeof *copy);
        for (size_t j = 0; j < t->count && j < values; j++) copy[j] = value;
        entries[i].data = copy;
    }
    assert_non_null(copy);
    assert_ok(weights_write(file, entries, weights_count(f), NULL, 0, &err), &err);
    weights_close(f);
    free(copy);
    free(config);
    return path;
}

static void a_weight_that_is_no_number_is_exit_code_3(void **state)
{
    const char *model = spoiled_model("nan", "norm.weight", NAN, 1);
    char data[300];

    (void)state;
    snprintf(data, sizeof data, "%s/data", dir);
    noise_write(data, 20, 10, 20, 1, 0);
    EXPECT(3, NULL, "\"norm.weight\" holds nan at 0, 1 of its 48", "classify", "--check", "-m", model,
           PICTURE);
    EXPECT(3, NULL, "\"norm.weight\"", "eval", "--check", "-m", model, "--data", data, "--split", "train");
    EXPECT(3, NULL, "\"norm.weight\"", "logits", "--check", "-m", model, "-i", MODEL "/expect.safetensors",
           "-o", "/dev/null");
}

/* Without --check no layer is named; but the largest of numbers that are none is no class. */
static void an_answer_that_is_no_number_is_a_failure(void **state)
{
    const char *model = spoiled_model("head", "head.bias", NAN, 1);
    char data[300];

    (void)state;
    snprintf(data, sizeof data, "%s/data", dir);
    noise_write(data, 20, 10, 20, 1, 0);
    EXPECT(1, "", "fmt-420.jpg: the network answers nan, expected finite numbers", "classify", "-m", model,
           PICTURE);
    EXPECT(1, "\"n_failed\":20", NULL, "eval", "--json", "-q", "-m", model, "--data", data, "--split",
           "train");
}

static void an_answer_that_is_no_number_is_not_explained(void **state)
{
    const char *model = spoiled_model("answer", "head.bias", NAN, 1);
    char png[300];

    (void)state;
    snprintf(png, sizeof png, "%s/answer.png", dir);
    EXPECT(1, NULL, "fmt-420.jpg: the network answers nan, expected finite numbers", "explain", "-m", model,
           PICTURE, "-o", png);
    assert_int_not_equal(access(png, F_OK), 0);
}

/* 3e38 is finite; 3e38 times a normalised value is not, where that is above 1.13: some are among 48. */
static void an_overflow_fails_the_picture_and_names_the_layer(void **state)
{
    const char *model = spoiled_model("large", "norm.weight", 3e38f, SIZE_MAX);
    char data[300];

    (void)state;
    snprintf(data, sizeof data, "%s/data", dir);
    noise_write(data, 20, 10, 20, 1, 0);
    EXPECT(1, "", "fmt-420.jpg: the head: a value is", "classify", "--check", "-m", model, PICTURE);
    EXPECT(1, "\"n_failed\":20", NULL, "eval", "--check", "--json", "-q", "-m", model, "--data", data,
           "--split", "train");
}

static void attention_that_is_no_number_is_not_drawn(void **state)
{
    const char *model = spoiled_model("nan1", "blocks.1.norm1.weight", NAN, 1);
    char png[300];

    (void)state;
    snprintf(png, sizeof png, "%s/x.png", dir);
    EXPECT(1, "", "fmt-420.jpg: attention is", "explain", "-m", model, PICTURE, "-o", png);
    assert_int_not_equal(access(png, F_OK), 0);
}

static void sound_numbers_pass(void **state)
{
    struct run plain = VIT("classify", PICTURE), checked = VIT("classify", "--check", PICTURE);

    (void)state;
    assert_string_equal(plain.out, checked.out);
    expect(&plain, 0, "", NULL);
    expect(&checked, 0, "", NULL);
}

static void a_pixel_that_is_no_number_is_named(void **state)
{
    float planes[2 * 3 * 32 * 32] = { 0 };
    const struct weights_entry entry = { "input", WEIGHTS_F32, 4, { 2, 3, 32, 32 }, planes };
    struct vit_error err = { 0 };
    char in[300], out[300];

    (void)state;
    snprintf(in, sizeof in, "%s/in.safetensors", dir);
    snprintf(out, sizeof out, "%s/out.safetensors", dir);
    planes[3 * 32 * 32 + 7] = NAN;
    assert_ok(weights_write(in, &entry, 1, NULL, 0, &err), &err);
    EXPECT(3, NULL, "in.safetensors: picture 1: the pixels: a value is nan", "logits", "--check", "-m", MODEL,
           "-i", in, "-o", out);
    EXPECT(0, NULL, NULL, "logits", "-q", "-m", MODEL, "-i", in, "-o", out);
}

static int setup(void **state)
{
    dir = tmp_fixture(state, TMP_PATH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_that_is_no_number_is_exit_code_3),
        cmocka_unit_test(an_answer_that_is_no_number_is_a_failure),
        cmocka_unit_test(an_answer_that_is_no_number_is_not_explained),
        cmocka_unit_test(an_overflow_fails_the_picture_and_names_the_layer),
        cmocka_unit_test(attention_that_is_no_number_is_not_drawn),
        cmocka_unit_test(sound_numbers_pass),
        cmocka_unit_test(a_pixel_that_is_no_number_is_named),
    };

    return cmocka_run_group_tests(tests, setup, tmp_teardown);
}
