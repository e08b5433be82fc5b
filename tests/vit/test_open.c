/* Opening a model of ours: tensors and shapes, placements swapped at run time, folders, damaged files. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/vit/folder.h"

/* A folder of the plain tiny network, not yet written. */
static void plain(struct folder *f)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);

    folder_make(f, &c);
}

/* ---- tensors ---- */

static void a_model_of_ours_opens_without_a_warning(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_config c = tiny_config((enum vit_placement)p);
        folder_make(&f, &c);
        folder_write(&f);
        m = folder_open(&f, NULL);
        if (vit_model_note(m, 0, NULL))
            fail_msg("%s: %s", vit_placement_name(c.norm.placement), vit_model_note(m, 0, NULL));
        assert_int_equal(vit_model_config(m)->norm.placement, p);
        assert_string_equal(vit_model_labels(m)[3], "3");
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* What a key of ours that is left out means, a null means too; and of others' keys, which tell whose file it
 * is. */
static void null_is_as_if_it_were_not_there(void **state)
{
    static const char *const KEYS[] = { "patch_bias",        "dist",       "position_prefix",
                                        "position_resample", "preprocess", "labels" };
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;
    char *text;
    json_t *o;

    (void)state;
    c.patch_bias = c.position_prefix = false;
    folder_make(&f, &c);
    text = folder_config_text(&f);
    o = json_loads(text, 0, NULL);
    free(text);
    for (size_t i = 0; i < VIT_COUNT(KEYS); i++) json_object_set_new(o, KEYS[i], json_null());
    text = json_dumps(o, 0);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", text);
    m = folder_open(&f, NULL);
    assert_false(vit_model_config(m)->patch_bias || vit_model_config(m)->position_prefix);
    assert_int_equal(folder_notes(m, true, "no \"preprocess\": crop_pct 0.9, mean and std 0.5 assumed"), 1);
    vit_model_close(m);
    folder_text(&f, "config.json", "{\"format\":null,\"architecture\":null,\"model_type\":null}");
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, true, "everything is inferred"), 1);
    vit_model_close(m);
    json_decref(o);
    free(text);
    folder_remove(&f);
}

/* What vit_model_note says that the model was taken to be; NULL: nothing. */
static json_t *taken(const struct vit_model *m)
{
    static const char WORDS[] = "taken to be, in the words of a config.json of ours: ";
    const char *text, *found = NULL;

    for (int i = 0; (text = vit_model_note(m, i, NULL)) && !found; i++) found = strstr(text, WORDS);
    if (!found) return NULL;
    json_t *o = json_loads(found + strlen(WORDS), JSON_REJECT_DUPLICATES, NULL);
    if (!o) fail_msg("not JSON: %s", found);
    return o;
}

static void what_a_configuration_leaves_out_is_said(void **state)
{
    static const char LEFT_OUT[] = "{\"norm\":{\"eps\":1e-6},\"act\":\"gelu\",\"preprocess\":{\"size\":16}}";
    struct folder f;
    struct vit_model *m;
    char *text;
    json_t *o, *expected = json_loads(LEFT_OUT, 0, NULL), *found;

    (void)state;
    plain(&f);
    text = folder_config_text(&f);
    o = json_loads(text, 0, NULL);
    free(text);
    json_object_del(o, "act");
    json_object_del(json_object_get(o, "norm"), "eps");
    json_object_del(json_object_get(o, "preprocess"), "size");
    text = json_dumps(o, 0);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", text);
    m = folder_open(&f, NULL);
    found = taken(m);
    json_object_set_new(json_object_get(expected, "preprocess"), "size", json_integer(f.config.image));
    assert_true(json_equal(found, expected));
    vit_model_close(m);
    folder_remove(&f);
    json_decref(o);
    json_decref(expected);
    json_decref(found);
    free(text);
}

/* Layer by layer too; and whose names the tensors have. */
static void what_a_stem_leaves_out_is_said(void **state)
{
    static const char OURS[] = "{\"format\":\"vit-1\",\"image\":32,\"stem\":{\"kind\":\"conv\",\"layers\":["
                               "{\"out\":16,\"kernel\":3,\"stride\":1,\"padding\":1,\"bias\":false,"
                               "\"norm\":\"none\",\"act\":\"relu\"},{\"out\":16,\"kernel\":5}]},"
                               "\"width\":16,\"depth\":1,\"heads\":2,\"hidden\":32,\"classes\":4}";
    struct vit_config c;
    struct folder f;
    struct vit_model *m;
    struct vit_error err;
    json_t *o = json_loads(OURS, 0, NULL), *found, *layers;

    (void)state;
    assert_ok(vit_config_from_json(&c, o, "test", &err), &err);
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", OURS);
    m = folder_open(&f, NULL);
    found = taken(m);
    layers = json_object_get(json_object_get(found, "stem"), "layers");
    assert_int_equal(json_array_size(layers), 2);
    assert_int_equal(json_object_size(json_array_get(layers, 0)), 0);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(layers, 1), "stride")),
                     c.stem.conv[1].stride);
    assert_null(json_object_get(json_array_get(layers, 1), "kernel"));
    assert_int_equal(folder_notes(m, false, "the names of"), 0); /* they are ours */
    vit_model_close(m);
    json_decref(found);
    json_decref(o);
    folder_remove(&f);
    assert_ok(vit_model_open(&m, "tests/data/golden/cct-2-3x2", NULL, &err), &err);
    assert_int_equal(folder_notes(m, false, "its tensors have the names of cct"), 1);
    vit_model_close(m);
}

/* A norm that the configuration does not speak of is one that the file has, or has not. */
static void a_norm_after_pooling_is_found_in_the_file(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;
    char *text;
    json_t *o;

    (void)state;
    c.pool = VIT_POOL_MEAN;
    c.norm.pooled = true;
    c.norm.final = false;
    folder_make(&f, &c);
    text = folder_config_text(&f);
    o = json_loads(text, 0, NULL);
    free(text);
    json_object_del(json_object_get(o, "norm"), "pooled");
    text = json_dumps(o, 0);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", text);
    m = folder_open(&f, NULL);
    assert_true(vit_model_config(m)->norm.pooled);
    assert_int_equal(folder_notes(m, true, ""), 0);
    vit_model_close(m);
    json_object_set_new(json_object_get(o, "norm"), "pooled", json_false());
    free(text);
    text = json_dumps(o, 0);
    folder_text(&f, "config.json", text);
    m = folder_open(&f, NULL);
    assert_false(vit_model_config(m)->norm.pooled);
    assert_int_equal(folder_notes(m, true, "fc_norm.weight"), 1);
    vit_model_close(m);
    json_decref(o);
    free(text);
    folder_remove(&f);
}

static void assert_all_is_said(const char *path)
{
    struct vit_model *m;
    struct vit_config c;
    struct patch_recipe r = { 0 };
    struct vit_error err;
    json_t *found, *whole, *again;

    assert_ok(vit_model_open(&m, path, NULL, &err), &err);
    found = taken(m);
    assert_non_null(found);
    assert_ok(vit_config_from_json(&c, found, "note", &err), &err);
    assert_ok(vit_recipe_from_json(&r, found, "note", &err), &err);
    whole = vit_config_to_json(vit_model_config(m), vit_model_recipe(m), NULL);
    again = vit_config_to_json(&c, &r, NULL);
    assert_true(json_equal(again, whole));
    json_decref(found);
    json_decref(whole);
    json_decref(again);
    vit_model_close(m);
}

/* Nothing is guessed silently: of a model without a configuration of ours everything is said, and the words
 * are those that would have said it. */
static void all_of_a_foreign_model_is_said(void **state)
{
    char dir[TMP_PATH], path[300];
    size_t size;
    unsigned char *bytes = tmp_read("tests/data/golden/cct-2-3x2/model.safetensors", &size);

    (void)state;
    tmp_create(dir, sizeof dir);
    tmp_write(dir, "alone.safetensors", bytes, size, path, sizeof path);
    assert_all_is_said(path);
    assert_all_is_said("tests/data/golden/hf-dinov2");
    assert_all_is_said("tests/data/golden/timm-swiglu");
    free(bytes);
    tmp_remove(dir);
}

static void values_come_from_the_file(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    plain(&f);
    folder_write(&f);
    for (int trainable = 0; trainable < 2; trainable++) {
        m = folder_open(&f, &(struct vit_model_options){ .trainable = trainable });
        for (int i = 0; i < vit_model_parameter_count(m); i++) {
            const struct vit_parameter p = vit_model_parameter(m, i);
            if (memcmp(p.values, folder_entry(&f, p.name)->data, p.count * sizeof *p.values))
                fail_msg("%s is not what the file has", p.name);
        }
        vit_model_close(m);
    }
    folder_remove(&f);
}

static void integers_are_for_inference(void **state)
{
    const struct vit_model_options how = { .dtype = KERN_I8, .trainable = true };
    struct folder f;
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    plain(&f);
    folder_write(&f);
    assert_refused(vit_model_open(&m, f.path, &how, &err), VIT_ERR_ARG, "int8 is for inference", &err);
    assert_null(m);
    folder_remove(&f);
}

static void missing_tensors_are_all_named_with_their_shapes(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_drop(&f, "blocks.1.norm2.bias");
    folder_drop(&f, "head.weight");
    folder_drop(&f, "pos_embed");
    folder_write(&f);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"blocks.1.norm2.bias\" [16]");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"head.weight\" [4, 16]");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"pos_embed\" [1, 5, 16]");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "/model.safetensors: 3 tensors");
    folder_remove(&f);
}

/* A name that is misspelt is both: with our configuration as with another's. */
static void what_is_missing_stands_beside_what_is_not_used(void **state)
{
    static const char MISSING[] = "\"blocks.1.attn.qkv.weight\" [48, 16]",
                      UNUSED[] = "\"blocks.1.attn.qvk.weight\" [48, 16]";
    char says[200];
    struct folder f;

    (void)state;
    plain(&f);
    folder_entry(&f, "blocks.1.attn.qkv.weight")->name = "blocks.1.attn.qvk.weight";
    folder_write(&f);
    snprintf(says, sizeof says, "are missing: %s; not used are %s", MISSING, UNUSED);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, says);
    folder_text(&f, "config.json", "{\"num_classes\":4,\"architecture\":\"mine\"}");
    snprintf(says, sizeof says,
             "1 of their tensors have no place in a ViT of the names of timm: %s; missing are %s", UNUSED,
             MISSING);
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, says);
    folder_remove(&f);
}

static void a_wrong_shape_names_file_tensor_expected_and_found(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_entry(&f, "blocks.0.mlp.fc1.weight")->shape[0] = 16; /* (24, 16) */
    folder_entry(&f, "blocks.0.mlp.fc1.weight")->shape[1] = 24;
    folder_write(&f);
    folder_refused(&f, NULL, VIT_ERR_FORMAT,
                   "/model.safetensors: \"blocks.0.mlp.fc1.weight\" is [16, 24], expected [24, 16]");
    folder_remove(&f);
}

static void all_that_does_not_fit_is_named_at_once(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_entry(&f, "norm.weight")->shape[0] = 9;
    folder_entry(&f, "head.bias")->shape[0] = 5;
    folder_add(&f, "foo", 2, 2, 3);
    folder_write(&f);
    folder_refused(
        &f, NULL, VIT_ERR_FORMAT,
        "/model.safetensors: \"norm.weight\" is [9], expected [16], \"head.bias\" is [5], expected "
        "[4]; not used are \"foo\" [2, 3]");
    folder_drop(&f, "blocks.1.norm2.bias");
    folder_write(&f);
    folder_refused(&f, NULL, VIT_ERR_FORMAT,
                   "are missing: \"blocks.1.norm2.bias\" [16]; of other shapes: \"norm.weight\" is [9], "
                   "expected [16], \"head.bias\" is [5], expected [4]; not used are \"foo\" [2, 3]");
    folder_remove(&f);
}

/* As many as they are does not help whose names are long: a list ends between two of them. */
static void a_list_of_tensors_is_cut_between_two(void **state)
{
    char name[200];
    struct folder f;
    struct vit_model *m;

    (void)state;
    plain(&f);
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 3; i++) folder_add(&f, name + i, 1, 3, 0);
    folder_write(&f);
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, true, ": 3 tensors are not used: \"xxx"), 1);
    assert_int_equal(folder_notes(m, true, "xxx\" [3], \"xxx"), 1);
    assert_int_equal(folder_notes(m, true, "xxx\" [3], ..."), 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* The network runs at the size of its pictures, and resizes them. */
static void positions_of_another_image_size_name_those_of_the_configuration(void **state)
{
    struct folder f;
    char *text;
    json_t *o;

    (void)state;
    plain(&f);
    text = folder_config_text(&f);
    o = json_loads(text, 0, NULL);
    free(text);
    json_object_set_new(o, "image", json_integer(16));
    text = json_dumps(o, 0);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", text);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"pos_embed\" is [1, 5, 16], expected [1, 17, 16]");
    json_decref(o);
    free(text);
    folder_remove(&f);
}

static void axes_of_one_in_front_do_not_count(void **state)
{
    struct folder f;
    struct weights_entry *e;

    (void)state;
    plain(&f);
    e = folder_entry(&f, "cls_token");
    e->rank = 1;
    e->shape[0] = 16;
    e = folder_entry(&f, "norm.weight");
    e->rank = 3;
    e->shape[0] = e->shape[1] = 1;
    e->shape[2] = 16;
    folder_write(&f);
    vit_model_close(folder_open(&f, NULL));
    folder_remove(&f);
}

static void unexpected_tensors_are_a_warning(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    plain(&f);
    folder_add(&f, "blocks.0.extra", 2, 3, 5);
    folder_write(&f);
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, true, "1 tensors are not used: \"blocks.0.extra\" [3, 5]"), 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* As any other: that the configuration wants none, or fixed ones, makes them no part of the network. */
static void learned_positions_that_are_not_wanted_are_unexpected(void **state)
{
    static const enum vit_position KINDS[] = { VIT_POS_NONE, VIT_POS_SINCOS2D };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(KINDS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct folder f;
        struct vit_model *m;
        json_t *o;
        char *text;

        c.position = KINDS[i], c.position_prefix = false;
        folder_make(&f, &c);
        text = folder_config_text(&f);
        o = json_loads(text, 0, NULL);
        free(text);
        json_object_del(o, "position_prefix");
        text = json_dumps(o, 0);
        folder_add(&f, "pos_embed", 3, 1, 5);
        folder_entry(&f, "pos_embed")->shape[2] = 16;
        folder_weights(&f, "model.safetensors", NULL);
        folder_text(&f, "config.json", text);
        m = folder_open(&f, NULL);
        assert_int_equal(folder_notes(m, true, "1 tensors are not used: \"pos_embed\" [1, 5, 16]"), 1);
        vit_model_close(m);
        json_decref(o);
        free(text);
        folder_remove(&f);
    }
}

static void a_name_that_would_move_the_cursor_is_refused(void **state)
{
    static const char *const NAMES[] = { "evil\x1b[2J",
                                         "evil\xc2\x9b"
                                         "2J",
                                         "evil\x7f" };
    struct folder f;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        plain(&f);
        folder_add(&f, NAMES[i], 1, 3, 0);
        folder_write(&f);
        folder_refused(&f, NULL, VIT_ERR_FORMAT, "control character");
        folder_remove(&f);
    }
}

/* ---- placements at run time ---- */

static void a_placement_that_needs_other_tensors_is_refused_with_their_names(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_write(&f);
    folder_refused(&f, &(struct vit_model_options){ .placement = "sandwich" }, VIT_ERR_FORMAT,
                   "\"blocks.0.norm1_out.weight\" [16]");
    folder_refused(&f, &(struct vit_model_options){ .placement = "sandwich" }, VIT_ERR_FORMAT,
                   "\"sandwich\"");
    folder_refused(&f, &(struct vit_model_options){ .placement = "layerscale" }, VIT_ERR_FORMAT,
                   "\"blocks.1.ls2.gamma\" [16]");
    folder_refused(&f, &(struct vit_model_options){ .placement = "rezero" }, VIT_ERR_FORMAT,
                   "\"blocks.1.ls2.gamma\" [1]");
    folder_refused(&f, &(struct vit_model_options){ .placement = "middle" }, VIT_ERR_ARG, "res-post");
    folder_remove(&f);
}

static void swapping_the_placement_is_exactly_one_warning(void **state)
{
    static const struct {
        enum vit_placement from;
        const char *to;
    } ROWS[] = { { VIT_NORM_PRE, "post" },
                 { VIT_NORM_POST, "pre" },
                 { VIT_NORM_PRE, "mix:0.5" },
                 { VIT_NORM_PRE, "deepnorm" } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_config c = tiny_config(ROWS[i].from);
        struct folder f;
        struct vit_model *m;
        char text[32];

        folder_make(&f, &c);
        folder_write(&f);
        m = folder_open(&f, &(struct vit_model_options){ .placement = ROWS[i].to });
        assert_int_equal(folder_notes(m, false, ""), 1);
        assert_int_equal(folder_notes(m, true, "swapped from"), 1);
        assert_string_equal(vit_placement_text(&vit_model_config(m)->norm, text, sizeof text), ROWS[i].to);
        assert_int_equal(vit_model_config(m)->norm.final, c.norm.final); /* the file's final norm stays */
        vit_model_close(m);
        m = folder_open(&f, &(struct vit_model_options){ .placement = vit_placement_name(ROWS[i].from) });
        assert_int_equal(folder_notes(m, false, ""), 0); /* the same one is no swap */
        vit_model_close(m);
        folder_remove(&f);
    }
}

static void pixels_that_no_patch_has_are_said(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_config odd = c;
    struct folder f;
    struct vit_model *m;
    struct vit_error err;
    char says[100];

    (void)state;
    odd.image = c.image + 1;
    snprintf(says, sizeof says, "%d pixels a side are no multiple of the patch's %d: the last 1 rows",
             odd.image, c.stem.patch);
    folder_make(&f, &c);
    folder_write(&f);
    m = folder_open(&f, &(struct vit_model_options){ .image = odd.image });
    assert_int_equal(folder_notes(m, true, says), 1);
    vit_model_close(m);
    assert_ok(vit_model_create(&m, &odd, NULL, NULL, NULL, NULL, &err), &err);
    assert_int_equal(folder_notes(m, true, says), 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* The file is whole: the size is the caller's. */
static void a_size_that_the_network_cannot_run_at_is_an_argument(void **state)
{
    static const struct {
        int image;
        const char *says;
    } ROWS[] = {
        { 3, "model.safetensors: at 3 pixels: stem: patch is 4, expected 1 to 3" },
        { -8, "at -8 pixels: \"image\" must be between 1 and" },
        { 1 << 20, "at 1048576 pixels: \"image\" must be between 1 and" },
        { 8192, "\"tokens\" must be between 1 and" },
    };
    struct folder f;

    (void)state;
    plain(&f);
    folder_write(&f);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        folder_refused(&f, &(struct vit_model_options){ .image = ROWS[i].image }, VIT_ERR_ARG, ROWS[i].says);
    folder_remove(&f);
}

static void a_swap_changes_the_logits(void **state)
{
    struct folder f;
    struct vit_model *pre, *post;
    struct vit_session *a, *b;
    float *planes;

    (void)state;
    plain(&f);
    folder_write(&f);
    pre = folder_open(&f, NULL);
    post = folder_open(&f, &(struct vit_model_options){ .placement = "post" });
    planes = tiny_planes(pre, 1);
    a = tiny_session(pre, 1, 1, false);
    b = tiny_session(post, 1, 1, false);
    assert_memory_not_equal(vit_forward(a, planes, 1), vit_forward(b, planes, 1),
                            TINY_CLASSES * sizeof(float));
    vit_session_close(a);
    vit_session_close(b);
    vit_model_close(pre);
    vit_model_close(post);
    free(planes);
    folder_remove(&f);
}

static void the_final_norm_can_be_switched(void **state)
{
    const struct vit_config post = tiny_config(VIT_NORM_POST);
    struct folder f;
    struct vit_model *m;

    (void)state;
    plain(&f);
    folder_write(&f);
    m = folder_open(&f, &(struct vit_model_options){ .final_norm = -1 });
    assert_false(vit_model_config(m)->norm.final);
    assert_int_equal(folder_notes(m, true, "norm.weight"), 1); /* nothing is left out silently */
    vit_model_close(m);
    m = folder_open(&f, &(struct vit_model_options){ .final_norm = 1 });
    assert_true(vit_model_config(m)->norm.final);
    vit_model_close(m);
    folder_remove(&f);

    folder_make(&f, &post);
    folder_write(&f);
    folder_refused(&f, &(struct vit_model_options){ .final_norm = 1 }, VIT_ERR_FORMAT,
                   "\"norm.weight\" [16]");
    folder_remove(&f);
}

/* ---- folders ---- */

static void the_usual_name_wins_over_other_files(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    plain(&f);
    folder_write(&f);
    folder_weights(&f, "older.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_non_null(strstr(vit_model_path(m), "/model.safetensors"));
    vit_model_close(m);
    folder_remove(&f);
}

static void a_folder_of_several_models_is_refused(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_weights(&f, "one.safetensors", NULL);
    folder_weights(&f, "two.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_ARG, "one.safetensors");
    folder_refused(&f, NULL, VIT_ERR_ARG, "two.safetensors");
    folder_remove(&f);
}

static void a_model_in_several_files_is_refused_as_such(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_weights(&f, "model-00001-of-00002.safetensors", NULL);
    folder_weights(&f, "model-00002-of-00002.safetensors", NULL);
    folder_text(&f, "model.safetensors.index.json", "{}");
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "lies in several files (model.safetensors.index.json)");
    folder_remove(&f);
}

static void a_folder_without_a_model_says_what_it_expected(void **state)
{
    struct folder f;

    (void)state;
    plain(&f);
    folder_refused(&f, NULL, VIT_ERR_IO, "expected model.safetensors");
    folder_text(&f, "config.json", "{}");
    folder_text(&f, ".hidden.safetensors", "x");
    folder_refused(&f, NULL, VIT_ERR_IO, "expected model.safetensors");
    folder_remove(&f);
}

static void a_path_that_is_not_there_is_an_io_error(void **state)
{
    static char far[8192];
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    assert_refused(vit_model_open(&m, "/nonexistent/model.safetensors", NULL, &err), VIT_ERR_IO,
                   "/nonexistent/", &err);
    assert_refused(vit_model_open(&m, "", NULL, &err), VIT_ERR_IO, "", &err);
    memset(far, 'a', sizeof far - 1);
    assert_int_not_equal(vit_model_open(&m, far, NULL, &err), VIT_OK);
    assert_null(m);
    assert_int_not_equal(vit_model_open(&m, far, NULL, NULL), VIT_OK); /* err may be NULL */
}

static void the_metadata_wins_over_config_json(void **state)
{
    struct folder f;
    struct vit_model *m;
    char *text;

    (void)state;
    plain(&f);
    text = folder_config_text(&f);
    folder_weights(&f, "model.safetensors", text);
    folder_text(&f, "config.json", "{\"format\":\"vit-1\", broken");
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->width, 16);
    vit_model_close(m);
    free(text);
    folder_remove(&f);
}

/* Nobody writes to them: what waited would wait for ever. */
static void a_pipe_beside_a_model_is_refused(void **state)
{
    static const char *const NAMES[] = { "config.json", "preprocessor_config.json" };
    struct folder f;
    char path[400];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        plain(&f);
        folder_weights(&f, "model.safetensors", NULL);
        snprintf(path, sizeof path, "%s/%s", f.path, NAMES[i]);
        assert_int_equal(mkfifo(path, 0600), 0);
        snprintf(path, sizeof path, "/%s: expected a file, found a pipe", NAMES[i]);
        folder_refused(&f, NULL, VIT_ERR_IO, path);
        folder_remove(&f);
    }
}

/* As in the cache of a hub whose blobs are gone: what is there is not passed over for what else is. */
static void a_link_that_leads_nowhere_is_refused(void **state)
{
    static const char *const NAMES[] = { "config.json", "preprocessor_config.json", "model.safetensors" };
    struct folder f;
    char path[400];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        plain(&f);
        folder_weights(&f, i < 2 ? "model.safetensors" : "other.safetensors", NULL);
        snprintf(path, sizeof path, "%s/%s", f.path, NAMES[i]);
        assert_int_equal(symlink("../../blobs/gone", path), 0);
        snprintf(path, sizeof path, "/%s: cannot be opened: No such file or directory", NAMES[i]);
        folder_refused(&f, NULL, VIT_ERR_IO, path);
        folder_remove(&f);
    }
    plain(&f);
    folder_weights(&f, "model-1.safetensors", NULL);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", f.path);
    assert_int_equal(symlink("../../blobs/gone", path), 0);
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "the model lies in several files");
    folder_remove(&f);
}

/* ---- damaged files ---- */

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct folder f;
    unsigned char *bytes;
    char path[400], *text;
    size_t size;

    (void)state;
    plain(&f);
    text = folder_config_text(&f);
    folder_weights(&f, "model.safetensors", text);
    snprintf(path, sizeof path, "%s/model.safetensors", f.path);
    bytes = tmp_read(path, &size);
    for (size_t cut = 0; cut < size; cut += cut < 512 ? 7 : 97) {
        struct vit_model *m;
        struct vit_error err = { 0 };
        tmp_write(f.path, "model.safetensors", bytes, cut, NULL, 0);
        if (!vit_model_open(&m, f.path, NULL, &err)) fail_msg("%zu of %zu bytes were taken", cut, size);
        assert_null(m);
        assert_non_null(strstr(err.text, "model.safetensors"));
    }
    free(bytes);
    free(text);
    folder_remove(&f);
}

/* Any byte of the header, JSON inside JSON: refused or not, but nothing breaks (asan looks on). */
static void a_flipped_byte_of_the_header_breaks_nothing(void **state)
{
    struct folder f;
    unsigned char *bytes;
    char path[400], *text;
    size_t size;
    int refused = 0;

    (void)state;
    plain(&f);
    text = folder_config_text(&f);
    folder_weights(&f, "model.safetensors", text);
    snprintf(path, sizeof path, "%s/model.safetensors", f.path);
    bytes = tmp_read(path, &size);
    for (size_t at = 0; at < 2400 && at < size; at += 3) {
        struct vit_model *m;
        bytes[at] ^= (unsigned char)(1 << at % 7);
        tmp_write(f.path, "model.safetensors", bytes, size, NULL, 0);
        refused += vit_model_open(&m, f.path, NULL, NULL) != VIT_OK;
        vit_model_close(m);
        bytes[at] ^= (unsigned char)(1 << at % 7);
    }
    assert_true(refused > 100);
    free(bytes);
    free(text);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_of_ours_opens_without_a_warning),
        cmocka_unit_test(null_is_as_if_it_were_not_there),
        cmocka_unit_test(what_a_configuration_leaves_out_is_said),
        cmocka_unit_test(what_a_stem_leaves_out_is_said),
        cmocka_unit_test(a_norm_after_pooling_is_found_in_the_file),
        cmocka_unit_test(all_of_a_foreign_model_is_said),
        cmocka_unit_test(values_come_from_the_file),
        cmocka_unit_test(integers_are_for_inference),
        cmocka_unit_test(missing_tensors_are_all_named_with_their_shapes),
        cmocka_unit_test(what_is_missing_stands_beside_what_is_not_used),
        cmocka_unit_test(a_wrong_shape_names_file_tensor_expected_and_found),
        cmocka_unit_test(all_that_does_not_fit_is_named_at_once),
        cmocka_unit_test(a_list_of_tensors_is_cut_between_two),
        cmocka_unit_test(positions_of_another_image_size_name_those_of_the_configuration),
        cmocka_unit_test(axes_of_one_in_front_do_not_count),
        cmocka_unit_test(unexpected_tensors_are_a_warning),
        cmocka_unit_test(learned_positions_that_are_not_wanted_are_unexpected),
        cmocka_unit_test(a_name_that_would_move_the_cursor_is_refused),
        cmocka_unit_test(a_placement_that_needs_other_tensors_is_refused_with_their_names),
        cmocka_unit_test(swapping_the_placement_is_exactly_one_warning),
        cmocka_unit_test(pixels_that_no_patch_has_are_said),
        cmocka_unit_test(a_size_that_the_network_cannot_run_at_is_an_argument),
        cmocka_unit_test(a_swap_changes_the_logits),
        cmocka_unit_test(the_final_norm_can_be_switched),
        cmocka_unit_test(the_usual_name_wins_over_other_files),
        cmocka_unit_test(a_folder_of_several_models_is_refused),
        cmocka_unit_test(a_model_in_several_files_is_refused_as_such),
        cmocka_unit_test(a_folder_without_a_model_says_what_it_expected),
        cmocka_unit_test(a_path_that_is_not_there_is_an_io_error),
        cmocka_unit_test(the_metadata_wins_over_config_json),
        cmocka_unit_test(a_pipe_beside_a_model_is_refused),
        cmocka_unit_test(a_link_that_leads_nowhere_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_flipped_byte_of_the_header_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
