/* vit logits: tensors in, tensors out, for checking against other programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/grads.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "vit/arena.h"

struct options {
    struct cmd_common common;
    const char *input, *output;
    int batch;
    bool grad, check;
};

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "input",
      .letter = 'i',
      .kind = ARGS_PATH,
      .at = AT(input),
      .metavar = "IN",
      .help = "a .safetensors file with input (n, channels, height, width), already normalised; with --grad "
              "also labels (n)" },
    { .name = "output",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(output),
      .metavar = "OUT",
      .help = "the .safetensors file to write: logits (n, classes); with --grad also loss (1) and "
              "grad.NAME of every tensor of the model's file" },
    { .name = "grad", .kind = ARGS_FLAG, .at = AT(grad), .help = "gradients of the mean cross-entropy" },
    CMD_BATCH_ROW(AT(batch), 65536, "32"),
    CMD_CHECK_ROW(AT(check)),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_norm_group, &cmd_common_group, NULL };

struct batch_of_planes {
    size_t n;
    int channels, size;
    float *planes; /* (n, channels, size, size), owned */
    int *labels;   /* (n), owned; NULL without --grad */
};

/* ---- reading ---- */

static enum vit_status read_planes(struct batch_of_planes *in, const struct weights_file *f,
                                   struct vit_error *err)
{
    const char *path = weights_path(f);
    const struct weights_tensor *t = weights_find(f, "input");
    char shape[128];

    if (!t) return vit_fail(err, VIT_ERR_FORMAT, "%s: no tensor \"input\"", path);
    if (t->rank != 4 || !t->count || t->shape[2] != t->shape[3] || t->shape[2] > 8192)
        return vit_fail(
            err, VIT_ERR_FORMAT,
            "%s: \"input\" must be (n, channels, size, size), at least one picture of at most 8192 "
            "pixels a side, found %s",
            path, weights_shape_text(t, shape, sizeof shape));
    in->n = (size_t)t->shape[0];
    in->channels = (int)(t->shape[1] < 4096 ? t->shape[1] : 4096);
    in->size = (int)t->shape[2];
    in->planes = malloc(t->count * sizeof *in->planes);
    if (!in->planes)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate \"input\", %zu floats", path, t->count);
    return weights_read_f32(t, path, in->planes, err);
}

static enum vit_status read_labels(struct batch_of_planes *in, const struct weights_file *f,
                                   struct vit_error *err)
{
    const char *path = weights_path(f);
    const struct weights_tensor *t = weights_find(f, "labels");
    int64_t *wide;
    char shape[128];
    enum vit_status status;

    if (!t) return vit_fail(err, VIT_ERR_FORMAT, "%s: no tensor \"labels\", which --grad needs", path);
    if (t->rank != 1 || t->count != in->n)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"labels\" must be [%zu] as \"input\" is, found %s", path,
                        in->n, weights_shape_text(t, shape, sizeof shape));
    wide = malloc(in->n * sizeof *wide);
    in->labels = malloc(in->n * sizeof *in->labels);
    if (!wide || !in->labels) {
        free(wide);
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu labels", path, in->n);
    }
    status = weights_read_i64(t, path, wide, err);
    for (size_t i = 0; !status && i < in->n; i++) {
        if (wide[i] < 0 || wide[i] > INT32_MAX)
            status = vit_fail(err, VIT_ERR_FORMAT, "%s: labels[%zu] is %lld, expected a class", path, i,
                              (long long)wide[i]);
        in->labels[i] = (int)wide[i];
    }
    free(wide);
    return status;
}

static enum vit_status read_input(struct batch_of_planes *in, const struct options *o, struct vit_error *err)
{
    struct weights_file *f;
    enum vit_status status = weights_open(&f, o->input, err);

    if (status) return status;
    status = read_planes(in, f, err);
    if (!status && o->grad) status = read_labels(in, f, err);
    weights_close(f);
    return status;
}

static enum vit_status check_input(const struct batch_of_planes *in, const struct vit_config *c,
                                   const char *path, struct vit_error *err)
{
    if (in->channels != c->channels)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"input\" has %d channels, the model expects %d", path,
                        in->channels, c->channels);
    for (size_t i = 0; in->labels && i < in->n; i++)
        if (in->labels[i] >= c->classes)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: labels[%zu] is %d, the model has %d classes", path, i,
                            in->labels[i], c->classes);
    return VIT_OK;
}

/* ---- computing ---- */

/* One batch, with --check: the first picture that goes wrong ends it. */
static enum vit_status forward_checked(struct vit_session *s, const float **out, const struct options *o,
                                       const float *planes, size_t first, int n, struct vit_error *err)
{
    struct vit_trouble *trouble = calloc((size_t)n, sizeof *trouble);
    enum vit_status status = VIT_OK;
    char where[4096];

    if (!trouble) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for --check", o->input);
    *out = vit_forward_watched(s, planes, n, trouble);
    for (int i = 0; !status && i < n; i++) {
        if (!trouble[i].found) continue;
        snprintf(where, sizeof where, "%s: picture %zu", o->input, first + (size_t)i);
        status = cmd_trouble(&trouble[i], where, err);
    }
    free(trouble);
    return status;
}

/* logits (n, classes); grads NULL: none. */
static enum vit_status compute(float *logits, struct grads *grads, struct vit_session *s,
                               const struct vit_model *m, const struct batch_of_planes *in,
                               const struct options *o, struct vit_error *err)
{
    const size_t floats = vit_model_input_floats(m), classes = (size_t)vit_model_config(m)->classes;
    const size_t batch = (size_t)vit_session_batch(s);
    enum vit_status status = o->check ? vit_model_check(m, err) : VIT_OK;
    struct progress bar;

    progress_start(&bar, "pictures", in->n, !o->common.quiet);
    for (size_t at = 0; !status && at < in->n; at += batch) {
        const float *planes = in->planes + at * floats, *result = NULL;
        int n = (int)(in->n - at < batch ? in->n - at : batch);

        if (o->check)
            status = forward_checked(s, &result, o, planes, at, n, err);
        else
            result = vit_forward(s, planes, n);
        if (status) break;
        memcpy(logits + at * classes, result, (size_t)n * classes * sizeof *logits);
        if (grads) grads_add(grads, s, in->labels + at, n, in->n);
        progress_update(&bar, at + (size_t)n);
    }
    progress_clear(&bar);
    return status;
}

static enum vit_status write_output(const struct options *o, const struct vit_model *m, const float *logits,
                                    size_t n, const struct grads *grads, struct vit_error *err)
{
    const float loss = grads ? (float)grads->loss : 0;
    struct grads_tensors t = { 0 };
    struct weights_entry *all;
    enum vit_status status = VIT_OK;

    if (grads) status = grads_export(&t, grads, err);
    if (status) return status;
    all = calloc(t.count + 2, sizeof *all);
    if (all) {
        all[0] = (struct weights_entry){
            "logits", WEIGHTS_F32, 2, { (int64_t)n, vit_model_config(m)->classes }, logits
        };
        all[1] = (struct weights_entry){ "loss", WEIGHTS_F32, 1, { 1 }, &loss };
        if (t.count) memcpy(all + 2, t.entries, t.count * sizeof *all);
        status = weights_write(o->output, all, grads ? t.count + 2 : 1, NULL, 0, err);
    } else {
        status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate a list of its tensors", o->output);
    }
    free(all);
    grads_tensors_free(&t);
    return status;
}

/* With --json. False: stdout is broken. */
static bool print_json(const struct options *o, const struct vit_model *m, size_t n, double loss)
{
    return out_json(json_pack("{s:o,s:o,s:o,s:i,s:i,s:o}", "input", out_text(o->input), "output",
                              out_text(o->output), "n", out_whole(n), "classes", vit_model_config(m)->classes,
                              "size", vit_model_config(m)->image, "loss", out_real(loss)));
}

/* *code is what the program ends with. */
static enum vit_status run_model(const struct options *o, const struct vit_model *m,
                                 const struct batch_of_planes *in, int *code, struct vit_error *err)
{
    const int classes = vit_model_config(m)->classes;
    const struct vit_session_options options = { .batch = in->n < (size_t)o->batch ? (int)in->n : o->batch,
                                                 .threads = cmd_threads(&o->common),
                                                 .training = o->grad };
    struct vit_session *s = NULL;
    struct grads grads = { 0 };
    size_t floats = in->n;
    float *logits = vit_size_mul(&floats, (size_t)classes) ? calloc(floats, sizeof *logits) : NULL;
    enum vit_status status =
        logits ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %zu x %d logits", in->n, classes);

    *code = CMD_UNUSABLE;
    if (!status) status = check_input(in, vit_model_config(m), o->input, err);
    if (!status) status = vit_session_create(&s, m, &options, err);
    if (!status && o->grad) status = grads_create(&grads, m, err);
    if (!status) status = compute(logits, o->grad ? &grads : NULL, s, m, in, o, err);
    if (!status) {
        *code = CMD_SOME_FAILED; /* model and tensors are all right */
        status = write_output(o, m, logits, in->n, o->grad ? &grads : NULL, err);
    }
    if (!status && (!o->common.json || print_json(o, m, in->n, o->grad ? grads.loss : NAN))) *code = CMD_DONE;
    grads_free(&grads);
    vit_session_close(s);
    free(logits);
    return status;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    const struct cmd_output file = {
        .option = "--output", .path = o->output, .end = ".safetensors", .beside = o->common.json
    };
    struct batch_of_planes in = { 0 };
    struct vit_model *m = NULL;
    struct vit_error err;
    int code;

    if (count) return cmd_usage("expected no operands, found \"%s\"", operands[0]);
    if (!o->input || !o->output)
        return cmd_usage("--%s: expected a file, found none", o->input ? "output" : "input");
    code = cmd_check_outputs(&file, 1, o->common.model, 1, &o->input);
    if (!code) code = o->grad ? cmd_check_trainable(&o->common) : cmd_check(&o->common);
    if (!code) code = cmd_can_write(o->output);
    if (code) return code;
    if (read_input(&in, o, &err)) {
        code = cmd_unusable(&err);
    } else if (o->common.size && o->common.size != in.size) {
        code =
            cmd_usage("--size %d: %s holds pictures of %d pixels a side", o->common.size, o->input, in.size);
    } else if ((code = cmd_open_model(&m, &o->common, in.size, o->grad)) == CMD_DONE) {
        if (run_model(o, m, &in, &code, &err)) cmd_error("%s", err.text);
    }
    vit_model_close(m);
    free(in.planes);
    free(in.labels);
    return code;
}

const struct args_verb cmd_logits = {
    .name = "logits",
    .operands = "-i IN.safetensors -o OUT.safetensors",
    .summary = "Run tensors through the model, for parity checks",
    .details = "Other tensors of IN are ignored. When the pictures have another size than the model's, its "
               "positions are resized as the family of the checkpoint does.\n\n"
               "With --json one object: input, output, n, classes, size, loss (null without --grad).",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
