/* What a pickle asks for by name, and calls: only what the dialect has, and nothing is executed. */
#include "vit/pickle_stack.h"

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

enum vit_status vit_pickle_run_global(struct vit_pickle *p, int n)
{
    const char *module, *name;
    size_t module_size, name_size;

    (void)n;
    if (!take_line(p, &module, &module_size) || !take_line(p, &name, &name_size)) return VIT_ERR_FORMAT;
    return find_global(p, module, module_size, name, name_size);
}

enum vit_status vit_pickle_run_stack_global(struct vit_pickle *p, int n)
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

enum vit_status vit_pickle_run_persistent_id(struct vit_pickle *p, int n)
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
               : push_kind(p, VIT_PICKLE_DICT);
}

enum vit_status vit_pickle_run_reduce(struct vit_pickle *p, int n)
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
    case VIT_PICKLE_IGNORED: return push_kind(p, VIT_PICKLE_PLAIN);
    case VIT_PICKLE_TYPE:
    case VIT_PICKLE_OBJECT: break;
    }
    return broken(p, "it calls a type");
}

/* An object of a class: one of those few whose contents are not needed. */
enum vit_status vit_pickle_run_new_object(struct vit_pickle *p, int n)
{
    struct vit_pickle_value *args = pop(p, VIT_PICKLE_TUPLE),
                            *class = args ? pop(p, VIT_PICKLE_GLOBAL) : NULL;

    (void)n;
    if (!class) return VIT_ERR_FORMAT;
    return vit_pickle_global(p->dialect, class)->use == VIT_PICKLE_OBJECT ? push_kind(p, VIT_PICKLE_PLAIN)
                                                                          : refuse_instruction(p, 0x81);
}

/* The state of an object. PyTorch attaches _metadata to the OrderedDict of a state dict: not needed. */
enum vit_status vit_pickle_run_build(struct vit_pickle *p, int n)
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
