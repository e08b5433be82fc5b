/* A picture from a file, from its bytes and from its pixels is the same to a model; so is a model from a file
 * and from memory. */
#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "vit/train.h"

static const char MODEL[] = "tests/data/golden/timm-cls", PICTURE[] = "tests/data/preprocess/fmt-420.jpg";

static struct vit_model *opened(void)
{
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, MODEL, NULL, &err), &err);
    return m;
}

static float *planes_of(const struct vit_model *m)
{
    float *planes = calloc(vit_model_input_floats(m), sizeof *planes);

    assert_non_null(planes);
    return planes;
}

static void file_bytes_and_pixels_are_one_picture(void **state)
{
    struct vit_model *m = opened();
    const size_t bytes = vit_model_input_floats(m) * sizeof(float);
    float *read = planes_of(m), *decoded = planes_of(m), *prepared = planes_of(m);
    size_t size;
    unsigned char *file = tmp_read(PICTURE, &size);
    struct patch_image image;
    struct vit_error err;

    (void)state;
    assert_ok(vit_read_image(m, PICTURE, read, NULL, &err), &err);
    assert_ok(vit_decode_image(m, file, size, "memory", decoded, NULL, &err), &err);
    assert_memory_equal(decoded, read, bytes);
    assert_ok(patch_image_read(&image, PICTURE, NULL, &err), &err);
    assert_true(image.width != image.height); /* or they could be exchanged */
    assert_ok(vit_prepare_image(m, image.rgb, image.width, image.height, prepared, &err), &err);
    assert_memory_equal(prepared, read, bytes);
    patch_image_free(&image);
    free(file);
    free(read);
    free(decoded);
    free(prepared);
    vit_model_close(m);
}

static void what_is_no_picture_is_refused(void **state)
{
    static const int SIDES[][2] = { { 0, 1 }, { 1, 0 }, { -1, 4 }, { 4, -1 }, { PATCH_MAX_SIDE + 1, 1 } };
    static const unsigned char PIXELS[3];
    struct vit_model *m = opened();
    float *planes = planes_of(m);
    struct vit_error err;

    (void)state;
    assert_refused(vit_decode_image(m, "no picture", 10, "the upload", planes, NULL, &err), VIT_ERR_FORMAT,
                   "the upload: not a picture", &err);
    assert_refused(vit_decode_image(m, "", 0, "nothing", planes, NULL, &err), VIT_ERR_FORMAT,
                   "nothing: ", &err);
    for (size_t i = 0; i < VIT_COUNT(SIDES); i++)
        assert_refused(vit_prepare_image(m, PIXELS, SIDES[i][0], SIDES[i][1], planes, &err), VIT_ERR_ARG,
                       "expected 1 to", &err);
    free(planes);
    vit_model_close(m);
}

/* Both ways to a picture that is stored, whose pixels are counted, and lies on its side. */
static void the_caller_says_how_large_a_picture_may_be_and_whether_it_is_turned(void **state)
{
    static const char SIDEWAYS[] = "tests/data/preprocess/fmt-exif6.jpg";
    const struct patch_decode stored = { .ignore_exif = true };
    struct vit_model *m = opened();
    const size_t bytes = vit_model_input_floats(m) * sizeof(float);
    float *upright = planes_of(m), *read = planes_of(m), *decoded = planes_of(m), *want = planes_of(m);
    struct patch_decode limit = { 0 };
    struct patch_image image;
    struct vit_error err;
    size_t size;
    unsigned char *file = tmp_read(SIDEWAYS, &size);

    (void)state;
    assert_ok(patch_image_read(&image, SIDEWAYS, &stored, &err), &err);
    assert_ok(vit_prepare_image(m, image.rgb, image.width, image.height, want, &err), &err);
    assert_ok(vit_read_image(m, SIDEWAYS, upright, NULL, &err), &err);
    assert_ok(vit_read_image(m, SIDEWAYS, read, &stored, &err), &err);
    assert_ok(vit_decode_image(m, file, size, "memory", decoded, &stored, &err), &err);
    assert_memory_equal(read, want, bytes);
    assert_memory_equal(decoded, want, bytes);
    assert_memory_not_equal(read, upright, bytes);

    limit.max_pixels = (size_t)image.width * (size_t)image.height;
    assert_ok(vit_read_image(m, SIDEWAYS, read, &limit, &err), &err);
    assert_memory_equal(read, upright, bytes);
    limit.max_pixels--;
    assert_refused(vit_read_image(m, SIDEWAYS, read, &limit, &err), VIT_ERR_UNSUPPORTED,
                   "fmt-exif6.jpg: ", &err);
    assert_refused(vit_decode_image(m, file, size, "the upload", decoded, &limit, &err), VIT_ERR_UNSUPPORTED,
                   "that may be decoded", &err);
    assert_null(strstr(err.text, "--"));
    patch_image_free(&image);
    free(file);
    free(upright);
    free(read);
    free(decoded);
    free(want);
    vit_model_close(m);
}

static void assert_same_parameters(const struct vit_model *a, const struct vit_model *b)
{
    assert_int_equal(vit_model_parameter_count(a), vit_model_parameter_count(b));
    for (int i = 0; i < vit_model_parameter_count(a); i++) {
        const struct vit_parameter p = vit_model_parameter(a, i), q = vit_model_parameter(b, i);
        assert_string_equal(p.name, q.name);
        assert_int_equal(p.count, q.count);
        assert_memory_equal(p.values, q.values, p.count * sizeof *p.values);
    }
}

static void a_model_in_memory_is_that_of_the_file(void **state)
{
    struct vit_model *m = opened(), *again;
    char dir[TMP_PATH], path[TMP_PATH + 16];
    unsigned char *file;
    struct vit_error err;
    size_t size;

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/saved", dir);
    assert_ok(vit_model_save(m, path, WEIGHTS_F32, &err), &err);
    file = tmp_read(path, &size);
    tmp_remove(dir);
    assert_ok(vit_model_open_memory(&again, file, size, "the asset", NULL, &err), &err);
    assert_string_equal(vit_model_path(again), "the asset");
    assert_same_parameters(again, m);
    vit_model_close(again);
    assert_refused(vit_model_open_memory(&again, file, size / 2, "the asset", NULL, &err), VIT_ERR_FORMAT,
                   "the asset: ", &err);
    assert_null(again);
    assert_refused(vit_model_open_memory(&again, NULL, 0, "nothing", NULL, &err), VIT_ERR_FORMAT,
                   "nothing: ", &err);
    free(file);
    vit_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_bytes_and_pixels_are_one_picture),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(the_caller_says_how_large_a_picture_may_be_and_whether_it_is_turned),
        cmocka_unit_test(a_model_in_memory_is_that_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
