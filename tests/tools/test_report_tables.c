/* The tables for a text: what they say of runs made by hand, and what learning is. */
#include <unistd.h>

#include "tests/tools/report.h"
#include "tools/report_parts.h"

/* ---- runs made by hand ---- */

struct trial {
    const char *norm;
    int depth, warmup, seed;
    double lr;
    const char *status;
    double val_top1, val_loss, train_loss, test_top1; /* NAN: null */
};

static void put_number(FILE *out, const char *key, double value)
{
    if (isnan(value))
        fprintf(out, ",\"%s\":null", key);
    else
        fprintf(out, ",\"%s\":%g", key, value);
}

/* classes 0: nobody says how many. */
static void save_trials(const struct fixture *f, const struct trial *trials, size_t count, int classes)
{
    struct text t;

    text_open(&t);
    for (size_t i = 0; i < count; i++) {
        const struct trial *c = &trials[i];
        const bool dead = strcmp(c->status, "dead") == 0;
        fprintf(t.out, "{\"cell\":\"%zu\",\"norm\":\"%s\",\"init\":\"xavier\",\"depth\":%d,\"warmup\":%d,", i,
                c->norm, c->depth, c->warmup);
        fprintf(t.out, "\"seed\":%d,\"lr\":%g,\"status\":\"%s\",\"epochs\":1,\"steps\":%d,\"val_n\":5000",
                c->seed, c->lr, c->status, dead ? 600 : 1406);
        put_number(t.out, "val_top1", c->val_top1);
        put_number(t.out, "val_loss", c->val_loss);
        put_number(t.out, "train_loss", c->train_loss);
        put_number(t.out, "test_top1", c->test_top1);
        fprintf(t.out, ",\"test_n\":%d}\n", isnan(c->test_top1) ? 0 : 10000);
    }
    text_save(&t, f, "cells.jsonl");
    if (!classes) return;
    text_open(&t);
    fprintf(t.out, "{\"classes\":%d}", classes);
    text_save(&t, f, "cells/0/config.json");
}

static void unlink_config(const struct fixture *f)
{
    char path[300];

    snprintf(path, sizeof path, "%s/cells/0/config.json", f->dir);
    assert_int_equal(unlink(path), 0);
}

/* A table; owned by the caller. */
static char *table_of(const struct fixture *f, const char *name)
{
    struct vit_error err;
    struct text t;

    text_open(&t);
    assert_ok(report_table(t.out, &f->r, name, &err), &err);
    fclose(t.out);
    return t.bytes;
}

/* Rows without what makes columns of them: blanks as one, no rule, no empty line. */
static void squeeze(char *text)
{
    char *to = text, *line = text;

    while (*line) {
        const size_t length = strcspn(line, "\n");
        const bool rule = *line == '|' && line[1] != ' ', last = line[length] == '\0';
        for (size_t i = 0; i < length && !rule; i++)
            if (line[i] != ' ' || line[i + 1] != ' ') *to++ = line[i];
        if (length && !rule && !last) *to++ = '\n';
        line += length + !last;
    }
    *to = '\0';
}

/* The table begins with these rows, and the note below has part. */
static void assert_table(const struct fixture *f, const char *name, const char *expected, const char *part)
{
    char *text = table_of(f, name);
    const size_t size = strlen(expected);

    squeeze(text);
    if (strncmp(text, expected, size) != 0) fail_msg("expected\n%sfound\n%s", expected, text);
    for (char *s = text; *s; s++)
        if (*s == '\n') *s = ' '; /* it is wrapped */
    assert_has(text + size, part);
    free(text);
}

#define DONE(norm, warmup, lr, top1, loss)                                                                   \
    {                                                                                                        \
        norm, 6, warmup, 0, lr, "done", top1, loss, 2.25, NAN                                                \
    }
#define LOST(norm, warmup, lr, how)                                                                          \
    {                                                                                                        \
        norm, 6, warmup, 0, lr, how, NAN, NAN, NAN, NAN                                                      \
    }

/* ---- what learns ---- */

/* The line is twice chance, on either side of it, and of no classes at all there is none. */
static void a_run_learns_that_ends_above_twice_chance(void **state)
{
    const struct trial trials[] = {
        DONE("pre", 0, 1e-4, 0.2, 2.2),
        DONE("pre", 0, 1e-3, 0.1998, 2.1),
        LOST("pre", 0, 1e-2, "dead"),
    };
    struct fixture *f = *state;
    const struct report_arm *a;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    a = &f->r.arms[0];
    assert_true(a->judged);
    assert_int_equal(a->highest, 0);
    assert_int_equal(a->rates[0].learnt, 1);
    assert_int_equal(a->rates[1].ended[REPORT_STAYED], 1);
    assert_int_equal(a->rates[2].learnt + a->rates[2].ended[REPORT_STAYED], 0);
    save(f, "cells/0/config.json", "{\"classes\":1000}"); /* chance is 0.1 %: both are far above */
    read_all(f);
    assert_int_equal(f->r.arms[0].highest, 1);
    unlink_config(f);
    read_all(f);
    assert_false(f->r.arms[0].judged);
    assert_int_equal(f->r.arms[0].highest, -1);
}

/* Twice chance is everything right where there are two classes. */
static void few_classes_have_a_line_of_their_own(void **state)
{
    (void)state;
    assert_true(fabs(report_learnt(2) - (0.5 + 0.5 / 9)) < 1e-12);
    assert_true(fabs(report_learnt(10) - 0.2) < 1e-12);
    assert_true(fabs(report_learnt(1000) - 0.002) < 1e-12);
    for (int classes = 3; classes <= 1000; classes++)
        assert_true(report_learnt(classes) < report_learnt(classes - 1) &&
                    report_learnt(classes) > 1.0 / classes);
}

static void without_validation_it_is_not_known(void **state)
{
    const struct trial trials[] = { DONE("pre", 0, 1e-3, 0.5, 1.5), DONE("pre", 0, 3e-3, NAN, NAN) };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_false(f->r.arms[0].judged);
    assert_int_equal(f->r.arms[0].highest, 0);
}

/* Rates that are planned alone tell nothing: the highest that ended is the highest that was tried. */
static void planned_rates_were_not_tried(void **state)
{
    const struct trial trials[] = { DONE("pre", 0, 1e-4, 0.3, 1.9), DONE("pre", 0, 3e-4, 0.4, 1.7) };
    struct fixture *f = *state;
    char text[48], *page;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    save(f, "sweep.json",
         "{\"settings\":{\"norm\":[\"pre\"],\"depth\":[\"6\"],\"init\":[\"xavier\"],\"warmup\":[\"0\"],"
         "\"epochs\":[\"1\"],\"lr\":[\"1e-4\",\"3e-4\",\"1e-3\"]},\"cells\":["
         "{\"cell\":\"0\",\"norm\":\"pre\",\"lr\":1e-4,\"seed\":0},"
         "{\"cell\":\"1\",\"norm\":\"pre\",\"lr\":3e-4,\"seed\":0},"
         "{\"cell\":\"2\",\"norm\":\"pre\",\"lr\":1e-3,\"seed\":0}]}");
    read_all(f);
    assert_int_equal(f->r.arms[0].rate_count, 3);
    assert_string_equal(report_highest_text(text, sizeof text, &f->r.arms[0]), "≥ 3e-4");
    assert_int_equal(report_tally(&f->r, 0, 0).trials, 2);
    page_of(&page, f);
    assert_has(page, "3e-4</span> is the best and the highest tried");
    free(page);
}

static void a_rate_learns_when_all_its_runs_do(void **state)
{
    const struct trial trials[] = {
        { "pre", 6, 0, 0, 1e-3, "done", 0.4, 1.7, 1.7, NAN },
        { "pre", 6, 0, 1, 1e-3, "done", 0.4, 1.7, 1.7, NAN },
        { "pre", 6, 0, 0, 3e-3, "done", 0.4, 1.7, 1.7, NAN },
        { "pre", 6, 0, 1, 3e-3, "done", 0.1, 2.3, 2.3, NAN },
        { "pre", 6, 0, 0, 1e-2, "done", 0.4, 1.7, 1.7, NAN },
        { "pre", 6, 0, 1, 1e-2, "diverged", NAN, NAN, NAN, NAN },
    };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_int_equal(f->r.arms[0].highest, 0);
}

/* Where the folder says it, the page has a line at chance, and the column. */
static void the_page_says_the_highest_rate_that_learns(void **state)
{
    const struct trial trials[] = { DONE("pre", 0, 1e-3, 0.4, 1.7), DONE("post", 0, 1e-3, 0.4, 1.7),
                                    LOST("post", 0, 1e-2, "dead") };
    struct fixture *f = *state;
    char *page;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    page_of(&page, f);
    assert_has(page, "<th scope=\"col\">highest rate that learns</th>");
    assert_has(page, "<td>≥ 1e-3</td>");
    assert_has(page, "<td>1e-3</td><td class=\"n\">1 of 2");
    assert_has(page, "above 2.25 (chance is 2.30) after 600 steps");
    free(page);
    unlink_config(f);
    read_all(f);
    page_of(&page, f);
    assert_lacks(page, "that learns");
    free(page);
}

/* A folder of one run of that accuracy, its data set at path; more: further keys of its grid. */
static void save_folder(const struct fixture *f, const char *name, const char *path, const char *more,
                        double top1)
{
    char file[64];
    struct text t;

    text_open(&t);
    fprintf(t.out, "{\"data\":\"%s\"%s}", path, more);
    snprintf(file, sizeof file, "%s/sweep.json", name);
    text_save(&t, f, file);
    text_open(&t);
    put_cell(t.out, &(struct cell){ .norm = "pre", .lr = 1e-3, .status = "done", .top1 = top1 });
    snprintf(file, sizeof file, "%s/cells.jsonl", name);
    text_save(&t, f, file);
}

/* Of two folders the first says ten classes, and the second ended at 15 %: whether that counts as lost. */
static void a_count_of_classes_is_that_of_one_data_set(void **state)
{
    static const struct {
        const char *first, *second,
            *path; /* keys of the grids; the second's data set, the first's is /a/pets */
        enum report_end end;
        int classes; /* of all runs */
    } ROWS[] = {
        { "", "", "/a/birds", REPORT_DONE, 0 },
        { "", "", "/b/pets", REPORT_STAYED, 10 },
        { "", ",\"classes\":24", "/a/birds", REPORT_DONE, 0 },
        { "", ",\"classes\":10", "/a/birds", REPORT_STAYED, 10 },
        { "", ",\"digest\":\"2\"", "/b/pets", REPORT_STAYED, 10 },
        { ",\"digest\":\"1\"", ",\"digest\":\"2\"", "/b/pets", REPORT_DONE, 0 },
        { ",\"digest\":\"1\"", ",\"digest\":\"1\"", "/a/birds", REPORT_STAYED, 10 },
    };
    struct fixture *f = *state;
    char more[64];

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        snprintf(more, sizeof more, ",\"classes\":10%s", ROWS[i].first);
        save_folder(f, "a", "/a/pets", more, 0.5);
        save_folder(f, "b", ROWS[i].path, ROWS[i].second, 0.15);
        read_all(f);
        assert_int_equal(f->r.cell_count, 2);
        assert_int_equal(f->r.cells[0].end, REPORT_DONE);
        assert_int_equal(f->r.cells[1].end, ROWS[i].end);
        assert_int_equal(report_classes(&f->r, -1), ROWS[i].classes);
    }
}

/* ---- the tables ---- */

static void the_map_has_every_run(void **state)
{
    const struct trial trials[] = {
        DONE("pre", 0, 1e-4, 0.3, 1.9),
        DONE("pre", 0, 1e-3, 0.4114, 1.7),
        DONE("pre", 0, 1e-2, 0.24, 2.0),
        DONE("post", 0, 1e-4, 0.301, 1.9),
        DONE("post", 0, 1e-3, 0.1454, 2.23),
        LOST("post", 0, 1e-2, "dead"),
        DONE("pre", 200, 1e-4, 0.2, 1.9),
        { "pre", 6, 200, 1, 1e-4, "done", 0.3, 1.9, 1.9, NAN },
        LOST("post", 200, 1e-4, "diverged"),
        { "post", 6, 200, 1, 1e-4, "done", 0.3, 1.9, 1.9, NAN },
        { "post", 6, 200, 2, 1e-4, "dead", NAN, NAN, NAN, NAN },
    };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(f, "map",
                 "| init | depth | warm-up | placement | 1e-4 | 1e-3 | 0.01 |\n"
                 "| xavier | 6 | none | pre | 30.0 | 41.1 | 24.0 |\n"
                 "| xavier | 6 | none | post | 30.1 | not learnt | dead |\n"
                 "| xavier | 6 | 200 steps | pre | 25.0 | – | – |\n"
                 "| xavier | 6 | 200 steps | post | 30.0, dead 1 of 3, diverged 1 of 3 | – | – |\n",
                 "Dead: a running mean of the training loss above 2.25 (chance is 2.30) after 600 steps, and "
                 "given up there, also where it had been lower before. Diverged: ");
    assert_table(
        f, "map", "",
        "of 5000 pictures: by their choice alone that of one run is known to ± 1.4 points (95 %) or ");
    assert_table(
        f, "map", "",
        "Not learnt: trained to the end, with a validation accuracy there below 20 % (chance is 10 %).");
}

/* Each at its own warm-up: the order is that of the placements. */
static void the_accuracies_begin_with_pre(void **state)
{
    const struct trial trials[] = {
        { "post", 6, 0, 0, 1e-3, "done", 0.4, 1.7, 1.7, 0.4 },
        { "post", 6, 0, 1, 1e-3, "done", 0.4, 1.7, 1.7, 0.4 },
        { "pre", 6, 200, 0, 1e-3, "done", 0.4, 1.7, 1.7, 0.5 },
        { "pre", 6, 200, 1, 1e-3, "done", 0.4, 1.7, 1.7, 0.5 },
    };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(f, "accuracy",
                 "| placement | rate | warm-up | lost runs | test top-1 (%) | each run |\n"
                 "| pre | 1e-3 | 200 steps | 0 of 2 | 50.00 ± 0.00 | 50.00, 50.00 |\n"
                 "| post | 1e-3 | none | 0 of 2 | 40.00 ± 0.00 | 40.00, 40.00 |\n",
                 "post minus pre");
}

static void the_accuracies_say_what_they_leave_out(void **state)
{
    const struct trial trials[] = {
        { "pre", 6, 0, 0, 1e-3, "done", 0.4, 1.7, 1.7, 0.4 },
        { "pre", 6, 0, 1, 1e-3, "done", 0.4, 1.7, 1.7, 0.5 },
        { "pre", 6, 0, 2, 1e-3, "dead", NAN, NAN, NAN, NAN },
    };
    struct fixture *f = *state;
    char *text;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    text = table_of(f, "accuracy");
    squeeze(text);
    for (char *t = text; *t; t++)
        if (*t == '\n') *t = ' ';
    assert_has(text, "| 1 of 3 |");
    assert_has(text, "Lost runs (dead, diverged or not learnt) are in no mean and no test");
    assert_has(text, "Dead: a running mean of the training loss above 2.25");
    free(text);
    save_trials(f, trials, 2, 10);
    read_all(f);
    text = table_of(f, "accuracy");
    assert_lacks(text, "are in no mean");
    free(text);
}

/* Four trials that both made, three of the eight runs lost, all by one placement: so are 2 x 4 of the 56 ways
 * to lose three, p 8/56; as pairs they are three of one kind and none of the other, p 2/8. */
static void the_summary_has_a_placement_a_column(void **state)
{
    const struct trial trials[] = {
        DONE("pre", 0, 1e-4, 0.3, 1.9),
        DONE("pre", 0, 1e-3, 0.4114, 1.7),
        DONE("pre", 0, 1e-2, 0.24, 2.0),
        DONE("post", 0, 1e-4, 0.301, 1.9),
        DONE("post", 0, 1e-3, 0.1454, 2.23),
        LOST("post", 0, 1e-2, "dead"),
        DONE("pre", 200, 1e-4, 0.2, 1.9),
        LOST("post", 200, 1e-4, "diverged"),
        { "pre", 12, 0, 0, 1e-3, "done", 0.4, 1.7, 1.7, 0.4 },
        { "pre", 12, 0, 1, 1e-3, "done", 0.4, 1.7, 1.7, 0.5 },
    };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(
        f, "summary",
        "| | setting | pre | post |\n"
        "| lost runs | depth 6, xavier | 0 of 4 | 3 of 4 |\n"
        "| | depth 12, xavier | 0 of 2 | – |\n"
        "| | all depths, xavier | 0 of 6 | 3 of 4 |\n"
        "| lost runs, p (Fisher / paired) against pre | all depths, xavier | – | 0.14 / 0.25 |\n"
        "| highest rate that learns | depth 6, xavier, warm-up none / 200 steps | "
        "≥ 0.01 / ≥ 1e-4 | 1e-4 / none |\n"
        "| rates within a point of the best | depth 6, xavier, warm-up none / 200 steps | "
        "1e-3 / 1e-4 | 1e-4 / – |\n"
        "| best validation top-1 (%), its test top-1 | depth 6, xavier | 41.1 at 1e-3 | 30.1 at 1e-4 |\n"
        "| test top-1 (%), mean ± deviation (seeds) | depth 12, xavier | "
        "45.00 ± 7.07 (2) | – |\n",
        "A rate learns when none of its runs was lost; ≥: no higher one was tried.");
    assert_table(
        f, "brief",
        "| | setting | pre | post |\n"
        "| lost runs | depth 6, xavier | 0 of 4 | 3 of 4 |\n"
        "| | depth 12, xavier | 0 of 2 | – |\n"
        "| | all depths, xavier | 0 of 6 | 3 of 4 |\n"
        "| test top-1 (%) at its best rate | depth 12, xavier | 45.0 at 1e-3 | – |\n",
        "Test: the mean over seeds, at the rate and warm-up that are best on the validation pictures.");
    assert_table(f, "summary", "",
                 "p: over the runs whose condition, rate and seed both have, Fisher's exact");
}

/* Nobody says of how many classes the networks are: what cannot be known is not guessed. */
static void what_is_not_known_is_a_question(void **state)
{
    const struct trial trials[] = { DONE("pre", 0, 1e-4, 0.3, 1.9), DONE("pre", 0, 1e-3, 0.4, 1.7),
                                    LOST("post", 0, 1e-4, "dead"), LOST("post", 0, 1e-3, "dead") };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 0);
    read_all(f);
    assert_table(f, "summary",
                 "| | setting | pre | post |\n"
                 "| lost runs | depth 6, xavier | 0 of 2 | 2 of 2 |\n"
                 "| lost runs, p (Fisher / paired) against pre | depth 6, xavier | – | 0.33 / 0.5 |\n"
                 "| highest rate that learns | depth 6, xavier, warm-up none | ? | none |\n"
                 "| rates within a point of the best | depth 6, xavier, warm-up none | 1e-3 | – |\n"
                 "| best validation top-1 (%), its test top-1 | depth 6, xavier | 40.0 at 1e-3 | – |\n",
                 "?: of some runs it is not known");
}

/* Runs that start from a trained network have its depth, which nobody wrote down before one has ended: that
 * of the preset is another. */
static void the_depth_of_a_trained_network_is_not_the_presets(void **state)
{
    struct fixture *f = *state;

    save(f, "sweep.json",
         "{\"format\":\"vit-sweep-1\",\"settings\":{\"from\":[\"m.safetensors\"],\"norm\":[\"pre\"],"
         "\"init\":[\"xavier\"],\"warmup\":[\"0\"],\"lr\":[\"0.001\"],\"seed\":[\"0\"]},"
         "\"cells\":[{\"cell\":\"a\",\"norm\":\"pre\",\"seed\":0}]}");
    read_all(f);
    assert_table(f, "map",
                 "| init | depth | warm-up | placement | 1e-3 |\n"
                 "| xavier | ? | none | pre | unfinished |\n",
                 "");
}

/* Seeds of an arm, as they ended: validation is the same for all. */
#define SEED(norm, seed, test)                                                                               \
    {                                                                                                        \
        norm, 6, 0, seed, 1e-3, "done", 0.5, 1.5, 1.5, test                                                  \
    }
static const struct trial SEEDS[] = {
    SEED("pre", 1, 0.50),      SEED("pre", 2, 0.51),      SEED("pre", 3, 0.52),
    SEED("post", 3, 0.53),     SEED("post", 1, 0.55),     SEED("post", 2, 0.54),
    SEED("deepnorm", 1, 0.60), SEED("deepnorm", 2, 0.62), SEED("deepnorm", 3, 0.61),
};

#define RUNS                                                                                                 \
    "| placement | rate | warm-up | lost runs | test top-1 (%) | each run |\n"                               \
    "| pre | 1e-3 | none | 0 of 3 | 51.00 ± 1.00 | 50.00, 51.00, 52.00 |\n"                                 \
    "| post | 1e-3 | none | 0 of 3 | 54.00 ± 1.00 | 55.00, 54.00, 53.00 |\n"                                \
    "| deepnorm | 1e-3 | none | 0 of 3 | 61.00 ± 1.00 | 60.00, 62.00, 61.00 |\n"

/* Standard deviations of 0.01 give se = sqrt(2e-4 / 3) and 4 degrees of freedom, whose t is 2.7764 at 95 %,
 * and whose distribution function is F(x) = 1/2 + 3/8 x / sqrt(1 + x^2/4) (1 - x^2 / (12 + 3 x^2)); with 2
 * degrees of freedom it is 1/2 + x / (2 sqrt(2 + x^2)), t 4.3027. By seed post minus pre is 5, 3, 1. */
static void the_accuracies_are_compared_by_run_and_by_seed(void **state)
{
    struct fixture *f = *state;

    save_trials(f, SEEDS, VIT_COUNT(SEEDS), 10);
    read_all(f);
    assert_table(
        f, "accuracy",
        RUNS
        "| difference | points | 95 % (Welch) | p | p (Holm) | 95 % (same seeds) | p (same seeds) |\n"
        "| post minus pre | +3.00 | +0.73 to +5.27 | 0.021 | – | -1.97 to +7.97 | 0.12 |\n"
        "| deepnorm minus pre | +10.00 | +7.73 to +12.27 | 0.00026 | 0.00051 | +7.52 to +12.48 | 0.0033 |\n"
        "| deepnorm minus post | +7.00 | +4.73 to +9.27 | 0.001 | 0.001 | +2.70 to +11.30 | 0.02 |\n",
        "on 10000 pictures");
    assert_table(f, "summary",
                 "| | setting | pre | post | deepnorm |\n"
                 "| lost runs | depth 6, xavier | 0 of 3 | 0 of 3 | 0 of 3 |\n"
                 "| test top-1 (%), mean ± deviation (seeds) | depth 6, xavier | 51.00 ± 1.00 (3) | "
                 "54.00 ± 1.00 (3) | 61.00 ± 1.00 (3) |\n"
                 "| test top-1, points (95 %, Welch) over pre | depth 6, xavier | – | "
                 "+3.00 (+0.73 to +5.27) | +10.00 (+7.73 to +12.27) |\n",
                 "");
}

#define GONE(norm, seed)                                                                                     \
    {                                                                                                        \
        norm, 6, 0, seed, 1e-3, "dead", NAN, NAN, NAN, NAN                                                   \
    }

/* The pair that was chosen beforehand is that of the placements, not of those that survive: where it cannot
 * be made, no other takes its place, and the p of all others are corrected. */
static void the_pair_chosen_beforehand_may_be_lost(void **state)
{
    const struct trial trials[] = {
        SEED("pre", 1, 0.50),      SEED("pre", 2, 0.51), SEED("pre", 3, 0.52),      SEED("post", 3, 0.53),
        GONE("post", 1),           GONE("post", 2),      SEED("deepnorm", 1, 0.60), SEED("deepnorm", 2, 0.62),
        SEED("deepnorm", 3, 0.61), GONE("sandwich", 1),  GONE("sandwich", 2),
    };
    struct fixture *f = *state;
    char *text;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(
        f, "accuracy",
        "| placement | rate | warm-up | lost runs | test top-1 (%) | each run |\n"
        "| pre | 1e-3 | none | 0 of 3 | 51.00 ± 1.00 | 50.00, 51.00, 52.00 |\n"
        "| post | 1e-3 | none | 2 of 3 | – | 53.00 |\n"
        "| sandwich | 1e-3 | none | 2 of 2 | – | – |\n"
        "| deepnorm | 1e-3 | none | 0 of 3 | 61.00 ± 1.00 | 60.00, 62.00, 61.00 |\n"
        "| difference | points | 95 % (Welch) | p | p (Holm) | 95 % (same seeds) | p (same seeds) |\n"
        "| post minus pre | – | – | – | – | – | – |\n"
        "| deepnorm minus pre | +10.00 | +7.73 to +12.27 | 0.00026 | 0.00026 | +7.52 to +12.48 | "
        "0.0033 |\n",
        "The first pair is the comparison chosen beforehand;");
    save_trials(f, trials, 6, 10);
    read_all(f);
    text = table_of(f, "accuracy");
    assert_lacks(text, "minus pre");
    assert_lacks(text, "Welch");
    assert_lacks(text, "chosen beforehand");
    free(text);
}

#define UNVALIDATED(norm, seed, lr, test)                                                                    \
    {                                                                                                        \
        norm, 6, 0, seed, lr, "done", NAN, NAN, 1.5, test                                                    \
    }

/* All pictures were trained on, at a rate that was known: nothing was to be chosen. */
static void the_only_rate_is_the_best_without_validation(void **state)
{
    const struct trial trials[] = {
        UNVALIDATED("pre", 1, 1e-3, 0.50),  UNVALIDATED("pre", 2, 1e-3, 0.51),
        UNVALIDATED("pre", 3, 1e-3, 0.52),  UNVALIDATED("post", 1, 1e-3, 0.55),
        UNVALIDATED("post", 2, 1e-3, 0.54), UNVALIDATED("post", 3, 1e-3, 0.53),
    };
    struct fixture *f = *state;
    char *page;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(f, "brief",
                 "| | setting | pre | post |\n"
                 "| lost runs | depth 6, xavier | 0 of 3 | 0 of 3 |\n"
                 "| test top-1 (%) at its best rate | depth 6, xavier | 51.0 at 1e-3 | 54.0 at 1e-3 |\n",
                 "best on the validation pictures, or the only one that was run.");
    assert_table(f, "summary",
                 "| | setting | pre | post |\n"
                 "| lost runs | depth 6, xavier | 0 of 3 | 0 of 3 |\n"
                 "| test top-1 (%), mean ± deviation (seeds) | depth 6, xavier | 51.00 ± 1.00 (3) | "
                 "54.00 ± 1.00 (3) |\n"
                 "| test top-1, points (95 %, Welch) over pre | depth 6, xavier | – | "
                 "+3.00 (+0.73 to +5.27) |\n",
                 "");
    assert_table(f, "accuracy", "",
                 "| post minus pre | +3.00 | +0.73 to +5.27 | 0.021 | – | -1.97 to +7.97 | 0.12 |");
    page_of(&page, f);
    assert_has(page, "no warm-up, 3 seeds, not validated");
    assert_lacks(page, "– %");
    assert_has(page, "1e-3 <small>only</small></td><td class=\"n\">3</td><td class=\"n\">–</td>"
                     "<td class=\"n\">51.00 <small>± 2.48</small></td>");
    assert_lacks(page, "that learnt");
    assert_lacks(page, "nan");
    free(page);
}

/* Of several rates, or warm-ups, none can be chosen. */
static void of_several_rates_without_validation_none_is_best(void **state)
{
    struct trial trials[] = { UNVALIDATED("pre", 1, 1e-3, 0.50), UNVALIDATED("pre", 1, 3e-3, 0.51),
                              UNVALIDATED("post", 1, 1e-3, 0.50), UNVALIDATED("post", 1, 1e-3, 0.51) };
    struct fixture *f = *state;
    char *page;

    trials[3].warmup = 200;
    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_null(report_tally(&f->r, 0, 0).best);
    assert_null(report_tally(&f->r, 0, 1).best);
    page_of(&page, f);
    assert_int_equal(count(page, "not validated<br/>"), 2);
    assert_has(page, "</svg>pre</th><td class=\"n\">not validated</td><td class=\"n\">0</td>");
    assert_has(page, "several rates were tried and not validated: which is best is not known");
    assert_lacks(page, "that learnt");
    assert_lacks(page, "the best was chosen");
    free(page);
}

/* A rate that lost runs is the best of those alone that did, of all warm-ups, and says so. */
static void a_best_that_lost_runs_says_so(void **state)
{
    const struct trial trials[] = {
        { "pre", 6, 0, 1, 1e-3, "done", 0.4, 1.7, 1.7, 0.41 },
        { "pre", 6, 0, 1, 3e-3, "done", 0.5, 1.7, 1.7, 0.51 },
        LOST("pre", 0, 3e-3, "dead"),
        { "post", 6, 0, 1, 1e-3, "done", 0.4, 1.7, 1.7, 0.43 },
        LOST("post", 0, 1e-3, "dead"),
        LOST("post", 0, 3e-3, "dead"),
        { "deepnorm", 6, 0, 1, 1e-3, "done", 0.6, 1.7, 1.7, 0.61 },
        LOST("deepnorm", 0, 1e-3, "dead"),
        { "deepnorm", 6, 200, 1, 1e-3, "done", 0.5, 1.7, 1.7, 0.52 },
    };
    struct fixture *f = *state;
    char *page;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(f, "brief",
                 "| | setting | pre | post | deepnorm |\n"
                 "| lost runs | depth 6, xavier | 1 of 3 | 2 of 3 | 1 of 3 |\n"
                 "| test top-1 (%) at its best rate | depth 6, xavier | 41.0 at 1e-3 | "
                 "43.0 at 1e-3 (lost 1 of 2) | 52.0 at 1e-3 |\n",
                 "on the validation pictures. A rate that lost runs is passed over where another lost none. "
                 "Where every rate lost runs, the best one says how many (lost 1 of 3): they are in no mean, "
                 "which flatters the placement.");
    assert_table(f, "summary", "",
                 "| 40.0 at 1e-3, 41.0 | 40.0 at 1e-3 (lost 1 of 2), 43.0 | 50.0 at 1e-3, 52.0 |");
    assert_table(f, "summary", "",
                 "of the rates and warm-ups that lost no run, or of all where each lost some;");
    page_of(&page, f);
    assert_has(page, "1 seed, lost 1 of 2<br/>");
    assert_has(page, "1e-3 <small>edge</small> <small>lost 1 of 2</small></td><td class=\"n\">1</td>");
    assert_has(page, "among the rates that lost no run, or among all where each lost some.");
    assert_int_equal(count(page, "they are in no mean, which flatters the placement."), 2);
    free(page);
    save_trials(f, trials, 2, 10);
    read_all(f);
    page_of(&page, f);
    assert_lacks(page, "flatters the placement");
    free(page);
}

/* Others have no test: they are in no mean, and take no seed from a pair. */
static void runs_without_a_test_leave_the_pairs_whole(void **state)
{
    const struct trial trials[] = {
        SEED("pre", 1, 0.50),  SEED("pre", 2, 0.51),  SEED("pre", 3, 0.52),  SEED("pre", 4, NAN),
        SEED("post", 3, 0.53), SEED("post", 1, 0.55), SEED("post", 2, 0.54), SEED("post", 0, NAN),
    };
    struct fixture *f = *state;
    char *page;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(
        f, "accuracy",
        "| placement | rate | warm-up | lost runs | test top-1 (%) | each run |\n"
        "| pre | 1e-3 | none | 0 of 4 | 51.00 ± 1.00 | 50.00, 51.00, 52.00 |\n"
        "| post | 1e-3 | none | 0 of 4 | 54.00 ± 1.00 | 55.00, 54.00, 53.00 |\n"
        "| difference | points | 95 % (Welch) | p | p (Holm) | 95 % (same seeds) | p (same seeds) |\n"
        "| post minus pre | +3.00 | +0.73 to +5.27 | 0.021 | – | -1.97 to +7.97 | 0.12 |\n",
        "");
    page_of(&page, f);
    assert_int_equal(count(page, "<td class=\"n\">4 <small>3 tested</small></td>"), 2);
    free(page);
}

/* A folder beside others: one arm, two seeds, of so many pictures, of which they know so much. */
static void read_pictures(struct fixture *f, const char *name, double lr, double top1, int val_n, int test_n)
{
    struct fixture inner = { 0 };
    struct vit_error err;
    struct text t;

    snprintf(inner.dir, sizeof inner.dir, "%.200s/%s", f->dir, name);
    text_open(&t);
    for (int seed = 1; seed <= 2; seed++)
        fprintf(
            t.out,
            "{\"cell\":\"%d\",\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":6,\"warmup\":0,\"seed\":%d,"
            "\"lr\":%g,\"status\":\"done\",\"val_top1\":%g,\"val_n\":%d,\"test_top1\":0.5,\"test_n\":%d}\n",
            seed, seed, lr, top1, val_n, test_n);
    text_save(&t, &inner, "cells.jsonl");
    assert_ok(report_read(&f->r, inner.dir, &err), &err);
}

/* Half of Wilson's interval of 20 of 40 is 14.8 points, of 36 of 40 it is 9.5, of 30 of 60 12.3. */
static void of_several_numbers_of_pictures_all_are_said(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;
    char *page;

    read_pictures(f, "a", 1e-3, 0.5, 60, 600);
    read_pictures(f, "b", 3e-3, 0.5, 40, 400);
    read_pictures(f, "c", 1e-2, 0.5, 0, 300);
    read_pictures(f, "d", 3e-2, 0.9, 40, 400);
    assert_ok(report_arrange(&f->r, &err), &err);
    assert_table(f, "accuracy", "", "by their seed alone, on 300 to 600 pictures. ");
    assert_table(
        f, "map", "",
        "It is of 40 to 60 pictures: by their choice alone that of one run is known to ± 14.8 points "
        "(95 %) or better; another seed may differ by more.");
    page_of(&page, f);
    assert_has(page, "comes from 40 to 60 pictures and is known to ± 14.8 points (95 %) or better by "
                     "their choice alone; another");
    free(page);
}

/* By what they are, not by their names; their difference the other way round. */
static void the_bootstrap_of_compare_is_beside_its_runs(void **state)
{
    struct fixture *f = *state;
    char *text;

    save_trials(f, SEEDS, VIT_COUNT(SEEDS), 10);
    save(f, "compare.json",
         "{\"mcnemar_p\":0.5,\"bootstrap\":{\"difference_ci95\":[-0.05,0.01]},\"arms\":["
         "{\"name\":\"A\",\"runs\":[{\"top1\":0.52},{\"top1\":0.50},{\"top1\":0.51}]},"
         "{\"name\":\"B\",\"runs\":[{\"top1\":0.53},{\"top1\":0.54},{\"top1\":0.55}]}]}");
    read_all(f);
    text = table_of(f, "accuracy");
    assert_has(text, "| 95 % (runs and pictures) |\n");
    assert_has(text, " 0.12 |           -1.00 to +5.00 |\n");
    assert_int_equal(count(text, "to +5.00"), 1);
    free(text);
    save(f, "compare.json",
         "{\"mcnemar_p\":0.5,\"bootstrap\":{\"difference_ci95\":[-0.05,0.01]},\"arms\":["
         "{\"name\":\"pre\",\"runs\":[{\"top1\":0.52},{\"top1\":0.52},{\"top1\":0.51}]},"
         "{\"name\":\"post\",\"runs\":[{\"top1\":0.53},{\"top1\":0.54},{\"top1\":0.55}]}]}");
    read_all(f);
    text = table_of(f, "accuracy");
    assert_lacks(text, "95 % (runs and pictures)");
    free(text);
}

/* ---- runs that differ in one setting alone ---- */

static void runs_are_paired_by_one_setting(void **state)
{
    const struct trial trials[] = {
        { "pre", 6, 200, 0, 1e-3, "done", 0.43, 1.7, 1.7, 0.46 },
        { "pre", 6, 0, 0, 1e-3, "done", 0.4, 1.7, 1.7, 0.41 },
        { "pre", 6, 0, 1, 1e-3, "done", 0.42, 1.7, 1.7, 0.42 },
        { "pre", 6, 200, 1, 1e-3, "done", 0.42, 1.7, 1.7, 0.41 },
        { "post", 6, 0, 0, 1e-3, "dead", NAN, NAN, NAN, NAN },
        { "post", 6, 200, 0, 1e-3, "done", 0.3, 1.8, 1.8, 0.3 },
        { "post", 6, 0, 1, 1e-3, "dead", NAN, NAN, NAN, NAN },
        { "post", 6, 200, 1, 1e-3, "diverged", NAN, NAN, NAN, NAN },
        { "post", 6, 0, 2, 1e-3, "dead", NAN, NAN, NAN, NAN }, /* alone: */
        { "post", 6, 200, 3, 1e-3, "done", 0.4, 1.8, 1.8, 0.3 },
        { "post", 6, 200, 2, 3e-3, "done", 0.4, 1.8, 1.8, 0.3 },
        { "post", 12, 0, 0, 1e-3, "dead", NAN, NAN, NAN, NAN },
    };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_table(f, "pairs",
                 "| setting | values | pairs | both lost | one lost | p | both learn | points |\n"
                 "| depth | 6 / 12 | 1 | 1 | 0 / 0 | 1 | 0 | – |\n"
                 "| warmup | 0 / 200 | 4 | 1 | 1 / 0 | 1 | 2 | +2.0 (-1.0 to +5.0) |\n",
                 "Points: test top-1 (%) with the second value less that with the first");
}

/* The share is nothing to runs without a teacher, nor Muon's rate to those of AdamW. */
static void what_one_run_does_not_read_is_no_difference(void **state)
{
    static const struct line LINES[] = {
        { "pre", "xavier", 6, 0, 1, 0, 1e-3, "done", 0.4 },
        { "pre", "xavier", 6, 0, 1, 1, 1e-3, "done", 0.42 },
    };
    static const struct line HIGHER[] = {
        { "pre", "xavier", 6, 0, 1, 0, 1e-3, "done", 0.43 },
        { "pre", "xavier", 6, 0, 1, 1, 1e-3, "done", 0.43 },
    };
    static const struct {
        const char *settings, *row;
    } ROWS[] = {
        { ",\"teacher\":[\"a\"],\"teacher-share\":[\"0.3\"]", "| teacher | none / a |" },
        { ",\"optimizer\":[\"muon\"],\"muon-lr\":[\"0.01\"]", "| optimizer | adamw / muon |" },
        { ",\"mixup\":[\"0.5\"],\"mix-prob\":[\"0.7\"]", "| mixup | 0 / 0.5 |" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct grid grids[] = {
            { "plain", "data", ",\"optimizer\":[\"adamw\"],\"mixup\":[\"0\"],\"cutmix\":[\"0\"]", LINES,
              VIT_COUNT(LINES) },
            { "other", "data", ROWS[i].settings, HIGHER, VIT_COUNT(HIGHER) },
        };
        char rows[300];
        snprintf(rows, sizeof rows,
                 "| setting | values | pairs | both lost | one lost | p | both learn | points |\n"
                 "%s 2 | 0 | 0 / 0 | 1 | 2 | +2.0 (+1.0 to +3.0) |\n",
                 ROWS[i].row);
        read_grids(f, grids, VIT_COUNT(grids));
        assert_table(f, "pairs", rows, "what one of them does not read");
    }
}

/* ---- what is refused ---- */

static void a_table_without_data_is_refused(void **state)
{
    const struct trial trials[] = { DONE("pre", 0, 1e-4, 0.3, 1.9), DONE("post", 0, 1e-3, 0.4, 1.7) };
    struct fixture *f = *state;
    struct vit_error err;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    read_all(f);
    assert_refused(report_table(stderr, &f->r, "accuracy", &err), VIT_ERR_ARG,
                   "expected several runs (seeds) of a placement at one rate, found none", &err);
    assert_refused(report_table(stderr, &f->r, "nose", &err), VIT_ERR_ARG,
                   "table nose: there is none of that name", &err);
    assert_refused(report_table(stderr, &f->r, "pairs", &err), VIT_ERR_ARG,
                   "table pairs: the inputs have no runs that differ in one setting alone", &err);
    report_free(&f->r);
    assert_refused(report_table(stderr, &f->r, "map", &err), VIT_ERR_ARG, "the inputs have no training runs",
                   &err);
    assert_refused(report_table(stderr, &f->r, "summary", &err), VIT_ERR_ARG, "have no training runs", &err);
    assert_refused(report_table(stderr, &f->r, "brief", &err), VIT_ERR_ARG, "table brief: the inputs have no",
                   &err);
}

#define REPORT(...) run_verb("report", NULL, (const char *const[]){ __VA_ARGS__, NULL })

/* "| a | b | " */
static void put_row(FILE *out, const json_t *row)
{
    const json_t *cell;
    size_t i;

    json_array_foreach(row, i, cell) fprintf(out, "| %s ", json_string_value(cell));
    fputs("| ", out);
}

/* The cells of its parts and its note, as the markdown has them but for blanks and lines. Owned by the
 * caller. */
static char *text_of(const json_t *whole)
{
    const json_t *parts = json_object_get(whole, "parts"), *part, *row;
    struct text t;
    size_t i, k;

    text_open(&t);
    json_array_foreach(parts, i, part)
    {
        put_row(t.out, json_object_get(part, "columns"));
        json_array_foreach(json_object_get(part, "rows"), k, row) put_row(t.out, row);
    }
    fprintf(t.out, "%s", json_string_value(json_object_get(whole, "note")));
    fclose(t.out);
    return t.bytes;
}

static void the_smallest_rate_is_a_number(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(report_rate_text(text, sizeof text, 5e-324), "4.94e-324");
    assert_string_equal(report_rate_text(text, sizeof text, 3e-4), "3e-4");
    assert_string_equal(report_rate_text(text, sizeof text, 1.5e-3), "1.5e-3");
    assert_string_equal(report_rate_text(text, sizeof text, 0.01), "0.01");
    assert_string_equal(report_rate_text(text, sizeof text, 0), "0");
}

/* 31 bytes of it, of which the last would be the first of two. */
static void a_long_warm_up_ends_with_a_whole_character(void **state)
{
    struct fixture *f = *state;

    save(f, "cells.jsonl",
         "{\"cell\":\"a\",\"norm\":\"pre\",\"init\":\"x\",\"depth\":6,"
         "\"warmup\":\"012345678901234567890123456789\\u00e9\","
         "\"seed\":0,\"lr\":0.001,\"status\":\"done\"}\n");
    read_all(f);
    assert_string_equal(f->r.cells[0].warmup, "012345678901234567890123456789");
}

/* JSON could hold those from U+007F on as they are. */
static void control_characters_of_a_file_reach_no_terminal(void **state)
{
    struct fixture *f = *state;

    save(f, "cells.jsonl",
         "{\"cell\":\"a\",\"norm\":\"pre\",\"init\":\"x\\u007f\\u009b31m\",\"depth\":6,\"warmup\":0,"
         "\"seed\":0,\"lr\":0.001,\"status\":\"done\",\"val_top1\":0.5}\n");
    for (int json = 0; json < 2; json++) {
        struct run r = REPORT(f->dir, "--table", "map", json ? "--json" : NULL);
        assert_int_equal(r.code, 0);
        assert_has(r.out, json ? "\"x\\u007f\\u009b31m\"" : "x\\x7f\\xc2\\x9b31m");
        run_free(&r);
    }
}

static void json_says_what_the_markdown_says(void **state)
{
    static const char *const NAMES[] = { "map", "brief", "summary", "pairs", "accuracy" };
    const struct trial trials[] = {
        { "pre", 6, 0, 0, 1e-3, "done", 0.4, 1.7, 1.7, 0.41 },
        { "pre", 6, 0, 1, 1e-3, "done", 0.42, 1.7, 1.7, 0.5 },
        { "post", 6, 0, 0, 1e-3, "done", 0.3, 1.8, 1.8, 0.3 },
        { "post", 6, 0, 1, 1e-3, "dead", NAN, NAN, NAN, NAN },
        { "post", 6, 0, 2, 1e-3, "done", 0.3, 1.8, 1.8, 0.2 },
        { "post", 6, 200, 2, 1e-3, "done", 0.3, 1.8, 1.8, 0.25 },
        { "post", 6, 200, 1, 1e-3, "dead", NAN, NAN, NAN, NAN },
    };
    struct fixture *f = *state;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        struct run r = REPORT(f->dir, "--table", NAMES[i], "--json"),
                   plain = REPORT(f->dir, "--table", NAMES[i]);
        json_t *whole = json_loads(r.out, 0, NULL);
        char *text;

        assert_int_equal(r.code, 0);
        assert_non_null(whole);
        assert_string_equal(json_string_value(json_object_get(whole, "table")), NAMES[i]);
        assert_int_equal(json_array_size(json_object_get(whole, "parts")), i == VIT_COUNT(NAMES) - 1 ? 2 : 1);
        text = text_of(whole);
        squeeze(text);
        squeeze(plain.out);
        for (char *c = plain.out; *c; c++)
            if (*c == '\n') *c = ' ';
        plain.out[strlen(plain.out) - 1] = '\0'; /* the end of its last line */
        if (strcmp(plain.out, text) != 0) fail_msg("expected\n%s\nfound\n%s", plain.out, text);
        free(text);
        json_decref(whole);
        run_free(&r);
        run_free(&plain);
    }
}

static void the_verb_writes_tables_to_stdout_or_a_file(void **state)
{
    const struct trial trials[] = { DONE("pre", 0, 1e-4, 0.3, 1.9), DONE("post", 0, 1e-3, 0.4, 1.7) };
    struct fixture *f = *state;
    char path[300];
    unsigned char *bytes;
    size_t size;
    struct run r, again;

    save_trials(f, trials, VIT_COUNT(trials), 10);
    snprintf(path, sizeof path, "%s/map.md", f->dir);
    r = REPORT(f->dir, "--table", "map");
    assert_int_equal(r.code, 0);
    assert_memory_equal(r.out, "| init ", 7);
    assert_int_equal(r.err_size, 0);
    again = REPORT(f->dir, "--table", "map", "-o", path, "-q");
    assert_int_equal(again.code, 0);
    assert_int_equal(again.out_size, 0);
    bytes = tmp_read(path, &size);
    assert_int_equal(size, r.out_size);
    assert_memory_equal(bytes, r.out, size);
    free(bytes);
    run_free(&r);
    run_free(&again);
    r = REPORT(f->dir, "--table", "nose");
    run_expect(&r, 2, "expected map, brief, summary, accuracy or pairs, found \"nose\"");
    r = REPORT(f->dir, "--table", "map", "--figure", "tuning");
    run_expect(&r, 2, "--figure, --table: expected one of them, found both");
    r = REPORT(f->dir, "--json", "-o", path);
    run_expect(&r, 2, "--json: expected --table beside it");
    r = REPORT(f->dir, "--table", "map", "--title", "x");
    run_expect(&r, 2, "--title: expected none with --table");
    r = REPORT(f->dir, "--table", "accuracy");
    run_expect(&r, 3, "expected several runs (seeds)");
    snprintf(path, sizeof path, "%s/.", f->dir);
    r = REPORT(f->dir, path, "--table", "map");
    run_expect(&r, 2, "expected different inputs, found one twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_learns_that_ends_above_twice_chance),
        TEST(few_classes_have_a_line_of_their_own),
        TEST(a_count_of_classes_is_that_of_one_data_set),
        TEST(without_validation_it_is_not_known),
        TEST(planned_rates_were_not_tried),
        TEST(the_accuracies_say_what_they_leave_out),
        TEST(a_rate_learns_when_all_its_runs_do),
        TEST(the_page_says_the_highest_rate_that_learns),
        TEST(the_map_has_every_run),
        TEST(the_summary_has_a_placement_a_column),
        TEST(what_is_not_known_is_a_question),
        TEST(the_depth_of_a_trained_network_is_not_the_presets),
        TEST(the_accuracies_are_compared_by_run_and_by_seed),
        TEST(the_accuracies_begin_with_pre),
        TEST(the_pair_chosen_beforehand_may_be_lost),
        TEST(the_only_rate_is_the_best_without_validation),
        TEST(of_several_rates_without_validation_none_is_best),
        TEST(a_best_that_lost_runs_says_so),
        TEST(runs_without_a_test_leave_the_pairs_whole),
        TEST(of_several_numbers_of_pictures_all_are_said),
        TEST(the_bootstrap_of_compare_is_beside_its_runs),
        TEST(runs_are_paired_by_one_setting),
        TEST(what_one_run_does_not_read_is_no_difference),
        TEST(a_table_without_data_is_refused),
        cmocka_unit_test(the_smallest_rate_is_a_number),
        TEST(a_long_warm_up_ends_with_a_whole_character),
        TEST(control_characters_of_a_file_reach_no_terminal),
        TEST(json_says_what_the_markdown_says),
        TEST(the_verb_writes_tables_to_stdout_or_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
