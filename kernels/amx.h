/* amx.h - Intel's AMX: eight registers that are matrices of 16 rows of 64 bytes, for amx_tile.h.
 * Inline assembly, because the intrinsics of gcc 12 do not say that they read and write memory. They
 * know nothing of intrinsics' flags either: whether the assembler knows the instructions is all that a
 * build needs (VIT_AMX). */
#ifndef KERNELS_AMX_H
#define KERNELS_AMX_H

#include <stddef.h>
#include <stdint.h>

/* Of every register the bytes of a row and the rows. Intel SDM vol. 1, 18.3: palette 1. */
struct amx_shape {
    uint8_t palette, start, zeros[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static inline struct amx_shape amx_shape(int nums)
{
    return (struct amx_shape){
        .palette = 1,
        .row_bytes = { 64, 64, 64, 64, (uint16_t)(4 * nums), (uint16_t)(4 * nums), 64, 64 },
        .rows = { 16, 16, 16, 16, 16, 16, (uint8_t)nums, (uint8_t)nums },
    };
}

#define MATRIX_SHAPE(nums)                                                                                   \
    __asm__ volatile("ldtilecfg %0" : : "m"((struct amx_shape[]){ amx_shape(nums) }[0]))
#define MATRIX_END() __asm__ volatile("tilerelease")

/* Register r, a literal; rows of p lie ld numbers of 32 bits apart. */
#define MATRIX_ZERO(r) __asm__ volatile("tilezero %%tmm" #r : :)
#define MATRIX_LOAD(r, p, ld)                                                                                \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #r : : "r"(p), "r"((ptrdiff_t)(ld)*4) : "memory")
#define MATRIX_STORE(r, p, ld)                                                                               \
    __asm__ volatile("tilestored %%tmm" #r ", (%0,%1,1)" : : "r"(p), "r"((ptrdiff_t)(ld)*4) : "memory")

/* sum += a b by an instruction. In AT&T's order the right factor comes first. */
#define MATRIX_MULTIPLY(instruction, sum, a, b)                                                              \
    __asm__ volatile(instruction " %%tmm" #b ", %%tmm" #a ", %%tmm" #sum : :)

#endif
