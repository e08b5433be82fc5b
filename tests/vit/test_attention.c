/* Attention maps against other programs, against a forward of our own (truth.h), and what is true of any. */
#include <float.h>

#include "tests/support/golden.h"
#include "tests/vit/truth.h"
#include "vit/attention.h"

/* The promise for logits, 1e-4 of the largest, here of the largest of a map: what goes in is as exact. */
#define BOUND 1e-4

static struct vit_attention *attention_of(const struct vit_model *m, int threads)
{
    struct vit_attention *a;
    struct vit_error err;

    assert_ok(vit_attention_create(&a, m, threads, &err), &err);
    return a;
}

static double largest(const double *map, int t)
{
    double most = 0;

    for (int i = 0; i < t; i++) most = fmax(most, map[i]);
    return most;
}

/* ---- other programs ---- */

/* The first picture of a folder of golden networks: token by token what PyTorch 2 gives in float64, rollout
 * as in the authors' compute_joint_attention, by products of whole matrices, then weighted by the read-out.
 * The forward that gave these gives the folder's logits to 4e-8. block -1: the rollout. */
static const struct golden_value {
    const char *folder;
    int block, head, token;
    double value;
} VALUES[] = {
    { "timm-cls", -1, 0, 0, 0.196289048 },
    { "timm-cls", -1, 0, 1, 0.034426548 },
    { "timm-cls", -1, 0, 8, 0.091889879 },
    { "timm-cls", -1, 0, 11, 0.026537802 },
    { "timm-cls", -1, 0, 16, 0.052353385 },
    { "timm-cls", 0, 2, 12, 0.343394101 },
    { "timm-cls", 2, 0, 12, 0.279914978 },
    { "timm-cls", 2, 0, 16, 0.174339560 },
    { "timm-qknorm", -1, 0, 0, 0.175458852 },
    { "timm-qknorm", -1, 0, 6, 0.037255187 },
    { "timm-qknorm", -1, 0, 16, 0.083496500 },
    { "timm-qknorm", 0, 2, 16, 0.149635849 },
    { "timm-qknorm", 2, 0, 4, 0.196262720 },
    { "hf-deit-distilled", -1, 0, 0, 0.135796410 }, /* two tokens in front, two heads averaged */
    { "hf-deit-distilled", -1, 0, 2, 0.030531694 },
    { "hf-deit-distilled", -1, 0, 10, 0.110196893 },
    { "hf-deit-distilled", 0, 2, 6, 0.266458085 },
    { "hf-deit-distilled", 2, 0, 10, 0.576788148 },
    { "hf-dinov2", -1, 0, 0, 0.116369589 }, /* class token and patches */
    { "hf-dinov2", -1, 0, 15, 0.026006196 },
    { "hf-dinov2", -1, 0, 16, 0.109038016 },
    { "hf-dinov2", 0, 2, 6, 0.163494036 },
    { "hf-dinov2", 2, 0, 8, 0.232891606 },
    { "cct-2-3x2", -1, 0, 0, 0.015214516 }, /* convolutions, sequence pooling */
    { "cct-2-3x2", -1, 0, 24, 0.030310731 },
    { "cct-2-3x2", -1, 0, 39, 0.008872182 },
    { "cct-2-3x2", 0, 2, 44, 0.023591815 },
    { "cct-2-3x2", 1, 0, 54, 0.045520368 },
    { "torchvision-convstem", -1, 0, 0, 0.285464263 },
    { "torchvision-convstem", -1, 0, 34, 0.006322018 },
    { "torchvision-convstem", -1, 0, 51, 0.023499023 },
    { "torchvision-convstem", 0, 2, 4, 0.100998205 },
    { "torchvision-convstem", 1, 0, 15, 0.024075605 },
    { "torch-post-norm-relu", -1, 0, 0, 0.147910464 },
    { "torch-post-norm-relu", -1, 0, 2, 0.027274726 },
    { "torch-post-norm-relu", -1, 0, 8, 0.091014649 },
    { "torch-post-norm-relu", 0, 2, 1, 0.159344974 },
    { "torch-post-norm-relu", 2, 0, 8, 0.303754455 },
};

static void maps_equal_the_reference(void **state)
{
    size_t i = 0;

    (void)state;
    while (i < VIT_COUNT(VALUES)) {
        const char *folder = VALUES[i].folder;
        struct golden g;
        struct vit_attention *a;

        golden_open(&g, folder, NULL, false);
        a = attention_of(g.model, 0);
        vit_attention_forward(a, g.input);
        for (; i < VIT_COUNT(VALUES) && !strcmp(VALUES[i].folder, folder); i++) {
            const struct golden_value *v = &VALUES[i];
            const double *map =
                v->block < 0 ? vit_attention_rollout(a) : vit_attention_head(a, v->block, v->head);
            const double bound = BOUND * largest(map, vit_config_tokens(vit_model_config(g.model)));
            if (!(fabs(map[v->token] - v->value) <= bound))
                fail_msg("%s, block %d, head %d, token %d: %.9f, expected %.9f", folder, v->block, v->head,
                         v->token, map[v->token], v->value);
        }
        vit_attention_close(a);
        golden_close(&g);
    }
}

/* ---- the definition ---- */

static void assert_map(const char *what, const double *found, const double *expected)
{
    for (int j = 0; j < T; j++)
        if (!(fabs(found[j] - expected[j]) <= BOUND * largest(expected, T)))
            fail_msg("%s, token %d: %.9g, expected %.9g", what, j, found[j], expected[j]);
}

/* out (T) = rows of m (T, T) weighted. */
static void weighted(double out[T], const double weight[T], double m[T][T])
{
    for (int j = 0; j < T; j++) {
        out[j] = 0;
        for (int i = 0; i < T; i++) out[j] += weight[i] * m[i][j];
    }
}

/* joint (T, T) = ((mean over heads + I) / 2) joint. */
static void join(double joint[T][T], double prob[H][T][T])
{
    double before[T][T];

    memcpy(before, joint, sizeof before);
    for (int i = 0; i < T; i++)
        for (int j = 0; j < T; j++) {
            joint[i][j] = 0.5 * before[i][j];
            for (int k = 0; k < T; k++)
                for (int h = 0; h < H; h++) joint[i][j] += 0.5 / H * prob[h][i][k] * before[k][j];
        }
}

static void assert_definition(const struct vit_attention *a, struct truth *r, const double weight[T])
{
    double joint[T][T] = { { 0 } }, expected[T];

    for (int i = 0; i < T; i++) joint[i][i] = 1;
    for (int block = 0; block < DEPTH; block++) {
        join(joint, r->prob[block][0]);
        for (int h = 0; h < H; h++) {
            weighted(expected, weight, r->prob[block][0][h]);
            assert_map("head", vit_attention_head(a, block, h), expected);
        }
    }
    weighted(expected, weight, joint);
    assert_map("rollout", vit_attention_rollout(a), expected);
}

static void maps_are_those_of_the_definition(void **state)
{
    static const struct {
        enum vit_pool pool;
        double weight[T];
    } POOLS[] = { { VIT_POOL_CLS, { 1, 0, 0, 0, 0 } }, { VIT_POOL_MEAN, { 0, 0.25, 0.25, 0.25, 0.25 } } };
    struct truth *truth = calloc(1, sizeof *truth);

    (void)state;
    for (int i = 0; i < VIT_PLACEMENTS * (int)VIT_COUNT(POOLS); i++) {
        struct vit_config c = tiny_config((enum vit_placement)(i % VIT_PLACEMENTS));
        struct vit_attention *a;
        struct vit_model *m;
        float *planes;

        c.pool = POOLS[i / VIT_PLACEMENTS].pool;
        m = tiny_model(&c, NULL);
        planes = tiny_planes(m, N);
        forward(truth, m, planes);
        a = attention_of(m, 1);
        vit_attention_forward(a, planes);
        assert_definition(a, truth, POOLS[i / VIT_PLACEMENTS].weight);
        vit_attention_close(a);
        vit_model_close(m);
        free(planes);
    }
    free(truth);
}

/* ---- any network ---- */

/* Every way to pool, with everything that can stand in front of the patches; then every placement. */
enum { READ_OUTS = 2 * VIT_POOLS, VARIANTS = READ_OUTS + VIT_PLACEMENTS };
static struct vit_config variant(int i)
{
    struct vit_config c = tiny_config(i < READ_OUTS ? VIT_NORM_PRE : (enum vit_placement)(i - READ_OUTS));

    if (i >= READ_OUTS) return c;
    c.pool = (enum vit_pool)(i % VIT_POOLS);
    c.registers = i / VIT_POOLS ? 3 : 0;
    c.dist = i / VIT_POOLS && c.pool == VIT_POOL_CLS;
    c.norm.qk = i / VIT_POOLS;
    return c;
}

/* Relative error of a probability: t roundings of the softmax's sum, four of its exponential and division. */
static void assert_one(const char *what, const double *map, int t)
{
    double sum = 0;

    for (int j = 0; j < t; j++) {
        assert_true(map[j] >= 0);
        sum += map[j];
    }
    if (!(fabs(sum - 1) <= (t + 4) * (double)FLT_EPSILON)) fail_msg("%s adds up to %.9g", what, sum);
}

static void every_map_adds_up_to_one(void **state)
{
    (void)state;
    for (int i = 0; i < VARIANTS; i++) {
        const struct vit_config c = variant(i);
        struct vit_model *m = tiny_model(&c, NULL);
        struct vit_attention *a = attention_of(m, 1);
        float *planes = tiny_planes(m, 1);

        vit_attention_forward(a, planes);
        assert_one("rollout", vit_attention_rollout(a), vit_config_tokens(&c));
        for (int h = 0; h < c.depth * c.heads; h++)
            assert_one("a head", vit_attention_head(a, h / c.heads, h % c.heads), vit_config_tokens(&c));
        vit_attention_close(a);
        vit_model_close(m);
        free(planes);
    }
}

/* Half of it, and half the read-out's weights for the residual connection. */
static void the_rollout_of_one_block_is_its_attention(void **state)
{
    (void)state;
    for (int i = 0; i < VARIANTS; i++) {
        struct vit_config c = variant(i);
        const int prefix = vit_config_prefix(&c);
        struct vit_model *m;
        struct vit_attention *a;
        float *planes;

        c.depth = 1;
        if (c.pool == VIT_POOL_SEQ) continue; /* its weights are not known here */
        m = tiny_model(&c, NULL);
        a = attention_of(m, 1);
        planes = tiny_planes(m, 1);
        vit_attention_forward(a, planes);
        for (int j = 0; j < vit_config_tokens(&c); j++) {
            const double own = c.pool == VIT_POOL_CLS    ? (j <= c.dist) / (1.0 + c.dist)
                               : c.pool == VIT_POOL_MEAN ? (j >= prefix) / 4.0
                                                         : 0.5 * (j == 0) + 0.5 * (j >= prefix) / 4;
            double mean = 0;
            for (int h = 0; h < c.heads; h++) mean += vit_attention_head(a, 0, h)[j] / c.heads;
            assert_true(fabs(vit_attention_rollout(a)[j] - (own + mean) / 2) <=
                        (vit_config_tokens(&c) + 4) * (double)FLT_EPSILON);
        }
        vit_attention_close(a);
        vit_model_close(m);
        free(planes);
    }
}

static void logits_are_those_of_a_forward(void **state)
{
    (void)state;
    for (int i = 0; i < VARIANTS; i++) {
        const struct vit_config c = variant(i);
        struct vit_model *m = tiny_model(&c, NULL);
        struct vit_attention *a = attention_of(m, 1);
        struct vit_session *s = tiny_session(m, 1, 1, false);
        float *planes = tiny_planes(m, 1);

        assert_watched_logits(&c, vit_attention_forward(a, planes), vit_forward(s, planes, 1), 1);
        vit_session_close(s);
        vit_attention_close(a);
        vit_model_close(m);
        free(planes);
    }
}

static void neither_threads_nor_what_was_before_change_a_map(void **state)
{
    (void)state;
    for (int i = 0; i < VARIANTS; i++) {
        const struct vit_config c = variant(i);
        const size_t t = (size_t)vit_config_tokens(&c);
        struct vit_model *m = tiny_model(&c, NULL);
        struct vit_attention *one = attention_of(m, 1), *three = attention_of(m, 3);
        float *planes = tiny_planes(m, 2);

        vit_attention_forward(one, planes);
        vit_attention_forward(three, planes + vit_model_input_floats(m));
        vit_attention_forward(three, planes);
        assert_memory_equal(vit_attention_rollout(one), vit_attention_rollout(three), t * sizeof(double));
        assert_memory_equal(vit_attention_head(one, 0, 0), vit_attention_head(three, 0, 0),
                            (size_t)(c.depth * c.heads) * t * sizeof(double));
        vit_attention_close(one);
        vit_attention_close(three);
        vit_model_close(m);
        free(planes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_equal_the_reference),
        cmocka_unit_test(maps_are_those_of_the_definition),
        cmocka_unit_test(every_map_adds_up_to_one),
        cmocka_unit_test(the_rollout_of_one_block_is_its_attention),
        cmocka_unit_test(logits_are_those_of_a_forward),
        cmocka_unit_test(neither_threads_nor_what_was_before_change_a_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
