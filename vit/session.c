#include "vit/session.h"

#include <limits.h>
#include <stdlib.h>

#include "kernels/cpu.h"
#include "vit/config.h"
#include "vit/random.h"

/* One named part of the plan: what was carved since the last. */
static void mark(struct vit_session *s, const char *name, size_t *since)
{
    s->piece[s->pieces++] = (struct vit_piece){ name, s->arena.used - *since };
    *since = s->arena.used;
}

/* In inference all blocks work in the same buffers: no step overwrites what is still needed. Blocks with
 * other steps (mix) have buffers of their own. */
static void carve_blocks(struct vit_session *s, const struct vit_extent *e)
{
    const struct vit_config *c = &s->model->config;

    for (int i = 0; i < c->depth; i++) {
        int same = 0;
        const struct vit_step *steps = vit_block_steps(&c->norm, i, c->depth);

        while (same < i && (s->training || vit_block_steps(&c->norm, same, c->depth) != steps)) same++;
        if (same < i)
            s->trace[i] = s->trace[same];
        else
            vit_block_trace_carve(&s->trace[i], &s->arena, c, i, e);
    }
}

static void raise(int *value, int least)
{
    if (*value < least) *value = least;
}

static struct kern_limits limits_of(const struct vit_session *s)
{
    const struct vit_config *c = &s->model->config;
    struct kern_limits l = { .threads = s->kern.threads,
                             .rows = s->batch * s->tokens,
                             .inputs = 2 * c->width,
                             .outputs = 3 * c->width,
                             .tokens = s->tokens,
                             .head = c->width / c->heads,
                             .training = s->training,
                             .dtype = s->model->dtype };

    raise(&l.inputs, c->hidden);
    raise(&l.inputs, c->pre_logits);
    raise(&l.outputs, vit_up_rows(c));
    raise(&l.outputs, c->classes);
    raise(&l.outputs, c->pre_logits);
    patch_stem_limits(&l, &c->stem, c->channels, c->image, c->width, s->batch);
    return l;
}

static void carve(struct vit_session *s)
{
    const struct vit_config *c = &s->model->config;
    const struct vit_extent extent = { s->batch, s->tokens, s->training };
    size_t since = 0;

    s->pieces = 0;
    patch_stem_trace_carve(&s->stem, &s->arena, &c->stem, c->channels, c->image, c->width, s->batch,
                           s->training);
    mark(s, "stem", &since);
    vit_ends_carve_embed(&s->ends, &s->arena, c, &extent);
    mark(s, "embedding", &since);
    carve_blocks(s, &extent);
    mark(s, s->training ? "blocks, all kept" : "blocks, one shared", &since);
    vit_block_scratch_carve(&s->scratch, &s->arena, c, &extent);
    mark(s, "block scratch", &since);
    vit_ends_carve_readout(&s->ends, &s->arena, c, &extent);
    mark(s, "read-out", &since);
    s->kern.scratch = vit_arena_take(&s->arena, s->kern.scratch_bytes, 1);
    mark(s, "kernel scratch", &since);
}

/* Measure, allocate once, carve. */
static enum vit_status plan_memory(struct vit_session *s, struct vit_error *err)
{
    const struct kern_limits limits = limits_of(s);
    enum vit_status status;

    s->kern.scratch_bytes = kern_scratch_bytes(&s->model->kern, &limits);
    carve(s);
    status = vit_arena_alloc(&s->arena, "session", err);
    if (!status) carve(s);
    return status;
}

enum vit_status vit_session_create(struct vit_session **out, const struct vit_model *m,
                                   const struct vit_session_options *o, struct vit_error *err)
{
    return vit_session_create_partial(out, m, o, vit_config_patches(&m->config), err);
}

enum vit_status vit_session_create_partial(struct vit_session **out, const struct vit_model *m,
                                           const struct vit_session_options *o, int patches,
                                           struct vit_error *err)
{
    const struct vit_session_options none = { 0 };
    struct vit_session *s = calloc(1, sizeof *s);
    enum vit_status status;

    *out = NULL;
    if (!o) o = &none;
    if (s) s->trace = calloc((size_t)m->config.depth, sizeof *s->trace);
    if (!s || !s->trace) {
        vit_session_close(s);
        return vit_fail(err, VIT_ERR_NOMEM, "session: cannot allocate its tables");
    }
    s->model = m;
    s->batch = o->batch > 0 ? o->batch : 1;
    s->training = o->training;
    s->tokens = vit_config_prefix(&m->config) + patches;
    s->kern = (struct kern_ctx){ .k = &m->kern, .threads = o->threads > 0 ? o->threads : kern_cpu_cores() };
    s->kern.team = kern_team_create();
    if (!s->kern.team) {
        vit_session_close(s);
        return vit_fail(err, VIT_ERR_NOMEM, "session: cannot allocate its team");
    }
    if (s->training && !m->trainable)
        status = vit_fail(err, VIT_ERR_ARG, "%s: was not opened for training", m->path);
    else if (o->batch < 0 || o->threads < 0)
        status = vit_fail(err, VIT_ERR_ARG, "session: batch %d, threads %d: expected 0 (the default) or more",
                          o->batch, o->threads);
    else if (s->kern.threads > VIT_MOST_THREADS)
        status = vit_fail(err, VIT_ERR_ARG, "session: %d threads, expected at most %d", s->kern.threads,
                          VIT_MOST_THREADS);
    else if (s->batch > INT_MAX / s->tokens) /* rows of a product are counted in an int */
        status = vit_fail(err, VIT_ERR_ARG, "session: a batch of %d pictures of %d tokens is too large",
                          s->batch, s->tokens);
    else
        status = plan_memory(s, err);
    if (status) {
        vit_session_close(s);
        return status;
    }
    *out = s;
    return VIT_OK;
}

void vit_session_close(struct vit_session *s)
{
    if (!s) return;
    kern_team_destroy(s->kern.team);
    vit_arena_free(&s->arena);
    free(s->trace);
    free(s);
}

size_t vit_session_bytes(const struct vit_session *s)
{
    return s->arena.size;
}

int vit_session_threads(const struct vit_session *s)
{
    return s->kern.threads;
}

int vit_session_batch(const struct vit_session *s)
{
    return s->batch;
}

bool vit_session_piece(const struct vit_session *s, int i, const char **name, size_t *bytes)
{
    if (i < 0 || i >= s->pieces) return false;
    *name = s->piece[i].name;
    *bytes = s->piece[i].bytes;
    return true;
}

struct vit_block_call vit_session_call(const struct vit_session *s, int block, int n)
{
    const struct vit_model *m = s->model;
    struct kern_drop drop = s->attn_drop;

    drop.key = vit_key(drop.key, (uint64_t)block);
    return (struct vit_block_call){
        .config = &m->config,
        .kern = &s->kern,
        .params = &m->params.block[block],
        .mats = &m->mats.block[block],
        .trace = &s->trace[block],
        .scratch = &s->scratch,
        .block = block,
        .n = n,
        .tokens = s->tokens,
        .attn_drop = drop,
        .tap = s->tap,
        .training = s->training,
    };
}
