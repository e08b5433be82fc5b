/* The stack machine of Python's pickletools.py, opcode by opcode as far as torch.save (protocol 2, and 3 to
 * 5) uses it for dictionaries of tensors. */
#include <stdio.h>

#include "weights/pickle_stack.h"

/* ---- the globals that are known ---- */

enum call { DICT, TENSOR, PARAMETER, SIZE, PLAIN, OBJECT, STORAGE };

static const struct global {
    const char *module, *name;
    enum call call;
    enum weights_dtype dtype; /* of a STORAGE */
} GLOBALS[] = {
    { "collections", "OrderedDict", DICT, 0 },
    { "torch._utils", "_rebuild_tensor_v2", TENSOR, 0 },
    { "torch._utils", "_rebuild_parameter", PARAMETER, 0 },
    { "torch", "Size", SIZE, 0 },
    { "torch", "device", PLAIN, 0 },
    { "torch", "float32", PLAIN, 0 },
    { "torch", "float16", PLAIN, 0 },
    { "torch", "bfloat16", PLAIN, 0 },
    /* What training scripts keep beside the weights (timm's train.py: its arguments); nothing is used. */
    { "argparse", "Namespace", OBJECT, 0 },
    { "pathlib", "PosixPath", PLAIN, 0 },
    { "pathlib._local", "PosixPath", PLAIN, 0 }, /* Python 3.13 */
    { "numpy.core.multiarray", "scalar", PLAIN, 0 },
    { "numpy._core.multiarray", "scalar", PLAIN, 0 }, /* NumPy 2 */
    { "numpy", "dtype", PLAIN, 0 },
    { "_codecs", "encode", PLAIN, 0 },
    { "torch", "DoubleStorage", STORAGE, WEIGHTS_F64 },
    { "torch", "FloatStorage", STORAGE, WEIGHTS_F32 },
    { "torch", "HalfStorage", STORAGE, WEIGHTS_F16 },
    { "torch", "BFloat16Storage", STORAGE, WEIGHTS_BF16 },
    { "torch", "LongStorage", STORAGE, WEIGHTS_I64 },
    { "torch", "IntStorage", STORAGE, WEIGHTS_I32 },
    { "torch", "ShortStorage", STORAGE, WEIGHTS_I16 },
    { "torch", "CharStorage", STORAGE, WEIGHTS_I8 },
    { "torch", "ByteStorage", STORAGE, WEIGHTS_U8 },
    { "torch", "BoolStorage", STORAGE, WEIGHTS_BOOL },
};

bool weights_pickle_dtype(const struct weights_value *v, enum weights_dtype *dtype)
{
    if (v->kind != WEIGHTS_GLOBAL || GLOBALS[v->number].call != STORAGE) return false;
    *dtype = GLOBALS[v->number].dtype;
    return true;
}

/* ---- instructions; n is the number in their row of the table ---- */

static enum vit_status skip(struct weights_pickle *p, int n)
{
    const unsigned char *bytes;

    return take(p, (size_t)n, &bytes) ? VIT_OK : VIT_ERR_FORMAT;
}

/* A value that no tensor needs, after n bytes of its own. */
static enum vit_status plain(struct weights_pickle *p, int n)
{
    enum vit_status status = skip(p, n);

    return status ? status : push_new(p, (struct weights_value){ .kind = WEIGHTS_PLAIN });
}

static enum vit_status empty(struct weights_pickle *p, int n)
{
    return push_new(p, (struct weights_value){ .kind = (enum weights_kind)n });
}

/* n bytes; only four of them have a sign. */
static enum vit_status integer(struct weights_pickle *p, int n)
{
    uint64_t number;

    if (!take_number(p, n, &number)) return VIT_ERR_FORMAT;
    if (n == 4) number = (uint64_t)(int64_t)(int32_t)(uint32_t)number;
    return push_new(p, (struct weights_value){ .kind = WEIGHTS_INT, .number = (int64_t)number });
}

/* A length of one byte and as many bytes in two's complement. */
static enum vit_status long_integer(struct weights_pickle *p, int n)
{
    uint64_t size, number = 0;

    if (!take_number(p, n, &size)) return VIT_ERR_FORMAT;
    if (size > 8) return broken(p, "an integer has more than 64 bits");
    if (!take_number(p, (int)size, &number)) return VIT_ERR_FORMAT;
    if (size && size < 8 && number >> (8 * size - 1)) number |= UINT64_MAX << (8 * size);
    return push_new(p, (struct weights_value){ .kind = WEIGHTS_INT, .number = (int64_t)number });
}

/* A length of n bytes and the text. */
static enum vit_status text(struct weights_pickle *p, int n)
{
    const unsigned char *bytes;
    uint64_t size;

    if (!take_number(p, n, &size) || !take(p, size, &bytes)) return VIT_ERR_FORMAT;
    return push_new(
        p, (struct weights_value){ .kind = WEIGHTS_TEXT, .text = (const char *)bytes, .size = size });
}

/* The n values on top become a tuple. */
static enum vit_status tuple(struct weights_pickle *p, int n)
{
    struct weights_value *v = fresh(p, WEIGHTS_TUPLE);
    enum vit_status status = v ? gather(p, v, (size_t)n) : VIT_ERR_FORMAT;

    return status ? status : push(p, v);
}

static enum vit_status tuple_to_mark(struct weights_pickle *p, int n)
{
    struct weights_value *v = fresh(p, WEIGHTS_TUPLE);
    const size_t count = v ? above_mark(p) : SIZE_MAX;
    enum vit_status status;

    (void)n;
    if (count == SIZE_MAX) return VIT_ERR_FORMAT;
    status = gather(p, v, count);
    if (status) return status;
    p->depth--; /* the mark */
    return push(p, v);
}

/* The container below takes n items, or those above the mark (n 0). number: of items in one entry. */
static enum vit_status put(struct weights_pickle *p, enum weights_kind kind, size_t number, bool marked)
{
    const size_t count = marked ? above_mark(p) : number, below = count + marked;
    struct weights_value *to;
    enum vit_status status;

    if (count == SIZE_MAX) return VIT_ERR_FORMAT;
    if (count % number) return broken(p, "a key has no value");
    if (below >= p->depth || p->stack[p->depth - below - 1]->kind != kind)
        return broken(p, "an instruction does not find the value it needs");
    to = p->stack[p->depth - below - 1];
    status = gather(p, to, count);
    p->depth -= marked;
    return status;
}

static enum vit_status append(struct weights_pickle *p, int marked)
{
    return put(p, WEIGHTS_LIST, 1, marked);
}

static enum vit_status set_item(struct weights_pickle *p, int marked)
{
    return put(p, WEIGHTS_DICT, 2, marked);
}

/* n bytes of index; none: the next free one. */
static enum vit_status memo_put(struct weights_pickle *p, int n)
{
    uint64_t i = p->memo_next;

    if (n && !take_number(p, n, &i)) return VIT_ERR_FORMAT;
    if (!p->depth || i >= MAX_VALUES) return broken(p, "it remembers what it cannot");
    if (!grow(&p->memo, &p->memo_room, i + 1)) return no_memory(p);
    p->memo[i] = p->stack[p->depth - 1];
    p->memo_next++;
    return VIT_OK;
}

static enum vit_status memo_get(struct weights_pickle *p, int n)
{
    uint64_t i;

    if (!take_number(p, n, &i)) return VIT_ERR_FORMAT;
    if (i >= p->memo_room || !p->memo[i]) return broken(p, "it recalls what it has not remembered");
    return push(p, p->memo[i]);
}

static enum vit_status discard(struct weights_pickle *p, int n)
{
    (void)n;
    if (!p->depth) return broken(p, "an instruction does not find the value it needs");
    p->depth--;
    return VIT_OK;
}

/* ---- globals and calls ---- */

/* What a hostile file asks for is shown, as far as a line holds it. */
static enum vit_status refuse_global(struct weights_pickle *p, const char *module, size_t module_size,
                                     const char *name, size_t name_size)
{
    enum { SHOWN = 60 };

    if (module_size > SHOWN) module_size = vit_cut(module, SHOWN);
    if (name_size > SHOWN) name_size = vit_cut(name, SHOWN);
    return vit_fail(p->err, VIT_ERR_UNSUPPORTED,
                    "%s: its pickle asks for \"%.*s.%.*s\", which this reader refuses to execute; it reads "
                    "tensors, dictionaries and plain values only, so save model.state_dict() or use "
                    ".safetensors",
                    p->path, (int)module_size, module, (int)name_size, name);
}

static enum vit_status find_global(struct weights_pickle *p, const char *module, size_t module_size,
                                   const char *name, size_t name_size)
{
    for (size_t i = 0; i < VIT_COUNT(GLOBALS); i++) {
        const struct global *g = &GLOBALS[i];

        if (strlen(g->module) != module_size || memcmp(g->module, module, module_size)) continue;
        if (strlen(g->name) != name_size || memcmp(g->name, name, name_size)) continue;
        return push_new(p, (struct weights_value){ .kind = WEIGHTS_GLOBAL, .number = (int64_t)i });
    }
    return refuse_global(p, module, module_size, name, name_size);
}

static enum vit_status global(struct weights_pickle *p, int n)
{
    const char *module, *name;
    size_t module_size, name_size;

    (void)n;
    if (!take_line(p, &module, &module_size) || !take_line(p, &name, &name_size)) return VIT_ERR_FORMAT;
    return find_global(p, module, module_size, name, name_size);
}

static enum vit_status stack_global(struct weights_pickle *p, int n)
{
    const struct weights_value *name = pop(p, WEIGHTS_TEXT), *module = name ? pop(p, WEIGHTS_TEXT) : NULL;

    (void)n;
    if (!module) return VIT_ERR_FORMAT;
    return find_global(p, module->text, module->size, name->text, name->size);
}

static bool are(const struct weights_value *v, size_t count, const enum weights_kind *kinds)
{
    for (size_t i = 0; i < count; i++)
        if (v->count <= i || v->items[i]->kind != kinds[i]) return false;
    return true;
}

/* The persistent id of a storage: ("storage", type, key, where it was, elements). */
static enum vit_status storage(struct weights_pickle *p, int n)
{
    static const enum weights_kind KINDS[] = { WEIGHTS_TEXT, WEIGHTS_GLOBAL, WEIGHTS_TEXT, WEIGHTS_TEXT,
                                               WEIGHTS_INT };
    struct weights_value *id = pop(p, WEIGHTS_TUPLE);
    enum weights_dtype dtype;

    (void)n;
    if (!id) return VIT_ERR_FORMAT;
    if (!are(id, VIT_COUNT(KINDS), KINDS) || !weights_pickle_dtype(id->items[1], &dtype))
        return broken(p, "a storage is not described as PyTorch does");
    id->kind = WEIGHTS_STORAGE;
    return push(p, id);
}

/* _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks) */
static enum vit_status tensor(struct weights_pickle *p, struct weights_value *args)
{
    static const enum weights_kind KINDS[] = { WEIGHTS_STORAGE, WEIGHTS_INT, WEIGHTS_TUPLE, WEIGHTS_TUPLE };

    if (!are(args, VIT_COUNT(KINDS), KINDS)) return broken(p, "a tensor is not described as PyTorch does");
    args->kind = WEIGHTS_TENSOR;
    return push(p, args);
}

/* The first argument stands for the result. */
static enum vit_status first(struct weights_pickle *p, const struct weights_value *args,
                             enum weights_kind kind)
{
    return are(args, 1, &kind) ? push(p, args->items[0]) : broken(p, "a call has the wrong arguments");
}

static enum vit_status reduce(struct weights_pickle *p, int n)
{
    struct weights_value *args = pop(p, WEIGHTS_TUPLE), *callee = args ? pop(p, WEIGHTS_GLOBAL) : NULL;

    (void)n;
    if (!callee) return VIT_ERR_FORMAT;
    switch (GLOBALS[callee->number].call) {
    case DICT: return args->count ? broken(p, "an OrderedDict has arguments") : empty(p, WEIGHTS_DICT);
    case TENSOR: return tensor(p, args);
    case PARAMETER: return first(p, args, WEIGHTS_TENSOR);
    case SIZE: return first(p, args, WEIGHTS_TUPLE);
    case PLAIN: return empty(p, WEIGHTS_PLAIN);
    default: return broken(p, "it calls a type of storage");
    }
}

static enum vit_status refuse_instruction(struct weights_pickle *p, unsigned char code)
{
    return vit_fail(p->err, VIT_ERR_UNSUPPORTED,
                    "%s: its pickle has the instruction 0x%02x at byte %zu, which no dictionary of tensors "
                    "needs; this reader refuses to execute it",
                    p->path, code, (size_t)(p->at - p->begin) - 1);
}

/* An object of a class: one of those few whose contents are not needed. */
static enum vit_status new_object(struct weights_pickle *p, int n)
{
    struct weights_value *args = pop(p, WEIGHTS_TUPLE), *class = args ? pop(p, WEIGHTS_GLOBAL) : NULL;

    (void)n;
    if (!class) return VIT_ERR_FORMAT;
    return GLOBALS[class->number].call == OBJECT ? empty(p, WEIGHTS_PLAIN) : refuse_instruction(p, 0x81);
}

/* The state of an object: PyTorch attaches _metadata to the OrderedDict of a state dict. Not needed. */
static enum vit_status build(struct weights_pickle *p, int n)
{
    const enum weights_kind kind = p->depth < 2 ? WEIGHTS_MARK : p->stack[p->depth - 2]->kind;

    (void)n;
    if (kind != WEIGHTS_DICT && kind != WEIGHTS_PLAIN)
        return broken(p, "it sets the state of something that is no dictionary");
    p->depth--;
    return VIT_OK;
}

/* ---- the machine ---- */

/* By opcode. Names as in pickletools.py. */
static const struct instruction {
    enum vit_status (*run)(struct weights_pickle *p, int n);
    int n;
} INSTRUCTIONS[256] = {
    [0x80] = { skip, 1 },            /* PROTO */
    [0x95] = { skip, 8 },            /* FRAME */
    ['('] = { empty, WEIGHTS_MARK }, /* MARK */
    ['0'] = { discard, 0 },          /* POP */
    ['N'] = { plain, 0 },            /* NONE */
    [0x88] = { plain, 0 },           /* NEWTRUE */
    [0x89] = { plain, 0 },           /* NEWFALSE */
    ['G'] = { plain, 8 },            /* BINFLOAT */
    ['K'] = { integer, 1 },          /* BININT1 */
    ['M'] = { integer, 2 },          /* BININT2 */
    ['J'] = { integer, 4 },          /* BININT */
    [0x8a] = { long_integer, 1 },    /* LONG1 */
    [0x8c] = { text, 1 },            /* SHORT_BINUNICODE */
    ['X'] = { text, 4 },             /* BINUNICODE */
    ['U'] = { text, 1 },             /* SHORT_BINSTRING */
    ['T'] = { text, 4 },             /* BINSTRING */
    ['C'] = { text, 1 },             /* SHORT_BINBYTES */
    ['B'] = { text, 4 },             /* BINBYTES */
    [')'] = { tuple, 0 },            /* EMPTY_TUPLE */
    [0x85] = { tuple, 1 },           /* TUPLE1 */
    [0x86] = { tuple, 2 },           /* TUPLE2 */
    [0x87] = { tuple, 3 },           /* TUPLE3 */
    ['t'] = { tuple_to_mark, 0 },    /* TUPLE */
    [']'] = { empty, WEIGHTS_LIST }, /* EMPTY_LIST */
    ['a'] = { append, false },       /* APPEND */
    ['e'] = { append, true },        /* APPENDS */
    ['}'] = { empty, WEIGHTS_DICT }, /* EMPTY_DICT */
    ['s'] = { set_item, false },     /* SETITEM */
    ['u'] = { set_item, true },      /* SETITEMS */
    ['q'] = { memo_put, 1 },         /* BINPUT */
    ['r'] = { memo_put, 4 },         /* LONG_BINPUT */
    [0x94] = { memo_put, 0 },        /* MEMOIZE */
    ['h'] = { memo_get, 1 },         /* BINGET */
    ['j'] = { memo_get, 4 },         /* LONG_BINGET */
    ['c'] = { global, 0 },           /* GLOBAL */
    [0x93] = { stack_global, 0 },    /* STACK_GLOBAL */
    ['Q'] = { storage, 0 },          /* BINPERSID */
    ['R'] = { reduce, 0 },           /* REDUCE */
    [0x81] = { new_object, 0 },      /* NEWOBJ */
    ['b'] = { build, 0 },            /* BUILD */
};

static enum vit_status run(struct weights_pickle *p, const struct weights_value **root)
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

enum vit_status weights_pickle_read(struct weights_pickle **out, const struct weights_value **root,
                                    const char *path, const unsigned char *bytes, size_t size,
                                    struct vit_error *err)
{
    struct weights_pickle *p = calloc(1, sizeof *p);
    enum vit_status status;

    *out = NULL;
    *root = NULL;
    if (!p) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory for its pickle", path);
    *p =
        (struct weights_pickle){ .path = path, .begin = bytes, .at = bytes, .end = bytes + size, .err = err };
    status = run(p, root);
    p->err = NULL;
    if (status)
        weights_pickle_close(p);
    else
        *out = p;
    return status;
}

void weights_pickle_close(struct weights_pickle *p)
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
