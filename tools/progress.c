#include "tools/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24 };

double progress_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *progress_clock(char *text, size_t size, double seconds)
{
    const int64_t s = seconds < 1e9 ? llrint(seconds) : 1000000000;

    if (isnan(seconds))
        snprintf(text, size, "?");
    else if (s >= 3600)
        snprintf(text, size, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(text, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
    return text;
}

void progress_start(struct progress *p, const char *what, size_t total, bool wanted)
{
    *p = (struct progress){ .what = what, .total = total, .shown = wanted && isatty(STDERR_FILENO) };
    p->start = p->last = progress_seconds();
}

const char *progress_line(char *text, size_t size, const struct progress *p, size_t done, double elapsed)
{
    double rate = elapsed > 0 ? (double)done / elapsed : 0;
    int filled = p->total ? (int)(BAR * (double)done / (double)p->total) : 0;
    char bar[BAR + 1], left[32];

    for (int i = 0; i < BAR; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    progress_clock(left, sizeof left, rate > 0 ? (double)(p->total - done) / rate : NAN);
    snprintf(text, size, "[%s] %zu/%zu %s  %.1f/s  %s left", bar, done, p->total, p->what, rate, left);
    return text;
}

void progress_update(struct progress *p, size_t done)
{
    char line[PROGRESS_LINE];
    double now;

    if (!p->shown) return;
    now = progress_seconds();
    if (now - p->last < 0.1) return;
    p->last = now;
    progress_line(line, sizeof line, p, done < p->total ? done : p->total, now - p->start);
    fprintf(stderr, "\r%s \033[K", line);
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
}
