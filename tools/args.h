/* args.h - options as tables: one row is what is parsed, checked, explained, completed and printed
 * in the manual.
 *
 *     struct options { struct cmd_common common; int top; };
 *     static const struct args_option ROWS[] = {
 *         { .name = "topk", .letter = 'k', .kind = ARGS_INT, .at = offsetof(struct options, top),
 *           .low = 1, .high = 1e6, .initial = "5", .metavar = "N", .help = "labels for each picture" },
 *     };
 *
 * Forms: --name VALUE, --name=VALUE, -k VALUE, -kVALUE, clusters of flags (-qv), and -- to end the
 * options. Options and operands may be mixed; a lone - is an operand. */
#ifndef TOOLS_ARGS_H
#define TOOLS_ARGS_H

#include <stdio.h>

#include "vit/base.h"

enum args_kind {
    ARGS_FLAG,   /* bool */
    ARGS_INT,    /* int */
    ARGS_COUNT,  /* uint64_t */
    ARGS_FLOAT,  /* float */
    ARGS_FLOATS, /* struct args_floats: exactly count numbers, separated by commas */
    ARGS_TEXT,   /* const char *; choice lists the words worth completing */
    ARGS_CHOICE, /* const char *: one of the words of choice */
    ARGS_PATH,   /* const char *: a file or folder */
    ARGS_KINDS
};

enum { ARGS_MAX_FLOATS = 4 };
struct args_floats {
    int count; /* 0: not given */
    float value[ARGS_MAX_FLOATS];
};

struct args_option {
    const char *name; /* without the dashes */
    char letter;      /* '\0': no short form */
    enum args_kind kind;
    size_t at;                       /* offset of the target in the verb's options */
    int count;                       /* of ARGS_FLOATS */
    double low, high;                /* of numbers, both included but for 2^63, which is too large */
    const char *(*choice)(int i);    /* word i, NULL past the end */
    const struct args_option *typed; /* of a text: the row by which it is read later; NULL: none */
    const char *initial;             /* parsed before the command line; NULL: the target is zero */
    const char *otherwise;           /* the default in words, where initial cannot say it */
    const char *metavar, *help;
};

struct args_group {
    const char *title;
    const struct args_option *options;
    size_t count;
};

struct args_verb {
    const char *name;
    const char *operands;                   /* "IMAGE -o FILE", for the usage line */
    const char *(*operand)(int i);          /* word i worth completing, NULL past the end; NULL: files */
    const char *summary;                    /* one line, no full stop */
    const char *details;                    /* paragraphs for --help and the manual; NULL: none */
    const struct args_group *const *groups; /* ends with NULL */
    size_t bytes;                           /* of the options */
    int (*run)(const void *options, int count, char **operands); /* returns the exit code */
};

/* Row i over all groups of a verb, NULL past the end. */
const struct args_option *args_option_at(const struct args_verb *v, int i);

/* Fill options (v->bytes, zeroed by the caller) from words (*count of them, the verb's name not among
 * them). On return words starts with the operands and *count is their number. Texts point into words.
 * Fails with VIT_ERR_ARG and a sentence that names the option, what was expected and what was found; an empty
 * operand is refused too. */
enum vit_status args_parse(const struct args_verb *v, void *options, int *count, char **words,
                           struct vit_error *err);

/* The candidate that others call word ("wd" is "weight-decay"), else the closest to it by edit distance (a
 * neighbouring swap counts once), or NULL when none is close. name(list, i): candidate i, NULL past the
 * end. */
const char *args_nearest(const char *word, const char *(*name)(const void *list, int i), const void *list);

/* One whole number; the sentence begins with where. */
enum vit_status args_whole(const char *where, const char *text, double low, double high, uint64_t *out,
                           struct vit_error *err);
/* The same of the first length characters of text. */
enum vit_status args_whole_part(const char *where, const char *text, size_t length, double low, double high,
                                uint64_t *out, struct vit_error *err);

/* ---- from the same tables ---- */

/* "whole number from 1 to 64", "f32, bf16 or int8", ...; "" for what needs no explanation. */
void args_accepts(const struct args_option *o, char *text, size_t size);
/* The same of numbers alone, also of a text that is read as one; "" for all else. */
void args_range(const struct args_option *o, char *text, size_t size);
/* "f32, bf16 or int8": the words of choice; "" without one. */
void args_choices(const struct args_option *o, char *text, size_t size);
/* Words from column at (already printed up to there), lines broken at 90 columns, the next ones indented. */
void args_wrap(FILE *out, const char *text, int at, int indent);
void args_usage(FILE *out, const char *program, const struct args_verb *v); /* one line */
void args_help(FILE *out, const char *program, const struct args_verb *v);

/* verbs end with NULL. */
void args_manual(FILE *out, const char *program, const struct args_verb *const *verbs);
void args_bash(FILE *out, const char *program, const struct args_verb *const *verbs);
void args_zsh(FILE *out, const char *program, const struct args_verb *const *verbs);
void args_fish(FILE *out, const char *program, const struct args_verb *const *verbs);

#endif
