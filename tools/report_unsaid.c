/* Settings that a folder does not write down: its preset's, or the table's. What runs have in common shows
 * only where both are known; of a trained network that runs start from, nothing is known here. */
#include <string.h>

#include "tools/recipe.h"
#include "tools/report_parts.h"
#include "vit/config_json.h"
#include "vit/json.h"

/* Of a network whose data set nobody named; they change nothing that is looked at here. */
enum { SOME_CLASSES = 10 };

/* What the preset's network makes of a setting that is not said. */
static json_t *network_value(const struct vit_config *c, enum recipe_id id)
{
    switch (id) {
    case RECIPE_IMAGE: return json_integer(c->image);
    case RECIPE_PATCH: return c->stem.patch ? json_integer(c->stem.patch) : json_null();
    case RECIPE_WIDTH: return json_integer(c->width);
    case RECIPE_DEPTH: return json_integer(c->depth);
    case RECIPE_HEADS: return json_integer(c->heads);
    case RECIPE_HIDDEN: return json_integer(c->hidden);
    case RECIPE_POOL: return json_string(vit_pool_name(c->pool));
    case RECIPE_POSITION: return json_string(vit_position_name(c->position));
    case RECIPE_NORM_KIND: return json_string(kern_norm_kind_name(c->norm.kind));
    case RECIPE_STEM: return json_string(recipe_stem_name(&c->stem));
    default: return json_null();
    }
}

/* Every setting that a run reads by its name, and which it does not; NULL: what is said makes no run, which
 * is no error. */
static enum vit_status whole_of(json_t **out, bool unread[RECIPE_SETTINGS], const struct report *r,
                                const struct report_cell *c, const struct recipe_texts *t,
                                struct vit_error *err)
{
    const int classes = r->sources[c->source].classes;
    struct recipe_readers readers = { 0 };
    struct recipe recipe;
    struct vit_config config;
    enum vit_status status = recipe_parse(&recipe, t, err);

    *out = NULL;
    if (!status && !recipe.from)
        status = recipe_config(&config, &recipe, NULL, classes ? classes : SOME_CLASSES, err);
    if (status) return status == VIT_ERR_NOMEM ? status : VIT_OK;
    recipe_readers_add(&readers, &recipe);
    *out = json_object();
    for (int id = 0; id < RECIPE_SETTINGS && *out; id++) {
        json_t *v = readers.of[id] ? recipe_value(&recipe, (enum recipe_id)id) : json_null();
        unread[id] = !readers.of[id];
        if (json_is_null(v) && !recipe.from) v = network_value(&config, (enum recipe_id)id);
        if (recipe.from || !json_is_null(v)) vit_json_put(out, recipe_name((enum recipe_id)id), v);
    }
    return *out ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
}

static const char *text_in(const json_t *whole, enum recipe_id id)
{
    const char *text = json_string_value(json_object_get(whole, recipe_name(id)));

    return text ? text : "";
}

static int number_in(const json_t *whole, enum recipe_id id)
{
    return (int)json_integer_value(json_object_get(whole, recipe_name(id)));
}

/* What a planned run has of its own and nobody said, as when none of its grid has ended yet. */
static void fill(struct report_cell *c)
{
    if (!*c->init) c->init = text_in(c->whole, RECIPE_INIT);
    if (!*c->warmup) snprintf(c->warmup, sizeof c->warmup, "%s", text_in(c->whole, RECIPE_WARMUP));
    if (!c->depth) c->depth = number_in(c->whole, RECIPE_DEPTH);
    if (!c->epochs) c->epochs = number_in(c->whole, RECIPE_EPOCHS);
}

static enum vit_status complete(struct report *r, struct report_cell *c, struct vit_error *err)
{
    struct recipe_texts t = { 0 };
    enum vit_status status = VIT_OK;
    json_t *whole = NULL;
    char text[REPORT_MORE];

    for (int id = 0; id < RECIPE_SETTINGS && !status; id++) {
        if (!*report_setting(r, c, (enum recipe_id)id, text, sizeof text)) continue;
        t.text[id] = strdup(text);
        if (!t.text[id]) status = vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
    }
    /* Of trained networks, and older than the preset that is meant for them. */
    if (!status && t.text[RECIPE_FROM] && !t.text[RECIPE_PRESET]) {
        t.text[RECIPE_PRESET] = strdup(recipe_row(RECIPE_PRESET)->initial);
        if (!t.text[RECIPE_PRESET]) status = vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
    }
    if (!status) status = recipe_texts_preset(&t, err);
    if (!status) status = whole_of(&whole, c->unread, r, c, &t, err);
    recipe_texts_free(&t);
    if (whole) status = report_keep(r, whole, err);
    if (!whole || status) return status;
    c->whole = whole;
    fill(c);
    return VIT_OK;
}

enum vit_status report_complete(struct report *r, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < r->cell_count && !status; i++) {
        struct report_cell *c = &r->cells[i];
        const bool said = json_is_object(json_object_get(r->sources[c->source].about, "settings"));
        if (said && !c->whole) status = complete(r, c, err);
    }
    return status;
}
