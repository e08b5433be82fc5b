#include "tools/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned losses;

/* fopencookie's writer: 0 is its failure. There is always room for a NUL. */
static ssize_t take(void *cookie, const char *text, size_t size)
{
    struct memory *m = cookie;
    size_t room = m->room ? m->room : 1024;
    char *bytes;

    while (room - m->size <= size && room <= SIZE_MAX / 2) room *= 2;
    bytes = room == m->room ? m->bytes : realloc(m->bytes, room);
    if (!bytes || room - m->size <= size) {
        losses++;
        return 0;
    }
    m->bytes = bytes;
    m->room = room;
    memcpy(m->bytes + m->size, text, size);
    m->size += size;
    m->bytes[m->size] = '\0';
    return (ssize_t)size;
}

FILE *memory_open(struct memory *m)
{
    *m = (struct memory){ .losses = losses };
    take(m, "", 0); /* an empty text is one too */
    m->out = m->bytes ? fopencookie(m, "w", (cookie_io_functions_t){ .write = take }) : NULL;
    if (m->bytes && !m->out) losses++;
    return m->out;
}

bool memory_close(struct memory *m)
{
    const bool open = m->out && fclose(m->out) == 0;

    m->out = NULL;
    return open && m->losses == losses;
}

void memory_lost(void)
{
    losses++;
}
