/* The page and its figures as files: what they say and what they are. */
#include "tests/tools/report.h"
#include "tools/report_figures.h"

/* The figure as a file; owned by the caller. */
static void figure_of(char **svg, const struct fixture *f, const char *id, const char *title)
{
    struct vit_error err;
    size_t size;
    FILE *out = open_memstream(svg, &size);

    assert_ok(report_svg(out, &f->r, id, title, &err), &err);
    fclose(out);
}

/* ---- the page ---- */

static void every_lost_run_is_on_the_page(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.5, NULL },
        { "post", 1e-3, 0, "dead", 0.1, ",\"reason\":\"dead at step 600\"" },
        { "post", 3e-3, 0, "diverged", NAN, ",\"reason\":\"diverged at step 7\"" },
    };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(page, "4 training runs");
    assert_has(page, "1 done, 1 dead, 1 diverged, 1 unfinished");
    assert_has(page, "<title>post, lr 1e-3: 1 of 1 dead</title>");
    assert_has(page, "<title>post, lr 3e-3: 1 of 1 diverged</title>");
    assert_has(page, "<title>pre, lr 3e-3: 1 of 1 unfinished</title>");
    assert_has(page, "dead at step 600");
    assert_has(page, "diverged at step 7");
    /* 1 of 2: Wilson's interval is 9.45 to 90.55 per cent. */
    assert_has(page, "1 of 2 <small>(9–91 %)</small>");
    free(page);
}

/* SciPy: t.ppf(0.975, 1) sem() is 12.71 and 38.12 points, ttest_ind(post, pre, equal_var=False) has the
 * interval -34.54 to 18.54, binomtest(800, 1000).proportion_ci(method="wilson") is 77.41 to 82.36. */
static void the_arms_have_their_intervals(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.70, NULL },      { "pre", 1e-3, 1, "done", 0.72, NULL },
        { "post", 1e-3, 0, "done", 0.60, NULL },     { "post", 1e-3, 1, "done", 0.66, NULL },
        { "res-post", 1e-3, 0, "done", 0.80, NULL },
    };
    struct fixture *f = *state;
    char *page;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "pre</th><td class=\"n\">1e-3 <small>only</small></td><td class=\"n\">2</td>"
                     "<td class=\"n\">71.00 <small>± 12.71</small></td><td class=\"n\">–</td>");
    assert_has(page, "<td class=\"n\">63.00 <small>± 38.12</small></td>"
                     "<td class=\"n\">-8.00 <small>(-34.54 to +18.54)</small></td>");
    assert_has(page, "<td class=\"n\">80.00 <small>(77.4–82.4) †</small></td>"
                     "<td class=\"n\">+9.00 <small>‡</small></td>");
    free(page);
}

/* Of an arm with several seeds the runs that ended are dots behind its line, and no others are. */
static void single_runs_are_dots_of_their_own_arm(void **state)
{
    static const struct cell CELLS[] = {
        { "pre", 1e-3, 0, "done", 0.70, NULL },  { "pre", 1e-3, 1, "done", 0.72, NULL },
        { "pre", 1e-3, 2, "dead", 0.10, NULL },  { "pre", 3e-3, 0, "done", 0.68, NULL },
        { "post", 1e-3, 0, "done", 0.60, NULL }, { "post", 3e-3, 0, "done", 0.66, NULL },
    };
    struct fixture *f = *state;
    int dots = 0;
    char *svg;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    figure_of(&svg, f, "learning-rate", NULL);
    for (const char *at = svg; (at = strstr(at, "<circle class=\"dot ")); at++) dots++;
    assert_int_equal(dots, 3);
    free(svg);
}

static void the_page_says_what_was_not_tested(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL },
                                         { "pre", 3e-3, 0, "done", 0.6, NULL },
                                         { "post", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "1 of 4 runs have not ended");
    assert_has(page, "Every point is one run with one seed");
    assert_has(page, "<span class=\"nb\">3e-3</span> is the best and the highest tried");
    assert_has(page, "only <span class=\"nb\">1e-3</span> was tried"); /* 3e-3 is planned */
    assert_has(page, "No run had more than 5 epochs");
    assert_has(page, "depth 6, warm-up 200, init xavier");
    assert_has(page, "width 96");
    assert_has(page, "Not among the arms: res-post, sandwich");
    assert_has(page, "No paired comparison");
    free(page);
}

/* Placements that were compared were tried; without an arm there is none that others could be among. */
static void compared_placements_are_not_missing(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char path[300], *page;
    struct vit_error err;

    save(
        f, "compare.json",
        "{\"mcnemar_p\":0.5,\"n\":10,\"arms\":[{\"name\":\"A\",\"runs\":[{\"file\":\"a\",\"norm\":\"pre\"}]},"
        "{\"name\":\"B\",\"runs\":[{\"file\":\"b\",\"norm\":\"post\"}]}]}");
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "Not among the arms: res-post, sandwich");
    free(page);
    report_free(&f->r);
    snprintf(path, sizeof path, "%s/compare.json", f->dir);
    assert_ok(report_read(&f->r, path, &err), &err);
    assert_ok(report_arrange(&f->r, &err), &err);
    page_of(&page, f);
    assert_has(page, "What the comparison says");
    assert_lacks(page, "What was not tested");
    free(page);
}

static void the_commands_are_safe_to_paste(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json", GRID);
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "--data &#39;/it&#39;\\&#39;&#39;s here&#39;");
    assert_has(page, "--norm pre,post");
    assert_has(page, "--lr 0.001,0.003");
    assert_has(page, "--qk-norm \\\n");
    assert_lacks(page, "--embed-norm");
    assert_has(page, "<pre><code>printf %s &#39;{&quot;embed-norm&quot;:[false]}&#39; | vit sweep \\\n");
    assert_has(page, "--recipe /dev/stdin \\\n");
    assert_has(page, "--dead-after 600");
    assert_has(page, "--no-test");
    free(page);
}

/* No option of sweep says that a switch is off, nor has a value with a comma. */
static void what_no_option_says_is_a_recipe(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json",
         "{\"data\":\"d\",\"settings\":{\"lr\":[\"0.001\",\"0.003\"],\"qk-norm\":[\"off\",\"on\"],"
         "\"from\":[\"a,b\",\"it's\"]}}");
    save_cells(f, CELLS, VIT_COUNT(CELLS));
    read_all(f);
    page_of(&page, f);
    assert_has(page, "printf %s &#39;{&quot;qk-norm&quot;:[false,true],&quot;from&quot;:[&quot;a,b&quot;,"
                     "&quot;it&#39;\\&#39;&#39;s&quot;]}&#39; | vit sweep \\\n");
    assert_has(page, "--lr 0.001,0.003 \\\n    --recipe /dev/stdin\n");
    assert_lacks(page, "--qk-norm");
    assert_lacks(page, "--from");
    free(page);
}

/* Every text of a file or of the command line that can reach the page. */
static void no_text_of_a_file_becomes_markup(void **state)
{
#define EVIL "<script>alert(1)</script>\\\"'&]]>\\u001b\\u007f\\u009b\\ufffe<img src=x onerror=y>"
    struct fixture *f = *state, inner = { 0 };
    char *page, *svg;

    snprintf(inner.dir, sizeof inner.dir, "%.200s/<b>&\"'", f->dir);
    save(&inner, "sweep.json",
         "{\"data\":\"" EVIL "\",\"dead_after\":\"" EVIL "\",\"kernels\":\"" EVIL
         "\",\"settings\":{\"norm\":[\"" EVIL "\"],\"" EVIL "\":[\"" EVIL "\",\"" EVIL
         "\"],\"width\":[\"" EVIL "\"]}}");
    save(&inner, "cells.jsonl",
         "{\"cell\":\"" EVIL "\",\"norm\":\"" EVIL "\",\"init\":\"" EVIL "\",\"depth\":6,\"warmup\":\"" EVIL
         "\",\"seed\":0,\"lr\":1,\"status\":\"done\",\"val_top1\":0.5,"
         "\"reason\":\"" EVIL "\",\"width\":\"" EVIL "\"}\n"
         "{\"cell\":\"b\",\"norm\":\"pre\",\"init\":\"" EVIL "\",\"depth\":6,\"warmup\":\"" EVIL
         "\",\"seed\":0,\"lr\":1,\"status\":\"dead\",\"width\":\"2\"}\n");
    save(&inner, "probe.jsonl",
         "{\"norm\":\"" EVIL "\",\"init\":\"" EVIL "\",\"model\":\"" EVIL
         "\",\"depth\":1,\"block\":0,\"grad_w2\":1,\"token_cosine\":1}");
    save(&inner, "compare.json",
         "{\"mcnemar_p\":0.5,\"dataset\":\"" EVIL "\",\"split\":\"" EVIL
         "\",\"n\":10,\"arms\":[{\"name\":\"" EVIL "\",\"runs\":[{\"file\":\"" EVIL "\"}]},{\"name\":\"" EVIL
         "\",\"runs\":[]}],\"follows\":[\"" EVIL "\"],\"holm\":[{\"a\":\"" EVIL "\",\"b\":\"" EVIL
         "\",\"p\":null}]}");
    read_all(&inner);
    page_of(&page, &inner);
    figure_of(&svg, &inner, "learning-rate", EVIL);
    report_free(&inner.r);
    assert_well_formed(svg);
    assert_lacks(svg, "<script");
    assert_lacks(svg, "<img");
    free(svg);
    assert_well_formed(page);
    assert_lacks(page, "<script");
    assert_lacks(page, "<img");
    assert_lacks(page, "<b>&");
    assert_has(
        page,
        "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;]]&gt;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
        "\xef\xbf\xbd&lt;img");
    free(page);
#undef EVIL
}

static void numbers_that_do_not_exist_are_gaps(void **state)
{
    struct fixture *f = *state;
    char *page;

    save(f, "cells.jsonl",
         CELL_START "\"lr\":1,\"status\":\"done\",\"val_top1\":null,\"train_loss\":null}\n");
    save(f, "epochs.jsonl",
         CELL_START "\"lr\":1,\"epoch\":1,\"step\":10,\"train_loss\":null}\n" CELL_START
                    "\"lr\":1,\"epoch\":2,\"step\":20,\"train_loss\":1e308,\"val_loss\":-1e308}\n");
    save(f, "probe.jsonl",
         "[{\"norm\":\"pre\",\"init\":\"x\",\"depth\":2,\"seed\":0,\"block\":0,\"grad_w2\":null,\"stream_"
         "rms\":0},"
         "{\"norm\":\"pre\",\"init\":\"x\",\"depth\":2,\"seed\":0,\"block\":1,\"grad_w2\":-1,\"stream_rms\":"
         "1e-300}]");
    save(f, "compare.json", "{\"mcnemar_p\":null,\"n\":0,\"difference\":null}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page); /* and no coordinate is nan or inf */
    assert_lacks(page, "nan");
    free(page);
}

/* A rate of 0 is a run like any other, but has no place on a logarithmic axis. */
static void runs_at_no_rate_are_in_the_tables(void **state)
{
    struct fixture *f = *state;
    char *page;

    save(f, "sweep.json",
         "{\"cells\":[{\"cell\":\"b\",\"norm\":\"pre\",\"lr\":0.1},{\"cell\":\"c\",\"norm\":\"pre\",\"lr\":0}"
         "]}");
    save(f, "cells.jsonl", CELL_START "\"lr\":0,\"status\":\"done\",\"val_top1\":0.125}\n");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page); /* and no coordinate is nan or inf */
    assert_has(page, "12.5");
    assert_has(page, "Runs at a rate of 0 have no place here");
    free(page);
    save(f, "cells.jsonl", CELL_START "\"lr\":1,\"status\":\"done\",\"val_top1\":0.125}\n");
    save(f, "sweep.json", "{}");
    read_all(f);
    page_of(&page, f);
    assert_lacks(page, "Runs at a rate of 0");
    free(page);
}

static void diagnostics_and_words_are_shown(void **state)
{
    struct fixture *f = *state;
    struct text t;
    char *page;

    text_open(&t);
    for (int d = 6; d <= 12; d += 6)
        for (int b = 0; b < d; b++)
            fprintf(t.out,
                    "{\"norm\":\"post\",\"init\":\"xavier\",\"condition\":\"init "
                    "xavier\",\"depth\":%d,\"seed\":0,"
                    "\"block\":%d,\"grad_w2\":%g,\"stream_rms\":1,\"branch_share\":1,\"token_cosine\":%g,"
                    "\"step_change\":0.3,\"entropy\":0.8,\"width\":128}\n",
                    d, b, 1.0 + b, b >= 8 ? 0.995 : 0.5);
    text_save(&t, f, "probe.jsonl");
    save(f, "compare.json",
         "{\"mcnemar_p\":0.04,\"n\":1000,\"top1_a\":0.6,\"only_a\":7,\"arms\":[{\"name\":\"pre\"},"
         "{\"name\":\"post\"}],\"welch\":{\"difference\":0.012,\"difference_ci95\":[0.002,0.022],"
         "\"p\":0.03},\"follows\":[\"These two networks differ.\"]}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(page, "post, depth 12, init xavier, from block 8 on");
    assert_has(page, "Gradient by block");
    assert_has(page, "Gradient of the last block against depth");
    assert_has(page, "Entropy of attention");
    assert_has(page, "<li>These two networks differ.</li>");
    assert_has(page, "right: pre alone");
    assert_has(page, "<td class=\"n\">1.20</td><td class=\"n\">0.20 to 2.20</td>");
    assert_has(page, "vit probe \\\n    --norm post");
    assert_has(page, "<h3>pre against post</h3>");
    free(page);
}

/* Everything that its rows say of how they were made, and of several comparisons which is which. */
static void the_commands_have_what_the_rows_say(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;
    char path[300], *page;

    save(f, "probe.jsonl",
         "{\"norm\":\"post\",\"init\":\"xavier\",\"depth\":6,\"seed\":5,\"block\":0,\"grad_w2\":1,"
         "\"pool\":\"cls\",\"embed_norm\":true,\"qk_norm\":false,\"stem\":\"conv-3x2\","
         "\"patch\":0,\"pictures\":32,\"steps\":4,\"data\":\"noise\"}\n");
    save(f, "compare.json",
         "{\"mcnemar_p\":0.04,\"flip\":true,\"tost\":{\"margin\":0.01},"
         "\"bootstrap\":{\"draws\":500},\"arms\":[{\"name\":\"pre\",\"runs\":["
         "{\"file\":\"a.safetensors\",\"top1\":0.5}]},{\"name\":\"post\"}]}");
    save(f, "other.json", "{\"mcnemar_p\":0.4,\"arms\":[{\"name\":\"pre\"},{\"name\":\"post\"}]}");
    snprintf(path, sizeof path, "%s/other.json", f->dir);
    assert_ok(report_read(&f->r, f->dir, &err), &err);
    assert_ok(report_read(&f->r, path, &err), &err);
    assert_ok(report_arrange(&f->r, &err), &err);
    page_of(&page, f);
    assert_has(page, "--stem conv-3x2 \\\n    --pool cls \\\n    --steps 4 \\\n    "
                     "--limit 32 \\\n    --embed-norm \\\n    --seed 5 \\\n    "
                     "--seeds 1 \\\n    --noise --json");
    assert_has(page, "pre=a.safetensors \\\n    post= \\\n    --flip \\\n    "
                     "--margin 1 \\\n    --bootstrap 500 \\\n    --json");
    assert_has(page, "/compare.json)</h3>");
    assert_has(page, "/other.json)</h3>");
    free(page);
}

/* Of 3000 seeds; with every prefix of them looked through for each, it took minutes. */
static void many_networks_are_those_of_one_command(void **state)
{
    struct fixture *f = *state;
    struct text t;
    char *page;

    text_open(&t);
    for (int seed = 0; seed < 3000; seed++)
        fprintf(t.out,
                "{\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":1,\"seed\":%d,\"block\":0,\"grad_w2\":1}\n",
                seed);
    text_save(&t, f, "probe.jsonl");
    read_all(f);
    page_of(&page, f);
    assert_has(page, "--seeds 3000 --json");
    assert_int_equal(count(page, "vit probe \\\n"), 1);
    free(page);
}

/* Seeds are counted upwards, and a command has them of every depth. */
static void networks_of_no_one_command_are_those_of_several(void **state)
{
    static const struct {
        int depth, seed;
    } NETWORKS[] = { { 1, 0 }, { 1, 1 }, { 2, 0 }, { 2, 1 }, { 1, 3 }, { 1, 4 }, { 1, 2 }, { 2, 2 } };
    struct fixture *f = *state;
    struct text t;
    char *page;

    text_open(&t);
    for (size_t i = 0; i < VIT_COUNT(NETWORKS); i++)
        fprintf(t.out,
                "{\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":%d,\"seed\":%d,\"block\":0,\"grad_w2\":1}\n",
                NETWORKS[i].depth, NETWORKS[i].seed);
    text_save(&t, f, "probe.jsonl");
    read_all(f);
    page_of(&page, f);
    assert_int_equal(count(page, "vit probe \\\n"), 3);
    assert_has(page, "--depth 1,2 \\\n    --seeds 2 --json");
    assert_has(page, "--depth 1 \\\n    --seed 3 \\\n    --seeds 2 --json");
    assert_has(page, "--depth 1,2 \\\n    --seed 2 \\\n    --seeds 1 --json");
    free(page);
}

/* The matched-recipe grid with two initialisations and three seeds: 288 runs. */
static void a_whole_grid_is_small_and_comes_out_the_same(void **state)
{
    struct fixture *f = *state;
    struct text cells, epochs;
    char *page, *again;

    text_open(&cells);
    text_open(&epochs);
    for (int i = 0; i < 288; i++) {
        static const double RATES[] = { 1e-4, 3e-4, 1e-3, 3e-3 };
        char head[400];
        snprintf(head, sizeof head,
                 "{\"cell\":\"c%d\",\"norm\":\"%s\",\"depth\":%d,\"lr\":%g,\"warmup\":%d,\"init\":\"%s\","
                 "\"seed\":%d",
                 i, i % 2 ? "post" : "pre", 6 << (i / 2 % 3), RATES[i / 6 % 4], i / 24 % 2 * 200,
                 i / 48 % 2 ? "xavier" : "trunc02", i / 96);
        fprintf(
            cells.out,
            "%s,\"epochs\":5,\"status\":\"done\",\"epochs_done\":5,\"steps\":1950,\"train_loss\":1.2345678,"
            "\"val_loss\":1.3456789,\"val_top1\":0.6%03d,\"val_n\":5000,\"plateau_step\":%d}\n",
            head, i, 50 + i);
        for (int e = 1; e <= 5; e++)
            fprintf(epochs.out,
                    "%s,\"kind\":\"epoch\",\"epoch\":%d,\"step\":%d,\"train_loss\":%g,\"val_loss\":%g,\"val_"
                    "top1\":0.%d,"
                    "\"grad_norm\":1.%d,\"diverged\":false}\n",
                    head, e, 390 * e, 2.5 / e, 2.6 / e, e, i);
    }
    text_save(&cells, f, "cells.jsonl");
    text_save(&epochs, f, "epochs.jsonl");
    read_all(f);
    page_of(&page, f);
    read_all(f);
    page_of(&again, f);
    assert_int_equal(f->r.condition_count, 12);
    assert_string_equal(page, again);
    assert_well_formed(page);
    assert_true(strlen(page) < 1000000);
    assert_int_equal(count(page, "<svg class=\"plot\""), 12 * 7);
    assert_lacks(page, "http-equiv");
    assert_lacks(page, "src=");
    free(page);
    free(again);
}

/* ---- what may be compared ---- */

/* Two lengths of training, two initialisations: no number is of both. */
static const struct line MIXED[] = {
    { "pre", "xavier", 6, 0, 1, 0, 1e-3, "done", 0.41 },
    { "post", "xavier", 6, 0, 1, 0, 1e-3, "dead", 0.1 },
    { "pre", "xavier", 6, 200, 1, 0, 1e-3, "done", 0.43 },
    { "post", "xavier", 6, 200, 1, 0, 1e-3, "done", 0.4 },
    { "pre", "xavier", 6, 0, 1, 0, 3e-3, "done", 0.3 },
    { "pre", "trunc02", 6, 0, 1, 0, 1e-3, "done", 0.42 },
    { "post", "trunc02", 6, 0, 1, 0, 1e-3, "done", 0.42 },
    { "pre", "xavier", 6, 0, 3, 1, 1e-3, "done", 0.48 },
    { "pre", "xavier", 6, 0, 3, 2, 1e-3, "done", 0.5 },
};
static const struct grid MIXED_GRID = { "a", "data", "", MIXED, VIT_COUNT(MIXED) };

/* The text of the n-th card. */
static void card_of(char *text, size_t size, const char *page, int n)
{
    const char *at = page, *end;

    for (int i = 0; i <= n; i++) {
        at = strstr(at, "<div class=\"card\">");
        assert_non_null(at);
        at++;
    }
    end = strstr(at, "</div>");
    assert_non_null(end);
    snprintf(text, size, "%.*s", (int)(end - at), at);
}

static void a_card_is_of_one_setting(void **state)
{
    struct fixture *f = *state;
    char *page, card[4096];

    read_grids(f, &MIXED_GRID, 1);
    page_of(&page, f);
    assert_well_formed(page);
    assert_int_equal(count(page, "<div class=\"card\">"), 3);
    card_of(card, sizeof card, page, 0);
    assert_has(card, "<caption>depth 6, xavier, epochs 1</caption>");
    assert_has(card, "43.00 %");
    assert_has(card, "warm-up 200 steps, 1 seed<br/>best of 3; lost <span class=\"nb\">0 of 3</span>");
    assert_has(card, "40.00 %");
    assert_has(card, "1 of 2");
    card_of(card, sizeof card, page, 1);
    assert_has(card, "<caption>depth 6, trunc02, epochs 1</caption>");
    assert_int_equal(count(card, "42.00 %"), 2);
    card_of(card, sizeof card, page, 2);
    assert_has(card, "<caption>depth 6, xavier, epochs 3</caption>");
    assert_has(card, "49.00 %"); /* the mean of two seeds */
    assert_has(card, "2 seeds");
    free(page);
}

static void lost_runs_are_counted_for_each_recipe(void **state)
{
    struct fixture *f = *state;
    char *page;

    read_grids(f, &MIXED_GRID, 1);
    page_of(&page, f);
    assert_has(page, "<li>xavier, epochs 1: pre 0 of 2, post 1 of 2: Fisher's exact test, p = 1.</li>");
    assert_has(page, "<li>trunc02, epochs 1: pre 0 of 1, post 0 of 1: neither lost any.</li>");
    assert_lacks(page, "under one recipe");
    free(page);
}

static void combinations_that_were_not_run_are_named(void **state)
{
    struct fixture *f = *state;
    char *page;

    read_grids(f, &MIXED_GRID, 1);
    page_of(&page, f);
    assert_has(page,
               "Not run, though each part of them was: depth 6, warm-up 200 steps, trunc02, epochs 1.</li>");
    free(page);
}

/* All of them: of one rate and several seeds. */
static void runs_at_a_single_rate_are_named(void **state)
{
    static const struct line LINES[] = {
        { "pre", "xavier", 6, 0, 1, 0, 1e-3, "done", 0.4 },
        { "pre", "xavier", 6, 0, 1, 0, 3e-3, "done", 0.3 },
        { "pre", "xavier", 6, 0, 3, 1, 1e-3, "done", 0.48 },
        { "pre", "xavier", 6, 0, 3, 2, 1e-3, "done", 0.5 },
        { "post", "xavier", 6, 0, 3, 1, 1e-3, "done", 0.4 },
        { "post", "xavier", 6, 0, 3, 2, 1e-3, "done", 0.4 },
        { "post", "xavier", 12, 0, 3, 1, 1e-3, "done", 0.4 },
        { "post", "xavier", 12, 0, 3, 2, 1e-3, "done", 0.4 },
        { "pre", "xavier", 12, 0, 3, 2, 1e-3, "done", 0.4 },
    };
    const struct grid grid = { "a", "data", "", LINES, VIT_COUNT(LINES) };
    struct fixture *f = *state;
    char *page;

    read_grids(f, &grid, 1);
    page_of(&page, f);
    assert_has(page, "Runs at a single rate (depth 6, no warm-up, xavier, epochs 3: pre, post; depth 12, no "
                     "warm-up, xavier, epochs 3: post) are free of that");
    free(page);
}

/* ---- curves ---- */

/* A line of one point is not seen. Its place is a step of the whole run. */
static void a_run_of_one_validation_is_a_marker(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL },
                                         { "post", 1e-3, 0, "done", 0.4, NULL } };
    struct fixture *f = *state;
    struct text t;
    char *svg;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    text_open(&t);
    for (size_t i = 0; i < VIT_COUNT(CELLS); i++)
        fprintf(t.out,
                "{\"cell\":\"%s_0.001_0\",\"norm\":\"%s\",\"init\":\"xavier\",\"depth\":6,\"lr\":0.001,"
                "\"warmup\":200,\"seed\":0,\"epoch\":1,\"step\":1406,\"val_loss\":1.5,\"val_top1\":0.5}\n",
                CELLS[i].norm, CELLS[i].norm);
    text_save(&t, f, "epochs.jsonl");
    read_all(f);
    figure_of(&svg, f, "val-loss", NULL);
    assert_int_equal(count(svg, "<path class=\"mark "), 4); /* two of them in the legend */
    assert_has(svg, ">0</text>");
    assert_has(svg, ">1250</text>");
    assert_lacks(svg, ">1406.0</text>");
    free(svg);
}

/* ---- a figure as a file ---- */

/* From behind begin to end, in text. */
static const char *between(char *out, size_t size, const char *text, const char *begin, const char *end)
{
    const char *at = strstr(text, begin), *stop;

    if (!at) fail_msg("there is no %s", begin);
    at += strlen(begin);
    stop = strstr(at, end);
    assert_non_null(stop);
    snprintf(out, size, "%.*s", (int)(stop - at), at);
    return out;
}

static void a_figure_is_drawn_alike_on_the_page_and_in_its_file(void **state)
{
    struct fixture *f = *state;
    char *page, *svg, plot[8192];

    read_grids(f, &MIXED_GRID, 1);
    page_of(&page, f);
    figure_of(&svg, f, "learning-rate", NULL);
    for (int i = 0; i < 4; i++) {
        char begin[64];
        snprintf(begin, sizeof begin, "<title id=\"learning-rate-%d-t\">", i);
        assert_has(svg, between(plot, sizeof plot, page, begin, "</svg>"));
    }
    assert_int_equal(count(svg, "class=\"plot\""), 4);
    assert_has(page, "<figure id=\"learning-rate\">"); /* the name is the id */
    free(page);
    free(svg);
}

/* Its own ground, title, legend and headings; light and dark; nothing loaded; no variables, which are for
 * browsers alone. */
static void a_figure_stands_alone(void **state)
{
    static const char *const PARTS[] = { "<rect class=\"ground\"",
                                         ">A &amp; B</text>",
                                         ">pre</text>",
                                         ">post</text>",
                                         ">lost, in the marker of its arm</text>",
                                         ">epochs 3</text>",
                                         ">depth 6, no warm-up, trunc02</text>",
                                         "prefers-color-scheme:dark",
                                         ".ground{fill:#fff}",
                                         ".ground{fill:#14171b}",
                                         "xmlns=\"http://www.w3.org/2000/svg\"" };
    struct fixture *f = *state;
    char *svg, *again;

    read_grids(f, &MIXED_GRID, 1);
    figure_of(&svg, f, "learning-rate", "A & B");
    assert_memory_equal(svg, "<svg ", 5);
    assert_well_formed(svg);
    for (size_t i = 0; i < VIT_COUNT(PARTS); i++) assert_has(svg, PARTS[i]);
    assert_lacks(svg, "var(");
    assert_lacks(svg, "href");
    assert_lacks(svg, "class=\"key\"");
    figure_of(&again, f, "learning-rate", "A & B");
    assert_string_equal(svg, again);
    free(svg);
    free(again);
}

/* Nothing reaches beyond the drawing: the lowest and rightmost panel ends inside. */
static void a_figure_is_as_large_as_its_panels(void **state)
{
    static const struct line DEPTHS[] = {
        { "pre", "xavier", 6, 0, 1, 0, 1e-3, "done", 0.4 },
        { "pre", "xavier", 12, 0, 1, 0, 1e-3, "done", 0.4 },
        { "pre", "xavier", 24, 0, 1, 0, 1e-3, "done", 0.4 },
        { "pre", "xavier", 48, 0, 1, 0, 1e-3, "done", 0.4 },
    };
    static const double PANELS[] = { 1, 2, 3, 3 };
    struct fixture *f = *state;

    for (size_t n = 1; n <= VIT_COUNT(DEPTHS); n++) {
        const struct grid grid = { "a", "data", "", DEPTHS, n };
        char *svg, width[32];
        const char *at;
        int x, y, height;
        read_grids(f, &grid, 1);
        figure_of(&svg, f, "learning-rate", NULL);
        assert_true(atof(between(width, sizeof width, svg, "viewBox=\"0 0 ", " ")) >=
                    PANELS[n - 1] * PLOT_WIDTH);
        assert_true(atof(width) < (PANELS[n - 1] + 0.5) * PLOT_WIDTH);
        assert_int_equal(sscanf(strstr(svg, "viewBox=\"0 0 ") + 13, "%d %d", &x, &height), 2);
        for (at = svg; (at = strstr(at, "<g class=\"plot\" transform=\"translate(")); at++) {
            assert_int_equal(sscanf(at + 37, "%d %d", &x, &y), 2);
            assert_true(x + PLOT_WIDTH <= atoi(width) && y + 200 <= height);
        }
        free(svg);
    }
}

static void a_figure_without_data_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vit_error err;

    read_grids(f, &MIXED_GRID, 1);
    assert_refused(report_svg(NULL, &f->r, "cosine", NULL, &err), VIT_ERR_ARG,
                   "figure cosine: the inputs have no data for it, expected one of learning-rate", &err);
    assert_refused(report_svg(NULL, &f->r, "nose", NULL, &err), VIT_ERR_ARG, "none of that name", &err);
}

/* ---- a comparison of three arms ---- */

static void all_arms_of_a_comparison_are_shown(void **state)
{
    struct fixture *f = *state;
    char *page;

    save(f, "compare.json",
         "{\"mcnemar_p\":0.5,\"n\":1000,\"arms\":["
         "{\"name\":\"pre\",\"mean\":0.481,\"sd\":0.0034,\"runs\":[{\"file\":\"p1\",\"top1\":0.48},{\"file\":"
         "\"p2\",\"top1\":0.482}]},"
         "{\"name\":\"post\",\"mean\":0.487,\"sd\":0.007,\"runs\":[{\"file\":\"q1\",\"top1\":0.487}]},"
         "{\"name\":\"deepnorm\",\"mean\":0.5,\"sd\":null,\"runs\":[{\"file\":\"it's\",\"top1\":0.5}]}],"
         "\"holm\":[{\"a\":\"pre\",\"b\":\"deepnorm\",\"test\":\"welch\",\"difference\":-0.019,\"difference_"
         "ci95\":[-0.03,-0.008],"
         "\"p\":0.01,\"p_holm\":0.02},{\"a\":\"post\",\"b\":\"deepnorm\",\"test\":\"welch\",\"difference\":-"
         "0.013,\"p\":0.04,\"p_holm\":0.04}],"
         "\"follows\":[\"Something.\"]}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(page, "<h3>pre, post, deepnorm</h3>");
    assert_has(page, "are the median runs of pre and post");
    assert_has(page,
               "<td class=\"n\">48.10</td><td class=\"n\">0.34</td><td class=\"why\">48.00, 48.20</td>");
    assert_has(page, "<th scope=\"row\">deepnorm</th><td class=\"n\">1</td><td class=\"n\">50.00</td><td "
                     "class=\"n\">–</td>");
    assert_has(page, "over runs (Welch), corrected for their number (Holm)");
    assert_has(page,
               "<th scope=\"row\">pre – deepnorm</th><td class=\"n\">-1.90</td><td class=\"n\">-3.00 to "
               "-0.80</td><td class=\"n\">0.01</td><td class=\"n\">0.02</td>");
    assert_has(
        page,
        "vit compare \\\n    pre=p1,p2 \\\n    post=q1 \\\n    &#39;deepnorm=it&#39;\\&#39;&#39;s&#39;");
    free(page);
}

/* Of versions that did not say how a comparison was made. */
static void an_older_comparison_has_a_command(void **state)
{
    struct fixture *f = *state;
    char *page;

    save(f, "compare.json",
         "{\"mcnemar_p\":0.5,\"n\":60,\"dataset\":\"cifar10\",\"split\":\"held-out\",\"flip\":true,\"arms\":["
         "{\"name\":\"pre\",\"runs\":[{\"file\":\"p\"}]},{\"name\":\"post\",\"runs\":[{\"file\":\"q\"}]}]}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(
        page,
        "vit compare \\\n    pre=p \\\n    post=q \\\n    --data cifar10 \\\n    --flip \\\n    --json");
    assert_has(page, "   # without --held-out, whose fraction is not in the file\n");
    assert_lacks(page, "--split");
    free(page);
}

/* Two seeds at a rate, of other widths and warm-ups too, with what they reach on validation and test. */
static void put_seeds(FILE *out, const char *norm, double lr, int warmup, int width, double val, double test)
{
    for (int seed = 1; seed <= 2; seed++)
        fprintf(out,
                "{\"cell\":\"%s_%g_%d_%d_%d\",\"norm\":\"%s\",\"depth\":6,\"lr\":%g,\"warmup\":%d,"
                "\"init\":\"xavier\",\"seed\":%d,\"epochs\":5,\"status\":\"done\",\"epochs_done\":5,"
                "\"width\":%d,\"val_top1\":%g,\"val_n\":1000,\"test_top1\":%g,\"test_n\":1000}\n",
                norm, lr, warmup, width, seed, norm, lr, warmup, seed, width, val, test + seed / 100.0);
}

#define COMPARED(norm, rest, first, second)                                                                  \
    "{\"name\":\"" norm "\",\"runs\":[{\"file\":\"logits/" norm "_" rest "_1.safetensors\",\"top1\":" first  \
    "},{\"file\":\"cells/" norm "_" rest "_2/model.safetensors\",\"top1\":" second "}]}"

/* pre has a better rate in the same condition, post with another warm-up; deepnorm with another width alone,
 * which is no equal setting; of sandwich another file has the numbers, and says nothing. */
static void a_better_rate_than_the_compared_one_is_said(void **state)
{
    struct fixture *f = *state;
    struct text t;
    char *page;

    text_open(&t);
    put_seeds(t.out, "pre", 1e-3, 0, 96, 0.4, 0.39);
    put_seeds(t.out, "pre", 3e-4, 0, 96, 0.42, 0.41);
    put_seeds(t.out, "post", 1e-3, 0, 96, 0.41, 0.4);
    put_seeds(t.out, "post", 1e-3, 200, 96, 0.44, 0.43);
    put_seeds(t.out, "deepnorm", 1e-3, 0, 96, 0.45, 0.44);
    put_seeds(t.out, "deepnorm", 3e-4, 0, 96, 0.4, 0.39);
    put_seeds(t.out, "deepnorm", 3e-4, 0, 192, 0.5, 0.5);
    put_seeds(t.out, "sandwich", 1e-3, 0, 96, 0.3, 0.3);
    put_seeds(t.out, "sandwich", 3e-4, 0, 96, 0.4, 0.4);
    text_save(&t, f, "cells.jsonl");
    save(f, "compare.json",
         "{\"mcnemar_p\":0.5,\"n\":1000,\"arms\":[" COMPARED("pre", "0.001_0_96", "0.4", "0.41") "," COMPARED(
             "post", "0.001_0_96", "0.41", "0.42") "," COMPARED("deepnorm", "0.001_0_96", "0.45",
                                                                "0.46") "," COMPARED("sandwich", "0.001_0_96",
                                                                                     "0.31", "0.33") "]}");
    read_all(f);
    page_of(&page, f);
    assert_well_formed(page);
    assert_has(
        page,
        "<li>pre was not compared at the best rate that is known for it here: at 1e-3 it reaches 40.00 % of "
        "the validation pictures, 40.50 % of the test pictures (2 seeds), at 3e-4, all else being equal, "
        "42.00 % of the validation pictures, 42.50 % of the test pictures (2 seeds).</li>");
    assert_has(page, "<li>post was not compared at the best rate that is known for it here: at 1e-3 it");
    assert_has(page,
               ", at 1e-3 and with warm-up 200 steps in place of no warm-up, all else being equal, 44.00 %");
    assert_int_equal(count(page, "was not compared at the best rate"), 2);
    free(page);
}

/* ---- the verb ---- */

#define REPORT(...) run_verb("report", NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void the_verb_says_how_it_ended(void **state)
{
    static const struct cell CELLS[] = { { "pre", 1e-3, 0, "done", 0.5, NULL } };
    struct fixture *f = *state;
    char out[300], nowhere[300], cells[300];
    size_t size;
    struct run r;
    unsigned char *page;

    save_cells(f, CELLS, VIT_COUNT(CELLS));
    snprintf(out, sizeof out, "%s/report.html", f->dir);
    snprintf(nowhere, sizeof nowhere, "%s/none/report.html", f->dir);
    r = REPORT(f->dir, "-o", out, "--title", "A & B");
    assert_int_equal(r.code, 0);
    assert_int_equal(r.out_size, 0);
    run_free(&r);
    page = tmp_read(out, &size);
    page[size - 1] = '\0';
    assert_has((char *)page, "<h1>A &amp; B</h1>");
    free(page);
    r = REPORT(f->dir, "-o", "-");
    assert_int_equal(r.code, 0);
    assert_memory_equal(r.out, "<!DOCTYPE html>", 15);
    run_free(&r);
    r = REPORT(f->dir, "-o", "-", "--figure", "learning-rate");
    assert_int_equal(r.code, 0);
    assert_memory_equal(r.out, "<svg ", 5);
    run_free(&r);
    r = REPORT(f->dir, "-o", "-", "--figure", "nose");
    assert_int_equal(r.code, 2);
    assert_has(r.err, "expected learning-rate, plateau, tuning, loss");
    run_free(&r);
    r = REPORT(f->dir, "-o", "-", "--figure", "cosine");
    assert_int_equal(r.code, 3);
    assert_int_equal(r.out_size, 0);
    assert_has(r.err, "expected one of learning-rate");
    run_free(&r);
    snprintf(cells, sizeof cells, "%s/cells.jsonl", f->dir);
    r = REPORT(cells, "-o", cells);
    assert_int_equal(r.code, 2);
    run_free(&r);
    r = REPORT(f->dir, "-o", cells);
    assert_int_equal(r.code, 2);
    assert_has(r.err, "expected a name for a html file");
    run_free(&r);
    assert_int_equal(tmp_lines(f->dir, "cells.jsonl"), 1);
    r = REPORT(f->dir, "-o", nowhere);
    assert_int_equal(r.code, 1);
    run_free(&r);
    r = REPORT(f->dir);
    assert_int_equal(r.code, 2);
    run_free(&r);
    r = REPORT("-o", out);
    assert_int_equal(r.code, 2);
    run_free(&r);
    r = REPORT(nowhere, "-o", out);
    assert_int_equal(r.code, 3);
    run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_lost_run_is_on_the_page),
        TEST(the_arms_have_their_intervals),
        TEST(single_runs_are_dots_of_their_own_arm),
        TEST(the_page_says_what_was_not_tested),
        TEST(compared_placements_are_not_missing),
        TEST(the_commands_are_safe_to_paste),
        TEST(what_no_option_says_is_a_recipe),
        TEST(no_text_of_a_file_becomes_markup),
        TEST(numbers_that_do_not_exist_are_gaps),
        TEST(runs_at_no_rate_are_in_the_tables),
        TEST(diagnostics_and_words_are_shown),
        TEST(the_commands_have_what_the_rows_say),
        TEST(many_networks_are_those_of_one_command),
        TEST(networks_of_no_one_command_are_those_of_several),
        TEST(a_whole_grid_is_small_and_comes_out_the_same),
        TEST(a_card_is_of_one_setting),
        TEST(lost_runs_are_counted_for_each_recipe),
        TEST(combinations_that_were_not_run_are_named),
        TEST(runs_at_a_single_rate_are_named),
        TEST(a_run_of_one_validation_is_a_marker),
        TEST(a_figure_is_drawn_alike_on_the_page_and_in_its_file),
        TEST(a_figure_stands_alone),
        TEST(a_figure_is_as_large_as_its_panels),
        TEST(a_figure_without_data_is_refused),
        TEST(all_arms_of_a_comparison_are_shown),
        TEST(an_older_comparison_has_a_command),
        TEST(a_better_rate_than_the_compared_one_is_said),
        TEST(the_verb_says_how_it_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
