#include "tools/recipe_preset.h"

#include <stddef.h>
#include <string.h>

#include "vit/base.h"

static const struct preset {
    const char *name, *line;
} PRESETS[] = {
    { "plain-4", RECIPE_PLAIN },
    { "cct-4-3x2", RECIPE_CCT },
    { "accurate", RECIPE_ACCURATE },
    { RECIPE_PRESET_OF_TRAINED, RECIPE_FINE_TUNE },
};

const char *recipe_preset_name(int i)
{
    return i >= 0 && (size_t)i < VIT_COUNT(PRESETS) ? PRESETS[i].name : NULL;
}

const char *recipe_preset_line(const char *name)
{
    for (size_t i = 0; i < VIT_COUNT(PRESETS); i++)
        if (strcmp(PRESETS[i].name, name) == 0) return PRESETS[i].line;
    return NULL;
}
