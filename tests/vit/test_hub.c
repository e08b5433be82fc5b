/* Folders as Hugging Face has them: config.json and preprocessor_config.json, and the size they decide. */
#include "tests/vit/folder.h"

/* A folder of the golden set, its files copied so that a test can change them. */
static void golden_folder(struct folder *f, const char *name)
{
    static const char *const FILES[] = { "model.safetensors", "config.json" };

    *f = (struct folder){ 0 };
    tmp_create(f->path, sizeof f->path);
    for (size_t i = 0; i < VIT_COUNT(FILES); i++) {
        char path[400];
        unsigned char *bytes;
        size_t size;
        snprintf(path, sizeof path, "tests/data/golden/%s/%s", name, FILES[i]);
        bytes = tmp_read(path, &size);
        tmp_write(f->path, FILES[i], bytes, size, NULL, 0);
        free(bytes);
    }
}

static void hugging_face_recipes_are_read(void **state)
{
    static const struct {
        const char *text;
        int size;
        bool squash;
        float crop_pct;
        enum patch_filter filter;
    } ROWS[] = {
        { "{\"size\":32}", 32, true, 1, PATCH_BICUBIC },
        { "{\"size\":[32,32]}", 32, true, 1, PATCH_BICUBIC },
        { "{\"size\":{\"height\":32,\"width\":32},\"resample\":2}", 32, true, 1, PATCH_BILINEAR },
        { "{\"size\":{\"shortest_edge\":64},\"crop_size\":{\"height\":32,\"width\":32},\"resample\":3}", 32,
          false, 0.5f, PATCH_BICUBIC },
        { "{\"size\":{\"shortest_edge\":64},\"crop_size\":32,\"resample\":1}", 32, false, 0.5f,
          PATCH_LANCZOS },
        { "{\"size\":{\"shortest_edge\":32},\"do_center_crop\":false,\"crop_size\":16,\"resample\":4}", 32,
          false, 1, PATCH_BOX },
        { "{\"size\":{\"height\":64,\"width\":64},\"crop_size\":{\"height\":32,\"width\":32}}", 32, true,
          0.5f, PATCH_BICUBIC },
        { "{\"size\":{\"shortest_edge\":8200},\"crop_size\":96}", 96, false, 96 / 8200.0f, PATCH_BICUBIC },
        /* as fast processors write what they do not have */
        { "{\"size\":{\"height\":64,\"width\":64,\"shortest_edge\":null},\"crop_size\":null,"
          "\"resample\":null}",
          64, true, 1, PATCH_BICUBIC },
        { "{\"size\":{\"height\":32,\"width\":null},\"image_mean\":null}", 32, true, 1, PATCH_BICUBIC },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct patch_recipe *r;
        struct folder f;
        struct vit_model *m;
        golden_folder(&f, "hf-dinov2");
        folder_text(&f, "preprocessor_config.json", ROWS[i].text);
        m = folder_open(&f, NULL);
        r = vit_model_recipe(m);
        if (r->size != ROWS[i].size || r->squash != ROWS[i].squash || r->crop_pct != ROWS[i].crop_pct ||
            r->filter != ROWS[i].filter)
            fail_msg("%s: size %d, squash %d, crop_pct %g, %s", ROWS[i].text, r->size, r->squash,
                     (double)r->crop_pct, patch_filter_name(r->filter));
        assert_true(r->mean[0] == 0.485f && r->std[2] == 0.225f); /* DINOv2's, where the file says nothing */
        vit_model_close(m);
        folder_remove(&f);
    }
}

static void a_recipe_may_leave_normalisation_out(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    golden_folder(&f, "hf-dinov2");
    folder_text(&f, "preprocessor_config.json",
                "{\"size\":32,\"do_normalize\":false,\"image_mean\":[0.1,0.1,0.1]}");
    m = folder_open(&f, NULL);
    for (int i = 0; i < 3; i++)
        assert_true(vit_model_recipe(m)->mean[i] == 0 && vit_model_recipe(m)->std[i] == 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* Of bytes x not x / 255 but x f: ViTImageProcessor(rescale_factor=1/127.5, do_normalize=False). */
static void bytes_are_scaled_as_the_recipe_says(void **state)
{
    static const struct {
        const char *text;
        float low, high; /* what 0 and 255 become */
    } ROWS[] = {
        { "{\"size\":32,\"do_normalize\":false,\"rescale_factor\":0.00784313725490196}", 0, 2 },
        { "{\"size\":32,\"rescale_factor\":0.00392156862745098,\"image_mean\":[0.5,0.5,0.5],"
          "\"image_std\":[0.25,0.25,0.25]}",
          -2, 2 },
        { "{\"size\":32,\"do_rescale\":false,\"image_mean\":[5,5,5],\"image_std\":[2.5,2.5,2.5]}", -2, 100 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct patch_recipe r;
        struct folder f;
        struct vit_model *m;
        const unsigned char pixels[3] = { 0, 255, 255 };
        float planes[3];
        golden_folder(&f, "hf-dinov2");
        folder_text(&f, "preprocessor_config.json", ROWS[i].text);
        m = folder_open(&f, NULL);
        r = *vit_model_recipe(m);
        r.size = 1;
        patch_normalise(planes, pixels, &r);
        assert_near(planes[0], ROWS[i].low, 1e-6);  /* a rounding of 2 */
        assert_near(planes[1], ROWS[i].high, 1e-4); /* and of 255 */
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* A size that is a number is a square's for ViT and DeiT, the short side's for Bit and CLIP. */
static void the_processor_tells_what_a_size_is(void **state)
{
    static const struct {
        const char *text;
        bool squash;
        int warnings;
    } ROWS[] = {
        { "{\"feature_extractor_type\":\"ViTFeatureExtractor\",\"size\":32}", true, 0 },
        { "{\"image_processor_type\":\"DeiTImageProcessorFast\",\"size\":32,\"crop_size\":32}", true, 0 },
        { "{\"image_processor_type\":\"DeiTImageProcessorFast\",\"size\":32}", true, 1 }, /* padded to 224 */
        { "{\"image_processor_type\":\"BitImageProcessor\",\"size\":32,\"crop_size\":32}", false, 0 },
        { "{\"feature_extractor_type\":\"CLIPFeatureExtractor\",\"size\":32,\"crop_size\":32}", false, 0 },
        { "{\"image_processor_type\":\"ConvNextImageProcessor\",\"size\":32,\"crop_pct\":0.9}", true, 1 },
        { "{\"size\":32,\"do_resize\":false}", true, 1 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f;
        struct vit_model *m;
        golden_folder(&f, "hf-dinov2");
        folder_text(&f, "preprocessor_config.json", ROWS[i].text);
        m = folder_open(&f, NULL);
        if (vit_model_recipe(m)->squash != ROWS[i].squash) fail_msg("%s: read wrong", ROWS[i].text);
        assert_int_equal(folder_notes(m, true, "preprocessor_config.json"), ROWS[i].warnings);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* What is not said is the processor's, whatever the network: transformers 5.24, image_processing_pil_*.py. */
static void the_processor_tells_what_is_not_said(void **state)
{
    static const struct {
        const char *text;
        int size, side;
        bool squash;
        enum patch_filter filter;
        float mean, std; /* of red */
    } ROWS[] = {
        { "{\"image_processor_type\":\"ViTImageProcessor\"}", 224, 224, true, PATCH_BILINEAR, 0.5f, 0.5f },
        { "{\"image_processor_type\":\"DeiTImageProcessor\"}", 224, 256, true, PATCH_BICUBIC, 0.5f, 0.5f },
        { "{\"image_processor_type\":\"BitImageProcessor\"}", 224, 224, false, PATCH_BICUBIC, 0.48145466f,
          0.26862954f },
        { "{\"image_processor_type\":\"CLIPImageProcessor\"}", 224, 224, false, PATCH_BICUBIC, 0.48145466f,
          0.26862954f },
        /* A crop that is not asked for. */
        { "{\"image_processor_type\":\"ViTImageProcessor\",\"size\":64,\"crop_size\":32}", 64, 64, true,
          PATCH_BILINEAR, 0.5f, 0.5f },
        { "{\"image_processor_type\":\"ViTImageProcessor\",\"size\":64,\"crop_size\":32,"
          "\"do_center_crop\":true}",
          32, 64, true, PATCH_BILINEAR, 0.5f, 0.5f },
        { "{\"image_processor_type\":\"BitImageProcessor\",\"size\":256,\"do_center_crop\":false}", 256, 256,
          false, PATCH_BICUBIC, 0.48145466f, 0.26862954f },
        { "{\"image_processor_type\":\"BitImageProcessor\",\"size\":[64,64],\"do_center_crop\":null}", 64, 64,
          true, PATCH_BICUBIC, 0.48145466f, 0.26862954f },
        { "{\"image_processor_type\":\"CLIPImageProcessor\",\"size\":256,\"do_normalize\":null}", 224, 256,
          false, PATCH_BICUBIC, 0, 1 },
        { "{\"image_processor_type\":\"CLIPImageProcessor\",\"size\":256,\"resample\":2,\"do_pad\":true,"
          "\"image_mean\":[0.1,0.2,0.3],\"image_std\":[0.4,0.5,0.6]}",
          224, 256, false, PATCH_BILINEAR, 0.1f, 0.4f },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct patch_recipe *r;
        struct folder f;
        struct vit_model *m;
        golden_folder(&f, "hf-dinov2");
        folder_text(&f, "preprocessor_config.json", ROWS[i].text);
        m = folder_open(&f, NULL);
        r = vit_model_recipe(m);
        if (r->size != ROWS[i].size || patch_recipe_side(r) != ROWS[i].side || r->squash != ROWS[i].squash ||
            r->filter != ROWS[i].filter || r->mean[0] != ROWS[i].mean || r->std[0] != ROWS[i].std)
            fail_msg("%s: size %d of %d, squash %d, %s, mean %g, std %g", ROWS[i].text, r->size,
                     patch_recipe_side(r), r->squash, patch_filter_name(r->filter), (double)r->mean[0],
                     (double)r->std[0]);
        assert_int_equal(folder_notes(m, true, "preprocessor_config.json"), 0);
        vit_model_close(m);
        folder_remove(&f);
    }
}

static void what_a_processor_is_left_to_decide_is_said(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    golden_folder(&f, "hf-dinov2");
    folder_text(&f, "preprocessor_config.json",
                "{\"image_processor_type\":\"BitImageProcessor\",\"size\":32,\"image_mean\":[0.5,0.5,0.5]}");
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, false,
                                  "does not say all of the preprocessing: resample, image_std, crop_size "
                                  "as BitImageProcessor has them"),
                     1);
    assert_int_equal(folder_notes(m, true, "resized to 32 pixels and padded with black to 224"), 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* A tiny network as Hugging Face would have it. */
static void exported_folder(struct folder *f, const struct vit_config *c)
{
    struct vit_model *m = tiny_model(c, "ref");
    struct vit_error err;

    *f = (struct folder){ .config = *c };
    tmp_create(f->path, sizeof f->path);
    assert_ok(vit_model_export(m, f->path, WEIGHTS_HF_VIT, WEIGHTS_F32, &err), &err);
    vit_model_close(m);
}

/* As many means as channels; only pictures of three are ever prepared. */
static void means_of_other_channels_are_not_needed(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m;
    struct folder f;

    (void)state;
    c.channels = 1;
    exported_folder(&f, &c);
    folder_text(&f, "preprocessor_config.json", "{\"size\":8,\"image_mean\":[0.5],\"image_std\":[0.5]}");
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->channels, 1);
    vit_model_close(m);
    folder_remove(&f);
}

static void assert_one_class_is_said(const struct folder *f)
{
    struct vit_model *m = folder_open(f, NULL);

    assert_int_equal(folder_notes(m, true, "one class alone: its score, a softmax, is always 1"), 1);
    vit_model_close(m);
}

static void the_score_of_one_class_is_said_to_tell_nothing(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    char *ours;

    (void)state;
    c.classes = 1;
    exported_folder(&f, &c);
    assert_one_class_is_said(&f);
    folder_remove(&f);
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    assert_one_class_is_said(&f);
    folder_text(&f, "config.json", "{\"architecture\":\"x\"}");
    assert_one_class_is_said(&f);
    ours = folder_config_text(&f);
    folder_text(&f, "config.json", ours);
    assert_one_class_is_said(&f);
    free(ours);
    folder_remove(&f);
}

static void hugging_face_recipes_with_wrong_values_are_refused(void **state)
{
    static const char *const WRONG[] = {
        "{\"size\":\"32\"}",
        "{\"size\":0}",
        "{\"size\":[32,48]}",
        "{\"size\":[32]}",
        "{\"size\":[32,\"32\"]}",
        "{\"size\":[0.5,0.5]}",
        "{\"size\":[32.5,32.5]}",
        "{\"size\":[1e30,1e30]}",
        "{\"size\":{\"longest_edge\":32}}",
        "{\"size\":{}}",
        "{\"size\":{\"shortest_edge\":32},\"crop_size\":{\"longest_edge\":32}}",
        "{\"size\":{\"height\":32,\"width\":48}}",
        "{\"size\":{\"width\":48}}",
        "{\"size\":{\"shortest_edge\":\"32\"}}",
        "{\"size\":{\"shortest_edge\":32,\"longest_edge\":48}}",
        "{\"size\":32,\"do_pad\":true,\"pad_size\":{\"height\":40,\"width\":40}}",
        "{\"size\":32,\"do_pad\":1}",
        "{\"size\":32,\"resample\":0}",
        "{\"size\":32,\"resample\":\"bicubic\"}",
        "{\"size\":32,\"image_mean\":[0.5]}",
        "{\"size\":32,\"image_std\":[0,0,0]}",
        "{\"size\":32,\"do_normalize\":1}",
        "{\"size\":32,\"rescale_factor\":0}",
        "{\"size\":32,\"rescale_factor\":\"1/255\"}",
        "{\"size\":32,\"do_resize\":\"no\"}",
        "{\"size\":{\"shortest_edge\":1},\"crop_size\":1000}",
        "{\"size\":8193}",
        "{\"size\":[8193,8193]}",
        "{\"size\":{\"shortest_edge\":8193}}",
        "{\"size\":{\"shortest_edge\":16385},\"crop_size\":32}",
        "{\"size\":{\"shortest_edge\":16384},\"crop_size\":8193}",
        "[]",
        "{",
        "",
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(WRONG); i++) {
        struct folder f;
        struct vit_model *m;
        struct vit_error err = { 0 };
        golden_folder(&f, "hf-dinov2");
        folder_text(&f, "preprocessor_config.json", WRONG[i]);
        if (!vit_model_open(&m, f.path, NULL, &err)) fail_msg("%s was taken", WRONG[i]);
        if (!strstr(err.text, "preprocessor_config.json"))
            fail_msg("%s: \"%s\" does not name the file", WRONG[i], err.text);
        assert_int_not_equal(err.status, VIT_ERR_ARG);
        folder_remove(&f);
    }
}

/* DINOv2's files have positions for 518 pixels and a recipe of 224: the network runs at what it is shown,
 * or vit_read_image would write past the planes of a smaller one. */
static void the_network_runs_at_the_size_of_its_pictures(void **state)
{
    struct folder f;
    struct vit_model *m;
    struct vit_session *s;
    float *planes;

    (void)state;
    golden_folder(&f, "hf-dinov2");
    folder_text(&f, "preprocessor_config.json",
                "{\"size\":{\"shortest_edge\":56},\"crop_size\":{\"height\":48,\"width\":48}}");
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->image, 48);
    assert_int_equal(vit_model_recipe(m)->size, 48);
    assert_int_equal(folder_notes(m, true, "resized from 4x4 to 6x6"), 1);
    planes = tiny_planes(m, 1);
    s = tiny_session(m, 1, 1, false);
    assert_true(isfinite(vit_forward(s, planes, 1)[0]));
    vit_session_close(s);
    free(planes);
    vit_model_close(m);
    m = folder_open(&f, &(struct vit_model_options){ .image = 32 }); /* --size is the user's word */
    assert_int_equal(vit_model_config(m)->image, 32);
    assert_int_equal(vit_model_recipe(m)->size, 32);
    vit_model_close(m);
    folder_remove(&f);
}

static void our_own_recipe_decides_the_size_too(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;
    char *text, *at;

    (void)state;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    text = folder_config_text(&f);
    at = strstr(text, "\"size\": 8");
    assert_non_null(at);
    at[8] = '9';
    folder_text(&f, "config.json", text);
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->image, vit_model_recipe(m)->size);
    vit_model_close(m);
    free(text);
    folder_remove(&f);
}

static void hugging_face_values_that_contradict_the_tensors_are_refused(void **state)
{
    static const struct {
        const char *config, *says;
    } ROWS[] = {
        { "{\"model_type\":\"dinov2\",\"hidden_size\":64}", "\"hidden_size\" is 64, but the tensors say 48" },
        { "{\"model_type\":\"dinov2\",\"num_hidden_layers\":12}", "\"num_hidden_layers\" is 12" },
        { "{\"model_type\":\"dinov2\",\"patch_size\":14}", "\"patch_size\" is 14" },
        { "{\"model_type\":\"dinov2\",\"num_attention_heads\":5}", "5 heads" },
        { "{\"model_type\":\"dinov2\",\"hidden_act\":\"mish\"}", "\"mish\"" },
        { "{\"model_type\":\"dinov2\",\"image_size\":[16,64]}", "\"image_size\" is 16 x 64" },
        { "{\"model_type\":\"beit\"}", "\"model_type\" \"beit\" is not supported" },
        { "{\"model_type\":1}", "\"model_type\" must be a string" },
        { "{\"model_type\":\"dinov2\",\"layer_norm_eps\":\"x\"}", "\"layer_norm_eps\"" },
        { "{\"model_type\":\"dinov2\",\"intermediate_size\":99}",
          "\"intermediate_size\" is 99, but the tensors say 192" },
        { "{\"model_type\":\"dinov2\",\"mlp_ratio\":3}", "\"mlp_ratio\" is 3, but the tensors say 4" },
        { "{\"model_type\":\"dinov2\",\"num_register_tokens\":4}", "\"num_register_tokens\" is 4" },
        { "{\"model_type\":\"dinov2\",\"qkv_bias\":false}",
          "\"qkv_bias\" is false, but the tensors say true" },
        { "{\"model_type\":\"dinov2\",\"use_swiglu_ffn\":true}", "\"use_swiglu_ffn\" is true" },
        { "{\"model_type\":\"dinov2\",\"image_size\":48}", "\"image_size\" is 48, but the tensors say 32" },
        { "{\"model_type\":\"dinov2\",\"num_labels\":7}", "\"num_labels\" is 7, but the tensors say 10" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f;
        struct vit_model *m;
        struct vit_error err = { 0 };
        golden_folder(&f, "hf-dinov2");
        folder_text(&f, "config.json", ROWS[i].config);
        if (!vit_model_open(&m, f.path, NULL, &err)) fail_msg("%s was taken", ROWS[i].config);
        if (!strstr(err.text, ROWS[i].says))
            fail_msg("%s: \"%s\" does not say %s", ROWS[i].config, err.text, ROWS[i].says);
        folder_remove(&f);
    }
}

/* The pipeline of transformers gives classes that do not exclude one another a sigmoid each. */
static void scores_that_are_no_softmax_there_are_said(void **state)
{
    static const struct {
        const char *problem;
        int warnings;
    } ROWS[] = { { "\"multi_label_classification\"", 1 },
                 { "\"regression\"", 1 },
                 { "\"single_label_classification\"", 0 },
                 { "null", 0 } };
    struct vit_error err;
    struct vit_model *m;
    struct folder f;

    (void)state;
    golden_folder(&f, "hf-dinov2");
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"model_type\":\"dinov2\",\"problem_type\":%s}", ROWS[i].problem);
        folder_text(&f, "config.json", text);
        m = folder_open(&f, NULL);
        assert_int_equal(folder_notes(m, true, "scores are a softmax over all classes"), ROWS[i].warnings);
        vit_model_close(m);
    }
    folder_text(&f, "config.json",
                "{\"architecture\":\"x\",\"model_type\":\"timm_wrapper\",\"problem_type\":\"regression\"}");
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, true, "scores are a softmax over all classes"), 1);
    vit_model_close(m);
    folder_text(&f, "config.json", "{\"model_type\":\"dinov2\",\"problem_type\":1}");
    assert_refused(vit_model_open(&m, f.path, NULL, &err), VIT_ERR_FORMAT,
                   "\"problem_type\" must be a string", &err);
    folder_remove(&f);
}

/* Names that nobody knows: the configuration beside them may say whose they are. */
static void a_network_of_another_kind_is_named_by_its_configuration(void **state)
{
    static const struct {
        const char *config, *says;
        enum vit_status status;
    } ROWS[] = {
        { "{\"model_type\":\"siglip\"}", "config.json: \"model_type\" \"siglip\" is not supported",
          VIT_ERR_UNSUPPORTED },
        { "{\"model_type\":\"vit\"}", "the names of no known family", VIT_ERR_FORMAT },
        { "[1]", "the names of no known family", VIT_ERR_FORMAT },
        { "{", "the names of no known family", VIT_ERR_FORMAT },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;

    (void)state;
    folder_make(&f, &c);
    f.count = 0;
    folder_add(&f, "text_model.embeddings.weight", 2, 4, 4);
    folder_weights(&f, "model.safetensors", NULL);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        folder_text(&f, "config.json", ROWS[i].config);
        folder_refused(&f, NULL, ROWS[i].status, ROWS[i].says);
        assert_int_equal(vit_model_open(&m, f.path, NULL, NULL), ROWS[i].status);
    }
    folder_remove(&f);
}

/* The golden DeiT as DeiTForImageClassification: the class token's head alone, under another name. */
static void classifier_of_the_class_token(const char *dir)
{
    struct weights_entry entry[80];
    struct weights_file *from;
    struct vit_error err;
    size_t count = 0;
    char path[400];

    assert_ok(weights_open(&from, "tests/data/golden/hf-deit-distilled/model.safetensors", &err), &err);
    for (size_t i = 0; i < weights_count(from); i++) {
        const struct weights_tensor *t = weights_at(from, i);
        const bool head = strncmp(t->name, "cls_classifier.", 15) == 0;
        if (!strncmp(t->name, "distillation_classifier.", 24)) continue;
        assert_true(count < VIT_COUNT(entry));
        entry[count] = (struct weights_entry){
            .name = t->name + (head ? strlen("cls_") : 0), .dtype = t->dtype, .rank = t->rank, .data = t->data
        };
        memcpy(entry[count++].shape, t->shape, sizeof t->shape);
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_ok(weights_write(path, entry, count, NULL, 0, &err), &err);
    weights_close(from);
}

static void a_deit_without_its_teacher_answers_as_there(void **state)
{
    /* transformers 5.24, DeiTForImageClassification.from_pretrained() in float64, first golden input. */
    static const float LOGITS[10] = { -2.06097568f,   0.0577829817f, -0.149512707f, 0.510837786f,
                                      -0.0766684288f, -0.952467537f, -0.553227059f, -5.13127072f,
                                      -1.58199995f,   1.02663224f };
    struct folder f;
    struct vit_model *m;
    struct vit_session *s;
    struct weights_file *expect;
    struct vit_error err;
    const float *logits;

    (void)state;
    golden_folder(&f, "hf-deit-distilled");
    classifier_of_the_class_token(f.path);
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, true, "not used"), 0);
    s = tiny_session(m, 1, 1, false);
    assert_ok(weights_open(&expect, "tests/data/golden/hf-deit-distilled/expect.safetensors", &err), &err);
    logits = vit_forward(s, weights_find(expect, "input")->data, 1);
    /* The golden bound: 1e-5 of the largest. */
    for (int i = 0; i < 10; i++) assert_near(logits[i], LOGITS[i], 1e-5f * 5.13127072f);
    weights_close(expect);
    vit_session_close(s);
    vit_model_close(m);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hugging_face_recipes_are_read),
        cmocka_unit_test(a_recipe_may_leave_normalisation_out),
        cmocka_unit_test(bytes_are_scaled_as_the_recipe_says),
        cmocka_unit_test(the_processor_tells_what_a_size_is),
        cmocka_unit_test(the_processor_tells_what_is_not_said),
        cmocka_unit_test(what_a_processor_is_left_to_decide_is_said),
        cmocka_unit_test(means_of_other_channels_are_not_needed),
        cmocka_unit_test(the_score_of_one_class_is_said_to_tell_nothing),
        cmocka_unit_test(hugging_face_recipes_with_wrong_values_are_refused),
        cmocka_unit_test(the_network_runs_at_the_size_of_its_pictures),
        cmocka_unit_test(our_own_recipe_decides_the_size_too),
        cmocka_unit_test(hugging_face_values_that_contradict_the_tensors_are_refused),
        cmocka_unit_test(scores_that_are_no_softmax_there_are_said),
        cmocka_unit_test(a_network_of_another_kind_is_named_by_its_configuration),
        cmocka_unit_test(a_deit_without_its_teacher_answers_as_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
