/* The mean of the weights of several networks. */
#include <stdlib.h>
#include <string.h>

#include "vit/config_json.h"
#include "vit/model.h"
#include "vit/train.h"

/* What is not of one kind in both would be a mean of different things. */
static enum vit_status check_configuration(const struct vit_model *m, const struct vit_model *with,
                                           struct vit_error *err)
{
    json_t *is = vit_config_to_json(&m->config, &m->recipe, NULL);
    json_t *its = vit_config_to_json(&with->config, &with->recipe, NULL);
    enum vit_status status = VIT_OK;
    const char *key;
    json_t *value;

    if (!is || !its) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its configuration", with->path);
    json_object_foreach(is, key, value)
    {
        if (status || json_equal(value, json_object_get(its, key))) continue;
        status = vit_fail(err, VIT_ERR_ARG, "%s: expected the configuration of %s, found another \"%s\"",
                          with->path, m->path, key);
    }
    json_decref(is);
    json_decref(its);
    return status;
}

static enum vit_status check_labels(const struct vit_model *m, const struct vit_model *with,
                                    struct vit_error *err)
{
    if (m->headless != with->headless)
        return vit_fail(err, VIT_ERR_ARG, "%s: %s a head, unlike %s", with->path,
                        with->headless ? "has not" : "has", m->path);
    for (int i = 0; m->has_labels && with->has_labels && i < m->config.classes; i++)
        if (strcmp(m->labels[i], with->labels[i]) != 0)
            return vit_fail(err, VIT_ERR_ARG, "%s: expected \"%s\" as class %d, as in %s, found \"%s\"",
                            with->path, m->labels[i], i, m->path, with->labels[i]);
    return VIT_OK;
}

/* Statistics of what comes before them, which is of each network's own: of the mean nobody has taken any. */
static enum vit_status check_statistics(const struct vit_model *m, struct vit_error *err)
{
    for (int i = 0; i < m->slot_count; i++)
        if (m->slots[i].buffer)
            return vit_fail(err, VIT_ERR_UNSUPPORTED,
                            "%s: has running statistics (%s), which a mean of networks has not", m->path,
                            m->slots[i].name);
    return VIT_OK;
}

/* sum, room (the numbers of the largest slot). */
static void average_slot(struct vit_model *m, int i, const struct vit_model *const *with, int count,
                         double *sum, float *room)
{
    const size_t n = m->slots[i].count;
    float *to = *vit_slot_pointer(&m->params, &m->slots[i]);

    for (size_t j = 0; j < n; j++) sum[j] = (double)to[j];
    for (int k = 0; k < count; k++) {
        vit_model_read(with[k], i, room);
        for (size_t j = 0; j < n; j++) sum[j] += (double)room[j];
    }
    for (size_t j = 0; j < n; j++) to[j] = (float)(sum[j] / (count + 1));
}

enum vit_status vit_model_average(struct vit_model *m, const struct vit_model *const *with, int count,
                                  struct vit_error *err)
{
    const struct kern_ctx alone = { .k = &m->kern, .threads = 1 };
    size_t most = 1;
    double *sum;
    float *room;
    enum vit_status status = VIT_OK;

    if (!m->trainable) return vit_fail(err, VIT_ERR_ARG, "%s: was not opened for training", m->path);
    status = check_statistics(m, err);
    for (int k = 0; k < count && !status; k++) {
        status = check_configuration(m, with[k], err);
        if (!status) status = check_labels(m, with[k], err);
    }
    if (status) return status;
    for (int i = 0; i < m->slot_count; i++)
        if (m->slots[i].count > most) most = m->slots[i].count;
    sum = calloc(most, sizeof *sum);
    room = calloc(most, sizeof *room);
    if (!sum || !room) status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for a mean", m->path);
    for (int i = 0; i < m->slot_count && !status; i++) average_slot(m, i, with, count, sum, room);
    if (!status) vit_model_pack(m, &alone);
    free(sum);
    free(room);
    return status;
}
