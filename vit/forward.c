#include "vit/session.h"

#include <assert.h>

#include "vit/watch.h"

/* planes -> tokens -> blocks -> logits. */
const float *vit_forward(struct vit_session *s, const float *planes, int n)
{
    float *stream;

    assert(n > 0 && n <= s->batch);
    stream = vit_embed(s, planes, n);
    if (s->watch)
        vit_watch_values(s->watch, stream, n, (size_t)s->tokens * (size_t)s->model->config.width,
                         "the embedding");
    for (int i = 0; i < s->model->config.depth; i++) {
        const struct vit_block_call call = vit_session_call(s, i, n);
        stream = vit_block_forward(&call, stream);
    }
    s->stream = stream;
    s->n = n;
    vit_readout(s, stream, n);
    return s->ends.logits;
}

const float *vit_features(const struct vit_session *s)
{
    return s->ends.features;
}
