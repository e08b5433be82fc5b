/* Cells that a grid had planned and that have not ended: what is known of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/recipe.h"
#include "tools/report_parts.h"

/* What two cells of one condition share. */
static bool is_condition(enum recipe_id id)
{
    return id != RECIPE_NORM && id != RECIPE_LR && id != RECIPE_SEED;
}

static bool same_value(const json_t *a, const json_t *b, enum recipe_id id)
{
    char left[128] = "", right[128] = "";

    report_value_text(recipe_value_in(a, id), left, sizeof left);
    report_value_text(recipe_value_in(b, id), right, sizeof right);
    return strcmp(left, right) == 0;
}

/* Settings of the condition that two entries of the grid share. */
static int shared(const json_t *a, const json_t *b)
{
    int count = 0;

    for (int id = 0; id < RECIPE_SETTINGS; id++)
        count += is_condition((enum recipe_id)id) && same_value(a, b, (enum recipe_id)id);
    return count;
}

/* The cell that ended whose condition is closest, NULL: none ended. count: of those before any was added. */
static const struct report_cell *closest(const struct report *r, size_t count, const json_t *entry)
{
    const struct report_cell *best = NULL;
    int most = -1;

    for (size_t i = 0; i < count; i++) {
        const struct report_cell *c = &r->cells[i];
        const int n = c->source == (int)r->source_count - 1 ? shared(c->planned, entry) : -1;
        if (n > most) best = c, most = n;
    }
    return best;
}

static double planned_number(const json_t *grid, const json_t *entry, enum recipe_id id)
{
    const json_t *v = report_planned_value(grid, entry, id);
    char text[64];

    return report_value_text(v, text, sizeof text) ? strtod(text, NULL) : NAN;
}

static const char *planned_text(const json_t *grid, const json_t *entry, enum recipe_id id)
{
    const char *text = json_string_value(report_planned_value(grid, entry, id));

    return text ? text : "";
}

/* The learning rate of a cell. Older grids do not list one that nobody named: it is the preset's. */
static enum vit_status find_rate(double *rate, const json_t *grid, const json_t *entry, struct vit_error *err)
{
    const char *preset = planned_text(grid, entry, RECIPE_PRESET);
    struct recipe_texts t = { { 0 } };
    enum vit_status status;

    *rate = planned_number(grid, entry, RECIPE_LR);
    if (!isnan(*rate) || !json_is_object(json_object_get(grid, "settings"))) return VIT_OK;
    t.text[RECIPE_PRESET] = strdup(*preset ? preset : recipe_row(RECIPE_PRESET)->initial);
    status = t.text[RECIPE_PRESET] ? recipe_texts_preset(&t, err)
                                   : vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
    if (!status && t.text[RECIPE_LR]) *rate = strtod(t.text[RECIPE_LR], NULL);
    recipe_texts_free(&t);
    return status;
}

/* Whether a warm-up is as many steps in both: a share of all steps is, where these are alike. */
static bool same_steps(const json_t *a, const json_t *b)
{
    static const enum recipe_id STEPS[] = { RECIPE_PRESET, RECIPE_WARMUP, RECIPE_EPOCHS,   RECIPE_BATCH,
                                            RECIPE_LIMIT,  RECIPE_VAL,    RECIPE_VAL_SPLIT };

    for (size_t i = 0; i < VIT_COUNT(STEPS); i++)
        if (!same_value(a, b, STEPS[i])) return false;
    return true;
}

/* An unfinished cell of that rate; near (may be NULL) gives what else the grid leaves to presets, and warm-up
 * in steps. */
static struct report_cell unfinished(const json_t *grid, const json_t *entry, double rate,
                                     const struct report_cell *near)
{
    struct report_cell c = { .id = json_string_value(json_object_get(entry, "cell")),
                             .norm = planned_text(grid, entry, RECIPE_NORM),
                             .init = planned_text(grid, entry, RECIPE_INIT),
                             .reason = "",
                             .end = REPORT_UNFINISHED,
                             .lr = rate,
                             .seed = planned_number(grid, entry, RECIPE_SEED),
                             .planned = entry };
    const double depth = planned_number(grid, entry, RECIPE_DEPTH),
                 epochs = planned_number(grid, entry, RECIPE_EPOCHS);

    c.train_loss = c.val_loss = c.val_top1 = c.test_top1 = NAN;
    c.plateau_step = c.images_per_second = c.seconds = NAN;
    c.depth = depth >= 1 && depth < 1e6 ? (int)depth : near ? near->depth : 0;
    c.epochs = epochs >= 0 && epochs < 1e9 ? (int)epochs : near ? near->epochs : 0;
    if (!*c.init && near) c.init = near->init;
    if (near && same_steps(near->planned, entry))
        memcpy(c.warmup, near->warmup, sizeof c.warmup);
    else
        snprintf(c.warmup, sizeof c.warmup, "%s", planned_text(grid, entry, RECIPE_WARMUP));
    return c;
}

enum vit_status report_add_planned(struct report *r, const char *where, struct vit_error *err)
{
    const json_t *grid = r->sources[r->source_count - 1].about, *cells = json_object_get(grid, "cells"),
                 *entry;
    const size_t ended = r->cell_count;
    enum vit_status status = VIT_OK;
    size_t i, hint = 0;

    if (cells && !json_is_array(cells))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"cells\": expected a list", where);
    json_array_foreach(cells, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "cell"));
        struct report_cell *known = id ? report_find_cell(r, id, &hint) : NULL;
        if (!id)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: \"cells\": item %zu: expected an object with \"cell\"",
                            where, i + 1);
        if (known) known->planned = entry;
    }
    json_array_foreach(cells, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "cell"));
        struct report_cell cell;
        double rate;
        if (status || report_find_cell(r, id, &hint)) continue;
        status = find_rate(&rate, grid, entry, err);
        if (status) continue;
        cell = unfinished(grid, entry, rate, closest(r, ended, entry));
        if (!*cell.norm || !(rate >= 0))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: \"cells\": item %zu: expected \"norm\" and \"lr\"",
                            where, i + 1);
        status = report_add_cell(r, &cell, err);
    }
    return status;
}
