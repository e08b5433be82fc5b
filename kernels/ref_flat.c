/* ref_flat.c - element by element: additions, scalings, the optimiser. */
#include <math.h>

#include "kernels/ref.h"

void kern_ref_add(const struct kern_ctx *c, float *out, const float *x, float x_scale, const float *y,
                  const float *gain, int gain_n, int m, int n)
{
#pragma omp parallel for num_threads(c->threads)
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const size_t at = (size_t)i * n + j;
            const double g = gain ? (double)gain[gain_n == 1 ? 0 : j] : 1;
            out[at] = (float)((x ? (double)x_scale * (double)x[at] : 0) + g * (double)y[at]);
        }
}

static double column_sum(const float *dout, const float *y, int j, int m, int n)
{
    double sum = 0;

    for (int i = 0; i < m; i++) sum += (double)dout[(size_t)i * n + j] * (double)y[(size_t)i * n + j];
    return sum;
}

void kern_ref_add_back(const struct kern_ctx *c, float *dy, float *dgain, const float *dout, const float *y,
                       const float *gain, int gain_n, int m, int n)
{
    /* First what reads dout, which dy may overwrite. */
    if (gain_n == 1) {
        double sum = 0;
        for (int j = 0; j < n; j++) sum += column_sum(dout, y, j, m, n);
        *dgain = (float)((double)*dgain + sum);
    } else {
#pragma omp parallel for num_threads(c->threads)
        for (int j = 0; j < n; j++) dgain[j] = (float)((double)dgain[j] + column_sum(dout, y, j, m, n));
    }
#pragma omp parallel for num_threads(c->threads)
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            dy[(size_t)i * n + j] = dout[(size_t)i * n + j] * gain[gain_n == 1 ? 0 : j];
}

void kern_ref_row_scale(const struct kern_ctx *c, float *x, const float *factor, int m, size_t n)
{
#pragma omp parallel for num_threads(c->threads)
    for (int i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) x[(size_t)i * n + j] *= factor[i];
}

/* AdamW, Loshchilov & Hutter 2019, alg. 2, in PyTorch's order: decay first, eps outside the root and
 * after the bias correction. */
void kern_ref_adamw(const struct kern_ctx *c, float *w, float *mean, float *square, const float *grad,
                    size_t count, const struct kern_adamw *p)
{
#pragma omp parallel for num_threads(c->threads)
    for (size_t i = 0; i < count; i++) {
        const double g = (double)p->grad_scale * (double)grad[i];
        const double m = (double)p->beta1 * (double)mean[i] + (1 - (double)p->beta1) * g;
        const double s = (double)p->beta2 * (double)square[i] + (1 - (double)p->beta2) * g * g;
        const double step = m / (double)p->correct1 / (sqrt(s / (double)p->correct2) + (double)p->eps);

        mean[i] = (float)m;
        square[i] = (float)s;
        w[i] = (float)((double)w[i] * (1 - (double)p->lr * (double)p->decay) - (double)p->lr * step);
    }
}

double kern_ref_sum_squares(const struct kern_ctx *c, const float *x, size_t count)
{
    double sum = 0;

    (void)c;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}
