#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "weights/weights.h"

struct fixture {
    char dir[TMP_PATH], path[512];
};

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->path, sizeof f->path, "%s/out", f->dir);
    return 0;
}

static int files_in(const char *dir)
{
    DIR *d = opendir(dir);
    int n = -2; /* . and .. */

    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static const float VALUES[4] = { 1, 2, 3, 4 };
static const struct weights_entry ENTRIES[] = {
    { "z", WEIGHTS_F32, 2, { 2, 2 }, VALUES },
    { "a \"quoted\" \xc3\xa9", WEIGHTS_U8, 1, { 3 }, "xyz" },
    { "none", WEIGHTS_F32, 1, { 0 }, NULL },
};
static const struct weights_text META[] = { { "k", "line\nline" }, { "e", "" } };

static void what_is_written_is_read_back_in_order(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    assert_ok(weights_write(x->path, ENTRIES, 3, META, 2, &err), &err);
    assert_ok(weights_open(&f, x->path, &err), &err);
    assert_int_equal(weights_count(f), 3);
    assert_non_null(weights_find(f, "none"));
    assert_string_equal(weights_at(f, 0)->name, "z");
    assert_memory_equal(weights_find(f, "z")->data, VALUES, sizeof VALUES);
    assert_memory_equal(weights_find(f, ENTRIES[1].name)->data, "xyz", 3);
    assert_string_equal(weights_meta(f, "k"), "line\nline");
    assert_string_equal(weights_meta(f, "e"), "");
    weights_close(f);
    assert_int_equal(files_in(x->dir), 1);
}

static void an_empty_file_is_written_and_read(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    assert_ok(weights_write(x->path, NULL, 0, NULL, 0, &err), &err);
    assert_ok(weights_open(&f, x->path, &err), &err);
    assert_int_equal(weights_count(f), 0);
    assert_null(weights_find(f, "z"));
    weights_close(f);
}

static void equal_arguments_give_equal_bytes(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    size_t size, again_size;
    unsigned char *bytes, *again;

    assert_ok(weights_write(x->path, ENTRIES, 3, META, 2, &err), &err);
    bytes = tmp_read(x->path, &size);
    assert_ok(weights_write(x->path, ENTRIES, 3, META, 2, &err), &err);
    again = tmp_read(x->path, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(bytes, again, size);
    free(bytes);
    free(again);
}

static void data_begin_at_a_multiple_of_64(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;

    for (int n = 1; n < 70; n++) {
        char name[80] = { 0 };
        const struct weights_entry e = { memset(name, 'n', (size_t)n), WEIGHTS_F32, 1, { 4 }, VALUES };
        uint64_t header;
        size_t size;
        unsigned char *bytes;

        assert_ok(weights_write(x->path, &e, 1, NULL, 0, &err), &err);
        bytes = tmp_read(x->path, &size);
        memcpy(&header, bytes, 8);
        assert_int_equal((8 + header) % 64, 0);
        assert_int_equal(size, 8 + header + sizeof VALUES);
        free(bytes);
    }
}

static void impossible_tensors_are_refused(void **state)
{
    static const struct weights_entry BAD[][2] = {
        { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, { "a", WEIGHTS_U8, 1, { 1 }, "x" } },
        { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, { "b", WEIGHTS_F32, 1, { -1 }, "x" } },
        { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, { "b", WEIGHTS_F32, 2, { INT64_MAX, 4 }, "x" } },
        { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, { "b", WEIGHTS_U8, 1, { INT64_MAX }, "x" } },
        { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, { "\xff", WEIGHTS_U8, 1, { 1 }, "x" } },
    };
    struct fixture *x = *state;
    const struct weights_text bad = { "k", "\xff" };
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(BAD); i++)
        assert_refused(weights_write(x->path, BAD[i], 2, NULL, 0, &err), VIT_ERR_ARG, "cannot be written",
                       &err);
    assert_refused(weights_write(x->path, ENTRIES, 1, &bad, 1, &err), VIT_ERR_ARG, "UTF-8", &err);
    assert_int_equal(files_in(x->dir), 0);
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

    assert_ok(weights_write_bytes(x->path, "old", 3, &err), &err);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1 << 16;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = weights_write_bytes(x->path, large, sizeof large, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, VIT_ERR_IO);
    assert_non_null(strstr(err.text, x->path));
    bytes = tmp_read(x->path, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
    assert_int_equal(files_in(x->dir), 1);
}

static void asking_leaves_a_folder_as_it_was(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    char path[1024];

    assert_ok(weights_can_write(x->path, &err), &err);
    assert_int_equal(files_in(x->dir), 0);
    assert_ok(weights_write_bytes(x->path, "old", 3, &err), &err);
    assert_ok(weights_can_write(x->path, &err), &err);
    char *text = tmp_text(x->dir, strrchr(x->path, '/') + 1);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(files_in(x->dir), 1);
    snprintf(path, sizeof path, "%s/pipe", x->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_ok(weights_can_write(path, &err), &err); /* and does not wait for a reader */
    snprintf(path, sizeof path, "%s/none/out", x->dir);
    assert_refused(weights_can_write(path, &err), VIT_ERR_IO, path, &err);
    assert_refused(weights_can_write(x->dir, &err), VIT_ERR_IO, "directory", &err);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    char path[1024];

    snprintf(path, sizeof path, "%s/none/out", x->dir);
    assert_refused(weights_write_bytes(path, "x", 1, &err), VIT_ERR_IO, path, &err);
    assert_refused(weights_write_bytes(x->dir, "x", 1, &err), VIT_ERR_IO, "directory", &err);
    tmp_write(x->dir, "file", "x", 1, NULL, 0);
    snprintf(path, sizeof path, "%s/file/out", x->dir);
    assert_refused(weights_write_bytes(path, "x", 1, &err), VIT_ERR_IO, path, &err);
    if (geteuid() == 0) return; /* root may write anywhere */
    chmod(x->dir, 0500);
    enum vit_status status = weights_write_bytes(x->path, "x", 1, &err);
    chmod(x->dir, 0700);
    assert_int_equal(status, VIT_ERR_IO);
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
    assert_ok(weights_write_bytes(x->path, "newer", 5, &err), &err);
    assert_int_equal(lstat(x->path, &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    bytes = tmp_read(real, &size);
    assert_int_equal(size, 5);
    free(bytes);
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
    assert_ok(weights_write_bytes(x->path, "abc", 3, &err), &err);
    assert_int_equal(read(fd, got, sizeof got), 3);
    assert_string_equal(got, "abc");
    close(fd);
    assert_int_equal(stat(x->path, &s), 0);
    assert_true(S_ISFIFO(s.st_mode));
}

static void a_new_file_has_the_usual_permissions(void **state)
{
    struct fixture *x = *state;
    struct vit_error err;
    struct stat s;
    mode_t mask = umask(027);

    assert_ok(weights_write_bytes(x->path, "x", 1, &err), &err);
    umask(mask);
    assert_int_equal(stat(x->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back_in_order, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_is_written_and_read, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(equal_arguments_give_equal_bytes, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(data_begin_at_a_multiple_of_64, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(impossible_tensors_are_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file_and_nothing_else, setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(asking_leaves_a_folder_as_it_was, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written_is_named, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_link_keeps_pointing_and_its_file_is_replaced, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_pipe_is_written_in_place, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_new_file_has_the_usual_permissions, setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
