/* Where a run stands, for the eye: a bar on a terminal, a line after each epoch. */
#include <math.h>

#include "patch/feed_store.h"
#include "patch/names.h"
#include "tools/out.h"
#include "tools/train_parts.h"

int train_fail(struct train *t, const struct vit_error *err)
{
    progress_clear(&t->bar);
    cmd_error("%s", err->text);
    return CMD_UNUSABLE;
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

/* What was found in the data set and could be read: whoever named the wrong folder sees it before the first
 * epoch. A sweep has one for all its cells. */
static void show_data(const struct train *t)
{
    const int classes = vit_model_config(t->model)->classes;
    char names[200];

    if (t->job->common->quiet || t->job->cell) return;
    patch_names_list(names, sizeof names, vit_model_labels(t->model), (size_t)classes);
    fprintf(stderr, "%zu pictures to learn from, %d x %d pixels, %d steps an epoch; %zu %s, %d classes: ",
            patch_feed_count(t->feed), t->pictures.size, t->pictures.size, patch_feed_batches(t->feed),
            t->data->held_store ? t->data->held_store->count : 0,
            t->recipe->val_split ? "of the validation split" : "held out", classes);
    out_name(stderr, names);
    fputc('\n', stderr);
}

void train_show_start(struct train *t)
{
    const int left = t->hyper.steps - vit_trainer_steps(t->trainer);

    show_data(t);
    cmd_note(t->job->common, "%zu parameters, %zu training pictures, %d steps an epoch, %.0f MiB, kernels %s",
             vit_model_parameters(t->model), patch_feed_count(t->feed), patch_feed_batches(t->feed),
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
