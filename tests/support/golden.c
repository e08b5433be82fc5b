#include "tests/support/golden.h"

#include <dirent.h>
#include <sys/stat.h>

#include "tests/support/test.h"

static const char ROOT[] = "tests/data/golden";

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int golden_list(char names[][64], int most)
{
    DIR *d = opendir(ROOT);
    struct dirent *e;
    int count = 0;

    if (!d) fail_msg("%s: cannot be listed", ROOT);
    while ((e = readdir(d)) && count < most) {
        char path[1024];
        struct stat s;
        snprintf(path, sizeof path, "%s/%s/expect.safetensors", ROOT, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &s)) continue;
        snprintf(names[count++], 64, "%.63s", e->d_name);
    }
    closedir(d);
    qsort(names, (size_t)count, sizeof *names, by_name);
    return count;
}

static float *read_floats(struct golden *g, const char *name, int64_t *shape)
{
    const struct weights_tensor *t = weights_find(g->expect, name);
    struct vit_error err;
    float *values;

    if (!t) return NULL;
    values = malloc((t->count + 1) * sizeof *values);
    assert_ok(weights_read_f32(t, name, values, &err), &err);
    if (shape) memcpy(shape, t->shape, sizeof t->shape);
    return values;
}

static void read_labels(struct golden *g)
{
    const struct weights_tensor *t = weights_find(g->expect, "labels");
    struct vit_error err;
    int64_t wide[64];
    float *loss = read_floats(g, "loss", NULL);

    if (!t || !loss || t->count > 64) return free(loss);
    assert_ok(weights_read_i64(t, "labels", wide, &err), &err);
    g->labels = calloc(t->count, sizeof *g->labels);
    for (size_t i = 0; i < t->count; i++) g->labels[i] = (int)wide[i];
    g->loss = (double)loss[0];
    free(loss);
}

void golden_open(struct golden *g, const char *name, const struct vit_model_options *o, bool training)
{
    struct vit_model_options options = o ? *o : (struct vit_model_options){ 0 };
    int64_t shape[WEIGHTS_RANK] = { 0 };
    char path[600];
    struct vit_error err;

    *g = (struct golden){ 0 };
    snprintf(g->path, sizeof g->path, "%s/%s", ROOT, name);
    snprintf(path, sizeof path, "%s/expect.safetensors", g->path);
    assert_ok(weights_open(&g->expect, path, &err), &err);
    g->input = read_floats(g, "input", shape);
    g->logits = read_floats(g, "logits", NULL);
    assert_non_null(g->input);
    g->n = (int)shape[0];
    g->image = (int)shape[2];
    read_labels(g);
    options.image = g->image;
    options.trainable = training;
    assert_ok(vit_model_open(&g->model, g->path, &options, &err), &err);
    assert_ok(vit_session_create(&g->session, g->model,
                                 &(struct vit_session_options){ .batch = g->n, .training = training }, &err),
              &err);
    assert_ok(weights_open(&g->file, vit_model_path(g->model), &err), &err);
    assert_ok(weights_view_open(&g->view, g->file, &err), &err);
}

void golden_close(struct golden *g)
{
    vit_session_close(g->session);
    vit_model_close(g->model);
    weights_view_close(g->view);
    weights_close(g->file);
    weights_close(g->expect);
    free(g->input);
    free(g->logits);
    free(g->labels);
}

double golden_error(const float *a, const float *b, size_t count)
{
    double most = 1e-9; /* what is zero by theory (a softmax's bias) is noise of 1e-18 in float64 */
    size_t at;

    for (size_t i = 0; i < count; i++) most = fmax(most, fabs((double)b[i]));
    return test_largest_difference(a, b, count, &at) / most;
}

/* The expected gradient of part i of a tensor, made to look like the file's own tensor. */
static const struct weights_tensor *gradient_of(struct golden *g, const struct weights_tensor *part)
{
    char name[256];

    snprintf(name, sizeof name, "grad.%s", part->name);
    return weights_find(g->expect, name);
}

float *golden_gradient(struct golden *g, int i)
{
    const struct vit_parameter p = vit_model_parameter(g->model, i);
    struct weights_source s = weights_view_find(g->view, p.name);
    struct vit_error err;
    float *values;

    for (int part = 0; part < s.parts; part++) {
        s.part[part] = gradient_of(g, s.part[part]);
        if (!s.part[part]) return NULL;
    }
    if (!s.parts) return NULL;
    values = malloc(p.count * sizeof *values);
    assert_ok(weights_source_read(&s, g->path, values, &err), &err);
    return values;
}
