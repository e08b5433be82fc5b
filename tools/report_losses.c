/* How often two placements lost the runs that both made. */
#include "tools/report_parts.h"
#include "vit/stats.h"

static bool has_ended(const struct report_cell *c)
{
    return c->end != REPORT_UNFINISHED;
}

static bool is_run(const struct report *r, const struct report_cell *c, const struct report_arm *a)
{
    return report_is_of(r, c, a) && has_ended(c);
}

/* The run of an arm, of the same condition, at the same trial. */
static const struct report_cell *partner(const struct report *r, const struct report_arm *a,
                                         const struct report_cell *trial)
{
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (is_run(r, c, a) && c->seed == trial->seed && report_same_rate(c->lr, trial->lr)) return c;
    }
    return NULL;
}

/* Runs of an arm that other has too, into place i. */
static void count_losses(struct report_losses *l, int i, const struct report *r, const struct report_arm *a,
                         const struct report_arm *other)
{
    for (size_t k = 0; k < r->cell_count; k++) {
        const struct report_cell *c = &r->cells[k], *beside;
        if (!is_run(r, c, a)) continue;
        beside = partner(r, other, c);
        if (!beside) continue;
        l->runs[i]++;
        l->lost[i] += c->end != REPORT_DONE;
        l->only[i] += c->end != REPORT_DONE && beside->end == REPORT_DONE;
    }
}

/* The first condition of the recipe; those of one are neighbours. */
static size_t first_of(const struct report *r, const struct report_condition *recipe)
{
    size_t i = (size_t)(recipe - r->conditions);

    while (i && report_same_recipe(&r->conditions[i - 1], recipe)) i--;
    return i;
}

bool report_losses(struct report_losses *l, const struct report *r, const struct report_condition *recipe,
                   size_t norm)
{
    *l = (struct report_losses){ 0 };
    for (size_t i = first_of(r, recipe);
         i < r->condition_count && report_same_recipe(&r->conditions[i], recipe); i++) {
        const struct report_arm *first = report_arm(r, (int)i, 0), *other = report_arm(r, (int)i, norm);
        if (!first || !other) continue;
        count_losses(l, 0, r, first, other);
        count_losses(l, 1, r, other, first);
    }
    if (!l->runs[0] || !l->runs[1]) return false;
    l->any = l->lost[0] + l->lost[1] > 0;
    l->paired = vit_mcnemar((size_t)l->only[0], (size_t)l->only[1]);
    l->p = vit_fisher((size_t)l->lost[0], (size_t)l->runs[0], (size_t)l->lost[1], (size_t)l->runs[1]);
    return true;
}
