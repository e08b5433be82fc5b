/* golden VIT FOLDER...: parity with other programs.
 *
 * Each FOLDER holds a checkpoint, its config.json and expect.safetensors (input, logits, perhaps labels,
 * loss and grad.NAME). The program under test is run on it as a user would. Bounds: logits to 1e-5 of the
 * largest, the loss to 1e-5, gradients to 1e-4 of the tensor's largest: a tenth of what is promised, and ten
 * times what is seen and printed at the end. Some gradients are zero but for rounding (the bias of the keys:
 * softmax does not see it); so a tensor's largest counts as at least 1e-4 of the largest of all, which leaves
 * an error of 1e-8 of that: rounding. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/run.h"
#include "tests/support/tmp.h"
#include "weights/weights.h"

/* Blocks of another graph: the program must refuse this folder with a sentence. */
static const char REFUSED[] = "timm-parallel-scaling";

static const double LOGITS = 1e-5, LOSS = 1e-5, GRADIENTS = 1e-4, FLOOR = 1e-4;

struct outcome {
    double logits, gradients; /* worst difference over largest value */
    char worst[128];          /* gradient tensor */
    int compared;             /* gradient tensors */
    bool refused;             /* as expected */
    char trouble[1200];       /* empty: compared, or refused as expected */
};

static float *read_values(const struct weights_tensor *t, struct outcome *o)
{
    struct vit_error err;
    float *values = malloc((t->count ? t->count : 1) * sizeof *values);

    if (values && weights_read_f32(t, t->name, values, &err) == VIT_OK) return values;
    snprintf(o->trouble, sizeof o->trouble, "%s cannot be read", t->name);
    free(values);
    return NULL;
}

static double largest(const float *x, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

/* Largest |a - b| over at least scale; infinite for NaN. */
static double difference(const float *a, const float *b, size_t count, double scale)
{
    double worst = 0;

    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = isnan(d) ? INFINITY : d;
    }
    return scale > 0 ? worst / scale : worst;
}

static bool same_shape(const struct weights_tensor *a, const struct weights_tensor *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->shape[i] != b->shape[i]) return false;
    return true;
}

/* Compare one tensor of the expectation with the answer; floor: the smallest scale worth comparing to. */
static double compare(const struct weights_tensor *want, const struct weights_file *answer, double floor,
                      struct outcome *o)
{
    const struct weights_tensor *got = weights_find(answer, want->name);
    char a[128], b[128];
    float *x = NULL, *y = NULL;
    double d = INFINITY;

    if (!got) {
        snprintf(o->trouble, sizeof o->trouble, "no %s", want->name);
        return d;
    }
    if (!same_shape(want, got)) {
        snprintf(o->trouble, sizeof o->trouble, "%s is %s, expected %s", want->name,
                 weights_shape_text(got, a, sizeof a), weights_shape_text(want, b, sizeof b));
        return d;
    }
    x = read_values(got, o);
    y = read_values(want, o);
    if (x && y) d = difference(x, y, want->count, fmax(largest(y, want->count), floor));
    free(x);
    free(y);
    return d;
}

static bool is_gradient(const struct weights_tensor *t)
{
    return strncmp(t->name, "grad.", 5) == 0;
}

static double largest_gradient(const struct weights_file *f, struct outcome *o)
{
    double most = 0;

    for (size_t i = 0; i < weights_count(f); i++) {
        const struct weights_tensor *t = weights_at(f, i);
        float *x = is_gradient(t) ? read_values(t, o) : NULL;
        if (x) most = fmax(most, largest(x, t->count));
        free(x);
    }
    return most;
}

static void compare_files(struct outcome *o, const struct weights_file *want, const struct weights_file *got)
{
    const double floor = FLOOR * largest_gradient(want, o);

    if (!weights_find(want, "logits"))
        snprintf(o->trouble, sizeof o->trouble, "no logits are expected: nothing is compared");
    for (size_t i = 0; i < weights_count(want) && !o->trouble[0]; i++) {
        const struct weights_tensor *t = weights_at(want, i);
        double d;

        if (strcmp(t->name, "logits") == 0) o->logits = compare(t, got, 0, o);
        if (strcmp(t->name, "loss") == 0 && compare(t, got, 0, o) > LOSS && !o->trouble[0])
            snprintf(o->trouble, sizeof o->trouble, "the loss differs");
        if (!is_gradient(t)) continue;
        d = compare(t, got, floor, o);
        o->compared++;
        if (!(d <= o->gradients)) {
            o->gradients = d;
            snprintf(o->worst, sizeof o->worst, "%s", t->name);
        }
    }
    if (!o->trouble[0] && !o->compared && weights_find(want, "loss"))
        snprintf(o->trouble, sizeof o->trouble, "a loss is expected and no gradients");
}

/* Exit code 3, and one line that names the folder. */
static void check_refusal(struct outcome *o, const struct run *r, const char *folder)
{
    const size_t line = strcspn(r->err, "\n");

    o->refused = r->code == 3 && r->err_size == line + 1 && strstr(r->err, folder);
    if (!o->refused)
        snprintf(o->trouble, sizeof o->trouble, "must be refused by name, exit code 3; found %d: %.*s",
                 r->code, (int)line, r->err);
}

static const char *name_of(const char *folder)
{
    const char *slash = strrchr(folder, '/');

    return slash ? slash + 1 : folder;
}

static void check_folder(struct outcome *o, const char *vit, const char *folder, const char *out)
{
    char expect[4096];
    struct weights_file *want = NULL, *got = NULL;
    struct vit_error err;
    struct run r;
    bool grad;

    snprintf(expect, sizeof expect, "%s/expect.safetensors", folder);
    if (weights_open(&want, expect, &err)) {
        snprintf(o->trouble, sizeof o->trouble, "%s", err.text);
        return;
    }
    grad = weights_find(want, "loss") != NULL;
    if (!run_program(&r,
                     (const char *const[]){ vit, "logits", "-q", "-m", folder, "-i", expect, "-o", out,
                                            grad ? "--grad" : NULL, NULL },
                     NULL))
        snprintf(o->trouble, sizeof o->trouble, "%s cannot be started", vit);
    else if (strcmp(name_of(folder), REFUSED) == 0)
        check_refusal(o, &r, folder);
    else if (r.code)
        snprintf(o->trouble, sizeof o->trouble, "exit code %d: %.*s", r.code, (int)strcspn(r.err, "\n"),
                 r.err);
    else if (weights_open(&got, out, &err))
        snprintf(o->trouble, sizeof o->trouble, "%s", err.text);
    else
        compare_files(o, want, got);
    run_free(&r);
    weights_close(got);
    weights_close(want);
}

static bool passed(const struct outcome *o)
{
    return !o->trouble[0] && o->logits <= LOGITS && o->gradients <= GRADIENTS;
}

static void report(const char *folder, const struct outcome *o)
{
    printf("%-6s %-28s ", passed(o) ? "ok" : "FAILED", folder);
    if (o->trouble[0])
        printf("%s\n", o->trouble);
    else if (o->refused)
        printf("refused: its blocks are another graph\n");
    else if (o->compared)
        printf("logits %.1e, %d gradients %.1e (%s)\n", o->logits, o->compared, o->gradients, o->worst);
    else
        printf("logits %.1e\n", o->logits);
}

int main(int argc, char **argv)
{
    char dir[256], out[300];
    double logits = 0, gradients = 0;
    int compared = 0, refused = 0, failed = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: golden VIT FOLDER...\n");
        return 2;
    }
    tmp_create(dir, sizeof dir);
    snprintf(out, sizeof out, "%s/out.safetensors", dir);
    for (int i = 2; i < argc; i++) {
        struct outcome o = { 0 };
        size_t length = strlen(argv[i]);
        while (length > 1 && argv[i][length - 1] == '/') argv[i][--length] = '\0';
        check_folder(&o, argv[1], argv[i], out);
        report(name_of(argv[i]), &o);
        compared += !o.trouble[0] && !o.refused;
        refused += o.refused;
        failed += !passed(&o);
        logits = fmax(logits, o.logits);
        gradients = fmax(gradients, o.gradients);
    }
    tmp_remove(dir);
    printf("%d folders compared, %d refused as expected, %d failed; largest difference of logits %.1e, of "
           "gradients %.1e\n",
           compared, refused, failed, logits, gradients);
    return failed || !compared ? 1 : 0;
}
