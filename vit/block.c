#include "vit/block.h"

#include <math.h>
#include <string.h>

/* ---- shared by both directions ---- */

static int rows_of(const struct vit_block_call *call)
{
    return call->n * call->tokens;
}

static struct kern_norm norm_of(const struct vit_block_call *call, const struct vit_norm_params *p)
{
    return vit_norm_of(call->config, p);
}

static struct kern_rows plain_rows(const struct vit_block_call *call)
{
    return vit_rows_of(rows_of(call), call->config->width);
}

/* The query (0) or key (1) vectors inside qkv. */
static struct kern_rows head_rows(const struct vit_block_call *call)
{
    const struct vit_config *c = call->config;
    const size_t ld = 3 * (size_t)c->width;

    return (struct kern_rows){ rows_of(call), c->heads, c->width / c->heads, ld, ld };
}

struct kern_heads vit_block_heads(const struct vit_block_call *call)
{
    const struct vit_config *c = call->config;
    const int e = c->width / c->heads;

    return (struct kern_heads){ call->n, call->tokens, c->heads, e, 1 / sqrtf((float)e) };
}

const struct vit_step_trace *vit_block_attention(const struct vit_block_call *call)
{
    const struct vit_step *steps = vit_block_steps(&call->config->norm, call->block, call->config->depth);
    int at = 0;

    while (steps[at].op != VIT_OP_ATTN) at++;
    return &call->trace->step[at];
}

static const struct kern_drop *drop_of(const struct vit_block_call *call)
{
    return call->training && call->attn_drop.rate > 0 ? &call->attn_drop : NULL;
}

/* hid (m, hidden) from up: the activation, or the gated unit. */
static void activate(const struct vit_block_call *call, float *hid, const float *up)
{
    const struct vit_config *c = call->config;

    if (c->glu)
        kern_glu(call->kern, hid, up, rows_of(call), c->hidden, c->act);
    else
        kern_act(call->kern, hid, up, (size_t)rows_of(call) * (size_t)c->hidden, c->act);
}

/* ---- forward ---- */

/* The values of a block on their way down the table. */
struct flow {
    float *stream, *branch;
    int halves; /* JOINs passed: which drop-path factors apply */
};

/* Where a branch goes when nothing keeps it: the scratch buffer that the branch is not in. */
static float *free_branch(const struct vit_block_call *call, const struct flow *f)
{
    return call->scratch->branch[f->branch == call->scratch->branch[0]];
}

/* q and k normalised head by head; in inference in place. */
static void norm_heads(const struct vit_block_call *call, struct vit_step_trace *t)
{
    const struct kern_rows rows = head_rows(call);
    const size_t d = (size_t)call->config->width;

    if (t->qkv_normed != t->qkv) memcpy(t->qkv_normed, t->qkv, (size_t)rows.m * 3 * d * sizeof(float));
    for (int i = 0; i < 2; i++) {
        const struct kern_norm n = norm_of(call, &call->params->qk[i]);
        kern_norm(call->kern, t->qkv_normed + (size_t)i * d, t->qk_stat[i], t->qkv + (size_t)i * d, &n,
                  &rows);
    }
}

/* ctx = attention of the branch, up to the projection. */
static void attend(const struct vit_block_call *call, struct vit_step_trace *t, const float *in)
{
    const struct kern_epilogue bias = { .bias = call->params->qkv.bias };
    const struct kern_heads heads = vit_block_heads(call);

    kern_linear(call->kern, t->qkv, in, &call->mats->qkv, &bias, rows_of(call));
    if (call->config->norm.qk) norm_heads(call, t);
    kern_attend(call->kern, call->mats->qkv.dtype, t->ctx, t->prob, t->qkv_normed, &heads, drop_of(call));
}

/* The scratch's hid = hidden layer of the MLP; up is kept for the backward in training. */
static void mlp_hidden(const struct vit_block_call *call, struct vit_step_trace *t, const float *in)
{
    struct kern_epilogue e = { .bias = call->params->fc1.bias };

    if (call->config->glu) {
        kern_linear(call->kern, t->up, in, &call->mats->fc1, &e, rows_of(call));
        activate(call, call->scratch->hid, t->up);
        return;
    }
    e.act = call->config->act;
    e.pre = call->training ? t->up : NULL;
    kern_linear(call->kern, call->scratch->hid, in, &call->mats->fc1, &e, rows_of(call));
}

/* The steps from the one that ends in a product (ATTN, MLP) to its JOIN, when they can be one call:
 * product, bias, scale and sum. Returns the JOIN's step, or NULL when a value in between is needed. */
static const struct vit_step *fused_join(const struct vit_block_call *call, const struct vit_step *step)
{
    const struct vit_step *next = step + 1;

    if (call->tap) return NULL;
    if (call->training && (next->op == VIT_OP_SCALE_BRANCH || call->trace->drop[0])) return NULL;
    if (next->op == VIT_OP_SCALE_BRANCH) next++;
    return vit_op_joins(next->op) ? next : NULL;
}

/* out = hidden values (m, k) times a weight, and whatever follows up to the JOIN. Returns the last step
 * done. */
static const struct vit_step *project(const struct vit_block_call *call, struct flow *f,
                                      const struct vit_step *steps, const struct vit_step *step,
                                      const float *x, const struct kern_mat *w, const float *bias)
{
    struct vit_step_trace *t = &call->trace->step[step - steps];
    const struct vit_step *join = fused_join(call, step);
    struct kern_epilogue e = { .bias = bias };

    if (!join) {
        float *out = t->out ? t->out : free_branch(call, f);
        kern_linear(call->kern, out, x, w, &e, rows_of(call));
        f->branch = out;
        return step;
    }
    if (join > step + 1) {
        e.gain = call->params->scale[step[1].index];
        e.gain_n = vit_placement_scale_size(&call->config->norm, call->config->width);
    }
    e.skip = f->stream;
    e.skip_scale = join->op == VIT_OP_JOIN_ALPHA ? vit_placement_alpha(call->config->depth) : 1;
    float *out = call->trace->step[join - steps].out ? call->trace->step[join - steps].out : f->stream;
    kern_linear(call->kern, out, x, w, &e, rows_of(call));
    f->stream = out;
    f->halves++;
    return join;
}

static void join(const struct vit_block_call *call, struct flow *f, const struct vit_step *step,
                 struct vit_step_trace *t)
{
    const struct vit_config *c = call->config;
    const float alpha = step->op == VIT_OP_JOIN_ALPHA ? vit_placement_alpha(c->depth) : 1;
    float *out = t->out ? t->out : f->stream;

    if (call->training && call->trace->drop[f->halves])
        kern_row_scale(call->kern, f->branch, call->trace->drop[f->halves], call->n,
                       (size_t)call->tokens * (size_t)c->width);
    kern_add(call->kern, out, f->stream, alpha, f->branch, NULL, 0, rows_of(call), c->width);
    f->stream = out;
    f->halves++;
}

static void norm(const struct vit_block_call *call, float **value, float *out, const struct vit_step *step,
                 struct vit_step_trace *t)
{
    const struct kern_norm n = norm_of(call, &call->params->norm[step->index]);
    const struct kern_rows rows = plain_rows(call);

    kern_norm(call->kern, out, t->stat, *value, &n, &rows);
    *value = out;
}

/* One step; returns the last step it did (a fused product does several). */
static const struct vit_step *forward_step(const struct vit_block_call *call, struct flow *f,
                                           const struct vit_step *steps, const struct vit_step *step)
{
    struct vit_step_trace *t = &call->trace->step[step - steps];
    const struct vit_block_params *p = call->params;
    float *out;

    t->in = step->op == VIT_OP_NORM_STREAM || vit_op_joins(step->op) ? f->stream : f->branch;
    switch (step->op) {
    case VIT_OP_FORK: f->branch = f->stream; break;
    case VIT_OP_JOIN:
    case VIT_OP_JOIN_ALPHA: join(call, f, step, t); break;
    case VIT_OP_ATTN:
        attend(call, t, f->branch);
        return project(call, f, steps, step, t->ctx, &call->mats->proj, p->proj.bias);
    case VIT_OP_MLP:
        mlp_hidden(call, t, f->branch);
        return project(call, f, steps, step, call->scratch->hid, &call->mats->fc2, p->fc2.bias);
    case VIT_OP_NORM_BRANCH: norm(call, &f->branch, t->out ? t->out : free_branch(call, f), step, t); break;
    case VIT_OP_NORM_STREAM: norm(call, &f->stream, t->out ? t->out : f->stream, step, t); break;
    case VIT_OP_SCALE_BRANCH:
        out = t->out ? t->out : free_branch(call, f);
        kern_add(call->kern, out, NULL, 0, f->branch, p->scale[step->index],
                 vit_placement_scale_size(&call->config->norm, call->config->width), rows_of(call),
                 call->config->width);
        f->branch = out;
        break;
    default: break;
    }
    return step;
}

static void show(const struct vit_block_call *call, const struct flow *f, const struct vit_step *step)
{
    if (call->tap) call->tap->see(call->tap->arg, call, step, f->stream, f->branch);
}

float *vit_block_forward(const struct vit_block_call *call, float *stream)
{
    const struct vit_step *steps = vit_block_steps(&call->config->norm, call->block, call->config->depth);
    const struct vit_step *s = steps;
    struct flow f = { .stream = stream };

    for (; s->op != VIT_OP_END; s++) {
        show(call, &f, s);
        s = forward_step(call, &f, steps, s);
    }
    show(call, &f, s);
    return f.stream;
}

/* ---- backward: the adjoint of every step, from the end ---- */

/* Gradient of a product y = x w^T + b: dx, dw and, where there is a b, db. */
static void product_back(const struct vit_block_call *call, float *dx, const struct vit_linear_params *grads,
                         const float *dout, const float *x, const struct kern_mat *w)
{
    const int m = rows_of(call);

    kern_linear_dw(call->kern, w->dtype, grads->weight, grads->bias, dout, x, m, w->n, w->k);
    kern_linear_dx(call->kern, dx, dout, w, m);
}

static void heads_back(const struct vit_block_call *call, const struct vit_block_params *grads, float *dqkv,
                       const struct vit_step_trace *t)
{
    const struct kern_rows rows = head_rows(call);
    const size_t d = (size_t)call->config->width;

    for (int i = 0; i < 2; i++) {
        const struct kern_norm n = norm_of(call, &call->params->qk[i]);
        const struct kern_dnorm dn = { grads->qk[i].gain, grads->qk[i].bias, grads->qk[i].alpha };
        float *part = dqkv + (size_t)i * d;
        kern_norm_back(call->kern, part, &dn, part, t->qkv + (size_t)i * d, t->qk_stat[i], &n, &rows);
    }
}

static void attend_back(const struct vit_block_call *call, const struct vit_block_params *grads,
                        float *dbranch, const struct vit_step_trace *t)
{
    const struct kern_heads heads = vit_block_heads(call);
    float *dctx = call->scratch->wide[0], *dqkv = call->scratch->wide[1];

    product_back(call, dctx, &grads->proj, dbranch, t->ctx, &call->mats->proj);
    kern_attend_back(call->kern, dqkv, dctx, t->prob, t->qkv_normed, &heads, drop_of(call));
    if (call->config->norm.qk) heads_back(call, grads, dqkv, t);
    product_back(call, dbranch, &grads->qkv, dqkv, t->in, &call->mats->qkv);
}

static void mlp_back(const struct vit_block_call *call, const struct vit_block_params *grads, float *dbranch,
                     const struct vit_step_trace *t)
{
    const struct vit_config *c = call->config;
    float *dhid = call->scratch->wide[0], *dup = call->scratch->wide[1];

    activate(call, call->scratch->hid, t->up);
    product_back(call, dhid, &grads->fc2, dbranch, call->scratch->hid, &call->mats->fc2);
    if (c->glu)
        kern_glu_back(call->kern, dup, dhid, t->up, rows_of(call), c->hidden, c->act);
    else
        kern_act_back(call->kern, dup, dhid, t->up, (size_t)rows_of(call) * (size_t)c->hidden, c->act);
    product_back(call, dbranch, &grads->fc1, dup, t->in, &call->mats->fc1);
}

static void norm_back(const struct vit_block_call *call, const struct vit_block_params *grads, float *dvalue,
                      const struct vit_step *step, const struct vit_step_trace *t)
{
    const struct kern_norm n = norm_of(call, &call->params->norm[step->index]);
    const struct vit_norm_params *g = &grads->norm[step->index];
    const struct kern_dnorm dn = { g->gain, g->bias, g->alpha };
    const struct kern_rows rows = plain_rows(call);

    kern_norm_back(call->kern, dvalue, &dn, dvalue, t->in, t->stat, &n, &rows);
}

/* dbranch = dstream (times the drop-path factor); dstream *= alpha. */
static void join_back(const struct vit_block_call *call, float *dstream, float *dbranch,
                      const struct vit_step *step, int half)
{
    const struct vit_config *c = call->config;
    const size_t image = (size_t)call->tokens * (size_t)c->width;
    const float alpha = vit_placement_alpha(c->depth);

    kern_add(call->kern, dbranch, NULL, 0, dstream, NULL, 0, rows_of(call), c->width);
    if (call->trace->drop[half]) kern_row_scale(call->kern, dbranch, call->trace->drop[half], call->n, image);
    if (step->op == VIT_OP_JOIN_ALPHA)
        kern_add(call->kern, dstream, NULL, 0, dstream, &alpha, 1, rows_of(call), c->width);
}

void vit_block_backward(const struct vit_block_call *call, const struct vit_block_params *grads,
                        float *dstream)
{
    const struct vit_step *steps = vit_block_steps(&call->config->norm, call->block, call->config->depth);
    float *dbranch = call->scratch->dbranch;
    const int width = call->config->width;
    int last = 0, half = 2;

    while (steps[last].op != VIT_OP_END) last++;
    for (int i = last - 1; i >= 0; i--) {
        const struct vit_step_trace *t = &call->trace->step[i];

        switch (steps[i].op) {
        case VIT_OP_JOIN:
        case VIT_OP_JOIN_ALPHA: join_back(call, dstream, dbranch, &steps[i], --half); break;
        case VIT_OP_FORK:
            kern_add(call->kern, dstream, dstream, 1, dbranch, NULL, 0, rows_of(call), width);
            break;
        case VIT_OP_ATTN: attend_back(call, grads, dbranch, t); break;
        case VIT_OP_MLP: mlp_back(call, grads, dbranch, t); break;
        case VIT_OP_NORM_BRANCH: norm_back(call, grads, dbranch, &steps[i], t); break;
        case VIT_OP_NORM_STREAM: norm_back(call, grads, dstream, &steps[i], t); break;
        case VIT_OP_SCALE_BRANCH:
            kern_add_back(call->kern, dbranch, grads->scale[steps[i].index], dbranch, t->in,
                          call->params->scale[steps[i].index],
                          vit_placement_scale_size(&call->config->norm, width), rows_of(call), width);
            break;
        default: break;
        }
    }
}
