/* Memory that runs out while pictures are decoded, prepared, listed and loaded: libjpeg's memory too. */
#include "patch/feed.h"
#include "patch/feed_store.h"
#include "tests/patch/fixtures.h"
#include "tests/patch/noise.h"
#include "tests/patch/pickles.h"
#include "tests/support/gate.h"

static struct {
    char dir[256], path[512];
    unsigned char *bytes; /* of the picture to decode */
    size_t size;
    struct patch_image whole, got; /* what it decodes to, and what it did */
} made;

static enum vit_status make_picture(void **out, struct vit_error *err)
{
    enum vit_status status = patch_image_decode(&made.got, made.bytes, made.size, "picture", NULL, err);

    *out = status ? NULL : &made.got;
    return status;
}

static void unmake_picture(void *image)
{
    patch_image_free(image);
}

static bool is_whole_picture(const void *made_image)
{
    const struct patch_image *image = made_image;

    return image->width == made.whole.width && image->height == made.whole.height &&
           !memcmp(image->rgb, made.whole.rgb, (size_t)3 * (size_t)image->width * (size_t)image->height);
}

static void a_failed_allocation_is_no_half_picture(void **state)
{
    static const char *const NAMES[] = { "fmt-420.jpg",   "fmt-progressive.jpg", "fmt-cmyk.jpg",
                                         "fmt-exif6.jpg", "fmt-palette.png",     "fmt-gray16.png",
                                         "fmt-rgb.bmp" };
    static const struct maker DECODE = { "decode", make_picture, unmake_picture, is_whole_picture, false };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        char path[1024];
        made.whole = fixture_image(NAMES[i]);
        made.bytes = tmp_read(fixture_path(path, sizeof path, NAMES[i]), &made.size);
        fail_every_allocation(&DECODE);
        free(made.bytes);
        patch_image_free(&made.whole);
    }
}

/* ---- resizing ---- */

static enum vit_status make_resized(void **out, struct vit_error *err)
{
    enum vit_status status = patch_resize(&made.got, &made.whole, 20, 30, PATCH_LANCZOS, err);

    *out = status ? NULL : &made.got;
    return status;
}

static void a_failed_allocation_is_reported_by_the_resizing(void **state)
{
    static const struct maker RESIZE = { "resize", make_resized, unmake_picture, NULL, false };

    (void)state;
    made.whole = fixture_noise(50, 40, 1);
    fail_every_allocation(&RESIZE);
    patch_image_free(&made.whole);
}

/* ---- data sets and what reads them ---- */

static enum vit_status make_dataset(void **out, struct vit_error *err)
{
    return patch_dataset_open((struct patch_dataset **)out, made.path, PATCH_ALL, err);
}

static enum vit_status make_files(void **out, struct vit_error *err)
{
    const char *const paths[] = { made.path };

    return patch_dataset_files((struct patch_dataset **)out, paths, 1, err);
}

static void unmake_dataset(void *d)
{
    patch_dataset_close(d);
}

static bool has_three(const void *d)
{
    return patch_dataset_count(d) == 3;
}

static bool has_ten(const void *d)
{
    return patch_dataset_count(d) == 10;
}

/* Three pictures in two classes, and a list of them. */
static void write_pictures(void)
{
    static const char *const NAMES[] = { "set/cat/a.png", "set/cat/b.png", "set/dog/c.png" };
    static const char CSV[] = "file,label\nset/cat/a.png,cat\nset/cat/b.png,cat\n\"set/dog/c.png\",dog\n";
    char path[1024];
    size_t size;
    unsigned char *bytes = tmp_read(fixture_path(path, sizeof path, "fmt-gray.png"), &size);

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) tmp_write(made.dir, NAMES[i], bytes, size, NULL, 0);
    tmp_write(made.dir, "list.csv", CSV, sizeof CSV - 1, NULL, 0);
    noise_write(made.dir, 10, 2, 20, 1, 0);
    pickle_write_batch(made.dir, "python/test_batch", "labels", (const unsigned char[]){ 1, 2, 3 }, 3);
    free(bytes);
}

static void place(const char *name)
{
    snprintf(made.path, sizeof made.path, "%s/%s", made.dir, name);
}

static void a_failed_allocation_is_no_smaller_data_set(void **state)
{
    static const struct maker FOLDER = { "folder", make_dataset, unmake_dataset, has_three, false };
    static const struct maker CSV = { "csv", make_dataset, unmake_dataset, has_three, false };
    static const struct maker FILES = { "files", make_files, unmake_dataset, has_three, false };
    static const struct maker CIFAR = { "cifar", make_dataset, unmake_dataset, has_ten, false };
    static const struct maker PYTHON = { "cifar for Python", make_dataset, unmake_dataset, has_three, false };

    (void)state;
    tmp_create(made.dir, sizeof made.dir);
    write_pictures();
    place("set");
    gate.guesses = true;
    fail_every_allocation(&FOLDER);
    gate.guesses = false;
    fail_every_allocation(&FILES);
    place("list.csv");
    fail_every_allocation(&CSV);
    place(".");
    fail_every_allocation(&CIFAR);
    place("python");
    fail_every_allocation(&PYTHON);
    tmp_remove(made.dir);
}

/* Loader, store and feed are made over a data set, and read: what fails in between fails one picture. */
static struct patch_dataset *data;

static enum vit_status make_loader(void **out, struct vit_error *err)
{
    const struct patch_recipe r = patch_recipe_default(8);
    const struct patch_loader_options o = { .batch = 2, .workers = 2 };

    return patch_loader_create((struct patch_loader **)out, data, &r, &o, err);
}

static void unmake_loader(void *l)
{
    const struct patch_batch *b;
    int count = 0;

    while ((b = patch_loader_next(l))) count += b->count;
    assert_int_equal(count, 3);
    patch_loader_close(l);
}

static enum vit_status make_store(void **out, struct vit_error *err)
{
    const struct patch_recipe r = patch_recipe_default(8);
    const struct patch_feed_store_options o = { .cache_bytes = SIZE_MAX };

    return patch_feed_store_create((struct patch_feed_store **)out, data, &r, &o, err);
}

/* A picture that could not be read for want of memory is counted as failed, not lost. */
static bool accounts_for_three(const void *made_store)
{
    const struct patch_feed_store *s = made_store;

    return s->count + s->failed == 3;
}

static void unmake_store(void *s)
{
    patch_feed_store_close(s);
}

static struct patch_feed_store *store;

static enum vit_status make_feed(void **out, struct vit_error *err)
{
    struct patch_feed_options o = { .batch = 1, .workers = 2 };

    if (patch_augment_preset(&o.augment, "flip-crop", err) && patch_augment_preset(&o.augment, "none", err))
        return err->status;
    return patch_feed_create((struct patch_feed **)out, store, &o, err);
}

static bool has_three_left(const void *f)
{
    return patch_feed_count(f) == 3;
}

static void unmake_feed(void *f)
{
    patch_feed_close(f);
}

static void a_failed_allocation_is_reported_by_loader_store_and_feed(void **state)
{
    static const struct maker LOADER = { "loader", make_loader, unmake_loader, NULL, false };
    static const struct maker STORE = { "store", make_store, unmake_store, accounts_for_three, false };
    static const struct maker FEED = { "feed", make_feed, unmake_feed, has_three_left, false };
    void *s;
    struct vit_error err = { 0 };

    (void)state;
    tmp_create(made.dir, sizeof made.dir);
    write_pictures();
    place("set");
    assert_ok(patch_dataset_open(&data, made.path, PATCH_ALL, &err), &err);
    fail_every_allocation(&LOADER);
    fail_every_allocation(&STORE);
    assert_ok(make_store(&s, &err), &err);
    store = s;
    fail_every_allocation(&FEED);
    patch_feed_store_close(store);
    patch_dataset_close(data);
    tmp_remove(made.dir);
}

static int read_batch(const struct patch_batch *b, int *refused)
{
    for (int i = 0; i < b->count; i++) {
        const struct patch_item *item = &b->items[i];
        *refused += item->status == VIT_ERR_NOMEM;
        if (item->status && !*item->error.text) fail_msg("picture %d failed without a sentence", i);
    }
    return b->count;
}

/* Pictures are decoded while the gate is armed. */
static void a_loader_reports_each_picture_memory_failed(void **state)
{
    struct vit_error err = { 0 };
    int refused = 0, n = 0;
    bool over = false;

    (void)state;
    tmp_create(made.dir, sizeof made.dir);
    write_pictures();
    place("set");
    assert_ok(patch_dataset_open(&data, made.path, PATCH_ALL, &err), &err);
    while (!over) {
        const struct patch_batch *b;
        void *l;
        int count = 0;

        arm(++n); /* before the workers begin */
        if (!make_loader(&l, &err)) {
            while ((b = patch_loader_next(l))) count += read_batch(b, &refused);
            assert_int_equal(count, 3);
            patch_loader_close(l);
        }
        over = disarm() < n;
    }
    assert_true(refused > 0);
    patch_dataset_close(data);
    tmp_remove(made.dir);
}

/* A training run that ends for want of memory names the picture it was at. */
static void memory_that_ends_in_a_picture_names_it(void **state)
{
    struct vit_error err = { 0 };
    int named = 0, n = 0;
    bool over = false;

    (void)state;
    tmp_create(made.dir, sizeof made.dir);
    write_pictures();
    place("set");
    assert_ok(patch_dataset_open(&data, made.path, PATCH_ALL, &err), &err);
    while (!over) {
        enum vit_status status;
        void *s;

        arm(++n);
        status = make_store(&s, &err);
        over = disarm() < n;
        named += status == VIT_ERR_NOMEM && strstr(err.text, made.path) == err.text;
        patch_feed_store_close(s);
    }
    assert_true(named > 0);
    patch_dataset_close(data);
    tmp_remove(made.dir);
}

/* Pictures that are not kept, in batches of three: all of each, or what there was no memory for. */
static enum vit_status read_epochs(struct patch_feed *f, struct vit_error *err)
{
    const struct patch_feed_batch *b;
    enum vit_status status = VIT_OK;

    for (int epoch = 0; epoch < 2 && !status; epoch++) {
        patch_feed_start(f, epoch, 0, false);
        while (!(status = patch_feed_next(f, &b, err)) && b) assert_int_equal(b->n, 3);
    }
    if (!status) return VIT_OK;
    assert_null(b);
    patch_feed_start(f, 2, 0, false); /* it stays at its end */
    assert_int_equal(patch_feed_next(f, &b, NULL), status);
    return status;
}

static void a_feed_ends_where_memory_does(void **state)
{
    const struct patch_recipe r = patch_recipe_default(8);
    const struct patch_feed_store_options reading = { .cache_bytes = 0 };
    const struct patch_feed_options o = { .batch = 3, .workers = 2 };
    struct vit_error err = { 0 };
    int ended = 0, n = 0;
    bool over = false;

    (void)state;
    tmp_create(made.dir, sizeof made.dir);
    write_pictures();
    place("set");
    assert_ok(patch_dataset_open(&data, made.path, PATCH_ALL, &err), &err);
    assert_ok(patch_feed_store_create(&store, data, &r, &reading, &err), &err);
    while (!over) {
        struct patch_feed *f;
        enum vit_status status;

        assert_ok(patch_feed_create(&f, store, &o, &err), &err);
        arm(++n);
        status = read_epochs(f, &err);
        over = disarm() < n;
        assert_true(!status || (status == VIT_ERR_NOMEM && *err.text));
        assert_int_equal(patch_feed_failed(f), 0);
        ended += status != VIT_OK;
        patch_feed_close(f);
    }
    assert_true(ended > 0);
    patch_feed_store_close(store);
    patch_dataset_close(data);
    tmp_remove(made.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_is_no_half_picture),
        cmocka_unit_test(a_failed_allocation_is_reported_by_the_resizing),
        cmocka_unit_test(a_failed_allocation_is_no_smaller_data_set),
        cmocka_unit_test(a_failed_allocation_is_reported_by_loader_store_and_feed),
        cmocka_unit_test(a_loader_reports_each_picture_memory_failed),
        cmocka_unit_test(memory_that_ends_in_a_picture_names_it),
        cmocka_unit_test(a_feed_ends_where_memory_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
