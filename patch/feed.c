/* Whole batches made ahead. A worker takes the number of the next batch while its slot of the ring is free
 * and makes all of it: every draw is a function of (seed, epoch, number), so who does it changes nothing. */
#include "patch/feed.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "patch/feed_store.h"
#include "vit/arena.h"
#include "vit/random.h"
#include "vit/thread.h"

enum { MAX_WORKERS = 256, MAX_BATCH = 1 << 20 };

/* Folded into the key first, so that no other user of a seed shares the stream: "order" in ASCII. */
#define ORDER_DOMAIN UINT64_C(0x6f72646572)

struct slot {
    struct patch_feed_batch batch;
    float *planes, *weight; /* (batch, 3, size, size), (batch) */
    int *labels, *other;    /* (batch) */
    bool ready;             /* guarded by the lock */
};

struct worker {
    struct patch_feed *feed;
    pthread_t thread;
    unsigned char *pixels, *scratch; /* (size, size, 3) */
};

struct patch_feed {
    const struct patch_feed_store *store;
    struct patch_augment augment;
    struct patch_mix_options mix;
    uint64_t seed;
    int batch, batches, slots, workers, started;

    struct vit_arena memory;
    struct slot *slot;     /* (slots) */
    struct worker *worker; /* (workers) */
    size_t *order;         /* (store->count) pictures in the epoch's order; written while nobody works */
    int epoch;
    bool mixing;

    pthread_mutex_t lock;
    pthread_cond_t room;  /* a batch may be taken, or stop */
    pthread_cond_t ready; /* a batch became ready, or a worker idle */
    int next;             /* batch to be taken next */
    int fetched;          /* batch to be handed out next */
    int held;             /* oldest batch whose slot is in use */
    int busy;             /* workers at a batch */
    size_t late;          /* pictures that failed after having been read once */
    bool *lost;           /* (store->count) which ones, guarded by the lock */
    atomic_bool stop;

    char *why[PATCH_FEED_ERRORS]; /* of the first late ones, guarded by the lock; NULL past the end */
    struct vit_error starved;     /* of the first picture without memory, guarded by the lock */
};

/* ---- making a batch ---- */

static size_t plane_floats(const struct patch_feed *f)
{
    return f->store->picture_bytes;
}

/* Once for each picture, however many epochs ask for it. */
static void report_late(struct patch_feed *f, size_t picture, const struct vit_error *err)
{
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < PATCH_FEED_ERRORS && !f->lost[picture]; i++) {
        if (f->why[i]) continue;
        f->why[i] = strdup(err->text);
        break;
    }
    f->late += !f->lost[picture];
    f->lost[picture] = true;
    pthread_mutex_unlock(&f->lock);
}

/* Memory that ran out is no fault of the picture: a run must not silently train on fewer. */
static void starve(struct patch_feed *f, const struct vit_error *err)
{
    pthread_mutex_lock(&f->lock);
    if (!f->starved.status) f->starved = *err;
    f->stop = true;
    pthread_cond_broadcast(&f->room);
    pthread_cond_signal(&f->ready);
    pthread_mutex_unlock(&f->lock);
}

/* Picture i into a row; false: it cannot be read any more, or the feed has ended. */
static bool make_row(struct patch_feed *f, const struct worker *w, size_t i, float *planes)
{
    struct vit_error err;
    const enum vit_status status = patch_feed_store_get(f->store, i, w->pixels, &err);

    if (status == VIT_ERR_NOMEM)
        starve(f, &err);
    else if (status)
        report_late(f, i, &err);
    if (status) return false;
    patch_augment_apply(w->pixels, w->scratch, f->store->recipe.size, &f->augment, f->seed,
                        (uint64_t)f->epoch, f->store->index[i]);
    patch_normalise(planes, w->pixels, &f->store->recipe);
    return true;
}

static void mix(const struct patch_feed *f, struct slot *s, int number)
{
    const uint64_t step = (uint64_t)f->epoch * (uint64_t)f->batches + (uint64_t)number;
    const int n = s->batch.n, size = f->store->recipe.size;
    const struct patch_mix m = patch_mix_draw(&f->mix, size, f->seed, step);

    if (m.kind == PATCH_MIX_NONE) return;
    patch_mix_apply(s->planes, n, 3, size, &m);
    patch_mix_labels(s->other, s->weight, s->labels, n, &m);
    s->batch.other = s->other;
    s->batch.weight = s->weight;
}

static void make(struct patch_feed *f, const struct worker *w, struct slot *s, int number)
{
    const size_t *order = f->order + (size_t)number * f->batch;
    int n = 0;

    for (int i = 0; i < f->batch && !f->stop; i++) {
        if (!make_row(f, w, order[i], s->planes + (size_t)n * plane_floats(f))) continue;
        s->labels[n++] = f->store->label[order[i]];
    }
    s->batch = (struct patch_feed_batch){ .n = n, .planes = s->planes, .labels = s->labels };
    if (f->mixing && n) mix(f, s, number);
}

/* Wait for a batch to make; false: the feed stops. Called with the lock held. */
static bool take(struct patch_feed *f, int *number)
{
    while (!f->stop && (f->next >= f->batches || f->next >= f->held + f->slots))
        pthread_cond_wait(&f->room, &f->lock);
    if (f->stop) return false;
    *number = f->next++;
    f->busy++;
    return true;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct patch_feed *f = w->feed;
    int number;

    pthread_mutex_lock(&f->lock);
    while (take(f, &number)) {
        struct slot *s = &f->slot[number % f->slots];
        pthread_mutex_unlock(&f->lock);
        make(f, w, s, number);
        pthread_mutex_lock(&f->lock);
        s->ready = true;
        f->busy--;
        pthread_cond_signal(&f->ready);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- creating ---- */

static void carve(struct patch_feed *f)
{
    struct vit_arena *a = &f->memory;
    const size_t batch = (size_t)f->batch, floats = plane_floats(f);
    size_t all = batch;

    if (!vit_size_mul(&all, floats)) a->overflow = true;
    f->slot = vit_arena_take(a, (size_t)f->slots, sizeof *f->slot);
    f->worker = vit_arena_take(a, (size_t)f->workers, sizeof *f->worker);
    f->order = vit_arena_take(a, f->store->count, sizeof *f->order);
    f->lost = vit_arena_take(a, f->store->count, sizeof *f->lost);
    for (int i = 0; i < f->slots; i++) {
        struct slot unused, *s = a->base ? &f->slot[i] : &unused;
        s->planes = vit_arena_take(a, all, sizeof *s->planes);
        s->weight = vit_arena_take(a, batch, sizeof *s->weight);
        s->labels = vit_arena_take(a, batch, sizeof *s->labels);
        s->other = vit_arena_take(a, batch, sizeof *s->other);
    }
    for (int i = 0; i < f->workers; i++) {
        struct worker unused, *w = a->base ? &f->worker[i] : &unused;
        w->pixels = vit_arena_take(a, floats, 1);
        w->scratch = vit_arena_take(a, floats, 1);
    }
}

static enum vit_status check(const struct patch_feed_store *s, const struct patch_feed_options *o,
                             struct vit_error *err)
{
    enum vit_status status = patch_recipe_check(&s->recipe, "training batches", err);

    if (status) return status;
    if (o->batch < 1 || o->batch > MAX_BATCH)
        return vit_fail(err, VIT_ERR_ARG, "a batch must hold 1 to %d pictures, found %d", MAX_BATCH,
                        o->batch);
    if (o->workers < 0 || o->workers > MAX_WORKERS)
        return vit_fail(err, VIT_ERR_ARG, "threads that make batches must be 0 to %d, found %d", MAX_WORKERS,
                        o->workers);
    if (!patch_dataset_classes(s->data))
        return vit_fail(err, VIT_ERR_ARG, "pictures without labels cannot be trained on");
    status = patch_augment_check(&o->augment, s->recipe.size, err);
    return status ? status : patch_mix_check(&o->mix, err);
}

/* At least one. */
static enum vit_status count_batches(struct patch_feed *f, struct vit_error *err)
{
    if (f->store->count < (size_t)f->batch)
        return vit_fail(err, VIT_ERR_ARG,
                        "a batch of %d needs as many pictures, found %zu that can be read and %zu that "
                        "cannot%s%s",
                        f->batch, f->store->count, f->store->failed, f->store->failed ? ": " : "",
                        f->store->failed ? f->store->error[0] : "");
    if (f->store->count / (size_t)f->batch > (size_t)1 << 24)
        return vit_fail(err, VIT_ERR_ARG, "batches of %d from %zu pictures are too many for an epoch",
                        f->batch, f->store->count);
    f->batches = (int)(f->store->count / (size_t)f->batch);
    f->next = f->batches; /* nothing to do before patch_feed_start */
    return VIT_OK;
}

/* One thread is enough to go on with. */
static enum vit_status start_workers(struct patch_feed *f, struct vit_error *err)
{
    carve(f);
    if (vit_arena_alloc(&f->memory, "training batches", err)) return VIT_ERR_NOMEM;
    carve(f);
    for (; f->started < f->workers; f->started++) {
        struct worker *w = &f->worker[f->started];
        w->feed = f;
        if (vit_thread_start(&w->thread, work, w)) break;
    }
    if (!f->started) return vit_fail(err, VIT_ERR_NOMEM, "the system refused a thread to make batches");
    return VIT_OK;
}

enum vit_status patch_feed_create(struct patch_feed **out, const struct patch_feed_store *store,
                                  const struct patch_feed_options *options, struct vit_error *err)
{
    struct patch_feed *f;
    enum vit_status status = check(store, options, err);

    *out = NULL;
    if (status) return status;
    f = calloc(1, sizeof *f);
    if (!f) return vit_fail(err, VIT_ERR_NOMEM, "no memory for training batches");
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->room, NULL);
    pthread_cond_init(&f->ready, NULL);
    f->store = store;
    f->augment = options->augment;
    f->mix = options->mix;
    f->seed = options->seed;
    f->batch = options->batch;
    f->workers = options->workers ? options->workers : 1;
    f->slots = f->workers + 2; /* the reader's, one that is ready, and one for every worker */
    status = count_batches(f, err);
    if (!status) status = start_workers(f, err);
    if (status) {
        patch_feed_close(f);
        return status;
    }
    *out = f;
    return VIT_OK;
}

void patch_feed_close(struct patch_feed *f)
{
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_broadcast(&f->room);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < f->started; i++) pthread_join(f->worker[i].thread, NULL);
    pthread_cond_destroy(&f->ready);
    pthread_cond_destroy(&f->room);
    pthread_mutex_destroy(&f->lock);
    vit_arena_free(&f->memory);
    for (int i = 0; i < PATCH_FEED_ERRORS; i++) free(f->why[i]);
    free(f);
}

/* ---- reading ---- */

size_t patch_feed_count(const struct patch_feed *f)
{
    return f->store->count;
}

int patch_feed_batches(const struct patch_feed *f)
{
    return f->batches;
}

/* The lock is no part of what the caller sees as the feed's value. */
static pthread_mutex_t *lock_of(const struct patch_feed *f)
{
    return (pthread_mutex_t *)&f->lock;
}

size_t patch_feed_failed(const struct patch_feed *f)
{
    size_t failed;

    pthread_mutex_lock(lock_of(f));
    failed = f->store->failed + f->late;
    pthread_mutex_unlock(lock_of(f));
    return failed;
}

/* First what the store could not read, then what failed later. */
const char *patch_feed_error(const struct patch_feed *f, size_t i)
{
    const size_t kept = f->store->failed < PATCH_FEED_ERRORS ? f->store->failed : PATCH_FEED_ERRORS;
    const char *text;

    if (i >= PATCH_FEED_ERRORS) return NULL;
    if (i < kept) return f->store->error[i];
    pthread_mutex_lock(lock_of(f));
    text = f->why[i - kept];
    pthread_mutex_unlock(lock_of(f));
    return text;
}

/* Fisher and Yates, Durstenfeld's form: draw i is a function of (seed, epoch, i). */
static void shuffle(struct patch_feed *f)
{
    const uint64_t key = vit_key(vit_key(f->seed, ORDER_DOMAIN), (uint64_t)f->epoch);

    for (size_t i = 0; i < f->store->count; i++) f->order[i] = i;
    for (size_t i = f->store->count - 1; i > 0; i--) {
        const size_t j = (size_t)vit_random_below(key, i, i + 1), keep = f->order[i];
        f->order[i] = f->order[j];
        f->order[j] = keep;
    }
}

void patch_feed_start(struct patch_feed *f, int epoch, int first, bool mixing)
{
    assert(epoch >= 0 && first >= 0 && first <= f->batches);
    pthread_mutex_lock(&f->lock);
    f->next = f->batches; /* no more of what was under way */
    while (f->busy) pthread_cond_wait(&f->ready, &f->lock);
    f->epoch = epoch;
    f->mixing = mixing;
    shuffle(f);
    for (int i = 0; i < f->slots; i++) f->slot[i].ready = false;
    f->next = f->fetched = f->held = first;
    pthread_cond_broadcast(&f->room);
    pthread_mutex_unlock(&f->lock);
}

/* Called with the lock held. */
static enum vit_status next_batch(struct patch_feed *f, const struct patch_feed_batch **out,
                                  struct vit_error *err)
{
    struct slot *s;

    if (f->held < f->fetched) { /* the batch before goes back to the workers */
        f->slot[f->held++ % f->slots].ready = false;
        pthread_cond_signal(&f->room);
    }
    if (f->fetched >= f->batches) return VIT_OK;
    s = &f->slot[f->fetched++ % f->slots];
    while (!s->ready && !f->starved.status) pthread_cond_wait(&f->ready, &f->lock);
    if (f->starved.status) return vit_fail(err, f->starved.status, "%s", f->starved.text);
    *out = &s->batch;
    return VIT_OK;
}

enum vit_status patch_feed_next(struct patch_feed *f, const struct patch_feed_batch **out,
                                struct vit_error *err)
{
    enum vit_status status;

    *out = NULL;
    pthread_mutex_lock(&f->lock);
    status = next_batch(f, out, err);
    pthread_mutex_unlock(&f->lock);
    return status;
}
