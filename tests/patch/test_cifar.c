#include "tests/patch/fixtures.h"

enum { PIXELS = 3072 };

/* Write records of a label byte or two and pixels (channel, y, x) = 50 channel + x + y + number. */
static void write_records(const char *dir, const char *name, int count, int labels, int extra)
{
    const size_t record = (size_t)labels + PIXELS, size = (size_t)count * record + (size_t)extra;
    unsigned char *bytes = calloc(size, 1);

    for (int i = 0; i < count; i++) {
        unsigned char *r = bytes + (size_t)i * record;
        if (labels == 2) r[0] = 19;
        r[labels - 1] = (unsigned char)(i % 10);
        for (int p = 0; p < PIXELS; p++)
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
    for (int i = 0; i < PIXELS; i++)
        assert_int_equal(image.rgb[i], (unsigned char)(50 * (i % 3) + i / 3 % 32 + i / 96 + 2));
    assert_int_equal(patch_dataset_label(d, 2), 2);
    patch_image_free(&image);
    patch_dataset_close(d);
}

static void cifar100_counts_the_fine_label(void **state)
{
    struct patch_dataset *d;

    write_records(*state, "cifar-100-binary/test.bin", 5, 2, 0);
    d = opened(*state, PATCH_TEST); /* found in the folder the archive makes */
    assert_string_equal(patch_dataset_kind(d), "CIFAR-100 binary");
    assert_int_equal(patch_dataset_count(d), 5);
    assert_int_equal(patch_dataset_classes(d), 100);
    assert_string_equal(patch_dataset_class(d, patch_dataset_label(d, 4)), "beaver");
    assert_string_equal(patch_dataset_class(d, 99), "worm");
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

/* What torchvision downloads. */
static void the_version_for_python_is_named(void **state)
{
    static const char *const FILES[] = { "data_batch_1", "cifar-10-batches-py/batches.meta",
                                         "cifar-100-python/meta" };

    for (size_t i = 0; i < VIT_COUNT(FILES); i++) {
        struct patch_dataset *d;
        struct vit_error err;
        char dir[300];
        tmp_write(*state, FILES[i], "\x80\2}q\1.", 6, NULL, 0);
        assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_FORMAT,
                       "cifar-10-binary.tar.gz", &err);
        snprintf(dir, sizeof dir, "%s/%s", (const char *)*state, FILES[i]);
        assert_int_equal(remove(dir), 0);
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
        cmocka_unit_test_setup_teardown(planes_become_pixels, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(cifar100_counts_the_fine_label, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(names_come_from_the_file_beside, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_fails_alone, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(missing_and_empty_files_are_named, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_version_for_python_is_named, tmp_setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
