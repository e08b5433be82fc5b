/* What is made of the folders that sweep, train, probe and compare leave. */
#include "tools/report.h"

#include <unistd.h>

#include "tests/support/run.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "tools/markup.h"
#include "tools/report_figures.h"
#include "weights/weights.h"

struct fixture {
    char dir[256];
    struct report r;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    tmp_create(f->dir, sizeof f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    report_free(&f->r);
    tmp_remove(f->dir);
    free(f);
    return 0;
}

/* ---- folders made of texts ---- */

/* Bytes that grow. */
struct text {
    char *bytes;
    size_t size;
    FILE *out;
};

static void text_open(struct text *t)
{
    t->out = open_memstream(&t->bytes, &t->size);
    assert_non_null(t->out);
}

/* To dir/name. */
static void text_save(struct text *t, const struct fixture *f, const char *name)
{
    fclose(t->out);
    tmp_write(f->dir, name, t->bytes, t->size, NULL, 0);
    free(t->bytes);
}

static void save(const struct fixture *f, const char *name, const char *bytes)
{
    tmp_write(f->dir, name, bytes, strlen(bytes), NULL, 0);
}

/* A run as the tests need it. top1 NAN: null. */
struct cell {
    const char *norm;
    double lr;
    int seed;
    const char *status;
    double top1;
    const char *more; /* ",\"width\":96" */
};

static void put_cell(FILE *out, const struct cell *c)
{
    fprintf(
        out,
        "{\"cell\":\"%s_%g_%d%s\",\"norm\":\"%s\",\"depth\":6,\"lr\":%g,\"warmup\":200,\"init\":\"xavier\",",
        c->norm, c->lr, c->seed, c->more && strchr(c->more, '9') ? "w" : "", c->norm, c->lr);
    fprintf(out, "\"seed\":%d,\"epochs\":5,\"status\":\"%s\",\"epochs_done\":5,\"steps\":50,\"val_n\":1000,",
            c->seed, c->status);
    if (isnan(c->top1))
        fprintf(out, "\"val_top1\":null");
    else
        fprintf(out, "\"val_top1\":%g", c->top1);
    fprintf(out, "%s}\n", c->more ? c->more : "");
}

static void save_cells(const struct fixture *f, const struct cell *cells, size_t count)
{
    struct text t;

    text_open(&t);
    for (size_t i = 0; i < count; i++) put_cell(t.out, &cells[i]);
    text_save(&t, f, "cells.jsonl");
}

static void read_all(struct fixture *f)
{
    struct vit_error err;

    report_free(&f->r);
    assert_ok(report_read(&f->r, f->dir, &err), &err);
    assert_ok(report_arrange(&f->r, &err), &err);
}

/* The page; owned by the caller. */
static void page_of(char **page, const struct fixture *f)
{
    size_t size;
    FILE *out = open_memstream(page, &size);

    assert_true(report_page(out, &f->r, NULL));
    fclose(out);
}

static int count(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static void assert_has(const char *page, const char *part)
{
    if (!strstr(page, part)) fail_msg("the page does not say \"%s\"", part);
}

static void assert_lacks(const char *page, const char *part)
{
    const char *at = strstr(page, part);

    if (at) fail_msg("the page says \"%s\": %.80s", part, at);
}

/* ---- well-formed XML: elements nest, attributes are quoted and named once, references are known ---- */

static const char *skip_name(const char *s)
{
    return s + strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:_");
}

static void check_text(const char *from, const char *end)
{
    static const char *const KNOWN[] = { "amp;", "lt;", "gt;", "quot;", "#39;" };

    for (const char *s = from; s < end; s++) {
        bool known = *s != '&';
        for (size_t i = 0; i < VIT_COUNT(KNOWN) && !known; i++)
            known = strncmp(s + 1, KNOWN[i], strlen(KNOWN[i])) == 0;
        if (!known) fail_msg("unknown reference: %.40s", s);
        if (*s == '<') fail_msg("an open bracket in text: %.40s", s);
        if ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') fail_msg("a control character %d", *s);
    }
}

/* Numbers of drawings are numbers. */
static void check_value(const char *name, size_t length, const char *value, const char *end)
{
    static const char *const NUMBERS[] = { "d", "x", "y", "cx", "cy", "width", "height" };

    check_text(value, end);
    for (size_t i = 0; i < VIT_COUNT(NUMBERS); i++) {
        if (strlen(NUMBERS[i]) != length || strncmp(NUMBERS[i], name, length) != 0) continue;
        if (value + strspn(value, "MmLlHhVvAaZz0123456789.- ") < end)
            fail_msg("%s is no drawing: %.*s", NUMBERS[i], (int)(end - value), value);
    }
}

/* From behind the element's name to behind its bracket. *alone: it has no content. */
static const char *check_attributes(const char *s, bool *alone)
{
    for (;;) {
        const char *name = s += strspn(s, " \n"), *end;
        *alone = *s == '/';
        if (*s == '/' || *s == '>') return s + 1 + *alone;
        s = skip_name(s);
        if (s == name || s[0] != '=' || s[1] != '"') fail_msg("no attribute: %.40s", name);
        end = strchr(s + 2, '"');
        assert_non_null(end);
        check_value(name, (size_t)(s - name), s + 2, end);
        s = end + 1;
    }
}

static void assert_well_formed(const char *page)
{
    enum { DEEPEST = 64 };
    const char *open[DEEPEST];
    const char *s = page;
    int depth = 0;

    assert_memory_equal(s, "<!DOCTYPE html>", 15);
    for (s += 15; *s;) {
        const char *bracket = s + strcspn(s, "<"), *name;
        bool alone;
        check_text(s, bracket);
        if (!*bracket) break;
        name = bracket + 1 + (bracket[1] == '/');
        s = skip_name(name);
        if (bracket[1] == '/') {
            assert_true(depth > 0);
            depth--;
            if (strncmp(open[depth], name, (size_t)(s - name)) != 0 || *s != '>')
                fail_msg("%.30s closes %.30s", bracket, open[depth]);
            s++;
            continue;
        }
        if (s == name) fail_msg("no element: %.40s", bracket);
        s = check_attributes(s, &alone);
        if (alone) continue;
        assert_true(depth < DEEPEST);
        open[depth++] = name;
    }
    assert_int_equal(depth, 0);
}

/* ---- what is arranged ---- */

/* The best rate is the highest mean without a lost run, and its neighbourhood ends at a point below it. */
static void the_best_rate_is_one_that_loses_no_run(void **state)
{
    static const struct cell CELLS[] = {
        { "post", 1e-4, 0, "done", 0.500, NULL }, { "post", 3e-4, 0, "done", 0.601, NULL },
        { "post", 3e-4, 1, "done", 0.599, NULL }, { "post", 1e-3, 0, "done", 0.592, NULL },
        { "post", 3e-3, 0, "done", 0.700, NULL }, { "post", 3e-3, 1, "diverged", NAN, NULL },
        { "post", 1e-2, 0, "dead", 0.100, NULL },
    };
    struct fixture *f = *state;
    const struct report_arm *a;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.arm_count, 1);
    a = &f->r.arms[0];
    assert_int_equal(a->rate_count, 5);
    assert_true(a->rates[a->best].lr == 3e-4);
    assert_true(fabs(a->rates[a->best].mean - 0.6) < 1e-12);
    assert_true(a->rates[a->best].low == 0.599 && a->rates[a->best].high == 0.601);
    assert_true(a->rates[a->within_low].lr == 3e-4 && a->rates[a->within_high].lr == 1e-3);
    assert_int_equal(a->ended[REPORT_DEAD], 1);
    assert_int_equal(a->ended[REPORT_DIVERGED], 1);
    assert_int_equal(a->ended[REPORT_DONE], 5);
}

static void runs_of_different_settings_are_not_mixed(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.5, ",\"width\":64" },
        { "pre", 1e-3, 0, "done", 0.6, ",\"width\":96" },
    };
    struct fixture *f = *state;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.condition_count, 2);
    assert_int_equal(f->r.arm_count, 2);
    assert_string_equal(f->r.conditions[0].label, "depth 6, warm-up 200 steps, xavier, width 64");
}

/* pre looks the same whatever stands beside it, and names that nobody knows get styles of their own. */
static void a_placement_keeps_its_style(void **state)
{
    static const struct cell CELLS[] = {
        { "unheard", 1e-3, 0, "done", 0.5, NULL }, { "deepnorm", 1e-3, 0, "done", 0.5, NULL },
        { "post", 1e-3, 0, "done", 0.5, NULL },    { "pre", 1e-3, 0, "done", 0.5, NULL },
        { "other", 1e-3, 0, "done", 0.5, NULL },
    };
    struct fixture *f = *state;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.norm_count, 5);
    assert_string_equal(f->r.norms[0], "pre");
    assert_string_equal(f->r.norms[1], "post");
    for (size_t i = 1; i < 5; i++) assert_true(f->r.styles[i] > f->r.styles[i - 1]);
    assert_int_equal(f->r.styles[0], 0);
    assert_int_equal(f->r.styles[1], 1);
}

static const char GRID[] = "{\"format\":\"vit-sweep-1\",\"data\":\"/it's "
                           "here\",\"kernels\":\"avx2\",\"dead_after\":\"600\",\"test\":false,"
                           "\"settings\":{\"norm\":[\"pre\",\"post\"],\"lr\":[\"0.001\",\"0.003\"],\"width\":"
                           "[\"96\"],\"qk-norm\":[\"on\"],"
                           "\"embed-norm\":[\"off\"],\"epochs\":[\"5\"]},\"cells\":["
                           "{\"cell\":\"pre_0.001_0\",\"norm\":\"pre\",\"lr\":0.001,\"seed\":0},"
                           "{\"cell\":\"post_0.001_0\",\"norm\":\"post\",\"lr\":0.001,\"seed\":0},"
                           "{\"cell\":\"pre_0.003_0\",\"norm\":\"pre\",\"lr\":0.003,\"seed\":0},"
                           "{\"cell\":\"post_0.003_0\",\"norm\":\"post\",\"lr\":0.003,\"seed\":0}]}";

static void planned_runs_that_have_not_ended_are_there(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL },
                                         { "post", 1e-3, 0, "dead", 0.1, NULL } };
    struct fixture *f = *state;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.cell_count, 4);
    assert_int_equal(f->r.condition_count, 1); /* they share what the grid does not vary */
    assert_int_equal(f->r.arms[0].ended[REPORT_UNFINISHED], 1);
    assert_int_equal(f->r.arms[1].ended[REPORT_UNFINISHED], 1);
}

/* Values 1, 2, 3: the mean, then the mean of max of the three pairs, then the largest. */
static void the_best_of_k_is_the_mean_over_all_choices(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-4, 0, "done", 0.2, NULL },
                                         { "pre", 1e-3, 0, "done", 0.3, NULL },
                                         { "pre", 1e-2, 0, "dead", 0.1, NULL } };
    static const double EXPECTED[] = { 20, 80.0 / 3, 30 };
    const struct report_panel panel = { .condition = 0 };
    struct fixture *f = *state;
    struct plot p = { 0 };

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    report_fill_tuning(&p, &f->r, NULL, &panel);
    assert_int_equal(p.series[0].count, 3);
    for (int i = 0; i < 3; i++) assert_true(fabs(p.series[0].points[i].y - EXPECTED[i]) < 1e-9);
    plot_free(&p);
}

/* ---- what is refused ---- */

#define CELL_START "{\"cell\":\"a\",\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":6,\"warmup\":0,\"seed\":0,"

static void a_wrong_line_is_named(void **state)
{
    static const struct {
        const char *file, *bytes, *says;
    } CASES[] = {
        { "cells.jsonl", "{\n", "cells.jsonl: line 1: not valid JSON" },
        { "cells.jsonl", "\n[1]\n", "cells.jsonl: line 2: expected an object, found a list" },
        { "cells.jsonl", "{}\n", "cells.jsonl: line 1: \"cell\": expected a text, found none" },
        { "cells.jsonl", CELL_START "\"lr\":\"x\",\"status\":\"done\"}\n",
          "cells.jsonl: line 1: \"lr\": expected a number, found a text" },
        { "cells.jsonl", CELL_START "\"lr\":-1,\"status\":\"done\"}\n",
          "\"lr\": expected a number from 1e-30 to" },
        { "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"lost\"}\n",
          "\"status\": expected done, dead or diverged, found lost" },
        { "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\",\"val_top1\":61.2}\n",
          "\"val_top1\": expected a number from 0 to 1, found 61.2" },
        { "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\",\"steps\":1.5}\n",
          "\"steps\": expected a whole number, found a number" },
        { "cells.jsonl",
          CELL_START "\"lr\":1,\"status\":\"done\"}\n" CELL_START "\"lr\":1,\"status\":\"done\"}\n",
          "line 2: a second line of cell \"a\"" },
        { "epochs.jsonl", CELL_START "\"lr\":1,\"epoch\":1}\n",
          "epochs.jsonl: line 1: \"step\": expected a whole number, found none" },
        { "sweep.json", "{\"cells\":3}", "sweep.json: \"cells\": expected a list" },
        { "sweep.json", "{\"cells\":[{}]}",
          "sweep.json: \"cells\": item 1: expected an object with \"cell\"" },
        { "probe.jsonl", "{\"grad_w2\":1}\n", "probe.jsonl: \"norm\": expected a text, found none" },
        { "probe.jsonl", "\n", "probe.jsonl: is empty" },
        { "probe.jsonl", "{\"other\":1}\n", "expected a row of vit probe --json (grad_w2)" },
        { "probe.jsonl", "{\"grad_w2\":1,\"norm\":\"pre\",\"depth\":6,\"block\":0}\n{\"grad_w2\":\n",
          "probe.jsonl: line 2: not valid JSON" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct vit_error err;
        save(f, "cells.jsonl", "");
        save(f, "epochs.jsonl", "");
        save(f, "sweep.json", "{}");
        save(f, "probe.jsonl", "[]");
        save(f, CASES[i].file, CASES[i].bytes);
        assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        report_free(&f->r);
    }
}

/* A kill cuts the line that is being written. */
static void a_line_without_an_end_is_not_there(void **state)
{
    struct fixture *f = *state;

    save(f, "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\"}\n{\"cell\":\"b\",\"nor");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
}

static void a_folder_of_something_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;
    char path[300];

    assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_ARG, "expected a folder of vit sweep", &err);
    snprintf(path, sizeof path, "%s/none", f->dir);
    assert_refused(report_read(&f->r, path, &err), VIT_ERR_IO, "cannot be opened", &err);
}

static void what_is_no_file_of_rows_is_refused(void **state)
{
    enum { LONGEST = 4096 }; /* PATH_MAX */
    struct fixture *f = *state;
    struct vit_error err;
    char path[LONGEST + 1];

    assert_refused(report_read(&f->r, "/dev/null", &err), VIT_ERR_IO, "/dev/null: is not a file", &err);
    save(f, "probe.jsonl", "");
    snprintf(path, sizeof path, "%s/probe.jsonl", f->dir);
    assert_int_equal(truncate(path, ((off_t)1 << 28) + 1), 0);
    assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT,
                   "probe.jsonl: 268435457 bytes, expected at most 268435456", &err);
    memset(path, 'a', LONGEST - 60);
    path[LONGEST - 60] = '\0';
    assert_refused(report_read(&f->r, path, &err), VIT_ERR_ARG, "aaaa...: the name is too long", &err);
}

/* ---- a training run ---- */

#define STEP(n)  "{\"kind\":\"step\"," LOG_REST "\"epoch\":1,\"step\":" n "}\n"
#define LOG_REST "\"norm\":\"pre\",\"depth\":4,\"lr\":0.001,\"warmup\":10,\"init\":\"trunc02\",\"seed\":7,"

static void steps_of_a_run_do_not_go_back(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;

    save(f, "log.jsonl", STEP("20") STEP("20") STEP("19"));
    assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT,
                   "log.jsonl: line 3: \"step\": expected at least 20, found 19", &err);
}

static void a_training_run_is_a_cell(void **state)
{
    struct fixture *f = *state;
    struct text t;

    text_open(&t);
    for (int e = 1; e <= 3; e++)
        fprintf(t.out,
                "{\"kind\":\"epoch\",\"cell\":null,\"norm\":\"post\",\"depth\":4,\"lr\":0.001,\"warmup\":10,"
                "\"init\":"
                "\"trunc02\",\"seed\":7,\"epoch\":%d,\"step\":%d,\"train_loss\":2,\"val_loss\":%g,\"val_"
                "top1\":%g,"
                "\"grad_norm\":1,\"diverged\":false}\n",
                e, 10 * e, 3.0 - e, 0.1 * e);
    fprintf(
        t.out,
        "{\"kind\":\"step\",\"cell\":null,\"norm\":\"post\",\"depth\":4,\"lr\":0.001,\"warmup\":10,\"init\":"
        "\"trunc02\",\"seed\":7,\"epoch\":4,\"step\":34,\"train_loss\":null,\"diverged\":true}\n");
    text_save(&t, f, "log.jsonl");
    save(f, "config.json", "{\"classes\":10}");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
    assert_int_equal(f->r.cells[0].end, REPORT_DIVERGED);
    assert_int_equal(f->r.cells[0].epochs_done, 3);
    assert_int_equal(f->r.cells[0].steps, 34);
    assert_true(f->r.cells[0].val_top1 == 0.3);
    assert_int_equal(f->r.epoch_count, 4);
    assert_int_equal(f->r.sources[0].classes, 10);
}

/* A state as vit train leaves it, but for the tensors, which are not read here. */
#define NOTE(settings, data, val_n)                                                                          \
    "{\"version\":1,\"finished\":true,\"settings\":" settings ",\"data\":" data                              \
    ",\"kernels\":\"ref\",\"epoch\":0,\"batch\":0,\"loss_sum\":0,\"norm_sum\":0,\"correct\":0,\"seen\":0,"   \
    "\"steps\":0,\"train_loss\":2,\"val_n\":" val_n ",\"val_loss\":1,\"val_top1\":0.5,\"raw_val_n\":0,"      \
    "\"raw_val_loss\":null,\"raw_val_top1\":0}"

static void save_state(const struct fixture *f, const char *note, const char *step)
{
    static const float zero;
    const struct weights_entry entry = { "x", WEIGHTS_F32, 1, { 1 }, &zero };
    const struct weights_text meta[] = { { "vit.note", note }, { "vit.step", step } };
    struct vit_error err;
    char path[300];

    snprintf(path, sizeof path, "%s/state.safetensors", f->dir);
    assert_ok(weights_write(path, &entry, 1, meta, step ? 2 : 1, &err), &err);
}

static void a_run_with_its_state_knows_its_settings(void **state)
{
    struct fixture *f = *state;

    save(f, "log.jsonl", STEP("20"));
    save_state(f, NOTE("{\"epochs\":\"7\",\"dtype\":\"bf16\"}", "\"here\"", "500"), "20");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
    assert_int_equal(f->r.cells[0].end, REPORT_DONE);
    assert_int_equal(f->r.cells[0].epochs, 7);
    assert_int_equal(f->r.cells[0].val_n, 500);
    assert_string_equal(f->r.cells[0].dtype, "bf16");
    assert_string_equal(json_string_value(json_object_get(f->r.sources[0].about, "data")), "here");
}

/* Whoever hands a run on may leave its state out: the network says that it came to the end. */
static void a_run_with_a_network_and_no_state_is_done(void **state)
{
    struct fixture *f = *state;

    save(f, "log.jsonl", STEP("20"));
    read_all(f);
    assert_int_equal(f->r.cells[0].end, REPORT_UNFINISHED);
    save(f, "model.safetensors", "x");
    read_all(f);
    assert_int_equal(f->r.cells[0].end, REPORT_DONE);
}

static void a_state_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *note, *step, *says;
    } CASES[] = {
        { NOTE("{}", "\"d\"", "1"), NULL, "no usable \"note\" in its note" },
        { NOTE("[]", "\"d\"", "1"), "1", "no usable \"settings\" in its note" },
        { NOTE("{}", "3", "1"), "1", "no usable \"data\" in its note" },
        { NOTE("{}", "\"d\"", "-1"), "1", "no usable \"val_n\" in its note" },
        { NOTE("{}", "\"d\"", "2147483648"), "1", "no usable \"val_n\" in its note" },
        { NOTE("{}", "\"d\"", "\"1\""), "1", "no usable \"val_n\" in its note" },
        { NOTE("{\"lr\":[\"x\"]}", "\"d\"", "1"), "1", "state.safetensors: " },
        { "{}", "1", "no usable \"epoch\" in its note" },
        { "{", "1", "state.safetensors: not valid JSON" },
    };
    struct fixture *f = *state;
    struct vit_error err;

    save(f, "log.jsonl", STEP("20"));
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        save_state(f, CASES[i].note, CASES[i].step);
        assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        report_free(&f->r);
    }
}

/* ---- the page ---- */

static void every_lost_run_is_on_the_page(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.5, NULL },
        { "post", 1e-3, 0, "dead", 0.1, ",\"reason\":\"dead at step 600\"" },
        { "post", 3e-3, 0, "diverged", NAN, ",\"reason\":\"diverged at step 7\"" },
    };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(page, "4 training runs");
    assert_has(page, "1 done, 1 dead, 1 diverged, 1 unfinished");
    assert_has(page, "<title>post, lr 1e-3: 1 of 1 dead</title>");
    assert_has(page, "<title>post, lr 3e-3: 1 of 1 diverged</title>");
    assert_has(page, "<title>pre, lr 3e-3: 1 of 1 unfinished</title>");
    assert_has(page, "dead at step 600");
    assert_has(page, "diverged at step 7");
    /* 1 of 2: Wilson's interval is 9.45 to 90.55 per cent. */
    assert_has(page, "1 of 2 <small>(9–91 %)</small>");
    free(page);
}

static void the_page_says_what_was_not_tested(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL },
                                         { "pre", 3e-3, 0, "done", 0.6, NULL },
                                         { "post", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "1 of 4 runs have not ended");
    assert_has(page, "Every point is one run with one seed");
    assert_has(page, "<span class=\"nb\">3e-3</span> is the best and the highest tried");
    assert_has(page, "<span class=\"nb\">1e-3</span> is the best and the lowest tried");
    assert_has(page, "No run had more than 5 epochs");
    assert_has(page, "depth 6, warm-up 200, init xavier");
    assert_has(page, "width 96");
    assert_has(page, "Not among the arms: res-post, sandwich");
    assert_has(page, "No paired comparison");
    free(page);
}

static void the_commands_are_safe_to_paste(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "--data &#39;/it&#39;\\&#39;&#39;s here&#39;");
    assert_has(page, "--norm pre,post");
    assert_has(page, "--lr 0.001,0.003");
    assert_has(page, "--qk-norm \\\n");
    assert_lacks(page, "--embed-norm");
    assert_has(page, "--dead-after 600");
    assert_has(page, "--no-test");
    free(page);
}

/* Every text of a file or of the command line that can reach the page. */
static void no_text_of_a_file_becomes_markup(void **state)
{
#define EVIL "<script>alert(1)</script>\\\"'&]]>\\u001b\\ufffe<img src=x onerror=y>"
    struct fixture *f = *state, inner = { 0 };
    char *page;

    snprintf(inner.dir, sizeof inner.dir, "%.200s/<b>&\"'", f->dir);
    save(&inner, "sweep.json",
         "{\"data\":\"" EVIL "\",\"dead_after\":\"" EVIL "\",\"kernels\":\"" EVIL
         "\",\"settings\":{\"norm\":[\"" EVIL "\"],\"" EVIL "\":[\"" EVIL "\",\"" EVIL
         "\"],\"width\":[\"" EVIL "\"]}}");
    save(&inner, "cells.jsonl",
         "{\"cell\":\"" EVIL "\",\"norm\":\"" EVIL "\",\"init\":\"" EVIL "\",\"depth\":6,\"warmup\":\"" EVIL
         "\",\"seed\":0,\"lr\":1,\"status\":\"done\",\"val_top1\":0.5,"
         "\"reason\":\"" EVIL "\",\"width\":\"" EVIL "\"}\n"
         "{\"cell\":\"b\",\"norm\":\"pre\",\"init\":\"" EVIL "\",\"depth\":6,\"warmup\":\"" EVIL
         "\",\"seed\":0,\"lr\":1,\"status\":\"dead\",\"width\":\"2\"}\n");
    save(&inner, "probe.jsonl",
         "{\"norm\":\"" EVIL "\",\"init\":\"" EVIL "\",\"model\":\"" EVIL
         "\",\"depth\":1,\"block\":0,\"grad_w2\":1,\"token_cosine\":1}");
    save(&inner, "compare.json",
         "{\"mcnemar_p\":0.5,\"dataset\":\"" EVIL "\",\"split\":\"" EVIL
         "\",\"n\":10,\"arms\":[{\"name\":\"" EVIL "\",\"runs\":[{\"file\":\"" EVIL "\"}]},{\"name\":\"" EVIL
         "\",\"runs\":[]}],\"follows\":[\"" EVIL "\"],\"holm\":[{\"a\":\"" EVIL "\",\"b\":\"" EVIL
         "\",\"p\":null}]}");
    read_all(&inner);
    page_of(&page, &inner);
    report_free(&inner.r);
    assert_well_formed(page);
    assert_lacks(page, "<script");
    assert_lacks(page, "<img");
    assert_lacks(page, "<b>&");
    assert_has(page,
               "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;]]&gt;\xef\xbf\xbd\xef\xbf\xbd&lt;img");
    free(page);
#undef EVIL
}

static void numbers_that_do_not_exist_are_gaps(void **state)
{
    struct fixture *f = *state;
    char *page;

    save(f, "cells.jsonl",
         CELL_START "\"lr\":1,\"status\":\"done\",\"val_top1\":null,\"train_loss\":null}\n");
    save(f, "epochs.jsonl",
         CELL_START "\"lr\":1,\"epoch\":1,\"step\":10,\"train_loss\":null}\n" CELL_START
                    "\"lr\":1,\"epoch\":2,\"step\":20,\"train_loss\":1e308,\"val_loss\":-1e308}\n");
    save(f, "probe.jsonl",
         "[{\"norm\":\"pre\",\"init\":\"x\",\"depth\":2,\"seed\":0,\"block\":0,\"grad_w2\":null,\"stream_"
         "rms\":0},"
         "{\"norm\":\"pre\",\"init\":\"x\",\"depth\":2,\"seed\":0,\"block\":1,\"grad_w2\":-1,\"stream_rms\":"
         "1e-300}]");
    save(f, "compare.json", "{\"mcnemar_p\":null,\"n\":0,\"difference\":null}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page); /* and no coordinate is nan or inf */
    assert_lacks(page, "nan");
    free(page);
}

static void diagnostics_and_words_are_shown(void **state)
{
    struct fixture *f = *state;
    struct text t;
    char *page;

    text_open(&t);
    for (int d = 6; d <= 12; d += 6)
        for (int b = 0; b < d; b++)
            fprintf(t.out,
                    "{\"norm\":\"post\",\"init\":\"xavier\",\"condition\":\"init "
                    "xavier\",\"depth\":%d,\"seed\":0,"
                    "\"block\":%d,\"grad_w2\":%g,\"stream_rms\":1,\"branch_share\":1,\"token_cosine\":%g,"
                    "\"step_change\":0.3,\"entropy\":0.8,\"width\":128}\n",
                    d, b, 1.0 + b, b >= 8 ? 0.995 : 0.5);
    text_save(&t, f, "probe.jsonl");
    save(f, "compare.json",
         "{\"mcnemar_p\":0.04,\"n\":1000,\"top1_a\":0.6,\"only_a\":7,\"arms\":[{\"name\":\"pre\"},"
         "{\"name\":\"post\"}],\"welch\":{\"difference\":0.012,\"difference_ci95\":[0.002,0.022],"
         "\"p\":0.03},\"follows\":[\"These two networks differ.\"]}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(page, "post, depth 12, init xavier, from block 8 on");
    assert_has(page, "Gradient by block");
    assert_has(page, "Gradient of the last block against depth");
    assert_has(page, "Entropy of attention");
    assert_has(page, "<li>These two networks differ.</li>");
    assert_has(page, "right: pre alone");
    assert_has(page, "<td class=\"n\">1.20</td><td class=\"n\">0.20 to 2.20</td>");
    assert_has(page, "vit probe \\\n    --norm post");
    free(page);
}

/* The matched-recipe grid with two initialisations and three seeds: 288 runs. */
static void a_whole_grid_is_small_and_comes_out_the_same(void **state)
{
    struct fixture *f = *state;
    struct text cells, epochs;
    char *page, *again;

    text_open(&cells);
    text_open(&epochs);
    for (int i = 0; i < 288; i++) {
        static const double RATES[] = { 1e-4, 3e-4, 1e-3, 3e-3 };
        char head[400];
        snprintf(head, sizeof head,
                 "{\"cell\":\"c%d\",\"norm\":\"%s\",\"depth\":%d,\"lr\":%g,\"warmup\":%d,\"init\":\"%s\","
                 "\"seed\":%d",
                 i, i % 2 ? "post" : "pre", 6 << (i / 2 % 3), RATES[i / 6 % 4], i / 24 % 2 * 200,
                 i / 48 % 2 ? "xavier" : "trunc02", i / 96);
        fprintf(
            cells.out,
            "%s,\"epochs\":5,\"status\":\"done\",\"epochs_done\":5,\"steps\":1950,\"train_loss\":1.2345678,"
            "\"val_loss\":1.3456789,\"val_top1\":0.6%03d,\"val_n\":5000,\"plateau_step\":%d}\n",
            head, i, 50 + i);
        for (int e = 1; e <= 5; e++)
            fprintf(epochs.out,
                    "%s,\"kind\":\"epoch\",\"epoch\":%d,\"step\":%d,\"train_loss\":%g,\"val_loss\":%g,\"val_"
                    "top1\":0.%d,"
                    "\"grad_norm\":1.%d,\"diverged\":false}\n",
                    head, e, 390 * e, 2.5 / e, 2.6 / e, e, i);
    }
    text_save(&cells, f, "cells.jsonl");
    text_save(&epochs, f, "epochs.jsonl");
    read_all(f);
    page_of(&page, f);
    read_all(f);
    page_of(&again, f);
    assert_int_equal(f->r.condition_count, 12);
    assert_string_equal(page, again);
    assert_well_formed(page);
    assert_true(strlen(page) < 1000000);
    assert_int_equal(count(page, "<svg class=\"plot\""), 12 * 7);
    assert_lacks(page, "http-equiv");
    assert_lacks(page, "src=");
    free(page);
    free(again);
}

/* ---- the verb ---- */

#define REPORT(...) run_verb("report", NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void the_verb_says_how_it_ended(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char out[300], nowhere[300];
    size_t size;
    struct run r;
    unsigned char *page;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    snprintf(out, sizeof out, "%s/report.html", f->dir);
    snprintf(nowhere, sizeof nowhere, "%s/none/report.html", f->dir);
    r = REPORT(f->dir, "-o", out, "--title", "A & B");
    assert_int_equal(r.code, 0);
    assert_int_equal(r.out_size, 0);
    run_free(&r);
    page = tmp_read(out, &size);
    page[size - 1] = '\0';
    assert_has((char *)page, "<h1>A &amp; B</h1>");
    free(page);
    r = REPORT(f->dir, "-o", "-");
    assert_int_equal(r.code, 0);
    assert_memory_equal(r.out, "<!DOCTYPE html>", 15);
    run_free(&r);
    r = REPORT(f->dir, "-o", nowhere);
    assert_int_equal(r.code, 1);
    run_free(&r);
    r = REPORT(f->dir);
    assert_int_equal(r.code, 2);
    run_free(&r);
    r = REPORT("-o", out);
    assert_int_equal(r.code, 2);
    run_free(&r);
    r = REPORT(nowhere, "-o", out);
    assert_int_equal(r.code, 3);
    run_free(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_best_rate_is_one_that_loses_no_run),
        TEST(runs_of_different_settings_are_not_mixed),
        TEST(a_placement_keeps_its_style),
        TEST(planned_runs_that_have_not_ended_are_there),
        TEST(the_best_of_k_is_the_mean_over_all_choices),
        TEST(a_wrong_line_is_named),
        TEST(a_line_without_an_end_is_not_there),
        TEST(a_folder_of_something_else_is_refused),
        TEST(what_is_no_file_of_rows_is_refused),
        TEST(steps_of_a_run_do_not_go_back),
        TEST(a_training_run_is_a_cell),
        TEST(a_run_with_its_state_knows_its_settings),
        TEST(a_run_with_a_network_and_no_state_is_done),
        TEST(a_state_that_is_none_is_refused),
        TEST(every_lost_run_is_on_the_page),
        TEST(the_page_says_what_was_not_tested),
        TEST(the_commands_are_safe_to_paste),
        TEST(no_text_of_a_file_becomes_markup),
        TEST(numbers_that_do_not_exist_are_gaps),
        TEST(diagnostics_and_words_are_shown),
        TEST(a_whole_grid_is_small_and_comes_out_the_same),
        TEST(the_verb_says_how_it_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
