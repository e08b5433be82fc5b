/* Choosing kernels by name; names of enumerators. */
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "kernels/cpu.h"
#include "kernels/kern.h"
#include "tests/support/test.h"

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("VIT_KERNELS");
    unsetenv("VIT_CPU_MASK");
    return 0;
}

static bool can_run(const char *name)
{
    for (int i = 0; kern_overlay(i); i++)
        if (!strcmp(kern_overlay(i)->name, name)) return kern_overlay(i)->available;
    return false;
}

/* Whether this process may use the registers of AMX: Linux gives them to all of it, for good, when asked
 * (Documentation/arch/x86/xstate.rst). */
static bool has_tiles(void)
{
#if defined(__linux__) && defined(__x86_64__)
    enum { ARCH_GET_XCOMP_PERM = 0x1022, XFEATURE_XTILE_DATA = 18 };
    uint64_t states = 0;

    return !syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &states) && states >> XFEATURE_XTILE_DATA & 1;
#else
    return false;
#endif
}

/* The first test: whatever asks has asked for all. */
static void only_kernels_for_amx_ask_for_its_registers(void **state)
{
    struct vit_error err;
    struct kern k;

    (void)state;
    assert_ok(kern_select(&k, "ref+vec", &err), &err);
    setenv("VIT_CPU_MASK", "amx_bf16+amx_int8", 1);
    assert_ok(kern_select(&k, "auto", &err), &err);
    assert_false(has_tiles());
    unsetenv("VIT_CPU_MASK");
    assert_ok(kern_select(&k, "auto", &err), &err);
    if (strstr(k.name, "amx")) assert_true(has_tiles());
}

static void ref_fills_every_f32_entry(void **state)
{
    struct vit_error err;
    struct kern k;

    (void)state;
    assert_ok(kern_select(&k, "ref", &err), &err);
    assert_string_equal(k.name, "ref");
    assert_non_null(k.scratch[0]);
    assert_non_null(k.pack[KERN_F32]);
    assert_non_null(k.linear[KERN_F32]);
    assert_non_null(k.linear_dx[KERN_F32]);
    assert_non_null(k.linear_dw[KERN_F32]);
    for (int i = 0; i < KERN_DTYPES; i++) assert_non_null(k.attend[i]);
    /* What is not indexed by a format stands in one row from attend_back to the end. */
    for (const unsigned char *p = (const unsigned char *)&k.attend_back; p < (const unsigned char *)(&k + 1);
         p += sizeof k.attend_back) {
        void (*entry)(void);
        memcpy(&entry, p, sizeof entry);
        assert_true(entry != NULL);
    }
}

static void auto_takes_what_the_cpu_can_run(void **state)
{
    static const bool AUTOMATIC[] = {
#define OVERLAY(name, bits, automatic) (automatic),
#include "kernels/overlays.def"
#undef OVERLAY
    };
    char expected[96] = "";
    struct vit_error err;
    struct kern k;

    (void)state;
    for (int i = 0; kern_overlay(i); i++) {
        if (!AUTOMATIC[i] || !kern_overlay(i)->available) continue;
        if (i) strcat(expected, "+");
        strcat(expected, kern_overlay(i)->name);
    }
    assert_ok(kern_select(&k, "auto", &err), &err);
    assert_string_equal(k.name, expected);
    assert_true(strstr(k.name, "ref+vec") == k.name);
    assert_null(strstr(k.name, "blas"));
}

/* Beside kernels that have its products it would compute nothing; beside those of other formats it does. */
static void blas_is_refused_where_it_would_do_nothing(void **state)
{
    struct vit_error err;
    struct kern k;

    (void)state;
    if (!can_run("blas")) skip();
    assert_refused(kern_select(&k, "ref+vec+blas", &err), VIT_ERR_ARG, "\"blas\" and \"vec\" have the same",
                   &err);
    assert_string_equal(k.name, "");
    assert_ok(kern_select(&k, "blas", &err), &err);
    assert_string_equal(k.name, "ref+blas");
    if (!can_run("int8")) return;
    assert_ok(kern_select(&k, "ref+int8+blas", &err), &err);
    assert_string_equal(k.name, "ref+blas+int8");
    setenv("VIT_KERNELS", "ref+avx2+blas", 1);
    assert_refused(kern_select(&k, NULL, &err), VIT_ERR_ARG, "VIT_KERNELS: kernels \"blas\" and \"avx2\"",
                   &err);
}

static void the_order_of_names_does_not_matter(void **state)
{
    struct vit_error err;
    struct kern a, b;

    (void)state;
    assert_ok(kern_select(&a, "vec+ref", &err), &err);
    assert_ok(kern_select(&b, "vec", &err), &err);
    assert_string_equal(a.name, "ref+vec");
    assert_memory_equal(&a, &b, sizeof a);
}

static void unknown_names_are_refused_with_the_known_ones(void **state)
{
    struct vit_error err;
    struct kern k;

    (void)state;
    assert_refused(kern_select(&k, "ref+sse9", &err), VIT_ERR_ARG, "unknown kernels \"sse9\"", &err);
    assert_non_null(strstr(err.text, "ref"));
    assert_non_null(strstr(err.text, "vec"));
    assert_refused(kern_select(&k, "ref+", &err), VIT_ERR_ARG, "unknown kernels \"\"", &err);
    assert_refused(kern_select(&k, "", &err), VIT_ERR_ARG,
                   "unknown kernels \"\" in \"\"; this CPU can run: ref", &err);
    assert_refused(kern_select(&k, "re", &err), VIT_ERR_ARG, "unknown kernels \"re\"", &err);
    assert_int_equal(kern_select(&k, "nonsense", NULL), VIT_ERR_ARG);
}

static void the_environment_chooses_when_the_caller_does_not(void **state)
{
    struct vit_error err;
    struct kern k;

    (void)state;
    setenv("VIT_KERNELS", "ref+vec", 1);
    assert_ok(kern_select(&k, NULL, &err), &err);
    assert_string_equal(k.name, "ref+vec");
    assert_ok(kern_select(&k, "ref", &err), &err);
    assert_string_equal(k.name, "ref");
    setenv("VIT_KERNELS", "bogus", 1);
    assert_refused(kern_select(&k, NULL, &err), VIT_ERR_ARG, "VIT_KERNELS: unknown kernels \"bogus\"", &err);
    assert_refused(kern_select(&k, "fake", &err), VIT_ERR_ARG, "unknown kernels \"fake\"", &err);
    assert_null(strstr(err.text, "VIT_KERNELS"));
    setenv("VIT_KERNELS", "", 1); /* as if it were not set */
    assert_ok(kern_select(&k, NULL, &err), &err);
    assert_true(strstr(k.name, "ref+vec") == k.name);
}

static void masked_features_are_gone(void **state)
{
    struct vit_error err;
    struct kern k;

    (void)state;
    setenv("VIT_CPU_MASK", "avx2+avx512", 1);
    assert_int_equal(kern_cpu_features() & (CPU_AVX2 | CPU_AVX512), 0);
    assert_false(can_run("avx2"));
    assert_ok(kern_select(&k, "auto", &err), &err);
    assert_string_equal(k.name, "ref+vec");
    assert_int_not_equal(kern_select(&k, "ref+avx2", &err), VIT_OK);
    assert_non_null(strstr(err.text, "\"avx2\""));
}

static void an_unknown_name_in_the_mask_is_reported(void **state)
{
    const unsigned all = kern_cpu_features();
    struct vit_error err;
    struct kern k;

    (void)state;
    setenv("VIT_CPU_MASK", "avx3", 1);
    assert_int_equal(kern_cpu_features(), all);
    assert_refused(kern_select(&k, "ref", &err), VIT_ERR_ARG, "VIT_CPU_MASK: unknown CPU feature \"avx3\"",
                   &err);
}

static void what_an_overlay_needs_is_said_when_it_is_refused(void **state)
{
    static const struct {
        const char *name, *needs;
    } ROWS[] = {
        { "avx2", "avx2 fma" },
        { "avx512", "fma avx512" },
        { "int8", "avx2 fma" },
        { "avxvnni", "avx2 fma avx_vnni" },
        { "vnni", "fma avx512 avx512_vnni" },
        { "bf16", "fma avx512 avx512_bf16" },
        { "amxint8", "fma avx512 avx512_vnni amx_int8" },
        { "amxbf16", "fma avx512 avx512_bf16 amx_bf16" },
    };
    struct vit_error err = { 0 };
    char expected[128];
    struct kern k;

    (void)state;
    setenv("VIT_CPU_MASK", "fma+avx512", 1);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const enum vit_status status = kern_select(&k, ROWS[i].name, &err);
        if (strstr(err.text, "not in this build")) continue;
        snprintf(expected, sizeof expected, "kernels \"%s\" need %s, which this CPU lacks", ROWS[i].name,
                 ROWS[i].needs);
        assert_refused(status, VIT_ERR_UNSUPPORTED, expected, &err);
    }
}

static void nothing_lies_beside_the_list(void **state)
{
    enum {
#define OVERLAY(name, bits, automatic) OVERLAY_##name,
#include "kernels/overlays.def"
#undef OVERLAY
        OVERLAYS
    };

    (void)state;
    assert_non_null(kern_overlay(OVERLAYS - 1));
    assert_null(kern_overlay(OVERLAYS));
    assert_null(kern_overlay(-1));
}

static void names_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < KERN_ACTS; i++) assert_int_equal(kern_act_from_name(kern_act_name(i)), i);
    for (int i = 0; i < KERN_NORM_KINDS; i++)
        assert_int_equal(kern_norm_kind_from_name(kern_norm_kind_name(i)), i);
    assert_int_equal(kern_act_from_name("Gelu"), -1);
    assert_int_equal(kern_norm_kind_from_name(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_kernels_for_amx_ask_for_its_registers, clear_environment),
        cmocka_unit_test_setup(ref_fills_every_f32_entry, clear_environment),
        cmocka_unit_test_setup(auto_takes_what_the_cpu_can_run, clear_environment),
        cmocka_unit_test_setup(blas_is_refused_where_it_would_do_nothing, clear_environment),
        cmocka_unit_test_setup(the_order_of_names_does_not_matter, clear_environment),
        cmocka_unit_test_setup(unknown_names_are_refused_with_the_known_ones, clear_environment),
        cmocka_unit_test_setup(the_environment_chooses_when_the_caller_does_not, clear_environment),
        cmocka_unit_test_setup(masked_features_are_gone, clear_environment),
        cmocka_unit_test_setup(an_unknown_name_in_the_mask_is_reported, clear_environment),
        cmocka_unit_test_setup(what_an_overlay_needs_is_said_when_it_is_refused, clear_environment),
        cmocka_unit_test_setup(nothing_lies_beside_the_list, clear_environment),
        cmocka_unit_test_setup(names_are_read_back, clear_environment),
    };

    return cmocka_run_group_tests(tests, NULL, clear_environment);
}
