/* Files that are read by their name. */
#include "vit/source.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"

static void the_whole_file_is_read(void **state)
{
    static const char TEXT[] = "a\0b";
    char dir[256], path[300];
    struct vit_error err;
    unsigned char *bytes;
    size_t size;

    (void)state;
    tmp_create(dir, sizeof dir);
    tmp_write(dir, "x", TEXT, 3, path, sizeof path);
    assert_ok(vit_source_read(&bytes, &size, path, 3, &err), &err);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, TEXT, sizeof TEXT); /* the zero byte behind it */
    free(bytes);
    assert_refused(vit_source_read(&bytes, &size, path, 2, &err), VIT_ERR_UNSUPPORTED,
                   "x: 3 bytes, more than the 2 that are read", &err);
    assert_null(bytes);
    assert_int_equal(size, 0);
    tmp_write(dir, "x", "", 0, NULL, 0);
    assert_ok(vit_source_read(&bytes, &size, path, 0, &err), &err);
    assert_int_equal(size, 0);
    assert_int_equal(bytes[0], 0);
    free(bytes);
    tmp_remove(dir);
}

static void refused(const char *path, const char *part, bool missing)
{
    struct vit_error err;
    size_t size;
    int fd;

    assert_refused(vit_source_open(&fd, &size, path, &err), VIT_ERR_IO, part, &err);
    assert_int_equal(errno == ENOENT, missing);
    assert_int_equal(fd, -1);
}

/* Nobody writes to the pipe: what waited would wait for ever. */
static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
    char dir[256], path[300];

    (void)state;
    tmp_create(dir, sizeof dir);
    refused(dir, ": expected a file, found a folder", false);
    refused("/dev/null", "/dev/null: expected a file, found a device", false);
    snprintf(path, sizeof path, "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(path, "pipe: expected a file, found a pipe", false);
    refused("nowhere", "nowhere: cannot be opened: ", true);
    tmp_remove(dir);
}

/* The system's own files say a page and hold less: as one that is cut while it is read. */
static void a_file_that_holds_less_than_it_says_is_refused(void **state)
{
    static const char PATH[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    unsigned char *bytes;
    struct vit_error err = { 0 };
    char part[100];
    struct stat s;
    size_t size;

    (void)state;
    if (stat(PATH, &s) || !s.st_size) skip();
    snprintf(part, sizeof part, "enabled: shrank while it was read, from %lld to ", (long long)s.st_size);
    assert_refused(vit_source_read(&bytes, &size, PATH, 1 << 20, &err), VIT_ERR_IO, part, &err);
    assert_null(bytes);
}

/* What cannot be looked at is there: opening it says why it cannot be read. */
static void a_link_that_leads_nowhere_is_there(void **state)
{
    char dir[256], path[300], below[310];

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/x", dir);
    snprintf(below, sizeof below, "%s/y", path);
    assert_false(vit_source_is_there(path));
    assert_int_equal(symlink("x", path), 0); /* to itself */
    assert_true(vit_source_is_there(path));
    assert_true(vit_source_is_there(below));
    assert_int_equal(unlink(path), 0);
    tmp_write(dir, "x", "", 0, NULL, 0);
    assert_true(vit_source_is_there(path));
    assert_false(vit_source_is_there(below)); /* below a file there is nothing */
    tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_file_is_read),
        cmocka_unit_test(what_is_no_file_is_refused_and_not_waited_for),
        cmocka_unit_test(a_file_that_holds_less_than_it_says_is_refused),
        cmocka_unit_test(a_link_that_leads_nowhere_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
