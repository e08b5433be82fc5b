/* kern.h - the arithmetic: a table of operations and the shape contract of each.
 *
 * A struct kern is a table of functions. The reference (ref.c, plain C) fills every
 * entry that a format has; overlays named in overlays.def replace the entries they do
 * better. The table lies in the model; a call gets it through a struct kern_ctx, which
 * belongs to a session and adds the number of threads and the session's scratch memory.
 *
 * Everything is row-major, last index fastest, f32 unless said otherwise. "+=" marks
 * an output that accumulates. No operation allocates, prints or fails: what could be
 * wrong is the caller's fault and asserted in the wrappers below. Operations are
 * called from serial code and share their work as team.h says. Every output element is
 * summed by one thread in an order that does not depend on their number, so results
 * are the same bits for any number of threads (the blas overlay promises less).
 *
 * Letters: b images, t tokens of an image, d width, h heads, e = d / h, m rows,
 * n outputs and k inputs of a product. */
#ifndef VIT_KERNELS_KERN_H
#define VIT_KERNELS_KERN_H

#include <assert.h>
#include <stdint.h>

#include "../vit/base.h"
#include "team.h"

#ifdef __cplusplus
extern "C" {
#endif

enum kern_dtype { KERN_F32, KERN_BF16, KERN_I8, KERN_DTYPES };

enum kern_act {
    KERN_ACT_NONE,
    KERN_ACT_GELU,       /* x Phi(x), exact: erf */
    KERN_ACT_GELU_TANH,  /* x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 */
    KERN_ACT_QUICK_GELU, /* x / (1 + exp(-1.702 x)) */
    KERN_ACT_RELU,
    KERN_ACT_SILU, /* x / (1 + exp(-x)) */
    KERN_ACT_TANH,
    KERN_ACTS
};

enum kern_norm_kind {
    KERN_LAYERNORM, /* g (x - mean) / sqrt(var + eps) + b, biased variance */
    KERN_RMSNORM,   /* g x / sqrt(mean(x^2) + eps) + b */
    KERN_DYT,       /* g tanh(alpha x) + b; Zhu et al. 2025 */
    KERN_NORM_KINDS
};

/* How a product computes: in f32; in bf16 (8 significant bits, rounded to nearest, ties to even) with sums in
 * f32; or in integers of 8 bits with exact sums, every row of x and of w with a scale of its own, or all rows
 * of x with a fixed one. Those of attention too, but for integers (kern_attend).
 * Activations, gradients and the f32 weights stay f32 outside: an entry of a narrow format rounds what it
 * multiplies. Integers are for inference: they have no linear_dx and linear_dw.
 *
 * A weight matrix (n, k) as the products take it. Which pointers are set depends on
 * dtype and on what the selected kernels pack (kern_pack_bytes: 0 means "reads f32"). */
struct kern_mat {
    int n, k; /* outputs, inputs */
    enum kern_dtype dtype;
    const float *f32;        /* (n, k); NULL when only packed forms are kept */
    const void *packed;      /* for linear, as kern_pack laid it out; NULL only where it lays out nothing */
    const void *packed_back; /* for linear_dx; NULL there, and where it is not called */
    float x_scale;           /* KERN_I8: fixed, of every row of x; 0: each row has its own */
};

/* How packed weights of linear lie: panels of outputs side by side, along k, fold neighbours of k together;
 * element (j, l) of w (n, k) is number ((j / panel units + l / fold) panel + j % panel) fold + l % fold, with
 * units = k / fold rounded up, and what is past n or k is zero. Integers are followed by the scales of their
 * rows, as floats; those of one byte then by 128 times the sum of each row, modulo 2^32. It says all that
 * reading packed weights takes, whoever made them: kern_unpack(). */
struct kern_layout {
    enum kern_dtype dtype; /* the numbers: as they are, rounded to bf16, or integers */
    int panel;             /* outputs of a panel; 0: nothing is packed, f32 is read in place */
    int fold;              /* 1, or what an instruction multiplies at once: 2, or 4 integers of a byte */
    int bytes; /* of a number: 4: a float, whatever it holds; 2: bf16, or an integer; 1: an integer */
};

/* What happens to a product y = x w^T before it is written, in this order:
 *   y += bias;  pre = y (if pre);  y = act(y);  y *= gain;  y += skip_scale * skip. */
struct kern_epilogue {
    const float *bias; /* (n) or NULL */
    float *pre;        /* (m, n) or NULL: the value before act, kept for the backward */
    enum kern_act act;
    const float *gain; /* (gain_n) or NULL: 1 */
    int gain_n;        /* n, or 1 for one factor for all */
    const float *skip; /* (m, n), may be the output itself; NULL: nothing is added */
    float skip_scale;  /* factor of skip; read only when skip is set */
};
/* The same for the rows that start at element at of (m, n). */
static inline struct kern_epilogue kern_epilogue_from(const struct kern_epilogue *e, size_t at)
{
    struct kern_epilogue rest = *e;

    if (rest.pre) rest.pre += at;
    if (rest.skip) rest.skip += at;
    return rest;
}

/* Parameters of one normalisation, and their gradients. Any of gain, bias may be NULL. */
struct kern_norm {
    enum kern_norm_kind kind;
    float eps;
    const float *gain, *bias; /* (d) */
    const float *alpha;       /* (1), DyT only */
};
struct kern_dnorm {
    float *gain, *bias; /* (d), += ; NULL: not wanted */
    float *alpha;       /* (1), += */
};

/* Rows to normalise: m rows of groups vectors of d numbers; row i starts at i * ld.
 * groups 1 and ld d is the usual matrix; groups h and ld 3hd normalises queries in place in qkv. */
struct kern_rows {
    int m, groups, d;
    size_t ld_in, ld_out; /* floats between the starts of neighbouring rows */
};

/* Self-attention of b images of t tokens; qkv (b, t, 3 h e): q, k, v, each (h, e). */
struct kern_heads {
    int b, t, h, e;
    float scale; /* of the logits: 1 / sqrt(e) */
};

/* Dropout by counter: element i is kept if vit_random_uniform(key, first + i) >= rate, and then
 * multiplied by 1 / (1 - rate). rate 0: nothing happens. */
struct kern_drop {
    float rate;
    uint64_t key, first;
};

/* A convolution or pooling window over (n, height, width, c), channels last. */
struct kern_window {
    int height, width, channels; /* of the input */
    int kernel, stride, padding;
};
static inline int kern_window_out(int in, const struct kern_window *w)
{
    return (in + 2 * w->padding - w->kernel) / w->stride + 1;
}

/* AdamW, Loshchilov & Hutter 2019, alg. 2. Corrections are 1 - beta^step. */
struct kern_adamw {
    float lr, beta1, beta2, eps, decay;
    float correct1, correct2;
    float grad_scale; /* multiplies the gradient first: clipping, micro-batches */
};

/* Largest sizes a session will use: kern_scratch_bytes() answers for all its calls. */
struct kern_limits {
    int threads;
    int rows;         /* m of linear */
    int inputs;       /* largest k */
    int outputs;      /* largest n */
    int tokens, head; /* t, e of attend */
    bool training;
    enum kern_dtype dtype; /* of the products that are not f32 */
};

enum { KERN_SCRATCHES = 24 };

struct kern_ctx;

struct kern {
    char name[96];    /* overlays applied, "ref+vec+avx2" */
    bool own_regions; /* operations start OpenMP regions: the reference and OpenBLAS, which need no team */

    /* Bytes of scratch that the operations of an overlay need within the limits: one of each overlay laid
     * over the table so far. */
    size_t (*scratch[KERN_SCRATCHES])(const struct kern_limits *limits);

    /* Weights as linear (back 0) or linear_dx (back 1) take them. */
    void (*pack[KERN_DTYPES])(void *to, const float *w, int n, int k, bool back);
    struct kern_layout layout[KERN_DTYPES]; /* of what pack makes: of w, or (back) of its transpose */

    void (*linear[KERN_DTYPES])(const struct kern_ctx *c, float *out, const float *x,
                                const struct kern_mat *w, const struct kern_epilogue *e, int m);
    void (*linear_dx[KERN_DTYPES])(const struct kern_ctx *c, float *dx, const float *dout,
                                   const struct kern_mat *w, int m);
    void (*linear_dw[KERN_DTYPES])(const struct kern_ctx *c, float *dw, float *db, const float *dout,
                                   const float *x, int m, int n, int k);

    void (*attend[KERN_DTYPES])(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                                const struct kern_heads *a, const struct kern_drop *drop);
    void (*attend_back)(const struct kern_ctx *c, float *dqkv, const float *dctx, const float *prob,
                        const float *qkv, const struct kern_heads *a, const struct kern_drop *drop);

    void (*norm)(const struct kern_ctx *c, float *out, float *stat, const float *x, const struct kern_norm *n,
                 const struct kern_rows *r);
    void (*norm_back)(const struct kern_ctx *c, float *dx, const struct kern_dnorm *dn, const float *dout,
                      const float *x, const float *stat, const struct kern_norm *n,
                      const struct kern_rows *r);

    void (*act)(const struct kern_ctx *c, float *out, const float *x, size_t count, enum kern_act act);
    void (*act_back)(const struct kern_ctx *c, float *dx, const float *dout, const float *x, size_t count,
                     enum kern_act act);
    void (*glu)(const struct kern_ctx *c, float *out, const float *x, int m, int hidden, enum kern_act act);
    void (*glu_back)(const struct kern_ctx *c, float *dx, const float *dout, const float *x, int m,
                     int hidden, enum kern_act act);

    void (*add)(const struct kern_ctx *c, float *out, const float *x, float x_scale, const float *y,
                const float *gain, int gain_n, int m, int n);
    void (*add_back)(const struct kern_ctx *c, float *dy, float *dgain, const float *dout, const float *y,
                     const float *gain, int gain_n, int m, int n);
    void (*row_scale)(const struct kern_ctx *c, float *x, const float *factor, int m, size_t n);

    void (*im2col)(const struct kern_ctx *c, float *cols, const float *x, const struct kern_window *w, int n);
    void (*col2im)(const struct kern_ctx *c, float *dx, const float *dcols, const struct kern_window *w,
                   int n);
    void (*max_pool)(const struct kern_ctx *c, float *out, uint8_t *arg, const float *x,
                     const struct kern_window *w, int n);
    void (*max_pool_back)(const struct kern_ctx *c, float *dx, const float *dout, const uint8_t *arg,
                          const struct kern_window *w, int n);

    void (*adamw)(const struct kern_ctx *c, float *w, float *mean, float *square, const float *grad,
                  size_t count, const struct kern_adamw *p);
    double (*sum_squares)(const struct kern_ctx *c, const float *x, size_t count);
};

/* What a call runs with; belongs to a session and is used by one thread at a time. */
struct kern_ctx {
    const struct kern *k;
    int threads;
    struct kern_team *team; /* NULL: none */
    void *scratch;          /* kern_scratch_bytes() bytes, 64-byte aligned */
    size_t scratch_bytes;
};

/* ---- selection ---- */

/* Fill *k by laying overlays over the reference in the order of overlays.def. spec is
 * "auto" (or NULL: the environment's VIT_KERNELS, else, or where that is "", "auto"), or
 * names joined by "+", such as "ref" or "ref+avx2". An unknown name, or one this CPU cannot run, is an error
 * that lists the names this CPU can run; nothing falls back silently. So is "blas" beside a
 * name whose products would replace all that it has. */
enum vit_status kern_select(struct kern *k, const char *spec, struct vit_error *err);

/* Overlay i in the order of overlays.def, or NULL past the end. */
struct kern_overlay {
    const char *name;
    unsigned needs; /* CPU features, bits of enum kern_cpu_feature; 0 when none */
    bool available; /* this CPU and build can run it */
    void (*install)(struct kern *k);
};
const struct kern_overlay *kern_overlay(int i);

/* What OpenBLAS says of itself, "OpenBLAS 0.3.21 ... Haswell ..."; NULL when built without it. */
const char *kern_blas_config(void);
/* The core OpenBLAS computes with, e.g. "Zen"; NULL when built without it. */
const char *kern_blas_core(void);

/* "f32", "bf16", "int8", and back (-1: unknown). */
const char *kern_dtype_name(enum kern_dtype dtype);
int kern_dtype_from_name(const char *name);

/* Name of an activation as in config.json, and back (-1: unknown). */
const char *kern_act_name(enum kern_act act);
int kern_act_from_name(const char *name);
const char *kern_norm_kind_name(enum kern_norm_kind kind);
int kern_norm_kind_from_name(const char *name);

/* ---- the operations: wrappers that assert the contract ---- */

/* Bytes of scratch that any operation of the table needs within the limits. */
static inline size_t kern_scratch_bytes(const struct kern *k, const struct kern_limits *limits)
{
    size_t most = 0;

    for (int i = 0; i < KERN_SCRATCHES && k->scratch[i]; i++) {
        const size_t bytes = k->scratch[i](limits);
        if (bytes > most) most = bytes;
    }
    return most;
}

/* Bytes of w (n, k) laid out for linear, or for linear_dx (back). 0: f32 is read. SIZE_MAX, which no arena
 * has, where a size_t does not hold them. */
size_t kern_pack_bytes(const struct kern *k, enum kern_dtype dtype, int n, int kk, bool back);

/* Lay w (n, k) out for linear, or for linear_dx (back). to: kern_pack_bytes() bytes, 64-byte aligned. */
static inline void kern_pack(const struct kern *k, enum kern_dtype dtype, void *to, const float *w, int n,
                             int kk, bool back)
{
    k->pack[dtype](to, w, n, kk, back);
}

/* Whether the numbers of a layout are ones that kern_unpack() knows. */
bool kern_layout_known(const struct kern_layout *l);
bool kern_layout_same(const struct kern_layout *a, const struct kern_layout *b);
/* Bytes of packed weights (n, k); *fits false, and 0, where a size_t does not hold them. */
size_t kern_layout_bytes(const struct kern_layout *l, int n, int k, bool *fits);
/* w (n, k) from packed weights of a known layout: the numbers that the products see, integers times the
 * scale of their row. packed may have any address. */
void kern_unpack(const struct kern_layout *l, float *w, const void *packed, int n, int k);

/* q (n), scale: a row x (n) as integers of 8 bits, as the products of KERN_I8 see it: x ~ scale q. Returns
 * the scale; NaN (and zeros in q) where x has an infinity or a NaN. */
float kern_quantise(int8_t *q, const float *x, int n);

/* Whether a scale can be fixed for x: 2^-126 to 2^126, so that it and its inverse are normal numbers. */
bool kern_scale_fits(float scale);

/* The largest integer, and inputs of a product of integers at most: its square times as many must fit 31
 * bits. */
enum { KERN_I8_MOST = 127, KERN_I8_INPUTS = INT32_MAX / (KERN_I8_MOST * KERN_I8_MOST) };

/* Several matrices laid out at once, each by one thread: a trainer does so after every step. */
struct kern_pack_job {
    void *to;
    const float *w; /* (n, k) */
    int n, k;
    enum kern_dtype dtype;
    bool back;
};
void kern_pack_all(const struct kern_ctx *c, const struct kern_pack_job *jobs, int count);

/* out (m, n) = epilogue(x (m, k) w (n, k)^T). out may be e->skip; else it overlaps nothing. */
static inline void kern_linear(const struct kern_ctx *c, float *out, const float *x, const struct kern_mat *w,
                               const struct kern_epilogue *e, int m)
{
    assert(m > 0 && w->n > 0 && w->k > 0 && out != x && (!e->gain || e->gain_n == 1 || e->gain_n == w->n));
    assert(w->dtype != KERN_I8 || w->k <= KERN_I8_INPUTS);
    c->k->linear[w->dtype](c, out, x, w, e, m);
}

/* dx (m, k) = dout (m, n) w (n, k). */
static inline void kern_linear_dx(const struct kern_ctx *c, float *dx, const float *dout,
                                  const struct kern_mat *w, int m)
{
    assert(m > 0 && dx != dout);
    c->k->linear_dx[w->dtype](c, dx, dout, w, m);
}

/* dw (n, k) += dout (m, n)^T x (m, k);  db (n) += column sums of dout; db may be NULL. */
static inline void kern_linear_dw(const struct kern_ctx *c, enum kern_dtype dtype, float *dw, float *db,
                                  const float *dout, const float *x, int m, int n, int k)
{
    assert(m > 0 && n > 0 && k > 0);
    c->k->linear_dw[dtype](c, dw, db, dout, x, m, n, k);
}

/* ctx (b, t, h e) = softmax(scale q k^T) v per image and head. prob (b, h, t, t) receives the
 * probabilities before dropout for attend_back, or is NULL (inference): then no such matrix is
 * made. drop (NULL: none) acts on the probabilities; its element counter is their index in prob.
 *
 * KERN_BF16: q, k and v are rounded, and of a row of logits l = scale q k^T the exponentials exp(l - max l)
 * after dropout; the result is divided by the sum of the exponentials as they were. Logits, sums and prob are
 * f32 and not rounded. KERN_I8: computes in f32. */
static inline void kern_attend(const struct kern_ctx *c, enum kern_dtype dtype, float *ctx, float *prob,
                               const float *qkv, const struct kern_heads *a, const struct kern_drop *drop)
{
    assert(a->b > 0 && a->t > 0 && a->h > 0 && a->e > 0 && ctx != qkv);
    c->k->attend[dtype](c, ctx, prob, qkv, a, drop);
}

/* dqkv (b, t, 3 h e) from dctx and what attend saw; written, not accumulated. In f32, whatever attend
 * computed in: a gradient passes its rounding unchanged. */
static inline void kern_attend_back(const struct kern_ctx *c, float *dqkv, const float *dctx,
                                    const float *prob, const float *qkv, const struct kern_heads *a,
                                    const struct kern_drop *drop)
{
    assert(prob && dqkv != qkv);
    c->k->attend_back(c, dqkv, dctx, prob, qkv, a, drop);
}

/* out = norm(x), vector by vector; may work in place. stat (m groups, 2) receives mean and
 * 1 / deviation for norm_back (RMSNorm: 0 and 1 / rms; DyT: unused), or is NULL. Variance in two passes. */
static inline void kern_norm(const struct kern_ctx *c, float *out, float *stat, const float *x,
                             const struct kern_norm *n, const struct kern_rows *r)
{
    assert(r->m > 0 && r->groups > 0 && r->d > 0);
    c->k->norm(c, out, stat, x, n, r);
}

/* dx and the parameters' gradients from dout, the input x and its stat. x has rows of ld_in, dx and
 * dout of ld_out. dx is written and may be dout. */
static inline void kern_norm_back(const struct kern_ctx *c, float *dx, const struct kern_dnorm *dn,
                                  const float *dout, const float *x, const float *stat,
                                  const struct kern_norm *n, const struct kern_rows *r)
{
    assert(dx != x);
    c->k->norm_back(c, dx, dn, dout, x, stat, n, r);
}

/* out (count) = act(x); may work in place. NaN gives NaN. Numbers of any size give what act tends to, and an
 * infinity what its formula gives step by step: NaN where that has infinity times zero (those with Phi or exp
 * at -inf, and their slopes at both), as PyTorch, so that what overflowed does not become a number. */
static inline void kern_act(const struct kern_ctx *c, float *out, const float *x, size_t count,
                            enum kern_act act)
{
    c->k->act(c, out, x, count, act);
}

/* dx (count) = dout act'(x); dx may be dout. */
static inline void kern_act_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x,
                                 size_t count, enum kern_act act)
{
    c->k->act_back(c, dx, dout, x, count, act);
}

/* Gated unit (SwiGLU with SiLU): out (m, hidden) = act(x[:, :hidden]) * x[:, hidden:]; x (m, 2 hidden). */
static inline void kern_glu(const struct kern_ctx *c, float *out, const float *x, int m, int hidden,
                            enum kern_act act)
{
    c->k->glu(c, out, x, m, hidden, act);
}
static inline void kern_glu_back(const struct kern_ctx *c, float *dx, const float *dout, const float *x,
                                 int m, int hidden, enum kern_act act)
{
    c->k->glu_back(c, dx, dout, x, m, hidden, act);
}

/* out (m, n) = x_scale x + gain y. gain (gain_n: n or 1) or NULL for 1; x NULL counts as zero. out may be x
 * or y. */
static inline void kern_add(const struct kern_ctx *c, float *out, const float *x, float x_scale,
                            const float *y, const float *gain, int gain_n, int m, int n)
{
    c->k->add(c, out, x, x_scale, y, gain, gain_n, m, n);
}

/* Of out = gain y: dy (m, n) = gain dout; dgain (gain_n) += column sums (or the sum) of dout y. dy may
 * be dout. */
static inline void kern_add_back(const struct kern_ctx *c, float *dy, float *dgain, const float *dout,
                                 const float *y, const float *gain, int gain_n, int m, int n)
{
    assert(gain && dgain);
    c->k->add_back(c, dy, dgain, dout, y, gain, gain_n, m, n);
}

/* x (m, n): row i *= factor[i] (stochastic depth: 0 or 1 / keep, one row an image). */
static inline void kern_row_scale(const struct kern_ctx *c, float *x, const float *factor, int m, size_t n)
{
    c->k->row_scale(c, x, factor, m, n);
}

/* rows (n g g, channels patch patch), g = image / patch, each in (channel, row, column) order as a
 * PyTorch convolution's weight; planes (n, channels, image, image). Pixels past g patch are not read. */
void kern_patchify(const struct kern_ctx *c, float *rows, const float *planes, int n, int channels, int image,
                   int patch);

/* out (n, height, width, channels) from planes (n, channels, height, width). */
void kern_nhwc(const struct kern_ctx *c, float *out, const float *planes, int n, int channels, int height,
               int width);

/* cols (n oh ow, kernel kernel channels), each in (row, column, channel) order, zeros outside. */
static inline void kern_im2col(const struct kern_ctx *c, float *cols, const float *x,
                               const struct kern_window *w, int n)
{
    c->k->im2col(c, cols, x, w, n);
}

/* dx (n, height, width, channels): written, the sum of dcols over the windows that read it. */
static inline void kern_col2im(const struct kern_ctx *c, float *dx, const float *dcols,
                               const struct kern_window *w, int n)
{
    c->k->col2im(c, dx, dcols, w, n);
}

/* out (n, oh, ow, channels): largest of each window, ties to the first in row-major order;
 * arg receives its place in the window, or is NULL. */
static inline void kern_max_pool(const struct kern_ctx *c, float *out, uint8_t *arg, const float *x,
                                 const struct kern_window *w, int n)
{
    assert(w->kernel <= 16);
    c->k->max_pool(c, out, arg, x, w, n);
}
static inline void kern_max_pool_back(const struct kern_ctx *c, float *dx, const float *dout,
                                      const uint8_t *arg, const struct kern_window *w, int n)
{
    c->k->max_pool_back(c, dx, dout, arg, w, n);
}

/* One step for count weights: w, mean, square are updated. */
static inline void kern_adamw(const struct kern_ctx *c, float *w, float *mean, float *square,
                              const float *grad, size_t count, const struct kern_adamw *p)
{
    c->k->adamw(c, w, mean, square, grad, count, p);
}

/* Sum of x^2 in double, over fixed chunks, so that the result does not depend on the threads. */
static inline double kern_sum_squares(const struct kern_ctx *c, const float *x, size_t count)
{
    return c->k->sum_squares(c, x, count);
}

#ifdef __cplusplus
}
#endif
#endif
