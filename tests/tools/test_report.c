/* What is made of the folders that sweep, train, probe and compare leave. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tools/report.h"
#include "tools/report_figures.h"
#include "tools/report_parts.h"
#include "weights/weights.h"

/* ---- what is arranged ---- */

/* The best rate is the highest mean without a lost run, and its neighbourhood ends at a point below it. */
static void the_best_rate_is_one_that_loses_no_run(void **state)
{
    static const struct cell CELLS[] = {
        { "post", 1e-4, 0, "done", 0.500, NULL }, { "post", 3e-4, 0, "done", 0.601, NULL },
        { "post", 3e-4, 1, "done", 0.599, NULL }, { "post", 1e-3, 0, "done", 0.592, NULL },
        { "post", 3e-3, 0, "done", 0.700, NULL }, { "post", 3e-3, 1, "diverged", NAN, NULL },
        { "post", 1e-2, 0, "dead", 0.100, NULL },
    };
    struct fixture *f = *state;
    const struct report_arm *a;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.arm_count, 1);
    a = &f->r.arms[0];
    assert_int_equal(a->rate_count, 5);
    assert_true(a->rates[a->best].lr == 3e-4);
    assert_true(fabs(a->rates[a->best].mean - 0.6) < 1e-12);
    assert_true(a->rates[a->best].low == 0.599 && a->rates[a->best].high == 0.601);
    assert_true(a->rates[a->within_low].lr == 3e-4 && a->rates[a->within_high].lr == 1e-3);
    assert_int_equal(a->ended[REPORT_DEAD], 1);
    assert_int_equal(a->ended[REPORT_DIVERGED], 1);
    assert_int_equal(a->ended[REPORT_DONE], 5);
}

/* Over seeds, that is: one lucky run is no best. */
static void the_best_rate_is_the_best_on_average(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.60, NULL },
        { "pre", 1e-3, 1, "done", 0.60, NULL },
        { "pre", 3e-3, 0, "done", 0.70, NULL },
        { "pre", 3e-3, 1, "done", 0.40, NULL },
    };
    struct fixture *f = *state;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.arm_count, 1);
    assert_true(f->r.arms[0].rates[f->r.arms[0].best].lr == 1e-3);
}

static void runs_of_different_settings_are_not_mixed(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.5, ",\"width\":64" },
        { "pre", 1e-3, 0, "done", 0.6, ",\"width\":96" },
    };
    struct fixture *f = *state;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.condition_count, 2);
    assert_int_equal(f->r.arm_count, 2);
    assert_string_equal(f->r.conditions[0].label, "depth 6, warm-up 200 steps, xavier, width 64");
}

/* Untaught runs say nothing of a teacher; the names of teachers may begin with the same long path. */
static void runs_of_different_teachers_are_not_mixed(void **state)
{
    enum { CASES = 4, LONG = 200 };
    struct fixture *f = *state;
    struct vit_error err;

    for (int i = 0; i < CASES; i++) {
        struct fixture inner = { 0 };
        char grid[600], teacher[LONG + 40] = "";

        if (i) snprintf(teacher, sizeof teacher, ",\"teacher\":[\"%0*d\"]", i == 1 ? 1 : LONG, i);
        snprintf(grid, sizeof grid,
                 "{\"settings\":{\"norm\":[\"pre\"],\"lr\":[\"0.001\"]%s},\"cells\":[{\"cell\":\"%d\","
                 "\"norm\":\"pre\",\"seed\":0}]}",
                 teacher, i);
        snprintf(inner.dir, sizeof inner.dir, "%.200s/%d", f->dir, i);
        save(&inner, "sweep.json", grid);
        assert_ok(report_read(&f->r, inner.dir, &err), &err);
    }
    assert_ok(report_arrange(&f->r, &err), &err);
    assert_int_equal(f->r.condition_count, CASES);
    for (int i = 0; i < CASES; i++)
        if (strstr(f->r.conditions[i].label, ", teacher none")) return;
    fail_msg("no condition without a teacher: %s", f->r.conditions[0].label);
}

/* pre looks the same whatever stands beside it, and names that nobody knows get styles of their own. */
static void a_placement_keeps_its_style(void **state)
{
    static const struct cell CELLS[] = {
        { "unheard", 1e-3, 0, "done", 0.5, NULL }, { "deepnorm", 1e-3, 0, "done", 0.5, NULL },
        { "post", 1e-3, 0, "done", 0.5, NULL },    { "pre", 1e-3, 0, "done", 0.5, NULL },
        { "other", 1e-3, 0, "done", 0.5, NULL },
    };
    struct fixture *f = *state;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.norm_count, 5);
    assert_string_equal(f->r.norms[0], "pre");
    assert_string_equal(f->r.norms[1], "post");
    for (size_t i = 1; i < 5; i++) assert_true(f->r.styles[i] > f->r.styles[i - 1]);
    assert_int_equal(f->r.styles[0], 0);
    assert_int_equal(f->r.styles[1], 1);
}

static void planned_runs_that_have_not_ended_are_there(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL },
                                         { "post", 1e-3, 0, "dead", 0.1, NULL } };
    struct fixture *f = *state;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    assert_int_equal(f->r.cell_count, 4);
    assert_int_equal(f->r.condition_count, 1); /* they share what the grid does not vary */
    assert_int_equal(f->r.arms[0].ended[REPORT_UNFINISHED], 1);
    assert_int_equal(f->r.arms[1].ended[REPORT_UNFINISHED], 1);
}

/* What the grid leaves to its preset and the table, no line says before a run has ended. */
static void a_grid_of_which_nothing_has_ended_knows_its_settings(void **state)
{
    struct fixture *f = *state;
    const struct report_cell *c;
    char dtype[16];

    save(f, "sweep.json",
         "{\"settings\":{\"norm\":[\"post\"],\"lr\":[\"0.001\"]},\"cells\":[{\"cell\":\"a\","
         "\"norm\":\"post\",\"seed\":0}]}");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
    c = &f->r.cells[0];
    assert_int_equal(c->depth, 12); /* plain-4's, as in vit train --help */
    assert_int_equal(c->epochs, 50);
    assert_string_equal(c->init, "trunc02");
    assert_string_equal(report_setting(&f->r, c, RECIPE_DTYPE, dtype, sizeof dtype), "f32");
    assert_string_equal(f->r.conditions[c->condition].label, "depth 12, warm-up 5%, trunc02");
}

/* Older grids do not list a rate that nobody named. */
static void a_rate_that_no_grid_lists_is_the_presets(void **state)
{
    struct fixture *f = *state;

    save(f, "sweep.json",
         "{\"settings\":{\"norm\":[\"pre\"],\"preset\":[\"plain-4\",\"cct-4-3x2\"]},"
         "\"cells\":[{\"cell\":\"a\",\"norm\":\"pre\",\"seed\":0},"
         "{\"cell\":\"b\",\"norm\":\"pre\",\"preset\":\"cct-4-3x2\",\"seed\":0}]}");
    read_all(f);
    assert_int_equal(f->r.cell_count, 2);
    assert_true(f->r.cells[0].lr == 1e-3);
    assert_true(f->r.cells[1].lr == 5e-4);
}

/* 5 % of one epoch are 70 steps, of three 210: the line of the run that ended says so of its own alone. */
static void a_share_of_other_steps_is_another_warm_up(void **state)
{
    struct fixture *f = *state;

    save(f, "sweep.json",
         "{\"settings\":{\"norm\":[\"pre\"],\"warmup\":[\"5%\"],\"lr\":[\"0.001\"],\"epochs\":[\"1\",\"3\"]},"
         "\"cells\":[{\"cell\":\"a\",\"norm\":\"pre\",\"epochs\":1,\"seed\":0},"
         "{\"cell\":\"b\",\"norm\":\"pre\",\"epochs\":3,\"seed\":0},"
         "{\"cell\":\"c\",\"norm\":\"pre\",\"epochs\":1,\"seed\":1}]}");
    save(f, "cells.jsonl",
         "{\"cell\":\"a\",\"norm\":\"pre\",\"depth\":12,\"lr\":0.001,\"warmup\":70,\"init\":\"trunc02\","
         "\"seed\":0,\"epochs\":1,\"status\":\"done\",\"val_top1\":0.5}\n");
    read_all(f);
    assert_int_equal(f->r.cell_count, 3);
    assert_string_equal(f->r.cells[1].warmup, "5%");
    assert_string_equal(f->r.cells[2].warmup, "70");
}

/* Values 1, 2, 3: the mean, then the mean of max of the three pairs, then the largest. */
static void the_best_of_k_is_the_mean_over_all_choices(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-4, 0, "done", 0.2, NULL },
                                         { "pre", 1e-3, 0, "done", 0.3, NULL },
                                         { "pre", 1e-2, 0, "dead", 0.1, NULL } };
    static const double EXPECTED[] = { 20, 80.0 / 3, 30 };
    const struct report_panel panel = { .condition = 0 };
    struct fixture *f = *state;
    struct plot p = { 0 };

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    report_fill_tuning(&p, &f->r, NULL, &panel);
    assert_int_equal(p.series[0].count, 3);
    for (int i = 0; i < 3; i++) assert_true(fabs(p.series[0].points[i].y - EXPECTED[i]) < 1e-9);
    plot_free(&p);
}

/* A rate that was lost is worth chance, which nobody knows here: without it the arm's best would flatter. */
static void an_arm_of_unknown_worth_is_not_drawn(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-4, 0, "done", 0.2, NULL },
                                         { "pre", 1e-3, 0, "done", 0.3, NULL },
                                         { "pre", 1e-2, 0, "dead", NAN, NULL } };
    const struct report_panel panel = { .condition = 0 };
    struct fixture *f = *state;
    struct plot p = { 0 };

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    report_fill_tuning(&p, &f->r, NULL, &panel);
    assert_int_equal(p.series[0].count, 0);
    plot_free(&p);
}

/* ---- several folders ---- */

#define XAVIER(norm, depth, warmup, epochs, seed, lr, top1)                                                  \
    {                                                                                                        \
        norm, "xavier", depth, warmup, epochs, seed, lr, "done", top1                                        \
    }

static const struct line ONE[] = { XAVIER("pre", 6, 0, 1, 0, 1e-3, 0.5) };

/* A sweep writes down what it was told; clip is 1 and label smoothing 0.1 where nobody says (recipe.def). */
static void what_a_folder_leaves_to_its_preset_is_known(void **state)
{
    const struct grid apart[] = { { "a", "data", "", ONE, 1 }, { "b", "data", ",\"clip\":[\"0\"]", ONE, 1 } },
                      alike[] = { { "a", "data", "", ONE, 1 },
                                  { "b", "data", ",\"clip\":[\"1\"],\"label-smoothing\":[\"1e-1\"]", ONE,
                                    1 } };
    struct fixture *f = *state;

    read_grids(f, apart, 2);
    assert_int_equal(f->r.condition_count, 2);
    assert_string_equal(f->r.conditions[0].label, "depth 6, no warm-up, xavier, clip 0");
    assert_string_equal(f->r.conditions[1].label, "depth 6, no warm-up, xavier, clip 1");
    read_grids(f, alike, 2);
    assert_int_equal(f->r.condition_count, 1);
}

static void data_sets_are_not_mixed(void **state)
{
    const struct grid apart[] = { { "a", "/x/cifar-10", "", ONE, 1 }, { "b", "/x/cifar-100/", "", ONE, 1 } },
                      alike[] = { { "a", "/x/cifar-10", "", ONE, 1 }, { "b", "cifar-10/", "", ONE, 1 } };
    struct fixture *f = *state;

    read_grids(f, apart, 2);
    assert_int_equal(f->r.condition_count, 2);
    assert_string_equal(f->r.conditions[0].more, "data cifar-10");
    assert_string_equal(f->r.conditions[1].more, "data cifar-100");
    read_grids(f, alike, 2);
    assert_int_equal(f->r.condition_count, 1);
}

/* What a third arm reached in a folder of its own stands beside the two others. */
static void seeds_of_another_folder_join_their_condition(void **state)
{
    static const struct line TWO[] = { XAVIER("pre", 6, 0, 3, 1, 3e-4, 0.5),
                                       XAVIER("post", 6, 0, 3, 1, 3e-4, 0.5) },
                             THIRD[] = { XAVIER("deepnorm", 6, 0, 3, 1, 1e-3, 0.6) };
    const struct grid grids[] = { { "a", "data", "", TWO, 2 }, { "b", "data", "", THIRD, 1 } };
    struct fixture *f = *state;

    read_grids(f, grids, 2);
    assert_int_equal(f->r.condition_count, 1);
    assert_int_equal(f->r.arm_count, 3);
}

#define RUN(seed, loss, top1, more)                                                                          \
    "{\"cell\":\"pre" #seed                                                                                  \
    "\",\"norm\":\"pre\",\"depth\":6,\"lr\":0.001,\"warmup\":0,\"init\":\"xavier\",\"seed\":" #seed          \
    ",\"status\":\"done\",\"train_loss\":" #loss ",\"val_top1\":" #top1 more "}\n"
#define EPOCH(seed)                                                                                          \
    "{\"cell\":\"pre" #seed                                                                                  \
    "\",\"norm\":\"pre\",\"depth\":6,\"lr\":0.001,\"warmup\":0,\"init\":\"xavier\",\"seed\":" #seed          \
    ",\"epoch\":1,\"step\":1" #seed "}\n"

/* Two copies of a seed are no two seeds: the deviation over them, and every p-value, would be too small. */
static void a_run_in_two_folders_counts_once(void **state)
{
    struct fixture *f = *state;
    char path[512];
    struct vit_error err;

    save(f, "a/cells.jsonl", RUN(0, 1.5, 0.5, "") RUN(1, 1.4, 0.6, ""));
    save(f, "a/epochs.jsonl", EPOCH(0) EPOCH(1));
    save(f, "b/cells.jsonl",
         RUN(1, 1.4, 0.6, ",\"test_top1\":0.7") RUN(2, 1.3, 0.7, "") RUN(0, 1.2, 0.8, ""));
    save(f, "b/epochs.jsonl", EPOCH(1) EPOCH(2) EPOCH(0));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%c", f->dir, 'a' + i);
        assert_ok(report_read(&f->r, path, &err), &err);
    }
    assert_ok(report_arrange(&f->r, &err), &err);
    assert_int_equal(f->r.twice, 1);
    assert_int_equal(f->r.cell_count, 4); /* seed 0 of b is not that of a: something else differs */
    assert_int_equal(f->r.arms[0].rates[0].runs, 4);
    assert_true(f->r.cells[0].train_loss == 1.5);
    assert_true(f->r.cells[1].test_top1 == 0.7); /* the copy that says more */
    assert_int_equal(f->r.epoch_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(f->r.epochs[i].cell, i);
        assert_int_equal(f->r.epochs[i].step, 10 + (int)f->r.cells[i].seed);
    }
}

#define SEEDS_GRID                                                                                           \
    "{\"format\":\"vit-sweep-1\",\"settings\":{\"norm\":[\"pre\"],\"depth\":[\"6\"],\"init\":[\"xavier\"],"  \
    "\"warmup\":[\"0\"],\"lr\":[\"0.001\"],\"seed\":[\"0\",\"1\",\"2\"]},\"cells\":["                        \
    "{\"cell\":\"pre0\",\"seed\":0},{\"cell\":\"pre1\",\"seed\":1},{\"cell\":\"pre2\",\"seed\":2}]}"

/* A grid that was left in the middle, and its other half that was run elsewhere. */
static void a_run_that_another_folder_has_ended_is_not_open(void **state)
{
    struct fixture *f = *state;
    char path[512];
    struct vit_error err;

    save(f, "a/sweep.json", SEEDS_GRID);
    save(f, "a/cells.jsonl", RUN(0, 1.5, 0.5, ""));
    save(f, "b/sweep.json", SEEDS_GRID);
    save(f, "b/cells.jsonl", RUN(1, 1.4, 0.6, ""));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%c", f->dir, 'a' + i);
        assert_ok(report_read(&f->r, path, &err), &err);
    }
    assert_ok(report_arrange(&f->r, &err), &err);
    assert_int_equal(f->r.cell_count, 3);
    assert_int_equal(f->r.arms[0].ended[REPORT_DONE], 2);
    assert_int_equal(f->r.twice, 0);                            /* a plan is no copy of a run */
    assert_int_equal(f->r.arms[0].ended[REPORT_UNFINISHED], 1); /* seed 2, which nobody has, and both want */
}

/* Warm-up is chosen for each placement, as the rate is; all else makes another match. Numbers order as
 * such. */
static void only_the_warm_up_may_differ_within_a_match(void **state)
{
    static const struct line LINES[] = {
        XAVIER("pre", 6, 0, 10, 0, 1e-3, 0.5),
        XAVIER("pre", 6, 200, 3, 0, 1e-3, 0.5),
        XAVIER("pre", 6, 0, 3, 0, 1e-3, 0.5),
        XAVIER("pre", 12, 0, 3, 0, 1e-3, 0.5),
        { "pre", "trunc02", 6, 0, 3, 0, 1e-3, "done", 0.5 },
    };
    static const char *const LABELS[] = { "depth 6, xavier, epochs 3", "depth 12, xavier, epochs 3",
                                          "depth 6, trunc02, epochs 3", "depth 6, xavier, epochs 10" };
    const struct grid grid = { "a", "data", "", LINES, VIT_COUNT(LINES) };
    struct fixture *f = *state;

    read_grids(f, &grid, 1);
    assert_int_equal(f->r.condition_count, 5);
    assert_int_equal(f->r.match_count, VIT_COUNT(LABELS));
    for (size_t i = 0; i < VIT_COUNT(LABELS); i++) assert_string_equal(f->r.matches[i].label, LABELS[i]);
}

/* Panels of a figure: depths are columns; what differs in more than that has another heading and scale. */
static void panels_stand_by_depth_under_their_heading(void **state)
{
    static const struct line LINES[] = {
        XAVIER("pre", 6, 0, 1, 0, 1e-3, 0.3),
        XAVIER("pre", 24, 0, 1, 0, 1e-3, 0.2),
        XAVIER("pre", 24, 200, 1, 0, 1e-3, 0.2),
        XAVIER("pre", 6, 0, 3, 0, 1e-3, 0.9),
    };
    const struct grid grid = { "a", "data", "", LINES, VIT_COUNT(LINES) };
    struct fixture *f = *state;
    struct report_drawing d;

    read_grids(f, &grid, 1);
    report_draw(&d, &f->r, report_find_figure("learning-rate"));
    assert_int_equal(d.count, 4);
    assert_string_equal(report_heading(&d, 0), "epochs 1");
    assert_null(report_heading(&d, 1));
    assert_null(report_heading(&d, 2));
    assert_string_equal(report_heading(&d, 3), "epochs 3");
    assert_int_equal(report_row_end(&d, 0), 2);
    assert_int_equal(report_row_end(&d, 2), 3);
    assert_int_equal(d.panel[0].column, 0);
    assert_int_equal(d.panel[1].column, 1);
    assert_int_equal(d.panel[2].column, 1);
    assert_int_equal(d.panel[2].columns, 2);
    assert_int_equal(d.panel[3].columns, 0);
    assert_true(fabs(d.plot[2].y.high - 30) < 1e-9 && fabs(d.plot[2].y.low - 20) < 1e-9);
    assert_int_equal(d.legend_count, 1); /* nothing was lost */
    report_drawing_free(&d);
}

/* ---- rows of probe ---- */

#define ROW(norm, seed, w2, more)                                                                            \
    "{\"norm\":\"" norm "\",\"init\":\"x\",\"depth\":2,\"block\":0,\"seed\":" #seed ",\"grad_w2\":" #w2 more \
    "}\n"

static void read_rows(struct fixture *f, const char *rows)
{
    report_free(&f->r);
    save(f, "probe.jsonl", rows);
    read_all(f);
}

/* Networks of two widths are no seeds of one. */
static void rows_of_different_networks_are_not_mixed(void **state)
{
    static const char ROWS[] = ROW("pre", 0, 1, ",\"width\":32,\"embed_norm\":false,\"final_norm\":true")
        ROW("post", 0, 2, ",\"width\":32,\"embed_norm\":false,\"final_norm\":false")
            ROW("pre", 1, 3, ",\"width\":64,\"embed_norm\":false,\"final_norm\":true")
                ROW("pre", 1, 4, ",\"width\":64,\"embed_norm\":true,\"final_norm\":true");
    struct fixture *f = *state;

    read_rows(f, ROWS);
    assert_int_equal(f->r.block_count, 4);
    assert_string_equal(f->r.blocks[0].group, "x, width 32, embed_norm off");
    assert_string_equal(f->r.blocks[1].group, "x, width 32, embed_norm off"); /* the final norm is post's */
    assert_string_equal(f->r.blocks[2].group, "x, width 64, embed_norm off");
    assert_string_equal(f->r.blocks[3].group, "x, width 64, embed_norm on");
    read_rows(f, ROW("pre", 0, 1, "") ROW("pre", 1, 3, ",\"width\":64"));
    assert_string_equal(f->r.blocks[1].group, "x"); /* nothing says that they differ */
}

static void a_row_that_is_there_twice_counts_once(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;

    read_rows(f, ROW("pre", 0, 1, "") ROW("pre", 1, 2, "") ROW("pre", 0, 1.0001, "") ROW("pre", null, 1, ""));
    assert_int_equal(f->r.block_count, 3);
    assert_true(f->r.blocks[1].seed == 1);
    report_free(&f->r);
    save(f, "probe.jsonl", ROW("pre", 0, 1, "") ROW("pre", 0, 2, ""));
    assert_ok(report_read(&f->r, f->dir, &err), &err);
    assert_refused(report_arrange(&f->r, &err), VIT_ERR_FORMAT,
                   "two of pre, depth 2, block 0, x and one seed have different numbers", &err);
}

/* ---- what is refused ---- */

static void a_wrong_line_is_named(void **state)
{
    static const struct {
        const char *file, *bytes, *says;
    } CASES[] = {
        { "cells.jsonl", "{\n", "cells.jsonl: line 1: not valid JSON" },
        { "cells.jsonl", "\n[1]\n", "cells.jsonl: line 2: expected an object, found a list" },
        { "cells.jsonl", "{}\n", "cells.jsonl: line 1: \"cell\": expected a text, found none" },
        { "cells.jsonl", CELL_START "\"lr\":\"x\",\"status\":\"done\"}\n",
          "cells.jsonl: line 1: \"lr\": expected a number, found a text" },
        { "cells.jsonl", CELL_START "\"lr\":-1,\"status\":\"done\"}\n",
          "\"lr\": expected a number from 0 to" },
        { "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"lost\"}\n",
          "\"status\": expected done, dead or diverged, found lost" },
        { "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\",\"val_top1\":61.2}\n",
          "\"val_top1\": expected a number from 0 to 1, found 61.2" },
        { "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\",\"steps\":1.5}\n",
          "\"steps\": expected a whole number, found a number" },
        { "cells.jsonl",
          CELL_START "\"lr\":1,\"status\":\"done\"}\n" CELL_START "\"lr\":1,\"status\":\"done\"}\n",
          "line 2: a second line of cell \"a\"" },
        { "epochs.jsonl", CELL_START "\"lr\":1,\"epoch\":1}\n",
          "epochs.jsonl: line 1: \"step\": expected a whole number, found none" },
        { "sweep.json", "{\"cells\":3}", "sweep.json: \"cells\": expected a list" },
        { "sweep.json", "{\"cells\":[{}]}",
          "sweep.json: \"cells\": item 1: expected an object with \"cell\"" },
        { "sweep.json", "{\"cells\":[{\"cell\":\"a\",\"norm\":\"pre\"}]}",
          "sweep.json: \"cells\": item 1: expected \"norm\" and \"lr\"" },
        { "probe.jsonl", "{\"grad_w2\":1}\n", "probe.jsonl: \"norm\": expected a text, found none" },
        { "probe.jsonl", "\n", "probe.jsonl: is empty" },
        { "probe.jsonl", "{\"other\":1}\n", "expected a row of vit probe --json (grad_w2)" },
        { "probe.jsonl", "{\"grad_w2\":1,\"norm\":\"pre\",\"depth\":6,\"block\":0}\n{\"grad_w2\":\n",
          "probe.jsonl: line 2: not valid JSON" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct vit_error err;
        save(f, "cells.jsonl", "");
        save(f, "epochs.jsonl", "");
        save(f, "sweep.json", "{}");
        save(f, "probe.jsonl", "[]");
        save(f, CASES[i].file, CASES[i].bytes);
        assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        report_free(&f->r);
    }
}

/* A kill cuts the line that is being written. */
static void a_line_without_an_end_is_not_there(void **state)
{
    struct fixture *f = *state;

    save(f, "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\"}\n{\"cell\":\"b\",\"nor");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
}

static void a_folder_of_something_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;
    char path[300];

    assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_ARG, "expected a folder of vit sweep", &err);
    snprintf(path, sizeof path, "%s/none", f->dir);
    assert_refused(report_read(&f->r, path, &err), VIT_ERR_IO, "cannot be opened", &err);
}

/* Parts of an experiment, by name, with what lies beside them, also in the folder of a sweep; its own are not
 * looked into. */
static void a_folder_of_folders_is_read_as_them(void **state)
{
    static const struct line A[] = { { "pre", "xavier", 6, 0, 5, 0, 1e-3, "done", 0.5 } },
                             B[] = { { "pre", "xavier", 12, 0, 5, 0, 1e-3, "done", 0.6 } },
                             C[] = { { "pre", "xavier", 24, 0, 5, 0, 1e-3, "done", 0.7 } };
    static const struct grid GRIDS[] = {
        { "batch/12/pre", "/d", "", B, 1 },    { "batch/6", "/d", "", A, 1 },
        { "batch/6/cells/x", "/d", "", B, 1 }, { "batch/6/logits/x", "/d", "", B, 1 },
        { "batch/6/longer", "/d", "", C, 1 },  { "a/b/c/d", "/d", "", B, 1 }
    };
    struct fixture *f = *state;
    struct vit_error err;
    char path[300];

    for (size_t i = 0; i < VIT_COUNT(GRIDS); i++) save_grid(f, &GRIDS[i]);
    save(f, "batch/notes.txt", "");
    read_all(f);
    assert_int_equal(f->r.path_count, 1);
    assert_int_equal(f->r.source_count, 3);
    assert_int_equal(f->r.cell_count, 3);
    assert_int_equal(f->r.cells[0].depth, 6);
    assert_int_equal(f->r.cells[1].depth, 24);
    assert_int_equal(f->r.cells[2].depth, 12);
    save(f, "batch/compare.json", "{}");
    snprintf(path, sizeof path, "%s/batch", f->dir);
    assert_refused(report_read(&f->r, path, &err), VIT_ERR_FORMAT, "batch/compare.json", &err);
}

static void what_is_no_file_of_rows_is_refused(void **state)
{
    enum { LONGEST = 4096 }; /* PATH_MAX */
    struct fixture *f = *state;
    struct vit_error err;
    char path[LONGEST + 1];

    assert_refused(report_read(&f->r, "/dev/null", &err), VIT_ERR_IO,
                   "/dev/null: expected a file, found a device", &err);
    snprintf(path, sizeof path, "%s/pipe.json", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it: not waited for */
    assert_refused(report_read(&f->r, path, &err), VIT_ERR_IO, "pipe.json: expected a file, found a pipe",
                   &err);
    save(f, "probe.jsonl", "");
    snprintf(path, sizeof path, "%s/probe.jsonl", f->dir);
    assert_int_equal(truncate(path, ((off_t)1 << 28) + 1), 0);
    assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_UNSUPPORTED,
                   "probe.jsonl: 268435457 bytes, more than the 268435456 that are read", &err);
    memset(path, 'a', LONGEST - 60);
    path[LONGEST - 60] = '\0';
    assert_refused(report_read(&f->r, path, &err), VIT_ERR_ARG, "aaaa...: the name is too long", &err);
}

/* ---- a training run ---- */

#define STEP(n)  "{\"kind\":\"step\"," LOG_REST "\"epoch\":1,\"step\":" n "}\n"
#define LOG_REST "\"norm\":\"pre\",\"depth\":4,\"lr\":0.001,\"warmup\":10,\"init\":\"trunc02\",\"seed\":7,"

static void steps_of_a_run_do_not_go_back(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;

    save(f, "log.jsonl", STEP("20") STEP("20") STEP("19"));
    assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT,
                   "log.jsonl: line 3: \"step\": expected at least 20, found 19", &err);
}

static void a_training_run_is_a_cell(void **state)
{
    struct fixture *f = *state;
    struct text t;

    text_open(&t);
    for (int e = 1; e <= 3; e++)
        fprintf(t.out,
                "{\"kind\":\"epoch\",\"cell\":null,\"norm\":\"post\",\"depth\":4,\"lr\":0.001,\"warmup\":10,"
                "\"init\":"
                "\"trunc02\",\"seed\":7,\"epoch\":%d,\"step\":%d,\"train_loss\":2,\"val_loss\":%g,\"val_"
                "top1\":%g,"
                "\"grad_norm\":1,\"diverged\":false}\n",
                e, 10 * e, 3.0 - e, 0.1 * e);
    fprintf(
        t.out,
        "{\"kind\":\"step\",\"cell\":null,\"norm\":\"post\",\"depth\":4,\"lr\":0.001,\"warmup\":10,\"init\":"
        "\"trunc02\",\"seed\":7,\"epoch\":4,\"step\":34,\"train_loss\":null,\"diverged\":true}\n");
    text_save(&t, f, "log.jsonl");
    save(f, "config.json", "{\"classes\":10}");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
    assert_int_equal(f->r.cells[0].end, REPORT_DIVERGED);
    assert_int_equal(f->r.cells[0].epochs_done, 3);
    assert_int_equal(f->r.cells[0].steps, 34);
    assert_true(f->r.cells[0].val_top1 == 0.3);
    assert_int_equal(f->r.epoch_count, 4);
    assert_int_equal(f->r.sources[0].classes, 10);
}

/* A state as vit train leaves it, but for the tensors, which are not read here. */
#define NOTE(settings, data, val_n)                                                                          \
    "{\"version\":1,\"finished\":true,\"settings\":" settings ",\"data\":" data                              \
    ",\"kernels\":\"ref\",\"epoch\":0,\"batch\":0,\"loss_sum\":0,\"norm_sum\":0,\"correct\":0,\"seen\":0,"   \
    "\"steps\":0,\"train_loss\":2,\"val_n\":" val_n ",\"val_loss\":1,\"val_top1\":0.5,\"raw_val_n\":0,"      \
    "\"raw_val_loss\":null,\"raw_val_top1\":0}"

static void save_state(const struct fixture *f, const char *note, const char *step)
{
    static const float zero;
    const struct weights_entry entry = { "x", WEIGHTS_F32, 1, { 1 }, &zero };
    const struct weights_text meta[] = { { "vit.note", note }, { "vit.step", step } };
    struct vit_error err;
    char path[300];

    snprintf(path, sizeof path, "%s/state.safetensors", f->dir);
    assert_ok(weights_write(path, &entry, 1, meta, step ? 2 : 1, &err), &err);
}

static void a_run_with_its_state_knows_its_settings(void **state)
{
    struct fixture *f = *state;
    char dtype[16];

    save(f, "log.jsonl", STEP("20"));
    save_state(f, NOTE("{\"epochs\":\"7\",\"dtype\":\"bf16\"}", "\"here\"", "500"), "20");
    read_all(f);
    assert_int_equal(f->r.cell_count, 1);
    assert_int_equal(f->r.cells[0].end, REPORT_DONE);
    assert_int_equal(f->r.cells[0].epochs, 7);
    assert_int_equal(f->r.cells[0].val_n, 500);
    assert_string_equal(report_setting(&f->r, f->r.cells, RECIPE_DTYPE, dtype, sizeof dtype), "bf16");
    assert_string_equal(json_string_value(json_object_get(f->r.sources[0].about, "data")), "here");
}

/* Whoever hands a run on may leave its state out: the network says that it came to the end. */
static void a_run_with_a_network_and_no_state_is_done(void **state)
{
    struct fixture *f = *state;

    save(f, "log.jsonl", STEP("20"));
    read_all(f);
    assert_int_equal(f->r.cells[0].end, REPORT_UNFINISHED);
    save(f, "model.safetensors", "x");
    read_all(f);
    assert_int_equal(f->r.cells[0].end, REPORT_DONE);
}

static void a_state_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *note, *step, *says;
    } CASES[] = {
        { NOTE("{}", "\"d\"", "1"), NULL, "no usable \"note\" in its note" },
        { NOTE("[]", "\"d\"", "1"), "1", "no usable \"settings\" in its note" },
        { NOTE("{}", "3", "1"), "1", "no usable \"data\" in its note" },
        { NOTE("{}", "\"d\"", "-1"), "1", "no usable \"val_n\" in its note" },
        { NOTE("{}", "\"d\"", "2147483648"), "1", "no usable \"val_n\" in its note" },
        { NOTE("{}", "\"d\"", "\"1\""), "1", "no usable \"val_n\" in its note" },
        { NOTE("{\"lr\":[\"x\"]}", "\"d\"", "1"), "1", "state.safetensors: " },
        { "{}", "1", "no usable \"epoch\" in its note" },
        { "{", "1", "state.safetensors: not valid JSON" },
    };
    struct fixture *f = *state;
    struct vit_error err;

    save(f, "log.jsonl", STEP("20"));
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        save_state(f, CASES[i].note, CASES[i].step);
        assert_refused(report_read(&f->r, f->dir, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        report_free(&f->r);
    }
}

/* A log alone does not say it, a state does, and the line of a cell that ended. */
static void a_run_is_not_said_to_stay_on_the_plateau_where_nobody_knows(void **state)
{
    struct fixture *f = *state;

    save(f, "log.jsonl", STEP("20"));
    save(f, "model.safetensors", "x");
    read_all(f);
    assert_true(isnan(f->r.cells[0].plateau_step));
    save_state(f, NOTE("{}", "\"d\"", "1"), "20"); /* an old one */
    read_all(f);
    assert_true(isnan(f->r.cells[0].plateau_step));
    save_state(f, NOTE("{}", "\"d\"", "1,\"plateau_step\":0"), "20");
    read_all(f);
    assert_true(isinf(f->r.cells[0].plateau_step));
    save(f, "cells.jsonl",
         CELL_START
         "\"lr\":0.1,\"status\":\"dead\",\"plateau_step\":null}\n"
         "{\"cell\":\"b\",\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":6,\"warmup\":0,\"seed\":1,"
         "\"lr\":0.1,\"status\":\"done\",\"plateau_step\":7}\n");
    read_all(f);
    assert_true(isinf(f->r.cells[0].plateau_step));
    assert_true(f->r.cells[1].plateau_step == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_best_rate_is_one_that_loses_no_run),
        TEST(the_best_rate_is_the_best_on_average),
        TEST(runs_of_different_settings_are_not_mixed),
        TEST(runs_of_different_teachers_are_not_mixed),
        TEST(a_placement_keeps_its_style),
        TEST(planned_runs_that_have_not_ended_are_there),
        TEST(a_grid_of_which_nothing_has_ended_knows_its_settings),
        TEST(a_rate_that_no_grid_lists_is_the_presets),
        TEST(a_share_of_other_steps_is_another_warm_up),
        TEST(the_best_of_k_is_the_mean_over_all_choices),
        TEST(an_arm_of_unknown_worth_is_not_drawn),
        TEST(a_run_is_not_said_to_stay_on_the_plateau_where_nobody_knows),
        TEST(what_a_folder_leaves_to_its_preset_is_known),
        TEST(data_sets_are_not_mixed),
        TEST(seeds_of_another_folder_join_their_condition),
        TEST(a_run_in_two_folders_counts_once),
        TEST(a_run_that_another_folder_has_ended_is_not_open),
        TEST(only_the_warm_up_may_differ_within_a_match),
        TEST(panels_stand_by_depth_under_their_heading),
        TEST(rows_of_different_networks_are_not_mixed),
        TEST(a_row_that_is_there_twice_counts_once),
        TEST(a_wrong_line_is_named),
        TEST(a_line_without_an_end_is_not_there),
        TEST(a_folder_of_something_else_is_refused),
        TEST(a_folder_of_folders_is_read_as_them),
        TEST(what_is_no_file_of_rows_is_refused),
        TEST(steps_of_a_run_do_not_go_back),
        TEST(a_training_run_is_a_cell),
        TEST(a_run_with_its_state_knows_its_settings),
        TEST(a_run_with_a_network_and_no_state_is_done),
        TEST(a_state_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
