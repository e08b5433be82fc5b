/* The commands that make everything on the page again. */
#include <string.h>

#include "tools/eval.h"
#include "tools/markup.h"
#include "tools/memory.h"
#include "tools/recipe.h"
#include "tools/report_page.h"
#include "vit/json.h"

void report_put_option(FILE *out, const char *name, const char *value)
{
    markup_put(out, " \\\n    --%s", name);
    if (!value) return;
    fputc(' ', out);
    markup_word(out, value);
}

void report_put_list(FILE *out, const char *name, const json_t *list)
{
    struct memory word;
    const json_t *item;
    size_t i, count = 0;

    if (!memory_open(&word)) return;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item)) fprintf(word.out, "%s%s", count++ ? "," : "", json_string_value(item));
    }
    if (memory_close(&word)) report_put_option(out, name, word.bytes);
    free(word.bytes);
}

const char *report_option_text(char text[32], const json_t *v)
{
    if (json_is_string(v)) return json_string_value(v);
    if (json_is_boolean(v)) return json_is_true(v) ? "on" : "off";
    if (!json_is_number(v)) return NULL;
    if (json_is_integer(v))
        snprintf(text, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else /* from 2^63 on a whole number is a real one */
        snprintf(text, 32, json_real_value(v) < 0x1p63 ? "%.9g" : "%.0f", json_real_value(v));
    return text;
}

/* ---- settings: options, and a recipe of what these cannot say ---- */

static bool is_switch(const char *name)
{
    const int id = recipe_find(name);

    return id >= 0 && recipe_row((enum recipe_id)id)->kind == ARGS_FLAG;
}

/* The text of a setting that has one value. */
static const char *text_of(const json_t *v)
{
    return json_string_value(json_is_array(v) && json_array_size(v) == 1 ? json_array_get(v, 0) : v);
}

/* Settings that nothing reads: a command line that gives one is refused. */
static void find_unread(bool unread[RECIPE_SETTINGS], const json_t *settings)
{
    enum { MOST = 10000 };
    struct recipe_lists lists = { { { 0 } } };
    struct recipe_readers readers = { 0 };
    struct vit_error ignored;
    const char *name;
    json_t *v, *all = json_object();
    int count = 0;

    json_object_foreach((json_t *)settings, name, v)
    {
        vit_json_put(&all, name, json_is_array(v) ? json_deep_copy(v) : json_pack("[O]", v));
    }
    if (all && !recipe_lists_saved(&lists, all, "", &ignored)) count = recipe_lists_product(&lists, MOST);
    for (int i = 0; i < count; i++) {
        struct recipe_texts texts = { { 0 } };
        struct recipe r;
        if (!recipe_lists_texts(&texts, &lists, i, &ignored) && !recipe_texts_preset(&texts, &ignored) &&
            !recipe_parse(&r, &texts, &ignored))
            recipe_readers_add(&readers, &r);
        recipe_texts_free(&texts);
    }
    for (int id = 0; id < RECIPE_SETTINGS; id++) unread[id] = readers.recipes && !readers.of[id];
    recipe_lists_free(&lists);
    json_decref(all);
}

/* A switch that is given is on, and a comma stands between two values. */
static bool is_option(const char *name, const json_t *v, const bool unread[RECIPE_SETTINGS])
{
    const int id = recipe_find(name);
    const json_t *item;
    size_t i;

    if (id >= 0 && unread[id]) return false;
    if (is_switch(name)) return text_of(v) && strcmp(text_of(v), "on") == 0;
    json_array_foreach(v, i, item)
    {
        if (json_is_string(item) && strchr(json_string_value(item), ',')) return false;
    }
    return true;
}

/* A text as JSON of its setting's kind: "on" as true. */
static json_t *typed(const char *name, const json_t *text)
{
    const int id = recipe_find(name);
    struct recipe_texts one = { { 0 } };
    struct vit_error ignored;
    struct recipe r;

    if (id < 0 || !json_is_string(text)) return json_deep_copy(text);
    one.text[id] = (char *)json_string_value(text);
    return recipe_parse(&r, &one, &ignored) ? json_deep_copy(text) : recipe_value(&r, (enum recipe_id)id);
}

static json_t *typed_all(const char *name, const json_t *v)
{
    json_t *all;
    const json_t *item;
    size_t i;

    if (!json_is_array(v)) return typed(name, v);
    all = json_array();
    json_array_foreach(v, i, item)
    {
        vit_json_append(&all, typed(name, item));
    }
    return all;
}

/* The settings that are no options, as --recipe takes them. NULL: there are none. To be freed. */
static char *recipe_of(const json_t *settings, const bool unread[RECIPE_SETTINGS])
{
    json_t *recipe = json_object();
    const char *name;
    json_t *v;
    char *text = NULL;

    json_object_foreach((json_t *)settings, name, v)
    {
        if (!is_option(name, v, unread)) vit_json_put(&recipe, name, typed_all(name, v));
    }
    if (json_object_size(recipe)) text = vit_json_text(recipe, JSON_COMPACT);
    if (!recipe || (json_object_size(recipe) && !text)) memory_lost();
    json_decref(recipe);
    return text;
}

static void put_settings(FILE *out, const json_t *settings, const bool unread[RECIPE_SETTINGS])
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)settings, name, v)
    {
        if (!is_option(name, v, unread)) continue;
        if (is_switch(name))
            report_put_option(out, name, NULL);
        else if (text_of(v))
            report_put_option(out, name, text_of(v));
        else if (json_array_size(v))
            report_put_list(out, name, v);
    }
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void put_run(FILE *out, const struct report_source *s)
{
    const char *dead = text_at(s->about, "dead_after"), *kernels = text_at(s->about, "kernels");
    const char *data = text_at(s->about, "data");
    const json_t *settings = json_object_get(s->about, "settings");
    bool unread[RECIPE_SETTINGS];
    char *recipe;

    find_unread(unread, settings);
    recipe = recipe_of(settings, unread);
    if (recipe) { /* through a pipe: a file might be in the way of another */
        fputs("printf %s ", out);
        markup_word(out, recipe);
        fputs(" | ", out);
    }
    fputs(s->kind == REPORT_SWEEP ? "vit sweep" : "vit train", out);
    if (!s->about) {
        fputs(s->kind == REPORT_SWEEP ? " --out " : " --resume ", out);
        markup_word(out, s->path);
        fputs("   # its settings are not in the folder\n\n", out);
        return;
    }
    if (data) report_put_option(out, "data", data);
    report_put_option(out, "out", s->path);
    put_settings(out, settings, unread);
    if (recipe) report_put_option(out, "recipe", "/dev/stdin");
    free(recipe);
    if (dead) report_put_option(out, "dead-after", dead);
    if (kernels) report_put_option(out, "kernels", kernels);
    if (json_is_false(json_object_get(s->about, "test"))) report_put_option(out, "no-test", NULL);
    fputs("\n\n", out);
}

/* "pre=RUN,RUN": an arm as the operand of compare. */
static void put_arm(FILE *out, const json_t *arm)
{
    const char *name = text_at(arm, "name");
    struct memory word;
    const json_t *run;
    size_t i;

    if (!memory_open(&word)) return;
    if (name) fprintf(word.out, "%s=", name);
    json_array_foreach(json_object_get(arm, "runs"), i, run)
    {
        if (text_at(run, "file")) fprintf(word.out, "%s%s", i ? "," : "", text_at(run, "file"));
    }
    if (memory_close(&word)) {
        fputs(" \\\n    ", out);
        markup_word(out, word.bytes);
    }
    free(word.bytes);
}

/* Options by the keys of a result. An older one lacks most. */
static const struct {
    const char *key, *option, *usual; /* usual: what need not be said; NULL: nothing */
    bool of_models;                   /* files of logits alone have no use for it */
} COMPARED[] = {
    { "dataset", "data", NULL, true },
    { "split", "split", EVAL_HELD_OUT, true }, /* which is no split: a fraction says it */
    { "limit", "limit", NULL, true },
    { "held_out", "held-out", NULL, true },
    { "flip", "flip", NULL, true },
    { "check", "check", NULL, true },
    { "no_exif", "no-exif", NULL, true },
    { "max_pixels", "max-pixels", CMD_MAX_PIXELS_TEXT, true },
    { "size", "size", NULL, true },
    { "dtype", "dtype", "f32", true },
    { "kernels", "kernels", NULL, false },
    { "seed", "seed", "0", false },
};

static void put_compared(FILE *out, const json_t *result)
{
    char room[32];

    for (size_t i = 0; i < VIT_COUNT(COMPARED); i++) {
        const json_t *v = json_object_get(result, COMPARED[i].key);
        const char *text = report_option_text(room, v), *usual = COMPARED[i].usual;
        if (!text || (usual && strcmp(text, usual) == 0) || json_is_false(v)) continue;
        if (COMPARED[i].of_models && json_is_null(json_object_get(result, "dataset"))) continue;
        report_put_option(out, COMPARED[i].option, json_is_true(v) ? NULL : text);
    }
}

/* "--diverged-a 3/20" */
static void put_diverged(FILE *out, const char *option, const json_t *counts)
{
    const json_t *diverged = json_object_get(counts, "diverged"), *runs = json_object_get(counts, "runs");

    if (json_is_integer(diverged) && json_is_integer(runs))
        markup_put(out, " \\\n    --%s %.0f/%.0f", option, json_number_value(diverged),
                   json_number_value(runs));
}

/* A fraction was held out, and an older result does not say which. */
static bool lacks_fraction(const json_t *result)
{
    const char *split = text_at(result, "split");

    return split && strcmp(split, EVAL_HELD_OUT) == 0 && !json_is_number(json_object_get(result, "held_out"));
}

static void put_compare(FILE *out, const struct report_source *s)
{
    const json_t *arms = json_object_get(s->about, "arms"), *arm;
    const json_t *margin = json_object_get(json_object_get(s->about, "tost"), "margin");
    const json_t *draws = json_object_get(json_object_get(s->about, "bootstrap"), "draws");
    const json_t *fisher = json_object_get(s->about, "fisher");
    size_t i;

    if (!json_array_size(arms)) return;
    fputs("vit compare", out);
    json_array_foreach(arms, i, arm)
    {
        put_arm(out, arm);
    }
    put_compared(out, s->about);
    put_diverged(out, "diverged-a", json_object_get(fisher, "a"));
    put_diverged(out, "diverged-b", json_object_get(fisher, "b"));
    if (json_is_number(margin)) markup_put(out, " \\\n    --margin %.9g", 100 * json_number_value(margin));
    if (json_is_integer(draws)) markup_put(out, " \\\n    --bootstrap %.0f", json_number_value(draws));
    fputs(" \\\n    --json &gt; ", out);
    markup_word(out, s->path);
    if (lacks_fraction(s->about)) fputs("   # without --held-out, whose fraction is not in the file", out);
    fputs("\n\n", out);
}

void report_put_commands(FILE *out, const struct report *r)
{
    fputs("<pre><code>", out);
    for (size_t i = 0; i < r->source_count; i++)
        if (r->sources[i].kind == REPORT_COMPARE)
            put_compare(out, &r->sources[i]);
        else
            put_run(out, &r->sources[i]);
    report_put_probes(out, r);
    fputs("vit report", out);
    for (size_t i = 0; i < r->path_count; i++) {
        fputc(' ', out);
        markup_word(out, r->paths[i]);
    }
    fputs(" -o report.html</code></pre>\n", out);
}
