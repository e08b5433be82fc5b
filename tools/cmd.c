#include "tools/cmd.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu.h"
#include "patch/names.h"
#include "tools/out.h"

/* ---- words of choices ---- */

static const char *dtype_word(int i)
{
    return i < KERN_DTYPES ? kern_dtype_name((enum kern_dtype)i) : NULL;
}

const char *cmd_filter_word(int i)
{
    return i < PATCH_FILTERS ? patch_filter_name((enum patch_filter)i) : NULL;
}

const char *cmd_crop_word(int i)
{
    static const char *const WORDS[] = { "center", "squash", NULL };
    return WORDS[i];
}

void cmd_crop(struct patch_recipe *p, const char *mode, float pct)
{
    const bool squash = mode ? strcmp(mode, "squash") == 0 : p->squash;

    if (squash && !p->squash) p->crop_pct = 1;
    p->squash = squash;
    if (pct > 0) p->crop_pct = pct;
}

const char *cmd_split_word(int i)
{
    return i < PATCH_SPLITS ? patch_split_name((enum patch_split)i) : NULL;
}

const char *cmd_placement_word(int i)
{
    if (i >= VIT_PLACEMENTS) return NULL;
    return i == VIT_NORM_MIX ? "mix:F" : vit_placement_name((enum vit_placement)i);
}

const char *cmd_norm_kind_word(int i)
{
    return i < KERN_NORM_KINDS ? kern_norm_kind_name((enum kern_norm_kind)i) : NULL;
}

const char *cmd_switch_word(int i)
{
    static const char *const WORDS[] = { "auto", "on", "off", NULL };
    return WORDS[i];
}

/* ---- shared options ---- */

#define AT(field) offsetof(struct cmd_common, field)
/* Rows that several groups hold. */
#define KERNELS_ROW                                                                                          \
    {                                                                                                        \
        .name = "kernels", .kind = ARGS_TEXT, .at = AT(kernels), .metavar = "SPEC",                          \
        .otherwise = "VIT_KERNELS, else auto",                                                               \
        .help = "kernels by name, as in ref+avx2; vit info lists them"                                       \
    }
#define TALK_ROWS                                                                                            \
    { .name = "quiet",                                                                                       \
      .letter = 'q',                                                                                         \
      .kind = ARGS_FLAG,                                                                                     \
      .at = AT(quiet),                                                                                       \
      .help = "no progress and no warnings, only errors" },                                                  \
        { .name = "verbose",                                                                                 \
          .letter = 'v',                                                                                     \
          .kind = ARGS_FLAG,                                                                                 \
          .at = AT(verbose),                                                                                 \
          .help = "say what was inferred and chosen" },                                                      \
        { .name = "help", .letter = 'h', .kind = ARGS_FLAG, .at = AT(help), .help = "explain this verb" },   \
    {                                                                                                        \
        .name = "version", .kind = ARGS_FLAG, .at = AT(version),                                             \
        .help = "version, build flags, kernels this CPU can run, decoders"                                   \
    }

static const struct args_option COMMON[] = {
    { .name = "model",
      .letter = 'm',
      .kind = ARGS_PATH,
      .at = AT(model),
      .metavar = "MODEL",
      .otherwise = CMD_DEFAULT_MODEL,
      .help = "a .safetensors, .npz, .pth or .bin file, a folder as downloaded from a model hub, "
              "builtin:pre or builtin:post" },
    { .name = "size",
      .kind = ARGS_INT,
      .at = AT(size),
      .low = 1,
      .high = 8192,
      .metavar = "N",
      .otherwise = "the model's",
      .help = "run at another image size, in pixels a side" },
    { .name = "dtype",
      .kind = ARGS_CHOICE,
      .at = AT(dtype),
      .choice = dtype_word,
      .initial = "f32",
      .metavar = "TYPE",
      .help = "numbers of the products; int8 is for inference" },
    KERNELS_ROW,
    { .name = "seed",
      .kind = ARGS_COUNT,
      .at = AT(seed),
      .low = 0,
      .high = 0x1p63,
      .initial = "0",
      .metavar = "N",
      .help = "where random numbers start, in verbs that draw any" },
    { .name = "json", .kind = ARGS_FLAG, .at = AT(json), .help = "results as JSON" },
    TALK_ROWS,
    CMD_THREADS_ROW("threads to compute with"),
};
const struct args_group cmd_common_group = { "Common options", COMMON, VIT_COUNT(COMMON) };
/* The first row is --model, the last --threads. */
const struct args_group cmd_modelless_group = { "Common options", COMMON + 1, VIT_COUNT(COMMON) - 1 };
const struct args_group cmd_unthreaded_group = { "Common options", COMMON, VIT_COUNT(COMMON) - 1 };
const struct args_group cmd_bare_group = { "Common options", COMMON + 1, VIT_COUNT(COMMON) - 2 };

static const struct args_option TRAINING[] = {
    CMD_THREADS_ROW("threads to compute with; one more prepares pictures"),
    KERNELS_ROW,
    { .name = "json", .kind = ARGS_FLAG, .at = AT(json), .help = "the result as JSON" },
    TALK_ROWS,
};
const struct args_group cmd_training_group = { "Common options", TRAINING, VIT_COUNT(TRAINING) };

static const struct args_option TALK[] = { TALK_ROWS };
const struct args_group cmd_talk_group = { "Common options", TALK, VIT_COUNT(TALK) };

static const struct args_option NORM[] = {
    { .name = "norm",
      .kind = ARGS_TEXT,
      .at = AT(norm),
      .choice = cmd_placement_word,
      .metavar = "PLACEMENT",
      .otherwise = "the model's",
      .help = "put the norms elsewhere at run time (weights trained for another placement are expected "
              "to lose)" },
    { .name = "final-norm",
      .kind = ARGS_CHOICE,
      .at = AT(final_norm),
      .choice = cmd_switch_word,
      .metavar = "WHEN",
      .initial = "auto",
      .help = "the norm after the last block; auto keeps the model's" },
};
const struct args_group cmd_norm_group = { "Norm placement", NORM, VIT_COUNT(NORM) };

/* ---- messages ---- */

/* By one write: jobs of a sweep, and runs that share a log, say theirs meanwhile. */
static void message(const char *kind, const char *format, va_list args)
{
    char text[2048], clean[OUT_NAME_ROOM(sizeof text)], line[sizeof clean + 32];

    if (vsnprintf(text, sizeof text, format, args) >= (int)sizeof text)
        text[vit_cut(text, sizeof text - 1)] = '\0';
    snprintf(line, sizeof line, "%s%s\n", kind, out_name_text(clean, text));
    fputs(line, stderr);
}

void cmd_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    message("vit: ", format, args);
    va_end(args);
}

void cmd_warn(const struct cmd_common *o, const char *format, ...)
{
    va_list args;

    if (o->quiet) return;
    va_start(args, format);
    message("vit: warning: ", format, args);
    va_end(args);
}

void cmd_note(const struct cmd_common *o, const char *format, ...)
{
    va_list args;

    if (!o->verbose) return;
    va_start(args, format);
    message("vit: ", format, args);
    va_end(args);
}

int cmd_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    message("vit: ", format, args);
    va_end(args);
    return CMD_USAGE;
}

int cmd_unusable(const struct vit_error *err)
{
    cmd_error("%s", err->text);
    return CMD_UNUSABLE;
}

int cmd_refuse(const struct vit_error *err)
{
    return err->status == VIT_ERR_ARG ? cmd_usage("%s", err->text) : cmd_unusable(err);
}

json_t *cmd_failure_json(const char *file, const struct vit_error *err)
{
    return json_pack("{s:o,s:{s:s,s:o}}", "file", out_text(file), "error", "code",
                     vit_status_name(err->status), "message", out_text(err->text));
}

/* ---- decoding ---- */

struct patch_decode cmd_decode(uint64_t max_pixels, bool no_exif)
{
    return (struct patch_decode){ .max_pixels = (size_t)max_pixels,
                                  .max_pixels_name = "--max-pixels",
                                  .ignore_exif = no_exif };
}

enum vit_status cmd_sandbox(struct patch_sandbox **out, const char *when, const struct cmd_common *o,
                            int decoders, uint64_t max_pixels, struct vit_error *err)
{
    const struct patch_sandbox_options options = { .decoders = decoders ? decoders : cmd_threads_in_all(o),
                                                   .max_pixels = (size_t)max_pixels };
    enum vit_status status;

    *out = NULL;
    if (strcmp(when, "off") == 0) return VIT_OK;
    status = patch_sandbox_create(out, &options, err);
    if (!status) return VIT_OK;
    if (strcmp(when, "on") == 0) {
        const struct vit_error why = *err;
        return vit_fail(err, status, "--sandbox on: %s", why.text);
    }
    /* A system that cannot is no news at every call; one that could, and has no memory, is. */
    if (status == VIT_ERR_UNSUPPORTED)
        cmd_note(o, "pictures are decoded without a sandbox: %s", err->text);
    else
        cmd_warn(o, "pictures are decoded without a sandbox: %s", err->text);
    return VIT_OK;
}

/* ---- the model ---- */

enum kern_dtype cmd_dtype(const struct cmd_common *o)
{
    return (enum kern_dtype)kern_dtype_from_name(o->dtype);
}

int cmd_check(const struct cmd_common *o)
{
    struct vit_error err;
    struct vit_norm_config norm;
    struct kern kernels;

    if (o->norm && vit_placement_parse(&norm, o->norm, &err)) return cmd_usage("--norm: %s", err.text);
    if (cmd_kernels(&kernels, o, &err)) return cmd_usage("%s", err.text);
    return CMD_DONE;
}

enum vit_status cmd_kernels(struct kern *k, const struct cmd_common *o, struct vit_error *err)
{
    struct vit_error why;
    const enum vit_status status = kern_select(k, o->kernels, &why);

    return status ? vit_fail(err, VIT_ERR_ARG, "%s%s", o->kernels ? "--kernels: " : "", why.text) : VIT_OK;
}

const char *cmd_model_name(const struct cmd_common *o)
{
    return o->model ? o->model : CMD_DEFAULT_MODEL;
}

/* What the environment asks for; 0: nothing. */
static enum vit_status environment_threads(uint64_t *threads, struct vit_error *err)
{
    const char *list = getenv("OMP_NUM_THREADS");
    size_t length;

    *threads = 0;
    if (!list) return VIT_OK;
    length = strcspn(list, ","); /* one number a nesting level */
    return args_whole_part("OMP_NUM_THREADS", list, length, 1, VIT_MOST_THREADS, threads, err);
}

int cmd_threads(const struct cmd_common *o)
{
    uint64_t threads;

    if (o->threads) return o->threads;
    return environment_threads(&threads, NULL) ? 0 : (int)threads;
}

int cmd_threads_in_all(const struct cmd_common *o)
{
    const int threads = cmd_threads(o);

    return threads ? threads : kern_cpu_cores();
}

void cmd_check_environment(const struct args_verb *v, const struct cmd_common *o)
{
    const struct args_option *row;
    struct vit_error err;
    uint64_t threads;

    for (int i = 0; (row = args_option_at(v, i)); i++) {
        if (strcmp(row->name, "threads") != 0 || o->threads) continue;
        if (environment_threads(&threads, &err)) cmd_warn(o, "%s; not used", err.text);
    }
}

void cmd_say_notes(const struct vit_model *m, const struct cmd_common *o)
{
    const char *note;
    bool warning;

    for (int i = 0; (note = vit_model_note(m, i, &warning)); i++) {
        if (warning)
            cmd_warn(o, "%s", note);
        else
            cmd_note(o, "%s", note);
    }
    cmd_note(o, "%s: %zu parameters, kernels %s", vit_model_path(m), vit_model_parameters(m),
             vit_model_kernels(m));
}

enum vit_status cmd_trouble(const struct vit_trouble *t, const char *file, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_FORMAT, "%s: %s: a value is %g, expected finite numbers", file, t->where,
                    (double)t->value);
}

enum vit_status cmd_check_answer(const float *x, int count, const char *file, struct vit_error *err)
{
    for (int i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return vit_fail(err, VIT_ERR_FORMAT,
                            "%s: the network answers %g, expected finite numbers; --check of vit classify "
                            "or vit eval names the layer",
                            file, (double)x[i]);
    return VIT_OK;
}

int cmd_final_norm(const struct cmd_common *o)
{
    if (!o->final_norm || strcmp(o->final_norm, "auto") == 0) return 0;
    return strcmp(o->final_norm, "on") == 0 ? 1 : -1;
}

int cmd_check_trainable(const struct cmd_common *o)
{
    const int code = cmd_check(o);

    if (code || cmd_dtype(o) != KERN_I8) return code;
    return cmd_usage("--dtype %s: is for inference; gradients are computed in f32 and bf16", o->dtype);
}

static enum vit_status name_classes(struct vit_model *m, const char *path, struct vit_error *err)
{
    const int classes = vit_model_config(m)->classes;
    struct patch_names names = { 0 };
    enum vit_status status = patch_names_read(&names, path, err);

    if (!status && names.count != (size_t)classes)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: expected the names of %d classes, one a line, found %zu",
                          path, classes, names.count);
    for (size_t i = 0; i < names.count && !status; i++)
        if (!vit_is_utf8(names.item[i]))
            status = vit_fail(err, VIT_ERR_FORMAT, "%s: name %zu must be UTF-8, found \"%s\"", path, i + 1,
                              names.item[i]);
    if (!status) status = vit_model_set_labels(m, (const char *const *)names.item, err);
    patch_names_free(&names);
    return status;
}

const char *cmd_next_model(char **names)
{
    char *name = *names, *plus = name && access(name, F_OK) ? strchr(name, '+') : NULL;

    *names = plus ? plus + 1 : NULL;
    if (plus) *plus = '\0';
    return name;
}

int cmd_open_model(struct vit_model **out, const struct cmd_common *o, int image, bool trainable)
{
    struct vit_model_options options = { .kernels = o->kernels,
                                         .placement = o->norm,
                                         .final_norm = cmd_final_norm(o),
                                         .image = image ? image : o->size,
                                         .dtype = cmd_dtype(o),
                                         .trainable = trainable,
                                         .headless = o->headless,
                                         .threads = cmd_threads(o) };
    struct vit_error err;
    const int code = trainable ? cmd_check_trainable(o) : cmd_check(o);

    *out = NULL;
    if (code) return code;
    if (vit_model_open(out, cmd_model_name(o), &options, &err))
        return image ? cmd_unusable(&err) : cmd_refuse(&err); /* image: an input's */
    cmd_say_notes(*out, o);
    if (!o->labels || !name_classes(*out, o->labels, &err)) return CMD_DONE;
    vit_model_close(*out);
    *out = NULL;
    return cmd_unusable(&err);
}
