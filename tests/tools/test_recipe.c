/* The table of settings: where a value comes from, what it is checked for, what the library makes of it. */
#include "tools/recipe.h"

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "tools/recipe_preset.h"
#include "vit/config_json.h"

/* Of the words alone, and of their preset; *texts is freed by the caller. */
static struct recipe recipe_of(struct recipe_texts *texts, const struct recipe_words *words)
{
    struct vit_error err;
    struct recipe r;

    *texts = (struct recipe_texts){ { 0 } };
    assert_ok(recipe_texts_words(texts, words, &err), &err);
    assert_ok(recipe_texts_preset(texts, &err), &err);
    assert_ok(recipe_parse(&r, texts, &err), &err);
    return r;
}

static struct recipe preset(struct recipe_texts *texts, const char *name)
{
    return recipe_of(texts, &(struct recipe_words){ .text = { [RECIPE_PRESET] = name } });
}

static json_t *json(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);

    assert_non_null(object);
    return object;
}

/* Every line of a preset names settings with values they accept, and its network is one, but for the preset
 * of trained networks. */
static void every_preset_is_a_recipe(void **state)
{
    (void)state;
    for (int i = 0; recipe_preset_name(i); i++) {
        struct recipe_texts texts;
        struct recipe r = preset(&texts, recipe_preset_name(i));
        struct patch_feed_options feed;
        struct patch_recipe pictures;
        struct vit_config c;
        struct vit_hyper h;
        struct vit_error err;

        if (strcmp(recipe_preset_name(i), RECIPE_PRESET_OF_TRAINED) != 0)
            assert_ok(recipe_config(&c, &r, NULL, 10, &err), &err);
        else
            assert_refused(recipe_config(&c, &r, NULL, 10, &err), VIT_ERR_ARG,
                           "is a recipe for trained networks", &err);
        assert_ok(recipe_hyper(&h, &r, 351, &err), &err);
        pictures = recipe_pictures(NULL, NULL, 32, "CIFAR-10 binary");
        assert_ok(recipe_feed(&feed, &r, &pictures, &err), &err);
        recipe_texts_free(&texts);
    }
}

/* The settings of a preset as the help prints them, "image=32 patch=4 ...", each word that is one. */
static void printed_settings(struct recipe_texts *texts, const char *name)
{
    char head[64], line[2000], *rest = line, *word;
    const char *at;

    *texts = (struct recipe_texts){ { 0 } };
    snprintf(head, sizeof head, "\n%s: ", name);
    at = strstr(RECIPE_PRESETS_TEXT, head);
    if (!at) fail_msg("the help says nothing of %s", name);
    at += strlen(head);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    while ((word = strsep(&rest, " "))) {
        char *value = strchr(word, '=');
        if (!value) continue;
        *value++ = '\0';
        if (value[strlen(value) - 1] == '.') value[strlen(value) - 1] = '\0'; /* of the sentence */
        assert_true(recipe_find(word) >= 0);
        texts->text[recipe_find(word)] = strdup(value);
    }
}

/* On whatever preset they are put, for what a setting can change of it. */
static void the_help_prints_the_networks_of_the_presets(void **state)
{
    (void)state;
    for (int i = 0; vit_config_preset_name(i); i++)
        for (int other = 0; vit_config_preset_name(other); other++) {
            struct patch_recipe pictures = recipe_pictures(NULL, NULL, 32, "CIFAR-10 binary");
            struct recipe_texts texts;
            struct vit_config want, found;
            struct recipe r;
            struct vit_error err;
            json_t *a, *b;

            printed_settings(&texts, vit_config_preset_name(i));
            texts.text[RECIPE_PRESET] = strdup(vit_config_preset_name(other));
            assert_ok(recipe_parse(&r, &texts, &err), &err);
            assert_ok(recipe_config(&found, &r, NULL, 10, &err), &err);
            assert_ok(vit_config_preset(&want, vit_config_preset_name(i), &err), &err);
            want.qkv_bias = found.qkv_bias;
            want.norm.eps = found.norm.eps;
            a = vit_config_to_json(&want, &pictures, NULL);
            b = vit_config_to_json(&found, &pictures, NULL);
            if (!json_equal(a, b))
                fail_msg("%s as the help prints it: %s, expected %s", vit_config_preset_name(i),
                         json_dumps(b, 0), json_dumps(a, 0));
            json_decref(a);
            json_decref(b);
            recipe_texts_free(&texts);
        }
}

/* Over every pixel of the training pictures. CIFAR-10's are copied everywhere; CIFAR-100's are held to the
 * digits in which published ones agree; ImageNet's are those of torchvision. */
static void pictures_are_normalised_as_their_data_set_is(void **state)
{
    static const struct {
        int image;
        const char *kind;
        double mean[3], std[3], bound;
    } ROWS[] = {
        { 32,
          "CIFAR-10 binary",
          { 0.49139968, 0.48215827, 0.44653124 },
          { 0.24703233, 0.24348505, 0.26158768 },
          5e-5 },
        { 64,
          "folder of classes",
          { 0.49139968, 0.48215827, 0.44653124 },
          { 0.24703233, 0.24348505, 0.26158768 },
          5e-5 },
        { 32,
          "CIFAR-100 binary",
          { 0.50707516, 0.48654887, 0.44091784 },
          { 0.26733429, 0.25643846, 0.27615047 },
          2e-4 },
        { 224, "folder of classes", { 0.485, 0.456, 0.406 }, { 0.229, 0.224, 0.225 }, 1e-7 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct patch_recipe p = recipe_pictures(NULL, NULL, ROWS[i].image, ROWS[i].kind);
        assert_int_equal(p.size, ROWS[i].image);
        for (int c = 0; c < 3; c++) {
            assert_near(p.mean[c], ROWS[i].mean[c], ROWS[i].bound);
            assert_near(p.std[c], ROWS[i].std[c], ROWS[i].bound);
        }
    }
}

static void what_pictures_go_through_is_said(void **state)
{
    static const char HALVES[] = "squashed to 36 x 36 pixels, the centre 32 x 32 of it, box, "
                                 "mean 0.5 0.5 0.5, deviation 0.5 0.5 0.5";
    const struct patch_recipe own = { .size = 32,
                                      .squash = true,
                                      .crop_pct = 32.f / 36,
                                      .filter = PATCH_BOX,
                                      .mean = { 0.5f, 0.5f, 0.5f },
                                      .std = { 0.5f, 0.5f, 0.5f } };
    struct patch_recipe p = recipe_pictures(NULL, NULL, 32, "CIFAR-100 binary");
    char text[256];

    (void)state;
    assert_string_equal(recipe_pictures_text(text, sizeof text, &p),
                        "squashed to 32 x 32 pixels, bicubic, mean and deviation of CIFAR-100");
    p = recipe_pictures(NULL, NULL, 224, "folder of classes");
    assert_string_equal(
        recipe_pictures_text(text, sizeof text, &p),
        "resized to a short side of 224 pixels, the centre 224 x 224 of it, bicubic, mean and "
        "deviation of ImageNet");
    assert_string_equal(recipe_pictures_text(text, sizeof text, &own), HALVES);
}

/* Compact Transformers' first recipe: 390 batches an epoch of 50 000 pictures, 5 of 200 epochs warm up. */
static void the_published_recipe_is_followed(void **state)
{
    struct recipe_texts texts;
    struct recipe r = preset(&texts, "cct-4-3x2");
    struct vit_hyper h;
    struct vit_error err;

    (void)state;
    assert_ok(recipe_hyper(&h, &r, 390, &err), &err);
    assert_int_equal(h.steps, 200 * 390);
    assert_int_equal(h.warmup, 5 * 390);
    assert_true(h.decay_all && h.decay == 0.03f && h.lr == 5e-4f && h.clip == 0 && h.lr_end == 0);
    assert_true(h.beta2 == 0.999f && h.smoothing == 0.1f && h.drop_path == 0.1f && h.attn_drop == 0.1f);
    assert_true(recipe_init(&r).position == 0.2f && recipe_init(&r).kind == VIT_INIT_TRUNC02);
    assert_string_equal(r.flip, "random");
    assert_string_equal(r.padding, "zero");
    recipe_texts_free(&texts);
}

static struct recipe starting_from_a_model(struct recipe_texts *texts, const char *preset, const char *init)
{
    return recipe_of(
        texts, &(struct recipe_words){
                   .text = { [RECIPE_PRESET] = preset, [RECIPE_FROM] = "model", [RECIPE_INIT] = init } });
}

static void a_trained_network_is_tuned_unless_a_preset_is_named(void **state)
{
    struct recipe_texts texts;
    struct recipe r = starting_from_a_model(&texts, NULL, NULL);

    (void)state;
    assert_string_equal(r.preset, RECIPE_PRESET_OF_TRAINED);
    assert_string_equal(texts.text[RECIPE_PRESET], RECIPE_PRESET_OF_TRAINED); /* what a state keeps */
    assert_true(r.lr == 1e-4f && r.batch == 32 && r.epochs == 10 && r.zero_head);
    recipe_texts_free(&texts);
    r = starting_from_a_model(&texts, "plain-4", NULL);
    assert_string_equal(r.preset, "plain-4");
    assert_true(r.lr == 1e-3f && r.batch == 128 && r.epochs == 50 && !r.zero_head);
    recipe_texts_free(&texts);
}

/* Else arms that differ in --init would be one. */
static void a_head_of_a_trained_network_is_drawn_where_it_is_said_how(void **state)
{
    struct recipe_texts texts;
    const struct recipe r = starting_from_a_model(&texts, NULL, "xavier");

    (void)state;
    assert_false(r.zero_head);
    recipe_texts_free(&texts);
}

/* 4 and 8 pixels of 32 are an eighth and a quarter of the side. */
static void a_border_grows_with_the_pictures(void **state)
{
    static const int ROWS[][3] = { { 32, 4, 8 }, { 224, 28, 56 }, { 16, 2, 4 }, { 4, 1, 1 }, { 1, 0, 0 } };
    const struct recipe r = { .augment = "cutout", .batch = 1 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct patch_recipe pictures = recipe_pictures(NULL, NULL, ROWS[i][0], "folder of classes");
        struct patch_feed_options feed;
        struct vit_error err;

        assert_ok(recipe_feed(&feed, &r, &pictures, &err), &err);
        assert_int_equal(feed.augment.crop_padding, ROWS[i][1]);
        assert_int_equal(feed.augment.cutout, ROWS[i][2]);
    }
}

static void no_preset_erases(void **state)
{
    (void)state;
    for (int i = 0; recipe_preset_name(i); i++) {
        struct recipe_texts texts;

        assert_true(preset(&texts, recipe_preset_name(i)).erase == 0);
        recipe_texts_free(&texts);
    }
}

/* As timm paints after normalising: with nought, but for the rounding of a byte. */
static void what_is_erased_is_nought_to_the_network(void **state)
{
    enum { SIZE = 32, PIXELS = SIZE * SIZE };
    const struct recipe r = { .augment = "none", .erase = 1, .batch = 1 };
    const struct patch_recipe pictures = recipe_pictures(NULL, NULL, SIZE, "CIFAR-10 binary");
    unsigned char pixels[3 * PIXELS], scratch[3 * PIXELS];
    float planes[3 * PIXELS];
    struct patch_feed_options feed;
    struct vit_error err;
    int erased = 0;

    (void)state;
    assert_ok(recipe_feed(&feed, &r, &pictures, &err), &err);
    memset(pixels, 255, sizeof pixels);
    patch_augment_apply(pixels, scratch, SIZE, &feed.augment, 1, 0, 0);
    patch_normalise(planes, pixels, &pictures);
    for (int i = 0; i < PIXELS; i++) {
        if (pixels[3 * i] == 255) continue;
        for (int c = 0; c < 3; c++)
            assert_near(planes[c * PIXELS + i], 0, 0.501 / 255 / (double)pictures.std[c]);
        erased++;
    }
    assert_in_range(erased, 1, PIXELS / 2);
}

static void the_first_that_sets_a_value_wins(void **state)
{
    const struct recipe_words words = { .text = { [RECIPE_LR] = "0.25" },
                                        .flag = { [RECIPE_QK_NORM] = true } };
    json_t *file = json("{\"lr\": 0.5, \"epochs\": 7, \"preset\": \"cct-4-3x2\", \"decay-all\": false}");
    struct recipe_texts texts = { { 0 } };
    struct vit_error err;
    struct recipe r;

    (void)state;
    assert_ok(recipe_texts_words(&texts, &words, &err), &err);
    assert_ok(recipe_texts_json(&texts, file, "file", &err), &err);
    assert_ok(recipe_texts_preset(&texts, &err), &err);
    assert_ok(recipe_parse(&r, &texts, &err), &err);
    assert_true(r.lr == 0.25f);    /* the command line */
    assert_int_equal(r.epochs, 7); /* the file */
    assert_false(r.decay_all);     /* the file, against the preset */
    assert_true(r.qk_norm);
    assert_true(r.attn_drop == 0.1f); /* the preset */
    assert_int_equal(r.eval_every, 1);
    recipe_texts_free(&texts);
    json_decref(file);
}

static void a_wrong_value_in_a_file_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {
        { "{\"lr\": \"1e-3\"}", "\"lr\": expected a number, found \"1e-3\"" },
        { "{\"epochs\": 1.5}", "\"epochs\": expected a whole number, found 1.5" },
        { "{\"qk-norm\": 1}", "\"qk-norm\": expected true or false, found 1" },
        { "{\"norm\": 3}", "\"norm\": expected a text, found 3" },
        { "{\"epoch\": 3}", "unknown key \"epoch\"; did you mean \"epochs\"?" },
        { "[1]", "expected an object" },
        { "{\"batch\": 0}", "--batch: expected" },
        { "{\"init\": \"zeros\"}", "--init: expected xavier or trunc02" },
        { "{\"norm\": \"middle\"}", "--norm: " },
        { "{\"lr\": ", "r.json" },
        { "{\"lr\": 1, \"lr\": 2}", "r.json" },
    };
    char dir[256], path[300];

    (void)state;
    tmp_create(dir, sizeof dir);
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct recipe_texts texts = { { 0 } };
        struct vit_error err;

        tmp_write(dir, "r.json", CASES[i].text, strlen(CASES[i].text), path, sizeof path);
        assert_refused(recipe_texts_file(&texts, path, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        recipe_texts_free(&texts);
    }
    tmp_remove(dir);
}

static void what_is_saved_reads_back(void **state)
{
    struct recipe_texts texts, back = { { 0 } };
    struct recipe r = preset(&texts, "accurate"), same;
    json_t *saved = recipe_texts_save(&texts);
    struct vit_error err;

    (void)state;
    assert_ok(recipe_texts_saved(&back, saved, "state", &err), &err);
    assert_ok(recipe_parse(&same, &back, &err), &err);
    assert_int_equal(recipe_difference(&r, &same), -1);
    same.beta2 = 0.5f;
    assert_int_equal(recipe_difference(&r, &same), RECIPE_BETA2);
    recipe_texts_free(&texts);
    recipe_texts_free(&back);
    json_decref(saved);
}

static void a_wrong_value_in_what_is_saved_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {
        { "{\"epochs\": \"99999999999999\"}", "state: --epochs: expected a whole number" },
        { "{\"batch\": \"0\"}", "state: --batch: expected" },
        { "{\"lr\": \"1e400\"}", "state: --lr: expected" },
        { "{\"norm\": \"<b>\"}", "state: --norm: expected" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        struct recipe_texts texts = { { 0 } };
        json_t *saved = json(CASES[i].text);
        struct vit_error err;

        assert_refused(recipe_texts_saved(&texts, saved, "state", &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        recipe_texts_free(&texts);
        json_decref(saved);
    }
}

static void equal_values_of_a_list_have_one_form(void **state)
{
    static const struct {
        enum recipe_id id;
        const char *given, *form;
    } CASES[] = {
        { RECIPE_LR, "1e-3", "0.001" },
        { RECIPE_LR, "3.0E-4", "0.0003" },
        { RECIPE_EPOCHS, "005", "5" },
        { RECIPE_NORM, "mix:.5", "mix:0.5" },
        { RECIPE_INIT, "xavier", "xavier" },
        { RECIPE_WARMUP, "5%", "5%" },
        { RECIPE_SEED, "09223372036854775807", "9223372036854775807" },
    };
    struct recipe_lists lists = { { { 0 } } };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        assert_ok(recipe_lists_add(&lists, CASES[i].id, CASES[i].given, &err), &err);
        assert_true(recipe_lists_find(&lists, CASES[i].id, CASES[i].form) >= 0);
        assert_refused(recipe_lists_add(&lists, CASES[i].id, CASES[i].form, &err), VIT_ERR_ARG, "twice",
                       &err);
    }
    recipe_lists_free(&lists);
}

/* Keys can be written as attributes, names cannot; older lines have names. */
static void a_setting_is_found_by_its_key_and_by_its_name(void **state)
{
    (void)state;
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        const char *const words[] = { recipe_key((enum recipe_id)id), recipe_name((enum recipe_id)id) };
        char key[64];
        snprintf(key, sizeof key, "%s", words[1]);
        for (char *at = key; (at = strchr(at, '-'));) *at = '_';
        assert_string_equal(words[0], key);
        for (size_t i = 0; i < VIT_COUNT(words); i++) {
            json_t *object = json_pack("{s:i}", words[i], 7);
            assert_int_equal(json_integer_value(recipe_value_in(object, (enum recipe_id)id)), 7);
            json_decref(object);
        }
    }
    assert_null(recipe_value_in(NULL, RECIPE_LR));
}

static void a_placement_is_the_same_however_it_is_written(void **state)
{
    static const char *const NORMS[] = { "mix:0.5", "mix:0.50", "mix:0.25", "post" };
    struct recipe_texts texts[VIT_COUNT(NORMS)];
    struct recipe r[VIT_COUNT(NORMS)];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NORMS); i++)
        r[i] = recipe_of(&texts[i], &(struct recipe_words){ .text = { [RECIPE_NORM] = NORMS[i] } });
    assert_int_equal(recipe_difference(&r[0], &r[1]), -1);
    for (size_t i = 2; i < VIT_COUNT(NORMS); i++)
        assert_int_equal(recipe_difference(&r[0], &r[i]), RECIPE_NORM);
    for (size_t i = 0; i < VIT_COUNT(NORMS); i++) recipe_texts_free(&texts[i]);
}

/* Of the two ways to say it; a file that says both is refused with the first of its recipes. */
static void lists_say_what_to_validate_on_once(void **state)
{
    static const struct {
        const char *text, *val;
        bool split;
        int vals, splits;
    } CASES[] = {
        { "{\"val-split\": true}", "0.5", false, 1, 0 },
        { "{\"val\": [0.1, 0.2]}", NULL, true, 0, 1 },
        { "{\"val\": 0.2, \"val-split\": [true, false]}", NULL, false, 1, 2 },
        { "{\"val\": 0.2, \"val-split\": false}", "0.5", false, 1, 0 },
    };
    char dir[256], path[300];
    struct vit_error err;

    (void)state;
    tmp_create(dir, sizeof dir);
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const struct recipe_words words = { .text = { [RECIPE_VAL] = CASES[i].val },
                                            .flag = { [RECIPE_VAL_SPLIT] = CASES[i].split } };
        struct recipe_lists lists = { { { 0 } } };

        tmp_write(dir, "g.json", CASES[i].text, strlen(CASES[i].text), path, sizeof path);
        assert_ok(recipe_lists_words(&lists, &words, &err), &err);
        assert_ok(recipe_lists_file(&lists, path, &err), &err);
        assert_int_equal(lists.of[RECIPE_VAL].count, CASES[i].vals);
        assert_int_equal(lists.of[RECIPE_VAL_SPLIT].count, CASES[i].splits);
        recipe_lists_free(&lists);
    }
    tmp_remove(dir);
}

/* From the command line, from a file where it is silent, saved and read back. */
static void lists_come_from_words_and_files(void **state)
{
    static const char TEXT[] =
        "{\"lr\": 1, \"epochs\": [3, 4], \"decay-all\": [true, false], \"warmup\": [0]}";
    const struct recipe_words words = { .text = { [RECIPE_LR] = "0.5,0.25", [RECIPE_NORM] = "post" },
                                        .flag = { [RECIPE_QK_NORM] = true } };
    struct recipe_lists lists = { { { 0 } } }, back = { { { 0 } } };
    json_t *saved, *again;
    char dir[256], path[300];
    struct vit_error err;

    (void)state;
    tmp_create(dir, sizeof dir);
    tmp_write(dir, "g.json", TEXT, sizeof TEXT - 1, path, sizeof path);
    assert_ok(recipe_lists_words(&lists, &words, &err), &err);
    assert_ok(recipe_lists_file(&lists, path, &err), &err);
    saved = recipe_lists_save(&lists);
    again = json("{\"norm\": [\"post\"], \"qk-norm\": [\"on\"], \"lr\": [\"0.5\", \"0.25\"], "
                 "\"warmup\": [\"0\"], \"epochs\": [\"3\", \"4\"], \"decay-all\": [\"on\", \"off\"]}");
    assert_true(json_equal(saved, again));
    json_decref(again);
    assert_ok(recipe_lists_saved(&back, saved, "saved", &err), &err);
    again = recipe_lists_save(&back);
    assert_true(json_equal(saved, again));
    json_decref(saved);
    json_decref(again);
    recipe_lists_free(&lists);
    recipe_lists_free(&back);
    tmp_remove(dir);
}

static void a_wrong_list_in_a_file_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {
        { "{\"lr\": []}", "g.json: \"lr\": expected at least one value, found none" },
        { "{\"lr\": [0.1, 0.10]}", "g.json: --lr: expected different values, found \"0.1\" twice" },
        { "{\"lr\": [0.1, \"x\"]}", "\"lr\": expected a number, found \"x\"" },
        { "{\"norm\": [\"pre\", \"middle\"]}", "g.json: --norm: " },
        { "{\"norms\": [\"pre\"]}", "unknown key \"norms\"; did you mean \"norm\"?" },
        { "[]", "g.json: expected an object of settings" },
    };
    struct recipe_lists lists = { { { 0 } } };
    struct vit_error err;
    char dir[256], path[300], longer[1100] = "";

    (void)state;
    tmp_create(dir, sizeof dir);
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        tmp_write(dir, "g.json", CASES[i].text, strlen(CASES[i].text), path, sizeof path);
        assert_refused(recipe_lists_file(&lists, path, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        recipe_lists_free(&lists);
    }
    memset(longer, '1', sizeof longer - 1);
    assert_refused(recipe_lists_add(&lists, RECIPE_WARMUP, longer, &err), VIT_ERR_ARG,
                   "--warmup: expected less than 1024 characters", &err);
    recipe_lists_free(&lists);
    tmp_remove(dir);
}

static struct vit_config config_of(const char *text)
{
    json_t *object = json(text);
    struct recipe_texts texts = { { 0 } };
    struct vit_error err;
    struct recipe r;
    struct vit_config c;

    assert_ok(recipe_texts_json(&texts, object, "test", &err), &err);
    assert_ok(recipe_parse(&r, &texts, &err), &err);
    assert_ok(recipe_config(&c, &r, NULL, 10, &err), &err);
    recipe_texts_free(&texts);
    json_decref(object);
    return c;
}

/* A trained network of plain-4's shape, and what becomes of its final norm: error NULL, or what it lacks. */
static void a_start_keeps_its_final_norm_where_its_placement_stays(void **state)
{
    static const struct {
        enum vit_placement placement;
        float mix;
        bool pooled, final;      /* the network's */
        const char *norm, *when; /* asked for; when: --final-norm */
        bool expected;
        const char *error;
    } ROWS[] = {
        { VIT_NORM_PRE, 0, true, false, "pre", "auto", false, NULL },
        { VIT_NORM_PRE, 0, true, false, "post", "auto", false, NULL },
        { VIT_NORM_POST, 0, true, false, "pre", "auto", false, NULL },
        { VIT_NORM_PRE, 0, true, true, "post", "auto", true, NULL },
        { VIT_NORM_PRE, 0, false, false, "pre", "auto", false, NULL },
        { VIT_NORM_POST, 0, false, true, "post", "auto", true, NULL },
        { VIT_NORM_MIX, 0.5f, false, false, "mix:0.50", "auto", false, NULL },
        { VIT_NORM_PRE, 0, false, true, "post", "auto", false, NULL },
        { VIT_NORM_POST, 0, false, false, "pre", "off", false, NULL },
        { VIT_NORM_POST, 0, false, false, "pre", "auto", true,
          "x: has no norm.weight, which the network to train needs; --final-norm off does without" },
        { VIT_NORM_MIX, 0.5f, false, false, "mix:0.25", "auto", true,
          "x: has no norm.weight, which the network to train needs; --final-norm off does without" },
        { VIT_NORM_POST, 0, false, false, "sandwich", "auto", true,
          "x: has no blocks.0.norm1_out.weight, which the network to train needs" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct recipe_texts texts;
        const struct recipe r =
            recipe_of(&texts, &(struct recipe_words){ .text = { [RECIPE_FROM] = "x",
                                                                [RECIPE_NORM] = ROWS[i].norm,
                                                                [RECIPE_FINAL_NORM] = ROWS[i].when } });
        struct recipe_base base = { 0 };
        struct vit_config c;
        struct vit_error err = { 0 };

        assert_ok(vit_config_preset(&base.config, "plain-4", &err), &err);
        base.config.pool = VIT_POOL_MEAN;
        base.config.norm.placement = ROWS[i].placement;
        base.config.norm.mix = ROWS[i].mix;
        base.config.norm.pooled = ROWS[i].pooled;
        base.config.norm.final = ROWS[i].final;
        if (!recipe_config(&c, &r, &base, 10, &err) != !ROWS[i].error || c.norm.final != ROWS[i].expected)
            fail_msg("row %zu: final norm %d, %s", i, c.norm.final, err.text);
        if (ROWS[i].error) assert_string_equal(err.text, ROWS[i].error);
        recipe_texts_free(&texts);
    }
}

static void the_network_follows_the_settings(void **state)
{
    struct vit_config c = config_of("{\"width\": 96, \"heads\": 3, \"depth\": 4, \"pool\": \"mean\"}");

    (void)state;
    assert_int_equal(c.hidden, 384); /* four times the width, as in plain-4 */
    assert_int_equal(c.stem.patch, 4);
    assert_false(c.cls);
    assert_true(c.norm.final);

    c = config_of("{\"norm\": \"post\", \"norm-kind\": \"rmsnorm\"}");
    assert_int_equal(c.norm.placement, VIT_NORM_POST);
    assert_int_equal(c.norm.kind, KERN_RMSNORM);
    assert_false(c.norm.final);
    assert_true(config_of("{\"norm\": \"post\", \"final-norm\": \"on\"}").norm.final);

    c = config_of("{\"preset\": \"accurate\", \"width\": 64, \"heads\": 2}");
    assert_int_equal(c.hidden, 128);
    assert_int_equal(c.stem.layers, 2);
    assert_int_equal(c.stem.conv[1].out, 64); /* the last convolution makes the width */

    c = config_of("{\"stem\": \"stride-3x2\", \"hidden\": 200}");
    assert_int_equal(c.stem.patch, 0);
    assert_int_equal(vit_config_grid(&c), 8);
    assert_int_equal(c.hidden, 200);
    c = config_of("{\"preset\": \"accurate\", \"stem\": \"patch\", \"patch\": 8}");
    assert_int_equal(vit_config_grid(&c), 4);
}

static void warm_up_is_steps_or_a_share(void **state)
{
    static const struct {
        const char *text;
        int steps; /* of 1000; -1: refused */
    } CASES[] = { { "0", 0 },     { "200", 200 },   { "1000", 1000 }, { "1001", -1 }, { "5%", 50 },
                  { "0.26%", 3 }, { "100%", 1000 }, { "101%", -1 },   { "%", -1 },    { "1.5", -1 },
                  { "5%%", -1 },  { "-1", -1 },     { "1e2", -1 },    { "ten", -1 },  { "1.2.3%", -1 } };
    struct recipe_texts texts;
    struct recipe r = preset(&texts, "plain-4");
    struct vit_hyper h;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        r.warmup = CASES[i].text;
        const enum vit_status status = recipe_hyper(&h, &r, 20, NULL);
        if ((CASES[i].steps < 0) != (status == VIT_ERR_ARG) || (!status && h.warmup != CASES[i].steps))
            fail_msg("\"%s\": status %s, %d steps, expected %d", CASES[i].text, vit_status_name(status),
                     h.warmup, CASES[i].steps);
    }
    recipe_texts_free(&texts);
}

static void mixing_ends_with_the_last_part_of_the_epochs(void **state)
{
    struct recipe r = { .epochs = 120, .mix_off = 0.15f };

    (void)state;
    assert_true(recipe_mixes(&r, 0));
    assert_true(recipe_mixes(&r, 101));
    assert_false(recipe_mixes(&r, 102)); /* 18 of 120 are 15 % */
    r.mix_off = 0;
    assert_true(recipe_mixes(&r, 119));
    r.mix_off = 1;
    assert_false(recipe_mixes(&r, 0));
}

/* ---- what each setting is for ---- */

/* All that the library is given of a recipe, and what the run itself reads of it. */
struct made {
    struct vit_config config;
    struct vit_init init;
    struct vit_hyper hyper;
    struct patch_feed_options feed;
    struct patch_recipe pictures;
    struct patch_decode decode;
    struct recipe recipe;
    enum kern_dtype dtype;
};

static void make(struct made *m, enum recipe_id id, const char *value)
{
    struct recipe_texts texts = { { 0 } };
    struct vit_error err;
    struct recipe *r = &m->recipe;
    int batches;

    memset(m, 0, sizeof *m);
    texts.text[id] = value ? strdup(value) : NULL;
    assert_ok(recipe_texts_preset(&texts, &err), &err);
    assert_ok(recipe_parse(r, &texts, &err), &err);
    assert_ok(recipe_batches(&batches, r, 12800, &err), &err);
    assert_ok(recipe_config(&m->config, r, NULL, 10, &err), &err);
    assert_ok(recipe_hyper(&m->hyper, r, batches, &err), &err);
    m->init = recipe_init(r);
    m->pictures = recipe_pictures(r, NULL, m->config.image, "folder of classes");
    m->decode = recipe_decode(r);
    assert_ok(recipe_feed(&m->feed, r, &m->pictures, &err), &err);
    m->dtype = (enum kern_dtype)kern_dtype_from_name(r->dtype);
    recipe_texts_free(&texts); /* the texts in *r are gone: none is a field below */
}

#define FIELD(of)                                                                                            \
    {                                                                                                        \
#of, offsetof(struct made, of), sizeof((struct made *)0)->of                                         \
    }
enum { MOST_FIELDS = 4 };
struct field {
    const char *name; /* NULL: no further one */
    size_t at, bytes;
};
/* A value that is not the default, and all the fields that it changes. */
static const struct purpose {
    const char *value; /* NULL: what it does is not one field, and has a test of its own */
    struct field field[MOST_FIELDS];
} PURPOSES[] = {
    [RECIPE_PRESET] = { NULL, { { 0 } } },
    [RECIPE_IMAGE] = { "48",
                       { FIELD(config.image), FIELD(pictures.size), FIELD(feed.augment.crop_padding) } },
    [RECIPE_PATCH] = { "8", { FIELD(config.stem.patch) } },
    [RECIPE_STEM] = { "conv-3x1", { FIELD(config.stem.patch), FIELD(config.stem.layers) } },
    [RECIPE_WIDTH] = { "96", { FIELD(config.width), FIELD(config.hidden) } },
    [RECIPE_DEPTH] = { "6", { FIELD(config.depth) } },
    [RECIPE_HEADS] = { "6", { FIELD(config.heads) } },
    [RECIPE_HIDDEN] = { "512", { FIELD(config.hidden) } },
    [RECIPE_CLASSES] = { "10", { FIELD(recipe.classes) } },
    [RECIPE_POOL] = { "mean", { FIELD(config.pool), FIELD(config.cls) } },
    [RECIPE_POSITION] = { "sincos2d", { FIELD(config.position) } },
    [RECIPE_NORM] = { "post", { FIELD(config.norm.placement), FIELD(config.norm.final) } },
    [RECIPE_NORM_KIND] = { "rmsnorm", { FIELD(config.norm.kind) } },
    [RECIPE_QK_NORM] = { "on", { FIELD(config.norm.qk) } },
    [RECIPE_EMBED_NORM] = { "on", { FIELD(config.norm.embed) } },
    [RECIPE_FINAL_NORM] = { "off", { FIELD(config.norm.final) } },
    [RECIPE_OUT_GAIN] = { "0.5", { FIELD(init.out_gain) } },
    [RECIPE_INIT] = { "xavier", { FIELD(init.kind) } },
    [RECIPE_FROM] = { NULL, { { 0 } } },
    [RECIPE_POSITION_STD] = { "0.5", { FIELD(init.position) } },
    [RECIPE_LAYER_SCALE] = { "0.5", { FIELD(init.scale) } },
    [RECIPE_ZERO_HEAD] = { "on", { FIELD(init.zero_head) } },
    [RECIPE_OPTIMIZER] = { "muon", { FIELD(hyper.optimizer) } },
    [RECIPE_LR] = { "0.5", { FIELD(hyper.lr) } },
    [RECIPE_MUON_LR] = { "0.5", { FIELD(hyper.muon_lr) } },
    [RECIPE_BETA2] = { "0.5", { FIELD(hyper.beta2) } },
    [RECIPE_WARMUP] = { "7", { FIELD(hyper.warmup) } },
    [RECIPE_SCHEDULE] = { "linear", { FIELD(hyper.schedule) } },
    [RECIPE_LR_END] = { "0.5", { FIELD(hyper.lr_end) } },
    [RECIPE_EPOCHS] = { "10", { FIELD(recipe.epochs), FIELD(hyper.steps), FIELD(hyper.warmup) } },
    [RECIPE_BATCH] = { "64", { FIELD(feed.batch), FIELD(hyper.steps), FIELD(hyper.warmup) } },
    [RECIPE_ACCUMULATE] = { "4", { FIELD(hyper.accumulate) } },
    [RECIPE_WEIGHT_DECAY] = { "0.5", { FIELD(hyper.decay) } },
    [RECIPE_DECAY_ALL] = { "on", { FIELD(hyper.decay_all) } },
    [RECIPE_CLIP] = { "0.5", { FIELD(hyper.clip) } },
    [RECIPE_EMA] = { "0.5", { FIELD(hyper.ema) } },
    [RECIPE_LABEL_SMOOTHING] = { "0.5", { FIELD(hyper.smoothing) } },
    [RECIPE_DROP_PATH] = { "0.5", { FIELD(hyper.drop_path) } },
    [RECIPE_ATTN_DROP] = { "0.5", { FIELD(hyper.attn_drop) } },
    [RECIPE_TEACHER] = { NULL, { { 0 } } },
    [RECIPE_TEACHER_SHARE] = { "0.25", { FIELD(recipe.teacher_share) } },
    [RECIPE_PATCH_DROP] = { "0.5", { FIELD(hyper.patch_drop) } },
    [RECIPE_AUGMENT] = { "cutout", { FIELD(feed.augment.cutout) } },
    [RECIPE_FLIP] = { "random", { FIELD(feed.augment.flip) } },
    [RECIPE_PADDING] = { "zero", { FIELD(feed.augment.padding) } },
    [RECIPE_ERASE] = { "0.5", { FIELD(feed.augment.erase) } },
    [RECIPE_MIXUP] = { "0.5", { FIELD(feed.mix.mixup) } },
    [RECIPE_CUTMIX] = { "0.5", { FIELD(feed.mix.cutmix) } },
    [RECIPE_MIX_PROB] = { "0.5", { FIELD(feed.mix.probability) } },
    [RECIPE_MIX_OFF] = { "0.5", { FIELD(recipe.mix_off) } },
    [RECIPE_SEED] = { "9", { FIELD(init.seed), FIELD(hyper.seed), FIELD(feed.seed) } },
    [RECIPE_VAL] = { "0.5", { FIELD(recipe.val) } },
    [RECIPE_VAL_SPLIT] = { "on", { FIELD(recipe.val_split) } },
    [RECIPE_DTYPE] = { "bf16", { FIELD(dtype) } },
    [RECIPE_LIMIT] = { "9", { FIELD(recipe.limit) } },
    [RECIPE_MAX_PIXELS] = { "9", { FIELD(decode.max_pixels) } },
    [RECIPE_NO_EXIF] = { "on", { FIELD(decode.ignore_exif) } },
    [RECIPE_CROP_MODE] = { "center", { FIELD(pictures.squash) } },
    [RECIPE_CROP_PCT] = { "0.5", { FIELD(pictures.crop_pct) } },
    [RECIPE_EVAL_EVERY] = { "9", { FIELD(recipe.eval_every) } },
    [RECIPE_LOG_EVERY] = { "9", { FIELD(recipe.log_every) } },
};
_Static_assert(VIT_COUNT(PURPOSES) == RECIPE_SETTINGS, "a setting has no purpose");

static bool is_of(const struct purpose *p, const char *name)
{
    for (int i = 0; i < MOST_FIELDS && p->field[i].name; i++)
        if (!strcmp(p->field[i].name, name)) return true;
    return false;
}

/* Of the fields that any setting changes. */
static void assert_changes_its_own(enum recipe_id id, const struct made *plain)
{
    const struct purpose *p = &PURPOSES[id];
    struct made changed;

    make(&changed, id, p->value);
    for (size_t i = 0; i < VIT_COUNT(PURPOSES); i++)
        for (int k = 0; k < MOST_FIELDS && PURPOSES[i].field[k].name; k++) {
            const struct field *f = &PURPOSES[i].field[k];
            const bool differs =
                memcmp((const char *)&changed + f->at, (const char *)plain + f->at, f->bytes) != 0;
            if (differs != is_of(p, f->name))
                fail_msg("--%s %s %s %s", recipe_name(id), p->value, differs ? "changes" : "does not change",
                         f->name);
        }
}

static void each_setting_changes_its_own_fields(void **state)
{
    struct made plain;

    (void)state;
    make(&plain, RECIPE_PRESET, NULL);
    for (int id = 0; id < RECIPE_SETTINGS; id++) {
        if (id == RECIPE_PRESET || id == RECIPE_FROM || id == RECIPE_TEACHER) continue;
        if (!PURPOSES[id].value)
            fail_msg("--%s: its purpose is not in the table", recipe_name((enum recipe_id)id));
        assert_changes_its_own((enum recipe_id)id, &plain);
    }
}

/* Of a recipe with a setting as given, and another one that nothing reads it with, or that something does. */
static const struct idle {
    enum recipe_id id;
    const char *value;
    enum recipe_id other;
    const char *unread, *read;
    const char *lack;
} IDLE[] = {
    { RECIPE_OUT_GAIN, "0", RECIPE_NORM, "pre", "sandwich", "without --norm res-post or sandwich" },
    { RECIPE_OUT_GAIN, "0.5", RECIPE_NORM, "mix:0.5", "res-post", "without --norm res-post or sandwich" },
    { RECIPE_LAYER_SCALE, "0.1", RECIPE_NORM, "rezero", "layerscale", "without --norm layerscale" },
    { RECIPE_POSITION_STD, "0.1", RECIPE_POSITION, "none", "learned", "without --position learned" },
    { RECIPE_POSITION_STD, "0.1", RECIPE_POSITION, "sincos2d", NULL, "without --position learned" },
    { RECIPE_POSITION_STD, "0.1", RECIPE_FROM, "x.safetensors", NULL, "with --from, which has its weights" },
    { RECIPE_OUT_GAIN, "0.5", RECIPE_FROM, "x.safetensors", NULL, "with --from, which has its weights" },
    { RECIPE_LAYER_SCALE, "0.5", RECIPE_FROM, "x.safetensors", NULL, "with --from, which has its weights" },
    { RECIPE_TEACHER_SHARE, "0.3", RECIPE_TEACHER, NULL, "x.safetensors", "without --teacher" },
    { RECIPE_MUON_LR, "0.3", RECIPE_OPTIMIZER, "adamw", "muon", "without --optimizer muon" },
    { RECIPE_LR_END, "0.1", RECIPE_SCHEDULE, "constant", "linear", "with --schedule constant" },
    { RECIPE_DECAY_ALL, NULL, RECIPE_WEIGHT_DECAY, "0", "0.1", "with --weight-decay 0" },
    { RECIPE_PADDING, "zero", RECIPE_AUGMENT, "flip", "trivial", "with an --augment that does not crop" },
    { RECIPE_PADDING, "zero", RECIPE_AUGMENT, "none", NULL, "with an --augment that does not crop" },
    { RECIPE_MIX_PROB, "0.5", RECIPE_CUTMIX, "0", "1", "without --mixup or --cutmix" },
    { RECIPE_MIX_OFF, "0.1", RECIPE_MIXUP, "0", "0.2", "without --mixup or --cutmix" },
    { RECIPE_EVAL_EVERY, "2", RECIPE_VAL, "0", "0.2", "without pictures to validate on" },
};

static enum vit_status check_idle(const struct idle *i, const char *other, struct vit_error *err)
{
    struct recipe_words words = { .flag = { false } };
    struct recipe_readers readers = { 0 };
    struct recipe_texts texts;
    struct recipe r;
    enum vit_status status;

    words.text[i->id] = i->value;
    words.flag[i->id] = !i->value;
    if (other) words.text[i->other] = other;
    r = recipe_of(&texts, &words);
    recipe_readers_add(&readers, &r);
    status = recipe_readers_check(&readers, &words, err);
    recipe_texts_free(&texts);
    return status;
}

static void what_nothing_reads_is_refused(void **state)
{
    struct vit_error err;
    char sentence[200];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(IDLE); i++) {
        snprintf(sentence, sizeof sentence, "--%s: nothing reads it %s", recipe_name(IDLE[i].id),
                 IDLE[i].lack);
        assert_refused(check_idle(&IDLE[i], IDLE[i].unread, &err), VIT_ERR_ARG, sentence, &err);
        if (IDLE[i].read) assert_ok(check_idle(&IDLE[i], IDLE[i].read, &err), &err);
    }
}

/* A preset's settings stand beside whatever is given. */
static void what_a_preset_sets_need_not_be_read(void **state)
{
    static const struct idle CUTMIX = { RECIPE_CUTMIX, "0", RECIPE_PRESET, NULL, "accurate", NULL };
    static const struct idle SCHEDULE = {
        RECIPE_SCHEDULE, "constant", RECIPE_PRESET, NULL, "cct-4-3x2", NULL
    };
    struct vit_error err;

    (void)state;
    assert_ok(check_idle(&CUTMIX, CUTMIX.read, &err), &err);
    assert_ok(check_idle(&SCHEDULE, SCHEDULE.read, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preset_is_a_recipe),
        cmocka_unit_test(the_help_prints_the_networks_of_the_presets),
        cmocka_unit_test(what_pictures_go_through_is_said),
        cmocka_unit_test(the_published_recipe_is_followed),
        cmocka_unit_test(pictures_are_normalised_as_their_data_set_is),
        cmocka_unit_test(a_trained_network_is_tuned_unless_a_preset_is_named),
        cmocka_unit_test(a_head_of_a_trained_network_is_drawn_where_it_is_said_how),
        cmocka_unit_test(a_border_grows_with_the_pictures),
        cmocka_unit_test(no_preset_erases),
        cmocka_unit_test(what_is_erased_is_nought_to_the_network),
        cmocka_unit_test(the_first_that_sets_a_value_wins),
        cmocka_unit_test(a_wrong_value_in_a_file_is_named),
        cmocka_unit_test(what_is_saved_reads_back),
        cmocka_unit_test(a_wrong_value_in_what_is_saved_is_named),
        cmocka_unit_test(equal_values_of_a_list_have_one_form),
        cmocka_unit_test(a_setting_is_found_by_its_key_and_by_its_name),
        cmocka_unit_test(a_placement_is_the_same_however_it_is_written),
        cmocka_unit_test(lists_come_from_words_and_files),
        cmocka_unit_test(lists_say_what_to_validate_on_once),
        cmocka_unit_test(a_wrong_list_in_a_file_is_named),
        cmocka_unit_test(the_network_follows_the_settings),
        cmocka_unit_test(a_start_keeps_its_final_norm_where_its_placement_stays),
        cmocka_unit_test(warm_up_is_steps_or_a_share),
        cmocka_unit_test(mixing_ends_with_the_last_part_of_the_epochs),
        cmocka_unit_test(each_setting_changes_its_own_fields),
        cmocka_unit_test(what_nothing_reads_is_refused),
        cmocka_unit_test(what_a_preset_sets_need_not_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
