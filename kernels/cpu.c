#include "kernels/cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define CPU_X86 1
#else
#define CPU_X86 0
#endif
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "vit/base.h"
#include "vit/text.h"

static const struct {
    unsigned bit;
    const char *name;
} FEATURES[] = {
    { CPU_AVX2, "avx2" },
    { CPU_FMA, "fma" },
    { CPU_AVX512, "avx512" },
    { CPU_AVX512_VNNI, "avx512_vnni" },
    { CPU_AVX512_BF16, "avx512_bf16" },
    { CPU_AVX_VNNI, "avx_vnni" },
    { CPU_AMX_BF16, "amx_bf16" },
    { CPU_AMX_INT8, "amx_int8" },
};

#if CPU_X86
/* XCR0: which register states the operating system saves. Bits 1, 2: SSE, AVX; 5 to 7: AVX-512; 17,
 * 18: AMX. */
static uint64_t saved_states(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* Whether the system saves the registers of AMX and this process may use them: Linux wants to be
 * asked, once for all threads (Documentation/arch/x86/xstate.rst), because they are large. Asking
 * again does no harm. */
static bool matrices_allowed(uint64_t states)
{
    if ((states >> 17 & 3) != 3) return false;
#if defined(__linux__) && defined(__x86_64__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILE_DATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA) == 0;
#else
    return false;
#endif
}

/* The features, those of AMX only when they are among the ones that are asked for.
 * Intel SDM vol. 2A, CPUID: leaf 1 (ecx 12 FMA, 27 OSXSAVE), leaf 7.0 (ebx 5 AVX2, 16 F, 17 DQ, 30 BW,
 * 31 VL; ecx 11 VNNI; edx 22 AMX-BF16, 24 AMX-TILE, 25 AMX-INT8), leaf 7.1 (eax 4 AVX-VNNI, 5 BF16). */
static unsigned detect(unsigned among)
{
    const unsigned tiles = CPU_AMX_BF16 | CPU_AMX_INT8;
    const uint32_t wide = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    uint32_t a, b, c, d, a1, b1, c1, d1;
    unsigned found = 0;
    uint64_t states;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0;
    states = saved_states();
    if ((states & 0x6) != 0x6) return 0;
    if (c >> 12 & 1) found |= CPU_FMA;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
    if (a < 1 || !__get_cpuid_count(7, 1, &a1, &b1, &c1, &d1)) a1 = 0;
    if (b >> 5 & 1) found |= CPU_AVX2;
    if (a1 >> 4 & 1) found |= CPU_AVX_VNNI;
    if ((states & 0xe6) != 0xe6 || (b & wide) != wide) return found;
    found |= CPU_AVX512;
    if (c >> 11 & 1) found |= CPU_AVX512_VNNI;
    if (a1 >> 5 & 1) found |= CPU_AVX512_BF16;
    if (!(d >> 24 & 1) || !(among & tiles) || !matrices_allowed(states)) return found;
    if (d >> 22 & 1) found |= CPU_AMX_BF16;
    if (d >> 25 & 1) found |= CPU_AMX_INT8;
    return found;
}
#else
static unsigned detect(unsigned among)
{
    (void)among;
    return 0;
}
#endif

static unsigned feature_of(const char *name, size_t length)
{
    for (size_t i = 0; i < VIT_COUNT(FEATURES); i++)
        if (strlen(FEATURES[i].name) == length && !memcmp(FEATURES[i].name, name, length))
            return FEATURES[i].bit;
    return 0;
}

/* Bits named in VIT_CPU_MASK; the first unknown name in *unknown, *length. */
static unsigned masked(const char **unknown, size_t *length)
{
    const char *at = getenv("VIT_CPU_MASK");
    unsigned bits = 0;

    *unknown = NULL;
    for (; at && *at; at += strspn(at, "+")) {
        size_t n = strcspn(at, "+");
        unsigned bit = feature_of(at, n);

        if (!bit && !*unknown) *unknown = at, *length = n;
        bits |= bit;
        at += n;
    }
    return bits;
}

static unsigned features_among(unsigned among)
{
    const char *unknown;
    size_t length;

    among &= ~masked(&unknown, &length);
    return among & detect(among);
}

unsigned kern_cpu_features(void)
{
    return features_among(~0u);
}

bool kern_cpu_has(unsigned features)
{
    return features_among(features) == features;
}

const char *kern_cpu_mask_unknown(char *text, size_t size)
{
    const char *unknown;
    size_t length = 0;

    masked(&unknown, &length);
    if (!unknown) return NULL;
    snprintf(text, size, "%.*s", (int)(length > 64 ? 64 : length), unknown);
    return text;
}

const char *kern_cpu_feature_names(unsigned features, char *text, size_t size)
{
    *text = '\0';
    for (size_t i = 0; i < VIT_COUNT(FEATURES); i++)
        if (features & FEATURES[i].bit) vit_list_add(text, size, " ", FEATURES[i].name);
    return text;
}

const char *kern_cpu_name(char *text, size_t size)
{
    char brand[49] = "";
    const char *start = brand;

#if CPU_X86
    uint32_t r[12];
    if (__get_cpuid(0x80000000, &r[0], &r[1], &r[2], &r[3]) && r[0] >= 0x80000004) {
        for (unsigned i = 0; i < 3; i++)
            __get_cpuid(0x80000002 + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3]);
        memcpy(brand, r, 48);
    }
#endif
    start += strspn(start, " ");
    snprintf(text, size, "%s", *start ? start : "unknown");
    for (size_t n = strlen(text); n && text[n - 1] == ' '; n--) text[n - 1] = '\0';
    return text;
}
