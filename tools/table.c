#include "tools/table.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tools/out.h"
#include "vit/arena.h"

/* The text in its place, whose column becomes as wide. */
static void add(struct table *t, size_t column, const char *format, va_list list)
{
    char *text;

    t->failed |= !vit_grow((void **)&t->texts, t->count, sizeof *t->texts);
    if (t->failed || vasprintf(&text, format, list) < 0) {
        t->failed = true;
        return;
    }
    for (char *s = text; *s; s++)
        if (*s == '|') *s = '/';
    if (out_markdown(NULL, text) > t->widths[column].columns)
        t->widths[column].columns = out_markdown(NULL, text);
    t->texts[t->count++] = text;
}

void table_column(struct table *t, enum table_side side, const char *format, ...)
{
    va_list list;

    t->failed |= !vit_grow((void **)&t->widths, t->columns, sizeof *t->widths);
    if (t->failed) return;
    t->widths[t->columns++] = (struct table_width){ .side = side, .columns = 1 };
    va_start(list, format);
    add(t, t->columns - 1, format, list);
    va_end(list);
}

void table_cell(struct table *t, const char *format, ...)
{
    va_list list;

    if (t->failed) return;
    va_start(list, format);
    add(t, t->count % t->columns, format, list);
    va_end(list);
}

static void put_cell(FILE *out, const char *text, const struct table_width *w)
{
    const int rest = w->columns - out_markdown(NULL, text);

    fprintf(out, "| %*s", w->side == TABLE_RIGHT ? rest : 0, "");
    out_markdown(out, text);
    fprintf(out, "%*s", w->side == TABLE_LEFT ? rest + 1 : 1, "");
}

static void put_rule(FILE *out, const struct table_width *w)
{
    fputs(w->side == TABLE_LEFT ? "|:" : "|-", out);
    for (int i = 0; i < w->columns; i++) fputc('-', out);
    fputc(w->side == TABLE_LEFT ? '-' : ':', out);
}

bool table_markdown(FILE *out, const struct table *t)
{
    if (t->failed) return false;
    for (size_t i = 0; i + t->columns <= t->count && t->columns; i += t->columns) {
        for (size_t c = 0; c < t->columns; c++) put_cell(out, t->texts[i + c], &t->widths[c]);
        fputs("|\n", out);
        for (size_t c = 0; c < t->columns && !i; c++) put_rule(out, &t->widths[c]);
        if (!i) fputs("|\n", out);
    }
    return true;
}

/* The row that begins at item first. */
static json_t *row_json(const struct table *t, size_t first)
{
    json_t *row = json_array();

    for (size_t c = 0; c < t->columns && row; c++) {
        if (!json_array_append_new(row, out_text(t->texts[first + c]))) continue;
        json_decref(row);
        row = NULL;
    }
    return row;
}

json_t *table_json(const struct table *t)
{
    json_t *rows = json_array();

    if (t->failed || !t->columns) {
        json_decref(rows);
        return NULL;
    }
    for (size_t i = t->columns; i + t->columns <= t->count; i += t->columns) {
        if (!json_array_append_new(rows, row_json(t, i))) continue;
        json_decref(rows);
        return NULL;
    }
    return json_pack("{s:o, s:o}", "columns", row_json(t, 0), "rows", rows);
}

void table_free(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) free(t->texts[i]);
    free(t->texts);
    free(t->widths);
    *t = (struct table){ 0 };
}
