#include "vit/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 128 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

bool vit_size_mul(size_t *total, size_t factor)
{
    if (factor && *total > SIZE_MAX / factor) return false;
    *total *= factor;
    return true;
}

bool vit_grow(void **items, size_t count, size_t size)
{
    size_t bytes = size;
    void *larger;

    if (count & (count - 1)) return true; /* room is a power of two */
    if (count && (!vit_size_mul(&bytes, count) || !vit_size_mul(&bytes, 2))) return false;
    larger = realloc(*items, bytes);
    if (larger) *items = larger;
    return larger != NULL;
}

void *vit_arena_take(struct vit_arena *a, size_t count, size_t size)
{
    const size_t most = SIZE_MAX / 2 - VIT_ALIGN - RED_ZONE; /* used may pass it by what a piece is padded */
    size_t bytes = count;
    unsigned char *piece = NULL;

    if (!vit_size_mul(&bytes, size) || a->used > most || bytes > most - a->used) {
        assert(!a->base); /* the counting pass has seen the same sizes */
        a->overflow = true;
        return NULL;
    }
    if (a->base) {
        assert(a->used + bytes <= a->size);
        piece = a->base + a->used;
        ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
    }
    a->used += (bytes + VIT_ALIGN - 1) / VIT_ALIGN * VIT_ALIGN + RED_ZONE;
    return piece;
}

enum vit_status vit_arena_alloc(struct vit_arena *a, const char *what, struct vit_error *err)
{
    assert(!a->base);
    if (a->overflow) return vit_fail(err, VIT_ERR_NOMEM, "%s: its size does not fit the address space", what);
    a->size = a->used ? a->used : VIT_ALIGN;
    a->base = aligned_alloc(VIT_ALIGN, a->size);
    if (!a->base) {
        enum vit_status status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes", what, a->size);
        *a = (struct vit_arena){ 0 };
        return status;
    }
    memset(a->base, 0, a->size);
    ASAN_POISON_MEMORY_REGION(a->base, a->size);
    a->used = 0;
    return VIT_OK;
}

void vit_arena_free(struct vit_arena *a)
{
    if (a->base) ASAN_UNPOISON_MEMORY_REGION(a->base, a->size);
    free(a->base);
    *a = (struct vit_arena){ 0 };
}
