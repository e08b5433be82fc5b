/* memory.h - a stream into memory that knows when memory ran out. open_memstream's does not: where its buffer
 * cannot grow, glibc drops what is written, and fclose finds nothing wrong with that. */
#ifndef TOOLS_MEMORY_H
#define TOOLS_MEMORY_H

#include <stdbool.h>
#include <stdio.h>

struct memory {
    FILE *out;   /* NULL: could not be opened; then memory_close says so */
    char *bytes; /* after memory_close: what was written and a NUL; to be freed whatever that returned */
    size_t size; /* without the NUL */
    size_t room;
    unsigned losses; /* of this thread, when it was opened */
};

/* Returns m->out. m must stay where it is. */
FILE *memory_open(struct memory *m);
/* Whether all that was written is in m->bytes, and that of every stream of this thread that was opened
 * meanwhile in its own: what was to come from there is missing here. */
bool memory_close(struct memory *m);
/* What was to be written could not even be made: a loss to every stream of this thread that is open. */
void memory_lost(void);

#endif
