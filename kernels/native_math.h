/* native_math.h - exp, tanh and the activations on vectors. Constants: tests/data/kernels/fit_constants.py.
 *
 * NaN must come out as NaN, or a diverged training would look healthy: VEC_MAX and VEC_MIN return their
 * second argument when either is NaN, so the value is second, but where what it is multiplied with shows the
 * NaN (vec_sigmoid(), hold()). What infinity gives is in kern.h (kern_act); zero and infinity at the ends of
 * exp are what makes it so. */
#ifndef KERNELS_NATIVE_MATH_H
#define KERNELS_NATIVE_MATH_H

#include "kernels/native_base.h"

/* exp(x) = 2^n 2^f, n = round(x log2 e), x at most 89. 2^n by the exponent bits: n = -127, below -87.7,
 * gives zero and n = 128, above 88.4, infinity. f = x log2 e - n is one fused operation where there is one,
 * so it carries no rounding of the product. 2^n is multiplied with, which is exact: added to the bits of 2^f
 * it would make a number of a NaN whose low bits are set. */
INLINE vec vec_exp_low(vec x)
{
    const vec magic = SPLAT(12582912.0f), log2e = SPLAT(1.44269504f); /* 1.5 2^23: adding it rounds */
    vec n, f, p;
    uvec bits;

    x = VEC_MAX(SPLAT(-88.0f), x);
    n = x * log2e + magic;
    bits = ((uvec)n << 23) + 0x3f800000u;
    n -= magic;
    f = x * log2e - n;
    p = SPLAT(0.000153531539f);
    p = p * f + SPLAT(0.00133991323f);
    p = p * f + SPLAT(0.00961843971f);
    p = p * f + SPLAT(0.0555033199f);
    p = p * f + SPLAT(0.240226477f);
    p = p * f + SPLAT(0.693147182f);
    p = p * f + SPLAT(1.0f);
    return p * (vec)bits;
}

/* exp(x) of any x. */
INLINE vec vec_exp(vec x)
{
    return vec_exp_low(VEC_MIN(SPLAT(89.0f), x));
}

INLINE vec vec_abs(vec x)
{
    return (vec)((ivec)x & ~(ivec)SPLAT(-0.0f));
}

/* 1 / (1 + e) with e = exp(-x), and 1 minus that as e / (1 + e): no cancellation. Where e is infinite, 0
 * and 1. */
struct sigmoid {
    vec s, rest;
};

INLINE struct sigmoid vec_sigmoid(vec x)
{
    const vec e = vec_exp(-x), s = SPLAT(1.0f) / (SPLAT(1.0f) + e);

    return (struct sigmoid){ s, VEC_MIN(e * s, SPLAT(1.0f)) };
}

/* x + x^3 P(x^2) near zero, where 1 - 2 / (exp(2x) + 1) would cancel. */
INLINE vec vec_tanh(vec x)
{
    const vec a = vec_abs(x), xx = x * x;
    const vec far = SPLAT(1.0f) - SPLAT(2.0f) / (vec_exp(a + a) + SPLAT(1.0f));
    const ivec sign = (ivec)x & (ivec)SPLAT(-0.0f);
    vec p = SPLAT(-0.00551516423f);

    p = p * xx + SPLAT(0.0204694197f);
    p = p * xx + SPLAT(-0.0536880232f);
    p = p * xx + SPLAT(0.133308306f);
    p = p * xx + SPLAT(-0.333332598f);
    return pick(a < SPLAT(0.65f), x + x * (xx * p), (vec)((ivec)far | sign));
}

/* Of a = min(|x|, 14): bell = exp(-a^2 / 2), tail = Phi(-a) = bell P(a) / Q(a), zero above 13.3. Built from
 * the tail, never from 1 - erf, so that small values keep their digits. */
struct normal {
    vec bell, tail;
};

INLINE struct normal vec_normal(vec x)
{
    const vec a = VEC_MIN(SPLAT(14.0f), vec_abs(x)), bell = vec_exp_low(a * a * SPLAT(-0.5f));
    vec p = SPLAT(0.00407761615f), q = SPLAT(0.0102209393f);

    p = p * a + SPLAT(0.0403725915f);
    p = p * a + SPLAT(0.182461932f);
    p = p * a + SPLAT(0.437251031f);
    p = p * a + SPLAT(0.5f);
    q = q * a + SPLAT(0.101205885f);
    q = q * a + SPLAT(0.46742937f);
    q = q * a + SPLAT(1.19929111f);
    q = q * a + SPLAT(1.672387f);
    q = q * a + SPLAT(1.0f);
    return (struct normal){ bell, bell * (p / q) };
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|). The tail is zero past 14: above, |x| is held there, or infinity would
 * give NaN; below it is not, since there it has to. */
INLINE vec vec_gelu(vec x)
{
    const vec size = vec_abs(VEC_MIN(SPLAT(14.0f), x));

    return VEC_MAX(SPLAT(0.0f), x) - size * vec_normal(size).tail;
}

/* Phi(x) + x phi(x). */
INLINE vec vec_gelu_slope(vec x)
{
    const struct normal n = vec_normal(x);
    const vec phi = pick(x > SPLAT(0.0f), SPLAT(1.0f) - n.tail, n.tail);

    return phi + x * n.bell * SPLAT(0.39894228f);
}

/* tanh GELU: x s(y), y = 2 sqrt(2/pi) (x + 0.044715 x^3). */
INLINE vec gelu_tanh_inner(vec x)
{
    return x * (SPLAT(1.5957691216f) + SPLAT(1.5957691216f * 0.044715f) * (x * x));
}

INLINE vec vec_gelu_tanh_slope(vec x)
{
    const struct sigmoid s = vec_sigmoid(gelu_tanh_inner(x));
    const vec xx = VEC_MIN(SPLAT(1e3f), x * x); /* where s.s s.rest is 0: dy stays finite */
    const vec dy = SPLAT(1.5957691216f) + SPLAT(3 * 1.5957691216f * 0.044715f) * xx;

    return s.s + x * s.s * s.rest * dy;
}

INLINE vec vec_swish_slope(vec x, float a)
{
    const struct sigmoid s = vec_sigmoid(x * SPLAT(a));

    return s.s + x * s.s * s.rest * SPLAT(a);
}

INLINE vec vec_tanh_slope(vec x)
{
    const vec t = vec_tanh(x);

    return SPLAT(1.0f) - t * t;
}

INLINE vec vec_act(enum kern_act act, vec x)
{
    switch (act) {
    case KERN_ACT_GELU: return vec_gelu(x);
    case KERN_ACT_GELU_TANH: return x * vec_sigmoid(gelu_tanh_inner(x)).s;
    case KERN_ACT_QUICK_GELU: return x * vec_sigmoid(x * SPLAT(1.702f)).s;
    case KERN_ACT_RELU: return VEC_MAX(SPLAT(0.0f), x);
    case KERN_ACT_SILU: return x * vec_sigmoid(x).s;
    case KERN_ACT_TANH: return vec_tanh(x);
    case KERN_ACT_NONE:
    case KERN_ACTS: break;
    }
    return x;
}

INLINE vec vec_act_slope(enum kern_act act, vec x)
{
    switch (act) {
    case KERN_ACT_GELU: return vec_gelu_slope(x);
    case KERN_ACT_GELU_TANH: return vec_gelu_tanh_slope(x);
    case KERN_ACT_QUICK_GELU: return vec_swish_slope(x, 1.702f);
    case KERN_ACT_RELU: return pick(x > SPLAT(0.0f), SPLAT(1.0f), SPLAT(0.0f));
    case KERN_ACT_SILU: return vec_swish_slope(x, 1.0f);
    case KERN_ACT_TANH: return vec_tanh_slope(x);
    case KERN_ACT_NONE:
    case KERN_ACTS: break;
    }
    return SPLAT(1.0f);
}

/* Call each(act, ...) with act a constant, so that the choice stands outside the loop. */
#define FOR_ACT(act, each, ...)                                                                              \
    do {                                                                                                     \
        switch (act) {                                                                                       \
        case KERN_ACT_GELU: each(KERN_ACT_GELU, __VA_ARGS__); break;                                         \
        case KERN_ACT_GELU_TANH: each(KERN_ACT_GELU_TANH, __VA_ARGS__); break;                               \
        case KERN_ACT_QUICK_GELU: each(KERN_ACT_QUICK_GELU, __VA_ARGS__); break;                             \
        case KERN_ACT_RELU: each(KERN_ACT_RELU, __VA_ARGS__); break;                                         \
        case KERN_ACT_SILU: each(KERN_ACT_SILU, __VA_ARGS__); break;                                         \
        case KERN_ACT_TANH: each(KERN_ACT_TANH, __VA_ARGS__); break;                                         \
        case KERN_ACT_NONE:                                                                                  \
        case KERN_ACTS: each(KERN_ACT_NONE, __VA_ARGS__); break;                                             \
        }                                                                                                    \
    } while (0)

#endif
