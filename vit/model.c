#include "vit/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu.h"
#include "vit/block.h"
#include "vit/config.h"

/* ---- notes ---- */

void vit_model_say(struct vit_model *m, bool warning, const char *format, ...)
{
    va_list args;

    if (m->notes == VIT_NOTES) return;
    va_start(args, format);
    vsnprintf(m->note[m->notes].text, sizeof m->note[0].text, format, args);
    va_end(args);
    m->note[m->notes++].warning = warning;
}

const char *vit_model_note(const struct vit_model *m, int i, bool *warning)
{
    if (i < 0 || i >= m->notes) return NULL;
    if (warning) *warning = m->note[i].warning;
    return m->note[i].text;
}

/* ---- memory ---- */

enum { MATS_OF_ENDS = 3 };

void vit_params_point(struct vit_params *p, struct vit_block_params *block, const struct vit_model *m,
                      float *arena)
{
    *p = (struct vit_params){ .block = block };
    for (int i = 0; i < m->slot_count; i++) *vit_slot_pointer(p, &m->slots[i]) = arena + m->slots[i].offset;
}

enum vit_status vit_model_make_slots(struct vit_model *m, struct vit_error *err)
{
    const size_t depth = (size_t)m->config.depth;

    m->slot_count = vit_slots(NULL, &m->config, &m->arena_floats);
    m->slots = calloc((size_t)m->slot_count, sizeof *m->slots);
    m->ready = calloc(depth * VIT_BLOCK_PRODUCTS + MATS_OF_ENDS, sizeof *m->ready);
    m->x_scale = calloc(depth * VIT_BLOCK_PRODUCTS + MATS_OF_ENDS, sizeof *m->x_scale);
    m->params.block = calloc(depth, sizeof *m->params.block);
    m->mats.block = calloc(depth, sizeof *m->mats.block);
    m->jobs = calloc(2 * (depth * VIT_BLOCK_PRODUCTS + MATS_OF_ENDS), sizeof *m->jobs);
    if (!m->jobs || !m->slots || !m->ready || !m->x_scale || !m->params.block || !m->mats.block)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the parameter tables", m->path);
    vit_slots(m->slots, &m->config, &m->arena_floats);
    return VIT_OK;
}

/* Values of the slots that are copied; one contiguous arena in the slots' layout when all are. */
static void carve_values(struct vit_model *m, const bool *copied)
{
    if (!copied) {
        float *arena = vit_arena_take(&m->values, m->arena_floats, sizeof *arena);
        if (arena) vit_params_point(&m->params, m->params.block, m, arena);
        return;
    }
    for (int i = 0; i < m->slot_count; i++) {
        if (!copied[i]) continue;
        float *values = vit_arena_take(&m->values, m->slots[i].count, sizeof *values);
        if (values) *vit_slot_pointer(&m->params, &m->slots[i]) = values;
    }
}

/* ---- matrices ---- */

struct mat_ref {
    struct kern_mat *mat;
    float **weight; /* the parameter */
    int n, k;
    enum kern_dtype dtype;
};
/* Matrix i of the model; false past the end. */
static bool mat_at(struct vit_model *m, int i, struct mat_ref *out)
{
    const struct vit_config *c = &m->config;
    const int d = c->width;

    if (i < c->depth * VIT_BLOCK_PRODUCTS) {
        struct vit_block_mats *b = &m->mats.block[i / VIT_BLOCK_PRODUCTS];
        struct vit_block_params *p = &m->params.block[i / VIT_BLOCK_PRODUCTS];
        const struct mat_ref refs[VIT_BLOCK_PRODUCTS] = {
            [VIT_PRODUCT_QKV] = { &b->qkv, &p->qkv.weight, 3 * d, d, m->dtype },
            [VIT_PRODUCT_PROJ] = { &b->proj, &p->proj.weight, d, d, m->dtype },
            [VIT_PRODUCT_FC1] = { &b->fc1, &p->fc1.weight, vit_up_rows(c), d, m->dtype },
            [VIT_PRODUCT_FC2] = { &b->fc2, &p->fc2.weight, d, c->hidden, m->dtype },
        };
        *out = refs[i % VIT_BLOCK_PRODUCTS];
        return true;
    }
    const struct mat_ref ends[MATS_OF_ENDS] = {
        { &m->mats.head, &m->params.head.weight, c->classes, vit_head_inputs(c), KERN_F32 },
        { &m->mats.head_dist, &m->params.head_dist.weight, c->dist ? c->classes : 0, d, KERN_F32 },
        { &m->mats.pre_logits, &m->params.pre_logits.weight, c->pre_logits, vit_pooled_width(c), KERN_F32 },
    };
    if (i - c->depth * VIT_BLOCK_PRODUCTS >= MATS_OF_ENDS) return false;
    *out = ends[i - c->depth * VIT_BLOCK_PRODUCTS];
    return true;
}

bool vit_model_product(const struct vit_model *m, int i, struct vit_product *out)
{
    struct vit_model *all = (struct vit_model *)m; /* the walk hands out what may be written */
    const struct vit_slot *s = &m->slots[i];
    const bool narrow = s->block >= 0;
    const int first = (narrow ? s->block : m->config.depth) * VIT_BLOCK_PRODUCTS;
    struct mat_ref r;

    for (int j = 0; j < (narrow ? VIT_BLOCK_PRODUCTS : MATS_OF_ENDS); j++) {
        if (!mat_at(all, first + j, &r) || r.weight != vit_slot_pointer(&all->params, s)) continue;
        *out = (struct vit_product){ first + j, r.n, r.k, narrow, r.dtype };
        return true;
    }
    return false;
}

void vit_model_fix_scale(struct vit_model *m, int index, float scale)
{
    struct mat_ref r;

    m->x_scale[index] = scale;
    if (mat_at(m, index, &r)) r.mat->x_scale = scale;
}

void vit_scale_name(char *text, size_t size, const char *weight)
{
    snprintf(text, size, "%.*sinput_scale", (int)(strlen(weight) - strlen("weight")), weight);
}

int vit_model_fixed_scales(const struct vit_model *m)
{
    int count = 0;

    for (int i = 0; i < m->config.depth * VIT_BLOCK_PRODUCTS; i++) count += m->x_scale[i] > 0;
    return count;
}

static void carve_mats(struct vit_model *m)
{
    struct mat_ref r;

    for (int i = 0; mat_at(m, i, &r); i++) {
        if (!r.n) continue;
        *r.mat = (struct kern_mat){
            .n = r.n, .k = r.k, .dtype = r.dtype, .packed = m->ready[i], .x_scale = m->x_scale[i]
        };
        if (r.mat->packed) continue;
        const size_t forward = kern_pack_bytes(&m->kern, r.dtype, r.n, r.k, false);
        const size_t back = m->trainable ? kern_pack_bytes(&m->kern, r.dtype, r.n, r.k, true) : 0;
        if (forward) r.mat->packed = vit_arena_take(&m->packed, forward, 1);
        if (back) r.mat->packed_back = vit_arena_take(&m->packed, back, 1);
    }
    /* Pixels keep their digits where the rest has 8 bits: the stem is small, and what it loses is lost. */
    patch_stem_packed_carve(&m->mats.stem, &m->packed, &m->config.stem, m->config.channels, m->config.width,
                            &m->kern, m->dtype == KERN_I8 ? KERN_F32 : m->dtype, m->trainable);
}

/* What is to be laid out for one matrix: once for the forward, once for the backward. */
static void add_jobs(struct vit_model *m, const struct mat_ref *r)
{
    void *const to[2] = { (void *)r->mat->packed, (void *)r->mat->packed_back };

    for (int back = 0; back < 2; back++)
        if (to[back])
            m->jobs[m->job_count++] =
                (struct kern_pack_job){ to[back], *r->weight, r->n, r->k, r->mat->dtype, back };
}

void vit_model_pack(struct vit_model *m, const struct kern_ctx *c)
{
    const struct kern_ctx all = { .k = &m->kern, .threads = m->threads };
    struct mat_ref r;

    if (m->config.position != VIT_POS_SINCOS2D) m->positions = m->params.pos;
    m->job_count = 0;
    for (int i = 0; mat_at(m, i, &r); i++) {
        if (!r.n || m->ready[i]) continue;
        r.mat->f32 = *r.weight;
        add_jobs(m, &r);
    }
    kern_pack_all(c ? c : &all, m->jobs, m->job_count);
    patch_stem_pack(&m->mats.stem, &m->config.stem, m->config.channels, &m->kern,
                    (const float *const *)m->params.stem);
}

/* Fixed 2-D sine and cosine positions, Beyer et al. 2022 (arXiv 2205.01580): a quarter of the width each for
 * sin x, cos x, sin y, cos y, with frequencies 10000^(-i / (d/4 - 1)). */
static void fill_sincos(float *pos, int grid, int d)
{
    const int quarter = d / 4;

    for (int y = 0; y < grid; y++) {
        for (int x = 0; x < grid; x++) {
            for (int i = 0; i < quarter; i++) {
                const double w = pow(10000, -(double)i / (quarter > 1 ? quarter - 1 : 1));
                pos[i] = (float)sin(x * w);
                pos[quarter + i] = (float)cos(x * w);
                pos[2 * quarter + i] = (float)sin(y * w);
                pos[3 * quarter + i] = (float)cos(y * w);
            }
            pos += d;
        }
    }
}

static void carve_positions(struct vit_model *m)
{
    const struct vit_config *c = &m->config;
    const int grid = vit_config_grid(c);

    if (c->position != VIT_POS_SINCOS2D) return;
    m->positions = vit_arena_take(&m->packed, (size_t)grid * (size_t)grid * (size_t)c->width, sizeof(float));
    if (m->positions) fill_sincos(m->positions, grid, c->width);
}

enum vit_status vit_model_set_options(struct vit_model *m, const struct vit_model_options *o,
                                      struct vit_error *err)
{
    if ((unsigned)o->dtype >= KERN_DTYPES)
        return vit_fail(err, VIT_ERR_ARG, "%s: unknown dtype %d", m->path, (int)o->dtype);
    if (o->threads < 0 || o->threads > VIT_MOST_THREADS)
        return vit_fail(err, VIT_ERR_ARG, "%s: %d threads, expected %s %d", m->path, o->threads,
                        o->threads < 0 ? "0 (the default) to" : "at most", VIT_MOST_THREADS);
    m->dtype = o->dtype;
    m->threads = o->threads > 0 ? o->threads : kern_cpu_cores();
    return VIT_OK;
}

/* Integers are for inference, and their sums must fit. */
static enum vit_status check_dtype(const struct vit_model *m, struct vit_error *err)
{
    const int inputs = m->config.hidden > m->config.width ? m->config.hidden : m->config.width;

    if (m->dtype != KERN_I8) return VIT_OK;
    if (m->trainable)
        return vit_fail(err, VIT_ERR_ARG, "%s: int8 is for inference; gradients are computed in f32 or bf16",
                        m->path);
    if (inputs <= KERN_I8_INPUTS) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: int8 sums at most %d products, a layer has %d inputs",
                    m->path, (int)KERN_I8_INPUTS, inputs);
}

enum vit_status vit_model_carve(struct vit_model *m, const bool *copied, struct vit_error *err)
{
    enum vit_status status = check_dtype(m, err);

    if (status) return status;
    carve_values(m, copied);
    status = vit_arena_alloc(&m->values, m->path, err);
    if (status) return status;
    carve_values(m, copied);

    carve_mats(m);
    carve_positions(m);
    status = vit_arena_alloc(&m->packed, m->path, err);
    if (status) return status;
    carve_mats(m);
    carve_positions(m);
    return VIT_OK;
}

/* ---- labels ---- */

enum vit_status vit_model_default_labels(struct vit_model *m, struct vit_error *err)
{
    char text[32];

    m->labels = calloc((size_t)m->config.classes, sizeof *m->labels);
    for (int i = 0; m->labels && i < m->config.classes; i++) {
        snprintf(text, sizeof text, "class_%d", i);
        m->labels[i] = strdup(text);
        if (!m->labels[i]) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the labels", m->path);
    }
    return m->labels ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the labels", m->path);
}

/* ---- what a caller may ask ---- */

const struct vit_config *vit_model_config(const struct vit_model *m)
{
    return &m->config;
}

const struct patch_recipe *vit_model_recipe(const struct vit_model *m)
{
    return &m->recipe;
}

const char *vit_model_path(const struct vit_model *m)
{
    return m->path;
}

enum kern_dtype vit_model_dtype(const struct vit_model *m)
{
    return m->dtype;
}

const char *vit_model_kernels(const struct vit_model *m)
{
    return m->kern.name;
}

const char *vit_model_family(const struct vit_model *m)
{
    return m->family;
}

const char *const *vit_model_labels(const struct vit_model *m)
{
    return (const char *const *)m->labels;
}

bool vit_model_has_labels(const struct vit_model *m)
{
    return m->has_labels;
}

size_t vit_model_parameters(const struct vit_model *m)
{
    size_t total = 0;

    for (int i = 0; i < m->slot_count; i++)
        if (!m->slots[i].buffer) total += m->slots[i].count;
    return total;
}

size_t vit_model_input_floats(const struct vit_model *m)
{
    return (size_t)m->config.channels * (size_t)m->config.image * (size_t)m->config.image;
}

int vit_model_parameter_count(const struct vit_model *m)
{
    return m->slot_count;
}

struct vit_parameter vit_model_parameter(const struct vit_model *m, int i)
{
    assert(i >= 0 && i < m->slot_count);
    const struct vit_slot *s = &m->slots[i];
    struct vit_params params = m->params; /* the walk takes a non-const table */
    struct vit_parameter p = { .name = s->name,
                               .rank = s->rank,
                               .count = s->count,
                               .decay = s->decay,
                               .values = *vit_slot_pointer(&params, s) };

    memcpy(p.shape, s->shape, sizeof p.shape);
    return p;
}

void vit_model_read(const struct vit_model *m, int i, float *out)
{
    const struct vit_parameter p = vit_model_parameter(m, i);
    struct vit_product r;

    if (p.values) {
        memcpy(out, p.values, p.count * sizeof *out);
        return;
    }
    vit_model_product(m, i, &r);
    kern_unpack(&m->kern.layout[r.dtype], out, m->ready[r.index], r.n, r.k);
}

const char *vit_model_packed(const struct vit_model *m, bool *in_place)
{
    if (in_place) *in_place = m->packing.there && m->packing.in_place;
    return m->packing.there ? m->packing.kernels : NULL;
}

void vit_model_close(struct vit_model *m)
{
    if (!m) return;
    for (int i = 0; m->labels && i < m->config.classes; i++) free(m->labels[i]);
    free(m->labels);
    vit_arena_free(&m->packed);
    vit_arena_free(&m->values);
    free(m->params.block);
    free(m->mats.block);
    free(m->jobs);
    free(m->x_scale);
    free(m->ready);
    free(m->slots);
    weights_close(m->file);
    free(m->path);
    free(m);
}
