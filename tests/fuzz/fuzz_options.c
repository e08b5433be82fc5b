/* A command line, its words ended by zero bytes; the first byte chooses the verb. And a recipe file. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/recipe.h"
#include "vit/json.h"

enum { MOST_WORDS = 64 };

static const struct args_verb *verb_of(uint8_t choice)
{
    size_t count = 0;

    while (cmd_verbs[count]) count++;
    return cmd_verbs[choice % count];
}

static void parse(const struct args_verb *v, int count, char **words)
{
    void *options = calloc(1, v->bytes);
    struct vit_error err;

    if (options) args_parse(v, options, &count, words, &err);
    free(options);
}

static void parse_recipe(const uint8_t *data, size_t size)
{
    struct recipe_texts texts = { { 0 } };
    struct recipe recipe;
    struct vit_config config;
    struct vit_hyper hyper;
    struct vit_error err;
    json_t *object = NULL;

    if (vit_json_parse(&object, "fuzz", (const char *)data, size, &err)) return;
    if (json_is_object(object) && !recipe_texts_json(&texts, object, "fuzz", &err) &&
        !recipe_texts_preset(&texts, &err) && !recipe_parse(&recipe, &texts, &err)) {
        recipe_config(&config, &recipe, NULL, 10, &err);
        recipe_hyper(&hyper, &recipe, 100, &err);
    }
    recipe_texts_free(&texts);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[MOST_WORDS + 1] = { NULL }, *text;
    int count = 0;

    if (!size) return 0;
    if (data[0] == '{') parse_recipe(data, size);
    text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 1; at < size && count < MOST_WORDS; at += strlen(text + at) + 1)
        words[count++] = text + at;
    parse(verb_of(data[0]), count, words);
    free(text);
    return 0;
}
