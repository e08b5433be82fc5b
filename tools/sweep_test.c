/* The test split through the model of a cell. Nothing is ever chosen by it. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "patch/feed_store.h"
#include "tools/eval.h"
#include "tools/sweep.h"

struct record {
    float *logits;           /* (room, classes) */
    int64_t *labels, *index; /* (room) */
    size_t count;
    int classes;
    struct vit_metrics *metrics;
};

static void add_batch(void *arg, const float *logits, const int *labels, const size_t *index, int n)
{
    struct record *r = arg;
    const size_t classes = (size_t)r->classes;

    vit_metrics_add(r->metrics, logits, labels, n);
    memcpy(r->logits + r->count * classes, logits, (size_t)n * classes * sizeof *logits);
    for (int i = 0; i < n; i++) {
        r->labels[r->count] = labels[i];
        r->index[r->count++] = (int64_t)index[i];
    }
}

/* What cannot be read was reported when all pictures were. */
static void add_failed(void *arg, const struct vit_error *why)
{
    (void)arg, (void)why;
}

static enum vit_status record_open(struct record *r, size_t room, int classes, struct vit_error *err)
{
    *r = (struct record){ .logits = calloc(room * (size_t)classes + 1, sizeof *r->logits),
                          .labels = calloc(room + 1, sizeof *r->labels),
                          .index = calloc(room + 1, sizeof *r->index),
                          .classes = classes };
    if (r->logits && r->labels && r->index) return vit_metrics_create(&r->metrics, classes, err);
    return vit_fail(err, VIT_ERR_NOMEM, "no memory for %zu rows of %d logits", room, classes);
}

static void record_close(struct record *r)
{
    vit_metrics_close(r->metrics);
    free(r->logits);
    free(r->labels);
    free(r->index);
}

static enum vit_status open_cell(struct vit_model **m, struct vit_session **session, const struct sweep *s,
                                 const struct sweep_cell *cell, struct vit_error *err)
{
    enum { BATCH = 64 };
    const int dtype = kern_dtype_from_name(cell->recipe.dtype);
    const struct vit_model_options options = { .kernels = s->common.kernels,
                                               .dtype = (enum kern_dtype)dtype,
                                               .threads = cmd_threads(&s->common) };
    const struct vit_session_options running = { .batch = BATCH, .threads = options.threads };
    char folder[PATH_MAX], path[PATH_MAX];
    enum vit_status status;

    sweep_folder_cell(folder, s, cell);
    status = vit_model_open(m, train_path(path, folder, TRAIN_MODEL), &options, err);
    return status ? status : vit_session_create(session, *m, &running, err);
}

static enum vit_status write_logits(const struct record *r, const struct sweep_source *source,
                                    const struct vit_model *m, const char *path, struct vit_error *err)
{
    return eval_logits_write(
        path,
        &(struct eval_logits){ .n = (int64_t)r->count,
                               .classes = r->classes,
                               .logits = r->logits,
                               .labels = r->labels,
                               .index = r->index,
                               .how = eval_how(m, false),
                               .pictures = eval_pictures(source->digest, vit_model_labels(m), r->classes) },
        err);
}

int sweep_test(struct sweep *s, const struct sweep_cell *cell, const char *path, struct train_score *out)
{
    const struct sweep_source *source = &s->sources[cell->source];
    struct vit_session *session = NULL;
    struct vit_model *m = NULL;
    struct record r = { 0 };
    const struct train_visit visit = { .data = source->test,
                                       .store = source->test_store,
                                       .recipe = &source->pictures,
                                       .decode = source->data.decode,
                                       .batch = add_batch,
                                       .failed = add_failed,
                                       .arg = &r };
    struct vit_error err;
    enum vit_status status = open_cell(&m, &session, s, cell, &err);
    int code = CMD_DONE;

    if (!status) status = record_open(&r, patch_dataset_count(source->test), cell->config.classes, &err);
    if (!status) code = train_visit(&visit, session);
    if (!status && !code) status = sweep_folder_kept(s, &err);
    if (!status && !code) status = write_logits(&r, source, m, path, &err);
    if (!status && !code)
        *out = (struct train_score){ .n = r.count,
                                     .loss = vit_metrics_loss(r.metrics),
                                     .top1 = r.count
                                                 ? (double)vit_metrics_correct(r.metrics, 1) / (double)r.count
                                                 : 0 };
    if (status) code = cmd_unusable(&err);
    record_close(&r);
    vit_session_close(session);
    vit_model_close(m);
    return code;
}
