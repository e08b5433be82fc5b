#include "patch/feed.h"

#include <stdatomic.h>
#include <unistd.h>

#include "patch/feed_store.h"
#include "tests/patch/noise.h"

enum { PICTURES = 50, BATCH = 8, BATCHES = PICTURES / BATCH, CLASSES = 4, FLOATS = 3 * 32 * 32 };

struct fixture {
    char dir[256];
    struct patch_dataset *data;
    struct patch_recipe recipe;
    struct patch_feed_store *store;
    struct patch_feed_options options;
};

static struct patch_feed_store *store_of(const struct fixture *f, int threads, size_t cache_bytes)
{
    const struct patch_feed_store_options o = { .threads = threads, .cache_bytes = cache_bytes };
    struct patch_feed_store *store;
    struct vit_error err;

    assert_ok(patch_feed_store_create(&store, f->data, &f->recipe, &o, &err), &err);
    return store;
}

static void open_data(struct fixture *f, int count, size_t cut)
{
    struct vit_error err;

    tmp_create(f->dir, sizeof f->dir);
    noise_write(f->dir, count, CLASSES, 40, 1, cut);
    assert_ok(patch_dataset_open(&f->data, f->dir, PATCH_TRAIN, &err), &err);
    /* A plane's value times 255 is the byte it came from. */
    f->recipe =
        (struct patch_recipe){ .size = 32, .squash = true, .filter = PATCH_BICUBIC, .std = { 1, 1, 1 } };
    f->store = store_of(f, 2, SIZE_MAX);
    f->options = (struct patch_feed_options){ .batch = BATCH, .seed = 7 };
}

static void close_data(struct fixture *f)
{
    patch_feed_store_close(f->store);
    patch_dataset_close(f->data);
    tmp_remove(f->dir);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    open_data(f, PICTURES, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close_data(f);
    free(f);
    return 0;
}

static struct patch_feed *feed_from(const struct fixture *f, const struct patch_feed_store *store,
                                    int workers)
{
    struct patch_feed_options o = f->options;
    struct patch_feed *feed;
    struct vit_error err;

    o.workers = workers;
    assert_ok(patch_feed_create(&feed, store, &o, &err), &err);
    return feed;
}

static struct patch_feed *feed_of(const struct fixture *f, int workers)
{
    return feed_from(f, f->store, workers);
}

/* Augmentation and mixing that use everything. */
static void change_everything(struct fixture *f)
{
    struct vit_error err;

    assert_ok(patch_augment_preset(&f->options.augment, "autoaugment", &err), &err);
    f->options.augment.cutout = 8;
    f->options.augment.erase = 0.5f;
    f->options.mix =
        (struct patch_mix_options){ .mixup = 0.8f, .cutmix = 1, .probability = 0.7f, .switching = 0.5f };
}

/* A batch that outlives the feed's own. */
struct copy {
    int n, labels[BATCH], other[BATCH];
    float planes[BATCH * FLOATS], weight[BATCH];
    bool mixed;
};

static void copy_batch(struct copy *c, const struct patch_feed_batch *b)
{
    memset(c, 0, sizeof *c); /* compared as bytes, padding too */
    c->n = b->n;
    c->mixed = b->other != NULL;
    memcpy(c->labels, b->labels, (size_t)b->n * sizeof *b->labels);
    memcpy(c->planes, b->planes, (size_t)b->n * FLOATS * sizeof *b->planes);
    if (!c->mixed) return;
    memcpy(c->other, b->other, (size_t)b->n * sizeof *b->other);
    memcpy(c->weight, b->weight, (size_t)b->n * sizeof *b->weight);
}

static const struct patch_feed_batch *next(struct patch_feed *feed)
{
    const struct patch_feed_batch *b;
    struct vit_error err;

    assert_ok(patch_feed_next(feed, &b, &err), &err);
    return b;
}

/* All batches of an epoch from first on, freed by the caller. */
static struct copy *collect(struct patch_feed *feed, int epoch, int first)
{
    struct copy *all = calloc(BATCHES, sizeof *all);
    const struct patch_feed_batch *b;
    int i = first;

    patch_feed_start(feed, epoch, first, true);
    while ((b = next(feed))) {
        assert_in_range(i, 0, BATCHES - 1);
        copy_batch(&all[i++], b);
    }
    assert_int_equal(i, BATCHES);
    assert_null(next(feed));
    return all;
}

/* The number that noise_record wrote into the last corner. */
static int number_of(const float *planes)
{
    return (int)lrintf(planes[1023] * 255) + 256 * (int)lrintf(planes[1024 + 1023] * 255);
}

static bool mirrored(const float *planes)
{
    return lrintf(planes[0] * 255) == lrintf(planes[1023] * 255); /* the odd corner is not at the left */
}

static void an_epoch_shows_no_picture_twice(void **state)
{
    struct patch_feed *feed = feed_of(*state, 2);
    int seen[PICTURES] = { 0 };
    struct copy *all = collect(feed, 0, 0);

    assert_int_equal(patch_feed_count(feed), PICTURES);
    assert_int_equal(patch_feed_batches(feed), BATCHES);
    for (int i = 0; i < BATCHES; i++) {
        assert_int_equal(all[i].n, BATCH);
        for (int j = 0; j < BATCH; j++) {
            const int number = number_of(all[i].planes + (size_t)j * FLOATS);
            assert_in_range(number, 0, PICTURES - 1);
            assert_int_equal(seen[number]++, 0);
            assert_int_equal(all[i].labels[j], number % CLASSES);
        }
    }
    free(all);
    patch_feed_close(feed);
}

static void epochs_and_seeds_have_orders_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct patch_feed *feed = feed_of(f, 1), *other;
    struct copy *first = collect(feed, 0, 0), *second = collect(feed, 1, 0), *seeded;

    f->options.seed++;
    other = feed_of(f, 1);
    seeded = collect(other, 0, 0);
    assert_memory_not_equal(first->planes, second->planes, sizeof first->planes);
    assert_memory_not_equal(first->planes, seeded->planes, sizeof first->planes);
    free(first);
    free(second);
    free(seeded);
    patch_feed_close(other);
    patch_feed_close(feed);
}

static void workers_and_cache_change_no_byte(void **state)
{
    static const struct {
        int workers;
        size_t cache;
    } OTHERS[] = { { 2, SIZE_MAX }, { 5, SIZE_MAX }, { 1, 0 }, { 3, 0 } };
    struct fixture *f = *state;
    struct patch_feed *one;

    change_everything(f);
    one = feed_of(f, 1);
    for (size_t k = 0; k < VIT_COUNT(OTHERS); k++) {
        struct patch_feed_store *store = store_of(f, OTHERS[k].workers, OTHERS[k].cache);
        struct patch_feed *many = feed_from(f, store, OTHERS[k].workers);
        for (int epoch = 0; epoch < 3; epoch++) {
            struct copy *a = collect(one, epoch, 0), *b = collect(many, epoch, 0);
            assert_memory_equal(a, b, BATCHES * sizeof *a);
            free(a);
            free(b);
        }
        patch_feed_close(many);
        patch_feed_store_close(store);
    }
    patch_feed_close(one);
}

static void a_batch_does_not_depend_on_those_before(void **state)
{
    struct fixture *f = *state;
    struct patch_feed *whole, *resumed;
    struct copy *a;

    change_everything(f);
    whole = feed_of(f, 2);
    resumed = feed_of(f, 2);
    a = collect(whole, 4, 0);
    for (int first = BATCHES; first >= 0; first--) {
        struct copy *b = collect(resumed, 4, first);
        assert_memory_equal(a + first, b + first, (size_t)(BATCHES - first) * sizeof *a);
        free(b);
    }
    free(a);
    patch_feed_close(resumed);
    patch_feed_close(whole);
}

/* An epoch given up in the middle leaves nothing behind. */
static void starting_again_gives_up_the_epoch_under_way(void **state)
{
    struct fixture *f = *state;
    struct patch_feed *feed = feed_of(f, 3);
    struct copy *want = collect(feed, 1, 0), *got;

    for (int taken = 0; taken < 4; taken++) {
        patch_feed_start(feed, 0, 0, true);
        for (int i = 0; i < taken; i++) assert_non_null(next(feed));
        got = collect(feed, 1, 0);
        assert_memory_equal(want, got, BATCHES * sizeof *want);
        free(got);
    }
    free(want);
    patch_feed_close(feed);
}

/* The data set is gone when the second feed opens: nothing is read again. */
static void feeds_share_pictures_that_were_read_once(void **state)
{
    struct fixture *f = *state;
    struct patch_feed *first, *sharing;
    struct copy *want, *got;

    change_everything(f);
    first = feed_of(f, 1);
    want = collect(first, 2, 0);
    for (int i = 1; i <= 5; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/data_batch_%d.bin", f->dir, i);
        assert_int_equal(truncate(path, 0), 0);
    }
    for (int i = 0; i < 2; i++) {
        sharing = feed_of(f, 2);
        got = collect(sharing, 2, 0);
        assert_memory_equal(want, got, BATCHES * sizeof *want);
        assert_int_equal(patch_feed_failed(sharing), 0);
        free(got);
        patch_feed_close(sharing);
    }
    free(want);
    patch_feed_close(first);
}

static void alternating_flips_turn_every_epoch(void **state)
{
    struct fixture *f = *state;
    bool flipped[2][PICTURES] = { { false } };
    bool shown[2][PICTURES] = { { false } };
    struct patch_feed *feed;
    int some[2] = { 0 };

    f->options.augment.flip = PATCH_FLIP_ALTERNATING;
    feed = feed_of(f, 2);
    for (int epoch = 0; epoch < 2; epoch++) {
        struct copy *all = collect(feed, epoch, 0);
        for (int i = 0; i < BATCHES * BATCH; i++) {
            const float *planes = all[i / BATCH].planes + (size_t)(i % BATCH) * FLOATS;
            shown[epoch][number_of(planes)] = true;
            flipped[epoch][number_of(planes)] = mirrored(planes);
        }
        free(all);
    }
    for (int i = 0; i < PICTURES; i++) {
        if (!shown[0][i] || !shown[1][i]) continue;
        assert_int_not_equal(flipped[0][i], flipped[1][i]);
        some[flipped[0][i]]++;
    }
    assert_true(some[0] > 0 && some[1] > 0);
    patch_feed_close(feed);
}

static void every_epoch_mixes_anew(void **state)
{
    struct fixture *f = *state;
    struct patch_feed *feed;
    struct copy *epoch[2];

    f->options.mix = (struct patch_mix_options){ .mixup = 1, .probability = 1 };
    feed = feed_of(f, 1);
    for (int i = 0; i < 2; i++) epoch[i] = collect(feed, i, 0);
    for (int b = 0; b < BATCHES; b++)
        for (int k = 0; k < BATCHES; k++) assert_true(epoch[0][b].weight[0] != epoch[1][k].weight[0]);
    for (int i = 0; i < 2; i++) free(epoch[i]);
    patch_feed_close(feed);
}

static void mixing_can_be_off_for_an_epoch(void **state)
{
    struct fixture *f = *state;
    const struct patch_feed_batch *b;
    struct patch_feed *feed;

    f->options.mix = (struct patch_mix_options){ .mixup = 1, .probability = 1 };
    feed = feed_of(f, 1);
    patch_feed_start(feed, 0, 0, true);
    while ((b = next(feed))) {
        assert_non_null(b->other);
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(b->other[i], b->labels[BATCH - 1 - i]);
            assert_true(b->weight[i] >= 0 && b->weight[i] <= 1);
        }
    }
    patch_feed_start(feed, 0, 0, false);
    while ((b = next(feed))) assert_null(b->other);
    patch_feed_close(feed);
}

static void a_picture_that_cannot_be_read_is_left_out_and_counted(void **state)
{
    struct fixture f = { 0 };
    struct patch_feed *feed;

    (void)state;
    open_data(&f, 20, 100); /* the twentieth record is cut */
    feed = feed_of(&f, 2);
    assert_int_equal(patch_feed_count(feed), 19);
    assert_int_equal(patch_feed_failed(feed), 1);
    assert_non_null(strstr(patch_feed_error(feed, 0), "record 3"));
    assert_null(patch_feed_error(feed, 1));
    assert_int_equal(patch_feed_batches(feed), 2);
    patch_feed_close(feed);
    close_data(&f);
}

/* Without a cache a file may be cut while it is being trained on: fewer rows, counted, no replacement. */
static void a_picture_lost_on_the_way_is_counted(void **state)
{
    struct fixture *f = *state;
    struct patch_feed_store *store = store_of(f, 1, 0);
    struct patch_feed *feed = feed_from(f, store, 2);
    const struct patch_feed_batch *b;
    int rows = 0;

    for (int i = 1; i <= 5; i++) { /* two of ten pictures are left in each file */
        char path[300];
        snprintf(path, sizeof path, "%s/data_batch_%d.bin", f->dir, i);
        assert_int_equal(truncate(path, 2 * NOISE_RECORD), 0);
    }
    patch_feed_start(feed, 0, 0, true);
    while ((b = next(feed))) {
        for (int i = 0; i < b->n; i++) assert_in_range(number_of(b->planes + (size_t)i * FLOATS) % 10, 0, 1);
        rows += b->n;
    }
    assert_true(rows <= 10);
    assert_int_equal((size_t)rows + patch_feed_failed(feed), BATCHES * BATCH);
    for (int epoch = 1; epoch < 3; epoch++) {
        patch_feed_start(feed, epoch, 0, true);
        while (next(feed)) continue;
    }
    assert_in_range(patch_feed_failed(feed), 38,
                    40); /* pictures, of which an epoch leaves out two; not tries */
    assert_non_null(patch_feed_error(feed, 0));
    patch_feed_close(feed);
    patch_feed_store_close(store);
}

static void fewer_pictures_than_a_batch_are_refused(void **state)
{
    struct fixture *f = *state;
    struct patch_feed *feed;
    struct vit_error err;

    f->options.batch = PICTURES + 1;
    assert_refused(patch_feed_create(&feed, f->store, &f->options, &err), VIT_ERR_ARG, "a batch of 51", &err);
    assert_null(feed);
}

static void closing_at_any_time_ends(void **state)
{
    for (int taken = -1; taken < 4; taken++) {
        for (int workers = 1; workers < 4; workers++) {
            struct patch_feed *feed = feed_of(*state, workers);
            if (taken >= 0) patch_feed_start(feed, 0, 0, true);
            for (int i = 0; i < taken; i++) assert_non_null(next(feed));
            patch_feed_close(feed);
        }
    }
    patch_feed_close(NULL);
}

static void count_progress(void *arg, size_t done, size_t all)
{
    size_t *last = arg;

    assert_true(done <= all && done >= *last);
    *last = done;
}

static void progress_ends_at_all_pictures(void **state)
{
    struct fixture *f = *state;
    size_t last = 0;
    const struct patch_feed_store_options o = { .progress = count_progress, .arg = &last };
    struct patch_feed_store *store;
    struct vit_error err;

    assert_ok(patch_feed_store_create(&store, f->data, &f->recipe, &o, &err), &err);
    assert_int_equal(last, PICTURES);
    patch_feed_store_close(store);
}

#define TASKS "/proc/self/task"

static void count_threads(void *arg, size_t done, size_t all)
{
    int *most = arg;
    const int now = tmp_count(TASKS);

    (void)done, (void)all;
    if (now > *most) *most = now;
}

static void reading_takes_no_more_threads_than_it_is_given(void **state)
{
    struct fixture *f = *state;

    if (access(TASKS, R_OK)) skip();
    for (int threads = 0; threads <= 3; threads++) {
        const int before = tmp_count(TASKS);
        int most = 0;
        const struct patch_feed_store_options o = { .threads = threads,
                                                    .progress = count_threads,
                                                    .arg = &most };
        struct patch_feed_store *store;
        struct vit_error err;

        assert_ok(patch_feed_store_create(&store, f->data, &f->recipe, &o, &err), &err);
        assert_in_range(most, 1, before + (threads > 1 ? threads - 1 : 0));
        patch_feed_store_close(store);
    }
}

struct wish {
    atomic_int questions;
    int patience;
};

static bool is_enough(void *arg)
{
    struct wish *wish = arg;

    return atomic_fetch_add(&wish->questions, 1) >= wish->patience;
}

static void reading_ends_where_it_is_stopped(void **state)
{
    struct fixture *f = *state;

    for (int threads = 1; threads <= 3; threads++) {
        struct wish wish = { .patience = 5 };
        const struct patch_feed_store_options o = { .threads = threads, .stopped = is_enough, .arg = &wish };
        struct patch_feed_store *store;
        struct vit_error err;

        assert_refused(patch_feed_store_create(&store, f->data, &f->recipe, &o, &err), VIT_ERR_IO,
                       "reading was stopped after 5 of ", &err);
        assert_null(store);
        wish = (struct wish){ .patience = PICTURES + 3 };
        assert_ok(patch_feed_store_create(&store, f->data, &f->recipe, &o, &err), &err);
        patch_feed_store_close(store);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_epoch_shows_no_picture_twice),
        TEST(epochs_and_seeds_have_orders_of_their_own),
        TEST(workers_and_cache_change_no_byte),
        TEST(a_batch_does_not_depend_on_those_before),
        TEST(starting_again_gives_up_the_epoch_under_way),
        TEST(feeds_share_pictures_that_were_read_once),
        TEST(alternating_flips_turn_every_epoch),
        TEST(every_epoch_mixes_anew),
        TEST(mixing_can_be_off_for_an_epoch),
        cmocka_unit_test(a_picture_that_cannot_be_read_is_left_out_and_counted),
        TEST(a_picture_lost_on_the_way_is_counted),
        TEST(fewer_pictures_than_a_batch_are_refused),
        TEST(closing_at_any_time_ends),
        TEST(progress_ends_at_all_pictures),
        TEST(reading_takes_no_more_threads_than_it_is_given),
        TEST(reading_ends_where_it_is_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
