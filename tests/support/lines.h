/* lines.h - logs: files of JSON objects, one a line. */
#ifndef TESTS_SUPPORT_LINES_H
#define TESTS_SUPPORT_LINES_H

#include <jansson.h>

/* The lines of dir/name without their times, which no two runs share; the caller releases them. What is no
 * line fails the test. */
json_t *lines_of(const char *dir, const char *name);
/* Those with this text under key, in their order; the caller releases them. */
json_t *lines_where(const json_t *lines, const char *key, const char *text);
/* Fails the test when the file of that name differs between the two folders, times aside. */
void lines_assert_same(const char *a, const char *b, const char *name);

/* Of line i; "(none)" where it has no such text. */
const char *lines_text(const json_t *lines, size_t i, const char *key);
double lines_number(const json_t *lines, size_t i, const char *key);

#endif
