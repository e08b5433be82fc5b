/* muon.h - Muon for matrices: momentum, then the nearest orthogonal matrix. */
#ifndef VIT_MUON_H
#define VIT_MUON_H

#include "kernels/kern.h"
#include "vit/arena.h"

struct vit_muon {
    float *x, *next;    /* (r, c), r <= c: the update and its successor */
    float *gram, *poly; /* (r, r) */
    void *packed;       /* a matrix laid out for the kernels */
    enum kern_dtype dtype;
};

/* Reserve the buffers for matrices whose sides are at most rows and cols, in either order. dtype: what the
 * products compute in; bf16 is enough (Jordan et al. 2024). */
void vit_muon_carve(struct vit_muon *m, struct vit_arena *a, const struct kern *k, enum kern_dtype dtype,
                    int rows, int cols);

struct vit_muon_step {
    float lr, momentum, decay, grad_scale;
};
/* w (n, k) one step along the orthogonalised Nesterov momentum: Jordan et al. 2024. */
void vit_muon_update(const struct kern_ctx *c, const struct vit_muon *m, float *w, float *momentum,
                     const float *grad, int n, int k, const struct vit_muon_step *p);

#endif
