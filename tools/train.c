/* The loop of a training run. */
#include "tools/train.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/stop.h"
#include "tools/train_parts.h"
#include "vit/sink.h"

/* A time-based checkpoint loses at most this much to a kill. */
#define CHECKPOINT_SECONDS 120.0

/* ---- checkpoints ---- */

static int save(struct train *t)
{
    struct vit_error err;

    return train_state_save(t, &err) ? train_fail(t, &err) : CMD_DONE;
}

/* What a run was started with is in its state alone: a kill before the first one that is due must not lose
 * it. A sweep keeps it for its cells. */
static int begin(struct train *t)
{
    return t->goes_on || t->job->cell ? CMD_DONE : save(t);
}

static int interrupted(struct train *t)
{
    const int code = save(t);

    if (code) return code;
    progress_clear(&t->bar);
    if (!t->job->cell)
        cmd_warn(t->job->common, "interrupted after step %d; vit train --resume %s goes on from there",
                 vit_trainer_steps(t->trainer), t->job->out);
    return CMD_INTERRUPTED;
}

static int checkpoint(struct train *t)
{
    const int every = t->job->checkpoint_every;
    const bool due = every ? vit_trainer_steps(t->trainer) % every == 0
                           : progress_seconds() - t->saved >= CHECKPOINT_SECONDS;

    if (stop_wanted()) return interrupted(t);
    return due ? save(t) : CMD_DONE;
}

/* ---- a step ---- */

/* Of a step, from 1 on: as the trainer has it. */
static float rate_of(const struct train *t, int step)
{
    return t->hyper.lr * (float)vit_schedule_factor(&t->hyper, step - 1);
}

/* The state of before stays: there is nothing to go on to. */
static int lost(struct train *t, int step, const char *what)
{
    progress_clear(&t->bar);
    snprintf(t->reason, sizeof t->reason, "diverged at step %d, learning rate %g: the %s is not finite", step,
             (double)rate_of(t, step), what);
    return TRAIN_DIVERGED;
}

/* The weights were not touched. */
static int diverged(struct train *t, const struct vit_report *r)
{
    const int step = vit_trainer_steps(t->trainer) + 1;
    const struct train_line line = { .kind = "step",
                                     .step = step,
                                     .train_loss = r->loss,
                                     .train_top1 = train_top1(t),
                                     .grad_norm = r->grad_norm,
                                     .lr = rate_of(t, step),
                                     .diverged = true };
    struct vit_error err;

    if (train_log_write(t, &line, &err)) train_fail(t, &err);
    return lost(t, step, isfinite(r->loss) ? "gradient" : "loss");
}

/* Asked once, at the step that the job names. Nothing is saved: a continuation comes to the same end. */
static int check_dead(struct train *t)
{
    const int classes = vit_model_config(t->model)->classes;

    if (vit_trainer_steps(t->trainer) != t->dead_after || !train_dead(t->running, classes)) return CMD_DONE;
    progress_clear(&t->bar);
    snprintf(t->reason, sizeof t->reason, "dead at step %d: training loss %.4f, chance is %.4f",
             t->dead_after, t->running, log(classes));
    return TRAIN_DEAD;
}

static int log_step(struct train *t, const struct vit_report *r, int n)
{
    const int step = vit_trainer_steps(t->trainer);
    const struct train_line line = { .kind = "step",
                                     .step = step,
                                     .train_loss = r->loss,
                                     .train_top1 = (double)r->correct / n,
                                     .grad_norm = r->grad_norm,
                                     .lr = rate_of(t, step) };
    struct vit_error err;

    if (!t->recipe->log_every || step % t->recipe->log_every) return CMD_DONE;
    return train_log_write(t, &line, &err) ? train_fail(t, &err) : CMD_DONE;
}

/* Since the last call, or since the epoch began, there were steps alone. */
static void count_seconds(struct train *t)
{
    const double now = progress_seconds();

    t->epoch_seconds += now - t->counted;
    t->all_seconds += now - t->counted;
    t->counted = now;
}

/* The pictures of a step that was done, and its seconds: what is logged and saved now has both. */
static void count_step(struct train *t, int images)
{
    t->epoch_images += images;
    t->images += images;
    t->all_images += images;
    count_seconds(t);
}

static int step(struct train *t, const struct patch_feed_batch *b)
{
    struct vit_batch batch;
    struct vit_report r;
    struct vit_error err;
    int code;

    train_feed_report(t);
    if (!b->n) {
        cmd_error("%s: no picture of a batch can be read any more", t->job->data);
        return CMD_UNUSABLE;
    }
    batch = (struct vit_batch){ .planes = b->planes,
                                .labels = b->labels,
                                .other = b->other,
                                .weight = b->weight,
                                .n = b->n,
                                .teacher_share = t->recipe->teacher_share };
    if (train_teacher_ask(&batch.teacher, t->teacher, b->planes, b->n, &err)) return train_fail(t, &err);
    r = vit_trainer_step(t->trainer, &batch);
    if (!r.finite) return diverged(t, &r);
    t->batch++;
    t->sums.steps++;
    t->sums.loss += r.loss * b->n;
    t->sums.norm += r.grad_norm;
    t->sums.correct += r.correct;
    t->sums.seen += b->n;
    count_step(t, b->n);
    train_plateau_step(t, r.loss, vit_trainer_steps(t->trainer), vit_model_config(t->model)->classes);
    train_show_progress(t);
    code = log_step(t, &r, b->n);
    if (!code) code = check_dead(t);
    return code ? code : checkpoint(t);
}

/* ---- an epoch ---- */

/* With an average of the weights, that is the model; what the trained ones do is logged beside it. */
static int validate(struct train *t)
{
    struct train_score raw = { 0 }, val = { 0 };
    int code;

    progress_clear(&t->bar);
    code = train_feed_validate(t, &raw);
    if (code || !(t->recipe->ema > 0)) {
        if (!code) t->val = raw;
        return code;
    }
    vit_trainer_average(t->trainer, true);
    code = train_feed_validate(t, &val);
    vit_trainer_average(t->trainer, false);
    if (!code) t->val = val, t->raw = raw;
    return code;
}

static enum vit_status log_epoch(struct train *t, bool validated, bool diverged, struct vit_error *err)
{
    const struct train_line line = {
        .kind = "epoch",
        .step = vit_trainer_steps(t->trainer),
        .train_loss = train_loss(t),
        .train_top1 = train_top1(t),
        .grad_norm = t->sums.steps ? t->sums.norm / t->sums.steps : 0,
        .lr = rate_of(t, vit_trainer_steps(t->trainer)),
        .val = validated ? &t->val : NULL,
        .raw = validated ? &t->raw : NULL,
        .diverged = diverged,
    };

    return train_log_write(t, &line, err);
}

/* Whether the network that is written gives an answer: asked of a batch, where no validation tells. */
static enum vit_status ask(struct train *t, bool *finite, struct vit_error *err)
{
    const struct patch_feed_batch *b;
    const float *logits;
    int n;

    *finite = true;
    patch_feed_start(t->feed, t->epoch, 0, false);
    if (patch_feed_next(t->feed, &b, err)) return err->status;
    if (!b || !b->n) return VIT_OK;
    n = b->n < TRAIN_EVAL_BATCH ? b->n : TRAIN_EVAL_BATCH;
    vit_trainer_average(t->trainer, true);
    logits = vit_forward(t->eval, b->planes, n);
    for (int i = 0; i < n * vit_model_config(t->model)->classes; i++) *finite &= isfinite(logits[i]) != 0;
    vit_trainer_average(t->trainer, false);
    return VIT_OK;
}

/* A signal in the middle of the validation leaves the epoch's end to the continuation. */
static int end_epoch(struct train *t)
{
    const bool last = t->epoch + 1 == t->recipe->epochs;
    const bool due = t->data->held && (last || (t->epoch + 1) % t->recipe->eval_every == 0);
    struct vit_error err;
    int code = due ? validate(t) : CMD_DONE;
    bool validated, diverged, finite = true;

    if (code) return code == CMD_INTERRUPTED ? interrupted(t) : code;
    validated = due && t->val.n;
    /* What the last step did to the network, no loss of a further step will tell. */
    if (last && !validated && ask(t, &finite, &err)) return train_fail(t, &err);
    diverged = last && !(validated ? isfinite(t->val.loss) : finite);
    if (log_epoch(t, due, diverged, &err)) return train_fail(t, &err);
    train_show_epoch(t, due);
    t->train_loss = train_loss(t);
    t->epoch++;
    t->batch = 0;
    t->sums = (struct train_sums){ 0 };
    return diverged ? lost(t, vit_trainer_steps(t->trainer),
                           validated ? "loss on the validation pictures" : "network's answer")
                    : checkpoint(t);
}

static int run_epoch(struct train *t)
{
    const struct patch_feed_batch *b;
    struct vit_error err;
    int code = CMD_DONE;

    t->epoch_images = 0;
    t->epoch_seconds = 0;
    if (t->batch < patch_feed_batches(t->feed))
        patch_feed_start(t->feed, t->epoch, t->batch, recipe_mixes(t->recipe, t->epoch));
    t->counted = progress_seconds();
    while (!code && t->batch < patch_feed_batches(t->feed)) {
        code = patch_feed_next(t->feed, &b, &err) ? train_fail(t, &err) : step(t, b);
        count_seconds(t);
    }
    t->seconds += t->epoch_seconds;
    return code ? code : end_epoch(t);
}

/* ---- the end ---- */

static enum vit_status write_model(const struct train *t, struct vit_error *err)
{
    char path[PATH_MAX], *config = vit_model_config_text(t->model);
    enum vit_status status = train_log_kept(t, err);

    train_path(path, t->job->out, TRAIN_MODEL);
    if (!status)
        status = config ? vit_model_save(t->model, path, WEIGHTS_F32, err)
                        : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    if (!status) {
        const size_t size = strlen(config);
        config[size] = '\n'; /* in the place of the NUL: a text file ends with a line */
        status = vit_write_file(train_path(path, t->job->out, TRAIN_CONFIG), config, size + 1, err);
    }
    free(config);
    return status;
}

/* The state first: a folder with a model and no state is one whose state was taken away. */
static int finish(struct train *t)
{
    struct vit_error err;
    enum vit_status status;
    int code;

    progress_clear(&t->bar);
    t->finished = true;
    t->all_failed = (int64_t)(t->failed + t->val_failed);
    code = save(t);
    if (code) return code;
    vit_trainer_average(t->trainer, true);
    status = write_model(t, &err);
    vit_trainer_average(t->trainer, false);
    return status ? train_fail(t, &err) : CMD_DONE;
}

/* Divergence is a result. */
const char *train_status(int code)
{
    static const struct {
        int code;
        const char *status;
    } ENDS[] = { { CMD_DONE, "done" },
                 { CMD_SOME_FAILED, "done" },
                 { TRAIN_DIVERGED, "diverged" },
                 { TRAIN_DEAD, "dead" } };

    for (size_t i = 0; i < VIT_COUNT(ENDS); i++)
        if (ENDS[i].code == code) return ENDS[i].status;
    return NULL;
}

/* ---- all of it ---- */

static int loop(struct train *t)
{
    int code;

    stop_catch();
    t->start = t->saved = progress_seconds();
    code = begin(t);
    if (!code) train_show_start(t);
    while (!code && t->epoch < t->recipe->epochs) code = run_epoch(t);
    if (!code) code = finish(t);
    progress_clear(&t->bar);
    stop_release();
    return code;
}

static struct train_result result_of(const struct train *t)
{
    struct train_result r = {
        .epochs = t->epoch,
        .steps = vit_trainer_steps(t->trainer),
        .warmup = t->hyper.warmup,
        .plateau_step = t->plateau_step,
        .pictures = patch_feed_count(t->feed),
        .failed = (int64_t)(t->failed + t->val_failed),
        .train_loss = t->train_loss,
        .seconds = progress_seconds() - t->start,
        .images_per_second = t->seconds > 0 ? (double)t->images / t->seconds : 0,
        .all_seconds = t->all_seconds,
        .all_images = t->all_images,
        .val = t->val,
    };

    snprintf(r.reason, sizeof r.reason, "%s", t->reason);
    return r;
}

int train_run(const struct train_job *job, struct train_result *result)
{
    struct train t = { .job = job, .recipe = &job->recipe, .log = -1 };
    int code = train_open(&t);

    *result = (struct train_result){ 0 };
    if (!code) {
        code = loop(&t);
        *result = result_of(&t);
        if (!code && result->failed) code = CMD_SOME_FAILED;
    }
    train_close(&t);
    return code;
}
