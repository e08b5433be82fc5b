/* A model over a labelled data set, picture by picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/train.h"
#include "vit/stats.h"
#include "vit/text.h"

#define AT(field) (sizeof(struct cmd_common) + offsetof(struct eval_options, field))
static const struct args_option ROWS[] = {
    CMD_DATA_ROW(AT(data), NULL, ""),
    CMD_SPLIT_ROW(AT(split)),
    CMD_LIMIT_ROW(AT(limit), 0x1p63, .otherwise = "all"),
    { .name = "held-out",
      .kind = ARGS_FLOAT,
      .at = AT(held_out),
      .low = 0,
      .high = 0.9,
      .metavar = "F",
      .otherwise = "0, all of a split",
      .help = "only what vit train --val F holds out of the training split to validate on, the same pictures "
              "for every seed" },
    CMD_BATCH_ROW(AT(batch), 4096, "32"),
    CMD_NO_EXIF_ROW(AT(no_exif), " (timm and torchvision do not)"),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_SANDBOX_ROW(AT(sandbox)),
    CMD_CHECK_ROW(AT(check)),
    { .name = "flip",
      .kind = ARGS_FLAG,
      .at = AT(flip),
      .help = "take the mean of the logits of every picture and of its mirror image, in twice the time" },
};
const struct args_group eval_group = { "Data options", ROWS, VIT_COUNT(ROWS) };

/* ---- how, and on what ---- */

json_t *eval_how(const struct vit_model *m, bool flip)
{
    const struct vit_config *c = vit_model_config(m);
    char norm[32];

    return json_pack("{s:s,s:b,s:s,s:i,s:b}", "norm", vit_placement_text(&c->norm, norm, sizeof norm),
                     "final_norm", (int)c->norm.final, "dtype", kern_dtype_name(vit_model_dtype(m)), "size",
                     c->image, "flip", (int)flip);
}

/* What a network has learnt from says little about other pictures. */
static void warn_learnt(const char *path, unsigned splits, const char *split, enum patch_split part,
                        const struct cmd_common *common)
{
    const bool trains = part == PATCH_TRAIN || (part == PATCH_ALL && splits & 1u << PATCH_TRAIN);

    if (!split && part == PATCH_ALL)
        cmd_warn(common,
                 "%s: has no splits: all of it is read, what a network was trained on too; --split all "
                 "is this without a warning",
                 path);
    if (trains)
        cmd_warn(
            common,
            "%s: a network that was trained on this data set has learnt from its split \"train\": expect "
            "less accuracy on other pictures",
            path);
}

/* What the library calls an argument: the data set has no such split, or other classes than the model. */
static enum vit_status of_data(enum vit_status status, struct vit_error *err)
{
    if (status != VIT_ERR_ARG) return status;
    return err->status = VIT_ERR_UNSUPPORTED;
}

/* What is held out is of what a training would read. */
static enum vit_status find_split(enum patch_split *out, unsigned splits, const struct eval_part *part,
                                  struct vit_error *err)
{
    const bool held = part->held_out > 0;
    const enum patch_split unnamed = held ? PATCH_TRAIN : PATCH_TEST;

    *out = part->split ? (enum patch_split)patch_split_from_name(part->split) : unnamed;
    if (held && *out != PATCH_TRAIN && (splits || *out != PATCH_ALL))
        return vit_fail(err, VIT_ERR_ARG,
                        "--held-out is of the training split: expected --split train, or none, found %s",
                        part->split);
    if (splits) return VIT_OK;
    if (part->split && *out != PATCH_ALL)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: has no splits: expected --split all, or none, found %s", part->path,
                        part->split);
    *out = PATCH_ALL;
    return VIT_OK;
}

/* *d becomes a fraction of itself; nothing on failure. */
static enum vit_status keep_held_out(struct patch_dataset **d, const struct eval_part *part,
                                     const struct cmd_common *common, struct vit_error *err)
{
    const size_t count = patch_dataset_count(*d);
    struct patch_dataset *held;
    struct vit_error why;
    size_t repeats;
    const enum vit_status status = patch_dataset_hold_out(*d, part->held_out, &held, &repeats, &why);

    patch_dataset_close(*d);
    *d = held;
    if (status) return vit_fail(err, status, "--held-out %g: %s", (double)part->held_out, why.text);
    if (common) train_data_warn_repeats(common, part->path, repeats, count);
    return VIT_OK;
}

enum vit_status eval_data_open(struct patch_dataset **out, const char **name, const struct eval_part *part,
                               const struct cmd_common *common, struct vit_error *err)
{
    enum patch_split wanted;
    unsigned splits = 0;
    enum vit_status status = patch_dataset_splits(&splits, part->path, err);

    *out = NULL;
    if (!status) status = find_split(&wanted, splits, part, err);
    if (!status) status = of_data(patch_dataset_open(out, part->path, wanted, err), err);
    if (status) return status;
    *name = part->held_out > 0 ? EVAL_HELD_OUT : patch_split_name(wanted);
    if (common && !(part->held_out > 0)) warn_learnt(part->path, splits, part->split, wanted, common);
    /* In this order, as in training, and before labels are renumbered: the same pictures for every model. */
    if (part->limit) status = patch_dataset_limit(*out, part->limit, err);
    if (!status && part->held_out > 0) return keep_held_out(out, part, common, err);
    if (!status) return VIT_OK;
    patch_dataset_close(*out);
    *out = NULL;
    return status;
}

static void list_classes(const char *path, const char *const *names, int count)
{
    out_name(stderr, path);
    fprintf(stderr, ": %d classes: ", count);
    for (int i = 0; i < count; i++) {
        out_name(stderr, names[i]);
        fputs(i + 1 < count ? ", " : "\n", stderr);
    }
}

/* To be freed; NULL: no memory. */
static const char **class_names(const struct patch_dataset *d)
{
    const char **names = calloc((size_t)patch_dataset_classes(d) + 1, sizeof *names);

    for (int i = 0; names && i < patch_dataset_classes(d); i++) names[i] = patch_dataset_class(d, i);
    return names;
}

/* Both lists whole, above the error, which has room for what does not match. */
static void show_mismatch(const struct patch_dataset *d, const char *path, const struct vit_model *m)
{
    const char **names = class_names(d);

    if (names) {
        list_classes(path, names, patch_dataset_classes(d));
        list_classes(vit_model_path(m), vit_model_labels(m), vit_model_config(m)->classes);
    }
    free(names);
}

/* Which order that is, its beginning shows: of folders and lists by bytes, 1, 10, 2. */
static void warn_of_order(const struct patch_dataset *d, const char *path, const struct vit_model *m,
                          const struct cmd_common *o)
{
    const char **names = class_names(d);
    char text[160] = "";

    if (names) vit_list(text, sizeof text, names, (size_t)patch_dataset_classes(d));
    cmd_warn(o,
             "%s has no label names: its classes are taken in the order of %s: %s; --labels of eval and "
             "convert names them",
             vit_model_path(m), path, text);
    free(names);
}

enum vit_status eval_try_labels(struct patch_dataset *d, const struct vit_model *m, const char *path,
                                const struct cmd_common *o, struct vit_error *err)
{
    const int classes = vit_model_config(m)->classes, found = patch_dataset_classes(d);

    if (vit_model_has_labels(m))
        return of_data(patch_dataset_match(d, vit_model_labels(m), classes, "the model", err), err);
    if (found != classes)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: the model has no label names and %d classes, the data set has %d",
                        vit_model_path(m), classes, found);
    warn_of_order(d, path, m, o);
    return VIT_OK;
}

enum vit_status eval_match_labels(struct patch_dataset *d, const struct vit_model *m, const char *path,
                                  const struct cmd_common *o, struct vit_error *err)
{
    const enum vit_status status = eval_try_labels(d, m, path, o, err);

    if (status && vit_model_has_labels(m)) show_mismatch(d, path, m);
    return status;
}

/* The names of the labels too: those of the data where the model has none. */
static enum vit_status match_labels(struct eval_set *s, const struct vit_model *m, const char *path,
                                    const struct cmd_common *common, struct vit_error *err)
{
    const int classes = vit_model_config(m)->classes;
    const enum vit_status status = eval_match_labels(s->data, m, path, common, err);

    s->names = vit_model_labels(m);
    if (status || vit_model_has_labels(m)) return status;
    s->own = calloc((size_t)classes, sizeof *s->own);
    if (!s->own) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the names of %d classes", classes);
    for (int i = 0; i < classes; i++) s->own[i] = patch_dataset_class(s->data, i);
    s->names = s->own;
    return VIT_OK;
}

int eval_set_open(struct eval_set *out, const struct vit_model *m, const struct eval_options *o,
                  const struct cmd_common *common)
{
    const struct eval_part part = { o->data, o->split, (size_t)o->limit, o->held_out };
    struct vit_error err;
    enum vit_status status;

    *out = (struct eval_set){ 0 };
    status = eval_data_open(&out->data, &out->split, &part, common, &err);
    if (!status) train_data_digest_set(out->digest, out->data, o->data);
    if (!status) status = match_labels(out, m, o->data, common, &err);
    if (!status) return CMD_DONE;
    eval_set_close(out);
    return cmd_refuse(&err);
}

void eval_set_close(struct eval_set *s)
{
    patch_dataset_close(s->data);
    free(s->own);
    *s = (struct eval_set){ 0 };
}

/* ---- the pass ---- */

struct work {
    struct vit_session *session;
    struct vit_trouble *trouble; /* (2, batch) of pictures and mirror images, with --check; else NULL */
    float *mirrored;             /* (batch, channels, side, side) with --flip, else NULL */
    float *mean;                 /* (batch, classes) of both logits */
};

static enum vit_status work_open(struct work *w, const struct eval_pass *p, struct vit_error *err)
{
    const size_t batch = (size_t)p->options->batch;
    const struct vit_session_options session = { .batch = p->options->batch,
                                                 .threads = cmd_threads(p->common) };
    enum vit_status status = VIT_OK;

    if (p->options->check) {
        w->trouble = calloc(2 * batch, sizeof *w->trouble);
        status = w->trouble ? vit_model_check(p->model, err)
                            : vit_fail(err, VIT_ERR_NOMEM, "no memory for --check");
    }
    if (!status && p->options->flip) {
        w->mirrored = calloc(batch, vit_model_input_floats(p->model) * sizeof *w->mirrored);
        w->mean = calloc(batch, (size_t)vit_model_config(p->model)->classes * sizeof *w->mean);
        if (!w->mirrored || !w->mean) status = vit_fail(err, VIT_ERR_NOMEM, "no memory for --flip");
    }
    return status ? status : vit_session_create(&w->session, p->model, &session, err);
}

static void work_close(struct work *w)
{
    vit_session_close(w->session);
    free(w->trouble);
    free(w->mirrored);
    free(w->mean);
}

/* trouble (n): with --check, else NULL. */
static const float *forward(const struct work *w, const float *planes, int n, struct vit_trouble *trouble)
{
    return trouble ? vit_forward_watched(w->session, planes, n, trouble) : vit_forward(w->session, planes, n);
}

/* Rows of side pixels, each from its end. */
static void mirror(float *out, const float *in, size_t rows, size_t side)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < side; i++) out[r * side + i] = in[r * side + side - 1 - i];
}

/* What went wrong in a mirror image has gone wrong in the picture. */
static const float *forward_both(const struct work *w, const struct eval_pass *p, const float *planes, int n)
{
    const size_t side = (size_t)vit_model_config(p->model)->image;
    const size_t floats = (size_t)n * (size_t)vit_model_config(p->model)->classes;
    struct vit_trouble *other = w->trouble ? w->trouble + p->options->batch : NULL;

    memcpy(w->mean, forward(w, planes, n, w->trouble), floats * sizeof *w->mean);
    mirror(w->mirrored, planes, (size_t)n * vit_model_input_floats(p->model) / side, side);
    const float *logits = forward(w, w->mirrored, n, other);
    for (size_t i = 0; i < floats; i++) w->mean[i] = 0.5f * (w->mean[i] + logits[i]);
    for (int i = 0; other && i < n; i++)
        if (!w->trouble[i].found) w->trouble[i] = other[i];
    return w->mean;
}

/* A picture whose numbers went wrong has failed, as one that cannot be read. */
static void find_trouble(struct patch_item *item, const struct patch_dataset *data,
                         const struct vit_trouble *trouble)
{
    char name[4096];

    if (!item->status && trouble[item->row].found)
        item->status = cmd_trouble(&trouble[item->row],
                                   patch_dataset_name(data, item->index, name, sizeof name), &item->error);
}

static void add_batch(const struct eval_pass *p, struct eval_seconds *seconds, const struct work *w,
                      const struct patch_batch *b)
{
    const size_t classes = (size_t)vit_model_config(p->model)->classes;
    const float *logits = NULL;

    if (b->rows) {
        double start = progress_seconds();
        logits =
            w->mirrored ? forward_both(w, p, b->planes, b->rows) : forward(w, b->planes, b->rows, w->trouble);
        seconds->forward += progress_seconds() - start;
    }
    for (int i = 0; i < b->count; i++) {
        struct patch_item item = b->items[i];

        seconds->decode += item.decode_seconds;
        seconds->prepare += item.prepare_seconds;
        if (w->trouble) find_trouble(&item, p->data, w->trouble);
        p->add(p->state, &item, item.status ? NULL : logits + (size_t)item.row * classes);
    }
}

enum vit_status eval_pass(const struct eval_pass *p, struct eval_seconds *seconds, struct vit_error *err)
{
    struct patch_loader_options loading = { .batch = p->options->batch,
                                            .decode =
                                                cmd_decode(p->options->max_pixels, p->options->no_exif) };
    struct patch_loader *loader = NULL;
    struct work w = { 0 };
    const struct patch_batch *b;
    struct progress bar;
    size_t done = 0;
    enum vit_status status = vit_model_takes_pictures(p->model, err);

    *seconds = (struct eval_seconds){ 0 };
    if (!status)
        status = cmd_sandbox(&loading.decode.sandbox, p->options->sandbox, p->common, 0,
                             p->options->max_pixels, err);
    if (!status) status = work_open(&w, p, err);
    if (status) goto done;
    loading.workers = vit_session_threads(w.session);
    status = patch_loader_create(&loader, p->data, vit_model_recipe(p->model), &loading, err);
    if (status) goto done;
    progress_start(&bar, "pictures", patch_dataset_count(p->data), !p->common->quiet);
    while ((b = patch_loader_next(loader))) {
        progress_clear(&bar);
        add_batch(p, seconds, &w, b);
        progress_update(&bar, done += (size_t)b->count);
    }
    progress_clear(&bar);
    seconds->total = progress_seconds() - bar.start;
done:
    patch_loader_close(loader);
    patch_sandbox_close(loading.decode.sandbox);
    work_close(&w);
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
    if (!isfinite(low) || !isfinite(high)) return json_null();
    return json_pack("[o,o]", out_real(low), out_real(high));
}
