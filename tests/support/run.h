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

#endif
