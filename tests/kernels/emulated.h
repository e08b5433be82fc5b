/* emulated.h - what overlays take from intrinsics, in plain C for vectors of any length: so the
 * descriptions in kernels/ that are for AVX-512, VNNI and AMX can be compiled, and tested, where these
 * are missing. A file sets VEC and TILE_ROWS as the overlay that it stands for does. */
#ifndef TESTS_KERNELS_EMULATED_H
#define TESTS_KERNELS_EMULATED_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OVERLAYS_OF_TESTS
#define SPLAT(x)      splat(x)
#define VEC_MAX(a, b) greater(a, b)
#define VEC_MIN(a, b) smaller(a, b)
#define VEC_SQRT(a)   square_root(a)
#define VEC_RINT(a)   nearest(a)
#define SPLAT_NUM(x)  splat_num(x)

#define EMULATE static inline __attribute__((always_inline))
/* What a tile repeats: as calls, or compiling it takes a minute. */
#define EMULATE_OFTEN static __attribute__((noinline, unused))

typedef float wide __attribute__((vector_size(VEC * 4)));
typedef int32_t iwide __attribute__((vector_size(VEC * 4)));
typedef uint32_t uwide __attribute__((vector_size(VEC * 4)));

EMULATE wide splat(float x)
{
    wide v;

    for (int i = 0; i < VEC; i++) v[i] = x;
    return v;
}

EMULATE uwide splat_num(uint32_t x)
{
    return (uwide){ 0 } + x;
}

EMULATE wide choose(iwide mask, wide yes, wide no)
{
    return (wide)((mask & (iwide)yes) | (~mask & (iwide)no));
}

EMULATE wide greater(wide a, wide b)
{
    return choose(a > b, a, b);
}

EMULATE wide smaller(wide a, wide b)
{
    return choose(a < b, a, b);
}

EMULATE wide square_root(wide a)
{
    for (int i = 0; i < VEC; i++) a[i] = sqrtf(a[i]);
    return a;
}

EMULATE wide nearest(wide a)
{
    for (int i = 0; i < VEC; i++) a[i] = rintf(a[i]);
    return a;
}

/* ---- integers of 8 bits, four in a num ---- */

/* vpdpbusd: bytes of a without a sign times bytes of b with one, sums modulo 2^32. */
EMULATE_OFTEN uwide dot4(uwide sum, uwide a, uwide b)
{
    for (int i = 0; i < 4; i++) sum += (a >> 8 * i & 0xff) * (uwide)((iwide)(b << (24 - 8 * i)) >> 24);
    return sum;
}

/* As vcvtps2dq (what is no int32 becomes the least one) and vpackssdw, vpacksswb. */
EMULATE uint8_t byte_of(float x)
{
    const float step = fabsf(x) < 0x1p31f ? rintf(x) : -0x1p31f;

    return (uint8_t)(step > INT8_MAX ? INT8_MAX : step < INT8_MIN ? INT8_MIN : (int)step);
}

EMULATE uwide bytes_of(const wide *part)
{
    uwide nums = { 0 };

    for (int i = 0; i < 4 * VEC; i++) nums[i / 4] |= (uint32_t)byte_of(part[i / VEC][i % VEC]) << i % 4 * 8;
    return nums;
}

/* ---- pairs of bf16 ---- */

/* vdpbf16ps, but for subnormals. */
EMULATE_OFTEN wide dot2(wide sum, uwide a, uwide b)
{
    sum += (wide)(a & 0xffff0000u) * (wide)(b & 0xffff0000u);
    return sum + (wide)(a << 16) * (wide)(b << 16);
}

/* vcvtne2ps2bf16, but for subnormals and the bits of a NaN: to nearest, ties to even. */
EMULATE uwide upper(wide x)
{
    const uwide bits = (uwide)x, rounded = bits + 0x7fff + (bits >> 16 & 1);

    return (uwide)choose(x == x, (wide)rounded, x) >> 16;
}

EMULATE uwide across(wide a, wide b)
{
    return upper(a) | upper(b) << 16;
}

EMULATE uwide along(wide low, wide high)
{
    wide even, odd;

    for (int i = 0; i < VEC; i++) {
        even[i] = 2 * i < VEC ? low[2 * i] : high[2 * i - VEC];
        odd[i] = 2 * i < VEC ? low[2 * i + 1] : high[2 * i + 1 - VEC];
    }
    return across(even, odd);
}

EMULATE wide take(const float *p, int count)
{
    wide v = { 0 };

    for (int i = 0; i < VEC && i < count; i++) v[i] = p[i];
    return v;
}

EMULATE void put(uint32_t *p, uwide nums, int count)
{
    for (int i = 0; i < VEC && i < count; i++) p[i] = nums[i];
}

/* ---- registers that are matrices of 16 rows of 16 nums ---- */

#if VEC == 16
static _Thread_local uwide matrix[8][16];
static _Thread_local int
    matrix_nums; /* of a row of the left factors, rows of the right ones; 0: not in use */

/* What a CPU answers with a signal. */
EMULATE uwide *matrix_of(int r)
{
    if (!matrix_nums) abort();
    return matrix[r];
}

EMULATE void matrix_shape(int nums)
{
    matrix_nums = nums;
    memset(matrix, 0, sizeof matrix);
}

EMULATE size_t matrix_rows(int r)
{
    return r < 6 ? 16 : (size_t)matrix_nums;
}

EMULATE size_t matrix_bytes(int r)
{
    return r == 4 || r == 5 ? 4 * (size_t)matrix_nums : sizeof **matrix;
}

EMULATE_OFTEN void matrix_zero(int r)
{
    memset(matrix_of(r), 0, sizeof *matrix);
}

EMULATE_OFTEN void matrix_load(int r, const void *p, size_t ld)
{
    matrix_zero(r);
    for (size_t i = 0; i < matrix_rows(r); i++)
        memcpy(matrix_of(r) + i, (const uint32_t *)p + i * ld, matrix_bytes(r));
}

EMULATE_OFTEN void matrix_store(int r, void *p, size_t ld)
{
    for (size_t i = 0; i < matrix_rows(r); i++)
        memcpy((uint32_t *)p + i * ld, matrix_of(r) + i, matrix_bytes(r));
}

#define MATRIX_SHAPE(nums)     matrix_shape(nums)
#define MATRIX_END()           matrix_shape(0)
#define MATRIX_ZERO(r)         matrix_zero(r)
#define MATRIX_LOAD(r, p, ld)  matrix_load(r, p, ld)
#define MATRIX_STORE(r, p, ld) matrix_store(r, p, ld)

/* sum += a b by a dot of nums, lane by lane. */
#define MATRIX_MULTIPLY(type, dot, sum, a, b)                                                                \
    for (int i_ = 0; i_ < 16; i_++)                                                                          \
        for (int k_ = 0; k_ < matrix_nums; k_++)                                                             \
    matrix_of(sum)[i_] =                                                                                     \
        (uwide)dot((type)matrix_of(sum)[i_], splat_num(matrix_of(a)[i_][k_]), matrix_of(b)[k_])
#endif

#endif
