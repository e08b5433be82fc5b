/* One table of columns, three ways to print it. */
#include <math.h>
#include <string.h>

#include "tools/bench.h"
#include "tools/out.h"
#include "vit/json.h"

enum kind { TEXT, WORD, WHOLE, REAL }; /* const char *; char array; double with and without a fraction */

#define AT(field) offsetof(struct bench_row, field)
static const struct column {
    const char *name;
    enum kind kind;
    size_t at;
    int width; /* of the markdown table */
} COLUMNS[] = {
    { "what", WORD, AT(what), 8 },
    { "model", TEXT, AT(model), 12 },
    { "params", WHOLE, AT(params), 8 },
    { "gflop_per_image", REAL, AT(gflop_per_image), 7 },
    { "dtype", TEXT, AT(dtype), 3 },
    { "kernels", TEXT, AT(kernels), 12 },
    { "threads", WHOLE, AT(threads), 2 },
    { "batch", WHOLE, AT(batch), 3 },
    { "runs", WHOLE, AT(runs), 3 },
    { "ms_median", REAL, AT(ms_median), 7 },
    { "ms_min", REAL, AT(ms_min), 7 },
    { "ms_sd", REAL, AT(ms_sd), 7 },
    { "images_per_second", REAL, AT(images_per_second), 7 },
    { "gflops", REAL, AT(gflops), 6 },
    { "load_ms", REAL, AT(load_ms), 6 },
    { "rss_mb", REAL, AT(rss_mb), 6 },
    { "plan_mb", REAL, AT(plan_mb), 6 },
    { "own_mb", REAL, AT(own_mb), 6 },
    { "gb_per_second", REAL, AT(gb_per_second), 6 },
    { "limit", REAL, AT(limit), 6 },
    { "share", REAL, AT(share), 5 },
};

static const char *text_at(const struct bench_row *row, const struct column *c)
{
    const char *at = (const char *)row + c->at;

    return c->kind == WORD ? at : *(const char *const *)(const void *)at;
}

static double number_at(const struct bench_row *row, const struct column *c)
{
    return *(const double *)(const void *)((const char *)row + c->at);
}

static bool is_text(const struct column *c)
{
    return c->kind == TEXT || c->kind == WORD;
}

/* none stands for what was not measured. */
static void print_number(double value, const struct column *c, int width, int digits, const char *none)
{
    if (isnan(value))
        printf("%*s", width, none);
    else if (c->kind == WHOLE)
        printf("%*.0f", width, value);
    else
        printf("%*.*g", width, digits, value);
}

/* ---- markdown ---- */

static int width_of(const struct column *c)
{
    const int name = (int)strlen(c->name);

    return c->width > name ? c->width : name;
}

/* A bar in a name would end the cell. */
static void print_cell_text(const char *text, int width)
{
    char cell[160];
    size_t n = 0;

    for (; text[n] && n + 1 < sizeof cell; n++) cell[n] = text[n] == '|' ? '/' : text[n];
    cell[n] = '\0';
    n = (size_t)out_name(stdout, cell);
    printf("%*s", (int)n < width ? width - (int)n : 0, "");
}

static void print_markdown(const struct bench_row *row, bool first)
{
    for (int heading = 0; first && heading < 2; heading++) {
        for (size_t i = 0; i < VIT_COUNT(COLUMNS); i++) {
            const int width = width_of(&COLUMNS[i]);
            if (heading)
                printf(is_text(&COLUMNS[i]) ? "|:%.*s" : "|%.*s:", width + 1,
                       "--------------------------------------------------------------");
            else
                printf(is_text(&COLUMNS[i]) ? "| %-*s " : "| %*s ", width, COLUMNS[i].name);
        }
        puts("|");
    }
    for (size_t i = 0; i < VIT_COUNT(COLUMNS); i++) {
        const struct column *c = &COLUMNS[i];
        fputs("| ", stdout);
        if (is_text(c))
            print_cell_text(text_at(row, c), width_of(c));
        else
            print_number(number_at(row, c), c, width_of(c), 4, "-");
        putchar(' ');
    }
    puts("|");
}

/* ---- CSV and JSON ---- */

static void print_csv(const struct bench_row *row, bool first)
{
    for (size_t i = 0; first && i < VIT_COUNT(COLUMNS); i++) printf("%s%s", i ? "," : "", COLUMNS[i].name);
    if (first) putchar('\n');
    for (size_t i = 0; i < VIT_COUNT(COLUMNS); i++) {
        const struct column *c = &COLUMNS[i];
        if (i) putchar(',');
        if (is_text(c))
            out_csv(stdout, text_at(row, c));
        else
            print_number(number_at(row, c), c, 0, 7, "");
    }
    putchar('\n');
}

static bool print_json(const struct bench_row *row)
{
    json_t *o = json_object();

    for (size_t i = 0; i < VIT_COUNT(COLUMNS); i++) {
        const struct column *c = &COLUMNS[i];
        const double value = is_text(c) ? 0 : number_at(row, c);
        vit_json_put(&o, c->name,
                     is_text(c)                          ? out_text(text_at(row, c))
                     : c->kind == WHOLE && !isnan(value) ? json_integer((json_int_t)value)
                                                         : out_real(value));
    }
    return out_json(o);
}

bool bench_print(const struct bench_row *row, const char *format, bool first)
{
    if (strcmp(format, "json") == 0) return print_json(row);
    if (strcmp(format, "csv") == 0)
        print_csv(row, first);
    else
        print_markdown(row, first);
    return out_flush();
}
