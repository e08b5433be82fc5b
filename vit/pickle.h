/* pickle.h - a reader of Python's pickles that executes nothing.
 *
 * A pickle is a program for a small stack machine. This one knows the instructions that build dictionaries,
 * lists, tuples and plain values. What may be called besides is a list that the reader of a kind of file
 * brings along (weights/pth_globals.c, patch/cifar_python.c); calling one of these makes a description of the
 * call. Every other instruction or global is an error that names it. */
#ifndef VIT_PICKLE_H
#define VIT_PICKLE_H

#include "vit/base.h"

enum vit_pickle_kind {
    VIT_PICKLE_PLAIN, /* None, False, a float, a set, ...: nothing a reader needs; True: number 1 */
    VIT_PICKLE_INT,   /* of at most 64 bits: larger ones are PLAIN */
    VIT_PICKLE_TEXT,
    VIT_PICKLE_TUPLE,
    VIT_PICKLE_LIST,
    VIT_PICKLE_DICT,   /* items: key, value, key, value, ... */
    VIT_PICKLE_GLOBAL, /* number: its row in the dialect */
    VIT_PICKLE_CALL,   /* number: the callee's row; items: the arguments */
    VIT_PICKLE_ID,     /* a persistent id, for what lies outside of the pickle; items as TUPLE */
    VIT_PICKLE_MARK
};

struct vit_pickle_value {
    enum vit_pickle_kind kind;
    int64_t number;
    const char *text; /* TEXT: in the pickle, size bytes, not ended by zero */
    size_t size;
    struct vit_pickle_value **items; /* (count) */
    size_t count, room;
    const struct vit_pickle_value *state; /* CALL: what was set after it; NULL: nothing */
};

/* What a known global is good for. */
enum vit_pickle_use {
    VIT_PICKLE_TYPE,     /* nothing but its name */
    VIT_PICKLE_NEW_DICT, /* called: an empty dictionary */
    VIT_PICKLE_NEW,      /* called: a CALL */
    VIT_PICKLE_FIRST,    /* called: its first argument, which is of the kind first */
    VIT_PICKLE_IGNORED,  /* called: a PLAIN value */
    VIT_PICKLE_OBJECT    /* a class; its objects are PLAIN values */
};

struct vit_pickle_global {
    const char *module, *name;
    enum vit_pickle_use use;
    enum vit_pickle_kind first;
    bool state;  /* NEW: a state may be set */
    int meaning; /* for the reader of the kind of file alone */
};

struct vit_pickle_dialect {
    const struct vit_pickle_global *globals; /* (count) */
    size_t count;
    const char *reads; /* for a refusal: "it reads ... only" */
    /* What is wrong with a CALL or ID, as it is made, in a few words; NULL: nothing. */
    const char *(*check)(const struct vit_pickle_dialect *d, const struct vit_pickle_value *v);
};

struct vit_pickle;

/* bytes must live as long as the pickle. *root is what it describes, owned by the pickle. A list or
 * dictionary may contain itself. path is for sentences. */
enum vit_status vit_pickle_read(struct vit_pickle **out, const struct vit_pickle_value **root,
                                const struct vit_pickle_dialect *dialect, const char *path,
                                const unsigned char *bytes, size_t size, struct vit_error *err);
void vit_pickle_close(struct vit_pickle *p); /* accepts NULL */

/* The first items of v are of these kinds (count). */
bool vit_pickle_are(const struct vit_pickle_value *v, size_t count, const enum vit_pickle_kind *kinds);
/* The row of a GLOBAL or CALL. */
const struct vit_pickle_global *vit_pickle_global(const struct vit_pickle_dialect *d,
                                                  const struct vit_pickle_value *v);

#endif
