/* arena.h - one allocation, carved into aligned pieces.
 *
 * The same carving code runs twice: once over an empty arena, which only counts,
 * and once over an arena that has memory.
 *
 *     struct vit_arena a = {0};
 *     carve(&a, plan);                              counts: every piece is NULL
 *     if (vit_arena_alloc(&a, "session", err)) ...   one allocation, zeroed
 *     carve(&a, plan);                              hands out the pieces
 *     ...
 *     vit_arena_free(&a);
 *
 * Pieces are aligned to VIT_ALIGN bytes. Under AddressSanitizer poisoned bytes
 * stand between any two of them, so an overrun inside the arena is caught. */
#ifndef VIT_ARENA_H
#define VIT_ARENA_H

#include "vit/base.h"

#define VIT_ALIGN 64 /* bytes: a cache line, and the widest vector */

struct vit_arena {
    unsigned char *base; /* NULL while counting */
    size_t size;         /* bytes allocated */
    size_t used;         /* bytes handed out, or counted */
    bool overflow;       /* a size did not fit size_t: vit_arena_alloc will refuse */
};

/* count items of size bytes each; NULL while counting. Zero items give a valid empty piece. */
void *vit_arena_take(struct vit_arena *a, size_t count, size_t size);

/* Allocate what was counted, zeroed, and rewind. what names the arena in the error. */
enum vit_status vit_arena_alloc(struct vit_arena *a, const char *what, struct vit_error *err);

/* Give the memory back; accepts a zeroed arena. */
void vit_arena_free(struct vit_arena *a);

/* *total *= factor; false (and *total unchanged) when the product does not fit. */
bool vit_size_mul(size_t *total, size_t factor);

/* Room for one more of count items of size bytes at *items, which begins as NULL and grows by this alone.
 * False: memory ran out, and all is as it was. */
bool vit_grow(void **items, size_t count, size_t size);

#endif
