/* native_turn.h - squares of VEC by VEC numbers of 32 bits transposed in registers. */
#ifndef KERNELS_NATIVE_TURN_H
#define KERNELS_NATIVE_TURN_H

#include "kernels/native_base.h"

/* The numbers at the given places of a and b, which are counted through. */
#if defined(__clang__)
#define PLACES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PLACES(a, b, ...) __builtin_shuffle(a, b, (uvec){ __VA_ARGS__ })
#endif

/* The first, and the last, VEC of a[0], b[0], a[1], b[1] ... */
#if VEC == 4
enum { TURNS = 2 };
#define MIX_LOW(a, b)  PLACES(a, b, 0, 4, 1, 5)
#define MIX_HIGH(a, b) PLACES(a, b, 2, 6, 3, 7)
#elif VEC == 8
enum { TURNS = 3 };
#define MIX_LOW(a, b)  PLACES(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define MIX_HIGH(a, b) PLACES(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
enum { TURNS = 4 };
#define MIX_LOW(a, b)  PLACES(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define MIX_HIGH(a, b) PLACES(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#endif

/* x (VEC, VEC) transposed. A mix of rows i and i + VEC / 2 moves the highest bit of a row's number to
 * the lowest of the columns'; when all have moved, the two have changed places. */
INLINE void turn(uvec *x)
{
    uvec y[VEC];

    UNROLL
    for (int bit = 0; bit < TURNS; bit++) {
        UNROLL
        for (int i = 0; i < VEC / 2; i++) {
            y[2 * i] = MIX_LOW(x[i], x[i + VEC / 2]);
            y[2 * i + 1] = MIX_HIGH(x[i], x[i + VEC / 2]);
        }
        UNROLL
        for (int i = 0; i < VEC; i++) x[i] = y[i];
    }
}

#endif
