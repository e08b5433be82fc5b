/* The name maps. Sources: timm 1.0 vision_transformer.py (checkpoint_filter_fn), Hugging Face's conversion
 * scripts for ViT, DeiT and Dinov2, torchvision vision_transformer.py, torch.nn.TransformerEncoderLayer,
 * SHI-Labs Compact-Transformers, google-research vision_transformer and big_vision. */
#include "weights/names.h"

#define AS_IS WEIGHTS_AS_IS

static const struct weights_row TIMM[] = {
    { "*", AS_IS, { "*" } },
    /* DeiT-III */
    { "blocks.#.ls1.gamma", AS_IS, { "blocks.#.gamma_1" } },
    { "blocks.#.ls2.gamma", AS_IS, { "blocks.#.gamma_2" } },
    /* SwiGLU: two matrices, gate first; DINOv2's own names */
    { "blocks.#.mlp.fc1.*", AS_IS, { "blocks.#.mlp.fc1_g.*", "blocks.#.mlp.fc1_x.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { "blocks.#.mlp.w12.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { "blocks.#.mlp.w3.*" } },
    { "reg_token", AS_IS, { "register_tokens" } },
    { "pre_logits.*", AS_IS, { "pre_logits.fc.*" } },
};

/* Beside the blocks, Hugging Face's three families are alike. */
#define HF_EMBEDDINGS                                                                                        \
    { "cls_token", AS_IS, { "embeddings.cls_token" } },                                                      \
        { "pos_embed", AS_IS, { "embeddings.position_embeddings" } },                                        \
        { "patch_embed.proj.*", AS_IS, { "embeddings.patch_embeddings.projection.*" } },                     \
    {                                                                                                        \
        "norm.*", AS_IS,                                                                                     \
        {                                                                                                    \
            "layernorm.*"                                                                                    \
        }                                                                                                    \
    }
#define HF_ATTENTION                                                                                         \
    { "blocks.#.attn.qkv.*",                                                                                 \
      AS_IS,                                                                                                 \
      { "encoder.layer.#.attention.attention.query.*", "encoder.layer.#.attention.attention.key.*",          \
        "encoder.layer.#.attention.attention.value.*" } },                                                   \
    {                                                                                                        \
        "blocks.#.attn.proj.*", AS_IS,                                                                       \
        {                                                                                                    \
            "encoder.layer.#.attention.output.dense.*"                                                       \
        }                                                                                                    \
    }
/* layernorm_after stands before the MLP: it is the second norm of a pre-norm block. */
#define HF_BLOCK                                                                                             \
    HF_ATTENTION, { "blocks.#.norm1.*", AS_IS, { "encoder.layer.#.layernorm_before.*" } },                   \
        { "blocks.#.norm2.*", AS_IS, { "encoder.layer.#.layernorm_after.*" } },                              \
        { "blocks.#.mlp.fc1.*", AS_IS, { "encoder.layer.#.intermediate.dense.*" } },                         \
    {                                                                                                        \
        "blocks.#.mlp.fc2.*", AS_IS,                                                                         \
        {                                                                                                    \
            "encoder.layer.#.output.dense.*"                                                                 \
        }                                                                                                    \
    }

/* The names inside a running model since transformers 5: what torch.save of its state_dict() has, where
 * save_pretrained() goes on to write those above. */
#define HF_ATTENTION_5(block)                                                                                \
    { "blocks.#.attn.qkv.*",                                                                                 \
      AS_IS,                                                                                                 \
      { block "attention.q_proj.*", block "attention.k_proj.*", block "attention.v_proj.*" } },              \
    {                                                                                                        \
        "blocks.#.attn.proj.*", AS_IS,                                                                       \
        {                                                                                                    \
            block "attention.o_proj.*"                                                                       \
        }                                                                                                    \
    }
#define HF_BLOCK_5                                                                                           \
    HF_ATTENTION_5("layers.#."), { "blocks.#.norm1.*", AS_IS, { "layers.#.layernorm_before.*" } },           \
        { "blocks.#.norm2.*", AS_IS, { "layers.#.layernorm_after.*" } },                                     \
        { "blocks.#.mlp.fc1.*", AS_IS, { "layers.#.mlp.fc1.*" } },                                           \
    {                                                                                                        \
        "blocks.#.mlp.fc2.*", AS_IS,                                                                         \
        {                                                                                                    \
            "layers.#.mlp.fc2.*"                                                                             \
        }                                                                                                    \
    }

static const struct weights_row HF_VIT[] = {
    HF_EMBEDDINGS,
    HF_BLOCK,
    HF_BLOCK_5,
    { "head.*", AS_IS, { "classifier.*" } },
};

static const struct weights_row HF_DEIT[] = {
    HF_EMBEDDINGS,
    HF_BLOCK,
    HF_BLOCK_5,
    { "dist_token", AS_IS, { "embeddings.distillation_token" } },
    /* DeiTForImageClassification reads the class token alone: this is one more that is attended to. */
    { "reg_token", AS_IS, { "embeddings.distillation_token" } },
    { "head.*", AS_IS, { "cls_classifier.*" } },
    { "head.*", AS_IS, { "classifier.*" } },
    { "head_dist.*", AS_IS, { "distillation_classifier.*" } },
};

static const struct weights_row HF_DINOV2[] = {
    HF_EMBEDDINGS,
    HF_ATTENTION,
    HF_ATTENTION_5("encoder.layer.#."),
    { "reg_token", AS_IS, { "embeddings.register_tokens" } },
    { "blocks.#.norm1.*", AS_IS, { "encoder.layer.#.norm1.*" } },
    { "blocks.#.norm2.*", AS_IS, { "encoder.layer.#.norm2.*" } },
    { "blocks.#.ls1.gamma", AS_IS, { "encoder.layer.#.layer_scale1.lambda1" } },
    { "blocks.#.ls2.gamma", AS_IS, { "encoder.layer.#.layer_scale2.lambda1" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { "encoder.layer.#.mlp.fc1.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { "encoder.layer.#.mlp.fc2.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { "encoder.layer.#.mlp.weights_in.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { "encoder.layer.#.mlp.weights_out.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { "encoder.layer.#.mlp.gate_proj.*", "encoder.layer.#.mlp.up_proj.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { "encoder.layer.#.mlp.down_proj.*" } },
    { "head.*", AS_IS, { "classifier.*" } },
};

#define TV "encoder.layers.encoder_layer_#."
static const struct weights_row TORCHVISION[] = {
    { "cls_token", AS_IS, { "class_token" } },
    { "pos_embed", AS_IS, { "encoder.pos_embedding" } },
    { "patch_embed.proj.*", AS_IS, { "conv_proj.conv_last.*" } },
    { "patch_embed.proj.*", AS_IS, { "conv_proj.*" } },
    { "patch_embed.conv.#.*", AS_IS, { "conv_proj.conv_bn_relu_#.0.*" } },
    { "patch_embed.bn.#.*", AS_IS, { "conv_proj.conv_bn_relu_#.1.*" } },
    { "blocks.#.norm1.*", AS_IS, { TV "ln_1.*" } },
    { "blocks.#.norm2.*", AS_IS, { TV "ln_2.*" } },
    { "blocks.#.attn.qkv.*", AS_IS, { TV "self_attention.in_proj_*" } },
    { "blocks.#.attn.proj.*", AS_IS, { TV "self_attention.out_proj.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { TV "mlp.0.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { TV "mlp.3.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { TV "mlp.linear_1.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { TV "mlp.linear_2.*" } },
    { "norm.*", AS_IS, { "encoder.ln.*" } },
    { "pre_logits.*", AS_IS, { "heads.pre_logits.*" } },
    { "head.*", AS_IS, { "heads.head.*" } },
    { "head.*",
      AS_IS,
      { "heads.*" } }, /* model.heads = nn.Linear(width, classes): a head for other classes */
};

/* norm1 belongs to the attention and norm2 to the MLP, whether norm_first or not. */
static const struct weights_row TORCH[] = {
    { "blocks.#.norm1.*", AS_IS, { "layers.#.norm1.*" } },
    { "blocks.#.norm2.*", AS_IS, { "layers.#.norm2.*" } },
    { "blocks.#.attn.qkv.*", AS_IS, { "layers.#.self_attn.in_proj_*" } },
    { "blocks.#.attn.proj.*", AS_IS, { "layers.#.self_attn.out_proj.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { "layers.#.linear1.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { "layers.#.linear2.*" } },
    { "*", AS_IS, { "*" } },
};

/* pre_norm stands before the attention, norm1 between attention and MLP. A first convolution is the patch
 * embedding in ViT-Lite and CVT and stage 0 of the stem in CCT: whichever is asked for. */
static const struct weights_row CCT[] = {
    { "cls_token", AS_IS, { "classifier.class_emb" } },
    { "pos_embed", AS_IS, { "classifier.positional_emb" } },
    { "patch_embed.proj.*", AS_IS, { "tokenizer.conv_layers.0.0.*" } },
    { "patch_embed.conv.#.*", AS_IS, { "tokenizer.conv_layers.#.0.*" } },
    { "blocks.#.norm1.*", AS_IS, { "classifier.blocks.#.pre_norm.*" } },
    { "blocks.#.norm2.*", AS_IS, { "classifier.blocks.#.norm1.*" } },
    { "blocks.#.attn.qkv.*", AS_IS, { "classifier.blocks.#.self_attn.qkv.*" } },
    { "blocks.#.attn.proj.*", AS_IS, { "classifier.blocks.#.self_attn.proj.*" } },
    { "blocks.#.mlp.fc1.*", AS_IS, { "classifier.blocks.#.linear1.*" } },
    { "blocks.#.mlp.fc2.*", AS_IS, { "classifier.blocks.#.linear2.*" } },
    { "norm.*", AS_IS, { "classifier.norm.*" } },
    { "attention_pool.*", AS_IS, { "classifier.attention_pool.*" } },
    { "head.*", AS_IS, { "classifier.fc.*" } },
};

#define ENC "Transformer/encoderblock_#/"
#define DENSE(canonical, jax)                                                                                \
    { canonical ".weight", WEIGHTS_TRANSPOSE, { jax "/kernel" } },                                           \
    {                                                                                                        \
        canonical ".bias", AS_IS,                                                                            \
        {                                                                                                    \
            jax "/bias"                                                                                      \
        }                                                                                                    \
    }
#define NORM(canonical, jax)                                                                                 \
    { canonical ".weight", AS_IS, { jax "/scale" } },                                                        \
    {                                                                                                        \
        canonical ".bias", AS_IS,                                                                            \
        {                                                                                                    \
            jax "/bias"                                                                                      \
        }                                                                                                    \
    }
#define ATTENTION(jax)                                                                                       \
    { "blocks.#.attn.qkv.weight",                                                                            \
      WEIGHTS_HEADS_IN,                                                                                      \
      { jax "/query/kernel", jax "/key/kernel", jax "/value/kernel" } },                                     \
        { "blocks.#.attn.qkv.bias",                                                                          \
          WEIGHTS_HEADS_IN,                                                                                  \
          { jax "/query/bias", jax "/key/bias", jax "/value/bias" } },                                       \
        { "blocks.#.attn.proj.weight", WEIGHTS_HEADS_OUT, { jax "/out/kernel" } },                           \
    {                                                                                                        \
        "blocks.#.attn.proj.bias", AS_IS,                                                                    \
        {                                                                                                    \
            jax "/out/bias"                                                                                  \
        }                                                                                                    \
    }

static const struct weights_row JAX[] = {
    { "cls_token", AS_IS, { "cls" } },
    { "pos_embed", AS_IS, { "Transformer/posembed_input/pos_embedding" } },
    { "pos_embed", AS_IS, { "pos_embedding" } },
    { "pos_embed", AS_IS, { "Transformer/pos_embedding" } }, /* big_vision before 2022 */
    { "patch_embed.proj.weight", WEIGHTS_HWIO, { "embedding/kernel" } },
    { "patch_embed.proj.bias", AS_IS, { "embedding/bias" } },
    NORM("blocks.#.norm1", ENC "LayerNorm_0"),
    /* Modules are numbered through in old Flax, by kind in new Flax. */
    NORM("blocks.#.norm2", ENC "LayerNorm_2"),
    NORM("blocks.#.norm2", ENC "LayerNorm_1"),
    ATTENTION(ENC "MultiHeadDotProductAttention_1"),
    ATTENTION(ENC "MultiHeadDotProductAttention_0"),
    DENSE("blocks.#.mlp.fc1", ENC "MlpBlock_3/Dense_0"),
    DENSE("blocks.#.mlp.fc2", ENC "MlpBlock_3/Dense_1"),
    DENSE("blocks.#.mlp.fc1", ENC "MlpBlock_0/Dense_0"),
    DENSE("blocks.#.mlp.fc2", ENC "MlpBlock_0/Dense_1"),
    NORM("norm", "Transformer/encoder_norm"),
    DENSE("pre_logits", "pre_logits"),
    DENSE("head", "head"),
};

#define ROWS(table) table, VIT_COUNT(table)

/* What tells a family from the others comes first: DeiT and DINOv2 before the general ViT, and
 * Compact-Transformers and DINOv2's own files before timm. */
const struct weights_naming weights_namings[WEIGHTS_FAMILIES] = {
    { WEIGHTS_JAX,
      "jax",
      '/',
      { "Transformer/encoderblock_0/LayerNorm_0/scale" },
      NULL,
      { ENC },
      "",
      ROWS(JAX),
      WEIGHTS_LINEAR_CORNERS },
    { WEIGHTS_HF_DEIT,
      "hf-deit",
      '.',
      { "embeddings.distillation_token" },
      NULL,
      { "encoder.layer.#.", "layers.#." },
      "deit.",
      ROWS(HF_DEIT),
      WEIGHTS_BICUBIC },
    { WEIGHTS_HF_DINOV2_REG,
      "hf-dinov2-registers",
      '.',
      { "embeddings.register_tokens" },
      NULL,
      { "encoder.layer.#." },
      "dinov2_with_registers.",
      ROWS(HF_DINOV2),
      WEIGHTS_BICUBIC_ANTIALIAS },
    { WEIGHTS_HF_DINOV2,
      "hf-dinov2",
      '.',
      { "encoder.layer.0.layer_scale1.lambda1" },
      NULL,
      { "encoder.layer.#." },
      "dinov2.",
      ROWS(HF_DINOV2),
      WEIGHTS_BICUBIC },
    { WEIGHTS_HF_VIT,
      "hf-vit",
      '.',
      { "encoder.layer.0.layernorm_before.weight", "layers.0.layernorm_before.weight" },
      NULL,
      { "encoder.layer.#.", "layers.#." },
      "vit.",
      ROWS(HF_VIT),
      WEIGHTS_BICUBIC },
    { WEIGHTS_TORCHVISION,
      "torchvision",
      '.',
      { "encoder.layers.encoder_layer_0.self_attention.in_proj_weight" },
      NULL,
      { TV },
      "",
      ROWS(TORCHVISION),
      WEIGHTS_BICUBIC_CORNERS },
    { WEIGHTS_CCT,
      "cct",
      '.',
      { "classifier.blocks.0.self_attn.qkv.weight" },
      NULL,
      { "classifier.blocks.#." },
      "",
      ROWS(CCT),
      WEIGHTS_BILINEAR },
    { WEIGHTS_DINOV2_REG,
      "dinov2-registers",
      '.',
      { "blocks.0.ls1.gamma" },
      "register_tokens",
      { "blocks.#." },
      "",
      ROWS(TIMM),
      WEIGHTS_BICUBIC_ANTIALIAS },
    { WEIGHTS_DINOV2,
      "dinov2",
      '.',
      { "blocks.0.ls1.gamma" },
      "mask_token",
      { "blocks.#." },
      "",
      ROWS(TIMM),
      WEIGHTS_BICUBIC_OFFSET },
    { WEIGHTS_TIMM,
      "timm",
      '.',
      { "blocks.0.attn.proj.weight", "blocks.0.norm1.weight", "blocks.0.in_proj.weight",
        "blocks.0.attn.proj.weight_packed" },
      NULL,
      { "blocks.#." },
      "",
      ROWS(TIMM),
      WEIGHTS_BICUBIC_ANTIALIAS },
    { WEIGHTS_TORCH,
      "torch",
      '.',
      { "layers.0.self_attn.in_proj_weight" },
      NULL,
      { "layers.#." },
      "",
      ROWS(TORCH),
      WEIGHTS_BICUBIC_ANTIALIAS },
};
