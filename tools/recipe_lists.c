/* Several values for each setting: what a grid is made of. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out.h"
#include "tools/recipe.h"
#include "vit/json.h"
#include "vit/text.h"

static const void *field(const struct recipe *r, const struct args_option *row)
{
    return (const char *)r + row->at;
}

static void float_text(char *text, size_t size, float value)
{
    snprintf(text, size, "%.*g", vit_float_digits(value, 1), (double)value);
}

/* out = text in the one form that equal values share; VIT_ERR_ARG: it is wrong. */
static enum vit_status canonical(char *out, size_t size, enum recipe_id id, const char *text,
                                 struct vit_error *err)
{
    const struct args_option *row = recipe_row(id);
    struct recipe_texts alone = { { 0 } };
    struct vit_norm_config norm;
    struct recipe r;

    if (strlen(text) >= size)
        return vit_fail(err, VIT_ERR_ARG, "--%s: expected less than %zu characters, found \"%s\"", row->name,
                        size, text);
    snprintf(out, size, "%s", text);
    alone.text[id] = out;
    if (recipe_parse(&r, &alone, err)) return VIT_ERR_ARG;
    switch (row->kind) {
    case ARGS_INT: snprintf(out, size, "%d", *(const int *)field(&r, row)); break;
    case ARGS_COUNT: snprintf(out, size, "%" PRIu64, *(const uint64_t *)field(&r, row)); break;
    case ARGS_FLOAT: float_text(out, size, *(const float *)field(&r, row)); break;
    default: break; /* a text is its own form */
    }
    if (id == RECIPE_NORM && !vit_placement_parse(&norm, text, NULL)) vit_placement_text(&norm, out, size);
    return VIT_OK;
}

int recipe_lists_find(const struct recipe_lists *l, enum recipe_id id, const char *text)
{
    return vit_index_of((const char *const *)l->of[id].text, (size_t)l->of[id].count, text);
}

enum vit_status recipe_lists_add(struct recipe_lists *l, enum recipe_id id, const char *text,
                                 struct vit_error *err)
{
    struct recipe_list *list = &l->of[id];
    char form[1024], **longer;
    enum vit_status status = canonical(form, sizeof form, id, text, err);

    if (status) return status;
    if (recipe_lists_find(l, id, form) >= 0)
        return vit_fail(err, VIT_ERR_ARG, "--%s: expected different values, found \"%s\" twice",
                        recipe_name(id), form);
    longer = realloc(list->text, ((size_t)list->count + 1) * sizeof *longer);
    if (longer) list->text = longer;
    if (longer) longer[list->count] = strdup(form);
    if (!longer || !longer[list->count])
        return vit_fail(err, VIT_ERR_NOMEM, "--%s: no memory", recipe_name(id));
    list->count++;
    return VIT_OK;
}

void recipe_lists_free(struct recipe_lists *l)
{
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        for (int i = 0; i < l->of[id].count; i++) free(l->of[id].text[i]);
        free(l->of[id].text);
    }
    *l = (struct recipe_lists){ { { 0 } } };
}

/* ---- where lists come from ---- */

static enum vit_status split(struct recipe_lists *l, enum recipe_id id, const char *words,
                             struct vit_error *err)
{
    char *copy = strdup(words), *rest = copy, *word;
    enum vit_status status = copy ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "no memory");

    while (!status && (word = strsep(&rest, ","))) status = recipe_lists_add(l, id, word, err);
    free(copy);
    return status;
}

enum vit_status recipe_lists_words(struct recipe_lists *l, const struct recipe_words *words,
                                   struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < RECIPE_SETTINGS && !status; i++) {
        const enum recipe_id id = (enum recipe_id)i;
        if (l->of[i].count) continue;
        if (words->flag[i]) status = recipe_lists_add(l, id, "on", err);
        if (words->text[i]) status = split(l, id, words->text[i], err);
    }
    return status;
}

/* As of texts: two settings say one thing, and who comes first says it. */
static bool settled(const struct recipe_lists *l, enum recipe_id id)
{
    if (id == RECIPE_VAL) return recipe_lists_find(l, RECIPE_VAL_SPLIT, "on") >= 0;
    return id == RECIPE_VAL_SPLIT && l->of[RECIPE_VAL].count;
}

enum vit_status recipe_lists_fill(struct recipe_lists *l, const struct recipe_lists *from,
                                  struct vit_error *err)
{
    const bool val = settled(l, RECIPE_VAL), split = settled(l, RECIPE_VAL_SPLIT); /* before from's own */
    enum vit_status status = VIT_OK;

    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        if (l->of[id].count || (id == RECIPE_VAL && val) || (id == RECIPE_VAL_SPLIT && split)) continue;
        l->of[id].filed = from->of[id].filed;
        for (int i = 0; i < from->of[id].count && !status; i++)
            status = recipe_lists_add(l, (enum recipe_id)id, from->of[id].text[i], err);
    }
    return status;
}

/* ---- JSON ---- */

static enum vit_status add_json(struct recipe_lists *l, enum recipe_id id, const json_t *value,
                                const char *where, struct vit_error *err)
{
    char *text;
    enum vit_status status = recipe_json_text(&text, id, value, where, err);

    if (!status && recipe_lists_add(l, id, text, err)) {
        char why[sizeof err->text];
        snprintf(why, sizeof why, "%s", err->text);
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: %.900s", where, why);
    }
    free(text);
    return status;
}

/* A value, or an array of them. */
static enum vit_status add_values(struct recipe_lists *l, const char *key, const json_t *values,
                                  const char *where, struct vit_error *err)
{
    const int id = recipe_find(key);
    enum vit_status status = VIT_OK;
    const json_t *value;
    size_t i;

    if (id < 0) return recipe_unknown(where, key, err);
    if (!json_is_array(values)) return add_json(l, (enum recipe_id)id, values, where, err);
    if (!json_array_size(values))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\": expected at least one value, found none", where,
                        key);
    json_array_foreach(values, i, value)
    {
        if (!status) status = add_json(l, (enum recipe_id)id, value, where, err);
    }
    return status;
}

enum vit_status recipe_lists_file(struct recipe_lists *l, const char *path, struct vit_error *err)
{
    enum { MAX_BYTES = 1 << 20 };
    struct recipe_lists own = { { { 0 } } };
    json_t *object = NULL, *values;
    const char *key;
    enum vit_status status = vit_json_read_input(&object, path, MAX_BYTES, err);

    if (!status && !json_is_object(object))
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: expected an object of settings", path);
    json_object_foreach(object, key, values)
    {
        if (!status) status = add_values(&own, key, values, path, err);
    }
    for (int id = 0; id < RECIPE_SETTINGS; id++) own.of[id].filed = true;
    if (!status) status = recipe_lists_fill(l, &own, err);
    recipe_lists_free(&own);
    json_decref(object);
    return status;
}

json_t *recipe_lists_save(const struct recipe_lists *l)
{
    json_t *object = json_object();

    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        json_t *list = json_array();
        for (int i = 0; i < l->of[id].count; i++) vit_json_append(&list, json_string(l->of[id].text[i]));
        if (l->of[id].count)
            vit_json_put(&object, recipe_name((enum recipe_id)id), list);
        else
            json_decref(list);
    }
    return object;
}

enum vit_status recipe_lists_saved(struct recipe_lists *l, const json_t *object, const char *where,
                                   struct vit_error *err)
{
    const char *key;
    json_t *list;
    const json_t *value;
    size_t i;

    json_object_foreach((json_t *)object, key, list)
    {
        const int id = recipe_find(key);
        if (id < 0 || !json_array_size(list)) return recipe_unknown(where, key, err);
        json_array_foreach(list, i, value)
        {
            if (!json_is_string(value)) return recipe_unknown(where, key, err);
            if (recipe_lists_add(l, (enum recipe_id)id, json_string_value(value), err)) return err->status;
        }
    }
    return VIT_OK;
}

int recipe_lists_product(const struct recipe_lists *l, int most)
{
    int count = 1;

    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        const int values = l->of[id].count;
        if (!values) continue;
        if (values > most / count) return 0;
        count *= values;
    }
    return count;
}

enum vit_status recipe_lists_texts(struct recipe_texts *t, const struct recipe_lists *l, int number,
                                   struct vit_error *err)
{
    for (int i = RECIPE_SETTINGS; i >= 0; i--) { /* the first digit is norm's, the last the table's first */
        const int id = i == RECIPE_SETTINGS ? RECIPE_NORM : i;
        const struct recipe_list *list = &l->of[id];
        if (!list->count || i == RECIPE_NORM) continue;
        t->text[id] = strdup(list->text[number % list->count]);
        if (!t->text[id]) return vit_fail(err, VIT_ERR_NOMEM, "no memory for the grid");
        number /= list->count;
    }
    return VIT_OK;
}

json_t *recipe_value(const struct recipe *r, enum recipe_id id)
{
    const struct args_option *row = recipe_row(id);
    const void *at = field(r, row);
    const char *text;

    switch (row->kind) {
    case ARGS_FLAG: return json_boolean(*(const bool *)at);
    case ARGS_INT: return row->low > 0 && !*(const int *)at ? json_null() : json_integer(*(const int *)at);
    case ARGS_COUNT:
        return row->low > 0 && !*(const uint64_t *)at ? json_null() : out_whole(*(const uint64_t *)at);
    case ARGS_FLOAT:
        return row->low > 0 && !(*(const float *)at > 0) ? json_null() : out_float(*(const float *)at);
    default: text = *(const char *const *)at; return text ? json_string(text) : json_null();
    }
}

/* Lines had names before they had keys. */
const json_t *recipe_value_in(const json_t *object, enum recipe_id id)
{
    const json_t *value = json_object_get(object, recipe_key(id));

    return value ? value : json_object_get(object, recipe_name(id));
}
