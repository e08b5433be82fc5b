/* A comparison as one JSON object. */
#include <math.h>
#include <stdlib.h>

#include "tools/compare.h"
#include "tools/out.h"
#include "vit/json.h"

static json_t *arms(const struct compare *c)
{
    json_t *list = json_array();

    for (int i = 0; i < c->arm_count; i++) {
        const struct compare_arm *arm = &c->arms[i];
        json_t *runs = json_array();

        for (int k = 0; k < arm->count; k++) {
            const struct eval_share s = eval_share_of(arm->runs[k].correct, arm->runs[k].n);
            json_t *run = json_pack("{s:o,s:o,s:o}", "file", out_text(arm->runs[k].file), "top1",
                                    out_real(s.value), "top1_ci95", eval_interval(s.low, s.high));
            if (arm->runs[k].how) vit_json_merge(&run, json_incref(arm->runs[k].how));
            vit_json_append(&runs, run);
        }
        vit_json_append(&list, json_pack("{s:o,s:o,s:o,s:i,s:o}", "name", out_text(arm->name), "mean",
                                         out_real(arm->mean), "sd", out_real(arm->sd), "median_run",
                                         arm->median, "runs", runs));
    }
    return list;
}

/* Null when the runs do not even allow an interval. */
static json_t *t_test(const struct vit_t_test *t)
{
    if (isnan(t->low)) return json_null();
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "difference", out_real(t->difference), "difference_ci95",
                     eval_interval(t->low, t->high), "t", out_real(t->t), "df", out_real(t->df), "p",
                     out_real(t->p));
}

static json_t *bootstrap(const struct compare *c)
{
    const struct compare_pair *p = &c->first;

    if (isnan(p->bootstrap_low)) return json_null();
    return json_pack("{s:o,s:o,s:I}", "difference", out_real(p->a->mean - p->b->mean), "difference_ci95",
                     eval_interval(p->bootstrap_low, p->bootstrap_high), "draws", (json_int_t)c->draws);
}

static json_t *tost(const struct compare *c)
{
    const double p = c->first.equivalence;

    if (isnan(p)) return json_null();
    return json_pack("{s:o,s:o,s:b}", "margin", out_real(c->margin), "p", out_real(p), "equivalent",
                     p <= COMPARE_ALPHA);
}

static json_t *divergence(const struct compare_counts *k)
{
    const struct eval_share s = eval_share_of(k->diverged, k->runs);

    return json_pack("{s:I,s:I,s:o,s:o}", "diverged", (json_int_t)k->diverged, "runs", (json_int_t)k->runs,
                     "rate", out_real(s.value), "rate_ci95", eval_interval(s.low, s.high));
}

static json_t *fisher(const struct compare *c)
{
    if (!c->has_diverged) return json_null();
    return json_pack("{s:o,s:o,s:o}", "a", divergence(&c->diverged[0]), "b", divergence(&c->diverged[1]), "p",
                     out_real(c->fisher));
}

static json_t *holm(const struct compare *c)
{
    json_t *list = json_array();

    for (int i = 0; i < c->other_count; i++) {
        const struct compare_pair *p = &c->others[i];
        const bool by_run = c->others_by_run;
        vit_json_append(
            &list,
            json_pack("{s:o,s:o,s:s,s:o,s:o,s:o,s:o}", "a", out_text(p->a->name), "b", out_text(p->b->name),
                      "test", by_run ? "welch" : "mcnemar", "difference",
                      out_real(by_run ? p->welch.difference : p->difference), "difference_ci95",
                      by_run ? eval_interval(p->welch.low, p->welch.high) : eval_interval(p->low, p->high),
                      "p", out_real(c->other_p[i]), "p_holm", out_real(c->other_holm[i])));
    }
    return list;
}

static json_t *follows(const struct compare *c)
{
    json_t *list = json_array();
    char *text;

    for (int i = 0; compare_words(&text, c, i); i++) {
        vit_json_append(&list, text ? out_text(text) : NULL);
        free(text);
    }
    return list;
}

/* The median networks. */
static json_t *networks(const struct compare *c)
{
    const struct compare_pair *p = &c->first;
    const struct compare_run *a = &p->a->runs[p->a->median], *b = &p->b->runs[p->b->median];
    const struct eval_share share_a = eval_share_of(a->correct, c->n),
                            share_b = eval_share_of(b->correct, c->n);

    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "run_a", out_text(a->file),
                     "run_b", out_text(b->file), "top1_a", out_real(share_a.value), "top1_b",
                     out_real(share_b.value), "top1_a_ci95", eval_interval(share_a.low, share_a.high),
                     "top1_b_ci95", eval_interval(share_b.low, share_b.high), "only_a", (json_int_t)p->only_a,
                     "only_b", (json_int_t)p->only_b, "both", (json_int_t)p->both, "neither",
                     (json_int_t)(c->n - p->both - p->only_a - p->only_b), "mcnemar_p", out_real(p->mcnemar),
                     "difference", out_real(p->difference), "difference_ci95", eval_interval(p->low, p->high),
                     "least_significant", out_real(c->n && p->least ? (double)p->least / (double)c->n : NAN));
}

/* Null: it was not. */
static json_t *given(uint64_t value)
{
    return value ? out_whole(value) : json_null();
}

/* What else was asked for, and makes the numbers. */
static json_t *asked(const struct compare *c)
{
    const struct cmd_common *common = c->common;
    const struct eval_options *o = c->options;

    return json_pack("{s:o,s:o,s:b,s:b,s:o,s:o,s:s,s:o,s:o}", "limit", given(o->limit), "held_out",
                     o->held_out > 0 ? out_float(o->held_out) : json_null(), "check", (int)o->check,
                     "no_exif", (int)o->no_exif, "max_pixels", out_whole(o->max_pixels), "size",
                     given((uint64_t)common->size), "dtype", kern_dtype_name(cmd_dtype(common)), "kernels",
                     common->kernels ? out_text(common->kernels) : json_null(), "seed",
                     out_whole(common->seed));
}

bool compare_print_json(const struct compare *c)
{
    const struct compare_pair *p = &c->first;
    json_t *all =
        json_pack("{s:o,s:o,s:b,s:I,s:I}", "dataset", c->kind ? out_text(c->options->data) : json_null(),
                  "split", c->kind ? out_text(c->split) : json_null(), "flip", (int)compare_flips(c), "n",
                  (json_int_t)c->n, "n_failed", (json_int_t)c->n_failed);

    vit_json_merge(&all, asked(c));
    vit_json_merge(&all, networks(c));
    vit_json_merge(&all, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:O}", "arms", arms(c), "welch",
                                   t_test(&p->welch), "paired", t_test(&p->paired), "bootstrap", bootstrap(c),
                                   "tost", tost(c), "detectable", out_real(p->detectable), "fisher",
                                   fisher(c), "holm", holm(c), "follows", follows(c), "failed", c->failures));
    return out_json(all);
}
