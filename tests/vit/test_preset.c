/* Architectures by name: sizes that are published, and names that mean something else. */
#include "tests/support/test.h"
#include "tests/vit/tiny.h"
#include "vit/dialects.h"

static size_t parameters_of(const struct vit_config *c)
{
    size_t floats, total = 0;
    int count = vit_slots(NULL, c, &floats);
    struct vit_slot *slots = calloc((size_t)count, sizeof *slots);

    assert_non_null(slots);
    vit_slots(slots, c, &floats);
    for (int i = 0; i < count; i++) total += slots[i].buffer ? 0 : slots[i].count;
    free(slots);
    return total;
}

/* timm's results tables (param_count) and torchvision's documentation: vit_b_16 86567656, vit_b_32 88224232,
 * vit_l_16 304326632, vit_l_32 306535400, vit_h_14 632045800 (at 224); DeiT, Touvron et al. 2021: 5717416,
 * 22050664. */
static void parameter_counts_are_the_published_ones(void **state)
{
    static const struct {
        const char *name;
        size_t parameters;
    } ROWS[] = {
        { "vit_tiny_patch16_224", 5717416 },    { "vit_small_patch16_224", 22050664 },
        { "vit_base_patch16_224", 86567656 },   { "vit_base_patch32_224", 88224232 },
        { "vit_large_patch16_224", 304326632 }, { "vit_large_patch32_224", 306535400 },
        { "vit_huge_patch14_224", 632045800 },  { "deit_tiny_patch16_224", 5717416 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c;
        struct vit_error err;

        assert_ok(vit_config_preset(&c, ROWS[i].name, &err), &err);
        if (parameters_of(&c) != ROWS[i].parameters)
            fail_msg("%s: %zu parameters, published %zu", ROWS[i].name, parameters_of(&c),
                     ROWS[i].parameters);
    }
}

/* Multiply-adds: timm's results tables, "gmacs". */
static void multiply_adds_are_the_published_ones(void **state)
{
    static const struct {
        const char *name;
        double gmacs;
    } ROWS[] = { { "vit_tiny_patch16_224", 1.26 },
                 { "vit_small_patch16_224", 4.61 },
                 { "vit_base_patch16_224", 17.58 } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c;
        struct vit_error err;

        assert_ok(vit_config_preset(&c, ROWS[i].name, &err), &err);
        if (fabs(vit_config_macs(&c) / 1e9 / ROWS[i].gmacs - 1) > 0.01)
            fail_msg("%s: %.4g GMAC, published %g", ROWS[i].name, vit_config_macs(&c) / 1e9, ROWS[i].gmacs);
    }
}

/* Without an image a multiply-add count can be done by hand: one block, one token. */
static void multiply_adds_of_one_token_add_up(void **state)
{
    struct vit_config c = { .image = 4,
                            .channels = 3,
                            .stem = { .patch = 4 },
                            .width = 8,
                            .depth = 1,
                            .heads = 2,
                            .hidden = 16,
                            .classes = 5,
                            .pool = VIT_POOL_MEAN };
    const double stem = 3 * 4 * 4 * 8, block = 4 * 8 * 8 + 2 * 8 * 16, attention = 2 * 8, head = 8 * 5;

    (void)state;
    assert_true(vit_config_macs(&c) == stem + block + attention + head);
    c.pre_logits = 3;
    assert_true(vit_config_macs(&c) == stem + block + attention + 8 * 3 + 3 * 5);
}

static void our_presets_have_the_sizes_they_promise(void **state)
{
    static const struct {
        const char *name;
        double millions, within;
    } ROWS[] = { { "cct-4-3x2", 0.48, 0.02 }, { "accurate", 1.35, 0.02 }, { "plain-4", 5.36, 0.02 } };
    int i = 0;

    (void)state;
    for (; vit_config_preset_name(i); i++) {
        struct vit_config c;
        struct vit_error err;
        size_t row = 0;

        while (row < VIT_COUNT(ROWS) && strcmp(ROWS[row].name, vit_config_preset_name(i))) row++;
        if (row == VIT_COUNT(ROWS)) fail_msg("preset %s is not tested", vit_config_preset_name(i));
        assert_ok(vit_config_preset(&c, ROWS[row].name, &err), &err);
        assert_ok(vit_config_check(&c, ROWS[row].name, &err), &err);
        if (fabs((double)parameters_of(&c) / 1e6 / ROWS[row].millions - 1) > ROWS[row].within)
            fail_msg("%s: %zu parameters, expected about %g million", ROWS[row].name, parameters_of(&c),
                     ROWS[row].millions);
    }
    assert_int_equal(i, VIT_COUNT(ROWS));
    assert_null(vit_config_preset_name(-1));
}

static void a_suffix_of_the_weights_does_not_change_the_architecture(void **state)
{
    struct vit_config a, b;
    struct vit_error err;

    (void)state;
    assert_ok(vit_config_preset(&a, "vit_small_patch16_384", &err), &err);
    assert_ok(vit_config_preset(&b, "vit_small_patch16_384.augreg_in21k_ft_in1k", &err), &err);
    assert_int_equal(a.image, 384);
    assert_memory_equal(&a, &b, sizeof a);
}

static void an_unknown_name_is_an_error_that_lists_the_names(void **state)
{
    static const char *const WRONG[] = { "",
                                         "vit",
                                         "resnet50",
                                         "vit_base",
                                         "vit_bass_patch16_224",
                                         "plain-5",
                                         "vit_base_patch_224",
                                         "vit_base_patch16",
                                         "vit_basepatch16_224" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(WRONG); i++) {
        struct vit_config c;
        struct vit_error err;

        assert_refused(vit_config_preset(&c, WRONG[i], &err), VIT_ERR_ARG, "accurate", &err);
        if (!strstr(err.text, "base") || !strstr(err.text, WRONG[i]))
            fail_msg("\"%s\" does not list the names", err.text);
    }
}

/* timm has these, but each is another network than the plain one of its size. */
static void an_architecture_of_another_shape_is_not_taken_for_the_plain_one(void **state)
{
    static const char *const OTHER[] = {
        "vit_small_patch16_36x1_224",  "vit_base_patch16_18x2_224",  "deit_tiny_distilled_patch16_224",
        "deit3_base_patch16_224",      "vit_base_patch16_clip_224",  "vit_base_r50_s16_224",
        "vit_base_patch16_siglip_224", "vit_medium_patch16_gap_256", "vit_small_r26_s32_224",
        "vit_base_patch16_rpn_224",    "vit_base_patch32_plus_256",  "vit_relpos_base_patch16_224",
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(OTHER); i++) {
        struct vit_config c;
        struct vit_error err;

        if (!vit_config_preset(&c, OTHER[i], &err))
            fail_msg("%s was taken for image %d, width %d, depth %d", OTHER[i], c.image, c.width, c.depth);
    }
}

static void a_patch_that_does_not_fit_its_picture_is_refused(void **state)
{
    static const char *const WRONG[] = { "vit_base_patch0_224", "vit_base_patch16_0", "vit_base_patch300_224",
                                         "vit_base_patch-16_224", "vit_base_patch16_99999999999999999999" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(WRONG); i++) {
        struct vit_config c;
        struct vit_error err;

        if (!vit_config_preset(&c, WRONG[i], &err)) fail_msg("%s was taken", WRONG[i]);
    }
}

/* And whoever wants another picture or patch may put it there. */
static void the_network_is_filled_in_where_its_patch_does_not_fit(void **state)
{
    struct vit_config c;
    struct vit_error err;

    (void)state;
    assert_refused(vit_config_preset(&c, "vit_base_patch300_224", &err), VIT_ERR_FORMAT,
                   "vit_base_patch300_224: ", &err);
    assert_int_equal(c.stem.patch, 300);
    c.stem.patch = 32;
    assert_ok(vit_config_check(&c, "filled", &err), &err);
}

/* torchvision's vit_h_14 has these sizes, and no file of its tensors says 16. */
static void a_size_of_the_table_tells_its_heads(void **state)
{
    struct vit_config c = { .width = 1280, .depth = 32, .hidden = 5120 };
    const char *size = NULL;

    (void)state;
    assert_int_equal(vit_preset_heads_of(&c, &size), 16);
    assert_string_equal(size, "huge");
    c.depth = 31;
    assert_int_equal(vit_preset_heads_of(&c, &size), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts_are_the_published_ones),
        cmocka_unit_test(multiply_adds_are_the_published_ones),
        cmocka_unit_test(multiply_adds_of_one_token_add_up),
        cmocka_unit_test(our_presets_have_the_sizes_they_promise),
        cmocka_unit_test(a_suffix_of_the_weights_does_not_change_the_architecture),
        cmocka_unit_test(an_unknown_name_is_an_error_that_lists_the_names),
        cmocka_unit_test(an_architecture_of_another_shape_is_not_taken_for_the_plain_one),
        cmocka_unit_test(a_patch_that_does_not_fit_its_picture_is_refused),
        cmocka_unit_test(the_network_is_filled_in_where_its_patch_does_not_fit),
        cmocka_unit_test(a_size_of_the_table_tells_its_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
