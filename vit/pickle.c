/* The stack machine of Python's pickletools.py, opcode by opcode as far as torch.save (protocol 2, and 3 to
 * 5) uses it for dictionaries of tensors, and cPickle (protocol 2) for CIFAR. */
#include "vit/pickle_stack.h"

/* ---- instructions; n is the number in their row of the table ---- */

static enum vit_status skip(struct vit_pickle *p, int n)
{
    const unsigned char *bytes;

    return take(p, (size_t)n, &bytes) ? VIT_OK : VIT_ERR_FORMAT;
}

/* A value that no reader needs, after n bytes of its own. */
static enum vit_status plain(struct vit_pickle *p, int n)
{
    enum vit_status status = skip(p, n);

    return status ? status : push_new(p, (struct vit_pickle_value){ .kind = VIT_PICKLE_PLAIN });
}

static enum vit_status boolean(struct vit_pickle *p, int n)
{
    return push_new(p, (struct vit_pickle_value){ .kind = VIT_PICKLE_PLAIN, .number = n });
}

static enum vit_status empty(struct vit_pickle *p, int n)
{
    return push_kind(p, (enum vit_pickle_kind)n);
}

/* n bytes; only four of them have a sign. */
static enum vit_status integer(struct vit_pickle *p, int n)
{
    uint64_t number;

    if (!take_number(p, n, &number)) return VIT_ERR_FORMAT;
    if (n == 4) number = (uint64_t)(int64_t)(int32_t)(uint32_t)number;
    return push_new(p, (struct vit_pickle_value){ .kind = VIT_PICKLE_INT, .number = (int64_t)number });
}

/* A length of one byte and as many bytes in two's complement. What 64 bits do not hold is a seed or the
 * state of a generator: nothing that is looked at. */
static enum vit_status long_integer(struct vit_pickle *p, int n)
{
    uint64_t size, number = 0;

    if (!take_number(p, n, &size)) return VIT_ERR_FORMAT;
    if (size > 8) return plain(p, (int)size);
    if (!take_number(p, (int)size, &number)) return VIT_ERR_FORMAT;
    if (size && size < 8 && number >> (8 * size - 1)) number |= UINT64_MAX << (8 * size);
    return push_new(p, (struct vit_pickle_value){ .kind = VIT_PICKLE_INT, .number = (int64_t)number });
}

/* A length of n bytes and the text. */
static enum vit_status text(struct vit_pickle *p, int n)
{
    const unsigned char *bytes;
    uint64_t size;

    if (!take_number(p, n, &size) || !take(p, size, &bytes)) return VIT_ERR_FORMAT;
    return push_new(
        p, (struct vit_pickle_value){ .kind = VIT_PICKLE_TEXT, .text = (const char *)bytes, .size = size });
}

/* A length of n bytes and as many bytes that no reader needs. */
static enum vit_status bytes(struct vit_pickle *p, int n)
{
    const unsigned char *skipped;
    uint64_t size;

    if (!take_number(p, n, &size) || !take(p, size, &skipped)) return VIT_ERR_FORMAT;
    return plain(p, 0);
}

/* The n values on top become a tuple. */
static enum vit_status tuple(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *v;
    enum vit_status status = fresh(p, VIT_PICKLE_TUPLE, &v);

    if (!status) status = gather(p, v, (size_t)n);
    return status ? status : push(p, v);
}

static enum vit_status tuple_to_mark(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *v;
    size_t count;
    enum vit_status status = fresh(p, VIT_PICKLE_TUPLE, &v);

    (void)n;
    if (status) return status;
    count = above_mark(p);
    if (count == SIZE_MAX) return VIT_ERR_FORMAT;
    status = gather(p, v, count);
    if (status) return status;
    p->depth--; /* the mark */
    return push(p, v);
}

/* A set that nobody looks into. */
static enum vit_status frozen_set(struct vit_pickle *p, int n)
{
    enum vit_status status = tuple_to_mark(p, n);

    if (!status) p->stack[p->depth - 1]->kind = VIT_PICKLE_PLAIN;
    return status;
}

/* The container below takes number items, those of one entry, or with marked all above the mark. A plain
 * value may be a container too, of a kind that no reader needs. */
static enum vit_status put(struct vit_pickle *p, enum vit_pickle_kind kind, size_t number, bool marked)
{
    const size_t count = marked ? above_mark(p) : number, below = count + marked;
    struct vit_pickle_value *to;
    enum vit_status status;

    if (count == SIZE_MAX) return VIT_ERR_FORMAT;
    if (count % number) return broken(p, "a key has no value");
    to = below < p->depth ? p->stack[p->depth - below - 1] : NULL;
    if (!to || (to->kind != kind && to->kind != VIT_PICKLE_PLAIN))
        return broken(p, "an instruction does not find the value it needs");
    status = gather(p, to, count);
    p->depth -= marked;
    return status;
}

static enum vit_status append(struct vit_pickle *p, int marked)
{
    return put(p, VIT_PICKLE_LIST, 1, marked);
}

static enum vit_status set_item(struct vit_pickle *p, int marked)
{
    return put(p, VIT_PICKLE_DICT, 2, marked);
}

static enum vit_status add_items(struct vit_pickle *p, int marked)
{
    return put(p, VIT_PICKLE_PLAIN, 1, marked);
}

/* n bytes of index; none: the next free one. */
static enum vit_status memo_put(struct vit_pickle *p, int n)
{
    uint64_t i = p->memo_next;

    if (n && !take_number(p, n, &i)) return VIT_ERR_FORMAT;
    if (!p->depth || i >= MAX_VALUES) return broken(p, "it remembers what it cannot");
    if (!grow(&p->memo, &p->memo_room, i + 1)) return no_memory(p);
    p->memo[i] = p->stack[p->depth - 1];
    p->memo_next++;
    return VIT_OK;
}

static enum vit_status memo_get(struct vit_pickle *p, int n)
{
    uint64_t i;

    if (!take_number(p, n, &i)) return VIT_ERR_FORMAT;
    if (i >= p->memo_room || !p->memo[i]) return broken(p, "it recalls what it has not remembered");
    return push(p, p->memo[i]);
}

static enum vit_status discard(struct vit_pickle *p, int n)
{
    (void)n;
    if (!p->depth) return broken(p, "an instruction does not find the value it needs");
    p->depth--;
    return VIT_OK;
}

/* ---- the machine ---- */

/* By opcode. Names as in pickletools.py. */
static const struct instruction {
    enum vit_status (*run)(struct vit_pickle *p, int n);
    int n;
} INSTRUCTIONS[256] = {
    [0x80] = { skip, 1 },                        /* PROTO */
    [0x95] = { skip, 8 },                        /* FRAME */
    ['('] = { empty, VIT_PICKLE_MARK },          /* MARK */
    ['0'] = { discard, 0 },                      /* POP */
    ['N'] = { plain, 0 },                        /* NONE */
    [0x88] = { boolean, 1 },                     /* NEWTRUE */
    [0x89] = { boolean, 0 },                     /* NEWFALSE */
    ['G'] = { plain, 8 },                        /* BINFLOAT */
    ['K'] = { integer, 1 },                      /* BININT1 */
    ['M'] = { integer, 2 },                      /* BININT2 */
    ['J'] = { integer, 4 },                      /* BININT */
    [0x8a] = { long_integer, 1 },                /* LONG1 */
    [0x8c] = { text, 1 },                        /* SHORT_BINUNICODE */
    ['X'] = { text, 4 },                         /* BINUNICODE */
    ['U'] = { text, 1 },                         /* SHORT_BINSTRING */
    ['T'] = { text, 4 },                         /* BINSTRING */
    ['C'] = { text, 1 },                         /* SHORT_BINBYTES */
    ['B'] = { text, 4 },                         /* BINBYTES */
    [0x96] = { bytes, 8 },                       /* BYTEARRAY8 */
    [')'] = { tuple, 0 },                        /* EMPTY_TUPLE */
    [0x85] = { tuple, 1 },                       /* TUPLE1 */
    [0x86] = { tuple, 2 },                       /* TUPLE2 */
    [0x87] = { tuple, 3 },                       /* TUPLE3 */
    ['t'] = { tuple_to_mark, 0 },                /* TUPLE */
    [']'] = { empty, VIT_PICKLE_LIST },          /* EMPTY_LIST */
    ['a'] = { append, false },                   /* APPEND */
    ['e'] = { append, true },                    /* APPENDS */
    [0x8f] = { plain, 0 },                       /* EMPTY_SET */
    [0x90] = { add_items, true },                /* ADDITEMS */
    [0x91] = { frozen_set, 0 },                  /* FROZENSET */
    ['}'] = { empty, VIT_PICKLE_DICT },          /* EMPTY_DICT */
    ['s'] = { set_item, false },                 /* SETITEM */
    ['u'] = { set_item, true },                  /* SETITEMS */
    ['q'] = { memo_put, 1 },                     /* BINPUT */
    ['r'] = { memo_put, 4 },                     /* LONG_BINPUT */
    [0x94] = { memo_put, 0 },                    /* MEMOIZE */
    ['h'] = { memo_get, 1 },                     /* BINGET */
    ['j'] = { memo_get, 4 },                     /* LONG_BINGET */
    ['c'] = { vit_pickle_run_global, 0 },        /* GLOBAL */
    [0x93] = { vit_pickle_run_stack_global, 0 }, /* STACK_GLOBAL */
    ['Q'] = { vit_pickle_run_persistent_id, 0 }, /* BINPERSID */
    ['R'] = { vit_pickle_run_reduce, 0 },        /* REDUCE */
    [0x81] = { vit_pickle_run_new_object, 0 },   /* NEWOBJ */
    ['b'] = { vit_pickle_run_build, 0 },         /* BUILD */
};

static enum vit_status run(struct vit_pickle *p, const struct vit_pickle_value **root)
{
    const unsigned char *code;

    while (take(p, 1, &code)) {
        const struct instruction *i = &INSTRUCTIONS[*code];
        enum vit_status status;

        if (*code == '.' && p->depth) { /* STOP */
            *root = p->stack[p->depth - 1];
            return VIT_OK;
        }
        if (!i->run) return refuse_instruction(p, *code);
        status = i->run(p, i->n);
        if (status) return status;
    }
    return VIT_ERR_FORMAT;
}

enum vit_status vit_pickle_read(struct vit_pickle **out, const struct vit_pickle_value **root,
                                const struct vit_pickle_dialect *dialect, const char *path,
                                const unsigned char *bytes, size_t size, struct vit_error *err)
{
    struct vit_pickle *p = calloc(1, sizeof *p);
    enum vit_status status;

    *out = NULL;
    *root = NULL;
    if (!p) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory for its pickle", path);
    *p = (struct vit_pickle){
        .dialect = dialect, .path = path, .begin = bytes, .at = bytes, .end = bytes + size, .err = err
    };
    status = run(p, root);
    p->err = NULL;
    if (status)
        vit_pickle_close(p);
    else
        *out = p;
    return status;
}

void vit_pickle_close(struct vit_pickle *p)
{
    if (!p) return;
    while (p->chunks) {
        struct chunk *next = p->chunks->next;
        for (int i = 0; i < CHUNK; i++) free(p->chunks->values[i].items);
        free(p->chunks);
        p->chunks = next;
    }
    free(p->stack);
    free(p->memo);
    free(p);
}
