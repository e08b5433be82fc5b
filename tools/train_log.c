/* log.jsonl: appended line by line, each by one write. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "tools/lines.h"
#include "tools/out.h"
#include "tools/train_parts.h"
#include "vit/json.h"

static enum vit_status refused(const struct train *t, const char *what, struct vit_error *err)
{
    char path[PATH_MAX];

    return vit_fail(err, VIT_ERR_IO, "%s: cannot be %s: %s", train_path(path, t->job->out, TRAIN_LOG), what,
                    strerror(errno));
}

enum vit_status train_log_open(struct train *t, struct vit_error *err)
{
    const enum vit_status status = train_folder_lock(&t->log, t->job->out, TRAIN_LOG, "run", err);

    t->goes_on = !status && t->job->resume && train_folder_has(t->job->out, TRAIN_STATE);
    return status;
}

enum vit_status train_log_trim(struct train *t, int64_t bytes, struct vit_error *err)
{
    const off_t size = lseek(t->log, 0, SEEK_END);
    char path[PATH_MAX];

    if (size < 0 || (size > bytes && ftruncate(t->log, (off_t)bytes))) return refused(t, "shortened", err);
    if (size >= bytes) return VIT_OK;
    train_path(path, t->job->out, TRAIN_LOG);
    cmd_warn(t->job->common, "%s: %lld bytes, %lld when the state was saved: lines are lost", path,
             (long long)size, (long long)bytes);
    return lines_cut(t->log, path, err);
}

enum vit_status train_log_sync(struct train *t, int64_t *bytes, struct vit_error *err)
{
    const off_t size = lseek(t->log, 0, SEEK_END);

    if (size < 0 || (fsync(t->log) && errno != EINVAL)) return refused(t, "synced", err);
    *bytes = size;
    return VIT_OK;
}

enum vit_status train_log_kept(const struct train *t, struct vit_error *err)
{
    return train_folder_kept(t->job->out, TRAIN_LOG, t->log, "run", err);
}

/* n 0 or NULL: null. */
static void add_score(json_t **line, const char *loss, const char *top1, const struct train_score *s)
{
    const bool known = s && s->n;

    vit_json_put(line, loss, known ? out_real(s->loss) : json_null());
    vit_json_put(line, top1, known ? out_real(s->top1) : json_null());
}

static json_t *json_of(const struct train *t, const struct train_line *l)
{
    const struct recipe *r = t->recipe;
    json_t *line = json_pack("{s:s, s:s?, s:s, s:i, s:o, s:i, s:s, s:o, s:i, s:i}", "kind", l->kind, "cell",
                             t->job->cell, "norm", t->placement, "depth", vit_model_config(t->model)->depth,
                             "lr", out_float(r->lr), "warmup", t->hyper.warmup, "init", r->init, "seed",
                             out_whole(r->seed), "epoch", t->epoch + 1, "step", l->step);

    if (!line) return NULL;
    vit_json_put(&line, "train_loss", out_real(l->train_loss));
    vit_json_put(&line, "train_top1", out_real(l->train_top1));
    add_score(&line, "val_loss", "val_top1", l->val);
    if (r->ema > 0) add_score(&line, "raw_val_loss", "raw_val_top1", l->raw);
    vit_json_put(&line, "grad_norm", out_real(l->grad_norm));
    vit_json_put(&line, "lr_now", out_float(l->lr));
    vit_json_put(&line, "images_per_second", out_real(train_rate(t)));
    vit_json_put(&line, "diverged", json_boolean(l->diverged));
    return line;
}

enum vit_status train_log_write(struct train *t, const struct train_line *l, struct vit_error *err)
{
    json_t *line = json_of(t, l);
    char path[PATH_MAX];
    const enum vit_status status = lines_put(t->log, train_path(path, t->job->out, TRAIN_LOG), line, err);

    json_decref(line);
    return status;
}
