/* What vit probe measured, as JSON: a row for every condition, seed and block. */
#include "tools/out.h"
#include "tools/probe.h"
#include "vit/config_json.h"
#include "vit/json.h"

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

static void add_fields(json_t **row, const struct field *fields, size_t count, const void *where)
{
    for (size_t i = 0; i < count; i++) {
        const double value = *(const double *)(const void *)((const char *)where + fields[i].at);
        vit_json_put(row, fields[i].name, out_real(value));
    }
}

static json_t *reals(const double *values, int count)
{
    json_t *array = json_array();

    for (int i = 0; i < count; i++) vit_json_append(&array, out_real(values[i]));
    return array;
}

/* Where the norms stand and what was drawn, as far as the row's first keys do not say it: rows that differ in
 * it are of different networks. */
static void add_settings(json_t **row, const struct vit_norm_config *norm, const struct recipe *drawn)
{
    vit_json_put(row, "norm_kind", json_string(kern_norm_kind_name(norm->kind)));
    vit_json_put(row, "qk_norm", json_boolean(norm->qk));
    vit_json_put(row, "embed_norm", json_boolean(norm->embed));
    vit_json_put(row, "final_norm", json_boolean(norm->final));
    vit_json_put(row, "out_gain", drawn ? out_float(drawn->out_gain) : json_null());
    vit_json_put(row, "position_std", drawn ? out_float(drawn->position_std) : json_null());
    vit_json_put(row, "layer_scale", drawn ? out_float(drawn->layer_scale) : json_null());
    vit_json_put(row, "zero_head", drawn ? json_boolean(drawn->zero_head) : json_null());
}

/* A text that was given, or null. */
static json_t *given(const char *text)
{
    return text ? out_text(text) : json_null();
}

/* What was measured: the same in all rows of a network. */
static json_t *condition(const struct probe_cell *cell, const struct probe_found *f, int block)
{
    const struct vit_config *c = vit_model_config(f->model);
    const bool drawn = f->options->common.model == NULL, seeded = drawn || f->options->noise;
    char norm[32];
    json_t *row = json_pack("{s:s, s:s, s:i, s:o, s:i}", "norm",
                            vit_placement_text(&c->norm, norm, sizeof norm), "init", cell->init, "depth",
                            c->depth, "seed", seeded ? out_whole(f->seed) : json_null(), "block", block);

    vit_json_put(&row, "model", given(f->options->common.model));
    vit_json_put(&row, "preset", given(cell->texts.text[RECIPE_PRESET]));
    vit_json_put(&row, "image", json_integer(c->image));
    vit_json_put(&row, "stem", given(drawn ? recipe_stem_name(&c->stem) : NULL));
    vit_json_put(&row, "patch", json_integer(c->stem.patch)); /* 0: convolutions */
    vit_json_put(&row, "width", json_integer(c->width));
    vit_json_put(&row, "heads", json_integer(c->heads));
    vit_json_put(&row, "hidden", json_integer(c->hidden));
    vit_json_put(&row, "tokens", json_integer(vit_config_tokens(c)));
    vit_json_put(&row, "pool", json_string(vit_pool_name(c->pool)));
    add_settings(&row, &c->norm, drawn ? &cell->recipe : NULL);
    vit_json_put(&row, "condition", out_text(cell->heading));
    vit_json_put(&row, "data", out_text(f->data->path));
    vit_json_put(&row, "split", given(f->options->split));
    vit_json_put(&row, "pictures", json_integer(f->data->count));
    vit_json_put(&row, "labels_in_turn", json_boolean(f->data->in_turn));
    vit_json_put(&row, "lr", out_float(f->options->lr));
    vit_json_put(&row, "steps", json_integer(f->options->steps));
    vit_json_put(&row, "batch", json_integer(f->options->batch));
    vit_json_put(&row, "dtype", json_string(kern_dtype_name(vit_model_dtype(f->model))));
    vit_json_put(&row, "kernels", given(f->options->common.kernels));
    return row;
}

bool probe_json(const struct probe_cell *cell, const struct probe_found *f)
{
    const struct vit_config *c = vit_model_config(f->model);

    for (int i = 0; i < c->depth; i++) {
        const struct vit_probe_block *b = vit_probe_block(f->probe, i);
        json_t *row = condition(cell, f, i);

        add_fields(&row, BLOCK_FIELDS, VIT_COUNT(BLOCK_FIELDS), b);
        vit_json_put(&row, "head_entropy", reals(b->head_entropy, c->heads));
        vit_json_put(&row, "angle", reals(b->angle, i + 1));
        add_fields(&row, NETWORK_FIELDS, VIT_COUNT(NETWORK_FIELDS), vit_probe_network(f->probe));
        if (!out_json(row)) return false;
    }
    return out_flush();
}
