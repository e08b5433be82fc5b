/* Batches decoded ahead. The pictures are numbered in the order of visit; workers take the next number
 * while its batch is one of those that fit the ring, and write to the row that number has in it. So
 * which worker does it changes nothing. Rows of failed pictures are closed up when the batch is fetched. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "patch/patch.h"
#include "vit/arena.h"
#include "vit/thread.h"

struct slot {
    struct patch_batch batch;
    struct patch_item *items; /* (batch) */
    float *planes;            /* (batch, 3, size, size) */
    int *labels;              /* (batch) */
    int done;                 /* pictures finished; guarded by the lock */
};

struct worker {
    struct patch_loader *loader;
    pthread_t thread;
    unsigned char *pixels; /* (size, size, 3) */
};

struct patch_loader {
    const struct patch_dataset *data;
    struct patch_recipe recipe;
    struct patch_decode decode;
    int batch, slots, workers, started;
    size_t count;        /* pictures to visit */
    const size_t *order; /* (count), NULL: all in order */

    struct vit_arena memory;
    struct slot *slot;     /* (slots) */
    struct worker *worker; /* (workers) */
    size_t *own_order;

    pthread_mutex_t lock;
    pthread_cond_t room; /* a slot became free, or stop */
    pthread_cond_t full; /* a batch became whole */
    size_t next;         /* picture to be taken next */
    size_t fetched;      /* batches handed out */
    bool stop;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t plane_floats(const struct patch_loader *l)
{
    return (size_t)3 * (size_t)l->recipe.size * (size_t)l->recipe.size;
}

/* ---- the workers ---- */

/* Decode and prepare picture number position into its row. */
static void load(const struct patch_loader *l, struct slot *slot, size_t position, unsigned char *pixels)
{
    const size_t row = position % (size_t)l->batch;
    struct patch_item *item = &slot->items[row];
    const double start = now();
    struct patch_image image;
    double decoded;

    item->index = l->order ? l->order[position] : position;
    item->label = patch_dataset_label(l->data, item->index);
    item->error = (struct vit_error){ 0 };
    item->status = patch_dataset_read(l->data, item->index, &l->decode, &image, &item->error);
    decoded = now();
    if (!item->status) item->status = patch_prepare(pixels, &image, &l->recipe, &item->error);
    if (!item->status) patch_normalise(slot->planes + row * plane_floats(l), pixels, &l->recipe);
    patch_image_free(&image);
    item->decode_seconds = decoded - start;
    item->prepare_seconds = now() - decoded;
}

/* The batch of the picture at position may be made: the ring keeps the fetched one, at which its reader still
 * looks. */
static bool has_room(const struct patch_loader *l, size_t position)
{
    const size_t oldest = l->fetched ? l->fetched - 1 : 0;

    return position / (size_t)l->batch < oldest + (size_t)l->slots;
}

/* Take the next picture; false: there is none, or the loader stops. Called with the lock held. */
static bool take(struct patch_loader *l, size_t *position)
{
    while (!l->stop && l->next < l->count && !has_room(l, l->next)) pthread_cond_wait(&l->room, &l->lock);
    if (l->stop || l->next >= l->count) return false;
    *position = l->next++;
    return true;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct patch_loader *l = w->loader;
    size_t position;

    pthread_mutex_lock(&l->lock);
    while (take(l, &position)) {
        struct slot *slot = &l->slot[position / (size_t)l->batch % (size_t)l->slots];
        pthread_mutex_unlock(&l->lock);
        load(l, slot, position, w->pixels);
        pthread_mutex_lock(&l->lock);
        if (++slot->done == slot->batch.count) pthread_cond_signal(&l->full);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- creating ---- */

static void carve(struct patch_loader *l, size_t order_count)
{
    const size_t batch = (size_t)l->batch, floats = plane_floats(l);
    size_t all = batch;

    if (!vit_size_mul(&all, floats)) l->memory.overflow = true;
    l->slot = vit_arena_take(&l->memory, (size_t)l->slots, sizeof *l->slot);
    l->worker = vit_arena_take(&l->memory, (size_t)l->workers, sizeof *l->worker);
    l->own_order = vit_arena_take(&l->memory, order_count, sizeof *l->own_order);
    for (int i = 0; i < l->slots; i++) {
        struct slot scratch, *s = l->memory.base ? &l->slot[i] : &scratch;
        s->items = vit_arena_take(&l->memory, batch, sizeof *s->items);
        s->planes = vit_arena_take(&l->memory, all, sizeof *s->planes);
        s->labels = vit_arena_take(&l->memory, batch, sizeof *s->labels);
    }
    for (int i = 0; i < l->workers; i++) {
        struct worker scratch, *w = l->memory.base ? &l->worker[i] : &scratch;
        w->pixels = vit_arena_take(&l->memory, floats, 1);
    }
}

/* Items of batch number b. */
static int batch_items(const struct patch_loader *l, size_t b)
{
    const size_t begin = b * (size_t)l->batch;
    const size_t left = begin < l->count ? l->count - begin : 0;

    return left < (size_t)l->batch ? (int)left : l->batch;
}

static enum vit_status check(const struct patch_dataset *d, const struct patch_recipe *r,
                             const struct patch_loader_options *o, struct vit_error *err)
{
    if (o->batch < 1)
        return vit_fail(err, VIT_ERR_ARG, "a batch must hold at least 1 picture, found %d", o->batch);
    if (o->workers < 0)
        return vit_fail(err, VIT_ERR_ARG, "loader threads must be 0 or more, found %d", o->workers);
    for (size_t i = 0; o->order && i < o->order_count; i++)
        if (o->order[i] >= patch_dataset_count(d))
            return vit_fail(err, VIT_ERR_ARG, "picture %zu was asked for in a data set of %zu", o->order[i],
                            patch_dataset_count(d));
    return patch_recipe_check(r, "loader", err);
}

static enum vit_status allocate(struct patch_loader *l, const struct patch_loader_options *o,
                                struct vit_error *err)
{
    const size_t order_count = o->order ? o->order_count : 0;
    enum vit_status status;

    carve(l, order_count);
    status = vit_arena_alloc(&l->memory, "loader", err);
    if (status) return status;
    carve(l, order_count);
    for (int i = 0; i < l->slots; i++) l->slot[i].batch.count = batch_items(l, (size_t)i);
    if (o->order) {
        if (order_count) memcpy(l->own_order, o->order, order_count * sizeof *o->order);
        l->order = l->own_order;
    }
    return VIT_OK;
}

/* Those beyond the pictures would find none. */
static int workers_for(const struct patch_loader_options *o, size_t count)
{
    enum { MAX_WORKERS = 256 };
    const int workers = o->workers < MAX_WORKERS ? o->workers : MAX_WORKERS;

    if ((size_t)workers > count) return count ? (int)count : 1;
    return workers ? workers : 1;
}

/* One thread is enough to go on with. */
static enum vit_status start(struct patch_loader *l, struct vit_error *err)
{
    for (; l->started < l->workers; l->started++) {
        struct worker *w = &l->worker[l->started];
        w->loader = l;
        if (vit_thread_start(&w->thread, work, w)) break;
    }
    if (!l->started) return vit_fail(err, VIT_ERR_NOMEM, "the system refused a thread for the loader");
    return VIT_OK;
}

enum vit_status patch_loader_create(struct patch_loader **out, const struct patch_dataset *d,
                                    const struct patch_recipe *r, const struct patch_loader_options *options,
                                    struct vit_error *err)
{
    struct patch_loader *l;
    enum vit_status status = check(d, r, options, err);

    *out = NULL;
    if (status) return status;
    l = calloc(1, sizeof *l);
    if (!l) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a loader");
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    pthread_cond_init(&l->full, NULL);
    l->data = d;
    l->recipe = *r;
    l->decode = options->decode;
    l->decode.borrow = true; /* each worker has one picture at a time */
    l->batch = options->batch;
    l->count = options->order ? options->order_count : patch_dataset_count(d);
    l->workers = workers_for(options, l->count);
    l->slots = 2 + (l->workers - 1) / l->batch; /* the reader's, and a picture for every worker */
    status = allocate(l, options, err);
    if (!status) status = start(l, err);
    if (status) {
        patch_loader_close(l);
        return status;
    }
    *out = l;
    return VIT_OK;
}

void patch_loader_close(struct patch_loader *l)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++) pthread_join(l->worker[i].thread, NULL);
    pthread_cond_destroy(&l->full);
    pthread_cond_destroy(&l->room);
    pthread_mutex_destroy(&l->lock);
    vit_arena_free(&l->memory);
    free(l);
}

/* ---- fetching ---- */

/* Close up the rows of failed pictures. */
static void pack(const struct patch_loader *l, struct slot *s)
{
    const size_t floats = plane_floats(l);
    int rows = 0;

    for (int i = 0; i < s->batch.count; i++) {
        struct patch_item *item = &s->items[i];
        item->row = item->status ? -1 : rows++;
        if (item->row < 0) continue;
        s->labels[item->row] = item->label;
        if (item->row < i)
            memcpy(s->planes + (size_t)item->row * floats, s->planes + (size_t)i * floats,
                   floats * sizeof(float));
    }
    s->batch.rows = rows;
    s->batch.items = s->items;
    s->batch.planes = s->planes;
    s->batch.labels = s->labels;
}

const struct patch_batch *patch_loader_next(struct patch_loader *l)
{
    const size_t slots = (size_t)l->slots;
    struct slot *s;

    pthread_mutex_lock(&l->lock);
    if (l->fetched) { /* the batch before goes back to the workers, for the batch after the ring's last */
        s = &l->slot[(l->fetched - 1) % slots];
        s->done = 0;
        s->batch.count = batch_items(l, l->fetched - 1 + slots);
    }
    s = &l->slot[l->fetched % slots];
    l->fetched++;
    pthread_cond_broadcast(&l->room);
    while (s->batch.count && s->done < s->batch.count) pthread_cond_wait(&l->full, &l->lock);
    pthread_mutex_unlock(&l->lock);
    if (!s->batch.count) return NULL;
    pack(l, s);
    return &s->batch;
}
