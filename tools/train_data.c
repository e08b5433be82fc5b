/* The pictures of a run, or of several: opening and dividing the training split, reading it once, sending
 * sets through a session. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "patch/feed_store.h"
#include "tools/progress.h"
#include "tools/stop.h"
#include "tools/train.h"
#include "vit/text.h"

/* ---- opening ---- */

/* The training split, or everything of a data set that is one set. */
static enum vit_status open_training(struct patch_dataset **out, const char *path, struct vit_error *err)
{
    unsigned splits;
    enum vit_status status = patch_dataset_splits(&splits, path, err);

    *out = NULL;
    return status ? status : patch_dataset_open(out, path, splits ? PATCH_TRAIN : PATCH_ALL, err);
}

/* Classes become the labels of a network, which it is saved with. */
static enum vit_status check_classes(const struct patch_dataset *d, const char *path, struct vit_error *err)
{
    const int classes = patch_dataset_classes(d);

    if (!classes) return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: has no labels to learn from", path);
    if (classes == 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: expected two classes or more to tell apart, found 1, \"%s\"; folders of classes "
                        "that lie one level deeper look like that",
                        path, patch_dataset_class(d, 0));
    for (int i = 0; i < classes; i++)
        if (!vit_is_utf8(patch_dataset_class(d, i)))
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: the name of a class must be UTF-8, found \"%s\"",
                            path, patch_dataset_class(d, i));
    return VIT_OK;
}

/* Each class is divided: where all have one picture, none is left to hold out. */
static enum vit_status hold_out(struct train_data *d, float val, struct vit_error *err)
{
    struct vit_error why;
    const enum vit_status status = patch_dataset_hold_out(d->training, val, &d->held, &d->repeats, &why);

    return status ? vit_fail(err, status, "--val %g: %s; --val 0 holds none out", (double)val, why.text)
                  : VIT_OK;
}

static enum vit_status match(struct patch_dataset *d, const struct patch_dataset *training,
                             struct vit_error *err)
{
    const int classes = patch_dataset_classes(training);
    const char **names = calloc((size_t)classes, sizeof *names);
    enum vit_status status;

    if (!names) return vit_fail(err, VIT_ERR_NOMEM, "no memory for %d names", classes);
    for (int i = 0; i < classes; i++) names[i] = patch_dataset_class(training, i);
    status = patch_dataset_match(d, names, classes, "the training split", err);
    free(names);
    return status;
}

static void put_digest(char text[TRAIN_DIGEST], uint64_t hash)
{
    snprintf(text, TRAIN_DIGEST, "%016" PRIx64, hash);
}

void train_data_digest_set(char text[TRAIN_DIGEST], const struct patch_dataset *set, const char *path)
{
    put_digest(text, patch_dataset_digest(set, path));
}

enum vit_status train_data_open_split(struct patch_dataset **out, char *digest,
                                      const struct patch_dataset *training, const char *path,
                                      enum patch_split split, size_t limit, struct vit_error *err)
{
    const char *name = patch_split_name(split);
    struct vit_error why;
    unsigned splits;
    enum vit_status status = patch_dataset_splits(&splits, path, err);

    if (status) return status;
    if (!(splits & 1u << split))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: has no split \"%s\"", path, name);
    status = patch_dataset_open(out, path, split, err);
    /* In this order, as in vit eval. */
    if (!status && limit) status = patch_dataset_limit(*out, limit, err);
    if (!status && digest) train_data_digest_set(digest, *out, path);
    if (status || !match(*out, training, &why)) return status;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: split \"%s\": %.900s", path, name, why.text);
}

enum vit_status train_data_digest(char text[TRAIN_DIGEST], const char *path, unsigned wanted,
                                  struct vit_error *err)
{
    struct patch_dataset *d;
    unsigned splits;
    uint64_t hash = 0;
    enum vit_status status = patch_dataset_splits(&splits, path, err);

    for (int i = 0; i < PATCH_SPLITS && !status; i++) {
        if (splits ? !(splits & wanted & 1u << i) : i != PATCH_ALL) continue;
        status = patch_dataset_open(&d, path, (enum patch_split)i, err);
        if (!status) hash = 31 * hash + patch_dataset_digest(d, path) + (unsigned)i;
        patch_dataset_close(d);
    }
    put_digest(text, hash);
    return status;
}

unsigned train_data_splits(const struct recipe *r)
{
    return 1u << PATCH_TRAIN | (r->val_split ? 1u << PATCH_VAL : 0);
}

void train_data_warn(const struct cmd_common *common, const char *path, const struct recipe *r)
{
    unsigned splits;

    if (r->val_split || !(r->val > 0) || patch_dataset_splits(&splits, path, NULL) ||
        !(splits & 1u << PATCH_VAL))
        return;
    cmd_warn(common,
             "%s: its validation split is not read: %g of the training split is held out to validate on; "
             "--val-split takes it instead",
             path, (double)r->val);
}

void train_data_warn_repeats(const struct cmd_common *common, const char *path, size_t repeats, size_t count)
{
    if (repeats)
        cmd_warn(common,
                 "%s: %zu of %zu pictures repeat a file named before them: its copies are all held out, or "
                 "none is",
                 path, repeats, count);
}

static void warn_unlearnt(const struct cmd_common *common, const char *path, const struct patch_dataset *d)
{
    const int classes = patch_dataset_classes(d);
    const char **left = calloc((size_t)classes, sizeof *left);
    char text[360];
    size_t count = 0;

    for (int i = 0; left && i < classes; i++) left[i] = patch_dataset_class(d, i);
    for (size_t i = 0; left && i < patch_dataset_count(d); i++)
        if (patch_dataset_label(d, i) >= 0) left[patch_dataset_label(d, i)] = NULL;
    for (int i = 0; left && i < classes; i++)
        if (left[i]) left[count++] = left[i];
    if (count)
        cmd_warn(common, "%s: there is no picture to learn %zu of its %d classes from: %s", path, count,
                 classes, vit_list(text, sizeof text, left, count));
    free(left);
}

void train_data_warn_divided(const struct cmd_common *common, const char *path, const struct train_data *d)
{
    const size_t held = d->held ? patch_dataset_count(d->held) : 0;

    train_data_warn_repeats(common, path, d->repeats, patch_dataset_count(d->training) + held);
    warn_unlearnt(common, path, d->training);
}

enum vit_status train_data_open(struct train_data *d, const char *path, const struct recipe *r,
                                struct vit_error *err)
{
    enum vit_status status;

    *d = (struct train_data){ .decode = recipe_decode(r) };
    status = open_training(&d->training, path, err);
    if (!status) status = check_classes(d->training, path, err);
    if (!status && r->limit) status = patch_dataset_limit(d->training, (size_t)r->limit, err);
    if (!status && r->val_split)
        status = train_data_open_split(&d->held, NULL, d->training, path, PATCH_VAL, (size_t)r->limit, err);
    else if (!status && r->val > 0)
        status = hold_out(d, r->val, err);
    if (status) train_data_close(d);
    return status;
}

static void show_reading(void *arg, size_t done, size_t all)
{
    struct progress *bar = arg;

    progress_update(bar, done);
    if (done == all) progress_clear(bar);
}

/* In a run of its own, whose signals nobody catches yet, they end the process. */
static bool is_stopped(void *arg)
{
    (void)arg;
    return stop_wanted();
}

enum vit_status train_data_read_set(struct patch_feed_store **out, const struct patch_dataset *set,
                                    const struct patch_recipe *p, const struct patch_decode *decode,
                                    size_t cache_bytes, const struct cmd_common *common,
                                    struct vit_error *err)
{
    struct progress bar;
    const struct patch_feed_store_options options = { .decode = *decode,
                                                      .threads = cmd_threads_in_all(common),
                                                      .cache_bytes = cache_bytes,
                                                      .progress = show_reading,
                                                      .stopped = is_stopped,
                                                      .arg = &bar };
    enum vit_status status;

    progress_start(&bar, "pictures read", patch_dataset_count(set), !common->quiet);
    status = patch_feed_store_create(out, set, p, &options, err);
    progress_clear(&bar);
    return status;
}

static void warn_unkept(const struct patch_feed_store *s, size_t cache_bytes, const struct cmd_common *common)
{
    const double gib = 1 << 30;

    if (s->pixels) return;
    cmd_warn(common,
             "the %zu training pictures would take %.1f GiB once prepared, and up to %.1f GiB are kept: they "
             "are decoded anew in every epoch",
             s->count, (double)s->count * (double)s->picture_bytes / gib, (double)cache_bytes / gib);
}

enum vit_status train_data_read(struct train_data *d, const struct patch_recipe *p, size_t cache_bytes,
                                const struct cmd_common *common, struct vit_error *err)
{
    enum vit_status status =
        train_data_read_set(&d->store, d->training, p, &d->decode, cache_bytes, common, err);

    if (!status) warn_unkept(d->store, cache_bytes, common);
    if (!status && d->held)
        status = train_data_read_set(&d->held_store, d->held, p, &d->decode, cache_bytes, common, err);
    return status;
}

void train_data_close(struct train_data *d)
{
    patch_feed_store_close(d->held_store);
    patch_feed_store_close(d->store);
    patch_dataset_close(d->held);
    patch_dataset_close(d->training);
    *d = (struct train_data){ 0 };
}

/* ---- through a session ---- */

/* One batch; index: room. */
static void visit_batch(const struct train_visit *v, struct vit_session *s, const struct patch_batch *b,
                        size_t *index)
{
    for (int i = 0; i < b->count; i++)
        if (!b->items[i].status) index[b->items[i].row] = b->items[i].index;
    if (b->rows) v->batch(v->arg, vit_forward(s, b->planes, b->rows), b->labels, index, b->rows);
    for (int i = 0; i < b->count; i++)
        if (b->items[i].status) v->failed(v->arg, &b->items[i].error);
}

static int visit_loaded(const struct train_visit *v, struct vit_session *s)
{
    const struct patch_loader_options loading = { .batch = vit_session_batch(s),
                                                  .workers = vit_session_threads(s),
                                                  .decode = v->decode };
    size_t *index = calloc((size_t)loading.batch, sizeof *index);
    const struct patch_batch *b;
    struct patch_loader *loader = NULL;
    struct vit_error err;
    const enum vit_status status = index ? patch_loader_create(&loader, v->data, v->recipe, &loading, &err)
                                         : vit_fail(&err, VIT_ERR_NOMEM, "no memory for a batch of pictures");
    const int code = status ? cmd_unusable(&err) : CMD_DONE;

    while (!code && !stop_wanted() && (b = patch_loader_next(loader))) visit_batch(v, s, b, index);
    patch_loader_close(loader);
    free(index);
    return code;
}

/* pixels kept in memory need no threads of their own. */
static void visit_kept(const struct train_visit *v, struct vit_session *s, float *planes)
{
    const struct patch_feed_store *store = v->store;
    const size_t batch = (size_t)vit_session_batch(s), floats = store->picture_bytes;

    for (size_t done = 0, n; done < store->count && !stop_wanted(); done += n) {
        n = store->count - done < batch ? store->count - done : batch;
        for (size_t i = 0; i < n; i++)
            patch_normalise(planes + i * floats, store->pixels + (done + i) * floats, v->recipe);
        v->batch(v->arg, vit_forward(s, planes, (int)n), store->label + done, store->index + done, (int)n);
    }
}

int train_visit(const struct train_visit *v, struct vit_session *s)
{
    int code = CMD_DONE;

    if (v->store && v->store->pixels) {
        float *planes = calloc((size_t)vit_session_batch(s), v->store->picture_bytes * sizeof *planes);
        if (!planes) {
            cmd_error("no memory for a batch of pictures");
            return CMD_UNUSABLE;
        }
        visit_kept(v, s, planes);
        free(planes);
    } else {
        code = visit_loaded(v, s);
    }
    return !code && stop_wanted() ? CMD_INTERRUPTED : code;
}

struct train_score train_score_of(const struct vit_metrics *m)
{
    const size_t n = vit_metrics_count(m);

    return (struct train_score){ .n = n,
                                 .loss = vit_metrics_loss(m),
                                 .top1 = n ? (double)vit_metrics_correct(m, 1) / (double)n : 0 };
}
