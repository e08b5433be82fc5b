/* Numbers as the page, its figures and the tables write them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report_parts.h"
#include "vit/stats.h"
#include "vit/vit.h"

bool report_same_rate(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fmax(a, b);
}

const char *report_rate_text(char *text, size_t size, double lr)
{
    char digits[32], *mark;

    snprintf(digits, sizeof digits, "%.2e", lr); /* no power of ten divides the smallest numbers */
    mark = strchr(digits, 'e');
    if (!mark || atoi(mark + 1) >= -2) {
        snprintf(text, size, "%.4g", lr);
        return text;
    }
    *mark = '\0';
    snprintf(text, size, "%ge%d", strtod(digits, NULL), atoi(mark + 1));
    return text;
}

const char *report_warmup_text(char *text, size_t size, const char *warmup)
{
    snprintf(text, size, "%s%s", strcmp(warmup, "0") == 0 ? "none" : warmup,
             strcmp(warmup, "0") == 0 || strchr(warmup, '%') ? "" : " steps");
    return text;
}

const char *report_depth_text(char *text, size_t size, int depth)
{
    if (depth)
        snprintf(text, size, "%d", depth);
    else
        snprintf(text, size, "?");
    return text;
}

int report_lost(const int *ended)
{
    return ended[REPORT_DEAD] + ended[REPORT_DIVERGED] + ended[REPORT_STAYED];
}

int report_ended(const int *ended, int runs)
{
    return runs - ended[REPORT_UNFINISHED];
}

static bool was_tried(const struct report_rate *rate)
{
    return report_ended(rate->ended, rate->runs) > 0;
}

int report_tried(const struct report_arm *a)
{
    int count = 0;

    for (int i = 0; i < a->rate_count; i++) count += was_tried(&a->rates[i]);
    return count;
}

bool report_is_highest(const struct report_arm *a, int i)
{
    while (++i < a->rate_count)
        if (was_tried(&a->rates[i])) return false;
    return true;
}

bool report_is_lowest(const struct report_arm *a, int i)
{
    while (i-- > 0)
        if (was_tried(&a->rates[i])) return false;
    return true;
}

const char *report_lost_text(char *text, size_t size, const int *ended, int runs)
{
    const int open = ended[REPORT_UNFINISHED];
    const int used = snprintf(text, size, "%d of %d", report_lost(ended), report_ended(ended, runs));

    if (open && used < (int)size) snprintf(text + used, size - (size_t)used, ", unfinished %d", open);
    return text;
}

const char *report_lost_best(char *text, size_t size, const struct report_arm *a)
{
    const struct report_rate *rate = &a->rates[a->best];

    *text = '\0';
    if (report_lost(rate->ended))
        snprintf(text, size, "lost %d of %d", report_lost(rate->ended),
                 report_ended(rate->ended, rate->runs));
    return text;
}

const char *report_highest_text(char *text, size_t size, const struct report_arm *a)
{
    char lr[32];

    if (!a->judged)
        snprintf(text, size, "?");
    else if (a->highest < 0)
        snprintf(text, size, "none");
    else
        snprintf(text, size, "%s%s", report_is_highest(a, a->highest) ? "≥ " : "",
                 report_rate_text(lr, sizeof lr, a->rates[a->highest].lr));
    return text;
}

const char *report_within_text(char *text, size_t size, const struct report_arm *a)
{
    char low[32], high[32];

    if (a->best < 0 || !isfinite(a->rates[a->best].mean)) {
        snprintf(text, size, "–");
        return text;
    }
    report_rate_text(low, sizeof low, a->rates[a->within_low].lr);
    report_rate_text(high, sizeof high, a->rates[a->within_high].lr);
    snprintf(text, size, a->within_low == a->within_high ? "%s" : "%s to %s", low, high);
    return text;
}

void report_interval(double *low, double *high, double k, double n)
{
    vit_wilson(low, high, k, n, vit_normal_quantile(0.975));
}

void report_widen(struct report_span *s, int n)
{
    if (!n) return;
    if (!s->low || n < s->low) s->low = n;
    if (n > s->high) s->high = n;
}

const char *report_percent(char *text, size_t size, double share)
{
    if (isfinite(share))
        snprintf(text, size, "%.2f", 100 * share);
    else
        snprintf(text, size, "–");
    return text;
}
