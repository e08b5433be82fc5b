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
    return push_new(p, (struct vit_pickle_value){ .kind = (enum vit_pickle_kind)n });
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

/* ---- globals and calls ---- */

/* What a hostile file asks for is shown, as far as a line holds it. */
static enum vit_status refuse_global(struct vit_pickle *p, const char *module, size_t module_size,
                                     const char *name, size_t name_size)
{
    enum { SHOWN = 60 };

    if (module_size > SHOWN) module_size = vit_cut(module, SHOWN);
    if (name_size > SHOWN) name_size = vit_cut(name, SHOWN);
    return vit_fail(
        p->err, VIT_ERR_UNSUPPORTED,
        "%s: its pickle asks for \"%.*s.%.*s\", which this reader refuses to execute; it reads %s", p->path,
        (int)module_size, module, (int)name_size, name, p->dialect->reads);
}

static enum vit_status find_global(struct vit_pickle *p, const char *module, size_t module_size,
                                   const char *name, size_t name_size)
{
    for (size_t i = 0; i < p->dialect->count; i++) {
        const struct vit_pickle_global *g = &p->dialect->globals[i];

        if (strlen(g->module) != module_size || memcmp(g->module, module, module_size)) continue;
        if (strlen(g->name) != name_size || memcmp(g->name, name, name_size)) continue;
        return push_new(p, (struct vit_pickle_value){ .kind = VIT_PICKLE_GLOBAL, .number = (int64_t)i });
    }
    return refuse_global(p, module, module_size, name, name_size);
}

static enum vit_status global(struct vit_pickle *p, int n)
{
    const char *module, *name;
    size_t module_size, name_size;

    (void)n;
    if (!take_line(p, &module, &module_size) || !take_line(p, &name, &name_size)) return VIT_ERR_FORMAT;
    return find_global(p, module, module_size, name, name_size);
}

static enum vit_status stack_global(struct vit_pickle *p, int n)
{
    const struct vit_pickle_value *name = pop(p, VIT_PICKLE_TEXT),
                                  *module = name ? pop(p, VIT_PICKLE_TEXT) : NULL;

    (void)n;
    if (!module) return VIT_ERR_FORMAT;
    return find_global(p, module->text, module->size, name->text, name->size);
}

bool vit_pickle_are(const struct vit_pickle_value *v, size_t count, const enum vit_pickle_kind *kinds)
{
    for (size_t i = 0; i < count; i++)
        if (v->count <= i || v->items[i]->kind != kinds[i]) return false;
    return true;
}

const struct vit_pickle_global *vit_pickle_global(const struct vit_pickle_dialect *d,
                                                  const struct vit_pickle_value *v)
{
    return &d->globals[v->number];
}

/* A tuple becomes a CALL or an ID, if the dialect finds nothing wrong with it. */
static enum vit_status make(struct vit_pickle *p, struct vit_pickle_value *v, enum vit_pickle_kind kind,
                            int64_t number)
{
    const char *wrong;

    v->kind = kind;
    v->number = number;
    wrong = p->dialect->check(p->dialect, v);
    return wrong ? broken(p, wrong) : push(p, v);
}

static enum vit_status persistent_id(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *id = pop(p, VIT_PICKLE_TUPLE);

    (void)n;
    return id ? make(p, id, VIT_PICKLE_ID, 0) : VIT_ERR_FORMAT;
}

/* The first argument stands for the result. */
static enum vit_status first(struct vit_pickle *p, const struct vit_pickle_value *args,
                             enum vit_pickle_kind kind)
{
    return vit_pickle_are(args, 1, &kind) ? push(p, args->items[0])
                                          : broken(p, "a call has the wrong arguments");
}

/* The argument of a defaultdict makes what it lacks: not needed. An OrderedDict's would be its items. */
static enum vit_status new_dict(struct vit_pickle *p, const struct vit_pickle_value *args)
{
    static const enum vit_pickle_kind FACTORY[] = { VIT_PICKLE_GLOBAL };

    return args->count && !(args->count == 1 && vit_pickle_are(args, 1, FACTORY))
               ? broken(p, "a dictionary has arguments")
               : empty(p, VIT_PICKLE_DICT);
}

static enum vit_status reduce(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *args = pop(p, VIT_PICKLE_TUPLE),
                            *callee = args ? pop(p, VIT_PICKLE_GLOBAL) : NULL;
    const struct vit_pickle_global *g;

    (void)n;
    if (!callee) return VIT_ERR_FORMAT;
    g = vit_pickle_global(p->dialect, callee);
    switch (g->use) {
    case VIT_PICKLE_NEW_DICT: return new_dict(p, args);
    case VIT_PICKLE_NEW: return make(p, args, VIT_PICKLE_CALL, callee->number);
    case VIT_PICKLE_FIRST: return first(p, args, g->first);
    case VIT_PICKLE_IGNORED: return empty(p, VIT_PICKLE_PLAIN);
    case VIT_PICKLE_TYPE:
    case VIT_PICKLE_OBJECT: break;
    }
    return broken(p, "it calls a type");
}

static enum vit_status refuse_instruction(struct vit_pickle *p, unsigned char code)
{
    return vit_fail(
        p->err, VIT_ERR_UNSUPPORTED,
        "%s: its pickle has the instruction 0x%02x at byte %zu, which this reader refuses to execute",
        p->path, code, (size_t)(p->at - p->begin) - 1);
}

/* An object of a class: one of those few whose contents are not needed. */
static enum vit_status new_object(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *args = pop(p, VIT_PICKLE_TUPLE),
                            *class = args ? pop(p, VIT_PICKLE_GLOBAL) : NULL;

    (void)n;
    if (!class) return VIT_ERR_FORMAT;
    return vit_pickle_global(p->dialect, class)->use == VIT_PICKLE_OBJECT ? empty(p, VIT_PICKLE_PLAIN)
                                                                          : refuse_instruction(p, 0x81);
}

/* The state of an object. PyTorch attaches _metadata to the OrderedDict of a state dict: not needed. */
static enum vit_status build(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *to = p->depth < 2 ? NULL : p->stack[p->depth - 2];
    const enum vit_pickle_kind kind = to ? to->kind : VIT_PICKLE_MARK;
    const bool kept = kind == VIT_PICKLE_CALL && vit_pickle_global(p->dialect, to)->state;

    (void)n;
    if (!kept && kind != VIT_PICKLE_DICT && kind != VIT_PICKLE_PLAIN)
        return broken(p, "it sets the state of something that is no dictionary");
    p->depth--;
    if (kept) to->state = p->stack[p->depth];
    return VIT_OK;
}

/* ---- the machine ---- */

/* By opcode. Names as in pickletools.py. */
static const struct instruction {
    enum vit_status (*run)(struct vit_pickle *p, int n);
    int n;
} INSTRUCTIONS[256] = {
    [0x80] = { skip, 1 },               /* PROTO */
    [0x95] = { skip, 8 },               /* FRAME */
    ['('] = { empty, VIT_PICKLE_MARK }, /* MARK */
    ['0'] = { discard, 0 },             /* POP */
    ['N'] = { plain, 0 },               /* NONE */
    [0x88] = { boolean, 1 },            /* NEWTRUE */
    [0x89] = { boolean, 0 },            /* NEWFALSE */
    ['G'] = { plain, 8 },               /* BINFLOAT */
    ['K'] = { integer, 1 },             /* BININT1 */
    ['M'] = { integer, 2 },             /* BININT2 */
    ['J'] = { integer, 4 },             /* BININT */
    [0x8a] = { long_integer, 1 },       /* LONG1 */
    [0x8c] = { text, 1 },               /* SHORT_BINUNICODE */
    ['X'] = { text, 4 },                /* BINUNICODE */
    ['U'] = { text, 1 },                /* SHORT_BINSTRING */
    ['T'] = { text, 4 },                /* BINSTRING */
    ['C'] = { text, 1 },                /* SHORT_BINBYTES */
    ['B'] = { text, 4 },                /* BINBYTES */
    [0x96] = { bytes, 8 },              /* BYTEARRAY8 */
    [')'] = { tuple, 0 },               /* EMPTY_TUPLE */
    [0x85] = { tuple, 1 },              /* TUPLE1 */
    [0x86] = { tuple, 2 },              /* TUPLE2 */
    [0x87] = { tuple, 3 },              /* TUPLE3 */
    ['t'] = { tuple_to_mark, 0 },       /* TUPLE */
    [']'] = { empty, VIT_PICKLE_LIST }, /* EMPTY_LIST */
    ['a'] = { append, false },          /* APPEND */
    ['e'] = { append, true },           /* APPENDS */
    [0x8f] = { plain, 0 },              /* EMPTY_SET */
    [0x90] = { add_items, true },       /* ADDITEMS */
    [0x91] = { frozen_set, 0 },         /* FROZENSET */
    ['}'] = { empty, VIT_PICKLE_DICT }, /* EMPTY_DICT */
    ['s'] = { set_item, false },        /* SETITEM */
    ['u'] = { set_item, true },         /* SETITEMS */
    ['q'] = { memo_put, 1 },            /* BINPUT */
    ['r'] = { memo_put, 4 },            /* LONG_BINPUT */
    [0x94] = { memo_put, 0 },           /* MEMOIZE */
    ['h'] = { memo_get, 1 },            /* BINGET */
    ['j'] = { memo_get, 4 },            /* LONG_BINGET */
    ['c'] = { global, 0 },              /* GLOBAL */
    [0x93] = { stack_global, 0 },       /* STACK_GLOBAL */
    ['Q'] = { persistent_id, 0 },       /* BINPERSID */
    ['R'] = { reduce, 0 },              /* REDUCE */
    [0x81] = { new_object, 0 },         /* NEWOBJ */
    ['b'] = { build, 0 },               /* BUILD */
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
