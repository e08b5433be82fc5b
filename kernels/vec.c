/* vec.c - the native kernels with 128-bit vectors and whatever instructions every CPU of the architecture
 * has: SSE2 on x86-64, NEON on AArch64. */
#define NATIVE        vec
#define VEC           4
#define TILE_ROWS     6
#define SPLAT(x)      splat(x)
#define VEC_MAX(a, b) greater(a, b)
#define VEC_MIN(a, b) smaller(a, b)
#define VEC_SQRT(a)   square_root(a)
#define VEC_RINT(a)   nearest(a)

#include <math.h>
#include <stdint.h>

typedef float four __attribute__((vector_size(16)));
typedef int32_t ifour __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) four splat(float x)
{
    return (four){ x, x, x, x };
}

static inline __attribute__((always_inline)) four choose(ifour mask, four yes, four no)
{
    return (four)((mask & (ifour)yes) | (~mask & (ifour)no));
}

static inline __attribute__((always_inline)) four greater(four a, four b)
{
    return choose(a > b, a, b);
}

static inline __attribute__((always_inline)) four smaller(four a, four b)
{
    return choose(a < b, a, b);
}

static inline four square_root(four a)
{
    return (four){ sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3]) };
}

/* What is added leaves no bits for fractions; no multiply-add is made of it here: -ffp-contract=off. */
static inline __attribute__((always_inline)) four nearest(four a)
{
    const four big = splat(0x1.8p23f);

    return (a + big) - big;
}

#include "kernels/native.h"
