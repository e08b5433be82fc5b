/* Files that are there whole or not at all. */
#include "vit/sink.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"

struct fixture {
    char dir[TMP_PATH], path[512];
};

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->path, sizeof f->path, "%s/out", f->dir);
    return 0;
}

/* A limit on the size of files stands for a full disk: writing fails in the middle. */
static void a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
    static unsigned char large[1 << 20];
    struct fixture *x = *state;
    struct rlimit old, small;
    struct vit_error err;
    enum vit_status status;
    size_t size;
    unsigned char *bytes;

    assert_ok(vit_write_file(x->path, "old", 3, &err), &err);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1 << 16;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = vit_write_file(x->path, large, sizeof large, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, VIT_ERR_IO);
    assert_non_null(strstr(err.text, x->path));
    bytes = tmp_read(x->path, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
    assert_int_equal(tmp_count(x->dir), 1);
}

static void asking_leaves_a_folder_as_it_was(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    char path[1024];

    assert_ok(vit_can_write_file(x->path, &err), &err);
    assert_int_equal(tmp_count(x->dir), 0);
    assert_ok(vit_write_file(x->path, "old", 3, &err), &err);
    assert_ok(vit_can_write_file(x->path, &err), &err);
    char *text = tmp_text(x->dir, strrchr(x->path, '/') + 1);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(tmp_count(x->dir), 1);
    snprintf(path, sizeof path, "%s/pipe", x->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_ok(vit_can_write_file(path, &err), &err); /* and does not wait for a reader */
    snprintf(path, sizeof path, "%s/none/out", x->dir);
    assert_refused(vit_can_write_file(path, &err), VIT_ERR_IO, path, &err);
    assert_refused(vit_can_write_file(x->dir, &err), VIT_ERR_IO, "directory", &err);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    char path[1024];

    snprintf(path, sizeof path, "%s/none/out", x->dir);
    assert_refused(vit_write_file(path, "x", 1, &err), VIT_ERR_IO, path, &err);
    assert_refused(vit_write_file(x->dir, "x", 1, &err), VIT_ERR_IO, "directory", &err);
    tmp_write(x->dir, "file", "x", 1, NULL, 0);
    snprintf(path, sizeof path, "%s/file/out", x->dir);
    assert_refused(vit_write_file(path, "x", 1, &err), VIT_ERR_IO, path, &err);
}

static void a_folder_that_may_not_be_written_is_named(void **state)
{
    const uid_t was = geteuid();
    struct fixture *x = *state;
    struct vit_error err;
    enum vit_status status;

    assert_int_equal(chmod(x->dir, 0555), 0);
    if (was == 0 && seteuid(65534)) skip(); /* root may write anywhere */
    status = vit_write_file(x->path, "x", 1, &err);
    if (was == 0) assert_int_equal(seteuid(was), 0);
    assert_int_equal(chmod(x->dir, 0700), 0);
    assert_int_equal(status, VIT_ERR_IO);
    assert_non_null(strstr(err.text, x->path));
    assert_int_equal(tmp_count(x->dir), 0);
}

static void a_link_keeps_pointing_and_its_file_is_replaced(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    struct stat s;
    char real[600];
    size_t size;
    unsigned char *bytes;

    tmp_write(x->dir, "real", "old", 3, real, sizeof real);
    assert_int_equal(symlink(real, x->path), 0);
    assert_ok(vit_write_file(x->path, "newer", 5, &err), &err);
    assert_int_equal(lstat(x->path, &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    bytes = tmp_read(real, &size);
    assert_int_equal(size, 5);
    free(bytes);
}

static void a_link_to_nothing_is_refused(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    struct stat s;

    assert_int_equal(symlink("elsewhere", x->path), 0);
    assert_refused(vit_can_write_file(x->path, &err), VIT_ERR_IO, "a link to what is not there", &err);
    assert_refused(vit_write_file(x->path, "x", 1, &err), VIT_ERR_IO, "a link to what is not there", &err);
    assert_int_equal(lstat(x->path, &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_int_equal(tmp_count(x->dir), 1);
}

/* In /tmp everybody may write, but rename over no file of another's: known before the work. */
static void anothers_file_in_a_sticky_folder_is_refused_beforehand(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    enum vit_status asked, written;

    if (geteuid()) skip(); /* it takes two users */
    tmp_write(x->dir, "out", "old", 3, NULL, 0);
    assert_int_equal(chmod(x->path, 0666), 0);
    assert_int_equal(chmod(x->dir, 01777), 0);
    if (seteuid(65534)) skip();
    asked = vit_can_write_file(x->path, &err);
    written = vit_write_file(x->path, "x", 1, NULL);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(asked, VIT_ERR_IO);
    assert_int_equal(written, VIT_ERR_IO);
    assert_non_null(strstr(err.text, "cannot be replaced"));
    assert_int_equal(tmp_count(x->dir), 1);
}

/* A pipe stands for /dev/stdout and /dev/null, which a rename would destroy. */
static void a_pipe_is_written_in_place(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    struct stat s;
    char got[4] = { 0 };
    int fd;

    assert_int_equal(mkfifo(x->path, 0600), 0);
    fd = open(x->path, O_RDONLY | O_NONBLOCK);
    assert_ok(vit_write_file(x->path, "abc", 3, &err), &err);
    assert_int_equal(read(fd, got, sizeof got), 3);
    assert_string_equal(got, "abc");
    close(fd);
    assert_int_equal(stat(x->path, &s), 0);
    assert_true(S_ISFIFO(s.st_mode));
}

/* As shells name them, >(gzip >x), and /dev/stdout before a pipe: no name of it is in any folder. */
static void a_pipe_that_is_named_by_its_number_is_written(void **state)
{
    struct vit_error err;
    char path[64], got[4] = { 0 };
    int ends[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    if (access(path, W_OK)) skip(); /* a system without such names */
    assert_ok(vit_can_write_file(path, &err), &err);
    assert_ok(vit_write_file(path, "abc", 3, &err), &err);
    assert_int_equal(read(ends[0], got, 3), 3);
    assert_string_equal(got, "abc");
    close(ends[0]);
    close(ends[1]);
}

/* Where files can do without a name until they are whole. */
static void who_is_killed_in_the_middle_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    struct vit_sink s;
    struct vit_error err;
    bool named;
    int status;
    pid_t child;

    assert_ok(vit_sink_open(&s, x->path, &err), &err);
    named = s.temporary != NULL;
    vit_sink_close(&s);
    if (named) skip();
    child = fork();
    if (!child) {
        if (vit_sink_open(&s, x->path, &err) || vit_sink_put(&s, "abc", 3, &err) || fflush(s.f)) _exit(1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(tmp_count(x->dir), 0);
}

/* Though there is room in its folder for a file without one. */
static void a_name_that_is_too_long_is_known_before(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    char path[TMP_PATH + 300];

    snprintf(path, sizeof path, "%s/%0256d", x->dir, 0); /* a shorter one beside it would do */
    assert_refused(vit_can_write_file(path, &err), VIT_ERR_IO, "cannot be created", &err);
    assert_refused(vit_write_file(path, "x", 1, &err), VIT_ERR_IO, "cannot be created", &err);
    assert_int_equal(tmp_count(x->dir), 0);
}

/* Though there is no room in it for that of a temporary file beside it. */
static void the_longest_name_is_written(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    char path[TMP_PATH + 300];

    snprintf(path, sizeof path, "%s/%0255d", x->dir, 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(vit_can_write_file(path, &err), &err);
        assert_ok(vit_write_file(path, "x", 1, &err), &err);
        assert_int_equal(tmp_count(x->dir), 1);
    }
    assert_int_equal(access(path, F_OK), 0);
}

static void a_new_file_has_the_usual_permissions(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    struct stat s;
    mode_t mask = umask(027);

    assert_ok(vit_write_file(x->path, "x", 1, &err), &err);
    umask(mask);
    assert_int_equal(stat(x->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
}

static void a_file_that_is_replaced_keeps_its_permissions(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    struct stat s;

    tmp_write(x->dir, "out", "old", 3, NULL, 0);
    assert_int_equal(chmod(x->path, 0604), 0);
    assert_ok(vit_write_file(x->path, "newer", 5, &err), &err);
    assert_int_equal(stat(x->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0604);
    assert_int_equal(s.st_size, 5);
}

/* Though its folder may be written, and a rename would do. */
static void a_file_that_may_not_be_written_is_not_replaced(void **state)
{
    const uid_t was = geteuid();
    struct fixture *x = *state;
    struct vit_error err;
    char *text;

    tmp_write(x->dir, "out", "old", 3, NULL, 0);
    assert_int_equal(chmod(x->path, 0444), 0);
    assert_int_equal(chmod(x->dir, 0777), 0);
    if (was == 0 && seteuid(65534)) skip(); /* root may write anything */
    assert_refused(vit_can_write_file(x->path, &err), VIT_ERR_IO, "out: cannot be written: ", &err);
    assert_refused(vit_write_file(x->path, "newer", 5, &err), VIT_ERR_IO, "out: cannot be written: ", &err);
    if (was == 0) assert_int_equal(seteuid(was), 0);
    text = tmp_text(x->dir, "out");
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(tmp_count(x->dir), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file_and_nothing_else, setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(asking_leaves_a_folder_as_it_was, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written_is_named, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_may_not_be_written_is_named, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_link_keeps_pointing_and_its_file_is_replaced, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_link_to_nothing_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(anothers_file_in_a_sticky_folder_is_refused_beforehand, setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_pipe_is_written_in_place, setup, tmp_teardown),
        cmocka_unit_test(a_pipe_that_is_named_by_its_number_is_written),
        cmocka_unit_test_setup_teardown(who_is_killed_in_the_middle_leaves_nothing, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_too_long_is_known_before, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_longest_name_is_written, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_new_file_has_the_usual_permissions, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_replaced_keeps_its_permissions, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_may_not_be_written_is_not_replaced, setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
