/* What follows from a comparison and what does not, in sentences: a table of conditions and texts. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"
#include "tools/memory.h"

/* ---- conditions ---- */

static size_t discordant(const struct compare *c)
{
    return c->first.only_a + c->first.only_b;
}

static bool enough_runs(const struct compare *c)
{
    return compare_fewest(&c->first) >= COMPARE_MIN_RUNS;
}

static bool networks_differ(const struct compare *c)
{
    return c->n && c->first.mcnemar <= COMPARE_ALPHA;
}

static bool arms_differ(const struct compare *c)
{
    return c->first.welch.p <= COMPARE_ALPHA; /* false for NAN */
}

static bool nothing(const struct compare *c)
{
    return !c->n;
}

static bool no_discordance(const struct compare *c)
{
    return c->n && !discordant(c);
}

static bool networks_alike(const struct compare *c)
{
    return c->n && discordant(c) && !networks_differ(c) && c->first.least;
}

static bool networks_too_alike(const struct compare *c)
{
    return c->n && discordant(c) && !c->first.least;
}

static bool one_run(const struct compare *c)
{
    return c->first.a->count == 1 && c->first.b->count == 1;
}

static bool few_runs(const struct compare *c)
{
    return !one_run(c) && !enough_runs(c);
}

static bool arms_alike(const struct compare *c)
{
    return c->first.welch.p > COMPARE_ALPHA;
}

static bool networks_only(const struct compare *c)
{
    return networks_differ(c) && arms_alike(c);
}

static bool no_spread(const struct compare *c)
{
    return c->n && enough_runs(c) && isnan(c->first.welch.p);
}

static bool equivalent(const struct compare *c)
{
    return c->first.equivalence <= COMPARE_ALPHA;
}

static bool not_equivalent(const struct compare *c)
{
    return c->first.equivalence > COMPARE_ALPHA;
}

static bool paired(const struct compare *c)
{
    return !isnan(c->first.paired.low);
}

static bool short_bootstrap(const struct compare *c)
{
    return !isnan(c->first.bootstrap_low) && compare_fewest(&c->first) < COMPARE_MANY_RUNS;
}

static bool several_arms(const struct compare *c)
{
    return c->other_count > 0;
}

/* How many of the other pairs differ, or are not shown to. */
static int count_others(const struct compare *c, bool differ)
{
    int count = 0;

    for (int i = 0; i < c->other_count; i++)
        count += differ ? c->other_holm[i] <= COMPARE_ALPHA : c->other_holm[i] > COMPARE_ALPHA; /* not NAN */
    return count;
}

static bool others_differ(const struct compare *c)
{
    return count_others(c, true) > 0;
}

static bool others_alike(const struct compare *c)
{
    return count_others(c, false) > 0;
}

static bool divergence_differs(const struct compare *c)
{
    return c->fisher <= COMPARE_ALPHA;
}

static bool divergence_alike(const struct compare *c)
{
    return c->fisher > COMPARE_ALPHA;
}

static bool some_failed(const struct compare *c)
{
    return c->n_failed > 0;
}

static bool something(const struct compare *c)
{
    return c->n > 0;
}

/* {NAME} is replaced by value(). */
static const struct {
    bool (*holds)(const struct compare *c);
    const char *text;
} SENTENCES[] = {
    { nothing, "No picture could be read: nothing follows." },
    { no_discordance,
      "The two networks get the same pictures right: nothing tells them apart on these {n}." },
    { networks_differ, "These two networks differ: on pictures like these, that of {better} is right more "
                       "often than that of {worse}, by {net-points} points (McNemar p {mcnemar})." },
    { networks_alike,
      "These two networks are not shown to differ (McNemar p {mcnemar}). That does not make "
      "them equal: with {discordant} pictures that only one of them gets right, nothing below "
      "{least} points would have shown." },
    { networks_too_alike, "These two networks are not shown to differ (McNemar p {mcnemar}). That does not "
                          "make them equal: with only {discordant} pictures that one of them alone gets "
                          "right, no difference could have shown." },
    { one_run, "This says nothing about what {a} and {b} stand for (placements, recipes): there the unit is "
               "the training run, and here is one seed each. At least {min} seeds an arm are needed." },
    { few_runs,
      "This says little about what {a} and {b} stand for (placements, recipes): there the unit is "
      "the training run, and here are {runs-a} of {a} and {runs-b} of {b}. From fewer than {min} an "
      "arm no p-value is given." },
    { arms_differ, "Over training runs {higher} is better than {lower}, by {points} points: more than the "
                   "seed explains (Welch p {welch})." },
    { arms_alike, "Over training runs {a} and {b} are not shown to differ (Welch p {welch}). That does not "
                  "make them equal: with so many runs and their spread, a true difference of {detectable} "
                  "points would have been found four times in five, a smaller one less often." },
    { networks_only, "The two median networks differ and the arms are not shown to: networks differ by "
                     "their seed alone." },
    { no_spread,
      "All runs of each arm are right equally often: there is no spread to test against. Were they "
      "trained from different seeds?" },
    { equivalent, "{a} and {b} are equal to within {margin} points (two one-sided tests, p {equivalence})." },
    { not_equivalent, "That {a} and {b} are equal to within {margin} points is not shown (two one-sided "
                      "tests, p {equivalence})." },
    { paired, "The paired interval holds only if run i of both arms shares its seed: they are paired in the "
              "order given." },
    { short_bootstrap, "The bootstrap adds the chance of the pictures to that of the runs; from fewer than "
                       "{many} runs an arm it understates the latter: read Welch's interval beside it." },
    { several_arms, "{a} against {b} counts as the comparison chosen beforehand and is not corrected; the "
                    "other pairs are, for their number (Holm)." },
    { others_differ, "After that correction these differ{others-unit}: {others-differ}." },
    { others_alike,
      "After that correction these are not shown to differ{others-unit}, which does not make them "
      "equal: {others-alike}." },
    { divergence_differs, "{a} and {b} differ in how often training diverges (Fisher p {fisher}); runs that "
                          "diverged have no accuracy above." },
    { divergence_alike, "That {a} and {b} differ in how often training diverges is not shown (Fisher p "
                        "{fisher}); runs that diverged have no accuracy above." },
    { some_failed, "Pictures that could not be read: {failed}; they count for no network." },
    { something, "All this presumes that learning rates, lengths and checkpoints were chosen on other "
                 "pictures than these, with equally many trials for each arm." },
};

/* ---- values ---- */

static const char *better(const struct compare *c, bool other)
{
    return (c->first.difference < 0) == other ? c->first.a->name : c->first.b->name;
}

static const char *higher(const struct compare *c, bool other)
{
    return (c->first.welch.difference < 0) == other ? c->first.a->name : c->first.b->name;
}

static bool is_name(const char *name, size_t length, const char *known)
{
    return strlen(known) == length && strncmp(known, name, length) == 0;
}

/* "post - deepnorm (-2.16 points, p 0.0009), ..." */
static void list_others(FILE *out, const struct compare *c, bool differ)
{
    bool first = true;

    for (int i = 0; i < c->other_count; i++) {
        const struct compare_pair *p = &c->others[i];
        const double difference = c->others_by_run ? p->welch.difference : p->difference;

        if (isnan(c->other_holm[i]) || (c->other_holm[i] <= COMPARE_ALPHA) != differ) continue;
        fprintf(out, "%s%s - %s (%+.2f points, p %.2g)", first ? "" : ", ", p->a->name, p->b->name,
                100 * difference, c->other_holm[i]);
        first = false;
    }
}

/* The value of a name that sentences use: a word, a number in its format, or a list. */
static void value(FILE *out, const struct compare *c, const char *name, size_t length)
{
    const struct compare_pair *p = &c->first;
    const struct {
        const char *name, *word, *format;
        double number;
    } VALUES[] = {
        { "a", p->a->name, NULL, 0 },
        { "b", p->b->name, NULL, 0 },
        { "better", better(c, false), NULL, 0 },
        { "worse", better(c, true), NULL, 0 },
        { "higher", higher(c, false), NULL, 0 },
        { "lower", higher(c, true), NULL, 0 },
        { "others-unit", c->others_by_run ? " over training runs" : " as networks", NULL, 0 },
        { "n", NULL, "%.0f", (double)c->n },
        { "failed", NULL, "%.0f", (double)c->n_failed },
        { "discordant", NULL, "%.0f", (double)discordant(c) },
        { "runs-a", NULL, "%.0f", p->a->count },
        { "runs-b", NULL, "%.0f", p->b->count },
        { "min", NULL, "%.0f", COMPARE_MIN_RUNS },
        { "many", NULL, "%.0f", COMPARE_MANY_RUNS },
        { "net-points", NULL, "%.2f", 100 * fabs(p->difference) },
        { "points", NULL, "%.2f", 100 * fabs(p->welch.difference) },
        { "least", NULL, "%.2f", c->n ? 100 * (double)p->least / (double)c->n : NAN },
        { "detectable", NULL, "%.2f", 100 * p->detectable },
        { "margin", NULL, "%.3g", 100 * c->margin },
        { "mcnemar", NULL, "%.2g", p->mcnemar },
        { "welch", NULL, "%.2g", p->welch.p },
        { "equivalence", NULL, "%.2g", p->equivalence },
        { "fisher", NULL, "%.2g", c->fisher },
    };

    if (is_name(name, length, "others-differ")) list_others(out, c, true);
    if (is_name(name, length, "others-alike")) list_others(out, c, false);
    for (size_t i = 0; i < VIT_COUNT(VALUES); i++) {
        if (!is_name(name, length, VALUES[i].name)) continue;
        if (VALUES[i].word)
            fputs(VALUES[i].word, out);
        else
            fprintf(out, VALUES[i].format, VALUES[i].number);
    }
}

static void expand(FILE *out, const struct compare *c, const char *sentence)
{
    for (const char *s = sentence; *s; s++) {
        const char *end = *s == '{' ? strchr(s, '}') : NULL;

        if (!end) {
            fputc(*s, out);
            continue;
        }
        value(out, c, s + 1, (size_t)(end - s - 1));
        s = end;
    }
}

bool compare_words(char **text, const struct compare *c, int i)
{
    struct memory m;

    for (size_t k = 0; k < VIT_COUNT(SENTENCES); k++) {
        if (!SENTENCES[k].holds(c) || i-- > 0) continue;
        if (memory_open(&m)) expand(m.out, c, SENTENCES[k].text);
        if (!memory_close(&m)) {
            free(m.bytes);
            m.bytes = NULL;
        }
        *text = m.bytes;
        return true;
    }
    return false;
}
