/* The result of an evaluation as JSON and as text. */
#include <math.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "vit/json.h"

enum { WIDEST_MATRIX = 20, MOST_CONFUSED = 10 }; /* what fits a terminal */

struct class_counts {
    size_t n, correct, predicted;
};

static struct class_counts count_class(const struct eval *e, int c)
{
    const int classes = vit_model_config(e->model)->classes;
    struct class_counts counts = { .correct = vit_metrics_confusion(e->metrics, c, c) };

    for (int i = 0; i < classes; i++) {
        counts.n += vit_metrics_confusion(e->metrics, c, i);
        counts.predicted += vit_metrics_confusion(e->metrics, i, c);
    }
    return counts;
}

static double per_second(size_t n, double seconds)
{
    return seconds > 0 ? (double)n / seconds : NAN;
}

static double ratio(size_t k, size_t n)
{
    return n ? (double)k / (double)n : NAN;
}

/* ---- JSON ---- */

static json_t *per_class(const struct eval *e)
{
    const int classes = vit_model_config(e->model)->classes;
    json_t *list = json_array();

    for (int c = 0; c < classes; c++) {
        struct class_counts k = count_class(e, c);
        vit_json_append(&list, json_pack("{s:o,s:I,s:I,s:o,s:o,s:o}", "label", out_text(e->set.names[c]), "n",
                                         (json_int_t)k.n, "correct", (json_int_t)k.correct, "accuracy",
                                         out_real(ratio(k.correct, k.n)), "precision",
                                         out_real(ratio(k.correct, k.predicted)), "f1",
                                         out_real(ratio(2 * k.correct, k.n + k.predicted))));
    }
    return list;
}

static json_t *confusion(const struct eval *e)
{
    const int classes = vit_model_config(e->model)->classes;
    json_t *rows = json_array();

    for (int c = 0; c < classes; c++) {
        json_t *row = json_array();
        for (int p = 0; p < classes; p++)
            vit_json_append(&row, json_integer((json_int_t)vit_metrics_confusion(e->metrics, c, p)));
        vit_json_append(&rows, row);
    }
    return rows;
}

static json_t *stages(const struct eval *e)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "decode", out_real(per_second(e->n, e->seconds.decode)),
                     "preprocess", out_real(per_second(e->n, e->seconds.prepare)), "forward",
                     out_real(per_second(e->n, e->seconds.forward)), "total",
                     out_real(per_second(e->n, e->seconds.total)));
}

/* Of five classes or fewer every picture is a hit. */
static bool has_top5(const struct eval *e)
{
    return vit_model_config(e->model)->classes > 5;
}

bool eval_print_json(const struct eval *e)
{
    struct eval_share top1 = eval_share_of(vit_metrics_correct(e->metrics, 1), e->n);
    struct eval_share top5 = eval_share_of(vit_metrics_correct(e->metrics, 5), e->n);
    json_t *all = json_pack("{s:o,s:o,s:s,s:s,s:I,s:I,s:s}", "model", out_text(e->model_name), "dataset",
                            out_text(e->path), "dataset_kind", patch_dataset_kind(e->set.data), "split",
                            e->set.split, "n", (json_int_t)e->n, "n_failed", (json_int_t)e->n_failed,
                            "matched", vit_model_has_labels(e->model) ? "names" : "order");

    vit_json_merge(&all, eval_how(e->model, e->flip));
    vit_json_merge(&all,
                   json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:O}", "top1", out_real(top1.value),
                             "top1_ci95", eval_interval(top1.low, top1.high), "top5",
                             has_top5(e) ? out_real(top5.value) : json_null(), "top5_ci95",
                             has_top5(e) ? eval_interval(top5.low, top5.high) : json_null(), "loss",
                             out_real(e->n ? vit_metrics_loss(e->metrics) : NAN), "ece",
                             out_real(e->n ? vit_metrics_ece(e->metrics) : NAN), "images_per_second",
                             out_real(per_second(e->n, e->seconds.total)), "stages", stages(e), "per_class",
                             per_class(e), "confusion", confusion(e), "failed", e->failures));
    return out_json(all);
}

/* ---- text ---- */

/* - where there is none of them. */
static void print_ratio(size_t k, size_t n, int width, const char *end)
{
    if (n)
        printf("%*.4f%s", width, ratio(k, n), end);
    else
        printf("%*s%s", width, "-", end);
}

static void print_classes(const struct eval *e)
{
    const int classes = vit_model_config(e->model)->classes;
    int width = 5;

    for (int c = 0; c < classes; c++) {
        int w = out_width(e->set.names[c]);
        if (w > width) width = w;
    }
    printf("\n%-*s       n  accuracy  precision\n", width, "class");
    for (int c = 0; c < classes; c++) {
        struct class_counts k = count_class(e, c);
        if (!k.n && classes > WIDEST_MATRIX) continue; /* the matrix has a row and a column for every class */
        printf("%*s  %6zu  ", width - out_name(stdout, e->set.names[c]), "", k.n);
        print_ratio(k.correct, k.n, 8, "  ");
        print_ratio(k.correct, k.predicted, 9, "\n");
    }
}

static void print_matrix(const struct eval *e)
{
    const int classes = vit_model_config(e->model)->classes;

    printf("\nconfusion: rows are labels, columns predictions, both in the order above\n");
    for (int c = 0; c < classes; c++) {
        for (int p = 0; p < classes; p++)
            printf("%s%6zu", p ? " " : "", vit_metrics_confusion(e->metrics, c, p));
        putchar('\n');
    }
}

struct confused {
    size_t count;
    int label, prediction;
};

/* Keep the largest counts, largest first; ties stay in order. */
static void keep_largest(struct confused *top, int *kept, const struct confused *new)
{
    int at = *kept;

    while (at > 0 && top[at - 1].count < new->count) at--;
    if (at == MOST_CONFUSED) return;
    if (*kept < MOST_CONFUSED) (*kept)++;
    for (int i = *kept - 1; i > at; i--) top[i] = top[i - 1];
    top[at] = *new;
}

static void print_most_confused(const struct eval *e)
{
    const int classes = vit_model_config(e->model)->classes;
    struct confused top[MOST_CONFUSED];
    int kept = 0;

    for (int c = 0; c < classes; c++)
        for (int p = 0; p < classes; p++) {
            struct confused one = { vit_metrics_confusion(e->metrics, c, p), c, p };
            if (p != c && one.count) keep_largest(top, &kept, &one);
        }
    printf("\nmost often confused (the whole matrix: --json)\n");
    for (int i = 0; i < kept; i++) {
        printf("%6zu  ", top[i].count);
        out_name(stdout, e->set.names[top[i].label]);
        fputs(" taken for ", stdout);
        out_name(stdout, e->set.names[top[i].prediction]);
        putchar('\n');
    }
}

static void print_share(const char *name, size_t k, size_t n)
{
    struct eval_share s = eval_share_of(k, n);

    printf("%-10s %.4f  (95 %%: %.4f to %.4f)\n", name, s.value, s.low, s.high);
}

void eval_print_text(const struct eval *e)
{
    const struct vit_config *c = vit_model_config(e->model);
    char norm[32];

    fputs("model      ", stdout);
    out_name(stdout, e->model_name);
    printf("\nrun as     norm %s, final norm %s, %s, %d pixels a side",
           vit_placement_text(&c->norm, norm, sizeof norm), c->norm.final ? "on" : "off",
           kern_dtype_name(vit_model_dtype(e->model)), c->image);
    printf("\ndata       %s, %s: ", patch_dataset_kind(e->set.data), e->set.split);
    out_name(stdout, e->path);
    printf("\npictures   %zu, failed %zu\n", e->n, e->n_failed);
    if (e->flip) puts("flip       " EVAL_FLIP_WORDS);
    if (!e->n) return;
    print_share("top-1", vit_metrics_correct(e->metrics, 1), e->n);
    if (has_top5(e)) print_share("top-5", vit_metrics_correct(e->metrics, 5), e->n);
    printf("loss       %.4f\n", vit_metrics_loss(e->metrics));
    printf("ece        %.4f\n", vit_metrics_ece(e->metrics));
    printf("images/s   %.1f (one worker decodes %.1f, prepares %.1f; forward %.1f)\n",
           per_second(e->n, e->seconds.total), per_second(e->n, e->seconds.decode),
           per_second(e->n, e->seconds.prepare), per_second(e->n, e->seconds.forward));
    print_classes(e);
    if (vit_model_config(e->model)->classes <= WIDEST_MATRIX)
        print_matrix(e);
    else
        print_most_confused(e);
}
