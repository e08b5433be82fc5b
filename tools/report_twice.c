/* Runs that stand in several inputs, as a copied folder or a seed that was trained again: their numbers are
 * those of one seed, and count once. */
#include <math.h>
#include <stdlib.h>

#include "tools/report_parts.h"

/* Of one quantity of both; one that is not known contradicts nothing. */
static bool fits(double a, double b)
{
    return isnan(a) || isnan(b) || fabs(a - b) <= 1e-9 * fabs(a); /* older files have 12 digits */
}

/* A training loss tells runs apart to its last digit. Without one the words about its end must do, where all
 * settings are known. */
static bool same_end(const struct report_cell *a, const struct report_cell *b)
{
    if (a->end != b->end || a->end == REPORT_UNFINISHED) return false;
    if (isfinite(a->train_loss) && isfinite(b->train_loss)) return fits(a->train_loss, b->train_loss);
    return a->whole && b->whole && *a->reason && strcmp(a->reason, b->reason) == 0;
}

static bool same_trial(const struct report_cell *a, const struct report_cell *b)
{
    return a->condition == b->condition && a->source != b->source && a->seed == b->seed &&
           strcmp(a->norm, b->norm) == 0 && report_same_rate(a->lr, b->lr);
}

static bool same_run(const struct report_cell *a, const struct report_cell *b)
{
    return same_trial(a, b) && same_end(a, b) && fits(a->val_loss, b->val_loss) &&
           fits(a->val_top1, b->val_top1) && fits(a->test_top1, b->test_top1);
}

/* What this input has only begun or planned another has ended, or one before has it begun or planned too. */
static bool open_for_nothing(const struct report *r, size_t cell)
{
    const struct report_cell *c = &r->cells[cell];

    if (c->end != REPORT_UNFINISHED) return false;
    for (size_t i = 0; i < r->cell_count; i++)
        if ((i < cell || r->cells[i].end != REPORT_UNFINISHED) && same_trial(&r->cells[i], c)) return true;
    return false;
}

/* kept (cells): false where another says as much, or more. A folder of train knows no test. */
static void choose(bool *kept, const struct report *r)
{
    for (size_t i = 0; i < r->cell_count; i++) {
        kept[i] = !open_for_nothing(r, i);
        for (size_t k = 0; k < i && kept[i]; k++) {
            if (!kept[k] || !same_run(&r->cells[k], &r->cells[i])) continue;
            if (isnan(r->cells[k].test_top1) && !isnan(r->cells[i].test_top1))
                kept[k] = false;
            else
                kept[i] = false;
        }
    }
}

enum vit_status report_count_once(struct report *r, struct vit_error *err)
{
    bool *kept = calloc(r->cell_count + 1, sizeof *kept);
    int *place = calloc(r->cell_count + 1, sizeof *place);
    size_t cells = 0, epochs = 0;

    if (!kept || !place) {
        free(kept);
        free(place);
        return vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
    }
    choose(kept, r);
    r->twice = 0;
    for (size_t i = 0; i < r->cell_count; i++) {
        place[i] = (int)cells;
        if (kept[i])
            r->cells[cells++] = r->cells[i];
        else
            r->twice += r->cells[i].end != REPORT_UNFINISHED; /* what has not ended is no copy */
    }
    for (size_t i = 0; i < r->epoch_count; i++) {
        struct report_epoch e = r->epochs[i];
        if (!kept[e.cell]) continue;
        e.cell = place[e.cell];
        r->epochs[epochs++] = e;
    }
    r->cell_count = cells;
    r->epoch_count = epochs;
    free(kept);
    free(place);
    return VIT_OK;
}
