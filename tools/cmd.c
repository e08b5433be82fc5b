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
