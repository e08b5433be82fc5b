/* Settings that only some recipes read, and what these lack where nothing does. */
#include "patch/augment.h"
#include "tools/recipe.h"
#include "vit/block.h"

/* ---- what is asked of a recipe ---- */

static bool has_muon(const struct recipe *r)
{
    return vit_optimizer_from_name(r->optimizer) == VIT_MUON;
}

static bool has_slope(const struct recipe *r)
{
    return vit_schedule_from_name(r->schedule) != VIT_CONSTANT;
}

static bool has_decay(const struct recipe *r)
{
    return r->weight_decay > 0;
}

static bool has_mixing(const struct recipe *r)
{
    return r->mixup > 0 || r->cutmix > 0;
}

static bool has_crop(const struct recipe *r)
{
    struct patch_augment a;

    return !patch_augment_preset(&a, r->augment, NULL) && a.crop_padding > 0;
}

static bool has_validation(const struct recipe *r)
{
    return r->val > 0 || r->val_split;
}

static bool has_teacher(const struct recipe *r)
{
    return r->teacher != NULL;
}

static bool is_drawn(const struct recipe *r)
{
    return !r->from;
}

/* False: that of --from, or one whose mistakes are said elsewhere. */
static bool drawn_network(struct vit_config *c, const struct recipe *r)
{
    enum { ANY = 2 };
    struct vit_error ignored;

    return is_drawn(r) && !recipe_config(c, r, NULL, r->classes ? r->classes : ANY, &ignored);
}

static bool has_output_norms(const struct recipe *r)
{
    struct vit_config c;
    bool found = !drawn_network(&c, r);

    for (int i = 0; i < VIT_NORMS && !found; i++)
        found = vit_block_norm_is_output(&c.norm, 0, c.depth, i); /* mix, whose blocks differ, has none */
    return found;
}

static bool has_layer_scale(const struct recipe *r)
{
    struct vit_config c;

    if (!drawn_network(&c, r)) return true;
    return vit_block_has(&c.norm, 0, c.depth, VIT_OP_SCALE_BRANCH, 0) && !vit_placement_scalar_scale(&c.norm);
}

static bool has_learned_positions(const struct recipe *r)
{
    struct vit_config c;

    return !drawn_network(&c, r) || c.position == VIT_POS_LEARNED;
}

/* ---- the table ---- */

static const struct need {
    enum recipe_id id;
    bool (*met)(const struct recipe *r);
    const char *lack; /* what is said where it is not */
} NEEDS[] = {
    { RECIPE_OUT_GAIN, is_drawn, "with --from, which has its weights" },
    { RECIPE_OUT_GAIN, has_output_norms, "without --norm res-post or sandwich" },
    { RECIPE_POSITION_STD, is_drawn, "with --from, which has its weights" },
    { RECIPE_POSITION_STD, has_learned_positions, "without --position learned" },
    { RECIPE_LAYER_SCALE, is_drawn, "with --from, which has its weights" },
    { RECIPE_LAYER_SCALE, has_layer_scale, "without --norm layerscale" },
    { RECIPE_MUON_LR, has_muon, "without --optimizer muon" },
    { RECIPE_LR_END, has_slope, "with --schedule constant" },
    { RECIPE_DECAY_ALL, has_decay, "with --weight-decay 0" },
    { RECIPE_PADDING, has_crop, "with an --augment that does not crop" },
    { RECIPE_MIX_PROB, has_mixing, "without --mixup or --cutmix" },
    { RECIPE_MIX_OFF, has_mixing, "without --mixup or --cutmix" },
    { RECIPE_TEACHER_SHARE, has_teacher, "without --teacher" },
    { RECIPE_EVAL_EVERY, has_validation, "without pictures to validate on" },
};

void recipe_readers_add(struct recipe_readers *to, const struct recipe *r)
{
    const char *lack[RECIPE_SETTINGS] = { NULL };

    for (size_t i = 0; i < VIT_COUNT(NEEDS); i++)
        if (!lack[NEEDS[i].id] && !NEEDS[i].met(r)) lack[NEEDS[i].id] = NEEDS[i].lack;
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        to->of[id] += !lack[id];
        if (lack[id]) to->lack[id] = lack[id];
    }
    to->recipes++;
}

void recipe_readers_warn(const struct recipe_readers *of, const bool settings[RECIPE_SETTINGS],
                         const char *file, const struct cmd_common *o)
{
    for (int id = 0; id < RECIPE_SETTINGS; id++)
        if (!of->of[id] && settings[id])
            cmd_warn(o, "%s%s%s: nothing reads it %s", file ? file : "", file ? ": " : "--",
                     recipe_name((enum recipe_id)id), of->lack[id]);
}

enum vit_status recipe_readers_check(const struct recipe_readers *of, const struct recipe_words *given,
                                     struct vit_error *err)
{
    for (int id = 0; id < RECIPE_SETTINGS; id++)
        if (!of->of[id] && (given->text[id] || given->flag[id]))
            return vit_fail(err, VIT_ERR_ARG, "--%s: nothing reads it %s", recipe_name((enum recipe_id)id),
                            of->lack[id]);
    return VIT_OK;
}
