/* progress.h - a bar with rate and time left on stderr, when stderr is a terminal. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *what; /* "pictures" */
    size_t total;
    bool shown;         /* a terminal, and wanted */
    double start, last; /* seconds */
};

double progress_seconds(void); /* a clock that only goes forward */
/* "1:02:03", "2:03" into text (32); NAN: "?". */
const char *progress_clock(char *text, size_t size, double seconds);

/* "[####....] 10/30 pictures  1.0/s  0:20 left" into text (PROGRESS_LINE); elapsed: the seconds that done
 * things took. */
enum { PROGRESS_LINE = 160 };
const char *progress_line(char *text, size_t size, const struct progress *p, size_t done, double elapsed);

/* Draws nothing when wanted is false or stderr is not a terminal. */
void progress_start(struct progress *p, const char *what, size_t total, bool wanted);
/* Redraws at most ten times a second. */
void progress_update(struct progress *p, size_t done);
/* Remove the bar, so that a line can be printed; the next update draws it again. */
void progress_clear(struct progress *p);

#endif
