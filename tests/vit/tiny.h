/* tiny.h - networks of a few thousand parameters for the tests of this folder. */
#ifndef TESTS_VIT_TINY_H
#define TESTS_VIT_TINY_H

#include "tests/support/test.h"
#include "vit/block.h"
#include "vit/model.h"
#include "vit/random.h"
#include "vit/train.h"

enum { TINY_CLASSES = 4, TINY_SIDE = 8, TINY_DEPTH = 3 };

/* Four patches and a class token. Sizes differ, as far as they can: where blocks are as many as heads, nobody
 * sees one taken for the other. */
static inline struct vit_config tiny_config(enum vit_placement placement)
{
    return (struct vit_config){ .image = TINY_SIDE,
                                .channels = 3,
                                .stem = { .patch = 4 },
                                .width = 16,
                                .depth = TINY_DEPTH,
                                .heads = 2,
                                .hidden = 24,
                                .classes = TINY_CLASSES,
                                .cls = true,
                                .position_prefix = true,
                                .norm = { .placement = placement,
                                          .mix = 0.75f,
                                          .eps = 1e-6f,
                                          .final = vit_placement_final(placement) },
                                .act = KERN_ACT_GELU,
                                .qkv_bias = true,
                                .bias = true,
                                .patch_bias = true };
}

/* The values of a parameter by name, to be changed (then vit_model_pack). */
static inline float *tiny_values(struct vit_model *m, const char *name)
{
    for (int i = 0; i < m->slot_count; i++)
        if (!strcmp(m->slots[i].name, name)) return *vit_slot_pointer(&m->params, &m->slots[i]);
    fail_msg("no parameter %s", name);
    return NULL;
}

/* A trainable model whose biases, gains and scales are away from their special initial values. */
static inline struct vit_model *tiny_model(const struct vit_config *c, const char *kernels)
{
    const struct vit_init init = { .seed = 5, .out_gain = 0.7f, .scale = 0.5f, .position = 0.5f };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(
        vit_model_create(&m, c, NULL, NULL, &init, &(struct vit_model_options){ .kernels = kernels }, &err),
        &err);
    for (int i = 0; i < m->slot_count; i++) {
        float *w = *vit_slot_pointer(&m->params, &m->slots[i]);
        for (size_t j = 0; j < m->slots[i].count; j++)
            w[j] += 0.2f * (float)vit_random_normal(vit_key(13, (uint64_t)i), j);
    }
    vit_model_pack(m, NULL);
    return m;
}

/* n pictures of noise (n, channels, image, image); free them. */
static inline float *tiny_planes(const struct vit_model *m, int n)
{
    const size_t floats = (size_t)n * vit_model_input_floats(m);
    float *planes = malloc(floats * sizeof *planes);

    assert_non_null(planes);
    for (size_t i = 0; i < floats; i++) planes[i] = (float)vit_random_normal(11, i);
    return planes;
}

static inline struct vit_session *tiny_session(const struct vit_model *m, int batch, int threads,
                                               bool training)
{
    struct vit_session *s;
    struct vit_error err;

    assert_ok(vit_session_create(
                  &s, m,
                  &(struct vit_session_options){ .batch = batch, .threads = threads, .training = training },
                  &err),
              &err);
    return s;
}

static inline bool tiny_has_gains(const struct vit_config *c)
{
    return vit_block_has(&c->norm, 0, c->depth, VIT_OP_SCALE_BRANCH, 0);
}

/* By how much of the largest logit they may differ where the gains of branches are not applied in the
 * epilogues of products: each of the 2 depth sums is rounded once more, by 2^-24 of it, and what becomes of
 * that in the logits is taken to be 8 times as much at most; 2 were seen. */
static inline double tiny_gain_slack(const struct vit_config *c)
{
    return tiny_has_gains(c) ? 2 * c->depth * 8 * 0x1p-24 : 0;
}

/* Logits of n pictures as bound, a part of the largest, allows. */
static inline void assert_logits(const char *name, const float *got, const float *want, int n, double bound)
{
    double most = 0;

    for (int i = 0; i < n * TINY_CLASSES; i++) most = fmax(most, fabs((double)want[i]));
    assert_close(name, got, want, (size_t)n * TINY_CLASSES, bound * most);
}

/* From a forward that is looked at, and from one that is not. */
static inline void assert_watched_logits(const struct vit_config *c, const float *got, const float *want,
                                         int n)
{
    assert_logits(vit_placement_name(c->norm.placement), got, want, n,
                  fmax(test_watched_slack(), tiny_gain_slack(c)));
}

#endif
