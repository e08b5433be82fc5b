/* Fixed scales of int8 activations from pictures. */
#include "tools/convert.h"
#include "tools/eval.h"

struct looking {
    struct vit_calibration *calibration;
    struct vit_session *session;
    size_t n;
};

static void look(void *arg, const struct patch_batch *b)
{
    struct looking *l = arg;

    vit_calibration_add(l->calibration, l->session, b->planes, b->rows);
    l->n += (size_t)b->rows;
}

/* The pictures that training sees, where a data set tells; labels do not matter, nor that there are any. */
enum vit_status convert_open_pictures(struct convert_comparison *c, struct vit_error *err)
{
    const struct convert_options *o = c->options;
    const size_t limit = o->calibrate_limit ? (size_t)o->calibrate_limit : CONVERT_CALIBRATE;
    unsigned splits;
    enum vit_status status = patch_dataset_splits(&splits, o->calibrate, err);

    if (status == VIT_ERR_FORMAT) /* no data set: pictures */
        status = patch_dataset_files(&c->pictures, &o->calibrate, 1, err);
    else if (!status)
        status = patch_dataset_open(&c->pictures, o->calibrate,
                                    splits & 1u << PATCH_TRAIN ? PATCH_TRAIN : PATCH_ALL, err);
    if (!status && patch_dataset_count(c->pictures) > limit)
        status = patch_dataset_limit(c->pictures, limit, err);
    return status;
}

static enum vit_status look_at(struct convert_comparison *c, struct looking *l, struct vit_error *err)
{
    enum vit_status status = vit_model_takes_pictures(c->model[CONVERT_BEFORE], err);

    if (!status) status = vit_calibration_create(&l->calibration, c->model[CONVERT_BEFORE], err);
    if (!status) status = convert_pictures(c, c->pictures, "calibration", look, l, &c->uncalibrated, err);
    if (!status && !l->n)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: none of its pictures can be read", c->options->calibrate);
    return status;
}

/* Whether they are pictures to compare answers on: any fix scales, also of other classes than the model's. */
static enum vit_status match_pictures(bool *matched, struct convert_comparison *c, struct vit_error *err)
{
    const struct convert_options *o = c->options;
    const struct vit_model *m = c->model[CONVERT_BEFORE];
    const bool labelled = patch_dataset_classes(c->pictures) > 0;
    const enum vit_status status =
        labelled ? eval_try_labels(c->pictures, m, o->calibrate, &o->common, err) : VIT_OK;

    *matched = !status;
    if (status != VIT_ERR_UNSUPPORTED) return status;
    cmd_warn(&o->common, "%s: its classes are not those of %s: no answers are compared", o->calibrate,
             vit_model_path(m));
    return VIT_OK;
}

enum vit_status convert_calibrate(struct convert_comparison *c, struct vit_error *err)
{
    const struct vit_session_options options = { .batch = CONVERT_BATCH,
                                                 .threads = cmd_threads(&c->options->common) };
    struct looking l = { 0 };
    bool matched;
    enum vit_status status =
        vit_session_create(&c->session[CONVERT_BEFORE], c->model[CONVERT_BEFORE], &options, err);

    l.session = c->session[CONVERT_BEFORE];
    if (!status) status = look_at(c, &l, err);
    if (!status) vit_calibration_apply(l.calibration, c->model[CONVERT_BEFORE]);
    c->calibrated = l.n;
    vit_calibration_close(l.calibration);
    if (status || c->data) return status;
    status = match_pictures(&matched, c, err);
    if (!matched) return status;
    c->data = c->pictures;
    c->pictures = NULL;
    return VIT_OK;
}
