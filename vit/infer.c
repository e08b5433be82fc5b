#include "vit/dialects.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vit/block.h"
#include "vit/json.h"

/* What the tensors cannot say, by family, from the defaults of its own code: timm's VisionTransformer and its
 * data configuration, Hugging Face's configurations and processors, torchvision's weights, the JAX ViT. */
static const struct convention {
    float eps;
    enum kern_act act;
    enum vit_placement placement;
    bool squash;
    float crop_pct;
    enum patch_filter filter;
    bool imagenet; /* mean and std of ImageNet; else 0.5 */
} CONVENTIONS[] = {
    [WEIGHTS_TIMM] = { 1e-6f, KERN_ACT_GELU, VIT_NORM_PRE, false, 0.9f, PATCH_BICUBIC, false },
    [WEIGHTS_HF_VIT] = { 1e-12f, KERN_ACT_GELU, VIT_NORM_PRE, true, 1, PATCH_BILINEAR, false },
    [WEIGHTS_HF_DEIT] = { 1e-12f, KERN_ACT_GELU, VIT_NORM_PRE, true, 0.875f, PATCH_BICUBIC, true },
    [WEIGHTS_HF_DINOV2] = { 1e-6f, KERN_ACT_GELU, VIT_NORM_PRE, false, 0.875f, PATCH_BICUBIC, true },
    [WEIGHTS_HF_DINOV2_REG] = { 1e-6f, KERN_ACT_GELU, VIT_NORM_PRE, false, 0.875f, PATCH_BICUBIC, true },
    [WEIGHTS_DINOV2] = { 1e-6f, KERN_ACT_GELU, VIT_NORM_PRE, false, 0.875f, PATCH_BICUBIC, true },
    [WEIGHTS_DINOV2_REG] = { 1e-6f, KERN_ACT_GELU, VIT_NORM_PRE, false, 0.875f, PATCH_BICUBIC, true },
    [WEIGHTS_TORCHVISION] = { 1e-6f, KERN_ACT_GELU, VIT_NORM_PRE, false, 0.875f, PATCH_BILINEAR, true },
    [WEIGHTS_TORCH] = { 1e-5f, KERN_ACT_RELU, VIT_NORM_POST, true, 1, PATCH_BICUBIC, false },
    [WEIGHTS_CCT] = { 1e-5f, KERN_ACT_GELU, VIT_NORM_PRE_POST, true, 1, PATCH_BICUBIC, false },
    [WEIGHTS_JAX] = { 1e-6f, KERN_ACT_GELU_TANH, VIT_NORM_PRE, true, 1, PATCH_BILINEAR, false },
};
_Static_assert(VIT_COUNT(CONVENTIONS) == WEIGHTS_FAMILIES, "a family has no conventions");

/* The canonical shape of a tensor; false when the file does not have it. */
static bool shape_of(struct weights_view *v, const char *name, int *rank, int64_t shape[WEIGHTS_RANK])
{
    const struct weights_source s = weights_view_find(v, name);

    return s.parts && weights_source_shape(&s, rank, shape);
}

static bool has(struct weights_view *v, const char *name)
{
    return weights_view_find(v, name).parts > 0;
}

/* Size of one axis of a tensor; 0 when it is missing. Values above any model are cut, not wrapped. */
static int axis(struct weights_view *v, const char *name, int i)
{
    int64_t shape[WEIGHTS_RANK];
    int rank;

    if (!shape_of(v, name, &rank, shape) || i >= rank) return 0;
    return shape[i] > 1 << 28 ? 1 << 28 : (int)shape[i];
}

/* Blocks are alike: what one of them has, all do. Which of them lacks it comes out when all are asked for. */
enum { BLOCK_NAME = 96 };
static bool find_in_blocks(char full[BLOCK_NAME], struct weights_view *v, const char *name)
{
    for (int i = 0; i < weights_view_depth(v); i++) {
        snprintf(full, BLOCK_NAME, "blocks.%d.%s", i, name);
        if (has(v, full)) return true;
    }
    return false;
}

static bool block_has(struct weights_view *v, const char *name)
{
    char full[BLOCK_NAME];

    return find_in_blocks(full, v, name);
}

/* The size that most blocks have, or the first where none leads: Boyer & Moore 1981. */
struct vote {
    int size, lead;
};

static void poll_blocks(struct vote *of, struct weights_view *v, const char *name, int i)
{
    char full[BLOCK_NAME];

    for (int block = 0; block < weights_view_depth(v); block++) {
        snprintf(full, sizeof full, "blocks.%d.%s", block, name);
        const int size = axis(v, full, i);
        if (!size) continue;
        if (!of->size) of->size = size;
        of->lead += size == of->size ? 1 : -1;
        if (of->lead < 0) *of = (struct vote){ size, 1 };
    }
}

static int block_axis(struct weights_view *v, const char *name, int i)
{
    struct vote of = { 0 };

    poll_blocks(&of, v, name, i);
    return of.size;
}

static int infer_width(struct weights_view *v)
{
    struct vote of = { 0 };

    poll_blocks(&of, v, "attn.proj.weight", 0);
    poll_blocks(&of, v, "mlp.fc1.weight", 1);
    poll_blocks(&of, v, "mlp.fc2.weight", 0);
    return of.size;
}

/* 0: n is no square. */
static int square_root(int n)
{
    const int r = n > 0 ? (int)(sqrt((double)n) + 0.5) : 0;

    return r * r == n ? r : 0;
}

/* Convolution layers, as Compact-Transformers and torchvision build theirs. */
static void infer_convolutions(struct vit_config *c, struct weights_view *v)
{
    char name[64];
    const bool torchvision = weights_view_family(v) == WEIGHTS_TORCHVISION;

    for (int i = 0; i < PATCH_STEM_LAYERS; i++) {
        struct patch_conv *l = &c->stem.conv[i];

        snprintf(name, sizeof name, "patch_embed.conv.%d.weight", i);
        if (!has(v, name)) break;
        *l = (struct patch_conv){ .out = axis(v, name, 0), .kernel = axis(v, name, 2), .act = KERN_ACT_RELU };
        l->padding = l->kernel / 2;
        l->stride = torchvision ? 2 : l->kernel > 5 ? l->kernel / 2 - 1 : 1; /* cct.py: of 7 it is 2 */
        l->batch_norm = torchvision;
        if (!torchvision) l->pool.kernel = 3, l->pool.stride = 2, l->pool.padding = 1;
        snprintf(name, sizeof name, "patch_embed.conv.%d.bias", i);
        l->bias = has(v, name);
        c->stem.layers = i + 1;
        c->channels = i ? c->channels : axis(v, "patch_embed.conv.0.weight", 1);
    }
    c->stem.project = c->stem.layers > 0 && has(v, "patch_embed.proj.weight") && torchvision;
    c->patch_bias = c->stem.project && has(v, "patch_embed.proj.bias");
}

/* Whether the code that the file is for gives its patch embedding a bias: timm's does unless a norm follows,
 * but without a configuration the file may be another's with the same names. */
static bool always_biased(struct weights_view *v, const json_t *o)
{
    const enum weights_family family = weights_view_family(v);

    if (family == WEIGHTS_TIMM) return vit_json_get(o, "architecture") && !has(v, "norm_pre.weight");
    return family != WEIGHTS_TORCH && family != WEIGHTS_CCT;
}

static enum vit_status infer_stem(struct vit_config *c, struct weights_view *v, const json_t *o,
                                  struct vit_error *err)
{
    const char *path = weights_path(weights_view_file(v));
    int64_t shape[WEIGHTS_RANK];
    int rank;
    /* A single convolution whose kernel is its stride is a patch embedding: CCT names both alike. */
    const bool several = has(v, "patch_embed.conv.1.weight") || has(v, "patch_embed.bn.0.weight");
    const bool pooled = has(v, "patch_embed.conv.0.weight") && !has(v, "patch_embed.conv.0.bias");
    const bool found = shape_of(v, "patch_embed.proj.weight", &rank, shape);
    char text[128];

    if (several || (pooled && weights_view_family(v) == WEIGHTS_CCT)) {
        infer_convolutions(c, v);
        return VIT_OK;
    }
    if (!found || rank != 4 || shape[2] != shape[3])
        return vit_fail(
            err, VIT_ERR_FORMAT,
            "%s: no patch embedding found: expected a tensor such as \"patch_embed.proj.weight\" of "
            "shape [width, channels, patch, patch], found %s",
            path, found ? weights_sides_text(shape, rank, text, sizeof text) : "none");
    c->channels = axis(v, "patch_embed.proj.weight", 1);
    c->stem.patch = axis(v, "patch_embed.proj.weight", 2);
    c->patch_bias = has(v, "patch_embed.proj.bias") || always_biased(v, o);
    return VIT_OK;
}

/* Pixels a side, so that the stem gives grid patches a side. */
static int image_of(const struct patch_stem *s, int grid)
{
    int image = grid;

    if (s->patch) return s->patch > (1 << 28) / (grid + 1) ? 1 << 28 : grid * s->patch; /* refused later */
    for (int i = 0; i < s->layers; i++) {
        const int step = s->conv[i].stride * (s->conv[i].pool.kernel ? s->conv[i].pool.stride : 1);
        if (image > (1 << 28) / step) return 1 << 28;
        image *= step;
    }
    return image;
}

/* Positions that no tensor holds: none, where timm's configuration says so, or big_vision's fixed ones, whose
 * files have no other sign of them (models/vit.py, posemb "sincos2d"). size: as in take_size. */
static enum vit_status assume_positions(struct vit_model *m, const struct weights_view *v, const json_t *o,
                                        int size, struct vit_error *err)
{
    struct vit_config *c = &m->config;
    const bool none = vit_foreign_positionless(o), said = size && size >= c->stem.patch;

    if (!none && weights_view_family(v) != WEIGHTS_JAX)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: holds no position embeddings, and no configuration says what is meant "
                        "(\"pos_embed\": \"none\" in timm's \"model_args\", \"position\" in ours): "
                        "positions of another kind (rotary, relative) are not supported",
                        m->path);
    c->position = none ? VIT_POS_NONE : VIT_POS_SINCOS2D;
    c->image = said ? size : image_of(&c->stem, c->stem.patch ? 224 / c->stem.patch : 8);
    if (!none || !said)
        vit_model_say(m, true, "%s: no position embeddings: %s are added, image size %d%s", m->path,
                      none ? "none" : "big_vision's sines and cosines", c->image, said ? "" : " assumed");
    return VIT_OK;
}

/* size: what a configuration says, 0: nothing. Taken if these are its positions: it may be no multiple of the
 * patch, and tells 2 x 2 patches from one and 3 tokens in front of it. */
static bool take_size(struct vit_config *c, int size, int rows)
{
    const int grid = c->stem.patch ? size / c->stem.patch : 0, front = rows - grid * grid;
    const int prefix = vit_config_prefix(c);

    if (!grid || (front && front != prefix && front != prefix - c->registers)) return false;
    c->position_prefix = front && front == prefix;
    c->image = size;
    return true;
}

static enum vit_status infer_positions(struct vit_model *m, struct weights_view *v, const json_t *o,
                                       struct vit_error *err)
{
    struct vit_config *c = &m->config;
    const int rows = axis(v, "pos_embed", 1), prefix = vit_config_prefix(c), size = vit_foreign_size(o);
    int grid = square_root(rows - prefix);

    if (!rows) return assume_positions(m, v, o, size, err);
    if (take_size(c, size, rows)) return VIT_OK;
    c->position_prefix = grid > 0;
    if (!grid) grid = square_root(rows);
    if (!grid && c->registers) grid = square_root(rows - prefix + c->registers);
    if (!grid)
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: %d position embeddings are not a square grid, with or without %d "
                        "tokens in front",
                        m->path, rows, prefix);
    c->image = image_of(&c->stem, grid);
    return VIT_OK;
}

/* Of all these only timm has RMSNorm: elsewhere a norm without bias is a LayerNorm that lacks it. */
static enum kern_norm_kind norm_kind(struct weights_view *v)
{
    if (block_has(v, "norm1.alpha")) return KERN_DYT;
    if (weights_view_family(v) != WEIGHTS_TIMM || !block_has(v, "norm1.weight")) return KERN_LAYERNORM;
    return block_has(v, "norm1.bias") ? KERN_LAYERNORM : KERN_RMSNORM;
}

static void infer_norms(struct vit_config *c, struct weights_view *v, const struct convention *family,
                        const json_t *o)
{
    struct vit_norm_config *n = &c->norm;

    n->placement = family->placement;
    if (block_has(v, "ls1.gamma")) n->placement = VIT_NORM_LAYERSCALE;
    if (block_has(v, "ls1.gamma") && !block_has(v, "norm1.weight")) n->placement = VIT_NORM_REZERO;
    if (block_has(v, "norm1_out.weight")) n->placement = VIT_NORM_SANDWICH;
    n->eps = family->eps;
    n->kind = norm_kind(v);
    n->embed = has(v, "norm_pre.weight");
    n->pooled = has(v, "fc_norm.weight");
    /* With a placement that has one there is always one; torch's, post, has it only if it is given one. */
    n->final = has(v, "norm.weight") ||
               (vit_placement_final(n->placement) && !n->pooled && !vit_foreign_normless(o));
    n->qk = block_has(v, "attn.q_norm.weight");
}

void vit_model_without_head(struct vit_model *m)
{
    m->config.classes = 1;
    vit_model_say(m, false, "%s: holds no classifier", m->path);
}

static enum vit_status infer_readout(struct vit_model *m, struct weights_view *v, struct vit_error *err)
{
    struct vit_config *c = &m->config;
    enum vit_status status = VIT_OK;
    int pooled;

    c->classes = axis(v, "head.weight", 0);
    if (!c->classes && vit_infer_other_head(m, v)) c->classes = axis(v, "head.weight", 0);
    if (!c->classes) status = vit_check_headless(m, v, err);
    if (status) return status;
    m->headless = !c->classes;
    if (m->headless) vit_model_without_head(m);
    c->pre_logits = axis(v, "pre_logits.weight", 0);
    c->pool = c->cls && !c->norm.pooled ? VIT_POOL_CLS : VIT_POOL_MEAN;
    if (has(v, "attention_pool.weight")) c->pool = VIT_POOL_SEQ;
    pooled = axis(v, c->pre_logits ? "pre_logits.weight" : "head.weight", 1);
    if (c->cls && pooled == 2 * c->width) c->pool = VIT_POOL_CLS_MEAN;
    return VIT_OK;
}

/* From what has a head's width or a heads' axis (JAX); 0: nothing tells. */
static int infer_heads(struct weights_view *v, int width)
{
    struct weights_source qkv = { 0 };
    const int head = block_axis(v, "attn.q_norm.weight", 0); /* 0: none, or of no axis */
    char name[BLOCK_NAME];

    if (find_in_blocks(name, v, "attn.qkv.weight")) qkv = weights_view_find(v, name);
    if (qkv.layout == WEIGHTS_HEADS_IN && qkv.part[0]->rank == 3 && qkv.part[0]->shape[1] <= width)
        return (int)qkv.part[0]->shape[1];
    return head ? width / head : 0;
}

static enum vit_status infer_block(struct vit_model *m, struct weights_view *v, const json_t *o,
                                   const struct convention *family, struct vit_error *err)
{
    struct vit_config *c = &m->config;
    const int up = block_axis(v, "mlp.fc1.weight", 0);

    c->depth = weights_view_depth(v);
    c->hidden = block_axis(v, "mlp.fc2.weight", 1);
    if (!c->depth || !up || !c->hidden || !block_has(v, "attn.qkv.weight"))
        return vit_fail(
            err, VIT_ERR_FORMAT,
            "%s: no blocks of a plain ViT found under the names of %s: expected tensors such as "
            "\"blocks.0.attn.qkv.weight\", \"blocks.0.mlp.fc1.weight\" and \"blocks.0.mlp.fc2.weight\"",
            m->path, weights_family_name(weights_view_family(v)));
    c->glu = up == 2 * c->hidden;
    c->act = c->glu ? KERN_ACT_SILU : family->act;
    c->qkv_bias = block_has(v, "attn.qkv.bias");
    c->bias = block_has(v, "attn.proj.bias");
    infer_norms(c, v, family, o);
    c->heads = infer_heads(v, c->width);
    return VIT_OK;
}

static void infer_recipe(struct vit_model *m, const struct convention *family)
{
    struct patch_recipe *r = &m->recipe;

    *r = patch_recipe_default(m->config.image);
    r->squash = family->squash;
    r->crop_pct = family->crop_pct;
    r->filter = family->filter;
    if (family->imagenet) patch_recipe_set_statistics(r, PATCH_IMAGENET);
}

enum vit_status vit_infer(struct vit_model *m, struct weights_view *v, const json_t *o, struct vit_error *err)
{
    const struct convention *family = &CONVENTIONS[weights_view_family(v)];
    struct vit_config *c = &m->config;
    enum vit_status status;

    *c = (struct vit_config){ .position = VIT_POS_LEARNED };
    c->cls = has(v, "cls_token");
    c->dist = has(v, "dist_token") && (has(v, "head_dist.weight") || !has(v, "reg_token"));
    c->registers = c->dist ? 0 : axis(v, "reg_token", 1);
    status = vit_refuse_others(v, err);
    if (!status) status = infer_stem(c, v, o, err);
    c->width = infer_width(v);
    if (!status) status = infer_block(m, v, o, family, err);
    if (!status) status = infer_positions(m, v, o, err);
    if (!status) status = infer_readout(m, v, err);
    if (status) return status;
    infer_recipe(m, family);
    if (weights_view_family(v) == WEIGHTS_TORCH)
        vit_model_say(m, true,
                      "%s: torch.nn.TransformerEncoderLayer does not store norm_first or the activation: "
                      "post and relu assumed (give a config.json, or a placement)",
                      m->path);
    return VIT_OK;
}
