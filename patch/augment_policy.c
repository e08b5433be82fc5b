#include <math.h>

#include "patch/augment_draw.h"
#include "patch/augment_ops.h"

/* ---- how strong an operation is at t, 0 to 1 ---- */

enum rounding { EXACT, TRUNCATE, CEILING };

struct strength {
    enum patch_op op;
    double from, to;        /* the value at t 0 and at t 1, linear between */
    bool either;            /* its sign is drawn */
    bool relative;          /* then times the side of the picture */
    enum rounding rounding; /* then this */
    double add;             /* then this is added: 1 makes a factor */
};

/* AutoAugment's ranges as torchvision's AutoAugment._augmentation_space has them, level 0 to 9 as t 0 to 1:
 * translations are whole pixels of 150/331 of the side, Posterize keeps 8 - round(4 t) bits. */
static const struct strength AUTO[PATCH_OPS] = {
    [PATCH_OP_SHEAR_X] = { PATCH_OP_SHEAR_X, 0, 0.3, true, false, EXACT, 0 },
    [PATCH_OP_SHEAR_Y] = { PATCH_OP_SHEAR_Y, 0, 0.3, true, false, EXACT, 0 },
    [PATCH_OP_TRANSLATE_X] = { PATCH_OP_TRANSLATE_X, 0, 150 / 331.0, true, true, TRUNCATE, 0 },
    [PATCH_OP_TRANSLATE_Y] = { PATCH_OP_TRANSLATE_Y, 0, 150 / 331.0, true, true, TRUNCATE, 0 },
    [PATCH_OP_ROTATE] = { PATCH_OP_ROTATE, 0, 30, true, false, EXACT, 0 },
    [PATCH_OP_AUTO_CONTRAST] = { .op = PATCH_OP_AUTO_CONTRAST },
    [PATCH_OP_INVERT] = { .op = PATCH_OP_INVERT },
    [PATCH_OP_EQUALIZE] = { .op = PATCH_OP_EQUALIZE },
    [PATCH_OP_SOLARIZE] = { PATCH_OP_SOLARIZE, 255, 0, false, false, EXACT, 0 },
    [PATCH_OP_POSTERIZE] = { PATCH_OP_POSTERIZE, 8.5, 4.5, false, false, TRUNCATE, 0 },
    [PATCH_OP_CONTRAST] = { PATCH_OP_CONTRAST, 0, 0.9, true, false, EXACT, 1 },
    [PATCH_OP_COLOR] = { PATCH_OP_COLOR, 0, 0.9, true, false, EXACT, 1 },
    [PATCH_OP_BRIGHTNESS] = { PATCH_OP_BRIGHTNESS, 0, 0.9, true, false, EXACT, 1 },
    [PATCH_OP_SHARPNESS] = { PATCH_OP_SHARPNESS, 0, 0.9, true, false, EXACT, 1 },
};

/* timm's _RAND_INCREASING_TRANSFORMS: every operation is stronger at a higher magnitude. (timm resamples
 * by bilinear or bicubic at random; here nearest, as the other policies do.) */
static const struct strength RAND[] = {
    { .op = PATCH_OP_AUTO_CONTRAST },
    { .op = PATCH_OP_EQUALIZE },
    { .op = PATCH_OP_INVERT },
    { PATCH_OP_ROTATE, 0, 30, true, false, EXACT, 0 },
    { PATCH_OP_POSTERIZE, 4, 0, false, false, CEILING, 0 },
    { PATCH_OP_SOLARIZE, 256, 0, false, false, CEILING, 0 },
    { PATCH_OP_SOLARIZE_ADD, 0, 110, false, false, TRUNCATE, 0 },
    { PATCH_OP_COLOR, 0, 0.9, true, false, EXACT, 1 },
    { PATCH_OP_CONTRAST, 0, 0.9, true, false, EXACT, 1 },
    { PATCH_OP_BRIGHTNESS, 0, 0.9, true, false, EXACT, 1 },
    { PATCH_OP_SHARPNESS, 0, 0.9, true, false, EXACT, 1 },
    { PATCH_OP_SHEAR_X, 0, 0.3, true, false, EXACT, 0 },
    { PATCH_OP_SHEAR_Y, 0, 0.3, true, false, EXACT, 0 },
    { PATCH_OP_TRANSLATE_X, 0, 0.45, true, true, EXACT, 0 },
    { PATCH_OP_TRANSLATE_Y, 0, 0.45, true, true, EXACT, 0 },
};

/* torchvision's TrivialAugmentWide; a bin 0 to 30 as t 0 to 1. Moves are in pixels whatever the side. */
static const struct strength TRIVIAL[] = {
    { .op = PATCH_OP_IDENTITY },
    { PATCH_OP_SHEAR_X, 0, 0.99, true, false, EXACT, 0 },
    { PATCH_OP_SHEAR_Y, 0, 0.99, true, false, EXACT, 0 },
    { PATCH_OP_TRANSLATE_X, 0, 32, true, false, TRUNCATE, 0 },
    { PATCH_OP_TRANSLATE_Y, 0, 32, true, false, TRUNCATE, 0 },
    { PATCH_OP_ROTATE, 0, 135, true, false, EXACT, 0 },
    { PATCH_OP_BRIGHTNESS, 0, 0.99, true, false, EXACT, 1 },
    { PATCH_OP_COLOR, 0, 0.99, true, false, EXACT, 1 },
    { PATCH_OP_CONTRAST, 0, 0.99, true, false, EXACT, 1 },
    { PATCH_OP_SHARPNESS, 0, 0.99, true, false, EXACT, 1 },
    { PATCH_OP_POSTERIZE, 8.5, 2.5, false, false, TRUNCATE, 0 },
    { PATCH_OP_SOLARIZE, 255, 0, false, false, EXACT, 0 },
    { .op = PATCH_OP_AUTO_CONTRAST },
    { .op = PATCH_OP_EQUALIZE },
};
enum { TRIVIAL_BINS = 31 };

static double value_of(const struct strength *s, double t, int size, bool negative)
{
    double v = s->from + (s->to - s->from) * t;

    if (s->either && negative) v = -v;
    if (s->relative) v *= size;
    if (s->rounding == TRUNCATE) v = trunc(v);
    if (s->rounding == CEILING) v = ceil(v);
    return v + s->add;
}

/* ---- AutoAugment ---- */

/* The 25 sub-policies found on reduced CIFAR-10: Cubuk et al. 2019 (arXiv 1805.09501), table 7; as in
 * torchvision's AutoAugmentPolicy.CIFAR10. Two operations each, done with a probability (in tenths) at a
 * level of 0 to 9. */
struct step {
    enum patch_op op;
    int tenths, level;
};
static const struct step CIFAR10[][2] = {
    { { PATCH_OP_INVERT, 1, 0 }, { PATCH_OP_CONTRAST, 2, 6 } },
    { { PATCH_OP_ROTATE, 7, 2 }, { PATCH_OP_TRANSLATE_X, 3, 9 } },
    { { PATCH_OP_SHARPNESS, 8, 1 }, { PATCH_OP_SHARPNESS, 9, 3 } },
    { { PATCH_OP_SHEAR_Y, 5, 8 }, { PATCH_OP_TRANSLATE_Y, 7, 9 } },
    { { PATCH_OP_AUTO_CONTRAST, 5, 0 }, { PATCH_OP_EQUALIZE, 9, 0 } },
    { { PATCH_OP_SHEAR_Y, 2, 7 }, { PATCH_OP_POSTERIZE, 3, 7 } },
    { { PATCH_OP_COLOR, 4, 3 }, { PATCH_OP_BRIGHTNESS, 6, 7 } },
    { { PATCH_OP_SHARPNESS, 3, 9 }, { PATCH_OP_BRIGHTNESS, 7, 9 } },
    { { PATCH_OP_EQUALIZE, 6, 0 }, { PATCH_OP_EQUALIZE, 5, 0 } },
    { { PATCH_OP_CONTRAST, 6, 7 }, { PATCH_OP_SHARPNESS, 6, 5 } },
    { { PATCH_OP_COLOR, 7, 7 }, { PATCH_OP_TRANSLATE_X, 5, 8 } },
    { { PATCH_OP_EQUALIZE, 3, 0 }, { PATCH_OP_AUTO_CONTRAST, 4, 0 } },
    { { PATCH_OP_TRANSLATE_Y, 4, 3 }, { PATCH_OP_SHARPNESS, 2, 6 } },
    { { PATCH_OP_BRIGHTNESS, 9, 6 }, { PATCH_OP_COLOR, 2, 8 } },
    { { PATCH_OP_SOLARIZE, 5, 2 }, { PATCH_OP_INVERT, 0, 0 } },
    { { PATCH_OP_EQUALIZE, 2, 0 }, { PATCH_OP_AUTO_CONTRAST, 6, 0 } },
    { { PATCH_OP_EQUALIZE, 2, 0 }, { PATCH_OP_EQUALIZE, 6, 0 } },
    { { PATCH_OP_COLOR, 9, 9 }, { PATCH_OP_EQUALIZE, 6, 0 } },
    { { PATCH_OP_AUTO_CONTRAST, 8, 0 }, { PATCH_OP_SOLARIZE, 2, 8 } },
    { { PATCH_OP_BRIGHTNESS, 1, 3 }, { PATCH_OP_COLOR, 7, 0 } },
    { { PATCH_OP_SOLARIZE, 4, 5 }, { PATCH_OP_AUTO_CONTRAST, 9, 0 } },
    { { PATCH_OP_TRANSLATE_Y, 9, 9 }, { PATCH_OP_TRANSLATE_Y, 7, 9 } },
    { { PATCH_OP_AUTO_CONTRAST, 9, 0 }, { PATCH_OP_SOLARIZE, 8, 3 } },
    { { PATCH_OP_EQUALIZE, 8, 0 }, { PATCH_OP_INVERT, 1, 0 } },
    { { PATCH_OP_TRANSLATE_Y, 7, 9 }, { PATCH_OP_AUTO_CONTRAST, 9, 0 } },
};

/* What an operation of a sequence draws; number i of a key has counters of its own. */
struct draws {
    uint64_t which; /* 64 bits for the choice among operations */
    float chance;   /* [0, 1): done when below the probability */
    float strength; /* [0, 1) */
    bool negative;
};

static struct draws draw(uint64_t key, int i)
{
    const uint64_t own = vit_key(key, (uint64_t)i);

    return (struct draws){ .which = vit_random_u64(own, 0),
                           .chance = vit_random_uniform(own, 1),
                           .strength = vit_random_uniform(own, 2),
                           .negative = vit_random_below(own, 3, 2) };
}

static void auto_augment(unsigned char *pixels, unsigned char *scratch, int size,
                         const struct patch_augment *a, uint64_t key)
{
    const struct step *steps = CIFAR10[vit_random_below(key, 0, VIT_COUNT(CIFAR10))];

    (void)a;
    for (int i = 0; i < 2; i++) {
        const struct draws d = draw(key, i);
        const struct step *s = &steps[i];

        if (d.chance * 10 < (float)s->tenths)
            patch_op_apply(pixels, scratch, size, s->op,
                           value_of(&AUTO[s->op], s->level / 9.0, size, d.negative));
    }
}

/* ---- RandAugment and TrivialAugment ---- */

static double magnitude_of(const struct patch_augment *a, uint64_t key, int i)
{
    const double noise =
        a->deviation > 0 ? a->deviation * vit_random_normal(vit_key(key, (uint64_t)i), 8) : 0;

    return fmin(fmax(a->magnitude + noise, 0), 10) / 10;
}

static void rand_augment(unsigned char *pixels, unsigned char *scratch, int size,
                         const struct patch_augment *a, uint64_t key)
{
    for (int i = 0; i < a->operations; i++) {
        const struct draws d = draw(key, i);
        const struct strength *s = &RAND[d.which % VIT_COUNT(RAND)];

        if (d.chance < 0.5f)
            patch_op_apply(pixels, scratch, size, s->op,
                           value_of(s, magnitude_of(a, key, i), size, d.negative));
    }
}

static void trivial_augment(unsigned char *pixels, unsigned char *scratch, int size,
                            const struct patch_augment *a, uint64_t key)
{
    const struct draws d = draw(key, 0);
    const struct strength *s = &TRIVIAL[d.which % VIT_COUNT(TRIVIAL)];
    const double t = floor(d.strength * TRIVIAL_BINS) / (TRIVIAL_BINS - 1);

    (void)a;
    patch_op_apply(pixels, scratch, size, s->op, value_of(s, t, size, d.negative));
}

void patch_policy_apply(unsigned char *pixels, unsigned char *scratch, int size,
                        const struct patch_augment *a, uint64_t key)
{
    static void (*const POLICIES[])(unsigned char *, unsigned char *, int, const struct patch_augment *,
                                    uint64_t) = { [PATCH_POLICY_AUTOAUGMENT] = auto_augment,
                                                  [PATCH_POLICY_RANDAUGMENT] = rand_augment,
                                                  [PATCH_POLICY_TRIVIAL] = trivial_augment };
    _Static_assert(VIT_COUNT(POLICIES) == PATCH_POLICIES, "a policy has no function");

    if (POLICIES[a->policy]) POLICIES[a->policy](pixels, scratch, size, a, key);
}
