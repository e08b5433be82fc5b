/* vit eval: accuracy with intervals, calibration, per class, over a labelled data set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "vit/arena.h"
#include "vit/json.h"

struct options {
    struct cmd_common common;
    const char *data, *split, *predictions, *logits;
    uint64_t limit;
    int batch;
    bool no_exif;
    uint64_t max_pixels;
    bool check;
};

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "data",
      .letter = 'd',
      .kind = ARGS_PATH,
      .at = AT(data),
      .metavar = "PATH",
      .help = "a folder of CIFAR-10 or CIFAR-100 binary files, a folder with one folder per class (perhaps "
              "in train, val, test), or a CSV of file,label" },
    { .name = "split",
      .kind = ARGS_CHOICE,
      .at = AT(split),
      .choice = cmd_split_word,
      .initial = "test",
      .metavar = "SPLIT",
      .help = "part of the data set" },
    { .name = "limit",
      .kind = ARGS_COUNT,
      .at = AT(limit),
      .low = 1,
      .high = 0x1p63,
      .metavar = "N",
      .otherwise = "all",
      .help = "pictures, equally many of each class, the same every time" },
    { .name = "batch",
      .letter = 'b',
      .kind = ARGS_INT,
      .at = AT(batch),
      .low = 1,
      .high = 4096,
      .initial = "32",
      .metavar = "N",
      .help = "pictures computed together" },
    { .name = "no-exif",
      .kind = ARGS_FLAG,
      .at = AT(no_exif),
      .help = "do not turn pictures as their EXIF orientation says (timm and torchvision do not)" },
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_CHECK_ROW(AT(check)),
    { .name = "predictions",
      .kind = ARGS_PATH,
      .at = AT(predictions),
      .metavar = "FILE.csv",
      .help = "write file,label,prediction,score of every picture; no prediction where it failed" },
    { .name = "logits",
      .kind = ARGS_PATH,
      .at = AT(logits),
      .metavar = "FILE.safetensors",
      .help = "write logits (n, classes), labels (n) and index (n) in the data set, of pictures that did "
              "not fail" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_norm_group, &cmd_common_group, NULL };

/* What the files asked for will hold. */
struct record {
    FILE *csv; /* NULL: not wanted */
    char *csv_bytes;
    size_t csv_size;
    bool wanted;             /* the arrays below */
    float *logits;           /* (room, classes) */
    int64_t *labels, *index; /* (room) */
    size_t count;
};

static enum vit_status record_open(struct record *r, const struct options *o, size_t room, int classes,
                                   struct vit_error *err)
{
    size_t floats = room;

    if (o->predictions) {
        r->csv = open_memstream(&r->csv_bytes, &r->csv_size);
        if (!r->csv) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory for it", o->predictions);
        fputs("file,label,prediction,score\n", r->csv);
    }
    r->wanted = o->logits != NULL;
    if (!r->wanted) return VIT_OK;
    if (vit_size_mul(&floats, (size_t)classes)) r->logits = calloc(floats, sizeof *r->logits);
    r->labels = calloc(room, sizeof *r->labels);
    r->index = calloc(room, sizeof *r->index);
    if (!r->logits || !r->labels || !r->index)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu rows of %d logits", o->logits, room,
                        classes);
    return VIT_OK;
}

static void record_close(struct record *r)
{
    if (r->csv) fclose(r->csv);
    free(r->csv_bytes);
    free(r->logits);
    free(r->labels);
    free(r->index);
}

/* RFC 4180: quoted when it holds a comma, a quote or a line end; quotes doubled. */
static void csv_field(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* logits NULL: the picture failed. */
static void record_csv(FILE *csv, const struct eval *e, const char *file, int label, const float *logits)
{
    const int classes = vit_model_config(e->model)->classes;
    double sum = 0;
    int best;

    csv_field(csv, file);
    fputc(',', csv);
    csv_field(csv, e->names[label]);
    if (!logits) {
        fputs(",,\n", csv);
        return;
    }
    vit_top(&best, logits, classes, 1);
    for (int i = 0; i < classes; i++) sum += exp((double)logits[i] - (double)logits[best]);
    fputc(',', csv);
    csv_field(csv, e->names[best]);
    fprintf(csv, ",%.9g\n", 1 / sum);
}

static void add_item(struct eval *e, struct record *r, const struct patch_item *item, const float *logits)
{
    const int classes = vit_model_config(e->model)->classes;
    const float *row = item->status ? NULL : logits + (size_t)item->row * classes;
    char name[4096];
    const char *file = patch_dataset_name(e->data, item->index, name, sizeof name);

    e->seconds.decode += item->decode_seconds;
    e->seconds.prepare += item->prepare_seconds;
    if (r->csv) record_csv(r->csv, e, file, item->label, row);
    if (!row) {
        e->n_failed++;
        if (!e->common->json) cmd_error("%s", item->error.text);
        vit_json_append(&e->failures, json_pack("{s:o,s:o}", "file", out_text(file), "error",
                                                cmd_error_json(&item->error)));
        return;
    }
    e->n++;
    if (!r->wanted) return;
    memcpy(r->logits + r->count * (size_t)classes, row, (size_t)classes * sizeof *row);
    r->labels[r->count] = item->label;
    r->index[r->count++] = (int64_t)item->index;
}

/* A picture whose numbers went wrong has failed, as one that cannot be read. */
static void add_checked(struct eval *e, struct vit_metrics *metrics, struct record *r,
                        const struct patch_item *item, const float *logits, const struct vit_trouble *trouble)
{
    const int classes = vit_model_config(e->model)->classes;
    struct patch_item bad = *item;
    char name[4096];

    if (!item->status && trouble[item->row].found)
        bad.status = cmd_trouble(&trouble[item->row],
                                 patch_dataset_name(e->data, item->index, name, sizeof name), &bad.error);
    else if (!item->status)
        vit_metrics_add(metrics, logits + (size_t)item->row * classes, &item->label, 1);
    add_item(e, r, &bad, logits);
}

static void add_batch(struct eval *e, struct vit_metrics *metrics, struct record *r, struct vit_session *s,
                      const struct patch_batch *b, struct vit_trouble *trouble)
{
    const float *logits = NULL;

    if (b->rows) {
        double start = progress_seconds();
        logits = trouble ? vit_forward_watched(s, b->planes, b->rows, trouble)
                         : vit_forward(s, b->planes, b->rows);
        e->seconds.forward += progress_seconds() - start;
        if (!trouble) vit_metrics_add(metrics, logits, b->labels, b->rows);
    }
    for (int i = 0; i < b->count; i++) {
        if (trouble)
            add_checked(e, metrics, r, &b->items[i], logits, trouble);
        else
            add_item(e, r, &b->items[i], logits);
    }
}

/* Every picture through loader and model. */
static enum vit_status measure(struct eval *e, struct vit_metrics *metrics, struct record *r,
                               const struct options *o, struct vit_error *err)
{
    const struct vit_session_options session = { .batch = o->batch, .threads = cmd_threads(&o->common) };
    struct patch_loader_options loading = {
        .batch = o->batch, .decode = { .ignore_exif = o->no_exif, .max_pixels = (size_t)o->max_pixels }
    };
    struct patch_loader *loader = NULL;
    struct vit_session *s = NULL;
    const struct patch_batch *b;
    struct progress bar;
    struct vit_trouble *trouble = NULL;
    enum vit_status status = VIT_OK;

    if (o->check) {
        trouble = calloc((size_t)o->batch, sizeof *trouble);
        status =
            trouble ? vit_model_check(e->model, err) : vit_fail(err, VIT_ERR_NOMEM, "no memory for --check");
    }
    if (!status) status = vit_session_create(&s, e->model, &session, err);
    if (status) goto done;
    loading.workers = vit_session_threads(s);
    status = patch_loader_create(&loader, e->data, vit_model_recipe(e->model), &loading, err);
    if (status) goto done;
    progress_start(&bar, "pictures", patch_dataset_count(e->data), !o->common.quiet);
    while ((b = patch_loader_next(loader))) {
        progress_clear(&bar);
        add_batch(e, metrics, r, s, b, trouble);
        progress_update(&bar, e->n + e->n_failed);
    }
    progress_clear(&bar);
    e->seconds.total = progress_seconds() - bar.start;
done:
    patch_loader_close(loader);
    vit_session_close(s);
    free(trouble);
    return status;
}

/* Labels in the model's order, by name; a model without names can only trust the order of the data. */
static enum vit_status match_labels(struct eval *e, struct patch_dataset *d, const char **names,
                                    struct vit_error *err)
{
    const int classes = vit_model_config(e->model)->classes, found = patch_dataset_classes(d);

    e->names = vit_model_labels(e->model);
    if (vit_model_has_labels(e->model)) return patch_dataset_match(d, e->names, classes, err);
    if (found != classes)
        return vit_fail(err, VIT_ERR_ARG,
                        "%s: the model has no label names and %d classes, the data set has %d",
                        vit_model_path(e->model), classes, found);
    for (int i = 0; i < classes; i++) names[i] = patch_dataset_class(d, i);
    e->names = names;
    cmd_warn(e->common, "%s has no label names: its classes are taken in the order of %s",
             vit_model_path(e->model), e->path);
    return VIT_OK;
}

static enum vit_status write_files(const struct eval *e, const struct options *o, struct record *r,
                                   struct vit_error *err)
{
    const int classes = vit_model_config(e->model)->classes;
    const int64_t n = (int64_t)r->count;
    const struct weights_entry entries[] = {
        { "logits", WEIGHTS_F32, 2, { n, classes }, r->logits },
        { "labels", WEIGHTS_I64, 1, { n }, r->labels },
        { "index", WEIGHTS_I64, 1, { n }, r->index },
    };

    if (r->csv) {
        bool whole = fclose(r->csv) == 0;
        r->csv = NULL;
        if (!whole) return vit_fail(err, VIT_ERR_NOMEM, "%s: memory ran out", o->predictions);
        if (weights_write_bytes(o->predictions, r->csv_bytes, r->csv_size, err)) return VIT_ERR_IO;
    }
    return r->wanted ? weights_write(o->logits, entries, VIT_COUNT(entries), NULL, 0, err) : VIT_OK;
}

/* Measure, write the files, print. Returns an exit code. */
static int evaluate(struct eval *e, const struct options *o)
{
    const int classes = vit_model_config(e->model)->classes;
    struct vit_metrics *metrics = NULL;
    struct record r = { 0 };
    struct vit_error err;
    int code = CMD_UNUSABLE;

    if (vit_metrics_create(&metrics, classes, &err) ||
        record_open(&r, o, patch_dataset_count(e->data), classes, &err) || measure(e, metrics, &r, o, &err)) {
        cmd_error("%s", err.text);
        goto done;
    }
    e->metrics = metrics;
    code = e->n_failed ? CMD_SOME_FAILED : CMD_DONE;
    if (o->common.json)
        code = eval_print_json(e) ? code : CMD_SOME_FAILED;
    else
        eval_print_text(e);
    if (write_files(e, o, &r, &err)) {
        cmd_error("%s", err.text);
        code = CMD_SOME_FAILED;
    }
done:
    vit_metrics_close(metrics);
    record_close(&r);
    return code;
}

static int with_data(struct eval *e, const struct options *o)
{
    struct patch_dataset *d = NULL;
    const char **names = calloc((size_t)vit_model_config(e->model)->classes, sizeof *names);
    struct vit_error err = { .text = "cannot allocate the names of the classes" };
    enum patch_split split = (enum patch_split)patch_split_from_name(o->split);
    int code = CMD_UNUSABLE;

    e->failures = json_array();
    if (!names || !e->failures || patch_dataset_open(&d, o->data, split, &err) ||
        match_labels(e, d, names, &err) || (o->limit && patch_dataset_limit(d, (size_t)o->limit, &err))) {
        cmd_error("%s", err.text);
    } else {
        e->data = d;
        code = evaluate(e, o);
    }
    json_decref(e->failures);
    patch_dataset_close(d);
    free(names);
    return code;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct eval e = {
        .common = &o->common, .path = o->data, .split = o->split, .model_name = cmd_model_name(&o->common)
    };
    struct vit_model *m;
    int code;

    if (count) return cmd_usage(&cmd_eval, "expected no operands, found \"%s\"", operands[0]);
    if (!o->data) return cmd_usage(&cmd_eval, "--data: expected a data set, found none");
    code = cmd_open_model(&m, &o->common, 0, false);
    if (code) return code;
    e.model = m;
    code = with_data(&e, o);
    vit_model_close(m);
    return code;
}

const struct args_verb cmd_eval = {
    .name = "eval",
    .operands = "--data PATH",
    .summary = "Measure accuracy on a labelled data set",
    .details =
        "Top-1 and top-5 with 95 % Wilson intervals, mean cross-entropy, calibration error (15 bins), "
        "accuracy per class, confusion matrix, pictures per second by stage. Classes are matched to the "
        "model's labels by name. Pictures that cannot be read are listed and counted; the exit code is "
        "then 1.\n\n"
        "With --json one object: model, dataset, dataset_kind, split, n, n_failed, top1, top1_ci95, top5, "
        "top5_ci95, loss, ece, images_per_second, stages, per_class, confusion (rows: labels), failed. "
        "Accuracies are fractions.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
