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
    assert_int_equal(tmp_count(x->dir), 1);
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
    static const struct {
        struct weights_entry second;
        const char *says;
    } BAD[] = {
        { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, "\"a\" cannot be written: its name is taken" },
        { { "b", WEIGHTS_F32, 1, { -1 }, "x" }, "\"b\" cannot be written: its shape is impossible" },
        { { "b", WEIGHTS_F32, 2, { INT64_MAX, 4 }, "x" }, "its shape is impossible" },
        { { "b", WEIGHTS_U8, 1, { INT64_MAX }, "x" }, "its shape is impossible" },
        { { "b\xff", WEIGHTS_U8, 1, { 1 }, "x" }, "\"b?\" cannot be written: its name is not UTF-8" },
    };
    static const struct weights_text TEXTS[] = { { "k", "\xff" }, { "k\xff", "v" } };
    struct fixture *x = *state;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        const struct weights_entry both[] = { { "a", WEIGHTS_U8, 1, { 1 }, "x" }, BAD[i].second };
        assert_refused(weights_write(x->path, both, 2, NULL, 0, &err), VIT_ERR_ARG, BAD[i].says, &err);
    }
    for (size_t i = 0; i < VIT_COUNT(TEXTS); i++)
        assert_refused(weights_write(x->path, ENTRIES, 1, &TEXTS[i], 1, &err), VIT_ERR_ARG, "is not UTF-8",
                       &err);
    assert_int_equal(tmp_count(x->dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back_in_order, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_is_written_and_read, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(equal_arguments_give_equal_bytes, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(data_begin_at_a_multiple_of_64, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(impossible_tensors_are_refused, setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
