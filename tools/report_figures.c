/* Every figure as a row: of the page, and of a file of its own. */
#include "tools/report_figures.h"

#define EPOCH(field) offsetof(struct report_epoch, field)
#define BLOCK(field) offsetof(struct report_block, field)
static const struct report_figure FIGURES[] = {
    { .section = REPORT_RATES,
      .id = "learning-rate",
      .title = "Validation accuracy against learning rate",
      .caption =
          "One panel for each condition. The line is the median over seeds, the shade reaches from the worst "
          "to the best of them, small rings are single runs. Bars on top: the rates within one point of the "
          "arm's best mean without a lost run; the marker on a bar is the best. Runs that were lost stand "
          "below, crossed out: dead ones were at chance when that was asked, diverged ones ended in numbers "
          "that are not finite, those that have not learnt were trained to the end and are hardly above "
          "chance.",
      .x = { .label = "peak learning rate", .scale = PLOT_LOG, .at_points = true },
      .above = "rates within a point of the best",
      .y = { .label = "validation top-1 (%)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_rates,
      .reference = REPORT_CHANCE_TOP1 },
    { .section = REPORT_RATES,
      .id = "plateau",
      .title = "Steps until the plateau of chance is left",
      .caption =
          "The first step whose running training loss is clearly below that of equal probabilities; median "
          "over seeds, shade from least to most. Below, crossed out: runs that never left it.",
      .x = { .label = "peak learning rate", .scale = PLOT_LOG, .at_points = true },
      .y = { .label = "training steps", .scale = PLOT_LOG, .whole = true },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_plateau },
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
                 "the first rate above it at which a run was lost. The number at the end is the learning "
                 "rate.",
      .x = { .label = "training step", .low = 0, .high = 1, .whole = true },
      .y = { .label = "training loss (nats)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(train_loss),
      .reference = REPORT_CHANCE_LOSS },
    { .section = REPORT_CURVES,
      .id = "val-loss",
      .title = "Validation loss",
      .caption =
          "The same runs on pictures they were not trained on. A marker alone: there was one validation.",
      .x = { .label = "training step", .low = 0, .high = 1, .whole = true },
      .y = { .label = "validation loss (nats)" },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(val_loss),
      .reference = REPORT_CHANCE_LOSS },
    { .section = REPORT_CURVES,
      .id = "val-top1",
      .title = "Validation accuracy",
      .caption = "The same runs. A marker alone: there was one validation.",
      .x = { .label = "training step", .low = 0, .high = 1, .whole = true },
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
      .x = { .label = "training step", .low = 0, .high = 1, .whole = true },
      .y = { .label = "gradient norm", .scale = PLOT_LOG },
      .panels = REPORT_BY_CONDITION,
      .fill = report_fill_curves,
      .value = EPOCH(grad_norm) },
    { .section = REPORT_PROBES,
      .id = "grad-block",
      .title = "Gradient by block",
      .caption =
          "Frobenius norm of the gradient of each block's second MLP matrix (W2): mean over seeds, shade "
          "from least to most. A flat line trains all blocks alike; theory expects pre-norm to fall "
          "towards the output and post-norm to be largest there, but the read-out decides too.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "gradient norm of W2", .scale = PLOT_LOG },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(grad_w2) },
    { .section = REPORT_PROBES,
      .id = "grad-depth",
      .title = "Gradient of the last block against depth",
      .caption = "The same for the last block of networks of several depths: theory expects a slope of about "
                 "-1/2 for pre-norm and 0 for post-norm.",
      .x = { .label = "depth (blocks)", .scale = PLOT_LOG, .whole = true, .at_points = true },
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
                 "Late blocks with a small share do little.",
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
                 "all tokens alike, 0 at a single one.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "attention entropy (share of ln n)", .low = 0, .high = 1 },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(entropy) },
    { .section = REPORT_PROBES,
      .id = "change",
      .title = "What one step changes",
      .caption = "Relative change of each block's output after one step of the optimiser. Large first steps "
                 "are what warm-up is for.",
      .x = { .label = "block", .whole = true },
      .y = { .label = "relative change after one step", .scale = PLOT_LOG },
      .panels = REPORT_BY_DEPTH,
      .fill = report_fill_blocks,
      .value = BLOCK(step_change) },
};

const struct report_figure *report_figure_at(size_t i)
{
    return i < VIT_COUNT(FIGURES) ? &FIGURES[i] : NULL;
}

const struct report_figure *report_find_figure(const char *id)
{
    for (size_t i = 0; i < VIT_COUNT(FIGURES); i++)
        if (strcmp(FIGURES[i].id, id) == 0) return &FIGURES[i];
    return NULL;
}
