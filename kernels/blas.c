/* blas.c - f32 products through OpenBLAS: the portable path, and a check of our own. Weights are read in
 * place. OpenBLAS does not promise the same bits for another number of threads. */
#include "kernels/overlays.h"

#if VIT_BLAS
#include <cblas.h>
#include <omp.h>

#include "kernels/ref.h"

const char *kern_blas_config(void)
{
    return openblas_get_config();
}

const char *kern_blas_core(void)
{
    return openblas_get_corename();
}

/* The count is process-wide in OpenBLAS: setting it costs, so only when it differs. Built with OpenMP it goes
 * by the calling thread's setting, and follows that from product to product: both must say the same. */
static void set_threads(const struct kern_ctx *c)
{
    if (openblas_get_num_threads() != c->threads) openblas_set_num_threads(c->threads);
    if (omp_get_max_threads() != c->threads) omp_set_num_threads(c->threads);
}

/* out (m, n) = a (m, k) op(b) + beta out. */
static void product(const struct kern_ctx *c, float *out, const float *a, CBLAS_TRANSPOSE ta, const float *b,
                    CBLAS_TRANSPOSE tb, int m, int n, int k, float beta)
{
    const int own = omp_get_max_threads(); /* the caller's setting, which is given back */

    set_threads(c);
    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, ta == CblasNoTrans ? k : m, b,
                tb == CblasNoTrans ? n : k, beta, out, n);
    if (omp_get_max_threads() != own) omp_set_num_threads(own);
}

enum { SKIP_ROWS = 64 }; /* rows at a time when the output is the skip input: y needs memory of its own */

static size_t scratch(const struct kern_limits *limits)
{
    return (size_t)SKIP_ROWS * (size_t)limits->outputs * sizeof(float);
}

static void linear_in_place(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                            const struct kern_epilogue *e, int m)
{
    assert(c->scratch_bytes >= (size_t)SKIP_ROWS * (size_t)w->n * sizeof(float));
    for (int i = 0; i < m; i += SKIP_ROWS) {
        const int rows = m - i < SKIP_ROWS ? m - i : SKIP_ROWS;
        const struct kern_epilogue part = kern_epilogue_from(e, (size_t)i * w->n);

        product(c, c->scratch, x + (size_t)i * w->k, CblasNoTrans, w->f32, CblasTrans, rows, w->n, w->k, 0);
        kern_ref_epilogue(c, out + (size_t)i * w->n, c->scratch, &part, rows, w->n);
    }
}

static void linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                   const struct kern_epilogue *e, int m)
{
    if (e->skip == out) {
        linear_in_place(c, out, x, w, e, m);
        return;
    }
    product(c, out, x, CblasNoTrans, w->f32, CblasTrans, m, w->n, w->k, 0);
    if (e->bias || e->pre || e->act != KERN_ACT_NONE || e->gain || e->skip)
        kern_ref_epilogue(c, out, out, e, m, w->n);
}

static void linear_dx(const struct kern_ctx *c, float *dx, const float *dout, const struct kern_mat *w, int m)
{
    product(c, dx, dout, CblasNoTrans, w->f32, CblasNoTrans, m, w->k, w->n, 0);
}

static void linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                      int m, int n, int k)
{
    product(c, dw, dout, CblasTrans, x, CblasNoTrans, n, k, m, 1);
    if (!db) return;
#pragma omp parallel for num_threads(c->threads)
    for (int j = 0; j < n; j++) {
        double sum = 0;

        for (int i = 0; i < m; i++) sum += (double)dout[(size_t)i * n + j];
        db[j] = (float)((double)db[j] + sum);
    }
}

void kern_blas_install(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->own_regions = true;
    k->linear[KERN_F32] = linear;
    k->linear_dx[KERN_F32] = linear_dx;
    k->linear_dw[KERN_F32] = linear_dw;
}

#else

const char *kern_blas_config(void)
{
    return NULL;
}

const char *kern_blas_core(void)
{
    return NULL;
}

#endif
