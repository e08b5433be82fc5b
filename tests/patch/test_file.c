/* Whole files. */
#include "patch/file.h"

#include <sys/stat.h>

#include "tests/support/test.h"

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
    assert_refused(patch_file_read(&bytes, &size, PATH, 1 << 20, &err), VIT_ERR_IO, part, &err);
    assert_null(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_holds_less_than_it_says_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
