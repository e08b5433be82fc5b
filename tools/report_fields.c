#include <limits.h>
#include <math.h>

#include "tools/report_parts.h"

static const char *kind_name(const json_t *v)
{
    static const char *const NAMES[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    return v ? NAMES[json_typeof(v)] : "none";
}

static bool set_text(void *out, const json_t *v)
{
    if (v && !json_is_string(v)) return false;
    *(const char **)out = v ? json_string_value(v) : "";
    return true;
}

static bool set_label(void *out, const json_t *v)
{
    enum { SIZE = 32 };
    const char *text = json_is_string(v) ? json_string_value(v) : "";
    const size_t length = strlen(text);

    if (v && !json_is_string(v) && !json_is_number(v)) return false;
    if (json_is_number(v))
        snprintf(out, SIZE, "%.9g", json_number_value(v));
    else
        snprintf(out, SIZE, "%.*s", (int)(length < SIZE ? length : vit_cut(text, SIZE - 1)), text);
    return true;
}

static bool set_int(void *out, const json_t *v)
{
    if (v && !json_is_integer(v)) return false;
    if (v && (json_integer_value(v) < INT_MIN || json_integer_value(v) > INT_MAX)) return false;
    *(int *)out = v ? (int)json_integer_value(v) : 0;
    return true;
}

static bool set_real(void *out, const json_t *v)
{
    if (v && !json_is_number(v)) return false;
    *(double *)out = v ? json_number_value(v) : NAN;
    return true;
}

static bool set_flag(void *out, const json_t *v)
{
    if (v && !json_is_boolean(v)) return false;
    *(bool *)out = json_is_true(v);
    return true;
}

static enum vit_status set_field(void *out, const json_t *object, const char *where,
                                 const struct report_field *f, struct vit_error *err)
{
    static const struct {
        bool (*set)(void *out, const json_t *v); /* v NULL: not known */
        const char *expected;
    } KINDS[] = {
        [REPORT_TEXT] = { set_text, "a text" },
        [REPORT_LABEL_TEXT] = { set_label, "a text or a number" },
        [REPORT_INT] = { set_int, "a whole number" },
        [REPORT_REAL] = { set_real, "a number" },
        [REPORT_FLAG] = { set_flag, "true or false" },
    };
    _Static_assert(VIT_COUNT(KINDS) == REPORT_FIELD_KINDS, "a kind of field is not read");
    const json_t *found = json_object_get(object, f->key), *v = json_is_null(found) ? NULL : found;

    if ((f->needed && !v) || !KINDS[f->kind].set((char *)out + f->at, v))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\": expected %s, found %s", where, f->key,
                        KINDS[f->kind].expected, kind_name(found));
    if (f->low < f->high && json_is_number(v) &&
        !(json_number_value(v) >= f->low && json_number_value(v) <= f->high))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\": expected a number from %g to %g, found %g", where,
                        f->key, f->low, f->high, json_number_value(v));
    return VIT_OK;
}

enum vit_status report_fields(void *out, const json_t *object, const char *where,
                              const struct report_field *fields, size_t count, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    if (!json_is_object(object))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: expected an object, found %s", where, kind_name(object));
    for (size_t i = 0; i < count && !status; i++) status = set_field(out, object, where, &fields[i], err);
    return status;
}
