/* test.h - what every test program includes: cmocka, and assertions that say more.
 * Tests run from the root of the repository; their data is in tests/data. */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vit/base.h"

/* clang's OpenMP writes a file in shared memory as a program starts, and the thread sanitizer maps files
 * too: on a disk that fails neither gets as far as main. What gcov writes as a program ends would be hundreds
 * of operations. */
#if defined __SANITIZE_THREAD__ || defined VIT_COVERAGE
#define SKIP_WHERE_NO_DISK_MAY_FAIL() skip()
#else
#define SKIP_WHERE_NO_DISK_MAY_FAIL() ((void)0)
#endif

/* Whether the tests run with these kernels alone, as make check-kernels has them do. */
static inline bool test_runs_on(const char *kernels)
{
    const char *spec = getenv("VIT_KERNELS");

    return spec && !strcmp(spec, kernels);
}

/* OpenBLAS does not promise the same bits for another number of threads or of rows. */
#define SKIP_ON_BLAS()                                                                                       \
    do {                                                                                                     \
        if (test_runs_on("ref+blas")) skip();                                                                \
    } while (0)

/* By how much of the largest logit an answer may differ when something looks at what is between two steps:
 * nothing. But the reference's epilogue, which OpenBLAS's products have too, rounds a product and what is
 * added to it once, and twice where somebody wants to see both: then it is an answer computed in another
 * order, and the contract's bound for those. VIT_KERNELS without an overlay that has f32 leaves it to the
 * reference. */
static inline double test_watched_slack(void)
{
    static const char *const OWN[] = { "auto", "vec", "avx2", "avx512" };
    const char *spec = getenv("VIT_KERNELS");

    for (size_t i = 0; spec && i < VIT_COUNT(OWN); i++)
        if (strstr(spec, OWN[i])) return 0;
    return spec && *spec ? 1e-4 : 0;
}

/* A call that must succeed: prints the library's sentence when it does not. */
#define assert_ok(call, err)                                                                                 \
    do {                                                                                                     \
        if ((call) != VIT_OK) fail_msg("%s: %s", #call, (err)->text);                                        \
    } while (0)

/* A call that must fail with status and a sentence that contains text. */
#define assert_refused(call, wanted, part, err)                                                              \
    do {                                                                                                     \
        enum vit_status got_ = (call);                                                                       \
        if (got_ != (wanted))                                                                                \
            fail_msg("%s: expected status %s, got %s (%s)", #call, vit_status_name(wanted),                  \
                     vit_status_name(got_), got_ ? (err)->text : "");                                        \
        if (!strstr((err)->text, (part)))                                                                    \
            fail_msg("%s: \"%s\" does not say \"%s\"", #call, (err)->text, (part));                          \
    } while (0)

/* |found - expected| <= bound, for which a NaN is no number at all. cmocka 1.1.5's own takes NaN and
 * infinity for any number, and loosens the bound by the size of what it compares. */
#undef assert_float_equal
#define assert_near(found, expected, bound)                                                                  \
    do {                                                                                                     \
        const double found_ = (double)(found), expected_ = (double)(expected);                               \
        if (!(fabs(found_ - expected_) <= (double)(bound)))                                                  \
            fail_msg("%s: %.17g, expected %.17g", #found, found_, expected_);                                \
    } while (0)

/* Largest |a - b| over count values, its index in *at. NaN counts as infinite. */
static inline double test_largest_difference(const float *a, const float *b, size_t count, size_t *at)
{
    double worst = 0;

    *at = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (isnan(d)) d = INFINITY;
        if (d > worst) worst = d, *at = i;
    }
    return worst;
}

/* Every |a - b| <= bound; the failure names the tensor, the index, both values and the bound. */
#define assert_close(name, a, b, count, bound)                                                               \
    do {                                                                                                     \
        size_t at_;                                                                                          \
        double worst_ = test_largest_difference(a, b, count, &at_);                                          \
        if (!(worst_ <= (bound)))                                                                            \
            fail_msg("%s[%zu]: %.9g, expected %.9g, differs by %.3g > %.3g", name, at_, (double)(a)[at_],    \
                     (double)(b)[at_], worst_, (double)(bound));                                             \
    } while (0)

#endif
