/* What must hold for a network by its definition, whatever its weights; other image sizes. */
#include "tests/support/test.h"
#include "tests/vit/folder.h"
#include "vit/session.h"

/* ---- another image size ---- */

static void other_image_sizes_resize_the_positions(void **state)
{
    static const struct {
        int image, grid;
        const char *note; /* patches of 8 at 32: 4x4 */
    } ROWS[] = { { 28, 3, "resized from 4x4 to 3x3" },
                 { 36, 4, NULL },
                 { 48, 6, "resized from 4x4 to 6x6" } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_model *m;
        struct vit_session *s;
        struct vit_error err;
        const float *logits;
        float *planes;

        assert_ok(vit_model_open(&m, "tests/data/golden/timm-cls",
                                 &(struct vit_model_options){ .image = ROWS[i].image }, &err),
                  &err);
        assert_int_equal(vit_config_grid(vit_model_config(m)), ROWS[i].grid);
        assert_int_equal(vit_model_recipe(m)->size, ROWS[i].image);
        assert_int_equal(folder_notes(m, true, ROWS[i].note ? ROWS[i].note : "resized"),
                         ROWS[i].note != NULL);
        planes = tiny_planes(m, 2);
        s = tiny_session(m, 2, 1, false);
        logits = vit_forward(s, planes, 2);
        for (int j = 0; j < 2 * vit_model_config(m)->classes; j++) assert_true(isfinite(logits[j]));
        free(planes);
        vit_session_close(s);
        vit_model_close(m);
    }
}

static void an_image_that_cannot_be_is_refused(void **state)
{
    static const struct {
        int image;
        const char *says;
    } ROWS[] = { { 7, "patch is 8, expected 1 to 7" }, { -1, "\"image\"" }, { 1 << 20, "\"image\"" } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_model_options o = { .image = ROWS[i].image };
        struct vit_model *m;
        struct vit_error err;

        assert_refused(vit_model_open(&m, "tests/data/golden/timm-cls", &o, &err), VIT_ERR_ARG, ROWS[i].says,
                       &err);
        assert_null(m);
    }
}

/* ---- what the definitions imply ---- */

static void set(struct vit_model *m, const char *end, float value)
{
    for (int i = 0; i < m->slot_count; i++) {
        const size_t n = strlen(m->slots[i].name), k = strlen(end);
        float *w = *vit_slot_pointer(&m->params, &m->slots[i]);
        if (n < k || strcmp(m->slots[i].name + n - k, end)) continue;
        for (size_t j = 0; j < m->slots[i].count; j++) w[j] = value;
    }
}

/* With gain 1 and bias 0 a norm's output has mean square v / (v + eps): for v above 1e-2, 1 to 1e-4. */
static void after_a_post_norm_block_every_token_has_length_one(void **state)
{
    static const enum vit_placement POST[] = { VIT_NORM_POST, VIT_NORM_DEEPNORM };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(POST); i++) {
        const struct vit_config c = tiny_config(POST[i]);
        struct vit_model *m = tiny_model(&c, NULL);
        struct vit_session *s = tiny_session(m, 1, 1, false);
        float *planes = tiny_planes(m, 1);

        set(m, ".norm2.weight", 1);
        set(m, ".norm2.bias", 0);
        vit_forward(s, planes, 1);
        for (int t = 0; t < vit_config_tokens(&c); t++) {
            double sum = 0, square = 0;
            for (int j = 0; j < c.width; j++) {
                const double x = (double)s->stream[t * c.width + j];
                sum += x, square += x * x;
            }
            if (fabs(sqrt(square / c.width) - 1) > 1e-4 || fabs(sum) > 1e-4)
                fail_msg("token %d: root mean square %.6f, sum %.2g", t, sqrt(square / c.width), sum);
        }
        free(planes);
        vit_session_close(s);
        vit_model_close(m);
    }
}

/* Blocks whose branches end in zero change nothing, whatever their other weights are. */
static void a_branch_that_ends_in_zero_leaves_the_stream_alone(void **state)
{
    static const struct {
        enum vit_placement placement;
        const char *zero[4];
    } ROWS[] = {
        { VIT_NORM_RES_POST, { ".norm1.weight", ".norm1.bias", ".norm2.weight", ".norm2.bias" } },
        { VIT_NORM_SANDWICH,
          { ".norm1_out.weight", ".norm1_out.bias", ".norm2_out.weight", ".norm2_out.bias" } },
        { VIT_NORM_LAYERSCALE, { ".ls1.gamma", ".ls2.gamma", ".ls2.gamma", ".ls2.gamma" } },
        { VIT_NORM_REZERO, { ".ls1.gamma", ".ls2.gamma", ".ls2.gamma", ".ls2.gamma" } },
        { VIT_NORM_PRE, { "attn.proj.weight", "attn.proj.bias", ".fc2.weight", ".fc2.bias" } },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_config c = tiny_config(ROWS[i].placement);
        struct vit_model *m = tiny_model(&c, NULL);
        struct vit_session *s = tiny_session(m, 1, 1, false);
        float *planes = tiny_planes(m, 1), *embedded, logits[TINY_CLASSES];
        const size_t floats = (size_t)vit_config_tokens(&c) * (size_t)c.width;

        for (int j = 0; j < 4; j++) set(m, ROWS[i].zero[j], 0);
        vit_model_pack(m, NULL);
        embedded = malloc(floats * sizeof *embedded);
        memcpy(embedded, vit_embed(s, planes, 1), floats * sizeof *embedded);
        memcpy(logits, vit_forward(s, planes, 1), sizeof logits);
        assert_close("stream", s->stream, embedded, floats, 0);
        set(m, "attn.qkv.weight", 0.25f);
        set(m, "mlp.fc1.weight", -0.5f);
        vit_model_pack(m, NULL);
        assert_memory_equal(logits, vit_forward(s, planes, 1), sizeof logits);
        free(embedded);
        free(planes);
        vit_session_close(s);
        vit_model_close(m);
    }
}

/* Swap patches a and b (4 pixels a side) of every plane of one picture. */
static void swap_patches(float *planes, const struct vit_config *c, int a, int b)
{
    const int p = c->stem.patch, grid = vit_config_grid(c);

    for (int channel = 0; channel < c->channels; channel++)
        for (int y = 0; y < p; y++)
            for (int x = 0; x < p; x++) {
                float *plane = planes + channel * c->image * c->image;
                float *u = &plane[(a / grid * p + y) * c->image + a % grid * p + x];
                float *v = &plane[(b / grid * p + y) * c->image + b % grid * p + x];
                const float keep = *u;
                *u = *v;
                *v = keep;
            }
}

/* Without their positions tokens are a set. Only sums over tokens change their order: in each block the
 * softmax's and the weighted values', then the mean. A sum of t terms is off by at most t roundings of its
 * largest; two blocks with gains of order one pass that on, a few times over. */
static void tokens_are_a_set_up_to_their_positions(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m;
    struct vit_session *s;
    float *planes, *pos, before[TINY_CLASSES], most = 0;
    const float *after;
    double bound;
    size_t at;

    (void)state;
    c.pool = VIT_POOL_MEAN;
    c.image = 16;
    m = tiny_model(&c, NULL);
    s = tiny_session(m, 1, 1, false);
    planes = tiny_planes(m, 1);
    memcpy(before, vit_forward(s, planes, 1), sizeof before);
    for (int j = 0; j < TINY_CLASSES; j++) most = fmaxf(most, fabsf(before[j]));
    bound = 3 * vit_config_tokens(&c) * 0x1p-24 * (double)most;
    swap_patches(planes, &c, 1, 15);
    after = vit_forward(s, planes, 1);
    assert_true(test_largest_difference(after, before, TINY_CLASSES, &at) >
                100 * bound); /* positions matter */
    pos = tiny_values(m, "pos_embed");
    for (int j = 0; j < c.width; j++) {
        float *u = &pos[(1 + 1) * c.width + j], *v = &pos[(1 + 15) * c.width + j], keep = *u;
        *u = *v;
        *v = keep;
    }
    after = vit_forward(s, planes, 1);
    assert_close("logits", after, before, TINY_CLASSES, bound);
    free(planes);
    vit_session_close(s);
    vit_model_close(m);
}

/* A class token alone in the sum: with no patches' influence left (values zero) the picture does not
 * matter. */
static void without_values_attention_carries_nothing(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m = tiny_model(&c, NULL);
    struct vit_session *s = tiny_session(m, 2, 1, false);
    float *planes = tiny_planes(m, 2);
    const float *logits;

    (void)state;
    for (int block = 0; block < c.depth; block++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", block);
        memset(tiny_values(m, name) + 2 * c.width * c.width, 0, (size_t)(c.width * c.width) * sizeof(float));
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.bias", block);
        memset(tiny_values(m, name) + 2 * c.width, 0, (size_t)c.width * sizeof(float));
    }
    vit_model_pack(m, NULL);
    logits = vit_forward(s, planes, 2); /* two different pictures */
    assert_memory_equal(logits, logits + TINY_CLASSES, TINY_CLASSES * sizeof(float));
    free(planes);
    vit_session_close(s);
    vit_model_close(m);
}

/* A loader's batch has no rows when all its pictures failed. */
static void no_pictures_change_nothing(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m = tiny_model(&c, NULL);
    struct vit_session *s = tiny_session(m, 2, 2, true);
    float *planes = tiny_planes(m, 2), before[2 * TINY_CLASSES];

    (void)state;
    memcpy(before, vit_forward(s, planes, 2), sizeof before);
    assert_memory_equal(vit_forward(s, planes, 0), before, sizeof before);
    assert_memory_equal(vit_forward_watched(s, planes, 0, NULL), before, sizeof before);
    assert_int_equal(s->n, 2);
    free(planes);
    vit_session_close(s);
    vit_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_image_sizes_resize_the_positions),
        cmocka_unit_test(an_image_that_cannot_be_is_refused),
        cmocka_unit_test(after_a_post_norm_block_every_token_has_length_one),
        cmocka_unit_test(a_branch_that_ends_in_zero_leaves_the_stream_alone),
        cmocka_unit_test(tokens_are_a_set_up_to_their_positions),
        cmocka_unit_test(without_values_attention_carries_nothing),
        cmocka_unit_test(no_pictures_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
