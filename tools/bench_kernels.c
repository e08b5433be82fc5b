/* The kernels one by one, at the shapes a model gives them. Matrices are the model's own and taken block by
 * block, so that weights come from memory as often as in a forward pass. */
#include <math.h>
#include <stdio.h>

#include "kernels/team.h"
#include "tools/bench.h"
#include "vit/config.h"
#include "vit/model.h"
#include "vit/random.h"

/* What the calls work on. m rows = batch times tokens; width: of the widest activation. */
struct work {
    struct kern_ctx kern;
    const struct vit_model *model;
    size_t matrix, bias; /* offsets into struct vit_block_mats and vit_block_params */
    int m, block;
    struct vit_arena arena;
    float *x, *y;   /* (m, width) */
    float *dw, *db; /* the largest matrix; (width) */
};

/* The next block's matrix. */
static const struct kern_mat *next_matrix(struct work *w, const float **bias)
{
    const struct vit_model *m = w->model;

    w->block = (w->block + 1) % m->config.depth;
    *bias =
        ((const struct vit_linear_params *)(const void *)((const char *)&m->params.block[w->block] + w->bias))
            ->bias;
    return (const struct kern_mat *)(const void *)((const char *)&m->mats.block[w->block] + w->matrix);
}

static void call_linear(void *state)
{
    struct work *w = state;
    struct kern_epilogue e = { 0 };
    const struct kern_mat *mat = next_matrix(w, &e.bias);

    kern_linear(&w->kern, w->y, w->x, mat, &e, w->m);
}

static void call_linear_dx(void *state)
{
    struct work *w = state;
    const float *bias;
    const struct kern_mat *mat = next_matrix(w, &bias);

    kern_linear_dx(&w->kern, w->y, w->x, mat, w->m);
}

static void call_linear_dw(void *state)
{
    struct work *w = state;
    const float *bias;
    const struct kern_mat *mat = next_matrix(w, &bias);

    kern_linear_dw(&w->kern, mat->dtype, w->dw, w->db, w->x, w->y, w->m, mat->n, mat->k);
}

static struct kern_heads heads_of(const struct work *w)
{
    const struct vit_config *c = &w->model->config;
    const int tokens = vit_config_tokens(c), e = c->width / c->heads;

    return (struct kern_heads){
        .b = w->m / tokens, .t = tokens, .h = c->heads, .e = e, .scale = 1 / sqrtf((float)e)
    };
}

static void call_attend(void *state)
{
    struct work *w = state;
    const struct kern_heads a = heads_of(w);

    kern_attend(&w->kern, vit_model_dtype(w->model), w->y, NULL, w->x, &a, NULL);
}

static void call_norm(void *state)
{
    struct work *w = state;
    const struct vit_config *c = &w->model->config;
    const struct kern_norm n = { .kind = KERN_LAYERNORM, .eps = c->norm.eps, .gain = w->db, .bias = w->db };
    const struct kern_rows r = { w->m, 1, c->width, (size_t)c->width, (size_t)c->width };

    kern_norm(&w->kern, w->y, NULL, w->x, &n, &r);
}

static void call_act(void *state)
{
    struct work *w = state;
    const struct vit_config *c = &w->model->config;

    kern_act(&w->kern, w->y, w->x, (size_t)w->m * (size_t)c->hidden, c->act);
}

/* ---- memory ---- */

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int widest(const struct vit_config *c)
{
    return larger(3 * c->width, vit_up_rows(c));
}

static void carve(struct work *w)
{
    const struct vit_config *c = &w->model->config;
    const size_t width = (size_t)widest(c), rows = (size_t)w->m;

    w->x = vit_arena_take(&w->arena, rows, width * sizeof(float));
    w->y = vit_arena_take(&w->arena, rows, width * sizeof(float));
    w->dw = vit_arena_take(&w->arena, (size_t)c->width, width * sizeof(float));
    w->db = vit_arena_take(&w->arena, width, sizeof(float));
    w->kern.scratch = vit_arena_take(&w->arena, w->kern.scratch_bytes, 1);
}

static enum vit_status prepare(struct work *w, const struct bench *b, struct vit_error *err)
{
    const struct vit_config *c = &b->model->config;
    const int tokens = vit_config_tokens(c);
    const struct kern_limits limits = { .threads = b->threads,
                                        .rows = b->batch * tokens,
                                        .inputs = widest(c),
                                        .outputs = widest(c),
                                        .tokens = tokens,
                                        .head = c->width / c->heads,
                                        .training = true,
                                        .dtype = vit_model_dtype(b->model) };
    enum vit_status status;

    bench_memory_reset();
    *w = (struct work){ .model = b->model, .m = limits.rows };
    w->kern = (struct kern_ctx){ .k = &b->model->kern,
                                 .threads = b->threads,
                                 .scratch_bytes = kern_scratch_bytes(&b->model->kern, &limits) };
    w->kern.team = kern_team_create();
    if (!w->kern.team) return vit_fail(err, VIT_ERR_NOMEM, "bench: cannot allocate a team");
    carve(w);
    status = vit_arena_alloc(&w->arena, "kernels", err);
    if (status) return status;
    carve(w);
    for (size_t i = 0; i < (size_t)w->m * (size_t)widest(c); i++)
        w->x[i] = w->y[i] = 2 * vit_random_uniform(b->options->common.seed, i) - 1;
    return VIT_OK;
}

/* ---- rows ---- */

/* Calls timed inside one run of the threads, as a session's operations are: a region for each of them would
 * be part of its time. */
struct timed {
    void (*call)(void *);
    struct work *work;
    int runs;
    struct bench_times times;
    enum vit_status status;
    struct vit_error *err;
};

static void time_calls(void *arg)
{
    struct timed *t = arg;

    t->status = bench_time(&t->times, t->call, t->work, t->runs, t->err);
}

/* macs 0: what counts is the bytes. */
static enum vit_status measure(struct bench *b, struct work *w, void (*call)(void *), const char *what,
                               double macs, size_t bytes, struct vit_error *err)
{
    const bool in_f32 =
        call == call_attend && vit_model_dtype(b->model) == KERN_I8; /* as kern_attend() does */
    struct bench_row row = bench_row_start(b);
    struct timed t = { .call = call, .work = w, .runs = b->runs, .err = err };

    kern_team_run(&w->kern, time_calls, &t);
    if (t.status) return t.status;
    snprintf(row.what, sizeof row.what, "%s", what);
    if (in_f32) row.dtype = kern_dtype_name(KERN_F32);
    bench_row_times(&row, &t.times);
    if (macs > 0) row.gflops = 2 * macs / t.times.median / 1e6;
    return bench_row_print(b, &row, bytes, err);
}

#define MATRIX(name) #name, offsetof(struct vit_block_mats, name), offsetof(struct vit_block_params, name)
static const struct {
    const char *name;
    size_t matrix, bias;
} MATRICES[] = { { MATRIX(qkv) }, { MATRIX(proj) }, { MATRIX(fc1) }, { MATRIX(fc2) } };

static const struct {
    const char *name;
    void (*call)(void *);
    bool backward; /* int8 has none */
} PRODUCTS[] = { { "linear", call_linear, false },
                 { "linear_dx", call_linear_dx, true },
                 { "linear_dw", call_linear_dw, true } };

static enum vit_status products(struct bench *b, struct work *w, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    char what[64];

    for (size_t p = 0; p < VIT_COUNT(PRODUCTS); p++) {
        if (PRODUCTS[p].backward && vit_model_dtype(b->model) == KERN_I8) continue;
        for (size_t i = 0; !status && i < VIT_COUNT(MATRICES); i++) {
            const float *bias;
            w->matrix = MATRICES[i].matrix;
            w->bias = MATRICES[i].bias;
            const struct kern_mat *mat = next_matrix(w, &bias);
            snprintf(what, sizeof what, "%s %s %dx%dx%d", PRODUCTS[p].name, MATRICES[i].name, w->m, mat->n,
                     mat->k);
            status = measure(b, w, PRODUCTS[p].call, what, (double)w->m * mat->n * mat->k, 0, err);
        }
    }
    return status;
}

static enum vit_status others(struct bench *b, struct work *w, struct vit_error *err)
{
    const struct vit_config *c = &b->model->config;
    const struct kern_heads a = heads_of(w);
    const double pairs = (double)a.b * a.h * a.t * a.t;
    char what[64];
    enum vit_status status;

    snprintf(what, sizeof what, "attend %dx%dx%dx%d", a.b, a.h, a.t, a.e);
    status = measure(b, w, call_attend, what, 2 * pairs * a.e, 0, err);
    snprintf(what, sizeof what, "norm %dx%d", w->m, c->width);
    if (!status)
        status = measure(b, w, call_norm, what, 0, 2 * sizeof(float) * (size_t)w->m * (size_t)c->width, err);
    snprintf(what, sizeof what, "act %dx%d", w->m, c->hidden);
    if (!status)
        status = measure(b, w, call_act, what, 0, 2 * sizeof(float) * (size_t)w->m * (size_t)c->hidden, err);
    return status;
}

enum vit_status bench_kernels(struct bench *b, struct vit_error *err)
{
    struct work w;
    enum vit_status status = prepare(&w, b, err);

    if (!status) status = products(b, &w, err);
    if (!status) status = others(b, &w, err);
    vit_arena_free(&w.arena);
    kern_team_destroy(w.kern.team);
    return status;
}
