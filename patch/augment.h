/* augment.h - random changes to training pictures, and mixing pictures of a batch.
 *
 *     struct patch_augment a;
 *     if (patch_augment_preset(&a, "autoaugment", &err)) ...
 *     patch_augment_scale(&a, 32);
 *     patch_augment_fill(&a, recipe.mean);
 *     patch_augment_apply(pixels, scratch, 32, &a, seed, epoch, index);      8-bit RGB, before normalising
 *     ...
 *     struct patch_mix mix = patch_mix_draw(&options, 32, seed, step);
 *     patch_mix_apply(planes, n, 3, 32, &mix);                               a batch, after normalising
 *     patch_mix_labels(second, weight, labels, n, &mix);
 *
 * Every draw is a function of (seed, epoch, index, purpose), or of (seed, step), by vit/random.h: neither
 * threads, nor the place in a batch, nor which other augmentations are on changes it. */
#ifndef PATCH_AUGMENT_H
#define PATCH_AUGMENT_H

#include "vit/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one picture ---- */

enum patch_padding {
    PATCH_PAD_REFLECT, /* the edge is not repeated: c b | a b c | b a */
    PATCH_PAD_ZERO,    /* black */
    PATCH_PADDINGS
};

enum patch_flip {
    PATCH_FLIP_NONE,
    PATCH_FLIP_RANDOM,      /* with probability 1/2 */
    PATCH_FLIP_ALTERNATING, /* by chance in the first epoch, then in turns: Jordan 2024, arXiv 2404.00498 */
    PATCH_FLIPS
};

enum patch_policy {
    PATCH_POLICY_NONE,
    PATCH_POLICY_AUTOAUGMENT, /* Cubuk et al. 2019, the policy found on CIFAR-10 */
    PATCH_POLICY_RANDAUGMENT, /* Cubuk et al. 2020, as timm's rand-mM-nN-mstdS-inc1 */
    PATCH_POLICY_TRIVIAL,     /* TrivialAugment, wide: Mueller and Hutter 2021 */
    PATCH_POLICIES
};

/* In the order they are done; zero is nothing. */
struct patch_augment {
    int crop_padding; /* pixels on every side, then a crop of the old size at a uniform place; 0: none */
    enum patch_padding padding;
    enum patch_flip flip;
    enum patch_policy policy;
    int operations;        /* RandAugment: how many of its 15, each done with probability 1/2 */
    float magnitude;       /* RandAugment: 0 to 10 */
    float deviation;       /* RandAugment: of the magnitude, normal, clipped to 0 to 10 */
    int cutout;            /* side of a square about a uniform centre, cut at the border; 0: none */
    float erase;           /* probability of random erasing: of a rectangle that lies in the picture */
    unsigned char fill[3]; /* colour of cutout and erasing */
};

/* "none"; "flip": alternating; "basic": that and a crop from 4 reflected pixels; "cutout", "autoaugment",
 * "randaugment", "trivial": basic and 8 pixels cut out, or that policy. The pixels are those of a picture of
 * 32, CIFAR's; fill is grey, 128. Another name is VIT_ERR_ARG and lists them. */
enum vit_status patch_augment_preset(struct patch_augment *out, const char *name, struct vit_error *err);
const char *patch_augment_preset_name(int i); /* NULL past the end */

/* The same parts of a picture of size pixels: a preset's border is an eighth of the side. */
void patch_augment_scale(struct patch_augment *a, int size);

/* Fill with the mean of the data set (values in [0, 1]), which is nought after normalising. */
void patch_augment_fill(struct patch_augment *a, const float mean[3]);

/* Whether it can be done to pictures of size pixels. */
enum vit_status patch_augment_check(const struct patch_augment *a, int size, struct vit_error *err);

/* Change pixels (size, size, 3) in place; scratch (size, size, 3). index: of the sample in its data set. */
void patch_augment_apply(unsigned char *pixels, unsigned char *scratch, int size,
                         const struct patch_augment *a, uint64_t seed, uint64_t epoch, uint64_t index);

/* ---- a batch: mixup and CutMix ---- */

struct patch_mix_options {
    float mixup, cutmix; /* alpha of Beta(alpha, alpha); 0: never */
    float probability;   /* that a batch is mixed */
    float switching;     /* probability of CutMix when both are on; timm's default is 0.5 */
};
enum vit_status patch_mix_check(const struct patch_mix_options *o, struct vit_error *err);

enum patch_mix_kind { PATCH_MIX_NONE, PATCH_MIX_MIXUP, PATCH_MIX_CUTMIX, PATCH_MIX_KINDS };

/* What happens to a batch: picture i is mixed with picture n - 1 - i, as in timm. */
struct patch_mix {
    enum patch_mix_kind kind;
    float lambda;                 /* weight of picture i; of CutMix: the share of the area left to it */
    int top, left, bottom, right; /* CutMix: what comes from the other picture, ends exclusive */
};
struct patch_mix patch_mix_draw(const struct patch_mix_options *o, int size, uint64_t seed, uint64_t step);

/* planes (n, channels, size, size), in place. */
void patch_mix_apply(float *planes, int n, int channels, int size, const struct patch_mix *mix);

/* The target of row i is weight[i] of labels[i] and 1 - weight[i] of second[i]; all (n). */
void patch_mix_labels(int *second, float *weight, const int *labels, int n, const struct patch_mix *mix);

#ifdef __cplusplus
}
#endif
#endif
