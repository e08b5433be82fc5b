/* augment_draw.h - the purposes of random numbers in the augmentation, for augment*.c only. */
#ifndef PATCH_AUGMENT_DRAW_H
#define PATCH_AUGMENT_DRAW_H

#include "patch/augment.h"
#include "vit/random.h"

/* Folded into the key first, so that no other user of a seed shares these streams: "augment" in ASCII. */
#define PATCH_DRAW_DOMAIN UINT64_C(0x6175676d656e74)

enum patch_draw {
    PATCH_DRAW_CROP,
    PATCH_DRAW_FLIP,
    PATCH_DRAW_POLICY,
    PATCH_DRAW_CUTOUT,
    PATCH_DRAW_ERASE,
    PATCH_DRAW_MIX,
    PATCH_DRAW_FIRST, /* gamma variates of mixup and CutMix */
    PATCH_DRAW_SECOND,
};

static inline uint64_t patch_draw_key(uint64_t seed, uint64_t epoch, uint64_t index, enum patch_draw purpose)
{
    return vit_key(vit_key(vit_key(vit_key(seed, PATCH_DRAW_DOMAIN), epoch), index), purpose);
}

/* The random operations of a policy, in augment_policy.c. pixels, scratch (size, size, 3). */
void patch_policy_apply(unsigned char *pixels, unsigned char *scratch, int size,
                        const struct patch_augment *a, uint64_t key);

#endif
