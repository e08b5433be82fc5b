/* ref.h - the reference operations, by name: ref.c puts them into the table. Plain C in the simplest correct
 * form, sums in double; never optimised. Contracts: kern.h. */
#ifndef KERNELS_REF_H
#define KERNELS_REF_H

#include "kernels/overlays.h"

/* x as a product of this format sees it. */
static inline double kern_ref_seen(float x, enum kern_dtype dtype)
{
    return (double)(dtype == KERN_BF16 ? vit_from_bf16(vit_bf16(x)) : x);
}

/* The sum of x[i] y[i], x and y (n). */
static inline double kern_ref_dot(const float *x, const float *y, int n, enum kern_dtype dtype)
{
    double sum = 0;

    for (int i = 0; i < n; i++) sum += kern_ref_seen(x[i], dtype) * kern_ref_seen(y[i], dtype);
    return sum;
}

/* act(x), act'(x). */
double kern_ref_act_value(enum kern_act act, double x);
double kern_ref_act_slope(enum kern_act act, double x);

/* out (m, n) = epilogue of the product y, which may be out itself (unless out is e->skip). */
void kern_ref_epilogue(const struct kern_ctx *c, float *out, const float *y, const struct kern_epilogue *e,
                       int m, int n);

/* 1 / (1 - rate) or 0: what dropout multiplies element i with. drop NULL: 1. */
float kern_ref_drop_factor(const struct kern_drop *drop, uint64_t i);

/* Products round what they multiply to the format of w (the dw, of its name). */
void kern_ref_linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                     const struct kern_epilogue *e, int m);
void kern_ref_linear_dx(const struct kern_ctx *c, float *dx, const float *dout, const struct kern_mat *w,
                        int m);
void kern_ref_linear_dw(const struct kern_ctx *c, float *dw, float *db, const float *dout, const float *x,
                        int m, int n, int k);

void kern_ref_linear_dw_bf16(const struct kern_ctx *c, float *dw, float *db, const float *dout,
                             const float *x, int m, int n, int k);

void kern_ref_attend(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                     const struct kern_heads *a, const struct kern_drop *drop);
void kern_ref_attend_bf16(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                          const struct kern_heads *a, const struct kern_drop *drop);
void kern_ref_attend_back(const struct kern_ctx *c, float *dqkv, const float *dctx, const float *prob,
                          const float *qkv, const struct kern_heads *a, const struct kern_drop *drop);

void kern_ref_norm(const struct kern_ctx *c, float *out, float *stat, const float *x,
                   const struct kern_norm *n, const struct kern_rows *r);
void kern_ref_norm_back(const struct kern_ctx *c, float *dx, const struct kern_dnorm *dn, const float *dout,
                        const float *x, const float *stat, const struct kern_norm *n,
                        const struct kern_rows *r);

void kern_ref_act(const struct kern_ctx *c, float *out, const float *x, size_t count, enum kern_act act);
void kern_ref_act_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, size_t count,
                       enum kern_act act);
void kern_ref_glu(const struct kern_ctx *c, float *out, const float *x, int m, int hidden, enum kern_act act);
void kern_ref_glu_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x, int m,
                       int hidden, enum kern_act act);

void kern_ref_add(const struct kern_ctx *c, float *out, const float *x, float x_scale, const float *y,
                  const float *gain, int gain_n, int m, int n);
void kern_ref_add_back(const struct kern_ctx *c, float *dy, float *dgain, const float *dout, const float *y,
                       const float *gain, int gain_n, int m, int n);
void kern_ref_row_scale(const struct kern_ctx *c, float *x, const float *factor, int m, size_t n);
void kern_ref_adamw(const struct kern_ctx *c, float *w, float *mean, float *square, const float *grad,
                    size_t count, const struct kern_adamw *p);
double kern_ref_sum_squares(const struct kern_ctx *c, const float *x, size_t count);

void kern_ref_im2col(const struct kern_ctx *c, float *cols, const float *x, const struct kern_window *w,
                     int n);
void kern_ref_col2im(const struct kern_ctx *c, float *dx, const float *dcols, const struct kern_window *w,
                     int n);
void kern_ref_max_pool(const struct kern_ctx *c, float *out, uint8_t *arg, const float *x,
                       const struct kern_window *w, int n);
void kern_ref_max_pool_back(const struct kern_ctx *c, float *dx, const float *dout, const uint8_t *arg,
                            const struct kern_window *w, int n);

#endif
