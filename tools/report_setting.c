/* Settings of cells as texts, so that those of several folders can be compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/recipe.h"
#include "tools/report_parts.h"

bool report_value_text(const json_t *v, char *text, size_t size)
{
    const char *said = json_string_value(v);
    char *end = NULL;
    const double number = said ? strtod(said, &end) : 0;

    if (said && end > said && !*end && isfinite(number))
        snprintf(text, size, "%.9g", number);
    else if (said)
        snprintf(text, size, "%s", said);
    else if (json_is_number(v))
        snprintf(text, size, "%.9g", json_number_value(v));
    else if (json_is_boolean(v))
        snprintf(text, size, "%s", json_is_true(v) ? "on" : "off");
    else
        return false;
    return true;
}

const json_t *report_planned_value(const json_t *grid, const json_t *entry, enum recipe_id id)
{
    const json_t *own = recipe_value_in(entry, id);
    const json_t *list = json_object_get(json_object_get(grid, "settings"), recipe_name(id));

    if (own && !json_is_null(own)) return own;
    return json_is_array(list) && json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
}

/* Of a run all of whose settings are known: that it has no such network is one of them. */
static const char *without(enum recipe_id id)
{
    switch (id) {
    case RECIPE_FROM: return "drawn";
    case RECIPE_TEACHER: return "none";
    default: return "";
    }
}

const char *report_setting(const struct report *r, const struct report_cell *c, enum recipe_id id, char *text,
                           size_t size)
{
    if (!report_value_text(recipe_value_in(c->line, id), text, size) &&
        !report_value_text(report_planned_value(r->sources[c->source].about, c->planned, id), text, size) &&
        !report_value_text(json_object_get(c->whole, recipe_name(id)), text, size))
        snprintf(text, size, "%s", c->whole ? without(id) : "");
    return text;
}

const char *report_data(const struct report_source *s, char *text, size_t size)
{
    const char *path = json_string_value(json_object_get(s->about, "data"));
    const size_t length = path ? strlen(path) : 0;
    size_t end = length, start;

    while (end > 1 && path[end - 1] == '/') end--;
    for (start = end; start > 0 && path[start - 1] != '/';) start--;
    snprintf(text, size, "%.*s", (int)(end - start), path ? path + start : "");
    return text;
}
