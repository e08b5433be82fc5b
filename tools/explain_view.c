/* The picture and its attention, once the network has seen it. */
#include "tools/explain_view.h"

#include <math.h>
#include <stdlib.h>

#include "tools/pictures.h"

/* ---- the maps ---- */

int explain_maps(const struct explain_view *v)
{
    return 1 + v->blocks.count * v->heads.count;
}

int explain_block(const struct explain_view *v, int i)
{
    return v->blocks.first + (i - 1) / v->heads.count;
}

int explain_head(const struct explain_view *v, int i)
{
    return v->heads.first + (i - 1) % v->heads.count;
}

const double *explain_map(const struct explain_view *v, int i)
{
    const double *map = i ? vit_attention_head(v->attention, explain_block(v, i), explain_head(v, i))
                          : vit_attention_rollout(v->attention);

    return map + vit_config_prefix(v->config);
}

void explain_map_name(char *text, size_t size, const struct explain_view *v, int i)
{
    if (i)
        snprintf(text, size, "block %d head %d", explain_block(v, i), explain_head(v, i));
    else
        snprintf(text, size, "rollout");
}

void explain_map_range(double *least, double *most, const struct explain_view *v, int i)
{
    const double *map = explain_map(v, i);
    const int cells = v->grid * v->grid;

    *least = INFINITY;
    *most = 0;
    for (int cell = 0; cell < cells; cell++) {
        *least = fmin(*least, map[cell] * v->tokens);
        *most = fmax(*most, map[cell] * v->tokens);
    }
}

/* ---- looking ---- */

/* The model's recipe at another size: the same part of the picture. A picture that the model sees squashed
 * gets its own shape back. */
static enum vit_status prepare_panel(struct explain_view *v, const struct patch_image *image,
                                     struct vit_error *err)
{
    struct patch_recipe r = *vit_model_recipe(v->model);
    const int side = v->side;
    struct patch_image square;
    enum vit_status status = patch_image_create(&square, side, side, err);
    double aspect = (double)image->width / image->height;

    if (status) return status;
    if (!r.squash) aspect = 1;
    r.size = side;
    status = patch_prepare(square.rgb, image, &r, err);
    if (!status)
        status = patch_resize(&v->panel, &square, (int)fmax(1, rint(side * fmin(1, aspect))),
                              (int)fmax(1, rint(side * fmin(1, 1 / aspect))), r.filter, err);
    patch_image_free(&square);
    return status;
}

/* What goes wrong in the attention makes the logits (classes) wrong too, and lies before them. */
static enum vit_status check_finite(const struct explain_view *v, const float *logits, struct vit_error *err)
{
    double sum = 0;

    /* A head that is not finite makes the rollout so too: it reads all of them. */
    for (int i = 0; i < v->tokens; i++) sum += vit_attention_rollout(v->attention)[i];
    if (isfinite(sum)) return cmd_check_answer(logits, v->config->classes, v->file, err);
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: attention is %g, expected finite numbers; vit classify --check says where they end",
                    v->file, sum);
}

static enum vit_status look(struct explain_view *v, const struct patch_image *image, struct vit_error *err)
{
    const struct patch_recipe *r = vit_model_recipe(v->model);
    const int classes = v->config->classes;
    const size_t values = (size_t)3 * (size_t)r->size * (size_t)r->size;
    unsigned char *pixels = malloc(values);
    float *planes = malloc(values * sizeof *planes), *score = malloc((size_t)classes * sizeof *score);
    const float *logits = NULL;
    enum vit_status status = pixels && planes && score
                                 ? VIT_OK
                                 : vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its pixels", v->file);

    if (!status) status = patch_prepare(pixels, image, r, err);
    if (!status) {
        patch_normalise(planes, pixels, r);
        logits = vit_attention_forward(v->attention, planes);
        status = check_finite(v, logits, err);
    }
    if (!status) {
        vit_softmax(score, logits, classes);
        vit_top(&v->class, score, classes, 1);
        v->score = score[v->class];
    }
    free(pixels);
    free(planes);
    free(score);
    return status;
}

enum vit_status explain_see(struct explain_view *v, struct vit_error *err)
{
    struct patch_image image;
    enum vit_status status = pictures_read(&image, v->file, &v->decode, err);

    if (status) return status;
    status = look(v, &image, err);
    if (!status && v->side) status = prepare_panel(v, &image, err);
    patch_image_free(&image);
    return status;
}
