/* vit sweep as a user meets it: tiny grids on coloured noise, killed in every way. */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patch/patch.h"
#include "tests/patch/noise.h"
#include "tests/support/lines.h"
#include "tests/support/run.h"
#include "tests/tools/again.h"
#include "tools/stop.h"
#include "tools/sweep.h"
#include "weights/weights.h"

enum { PICTURES = 100, TEST_PICTURES = 40, CLASSES = 4 };

struct fixture {
    char dir[TMP_PATH], data[300], out[300], other[300];
};

/* Training files by noise_write, and a test file of other pictures of the same colours. */
static void write_data(const char *dir)
{
    unsigned char *bytes = malloc(TEST_PICTURES * NOISE_RECORD);

    noise_write(dir, PICTURES, CLASSES, 40, 1, 0);
    for (int i = 0; i < TEST_PICTURES; i++) noise_record(bytes + (size_t)i * NOISE_RECORD, i, CLASSES, 40, 2);
    tmp_write(dir, "test_batch.bin", bytes, TEST_PICTURES * NOISE_RECORD, NULL, 0);
    free(bytes);
}

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->data, sizeof f->data, "%s/data", f->dir);
    snprintf(f->out, sizeof f->out, "%s/out", f->dir);
    snprintf(f->other, sizeof f->other, "%s/a/other", f->dir);
    write_data(f->data);
    return 0;
}

/* ---- running ---- */

/* Everything random is in it; 10 steps an epoch. */
static const char *const TINY[] = { "--width",     "16",  "--depth", "2",   "--heads",  "2", "--patch", "16",
                                    "--batch",     "8",   "--val",   "0.2", "--cutmix", "1", "--ema",   "0.9",
                                    "--drop-path", "0.2", "-t",      "1",   NULL };

static struct run sweep(bool tiny, const char *const *words)
{
    return run_verb("sweep", tiny ? TINY : NULL, words);
}
#define EXPECT(code, part, tiny, ...)                                                                        \
    do {                                                                                                     \
        struct run run_ = sweep(tiny, (const char *const[]){ __VA_ARGS__, NULL });                           \
        run_expect(&run_, code, part);                                                                       \
    } while (0)

/* What a sweep that ends well prints, as JSON; the caller releases it. */
static json_t *result_of(bool tiny, const char *const *words)
{
    struct run r = sweep(tiny, words);
    json_t *result = json_loads(r.out, 0, NULL);

    if (!result) fail_msg("no JSON: %s%s", r.out, r.err);
    run_expect(&r, 0, "");
    return result;
}
#define RESULT(tiny, ...) result_of(tiny, (const char *const[]){ __VA_ARGS__, "--json", NULL })

/* ---- what it left ---- */

static void assert_same_files(const char *a, const char *b)
{
    json_t *cells = lines_of(a, "cells.jsonl");
    char name[400];

    tmp_assert_same(a, b, "sweep.json");
    for (size_t i = 0; i < json_array_size(cells); i++) {
        if (strcmp(lines_text(cells, i, "status"), "done") != 0) continue;
        tmp_assert_same(a, b, lines_text(cells, i, "logits"));
        snprintf(name, sizeof name, "cells/%s/model.safetensors", lines_text(cells, i, "cell"));
        tmp_assert_same(a, b, name);
    }
    json_decref(cells);
}

static void assert_same_sweep(const char *a, const char *b)
{
    lines_assert_same(a, b, "cells.jsonl");
    lines_assert_same(a, b, "epochs.jsonl");
    assert_same_files(a, b);
}

/* The lines of every cell are the same; those of jobs stand in the order in which cells ended. */
static void assert_same_cells(const char *a, const char *b, const char *name)
{
    json_t *cells = lines_of(a, "cells.jsonl"), *x = lines_of(a, name), *y = lines_of(b, name);

    assert_int_equal(json_array_size(x), json_array_size(y));
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const char *id = lines_text(cells, i, "cell");
        json_t *of_a = lines_where(x, "cell", id), *of_b = lines_where(y, "cell", id);
        if (!json_equal(of_a, of_b)) fail_msg("%s: the lines of %s differ", name, id);
        json_decref(of_a);
        json_decref(of_b);
    }
    json_decref(cells);
    json_decref(x);
    json_decref(y);
}

/* ---- killing ---- */

#define INTERRUPT(dir, name, lines, number, ...)                                                             \
    run_interrupted("sweep", TINY, (const char *const[]){ __VA_ARGS__, NULL }, dir, name, lines, number)

/* ---- facts ---- */

/* Norms pre,post, rates 1e-2,1e-3,0.0001, seeds 0,7. */
static const char *const ORDER[] = {
    "norm=pre_lr=0.001_seed=0", "norm=post_lr=0.001_seed=0", "norm=pre_lr=0.01_seed=0",
    "norm=post_lr=0.01_seed=0", "norm=pre_lr=0.0001_seed=0", "norm=post_lr=0.0001_seed=0",
    "norm=pre_lr=0.001_seed=7", "norm=post_lr=0.001_seed=7", "norm=pre_lr=0.01_seed=7",
    "norm=post_lr=0.01_seed=7", "norm=pre_lr=0.0001_seed=7", "norm=post_lr=0.0001_seed=7",
};

static void the_grid_is_the_product_with_the_middle_rates_first(void **state)
{
    struct fixture *f = *state;
    json_t *plan = RESULT(true, "-d", f->data, "-o", f->out, "--norm", "pre,post", "--lr", "1e-2,1e-3,0.0001",
                          "--seed", "0,7", "--epochs", "3", "--plan", "--rate", "2");
    const json_t *cells = json_object_get(plan, "cells");
    double flops = 0;

    assert_int_equal(json_array_size(cells), VIT_COUNT(ORDER));
    for (size_t i = 0; i < VIT_COUNT(ORDER); i++) {
        assert_string_equal(lines_text(cells, i, "cell"), ORDER[i]);
        assert_int_equal(lines_number(cells, i, "steps"), 30);
        flops += lines_number(cells, i, "flops");
    }
    /* Two blocks of 5 tokens of 16, hidden 64: 2 (5 (3 16 16 + 16 16 + 2 16 64) + 2 5 5 16), the patches
     * 4 16 768 and the head 16 10. Training: 6 for each of 240 pictures; 2 for 6 validations of 20 (with and
     * without averaging) and the test. */
    const double macs = 2 * (5 * (3 * 256 + 256 + 2048) + 2 * 25 * 16) + 4 * 16 * 768 + 160;
    assert_true(lines_number(cells, 0, "flops") == macs * (6 * 240 + 2 * (6 * 20 + TEST_PICTURES)));
    assert_true(json_number_value(json_object_get(plan, "flops")) == flops);
    assert_true(fabs(json_number_value(json_object_get(plan, "hours")) - flops / 2e9 / 3600) < 1e-12);
    assert_int_not_equal(access(f->out, F_OK), 0); /* and nothing was made */
    json_decref(plan);
}

/* 2 flops a multiply-add, for each of the 80 training pictures, whatever the validation. */
static void a_teacher_is_part_of_the_plan(void **state)
{
    struct fixture *f = *state;
    json_t *plan =
        RESULT(true, "-d", f->data, "--teacher", "builtin:pre", "--epochs", "1", "--plan", "--rate", "2");
    json_t *alone = RESULT(true, "-d", f->data, "--epochs", "1", "--plan", "--rate", "2");
    const double more = json_number_value(json_object_get(plan, "flops")) -
                        json_number_value(json_object_get(alone, "flops"));
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, "builtin:pre", NULL, &err), &err);
    assert_true(more == 2 * vit_config_macs(vit_model_config(m)) * 80);
    vit_model_close(m);
    json_decref(plan);
    json_decref(alone);
    EXPECT(3, "cell norm=pre_seed=0: --teacher nowhere.safetensors: ", true, "-d", f->data, "-o", f->out,
           "--norm", "pre,post", "--teacher", "nowhere.safetensors");
    assert_int_not_equal(access(f->out, F_OK), 0);
}

/* Else cells that stand side by side would have been taught by two networks of one name. */
static void a_sweep_keeps_its_teacher(void **state)
{
    struct fixture *f = *state;
    char teacher[400], first[400], second[400];

    snprintf(teacher, sizeof teacher, "%s/teacher.safetensors", f->dir);
    snprintf(first, sizeof first, "%s/cells/norm=pre_seed=0/model.safetensors", f->out);
    snprintf(second, sizeof second, "%s/cells/norm=pre_seed=1/model.safetensors", f->out);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--seed", "0,1", "--epochs", "1", "--keep", "model");
    assert_int_equal(rename(first, teacher), 0);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--teacher", teacher);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--teacher", teacher, "--seed",
           "0,1");
    assert_int_equal(rename(second, teacher), 0);
    EXPECT(3, "the sweep in ", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--teacher", teacher,
           "--seed", "0,1,2");
    assert_int_equal(tmp_lines(f->other, "cells.jsonl"), 2);
}

/* The same plan as a table: a row for each cell, in order, and the sum. */
static void a_plan_for_people_has_every_cell(void **state)
{
    struct fixture *f = *state;
    struct run r =
        sweep(true, (const char *const[]){ "-d", f->data, "--norm", "pre,post", "--lr", "1e-2,1e-3,0.0001",
                                           "--seed", "0,7", "--epochs", "3", "--plan", "--rate", "2", NULL });
    json_t *plan = RESULT(true, "-d", f->data, "--norm", "pre,post", "--lr", "1e-2,1e-3,0.0001", "--seed",
                          "0,7", "--epochs", "3", "--plan", "--rate", "2");
    const double flops = json_number_value(json_object_get(plan, "flops"));
    const char *at = r.out;
    char sum[100];

    assert_int_equal(r.code, 0);
    for (size_t i = 0; i < VIT_COUNT(ORDER); i++) {
        const double own = lines_number(json_object_get(plan, "cells"), i, "flops");
        char cell[100], tera[32], *end;
        int steps;

        at = strstr(at, ORDER[i]);
        if (!at) fail_msg("no %s, or not in order: %s", ORDER[i], r.out);
        assert_int_equal(sscanf(at, "%99s | %d | %31s", cell, &steps, tera), 3);
        assert_int_equal(steps, 30);
        assert_near(strtod(tera, &end), own / 1e12, 1e-3 * own / 1e12); /* four digits */
    }
    snprintf(sum, sizeof sum, "\n12 cells, %.4g PFLOP, %.3g hours\n", flops / 1e15, flops / 2e9 / 3600);
    if (!strstr(at, sum)) fail_msg("no \"%s\" at the end of %s", sum, r.out);
    json_decref(plan);
    run_free(&r);
}

static void a_plan_knows_what_is_done(void **state)
{
    struct fixture *f = *state;

    for (int done = 0; done < 2; done++) {
        json_t *plan = RESULT(true, "-d", f->data, "-o", f->out, "--norm", "pre,post", "--epochs", "1",
                              "--plan", "--rate", "2");
        for (size_t i = 0; i < 2; i++) {
            const json_t *cell = json_array_get(json_object_get(plan, "cells"), i);
            const char *status = json_string_value(json_object_get(cell, "status"));
            assert_true(done ? status && !strcmp(status, "done") : !status);
        }
        const double flops = json_number_value(json_object_get(plan, "flops"));
        assert_true(flops > 0);
        assert_true(json_number_value(json_object_get(plan, "flops_left")) == (done ? 0 : flops));
        assert_near(json_number_value(json_object_get(plan, "hours_left")), (done ? 0 : flops) / 2e9 / 3600,
                    1e-12);
        json_decref(plan);
        if (!done) EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--norm", "pre,post", "--epochs", "1");
    }
}

static void a_plan_measures_what_it_is_not_told(void **state)
{
    struct fixture *f = *state;
    json_t *plan = RESULT(true, "-d", f->data, "--norm", "pre,post", "--plan");

    assert_int_equal(json_array_size(json_object_get(plan, "cells")), 2);
    assert_true(json_number_value(json_object_get(plan, "hours")) > 0);
    json_decref(plan);
}

/* 8 cells of 120 steps: killed in the middle of every one of them, and wherever it falls. */
#define GRID                                                                                                 \
    "--norm", "pre,post", "--lr", "1e-3,1e-2", "--seeds", "2", "--epochs", "12", "--checkpoint-every", "30"

static void a_sweep_killed_at_any_moment_ends_with_the_same_numbers(void **state)
{
    static const char *const AT[] = { "cells/norm=post_lr=0.001_seed=0/log.jsonl",
                                      "cells/norm=pre_lr=0.001_seed=1/log.jsonl" };
    struct fixture *f = *state;
    int killed = 0;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, GRID);
    for (int i = 0; i < 2; i++) /* in the middle of a cell */
        killed +=
            INTERRUPT(f->other, AT[i], 5, SIGKILL, "-d", f->data, "-o", f->other, GRID) == 128 + SIGKILL;
    for (int lines = 5; lines < 8; lines++) /* between two cells, or near */
        killed += INTERRUPT(f->other, "cells.jsonl", lines, SIGKILL, "-d", f->data, "-o", f->other, GRID) ==
                  128 + SIGKILL;
    assert_true(killed >= 2);
    /* The rest is in sweep.json; -t because OpenBLAS would not give the same bits with another number. */
    EXPECT(0, "", false, "-o", f->other, "-t", "1", "--checkpoint-every", "1000");
    assert_same_sweep(f->out, f->other);
}

/* What a kill between two writes leaves: half a line, epochs of a cell without its line, files under way. */
static void half_written_lines_are_written_again(void **state)
{
    static const char *const LEFT[] = { "sweep.json.1-0.tmp", "epochs.jsonl.71-3.tmp",
                                        "logits/norm=pre_lr=0.01_seed=1.safetensors.71-0.tmp" };
    /* Somebody else's. */
    static const char *const OTHERS[] = { "notes.tmp", "sweep.json.old.tmp", "thesis.1-0.tmp",
                                          "logits/mine.safetensors.1-0.tmp" };
    struct fixture *f = *state;
    char *cells, *epochs, *last;
    FILE *file;
    char path[400];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, GRID);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, GRID);
    cells = tmp_text(f->other, "cells.jsonl");
    last = strstr(cells, "{\"cell\":\"norm=post_lr=0.01_seed=1\"");
    assert_non_null(last);
    tmp_write(f->other, "cells.jsonl", cells, (size_t)(last - cells) + 50, NULL, 0);
    epochs = tmp_text(f->other, "epochs.jsonl");
    snprintf(path, sizeof path, "%s/epochs.jsonl", f->other);
    assert_int_equal(truncate(path, (off_t)strlen(epochs) - 30), 0);
    for (size_t i = 0; i < VIT_COUNT(LEFT); i++) tmp_write(f->other, LEFT[i], "{", 1, NULL, 0);
    for (size_t i = 0; i < VIT_COUNT(OTHERS); i++) tmp_write(f->other, OTHERS[i], "{", 1, NULL, 0);
    snprintf(path, sizeof path, "%s/cells/norm=post_lr=0.01_seed=1/model.safetensors", f->other);
    file = fopen(path, "wb"); /* and its state is gone: the cell is trained once more */
    fclose(file);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, GRID);
    for (size_t i = 0; i < VIT_COUNT(LEFT); i++) assert_false(tmp_has(f->other, LEFT[i]));
    for (size_t i = 0; i < VIT_COUNT(OTHERS); i++) assert_true(tmp_has(f->other, OTHERS[i]));
    assert_same_sweep(f->out, f->other);
    free(cells);
    free(epochs);
}

static void an_interrupted_sweep_says_130_and_goes_on(void **state)
{
    static const int SIGNALS[] = { SIGINT, SIGTERM };
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, GRID);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            INTERRUPT(f->other, "cells.jsonl", 2 + 3 * i, SIGNALS[i], "-d", f->data, "-o", f->other, GRID),
            130);
    EXPECT(0, "", false, "-o", f->other, "-t", "1");
    assert_same_sweep(f->out, f->other);
}

/* Where there are many pictures, or one job of several has failed, nobody waits until all are read. */
static void a_wish_to_stop_ends_the_reading(void **state)
{
    static const struct recipe everything = { 0 };
    struct fixture *f = *state;
    struct sweep s = { .common = { .quiet = true, .threads = 1 } };
    struct sweep_source source = { .recipe = &everything, .pictures = patch_recipe_default(32) };
    struct vit_error err;

    assert_ok(train_data_open(&source.data, f->data, &everything, &err), &err);
    stop_catch();
    stop_ask();
    assert_refused(sweep_data_read(&s, &source, &err), VIT_ERR_IO, "reading was stopped after 0 of 100",
                   &err);
    stop_release();
    assert_false(source.read);
    train_data_close(&source.data);
}

/* A cell of one thread, alone or beside others. */
static void jobs_come_to_the_same_numbers(void **state)
{
    struct fixture *f = *state;
    int killed = 0;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, GRID);
    for (int lines = 1; lines < 4; lines++)
        killed += INTERRUPT(f->other, "cells.jsonl", lines, SIGKILL, "-d", f->data, "-o", f->other, GRID,
                            "-j", "3", "-t", "3") == 128 + SIGKILL;
    assert_int_equal(killed, 3);
    assert_int_equal(INTERRUPT(f->other, "cells.jsonl", 5, SIGTERM, "-o", f->other, "-j", "2", "-t", "2"),
                     130);
    EXPECT(0, "", false, "-o", f->other, "-j", "3", "-t", "3");
    assert_same_cells(f->out, f->other, "cells.jsonl");
    assert_same_cells(f->out, f->other, "epochs.jsonl");
    assert_same_files(f->out, f->other);
}

/* What one of them cannot do ends all of them, and what the others have is saved. */
static void a_job_that_fails_ends_the_others(void **state)
{
    struct fixture *f = *state;
    char log[400];
    struct run r;

    tmp_write(f->out, "cells.jsonl", "", 0, NULL, 0);
    tmp_write(f->out, "cells/norm=post_seed=0", "in the way of a folder", 22, NULL, 0);
    r = sweep(true, (const char *const[]){ "-d", f->data, "-o", f->out, "--norm", "pre,post", "--epochs",
                                           "9999", "-j", "2", "-t", "2", NULL });
    run_expect(&r, 3, "norm=post_seed=0");
    snprintf(log, sizeof log, "%s/cells/norm=pre_seed=0", f->out);
    assert_true(tmp_has(log, "state.safetensors"));
    assert_int_equal(tmp_lines(f->out, "cells.jsonl"), 0);
}

/* Epochs say whose they are where several are trained at a time. */
static void jobs_say_which_cell_they_are_of(void **state)
{
    struct fixture *f = *state;
    struct run r = sweep(true, (const char *const[]){ "-d", f->data, "-o", f->out, "--norm", "pre,post",
                                                      "--epochs", "2", "-j", "2", "-t", "2", NULL });

    assert_non_null(strstr(r.err, "\nnorm=pre_seed=0: epoch 2/2 "));
    assert_non_null(strstr(r.err, "\nnorm=post_seed=0: epoch 2/2 "));
    run_expect(&r, 0, "");
    EXPECT(2, "--jobs: expected at most 2, the threads to compute with, found 3", true, "-d", f->data, "-o",
           f->other, "-j", "3", "-t", "2");
}

/* Not those of one thread, which are not bound. */
static void jobs_whose_threads_are_bound_are_warned_of(void **state)
{
    static const char PART[] = "--jobs 2: OpenMP is told to bind threads";
    struct fixture *f = *state;
    const char *const words[] = { "-d", f->data, "--norm", "pre,post", "--plan", "--rate",
                                  "2",  "-j",    "2",      "-t",       "4",      NULL };
    struct run r;

    if (getenv("OMP_PROC_BIND") || getenv("OMP_PLACES")) skip();
    r = sweep(true, words);
    assert_null(strstr(r.err, PART));
    run_expect(&r, 0, "");
    setenv("OMP_PROC_BIND", "true", 1);
    EXPECT(0, PART, true, "-d", f->data, "--norm", "pre,post", "--plan", "--rate", "2", "-j", "2", "-t", "4");
    r = sweep(true, (const char *const[]){ "-d", f->data, "--norm", "pre,post", "--plan", "--rate", "2", "-j",
                                           "2", "-t", "2", NULL });
    unsetenv("OMP_PROC_BIND");
    assert_null(strstr(r.err, PART));
    run_expect(&r, 0, "");
}

/* The rate is that of both together: one cell takes twice as long, all of them as long. */
static void a_plan_reckons_with_jobs(void **state)
{
    struct fixture *f = *state;
    json_t *one = RESULT(true, "-d", f->data, "--norm", "pre,post", "--plan", "--rate", "2"),
           *two = RESULT(true, "-d", f->data, "--norm", "pre,post", "--plan", "--rate", "2", "-j", "2", "-t",
                         "2"),
           *measured = RESULT(true, "-d", f->data, "--norm", "pre,post", "--plan", "-j", "2", "-t", "2");
    const json_t *a = json_object_get(one, "cells"), *b = json_object_get(two, "cells");

    assert_true(fabs(json_number_value(json_object_get(two, "hours")) /
                         json_number_value(json_object_get(one, "hours")) -
                     1) < 1e-9);
    assert_true(fabs(lines_number(b, 0, "hours") / lines_number(a, 0, "hours") - 2) < 1e-9);
    assert_true(json_number_value(json_object_get(measured, "hours")) > 0);
    json_decref(one);
    json_decref(two);
    json_decref(measured);
}

static void what_has_ended_is_printed_the_same_again(void **state)
{
    struct fixture *f = *state;
    struct run first = sweep(true, (const char *const[]){ "-d", f->data, "-o", f->out, "--epochs", "1",
                                                          "--seeds", "3", "--json", NULL }),
               again = sweep(false, (const char *const[]){ "-o", f->out, "--json", NULL });

    assert_string_equal(first.out, again.out);
    run_expect(&first, 0, "");
    run_expect(&again, 0, "");
}

/* As older ones were written: settings under their names. */
static void age(const char *dir, const char *name)
{
    char *text = tmp_text(dir, name);

    for (char *at = text; (at = strstr(at, "norm_kind"));) at[strlen("norm")] = '-';
    tmp_write(dir, name, text, strlen(text), NULL, 0);
    free(text);
}

static void lines_have_keys_and_older_ones_are_read(void **state)
{
    struct fixture *f = *state;
    json_t *result =
               RESULT(true, "-d", f->data, "-o", f->out, "--norm-kind", "layernorm,rmsnorm", "--epochs", "1"),
           *cells = lines_of(f->out, "cells.jsonl");
    const char *const report[] = { f->out, "-o", "-", NULL };
    struct run r = run_verb("report", NULL, report), older;

    assert_string_equal(lines_text(json_object_get(result, "arms"), 1, "norm_kind"), "rmsnorm");
    assert_string_equal(lines_text(cells, 1, "norm_kind"), "rmsnorm");
    assert_non_null(strstr(r.out, "norm-kind rmsnorm"));
    age(f->out, "cells.jsonl");
    age(f->out, "sweep.json");
    older = run_verb("report", NULL, report);
    assert_string_equal(r.out, older.out);
    EXPECT(0, "", false, "-o", f->out);
    run_expect(&r, 0, "");
    run_expect(&older, 0, "");
    json_decref(result);
    json_decref(cells);
}

static void a_cell_that_diverges_is_a_result(void **state)
{
    struct fixture *f = *state;
    json_t *result = RESULT(true, "-d", f->data, "-o", f->out, "--lr", "1e-3,1e6", "--clip", "0", "--warmup",
                            "0", "--schedule", "constant", "--epochs", "30"),
           *cells = lines_of(f->out, "cells.jsonl"), *epochs = lines_of(f->out, "epochs.jsonl");
    const json_t *arms = json_object_get(result, "arms");
    const size_t last = json_array_size(epochs) - 1;

    assert_int_equal(json_array_size(cells), 2);
    assert_string_equal(lines_text(cells, 0, "status"), "done");
    assert_string_equal(lines_text(cells, 1, "status"), "diverged");
    assert_non_null(strstr(lines_text(cells, 1, "reason"), "is not finite"));
    assert_true(json_is_null(json_object_get(json_array_get(cells, 1), "test_top1")));
    assert_string_equal(lines_text(epochs, last, "cell"), lines_text(cells, 1, "cell"));
    assert_true(json_is_true(json_object_get(json_array_get(epochs, last), "diverged")));
    assert_int_equal(lines_number(arms, 0, "done"), 1);
    assert_int_equal(lines_number(arms, 1, "diverged"), 1);
    json_decref(cells);
    json_decref(epochs);
    json_decref(result);
}

/* One step, which nothing follows but the validation. Without norms the stream overflows with any kernels,
 * also with the reference's, which add in double. */
static void a_cell_lost_by_its_last_step_has_diverged(void **state)
{
    struct fixture *f = *state;
    json_t *result = RESULT(true, "-d", f->data, "-o", f->out, "--lr", "1e-3,1e9", "--warmup", "0",
                            "--epochs", "1", "--batch", "80", "--width", "64", "--norm", "rezero"),
           *cells = lines_of(f->out, "cells.jsonl");

    assert_string_equal(lines_text(cells, 0, "status"), "done");
    assert_string_equal(lines_text(cells, 1, "status"), "diverged");
    assert_non_null(strstr(lines_text(cells, 1, "reason"), "the loss on the validation pictures"));
    assert_int_equal(lines_number(cells, 1, "epochs_done"), 1);
    assert_true(json_is_null(json_object_get(json_array_get(cells, 1), "logits")));
    assert_int_equal(lines_number(json_object_get(result, "arms"), 1, "diverged"), 1);
    json_decref(cells);
    json_decref(result);
}

/* Into dir/cells.jsonl. */
static void write_cells(const char *dir, const json_t *cells)
{
    char path[400];
    const json_t *cell;
    FILE *file;
    size_t i;

    snprintf(path, sizeof path, "%s/cells.jsonl", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    json_array_foreach(cells, i, cell)
    {
        json_dumpf(cell, file, JSON_COMPACT);
        fputc('\n', file);
    }
    fclose(file);
}

/* Three seeds that happen to reach the same accuracies: no spread, not that of rounding. */
static void equal_results_have_no_spread(void **state)
{
    struct fixture *f = *state;
    json_t *result;
    const json_t *arm;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--seed", "0,1,2", "--lr", "0", "--epochs", "1");
    json_t *cells = lines_of(f->out, "cells.jsonl");
    for (size_t i = 0; i < json_array_size(cells); i++) {
        json_t *cell = json_array_get(cells, i);
        json_object_set_new(cell, "val_top1", json_real(0.3));
        json_object_set_new(cell, "test_top1", json_real(0.6));
    }
    write_cells(f->out, cells);
    result = RESULT(false, "-o", f->out);
    arm = json_object_get(result, "arms");
    assert_int_equal(lines_number(arm, 0, "done"), 3);
    assert_true(lines_number(arm, 0, "val_top1") == 0.3 && lines_number(arm, 0, "test_top1") == 0.6);
    assert_true(lines_number(arm, 0, "val_top1_sd") == 0 && lines_number(arm, 0, "test_top1_sd") == 0);
    json_decref(cells);
    json_decref(result);
}

/* A mean over the quick ones alone must not look like that of all. */
static void runs_that_never_left_the_plateau_are_counted(void **state)
{
    struct fixture *f = *state;
    json_t *cells, *result;
    struct run table;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--seed", "0,1,2", "--lr", "0", "--epochs", "1");
    cells = lines_of(f->out, "cells.jsonl");
    json_object_set_new(json_array_get(cells, 0), "plateau_step", json_integer(30));
    json_object_set_new(json_array_get(cells, 1), "plateau_step", json_integer(50));
    write_cells(f->out, cells);
    table = sweep(false, (const char *const[]){ "-o", f->out, NULL });
    assert_non_null(strstr(table.out, " 40 (2 of 3) |"));
    run_expect(&table, 0, "");
    result = RESULT(false, "-o", f->out);
    assert_int_equal(lines_number(json_object_get(result, "arms"), 0, "plateau_step"), 40);
    assert_int_equal(lines_number(json_object_get(result, "arms"), 0, "plateau_left"), 2);
    json_decref(cells);
    json_decref(result);
}

/* With rate 0 nothing is learnt, with the other the colours are. */
static void a_cell_that_stays_at_chance_is_stopped(void **state)
{
    struct fixture *f = *state;
    json_t *cells;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--lr", "0,3e-3", "--epochs", "8", "--dead-after", "50%",
           "--cutmix", "0");
    cells = lines_of(f->out, "cells.jsonl");
    assert_string_equal(lines_text(cells, 0, "status"), "dead");
    assert_int_equal(lines_number(cells, 0, "steps"), 40);
    assert_non_null(strstr(lines_text(cells, 0, "reason"), "chance is 2.3026"));
    assert_true(json_is_null(json_object_get(json_array_get(cells, 0), "plateau_step")));
    assert_string_equal(lines_text(cells, 1, "status"), "done");
    assert_in_range(lines_number(cells, 1, "plateau_step"), TRAIN_WINDOW, 80);
    json_decref(cells);
}

/* Chance follows from it, also where every cell is dead and leaves no network. */
static void the_grid_says_of_how_many_classes_it_is(void **state)
{
    struct fixture *f = *state;
    char *text;
    json_t *grid;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--lr", "0", "--epochs", "8", "--dead-after", "10");
    assert_true(tmp_has(f->out, "cells/norm=pre_seed=0/log.jsonl"));
    assert_false(tmp_has(f->out, "cells/norm=pre_seed=0/config.json"));
    text = tmp_text(f->out, "sweep.json");
    grid = json_loads(text, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(grid, "classes")), 10);
    /* One that is too old to say goes on all the same, and says it from then on. */
    json_object_del(grid, "classes");
    free(text);
    text = json_dumps(grid, JSON_INDENT(1));
    tmp_write(f->out, "sweep.json", text, strlen(text), NULL, 0);
    EXPECT(0, "", false, "-o", f->out, "--seeds", "2");
    json_decref(grid);
    free(text);
    text = tmp_text(f->out, "sweep.json");
    assert_non_null(strstr(text, "\"classes\": 10"));
    free(text);
}

/* mix:0 has no post-norm block: the same function as pre, so that all numbers must be the same. */
static void arms_share_weights_order_and_augmentation(void **state)
{
    struct fixture *f = *state;
    json_t *pre, *mix;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--norm", "pre,mix:0", "--final-norm", "on", "--augment",
           "autoaugment", "--log-every", "1", "--epochs", "3");
    pre = lines_of(f->out, "cells/norm=pre_seed=0/log.jsonl");
    mix = lines_of(f->out, "cells/norm=mix:0_seed=0/log.jsonl");
    assert_int_equal(json_array_size(pre), 33);
    for (size_t i = 0; i < 33; i++) {
        assert_string_equal(lines_text(mix, i, "norm"), "mix:0");
        json_object_set(json_array_get(mix, i), "norm", json_object_get(json_array_get(pre, i), "norm"));
        json_object_set(json_array_get(mix, i), "cell", json_object_get(json_array_get(pre, i), "cell"));
    }
    assert_true(json_equal(pre, mix));
    json_decref(pre);
    json_decref(mix);
}

/* Cells that prepare their pictures in another way share none with the others. */
static void a_crop_may_be_an_axis(void **state)
{
    struct fixture *f = *state;
    json_t *cells;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--crop-pct", "0.5,1", "--epochs", "1");
    cells = lines_of(f->out, "cells.jsonl");
    assert_true(lines_number(cells, 0, "crop_pct") == 0.5 && lines_number(cells, 1, "crop_pct") == 1);
    assert_true(lines_number(cells, 0, "train_loss") != lines_number(cells, 1, "train_loss"));
    json_decref(cells);
}

static void a_folder_has_one_sweep_at_a_time(void **state)
{
    struct fixture *f = *state;
    char path[400];
    int cells;

    tmp_write(f->out, "cells.jsonl", "", 0, path, sizeof path);
    cells = open(path, O_RDWR);
    assert_true(cells >= 0);
    assert_int_equal(flock(cells, LOCK_EX), 0);
    EXPECT(3, "out/cells.jsonl: another sweep is writing to it", true, "-d", f->data, "-o", f->out,
           "--epochs", "1");
    assert_int_equal(close(cells), 0);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
}

/* As another sweep would have written it between a first look and the lock. */
static void a_grid_that_was_written_meanwhile_stays(void **state)
{
    struct fixture *f = *state;
    const struct sweep_options options = { .out = f->out };
    struct sweep s = { .options = &options, .data = f->data, .dead_after = "auto", .file = -1 };
    struct vit_error err;
    char *grid;

    tmp_write(f->out, "cells.jsonl", "", 0, NULL, 0);
    tmp_write(f->out, "sweep.json", "{}\n", 3, NULL, 0);
    assert_refused(sweep_folder_open(&s, &err), VIT_ERR_IO, "out: another sweep has changed its grid", &err);
    sweep_folder_close(&s);
    grid = tmp_text(f->out, "sweep.json");
    assert_string_equal(grid, "{}\n");
    free(grid);
}

/* By its lines they know each other's, as a run does by its log. */
static void a_folder_that_was_used_again_is_not_added_to(void **state)
{
    struct fixture *f = *state;
    const pid_t child = fork();
    char path[400], new[400];
    int status;

    assert_true(child >= 0);
    if (!child) {
        alarm(60); /* where there never is a line */
        while (tmp_lines(f->out, "cells.jsonl") < 1) usleep(200);
        snprintf(path, sizeof path, "%s/cells.jsonl", f->out);
        tmp_write(f->out, "new", "", 0, new, sizeof new);
        _exit(rename(new, path) != 0);
    }
    EXPECT(3, "out/cells.jsonl: was removed or replaced while the sweep wrote to it", true, "-d", f->data,
           "-o", f->out, "--seeds", "1000", "--epochs", "1");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(tmp_lines(f->out, "cells.jsonl"), 0);
}

/* Links that lead to themselves, as folders that may not be listed. */
static void a_folder_that_cannot_be_listed_is_named(void **state)
{
    static const char PART[] = "out: cannot be listed: ";
    struct fixture *f = *state;

    assert_int_equal(symlink("out", f->out), 0);
    EXPECT(3, PART, true, "-d", f->data, "-o", f->out);
    EXPECT(3, PART, true, "-d", f->data, "-o", f->out, "--plan", "--rate", "1");
}

static void a_pipe_in_the_place_of_lines_is_refused(void **state)
{
    static const char *const NAMES[] = { "epochs.jsonl", "cells.jsonl" };
    struct fixture *f = *state;
    char path[400], part[100];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    alarm(60); /* who waits for a writer waits for ever */
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        snprintf(path, sizeof path, "%s/%s", f->out, NAMES[i]);
        snprintf(part, sizeof part, "out/%s: expected a file, found a pipe", NAMES[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        EXPECT(3, part, false, "-o", f->out);
    }
    EXPECT(3, part, false, "-o", f->out, "--plan", "--rate", "1");
    alarm(0);
}

/* Eight pictures to learn from, four to validate on; the data set in data (600). */
static void write_splits(const struct fixture *f, char *data)
{
    static const unsigned char PIXELS[32 * 32 * 3];
    char name[64], path[600];

    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "split/%s/%s/%d.png", i < 8 ? "train" : "val", i % 2 ? "a" : "b", i);
        tmp_write(f->dir, name, "", 0, path, sizeof path);
        assert_int_equal(patch_png_write(path, PIXELS, 32, 32, NULL), VIT_OK);
    }
    snprintf(data, 600, "%s/split", f->dir);
}

static void cells_may_validate_on_the_split_for_it(void **state)
{
    struct fixture *f = *state;
    char data[600];
    json_t *cells;

    write_splits(f, data);
    EXPECT(3, "has no split \"val\"", false, "-d", f->data, "-o", f->other, "--val-split");
    EXPECT(0, "", false, "-d", data, "-o", f->out, "--norm", "pre,post", "--val-split", "--batch", "4",
           "--epochs", "1", "--width", "16", "--depth", "1", "--heads", "2", "--patch", "16", "-t", "1");
    cells = lines_of(f->out, "cells.jsonl");
    assert_int_equal(json_array_size(cells), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(lines_number(cells, i, "val_n") == 4);
        assert_true(lines_number(cells, i, "steps") == 2); /* nothing is held out of the eight */
    }
    EXPECT(2, "out has --val-split", false, "-o", f->out, "--val", "0.5");
    json_decref(cells);
}

/* With rate 0 the weights at the end are those of the start. */
static void arms_start_from_the_same_weights(void **state)
{
    struct fixture *f = *state;
    struct weights_file *file[2];
    struct vit_error err;
    char path[400];
    size_t shared = 0;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--norm", "pre,post", "--lr", "0", "--epochs", "1");
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/cells/norm=%s_seed=0/model.safetensors", f->out, i ? "post" : "pre");
        assert_ok(weights_open(&file[i], path, &err), &err);
    }
    for (size_t i = 0; i < weights_count(file[1]); i++) {
        const struct weights_tensor *post = weights_at(file[1], i), *pre = weights_find(file[0], post->name);
        if (!pre) continue;
        assert_int_equal(pre->count, post->count);
        assert_memory_equal(pre->data, post->data, pre->count * sizeof(float));
        shared++;
    }
    assert_int_equal(shared, weights_count(file[1])); /* pre has a final norm beside them */
    weights_close(file[0]);
    weights_close(file[1]);
}

/* Of which pictures and classes they are too. */
static void logits_of_a_cell_are_those_of_eval(void **state)
{
    struct fixture *f = *state;
    char model[400], kept[2][400];
    struct weights_file *file[2];
    struct vit_error err;
    json_t *cells;
    struct run r;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1", "--limit", "30");
    cells = lines_of(f->out, "cells.jsonl");
    snprintf(model, sizeof model, "%s/cells/%s", f->out, lines_text(cells, 0, "cell"));
    snprintf(kept[0], sizeof kept[0], "%s/%s", f->out, lines_text(cells, 0, "logits"));
    snprintf(kept[1], sizeof kept[1], "%s/kept.safetensors", f->dir);
    r = run_vit((const char *const[]){ "eval", "-m", model, "-d", f->data, "--limit", "30", "--logits",
                                       kept[1], NULL },
                NULL);
    run_expect(&r, 0, "");
    for (int i = 0; i < 2; i++) assert_ok(weights_open(&file[i], kept[i], &err), &err);
    assert_int_equal(weights_count(file[0]), 3);
    assert_non_null(weights_meta(file[0], "vit.pictures"));
    assert_string_equal(weights_meta(file[0], "vit.pictures"), weights_meta(file[1], "vit.pictures"));
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "index" : "labels";
        const struct weights_tensor *a = weights_find(file[0], name), *b = weights_find(file[1], name);
        assert_non_null(a);
        assert_int_equal(a->count, b->count);
        assert_memory_equal(a->data, b->data, a->count * sizeof(int64_t));
    }
    for (int i = 0; i < 2; i++) weights_close(file[i]);
    json_decref(cells);
}

/* What eval says of a cell's model is what the sweep has written of it. */
static void the_test_split_is_scored_as_eval_does(void **state)
{
    struct fixture *f = *state;
    char model[400], path[400];
    const struct weights_tensor *logits, *labels;
    struct weights_file *file;
    struct vit_error err;
    json_t *cells, *eval;
    struct run r;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "4", "--lr", "1e-2");
    cells = lines_of(f->out, "cells.jsonl");
    snprintf(model, sizeof model, "%s/cells/%s", f->out, lines_text(cells, 0, "cell"));
    r = run_vit((const char *const[]){ "eval", "-m", model, "-d", f->data, "--json", NULL }, NULL);
    eval = json_loads(r.out, 0, NULL);
    assert_true(json_number_value(json_object_get(eval, "top1")) == lines_number(cells, 0, "test_top1"));
    assert_int_equal(lines_number(cells, 0, "test_n"), TEST_PICTURES);
    snprintf(path, sizeof path, "%s/%s", f->out, lines_text(cells, 0, "logits"));
    assert_ok(weights_open(&file, path, &err), &err);
    logits = weights_find(file, "logits"), labels = weights_find(file, "labels");
    assert_int_equal(logits->shape[0], TEST_PICTURES);
    assert_int_equal(logits->shape[1], 10);
    for (int i = 0; i < TEST_PICTURES; i++) {
        int64_t label;
        memcpy(&label, (const char *)labels->data + i * sizeof label, sizeof label);
        assert_int_equal(label, i % CLASSES);
    }
    weights_close(file);
    json_decref(cells);
    json_decref(eval);
    run_free(&r);
}

static void values_can_be_added(void **state)
{
    struct fixture *f = *state;
    char *before, *after;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--lr", "1e-3,1e-2", "--epochs", "1");
    before = tmp_text(f->out, "cells.jsonl");
    EXPECT(0, "", false, "-o", f->out, "--lr", "3e-2,1e-2,0.001", "--seeds", "2", "--norm", "pre,post");
    after = tmp_text(f->out, "cells.jsonl");
    assert_memory_equal(before, after, strlen(before));
    assert_int_equal(tmp_lines(f->out, "cells.jsonl"), 12);
    assert_int_equal(tmp_lines(f->out, "epochs.jsonl"), 12);
    free(before);
    free(after);
}

static void lines_of_steps_are_kept_too(void **state)
{
    struct fixture *f = *state;
    char log[400];

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "2", "--log-every", "1", "--norm",
           "pre,post");
    snprintf(log, sizeof log, "%s/cells/norm=post_seed=0", f->out);
    assert_true(tmp_lines(log, "log.jsonl") > 2);
    assert_int_equal(tmp_lines(f->out, "epochs.jsonl"), 2 * tmp_lines(log, "log.jsonl"));
}

static void another_grid_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    char *before, *after, data[400];

    snprintf(data, sizeof data, "%s/others", f->dir);
    noise_write(data, PICTURES, CLASSES - 1, 40, 1, 0);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--lr", "1e-3,1e-2", "--epochs", "1", "--kernels",
           "ref");
    before = tmp_text(f->out, "sweep.json");
    EXPECT(2, "--lr: the sweep in", false, "-o", f->out, "--lr", "1e-3");
    EXPECT(2, "out has 0.01 too; values can be added, not taken away", false, "-o", f->out, "--lr",
           "1e-3,0.1");
    EXPECT(2, "--width: the sweep in", false, "-o", f->out, "--width", "16,32");
    EXPECT(2, "out has \"16\", found \"16, 32\"; several values", false, "-o", f->out, "--width", "16,32");
    EXPECT(2, "out has \"0.98\", found \"0.98, 0.99\"; several values of it need a sweep of their own", false,
           "-o", f->out, "--beta2", "0.98,0.99");
    EXPECT(2, "out has \"0.98\", found \"0.5\"", false, "-o", f->out, "--beta2", "0.5");
    EXPECT(2, "--val-split: the sweep in ", false, "-o", f->out, "--val-split");
    EXPECT(2, "out has --val 0.2", false, "-o", f->out, "--val-split");
    EXPECT(2, "--epochs: the sweep in", false, "-o", f->out, "--epochs", "2");
    EXPECT(2, "--beta2: the sweep in", false, "-o", f->out, "--beta2", "0.5");
    EXPECT(2, "--from: the sweep in", false, "-o", f->out, "--from", "model"); /* with a preset of its own */
    EXPECT(2, "--preset: the sweep in", false, "-o", f->out, "--preset", "accurate");
    EXPECT(2, "--dead-after: the sweep in", false, "-o", f->out, "--dead-after", "1");
    EXPECT(2, "--no-test: the sweep in", false, "-o", f->out, "--no-test");
    EXPECT(2, "--data: the sweep in", false, "-o", f->out, "--data", data);
    EXPECT(2, "--kernels: the sweep in", false, "-o", f->out, "--kernels", "ref+vec");
    after = tmp_text(f->out, "sweep.json");
    assert_string_equal(before, after);
    EXPECT(0, "", false, "-o", f->out, "--lr", "0.01,0.001", "--beta2", "0.98");
    assert_int_equal(tmp_lines(f->out, "cells.jsonl"), 2);
    free(before);
    free(after);
}

/* The cells of one grid have seen the same pictures. */
static void other_pictures_are_refused(void **state)
{
    struct fixture *f = *state;
    char *grid, *before, *after;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    before = tmp_text(f->out, "cells.jsonl");
    noise_write(f->data, PICTURES + 10, CLASSES, 40, 1, 0);
    EXPECT(3, "began with 100 training pictures, now there are 110", false, "-o", f->out, "--seed", "0,1");
    after = tmp_text(f->out, "cells.jsonl");
    assert_string_equal(before, after);
    free(after);
    noise_write(f->data, PICTURES, CLASSES - 1, 40, 1, 0);
    EXPECT(3, "began with other classes, labels or files", false, "-o", f->out, "--seed", "0,1");
    grid = tmp_text(f->out, "sweep.json");
    assert_non_null(strstr(grid, "\"pictures\": 100,"));
    free(grid);
    free(before);
}

static void a_sweep_follows_its_pictures_to_another_place(void **state)
{
    struct fixture *f = *state;
    char moved[400], *grid;

    snprintf(moved, sizeof moved, "%s/moved", f->dir);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    assert_int_equal(rename(f->data, moved), 0);
    EXPECT(3, "no such data set", false, "-o", f->out, "--seed", "0,1");
    EXPECT(0, "", false, "-o", f->out, "--seed", "0,1", "--data", moved);
    assert_int_equal(tmp_lines(f->out, "cells.jsonl"), 2);
    grid = tmp_text(f->out, "sweep.json");
    assert_non_null(strstr(grid, moved));
    free(grid);
    snprintf(moved, sizeof moved, "%s/moved/test_batch.bin", f->dir);
    assert_int_equal(truncate(moved, NOISE_RECORD), 0); /* the tests of further cells would be others */
    EXPECT(3, "began with other classes, labels or files", false, "-o", f->out, "--seed", "0,1,2");
    snprintf(moved, sizeof moved, "%s/moved", f->dir);
    assert_int_equal(rename(moved, f->data), 0);
    EXPECT(2, "which has other classes, labels or files", false, "-o", f->out, "--data", f->data);
    EXPECT(3, "vit: nowhere: no such data set", false, "-o", f->out, "--data", "nowhere");
}

/* From before there were digests: no other place can be told from another data set. */
static void an_old_sweep_stays_where_it_is(void **state)
{
    struct fixture *f = *state;
    char moved[400], *grid, *digest;

    snprintf(moved, sizeof moved, "%s/moved", f->dir);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    grid = tmp_text(f->out, "sweep.json");
    digest = strstr(grid, "\"digest\"");
    assert_non_null(digest);
    memset(digest, ' ', strcspn(digest, ",") + 1);
    tmp_write(f->out, "sweep.json", grid, strlen(grid), NULL, 0);
    free(grid);
    assert_int_equal(rename(f->data, moved), 0);
    EXPECT(2, "--data: the sweep in", false, "-o", f->out, "--data", moved);
    assert_int_equal(rename(moved, f->data), 0);
    EXPECT(0, "", false, "-o", f->out, "--data", f->data);
}

static void a_grid_file_has_arrays(void **state)
{
    static const char GRID_FILE[] = "{\"lr\": [0.5, 0.001], \"epochs\": 1, \"qk-norm\": [false, true], "
                                    "\"warmup\": [2, \"10%\"], \"seed\": 3}";
    static const char WRONG[] = "{\"lr\": [0.5, \"fast\"]}", EMPTY[] = "{\"lr\": []}";
    struct fixture *f = *state;
    char path[3][400];
    json_t *plan;

    tmp_write(f->dir, "grid.json", GRID_FILE, sizeof GRID_FILE - 1, path[0], sizeof path[0]);
    tmp_write(f->dir, "wrong.json", WRONG, sizeof WRONG - 1, path[1], sizeof path[1]);
    tmp_write(f->dir, "empty.json", EMPTY, sizeof EMPTY - 1, path[2], sizeof path[2]);
    plan = RESULT(true, "-d", f->data, "--plan", "--rate", "1", "--recipe", path[0], "--lr", "0.25");
    assert_int_equal(json_array_size(json_object_get(plan, "cells")), 4);
    assert_string_equal(lines_text(json_object_get(plan, "cells"), 0, "cell"),
                        "norm=pre_qk-norm=off_warmup=2_seed=3");
    json_decref(plan);
    EXPECT(2, "\"lr\": expected a number", true, "-d", f->data, "-o", f->out, "--recipe", path[1]);
    EXPECT(2, "\"lr\": expected at least one", true, "-d", f->data, "-o", f->out, "--recipe", path[2]);
}

static void what_is_wrong_is_named_before_anything_is_made(void **state)
{
    struct fixture *f = *state;
    char path[400];

    EXPECT(2, "--out: expected", true, "-d", f->data);
    EXPECT(2, "--data: expected", true, "-o", f->out);
    EXPECT(2, "--lr: expected a number", true, "-d", f->data, "-o", f->out, "--lr", "1e-3,fast");
    EXPECT(2, "--lr: expected different values", true, "-d", f->data, "-o", f->out, "--lr", "1e-3,0.001");
    EXPECT(2, "--norm: ", true, "-d", f->data, "-o", f->out, "--norm", "pre,middle");
    EXPECT(2, "--seeds and --seed", true, "-d", f->data, "-o", f->out, "--seeds", "2", "--seed", "1");
    EXPECT(2, "--dead-after: expected", true, "-d", f->data, "-o", f->out, "--dead-after", "soon");
    EXPECT(2, "did you mean --seeds", true, "-d", f->data, "-o", f->out, "--seedss", "2");
    EXPECT(2, "cell norm=pre_heads=3_seed=0: ", false, "-d", f->data, "-o", f->out, "--heads", "2,3",
           "--width", "16", "--batch", "8");
    EXPECT(2, "--batch 500", true, "-d", f->data, "-o", f->out, "--batch", "500");
    EXPECT(2, "--from: expected a path in UTF-8", true, "-d", f->data, "-o", f->out, "--from", "a,caf\xe9");
    EXPECT(2, "--data: expected a path in UTF-8", true, "-d", "caf\xe9", "-o", f->out);
    EXPECT(3, "nowhere", true, "-d", "nowhere", "-o", f->out);
    assert_int_not_equal(access(f->out, F_OK), 0);
    EXPECT(2, "holds no sweep", true, "-d", f->data, "-o", f->data);
    snprintf(path, sizeof path, "%s/test_batch.bin/out", f->data);
    EXPECT(3, "test_batch.bin/out", true, "-d", f->data, "-o", path);
}

/* The placement is that of the network to start from, as in train; what it cannot lend is known before any
 * cell is trained. */
static void cells_start_from_the_network_as_it_is(void **state)
{
    struct fixture *f = *state;
    char from[400], pre[400], both[900], broken[400];
    json_t *cells;

    snprintf(from, sizeof from, "%s/cells/norm=post_seed=0/model.safetensors", f->other);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1", "--norm", "pre,post");
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--from", from, "--epochs", "1", "--batch", "8");
    cells = lines_of(f->out, "cells.jsonl");
    assert_string_equal(lines_text(cells, 0, "cell"), "norm=post_seed=0");
    assert_string_equal(lines_text(cells, 0, "norm"), "post");
    json_decref(cells);
    tmp_remove(f->out);

    snprintf(pre, sizeof pre, "%s/cells/norm=pre_seed=0/model.safetensors", f->other);
    EXPECT(0, "2 of its tensors are not used by the network to train: \"norm.weight\" [16]", false, "-d",
           f->data, "-o", f->out, "--from", pre, "--norm", "post", "--epochs", "1", "--batch", "8");
    tmp_remove(f->out);
    snprintf(both, sizeof both, "%s,%s", pre, from);
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--from", both, "--epochs", "1", "--batch", "8");
    cells = lines_of(f->out, "cells.jsonl");
    assert_string_equal(lines_text(cells, 0, "norm"), "pre");
    assert_string_equal(lines_text(cells, 1, "norm"), "post");
    json_decref(cells);
    tmp_remove(f->out);

    EXPECT(2, "cell norm=pre_seed=0: ", false, "-d", f->data, "-o", f->out, "--from", from, "--norm",
           "post,pre", "--batch", "8");
    EXPECT(2, "has no norm.weight, which the network to train needs; --final-norm off does without", false,
           "-d", f->data, "--plan", "--from", from, "--norm", "post,pre", "--batch", "8");
    EXPECT(2, "expected the shape [32, 3, 16, 16]", false, "-d", f->data, "--plan", "--from", from, "--width",
           "32,16", "--batch", "8");
    tmp_write(f->dir, "broken.safetensors", "no model", 8, broken, sizeof broken);
    EXPECT(3, "broken.safetensors", false, "-d", f->data, "-o", f->out, "--from", broken);
    EXPECT(3, "broken.safetensors", false, "-d", f->data, "-o", f->out, "--from", broken, "--norm", "pre");
    assert_int_not_equal(access(f->out, F_OK), 0);
}

/* The data have pictures of four of ten classes. Sizes divide them alike, limits do not. */
static void what_is_said_of_a_division_is_said_once(void **state)
{
    static const char SAYS[] = "there is no picture to learn 6 of its 10 classes from: ";
    struct fixture *f = *state;
    struct run r = sweep(true, (const char *const[]){ "-d", f->data, "--plan", "--rate", "1", "--image",
                                                      "32,48", "--limit", "20,40", NULL });
    const char *first = strstr(r.err, SAYS), *second = first ? strstr(first + 1, SAYS) : NULL;

    assert_non_null(second);
    assert_null(strstr(second + 1, SAYS));
    run_expect(&r, 0, "");
}

/* None of the cells: a list whose values some of them read is trained whole, and what that makes is said. */
static void a_setting_that_no_cell_reads_is_refused(void **state)
{
    static const char RECIPE[] = "{\"muon-lr\": 0.3}";
    struct fixture *f = *state;
    char recipe[300];

    EXPECT(2, "--muon-lr: nothing reads it without --optimizer muon", true, "-d", f->data, "-o", f->out,
           "--muon-lr", "0.01,0.02");
    EXPECT(2, "--eval-every: nothing reads it without pictures to validate on", true, "-d", f->data, "-o",
           f->out, "--val", "0", "--eval-every", "2");
    assert_int_not_equal(access(f->out, F_OK), 0);
    EXPECT(0, "", true, "-d", f->data, "--plan", "--rate", "1", "--muon-lr", "0.01", "--optimizer",
           "adamw,muon");
    EXPECT(0, "--out-gain: nothing reads it without --norm res-post or sandwich, as in 2 of 4 cells", true,
           "-d", f->data, "--plan", "--rate", "1", "--norm", "pre,sandwich", "--out-gain", "0,1");
    EXPECT(2, "--rate: expected --plan", true, "-d", f->data, "-o", f->out, "--rate", "1");
    tmp_write(f->dir, "r.json", RECIPE, sizeof RECIPE - 1, recipe, sizeof recipe);
    EXPECT(0, "r.json: muon-lr: nothing reads it without --optimizer muon", true, "-d", f->data, "--plan",
           "--rate", "1", "--recipe", recipe);
}

/* The command that vit report gives for a folder makes the same grid, with the same numbers: also of switches
 * that no option says, a list of one and one that is off where its preset has it on, and of a setting that
 * nothing reads. */
static void a_page_s_command_makes_the_same_sweep(void **state)
{
    static const char SWITCHES[] = "{\"qk-norm\": [false, true], \"zero-head\": false, \"embed-norm\": true, "
                                   "\"muon-lr\": 0.3}";
    struct fixture *f = *state;
    char recipe[300], *command;
    struct run r;

    tmp_write(f->dir, "switches.json", SWITCHES, strlen(SWITCHES), recipe, sizeof recipe);
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--recipe", recipe, "--preset", "accurate", "--norm",
           "pre,post", "--width", "16", "--heads", "2", "--depth", "1", "--epochs", "1", "--limit", "40",
           "--batch", "8", "--dead-after", "0", "-t", "1");
    command = again_command(f->out);
    snprintf(f->other, sizeof f->other, "%s/moved", f->dir);
    assert_int_equal(rename(f->out, f->other), 0);
    r = again_run(command);
    run_expect(&r, 0, "");
    assert_same_sweep(f->out, f->other);
    assert_int_equal(tmp_lines(f->out, "cells.jsonl"), 4);
    free(command);
}

/* What sweep.json says of a setting: its first value, or NULL. Owned by *grid. */
static const char *first_setting(json_t **grid, const char *folder, const char *name)
{
    char *text = tmp_text(folder, "sweep.json");

    *grid = json_loads(text, 0, NULL);
    free(text);
    return json_string_value(json_array_get(json_object_get(json_object_get(*grid, "settings"), name), 0));
}

/* A grid of trained networks says which preset it has; one that does not was begun when that was plain-4. */
static void the_preset_of_trained_networks_is_kept(void **state)
{
    struct fixture *f = *state;
    char from[400], *text;
    json_t *grid;

    snprintf(from, sizeof from, "%s/cells/norm=pre_seed=0/model.safetensors", f->other);
    EXPECT(0, "", true, "-d", f->data, "-o", f->other, "--epochs", "1");
    EXPECT(0, "", false, "-d", f->data, "-o", f->out, "--from", from, "--epochs", "1", "--batch", "8");
    assert_string_equal(first_setting(&grid, f->out, "preset"), "fine-tune");

    json_object_del(json_object_get(grid, "settings"), "preset");
    text = json_dumps(grid, 0);
    tmp_write(f->out, "sweep.json", text, strlen(text), NULL, 0);
    free(text);
    json_decref(grid);
    EXPECT(2, "--preset: the sweep in", false, "-o", f->out, "--preset", "fine-tune");
    EXPECT(0, "", false, "-o", f->out, "--preset", "plain-4");
    assert_string_equal(first_setting(&grid, f->out, "preset"), "plain-4");
    json_decref(grid);
}

static void only_what_is_wanted_is_kept(void **state)
{
    struct fixture *f = *state;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    assert_true(tmp_has(f->out, "cells/norm=pre_seed=0/model.safetensors"));
    assert_false(tmp_has(f->out, "cells/norm=pre_seed=0/state.safetensors"));
    EXPECT(0, "", false, "-o", f->out, "--keep", "none"); /* later too */
    assert_false(tmp_has(f->out, "cells/norm=pre_seed=0/model.safetensors"));
    assert_true(tmp_has(f->out, "cells/norm=pre_seed=0/log.jsonl"));
    assert_true(tmp_has(f->out, "cells/norm=pre_seed=0/config.json"));
    assert_true(tmp_has(f->out, "logits/norm=pre_seed=0.safetensors"));
}

static void a_data_set_without_test_is_swept_without(void **state)
{
    struct fixture *f = *state;
    char path[400];
    json_t *cells;

    snprintf(path, sizeof path, "%s/test_batch.bin", f->data);
    unlink(path);
    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--epochs", "1");
    cells = lines_of(f->out, "cells.jsonl");
    assert_string_equal(lines_text(cells, 0, "status"), "done");
    assert_int_equal(lines_number(cells, 0, "test_n"), 0);
    assert_true(json_is_null(json_object_get(json_array_get(cells, 0), "logits")));
    json_decref(cells);
}

static void a_damaged_picture_is_reported_once(void **state)
{
    struct fixture *f = *state;
    struct run r;
    char *first;

    noise_write(f->data, PICTURES, CLASSES, 40, 1, 100);
    r = sweep(true,
              (const char *const[]){ "-d", f->data, "-o", f->out, "--epochs", "2", "--seeds", "2", NULL });
    first = strstr(r.err, "record 19");
    assert_non_null(first);
    assert_null(strstr(first + 1, "record 19"));
    run_expect(&r, 1, "");
}

/* The largest of JSON's whole numbers: seeds are told apart to the last. */
static void the_largest_seed_is_reported(void **state)
{
    struct fixture *f = *state;
    char page[400];
    json_t *cells;

    EXPECT(0, "", true, "-d", f->data, "-o", f->out, "--seed", "9223372036854775806,9223372036854775807",
           "--epochs", "1");
    cells = lines_of(f->out, "cells.jsonl");
    for (int i = 0; i < 2; i++)
        assert_true(json_integer_value(json_object_get(json_array_get(cells, (size_t)i), "seed")) ==
                    INT64_MAX - 1 + i);
    json_decref(cells);
    snprintf(page, sizeof page, "%s/report.html", f->dir);
    struct run r = run_verb("report", NULL, (const char *const[]){ f->out, "-o", page, NULL });
    run_expect(&r, 0, "");
}

/* Placements and rates that nobody named are the presets': no cell has ended that could tell. */
static void a_sweep_is_reported_before_a_cell_has_ended(void **state)
{
    struct fixture *f = *state;
    struct run r;

    INTERRUPT(f->out, "sweep.json", 1, SIGINT, "-d", f->data, "-o", f->out, "--norm", "pre,post");
    r = run_verb("report", NULL, (const char *const[]){ f->out, "--table", "map", NULL });
    assert_non_null(strstr(r.out, " 1e-3 |\n"));
    assert_non_null(strstr(r.out, "| post      | unfinished |\n"));
    run_expect(&r, 0, "");
    run_interrupted("sweep", NULL,
                    (const char *const[]){ "-d", f->data, "-o", f->other, "--preset", "plain-4,cct-4-3x2",
                                           "--batch", "8", "-t", "1", NULL },
                    f->other, "sweep.json", 1, SIGINT);
    r = run_verb("report", NULL, (const char *const[]){ f->other, "--table", "map", NULL });
    assert_non_null(strstr(r.out, " 5e-4 |"));
    assert_non_null(strstr(r.out, "| pre-post  | unfinished |"));
    run_expect(&r, 0, "");
}

/* Without its test the grid would be run for nothing: later runs would be refused for the test they have. */
static void a_test_that_cannot_be_reached_is_no_missing_one(void **state)
{
    struct fixture *f = *state;
    char data[600], path[700];

    write_splits(f, data);
    snprintf(path, sizeof path, "%s/test", data);
    assert_int_equal(symlink("gone", path), 0);
    EXPECT(3, "split/test: cannot be listed: No such file or directory", true, "-d", data, "-o", f->out,
           "--epochs", "1");
    assert_false(tmp_has(f->out, "sweep.json"));
}

/* What a cell may decode is its own: one that refuses large pictures does not get those of one that takes
 * them. */
static void cells_decode_as_they_are_told(void **state)
{
    static const unsigned char GREY[32 * 32 * 3];
    struct fixture *f = *state;
    char data[400], path[500];
    struct run r;

    for (int i = 0; i < 48; i++) {
        const int side = i == 40 ? 32 : 16;
        snprintf(path, sizeof path, "pictures/class_%d/%02d.png", i % 2, i);
        tmp_write(f->dir, path, "", 0, NULL, 0);
        snprintf(path, sizeof path, "%s/pictures/class_%d/%02d.png", f->dir, i % 2, i);
        assert_int_equal(patch_png_write(path, GREY, side, side, NULL), VIT_OK);
    }
    snprintf(data, sizeof data, "%s/pictures", f->dir);
    r = sweep(true, (const char *const[]){ "-d", data, "-o", f->out, "--epochs", "1", "--max-pixels",
                                           "1024,1023", NULL });
    run_expect(&r, 1, "40.png");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tmp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_grid_is_the_product_with_the_middle_rates_first),
        TEST(a_plan_for_people_has_every_cell),
        TEST(a_teacher_is_part_of_the_plan),
        TEST(a_sweep_keeps_its_teacher),
        TEST(a_plan_knows_what_is_done),
        TEST(a_plan_measures_what_it_is_not_told),
        TEST(a_sweep_killed_at_any_moment_ends_with_the_same_numbers),
        TEST(half_written_lines_are_written_again),
        TEST(an_interrupted_sweep_says_130_and_goes_on),
        TEST(a_wish_to_stop_ends_the_reading),
        TEST(jobs_come_to_the_same_numbers),
        TEST(a_job_that_fails_ends_the_others),
        TEST(jobs_say_which_cell_they_are_of),
        TEST(jobs_whose_threads_are_bound_are_warned_of),
        TEST(a_plan_reckons_with_jobs),
        TEST(what_has_ended_is_printed_the_same_again),
        TEST(lines_have_keys_and_older_ones_are_read),
        TEST(a_cell_that_diverges_is_a_result),
        TEST(a_cell_lost_by_its_last_step_has_diverged),
        TEST(a_cell_that_stays_at_chance_is_stopped),
        TEST(the_grid_says_of_how_many_classes_it_is),
        TEST(equal_results_have_no_spread),
        TEST(runs_that_never_left_the_plateau_are_counted),
        TEST(arms_share_weights_order_and_augmentation),
        TEST(a_folder_has_one_sweep_at_a_time),
        TEST(a_grid_that_was_written_meanwhile_stays),
        TEST(a_folder_that_was_used_again_is_not_added_to),
        TEST(a_folder_that_cannot_be_listed_is_named),
        TEST(a_pipe_in_the_place_of_lines_is_refused),
        TEST(cells_may_validate_on_the_split_for_it),
        TEST(a_crop_may_be_an_axis),
        TEST(arms_start_from_the_same_weights),
        TEST(cells_start_from_the_network_as_it_is),
        TEST(logits_of_a_cell_are_those_of_eval),
        TEST(the_test_split_is_scored_as_eval_does),
        TEST(values_can_be_added),
        TEST(lines_of_steps_are_kept_too),
        TEST(another_grid_is_refused_by_name),
        TEST(what_is_said_of_a_division_is_said_once),
        TEST(a_setting_that_no_cell_reads_is_refused),
        TEST(a_page_s_command_makes_the_same_sweep),
        TEST(the_preset_of_trained_networks_is_kept),
        TEST(other_pictures_are_refused),
        TEST(a_sweep_follows_its_pictures_to_another_place),
        TEST(an_old_sweep_stays_where_it_is),
        TEST(a_grid_file_has_arrays),
        TEST(what_is_wrong_is_named_before_anything_is_made),
        TEST(only_what_is_wanted_is_kept),
        TEST(a_data_set_without_test_is_swept_without),
        TEST(a_damaged_picture_is_reported_once),
        TEST(cells_decode_as_they_are_told),
        TEST(the_largest_seed_is_reported),
        TEST(a_sweep_is_reported_before_a_cell_has_ended),
        TEST(a_test_that_cannot_be_reached_is_no_missing_one),
    };

    setenv("OMP_WAIT_POLICY", "passive", 1); /* threads that wait busily are slow where others work too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
