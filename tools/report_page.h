/* report_page.h - the parts of the page, for report*.c only. Each writes nothing where it has no data. */
#ifndef TOOLS_REPORT_PAGE_H
#define TOOLS_REPORT_PAGE_H

#include "tools/report_parts.h"

void report_put_style(FILE *out);

/* ---- report_html.c ---- */

void report_put_key(FILE *out, const struct report *r, size_t norm); /* line and marker of a placement */

/* ---- report_arms.c ---- */

bool report_put_arms(FILE *out, const struct report *r);  /* false: memory ran out */
void report_put_cells(FILE *out, const struct report *r); /* every run */
/* A cell of a table: value by the one format of a double, or a dash where it is not known. */
void report_put_number(FILE *out, const char *format, double value);

/* ---- report_words.c ---- */

void report_put_cards(FILE *out, const struct report *r);
void report_put_losses(FILE *out,
                       const struct report *r); /* how often arms lost runs, and whether that differs */
void report_put_parallel(FILE *out, const struct report *r); /* networks whose tokens are all the same */

/* ---- report_better.c ---- */

/* An item of a list for each arm of a result of compare for whose placement a better rate is known. */
void report_put_better(FILE *out, const struct report *r, const json_t *comparison);

/* ---- report_single.c ---- */

/* Items of the list of what was not tested: settings and data of one value, placements that are missing. */
void report_put_single(FILE *out, const struct report *r);

/* ---- report_compare.c, report_untested.c ---- */

void report_put_comparisons(FILE *out, const struct report *r);
void report_put_untested(FILE *out, const struct report *r);

/* ---- report_again.c, report_probe.c: commands ---- */

void report_put_commands(FILE *out, const struct report *r);
void report_put_probes(FILE *out, const struct report *r); /* those of probe */
/* One more option of a command, on a line of its own. value NULL: a flag. */
void report_put_option(FILE *out, const char *name, const char *value);
/* A list as one word: its texts with commas between. */
void report_put_list(FILE *out, const char *name, const json_t *list);
/* A value of a result as an option has it; text: room for a number. NULL: it is none. */
const char *report_option_text(char text[32], const json_t *v);

#endif
