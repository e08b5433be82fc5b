/* gate.h - the allocator of a test program, which refuses when told to. Include it in one file of a
 * program: it defines malloc. */
#ifndef TESTS_SUPPORT_GATE_H
#define TESTS_SUPPORT_GATE_H

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "tests/support/test.h"

/* ---- the allocator: the C library's (or a sanitizer's), behind a gate ---- */

/* The allocator runs before a sanitizer has made its shadow memory; clang leaves its calls at the entry and
 * the exit of a function unless told by its own word. */
#ifdef __clang__
#define UNCHECKED __attribute__((disable_sanitizer_instrumentation))
#else
#define UNCHECKED __attribute__((no_sanitize_address, no_sanitize_thread))
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static struct {
    atomic_bool armed;
    atomic_int seen;     /* allocations while armed */
    atomic_int refuse;   /* the one that fails, counted from 1; 0: none */
    atomic_bool jansson; /* its allocations count too: only where nothing is parsed */
    atomic_size_t never; /* while armed, malloc never gives so many bytes; 0: any */
    bool guesses;        /* what cannot be looked at is taken for something else, and is no such file then */
} gate;

static struct {
    bool asking; /* dlsym itself may allocate: it gets nothing and does without */
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*aligned_alloc)(size_t, size_t);
} real;

/* The sanitizers of clang lie in the program itself, before which there is no next library to ask. */
#if SANITIZED && defined(__clang__)
void *__interceptor_malloc(size_t);
void *__interceptor_calloc(size_t, size_t);
void *__interceptor_realloc(void *, size_t);
void *__interceptor_aligned_alloc(size_t, size_t);

UNCHECKED static bool ready(void)
{
    real.malloc = __interceptor_malloc;
    real.calloc = __interceptor_calloc;
    real.realloc = __interceptor_realloc;
    real.aligned_alloc = __interceptor_aligned_alloc;
    return true;
}
#else
UNCHECKED static bool ready(void)
{
    if (real.aligned_alloc) return true;
    if (real.asking) return false;
    real.asking = true;
    *(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real.asking = false;
    return true;
}
#endif

UNCHECKED static bool is_from(const void *caller, const char *library)
{
    Dl_info info;

    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, library);
}

/* Not the library's own: libgomp and clang's libomp make their teams of threads as they like, and end the
 * program when they cannot; jansson 2.14 drops a character when the buffer of its lexer cannot grow, and
 * then fails its own asserts; libzip 1.7 leaks when it cannot open a member. Under a sanitizer the C
 * library's: the sanitizer ends the program when a thread of it gets none. */
UNCHECKED static bool is_others(const void *caller)
{
    if (is_from(caller, "libgomp") || is_from(caller, "libomp") || is_from(caller, "libzip")) return true;
    if (is_from(caller, "libjansson")) return !atomic_load(&gate.jansson);
    return SANITIZED && is_from(caller, "libc.so");
}

UNCHECKED static bool refused(const void *caller)
{
    if (!atomic_load(&gate.armed) || is_others(caller)) return false;
    if (atomic_fetch_add(&gate.seen, 1) + 1 != atomic_load(&gate.refuse)) return false;
    errno = ENOMEM; /* as glibc's pthread_create asserts */
    return true;
}

UNCHECKED static bool is_never(size_t size)
{
    return size && atomic_load(&gate.armed) && size == atomic_load(&gate.never);
}

UNCHECKED void *malloc(size_t size)
{
    return !ready() || is_never(size) || refused(__builtin_return_address(0)) ? NULL : real.malloc(size);
}

UNCHECKED void *calloc(size_t count, size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.calloc(count, size);
}

UNCHECKED void *realloc(void *p, size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.realloc(p, size);
}

UNCHECKED void *aligned_alloc(size_t alignment, size_t size)
{
    return !ready() || refused(__builtin_return_address(0)) ? NULL : real.aligned_alloc(alignment, size);
}

static inline void arm(int refuse)
{
    atomic_store(&gate.seen, 0);
    atomic_store(&gate.refuse, refuse);
    atomic_store(&gate.armed, true);
}

/* Allocations since arm. */
static inline int disarm(void)
{
    atomic_store(&gate.armed, false);
    return atomic_load(&gate.seen);
}

/* ---- every allocation fails once ---- */

/* One thing to make and to unmake. make leaves NULL on failure; whole: it is as it is without a failure. */
struct maker {
    const char *name;
    enum vit_status (*make)(void **out, struct vit_error *err);
    void (*unmake)(void *made);
    bool (*whole)(const void *made); /* NULL: nothing to compare */
    bool thin;                       /* later allocations repeat tensor by tensor: some of them will do */
};

/* Fail allocation 1, 2, ... until one is never reached. Some may fail unnoticed (a file of /sys that is not
 * read): then the result must be whole. Otherwise a status, a sentence and NULL; leaks are asan's to find. */
static inline void fail_every_allocation(const struct maker *k)
{
    int refused_by_us = 0;

    for (int n = 1;; n += k->thin ? 1 + n / 24 : 1) {
        struct vit_error err = { 0 };
        void *out = (void *)k;
        int seen;
        enum vit_status status;

        arm(n);
        status = k->make(&out, &err);
        seen = disarm();
        if (status && (out || !*err.text))
            fail_msg("%s: allocation %d: failed, but left something or said nothing", k->name, n);
        if (status == VIT_ERR_FORMAT && !gate.guesses && !atomic_load(&gate.jansson))
            fail_msg("%s: allocation %d failed and the file is blamed: %s", k->name, n, err.text);
        if (status == VIT_ERR_ARG && !gate.guesses)
            fail_msg("%s: allocation %d failed and the caller is blamed: %s", k->name, n, err.text);
        if (!status && k->whole && !k->whole(out))
            fail_msg("%s: allocation %d failed and the result is not whole", k->name, n);
        if (!status) k->unmake(out);
        refused_by_us += status == VIT_ERR_NOMEM;
        if (seen < n) break;
        if (n > 100000) fail_msg("%s: does not end", k->name);
    }
    assert_true(refused_by_us > 0);
}

#endif
