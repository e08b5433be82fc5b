/* What the settings of a sweep that goes on must agree with: those that it was begun with. */
#include <stdlib.h>

#include "tools/sweep.h"
#include "vit/text.h"

/* "0.001, 0.003" */
static const char *join(char *text, size_t size, const struct recipe_list *list)
{
    return vit_list(text, size, (const char *const *)list->text, (size_t)list->count);
}

static const char *sweep_of_their_own(const struct recipe_list *list)
{
    return list->count > 1 ? "; several values of it need a sweep of their own" : "";
}

/* The first value of each setting that is not set yet. */
static enum vit_status first_values(struct recipe_texts *t, const struct recipe_lists *l,
                                    struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < RECIPE_SETTINGS && !status; i++)
        if (l->of[i].count) status = recipe_texts_set(t, (enum recipe_id)i, l->of[i].text[0], err);
    return status;
}

/* A setting that nobody gave when the sweep began may be given now, as what it was. */
static enum vit_status check_default(const struct recipe_lists *given, enum recipe_id id,
                                     const struct sweep_saved *saved, const char *folder,
                                     struct vit_error *err)
{
    struct recipe_texts old = { { 0 } }, now = { { 0 } };
    struct recipe was, is;
    enum vit_status status = recipe_texts_set(&now, id, given->of[id].text[0], err);
    char values[256];

    if (!status) status = first_values(&now, &saved->lists, err);
    if (!status) status = first_values(&old, &saved->lists, err);
    if (!status) status = recipe_texts_preset(&now, err);
    if (!status) status = recipe_texts_preset(&old, err);
    if (!status) status = recipe_parse(&was, &old, err);
    if (!status) status = recipe_parse(&is, &now, err);
    if (!status && (given->of[id].count > 1 || recipe_difference(&was, &is) >= 0))
        status = vit_fail(err, VIT_ERR_ARG, "--%s: the sweep in %s has \"%s\", found \"%s\"%s",
                          recipe_name(id), folder, recipe_texts_value(&old, id),
                          join(values, sizeof values, &given->of[id]), sweep_of_their_own(&given->of[id]));
    recipe_texts_free(&old);
    recipe_texts_free(&now);
    return status;
}

/* Values may be added to a list that is part of the cells' names: what has ended stays what it is. */
static enum vit_status check_list(const struct recipe_lists *given, enum recipe_id id,
                                  const struct sweep_saved *saved, const char *folder, struct vit_error *err)
{
    const struct recipe_list *was = &saved->lists.of[id], *is = &given->of[id];
    const bool named = was->count > 1 || id == RECIPE_NORM || id == RECIPE_SEED;
    const char **gone = calloc((size_t)was->count, sizeof *gone);
    enum vit_status status = VIT_OK;
    char values[256];
    size_t count = 0;

    if (!gone) return vit_fail(err, VIT_ERR_NOMEM, "no memory for settings");
    for (int i = 0; i < was->count; i++)
        if (recipe_lists_find(given, id, was->text[i]) < 0) gone[count++] = was->text[i];
    if (named && count)
        status = vit_fail(err, VIT_ERR_ARG,
                          "--%s: the sweep in %s has %s too; values can be added, not taken away",
                          recipe_name(id), folder, vit_list(values, sizeof values, gone, count));
    else if (!named && (count || is->count > 1))
        status =
            vit_fail(err, VIT_ERR_ARG, "--%s: the sweep in %s has \"%s\", found \"%s\"%s", recipe_name(id),
                     folder, was->text[0], join(values, sizeof values, is), sweep_of_their_own(is));
    free(gone);
    return status;
}

/* What to validate on is said in one of two ways. */
static enum vit_status check_validation(const struct recipe_lists *given, const struct recipe_lists *saved,
                                        const char *folder, struct vit_error *err)
{
    const struct recipe_list *val = &saved->of[RECIPE_VAL];
    char values[256];

    if (given->of[RECIPE_VAL].count && recipe_lists_find(saved, RECIPE_VAL_SPLIT, "on") >= 0)
        return vit_fail(err, VIT_ERR_ARG, "--val: the sweep in %s has --val-split", folder);
    if (val->count && recipe_lists_find(given, RECIPE_VAL_SPLIT, "on") >= 0)
        return vit_fail(err, VIT_ERR_ARG, "--val-split: the sweep in %s has --val %s", folder,
                        join(values, sizeof values, val));
    return VIT_OK;
}

enum vit_status sweep_again_lists(const struct recipe_lists *given, const struct sweep_saved *saved,
                                  const char *folder, struct vit_error *err)
{
    enum vit_status status = check_validation(given, &saved->lists, folder, err);

    for (int i = 0; i < RECIPE_SETTINGS && !status; i++) {
        if (!given->of[i].count) continue;
        status = saved->lists.of[i].count ? check_list(given, (enum recipe_id)i, saved, folder, err)
                                          : check_default(given, (enum recipe_id)i, saved, folder, err);
    }
    return status;
}
