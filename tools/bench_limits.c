/* What this machine can do at best: multiply-adds that never leave the registers, and reading. The loops use
 * the instructions of the kernels they are compared with, chosen when they run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/overlays.h"
#include "tools/bench.h"
#include "tools/progress.h"
#include "vit/arena.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if VIT_AMX
#include "kernels/amx.h"
#endif

enum {
    ATTEMPTS = 5, /* the best counts: a limit is what is possible, not what is usual */
    BLOCK = 256   /* floats; each read loop takes a part of it at a time that divides it */
};
#define LIMIT_SECONDS 0.01

/* Four floats: SSE on x86-64, NEON on ARM; what the ref and vec kernels are compiled for. */
typedef float quad __attribute__((vector_size(16)));

/* Independent sums in flight: latency 4 or 5 cycles times two units a cycle needs 8 to 10; registers end at
 * 16, with AVX-512 at 32. */
enum { CHAINS = 12, CHAINS_512 = 24, READ_CHAINS = 8 };

/* The sums must be in registers before the compiler decides what lives there: else it measures the cache. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif

/* Nobody knows what x is here, and it is needed now. Compilers know too much of these loops: equal sums are
 * computed once (gcc 12), one that starts at its fixed point never (clang 14), and what may be done in any
 * order is mixed until registers run out (gcc 12). */
#if defined(__x86_64__)
#define KEEP(x) __asm__("" : "+v"(x))
#elif defined(__aarch64__)
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x) ((void)(x))
#endif
#define TARGET(features) __attribute__((target(features)))

/* float name(size_t rounds): so many sums of type vec, each put through next once a round; next is an
 * expression of x, the sum, and of a and b, which are of type factor. */
#define COMPUTE(name, target, vec, sums, factor, a_, b_, next)                                               \
    target static float name(size_t rounds)                                                                  \
    {                                                                                                        \
        const factor a = a_, b = b_;                                                                         \
        vec sum[sums] = { { 0 } };                                                                           \
                                                                                                             \
        (void)a, (void)b;                                                                                    \
        UNROLL                                                                                               \
        for (int k = 0; k < sums; k++) sum[k][0] = k;                                                        \
        for (size_t i = 0; i < rounds; i++) {                                                                \
            UNROLL                                                                                           \
            for (int k = 0; k < sums; k++) {                                                                 \
                vec x = sum[k];                                                                              \
                x = next;                                                                                    \
                KEEP(x);                                                                                     \
                sum[k] = x;                                                                                  \
            }                                                                                                \
        }                                                                                                    \
        UNROLL                                                                                               \
        for (int k = 1; k < sums; k++) sum[0] += sum[k];                                                     \
        return (float)sum[0][0];                                                                             \
    }

/* float name(const float *x, size_t count): reads them in vectors; count is a multiple of BLOCK. */
#define READ(name, target, vec)                                                                              \
    target static float name(const float *x, size_t count)                                                   \
    {                                                                                                        \
        const vec *from = (const vec *)x, *end = (const vec *)(x + count);                                   \
        vec sum[READ_CHAINS] = { { 0 } };                                                                    \
                                                                                                             \
        _Static_assert(BLOCK * sizeof(float) % sizeof sum == 0, "a block is read by whole rounds");          \
        for (; from < end; from += READ_CHAINS) {                                                            \
            UNROLL                                                                                           \
            for (int k = 0; k < READ_CHAINS; k++) {                                                          \
                sum[k] += from[k];                                                                           \
                KEEP(sum[k]);                                                                                \
            }                                                                                                \
        }                                                                                                    \
        UNROLL                                                                                               \
        for (int k = 1; k < READ_CHAINS; k++) sum[0] += sum[k];                                              \
        return sum[0][0];                                                                                    \
    }

/* cppcheck-suppress constStatement */
COMPUTE(flops_base, /* any CPU */, quad, CHAINS, quad, (quad){ 0 } + 0.999f, (quad){ 0 } + 1e-3f, (x * a) + b)
READ(read_base, /* any CPU */, quad)

#if defined(__x86_64__)
COMPUTE(flops_avx2, TARGET("avx2,fma"), __m256, CHAINS, __m256, _mm256_set1_ps(0.999f), _mm256_set1_ps(1e-3f),
        _mm256_fmadd_ps(x, a, b))
READ(read_avx2, TARGET("avx2,fma"), __m256)

/* Both products of a pair count. */
COMPUTE(ops_int8, TARGET("avx2,fma"), __m256i, CHAINS, __m256i, _mm256_set1_epi16(3), a,
        _mm256_add_epi32(x, _mm256_madd_epi16(x, a)))

/* All four products of a number count. AVX-512 always with VL: without it clang 14 adds up only the lower
 * halves of the sums in the end, for which 16 registers have names, and the loop spills. */
#if VIT_AVXVNNI
COMPUTE(ops_avxvnni, TARGET("avx2,avxvnni"), __m256i, CHAINS, __m256i, _mm256_set1_epi8(3),
        _mm256_set1_epi8(-5), _mm256_dpbusd_avx_epi32(x, a, b))
#endif
COMPUTE(ops_vnni, TARGET("avx512f,avx512vl,avx512vnni"), __m512i, CHAINS_512, __m512i,
        _mm512_set1_epi32(0x03030303), _mm512_set1_epi32(0x05050505), _mm512_dpbusd_epi32(x, a, b))

COMPUTE(flops_avx512, TARGET("avx512f,avx512vl"), __m512, CHAINS_512, __m512, _mm512_set1_ps(0.999f),
        _mm512_set1_ps(1e-3f), _mm512_fmadd_ps(x, a, b))
READ(read_avx512, TARGET("avx512f,avx512vl"), __m512)

/* Both products of a pair count. */
COMPUTE(flops_bf16, TARGET("avx512f,avx512bw,avx512vl,avx512bf16"), __m512, CHAINS_512, __m512bh,
        (__m512bh)_mm512_set1_epi32(0x3f803f80), (__m512bh)_mm512_set1_epi32(0x3c003c00),
        _mm512_dpbf16_ps(x, a, b))
#endif

#if VIT_AMX
/* Products of two registers that are matrices, added to four others, which is all that a tile uses. */
#define MATRICES(name, instruction)                                                                          \
    static float name(size_t rounds)                                                                         \
    {                                                                                                        \
        MATRIX_SHAPE(16);                                                                                    \
        for (size_t i = 0; i < rounds; i++) {                                                                \
            MATRIX_MULTIPLY(instruction, 0, 4, 6);                                                           \
            MATRIX_MULTIPLY(instruction, 1, 4, 7);                                                           \
            MATRIX_MULTIPLY(instruction, 2, 5, 6);                                                           \
            MATRIX_MULTIPLY(instruction, 3, 5, 7);                                                           \
        }                                                                                                    \
        MATRIX_END();                                                                                        \
        return 0;                                                                                            \
    }
MATRICES(flops_amxbf16, "tdpbf16ps")
MATRICES(ops_amxint8, "tdpbusd")
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
#if VIT_AMX
    { "amxbf16", KERN_BF16, CPU_AVX512 | CPU_AMX_BF16, flops_amxbf16, 4 * 2.0 * 16 * 16 * 32, read_avx512 },
    { "amxint8", KERN_I8, CPU_AVX512 | CPU_AMX_INT8, ops_amxint8, 4 * 2.0 * 16 * 16 * 64, read_avx512 },
#endif
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
