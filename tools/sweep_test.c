/* The test split through the model of a cell. Nothing is ever chosen by it. */
#include <limits.h>

#include "patch/feed_store.h"
#include "tools/eval.h"
#include "tools/sweep.h"

struct record {
    struct eval_logits kept;
    struct vit_metrics *metrics;
};

static void add_batch(void *arg, const float *logits, const int *labels, const size_t *index, int n)
{
    struct record *r = arg;

    vit_metrics_add(r->metrics, logits, labels, n);
    eval_logits_add(&r->kept, logits, labels, index, n);
}

/* What cannot be read was reported when all pictures were. */
static void add_failed(void *arg, const struct vit_error *why)
{
    (void)arg, (void)why;
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

int sweep_test(struct sweep *s, const struct sweep_cell *cell, const char *path, struct train_score *out)
{
    const struct sweep_source *source = &s->sources[cell->source];
    const int classes = cell->config.classes;
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

    if (!status) status = vit_metrics_create(&r.metrics, classes, &err);
    if (!status) status = eval_logits_open(&r.kept, path, patch_dataset_count(source->test), classes, &err);
    if (!status) code = train_visit(&visit, session);
    if (!status && !code) status = sweep_folder_kept(s, &err);
    if (!status && !code)
        status = eval_logits_write(&r.kept, path, eval_how(m, false),
                                   eval_pictures(source->digest, vit_model_labels(m), classes), &err);
    if (!status && !code) *out = train_score_of(r.metrics);
    if (status) code = cmd_unusable(&err);
    eval_logits_close(&r.kept);
    vit_metrics_close(r.metrics);
    vit_session_close(session);
    vit_model_close(m);
    return code;
}
