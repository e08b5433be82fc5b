#include "kernels/ref.h"

/* y after bias, for element (i, j) of (m, n): pre, act, gain, skip. */
static float finish(double y, size_t at, int j, const struct kern_epilogue *e)
{
    if (e->bias) y += (double)e->bias[j];
    if (e->pre) e->pre[at] = (float)y;
    y = kern_ref_act_value(e->act, y);
    if (e->gain) y *= (double)e->gain[e->gain_n == 1 ? 0 : j];
    if (e->skip) y += (double)e->skip_scale * (double)e->skip[at];
    return (float)y;
}

void kern_ref_epilogue(const struct kern_ctx *c, float *out, const float *y, const struct kern_epilogue *e,
                       int m, int n)
{
#pragma omp parallel for num_threads(c->threads)
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const size_t at = (size_t)i * n + j;
            out[at] = finish((double)y[at], at, j, e);
        }
}

void kern_ref_linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                     const struct kern_epilogue *e, int m)
{
    const int n = w->n, k = w->k;

    assert(w->f32);
#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const float *xi = x + (size_t)i * k, *wj = w->f32 + (size_t)j * k;
            double y = 0;

            for (int l = 0; l < k; l++) y += (double)xi[l] * (double)wj[l];
            out[(size_t)i * n + j] = finish(y, (size_t)i * n + j, j, e);
        }
}

void kern_ref_linear_dx(const struct kern_ctx *c, float *dx, const float *dout, const struct kern_mat *w,
                        int m)
{
    const int n = w->n, k = w->k;

    assert(w->f32);
#pragma omp parallel for num_threads(c->threads) collapse(2)
    for (int i = 0; i < m; i++)
        for (int l = 0; l < k; l++) {
            double sum = 0;

            for (int j = 0; j < n; j++)
                sum += (double)dout[(size_t)i * n + j] * (double)w->f32[(size_t)j * k + l];
            dx[(size_t)i * k + l] = (float)sum;
        }
}

void kern_ref_linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                        int m, int n, int k)
{
#pragma omp parallel for num_threads(c->threads)
    for (int j = 0; j < n; j++) {
        double sum = 0;

        for (int i = 0; i < m; i++) sum += (double)dout[(size_t)i * n + j];
        if (db) db[j] = (float)((double)db[j] + sum);
        for (int l = 0; l < k; l++) {
            sum = 0;
            for (int i = 0; i < m; i++) sum += (double)dout[(size_t)i * n + j] * (double)x[(size_t)i * k + l];
            dw[(size_t)j * k + l] = (float)((double)dw[(size_t)j * k + l] + sum);
        }
    }
}
