#include "vit/session.h"

#include <assert.h>

struct forward {
    struct vit_session *s;
    const float *planes;
    int n;
};

/* planes -> tokens -> blocks -> logits. */
static void forward(void *arg)
{
    const struct forward *f = arg;
    struct vit_session *s = f->s;
    float *stream = vit_embed(s, f->planes, f->n);

    for (int i = 0; i < s->model->config.depth; i++) {
        const struct vit_block_call call = vit_session_call(s, i, f->n);
        stream = vit_block_forward(&call, stream);
    }
    s->stream = stream;
    s->n = f->n;
    vit_readout(s, stream, f->n);
}

const float *vit_forward(struct vit_session *s, const float *planes, int n)
{
    struct forward f = { s, planes, n };

    assert(n >= 0 && n <= s->batch);
    if (n > 0) kern_team_run(&s->kern, forward, &f);
    return s->ends.logits;
}

const float *vit_features(const struct vit_session *s)
{
    return s->ends.features;
}
