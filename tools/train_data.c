/* The pictures of a run: opening and dividing the training split, batches, validation. The test split is
 * never opened. */
#include <string.h>

#include "tools/train_parts.h"

/* ---- opening ---- */

/* The training split, or everything of a data set that is one set. */
static enum vit_status open_training(struct patch_dataset **out, const char *path, struct vit_error *err)
{
    unsigned splits;
    enum vit_status status = patch_dataset_splits(&splits, path, err);

    *out = NULL;
    return status ? status : patch_dataset_open(out, path, splits ? PATCH_TRAIN : PATCH_ALL, err);
}

int train_data_open(struct train *t)
{
    const struct recipe *r = t->recipe;
    struct vit_error err;
    enum vit_status status = open_training(&t->data, t->job->data, &err);

    if (!status && !patch_dataset_classes(t->data))
        status = vit_fail(&err, VIT_ERR_ARG, "%s: has no labels to learn from", t->job->data);
    if (!status && r->limit) status = patch_dataset_limit(t->data, (size_t)r->limit, &err);
    if (!status && r->val > 0) status = patch_dataset_hold_out(t->data, r->val, &t->held, &err);
    if (!status) return CMD_DONE;
    cmd_error("%s", err.text);
    return CMD_UNUSABLE;
}

static void show_reading(void *arg, size_t done, size_t all)
{
    struct train *t = arg;

    progress_update(&t->bar, done);
    if (done == all) progress_clear(&t->bar);
}

int train_data_feed(struct train *t)
{
    struct patch_feed_options options;
    struct vit_error err;
    enum vit_status status = recipe_feed(&options, t->recipe, &t->pictures, &err);

    if (!status) {
        progress_start(&t->bar, "pictures read", patch_dataset_count(t->data), !t->job->common->quiet);
        status = patch_feed_create(&t->feed, t->data, &t->pictures, &options, show_reading, t, &err);
    }
    if (status) {
        progress_clear(&t->bar);
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    train_data_report(t);
    return CMD_DONE;
}

void train_data_report(struct train *t)
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

void train_data_close(struct train *t)
{
    patch_feed_close(t->feed);
    patch_dataset_close(t->held);
    patch_dataset_close(t->data);
}

/* ---- validation ---- */

static void add_batch(struct train *t, struct vit_metrics *metrics, const struct patch_batch *b)
{
    if (b->rows) vit_metrics_add(metrics, vit_forward(t->eval, b->planes, b->rows), b->labels, b->rows);
    for (int i = 0; i < b->count && !t->val_read; i++) {
        if (!b->items[i].status) continue;
        cmd_error("%s", b->items[i].error.text);
        t->val_failed++;
    }
}

static int measure(struct train *t, struct vit_metrics *metrics)
{
    const struct patch_loader_options loading = { .batch = vit_session_batch(t->eval),
                                                  .workers = vit_session_threads(t->eval),
                                                  .decode = { .max_pixels = (size_t)t->recipe->max_pixels } };
    const struct patch_batch *b;
    struct patch_loader *loader;
    struct vit_error err;

    if (patch_loader_create(&loader, t->held, &t->pictures, &loading, &err)) {
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    while (!train_stopping() && (b = patch_loader_next(loader))) add_batch(t, metrics, b);
    patch_loader_close(loader);
    t->val_read = true;
    return train_stopping() ? TRAIN_INTERRUPTED : CMD_DONE;
}

int train_data_validate(struct train *t, struct train_score *out)
{
    struct vit_metrics *metrics;
    struct vit_error err;
    int code;

    if (vit_metrics_create(&metrics, vit_model_config(t->model)->classes, &err)) {
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    code = measure(t, metrics);
    if (code == CMD_DONE) {
        out->n = vit_metrics_count(metrics);
        out->loss = vit_metrics_loss(metrics);
        out->top1 = out->n ? (double)vit_metrics_correct(metrics, 1) / (double)out->n : 0;
    }
    vit_metrics_close(metrics);
    return code;
}
