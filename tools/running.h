/* running.h - mean and deviation of numbers that come one by one: Welford, Technometrics 4, 1962, 419. */
#ifndef TOOLS_RUNNING_H
#define TOOLS_RUNNING_H

#include <math.h>

/* Of no number: { 0 }. */
struct running {
    int n;
    double mean, squares; /* of the distances to the mean */
};

static inline void running_add(struct running *r, double x)
{
    const double before = x - r->mean;

    r->mean += before / ++r->n;
    r->squares += before * (x - r->mean);
}

/* Of the sample, with n - 1: 0 of equal numbers, NAN below two. */
static inline double running_deviation(const struct running *r)
{
    return r->n > 1 ? sqrt(r->squares / (r->n - 1)) : NAN;
}

#endif
