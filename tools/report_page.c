/* The page: its parts in their order. */
#include "tools/report_page.h"

#include "tools/markup.h"
#include "tools/out.h"
#include "tools/report_figures.h"

/* ---- its parts ---- */

/* What a part writes, given the number of the next figure; returns that after its own, -1: memory ran out. */
typedef int put_part(FILE *out, const struct report *r, int number);

static int put_rates(FILE *out, const struct report *r, int number)
{
    return report_put_figures(out, r, REPORT_RATES, number);
}

static int put_arms(FILE *out, const struct report *r, int number)
{
    if (!report_put_arms(out, r)) return -1;
    report_put_losses(out, r);
    report_put_cells(out, r);
    return number;
}

static int put_curves(FILE *out, const struct report *r, int number)
{
    return report_put_figures(out, r, REPORT_CURVES, number);
}

static int put_probes(FILE *out, const struct report *r, int number)
{
    report_put_parallel(out, r);
    return report_put_figures(out, r, REPORT_PROBES, number);
}

static int put_comparisons(FILE *out, const struct report *r, int number)
{
    report_put_comparisons(out, r);
    return number;
}

static int put_untested(FILE *out, const struct report *r, int number)
{
    report_put_untested(out, r);
    return number;
}

static int put_commands(FILE *out, const struct report *r, int number)
{
    report_put_commands(out, r);
    return number;
}

static bool has_cells(const struct report *r)
{
    return r->cell_count > 0;
}

static bool has_epochs(const struct report *r)
{
    return r->epoch_count > 0;
}

static bool has_blocks(const struct report *r)
{
    return r->block_count > 0;
}

static bool has_comparisons(const struct report *r)
{
    return report_count_sources(r, REPORT_COMPARE) > 0;
}

/* Comparisons alone say what they do not show. */
static bool has_gaps(const struct report *r)
{
    return has_cells(r) || has_blocks(r) || !has_comparisons(r);
}

static bool always(const struct report *r)
{
    (void)r;
    return true;
}

static const struct {
    const char *id, *title;
    bool (*there)(const struct report *r);
    put_part *put;
} PARTS[] = {
    { "rates", "Accuracy and learning rate", has_cells, put_rates },
    { "arms", "The arms in numbers", has_cells, put_arms },
    { "training", "During training", has_epochs, put_curves },
    { "diagnostics", "Streams and gradients", has_blocks, put_probes },
    { "comparison", "What the comparison says", has_comparisons, put_comparisons },
    { "untested", "What was not tested", has_gaps, put_untested },
    { "again", "Make it again", always, put_commands },
};

/* ---- head and foot ---- */

static void put_title(FILE *out, const struct report *r, const char *title)
{
    if (title)
        markup_text(out, title);
    else if (r->norm_count == 1)
        markup_put(out, "Norm placement: %s", r->norms[0]);
    else if (r->norm_count == 2)
        markup_put(out, "Norm placement: %s against %s", r->norms[0], r->norms[1]);
    else if (r->norm_count)
        markup_put(out, "%zu norm placements", r->norm_count);
    else
        fputs("Comparison of networks", out);
}

/* But for depth and warm-up. */
static bool is_one_recipe(const struct report *r)
{
    for (size_t i = 1; i < r->condition_count; i++)
        if (!report_same_recipe(&r->conditions[0], &r->conditions[i])) return false;
    return true;
}

static void put_lead(FILE *out, const struct report *r)
{
    bool more = false;

    fputs("<p class=\"lead\">", out);
    if (r->cell_count) {
        markup_put(out, "%zu training run%s of %zu placement%s in %zu condition%s%s:", r->cell_count,
                   out_plural(r->cell_count), r->norm_count, out_plural(r->norm_count), r->condition_count,
                   out_plural(r->condition_count), is_one_recipe(r) ? ", under one recipe" : "");
        for (int e = 0; e < REPORT_ENDS; e++) {
            const int count = report_count_end(r, (enum report_end)e);
            if (!count && e != REPORT_DONE) continue;
            markup_put(out, "%s %d %s", more ? "," : "", count, report_end_name((enum report_end)e));
            more = true;
        }
        fputs(". Lost runs are results, and none is left out.", out);
        if (r->twice)
            markup_put(out, " Copies in further inputs, %zu, do not count: a seed counts once.", r->twice);
    }
    if (r->block_count) markup_put(out, " %zu rows of diagnostics.", r->block_count);
    fputs("</p>\n", out);
}

static void put_head(FILE *out, const struct report *r, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta "
          "charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, "
          "initial-scale=1\"/>\n<meta "
          "name=\"generator\" content=\"vit " VIT_VERSION
          "\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>",
          out);
    put_title(out, r, title);
    fputs("</title>\n", out);
    report_put_style(out);
    fputs("</head>\n<body>\n<header><h1>", out);
    put_title(out, r, title);
    fputs("</h1>\n", out);
    put_lead(out, r);
    fputs("</header>\n<nav aria-label=\"Parts of this page\"><ul>", out);
    for (size_t i = 0; i < VIT_COUNT(PARTS); i++)
        if (PARTS[i].there(r))
            markup_put(out, "<li><a href=\"#%s\">%s</a></li>", PARTS[i].id, PARTS[i].title);
    fputs("</ul></nav>\n<main>\n", out);
    report_put_cards(out, r);
}

bool report_page(FILE *out, const struct report *r, const char *title)
{
    int number = 1;

    put_head(out, r, title);
    for (size_t i = 0; i < VIT_COUNT(PARTS) && number > 0; i++) {
        if (!PARTS[i].there(r)) continue;
        markup_put(out, "<section id=\"%s\"><h2>%s</h2>\n", PARTS[i].id, PARTS[i].title);
        number = PARTS[i].put(out, r, number);
        fputs("</section>\n", out);
    }
    fputs("</main>\n<footer>Made by vit " VIT_VERSION " from", out);
    for (size_t i = 0; i < r->path_count; i++) markup_put(out, "%s %s", i ? "," : "", r->paths[i]);
    fputs(". The page holds everything it shows and loads nothing.</footer>\n</body>\n</html>\n", out);
    return number > 0;
}
