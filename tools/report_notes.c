/* What the sentences of the page and of the tables have in common: which runs are lost, what a best leaves
 * out, of how many pictures accuracies are. */
#include <math.h>

#include "tools/report_parts.h"
#include "tools/train.h"

/* At which step runs were given up: that of all, or 0. */
static int steps_of_dead(const struct report *r)
{
    int steps = 0;

    for (size_t i = 0; i < r->cell_count; i++) {
        if (r->cells[i].end != REPORT_DEAD) continue;
        if (steps && r->cells[i].steps != steps) return 0;
        steps = r->cells[i].steps;
    }
    return steps;
}

static void put_dead(FILE *out, const struct report *r, int classes)
{
    const int steps = steps_of_dead(r);

    fputs(" Dead: a running mean of the training loss ", out);
    if (classes)
        fprintf(out, "above %.2f (chance is %.2f) ", train_plateau_dead(classes), log(classes));
    else
        fputs("still at chance ", out);
    if (steps)
        fprintf(out, "after %d steps", steps);
    else
        fputs("when that was asked", out);
    fputs(", and given up there, also where it had been lower before.", out);
}

static void put_stayed(FILE *out, int classes)
{
    fputs(" Not learnt: trained to the end, with a validation accuracy there below ", out);
    if (classes)
        fprintf(out, "%.3g %% (chance is %.3g %%).", 100 * report_learnt(classes), 100.0 / classes);
    else
        fputs("twice chance (less, where classes are fewer than ten).", out);
}

void report_put_passed(FILE *out, const struct report *r)
{
    bool found = false;

    for (size_t i = 0; i < r->arm_count; i++)
        found |= report_lost(r->arms[i].ended) && report_tried(&r->arms[i]) > 1;
    if (found) fputs(" A rate that lost runs is passed over where another lost none.", out);
}

void report_put_flattered(FILE *out, const struct report *r)
{
    bool found = false;

    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        found |= a->best >= 0 && report_lost(a->rates[a->best].ended);
    }
    if (found)
        fputs(" Where every rate lost runs, the best one says how many (lost 1 of 3): they are in no mean, "
              "which flatters the placement.",
              out);
}

void report_put_pictures(FILE *out, const struct report_span *pictures)
{
    if (pictures->low < pictures->high)
        fprintf(out, "%d to %d pictures", pictures->low, pictures->high);
    else
        fprintf(out, "%d pictures", pictures->high);
}

void report_put_lost(FILE *out, const struct report *r)
{
    const int classes = report_classes(r, -1);

    if (report_count_end(r, REPORT_DEAD)) put_dead(out, r, classes);
    if (report_count_end(r, REPORT_DIVERGED)) fputs(" Diverged: loss or gradient no longer finite.", out);
    if (report_count_end(r, REPORT_STAYED)) put_stayed(out, classes);
}
