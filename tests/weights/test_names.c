#include "tests/weights/make.h"

/* ---- names: files that are only a header ---- */

/* One canonical tensor and where a family keeps it; file: up to three names joined by "+". */
struct pair {
    const char *canonical, *file;
};

struct family {
    enum weights_family family;
    int depth;
    const char *more; /* tensors that are in the file beside those of the pairs, joined by "+" */
    struct pair pairs[24];
};

#define HF_BLOCK(i)                                                                                          \
    { "blocks." i ".attn.qkv.weight",                                                                        \
      "encoder.layer." i ".attention.attention.query.weight+encoder.layer." i                                \
      ".attention.attention.key.weight+encoder.layer." i ".attention.attention.value.weight" },              \
        { "blocks." i ".attn.proj.bias", "encoder.layer." i ".attention.output.dense.bias" },                \
        { "blocks." i ".norm1.weight", "encoder.layer." i ".layernorm_before.weight" },                      \
        { "blocks." i ".norm2.bias", "encoder.layer." i ".layernorm_after.bias" },                           \
        { "blocks." i ".mlp.fc1.weight", "encoder.layer." i ".intermediate.dense.weight" },                  \
    {                                                                                                        \
        "blocks." i ".mlp.fc2.weight", "encoder.layer." i ".output.dense.weight"                             \
    }

/* What a running model of transformers 5 calls them. */
#define HF_5_BLOCK(i)                                                                                        \
    { "blocks." i ".attn.qkv.bias", "layers." i ".attention.q_proj.bias+layers." i                           \
                                    ".attention.k_proj.bias+layers." i ".attention.v_proj.bias" },           \
        { "blocks." i ".attn.proj.weight", "layers." i ".attention.o_proj.weight" },                         \
        { "blocks." i ".norm1.weight", "layers." i ".layernorm_before.weight" },                             \
        { "blocks." i ".norm2.weight", "layers." i ".layernorm_after.weight" },                              \
        { "blocks." i ".mlp.fc1.bias", "layers." i ".mlp.fc1.bias" },                                        \
    {                                                                                                        \
        "blocks." i ".mlp.fc2.weight", "layers." i ".mlp.fc2.weight"                                         \
    }

static const struct family FAMILIES[] = {
    { WEIGHTS_TIMM,
      11,
      "blocks.0.norm1.weight+blocks.9.norm1.weight",
      { { "cls_token", "cls_token" },
        { "blocks.10.attn.qkv.weight", "blocks.10.attn.qkv.weight" },
        { "patch_embed.conv.1.weight", "patch_embed.conv.1.weight" },
        { "blocks.3.norm1_out.alpha", "blocks.3.norm1_out.alpha" },
        { "blocks.0.ls1.gamma", "blocks.0.gamma_1" },
        { "blocks.0.ls2.gamma", "blocks.0.gamma_2" },
        { "blocks.1.mlp.fc1.weight", "blocks.1.mlp.w12.weight" },
        { "blocks.1.mlp.fc2.bias", "blocks.1.mlp.w3.bias" },
        { "blocks.2.mlp.fc1.weight", "blocks.2.mlp.fc1_g.weight+blocks.2.mlp.fc1_x.weight" },
        { "reg_token", "register_tokens" },
        { "pre_logits.weight", "pre_logits.fc.weight" },
        { "head_dist.bias", "head_dist.bias" } } },
    { WEIGHTS_HF_VIT,
      2,
      NULL,
      { HF_BLOCK("0"),
        HF_BLOCK("1"),
        { "cls_token", "embeddings.cls_token" },
        { "pos_embed", "embeddings.position_embeddings" },
        { "patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight" },
        { "norm.weight", "layernorm.weight" },
        { "head.weight", "classifier.weight" } } },
    { WEIGHTS_HF_DEIT,
      1,
      NULL,
      { HF_BLOCK("0"),
        { "dist_token", "embeddings.distillation_token" },
        { "head.weight", "cls_classifier.weight" },
        { "head_dist.weight", "distillation_classifier.weight" } } },
    { WEIGHTS_HF_DEIT,
      1,
      NULL,
      { HF_BLOCK("0"),
        { "reg_token", "embeddings.distillation_token" },
        { "head.bias", "classifier.bias" } } },
    { WEIGHTS_HF_VIT,
      2,
      NULL,
      { HF_5_BLOCK("0"),
        HF_5_BLOCK("1"),
        { "cls_token", "embeddings.cls_token" },
        { "norm.weight", "layernorm.weight" },
        { "head.weight", "classifier.weight" } } },
    { WEIGHTS_HF_DEIT,
      1,
      NULL,
      { HF_5_BLOCK("0"),
        { "dist_token", "embeddings.distillation_token" },
        { "head.weight", "cls_classifier.weight" } } },
    { WEIGHTS_HF_DINOV2,
      1,
      NULL,
      { { "blocks.0.ls1.gamma", "encoder.layer.0.layer_scale1.lambda1" },
        { "blocks.0.attn.qkv.weight",
          "encoder.layer.0.attention.q_proj.weight+encoder.layer.0.attention.k_proj.weight+"
          "encoder.layer.0.attention.v_proj.weight" },
        { "blocks.0.attn.proj.bias", "encoder.layer.0.attention.o_proj.bias" },
        { "blocks.0.mlp.fc1.weight",
          "encoder.layer.0.mlp.gate_proj.weight+encoder.layer.0.mlp.up_proj.weight" },
        { "blocks.0.mlp.fc2.bias", "encoder.layer.0.mlp.down_proj.bias" } } },
    { WEIGHTS_HF_DINOV2_REG,
      1,
      NULL,
      { { "reg_token", "embeddings.register_tokens" },
        { "blocks.0.ls1.gamma", "encoder.layer.0.layer_scale1.lambda1" },
        { "head.weight", "classifier.weight" } } },
    { WEIGHTS_HF_DINOV2,
      1,
      NULL,
      { { "blocks.0.norm1.weight", "encoder.layer.0.norm1.weight" },
        { "blocks.0.ls1.gamma", "encoder.layer.0.layer_scale1.lambda1" },
        { "blocks.0.ls2.gamma", "encoder.layer.0.layer_scale2.lambda1" },
        { "blocks.0.mlp.fc1.weight", "encoder.layer.0.mlp.weights_in.weight" },
        { "blocks.0.mlp.fc2.weight", "encoder.layer.0.mlp.weights_out.weight" },
        { "blocks.0.mlp.fc1.bias", "encoder.layer.0.mlp.fc1.bias" },
        { "head.weight", "classifier.weight" } } },
    { WEIGHTS_DINOV2,
      2,
      "mask_token",
      { { "pos_embed", "pos_embed" },
        { "blocks.0.ls1.gamma", "blocks.0.ls1.gamma" },
        { "blocks.1.mlp.fc1.weight", "blocks.1.mlp.w12.weight" } } },
    { WEIGHTS_DINOV2_REG,
      1,
      "mask_token",
      { { "reg_token", "register_tokens" }, { "blocks.0.ls1.gamma", "blocks.0.ls1.gamma" } } },
    { WEIGHTS_TIMM,
      1,
      "blocks.0.norm1.weight",
      { { "reg_token", "reg_token" }, { "blocks.0.ls1.gamma", "blocks.0.ls1.gamma" } } },
    { WEIGHTS_TIMM,
      1,
      NULL,
      { { "blocks.0.norm1.weight", "blocks.0.norm1.weight" }, { "mask_token", "mask_token" } } },
    { WEIGHTS_TORCHVISION,
      2,
      NULL,
      { { "cls_token", "class_token" },
        { "pos_embed", "encoder.pos_embedding" },
        { "patch_embed.proj.weight", "conv_proj.weight" },
        { "blocks.0.attn.qkv.weight", "encoder.layers.encoder_layer_0.self_attention.in_proj_weight" },
        { "blocks.0.attn.qkv.bias", "encoder.layers.encoder_layer_0.self_attention.in_proj_bias" },
        { "blocks.1.attn.proj.bias", "encoder.layers.encoder_layer_1.self_attention.out_proj.bias" },
        { "blocks.1.norm1.weight", "encoder.layers.encoder_layer_1.ln_1.weight" },
        { "blocks.0.mlp.fc1.weight", "encoder.layers.encoder_layer_0.mlp.0.weight" },
        { "blocks.0.mlp.fc2.weight", "encoder.layers.encoder_layer_0.mlp.3.weight" },
        { "blocks.1.mlp.fc1.weight", "encoder.layers.encoder_layer_1.mlp.linear_1.weight" },
        { "blocks.1.mlp.fc2.weight", "encoder.layers.encoder_layer_1.mlp.linear_2.weight" },
        { "norm.bias", "encoder.ln.bias" },
        { "pre_logits.weight", "heads.pre_logits.weight" },
        { "head.weight", "heads.head.weight" } } },
    { WEIGHTS_TORCHVISION,
      1,
      "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
      { { "patch_embed.conv.3.weight", "conv_proj.conv_bn_relu_3.0.weight" },
        { "patch_embed.bn.3.running_mean", "conv_proj.conv_bn_relu_3.1.running_mean" },
        { "patch_embed.proj.bias", "conv_proj.conv_last.bias" } } },
    { WEIGHTS_TORCHVISION,
      1,
      NULL,
      { { "blocks.0.attn.qkv.weight", "encoder.layers.encoder_layer_0.self_attention.in_proj_weight" },
        { "head.weight", "heads.weight" } } },
    { WEIGHTS_CCT,
      1,
      NULL,
      { { "cls_token", "classifier.class_emb" },
        { "pos_embed", "classifier.positional_emb" },
        { "patch_embed.conv.1.weight", "tokenizer.conv_layers.1.0.weight" },
        { "blocks.0.norm1.weight", "classifier.blocks.0.pre_norm.weight" },
        { "blocks.0.norm2.weight", "classifier.blocks.0.norm1.weight" },
        { "blocks.0.attn.qkv.weight", "classifier.blocks.0.self_attn.qkv.weight" },
        { "blocks.0.attn.proj.bias", "classifier.blocks.0.self_attn.proj.bias" },
        { "blocks.0.mlp.fc1.weight", "classifier.blocks.0.linear1.weight" },
        { "blocks.0.mlp.fc2.weight", "classifier.blocks.0.linear2.weight" },
        { "norm.weight", "classifier.norm.weight" },
        { "attention_pool.weight", "classifier.attention_pool.weight" },
        { "head.weight", "classifier.fc.weight" } } },
    { WEIGHTS_TORCH,
      1,
      NULL,
      { { "blocks.0.attn.qkv.weight", "layers.0.self_attn.in_proj_weight" },
        { "blocks.0.attn.qkv.bias", "layers.0.self_attn.in_proj_bias" },
        { "blocks.0.attn.proj.weight", "layers.0.self_attn.out_proj.weight" },
        { "blocks.0.norm1.weight", "layers.0.norm1.weight" },
        { "blocks.0.norm2.bias", "layers.0.norm2.bias" },
        { "blocks.0.mlp.fc1.weight", "layers.0.linear1.weight" },
        { "blocks.0.mlp.fc2.bias", "layers.0.linear2.bias" },
        { "norm.weight", "norm.weight" },
        { "head.weight", "head.weight" } } },
#define JAX "Transformer/encoderblock_0/"
#define JAX_BLOCK(norm2, attention, mlp)                                                                     \
    { "blocks.0.norm1.weight", JAX "LayerNorm_0/scale" }, { "blocks.0.norm2.bias", JAX norm2 "/bias" },      \
        { "blocks.0.attn.qkv.weight",                                                                        \
          JAX attention "/query/kernel+" JAX attention "/key/kernel+" JAX attention "/value/kernel" },       \
        { "blocks.0.attn.proj.weight", JAX attention "/out/kernel" },                                        \
        { "blocks.0.mlp.fc1.weight", JAX mlp "/Dense_0/kernel" },                                            \
    {                                                                                                        \
        "blocks.0.mlp.fc2.bias", JAX mlp "/Dense_1/bias"                                                     \
    }
    { WEIGHTS_JAX,
      1,
      NULL,
      { JAX_BLOCK("LayerNorm_2", "MultiHeadDotProductAttention_1", "MlpBlock_3"),
        { "cls_token", "cls" },
        { "pos_embed", "Transformer/posembed_input/pos_embedding" },
        { "patch_embed.proj.weight", "embedding/kernel" },
        { "norm.weight", "Transformer/encoder_norm/scale" },
        { "pre_logits.weight", "pre_logits/kernel" },
        { "head.bias", "head/bias" } } },
    { WEIGHTS_JAX,
      1,
      NULL,
      { JAX_BLOCK("LayerNorm_1", "MultiHeadDotProductAttention_0", "MlpBlock_0"),
        { "pos_embed", "pos_embedding" } } },
};

/* Append a tensor without elements for each of the names joined by "+", behind a prefix. */
static void add_names(char *header, size_t size, const char *prefix, const char *names)
{
    while (names && *names) {
        const int n = (int)strcspn(names, "+");
        const size_t used = strlen(header);

        snprintf(header + used, size - used,
                 "%c\"%s%.*s\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", used ? ',' : '{',
                 prefix, n, names);
        names += n + (names[n] == '+');
    }
}

struct opened {
    unsigned char *bytes;
    struct weights_file *f;
    struct weights_view *v;
};

static enum vit_status open_names(struct opened *o, const char *header, struct vit_error *err)
{
    char whole[32768];
    size_t size;

    snprintf(whole, sizeof whole, "%s}", *header ? header : "{");
    o->v = NULL;
    o->bytes = make_safetensors(whole, 0, &size);
    assert_ok(weights_open_memory(&o->f, o->bytes, size, "made", err), err);
    return weights_view_open(&o->v, o->f, err);
}

static void close_names(struct opened *o)
{
    weights_view_close(o->v);
    weights_close(o->f);
    free(o->bytes);
}

static void check_pair(struct opened *o, const char *prefix, const struct pair *pair)
{
    const struct weights_source s = weights_view_find(o->v, pair->canonical);
    const char *names = pair->file;

    for (int i = 0; *names; i++) {
        const int n = (int)strcspn(names, "+");
        char wanted[512];

        snprintf(wanted, sizeof wanted, "%s%.*s", prefix, n, names);
        if (i >= s.parts || strcmp(s.part[i]->name, wanted))
            fail_msg("%s: part %d is %s, expected %s", pair->canonical, i,
                     i < s.parts ? s.part[i]->name : "missing", wanted);
        names += n + (names[n] == '+');
    }
}

static void check_family(const struct family *family, const char *prefix)
{
    char header[32000] = "";
    struct opened o;
    struct vit_error err;

    add_names(header, sizeof header, prefix, family->more);
    for (const struct pair *p = family->pairs; p->canonical; p++)
        add_names(header, sizeof header, prefix, p->file);
    assert_ok(open_names(&o, header, &err), &err);
    assert_int_equal(weights_view_family(o.v), family->family);
    assert_int_equal(weights_view_depth(o.v), family->depth);
    assert_ptr_equal(weights_view_file(o.v), o.f);
    for (const struct pair *p = family->pairs; p->canonical; p++) check_pair(&o, prefix, p);
    for (size_t i = 0; i < weights_count(o.f) && !family->more; i++)
        if (!weights_view_used(o.v, i)) fail_msg("%s was not used", weights_at(o.f, i)->name);
    assert_int_equal(weights_view_find(o.v, "blocks.77.norm1.weight").parts, 0);
    assert_int_equal(weights_view_find(o.v, "").parts, 0);
    close_names(&o);
}

static void every_family_is_recognised_and_every_name_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < VIT_COUNT(FAMILIES); i++) check_family(&FAMILIES[i], "");
}

static void wrappers_are_stripped(void **state)
{
    (void)state;
    for (size_t i = 0; i < VIT_COUNT(FAMILIES); i++) {
        if (FAMILIES[i].family == WEIGHTS_JAX) {
            check_family(&FAMILIES[i], "opt/target/");
            check_family(&FAMILIES[i], "params/");
            check_family(&FAMILIES[i], "params/img/");
        } else {
            check_family(&FAMILIES[i], "module.");
            check_family(&FAMILIES[i], "state_dict.module.");
            check_family(&FAMILIES[i], "model.backbone.");
        }
    }
}

/* ---- particular files ---- */

static struct opened open_list(const char *names)
{
    char header[32000] = "";
    struct opened o;
    struct vit_error err;

    add_names(header, sizeof header, "", names);
    assert_ok(open_names(&o, header, &err), &err);
    return o;
}

static void check_found(struct opened *o, const char *canonical, const char *name)
{
    const struct pair pair = { canonical, name };

    check_pair(o, "", &pair);
}

static bool ignorable(const struct opened *o, const char *name)
{
    return weights_view_ignorable(o->v, (size_t)(weights_find(o->f, name) - weights_at(o->f, 0)));
}

static void a_head_is_found_beside_its_trunk(void **state)
{
    struct opened o =
        open_list("module.vit.encoder.layer.0.layernorm_before.weight+module.classifier.weight");

    (void)state;
    check_found(&o, "head.weight", "module.classifier.weight");
    check_found(&o, "blocks.0.norm1.weight", "module.vit.encoder.layer.0.layernorm_before.weight");
    close_names(&o);
    o = open_list("transformer.layers.0.self_attn.in_proj_weight+cls_token+transformer.norm.weight");
    check_found(&o, "cls_token", "cls_token");
    check_found(&o, "norm.weight", "transformer.norm.weight");
    close_names(&o);
}

/* ViT-Lite's patch embedding and CCT's first stage have one name. */
static void the_first_convolution_of_cct_has_two_canonical_names(void **state)
{
    struct opened o = open_list("tokenizer.conv_layers.0.0.weight+classifier.blocks.0.self_attn.qkv.weight");

    (void)state;
    check_found(&o, "patch_embed.proj.weight", "tokenizer.conv_layers.0.0.weight");
    check_found(&o, "patch_embed.conv.0.weight", "tokenizer.conv_layers.0.0.weight");
    close_names(&o);
}

static void of_several_models_the_averaged_one_is_taken(void **state)
{
    struct opened o =
        open_list("model.blocks.0.norm1.weight+model_ema.blocks.0.norm1.weight+optimizer.state.0.step");

    (void)state;
    check_found(&o, "blocks.0.norm1.weight", "model_ema.blocks.0.norm1.weight");
    assert_true(ignorable(&o, "model.blocks.0.norm1.weight"));
    assert_true(ignorable(&o, "optimizer.state.0.step"));
    assert_false(ignorable(&o, "model_ema.blocks.0.norm1.weight"));
    close_names(&o);
    o = open_list("student.blocks.0.norm1.weight+teacher.blocks.0.norm1.weight");
    check_found(&o, "blocks.0.norm1.weight", "teacher.blocks.0.norm1.weight");
    close_names(&o);
    o = open_list("adamw.m.blocks.0.norm1.weight+blocks.0.norm1.weight");
    check_found(&o, "blocks.0.norm1.weight", "blocks.0.norm1.weight");
    close_names(&o);
}

/* As training scripts, Lightning and ema-pytorch name them. */
static void averaged_weights_are_taken_wherever_their_name_stands(void **state)
{
    static const char *const ROWS[][2] = { /* the last weights, the averaged ones */
                                           { "model.", "ema_model." },
                                           { "model.", "ema_state_dict." },
                                           { "state_dict.", "ema_state_dict." },
                                           { "state_dict.", "state_dict_ema." },
                                           { "model.", "ema.module." },
                                           { "state_dict.model.", "state_dict.ema_model." },
                                           { "state_dict.model.", "state_dict.model_ema.module." },
                                           { "ema.online_model.", "ema.ema_model." },
                                           { "schema.model_ema2.", "state_dict.ema." }
    };

    (void)state;
    for (size_t i = 0; i < 2 * VIT_COUNT(ROWS); i++) {
        const char *const *row = ROWS[i / 2]; /* in either order */
        char list[200], name[100];
        struct opened o;
        snprintf(list, sizeof list, "%sblocks.0.norm1.weight+%sblocks.0.norm1.weight", row[i % 2],
                 row[1 - i % 2]);
        snprintf(name, sizeof name, "%sblocks.0.norm1.weight", row[1]);
        o = open_list(list);
        check_found(&o, "blocks.0.norm1.weight", name);
        close_names(&o);
    }
}

static void the_head_of_another_copy_is_passed_over(void **state)
{
    struct opened o = open_list("ema.net.blocks.0.norm1.weight+ema.fc.weight+ema.n_averaged+"
                                "model.net.blocks.0.norm1.weight+model.fc.weight+fc.weight");

    (void)state;
    assert_true(ignorable(&o, "model.fc.weight"));
    assert_false(ignorable(&o, "ema.fc.weight"));
    assert_false(ignorable(&o, "ema.n_averaged"));
    assert_false(ignorable(&o, "fc.weight"));
    close_names(&o);
}

static void two_equal_models_are_refused(void **state)
{
    char header[1000] = "";
    struct opened o;
    struct vit_error err;

    (void)state;
    add_names(header, sizeof header, "", "left.blocks.0.norm1.weight+right.blocks.0.norm1.weight");
    assert_refused(open_names(&o, header, &err), VIT_ERR_FORMAT, "holds two models, \"left.\" and \"right.\"",
                   &err);
    close_names(&o);
}

/* PVTv2, MViTv2, TinyViT: blocks in each of several stages. */
static void the_stages_of_a_pyramid_are_no_two_models(void **state)
{
    static const struct {
        const char *names;
        enum vit_status status;
        const char *says;
    } ROWS[] = {
        { "stages.0.blocks.0.norm1.weight+stages.1.blocks.0.norm1.weight", VIT_ERR_UNSUPPORTED,
          "under \"stages.0.\" and \"stages.1.\", as a network of several stages" },
        { "m.stages.9.blocks.0.norm1.weight+m.stages.10.blocks.0.norm1.weight", VIT_ERR_UNSUPPORTED,
          "several stages" },
        { "0.blocks.0.norm1.weight+1.blocks.0.norm1.weight", VIT_ERR_UNSUPPORTED, "several stages" },
        { "a.0.blocks.0.norm1.weight+b.0.blocks.0.norm1.weight", VIT_ERR_FORMAT, "two models" },
        { "a.0.blocks.0.norm1.weight+a.b.blocks.0.norm1.weight", VIT_ERR_FORMAT, "two models" },
        { "a.0.blocks.0.norm1.weight+a.1.b.blocks.0.norm1.weight", VIT_ERR_FORMAT, "two models" },
        { "a.0.blocks.0.norm1.weight+a.0x.blocks.0.norm1.weight", VIT_ERR_FORMAT, "two models" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char header[1000] = "";
        struct opened o;
        struct vit_error err;
        add_names(header, sizeof header, "", ROWS[i].names);
        assert_refused(open_names(&o, header, &err), ROWS[i].status, ROWS[i].says, &err);
        close_names(&o);
    }
}

static void unknown_names_and_scanned_layers_are_refused(void **state)
{
    static const struct {
        const char *names, *says;
    } BAD[] = {
        { "conv1.weight+fc.bias", "the first of 2 is \"conv1.weight\"" },
        { NULL, "the first of 0" },
        { "decoder_blocks.0.norm1.weight", "no known family" },
        { "Transformer/encoderblock/LayerNorm_0/scale", "scanned Flax model" },
        { "base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight", "a LoRA adapter" },
        { "layers.0.blocks.0.norm1.weight+layers.1.blocks.0.norm1.weight+"
          "layers.0.blocks.0.attn.relative_position_bias_table",
          "as Swin Transformers have" },
        { "vision_model.embeddings.class_embedding", "CLIP or SigLIP" },
        { "visual.class_embedding+visual.proj", "\"visual.class_embedding\" belongs to CLIP" },
        { "to_patch_embedding.1.weight", "vit-pytorch" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        char header[1000] = "";
        struct opened o;
        struct vit_error err;

        add_names(header, sizeof header, "", BAD[i].names);
        if (!open_names(&o, header, &err)) fail_msg("accepted: %s", BAD[i].names);
        if (!strstr(err.text, BAD[i].says)) fail_msg("\"%s\" does not say \"%s\"", err.text, BAD[i].says);
        assert_null(o.v);
        close_names(&o);
    }
}

static void what_no_classifier_needs_is_ignorable(void **state)
{
    struct opened o =
        open_list("vit.encoder.layer.0.layernorm_before.weight+vit.pooler.dense.weight+"
                  "vit.embeddings.mask_token+bn.num_batches_tracked+vit.embeddings.position_ids+"
                  "unmask_token+extra.weight");

    (void)state;
    assert_true(ignorable(&o, "vit.pooler.dense.weight"));
    assert_true(ignorable(&o, "vit.embeddings.mask_token"));
    assert_true(ignorable(&o, "bn.num_batches_tracked"));
    assert_true(ignorable(&o, "vit.embeddings.position_ids"));
    assert_false(ignorable(&o, "unmask_token"));
    assert_false(ignorable(&o, "extra.weight"));
    assert_false(weights_view_used(o.v, 0));
    close_names(&o);
}

/* A file cannot make its reader allocate a million blocks. */
static void absurd_block_numbers_are_not_counted(void **state)
{
    struct opened o =
        open_list("blocks.0.norm1.weight+blocks.2000000000.norm1.weight+blocks.99999999999999.x+"
                  "blocks.7.norm1.weight");

    (void)state;
    assert_int_equal(weights_view_depth(o.v), 8);
    close_names(&o);
}

/* ---- layouts ---- */

/* Element i of a tensor of this shape is i; layouts move them. */
static struct weights_tensor counted(const char *name, int rank, const int64_t *shape, float *values)
{
    struct weights_tensor t = {
        .name = name, .dtype = WEIGHTS_F32, .rank = rank, .count = 1, .data = values
    };

    for (int i = 0; i < rank; i++) t.count *= (size_t)(t.shape[i] = shape[i]);
    for (size_t i = 0; i < t.count; i++) values[i] = (float)i;
    return t;
}

/* Where canonical element (o, i, y, x) lies in the file, written out for each layout; h 2, e 3, d 4. */
static int place_transpose(const int *c)
{
    return c[1] * 6 + c[0]; /* (4, 6) -> (6, 4) */
}
static int place_hwio(const int *c)
{
    return ((c[2] * 2 + c[3]) * 3 + c[1]) * 4 + c[0]; /* (2, 2, 3, 4) -> (4, 3, 2, 2) */
}
static int place_heads_in(const int *c)
{
    return (c[1] * 2 + c[0] / 3) * 3 + c[0] % 3; /* (4, 2, 3) -> (6, 4) */
}
static int place_heads_out(const int *c)
{
    return c[1] * 4 + c[0]; /* (2, 3, 4) -> (4, 6) */
}
static int place_heads_bias(const int *c)
{
    return c[0]; /* (2, 3) -> (6) */
}

static const struct layout {
    enum weights_layout layout;
    int rank;
    int64_t shape[4];
    int canonical_rank;
    int64_t canonical[4];
    int (*place)(const int *index);
} LAYOUTS[] = {
    { WEIGHTS_TRANSPOSE, 2, { 4, 6 }, 2, { 6, 4 }, place_transpose },
    { WEIGHTS_HWIO, 4, { 2, 2, 3, 4 }, 4, { 4, 3, 2, 2 }, place_hwio },
    { WEIGHTS_HEADS_IN, 3, { 4, 2, 3 }, 2, { 6, 4 }, place_heads_in },
    { WEIGHTS_HEADS_IN, 2, { 2, 3 }, 1, { 6 }, place_heads_bias },
    { WEIGHTS_HEADS_OUT, 3, { 2, 3, 4 }, 2, { 4, 6 }, place_heads_out },
};

static void every_layout_moves_every_element_to_its_place(void **state)
{
    (void)state;
    for (size_t l = 0; l < VIT_COUNT(LAYOUTS); l++) {
        const struct layout *x = &LAYOUTS[l];
        float values[48], got[48], back[48];
        const struct weights_tensor t = counted("t", x->rank, x->shape, values);
        const struct weights_source s = { 1, { &t }, x->layout, { NULL } };
        int64_t shape[WEIGHTS_RANK];
        int rank;
        struct vit_error err;

        assert_true(weights_source_shape(&s, &rank, shape));
        assert_int_equal(rank, x->canonical_rank);
        assert_memory_equal(shape, x->canonical, (size_t)rank * sizeof *shape);
        assert_ok(weights_source_read(&s, "p", got, &err), &err);
        for (size_t i = 0; i < t.count; i++) {
            int index[4] = { 0 }, rest = (int)i;

            for (int axis = rank - 1; axis >= 0; axis--) {
                index[axis] = rest % (int)shape[axis];
                rest /= (int)shape[axis];
            }
            assert_int_equal((int)got[i], x->place(index));
        }
        weights_source_split(&s, 0, got, back);
        assert_memory_equal(back, values, t.count * sizeof *back);
        assert_null(weights_source_view(&s));
    }
}

static void parts_are_concatenated_and_split_again(void **state)
{
    float a[24], b[24], got[48], back[24];
    const int64_t heads[3] = { 4, 2, 3 };
    const struct weights_tensor q = counted("q", 3, heads, a), k = counted("k", 3, heads, b);
    const struct weights_source s = { 2, { &q, &k }, WEIGHTS_HEADS_IN, { NULL } };
    int64_t shape[WEIGHTS_RANK];
    int rank;
    struct vit_error err;

    (void)state;
    for (int i = 0; i < 24; i++) b[i] += 100;
    assert_true(weights_source_shape(&s, &rank, shape));
    assert_true(rank == 2 && shape[0] == 12 && shape[1] == 4);
    assert_ok(weights_source_read(&s, "p", got, &err), &err);
    assert_true(got[0] == 0 && got[1] == 6 && got[24] == 100 && got[47] == 123);
    weights_source_split(&s, 1, got, back);
    assert_memory_equal(back, b, sizeof back);
}

/* A layout over data that lie first index fastest, and in half precision. */
static void layouts_and_fortran_order_combine(void **state)
{
    static const uint16_t HALVES[6] = { 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600 }; /* 1 .. 6 */
    const struct weights_tensor t = { "t", WEIGHTS_F16, 2, { 2, 3 }, true, 6, HALVES };
    const struct weights_source s = { 1, { &t }, WEIGHTS_TRANSPOSE, { NULL } };
    float got[6];
    struct vit_error err;

    (void)state;
    assert_ok(weights_source_read(&s, "p", got, &err), &err);
    for (int i = 0; i < 6; i++)
        assert_true(got[i] == (float)(i + 1)); /* the transpose of Fortran order is C order */
}

static void parts_that_do_not_fit_are_refused(void **state)
{
    float values[64];
    const struct weights_tensor a = counted("a", 2, (int64_t[]){ 4, 6 }, values),
                                b = counted("b", 2, (int64_t[]){ 4, 5 }, values),
                                c = counted("c", 1, (int64_t[]){ 4 }, values),
                                scalar = counted("scalar", 0, NULL, values);
    const struct weights_tensor vast = { "vast", WEIGHTS_F32, 3, { 0, INT64_MAX, 4 }, false, 0, values };
    const struct weights_source bad[] = {
        { 2, { &a, &b }, WEIGHTS_AS_IS, { NULL } },   { 2, { &a, &c }, WEIGHTS_AS_IS, { NULL } },
        { 1, { &c }, WEIGHTS_TRANSPOSE, { NULL } },   { 1, { &a }, WEIGHTS_HWIO, { NULL } },
        { 1, { &a }, WEIGHTS_HEADS_OUT, { NULL } },   { 0, { NULL }, WEIGHTS_AS_IS, { NULL } },
        { 1, { &c }, WEIGHTS_HEADS_IN, { NULL } },    { 2, { &scalar, &scalar }, WEIGHTS_AS_IS, { NULL } },
        { 1, { &vast }, WEIGHTS_HEADS_IN, { NULL } },
    };
    struct weights_tensor integer = a;
    const struct weights_source integers = { 1, { &integer }, WEIGHTS_TRANSPOSE, { NULL } };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(bad); i++)
        assert_refused(weights_source_read(&bad[i], "p", values, &err), VIT_ERR_FORMAT, "does not fit", &err);
    integer.dtype = WEIGHTS_I32;
    assert_refused(weights_source_read(&integers, "p", values, &err), VIT_ERR_FORMAT, "\"a\" is I32", &err);
}

/* Two rows of integers and their scales; what does not fit is named. */
static void integers_are_read_with_their_scales(void **state)
{
    static const char HEADER[] =
        "{\"blocks.0.norm1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"blocks.0.mlp.fc1.weight_scale\":{\"dtype\":\"F32\",\"shape\":[2],"
        "\"data_offsets\":[4,12]},\"blocks.0.mlp.fc1.weight\":{\"dtype\":\"I8\","
        "\"shape\":[2,3],\"data_offsets\":[12,18]}}";
    static const float SCALES[] = { 0.5f, 3 }, WANT[] = { 63.5f, -0.5f, 0, 6, -381, 3 };
    static const signed char INTEGERS[] = { 127, -1, 0, 2, -127, 1 };
    struct weights_file *f;
    struct weights_view *v;
    struct weights_source s;
    struct vit_error err;
    float got[6];
    size_t size;
    unsigned char *bytes;

    (void)state;
    bytes = make_safetensors(HEADER, 18, &size);
    memcpy(bytes + size - 14, SCALES, sizeof SCALES);
    memcpy(bytes + size - 6, INTEGERS, sizeof INTEGERS);
    assert_ok(weights_open_memory(&f, bytes, size, "made", &err), &err);
    assert_ok(weights_view_open(&v, f, &err), &err);
    s = weights_view_find(v, "blocks.0.mlp.fc1.weight");
    assert_true(weights_view_used(v, 1) && weights_view_used(v, 2));
    assert_null(weights_source_view(&s));
    assert_ok(weights_source_read(&s, "p", got, &err), &err);
    assert_memory_equal(got, WANT, sizeof got);
    s.scale[0] = weights_find(f, "blocks.0.norm1.weight");
    assert_refused(weights_source_read(&s, "p", got, &err), VIT_ERR_FORMAT, "expected [2] floats", &err);
    s.scale[0] = NULL;
    assert_refused(weights_source_read(&s, "p", got, &err), VIT_ERR_FORMAT, "is I8, expected", &err);
    weights_view_close(v);
    weights_close(f);
    free(bytes);
}

static void one_aligned_part_is_viewed_in_place(void **state)
{
    float values[24];
    const struct weights_tensor t = counted("t", 2, (int64_t[]){ 4, 6 }, values);
    const struct weights_source one = { 1, { &t }, WEIGHTS_AS_IS, { NULL } },
                                two = { 2, { &t, &t }, WEIGHTS_AS_IS, { NULL } };

    (void)state;
    assert_ptr_equal(weights_source_view(&one), values);
    assert_null(weights_source_view(&two));
}

static void every_family_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(weights_family_name(WEIGHTS_TIMM), "timm");
    assert_string_equal(weights_family_name(WEIGHTS_JAX), "jax");
    for (int i = 0; i < WEIGHTS_FAMILIES; i++) assert_non_null(weights_family_name((enum weights_family)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_is_recognised_and_every_name_found),
        cmocka_unit_test(wrappers_are_stripped),
        cmocka_unit_test(a_head_is_found_beside_its_trunk),
        cmocka_unit_test(the_first_convolution_of_cct_has_two_canonical_names),
        cmocka_unit_test(of_several_models_the_averaged_one_is_taken),
        cmocka_unit_test(averaged_weights_are_taken_wherever_their_name_stands),
        cmocka_unit_test(the_head_of_another_copy_is_passed_over),
        cmocka_unit_test(two_equal_models_are_refused),
        cmocka_unit_test(the_stages_of_a_pyramid_are_no_two_models),
        cmocka_unit_test(unknown_names_and_scanned_layers_are_refused),
        cmocka_unit_test(what_no_classifier_needs_is_ignorable),
        cmocka_unit_test(absurd_block_numbers_are_not_counted),
        cmocka_unit_test(every_layout_moves_every_element_to_its_place),
        cmocka_unit_test(parts_are_concatenated_and_split_again),
        cmocka_unit_test(layouts_and_fortran_order_combine),
        cmocka_unit_test(parts_that_do_not_fit_are_refused),
        cmocka_unit_test(integers_are_read_with_their_scales),
        cmocka_unit_test(one_aligned_part_is_viewed_in_place),
        cmocka_unit_test(every_family_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
