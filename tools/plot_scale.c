/* From values to places, and the round numbers along an axis. */
#include <math.h>

#include "tools/plot.h"

/* Of the ends of a log scale: with less, its ticks differ behind the third digit. */
static const double LEAST_RATIO = 1.5;

double plot_at(const struct plot_map *m, double value)
{
    const bool log = m->scale == PLOT_LOG;
    const double low = log ? log10(m->low) : m->low, high = log ? log10(m->high) : m->high;
    const double share = ((log ? log10(value) : value) - low) / (high - low);

    return m->at_low + share * (m->at_high - m->at_low);
}

/* The smallest of 1, 2, 2.5, 5 times a power of ten that cuts span into at most parts. */
static double round_step(double span, int parts, bool whole)
{
    static const double STEPS[] = { 1, 2, 2.5, 5, 10 };
    const double least = span / parts, power = pow(10, floor(log10(least)));

    if (whole && least <= 1) return 1;
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if (whole && STEPS[i] * power != floor(STEPS[i] * power)) continue;
        if (STEPS[i] * power >= least * (1 - 1e-9)) return STEPS[i] * power;
    }
    return 10 * power;
}

/* Places behind the point that step needs. */
static int digits_of(double step)
{
    int digits = 0;

    while (digits < 9 && fabs(step - round(step)) > 1e-6 * step) step *= 10, digits++;
    return digits;
}

static struct plot_ticks linear_ticks(double low, double high, int most, bool whole)
{
    const double step = round_step(high - low, most - 1, whole), slack = 1e-9 * (high - low);
    const double first = ceil((low - slack) / step);
    struct plot_ticks t = { .digits = digits_of(step) };

    for (int i = 0; t.count < most && (first + i) * step <= high + slack; i++)
        t.value[t.count++] = (first + i) * step + 0.0; /* not -0 */
    return t;
}

/* Decades (every stride-th) times the factors of one set; at most PLOT_MAX_TICKS + 1 are counted. */
static struct plot_ticks decade_ticks(double low, double high, const double *factors, int stride)
{
    struct plot_ticks t = { 0 };
    const int first = (int)floor(log10(low)), last = (int)ceil(log10(high));

    for (int e = first; e <= last; e++) {
        if (e % stride) continue;
        for (const double *f = factors; *f > 0; f++) {
            const double v = *f * pow(10, e);
            if (v < low * (1 - 1e-9) || v > high * (1 + 1e-9)) continue;
            if (t.count < PLOT_MAX_TICKS) t.value[t.count] = v;
            t.count++;
        }
    }
    return t;
}

/* A span with less than two of these has the ticks of a linear scale: one alone does not tell a scale. */
static struct plot_ticks log_ticks(double low, double high, int most, bool whole)
{
    static const double SETS[][4] = { { 1, 2, 5 }, { 1, 3 }, { 1 } };
    const double least = whole ? fmax(low, 1) : low;
    struct plot_ticks t;

    for (size_t i = 0; i < sizeof SETS / sizeof SETS[0]; i++) {
        t = decade_ticks(least, high, SETS[i], 1);
        if (t.count <= most) break;
    }
    for (int stride = 2; t.count > most; stride++) t = decade_ticks(least, high, SETS[2], stride);
    return t.count < 2 && high < 10 * low ? linear_ticks(low, high, most, whole) : t;
}

struct plot_ticks plot_ticks(enum plot_scale scale, double low, double high, int most, bool whole)
{
    return scale == PLOT_LOG ? log_ticks(low, high, most, whole) : linear_ticks(low, high, most, whole);
}

const char *plot_tick_text(char *text, size_t size, enum plot_scale scale, const struct plot_ticks *t,
                           double value)
{
    if (scale == PLOT_LINEAR) {
        snprintf(text, size, "%.*f", t->digits, value);
    } else if (value >= 0.0099 && value < 9999) {
        snprintf(text, size, "%.3g", value);
    } else {
        const int e = (int)floor(log10(value) + 1e-9);
        snprintf(text, size, "%.3ge%d", value / pow(10, e), e);
    }
    return text;
}

void plot_widen(enum plot_scale scale, double *low, double *high, int most, bool whole)
{
    if (scale == PLOT_LOG) {
        const double ratio = *high / *low, margin = ratio > 1.001 ? pow(ratio, 0.06) : 2;
        const double room = fmax(margin, sqrt(LEAST_RATIO / ratio));
        *low /= room, *high *= room;
        return;
    }
    if (*high - *low < 1e-12 * (fabs(*high) + 1e-3)) *low -= whole ? 1 : 0.5, *high += whole ? 1 : 0.5;
    const double step = round_step(*high - *low, most - 1, whole);

    *low = floor(*low / step + 1e-9) * step;
    *high = ceil(*high / step - 1e-9) * step;
}
