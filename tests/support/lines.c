#include "tests/support/lines.h"

#include "tests/support/test.h"
#include "tests/support/tmp.h"

json_t *lines_of(const char *dir, const char *name)
{
    char *text = tmp_text(dir, name);
    json_t *lines = json_array();

    for (char *at = text; *at; at = strchr(at, '\n') + 1) {
        json_t *line = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
        if (!line || !strchr(at, '\n')) fail_msg("%s/%s: not a line: %s", dir, name, at);
        json_object_del(line, "images_per_second");
        json_object_del(line, "seconds");
        json_array_append_new(lines, line);
    }
    free(text);
    return lines;
}

json_t *lines_where(const json_t *lines, const char *key, const char *text)
{
    json_t *found = json_array();

    for (size_t i = 0; i < json_array_size(lines); i++)
        if (strcmp(lines_text(lines, i, key), text) == 0) json_array_append(found, json_array_get(lines, i));
    return found;
}

void lines_assert_same(const char *a, const char *b, const char *name)
{
    json_t *x = lines_of(a, name), *y = lines_of(b, name);

    assert_int_equal(json_array_size(x), json_array_size(y));
    for (size_t i = 0; i < json_array_size(x); i++)
        if (!json_equal(json_array_get(x, i), json_array_get(y, i)))
            fail_msg("%s: line %zu differs: %s and %s", name, i, json_dumps(json_array_get(x, i), 0),
                     json_dumps(json_array_get(y, i), 0));
    json_decref(x);
    json_decref(y);
}

const char *lines_text(const json_t *lines, size_t i, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(lines, i), key));

    return text ? text : "(none)";
}

double lines_number(const json_t *lines, size_t i, const char *key)
{
    return json_number_value(json_object_get(json_array_get(lines, i), key));
}
