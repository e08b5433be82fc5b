/* vit train: one run, from flags, recipe file, preset, or what an interrupted run has saved. */
#include <math.h>
#include <string.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "tools/recipe_preset.h"
#include "tools/train.h"
#include "vit/json.h"

struct options {
    struct cmd_common common;
    struct recipe_words words; /* right here: the shared rows point to it */
    const char *data, *out, *resume, *recipe;
    int checkpoint_every;
    bool force;
};
_Static_assert(offsetof(struct options, words) == sizeof(struct cmd_common),
               "the shared rows point elsewhere");

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    CMD_DATA_ROW(AT(data), NULL, "; the test split is never read"),
    { .name = "out",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(out),
      .metavar = "DIR",
      .help = "folder to make, or an empty one" },
    { .name = "resume",
      .kind = ARGS_PATH,
      .at = AT(resume),
      .metavar = "DIR",
      .help = "in the place of --out: go on with the run in DIR; where DIR has no state yet, starts it with "
              "the flags given now" },
    { .name = "force", .kind = ARGS_FLAG, .at = AT(force), .help = "replace the run that --out holds" },
    { .name = "recipe",
      .kind = ARGS_PATH,
      .at = AT(recipe),
      .metavar = "FILE.json",
      .help = "settings as one JSON object, by the names of the options: {\"preset\": \"plain-4\", \"lr\": "
              "0.001, \"qk-norm\": true}; what the command line gives wins" },
    TRAIN_CHECKPOINT_ROW(AT(checkpoint_every), "steps between states saved for --resume"),
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };

static const struct args_group *const GROUPS[] = { &OWN, RECIPE_GROUPS, NULL };

/* ---- settings ---- */

/* What to validate on is said in one of two ways. */
static enum vit_status name_difference(enum recipe_id id, const struct recipe_texts *saved,
                                       const struct recipe_texts *found, const char *folder,
                                       struct vit_error *err)
{
    char had[64], is[64];

    if (id == RECIPE_VAL || id == RECIPE_VAL_SPLIT)
        return vit_fail(err, VIT_ERR_ARG, "%s: the run in %s has %s",
                        recipe_texts_validation(is, sizeof is, found), folder,
                        recipe_texts_validation(had, sizeof had, saved));
    return vit_fail(err, VIT_ERR_ARG, "--%s: the run in %s has \"%s\", found \"%s\"", recipe_name(id), folder,
                    recipe_texts_value(saved, id), recipe_texts_value(found, id));
}

/* A continuation must be asked for with the settings it was started with, or with none. */
static enum vit_status refuse_difference(const struct recipe_texts *given, const struct recipe_texts *saved,
                                         const char *folder, struct vit_error *err)
{
    struct recipe_texts merged = { { 0 } };
    struct recipe was, is = { 0 };
    enum vit_status status = recipe_parse(&was, saved, err);
    int id = -1;

    if (!status) status = recipe_texts_fill(&merged, given, err);
    if (!status) status = recipe_texts_fill(&merged, saved, err);
    if (!status) status = recipe_parse(&is, &merged, err);
    if (!status && was.teacher && is.teacher) was.teacher = is.teacher; /* may lie elsewhere now */
    if (!status) id = recipe_difference(&was, &is);
    if (id >= 0) status = name_difference((enum recipe_id)id, saved, &merged, folder, err);
    recipe_texts_free(&merged);
    return status;
}

/* filed: those that the file sets, but for a switch that stays off. */
static enum vit_status read_file(struct recipe_texts *t, bool filed[RECIPE_SETTINGS], const char *path,
                                 struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < RECIPE_SETTINGS; i++) filed[i] = !t->text[i];
    if (path) status = recipe_texts_file(t, path, err);
    for (int i = 0; i < RECIPE_SETTINGS; i++) filed[i] &= t->text[i] && strcmp(t->text[i], "off") != 0;
    return status;
}

/* A run that goes on was begun so, and a file is meant for other runs too. */
static enum vit_status check_read(const struct recipe *r, const struct options *o,
                                  const bool filed[RECIPE_SETTINGS], const struct train_saved *saved,
                                  struct vit_error *err)
{
    struct recipe_readers readers = { 0 };
    enum vit_status status;

    if (saved->exists) return VIT_OK;
    recipe_readers_add(&readers, r);
    status = recipe_readers_check(&readers, &o->words, err);
    if (!status) recipe_readers_warn(&readers, filed, o->recipe, &o->common);
    return status;
}

static enum vit_status gather(struct recipe_texts *t, struct recipe *r, const struct options *o,
                              const struct train_saved *saved, struct vit_error *err)
{
    bool filed[RECIPE_SETTINGS];
    enum vit_status status = recipe_texts_words(t, &o->words, err);

    if (!status) status = read_file(t, filed, o->recipe, err);
    if (!status && saved->exists) status = refuse_difference(t, &saved->texts, o->resume, err);
    if (!status && saved->exists) status = recipe_texts_fill(t, &saved->texts, err);
    if (!status && !saved->exists) status = recipe_texts_preset(t, err);
    if (!status) status = recipe_parse(r, t, err);
    return status ? status : check_read(r, o, filed, saved, err);
}

/* ---- the result ---- */

/* With the interval that vit eval gives of as many pictures. */
static struct eval_share validated(const struct train_result *r)
{
    return eval_share_of((size_t)llrint(r->val.top1 * (double)r->val.n), r->val.n);
}

static json_t *result_json(const struct train_result *r, const char *out, int code)
{
    const struct eval_share top1 = validated(r);
    json_t *o = json_pack("{s:o, s:s, s:s?, s:i, s:i, s:I, s:o, s:I}", "out", out_text(out), "status",
                          train_status(code), "reason", r->reason[0] ? r->reason : NULL, "epochs", r->epochs,
                          "steps", r->steps, "pictures", (json_int_t)r->pictures, "train_loss",
                          r->epochs ? out_real(r->train_loss) : json_null(), "val_n", (json_int_t)r->val.n);

    if (!o) return NULL;
    vit_json_put(&o, "n_failed", r->failed < 0 ? json_null() : json_integer(r->failed));
    vit_json_put(&o, "val_loss", r->val.n ? out_real(r->val.loss) : json_null());
    vit_json_put(&o, "val_top1", r->val.n ? out_real(r->val.top1) : json_null());
    vit_json_put(&o, "val_top1_ci95", eval_interval(top1.low, top1.high));
    vit_json_put(&o, "images_per_second",
                 r->images_per_second > 0 ? out_real(r->images_per_second) : json_null());
    vit_json_put(&o, "seconds", r->seconds > 0 ? out_real(r->seconds) : json_null());
    return o;
}

static void print_text(const struct train_result *r, const char *out)
{
    const struct eval_share top1 = validated(r);

    out_name(stdout, out);
    printf("/" TRAIN_MODEL ": %d epoch%s, %d step%s, training loss %.4f", r->epochs,
           out_plural((uint64_t)r->epochs), r->steps, out_plural((uint64_t)r->steps), r->train_loss);
    if (r->val.n)
        printf(", validation top-1 %.2f %% [%.2f, %.2f] of %zu", 100 * top1.value, 100 * top1.low,
               100 * top1.high, r->val.n);
    if (r->images_per_second > 0) printf(", %.1f images/s", r->images_per_second);
    putchar('\n');
}

/* A run that diverged has left no model to tell people of. */
static int print_result(const struct train_result *r, const struct options *o, const char *out, int code)
{
    if (code == TRAIN_DIVERGED) cmd_error("%s", r->reason);
    if (o->common.json) return out_json(result_json(r, out, code)) || code ? code : CMD_SOME_FAILED;
    if (code != TRAIN_DIVERGED) print_text(r, out);
    return code;
}

/* ---- the verb ---- */

/* A finished run asks its teacher nothing any more: it is looked at where somebody names it. */
static enum vit_status check_teacher(const struct train_job *job, const struct options *o,
                                     const struct train_saved *saved, struct vit_error *err)
{
    const char *names = job->recipe.teacher;
    const bool named = o->words.text[RECIPE_TEACHER] != NULL;

    if (!names || (!named && recipe_same_text(names, saved->texts.text[RECIPE_TEACHER]))) return VIT_OK;
    return train_teacher_check(job, saved, err);
}

static int show_finished(const struct train_job *job, const struct options *o,
                         const struct train_saved *saved)
{
    struct vit_error err;

    if (check_teacher(job, o, saved, &err)) return cmd_refuse(&err);
    cmd_warn(job->common, "%s: this run is finished, nothing is left to do", job->out);
    return print_result(&saved->result, o, job->out, saved->result.failed > 0 ? CMD_SOME_FAILED : CMD_DONE);
}

static int run_with(const struct options *o, const struct train_saved *saved)
{
    struct recipe_texts texts = { { 0 } };
    struct cmd_common common = o->common;
    struct train_result result;
    struct train_job job = { .common = &common,
                             .texts = &texts,
                             .out = o->resume ? o->resume : o->out,
                             .digest = saved->data.digest,
                             .checkpoint_every = o->checkpoint_every,
                             .resume = o->resume != NULL,
                             .replace = o->force };
    struct vit_error err;
    int code;

    if (gather(&texts, &job.recipe, o, saved, &err) ||
        train_again_kernels(&common, saved->kernels, "run", o->resume, &err)) {
        code = err.status == VIT_ERR_ARG || err.status == VIT_ERR_FORMAT ? CMD_USAGE : CMD_UNUSABLE;
        cmd_error("%s", err.text);
    } else if (train_again_data(&job.data, o->data, &saved->data, train_data_splits(&job.recipe), "run",
                                o->resume, &err)) {
        code = cmd_refuse(&err);
    } else if (saved->finished && train_folder_done(job.out)) {
        code = show_finished(&job, o, saved);
    } else {
        code = train_run(&job, &result);
        if (train_status(code)) code = print_result(&result, o, job.out, code);
    }
    recipe_texts_free(&texts);
    return code;
}

/* Nothing trained is cleared for a run: a folder with a downloaded network is meant for --from, and one of a
 * finished run may have lost its state on purpose. What else lies in a folder is not in the way, unless it is
 * runs: then the folder above theirs was named. */
static int check_resumed(const char *folder)
{
    if (train_folder_has(folder, TRAIN_STATE)) return CMD_DONE;
    if (train_folder_runs(folder)) {
        if (!train_folder_has(folder, TRAIN_MODEL)) return CMD_DONE;
        cmd_error("%s: holds the model of a run that has ended and no state to go on from; --out %s --force "
                  "replaces it",
                  folder, folder);
        return CMD_USAGE;
    }
    if (train_folder_above(folder))
        cmd_error("%s: holds runs in folders of their own, expected the folder of one", folder);
    else if (train_folder_has(folder, TRAIN_MODEL) || train_folder_has(folder, TRAIN_CONFIG))
        cmd_error("%s: holds a network, and no run to go on with; --from starts from a trained network",
                  folder);
    else
        return CMD_DONE;
    return CMD_USAGE;
}

static int check_folders(const struct options *o)
{
    struct vit_error err;

    if (o->resume && o->out && strcmp(o->resume, o->out) != 0)
        return cmd_usage("--resume %s and --out %s: expected one folder", o->resume, o->out);
    if (!o->resume && !o->out) return cmd_usage("--out: expected a folder, found none");
    if (o->resume && o->force)
        return cmd_usage("--force begins anew, --resume goes on: expected one of them");
    if (train_folder_check(o->resume ? o->resume : o->out, &err)) return cmd_unusable(&err);
    if (o->resume) return check_resumed(o->resume);
    return train_folder_may_begin(o->out, o->force, &err) ? cmd_usage("%s", err.text) : CMD_DONE;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct train_saved saved = { 0 };
    struct vit_error err;
    int code;

    if (count) return cmd_usage("expected no operands, found \"%s\"", operands[0]);
    code = check_folders(o);
    if (code) return code;
    if (o->resume && train_saved_read(&saved, o->resume, &err)) {
        code = cmd_unusable(&err);
    } else {
        if (o->resume && !saved.exists)
            cmd_warn(&o->common,
                     "%s: holds no state yet: the run starts from its beginning, with the flags given now",
                     o->resume);
        code = run_with(o, &saved);
    }
    train_saved_free(&saved);
    return code;
}

const struct args_verb cmd_train = {
    .name = "train",
    .operands = "--data PATH --out DIR",
    .summary = "Train a network on a labelled data set",
    .details =
        "DIR receives model.safetensors (weights, configuration, labels), config.json, log.jsonl (a line "
        "for each epoch) and state.safetensors, which holds the flags from the first step on. A run that "
        "was interrupted (Ctrl-C, SIGTERM, a closed terminal, kill, power) goes on with --resume DIR and "
        "ends with the same bits as if nothing had happened; other flags than those it was started with "
        "are refused, flags that are not given are those of the start; --data may name another place with "
        "the same files, --teacher one with the same networks. With --ema the averaged weights are the "
        "model. The test split is never read. An option that nothing of the recipe reads, as --muon-lr "
        "without --optimizer muon, is refused; of one in a recipe file a warning tells.\n\n"
        "With --json one object, once the run has ended: out, status (done or diverged), reason (null unless "
        "it diverged), epochs, steps, pictures (to learn from), n_failed (pictures that could not be read, "
        "to learn from or to validate on; null of a run that ended before this was kept), train_loss (of "
        "the last whole epoch), val_n, val_loss, val_top1, val_top1_ci95 (of the last validation), "
        "images_per_second, seconds. What a run that diverged did not come to is null.\n\n"
        "Fine-tuning: with --from the network is a trained one, of any family that can be read. Options "
        "about the network change it; the preset gives the recipe alone, and is fine-tune where none is "
        "named, not the defaults below, which are those of plain-4.\n\n"
        "Exit codes: 0 done, 1 done without the pictures that could not be read, 2 wrong usage, 3 data "
        "set or folder unusable, 4 diverged (loss, gradient or the answers of the network not finite), 130 "
        "interrupted.\n\n" RECIPE_PRESETS_TEXT,
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
