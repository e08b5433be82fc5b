/* run.h - run the program as a user does and keep what it says. */
#ifndef TESTS_SUPPORT_RUN_H
#define TESTS_SUPPORT_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct run {
    int code;        /* exit code; 128 + signal when it died of one */
    char *out, *err; /* stdout and stderr, NUL-terminated; owned */
    size_t out_size, err_size;
};

struct run_input {
    const void *bytes; /* for stdin; NULL: an empty one */
    size_t size;
    const char *out_path; /* stdout goes there instead; NULL: into run.out */
};

/* argv[0] is the program and NULL ends the list. Returns false when it could not be started. */
bool run_program(struct run *r, const char *const *argv, const struct run_input *input);
void run_free(struct run *r);

/* ---- vit: $VIT_BIN, else that of the release ---- */

/* Lists end with NULL. What cannot be started fails the test. */

/* Absolute from the first call on, wherever the test goes then. */
const char *run_binary(void);
struct run run_vit(const char *const *words, const struct run_input *input); /* input may be NULL */
/* A verb with two lists of words, the first of which (the usual ones) may be NULL. */
struct run run_verb(const char *verb, const char *const *usual, const char *const *words);
/* Exit code, and a part that stderr must have; lets go of r. */
void run_expect(struct run *r, int code, const char *part);
/* Start, wait until dir/name has so many lines (or the run is over), send a signal. Returns the exit code,
 * 128 + signal when it died of one. */
int run_interrupted(const char *verb, const char *const *usual, const char *const *words, const char *dir,
                    const char *name, int lines, int number);

#endif
