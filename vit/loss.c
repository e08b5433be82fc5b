#include "vit/loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* Log of the sum of exp(x), shifted by the maximum: exp overflows above 88.7 in float. */
static double log_sum_exp(const float *x, int n)
{
    double most = x[0], sum = 0;

    for (int i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (int i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

static double target(const struct vit_targets *t, int row, int class, int classes)
{
    const double first = t->other ? t->weight[row] : 1;
    const float *says;
    double q = class == t->label[row] ? first : 0;

    if (t->other && class == t->other[row]) q += 1 - first;
    q = (1 - (double)t->smoothing) * q + (double)t->smoothing / classes;
    if (!t->teacher) return q;
    says = t->teacher + (size_t)row * (size_t)classes;
    return (1 - (double)t->share) * q + (double)t->share * (double)says[class];
}

double vit_cross_entropy(float *dlogits, const float *logits, const struct vit_targets *t, int n, int classes,
                         int total)
{
    double loss = 0;

    for (int i = 0; i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)classes;
        const double norm = log_sum_exp(row, classes);

        assert(t->label[i] >= 0 && t->label[i] < classes);
        assert(!t->other || (t->other[i] >= 0 && t->other[i] < classes));
        for (int j = 0; j < classes; j++) {
            const double q = target(t, i, j, classes), log_p = row[j] - norm;
            if (q > 0) loss -= q * log_p;
            if (dlogits) dlogits[(size_t)i * (size_t)classes + (size_t)j] = (float)((exp(log_p) - q) / total);
        }
    }
    return loss / total;
}
