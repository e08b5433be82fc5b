#include "vit/json.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"

static void a_file_has_at_most_the_bytes_that_are_expected(void **state)
{
    enum { MOST = 20000 }; /* more than the first buffer */
    char dir[256], path[300], *text = malloc(MOST + 1);
    struct vit_error err;
    json_t *value;

    (void)state;
    memset(text, ' ', MOST + 1);
    memcpy(text, "[1]", 3);
    tmp_create(dir, sizeof dir);
    tmp_write(dir, "x", text, MOST, path, sizeof path);
    assert_ok(vit_json_read(&value, path, MOST, &err), &err);
    assert_int_equal(json_array_size(value), 1);
    json_decref(value);
    tmp_write(dir, "x", text, MOST + 1, path, sizeof path);
    assert_refused(vit_json_read(&value, path, MOST, &err), VIT_ERR_FORMAT,
                   "x: larger than the 20000 bytes expected of such a file", &err);
    assert_null(value);
    assert_refused(vit_json_read(&value, dir, MOST, &err), VIT_ERR_IO, ": expected a file, found a folder",
                   &err);
    assert_refused(vit_json_read(&value, "nowhere", MOST, &err), VIT_ERR_IO, "nowhere: cannot be opened",
                   &err);
    tmp_remove(dir);
    free(text);
}

/* Nobody writes to it: what waited would wait for ever. A pipe that was asked for is read to its end. */
static void a_pipe_is_refused_where_a_file_is_expected(void **state)
{
    char dir[256], path[300];
    struct vit_error err;
    json_t *value;
    int ends[2];

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/x", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(vit_json_read(&value, path, 100, &err), VIT_ERR_IO, "x: expected a file, found a pipe",
                   &err);
    assert_null(value);
    tmp_remove(dir);

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "[1]", 3), 3);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_ok(vit_json_read_input(&value, path, 100, &err), &err);
    assert_int_equal(json_array_size(value), 1);
    json_decref(value);
    close(ends[0]);
}

/* What could not be made is missed by whoever takes the whole, not left out of it. */
static void a_value_that_is_missing_spoils_the_whole(void **state)
{
    json_t *object = json_object(), *array = json_array();

    (void)state;
    vit_json_put(&object, "a", json_integer(1));
    vit_json_append(&array, json_integer(1));
    assert_int_equal(json_object_size(object) + json_array_size(array), 2);
    vit_json_put(&object, "b", NULL);
    vit_json_append(&array, NULL);
    assert_null(object);
    assert_null(array);
    vit_json_put(&object, "c", json_integer(1));
    vit_json_append(&array, json_integer(1));
    assert_null(object);
    assert_null(array);
    assert_null(vit_json_text(object, 0));
}

/* A value of the same key is replaced; without the second object the first one is gone, too. */
static void objects_are_merged_whole_or_not_at_all(void **state)
{
    json_t *object = json_pack("{s:i,s:i}", "a", 1, "b", 1);

    (void)state;
    vit_json_merge(&object, json_pack("{s:i,s:i}", "b", 2, "c", 2));
    assert_int_equal(json_object_size(object), 3);
    assert_int_equal(json_integer_value(json_object_get(object, "b")), 2);
    vit_json_merge(&object, NULL);
    assert_null(object);
    vit_json_merge(&object, json_object());
    assert_null(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_at_most_the_bytes_that_are_expected),
        cmocka_unit_test(a_pipe_is_refused_where_a_file_is_expected),
        cmocka_unit_test(a_value_that_is_missing_spoils_the_whole),
        cmocka_unit_test(objects_are_merged_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
