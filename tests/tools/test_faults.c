/* A disk that is full, broken or read-only, at every operation the program does on it: what a file held
 * before is still there, or the new content is there whole; never something between, nothing beside it, and
 * never in silence.
 *
 * VIT_FAULTS=all tries every operation, otherwise a part of them is tried. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/patch/noise.h"
#include "tests/support/lines.h"
#include "tests/tools/cli.h"

#define MODEL   "tests/data/golden/timm-cls"
#define PICTURE "tests/data/preprocess/fmt-420.jpg"
#define INPUT   "tests/data/golden/timm-cls/expect.safetensors"

enum { FILES = 3, OLD_SIZE = 4, SCENE_WORDS = 16 };
static const char OLD[] = "old\n";

static const char *dir;
static char data[300], shim[300];

/* ---- running ---- */

static void plan_fault(int n, int code, bool stay)
{
    char text[64], count[300];

    snprintf(text, sizeof text, "%d:%d%s", n, code, stay ? ":stay" : "");
    snprintf(count, sizeof count, "%s/count", dir);
    setenv("VIT_FAULT", text, 1);
    setenv("VIT_FAULT_COUNT", count, 1);
    setenv("LD_PRELOAD", shim, 1);
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1); /* the sanitizer wants to be the first library */
}

static void plan_none(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("VIT_FAULT");
}

static int operations(void)
{
    char path[300];
    size_t size;
    char *text;
    int n;

    snprintf(path, sizeof path, "%s/count", dir);
    text = (char *)tmp_read(path, &size);
    text[size] = '\0';
    n = atoi(text);
    free(text);
    return n;
}

/* A fifth of the operations, begun elsewhere for every error, unless all are wanted. */
static int stride(void)
{
    const char *all = getenv("VIT_FAULTS");

    return all && strcmp(all, "all") == 0 ? 1 : 5;
}

static const struct fault {
    const char *name;
    int code;
    bool stay; /* a full disk stays full; a broken sector is met once */
} FAULTS[] = { { "full", ENOSPC, true }, { "broken", EIO, false }, { "read-only", EROFS, true } };
enum { BROKEN = 1 };

/* ---- one verb, its files ---- */

struct scene {
    const char *name;
    const char *words[SCENE_WORDS];
    const char *files[FILES]; /* in the folder the program runs on */
};

static const struct scene SCENES[] = {
    { "logits", { "logits", "-m", MODEL, "-i", INPUT, "-o", "@/x.safetensors" }, { "x.safetensors" } },
    { "convert", { "convert", MODEL, "@/x.safetensors", "--dtype", "bf16", "--force" }, { "x.safetensors" } },
    { "png", { "preprocess", "-m", MODEL, PICTURE, "-o", "@/x.png" }, { "x.png" } },
    { "planes", { "preprocess", "-m", MODEL, PICTURE, "-o", "@/x.safetensors" }, { "x.safetensors" } },
    { "explain", { "explain", "-m", MODEL, PICTURE, "-o", "@/x.png", "--panel", "32" }, { "x.png" } },
    { "embed", { "embed", "-m", MODEL, PICTURE, "-o", "@/x.npy" }, { "x.npy" } },
    { "eval",
      { "eval", "-m", "^", "--data", "$", "--split", "train", "--predictions", "@/p.csv", "--logits",
        "@/l.safetensors" },
      { "p.csv", "l.safetensors" } },
    { "packed", { "convert", MODEL, "@/x.safetensors", "--packed", "--force" }, { "x.safetensors" } },
    { "folder",
      { "convert", MODEL, "@", "--names", "hf-vit", "--force" },
      { "model.safetensors", "config.json", "preprocessor_config.json" } },
    { "report", { "report", "^", "-o", "@/r.html" }, { "r.html" } },
    { "table", { "report", "^", "--table", "map", "--json", "-o", "@/t.json" }, { "t.json" } },
};

/* A first letter stands for a folder: @ of the results, $ the data, ^ the trained model. */
static const char *expand(const char *word, char *text, size_t size)
{
    static const struct {
        char letter;
        const char *folder;
    } LETTERS[] = { { '@', "out" }, { '$', "data" }, { '^', "model" } };

    for (size_t i = 0; i < VIT_COUNT(LETTERS); i++)
        if (*word == LETTERS[i].letter) {
            snprintf(text, size, "%s/%s%s", dir, LETTERS[i].folder, word + 1);
            return text;
        }
    return word;
}

static struct run run_scene(const struct scene *s)
{
    char text[SCENE_WORDS][400];
    const char *words[SCENE_WORDS + 1] = { NULL };

    for (int i = 0; i < SCENE_WORDS && s->words[i]; i++)
        words[i] = expand(s->words[i], text[i], sizeof text[i]);
    return run_vit(words, NULL);
}

static const char *place(const char *file, char *path, size_t size)
{
    snprintf(path, size, "%s/out/%s", dir, file);
    return path;
}

static void put_old(const struct scene *s)
{
    for (int i = 0; i < FILES && s->files[i]; i++) {
        char path[400];
        snprintf(path, sizeof path, "out/%s", s->files[i]);
        tmp_write(dir, path, OLD, OLD_SIZE, NULL, 0);
    }
}

struct content {
    unsigned char *bytes;
    size_t size;
};

static bool holds(const char *path, const void *bytes, size_t size)
{
    size_t found;
    unsigned char *is = tmp_read(path, &found);
    const bool same = found == size && !memcmp(is, bytes, size);

    free(is);
    return same;
}

static void check_files(const struct scene *s, const struct content *want, const struct run *r,
                        const char *fault, int n)
{
    char path[400];
    int files = 0;

    if (r->code >= 4 || (r->code && !*r->err))
        fail_msg("%s, %s at operation %d: exit code %d, stderr: %s", s->name, fault, n, r->code, r->err);
    for (; files < FILES && s->files[files]; files++) {
        const bool whole =
            holds(place(s->files[files], path, sizeof path), want[files].bytes, want[files].size);
        if (!whole && (!r->code || !holds(path, OLD, OLD_SIZE)))
            fail_msg("%s, %s at operation %d: %s is neither the old file nor the new one (exit code %d)",
                     s->name, fault, n, s->files[files], r->code);
    }
    snprintf(path, sizeof path, "%s/out", dir);
    if (tmp_count(path) != files)
        fail_msg("%s, %s at operation %d: something lies beside the files", s->name, fault, n);
}

static void break_scene(const struct scene *s)
{
    struct content want[FILES] = { { NULL, 0 } };
    struct run r;
    char path[400];
    int all, failed = 0;

    snprintf(path, sizeof path, "%s/out", dir);
    tmp_remove(path);
    put_old(s);
    plan_fault(0, 0, false);
    r = run_scene(s);
    plan_none();
    expect(&r, 0, "", "");
    all = operations();
    for (int i = 0; i < FILES && s->files[i]; i++)
        want[i].bytes = tmp_read(place(s->files[i], path, sizeof path), &want[i].size);
    for (size_t f = 0; f < VIT_COUNT(FAULTS); f++)
        for (int n = 1 + (int)f % stride(); n <= all; n += stride()) {
            put_old(s);
            plan_fault(n, FAULTS[f].code, FAULTS[f].stay);
            r = run_scene(s);
            plan_none();
            failed += r.code != 0;
            check_files(s, want, &r, FAULTS[f].name, n);
            run_free(&r);
        }
    if (!failed) fail_msg("%s: none of %d operations made it fail", s->name, all);
    for (int i = 0; i < FILES; i++) free(want[i].bytes);
}

/* ---- training ---- */

static struct run train(const char *out, bool resume)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", dir, out);
    return run_vit((const char *const[]){ "train", "--data",  data,  resume ? "--resume" : "--out",
                                          path,    "--width", "8",   "--depth",
                                          "1",     "--heads", "1",   "--patch",
                                          "16",    "--batch", "5",   "--epochs",
                                          "2",     "--val",   "0.2", "--checkpoint-every",
                                          "2",     "-q",      "-t",  "1",
                                          NULL },
                   NULL);
}

static void assert_same(const char *a, const char *b, const char *name, int n)
{
    char path[400];
    size_t size;
    unsigned char *bytes;

    snprintf(path, sizeof path, "%s/%s/%s", dir, a, name);
    bytes = tmp_read(path, &size);
    snprintf(path, sizeof path, "%s/%s/%s", dir, b, name);
    if (!holds(path, bytes, size)) fail_msg("operation %d: %s differs after the continuation", n, name);
    free(bytes);
}

/* A process that goes on from the end of an epoch did none of its steps: it knows no rate of them. */
static void assert_every_rate_is_one(const char *folder, int n)
{
    char *log = tmp_text(folder, "log.jsonl");

    if (strstr(log, "\"images_per_second\":0.0,")) fail_msg("operation %d: a rate of 0: %s", n, log);
    free(log);
}

/* Break operation n of a run, then go on with it on a sound disk. */
static void break_training(int n, const struct fault *f, bool *failed)
{
    char path[300];
    struct run r;

    snprintf(path, sizeof path, "%s/broken", dir);
    tmp_remove(path);
    plan_fault(n, f->code, f->stay);
    r = train("broken", false);
    plan_none();
    if (r.code >= 4 || (r.code && !*r.err))
        fail_msg("train, %s at operation %d: exit code %d, stderr: %s", f->name, n, r.code, r.err);
    *failed |= r.code != 0;
    run_free(&r);
    r = train("broken", true);
    if (r.code) fail_msg("train, %s at operation %d: cannot go on: %s", f->name, n, r.err);
    run_free(&r);
    assert_same("model", "broken", "model.safetensors", n);
    assert_same("model", "broken", "config.json", n);
    assert_every_rate_is_one(path, n);
    if (tmp_count(path) != 4)
        fail_msg("train, %s at operation %d: something lies beside the files", f->name, n);
}

static void a_training_run_on_a_bad_disk_loses_no_step(void **state)
{
    char path[300];
    bool failed = false;
    struct run r;
    int all;

    (void)state;
    SKIP_WHERE_NO_DISK_MAY_FAIL();
    snprintf(path, sizeof path, "%s/counted", dir);
    plan_fault(0, 0, false);
    r = train("counted", false);
    plan_none();
    expect(&r, 0, "", "");
    all = operations();
    for (int n = 1; n <= all; n += stride()) break_training(n, &FAULTS[(n / stride()) % 3], &failed);
    assert_true(failed);
}

/* ---- a sweep of one cell ---- */

static struct run sweep(const char *out)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", dir, out);
    return run_vit((const char *const[]){ "sweep", "--data",  data, "--out",    path, "--width",
                                          "8",     "--depth", "1",  "--heads",  "1",  "--patch",
                                          "16",    "--batch", "5",  "--epochs", "2",  "--val",
                                          "0.2",   "-q",      "-t", "1",        NULL },
                   NULL);
}

/* Break operation n, go on with it on a sound disk: it ends as if nothing had been, and never in silence with
 * less. */
static void break_sweep(int n, const struct fault *f, bool *failed)
{
    char whole[300], path[300];
    struct run r;

    snprintf(whole, sizeof whole, "%s/swept", dir);
    snprintf(path, sizeof path, "%s/broken", dir);
    tmp_remove(path);
    plan_fault(n, f->code, f->stay);
    r = sweep("broken");
    plan_none();
    if (r.code >= 4 || (r.code && !*r.err))
        fail_msg("sweep, %s at operation %d: exit code %d, stderr: %s", f->name, n, r.code, r.err);
    *failed |= r.code != 0;
    run_free(&r);
    r = sweep("broken");
    if (r.code) fail_msg("sweep, %s at operation %d: cannot go on: %s", f->name, n, r.err);
    run_free(&r);
    lines_assert_same(whole, path, "cells.jsonl");
    lines_assert_same(whole, path, "epochs.jsonl");
    assert_same("swept", "broken", "sweep.json", n);
    assert_same("swept", "broken", "cells/norm=pre_seed=0/model.safetensors", n);
}

static void a_sweep_on_a_bad_disk_loses_no_line(void **state)
{
    enum { LAST = 12 };
    bool failed = false;
    struct run r;
    int all;

    (void)state;
    SKIP_WHERE_NO_DISK_MAY_FAIL();
    plan_fault(0, 0, false);
    r = sweep("swept");
    plan_none();
    expect(&r, 0, "", "");
    all = operations();
    for (int n = 1; n <= all; n += stride()) break_sweep(n, &FAULTS[(n / stride()) % 3], &failed);
    /* Where the cell's lines are written, every operation alone: what fails for good is made whole by the
     * next run, as the last line is missing too. */
    for (int n = all > LAST ? all - LAST : 1; n <= all; n++) break_sweep(n, &FAULTS[BROKEN], &failed);
    assert_true(failed);
}

static void a_bad_disk_leaves_the_old_file(void **state)
{
    (void)state;
    SKIP_WHERE_NO_DISK_MAY_FAIL();
    for (size_t i = 0; i < VIT_COUNT(SCENES); i++) break_scene(&SCENES[i]);
}

static int setup(void **state)
{
    const char *build = getenv("VIT_B");
    struct run r;

    dir = tmp_fixture(state, TMP_PATH);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(shim, sizeof shim, "%s/tests/tools/faults.so", build && *build ? build : "build/release");
    noise_write(data, 25, 5, 20, 1, 0);
    r = train("model", false);
    expect(&r, 0, "", "");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_disk_leaves_the_old_file),
        cmocka_unit_test(a_training_run_on_a_bad_disk_loses_no_step),
        cmocka_unit_test(a_sweep_on_a_bad_disk_loses_no_line),
    };

    setenv("OMP_NUM_THREADS", "1", 1);
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0); /* where a sync costs nothing */
    return cmocka_run_group_tests(tests, setup, tmp_teardown);
}
