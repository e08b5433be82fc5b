/* The answers of a model and of the file made of it. */
#include <math.h>

#include "tools/convert.h"
#include "tools/eval.h"
#include "tools/progress.h"

/* ---- pictures ---- */

static size_t say_failed(const struct patch_batch *b)
{
    size_t failed = 0;

    for (int i = 0; i < b->count; i++) {
        if (!b->items[i].status) continue;
        failed++;
        cmd_error("%s", b->items[i].error.text);
    }
    return failed;
}

enum vit_status convert_pictures(const struct convert_comparison *c, const struct patch_dataset *data,
                                 const char *what, void (*show)(void *arg, const struct patch_batch *b),
                                 void *arg, size_t *failed, struct vit_error *err)
{
    const int threads = vit_session_threads(c->session[CONVERT_BEFORE]);
    struct patch_loader_options loading = { .batch = CONVERT_BATCH, .workers = threads };
    struct patch_loader *loader;
    const struct patch_batch *b;
    struct progress bar;
    size_t done = 0;
    enum vit_status status =
        patch_loader_create(&loader, data, vit_model_recipe(c->model[CONVERT_BEFORE]), &loading, err);

    *failed = 0;
    if (status) return status;
    progress_start(&bar, what, patch_dataset_count(data), !c->options->common.quiet);
    while ((b = patch_loader_next(loader))) {
        progress_clear(&bar);
        *failed += say_failed(b);
        if (b->rows) show(arg, b);
        done += (size_t)b->count;
        progress_update(&bar, done);
    }
    progress_clear(&bar);
    patch_loader_close(loader);
    return VIT_OK;
}

/* ---- comparing ---- */

static void compare_side(struct convert_comparison *c, int side, const float *before, const float *logits,
                         const struct patch_batch *b)
{
    const int classes = vit_model_config(c->model[CONVERT_BEFORE])->classes;

    for (int r = 0; r < b->rows; r++) {
        int best, was;
        vit_top(&best, logits + (size_t)r * classes, classes, 1);
        vit_top(&was, before + (size_t)r * classes, classes, 1);
        c->correct[side] += best == b->labels[r];
        c->agree[side] += best == was;
    }
    for (size_t k = 0; k < (size_t)b->rows * classes; k++)
        c->largest[side] = fmax(c->largest[side], fabs((double)before[k] - (double)logits[k]));
}

static void add_rows(void *arg, const struct patch_batch *b)
{
    struct convert_comparison *c = arg;
    const size_t count = (size_t)b->rows * (size_t)vit_model_config(c->model[CONVERT_BEFORE])->classes;
    const float *before = NULL;

    for (int side = 0; side < CONVERT_SIDES; side++) {
        const float *logits;
        if (!c->session[side]) continue;
        logits = vit_forward(c->session[side], b->planes, b->rows);
        if (side == CONVERT_BEFORE) before = logits;
        compare_side(c, side, before, logits, b);
    }
    for (size_t k = 0; k < count; k++) c->most_logit = fmax(c->most_logit, fabs((double)before[k]));
    c->n += (size_t)b->rows;
}

enum vit_status convert_open_data(struct convert_comparison *c, struct vit_error *err)
{
    const struct convert_options *o = c->options;
    const struct vit_model *m = c->model[CONVERT_BEFORE];
    const enum patch_split split = (enum patch_split)patch_split_from_name(o->split);
    enum vit_status status = patch_dataset_open(&c->data, o->data, split, err);

    /* In this order, as in vit eval: the same pictures for every model. */
    if (!status && o->limit) status = patch_dataset_limit(c->data, (size_t)o->limit, err);
    if (!status) status = vit_model_takes_pictures(m, err);
    return status ? status : eval_match_labels(c->data, m, o->data, &o->common, err);
}

static enum vit_status open_sides(struct convert_comparison *c, const char *path, struct vit_error *err)
{
    const struct cmd_common *o = &c->options->common;
    struct vit_model_options how = { .kernels = o->kernels,
                                     .dtype = cmd_dtype(o),
                                     .threads = cmd_threads(o) };
    enum vit_status status = vit_model_open(&c->model[CONVERT_AFTER], path, &how, err);

    how.row_scales = true;
    if (!status && how.dtype == KERN_I8 && vit_model_fixed_scales(c->model[CONVERT_AFTER]))
        status = vit_model_open(&c->model[CONVERT_ROW_SCALES], path, &how, err);
    return status;
}

enum vit_status convert_compare(struct convert_comparison *c, const char *path, struct vit_error *err)
{
    const struct vit_session_options session = { .batch = CONVERT_BATCH,
                                                 .threads = cmd_threads(&c->options->common) };
    enum vit_status status = open_sides(c, path, err);

    for (int i = 0; !status && i < CONVERT_SIDES; i++)
        if (c->model[i] && !c->session[i])
            status = vit_session_create(&c->session[i], c->model[i], &session, err);
    return status ? status : convert_pictures(c, c->data, "pictures", add_rows, c, &c->n_failed, err);
}

void convert_close(struct convert_comparison *c)
{
    patch_dataset_close(c->data);
    for (int i = 0; i < CONVERT_SIDES; i++) {
        vit_session_close(c->session[i]);
        vit_model_close(c->model[i]);
    }
}
