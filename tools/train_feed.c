/* The pictures of a run under way: batches, validation, what could not be read. */
#include "patch/feed_store.h"
#include "tools/train_parts.h"

/* ---- batches ---- */

static void show_reading(void *arg, size_t done, size_t all)
{
    struct train *t = arg;

    progress_update(&t->bar, done);
    if (done == all) progress_clear(&t->bar);
}

int train_feed_open(struct train *t, const struct patch_feed_options *given)
{
    struct patch_feed_options options = *given;
    struct vit_error err;

    options.store = t->data->store;
    options.threads = cmd_threads_in_all(t->job->common);
    train_show_bar(t, "pictures read", patch_dataset_count(t->data->training));
    if (patch_feed_create(&t->feed, t->data->training, &t->pictures, &options, show_reading, t, &err)) {
        progress_clear(&t->bar);
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    /* Who reads pictures for several runs says once what is wrong with them. */
    if (t->data->store) t->failed = t->data->store->failed;
    t->val_read = t->data->held_store != NULL;
    train_feed_report(t);
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
    struct train *t;
    struct vit_metrics *metrics;
};

static void add_batch(void *arg, const float *logits, const int *labels, int n)
{
    const struct validation *v = arg;

    vit_metrics_add(v->metrics, logits, labels, n);
}

static void add_failed(void *arg, const struct vit_error *why)
{
    const struct validation *v = arg;

    if (v->t->val_read) return;
    cmd_error("%s", why->text);
    v->t->val_failed++;
}

int train_feed_validate(struct train *t, struct train_score *out)
{
    struct validation v = { .t = t };
    const struct train_visit visit = { .data = t->data->held,
                                       .store = t->data->held_store,
                                       .recipe = &t->pictures,
                                       .decode = t->data->decode,
                                       .batch = add_batch,
                                       .failed = add_failed,
                                       .arg = &v };
    struct vit_error err;
    int code;

    if (vit_metrics_create(&v.metrics, vit_model_config(t->model)->classes, &err)) {
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    code = train_visit(&visit, t->eval);
    t->val_read = true;
    if (code == CMD_DONE) {
        out->n = vit_metrics_count(v.metrics);
        out->loss = vit_metrics_loss(v.metrics);
        out->top1 = out->n ? (double)vit_metrics_correct(v.metrics, 1) / (double)out->n : 0;
    }
    vit_metrics_close(v.metrics);
    return code;
}
