/* How often two placements lost the runs that both made. */
#include <string.h>

#include "tools/report_parts.h"
#include "vit/stats.h"

static bool has_ended(const struct report_cell *c)
{
    return c->end != REPORT_UNFINISHED;
}

static bool same_trial(const struct report_cell *a, const struct report_cell *b)
{
    return a->condition == b->condition && a->seed == b->seed && report_same_rate(a->lr, b->lr);
}

/* The run of norm at the same trial, if it has ended. */
static const struct report_cell *partner(const struct report *r, size_t norm, const struct report_cell *trial)
{
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (strcmp(c->norm, r->norms[norm]) == 0 && has_ended(c) && same_trial(c, trial)) return c;
    }
    return NULL;
}

/* Runs of norm under the recipe that other ran too, into place i. */
static void count_losses(struct report_losses *l, int i, const struct report *r,
                         const struct report_condition *recipe, size_t norm, size_t other)
{
    for (size_t k = 0; k < r->cell_count; k++) {
        const struct report_cell *c = &r->cells[k], *beside;
        if (strcmp(c->norm, r->norms[norm]) != 0 || !has_ended(c)) continue;
        if (!report_same_recipe(&r->conditions[c->condition], recipe)) continue;
        beside = partner(r, other, c);
        if (!beside) continue;
        l->runs[i]++;
        l->lost[i] += c->end != REPORT_DONE;
        l->only[i] += c->end != REPORT_DONE && beside->end == REPORT_DONE;
    }
}

bool report_losses(struct report_losses *l, const struct report *r, const struct report_condition *recipe,
                   size_t norm)
{
    *l = (struct report_losses){ 0 };
    count_losses(l, 0, r, recipe, 0, norm);
    count_losses(l, 1, r, recipe, norm, 0);
    if (!l->runs[0] || !l->runs[1]) return false;
    l->any = l->lost[0] + l->lost[1] > 0;
    l->paired = vit_mcnemar((size_t)l->only[0], (size_t)l->only[1]);
    l->p = vit_fisher((size_t)l->lost[0], (size_t)l->runs[0], (size_t)l->lost[1], (size_t)l->runs[1]);
    return true;
}
