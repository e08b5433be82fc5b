#include <time.h>

#include "tests/patch/fixtures.h"

enum { COUNT = 23, SIZE = 8, FLOATS = 3 * SIZE * SIZE };

struct fixture {
    char dir[256];
    struct patch_dataset *data;
    struct patch_recipe recipe;
};

/* Pictures of one grey level each, 10 i; every fifth is damaged. */
static int setup(void **state)
{
    static struct fixture f;
    struct vit_error err = { 0 };
    char path[300];
    const char *paths[] = { path };

    f = (struct fixture){ .recipe = { .size = SIZE, .squash = true, .std = { 1, 1, 1 } } };
    tmp_create(f.dir, sizeof f.dir);
    for (int i = 0; i < COUNT; i++) {
        char name[32], text[32];
        const int n = snprintf(text, sizeof text, "P5 1 1 255\n%c", (char)(10 * i));
        snprintf(name, sizeof name, "set/%02d.pgm", i);
        tmp_write(f.dir, name, text, i % 5 == 4 ? 5 : (size_t)(n < 12 ? 12 : n), NULL, 0);
    }
    snprintf(path, sizeof path, "%s/set", f.dir);
    assert_ok(patch_dataset_files(&f.data, paths, 1, &err), &err);
    assert_int_equal(patch_dataset_count(f.data), COUNT);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    patch_dataset_close(f->data);
    tmp_remove(f->dir);
    return 0;
}

static struct patch_loader *created(const struct fixture *f, const struct patch_loader_options *o)
{
    struct vit_error err = { 0 };
    struct patch_loader *l;

    assert_ok(patch_loader_create(&l, f->data, &f->recipe, o, &err), &err);
    return l;
}

/* Read to the end and compare with what the order says, picture by picture. */
static void assert_run(const struct fixture *f, const struct patch_loader_options *o)
{
    struct patch_loader *l = created(f, o);
    const size_t count = o->order ? o->order_count : COUNT;
    size_t at = 0;

    for (const struct patch_batch *b; (b = patch_loader_next(l)); at += (size_t)b->count) {
        int row = 0;
        assert_int_equal(b->count, count - at < (size_t)o->batch ? count - at : (size_t)o->batch);
        for (int i = 0; i < b->count; i++) {
            const struct patch_item *item = &b->items[i];
            const size_t index = o->order ? o->order[at + (size_t)i] : at + (size_t)i;
            assert_int_equal(item->index, index);
            assert_int_equal(item->status, index % 5 == 4 ? VIT_ERR_FORMAT : VIT_OK);
            assert_int_equal(item->row, index % 5 == 4 ? -1 : row++);
            if (item->row < 0) assert_non_null(strstr(item->error.text, "PNM"));
            for (int j = 0; item->row >= 0 && j < FLOATS; j++)
                assert_true(b->planes[item->row * FLOATS + j] == (float)(unsigned char)(10 * index) / 255);
            if (item->row >= 0) assert_int_equal(b->labels[item->row], -1);
        }
        assert_int_equal(b->rows, row);
    }
    assert_int_equal(at, count);
    assert_null(patch_loader_next(l)); /* the end stays the end */
    patch_loader_close(l);
}

static void workers_do_not_change_the_batches(void **state)
{
    static const int BATCHES[] = { 1, 4, 5, COUNT, 100 }, WORKERS[] = { 0, 1, 2, 3, 8, 1024 };

    for (size_t i = 0; i < VIT_COUNT(BATCHES); i++)
        for (size_t j = 0; j < VIT_COUNT(WORKERS); j++)
            assert_run(*state, &(struct patch_loader_options){ .batch = BATCHES[i], .workers = WORKERS[j] });
}

static void an_order_is_followed_with_its_repetitions(void **state)
{
    static const size_t order[] = { 3, 3, 22, 4, 0, 9, 4, 1, 7 };

    assert_run(*state, &(struct patch_loader_options){
                           .batch = 2, .workers = 3, .order = order, .order_count = VIT_COUNT(order) });
    assert_run(*state, &(struct patch_loader_options){ .batch = 2, .order = order, .order_count = 0 });
}

static void closing_early_neither_hangs_nor_leaks(void **state)
{
    for (int fetched = 0; fetched < 4; fetched++)
        for (int workers = 1; workers < 5; workers++) {
            struct patch_loader *l =
                created(*state, &(struct patch_loader_options){ .batch = 3, .workers = workers });
            for (int i = 0; i < fetched; i++) assert_non_null(patch_loader_next(l));
            patch_loader_close(l);
        }
    patch_loader_close(NULL);
}

static void a_batch_stays_while_the_next_ones_are_read(void **state)
{
    struct patch_loader *l = created(*state, &(struct patch_loader_options){ .batch = 4, .workers = 2 });
    const struct patch_batch *b = patch_loader_next(l);
    float planes[4 * FLOATS];

    memcpy(planes, b->planes, (size_t)b->rows * FLOATS * sizeof *planes);
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL); /* time for the workers to overrun */
    assert_memory_equal(planes, b->planes, (size_t)b->rows * FLOATS * sizeof *planes);
    patch_loader_close(l);
}

static void two_loaders_share_a_data_set(void **state)
{
    const struct patch_loader_options o = { .batch = 2, .workers = 2 };
    struct patch_loader *a = created(*state, &o), *b = created(*state, &o);
    const struct patch_batch *x, *y;

    while ((x = patch_loader_next(a)) && (y = patch_loader_next(b))) {
        assert_int_equal(x->rows, y->rows);
        assert_memory_equal(x->planes, y->planes, (size_t)x->rows * FLOATS * sizeof *x->planes);
    }
    patch_loader_close(a);
    patch_loader_close(b);
}

static void impossible_options_are_refused(void **state)
{
    const struct fixture *f = *state;
    const size_t beyond[] = { COUNT };
    struct patch_loader *l;
    struct vit_error err;

    assert_refused(patch_loader_create(&l, f->data, &f->recipe, &(struct patch_loader_options){ 0 }, &err),
                   VIT_ERR_ARG, "batch", &err);
    assert_refused(patch_loader_create(&l, f->data, &f->recipe,
                                       &(struct patch_loader_options){ .batch = 1, .workers = -1 }, &err),
                   VIT_ERR_ARG, "threads", &err);
    assert_refused(patch_loader_create(
                       &l, f->data, &f->recipe,
                       &(struct patch_loader_options){ .batch = 1, .order = beyond, .order_count = 1 }, &err),
                   VIT_ERR_ARG, "picture 23", &err);
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_do_not_change_the_batches),
        cmocka_unit_test(an_order_is_followed_with_its_repetitions),
        cmocka_unit_test(closing_early_neither_hangs_nor_leaks),
        cmocka_unit_test(a_batch_stays_while_the_next_ones_are_read),
        cmocka_unit_test(two_loaders_share_a_data_set),
        cmocka_unit_test(impossible_options_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
