/* folder.h - a folder with a model, made of the slots of a configuration, to be spoiled by a test. */
#ifndef TESTS_VIT_FOLDER_H
#define TESTS_VIT_FOLDER_H

#include <jansson.h>

#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"
#include "vit/config_json.h"

enum { FOLDER_TENSORS = 160 };

struct folder {
    char path[256];
    struct vit_config config;
    struct vit_slot slots[FOLDER_TENSORS];
    struct weights_entry
        entry[FOLDER_TENSORS]; /* written by folder_weights; shapes and names may be changed */
    int count;
    float *values; /* shared by all: long enough for any tensor */
};

/* An empty folder and the tensors that c needs. */
static inline void folder_make(struct folder *f, const struct vit_config *c)
{
    size_t total;

    *f = (struct folder){ .config = *c };
    tmp_create(f->path, sizeof f->path);
    f->count = vit_slots(NULL, c, &total);
    assert_true(f->count < FOLDER_TENSORS);
    vit_slots(f->slots, c, &total);
    f->values = malloc(total * sizeof *f->values);
    assert_non_null(f->values);
    for (size_t i = 0; i < total; i++) f->values[i] = 0.3f * (float)vit_random_normal(3, i);
    for (int i = 0; i < f->count; i++) {
        f->entry[i] = (struct weights_entry){ .name = f->slots[i].name,
                                              .dtype = WEIGHTS_F32,
                                              .rank = f->slots[i].rank,
                                              .data = f->values + f->slots[i].offset };
        for (int j = 0; j < f->slots[i].rank; j++) f->entry[i].shape[j] = f->slots[i].shape[j];
    }
}

static inline void folder_remove(struct folder *f)
{
    free(f->values);
    tmp_remove(f->path);
}

static inline struct weights_entry *folder_entry(struct folder *f, const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->entry[i].name, name)) return &f->entry[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline void folder_drop(struct folder *f, const char *name)
{
    struct weights_entry *e = folder_entry(f, name);

    *e = f->entry[--f->count];
}

/* One more tensor of at most as many elements as all together. */
static inline void folder_add(struct folder *f, const char *name, int rank, int64_t rows, int64_t cols)
{
    f->entry[f->count++] = (struct weights_entry){
        .name = name, .dtype = WEIGHTS_F32, .rank = rank, .shape = { rows, cols }, .data = f->values
    };
}

/* Write the tensors as name; config: metadata vit.config, or NULL. */
static inline void folder_weights(const struct folder *f, const char *name, const char *config)
{
    const struct weights_text meta[] = { { "vit.config", config } };
    struct vit_error err;
    char path[400];

    snprintf(path, sizeof path, "%s/%s", f->path, name);
    assert_ok(weights_write(path, f->entry, (size_t)f->count, meta, config != NULL, &err), &err);
}

static inline void folder_text(const struct folder *f, const char *name, const char *text)
{
    tmp_write(f->path, name, text, strlen(text), NULL, 0);
}

/* config.json of f->config with the labels "0", "1", ...; free it. */
static inline char *folder_config_text(const struct folder *f)
{
    static const char *const LABELS[] = { "0", "1", "2", "3" };
    const struct patch_recipe r = patch_recipe_default(f->config.image);
    json_t *o = vit_config_to_json(&f->config, &r, f->config.classes == 4 ? LABELS : NULL);
    char *text = json_dumps(o, 0);

    json_decref(o);
    assert_non_null(text);
    return text;
}

/* The usual folder: model.safetensors and our config.json. */
static inline void folder_write(const struct folder *f)
{
    char *text = folder_config_text(f);

    folder_weights(f, "model.safetensors", NULL);
    folder_text(f, "config.json", text);
    free(text);
}

static inline struct vit_model *folder_open(const struct folder *f, const struct vit_model_options *o)
{
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, f->path, o, &err), &err);
    return m;
}

/* Opening must fail with a sentence that contains part, and leave nothing. */
static inline void folder_refused(const struct folder *f, const struct vit_model_options *o,
                                  enum vit_status status, const char *part)
{
    struct vit_model *m = (struct vit_model *)f;
    struct vit_error err = { 0 };

    assert_refused(vit_model_open(&m, f->path, o, &err), status, part, &err);
    assert_null(m);
}

/* Notes that are warnings (or all) and contain part. */
static inline int folder_notes(const struct vit_model *m, bool warnings_only, const char *part)
{
    const char *text;
    bool warning;
    int found = 0;

    for (int i = 0; (text = vit_model_note(m, i, &warning)); i++)
        found += (warning || !warnings_only) && strstr(text, part);
    return found;
}

#endif
