#include "vit/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(const json_t *v)
{
    static const char *const NAMES[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null",
    };
    return NAMES[json_typeof(v)];
}

static enum vit_status wrong_type(const char *where, const char *key, const char *expected,
                                  const json_t *found, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be %s, found %s", where, key, expected,
                    type_name(found));
}

/* The value under key, or NULL when it is absent or null. */
static const json_t *value_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return v && !json_is_null(v) ? v : NULL;
}

enum vit_status vit_json_parse(json_t **out, const char *where, const char *text, size_t size,
                               struct vit_error *err)
{
    json_error_t parse;

    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &parse);
    if (*out) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: not valid JSON: line %d, column %d: %s", where, parse.line,
                    parse.column, parse.text);
}

static enum vit_status read_all(char **out, size_t *size, FILE *f, const char *path, size_t max,
                                struct vit_error *err)
{
    char *text = malloc(max + 1);

    if (!text) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes", path, max + 1);
    *size = fread(text, 1, max + 1, f);
    if (ferror(f)) {
        free(text);
        return vit_fail(err, VIT_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    if (*size > max) {
        free(text);
        return vit_fail(err, VIT_ERR_FORMAT, "%s: larger than the %zu bytes expected of such a file", path,
                        max);
    }
    *out = text;
    return VIT_OK;
}

enum vit_status vit_json_read(json_t **out, const char *path, size_t max, struct vit_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = fopen(path, "rb");
    enum vit_status status;

    *out = NULL;
    if (!f) return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    status = read_all(&text, &size, f, path, max, err);
    fclose(f);
    if (status) return status;
    status = vit_json_parse(out, path, text, size, err);
    free(text);
    return status;
}

enum vit_status vit_json_int(const json_t *object, const char *where, const char *key, int low, int high,
                             int *out, struct vit_error *err)
{
    const json_t *v = value_of(object, key);

    if (!v) return VIT_OK;
    if (!json_is_integer(v)) return wrong_type(where, key, "an integer", v, err);
    if (json_integer_value(v) < low || json_integer_value(v) > high)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be between %d and %d, found %lld", where, key,
                        low, high, (long long)json_integer_value(v));
    *out = (int)json_integer_value(v);
    return VIT_OK;
}

enum vit_status vit_json_float(const json_t *object, const char *where, const char *key, float *out,
                               struct vit_error *err)
{
    const json_t *v = value_of(object, key);

    if (!v) return VIT_OK;
    if (!json_is_number(v)) return wrong_type(where, key, "a number", v, err);
    if (!isfinite((float)json_number_value(v)))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be a finite float, found %g", where, key,
                        json_number_value(v));
    *out = (float)json_number_value(v);
    return VIT_OK;
}

enum vit_status vit_json_bool(const json_t *object, const char *where, const char *key, bool *out,
                              struct vit_error *err)
{
    const json_t *v = value_of(object, key);

    if (!v) return VIT_OK;
    if (!json_is_boolean(v)) return wrong_type(where, key, "true or false", v, err);
    *out = json_is_true(v);
    return VIT_OK;
}

enum vit_status vit_json_string(const json_t *object, const char *where, const char *key, const char **out,
                                struct vit_error *err)
{
    const json_t *v = value_of(object, key);

    if (!v) return VIT_OK;
    if (!json_is_string(v)) return wrong_type(where, key, "a string", v, err);
    *out = json_string_value(v);
    return VIT_OK;
}

enum vit_status vit_json_floats(const json_t *object, const char *where, const char *key, int n, float *out,
                                struct vit_error *err)
{
    const json_t *v = value_of(object, key);

    if (!v) return VIT_OK;
    if (!json_is_array(v)) return wrong_type(where, key, "an array of numbers", v, err);
    if (json_array_size(v) != (size_t)n)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must have %d numbers, found %zu", where, key, n,
                        json_array_size(v));
    for (int i = 0; i < n; i++) {
        const json_t *item = json_array_get(v, (size_t)i);
        if (!json_is_number(item)) return wrong_type(where, key, "an array of numbers", item, err);
        if (!isfinite((float)json_number_value(item)))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must hold finite floats, found %g", where, key,
                            json_number_value(item));
        out[i] = (float)json_number_value(item);
    }
    return VIT_OK;
}
