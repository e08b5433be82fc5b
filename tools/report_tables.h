/* report_tables.h - the tables for a text: what each of them is made of, for report*.c only. */
#ifndef TOOLS_REPORT_TABLES_H
#define TOOLS_REPORT_TABLES_H

#include "tools/report_parts.h"
#include "tools/table.h"

/* Rows into t, which the caller frees; where there is nothing to show VIT_ERR_ARG and why. */
typedef enum vit_status report_tabulate(struct table *t, const struct report *r, struct vit_error *err);
/* What the reader of a table must know, in sentences. */
typedef void report_note(FILE *out, const struct report *r);

/* A table may be of two parts, one below the other; their notes come last. */
report_tabulate report_tabulate_map, report_tabulate_brief, report_tabulate_summary, report_tabulate_accuracy,
    report_tabulate_differences, report_tabulate_pairs;
report_note report_note_map, report_note_brief, report_note_summary, report_note_accuracy, report_note_pairs;

/* ---- report_differences.c ---- */

/* A blank before each sentence; nothing where there are no differences. */
void report_note_differences(FILE *out, const struct report *r);

/* ---- report_depths.c ---- */

/* Rows below the lost runs of each setting: those of a recipe with several depths, and of every recipe that
 * lost any the p against the first placement. */
void report_add_lost(struct table *t, const struct report *r);
void report_add_lost_p(struct table *t, const struct report *r);

#endif
