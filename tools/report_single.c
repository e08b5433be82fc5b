/* What was not tested: settings and data that had a single value, and placements that are missing. */
#include "tools/markup.h"
#include "tools/recipe.h"
#include "tools/report_page.h"

/* ---- settings and data ---- */

static void put_single(FILE *out, bool *open, const char *name, const char *value)
{
    if (!*open) fputs("<li><b>Other settings.</b> Only one value was tried of: ", out);
    markup_put(out, "%s%s %s", *open ? ", " : "", name, value);
    *open = true;
}

/* The one text that all cells give a setting; false: several, or none. */
static bool only_setting(const struct report *r, enum recipe_id id, char *text, size_t size)
{
    char other[128];

    *text = '\0';
    for (size_t i = 0; i < r->cell_count; i++) {
        report_setting(r, &r->cells[i], id, other, sizeof other);
        if (*text && strcmp(text, other) != 0) return false;
        snprintf(text, size, "%s", other);
    }
    return *text != '\0';
}

static void say_settings(FILE *out, const struct report *r)
{
    static const enum recipe_id WORTH[] = {
        RECIPE_IMAGE,    RECIPE_STEM,  RECIPE_PATCH,    RECIPE_WIDTH,           RECIPE_HEADS,
        RECIPE_HIDDEN,   RECIPE_POOL,  RECIPE_POSITION, RECIPE_NORM_KIND,       RECIPE_OPTIMIZER,
        RECIPE_SCHEDULE, RECIPE_BATCH, RECIPE_EPOCHS,   RECIPE_WEIGHT_DECAY,    RECIPE_CLIP,
        RECIPE_AUGMENT,  RECIPE_MIXUP, RECIPE_CUTMIX,   RECIPE_LABEL_SMOOTHING, RECIPE_DROP_PATH,
        RECIPE_EMA,      RECIPE_DTYPE, RECIPE_LIMIT,
    };
    bool open = false, depths = false, warmups = false, inits = false;
    char text[128];

    for (size_t i = 1; i < r->condition_count; i++) {
        depths |= r->conditions[i].depth != r->conditions[0].depth;
        warmups |= strcmp(r->conditions[i].warmup, r->conditions[0].warmup) != 0;
        inits |= strcmp(r->conditions[i].init, r->conditions[0].init) != 0;
    }
    if (!r->condition_count) return;
    snprintf(text, sizeof text, "%d", r->conditions[0].depth);
    if (!depths) put_single(out, &open, "depth", text);
    if (!warmups) put_single(out, &open, "warm-up", r->conditions[0].warmup);
    if (!inits) put_single(out, &open, "init", r->conditions[0].init);
    for (size_t i = 0; i < VIT_COUNT(WORTH); i++)
        if (only_setting(r, WORTH[i], text, sizeof text) &&
            (WORTH[i] != RECIPE_LIMIT || strcmp(text, "0") != 0)) /* no limit */
            put_single(out, &open, recipe_name(WORTH[i]), text);
    if (open)
        fputs(". Whether the picture is the same elsewhere (scale above all) was not asked.</li>\n", out);
}

static void say_data(FILE *out, const struct report *r)
{
    const char *only = NULL;

    for (size_t i = 0; i < r->source_count; i++) {
        const char *data = json_string_value(json_object_get(r->sources[i].about, "data"));
        if (r->sources[i].kind == REPORT_COMPARE || !data) continue;
        if (only && strcmp(only, data) != 0) return;
        only = data;
    }
    if (only) markup_put(out, "<li><b>Other data.</b> All runs saw one data set, %s.</li>\n", only);
}

/* ---- placements ---- */

static bool is_placement(const char *norm, int placement)
{
    struct vit_norm_config n;

    return norm && !vit_placement_parse(&n, norm, NULL) && (int)n.placement == placement;
}

/* Whether a run of a result of vit compare has it. */
static bool was_compared(const json_t *comparison, int placement)
{
    const json_t *arm, *run;
    size_t i, k;

    json_array_foreach(json_object_get(comparison, "arms"), i, arm)
    {
        json_array_foreach(json_object_get(arm, "runs"), k, run)
        {
            if (is_placement(json_string_value(json_object_get(run, "norm")), placement)) return true;
        }
    }
    return false;
}

static bool was_tried(const struct report *r, int placement)
{
    for (size_t i = 0; i < r->norm_count; i++)
        if (is_placement(r->norms[i], placement)) return true;
    for (size_t i = 0; i < r->source_count; i++)
        if (r->sources[i].kind == REPORT_COMPARE && was_compared(r->sources[i].about, placement)) return true;
    return false;
}

/* Comparisons alone have no arms that another could be among. */
static void say_placements(FILE *out, const struct report *r)
{
    int missing = 0;

    for (int p = 0; p < VIT_PLACEMENTS && r->norm_count; p++) {
        if (was_tried(r, p)) continue;
        fputs(missing++ ? ", " : "<li><b>Other placements.</b> Not among the arms: ", out);
        fputs(vit_placement_name((enum vit_placement)p), out);
    }
    if (missing) fputs(".</li>\n", out);
}

void report_put_single(FILE *out, const struct report *r)
{
    say_settings(out, r);
    say_data(out, r);
    say_placements(out, r);
}
