#include "tools/grads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/model.h"

static enum vit_status allocate_sums(struct grads *g, int count, struct vit_error *err)
{
    g->sum = calloc((size_t)count, sizeof *g->sum);
    for (int i = 0; g->sum && i < count; i++) {
        struct vit_parameter p = vit_model_parameter(g->model, i);
        g->sum[i] = calloc(p.count, sizeof *g->sum[i]);
        if (!g->sum[i])
            return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the gradient of %s, %zu floats", p.name,
                            p.count);
    }
    return g->sum ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "cannot allocate a list of %d gradients", count);
}

enum vit_status grads_create(struct grads *g, const struct vit_model *m, struct vit_error *err)
{
    enum vit_status status;

    *g = (struct grads){ .model = m };
    status = vit_gradients_create(&g->batch, m, err);
    if (!status) status = allocate_sums(g, vit_model_parameter_count(m), err);
    if (status) grads_free(g);
    return status;
}

void grads_free(struct grads *g)
{
    for (int i = 0; g->sum && i < vit_model_parameter_count(g->model); i++) free(g->sum[i]);
    free(g->sum);
    vit_gradients_close(g->batch);
    *g = (struct grads){ 0 };
}

void grads_add(struct grads *g, struct vit_session *s, const int *labels, int n, size_t total)
{
    const double share = (double)n / (double)total; /* vit_backward gives the mean over its n */

    vit_gradients_zero(g->batch);
    g->loss += share * vit_backward(s, labels, n, g->batch);
    for (int i = 0; i < vit_model_parameter_count(g->model); i++) {
        const size_t count = vit_model_parameter(g->model, i).count;
        const float *add = vit_gradients_get(g->batch, i);
        for (size_t k = 0; k < count; k++) g->sum[i][k] += (float)(share * (double)add[k]);
    }
}

/* ---- names of the file ---- */

static enum vit_status add_entry(struct grads_tensors *t, const char *name, int rank, const int64_t *shape,
                                 size_t count, float **data, struct vit_error *err)
{
    struct weights_entry *e = &t->entries[t->count];
    size_t length = strlen(name) + sizeof "grad.";
    char *text = malloc(length);

    *data = malloc((count ? count : 1) * sizeof **data);
    if (!text || !*data) {
        free(text);
        free(*data);
        return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the gradient of %s, %zu floats", name, count);
    }
    snprintf(text, length, "grad.%s", name);
    *e = (struct weights_entry){ .name = text, .dtype = WEIGHTS_F32, .rank = rank, .data = *data };
    memcpy(e->shape, shape, (size_t)rank * sizeof *shape);
    t->count++;
    return VIT_OK;
}

static enum vit_status add_canonical(struct grads_tensors *t, const struct vit_parameter *p,
                                     const float *values, struct vit_error *err)
{
    int64_t shape[VIT_COUNT(p->shape)];
    float *data;
    enum vit_status status;

    for (int i = 0; i < p->rank; i++) shape[i] = p->shape[i];
    status = add_entry(t, p->name, p->rank, shape, p->count, &data, err);
    if (!status) memcpy(data, values, p->count * sizeof *data);
    return status;
}

static enum vit_status add_parts(struct grads_tensors *t, const struct weights_source *s, const float *values,
                                 struct vit_error *err)
{
    for (int i = 0; i < s->parts; i++) {
        const struct weights_tensor *part = s->part[i];
        float *data;
        enum vit_status status = add_entry(t, part->name, part->rank, part->shape, part->count, &data, err);

        if (status) return status;
        weights_source_split(s, i, values, data);
    }
    return VIT_OK;
}

static bool fits(const struct weights_source *s, const struct vit_parameter *p)
{
    size_t count = 0;

    for (int i = 0; i < s->parts; i++) count += s->part[i]->count;
    return s->parts && count == p->count;
}

static enum vit_status export_all(struct grads_tensors *out, const struct grads *g, struct weights_view *view,
                                  struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < vit_model_parameter_count(g->model) && !status; i++) {
        struct vit_parameter p = vit_model_parameter(g->model, i);
        struct weights_source s = weights_view_find(view, p.name);

        status = fits(&s, &p) ? add_parts(out, &s, g->sum[i], err) : add_canonical(out, &p, g->sum[i], err);
    }
    return status;
}

enum vit_status grads_export(struct grads_tensors *out, const struct grads *g, struct vit_error *err)
{
    const int count = vit_model_parameter_count(g->model);
    struct weights_view *view = NULL;
    enum vit_status status;

    out->count = 0;
    out->entries =
        calloc((size_t)count * VIT_COUNT(((struct weights_source *)0)->part), sizeof *out->entries);
    if (!out->entries) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate a list of %d gradients", count);
    status = weights_view_open(&view, g->model->file, err);
    if (!status) status = export_all(out, g, view, err);
    weights_view_close(view);
    if (status) grads_tensors_free(out);
    return status;
}

void grads_tensors_free(struct grads_tensors *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free((char *)t->entries[i].name);
        free((void *)t->entries[i].data);
    }
    free(t->entries);
    *t = (struct grads_tensors){ 0 };
}
