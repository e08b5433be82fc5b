/* muon.h - Muon for matrices: momentum, then the nearest orthogonal matrix. Each matrix is one task of one
 * thread: small products are done sooner than threads agree on their parts. */
#ifndef VIT_MUON_H
#define VIT_MUON_H

#include "kernels/kern.h"
#include "vit/arena.h"

/* w (n, k), its momentum and its gradient. */
struct vit_muon_matrix {
    float *w, *momentum;
    const float *grad;
    int n, k;
};

/* Memory of one matrix under way. */
struct vit_muon_room {
    struct kern_ctx kern;
    float *x, *next;    /* (r, c), r <= c: the update and its successor */
    float *gram, *poly; /* (r, r) */
    void *packed;       /* a matrix laid out for the kernels */
};

struct vit_muon {
    struct vit_muon_room *room; /* (rooms) */
    int rooms;                  /* one a thread; one in all where operations have threads of their own */
    enum kern_dtype dtype;
};

/* Reserve the memory for c's threads and matrices whose sides are at most rows and cols, rows <= cols, in
 * either order. dtype: what the products compute in; bf16 is enough (Jordan et al. 2024). */
void vit_muon_carve(struct vit_muon *m, struct vit_arena *a, const struct kern_ctx *c, enum kern_dtype dtype,
                    int rows, int cols);

struct vit_muon_step {
    float lr, momentum, decay, grad_scale;
};
/* Every w one step along its orthogonalised Nesterov momentum: Jordan et al. 2024. The same bits for any
 * number of threads, where the kernels promise them. */
void vit_muon_update(const struct kern_ctx *c, const struct vit_muon *m,
                     const struct vit_muon_matrix *matrices, int count, const struct vit_muon_step *p);

#endif
