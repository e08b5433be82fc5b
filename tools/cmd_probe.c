/* vit probe: what norm placements do at initialisation, and what a trained network does. */
#include <string.h>

#include "tools/eval.h"
#include "tools/probe.h"
#include "tools/progress.h"

#define SEEDS 5 /* when nobody says otherwise */

_Static_assert(offsetof(struct probe_options, words) == sizeof(struct cmd_common),
               "as the other verbs have it");

#define AT(field) offsetof(struct probe_options, field)
static const struct args_option ROWS[] = {
    { .name = "model",
      .letter = 'm',
      .kind = ARGS_PATH,
      .at = AT(common.model),
      .metavar = "MODEL",
      .otherwise = "new networks",
      .help = "measure one that exists: a file, a folder or a builtin as in the other verbs" },
    CMD_DATA_ROW(AT(data), "the pictures of samples/", ""),
    CMD_SPLIT_ROW(AT(split)),
    CMD_LIMIT_ROW(AT(limit), 65536, .initial = "64"),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    { .name = "noise",
      .kind = ARGS_FLAG,
      .at = AT(noise),
      .help = "pictures of independent Gaussian pixels, as the theory assumes and no photograph is" },
    { .name = "seeds",
      .kind = ARGS_INT,
      .at = AT(seeds),
      .low = 1,
      .high = 10000,
      .metavar = "N",
      .otherwise = CMD_TEXT(SEEDS),
      .help = "networks of each kind, with the seeds --seed, --seed + 1, ..." },
    { .name = "lr",
      .kind = ARGS_FLOAT,
      .at = AT(lr),
      .low = 0,
      .high = 1e9,
      .initial = "1e-3",
      .metavar = "RATE",
      .help = "learning rate of the steps whose effect is measured" },
    { .name = "steps",
      .kind = ARGS_INT,
      .at = AT(steps),
      .low = 1,
      .high = 100000,
      .initial = "1",
      .metavar = "N",
      .help = "steps; with more than one, the change after the first and after all" },
    CMD_BATCH_ROW(AT(batch), 4096, PROBE_BATCH),
    CMD_THREADS_ROW("threads to compute with; they change no number"),
    { .name = "blocks", .kind = ARGS_FLAG, .at = AT(blocks), .help = "tables of every block too" },
};

#define WORD(id) offsetof(struct probe_options, words.text) + RECIPE_##id * sizeof(const char *)
#define LIST(id, option, meta, words_, first, text_)                                                         \
    {                                                                                                        \
        .name = option, .kind = ARGS_TEXT, .at = WORD(id), .choice = words_, .otherwise = first,             \
        .metavar = meta ",...", .help = text_                                                                \
    }
#define SWITCH(id, option, text_)                                                                            \
    {                                                                                                        \
        .name = option, .kind = ARGS_FLAG, .at = offsetof(struct probe_options, words.flag) + RECIPE_##id,   \
        .help = text_                                                                                        \
    }
/* The names are those of recipe.def, which checks the values; the defaults are the probe's. */
static const struct args_option LISTS[] = {
    LIST(NORM, "norm", "PLACEMENT", cmd_placement_word, PROBE_NORM "; of a MODEL: its own",
         "placement of the norms; mix:F makes the first fraction F of the blocks post, the rest pre"),
    LIST(DEPTH, "depth", "N", NULL, PROBE_DEPTH, "blocks"),
    LIST(INIT, "init", "KIND", recipe_init_word, PROBE_INIT, "initial weights of encoder and head"),
    LIST(IMAGE, "image", "N", NULL, PROBE_IMAGE, "pixels a side"),
    LIST(PATCH, "patch", "N", NULL, PROBE_PATCH, "pixels of a patch's side, where the stem has patches"),
    LIST(STEM, "stem", "KIND", recipe_stem_word, "patch", "what makes tokens of pixels, as in vit train"),
    LIST(WIDTH, "width", "N", NULL, PROBE_WIDTH, "numbers of a token"),
    LIST(HEADS, "heads", "N", NULL, PROBE_HEADS, "attention heads"),
    LIST(HIDDEN, "hidden", "N", NULL, PROBE_HIDDEN, "width of the MLP's inside"),
    LIST(POOL, "pool", "KIND", recipe_pool_word, PROBE_POOL,
         "what the head reads (a class token starts at deviation 0.02, far below the patches, unless "
         "--embed-norm is given)"),
    LIST(PRESET, "preset", "NAME", NULL, "none", "take what is not given here from vit train's presets"),
    LIST(NORM_KIND, "norm-kind", "KIND", cmd_norm_kind_word, "layernorm", "what a norm computes"),
    LIST(FINAL_NORM, "final-norm", "WHEN", cmd_switch_word, "auto",
         "the norm after the last block; auto: as the placement wants it; of a MODEL: its own"),
    LIST(OUT_GAIN, "out-gain", "G", NULL, PROBE_OUT_GAIN,
         "first gain of norms at the end of a branch (res-post, sandwich)"),
    LIST(POSITION_STD, "position-std", "S", NULL, "0.02", "deviation of initial learned positions"),
    LIST(LAYER_SCALE, "layer-scale", "G", NULL, "0.1 up to 18 blocks, 1e-5 up to 24, 1e-6 deeper",
         "initial LayerScale"),
    SWITCH(EMBED_NORM, "embed-norm",
           "one more norm after the embedding: the stream enters the blocks at RMS 1"),
    SWITCH(QK_NORM, "qk-norm", "norm queries and keys in every head"),
    SWITCH(ZERO_HEAD, "zero-head", "head weights start at 0"),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group NETWORKS = { "Networks: lists, of which every combination is measured", LISTS,
                                            VIT_COUNT(LISTS) };
static const struct args_group *const GROUPS[] = { &OWN, &NETWORKS, &cmd_bare_group, NULL };

/* ---- what nothing reads ---- */

/* Rows say it all the same, and a page of vit report measures them again: it is no mistake there. */
static void warn_unread(const struct probe_grid *g, const struct probe_options *o)
{
    struct recipe_readers readers = { 0 };
    bool given[RECIPE_SETTINGS];

    for (size_t i = 0; i < g->count; i++) recipe_readers_add(&readers, &g->cell[i].recipe);
    for (int i = 0; i < RECIPE_SETTINGS; i++) given[i] = o->words.text[i] || o->words.flag[i];
    recipe_readers_warn(&readers, given, NULL, &o->common);
}

/* ---- measuring ---- */

struct probing {
    const struct probe_options *options;
    struct probe_grid grid;
    struct probe_data data;
    struct probe_table *table; /* NULL: JSON */
    struct progress bar;
    size_t done; /* networks */
    int seeds;
};

/* One network, which has its pictures. */
static int measure(struct probing *g, size_t cell, struct vit_model *m, uint64_t seed)
{
    const struct probe_options *o = g->options;
    const struct vit_probe_options options = { .pictures = g->data.count,
                                               .batch = o->batch,
                                               .threads = cmd_threads(&o->common),
                                               .lr = o->lr,
                                               .steps = o->steps };
    struct probe_found found = { .options = o, .data = &g->data, .model = m, .seed = seed };
    struct vit_probe *p;
    struct vit_error err;
    int code = CMD_DONE;

    if (vit_probe_create(&p, m, &options, &err)) return cmd_unusable(&err);
    vit_probe_measure(p, g->data.planes, g->data.labels);
    found.probe = p;
    progress_clear(&g->bar);
    if (!g->table)
        code = probe_json(&g->grid.cell[cell], &found) ? CMD_DONE : CMD_SOME_FAILED;
    else if (probe_table_add(g->table, cell, &found, &err))
        code = cmd_unusable(&err);
    progress_update(&g->bar, ++g->done);
    vit_probe_close(p);
    return code;
}

/* ---- new networks ---- */

static int measure_new(struct probing *g, size_t cell, uint64_t seed)
{
    struct probe_cell *c = &g->grid.cell[cell];
    const struct vit_model_options options = { .kernels = g->options->common.kernels,
                                               .dtype = cmd_dtype(&g->options->common),
                                               .trainable = true };
    struct vit_init init = recipe_init(&c->recipe);
    struct vit_model *m;
    struct vit_error err;
    int code;

    init.seed = seed;
    if (vit_model_create(&m, &c->config, &g->data.recipe, NULL, &init, &options, &err))
        return cmd_unusable(&err);
    code = measure(g, cell, m, seed);
    vit_model_close(m);
    return code;
}

static int measure_cells(struct probing *g)
{
    const char *kind = g->data.set ? patch_dataset_kind(g->data.set) : "";
    const int classes = g->data.set ? patch_dataset_classes(g->data.set) : PROBE_NOISE_CLASSES;
    int code = CMD_DONE;

    for (size_t i = 0; i < g->grid.count && !code; i++) {
        struct vit_config *c = &g->grid.cell[i].config;
        const struct patch_recipe pictures = recipe_pictures(NULL, NULL, c->image, kind);
        c->classes = classes;
        code = probe_data_read(&g->data, &pictures, classes);
        for (int s = 0; s < g->seeds && !code; s++)
            code = measure_new(g, i, g->options->common.seed + (uint64_t)s);
    }
    return code;
}

/* ---- a model of a file ---- */

/* The samples, which nobody asked for, are shown to a model of any classes. */
static int match_samples(struct probe_data *d, const struct vit_model *m, const struct cmd_common *o)
{
    struct vit_error err;
    const enum vit_status status = eval_try_labels(d->set, m, d->path, o, &err);

    d->in_turn = status == VIT_ERR_UNSUPPORTED;
    if (!d->in_turn) return status ? cmd_unusable(&err) : CMD_DONE;
    cmd_warn(o,
             "%s: its classes are not those of %s: its pictures have the labels 0, 1, ... in turn, as with "
             "--noise; --data PATH names a data set of the model's classes",
             d->path, vit_model_path(m));
    return CMD_DONE;
}

/* Pictures and model fit together. */
static int match_data(struct probing *g, const struct vit_model *m)
{
    const struct probe_options *o = g->options;
    struct vit_error err;

    if (vit_model_takes_pictures(m, &err)) return cmd_unusable(&err);
    if (!g->data.set) return CMD_DONE;
    if (!o->data) return match_samples(&g->data, m, &o->common);
    return eval_match_labels(g->data.set, m, o->data, &o->common, &err) ? cmd_unusable(&err) : CMD_DONE;
}

static int measure_model(struct probing *g, size_t cell)
{
    struct cmd_common common = g->options->common;
    const char *norm = g->grid.cell[cell].norm, *final = g->options->words.text[RECIPE_FINAL_NORM];
    struct vit_model *m;
    int code;

    common.norm = *norm ? norm : NULL;
    common.final_norm = final;
    code = cmd_open_model(&m, &common, 0, true);
    if (!code && !cell) code = match_data(g, m);
    if (!code) code = probe_data_read(&g->data, vit_model_recipe(m), vit_model_config(m)->classes);
    if (!code) code = measure(g, cell, m, common.seed);
    vit_model_close(m);
    return code;
}

/* ---- the verb ---- */

static int measure_all(struct probing *g)
{
    const struct probe_options *o = g->options;
    struct vit_error err;
    int code = probe_data_open(&g->data, o);

    if (!code && !o->common.json && probe_table_create(&g->table, &g->grid, o, g->seeds, &err))
        code = cmd_unusable(&err);
    progress_start(&g->bar, "networks", g->grid.count * (size_t)g->seeds, !o->common.quiet);
    if (!code && !o->common.model) code = measure_cells(g);
    for (size_t i = 0; i < g->grid.count && o->common.model && !code; i++) code = measure_model(g, i);
    progress_clear(&g->bar);
    if (!code && g->data.failed) code = CMD_SOME_FAILED;
    probe_table_close(g->table);
    probe_data_close(&g->data);
    return code;
}

static int seeds_of(const struct probe_options *o)
{
    return o->common.model ? 1 : o->seeds ? o->seeds : SEEDS;
}

static int check(const struct probe_options *o)
{
    const char *name = NULL, *final = o->words.text[RECIPE_FINAL_NORM];
    const bool own = probe_grid_new(&o->words, &name);

    if (o->noise && o->data) return cmd_usage("expected --data or --noise, found both");
    if (o->noise && o->split) return cmd_usage("--split: expected a data set, found --noise");
    if (o->noise && o->max_pixels != PATCH_MAX_PIXELS)
        return cmd_usage("--max-pixels: expected pictures to decode, found --noise");
    if (!o->common.model && o->common.size)
        return cmd_usage("--size %d is for -m MODEL; --image chooses that of new networks", o->common.size);
    if (o->common.model && own)
        return cmd_usage("--%s is for new networks, -m MODEL for one that exists: expected one of them",
                         name);
    if (o->common.model && o->seeds)
        return cmd_usage("--seeds %d: a MODEL has its weights, no seed draws them", o->seeds);
    if (o->common.seed > (uint64_t)INT64_MAX - (uint64_t)(seeds_of(o) - 1))
        return cmd_usage("--seed: expected %d seeds less than 2^63 from it on, found \"%llu\"", seeds_of(o),
                         (unsigned long long)o->common.seed);
    if (o->common.model && final && strcmp(final, "auto") && strcmp(final, "on") && strcmp(final, "off"))
        return cmd_usage("--final-norm: expected auto, on or off for a MODEL, found \"%s\"", final);
    return cmd_check_trainable(&o->common);
}

static int run(const void *options, int count, char **operands)
{
    const struct probe_options *o = options;
    struct probing g = { .options = o, .seeds = seeds_of(o) };
    struct vit_error err;
    int code;

    if (count) return cmd_usage("expected no operands, found \"%s\"", operands[0]);
    code = check(o);
    if (code) return code;
    if (o->common.model ? probe_grid_placements(&g.grid, o->common.model, o->words.text[RECIPE_NORM], &err)
                        : probe_grid_networks(&g.grid, &o->words, &err)) {
        cmd_error("%s", err.text);
        code = err.status == VIT_ERR_NOMEM ? CMD_UNUSABLE : CMD_USAGE;
    } else {
        if (!o->common.model) warn_unread(&g.grid, o);
        code = measure_all(&g);
    }
    probe_grid_free(&g.grid);
    return code;
}

const struct args_verb cmd_probe = {
    .name = "probe",
    .operands = "[-m MODEL] [--data PATH]",
    .summary = "Measure what norm placements do to streams and gradients, without training",
    .details =
        "New networks of every combination of the lists (or one MODEL, with its norms where --norm puts "
        "them) see one fixed batch of pictures (without --data the samples, with labels in turn where a "
        "MODEL has other classes), and for every block this is measured: the gradient's norm "
        "of each matrix, the RMS of the residual stream and of the branches, the share of the branches in "
        "what they are added to, the cosine between a picture's tokens and their effective rank, the "
        "cosine between the stream before and after the block, how far an optimiser step on the matrices "
        "of the blocks moves the stream, and the entropy of attention (1: uniform, 0: one token).\n\n"
        "Tables show a network a line, means and deviations over the seeds; --blocks adds one for every "
        "network. With --json one object a line for each network, seed and block: norm, init, depth, seed "
        "(null: nothing was drawn), block (from 0), model (null: a new network), preset (null: none was "
        "given), image, stem (null: a model's own), patch (0: convolutions), width, heads, hidden, tokens, "
        "pool, norm_kind, qk_norm, embed_norm, final_norm, out_gain, position_std, layer_scale (0: by "
        "depth), zero_head, condition (what a list varies, but for norm and depth), data, split (null: as "
        "without --split), pictures, labels_in_turn (not the data set's), lr, steps, batch, dtype, kernels "
        "(null: not given); grad_q grad_k grad_v grad_o grad_w1 grad_w2 (Frobenius norms for the mean "
        "loss); middle_rms (where the MLP's half starts), stream_rms, stream_max; attn_branch_rms, "
        "mlp_branch_rms, attn_share, mlp_share, branch_share (mean of both); token_cosine, effective_rank; "
        "layer_cosine, angle (to the stream before each earlier block, arccos / pi); step_change, "
        "steps_change; entropy, head_entropy, one_hot_heads (share of heads below 0.1), max_logit; and of "
        "the whole network loss, entry_rms, entry_cosine, entry_rank, logits_change, logits_steps_change. "
        "What cannot be computed is null.",
    .groups = GROUPS,
    .bytes = sizeof(struct probe_options),
    .run = run,
};
