/* A run of a comparison from the logits that vit eval --logits or vit sweep has kept. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/compare.h"
#include "vit/json.h"

bool compare_is_logits(const char *path)
{
    struct weights_file *f;
    struct stat s;
    bool found;

    if (stat(path, &s) || !S_ISREG(s.st_mode) || weights_open(&f, path, NULL)) return false;
    found = weights_find(f, "logits") != NULL;
    weights_close(f);
    return found;
}

static enum vit_status check_tensors(const char *path, const struct weights_tensor *logits,
                                     const struct weights_tensor *labels, const struct weights_tensor *index,
                                     struct vit_error *err)
{
    char text[2][96];

    if (!labels)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: has logits, but no labels; vit eval --logits writes both",
                        path);
    if (logits->rank != 2 || labels->rank != 1 || labels->shape[0] != logits->shape[0] ||
        logits->shape[1] < 1 || logits->shape[1] > INT32_MAX)
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: expected logits [n, classes] and labels [n], found %s and %s", path,
                        weights_shape_text(logits, text[0], sizeof text[0]),
                        weights_shape_text(labels, text[1], sizeof text[1]));
    if (index && (index->rank != 1 || index->shape[0] != logits->shape[0]))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: expected index [%lld], found %s", path,
                        (long long)logits->shape[0], weights_shape_text(index, text[0], sizeof text[0]));
    return VIT_OK;
}

static enum vit_status add_rows(struct compare_run *run, const float *logits, const int64_t *labels,
                                struct vit_error *err)
{
    for (size_t i = 0; i < run->n; i++) {
        const float *row = logits + i * (size_t)run->classes;
        int best;

        if (labels[i] < 0 || labels[i] >= run->classes)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: label %zu is %lld, expected 0 to %d", run->file, i,
                            (long long)labels[i], run->classes - 1);
        if (i && run->index[i] <= run->index[i - 1])
            return vit_fail(err, VIT_ERR_FORMAT, "%s: index %zu is %lld after %lld, expected a larger one",
                            run->file, i, (long long)run->index[i], (long long)run->index[i - 1]);
        if (compare_check_logits(run, run->index[i], row, err)) return err->status;
        vit_top(&best, row, run->classes, 1);
        compare_run_set(run, i, (int)labels[i], best);
    }
    return VIT_OK;
}

static enum vit_status read_tensors(struct compare_run *run, const struct weights_file *f,
                                    struct vit_error *err)
{
    const struct weights_tensor *t = weights_find(f, "logits"), *l = weights_find(f, "labels");
    const struct weights_tensor *index = weights_find(f, "index");
    const float *logits;
    float *copy = NULL;
    int64_t *labels = NULL;
    enum vit_status status = check_tensors(run->file, t, l, index, err);

    if (status) return status;
    run->n = (size_t)t->shape[0];
    run->classes = (int)t->shape[1];
    logits = weights_view_f32(t);
    if (!logits) copy = malloc((t->count + 1) * sizeof *copy);
    labels = malloc((run->n + 1) * sizeof *labels);
    if ((!logits && !copy) || !labels)
        status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu logits", run->file, t->count);
    if (!status) status = compare_run_alloc(run, run->n, err);
    for (size_t i = 0; i < run->n && !status; i++) run->index[i] = (int64_t)i; /* a file without index */
    if (!status && copy) status = weights_read_f32(t, run->file, copy, err);
    if (!status) status = weights_read_i64(l, run->file, labels, err);
    if (!status && index) status = weights_read_i64(index, run->file, run->index, err);
    if (!status) status = add_rows(run, copy ? copy : logits, labels, err);
    free(copy);
    free(labels);
    return status;
}

/* How the network was run, where the file has it. */
static enum vit_status read_how(struct compare_run *run, const struct weights_file *f, struct vit_error *err)
{
    const char *text = weights_meta(f, EVAL_HOW_KEY);

    return text ? vit_json_parse(&run->how, run->file, text, strlen(text), err) : VIT_OK;
}

/* Of which pictures and classes it is, the same. */
static enum vit_status read_pictures(struct compare_run *run, const struct weights_file *f,
                                     struct vit_error *err)
{
    const char *text = weights_meta(f, EVAL_PICTURES_KEY);
    const json_t *names;
    enum vit_status status;
    bool whole;

    if (!text) return VIT_OK;
    status = vit_json_parse(&run->pictures, run->file, text, strlen(text), err);
    if (status) return status;
    names = json_object_get(run->pictures, "classes");
    whole = json_is_string(json_object_get(run->pictures, "digest")) &&
            json_array_size(names) == (size_t)run->classes;
    for (int i = 0; i < run->classes && whole; i++) whole = json_is_string(json_array_get(names, (size_t)i));
    if (whole) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: " EVAL_PICTURES_KEY ": expected a digest and the names of %d classes", run->file,
                    run->classes);
}

enum vit_status compare_read_logits(struct compare_run *run, struct vit_error *err)
{
    struct weights_file *f = NULL;
    enum vit_status status = weights_open(&f, run->file, err);

    if (!status) status = read_tensors(run, f, err);
    if (!status) status = read_how(run, f, err);
    if (!status) status = read_pictures(run, f, err);
    weights_close(f);
    return status;
}
