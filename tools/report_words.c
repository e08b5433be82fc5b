/* What the runs say at a glance, in words and numbers. */
#include <math.h>
#include <stdlib.h>

#include "tools/markup.h"
#include "tools/memory.h"
#include "tools/out.h"
#include "tools/probe.h"
#include "tools/report_page.h"

/* ---- a card for each match: what its placements reach ---- */

static void put_where(FILE *out, const struct report *r, const struct report_tally *t)
{
    const struct report_rate *rate = &t->best->rates[t->best->best];
    char lr[32], lost[64];

    markup_put(out, "lr <span class=\"nb\">%s</span>, %s, ", report_rate_text(lr, sizeof lr, rate->lr),
               r->conditions[t->best->condition].start);
    markup_put(out, "%d seed%s", rate->ended[REPORT_DONE], out_plural((uint64_t)rate->ended[REPORT_DONE]));
    if (*report_lost_best(lost, sizeof lost, t->best)) markup_put(out, ", %s", lost);
    if (!isfinite(rate->mean)) fputs(", not validated", out);
    if (t->trials > 1) markup_put(out, "<br/>best of %d; ", t->trials);
    if (t->trials == 1) fputs("<br/>", out);
}

static void put_tally(FILE *out, const struct report *r, const struct report_tally *t, size_t norm)
{
    const int open = t->ended[REPORT_UNFINISHED];
    char text[32];

    fputs("<tr><th scope=\"row\">", out);
    report_put_key(out, r, norm);
    markup_put(out, "%s</th><td class=\"value\">", r->norms[norm]);
    if (t->best && isfinite(t->best->rates[t->best->best].mean))
        markup_put(out, "%s %%", report_percent(text, sizeof text, t->best->rates[t->best->best].mean));
    else
        fputs("–", out);
    fputs("</td></tr>\n<tr><td class=\"where\" colspan=\"2\">", out);
    if (t->best)
        put_where(out, r, t);
    else
        fputs(t->ended[REPORT_DONE] ? "not validated<br/>" : "no run that learnt<br/>", out);
    markup_put(out, "lost <span class=\"nb\">%d of %d</span> runs", report_lost(t->ended),
               report_ended(t->ended, t->runs));
    if (open) markup_put(out, ", unfinished <span class=\"nb\">%d of %d</span>", open, t->runs);
    fputs("</td></tr>\n", out);
}

static void put_card(FILE *out, const struct report *r, int match)
{
    markup_put(out, "<div class=\"card\"><table><caption>%s</caption><tbody>\n", r->matches[match].label);
    for (size_t n = 0; n < r->norm_count; n++) {
        const struct report_tally t = report_tally(r, match, n);
        if (t.runs) put_tally(out, r, &t, n);
    }
    fputs("</tbody></table></div>\n", out);
}

void report_put_cards(FILE *out, const struct report *r)
{
    if (!r->cell_count) return;
    fputs("<div class=\"cards\">\n", out);
    for (size_t i = 0; i < r->match_count; i++) put_card(out, r, (int)i);
    fputs("</div>\n<p class=\"soft\"><small>Validation top-1, the mean over seeds, at the learning rate and "
          "warm-up that are best for the placement, of those that lost no run, or of all where each lost "
          "some. The runs of a card have all else in common, and no number is of several cards. Lost: dead, "
          "diverged or not learnt, over all rates, warm-ups and seeds.",
          out);
    report_put_flattered(out, r);
    fputs("</small></p>\n", out);
}

/* ---- how often runs are lost ---- */

/* Where two arms stand under a recipe: false, where they made no trial in common. */
static bool put_loss(FILE *out, const struct report *r, const struct report_condition *recipe, size_t other,
                     bool *tested)
{
    struct report_losses l;

    if (!report_losses(&l, r, recipe, other)) return false;
    fputs("<li>", out);
    markup_put(out, "%s%s%s: ", recipe->init, *recipe->more ? ", " : "", recipe->more);
    markup_put(out, "%s %d of %d, %s %d of %d: ", r->norms[0], l.lost[0], l.runs[0], r->norms[other],
               l.lost[1], l.runs[1]);
    *tested |= l.any;
    if (l.any)
        markup_put(out, "Fisher's exact test, p = %.2g.", l.p);
    else
        fputs("neither lost any.", out);
    fputs("</li>\n", out);
    return true;
}

void report_put_losses(FILE *out, const struct report *r)
{
    bool open = false, tested = false;
    struct memory list;

    memory_open(&list);
    for (size_t c = 0; list.out && c < r->condition_count; c++) {
        if (c && report_same_recipe(&r->conditions[c - 1], &r->conditions[c])) continue; /* they are sorted */
        for (size_t i = 1; i < r->norm_count; i++)
            open |= put_loss(list.out, r, &r->conditions[c], i, &tested);
    }
    if (memory_close(&list) && open) {
        fputs("<p>Runs lost (dead, diverged or not learnt), over the trials that both arms made, all depths, "
              "warm-ups, rates and seeds of a recipe together:</p><ul>\n",
              out);
        fwrite(list.bytes, 1, list.size, out);
        fputs("</ul>\n", out);
    }
    free(list.bytes);
    if (tested)
        fputs("<p class=\"soft\"><small>The runs of a grid are no random draw: rates were chosen, and "
              "neighbours fail together. The p-value is for this grid and no other.</small></p>\n",
              out);
}

/* ---- tokens that are all the same ---- */

/* The first row of each network (group, placement, depth) stands for it. */
static bool seen_before(const struct report *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (report_same_kind(&r->blocks[k], &r->blocks[i])) return true;
    return false;
}

/* The first block, of any seed, whose tokens are parallel; -1: none. */
static int first_parallel(const struct report *r, const struct report_block *b)
{
    int first = -1;

    for (size_t k = 0; k < r->block_count; k++) {
        const struct report_block *c = &r->blocks[k];
        if (report_same_kind(c, b) && c->token_cosine >= PROBE_PARALLEL && (first < 0 || c->block < first))
            first = c->block;
    }
    return first;
}

void report_put_parallel(FILE *out, const struct report *r)
{
    bool open = false;

    for (size_t i = 0; i < r->block_count; i++) {
        const struct report_block *b = &r->blocks[i];
        const int block = seen_before(r, i) ? -1 : first_parallel(r, b);
        if (block < 0) continue;
        if (!open)
            markup_put(
                out,
                "<p><b>Tokens are parallel</b> (mean cosine at least %g), so that attention has nothing left "
                "to tell apart, in:</p><ul>\n",
                PROBE_PARALLEL);
        open = true;
        markup_put(out, "<li>%s, depth %d, %s, from block %d on</li>\n", b->norm, b->depth, b->group, block);
    }
    if (open) fputs("</ul>\n", out);
}
