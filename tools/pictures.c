#include "tools/pictures.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patch/walk.h"
#include "tools/out.h"
#include "tools/progress.h"

#define AT(field) (sizeof(struct cmd_common) + offsetof(struct pictures_options, field))
static const struct args_option ROWS[] = {
    CMD_BATCH_ROW(AT(batch), 4096, "16"),
    CMD_NO_EXIF_ROW(AT(no_exif), ""),
    CMD_MAX_PIXELS_ROW(AT(max_pixels)),
    CMD_SANDBOX_ROW(AT(sandbox)),
    CMD_CHECK_ROW(AT(check)),
};
const struct args_group pictures_group = { "Picture options", ROWS, VIT_COUNT(ROWS) };

struct run {
    const struct pictures_job *job;
    struct vit_session *session;
    struct patch_sandbox *sandbox; /* NULL: none */
    struct vit_trouble *trouble;   /* (batch), with --check */
    size_t done, failed;
    bool broken; /* stdout */
    bool cut;    /* by that, before the last picture */
};

static struct patch_decode decode_of(const struct run *r)
{
    struct patch_decode decode = cmd_decode(r->job->options.max_pixels, r->job->options.no_exif);

    decode.sandbox = r->sandbox;
    return decode;
}

static void emit(struct run *r, const struct pictures_result *result)
{
    r->done++;
    r->failed += result->err != NULL;
    if (!r->job->emit(r->job->state, result)) r->broken = true;
}

static void emit_failure(struct run *r, const char *file, const struct vit_error *err)
{
    emit(r, &(struct pictures_result){ .file = file, .err = err });
}

static const float *forward(struct run *r, const float *planes, int n)
{
    return r->trouble ? vit_forward_watched(r->session, planes, n, r->trouble)
                      : vit_forward(r->session, planes, n);
}

/* Pictures computed together where there are count of them. */
static int batch_of(const struct run *r, size_t count)
{
    const int most = r->job->options.batch;

    return count < (size_t)most ? (int)count : most;
}

static enum vit_status name_batch(const struct run *r, int batch, struct vit_error *err)
{
    const int side = vit_model_config(r->job->model)->image;
    char why[sizeof err->text];

    if (err->status != VIT_ERR_NOMEM) return err->status;
    snprintf(why, sizeof why, "%s", err->text);
    return vit_fail(err, VIT_ERR_NOMEM, "%.200s: %d picture%s of %d x %d pixels together: %.300s%s",
                    vit_model_path(r->job->model), batch, batch == 1 ? "" : "s", side, side, why,
                    batch == 1 ? "" : "; a smaller --batch needs less");
}

/* Unless there is one that takes as many. */
static enum vit_status open_session(struct run *r, size_t count, struct vit_error *err)
{
    const struct vit_session_options options = { .batch = batch_of(r, count),
                                                 .threads = cmd_threads(r->job->common) };

    if (r->session && vit_session_batch(r->session) >= options.batch) return VIT_OK;
    vit_session_close(r->session);
    return vit_session_create(&r->session, r->job->model, &options, err) ? name_batch(r, options.batch, err)
                                                                         : VIT_OK;
}

/* What went wrong in a row of the batch: seen on the way, with --check, or in what came out. */
static enum vit_status check_row(const struct run *r, int row, const struct pictures_result *result,
                                 const char *file, struct vit_error *err)
{
    const struct vit_model *m = r->job->model;
    enum vit_status status;

    if (r->trouble && r->trouble[row].found) return cmd_trouble(&r->trouble[row], file, err);
    status = cmd_check_answer(result->features, vit_features_width(m), file, err);
    return status ? status : cmd_check_answer(result->logits, vit_model_config(m)->classes, file, err);
}

/* ---- files through the loader ---- */

static void emit_batch(struct run *r, const struct patch_dataset *d, const struct patch_batch *b)
{
    const int classes = vit_model_config(r->job->model)->classes;
    const int width = vit_features_width(r->job->model);
    double start = progress_seconds();
    const float *logits = b->rows ? forward(r, b->planes, b->rows) : NULL;
    const float *features = b->rows ? vit_features(r->session) : NULL;
    double share = b->rows ? (progress_seconds() - start) / b->rows : 0;
    char name[4096];

    for (int i = 0; i < b->count && !r->broken; i++) {
        const struct patch_item *item = &b->items[i];
        const char *file = patch_dataset_name(d, item->index, name, sizeof name);
        struct pictures_result result = { .file = file };
        struct vit_error err;

        if (item->status) {
            emit_failure(r, file, &item->error);
            continue;
        }
        result.logits = logits + (size_t)item->row * classes;
        result.features = features + (size_t)item->row * width;
        result.decode = item->decode_seconds, result.prepare = item->prepare_seconds, result.forward = share;
        if (check_row(r, item->row, &result, file, &err))
            emit_failure(r, file, &err);
        else
            emit(r, &result);
    }
    if (!out_flush()) r->broken = true;
}

/* A session and a loader for its pictures. */
static enum vit_status open_loader(struct patch_loader **out, struct run *r, const struct patch_dataset *d,
                                   struct vit_error *err)
{
    struct patch_loader_options options = { .batch = batch_of(r, patch_dataset_count(d)),
                                            .decode = decode_of(r) };
    enum vit_status status = open_session(r, patch_dataset_count(d), err);

    if (status) return status;
    options.workers = vit_session_threads(r->session);
    status = patch_loader_create(out, d, vit_model_recipe(r->job->model), &options, err);
    return status ? name_batch(r, options.batch, err) : VIT_OK;
}

static int run_dataset(struct run *r, const struct patch_dataset *d)
{
    const struct cmd_common *o = r->job->common;
    const size_t count = patch_dataset_count(d), before = r->done;
    const struct patch_batch *b;
    struct patch_loader *loader;
    struct progress bar;
    struct vit_error err;

    if (open_loader(&loader, r, d, &err)) return cmd_unusable(&err);
    /* Results on the same terminal are progress enough. */
    progress_start(&bar, "pictures", count, count > 1 && !o->quiet && !isatty(STDOUT_FILENO));
    while (!r->broken && (b = patch_loader_next(loader))) {
        progress_clear(&bar);
        emit_batch(r, d, b);
        progress_update(&bar, r->done - before);
    }
    progress_clear(&bar);
    patch_loader_close(loader);
    if (r->done - before < count) r->cut = true;
    return CMD_DONE;
}

static int run_paths(struct run *r, char **paths, size_t count)
{
    struct patch_dataset *d;
    struct vit_error err;
    int code;

    if (patch_dataset_files(&d, (const char *const *)paths, count, &err)) return cmd_unusable(&err);
    code = r->job->output ? cmd_check_listed(r->job->output, 1, d) : CMD_DONE;
    if (!code) code = run_dataset(r, d);
    patch_dataset_close(d);
    return code;
}

/* ---- stdin ---- */

static enum vit_status one_picture(struct run *r, const unsigned char *bytes, size_t size,
                                   struct pictures_result *out, float *planes, unsigned char *pixels,
                                   struct vit_error *err)
{
    const struct patch_recipe *recipe = vit_model_recipe(r->job->model);
    const struct patch_decode decode = decode_of(r);
    struct patch_image image;
    double start = progress_seconds();
    enum vit_status status = patch_image_decode(&image, bytes, size, PICTURES_STDIN, &decode, err);

    if (status) return status;
    out->decode = progress_seconds() - start;
    start = progress_seconds();
    status = patch_prepare(pixels, &image, recipe, err);
    patch_image_free(&image);
    if (status) return status;
    patch_normalise(planes, pixels, recipe);
    out->prepare = progress_seconds() - start;
    start = progress_seconds();
    out->logits = forward(r, planes, 1);
    out->features = vit_features(r->session);
    out->forward = progress_seconds() - start;
    return check_row(r, 0, out, PICTURES_STDIN, err);
}

static void run_picture(struct run *r, const unsigned char *bytes, size_t size)
{
    const size_t floats = vit_model_input_floats(r->job->model);
    float *planes = malloc(floats * sizeof *planes);
    unsigned char *pixels = malloc(floats);
    struct pictures_result result = { .file = "-" };
    struct vit_error err;

    if (!planes || !pixels) {
        vit_fail(&err, VIT_ERR_NOMEM, PICTURES_STDIN ": cannot allocate %zu bytes", floats * sizeof *planes);
        emit_failure(r, "-", &err);
    } else if (open_session(r, 1, &err) || one_picture(r, bytes, size, &result, planes, pixels, &err)) {
        emit_failure(r, "-", &err);
    } else {
        emit(r, &result);
    }
    free(planes);
    free(pixels);
}

/* Cut text into lines in place: no line ends, no blank lines. NULL: no memory. */
static char **split_lines(char *text, size_t *count)
{
    size_t lines = 1, length;
    const char *rest = text, *line;
    char **list;

    for (const char *p = text; *p; p++) lines += *p == '\n';
    list = malloc(lines * sizeof *list);
    *count = 0;
    if (!list) return NULL;
    while ((line = vit_next_line(&rest, &length))) {
        list[*count] = text + (line - text);
        list[(*count)++][length] = '\0';
    }
    return list;
}

static int run_list(struct run *r, char *text)
{
    size_t count;
    char **paths = split_lines(text + vit_utf8_mark(text, strlen(text)), &count);
    struct vit_error err;
    int code = CMD_DONE;

    if (!paths) {
        cmd_error(PICTURES_STDIN ": cannot allocate a list of its lines");
        return CMD_UNUSABLE;
    }
    if (count) {
        code = run_paths(r, paths, count);
    } else {
        vit_fail(&err, VIT_ERR_FORMAT,
                 PICTURES_STDIN ": expected a picture, or paths, one a line, found blank lines");
        emit_failure(r, "-", &err);
    }
    free(paths);
    return code;
}

static const struct vit_error *refuse_bytes(struct vit_error *err)
{
    vit_fail(err, VIT_ERR_FORMAT,
             PICTURES_STDIN ": expected a picture, or paths, one a line, found a zero byte");
    return err;
}

static int run_stdin(struct run *r)
{
    struct vit_error err;
    size_t size;
    unsigned char *bytes = pictures_stdin(&size, &err);
    int code = CMD_DONE;

    if (!bytes)
        emit_failure(r, "-", &err);
    else if (patch_is_picture(bytes, size))
        run_picture(r, bytes, size);
    else if (memchr(bytes, '\0', size)) /* what is behind it would be passed over */
        emit_failure(r, "-", refuse_bytes(&err));
    else
        code = run_list(r, (char *)bytes);
    free(bytes);
    return code;
}

/* ---- all operands ---- */

static int run_operands(struct run *r, int count, char **operands)
{
    int code = CMD_DONE, i = 0;

    while (i < count && !code && !r->broken) {
        int first = i;
        while (i < count && strcmp(operands[i], "-") != 0) i++;
        if (i > first)
            code = run_paths(r, operands + first, (size_t)(i - first));
        else
            code = run_stdin(r), i++;
    }
    if (i < count) r->cut = true;
    return code;
}

/* With --check: the weights now, and room for what is found in pictures. */
static enum vit_status prepare_check(struct run *r, struct vit_error *err)
{
    const size_t batch = (size_t)r->job->options.batch;

    if (!r->job->options.check) return VIT_OK;
    r->trouble = calloc(batch, sizeof *r->trouble);
    if (!r->trouble) return vit_fail(err, VIT_ERR_NOMEM, "cannot allocate a list of %zu pictures", batch);
    return vit_model_check(r->job->model, err);
}

static enum vit_status prepare(struct run *r, struct vit_error *err)
{
    const struct pictures_job *job = r->job;
    enum vit_status status = vit_model_takes_pictures(job->model, err);

    if (!status) status = prepare_check(r, err);
    if (status) return status;
    return cmd_sandbox(&r->sandbox, job->options.sandbox, job->common, 0, job->options.max_pixels, err);
}

int pictures_run(const struct pictures_job *job, int count, char **operands)
{
    struct run r = { .job = job };
    struct vit_error err;
    const int code = prepare(&r, &err) ? cmd_unusable(&err) : run_operands(&r, count, operands);

    patch_sandbox_close(r.sandbox);
    vit_session_close(r.session);
    free(r.trouble);
    if (job->cut) *job->cut = r.cut;
    if (r.failed && !job->common->quiet) cmd_error("%zu of %zu pictures failed", r.failed, r.done);
    if (code) return code;
    return r.failed || r.broken ? CMD_SOME_FAILED : CMD_DONE;
}

static json_t *milliseconds(double seconds)
{
    return out_real(round(seconds * 1e6) / 1e3);
}

json_t *pictures_milliseconds(const struct pictures_result *r)
{
    return json_pack("{s:o,s:o,s:o}", "decode", milliseconds(r->decode), "preprocess",
                     milliseconds(r->prepare), "forward", milliseconds(r->forward));
}

bool pictures_emit_failure(const struct cmd_common *o, const struct pictures_result *r)
{
    if (!o->json) {
        cmd_error("%s", r->err->text);
        return true;
    }
    return out_json(cmd_failure_json(r->file, r->err));
}
