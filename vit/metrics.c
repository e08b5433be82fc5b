#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "vit/arena.h"
#include "vit/vit.h"

enum { BINS = 15, TOP = 5 };

struct bin {
    size_t count, correct;
    double confidence; /* sum */
};

struct vit_metrics {
    int classes;
    size_t count, correct[2]; /* top-1, top-5 */
    double loss;              /* sum, nats */
    struct bin bins[BINS];
    size_t confusion[]; /* (classes, classes): label, prediction */
};

/* ---- of one picture ---- */

/* NaN ranks below every number, so that a broken model still gives classes in range. */
static bool better(float a, float b)
{
    return a > b || (isnan(b) && !isnan(a));
}

static float largest(const float *v, int count)
{
    float most = v[0];

    for (int i = 1; i < count; i++)
        if (better(v[i], most)) most = v[i];
    return most;
}

/* Sum of exp(v - shift). Shifted by the maximum, because exp overflows above 709.7 even in double. */
static double sum_exp(const float *v, int count, double shift)
{
    double sum = 0;

    for (int i = 0; i < count; i++) sum += exp(v[i] - shift);
    return sum;
}

void vit_softmax(float *out, const float *logits, int classes)
{
    const double shift = largest(logits, classes);
    const double sum = sum_exp(logits, classes, shift);

    for (int i = 0; i < classes; i++) out[i] = (float)(exp(logits[i] - shift) / sum);
}

void vit_top(int *index, const float *values, int count, int k)
{
    int have = 0;

    assert(k >= 0 && k <= count);
    for (int i = 0; i < count && k; i++) {
        int at = have;

        while (at > 0 && better(values[i], values[index[at - 1]])) at--;
        if (at == k) continue;
        if (have < k) have++;
        for (int j = have - 1; j > at; j--) index[j] = index[j - 1];
        index[at] = i;
    }
}

/* Wilson 1927: the p for which |p - k/n| = z sqrt(p (1 - p) / n). */
void vit_wilson(double *low, double *high, double k, double n, double z)
{
    if (n <= 0) {
        *low = 0, *high = 1;
        return;
    }
    const double p = k / n, z2 = z * z / n;
    const double centre = (p + z2 / 2) / (1 + z2);
    const double half = z / (1 + z2) * sqrt(p * (1 - p) / n + z2 / (4 * n));

    /* At k 0 and k n the ends are exact; rounding must not push them past. */
    *low = k <= 0 ? 0 : fmax(0, centre - half);
    *high = k >= n ? 1 : fmin(1, centre + half);
}

/* ---- over a data set ---- */

enum vit_status vit_metrics_create(struct vit_metrics **out, int classes, struct vit_error *err)
{
    size_t bytes = (size_t)classes;

    *out = NULL;
    if (classes < 1) return vit_fail(err, VIT_ERR_ARG, "metrics: %d classes, expected at least 1", classes);
    if (vit_size_mul(&bytes, (size_t)classes) && vit_size_mul(&bytes, sizeof(size_t)) &&
        bytes <= SIZE_MAX / 2)
        *out = calloc(1, sizeof **out + bytes);
    if (!*out)
        return vit_fail(err, VIT_ERR_NOMEM, "metrics: no memory for the confusion matrix of %d classes",
                        classes);
    (*out)->classes = classes;
    return VIT_OK;
}

void vit_metrics_close(struct vit_metrics *m)
{
    free(m);
}

/* Bin i holds confidences in (i / 15, (i + 1) / 15], as in Guo 2017. */
static struct bin *bin_of(struct vit_metrics *m, double confidence)
{
    const int i = (int)ceil(confidence * BINS) - 1;

    return &m->bins[i < 0 ? 0 : i < BINS ? i : BINS - 1];
}

static void add_one(struct vit_metrics *m, const float *logits, int label)
{
    const int k = m->classes < TOP ? m->classes : TOP;
    const double shift = largest(logits, m->classes), sum = sum_exp(logits, m->classes, shift);
    const double confidence = sum >= 1 ? 1 / sum : 0; /* not so when a logit is infinite or NaN */
    struct bin *bin = bin_of(m, confidence);
    int top[TOP];

    vit_top(top, logits, m->classes, k);
    m->count++;
    m->correct[0] += top[0] == label;
    for (int i = 0; i < k; i++) m->correct[1] += top[i] == label;
    m->loss += log(sum) + shift - logits[label];
    m->confusion[(size_t)label * m->classes + top[0]]++;
    bin->count++;
    bin->correct += top[0] == label;
    bin->confidence += confidence;
}

void vit_metrics_add(struct vit_metrics *m, const float *logits, const int *labels, int n)
{
    for (int i = 0; i < n; i++)
        if (labels[i] >= 0 && labels[i] < m->classes) add_one(m, logits + (size_t)i * m->classes, labels[i]);
}

size_t vit_metrics_count(const struct vit_metrics *m)
{
    return m->count;
}

size_t vit_metrics_correct(const struct vit_metrics *m, int k)
{
    assert(k == 1 || k == TOP);
    return m->correct[k == TOP];
}

double vit_metrics_loss(const struct vit_metrics *m)
{
    return m->count ? m->loss / (double)m->count : 0;
}

/* Sum over bins of |bin| / n |accuracy - confidence|. */
double vit_metrics_ece(const struct vit_metrics *m)
{
    double sum = 0;

    for (int i = 0; i < BINS; i++) sum += fabs((double)m->bins[i].correct - m->bins[i].confidence);
    return m->count ? sum / (double)m->count : 0;
}

size_t vit_metrics_confusion(const struct vit_metrics *m, int label, int prediction)
{
    assert(label >= 0 && label < m->classes && prediction >= 0 && prediction < m->classes);
    return m->confusion[(size_t)label * m->classes + prediction];
}
