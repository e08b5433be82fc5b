/* What there is to say about a model. */
#include "tools/info.h"
#include "tools/out.h"
#include "tools/tree.h"
#include "vit/config_json.h"
#include "vit/json.h"
#include "vit/model.h"

int info_print(json_t *all, const struct info_options *o)
{
    if (o->common.json || !all) return out_json(all) ? CMD_DONE : CMD_SOME_FAILED;
    tree_print(all);
    json_decref(all);
    return CMD_DONE;
}

static json_t *describe_notes(const struct vit_model *m)
{
    json_t *list = json_array();
    bool warning;

    for (int i = 0; vit_model_note(m, i, &warning); i++)
        vit_json_append(&list, out_text(vit_model_note(m, i, &warning)));
    return list;
}

static json_t *describe_tensors(const struct vit_model *m)
{
    json_t *list = json_array();

    for (int i = 0; i < vit_model_parameter_count(m); i++) {
        const struct vit_parameter p = vit_model_parameter(m, i);
        json_t *shape;

        if (vit_model_may_lack(m, &m->slots[i])) continue;
        shape = json_array();
        for (int k = 0; k < p.rank; k++) vit_json_append(&shape, json_integer(p.shape[k]));
        vit_json_append(&list, json_pack("{s:o,s:o,s:b}", "name", out_text(p.name), "shape", shape,
                                         "weight_decay", p.decay));
    }
    return list;
}

static json_t *describe_session(const struct vit_session *s, bool training)
{
    json_t *pieces = json_array();
    const char *name;
    size_t bytes;

    for (int i = 0; vit_session_piece(s, i, &name, &bytes); i++)
        vit_json_append(&pieces, json_pack("{s:o,s:I}", "name", out_text(name), "bytes", (json_int_t)bytes));
    return json_pack("{s:i,s:i,s:b,s:I,s:o}", "batch", vit_session_batch(s), "threads",
                     vit_session_threads(s), "training", training, "bytes", (json_int_t)vit_session_bytes(s),
                     "pieces", pieces);
}

static enum vit_status add_memory(json_t **all, const struct vit_model *m, const struct info_options *o,
                                  struct vit_error *err)
{
    const struct vit_session_options options = { .batch = o->batch ? o->batch : 1,
                                                 .threads = cmd_threads(&o->common),
                                                 .training = o->training };
    struct vit_session *s;
    enum vit_status status = vit_session_create(&s, m, &options, err);

    if (status) return status;
    vit_json_put(all, "memory", describe_session(s, o->training));
    vit_session_close(s);
    return VIT_OK;
}

static json_t *describe_packing(const struct vit_model *m)
{
    bool in_place;
    const char *kernels = vit_model_packed(m, &in_place);

    if (!kernels) return json_null();
    return json_pack("{s:o,s:s,s:b}", "kernels", out_text(kernels), "dtype",
                     kern_dtype_name(m->packing.dtype), "in_place", in_place);
}

/* What the file holds: the classifier that stands in for one is not counted. */
static json_int_t count_parameters(const struct vit_model *m)
{
    size_t count = vit_model_parameters(m);

    for (int i = 0; i < m->slot_count; i++)
        if (vit_model_may_lack(m, &m->slots[i])) count -= m->slots[i].count;
    return (json_int_t)count;
}

enum { MOST_NAMES = 20 }; /* of classes, where not everything is wanted */

static json_t *describe_model(const struct vit_model *m, const struct info_options *o)
{
    struct vit_config c = *vit_model_config(m);
    const bool everything = o->common.json || o->common.verbose;
    const bool names = vit_model_has_labels(m) && (everything || c.classes <= MOST_NAMES);
    const char *const *labels = names ? vit_model_labels(m) : NULL;
    json_t *all;

    if (m->headless) c.classes = 0;
    all = json_pack("{s:o,s:s,s:I,s:o,s:i,s:s,s:o,s:o}", "model", out_text(vit_model_path(m)), "family",
                    vit_model_family(m), "parameters", count_parameters(m), "macs",
                    out_whole((uint64_t)vit_config_macs(&c)), "tokens", vit_config_tokens(&c), "kernels",
                    vit_model_kernels(m), "config", vit_config_to_json(&c, vit_model_recipe(m), labels),
                    "notes", describe_notes(m));
    vit_json_put(&all, "packed", describe_packing(m));
    vit_json_put(&all, "fixed_scales", json_integer(vit_model_fixed_scales(m)));
    if (all && everything) vit_json_put(&all, "tensors", describe_tensors(m));
    return all;
}

int info_model(const struct info_options *o)
{
    struct vit_model *m;
    struct cmd_common common = o->common;
    struct vit_error err;
    json_t *all;
    int code;

    common.headless = true;
    code = cmd_open_model(&m, &common, 0, o->training);

    if (code) return code;
    all = describe_model(m, o);
    if (all && o->memory && add_memory(&all, m, o, &err)) {
        json_decref(all);
        code = cmd_unusable(&err);
    } else {
        code = info_print(all, o);
    }
    vit_model_close(m);
    return code;
}
