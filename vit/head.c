/* A classifier of another name than the family's, or of another kind. */
#include <stdio.h>
#include <string.h>

#include "vit/dialects.h"

static const char *const PARTS[] = { "head", "classifier", "fc" };

/* Whether tensor i, which was not asked for, is of what may be a classifier. */
static bool is_of_head(const struct weights_view *v, size_t i)
{
    const char *name = weights_at(weights_view_file(v), i)->name;
    bool block = false;

    weights_view_name(v, i, &block);
    if (block || weights_view_used(v, i) || weights_view_ignorable(v, i)) return false;
    for (size_t j = 0; j < VIT_COUNT(PARTS); j++)
        if (strstr(name, PARTS[j])) return !strstr(name, "fc_norm.");
    return false;
}

/* The first matrix of what may be a classifier; NULL: none. */
static const struct weights_tensor *other_head(const struct weights_view *v)
{
    const struct weights_file *f = weights_view_file(v);

    for (size_t i = 0; i < weights_count(f); i++)
        if (weights_at(f, i)->rank == 2 && is_of_head(v, i)) return weights_at(f, i);
    return NULL;
}

/* Where in its name, n characters, the layer's own begins: "fc" in "model.fc", "head" in "heads.head.1", the
 * second of a Sequential of which the first has no tensors. n: it is no layer's that is known. */
static size_t layer_of(const char *name, size_t n)
{
    size_t end = n, start;

    if (end > 2 && name[end - 2] == '.' && (name[end - 1] == '0' || name[end - 1] == '1')) end -= 2;
    for (start = end; start && name[start - 1] != '.';) start--;
    for (size_t i = 0; i < VIT_COUNT(PARTS); i++)
        if (strlen(PARTS[i]) == end - start && !strncmp(name + start, PARTS[i], end - start)) return start;
    return n;
}

/* What stands before the layer stands before the trunk too: "model." of "model.fc" and
 * "model.backbone.blocks". torchvision's lies among others. */
static bool beside_trunk(const struct weights_view *v, const char *name, size_t start)
{
    static const char AMONG[] = "heads.";
    const char *prefix, *other;
    size_t n;

    weights_view_copies(v, &prefix, &other);
    n = strlen(prefix);
    if (start <= n) return !strncmp(prefix, name, start);
    return !strncmp(prefix, name, n) && start == n + strlen(AMONG) &&
           !strncmp(name + n, AMONG, strlen(AMONG));
}

/* Nothing else of a classifier is in the file. */
static bool alone(const struct weights_view *v, const struct weights_tensor *weight,
                  const struct weights_tensor *bias)
{
    const struct weights_file *f = weights_view_file(v);

    for (size_t i = 0; i < weights_count(f); i++)
        if (weights_at(f, i) != weight && weights_at(f, i) != bias && is_of_head(v, i)) return false;
    return true;
}

bool vit_infer_other_head(struct vit_model *m, struct weights_view *v)
{
    static const char WEIGHT[] = ".weight";
    const struct weights_tensor *weight = other_head(v), *bias;
    const size_t size = weight ? strlen(weight->name) : 0, n = size - strlen(WEIGHT);
    char name[512];
    size_t start;

    if (size <= strlen(WEIGHT) || size >= sizeof name || strcmp(weight->name + n, WEIGHT)) return false;
    start = layer_of(weight->name, n);
    if (start == n || !beside_trunk(v, weight->name, start)) return false;
    snprintf(name, sizeof name, "%.*s.bias", (int)n, weight->name);
    bias = weights_find(weights_view_file(v), name);
    if (!bias || bias->rank != 1 || bias->shape[0] != weight->shape[0]) return false;
    if (weight->shape[1] != m->config.width || !alone(v, weight, bias)) return false;
    weights_view_set_head(v, weight, bias);
    vit_model_say(m, true, "%s: \"%.*s\" is taken for its classifier, with nothing but a dropout before it",
                  m->path, (int)n, weight->name);
    return true;
}

enum vit_status vit_check_headless(const struct vit_model *m, const struct weights_view *v,
                                   struct vit_error *err)
{
    const struct weights_tensor *t = other_head(v);
    char shape[128];

    if (t)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: its classifier is of another kind (\"%s\" %s): expected one linear layer, a "
                        "tensor such as \"head.weight\" of shape [classes, width], and of other names a bias "
                        "too and nothing beside them",
                        m->path, t->name, weights_shape_text(t, shape, sizeof shape));
    if (m->headless) return VIT_OK;
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: holds no classifier, only what comes before one: expected a tensor such as "
                    "\"head.weight\" of shape [classes, width]",
                    m->path);
}
