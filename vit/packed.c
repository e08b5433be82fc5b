#include "vit/packed.h"

#include <stdio.h>
#include <string.h>

#include "vit/arena.h"
#include "vit/json.h"

enum { VERSION = 1 };

struct vit_packing vit_packing_of(const struct kern *k, enum kern_dtype dtype)
{
    struct vit_packing p = { .there = true, .dtype = dtype };

    snprintf(p.kernels, sizeof p.kernels, "%s", k->name);
    p.layout[KERN_F32] = k->layout[KERN_F32];
    p.layout[dtype] = k->layout[dtype];
    return p;
}

size_t vit_packed_bytes(const struct kern_layout *l, int n, int k, bool *fits)
{
    return (kern_layout_bytes(l, n, k, fits) + VIT_ALIGN - 1) / VIT_ALIGN * VIT_ALIGN;
}

/* ---- writing ---- */

char *vit_packing_text(const struct vit_packing *p)
{
    json_t *layouts = json_object();
    json_t *all;
    char *text;

    for (int i = 0; i < KERN_DTYPES; i++) {
        const struct kern_layout *l = &p->layout[i];

        if (l->panel)
            vit_json_put(&layouts, kern_dtype_name((enum kern_dtype)i),
                         json_pack("{s:i,s:i,s:i}", "panel", l->panel, "fold", l->fold, "bytes", l->bytes));
    }
    all = json_pack("{s:i,s:s,s:s,s:o}", "version", VERSION, "kernels", p->kernels, "dtype",
                    kern_dtype_name(p->dtype), "layouts", layouts);
    text = vit_json_text(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

/* ---- reading ---- */

static enum vit_status parse_layout(struct vit_packing *p, enum kern_dtype dtype, const char *where,
                                    const json_t *layouts, struct vit_error *err)
{
    const char *name = kern_dtype_name(dtype);
    const json_t *o = json_object_get(layouts, name);
    struct kern_layout l = { .dtype = dtype };
    enum vit_status status = VIT_OK;

    if (!json_is_object(o))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: vit.packed: no layout of %s", where, name);
    status = vit_json_int(o, where, "panel", 0, INT32_MAX, &l.panel, err);
    if (!status) status = vit_json_int(o, where, "fold", 0, INT32_MAX, &l.fold, err);
    if (!status) status = vit_json_int(o, where, "bytes", 0, INT32_MAX, &l.bytes, err);
    if (status) return status;
    if (!kern_layout_known(&l))
        return vit_fail(
            err, VIT_ERR_UNSUPPORTED,
            "%s: vit.packed: the layout of %s, panels of %d, %d neighbours, numbers of %d bytes, is "
            "not one that this program reads",
            where, name, l.panel, l.fold, l.bytes);
    p->layout[dtype] = l;
    return VIT_OK;
}

static enum vit_status parse(struct vit_packing *p, const char *where, const json_t *o, struct vit_error *err)
{
    const char *dtype = NULL, *kernels = NULL;
    int version = 0, found;
    enum vit_status status = vit_json_int(o, where, "version", INT32_MIN, INT32_MAX, &version, err);

    if (!status && version != VERSION)
        status =
            vit_fail(err, VIT_ERR_UNSUPPORTED,
                     "%s: its matrices are packed in version %d, this program reads version %d; make the "
                     "file again",
                     where, version, VERSION);
    if (!status) status = vit_json_string(o, where, "kernels", &kernels, err);
    if (!status) status = vit_json_string(o, where, "dtype", &dtype, err);
    if (status) return status;
    found = dtype ? kern_dtype_from_name(dtype) : -1;
    if (found < 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: vit.packed: expected \"dtype\" f32, bf16 or int8, found %s",
                        where, dtype ? dtype : "none");
    p->there = p->in_place = true;
    p->dtype = (enum kern_dtype)found;
    snprintf(p->kernels, sizeof p->kernels, "%s", kernels ? kernels : "?");
    status = parse_layout(p, KERN_F32, where, json_object_get(o, "layouts"), err);
    if (!status && p->dtype != KERN_F32)
        status = parse_layout(p, p->dtype, where, json_object_get(o, "layouts"), err);
    return status;
}

enum vit_status vit_packing_parse(struct vit_packing *p, const char *where, const char *text,
                                  struct vit_error *err)
{
    json_t *o;
    enum vit_status status = vit_json_parse(&o, where, text, strlen(text), err);

    *p = (struct vit_packing){ 0 };
    if (status) return status;
    if (json_is_object(o))
        status = parse(p, where, o, err);
    else
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: vit.packed is not an object", where);
    json_decref(o);
    return status;
}
