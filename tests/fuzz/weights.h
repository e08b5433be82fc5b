/* weights.h - everything a caller may do with an open file of tensors. */
#ifndef TESTS_FUZZ_WEIGHTS_H
#define TESTS_FUZZ_WEIGHTS_H

#include <stdlib.h>

#include "weights/weights.h"

enum { FUZZ_MOST_VALUES = 1 << 20 }; /* of a tensor that is read: a view may repeat one element */

static inline void fuzz_read_tensor(const struct weights_file *f, const struct weights_tensor *t)
{
    char text[64];
    void *out;

    weights_shape_text(t, text, sizeof text);
    if (t->count > FUZZ_MOST_VALUES) return;
    out = malloc((t->count + 1) * sizeof(int64_t));
    if (!out) return;
    if (weights_read_f32(t, weights_path(f), out, NULL)) weights_read_i64(t, weights_path(f), out, NULL);
    free(out);
}

/* Through the canonical names, as a model's loader does. */
static inline void fuzz_read_canonical(const struct weights_file *f)
{
    static const char *const NAMES[] = {
        "cls_token",        "pos_embed",           "patch_embed.proj.weight",
        "norm.weight",      "head.bias",           "blocks.0.attn.qkv.weight",
        "attention_pool.x", "blocks.1.fc1.weight", "blocks.0.attn.proj.weight"
    };
    struct weights_view *v;

    if (weights_view_open(&v, f, NULL)) return;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        struct weights_source s = weights_view_find(v, NAMES[i]);
        int64_t shape[WEIGHTS_RANK];
        size_t count = 0;
        float *out;
        int rank;

        if (!s.parts || !weights_source_shape(&s, &rank, shape)) continue;
        for (int p = 0; p < s.parts; p++) count += s.part[p]->count;
        if (count > FUZZ_MOST_VALUES || !(out = malloc((count + 1) * sizeof *out))) continue;
        weights_source_read(&s, weights_path(f), out, NULL);
        free(out);
    }
    weights_view_depth(v);
    for (size_t i = 0; i < weights_count(f); i++) weights_view_ignorable(v, i);
    weights_view_close(v);
}

static inline void fuzz_use_weights(struct weights_file *f)
{
    for (size_t i = 0; i < weights_count(f); i++) fuzz_read_tensor(f, weights_at(f, i));
    weights_meta(f, "vit.config");
    weights_find(f, "head.weight");
    fuzz_read_canonical(f);
    weights_close(f);
}

#endif
