/* vit explain: where the attention of a network lies in a picture. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "patch/walk.h"
#include "tools/explain.h"
#include "tools/explain_view.h"
#include "tools/out.h"
#include "tools/pictures.h"
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
    CMD_LABELS_ROW,
    CMD_NO_EXIF_ROW(AT(no_exif), ""),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_SANDBOX_ROW(AT(sandbox)),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_norm_group, &cmd_common_group, NULL };

/* One picture: what is asked of it, what is known of it, and what is drawn. */
struct job {
    const struct options *o;
    struct explain_view view;
    struct explain_panel *panels; /* (maps + 1), the last for the picture; NULL: nothing is drawn */
};

/* ---- drawing ---- */

/* The picture and the rollout in the first row, below them each block in a row, or in several of as many
 * heads each as fit. */
static void place(struct explain_panel *p, const struct explain_view *v, int i)
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
static enum vit_status plan(struct job *j, struct vit_error *err)
{
    const struct explain_view *v = &j->view;
    const int maps = explain_maps(v);

    j->panels = calloc((size_t)maps + 1, sizeof *j->panels);
    if (!j->panels)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %d panels", j->o->output, maps + 1);
    for (int i = 0; i < maps; i++) {
        struct explain_panel *p = &j->panels[i];
        place(p, v, i);
        explain_map_name(p->line[0], sizeof p->line[0], v, i);
        write_range(p, v->tokens, v->tokens);
    }
    j->panels[maps] = (struct explain_panel){ .line = { "picture" } };
    return explain_check(j->o->panel, j->panels, maps + 1, err);
}

static enum vit_status draw(const struct job *j, struct vit_error *err)
{
    const struct explain_view *v = &j->view;
    const int maps = explain_maps(v);
    const struct explain_sheet sheet = {
        .picture = &v->panel,
        .rows = v->grid,
        .columns = v->grid,
        .alpha = j->o->alpha,
        .filter = (enum patch_filter)patch_filter_from_name(j->o->interpolation),
    };
    struct patch_image image = { 0 };
    enum vit_status status;
    double least, most;

    for (int i = 0; i < maps; i++) {
        j->panels[i].map = explain_map(v, i);
        explain_map_range(&least, &most, v, i);
        write_range(&j->panels[i], least, most);
    }
    status = explain_draw(&image, &sheet, j->panels, maps + 1, err);
    if (!status) status = patch_png_write(j->o->output, image.rgb, image.width, image.height, err);
    patch_image_free(&image);
    return status;
}

/* ---- saying ---- */

static json_t *map_json(const struct explain_view *v, int i)
{
    const double *map = explain_map(v, i);
    json_t *rows = json_array();

    for (int y = 0; y < v->grid; y++) {
        json_t *row = json_array();
        for (int x = 0; x < v->grid; x++) vit_json_append(&row, out_float((float)map[y * v->grid + x]));
        vit_json_append(&rows, row);
    }
    return rows;
}

static json_t *view_json(const struct explain_view *v)
{
    json_t *maps = json_array();

    for (int i = 1; i < explain_maps(v); i++)
        vit_json_append(&maps, json_pack("{s:i,s:i,s:o}", "block", explain_block(v, i), "head",
                                         explain_head(v, i), "map", map_json(v, i)));
    return json_pack("{s:o,s:{s:o,s:i,s:o},s:i,s:[ii],s:o,s:o}", "file", out_text(v->file), "prediction",
                     "label", out_text(vit_model_labels(v->model)[v->class]), "index", v->class, "score",
                     out_float(v->score), "tokens", v->tokens, "grid", v->grid, v->grid, "rollout",
                     map_json(v, 0), "maps", maps);
}

static int print_view(const struct explain_view *v)
{
    char name[EXPLAIN_TEXT];
    double least, most;

    out_name(stdout, v->file);
    printf("\n   1  ");
    out_name(stdout, vit_model_labels(v->model)[v->class]);
    printf("  %.4f\n\n%-20s %7s %7s   (1: as much as the average token)\n", (double)v->score, "attention",
           "least", "most");
    for (int i = 0; i < explain_maps(v); i++) {
        explain_map_name(name, sizeof name, v, i);
        explain_map_range(&least, &most, v, i);
        printf("%-20s %7.2f %7.2f\n", name, least, most);
    }
    return CMD_DONE;
}

/* ---- the verb ---- */

/* "3", "last" or "all" of count. */
static int read_span(struct explain_span *s, const char *option, const char *text, int count)
{
    uint64_t n;

    *s = (struct explain_span){ 0, count };
    if (strcmp(text, "all") == 0) return CMD_DONE;
    *s = (struct explain_span){ count - 1, 1 };
    if (strcmp(text, "last") == 0) return CMD_DONE;
    if (args_whole(option, text, 0, count - 1, &n, NULL))
        return cmd_usage("%s: expected a whole number from 0 to %d, last or all, found \"%s\"", option,
                         count - 1, text);
    s->first = (int)n;
    return CMD_DONE;
}

static int explain(struct job *j)
{
    const struct options *o = j->o;
    struct explain_view *v = &j->view;
    enum vit_status status;
    struct vit_error err;
    int code = read_span(&v->blocks, "--block", o->block, v->config->depth);

    if (!code) code = read_span(&v->heads, "--head", o->head, v->config->heads);
    if (code) return code;
    if (o->output && plan(j, &err)) {
        if (err.status == VIT_ERR_ARG) return cmd_usage("--panel %d: %s", o->panel, err.text);
        return cmd_unusable(&err);
    }
    if (vit_model_takes_pictures(v->model, &err) ||
        cmd_sandbox(&v->decode.sandbox, o->sandbox, &o->common, 1, o->max_pixels, &err) ||
        vit_attention_create(&v->attention, v->model, cmd_threads(&o->common), &err))
        return cmd_unusable(&err);
    status = explain_see(v, &err);
    if (!status && o->output) status = draw(j, &err);
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
    const struct cmd_output file = { .option = "--output", .path = o->output, .end = ".png", .beside = true };
    const char *const read[] = { count ? operands[0] : NULL, o->common.labels };
    struct job j = { .o = o };
    struct explain_view *v = &j.view;
    struct vit_model *m;
    int code;

    if (count != 1) return cmd_usage("expected one picture, found %d", count);
    code = check_drawing(o);
    if (!code) code = cmd_check_outputs(&file, 1, o->common.model, VIT_COUNT(read), read);
    if (!code) code = cmd_open_model(&m, &o->common, 0, false);
    if (code) return code;
    v->file = operands[0];
    v->model = m;
    v->config = vit_model_config(m);
    v->tokens = vit_config_tokens(v->config);
    v->grid = vit_config_grid(v->config);
    v->decode = cmd_decode(o->max_pixels, o->no_exif);
    v->side = o->output ? o->panel : 0;
    code = explain(&j);
    vit_attention_close(v->attention);
    patch_sandbox_close(v->decode.sandbox);
    patch_image_free(&v->panel);
    free(j.panels);
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
