/* What this machine can do at best: multiply-adds that never leave the registers, and reading. The loops use
 * the instructions of the kernels they are compared with, chosen when they run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu.h"
#include "tools/bench.h"
#include "tools/progress.h"
#include "vit/arena.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef VIT_AVXVNNI
#define VIT_AVXVNNI 0
#endif

enum {
    ATTEMPTS = 5, /* the best counts: a limit is what is possible, not what is usual */
    BLOCK = 256   /* floats a read loop takes at a time */
};
#define LIMIT_SECONDS 0.01

/* Four floats: SSE on x86-64, NEON on ARM; what the ref and vec kernels are compiled for. */
typedef float quad __attribute__((vector_size(16)));

/* Independent sums in flight: latency 4 or 5 cycles times two units a cycle needs 8 to 10; registers end at
 * 16, with AVX-512 at 32. */
enum { CHAINS = 12, CHAINS_512 = 24 };

/* The sums must be in registers before the compiler decides what lives there: else it measures the cache. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif

static float flops_base(size_t rounds)
{
    const quad a = { 0.999f, 0.998f, 0.997f, 0.996f }, b = { 1e-3f, 2e-3f, 3e-3f, 4e-3f };
    quad x[CHAINS] = { { 0 } }, sum = { 0 };

    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS; k++) x[k] = x[k] * a + b;
    }
    UNROLL
    for (int k = 0; k < CHAINS; k++) sum += x[k];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

/* count: a multiple of BLOCK. */
static float read_base(const float *x, size_t count)
{
    quad sum[8] = { { 0 } }, all = { 0 };

    for (size_t i = 0; i < count; i += BLOCK)
        for (int j = 0; j < BLOCK; j += 4) sum[j / 4 % 8] += *(const quad *)(x + i + j);
    for (int k = 0; k < 8; k++) all += sum[k];
    return all[0] + all[1] + all[2] + all[3];
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float flops_avx2(size_t rounds)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
    __m256 x[CHAINS], sum = _mm256_setzero_ps();

    UNROLL
    for (int k = 0; k < CHAINS; k++) x[k] = _mm256_set1_ps((float)k);
    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS; k++) x[k] = _mm256_fmadd_ps(x[k], a, b);
    }
    UNROLL
    for (int k = 0; k < CHAINS; k++) sum = _mm256_add_ps(sum, x[k]);
    return _mm256_cvtss_f32(sum);
}

__attribute__((target("avx2,fma"))) static float read_avx2(const float *x, size_t count)
{
    __m256 sum[8], all = _mm256_setzero_ps();

    for (int k = 0; k < 8; k++) sum[k] = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += BLOCK)
        for (int j = 0; j < BLOCK; j += 8)
            sum[j / 8 % 8] = _mm256_add_ps(sum[j / 8 % 8], _mm256_load_ps(x + i + j));
    for (int k = 0; k < 8; k++) all = _mm256_add_ps(all, sum[k]);
    return _mm256_cvtss_f32(all);
}

/* Both products of a pair count. */
__attribute__((target("avx2,fma"))) static float ops_int8(size_t rounds)
{
    const __m256i b = _mm256_set1_epi16(3);
    __m256i x[CHAINS], sum = _mm256_setzero_si256();

    UNROLL
    for (int k = 0; k < CHAINS; k++) x[k] = _mm256_set1_epi32(k);
    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS; k++) {
            x[k] = _mm256_add_epi32(x[k], _mm256_madd_epi16(x[k], b));
            __asm__("" : "+x"(x[k])); /* in this order: gcc 12 mixes the chains and runs out of registers */
        }
    }
    UNROLL
    for (int k = 0; k < CHAINS; k++) sum = _mm256_add_epi32(sum, x[k]);
    return (float)_mm256_cvtsi256_si32(sum);
}

#if VIT_AVXVNNI
/* All four products of a num count. */
__attribute__((target("avx2,avxvnni"))) static float ops_avxvnni(size_t rounds)
{
    const __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5);
    __m256i x[CHAINS], sum = _mm256_setzero_si256();

    UNROLL
    for (int k = 0; k < CHAINS; k++) x[k] = _mm256_set1_epi32(k);
    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS; k++) {
            x[k] = _mm256_dpbusd_avx_epi32(x[k], a, b);
            __asm__("" : "+x"(x[k]));
        }
    }
    UNROLL
    for (int k = 0; k < CHAINS; k++) sum = _mm256_add_epi32(sum, x[k]);
    return (float)_mm256_cvtsi256_si32(sum);
}
#endif

/* The same. */
__attribute__((target("avx512f,avx512vnni"))) static float ops_vnni(size_t rounds)
{
    const __m512i a = _mm512_set1_epi32(0x03030303), b = _mm512_set1_epi32(0x05050505);
    __m512i x[CHAINS_512], sum = _mm512_setzero_si512();

    UNROLL
    for (int k = 0; k < CHAINS_512; k++) x[k] = _mm512_set1_epi32(k);
    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS_512; k++) {
            x[k] = _mm512_dpbusd_epi32(x[k], a, b);
            __asm__("" : "+v"(x[k]));
        }
    }
    UNROLL
    for (int k = 0; k < CHAINS_512; k++) sum = _mm512_add_epi32(sum, x[k]);
    return (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(sum));
}

/* Without VL clang 14 adds up lanes in the lower half of the registers only, and the loop spills. */
__attribute__((target("avx512f,avx512vl"))) static float flops_avx512(size_t rounds)
{
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
    __m512 x[CHAINS_512], sum = _mm512_setzero_ps();

    UNROLL
    for (int k = 0; k < CHAINS_512; k++) x[k] = _mm512_set1_ps((float)k);
    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS_512; k++) x[k] = _mm512_fmadd_ps(x[k], a, b);
    }
    UNROLL
    for (int k = 0; k < CHAINS_512; k++) sum = _mm512_add_ps(sum, x[k]);
    return _mm512_cvtss_f32(sum);
}

/* Both products of a pair count. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) static float flops_bf16(size_t rounds)
{
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f803f80), b = (__m512bh)_mm512_set1_epi32(0x3c003c00);
    __m512 x[CHAINS_512], sum = _mm512_setzero_ps();

    UNROLL
    for (int k = 0; k < CHAINS_512; k++) x[k] = _mm512_set1_ps((float)k);
    for (size_t i = 0; i < rounds; i++) {
        UNROLL
        for (int k = 0; k < CHAINS_512; k++) x[k] = _mm512_dpbf16_ps(x[k], a, b);
    }
    UNROLL
    for (int k = 0; k < CHAINS_512; k++) sum = _mm512_add_ps(sum, x[k]);
    return _mm512_cvtss_f32(sum);
}

__attribute__((target("avx512f"))) static float read_avx512(const float *x, size_t count)
{
    __m512 sum[8], all = _mm512_setzero_ps();

    for (int k = 0; k < 8; k++) sum[k] = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += BLOCK)
        for (int j = 0; j < BLOCK; j += 16)
            sum[j / 16 % 8] = _mm512_add_ps(sum[j / 16 % 8], _mm512_load_ps(x + i + j));
    for (int k = 0; k < 8; k++) all = _mm512_add_ps(all, sum[k]);
    return _mm512_cvtss_f32(all);
}
#endif

/* From the widest; the last row fits every CPU and format (a narrow one is computed in f32 there). */
static const struct isa {
    const char *overlay; /* the kernels that use it */
    enum kern_dtype dtype;
    unsigned features;
    float (*flops)(size_t rounds);
    double flops_per_round;
    float (*read)(const float *x, size_t count);
} ISAS[] = {
#if defined(__x86_64__)
    { "bf16", KERN_BF16, CPU_AVX512 | CPU_AVX512_BF16, flops_bf16, 2.0 * 32 * CHAINS_512, read_avx512 },
    { "vnni", KERN_I8, CPU_AVX512 | CPU_AVX512_VNNI, ops_vnni, 2.0 * 64 * CHAINS_512, read_avx512 },
#if VIT_AVXVNNI
    { "avxvnni", KERN_I8, CPU_AVX2 | CPU_AVX_VNNI, ops_avxvnni, 2.0 * 32 * CHAINS, read_avx2 },
#endif
    { "int8", KERN_I8, CPU_AVX2 | CPU_FMA, ops_int8, 2.0 * 16 * CHAINS, read_avx2 },
    { "avx512", KERN_F32, CPU_AVX512 | CPU_FMA, flops_avx512, 2.0 * 16 * CHAINS_512, read_avx512 },
    { "avx2", KERN_F32, CPU_AVX2 | CPU_FMA, flops_avx2, 2.0 * 8 * CHAINS, read_avx2 },
#endif
    { "", KERN_F32, 0, flops_base, 2.0 * 4 * CHAINS, read_base },
};

/* Whether name is one of kernels, "ref+vec+avx2"; every kernels hold "". */
static bool holds(const char *kernels, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = kernels; length && at; at = strchr(at, '+')) {
        at += *at == '+';
        if (strcspn(at, "+") == length && !memcmp(at, name, length)) return true;
    }
    return !length;
}

/* OpenBLAS chooses for itself, so beside it stands the best this CPU has. */
static const struct isa *isa_of(const char *kernels, enum kern_dtype dtype)
{
    const unsigned features = kern_cpu_features();
    const bool any = holds(kernels, "blas");

    for (size_t i = 0;; i++)
        if ((ISAS[i].features & ~features) == 0 && (ISAS[i].dtype == dtype || ISAS[i].dtype == KERN_F32) &&
            (any || holds(kernels, ISAS[i].overlay)))
            return &ISAS[i];
}

double bench_limit_flops(const char *kernels, enum kern_dtype dtype, int threads)
{
    const struct isa *isa = isa_of(kernels, dtype);
    size_t rounds = 100000;
    double best = 0, seconds = 0;
    volatile float keep;

    for (int attempt = 0; attempt < ATTEMPTS; attempt += seconds >= LIMIT_SECONDS) {
        float sum = 0;
        if (seconds < LIMIT_SECONDS) rounds *= 2;
        const double start = progress_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
        sum += isa->flops(rounds);
        seconds = progress_seconds() - start;
        keep = sum;
        best = fmax(best, isa->flops_per_round * (double)rounds * threads / seconds / 1e9);
    }
    (void)keep;
    return best;
}

/* Each thread its part first, so that it lies in that thread's memory where there are several. */
static void touch(float *x, size_t each, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        for (size_t i = 0; i < each; i++) x[(size_t)t * each + i] = 1e-3f;
}

double bench_limit_read(const char *kernels, int threads, size_t bytes)
{
    const struct isa *isa = isa_of(kernels, KERN_F32);
    const size_t each =
        (bytes / sizeof(float) / (size_t)threads / BLOCK + 1) * BLOCK; /* floats of a thread */
    float *x = aligned_alloc(VIT_ALIGN, each * (size_t)threads * sizeof *x);
    size_t rounds = 1;
    double best = 0, seconds = 0;
    volatile float keep;

    if (!x) return 0;
    touch(x, each, threads);
    for (int attempt = 0; attempt < ATTEMPTS; attempt += seconds >= LIMIT_SECONDS) {
        float sum = 0;
        if (seconds < LIMIT_SECONDS) rounds *= 2;
        const double start = progress_seconds();
#pragma omp parallel for num_threads(threads) reduction(+ : sum) schedule(static, 1)
        for (int t = 0; t < threads; t++)
            for (size_t r = 0; r < rounds; r++) sum += isa->read(x + (size_t)t * each, each);
        seconds = progress_seconds() - start;
        keep = sum;
        best = fmax(best, (double)each * threads * sizeof *x * (double)rounds / seconds / 1e9);
    }
    (void)keep;
    free(x);
    return best;
}
