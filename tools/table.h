/* table.h - a table in the making, and as markdown that is as easy to read as text.
 *
 *     struct table t = { 0 };
 *     table_column(&t, TABLE_LEFT, "placement");
 *     table_column(&t, TABLE_RIGHT, "runs");
 *     table_cell(&t, "%s", name);          from left to right, row after row
 *     table_cell(&t, "%d", runs);
 *     ok = table_markdown(stdout, &t);
 *     table_free(&t);
 *
 * (vit bench writes its rows while it measures, with widths fixed beforehand: bench_rows.c.) */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <jansson.h>
#include <stdio.h>

#include "vit/base.h"

enum table_side { TABLE_LEFT, TABLE_RIGHT };

struct table {
    struct table_width {
        enum table_side side;
        int columns; /* of a terminal */
    } * widths;      /* (columns); owned */
    size_t columns;
    char **texts; /* (count): the heads, then the cells; owned */
    size_t count;
    bool failed; /* memory ran out */
};

/* One column more; all of them before the first cell. */
void table_column(struct table *t, enum table_side side, const char *format, ...) VIT_PRINTF(3, 4);
void table_cell(struct table *t, const char *format, ...) VIT_PRINTF(2, 3);
/* Columns as wide as their widest cell; a bar in a text, which would end the cell, as a slash, and none
 * is HTML. Rows that are not complete are left out. False: the table failed, nothing was written. */
bool table_markdown(FILE *out, const struct table *t);
/* { "columns": [text, ...], "rows": [[text, ...], ...] }, the rows that table_markdown writes. NULL: the
 * table failed, or memory ran out. */
json_t *table_json(const struct table *t);
void table_free(struct table *t);

#endif
