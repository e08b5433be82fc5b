/* From a file to the first logits, and the memory that takes beside the file's. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench.h"
#include "tools/progress.h"
#include "tools/stop.h"
#include "vit/train.h"

/* ---- the file ---- */

enum { PATH_BYTES = 4096 };

/* Random weights have no file: they get one, which the caller unlinks when *path is not empty. */
static enum vit_status write_random(const struct bench *b, char path[PATH_BYTES], struct vit_error *err)
{
    const struct cmd_common *o = &b->options->common;
    const enum kern_dtype dtype = cmd_dtype(o);
    const char *root = getenv("TMPDIR");
    int fd;

    if (snprintf(path, PATH_BYTES, "%s/vit-bench-XXXXXX", root && *root ? root : "/tmp") >= PATH_BYTES) {
        *path = '\0';
        return vit_fail(err, VIT_ERR_ARG, "TMPDIR: the path is too long");
    }
    fd = mkstemp(path);
    if (fd < 0) {
        enum vit_status status =
            vit_fail(err, VIT_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
        *path = '\0';
        return status;
    }
    close(fd);
    return b->options->packed ? vit_model_save_packed(b->model, path, dtype, o->kernels, err)
                              : vit_model_save(b->model, path, vit_stored_dtype(dtype), err);
}

/* ---- a measurement ---- */

struct loading {
    const char *path;
    const float *planes;
    double open, total; /* milliseconds of the last run */
    double own;         /* MB, the most of all runs */
};

/* Open, plan, one forward. */
static enum vit_status load_once(const struct bench *b, struct loading *l, struct vit_error *err)
{
    const struct cmd_common *o = &b->options->common;
    const struct vit_model_options how = { .kernels = o->kernels,
                                           .placement = o->norm,
                                           .final_norm = cmd_final_norm(o),
                                           .image = o->size,
                                           .dtype = cmd_dtype(o),
                                           .threads = b->threads };
    const struct vit_session_options options = { .batch = b->batch, .threads = b->threads };
    const double before = bench_own_memory(), start = progress_seconds();
    struct vit_session *session = NULL;
    struct vit_model *m;
    enum vit_status status = vit_model_open(&m, l->path, &how, err);

    if (status) return status;
    l->open = (progress_seconds() - start) * 1e3;
    status = vit_session_create(&session, m, &options, err);
    if (!status) vit_forward(session, l->planes, b->batch);
    l->total = (progress_seconds() - start) * 1e3;
    l->own = fmax(l->own, bench_own_memory() - before);
    vit_session_close(session);
    vit_model_close(m);
    return status;
}

static enum vit_status measure(struct bench *b, struct loading *l, struct vit_error *err)
{
    double *ms = calloc(2 * (size_t)b->runs, sizeof *ms), *total;
    struct bench_row row = bench_row_start(b);
    enum vit_status status = VIT_OK;

    if (!ms) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the times of %d runs", b->runs);
    total = ms + b->runs;
    bench_memory_reset();
    for (int i = -1; !status && i < b->runs; i++) { /* -1: warm-up, overwritten */
        if (stop_wanted()) status = vit_fail(err, VIT_ERR_IO, "interrupted");
        if (status) break;
        status = load_once(b, l, err);
        ms[i < 0 ? 0 : i] = l->open;
        total[i < 0 ? 0 : i] = l->total;
    }
    if (!status) {
        const struct bench_times open = bench_summary(ms, b->runs), all = bench_summary(total, b->runs);

        snprintf(row.what, sizeof row.what, "load");
        bench_row_times(&row, &all);
        row.load_ms = open.median;
        row.own_mb = l->own;
        row.gflop_per_image = 2 * vit_config_macs(vit_model_config(b->model)) / 1e9;
        status = bench_row_print(b, &row, 0, err);
    }
    free(ms);
    return status;
}

enum vit_status bench_model_load(struct bench *b, struct vit_error *err)
{
    const struct bench_options *o = b->options;
    const bool random = bench_model_random(o);
    char path[PATH_BYTES] = "";
    struct loading l = { .path = cmd_model_name(&o->common) };
    float *planes = bench_planes(b->model, b->batch, o->common.seed, err);
    enum vit_status status = planes ? VIT_OK : VIT_ERR_NOMEM;

    if (!status && random) {
        stop_catch(); /* who interrupts does not find the file afterwards */
        status = write_random(b, path, err);
        l.path = path;
    }
    l.planes = planes;
    if (!status) status = measure(b, &l, err);
    if (*path) unlink(path);
    if (planes && random) stop_release();
    free(planes);
    return status;
}
