/* Names of classes, as configurations have them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/dialects.h"
#include "vit/json.h"

/* timm's _parse_model_cfg(): the outer names first; before there was a pretrained_cfg they were "labels". */
const json_t *vit_foreign_labels(const json_t *o)
{
    const json_t *cfg = vit_json_get(o, "pretrained_cfg"), *labels = vit_json_get(o, "label_names");

    if (!labels && cfg) labels = vit_json_get(cfg, "label_names");
    if (!labels && !cfg && vit_json_get(o, "architecture")) labels = vit_json_get(o, "labels");
    return labels ? labels : vit_json_get(o, "id2label");
}

/* The label of class i; of one that is a number text receives the digits. NULL: there is none. */
static const char *label_at(const json_t *labels, int i, char text[32])
{
    const json_t *label;

    snprintf(text, 32, "%d", i);
    label = json_is_array(labels) ? json_array_get(labels, (size_t)i) : json_object_get(labels, text);
    if (!json_is_integer(label)) return json_string_value(label);
    snprintf(text, 32, "%lld", (long long)json_integer_value(label));
    return text;
}

enum vit_status vit_read_labels(struct vit_model *m, const json_t *labels, const char *where,
                                struct vit_error *err)
{
    const size_t count = json_is_array(labels) ? json_array_size(labels) : json_object_size(labels);

    if (!labels || json_is_null(labels)) return VIT_OK;
    if (!json_is_array(labels) && !json_is_object(labels))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: labels must be an array or an object", where);
    if (count != (size_t)m->config.classes)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: %zu labels, but the model has %d classes", where, count,
                        m->config.classes);
    for (int i = 0; i < m->config.classes; i++) {
        char digits[32];
        const char *text = label_at(labels, i, digits);
        if (!text) return vit_fail(err, VIT_ERR_FORMAT, "%s: no label for class %d", where, i);
        free(m->labels[i]);
        m->labels[i] = strdup(text);
        if (!m->labels[i]) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot keep the labels", where);
    }
    m->has_labels = true;
    return VIT_OK;
}

static void free_labels(char **labels, int count)
{
    for (int i = 0; labels && i < count; i++) free(labels[i]);
    free(labels);
}

enum vit_status vit_model_set_labels(struct vit_model *m, const char *const *labels, struct vit_error *err)
{
    const int classes = m->config.classes;
    char **copy = calloc((size_t)classes, sizeof *copy);
    enum vit_status status = VIT_OK;

    for (int i = 0; copy && i < classes && !status; i++) {
        copy[i] = strdup(labels[i]);
        if (!copy[i])
            status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot keep the labels", m->path);
        else if (!vit_is_utf8(labels[i])) /* in JSON, where a model is saved */
            status =
                vit_fail(err, VIT_ERR_ARG, "%s: label %d must be UTF-8, found \"%s\"", m->path, i, labels[i]);
    }
    if (!copy) status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot keep the labels", m->path);
    free_labels(status ? copy : m->labels, classes);
    if (status) return status;
    m->labels = copy;
    m->has_labels = true;
    return VIT_OK;
}
