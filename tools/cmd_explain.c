/* vit explain: where the attention of a network lies in a picture. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "patch/walk.h"
#include "tools/explain.h"
#include "tools/out.h"
#include "tools/pictures.h"
#include "vit/attention.h"
#include "vit/json.h"

struct options {
    struct cmd_common common;
    const char *output, *block, *head, *interpolation;
    float alpha;
    int panel;
    bool no_exif;
    uint64_t max_pixels;
    const char *sandbox;
};

/* How it is drawn when nobody says otherwise. */
#define ALPHA  0.6
#define PANEL  224
#define FILTER "bilinear"

static const char *which_word(int i)
{
    static const char *const WORDS[] = { "last", "all", NULL };
    return WORDS[i];
}

#define AT(field) offsetof(struct options, field)
#define WHICH_ROW(field, option, which, text)                                                                \
    {                                                                                                        \
        .name = option, .kind = ARGS_TEXT, .at = AT(field), .choice = which_word, .initial = which,          \
        .metavar = "N", .help = text                                                                         \
    }
static const struct args_option ROWS[] = {
    { .name = "output",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(output),
      .metavar = "MAP.png",
      .help = "the picture to write; with --json it may be missing" },
    WHICH_ROW(block, "block", "last", "the block whose heads are drawn, counted from 0, or a word"),
    WHICH_ROW(head, "head", "all", "the head that is drawn, counted from 0, or a word"),
    { .name = "alpha",
      .kind = ARGS_FLOAT,
      .at = AT(alpha),
      .low = 0,
      .high = 1,
      .initial = CMD_TEXT(ALPHA),
      .metavar = "F",
      .help = "share of a map's colours over the picture: 0 hides the maps, 1 the picture" },
    { .name = "panel",
      .kind = ARGS_INT,
      .at = AT(panel),
      .low = 32,
      .high = 4096,
      .initial = CMD_TEXT(PANEL),
      .metavar = "N",
      .help = "pixels along the longer side of a panel" },
    { .name = "interpolation",
      .kind = ARGS_CHOICE,
      .at = AT(interpolation),
      .choice = cmd_filter_word,
      .initial = FILTER,
      .metavar = "FILTER",
      .help = "how a map is enlarged; box shows every patch as a square" },
    CMD_NO_EXIF_ROW(AT(no_exif), ""),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_SANDBOX_ROW(AT(sandbox)),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_norm_group, &cmd_common_group, NULL };

/* Those of many that were asked for. */
struct span {
    int first, count;
};

/* What is known of the picture once the network has seen it. */
struct view {
    const struct options *o;
    const char *file;
    const struct vit_model *model;
    const struct vit_config *config;
    int tokens, grid;
    struct patch_sandbox *sandbox; /* NULL: none */
    struct vit_attention *attention;
    struct span blocks, heads;
    struct explain_panel *panels; /* (maps + 1), the last for the picture; NULL: nothing is drawn */
    struct patch_image panel;     /* what the network saw, at the size of a panel */
    int class;
    float score;
};

/* ---- the maps ---- */

/* Map 0 is the rollout, then they go head by head, block by block. */
static int maps_of(const struct view *v)
{
    return 1 + v->blocks.count * v->heads.count;
}

static int block_of(const struct view *v, int i)
{
    return v->blocks.first + (i - 1) / v->heads.count;
}

static int head_of(const struct view *v, int i)
{
    return v->heads.first + (i - 1) % v->heads.count;
}

/* (grid, grid): the tokens in front of the patches are left out. */
static const double *map_of(const struct view *v, int i)
{
    const double *map = i ? vit_attention_head(v->attention, block_of(v, i), head_of(v, i))
                          : vit_attention_rollout(v->attention);

    return map + vit_config_prefix(v->config);
}

static void name_of(char *text, size_t size, const struct view *v, int i)
{
    if (i)
        snprintf(text, size, "block %d head %d", block_of(v, i), head_of(v, i));
    else
        snprintf(text, size, "rollout");
}

/* Least and most of a map, where 1 is what a token gets of attention that prefers none. */
static void range_of(const struct view *v, const double *map, double *least, double *most)
{
    const int cells = v->grid * v->grid;

    *least = INFINITY;
    *most = 0;
    for (int i = 0; i < cells; i++) {
        *least = fmin(*least, map[i] * v->tokens);
        *most = fmax(*most, map[i] * v->tokens);
    }
}

/* ---- looking ---- */

/* The model's recipe at another size: the same part of the picture. A picture that the model sees squashed
 * gets its own shape back. */
static enum vit_status prepare_panel(struct view *v, const struct patch_image *image, struct vit_error *err)
{
    struct patch_recipe r = *vit_model_recipe(v->model);
    const int side = v->o->panel;
    struct patch_image square;
    enum vit_status status = patch_image_create(&square, side, side, err);
    double aspect = (double)image->width / image->height;

    if (status) return status;
    if (!r.squash) aspect = 1;
    r.size = side;
    status = patch_prepare(square.rgb, image, &r, err);
    if (!status)
        status = patch_resize(&v->panel, &square, (int)fmax(1, rint(side * fmin(1, aspect))),
                              (int)fmax(1, rint(side * fmin(1, 1 / aspect))), r.filter, err);
    patch_image_free(&square);
    return status;
}

/* What goes wrong in the attention makes the logits (classes) wrong too, and lies before them. */
static enum vit_status check_finite(const struct view *v, const float *logits, struct vit_error *err)
{
    double sum = 0;

    /* A head that is not finite makes the rollout so too: it reads all of them. */
    for (int i = 0; i < v->tokens; i++) sum += vit_attention_rollout(v->attention)[i];
    if (isfinite(sum)) return cmd_check_answer(logits, v->config->classes, v->file, err);
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: attention is %g, expected finite numbers; vit classify --check says where they end",
                    v->file, sum);
}

static enum vit_status look(struct view *v, const struct patch_image *image, struct vit_error *err)
{
    const struct patch_recipe *r = vit_model_recipe(v->model);
    const int classes = v->config->classes;
    const size_t values = (size_t)3 * (size_t)r->size * (size_t)r->size;
    unsigned char *pixels = malloc(values);
    float *planes = malloc(values * sizeof *planes), *score = malloc((size_t)classes * sizeof *score);
    const float *logits = NULL;
    enum vit_status status = pixels && planes && score
                                 ? VIT_OK
                                 : vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its pixels", v->file);

    if (!status) status = patch_prepare(pixels, image, r, err);
    if (!status) {
        patch_normalise(planes, pixels, r);
        logits = vit_attention_forward(v->attention, planes);
        status = check_finite(v, logits, err);
    }
    if (!status) {
        vit_softmax(score, logits, classes);
        vit_top(&v->class, score, classes, 1);
        v->score = score[v->class];
    }
    free(pixels);
    free(planes);
    free(score);
    return status;
}

static enum vit_status see(struct view *v, struct vit_error *err)
{
    struct patch_decode decode = cmd_decode(v->o->max_pixels, v->o->no_exif);
    struct patch_image image;
    enum vit_status status;

    decode.sandbox = v->sandbox;
    status = pictures_read(&image, v->file, &decode, err);
    if (status) return status;
    status = look(v, &image, err);
    if (!status && v->o->output) status = prepare_panel(v, &image, err);
    patch_image_free(&image);
    return status;
}

/* ---- drawing ---- */

/* The picture and the rollout in the first row, below them each block in a row, or in several of as many
 * heads each as fit. */
static void place(struct explain_panel *p, const struct view *v, int i)
{
    enum { MOST = 8 };
    const int lines = (v->heads.count + MOST - 1) / MOST, columns = (v->heads.count + lines - 1) / lines;
    const int block = (i - 1) / v->heads.count, head = (i - 1) % v->heads.count;

    p->row = i ? 1 + block * lines + head / columns : 0;
    p->column = i ? head % columns : 1;
}

static void write_range(struct explain_panel *p, double least, double most)
{
    snprintf(p->line[1], sizeof p->line[1], "x%.2f - x%.2f", least, most);
}

/* The sheet before there are maps, with the longest text they may get: its size is a matter of the flags. */
static enum vit_status plan(struct view *v, struct vit_error *err)
{
    const int maps = maps_of(v);

    v->panels = calloc((size_t)maps + 1, sizeof *v->panels);
    if (!v->panels)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %d panels", v->o->output, maps + 1);
    for (int i = 0; i < maps; i++) {
        struct explain_panel *p = &v->panels[i];
        place(p, v, i);
        name_of(p->line[0], sizeof p->line[0], v, i);
        write_range(p, v->tokens, v->tokens);
    }
    v->panels[maps] = (struct explain_panel){ .line = { "picture" } };
    return explain_check(v->o->panel, v->panels, maps + 1, err);
}

static enum vit_status draw(const struct view *v, struct vit_error *err)
{
    const int maps = maps_of(v);
    const struct explain_sheet sheet = {
        .picture = &v->panel,
        .rows = v->grid,
        .columns = v->grid,
        .alpha = v->o->alpha,
        .filter = (enum patch_filter)patch_filter_from_name(v->o->interpolation),
    };
    struct patch_image image = { 0 };
    enum vit_status status;
    double least, most;

    for (int i = 0; i < maps; i++) {
        v->panels[i].map = map_of(v, i);
        range_of(v, v->panels[i].map, &least, &most);
        write_range(&v->panels[i], least, most);
    }
    status = explain_draw(&image, &sheet, v->panels, maps + 1, err);
    if (!status) status = patch_png_write(v->o->output, image.rgb, image.width, image.height, err);
    patch_image_free(&image);
    return status;
}

/* ---- saying ---- */

static json_t *map_json(const struct view *v, int i)
{
    const double *map = map_of(v, i);
    json_t *rows = json_array();

    for (int y = 0; y < v->grid; y++) {
        json_t *row = json_array();
        for (int x = 0; x < v->grid; x++) vit_json_append(&row, out_float((float)map[y * v->grid + x]));
        vit_json_append(&rows, row);
    }
    return rows;
}

static json_t *view_json(const struct view *v)
{
    json_t *maps = json_array();

    for (int i = 1; i < maps_of(v); i++)
        vit_json_append(&maps, json_pack("{s:i,s:i,s:o}", "block", block_of(v, i), "head", head_of(v, i),
                                         "map", map_json(v, i)));
    return json_pack("{s:o,s:{s:o,s:i,s:o},s:i,s:[ii],s:o,s:o}", "file", out_text(v->file), "prediction",
                     "label", out_text(vit_model_labels(v->model)[v->class]), "index", v->class, "score",
                     out_float(v->score), "tokens", v->tokens, "grid", v->grid, v->grid, "rollout",
                     map_json(v, 0), "maps", maps);
}

static int print_view(const struct view *v)
{
    char name[EXPLAIN_TEXT];
    double least, most;

    out_name(stdout, v->file);
    printf("\n   1  ");
    out_name(stdout, vit_model_labels(v->model)[v->class]);
    printf("  %.4f\n\n%-20s %7s %7s   (1: as much as the average token)\n", (double)v->score, "attention",
           "least", "most");
    for (int i = 0; i < maps_of(v); i++) {
        name_of(name, sizeof name, v, i);
        range_of(v, map_of(v, i), &least, &most);
        printf("%-20s %7.2f %7.2f\n", name, least, most);
    }
    return CMD_DONE;
}

/* ---- the verb ---- */

/* "3", "last" or "all" of count. */
static int read_span(struct span *s, const char *option, const char *text, int count)
{
    struct vit_error err;
    uint64_t n;

    *s = (struct span){ 0, count };
    if (strcmp(text, "all") == 0) return CMD_DONE;
    *s = (struct span){ count - 1, 1 };
    if (strcmp(text, "last") == 0) return CMD_DONE;
    if (args_whole(option, text, 0, count - 1, &n, &err)) return cmd_usage("%s, or last, or all", err.text);
    s->first = (int)n;
    return CMD_DONE;
}

static int explain(struct view *v)
{
    const struct options *o = v->o;
    enum vit_status status;
    struct vit_error err;
    int code = read_span(&v->blocks, "--block", o->block, v->config->depth);

    if (!code) code = read_span(&v->heads, "--head", o->head, v->config->heads);
    if (code) return code;
    if (o->output && plan(v, &err)) {
        if (err.status == VIT_ERR_ARG) return cmd_usage("--panel %d: %s", o->panel, err.text);
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    if (vit_model_takes_pictures(v->model, &err) ||
        cmd_sandbox(&v->sandbox, o->sandbox, &o->common, 1, o->max_pixels, &err) ||
        vit_attention_create(&v->attention, v->model, cmd_threads(&o->common), &err)) {
        cmd_error("%s", err.text);
        return CMD_UNUSABLE;
    }
    status = see(v, &err);
    if (!status && o->output) status = draw(v, &err);
    if (status) {
        pictures_emit_failure(&o->common, &(struct pictures_result){ .file = v->file, .err = &err });
        if (o->common.json && !o->common.quiet) cmd_error("%s", err.text); /* for people too */
        return CMD_SOME_FAILED;
    }
    if (o->common.json) return out_json(view_json(v)) ? CMD_DONE : CMD_SOME_FAILED;
    return print_view(v);
}

/* What is drawn, and how, is of no use where nothing is. */
static int check_drawing(const struct options *o)
{
    const struct {
        const char *option;
        bool given;
    } of_drawings[] = {
        { "--alpha", o->alpha != (float)ALPHA },
        { "--panel", o->panel != PANEL },
        { "--interpolation", strcmp(o->interpolation, FILTER) != 0 },
    };

    if (o->output && !patch_has_extension(o->output, ".png"))
        return cmd_usage("--output: expected a .png file, found \"%s\"", o->output);
    if (o->output) return CMD_DONE;
    if (!o->common.json) return cmd_usage("--output: expected a .png file, found none");
    for (size_t i = 0; i < VIT_COUNT(of_drawings); i++)
        if (of_drawings[i].given)
            return cmd_usage("%s: expected --output, whose picture it is for", of_drawings[i].option);
    return CMD_DONE;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    const struct cmd_output file = { .option = "--output", .path = o->output, .end = ".png" };
    struct view v = { .o = o };
    struct vit_model *m;
    int code;

    if (count != 1) return cmd_usage("expected one picture, found %d", count);
    code = check_drawing(o);
    if (!code) code = cmd_check_outputs(&file, 1, o->common.model, 1, (const char *const *)operands);
    if (!code) code = cmd_open_model(&m, &o->common, 0, false);
    if (code) return code;
    v.file = operands[0];
    v.model = m;
    v.config = vit_model_config(m);
    v.tokens = vit_config_tokens(v.config);
    v.grid = vit_config_grid(v.config);
    code = explain(&v);
    vit_attention_close(v.attention);
    patch_sandbox_close(v.sandbox);
    patch_image_free(&v.panel);
    free(v.panels);
    vit_model_close(m);
    return code;
}

const struct args_verb cmd_explain = {
    .name = "explain",
    .operands = "IMAGE|- -o MAP.png",
    .summary = "Draw where the attention of a network lies in a picture",
    .details =
        "The first row of MAP.png is the picture and its attention rollout (Abnar and Zuidema 2020: the mean "
        "over heads, half of it the identity for the residual connection, multiplied over the blocks); below "
        "it a panel for each head of the block. A map tells how much of each patch reaches what the "
        "classifier reads: the row of the class token, the mean of the patches' rows with mean pooling, the "
        "rows weighted as sequence pooling weighs them. Other tokens are left out. The picture is a file, "
        "or - for standard input.\n\n"
        "Every panel has the colours of its own range (viridis, dark to bright), which is written above it "
        "and on standard output: 1 is what a token would get of attention that prefers none. Attention shows "
        "where a network looks, not why it answers.\n\n"
        "With --json one object: file, prediction (label, index, score), tokens, grid (rows, columns), "
        "rollout (an array for each row of patches), maps (block, head, map); or file and error (code, "
        "message).",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
