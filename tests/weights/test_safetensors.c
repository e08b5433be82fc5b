#include <unistd.h>

#include "tests/weights/make.h"

#define T(name, dtype, shape, offsets)                                                                       \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* Headers over 16 bytes of data, and the words the refusal must have. */
static const struct {
    const char *header, *says;
} BAD[] = {
    { "{" T("a", "F32", "[4]", "[0,16]") "x}", "not valid JSON" },
    { "{" T("a", "F32", "[4]", "[0,16]") "} x", "not valid JSON" },
    { "{" T("a", "F32", "[2]", "[0,8]") "," T("a", "F32", "[2]", "[8,16]") "}", "duplicate" },
    { "{" T("a", "F32", "[5]", "[0,20]") "}", "of data that has 16" },
    { "{" T("a", "F32", "[4]", "[0,-16]") "}", "claims the bytes" },
    { "{" T("a", "F32", "[4]", "[-16,0]") "}", "claims the bytes" },
    { "{" T("a", "F32", "[4]", "[16,0]") "}", "claims the bytes" },
    { "{" T("a", "F32", "[4]", "[0,9223372036854775807]") "}", "claims the bytes" },
    { "{" T("a", "F32", "[4]", "[0,9223372036854775808]") "}", "not valid JSON" },
    { "{" T("a", "F32", "[4]", "[0,16,16]") "}", "not two integers" },
    { "{" T("a", "F32", "[4]", "[0]") "}", "not two integers" },
    { "{" T("a", "F32", "[4]", "[0.0,16.0]") "}", "not two integers" },
    { "{" T("a", "F32", "[4]", "\"0,16\"") "}", "not two integers" },
    { "{" T("a", "F32", "[3]", "[0,16]") "}", "expected 12" },
    { "{" T("a", "F64", "[4]", "[0,16]") "}", "expected 32" },
    { "{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[3]", "[4,16]") "}", "overlap" },
    { "{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[2]", "[8,16]") "}", "hole" },
    { "{" T("a", "F32", "[3]", "[4,16]") "}", "hole" },
    { "{" T("a", "F32", "[3]", "[0,12]") "}", "its tensors need 12" },
    { "{}", "its tensors need 0" },
    { "{" T("a", "F32", "[-4]", "[0,16]") "}", "is not an integer of 0 or more" },
    { "{" T("a", "F32", "[4.0]", "[0,16]") "}", "is not an integer of 0 or more" },
    { "{" T("a", "F32", "[4611686018427387904,4]", "[0,16]") "}", "impossible shape" },
    { "{" T("a", "F32", "[4611686018427387904,4,0]", "[0,0]") "}", "impossible shape" },
    { "{" T("a", "F32", "[4294967296,4294967296]", "[0,16]") "}", "impossible shape" },
    { "{" T("a", "F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]") "}", "at most 8 dimensions" },
    { "{" T("a", "F32", "4", "[0,16]") "}", "no shape" },
    { "{" T("a", "F99", "[4]", "[0,16]") "}",
      "has the dtype \"F99\"; read are F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL" },
    { "{\"a\":{\"shape\":[4],\"data_offsets\":[0,16]}}", "has no dtype" },
    { "{\"a\":{\"dtype\":4,\"shape\":[4],\"data_offsets\":[0,16]}}", "has no dtype" },
    { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", "no shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", "not two integers" },
    { "{\"a\":[]}", "not described by an object" },
    { "{\"__metadata__\":[]," T("a", "F32", "[4]", "[0,16]") "}", "__metadata__ is not an object" },
    { "{\"__metadata__\":{\"k\":1}," T("a", "F32", "[4]", "[0,16]") "}", "not a string" },
    { "{" T("a\\nb", "F32", "[4]", "[0,16]") "}", "control character" },
    { "{" T("a\\u0000b", "F32", "[4]", "[0,16]") "}", "not valid JSON" },
    { "{" T("a\xff", "F32", "[4]", "[0,16]") "}", "not valid JSON" },
};

static void every_bad_header_is_refused_with_its_reason(void **state)
{
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        enum vit_status status = try_safetensors(BAD[i].header, 16, &err);

        if (!status) fail_msg("accepted: %s", BAD[i].header);
        if (!strstr(err.text, BAD[i].says) || !strstr(err.text, "made: "))
            fail_msg("%s: \"%s\" does not say \"%s\"", BAD[i].header, err.text, BAD[i].says);
    }
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEEP = 100000 };
    char *header = malloc(DEEP + 8);
    struct vit_error err;

    (void)state;
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', DEEP);
    header[DEEP + 5] = '\0';
    assert_refused(try_safetensors(header, 0, &err), VIT_ERR_FORMAT, "not valid JSON", &err);
    free(header);
}

static void header_lengths_beyond_the_file_are_refused(void **state)
{
    static const uint64_t LENGTHS[] = { 3, 4, 100000000, 100000001, UINT64_C(1) << 63, UINT64_MAX };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(LENGTHS); i++) {
        unsigned char bytes[10];
        struct weights_file *f;

        memcpy(bytes, &LENGTHS[i], 8);
        memcpy(bytes + 8, "{}", 2);
        assert_refused(weights_open_memory(&f, bytes, sizeof bytes, "made", &err), VIT_ERR_FORMAT,
                       "header claims", &err);
        assert_null(f);
    }
}

/* ---- a good file ---- */

struct fixture {
    char dir[TMP_PATH], path[512];
};

static const float VALUES[6] = { 1, -2, 3.5f, 0, 1e-30f, 6 };
static const int64_t LABELS[2] = { -1, INT64_MAX };
static const struct weights_entry ENTRIES[] = {
    { "second", WEIGHTS_F32, 2, { 2, 3 }, VALUES },
    { "empty", WEIGHTS_F32, 2, { 0, 7 }, NULL },
    { "first", WEIGHTS_I64, 1, { 2 }, LABELS },
    { "scalar", WEIGHTS_F32, 0, { 0 }, VALUES + 2 },
};

static int setup(void **state)
{
    static const struct weights_text META[] = { { "format", "pt" }, { "vit.config", "{\"a\":\"b\"}" } };
    struct fixture *f = tmp_fixture(state, sizeof *f);
    struct vit_error err;

    snprintf(f->path, sizeof f->path, "%s/model.safetensors", f->dir);
    assert_ok(weights_write(f->path, ENTRIES, VIT_COUNT(ENTRIES), META, 2, &err), &err);
    return 0;
}

static void tensors_and_metadata_are_found_by_name(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    float values[6];
    int64_t labels[2];
    char text[32];

    assert_ok(weights_open(&f, x->path, &err), &err);
    assert_string_equal(weights_format(f), "safetensors");
    assert_string_equal(weights_path(f), x->path);
    assert_int_equal(weights_count(f), 4);
    assert_string_equal(weights_at(f, 0)->name, "second");
    assert_null(weights_at(f, 4));
    assert_null(weights_find(f, "third"));
    assert_string_equal(weights_shape_text(weights_find(f, "second"), text, sizeof text), "[2, 3]");
    assert_string_equal(weights_shape_text(weights_find(f, "second"), text, 4), "[2,");
    assert_ok(weights_read_f32(weights_find(f, "second"), x->path, values, &err), &err);
    assert_memory_equal(values, VALUES, sizeof values);
    assert_ok(weights_read_i64(weights_find(f, "first"), x->path, labels, &err), &err);
    assert_memory_equal(labels, LABELS, sizeof labels);
    assert_int_equal(weights_find(f, "empty")->count, 0);
    assert_int_equal(weights_find(f, "scalar")->count, 1);
    assert_string_equal(weights_meta(f, "vit.config"), "{\"a\":\"b\"}");
    assert_null(weights_meta(f, "none"));
    assert_non_null(weights_view_f32(weights_find(f, "second")));
    assert_null(weights_view_f32(weights_find(f, "first")));
    assert_refused(weights_read_f32(weights_find(f, "first"), "p", values, &err), VIT_ERR_FORMAT,
                   "\"first\" is I64", &err);
    assert_refused(weights_read_i64(weights_find(f, "second"), "p", labels, &err), VIT_ERR_FORMAT,
                   "\"second\" is F32", &err);
    weights_close(f);
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
    struct fixture *x = *state;
    size_t size;
    unsigned char *bytes = tmp_read(x->path, &size);

    check_truncation(x->dir, bytes, size);
    free(bytes);
}

static void a_byte_too_many_is_refused(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    size_t size;
    unsigned char *bytes = tmp_read(x->path, &size);

    bytes = realloc(bytes, size + 1);
    bytes[size] = 0;
    assert_refused(weights_open_memory(&f, bytes, size + 1, "made", &err), VIT_ERR_FORMAT, "its tensors need",
                   &err);
    free(bytes);
}

static void every_flipped_byte_of_the_header_is_refused_or_harmless(void **state)
{
    struct fixture *x = *state;
    size_t size;
    unsigned char *bytes = tmp_read(x->path, &size);

    for (size_t i = 0; i < size; i++) {
        struct weights_file *f;

        bytes[i] ^= 1 << i % 8;
        if (!weights_open_memory(&f, bytes, size, "made", NULL)) {
            for (size_t j = 0; j < weights_count(f); j++) {
                const struct weights_tensor *t = weights_at(f, j);
                const unsigned char *end = (const unsigned char *)t->data;
                assert_true(end >= bytes && end + t->count * weights_dtype_size(t->dtype) <= bytes + size);
            }
        }
        weights_close(f);
        bytes[i] ^= 1 << i % 8;
    }
    free(bytes);
}

static void unaligned_data_are_read_but_not_viewed(void **state)
{
    struct weights_file *f;
    struct vit_error err;
    const float wanted = 3.5f;
    float got;
    size_t size;
    unsigned char *bytes =
        make_safetensors("{" T("a", "U8", "[1]", "[0,1]") "," T("b", "F32", "[1]", "[1,5]") "}", 5, &size);
    unsigned char *moved = malloc(size + 4);

    (void)state;
    memcpy(bytes + size - 4, &wanted, 4);
    for (int shift = 0; shift < 4; shift++) { /* wherever malloc put it, three of four are unaligned */
        memcpy(moved + shift, bytes, size);
        assert_ok(weights_open_memory(&f, moved + shift, size, "made", &err), &err);
        const struct weights_tensor *t = weights_find(f, "b");
        assert_int_equal(weights_view_f32(t) != NULL, (uintptr_t)t->data % 4 == 0);
        assert_ok(weights_read_f32(t, "made", &got, &err), &err);
        assert_true(got == wanted);
        weights_close(f);
    }
    free(moved);
    free(bytes);
}

/* 5 GiB of zeros that take no room on the disk. */
static void a_file_of_more_than_4_gib_is_opened_without_reading_it(void **state)
{
    static const char HEADER[] = "{" T("a", "F32", "[1342177280]", "[0,5368709120]") "," T(
        "b", "F32", "[1]", "[5368709120,5368709124]") "}";
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    char path[512];
    size_t size;
    unsigned char *bytes = make_safetensors(HEADER, 0, &size);

    tmp_write(x->dir, "large.safetensors", bytes, size, path, sizeof path);
    free(bytes);
    if (truncate(path, (off_t)(size + 5368709124))) skip(); /* this file system cannot */
    assert_ok(weights_open(&f, path, &err), &err);
    assert_true(weights_find(f, "a")->count == 1342177280);
    float last = 1;
    assert_ok(weights_read_f32(weights_find(f, "b"), path, &last, &err), &err);
    assert_true(last == 0);
    weights_close(f);
}

static void what_is_no_checkpoint_is_named(void **state)
{
    static const struct {
        const char *bytes, *says;
    } STRANGERS[] = {
        { "version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer" },
        { "<!doctype html><html>", "web page" },
        { "\x89HDF\r\n\x1a\n____", "HDF5" },
        { "\x93NUMPY\1_________", "single NumPy array" },
        { "\x1f\x8b________", "gzip" },
        { "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", "before version 1.6" },
        { "\x80\4________", "bare pickle" },
        { "anything else", "not a safetensors" },
        { "", "is empty" },
    };
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    char path[512];

    for (size_t i = 0; i < VIT_COUNT(STRANGERS); i++) {
        tmp_write(x->dir, "strange", STRANGERS[i].bytes, strlen(STRANGERS[i].bytes), path, sizeof path);
        assert_refused(weights_open(&f, path, &err), VIT_ERR_FORMAT, STRANGERS[i].says, &err);
        assert_null(f);
    }
    assert_refused(weights_open(&f, x->dir, &err), VIT_ERR_IO, "expected a file, found a folder", &err);
    assert_refused(weights_open(&f, "/dev/null", &err), VIT_ERR_IO, "expected a file, found a device", &err);
    snprintf(path, sizeof path, "%s/none", x->dir);
    assert_refused(weights_open(&f, path, &err), VIT_ERR_IO, "cannot be opened", &err);
}

static void from_memory_only_safetensors_is_read(void **state)
{
    static const char archive[] = "PK\3\4 and what else is in it";
    struct weights_file *f;
    struct vit_error err;

    (void)state;
    assert_refused(weights_open_memory(&f, archive, sizeof archive, "made", &err), VIT_ERR_UNSUPPORTED,
                   "made: is a zip archive; from memory only safetensors is read", &err);
    assert_null(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_header_is_refused_with_its_reason),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(header_lengths_beyond_the_file_are_refused),
        cmocka_unit_test_setup_teardown(tensors_and_metadata_are_found_by_name, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_off_anywhere_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_byte_too_many_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(every_flipped_byte_of_the_header_is_refused_or_harmless, setup,
                                        tmp_teardown),
        cmocka_unit_test(unaligned_data_are_read_but_not_viewed),
        cmocka_unit_test_setup_teardown(a_file_of_more_than_4_gib_is_opened_without_reading_it, setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_checkpoint_is_named, setup, tmp_teardown),
        cmocka_unit_test(from_memory_only_safetensors_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
