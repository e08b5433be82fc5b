/* A model over a labelled data set, picture by picture. */
#include <math.h>
#include <stdlib.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "vit/stats.h"

#define AT(field) (sizeof(struct cmd_common) + offsetof(struct eval_options, field))
static const struct args_option ROWS[] = {
    CMD_DATA_ROW(AT(data), NULL, ""),
    CMD_SPLIT_ROW(AT(split)),
    CMD_LIMIT_ROW(AT(limit), NULL),
    CMD_BATCH_ROW(AT(batch), 4096, "32"),
    CMD_NO_EXIF_ROW(AT(no_exif), " (timm and torchvision do not)"),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_SANDBOX_ROW(AT(sandbox)),
    CMD_CHECK_ROW(AT(check)),
};
const struct args_group eval_group = { "Data options", ROWS, VIT_COUNT(ROWS) };

/* ---- the data set ---- */

/* Labels in the model's order, by name; a model without names can only trust the order of the data. */
static enum vit_status match_labels(struct eval_set *s, const struct vit_model *m, const char *path,
                                    const struct cmd_common *common, struct vit_error *err)
{
    const int classes = vit_model_config(m)->classes, found = patch_dataset_classes(s->data);

    s->names = vit_model_labels(m);
    if (vit_model_has_labels(m)) return patch_dataset_match(s->data, s->names, classes, err);
    if (found != classes)
        return vit_fail(err, VIT_ERR_ARG,
                        "%s: the model has no label names and %d classes, the data set has %d",
                        vit_model_path(m), classes, found);
    s->own = calloc((size_t)classes, sizeof *s->own);
    if (!s->own) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the names of %d classes", classes);
    for (int i = 0; i < classes; i++) s->own[i] = patch_dataset_class(s->data, i);
    s->names = s->own;
    cmd_warn(common, "%s has no label names: its classes are taken in the order of %s", vit_model_path(m),
             path);
    return VIT_OK;
}

enum vit_status eval_set_open(struct eval_set *out, const struct vit_model *m, const struct eval_options *o,
                              const struct cmd_common *common, struct vit_error *err)
{
    enum patch_split split = (enum patch_split)patch_split_from_name(o->split);
    unsigned splits;
    enum vit_status status = patch_dataset_splits(&splits, o->data, err);

    *out = (struct eval_set){ 0 };
    if (!status && !splits) split = PATCH_ALL;
    if (!status) status = patch_dataset_open(&out->data, o->data, split, err);
    out->split = patch_split_name(split);
    /* Limited before the labels are renumbered: the same pictures for every model, and as in training. */
    if (!status && o->limit) status = patch_dataset_limit(out->data, (size_t)o->limit, err);
    if (!status) status = match_labels(out, m, o->data, common, err);
    if (status) eval_set_close(out);
    return status;
}

void eval_set_close(struct eval_set *s)
{
    patch_dataset_close(s->data);
    free(s->own);
    *s = (struct eval_set){ 0 };
}

/* ---- the pass ---- */

/* A picture whose numbers went wrong has failed, as one that cannot be read. */
static void find_trouble(struct patch_item *item, const struct patch_dataset *data,
                         const struct vit_trouble *trouble)
{
    char name[4096];

    if (!item->status && trouble[item->row].found)
        item->status = cmd_trouble(&trouble[item->row],
                                   patch_dataset_name(data, item->index, name, sizeof name), &item->error);
}

/* trouble (batch): with --check, else NULL. */
static void add_batch(const struct eval_pass *p, struct eval_seconds *seconds, struct vit_session *s,
                      const struct patch_batch *b, struct vit_trouble *trouble)
{
    const size_t classes = (size_t)vit_model_config(p->model)->classes;
    const float *logits = NULL;

    if (b->rows) {
        double start = progress_seconds();
        logits = trouble ? vit_forward_watched(s, b->planes, b->rows, trouble)
                         : vit_forward(s, b->planes, b->rows);
        seconds->forward += progress_seconds() - start;
    }
    for (int i = 0; i < b->count; i++) {
        struct patch_item item = b->items[i];

        seconds->decode += item.decode_seconds;
        seconds->prepare += item.prepare_seconds;
        if (trouble) find_trouble(&item, p->data, trouble);
        p->add(p->state, &item, item.status ? NULL : logits + (size_t)item.row * classes);
    }
}

static enum vit_status start_check(struct vit_trouble **out, const struct eval_pass *p, struct vit_error *err)
{
    *out = calloc((size_t)p->options->batch, sizeof **out);
    return *out ? vit_model_check(p->model, err) : vit_fail(err, VIT_ERR_NOMEM, "no memory for --check");
}

enum vit_status eval_pass(const struct eval_pass *p, struct eval_seconds *seconds, struct vit_error *err)
{
    const struct vit_session_options session = { .batch = p->options->batch,
                                                 .threads = cmd_threads(p->common) };
    struct patch_loader_options loading = { .batch = p->options->batch,
                                            .decode = { .ignore_exif = p->options->no_exif,
                                                        .max_pixels = (size_t)p->options->max_pixels } };
    struct vit_trouble *trouble = NULL;
    struct patch_loader *loader = NULL;
    struct vit_session *s = NULL;
    const struct patch_batch *b;
    struct progress bar;
    size_t done = 0;
    enum vit_status status = vit_model_takes_pictures(p->model, err);

    *seconds = (struct eval_seconds){ 0 };
    if (!status && p->options->check) status = start_check(&trouble, p, err);
    if (!status)
        status = cmd_sandbox(&loading.decode.sandbox, p->options->sandbox, p->common, 0,
                             p->options->max_pixels, err);
    if (!status) status = vit_session_create(&s, p->model, &session, err);
    if (status) goto done;
    loading.workers = vit_session_threads(s);
    status = patch_loader_create(&loader, p->data, vit_model_recipe(p->model), &loading, err);
    if (status) goto done;
    progress_start(&bar, "pictures", patch_dataset_count(p->data), !p->common->quiet);
    while ((b = patch_loader_next(loader))) {
        progress_clear(&bar);
        add_batch(p, seconds, s, b, trouble);
        progress_update(&bar, done += (size_t)b->count);
    }
    progress_clear(&bar);
    seconds->total = progress_seconds() - bar.start;
done:
    patch_loader_close(loader);
    patch_sandbox_close(loading.decode.sandbox);
    vit_session_close(s);
    free(trouble);
    return status;
}

/* ---- shares ---- */

struct eval_share eval_share_of(size_t k, size_t n)
{
    struct eval_share s = { NAN, NAN, NAN };

    if (!n) return s;
    s.value = (double)k / (double)n;
    vit_wilson(&s.low, &s.high, (double)k, (double)n, vit_normal_quantile(0.975));
    return s;
}

json_t *eval_interval(double low, double high)
{
    return json_pack("[o,o]", out_real(low), out_real(high));
}
