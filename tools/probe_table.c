/* What vit probe measured, as tables: one network a line, or one block. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out.h"
#include "tools/probe.h"
#include "tools/running.h"
#include "vit/config_json.h"
#include "vit/tokens.h"

/* ---- what there is to print ---- */

#define BLOCK(field)   offsetof(struct vit_probe_block, field)
#define NETWORK(field) offsetof(struct vit_probe_network, field)

/* A column of a table of networks: one number of each. */
enum how {
    LAST,      /* of the last block */
    TIMES_RMS, /* that times the RMS of the stream after it */
    RATIO,     /* last block over first */
    MEAN,      /* over blocks */
    MOST,      /* of all blocks */
    WHOLE      /* of the network; at is in struct vit_probe_network */
};
struct column {
    const char *head;
    enum how how;
    size_t at;
    bool several; /* only when several steps are taken */
};
enum { COLUMNS = 7, TABLES = 3 };
struct table {
    const char *title;
    struct column column[COLUMNS]; /* ends with a head of NULL */
};

static const struct table NETWORK_TABLES[TABLES] = {
    { "gradient of W2 in the last block",
      { { "norm", LAST, BLOCK(grad[VIT_PROBE_W2]), false },
        { "x stream RMS", TIMES_RMS, BLOCK(grad[VIT_PROBE_W2]), false },
        { "last/first", RATIO, BLOCK(grad[VIT_PROBE_W2]), false } } },
    { "stream after the last block",
      { { "RMS", LAST, BLOCK(stream_rms), false },
        { "branch share", LAST, BLOCK(branch_share), false },
        { "token cosine", LAST, BLOCK(token_cosine), false },
        { "rank", LAST, BLOCK(rank), false },
        { "layer cosine", LAST, BLOCK(layer_cosine), false } } },
    { "change after a step, and attention",
      { { "stream", LAST, BLOCK(step_change), false },
        { "logits", WHOLE, NETWORK(logits_change), false },
        { "all: stream", LAST, BLOCK(steps_change), true },
        { "all: logits", WHOLE, NETWORK(logits_steps_change), true },
        { "entropy", MEAN, BLOCK(entropy), false },
        { "one-hot", MEAN, BLOCK(one_hot), false },
        { "max logit", MOST, BLOCK(max_logit), false } } },
};
static const struct table BLOCK_TABLES[TABLES] = {
    { "gradients",
      { { "q", LAST, BLOCK(grad[VIT_PROBE_Q]), false },
        { "k", LAST, BLOCK(grad[VIT_PROBE_K]), false },
        { "v", LAST, BLOCK(grad[VIT_PROBE_V]), false },
        { "o", LAST, BLOCK(grad[VIT_PROBE_O]), false },
        { "w1", LAST, BLOCK(grad[VIT_PROBE_W1]), false },
        { "w2", LAST, BLOCK(grad[VIT_PROBE_W2]), false } } },
    { "stream",
      { { "RMS", LAST, BLOCK(stream_rms), false },
        { "share attn", LAST, BLOCK(share[VIT_PROBE_ATTN]), false },
        { "share mlp", LAST, BLOCK(share[VIT_PROBE_MLP]), false },
        { "token cosine", LAST, BLOCK(token_cosine), false },
        { "rank", LAST, BLOCK(rank), false },
        { "layer cosine", LAST, BLOCK(layer_cosine), false } } },
    { "change after a step, and attention",
      { { "stream", LAST, BLOCK(step_change), false },
        { "all: stream", LAST, BLOCK(steps_change), true },
        { "entropy", LAST, BLOCK(entropy), false },
        { "one-hot", LAST, BLOCK(one_hot), false },
        { "max logit", LAST, BLOCK(max_logit), false } } },
};

static double field_of(const void *where, size_t at)
{
    return *(const double *)(const void *)((const char *)where + at);
}

/* Number of column c for the first depth blocks of a network. */
static double value_of(const struct column *c, const struct vit_probe *p, int depth)
{
    const struct vit_probe_block *last = vit_probe_block(p, depth - 1);
    double value = c->how == WHOLE ? field_of(vit_probe_network(p), c->at) : field_of(last, c->at), sum = 0;

    switch (c->how) {
    case TIMES_RMS: return value * last->stream_rms;
    case RATIO: return value / field_of(vit_probe_block(p, 0), c->at);
    case MEAN:
        for (int i = 0; i < depth; i++) sum += field_of(vit_probe_block(p, i), c->at) / depth;
        return sum;
    case MOST:
        for (int i = 0; i < depth; i++)
            value = vit_tokens_larger(value, field_of(vit_probe_block(p, i), c->at));
        return value;
    default: return value;
    }
}

/* ---- what is kept until a group is complete ---- */

/* Of one cell, over its seeds. */
struct row {
    struct vit_config config;
    int seeds;                          /* measured */
    double *gradient;                   /* (seeds): of W2 in the last block */
    struct running entry[2];            /* RMS, token cosine */
    struct running (*network)[COLUMNS]; /* (TABLES) */
    struct running (*block)[COLUMNS];   /* (depth, TABLES); NULL: not wanted */
};

struct probe_table {
    const struct probe_grid *grid;
    const struct probe_options *options;
    int seeds;
    struct row *row; /* (cells) */
    bool begun;
};

enum vit_status probe_table_create(struct probe_table **out, const struct probe_grid *g,
                                   const struct probe_options *o, int seeds, struct vit_error *err)
{
    struct probe_table *t = calloc(1, sizeof *t);

    *out = t;
    if (t) t->row = calloc(g->count, sizeof *t->row);
    if (!t || !t->row) return vit_fail(err, VIT_ERR_NOMEM, "no memory for %zu results", g->count);
    t->grid = g;
    t->options = o;
    t->seeds = seeds;
    return VIT_OK;
}

static void free_row(struct row *r)
{
    free(r->gradient);
    free(r->network);
    free(r->block);
    *r = (struct row){ 0 };
}

void probe_table_close(struct probe_table *t)
{
    if (!t) return;
    for (size_t i = 0; t->row && i < t->grid->count; i++) free_row(&t->row[i]);
    free(t->row);
    free(t);
}

static bool begin_row(struct row *r, const struct probe_table *t, const struct vit_config *c)
{
    const size_t tables = t->options->blocks ? (size_t)c->depth * TABLES : 0;

    r->config = *c;
    r->gradient = calloc((size_t)t->seeds, sizeof *r->gradient);
    r->network = calloc(TABLES, sizeof *r->network);
    r->block = tables ? calloc(tables, sizeof *r->block) : NULL;
    return r->gradient && r->network && (r->block || !tables);
}

static void add_numbers(struct row *r, const struct vit_probe *p)
{
    const int depth = r->config.depth;

    r->gradient[r->seeds++] = vit_probe_block(p, depth - 1)->grad[VIT_PROBE_W2];
    running_add(&r->entry[0], vit_probe_network(p)->entry_rms);
    running_add(&r->entry[1], vit_probe_network(p)->entry_cosine);
    for (int t = 0; t < TABLES; t++) {
        const struct column *of_network = NETWORK_TABLES[t].column, *of_block = BLOCK_TABLES[t].column;
        for (int c = 0; c < COLUMNS && of_network[c].head; c++)
            running_add(&r->network[t][c], value_of(&of_network[c], p, depth));
        for (int i = 0; i < depth && r->block; i++)
            for (int c = 0; c < COLUMNS && of_block[c].head; c++)
                running_add(&r->block[i * TABLES + t][c], value_of(&of_block[c], p, i + 1));
    }
}

/* ---- printing ---- */

enum { LABEL = 15, CELL = 17, WORDS = 48 }; /* columns of the terminal; room for a cell */

/* "1.42 +-0.03": three significant digits, and the deviation, where there is one, as far as they go. */
static void format_stat(char text[WORDS], const struct running *s)
{
    const double mean = s->mean, deviation = running_deviation(s), size = fabs(mean);
    const bool small = size > 0 && size < 1e-2, large = size >= 1e6;
    const int digits = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : 2 + (size < 1) + (size < 0.1);
    int used;

    if (!isfinite(mean)) {
        snprintf(text, WORDS, "-");
        return;
    }
    used = small || large ? snprintf(text, WORDS, "%.2e", mean) : snprintf(text, WORDS, "%.*f", digits, mean);
    if (!isfinite(deviation)) return;
    if (small || large)
        snprintf(text + used, (size_t)(WORDS - used), " +-%.0e", deviation);
    else
        snprintf(text + used, (size_t)(WORDS - used), " +-%.*f", digits, deviation);
}

static void print_stat(const struct running *s, int width)
{
    char text[WORDS];

    format_stat(text, s);
    printf("%*s", width, text);
}

static void print_heads(const struct probe_table *t, const struct table *table, const char *first)
{
    printf("\n%s\n%-*s", table->title, LABEL, first);
    for (int c = 0; c < COLUMNS && table->column[c].head; c++)
        if (!table->column[c].several || t->options->steps > 1) printf("%*s", CELL, table->column[c].head);
    putchar('\n');
}

static void print_stats(const struct probe_table *t, const struct table *table, const struct running *stats)
{
    for (int c = 0; c < COLUMNS && table->column[c].head; c++)
        if (!table->column[c].several || t->options->steps > 1) print_stat(&stats[c], CELL);
    putchar('\n');
}

static const char *norm_of(const struct row *r, char *text, size_t size)
{
    return vit_placement_text(&r->config.norm, text, size);
}

static void print_network_table(const struct probe_table *t, const struct table *table, int number,
                                size_t first, size_t end)
{
    char norm[32];

    print_heads(t, table, "norm     depth");
    for (size_t i = first; i < end; i++) {
        printf("%-*s %3d", LABEL - 4, norm_of(&t->row[i], norm, sizeof norm), t->row[i].config.depth);
        print_stats(t, table, t->row[i].network[number]);
    }
}

static void print_block_tables(const struct probe_table *t, const struct row *r)
{
    char norm[32], first[64];

    for (int number = 0; number < TABLES; number++) {
        snprintf(first, sizeof first, "%s, depth %d", norm_of(r, norm, sizeof norm), r->config.depth);
        print_heads(t, &BLOCK_TABLES[number], first);
        for (int i = 0; i < r->config.depth; i++) {
            printf("block %-*d", LABEL - 6, i);
            print_stats(t, &BLOCK_TABLES[number], r->block[i * TABLES + number]);
        }
    }
}

/* Least squares of ln(gradient) over ln(depth) for one seed, rows first to end. */
static double slope(const struct row *row, size_t first, size_t end, int seed)
{
    double x = 0, y = 0, xx = 0, xy = 0;
    const double n = (double)(end - first);

    for (size_t i = first; i < end; i++) {
        const double u = log((double)row[i].config.depth), v = log(row[i].gradient[seed]);
        x += u / n, y += v / n, xx += u * u / n, xy += u * v / n;
    }
    return (xy - x * y) / (xx - x * x);
}

/* Diagnostic 2: one line for each placement that has several depths. */
static void print_slopes(const struct probe_table *t, size_t first, size_t end)
{
    char norm[32], other[32];
    bool titled = false;

    for (size_t i = first, next; i < end; i = next) {
        struct running s = { 0 };
        norm_of(&t->row[i], norm, sizeof norm);
        for (next = i + 1; next < end && !strcmp(norm, norm_of(&t->row[next], other, sizeof other));) next++;
        if (next - i < 2) continue;
        for (int seed = 0; seed < t->seeds; seed++) running_add(&s, slope(t->row, i, next, seed));
        if (!titled) puts("\nslope of its logarithm over that of the depth");
        titled = true;
        printf("%-*s", LABEL, norm);
        print_stat(&s, CELL);
        putchar('\n');
    }
}

static void print_start(struct probe_table *t, const struct probe_data *d)
{
    if (t->begun) return;
    t->begun = true;
    printf("pictures  %d of ", d->count);
    out_name(stdout, d->path);
    if (d->set) printf(" (%s)", patch_dataset_kind(d->set));
    if (t->seeds > 1)
        printf("\nseeds     %d from %llu: means +- standard deviations", t->seeds,
               (unsigned long long)t->options->common.seed);
    printf("\nsteps     %d of AdamW at learning rate %g, on the matrices of the blocks\n", t->options->steps,
           (double)t->options->lr);
}

static void print_group_start(const struct probe_table *t, const struct probe_cell *cell, const struct row *r)
{
    const struct vit_config *c = &r->config;

    printf("\n== %s\n", cell->heading);
    printf("network   image %d, ", c->image);
    if (c->stem.patch)
        printf("patch %d, ", c->stem.patch);
    else
        printf("%d convolutions, ", c->stem.layers);
    printf("%d tokens, width %d, heads %d, hidden %d, pool %s\n", vit_config_tokens(c), c->width, c->heads,
           c->hidden, vit_pool_name(c->pool));
    printf("entry     stream RMS ");
    print_stat(&r->entry[0], 0);
    printf(", token cosine ");
    print_stat(&r->entry[1], 0);
    if (!t->options->common.model) /* as vit_model_create draws it, whatever --init says */
        printf("; stem: normal, deviation %s%s", c->stem.patch ? "1 / sqrt(fan-in)" : "sqrt(2 / fan-in)",
               c->norm.embed ? ", normed" : "");
    putchar('\n');
}

static void print_group(struct probe_table *t, size_t first, size_t end)
{
    print_group_start(t, &t->grid->cell[first], &t->row[first]);
    for (int number = 0; number < TABLES; number++) {
        print_network_table(t, &NETWORK_TABLES[number], number, first, end);
        if (!number) print_slopes(t, first, end);
    }
    for (size_t i = first; i < end && t->options->blocks; i++) print_block_tables(t, &t->row[i]);
}

static void warn_parallel(const struct probe_table *t, const struct row *r, const char *heading)
{
    char norm[32];
    double cosine = NAN;

    for (int c = 0; c < COLUMNS && NETWORK_TABLES[1].column[c].head; c++)
        if (NETWORK_TABLES[1].column[c].at == BLOCK(token_cosine)) cosine = r->network[1][c].mean;
    if (cosine >= PROBE_PARALLEL)
        cmd_warn(&t->options->common,
                 "%s, %s, depth %d: the tokens of a picture leave the blocks parallel (mean "
                 "cosine %.3f)",
                 heading, norm_of(r, norm, sizeof norm), r->config.depth, cosine);
}

enum vit_status probe_table_add(struct probe_table *t, size_t cell, const struct probe_found *f,
                                struct vit_error *err)
{
    struct row *r = &t->row[cell];
    size_t first = cell;

    if (!r->gradient && !begin_row(r, t, vit_model_config(f->model)))
        return vit_fail(err, VIT_ERR_NOMEM, "no memory for the results of %d seeds", t->seeds);
    add_numbers(r, f->probe);
    if (r->seeds < t->seeds) return VIT_OK;
    warn_parallel(t, r, t->grid->cell[cell].heading);
    if (cell + 1 < t->grid->count && !t->grid->cell[cell + 1].opens) return VIT_OK;
    while (!t->grid->cell[first].opens) first--;
    print_start(t, f->data);
    print_group(t, first, cell + 1);
    for (size_t i = first; i <= cell; i++) free_row(&t->row[i]);
    return VIT_OK;
}
