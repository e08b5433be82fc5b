/* Files of lines that are only ever added to, where the system refuses, and what a kill leaves of them. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "tools/lines.h"

static bool is_a(const void *arg, const char *cell)
{
    (void)arg;
    return strcmp(cell, "a") == 0;
}

static void cut(const char *path)
{
    const int file = open(path, O_WRONLY);
    struct vit_error err;

    assert_ok(lines_cut(file, path, &err), &err);
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
    assert_ok(lines_read(&lines, path, &err), &err);
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
    cut(path);
    assert_int_equal(tmp_lines(dir, "x"), 2);
    file = open(path, O_RDONLY);
    assert_refused(lines_cut(file, path, &err), VIT_ERR_IO, "x: cannot be shortened: ", &err);
    close(file);
}

static void what_cannot_be_read_is_named(void **state)
{
    const char *dir = *state;
    char path[300], below[320];
    struct vit_error err;
    json_t *lines;

    assert_refused(lines_read(&lines, dir, &err), VIT_ERR_IO, ": expected a file, found a folder", &err);
    assert_null(lines);
    tmp_write(dir, "x", "{}\n{\n", 5, path, sizeof path);
    snprintf(below, sizeof below, "%s/y", path);
    assert_refused(lines_read(&lines, below, &err), VIT_ERR_IO, "x/y: cannot be opened: ", &err);
    assert_refused(lines_read(&lines, path, &err), VIT_ERR_FORMAT, "x: not valid JSON", &err);
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
    assert_refused(lines_read(&lines, path, &err), VIT_ERR_IO, "x: expected a file, found a pipe", &err);
    assert_null(lines);
    assert_refused(lines_keep(path, is_a, NULL, &err), VIT_ERR_IO, "x: expected a file, found a pipe", &err);
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
    assert_refused(lines_copy_log(path, log, &err), VIT_ERR_FORMAT, "log: not valid JSON", &err);
    assert_false(tmp_has(dir, "all"));
    tmp_write(dir, "log", "{}\n{\"a\":1}\n{", 13, log, sizeof log);
    assert_ok(lines_copy_log(path, log, &err), &err);
    assert_int_equal(tmp_lines(dir, "all"), 2);
    assert_refused(lines_copy_log(dir, log, &err), VIT_ERR_IO, ": cannot be opened: ", &err);
}

/* No file may be longer, as on a disk that becomes full: a write takes what fits. Returns what was so far. */
static rlim_t allow_bytes(rlim_t most)
{
    struct rlimit bytes;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &bytes), 0);
    before = bytes.rlim_cur;
    bytes.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &bytes), 0);
    return before;
}

/* Else what another job adds would follow it in the same line. */
static void of_a_line_that_does_not_fit_nothing_stays(void **state)
{
    static const char LINE[] = "{\"a\":1}\n", LOG[] = "{\"a\":2}\n{\"a\":3}\n";
    const char *dir = *state;
    char path[300], log[300];
    struct vit_error err, copy_err;
    struct vit_error put_err;
    enum vit_status status, put_status, copy_status;
    json_t *line = json_pack("{s:i}", "a", 4), *kept;
    rlim_t before;
    int file;

    tmp_write(dir, "x", LINE, sizeof LINE - 1, path, sizeof path);
    tmp_write(dir, "log", LOG, sizeof LOG - 1, log, sizeof log);
    file = open(path, O_WRONLY | O_APPEND);
    signal(SIGXFSZ, SIG_IGN);
    before = allow_bytes(sizeof LINE - 1 + 4);
    status = lines_add(&kept, file, path, line, &err);
    put_status = lines_put(file, path, line, &put_err);
    copy_status = lines_copy_log(path, log, &copy_err);
    allow_bytes(before);
    assert_refused(status, VIT_ERR_IO, "x: cannot be written: File too large", &err);
    assert_refused(put_status, VIT_ERR_IO, "x: cannot be written: File too large", &put_err);
    assert_refused(copy_status, VIT_ERR_IO, "x: cannot be written: File too large", &copy_err);
    assert_null(kept);
    assert_int_equal(size_of(path), sizeof LINE - 1);
    assert_ok(lines_put(file, path, line, &err), &err);
    assert_int_equal(tmp_lines(dir, "x"), 2);
    close(file);
    json_decref(line);
}

/* Else a process that wrote a line and one that finds it would print different numbers. */
static void a_line_is_kept_as_it_is_read(void **state)
{
    const char *dir = *state;
    json_t *line = json_pack("{s:f}", "a", 1.0 / 3), *kept, *lines;
    char path[300];
    struct vit_error err;
    int file;

    snprintf(path, sizeof path, "%s/x", dir);
    file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_ok(lines_add(&kept, file, path, line, &err), &err);
    assert_ok(lines_read(&lines, path, &err), &err);
    assert_true(json_equal(kept, json_array_get(lines, 0)));
    assert_false(json_equal(kept, line)); /* no digits that JSON is written with here are all of a third */
    close(file);
    json_decref(line);
    json_decref(kept);
    json_decref(lines);
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
    assert_refused(lines_read(&lines, path, &err), VIT_ERR_FORMAT, "x: not valid JSON", &err);
    assert_null(lines);
    assert_refused(lines_keep(path, is_a, NULL, &err), VIT_ERR_FORMAT, "x: not valid JSON", &err);
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
    assert_ok(lines_read(&lines, path, &err), &err);
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
    cut(path);
    assert_int_equal(size_of(path), sizeof TEXT - 1 - 4);
    assert_ok(lines_keep(path, is_a, NULL, &err), &err);
    assert_int_equal(size_of(path), strlen("{\"cell\":\"a\"}\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tmp_setup, tmp_teardown)
    const struct CMUnitTest tests[] = {
        TEST(whole_lines_are_read_and_a_cut_one_is_not), TEST(what_cannot_be_read_is_named),
        TEST(a_log_that_is_none_is_not_copied),          TEST(zeros_between_lines_are_a_broken_line),
        TEST(zeros_at_the_end_count_as_not_written),     TEST(a_pipe_is_refused_and_not_waited_for),
        TEST(of_a_line_that_does_not_fit_nothing_stays), TEST(a_line_is_kept_as_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
