#include "vit/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vit/gradients.h"
#include "vit/loss.h"

struct backward {
    struct vit_session *s;
    const struct vit_params *grads;
};

static void backward(void *arg)
{
    const struct backward *b = arg;
    struct vit_session *s = b->s;
    float *dstream = s->ends.dstream;

    vit_readout_backward(s, b->grads, s->stream, dstream, s->n);
    for (int i = s->model->config.depth - 1; i >= 0; i--) {
        const struct vit_block_call call = vit_session_call(s, i, s->n);
        vit_block_backward(&call, &b->grads->block[i], dstream);
    }
    vit_embed_backward(s, b->grads, dstream, s->n);
}

void vit_session_backward(struct vit_session *s, const struct vit_params *grads)
{
    struct backward b = { s, grads };

    assert(s->training);
    kern_team_run(&s->kern, backward, &b);
}

enum vit_status vit_gradients_create_any(struct vit_gradients **out, const struct vit_model *m,
                                         struct vit_error *err)
{
    struct vit_gradients *g = calloc(1, sizeof *g);
    enum vit_status status;

    *out = NULL;
    if (g) g->block = calloc((size_t)m->config.depth, sizeof *g->block);
    if (!g || !g->block) {
        vit_gradients_close(g);
        return vit_fail(err, VIT_ERR_NOMEM, "gradients: cannot allocate their tables");
    }
    vit_arena_take(&g->arena, m->arena_floats, sizeof(float));
    status = vit_arena_alloc(&g->arena, "gradients", err);
    if (status) {
        vit_gradients_close(g);
        return status;
    }
    g->floats = m->arena_floats;
    g->values = vit_arena_take(&g->arena, m->arena_floats, sizeof(float));
    vit_params_point(&g->params, g->block, m, g->values);
    g->slots = m->slots;
    g->slot_count = m->slot_count;
    *out = g;
    return VIT_OK;
}

enum vit_status vit_gradients_check(const struct vit_model *m, struct vit_error *err)
{
    for (int i = 0; i < m->slot_count; i++)
        if (m->slots[i].buffer)
            return vit_fail(err, VIT_ERR_UNSUPPORTED,
                            "%s: the stem has batch norm (\"%s\"): it can be used, but not trained", m->path,
                            m->slots[i].name);
    return VIT_OK;
}

enum vit_status vit_gradients_create(struct vit_gradients **out, const struct vit_model *m,
                                     struct vit_error *err)
{
    enum vit_status status = vit_gradients_check(m, err);

    *out = NULL;
    return status ? status : vit_gradients_create_any(out, m, err);
}

void vit_gradients_close(struct vit_gradients *g)
{
    if (!g) return;
    vit_arena_free(&g->arena);
    free(g->block);
    free(g);
}

void vit_gradients_zero(struct vit_gradients *g)
{
    memset(g->values, 0, g->floats * sizeof *g->values);
}

const float *vit_gradients_get(const struct vit_gradients *g, int i)
{
    assert(i >= 0 && i < g->slot_count);
    return g->values + g->slots[i].offset;
}

double vit_backward(struct vit_session *s, const int *labels, int n, struct vit_gradients *grads)
{
    const struct vit_targets targets = { .label = labels, .smoothing = 0 };
    double loss;

    assert(n > 0 && n == s->n);
    loss = vit_cross_entropy(s->ends.dlogits, s->ends.logits, &targets, n, s->model->config.classes, n);
    vit_session_backward(s, &grads->params);
    return loss;
}
