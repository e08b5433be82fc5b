/* The plateau of chance: where a run starts, and where one stays that learns nothing. */
#include <math.h>
#include <string.h>

#include "tools/train_parts.h"

static const double TEN = 2.302585092994046; /* ln 10 */

bool train_left(double running, int classes)
{
    return running < TRAIN_LEFT_BELOW / TEN * log(classes);
}

double train_plateau_dead(int classes)
{
    return TRAIN_DEAD_ABOVE / TEN * log(classes);
}

bool train_dead(double running, int classes)
{
    return running > train_plateau_dead(classes);
}

enum vit_status train_dead_after(int *step, const char *text, int steps, struct vit_error *err)
{
    const int share = (int)(TRAIN_DEAD_SHARE / 100.0 * steps);

    if (strcmp(text, "auto") != 0) return recipe_steps(step, "--dead-after", text, steps, err);
    *step = share > TRAIN_DEAD_LEAST ? share : TRAIN_DEAD_LEAST;
    return VIT_OK;
}

/* The mean of all until there are TRAIN_WINDOW of them, then each new one counts 1 / TRAIN_WINDOW. A mean of
 * fewer may be the luck of a network that has learnt nothing: only where a run has no more is its last one
 * asked. */
void train_plateau_step(struct train *t, double loss, int step, int classes)
{
    const int first = t->hyper.steps < TRAIN_WINDOW ? t->hyper.steps : TRAIN_WINDOW;

    t->running += (loss - t->running) / (step < TRAIN_WINDOW ? step : TRAIN_WINDOW);
    if (!t->plateau_step && step >= first && train_left(t->running, classes)) t->plateau_step = step;
}
