#include <sys/stat.h>
#include <unistd.h>

#include "tests/patch/fixtures.h"

#define PIXEL "P6 1 1 255\nabc"

static void put(const char *dir, const char *name)
{
    tmp_write(dir, name, PIXEL, sizeof PIXEL - 1, NULL, 0);
}

static struct patch_dataset *opened(const char *path, enum patch_split split)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;

    assert_ok(patch_dataset_open(&d, path, split, &err), &err);
    return d;
}

/* The names of all pictures below dir, with their class, as "dog:a.ppm ". */
static void assert_pictures(const struct patch_dataset *d, const char *dir, const char *expected)
{
    char text[4096] = "", name[1024];

    for (size_t i = 0; i < patch_dataset_count(d); i++) {
        const int label = patch_dataset_label(d, i);
        const char *class = label < 0 ? "" : patch_dataset_class(d, label);
        const char *path = patch_dataset_name(d, i, name, sizeof name);
        const size_t head = strlen(dir) + 1;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s:%s ", class,
                 strncmp(path, dir, head - 1) ? path : path + head);
    }
    assert_string_equal(text, expected);
}

static void classes_are_folders_sorted_by_bytes(void **state)
{
    struct patch_dataset *d;

    put(*state, "dog/b.ppm");
    put(*state, "dog/a.PPM");
    put(*state, "dog/more/c.pnm");
    put(*state, "dog/d.jpe");
    put(*state, "dog/e.JFIF");
    put(*state, "Zebra/z.pgm");
    put(*state, "dog/.hidden.ppm");
    put(*state, ".hidden/a.ppm");
    put(*state, "dog/notes.txt");
    put(*state, "readme.ppm");
    d = opened(*state, PATCH_ALL);
    assert_string_equal(patch_dataset_kind(d), "folder of classes");
    assert_int_equal(patch_dataset_classes(d), 2);
    assert_pictures(
        d, *state,
        "Zebra:Zebra/z.pgm dog:dog/a.PPM dog:dog/b.ppm dog:dog/d.jpe dog:dog/e.JFIF dog:dog/more/c.pnm ");
    patch_dataset_close(d);
}

/* Pictures that are not read are failures, not absent: an accuracy over the rest is another one. */
static void pictures_that_are_not_read_are_listed(void **state)
{
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err;

    put(*state, "dog/a.ppm");
    tmp_write(*state, "dog/b.webp", "RIFF....WEBPVP8 ", 16, NULL, 0);
    put(*state, "dog/c.GIF");
    put(*state, "dog/d.tif");
    d = opened(*state, PATCH_ALL);
    assert_pictures(d, *state, "dog:dog/a.ppm dog:dog/b.webp dog:dog/c.GIF dog:dog/d.tif ");
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_UNSUPPORTED, "b.webp: is WebP",
                   &err);
    patch_dataset_close(d);
}

/* Its class stays, and reading says what became of its pictures. */
static void a_class_without_pictures_is_a_failure(void **state)
{
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err;

    put(*state, "cat/1.ppm");
    put(*state, "eel/2.ppm");
    tmp_write(*state, "dog/film.mp4", "x", 1, NULL, 0);
    d = opened(*state, PATCH_ALL);
    assert_int_equal(patch_dataset_classes(d), 3);
    assert_pictures(d, *state, "cat:cat/1.ppm dog:dog eel:eel/2.ppm ");
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_IO, "dog: a folder without pictures",
                   &err);
    assert_ok(patch_dataset_read(d, 2, NULL, &image, &err), &err);
    patch_image_free(&image);
    patch_dataset_close(d);
}

static void splits_are_folders_of_classes(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;

    put(*state, "train/cat/1.ppm");
    put(*state, "train/dog/2.ppm");
    put(*state, "val/dog/3.ppm");
    d = opened(*state, PATCH_TRAIN);
    assert_pictures(d, *state, "cat:train/cat/1.ppm dog:train/dog/2.ppm ");
    patch_dataset_close(d);
    d = opened(*state, PATCH_VAL);
    assert_int_equal(patch_dataset_classes(d), 1);
    patch_dataset_close(d);
    d = opened(*state, PATCH_ALL);
    assert_pictures(d, *state, "cat:train/cat/1.ppm dog:train/dog/2.ppm dog:val/dog/3.ppm ");
    patch_dataset_close(d);
    assert_refused(patch_dataset_open(&d, *state, PATCH_TEST, &err), VIT_ERR_ARG, "it has: train, val", &err);
}

/* As published sets of pictures have them: their pictures must not be told apart by the split. */
static void splits_may_have_longer_names_and_capitals(void **state)
{
    struct patch_dataset *d;

    put(*state, "Training/cat/1.ppm");
    put(*state, "Training/dog/2.ppm");
    put(*state, "Valid/cat/3.ppm");
    put(*state, "TESTING/dog/4.ppm");
    d = opened(*state, PATCH_TRAIN);
    assert_pictures(d, *state, "cat:Training/cat/1.ppm dog:Training/dog/2.ppm ");
    patch_dataset_close(d);
    d = opened(*state, PATCH_VAL);
    assert_pictures(d, *state, "cat:Valid/cat/3.ppm ");
    patch_dataset_close(d);
    d = opened(*state, PATCH_TEST);
    assert_pictures(d, *state, "dog:TESTING/dog/4.ppm ");
    patch_dataset_close(d);
    d = opened(*state, PATCH_ALL);
    assert_pictures(
        d, *state,
        "cat:Training/cat/1.ppm dog:Training/dog/2.ppm cat:Valid/cat/3.ppm dog:TESTING/dog/4.ppm ");
    patch_dataset_close(d);
}

static void a_set_without_splits_is_whole_in_each(void **state)
{
    struct patch_dataset *d;

    put(*state, "cat/1.ppm");
    put(*state, "dog/2.ppm");
    for (int split = 0; split < PATCH_SPLITS; split++) {
        d = opened(*state, (enum patch_split)split);
        assert_int_equal(patch_dataset_count(d), 2);
        patch_dataset_close(d);
    }
}

static void a_class_may_be_called_train(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;
    unsigned splits;

    put(*state, "train/1.ppm");
    put(*state, "tram/2.ppm");
    d = opened(*state, PATCH_ALL);
    assert_pictures(d, *state, "train:train/1.ppm tram:tram/2.ppm ");
    patch_dataset_close(d);
    assert_ok(patch_dataset_splits(&splits, *state, &err), &err);
    assert_int_equal(splits, 0);
}

/* Its folders would be all classes there are. */
static void a_class_beside_a_split_is_an_error(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;

    put(*state, "train/steam/1.ppm");
    put(*state, "train/diesel/2.ppm");
    put(*state, "val/3.ppm");          /* of no class, but by its name no class either */
    put(*state, "figures/more/4.ppm"); /* no pictures right in it */
    tmp_write(*state, "logs/log.txt", "x", 1, NULL, 0);
    put(*state, "5.ppm");
    d = opened(*state, PATCH_TRAIN);
    assert_pictures(d, *state, "diesel:train/diesel/2.ppm steam:train/steam/1.ppm ");
    patch_dataset_close(d);
    put(*state, "dog/6.ppm");
    put(*state, "cat/7.ppm");
    assert_refused(patch_dataset_open(&d, *state, PATCH_TRAIN, &err), VIT_ERR_FORMAT,
                   ": expected splits alone beside train/, found folders of pictures: cat, dog", &err);
    assert_null(d);
    assert_refused(patch_dataset_open(&d, *state, PATCH_ALL, &err), VIT_ERR_FORMAT, "cat, dog", &err);
}

static void links_are_followed_once(void **state)
{
    struct patch_dataset *d;
    char link[512];

    put(*state, "elsewhere/far.ppm");
    put(*state, "set/cat/1.ppm");
    snprintf(link, sizeof link, "%s/set/dog", (char *)*state);
    assert_int_equal(symlink("../elsewhere", link), 0);
    snprintf(link, sizeof link, "%s/set/cat/loop", (char *)*state);
    assert_int_equal(symlink("..", link), 0);
    snprintf(link, sizeof link, "%s/set", (char *)*state);
    d = opened(link, PATCH_ALL);
    /* Through the loop: cat/loop is the set itself, and the dogs are seen from there once. */
    assert_pictures(d, link, "cat:cat/1.ppm cat:cat/loop/dog/far.ppm dog:dog/far.ppm ");
    patch_dataset_close(d);
}

/* A link dir/name that leads nowhere. */
static void put_link(const char *dir, const char *name)
{
    char link[512];

    snprintf(link, sizeof link, "%s/%s", dir, name);
    assert_int_equal(symlink("gone", link), 0);
}

/* An accuracy over the other classes is another one. */
static void a_link_that_leads_nowhere_is_no_missing_class(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;

    put(*state, "cat/1.ppm");
    put_link(*state, "dog");
    assert_refused(patch_dataset_open(&d, *state, PATCH_ALL, &err), VIT_ERR_IO,
                   "dog: cannot be examined: No such file or directory", &err);
    assert_null(d);
}

static void a_link_in_a_class_may_lead_to_pictures(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;

    put(*state, "cat/1.ppm");
    put(*state, "dog/2.ppm");
    put_link(*state, "dog/more");
    assert_refused(patch_dataset_open(&d, *state, PATCH_ALL, &err), VIT_ERR_IO,
                   "dog/more: cannot be examined: No such file or directory", &err);
}

static void a_picture_s_link_that_leads_nowhere_is_a_failure(void **state)
{
    struct patch_dataset *d;
    struct patch_image image;
    struct vit_error err;

    put(*state, "cat/1.ppm");
    put_link(*state, "cat/2.ppm");
    put_link(*state, "3.ppm"); /* of no class */
    d = opened(*state, PATCH_ALL);
    assert_pictures(d, *state, "cat:cat/1.ppm cat:cat/2.ppm ");
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_IO, "2.ppm: cannot be opened", &err);
    patch_dataset_close(d);
}

static void a_split_that_cannot_be_listed_is_no_missing_one(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;
    unsigned splits;

    put(*state, "train/cat/1.ppm");
    put_link(*state, "test");
    assert_refused(patch_dataset_splits(&splits, *state, &err), VIT_ERR_IO,
                   "test: cannot be listed: No such file or directory", &err);
    for (int split = 0; split < PATCH_SPLITS; split++)
        assert_refused(patch_dataset_open(&d, *state, (enum patch_split)split, &err), VIT_ERR_IO,
                       "test: cannot be listed", &err);
}

static void what_is_no_data_set_is_refused(void **state)
{
    struct patch_dataset *d;
    struct vit_error err;
    char path[512];

    put(*state, "a.ppm");
    assert_refused(patch_dataset_open(&d, *state, PATCH_ALL, &err), VIT_ERR_FORMAT, "folder of pictures",
                   &err);
    snprintf(path, sizeof path, "%s/none", (char *)*state);
    assert_refused(patch_dataset_open(&d, path, PATCH_ALL, &err), VIT_ERR_IO, "no such", &err);
    tmp_write(*state, "set/empty/readme.txt", "x", 1, NULL, 0);
    snprintf(path, sizeof path, "%s/set", (char *)*state);
    assert_refused(patch_dataset_open(&d, path, PATCH_ALL, &err), VIT_ERR_FORMAT, "no pictures", &err);
    assert_null(d);
}

static void files_folders_and_lists_are_pictures(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    struct patch_image image;
    char list[512], file[512], text[1200];
    const char *paths[] = { file, list, *state };

    put(*state, "b/2.ppm");
    put(*state, "1.ppm");
    snprintf(file, sizeof file, "%s/none.gif", (char *)*state);
    snprintf(text, sizeof text, " \t\r\n%s/b/2.ppm\r\n\n\t\n%s/1.ppm\n ", (char *)*state, (char *)*state);
    tmp_write(*state, "list.txt", text, strlen(text), list, sizeof list);
    assert_ok(patch_dataset_files(&d, paths, 3, &err), &err);
    assert_pictures(d, *state, ":none.gif :b/2.ppm :1.ppm :1.ppm :b/2.ppm ");
    assert_int_equal(patch_dataset_classes(d), 0);
    assert_refused(patch_dataset_read(d, 0, NULL, &image, &err), VIT_ERR_IO, "none.gif", &err);
    assert_ok(patch_dataset_read(d, 1, NULL, &image, &err), &err);
    assert_memory_equal(image.rgb, "abc", 3);
    patch_image_free(&image);
    patch_dataset_close(d);
}

static void a_folder_without_pictures_is_reported_when_read(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    struct patch_image image;
    const char *paths[] = { *state };

    assert_ok(patch_dataset_files(&d, paths, 1, &err), &err);
    assert_int_equal(patch_dataset_count(d), 1);
    assert_refused(patch_dataset_read(d, 0, NULL, &image, &err), VIT_ERR_IO, "a folder without pictures",
                   &err);
    patch_dataset_close(d);
}

static void a_line_of_a_list_may_be_a_folder_and_no_list(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    struct patch_image image;
    char list[512], text[1200];
    const char *paths[] = { list };

    put(*state, "b/2.ppm");
    put(*state, "1.ppm");
    snprintf(text, sizeof text, "%s/b\n%s/1.ppm\n%s/list.txt\n", (char *)*state, (char *)*state,
             (char *)*state);
    tmp_write(*state, "list.txt", text, strlen(text), list, sizeof list);
    assert_ok(patch_dataset_files(&d, paths, 1, &err), &err);
    assert_pictures(d, *state, ":b/2.ppm :1.ppm :list.txt ");
    assert_refused(patch_dataset_read(d, 2, NULL, &image, &err), VIT_ERR_FORMAT, "not a picture", &err);
    patch_dataset_close(d);
}

/* Picture i of what paths name; the others are read. */
static void assert_only_refused(const char *const *paths, size_t count, size_t i, enum vit_status status,
                                const char *part)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    struct patch_image image;

    assert_ok(patch_dataset_files(&d, paths, count, &err), &err);
    assert_int_equal(patch_dataset_count(d), count);
    for (size_t k = 0; k < count; k++) {
        if (k == i) {
            assert_refused(patch_dataset_read(d, k, NULL, &image, &err), status, part, &err);
            continue;
        }
        assert_ok(patch_dataset_read(d, k, NULL, &image, &err), &err);
        patch_image_free(&image);
    }
    patch_dataset_close(d);
}

static void a_list_that_cannot_be_used_leaves_the_others_alone(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } LISTS[] = { { "", 0, "empty" }, { "a\0b\n", 4, "zero byte" }, { "\n \t\r\n ", 6, "no line" } };
    char before[512], list[512], after[512];
    const char *const paths[] = { before, list, after };

    put(*state, "1.ppm");
    put(*state, "2.ppm");
    snprintf(before, sizeof before, "%s/1.ppm", (char *)*state);
    snprintf(after, sizeof after, "%s/2.ppm", (char *)*state);
    for (size_t i = 0; i < VIT_COUNT(LISTS); i++) {
        tmp_write(*state, "list.txt", LISTS[i].bytes, LISTS[i].size, list, sizeof list);
        assert_only_refused(paths, 3, 1, VIT_ERR_FORMAT, LISTS[i].part);
    }
    snprintf(list, sizeof list, "%s/none.txt", (char *)*state);
    assert_only_refused(paths, 3, 1, VIT_ERR_IO, "cannot be opened");
}

static void a_folder_that_is_gone_leaves_the_others_alone(void **state)
{
    char set[512];
    const char *const paths[] = { set };
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    struct patch_image image;

    put(*state, "set/1.ppm");
    put_link(*state, "set/more");
    snprintf(set, sizeof set, "%s/set", (char *)*state);
    assert_ok(patch_dataset_files(&d, paths, 1, &err), &err);
    assert_pictures(d, *state, ":set/1.ppm :set/more ");
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_IO,
                   "set/more: cannot be listed: No such file or directory", &err);
    patch_dataset_close(d);
}

/* Root may list anything: become somebody else, who can read that file; returns who we were. */
static uid_t lower(const char *file)
{
    const uid_t was = geteuid();
    FILE *seen = NULL;

    if (was == 0 && seteuid(65534)) skip();
    if (was == 0 && !(seen = fopen(file, "rb"))) { /* a folder of temporary files that is root's alone */
        assert_int_equal(seteuid(was), 0);
        skip();
    }
    if (seen) fclose(seen);
    return was;
}

static void a_closed_folder_leaves_the_others_alone(void **state)
{
    char open[512], set[512], closed[512], after[512];
    const char *const paths[] = { after, open, closed };
    uid_t was;
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    struct patch_image image;

    put(*state, "set/1.ppm");
    put(*state, "set/closed/2.ppm");
    put(*state, "3.ppm");
    snprintf(open, sizeof open, "%s/set/1.ppm", (char *)*state);
    snprintf(closed, sizeof closed, "%s/set/closed", (char *)*state);
    snprintf(after, sizeof after, "%s/3.ppm", (char *)*state);
    snprintf(set, sizeof set, "%s/set", (char *)*state);
    assert_int_equal(chmod(*state, 0755), 0);
    assert_int_equal(chmod(set, 0755), 0); /* whatever the umask left of it */
    assert_int_equal(chmod(closed, 0), 0);
    was = lower(open);
    assert_only_refused(paths, 3, 2, VIT_ERR_IO, "set/closed: cannot be listed");
    snprintf(open, sizeof open, "%s/set", (char *)*state);
    assert_ok(patch_dataset_files(&d, paths + 1, 1, &err), &err); /* the folder that holds it */
    assert_pictures(d, *state, ":set/1.ppm :set/closed ");
    assert_refused(patch_dataset_read(d, 1, NULL, &image, &err), VIT_ERR_IO, "set/closed: cannot be listed",
                   &err);
    patch_dataset_close(d);
    if (was == 0) assert_int_equal(seteuid(was), 0);
    assert_int_equal(chmod(closed, 0755), 0);
}

/* Neither a closed split nor a closed set is missing. */
static void a_closed_data_set_says_so(void **state)
{
    static const struct {
        const char *name;
        mode_t mode;
        const char *says;
    } CLOSED[] = { { "set/test", 0311, "set/test: cannot be listed: Permission denied" },
                   { "set/train/cat", 0311, "set/train/cat: cannot be listed: Permission denied" },
                   { "set/train", 0644, "set/train/cat: cannot be examined: Permission denied" },
                   { "set", 0311, "set: cannot be listed: Permission denied" },
                   { "set", 0644, "set: cannot be opened: Permission denied" } };
    char file[512], set[512], path[512];
    struct patch_dataset *d;
    struct vit_error err;
    uid_t was;

    put(*state, "set/train/cat/1.ppm");
    put(*state, "set/train/dog/2.ppm");
    put(*state, "set/test/cat/3.ppm");
    put(*state, "4.ppm");
    snprintf(file, sizeof file, "%s/4.ppm", (char *)*state);
    snprintf(set, sizeof set, "%s/set", (char *)*state);
    assert_int_equal(chmod(*state, 0755), 0);
    for (size_t i = 0; i < VIT_COUNT(CLOSED); i++) {
        snprintf(path, sizeof path, "%s/%s", (char *)*state, CLOSED[i].name);
        assert_int_equal(chmod(path, CLOSED[i].mode), 0);
        was = lower(file);
        assert_refused(patch_dataset_open(&d, set, PATCH_TRAIN, &err), VIT_ERR_IO, CLOSED[i].says, &err);
        if (was == 0) assert_int_equal(seteuid(was), 0);
        assert_int_equal(chmod(path, 0755), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(classes_are_folders_sorted_by_bytes, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(pictures_that_are_not_read_are_listed, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_class_without_pictures_is_a_failure, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(splits_are_folders_of_classes, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(splits_may_have_longer_names_and_capitals, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_set_without_splits_is_whole_in_each, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_class_may_be_called_train, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_class_beside_a_split_is_an_error, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(links_are_followed_once, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_link_that_leads_nowhere_is_no_missing_class, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_link_in_a_class_may_lead_to_pictures, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_picture_s_link_that_leads_nowhere_is_a_failure, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_split_that_cannot_be_listed_is_no_missing_one, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_data_set_is_refused, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(files_folders_and_lists_are_pictures, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_folder_without_pictures_is_reported_when_read, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_line_of_a_list_may_be_a_folder_and_no_list, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_list_that_cannot_be_used_leaves_the_others_alone, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_gone_leaves_the_others_alone, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_closed_folder_leaves_the_others_alone, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_closed_data_set_says_so, tmp_setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
