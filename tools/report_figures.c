/* Every figure of the page as a row; one function draws a row. */
#include "tools/report_figures.h"

#include <math.h>
#include <stdlib.h>

#include "tools/markup.h"

#define EPOCH(field) offsetof(struct report_epoch, field)
#define BLOCK(field) offsetof(struct report_block, field)
static const struct report_figure FIGURES[] = {
    { .section = REPORT_RATES,
      .id = "rates",
      .title = "Validation accuracy against learning rate",
      .caption =
          "One panel for each condition. The line is the median over seeds, the shade reaches from the worst "
          "to the best of them, small rings are single runs. Bars on top: the rates within one point of the "
          "arm's best mean without a lost run; the marker on a bar is the best. Runs that were lost stand "
          "below, crossed out: dead ones never left the plateau of chance, diverged ones ended in numbers "
          "that are not finite.",
      .x = { .label = "peak learning rate", .scale = PLOT_LOG, .at_points = true },
      .above = "rates within a point of the best",
      .y = { .label = "validation top-1 (%)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_rates,
      .reference = REPORT_CHANCE_TOP1,
      .lost = true },
    { .section = REPORT_RATES,
      .id = "plateau",
      .title = "Steps until the plateau of chance is left",
      .caption =
          "The first step whose running training loss is clearly below that of equal probabilities; median "
          "over seeds, shade from least to most. Below, crossed out: runs that never left it.",
      .x = { .label = "peak learning rate", .scale = PLOT_LOG, .at_points = true },
      .y = { .label = "training steps", .scale = PLOT_LOG },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_plateau,
      .lost = true },
    { .section = REPORT_RATES,
      .id = "tuning",
      .title = "What tuning buys",
      .caption =
          "Expected validation accuracy of the best of k rates drawn from those tried, without putting back; "
          "a rate is worth the mean of its runs, a lost run what it reached or chance. An arm that needs "
          "fewer trials is easier to tune.",
      .x = { .label = "learning rates tried, k", .whole = true },
      .y = { .label = "expected best validation top-1 (%)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_tuning },
    { .section = REPORT_CURVES,
      .id = "loss",
      .title = "Training loss",
      .caption = "The best rate of each arm (its first seed), and thin, with a cross where it was given up, "
                 "the first "
                 "rate above it at which a run was lost. The number at the end is the learning rate.",
      .x = { .label = "training step" },
      .y = { .label = "training loss (nats)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(train_loss),
      .reference = REPORT_CHANCE_LOSS },
    { .section = REPORT_CURVES,
      .id = "val-loss",
      .title = "Validation loss",
      .caption = "The same runs on pictures they were not trained on.",
      .x = { .label = "training step" },
      .y = { .label = "validation loss (nats)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(val_loss),
      .reference = REPORT_CHANCE_LOSS },
    { .section = REPORT_CURVES,
      .id = "val-top1",
      .title = "Validation accuracy",
      .caption = "The same runs.",
      .x = { .label = "training step" },
      .y = { .label = "validation top-1 (%)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(val_top1),
      .factor = 100,
      .reference = REPORT_CHANCE_TOP1 },
    { .section = REPORT_CURVES,
      .id = "grad-norm",
      .title = "Gradient norm during training",
      .caption = "Norm of the whole gradient before clipping, mean over an epoch; the same runs.",
      .x = { .label = "training step" },
      .y = { .label = "gradient norm", .scale = PLOT_LOG },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(grad_norm) },
    { .section = REPORT_PROBES,
      .id = "grad-block",
      .title = "Gradient by block",
      .caption =
          "Frobenius norm of the gradient of each block's second MLP matrix (W2): mean over seeds, shade "
          "from "
          "least to most. A flat line trains all blocks alike; theory expects pre-norm to fall towards the "
          "output and post-norm to be largest there, but the read-out decides too.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "gradient norm of W2", .scale = PLOT_LOG },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(grad_w2) },
    { .section = REPORT_PROBES,
      .id = "grad-depth",
      .title = "Gradient of the last block against depth",
      .caption = "The same for the last block of networks of several depths, both scales logarithmic: theory "
                 "expects "
                 "a slope of about -1/2 for pre-norm and 0 for post-norm.",
      .x = { .label = "depth (blocks)", .scale = PLOT_LOG, .at_points = true },
      .y = { .label = "gradient norm of W2", .scale = PLOT_LOG },
      .panels = REPORT_BY_GROUP,
      .fill = report_fill_depths,
      .value = BLOCK(grad_w2) },
    { .section = REPORT_PROBES,
      .id = "stream",
      .title = "Size of the stream by block",
      .caption =
          "Root mean square of the residual stream behind each block. Pre-norm lets it grow like the square "
          "root of depth; a norm on the stream holds it at one.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "stream RMS", .scale = PLOT_LOG },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(stream_rms) },
    { .section = REPORT_PROBES,
      .id = "share",
      .title = "Share of the branches",
      .caption = "RMS of what a block adds over the RMS of what it is added to, mean of attention and MLP. "
                 "Late blocks "
                 "with a small share do little.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "branch RMS / skip RMS", .scale = PLOT_LOG },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(branch_share) },
    { .section = REPORT_PROBES,
      .id = "cosine",
      .title = "Likeness of tokens",
      .caption =
          "Mean cosine between different tokens of one picture behind each block. At 1 all tokens are the "
          "same: attention has nothing left to tell apart.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "mean cosine between tokens", .low = 0, .high = 1 },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(token_cosine) },
    { .section = REPORT_PROBES,
      .id = "entropy",
      .title = "Entropy of attention",
      .caption = "Mean over heads, queries and pictures, as a share of the largest there can be: 1 looks at "
                 "all tokens "
                 "alike, 0 at a single one.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "attention entropy (share of ln n)", .low = 0, .high = 1 },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(entropy) },
    { .section = REPORT_PROBES,
      .id = "change",
      .title = "What one step changes",
      .caption = "Relative change of each block's output after one step of the optimiser. Large first steps "
                 "are what "
                 "warm-up is for.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "relative change after one step", .scale = PLOT_LOG },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(step_change) },
};

/* ---- panels ---- */

/* Whether no block before i has the same group (and depth). */
static bool is_first(const struct report *r, size_t i, bool depth)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(r->blocks[k].group, r->blocks[i].group) == 0 &&
            (!depth || r->blocks[k].depth == r->blocks[i].depth))
            return false;
    return true;
}

/* Panel number index of the figure; false: there are not so many. */
static bool find_panel(struct report_panel *p, const struct report *r, const struct report_figure *f,
                       int index)
{
    const bool depth = f->panels == REPORT_BY_DEPTH;

    *p = (struct report_panel){ .condition = index, .label = "" };
    if (f->panels == REPORT_BY_CONDITION) {
        if (index >= (int)r->condition_count) return false;
        snprintf(p->label, sizeof p->label, "%s", r->conditions[index].label);
        return true;
    }
    for (size_t i = 0; i < r->block_count; i++) {
        if (!is_first(r, i, depth) || index--) continue;
        p->group = r->blocks[i].group;
        p->depth = depth ? r->blocks[i].depth : 0;
        if (depth)
            snprintf(p->label, sizeof p->label, "depth %d, %s", p->depth, p->group);
        else
            snprintf(p->label, sizeof p->label, "%s", p->group);
        return true;
    }
    return false;
}

/* ---- chance ---- */

/* Classes of the panel's networks, 0 where they differ or nobody says. */
static int classes_of(const struct report *r)
{
    int classes = 0;

    for (size_t i = 0; i < r->source_count; i++) {
        const int n = r->sources[i].classes;
        if (n && classes && n != classes) return 0;
        if (n) classes = n;
    }
    return classes;
}

/* A line at chance, and for losses a limit above it: one run that explodes would flatten all others. */
static void add_reference(struct plot *p, const struct report *r, const struct report_figure *f)
{
    const int classes = classes_of(r);

    if (!classes || f->reference == REPORT_NO_REFERENCE) return;
    p->levels[0].label = "chance";
    p->levels[0].y = f->reference == REPORT_CHANCE_LOSS ? log(classes) : 100.0 / classes;
    if (f->reference == REPORT_CHANCE_LOSS) p->y.most = 1.5 * p->levels[0].y;
}

/* ---- drawing ---- */

static void put_legend(FILE *out, const struct report *r, const struct report_figure *f)
{
    unsigned parts = PLOT_LINE | (f->fill == report_fill_curves ? 0 : PLOT_MARKS);
    bool lost = false;

    fputs("<ul class=\"legend\">", out);
    for (size_t i = 0; i < r->norm_count; i++) {
        fputs("<li>", out);
        plot_key(out, r->styles[i], parts);
        markup_put(out, "%s</li>", r->norms[i]);
    }
    for (size_t i = 0; i < r->arm_count; i++) lost |= report_lost(r->arms[i].ended) > 0;
    if (f->lost && lost) {
        fputs("<li>", out);
        plot_lost_key(out);
        fputs("lost, in the marker of its arm</li>", out);
    }
    fputs("</ul>", out);
}

static void put_panel(FILE *out, const struct report_figure *f, const struct plot *p, const char *label,
                      size_t number)
{
    char id[64];

    if (!plot_has_data(p)) return;
    snprintf(id, sizeof id, "%s-%zu", f->id, number);
    markup_put(out, "<div class=\"panel\"><h4>%s</h4>", label);
    plot_svg(out, p, id);
    fputs("</div>\n", out);
}

/* The plots of a figure, with one scale. */
struct panels {
    struct report_panel *panel;
    struct plot *plot;
    size_t count;
    bool any, failed; /* there is something to show; memory ran out */
};

static void fill_panels(struct panels *p, const struct report *r, const struct report_figure *f)
{
    struct report_panel panel;

    while (!p->failed && find_panel(&panel, r, f, (int)p->count)) {
        struct plot plot = { .title = f->title, .x = f->x, .y = f->y, .above = f->above };
        p->failed = report_grow((void **)&p->panel, p->count, sizeof panel, NULL) ||
                    report_grow((void **)&p->plot, p->count, sizeof plot, NULL);
        if (p->failed) return;
        add_reference(&plot, r, f);
        f->fill(&plot, r, f, &panel);
        p->panel[p->count] = panel;
        p->plot[p->count++] = plot;
        p->any |= plot_has_data(&plot);
        p->failed = plot.failed;
    }
    plot_share(p->plot, p->count, f->panels == REPORT_BY_CONDITION);
}

/* Returns 1, 0: there is nothing to show, -1: memory ran out. */
static int put_figure(FILE *out, const struct report *r, const struct report_figure *f, int number)
{
    struct panels p = { 0 };

    fill_panels(&p, r, f);
    if (p.any && !p.failed) {
        markup_put(out, "<figure id=\"%s\"><h3>%s</h3>\n", f->id, f->title);
        put_legend(out, r, f);
        fputs("<div class=\"panels\">\n", out);
        for (size_t i = 0; i < p.count; i++) put_panel(out, f, &p.plot[i], p.panel[i].label, i);
        markup_put(out, "</div>\n<figcaption><b>Figure %d.</b> %s</figcaption></figure>\n", number,
                   f->caption);
    }
    for (size_t i = 0; i < p.count; i++) plot_free(&p.plot[i]);
    free(p.plot);
    free(p.panel);
    return p.failed ? -1 : p.any;
}

int report_put_figures(FILE *out, const struct report *r, enum report_section section, int number)
{
    for (size_t i = 0; i < VIT_COUNT(FIGURES); i++) {
        const int drawn = FIGURES[i].section == section ? put_figure(out, r, &FIGURES[i], number) : 0;
        if (drawn < 0) return -1;
        number += drawn;
    }
    return number;
}
