/* The cells of a sweep: jobs take them in their order, each the next one that nobody has. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "tools/out.h"
#include "tools/progress.h"
#include "tools/stop.h"
#include "tools/sweep.h"
#include "vit/json.h"
#include "vit/thread.h"

/* What came of a cell. */
struct outcome {
    const char *status;
    struct train_result train;
    struct train_score test; /* n 0: not tested */
    char logits[240];        /* file in the folder, "" : none */
    double seconds;          /* of this process */
    bool unread;             /* there were pictures that cannot be read */
};

/* ---- the line of a cell ---- */

static void add_score(json_t **line, const char *part, const struct train_score *score)
{
    char key[32];

    snprintf(key, sizeof key, "%s_loss", part);
    vit_json_put(line, key, score->n ? out_real(score->loss) : json_null());
    snprintf(key, sizeof key, "%s_top1", part);
    vit_json_put(line, key, score->n ? out_real(score->top1) : json_null());
    snprintf(key, sizeof key, "%s_n", part);
    vit_json_put(line, key, json_integer((json_int_t)score->n));
}

/* What tells cells apart, under the names of the log's lines. */
static json_t *describe(const struct sweep *s, const struct sweep_cell *c, const struct train_result *r)
{
    char norm[32];
    json_t *line =
        json_pack("{s:s, s:s, s:i, s:o, s:i, s:s, s:o, s:i, s:s}", "cell", c->id, "norm",
                  vit_placement_text(&c->config.norm, norm, sizeof norm), "depth", c->config.depth, "lr",
                  out_float(c->recipe.lr), "warmup", r->warmup, "init", c->recipe.init, "seed",
                  out_whole(c->recipe.seed), "epochs", c->recipe.epochs, "dtype", c->recipe.dtype);

    for (int i = 0; i < s->axis_count; i++) {
        const char *key = recipe_key(s->axes[i]);
        if (!json_object_get(line, key)) vit_json_put(&line, key, recipe_value(&c->recipe, s->axes[i]));
    }
    return line;
}

static json_t *line_of(const struct sweep *s, const struct sweep_cell *c, const struct outcome *o)
{
    const struct train_result *r = &o->train;
    json_t *line = describe(s, c, r);

    vit_json_put(&line, "status", json_string(o->status));
    vit_json_put(&line, "reason", r->reason[0] ? json_string(r->reason) : json_null());
    vit_json_put(&line, "epochs_done", json_integer(r->epochs));
    vit_json_put(&line, "steps", json_integer(r->steps));
    vit_json_put(&line, "train_loss", r->epochs ? out_real(r->train_loss) : json_null());
    add_score(&line, "val", &r->val);
    vit_json_put(&line, "plateau_step", r->plateau_step ? json_integer(r->plateau_step) : json_null());
    vit_json_put(&line, "images_per_second",
                 r->all_seconds > 0 ? out_real((double)r->all_images / r->all_seconds) : json_null());
    vit_json_put(&line, "seconds", out_real(r->all_seconds));
    add_score(&line, "test", &o->test);
    vit_json_put(&line, "logits", o->logits[0] ? json_string(o->logits) : json_null());
    return line;
}

/* ---- one cell ---- */

/* Seconds that the cells left may take, as fast as those that ended in this process; NAN: none has. */
static double seconds_left(const struct sweep *s)
{
    double left = 0;
    int cells = 0;

    for (int i = 0; i < s->count; i++) {
        if (s->cells[i].line) continue;
        left += s->cells[i].flops;
        cells++;
    }
    if (!(s->flops_done > 0)) return NAN;
    return cells ? s->spent * left / s->flops_done / (cells < s->jobs ? cells : s->jobs) : 0;
}

/* "cell 3/16 norm=pre_lr=0.001_seed=0: done, val top-1 61.20 %, 12.3 s; 1:05 left" on stderr. */
static void show(struct sweep *s, const struct sweep_cell *c, const struct outcome *o)
{
    char val[48] = "", test[48] = "", left[32];

    s->flops_done += c->flops * o->train.steps / c->steps;
    s->spent += o->seconds;
    if (s->common.quiet) return;
    if (o->train.val.n) snprintf(val, sizeof val, ", val top-1 %.2f %%", 100 * o->train.val.top1);
    if (o->test.n) snprintf(test, sizeof test, ", test top-1 %.2f %%", 100 * o->test.top1);
    fprintf(stderr, "cell %d/%d %s: %s%s%s, %.1f s; %s left\n", (int)(c - s->cells) + 1, s->count, c->id,
            o->train.reason[0] ? o->train.reason : o->status, val, test, o->train.all_seconds,
            progress_clock(left, sizeof left, seconds_left(s)));
}

static int test_cell(struct sweep *s, const struct sweep_cell *c, struct outcome *o)
{
    char path[PATH_MAX];

    if (strcmp(o->status, "done") != 0 || !s->sources[c->source].test) return CMD_DONE;
    snprintf(o->logits, sizeof o->logits, "logits/%s.safetensors", c->id);
    return sweep_test(s, c, train_path(path, s->options->out, o->logits), &o->test);
}

/* Not locked: other jobs do the same meanwhile. */
static int train_cell(struct sweep *s, const struct sweep_cell *c, struct outcome *o)
{
    char folder[PATH_MAX];
    const struct train_job job = { .common = &s->common,
                                   .texts = &c->texts,
                                   .recipe = c->recipe,
                                   .data = s->data,
                                   .out = sweep_folder_cell(folder, s, c),
                                   .cell = c->id,
                                   .beside = s->jobs > 1,
                                   .pictures = &s->sources[c->source].data,
                                   .dead_after = s->dead_after,
                                   .checkpoint_every = s->options->checkpoint_every,
                                   .resume = true };
    const double start = progress_seconds();
    int code = train_run(&job, &o->train);

    o->status = train_status(code); /* its cell ends with it */
    o->unread = code == CMD_SOME_FAILED;
    if (o->status) code = test_cell(s, c, o);
    o->seconds = progress_seconds() - start;
    return code;
}

static int record(struct sweep *s, struct sweep_cell *c, const struct outcome *o)
{
    struct vit_error err;

    if (s->unwritten) return CMD_UNUSABLE; /* as was said of another cell */
    if (sweep_folder_add(s, c, line_of(s, c, o), &err)) {
        s->unwritten = true;
        return cmd_unusable(&err);
    }
    show(s, c, o);
    return CMD_DONE;
}

/* What a cell is trained on, and for. */
static int prepare(struct sweep *s, const struct sweep_cell *c)
{
    struct vit_error err;
    enum vit_status status = sweep_data_read(s, &s->sources[c->source], &err);

    if (stop_wanted()) return CMD_INTERRUPTED; /* which ends the reading, too */
    if (!status) status = sweep_folder_kept(s, &err);
    return status ? cmd_unusable(&err) : CMD_DONE;
}

/* Locked, but while it trains. */
static int run_cell(struct sweep *s, struct sweep_cell *c)
{
    struct outcome o = { 0 };
    int code = prepare(s, c);

    if (code) return code;
    if (!s->common.quiet) fprintf(stderr, "cell %d/%d %s\n", (int)(c - s->cells) + 1, s->count, c->id);
    pthread_mutex_unlock(&s->lock);
    code = train_cell(s, c, &o);
    pthread_mutex_lock(&s->lock);
    s->unread |= o.unread;
    return o.status && !code ? record(s, c, &o) : code;
}

/* ---- all of them ---- */

/* NULL: all are taken. */
static struct sweep_cell *take(struct sweep *s)
{
    for (int i = 0; i < s->count; i++) {
        struct sweep_cell *c = &s->cells[i];
        if (c->line || c->taken) continue;
        c->taken = true;
        return c;
    }
    return NULL;
}

/* One of the jobs. Where one fails the others save what they have and end. */
static void *work(void *sweep)
{
    struct sweep *s = sweep;
    struct sweep_cell *c;
    int code;

    pthread_mutex_lock(&s->lock);
    while (!s->code && (c = take(s))) {
        code = run_cell(s, c);
        if (!code || s->code) continue;
        s->code = code;
        stop_ask();
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* This thread is the first job. */
static void run_jobs(struct sweep *s)
{
    pthread_t others[VIT_MOST_THREADS];
    int started = 0;

    while (started + 1 < s->jobs && !vit_thread_start(&others[started], work, s)) started++;
    if (started + 1 < s->jobs)
        cmd_warn(&s->common, "--jobs %d: the system gives threads for %d", s->jobs, started + 1);
    work(s);
    for (int i = 0; i < started; i++) pthread_join(others[i], NULL);
}

int sweep_run(struct sweep *s)
{
    struct vit_error err;

    if (sweep_folder_open(s, &err)) return cmd_refuse(&err);
    stop_catch();
    pthread_mutex_init(&s->lock, NULL);
    run_jobs(s);
    pthread_mutex_destroy(&s->lock);
    stop_release();
    if (s->code == CMD_INTERRUPTED)
        cmd_warn(&s->common, "interrupted; vit sweep --out %s goes on from there", s->options->out);
    return !s->code && s->unread ? CMD_SOME_FAILED : s->code;
}
