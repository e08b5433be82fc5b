/* What vit probe measured, as JSON: a row for every condition, seed and block. */
#include "tools/out.h"
#include "tools/probe.h"
#include "vit/config_json.h"

#define BLOCK(field)   offsetof(struct vit_probe_block, field)
#define NETWORK(field) offsetof(struct vit_probe_network, field)

struct field {
    const char *name; /* in JSON */
    size_t at;        /* a double */
};
static const struct field BLOCK_FIELDS[] = {
    { "grad_q", BLOCK(grad[VIT_PROBE_Q]) },
    { "grad_k", BLOCK(grad[VIT_PROBE_K]) },
    { "grad_v", BLOCK(grad[VIT_PROBE_V]) },
    { "grad_o", BLOCK(grad[VIT_PROBE_O]) },
    { "grad_w1", BLOCK(grad[VIT_PROBE_W1]) },
    { "grad_w2", BLOCK(grad[VIT_PROBE_W2]) },
    { "middle_rms", BLOCK(middle_rms) },
    { "stream_rms", BLOCK(stream_rms) },
    { "stream_max", BLOCK(stream_max) },
    { "attn_branch_rms", BLOCK(branch_rms[VIT_PROBE_ATTN]) },
    { "mlp_branch_rms", BLOCK(branch_rms[VIT_PROBE_MLP]) },
    { "attn_share", BLOCK(share[VIT_PROBE_ATTN]) },
    { "mlp_share", BLOCK(share[VIT_PROBE_MLP]) },
    { "branch_share", BLOCK(branch_share) },
    { "token_cosine", BLOCK(token_cosine) },
    { "effective_rank", BLOCK(rank) },
    { "layer_cosine", BLOCK(layer_cosine) },
    { "step_change", BLOCK(step_change) },
    { "steps_change", BLOCK(steps_change) },
    { "entropy", BLOCK(entropy) },
    { "one_hot_heads", BLOCK(one_hot) },
    { "max_logit", BLOCK(max_logit) },
};
static const struct field NETWORK_FIELDS[] = {
    { "loss", NETWORK(loss) },
    { "entry_rms", NETWORK(entry_rms) },
    { "entry_cosine", NETWORK(entry_cosine) },
    { "entry_rank", NETWORK(entry_rank) },
    { "logits_change", NETWORK(logits_change) },
    { "logits_steps_change", NETWORK(logits_steps_change) },
};

static void add_fields(json_t *row, const struct field *fields, size_t count, const void *where)
{
    for (size_t i = 0; i < count; i++) {
        const double value = *(const double *)(const void *)((const char *)where + fields[i].at);
        json_object_set_new(row, fields[i].name, out_real(value));
    }
}

static json_t *reals(const double *values, int count)
{
    json_t *array = json_array();

    for (int i = 0; i < count; i++) json_array_append_new(array, out_real(values[i]));
    return array;
}

/* What was measured: the same in all rows of a network. */
static json_t *condition(const struct probe_cell *cell, const struct probe_found *f, int block)
{
    const struct vit_config *c = vit_model_config(f->model);
    const bool drawn = f->options->common.model == NULL;
    char norm[32];
    json_t *row =
        json_pack("{s:s, s:s, s:i, s:o, s:i}", "norm", vit_placement_text(&c->norm, norm, sizeof norm),
                  "init", cell->init, "depth", c->depth, "seed",
                  drawn ? json_integer((json_int_t)f->seed) : json_null(), "block", block);

    json_object_set_new(row, "model", drawn ? json_null() : out_text(f->options->common.model));
    json_object_set_new(row, "image", json_integer(c->image));
    json_object_set_new(row, "patch", json_integer(c->stem.patch)); /* 0: convolutions */
    json_object_set_new(row, "width", json_integer(c->width));
    json_object_set_new(row, "heads", json_integer(c->heads));
    json_object_set_new(row, "hidden", json_integer(c->hidden));
    json_object_set_new(row, "tokens", json_integer(vit_config_tokens(c)));
    json_object_set_new(row, "pool", json_string(vit_pool_name(c->pool)));
    json_object_set_new(row, "condition", out_text(cell->heading));
    json_object_set_new(row, "data", out_text(f->data->path));
    json_object_set_new(row, "pictures", json_integer(f->data->count));
    json_object_set_new(row, "lr", out_float(f->options->lr));
    json_object_set_new(row, "steps", json_integer(f->options->steps));
    return row;
}

bool probe_json(const struct probe_cell *cell, const struct probe_found *f)
{
    const struct vit_config *c = vit_model_config(f->model);

    for (int i = 0; i < c->depth; i++) {
        const struct vit_probe_block *b = vit_probe_block(f->probe, i);
        json_t *row = condition(cell, f, i);

        add_fields(row, BLOCK_FIELDS, VIT_COUNT(BLOCK_FIELDS), b);
        json_object_set_new(row, "head_entropy", reals(b->head_entropy, c->heads));
        json_object_set_new(row, "angle", reals(b->angle, i + 1));
        add_fields(row, NETWORK_FIELDS, VIT_COUNT(NETWORK_FIELDS), vit_probe_network(f->probe));
        if (!out_json(row)) return false;
    }
    return out_flush();
}
