/* The runs of a comparison: models over a data set, or logits kept from one; all lined up by picture. */
#include <stdlib.h>
#include <string.h>

#include "tools/compare.h"
#include "tools/out.h"
#include "vit/json.h"
#include "vit/text.h"

/* What a pass fills: one run, its classes renumbered to those of the first. */
struct pass {
    struct compare *c;
    struct compare_run *run;
    const struct patch_dataset *data;
    int *to;              /* (classes) */
    struct vit_error err; /* of the first answer that is none */
};

/* ---- classes ---- */

static const char *class_of(const struct compare_run *run, int i)
{
    return json_string_value(json_array_get(json_object_get(run->pictures, "classes"), (size_t)i));
}

/* At that place first: two classes may have one name. */
static int find_name(const struct compare *c, const char *name, int place)
{
    if (strcmp(c->names[place], name) == 0) return place;
    return vit_index_of((const char *const *)c->names, (size_t)c->names_count, name);
}

/* Those of the first run that names them are everyone's. */
static enum vit_status keep_names(struct compare *c, const struct compare_run *run, struct vit_error *err)
{
    c->names = calloc((size_t)run->classes, sizeof *c->names);
    c->names_file = run->file;
    if (c->names) c->names_count = run->classes;
    for (int i = 0; i < c->names_count; i++)
        if (!(c->names[i] = strdup(class_of(run, i)))) break;
    if (c->names && c->names[run->classes - 1]) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the names of its classes", run->file);
}

/* *to (classes), freed by the caller also after a failure. */
static enum vit_status map_names(int **to, struct compare *c, const struct compare_run *run,
                                 struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    *to = calloc((size_t)run->classes, sizeof **to);
    if (!*to) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its classes", run->file);
    if (!c->names) status = keep_names(c, run, err);
    if (!status && run->classes != c->names_count)
        status = vit_fail(err, VIT_ERR_ARG, "%s has %d classes, %s has %d: expected the same", c->names_file,
                          c->names_count, run->file, run->classes);
    for (int i = 0; i < run->classes && !status; i++)
        if (((*to)[i] = find_name(c, class_of(run, i), i)) < 0)
            status =
                vit_fail(err, VIT_ERR_ARG, "%s has a class \"%s\", %s has none: expected the same classes",
                         run->file, class_of(run, i), c->names_file);
    return status;
}

/* ---- models ---- */

/* Reported once, however many models meet it. */
static void add_failure(struct pass *p, const struct patch_item *item)
{
    char name[4096];
    const char *file = patch_dataset_name(p->data, item->index, name, sizeof name);

    if (p->c->failed[item->index]) return;
    p->c->failed[item->index] = 1;
    if (!p->c->common->json) cmd_error("%s", item->error.text);
    vit_json_append(&p->c->failures, cmd_failure_json(file, &item->error));
}

static void add_item(void *state, const struct patch_item *item, const float *logits)
{
    struct pass *p = state;
    int best;

    if (!logits) {
        add_failure(p, item);
        return;
    }
    if (p->err.status || compare_check_logits(p->run, item->index, logits, &p->err)) return;
    vit_top(&best, logits, p->run->classes, 1);
    compare_run_set(p->run, item->index, p->to[item->label], p->to[best]);
}

static enum vit_status prepare_pass(struct pass *p, const struct eval_set *set, struct vit_error *err)
{
    struct compare *c = p->c;
    enum vit_status status;

    p->data = set->data;
    p->run->n = patch_dataset_count(set->data);
    p->run->pictures = eval_pictures(set->digest, set->names, p->run->classes);
    if (!p->run->pictures) return vit_fail(err, VIT_ERR_NOMEM, "%s: memory ran out", p->run->file);
    status = map_names(&p->to, c, p->run, err);
    if (!status) status = compare_run_alloc(p->run, p->run->n, err);
    if (status || c->failed) return status;
    c->total = p->run->n;
    c->failed = calloc(c->total + 1, sizeof *c->failed);
    c->kind = strdup(patch_dataset_kind(set->data));
    c->split = set->split;
    if (c->failed && c->kind) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate marks of %zu pictures", c->total);
}

static enum vit_status pass_model(struct compare *c, struct compare_run *run, const struct vit_model *m,
                                  const struct eval_set *set, struct vit_error *err)
{
    struct pass p = { .c = c, .run = run };
    struct eval_seconds seconds;
    enum vit_status status;

    run->classes = vit_model_config(m)->classes;
    status = prepare_pass(&p, set, err);
    if (!status)
        status = eval_pass(&(struct eval_pass){ .common = c->common,
                                                .options = c->options,
                                                .model = m,
                                                .data = set->data,
                                                .add = add_item,
                                                .state = &p },
                           &seconds, err);
    if (!status && p.err.status) {
        *err = p.err;
        status = err->status;
    }
    free(p.to);
    return status;
}

/* Where the file names its classes. */
static enum vit_status renumber(struct compare *c, struct compare_run *run, struct vit_error *err)
{
    int *to;
    const enum vit_status status = map_names(&to, c, run, err);

    for (size_t i = 0; i < run->n && !status; i++)
        compare_run_set(run, i, to[run->label[i]], to[run->prediction[i]]);
    free(to);
    return status;
}

static int run_logits(struct compare *c, struct compare_run *run)
{
    struct vit_error err;

    return run->pictures && renumber(c, run, &err) ? cmd_unusable(&err) : CMD_DONE;
}

static int run_model(struct compare *c, struct compare_run *run)
{
    struct cmd_common common = *c->common;
    struct vit_model *m;
    struct eval_set set;
    struct vit_error err;
    int code;

    common.model = run->file;
    code = cmd_open_model(&m, &common, 0, false);
    if (code) return code;
    run->how = eval_how(m, c->options->flip);
    code = eval_set_open(&set, m, c->options, c->common);
    if (!code && pass_model(c, run, m, &set, &err)) code = cmd_unusable(&err);
    eval_set_close(&set);
    vit_model_close(m);
    return code;
}

/* ---- lining up ---- */

/* Drop the pictures that any model could not be given. */
static void drop_failed(const struct compare *c, struct compare_run *run)
{
    size_t kept = 0;

    for (size_t i = 0; i < run->n; i++) {
        if (c->failed[i]) continue;
        run->index[kept] = (int64_t)i;
        compare_run_set(run, kept++, run->label[i], run->prediction[i]);
    }
    run->n = kept;
}

static bool flipped(const struct compare_run *run)
{
    return json_is_true(json_object_get(run->how, "flip"));
}

bool compare_flips(const struct compare *c)
{
    return flipped(compare_run_at(c, 0));
}

static enum vit_status check_size(const struct compare_run *a, const struct compare_run *b,
                                  struct vit_error *err)
{
    if (a->n != b->n)
        return vit_fail(err, VIT_ERR_ARG, "%s has %zu pictures, %s has %zu: expected the same pictures",
                        a->file, a->n, b->file, b->n);
    if (a->classes != b->classes)
        return vit_fail(err, VIT_ERR_ARG, "%s has %d classes, %s has %d: expected the same", a->file,
                        a->classes, b->file, b->classes);
    if (flipped(a) != flipped(b))
        return vit_fail(
            err, VIT_ERR_ARG,
            "%s has the logits of every picture with its mirror image (--flip), %s of the picture "
            "alone: expected the same",
            flipped(a) ? a->file : b->file, flipped(a) ? b->file : a->file);
    return VIT_OK;
}

/* What the data sets list, where both say it: numbers and labels may be the same of other pictures. */
static enum vit_status check_pictures(const struct compare_run *a, const struct compare_run *b,
                                      struct vit_error *err)
{
    const char *left = json_string_value(json_object_get(a->pictures, "digest"));
    const char *right = json_string_value(json_object_get(b->pictures, "digest"));

    if (!left || !right || strcmp(left, right) == 0) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG,
                    "%s and %s are not of one list of pictures: their data sets have other files (by name "
                    "below --data, and by size), classes or labels, or other ones were chosen; expected the "
                    "same list, as the same --data and --split give it",
                    a->file, b->file);
}

static enum vit_status check_rows(const struct compare_run *a, const struct compare_run *b,
                                  struct vit_error *err)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->index[i] != b->index[i])
            return vit_fail(err, VIT_ERR_ARG,
                            "row %zu is picture %lld of the data set in %s and %lld in %s: expected the same "
                            "pictures",
                            i, (long long)a->index[i], a->file, (long long)b->index[i], b->file);
        if (a->label[i] != b->label[i])
            return vit_fail(err, VIT_ERR_ARG,
                            "picture %lld has label %d in %s and %d in %s: expected the same labels",
                            (long long)a->index[i], a->label[i], a->file, b->label[i], b->file);
    }
    return VIT_OK;
}

static enum vit_status line_up(struct compare *c, struct vit_error *err)
{
    struct compare_run *run, *first = compare_run_at(c, 0), *said = first;
    enum vit_status status;

    for (size_t i = 0; i < c->total; i++) c->n_failed += c->failed[i];
    for (int i = 0; (run = compare_run_at(c, i)); i++) {
        if (!run->logits) drop_failed(c, run);
        if (!said->pictures) said = run;
        status = check_size(first, run, err);
        if (!status) status = check_pictures(said, run, err);
        if (!status) status = check_rows(first, run, err);
        if (status) return status;
        for (size_t k = 0; k < run->n; k++) run->correct += run->right[k];
    }
    c->n = first->n;
    return VIT_OK;
}

static void warn_unsaid(const struct compare *c)
{
    const struct compare_run *run, *first = NULL;
    int count = 0;

    for (int i = 0; (run = compare_run_at(c, i)); i++) {
        if (run->pictures) continue;
        if (!count++) first = run;
    }
    if (count)
        cmd_warn(
            c->common,
            "%s does not say of which pictures and classes its logits are%s, as older files do not: they "
            "are taken for those of the other runs, since their number and labels agree",
            first->file, count > 1 ? ", nor do others" : "");
}

/* Two files with the same answers to everything are one run, most likely. */
static void warn_equal(const struct compare *c)
{
    const struct compare_run *a, *b;

    for (int i = 0; (a = compare_run_at(c, i)); i++)
        for (int k = i + 1; (b = compare_run_at(c, k)); k++)
            if (c->n && memcmp(a->prediction, b->prediction, c->n * sizeof *a->prediction) == 0)
                cmd_warn(c->common, "%s and %s give the same answer to every picture: is it one run twice?",
                         a->file, b->file);
}

/* What is said of it beside its faults is said when it is run. */
static int try_model(const struct compare *c, const struct compare_run *run)
{
    struct cmd_common common = *c->common;
    struct vit_model *m;
    int code;

    common.model = run->file;
    common.quiet = true;
    common.verbose = false;
    code = cmd_open_model(&m, &common, 0, false);
    vit_model_close(m);
    return code;
}

int compare_look(struct compare *c)
{
    struct compare_run *run;
    int code = CMD_DONE;

    for (int i = 0; (run = compare_run_at(c, i)) && !code; i++) {
        run->logits = compare_is_logits(run->file);
        if (!run->logits) code = try_model(c, run);
    }
    return code;
}

const char *compare_needs_data(const struct compare *c)
{
    const struct compare_run *run;

    for (int i = 0; (run = compare_run_at(c, i)); i++)
        if (!run->logits) return run->file;
    return NULL;
}

static int read_logits(const struct compare *c)
{
    struct compare_run *run;
    struct vit_error err;

    for (int i = 0; (run = compare_run_at(c, i)); i++)
        if (run->logits && compare_read_logits(run, &err)) return cmd_unusable(&err);
    return CMD_DONE;
}

int compare_read(struct compare *c)
{
    struct compare_run *run;
    struct vit_error err;
    int code = read_logits(c);

    c->failures = json_array();
    for (int i = 0; (run = compare_run_at(c, i)) && !code; i++)
        code = run->logits ? run_logits(c, run) : run_model(c, run);
    if (code) return code;
    if (!c->failures || line_up(c, &err)) {
        cmd_error("%s", c->failures ? err.text : "cannot allocate a list of failures");
        return CMD_UNUSABLE;
    }
    warn_unsaid(c);
    warn_equal(c);
    return c->n_failed ? CMD_SOME_FAILED : CMD_DONE;
}
