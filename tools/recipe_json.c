/* Settings as JSON: of a recipe file, values of their kinds; of a saved state, the texts that they were. */
#include <stdlib.h>
#include <string.h>

#include "tools/recipe.h"
#include "vit/json.h"

/* Whether a setting of this kind may be written as value. */
static bool fits(const struct args_option *o, const json_t *value)
{
    switch (o->kind) {
    case ARGS_FLAG: return json_is_boolean(value);
    case ARGS_INT:
    case ARGS_COUNT: return json_is_integer(value);
    case ARGS_FLOAT: return json_is_number(value);
    default:
        return json_is_string(value) || (o->at == offsetof(struct recipe, warmup) && json_is_integer(value));
    }
}

static const char *wanted(const struct args_option *o)
{
    static const char *const WORDS[ARGS_KINDS] = { [ARGS_FLAG] = "true or false",
                                                   [ARGS_INT] = "a whole number",
                                                   [ARGS_COUNT] = "a whole number",
                                                   [ARGS_FLOAT] = "a number" };
    return WORDS[o->kind] ? WORDS[o->kind] : "a text";
}

enum vit_status recipe_json_text(char **out, enum recipe_id id, const json_t *value, const char *where,
                                 struct vit_error *err)
{
    char *found = vit_json_text(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));

    *out = NULL;
    if (found && !fits(recipe_row(id), value)) {
        vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\": expected %s, found %.100s", where, recipe_name(id),
                 wanted(recipe_row(id)), found);
        free(found);
        return VIT_ERR_FORMAT;
    }
    if (found && json_is_boolean(value))
        *out = strdup(json_is_true(value) ? "on" : "off");
    else if (found)
        *out = strdup(json_is_string(value) ? json_string_value(value) : found);
    free(found);
    return *out ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory", where);
}

static enum vit_status set_json(struct recipe_texts *t, enum recipe_id id, const json_t *value,
                                const char *where, struct vit_error *err)
{
    char *text;
    enum vit_status status = recipe_json_text(&text, id, value, where, err);

    if (!status) status = recipe_texts_set(t, id, text, err);
    free(text);
    return status;
}

static const char *name_at(const void *list, int i)
{
    (void)list;
    return i < RECIPE_SETTINGS ? recipe_name((enum recipe_id)i) : NULL;
}

enum vit_status recipe_unknown(const char *where, const char *key, struct vit_error *err)
{
    const char *near = args_nearest(key, name_at, NULL);

    return vit_fail(err, VIT_ERR_FORMAT, "%s: unknown key \"%s\"%s%s%s", where, key,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

enum vit_status recipe_texts_json(struct recipe_texts *t, const json_t *object, const char *where,
                                  struct vit_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: expected an object of settings", where);
    json_object_foreach((json_t *)object, key, value)
    {
        const int id = recipe_find(key);
        enum vit_status status =
            id < 0 ? recipe_unknown(where, key, err) : set_json(t, (enum recipe_id)id, value, where, err);
        if (status) return status;
    }
    return VIT_OK;
}

/* What stands in a file is checked by itself, so that the error can name it. */
static enum vit_status check_texts(const struct recipe_texts *t, const char *where, struct vit_error *err)
{
    struct recipe checked;
    char text[sizeof err->text];

    if (!recipe_parse(&checked, t, err)) return VIT_OK;
    snprintf(text, sizeof text, "%s", err->text);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: %.900s", where, text);
}

enum vit_status recipe_texts_file(struct recipe_texts *t, const char *path, struct vit_error *err)
{
    enum { MAX_BYTES = 1 << 20 };
    struct recipe_texts own = { { 0 } };
    json_t *object = NULL;
    enum vit_status status = vit_json_read_input(&object, path, MAX_BYTES, err);

    if (!status) status = recipe_texts_json(&own, object, path, err);
    if (!status) status = check_texts(&own, path, err);
    if (!status) status = recipe_texts_fill(t, &own, err);
    recipe_texts_free(&own);
    json_decref(object);
    return status;
}

json_t *recipe_texts_save(const struct recipe_texts *t)
{
    json_t *object = json_object();

    for (int i = 0; i < RECIPE_SETTINGS; i++)
        if (t->text[i]) vit_json_put(&object, recipe_name((enum recipe_id)i), json_string(t->text[i]));
    return object;
}

enum vit_status recipe_texts_saved(struct recipe_texts *t, const json_t *object, const char *where,
                                   struct vit_error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        const int id = recipe_find(key);
        enum vit_status status = id < 0 || !json_is_string(value)
                                     ? recipe_unknown(where, key, err)
                                     : recipe_texts_set(t, (enum recipe_id)id, json_string_value(value), err);
        if (status) return status;
    }
    return check_texts(t, where, err);
}
