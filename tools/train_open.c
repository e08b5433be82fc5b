/* From a job to a run under way: data, model, trainer, and what an earlier process left of it. */
#include <stdlib.h>
#include <unistd.h>

#include "tools/train_parts.h"

static enum vit_status create_model(struct train *t, const struct vit_config *config, struct vit_error *err)
{
    const struct vit_init init = recipe_init(t->recipe);
    const struct vit_model_options options = { .kernels = t->job->common->kernels,
                                               .dtype =
                                                   (enum kern_dtype)kern_dtype_from_name(t->recipe->dtype),
                                               .trainable = true,
                                               .threads = cmd_threads(t->job->common) };
    const char **labels = calloc((size_t)config->classes, sizeof *labels);
    enum vit_status status;

    if (!labels) return vit_fail(err, VIT_ERR_NOMEM, "no memory for %d labels", config->classes);
    for (int i = 0; i < config->classes; i++) labels[i] = patch_dataset_class(t->data->training, i);
    status = vit_model_create(&t->model, config, &t->pictures, labels, &init, &options, err);
    free(labels);
    if (!status && !t->recipe->from) cmd_say_notes(t->model, t->job->common); /* else with the weights */
    vit_placement_text(&config->norm, t->placement, sizeof t->placement);
    return status;
}

/* The network of --from, in *room; *base NULL: none. A run that goes on has it in its state. */
static enum vit_status find_base(const struct recipe_base **base, struct recipe_base *room,
                                 const struct train_job *job, struct vit_error *err)
{
    bool saved;
    enum vit_status status;

    *base = NULL;
    if (!job->recipe.from) return VIT_OK;
    *base = room;
    status = train_state_base(room, &saved, job, err);
    return status || saved ? status : recipe_base_open(room, &job->recipe, job->common, err);
}

/* A run that goes on has its weights in its state. */
static enum vit_status take_weights(struct train *t, struct vit_error *err)
{
    const struct vit_model_options options = { .kernels = t->job->common->kernels,
                                               .image = vit_model_config(t->model)->image,
                                               .headless = true,
                                               .threads = cmd_threads(t->job->common) };
    struct vit_model *from;
    enum vit_status status;

    if (!t->recipe->from || t->goes_on) return VIT_OK;
    status = vit_model_open(&from, t->recipe->from, &options, err);
    if (status) return status;
    cmd_say_notes(from, t->job->common);
    status = vit_model_take(t->model, from, err);
    if (!status) cmd_say_notes(t->model, t->job->common);
    vit_model_close(from);
    return status;
}

/* A run that begins anew clears its folder, which a continuation would ask for it. */
static enum vit_status open_teacher(struct train *t, struct vit_error *err)
{
    const struct train_job *job = t->job;
    const bool saved = job->resume && train_folder_has(job->out, TRAIN_STATE);
    enum vit_status status =
        train_teacher_open(&t->teacher, t->recipe, t->data->training, &t->pictures, job->common, err);

    return status || saved ? status : train_teacher_spare(t->teacher, job->out, err);
}

static enum vit_status create_trainer(struct train *t, struct vit_error *err)
{
    const int threads = cmd_threads(t->job->common);
    const struct vit_session_options o = { .batch = TRAIN_EVAL_BATCH, .threads = threads };
    enum vit_status status = recipe_hyper(&t->hyper, t->recipe, patch_feed_batches(t->feed), err);

    if (!status && t->job->dead_after)
        status = train_dead_after(&t->dead_after, t->job->dead_after, t->hyper.steps, err);
    if (!status)
        status = vit_trainer_create(&t->trainer, t->model, &t->hyper, t->recipe->batch, threads, err);
    if (!status) status = vit_session_create(&t->eval, t->model, &o, err);
    return status;
}

/* A sweep looks after those of its cells. */
static enum vit_status check_data(struct train *t, struct vit_error *err)
{
    const struct train_job *job = t->job;
    enum vit_status status = train_data_digest(t->digest, job->data, train_data_splits(t->recipe), err);

    if (!status) {
        train_data_warn(job->common, job->data, t->recipe);
        train_data_warn_divided(job->common, job->data, t->data);
    }
    return status ? status : train_again_digest(job->data, t->digest, job->digest, "run", job->out, err);
}

static int open_data(struct train *t)
{
    struct vit_error err;

    if (!t->job->pictures && train_data_open(&t->own, t->job->data, t->recipe, &err)) return cmd_refuse(&err);
    t->data = t->job->pictures ? t->job->pictures : &t->own;
    if (!t->job->pictures && check_data(t, &err)) return cmd_unusable(&err);
    return CMD_DONE;
}

/* Asked once more when the folder is locked: a run that was there in the meantime may have ended. */
static enum vit_status check_folder(const struct train_job *job, struct vit_error *err)
{
    return job->resume ? VIT_OK : train_folder_may_begin(job->out, job->replace, err);
}

/* A run that begins anew replaces what the folder holds; the state first, which says how long the log is. */
static enum vit_status begin(struct train *t, struct vit_error *err)
{
    enum vit_status status;

    train_folder_tidy(t->job->out);
    if (t->goes_on) return train_state_resume(t, err);
    status = train_folder_clear(t->job->out, err);
    return status ? status : train_log_trim(t, 0, err);
}

/* What can be wrong in the settings is found before anything is made, and all else before an earlier run is
 * replaced, which may be what this one starts from. */
int train_open(struct train *t)
{
    const struct patch_dataset *d;
    const struct recipe_base *base;
    struct recipe_base room;
    struct patch_feed_options feed;
    struct vit_config config;
    struct vit_hyper hyper;
    struct vit_error err;
    int batches, code = open_data(t);

    if (code) return code;
    d = t->data->training;
    if (find_base(&base, &room, t->job, &err)) return cmd_refuse(&err);
    if (recipe_config(&config, t->recipe, base, patch_dataset_classes(d), &err))
        return cmd_usage("%s", err.text);
    t->pictures = recipe_pictures(t->recipe, base, config.image, patch_dataset_kind(d));
    if (recipe_batches(&batches, t->recipe, patch_dataset_count(d), &err) ||
        recipe_hyper(&hyper, t->recipe, batches, &err) || recipe_feed(&feed, t->recipe, &t->pictures, &err))
        return cmd_usage("%s", err.text);
    if (open_teacher(t, &err)) return cmd_refuse(&err);
    if (train_folder_make(t->job->out, &err) || train_log_open(t, &err)) return train_fail(t, &err);
    if (check_folder(t->job, &err)) return cmd_refuse(&err);
    code = train_feed_open(t, &feed);
    if (code) return code;
    if (create_model(t, &config, &err) || take_weights(t, &err) || create_trainer(t, &err) || begin(t, &err))
        return cmd_refuse(&err);
    return CMD_DONE;
}

void train_close(struct train *t)
{
    train_teacher_close(t->teacher);
    vit_session_close(t->eval);
    vit_trainer_close(t->trainer);
    vit_model_close(t->model);
    patch_feed_close(t->feed);
    train_data_close(&t->own);
    if (t->log >= 0) close(t->log);
}
