/* What pictures go through before a network sees them. */
#include <string.h>

#include "tools/recipe.h"

struct patch_recipe recipe_pictures(const struct recipe *r, const struct recipe_base *base, int image,
                                    const char *kind)
{
    enum { SMALL = 64 };
    const bool hundred = !strncmp(kind, "CIFAR-100 ", strlen("CIFAR-100 "));
    const enum patch_statistics small = hundred ? PATCH_CIFAR100 : PATCH_CIFAR10;
    struct patch_recipe p = { .squash = image <= SMALL, .crop_pct = 1, .filter = PATCH_BICUBIC };

    patch_recipe_set_statistics(&p, image > SMALL ? PATCH_IMAGENET : small);
    if (base) p = base->pictures;
    p.size = image;
    if (r) cmd_crop(&p, r->crop_mode, r->crop_pct);
    return p;
}

struct patch_decode recipe_decode(const struct recipe *r)
{
    return cmd_decode(r->max_pixels, r->no_exif);
}

/* "mean and deviation of CIFAR-10" */
static void statistics_text(char *text, size_t size, const struct patch_recipe *p)
{
    const char *name = patch_recipe_statistics_name(p);

    if (name)
        snprintf(text, size, "mean and deviation of %s", name);
    else
        snprintf(text, size, "mean %g %g %g, deviation %g %g %g", (double)p->mean[0], (double)p->mean[1],
                 (double)p->mean[2], (double)p->std[0], (double)p->std[1], (double)p->std[2]);
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
