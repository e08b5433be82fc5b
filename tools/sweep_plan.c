/* What a sweep would do, and how long it would take: arithmetic, and the time of a few steps. */
#include <stdlib.h>
#include <string.h>

#include "tools/bench.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/sweep.h"
#include "tools/table.h"
#include "vit/config_json.h"
#include "vit/json.h"
#include "vit/thread.h"

/* A cell in numbers. */
struct estimate {
    double seconds;
    bool ended;
};

/* ---- the rate of a network ---- */

/* Equal texts: steps of equal work. NULL: no memory. */
static char *work_of(const struct sweep_cell *c, const struct sweep_source *source)
{
    const struct recipe *r = &c->recipe;
    json_t *work = json_pack("{s:o, s:i, s:i, s:s, s:s, s:b, s:b, s:b, s:f}", "config",
                             vit_config_to_json(&c->config, &source->pictures, NULL), "batch", r->batch,
                             "accumulate", r->accumulate, "dtype", r->dtype, "optimizer", r->optimizer, "ema",
                             (int)(r->ema > 0), "drop", (int)(r->drop_path > 0), "attn_drop",
                             (int)(r->attn_drop > 0), "patch_drop", (double)r->patch_drop);
    char *text = vit_json_text(work, JSON_COMPACT);

    json_decref(work);
    return text;
}

/* Seconds of a step after one to warm up: of at least two, and half a second. */
static double time_steps(struct vit_trainer *t, const struct vit_batch *batch)
{
    double start;
    int steps = 0;

    vit_trainer_step(t, batch);
    start = progress_seconds();
    while (steps < 2 || progress_seconds() - start < 0.5) {
        vit_trainer_step(t, batch);
        steps++;
    }
    return (progress_seconds() - start) / steps;
}

/* *rate = flops a second of training the cell's network. */
static enum vit_status measure_alone(double *rate, const struct sweep *s, const struct sweep_cell *c,
                                     struct vit_error *err)
{
    const struct recipe *r = &c->recipe;
    const struct vit_init init = recipe_init(r);
    const struct vit_model_options options = { .kernels = s->common.kernels,
                                               .dtype = (enum kern_dtype)kern_dtype_from_name(r->dtype),
                                               .trainable = true };
    struct vit_batch batch = { .n = r->batch };
    struct vit_model *m = NULL;
    struct vit_trainer *t = NULL;
    struct vit_hyper hyper;
    float *planes = NULL;
    int *labels = NULL;
    enum vit_status status = recipe_hyper(&hyper, r, c->batches, err);

    if (!status)
        status =
            vit_model_create(&m, &c->config, &s->sources[c->source].pictures, NULL, &init, &options, err);
    if (!status) status = vit_trainer_create(&t, m, &hyper, r->batch, cmd_threads(&s->common), err);
    if (!status && !(planes = bench_planes(m, r->batch, 1, err))) status = VIT_ERR_NOMEM;
    if (!status && !(labels = bench_labels(m, r->batch, 1, err))) status = VIT_ERR_NOMEM;
    if (!status) {
        batch.planes = planes, batch.labels = labels;
        *rate = 6 * vit_training_macs(&c->config, &hyper) * r->batch / time_steps(t, &batch);
    }
    free(planes);
    free(labels);
    vit_trainer_close(t);
    vit_model_close(m);
    return status;
}

struct trial {
    const struct sweep *s;
    const struct sweep_cell *c;
    pthread_t thread;
    double rate;
    enum vit_status status;
    struct vit_error err;
};

static void *try(void *trial)
{
    struct trial *t = trial;

    t->status = measure_alone(&t->rate, t->s, t->c, &t->err);
    return NULL;
}

/* The same while the other jobs do so too: they share caches and memory. */
static enum vit_status measure(double *rate, const struct sweep *s, const struct sweep_cell *c,
                               struct vit_error *err)
{
    struct trial *trials = calloc((size_t)s->jobs, sizeof *trials);
    int started = 0;
    enum vit_status status = VIT_OK;

    if (!trials) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a plan");
    for (int i = 0; i < s->jobs; i++) trials[i] = (struct trial){ .s = s, .c = c };
    while (started + 1 < s->jobs && !vit_thread_start(&trials[started + 1].thread, try, &trials[started + 1]))
        started++;
    try(&trials[0]);
    *rate = 0;
    for (int i = 0; i <= started; i++) {
        if (i) pthread_join(trials[i].thread, NULL);
        *rate += trials[i].rate / (started + 1);
        if (trials[i].status && !status) status = trials[i].status, *err = trials[i].err;
    }
    free(trials);
    return status;
}

/* Seconds of every cell: at the rate given, or measured once for all cells of equal work. */
static enum vit_status estimate(struct estimate *e, const struct sweep *s, struct vit_error *err)
{
    char **work = calloc((size_t)s->count, sizeof *work);
    double *rate = calloc((size_t)s->count, sizeof *rate);
    struct progress bar;
    enum vit_status status = VIT_OK;

    progress_start(&bar, "cells measured", (size_t)s->count, !s->common.quiet);
    for (int i = 0; i < s->count && !status; i++) {
        const struct sweep_cell *c = &s->cells[i];
        int same = 0;
        if (work) work[i] = work_of(c, &s->sources[c->source]);
        if (!work || !rate || !work[i]) {
            status = vit_fail(err, VIT_ERR_NOMEM, "no memory for a plan");
            break;
        }
        while (strcmp(work[same], work[i]) != 0) same++;
        rate[i] = s->options->rate > 0 ? 1e9 * (double)s->options->rate / s->jobs : rate[same];
        if (!(rate[i] > 0)) status = measure(&rate[i], s, c, err);
        e[i] = (struct estimate){ .seconds = c->flops / rate[i], .ended = c->line != NULL };
        progress_update(&bar, (size_t)i + 1);
    }
    progress_clear(&bar);
    for (int i = 0; work && i < s->count; i++) free(work[i]);
    free(work);
    free(rate);
    return status;
}

/* ---- printing ---- */

struct totals {
    double flops, seconds; /* of the cells that have not ended: */
    double flops_left, seconds_left;
};

static struct totals add_up(const struct sweep *s, const struct estimate *e)
{
    struct totals t = { 0 };

    for (int i = 0; i < s->count; i++) {
        t.flops += s->cells[i].flops;
        t.seconds += e[i].seconds / s->jobs;
        if (e[i].ended) continue;
        t.flops_left += s->cells[i].flops;
        t.seconds_left += e[i].seconds / s->jobs;
    }
    return t;
}

static const char *state_of(const struct sweep_cell *c)
{
    return c->line ? json_string_value(json_object_get(c->line, "status")) : NULL;
}

static int print_json(const struct sweep *s, const struct estimate *e, const struct totals *t)
{
    json_t *cells = json_array(), *all;

    for (int i = 0; i < s->count; i++) {
        const struct sweep_cell *c = &s->cells[i];
        vit_json_append(&cells, json_pack("{s:s, s:i, s:o, s:o, s:s?}", "cell", c->id, "steps", c->steps,
                                          "flops", out_real(c->flops), "hours", out_real(e[i].seconds / 3600),
                                          "status", state_of(c)));
    }
    all = json_pack("{s:o, s:o, s:o, s:o, s:o}", "cells", cells, "flops", out_real(t->flops), "hours",
                    out_real(t->seconds / 3600), "flops_left", out_real(t->flops_left), "hours_left",
                    out_real(t->seconds_left / 3600));
    return out_json(all) ? CMD_DONE : CMD_SOME_FAILED;
}

static int print_text(const struct sweep *s, const struct estimate *e, const struct totals *t)
{
    static const char *const NUMBERS[] = { "steps", "TFLOP", "hours" };
    struct table table = { 0 };
    bool whole;

    table_column(&table, TABLE_LEFT, "cell");
    for (size_t i = 0; i < VIT_COUNT(NUMBERS); i++) table_column(&table, TABLE_RIGHT, "%s", NUMBERS[i]);
    table_column(&table, TABLE_LEFT, "status");
    for (int i = 0; i < s->count; i++) {
        const struct sweep_cell *c = &s->cells[i];
        table_cell(&table, "%s", c->id);
        table_cell(&table, "%d", c->steps);
        table_cell(&table, "%.4g", c->flops / 1e12);
        table_cell(&table, "%.3g", e[i].seconds / 3600);
        table_cell(&table, "%s", c->line ? state_of(c) : "-");
    }
    whole = table_markdown(stdout, &table);
    table_free(&table);
    if (!whole) {
        cmd_error("no memory for a table");
        return CMD_UNUSABLE;
    }
    printf("\n%d cells, %.4g PFLOP, %.3g hours", s->count, t->flops / 1e15, t->seconds / 3600);
    if (t->flops_left < t->flops)
        printf("; left: %.4g PFLOP, %.3g hours", t->flops_left / 1e15, t->seconds_left / 3600);
    putchar('\n');
    return CMD_DONE;
}

int sweep_plan(struct sweep *s)
{
    struct estimate *e = calloc((size_t)s->count, sizeof *e);
    struct vit_error err;
    struct totals t;
    int code = CMD_UNUSABLE;

    if (!e) {
        cmd_error("no memory for a plan");
    } else if (sweep_folder_look(s, &err) || estimate(e, s, &err)) {
        cmd_error("%s", err.text);
    } else {
        t = add_up(s, e);
        code = s->common.json ? print_json(s, e, &t) : print_text(s, e, &t);
    }
    free(e);
    return code;
}
