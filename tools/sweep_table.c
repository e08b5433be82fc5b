/* What a sweep came to: one row for each arm, over its seeds. */
#include <stdlib.h>
#include <string.h>

#include "tools/out.h"
#include "tools/running.h"
#include "tools/sweep.h"
#include "tools/table.h"
#include "vit/json.h"

struct row {
    const struct sweep_cell *cell; /* the first of the arm in the grid */
    int done, dead, diverged;
    struct running train_loss, val, test, plateau; /* of what is known */
};

static void add(struct running *r, const json_t *value)
{
    if (json_is_number(value)) running_add(r, json_number_value(value));
}

static double mean(const struct running *r)
{
    return r->n ? r->mean : NAN;
}

/* Only what was trained to the end counts in the means; the others are counted. */
static void add_line(struct row *row, const json_t *line)
{
    const char *status = json_string_value(json_object_get(line, "status"));

    if (status && strcmp(status, "dead") == 0) row->dead++;
    if (status && strcmp(status, "diverged") == 0) row->diverged++;
    if (!status || strcmp(status, "done") != 0) return;
    row->done++;
    add(&row->train_loss, json_object_get(line, "train_loss"));
    add(&row->val, json_object_get(line, "val_top1"));
    add(&row->test, json_object_get(line, "test_top1"));
    add(&row->plateau, json_object_get(line, "plateau_step"));
}

static int by_number(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return x->cell->number - y->cell->number;
}

/* rows (count of cells): returns how many there are, in the order of the grid. */
static int gather(struct row *rows, const struct sweep *s)
{
    int count = 0;

    for (int i = 0; i < s->count; i++) {
        const struct sweep_cell *c = &s->cells[i];
        int at = 0;
        while (at < count && !sweep_grid_same_arm(s, rows[at].cell, c)) at++;
        if (at == count) rows[count++] = (struct row){ .cell = c };
        if (c->number < rows[at].cell->number) rows[at].cell = c;
        if (c->line) add_line(&rows[at], c->line);
    }
    qsort(rows, (size_t)count, sizeof *rows, by_number);
    return count;
}

/* ---- printing ---- */

static json_t *row_json(const struct sweep *s, const struct row *row)
{
    json_t *o = json_object();

    for (int i = 0; i + 1 < s->axis_count; i++)
        vit_json_put(&o, recipe_key(s->axes[i]), recipe_value(&row->cell->recipe, s->axes[i]));
    vit_json_put(&o, "done", json_integer(row->done));
    vit_json_put(&o, "dead", json_integer(row->dead));
    vit_json_put(&o, "diverged", json_integer(row->diverged));
    vit_json_put(&o, "train_loss", out_real(mean(&row->train_loss)));
    vit_json_put(&o, "val_top1", out_real(mean(&row->val)));
    vit_json_put(&o, "val_top1_sd", out_real(running_deviation(&row->val)));
    vit_json_put(&o, "test_top1", out_real(mean(&row->test)));
    vit_json_put(&o, "test_top1_sd", out_real(running_deviation(&row->test)));
    vit_json_put(&o, "plateau_step", out_real(mean(&row->plateau)));
    vit_json_put(&o, "plateau_left", json_integer(row->plateau.n));
    return o;
}

static int print_json(const struct sweep *s, const struct row *rows, int count)
{
    json_t *list = json_array(), *all;

    for (int i = 0; i < count; i++) vit_json_append(&list, row_json(s, &rows[i]));
    all = json_pack("{s:o, s:i, s:o}", "out", out_text(s->options->out), "cells", s->count, "arms", list);
    return out_json(all) ? CMD_DONE : CMD_SOME_FAILED;
}

/* scale 100: a fraction as percent. */
static void add_mean(struct table *t, const struct running *m, double scale, int digits)
{
    if (!m->n)
        table_cell(t, "-");
    else if (m->n > 1 && scale > 1)
        table_cell(t, "%.*f +- %.*f", digits, scale * mean(m), digits, scale * running_deviation(m));
    else
        table_cell(t, "%.*f", digits, scale * mean(m));
}

/* Over those that left it; the slow ones that never did are in no mean, so how many did is said. */
static void add_plateau(struct table *t, const struct row *row)
{
    if (row->plateau.n && row->plateau.n < row->done)
        table_cell(t, "%.0f (%d of %d)", mean(&row->plateau), row->plateau.n, row->done);
    else
        add_mean(t, &row->plateau, 1, 0);
}

static void add_columns(struct table *t, const struct sweep *s)
{
    static const char *const NUMBERS[] = { "done",        "dead",         "diverged",    "train loss",
                                           "val top-1 %", "test top-1 %", "plateau step" };

    for (int i = 0; i + 1 < s->axis_count; i++) table_column(t, TABLE_LEFT, "%s", recipe_name(s->axes[i]));
    for (size_t i = 0; i < VIT_COUNT(NUMBERS); i++) table_column(t, TABLE_RIGHT, "%s", NUMBERS[i]);
}

static void add_row(struct table *t, const struct sweep *s, const struct row *row)
{
    for (int i = 0; i + 1 < s->axis_count; i++) table_cell(t, "%s", row->cell->texts.text[s->axes[i]]);
    table_cell(t, "%d", row->done);
    table_cell(t, "%d", row->dead);
    table_cell(t, "%d", row->diverged);
    add_mean(t, &row->train_loss, 1, 4);
    add_mean(t, &row->val, 100, 2);
    add_mean(t, &row->test, 100, 2);
    add_plateau(t, row);
}

static int print_text(const struct sweep *s, const struct row *rows, int count)
{
    struct table t = { 0 };
    bool whole;

    add_columns(&t, s);
    for (int i = 0; i < count; i++) add_row(&t, s, &rows[i]);
    whole = table_markdown(stdout, &t);
    table_free(&t);
    if (!whole) cmd_error("no memory for a table");
    return whole ? CMD_DONE : CMD_UNUSABLE;
}

int sweep_table(const struct sweep *s)
{
    struct row *rows = calloc((size_t)s->count, sizeof *rows);
    int code, count;

    if (!rows) {
        cmd_error("no memory for a table");
        return CMD_UNUSABLE;
    }
    count = gather(rows, s);
    code = s->common.json ? print_json(s, rows, count) : print_text(s, rows, count);
    free(rows);
    return code;
}
