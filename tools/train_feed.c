/* The pictures of a run under way: batches, validation, what could not be read. */
#include "patch/feed_store.h"
#include "tools/train_parts.h"

/* Threads that make batches where pictures are decoded anew; each has a batch of its own in memory. */
enum { MAX_DECODERS = 16 };

/* ---- batches ---- */

/* To normalise and augment pictures that are kept, one thread is enough. */
static int workers_for(const struct patch_feed_store *store, const struct cmd_common *common)
{
    const int threads = cmd_threads_in_all(common);

    if (store->pixels) return 1;
    return threads < MAX_DECODERS ? threads : MAX_DECODERS;
}

static void report_held(const struct train *t)
{
    const struct patch_feed_store *held = t->data->held_store;
    const size_t failed = held ? held->failed : 0;

    for (size_t i = 0; i < failed && i < PATCH_FEED_ERRORS; i++) cmd_error("%s", held->error[i]);
    if (failed > PATCH_FEED_ERRORS)
        cmd_error("%s: %zu more pictures to validate on cannot be read and are left out", t->job->data,
                  failed - PATCH_FEED_ERRORS);
}

int train_feed_open(struct train *t, const struct patch_feed_options *given)
{
    const bool shared = t->job->pictures != NULL;
    struct patch_feed_options options = *given;
    struct vit_error err;

    if (!shared && train_data_read(&t->own, &t->pictures, PATCH_FEED_CACHE, t->job->common, &err))
        return train_fail(t, &err);
    options.workers = workers_for(t->data->store, t->job->common);
    if (patch_feed_create(&t->feed, t->data->store, &options, &err)) return train_fail(t, &err);
    /* Who reads pictures for several runs says once what is wrong with them. */
    if (shared) t->failed = t->data->store->failed;
    train_feed_report(t);
    if (!shared) report_held(t);
    t->val_failed = t->data->held_store ? t->data->held_store->failed : 0;
    return CMD_DONE;
}

void train_feed_report(struct train *t)
{
    const size_t failed = patch_feed_failed(t->feed);
    const char *text;

    if (failed == t->failed) return;
    progress_clear(&t->bar);
    for (; t->failed < failed && (text = patch_feed_error(t->feed, t->failed)); t->failed++)
        cmd_error("%s", text);
    if (t->failed < failed)
        cmd_error("%s: %zu more pictures cannot be read and are left out", t->job->data, failed - t->failed);
    t->failed = failed;
}

/* ---- validation ---- */

struct validation {
    struct vit_metrics *metrics;
    size_t failed; /* pictures */
};

static void add_batch(void *arg, const float *logits, const int *labels, const size_t *index, int n)
{
    const struct validation *v = arg;

    (void)index;
    vit_metrics_add(v->metrics, logits, labels, n);
}

/* Why was said when all pictures were read. */
static void add_failed(void *arg, const struct vit_error *why)
{
    struct validation *v = arg;

    (void)why;
    v->failed++;
}

/* Pictures that are decoded anew may be gone since they were read. */
static void report_lost(struct train *t, size_t failed)
{
    if (failed <= t->val_failed) return;
    cmd_error("%s: %zu pictures to validate on cannot be read any more", t->job->data,
              failed - t->val_failed);
    t->val_failed = failed;
}

int train_feed_validate(struct train *t, struct train_score *out)
{
    struct validation v = { 0 };
    const struct train_visit visit = { .data = t->data->held,
                                       .store = t->data->held_store,
                                       .recipe = &t->pictures,
                                       .decode = t->data->decode,
                                       .batch = add_batch,
                                       .failed = add_failed,
                                       .arg = &v };
    struct vit_error err;
    int code;

    if (vit_metrics_create(&v.metrics, vit_model_config(t->model)->classes, &err)) return cmd_unusable(&err);
    code = train_visit(&visit, t->eval);
    report_lost(t, v.failed);
    if (code == CMD_DONE) *out = train_score_of(v.metrics);
    vit_metrics_close(v.metrics);
    return code;
}
