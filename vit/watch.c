#include "vit/watch.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "vit/session.h"

void vit_watch_values(struct vit_trouble *watch, const float *values, int n, size_t each, const char *format,
                      ...)
{
    for (int i = 0; i < n; i++) {
        const float *v = values + (size_t)i * each;
        va_list args;
        size_t j = 0;

        while (!watch[i].found && j < each && isfinite(v[j])) j++;
        if (watch[i].found || j == each) continue;
        watch[i].found = true;
        watch[i].value = v[j];
        va_start(args, format);
        vsnprintf(watch[i].where, sizeof watch[i].where, format, args);
        va_end(args);
    }
}

void vit_watch_step(const struct vit_block_call *call, const struct vit_step *step, const float *value)
{
    static const char *const NAMES[VIT_OPS] = {
        [VIT_OP_JOIN] = "residual sum",      [VIT_OP_JOIN_ALPHA] = "residual sum",
        [VIT_OP_ATTN] = "attention",         [VIT_OP_MLP] = "MLP",
        [VIT_OP_NORM_BRANCH] = "norm",       [VIT_OP_NORM_STREAM] = "norm",
        [VIT_OP_SCALE_BRANCH] = "LayerScale"
    };
    static const char *const NORMS[VIT_NORMS] = { "norm1", "norm2", "norm1_out", "norm2_out" };
    const bool norm = step->op == VIT_OP_NORM_BRANCH || step->op == VIT_OP_NORM_STREAM;

    if (!NAMES[step->op]) return; /* FORK copies nothing */
    vit_watch_values(call->watch, value, call->n, (size_t)call->tokens * (size_t)call->config->width,
                     "the %s of block %d", norm ? NORMS[step->index] : NAMES[step->op], call->block);
}

const float *vit_forward_watched(struct vit_session *s, const float *planes, int n,
                                 struct vit_trouble *trouble)
{
    const size_t classes = (size_t)s->model->config.classes;
    const float *logits;

    for (int i = 0; i < n; i++) trouble[i] = (struct vit_trouble){ .found = false };
    vit_watch_values(trouble, planes, n, vit_model_input_floats(s->model), "the pixels");
    s->watch = trouble;
    logits = vit_forward(s, planes, n);
    s->watch = NULL;
    vit_watch_values(trouble, logits, n, classes, "the head");
    return logits;
}

enum vit_status vit_model_check(const struct vit_model *m, struct vit_error *err)
{
    for (int i = 0; i < m->slot_count; i++) {
        const struct vit_parameter p = vit_model_parameter(m, i);
        size_t first = 0, wrong = 0;

        for (size_t j = p.count; j-- > 0;)
            if (!isfinite(p.values[j])) first = j, wrong++;
        if (wrong)
            return vit_fail(err, VIT_ERR_FORMAT,
                            "%s: \"%s\" holds %g at %zu, %zu of its %zu values are not finite", m->path,
                            p.name, (double)p.values[first], first, wrong, p.count);
    }
    return VIT_OK;
}
