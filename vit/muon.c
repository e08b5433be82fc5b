#include "vit/muon.h"

#include <math.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void vit_muon_carve(struct vit_muon *m, struct vit_arena *a, const struct kern *k, enum kern_dtype dtype,
                    int rows, int cols)
{
    const int r = rows < cols ? rows : cols, c = rows < cols ? cols : rows;
    const size_t count = (size_t)r * (size_t)c;
    size_t pack = kern_pack_bytes(k, dtype, r, c, false);

    pack = larger(pack, kern_pack_bytes(k, dtype, r, c, true));
    pack = larger(pack, kern_pack_bytes(k, dtype, r, r, false));
    m->dtype = dtype;
    m->x = vit_arena_take(a, count, sizeof(float));
    m->next = vit_arena_take(a, count, sizeof(float));
    m->gram = vit_arena_take(a, (size_t)r * (size_t)r, sizeof(float));
    m->poly = vit_arena_take(a, (size_t)r * (size_t)r, sizeof(float));
    m->packed = vit_arena_take(a, pack, 1);
}

/* out (r, n) = x (r, k) w (n, k)^T, with w laid out on the spot. */
static void product(const struct kern_ctx *c, const struct vit_muon *m, float *out, const float *x,
                    const float *w, int r, int n, int k)
{
    const struct kern_epilogue plain = { 0 };
    struct kern_mat mat = { .n = n, .k = k, .dtype = m->dtype, .f32 = w };

    if (kern_pack_bytes(c->k, m->dtype, n, k, false)) {
        kern_pack(c->k, m->dtype, m->packed, w, n, k, false);
        mat.packed = m->packed;
    }
    kern_linear(c, out, x, &mat, &plain, r);
}

/* out (r, k) = x (r, n) w (n, k). */
static void product_back(const struct kern_ctx *c, const struct vit_muon *m, float *out, const float *x,
                         const float *w, int r, int n, int k)
{
    struct kern_mat mat = { .n = n, .k = k, .dtype = m->dtype, .f32 = w };

    if (kern_pack_bytes(c->k, m->dtype, n, k, true)) {
        kern_pack(c->k, m->dtype, m->packed, w, n, k, true);
        mat.packed_back = m->packed;
    }
    kern_linear_dx(c, out, x, &mat, r);
}

/* Nearly orthogonal x by five Newton-Schulz steps x <- a x + (b A + c A A) x with A = x x^T; the
 * coefficients trade exactness for speed, singular values end in about [0.7, 1.2]: Jordan et al. 2024. */
static const float *orthogonalise(const struct kern_ctx *c, const struct vit_muon *m, int r, int k)
{
    enum { ROUNDS = 5 };
    const float A = 3.4445f, B = -4.7750f, C = 2.0315f;
    const float norm = (float)sqrt(kern_sum_squares(c, m->x, (size_t)r * (size_t)k)) + 1e-7f;
    const float inverse = 1 / norm;
    float *x = m->x, *next = m->next;

    kern_add(c, x, NULL, 0, x, &inverse, 1, r, k);
    for (int i = 0; i < ROUNDS; i++) {
        product(c, m, m->gram, x, x, r, r, k);
        product(c, m, m->poly, m->gram, m->gram, r, r, r); /* A is symmetric: A A^T = A A */
        kern_add(c, m->poly, m->gram, B, m->poly, &C, 1, r, r);
        product_back(c, m, next, m->poly, x, r, r, k);
        kern_add(c, next, x, A, next, NULL, 0, r, k);
        float *old = x;
        x = next;
        next = old;
    }
    return x;
}

void vit_muon_update(const struct kern_ctx *c, const struct vit_muon *m, float *w, float *momentum,
                     const float *grad, int n, int k, const struct vit_muon_step *p)
{
    const bool turned = n > k; /* the Gram matrix of the shorter side */
    const int r = turned ? k : n, cols = turned ? n : k;
    const float scale = p->lr * sqrtf(n > k ? (float)n / (float)k : 1);
    const float keep = 1 - p->lr * p->decay;
    const float *u;

    for (int i = 0; i < n; i++) {
        for (int j = 0; j < k; j++) {
            const size_t at = (size_t)i * (size_t)k + (size_t)j;
            const float g = grad[at] * p->grad_scale;
            momentum[at] = p->momentum * momentum[at] + g;
            m->x[turned ? (size_t)j * (size_t)n + (size_t)i : at] = g + p->momentum * momentum[at];
        }
    }
    u = orthogonalise(c, m, r, cols);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < k; j++) {
            const size_t at = (size_t)i * (size_t)k + (size_t)j;
            w[at] = keep * w[at] - scale * u[turned ? (size_t)j * (size_t)n + (size_t)i : at];
        }
    }
}
