#include "vit/session.h"

#include <string.h>

#include "vit/config.h"

/* From planes to the stream that enters the blocks: stem, tokens in front, positions, norm_pre. */

void vit_ends_carve_embed(struct vit_ends *e, struct vit_arena *a, const struct vit_config *c,
                          const struct vit_extent *x)
{
    const size_t b = (size_t)x->batch, d = (size_t)c->width, t = (size_t)x->tokens;
    const size_t patches = b * (size_t)vit_config_patches(c) * d;
    /* else the stem writes the stream itself */
    const bool separate = vit_config_prefix(c) > 0 || x->tokens < vit_config_patches(c);

    e->embedded = vit_arena_take(a, b * t * d, sizeof(float));
    e->patches = separate ? vit_arena_take(a, patches, sizeof(float)) : e->embedded;
    if (!x->training) return;
    e->dpatches = separate ? vit_arena_take(a, patches, sizeof(float)) : NULL;
    if (!c->norm.embed) return;
    e->embed_stat = vit_arena_take(a, b * t * 2, sizeof(float));
    e->normed = vit_arena_take(a, b * t * d, sizeof(float));
}

/* The tokens in front of the patches, in their order: class, distillation, registers. Returns how many
 * runs; from[i] is a run of rows[i] tokens. */
static int prefix_runs(const struct vit_config *c, float *const tokens[3], float *from[3], int rows[3])
{
    const int counts[3] = { c->cls, c->dist, c->registers };
    int runs = 0;

    for (int i = 0; i < 3; i++) {
        if (!counts[i]) continue;
        from[runs] = tokens[i];
        rows[runs++] = counts[i];
    }
    return runs;
}

/* Which patches of picture i the blocks see; NULL: all. */
static const int *kept_of(const struct vit_session *s, int i)
{
    const size_t each = (size_t)(s->tokens - vit_config_prefix(&s->model->config));

    return s->kept ? s->kept + (size_t)i * each : NULL;
}

/* to (kept, d) = the kept rows of patches and of pos (may be NULL). */
static void gather(float *to, const float *patches, const float *pos, const int *kept, int count, int d)
{
    for (int k = 0; k < count; k++) {
        const size_t from = (size_t)kept[k] * (size_t)d;
        for (int j = 0; j < d; j++)
            to[(size_t)k * (size_t)d + (size_t)j] =
                patches[from + (size_t)j] + (pos ? pos[from + (size_t)j] : 0);
    }
}

/* One picture's stream (t, d) from its patches (g g, d). */
static void assemble(const struct vit_session *s, float *stream, const float *patches, const int *kept)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    float *const tokens[3] = { m->params.cls, m->params.dist, m->params.reg };
    const size_t d = (size_t)c->width;
    const float *pos = m->positions;
    float *from[3], *to = stream;
    int rows[3], runs = prefix_runs(c, tokens, from, rows);

    for (int i = 0; i < runs; i++) {
        memcpy(to, from[i], (size_t)rows[i] * d * sizeof *to);
        to += (size_t)rows[i] * d;
    }
    if (c->position == VIT_POS_LEARNED && c->position_prefix) { /* a fixed table has rows for patches only */
        for (size_t i = 0; i < (size_t)(to - stream); i++) stream[i] += pos[i];
        pos += to - stream;
    }
    if (kept)
        gather(to, patches, pos, kept, s->tokens - vit_config_prefix(c), c->width);
    else if (pos)
        kern_add(&s->kern, to, pos, 1, patches, NULL, 0, vit_config_patches(c), c->width);
    else if (to != patches)
        memcpy(to, patches, (size_t)vit_config_patches(c) * d * sizeof *to);
}

float *vit_embed(struct vit_session *s, const float *planes, int n)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    const struct vit_ends *e = &s->ends;
    const size_t d = (size_t)c->width, t = (size_t)s->tokens, p = (size_t)vit_config_patches(c);

    patch_stem_forward(&s->kern, e->patches, planes, &c->stem, &m->mats.stem, &s->stem, n);
    for (int i = 0; i < n; i++)
        assemble(s, e->embedded + (size_t)i * t * d, e->patches + (size_t)i * p * d, kept_of(s, i));
    if (!c->norm.embed) return e->embedded;

    const struct kern_norm norm = vit_norm_of(c, &m->params.norm_pre);
    const struct kern_rows rows = vit_rows_of(n * s->tokens, c->width);
    float *out = e->normed ? e->normed : e->embedded;
    kern_norm(&s->kern, out, e->embed_stat, e->embedded, &norm, &rows);
    return out;
}

static void add_to(float *sum, const float *x, size_t count)
{
    if (!sum) return;
    for (size_t i = 0; i < count; i++) sum[i] += x[i];
}

/* The kept rows of sum (may be NULL), each plus its row of from (kept, d). */
static void scatter_to(float *sum, const float *from, const int *kept, int count, int d)
{
    if (!sum) return;
    for (int k = 0; k < count; k++)
        add_to(sum + (size_t)kept[k] * (size_t)d, from + (size_t)k * (size_t)d, (size_t)d);
}

/* Gradients of one picture's tokens and positions; its patches' gradient is copied out of the stream, and is
 * zero where the blocks did not see them. */
static void disassemble(const struct vit_session *s, const struct vit_params *grads, float *dpatches,
                        const float *dstream, const int *kept)
{
    const struct vit_config *c = &s->model->config;
    float *const tokens[3] = { grads->cls, grads->dist, grads->reg };
    const size_t d = (size_t)c->width, prefix = (size_t)vit_config_prefix(c) * d;
    const size_t patches = (size_t)vit_config_patches(c) * d;
    const float *from = dstream;
    float *to[3], *pos = c->position == VIT_POS_LEARNED ? grads->pos : NULL;
    int rows[3], runs = prefix_runs(c, tokens, to, rows);

    for (int i = 0; i < runs; i++) {
        add_to(to[i], from, (size_t)rows[i] * d);
        from += (size_t)rows[i] * d;
    }
    if (pos && c->position_prefix) {
        add_to(pos, dstream, prefix);
        pos += prefix;
    }
    if (kept) {
        const int count = s->tokens - vit_config_prefix(c);
        memset(dpatches, 0, patches * sizeof *dpatches);
        scatter_to(dpatches, from, kept, count, c->width);
        scatter_to(pos, from, kept, count, c->width);
        return;
    }
    add_to(pos, from, patches);
    if (dpatches) memcpy(dpatches, from, patches * sizeof *dpatches);
}

void vit_embed_backward(struct vit_session *s, const struct vit_params *grads, float *dstream, int n)
{
    const struct vit_model *m = s->model;
    const struct vit_config *c = &m->config;
    const struct vit_ends *e = &s->ends;
    const size_t d = (size_t)c->width, t = (size_t)s->tokens, p = (size_t)vit_config_patches(c);

    if (c->norm.embed) {
        const struct kern_norm norm = vit_norm_of(c, &m->params.norm_pre);
        const struct kern_dnorm dn = { grads->norm_pre.gain, grads->norm_pre.bias, grads->norm_pre.alpha };
        const struct kern_rows rows = vit_rows_of(n * s->tokens, c->width);
        kern_norm_back(&s->kern, dstream, &dn, dstream, e->embedded, e->embed_stat, &norm, &rows);
    }
    for (int i = 0; i < n; i++)
        disassemble(s, grads, e->dpatches ? e->dpatches + (size_t)i * p * d : NULL,
                    dstream + (size_t)i * t * d, kept_of(s, i));
    patch_stem_backward(&s->kern, grads->stem, e->dpatches ? e->dpatches : dstream, &c->stem, &m->mats.stem,
                        &s->stem, n);
}
