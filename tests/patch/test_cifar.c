#include <unistd.h>

#include "tests/patch/fixtures.h"
#include "tests/patch/pickles.h"

/* Write records of a label byte or two and pixels (channel, y, x) = 50 channel + x + y + number. */
static void write_records(const char *dir, const char *name, int count, int labels, int extra)
{
    const size_t record = (size_t)labels + PICKLE_PIXELS, size = (size_t)count * record + (size_t)extra;
    unsigned char *bytes = calloc(size, 1);

    for (int i = 0; i < count; i++) {
        unsigned char *r = bytes + (size_t)i * record;
        if (labels == 2) r[0] = 19;
        r[labels - 1] = (unsigned char)(i % 10);
        for (int p = 0; p < PICKLE_PIXELS; p++)
            r[labels + p] = (unsigned char)(50 * (p / 1024) + p % 32 + p % 1024 / 32 + i);
    }
    tmp_write(dir, name, bytes, size, NULL, 0);
    free(bytes);
}

static void write_training(const char *dir)
{
    char name[32];

    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        write_records(dir, name, i, 1, 0);
    }
}

static struct patch_dataset *opened(const char *path, enum patch_split split)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;

    assert_ok(patch_dataset_open(&d, path, split, &err), &err);
    return d;
}

static void splits_are_their_files(void **state)
{
    struct patch_dataset *d;
    char text[64];
    struct vit_error err;
    unsigned splits;

    write_training(*state);
    write_records(*state, "test_batch.bin", 3, 1, 0);
    d = opened(*state, PATCH_TRAIN);
    assert_string_equal(patch_dataset_kind(d), "CIFAR-10 binary");
    assert_int_equal(patch_dataset_count(d), 15);
    assert_string_equal(patch_dataset_name(d, 14, text, sizeof text), "data_batch_5.bin[4]");
    patch_dataset_close(d);
    d = opened(*state, PATCH_ALL);
    assert_int_equal(patch_dataset_count(d), 18);
    patch_dataset_close(d);
    assert_refused(patch_dataset_open(&d, *state, PATCH_VAL, &err), VIT_ERR_ARG, "train, test", &err);
    assert_null(d);
    assert_ok(patch_dataset_splits(&splits, *state, &err), &err);
    assert_int_equal(splits, 1 << PATCH_TRAIN | 1 << PATCH_TEST);
}

static void a_file_that_cannot_be_reached_is_no_missing_split(void **state)
{
    struct patch_dataset *d;
    char link[512];
    struct vit_error err;
    unsigned splits;

    write_training(*state);
    snprintf(link, sizeof link, "%s/test_batch.bin", (const char *)*state);
    assert_int_equal(symlink("gone", link), 0);
    assert_ok(patch_dataset_splits(&splits, *state, &err), &err);
    assert_int_equal(splits, 1 << PATCH_TRAIN | 1 << PATCH_TEST);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_IO,
                   "test_batch.bin: cannot be opened: No such file or directory", &err);
}

static void planes_become_pixels(void **state)
{
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err = { 0 };

    write_records(*state, "test_batch.bin", 3, 1, 0);
    d = opened(*state, PATCH_TEST);
    assert_ok(patch_dataset_read(d, 2, NULL, &image, &err), &err);
    assert_int_equal(image.width, 32);
    assert_int_equal(image.height, 32);
    for (int i = 0; i < PICKLE_PIXELS; i++)
        assert_int_equal(image.rgb[i], (unsigned char)(50 * (i % 3) + i / 3 % 32 + i / 96 + 2));
    assert_int_equal(patch_dataset_label(d, 2), 2);
    patch_image_free(&image);
    patch_dataset_close(d);
}

/* "train.bin" and "test.bin" are files of many folders; the archive has the names of its classes. */
static void cifar100_is_known_by_its_names_and_counts_the_fine_label(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;
    char names[1000] = "", folder[512];

    write_records(*state, "cifar-100-binary/test.bin", 5, 2, 0);
    snprintf(folder, sizeof folder, "%s/cifar-100-binary", (const char *)*state);
    assert_refused(
        patch_dataset_open(&d, folder, PATCH_TEST, &err), VIT_ERR_FORMAT,
        "cifar-100-binary/fine_label_names.txt: no such file, expected the names of the classes of CIFAR-100",
        &err);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT, "fine_label_names.txt",
                   &err);
    tmp_write(*state, "cifar-100-binary/train.bin", "other", 5, NULL, 0);
    assert_refused(patch_dataset_open(&d, folder, PATCH_TEST, &err), VIT_ERR_FORMAT, "not a data set", &err);
    for (int i = 0; i < 100; i++) snprintf(names + strlen(names), sizeof names - strlen(names), "n%d\n", i);
    tmp_write(*state, "cifar-100-binary/fine_label_names.txt", names, strlen(names), NULL, 0);
    d = opened(*state, PATCH_TEST); /* found in the folder the archive makes */
    assert_string_equal(patch_dataset_kind(d), "CIFAR-100 binary");
    assert_int_equal(patch_dataset_count(d), 5);
    assert_int_equal(patch_dataset_classes(d), 100);
    assert_string_equal(patch_dataset_class(d, patch_dataset_label(d, 4)), "n4");
    assert_string_equal(patch_dataset_class(d, 99), "n99");
    patch_dataset_close(d);
}

static void names_come_from_the_file_beside(void **state)
{
    static const char names[] = "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\n\r\n";
    struct patch_dataset *d;
    struct vit_error err;

    write_records(*state, "test_batch.bin", 2, 1, 0);
    d = opened(*state, PATCH_TEST);
    assert_string_equal(patch_dataset_class(d, 0), "airplane");
    patch_dataset_close(d);
    tmp_write(*state, "batches.meta.txt", names, sizeof names - 1, NULL, 0);
    d = opened(*state, PATCH_TEST);
    assert_string_equal(patch_dataset_class(d, 9), "j");
    patch_dataset_close(d);
    tmp_write(*state, "batches.meta.txt", names, 12, NULL, 0);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT, "10 class names", &err);
}

static void a_damaged_record_fails_alone(void **state)
{
    unsigned char bytes[2 * 3073 + 100] = { 3 };
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err = { 0 };

    bytes[3073] = 10; /* a label beyond the classes */
    tmp_write(*state, "test_batch.bin", bytes, sizeof bytes, NULL, 0);
    d = opened(*state, PATCH_TEST);
    assert_int_equal(patch_dataset_count(d), 3);
    assert_int_equal(patch_dataset_label(d, 1), -1);
    assert_ok(patch_dataset_read(d, 0, NULL, &image, &err), &err);
    patch_image_free(&image);
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_FORMAT, "record 1: label 10", &err);
    assert_refused(patch_dataset_read(d, 2, NULL, &image, &err), VIT_ERR_FORMAT, "found 100", &err);
    assert_null(image.rgb);
    patch_dataset_close(d);
}

/* ---- the version for Python ---- */

static void the_version_for_python_is_read(void **state)
{
    static const unsigned char TRAIN[] = { 6, 9, 9 }, TEST[] = { 3, 8 };
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err = { 0 };
    char name[64], text[64];

    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "cifar-10-batches-py/data_batch_%d", i);
        pickle_write_batch(*state, name, "labels", TRAIN, i % 3 + 1);
    }
    pickle_write_batch(*state, "cifar-10-batches-py/test_batch", "labels", TEST, 2);
    d = opened(*state, PATCH_ALL); /* in the folder the archive makes */
    assert_string_equal(patch_dataset_kind(d), "CIFAR-10 Python");
    assert_int_equal(patch_dataset_count(d), 2 + 3 + 1 + 2 + 3 + 2);
    assert_string_equal(patch_dataset_name(d, 12, text, sizeof text), "test_batch[1]");
    assert_string_equal(patch_dataset_class(d, patch_dataset_label(d, 0)), "frog");
    assert_int_equal(patch_dataset_label(d, 12), 8);
    assert_ok(patch_dataset_read(d, 12, NULL, &image, &err), &err);
    for (int i = 0; i < PICKLE_PIXELS; i++)
        assert_int_equal(image.rgb[i], (unsigned char)(50 * (i % 3) + i / 3 % 32 + i / 96 + 1));
    patch_image_free(&image);
    patch_dataset_close(d);
    snprintf(name, sizeof name, "%s/cifar-10-batches-py", (const char *)*state);
    d = opened(name, PATCH_TEST);
    assert_int_equal(patch_dataset_count(d), 2);
    patch_dataset_close(d);
}

/* By any path, there or not. */
static void the_files_that_are_read_are_known(void **state)
{
    static const unsigned char LABELS[] = { 3, 8 };
    static const struct {
        const char *path;
        bool read;
    } FILES[] = { { "test_batch", true },
                  { "../cifar-10-batches-py/test_batch", true },
                  { "linked", true },
                  { "batches.meta", true },
                  { "readme.html", false },
                  { "missing", false },
                  { ".", false } };
    struct patch_dataset *d;
    char path[512], link[512];

    pickle_write_batch(*state, "cifar-10-batches-py/test_batch", "labels", LABELS, 2);
    tmp_write(*state, "cifar-10-batches-py/readme.html", "x", 1, NULL, 0);
    snprintf(path, sizeof path, "%s/cifar-10-batches-py/test_batch", (const char *)*state);
    snprintf(link, sizeof link, "%s/cifar-10-batches-py/linked", (const char *)*state);
    assert_int_equal(symlink(path, link), 0);
    d = opened(*state, PATCH_TEST);
    tmp_write(*state, "cifar-10-batches-py/batches.meta", "x", 1, NULL, 0);
    for (size_t i = 0; i < VIT_COUNT(FILES); i++) {
        snprintf(path, sizeof path, "%s/cifar-10-batches-py/%s", (const char *)*state, FILES[i].path);
        if (patch_dataset_reads(d, path) != FILES[i].read) fail_msg("%s", FILES[i].path);
    }
    patch_dataset_close(d);
}

static void names_for_python_come_from_the_pickle_beside(void **state)
{
    static const char NAMES[] =
        "\x80\2}q\1(U\23num_cases_per_batchq\2M\20'U\13label_namesq\3]q\4(U\1aU\1bU\1cU\1d"
        "U\1eU\1fU\1gU\1hU\1iU\1jeU\7num_visq\5M\0\14u.",
                      NONE[] = "\x80\2}.", NUMBERS[] = "\x80\2}U\13label_names](K\1es.", LIST[] = "\x80\2].";
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } BAD[] = {
        { NONE, sizeof NONE - 1, "expected a list under \"label_names\" in its dictionary, found none" },
        { NUMBERS, sizeof NUMBERS - 1, "class name 0 is no text" },
        { LIST, sizeof LIST - 1, "batches.meta: expected the pickle of a dictionary" },
        { NAMES, 60, "cut off" },
    };
    struct patch_dataset *d;
    struct vit_error err;

    pickle_write_batch(*state, "test_batch", "labels", (const unsigned char[]){ 9 }, 1);
    tmp_write(*state, "batches.meta", NAMES, sizeof NAMES - 1, NULL, 0);
    d = opened(*state, PATCH_TEST);
    assert_string_equal(patch_dataset_class(d, 9), "j");
    patch_dataset_close(d);
    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        tmp_write(*state, "batches.meta", BAD[i].bytes, BAD[i].size, NULL, 0);
        assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT, BAD[i].says, &err);
    }
}

static void write_hundred_names(const char *dir)
{
    struct pickle p = { .size = 0 };
    char name[8];

    PICKLE_PUT(&p, "\x80\2}U\20fine_label_names](");
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "n%d", i);
        pickle_put_key(&p, name);
    }
    PICKLE_PUT(&p, "es.");
    tmp_write(dir, "meta", p.bytes, p.size, NULL, 0);
}

/* As it is downloaded. */
static void an_archive_is_to_be_unpacked_first(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;
    char path[TMP_PATH + 40];

    tmp_write(*state, "cifar-10-binary.tar.gz", "\x1f\x8b", 2, path, sizeof path);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT,
                   "; \"cifar-10-binary.tar.gz\" is an archive, to be unpacked first", &err);
    assert_refused(patch_dataset_open(&d, path, PATCH_TEST, &err), VIT_ERR_FORMAT,
                   "cifar-10-binary.tar.gz\" is an archive, to be unpacked first", &err);
}

/* "train" and "test" are files of many folders. */
static void cifar100_for_python_is_known_by_its_meta(void **state)
{
    static const char META[] = "\x80\2}q\1U\22coarse_label_namesq\2]q\3s.";
    struct patch_dataset *d;
    struct vit_error err;

    pickle_write_batch(*state, "test", "fine_labels", (const unsigned char[]){ 99, 0 }, 2);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT, "not a data set", &err);
    tmp_write(*state, "meta", META, sizeof META - 1, NULL, 0);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT, "fine_label_names",
                   &err);
    write_hundred_names(*state);
    d = opened(*state, PATCH_TEST);
    assert_string_equal(patch_dataset_kind(d), "CIFAR-100 Python");
    assert_string_equal(patch_dataset_class(d, patch_dataset_label(d, 0)), "n99");
    patch_dataset_close(d);
}

/* As in the binary version. */
static void a_label_for_python_that_is_none_fails_alone(void **state)
{
    const unsigned char labels[] = { 9, 10, 0 };
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err;

    pickle_write_batch(*state, "test_batch", "labels", labels, 3);
    d = opened(*state, PATCH_TEST);
    assert_int_equal(patch_dataset_count(d), 3);
    assert_int_equal(patch_dataset_label(d, 1), -1);
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_FORMAT,
                   "test_batch: record 1: its label is no number from 0 to 9", &err);
    assert_null(image.rgb);
    assert_int_equal(patch_dataset_label(d, 2), 0);
    assert_ok(patch_dataset_read(d, 2, NULL, &image, &err), &err);
    patch_image_free(&image);
    patch_dataset_close(d);
}

static void a_batch_that_lies_is_refused(void **state)
{
    static const struct {
        int labels, rows, columns;
        const char *type;
        int first_fastest, pictures;
        unsigned char label;
        const char *says;
    } CASES[] = {
        { 1, 2, PICKLE_PIXELS, "u1", PICKLE_FALSE, 2, 9, "has 2 pictures and 1 labels" },
        { 2, 2, PICKLE_PIXELS, "u1", PICKLE_TRUE, 2, 9,
          "\"data\" is no array (pictures, 3072) of bytes in rows" },
        { 2, 2, PICKLE_PIXELS, "i1", PICKLE_FALSE, 2, 9, "\"data\" is no array" },
        { 2, 2, PICKLE_PIXELS, "f4", PICKLE_FALSE, 2, 9, "\"data\" is no array" },
        { 2, 3, PICKLE_PIXELS, "u1", PICKLE_FALSE, 2, 9, "\"data\" is no array" },
        { 2, 4, PICKLE_PIXELS / 2, "u1", PICKLE_FALSE, 2, 9, "\"data\" is no array" },
    };
    struct patch_dataset *d;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct pickle p = { .size = 0 };
        PICKLE_PUT(&p, "\x80\2}(");
        pickle_put_labels(&p, "labels", (const unsigned char[]){ 0, CASES[i].label }, CASES[i].labels);
        pickle_put_array(&p, CASES[i].rows, CASES[i].columns, CASES[i].type, (char)CASES[i].first_fastest,
                         CASES[i].pictures);
        PICKLE_PUT(&p, "u.");
        tmp_write(*state, "test_batch", p.bytes, p.size, NULL, 0);
        assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        assert_null(d);
    }
}

static void a_pickle_that_is_no_batch_is_refused(void **state)
{
#define P(bytes, says)                                                                                       \
    {                                                                                                        \
        bytes, sizeof(bytes) - 1, says                                                                       \
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } CASES[] = {
        P("\x80\2cos\nsystem\nU\4true\x85R.",
          "\"os.system\", which this reader refuses to execute; it reads CIFAR's"),
        P("\x80\2ctorch._utils\n_rebuild_tensor_v2\n.", "refuses to execute"),
        P("\x80\2}U\6labels]s.", "expected a NumPy array under \"data\""),
        P("\x80\2}U\6labelsK\1s.", "expected a list under \"labels\""),
        P("\x80\2}(U\6labels]U\4datacnumpy.core.multiarray\n_reconstruct\n)Ru.", "is no array"),
        P("\x80\2}(U\6labels]U\4datacnumpy\ndtype\nU\2u1\x85R)bu.", "is no array"),
        P("\x80\2cnumpy\ndtype\n)R.", "a type of numbers is not described as NumPy does"),
        P("\x80\2)Q.", "refers to what lies elsewhere"),
        P("\x80\2}", "cut off"),
    };
#undef P
    struct patch_dataset *d;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        tmp_write(*state, "test_batch", CASES[i].bytes, CASES[i].size, NULL, 0);
        assert_int_not_equal(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_OK);
        if (!strstr(err.text, CASES[i].says))
            fail_msg("pickle %zu: \"%s\" does not say \"%s\"", i, err.text, CASES[i].says);
        assert_null(d);
    }
}

static void missing_and_empty_files_are_named(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;

    write_records(*state, "data_batch_1.bin", 2, 1, 0);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TRAIN, &err), VIT_ERR_IO, "data_batch_2.bin", &err);
    write_training(*state);
    tmp_write(*state, "data_batch_3.bin", "", 0, NULL, 0);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TRAIN, &err), VIT_ERR_FORMAT, "data_batch_3.bin",
                   &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(splits_are_their_files, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_reached_is_no_missing_split, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(planes_become_pixels, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(cifar100_is_known_by_its_names_and_counts_the_fine_label, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(names_come_from_the_file_beside, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_fails_alone, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(missing_and_empty_files_are_named, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_version_for_python_is_read, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_files_that_are_read_are_known, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(names_for_python_come_from_the_pickle_beside, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(an_archive_is_to_be_unpacked_first, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(cifar100_for_python_is_known_by_its_meta, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_label_for_python_that_is_none_fails_alone, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_batch_that_lies_is_refused, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_pickle_that_is_no_batch_is_refused, tmp_setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
