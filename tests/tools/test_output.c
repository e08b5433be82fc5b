/* Files and streams that results go to: what cannot be written is known, nothing is replaced that is read,
 * and one stream has one format. */
#include <unistd.h>

#include "tests/tools/cli.h"

#define MODEL   "tests/data/golden/timm-cls"
#define PICTURE "tests/data/preprocess/fmt-420.jpg"
#define OTHER   "tests/data/preprocess/small-97x61.png"

/* Only report writes what is asked for to standard output; elsewhere "-" would be a file of that name. */
static void a_dash_is_no_file_to_write(void **state)
{
    (void)state;
    EXPECT(2, NULL, "--predictions: expected a file, found \"-\"", "eval", "-m", MODEL, "--data", "x",
           "--predictions", "-");
    EXPECT(2, NULL, "--logits: expected a file, found \"-\"", "eval", "-m", MODEL, "--data", "x", "--logits",
           "-");
    EXPECT(2, NULL, "--output: expected a file, found \"-\"", "embed", "-m", MODEL, PICTURE, "-o", "-");
    EXPECT(2, NULL, "--output: expected a file, found \"-\"", "logits", "-m", MODEL, "-i",
           MODEL "/expect.safetensors", "-o", "-");
    assert_int_not_equal(access("-", F_OK), 0);
}

static void no_result_is_lost_silently(void **state)
{
    const struct run_input full = { .out_path = "/dev/full" };
    struct run r;
    (void)state;

    if (access("/dev/full", W_OK)) skip();
    r = run_vit((const char *const[]){ "classify", "-m", MODEL, PICTURE, NULL }, &full);
    expect(&r, 1, NULL, "standard output: cannot be written");
    r = run_vit((const char *const[]){ "info", "--json", NULL }, &full);
    expect(&r, 1, NULL, "standard output: cannot be written");
}

/* As in vit ... | head: the reader had enough. The shell writes until it sees that nobody reads. */
static void a_reader_that_went_is_no_fault(void **state)
{
    static const char SCRIPT[] =
        "trap '' PIPE; { while printf x; do sleep 0.01; done 2>/dev/null; \"$0\" help --man;"
        " echo \"code $?\" >&2; } | true";
    const char *const argv[] = { "/bin/sh", "-c", SCRIPT, run_binary(), NULL };
    struct run r;
    (void)state;

    assert_true(run_program(&r, argv, NULL));
    assert_string_equal(r.err, "code 141\n"); /* 128 + SIGPIPE */
    run_free(&r);
}

static void what_cannot_be_written_is_code_1(void **state)
{
    (void)state;
    EXPECT(1, NULL, "/no/where", "logits", "-m", MODEL, "-i", MODEL "/expect.safetensors", "-o", "/no/where");
    EXPECT(1, NULL, "/no/where", "embed", "-m", MODEL, PICTURE, "-o", "/no/where");
    EXPECT(1, NULL, "/no/where.png", "preprocess", "-m", MODEL, PICTURE, "-o", "/no/where.png");
}

/* Before the work, not after it: nothing is computed that would be lost. */
static void what_cannot_be_written_is_known_at_once(void **state)
{
    static const char *const OPTIONS[] = { "--predictions", "--logits" };
    char dir[TMP_PATH];
    (void)state;

    tmp_create(dir, sizeof dir);
    for (size_t i = 0; i < VIT_COUNT(OPTIONS); i++) {
        EXPECT(1, NULL, "/no/where: cannot be created", "eval", "-m", MODEL, "--data", "no data set",
               OPTIONS[i], "/no/where");
        EXPECT(1, NULL, "cannot be written: Is a directory", "eval", "-m", MODEL, "--data", "no data set",
               OPTIONS[i], dir);
    }
    EXPECT(1, NULL, "/no/where: cannot be created", "embed", "-m", "no model", PICTURE, "-o", "/no/where");
    EXPECT(1, NULL, "/no/where: cannot be created", "logits", "-m", MODEL, "-i", "no file", "-o",
           "/no/where");
    EXPECT(0, NULL, NULL, "embed", "-m", MODEL, PICTURE, "-o", "/dev/null");
    assert_int_equal(tmp_count(dir), 0);
    tmp_remove(dir);
}

/* The lines that say which row is whose cannot be printed, after the first picture or after the last. */
static void an_array_that_lacks_rows_is_not_written(void **state)
{
    static const struct {
        const char *batch, *second;
        size_t rows; /* 0: not written */
    } ROWS[] = { { "-b1", OTHER, 0 }, { "-b2", "-", 0 }, { "-b2", OTHER, 2 } };
    const struct run_input full = { .out_path = "/dev/full" };
    char dir[TMP_PATH], npy[300];
    (void)state;

    if (access("/dev/full", W_OK)) skip();
    tmp_create(dir, sizeof dir);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const char *words[] = { "embed", "-m",           MODEL, "--json", ROWS[i].batch,
                                PICTURE, ROWS[i].second, "-o",  npy,      NULL };
        struct run r;
        size_t size;

        tmp_write(dir, "o.npy", "old", 3, npy, sizeof npy);
        r = run_vit(words, &full);
        expect(&r, 1, NULL,
               ROWS[i].rows ? "standard output: cannot be written"
                            : "o.npy: not written: standard output broke before the last picture");
        free(tmp_read(npy, &size));
        assert_int_equal(size, ROWS[i].rows ? 128 + ROWS[i].rows * 48 * sizeof(float) : 3);
    }
    tmp_remove(dir);
}

/* Nothing is written over what is read, nor under a name that says another format. */
static void an_output_is_neither_the_input_nor_another_format(void **state)
{
    char dir[256], picture[300], tensors[300];
    unsigned char *bytes, *again;
    size_t size, found;
    (void)state;

    tmp_create(dir, sizeof dir);
    bytes = tmp_read(OTHER, &size);
    tmp_write(dir, "x.png", bytes, size, picture, sizeof picture);
    EXPECT(2, NULL, "--output: expected another file than the one that is read", "preprocess", "-m", MODEL,
           picture, "-o", picture);
    EXPECT(2, NULL, "--output: expected another file than the one that is read", "explain", "-m", MODEL,
           picture, "-o", picture);
    again = tmp_read(picture, &found);
    assert_int_equal(found, size);
    assert_memory_equal(again, bytes, size);
    free(again);
    free(bytes);
    bytes = tmp_read(MODEL "/expect.safetensors", &size);
    tmp_write(dir, "x.safetensors", bytes, size, tensors, sizeof tensors);
    EXPECT(2, NULL, "another file than the one that is read", "logits", "-m", MODEL, "-i", tensors, "-o",
           tensors);
    EXPECT(2, NULL, "expected a name for a npy file", "embed", "-m", MODEL, PICTURE, "-o", "x.txt");
    EXPECT(2, NULL, "expected a name for a safetensors file", "logits", "-m", MODEL, "-i", tensors, "-o",
           "x.npy");
    EXPECT(2, NULL, "expected a name for a safetensors file", "eval", "-m", MODEL, "--data", "x", "--logits",
           "x.csv");
    free(bytes);
    tmp_remove(dir);
}

static void a_picture_of_a_list_is_no_output(void **state)
{
    char dir[TMP_PATH], picture[300], list[300], text[400];
    unsigned char *bytes, *again;
    size_t size, found;
    (void)state;

    tmp_create(dir, sizeof dir);
    bytes = tmp_read(OTHER, &size);
    tmp_write(dir, "picture", bytes, size, picture, sizeof picture);
    snprintf(text, sizeof text, PICTURE "\n%s/./picture\n", dir);
    tmp_write(dir, "list.txt", text, strlen(text), list, sizeof list);
    EXPECT(2, "", "--output: expected another file than the one that is read", "embed", "-m", MODEL, list,
           "-o", picture);
    again = tmp_read(picture, &found);
    assert_int_equal(found, size);
    assert_memory_equal(again, bytes, size);
    free(again);
    free(bytes);
    tmp_remove(dir);
}

/* As a shell makes it of `-o *` when the name that was meant is forgotten. */
static void a_picture_is_no_name_for_an_output(void **state)
{
    static const char *const NAMES[] = { "x.jpeg", "x.JPG", "x.bmp", "x.ppm", "x.pgm", "x.webp", "x.gif" };
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        EXPECT(2, NULL, "expected a name for a npy file", "embed", "-m", MODEL, PICTURE, "-o", NAMES[i]);
        EXPECT(2, NULL, "expected a name for a csv file", "eval", "-m", MODEL, "--data", "x", "--predictions",
               NAMES[i]);
    }
}

static void a_network_is_not_replaced_by_its_answers(void **state)
{
    char dir[TMP_PATH], model[300];
    unsigned char *bytes, *again;
    size_t size, found;
    (void)state;

    tmp_create(dir, sizeof dir);
    bytes = tmp_read(MODEL "/model.safetensors", &size);
    tmp_write(dir, "model.safetensors", bytes, size, model, sizeof model);
    EXPECT(2, NULL, "another file than the one that is read", "logits", "-m", model, "-i",
           MODEL "/expect.safetensors", "-o", model);
    EXPECT(2, NULL, "another file than the one that is read", "logits", "-m", dir, "-i",
           MODEL "/expect.safetensors", "-o", model);
    EXPECT(2, NULL, "another file than the one that is read", "eval", "-m", model, "--data", "x", "--logits",
           model);
    EXPECT(2, NULL, "another file than the one that is read", "preprocess", "-m", model, PICTURE, "-o",
           model);
    again = tmp_read(model, &found);
    assert_int_equal(found, size);
    assert_memory_equal(again, bytes, size);
    free(again);
    free(bytes);
    tmp_remove(dir);
}

/* What the verb prints would be lost with the file that is replaced, and what stood in it. */
static void a_file_that_the_shell_writes_is_no_output(void **state)
{
    static const char *const NAMES[] = { "/dev/stdout", NULL };
    char dir[TMP_PATH], log[300], *text;
    (void)state;

    tmp_create(dir, sizeof dir);
    tmp_write(dir, "log", "earlier", 7, log, sizeof log);
    for (int i = 0; i < 2; i++) {
        const struct run_input input = { .out_path = log };
        const char *words[] = {
            "eval", "-m", MODEL, "--data", "x", "--predictions", NAMES[i] ? NAMES[i] : log, NULL
        };
        struct run r = run_vit(words, &input);
        expect(&r, 2, NULL, "--predictions: expected another file than the one that standard output goes to");
    }
    text = tmp_text(dir, "log");
    assert_string_equal(text, "earlier");
    free(text);
    tmp_remove(dir);
}

/* Whoever reads a pipe gets one format; what nobody reads may be mixed. */
static void results_and_an_output_share_no_pipe(void **state)
{
#define PIPE "another file than the one that standard output goes to, found /dev/stdout"
    static const struct {
        const char *words[12];
        const char *out, *err;
    } ROWS[] = {
        { { "embed", "-m", MODEL, PICTURE, "-o", "/dev/stdout" }, "\x93NUMPY", "code 0" },
        { { "embed", "-m", MODEL, PICTURE, "-o", "/dev/stdout", "--json" },
          NULL,
          "--output: expected " PIPE },
        { { "logits", "-m", MODEL, "-i", MODEL "/expect.safetensors", "-o", "/dev/stdout", "--json" },
          NULL,
          "--output: expected " PIPE },
        { { "eval", "-m", MODEL, "--data", "x", "--predictions", "/dev/stdout" },
          NULL,
          "--predictions: expected " PIPE },
        { { "eval", "-m", MODEL, "--data", "x", "--logits", "/dev/stdout" },
          NULL,
          "--logits: expected " PIPE },
        { { "convert", MODEL, "/dev/stdout", "--force" }, NULL, "OUT: expected " PIPE },
    };
#undef PIPE
    static const char SCRIPT[] = "{ \"$0\" \"$@\"; echo \"code $?\" >&2; } | cat";
    static const char *const NOWHERE[] = { "eval",          "-m",        MODEL, "--data", "x",
                                           "--predictions", "/dev/null", NULL };
    const struct run_input nowhere = { .out_path = "/dev/null" };
    struct run r;
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const char *argv[16] = { "/bin/sh", "-c", SCRIPT, run_binary() };

        memcpy(argv + 4, ROWS[i].words, sizeof ROWS[i].words);
        assert_true(run_program(&r, argv, NULL));
        assert_says("stderr", r.err, ROWS[i].out ? "code 0" : "code 2");
        expect(&r, 0, ROWS[i].out, ROWS[i].err);
    }
    r = run_vit(NOWHERE, &nowhere);
    expect(&r, 3, NULL, "x: no such data set");
}

/* Whether it is there yet or not, and by whatever path. */
static void two_outputs_are_two_files(void **state)
{
    char dir[TMP_PATH], one[300], same[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(one, sizeof one, "%s/o", dir);
    snprintf(same, sizeof same, "%s/./o", dir);
    for (int i = 0; i < 2; i++) {
        EXPECT(2, NULL, "--predictions, --logits: expected two files", "eval", "-m", MODEL, "--data", "x",
               "--predictions", one, "--logits", same);
        tmp_write(dir, "o", "old", 3, NULL, 0);
    }
    EXPECT(2, NULL, "another file than the one that is read", "embed", "-m", MODEL, PICTURE, one, "-o", same);
    EXPECT(3, NULL, "no data set", "eval", "-m", MODEL, "--data", "no data set", "--predictions", "/dev/null",
           "--logits", "/dev/null");
    tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dash_is_no_file_to_write),
        cmocka_unit_test(no_result_is_lost_silently),
        cmocka_unit_test(a_reader_that_went_is_no_fault),
        cmocka_unit_test(what_cannot_be_written_is_code_1),
        cmocka_unit_test(what_cannot_be_written_is_known_at_once),
        cmocka_unit_test(an_array_that_lacks_rows_is_not_written),
        cmocka_unit_test(an_output_is_neither_the_input_nor_another_format),
        cmocka_unit_test(a_picture_of_a_list_is_no_output),
        cmocka_unit_test(a_picture_is_no_name_for_an_output),
        cmocka_unit_test(a_network_is_not_replaced_by_its_answers),
        cmocka_unit_test(a_file_that_the_shell_writes_is_no_output),
        cmocka_unit_test(results_and_an_output_share_no_pipe),
        cmocka_unit_test(two_outputs_are_two_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
