/* Files of lines that are only ever added to, where the system refuses, and what a kill leaves of them. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "tools/sweep_lines.h"

static bool is_a(const void *arg, const char *cell)
{
    (void)arg;
    return strcmp(cell, "a") == 0;
}

static void cut(const char *path)
{
    const int file = open(path, O_WRONLY);
    struct vit_error err;

    assert_ok(sweep_lines_cut(file, path, &err), &err);
    close(file);
}

static size_t size_of(const char *path)
{
    size_t size;

    free(tmp_read(path, &size));
    return size;
}

static void whole_lines_are_read_and_a_cut_one_is_not(void **state)
{
    static const char TEXT[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":";
    const char *dir = *state;
    char path[300];
    struct vit_error err;
    json_t *lines;
    int file;

    tmp_write(dir, "x", TEXT, sizeof TEXT - 1, path, sizeof path);
    assert_ok(sweep_lines_read(&lines, path, &err), &err);
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
    cut(path);
    assert_int_equal(tmp_lines(dir, "x"), 2);
    file = open(path, O_RDONLY);
    assert_refused(sweep_lines_cut(file, path, &err), VIT_ERR_IO, "x: cannot be shortened: ", &err);
    close(file);
}

static void what_cannot_be_read_is_named(void **state)
{
    const char *dir = *state;
    char path[300], below[320];
    struct vit_error err;
    json_t *lines;

    assert_refused(sweep_lines_read(&lines, dir, &err), VIT_ERR_IO, ": expected a file, found a folder",
                   &err);
    assert_null(lines);
    tmp_write(dir, "x", "{}\n{\n", 5, path, sizeof path);
    snprintf(below, sizeof below, "%s/y", path);
    assert_refused(sweep_lines_read(&lines, below, &err), VIT_ERR_IO, "x/y: cannot be opened: ", &err);
    assert_refused(sweep_lines_read(&lines, path, &err), VIT_ERR_FORMAT, "x: not valid JSON", &err);
    assert_null(lines);
}

static void a_pipe_is_refused_and_not_waited_for(void **state)
{
    const char *dir = *state;
    char path[300];
    struct vit_error err;
    json_t *lines;

    snprintf(path, sizeof path, "%s/x", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(10); /* who waits for a writer waits for ever */
    assert_refused(sweep_lines_read(&lines, path, &err), VIT_ERR_IO, "x: expected a file, found a pipe",
                   &err);
    assert_null(lines);
    assert_refused(sweep_lines_keep(path, is_a, NULL, &err), VIT_ERR_IO, "x: expected a file, found a pipe",
                   &err);
    alarm(0);
}

/* And then the file it goes to is not even made. */
static void a_log_that_is_none_is_not_copied(void **state)
{
    const char *dir = *state;
    char log[300], path[300];
    struct vit_error err;

    tmp_write(dir, "log", "{}\nnonsense\n", 12, log, sizeof log);
    snprintf(path, sizeof path, "%s/all", dir);
    assert_refused(sweep_lines_copy_log(path, log, &err), VIT_ERR_FORMAT, "log: not valid JSON", &err);
    assert_false(tmp_has(dir, "all"));
    tmp_write(dir, "log", "{}\n{\"a\":1}\n{", 13, log, sizeof log);
    assert_ok(sweep_lines_copy_log(path, log, &err), &err);
    assert_int_equal(tmp_lines(dir, "all"), 2);
    assert_refused(sweep_lines_copy_log(dir, log, &err), VIT_ERR_IO, ": cannot be opened: ", &err);
}

/* What a power cut leaves in the middle is an error, not the end: the lines behind it are somebody's runs. */
static void zeros_between_lines_are_a_broken_line(void **state)
{
    static const char TEXT[] = "{\"cell\":\"a\"}\n{\"cell\":\0\0\n{\"cell\":\"b\"}\n";
    const char *dir = *state;
    char path[300];
    struct vit_error err;
    json_t *lines;

    tmp_write(dir, "x", TEXT, sizeof TEXT - 1, path, sizeof path);
    assert_refused(sweep_lines_read(&lines, path, &err), VIT_ERR_FORMAT, "x: not valid JSON", &err);
    assert_null(lines);
    assert_refused(sweep_lines_keep(path, is_a, NULL, &err), VIT_ERR_FORMAT, "x: not valid JSON", &err);
    cut(path);
    assert_int_equal(size_of(path), sizeof TEXT - 1);
}

/* At the end they are what a kill leaves as well. */
static void zeros_at_the_end_count_as_not_written(void **state)
{
    static const char TEXT[] = "{\"cell\":\"b\"}\n{\"cell\":\"a\"}\n\0\0\0\0";
    const char *dir = *state;
    char path[300];
    struct vit_error err;
    json_t *lines;

    tmp_write(dir, "x", TEXT, sizeof TEXT - 1, path, sizeof path);
    assert_ok(sweep_lines_read(&lines, path, &err), &err);
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
    cut(path);
    assert_int_equal(size_of(path), sizeof TEXT - 1 - 4);
    assert_ok(sweep_lines_keep(path, is_a, NULL, &err), &err);
    assert_int_equal(size_of(path), strlen("{\"cell\":\"a\"}\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tmp_setup, tmp_teardown)
    const struct CMUnitTest tests[] = {
        TEST(whole_lines_are_read_and_a_cut_one_is_not), TEST(what_cannot_be_read_is_named),
        TEST(a_log_that_is_none_is_not_copied),          TEST(zeros_between_lines_are_a_broken_line),
        TEST(zeros_at_the_end_count_as_not_written),     TEST(a_pipe_is_refused_and_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
