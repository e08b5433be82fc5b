/* What pictures go through before a network sees them. */
#include <string.h>

#include "tools/recipe.h"

/* Mean and deviation over all pixels of the training pictures of the two CIFARs, and those of ImageNet, as
 * everybody uses them (CIFAR-100's differ among sources in the fourth digit). */
enum { CIFAR10, CIFAR100, IMAGENET };
static const struct statistics {
    const char *name;
    float mean[3], std[3];
} STATISTICS[] = {
    [CIFAR10] = { "CIFAR-10", { 0.4914f, 0.4822f, 0.4465f }, { 0.2470f, 0.2435f, 0.2616f } },
    [CIFAR100] = { "CIFAR-100", { 0.5071f, 0.4867f, 0.4408f }, { 0.2675f, 0.2565f, 0.2761f } },
    [IMAGENET] = { "ImageNet", { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f } },
};

struct patch_recipe recipe_pictures(const struct recipe *r, const struct recipe_base *base, int image,
                                    const char *kind)
{
    enum { SMALL = 64 };
    const bool hundred = !strncmp(kind, "CIFAR-100 ", strlen("CIFAR-100 "));
    const struct statistics *s = &STATISTICS[image > SMALL ? IMAGENET : hundred ? CIFAR100 : CIFAR10];
    struct patch_recipe p = { .squash = image <= SMALL, .crop_pct = 1, .filter = PATCH_BICUBIC };

    memcpy(p.mean, s->mean, sizeof p.mean);
    memcpy(p.std, s->std, sizeof p.std);
    if (base) p = base->pictures;
    p.size = image;
    if (r) cmd_crop(&p, r->crop_mode, r->crop_pct);
    return p;
}

struct patch_decode recipe_decode(const struct recipe *r)
{
    return cmd_decode(r->max_pixels, r->no_exif);
}

static bool same_numbers(const float a[3], const float b[3])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* "mean and deviation of CIFAR-10" */
static void statistics_text(char *text, size_t size, const struct patch_recipe *p)
{
    snprintf(text, size, "mean %g %g %g, deviation %g %g %g", (double)p->mean[0], (double)p->mean[1],
             (double)p->mean[2], (double)p->std[0], (double)p->std[1], (double)p->std[2]);
    for (size_t i = 0; i < VIT_COUNT(STATISTICS); i++)
        if (same_numbers(p->mean, STATISTICS[i].mean) && same_numbers(p->std, STATISTICS[i].std))
            snprintf(text, size, "mean and deviation of %s", STATISTICS[i].name);
}

const char *recipe_pictures_text(char *text, size_t size, const struct patch_recipe *p)
{
    const int side = patch_recipe_side(p);
    char resized[64], cut[64] = "", statistics[128];

    if (p->squash)
        snprintf(resized, sizeof resized, "squashed to %d x %d pixels", side, side);
    else
        snprintf(resized, sizeof resized, "resized to a short side of %d pixels", side);
    if (!p->squash || side != p->size)
        snprintf(cut, sizeof cut, ", the centre %d x %d of it", p->size, p->size);
    statistics_text(statistics, sizeof statistics, p);
    snprintf(text, size, "%s%s, %s, %s", resized, cut, patch_filter_name(p->filter), statistics);
    return text;
}
