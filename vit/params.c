#include "vit/params.h"

#include <stdio.h>
#include <string.h>

#include "vit/block.h"
#include "vit/config.h"

/* Sizes a shape may be written in; dim_of() turns them into numbers. */
enum dim { ABSENT, ONE, D, D3, M, M_UP, E, POS, REG, K, F, POOLED, PRE, SCALE };

static int dim_of(enum dim dim, const struct vit_config *c)
{
    const int patches = vit_config_grid(c) * vit_config_grid(c);

    switch (dim) {
    case ABSENT: return 0;
    case ONE: return 1;
    case D: return c->width;
    case D3: return 3 * c->width;
    case M: return c->hidden;
    case M_UP: return vit_up_rows(c);
    case E: return c->width / c->heads;
    case POS: return c->position_prefix ? patches + vit_config_prefix(c) : patches;
    case REG: return c->registers;
    case K: return c->classes;
    case F: return vit_head_inputs(c);
    case POOLED: return vit_pooled_width(c);
    case PRE: return c->pre_logits;
    case SCALE: return vit_placement_scale_size(&c->norm, c->width);
    }
    return 0;
}

/* When a row exists. */
enum when {
    ALWAYS,
    CLS,
    DIST,
    REGISTERS,
    LEARNED_POS,
    EMBED_NORM,
    FINAL_NORM,
    POOLED_NORM,
    SEQ_POOL,
    PRE_LOGITS,
    QKV_BIAS,
    BIAS,
    QK_NORM,
    NORM1,
    NORM2,
    NORM1_OUT,
    NORM2_OUT,
    SCALE1,
    SCALE2
};

static bool holds(enum when when, const struct vit_config *c, int block)
{
    const struct vit_norm_config *n = &c->norm;

    switch (when) {
    case ALWAYS: return true;
    case CLS: return c->cls;
    case DIST: return c->dist;
    case REGISTERS: return c->registers > 0;
    case LEARNED_POS: return c->position == VIT_POS_LEARNED;
    case EMBED_NORM: return n->embed;
    case FINAL_NORM: return n->final;
    case POOLED_NORM: return n->pooled;
    case SEQ_POOL: return c->pool == VIT_POOL_SEQ;
    case PRE_LOGITS: return c->pre_logits > 0;
    case QKV_BIAS: return c->qkv_bias;
    case BIAS: return c->bias;
    case QK_NORM: return n->qk;
    case NORM1:
    case NORM2:
    case NORM1_OUT:
    case NORM2_OUT: return vit_block_has(n, block, c->depth, VIT_OP_NORM_BRANCH, (int)when - NORM1);
    case SCALE1:
    case SCALE2: return vit_block_has(n, block, c->depth, VIT_OP_SCALE_BRANCH, (int)when - SCALE1);
    }
    return false;
}

/* Norm rows have their three tensors written once: GAIN always, SHIFT not for RMSNorm, ALPHA for DyT. */
enum part { WHOLE, GAIN, SHIFT, ALPHA };

static bool has_part(enum part part, const struct vit_config *c)
{
    if (part == SHIFT) return c->norm.kind != KERN_RMSNORM;
    if (part == ALPHA) return c->norm.kind == KERN_DYT;
    return true;
}

struct row {
    const char *name;
    size_t field;
    enum dim shape[3]; /* ends with ABSENT */
    enum when when;
    enum part part;
    enum vit_start start;
};

#define AT(field) offsetof(struct vit_params, field)
#define IN(field) offsetof(struct vit_block_params, field)
#define NORM(n, at, dim, when)                                                                               \
    { n ".alpha", at + offsetof(struct vit_norm_params, alpha), { ONE }, when, ALPHA, VIT_START_ALPHA },     \
        { n ".weight", at + offsetof(struct vit_norm_params, gain), { dim }, when, GAIN, VIT_START_GAIN },   \
    {                                                                                                        \
        n ".bias", at + offsetof(struct vit_norm_params, bias), { dim }, when, SHIFT, VIT_START_ZERO         \
    }

static const struct row BEFORE[] = {
    { "cls_token", AT(cls), { ONE, ONE, D }, CLS, WHOLE, VIT_START_TOKEN },
    { "dist_token", AT(dist), { ONE, ONE, D }, DIST, WHOLE, VIT_START_TOKEN },
    { "reg_token", AT(reg), { ONE, REG, D }, REGISTERS, WHOLE, VIT_START_TOKEN },
    { "pos_embed", AT(pos), { ONE, POS, D }, LEARNED_POS, WHOLE, VIT_START_POSITION },
    NORM("norm_pre", AT(norm_pre), D, EMBED_NORM),
};

static const struct row BLOCK[] = {
    NORM("norm1", IN(norm[0]), D, NORM1),
    { "attn.qkv.weight", IN(qkv.weight), { D3, D }, ALWAYS, WHOLE, VIT_START_MATRIX },
    { "attn.qkv.bias", IN(qkv.bias), { D3 }, QKV_BIAS, WHOLE, VIT_START_ZERO },
    NORM("attn.q_norm", IN(qk[0]), E, QK_NORM),
    NORM("attn.k_norm", IN(qk[1]), E, QK_NORM),
    { "attn.proj.weight", IN(proj.weight), { D, D }, ALWAYS, WHOLE, VIT_START_MATRIX },
    { "attn.proj.bias", IN(proj.bias), { D }, BIAS, WHOLE, VIT_START_ZERO },
    NORM("norm1_out", IN(norm[2]), D, NORM1_OUT),
    { "ls1.gamma", IN(scale[0]), { SCALE }, SCALE1, WHOLE, VIT_START_SCALE },
    NORM("norm2", IN(norm[1]), D, NORM2),
    { "mlp.fc1.weight", IN(fc1.weight), { M_UP, D }, ALWAYS, WHOLE, VIT_START_MATRIX },
    { "mlp.fc1.bias", IN(fc1.bias), { M_UP }, BIAS, WHOLE, VIT_START_ZERO },
    { "mlp.fc2.weight", IN(fc2.weight), { D, M }, ALWAYS, WHOLE, VIT_START_MATRIX },
    { "mlp.fc2.bias", IN(fc2.bias), { D }, BIAS, WHOLE, VIT_START_ZERO },
    NORM("norm2_out", IN(norm[3]), D, NORM2_OUT),
    { "ls2.gamma", IN(scale[1]), { SCALE }, SCALE2, WHOLE, VIT_START_SCALE },
};

static const struct row AFTER[] = {
    NORM("norm", AT(norm), D, FINAL_NORM),
    { "attention_pool.weight", AT(attention_pool.weight), { ONE, D }, SEQ_POOL, WHOLE, VIT_START_MATRIX },
    { "attention_pool.bias", AT(attention_pool.bias), { ONE }, SEQ_POOL, WHOLE, VIT_START_ZERO },
    NORM("fc_norm", AT(fc_norm), D, POOLED_NORM),
    { "pre_logits.weight", AT(pre_logits.weight), { PRE, POOLED }, PRE_LOGITS, WHOLE, VIT_START_MATRIX },
    { "pre_logits.bias", AT(pre_logits.bias), { PRE }, PRE_LOGITS, WHOLE, VIT_START_ZERO },
};

static const struct row HEAD[] = {
    { "head.weight", AT(head.weight), { K, F }, ALWAYS, WHOLE, VIT_START_MATRIX },
    { "head.bias", AT(head.bias), { K }, ALWAYS, WHOLE, VIT_START_ZERO },
    { "head_dist.weight", AT(head_dist.weight), { K, D }, DIST, WHOLE, VIT_START_MATRIX },
    { "head_dist.bias", AT(head_dist.bias), { K }, DIST, WHOLE, VIT_START_ZERO },
};

static const enum vit_start STEM[] = { [PATCH_STEM_OFFSET] = VIT_START_ZERO,
                                       [PATCH_STEM_FACTOR] = VIT_START_GAIN,
                                       [PATCH_STEM_CONV] = VIT_START_CONV,
                                       [PATCH_STEM_PROJ] = VIT_START_PATCH };
_Static_assert(VIT_COUNT(STEM) == PATCH_STEM_ROLES, "what has a role in the stem has no start");

/* A list under construction; slots may be NULL: count only. */
struct list {
    struct vit_slot *slots;
    int count;
    size_t total;
};

static void append(struct list *l, struct vit_slot s)
{
    s.count = 1;
    for (int i = 0; i < s.rank; i++) s.count *= (size_t)s.shape[i];
    s.offset = l->total;
    l->total += (s.count + VIT_SLOT_ALIGN - 1) / VIT_SLOT_ALIGN * VIT_SLOT_ALIGN;
    if (l->slots) l->slots[l->count] = s;
    l->count++;
}

/* of: what the slots have in common, their block and whether they are of the head. */
static void append_rows(struct list *l, const struct row *rows, size_t count, const struct vit_config *c,
                        struct vit_slot of)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        struct vit_slot s = of;

        if (!holds(r->when, c, of.block) || !has_part(r->part, c)) continue;
        s.field = r->field;
        s.start = r->start;
        s.parts = r->shape[0] == D3 ? 3 : 1;
        s.decay = r->start == VIT_START_MATRIX;
        while (s.rank < 3 && r->shape[s.rank] != ABSENT) {
            s.shape[s.rank] = dim_of(r->shape[s.rank], c);
            s.rank++;
        }
        if (of.block < 0)
            snprintf(s.name, sizeof s.name, "%s", r->name);
        else
            snprintf(s.name, sizeof s.name, "blocks.%d.%s", of.block, r->name);
        append(l, s);
    }
}

static void append_stem(struct list *l, const struct vit_config *c)
{
    struct patch_stem_tensor tensors[PATCH_STEM_TENSORS];
    int count = patch_stem_tensors(&c->stem, c->channels, c->width, c->patch_bias, tensors);

    for (int i = 0; i < count; i++) {
        struct vit_slot s = { .field = AT(stem) + (size_t)i * sizeof(float *),
                              .block = -1,
                              .rank = tensors[i].rank,
                              .start = STEM[tensors[i].role],
                              .parts = 1,
                              .decay = tensors[i].decay,
                              .buffer = tensors[i].buffer };
        snprintf(s.name, sizeof s.name, "%.47s", tensors[i].name);
        memcpy(s.shape, tensors[i].shape, sizeof s.shape);
        append(l, s);
    }
}

int vit_slots(struct vit_slot *slots, const struct vit_config *c, size_t *total)
{
    struct list l = { .slots = slots };

    append_stem(&l, c);
    append_rows(&l, BEFORE, VIT_COUNT(BEFORE), c, (struct vit_slot){ .block = -1 });
    for (int block = 0; block < c->depth; block++)
        append_rows(&l, BLOCK, VIT_COUNT(BLOCK), c, (struct vit_slot){ .block = block });
    append_rows(&l, AFTER, VIT_COUNT(AFTER), c, (struct vit_slot){ .block = -1 });
    append_rows(&l, HEAD, VIT_COUNT(HEAD), c, (struct vit_slot){ .block = -1, .head = true });
    *total = l.total;
    return l.count;
}

float **vit_slot_pointer(struct vit_params *p, const struct vit_slot *s)
{
    char *base = s->block < 0 ? (char *)p : (char *)&p->block[s->block];

    return (float **)(void *)(base + s->field);
}

const char *vit_slot_shape_text(const struct vit_slot *s, char *text, size_t size)
{
    int64_t shape[VIT_COUNT(s->shape)];

    for (int i = 0; i < s->rank; i++) shape[i] = s->shape[i];
    return weights_sides_text(shape, s->rank, text, size);
}

const char *vit_slot_part_text(const struct vit_slot *s, const struct vit_config *c,
                               enum weights_layout layout, int parts, char *text, size_t size)
{
    int64_t canonical[VIT_COUNT(s->shape)], shape[WEIGHTS_RANK];

    for (int i = 0; i < s->rank; i++) canonical[i] = s->shape[i];
    return weights_sides_text(shape, weights_part_shape(layout, parts, c->heads, canonical, s->rank, shape),
                              text, size);
}

/* ---- as the kernels take them ---- */

struct kern_norm vit_norm_of(const struct vit_config *c, const struct vit_norm_params *p)
{
    return (struct kern_norm){
        .kind = c->norm.kind, .eps = c->norm.eps, .gain = p->gain, .bias = p->bias, .alpha = p->alpha
    };
}

struct kern_rows vit_rows_of(int m, int d)
{
    return (struct kern_rows){ m, 1, d, (size_t)d, (size_t)d };
}
