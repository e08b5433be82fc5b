#include "tests/fuzz/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "weights/weights.h"

/* 8 pixels a side, patches of 4, width 16, one block of 2 heads, hidden 24, 4 classes. */
#define HF_LAYER "vit.encoder.layer.0."
static const struct weights_entry TENSORS[MODELS][20] = {
    { { "cls_token", WEIGHTS_F32, 3, { 1, 1, 16 }, NULL },
      { "pos_embed", WEIGHTS_F32, 3, { 1, 5, 16 }, NULL },
      { "patch_embed.proj.weight", WEIGHTS_F32, 4, { 16, 3, 4, 4 }, NULL },
      { "patch_embed.proj.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "blocks.0.norm1.weight", WEIGHTS_F32, 1, { 16 }, NULL },
      { "blocks.0.norm1.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "blocks.0.attn.qkv.weight", WEIGHTS_F32, 2, { 48, 16 }, NULL },
      { "blocks.0.attn.qkv.bias", WEIGHTS_F32, 1, { 48 }, NULL },
      { "blocks.0.attn.proj.weight", WEIGHTS_F32, 2, { 16, 16 }, NULL },
      { "blocks.0.attn.proj.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "blocks.0.norm2.weight", WEIGHTS_F32, 1, { 16 }, NULL },
      { "blocks.0.norm2.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "blocks.0.mlp.fc1.weight", WEIGHTS_F32, 2, { 24, 16 }, NULL },
      { "blocks.0.mlp.fc1.bias", WEIGHTS_F32, 1, { 24 }, NULL },
      { "blocks.0.mlp.fc2.weight", WEIGHTS_F32, 2, { 16, 24 }, NULL },
      { "blocks.0.mlp.fc2.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "norm.weight", WEIGHTS_F32, 1, { 16 }, NULL },
      { "norm.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "head.weight", WEIGHTS_F32, 2, { 4, 16 }, NULL },
      { "head.bias", WEIGHTS_F32, 1, { 4 }, NULL } },
    /* without the biases of query, key and value: qkv_bias false */
    { { "vit.embeddings.cls_token", WEIGHTS_F32, 3, { 1, 1, 16 }, NULL },
      { "vit.embeddings.position_embeddings", WEIGHTS_F32, 3, { 1, 5, 16 }, NULL },
      { "vit.embeddings.patch_embeddings.projection.weight", WEIGHTS_F32, 4, { 16, 3, 4, 4 }, NULL },
      { "vit.embeddings.patch_embeddings.projection.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { HF_LAYER "layernorm_before.weight", WEIGHTS_F32, 1, { 16 }, NULL },
      { HF_LAYER "layernorm_before.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { HF_LAYER "attention.attention.query.weight", WEIGHTS_F32, 2, { 16, 16 }, NULL },
      { HF_LAYER "attention.attention.key.weight", WEIGHTS_F32, 2, { 16, 16 }, NULL },
      { HF_LAYER "attention.attention.value.weight", WEIGHTS_F32, 2, { 16, 16 }, NULL },
      { HF_LAYER "attention.output.dense.weight", WEIGHTS_F32, 2, { 16, 16 }, NULL },
      { HF_LAYER "attention.output.dense.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { HF_LAYER "layernorm_after.weight", WEIGHTS_F32, 1, { 16 }, NULL },
      { HF_LAYER "layernorm_after.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { HF_LAYER "intermediate.dense.weight", WEIGHTS_F32, 2, { 24, 16 }, NULL },
      { HF_LAYER "intermediate.dense.bias", WEIGHTS_F32, 1, { 24 }, NULL },
      { HF_LAYER "output.dense.weight", WEIGHTS_F32, 2, { 16, 24 }, NULL },
      { HF_LAYER "output.dense.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "vit.layernorm.weight", WEIGHTS_F32, 1, { 16 }, NULL },
      { "vit.layernorm.bias", WEIGHTS_F32, 1, { 16 }, NULL },
      { "classifier.weight", WEIGHTS_F32, 2, { 4, 16 }, NULL } },
};

void models_write(const char *folder, int which)
{
    static float values[16 * 3 * 4 * 4 + 64];
    struct weights_entry entries[VIT_COUNT(TENSORS[0])];
    struct vit_error err;
    char path[400];

    for (size_t i = 0; i < VIT_COUNT(values); i++) values[i] = (float)(i % 7) * 0.1f - 0.3f;
    for (size_t i = 0; i < VIT_COUNT(entries); i++) {
        entries[i] = TENSORS[which][i];
        entries[i].data = values;
    }
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (!weights_write(path, entries, VIT_COUNT(entries), NULL, 0, &err)) return;
    fprintf(stderr, "%s\n", err.text);
    abort();
}
