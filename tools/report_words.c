/* What the runs say at a glance, in words and numbers. */
#include <math.h>

#include "tools/markup.h"
#include "tools/plot.h"
#include "tools/report_figures.h"
#include "tools/report_page.h"
#include "vit/stats.h"
#include "vit/vit.h"

/* ---- a card for each placement ---- */

struct tally {
    int runs, ended[REPORT_ENDS];
    const struct report_arm *best; /* the arm with the highest mean at its best rate; NULL: none */
};

static struct tally tally_of(const struct report *r, size_t norm)
{
    struct tally t = { 0 };

    for (size_t i = 0; i < r->arm_count; i++) {
        const struct report_arm *a = &r->arms[i];
        if (a->norm != (int)norm) continue;
        t.runs += a->runs;
        for (int e = 0; e < REPORT_ENDS; e++) t.ended[e] += a->ended[e];
        if (a->best >= 0 && (!t.best || a->rates[a->best].mean > t.best->rates[t.best->best].mean))
            t.best = a;
    }
    return t;
}

static void put_share(FILE *out, const char *name, int k, int n)
{
    double low, high;

    report_interval(&low, &high, k, n);
    markup_put(out, "<dt>%s</dt><dd>%d of %d runs", name, k, n);
    if (n) markup_put(out, " <small>(%.0f–%.0f %%)</small>", 100 * low, 100 * high);
    fputs("</dd>", out);
}

static void put_card(FILE *out, const struct report *r, size_t norm)
{
    const struct tally t = tally_of(r, norm);
    const int ended = t.runs - t.ended[REPORT_UNFINISHED];
    char text[32], lr[32];

    if (!t.runs) return;
    fputs("<div class=\"card\"><div class=\"name\">", out);
    plot_key(out, r->styles[norm], PLOT_LINE | PLOT_MARKS);
    markup_put(out, "%s</div>", r->norms[norm]);
    if (t.best) {
        const struct report_rate *rate = &t.best->rates[t.best->best];
        markup_put(out,
                   "<div class=\"value\">%s %%</div><div class=\"soft\"><small>best validation "
                   "top-1</small></div><dl>",
                   report_percent(text, sizeof text, rate->mean));
        markup_put(out, "<dt>at</dt><dd>lr <span class=\"nb\">%s</span>, %s</dd>",
                   report_rate_text(lr, sizeof lr, rate->lr), r->conditions[t.best->condition].label);
    } else {
        fputs("<div class=\"value\">–</div><div class=\"soft\"><small>no finished run</small></div><dl>",
              out);
    }
    put_share(out, "dead", t.ended[REPORT_DEAD], ended);
    put_share(out, "diverged", t.ended[REPORT_DIVERGED], ended);
    if (t.ended[REPORT_UNFINISHED])
        markup_put(out, "<dt>unfinished</dt><dd>%d of %d runs</dd>", t.ended[REPORT_UNFINISHED], t.runs);
    fputs("</dl></div>\n", out);
}

void report_put_cards(FILE *out, const struct report *r)
{
    if (!r->cell_count) return;
    fputs("<div class=\"cards\">\n", out);
    for (size_t i = 0; i < r->norm_count; i++) put_card(out, r, i);
    fputs("</div>\n", out);
}

/* ---- how often runs are lost ---- */

static bool has_ended(const struct report_cell *c)
{
    return c->end != REPORT_UNFINISHED;
}

static bool same_trial(const struct report_cell *a, const struct report_cell *b)
{
    return a->condition == b->condition && a->seed == b->seed && fabs(a->lr - b->lr) <= 1e-6 * a->lr;
}

/* Lost runs of norm among its runs whose condition, rate and seed the other ran too. */
static void count_matched(const struct report *r, size_t norm, size_t other, int *lost, int *runs)
{
    *lost = *runs = 0;
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *a = &r->cells[i];
        bool matched = false;
        if (strcmp(a->norm, r->norms[norm]) != 0 || !has_ended(a)) continue;
        for (size_t k = 0; k < r->cell_count && !matched; k++) {
            const struct report_cell *b = &r->cells[k];
            matched = strcmp(b->norm, r->norms[other]) == 0 && has_ended(b) && same_trial(a, b);
        }
        *runs += matched;
        *lost += matched && a->end != REPORT_DONE;
    }
}

void report_put_losses(FILE *out, const struct report *r)
{
    bool open = false, tested = false;

    for (size_t i = 1; i < r->norm_count; i++) {
        int lost[2], runs[2];
        count_matched(r, 0, i, &lost[0], &runs[0]);
        count_matched(r, i, 0, &lost[1], &runs[1]);
        if (!runs[0] || !runs[1]) continue;
        if (!open)
            fputs("<p>Runs lost (dead or diverged), over the trials that both arms made:</p><ul>\n", out);
        open = true;
        markup_put(out, "<li>%s %d of %d, %s %d of %d: ", r->norms[0], lost[0], runs[0], r->norms[i], lost[1],
                   runs[1]);
        tested |= lost[0] + lost[1] > 0;
        if (lost[0] + lost[1] == 0)
            fputs("neither lost any.", out);
        else
            markup_put(out, "Fisher's exact test, p = %.2g.",
                       vit_fisher((size_t)lost[0], (size_t)runs[0], (size_t)lost[1], (size_t)runs[1]));
        fputs("</li>\n", out);
    }
    if (open) fputs("</ul>\n", out);
    if (tested)
        fputs("<p class=\"soft\"><small>The runs of a grid are no random draw: rates were chosen, and "
              "neighbours fail "
              "together. The p-value is for this grid and no other.</small></p>\n",
              out);
}

/* ---- tokens that are all the same ---- */

/* Where tokens of a picture differ so little, attention cannot tell them apart. */
static const double PARALLEL = 0.99;

/* The first row of each network (group, placement, depth) stands for it. */
static bool seen_before(const struct report *r, size_t i)
{
    const struct report_block *b = &r->blocks[i];

    for (size_t k = 0; k < i; k++) {
        const struct report_block *c = &r->blocks[k];
        if (c->depth == b->depth && strcmp(c->norm, b->norm) == 0 && strcmp(c->group, b->group) == 0)
            return true;
    }
    return false;
}

/* The first block, of any seed, whose tokens are parallel; -1: none. */
static int first_parallel(const struct report *r, const struct report_block *b)
{
    int first = -1;

    for (size_t k = 0; k < r->block_count; k++) {
        const struct report_block *c = &r->blocks[k];
        if (c->depth == b->depth && strcmp(c->norm, b->norm) == 0 && strcmp(c->group, b->group) == 0 &&
            c->token_cosine >= PARALLEL && (first < 0 || c->block < first))
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
                PARALLEL);
        open = true;
        markup_put(out, "<li>%s, depth %d, %s, from block %d on</li>\n", b->norm, b->depth, b->group, block);
    }
    if (open) fputs("</ul>\n", out);
}
