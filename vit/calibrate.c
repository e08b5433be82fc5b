/* Scales for the activations that int8 products read, fixed from what pictures give: the largest |x| of every
 * product becomes 127. The scale with the least squared error, which holds the largest numbers, answers worse
 * (kernels/README.md): few numbers are large, and they matter. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "vit/session.h"

struct vit_calibration {
    int products;   /* of all blocks */
    float *largest; /* (products): |x| */
};

enum vit_status vit_calibration_create(struct vit_calibration **out, const struct vit_model *m,
                                       struct vit_error *err)
{
    struct vit_calibration *c = calloc(1, sizeof *c);

    *out = NULL;
    if (c) {
        c->products = m->config.depth * VIT_BLOCK_PRODUCTS;
        c->largest = calloc((size_t)c->products, sizeof *c->largest);
    }
    if (!c || !c->largest) {
        vit_calibration_close(c);
        return vit_fail(err, VIT_ERR_NOMEM, "calibration: cannot allocate its tables");
    }
    *out = c;
    return VIT_OK;
}

void vit_calibration_close(struct vit_calibration *c)
{
    if (!c) return;
    free(c->largest);
    free(c);
}

/* Infinities and NaN are no sizes. */
static void raise_to(float *largest, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabsf(x[i]) > *largest && isfinite(x[i])) *largest = fabsf(x[i]);
}

/* In front of ATTN and MLP stands what their first product reads; behind them, what their last one read. */
static void see(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                const float *stream, const float *branch)
{
    const struct vit_calibration *c = arg;
    const struct vit_step *first = vit_block_steps(&call->config->norm, call->block, call->config->depth);
    const int done = (int)(step - first) - 1;
    float *of_block = c->largest + (size_t)call->block * VIT_BLOCK_PRODUCTS;
    const size_t rows = (size_t)call->n * (size_t)call->tokens, d = (size_t)call->config->width;

    (void)stream;
    if (step->op == VIT_OP_ATTN) raise_to(&of_block[VIT_PRODUCT_QKV], branch, rows * d);
    if (step->op == VIT_OP_MLP) raise_to(&of_block[VIT_PRODUCT_FC1], branch, rows * d);
    if (done < 0) return;
    if (first[done].op == VIT_OP_ATTN)
        raise_to(&of_block[VIT_PRODUCT_PROJ], call->trace->step[done].ctx, rows * d);
    if (first[done].op == VIT_OP_MLP)
        raise_to(&of_block[VIT_PRODUCT_FC2], call->scratch->hid, rows * (size_t)call->config->hidden);
}

void vit_calibration_add(struct vit_calibration *c, struct vit_session *s, const float *planes, int n)
{
    const struct vit_tap tap = { see, c }, *before = s->tap;

    assert(c->products == s->model->config.depth * VIT_BLOCK_PRODUCTS && s->model->dtype == KERN_F32);
    s->tap = &tap;
    vit_forward(s, planes, n);
    s->tap = before;
}

void vit_calibration_apply(const struct vit_calibration *c, struct vit_model *m)
{
    assert(c->products == m->config.depth * VIT_BLOCK_PRODUCTS);
    for (int i = 0; i < c->products; i++) {
        const float scale = c->largest[i] / KERN_I8_MOST;

        vit_model_fix_scale(m, i, kern_scale_fits(scale) ? scale : 0);
    }
}
