/* vit sweep: a grid of training runs, from flags, a grid file, or what was begun in the folder. */
#include <omp.h>
#include <string.h>

#include "tools/recipe_preset.h"
#include "tools/sweep.h"

static const char *keep_word(int i)
{
    static const char *const WORDS[] = { "model", "none", NULL };
    return WORDS[i];
}

_Static_assert(offsetof(struct sweep_options, words) == sizeof(struct cmd_common),
               "the shared rows point elsewhere");

/* What a run has to have learnt, and when, as the help says it. */
#define LEFT   CMD_TEXT(TRAIN_LEFT_BELOW)
#define DEAD   CMD_TEXT(TRAIN_DEAD_ABOVE)
#define SHARE  CMD_TEXT(TRAIN_DEAD_SHARE)
#define LEAST  CMD_TEXT(TRAIN_DEAD_LEAST)
#define WINDOW CMD_TEXT(TRAIN_WINDOW)

#define AT(field) offsetof(struct sweep_options, field)
static const struct args_option ROWS[] = {
    CMD_DATA_ROW(AT(data), NULL, "; read once for all cells"),
    { .name = "out",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(out),
      .metavar = "DIR",
      .help = "folder to make, an empty one, or that of a sweep to go on with" },
    { .name = "recipe",
      .kind = ARGS_PATH,
      .at = AT(recipe),
      .metavar = "FILE.json",
      .help =
          "the grid as one JSON object, by the names of the options, values or arrays of them: "
          "{\"lr\": [0.0003, 0.001], \"epochs\": 5, \"qk-norm\": [false, true]}; what the command line gives "
          "wins" },
    { .name = "seeds",
      .kind = ARGS_INT,
      .at = AT(seeds),
      .low = 1,
      .high = 1000,
      .metavar = "N",
      .help = "seeds 0 to N-1; --seed takes a list" },
    { .name = "plan",
      .kind = ARGS_FLAG,
      .at = AT(plan),
      .help = "print cells, FLOPs and expected hours, and train nothing; needs no --out" },
    { .name = "rate",
      .kind = ARGS_FLOAT,
      .at = AT(rate),
      .low = 1e-3,
      .high = 1e9,
      .metavar = "GFLOPS",
      .otherwise = "measured: some steps of every different network",
      .help = "GFLOP/s of all jobs together that --plan reckons with" },
    { .name = "dead-after",
      .kind = ARGS_TEXT,
      .at = AT(dead_after),
      .metavar = "N|N%|auto",
      .otherwise = "auto",
      .help =
          "steps, or their share of all, after which a cell is stopped that is still at chance; auto: " SHARE
          "%, but " LEAST " steps at least; 0: never" },
    { .name = "no-test",
      .kind = ARGS_FLAG,
      .at = AT(no_test),
      .help = "do not run the test split, where there is one, through the cells that are done" },
    { .name = "keep",
      .kind = ARGS_CHOICE,
      .at = AT(keep),
      .choice = keep_word,
      .initial = "model",
      .metavar = "WHAT",
      .help =
          "what stays of a cell that is done, beside its log, configuration and logits; a dead or diverged "
          "one has no more than its log, which stays" },
    { .name = "jobs",
      .letter = 'j',
      .kind = ARGS_INT,
      .at = AT(jobs),
      .low = 1,
      .high = VIT_MOST_THREADS,
      .initial = "1",
      .metavar = "N",
      .help = "cells trained side by side, each with its share of --threads and memory of its own; the "
              "numbers stay the same" },
    TRAIN_CHECKPOINT_ROW(AT(checkpoint_every), "steps between states of the cell under way"),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };

static const struct args_group *const GROUPS[] = { &OWN, RECIPE_GROUPS, NULL };

/* ---- what was begun, and what is asked for ---- */

static enum vit_status gather(struct recipe_lists *l, const struct sweep_options *o,
                              const struct sweep_saved *saved, struct vit_error *err)
{
    char number[16];
    enum vit_status status = recipe_lists_words(l, &o->words, err);

    if (!status && o->seeds && l->of[RECIPE_SEED].count)
        status = vit_fail(err, VIT_ERR_ARG, "--seeds and --seed: expected one of them");
    for (int i = 0; i < o->seeds && !status; i++) {
        snprintf(number, sizeof number, "%d", i);
        status = recipe_lists_add(l, RECIPE_SEED, number, err);
    }
    if (!status && o->recipe) status = recipe_lists_file(l, o->recipe, err);
    if (!status && saved->exists) status = sweep_again_lists(l, saved, o->out, err);
    return status || !saved->exists ? status : recipe_lists_fill(l, &saved->lists, err);
}

/* Those that the cells read. */
static unsigned splits_of(const struct recipe_lists *l, bool test)
{
    return 1u << PATCH_TRAIN | (recipe_lists_find(l, RECIPE_VAL_SPLIT, "on") >= 0 ? 1u << PATCH_VAL : 0) |
           (test ? 1u << PATCH_TEST : 0);
}

/* What else must be as it was: the rule that stops dead cells, and whether there is a test. */
static enum vit_status choose_rest(struct sweep *s, const struct sweep_options *o,
                                   const struct sweep_saved *saved, struct vit_error *err)
{
    s->dead_after = o->dead_after ? o->dead_after : saved->exists ? saved->dead_after : "auto";
    s->test = saved->exists ? saved->test : !o->no_test;
    s->begun_with = saved->pictures;
    s->begun_digest = saved->data.digest;
    s->begun_teachers = saved->teachers;
    s->begun_grid = saved->grid;
    s->splits = splits_of(&s->lists, s->test);
    if (saved->exists && strcmp(s->dead_after, saved->dead_after) != 0)
        return vit_fail(err, VIT_ERR_ARG, "--dead-after: the sweep in %s has \"%s\", found \"%s\"", o->out,
                        saved->dead_after, s->dead_after);
    if (o->no_test && s->test)
        return vit_fail(err, VIT_ERR_ARG, "--no-test: the sweep in %s has tests", o->out);
    return VIT_OK;
}

/* libgomp binds the teams of all jobs alike, from the first place upwards, and nothing turns that off. A job
 * of one thread has no team. */
static void warn_bound(const struct sweep *s)
{
    if (s->jobs > 1 && s->common.threads > 1 && omp_get_proc_bind() != omp_proc_bind_false)
        cmd_warn(&s->common,
                 "--jobs %d: OpenMP is told to bind threads, and binds those of every job to the same cores: "
                 "unset OMP_PROC_BIND, OMP_PLACES and GOMP_CPU_AFFINITY",
                 s->jobs);
}

/* Each job has as many threads as the others. */
static int share_threads(struct sweep *s)
{
    const int threads = cmd_threads_in_all(&s->common);
    const int wanted = s->options->jobs;

    if (wanted > 1 && wanted > threads)
        return cmd_usage("--jobs: expected at most %d, the threads to compute with, found %d", threads,
                         wanted);
    s->jobs = wanted < s->count ? wanted : s->count;
    if (s->jobs > 1) s->common.threads = threads / s->jobs;
    warn_bound(s);
    return CMD_DONE;
}

/* ---- the verb ---- */

/* Cells that differ only in what they do not read are trained all the same: each has the name that a report,
 * or a longer list, looks for. */
static void warn_twins(const struct sweep *s, const struct recipe_readers *readers)
{
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        const int idle = readers->recipes - readers->of[id];
        if (idle && s->lists.of[id].count > 1)
            cmd_warn(
                &s->common,
                "--%s: nothing reads it %s, as in %d of %d cells: those that differ in it alone give equal "
                "models",
                recipe_name((enum recipe_id)id), readers->lack[id], idle, readers->recipes);
    }
}

/* One value that a recipe file has, which is meant for other sweeps too. */
static void warn_filed(const struct sweep *s, const struct recipe_readers *readers)
{
    bool filed[RECIPE_SETTINGS];

    for (int i = 0; i < RECIPE_SETTINGS; i++) {
        const struct recipe_list *list = &s->lists.of[i];
        filed[i] = list->filed && list->count == 1 && strcmp(list->text[0], "off") != 0;
    }
    recipe_readers_warn(readers, filed, s->options->recipe, &s->common);
}

/* A sweep that goes on was begun so. */
static enum vit_status check_read(const struct sweep *s, bool begun, struct vit_error *err)
{
    struct recipe_readers readers = { 0 };
    enum vit_status status = VIT_OK;

    for (int i = 0; i < s->count; i++) recipe_readers_add(&readers, &s->cells[i].recipe);
    if (!begun) status = recipe_readers_check(&readers, &s->options->words, err);
    if (!status && !begun) warn_filed(s, &readers);
    if (!status) warn_twins(s, &readers);
    return status;
}

static int run_grid(struct sweep *s, bool begun)
{
    struct vit_error err;
    int code;

    if (sweep_grid_make(s, &err) || check_read(s, begun, &err)) return cmd_refuse(&err);
    code = share_threads(s);
    if (!code) code = sweep_data_open(s);
    if (code) return code;
    if (s->options->plan) return sweep_plan(s);
    code = sweep_run(s);
    if (code != CMD_DONE && code != CMD_SOME_FAILED) return code;
    return sweep_table(s) ? CMD_SOME_FAILED : code;
}

static int run_with(const struct sweep_options *o, const struct sweep_saved *saved)
{
    struct sweep s = { .options = o, .common = o->common, .file = -1 };
    struct vit_error err;
    int code;

    if (gather(&s.lists, o, saved, &err) || choose_rest(&s, o, saved, &err) ||
        train_again_kernels(&s.common, saved->kernels, "sweep", o->out, &err)) {
        code = err.status == VIT_ERR_ARG || err.status == VIT_ERR_FORMAT ? CMD_USAGE : CMD_UNUSABLE;
        cmd_error("%s", err.text);
    } else if (train_again_data(&s.data, o->data, &saved->data, s.splits, "sweep", o->out, &err)) {
        code = cmd_refuse(&err);
    } else {
        code = run_grid(&s, saved->exists);
    }
    sweep_folder_close(&s);
    sweep_data_close(&s);
    sweep_grid_free(&s);
    recipe_lists_free(&s.lists);
    return code;
}

static int run(const void *options, int count, char **operands)
{
    const struct sweep_options *o = options;
    struct sweep_saved saved = { 0 };
    struct vit_error err;
    int code;

    if (count) return cmd_usage("expected no operands, found \"%s\"", operands[0]);
    if (o->rate > 0 && !o->plan) return cmd_usage("--rate: expected --plan, which reckons with it");
    if (!o->out && !o->plan) return cmd_usage("--out: expected a folder, found none");
    if (o->out && sweep_saved_read(&saved, o->out, &err))
        code = cmd_unusable(&err);
    else
        code = run_with(o, &saved);
    sweep_saved_free(&saved);
    return code;
}

const struct args_verb cmd_sweep = {
    .name = "sweep",
    .operands = "--data PATH --out DIR",
    .summary = "Train a grid of networks under one recipe",
    .details =
        "Every setting of train takes a list, as in --norm pre,post --depth 6,12 --lr 3e-4,1e-3 --seeds 3 "
        "(switches take theirs in --recipe); a cell is one value of each, and the grid is all cells. For "
        "equal seeds all cells have the same initial weights, order of pictures and augmentation. One cell "
        "is trained after the other, or --jobs of them side by side, which uses many cores better than one "
        "small network does: all arms with the first seed, from the middle learning rates to the edges, "
        "then the next seed. An option that no cell reads, as --muon-lr without --optimizer muon, is "
        "refused; of one in a recipe file a warning tells.\n\n"
        "DIR receives sweep.json (the grid), cells/ID/ (what train writes; of a dead or diverged cell its "
        "log alone), cells.jsonl (a line for each cell that has ended: its settings, as norm_kind for "
        "--norm-kind, status, reason, epochs_done, steps, train_loss, val_loss, val_top1, val_n, "
        "plateau_step, images_per_second, seconds, test_loss, test_top1, test_n, logits), epochs.jsonl (the "
        "lines of their logs), and logits/ID.safetensors (of the test split, as vit eval --logits writes "
        "them). The table at the end has a row for each arm, over its seeds.\n\n"
        "A sweep that was interrupted (Ctrl-C, SIGTERM, a closed terminal, kill, power) goes on with the "
        "same command, or with --out DIR alone, and ends with the same numbers as if nothing had happened. "
        "Values can be added to --norm, to --seed and to what was a list before, as in --seeds 5 after "
        "--seeds 3; anything else that differs is refused. --data may name another place with the same "
        "files.\n\n"
        "No cell is dropped. One whose loss or gradient is not finite is \"diverged\", with the step; one "
        "whose training loss (mean of about " WINDOW " steps, or of all so far) is at --dead-after still "
        "above " DEAD " of ten classes, where chance is ln 10 = 2.303, or above as large a part of another "
        "chance, is stopped and \"dead\"; both are results, not errors. plateau_step is the first step, "
        "from " WINDOW " on, or the last of a shorter run, with that mean below " LEFT
        ", or as large a part. The test split is run once through each cell that is done, with its last "
        "weights, and chooses nothing.\n\n"
        "FLOPs of --plan: 6 for a multiply-add in training, 2 in validation, test and the answers of a "
        "teacher.\n\n"
        "Exit codes: 0 done, 1 done without the pictures that could not be read, 2 wrong usage, 3 data "
        "set or folder unusable, 130 interrupted.\n\n" RECIPE_PRESETS_TEXT,
    .groups = GROUPS,
    .bytes = sizeof(struct sweep_options),
    .run = run,
};
