/* The table "pairs": runs that differ in one setting alone, side by side. */
#include <math.h>
#include <stdlib.h>

#include "tools/recipe.h"
#include "tools/report_tables.h"
#include "vit/stats.h"
#include "vit/text.h"

/* ---- what runs are made with ---- */

/* Settings; behind them the data set, when a run is given up and with which kernels it computes. */
enum { DATA = RECIPE_SETTINGS, DEAD_AFTER, KERNELS, ASPECTS };

/* Every aspect of a run as a number, its value's place in values. */
struct made {
    char **values[ASPECTS]; /* (count): owned */
    size_t count[ASPECTS];
    int (*of)[ASPECTS]; /* (cells) */
};

static void let_go(struct made *m)
{
    for (int k = 0; k < ASPECTS; k++) {
        for (size_t i = 0; i < m->count[k]; i++) free(m->values[k][i]);
        free(m->values[k]);
    }
    free(m->of);
}

/* The place of text among the values of aspect k. */
static enum vit_status place(int *at, struct made *m, int k, const char *text, struct vit_error *err)
{
    const size_t count = m->count[k];
    enum vit_status status;

    *at = vit_index_of((const char *const *)m->values[k], count, text);
    if (*at >= 0) return VIT_OK;
    status = report_grow((void **)&m->values[k], count, sizeof *m->values[k], err);
    if (status) return status;
    m->values[k][count] = strdup(text);
    if (!m->values[k][count]) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    *at = (int)m->count[k]++;
    return VIT_OK;
}

/* "": its input does not say. */
static const char *source_text(const struct report *r, const struct report_cell *c, const char *key)
{
    const char *text = json_string_value(json_object_get(r->sources[c->source].about, key));

    return text ? text : "";
}

static const char *aspect_of(const struct report *r, const struct report_cell *c, int k, char *text,
                             size_t size)
{
    switch (k) {
    case DATA: return report_data(&r->sources[c->source], text, size);
    case DEAD_AFTER: return source_text(r, c, "dead_after");
    case KERNELS: return source_text(r, c, "kernels");
    default: return report_setting(r, c, (enum recipe_id)k, text, size);
    }
}

/* let_go of m, whatever is returned. */
static enum vit_status find_made(struct made *m, const struct report *r, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    char text[1024];

    *m = (struct made){ .of = calloc(r->cell_count + 1, sizeof *m->of) };
    if (!m->of) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    for (size_t i = 0; i < r->cell_count; i++)
        for (int k = 0; k < ASPECTS && !status; k++)
            status = place(&m->of[i][k], m, k, aspect_of(r, &r->cells[i], k, text, sizeof text), err);
    return status;
}

/* ---- pairs ---- */

struct pairs {
    int count, both, only[2]; /* lost: both, the first or the second alone */
    int learnt;               /* both, with accuracies */
    double sum, least, most;  /* of the second's less the first's */
};

/* What one of the two does not read is no difference between them. */
static bool differ_in(const struct report *r, const struct made *m, size_t i, size_t j, int k)
{
    if (k < RECIPE_SETTINGS && (r->cells[i].unread[k] || r->cells[j].unread[k])) return false;
    return m->of[i][k] != m->of[j][k];
}

static bool differ_alone(const struct report *r, const struct made *m, size_t i, size_t j, int k)
{
    for (int other = 0; other < ASPECTS; other++)
        if (other != k && differ_in(r, m, i, j, other)) return false;
    return true;
}

static void add_pair(struct pairs *p, const struct report_cell *a, const struct report_cell *b,
                     report_value *value)
{
    const bool lost[] = { a->end != REPORT_DONE, b->end != REPORT_DONE };
    const double gain = value(b) - value(a);

    p->count++;
    p->both += lost[0] && lost[1];
    p->only[0] += lost[0] && !lost[1];
    p->only[1] += lost[1] && !lost[0];
    if (lost[0] || lost[1] || !isfinite(gain)) return;
    p->learnt++;
    p->sum += gain;
    p->least = fmin(p->least, gain);
    p->most = fmax(p->most, gain);
}

/* Those of values a and b of aspect k. */
static struct pairs find_pairs(const struct report *r, const struct made *m, int k, int a, int b)
{
    report_value *value = report_shown(r);
    struct pairs p = { .least = INFINITY, .most = -INFINITY };

    for (size_t i = 0; i < r->cell_count; i++) {
        if (m->of[i][k] != a || r->cells[i].end == REPORT_UNFINISHED) continue;
        for (size_t j = 0; j < r->cell_count; j++)
            if (m->of[j][k] == b && r->cells[j].end != REPORT_UNFINISHED && differ_alone(r, m, i, j, k))
                add_pair(&p, &r->cells[i], &r->cells[j], value);
    }
    return p;
}

/* ---- the table ---- */

static void add_row(struct table *t, const char *name, const char *first, const char *second,
                    const struct pairs *p)
{
    table_cell(t, "%s", name);
    table_cell(t, "%s / %s", first, second);
    table_cell(t, "%d", p->count);
    table_cell(t, "%d", p->both);
    table_cell(t, "%d / %d", p->only[0], p->only[1]);
    table_cell(t, "%.2g", vit_mcnemar((size_t)p->only[0], (size_t)p->only[1]));
    table_cell(t, "%d", p->learnt);
    if (p->learnt)
        table_cell(t, "%+.1f (%+.1f to %+.1f)", 100 * p->sum / p->learnt, 100 * p->least, 100 * p->most);
    else
        table_cell(t, "–");
}

/* Numbers ascending, words as they come. */
static bool is_before(const char *a, const char *b)
{
    char *end_a, *end_b;
    const double x = strtod(a, &end_a), y = strtod(b, &end_b);

    return *end_a || *end_b || x <= y;
}

static int add_rows(struct table *t, const struct report *r, const struct made *m, int k)
{
    int rows = 0;

    for (int a = 0; a < (int)m->count[k]; a++)
        for (int b = a + 1; b < (int)m->count[k]; b++) {
            const bool right = is_before(m->values[k][a], m->values[k][b]);
            const int first = right ? a : b, second = right ? b : a;
            const bool said = *m->values[k][first] && *m->values[k][second];
            const struct pairs p = said ? find_pairs(r, m, k, first, second) : (struct pairs){ 0 };
            if (!p.count) continue;
            add_row(t, recipe_name((enum recipe_id)k), m->values[k][first], m->values[k][second], &p);
            rows++;
        }
    return rows;
}

/* Of placements other tables tell, and a rate is chosen for each of them. */
static bool is_told_elsewhere(int k)
{
    return k == RECIPE_NORM || k == RECIPE_LR || k == RECIPE_MUON_LR || k == RECIPE_SEED;
}

enum vit_status report_tabulate_pairs(struct table *t, const struct report *r, struct vit_error *err)
{
    struct made m;
    enum vit_status status = find_made(&m, r, err);
    int rows = 0;

    table_column(t, TABLE_LEFT, "setting");
    table_column(t, TABLE_LEFT, "values");
    table_column(t, TABLE_RIGHT, "pairs");
    table_column(t, TABLE_RIGHT, "both lost");
    table_column(t, TABLE_RIGHT, "one lost");
    table_column(t, TABLE_RIGHT, "p");
    table_column(t, TABLE_RIGHT, "both learn");
    table_column(t, TABLE_RIGHT, "points");
    for (int k = 0; k < RECIPE_SETTINGS && !status; k++)
        if (!is_told_elsewhere(k)) rows += add_rows(t, r, &m, k);
    let_go(&m);
    if (status || rows) return status;
    return vit_fail(err, VIT_ERR_ARG,
                    "table pairs: the inputs have no runs that differ in one setting alone");
}

/* ---- what its reader must know ---- */

void report_note_pairs(FILE *out, const struct report *r)
{
    fputs(
        "Pairs: two runs that have ended and are alike in all but this setting and what one of them does not "
        "read, in placement, rate and seed too. One lost: the run with the first value alone / that with the "
        "second alone; p: McNemar's exact test of these, as if each pair were a draw of its own: a setting "
        "whose runs fail together, with each seed, counts more than once in it. Points: ",
        out);
    fprintf(out, "%s top-1 (%%) with the second value less that with the first, where both learn: ",
            report_tested(r) ? "test" : "validation");
    fputs("the mean (least to most).", out);
    report_put_lost(out, r);
}
