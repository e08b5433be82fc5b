/* Whole models: a forward pass, a training step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench.h"
#include "tools/progress.h"
#include "vit/random.h"
#include "vit/train.h"

/* ---- rows ---- */

struct bench_row bench_row_start(const struct bench *b)
{
    return (struct bench_row){
        .model = b->name,
        .params = (double)vit_model_parameters(b->model),
        .dtype = kern_dtype_name(vit_model_dtype(b->model)),
        .kernels = vit_model_kernels(b->model),
        .threads = b->threads,
        .batch = b->batch,
        .runs = b->runs,
        .load_ms = b->load_ms,
        .gflop_per_image = NAN,
        .ms_median = NAN,
        .ms_min = NAN,
        .ms_sd = NAN,
        .images_per_second = NAN,
        .gflops = NAN,
        .rss_mb = NAN,
        .gb_per_second = NAN,
        .plan_mb = NAN,
        .own_mb = NAN,
        .limit = NAN,
        .share = NAN,
    };
}

/* The limit for a row: of reading its bytes, else of multiply-adds. Other work on the machine slows the
 * limit's loop too, so the best of all times it was measured counts. */
static double limit_of(struct bench *b, const struct bench_row *row, size_t bytes)
{
    const enum kern_dtype dtype = (enum kern_dtype)kern_dtype_from_name(row->dtype);

    if (bytes) return bench_limit_read(row->kernels, b->threads, bytes);
    b->flops[dtype] = fmax(b->flops[dtype], bench_limit_flops(row->kernels, dtype, b->threads));
    return b->flops[dtype];
}

enum vit_status bench_row_print(struct bench *b, struct bench_row *row, size_t bytes, struct vit_error *err)
{
    const bool first = !b->printed;

    row->rss_mb = bench_memory();
    if (bytes) row->gb_per_second = (double)bytes / row->ms_median / 1e6;
    if (b->options->limits && !isnan(bytes ? row->gb_per_second : row->gflops)) {
        row->limit = limit_of(b, row, bytes);
        row->share = (bytes ? row->gb_per_second : row->gflops) / row->limit;
    }
    b->printed = true;
    if (bench_print(row, b->options->format, first)) return VIT_OK;
    return vit_fail(err, VIT_ERR_IO, "standard output: cannot be written");
}

void bench_row_times(struct bench_row *row, const struct bench_times *t)
{
    row->ms_median = t->median;
    row->ms_min = t->min;
    row->ms_sd = t->sd;
}

/* flops: of one picture. */
static void set_rate(struct bench_row *row, double flops)
{
    row->gflop_per_image = flops / 1e9;
    row->images_per_second = row->batch / row->ms_median * 1e3;
    row->gflops = row->gflop_per_image * row->images_per_second;
}

/* ---- the model ---- */

static bool is_sized(const struct bench_options *o)
{
    return o->image || o->patch || o->width || o->depth || o->heads || o->hidden || o->classes;
}

bool bench_model_random(const struct bench_options *o)
{
    return o->arch || is_sized(o);
}

/* Fields given on the command line over those of the named architecture. Its MLP stays as many times as wide
 * as the tokens, as in vit train. */
static void overlay_sizes(struct vit_config *c, const struct bench_options *o)
{
    const double times = (double)c->hidden / c->width;
    const struct {
        int *to, value;
    } fields[] = {
        { &c->image, o->image }, { &c->image, o->common.size }, { &c->stem.patch, o->patch },
        { &c->depth, o->depth }, { &c->heads, o->heads },       { &c->hidden, o->hidden },
        { &c->width, o->width }, { &c->classes, o->classes },
    };

    for (size_t i = 0; i < VIT_COUNT(fields); i++)
        if (fields[i].value) *fields[i].to = fields[i].value;
    if (o->patch) c->stem.layers = 0;
    if (o->width && !o->hidden) c->hidden = (int)lrint(times * o->width);
    if (o->width && !o->heads) c->heads = o->width % 64 || o->width < 64 ? 1 : o->width / 64;
}

static enum vit_status place_norms(struct vit_config *c, const struct cmd_common *o, struct vit_error *err)
{
    const int final = cmd_final_norm(o);

    if (o->norm) {
        enum vit_status status = vit_placement_parse(&c->norm, o->norm, err);
        if (status) return status;
        c->norm.final = vit_placement_final(c->norm.placement);
    }
    if (final) c->norm.final = final > 0;
    return VIT_OK;
}

/* Random weights: speed does not depend on their values. */
static int create(struct bench *b)
{
    const struct bench_options *o = b->options;
    const struct vit_init init = { .kind = VIT_INIT_TRUNC02, .seed = o->common.seed, .out_gain = 1 };
    const struct vit_model_options options = { .kernels = o->common.kernels, .dtype = cmd_dtype(&o->common) };
    struct vit_config c;
    struct vit_error err;
    int code = cmd_check(&o->common);

    if (code) return code;
    if (vit_config_preset(&c, o->arch ? o->arch : "plain-4", &err)) return cmd_usage("--arch: %s", err.text);
    overlay_sizes(&c, o);
    if (place_norms(&c, &o->common, &err) || vit_config_check(&c, o->arch ? o->arch : "model", &err))
        return cmd_usage("%s", err.text);
    if (vit_model_create(&b->model, &c, NULL, NULL, &init, &options, &err)) return cmd_unusable(&err);
    if (o->arch && !is_sized(o))
        snprintf(b->name, sizeof b->name, "%s", o->arch);
    else
        snprintf(b->name, sizeof b->name, "image%d-patch%d-width%d-depth%d-heads%d-hidden%d", c.image,
                 c.stem.patch, c.width, c.depth, c.heads, c.hidden);
    return CMD_DONE;
}

int bench_model_open(struct bench *b, bool trainable)
{
    const struct bench_options *o = b->options;
    const double start = progress_seconds();
    int code;

    b->load_ms = NAN;
    if (bench_model_random(o)) return create(b);
    code = cmd_open_model(&b->model, &o->common, 0, trainable);
    b->load_ms = (progress_seconds() - start) * 1e3;
    snprintf(b->name, sizeof b->name, "%s", cmd_model_name(&o->common));
    return code;
}

float *bench_planes(const struct vit_model *m, int n, uint64_t seed, struct vit_error *err)
{
    const size_t each = vit_model_input_floats(m);
    float *planes = calloc((size_t)n, each * sizeof *planes);

    if (!planes) vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %d pictures of %zu numbers", n, each);
    for (size_t i = 0; planes && i < (size_t)n * each; i++)
        planes[i] =
            3.4f * vit_random_uniform(seed, i) - 1.7f; /* unit variance, as normalised pictures have */
    return planes;
}

int *bench_labels(const struct vit_model *m, int n, uint64_t seed, struct vit_error *err)
{
    int *labels = calloc((size_t)n, sizeof *labels);

    if (!labels) vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %d labels", n);
    for (int i = 0; labels && i < n; i++)
        labels[i] = (int)vit_random_below(seed, (uint64_t)i, (uint64_t)vit_model_config(m)->classes);
    return labels;
}

/* ---- forward ---- */

struct forward {
    struct vit_session *session;
    const float *planes;
    int n;
};

static void call_forward(void *state)
{
    const struct forward *f = state;

    vit_forward(f->session, f->planes, f->n);
}

enum vit_status bench_model_forward(struct bench *b, struct vit_error *err)
{
    const struct vit_session_options options = { .batch = b->batch, .threads = b->threads };
    float *planes = bench_planes(b->model, b->batch, b->options->common.seed, err);
    struct forward f = { .planes = planes, .n = b->batch };
    struct bench_row row = bench_row_start(b);
    struct bench_times times;
    enum vit_status status = planes ? VIT_OK : VIT_ERR_NOMEM;

    bench_memory_reset();
    if (!status) status = vit_session_create(&f.session, b->model, &options, err);
    if (!status) status = bench_time(&times, call_forward, &f, b->runs, err);
    if (!status) {
        snprintf(row.what, sizeof row.what, "forward");
        bench_row_times(&row, &times);
        set_rate(&row, 2 * vit_config_macs(vit_model_config(b->model)));
        row.plan_mb = (double)vit_session_bytes(f.session) / 1e6;
        status = bench_row_print(b, &row, 0, err);
    }
    vit_session_close(f.session);
    free(planes);
    return status;
}

/* ---- training ---- */

struct train {
    struct vit_trainer *trainer;
    struct vit_batch batch;
    bool finite;
};

static void call_train(void *state)
{
    struct train *t = state;

    t->finite &= vit_trainer_step(t->trainer, &t->batch).finite;
}

/* A whole step: forward, backward, update. 6 flops for a multiply-add: one product forward, two back. */
enum vit_status bench_model_train(struct bench *b, struct vit_error *err)
{
    struct vit_hyper hyper = vit_hyper_default();
    float *planes = bench_planes(b->model, b->batch, b->options->common.seed, err);
    int *labels = planes ? bench_labels(b->model, b->batch, b->options->common.seed, err) : NULL;
    struct train t = { .batch = { .planes = planes, .labels = labels, .n = b->batch }, .finite = true };
    struct bench_row row = bench_row_start(b);
    struct bench_times times;
    enum vit_status status = labels ? VIT_OK : VIT_ERR_NOMEM;

    hyper.steps = INT32_MAX;
    hyper.lr = 1e-4f;
    bench_memory_reset();
    if (!status) status = vit_trainer_create(&t.trainer, b->model, &hyper, b->batch, b->threads, err);
    if (!status) status = bench_time(&times, call_train, &t, b->runs, err);
    if (!status) {
        if (!t.finite)
            cmd_warn(&b->options->common, "%s: a loss was not finite, so that some steps updated nothing",
                     b->name);
        snprintf(row.what, sizeof row.what, "train");
        bench_row_times(&row, &times);
        set_rate(&row, 6 * vit_config_macs(vit_model_config(b->model)));
        row.plan_mb = (double)vit_trainer_bytes(t.trainer) / 1e6;
        status = bench_row_print(b, &row, 0, err);
    }
    vit_trainer_close(t.trainer);
    free(labels);
    free(planes);
    return status;
}
