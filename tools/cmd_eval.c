/* vit eval: accuracy with intervals, calibration, per class, over a labelled data set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval.h"
#include "tools/memory.h"
#include "tools/out.h"
#include "vit/json.h"
#include "vit/sink.h"

struct options {
    struct cmd_common common;
    struct eval_options pass; /* right here: the shared rows point to it */
    const char *predictions, *logits;
};
_Static_assert(offsetof(struct options, pass) == sizeof(struct cmd_common),
               "the shared rows point elsewhere");

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "predictions",
      .kind = ARGS_PATH,
      .at = AT(predictions),
      .metavar = "FILE.csv",
      .help = "write file,label,prediction,score of every picture; no prediction where it failed" },
    { .name = "logits",
      .kind = ARGS_PATH,
      .at = AT(logits),
      .metavar = "FILE.safetensors",
      .help =
          "write logits (n, classes), labels (n) and index (n) in the data set, of pictures that did "
          "not fail, with the names of the classes and a digest of the list of pictures; vit compare takes "
          "such files in the place of models" },
    CMD_LABELS_ROW,
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &eval_group, &OWN, &cmd_norm_group, &cmd_common_group,
                                                   NULL };

/* What the files asked for will hold. */
struct record {
    struct memory csv;       /* not open: not wanted */
    struct eval_logits kept; /* the same */
};

static enum vit_status record_open(struct record *r, const struct options *o, size_t room, int classes,
                                   struct vit_error *err)
{
    if (o->predictions) {
        if (!memory_open(&r->csv))
            return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory for it", o->predictions);
        fputs("file,label,prediction,score\n", r->csv.out);
    }
    return o->logits ? eval_logits_open(&r->kept, o->logits, room, classes, err) : VIT_OK;
}

static void record_close(struct record *r)
{
    memory_close(&r->csv);
    free(r->csv.bytes);
    eval_logits_close(&r->kept);
}

/* logits NULL: the picture failed; label -1: so did its record, which tells none. */
static void record_csv(FILE *csv, const struct eval *e, const char *file, int label, const float *logits)
{
    const int classes = vit_model_config(e->model)->classes;
    double sum = 0;
    int best;

    out_csv(csv, file);
    fputc(',', csv);
    out_csv(csv, label < 0 ? "" : e->set.names[label]);
    if (!logits) {
        fputs(",,\n", csv);
        return;
    }
    vit_top(&best, logits, classes, 1);
    for (int i = 0; i < classes; i++) sum += exp((double)logits[i] - (double)logits[best]);
    fputc(',', csv);
    out_csv(csv, e->set.names[best]);
    fprintf(csv, ",%.9g\n", 1 / sum);
}

static void fail_item(struct eval *e, const char *file, const struct vit_error *error)
{
    e->n_failed++;
    if (!e->common->json) cmd_error("%s", error->text);
    vit_json_append(&e->failures, cmd_failure_json(file, error));
}

struct sink {
    struct eval *e;
    struct record r;
};

static void add_item(void *state, const struct patch_item *item, const float *logits)
{
    struct sink *to = state;
    struct eval *e = to->e;
    struct record *r = &to->r;
    const int classes = vit_model_config(e->model)->classes;
    char name[4096];
    const char *file = patch_dataset_name(e->set.data, item->index, name, sizeof name);
    struct vit_error err = item->error;

    if (logits && cmd_check_answer(logits, classes, file, &err)) logits = NULL;
    if (r->csv.out) record_csv(r->csv.out, e, file, item->label, logits);
    if (!logits) {
        fail_item(e, file, &err);
        return;
    }
    e->n++;
    vit_metrics_add(e->metrics, logits, &item->label, 1);
    if (r->kept.logits) eval_logits_add(&r->kept, logits, &item->label, &item->index, 1);
}

/* With what was run in the metadata, so that vit compare can tell. */
static enum vit_status write_logits(const struct eval *e, const char *path, const struct eval_logits *kept,
                                    struct vit_error *err)
{
    json_t *how = json_pack("{s:o}", "model", out_text(e->model_name));

    vit_json_merge(&how, eval_how(e->model, e->flip));
    return eval_logits_write(kept, path, how, eval_pictures(e->set.digest, e->set.names, kept->classes), err);
}

static enum vit_status write_files(const struct eval *e, const struct options *o, struct record *r,
                                   struct vit_error *err)
{
    if (o->predictions) {
        if (!memory_close(&r->csv)) return vit_fail(err, VIT_ERR_NOMEM, "%s: memory ran out", o->predictions);
        if (vit_write_file(o->predictions, r->csv.bytes, r->csv.size, err)) return VIT_ERR_IO;
    }
    return o->logits ? write_logits(e, o->logits, &r->kept, err) : VIT_OK;
}

/* Measure, write the files, print. Returns an exit code. */
static int evaluate(struct eval *e, const struct options *o)
{
    const int classes = vit_model_config(e->model)->classes;
    struct sink to = { .e = e };
    const struct eval_pass pass = { .common = &o->common,
                                    .options = &o->pass,
                                    .model = e->model,
                                    .data = e->set.data,
                                    .add = add_item,
                                    .state = &to };
    struct vit_error err;
    int code = CMD_UNUSABLE;

    if (vit_metrics_create(&e->metrics, classes, &err) ||
        record_open(&to.r, o, patch_dataset_count(e->set.data), classes, &err) ||
        eval_pass(&pass, &e->seconds, &err)) {
        cmd_error("%s", err.text);
        goto done;
    }
    code = e->n_failed ? CMD_SOME_FAILED : CMD_DONE;
    if (o->common.json)
        code = eval_print_json(e) ? code : CMD_SOME_FAILED;
    else
        eval_print_text(e);
    if (write_files(e, o, &to.r, &err)) {
        cmd_error("%s", err.text);
        code = CMD_SOME_FAILED;
    }
done:
    vit_metrics_close(e->metrics);
    record_close(&to.r);
    return code;
}

static int with_data(struct eval *e, const struct options *o, const struct cmd_output *files, int n)
{
    int code = CMD_UNUSABLE;

    e->failures = json_array();
    if (e->failures)
        code = eval_set_open(&e->set, e->model, &o->pass, &o->common);
    else
        cmd_error("cannot allocate a list of failures");
    if (!code) code = cmd_check_listed(files, n, e->set.data);
    if (!code) code = evaluate(e, o);
    json_decref(e->failures);
    eval_set_close(&e->set);
    return code;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct eval e = { .common = &o->common,
                      .path = o->pass.data,
                      .flip = o->pass.flip,
                      .model_name = cmd_model_name(&o->common) };
    const struct cmd_output files[] = {
        { .option = "--predictions", .path = o->predictions, .end = ".csv", .text = true, .beside = true },
        { .option = "--logits", .path = o->logits, .end = ".safetensors", .beside = true },
    };
    const char *const read[] = { o->pass.data, o->common.labels };
    struct vit_model *m;
    int code;

    if (count) return cmd_usage("expected no operands, found \"%s\"", operands[0]);
    if (!o->pass.data) return cmd_usage("--data: expected a data set, found none");
    code = cmd_check_outputs(files, VIT_COUNT(files), o->common.model, VIT_COUNT(read), read);
    if (!code) code = cmd_can_write(o->predictions);
    if (!code) code = cmd_can_write(o->logits);
    if (code) return code;
    code = cmd_open_model(&m, &o->common, 0, false);
    if (code) return code;
    e.model = m;
    code = with_data(&e, o, files, VIT_COUNT(files));
    vit_model_close(m);
    return code;
}

const struct args_verb cmd_eval = {
    .name = "eval",
    .operands = "--data PATH",
    .summary = "Measure accuracy on a labelled data set",
    .details =
        "Top-1 and (of more than five classes) top-5 with 95 % Wilson intervals, mean cross-entropy, "
        "calibration error (15 bins), accuracy per class, confusion matrix, pictures per second by stage. "
        "Classes are matched to the model's labels by name; a model without label names has its classes "
        "taken in the order of the data's, which a warning says. Pictures that cannot be read are listed "
        "and counted; the exit code is then 1.\n\n"
        "With --json one object: model, dataset, dataset_kind, split (held-out too), n, n_failed, matched "
        "(names or order: how classes were matched); how the network was run: norm, final_norm, dtype, size, "
        "flip; top1, top1_ci95, top5, top5_ci95 (both null of five classes or fewer), loss, ece, "
        "images_per_second, stages (decode, preprocess, forward, total), per_class, confusion (rows: "
        "labels), failed. Accuracies are fractions.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
