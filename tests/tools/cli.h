/* cli.h - run the program as a user does, and judge its exit code, its results and its errors. */
#ifndef TESTS_TOOLS_CLI_H
#define TESTS_TOOLS_CLI_H

#include <jansson.h>

#include "tests/support/run.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"

#define VIT(...) run_vit((const char *const[]){ __VA_ARGS__, NULL }, NULL)

/* text must have part; NULL: must be empty. */
static inline void assert_says(const char *stream, const char *text, const char *part)
{
    if (!part && text[0]) fail_msg("%s must be empty, found: %s", stream, text);
    if (part && *part && !strstr(text, part)) fail_msg("%s: expected \"%s\", found: %s", stream, part, text);
}

/* Exit code, and parts that stdout and stderr must have (NULL: must be empty, "": anything). */
static inline void expect(struct run *r, int code, const char *out, const char *err)
{
    if (r->code != code)
        fail_msg("exit code %d, expected %d\nstdout: %s\nstderr: %s", r->code, code, r->out, r->err);
    assert_says("stdout", r->out, out);
    assert_says("stderr", r->err, err);
    run_free(r);
}
#define EXPECT(code, out, err, ...)                                                                          \
    do {                                                                                                     \
        struct run run_ = VIT(__VA_ARGS__);                                                                  \
        expect(&run_, code, out, err);                                                                       \
    } while (0)

/* The JSON objects of the lines of text; the caller releases the array. */
static inline json_t *objects(const char *text)
{
    json_t *all = json_array();

    while (*text) {
        size_t length = strcspn(text, "\n");
        json_error_t e;
        json_t *one = json_loadb(text, length, JSON_REJECT_DUPLICATES, &e);
        if (!json_is_object(one)) fail_msg("not one JSON object: %.*s", (int)length, text);
        json_array_append_new(all, one);
        if (!text[length]) fail_msg("the last line does not end: %s", text);
        text += length + 1;
    }
    return all;
}

/* Those of a run that must succeed, and is let go of. */
static inline json_t *objects_of(struct run r)
{
    json_t *all;

    if (r.code) fail_msg("exit code %d: %s", r.code, r.err);
    all = objects(r.out);
    run_free(&r);
    return all;
}

static inline double number(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    if (!json_is_number(v)) fail_msg("\"%s\" is not a number", key);
    return json_number_value(v);
}

static inline const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (!text) fail_msg("\"%s\" is not a text", key);
    return text;
}

#endif
