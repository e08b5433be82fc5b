#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/block.h"
#include "vit/text.h"

/* The placements. A new one is a new row: forward, backward, memory, parameters and files follow.
 *
 *   post        Vaswani et al. 2017                  pre          Dosovitskiy et al. 2021
 *   res-post    Liu et al. 2022 (Swin V2)            sandwich     Ding et al. 2021 (CogView)
 *   deepnorm    Wang et al. 2022                     pre-post     Hassani et al. 2021 (CCT)
 *   post-pre    Zhuo et al. 2025, eqs. 59-60         layerscale   Touvron et al. 2021 (CaiT)
 *   rezero      Bachlechner et al. 2020              mix          Li et al. 2024 (Mix-LN)             */
/* One row, one line. */
/* clang-format off */
#define FORK      { VIT_OP_FORK, 0 }
#define JOIN      { VIT_OP_JOIN, 0 }
#define ALPHA     { VIT_OP_JOIN_ALPHA, 0 }
#define ATTN      { VIT_OP_ATTN, 0 }
#define MLP       { VIT_OP_MLP, 0 }
#define BRANCH(i) { VIT_OP_NORM_BRANCH, i }
#define STREAM(i) { VIT_OP_NORM_STREAM, i }
#define SCALE(i)  { VIT_OP_SCALE_BRANCH, i }

static const struct placement {
    const char *name;
    bool final;        /* wants a norm after the last block */
    bool scalar_scale; /* SCALE multiplies by one number, 0 at first */
    struct vit_step step[VIT_STEPS];
} PLACEMENTS[] = {
    [VIT_NORM_PRE] = { "pre", true, false,
        { FORK, BRANCH(0), ATTN, JOIN,            FORK, BRANCH(1), MLP, JOIN } },
    [VIT_NORM_POST] = { "post", false, false,
        { FORK, ATTN, JOIN, STREAM(0),            FORK, MLP, JOIN, STREAM(1) } },
    [VIT_NORM_RES_POST] = { "res-post", true, false,
        { FORK, ATTN, BRANCH(0), JOIN,            FORK, MLP, BRANCH(1), JOIN } },
    [VIT_NORM_SANDWICH] = { "sandwich", true, false,
        { FORK, BRANCH(0), ATTN, BRANCH(2), JOIN, FORK, BRANCH(1), MLP, BRANCH(3), JOIN } },
    [VIT_NORM_DEEPNORM] = { "deepnorm", false, false,
        { FORK, ATTN, ALPHA, STREAM(0),           FORK, MLP, ALPHA, STREAM(1) } },
    [VIT_NORM_PRE_POST] = { "pre-post", true, false,
        { FORK, BRANCH(0), ATTN, JOIN,            STREAM(1), FORK, MLP, JOIN } },
    [VIT_NORM_POST_PRE] = { "post-pre", true, false,
        { STREAM(0), FORK, ATTN, JOIN,            FORK, BRANCH(1), MLP, JOIN } },
    [VIT_NORM_LAYERSCALE] = { "layerscale", true, false,
        { FORK, BRANCH(0), ATTN, SCALE(0), JOIN,  FORK, BRANCH(1), MLP, SCALE(1), JOIN } },
    [VIT_NORM_REZERO] = { "rezero", false, true,
        { FORK, ATTN, SCALE(0), JOIN,             FORK, MLP, SCALE(1), JOIN } },
    [VIT_NORM_MIX] = { "mix", true, false, /* the rows of post and pre, by block */
        { { VIT_OP_END, 0 } } },
};
/* clang-format on */
_Static_assert(VIT_COUNT(PLACEMENTS) == VIT_PLACEMENTS, "a placement has no row");
_Static_assert(VIT_NORM_MIX == VIT_PLACEMENTS - 1,
               "names are looked for in the rows before it, and its fraction is told last");

/* The row that block uses: a mix takes post's for its first blocks and pre's for the others. A fraction with
 * six digits is the one it stands for, in networks of up to 200 blocks: 0.333333 of 12 is 4. */
static const struct placement *row_of(const struct vit_norm_config *n, int block, int depth)
{
    if (n->placement != VIT_NORM_MIX) return &PLACEMENTS[n->placement];
    return &PLACEMENTS[block < (int)floorf(n->mix * (float)depth + 1e-4f) ? VIT_NORM_POST : VIT_NORM_PRE];
}

const struct vit_step *vit_block_steps(const struct vit_norm_config *n, int block, int depth)
{
    return row_of(n, block, depth)->step;
}

bool vit_block_has(const struct vit_norm_config *n, int block, int depth, enum vit_op op, int index)
{
    bool norm = op == VIT_OP_NORM_BRANCH || op == VIT_OP_NORM_STREAM;

    for (const struct vit_step *s = vit_block_steps(n, block, depth); s->op != VIT_OP_END; s++) {
        bool same = norm ? s->op == VIT_OP_NORM_BRANCH || s->op == VIT_OP_NORM_STREAM : s->op == op;
        if (same && s->index == index) return true;
    }
    return false;
}

bool vit_block_norm_is_output(const struct vit_norm_config *n, int block, int depth, int index)
{
    bool computed = false;

    for (const struct vit_step *s = vit_block_steps(n, block, depth); s->op != VIT_OP_END; s++) {
        if (s->op == VIT_OP_FORK) computed = false;
        if (s->op == VIT_OP_ATTN || s->op == VIT_OP_MLP) computed = true;
        if (s->op == VIT_OP_NORM_BRANCH && s->index == index) return computed;
    }
    return false;
}

bool vit_placement_scalar_scale(const struct vit_norm_config *n)
{
    return PLACEMENTS[n->placement].scalar_scale;
}

int vit_placement_scale_size(const struct vit_norm_config *n, int width)
{
    return vit_placement_scalar_scale(n) ? 1 : width;
}

float vit_placement_alpha(int depth)
{
    return powf(2 * (float)depth, 0.25f);
}

const char *vit_placement_name(enum vit_placement p)
{
    return p < VIT_PLACEMENTS ? PLACEMENTS[p].name : "unknown";
}

bool vit_placement_final(enum vit_placement p)
{
    assert((unsigned)p < VIT_PLACEMENTS);
    return PLACEMENTS[p].final;
}

static enum vit_status unknown_placement(const char *text, struct vit_error *err)
{
    char names[256] = "";

    for (int i = 0; i < VIT_PLACEMENTS; i++) vit_list_add(names, sizeof names, ", ", PLACEMENTS[i].name);
    return vit_fail(err, VIT_ERR_ARG,
                    "expected a norm placement, one of %s:F with F from 0 to 1, found \"%s\"", names, text);
}

/* The fraction of a mix has a point in files and options, whatever the program's locale says: for the calling
 * thread alone. */
struct locales {
    locale_t ours, before;
};
static struct locales with_points(void)
{
    const locale_t ours = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    return (struct locales){ ours, uselocale(ours) }; /* none was to be had: the program's stays */
}

static void as_before(struct locales l)
{
    uselocale(l.before);
    if (l.ours) freelocale(l.ours);
}

static float read_number(const char *text, char **end)
{
    const struct locales l = with_points();
    const float x = strtof(text, end);

    as_before(l);
    return x;
}

enum vit_status vit_placement_parse(struct vit_norm_config *n, const char *text, struct vit_error *err)
{
    if (!strncmp(text, "mix:", 4)) {
        char *end;
        float mix = read_number(text + 4, &end);

        if (end == text + 4 || *end || !(mix >= 0 && mix <= 1)) return unknown_placement(text, err);
        n->placement = VIT_NORM_MIX;
        n->mix = mix;
        return VIT_OK;
    }
    for (int i = 0; i < VIT_NORM_MIX; i++) {
        if (strcmp(text, PLACEMENTS[i].name)) continue;
        n->placement = (enum vit_placement)i;
        n->mix = 0;
        return VIT_OK;
    }
    return unknown_placement(text, err);
}

const char *vit_placement_text(const struct vit_norm_config *n, char *text, size_t size)
{
    if (n->placement != VIT_NORM_MIX) {
        snprintf(text, size, "%s", vit_placement_name(n->placement));
        return text;
    }
    /* The shortest decimal that reads back as the same float: it is stored in files. */
    const struct locales l = with_points();
    snprintf(text, size, "mix:%.*g", vit_float_digits(n->mix, 1), (double)n->mix);
    as_before(l);
    return text;
}
