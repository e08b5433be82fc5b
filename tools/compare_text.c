/* A comparison as text: tables, then sentences. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"
#include "tools/out.h"

enum { LABEL = 12 }; /* columns of what stands before a value */

static double points(double fraction)
{
    return 100 * fraction;
}

/* Print text padded to width columns and two blanks. */
static void cell(const char *text, int width)
{
    int used = out_name(stdout, text);

    printf("%*s  ", used < width ? width - used : 0, "");
}

/* ---- arms ---- */

static int name_width(const struct compare *c)
{
    int width = 3;

    for (int i = 0; i < c->arm_count; i++)
        if (out_width(c->arms[i].name) > width) width = out_width(c->arms[i].name);
    return width;
}

static void print_runs(const struct compare *c)
{
    const struct compare_run *run;
    int width = 3, name = name_width(c);

    for (int i = 0; (run = compare_run_at(c, i)); i++)
        if (out_width(run->file) > width) width = out_width(run->file);
    printf("\n%-*s  %-*s   top-1  95 %% interval\n", name, "arm", width, "run");
    for (int i = 0; i < c->arm_count; i++)
        for (int k = 0; k < c->arms[i].count; k++) {
            const struct eval_share s = eval_share_of(c->arms[i].runs[k].correct, c->n);
            cell(k ? "" : c->arms[i].name, name);
            cell(c->arms[i].runs[k].file, width);
            printf("%.4f  %.4f to %.4f\n", s.value, s.low, s.high);
        }
}

static void print_arms(const struct compare *c)
{
    const int name = name_width(c);
    bool several = false;

    for (int i = 0; i < c->arm_count; i++) several |= c->arms[i].count > 1;
    if (!several) return;
    printf("\n%-*s  runs    mean      sd\n", name, "arm");
    for (int i = 0; i < c->arm_count; i++) {
        cell(c->arms[i].name, name);
        printf("%4d  %.4f  ", c->arms[i].count, c->arms[i].mean);
        if (c->arms[i].count > 1)
            printf("%.4f\n", c->arms[i].sd);
        else
            printf("%6s\n", "-");
    }
}

/* ---- the first two ---- */

static void print_difference(const struct compare_pair *p, double difference)
{
    printf("%-*s", LABEL, "difference");
    out_name(stdout, p->a->name);
    fputs(" - ", stdout);
    out_name(stdout, p->b->name);
    printf(" = %+.2f points", points(difference));
}

static void print_only(const struct compare_arm *arm, size_t count)
{
    printf("%-*s%zu pictures only by ", LABEL, "right", count);
    out_name(stdout, arm->name);
    fputs(" (", stdout);
    out_name(stdout, arm->runs[arm->median].file);
    puts(")");
}

static void print_networks(const struct compare *c)
{
    const struct compare_pair *p = &c->first;

    printf("\nnetworks, picture by picture%s\n",
           p->a->count > 1 || p->b->count > 1 ? " (the median run of each arm)" : "");
    print_only(p->a, p->only_a);
    print_only(p->b, p->only_b);
    printf("%-*s%zu by both, %zu by neither\n", LABEL, "", p->both, c->n - p->both - p->only_a - p->only_b);
    print_difference(p, p->difference);
    printf(", 95 %%: %+.2f to %+.2f (Tango's score interval)\n", points(p->low), points(p->high));
    printf("%-*sp %.3g (exact)\n", LABEL, "McNemar", p->mcnemar);
}

static void print_t_test(const char *name, const struct vit_t_test *t)
{
    if (isnan(t->low)) return;
    printf("%-*s95 %%: %+.2f to %+.2f points, df %.3g", LABEL, name, points(t->low), points(t->high), t->df);
    if (!isnan(t->p)) printf(", t %.3g, p %.3g", t->t, t->p);
    putchar('\n');
}

static void print_seeds(const struct compare *c)
{
    const struct compare_pair *p = &c->first;

    if (compare_fewest(p) < 2) return;
    puts("\nruns, arm by arm");
    print_difference(p, p->a->mean - p->b->mean);
    putchar('\n');
    print_t_test("Welch", &p->welch);
    print_t_test("paired", &p->paired);
    if (!isnan(p->bootstrap_low))
        printf("%-*s95 %%: %+.2f to %+.2f points, %llu draws of runs and pictures\n", LABEL, "bootstrap",
               points(p->bootstrap_low), points(p->bootstrap_high), (unsigned long long)c->draws);
    if (!isnan(p->equivalence))
        printf("%-*sp %.3g for a difference within %.3g points (two one-sided tests)\n", LABEL, "equality",
               p->equivalence, points(c->margin));
    if (!isnan(p->detectable))
        printf("%-*s%.2f points in %.0f %% of such experiments, at %.0f %%\n", LABEL, "detectable",
               points(p->detectable), 100 * COMPARE_POWER, 100 * COMPARE_ALPHA);
}

static void print_diverged(const struct compare *c)
{
    if (!c->has_diverged) return;
    puts("\nruns that diverged");
    for (int i = 0; i < 2; i++) {
        const struct compare_counts *k = &c->diverged[i];
        const struct eval_share s = eval_share_of(k->diverged, k->runs);
        cell(c->arms[i].name, LABEL - 2);
        printf("%zu of %zu, 95 %%: %.3f to %.3f\n", k->diverged, k->runs, s.low, s.high);
    }
    printf("%-*sp %.3g (exact)\n", LABEL, "Fisher", c->fisher);
}

/* ---- the other pairs ---- */

static void print_p(double p)
{
    if (isnan(p))
        printf("  %9s", "-");
    else
        printf("  %9.3g", p);
}

static void print_others(const struct compare *c)
{
    const int name = name_width(c);

    if (!c->other_count) return;
    printf("\nother pairs (%s)\n%-*s  points          p     Holm's\n",
           c->others_by_run ? "Welch, over runs" : "McNemar, the median networks", 2 * name + 3, "pair");
    for (int i = 0; i < c->other_count; i++) {
        const struct compare_pair *p = &c->others[i];
        int used = out_name(stdout, p->a->name) + 3;
        fputs(" - ", stdout);
        used += out_name(stdout, p->b->name);
        printf("%*s  %+6.2f", 2 * name + 3 - used, "",
               points(c->others_by_run ? p->welch.difference : p->difference));
        print_p(c->other_p[i]);
        print_p(c->other_holm[i]);
        putchar('\n');
    }
}

static bool print_words(const struct compare *c)
{
    bool whole = true;
    char *text;

    puts("\nwhat follows");
    for (int i = 0; compare_words(&text, c, i); i++) {
        fputs("- ", stdout);
        args_wrap(stdout, text ? text : "(no memory)", 2, 2);
        whole &= text != NULL;
        free(text);
    }
    if (!whole) cmd_error("out of memory while writing a result");
    return whole;
}

bool compare_print_text(const struct compare *c)
{
    if (c->kind) {
        printf("%-*s%s, %s: ", LABEL, "data", c->kind, c->split);
        out_name(stdout, c->options->data);
        putchar('\n');
    }
    printf("%-*s%zu, failed %zu\n", LABEL, "pictures", c->n, c->n_failed);
    if (compare_flips(c)) printf("%-*s%s\n", LABEL, "flip", EVAL_FLIP_WORDS);
    if (c->n) {
        print_runs(c);
        print_arms(c);
        print_networks(c);
        print_seeds(c);
    }
    print_diverged(c);
    if (c->n) print_others(c);
    return print_words(c);
}
