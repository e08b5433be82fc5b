/* Networks whose answers are a part of what a run learns. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/train_parts.h"
#include "vit/random.h"

enum { MOST_TEACHERS = 16 };

struct teacher {
    struct vit_model *model;
    struct vit_session *session;
    int *class;               /* (classes of the run): which of its own each one is */
    float scale[3], shift[3]; /* from the run's planes to those it was trained on: scale x + shift */
};

struct train_teacher {
    struct teacher teacher[MOST_TEACHERS];
    int count, classes;
    size_t plane; /* pixels of one colour of a picture */
    float *room;  /* (TRAIN_EVAL_BATCH) pictures as one of them wants them */
    float *mean;  /* (batch, classes): the answer */
    char digest[TRAIN_DIGEST];
};

/* ---- which they are ---- */

static enum vit_status no_memory(struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_NOMEM, "--teacher: no memory for it");
}

/* *class = the only one of m's called name. */
static enum vit_status find_class(int *class, const struct vit_model *m, const char *name,
                                  struct vit_error *err)
{
    int found = 0;

    for (int i = 0; i < vit_model_config(m)->classes; i++) {
        if (strcmp(vit_model_labels(m)[i], name) != 0) continue;
        *class = i;
        found++;
    }
    if (found == 1) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "--teacher %s: expected one class called \"%s\", as the data set has it, found %s",
                    vit_model_path(m), name, found ? "several" : "none");
}

/* By name; in the order of the data set where it has no names. It may know others too. */
static enum vit_status match_classes(struct teacher *t, const struct patch_dataset *data,
                                     const struct cmd_common *common, struct vit_error *err)
{
    const struct vit_model *m = t->model;
    const int classes = patch_dataset_classes(data), known = vit_model_config(m)->classes;
    enum vit_status status = VIT_OK;

    t->class = calloc((size_t)classes, sizeof *t->class);
    if (!t->class) return no_memory(err);
    for (int i = 0; i < classes && !status; i++) {
        t->class[i] = i;
        if (vit_model_has_labels(m)) status = find_class(&t->class[i], m, patch_dataset_class(data, i), err);
    }
    if (status || vit_model_has_labels(m)) return status;
    if (known != classes)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "--teacher %s: has no label names and %d classes, the data set has %d",
                        vit_model_path(m), known, classes);
    cmd_warn(common, "--teacher %s: has no label names: its classes are taken in the order of the data set",
             vit_model_path(m));
    return VIT_OK;
}

/* (x s + m - m') / s' of what was normalised with m and s. */
static void set_normalisation(struct teacher *t, const struct patch_recipe *is)
{
    const struct patch_recipe *own = vit_model_recipe(t->model);

    for (int c = 0; c < 3; c++) {
        t->scale[c] = is->std[c] / own->std[c];
        t->shift[c] = (is->mean[c] - own->mean[c]) / own->std[c];
    }
}

static enum vit_status open_one(struct teacher *t, const char *path, const struct recipe *r,
                                const struct patch_dataset *data, const struct patch_recipe *pictures,
                                const struct cmd_common *common, struct vit_error *err)
{
    const int threads = cmd_threads(common);
    const struct vit_model_options o = { .kernels = common->kernels,
                                         .dtype = (enum kern_dtype)kern_dtype_from_name(r->dtype),
                                         .image = pictures->size,
                                         .threads = threads };
    const struct vit_session_options s = { .batch = TRAIN_EVAL_BATCH, .threads = threads };
    struct vit_error why;
    enum vit_status status = vit_model_open(&t->model, path, &o, &why);

    if (status) return vit_fail(err, status, "--teacher %s", why.text);
    cmd_say_notes(t->model, common);
    status = vit_model_takes_pictures(t->model, err);
    if (!status && data) status = match_classes(t, data, common, err);
    if (!status && data) status = vit_session_create(&t->session, t->model, &s, err);
    if (!status) set_normalisation(t, pictures);
    return status;
}

/* ---- whether they are still the same ---- */

static uint64_t mix_values(uint64_t hash, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = vit_key(hash, bits);
    }
    return hash;
}

/* What it is (layers, names of classes, mean and deviation), and its weights. */
static enum vit_status mix_model(uint64_t *hash, const struct vit_model *m, struct vit_error *err)
{
    const int count = vit_model_parameter_count(m);
    char *config = vit_model_config_text(m);
    size_t most = 1;
    float *values;

    if (!config) return no_memory(err);
    for (size_t i = 0; config[i]; i++) *hash = vit_key(*hash, (unsigned char)config[i]);
    free(config);
    for (int i = 0; i < count; i++)
        if (vit_model_parameter(m, i).count > most) most = vit_model_parameter(m, i).count;
    values = malloc(most * sizeof *values);
    if (!values) return no_memory(err);
    for (int i = 0; i < count; i++) {
        vit_model_read(m, i, values);
        *hash = mix_values(*hash, values, vit_model_parameter(m, i).count);
    }
    free(values);
    return VIT_OK;
}

static enum vit_status digest(struct train_teacher *t, struct vit_error *err)
{
    uint64_t hash = 0;
    enum vit_status status = VIT_OK;

    for (int i = 0; i < t->count && !status; i++) status = mix_model(&hash, t->teacher[i].model, err);
    snprintf(t->digest, sizeof t->digest, "%016" PRIx64, hash);
    return status;
}

const char *train_teacher_digest(const struct train_teacher *t)
{
    return t->digest;
}

/* ---- where they lie ---- */

/* Whether a run in folder, which replaces its model, would take one of them away. */
static bool is_model_of(const char *path, const char *folder)
{
    char place[PATH_MAX], own[PATH_MAX], model[PATH_MAX];

    if (!realpath(path, place) || !realpath(folder, own)) return false;
    return strcmp(place, own) == 0 || strcmp(place, train_path(model, own, TRAIN_MODEL)) == 0;
}

enum vit_status train_teacher_spare(const struct train_teacher *t, const char *folder, struct vit_error *err)
{
    for (int i = 0; t && i < t->count; i++) {
        const char *path = vit_model_path(t->teacher[i].model);
        if (is_model_of(path, folder))
            return vit_fail(err, VIT_ERR_ARG,
                            "--teacher %s: is the network that the run in %s replaces, expected it elsewhere",
                            path, folder);
    }
    return VIT_OK;
}

/* ---- opening ---- */

/* Those that names, "A+B", has. */
static enum vit_status open_all(struct train_teacher *t, char *names, const struct recipe *r,
                                const struct patch_dataset *data, const struct patch_recipe *pictures,
                                const struct cmd_common *common, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (const char *name; !status && (name = cmd_next_model(&names));) {
        if (!*name)
            return vit_fail(err, VIT_ERR_ARG, "--teacher: expected a network on each side of +, found \"%s\"",
                            r->teacher);
        if (t->count == MOST_TEACHERS)
            return vit_fail(err, VIT_ERR_ARG, "--teacher: expected at most %d networks, found more",
                            MOST_TEACHERS);
        status = open_one(&t->teacher[t->count++], name, r, data, pictures, common, err);
    }
    return status;
}

static enum vit_status make_room(struct train_teacher *t, int batch, const struct patch_recipe *pictures,
                                 struct vit_error *err)
{
    t->plane = (size_t)pictures->size * (size_t)pictures->size;
    t->room = malloc(TRAIN_EVAL_BATCH * 3 * t->plane * sizeof *t->room);
    t->mean = malloc((size_t)batch * (size_t)t->classes * sizeof *t->mean);
    return t->room && t->mean ? VIT_OK : no_memory(err);
}

enum vit_status train_teacher_open(struct train_teacher **out, const struct recipe *r,
                                   const struct patch_dataset *data, const struct patch_recipe *pictures,
                                   const struct cmd_common *common, struct vit_error *err)
{
    struct train_teacher *t;
    char *names;
    enum vit_status status = VIT_OK;

    *out = NULL;
    if (!r->teacher) return VIT_OK;
    t = calloc(1, sizeof *t);
    names = strdup(r->teacher);
    if (!t || !names) status = no_memory(err);
    if (!status) {
        t->classes = data ? patch_dataset_classes(data) : 0;
        status = open_all(t, names, r, data, pictures, common, err);
    }
    if (!status && data) status = make_room(t, r->batch, pictures, err);
    if (!status) status = digest(t, err);
    free(names);
    if (status)
        train_teacher_close(t);
    else
        *out = t;
    return status;
}

enum vit_status train_teacher_check(const struct train_job *job, const struct train_saved *saved,
                                    struct vit_error *err)
{
    struct train_teacher *t = NULL;
    struct recipe_base base;
    bool found;
    enum vit_status status = train_state_base(&base, &found, job, err);

    if (!status) status = train_teacher_open(&t, &job->recipe, NULL, &base.pictures, job->common, err);
    if (!status)
        status = train_again_teacher(job->recipe.teacher, t->digest, saved->texts.text[RECIPE_TEACHER],
                                     saved->teacher, "run", job->out, err);
    train_teacher_close(t);
    return status;
}

void train_teacher_close(struct train_teacher *t)
{
    for (int i = 0; t && i < t->count; i++) {
        vit_session_close(t->teacher[i].session);
        vit_model_close(t->teacher[i].model);
        free(t->teacher[i].class);
    }
    if (!t) return;
    free(t->room);
    free(t->mean);
    free(t);
}

double train_teacher_macs(const struct train_teacher *t)
{
    double macs = 0;

    for (int i = 0; t && i < t->count; i++) macs += vit_config_macs(vit_model_config(t->teacher[i].model));
    return macs;
}

/* ---- asking ---- */

/* to += share softmax of the logits of these classes alone. */
static void add_answer(float *to, const float *logits, const int *class, int classes, double share)
{
    double most = -INFINITY, sum = 0;

    for (int i = 0; i < classes; i++) most = fmax(most, (double)logits[class[i]]);
    for (int i = 0; i < classes; i++) sum += exp((double)logits[class[i]] - most);
    for (int i = 0; i < classes; i++) to[i] += (float)(share * exp((double)logits[class[i]] - most) / sum);
}

static const float *normalise(const struct train_teacher *t, const struct teacher *one, const float *planes,
                              int n)
{
    for (size_t i = 0; i < (size_t)n * 3; i++) {
        const float scale = one->scale[i % 3], shift = one->shift[i % 3];
        for (size_t p = 0; p < t->plane; p++)
            t->room[i * t->plane + p] = scale * planes[i * t->plane + p] + shift;
    }
    return t->room;
}

static enum vit_status ask(struct train_teacher *t, const struct teacher *one, const float *planes, int n,
                           float *to, struct vit_error *err)
{
    const int own = vit_model_config(one->model)->classes;
    const float *logits = vit_forward(one->session, normalise(t, one, planes, n), n);
    struct vit_error why;

    if (cmd_check_answer(logits, n * own, vit_model_path(one->model), &why))
        return vit_fail(err, why.status, "--teacher %s", why.text);
    for (int i = 0; i < n; i++)
        add_answer(to + (size_t)i * (size_t)t->classes, logits + (size_t)i * (size_t)own, one->class,
                   t->classes, 1.0 / t->count);
    return VIT_OK;
}

enum vit_status train_teacher_ask(const float **answer, struct train_teacher *t, const float *planes, int n,
                                  struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    *answer = t ? t->mean : NULL;
    if (!t) return VIT_OK;
    memset(t->mean, 0, (size_t)n * (size_t)t->classes * sizeof *t->mean);
    for (int first = 0; first < n; first += TRAIN_EVAL_BATCH) {
        const int part = n - first < TRAIN_EVAL_BATCH ? n - first : TRAIN_EVAL_BATCH;
        for (int i = 0; i < t->count && !status; i++)
            status = ask(t, &t->teacher[i], planes + (size_t)first * 3 * t->plane, part,
                         t->mean + (size_t)first * (size_t)t->classes, err);
    }
    return status;
}
