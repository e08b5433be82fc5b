/* vit compare as a user meets it: files of logits with known answers, tiny models made on the spot. */
#include "patch/patch.h"
#include "tests/tools/again.h"
#include "tests/tools/cli.h"
#include "vit/random.h"
#include "vit/stats.h"
#include "vit/train.h"

enum { CLASSES = 4, PICTURES = 6, PATH = 320 };

/* ---- running ---- */

/* The object of a run that ends with code; no sentence may have a name left in it. */
static json_t *object(struct run r, int code)
{
    json_error_t e;
    json_t *o = json_loads(r.out, JSON_REJECT_DUPLICATES, &e), *sentence;
    size_t i;

    if (r.code != code || !json_is_object(o))
        fail_msg("code %d, expected %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.err);
    assert_true(json_array_size(json_object_get(o, "follows")) > 0);
    json_array_foreach(json_object_get(o, "follows"), i,
                       sentence) if (strpbrk(json_string_value(sentence), "{}") ||
                                     strstr(json_string_value(sentence), "nan"))
        fail_msg("a sentence that is not finished: %s", json_string_value(sentence));
    run_free(&r);
    return o;
}
#define COMPARE(...) object(VIT("compare", "--json", "-q", __VA_ARGS__), 0)

static const json_t *part(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (!v) fail_msg("no \"%s\"", key);
    return v;
}

static void assert_number(const json_t *o, const char *key, double want)
{
    /* JSON has 15 digits; the statistics are good for ten. */
    if (!(fabs(number(o, key) - want) <= 1e-10 * fmax(1e-3, fabs(want))))
        fail_msg("\"%s\": %.15g, expected %.15g", key, number(o, key), want);
}

static void assert_interval(const json_t *o, const char *key, double low, double high, double bound)
{
    const json_t *v = part(o, key);
    const double a = json_number_value(json_array_get(v, 0)), b = json_number_value(json_array_get(v, 1));

    if (!(fabs(a - low) <= bound && fabs(b - high) <= bound))
        fail_msg("\"%s\": %.12g to %.12g, expected %.12g to %.12g", key, a, b, low, high);
}

static bool says(const json_t *o, const char *words)
{
    const json_t *sentence;
    size_t i;

    json_array_foreach(part(o, "follows"), i,
                       sentence) if (strstr(json_string_value(sentence), words)) return true;
    return false;
}

static void assert_follows(const json_t *o, const char *words)
{
    if (!says(o, words)) fail_msg("nothing says \"%s\": %s", words, json_dumps(part(o, "follows"), 0));
}

/* ---- files of logits ---- */

struct answers {
    int n, classes, shift; /* labels are (i + shift) % classes */
    int first, last;       /* pictures first .. last - 1 are right */
    int skip;              /* index of row 1 and later is that much higher; -1: no index in the file */
};

/* dir/name; its path in path (PATH). */
static void write_logits(const char *dir, const char *name, const struct answers *w, char *path)
{
    const int n = w->n, classes = w->classes;
    float *logits = calloc((size_t)n * (size_t)classes, sizeof *logits);
    int64_t *labels = calloc((size_t)n, sizeof *labels), *index = calloc((size_t)n, sizeof *index);
    struct vit_error err;

    assert_true(logits && labels && index);
    for (int i = 0; i < n; i++) {
        labels[i] = (i + w->shift) % classes;
        index[i] = i + (i ? w->skip : 0);
        logits[(size_t)i * (size_t)classes +
               (size_t)(labels[i] + (i < w->first || i >= w->last)) % (size_t)classes] = 2;
    }
    const struct weights_entry entries[] = { { "logits", WEIGHTS_F32, 2, { n, classes }, logits },
                                             { "labels", WEIGHTS_I64, 1, { n }, labels },
                                             { "index", WEIGHTS_I64, 1, { n }, index } };
    snprintf(path, PATH, "%s/%s", dir, name);
    assert_ok(weights_write(path, entries, w->skip < 0 ? 2 : 3, NULL, 0, &err), &err);
    free(logits);
    free(labels);
    free(index);
}

/* 12 pictures only the first gets right, 2 only the second: a table of Newcombe's; McNemar's p is
 * scipy.stats.binomtest(2, 14, 0.5).pvalue, Tango's interval as in tests/vit/test_stats.c. */
static void two_files_give_known_numbers(void **state)
{
    char a[PATH], b[PATH];
    json_t *o;
    double low, high;

    write_logits(*state, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, a);
    write_logits(*state, "b.safetensors", &(struct answers){ 50, 3, 0, 12, 34, 0 }, b);
    o = COMPARE(a, b);
    assert_number(o, "n", 50);
    assert_number(o, "n_failed", 0);
    assert_number(o, "top1_a", 0.64);
    assert_number(o, "top1_b", 0.44);
    assert_number(o, "only_a", 12);
    assert_number(o, "only_b", 2);
    assert_number(o, "both", 20);
    assert_number(o, "neither", 16);
    assert_number(o, "mcnemar_p", 0.012939453125);
    assert_number(o, "difference", 0.2);
    assert_interval(o, "difference_ci95", 0.06111240772562523, 0.34470874821587816, 1e-6);
    vit_wilson(&low, &high, 32, 50, 1.959963984540054);
    assert_interval(o, "top1_a_ci95", low, high, 1e-12);
    vit_wilson(&low, &high, 22, 50, 1.959963984540054);
    assert_interval(o, "top1_b_ci95", low, high, 1e-12);
    assert_number(o, "least_significant", (double)vit_mcnemar_least(14, 0.05) / 50);
    assert_follows(o, "These two networks differ");
    assert_follows(o, "one seed each");
    json_decref(o);
}

static void every_key_is_there_and_null_where_nothing_is_known(void **state)
{
    static const char *const KEYS[] = { "dataset",
                                        "split",
                                        "flip",
                                        "n",
                                        "n_failed",
                                        "failed",
                                        "run_a",
                                        "run_b",
                                        "top1_a",
                                        "top1_b",
                                        "top1_a_ci95",
                                        "top1_b_ci95",
                                        "only_a",
                                        "only_b",
                                        "both",
                                        "neither",
                                        "mcnemar_p",
                                        "difference",
                                        "difference_ci95",
                                        "least_significant",
                                        "arms",
                                        "welch",
                                        "paired",
                                        "bootstrap",
                                        "tost",
                                        "detectable",
                                        "fisher",
                                        "holm",
                                        "follows",
                                        "limit",
                                        "held_out",
                                        "check",
                                        "no_exif",
                                        "max_pixels",
                                        "size",
                                        "dtype",
                                        "kernels",
                                        "seed" };
    static const char *const NULLS[] = {
        "dataset",           "split", "welch",    "paired", "bootstrap", "tost", "detectable", "fisher",
        "least_significant", "limit", "held_out", "size",   "kernels"
    };
    char a[PATH], b[PATH];
    json_t *o;

    write_logits(*state, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, a);
    write_logits(*state, "b.safetensors", &(struct answers){ 50, 3, 0, 1, 33, 0 }, b);
    o = COMPARE(a, b);
    for (size_t i = 0; i < VIT_COUNT(KEYS); i++) part(o, KEYS[i]);
    assert_int_equal(json_object_size(o), VIT_COUNT(KEYS));
    for (size_t i = 0; i < VIT_COUNT(NULLS); i++)
        if (!json_is_null(part(o, NULLS[i]))) fail_msg("\"%s\" is not null", NULLS[i]);
    assert_int_equal(json_array_size(part(o, "holm")), 0);
    assert_follows(o, "no difference could have shown");
    json_decref(o);
    o = COMPARE(a, a);
    assert_number(o, "mcnemar_p", 1);
    assert_follows(o, "nothing tells them apart on these 50");
    json_decref(o);
}

/* Runs of 10000 pictures with these accuracies, as in tests/vit/test_stats.c; the list of them in list. */
static void write_arm(const char *dir, const char *name, const double *top1, int count, char *list,
                      size_t size)
{
    list[0] = '\0';
    for (int i = 0; i < count; i++) {
        char file[32], path[PATH];
        const size_t used = strlen(list);

        snprintf(file, sizeof file, "%s%d.safetensors", name, i);
        write_logits(dir, file,
                     &(struct answers){ 10000, 2, 0, 37 * i, 37 * i + (int)lround(10000 * top1[i]), 0 },
                     path);
        snprintf(list + used, size - used, "%s%s", i ? "," : "", path);
    }
}

/* The median runs are neither the first ones nor those of one number. */
static const double FIVE[] = { 0.7689, 0.7745, 0.7712, 0.7731, 0.7702 };
static const double FOUR[] = { 0.7701, 0.7655, 0.7640, 0.7698, 0.7612 };

static void assert_t_test(const json_t *o, const struct vit_t_test *t)
{
    assert_number(o, "difference", t->difference);
    assert_interval(o, "difference_ci95", t->low, t->high, 1e-12);
    assert_number(o, "t", t->t);
    assert_number(o, "df", t->df);
    assert_number(o, "p", t->p);
}

static void several_seeds_are_compared_run_by_run(void **state)
{
    const struct vit_t_test welch = vit_welch(FIVE, 5, FOUR, 4, 0.95),
                            paired = vit_paired(FIVE, FOUR, 4, 0.95);
    char a[5 * PATH], b[5 * PATH];
    const json_t *arm;
    json_t *o;

    write_arm(*state, "a", FIVE, 5, a, sizeof a);
    write_arm(*state, "b", FOUR, 4, b, sizeof b);
    o = COMPARE("--a", a, "--b", b, "--margin", "1", "--bootstrap", "200");
    assert_number(part(o, "welch"), "p", 0.06532240720930428); /* SciPy's, as in tests/vit/test_stats.c */
    assert_t_test(part(o, "welch"), &welch);
    assert_true(json_is_null(part(o, "paired")));
    assert_number(part(o, "tost"), "margin", 0.01);
    assert_number(part(o, "tost"), "p", 0.011494310620948207); /* statsmodels' */
    assert_true(json_is_true(part(part(o, "tost"), "equivalent")));
    assert_number(o, "detectable", vit_detectable(welch.error, welch.df, 0.05, 0.8));
    assert_number(part(o, "bootstrap"), "draws", 200);
    assert_number(part(o, "bootstrap"), "difference", welch.difference);
    arm = json_array_get(part(o, "arms"), 0);
    assert_number(arm, "mean", vit_mean(FIVE, 5));
    assert_number(arm, "sd", vit_standard_deviation(FIVE, 5));
    assert_number(arm, "median_run", 2);
    assert_number(json_array_get(part(o, "arms"), 1), "median_run", 1);
    assert_number(o, "top1_a", 0.7712);
    assert_number(o, "top1_b", 0.7655); /* the lower of the two in the middle */
    /* Right are the pictures from 2 x 37 on, 7712 of them, and from 37 on, 7655. */
    assert_number(o, "only_a", 74 + 7712 - (37 + 7655));
    assert_number(o, "only_b", 37);
    assert_follows(o, "are not shown to differ (Welch p 0.065)");
    assert_follows(o, "are equal to within 1 points");
    json_decref(o);

    strrchr(a, ',')[0] = '\0'; /* four runs each: pairs */
    o = COMPARE(a, b, "--bootstrap", "200");
    assert_t_test(part(o, "paired"), &paired);
    assert_number(part(o, "tost"), "margin", 0.005);
    assert_follows(o, "is not shown (two one-sided tests");
    assert_follows(o, "shares its seed");
    json_decref(o);
}

static void no_p_value_from_two_seeds(void **state)
{
    char a[5 * PATH], b[5 * PATH];
    const json_t *welch;
    json_t *o;

    write_arm(*state, "a", FIVE, 2, a, sizeof a);
    write_arm(*state, "b", FOUR, 3, b, sizeof b);
    o = COMPARE(a, b, "--bootstrap", "100");
    welch = part(o, "welch");
    assert_true(json_is_null(part(welch, "p")) && json_is_null(part(welch, "t")));
    assert_true(json_is_array(part(welch, "difference_ci95")) && json_is_null(part(o, "tost")));
    assert_follows(o, "2 of a and 3 of b");
    assert_false(says(o, "Welch p"));
    json_decref(o);
    strchr(a, ',')[0] = '\0';
    o = COMPARE(a, b);
    assert_true(json_is_null(part(o, "welch")) && json_is_null(part(o, "bootstrap")));
    assert_follows(o, "1 of a and 3 of b");
    json_decref(o);
}

static void arms_without_spread_are_not_tested(void **state)
{
    static const double SAME[] = { 0.8, 0.8, 0.8 }, OTHER[] = { 0.7, 0.7, 0.7 };
    char a[5 * PATH], b[5 * PATH];
    const json_t *interval;
    json_t *o;

    write_arm(*state, "a", SAME, 3, a, sizeof a);
    write_arm(*state, "b", OTHER, 3, b, sizeof b);
    o = COMPARE(a, b, "--bootstrap", "100");
    assert_true(json_is_null(part(o, "welch")) && json_is_null(part(o, "tost")) &&
                json_is_null(part(o, "detectable")));
    assert_follows(o, "there is no spread to test against");
    interval = part(part(o, "bootstrap"), "difference_ci95");
    assert_true(json_number_value(json_array_get(interval, 0)) > 0.05 &&
                json_number_value(json_array_get(interval, 0)) < 0.1 &&
                json_number_value(json_array_get(interval, 1)) > 0.1 &&
                json_number_value(json_array_get(interval, 1)) < 0.15);
    json_decref(o);
}

/* Holm over the two pairs that were not chosen beforehand. */
static void more_arms_are_corrected(void **state)
{
    static const double THIRD[] = { 0.7690, 0.7650, 0.7720, 0.7600 };
    char a[5 * PATH], b[5 * PATH], c[5 * PATH];
    struct vit_t_test t[2];
    double p[2], holm[2];
    json_t *o;

    write_arm(*state, "a", FIVE, 5, a + sprintf(a, "pre="), sizeof a - 4);
    write_arm(*state, "b", FOUR, 4, b + sprintf(b, "post="), sizeof b - 5);
    write_arm(*state, "c", THIRD, 4, c + sprintf(c, "deepnorm="), sizeof c - 9);
    o = COMPARE(a, b, c, "--bootstrap", "100");
    t[0] = vit_welch(FIVE, 5, THIRD, 4, 0.95);
    t[1] = vit_welch(FOUR, 4, THIRD, 4, 0.95);
    for (int i = 0; i < 2; i++) p[i] = t[i].p;
    vit_holm(holm, p, 2);
    assert_int_equal(json_array_size(part(o, "holm")), 2);
    for (int i = 0; i < 2; i++) {
        const json_t *pair = json_array_get(part(o, "holm"), (size_t)i);
        assert_string_equal(json_string_value(part(pair, "a")), i ? "post" : "pre");
        assert_string_equal(json_string_value(part(pair, "b")), "deepnorm");
        assert_string_equal(json_string_value(part(pair, "test")), "welch");
        assert_number(pair, "p", p[i]);
        assert_number(pair, "p_holm", holm[i]);
        assert_interval(pair, "difference_ci95", t[i].low, t[i].high, 1e-12);
    }
    assert_follows(o, "pre against post counts as the comparison chosen beforehand");
    json_decref(o);
    strchr(c, ',')[0] = '\0'; /* one run of an arm: the median networks are compared */
    o = COMPARE(a, b, c, "--bootstrap", "100");
    assert_string_equal(json_string_value(part(json_array_get(part(o, "holm"), 0), "test")), "mcnemar");
    json_decref(o);
    EXPECT(0, "other pairs (McNemar, the median networks)", "", "compare", a, b, c, "--bootstrap", "100");
    o = COMPARE(c, a, b, "--bootstrap", "100"); /* whichever arm it is */
    assert_string_equal(json_string_value(part(json_array_get(part(o, "holm"), 1), "test")), "mcnemar");
    assert_true(json_is_number(part(json_array_get(part(o, "holm"), 1), "p")));
    json_decref(o);
}

/* Nine arms with names as long as placements and rates make them: 35 pairs beside the first, none cut off. */
static void every_other_pair_is_listed(void **state)
{
    enum { ARMS = 9, NAME = 80 };
    char file[PATH], arm[ARMS][NAME + PATH], pair[3 * NAME];
    const char *words[ARMS + 4] = { "compare", "-q" };
    const char *at;
    int count = 0;
    struct run text;
    json_t *o;

    write_logits(*state, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, file);
    for (int i = 0; i < ARMS; i++) {
        snprintf(arm[i], sizeof arm[i], "norm-%d%065d=%s", i, 0, file);
        words[2 + i] = arm[i];
    }
    text = run_vit(words, NULL);
    words[2 + ARMS] = "--json";
    o = object(run_vit(words, NULL), 0);
    for (int i = 0; i < ARMS; i++)
        for (int k = i + 1; k < ARMS; k++) {
            if (i == 0 && k == 1) continue;
            snprintf(pair, sizeof pair, "norm-%d%065d - norm-%d%065d (+0.00 points", i, 0, k, 0);
            assert_follows(o, pair);
        }
    json_decref(o);
    assert_int_equal(text.code, 0);
    snprintf(pair, sizeof pair, "norm-8%065d", 0);
    for (at = strstr(text.out, "what follows"); (at = strstr(at + 1, pair));) count++;
    assert_int_equal(count, ARMS - 1);
    run_free(&text);
}

/* An arm far below the first is said to differ from a third one that is near the first, which is not. */
static void what_holm_leaves_is_said_in_words(void **state)
{
    static const double FAR[] = { 0.7012, 0.6989, 0.7045, 0.7031, 0.7002 },
                        NEAR[] = { 0.7702, 0.7699, 0.7748, 0.7721, 0.7712 };
    char a[5 * PATH], b[5 * PATH], c[5 * PATH], said[256];
    const struct vit_t_test near = vit_welch(FIVE, 5, NEAR, 5, 0.95), far = vit_welch(FAR, 5, NEAR, 5, 0.95);
    const double p[2] = { near.p, far.p };
    double holm[2];
    json_t *o;

    write_arm(*state, "a", FIVE, 5, a + sprintf(a, "pre="), sizeof a - 4);
    write_arm(*state, "b", FAR, 5, b + sprintf(b, "far="), sizeof b - 4);
    write_arm(*state, "c", NEAR, 5, c + sprintf(c, "near="), sizeof c - 5);
    o = COMPARE(a, b, c, "--bootstrap", "100");
    vit_holm(holm, p, 2);
    snprintf(said, sizeof said, "these differ over training runs: far - near (%+.2f points, p %.2g).",
             100 * far.difference, holm[1]);
    assert_follows(o, said);
    snprintf(said, sizeof said, "which does not make them equal: pre - near (%+.2f points, p %.2g).",
             100 * near.difference, holm[0]);
    assert_follows(o, said);
    json_decref(o);
}

static void divergence_is_compared_by_fishers_test(void **state)
{
    char a[PATH], b[PATH];
    json_t *o;

    write_logits(*state, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, a);
    write_logits(*state, "b.safetensors", &(struct answers){ 50, 3, 0, 1, 33, 0 }, b);
    o = COMPARE(a, b, "--diverged-a", "3/20", "--diverged-b", "0/20");
    /* scipy.stats.fisher_exact([[3, 17], [0, 20]]).pvalue */
    assert_number(part(o, "fisher"), "p", 0.2307692307692308);
    assert_number(part(part(o, "fisher"), "a"), "rate", 0.15);
    assert_follows(o, "how often training diverges is not shown");
    json_decref(o);
    EXPECT(0, "Fisher      p 0.231", "", "compare", a, b, "--diverged-a", "3/20", "--diverged-b", "0/20");
    EXPECT(2, "", "expected K/N", "compare", a, b, "--diverged-a", "4/3", "--diverged-b", "0/20");
    EXPECT(2, "", "expected K/N", "compare", a, b, "--diverged-a", "0/0", "--diverged-b", "0/20");
    EXPECT(2, "", "expected K/N", "compare", a, b, "--diverged-a", "0000000000000000000000000000003x/20",
           "--diverged-b", "0/20");
    EXPECT(2, "", "expected both", "compare", a, b, "--diverged-a", "1/3");
}

static void the_bootstrap_depends_on_the_seed_alone(void **state)
{
    static const char *const THREADS[] = { "-t1", "-t2", "-t5" };
    char a[5 * PATH], b[5 * PATH];
    json_t *o[3], *other;

    write_arm(*state, "a", FIVE, 3, a, sizeof a);
    write_arm(*state, "b", FOUR, 3, b, sizeof b);
    for (int i = 0; i < 3; i++) o[i] = COMPARE(a, b, "--bootstrap", "101", "--seed", "5", THREADS[i]);
    assert_true(json_equal(o[0], o[1]) && json_equal(o[0], o[2]));
    other = COMPARE(a, b, "--bootstrap", "101", "--seed", "6");
    assert_false(json_equal(part(o[0], "bootstrap"), part(other, "bootstrap")));
    assert_true(json_equal(part(o[0], "welch"), part(other, "welch")));
    for (int i = 0; i < 3; i++) json_decref(o[i]);
    json_decref(other);
}

static void tables_come_before_words(void **state)
{
    char a[5 * PATH], b[5 * PATH];
    struct run r;
    const char *at;

    write_arm(*state, "a", FIVE, 3, a + sprintf(a, "pre="), sizeof a - 4);
    write_arm(*state, "b", FOUR, 3, b, sizeof b);
    r = VIT("compare", a, b, "--bootstrap", "100");
    at = r.out;
    static const char *const IN_ORDER[] = { "pictures    10000, failed 0",
                                            "arm  run",
                                            "pre  ",
                                            "b    ",
                                            "runs    mean",
                                            "networks, picture by picture (the median",
                                            "pre - b = ",
                                            "McNemar",
                                            "runs, arm by arm",
                                            "Welch",
                                            "paired",
                                            "bootstrap",
                                            "equality",
                                            "detectable",
                                            "what follows",
                                            "- " };
    for (size_t i = 0; i < VIT_COUNT(IN_ORDER); i++) {
        const char *found = strstr(at, IN_ORDER[i]);
        if (!found) fail_msg("no \"%s\" after: %s", IN_ORDER[i], at);
        at = found + 1;
    }
    expect(&r, 0, "", "");
}

/* ---- mistakes ---- */

static void files_that_do_not_fit_are_both_named(void **state)
{
    static const struct {
        struct answers other;
        const char *says;
    } ROWS[] = {
        { { 49, 3, 0, 0, 32, 0 }, "a.safetensors has 50 pictures, %s has 49" },
        { { 50, 4, 0, 0, 32, 0 }, "a.safetensors has 3 classes, %s has 4" },
        { { 50, 3, 1, 0, 32, 0 }, "picture 0 has label 0 in %s and 1 in %s" },
        { { 50, 3, 0, 0, 32, 7 }, "row 1 is picture 1 of the data set in %s and 8 in %s" },
    };
    const char *dir = *state;
    char a[PATH], b[PATH], words[3 * PATH];

    write_logits(dir, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, a);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        write_logits(dir, "b.safetensors", &ROWS[i].other, b);
        snprintf(words, sizeof words, ROWS[i].says, i < 2 ? b : a, b);
        EXPECT(3, "", words, "compare", a, b);
    }
    write_logits(dir, "b.safetensors", &(struct answers){ 50, 3, 0, 0, 32, -1 }, b); /* no index: in order */
    EXPECT(0, "nothing tells them apart", "is it one run twice?", "compare", a, b);
}

static void broken_files_of_logits_are_refused(void **state)
{
    const float logits[6] = { 0 };
    const int64_t labels[3] = { 0, 2, 1 }, good[3] = { 0, 1, 1 }, index[3] = { 4, 7, 7 };
    const struct weights_entry entries[] = { { "logits", WEIGHTS_F32, 2, { 3, 2 }, logits },
                                             { "labels", WEIGHTS_I64, 1, { 3 }, labels },
                                             { "labels", WEIGHTS_I64, 1, { 2 }, labels },
                                             { "labels", WEIGHTS_F32, 1, { 3 }, logits } };
    static const char *const SAYS[] = { "label 1 is 2, expected 0 to 1", "found [3, 2] and [2]", "F32" };
    const char *dir = *state;
    char path[PATH];
    struct vit_error err;

    snprintf(path, sizeof path, "%s/x.safetensors", dir);
    assert_ok(weights_write(path, entries, 1, NULL, 0, &err), &err);
    EXPECT(3, "", "but no labels", "compare", path, path);
    for (int i = 0; i < 3; i++) {
        assert_ok(
            weights_write(path, (struct weights_entry[]){ entries[0], entries[1 + i] }, 2, NULL, 0, &err),
            &err);
        EXPECT(3, "", SAYS[i], "compare", path, path);
    }
    for (int n = 2; n <= 3; n++) {
        const struct weights_entry numbered[] = { entries[0],
                                                  { "labels", WEIGHTS_I64, 1, { 3 }, good },
                                                  { "index", WEIGHTS_I64, 1, { n }, index } };

        assert_ok(weights_write(path, numbered, 3, NULL, 0, &err), &err);
        EXPECT(3, "",
               n == 2 ? "expected index [3], found [2]" : "index 2 is 7 after 7, expected a larger one",
               "compare", path, path);
    }
}

/* Not a model that wants a data set, whichever of the runs it is. */
static void files_that_cannot_be_opened_are_their_own_fault(void **state)
{
    const char *dir = *state;
    char a[PATH], cut[PATH], gone[PATH];
    unsigned char *bytes;
    size_t size;

    write_logits(dir, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, a);
    snprintf(gone, sizeof gone, "%s/gone.safetensors", dir);
    bytes = tmp_read(a, &size);
    tmp_write(dir, "cut.safetensors", bytes, size - 1, cut, sizeof cut);
    free(bytes);
    EXPECT(3, "", "gone.safetensors: cannot be opened", "compare", a, gone);
    EXPECT(3, "", "cut.safetensors: ", "compare", cut, a);
}

/* The largest of them would still be some class, and now and then the right one. */
static void logits_that_are_not_finite_are_no_answers(void **state)
{
    static const float WRONG[] = { NAN, INFINITY, -INFINITY };
    const int64_t labels[3] = { 0, 1, 1 }, index[3] = { 4, 7, 9 };
    const char *dir = *state;
    char a[PATH], b[PATH];
    struct vit_error err;

    snprintf(a, sizeof a, "%s/a.safetensors", dir);
    snprintf(b, sizeof b, "%s/b.safetensors", dir);
    for (size_t i = 0; i <= VIT_COUNT(WRONG); i++) {
        const float logits[6] = { 1, 0, 0, i ? WRONG[i - 1] : 1, 0, 1 };
        const struct weights_entry entries[] = { { "logits", WEIGHTS_F32, 2, { 3, 2 }, logits },
                                                 { "labels", WEIGHTS_I64, 1, { 3 }, labels },
                                                 { "index", WEIGHTS_I64, 1, { 3 }, index } };

        assert_ok(weights_write(i ? b : a, entries, 3, NULL, 0, &err), &err);
        if (i) EXPECT(3, "", "b.safetensors: picture 7 has logits that are not finite", "compare", a, b);
    }
}

static void mistakes_in_the_line_are_wrong_usage(void **state)
{
    const char *dir = *state;
    char a[PATH], named[PATH + 8];

    write_logits(dir, "a.safetensors", &(struct answers){ 50, 3, 0, 0, 32, 0 }, a);
    snprintf(named, sizeof named, "b=%s", a);
    EXPECT(2, "", "expected two models or more, found 0", "compare");
    EXPECT(2, "", "expected two models or more, found 1", "compare", a);
    EXPECT(2, "", "expected --b beside it", "compare", "--a", a);
    EXPECT(2, "", "two arms have the name \"b\"", "compare", named, a);
    EXPECT(2, "", "found an empty name", "compare", "pre=x,,y", a);
    EXPECT(2, "", "expected the name of an arm", "compare", "=x", a);
    EXPECT(2, "", "--data: expected a data set to run builtin:pre on", "compare", "builtin:pre", a);
    EXPECT(2, "", "unknown option", "compare", a, a, "-m", a);
    EXPECT(2, "", "from 100 to", "compare", a, a, "--bootstrap", "3");
    EXPECT(3, "", "nowhere", "compare", "nowhere", a, "--data", dir);
}

/* ---- models ---- */

static const char *const LABELS[] = { "ant", "bee", "cow", "dog" };
static const char *const TURNED[] = { "dog", "cow", "bee", "ant" };
static const char *const OTHERS[] = { "ant", "bee", "cow", "elk" };

/* dir/name: a network of 8 x 8 pictures, with positions of that deviation. */
static void make_network(const char *dir, const char *name, uint64_t seed, const char *const *labels,
                         float position, char *path)
{
    const struct vit_config c = { .image = 8,
                                  .channels = 3,
                                  .stem = { .patch = 4 },
                                  .width = 16,
                                  .depth = 1,
                                  .heads = 2,
                                  .hidden = 16,
                                  .classes = CLASSES,
                                  .pool = VIT_POOL_MEAN,
                                  .norm = { .eps = 1e-6f, .final = true },
                                  .act = KERN_ACT_GELU,
                                  .qkv_bias = true,
                                  .bias = true,
                                  .patch_bias = true };
    const struct vit_init init = { .seed = seed, .position = position };
    struct vit_model *m;
    struct vit_error err;

    snprintf(path, PATH, "%s/%s", dir, name);
    assert_ok(vit_model_create(&m, &c, NULL, labels, &init, NULL, &err), &err);
    assert_ok(vit_model_save(m, path, WEIGHTS_F32, &err), &err);
    vit_model_close(m);
}

/* Away from its initial values by its seed. */
static void make_model(const char *dir, const char *name, uint64_t seed, const char *const *labels,
                       char *path)
{
    make_network(dir, name, seed, labels, 0.5f, path);
}

/* dir/data: coloured noise in folders of the classes; the first file may be none. */
static void make_data(const char *dir, bool broken, char *path)
{
    unsigned char pixels[8 * 8 * 3];
    char file[PATH + 64];

    snprintf(path, PATH, "%s/data", dir);
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < PICTURES; i++) {
            for (size_t k = 0; k < sizeof pixels; k++)
                pixels[k] = (unsigned char)vit_random_u64(vit_key((uint64_t)c, (uint64_t)i), k / 24);
            snprintf(file, sizeof file, "%s/%d.png", LABELS[c], i);
            tmp_write(path, file, "", 0, NULL, 0);
            snprintf(file, sizeof file, "%s/%s/%d.png", path, LABELS[c], i);
            assert_int_equal(patch_png_write(file, pixels, 8, 8, NULL), VIT_OK);
        }
    snprintf(file, sizeof file, "%s/-broken.png", LABELS[0]);
    if (broken) tmp_write(path, file, "no picture", 10, NULL, 0);
}

static void keep_logits(const char *model, const char *data, const char *path, int code)
{
    EXPECT(code, "", "", "eval", "-q", "-m", model, "--data", data, "--split", "all", "--logits", path);
}

/* Everything that does not name a file or the data set. */
static void assert_same_result(json_t *a, json_t *b)
{
    static const char *const NAMES[] = { "dataset", "split", "run_a", "run_b", "arms", "n_failed", "failed" };

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        json_object_del(a, NAMES[i]);
        json_object_del(b, NAMES[i]);
    }
    if (!json_equal(a, b)) fail_msg("%s\n%s", json_dumps(a, 0), json_dumps(b, 0));
}

static void models_and_their_logits_give_the_same(void **state)
{
    const char *dir = *state;
    char model[2][PATH], kept[2][PATH], data[PATH];
    json_t *direct, *read, *mixed;

    make_data(dir, false, data);
    for (int i = 0; i < 2; i++) {
        make_model(dir, i ? "b.safetensors" : "a.safetensors", (uint64_t)i + 1, LABELS, model[i]);
        snprintf(kept[i], PATH, "%s/l%d.safetensors", dir, i);
        keep_logits(model[i], data, kept[i], 0);
    }
    direct = COMPARE(model[0], model[1], "--data", data, "--split", "all");
    read = COMPARE(kept[0], kept[1]);
    mixed = COMPARE(kept[0], model[1], "--data", data, "--split", "all");
    assert_number(direct, "n", CLASSES * PICTURES);
    assert_string_equal(json_string_value(part(direct, "dataset")), data);
    assert_same_result(direct, read);
    assert_same_result(mixed, read);
    json_decref(direct);
    json_decref(read);
    json_decref(mixed);
}

/* The same classes in another order, and a class that the other has not. */
static void logits_are_matched_by_the_names_of_classes(void **state)
{
    const char *dir = *state;
    char model[3][PATH], kept[3][PATH], data[PATH], gone[2 * PATH];
    json_t *direct, *read;

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, model[0]);
    make_model(dir, "b.safetensors", 2, TURNED, model[1]);
    make_model(dir, "c.safetensors", 3, OTHERS, model[2]);
    for (int i = 0; i < 3; i++) snprintf(kept[i], PATH, "%s/l%d.safetensors", dir, i);
    keep_logits(model[0], data, kept[0], 0);
    keep_logits(model[1], data, kept[1], 0);
    direct = COMPARE(model[0], model[1], "--data", data, "--split", "all");
    read = COMPARE(kept[0], kept[1]);
    assert_same_result(direct, read);
    json_decref(direct);
    json_decref(read);
    snprintf(gone, sizeof gone, "%s/dog", data);
    tmp_remove(gone); /* neither dogs nor elks: the pictures are the same for both */
    keep_logits(model[0], data, kept[0], 0);
    keep_logits(model[2], data, kept[2], 0);
    EXPECT(3, "", "l2.safetensors has a class \"elk\", ", "compare", kept[0], kept[2]);
    EXPECT(3, "", "l0.safetensors has none", "compare", kept[0], kept[2]);
}

/* The file at path as older versions wrote it, at to. */
static void forget_pictures(const char *path, const char *to)
{
    static const char *const NAMES[] = { "logits", "labels", "index" };
    struct weights_entry entries[VIT_COUNT(NAMES)];
    struct weights_file *file;
    struct vit_error err;

    assert_ok(weights_open(&file, path, &err), &err);
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        const struct weights_tensor *t = weights_find(file, NAMES[i]);
        entries[i] = (struct weights_entry){ .name = NAMES[i],
                                             .dtype = i ? WEIGHTS_I64 : WEIGHTS_F32,
                                             .rank = t->rank,
                                             .shape = { t->shape[0], t->shape[1] },
                                             .data = t->data };
    }
    assert_ok(weights_write(to, entries, VIT_COUNT(NAMES), NULL, 0, &err), &err);
    weights_close(file);
}

/* As many pictures with the same labels, in other files. */
static void logits_of_other_pictures_are_refused(void **state)
{
    const char *dir = *state;
    char model[PATH], first[PATH], second[PATH], old[PATH], data[PATH], from[2 * PATH], to[2 * PATH];
    const char *said;
    struct run r;

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, model);
    snprintf(first, sizeof first, "%s/first.safetensors", dir);
    snprintf(second, sizeof second, "%s/second.safetensors", dir);
    snprintf(old, sizeof old, "%s/old.safetensors", dir);
    keep_logits(model, data, first, 0);
    snprintf(from, sizeof from, "%s/ant/0.png", data);
    snprintf(to, sizeof to, "%s/ant/00.png", data);
    assert_int_equal(rename(from, to), 0);
    keep_logits(model, data, second, 0);
    EXPECT(3, "", "first.safetensors and ", "compare", first, second);
    EXPECT(3, "", "second.safetensors are not of one list of pictures", "compare", first, second);
    EXPECT(3, "", "are not of one list of pictures", "compare", first, model, "--data", data, "--split",
           "all");
    /* A file that does not say is believed, with one warning, and hides no other. */
    forget_pictures(first, old);
    EXPECT(3, "", "are not of one list of pictures", "compare", old, first, second);
    r = VIT("compare", old, second, model, "--data", data, "--split", "all");
    said = strstr(r.err, "does not say of which pictures");
    assert_non_null(said);
    assert_null(strstr(said + 1, "does not say"));
    expect(&r, 0, "", "old.safetensors does not say");
    r = VIT("compare", second, model, "--data", data, "--split", "all");
    assert_null(strstr(r.err, "does not say"));
    expect(&r, 0, "", "");
}

/* They may well be the same files: their names are test/ant/0.png and ant/0.png. */
static void a_split_alone_is_told_from_that_of_its_data_set(void **state)
{
    const char *dir = *state;
    char model[PATH], whole[PATH], alone[PATH], data[PATH], split[PATH + 8];

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, model);
    snprintf(whole, sizeof whole, "%s/whole.safetensors", dir);
    snprintf(alone, sizeof alone, "%s/alone.safetensors", dir);
    snprintf(split, sizeof split, "%s/test", dir);
    assert_int_equal(rename(data, split), 0);
    EXPECT(0, "", "", "eval", "-q", "-m", model, "--data", dir, "--split", "test", "--logits", whole);
    keep_logits(model, split, alone, 0);
    EXPECT(3, "", "have other files (by name below --data, and by size)", "compare", whole, alone);
    EXPECT(3, "", "the same --data and --split", "compare", whole, model, "--data", split, "--split", "all");
    EXPECT(0, "", "", "compare", whole, model, "--data", dir, "--split", "test");
}

/* Logits say whether they are of a picture alone or with its mirror image; the two are not compared. */
static void mirror_images_in_one_run_alone_are_refused(void **state)
{
    const char *dir = *state;
    char model[PATH], flipped[PATH], plain[PATH], data[PATH];
    const json_t *run;
    json_t *o;

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, model);
    snprintf(flipped, sizeof flipped, "%s/flipped.safetensors", dir);
    snprintf(plain, sizeof plain, "%s/plain.safetensors", dir);
    keep_logits(model, data, plain, 0);
    EXPECT(0, "", "", "eval", "-q", "-m", model, "--data", data, "--split", "all", "--flip", "--logits",
           flipped);
    o = COMPARE(flipped, model, "--data", data, "--split", "all", "--flip", "-q");
    assert_true(json_is_true(part(o, "flip")));
    assert_number(o, "difference", 0);
    run = json_array_get(part(json_array_get(part(o, "arms"), 0), "runs"), 0);
    assert_string_equal(text_of(run, "norm"), "pre"); /* of the file, which says how it was made */
    json_decref(o);
    EXPECT(3, NULL, "flipped.safetensors has the logits of every picture with its mirror image", "compare",
           plain, flipped);
    EXPECT(3, NULL, "plain.safetensors of the picture alone", "compare", plain, model, "--data", data,
           "--flip");
    EXPECT(2, NULL, "--held-out: expected a model to run, found files of logits alone", "compare", plain,
           plain, "--held-out", "0.1");
    EXPECT(2, NULL, "--flip: expected a model to run, found files of logits alone", "compare", plain, plain,
           "--flip");
    EXPECT(2, NULL, "--data: expected a model to run", "compare", plain, plain, "--data", "nowhere");
    EXPECT(2, NULL, "--size: expected a model to run", "compare", plain, plain, "--size", "16");
    EXPECT(2, NULL, "--no-exif: expected a model to run", "compare", plain, plain, "--no-exif");
    EXPECT(2, NULL, "--max-pixels: expected a model to run", "compare", plain, plain, "--max-pixels", "10");
    EXPECT(2, NULL, "--dtype: expected a model to run", "compare", plain, plain, "--dtype", "int8");
    EXPECT(0, "", NULL, "compare", "-q", plain, plain, "--dtype", "f32", "-b", "8", "--sandbox", "off");
}

/* The command of a page over this comparison gives the same numbers; words end with NULL. */
static void expect_again(const char *dir, const char *const *words)
{
    char path[PATH], *command, *again;
    struct run first = run_verb("compare", (const char *const[]){ "--json", "-q", NULL }, words), r;

    if (first.code) fail_msg("exit code %d: %s", first.code, first.err);
    tmp_write(dir, "again.json", first.out, first.out_size, path, sizeof path);
    command = again_commands((const char *const[]){ path, NULL });
    tmp_write(dir, "again.json", "", 0, NULL, 0);
    r = again_run(command);
    again = tmp_text(dir, "again.json");
    if (strcmp(first.out, again) != 0) fail_msg("of %s\n%snot\n%s", command, again, first.out);
    run_free(&first);
    run_free(&r);
    free(command);
    free(again);
}
#define AGAIN(...) expect_again(dir, (const char *const[]){ __VA_ARGS__, NULL })

static void a_page_s_command_compares_the_same(void **state)
{
    const char *dir = *state;
    char model[2][PATH], kept[2][PATH], data[PATH], a[5 * PATH], b[5 * PATH];

    make_data(dir, false, data);
    for (int i = 0; i < 2; i++) {
        make_model(dir, i ? "b.safetensors" : "a.safetensors", (uint64_t)i + 1, LABELS, model[i]);
        snprintf(kept[i], PATH, "%s/l%d.safetensors", dir, i);
        EXPECT(0, "", "", "eval", "-q", "-m", model[i], "--data", data, "--split", "all", "--flip",
               "--logits", kept[i]);
    }
    AGAIN(model[0], model[1], "--data", data, "--split", "all");
    AGAIN(model[0], model[1], "--data", data, "--held-out", "0.3", "--limit", "20");
    AGAIN(model[0], model[1], "--data", data, "--limit", "8", "--size", "12", "--dtype", "bf16", "--flip");
    AGAIN(model[0], model[1], "--data", data, "--no-exif", "--max-pixels", "1000000000", "--check",
          "--kernels", "ref");
    AGAIN(kept[0], kept[1]); /* which have their mirror images, and no use for --flip */
    write_arm(dir, "x", FIVE, 3, a, sizeof a);
    write_arm(dir, "y", FOUR, 3, b, sizeof b);
    AGAIN(a, b, "--seed", "3", "--bootstrap", "200", "--margin", "0.3", "--diverged-a", "1/5", "--diverged-b",
          "3/5");
}

static void accuracies_are_those_of_eval(void **state)
{
    const char *dir = *state;
    char model[2][PATH], data[PATH];
    json_t *both, *one;
    json_error_t e;

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, model[0]);
    make_model(dir, "b.safetensors", 2, TURNED, model[1]); /* the same classes in another order */
    both = COMPARE(model[0], model[1], "--data", data, "--limit", "10");
    for (int i = 0; i < 2; i++) {
        struct run r = VIT("eval", "-m", model[i], "--data", data, "--limit", "10", "--json");
        one = json_loads(r.out, 0, &e);
        assert_true(number(both, i ? "top1_b" : "top1_a") == number(one, "top1"));
        assert_true(json_equal(part(both, i ? "top1_b_ci95" : "top1_a_ci95"), part(one, "top1_ci95")));
        json_decref(one);
        run_free(&r);
    }
    json_decref(both);
}

static void a_network_that_diverged_has_no_accuracy(void **state)
{
    const char *dir = *state;
    char a[PATH], b[PATH], data[PATH];

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, a);
    make_network(dir, "b.safetensors", 2, LABELS, 0x1p127f, b); /* some of its draws are infinite */
    EXPECT(3, "", "b.safetensors: picture 0 has logits that are not finite", "compare", a, b, "--data", data,
           "--split", "all");
}

static void other_classes_are_an_error_that_names_both(void **state)
{
    const char *dir = *state;
    char a[PATH], b[PATH], data[PATH], gone[2 * PATH];

    make_data(dir, false, data);
    make_model(dir, "a.safetensors", 1, LABELS, a);
    make_model(dir, "b.safetensors", 2, OTHERS, b);
    EXPECT(3, "", "dog", "compare", a, b, "--data", data); /* the data set has dogs */
    snprintf(gone, sizeof gone, "%s/dog", data);
    tmp_remove(gone);
    EXPECT(3, "", "b.safetensors has a class \"elk\", ", "compare", a, b, "--data", data);
    EXPECT(3, "", "a.safetensors has none", "compare", a, b, "--data", data);
}

static void a_picture_that_cannot_be_read_counts_for_neither(void **state)
{
    const char *dir = *state;
    char a[PATH], b[PATH], kept[PATH], data[PATH];
    struct run r;
    json_t *o;

    make_data(dir, true, data);
    make_model(dir, "a.safetensors", 1, LABELS, a);
    make_model(dir, "b.safetensors", 2, LABELS, b);
    o = object(VIT("compare", "--json", a, b, "--data", data), 1);
    assert_number(o, "n", CLASSES * PICTURES);
    assert_number(o, "n_failed", 1);
    assert_int_equal(json_array_size(part(o, "failed")), 1);
    assert_follows(o, "could not be read: 1");
    json_decref(o);
    r = VIT("compare", a, b, "--data", data);
    assert_null(strstr(strstr(r.err, "broken.png") + 1, "broken.png")); /* said once */
    expect(&r, 1, "failed 1", "broken.png");
    snprintf(kept, sizeof kept, "%s/l.safetensors", dir);
    keep_logits(a, data, kept, 1); /* has no row of it either */
    o = object(VIT("compare", "--json", kept, b, "--data", data), 1);
    assert_number(o, "n", CLASSES * PICTURES);
    json_decref(o);
}

/* A model that runs meets the broken picture, and says so. */
static void what_cannot_be_used_is_told_before_a_model_runs(void **state)
{
    const int64_t shape[1] = { 1 };
    const struct weights_entry entry = { "logits", WEIGHTS_I64, 1, { 1 }, shape };
    const char *dir = *state;
    char a[PATH], data[PATH], gone[PATH], wrong[PATH];
    struct vit_error err;

    make_data(dir, true, data);
    make_model(dir, "a.safetensors", 1, LABELS, a);
    snprintf(gone, sizeof gone, "%s/gone.safetensors", dir);
    snprintf(wrong, sizeof wrong, "%s/wrong.safetensors", dir);
    assert_ok(weights_write(wrong, &entry, 1, NULL, 0, &err), &err);
    for (int i = 0; i < 2; i++) {
        struct run r = VIT("compare", a, i ? wrong : gone, "--data", data);
        assert_null(strstr(r.err, "broken.png"));
        expect(&r, 3, "", i ? "wrong.safetensors: has logits, but no labels" : "gone.safetensors: ");
    }
}

static void without_a_single_picture_nothing_follows(void **state)
{
    static const char *const NULLS[] = { "top1_a",     "top1_b",    "top1_a_ci95",     "top1_b_ci95",
                                         "difference", "mcnemar_p", "difference_ci95", "least_significant" };
    const char *dir = *state;
    char a[PATH], b[PATH], data[PATH];
    json_t *o;

    for (int c = 0; c < CLASSES; c++) {
        char file[64];
        snprintf(file, sizeof file, "data/%s/x.png", LABELS[c]);
        tmp_write(dir, file, "no picture", 10, NULL, 0);
    }
    snprintf(data, sizeof data, "%s/data", dir);
    make_model(dir, "a.safetensors", 1, LABELS, a);
    make_model(dir, "b.safetensors", 2, LABELS, b);
    o = object(VIT("compare", "--json", a, b, "--data", data), 1);
    assert_number(o, "n", 0);
    for (size_t i = 0; i < VIT_COUNT(NULLS); i++)
        if (!json_is_null(part(o, NULLS[i]))) fail_msg("\"%s\" is not null", NULLS[i]);
    assert_follows(o, "nothing follows");
    json_decref(o);
    EXPECT(1, "nothing follows", "x.png", "compare", a, b, "--data", data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_files_give_known_numbers, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(every_key_is_there_and_null_where_nothing_is_known, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(several_seeds_are_compared_run_by_run, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(no_p_value_from_two_seeds, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(arms_without_spread_are_not_tested, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(more_arms_are_corrected, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(every_other_pair_is_listed, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(what_holm_leaves_is_said_in_words, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(divergence_is_compared_by_fishers_test, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_bootstrap_depends_on_the_seed_alone, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(tables_come_before_words, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(files_that_do_not_fit_are_both_named, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(broken_files_of_logits_are_refused, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(files_that_cannot_be_opened_are_their_own_fault, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(logits_that_are_not_finite_are_no_answers, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(mistakes_in_the_line_are_wrong_usage, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(models_and_their_logits_give_the_same, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_page_s_command_compares_the_same, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(logits_are_matched_by_the_names_of_classes, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(logits_of_other_pictures_are_refused, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_split_alone_is_told_from_that_of_its_data_set, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(mirror_images_in_one_run_alone_are_refused, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(accuracies_are_those_of_eval, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_network_that_diverged_has_no_accuracy, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(other_classes_are_an_error_that_names_both, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_picture_that_cannot_be_read_counts_for_neither, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_used_is_told_before_a_model_runs, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(without_a_single_picture_nothing_follows, tmp_setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
