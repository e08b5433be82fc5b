/* pickle_stack.h - the machine's values, stack and memory, and its program's bytes; for pickle.c and
 * pickle_calls.c only. */
#ifndef VIT_PICKLE_STACK_H
#define VIT_PICKLE_STACK_H

#include <stdlib.h>
#include <string.h>

#include "vit/pickle.h"

/* Far above any state dict (200 tensors make 3,000 values) and CIFAR-100 (150,000), far below what hurts. */
enum { MAX_VALUES = 1 << 20, CHUNK = 256 };

struct chunk {
    struct chunk *next;
    struct vit_pickle_value values[CHUNK];
};

struct vit_pickle {
    const struct vit_pickle_dialect *dialect;
    const char *path;
    const unsigned char *begin, *at, *end;
    struct vit_error *err;
    struct vit_pickle_value **stack, **memo; /* (depth of stack_room), (memo_room) */
    size_t depth, stack_room, memo_room, memo_next;
    struct chunk *chunks;
    size_t made;
};

/* ---- values, stack, memo ---- */

static inline enum vit_status broken(struct vit_pickle *p, const char *why)
{
    return vit_fail(p->err, VIT_ERR_FORMAT, "%s: its pickle is broken at byte %zu: %s", p->path,
                    (size_t)(p->at - p->begin), why);
}

static inline enum vit_status no_memory(struct vit_pickle *p)
{
    return vit_fail(p->err, VIT_ERR_NOMEM, "%s: cannot allocate memory for its pickle", p->path);
}

static inline enum vit_status refuse_instruction(struct vit_pickle *p, unsigned char code)
{
    return vit_fail(
        p->err, VIT_ERR_UNSUPPORTED,
        "%s: its pickle has the instruction 0x%02x at byte %zu, which this reader refuses to execute",
        p->path, code, (size_t)(p->at - p->begin) - 1);
}

/* Make room for one more pointer. */
static inline bool grow(struct vit_pickle_value ***array, size_t *room, size_t wanted)
{
    size_t more = *room ? *room : 8;
    struct vit_pickle_value **bigger;

    if (wanted <= *room) return true;
    while (more < wanted) more *= 2;
    bigger = realloc(*array, more * sizeof *bigger);
    if (!bigger) return false;
    memset(bigger + *room, 0, (more - *room) * sizeof *bigger);
    *array = bigger;
    *room = more;
    return true;
}

static inline enum vit_status push(struct vit_pickle *p, struct vit_pickle_value *v)
{
    if (p->depth == MAX_VALUES) return broken(p, "its stack is too deep");
    if (!grow(&p->stack, &p->stack_room, p->depth + 1)) return no_memory(p);
    p->stack[p->depth++] = v;
    return VIT_OK;
}

/* *out: a new value, not yet on the stack. */
static inline enum vit_status fresh(struct vit_pickle *p, enum vit_pickle_kind kind,
                                    struct vit_pickle_value **out)
{
    *out = NULL;
    if (p->made == MAX_VALUES) return broken(p, "it has too many values");
    if (p->made % CHUNK == 0) {
        struct chunk *c = calloc(1, sizeof *c);
        if (!c) return no_memory(p);
        c->next = p->chunks;
        p->chunks = c;
    }
    *out = &p->chunks->values[p->made++ % CHUNK];
    (*out)->kind = kind;
    return VIT_OK;
}

static inline enum vit_status push_new(struct vit_pickle *p, struct vit_pickle_value v)
{
    struct vit_pickle_value *made;
    enum vit_status status = fresh(p, v.kind, &made);

    if (status) return status;
    *made = v;
    return push(p, made);
}

static inline enum vit_status push_kind(struct vit_pickle *p, enum vit_pickle_kind kind)
{
    return push_new(p, (struct vit_pickle_value){ .kind = kind });
}

/* The value on top, of a kind; NULL, with the sentence: there is none. */
static inline struct vit_pickle_value *pop(struct vit_pickle *p, enum vit_pickle_kind kind)
{
    if (p->depth && p->stack[p->depth - 1]->kind == kind) return p->stack[--p->depth];
    broken(p, "an instruction does not find the value it needs");
    return NULL;
}

/* Move the n values on top to the end of items. */
static inline enum vit_status gather(struct vit_pickle *p, struct vit_pickle_value *to, size_t n)
{
    if (n > p->depth) return broken(p, "an instruction does not find the value it needs");
    if (!grow(&to->items, &to->room, to->count + n)) return no_memory(p);
    p->depth -= n;
    if (n) memcpy(to->items + to->count, p->stack + p->depth, n * sizeof *to->items);
    to->count += n;
    return VIT_OK;
}

/* Number of values above the last mark; SIZE_MAX, with the sentence: there is no mark. */
static inline size_t above_mark(struct vit_pickle *p)
{
    for (size_t i = p->depth; i > 0; i--)
        if (p->stack[i - 1]->kind == VIT_PICKLE_MARK) return p->depth - i;
    broken(p, "a mark is missing");
    return SIZE_MAX;
}

/* ---- the bytes of an instruction ---- */

static inline bool take(struct vit_pickle *p, size_t size, const unsigned char **out)
{
    if (size > (size_t)(p->end - p->at)) return broken(p, "it is cut off"), false;
    *out = p->at;
    p->at += size;
    return true;
}

/* size bytes, little endian, without sign. */
static inline bool take_number(struct vit_pickle *p, int size, uint64_t *out)
{
    const unsigned char *bytes;

    if (!take(p, (size_t)size, &bytes)) return false;
    *out = 0;
    for (int i = size - 1; i >= 0; i--) *out = *out << 8 | bytes[i];
    return true;
}

static inline bool take_line(struct vit_pickle *p, const char **text, size_t *size)
{
    const unsigned char *end = memchr(p->at, '\n', (size_t)(p->end - p->at));

    if (!end) return broken(p, "it is cut off"), false;
    *text = (const char *)p->at;
    *size = (size_t)(end - p->at);
    p->at = end + 1;
    return true;
}

/* ---- pickle_calls.c: instructions, of which n says nothing ---- */

enum vit_status vit_pickle_run_global(struct vit_pickle *p, int n);
enum vit_status vit_pickle_run_stack_global(struct vit_pickle *p, int n);
enum vit_status vit_pickle_run_persistent_id(struct vit_pickle *p, int n);
enum vit_status vit_pickle_run_reduce(struct vit_pickle *p, int n);
enum vit_status vit_pickle_run_new_object(struct vit_pickle *p, int n);
enum vit_status vit_pickle_run_build(struct vit_pickle *p, int n);

#endif
