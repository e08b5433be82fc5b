/* native_base.h - vectors of VEC floats and small helpers; see native.h. */
#ifndef KERNELS_NATIVE_BASE_H
#define KERNELS_NATIVE_BASE_H

#include <math.h>
#include <string.h>

#include "kernels/ref.h"

enum { TILE_COLS = 2 * VEC };

typedef float vec __attribute__((vector_size(VEC * 4)));
typedef int32_t ivec __attribute__((vector_size(VEC * 4)));
typedef uint32_t uvec __attribute__((vector_size(VEC * 4)));
typedef float loose __attribute__((vector_size(VEC * 4), aligned(4), may_alias)); /* any float address */

#define INLINE  static inline __attribute__((always_inline))
#define OUTLINE static __attribute__((noinline))

/* kern_NATIVE_install */
#define INSTALL_NAME_(name) kern_##name##_install
#define INSTALL_NAME(name)  INSTALL_NAME_(name)

/* Loops over the register tile must be unrolled before the compiler decides what lives in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE vec load(const float *p)
{
    return *(const loose *)p;
}

INLINE void store(float *p, vec v)
{
    *(loose *)p = v;
}

/* The first count lanes from p, zeros behind them; nothing past p[count - 1] is read. */
INLINE vec load_some(const float *p, int count)
{
    vec v = { 0 };

    if (count >= VEC) return load(p);
    memcpy(&v, p, (size_t)count * sizeof(float));
    return v;
}

INLINE void store_some(float *p, vec v, int count)
{
    if (count >= VEC)
        store(p, v);
    else
        memcpy(p, &v, (size_t)count * sizeof(float));
}

INLINE vec pick(ivec mask, vec yes, vec no)
{
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/* Rounded to bf16, as vit_bf16 does: to nearest, ties to even; NaN stays. */
INLINE vec round_bf16(vec x)
{
    const uvec bits = (uvec)x;
    const uvec rounded = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;

    return pick(x == x, (vec)rounded, x);
}

/* Sum and largest of the lanes, pairwise: always the same order. Halves are added as vectors down to four. */
typedef float four __attribute__((vector_size(16)));
typedef int32_t ifour __attribute__((vector_size(16)));

INLINE float sum_lanes(vec v)
{
    four part[VEC / 4];

    memcpy(part, &v, sizeof v);
    UNROLL
    for (int width = VEC / 8; width; width /= 2) {
        UNROLL
        for (int i = 0; i < width; i++) part[i] += part[i + width];
    }
    return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}

static inline float larger_lane(float a, float b)
{
    return b > a ? b : a;
}

INLINE float max_lanes(vec v)
{
    four part[VEC / 4];

    memcpy(part, &v, sizeof v);
    UNROLL
    for (int width = VEC / 8; width; width /= 2) {
        UNROLL
        for (int i = 0; i < width; i++) {
            const ifour mask = part[i + width] > part[i];
            part[i] = (four)((mask & (ifour)part[i + width]) | (~mask & (ifour)part[i]));
        }
    }
    return larger_lane(larger_lane(part[0][0], part[0][2]), larger_lane(part[0][1], part[0][3]));
}

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

static inline int most(int a, int b)
{
    return a > b ? a : b;
}

static inline size_t least_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Smallest multiple of unit that holds n; how many units that is. */
static inline int units(int n, int unit)
{
    return (n + unit - 1) / unit;
}

static inline int padded(int n, int unit)
{
    return units(n, unit) * unit;
}

/* ---- tasks of operations that pass over memory ---- */

enum { SPAN = 4096 }; /* numbers of a task: 16 KiB stay in L1 */

/* Spans that hold count numbers; numbers of the span that starts at at. */
static inline int spans(size_t count)
{
    return (int)((count + SPAN - 1) / SPAN);
}

static inline int span_of(size_t at, size_t count)
{
    return count - at < SPAN ? (int)(count - at) : SPAN;
}

/* The same for m whole rows of n numbers. */
struct range {
    int from, to;
};

static inline int rows_of_task(int n)
{
    return n < SPAN ? SPAN / n : 1;
}

static inline int row_tasks(int m, int n)
{
    return units(m, rows_of_task(n));
}

static inline struct range task_rows(int task, int m, int n)
{
    const int rows = rows_of_task(n), from = task * rows;

    return (struct range){ from, least(m, from + rows) };
}

#endif
