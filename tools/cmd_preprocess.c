/* vit preprocess: what the model would see of a picture. */
#include <stdlib.h>
#include <string.h>

#include "patch/walk.h"
#include "tools/out.h"
#include "tools/pictures.h"

struct options {
    struct cmd_common common;
    const char *output, *crop_mode, *interpolation;
    float crop_pct; /* 0: not given */
    struct args_floats mean, std;
    bool no_exif;
    uint64_t max_pixels;
    const char *sandbox;
};

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "output",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(output),
      .metavar = "FILE",
      .help = "a .png (before normalisation) or a .safetensors file with tensor input (1, 3, size, size)" },
    { .name = "crop-pct",
      .kind = ARGS_FLOAT,
      .at = AT(crop_pct),
      .low = 0.01,
      .high = 1,
      .metavar = "F",
      .otherwise = "the model's",
      .help = CMD_CROP_PCT_HELP },
    { .name = "crop-mode",
      .kind = ARGS_CHOICE,
      .at = AT(crop_mode),
      .choice = cmd_crop_word,
      .metavar = "MODE",
      .otherwise = "the model's",
      .help = CMD_CROP_MODE_HELP },
    { .name = "interpolation",
      .kind = ARGS_CHOICE,
      .at = AT(interpolation),
      .choice = cmd_filter_word,
      .metavar = "FILTER",
      .otherwise = "the model's",
      .help = "filter of the resizing, as Pillow's" },
    { .name = "mean",
      .kind = ARGS_FLOATS,
      .at = AT(mean),
      .count = 3,
      .low = -10,
      .high = 10,
      .metavar = "R,G,B",
      .otherwise = "the model's",
      .help = "subtracted from values in [0, 1]" },
    { .name = "std",
      .kind = ARGS_FLOATS,
      .at = AT(std),
      .count = 3,
      .low = 1e-6,
      .high = 1e6,
      .metavar = "R,G,B",
      .otherwise = "the model's",
      .help = "divides what is left" },
    CMD_NO_EXIF_ROW(AT(no_exif), ""),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_SANDBOX_ROW(AT(sandbox)),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_common_group, NULL };

/* Whether the flags alone say how the picture is prepared. */
static bool is_complete(const struct options *o, bool normalised)
{
    bool geometry = o->common.size && o->interpolation && o->crop_mode &&
                    (o->crop_pct > 0 || strcmp(o->crop_mode, "squash") == 0);

    return geometry && (!normalised || (o->mean.count && o->std.count));
}

/* The flags over the recipe of the model, or over nothing. */
static void apply_flags(struct patch_recipe *r, const struct options *o)
{
    if (o->common.size) r->size = o->common.size;
    cmd_crop(r, o->crop_mode, o->crop_pct);
    if (o->interpolation) r->filter = (enum patch_filter)patch_filter_from_name(o->interpolation);
    if (o->mean.count) memcpy(r->mean, o->mean.value, sizeof r->mean);
    if (o->std.count) memcpy(r->std, o->std.value, sizeof r->std);
}

static int find_recipe(struct patch_recipe *r, const struct options *o, bool normalised)
{
    struct vit_error err;
    int code = cmd_check(&o->common); /* of no use without a model, and wrong all the same */

    if (code) return code;
    if (!o->common.model && is_complete(o, normalised)) {
        *r = patch_recipe_default(o->common.size);
    } else {
        struct cmd_common common = o->common;
        struct vit_model *m;

        common.size = 0; /* the side of the result, not of the model */
        common.headless = true;
        code = cmd_open_model(&m, &common, 0, false);
        if (code == CMD_UNUSABLE && !o->common.model)
            cmd_error("without -m, give --size --crop-mode --interpolation, --crop-pct unless squashed, and "
                      "for .safetensors --mean --std");
        if (code) return code;
        *r = *vit_model_recipe(m);
        vit_model_close(m);
    }
    apply_flags(r, o);
    if (patch_recipe_check(r, "the options", &err)) return cmd_usage("%s", err.text);
    return CMD_DONE;
}

static enum vit_status write_planes(const char *path, const unsigned char *pixels,
                                    const struct patch_recipe *r, struct vit_error *err)
{
    const size_t floats = (size_t)3 * r->size * r->size;
    float *planes = malloc(floats * sizeof *planes);
    const struct weights_entry entry = { "input", WEIGHTS_F32, 4, { 1, 3, r->size, r->size }, planes };
    enum vit_status status;

    if (!planes) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu floats", path, floats);
    patch_normalise(planes, pixels, r);
    status = weights_write(path, &entry, 1, NULL, 0, err);
    free(planes);
    return status;
}

static enum vit_status prepare(const char *path, const struct options *o, const struct patch_recipe *r,
                               bool normalised, struct patch_sandbox *sandbox, struct vit_error *err)
{
    struct patch_decode decode = cmd_decode(o->max_pixels, o->no_exif);
    unsigned char *pixels = malloc((size_t)3 * r->size * r->size);
    struct patch_image image = { 0 };
    enum vit_status status;

    if (!pixels)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %d x %d pixels", path, r->size, r->size);
    decode.sandbox = sandbox;
    status = pictures_read(&image, path, &decode, err);
    if (!status) status = patch_prepare(pixels, &image, r, err);
    if (!status)
        status = normalised ? write_planes(o->output, pixels, r, err)
                            : patch_png_write(o->output, pixels, r->size, r->size, err);
    patch_image_free(&image);
    free(pixels);
    return status;
}

/* What came of it, to people and with --json. */
static int say(const struct options *o, const char *file, int size, const struct vit_error *failure)
{
    if (failure) {
        pictures_emit_failure(&o->common, &(struct pictures_result){ .file = file, .err = failure });
        if (o->common.json && !o->common.quiet) cmd_error("%s", failure->text); /* for people too */
        return CMD_SOME_FAILED;
    }
    if (!o->common.json) return CMD_DONE;
    return out_json(json_pack("{s:o,s:o,s:i}", "file", out_text(file), "output", out_text(o->output), "size",
                              size))
               ? CMD_DONE
               : CMD_SOME_FAILED;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct cmd_output file = {
        .option = "--output", .path = o->output, .end = ".png", .beside = o->common.json
    };
    struct patch_sandbox *sandbox;
    struct patch_recipe r;
    struct vit_error err;
    bool normalised;
    int code;

    if (count != 1) return cmd_usage("expected one picture, found %d", count);
    if (!o->output) return cmd_usage("--output: expected a .png or .safetensors file, found none");
    normalised = patch_has_extension(o->output, ".safetensors");
    if (!normalised && !patch_has_extension(o->output, ".png"))
        return cmd_usage("--output: expected a .png or .safetensors file, found \"%s\"", o->output);
    if (normalised) file.end = ".safetensors";
    code = cmd_check_outputs(&file, 1, o->common.model, 1, (const char *const *)operands);
    if (!code) code = find_recipe(&r, o, normalised);
    if (code) return code;
    if (cmd_sandbox(&sandbox, o->sandbox, &o->common, 1, o->max_pixels, &err)) return cmd_unusable(&err);
    code = say(o, operands[0], r.size, prepare(operands[0], o, &r, normalised, sandbox, &err) ? &err : NULL);
    patch_sandbox_close(sandbox);
    return code;
}

const struct args_verb cmd_preprocess = {
    .name = "preprocess",
    .operands = "IMAGE|- -o OUT.png|OUT.safetensors",
    .summary = "Write what the model would see of a picture",
    .details =
        "Decodes, turns, resizes and crops as the model's recipe says; flags override it, and --size is "
        "the side of the result. When the flags say all, no model is needed. The picture is a file, or - for "
        "standard input.\n\n"
        "With --json one object: file, output, size; or file and error (code, message).",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
