#include <unistd.h>

#include "tests/patch/fixtures.h"
#include "tests/patch/noise.h"

enum { CATS = 30, DOGS = 10, EELS = 5 };

/* A CSV of pictures that are never read. */
static int setup(void **state)
{
    static char path[512];
    char dir[256], text[4096] = "";

    tmp_create(dir, sizeof dir);
    for (int i = 0; i < CATS + DOGS + EELS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d.png,%s\n", i,
                 i < CATS          ? "cat"
                 : i < CATS + DOGS ? "dog"
                                   : "eel");
    tmp_write(dir, "set.csv", text, strlen(text), path, sizeof path);
    *state = path;
    return 0;
}

static int teardown(void **state)
{
    char *slash = strrchr(*state, '/');

    *slash = '\0';
    tmp_remove(*state);
    return 0;
}

static struct patch_dataset *opened(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;

    assert_ok(patch_dataset_open(&d, *state, PATCH_ALL, &err), &err);
    return d;
}

static void assert_counts(const struct patch_dataset *d, int cats, int dogs, int eels)
{
    int counts[3] = { 0 };

    for (size_t i = 0; i < patch_dataset_count(d); i++) counts[patch_dataset_label(d, i)]++;
    assert_int_equal(counts[0], cats);
    assert_int_equal(counts[1], dogs);
    assert_int_equal(counts[2], eels);
}

/* The number in the name of picture i. */
static int number(const struct patch_dataset *d, size_t i)
{
    char name[600];

    return atoi(strrchr(patch_dataset_name(d, i, name, sizeof name), '/') + 1);
}

static void a_limit_takes_equally_many_of_each_class(void **state)
{
    static const struct {
        size_t n;
        int cats, dogs, eels;
    } CASES[] = { { 9, 3, 3, 3 }, { 20, 8, 7, 5 }, { 30, 15, 10, 5 }, { 45, 30, 10, 5 }, { 99, 30, 10, 5 } };

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct vit_error err = { 0 };
        struct patch_dataset *d = opened(state);
        assert_ok(patch_dataset_limit(d, CASES[i].n, &err), &err);
        assert_counts(d, CASES[i].cats, CASES[i].dogs, CASES[i].eels);
        patch_dataset_close(d);
    }
}

static void a_limit_is_the_same_every_time_and_grows(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *few = opened(state), *more = opened(state);
    size_t at = 0;

    assert_ok(patch_dataset_limit(few, 12, &err), &err);
    assert_ok(patch_dataset_limit(more, 24, &err), &err);
    for (size_t i = 0; i < patch_dataset_count(few); i++, at++) {
        while (at < patch_dataset_count(more) && number(more, at) != number(few, i)) at++;
        assert_true(at < patch_dataset_count(more)); /* in the same order, too */
    }
    assert_refused(patch_dataset_limit(few, 0, &err), VIT_ERR_ARG, "0 pictures", &err);
    patch_dataset_close(few);
    patch_dataset_close(more);
}

/* Three of 20 pictures have a label that is none: there is no place for them among ten. */
static void a_damaged_picture_takes_no_class_its_place(void **state)
{
    enum { COUNT = 20, CLASSES = 10, FALSE_LABEL = 99 };
    unsigned char *bytes = calloc(COUNT, NOISE_RECORD);
    bool seen[CLASSES] = { false };
    struct vit_error err = { 0 };
    struct patch_dataset *d;

    for (int i = 0; i < COUNT; i++) bytes[i * NOISE_RECORD] = i % 7 == 6 ? FALSE_LABEL : i % CLASSES;
    tmp_write(*state, "test_batch.bin", bytes, (size_t)COUNT * NOISE_RECORD, NULL, 0);
    free(bytes);
    assert_ok(patch_dataset_open(&d, *state, PATCH_TEST, &err), &err);
    assert_ok(patch_dataset_limit(d, CLASSES, &err), &err);
    for (size_t i = 0; i < CLASSES; i++) {
        assert_in_range(patch_dataset_label(d, i), 0, CLASSES - 1);
        seen[patch_dataset_label(d, i)] = true;
    }
    for (int i = 0; i < CLASSES; i++) assert_true(seen[i]);
    patch_dataset_close(d);
}

static void holding_out_divides_every_class(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d = opened(state), *held, *again = opened(state), *held_again;
    bool seen[CATS + DOGS + EELS] = { false };

    assert_ok(patch_dataset_hold_out(d, 0.2f, &held, NULL, &err), &err);
    assert_counts(d, 24, 8, 4);
    assert_counts(held, 6, 2, 1);
    for (size_t i = 0; i < patch_dataset_count(d); i++) seen[number(d, i)] = true;
    for (size_t i = 0; i < patch_dataset_count(held); i++) {
        assert_false(seen[number(held, i)]);
        seen[number(held, i)] = true;
    }
    for (size_t i = 0; i < VIT_COUNT(seen); i++) assert_true(seen[i]);
    assert_ok(patch_dataset_hold_out(again, 0.2f, &held_again, NULL, &err), &err);
    for (size_t i = 0; i < patch_dataset_count(held); i++)
        assert_int_equal(number(held, i), number(held_again, i));
    patch_dataset_close(d); /* what was held out outlives it */
    assert_string_equal(patch_dataset_class(held, 2), "eel");
    assert_true(number(held, 0) >= 0);
    patch_dataset_close(held);
    patch_dataset_close(again);
    patch_dataset_close(held_again);
}

static void every_class_of_two_or_more_is_on_both_sides(void **state)
{
    static const struct {
        float fraction;
        int cats, dogs, eels;
    } CASES[] = { { 0.06f, 2, 1, 1 }, { 0.85f, 26, 9, 4 }, { 0.92f, 28, 9, 4 }, { 0.99f, 29, 9, 4 } };

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct vit_error err = { 0 };
        struct patch_dataset *d = opened(state), *held;
        assert_ok(patch_dataset_hold_out(d, CASES[i].fraction, &held, NULL, &err), &err);
        assert_counts(held, CASES[i].cats, CASES[i].dogs, CASES[i].eels);
        assert_counts(d, CATS - CASES[i].cats, DOGS - CASES[i].dogs, EELS - CASES[i].eels);
        patch_dataset_close(held);
        patch_dataset_close(d);
    }
}

enum { FILES = 12, LISTED = 4 };

/* The files of a folder, listed several times: by other paths, through a link, under another label. */
static struct patch_dataset *listed(const char *dir, int times)
{
    static const struct {
        const char *before, *after;
        int label;
    } AS[LISTED] = { { "", ".png", 0 }, { "./", ".png", 0 }, { "", "-link.png", 0 }, { "", ".png", 1 } };
    char text[2048] = "", name[32], path[512], link[512];
    struct vit_error err = { 0 };
    struct patch_dataset *d;

    for (int i = 0; i < times * FILES; i++) {
        const int file = i % FILES, as = i / FILES;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d%s,%d\n", AS[as].before, file,
                 AS[as].after, (file + AS[as].label) % 3);
        snprintf(name, sizeof name, "%d.png", file);
        tmp_write(dir, name, "", 0, path, sizeof path);
        snprintf(link, sizeof link, "%s/%d-link.png", dir, file);
        if (!as) assert_int_equal(symlink(path, link), 0);
    }
    tmp_write(dir, "set.csv", text, strlen(text), path, sizeof path);
    assert_ok(patch_dataset_open(&d, path, PATCH_ALL, &err), &err);
    return d;
}

/* On the side on which it is when it is listed once. */
static void a_file_is_on_one_side_however_often_it_is_listed(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *once = listed(*state, 1), *often, *held, *often_held;
    bool out[FILES] = { false };
    size_t repeats;

    assert_ok(patch_dataset_hold_out(once, 0.3f, &held, &repeats, &err), &err);
    assert_int_equal(repeats, 0);
    for (size_t i = 0; i < patch_dataset_count(held); i++) out[number(held, i)] = true;
    patch_dataset_close(once);
    tmp_remove(*state);
    often = listed(*state, LISTED);
    assert_ok(patch_dataset_hold_out(often, 0.3f, &often_held, &repeats, &err), &err);
    assert_int_equal(repeats, (LISTED - 1) * FILES);
    assert_int_equal(patch_dataset_count(often_held), LISTED * patch_dataset_count(held));
    assert_int_equal(patch_dataset_count(often), LISTED * (FILES - patch_dataset_count(held)));
    for (size_t i = 0; i < patch_dataset_count(often_held); i++) assert_true(out[number(often_held, i)]);
    for (size_t i = 0; i < patch_dataset_count(often); i++) assert_false(out[number(often, i)]);
    patch_dataset_close(held);
    patch_dataset_close(often);
    patch_dataset_close(often_held);
}

static void holding_out_nothing_or_all_is_refused(void **state)
{
    struct vit_error err;
    struct patch_dataset *d = opened(state), *held;

    assert_refused(patch_dataset_hold_out(d, 0, &held, NULL, &err), VIT_ERR_ARG, "between 0 and 1", &err);
    assert_refused(patch_dataset_hold_out(d, 1, &held, NULL, &err), VIT_ERR_ARG, "between 0 and 1", &err);
    assert_ok(patch_dataset_limit(d, 3, &err), &err); /* one of each */
    assert_refused(patch_dataset_hold_out(d, 0.4f, &held, NULL, &err), VIT_ERR_ARG, "nothing", &err);
    assert_null(held);
    assert_refused(patch_dataset_hold_out(d, 0.6f, &held, NULL, &err), VIT_ERR_ARG, "nothing", &err);
    assert_null(held);
    assert_int_equal(patch_dataset_count(d), 3);
    patch_dataset_close(d);
}

static void labels_are_matched_by_name(void **state)
{
    static const char *const model[] = { "eel", "fox", "dog", "cat" };
    struct vit_error err = { 0 };
    struct patch_dataset *d = opened(state);

    assert_ok(patch_dataset_match(d, model, 4, "the model", &err), &err);
    assert_int_equal(patch_dataset_classes(d), 4);
    assert_string_equal(patch_dataset_class(d, 1), "fox");
    assert_int_equal(patch_dataset_label(d, 0), 3);
    assert_int_equal(patch_dataset_label(d, CATS), 2);
    assert_int_equal(patch_dataset_label(d, CATS + DOGS), 0);
    patch_dataset_close(d);
}

static void a_mismatch_names_what_matches_nothing(void **state)
{
    static const char *const model[] = { "cat", "dog", "fish" }, *const twice[] = { "cat", "cat", "dog",
                                                                                    "eel" };
    struct vit_error err;
    struct patch_dataset *d = opened(state);

    assert_refused(
        patch_dataset_match(d, model, 3, "the model", &err), VIT_ERR_ARG,
        "the data's class \"eel\" is none of the model's; not matched are 1 of the data's 3: eel; and "
        "1 of the model's 3: fish",
        &err);
    assert_refused(
        patch_dataset_match(d, twice, 4, "the training split", &err), VIT_ERR_ARG,
        "the data's class \"cat\" is more than one of the training split's; not matched are 1 of the data's "
        "3: cat; and 0 of the training split's 4",
        &err);
    assert_string_equal(patch_dataset_class(d, 2), "eel"); /* unchanged */
    patch_dataset_close(d);
}

/* However many classes stand before it. */
static void a_mismatch_far_down_the_lists_is_named(void **state)
{
    enum { MANY = 1000 };
    static char text[MANY][32];
    const char *model[MANY];
    struct vit_error err;
    struct patch_dataset *d = opened(state);

    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "a class of some length, %d", i);
        model[i] = text[i];
    }
    model[MANY - 2] = "dog", model[MANY - 1] = "cat";
    assert_refused(patch_dataset_match(d, model, MANY, "the model", &err), VIT_ERR_ARG,
                   "1 of the data's 3: eel; and 998 of the model's 1000: a class of some length, 0, a", &err);
    assert_non_null(strstr(err.text, " more)"));
    patch_dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_limit_takes_equally_many_of_each_class, setup, teardown),
        cmocka_unit_test_setup_teardown(a_limit_is_the_same_every_time_and_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_picture_takes_no_class_its_place, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(holding_out_divides_every_class, setup, teardown),
        cmocka_unit_test_setup_teardown(every_class_of_two_or_more_is_on_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_on_one_side_however_often_it_is_listed, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(holding_out_nothing_or_all_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(labels_are_matched_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mismatch_names_what_matches_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mismatch_far_down_the_lists_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
