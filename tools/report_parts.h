/* report_parts.h - for report*.c only. */
#ifndef TOOLS_REPORT_PARTS_H
#define TOOLS_REPORT_PARTS_H

#include "tools/report.h"

/* ---- report.c: what a report holds ---- */

/* Room for one more of count items of size bytes, which *items points to. */
enum vit_status report_grow(void **items, size_t count, size_t size, struct vit_error *err);
/* Keep what was parsed as long as the report; takes value (NULL: memory ran out). */
enum vit_status report_keep(struct report *r, json_t *value, struct vit_error *err);
/* *kept = a text of its own that lives as long; NULL on failure. */
enum vit_status report_keep_text(const char **kept, struct report *r, const char *text,
                                 struct vit_error *err);
enum vit_status report_add_source(struct report *r, const char *path, enum report_kind kind,
                                  const json_t *about, struct vit_error *err);
/* Of the last source. */
enum vit_status report_add_cell(struct report *r, const struct report_cell *cell, struct vit_error *err);
/* By name, in the last source; NULL: there is none. *hint: where to look first, and where it was. */
struct report_cell *report_find_cell(struct report *r, const char *id, size_t *hint);
/* Sources of a kind; cells that ended so. */
int report_count_sources(const struct report *r, enum report_kind kind);
int report_count_end(const struct report *r, enum report_end end);

/* ---- report_text.c ---- */

bool report_same_rate(double a, double b); /* two writings of one learning rate */
/* "3e-4", "0.25": as one would type it. */
const char *report_rate_text(char *text, size_t size, double lr);
/* "none", "200 steps", "5%". */
const char *report_warmup_text(char *text, size_t size, const char *warmup);
/* "6"; "?" where it is 0: that of a trained network that runs start from, before one has ended. */
const char *report_depth_text(char *text, size_t size, int depth);
int report_lost(const int *ended); /* dead, diverged, not learnt */
/* Of these runs, of an arm or a rate, those that ended. */
int report_ended(const int *ended, int runs);
/* Rates of an arm with a run that ended: what the others would show is not known. */
int report_tried(const struct report_arm *a);
/* Whether no rate above (below) rate i was tried. */
bool report_is_highest(const struct report_arm *a, int i);
bool report_is_lowest(const struct report_arm *a, int i);
/* "3 of 10", "0 of 2, unfinished 3": lost runs of those that ended. */
const char *report_lost_text(char *text, size_t size, const int *ended, int runs);
/* "lost 2 of 3", of the runs at an arm's best rate; "" where it lost none there. */
const char *report_lost_best(char *text, size_t size, const struct report_arm *a);
/* The highest rate of an arm that learns: "1e-3"; "≥ 0.01" where no higher one was tried; "none"; "?" where
 * of some runs it is not known whether they learnt. */
const char *report_highest_text(char *text, size_t size, const struct report_arm *a);
/* The rates around an arm's best whose mean is at most a point below: "3e-4", "3e-4 to 1e-3"; or a dash. */
const char *report_within_text(char *text, size_t size, const struct report_arm *a);
/* "61.20" of 0.612, or a dash. */
const char *report_percent(char *text, size_t size, double share);
/* The 95 % interval of k of n, Wilson's. */
void report_interval(double *low, double *high, double k, double n);

/* The least and the most of several numbers, of which 0 is none; zero at the start. */
struct report_span {
    int low, high;
};
void report_widen(struct report_span *s, int n);

/* ---- report_fields.c: JSON objects into structs, by a table ---- */

enum report_field_kind {
    REPORT_TEXT,       /* const char *; null: "" */
    REPORT_LABEL_TEXT, /* char[32]: a text, or a number as one */
    REPORT_INT,        /* int; null: 0 */
    REPORT_REAL,       /* double; null: NAN */
    REPORT_FLAG,       /* bool */
    REPORT_FIELD_KINDS
};
struct report_field {
    const char *key;
    enum report_field_kind kind;
    size_t at;
    bool needed;      /* the key must be there, and not null */
    double low, high; /* of numbers, both included; equal: any */
};
/* Keys that fields does not name are left alone; those that are absent give what null gives. */
enum vit_status report_fields(void *out, const json_t *object, const char *where,
                              const struct report_field *fields, size_t count, struct vit_error *err);

/* ---- report_rows.c: what a line says. where: "file: line 3", for errors ---- */

typedef enum vit_status report_take(struct report *r, const json_t *line, const char *where,
                                    struct vit_error *err);
report_take report_take_cell, report_take_epoch, report_take_log, report_take_block, report_take_comparison;

/* ---- report_planned.c ---- */

/* Cells of the last source's grid: those that ended learn what is planned for them, the others are added as
 * unfinished. where: the grid's file. */
enum vit_status report_add_planned(struct report *r, const char *where, struct vit_error *err);

/* ---- report_norms.c ---- */

/* Placements of cells and blocks, and the styles of their plots. */
enum vit_status report_find_norms(struct report *r, struct vit_error *err);
int report_norm(const struct report *r, const char *norm); /* index; -1: there is none of that name */
int report_style(const struct report *r, const char *norm);

/* ---- report_arrange.c ---- */

/* How far below its best an arm's rate may be and still count as one that works. */
#define REPORT_POINT 0.01

int report_by_number(const void *a, const void *b); /* doubles ascending, for qsort */
/* Of the networks of a source, which those of the same data set say where it does not itself, or of all runs
 * (source -1); 0: nobody says, or they differ. */
int report_classes(const struct report *r, int source);
/* The validation accuracy below which a run that was trained to its end has not learnt: twice chance; of
 * fewer than ten classes a ninth of the way from chance to all right, which is the same of ten. */
double report_learnt(int classes);
typedef double report_value(const struct report_cell *c);
report_value report_val_top1, report_test_top1;
bool report_tested(const struct report *r);         /* any run, on a test split */
report_value *report_shown(const struct report *r); /* the test, where any run has one, or validation */
/* The finite values of an arm's finished runs at a rate, by seed; out: room for all. */
size_t report_values(const struct report *r, const struct report_arm *a, double lr, report_value *value,
                     double *out);

bool report_judged(const struct report *r); /* every arm is */
/* Half of the 95 % interval of a run's validation accuracy over its pictures alone: the widest of all. NAN,
 * and no pictures: not known. */
double report_precision(const struct report *r, struct report_span *pictures);

/* A placement's under a condition; NULL: it has no runs there. */
const struct report_arm *report_arm(const struct report *r, int condition, size_t norm);
/* Whether a run is one of an arm's. */
bool report_is_of(const struct report *r, const struct report_cell *c, const struct report_arm *a);

/* What a placement reached in a match. */
struct report_tally {
    int runs, ended[REPORT_ENDS], trials; /* trials: warm-ups and rates */
    const struct report_arm *best;        /* the arm whose best rate is best; NULL: none, or not validated */
};
struct report_tally report_tally(const struct report *r, int match, size_t norm);

/* ---- report_notes.c: sentences for page and tables, a blank before each ---- */

/* "40 to 60 pictures", no blank. */
void report_put_pictures(FILE *out, const struct report_span *pictures);
/* That rates that lost runs are not chosen, as far as there are others. */
void report_put_passed(FILE *out, const struct report *r);
/* That a best that lost runs flatters, where there is one. */
void report_put_flattered(FILE *out, const struct report *r);
/* When a run counts as dead, diverged or not learnt, as far as there are such. */
void report_put_lost(FILE *out, const struct report *r);

/* ---- report_conditions.c ---- */

/* Conditions, matches, and those of the cells. */
enum vit_status report_find_conditions(struct report *r, struct vit_error *err);
/* Whether two conditions differ in depth and warm-up at most. */
bool report_same_recipe(const struct report_condition *a, const struct report_condition *b);

/* ---- report_losses.c ---- */

/* Two placements beside each other, of the runs whose condition, rate and seed both have: [0] is the first
 * placement of the report. */
struct report_losses {
    int lost[2], runs[2];
    int only[2];   /* lost of the trials that the other won; run for run */
    bool any;      /* lost at all */
    double p;      /* Fisher's exact test; 1 where none was lost */
    double paired; /* McNemar's, of only; it takes the runs as the pairs they are */
};
/* Of the first placement and norm, over all that ended under a recipe (that of a condition); false: they made
 * no trial in common. */
bool report_losses(struct report_losses *l, const struct report *r, const struct report_condition *recipe,
                   size_t norm);

/* ---- report_twice.c ---- */

/* Drop the cells, and their epochs, that another input has too. */
enum vit_status report_count_once(struct report *r, struct vit_error *err);

/* ---- report_groups.c ---- */

/* Whether two rows have one placement, depth and group. */
bool report_same_kind(const struct report_block *a, const struct report_block *b);
/* Groups of the blocks: what rows of one placement and depth differ in divides them. Copies of a row are
 * dropped; VIT_ERR_FORMAT: rows of one network and seed with different numbers. */
enum vit_status report_find_groups(struct report *r, struct vit_error *err);

/* ---- report_setting.c ---- */

/* v as text; false: it is neither text nor number nor truth. */
bool report_value_text(const json_t *v, char *text, size_t size);
/* The value of a setting: the entry's, or the grid's only one. */
const json_t *report_planned_value(const json_t *grid, const json_t *entry, enum recipe_id id);
/* A setting of a cell as text, "" where nothing says it: the numbers 0.001 and "1e-3" give the same. */
const char *report_setting(const struct report *r, const struct report_cell *c, enum recipe_id id, char *text,
                           size_t size);
/* The last part of the path of a source's data set, "" where nothing says it. */
const char *report_data(const struct report_source *s, char *text, size_t size);

/* ---- report_unsaid.c ---- */

/* Find what cells leave to their preset. */
enum vit_status report_complete(struct report *r, struct vit_error *err);

#endif
