/* Pictures decoded, resized and cropped once, by as many threads as are wanted. Each has its place before it
 * is read, so the threads change nothing; those that failed are closed up afterwards. */
#include "patch/feed_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vit/arena.h"
#include "vit/thread.h"

enum { MAX_THREADS = 64 };

struct fill {
    struct patch_feed_store *store;
    size_t all;
    char **why; /* (all) NULL: readable */
    atomic_size_t next, done;
    atomic_bool starved;         /* no memory for a picture or a sentence */
    struct vit_error starved_at; /* the first to find so, and only it, writes this */
    const struct patch_feed_store_options *options;
};

/* ---- one picture ---- */

static enum vit_status prepare(const struct patch_feed_store *s, size_t index, unsigned char *pixels,
                               struct vit_error *err)
{
    struct patch_image image;
    char name[1024];
    enum vit_status status = patch_dataset_read(s->data, index, &s->decode, &image, err);

    if (!status) status = patch_prepare(pixels, &image, &s->recipe, err);
    patch_image_free(&image);
    if (!status && patch_dataset_label(s->data, index) < 0)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: has no label",
                          patch_dataset_name(s->data, index, name, sizeof name));
    return status;
}

/* Memory that ran out is no fault of the picture: a run must not silently train on fewer. */
static void starve(struct fill *f, const char *sentence)
{
    if (!atomic_exchange(&f->starved, true)) vit_fail(&f->starved_at, VIT_ERR_NOMEM, "%s", sentence);
}

static void prepare_one(struct fill *f, size_t i, unsigned char *scratch)
{
    struct patch_feed_store *s = f->store;
    struct vit_error err = { 0 };
    unsigned char *to = s->pixels ? s->pixels + i * s->picture_bytes : scratch;
    enum vit_status status = prepare(s, i, to, &err);

    if (!status) return;
    if (status == VIT_ERR_NOMEM) {
        starve(f, err.text);
        return;
    }
    f->why[i] = strdup(err.text);
    if (!f->why[i]) starve(f, "no memory to say what is wrong with a picture");
}

static bool is_over(const struct fill *f)
{
    return f->starved || (f->options->stopped && f->options->stopped(f->options->arg));
}

/* The calling thread's part ends with progress; the others have none. */
static void work(struct fill *f, bool shows)
{
    unsigned char *scratch = malloc(f->store->picture_bytes);
    size_t i;

    if (!scratch) starve(f, "no memory to prepare a picture");
    while (!is_over(f) && (i = atomic_fetch_add(&f->next, 1)) < f->all) {
        prepare_one(f, i, scratch);
        const size_t done = atomic_fetch_add(&f->done, 1) + 1;
        if (shows && f->options->progress) f->options->progress(f->options->arg, done, f->all);
    }
    free(scratch);
}

static void *helper(void *argument)
{
    work(argument, false);
    return NULL;
}

/* ---- all of them ---- */

/* Beside the calling thread. */
static int helpers_wanted(int threads, size_t pictures)
{
    const int wanted = threads > MAX_THREADS ? MAX_THREADS : threads;

    return wanted < 1 || pictures < (size_t)wanted ? 0 : wanted - 1;
}

static void work_together(struct fill *f)
{
    pthread_t thread[MAX_THREADS];
    const struct patch_feed_store_options *o = f->options;
    const int wanted = helpers_wanted(o->threads, f->all);
    int started = 0;

    while (started < wanted && !vit_thread_start(&thread[started], helper, f)) started++;
    work(f, true);
    for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
    if (o->progress && !f->starved && f->done == f->all) o->progress(o->arg, f->all, f->all);
}

/* Close up the places of the failed, in order, and keep the first sentences. */
static void close_up(struct patch_feed_store *s, struct fill *f)
{
    for (size_t i = 0; i < f->all; i++) {
        if (f->why[i]) {
            if (s->failed < PATCH_FEED_ERRORS) {
                s->error[s->failed] = f->why[i];
                f->why[i] = NULL;
            }
            s->failed++;
            continue;
        }
        if (s->pixels && s->count < i)
            memcpy(s->pixels + s->count * s->picture_bytes, s->pixels + i * s->picture_bytes,
                   s->picture_bytes);
        s->index[s->count] = i;
        s->label[s->count++] = patch_dataset_label(s->data, i);
    }
}

static enum vit_status allocate(struct patch_feed_store *s, struct fill *f, struct vit_error *err)
{
    size_t bytes = s->picture_bytes;

    s->index = calloc(f->all + 1, sizeof *s->index);
    s->label = calloc(f->all + 1, sizeof *s->label);
    f->why = calloc(f->all + 1, sizeof *f->why);
    if (!s->index || !s->label || !f->why)
        return vit_fail(err, VIT_ERR_NOMEM, "no memory for a list of %zu pictures", f->all);
    if (!vit_size_mul(&bytes, f->all) || bytes > f->options->cache_bytes) return VIT_OK;
    s->pixels = malloc(bytes + 1); /* without it they are decoded every time: slower, not wrong */
    return VIT_OK;
}

static enum vit_status fill_store(struct patch_feed_store *s, const struct patch_feed_store_options *options,
                                  struct vit_error *err)
{
    struct fill f = { .store = s, .all = patch_dataset_count(s->data), .options = options };
    enum vit_status status;

    s->picture_bytes = (size_t)s->recipe.size * (size_t)s->recipe.size * 3;
    status = allocate(s, &f, err);
    if (!status) {
        work_together(&f);
        if (f.starved)
            status = vit_fail(err, f.starved_at.status, "%s", f.starved_at.text);
        else if (f.done < f.all)
            status = vit_fail(err, VIT_ERR_IO, "reading was stopped after %zu of %zu pictures",
                              (size_t)f.done, f.all);
        else
            close_up(s, &f);
    }
    for (size_t i = 0; f.why && i < f.all; i++) free(f.why[i]);
    free(f.why);
    return status;
}

enum vit_status patch_feed_store_create(struct patch_feed_store **out, const struct patch_dataset *d,
                                        const struct patch_recipe *r,
                                        const struct patch_feed_store_options *options, struct vit_error *err)
{
    struct patch_feed_store *s = calloc(1, sizeof *s);
    enum vit_status status;

    *out = NULL;
    if (!s) return vit_fail(err, VIT_ERR_NOMEM, "no memory for pictures");
    s->data = d;
    s->recipe = *r;
    s->decode = options->decode;
    status = fill_store(s, options, err);
    if (status) {
        patch_feed_store_close(s);
        return status;
    }
    *out = s;
    return VIT_OK;
}

enum vit_status patch_feed_store_get(const struct patch_feed_store *s, size_t i, unsigned char *pixels,
                                     struct vit_error *err)
{
    if (!s->pixels) return prepare(s, s->index[i], pixels, err);
    memcpy(pixels, s->pixels + i * s->picture_bytes, s->picture_bytes);
    return VIT_OK;
}

void patch_feed_store_close(struct patch_feed_store *s)
{
    if (!s) return;
    for (int i = 0; i < PATCH_FEED_ERRORS; i++) free(s->error[i]);
    free(s->pixels);
    free(s->label);
    free(s->index);
    free(s);
}
