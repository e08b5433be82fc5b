/* bf16_attend.h - attention with products of bf16 numbers, on the tile that bf16_product.h has. */
#ifndef KERNELS_BF16_ATTEND_H
#define KERNELS_BF16_ATTEND_H

#include "kernels/folded.h"

#include "kernels/native_heads.h"

static void multiply_into(float *out, int ld, const num *left, size_t left_ld, const num *panels, int rows,
                          int n, int k)
{
    const int nums = units(k, FOLD);
    const struct slice s = { .left = left,
                             .panels = panels,
                             .left_ld = left_ld,
                             .panel = (size_t)nums * TILE_COLS,
                             .ld = (size_t)ld,
                             .rows = rows,
                             .count = units(n, TILE_COLS),
                             .nums = nums };
    const struct ahead nothing = { 0 };

    slice_tiles(out, &s, &nothing);
}

static void attend(const struct kern_ctx *c, float *ctx, float *prob, const float *qkv,
                   const struct kern_heads *a, const struct kern_drop *drop)
{
    attend_heads(c, true, ctx, prob, qkv, a, drop);
}

#endif
