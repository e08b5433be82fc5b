#include "patch/stem.h"

#include "patch/patch.h"

#include "tests/support/test.h"

/* A layer of Compact Transformers. */
#define CCT(outputs)                                                                                         \
    {                                                                                                        \
        .out = (outputs), .kernel = 3, .stride = 1, .padding = 1, .act = KERN_ACT_RELU, .pool = { 3, 2, 1 }  \
    }

static void tensors_have_canonical_names_and_shapes(void **state)
{
    static const struct {
        const char *name;
        int rank, shape[4];
        enum patch_stem_role role;
        bool decay, buffer;
    } WANT[] = {
        { "patch_embed.conv.0.weight", 4, { 5, 3, 3, 3 }, PATCH_STEM_CONV, true, false },
        { "patch_embed.bn.0.weight", 1, { 5 }, PATCH_STEM_FACTOR, false, false },
        { "patch_embed.bn.0.bias", 1, { 5 }, PATCH_STEM_OFFSET, false, false },
        { "patch_embed.bn.0.running_mean", 1, { 5 }, PATCH_STEM_OFFSET, false, true },
        { "patch_embed.bn.0.running_var", 1, { 5 }, PATCH_STEM_FACTOR, false, true },
        { "patch_embed.conv.1.weight", 4, { 6, 5, 3, 3 }, PATCH_STEM_CONV, true, false },
        { "patch_embed.conv.1.bias", 1, { 6 }, PATCH_STEM_OFFSET, false, false },
        { "patch_embed.bn.1.weight", 1, { 6 }, PATCH_STEM_FACTOR, false, false },
        { "patch_embed.bn.1.bias", 1, { 6 }, PATCH_STEM_OFFSET, false, false },
        { "patch_embed.bn.1.running_mean", 1, { 6 }, PATCH_STEM_OFFSET, false, true },
        { "patch_embed.bn.1.running_var", 1, { 6 }, PATCH_STEM_FACTOR, false, true },
        { "patch_embed.proj.weight", 4, { 9, 6, 1, 1 }, PATCH_STEM_PROJ, true, false },
        { "patch_embed.proj.bias", 1, { 9 }, PATCH_STEM_OFFSET, false, false },
    };
    const struct patch_stem s = { .layers = 2,
                                  .project = true,
                                  .conv = { { .out = 5, .kernel = 3, .batch_norm = true },
                                            { .out = 6, .kernel = 3, .bias = true, .batch_norm = true } } };
    struct patch_stem_tensor got[PATCH_STEM_TENSORS];

    (void)state;
    assert_int_equal(patch_stem_tensors(&s, 3, 9, true, got), VIT_COUNT(WANT));
    for (size_t i = 0; i < VIT_COUNT(WANT); i++) {
        assert_string_equal(got[i].name, WANT[i].name);
        assert_int_equal(got[i].rank, WANT[i].rank);
        assert_memory_equal(got[i].shape, WANT[i].shape, sizeof WANT[i].shape);
        assert_int_equal(got[i].role, WANT[i].role);
        assert_int_equal(got[i].decay, WANT[i].decay);
        assert_int_equal(got[i].buffer, WANT[i].buffer);
    }
}

static void the_patch_bias_is_optional(void **state)
{
    const struct patch_stem s = { .patch = 16 };
    struct patch_stem_tensor got[PATCH_STEM_TENSORS];

    (void)state;
    assert_int_equal(patch_stem_tensors(&s, 3, 768, false, got), 1);
    assert_int_equal(patch_stem_tensors(&s, 3, 768, true, got), 2);
    assert_memory_equal(got[0].shape, ((int[4]){ 768, 3, 16, 16 }), sizeof got[0].shape);
}

/* By hand: 32 32 27 64 + 16 16 576 128, as Compact Transformers' CCT-2/3x2; ViT-B/16: 196 768 768. */
static void macs_and_grids_of_published_stems(void **state)
{
    const struct patch_stem cct = { .layers = 2, .conv = { CCT(64), CCT(128) } };
    const struct patch_stem b16 = { .patch = 16 };

    (void)state;
    assert_int_equal(patch_stem_grid(&cct, 32), 8);
    assert_int_equal(patch_stem_grid(&b16, 224), 14);
    assert_int_equal(patch_stem_grid(&b16, 15), 0);
    assert_true(patch_stem_macs(&cct, 3, 32, 128) == 1024.0 * 27 * 64 + 256.0 * 576 * 128);
    assert_true(patch_stem_macs(&b16, 3, 224, 768) == 196.0 * 768 * 768);
}

static void a_stem_that_cannot_be_computed_is_refused(void **state)
{
    const struct patch_stem good = { .layers = 2, .conv = { CCT(8), CCT(12) } };
    struct patch_stem s;
    struct vit_error err;

    (void)state;
    assert_ok(patch_stem_check(&good, 3, 32, 12, "x.json", &err), &err);
#define REFUSED(change, channels, image, width, part)                                                        \
    do {                                                                                                     \
        s = good;                                                                                            \
        change;                                                                                              \
        assert_refused(patch_stem_check(&s, channels, image, width, "x.json", &err), VIT_ERR_FORMAT, part,   \
                       &err);                                                                                \
    } while (0)
    REFUSED((void)0, 0, 32, 12, "x.json: stem: number of channels is 0, expected 1 to");
    REFUSED((void)0, 3, 0, 12, "image is 0");
    REFUSED((void)0, 3, PATCH_MOST_SIZE + 1, 12, "image is 8193, expected 1 to 8192");
    REFUSED((void)0, 3, 32, 13, "12 outputs and no projection follows, expected the width, 13");
    REFUSED(s.layers = 9, 3, 32, 12, "number of layers is 9");
    REFUSED(s.layers = 0, 3, 32, 12, "number of layers is 0");
    REFUSED(s.patch = -1, 3, 32, 12, "patch is -1");
    REFUSED(s.patch = 33, 3, 32, 12, "patch is 33, expected 1 to 32");
    REFUSED(s.patch = PATCH_MOST_SIZE, 65536, PATCH_MOST_SIZE, 12, "too large");
    REFUSED(s.conv[1].stride = 0, 3, 32, 12, "stem layer 1: stride is 0");
    REFUSED(s.conv[1].kernel = 65, 3, 32, 12, "kernel is 65");
    REFUSED(s.conv[0].padding = 3, 3, 32, 12, "stem layer 0: padding is 3, expected 0 to 2");
    REFUSED(s.conv[0].pool.kernel = 17, 3, 32, 12, "pooling kernel is 17");
    REFUSED(s.conv[0].pool.padding = 2, 3, 32, 12, "pooling padding is 2, expected 0 to 1");
    REFUSED(s.conv[0].pool.stride = 0, 3, 32, 12, "pooling stride is 0");
    REFUSED(s.conv[0].kernel = 40;
            s.conv[0].padding = 0, 3, 32, 12, "nothing is left of a picture of 32 pixels");
#undef REFUSED
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_have_canonical_names_and_shapes),
        cmocka_unit_test(the_patch_bias_is_optional),
        cmocka_unit_test(macs_and_grids_of_published_stems),
        cmocka_unit_test(a_stem_that_cannot_be_computed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
