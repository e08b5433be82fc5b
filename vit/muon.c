#include "vit/muon.h"

#include <assert.h>
#include <math.h>

#include "kernels/team.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void carve_room(struct vit_muon_room *room, struct vit_arena *a, enum kern_dtype dtype, int rows,
                       int cols)
{
    const size_t r = (size_t)rows, c = (size_t)cols;
    const struct kern *k = room->kern.k;
    size_t pack = kern_pack_bytes(k, dtype, rows, cols, false);

    pack = larger(pack, kern_pack_bytes(k, dtype, rows, cols, true));
    pack = larger(pack, kern_pack_bytes(k, dtype, rows, rows, false));
    room->x = vit_arena_take(a, r * c, sizeof(float));
    room->next = vit_arena_take(a, r * c, sizeof(float));
    room->gram = vit_arena_take(a, r * r, sizeof(float));
    room->poly = vit_arena_take(a, r * r, sizeof(float));
    room->packed = vit_arena_take(a, pack, 1);
    room->kern.scratch = vit_arena_take(a, room->kern.scratch_bytes, 1);
}

void vit_muon_carve(struct vit_muon *m, struct vit_arena *a, const struct kern_ctx *c, enum kern_dtype dtype,
                    int rows, int cols)
{
    const bool own = c->k->own_regions;
    const struct kern_limits limits = { .threads = own ? c->threads : 1,
                                        .rows = rows,
                                        .inputs = cols,
                                        .outputs = cols,
                                        .tokens = 1,
                                        .head = 1,
                                        .dtype = dtype };
    const struct kern_ctx one = { .k = c->k,
                                  .threads = limits.threads,
                                  .scratch_bytes = kern_scratch_bytes(c->k, &limits) };

    m->dtype = dtype;
    m->rooms = own ? 1 : c->threads;
    m->room = vit_arena_take(a, (size_t)m->rooms, sizeof *m->room);
    for (int i = 0; i < m->rooms; i++) {
        struct vit_muon_room room = { .kern = one };

        carve_room(&room, a, dtype, rows, cols);
        if (m->room) m->room[i] = room; /* not while it is counted */
    }
}

/* out (r, n) = x (r, k) w (n, k)^T, with w laid out on the spot. */
static void product(const struct vit_muon_room *room, enum kern_dtype dtype, float *out, const float *x,
                    const float *w, int r, int n, int k)
{
    const struct kern_epilogue plain = { 0 };
    struct kern_mat mat = { .n = n, .k = k, .dtype = dtype, .f32 = w };

    if (kern_pack_bytes(room->kern.k, dtype, n, k, false)) {
        kern_pack(room->kern.k, dtype, room->packed, w, n, k, false);
        mat.packed = room->packed;
    }
    kern_linear(&room->kern, out, x, &mat, &plain, r);
}

/* out (r, k) = x (r, n) w (n, k). */
static void product_back(const struct vit_muon_room *room, enum kern_dtype dtype, float *out, const float *x,
                         const float *w, int r, int n, int k)
{
    struct kern_mat mat = { .n = n, .k = k, .dtype = dtype, .f32 = w };

    if (kern_pack_bytes(room->kern.k, dtype, n, k, true)) {
        kern_pack(room->kern.k, dtype, room->packed, w, n, k, true);
        mat.packed_back = room->packed;
    }
    kern_linear_dx(&room->kern, out, x, &mat, r);
}

/* Nearly orthogonal x by five Newton-Schulz steps x <- a x + (b A + c A A) x with A = x x^T; the
 * coefficients trade exactness for speed, singular values end in about [0.7, 1.2]: Jordan et al. 2024. */
static const float *orthogonalise(const struct vit_muon_room *room, enum kern_dtype dtype, int r, int k)
{
    enum { ROUNDS = 5 };
    const float A = 3.4445f, B = -4.7750f, C = 2.0315f;
    const struct kern_ctx *c = &room->kern;
    const float norm = (float)sqrt(kern_sum_squares(c, room->x, (size_t)r * (size_t)k)) + 1e-7f;
    const float inverse = 1 / norm;
    float *x = room->x, *next = room->next;

    kern_add(c, x, NULL, 0, x, &inverse, 1, r, k);
    for (int i = 0; i < ROUNDS; i++) {
        product(room, dtype, room->gram, x, x, r, r, k);
        product(room, dtype, room->poly, room->gram, room->gram, r, r, r); /* A is symmetric: A A^T = A A */
        kern_add(c, room->poly, room->gram, B, room->poly, &C, 1, r, r);
        product_back(room, dtype, next, room->poly, x, r, r, k);
        kern_add(c, next, x, A, next, NULL, 0, r, k);
        float *old = x;
        x = next;
        next = old;
    }
    return x;
}

struct work {
    const struct vit_muon *muon;
    const struct vit_muon_matrix *matrices;
    const struct vit_muon_step *step;
};

static void update(const void *work, int task, int worker)
{
    const struct work *job = work;
    const struct vit_muon_step *p = job->step;
    const struct vit_muon_matrix *a = &job->matrices[task];
    const struct vit_muon_room *room = &job->muon->room[worker];
    const int n = a->n, k = a->k;
    const bool turned = n > k; /* the Gram matrix of the shorter side */
    const float scale = p->lr * sqrtf(turned ? (float)n / (float)k : 1), keep = 1 - p->lr * p->decay;
    const float *u;

    for (int i = 0; i < n; i++) {
        for (int j = 0; j < k; j++) {
            const size_t at = (size_t)i * (size_t)k + (size_t)j;
            const float g = a->grad[at] * p->grad_scale;
            a->momentum[at] = p->momentum * a->momentum[at] + g;
            room->x[turned ? (size_t)j * (size_t)n + (size_t)i : at] = g + p->momentum * a->momentum[at];
        }
    }
    u = orthogonalise(room, job->muon->dtype, turned ? k : n, turned ? n : k);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < k; j++) {
            const size_t at = (size_t)i * (size_t)k + (size_t)j;
            a->w[at] = keep * a->w[at] - scale * u[turned ? (size_t)j * (size_t)n + (size_t)i : at];
        }
    }
}

void vit_muon_update(const struct kern_ctx *c, const struct vit_muon *m,
                     const struct vit_muon_matrix *matrices, int count, const struct vit_muon_step *p)
{
    const struct work work = { m, matrices, p };

    assert(m->rooms == 1 || m->rooms >= c->threads);
    kern_share(c, m->rooms == 1, update, &work, count);
}
