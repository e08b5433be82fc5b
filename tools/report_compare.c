/* What compare found, in its words, with the numbers behind them. */
#include <math.h>

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

static void put_row(FILE *out, const struct row *row, const json_t *object)
{
    const json_t *v = at(object, row->part, row->key);
    const json_t *span = row->interval ? at(object, row->part, row->interval) : NULL;
    const double low = json_number_value(json_array_get(span, 0)),
                 high = json_number_value(json_array_get(span, 1));

    if (!json_is_number(v)) return;
    fputs("<tr><th scope=\"row\">", out);
    put_named(out, row->what, object);
    fputs("</th><td class=\"n\">", out);
    if (row->kind == POINTS)
        markup_put(out, "%.2f", 100 * json_number_value(v));
    else if (row->kind == P_VALUE)
        markup_put(out, "%.2g", json_number_value(v));
    else
        markup_put(out, "%.0f", json_number_value(v));
    fputs("</td><td class=\"n\">", out);
    if (json_array_size(span) == 2) markup_put(out, "%.2f to %.2f", 100 * low, 100 * high);
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
            p <= 0.05 ? "differ" : "are not shown to differ", p, 100 * d);
    if (isfinite(welch))
        markup_put(out, "<li>Over training runs the arms %s (Welch's p = %.2g).</li>\n",
                   welch <= 0.05 ? "differ" : "are not shown to differ", welch);
    else
        fputs("<li>There are too few runs to say anything of the arms.</li>\n", out);
}

static void put_words(FILE *out, const json_t *object)
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
    fputs("</ul>\n", out);
}

static void put_holm(FILE *out, const json_t *object)
{
    const json_t *list = json_object_get(object, "holm"), *item;
    size_t i;

    if (!json_array_size(list)) return;
    fputs("<div class=\"wide\"><table><caption>The other pairs, corrected for their number "
          "(Holm)</caption><thead><tr>"
          "<th scope=\"col\">pair</th><th class=\"n\" scope=\"col\">difference (points)</th>"
          "<th class=\"n\" scope=\"col\">p</th><th class=\"n\" scope=\"col\">p, "
          "Holm</th></tr></thead><tbody>\n",
          out);
    json_array_foreach(list, i, item)
    {
        const char *a = json_string_value(json_object_get(item, "a")),
                   *b = json_string_value(json_object_get(item, "b"));
        const char *const keys[] = { "difference", "p", "p_holm" };
        markup_put(out, "<tr><th scope=\"row\">%s – %s</th>", a ? a : "?", b ? b : "?");
        for (size_t k = 0; k < VIT_COUNT(keys); k++) {
            const double v = number_at(item, keys[k]);
            char text[32] = "–";
            if (isfinite(v)) snprintf(text, sizeof text, k ? "%.2g" : "%+.2f", k ? v : 100 * v);
            markup_put(out, "<td class=\"n\">%s</td>", text);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_comparison(FILE *out, const json_t *object)
{
    markup_put(out, "<h3>%s against %s</h3>\n", name_of(object, 0, "A"), name_of(object, 1, "B"));
    put_words(out, object);
    fputs("<div class=\"wide\" role=\"region\" aria-label=\"Numbers of the comparison\" "
          "tabindex=\"0\"><table><thead><tr>"
          "<th scope=\"col\">quantity</th><th class=\"n\" scope=\"col\">value</th><th class=\"n\" "
          "scope=\"col\">95 % interval"
          "</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) put_row(out, &ROWS[i], object);
    fputs("</tbody></table></div>\n", out);
    put_holm(out, object);
}

void report_put_comparisons(FILE *out, const struct report *r)
{
    for (size_t i = 0; i < r->source_count; i++)
        if (r->sources[i].kind == REPORT_COMPARE) put_comparison(out, r->sources[i].about);
}
