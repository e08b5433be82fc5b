/* A model as a folder of another framework, the reverse of dialects.c: its tensors' names, its config.json,
 * its preprocessing. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vit/config_json.h"
#include "vit/dialects.h"
#include "vit/export.h"
#include "vit/json.h"
#include "vit/sink.h"
#include "vit/train.h"

/* ---- what each framework can hold ---- */

/* The innermost values where a model is not what is allowed. */
struct misfit {
    char path[64];
    const json_t *allowed, *found;
};

/* value is what allowed says; else *m tells where it is not, for an array of objects by the last of them. */
static bool fits(const json_t *allowed, const json_t *value, struct misfit *m)
{
    const size_t length = strlen(m->path);
    const char *key;
    json_t *inner;

    if (json_is_array(allowed)) {
        const size_t count = json_array_size(allowed);
        for (size_t i = 0; i < count; i++) {
            m->path[length] = '\0';
            if (fits(json_array_get(allowed, i), value, m)) return true;
        }
        if (!json_is_object(json_array_get(allowed, count - 1))) m->allowed = allowed;
        return false;
    }
    json_object_foreach((json_t *)allowed, key, inner)
    {
        snprintf(m->path + length, sizeof m->path - length, "%s%s", length ? "." : "", key);
        if (!fits(inner, json_object_get(value, key), m)) return false;
        m->path[length] = '\0';
    }
    if (json_is_object(allowed) || json_equal(allowed, value)) return true;
    m->allowed = allowed;
    m->found = value;
    return false;
}

enum { VALUE = JSON_ENCODE_ANY | VIT_JSON_FLOATS, FILE_TEXT = JSON_INDENT(2) | VIT_JSON_FLOATS };

static enum vit_status refuse(const struct misfit *m, const char *folder, const char *family,
                              struct vit_error *err)
{
    char *allowed = vit_json_text(m->allowed, VALUE), *found = vit_json_text(m->found, VALUE);
    enum vit_status status = vit_fail(
        err, VIT_ERR_UNSUPPORTED, "%s: no model of %s is like this one: \"%s\" is %s there, here it is %s",
        folder, family, m->path, allowed ? allowed : "another", found ? found : "not");

    free(allowed);
    free(found);
    return status;
}

static enum vit_status check(const struct vit_model *m, const char *allowed, const char *folder,
                             enum weights_family family, struct vit_error *err)
{
    json_t *config = vit_config_to_json(&m->config, NULL, NULL), *table = NULL;
    struct misfit misfit = { "", NULL, NULL };
    enum vit_status status = vit_json_parse(&table, folder, allowed, strlen(allowed), err);

    if (!status && !config) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", folder);
    if (!status && !fits(table, config, &misfit))
        status = refuse(&misfit, folder, weights_family_name(family), err);
    json_decref(config);
    json_decref(table);
    return status;
}

/* ---- what several write alike ---- */

/* From the middle of the ratios that give it: what a decimal misses it by may be above or below. */
double vit_mlp_ratio(int width, int hidden)
{
    double ratio = 0;
    char text[32];

    for (int digits = 1; digits <= 15 && (int)(width * ratio) != hidden; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (hidden + 0.5) / width);
        ratio = strtod(text, NULL);
    }
    assert((int)(width * ratio) == hidden);
    return ratio;
}

json_t *vit_export_floats(const float *x)
{
    return json_pack("[ooo]", vit_json_number(x[0]), vit_json_number(x[1]), vit_json_number(x[2]));
}

/* ---- the folder ---- */

static const struct vit_dialect *const DIALECTS[] = { &vit_dialect_timm, &vit_dialect_hf_vit,
                                                      &vit_dialect_hf_deit, &vit_dialect_hf_dinov2 };

/* NULL: models are not written for it. */
static const struct vit_dialect *dialect_of(enum weights_family family)
{
    for (size_t i = 0; i < VIT_COUNT(DIALECTS); i++)
        if (DIALECTS[i]->family == family) return DIALECTS[i];
    return NULL;
}

/* Whether the margin of a crop is halved at another pixel there. */
static bool crops_beside(const struct patch_recipe *r, const struct vit_dialect *d)
{
    const int margin = patch_recipe_side(r) - r->size;

    if (d->crop_down == r->crop_down) return false;
    /* Of a square the margin is known, and half of 3, 7, ... goes to 2, 4, ... or down. */
    return !r->squash || (margin >= 0 && margin % 4 == 3);
}

#define NOT_TURNED "timm's loaders do not turn pictures as their EXIF orientation says, as is done here"

const char *vit_export_difference(const struct vit_model *m, enum weights_family family)
{
    const struct vit_dialect *d = dialect_of(family);
    const bool beside = d && crops_beside(&m->recipe, d);

    if (family == WEIGHTS_TIMM)
        return beside ? NOT_TURNED
                   ", and timm crops some pictures one pixel beside: half a pixel goes to the "
                   "even side there, down here"
                      : NOT_TURNED;
    return beside ? "transformers crops some pictures one pixel beside: half a pixel goes down there, to "
                    "the even side here"
                  : NULL;
}

enum weights_family vit_export_family(int i)
{
    return i >= 0 && i < (int)VIT_COUNT(DIALECTS) ? DIALECTS[i]->family : WEIGHTS_FAMILIES;
}

enum { PATH_SIZE = 4096 };

static enum vit_status path_in(char path[PATH_SIZE], const char *folder, const char *name,
                               struct vit_error *err)
{
    if (snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%.64s...: the path is too long", folder);
}

/* Takes o. */
static enum vit_status write_json(json_t *o, const char *folder, const char *name, struct vit_error *err)
{
    char path[PATH_SIZE], *text = vit_json_text(o, FILE_TEXT);
    enum vit_status status = path_in(path, folder, name, err);

    if (!status && !text) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    if (!status) status = vit_write_file(path, text, strlen(text), err);
    free(text);
    json_decref(o);
    return status;
}

/* Of the model that lay there before: it would be obeyed. */
static enum vit_status remove_old(const char *folder, const char *name, struct vit_error *err)
{
    char path[PATH_SIZE];
    enum vit_status status = path_in(path, folder, name, err);

    if (!status && unlink(path) && errno != ENOENT)
        status = vit_fail(err, VIT_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return status;
}

enum vit_status vit_model_export(const struct vit_model *m, const char *folder, enum weights_family family,
                                 enum weights_dtype dtype, struct vit_error *err)
{
    static const char RECIPE[] = "preprocessor_config.json";
    const struct vit_dialect *d = dialect_of(family);
    char path[PATH_SIZE];
    enum vit_status status;

    if (!d)
        return vit_fail(err, VIT_ERR_ARG, "%s: models are not written for %s", folder,
                        weights_family_name(family));
    if (m->headless)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a model without a classifier is not written for %s",
                        folder, weights_family_name(family));
    status = check(m, d->allowed, folder, family, err);
    if (!status) status = path_in(path, folder, "model.safetensors", err);
    if (!status && mkdir(folder, 0777) && errno != EEXIST)
        status = vit_fail(err, VIT_ERR_IO, "%s: the folder cannot be made: %s", folder, strerror(errno));
    if (!status) status = vit_model_save_as(m, path, family, d->blank, dtype, err);
    if (!status) status = write_json(d->config(m, d), folder, "config.json", err);
    if (!status)
        status = d->recipe ? write_json(d->recipe(m), folder, RECIPE, err) : remove_old(folder, RECIPE, err);
    return status;
}
