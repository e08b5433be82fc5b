#include <unistd.h>

#include "tests/weights/make.h"

struct fixture {
    char dir[TMP_PATH], path[512];
};

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->path, sizeof f->path, "%s/made.npz", f->dir);
    return 0;
}

static const struct weights_tensor *find(const struct weights_file *f, const char *name)
{
    const struct weights_tensor *t = weights_find(f, name);

    if (!t) fail_msg("no \"%s\"", name);
    return t;
}

static void numpys_own_archive_is_read(void **state)
{
    static const float HALF[] = { 1, -0.5f }, BFLOAT[] = { 1, -2 }, COUNTED[] = { 0, 1, 2, 3, 4, 5 };
    struct weights_file *f;
    struct vit_error err;
    float got[6];
    int64_t integers[3];

    (void)state;
    assert_ok(weights_open(&f, "tests/data/weights/arrays.npz", &err), &err);
    assert_string_equal(weights_format(f), "npz");
    assert_int_equal(weights_count(f), 7);
    assert_ok(weights_read_f32(find(f, "a/b"), "p", got, &err), &err);
    assert_memory_equal(got, COUNTED, sizeof COUNTED);
    assert_true(find(f, "fortran")->fortran);
    assert_int_equal(find(f, "fortran")->dtype, WEIGHTS_F64);
    assert_ok(weights_read_f32(find(f, "fortran"), "p", got, &err), &err);
    assert_memory_equal(got, COUNTED, sizeof COUNTED);
    assert_ok(weights_read_f32(find(f, "half"), "p", got, &err), &err);
    assert_memory_equal(got, HALF, sizeof HALF);
    assert_int_equal(find(f, "bfloat")->dtype, WEIGHTS_BF16);
    assert_ok(weights_read_f32(find(f, "bfloat"), "p", got, &err), &err);
    assert_memory_equal(got, BFLOAT, sizeof BFLOAT);
    assert_ok(weights_read_i64(find(f, "int"), "p", integers, &err), &err);
    assert_true(integers[0] == -1 && integers[2] == 1);
    assert_ok(weights_read_i64(find(f, "byte"), "p", integers, &err), &err);
    assert_true(integers[0] == 200);
    assert_int_equal(find(f, "scalar")->rank, 0);
    assert_null(weights_meta(f, "any"));
    weights_close(f);
}

static void a_deflated_archive_is_read(void **state)
{
    struct weights_file *f;
    struct vit_error err;

    (void)state;
    assert_ok(weights_open(&f, "tests/data/weights/deflated.npz", &err), &err);
    const float *x = weights_view_f32(find(f, "x"));
    assert_non_null(x);
    for (int i = 0; i < 600; i++) assert_true(x[i] == (float)i);
    weights_close(f);
}

static void an_archive_cut_off_anywhere_is_refused(void **state)
{
    static const char *const FILES[] = { "tests/data/weights/arrays.npz", "tests/data/weights/deflated.npz" };
    struct fixture *x = *state;

    for (size_t i = 0; i < VIT_COUNT(FILES); i++) {
        size_t size;
        unsigned char *bytes = tmp_read(FILES[i], &size);

        check_truncation(x->dir, bytes, size);
        free(bytes);
    }
}

static void a_flipped_byte_of_the_values_is_noticed(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    size_t size;
    unsigned char *bytes = tmp_read("tests/data/weights/deflated.npz", &size);

    bytes[size / 2] ^= 4;
    tmp_write(x->dir, "made.npz", bytes, size, NULL, 0);
    free(bytes);
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "cannot be read", &err);
}

static void any_flipped_byte_is_refused_or_harmless(void **state)
{
    struct fixture *x = *state;
    size_t size;
    unsigned char *bytes = tmp_read("tests/data/weights/arrays.npz", &size);

    for (size_t i = 0; i < size; i++) {
        struct weights_file *f;

        bytes[i] ^= 1 << i % 8;
        tmp_write(x->dir, "made.npz", bytes, size, NULL, 0);
        weights_open(&f, x->path, NULL);
        for (size_t j = 0; f && j < weights_count(f); j++) {
            const struct weights_tensor *t = weights_at(f, j);
            float *values = malloc(t->count * sizeof *values + 1);

            weights_read_f32(t, "p", values, NULL); /* the sanitizer watches */
            free(values);
        }
        weights_close(f);
        bytes[i] ^= 1 << i % 8;
    }
    free(bytes);
}

/* A .npy with this header and size bytes of zeros, as the only member of an archive. The length of the header
 * has two bytes in version 1, four in those after it. */
static void make_version(const struct fixture *x, int version, const char *header, size_t data, bool deflate)
{
    const size_t n = strlen(header), start = version > 1 ? 12 : 10;
    unsigned char *bytes = calloc(1, start + n + data);

    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)n;
    bytes[9] = (unsigned char)(n >> 8);
    memcpy(bytes + start, header, n);
    make_zip(x->path, (struct make_member[]){ { "x.npy", bytes, start + n + data, deflate }, { 0 } });
    free(bytes);
}

static void make_npy(const struct fixture *x, const char *header, size_t data, bool deflate)
{
    make_version(x, 1, header, data, deflate);
}

/* Headers over 16 bytes of data, and the words the refusal must have. */
static const struct {
    const char *header, *says;
} BAD[] = {
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", "has 16 bytes, expected 20" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "has 16 bytes, expected 12" },
    { "{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }", "(big endian)" },
    { "{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }",
      "has the type \"<c8\"; read are <f8, <f4, <f2, |V2, <i8," },
    { "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "has the type \"|O\"" },
    { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }", "no header" },
    { "{'descr': '<f4', 'fortran_order': False}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'shape': (4,)}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1}", "no header" },
    { "{'descr': '<f4', 'fortran_order': 0, 'shape': (4,)}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,)}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} x", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4 4)}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,4)}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "no header" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "impossible shape" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "impossible shape" },
    { "{'descr': '<f4444444444444444', 'fortran_order': False, 'shape': (4,)}", "no header" },
    { "__import__('os').system('true')", "no header" },
    { "", "no header" },
};

static void every_bad_header_is_refused_with_its_reason(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        make_npy(x, BAD[i].header, 16, false);
        if (!weights_open(&f, x->path, &err)) fail_msg("accepted: %s", BAD[i].header);
        if (!strstr(err.text, BAD[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", BAD[i].header, err.text, BAD[i].says);
    }
}

static void what_numpy_may_write_is_read(void **state)
{
    static const char *const GOOD[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }          \n",
        "{\"shape\":(2,2),\"descr\":\"<f4\",\"fortran_order\":True}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4L,), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}\n",
    };
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(GOOD); i++)
        for (int version = 1; version <= 3; version++) {
            make_version(x, version, GOOD[i], 16, true);
            assert_ok(weights_open(&f, x->path, &err), &err);
            assert_int_equal(find(f, "x")->count, 4);
            weights_close(f);
        }
}

static void a_bomb_is_refused_before_it_is_unpacked(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    make_npy(x, "{'descr': '<f4', 'fortran_order': False, 'shape': (25000000,)}", 100000000, true);
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "may unpack to", &err);
}

static void other_archives_are_refused(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    make_zip(x->path, (struct make_member[]){ { "readme.txt", "x", 1, false }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "neither NumPy arrays", &err);
    make_zip(x->path, (struct make_member[]){ { "a\nb.npy", "x", 1, false }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "control character", &err);
    make_zip(x->path, (struct make_member[]){ { "a.npy", "\x93NUMPY\4\0\0\0\0", 11, false }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "no header", &err);
    make_zip(x->path,
             (struct make_member[]){ { "a.npy", "\x93NUMPY\2\0\xff\xff\xff\xff", 12, false }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "no header", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numpys_own_archive_is_read),
        cmocka_unit_test(a_deflated_archive_is_read),
        cmocka_unit_test_setup_teardown(an_archive_cut_off_anywhere_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_flipped_byte_of_the_values_is_noticed, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(any_flipped_byte_is_refused_or_harmless, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(every_bad_header_is_refused_with_its_reason, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(what_numpy_may_write_is_read, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_bomb_is_refused_before_it_is_unpacked, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(other_archives_are_refused, setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
