/* The product of all lists of settings, and the order its cells are run in. */
#include <stdlib.h>
#include <string.h>

#include "tools/recipe_preset.h"
#include "tools/sweep.h"

enum { MOST_CELLS = 10000 };

/* ---- the lists ---- */

/* The network of every cell, but for what the cell changes of it. */
static enum vit_status find_default(struct vit_config *c, const struct sweep *s, struct vit_error *err)
{
    const struct recipe_list *preset = &s->lists.of[RECIPE_PRESET], *from = &s->lists.of[RECIPE_FROM];
    const struct recipe r = { .from = from->count ? from->text[0] : NULL };
    struct recipe_base base;
    enum vit_status status;

    if (!r.from)
        return recipe_network(c, preset->count ? preset->text[0] : recipe_row(RECIPE_PRESET)->initial, err);
    status = recipe_base_open(&base, &r, &s->common, err);
    if (!status) *c = base.config;
    return status;
}

/* Norm and seed are part of every cell's name, so that arms and seeds can be added later: say what they are
 * when nobody did. Several presets, or networks to start from, may have placements of their own. The preset
 * of trained networks is said too, as it is not what the table has. */
static enum vit_status name_defaults(struct sweep *s, struct vit_error *err)
{
    struct recipe_lists *l = &s->lists;
    const struct recipe_list *from = &l->of[RECIPE_FROM];
    struct vit_config c;
    char text[32];
    enum vit_status status = VIT_OK;

    if (!l->of[RECIPE_SEED].count) status = recipe_lists_add(l, RECIPE_SEED, "0", err);
    if (!status && from->count && !l->of[RECIPE_PRESET].count)
        status = recipe_lists_add(l, RECIPE_PRESET, RECIPE_PRESET_OF_TRAINED, err);
    if (status || l->of[RECIPE_NORM].count) return status;
    if (from->count > 1 || (!from->count && l->of[RECIPE_PRESET].count > 1)) return VIT_OK;
    status = find_default(&c, s, err);
    return status ? status
                  : recipe_lists_add(l, RECIPE_NORM, vit_placement_text(&c.norm, text, sizeof text), err);
}

/* As arms are read: norm first, seed last. */
static void name_axes(struct sweep *s)
{
    s->axis_count = 0;
    if (s->lists.of[RECIPE_NORM].count) s->axes[s->axis_count++] = RECIPE_NORM;
    for (int id = 0; id < RECIPE_SETTINGS; id++)
        if (s->lists.of[id].count > 1 && id != RECIPE_NORM && id != RECIPE_SEED)
            s->axes[s->axis_count++] = (enum recipe_id)id;
    s->axes[s->axis_count++] = RECIPE_SEED;
}

/* ---- a cell ---- */

/* "lr=0.001" after what is there, for file names: what a path would mean something by becomes '-'. */
static bool append(char *id, size_t size, const char *name, const char *value)
{
    const size_t used = strlen(id);
    const int added = snprintf(id + used, size - used, "%s%s=%s", used ? "_" : "", name, value);

    for (char *p = id + used; *p; p++)
        if (*p == '/' || *p == ',' || (unsigned char)*p <= ' ') *p = '-';
    return added > 0 && (size_t)added < size - used;
}

static enum vit_status name_cell(struct sweep_cell *c, const struct sweep *s, struct vit_error *err)
{
    for (int i = 0; i < s->axis_count; i++)
        if (!append(c->id, sizeof c->id, recipe_name(s->axes[i]), c->texts.text[s->axes[i]]))
            return vit_fail(err, VIT_ERR_ARG, "%.60s...: the name of a cell has more than %zu characters",
                            c->id, sizeof c->id - 1);
    return VIT_OK;
}

static enum vit_status make_cell(struct sweep_cell *c, const struct sweep *s, int number,
                                 struct vit_error *err)
{
    enum vit_status status = recipe_lists_texts(&c->texts, &s->lists, number, err);

    c->number = number;
    if (!status) status = name_cell(c, s, err);
    if (!status) status = recipe_texts_preset(&c->texts, err);
    return status ? status : recipe_parse(&c->recipe, &c->texts, err);
}

static enum vit_status check_names(const struct sweep *s, struct vit_error *err)
{
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(s->cells[i].id, s->cells[k].id) == 0)
                return vit_fail(err, VIT_ERR_ARG, "%s: two cells have this name", s->cells[i].id);
    return VIT_OK;
}

/* ---- the order ---- */

/* How far a cell's learning rates are from the middle of their lists, in half places. */
static int distance(const struct recipe_lists *l, const struct sweep_cell *c)
{
    static const enum recipe_id RATES[] = { RECIPE_LR, RECIPE_MUON_LR };
    int most = 0;

    for (size_t k = 0; k < VIT_COUNT(RATES); k++) {
        const struct recipe_list *list = &l->of[RATES[k]];
        int below = 0, from;
        if (list->count < 2) continue;
        for (int i = 0; i < list->count; i++)
            below += strtof(list->text[i], NULL) < strtof(c->texts.text[RATES[k]], NULL);
        from = abs(2 * below - (list->count - 1));
        if (from > most) most = from;
    }
    return most;
}

/* A picture early: the first seed, from the middle learning rates to the edges; then the next seed. Cells
 * that are equal in both go in the order of the product, so that arms are neighbours. */
struct rank {
    int seed, distance, number;
};

static struct rank rank_of(const struct sweep *s, const struct sweep_cell *c)
{
    return (struct rank){ recipe_lists_find(&s->lists, RECIPE_SEED, c->texts.text[RECIPE_SEED]),
                          distance(&s->lists, c), c->number };
}

static int by_rank(const void *a, const void *b, void *sweep)
{
    const struct rank x = rank_of(sweep, a), y = rank_of(sweep, b);

    if (x.seed != y.seed) return x.seed - y.seed;
    return x.distance != y.distance ? x.distance - y.distance : x.number - y.number;
}

/* ---- all ---- */

enum vit_status sweep_grid_make(struct sweep *s, struct vit_error *err)
{
    enum vit_status status = name_defaults(s, err);

    if (status) return status;
    s->count = recipe_lists_product(&s->lists, MOST_CELLS);
    if (!s->count) return vit_fail(err, VIT_ERR_ARG, "the grid has more than %d cells", MOST_CELLS);
    name_axes(s);
    s->cells = calloc((size_t)s->count, sizeof *s->cells);
    if (!s->cells) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a grid of %d cells", s->count);
    for (int i = 0; i < s->count && !status; i++) status = make_cell(&s->cells[i], s, i, err);
    if (!status) status = check_names(s, err);
    if (!status) qsort_r(s->cells, (size_t)s->count, sizeof *s->cells, by_rank, s);
    return status;
}

void sweep_grid_free(struct sweep *s)
{
    for (int i = 0; s->cells && i < s->count; i++) recipe_texts_free(&s->cells[i].texts);
    free(s->cells);
    s->cells = NULL;
}

bool sweep_grid_same_arm(const struct sweep *s, const struct sweep_cell *a, const struct sweep_cell *b)
{
    for (int i = 0; i + 1 < s->axis_count; i++)
        if (strcmp(a->texts.text[s->axes[i]], b->texts.text[s->axes[i]]) != 0) return false;
    return true;
}
