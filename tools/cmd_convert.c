/* vit convert: any model as one self-contained file of ours, or as a folder of another framework. */
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/convert.h"
#include "tools/out.h"
#include "tools/tree.h"
#include "vit/json.h"
#include "vit/model.h"
#include "vit/train.h"

static const char *names_word(int i)
{
    const enum weights_family family = vit_export_family(i);

    return family < WEIGHTS_FAMILIES ? weights_family_name(family) : NULL;
}

#define AT(field) offsetof(struct convert_options, field)
static const struct args_option ROWS[] = {
    { .name = "force",
      .letter = 'f',
      .kind = ARGS_FLAG,
      .at = AT(force),
      .help = "replace OUT if it exists" },
    { .name = "names",
      .kind = ARGS_CHOICE,
      .at = AT(names),
      .choice = names_word,
      .metavar = "FAMILY",
      .otherwise = "one file of ours",
      .help = "make OUT a folder that another framework loads: its tensors' names, config.json, and what it "
              "has for preprocessing" },
    CMD_LABELS_ROW,
    { .name = "average",
      .kind = ARGS_TEXT,
      .at = AT(average),
      .metavar = "MODEL[+MODEL]",
      .help = "write the mean of the weights of IN and of these networks, which are of its configuration" },
    { .name = "packed",
      .kind = ARGS_FLAG,
      .at = AT(packed),
      .help = "lay the matrices out for --kernels and --dtype, so that the file is used where it lies" },
    { .name = "data",
      .letter = 'd',
      .kind = ARGS_PATH,
      .at = AT(data),
      .metavar = "PATH",
      .help = "a labelled data set, as vit eval takes it: compare the answers of the two files" },
    CMD_SPLIT_ROW(AT(split)),
    CMD_LIMIT_ROW(AT(limit), 0x1p63, .otherwise = "all"),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    { .name = "calibrate",
      .kind = ARGS_PATH,
      .at = AT(calibrate),
      .metavar = "PATH",
      .help = "int8: fix the scales of activations from the pictures of a folder or data set (its training "
              "split), instead of finding them row by row in every forward; without --data the answers of "
              "the two files are compared on these" },
    { .name = "calibrate-limit",
      .kind = ARGS_COUNT,
      .at = AT(calibrate_limit),
      .low = 1,
      .high = 0x1p63,
      .otherwise = CMD_TEXT(CONVERT_CALIBRATE),
      .metavar = "N",
      .help = "pictures to calibrate with, equally many of each class" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_modelless_group, NULL };

/* ---- reporting ---- */

/* Bytes of a file, or of the weights in a folder; -1: not known. */
static int64_t file_size(const char *path)
{
    char inside[4096];
    struct stat s;

    if (stat(path, &s)) return -1;
    if (S_ISDIR(s.st_mode)) {
        const int n = snprintf(inside, sizeof inside, "%s/model.safetensors", path);
        if (n >= (int)sizeof inside || stat(inside, &s)) return -1;
    }
    return S_ISREG(s.st_mode) ? (int64_t)s.st_size : -1;
}

static json_t *bytes(int64_t size)
{
    return size < 0 ? json_null() : json_integer((json_int_t)size);
}

/* Of the original: the file that was opened, where the model is one in a folder. */
static const char *source_of(const struct convert_comparison *c)
{
    const struct vit_model *m = c->model[CONVERT_BEFORE];

    return m->file ? weights_path(m->file) : vit_model_path(m);
}

static json_t *share(size_t part, size_t whole)
{
    return whole ? out_real((double)part / (double)whole) : json_null();
}

/* The answers of a side beside the original's. */
static void describe_side(json_t **to, const struct convert_comparison *c, enum convert_side side,
                          const char *top1)
{
    if (patch_dataset_classes(c->data)) vit_json_put(to, top1, share(c->correct[side], c->n));
    vit_json_put(to, "agreement", share(c->agree[side], c->n));
    vit_json_put(to, "largest_logit_difference", c->n ? out_real(c->largest[side]) : json_null());
    vit_json_put(to, "relative_logit_difference",
                 c->most_logit > 0 ? out_real(c->largest[side] / c->most_logit) : json_null());
}

static json_t *describe(const struct convert_comparison *c, const char *path)
{
    const struct vit_model *m = c->model[CONVERT_BEFORE];
    json_t *all =
        json_pack("{s:o,s:o,s:s,s:I,s:o,s:o}", "input", out_text(source_of(c)), "output", out_text(path),
                  "dtype", c->options->common.dtype, "parameters", (json_int_t)vit_model_parameters(m),
                  "bytes_before", bytes(c->bytes_before), "bytes_after", bytes(file_size(path)));

    if (all && c->averaged) vit_json_put(&all, "averaged", json_integer(c->averaged));
    if (all && c->calibrated) vit_json_put(&all, "calibrated_on", json_integer((json_int_t)c->calibrated));
    if (!all || !c->data) return all;
    vit_json_put(&all, "compared_on", out_text(c->options->data ? c->options->data : c->options->calibrate));
    vit_json_put(&all, "n", json_integer((json_int_t)c->n));
    vit_json_put(&all, "n_failed", json_integer((json_int_t)c->n_failed));
    if (patch_dataset_classes(c->data))
        vit_json_put(&all, "top1_before", share(c->correct[CONVERT_BEFORE], c->n));
    describe_side(&all, c, CONVERT_AFTER, "top1_after");
    if (c->model[CONVERT_ROW_SCALES]) {
        json_t *rows = json_object();
        describe_side(&rows, c, CONVERT_ROW_SCALES, "top1");
        vit_json_put(&all, "row_scales", rows);
    }
    return all;
}

static int report(const struct convert_comparison *c, const char *path)
{
    json_t *all = describe(c, path);
    const int code = c->n_failed || c->uncalibrated ? CMD_SOME_FAILED : CMD_DONE;

    if (c->options->common.json || !all) return out_json(all) ? code : CMD_SOME_FAILED;
    tree_print(all);
    json_decref(all);
    return code;
}

/* ---- the verb ---- */

/* Before any work: what exists is not replaced unasked. */
static enum vit_status check_output(const char *path, const struct convert_options *o, struct vit_error *err)
{
    struct stat s;

    if (stat(path, &s)) return VIT_OK; /* what else may be wrong with it shows when it is written */
    if (S_ISDIR(s.st_mode) && !o->names)
        return vit_fail(err, VIT_ERR_ARG, "%s: expected a file to write, found a folder", path);
    if (!S_ISDIR(s.st_mode) && o->names)
        return vit_fail(err, VIT_ERR_ARG, "%s: expected a folder to write, found a file", path);
    if (o->force) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s: exists; --force replaces it", path);
}

static enum vit_status save_folder(const struct convert_comparison *c, const char *path,
                                   enum weights_family family, struct vit_error *err)
{
    const struct vit_model *m = c->model[CONVERT_BEFORE];
    const struct cmd_common *o = &c->options->common;
    const char *difference = vit_export_difference(m, family);
    enum vit_status status = vit_model_export(m, path, family, vit_stored_dtype(cmd_dtype(o)), err);

    if (!status && difference) cmd_warn(o, "%s: %s", path, difference);
    return status;
}

static enum vit_status save(const struct convert_comparison *c, const char *path, struct vit_error *err)
{
    const struct convert_options *o = c->options;
    const enum kern_dtype dtype = cmd_dtype(&o->common);
    enum weights_family family;

    for (int i = 0; o->names && (family = vit_export_family(i)) < WEIGHTS_FAMILIES; i++)
        if (!strcmp(o->names, weights_family_name(family))) return save_folder(c, path, family, err);
    return o->packed ? vit_model_save_packed(c->model[CONVERT_BEFORE], path, dtype, o->common.kernels, err)
                     : vit_model_save(c->model[CONVERT_BEFORE], path, vit_stored_dtype(dtype), err);
}

/* What answers are compared on, or scales taken from, which OUT is no file of. */
static int open_data(struct convert_comparison *c, const char *path)
{
    const struct cmd_output out = { .option = "OUT", .path = path };
    struct vit_error err;
    int code = CMD_DONE;

    if ((c->options->data && convert_open_data(c, &err)) ||
        (c->options->calibrate && convert_open_pictures(c, &err)))
        return cmd_unusable(&err);
    if (c->data) code = cmd_check_listed(&out, 1, c->data);
    return c->pictures && !code ? cmd_check_listed(&out, 1, c->pictures) : code;
}

static int convert(struct convert_comparison *c, const char *path)
{
    const struct convert_options *o = c->options;
    struct vit_error err;
    int code = CMD_DONE;

    c->bytes_before = file_size(source_of(c));
    if (o->calibrate && convert_calibrate(c, &err))
        code = CMD_UNUSABLE;
    else if (save(c, path, &err))
        code = err.status == VIT_ERR_ARG           ? CMD_USAGE
               : err.status == VIT_ERR_UNSUPPORTED ? CMD_UNUSABLE
                                                   : CMD_SOME_FAILED;
    else if (c->data && convert_compare(c, path, &err))
        code = CMD_UNUSABLE;
    if (!code && !c->data && cmd_dtype(&o->common) != KERN_F32)
        cmd_warn(&o->common, "what %s costs in accuracy was not measured; --data PATH compares the answers",
                 o->common.dtype);
    if (!code) return report(c, path);
    cmd_error("%s", err.text);
    return code;
}

static int check_line(const struct convert_options *o, int count, char **operands)
{
    /* IN may be OUT: --force is what asks for that. */
    const char *const read[] = { o->data, o->calibrate, o->common.labels };
    struct cmd_output out = { .option = "OUT", .end = o->names ? NULL : ".safetensors", .beside = true };
    struct vit_error err;
    int code;

    if (count != 2) return cmd_usage("expected a model and a file to write, found %d operands", count);
    if (o->calibrate && cmd_dtype(&o->common) != KERN_I8)
        return cmd_usage("--calibrate: is for --dtype int8, found %s", o->common.dtype);
    if (o->limit && !o->data) return cmd_usage("--limit: expected --data, whose pictures it counts");
    if (o->split && !o->data) return cmd_usage("--split: expected --data, whose part it names");
    if (o->max_pixels != PATCH_MAX_PIXELS && !o->data && !o->calibrate)
        return cmd_usage("--max-pixels: expected --data or --calibrate, whose pictures it is for");
    if (o->calibrate_limit && !o->calibrate)
        return cmd_usage("--calibrate-limit: expected --calibrate, whose pictures it counts");
    if (o->names && (o->packed || cmd_dtype(&o->common) == KERN_I8))
        return cmd_usage("--names: other frameworks read f32 and bf16, found %s",
                         o->packed ? "--packed" : "--dtype int8");
    out.path = operands[1];
    code = cmd_check_outputs(&out, 1, NULL, VIT_COUNT(read), read);
    if (code) return code;
    if (check_output(out.path, o, &err)) return cmd_usage("%s", err.text);
    return o->names ? CMD_DONE : cmd_can_write(out.path);
}

static int run(const void *options, int count, char **operands)
{
    const struct convert_options *o = options;
    struct convert_comparison c = { .options = o };
    struct cmd_common open = o->common; /* the original computes in f32, whatever is written */
    struct vit_error err;
    int code = check_line(o, count, operands);

    if (code) return code;
    open.model = operands[0];
    open.dtype = "f32";
    code = cmd_open_model(&c.model[CONVERT_BEFORE], &open, 0, o->average);
    if (!code && o->average && convert_average(&c, &err)) code = cmd_refuse(&err);
    if (!code) code = open_data(&c, operands[1]);
    if (!code) code = convert(&c, operands[1]);
    convert_close(&c);
    return code;
}

const struct args_verb cmd_convert = {
    .name = "convert",
    .operands = "IN OUT",
    .summary = "Write any model as one self-contained file, or for another framework",
    .details =
        "IN is whatever -m takes elsewhere; OUT holds the weights under timm's names, and the "
        "configuration, labels and recipe as metadata, so that the one file is enough. --dtype bf16 halves "
        "it (rounded to nearest). --dtype int8 keeps the matrices of the blocks as integers of 8 bits with "
        "a scale for each output, a quarter of their size; every verb reads such a file, and computes in "
        "integers with --dtype int8. --packed lays the matrices out as the products take them, so that "
        "opening the file copies nothing: use it with the --dtype and on the kind of CPU it was made for "
        "(or the --kernels). Anything else reads it too, and lays them out again (-v tells); vit convert "
        "makes an ordinary file of it, with the same numbers. Names and layouts of other families become "
        "timm's, positions of --size another size are resized, and the running statistics of batch norms "
        "are kept as they are. --names FAMILY goes the other way: OUT becomes a folder that timm "
        "(create_model(\"local-dir:OUT\", pretrained=True)) or Hugging Face's transformers "
        "(ViTForImageClassification.from_pretrained(\"OUT\") and the like) load; a model that they have no "
        "class for is refused, with the setting that is in the way. With --data the two are compared, the "
        "original computing in f32 and OUT in the TYPE of --dtype: accuracy before and after, share of "
        "equal answers, largest difference of a logit and what that is of the largest logit. A picture "
        "whose answers are not finite has failed.\n\n"
        "--average makes the original the mean of the weights of several networks, without batch norms. Of "
        "those that lie near one another on one path of training, each begun where another ended, it may "
        "answer better than any (stochastic weight averaging); of others it does not. vit eval tells.\n\n"
        "An int8 product takes the scale of each row of its activations from that row. --calibrate fixes "
        "one scale for all rows of a product instead, from the largest number that the pictures of a data "
        "set give, and stores it beside the matrix; both ways are then compared, with the original, on the "
        "pictures of --data, or else on those that the scales are from, which flatters them. The scales of "
        "an int8 file are kept when it is converted to int8 again, and dropped by any other type.\n\n"
        "With --json one object: input, output, dtype, parameters, bytes_before, bytes_after, and with "
        "--data or --calibrate compared_on, n, n_failed, top1_before and top1_after (where there are "
        "labels), agreement, largest_logit_difference, relative_logit_difference; averaged (networks) with "
        "--average; calibrated_on (pictures) with --calibrate; and when OUT has fixed "
        "scales, row_scales: top1, agreement and the differences without them.",
    .groups = GROUPS,
    .bytes = sizeof(struct convert_options),
    .run = run,
};
