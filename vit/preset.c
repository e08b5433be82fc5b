#include "vit/dialects.h"

#include <stdio.h>
#include <string.h>

#include "vit/text.h"

/* timm's plain ViTs by size; a name is vit_<size>_patch<P>_<image> or deit_..., and our own presets. */
static const struct size {
    const char *name;
    int width, depth, heads, hidden;
} SIZES[] = {
    { "pwee", 256, 16, 4, 1280 },    { "wee", 256, 14, 4, 1280 },      { "tiny", 192, 12, 3, 768 },
    { "little", 320, 14, 5, 1792 },  { "small", 384, 12, 6, 1536 },    { "medium", 512, 12, 8, 2048 },
    { "mediumd", 512, 20, 8, 2048 }, { "betwixt", 640, 12, 10, 2560 }, { "base", 768, 12, 12, 3072 },
    { "large", 1024, 24, 16, 4096 }, { "so150m", 896, 18, 14, 2304 },  { "so400m", 1152, 27, 16, 4304 },
    { "huge", 1280, 32, 16, 5120 },  { "giant", 1408, 40, 16, 6144 },  { "gigantic", 1664, 48, 16, 8192 },
};

/* Networks for 32-pixel pictures. */
static const struct vit_config SMALL = {
    .image = 32,
    .channels = 3,
    .classes = 10,
    .position_prefix = true,
    .act = KERN_ACT_GELU,
    .qkv_bias = true,
    .bias = true,
    .patch_bias = true,
    .norm = { .eps = 1e-6f, .final = true },
};

/* 3x3 convolution, ReLU, 3x3 max pooling of stride 2: a stage of the Compact Transformer's stem. */
static struct patch_conv stage(int out)
{
    return (struct patch_conv){
        .out = out, .kernel = 3, .stride = 1, .padding = 1, .act = KERN_ACT_RELU, .pool = { 3, 2, 1 }
    };
}

static void shape(struct vit_config *c, int width, int depth, int heads, int hidden)
{
    c->width = width;
    c->depth = depth;
    c->heads = heads;
    c->hidden = hidden;
}

/* Patch 4, class token: the plain ViT at CIFAR's size, of DeiT-Ti's width and heads. */
static void plain(struct vit_config *c)
{
    shape(c, 192, 12, 3, 768);
    c->stem.patch = 4;
    c->cls = true;
}

/* CCT-4/3x2, Hassani et al. 2021: 0.48 M parameters, 91.45 % in 200 epochs. */
static void cct(struct vit_config *c)
{
    shape(c, 128, 4, 2, 128);
    c->stem.layers = 2;
    c->stem.conv[0] = stage(64);
    c->stem.conv[1] = stage(128);
    c->pool = VIT_POOL_SEQ;
    c->norm.placement = VIT_NORM_PRE_POST;
    c->norm.eps = 1e-5f;
    c->qkv_bias = false;
}

/* The accuracy model: convolution stem, 64 tokens, sequence pooling, 1.35 M parameters. */
static void accurate(struct vit_config *c)
{
    shape(c, 160, 6, 5, 320);
    c->stem.layers = 2;
    c->stem.conv[0] = stage(64);
    c->stem.conv[1] = stage(160);
    c->pool = VIT_POOL_SEQ;
}

static const struct preset {
    const char *name;
    void (*fill)(struct vit_config *c);
} PRESETS[] = {
    { "plain-4", plain },
    { "cct-4-3x2", cct },
    { "accurate", accurate },
};

const char *vit_config_preset_name(int i)
{
    return i >= 0 && (size_t)i < VIT_COUNT(PRESETS) ? PRESETS[i].name : NULL;
}

/* The size whose name follows "vit_" or "deit_" up to the next underscore. */
static const struct size *size_of(const char *name)
{
    const char *at = strchr(name, '_');

    if (!at || (strncmp(name, "vit_", 4) && strncmp(name, "deit", 4))) return NULL;
    at++;
    for (size_t i = 0; i < VIT_COUNT(SIZES); i++) {
        size_t length = strlen(SIZES[i].name);
        if (!strncmp(at, SIZES[i].name, length) && (at[length] == '_' || !at[length])) return &SIZES[i];
    }
    return NULL;
}

int vit_preset_heads(const char *architecture)
{
    const struct size *s = size_of(architecture);

    return s ? s->heads : 0;
}

int vit_preset_heads_of(const struct vit_config *c, const char **size)
{
    for (size_t i = 0; i < VIT_COUNT(SIZES); i++) {
        const struct size *s = &SIZES[i];

        if (s->width != c->width || s->depth != c->depth || s->hidden != c->hidden) continue;
        *size = s->name;
        return s->heads;
    }
    return 0;
}

static enum vit_status unknown(const char *name, struct vit_error *err)
{
    char names[256] = "", sizes[256] = "";

    for (size_t i = 0; i < VIT_COUNT(PRESETS); i++) vit_list_add(names, sizeof names, ", ", PRESETS[i].name);
    for (size_t i = 0; i < VIT_COUNT(SIZES); i++) vit_list_add(sizes, sizeof sizes, "|", SIZES[i].name);
    return vit_fail(err, VIT_ERR_ARG,
                    "expected an architecture, one of %s, vit_(%s)_patchP_IMAGE, found \"%s\"", names, sizes,
                    name);
}

/* "vit_SIZE_patchP_IMAGE" and perhaps the name of weights after it. Anything else in between ("36x1", "clip",
 * "distilled", "deit3") is another network than the plain one of that size. */
static bool is_plain(const char *name, int *side, int *image)
{
    char rest = '\0';
    int found = sscanf(name, "%*[a-z]_%*[a-z0-9]_patch%5d_%5d%c", side, image, &rest);

    return found == 2 || (found == 3 && (rest == '.' || rest == '_'));
}

enum vit_status vit_config_preset(struct vit_config *c, const char *name, struct vit_error *err)
{
    const struct size *s = size_of(name);
    int side = 0, image = 0;

    for (size_t i = 0; i < VIT_COUNT(PRESETS); i++) {
        if (strcmp(name, PRESETS[i].name)) continue;
        *c = SMALL;
        PRESETS[i].fill(c);
        return VIT_OK;
    }
    if (!s || !is_plain(name, &side, &image)) return unknown(name, err);
    *c = SMALL;
    shape(c, s->width, s->depth, s->heads, s->hidden);
    c->stem.patch = side;
    c->image = image;
    c->classes = 1000;
    c->cls = true;
    return vit_config_check(c, name, err);
}
