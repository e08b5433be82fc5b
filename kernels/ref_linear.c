#include "kernels/quant.h"
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

/* The sum of the products of integers, which is exact, times both scales. x_scale 0: the row's own. */
static double dot_i8(const float *x, const float *w, int k, float x_scale)
{
    const struct kern_quant qx = x_scale > 0 ? kern_quant_fixed(x, k, x_scale) : kern_quant_row(x, k),
                            qw = kern_quant_row(w, k);
    double y = 0;

    for (int l = 0; l < k; l++) y += (double)kern_quant_round(x[l], qx) * (double)kern_quant_round(w[l], qw);
    return y * (double)qx.scale * (double)qw.scale;
}

float kern_quantise(int8_t *q, const float *x, int n)
{
    const struct kern_quant row = kern_quant_row(x, n);

    for (int i = 0; i < n; i++) q[i] = row.inverse > 0 ? (int8_t)kern_quant_round(x[i], row) : 0;
    return row.scale;
}

bool kern_scale_fits(float scale)
{
    return scale >= 0x1p-126f && scale <= 0x1p126f;
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
            const double y =
                w->dtype == KERN_I8 ? dot_i8(xi, wj, k, w->x_scale) : kern_ref_dot(xi, wj, k, w->dtype);

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
                sum += kern_ref_seen(dout[(size_t)i * n + j], w->dtype) *
                       kern_ref_seen(w->f32[(size_t)j * k + l], w->dtype);
            dx[(size_t)i * k + l] = (float)sum;
        }
}

/* db sums what is not multiplied: it is not rounded. */
static void linear_dw(const struct kern_ctx *c, enum kern_dtype dtype, float *dw, float *db,
                      const float *dout, const float *x, int m, int n, int k)
{
#pragma omp parallel for num_threads(c->threads)
    for (int j = 0; j < n; j++) {
        double sum = 0;

        for (int i = 0; i < m; i++) sum += (double)dout[(size_t)i * n + j];
        if (db) db[j] = (float)((double)db[j] + sum);
        for (int l = 0; l < k; l++) {
            sum = 0;
            for (int i = 0; i < m; i++)
                sum += kern_ref_seen(dout[(size_t)i * n + j], dtype) *
                       kern_ref_seen(x[(size_t)i * k + l], dtype);
            dw[(size_t)j * k + l] = (float)((double)dw[(size_t)j * k + l] + sum);
        }
    }
}

void kern_ref_linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                        int m, int n, int k)
{
    linear_dw(c, KERN_F32, dw, db, dout, x, m, n, k);
}

void kern_ref_linear_dw_bf16(const struct kern_ctx *c, float *dw, float *db, const float *dout,
                             const float *x, int m, int n, int k)
{
    linear_dw(c, KERN_BF16, dw, db, dout, x, m, n, k);
}
