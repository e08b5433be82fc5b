/* A model as one file of ours: f32, bf16, or integers of 8 bits where the products are. */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/config_json.h"
#include "vit/json.h"
#include "vit/model.h"
#include "vit/train.h"

char *vit_model_config_text(const struct vit_model *m)
{
    json_t *o = vit_config_to_json(&m->config, &m->recipe, m->has_labels ? vit_model_labels(m) : NULL);
    char *text = vit_json_text(o, JSON_COMPACT | VIT_JSON_FLOATS);

    json_decref(o);
    return text;
}

/* What a file will hold. Values that are not the model's own lie in one arena: what is below runs once to
 * count and once to fill it. */
struct outgoing {
    const struct vit_model *m;
    enum weights_dtype dtype;
    const struct vit_packing *packing; /* NULL: an ordinary file */
    const struct kern *kern;           /* lays out what is packed */
    bool foreign;                      /* for another framework: without our configuration */
    enum weights_family family;        /* whose names the tensors get */
    const char *blank;                 /* a token of zeros that the family has besides; NULL: none */
    struct weights_entry *entries;     /* room for three a slot, and one */
    size_t count;
    struct vit_arena arena;
};

enum { NAME_SIZE = 2 * sizeof((struct vit_slot *)0)->name };

/* NAME with an end, for what stands beside a parameter or for it. */
static const char *add_name(struct outgoing *out, const char *name, const char *end)
{
    char *text = vit_arena_take(&out->arena, NAME_SIZE, 1);

    if (text) snprintf(text, NAME_SIZE, "%s%s", name, end);
    return text;
}

/* Parameter i, its values unpacked if they are not there as such. */
static struct vit_parameter take_parameter(struct outgoing *out, int i)
{
    struct vit_parameter p = vit_model_parameter(out->m, i);

    if (!p.values) {
        float *values = vit_arena_take(&out->arena, p.count, sizeof *values);
        if (values) vit_model_read(out->m, i, values);
        p.values = values;
    }
    return p;
}

/* ---- the forms of a parameter ---- */

static const uint16_t *add_bf16(struct outgoing *out, const struct vit_parameter *p)
{
    uint16_t *to = vit_arena_take(&out->arena, p->count, sizeof *to);

    for (size_t j = 0; to && j < p->count; j++) to[j] = vit_bf16(p->values[j]);
    return to;
}

/* Rows of integers, and behind them an entry for their scales. */
static const int8_t *add_i8(struct outgoing *out, const struct vit_parameter *p)
{
    const int n = p->shape[0], k = p->shape[1];
    int8_t *to = vit_arena_take(&out->arena, p->count, sizeof *to);
    float *scales = vit_arena_take(&out->arena, (size_t)n, sizeof *scales);

    for (int j = 0; to && j < n; j++)
        scales[j] = kern_quantise(to + (size_t)j * k, p->values + (size_t)j * k, k);
    out->entries[out->count++] = (struct weights_entry){ .name = add_name(out, p->name, "_scale"),
                                                         .dtype = WEIGHTS_F32,
                                                         .rank = 1,
                                                         .shape = { n },
                                                         .data = scales };
    return to;
}

/* The fixed scale of what a matrix of a block is multiplied with, if it has one. */
static void add_scale(struct outgoing *out, int i)
{
    struct vit_product p;
    float *scale;
    char *name;

    if (out->dtype != WEIGHTS_I8 || !vit_model_product(out->m, i, &p) || !(out->m->x_scale[p.index] > 0))
        return;
    name = vit_arena_take(&out->arena, NAME_SIZE, 1);
    if (name) vit_scale_name(name, NAME_SIZE, out->m->slots[i].name);
    scale = vit_arena_take(&out->arena, 1, sizeof *scale);
    if (scale) *scale = out->m->x_scale[p.index];
    out->entries[out->count++] = (struct weights_entry){
        .name = name, .dtype = WEIGHTS_F32, .rank = 1, .shape = { 1 }, .data = scale
    };
}

/* The matrices that int8 products read: those of the blocks. */
static bool in_integers(const struct vit_slot *s)
{
    return s->rank == 2 && s->block >= 0;
}

/* The last entry under the names of the family: equal parts of its first axis. */
static void rename_last(struct outgoing *out)
{
    const struct weights_entry whole = out->entries[--out->count];
    char names[3][WEIGHTS_NAME];
    const int parts = weights_family_names(out->family, whole.name, names);
    size_t bytes = weights_dtype_size(whole.dtype);

    for (int j = 0; j < whole.rank; j++) bytes *= (size_t)whole.shape[j];
    for (int i = 0; i < parts; i++) {
        struct weights_entry *e = &out->entries[out->count++];
        char *name = vit_arena_take(&out->arena, WEIGHTS_NAME, 1);
        if (name) memcpy(name, names[i], WEIGHTS_NAME);
        *e = whole;
        e->name = name;
        e->shape[0] /= parts;
        if (whole.data) e->data = (const char *)whole.data + bytes / (size_t)parts * (size_t)i;
    }
}

static void add_plain(struct outgoing *out, int i)
{
    const struct vit_parameter p = take_parameter(out, i);
    struct weights_entry *e = &out->entries[out->count++];

    *e = (struct weights_entry){ .name = p.name, .dtype = WEIGHTS_F32, .rank = p.rank, .data = p.values };
    for (int j = 0; j < p.rank; j++) e->shape[j] = p.shape[j];
    if (out->dtype == WEIGHTS_F32 || (out->dtype == WEIGHTS_I8 && !in_integers(&out->m->slots[i]))) return;
    e->dtype = out->dtype;
    e->data = out->dtype == WEIGHTS_BF16 ? (const void *)add_bf16(out, &p) : add_i8(out, &p);
}

/* ---- matrices as the products take them ---- */

/* How slot i is to be packed; false: it is written as it is. */
static bool packed_form(const struct outgoing *out, int i, struct vit_product *p)
{
    if (!out->packing || !vit_model_product(out->m, i, p)) return false;
    p->dtype = p->narrow ? out->packing->dtype : KERN_F32;
    return out->packing->layout[p->dtype].panel > 0;
}

/* The numbers an ordinary file of the same type would have, laid out: a head is rounded to bf16 in both. */
static void add_packed(struct outgoing *out, int i, const struct vit_product *r)
{
    const struct vit_parameter p = take_parameter(out, i);
    const bool round = out->dtype == WEIGHTS_BF16 && r->dtype == KERN_F32;
    float *rounded = round ? vit_arena_take(&out->arena, p.count, sizeof *rounded) : NULL;
    bool fits;
    const size_t bytes = vit_packed_bytes(&out->packing->layout[r->dtype], r->n, r->k, &fits);
    void *to = vit_arena_take(&out->arena, fits ? bytes : SIZE_MAX, 1);

    out->entries[out->count++] = (struct weights_entry){ .name = add_name(out, p.name, VIT_PACKED_SUFFIX),
                                                         .dtype = WEIGHTS_U8,
                                                         .rank = 1,
                                                         .shape = { (int64_t)bytes },
                                                         .data = to };
    if (!to) return;
    for (size_t j = 0; round && j < p.count; j++) rounded[j] = vit_from_bf16(vit_bf16(p.values[j]));
    kern_pack(out->kern, r->dtype, to, round ? rounded : p.values, r->n, r->k, false);
}

/* As the family initialises what it does not classify with. The arena is zeroed. */
static void add_blank(struct outgoing *out)
{
    const int width = out->m->config.width;

    out->entries[out->count++] =
        (struct weights_entry){ .name = out->blank,
                                .dtype = WEIGHTS_F32,
                                .rank = 2,
                                .shape = { 1, width },
                                .data = vit_arena_take(&out->arena, (size_t)width, sizeof(float)) };
}

/* Not the classifier of a network that has none: zeros stand for it. */
static bool has_values(const struct outgoing *out, int i)
{
    return !vit_model_may_lack(out->m, &out->m->slots[i]);
}

/* The packed ones first: they are whole lines, so that each begins with one in the mapped file. */
static void fill_entries(struct outgoing *out)
{
    struct vit_product p;

    out->count = 0;
    for (int i = 0; i < out->m->slot_count; i++)
        if (has_values(out, i) && packed_form(out, i, &p)) add_packed(out, i, &p);
    for (int i = 0; i < out->m->slot_count; i++) {
        if (!has_values(out, i)) continue;
        if (!packed_form(out, i, &p)) add_plain(out, i);
        if (out->family != WEIGHTS_TIMM) rename_last(out);
        add_scale(out, i);
    }
    if (out->blank) add_blank(out);
}

/* ---- the file ---- */

static enum vit_status write_file(struct outgoing *out, const char *path, struct vit_error *err)
{
    char *config = vit_model_config_text(out->m), *packing = NULL;
    struct weights_text meta[3] = { { "format", "pt" }, { "vit.config", config } };
    size_t texts = out->foreign ? 1 : 2;
    enum vit_status status = VIT_OK;

    if (out->packing) {
        packing = vit_packing_text(out->packing);
        meta[texts++] = (struct weights_text){ "vit.packed", packing };
    }
    out->entries = calloc(3 * (size_t)out->m->slot_count + 1, sizeof *out->entries);
    if (!out->entries || !config || (out->packing && !packing))
        status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    if (!status) fill_entries(out);
    if (!status) status = vit_arena_alloc(&out->arena, path, err);
    if (!status) fill_entries(out);
    if (!status) status = weights_write(path, out->entries, out->count, meta, texts, err);
    vit_arena_free(&out->arena);
    free(out->entries);
    free(packing);
    free(config);
    return status;
}

enum vit_status vit_model_save(const struct vit_model *m, const char *path, enum weights_dtype dtype,
                               struct vit_error *err)
{
    struct outgoing out = { .m = m, .dtype = dtype };

    if (dtype != WEIGHTS_F32 && dtype != WEIGHTS_BF16 && dtype != WEIGHTS_I8)
        return vit_fail(err, VIT_ERR_ARG, "%s: a model is stored as F32, BF16 or I8, not as %s", path,
                        weights_dtype_name(dtype));
    return write_file(&out, path, err);
}

enum vit_status vit_model_save_as(const struct vit_model *m, const char *path, enum weights_family family,
                                  const char *blank, enum weights_dtype dtype, struct vit_error *err)
{
    struct outgoing out = { .m = m, .dtype = dtype, .foreign = true, .family = family, .blank = blank };
    char names[3][WEIGHTS_NAME];

    if (dtype != WEIGHTS_F32 && dtype != WEIGHTS_BF16)
        return vit_fail(err, VIT_ERR_ARG,
                        "%s: under the names of %s a model is stored as F32 or BF16, not as %s", path,
                        weights_family_name(family), weights_dtype_name(dtype));
    for (int i = 0; i < m->slot_count; i++)
        if (!weights_family_names(family, m->slots[i].name, names))
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %s has no tensor like \"%s\"", path,
                            weights_family_name(family), m->slots[i].name);
    return write_file(&out, path, err);
}

enum weights_dtype vit_stored_dtype(enum kern_dtype dtype)
{
    static const enum weights_dtype STORED[KERN_DTYPES] = {
        [KERN_F32] = WEIGHTS_F32, [KERN_BF16] = WEIGHTS_BF16, [KERN_I8] = WEIGHTS_I8
    };
    assert((unsigned)dtype < KERN_DTYPES);
    return STORED[dtype];
}

enum vit_status vit_model_save_packed(const struct vit_model *m, const char *path, enum kern_dtype dtype,
                                      const char *kernels, struct vit_error *err)
{
    struct vit_packing packing;
    struct kern kern;
    struct outgoing out = { .m = m, .packing = &packing, .kern = &kern };
    enum vit_status status = kern_select(&kern, kernels, err);

    if (!status && (unsigned)dtype >= KERN_DTYPES)
        status = vit_fail(err, VIT_ERR_ARG, "%s: unknown dtype %d", path, (int)dtype);
    if (status) return status;
    out.dtype = vit_stored_dtype(dtype);
    packing = vit_packing_of(&kern, dtype);
    if (!packing.layout[dtype].panel || !packing.layout[KERN_F32].panel)
        return vit_fail(err, VIT_ERR_ARG, "%s: the kernels %s read %s as it is: there is nothing to pack",
                        path, kern.name, kern_dtype_name(packing.layout[dtype].panel ? KERN_F32 : dtype));
    return write_file(&out, path, err);
}
