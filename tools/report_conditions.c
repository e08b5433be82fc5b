/* Which runs share everything but placement, rate and seed, and which may be compared. */
#include <ctype.h>
#include <stdlib.h>

#include "tools/recipe.h"
#include "tools/report_parts.h"
#include "vit/text.h"

/* ---- conditions ---- */

/* What tells conditions apart: the settings, and the data set. */
enum { DATA = RECIPE_SETTINGS, TRAITS };

/* Settings that have a part of their own in a condition, or are none. */
static bool has_own_part(int id)
{
    static const enum recipe_id OWN[] = { RECIPE_NORM,   RECIPE_LR,         RECIPE_SEED,
                                          RECIPE_DEPTH,  RECIPE_INIT,       RECIPE_WARMUP,
                                          RECIPE_PRESET, RECIPE_EVAL_EVERY, RECIPE_LOG_EVERY };

    for (size_t i = 0; i < VIT_COUNT(OWN); i++)
        if ((int)OWN[i] == id) return true;
    return false;
}

/* A setting of a cell as text, or the name of its data set: "" where nothing says it. */
static const char *trait(const struct report *r, const struct report_cell *c, int id, char *text, size_t size)
{
    if (id == DATA) return report_data(&r->sources[c->source], text, size);
    return report_setting(r, c, (enum recipe_id)id, text, size);
}

/* Whether cells that say it say different things. norm: only cells of that placement; NULL: all. */
static bool varies(const struct report *r, int id, const char *norm)
{
    char first[REPORT_MORE] = "", text[REPORT_MORE];

    for (size_t i = 0; i < r->cell_count; i++) {
        if (norm && strcmp(r->cells[i].norm, norm) != 0) continue;
        trait(r, &r->cells[i], id, text, sizeof text);
        if (!*text) continue;
        if (*first && strcmp(first, text) != 0) return true;
        snprintf(first, sizeof first, "%s", text);
    }
    return false;
}

/* What runs start from differs by placement of itself: it is no condition unless it varies within one. */
static bool divides(const struct report *r, int id)
{
    if (has_own_part(id)) return false;
    if (id != RECIPE_FROM) return varies(r, id, NULL);
    for (size_t i = 0; i < r->norm_count; i++)
        if (varies(r, id, r->norms[i])) return true;
    return false;
}

static void describe(struct report_condition *c)
{
    char warmup[48], depth[16];

    if (strcmp(c->warmup, "0") == 0)
        snprintf(c->start, sizeof c->start, "no warm-up");
    else
        snprintf(c->start, sizeof c->start, "warm-up %s",
                 report_warmup_text(warmup, sizeof warmup, c->warmup));
    snprintf(c->brief, sizeof c->brief, "depth %s, %s", report_depth_text(depth, sizeof depth, c->depth),
             c->start);
    vit_list_add(c->brief, sizeof c->brief, ", ", c->init);
    vit_list_add(c->label, sizeof c->label, ", ", c->brief);
    if (*c->more) vit_list_add(c->label, sizeof c->label, ", ", c->more);
}

static struct report_condition condition_of(const struct report *r, const struct report_cell *cell,
                                            const bool *varying)
{
    struct report_condition c = { .init = cell->init, .depth = cell->depth };
    char text[REPORT_MORE];

    memcpy(c.warmup, cell->warmup, sizeof c.warmup);
    for (int id = 0; id < TRAITS; id++)
        if (varying[id] && *trait(r, cell, id, text, sizeof text)) {
            const char *name = id == DATA ? "data" : recipe_name((enum recipe_id)id);
            vit_list_add(c.more, sizeof c.more, ", ", name);
            vit_list_add(c.more, sizeof c.more, " ", text);
        }
    describe(&c);
    return c;
}

/* Texts, but for numbers where they first differ: "epochs 3" before "epochs 10". */
static int by_text(const char *a, const char *b)
{
    const char *start = a;
    double left, right;

    while (*a && *a == *b) a++, b++;
    while (a > start && isdigit((unsigned char)a[-1])) a--, b--;
    if (!isdigit((unsigned char)*a) || !isdigit((unsigned char)*b)) return strcmp(a, b);
    left = strtod(a, NULL), right = strtod(b, NULL);
    return left != right ? (left > right) - (left < right) : strcmp(a, b);
}

static int by_condition(const void *a, const void *b)
{
    const struct report_condition *left = a, *right = b;
    const double l = strtod(left->warmup, NULL), r = strtod(right->warmup, NULL);
    int order = by_text(left->more, right->more);

    if (!order) order = strcmp(right->init, left->init); /* xavier, the main condition, first */
    if (!order) order = (l > r) - (l < r);
    if (!order) order = strcmp(left->warmup, right->warmup);
    return order ? order : left->depth - right->depth;
}

bool report_same_recipe(const struct report_condition *a, const struct report_condition *b)
{
    return strcmp(a->more, b->more) == 0 && strcmp(a->init, b->init) == 0;
}

static int find_condition(const struct report *r, const struct report_condition *c)
{
    for (size_t i = 0; i < r->condition_count; i++) {
        const struct report_condition *known = &r->conditions[i];
        if (known->depth == c->depth && strcmp(known->warmup, c->warmup) == 0 && report_same_recipe(known, c))
            return (int)i;
    }
    return -1;
}

static enum vit_status find_conditions(struct report *r, struct vit_error *err)
{
    bool varying[TRAITS];
    enum vit_status status = VIT_OK;

    for (int id = 0; id < TRAITS; id++) varying[id] = divides(r, id);
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_condition c = condition_of(r, &r->cells[i], varying);
        if (find_condition(r, &c) >= 0) continue;
        status = report_grow((void **)&r->conditions, r->condition_count, sizeof c, err);
        if (status) return status;
        r->conditions[r->condition_count++] = c;
    }
    if (r->condition_count) qsort(r->conditions, r->condition_count, sizeof *r->conditions, by_condition);
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_condition c = condition_of(r, &r->cells[i], varying);
        r->cells[i].condition = find_condition(r, &c);
    }
    return VIT_OK;
}

/* ---- matches ---- */

static int find_match(const struct report *r, const struct report_condition *c)
{
    for (size_t i = 0; i < r->match_count; i++) {
        const struct report_condition *first = &r->conditions[r->matches[i].condition];
        if (first->depth == c->depth && report_same_recipe(first, c)) return (int)i;
    }
    return -1;
}

static enum vit_status find_matches(struct report *r, struct vit_error *err)
{
    for (size_t i = 0; i < r->condition_count; i++) {
        struct report_condition *c = &r->conditions[i];
        struct report_match match = { .condition = (int)i };
        char depth[16];

        c->match = find_match(r, c);
        if (c->match >= 0) continue;
        if (report_grow((void **)&r->matches, r->match_count, sizeof match, err)) return VIT_ERR_NOMEM;
        snprintf(match.label, sizeof match.label, "depth %s",
                 report_depth_text(depth, sizeof depth, c->depth));
        vit_list_add(match.label, sizeof match.label, ", ", c->init);
        if (*c->more) vit_list_add(match.label, sizeof match.label, ", ", c->more);
        c->match = (int)r->match_count;
        r->matches[r->match_count++] = match;
    }
    return VIT_OK;
}

/* Each of a match to the one after it, the match to the first. */
static void link_conditions(struct report *r)
{
    for (size_t m = 0; m < r->match_count; m++) r->matches[m].condition = -1;
    for (size_t i = r->condition_count; i-- > 0;) {
        struct report_condition *c = &r->conditions[i];
        c->next = r->matches[c->match].condition;
        r->matches[c->match].condition = (int)i;
    }
}

enum vit_status report_find_conditions(struct report *r, struct vit_error *err)
{
    enum vit_status status = report_complete(r, err);

    if (!status) status = find_conditions(r, err);
    if (!status) status = find_matches(r, err);
    if (!status) link_conditions(r);
    return status;
}
