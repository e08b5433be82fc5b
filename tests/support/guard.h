/* guard.h - memory that ends at a page which cannot be touched, so that reading or writing one number too
 * far stops the test at the guilty instruction. The bytes in front are filled, and checked when it is
 * freed. */
#ifndef TESTS_SUPPORT_GUARD_H
#define TESTS_SUPPORT_GUARD_H

#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { GUARD_FRONT = 64, GUARD_BYTE = 0xa5 };

/* Bytes of the readable pages that hold size bytes and what stands in front. */
static inline size_t guard_span(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + GUARD_FRONT + page - 1) / page * page;
}

/* size bytes, the last one at the end of a page; all bytes 0xff (NaN as floats). Freed by guard_free. */
static inline void *guard_bytes(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), span = guard_span(size);
    unsigned char *base = mmap(NULL, span + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) fail_msg("cannot map %zu bytes", span + page);
    if (mprotect(base + span, page, PROT_NONE)) fail_msg("cannot protect a page");
    memset(base, GUARD_BYTE, span - size);
    memset(base + span - size, 0xff, size);
    return base + span - size;
}

static inline void guard_free(void *p, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), span = guard_span(size);
    unsigned char *base;

    if (!p) return;
    base = (unsigned char *)p + size - span;
    for (size_t i = span - size - GUARD_FRONT; i < span - size; i++)
        if (base[i] != GUARD_BYTE) fail_msg("written %zu bytes in front of a buffer", span - size - i);
    munmap(base, span + page);
}

static inline float *guard_floats(size_t count)
{
    return guard_bytes(count * sizeof(float));
}

static inline void guard_free_floats(float *p, size_t count)
{
    guard_free(p, count * sizeof(float));
}

#endif
