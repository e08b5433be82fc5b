/* From what a probe has kept and summed to the numbers of each block and of the network. */
#include <math.h>

#include "vit/config.h"
#include "vit/probe_parts.h"
#include "vit/tokens.h"

static void finish_gradients(struct vit_probe *p, int i)
{
    const struct vit_config *c = &p->model->config;
    const struct vit_block_params *g = &p->grads->params.block[i];
    const size_t d = (size_t)c->width, hidden = (size_t)c->hidden;
    const struct {
        const float *at;
        size_t count;
    } matrices[] = {
        [VIT_PROBE_Q] = { g->qkv.weight, d * d },
        [VIT_PROBE_K] = { g->qkv.weight + d * d, d * d },
        [VIT_PROBE_V] = { g->qkv.weight + 2 * d * d, d * d },
        [VIT_PROBE_O] = { g->proj.weight, d * d },
        [VIT_PROBE_W1] = { g->fc1.weight, (size_t)vit_up_rows(c) * d },
        [VIT_PROBE_W2] = { g->fc2.weight, d * hidden },
    };
    _Static_assert(VIT_COUNT(matrices) == VIT_PROBE_MATRICES, "a matrix is missing");

    for (int m = 0; m < VIT_PROBE_MATRICES; m++)
        p->block[i].grad[m] = sqrt(vit_tokens_squares(matrices[m].at, matrices[m].count, NULL));
}

static void finish_attention(struct vit_probe *p, int i)
{
    enum { ONE_HOT_TENTHS = 1 }; /* entropy below 0.1 */
    const struct vit_config *c = &p->model->config;
    const double queries = (double)p->options.pictures * p->session->tokens;
    const double most = log((double)p->session->tokens); /* 0 for one token: 0 / 0 says so */
    struct vit_probe_block *b = &p->block[i];
    double *entropy = p->entropy + (size_t)i * (size_t)c->heads;

    for (int h = 0; h < c->heads; h++) {
        entropy[h] /= queries * most;
        b->entropy += entropy[h] / c->heads;
        b->one_hot += entropy[h] * 10 < ONE_HOT_TENTHS ? 1.0 / c->heads : 0;
    }
    if (isnan(b->entropy)) b->one_hot = NAN;
    b->head_entropy = entropy;
}

/* Cosines and rank of stream i (0: the entry), means over pictures. */
static void alike(struct vit_probe *p, int i, double *cosine, double *rank)
{
    const int n = p->options.pictures, t = p->session->tokens, d = p->model->config.width;

    *cosine = *rank = 0;
    for (int picture = 0; picture < n; picture++) {
        const float *x = stream_at(p, i, picture);
        *cosine += vit_tokens_cosine(x, t, d, p->work) / n;
        *rank += vit_tokens_rank(x, t, d, p->work) / n;
    }
}

static double rms_of(const struct vit_probe *p, double squares)
{
    return sqrt(squares / ((double)p->options.pictures * (double)stream_floats(p)));
}

static void finish_stream(struct vit_probe *p, int i)
{
    const int n = p->options.pictures, m = n * p->session->tokens, d = p->model->config.width;
    const float *stream = stream_at(p, i + 1, 0);
    const struct vit_probe_sums *s = &p->sums[i];
    struct vit_probe_block *b = &p->block[i];
    double *angle = p->angle + (size_t)i * (size_t)p->model->config.depth;

    b->middle_rms = rms_of(p, s->middle);
    b->stream_rms = rms_of(p, vit_tokens_squares(stream, (size_t)n * stream_floats(p), &b->stream_max));
    for (int half = 0; half < VIT_PROBE_HALVES; half++) {
        b->branch_rms[half] = rms_of(p, s->branch[half]);
        b->share[half] = sqrt(s->branch[half] / s->skip[half]);
        b->branch_share += b->share[half] / VIT_PROBE_HALVES;
    }
    alike(p, i + 1, &b->token_cosine, &b->rank);
    for (int j = 0; j <= i; j++)
        b->layer_cosine = vit_tokens_between(&angle[j], stream_at(p, j, 0), stream, m, d);
    b->angle = angle;
}

void vit_probe_finish(struct vit_probe *p)
{
    const size_t count = (size_t)p->options.pictures * stream_floats(p);

    p->network.entry_rms = rms_of(p, vit_tokens_squares(stream_at(p, 0, 0), count, NULL));
    alike(p, 0, &p->network.entry_cosine, &p->network.entry_rank);
    for (int i = 0; i < p->model->config.depth; i++) {
        finish_gradients(p, i);
        finish_attention(p, i);
        finish_stream(p, i);
    }
}

static double relative_change(double changed, const float *before, size_t count)
{
    return sqrt(changed / vit_tokens_squares(before, count, NULL));
}

void vit_probe_finish_changes(struct vit_probe *p, bool all)
{
    const struct vit_config *c = &p->model->config;
    const size_t count = (size_t)p->options.pictures * stream_floats(p);
    const double logits =
        relative_change(p->logits_changed, p->logits, (size_t)p->options.pictures * (size_t)c->classes);

    *(all ? &p->network.logits_steps_change : &p->network.logits_change) = logits;
    for (int i = 0; i < c->depth; i++) {
        struct vit_probe_block *b = &p->block[i];
        const double change = relative_change(p->sums[i].changed, stream_at(p, i + 1, 0), count);
        *(all ? &b->steps_change : &b->step_change) = change;
    }
}
