/* Looking at every value of a forward, for the first that is not a finite number. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vit/session.h"

/* values (n, each): for pictures without trouble so far, the first infinity or NaN, made by what format
 * says. */
VIT_PRINTF(5, 6)
static void look(struct vit_trouble *trouble, const float *values, int n, size_t each, const char *format,
                 ...)
{
    for (int i = 0; i < n; i++) {
        const float *v = values + (size_t)i * each;
        va_list args;
        size_t j = 0;

        while (!trouble[i].found && j < each && isfinite(v[j])) j++;
        if (trouble[i].found || j == each) continue;
        trouble[i].found = true;
        trouble[i].value = v[j];
        va_start(args, format);
        vsnprintf(trouble[i].where, sizeof trouble[i].where, format, args);
        va_end(args);
    }
}

/* What a step is called, and whether it writes the stream or the branch; a fork copies nothing. */
static const struct {
    const char *name;
    bool stream;
} STEPS[VIT_OPS] = {
    [VIT_OP_JOIN] = { "residual sum", true },       [VIT_OP_JOIN_ALPHA] = { "residual sum", true },
    [VIT_OP_ATTN] = { "attention", false },         [VIT_OP_MLP] = { "MLP", false },
    [VIT_OP_NORM_BRANCH] = { "norm", false },       [VIT_OP_NORM_STREAM] = { "norm", true },
    [VIT_OP_SCALE_BRANCH] = { "LayerScale", false }
};

static bool is_norm(enum vit_op op)
{
    return op == VIT_OP_NORM_BRANCH || op == VIT_OP_NORM_STREAM;
}

/* In front of a step: what the one before it wrote, or the embedding. */
static void see(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                const float *stream, const float *branch)
{
    static const char *const NORMS[VIT_NORMS] = { "norm1", "norm2", "norm1_out", "norm2_out" };
    const struct vit_step *first = vit_block_steps(&call->config->norm, call->block, call->config->depth);
    const size_t each = (size_t)call->tokens * (size_t)call->config->width;
    const struct vit_step *done = step - 1;

    if (step == first) {
        if (!call->block) look(arg, stream, call->n, each, "the embedding");
        return;
    }
    if (!STEPS[done->op].name) return;
    look(arg, STEPS[done->op].stream ? stream : branch, call->n, each, "the %s of block %d",
         is_norm(done->op) ? NORMS[done->index] : STEPS[done->op].name, call->block);
}

const float *vit_forward_watched(struct vit_session *s, const float *planes, int n,
                                 struct vit_trouble *trouble)
{
    const size_t classes = (size_t)s->model->config.classes;
    const struct vit_tap tap = { see, trouble }, *before = s->tap;
    const float *logits;

    for (int i = 0; i < n; i++) trouble[i] = (struct vit_trouble){ .found = false };
    look(trouble, planes, n, vit_model_input_floats(s->model), "the pixels");
    s->tap = &tap;
    logits = vit_forward(s, planes, n);
    s->tap = before;
    look(trouble, logits, n, classes, "the head");
    return logits;
}

static enum vit_status check_values(const struct vit_model *m, const struct vit_parameter *p,
                                    const float *values, struct vit_error *err)
{
    size_t first = 0, wrong = 0;

    for (size_t j = p->count; j-- > 0;)
        if (!isfinite(values[j])) first = j, wrong++;
    if (!wrong) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" holds %g at %zu, %zu of its %zu values are not finite",
                    m->path, p->name, (double)values[first], first, wrong, p->count);
}

enum vit_status vit_model_check(const struct vit_model *m, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; !status && i < m->slot_count; i++) {
        const struct vit_parameter p = vit_model_parameter(m, i);
        float *unpacked = p.values ? NULL : malloc(p.count * sizeof *unpacked);

        if (unpacked) vit_model_read(m, i, unpacked);
        if (!p.values && !unpacked)
            status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to look at \"%s\"", m->path, p.name);
        else
            status = check_values(m, &p, p.values ? p.values : unpacked, err);
        free(unpacked);
    }
    return status;
}
