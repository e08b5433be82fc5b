#include "vit/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vit/source.h"
#include "vit/text.h"

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

const json_t *vit_json_get(const json_t *object, const char *key)
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
    /* jansson says nothing where an allocation of its own fails. */
    if (json_error_code(&parse) == json_error_out_of_memory || !*parse.text)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its JSON", where);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: not valid JSON: line %d, column %d: %s", where, parse.line,
                    parse.column, parse.text);
}

/* Up to max bytes and one more, in a buffer that grows with what comes: most of these files are small. */
static enum vit_status read_all(char **out, size_t *size, FILE *f, const char *path, size_t max,
                                struct vit_error *err)
{
    enum { FIRST = 8192 };
    size_t room = 0, got;
    char *text = NULL, *more;

    *size = 0;
    do {
        room = room ? 2 * room : FIRST;
        if (room > max + 1) room = max + 1;
        more = realloc(text, room);
        if (!more) {
            free(text);
            return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes", path, room);
        }
        text = more;
        got = fread(text + *size, 1, room - *size, f);
        *size += got;
    } while (got && *size == room && room <= max);
    *out = text;
    if (ferror(f)) return vit_fail(err, VIT_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (*size <= max) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: larger than the %zu bytes expected of such a file", path, max);
}

/* Closes f; NULL: it could not be opened. */
static enum vit_status read_from(json_t **out, FILE *f, const char *path, size_t max, struct vit_error *err)
{
    char *text = NULL;
    size_t size = 0;
    enum vit_status status;

    *out = NULL;
    if (!f) return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    status = read_all(&text, &size, f, path, max, err);
    fclose(f);
    if (!status) status = vit_json_parse(out, path, text, size, err);
    free(text);
    return status;
}

enum vit_status vit_json_read_input(json_t **out, const char *path, size_t max, struct vit_error *err)
{
    return read_from(out, fopen(path, "rb"), path, max, err);
}

enum vit_status vit_json_read(json_t **out, const char *path, size_t max, struct vit_error *err)
{
    size_t size;
    FILE *f;
    int fd;
    enum vit_status status = vit_source_open(&fd, &size, path, err);

    *out = NULL;
    if (status) return status;
    f = fdopen(fd, "rb");
    if (!f) close(fd);
    return read_from(out, f, path, max, err);
}

enum vit_status vit_json_int(const json_t *object, const char *where, const char *key, int low, int high,
                             int *out, struct vit_error *err)
{
    const json_t *v = vit_json_get(object, key);

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
    const json_t *v = vit_json_get(object, key);

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
    const json_t *v = vit_json_get(object, key);

    if (!v) return VIT_OK;
    if (!json_is_boolean(v)) return wrong_type(where, key, "true or false", v, err);
    *out = json_is_true(v);
    return VIT_OK;
}

enum vit_status vit_json_string(const json_t *object, const char *where, const char *key, const char **out,
                                struct vit_error *err)
{
    const json_t *v = vit_json_get(object, key);

    if (!v) return VIT_OK;
    if (!json_is_string(v)) return wrong_type(where, key, "a string", v, err);
    *out = json_string_value(v);
    return VIT_OK;
}

enum vit_status vit_json_object(const json_t *object, const char *where, const char *key, const json_t **out,
                                struct vit_error *err)
{
    const json_t *v = vit_json_get(object, key);

    if (!v) return VIT_OK;
    if (!json_is_object(v)) return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" must be an object", where, key);
    *out = v;
    return VIT_OK;
}

enum vit_status vit_json_floats(const json_t *object, const char *where, const char *key, int n, float *out,
                                struct vit_error *err)
{
    const json_t *v = vit_json_get(object, key);

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

json_t *vit_json_number(float x)
{
    char text[32];

    snprintf(text, sizeof text, "%.*g", vit_float_digits(x, 6), (double)x);
    return json_real(strtod(text, NULL));
}

static void give_up_unless(bool done, json_t **container)
{
    if (done) return;
    json_decref(*container);
    *container = NULL;
}

/* jansson takes value's reference in any case, and refuses NULL. */
void vit_json_put(json_t **object, const char *key, json_t *value)
{
    give_up_unless(json_object_set_new(*object, key, value) == 0, object);
}

void vit_json_append(json_t **array, json_t *value)
{
    give_up_unless(json_array_append_new(*array, value) == 0, array);
}

void vit_json_merge(json_t **object, json_t *more)
{
    give_up_unless(json_object_update(*object, more) == 0, object);
    json_decref(more);
}

char *vit_json_text(const json_t *value, size_t flags)
{
    const size_t size = value ? json_dumpb(value, NULL, 0, flags) : 0;
    char *text = size ? malloc(size + 1) : NULL;

    if (!text) return NULL;
    if (json_dumpb(value, text, size, flags) != size) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}
