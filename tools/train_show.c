/* Where a run stands, for the eye: a bar on a terminal, a line after each epoch. */
#include <math.h>

#include "patch/feed_store.h"
#include "tools/out.h"
#include "tools/train_parts.h"
#include "vit/text.h"

int train_fail(struct train *t, const struct vit_error *err)
{
    progress_clear(&t->bar);
    return cmd_unusable(err);
}

double train_rate(const struct train *t)
{
    return t->epoch_seconds > 0 ? (double)t->epoch_images / t->epoch_seconds : NAN;
}

double train_loss(const struct train *t)
{
    return t->sums.seen ? t->sums.loss / (double)t->sums.seen : 0;
}

double train_top1(const struct train *t)
{
    return t->sums.seen ? (double)t->sums.correct / (double)t->sums.seen : 0;
}

void train_show_bar(struct train *t, const char *what, size_t all)
{
    progress_start(&t->bar, what, all, !t->job->common->quiet && !t->job->beside);
}

void train_show_progress(struct train *t)
{
    snprintf(t->what, sizeof t->what, "images  epoch %d/%d  loss %.4f  acc %.1f %%", t->epoch + 1,
             t->recipe->epochs, train_loss(t), 100 * train_top1(t));
    progress_update(&t->bar, (size_t)t->images);
}

/* "12 steps an epoch, 60 in all" */
static const char *steps_text(char *text, size_t size, const struct train *t)
{
    const int batches = patch_feed_batches(t->feed);

    snprintf(text, size, "%d step%s an epoch, %d in all", batches, out_plural((uint64_t)batches),
             t->hyper.steps);
    return text;
}

/* What was found in the data set and could be read, and what becomes of it: whoever named the wrong folder
 * sees it before the first epoch. A sweep has one for all its cells. */
static void show_data(const struct train *t)
{
    const int classes = vit_model_config(t->model)->classes;
    const size_t count = patch_feed_count(t->feed);
    char names[200], clean[OUT_NAME_ROOM(sizeof names)], steps[64], pictures[256];

    vit_list(names, sizeof names, vit_model_labels(t->model), (size_t)classes);
    fprintf(stderr, "%zu picture%s to learn from, %s; %zu %s, %d classes: %s\nevery picture is %s\n", count,
            out_plural(count), steps_text(steps, sizeof steps, t),
            t->data->held_store ? t->data->held_store->count : 0,
            t->recipe->val_split ? "of the validation split" : "held out", classes,
            out_name_text(clean, names), recipe_pictures_text(pictures, sizeof pictures, &t->pictures));
}

/* About as many steps as the fine-tune preset takes on three hundred pictures. */
enum { FEW_STEPS = 100 };

static void warn_few(const struct train *t)
{
    const int steps = t->hyper.steps, batch = t->recipe->batch;

    if (steps < FEW_STEPS)
        cmd_warn(t->job->common,
                 "little is learnt in %d step%s of %d picture%s: raise --epochs or lower --batch", steps,
                 out_plural((uint64_t)steps), batch, out_plural((uint64_t)batch));
}

void train_show_start(struct train *t)
{
    const int left = t->hyper.steps - vit_trainer_steps(t->trainer);
    char steps[64];

    if (!t->job->common->quiet && !t->job->cell) show_data(t);
    if (!t->job->cell) warn_few(t);
    cmd_note(t->job->common, "%zu parameters, %zu training pictures, %s, %.0f MiB, kernels %s",
             vit_model_parameters(t->model), patch_feed_count(t->feed), steps_text(steps, sizeof steps, t),
             (double)vit_trainer_bytes(t->trainer) / (1 << 20), vit_model_kernels(t->model));
    train_show_bar(t, t->what, (size_t)left * (size_t)t->recipe->batch);
}

/* One line on stderr after an epoch. */
void train_show_epoch(struct train *t, bool validated)
{
    const double rate = train_rate(t);
    const int left = t->hyper.steps - vit_trainer_steps(t->trainer);
    char val[64] = "", speed[32] = "?", time[32];

    if (t->job->common->quiet) return;
    progress_clear(&t->bar);
    if (validated && t->val.n)
        snprintf(val, sizeof val, "  val loss %.4f  val top-1 %.2f %%", t->val.loss, 100 * t->val.top1);
    if (isfinite(rate)) snprintf(speed, sizeof speed, "%.1f", rate);
    fprintf(stderr, "%s%sepoch %d/%d  step %d  loss %.4f  top-1 %.2f %%%s  %s images/s  %s left\n",
            t->job->beside ? t->job->cell : "", t->job->beside ? ": " : "", t->epoch + 1, t->recipe->epochs,
            vit_trainer_steps(t->trainer), train_loss(t), 100 * train_top1(t), val, speed,
            progress_clock(time, sizeof time, (double)left * t->recipe->batch / rate));
}
