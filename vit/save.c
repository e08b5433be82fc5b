/* A model as one file of ours: f32, bf16, or integers of 8 bits where the products are. */
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
    char *text = vit_json_text(o, JSON_COMPACT);

    json_decref(o);
    return text;
}

enum { SCALE_NAME = 80 };

/* What a file will hold, and memory for values that are not the model's own. */
struct outgoing {
    struct weights_entry *entries; /* room for two a slot */
    size_t count;
    void *narrow;  /* (arena_floats) of two bytes at most: bf16 or int8; a slot's at its offset */
    float *scales; /* of the rows of matrices, one after the other */
    size_t scale_count;
    char (*names)[SCALE_NAME]; /* (slot_count) */
};

/* Rows of all matrices. */
static size_t matrix_rows(const struct vit_model *m)
{
    size_t rows = 0;

    for (int i = 0; i < m->slot_count; i++)
        if (m->slots[i].rank == 2) rows += (size_t)m->slots[i].shape[0];
    return rows;
}

static bool outgoing_open(struct outgoing *out, const struct vit_model *m, enum weights_dtype dtype)
{
    const size_t slots = (size_t)m->slot_count;

    *out = (struct outgoing){ .entries = calloc(2 * slots, sizeof *out->entries) };
    if (dtype != WEIGHTS_F32) out->narrow = calloc(m->arena_floats, sizeof(uint16_t));
    if (dtype == WEIGHTS_I8) out->scales = calloc(matrix_rows(m), sizeof *out->scales);
    if (dtype == WEIGHTS_I8) out->names = calloc(slots, sizeof *out->names);
    return out->entries && (dtype == WEIGHTS_F32 || out->narrow) &&
           (dtype != WEIGHTS_I8 || (out->scales && out->names));
}

static void outgoing_close(struct outgoing *out)
{
    free(out->names);
    free(out->scales);
    free(out->narrow);
    free(out->entries);
}

static void add_bf16(struct outgoing *out, struct weights_entry *e, const struct vit_parameter *p,
                     size_t offset)
{
    uint16_t *to = (uint16_t *)out->narrow + offset;

    for (size_t j = 0; j < p->count; j++) to[j] = vit_bf16(p->values[j]);
    e->dtype = WEIGHTS_BF16;
    e->data = to;
}

/* Rows of integers, and behind them an entry for their scales. */
static void add_i8(struct outgoing *out, struct weights_entry *e, const struct vit_parameter *p,
                   size_t offset, char *name)
{
    const int n = p->shape[0], k = p->shape[1];
    int8_t *to = (int8_t *)out->narrow + offset;
    float *scales = out->scales + out->scale_count;

    out->scale_count += (size_t)n;
    for (int j = 0; j < n; j++) scales[j] = kern_quantise(to + (size_t)j * k, p->values + (size_t)j * k, k);
    snprintf(name, SCALE_NAME, "%s_scale", p->name);
    e->dtype = WEIGHTS_I8;
    e->data = to;
    out->entries[out->count++] = (struct weights_entry){
        .name = name, .dtype = WEIGHTS_F32, .rank = 1, .shape = { n }, .data = scales
    };
}

/* The matrices that int8 products read: those of the blocks. */
static bool in_integers(const struct vit_parameter *p)
{
    return p->rank == 2 && !strncmp(p->name, "blocks.", 7);
}

/* The parameters as entries of a file. */
static void fill_entries(struct outgoing *out, const struct vit_model *m, enum weights_dtype dtype)
{
    for (int i = 0; i < m->slot_count; i++) {
        const struct vit_parameter p = vit_model_parameter(m, i);
        struct weights_entry *e = &out->entries[out->count++];

        *e = (struct weights_entry){ .name = p.name, .dtype = WEIGHTS_F32, .rank = p.rank, .data = p.values };
        for (int j = 0; j < p.rank; j++) e->shape[j] = p.shape[j];
        if (dtype == WEIGHTS_BF16) add_bf16(out, e, &p, m->slots[i].offset);
        if (dtype == WEIGHTS_I8 && in_integers(&p)) add_i8(out, e, &p, m->slots[i].offset, out->names[i]);
    }
}

enum vit_status vit_model_save(const struct vit_model *m, const char *path, enum weights_dtype dtype,
                               struct vit_error *err)
{
    struct outgoing out = { 0 };
    char *text = vit_model_config_text(m);
    const struct weights_text meta[] = { { "format", "pt" }, { "vit.config", text } };
    enum vit_status status;

    if (dtype != WEIGHTS_F32 && dtype != WEIGHTS_BF16 && dtype != WEIGHTS_I8)
        status = vit_fail(err, VIT_ERR_ARG, "%s: a model is stored as F32, BF16 or I8, not as %s", path,
                          weights_dtype_name(dtype));
    else if (!outgoing_open(&out, m, dtype) || !text)
        status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    else {
        fill_entries(&out, m, dtype);
        status = weights_write(path, out.entries, out.count, meta, VIT_COUNT(meta), err);
    }
    outgoing_close(&out);
    free(text);
    return status;
}
