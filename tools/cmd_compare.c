/* vit compare: trained networks on the same pictures, and what follows from it. */
#include <string.h>

#include "tools/compare.h"

struct options {
    struct cmd_common common;
    struct eval_options pass; /* right here: the shared rows point to it */
    const char *a, *b, *diverged_a, *diverged_b;
    uint64_t draws;
    float margin; /* points */
};
_Static_assert(offsetof(struct options, pass) == sizeof(struct cmd_common),
               "the shared rows point elsewhere");

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "a",
      .kind = ARGS_TEXT,
      .at = AT(a),
      .metavar = "A1,A2,...",
      .help = "the runs of the first arm, in the place of the first operand" },
    { .name = "b",
      .kind = ARGS_TEXT,
      .at = AT(b),
      .metavar = "B1,B2,...",
      .help = "the runs of the second arm; in the order of --a's where they share seeds" },
    { .name = "margin",
      .kind = ARGS_FLOAT,
      .at = AT(margin),
      .low = 0.001,
      .high = 100,
      .initial = "0.5",
      .metavar = "POINTS",
      .help = "difference of mean accuracies, in percentage points, below which arms count as equal" },
    { .name = "bootstrap",
      .kind = ARGS_COUNT,
      .at = AT(draws),
      .low = 100,
      .high = 10000000,
      .initial = "10000",
      .metavar = "N",
      .help = "draws of runs and pictures" },
    { .name = "diverged-a",
      .kind = ARGS_TEXT,
      .at = AT(diverged_a),
      .metavar = "K/N",
      .help = "of the N runs that were tried for the first arm, K diverged; with --diverged-b" },
    { .name = "diverged-b",
      .kind = ARGS_TEXT,
      .at = AT(diverged_b),
      .metavar = "K/N",
      .help = "the same of the second arm" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &eval_group, &cmd_modelless_group, NULL };

/* "K/N" with K at most N. */
static enum vit_status parse_counts(struct compare_counts *out, const char *where, const char *text,
                                    struct vit_error *err)
{
    const size_t length = strcspn(text, "/");
    uint64_t k, n;

    if (!text[length] || args_whole_part(where, text, length, 0, 1e6, &k, NULL) ||
        args_whole(where, text + length + 1, 1, 1e6, &n, NULL) || k > n)
        return vit_fail(err, VIT_ERR_ARG, "%s: expected K/N, as in 3/20, found \"%s\"", where, text);
    *out = (struct compare_counts){ (size_t)k, (size_t)n };
    return VIT_OK;
}

/* A model wants a data set; files of logits alone have no use for one, nor for what is said of it or of how a
 * model is run. What changes no number (--batch, --sandbox) may stand there. */
static enum vit_status check_data(const struct compare *c, const struct options *options,
                                  struct vit_error *err)
{
    const struct cmd_common *common = &options->common;
    const struct eval_options *o = &options->pass;
    const char *model = compare_needs_data(c);
    const struct {
        bool given;
        const char *name;
    } idle[] = { { o->data, "data" },
                 { o->split, "split" },
                 { o->limit, "limit" },
                 { o->held_out > 0, "held-out" },
                 { o->no_exif, "no-exif" },
                 { o->flip, "flip" },
                 { o->check, "check" },
                 { common->size, "size" },
                 { o->max_pixels != PATCH_MAX_PIXELS, "max-pixels" },
                 { cmd_dtype(common) != KERN_F32, "dtype" } };

    if (model && !o->data)
        return vit_fail(err, VIT_ERR_ARG, "--data: expected a data set to run %s on, found none", model);
    for (size_t i = 0; i < VIT_COUNT(idle) && !model; i++)
        if (idle[i].given)
            return vit_fail(err, VIT_ERR_ARG, "--%s: expected a model to run, found files of logits alone",
                            idle[i].name);
    return VIT_OK;
}

static enum vit_status read_words(struct compare *c, const struct options *o, int count, char **operands,
                                  struct vit_error *err)
{
    const char *const first[] = { o->a, o->b };
    enum vit_status status = VIT_OK;

    if (!o->a != !o->b)
        return vit_fail(err, VIT_ERR_ARG, "--%s: expected --%s beside it, found none", o->a ? "a" : "b",
                        o->a ? "b" : "a");
    for (size_t i = 0; i < VIT_COUNT(first) && !status; i++)
        if (first[i]) status = compare_add_arm(c, first[i], err);
    for (int i = 0; i < count && !status; i++) status = compare_add_arm(c, operands[i], err);
    if (!status && c->arm_count < 2)
        return vit_fail(err, VIT_ERR_ARG, "expected two models or more, found %d", c->arm_count);
    if (!status && !o->diverged_a != !o->diverged_b)
        return vit_fail(err, VIT_ERR_ARG, "--diverged-a, --diverged-b: expected both, found one");
    c->has_diverged = o->diverged_a != NULL;
    if (!status && o->diverged_a) status = parse_counts(&c->diverged[0], "--diverged-a", o->diverged_a, err);
    if (!status && o->diverged_b) status = parse_counts(&c->diverged[1], "--diverged-b", o->diverged_b, err);
    return status;
}

/* Read, compute, print. Returns an exit code. */
static int compare(struct compare *c, const struct options *o)
{
    struct vit_error err;
    int code = compare_read(c);

    if (code != CMD_DONE && code != CMD_SOME_FAILED) return code;
    if (compare_measure(c, &err)) return cmd_unusable(&err);
    return (o->common.json ? compare_print_json(c) : compare_print_text(c)) ? code : CMD_SOME_FAILED;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct compare c = {
        .common = &o->common, .options = &o->pass, .draws = o->draws, .margin = (double)o->margin / 100
    };
    struct vit_error err;
    int code = cmd_check(&o->common);

    if (!code && read_words(&c, o, count, operands, &err)) code = cmd_usage("%s", err.text);
    if (!code) code = compare_look(&c);
    if (!code && check_data(&c, o, &err)) code = cmd_usage("%s", err.text);
    if (!code) code = compare(&c, o);
    compare_free(&c);
    return code;
}

const struct args_verb cmd_compare = {
    .name = "compare",
    .operands = "[NAME=]RUN[,RUN...] [NAME=]RUN[,RUN...]... [--data PATH]",
    .summary = "Compare trained networks on the same pictures",
    .details =
        "An operand is an arm: runs that differ by their seed alone. A run is a model, or a .safetensors "
        "file that vit eval --logits or vit sweep wrote (of these alone, without --data). Two networks are "
        "compared picture by picture: accuracies with Wilson intervals, discordant pictures, exact McNemar "
        "p, Tango's score interval of the difference. Arms of several runs are compared run by run: Welch's "
        "t and, where both have equally many, the paired t over runs in the order given, a two-way "
        "bootstrap over runs and pictures, two one-sided tests of equality within --margin, the "
        "difference that would have been found; then picture by picture by their median runs. From fewer "
        "than three runs an arm no p-value is given. The first two arms are the comparison chosen "
        "beforehand; the other pairs of three arms or more are corrected by Holm. What follows, and what "
        "does not, is said in words below the tables.\n\n"
        "    vit compare pre.safetensors post.safetensors --data cifar10/\n"
        "    vit compare pre=p1,p2,p3 post=q1,q2,q3 --data cifar10/ --margin 0.3\n\n"
        "Classes are matched by name. Other classes, labels or pictures in one run than in another are an "
        "error (exit code 3), and so is a network whose logits are not finite: it diverged. Files of "
        "logits tell their pictures by a digest of what the data set lists, names below --data and sizes of "
        "files and labels; of older ones, which lack it, a warning tells. Pictures that cannot be read "
        "count for no run and are listed; the exit code is then 1.\n\n"
        "With --json one object: dataset, split, flip, n, n_failed; limit, held_out, check, no_exif, "
        "max_pixels, size, dtype, kernels, seed as the options have them (null: not given); of the median "
        "networks run_a, run_b, top1_a, top1_b, top1_a_ci95, top1_b_ci95, only_a, only_b, both, neither, "
        "mcnemar_p, difference, difference_ci95, least_significant (difference that McNemar's test would "
        "have called one); arms (name, mean, sd, median_run, runs: file, top1, top1_ci95, and how it was "
        "run as vit eval says it, where that is known); of the first two arms welch, paired (difference, "
        "difference_ci95, t, df, p), bootstrap (difference, difference_ci95, draws), tost (margin, p, "
        "equivalent), detectable, fisher (a, b, p); holm (a, b, test, difference, difference_ci95, p, "
        "p_holm); follows (the sentences), failed. Accuracies, differences and the margin are fractions; "
        "what the runs do not allow is null.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
