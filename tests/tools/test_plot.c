/* Scales and drawings: round numbers, gaps, sizes. */
#include "tools/plot.h"

#include "tests/support/test.h"

/* ---- scales ---- */

static void ticks_are_few_and_inside(void **state)
{
    static const struct {
        enum plot_scale scale;
        double low, high;
        bool whole;
    } CASES[] = {
        { PLOT_LINEAR, 0, 1, false },     { PLOT_LINEAR, 47.3, 61.9, false },
        { PLOT_LINEAR, -3, 1e6, false },  { PLOT_LINEAR, 1e-9, 2e-9, false },
        { PLOT_LINEAR, 0, 5, true },      { PLOT_LINEAR, 1, 2, true },
        { PLOT_LINEAR, 0, 100, true },    { PLOT_LOG, 1e-4, 3e-3, false },
        { PLOT_LOG, 1e-12, 1e12, false }, { PLOT_LOG, 0.9, 1.1, false },
        { PLOT_LOG, 5, 50, false },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++)
        for (int most = 2; most <= PLOT_MAX_TICKS; most++) {
            const struct plot_ticks t =
                plot_ticks(CASES[i].scale, CASES[i].low, CASES[i].high, most, CASES[i].whole);
            assert_in_range(t.count, 0, most);
            for (int k = 0; k < t.count; k++) {
                const double slack = 1e-6 * fabs(CASES[i].high);
                assert_true(t.value[k] >= CASES[i].low - slack && t.value[k] <= CASES[i].high + slack);
                if (k) assert_true(t.value[k] > t.value[k - 1]);
                if (CASES[i].whole) assert_true(t.value[k] == round(t.value[k]));
            }
        }
}

static void ticks_are_round(void **state)
{
    static const double LINEAR[] = { 46, 48, 50, 52, 54 }, DECADES[] = { 1e-4, 3e-4, 1e-3, 3e-3 };
    struct plot_ticks t = plot_ticks(PLOT_LINEAR, 45.1, 55, 6, false);
    char text[32];

    (void)state;
    assert_int_equal(t.count, 5);
    for (int i = 0; i < 5; i++) assert_true(fabs(t.value[i] - LINEAR[i]) < 1e-9);
    assert_string_equal(plot_tick_text(text, sizeof text, PLOT_LINEAR, &t, t.value[0]), "46");
    t = plot_ticks(PLOT_LOG, 1e-4, 3e-3, 4, false);
    assert_int_equal(t.count, 4);
    for (int i = 0; i < 4; i++) assert_true(fabs(t.value[i] / DECADES[i] - 1) < 1e-9);
    assert_string_equal(plot_tick_text(text, sizeof text, PLOT_LOG, &t, 3e-4), "3e-4");
    assert_string_equal(plot_tick_text(text, sizeof text, PLOT_LOG, &t, 0.5), "0.5");
    assert_string_equal(plot_tick_text(text, sizeof text, PLOT_LOG, &t, 2e5), "2e5");
    t = plot_ticks(PLOT_LINEAR, 0, 1, 6, false);
    assert_string_equal(plot_tick_text(text, sizeof text, PLOT_LINEAR, &t, t.value[1]), "0.2");
}

/* As a drawing has them: at most 6, on what was widened. */
static void an_axis_has_two_ticks_at_least_that_read_differently(void **state)
{
    static const struct {
        enum plot_scale scale;
        double low, high;
        bool whole;
    } CASES[] = {
        { PLOT_LOG, 0.11, 0.13, false },   { PLOT_LOG, 5.5, 9, false },      { PLOT_LOG, 3e-4, 3e-4, false },
        { PLOT_LOG, 1.1e-4, 2e-4, false }, { PLOT_LOG, 1000, 1001.2, true }, { PLOT_LOG, 60, 90, true },
        { PLOT_LOG, 1, 1, true },          { PLOT_LOG, 12, 12, true },       { PLOT_LOG, 12345, 12399, true },
        { PLOT_LINEAR, 1406, 1406, true }, { PLOT_LINEAR, 0.5, 0.5, false },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        double low = CASES[i].low, high = CASES[i].high;
        char text[2][32] = { "" };
        struct plot_ticks t;
        plot_widen(CASES[i].scale, &low, &high, 6, CASES[i].whole);
        t = plot_ticks(CASES[i].scale, low, high, 6, CASES[i].whole);
        assert_in_range(t.count, 2, 6);
        for (int k = 0; k < t.count; k++) {
            plot_tick_text(text[k % 2], sizeof text[0], CASES[i].scale, &t, t.value[k]);
            assert_string_not_equal(text[0], text[1]);
            assert_true(fabs(strtod(text[k % 2], NULL) - t.value[k]) <= 1e-2 * t.value[k]);
            if (CASES[i].whole) assert_true(t.value[k] == round(t.value[k]));
        }
    }
}

static void a_scale_keeps_its_ends_and_its_middle(void **state)
{
    const struct plot_map line = { PLOT_LINEAR, -2, 2, 100, 0 }, log = { PLOT_LOG, 1e-4, 1e-2, 10, 20 };

    (void)state;
    assert_true(plot_at(&line, -2) == 100 && plot_at(&line, 2) == 0 && plot_at(&line, 0) == 50);
    assert_true(fabs(plot_at(&log, 1e-4) - 10) < 1e-9 && fabs(plot_at(&log, 1e-3) - 15) < 1e-9);
    assert_true(fabs(plot_at(&log, 1e-2) - 20) < 1e-9);
}

static void a_span_of_nothing_becomes_one(void **state)
{
    static const struct {
        enum plot_scale scale;
        double value;
        bool whole;
    } CASES[] = { { PLOT_LINEAR, 0, false },
                  { PLOT_LINEAR, 61.2, false },
                  { PLOT_LINEAR, 7, true },
                  { PLOT_LOG, 1e-3, false },
                  { PLOT_LINEAR, -1e9, false } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        double low = CASES[i].value, high = CASES[i].value;
        plot_widen(CASES[i].scale, &low, &high, 6, CASES[i].whole);
        assert_true(low < CASES[i].value && high > CASES[i].value);
        if (CASES[i].scale == PLOT_LOG) assert_true(low > 0);
    }
}

/* ---- drawings ---- */

/* *svg is owned by the caller. */
static void draw(char **svg, const struct plot *p)
{
    size_t size;
    FILE *out = open_memstream(svg, &size);

    plot_svg(out, p, "fig");
    fclose(out);
}

static int count(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static struct plot empty(enum plot_scale scale)
{
    return (struct plot){ .title = "t", .x = { .label = "x" }, .y = { .label = "y", .scale = scale } };
}

static void add_line(struct plot *p, const double *y, int n, unsigned parts)
{
    const int s = plot_series(p, (struct plot_series){ .name = "one", .parts = parts });

    for (int i = 0; i < n; i++) plot_point(p, s, (struct plot_point){ i, y[i], NAN, NAN, "" });
}

/* The d of the first line. */
static const char *line_of(const char *svg, char *text, size_t size)
{
    const char *at = strstr(svg, "class=\"line");

    assert_non_null(at);
    at = strstr(at, " d=\"");
    assert_non_null(at);
    snprintf(text, size, "%.*s", (int)strcspn(at + 4, "\""), at + 4);
    return text;
}

static void what_is_not_finite_is_a_gap(void **state)
{
    const double y[] = { 1, 2, NAN, 3, INFINITY, -INFINITY, 4, 5 };
    struct plot p = empty(PLOT_LINEAR);
    char d[512], *svg;

    (void)state;
    add_line(&p, y, VIT_COUNT(y), PLOT_LINE | PLOT_MARKS);
    draw(&svg, &p);
    assert_int_equal(count(line_of(svg, d, sizeof d), "M"), 3);
    assert_int_equal(count(svg, "class=\"mark"), 5);
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf"));
    free(svg);
    plot_free(&p);
}

static void what_has_no_logarithm_is_a_gap(void **state)
{
    const double y[] = { 1, 0, 10, -1, 100 };
    struct plot p = empty(PLOT_LOG);
    char d[512], *svg;

    (void)state;
    add_line(&p, y, VIT_COUNT(y), PLOT_LINE | PLOT_MARKS);
    draw(&svg, &p);
    assert_int_equal(count(line_of(svg, d, sizeof d), "M"), 3);
    assert_int_equal(count(svg, "class=\"mark"), 3);
    free(svg);
    plot_free(&p);
}

static void nothing_at_all_is_still_a_drawing(void **state)
{
    const double y[] = { NAN, NAN };
    struct plot p = empty(PLOT_LOG);
    char *svg;

    (void)state;
    assert_false(plot_has_data(&p));
    add_line(&p, y, 2, PLOT_LINE | PLOT_MARKS | PLOT_BAND);
    assert_false(plot_has_data(&p));
    draw(&svg, &p);
    assert_null(strstr(svg, "nan"));
    free(svg);
    plot_free(&p);
}

/* A peak of one point in a hundred thousand is drawn, and the drawing stays small. */
static void a_long_line_keeps_its_peaks_and_is_short(void **state)
{
    enum { N = 100000 };
    double *y = calloc(N, sizeof *y);
    struct plot p = empty(PLOT_LINEAR), same = empty(PLOT_LINEAR);
    const double two[] = { 0, 10 };
    char d[32768], *svg;

    (void)state;
    assert_non_null(y);
    y[N / 2] = 10;
    add_line(&p, y, N, PLOT_LINE);
    draw(&svg, &p);
    assert_true(strlen(svg) < 16384);
    assert_non_null(strstr(line_of(svg, d, sizeof d), "V23.0")); /* the top of the frame */
    free(svg);
    add_line(&same, two, 2, PLOT_LINE);
    draw(&svg, &same);
    assert_non_null(strstr(line_of(svg, d, sizeof d), " 23.0")); /* where 10 stands on that scale */
    free(svg);
    free(y);
    plot_free(&p);
    plot_free(&same);
}

static void what_exceeds_the_most_does_not_flatten_the_rest(void **state)
{
    const double y[] = { 1, 2, 1e9 };
    struct plot p = empty(PLOT_LINEAR);
    char *svg;

    (void)state;
    p.y.most = 5;
    add_line(&p, y, 3, PLOT_LINE);
    draw(&svg, &p);
    assert_non_null(strstr(svg, ">1.2<"));
    assert_non_null(strstr(svg, "clip-path=\"url(#fig-c)\""));
    free(svg);
    plot_free(&p);
}

/* One rate was tried: its own tick, and others to tell the scale by. */
static void a_lone_value_is_no_lone_tick(void **state)
{
    const double y[] = { 40 };
    struct plot p = empty(PLOT_LINEAR);
    char *svg;

    (void)state;
    p.x = (struct plot_axis){ .label = "rate", .scale = PLOT_LOG, .at_points = true };
    plot_point(&p, plot_series(&p, (struct plot_series){ .parts = PLOT_MARKS }),
               (struct plot_point){ 3e-4, y[0], NAN, NAN, "" });
    draw(&svg, &p);
    assert_non_null(strstr(svg, ">1.5e-4<"));
    assert_non_null(strstr(svg, ">3e-4<"));
    assert_non_null(strstr(svg, ">6e-4<"));
    free(svg);
    p.x.low = 1e-4, p.x.high = 1e-3; /* of the plots beside it */
    draw(&svg, &p);
    assert_non_null(strstr(svg, ">1e-4<"));
    assert_non_null(strstr(svg, ">3e-4<"));
    assert_non_null(strstr(svg, ">1e-3<"));
    free(svg);
    plot_free(&p);
}

static void a_logarithmic_axis_says_so(void **state)
{
    const double y[] = { 1, 2 };
    struct plot p = empty(PLOT_LOG);
    char *svg;

    (void)state;
    add_line(&p, y, 2, PLOT_LINE);
    draw(&svg, &p);
    assert_int_equal(count(svg, ">y (log)</text>"), 1);
    assert_int_equal(count(svg, ">x</text>"), 1);
    assert_non_null(strstr(svg, ">y (log) against x."));
    free(svg);
    plot_free(&p);
}

/* The place of the n-th text of a class. */
static void find_text(double *x, double *y, const char *svg, const char *class, int n)
{
    char begin[64];

    snprintf(begin, sizeof begin, "<text class=\"%s\" x=", class);
    for (int i = 0; i <= n; i++) {
        svg = strstr(svg, begin);
        assert_non_null(svg);
        svg += strlen(begin);
    }
    assert_int_equal(sscanf(svg, "\"%lf\" y=\"%lf\"", x, y), 2);
}

/* Two runs given up early, at about the same step, and two that go on to the frame. */
static void labels_are_apart(void **state)
{
    static const struct {
        int steps;
        double y;
    } RUNS[] = { { 40, 2.3 }, { 42, 2.301 }, { 100, 1 }, { 100, 1.001 } };
    struct plot p = empty(PLOT_LINEAR);
    double x[4], y[4];
    char *svg;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(RUNS); i++) {
        const int s = plot_series(&p, (struct plot_series){ .parts = PLOT_LINE, .label = "1e-3" });
        plot_point(&p, s, (struct plot_point){ 0, 2, NAN, NAN, "" });
        plot_point(&p, s, (struct plot_point){ RUNS[i].steps, RUNS[i].y, NAN, NAN, "" });
    }
    draw(&svg, &p);
    for (int i = 0; i < 4; i++) find_text(&x[i], &y[i], svg, "end", i);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) assert_true(fabs(x[i] - x[j]) >= 24 || fabs(y[i] - y[j]) >= 10);
    assert_true(fabs(x[0] - x[1]) < 24); /* the two that were given up */
    free(svg);
    plot_free(&p);
}

static double level_of(const char *svg)
{
    double y;

    svg = strstr(svg, "class=\"level\"");
    assert_non_null(svg);
    assert_int_equal(sscanf(svg, "class=\"level\" d=\"M%*f %lfH", &y), 1);
    return y;
}

/* Of a run that crosses the level: on its other side; where another run is there, behind the crossing. */
static void the_name_of_a_level_stands_where_no_series_is(void **state)
{
    static const double CROSSING[] = { 2.45, 2.3, 1.5, 1, 1 }, BELOW[] = { 2.25, 2.25, 2.25, 2.25, 2.25 };
    struct plot p = empty(PLOT_LINEAR);
    double x, y;
    char *svg;

    (void)state;
    p.level.y = 2.3, p.level.label = "chance";
    add_line(&p, CROSSING, 5, PLOT_LINE);
    draw(&svg, &p);
    find_text(&x, &y, svg, "tiny", 0);
    assert_true(x < 50 && y > level_of(svg));
    free(svg);
    add_line(&p, BELOW, 5, PLOT_LINE);
    draw(&svg, &p);
    find_text(&x, &y, svg, "tiny", 0);
    assert_true(x > 80 && y < level_of(svg));
    free(svg);
    plot_free(&p);
}

static void a_lost_run_is_hollow_and_crossed(void **state)
{
    struct plot p = empty(PLOT_LINEAR);
    char *svg;

    (void)state;
    plot_item(
        &p, plot_lane(&p, "dead", false),
        (struct plot_item){ .x = 1, .low = NAN, .high = NAN, .lost = true, .text = "2/3", .title = "who" });
    assert_true(plot_has_data(&p));
    draw(&svg, &p);
    assert_int_equal(count(svg, "class=\"cross"), 1);
    assert_int_equal(count(svg, "class=\"hollow"), 1);
    assert_non_null(strstr(svg, ">2/3<"));
    assert_non_null(strstr(svg, "<title>who</title>"));
    assert_non_null(strstr(svg, "dead: who."));
    free(svg);
    plot_free(&p);
}

/* Colour, dashes and marker all differ between any two of the first eight styles. */
static void styles_differ_without_colour(void **state)
{
    char *key[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        size_t size;
        FILE *out = open_memstream(&key[i], &size);
        plot_key_svg(out, &(struct plot_key){ .style = i, .parts = PLOT_LINE | PLOT_MARKS });
        fclose(out);
        for (char *k = key[i]; (k = strstr(k, " k")); k++) k[2] = '_'; /* the colour */
        for (int j = 0; j < i; j++) assert_string_not_equal(key[i], key[j]);
    }
    for (int i = 0; i < 8; i++) free(key[i]);
}

static void shared_scales_are_equal(void **state)
{
    const double low[] = { 1, 2 }, high[] = { 50, 60 };
    struct plot p[2] = { empty(PLOT_LINEAR), empty(PLOT_LINEAR) };
    char *svg[2];

    (void)state;
    add_line(&p[0], low, 2, PLOT_LINE);
    add_line(&p[1], high, 2, PLOT_LINE);
    plot_share(p, 2, true);
    for (int i = 0; i < 2; i++) {
        draw(&svg[i], &p[i]);
        assert_non_null(strstr(svg[i], ">0</text>"));
        assert_non_null(strstr(svg[i], ">60</text>"));
        free(svg[i]);
        plot_free(&p[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_few_and_inside),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(an_axis_has_two_ticks_at_least_that_read_differently),
        cmocka_unit_test(a_scale_keeps_its_ends_and_its_middle),
        cmocka_unit_test(a_span_of_nothing_becomes_one),
        cmocka_unit_test(what_is_not_finite_is_a_gap),
        cmocka_unit_test(what_has_no_logarithm_is_a_gap),
        cmocka_unit_test(nothing_at_all_is_still_a_drawing),
        cmocka_unit_test(a_long_line_keeps_its_peaks_and_is_short),
        cmocka_unit_test(what_exceeds_the_most_does_not_flatten_the_rest),
        cmocka_unit_test(a_lone_value_is_no_lone_tick),
        cmocka_unit_test(a_logarithmic_axis_says_so),
        cmocka_unit_test(labels_are_apart),
        cmocka_unit_test(the_name_of_a_level_stands_where_no_series_is),
        cmocka_unit_test(a_lost_run_is_hollow_and_crossed),
        cmocka_unit_test(styles_differ_without_colour),
        cmocka_unit_test(shared_scales_are_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
