/* pickle.h - a reader of the pickles that torch.save makes of tensors. It executes nothing.
 *
 * A pickle is a program for a small stack machine. This one knows the instructions that build dictionaries,
 * lists, tuples and plain values, and a fixed list of globals; calling a tensor's makes a description of the
 * tensor. Every other instruction or global is an error that names it. */
#ifndef WEIGHTS_PICKLE_H
#define WEIGHTS_PICKLE_H

#include "weights/weights.h"

enum weights_kind {
    WEIGHTS_PLAIN, /* None, True, a float, ...: nothing a tensor needs */
    WEIGHTS_INT,
    WEIGHTS_TEXT,
    WEIGHTS_TUPLE,
    WEIGHTS_LIST,
    WEIGHTS_DICT,    /* items: key, value, key, value, ... */
    WEIGHTS_GLOBAL,  /* one of the list in pickle.c: number says which */
    WEIGHTS_STORAGE, /* items: as TUPLE, the persistent id */
    WEIGHTS_TENSOR,  /* items: storage, offset, shape, strides, ... */
    WEIGHTS_MARK
};

struct weights_value {
    enum weights_kind kind;
    int64_t number;
    const char *text; /* TEXT: in the pickle, size bytes, not ended by zero */
    size_t size;
    struct weights_value **items; /* (count) */
    size_t count, room;
};

struct weights_pickle;

/* bytes must live as long as the pickle. *root is what it describes, owned by the pickle. A list or
 * dictionary may contain itself. */
enum vit_status weights_pickle_read(struct weights_pickle **out, const struct weights_value **root,
                                    const char *path, const unsigned char *bytes, size_t size,
                                    struct vit_error *err);
void weights_pickle_close(struct weights_pickle *p); /* accepts NULL */

/* Type of the elements of a STORAGE's persistent id ("FloatStorage"); false: v is no such global. */
bool weights_pickle_dtype(const struct weights_value *v, enum weights_dtype *dtype);

#endif
