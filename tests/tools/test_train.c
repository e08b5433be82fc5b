/* vit train as a user meets it: a tiny network on coloured noise, interrupted in every way. */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/kern.h"
#include "tests/patch/noise.h"
#include "tests/support/lines.h"
#include "tests/support/run.h"
#include "tests/tools/again.h"
#include "tools/train.h"
#include "vit/config_json.h"
#include "vit/train.h"

enum { PICTURES = 100, CLASSES = 4, BATCH = 8 /* of TINY */ };

struct fixture {
    char dir[TMP_PATH], data[300], out[300], other[300];
};

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->data, sizeof f->data, "%s/data", f->dir);
    snprintf(f->out, sizeof f->out, "%s/out", f->dir);
    snprintf(f->other, sizeof f->other, "%s/a/b/other", f->dir);
    noise_write(f->data, PICTURES, CLASSES, 40, 1, 0);
    return 0;
}

/* ---- running ---- */

/* A network and recipe with everything random in it; 10 steps an epoch, 30 in all: 33 lines of log. */
static const char *const TINY[] = {
    "--width",     "16",          "--depth",     "2",   "--heads",     "2",   "--patch",      "16",
    "--batch",     "8",           "--epochs",    "3",   "--val",       "0.2", "--ema",        "0.9",
    "--drop-path", "0.2",         "--cutmix",    "1",   "--mixup",     "0.5", "--mix-off",    "0.3",
    "--augment",   "autoaugment", "--attn-drop", "0.1", "--log-every", "1",   "--patch-drop", "0.25",
    "--erase",     "0.5",         "-t",          "1",   NULL
};

static struct run train(bool tiny, const char *const *words)
{
    return run_verb("train", tiny ? TINY : NULL, words);
}
#define EXPECT(code, part, tiny, ...)                                                                        \
    do {                                                                                                     \
        struct run run_ = train(tiny, (const char *const[]){ __VA_ARGS__, NULL });                           \
        run_expect(&run_, code, part);                                                                       \
    } while (0)

/* ---- what it left ---- */

static void assert_same_run(const char *a, const char *b)
{
    tmp_assert_same(a, b, "model.safetensors");
    tmp_assert_same(a, b, "config.json");
    lines_assert_same(a, b, "log.jsonl");
}

/* Times aside. */
static bool same_losses(const char *a, const char *b)
{
    json_t *x = lines_of(a, "log.jsonl"), *y = lines_of(b, "log.jsonl");
    const bool same = json_equal(x, y);

    json_decref(x);
    json_decref(y);
    return same;
}

static bool same_file(const char *a, const char *b, const char *name)
{
    char left[600], right[600];
    size_t left_size, right_size;
    unsigned char *x, *y;
    bool same;

    snprintf(left, sizeof left, "%s/%s", a, name);
    snprintf(right, sizeof right, "%s/%s", b, name);
    x = tmp_read(left, &left_size), y = tmp_read(right, &right_size);
    same = left_size == right_size && memcmp(x, y, left_size) == 0;
    free(x);
    free(y);
    return same;
}

/* ---- killing ---- */

#define INTERRUPT(dir, lines, number, ...)                                                                   \
    run_interrupted("train", TINY, (const char *const[]){ __VA_ARGS__, NULL }, dir, "log.jsonl", lines,      \
                    number)

/* ---- facts ---- */

/* Long enough that a signal meant for the middle does not come too late: 200 steps, 220 lines. ENDLESS, where
 * nobody waits for the end. */
#define LONG    "--epochs", "20"
#define ENDLESS "--epochs", "1000000"

static void a_run_killed_at_any_moment_ends_with_the_same_bits(void **state)
{
    struct fixture *f = *state;
    int killed = 0;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, LONG);
    for (int lines = 1; lines < 200; lines += 31)
        killed += INTERRUPT(f->other, lines, SIGKILL, "-d", f->data, "--resume", f->other,
                            "--checkpoint-every", "3", LONG) == 128 + SIGKILL;
    assert_true(killed > 0);
    EXPECT(0, "", true, "-d", f->data, "--resume", f->other, LONG);
    assert_same_run(f->out, f->other);
}

static void an_interrupted_run_saves_its_state_and_says_130(void **state)
{
    static const int SIGNALS[] = { SIGINT, SIGTERM, SIGINT };
    struct fixture *f = *state;
    char path[400];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, LONG);
    snprintf(path, sizeof path, "%s/state.safetensors", f->other);
    for (int i = 0; i < 3; i++) {
        const int lines = tmp_lines(f->other, "log.jsonl") + 3; /* it has begun when there are more */
        assert_int_equal(INTERRUPT(f->other, lines, SIGNALS[i], "-d", f->data, "--resume", f->other, LONG),
                         130);
        assert_int_equal(access(path, F_OK), 0);
    }
    EXPECT(0, "", false, "--resume", f->other, "-t", "1"); /* everything else is in the state */
    assert_same_run(f->out, f->other);
}

/* Two minutes before a state would be due. */
static void a_run_killed_in_its_first_steps_keeps_its_settings(void **state)
{
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, LONG);
    assert_int_equal(INTERRUPT(f->other, 1, SIGKILL, "-d", f->data, "-o", f->other, LONG), 128 + SIGKILL);
    EXPECT(0, "", false, "--resume", f->other, "-t", "1");
    assert_same_run(f->out, f->other);
}

static void a_run_follows_its_pictures_to_another_place(void **state)
{
    struct fixture *f = *state;
    char moved[400];

    snprintf(moved, sizeof moved, "%s/moved", f->dir);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, LONG);
    assert_int_equal(INTERRUPT(f->other, 13, SIGINT, "-d", f->data, "-o", f->other, LONG), 130);
    assert_int_equal(rename(f->data, moved), 0);
    EXPECT(3, "no such data set", false, "--resume", f->other);
    noise_write(f->data, PICTURES, CLASSES - 1, 40, 1, 0);
    EXPECT(3, "began with other classes, labels or files", false, "--resume", f->other);
    EXPECT(0, "", false, "--resume", f->other, "--data", moved, "-t", "1");
    assert_same_run(f->out, f->other);
    EXPECT(0, "nothing is left to do", false, "--resume", f->other, "--data", moved); /* where it now lies */
    EXPECT(2, "which has other classes, labels or files", false, "--resume", f->other, "--data", f->data);
    EXPECT(3, "vit: nowhere: no such data set", false, "--resume", f->other, "--data", "nowhere");
    EXPECT(3, ": not a data set", false, "--resume", f->other, "--data", f->other);
}

static void threads_change_no_bit(void **state)
{
    struct fixture *f = *state;

    SKIP_ON_BLAS();
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "-t", "2");
    assert_same_run(f->out, f->other);
}

static void other_settings_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    char *before, *after, data[400];

    snprintf(data, sizeof data, "%s/others", f->dir);
    noise_write(data, PICTURES, CLASSES - 1, 40, 1, 0);
    assert_int_equal(INTERRUPT(f->out, 5, SIGINT, "-d", f->data, "-o", f->out, "--kernels", "ref", ENDLESS),
                     130);
    before = tmp_text(f->out, "log.jsonl");
    EXPECT(2, "--lr: the run in", true, "-d", f->data, "--resume", f->out, ENDLESS, "--lr", "0.5");
    EXPECT(2, "--seed: the run in", false, "--resume", f->out, "--seed", "1");
    EXPECT(2, "--preset: the run in", false, "--resume", f->out, "--preset", "accurate");
    EXPECT(2, "--qk-norm: the run in", false, "--resume", f->out, "--qk-norm");
    EXPECT(2, "out has \"off\", found \"on\"", false, "--resume", f->out, "--qk-norm");
    EXPECT(2, "--val-split: the run in", false, "--resume", f->out, "--val-split");
    EXPECT(2, "out has --val 0.2", false, "--resume", f->out, "--val-split");
    EXPECT(2, "--data: the run in", false, "--resume", f->out, "--data", data);
    EXPECT(2, "--kernels: the run in", false, "--resume", f->out, "--kernels", "ref+vec");
    after = tmp_text(f->out, "log.jsonl");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void a_finished_run_has_nothing_left_to_do(void **state)
{
    struct fixture *f = *state;
    struct run r;
    json_t *result;

    EXPECT(0, "holds no state yet: the run starts from its beginning", true, "-d", f->data, "--resume",
           f->out);
    r = train(false, (const char *const[]){ "--resume", f->out, "--json", NULL });
    result = json_loads(r.out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(result, "status")), "done");
    assert_true(json_is_null(json_object_get(result, "reason")));
    assert_int_equal(json_integer_value(json_object_get(result, "steps")), 30);
    assert_int_equal(json_integer_value(json_object_get(result, "val_n")), 20);
    json_decref(result);
    run_expect(&r, 0, "finished");
}

static void another_run_is_not_overwritten(void **state)
{
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "-q");
    EXPECT(2, "is not empty", true, "-d", f->data, "-o", f->out, "--seed", "9");
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--seed", "9", "--force");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--seed", "9");
    assert_same_run(f->out, f->other);
}

/* As where the first look at the folder found nothing in it. */
static void a_run_that_has_ended_meanwhile_stays(void **state)
{
    static const struct recipe_words WORDS = { .text = { [RECIPE_WIDTH] = "16",
                                                         [RECIPE_HEADS] = "2",
                                                         [RECIPE_PATCH] = "16",
                                                         [RECIPE_BATCH] = "8",
                                                         [RECIPE_EPOCHS] = "1" } };
    const struct cmd_common common = { .quiet = true, .threads = 1 };
    struct fixture *f = *state;
    struct recipe_texts texts = { { 0 } };
    struct train_job job = { .common = &common, .texts = &texts, .data = f->data, .out = f->out };
    struct train_result result;
    struct vit_error err;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1");
    assert_ok(recipe_texts_words(&texts, &WORDS, &err), &err);
    assert_ok(recipe_texts_preset(&texts, &err), &err);
    assert_ok(recipe_parse(&job.recipe, &texts, &err), &err);
    assert_int_equal(train_run(&job, &result), CMD_USAGE);
    assert_same_run(f->out, f->other);
    recipe_texts_free(&texts);
}

/* A link that leads to itself cannot be listed by anybody; folders that may not be are named alike. */
static void a_folder_that_cannot_be_listed_is_named(void **state)
{
    static const char PART[] = "out: cannot be listed: ";
    struct fixture *f = *state;

    assert_int_equal(symlink("out", f->out), 0);
    EXPECT(3, PART, true, "-d", f->data, "-o", f->out);
    EXPECT(3, PART, true, "-d", f->data, "-o", f->out, "--force");
    EXPECT(3, PART, false, "--resume", f->out);
}

/* A folder is in the place of the last of them. */
static void files_that_cannot_be_replaced_keep_the_others(void **state)
{
    struct fixture *f = *state;
    char path[400];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1");
    snprintf(path, sizeof path, "%s/config.json", f->out);
    assert_int_equal(unlink(path), 0);
    tmp_write(path, "x", "", 0, NULL, 0);
    EXPECT(3, "out/config.json: cannot be written: Is a directory", true, "-d", f->data, "-o", f->out,
           "--force");
    assert_true(tmp_has(f->out, "state.safetensors"));
    tmp_assert_same(f->out, f->other, "model.safetensors");
    lines_assert_same(f->out, f->other, "log.jsonl");
}

/* --force is for a run: what else is in a folder stays. */
static void a_folder_that_holds_no_run_is_never_replaced(void **state)
{
    struct fixture *f = *state;
    char *model;

    tmp_write(f->out, "model.safetensors", "weights", 7, NULL, 0);
    EXPECT(2, "is not empty, and holds no run", true, "-d", f->data, "-o", f->out, "--force");
    model = tmp_text(f->out, "model.safetensors");
    assert_string_equal(model, "weights");
    assert_false(tmp_has(f->out, "log.jsonl"));
    free(model);
}

static void settings_that_are_wrong_replace_no_run(void **state)
{
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1");
    EXPECT(2, "there are 80 training pictures: expected --batch 80 or less", true, "-d", f->data, "-o",
           f->out, "--force", "--batch", "81");
    EXPECT(3, "nowhere", true, "-d", "nowhere", "-o", f->out, "--force");
    assert_same_run(f->out, f->other);
}

/* The digit of a version in the note of a state, and nothing that says that the run is over. */
static void set_version(const char *folder, char version)
{
    static const char KEY[] = "version\\\":";
    size_t size;
    unsigned char *bytes;
    char path[400], *at;

    snprintf(path, sizeof path, "%s/state.safetensors", folder);
    bytes = tmp_read(path, &size);
    at = memmem(bytes, size, KEY, strlen(KEY));
    assert_non_null(at);
    at[strlen(KEY)] = version;
    tmp_write(folder, "state.safetensors", bytes, size, NULL, 0);
    free(bytes);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(unlink(path), 0); /* else a finished run is not gone on with */
}

/* Before version 2 borders were of 4 pixels at every size: at 32 they still are. */
static void a_state_of_another_version_goes_on_only_as_it_began(void **state)
{
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    set_version(f->out, '1');
    EXPECT(0, "", false, "--resume", f->out);
    set_version(f->out, '3');
    EXPECT(3, "is of version 3, expected at most 2", false, "--resume", f->out);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--image", "16", "--patch", "8");
    set_version(f->other, '1');
    EXPECT(3, "pictures of 16 pixels were cropped in another way", false, "--resume", f->other);
}

/* A downloaded network in the place of a run: it is not cleared away for a new one. */
static void a_folder_that_is_no_run_is_left_alone(void **state)
{
    static const char CONFIG[] = "{\"model_type\": \"vit\"}";
    struct fixture *f = *state;
    char *config, *model;

    tmp_write(f->out, "config.json", CONFIG, strlen(CONFIG), NULL, 0);
    tmp_write(f->out, "model.safetensors", "weights", 7, NULL, 0);
    EXPECT(2, "holds a network, and no run to go on with; --from", true, "-d", f->data, "--resume", f->out);
    config = tmp_text(f->out, "config.json");
    model = tmp_text(f->out, "model.safetensors");
    assert_string_equal(config, CONFIG);
    assert_string_equal(model, "weights");
    free(config);
    free(model);
}

/* The one above it, by mistake. */
static void the_folder_of_a_sweep_or_of_runs_is_no_run(void **state)
{
    struct fixture *f = *state;
    char path[400];

    tmp_write(f->out, "sweep.json", "{}", 2, NULL, 0);
    EXPECT(2, "holds runs in folders of their own, expected the folder of one", true, "-d", f->data,
           "--resume", f->out);
    snprintf(path, sizeof path, "%s/a", f->other);
    EXPECT(0, "", true, "-d", f->data, "-o", path, "--epochs", "1", "-q");
    EXPECT(2, "holds runs in folders of their own, expected the folder of one", true, "-d", f->data,
           "--resume", f->other);
    EXPECT(0, "this run is finished", true, "--resume", path, "--epochs", "1");
}

/* A scheduler's, or a note. */
static void a_file_that_is_not_in_the_way_stays(void **state)
{
    struct fixture *f = *state;
    char *text;

    tmp_write(f->out, "out.txt", "job 7", 5, NULL, 0);
    EXPECT(0, "holds no state yet", true, "-d", f->data, "--resume", f->out, "--epochs", "1");
    text = tmp_text(f->out, "out.txt");
    assert_string_equal(text, "job 7");
    free(text);
}

/* A state is large, and who needs none any more takes it away: the model stays. */
static void a_model_without_its_state_is_left_alone(void **state)
{
    struct fixture *f = *state;
    char path[400];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "-q");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "-q");
    snprintf(path, sizeof path, "%s/state.safetensors", f->out);
    assert_int_equal(remove(path), 0);
    EXPECT(2, "and no state to go on from", true, "--resume", f->out);
    snprintf(path, sizeof path, "%s/state.safetensors", f->other);
    assert_int_equal(remove(path), 0);
    assert_same_run(f->out, f->other);
}

/* Killed between the last state and the end: what is missing is written. */
static void a_missing_model_is_written_again(void **state)
{
    static const char *const NAMES[] = { "model.safetensors", "config.json" };
    struct fixture *f = *state;
    char path[400];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "-q");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "-q");
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        snprintf(path, sizeof path, "%s/%s", f->out, NAMES[i]);
        assert_int_equal(remove(path), 0);
        EXPECT(0, "", true, "--resume", f->out);
        assert_same_run(f->out, f->other);
    }
}

static void what_a_failed_start_leaves_is_no_run(void **state)
{
    struct fixture *f = *state;

    EXPECT(2, "--batch 81: there are 80 training pictures", true, "-d", f->data, "-o", f->out, "--batch",
           "81");
    assert_false(tmp_has(f->dir, "out")); /* found before anything was made */
    EXPECT(2, "--warmup: expected 0 to 30 steps", true, "-d", f->data, "-o", f->out, "--warmup", "31");
    tmp_write(f->out, "log.jsonl", "", 0, NULL, 0);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(2, "data: is not empty, and holds no run", true, "-d", f->data, "-o", f->data);
}

static void kernels_that_this_cpu_lacks_are_wrong_usage(void **state)
{
    struct fixture *f = *state;
    const struct kern_overlay *k;

    for (int i = 0; (k = kern_overlay(i)); i++)
        if (!k->available)
            EXPECT(2, "--kernels: kernels", true, "-d", f->data, "-o", f->out, "--kernels", k->name);
}

static void divergence_is_exit_code_4_with_step_and_rate(void **state)
{
    struct fixture *f = *state;
    json_t *lines, *last;

    EXPECT(4, "learning rate 1e+06", true, "-d", f->data, "-o", f->out, "--lr", "1e6", "--clip", "0",
           "--warmup", "0", "--schedule", "constant", "--epochs", "30");
    lines = lines_of(f->out, "log.jsonl");
    last = json_array_get(lines, json_array_size(lines) - 1);
    assert_true(json_is_true(json_object_get(last, "diverged")));
    assert_int_equal(json_integer_value(json_object_get(last, "step")), json_array_size(lines));
    json_decref(lines);
}

static void divergence_is_an_object_too(void **state)
{
    static const char *const UNKNOWN[] = { "train_loss", "val_loss", "val_top1", "val_top1_ci95" };
    struct fixture *f = *state;
    const char *const begin[] = { "-d",     f->data, "-o",     f->out,   "--lr",    "1e9", "--warmup", "0",
                                  "--clip", "0",     "--norm", "rezero", "--width", "64",  "--json",   NULL },
                      *const again[] = { "--resume", f->out, "--json", "-t", "1", NULL };

    for (int i = 0; i < 2; i++) {
        struct run r = train(i == 0, i ? again : begin);
        json_t *result = json_loads(r.out, 0, NULL);

        assert_non_null(result);
        assert_string_equal(json_string_value(json_object_get(result, "status")), "diverged");
        assert_non_null(strstr(json_string_value(json_object_get(result, "reason")), "is not finite"));
        assert_int_equal(json_integer_value(json_object_get(result, "epochs")), 0);
        for (size_t k = 0; k < VIT_COUNT(UNKNOWN); k++)
            assert_true(json_is_null(json_object_get(result, UNKNOWN[k])));
        json_decref(result);
        run_expect(&r, 4, "is not finite");
    }
}

/* No loss of a further step tells what the last one did: that of the validation must. */
static void a_network_lost_by_its_last_step_has_diverged(void **state)
{
    struct fixture *f = *state;
    char model[400];
    json_t *lines, *last;

    EXPECT(4, "diverged at step 1, learning rate 1e+09: the loss on the validation pictures is not finite",
           true, "-d", f->data, "-o", f->out, "--lr", "1e9", "--warmup", "0", "--epochs", "1", "--batch",
           "80", "--width", "64", "--norm", "rezero");
    lines = lines_of(f->out, "log.jsonl");
    last = json_array_get(lines, json_array_size(lines) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "kind")), "epoch");
    assert_true(json_is_true(json_object_get(last, "diverged")));
    assert_true(json_is_null(json_object_get(last, "val_loss")));
    json_decref(lines);
    snprintf(model, sizeof model, "%s/model.safetensors", f->out);
    assert_int_equal(access(model, F_OK), -1);
}

static void a_network_lost_by_its_last_step_has_diverged_without_validation_too(void **state)
{
    struct fixture *f = *state;
    json_t *lines, *last;

    EXPECT(4, "diverged at step 1, learning rate 1e+09: the network's answer is not finite", true, "-d",
           f->data, "-o", f->out, "--lr", "1e9", "--warmup", "0", "--epochs", "1", "--batch", "100",
           "--width", "64", "--norm", "rezero", "--val", "0");
    lines = lines_of(f->out, "log.jsonl");
    last = json_array_get(lines, json_array_size(lines) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "kind")), "epoch");
    assert_true(json_is_true(json_object_get(last, "diverged")));
    json_decref(lines);
    assert_false(tmp_has(f->out, "model.safetensors"));
}

/* Two would destroy each other's files. */
static void a_folder_has_one_run_at_a_time(void **state)
{
    struct fixture *f = *state;
    char path[400];
    int log;

    tmp_write(f->out, "log.jsonl", "", 0, path, sizeof path);
    log = open(path, O_RDWR);
    assert_true(log >= 0);
    assert_int_equal(flock(log, LOCK_EX), 0);
    EXPECT(3, "out/log.jsonl: another run is writing to it", true, "-d", f->data, "-o", f->out);
    assert_int_equal(close(log), 0);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
}

/* Waits for the first lines of out's log, and then does as one who takes the folder for something else: it is
 * moved away, and if again is set there is another run's log. At the end there is f->dir/moved. */
static pid_t move_away(const struct fixture *f, bool again)
{
    const pid_t child = fork();
    bool moved;

    assert_true(child >= 0);
    if (child) return child;
    alarm(60); /* where there never is a line */
    while (tmp_lines(f->out, "log.jsonl") < 3) usleep(200);
    tmp_write(f->dir, "a/b/new", "", 0, NULL, 0); /* makes the folder that f->other lies in */
    moved = !rename(f->out, f->other);
    if (again) tmp_write(f->out, "log.jsonl", "{}\n", 3, NULL, 0);
    tmp_write(f->dir, "moved", "\n", 1, NULL, 0);
    _exit(moved ? 0 : 1);
}

static void assert_ended(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The state of the one would lie beside the model of the other. */
static void a_folder_that_was_used_again_is_not_written_to(void **state)
{
    struct fixture *f = *state;
    const pid_t child = move_away(f, true);

    assert_int_equal(run_interrupted("train", TINY,
                                     (const char *const[]){ "-d", f->data, "-o", f->out, ENDLESS, NULL },
                                     f->dir, "moved", 1, SIGTERM),
                     3);
    assert_ended(child);
    assert_int_equal(tmp_count(f->out), 1);
}

static void a_run_whose_log_is_gone_says_so(void **state)
{
    struct fixture *f = *state;
    const pid_t child = move_away(f, false);

    EXPECT(3, "out/log.jsonl: was removed or replaced while the run wrote to it", true, "-d", f->data, "-o",
           f->out, ENDLESS, "--checkpoint-every", "50");
    assert_ended(child);
}

static void a_log_that_lost_lines_is_noticed(void **state)
{
    struct fixture *f = *state;
    char model[400], *log;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    tmp_write(f->out, "log.jsonl", "{}\n{\"cut\"", 9, NULL, 0);
    snprintf(model, sizeof model, "%s/model.safetensors", f->out);
    tmp_remove(model); /* else nothing is left to do */
    EXPECT(0, "when the state was saved: lines are lost", true, "--resume", f->out, "--epochs", "1");
    log = tmp_text(f->out, "log.jsonl");
    assert_string_equal(log, "{}\n"); /* a line would go on where another was cut */
    free(log);
}

/* Of the epoch so far: pictures by seconds, of which each line's are more than those of the line before. */
static void every_line_has_a_rate_of_pictures_and_their_seconds(void **state)
{
    struct fixture *f = *state;
    double pictures = 0, seconds = 0;
    char *log;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out);
    log = tmp_text(f->out, "log.jsonl");
    for (const char *at = log; *at; at = strchr(at, '\n') + 1) {
        json_t *line = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
        const double rate = json_number_value(json_object_get(line, "images_per_second"));
        const bool step = strcmp(json_string_value(json_object_get(line, "kind")), "step") == 0;

        if (step) pictures += BATCH;
        if (!(rate > 0 && pictures / rate >= seconds))
            fail_msg("%g pictures, more than %g s: %.*s", pictures, seconds, (int)strcspn(at, "\n"), at);
        seconds = step ? pictures / rate : 0;
        if (!step) pictures = 0; /* the epoch's end */
        json_decref(line);
    }
    free(log);
}

/* No file may be longer, as on a full disk. Returns what was allowed. */
static struct rlimit allow_bytes(rlim_t most)
{
    struct rlimit before;

    getrlimit(RLIMIT_FSIZE, &before);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ most, before.rlim_max });
    return before;
}

static void a_full_disk_destroys_nothing(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    unsigned char *was, *is;
    size_t size, found;
    char state_path[400];

    SKIP_WHERE_NO_DISK_MAY_FAIL();
    snprintf(state_path, sizeof state_path, "%s/state.safetensors", f->out);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, LONG);
    assert_int_equal(INTERRUPT(f->out, 5, SIGINT, "-d", f->data, "-o", f->out, LONG), 130);
    was = tmp_read(state_path, &size);
    before = allow_bytes(6000);
    EXPECT(3, "cannot be written", false, "--resume", f->out, "--checkpoint-every", "1");
    setrlimit(RLIMIT_FSIZE, &before);
    is = tmp_read(state_path, &found);
    assert_int_equal(found, size);
    assert_memory_equal(is, was, size);
    EXPECT(0, "", false, "--resume", f->out, "-t", "1");
    assert_same_run(f->other, f->out);
    free(was);
    free(is);
}

static void of_a_line_that_does_not_fit_the_log_has_nothing(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    char *was, *is;

    SKIP_WHERE_NO_DISK_MAY_FAIL();
    assert_int_equal(INTERRUPT(f->out, 5, SIGINT, "-d", f->data, "-o", f->out, LONG), 130);
    was = tmp_text(f->out, "log.jsonl");
    before = allow_bytes(strlen(was) + 100);
    EXPECT(3, "log.jsonl: cannot be written: File too large", false, "--resume", f->out);
    setrlimit(RLIMIT_FSIZE, &before);
    is = tmp_text(f->out, "log.jsonl");
    assert_string_equal(is, was);
    free(was);
    free(is);
}

/* A step has one, whichever line says it, and the peak is the one that was asked for. */
static void rates_are_logged_as_they_are_given(void **state)
{
    struct fixture *f = *state;
    json_t *lines;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--lr", "1e-3", "--warmup", "0");
    lines = lines_of(f->out, "log.jsonl");
    assert_true(lines_number(lines, 0, "lr_now") == lines_number(lines, 0, "lr"));
    for (size_t i = 1; i < json_array_size(lines); i++)
        if (strcmp(lines_text(lines, i, "kind"), "epoch") == 0)
            assert_true(lines_number(lines, i, "lr_now") == lines_number(lines, i - 1, "lr_now"));
    json_decref(lines);
}

static void a_folder_that_cannot_be_made_is_exit_code_3(void **state)
{
    struct fixture *f = *state;
    char path[400];

    snprintf(path, sizeof path, "%s/data_batch_1.bin/out", f->data);
    EXPECT(3, "data_batch_1.bin/out", true, "-d", f->data, "-o", path);
    EXPECT(3, "nowhere", true, "-d", "nowhere", "-o", f->out);
}

static void coloured_noise_is_learnt(void **state)
{
    struct fixture *f = *state;
    struct run r =
        train(false, (const char *const[]){ "-d",  f->data,     "-o",   f->out,     "--json", "--width",
                                            "32",  "--depth",   "2",    "--heads",  "2",      "--patch",
                                            "8",   "--batch",   "10",   "--epochs", "8",      "--val",
                                            "0.2", "--augment", "none", "--lr",     "3e-3",   "-t",
                                            "1",   NULL });
    json_t *result = json_loads(r.out, 0, NULL);
    const json_t *interval = json_object_get(result, "val_top1_ci95");
    const double top1 = json_number_value(json_object_get(result, "val_top1")),
                 n = json_number_value(json_object_get(result, "val_n"));
    double low, high;

    if (top1 < 0.9) fail_msg("top-1 on four colours: expected 0.9 or more, found: %s%s", r.out, r.err);
    vit_wilson(&low, &high, top1 * n, n, 1.959963984540054); /* the quantile that vit eval takes */
    assert_true(fabs(json_number_value(json_array_get(interval, 0)) - low) < 1e-12);
    assert_true(fabs(json_number_value(json_array_get(interval, 1)) - high) < 1e-12);
    json_decref(result);
    run_free(&r);
}

/* What a run measured as it trained, vit eval measures afterwards, on the very same pictures: with an average
 * of the weights (ema, 0: none) that is the model, and the trained ones are another. */
static void assert_measured_again(struct fixture *f, const char *ema)
{
    struct run r =
        train(false, (const char *const[]){ "-d",  f->data,    "-o", f->out,    "--json", "--width",
                                            "16",  "--depth",  "1",  "--heads", "2",      "--patch",
                                            "16",  "--batch",  "8",  "--limit", "60",     "--val",
                                            "0.3", "--epochs", "2",  "--lr",    "1e-3",   "-t",
                                            "1",   "--ema",    ema,  "--force", NULL });
    struct run e = run_verb("eval", NULL,
                            (const char *const[]){ "-d", f->data, "-m", f->out, "--held-out", "0.3",
                                                   "--limit", "60", "--json", "-q", NULL });
    json_t *trained = json_loads(r.out, 0, NULL), *found = json_loads(e.out, 0, NULL);
    const double loss = json_number_value(json_object_get(trained, "val_loss"));
    char *log = tmp_text(f->out, "log.jsonl");
    const char *raw = strstr(strchr(log, '\n'), "\"raw_val_loss\":"); /* of the second epoch */

    assert_string_equal(json_string_value(json_object_get(found, "split")), "held-out");
    assert_int_equal(json_integer_value(json_object_get(found, "n")),
                     json_integer_value(json_object_get(trained, "val_n")));
    assert_true(json_number_value(json_object_get(found, "top1")) ==
                json_number_value(json_object_get(trained, "val_top1")));
    assert_true(fabs(json_number_value(json_object_get(found, "loss")) - loss) < 1e-6);
    assert_int_equal(raw != NULL, strcmp(ema, "0") != 0);
    if (raw) assert_true(fabs(strtod(strchr(raw, ':') + 1, NULL) - loss) > 1e-4);
    free(log);
    json_decref(trained);
    json_decref(found);
    run_free(&r);
    run_free(&e);
}

static void held_out_pictures_can_be_evaluated(void **state)
{
    assert_measured_again(*state, "0");
    assert_measured_again(*state, "0.9");
}

static void a_recipe_file_gives_way_to_the_command_line(void **state)
{
    static const char RECIPE[] =
        "{\"lr\": 0.5, \"epochs\": 1, \"norm\": \"post\", \"warmup\": 2, \"ema\": 0}";
    struct fixture *f = *state;
    char path[400];
    json_t *lines, *first;

    tmp_write(f->dir, "r.json", RECIPE, sizeof RECIPE - 1, path, sizeof path);
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--recipe", path, "--lr", "0.25", "--width", "16",
           "--depth", "1", "--heads", "1", "--patch", "16", "--batch", "8");
    lines = lines_of(f->out, "log.jsonl");
    first = json_array_get(lines, 0);
    assert_int_equal(json_array_size(lines), 1);
    assert_true(json_number_value(json_object_get(first, "lr")) == 0.25);
    assert_string_equal(json_string_value(json_object_get(first, "norm")), "post");
    assert_int_equal(json_integer_value(json_object_get(first, "warmup")), 2);
    json_decref(lines);
}

static void a_wrong_setting_is_named(void **state)
{
    static const char UNKNOWN[] = "{\"lerning-rate\": 1}", TEXT[] = "{\"lr\": \"0.1\"}";
    struct fixture *f = *state;
    char path[2][400];

    tmp_write(f->dir, "unknown.json", UNKNOWN, sizeof UNKNOWN - 1, path[0], sizeof path[0]);
    tmp_write(f->dir, "text.json", TEXT, sizeof TEXT - 1, path[1], sizeof path[1]);
    EXPECT(2, "\"lerning-rate\"", true, "-d", f->data, "-o", f->out, "--recipe", path[0]);
    EXPECT(2, "\"lr\": expected a number", true, "-d", f->data, "-o", f->out, "--recipe", path[1]);
    EXPECT(2, "--lr: expected", true, "-d", f->data, "-o", f->out, "--lr", "fast");
    EXPECT(2, "--warmup: expected", true, "-d", f->data, "-o", f->out, "--warmup", "5x");
    EXPECT(2, "--norm:", true, "-d", f->data, "-o", f->out, "--norm", "middle");
    EXPECT(2, "--classes 4", true, "-d", f->data, "-o", f->out, "--classes", "4");
    EXPECT(2, "heads", true, "-d", f->data, "-o", f->out, "--heads", "3");
    assert_int_not_equal(access(f->out, F_OK), 0); /* and nothing was made */
}

/* A state is JSON: what it cannot keep is refused before anything is trained. */
static void a_path_that_is_not_utf_8_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[400];

    snprintf(path, sizeof path, "%s/caf\xe9", f->dir);
    EXPECT(2, "--from: expected a path in UTF-8", true, "-d", f->data, "-o", f->out, "--from", path);
    assert_int_equal(rename(f->data, path), 0);
    EXPECT(2, "--data: expected a path in UTF-8", true, "-d", path, "-o", f->out);
    assert_int_equal(symlink(path, f->data), 0); /* a state keeps where the link points to */
    EXPECT(2, "--data: expected a path in UTF-8", true, "-d", f->data, "-o", f->out);
    assert_int_not_equal(access(f->out, F_OK), 0);
}

/* A rate of 0 keeps what it starts from, to the bit. */
static void a_run_starts_from_a_trained_network(void **state)
{
    struct fixture *f = *state;
    char model[400];

    snprintf(model, sizeof model, "%s/model.safetensors", f->out);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--seed", "5", "--lr", "0", "--ema",
           "0", "--from", model);
    tmp_assert_same(f->out, f->other, "model.safetensors");
    EXPECT(2, "--from: the run in", true, "-d", f->data, "--resume", f->other, "--epochs", "1", "--seed", "5",
           "--lr", "0", "--ema", "0", "--from", "builtin:pre");
    EXPECT(0, "hidden units and get 96: the new ones are drawn", true, "-d", f->data, "-o", f->other,
           "--force", "--epochs", "1", "--from", model, "--hidden", "96", "-v");
    EXPECT(2, "patch_embed.proj.weight: expected the shape", true, "-d", f->data, "-o", f->other, "--force",
           "--from", model, "--width", "32");
    EXPECT(3, "nowhere.safetensors", true, "-d", f->data, "-o", f->other, "--force", "--from",
           "nowhere.safetensors");
}

/* A network of one block from one of two: the other is named once, not again by a run that goes on, which has
 * its weights in its state. */
static void what_a_start_leaves_out_is_said(void **state)
{
    struct fixture *f = *state;
    char model[400];
    struct run r;

    snprintf(model, sizeof model, "%s/model.safetensors", f->out);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "model.safetensors: 12 of its tensors are not used by the network to train: blocks.1\n", true,
           "-d", f->data, "-o", f->other, "--epochs", "1", "--from", model, "--depth", "1");
    assert_int_equal(INTERRUPT(f->other, 5, SIGINT, "-d", f->data, "-o", f->other, "--force", "--from", model,
                               "--depth", "1", LONG),
                     130);
    r = train(false, (const char *const[]){ "--resume", f->other, "-t", "1", NULL });
    assert_null(strstr(r.err, "not used"));
    run_expect(&r, 0, "");
}

/* It is read before it is replaced, and stays where the start fails. */
static void a_run_may_replace_what_it_starts_from(void **state)
{
    struct fixture *f = *state;
    char model[400];

    snprintf(model, sizeof model, "%s/model.safetensors", f->out);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--seed", "5", "--from", model);
    EXPECT(2, "patch_embed.proj.weight: expected the shape", true, "-d", f->data, "-o", f->out, "--force",
           "--from", model, "--width", "32");
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--force", "--epochs", "1", "--seed", "5", "--from",
           model);
    assert_same_run(f->out, f->other);
}

/* Every parameter of a is that of b. */
static void assert_same_parameters(const struct vit_model *a, const struct vit_model *b)
{
    assert_int_equal(vit_model_parameter_count(a), vit_model_parameter_count(b));
    for (int i = 0; i < vit_model_parameter_count(a); i++) {
        const struct vit_parameter p = vit_model_parameter(a, i);
        float *x = calloc(p.count, sizeof *x), *y = calloc(p.count, sizeof *y);
        assert_true(x && y);
        vit_model_read(a, i, x);
        vit_model_read(b, i, y);
        assert_memory_equal(x, y, p.count * sizeof *x);
        free(x);
        free(y);
    }
}

/* Started at another image size, with a rate of 0, it is the network that inference runs at that size. */
static void a_start_at_another_size_resizes_the_positions(void **state)
{
    struct fixture *f = *state;
    struct vit_model_options at48 = { .image = 48 };
    struct vit_model *given, *taken;
    char from[400], to[400];

    snprintf(from, sizeof from, "%s/model.safetensors", f->out);
    snprintf(to, sizeof to, "%s/model.safetensors", f->other);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(0, "position embeddings resized from 2x2 to 3x3", true, "-d", f->data, "-o", f->other, "--epochs",
           "1", "--lr", "0", "--ema", "0", "--from", from, "--image", "48");
    assert_int_equal(vit_model_open(&given, from, &at48, NULL), VIT_OK);
    assert_int_equal(vit_model_open(&taken, to, NULL, NULL), VIT_OK);
    assert_int_equal(vit_model_config(taken)->image, 48);
    assert_same_parameters(taken, given);
    vit_model_close(taken);
    vit_model_close(given);
}

static json_t *description(const struct vit_model *m)
{
    return vit_config_to_json(vit_model_config(m), vit_model_recipe(m), NULL);
}

/* What a recipe trains, when it says nothing of a network. */
#define PLAIN "--batch", "8", "--val", "0.2", "--log-every", "1", "-t", "1"

/* A gated MLP and what else no setting is for: the network and its pictures are those of the checkpoint. */
static void a_checkpoint_of_others_is_trained_as_it_is(void **state)
{
    static const char FROM[] = "tests/data/golden/timm-swiglu";
    struct fixture *f = *state;
    struct vit_model *given, *taken;
    char to[400];
    json_t *a, *b;

    snprintf(to, sizeof to, "%s/model.safetensors", f->out);
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--from", FROM, "--epochs", "1", "--lr", "0", PLAIN);
    assert_int_equal(vit_model_open(&given, FROM, NULL, NULL), VIT_OK);
    assert_int_equal(vit_model_open(&taken, to, NULL, NULL), VIT_OK);
    assert_same_parameters(taken, given);
    a = description(given), b = description(taken);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    vit_model_close(taken);
    vit_model_close(given);
    EXPECT(2, "has no blocks.0.norm1_out.weight", false, "-d", f->data, "-o", f->other, "--from", FROM,
           "--epochs", "1", "--norm", "sandwich", PLAIN);
}

/* A network as it is published for fine-tuning: without a head. */
static void a_network_without_a_head_is_fine_tuned(void **state)
{
    struct fixture *f = *state;
    struct weights_entry entry[64];
    struct weights_file *file;
    struct vit_error err;
    char from[400], given[400];
    size_t count = 0;

    snprintf(from, sizeof from, "%s/from.safetensors", f->dir);
    snprintf(given, sizeof given, "tests/data/golden/timm-cls/model.safetensors");
    assert_int_equal(weights_open(&file, given, &err), VIT_OK);
    for (size_t i = 0; i < weights_count(file) && count < VIT_COUNT(entry); i++) {
        const struct weights_tensor *t = weights_at(file, i);
        if (!strncmp(t->name, "head.", 5)) continue;
        entry[count] =
            (struct weights_entry){ .name = t->name, .dtype = t->dtype, .rank = t->rank, .data = t->data };
        memcpy(entry[count++].shape, t->shape, sizeof t->shape);
    }
    assert_int_equal(weights_write(from, entry, count, NULL, 0, &err), VIT_OK);
    weights_close(file);
    EXPECT(0, "from.safetensors: has no head, one begins at zero", false, "-d", f->data, "-o", f->out,
           "--from", from, "--epochs", "1", PLAIN);
}

/* Found before a picture is read. */
static void a_network_that_cannot_learn_from_pictures_is_refused(void **state)
{
    static const struct {
        int channels;
        bool batch_norm;
        const char *refusal;
    } ROWS[] = {
        { 1, false, "from.safetensors: the model takes 1 channels, pictures have 3" },
        { 4, false, "from.safetensors: the model takes 4 channels, pictures have 3" },
        { 3, true,
          "the stem has batch norm (\"patch_embed.bn.0.running_mean\"): it can be used, but not trained" }
    };
    struct fixture *f = *state;
    char from[400];

    snprintf(from, sizeof from, "%s/from.safetensors", f->dir);
    noise_write(f->data, PICTURES, CLASSES, 40, 1, 100); /* the read picture would be said to be damaged */
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c;
        struct vit_model *m;
        struct run r;

        assert_int_equal(vit_config_preset(&c, "plain-4", NULL), VIT_OK);
        c.width = 16, c.depth = 1, c.heads = 2, c.hidden = 16, c.classes = CLASSES;
        c.channels = ROWS[i].channels;
        if (ROWS[i].batch_norm) {
            c.stem = (struct patch_stem){ .layers = 1 };
            c.stem.conv[0] = (struct patch_conv){ .out = 16, .kernel = 4, .stride = 4, .batch_norm = true };
        }
        assert_int_equal(vit_model_create(&m, &c, NULL, NULL, NULL, NULL, NULL), VIT_OK);
        assert_int_equal(vit_model_save(m, from, WEIGHTS_F32, NULL), VIT_OK);
        vit_model_close(m);
        r = train(false, (const char *const[]){ "-d", f->data, "-o", f->out, "--from", from, PLAIN, NULL });
        assert_null(strstr(r.err, "record 19"));
        run_expect(&r, 3, ROWS[i].refusal);
        assert_false(tmp_has(f->dir, "out"));
    }
}

/* It has the network in its state. */
static void a_run_goes_on_without_what_it_started_from(void **state)
{
    struct fixture *f = *state;
    char first[400], from[400];
    const char *const again[] = { "-d",       f->data, "--resume", f->other, "--from", from,
                                  "--epochs", "20",    "--norm",   "post",   NULL };
    static const char *const RECIPE[] = { PLAIN, NULL };

    snprintf(first, sizeof first, "%s/model.safetensors", f->out);
    snprintf(from, sizeof from, "%s/from.safetensors", f->dir);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1", "--norm-kind", "rmsnorm");
    assert_int_equal(rename(first, from), 0);
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--force", "--from", from, "--epochs", "20", "--norm",
           "post", PLAIN);
    assert_int_equal(run_interrupted("train", RECIPE, again, f->other, "log.jsonl", 30, SIGINT), 130);
    assert_int_equal(unlink(from), 0);
    EXPECT(0, "", false, "--resume", f->other, "-t", "1");
    assert_same_run(f->out, f->other);
}

/* A network of the noise's classes, at path. */
static void train_teacher(struct fixture *f, char *path, size_t size)
{
    char first[400];

    snprintf(first, sizeof first, "%s/model.safetensors", f->out);
    snprintf(path, size, "%s/teacher.safetensors", f->dir);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1", "--seed", "5");
    assert_int_equal(rename(first, path), 0);
}

static void a_teacher_may_move_but_not_change(void **state)
{
    struct fixture *f = *state;
    char teacher[400], moved[400];

    train_teacher(f, teacher, sizeof teacher);
    snprintf(moved, sizeof moved, "%s/moved.safetensors", f->dir);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--force", "--teacher", teacher, LONG);
    assert_int_equal(
        INTERRUPT(f->other, 13, SIGINT, "-d", f->data, "-o", f->other, "--teacher", teacher, LONG), 130);
    assert_int_equal(rename(teacher, moved), 0);
    EXPECT(3, "vit: --teacher ", false, "--resume", f->other);
    EXPECT(2, "--teacher builtin:pre: the run in ", false, "--resume", f->other, "--teacher", "builtin:pre");
    EXPECT(2, "--teacher-share: the run in ", false, "--resume", f->other, "--teacher", moved,
           "--teacher-share", "0.1");
    EXPECT(0, "", false, "--resume", f->other, "--teacher", moved, "-t", "1");
    assert_same_run(f->out, f->other);
    EXPECT(0, "nothing is left to do", false, "--resume", f->out); /* nobody asks it any more */
    EXPECT(0, "nothing is left to do", false, "--resume", f->out, "--teacher", moved);
    EXPECT(2, "--teacher builtin:pre: the run in ", false, "--resume", f->out, "--teacher", "builtin:pre");
    EXPECT(3, "--teacher nowhere: cannot be opened", false, "--resume", f->out, "--teacher", "nowhere");
}

/* It would be gone before the first step, and with it the way to go on. */
static void a_run_does_not_replace_its_teacher(void **state)
{
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    EXPECT(2, ": is the network that the run in ", true, "-d", f->data, "-o", f->out, "--force", "--teacher",
           f->out);
    assert_true(tmp_has(f->out, "model.safetensors"));
}

/* (1 - 0) q + 0 p is q to the bit. */
static void a_teacher_counts_by_its_share(void **state)
{
    struct fixture *f = *state;
    char teacher[400];

    train_teacher(f, teacher, sizeof teacher);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--force");
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--teacher", teacher, "--teacher-share", "0");
    assert_same_run(f->out, f->other);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--force", "--teacher", teacher);
    assert_false(same_losses(f->out, f->other));
    assert_false(same_file(f->out, f->other, "model.safetensors"));
}

/* Nothing is made or replaced for it. */
static void a_teacher_of_other_classes_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[400];

    snprintf(path, sizeof path, "%s/five", f->dir);
    for (int i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%s/a.bmp", i ? "cat" : "quokka");
        tmp_write(path, name, "BM", 2, NULL, 0);
    }
    EXPECT(3,
           "--teacher builtin:pre: expected one class called \"quokka\", as the data set has it, found none",
           true, "-d", path, "-o", f->other, "--teacher", "builtin:pre", "--val", "0", "--batch", "1");
    assert_int_not_equal(access(f->other, F_OK), 0);
}

/* What its end said of a run is said again when it is asked to go on. */
static void a_damaged_picture_is_counted(void **state)
{
    static const char *const SAYS[] = { "data_batch_5.bin: record 19", "nothing is left to do" };
    struct fixture *f = *state;

    noise_write(f->data, PICTURES, CLASSES, 40, 1, 100);
    for (int i = 0; i < 2; i++) {
        struct run r =
            train(true, (const char *const[]){ "-d", f->data, "--resume", f->out, "--json", NULL });
        json_t *result = json_loads(r.out, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(result, "n_failed")), 1);
        assert_in_range(json_integer_value(json_object_get(result, "pictures")), 79, 80);
        json_decref(result);
        run_expect(&r, 1, SAYS[i]);
    }
}

/* A picture in a folder of the test's. */
static void write_picture(const struct fixture *f, const char *name)
{
    const unsigned char pixels[32 * 32 * 3] = { 0 };
    char path[600];

    tmp_write(f->dir, name, "", 0, path, sizeof path);
    assert_int_equal(patch_png_write(path, pixels, 32, 32, NULL), VIT_OK);
}

/* One's own pictures: folder/a/0.png, folder/b c/1.png and so on; its path in data (600). */
static void write_own(const struct fixture *f, const char *folder, int pictures, char *data)
{
    for (int i = 0; i < pictures; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s/%d.png", folder, i % 2 ? "b c" : "a", i);
        write_picture(f, name);
    }
    snprintf(data, 600, "%s/%s", f->dir, folder);
}

/* Whichever side of the division it is on: two of these four are held out. */
static void every_picture_is_read_before_the_first_step(void **state)
{
    static const char *const NAMES[] = { "own/a/0.png", "own/b c/1.png", "own/a/2.png", "own/b c/3.png" };
    struct fixture *f = *state;
    char data[600];

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        write_own(f, "own", VIT_COUNT(NAMES), data);
        tmp_write(f->dir, NAMES[i], "no picture", 10, NULL, 0);
        struct run r = train(true, (const char *const[]){ "-d", data, "-o", f->out, "--force", "--batch", "1",
                                                          "--val", "0.5", "--epochs", "2", NULL });
        const char *error = strstr(r.err, NAMES[i]), *start = strstr(r.err, "to learn from");
        assert_int_equal(r.code, 1);
        /* What was left out is on neither side. */
        assert_true(strstr(r.err, "1 picture to learn from") || strstr(r.err, "; 1 held out"));
        if (!error || !start || error > start || strstr(error + 1, NAMES[i]))
            fail_msg("%s is not reported once, before the start: %s", NAMES[i], r.err);
        run_free(&r);
    }
}

/* Not of the steps that follow from how many there are. */
static void a_picture_that_is_lost_ends_a_continuation(void **state)
{
    struct fixture *f = *state;
    char data[600], path[700];
    size_t size;
    unsigned char *bytes;

    write_own(f, "own", 8, data);
    EXPECT(0, "", true, "-d", data, "-o", f->out, "--batch", "1", "--val", "0", "--epochs", "1");
    snprintf(path, sizeof path, "%s/model.safetensors", f->out);
    assert_int_equal(unlink(path), 0); /* else nothing is left to do */
    snprintf(path, sizeof path, "%s/a/0.png", data);
    bytes = tmp_read(path, &size);
    bytes[0] = 0; /* as large as it was */
    tmp_write(data, "a/0.png", bytes, size, NULL, 0);
    free(bytes);
    EXPECT(3, "state.safetensors: was made with 8 training pictures, now there are 7", false, "--resume",
           f->out);
}

/* A folder that is not what its owner thinks shows in its classes. */
static void what_was_found_is_said(void **state)
{
    struct fixture *f = *state;
    char data[600], few[600];
    struct run r;

    write_own(f, "own", 8, data);
    EXPECT(0,
           "6 pictures to learn from, 3 steps an epoch, 3 in all; 2 held out, 2 classes: a, b c\n"
           "every picture is squashed to 32 x 32 pixels, bicubic, mean and deviation of CIFAR-10\n"
           "vit: warning: little is learnt in 3 steps of 2 pictures: raise --epochs or lower --batch\n",
           true, "-d", data, "-o", f->out, "--batch", "2", "--val", "0.25", "--epochs", "1");
    write_own(f, "few", 2, few);
    EXPECT(2, "--val 0.9: holding out 0.9 of 2 pictures in 2 classes leaves nothing", true, "-d", few, "-o",
           f->other, "--batch", "2", "--val", "0.9");
    r = train(true, (const char *const[]){ "-d", data, "-o", f->other, "-q", "--batch", "2", "--val", "0.25",
                                           "--epochs", "1", NULL });
    assert_string_equal(r.err, "");
    run_free(&r);
}

/* Two photographs of each class, of no square, one to be turned; the folder in data (600). */
static void write_photographs(const struct fixture *f, char *data)
{
    static const char *const FROM[] = { "tests/data/preprocess/fmt-exif6.jpg",
                                        "tests/data/preprocess/fmt-420.jpg" };

    for (size_t i = 0; i < VIT_COUNT(FROM); i++) {
        size_t size;
        unsigned char *bytes = tmp_read(FROM[i], &size);
        tmp_write(f->dir, i ? "photographs/a/1.jpg" : "photographs/a/0.jpg", bytes, size, NULL, 0);
        tmp_write(f->dir, i ? "photographs/b/1.jpg" : "photographs/b/0.jpg", bytes, size, NULL, 0);
        free(bytes);
    }
    snprintf(data, 600, "%s/photographs", f->dir);
}

/* And is asked of the continuation too; the crop is kept with the network. */
static void what_is_done_to_pictures_is_a_setting(void **state)
{
    static const struct {
        const char *option, *value; /* NULL: it has none */
        bool kept;
    } ROWS[] = { { "--no-exif", NULL, false },
                 { "--crop-mode", "center", true },
                 { "--crop-pct", "0.5", true },
                 { "--erase", "0", false } };
    struct fixture *f = *state;
    char data[600];

    write_photographs(f, data);
    EXPECT(0, "", true, "-d", data, "-o", f->out, "--batch", "4", "--val", "0");
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        EXPECT(0, "", true, "-d", data, "-o", f->other, "--force", "--batch", "4", "--val", "0",
               ROWS[i].option, ROWS[i].value);
        assert_false(same_losses(f->out, f->other));
        assert_int_equal(same_file(f->out, f->other, "config.json"), !ROWS[i].kept);
        EXPECT(0, "nothing is left to do", false, "--resume", f->other, ROWS[i].option, ROWS[i].value);
        EXPECT(2, "the run in", false, "--resume", f->out, ROWS[i].option, ROWS[i].value);
    }
}

/* 8 files, the lines of each three times: 2 of them are held out, by eval too. */
static void copies_of_a_file_stay_together(void **state)
{
    static const char SAYS[] = "set.csv: 16 of 24 pictures repeat a file named before them";
    struct fixture *f = *state;
    char data[600], list[TMP_PATH + 16], text[1024] = "";
    struct run r;

    write_own(f, "own", 8, data);
    for (int i = 0; i < 24; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%sown/%s/%d.png,%d\n", i < 8 ? "" : "./",
                 i % 2 ? "b c" : "a", i % 8, i % 2);
    tmp_write(f->dir, "set.csv", text, strlen(text), list, sizeof list);
    r = train(true, (const char *const[]){ "-d", list, "-o", f->out, "--batch", "2", "--val", "0.25",
                                           "--epochs", "1", NULL });
    assert_non_null(strstr(r.err, "18 pictures to learn from, 9 steps an epoch, 9 in all; 6 held out"));
    run_expect(&r, 0, SAYS);
    r = run_verb("eval", NULL, (const char *const[]){ "-d", list, "-m", f->out, "--held-out", "0.25", NULL });
    run_expect(&r, 0, SAYS);
    r = run_verb("eval", NULL, (const char *const[]){ "-d", list, "-m", f->out, NULL });
    assert_null(strstr(r.err, "repeat"));
    run_expect(&r, 0, "");
}

/* One of each class is held out by halves, and one picture alone is none of the other class. */
static void a_class_with_nothing_to_learn_from_is_named(void **state)
{
    struct fixture *f = *state;
    char data[600];
    struct run r;

    write_own(f, "own", 4, data);
    EXPECT(0, "own: there is no picture to learn 1 of its 2 classes from: ", true, "-d", data, "-o", f->out,
           "--batch", "1", "--val", "0", "--limit", "1", "--epochs", "1");
    r = train(true, (const char *const[]){ "-d", data, "-o", f->other, "--batch", "1", "--val", "0.85",
                                           "--epochs", "1", NULL });
    assert_non_null(strstr(r.err, "2 pictures to learn from"));
    assert_null(strstr(r.err, "there is no picture"));
    run_expect(&r, 0, "");
}

static void a_validation_split_that_is_not_read_is_warned_of(void **state)
{
    struct fixture *f = *state;
    char data[600];

    write_own(f, "split/train", 8, data);
    write_own(f, "split/val", 4, data);
    snprintf(data, sizeof data, "%s/split", f->dir);
    EXPECT(0, "split: its validation split is not read: 0.25 of the training split is held out", true, "-d",
           data, "-o", f->out, "--batch", "2", "--val", "0.25", "--epochs", "1");
}

/* TINY names --val. */
static void a_run_may_validate_on_the_split_for_it(void **state)
{
    struct fixture *f = *state;
    char data[600];

    write_own(f, "split/train", 8, data);
    write_own(f, "split/val", 4, data);
    snprintf(data, sizeof data, "%s/split", f->dir);
    EXPECT(2, "--val and --val-split: expected one of them", true, "-d", data, "-o", f->out, "--val-split");
    EXPECT(3, "has no split \"val\"", false, "-d", f->data, "-o", f->out, "--val-split");
    assert_int_not_equal(access(f->out, F_OK), 0);
    EXPECT(0,
           "8 pictures to learn from, 4 steps an epoch, 4 in all; 4 of the validation "
           "split, 2 classes: a, b c\n",
           false, "-d", data, "-o", f->out, "--batch", "2", "--val-split", "--epochs", "1", "--width", "16",
           "--depth", "2", "--heads", "2", "--patch", "16", "-t", "1");
    EXPECT(2, "--val 0.1: the run in ", false, "--resume", f->out, "--val", "0.1");
    EXPECT(2, "out has --val-split", false, "--resume", f->out, "--val", "0.5");
    write_own(f, "copy/train", 8, data);
    write_own(f, "copy/val", 6, data);
    snprintf(data, sizeof data, "%s/copy", f->dir);
    EXPECT(2, "which has other classes, labels or files", false, "--resume", f->out, "--data", data);
    tmp_write(f->dir, "copy/val/c/0.png", "x", 1, NULL, 0);
    EXPECT(3, "split \"val\": the data's class \"c\" is none of the training split's", false, "-d", data,
           "-o", f->other, "--val-split");
    write_own(f, "own", 8, data); /* it is one set */
    EXPECT(3, "own: has no split \"val\"", false, "-d", data, "-o", f->other, "--val-split");
}

/* What the command line says of the validation wins, as of all else; one source does not say both. */
static void one_source_says_what_to_validate_on(void **state)
{
    static const char PART[] = "{\"val\": 0.2}", BOTH[] = "{\"val\": 0.2, \"val-split\": true}";
    struct fixture *f = *state;
    char path[2][400];

    tmp_write(f->dir, "part.json", PART, sizeof PART - 1, path[0], sizeof path[0]);
    tmp_write(f->dir, "both.json", BOTH, sizeof BOTH - 1, path[1], sizeof path[1]);
    EXPECT(3, "has no split \"val\"", false, "-d", f->data, "-o", f->out, "--recipe", path[0], "--val-split");
    EXPECT(2, "both.json: --val and --val-split: expected one of them", false, "-d", f->data, "-o", f->out,
           "--recipe", path[1]);
    EXPECT(2, "--val and --val-split: expected one of them", false, "-d", f->data, "-o", f->out, "--val",
           "0.1", "--val-split");
}

/* An archive often unpacks to a folder of its own name: its one folder is no class. */
static void one_class_is_refused_before_a_folder_is_made(void **state)
{
    struct fixture *f = *state;
    char data[600];

    write_own(f, "own/pets", 4, data);
    snprintf(data, sizeof data, "%s/own", f->dir);
    EXPECT(3, "found 1, \"pets\"; folders of classes that lie one level deeper look like that", true, "-d",
           data, "-o", f->out);
    assert_int_not_equal(access(f->out, F_OK), 0);
}

/* It could not be a label of the network that is written. */
static void a_class_that_is_not_utf_8_is_refused_before_a_folder_is_made(void **state)
{
    struct fixture *f = *state;
    static const char LIST[] = "1.png,caf\xe9\n2.png,tea\n";
    char list[TMP_PATH + 16];

    tmp_write(f->dir, "list.csv", LIST, sizeof LIST - 1, list, sizeof list);
    EXPECT(3, "the name of a class must be UTF-8, found \"caf?\"", true, "-d", list, "-o", f->out);
    assert_int_not_equal(access(f->out, F_OK), 0);
}

/* Before a picture is read; what a file of settings has may stand there, and what a run was begun with. */
static void a_setting_that_nothing_reads_is_refused(void **state)
{
    static const char RECIPE[] = "{\"muon-lr\": 0.3}";
    struct fixture *f = *state;
    char recipe[TMP_PATH + 16], *command;
    struct run r;

    EXPECT(2, "--muon-lr: nothing reads it without --optimizer muon", true, "-d", "nowhere", "-o", f->out,
           "--muon-lr", "0.3");
    EXPECT(2, "--mix-off: nothing reads it without --mixup or --cutmix", true, "-d", "nowhere", "-o", f->out,
           "--cutmix", "0", "--mixup", "0");
    assert_int_not_equal(access(f->out, F_OK), 0);
    tmp_write(f->dir, "r.json", RECIPE, sizeof RECIPE - 1, recipe, sizeof recipe);
    EXPECT(0, "r.json: muon-lr: nothing reads it without --optimizer muon", true, "-d", f->data, "-o", f->out,
           "--recipe", recipe, "--schedule", "constant");
    EXPECT(0, "nothing is left to do", false, "--resume", f->out, "--muon-lr", "0.3");
    command = again_command(f->out); /* with the end of a rate that does not end, as the preset has it */
    snprintf(f->other, sizeof f->other, "%s/moved", f->dir);
    assert_int_equal(rename(f->out, f->other), 0);
    r = again_run(command);
    run_expect(&r, 0, "");
    assert_same_run(f->out, f->other);
    free(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tmp_teardown)

static const struct CMUnitTest TESTS[] = {
    TEST(a_run_killed_at_any_moment_ends_with_the_same_bits),
    TEST(an_interrupted_run_saves_its_state_and_says_130),
    TEST(a_run_killed_in_its_first_steps_keeps_its_settings),
    TEST(a_run_follows_its_pictures_to_another_place),
    TEST(threads_change_no_bit),
    TEST(other_settings_are_refused_by_name),
    TEST(a_setting_that_nothing_reads_is_refused),
    TEST(a_finished_run_has_nothing_left_to_do),
    TEST(another_run_is_not_overwritten),
    TEST(a_run_that_has_ended_meanwhile_stays),
    TEST(a_folder_that_cannot_be_listed_is_named),
    TEST(files_that_cannot_be_replaced_keep_the_others),
    TEST(a_folder_that_holds_no_run_is_never_replaced),
    TEST(settings_that_are_wrong_replace_no_run),
    TEST(a_state_of_another_version_goes_on_only_as_it_began),
    TEST(a_folder_that_is_no_run_is_left_alone),
    TEST(the_folder_of_a_sweep_or_of_runs_is_no_run),
    TEST(a_file_that_is_not_in_the_way_stays),
    TEST(a_model_without_its_state_is_left_alone),
    TEST(a_missing_model_is_written_again),
    TEST(what_a_failed_start_leaves_is_no_run),
    TEST(kernels_that_this_cpu_lacks_are_wrong_usage),
    TEST(divergence_is_exit_code_4_with_step_and_rate),
    TEST(divergence_is_an_object_too),
    TEST(a_network_lost_by_its_last_step_has_diverged),
    TEST(a_network_lost_by_its_last_step_has_diverged_without_validation_too),
    TEST(a_folder_has_one_run_at_a_time),
    TEST(a_folder_that_was_used_again_is_not_written_to),
    TEST(a_run_whose_log_is_gone_says_so),
    TEST(a_log_that_lost_lines_is_noticed),
    TEST(every_line_has_a_rate_of_pictures_and_their_seconds),
    TEST(a_full_disk_destroys_nothing),
    TEST(of_a_line_that_does_not_fit_the_log_has_nothing),
    TEST(rates_are_logged_as_they_are_given),
    TEST(a_folder_that_cannot_be_made_is_exit_code_3),
    TEST(coloured_noise_is_learnt),
    TEST(held_out_pictures_can_be_evaluated),
    TEST(a_recipe_file_gives_way_to_the_command_line),
    TEST(a_wrong_setting_is_named),
    TEST(a_path_that_is_not_utf_8_is_refused),
    TEST(a_run_starts_from_a_trained_network),
    TEST(what_a_start_leaves_out_is_said),
    TEST(a_run_may_replace_what_it_starts_from),
    TEST(a_start_at_another_size_resizes_the_positions),
    TEST(a_checkpoint_of_others_is_trained_as_it_is),
    TEST(a_network_without_a_head_is_fine_tuned),
    TEST(a_network_that_cannot_learn_from_pictures_is_refused),
    TEST(a_run_goes_on_without_what_it_started_from),
    TEST(a_teacher_may_move_but_not_change),
    TEST(a_run_does_not_replace_its_teacher),
    TEST(a_teacher_counts_by_its_share),
    TEST(a_teacher_of_other_classes_is_refused),
    TEST(a_damaged_picture_is_counted),
    TEST(copies_of_a_file_stay_together),
    TEST(a_class_with_nothing_to_learn_from_is_named),
    TEST(a_validation_split_that_is_not_read_is_warned_of),
    TEST(a_run_may_validate_on_the_split_for_it),
    TEST(one_source_says_what_to_validate_on),
    TEST(one_class_is_refused_before_a_folder_is_made),
    TEST(a_class_that_is_not_utf_8_is_refused_before_a_folder_is_made),
    TEST(every_picture_is_read_before_the_first_step),
    TEST(a_picture_that_is_lost_ends_a_continuation),
    TEST(what_was_found_is_said),
    TEST(what_is_done_to_pictures_is_a_setting),
};

int main(void)
{
    setenv("OMP_WAIT_POLICY", "passive", 1); /* threads that wait busily are slow where others work too */
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
