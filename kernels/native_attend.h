/* native_attend.h - attention in f32, and in bf16 where no overlay multiplies such numbers: there what is
 * multiplied is rounded and the rest is the same. */
#ifndef KERNELS_NATIVE_ATTEND_H
#define KERNELS_NATIVE_ATTEND_H

#include "kernels/native_tile.h"

#include "kernels/native_heads.h"

static void multiply_into(float *out, int ld, const num *left, size_t left_ld, const num *panels, int rows,
                          int n, int k)
{
    const struct factors f = { left, panels, left_ld, (size_t)k * TILE_COLS, rows, units(n, TILE_COLS), k };
    struct ahead nothing = { 0 };

    tiles(out, (size_t)ld, false, &f, &nothing);
}

static void attend(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                   const struct kern_heads *a, const struct kern_drop *drop)
{
    attend_heads(c, false, ctx, prob, qkv, a, drop);
}

static void attend_bf16(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                        const struct kern_heads *a, const struct kern_drop *drop)
{
    attend_heads(c, true, ctx, prob, qkv, a, drop);
}

#endif
