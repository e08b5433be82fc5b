/* amx.h - Intel's AMX: eight registers that are matrices of 16 rows of 64 bytes, for amx_tile.h. Inline assembly,
 * because the intrinsics of gcc 12 do not say that they read and write memory. They know nothing of intrinsics'
 * flags either: whether the assembler knows the instructions is all that a build needs (VIT_AMX). */
#ifndef KERNELS_AMX_H
#define KERNELS_AMX_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

/* Every register whole. Intel SDM vol. 1, 18.3: palette 1, bytes of a row from byte 16, rows from byte 48. */
static const struct {
    uint8_t palette, start, zeros[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} AMX_WHOLE __attribute__((aligned(64))) = { .palette = 1,
                                             .row_bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
                                             .rows = { 16, 16, 16, 16, 16, 16, 16, 16 } };

#define MATRIX_BEGIN() __asm__ volatile("ldtilecfg %0" : : "m"(AMX_WHOLE))
#define MATRIX_END()   __asm__ volatile("tilerelease")

/* Register r, a literal; rows of p lie ld numbers of 32 bits apart. */
#define MATRIX_ZERO(r) __asm__ volatile("tilezero %%tmm" #r : :)
#define MATRIX_LOAD(r, p, ld)                                                                                \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #r : : "r"(p), "r"((ptrdiff_t)(ld) * 4) : "memory")
#define MATRIX_STORE(r, p, ld)                                                                               \
    __asm__ volatile("tilestored %%tmm" #r ", (%0,%1,1)" : : "r"(p), "r"((ptrdiff_t)(ld) * 4) : "memory")

/* sum += a b by an instruction. In AT&T's order the right factor comes first. */
#define MATRIX_MULTIPLY(instruction, sum, a, b)                                                              \
    __asm__ volatile(instruction " %%tmm" #b ", %%tmm" #a ", %%tmm" #sum : :)

#define MIX_LOW(a, b)  ((uvec)mix((__m512i)(a), (__m512i)(b), 0))
#define MIX_HIGH(a, b) ((uvec)mix((__m512i)(a), (__m512i)(b), 8))

/* a and b in turns, eight numbers of each from from. */
static inline __attribute__((always_inline)) __m512i mix(__m512i a, __m512i b, int from)
{
    const __m512i turns = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);

    return _mm512_permutex2var_epi32(a, _mm512_add_epi32(turns, _mm512_set1_epi32(from)), b);
}

#endif
