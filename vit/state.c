#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/hyper.h"
#include "vit/json.h"
#include "vit/trainer.h"

/* A state file is the arenas of a trainer as flat tensors, and text that says what they belong to. */

static const char VERSION[] = "1";

struct arena_ref {
    const char *name;
    float *values;
};
enum { ARENAS = 4 };

static int arenas_of(const struct vit_trainer *t, struct arena_ref out[ARENAS])
{
    out[0] = (struct arena_ref){ "values", t->values };
    out[1] = (struct arena_ref){ "mean", t->mean };
    out[2] = (struct arena_ref){ "square", t->square };
    out[3] = (struct arena_ref){ "average", t->average };
    return t->average ? ARENAS : ARENAS - 1;
}

static char *hyper_text(const struct vit_trainer *t)
{
    json_t *o = vit_hyper_to_json(&t->hyper);
    char *text = vit_json_text(o, JSON_COMPACT);

    json_decref(o);
    return text;
}

/* What else the bits of a step depend on: the batch cuts it into parts. NULL when memory runs out. */
static char *trainer_text(const struct vit_trainer *t)
{
    json_t *o = json_pack("{ss si}", "dtype", kern_dtype_name(t->model->dtype), "batch", t->batch);
    char *text = vit_json_text(o, JSON_COMPACT);

    json_decref(o);
    return text;
}

enum vit_status vit_trainer_save(const struct vit_trainer *t, const char *path, const char *note,
                                 struct vit_error *err)
{
    struct arena_ref refs[ARENAS];
    struct weights_entry entries[ARENAS];
    const int count = arenas_of(t, refs);
    char step[16], *config = vit_model_config_text(t->model), *hyper = hyper_text(t), *own = trainer_text(t);
    const struct weights_text meta[] = {
        { "vit.state", VERSION }, { "vit.config", config }, { "vit.hyper", hyper },
        { "vit.trainer", own },   { "vit.step", step },     { "vit.note", note ? note : "" },
    };
    enum vit_status status;

    assert(!t->swapped);
    snprintf(step, sizeof step, "%d", t->step);
    for (int i = 0; i < count; i++)
        entries[i] = (struct weights_entry){ .name = refs[i].name,
                                             .dtype = WEIGHTS_F32,
                                             .rank = 1,
                                             .shape = { (int64_t)t->floats },
                                             .data = refs[i].values };
    status = config && hyper && own ? weights_write(path, entries, (size_t)count, meta, VIT_COUNT(meta), err)
                                    : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    free(config);
    free(hyper);
    free(own);
    return status;
}

/* What the version that saved did not know was off. */
static bool same_value(const json_t *saved, const json_t *now)
{
    if (!saved) return json_is_number(now) ? json_number_value(now) == 0 : json_is_false(now);
    return json_equal(saved, now);
}

/* How many keys of b are in a. */
static size_t shared_keys(json_t *a, json_t *b)
{
    const char *key;
    json_t *value;
    size_t count = 0;

    json_object_foreach(b, key, value) count += json_object_get(a, key) != NULL;
    return count;
}

/* Two JSON objects must be equal, however their numbers are spelt. An error names the first key in which they
 * differ. */
static enum vit_status compare_texts(const char *path, const char *what, const char *saved, const char *now,
                                     struct vit_error *err)
{
    json_t *a = json_loads(saved, 0, NULL), *b = json_loads(now, 0, NULL);
    const char *key;
    json_t *value;
    enum vit_status status = !json_is_object(a)
                                 ? vit_fail(err, VIT_ERR_FORMAT, "%s: its %s is no JSON object", path, what)
                             : b && shared_keys(a, b) == json_object_size(a)
                                 ? VIT_OK
                                 : vit_fail(err, VIT_ERR_ARG, "%s: made with another %s", path, what);

    if (status == VIT_ERR_FORMAT) { /* nothing to name a key of */
        json_decref(a);
        json_decref(b);
        return status;
    }
    json_object_foreach(b, key, value)
    {
        json_t *old = json_object_get(a, key);
        const bool same = same_value(old, value);
        char *was = vit_json_text(old, JSON_ENCODE_ANY | JSON_COMPACT);
        char *is = vit_json_text(value, JSON_ENCODE_ANY | JSON_COMPACT);

        if (!same)
            status = vit_fail(err, VIT_ERR_ARG, "%s: made with \"%s\" %.200s, this run has %.200s", path, key,
                              was ? was : "absent", is ? is : "?");
        free(was);
        free(is);
        if (!same) break;
    }
    json_decref(a);
    json_decref(b);
    return status;
}

static enum vit_status check_text(const struct weights_file *f, const char *key, const char *what,
                                  const char *now, struct vit_error *err)
{
    const char *saved = weights_meta(f, key);

    if (!saved)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: is not a training state: no \"%s\"", weights_path(f), key);
    return strcmp(saved, now) ? compare_texts(weights_path(f), what, saved, now, err) : VIT_OK;
}

static enum vit_status check_version(const struct weights_file *f, struct vit_error *err)
{
    const char *version = weights_meta(f, "vit.state");

    if (!version)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: is not a training state: no \"vit.state\"",
                        weights_path(f));
    if (!strcmp(version, VERSION)) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"vit.state\" must be \"%s\", found \"%s\"",
                    weights_path(f), VERSION, version);
}

/* What a state says it belongs to. */
static enum vit_status check_texts(const struct vit_trainer *t, const struct weights_file *f,
                                   struct vit_error *err)
{
    char *config = vit_model_config_text(t->model), *hyper = hyper_text(t), *own = trainer_text(t);
    enum vit_status status = VIT_OK;

    if (!config || !hyper || !own) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory", weights_path(f));
    if (!status) status = check_text(f, "vit.config", "model", config, err);
    if (!status) status = check_text(f, "vit.hyper", "recipe", hyper, err);
    /* The first states do not say. */
    if (!status && weights_meta(f, "vit.trainer")) status = check_text(f, "vit.trainer", "trainer", own, err);
    free(config);
    free(hyper);
    free(own);
    return status;
}

static enum vit_status check_state(const struct vit_trainer *t, const struct weights_file *f,
                                   struct vit_error *err)
{
    struct arena_ref refs[ARENAS];
    const int count = arenas_of(t, refs);
    enum vit_status status = check_version(f, err);

    if (!status) status = check_texts(t, f, err);
    for (int i = 0; !status && i < count; i++) {
        const struct weights_tensor *tensor = weights_find(f, refs[i].name);
        if (!tensor || tensor->count != t->floats || tensor->dtype != WEIGHTS_F32)
            status = vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be %zu floats", weights_path(f),
                              refs[i].name, t->floats);
    }
    return status;
}

static enum vit_status read_state(struct vit_trainer *t, const struct weights_file *f, char **note,
                                  struct vit_error *err)
{
    enum { MOST = 1 << 30 }; /* more than any run takes; what is counted on from there fits an int */
    const char *step = weights_meta(f, "vit.step"), *text = weights_meta(f, "vit.note");
    struct arena_ref refs[ARENAS];
    const int count = arenas_of(t, refs);
    char *end = NULL;
    long done = step ? strtol(step, &end, 10) : -1;

    if (done < 0 || !*step || *end || done > MOST)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"vit.step\" must be between 0 and %d, found \"%s\"",
                        weights_path(f), MOST, step ? step : "");
    *note = strdup(text ? text : "");
    if (!*note) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory", weights_path(f));
    for (int i = 0; i < count; i++)
        weights_read_f32(weights_find(f, refs[i].name), weights_path(f), refs[i].values, NULL);
    t->step = (int)done;
    vit_model_pack(t->model, &t->session->kern);
    return VIT_OK;
}

enum vit_status vit_trainer_resume(struct vit_trainer *t, const char *path, char **note,
                                   struct vit_error *err)
{
    struct weights_file *f;
    enum vit_status status = weights_open(&f, path, err);

    assert(!t->swapped);
    *note = NULL;
    if (status) return status;
    status = check_state(t, f, err);
    if (!status) status = read_state(t, f, note, err);
    weights_close(f);
    return status;
}
