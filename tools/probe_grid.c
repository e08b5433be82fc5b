/* The conditions of vit probe: every combination of lists of settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/probe.h"
#include "vit/text.h"

static const struct {
    enum recipe_id id;
    const char *text;
    bool with_preset; /* a preset says nothing of it, or something else is wanted */
} DEFAULTS[] = {
    { RECIPE_OUT_GAIN, PROBE_OUT_GAIN, true }, { RECIPE_NORM, PROBE_NORM, false },
    { RECIPE_IMAGE, PROBE_IMAGE, false },      { RECIPE_INIT, PROBE_INIT, false },
    { RECIPE_PATCH, PROBE_PATCH, false },      { RECIPE_DEPTH, PROBE_DEPTH, false },
    { RECIPE_WIDTH, PROBE_WIDTH, false },      { RECIPE_HEADS, PROBE_HEADS, false },
    { RECIPE_HIDDEN, PROBE_HIDDEN, false },    { RECIPE_POOL, PROBE_POOL, false },
};

/* ---- lists ---- */

static const char PATCHES[] = "patch";

/* Whether a stem of a list, "conv-3x1,patch", makes tokens of patches, as that which nobody gave does. */
static bool has_patches(const char *stems)
{
    for (const char *s = stems; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
        if (strcspn(s, ",") == strlen(PATCHES) && !strncmp(s, PATCHES, strlen(PATCHES))) return true;
    return !stems;
}

/* What the command line gave, and the defaults. */
static struct recipe_words complete(const struct recipe_words *given)
{
    struct recipe_words w = *given;

    for (size_t i = 0; i < VIT_COUNT(DEFAULTS); i++) {
        const enum recipe_id id = DEFAULTS[i].id;
        if (w.text[id] || (given->text[RECIPE_PRESET] && !DEFAULTS[i].with_preset)) continue;
        if (id == RECIPE_PATCH && !has_patches(given->text[RECIPE_STEM])) continue;
        w.text[id] = DEFAULTS[i].text;
    }
    return w;
}

/* How many cells the lists make. */
static enum vit_status count_cells(size_t *cells, const struct recipe_lists *l, struct vit_error *err)
{
    enum { MOST_CELLS = 65536 };

    *cells = 1;
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        if (l->of[id].count) *cells *= (size_t)l->of[id].count;
        if (*cells > MOST_CELLS)
            return vit_fail(err, VIT_ERR_ARG, "--%s: the lists make more than %d combinations",
                            recipe_name((enum recipe_id)id), MOST_CELLS);
    }
    return VIT_OK;
}

/* ---- cells ---- */

/* Settings from the one that changes least to the one that changes most: all others, then these. */
static const enum recipe_id INNER[] = { RECIPE_INIT, RECIPE_NORM, RECIPE_DEPTH };

static bool is_inner(int id)
{
    for (size_t i = 0; i < VIT_COUNT(INNER); i++)
        if ((int)INNER[i] == id) return true;
    return false;
}

/* One value of a list: the digit of number that belongs to it; number loses it. */
static const char *take(const struct recipe_list *l, size_t *number)
{
    const size_t digit = l->count ? *number % (size_t)l->count : 0;

    if (!l->count) return NULL;
    *number /= (size_t)l->count;
    return l->text[digit];
}

static void add_heading(struct probe_cell *cell, const struct recipe_list *l, int id, const char *value)
{
    if (l->count < 2 && id != RECIPE_INIT) return;
    if (id == RECIPE_NORM || id == RECIPE_DEPTH) return;
    vit_list_add(cell->heading, sizeof cell->heading, ", ", recipe_name((enum recipe_id)id));
    vit_list_add(cell->heading, sizeof cell->heading, " ", value);
}

/* One patch beside several stems is that of the stem that has patches; any other stem would refuse it. */
static bool has_other_patch(const struct recipe_words *w, const struct recipe_lists *lists)
{
    return lists->of[RECIPE_PATCH].count == 1 && recipe_lists_find(lists, RECIPE_STEM, PATCHES) >= 0 &&
           strcmp(w->text[RECIPE_STEM], PATCHES) != 0;
}

/* Cell number of the grid as texts, one a setting. */
static void choose(struct probe_cell *cell, struct recipe_words *w, const struct recipe_lists *lists,
                   size_t number)
{
    for (size_t i = VIT_COUNT(INNER); i-- > 0;) w->text[INNER[i]] = take(&lists->of[INNER[i]], &number);
    for (int id = RECIPE_SETTINGS; id-- > 0;)
        if (!is_inner(id)) w->text[id] = take(&lists->of[id], &number);
    if (has_other_patch(w, lists)) w->text[RECIPE_PATCH] = NULL;
    for (int id = 0; id < RECIPE_SETTINGS; id++)
        if (w->text[id]) add_heading(cell, &lists->of[id], id, w->text[id]);
}

static enum vit_status fill(struct probe_cell *cell, const struct recipe_words *w, bool preset,
                            struct vit_error *err)
{
    enum { ANY_CLASSES = 1 }; /* the data's are not known yet */
    enum vit_status status = recipe_texts_words(&cell->texts, w, err);

    if (!status && preset) status = recipe_texts_preset(&cell->texts, err);
    if (!status) status = recipe_parse(&cell->recipe, &cell->texts, err);
    if (!status) status = recipe_config(&cell->config, &cell->recipe, NULL, ANY_CLASSES, err);
    if (status) return status;
    cell->init = cell->recipe.init;
    vit_placement_text(&cell->config.norm, cell->norm, sizeof cell->norm);
    return VIT_OK;
}

static enum vit_status allocate(struct probe_grid *g, size_t count, struct vit_error *err)
{
    g->cell = calloc(count, sizeof *g->cell);
    g->count = g->cell ? count : 0;
    return g->cell ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "no memory for %zu networks", count);
}

static enum vit_status fill_all(struct probe_grid *g, const struct recipe_words *words,
                                const struct recipe_lists *lists, struct vit_error *err)
{
    for (size_t i = 0; i < g->count; i++) {
        struct recipe_words w = *words;
        choose(&g->cell[i], &w, lists, i);
        enum vit_status status = fill(&g->cell[i], &w, w.text[RECIPE_PRESET] != NULL, err);
        if (status) return status;
        g->cell[i].opens = !i || strcmp(g->cell[i].heading, g->cell[i - 1].heading) != 0;
    }
    return VIT_OK;
}

enum vit_status probe_grid_networks(struct probe_grid *g, const struct recipe_words *words,
                                    struct vit_error *err)
{
    const struct recipe_words w = complete(words);
    struct recipe_lists lists = { { { 0 } } };
    enum vit_status status = recipe_lists_words(&lists, &w, err);
    size_t cells = 0;

    if (!status) status = count_cells(&cells, &lists, err);
    if (!status) status = allocate(g, cells, err);
    if (!status) status = fill_all(g, &w, &lists, err);
    recipe_lists_free(&lists);
    return status;
}

enum vit_status probe_grid_placements(struct probe_grid *g, const char *model, const char *norms,
                                      struct vit_error *err)
{
    const struct recipe_words words = { .text = { [RECIPE_NORM] = norms } };
    struct recipe_lists lists = { { { 0 } } };
    const struct recipe_list *l = &lists.of[RECIPE_NORM];
    enum vit_status status = recipe_lists_words(&lists, &words, err);

    if (!status) status = allocate(g, l->count ? (size_t)l->count : 1, err);
    for (size_t i = 0; i < g->count && !status; i++) {
        struct probe_cell *c = &g->cell[i];
        c->init = "checkpoint";
        c->opens = !i;
        snprintf(c->heading, sizeof c->heading, "%s", model);
        snprintf(c->norm, sizeof c->norm, "%s", l->count ? l->text[i] : "");
    }
    recipe_lists_free(&lists);
    return status;
}

void probe_grid_free(struct probe_grid *g)
{
    for (size_t i = 0; i < g->count; i++) recipe_texts_free(&g->cell[i].texts);
    free(g->cell);
    *g = (struct probe_grid){ 0 };
}

bool probe_grid_new(const struct recipe_words *words, const char **name)
{
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        if (id == RECIPE_NORM || id == RECIPE_FINAL_NORM || !(words->text[id] || words->flag[id])) continue;
        *name = recipe_name((enum recipe_id)id);
        return true;
    }
    return false;
}
