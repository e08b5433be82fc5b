/* again.h - the commands of a page of vit report, run as somebody would who pastes them. */
#ifndef TESTS_TOOLS_AGAIN_H
#define TESTS_TOOLS_AGAIN_H

#include <stdlib.h>

#include "tests/support/run.h"
#include "tests/support/test.h"

/* Copies a character of a page to *to, where a reference may stand for it; returns what is behind it. */
static inline const char *again_character(char *to, const char *from)
{
    static const char *const NAMES[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        if (strncmp(from, NAMES[i], strlen(NAMES[i])) != 0) continue;
        *to = "&<>\"'"[i];
        return from + strlen(NAMES[i]);
    }
    *to = *from;
    return from + 1;
}

/* The commands that the page of vit report over paths (NULL ends the list) gives, but for its own, the last;
 * to be freed. */
static inline char *again_commands(const char *const *paths)
{
    static const char BEGIN[] = "<pre><code>", OWN[] = "\n\nvit report ";
    struct run r = run_verb("report", (const char *const[]){ "-o", "-", NULL }, paths);
    char *at = strstr(r.out, BEGIN), *end, *next, *commands, *to;

    if (r.code || !at) fail_msg("no page with commands: exit code %d: %s", r.code, r.err);
    end = strstr(at, OWN);
    assert_non_null(end);
    while ((next = strstr(end + 1, OWN))) end = next;
    commands = to = malloc((size_t)(end - at) + 1);
    assert_non_null(commands);
    for (const char *from = at + strlen(BEGIN); from < end;) from = again_character(to++, from);
    *to = '\0';
    run_free(&r);
    return commands;
}

/* The first of them. */
static inline char *again_command(const char *path)
{
    char *commands = again_commands((const char *const[]){ path, NULL }), *end = strstr(commands, "\n\n");

    if (end) *end = '\0';
    return commands;
}

/* Run such commands, with one thread; what it says. */
static inline struct run again_run(const char *commands)
{
    struct run r;
    char *script;

    if (asprintf(&script, "export OMP_NUM_THREADS=1\nvit() { \"%s\" \"$@\"; }\nset -e\n%s\n", run_binary(),
                 commands) < 0)
        fail_msg("no memory");
    assert_true(run_program(&r, (const char *const[]){ "/bin/sh", "-c", script, NULL }, NULL));
    if (r.code) fail_msg("exit code %d of %s\n%s", r.code, commands, r.err);
    free(script);
    return r;
}

#endif
