/* overlay.h - what the tests of the overlays share: every overlay this CPU can run against the reference, on
 * guarded memory, with scratch of exactly the promised size, for 1, 2 and 3 threads. */
#ifndef TESTS_KERNELS_OVERLAY_H
#define TESTS_KERNELS_OVERLAY_H

#include <stdlib.h>

#include "kernels/cpu.h"
#include "kernels/kern.h"
#include "tests/support/guard.h"
#include "vit/random.h"

#define UNIT 0x1p-24 /* largest relative error of one rounding in float */

enum { THREADS = 3 };

/* NaNs, by their bits, of both signs; those whose low bits are set become numbers where an exponent is added
 * to their bits. */
static const uint32_t NANS[] = { 0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x7fc00001 };

static inline float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The reference and one overlay over it. */
struct overlay {
    struct kern ref, k;
    const char *name;
    enum kern_dtype dtype; /* of the products under test */
    bool same_bits;        /* for any number of threads */
    float x_scale;         /* of the left factor in integers; 0: each row has its own */
};

/* Values in (-1, 1), most of them far from zero; the key is printed by whoever fails. */
static inline void fill(float *x, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++) x[i] = 2 * vit_random_uniform(key, i) - 1;
}

static inline float *filled(size_t count, uint64_t key)
{
    float *x = guard_floats(count);

    fill(x, count, key);
    return x;
}

static inline float *copied(const float *x, size_t count)
{
    float *y = guard_floats(count);

    memcpy(y, x, count * sizeof *y);
    return y;
}

/* A context with scratch of the size the table asks for, ending at a guard page. */
static inline struct kern_ctx open_ctx(const struct kern *k, struct kern_limits l, int threads)
{
    struct kern_ctx c = { .k = k, .threads = threads };

    l.threads = threads;
    c.scratch_bytes = (kern_scratch_bytes(k, &l) + 63) / 64 * 64;
    c.scratch = guard_bytes(c.scratch_bytes);
    return c;
}

static inline void close_ctx(struct kern_ctx *c)
{
    guard_free(c->scratch, c->scratch_bytes);
}

/* got[i] within bound[i] of want[i], both numbers. */
static inline void check(const char *what, const char *overlay, const char *shape, const float *got,
                         const float *want, const double *bound, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - (double)want[i]);

        if (!(difference <= bound[i]))
            fail_msg("%s, %s, %s: [%zu] is %.9g, expected %.9g, differs by %.3g > %.3g", overlay, what, shape,
                     i, (double)got[i], (double)want[i], difference, bound[i]);
    }
}

/* The same bits as first, which one thread made. */
static inline void check_bits(const struct overlay *o, const char *what, const char *shape, const float *got,
                              const float *first, size_t count, int threads)
{
    if (!o->same_bits) return;
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &first[i], sizeof *got))
            fail_msg("%s, %s, %s: [%zu] is %.9g with %d threads and %.9g with one", o->name, what, shape, i,
                     (double)got[i], threads, (double)first[i]);
}

/* ---- what the overlays are for ---- */

/* Entries of the table that one overlay replaces together. */
enum part {
    PART_F32 = 1,  /* products in f32 */
    PART_BF16 = 2, /* those in bf16, attention's too */
    PART_I8 = 4,   /* those in integers */
    PART_REST = 8  /* all else in f32 */
};

static const struct {
    const char *overlay;
    unsigned parts;
} PARTS[] = {
    { "blas", PART_F32 },
    { "vec", PART_F32 | PART_BF16 | PART_I8 | PART_REST },
    { "avx2", PART_F32 | PART_BF16 | PART_I8 | PART_REST },
    { "avx512", PART_F32 | PART_BF16 | PART_I8 | PART_REST },
    { "int8", PART_I8 },
    { "avxvnni", PART_I8 },
    { "vnni", PART_I8 },
    { "bf16", PART_BF16 },
    { "amxint8", PART_I8 },
    { "amxbf16", PART_BF16 },
};

/* The parts of an overlay; the emulated one has those of the one that it stands for. 0: not in the list. */
static inline unsigned parts_of(const char *name)
{
    const size_t emulated = strlen("emulated_");

    if (!strncmp(name, "emulated_", emulated)) name += emulated;
    for (size_t i = 0; i < VIT_COUNT(PARTS); i++)
        if (!strcmp(PARTS[i].overlay, name)) return PARTS[i].parts;
    return 0;
}

/* Run the tests once for each overlay that has the part; *state is a struct overlay. Those that cannot run
 * are named. */
static inline int run_on_part(enum part part, struct CMUnitTest *tests, size_t count)
{
    const enum kern_dtype dtype = part == PART_BF16 ? KERN_BF16 : part == PART_I8 ? KERN_I8 : KERN_F32;
    int failures = 0;

    for (int i = 1; kern_overlay(i); i++) {
        const struct kern_overlay *row = kern_overlay(i);
        struct overlay o = { .name = row->name, .dtype = dtype, .same_bits = strcmp(row->name, "blas") != 0 };
        struct vit_error err;
        char spec[64], title[64], needs[128];

        if (!(parts_of(row->name) & part)) continue;
        if (!row->available) {
            printf("skipped: %s (%s)\n", row->name,
                   row->install ? kern_cpu_feature_names(row->needs, needs, sizeof needs)
                                : "not in this build");
            continue;
        }
        snprintf(spec, sizeof spec, "ref+%s", row->name);
        if (kern_select(&o.ref, "ref", &err) || kern_select(&o.k, spec, &err)) {
            printf("%s: %s\n", spec, err.text);
            return 1;
        }
        snprintf(title, sizeof title, "%s %s", row->name, kern_dtype_name(dtype));
        for (size_t j = 0; j < count; j++) tests[j].initial_state = &o;
        failures += _cmocka_run_group_tests(title, tests, count, NULL, NULL);
    }
    return failures;
}

#endif
