/* state.safetensors: the trainer's arenas, and in its note where the run stands and under which settings. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out.h"
#include "tools/train_parts.h"
#include "vit/config_json.h"
#include "vit/json.h"

enum { VERSION = 2 };

/* ---- numbers of the note: one list for writing and reading ---- */

enum kind { INT, INT64, SIZE, DOUBLE };

#define ROW(key, kind, field)                                                                                \
    {                                                                                                        \
        key, kind, offsetof(struct train, field), false                                                      \
    }
#define YOUNGER(key, kind, field)                                                                            \
    {                                                                                                        \
        key, kind, offsetof(struct train, field), true                                                       \
    }
static const struct row {
    const char *key;
    enum kind kind;
    size_t at;
    bool younger; /* than the first states: without it the field stays as it was */
} ROWS[] = {
    ROW("epoch", INT, epoch),
    ROW("batch", INT, batch),
    ROW("loss_sum", DOUBLE, sums.loss),
    ROW("norm_sum", DOUBLE, sums.norm),
    ROW("correct", INT64, sums.correct),
    ROW("seen", INT64, sums.seen),
    ROW("steps", INT, sums.steps),
    ROW("train_loss", DOUBLE, train_loss),
    ROW("val_n", SIZE, val.n),
    ROW("val_loss", DOUBLE, val.loss),
    ROW("val_top1", DOUBLE, val.top1),
    ROW("raw_val_n", SIZE, raw.n),
    ROW("raw_val_loss", DOUBLE, raw.loss),
    ROW("raw_val_top1", DOUBLE, raw.top1),
    YOUNGER("running_loss", DOUBLE, running),
    YOUNGER("plateau_step", INT, plateau_step),
    YOUNGER("all_seconds", DOUBLE, all_seconds),
    YOUNGER("all_images", INT64, all_images),
    YOUNGER("n_failed", INT64, all_failed),
};

static json_t *value_of(const struct train *t, const struct row *row)
{
    const void *at = (const char *)t + row->at;

    switch (row->kind) {
    case INT: return json_integer(*(const int *)at);
    case INT64: return json_integer((json_int_t) * (const int64_t *)at);
    case SIZE: return json_integer((json_int_t) * (const size_t *)at);
    default: return out_real(*(const double *)at); /* null: not finite */
    }
}

static void set_value(struct train *t, const struct row *row, const json_t *value)
{
    void *at = (char *)t + row->at;

    switch (row->kind) {
    case INT: *(int *)at = (int)json_integer_value(value); break;
    case INT64: *(int64_t *)at = json_integer_value(value); break;
    case SIZE: *(size_t *)at = (size_t)json_integer_value(value); break;
    default: *(double *)at = json_is_null(value) ? NAN : json_number_value(value); break;
    }
}

/* ---- writing ---- */

static char *note_of(const struct train *t, int64_t log_bytes)
{
    char *data = realpath(t->job->data, NULL), *text;
    json_t *note =
        json_pack("{s:i, s:b, s:o, s:o, s:s, s:I, s:I}", "version", VERSION, "finished", (int)t->finished,
                  "settings", recipe_texts_save(t->job->texts), "data", out_text(data ? data : t->job->data),
                  "kernels", vit_model_kernels(t->model), "pictures", (json_int_t)patch_feed_count(t->feed),
                  "log_bytes", (json_int_t)log_bytes);

    if (*t->digest) vit_json_put(&note, "digest", json_string(t->digest));
    if (t->teacher) vit_json_put(&note, "teacher", json_string(train_teacher_digest(t->teacher)));
    for (size_t i = 0; note && i < VIT_COUNT(ROWS); i++)
        vit_json_put(&note, ROWS[i].key, value_of(t, &ROWS[i]));
    text = vit_json_text(note, JSON_COMPACT | JSON_REAL_PRECISION(17)); /* 17: every bit of a double */
    json_decref(note);
    free(data);
    return text;
}

/* The log reaches the disk first: what the state says is logged must be there after a power cut. */
enum vit_status train_state_save(struct train *t, struct vit_error *err)
{
    char path[PATH_MAX], *note;
    int64_t log_bytes;
    enum vit_status status = train_log_sync(t, &log_bytes, err);

    if (!status) status = train_log_kept(t, err);
    if (status) return status;
    note = note_of(t, log_bytes);
    train_path(path, t->job->out, TRAIN_STATE);
    status = note ? vit_trainer_save(t->trainer, path, note, err)
                  : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    free(note);
    t->saved = progress_seconds();
    return status;
}

/* ---- reading ---- */

static enum vit_status damaged(const char *path, const char *key, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: is not the state of a training run: no usable \"%s\" in its note", path, key);
}

/* *note is the caller's, NULL on failure; steps may be NULL. */
static enum vit_status read_note(json_t **note, int *steps, const char *path, struct vit_error *err)
{
    struct weights_file *f;
    const char *text, *step;
    enum vit_status status = weights_open(&f, path, err);

    *note = NULL;
    if (status) return status;
    text = weights_meta(f, "vit.note"), step = weights_meta(f, "vit.step");
    status = text && step ? vit_json_parse(note, path, text, strlen(text), err) : damaged(path, "note", err);
    if (!status && steps) *steps = (int)strtol(step, NULL, 10);
    weights_close(f);
    return status;
}

static enum vit_status read_rows(struct train *t, const json_t *note, const char *path, struct vit_error *err)
{
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const json_t *value = json_object_get(note, ROWS[i].key);
        if (!value && ROWS[i].younger) continue;
        if (ROWS[i].kind == DOUBLE ? !json_is_number(value) && !json_is_null(value)
                                   : !json_is_integer(value) || json_integer_value(value) < 0 ||
                                         (ROWS[i].kind != INT64 && json_integer_value(value) > INT_MAX))
            return damaged(path, ROWS[i].key, err);
        set_value(t, &ROWS[i], value);
    }
    return VIT_OK;
}

/* In version 1 the border of crops and what is cut out were those for 32 pixels, whatever the size. */
static enum vit_status check_version(const struct train *t, const json_t *note, const char *path,
                                     struct vit_error *err)
{
    const json_int_t version = json_integer_value(json_object_get(note, "version"));
    const int size = t->pictures.size;
    struct patch_feed_options feed;
    enum vit_status status = recipe_feed(&feed, t->recipe, &t->pictures, err);

    if (status || version == VERSION) return status;
    if (version > VERSION)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: is of version %lld, expected at most %d", path,
                        (long long)version, VERSION);
    if (size == 32 || !(feed.augment.crop_padding || feed.augment.cutout)) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%s: was begun when pictures of %d pixels were cropped in another way, and cannot go on",
                    path, size);
}

/* Before the trainer compares its steps, which follow from them. */
static enum vit_status check_pictures(const struct train *t, const json_t *note, const char *path,
                                      struct vit_error *err)
{
    const json_t *pictures = json_object_get(note, "pictures");

    if (!json_is_integer(pictures)) return damaged(path, "pictures", err);
    if ((size_t)json_integer_value(pictures) == patch_feed_count(t->feed)) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: was made with %lld training pictures, now there are %zu", path,
                    (long long)json_integer_value(pictures), patch_feed_count(t->feed));
}

static enum vit_status check_teacher(const struct train *t, const json_t *note, const char *path,
                                     struct vit_error *err)
{
    const char *had = json_string_value(json_object_get(note, "teacher"));
    const json_t *names = json_object_get(json_object_get(note, "settings"), "teacher");

    if (!t->teacher) return VIT_OK;
    if (!had) return damaged(path, "teacher", err);
    return train_again_teacher(t->recipe->teacher, train_teacher_digest(t->teacher), json_string_value(names),
                               had, "run", t->job->out, err);
}

/* The trainer has taken its part; the note must agree with it. */
static enum vit_status read_position(struct train *t, const json_t *note, const char *path,
                                     struct vit_error *err)
{
    const json_t *bytes = json_object_get(note, "log_bytes");
    const int batches = patch_feed_batches(t->feed);
    enum vit_status status = read_rows(t, note, path, err);

    if (status) return status;
    if (t->batch > batches || t->epoch > t->recipe->epochs ||
        vit_trainer_steps(t->trainer) > t->hyper.steps ||
        (int64_t)t->epoch * batches + t->batch != vit_trainer_steps(t->trainer))
        return damaged(path, "batch", err);
    if (!json_is_integer(bytes) || json_integer_value(bytes) < 0) return damaged(path, "log_bytes", err);
    t->finished = json_is_true(json_object_get(note, "finished"));
    return train_log_trim(t, json_integer_value(bytes), err);
}

enum vit_status train_state_resume(struct train *t, struct vit_error *err)
{
    char path[PATH_MAX], *text = NULL; /* text: the note once more */
    json_t *note;
    enum vit_status status = read_note(&note, NULL, train_path(path, t->job->out, TRAIN_STATE), err);

    if (!status) status = check_version(t, note, path, err);
    if (!status) status = check_pictures(t, note, path, err);
    if (!status) status = check_teacher(t, note, path, err);
    if (!status) status = vit_trainer_resume(t->trainer, path, &text, err);
    if (!status) status = read_position(t, note, path, err);
    json_decref(note);
    free(text);
    return status;
}

/* ---- what was saved, before anything is opened ---- */

enum vit_status train_state_base(struct recipe_base *b, bool *saved, const struct train_job *job,
                                 struct vit_error *err)
{
    char path[PATH_MAX];
    const char *text;
    struct weights_file *f;
    json_t *o = NULL;
    enum vit_status status;

    *saved = job->resume && train_folder_has(job->out, TRAIN_STATE);
    if (!*saved) return VIT_OK;
    status = weights_open(&f, train_path(path, job->out, TRAIN_STATE), err);
    if (status) return status;
    text = weights_meta(f, "vit.config");
    status = text ? vit_json_parse(&o, path, text, strlen(text), err) : damaged(path, "vit.config", err);
    if (!status) status = vit_config_from_json(&b->config, o, path, err);
    b->pictures = patch_recipe_default(b->config.image);
    if (!status) status = vit_recipe_from_json(&b->pictures, o, path, err);
    json_decref(o);
    weights_close(f);
    return status;
}

static enum vit_status keep_text(char **out, const json_t *note, const char *key, const char *path,
                                 struct vit_error *err)
{
    const json_t *value = json_object_get(note, key);

    if (!json_is_string(value)) return damaged(path, key, err);
    *out = strdup(json_string_value(value));
    return *out ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory", path);
}

static enum vit_status read_saved(struct train_saved *s, const json_t *note, const char *path,
                                  struct vit_error *err)
{
    const json_t *settings = json_object_get(note, "settings");
    struct train t = { .plateau_step = -1, .all_failed = -1 };
    enum vit_status status = read_rows(&t, note, path, err);

    if (status) return status;
    if (!json_is_object(settings)) return damaged(path, "settings", err);
    s->finished = json_is_true(json_object_get(note, "finished"));
    s->result =
        (struct train_result){ .epochs = t.epoch,
                               .pictures = (size_t)json_integer_value(json_object_get(note, "pictures")),
                               .failed = t.all_failed,
                               .train_loss = t.train_loss,
                               .val = t.val,
                               .plateau_step = t.plateau_step };
    status = recipe_texts_saved(&s->texts, settings, path, err);
    if (!status) status = keep_text(&s->data.path, note, "data", path, err);
    if (!status && json_object_get(note, "digest"))
        status = keep_text(&s->data.digest, note, "digest", path, err);
    if (!status && json_object_get(note, "teacher"))
        status = keep_text(&s->teacher, note, "teacher", path, err);
    return status ? status : keep_text(&s->kernels, note, "kernels", path, err);
}

enum vit_status train_saved_read(struct train_saved *s, const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];
    json_t *note;
    int steps = 0;
    enum vit_status status;

    *s = (struct train_saved){ 0 };
    if (!train_folder_has(folder, TRAIN_STATE)) return VIT_OK;
    status = read_note(&note, &steps, train_path(path, folder, TRAIN_STATE), err);
    if (!status) status = read_saved(s, note, path, err);
    if (!status) s->result.steps = steps;
    s->exists = !status;
    json_decref(note);
    return status;
}

void train_saved_free(struct train_saved *s)
{
    recipe_texts_free(&s->texts);
    free(s->data.path);
    free(s->data.digest);
    free(s->kernels);
    free(s->teacher);
}
