/* What a model is taken to be, said: nothing about it is guessed silently. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/config_json.h"
#include "vit/dialects.h"
#include "vit/json.h"

/* ---- what a configuration of ours leaves unsaid ---- */

/* Whether both have parts to be compared one by one: objects, and as many in arrays. */
static bool have_parts(const json_t *a, const json_t *b)
{
    if (json_is_object(a)) return json_is_object(b);
    return json_is_object(json_array_get(a, 0)) && json_array_size(a) == json_array_size(b);
}

static bool is_empty(const json_t *left)
{
    size_t i;
    json_t *part;

    if (json_is_object(left)) return !json_object_size(left);
    json_array_foreach(left, i, part)
    {
        if (!is_empty(part)) return false;
    }
    return true;
}

/* What full has and given has not; of arrays element by element. NULL: no memory. */
static json_t *unsaid(const json_t *full, const json_t *given)
{
    json_t *left = json_is_array(full) ? json_array() : json_object(), *value;
    const char *key;
    size_t i;

    json_array_foreach(full, i, value)
    {
        vit_json_append(&left, unsaid(value, json_array_get(given, i)));
    }
    json_object_foreach((json_t *)full, key, value)
    {
        const json_t *own = vit_json_get(given, key);

        if (!own)
            vit_json_put(&left, key, json_incref(value));
        else if (have_parts(value, own)) {
            json_t *part = unsaid(value, own);
            if (part && is_empty(part))
                json_decref(part);
            else
                vit_json_put(&left, key, part);
        }
    }
    return left;
}

static void say_unsaid(struct vit_model *m, const json_t *o)
{
    json_t *full = vit_config_to_json(&m->config, &m->recipe, NULL), *left = unsaid(full, o);
    char *text = vit_json_text(left, JSON_COMPACT | VIT_JSON_FLOATS);

    if (text && !is_empty(left))
        vit_model_say(m, false, "%s: taken to be, in the words of a config.json of ours: %s", m->path, text);
    free(text);
    json_decref(left);
    json_decref(full);
}

/* ---- what tensors and a configuration of others say ---- */

static void say_inferred(struct vit_model *m)
{
    const struct vit_config *c = &m->config;
    char placement[32], stem[32];

    snprintf(stem, sizeof stem, c->stem.patch ? "patch %d" : "%d convolutions",
             c->stem.patch ? c->stem.patch : c->stem.layers);
    vit_model_say(m, false,
                  "%s: read as %s: image %d, %s, width %d, depth %d, heads %d, hidden %d, classes %d, "
                  "pool %s, norm %s (eps %g), act %s%s",
                  m->path, m->family, c->image, stem, c->width, c->depth, c->heads, c->hidden,
                  m->headless ? 0 : c->classes, vit_pool_name(c->pool),
                  vit_placement_text(&c->norm, placement, sizeof placement), (double)c->norm.eps,
                  kern_act_name(c->act), c->glu ? ", gated" : "");
}

void vit_say_taken(struct vit_model *m, const json_t *o)
{
    if (!o)
        say_inferred(m);
    else if (strcmp(m->family, weights_family_name(WEIGHTS_TIMM)))
        vit_model_say(m, false, "%s: its tensors have the names of %s", m->path, m->family);
    say_unsaid(m, o);
}

enum vit_status vit_say_scores(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err)
{
    static const char SINGLE[] = "single_label_classification";
    const char *problem = SINGLE;
    enum vit_status status = vit_json_string(o, where, "problem_type", &problem, err);

    if (status || m->headless) return status;
    if (m->config.classes == 1)
        vit_model_say(m, true,
                      "%s: one class alone: its score, a softmax, is always 1; its logit is its answer",
                      m->path);
    else if (strcmp(problem, SINGLE))
        vit_model_say(m, true,
                      "%s: \"problem_type\" is \"%s\": scores are a softmax over all classes all the same, "
                      "which is not what they mean there; its logits are its answer",
                      where, problem);
    return VIT_OK;
}
