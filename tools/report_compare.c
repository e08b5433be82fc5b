/* What compare found, in its words, with the numbers behind them. */
#include <math.h>

#include "tools/compare.h"
#include "tools/markup.h"
#include "tools/report_page.h"

/* The number at path ("welch.p") in object; NAN: none. */
static double number_at(const json_t *object, const char *path)
{
    char key[64];
    const char *dot = strchr(path, '.');

    if (dot) {
        snprintf(key, sizeof key, "%.*s", (int)(dot - path), path);
        return number_at(json_object_get(object, key), dot + 1);
    }
    object = json_object_get(object, path);
    return json_is_number(object) ? json_number_value(object) : NAN;
}

static const json_t *at(const json_t *object, const char *part, const char *key)
{
    return json_object_get(*part ? json_object_get(object, part) : object, key);
}

static const char *name_of(const json_t *object, size_t arm, const char *otherwise)
{
    const char *name =
        json_string_value(json_object_get(json_array_get(json_object_get(object, "arms"), arm), "name"));

    return name ? name : otherwise;
}

/* ---- the numbers, a row each ---- */

enum { POINTS, P_VALUE, COUNT };

struct row {
    const char *what, *part, *key;
    int kind;
    const char *interval; /* key of [low, high] beside it; NULL: none */
};

/* {A} and {B} are the names of the arms. */
static const struct row ROWS[] = {
    { "pictures", "", "n", COUNT, NULL },
    { "top-1 of {A}, median run (%)", "", "top1_a", POINTS, "top1_a_ci95" },
    { "top-1 of {B}, median run (%)", "", "top1_b", POINTS, "top1_b_ci95" },
    { "right: {A} alone", "", "only_a", COUNT, NULL },
    { "right: {B} alone", "", "only_b", COUNT, NULL },
    { "these two networks: difference (points)", "", "difference", POINTS, "difference_ci95" },
    { "these two networks: McNemar's exact p", "", "mcnemar_p", P_VALUE, NULL },
    { "over runs: difference, Welch (points)", "welch", "difference", POINTS, "difference_ci95" },
    { "over runs: Welch's p", "welch", "p", P_VALUE, NULL },
    { "over runs with shared seeds: difference, paired t (points)", "paired", "difference", POINTS,
      "difference_ci95" },
    { "over runs with shared seeds: p", "paired", "p", P_VALUE, NULL },
    { "runs and pictures drawn anew: difference, bootstrap (points)", "bootstrap", "difference", POINTS,
      "difference_ci95" },
    { "equal but for the margin: two one-sided tests, p", "tost", "p", P_VALUE, NULL },
    { "the margin (points)", "tost", "margin", POINTS, NULL },
    { "difference that would be found four times in five (points)", "", "detectable", POINTS, NULL },
    { "how often runs diverge: Fisher's exact p", "fisher", "p", P_VALUE, NULL },
};

static void put_named(FILE *out, const char *text, const json_t *object)
{
    while (*text) {
        const char *open = strchr(text, '{');
        if (!open) {
            markup_text(out, text);
            return;
        }
        for (; text < open; text++) fputc(*text, out); /* of the table above: nothing to escape */
        markup_text(out, open[1] == 'A' ? name_of(object, 0, "A") : name_of(object, 1, "B"));
        text = open + 3;
    }
}

/* An interval in points; nothing where there is none. */
static void put_span(FILE *out, const json_t *span)
{
    if (json_is_number(json_array_get(span, 0)) && json_is_number(json_array_get(span, 1)))
        markup_put(out, "%.2f to %.2f", 100 * json_number_value(json_array_get(span, 0)),
                   100 * json_number_value(json_array_get(span, 1)));
}

static void put_row(FILE *out, const struct row *row, const json_t *object)
{
    const json_t *v = at(object, row->part, row->key);

    if (!json_is_number(v)) return;
    fputs("<tr><th class=\"why\" scope=\"row\">", out);
    put_named(out, row->what, object);
    fputs("</th><td class=\"n\">", out);
    if (row->kind == POINTS)
        markup_put(out, "%.2f", 100 * json_number_value(v));
    else if (row->kind == P_VALUE)
        markup_put(out, "%.2g", json_number_value(v));
    else
        markup_put(out, "%.0f", json_number_value(v));
    fputs("</td><td class=\"n\">", out);
    if (row->interval) put_span(out, at(object, row->part, row->interval));
    fputs("</td></tr>\n", out);
}

/* ---- words: compare's own, else made here of the numbers ---- */

static void put_own_words(FILE *out, const json_t *object)
{
    const double p = number_at(object, "mcnemar_p"), d = number_at(object, "difference");
    const double welch = number_at(object, "welch.p");

    if (isfinite(p))
        markup_put(
            out,
            "<li>These two networks %s on these pictures: McNemar's exact p = %.2g, difference %+.2f points. "
            "That says nothing about other seeds.</li>\n",
            p <= COMPARE_ALPHA ? "differ" : "are not shown to differ", p, 100 * d);
    if (isfinite(welch))
        markup_put(out, "<li>Over training runs the arms %s (Welch's p = %.2g).</li>\n",
                   welch <= COMPARE_ALPHA ? "differ" : "are not shown to differ", welch);
    else
        fputs("<li>There are too few runs to say anything of the arms.</li>\n", out);
}

static void put_words(FILE *out, const struct report *r, const json_t *object)
{
    const json_t *follows = json_object_get(object, "follows"), *text;
    size_t i;

    fputs("<ul>\n", out);
    if (json_array_size(follows)) {
        json_array_foreach(follows, i, text)
        {
            if (json_is_string(text)) markup_put(out, "<li>%s</li>\n", json_string_value(text));
        }
    } else {
        put_own_words(out, object);
    }
    report_put_better(out, r, object);
    fputs("</ul>\n", out);
}

/* ---- the arms, and the other pairs ---- */

static void put_arm(FILE *out, const json_t *arm)
{
    const char *name = json_string_value(json_object_get(arm, "name"));
    const json_t *runs = json_object_get(arm, "runs"), *run;
    size_t i;

    markup_put(out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%zu</td>", name ? name : "?",
               json_array_size(runs));
    report_put_number(out, "%.2f", 100 * number_at(arm, "mean"));
    report_put_number(out, "%.2f", 100 * number_at(arm, "sd"));
    fputs("<td class=\"why\">", out);
    json_array_foreach(runs, i, run)
    {
        if (json_is_number(json_object_get(run, "top1")))
            markup_put(out, "%s%.2f", i ? ", " : "", 100 * number_at(run, "top1"));
    }
    fputs("</td></tr>\n", out);
}

static bool has_several_runs(const json_t *object)
{
    const json_t *arm;
    size_t i;

    json_array_foreach(json_object_get(object, "arms"), i, arm)
    {
        if (json_array_size(json_object_get(arm, "runs")) > 1) return true;
    }
    return false;
}

static void put_arms(FILE *out, const json_t *object)
{
    const json_t *arms = json_object_get(object, "arms"), *arm;
    size_t i;

    if (!has_several_runs(object)) return;
    fputs("<div class=\"wide\" role=\"region\" aria-label=\"Arms of the comparison\" tabindex=\"0\"><table>"
          "<caption>Top-1 (%) over training runs</caption><thead><tr><th scope=\"col\">arm</th>"
          "<th class=\"n\" scope=\"col\">runs</th><th class=\"n\" scope=\"col\">mean</th><th class=\"n\" "
          "scope=\"col\">deviation</th><th scope=\"col\">each run</th></tr></thead><tbody>\n",
          out);
    json_array_foreach(arms, i, arm)
    {
        put_arm(out, arm);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_other(FILE *out, const json_t *pair)
{
    const char *a = json_string_value(json_object_get(pair, "a")),
               *b = json_string_value(json_object_get(pair, "b"));
    const json_t *span = json_object_get(pair, "difference_ci95");

    markup_put(out, "<tr><th scope=\"row\">%s – %s</th>", a ? a : "?", b ? b : "?");
    report_put_number(out, "%+.2f", 100 * number_at(pair, "difference"));
    fputs("<td class=\"n\">", out);
    put_span(out, span);
    fputs("</td>", out);
    report_put_number(out, "%.2g", number_at(pair, "p"));
    report_put_number(out, "%.2g", number_at(pair, "p_holm"));
    fputs("</tr>\n", out);
}

static void put_holm(FILE *out, const json_t *object)
{
    const json_t *list = json_object_get(object, "holm"), *pair;
    const char *test = json_string_value(json_object_get(json_array_get(list, 0), "test"));
    const bool by_run = test && strcmp(test, "welch") == 0;
    size_t i;

    if (!json_array_size(list)) return;
    markup_put(
        out,
        "<div class=\"wide\" role=\"region\" aria-label=\"Other pairs\" tabindex=\"0\"><table><caption>The "
        "other pairs, %s, corrected for their number (Holm)</caption><thead><tr>",
        by_run ? "over runs (Welch)" : "these networks (McNemar)");
    fputs("<th scope=\"col\">pair</th><th class=\"n\" scope=\"col\">difference (points)</th>"
          "<th class=\"n\" scope=\"col\">95 % interval, not corrected</th>"
          "<th class=\"n\" scope=\"col\">p</th><th class=\"n\" scope=\"col\">p, "
          "Holm</th></tr></thead><tbody>\n",
          out);
    json_array_foreach(list, i, pair)
    {
        put_other(out, pair);
    }
    fputs("</tbody></table></div>\n", out);
}

/* "pre against post", "pre, post, deepnorm", and the file where there are several comparisons. */
static void put_title(FILE *out, const json_t *object, const char *file)
{
    const size_t arms = json_array_size(json_object_get(object, "arms"));

    fputs("<h3>", out);
    if (arms < 3) markup_put(out, "%s against %s", name_of(object, 0, "A"), name_of(object, 1, "B"));
    for (size_t i = 0; i < arms && arms > 2; i++)
        markup_put(out, "%s%s", i ? ", " : "", name_of(object, i, "?"));
    if (file) markup_put(out, " (%s)", file);
    fputs("</h3>\n", out);
}

static void put_comparison(FILE *out, const struct report *r, const json_t *object, const char *file)
{
    put_title(out, object, file);
    if (has_several_runs(object))
        markup_put(out, "<p>“These two networks” are the median runs of %s and %s.</p>\n",
                   name_of(object, 0, "A"), name_of(object, 1, "B"));
    put_words(out, r, object);
    put_arms(out, object);
    fputs("<div class=\"wide\" role=\"region\" aria-label=\"Numbers of the comparison\" "
          "tabindex=\"0\"><table>",
          out);
    markup_put(out, "<caption>Differences are %s minus %s</caption>", name_of(object, 0, "A"),
               name_of(object, 1, "B"));
    fputs("<thead><tr><th scope=\"col\">quantity</th><th class=\"n\" scope=\"col\">value</th><th class=\"n\" "
          "scope=\"col\">95 % interval"
          "</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) put_row(out, &ROWS[i], object);
    fputs("</tbody></table></div>\n", out);
    put_holm(out, object);
}

void report_put_comparisons(FILE *out, const struct report *r)
{
    const bool several = report_count_sources(r, REPORT_COMPARE) > 1;

    for (size_t i = 0; i < r->source_count; i++)
        if (r->sources[i].kind == REPORT_COMPARE)
            put_comparison(out, r, r->sources[i].about, several ? r->sources[i].path : NULL);
}
