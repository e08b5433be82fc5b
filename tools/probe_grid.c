/* The conditions of vit probe: every combination of lists of settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/probe.h"

/* New networks when nobody says otherwise. The gain of output norms is 1, so that a branch which is
 * normalised last is seen at all. */
static const struct {
    enum recipe_id id;
    bool with_preset; /* a preset says nothing of it, or something else is wanted */
    const char *text;
} DEFAULTS[] = {
    { RECIPE_OUT_GAIN, true, "1" },  { RECIPE_NORM, false, "pre,post,deepnorm" },
    { RECIPE_IMAGE, false, "32" },   { RECIPE_INIT, false, "xavier,trunc02" },
    { RECIPE_PATCH, false, "8" },    { RECIPE_DEPTH, false, "6,12,24" },
    { RECIPE_WIDTH, false, "128" },  { RECIPE_HEADS, false, "4" },
    { RECIPE_HIDDEN, false, "256" }, { RECIPE_POOL, false, "mean" },
};

/* ---- lists ---- */

enum { MOST_VALUES = 256, MOST_CELLS = 65536 };

struct list {
    char *text; /* with zero bytes for commas; owned */
    int count;
    const char *value[MOST_VALUES];
};

static enum vit_status split(struct list *l, const char *name, const char *text, struct vit_error *err)
{
    l->text = strdup(text);
    if (!l->text) return vit_fail(err, VIT_ERR_NOMEM, "--%s: no memory", name);
    for (char *at = l->text; at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma++ = '\0';
        if (!*at)
            return vit_fail(err, VIT_ERR_ARG, "--%s: expected values between the commas of \"%s\"", name,
                            text);
        if (l->count == MOST_VALUES)
            return vit_fail(err, VIT_ERR_ARG, "--%s: expected at most %d values, found more", name,
                            MOST_VALUES);
        for (int i = 0; i < l->count; i++)
            if (strcmp(l->value[i], at) == 0)
                return vit_fail(err, VIT_ERR_ARG, "--%s: \"%s\" is there twice", name, at);
        l->value[l->count++] = at;
        at = comma;
    }
    return VIT_OK;
}

/* What the command line gave, and the defaults. */
static struct recipe_words complete(const struct recipe_words *given)
{
    struct recipe_words w = *given;

    for (size_t i = 0; i < VIT_COUNT(DEFAULTS); i++) {
        const enum recipe_id id = DEFAULTS[i].id;
        if (w.text[id] || (given->text[RECIPE_PRESET] && !DEFAULTS[i].with_preset)) continue;
        if (id == RECIPE_PATCH && given->text[RECIPE_STEM]) continue; /* convolutions have no patch */
        w.text[id] = DEFAULTS[i].text;
    }
    return w;
}

static enum vit_status split_all(struct list *lists, const struct recipe_words *w, size_t *cells,
                                 struct vit_error *err)
{
    *cells = 1;
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        if (!w->text[id]) continue;
        enum vit_status status = split(&lists[id], recipe_name((enum recipe_id)id), w->text[id], err);
        if (status) return status;
        *cells *= (size_t)lists[id].count;
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
static const char *take(const struct list *l, size_t *number)
{
    const size_t digit = l->count ? *number % (size_t)l->count : 0;

    if (!l->count) return NULL;
    *number /= (size_t)l->count;
    return l->value[digit];
}

static void add_heading(struct probe_cell *cell, const struct list *l, int id, const char *value)
{
    const size_t used = strlen(cell->heading);

    if (l->count < 2 && id != RECIPE_INIT) return;
    if (id == RECIPE_NORM || id == RECIPE_DEPTH) return;
    snprintf(cell->heading + used, sizeof cell->heading - used, "%s%s %s", used ? ", " : "",
             recipe_name((enum recipe_id)id), value);
}

/* Cell number of the grid as texts, one a setting. */
static void choose(struct probe_cell *cell, struct recipe_words *w, const struct list *lists, size_t number)
{
    for (size_t i = VIT_COUNT(INNER); i-- > 0;) w->text[INNER[i]] = take(&lists[INNER[i]], &number);
    for (int id = RECIPE_SETTINGS; id-- > 0;)
        if (!is_inner(id)) w->text[id] = take(&lists[id], &number);
    for (int id = 0; id < RECIPE_SETTINGS; id++)
        if (w->text[id]) add_heading(cell, &lists[id], id, w->text[id]);
}

static enum vit_status fill(struct probe_cell *cell, const struct recipe_words *w, bool preset,
                            struct vit_error *err)
{
    enum { ANY_CLASSES = 1 }; /* the data's are not known yet */
    enum vit_status status = recipe_texts_words(&cell->texts, w, err);

    if (!status && preset) status = recipe_texts_preset(&cell->texts, err);
    if (!status) status = recipe_parse(&cell->recipe, &cell->texts, err);
    if (!status) status = recipe_config(&cell->config, &cell->recipe, ANY_CLASSES, err);
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
                                const struct list *lists, struct vit_error *err)
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
    struct list *lists = calloc(RECIPE_SETTINGS, sizeof *lists);
    enum vit_status status;
    size_t cells = 0;

    if (!lists) return vit_fail(err, VIT_ERR_NOMEM, "no memory for lists of settings");
    status = split_all(lists, &w, &cells, err);
    if (!status) status = allocate(g, cells, err);
    if (!status) status = fill_all(g, &w, lists, err);
    for (int i = 0; i < RECIPE_SETTINGS; i++) free(lists[i].text);
    free(lists);
    return status;
}

enum vit_status probe_grid_placements(struct probe_grid *g, const char *model, const char *norms,
                                      struct vit_error *err)
{
    struct list l = { .count = 0 };
    struct vit_norm_config norm;
    enum vit_status status = norms ? split(&l, "norm", norms, err) : VIT_OK;

    if (!status) status = allocate(g, l.count ? (size_t)l.count : 1, err);
    for (int i = 0; i < l.count && !status; i++) {
        struct vit_error why;
        snprintf(g->cell[i].norm, sizeof g->cell[i].norm, "%s", l.value[i]);
        if (vit_placement_parse(&norm, l.value[i], &why))
            status = vit_fail(err, VIT_ERR_ARG, "--norm: %.900s", why.text);
    }
    for (size_t i = 0; i < g->count && !status; i++) {
        g->cell[i].init = "checkpoint";
        g->cell[i].opens = !i;
        snprintf(g->cell[i].heading, sizeof g->cell[i].heading, "%s", model);
    }
    free(l.text);
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
