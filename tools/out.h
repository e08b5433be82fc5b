/* out.h - results on stdout: JSON values with enough digits, names that cannot upset a terminal, and
 * one place that notices when stdout cannot take more. */
#ifndef TOOLS_OUT_H
#define TOOLS_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Of real numbers in JSON. So many significant ones survive decimal -> double -> decimal: 0.1 stays 0.1. */
#define OUT_DIGITS 15

/* Values for json_pack's "o". Not finite: null. A float gets the fewest digits that read back as it. */
json_t *out_real(double value);
json_t *out_float(float value);
/* An integer; from 2^63 on, where jansson has none, a real number near it. */
json_t *out_whole(uint64_t value);
/* A text that may not be UTF-8 (a file name): bytes that are not become U+FFFD. */
json_t *out_text(const char *text);

/* The text of a JSON value as a line. JSON may hold control characters above U+001F as they are; a terminal
 * should not see them: \u009b. */
void out_json_line(FILE *out, const char *text);
/* Print value as one line and let go of it. NULL (memory ran out while it was built) counts as a
 * failure of stdout. False: stdout is broken, there is no point in going on. */
bool out_json(json_t *value);

/* "", for one, or "s". */
const char *out_plural(uint64_t n);

/* text with control characters and what is not UTF-8 as \x1b; returns the columns it takes, one a
 * character. */
int out_name(FILE *out, const char *text);
int out_width(const char *text);
/* The same into to (OUT_NAME_ROOM of the bytes of text, with the NUL), which is returned. */
#define OUT_NAME_ROOM(bytes) (4 * (bytes))
const char *out_name_text(char *to, const char *text);
/* The same in markdown, where < and & as references open no element; out NULL: its columns alone. */
int out_markdown(FILE *out, const char *text);

/* text as a field of CSV, RFC 4180: quoted when it holds a comma, a quote or a line end; quotes doubled. */
void out_csv(FILE *out, const char *text);

/* Push what is buffered; false: stdout is broken. */
bool out_flush(void);
/* To be called last: code, or 1 with a sentence on stderr when stdout did not take everything. When it is a
 * pipe whose reader has gone, the end is that of any program there: SIGPIPE, without a word. */
int out_close(int code);

#endif
