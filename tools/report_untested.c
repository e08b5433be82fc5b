/* What was not tested: computed from the grid, a function for each kind of gap. */
#include "tools/markup.h"
#include "tools/report_page.h"

/* Epochs of the recipes that print accuracies for small networks on CIFAR-10 (Compact Transformers,
 * arXiv 2104.05704: 200), and the least that counts as near them. */
enum { PRINTED_EPOCHS = 200, NEAR_EPOCHS = 100 };

/* ---- the grid ---- */

static void say_unfinished(FILE *out, const struct report *r)
{
    const int open = report_count_end(r, REPORT_UNFINISHED);

    if (open)
        markup_put(out,
                   "<li><b>Unfinished runs.</b> %d of %zu runs have not ended; what they would show is not "
                   "known.</li>\n",
                   open, r->cell_count);
}

static void say_seeds(FILE *out, const struct report *r)
{
    int rates = 0, single = 0;

    for (size_t i = 0; i < r->arm_count; i++)
        for (int k = 0; k < r->arms[i].rate_count; k++) {
            const struct report_rate *rate = &r->arms[i].rates[k];
            const int ended = report_ended(rate->ended, rate->runs);
            rates += ended > 0;
            single += ended == 1;
        }
    if (!single) return;
    if (single == rates)
        fputs("<li><b>Other seeds.</b> Every point is one run with one seed", out);
    else
        markup_put(out, "<li><b>Other seeds.</b> %d of %d points (arm and rate) are one run with one seed",
                   single, rates);
    fputs(": how much of a difference is the luck of that seed is not known there.</li>\n", out);
}

static void say_one_edge(FILE *out, const struct report *r, const struct report_arm *a)
{
    char lr[32];

    markup_put(out, "<li>%s, %s: ", r->norms[a->norm], r->conditions[a->condition].label);
    if (a->best < 0) {
        fputs(a->ended[REPORT_DONE] ? "several rates were tried and not validated: which is best is not known"
                                    : "no rate that was tried has a run that learnt",
              out);
    } else {
        report_rate_text(lr, sizeof lr, a->rates[a->best].lr);
        if (report_tried(a) == 1)
            markup_put(out, "only <span class=\"nb\">%s</span> was tried", lr);
        else if (report_is_lowest(a, a->best))
            markup_put(
                out,
                "<span class=\"nb\">%s</span> is the best and the lowest tried; a lower one may be better",
                lr);
        else
            markup_put(
                out,
                "<span class=\"nb\">%s</span> is the best and the highest tried; a higher one may be better",
                lr);
    }
    fputs("</li>\n", out);
}

static void say_edges(FILE *out, const struct report *r)
{
    bool open = false;

    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        if (a->best >= 0 && !report_is_lowest(a, a->best) && !report_is_highest(a, a->best)) continue;
        if (!open) fputs("<li><b>Rates beyond the grid.</b><ul>\n", out);
        open = true;
        say_one_edge(out, r, a);
    }
    if (open) fputs("</ul></li>\n", out);
}

/* ---- cells of the grid that are no condition ---- */

/* Combinations, or conditions, that are named; of more than these the number is said. */
enum { MOST_NAMED = 12 };

/* Whether condition i is the first from from on with its depth, warm-up or initialisation. */
enum part { DEPTH, WARMUP, INIT };
static bool is_new(const struct report *r, size_t from, size_t i, enum part part)
{
    const struct report_condition *c = &r->conditions[i];

    for (size_t k = from; k < i; k++) {
        const struct report_condition *d = &r->conditions[k];
        if (part == DEPTH
                ? d->depth == c->depth
                : strcmp(part == WARMUP ? d->warmup : d->init, part == WARMUP ? c->warmup : c->init) == 0)
            return false;
    }
    return true;
}

static bool was_run(const struct report *r, size_t from, size_t to, const struct report_condition *depth,
                    const struct report_condition *warmup, const char *init)
{
    for (size_t i = from; i < to; i++) {
        const struct report_condition *c = &r->conditions[i];
        if (c->depth == depth->depth && strcmp(c->warmup, warmup->warmup) == 0 && strcmp(c->init, init) == 0)
            return true;
    }
    return false;
}

/* Of the conditions from..to - 1, which differ in depth, warm-up and initialisation alone. */
static void name_missing(FILE *out, const struct report *r, size_t from, size_t to, int *count)
{
    const struct report_condition *all = r->conditions;

    for (size_t i = from; i < to; i++)
        for (size_t w = from; w < to && is_new(r, from, i, INIT); w++)
            for (size_t d = from; d < to && is_new(r, from, w, WARMUP); d++) {
                if (!is_new(r, from, d, DEPTH) || was_run(r, from, to, &all[d], &all[w], all[i].init))
                    continue;
                if ((*count)++ >= MOST_NAMED) continue;
                fputs(*count > 1 ? "; " : "<li><b>Combinations.</b> Not run, though each part of them was: ",
                      out);
                markup_put(out, "depth %d, %s, %s", all[d].depth, all[w].start, all[i].init);
                if (*all[i].more) markup_put(out, ", %s", all[i].more);
            }
}

static void say_combinations(FILE *out, const struct report *r)
{
    int count = 0;

    for (size_t from = 0, to; from < r->condition_count; from = to) {
        for (to = from + 1; to < r->condition_count;)
            if (strcmp(r->conditions[from].more, r->conditions[to].more) == 0)
                to++;
            else
                break;
        name_missing(out, r, from, to, &count);
    }
    if (count > MOST_NAMED) markup_put(out, "; and %d more", count - MOST_NAMED);
    if (count) fputs(".</li>\n", out);
}

static void say_unequal(FILE *out, const struct report *r)
{
    for (size_t i = 1; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i - 1], *b = &r->arms[i];
        if (a->condition != b->condition || a->runs == b->runs) continue;
        fputs("<li><b>Equal effort.</b> Some arms of one condition had more trials than others; more trials "
              "find a better best.</li>\n",
              out);
        return;
    }
}

static void say_dead(FILE *out, const struct report *r)
{
    const int dead = report_count_end(r, REPORT_DEAD);
    const char *after = NULL;

    for (size_t i = 0; i < r->source_count && !after; i++)
        after = json_string_value(json_object_get(r->sources[i].about, "dead_after"));
    if (after && !(after[0] >= '0' && after[0] <= '9')) after = NULL; /* a rule, not a number */
    if (dead)
        markup_put(
            out,
            "<li><b>Patience.</b> %d runs were given up as dead%s%s%s; whether they would have learnt later "
            "is not known.</li>\n",
            dead, after ? " after " : "", after ? after : "", !after || strchr(after, '%') ? "" : " steps");
}

static void say_epochs(FILE *out, const struct report *r)
{
    int most = 0;

    for (size_t i = 0; i < r->cell_count; i++)
        if (r->cells[i].epochs > most) most = r->cells[i].epochs;
    if (most && most < NEAR_EPOCHS)
        markup_put(
            out,
            "<li><b>Long training.</b> No run had more than %d epochs; recipes in print train such "
            "networks for %d and more (Compact Transformers). The order of the arms may change.</li>\n",
            most, PRINTED_EPOCHS);
}

/* ---- how it was measured ---- */

static bool any_choice(const struct report *r)
{
    for (size_t i = 0; i < r->arm_count; i++)
        if (report_tried(&r->arms[i]) > 1 && r->arms[i].best >= 0) return true;
    return false;
}

/* Arms of one rate and several seeds, as "depth 12, xavier: pre, post; ..."; false: there are none. */
static bool name_fresh(FILE *out, const struct report *r)
{
    const struct report_arm *before = NULL;
    int count = 0;

    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        if (report_tried(a) != 1 || report_ended(a->ended, a->runs) < 2) continue;
        const bool same = before && before->condition == a->condition;
        before = a;
        if (!same && count++ >= MOST_NAMED) continue;
        if (!same)
            markup_put(out, "%s%s: ", count > 1 ? "; " : "Runs at a single rate (",
                       r->conditions[a->condition].label);
        if (count <= MOST_NAMED) markup_put(out, "%s%s", same ? ", " : "", r->norms[a->norm]);
    }
    if (count > MOST_NAMED) markup_put(out, "; and in %d other conditions", count - MOST_NAMED);
    return count > 0;
}

static void say_choice(FILE *out, const struct report *r)
{
    if (!any_choice(r)) return;
    fputs("<li><b>Fresh runs at the chosen rate.</b> Where several rates were tried, the best was chosen by "
          "the validation accuracy that is shown with it, which is therefore a little too high (the "
          "winner's curse), the more so the more rates were tried. ",
          out);
    if (name_fresh(out, r))
        fputs(") are free of that, if their seeds took no part in its choice.</li>\n", out);
    else
        fputs("New seeds at that rate, tested once, would not be.</li>\n", out);
}

static void say_validation(FILE *out, const struct report *r)
{
    struct report_span pictures;
    const double half = report_precision(r, &pictures);

    if (!pictures.high) return;
    fputs("<li><b>More pictures.</b> A single run's validation accuracy comes from ", out);
    report_put_pictures(out, &pictures);
    markup_put(out,
               " and is known to ± %.1f points (95 %%) or better by their choice alone; another seed may "
               "differ by more.</li>\n",
               100 * half);
}

static void say_test(FILE *out, const struct report *r)
{
    if (r->cell_count && !report_tested(r))
        fputs("<li><b>The test split.</b> No run was tested on it.</li>\n", out);
}

static void say_probe(FILE *out, const struct report *r)
{
    bool seeds = false;

    for (size_t i = 1; i < r->block_count; i++) seeds |= r->blocks[i].seed != r->blocks[0].seed;
    if (r->block_count && !seeds)
        fputs("<li><b>Spread of the diagnostics.</b> They are from one seed: ratios between about 0.8 and "
              "1.3 carry no message.</li>\n",
              out);
    if (r->block_count)
        fputs("<li><b>What the diagnostics cause.</b> They describe networks, most before any training. They "
              "can explain why a rate fails; they do not show that a placement generalises better.</li>\n",
              out);
}

static void say_comparison(FILE *out, const struct report *r)
{
    if (report_count_sources(r, REPORT_COMPARE)) return;
    fputs(
        "<li><b>The same pictures.</b> No paired comparison (vit compare --json, in compare.json) was given: "
        "nothing here tests whether two networks or two arms differ in accuracy.</li>\n",
        out);
}

void report_put_untested(FILE *out, const struct report *r)
{
    static void (*const GAPS[])(FILE *, const struct report *) = {
        say_unfinished,    say_seeds,  say_combinations, say_edges, say_unequal, say_dead,       say_epochs,
        report_put_single, say_choice, say_validation,   say_test,  say_probe,   say_comparison,
    };

    fputs("<ul>\n", out);
    for (size_t i = 0; i < VIT_COUNT(GAPS); i++) GAPS[i](out, r);
    fputs("</ul>\n", out);
}
