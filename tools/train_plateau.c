/* The plateau of chance: where a run starts, and where one stays that learns nothing. */
#include <math.h>
#include <string.h>

#include "tools/train_parts.h"

/* Steps that the running loss looks back on: short beside the 600 after which it decides, long enough that
 * the noise of a batch of 128 (about 0.02 at chance) is far below the 0.05 that decide. */
enum { WINDOW = 50 };

/* Loss of ten classes at which a run counts as one that learns, and as dead: what the matched-recipe grid was
 * designed with. They scale with chance. */
static const double LEFT = 2.2, DEAD = 2.25, TEN = 2.302585092994046; /* ln 10 */

bool train_left(double running, int classes)
{
    return running < LEFT / TEN * log(classes);
}

double train_plateau_dead(int classes)
{
    return DEAD / TEN * log(classes);
}

bool train_dead(double running, int classes)
{
    return running > train_plateau_dead(classes);
}

/* The grid's 600 of 1950 steps, where a run is longer; a shorter one has had no time to be called dead. */
enum vit_status train_dead_after(int *step, const char *text, int steps, struct vit_error *err)
{
    enum { LEAST = 600 };
    const int share = (int)(0.3 * steps);

    if (strcmp(text, "auto") != 0) return recipe_steps(step, "--dead-after", text, steps, err);
    *step = share > LEAST ? share : LEAST;
    return VIT_OK;
}

/* The mean of all until there are WINDOW of them, then each new one counts 1 / WINDOW. */
void train_plateau_step(struct train *t, double loss, int step, int classes)
{
    t->running += (loss - t->running) / (step < WINDOW ? step : WINDOW);
    if (!t->plateau_step && train_left(t->running, classes)) t->plateau_step = step;
}
