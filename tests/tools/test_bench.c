/* vit bench: the statistics, the limits, and rows a script can read. */
#include "kernels/kern.h"
#include "tests/tools/cli.h"
#include "tools/bench.h"

#define MODEL "tests/data/golden/timm-cls"

#define BENCH(...) run_verb("bench", NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_usage(struct run r, int code, const char *part)
{
    if (r.code != code || r.out[0] || !strstr(r.err, part))
        fail_msg("exit code %d, expected %d and \"%s\"; stderr: %s", r.code, code, part, r.err);
    run_free(&r);
}

/* ---- statistics ---- */

static void the_median_is_in_the_middle(void **state)
{
    double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 2, 9 }, one[] = { 7 };
    (void)state;

    assert_true(bench_summary(odd, 3).median == 3);
    assert_true(bench_summary(even, 4).median == 3);
    assert_true(bench_summary(even, 4).min == 1);
    assert_true(bench_summary(one, 1).median == 7 &&
                isnan(bench_summary(one, 1).sd)); /* one says nothing of it */
}

static void the_deviation_divides_by_runs_less_one(void **state)
{
    double ms[] = { 2, 4, 4, 4, 5, 5, 7, 9 }; /* squares add up to 32 */
    (void)state;

    assert_true(fabs(bench_summary(ms, 8).sd - sqrt(32.0 / 7)) < 1e-12);
}

static void count_call(void *state)
{
    ++*(int *)state;
}

static void every_run_is_timed(void **state)
{
    struct bench_times t;
    struct vit_error err;
    int calls = 0;
    (void)state;

    assert_ok(bench_time(&t, count_call, &calls, 3, &err), &err);
    assert_true(calls >= 5); /* two to warm up */
    assert_true(t.min > 0 && t.min <= t.median);
}

static void every_overlay_has_a_limit(void **state)
{
    const struct kern_overlay *k;
    (void)state;

    for (int i = 0; (k = kern_overlay(i)); i++) {
        if (!k->available) continue;
        for (int dtype = 0; dtype < KERN_DTYPES; dtype++) {
            const double flops = bench_limit_flops(k->name, (enum kern_dtype)dtype, 1);
            if (!(flops > 0.01 && flops < 1e4)) fail_msg("%s: %g GFLOP/s", k->name, flops);
        }
        const double read = bench_limit_read(k->name, 1, 10000);
        if (!(read > 0.01 && read < 1e4)) fail_msg("%s: %g GB/s", k->name, read);
    }
}

/* ---- the verb ---- */

static void int8_has_rows_of_the_forward_only_and_attends_in_f32(void **state)
{
    struct run r = BENCH("kernels", "-m", MODEL, "--dtype", "int8", "-o", "csv", "-r1", "--limits");
    (void)state;

    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "linear qkv"));
    assert_null(strstr(r.out, "linear_d"));
    for (const char *line = r.out, *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *type = strncmp(line, "attend ", 7) ? ",int8," : ",f32,";

        if (line > r.out) assert_non_null(memmem(line, (size_t)(end - line), type, strlen(type)));
    }
    run_free(&r);
}

static void a_row_has_every_promised_column(void **state)
{
    static const char *const NUMBERS[] = {
        "params", "gflop_per_image", "threads",           "batch",  "runs",  "ms_median", "ms_min", "ms_sd",
        "gflops", "load_ms",         "images_per_second", "rss_mb", "limit", "share"
    };
    json_t *rows = objects_of(BENCH("-m", MODEL, "-o", "json", "-b3", "-t1", "-r2", "--limits")), *row;
    (void)state;

    assert_int_equal(json_array_size(rows), 1);
    row = json_array_get(rows, 0);
    for (size_t i = 0; i < VIT_COUNT(NUMBERS); i++) assert_true(number(row, NUMBERS[i]) >= 0);
    assert_string_equal(json_string_value(json_object_get(row, "dtype")), "f32");
    assert_string_equal(json_string_value(json_object_get(row, "model")), MODEL);
    assert_true(json_is_string(json_object_get(row, "kernels")));
    assert_true(number(row, "batch") == 3 && number(row, "threads") == 1 && number(row, "runs") == 2);
    /* Doubles printed with 15 digits. */
    assert_true(fabs(number(row, "images_per_second") * number(row, "ms_median") / 3000 - 1) < 1e-12);
    assert_true(
        fabs(number(row, "gflop_per_image") * number(row, "images_per_second") / number(row, "gflops") - 1) <
        1e-12);
    assert_true(fabs(number(row, "limit") * number(row, "share") / number(row, "gflops") - 1) < 1e-12);
    json_decref(rows);
}

static void lists_multiply(void **state)
{
    json_t *rows = objects_of(BENCH("-m", MODEL, "--json", "-b1,2,5", "-t1,2", "-r1"));
    const double batch[] = { 1, 2, 5 };
    (void)state;

    assert_int_equal(json_array_size(rows), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_true(number(json_array_get(rows, i), "threads") == (double)(1 + i / 3));
        assert_true(number(json_array_get(rows, i), "batch") == batch[i % 3]);
    }
    json_decref(rows);
}

/* Commas outside quotes. */
static int commas(const char *line)
{
    bool quoted = false;
    int count = 0;

    for (; *line && *line != '\n'; line++) {
        quoted ^= *line == '"';
        count += *line == ',' && !quoted;
    }
    return count;
}

static void csv_lines_have_equally_many_fields(void **state)
{
    struct run r = BENCH("kernels", "-m", MODEL, "-o", "csv", "-r1");
    int lines = 0;
    (void)state;

    assert_int_equal(r.code, 0);
    assert_int_equal(strncmp(r.out, "what,model,params,", 18), 0);
    for (const char *at = r.out; *at; at = strchr(at, '\n') + 1, lines++)
        assert_int_equal(commas(at), commas(r.out));
    assert_int_equal(lines, 1 + 3 * 4 + 3); /* heading; products of four matrices; attend, norm, act */
    run_free(&r);
}

static void markdown_is_a_table(void **state)
{
    struct run r = BENCH("-m", MODEL, "-r1");
    (void)state;

    assert_int_equal(r.code, 0);
    assert_int_equal(strncmp(r.out, "| what ", 7), 0);
    assert_non_null(strstr(r.out, "|\n|:---"));
    assert_non_null(strstr(r.out, "| forward "));
    run_free(&r);
}

static void training_counts_three_times_the_flops(void **state)
{
    json_t *forward = objects_of(BENCH("--width", "32", "--depth", "2", "--json", "-b4", "-r1"));
    json_t *train = objects_of(BENCH("train", "--width", "32", "--depth", "2", "--json", "-b4", "-r1"));
    const json_t *f = json_array_get(forward, 0), *t = json_array_get(train, 0);
    (void)state;

    assert_true(fabs(number(t, "gflop_per_image") / number(f, "gflop_per_image") - 3) < 1e-12);
    assert_true(number(t, "plan_mb") > number(f, "plan_mb"));
    assert_true(json_is_null(json_object_get(t, "load_ms")));
    json_decref(forward);
    json_decref(train);
}

/* Its MLP is twice as wide as its tokens, and that of vit train's --width too. */
static void a_width_that_a_network_has_changes_nothing(void **state)
{
#define ACCURATE "--arch", "accurate", "--depth", "1", "--json", "-b1", "-r1"
    json_t *whole = objects_of(BENCH(ACCURATE));
    json_t *sized = objects_of(BENCH(ACCURATE, "--width", "160", "--heads", "5"));
    const json_t *named = json_array_get(whole, 0), *given = json_array_get(sized, 0);
    (void)state;

    assert_string_equal(text_of(given, "model"), text_of(named, "model"));
    assert_true(number(given, "params") == number(named, "params"));
    json_decref(whole);
    json_decref(sized);
}

static void opening_is_a_part_of_loading(void **state)
{
    json_t *rows = objects_of(BENCH("load", "-m", MODEL, "--json", "-r3"));
    const json_t *row = json_array_get(rows, 0);
    (void)state;

    assert_true(number(row, "load_ms") > 0 && number(row, "load_ms") <= number(row, "ms_median"));
    json_decref(rows);
}

/* The answers of a file that is used where it lies cost no second copy of the matrices: 8 blocks of width 128
 * have 12 * 128 * 128 weights each, 6.3 MB, and the plan is the same for both. */
static void a_packed_file_takes_less_memory(void **state)
{
#define SIZES "load", "--width", "128", "--depth", "8", "--kernels", "ref+vec", "-t1", "-r1", "--json"
    json_t *rows[2] = { objects_of(BENCH(SIZES)), objects_of(BENCH(SIZES, "--packed")) };
    double own[2];
    (void)state;

    for (int i = 0; i < 2; i++) {
        own[i] = number(json_array_get(rows[i], 0), "own_mb");
        json_decref(rows[i]);
    }
    if (own[1] > own[0] - 0.8 * 6.3) fail_msg("%g MB, %g MB packed", own[0], own[1]);
}

/* The file of random weights goes, whatever ends the runs; signals are caught before it is there. */
static void an_interrupted_loading_leaves_no_file(void **state)
{
    static const char SCRIPT[] =
        "TMPDIR=\"$1\" \"$0\" bench load -q --image 8 --patch 4 --width 16 --depth 1 --heads 2 --hidden 16 "
        "--classes 2 -t 1 -r 1000000 & p=$!; i=0;"
        "until [ -e \"$1\"/vit-bench-* ] || [ $((i += 1)) -gt 1000 ]; do sleep 0.02; done; kill -TERM $p; "
        "wait $p";
    const char *const argv[] = { "/bin/sh", "-c", SCRIPT, run_binary(), *state, NULL };
    struct run r;

    assert_true(run_program(&r, argv, NULL));
    assert_int_equal(r.code, 130);
    assert_string_equal(r.out, "");
    assert_int_equal(tmp_count(*state), 0);
    run_free(&r);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    assert_usage(BENCH("trian"), 2, "did you mean train?");
    assert_usage(BENCH("train", "load"), 2, "found \"load\" too");
    assert_usage(BENCH("-m", MODEL, "-b", "1,0"), 2, "--batch: expected a whole number from 1");
    assert_usage(BENCH("-m", MODEL, "-b", "1,"), 2, "--batch: ");
    assert_usage(BENCH("-m", MODEL, "-b", "00000000000000000001x"), 2, "--batch: ");
    assert_usage(BENCH("-m", MODEL, "-b", "00000000000000000000000000000001x"), 2, "--batch: ");
    assert_usage(BENCH("-m", MODEL, "-t", "x"), 2, "--threads: ");
    assert_usage(BENCH("-m", MODEL, "-b", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"), 2, "at most 16");
    assert_usage(BENCH("-m", MODEL, "--arch", "plain-4"), 2, "found both");
    assert_usage(BENCH("load", "-m", MODEL, "--packed"), 2, "is packed by vit convert");
    assert_usage(BENCH("--arch", "plain-4", "--packed"), 2, "expected load");
    assert_usage(BENCH("--arch", "plain-5"), 2, "plain-4");
    assert_usage(BENCH("--image", "32", "--size", "64"), 2, "--image, --size: expected one");
    assert_usage(BENCH("--width", "10", "--heads", "3"), 2, "multiple of 3 heads");
    assert_usage(BENCH("train", "-m", MODEL, "--dtype", "int8"), 2, "--dtype int8: is for inference");
    assert_usage(BENCH("-m", MODEL, "-o", "xml"), 2, "markdown, json or csv");
    assert_usage(BENCH("-m", "nowhere"), 3, "nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_in_the_middle),
        cmocka_unit_test(the_deviation_divides_by_runs_less_one),
        cmocka_unit_test(every_run_is_timed),
        cmocka_unit_test(every_overlay_has_a_limit),
        cmocka_unit_test(int8_has_rows_of_the_forward_only_and_attends_in_f32),
        cmocka_unit_test(a_row_has_every_promised_column),
        cmocka_unit_test(lists_multiply),
        cmocka_unit_test(csv_lines_have_equally_many_fields),
        cmocka_unit_test(markdown_is_a_table),
        cmocka_unit_test(training_counts_three_times_the_flops),
        cmocka_unit_test(a_width_that_a_network_has_changes_nothing),
        cmocka_unit_test(opening_is_a_part_of_loading),
        cmocka_unit_test(a_packed_file_takes_less_memory),
        cmocka_unit_test_setup_teardown(an_interrupted_loading_leaves_no_file, tmp_setup, tmp_teardown),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests_name("tools/bench", tests, NULL, NULL);
}
