/* Arms of a comparison: from words to names and files. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/compare.h"
#include "weights/builtin.h"

/* ---- words ---- */

static bool is_run(const char *text)
{
    struct stat s;

    return (strncmp(text, WEIGHTS_BUILTIN, strlen(WEIGHTS_BUILTIN)) == 0 && !strchr(text, ',')) ||
           stat(text, &s) == 0;
}

/* The name before "=", cut off; NULL: there is none. A path that exists is a path, whatever is in it. */
static const char *cut_name(char **rest)
{
    char *text = *rest, *end = strchr(text, '=');

    if (!end || is_run(text) || memchr(text, '/', (size_t)(end - text))) return NULL;
    *end = '\0';
    *rest = end + 1;
    return text;
}

static enum vit_status check_name(const struct compare *c, const char *name, struct vit_error *err)
{
    for (const unsigned char *s = (const unsigned char *)name; *s; s++)
        if (*s <= ' ' || *s == 0x7f)
            return vit_fail(err, VIT_ERR_ARG, "arm \"%s\": expected a name without blanks", name);
    if (!*name) return vit_fail(err, VIT_ERR_ARG, "expected the name of an arm before \"=\", found none");
    for (int i = 0; i < c->arm_count; i++)
        if (strcmp(c->arms[i].name, name) == 0)
            return vit_fail(err, VIT_ERR_ARG, "two arms have the name \"%s\"", name);
    return VIT_OK;
}

/* Cut text at its commas into files of the arm. */
static enum vit_status split_files(struct compare_arm *arm, char *text, struct vit_error *err)
{
    const bool whole = is_run(text);
    int count = 1;

    for (const char *s = text; *s && !whole; s++) count += *s == ',';
    arm->runs = calloc((size_t)count, sizeof *arm->runs);
    arm->top1 = calloc((size_t)count, sizeof *arm->top1);
    if (!arm->runs || !arm->top1) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %d runs", count);
    arm->count = count;
    for (int i = 0; i < count; i++) {
        arm->runs[i].file = text;
        if (i + 1 < count) {
            text = strchr(text, ',');
            *text++ = '\0';
        }
        if (!*arm->runs[i].file)
            return vit_fail(err, VIT_ERR_ARG, "arm %s: expected a file, found an empty name", arm->name);
    }
    return VIT_OK;
}

enum vit_status compare_add_arm(struct compare *c, const char *words, struct vit_error *err)
{
    static const char LETTERS[26][2] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
                                         "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z" };
    struct compare_arm *more, arm = { .words = strdup(words) };
    char *rest = arm.words;
    enum vit_status status;

    if (!rest) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate the names of the runs");
    if (c->arm_count == (int)VIT_COUNT(LETTERS)) {
        free(arm.words);
        return vit_fail(err, VIT_ERR_ARG, "expected at most %zu arms", VIT_COUNT(LETTERS));
    }
    arm.name = cut_name(&rest);
    if (!arm.name) arm.name = LETTERS[c->arm_count];
    status = check_name(c, arm.name, err);
    if (!status) {
        more = realloc(c->arms, (size_t)(c->arm_count + 1) * sizeof *more);
        if (more) c->arms = more;
        if (!more) status = vit_fail(err, VIT_ERR_NOMEM, "cannot allocate %d arms", c->arm_count + 1);
    }
    if (status) {
        free(arm.words);
        return status;
    }
    c->arms[c->arm_count++] = arm;
    return split_files(&c->arms[c->arm_count - 1], rest, err);
}

/* ---- runs ---- */

struct compare_run *compare_run_at(const struct compare *c, int i)
{
    for (int k = 0; k < c->arm_count; k++) {
        if (i < c->arms[k].count) return &c->arms[k].runs[i];
        i -= c->arms[k].count;
    }
    return NULL;
}

enum vit_status compare_run_alloc(struct compare_run *run, size_t n, struct vit_error *err)
{
    run->index = calloc(n + 1, sizeof *run->index);
    run->label = calloc(n + 1, sizeof *run->label);
    run->prediction = calloc(n + 1, sizeof *run->prediction);
    run->right = calloc(n + 1, sizeof *run->right);
    if (run->index && run->label && run->prediction && run->right) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the answers to %zu pictures", run->file, n);
}

void compare_run_free(struct compare_run *run)
{
    json_decref(run->how);
    json_decref(run->pictures);
    free(run->index);
    free(run->label);
    free(run->prediction);
    free(run->right);
}

void compare_run_set(struct compare_run *run, size_t i, int label, int prediction)
{
    run->label[i] = label;
    run->prediction[i] = prediction;
    run->right[i] = label == prediction;
}

enum vit_status compare_check_logits(const struct compare_run *run, int64_t picture, const float *logits,
                                     struct vit_error *err)
{
    if (!cmd_check_answer(logits, run->classes, run->file, NULL)) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: picture %lld has logits that are not finite: a network that diverged has no "
                    "accuracy; --diverged-a and --diverged-b count such runs",
                    run->file, (long long)picture);
}

void compare_free(struct compare *c)
{
    struct compare_run *run;

    for (int i = 0; (run = compare_run_at(c, i)); i++) compare_run_free(run);
    for (int i = 0; i < c->arm_count; i++) {
        free(c->arms[i].runs);
        free(c->arms[i].top1);
        free(c->arms[i].words);
    }
    for (int i = 0; i < c->names_count; i++) free(c->names[i]);
    free(c->names);
    free(c->arms);
    free(c->kind);
    free(c->failed);
    free(c->others);
    free(c->other_p);
    free(c->other_holm);
    json_decref(c->failures);
}
