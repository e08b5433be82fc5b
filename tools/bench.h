/* bench.h - the parts of vit bench: what to measure (bench_model.c, bench_load.c, bench_kernels.c), how
 * (bench_time.c), against what (bench_limits.c), and how it is printed (bench_rows.c). */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include "tools/cmd.h"

struct bench_options {
    struct cmd_common common;
    const char *threads, *batch, *format, *arch;            /* threads and batch: lists as given */
    int image, patch, width, depth, heads, hidden, classes; /* 0: not given */
    int runs;                                               /* 0: the measurement's own */
    bool limits, packed;
};

/* ---- time ---- */

struct bench_times {
    double median, min, sd; /* milliseconds; sd over runs - 1, NAN for one run */
};

/* Median, minimum and deviation of ms (runs), which is sorted. runs > 0. */
struct bench_times bench_summary(double *ms, int runs);

/* Call until warm, then runs times; a run is as many calls as take 2 ms, and counts as one of them. */
enum vit_status bench_time(struct bench_times *out, void (*call)(void *), void *state, int runs,
                           struct vit_error *err);

/* Most memory this process had at once since bench_memory_reset(), in MB (10^6); where the system cannot
 * reset it, since the start. */
void bench_memory_reset(void);
double bench_memory(void);
/* What it has now that is not pages of files, in MB; NAN where the system does not tell. */
double bench_own_memory(void);

/* ---- limits of this machine ---- */

/* GFLOP/s of multiply-adds in registers, all threads, with the widest instructions kernels (as in
 * "ref+vec+avx2") may use; what limits a product. */
double bench_limit_flops(const char *kernels, enum kern_dtype dtype, int threads);
/* GB/s of reading bytes of memory again and again, all threads: from whichever cache holds them. 0: no
 * memory for it. */
double bench_limit_read(const char *kernels, int threads, size_t bytes);

/* ---- rows ---- */

struct bench_row {
    const char *model;
    double params, gflop_per_image;
    const char *dtype, *kernels;
    double threads, batch, runs;
    double ms_median, ms_min, ms_sd, images_per_second, gflops, load_ms, rss_mb;
    char what[64];        /* "forward", "linear fc1 65x768x192" */
    double gb_per_second; /* memory traffic of what computes little */
    double plan_mb;       /* of the session or trainer */
    double own_mb;        /* of a model and its session, beside pages of the file */
    double limit, share;  /* GFLOP/s or GB/s, and the part of it that was reached */
};
/* NAN in a number: not measured, printed as "-", "" or null. False: stdout is broken. */
bool bench_print(const struct bench_row *row, const char *format, bool first);

/* ---- measurements ---- */

struct bench {
    const struct bench_options *options;
    struct vit_model *model;
    char name[128];
    double load_ms; /* of opening the model; NAN for random weights */
    /* Best limits seen with threads for products of each format, GFLOP/s; 0: not measured yet. */
    double flops[KERN_DTYPES];
    int threads, batch, runs;
    bool printed; /* a row: the heading is out */
};

/* A row with what is known before the measurement. */
struct bench_row bench_row_start(const struct bench *b);
/* Add memory and limits and print. bytes: the traffic of a call, 0 for what is measured in flops.
 * VIT_ERR_IO: stdout is broken. */
enum vit_status bench_row_print(struct bench *b, struct bench_row *row, size_t bytes, struct vit_error *err);

/* Its times. */
void bench_row_times(struct bench_row *row, const struct bench_times *t);

/* n pictures of noise, and labels for them; the caller frees. NULL: no memory, and err says so. */
float *bench_planes(const struct vit_model *m, int n, uint64_t seed, struct vit_error *err);
int *bench_labels(const struct vit_model *m, int n, uint64_t seed, struct vit_error *err);

/* Whether it is one without a file: an architecture or a size is given. */
bool bench_model_random(const struct bench_options *o);
/* The model of the options, trainable if wanted, and its name. Returns an exit code. */
int bench_model_open(struct bench *b, bool trainable);
enum vit_status bench_model_forward(struct bench *b, struct vit_error *err);
enum vit_status bench_model_train(struct bench *b, struct vit_error *err);
enum vit_status bench_model_load(struct bench *b, struct vit_error *err);
enum vit_status bench_kernels(struct bench *b, struct vit_error *err);

#endif
