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
    struct patch_loader_options loading = { .batch = CONVERT_BATCH,
                                            .workers = threads,
                                            .decode = cmd_decode(c->options->max_pixels, false) };
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

/* One picture's logits of a side, and of the original; label -1: there is none. */
static void compare_side(struct convert_comparison *c, int side, const float *before, const float *logits,
                         int label)
{
    const int classes = vit_model_config(c->model[CONVERT_BEFORE])->classes;
    int best, was;

    vit_top(&best, logits, classes, 1);
    vit_top(&was, before, classes, 1);
    c->correct[side] += best == label;
    c->agree[side] += best == was;
    for (int k = 0; k < classes; k++)
        c->largest[side] = fmax(c->largest[side], fabs((double)before[k] - (double)logits[k]));
}

/* Whether every side has answered item, whose row starts at in the logits; said where not. */
static bool all_answer(const struct convert_comparison *c, const float *const logits[CONVERT_SIDES],
                       size_t at, const struct patch_item *item)
{
    const int classes = vit_model_config(c->model[CONVERT_BEFORE])->classes;
    char name[4096];
    const char *file = patch_dataset_name(c->data, item->index, name, sizeof name);
    struct vit_error err;

    for (int side = 0; side < CONVERT_SIDES; side++) {
        if (!logits[side] || !cmd_check_answer(logits[side] + at, classes, file, &err)) continue;
        cmd_error("%s", err.text);
        return false;
    }
    return true;
}

static void add_rows(void *arg, const struct patch_batch *b)
{
    struct convert_comparison *c = arg;
    const size_t classes = (size_t)vit_model_config(c->model[CONVERT_BEFORE])->classes;
    const float *logits[CONVERT_SIDES] = { NULL };

    for (int side = 0; side < CONVERT_SIDES; side++)
        if (c->session[side]) logits[side] = vit_forward(c->session[side], b->planes, b->rows);
    for (int i = 0; i < b->count; i++) {
        const size_t at = (size_t)b->items[i].row * classes;
        const float *before;
        if (b->items[i].status) continue;
        if (!all_answer(c, logits, at, &b->items[i])) {
            c->no_answer++;
            continue;
        }
        before = logits[CONVERT_BEFORE] + at;
        for (int side = 0; side < CONVERT_SIDES; side++)
            if (logits[side]) compare_side(c, side, before, logits[side] + at, b->items[i].label);
        for (size_t k = 0; k < classes; k++) c->most_logit = fmax(c->most_logit, fabs((double)before[k]));
        c->n++;
    }
}

enum vit_status convert_open_data(struct convert_comparison *c, struct vit_error *err)
{
    const struct convert_options *o = c->options;
    const struct vit_model *m = c->model[CONVERT_BEFORE];
    const struct eval_part part = { o->data, o->split, (size_t)o->limit, 0 };
    const char *name;
    enum vit_status status = eval_data_open(&c->data, &name, &part, &o->common, err);

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
    if (!status) status = convert_pictures(c, c->data, "pictures", add_rows, c, &c->n_failed, err);
    c->n_failed += c->no_answer;
    return status;
}

void convert_close(struct convert_comparison *c)
{
    patch_dataset_close(c->data);
    patch_dataset_close(c->pictures);
    for (int i = 0; i < CONVERT_SIDES; i++) {
        vit_session_close(c->session[i]);
        vit_model_close(c->model[i]);
    }
}
