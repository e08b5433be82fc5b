/* cpu.h - what this CPU and operating system can run. */
#ifndef KERNELS_CPU_H
#define KERNELS_CPU_H

#include <stdbool.h>
#include <stddef.h>

enum kern_cpu_feature {
    CPU_AVX2 = 1 << 0,
    CPU_FMA = 1 << 1,
    CPU_AVX512 = 1 << 2, /* F, BW, DQ and VL together, and the system saves the registers */
    CPU_AVX512_VNNI = 1 << 3,
    CPU_AVX512_BF16 = 1 << 4,
    CPU_AVX_VNNI = 1 << 5,
    CPU_AMX_BF16 = 1 << 6, /* and that the system lets this process use the registers */
    CPU_AMX_INT8 = 1 << 7, /* likewise */
};

/* Features of this machine, less those the environment variable VIT_CPU_MASK removes
 * (names joined by "+", for tests: "avx512+fma"; an unknown name removes nothing and is
 * reported by kern_select). */
unsigned kern_cpu_features(void);

/* Whether all of these are there. Only where those of AMX are among them the system is asked for their
 * registers: it gives them to the whole process, for good. */
bool kern_cpu_has(unsigned features);

/* The first name in VIT_CPU_MASK that is no feature, in text; NULL when all are known. */
const char *kern_cpu_mask_unknown(char *text, size_t size);

/* "avx2 fma avx512 ..." for features; "" for none. */
const char *kern_cpu_feature_names(unsigned features, char *text, size_t size);

/* Model name from the processor, "unknown" if it does not say. */
const char *kern_cpu_name(char *text, size_t size);

/* Physical cores this process may use: affinity, OpenMP's places and cgroup quota honoured; at least 1. Where
 * the system does not say which CPUs those are, its logical CPUs. */
int kern_cpu_cores(void);

/* The two halves of kern_cpu_cores, below a folder that stands for / ("" is the system itself):
 * distinct cores among the allowed logical CPUs (count flags), and CPUs the cgroup's quota pays for
 * (rounded down, at least 1; INT_MAX when there is no limit). */
int kern_cpu_distinct_cores(const char *root, const unsigned char *allowed, int count);
int kern_cpu_quota(const char *root);

#endif
