/* vec.c - the native kernels with 128-bit vectors and whatever instructions every CPU of the architecture
 * has: SSE2 on x86-64; on AArch64 NEON with fused multiply-adds, where 28 sums, 2 right vectors and
 * one left number fill 31 of the 32 registers. */
#define NATIVE        vec
#define VEC           4
#define SPLAT(x)      splat(x)
#define VEC_MAX(a, b) greater(a, b)
#define VEC_MIN(a, b) smaller(a, b)
#if defined(__aarch64__)
#include <arm_neon.h>
#define TILE_ROWS   14
#define VEC_SQRT(a) ((vec)vsqrtq_f32((float32x4_t)(a)))
#define VEC_RINT(a) ((vec)vrndnq_f32((float32x4_t)(a)))
#else
#define TILE_ROWS   6
#define VEC_SQRT(a) square_root(a)
#define VEC_RINT(a) nearest(a)
#endif

#include "kernels/native_base.h"

INLINE vec splat(float x)
{
    return (vec){ x, x, x, x };
}

INLINE vec greater(vec a, vec b)
{
    return pick(a > b, a, b);
}

INLINE vec smaller(vec a, vec b)
{
    return pick(a < b, a, b);
}

#if !defined(__aarch64__)
INLINE vec square_root(vec a)
{
    return (vec){ sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3]) };
}

/* What is added leaves no bits for fractions; no multiply-add is made of it here: -ffp-contract=off. */
INLINE vec nearest(vec a)
{
    const vec big = splat(0x1.8p23f);

    return (a + big) - big;
}
#endif

#include "kernels/native.h"
