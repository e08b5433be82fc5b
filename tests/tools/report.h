/* report.h - folders made of texts, and what pages and pictures made of them must be. */
#ifndef TESTS_TOOLS_REPORT_H
#define TESTS_TOOLS_REPORT_H

#include "tools/report.h"

#include "tests/support/run.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"

struct fixture {
    char dir[256];
    struct report r;
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    tmp_create(f->dir, sizeof f->dir);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
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

static inline void text_open(struct text *t)
{
    t->out = open_memstream(&t->bytes, &t->size);
    assert_non_null(t->out);
}

/* To dir/name. */
static inline void text_save(struct text *t, const struct fixture *f, const char *name)
{
    fclose(t->out);
    tmp_write(f->dir, name, t->bytes, t->size, NULL, 0);
    free(t->bytes);
}

static inline void save(const struct fixture *f, const char *name, const char *bytes)
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

static inline void put_cell(FILE *out, const struct cell *c)
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

#define CELL_START "{\"cell\":\"a\",\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":6,\"warmup\":0,\"seed\":0,"

/* A sweep of two arms and two rates, one seed. */
#define GRID                                                                                                 \
    "{\"format\":\"vit-sweep-1\",\"data\":\"/it's here\",\"kernels\":\"avx2\","                              \
    "\"dead_after\":\"600\",\"test\":false,\"settings\":{\"norm\":[\"pre\",\"post\"],"                       \
    "\"lr\":[\"0.001\",\"0.003\"],\"width\":[\"96\"],\"qk-norm\":[\"on\"],"                                  \
    "\"embed-norm\":[\"off\"],\"epochs\":[\"5\"]},\"cells\":[{\"cell\":\"pre_0.001_0\","                     \
    "\"norm\":\"pre\",\"lr\":0.001,\"seed\":0},{\"cell\":\"post_0.001_0\",\"norm\":\"post\","                \
    "\"lr\":0.001,\"seed\":0},{\"cell\":\"pre_0.003_0\",\"norm\":\"pre\",\"lr\":0.003,"                      \
    "\"seed\":0},{\"cell\":\"post_0.003_0\",\"norm\":\"post\",\"lr\":0.003,\"seed\":0}]}"

static inline void save_cells(const struct fixture *f, const struct cell *cells, size_t count)
{
    struct text t;

    text_open(&t);
    for (size_t i = 0; i < count; i++) put_cell(t.out, &cells[i]);
    text_save(&t, f, "cells.jsonl");
}

/* A folder of a sweep among others: settings of its grid (",\"clip\":[\"0\"]"), its runs. */
struct grid {
    const char *name, *data, *settings;
    const struct line {
        const char *norm, *init;
        int depth, warmup, epochs, seed;
        double lr;
        const char *status;
        double top1;
    } * lines;
    size_t count;
};

static inline void put_line(FILE *out, const struct line *l)
{
    fprintf(out,
            "{\"cell\":\"%s_%s_%d_%d_%d_%d_%g\",\"norm\":\"%s\",\"init\":\"%s\",\"depth\":%d,\"warmup\":%d,",
            l->norm, l->init, l->depth, l->warmup, l->epochs, l->seed, l->lr, l->norm, l->init, l->depth,
            l->warmup);
    fprintf(out, "\"epochs\":%d,\"seed\":%d,\"lr\":%g,\"status\":\"%s\",\"val_top1\":%g,\"val_n\":1000}\n",
            l->epochs, l->seed, l->lr, l->status, l->top1);
}

static inline void save_grid(const struct fixture *f, const struct grid *g)
{
    struct fixture inner = { 0 };
    struct text t;

    snprintf(inner.dir, sizeof inner.dir, "%.200s/%s", f->dir, g->name);
    text_open(&t);
    fprintf(t.out, "{\"data\":\"%s\",\"settings\":{\"image\":[\"32\"]%s}}", g->data, g->settings);
    text_save(&t, &inner, "sweep.json");
    text_open(&t);
    for (size_t i = 0; i < g->count; i++) put_line(t.out, &g->lines[i]);
    text_save(&t, &inner, "cells.jsonl");
}

/* Several folders, in this order. */
static inline void read_grids(struct fixture *f, const struct grid *g, size_t count)
{
    struct vit_error err;
    char path[512];

    report_free(&f->r);
    for (size_t i = 0; i < count; i++) {
        save_grid(f, &g[i]);
        snprintf(path, sizeof path, "%s/%s", f->dir, g[i].name);
        assert_ok(report_read(&f->r, path, &err), &err);
    }
    assert_ok(report_arrange(&f->r, &err), &err);
}

static inline void read_all(struct fixture *f)
{
    struct vit_error err;

    report_free(&f->r);
    assert_ok(report_read(&f->r, f->dir, &err), &err);
    assert_ok(report_arrange(&f->r, &err), &err);
}

/* The page; owned by the caller. */
static inline void page_of(char **page, const struct fixture *f)
{
    size_t size;
    FILE *out = open_memstream(page, &size);

    assert_true(report_page(out, &f->r, NULL));
    fclose(out);
}

static inline int count(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static inline void assert_has(const char *page, const char *part)
{
    if (!strstr(page, part)) fail_msg("the page does not say \"%s\"", part);
}

static inline void assert_lacks(const char *page, const char *part)
{
    const char *at = strstr(page, part);

    if (at) fail_msg("the page says \"%s\": %.80s", part, at);
}

/* ---- well-formed XML: elements nest, attributes are quoted and named once, references are known ---- */

static inline const char *skip_name(const char *s)
{
    return s + strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:_");
}

static inline void check_text(const char *from, const char *end)
{
    static const char *const KNOWN[] = { "amp;", "lt;", "gt;", "quot;", "#39;" };

    for (const char *s = from; s < end; s++) {
        bool known = *s != '&';
        for (size_t i = 0; i < VIT_COUNT(KNOWN) && !known; i++)
            known = strncmp(s + 1, KNOWN[i], strlen(KNOWN[i])) == 0;
        if (!known) fail_msg("unknown reference: %.40s", s);
        if (*s == '<') fail_msg("an open bracket in text: %.40s", s);
        if (!vit_printable(s) && vit_utf8(s) && *s != '\n' && *s != '\t')
            fail_msg("a control character: %.40s", s);
    }
}

/* Numbers of drawings are numbers. */
static inline void check_value(const char *name, size_t length, const char *value, const char *end)
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
static inline const char *check_attributes(const char *s, bool *alone)
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

static inline void assert_well_formed(const char *page)
{
    enum { DEEPEST = 64 };
    const char *open[DEEPEST];
    const char *s = page;
    int depth = 0, elements = 0;

    if (strncmp(s, "<!DOCTYPE html>", 15) == 0) s += 15;
    while (*s) {
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
        elements++;
        if (s == name) fail_msg("no element: %.40s", bracket);
        s = check_attributes(s, &alone);
        if (alone) continue;
        assert_true(depth < DEEPEST);
        open[depth++] = name;
    }
    assert_int_equal(depth, 0);
    assert_true(elements > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
