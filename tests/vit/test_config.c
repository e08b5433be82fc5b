/* config.json of ours, both ways, and every check a configuration goes through. */
#include <jansson.h>

#include "tests/support/test.h"
#include "tests/vit/tiny.h"
#include "vit/config_json.h"

/* A configuration with as much as possible away from the defaults. */
static struct vit_config unusual(void)
{
    struct vit_config c = tiny_config(VIT_NORM_MIX);

    c.norm.mix = 1.0f / 3;
    c.norm.eps = 1e-12f;
    c.norm.kind = KERN_DYT;
    c.norm.embed = c.norm.qk = true;
    c.stem = (struct patch_stem){
        .layers = 2,
        .conv = { { .out = 8, .kernel = 3, .stride = 2, .padding = 1, .bias = true, .act = KERN_ACT_NONE },
                  { .out = 12,
                    .kernel = 1,
                    .stride = 1,
                    .batch_norm = true,
                    .act = KERN_ACT_SILU,
                    .pool = { 3, 2, 1 } } },
        .project = true
    };
    c.channels = 1;
    c.registers = 3;
    c.position = VIT_POS_SINCOS2D;
    c.position_resample = WEIGHTS_BICUBIC_OFFSET;
    c.pool = VIT_POOL_CLS_MEAN;
    c.pre_logits = 5;
    c.act = KERN_ACT_SILU;
    c.glu = true;
    c.position_prefix = c.qkv_bias = c.bias = c.patch_bias = false;
    return c;
}

static struct patch_recipe recipe(void)
{
    return (struct patch_recipe){ .size = 9,
                                  .squash = true,
                                  .crop_pct = 0.1f,
                                  .filter = PATCH_LANCZOS,
                                  .mean = { 0.1f, 1e-12f, 1.0f / 3 },
                                  .std = { 0.2f, 0.3f, 16777217.0f } };
}

/* The text in between, as a file would have it. */
static json_t *through_text(json_t *o)
{
    char *text = json_dumps(o, 0);
    json_t *back = json_loads(text, 0, NULL);

    assert_non_null(back);
    json_decref(o);
    free(text);
    return back;
}

/* ---- the way there and back ---- */

static void assert_same_config(const struct vit_config *a, const struct vit_config *b)
{
    json_t *x = vit_config_to_json(a, NULL, NULL), *y = vit_config_to_json(b, NULL, NULL);

    assert_true(json_equal(x, y)); /* what is written; the fields that matter follow */
    assert_int_equal(a->norm.placement, b->norm.placement);
    assert_true(a->norm.eps == b->norm.eps);
    if (a->norm.placement == VIT_NORM_MIX) assert_true(a->norm.mix == b->norm.mix);
    assert_int_equal(a->norm.kind, b->norm.kind);
    assert_memory_equal(&a->stem, &b->stem, sizeof a->stem);
    assert_int_equal(a->act, b->act);
    assert_int_equal(a->position_resample, b->position_resample);
    assert_int_equal(vit_config_tokens(a), vit_config_tokens(b));
    json_decref(x);
    json_decref(y);
}

static void a_configuration_survives_its_own_file(void **state)
{
    struct vit_config all[2 + VIT_PLACEMENTS] = { unusual(), tiny_config(VIT_NORM_PRE) };

    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) all[2 + p] = tiny_config((enum vit_placement)p);
    for (size_t i = 0; i < VIT_COUNT(all); i++) {
        const struct patch_recipe r = recipe();
        json_t *o = through_text(vit_config_to_json(&all[i], &r, NULL));
        struct patch_recipe recipe_back = patch_recipe_default(1);
        struct vit_config back;
        struct vit_error err;

        assert_ok(vit_config_from_json(&back, o, "test", &err), &err);
        assert_same_config(&all[i], &back);
        assert_ok(vit_recipe_from_json(&recipe_back, o, "test", &err), &err);
        assert_memory_equal(r.mean, recipe_back.mean, sizeof r.mean);
        assert_memory_equal(r.std, recipe_back.std, sizeof r.std);
        assert_true(recipe_back.crop_pct == r.crop_pct && recipe_back.squash);
        assert_int_equal(recipe_back.filter, r.filter);
        json_decref(o);
    }
}

/* The largest of all that patch_stem_check() takes. */
static void a_stem_at_its_limits_is_read_as_it_was_written(void **state)
{
    static const struct patch_conv CONV[] = {
        { .out = 1 << 16, .kernel = 64, .stride = 64, .padding = 63, .pool = { 16, 64, 8 } },
        { .out = 1, .kernel = 1, .stride = 1, .pool = { 1, 1, 0 } },
        { .out = 16, .kernel = 3, .stride = 1, .padding = 1, .act = KERN_ACT_TANH, .pool = { 3, 20, 1 } },
    };
    struct vit_config all[VIT_COUNT(CONV) + 1], back;
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(all); i++) {
        json_t *o;

        all[i] = tiny_config(VIT_NORM_PRE);
        all[i].image = i < VIT_COUNT(CONV) ? 64 : PATCH_MOST_SIZE;
        all[i].stem = (struct patch_stem){ .patch = PATCH_MOST_SIZE };
        if (i < VIT_COUNT(CONV))
            all[i].stem = (struct patch_stem){ .layers = 1, .conv = { CONV[i] }, .project = true };
        assert_ok(vit_config_check(&all[i], "test", &err), &err);
        o = through_text(vit_config_to_json(&all[i], NULL, NULL));
        assert_ok(vit_config_from_json(&back, o, "test", &err), &err);
        assert_same_config(&all[i], &back);
        json_decref(o);
    }
}

static void every_field_is_in_the_file(void **state)
{
    const struct vit_config base = tiny_config(VIT_NORM_PRE), other = unusual();
    json_t *a = vit_config_to_json(&base, NULL, NULL), *b = vit_config_to_json(&other, NULL, NULL), *value;
    const char *key;
    static const char *const EQUAL[] = { "format", "image",   "width", "depth", "heads",
                                         "hidden", "classes", "cls",   "dist" };

    (void)state;
    json_object_foreach(a, key, value)
    {
        bool meant = false;
        for (size_t i = 0; i < VIT_COUNT(EQUAL); i++) meant |= !strcmp(key, EQUAL[i]);
        if (json_equal(value, json_object_get(b, key)) != meant)
            fail_msg("\"%s\" does not follow the field", key);
    }
    json_decref(a);
    json_decref(b);
}

static void numbers_are_written_as_people_write_them(void **state)
{
    const struct vit_config c = unusual();
    const struct patch_recipe r = recipe();
    json_t *o = vit_config_to_json(&c, &r, NULL);

    (void)state;
    assert_true(json_real_value(json_object_get(json_object_get(o, "preprocess"), "crop_pct")) == 0.1);
    assert_true(json_real_value(json_object_get(json_object_get(o, "norm"), "eps")) == 1e-12);
    json_decref(o);
}

static void labels_are_kept_in_order(void **state)
{
    static const char *const NAMES[TINY_CLASSES] = { "d\xc3\xb6g", "cat", "a \"quoted\" one", "" };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    json_t *o = through_text(vit_config_to_json(&c, NULL, NAMES));

    (void)state;
    for (size_t i = 0; i < TINY_CLASSES; i++)
        assert_string_equal(json_string_value(json_array_get(json_object_get(o, "labels"), i)), NAMES[i]);
    json_decref(o);
}

/* ---- what is refused ---- */

/* A small valid file; %s: more members. */
static const char VALID[] = "{\"format\":\"vit-1\",\"image\":8,\"stem\":{\"kind\":\"patch\",\"patch\":4},"
                            "\"width\":16,\"depth\":2,\"heads\":2,\"hidden\":24,\"classes\":4%s}";

/* Read VALID with a member added or replaced (jansson takes the last of two). */
static enum vit_status read_with(const char *member, struct vit_config *c, struct vit_error *err)
{
    char text[1024];
    json_t *o;
    enum vit_status status;

    snprintf(text, sizeof text, VALID, member);
    o = json_loads(text, 0, NULL);
    if (!o) fail_msg("the test's own JSON is broken: %s", text);
    status = vit_config_from_json(c, o, "config.json", err);
    json_decref(o);
    return status;
}

struct refusal {
    const char *member, *says;
};

static void assert_all_refused(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct vit_config c;
        struct vit_error err = { 0 };

        if (!read_with(rows[i].member, &c, &err)) fail_msg("%s was taken", rows[i].member);
        assert_int_equal(err.status, VIT_ERR_FORMAT);
        if (!strstr(err.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].member, err.text, rows[i].says);
        if (strncmp(err.text, "config.json: ", 13)) fail_msg("\"%s\" does not name the file", err.text);
    }
}

static void the_smallest_file_has_the_documented_defaults(void **state)
{
    struct vit_config c;
    struct vit_error err;

    (void)state;
    assert_ok(read_with("", &c, &err), &err);
    assert_true(c.channels == 3 && c.cls && c.qkv_bias && c.bias && c.patch_bias && c.norm.final);
    assert_true(c.norm.placement == VIT_NORM_PRE && c.norm.eps == 1e-6f && c.act == KERN_ACT_GELU);
    assert_true(c.pool == VIT_POOL_CLS && c.position == VIT_POS_LEARNED && !c.registers && !c.pre_logits);
}

static void the_final_norm_follows_the_placement_unless_told(void **state)
{
    struct vit_config c;
    struct vit_error err;

    (void)state;
    assert_ok(read_with(",\"norm\":{\"placement\":\"post\"}", &c, &err), &err);
    assert_false(c.norm.final);
    assert_ok(read_with(",\"norm\":{\"placement\":\"post\",\"final\":true}", &c, &err), &err);
    assert_true(c.norm.final);
}

static void an_unknown_key_is_refused_by_name(void **state)
{
    static const struct refusal ROWS[] = {
        { ",\"widht\":16", "\"widht\"" },
        { ",\"norm\":{\"epsilon\":1e-6}", "\"epsilon\"" },
        { ",\"stem\":{\"kind\":\"patch\",\"size\":4}", "\"size\"" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"dilation\":1}]}", "\"dilation\"" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"pool\":{\"ceil\":1}}]}", "\"ceil\"" },
    };

    (void)state;
    assert_all_refused(ROWS, VIT_COUNT(ROWS));
}

static void a_value_of_another_type_is_refused(void **state)
{
    static const struct refusal ROWS[] = {
        { ",\"image\":\"8\"", "\"image\" must be an integer, found a string" },
        { ",\"width\":16.0", "\"width\" must be an integer, found a number" },
        { ",\"cls\":1", "\"cls\" must be true or false, found an integer" },
        { ",\"norm\":\"pre\"", "\"norm\" must be an object" },
        { ",\"norm\":{\"eps\":\"1e-6\"}", "\"eps\" must be a number" },
        { ",\"norm\":{\"placement\":1}", "\"placement\" must be a string" },
        { ",\"stem\":[]", "\"stem\" must be an object" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":{}}", "\"layers\"" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[3]}", "layer must be an object" },
        { ",\"act\":true", "\"act\" must be a string" },
        { ",\"pool\":[]", "\"pool\" must be a string" },
    };

    (void)state;
    assert_all_refused(ROWS, VIT_COUNT(ROWS));
}

static void a_value_out_of_range_is_refused(void **state)
{
    static const struct refusal ROWS[] = {
        { ",\"image\":0", "\"image\"" },
        { ",\"image\":-8", "\"image\"" },
        { ",\"image\":8193", "\"image\" must be between 1 and 8192, found 8193" },
        { ",\"width\":9223372036854775807", "\"width\"" },
        { ",\"depth\":1025", "\"depth\" must be between 1 and 1024, found 1025" },
        { ",\"position_resample\":\"nearest\"", "unknown \"position_resample\" \"nearest\"" },
        { ",\"heads\":17", "\"heads\"" },
        { ",\"heads\":3", "width 16 is not a multiple of 3 heads" },
        { ",\"hidden\":1000000", "\"hidden\"" },
        { ",\"classes\":2000000", "\"classes\"" },
        { ",\"channels\":5", "\"channels\"" },
        { ",\"registers\":2000", "\"registers\"" },
        { ",\"pre_logits\":-1", "\"pre_logits\"" },
        { ",\"norm\":{\"eps\":0}", "norm \"eps\" must be above 0 and below 1, found 0" },
        { ",\"norm\":{\"eps\":-1e-6}", "norm \"eps\" must be above 0 and below 1, found -1e-06" },
        { ",\"norm\":{\"eps\":1e300}", "\"eps\"" },
        { ",\"norm\":{\"placement\":\"middle\"}", "sandwich" },
        { ",\"norm\":{\"placement\":\"mix:2\"}", "mix:F" },
        { ",\"norm\":{\"kind\":\"batchnorm\"}", "layernorm, rmsnorm or dyt" },
        { ",\"act\":\"swish\"", "\"swish\"" },
        { ",\"pool\":\"max\"", "cls, mean, seq" },
        { ",\"position\":\"rotary\"", "learned, sincos2d, none" },
    };

    (void)state;
    assert_all_refused(ROWS, VIT_COUNT(ROWS));
}

/* A program may put any number there. */
static void a_configuration_of_no_known_kind_is_refused(void **state)
{
    struct vit_config c[7];
    static const char *const SAYS[] = { "\"norm.placement\"",
                                        "\"norm.kind\"",
                                        "\"pool\"",
                                        "\"position\"",
                                        "\"act\"",
                                        "fraction of a mix of norms must be 0 to 1, found nan",
                                        "fraction of a mix of norms must be 0 to 1, found 1.5" };
    struct vit_error err;

    (void)state;
    for (int i = 0; i < 7; i++) c[i] = tiny_config(i < 5 ? VIT_NORM_PRE : VIT_NORM_MIX);
    c[0].norm.placement = VIT_PLACEMENTS;
    c[1].norm.kind = KERN_NORM_KINDS;
    c[2].pool = VIT_POOLS;
    c[3].position = VIT_POSITIONS;
    c[4].act = KERN_ACTS;
    c[5].norm.mix = NAN;
    c[6].norm.mix = 1.5f;
    for (int i = 0; i < 7; i++) {
        assert_int_equal(vit_config_check(&c[i], "here", &err), VIT_ERR_FORMAT);
        if (!strstr(err.text, SAYS[i])) fail_msg("\"%s\" does not say %s", err.text, SAYS[i]);
    }
}

/* A file has one word for a gate, "swiglu": with another activation it would be another network. */
static void a_gate_has_silu(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_error err;

    (void)state;
    c.glu = true;
    for (int act = 0; act < KERN_ACTS; act++) {
        c.act = (enum kern_act)act;
        if (act == KERN_ACT_SILU)
            assert_ok(vit_config_check(&c, "here", &err), &err);
        else
            assert_refused(vit_config_check(&c, "here", &err), VIT_ERR_FORMAT, kern_act_name(c.act), &err);
    }
}

static void a_stem_that_does_not_fit_is_refused(void **state)
{
    static const struct refusal ROWS[] = {
        { ",\"stem\":{\"kind\":\"patch\"}", "layers" }, /* neither a patch nor layers */
        { ",\"stem\":{\"kind\":\"patch\",\"patch\":0}", "\"patch\"" },
        { ",\"stem\":{\"kind\":\"patch\",\"patch\":9}", "patch" },
        { ",\"stem\":{\"kind\":\"rows\"}", "patch, conv" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[]}", "1 to 8" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{},{},{},{},{},{},{},{},{}]}", "1 to 8" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":15}]}", "15" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"kernel\":11,\"padding\":0}]}",
          "nothing is left" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"stride\":0}]}",
          "config.json: stem layer 0: stride is 0, expected 1 to 64" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"kernel\":-1}]}", "\"kernel\"" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"kernel\":268435456}]}",
          "stem layer 0: kernel is 268435456, expected 1 to 64" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"padding\":3}]}", "padding" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"pool\":{\"kernel\":17}}]}",
          "config.json: stem layer 0: pooling kernel is 17, expected 0 to 16" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"pool\":{\"kernel\":0}}]}", "\"kernel\"" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"pool\":{\"stride\":65}}]}",
          "config.json: stem layer 0: pooling stride is 65, expected 1 to 64" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"pool\":{\"padding\":2}}]}", "padding" },
        { ",\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\":16,\"act\":\"mish\"}]}", "mish" },
        { ",\"stem\":null", "no \"stem\"" },
    };

    (void)state;
    assert_all_refused(ROWS, VIT_COUNT(ROWS));
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal ROWS[] = {
        { ",\"cls\":false", "class token" },
        { ",\"cls\":false,\"pool\":\"cls_mean\"", "class token" },
        { ",\"dist\":true,\"pool\":\"mean\"", "distillation" },
        { ",\"dist\":true,\"norm\":{\"pooled\":true}", "distillation" },
        { ",\"position\":\"sincos2d\",\"width\":18", "multiple of 4" },
        { ",\"pool\":\"cls_mean\",\"norm\":{\"pooled\":true}", "cls_mean" },
    };

    (void)state;
    assert_all_refused(ROWS, VIT_COUNT(ROWS));
}

/* A picture that is no multiple of the patch is cut, as the convolution of the frameworks does. */
static void pixels_past_the_last_patch_are_left_out(void **state)
{
    struct vit_config c;
    struct vit_error err;

    (void)state;
    assert_ok(read_with(",\"image\":11", &c, &err), &err);
    assert_int_equal(vit_config_grid(&c), 2);
    assert_int_equal(vit_config_tokens(&c), 5);
}

static void recipes_with_wrong_values_are_refused(void **state)
{
    static const struct refusal ROWS[] = {
        { "{\"size\":0}", "\"size\"" },
        { "{\"size\":\"32\"}", "\"size\"" },
        { "{\"crop_mode\":\"border\"}", "center, squash" },
        { "{\"crop_pct\":0}", "crop_pct" },
        { "{\"crop_pct\":-1}", "crop_pct" },
        { "{\"interpolation\":\"nearest\"}", "\"nearest\"" },
        { "{\"mean\":[0.5,0.5]}", "must have 3 numbers, found 2" },
        { "{\"mean\":[0.5,0.5,\"x\"]}", "\"mean\"" },
        { "{\"mean\":0.5}", "\"mean\"" },
        { "{\"mean\":[1e300,0,0]}", "\"mean\"" },
        { "{\"std\":[0.5,0,0.5]}", "std" },
        { "{\"scale\":1}", "\"scale\"" },
        { "[]", "config.json: \"preprocess\" must be an object" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        json_t *o = json_pack("{so}", "preprocess", json_loads(ROWS[i].member, 0, NULL));
        struct patch_recipe r = patch_recipe_default(8);
        struct vit_error err = { 0 };

        if (!vit_recipe_from_json(&r, o, "config.json", &err)) fail_msg("%s was taken", ROWS[i].member);
        assert_int_equal(err.status, VIT_ERR_FORMAT);
        if (!strstr(err.text, ROWS[i].says))
            fail_msg("%s: \"%s\" does not say %s", ROWS[i].member, err.text, ROWS[i].says);
        json_decref(o);
    }
}

/* Of a square nothing is cropped unless it is told, and null tells nothing. */
static void the_crop_of_a_square_must_be_told(void **state)
{
    static const char *const TEXTS[] = { "{\"crop_mode\":\"squash\"}",
                                         "{\"crop_mode\":\"squash\",\"crop_pct\":null}" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(TEXTS); i++) {
        json_t *o = json_pack("{so}", "preprocess", json_loads(TEXTS[i], 0, NULL));
        struct patch_recipe r = patch_recipe_default(8);
        struct vit_error err;

        assert_ok(vit_recipe_from_json(&r, o, "config.json", &err), &err);
        assert_true(r.squash && r.crop_pct == 1);
        json_decref(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_survives_its_own_file),
        cmocka_unit_test(a_stem_at_its_limits_is_read_as_it_was_written),
        cmocka_unit_test(every_field_is_in_the_file),
        cmocka_unit_test(numbers_are_written_as_people_write_them),
        cmocka_unit_test(labels_are_kept_in_order),
        cmocka_unit_test(the_smallest_file_has_the_documented_defaults),
        cmocka_unit_test(the_final_norm_follows_the_placement_unless_told),
        cmocka_unit_test(an_unknown_key_is_refused_by_name),
        cmocka_unit_test(a_value_of_another_type_is_refused),
        cmocka_unit_test(a_value_out_of_range_is_refused),
        cmocka_unit_test(a_configuration_of_no_known_kind_is_refused),
        cmocka_unit_test(a_gate_has_silu),
        cmocka_unit_test(a_stem_that_does_not_fit_is_refused),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(pixels_past_the_last_patch_are_left_out),
        cmocka_unit_test(recipes_with_wrong_values_are_refused),
        cmocka_unit_test(the_crop_of_a_square_must_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
