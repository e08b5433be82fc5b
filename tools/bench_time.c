/* Repeated runs after warm-up, and peak memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/bench.h"
#include "tools/progress.h"

#define WARM_SECONDS 0.05
#define RUN_SECONDS  0.002 /* a clock read costs 50 ns, an OpenMP region 1 us: noise below a per mille */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct bench_times bench_summary(double *ms, int runs)
{
    double mean = 0, square = 0;

    qsort(ms, (size_t)runs, sizeof *ms, by_value);
    for (int i = 0; i < runs; i++) mean += ms[i] / runs;
    for (int i = 0; i < runs; i++) square += (ms[i] - mean) * (ms[i] - mean);
    return (struct bench_times){ .median = (ms[(runs - 1) / 2] + ms[runs / 2]) / 2,
                                 .min = ms[0],
                                 .sd = runs > 1 ? sqrt(square / (runs - 1)) : NAN };
}

/* Seconds of one call, from the last of at least two: the first one touches memory for the first time. */
static double warm_up(void (*call)(void *), void *state)
{
    const double start = progress_seconds();
    double now = start, before;

    for (int i = 0; i < 2 || now - start < WARM_SECONDS; i++) {
        before = now;
        call(state);
        now = progress_seconds();
        if (i > 0 && now - before > WARM_SECONDS) break;
    }
    return now - before;
}

enum vit_status bench_time(struct bench_times *out, void (*call)(void *), void *state, int runs,
                           struct vit_error *err)
{
    double *ms = calloc((size_t)runs, sizeof *ms), one;
    int calls;

    if (!ms) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the times of %d runs", runs);
    one = warm_up(call, state);
    calls = one > 0 && one < RUN_SECONDS ? (int)fmin(ceil(RUN_SECONDS / one), 1e5) : 1;
    for (int i = 0; i < runs; i++) {
        const double start = progress_seconds();
        for (int k = 0; k < calls; k++) call(state);
        ms[i] = (progress_seconds() - start) * 1e3 / calls;
    }
    *out = bench_summary(ms, runs);
    free(ms);
    return VIT_OK;
}

/* Linux: 5 resets the high-water mark of resident memory, proc(5). */
void bench_memory_reset(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    if (!f) return;
    fputs("5", f);
    fclose(f);
}

/* A row of proc(5)'s status in KiB; 0: it is not there. */
static long status_kib(const char *name)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;

    while (f && !kib && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0) kib = strtol(line + strlen(name), NULL, 10);
    if (f) fclose(f);
    return kib;
}

static double mb_of_kib(long kib)
{
    return kib ? (double)kib * 1024 / 1e6 : NAN;
}

double bench_memory(void)
{
    struct rusage usage;
    long kib = status_kib("VmHWM:");

    if (!kib && getrusage(RUSAGE_SELF, &usage) == 0) kib = usage.ru_maxrss;
    return mb_of_kib(kib);
}

double bench_own_memory(void)
{
    return mb_of_kib(status_kib("RssAnon:"));
}
