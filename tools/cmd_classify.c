/* vit classify: the k most probable labels of each picture. */
#include <jansson.h>
#include <stdlib.h>

#include "tools/out.h"
#include "tools/pictures.h"
#include "vit/json.h"

struct options {
    struct cmd_common common;
    struct pictures_options pictures;
    int top;
};
_Static_assert(offsetof(struct options, pictures) == sizeof(struct cmd_common), "pictures_group looks there");

static const struct args_option ROWS[] = {
    { .name = "topk",
      .letter = 'k',
      .kind = ARGS_INT,
      .at = offsetof(struct options, top),
      .low = 1,
      .high = 1000000,
      .initial = "5",
      .metavar = "K",
      .help = "labels for each picture" },
    CMD_LABELS_ROW,
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &pictures_group, &cmd_norm_group, &cmd_common_group,
                                                   NULL };

struct printer {
    const struct options *o;
    const char *const *labels;
    int classes, top;
    float *score; /* (classes) */
    int *index;   /* (top) */
};

static json_t *predictions(const struct printer *p)
{
    json_t *list = json_array();

    for (int i = 0; i < p->top; i++) {
        int c = p->index[i];
        vit_json_append(&list, json_pack("{s:o,s:i,s:o}", "label", out_text(p->labels[c]), "index", c,
                                         "score", out_float(p->score[c])));
    }
    return list;
}

static void print_table(const struct printer *p, const char *file)
{
    int width = 0;

    for (int i = 0; i < p->top; i++) {
        int w = out_width(p->labels[p->index[i]]);
        if (w > width) width = w;
    }
    out_name(stdout, file);
    putchar('\n');
    for (int i = 0; i < p->top; i++) {
        int c = p->index[i];
        printf("%4d  ", i + 1);
        printf("%*s  %.4f\n", width - out_name(stdout, p->labels[c]), "", (double)p->score[c]);
    }
}

static bool emit(void *state, const struct pictures_result *r)
{
    const struct printer *p = state;

    if (r->err) return pictures_emit_failure(&p->o->common, r);
    vit_softmax(p->score, r->logits, p->classes);
    vit_top(p->index, p->score, p->classes, p->top);
    if (p->o->common.json)
        return out_json(json_pack("{s:o,s:o,s:o}", "file", out_text(r->file), "predictions", predictions(p),
                                  "milliseconds", pictures_milliseconds(r)));
    print_table(p, r->file);
    return true;
}

static int classify(const struct options *o, struct vit_model *m, int count, char **operands)
{
    const int classes = vit_model_config(m)->classes;
    struct printer p = {
        .o = o, .labels = vit_model_labels(m), .classes = classes, .top = o->top < classes ? o->top : classes
    };
    const struct pictures_job job = {
        .common = &o->common, .model = m, .options = o->pictures, .emit = emit, .state = &p
    };
    int code = CMD_UNUSABLE;

    p.score = malloc((size_t)classes * sizeof *p.score);
    p.index = malloc((size_t)p.top * sizeof *p.index);
    if (p.score && p.index)
        code = pictures_run(&job, count, operands);
    else
        cmd_error("cannot allocate scores of %d classes", classes);
    free(p.score);
    free(p.index);
    return code;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct vit_model *m;
    int code;

    if (!count) return cmd_usage("nothing to classify: name a picture, a folder, a list or -");
    code = cmd_open_model(&m, &o->common, 0, false);
    if (code) return code;
    if (!vit_model_has_labels(m))
        cmd_warn(&o->common,
                 "%s has no label names: class_N is its output N, counted from 0; --labels names them",
                 vit_model_path(m));
    code = classify(o, m, count, operands);
    vit_model_close(m);
    return code;
}

const struct args_verb cmd_classify = {
    .name = "classify",
    .operands = "IMAGE|DIR|LIST.txt|- ...",
    .summary = "Name what is in pictures",
    .details =
        "Each operand is a picture, a folder (its pictures, also in folders below), a .txt file with one "
        "path a line (from the working directory, not from where the list lies; blank lines are left out), "
        "or - for standard input: one picture, or paths, one a line. A picture that cannot "
        "be read is reported, the others are done, and the exit code is 1.\n\n"
        "With --json one object a line: file, predictions (label, index, score), milliseconds (decode, "
        "preprocess, forward); or file and error (code, message).",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
