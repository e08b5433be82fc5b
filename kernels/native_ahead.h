/* native_ahead.h - asking the memory for what comes next while tiles are computed. */
#ifndef KERNELS_NATIVE_AHEAD_H
#define KERNELS_NATIVE_AHEAD_H

#include "kernels/native_base.h"

/* What to ask the memory for while tiles are computed; a zeroed one asks for nothing. Waiting for lines to
 * write costs most: a burst of stores to lines that are not there fills the store buffer. */
struct ahead {
    bool panels;             /* the right factor comes from far: its next panel */
    const float *written[2]; /* rows that the tiles' results will be written to, or NULL ... */
    const float *read;       /* ... and read from, all ld apart */
    size_t ld;
    const float *later, *end; /* what the next task reads, step floats with every tile */
    size_t step;
};

enum { LINE = 16 }; /* floats of a cache line */

/* count floats that will be read soon (into L2), or written. */
INLINE void fetch_read(const float *from, int count)
{
    for (int l = 0; l < count; l += LINE) __builtin_prefetch(from + l, 0, 2);
}

INLINE void fetch_write(const float *to, int count)
{
    for (int l = 0; l < count; l += LINE) __builtin_prefetch(to + l, 1, 3);
}

/* The rows of a tile, ld apart, that will be written. */
INLINE void fetch_written(const float *to, size_t ld)
{
    for (int r = 0; r < TILE_ROWS; r++) __builtin_prefetch(to + r * ld, 1, 3);
}

/* Before the tile of rows from i and the panel that starts at column j. */
INLINE void fetch_rows(const struct ahead *f, int i, int j)
{
    const size_t at = i * f->ld + j;

    for (int w = 0; w < 2; w++)
        if (f->written[w]) fetch_written(f->written[w] + at, f->ld);
    for (int r = 0; f->read && r < TILE_ROWS; r++) __builtin_prefetch(f->read + at + r * f->ld, 0, 3);
}

/* The next share of what comes later. */
INLINE void fetch_later(struct ahead *f)
{
    const float *stop = f->end - f->later > (ptrdiff_t)f->step ? f->later + f->step : f->end;

    for (; f->later < stop; f->later += LINE) __builtin_prefetch(f->later, 0, 2);
}

/* Part i of parts of a slice of a panel: k rows of TILE_COLS numbers of four bytes. */
INLINE void fetch_panel(const void *b, int k, int i, int parts)
{
    const size_t share = ((size_t)k * TILE_COLS / (size_t)parts / LINE + 1) * LINE;

    for (size_t l = 0; l < share; l += LINE) __builtin_prefetch((const float *)b + i * share + l, 0, 2);
}

#endif
