/* Sentences that the page and the tables have in common: which runs are lost, and what learning is. */
#include <math.h>

#include "tools/report_parts.h"
#include "tools/train.h"

void report_put_lost(FILE *out, const struct report *r)
{
    int dead = 0, diverged = 0, steps = 0;
    bool alike = true;

    for (size_t i = 0; i < r->cell_count; i++) {
        diverged += r->cells[i].end == REPORT_DIVERGED;
        if (r->cells[i].end != REPORT_DEAD) continue;
        alike &= !dead++ || r->cells[i].steps == steps;
        steps = r->cells[i].steps;
    }
    if (dead && alike && steps)
        fprintf(out, " Dead: the training loss still at chance after %d steps, and given up there.", steps);
    else if (dead)
        fputs(" Dead: the training loss still at chance when that was asked, and given up there.", out);
    if (diverged) fputs(" Diverged: loss or gradient no longer finite.", out);
}

void report_put_learns(FILE *out, const struct report *r)
{
    const int classes = report_classes(r, -1);

    fputs(
        " A run learnt that ended off the plateau of chance: with a loss (validation, or an epoch's training "
        "where that is lower) below ",
        out);
    if (classes) fprintf(out, "%.2f (chance is %.2f), ", train_plateau(classes), log(classes));
    fputs("the line by which training itself tells that a run has left the plateau.", out);
}
