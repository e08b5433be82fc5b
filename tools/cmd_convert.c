/* vit convert: any model as one self-contained file of ours. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cmd.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/tree.h"
#include "vit/json.h"
#include "vit/model.h"
#include "vit/train.h"

struct options {
    struct cmd_common common;
    const char *data, *split;
    uint64_t limit;
    bool force;
};

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "force",
      .letter = 'f',
      .kind = ARGS_FLAG,
      .at = AT(force),
      .help = "replace OUT if it exists" },
    { .name = "data",
      .letter = 'd',
      .kind = ARGS_PATH,
      .at = AT(data),
      .metavar = "PATH",
      .help = "a labelled data set, as vit eval takes it: compare the answers of the two files" },
    CMD_SPLIT_ROW(AT(split)),
    { .name = "limit",
      .kind = ARGS_COUNT,
      .at = AT(limit),
      .low = 1,
      .high = 0x1p63,
      .metavar = "N",
      .otherwise = "all",
      .help = "pictures, equally many of each class" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_common_group, NULL };

enum { BATCH = 32, SIDES = 2 };

/* The two files, before and after. */
struct comparison {
    const struct options *options;
    struct vit_model *model[SIDES];
    struct vit_session *session[SIDES];
    struct patch_dataset *data; /* NULL: nothing to compare with */
    size_t n, n_failed, correct[SIDES], agree;
    double largest;    /* |difference| of two logits */
    double most_logit; /* |logit| before */
};

/* ---- comparing ---- */

static void add_rows(struct comparison *c, const struct patch_batch *b)
{
    const int classes = vit_model_config(c->model[0])->classes;
    const float *logits[SIDES];

    for (int i = 0; i < SIDES; i++) logits[i] = vit_forward(c->session[i], b->planes, b->rows);
    for (int r = 0; r < b->rows; r++) {
        int best[SIDES];
        for (int i = 0; i < SIDES; i++) {
            vit_top(&best[i], logits[i] + (size_t)r * classes, classes, 1);
            c->correct[i] += best[i] == b->labels[r];
        }
        c->agree += best[0] == best[1];
    }
    for (size_t k = 0; k < (size_t)b->rows * classes; k++) {
        c->largest = fmax(c->largest, fabs((double)logits[0][k] - (double)logits[1][k]));
        c->most_logit = fmax(c->most_logit, fabs((double)logits[0][k]));
    }
    c->n += (size_t)b->rows;
}

static void say_failed(struct comparison *c, const struct patch_batch *b)
{
    for (int i = 0; i < b->count; i++) {
        if (!b->items[i].status) continue;
        c->n_failed++;
        cmd_error("%s", b->items[i].error.text);
    }
}

static enum vit_status run_pictures(struct comparison *c, struct vit_error *err)
{
    struct patch_loader_options loading = { .batch = BATCH, .workers = vit_session_threads(c->session[0]) };
    struct patch_loader *loader;
    const struct patch_batch *b;
    struct progress bar;
    enum vit_status status =
        patch_loader_create(&loader, c->data, vit_model_recipe(c->model[0]), &loading, err);

    if (status) return status;
    progress_start(&bar, "pictures", patch_dataset_count(c->data), !c->options->common.quiet);
    while ((b = patch_loader_next(loader))) {
        progress_clear(&bar);
        say_failed(c, b);
        if (b->rows) add_rows(c, b);
        progress_update(&bar, c->n + c->n_failed);
    }
    progress_clear(&bar);
    patch_loader_close(loader);
    return VIT_OK;
}

/* Labels in the model's order; without names of its own, in the order of the data. */
static enum vit_status match(const struct comparison *c, struct patch_dataset *d, struct vit_error *err)
{
    const struct vit_model *m = c->model[0];
    const int classes = vit_model_config(m)->classes, found = patch_dataset_classes(d);

    if (vit_model_takes_pictures(m, err)) return VIT_ERR_UNSUPPORTED;
    if (vit_model_has_labels(m)) return patch_dataset_match(d, vit_model_labels(m), classes, err);
    if (found == classes) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s: the model has no label names and %d classes, the data set has %d",
                    vit_model_path(m), classes, found);
}

/* Before anything is written. */
static enum vit_status open_data(struct comparison *c, struct vit_error *err)
{
    const struct options *o = c->options;
    const enum patch_split split = (enum patch_split)patch_split_from_name(o->split);
    enum vit_status status = patch_dataset_open(&c->data, o->data, split, err);

    if (!status) status = match(c, c->data, err);
    if (!status && o->limit) status = patch_dataset_limit(c->data, (size_t)o->limit, err);
    return status;
}

/* Open the new file, to compute in the numbers it holds, and show both the data set. */
static enum vit_status compare(struct comparison *c, const char *path, struct vit_error *err)
{
    const struct cmd_common *o = &c->options->common;
    const struct vit_model_options how = { .kernels = o->kernels, .dtype = cmd_dtype(o) };
    const struct vit_session_options session = { .batch = BATCH, .threads = cmd_threads(o) };
    enum vit_status status = vit_model_open(&c->model[1], path, &how, err);

    for (int i = 0; !status && i < SIDES; i++)
        status = vit_session_create(&c->session[i], c->model[i], &session, err);
    return status ? status : run_pictures(c, err);
}

/* ---- reporting ---- */

static json_t *file_size(const char *path)
{
    struct stat s;

    return stat(path, &s) || !S_ISREG(s.st_mode) ? json_null() : json_integer((json_int_t)s.st_size);
}

static json_t *share(size_t part, size_t whole)
{
    return whole ? out_real((double)part / (double)whole) : json_null();
}

static json_t *describe(const struct comparison *c, const char *path)
{
    const struct vit_model *m = c->model[0];
    const char *source = m->file ? weights_path(m->file) : vit_model_path(m);
    json_t *all =
        json_pack("{s:o,s:o,s:s,s:I,s:o,s:o}", "input", out_text(source), "output", out_text(path), "dtype",
                  c->options->common.dtype, "parameters", (json_int_t)vit_model_parameters(m), "bytes_before",
                  file_size(source), "bytes_after", file_size(path));

    if (!all || !c->data) return all;
    vit_json_put(&all, "n", json_integer((json_int_t)c->n));
    vit_json_put(&all, "n_failed", json_integer((json_int_t)c->n_failed));
    vit_json_put(&all, "top1_before", share(c->correct[0], c->n));
    vit_json_put(&all, "top1_after", share(c->correct[1], c->n));
    vit_json_put(&all, "agreement", share(c->agree, c->n));
    vit_json_put(&all, "largest_logit_difference", c->n ? out_real(c->largest) : json_null());
    vit_json_put(&all, "relative_logit_difference",
                 c->most_logit > 0 ? out_real(c->largest / c->most_logit) : json_null());
    return all;
}

static int report(const struct comparison *c, const char *path)
{
    json_t *all = describe(c, path);
    const int code = c->n_failed ? CMD_SOME_FAILED : CMD_DONE;

    if (c->options->common.json || !all) return out_json(all) ? code : CMD_SOME_FAILED;
    tree_print(all);
    json_decref(all);
    return code;
}

/* ---- the verb ---- */

/* Before any work: what exists is not replaced unasked. */
static enum vit_status check_output(const char *path, bool force, struct vit_error *err)
{
    struct stat s;

    if (stat(path, &s)) return VIT_OK; /* what else may be wrong with it shows when it is written */
    if (S_ISDIR(s.st_mode))
        return vit_fail(err, VIT_ERR_ARG, "%s: expected a file to write, found a folder", path);
    if (force) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s: exists; --force replaces it", path);
}

static int convert(struct comparison *c, const char *path)
{
    const struct options *o = c->options;
    static const enum weights_dtype STORED[KERN_DTYPES] = {
        [KERN_F32] = WEIGHTS_F32, [KERN_BF16] = WEIGHTS_BF16, [KERN_I8] = WEIGHTS_I8
    };
    struct vit_error err;
    int code = CMD_DONE;

    if (o->data && open_data(c, &err))
        code = CMD_UNUSABLE;
    else if (vit_model_save(c->model[0], path, STORED[cmd_dtype(&o->common)], &err))
        code = CMD_SOME_FAILED;
    else if (o->data && compare(c, path, &err))
        code = CMD_UNUSABLE;
    if (!code) return report(c, path);
    cmd_error("%s", err.text);
    return code;
}

static int check_line(const struct options *o, int count, char **operands)
{
    struct vit_error err;

    if (o->common.model)
        return cmd_usage(&cmd_convert, "--model: expected the model as the first operand, found \"%s\" here",
                         o->common.model);
    if (count != 2)
        return cmd_usage(&cmd_convert, "expected a model and a file to write, found %d operands", count);
    if (check_output(operands[1], o->force, &err)) return cmd_usage(&cmd_convert, "%s", err.text);
    return CMD_DONE;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct comparison c = { .options = o };
    struct cmd_common open = o->common; /* the original computes in f32, whatever is written */
    int code = check_line(o, count, operands);

    if (code) return code;
    open.model = operands[0];
    open.dtype = "f32";
    code = cmd_open_model(&c.model[0], &open, 0, false);
    if (!code) code = convert(&c, operands[1]);
    patch_dataset_close(c.data);
    for (int i = 0; i < SIDES; i++) {
        vit_session_close(c.session[i]);
        vit_model_close(c.model[i]);
    }
    return code;
}

const struct args_verb cmd_convert = {
    .name = "convert",
    .operands = "IN OUT",
    .summary = "Write any model as one self-contained safetensors file",
    .details =
        "IN is whatever -m takes elsewhere; OUT holds the weights under timm's names, and the configuration, "
        "labels and recipe as metadata, so that the one file is enough. --dtype bf16 halves it (rounded to "
        "nearest). --dtype int8 keeps the matrices of the blocks as integers of 8 bits with a scale for each "
        "output, "
        "a quarter of their size; every verb reads such a file, and computes in integers with --dtype int8. "
        "Names and layouts of other families become timm's, positions of --size another size are "
        "resized, and the running statistics of batch norms are kept as they are. With --data the two are "
        "compared, the original computing in f32 and OUT in the TYPE of --dtype: accuracy before and after, "
        "share "
        "of equal answers, largest difference of a logit and what that is of the largest logit.\n\n"
        "With --json one object: input, output, dtype, parameters, bytes_before, bytes_after, and with "
        "--data n, n_failed, top1_before, top1_after, agreement, largest_logit_difference, "
        "relative_logit_difference.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
