/* json.h - typed access to JSON values (parsed by jansson) with one-sentence errors.
 *
 * Every getter leaves *out alone and returns VIT_OK when the key is absent or null:
 * set the default first. A value of another type or out of range is an error that
 * names where (a file), the key, what was expected and what was found. */
#ifndef VIT_JSON_H
#define VIT_JSON_H

#include <jansson.h>

#include "vit/base.h"

/* Parse text strictly: duplicate keys, trailing text, invalid UTF-8 and nesting deeper
 * than jansson's limit are errors. *out is owned by the caller (json_decref). */
enum vit_status vit_json_parse(json_t **out, const char *where, const char *text, size_t size,
                               struct vit_error *err);

/* Parse a whole file of at most max bytes. What is no file (a pipe, a device) is refused, not waited for. */
enum vit_status vit_json_read(json_t **out, const char *path, size_t max, struct vit_error *err);
/* The same of what is named on the command line to be read once, and may be a pipe: --recipe <(...). */
enum vit_status vit_json_read_input(json_t **out, const char *path, size_t max, struct vit_error *err);

/* The value under key, or NULL when it is absent or null. */
const json_t *vit_json_get(const json_t *object, const char *key);

enum vit_status vit_json_int(const json_t *object, const char *where, const char *key, int low, int high,
                             int *out, struct vit_error *err);
enum vit_status vit_json_float(const json_t *object, const char *where, const char *key, float *out,
                               struct vit_error *err);
enum vit_status vit_json_bool(const json_t *object, const char *where, const char *key, bool *out,
                              struct vit_error *err);
/* *out points into object and lives as long as it does. */
enum vit_status vit_json_string(const json_t *object, const char *where, const char *key, const char **out,
                                struct vit_error *err);
/* *out points into object, too. The error does not say what was found. */
enum vit_status vit_json_object(const json_t *object, const char *where, const char *key, const json_t **out,
                                struct vit_error *err);
/* An array of exactly n numbers. */
enum vit_status vit_json_floats(const json_t *object, const char *where, const char *key, int n, float *out,
                                struct vit_error *err);

/* The text of a value, flags as json_dumps has them; free it. NULL: no memory, or value is NULL. Not
 * json_dumps: jansson 2.14 leaves pieces out when its buffer cannot grow. */
char *vit_json_text(const json_t *value, size_t flags);

/* One of its flags, for numbers that began as floats (vit_json_number): 0.4822, not 0.48220000000000002. */
enum { VIT_JSON_FLOATS = JSON_REAL_PRECISION(15) };

/* x as the shortest decimal that reads back as the same float: 0.1, not 0.10000000149. */
json_t *vit_json_number(float x);

/* Building. *object takes value under key; without memory for it (value NULL too) *object is given back and
 * becomes NULL, and what else is put into it as well: a text that lacks a key is never written. merge: all
 * values of the object more. */
void vit_json_put(json_t **object, const char *key, json_t *value);
void vit_json_append(json_t **array, json_t *value);
void vit_json_merge(json_t **object, json_t *more);

#endif
