/* Configurations of others: timm's config.json, labels, what is inferred where there is none, and JSON that
 * is
 * not what it should be. Hugging Face's are in test_hub.c. */
#include "tests/vit/folder.h"

/* The tiny network under timm's names with a config.json; NULL: none. */
static void timm_folder(struct folder *f, const char *config)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);

    folder_make(f, &c);
    folder_weights(f, "model.safetensors", NULL);
    if (config) folder_text(f, "config.json", config);
}

static const char *name_in(char *text, size_t size, enum weights_family family, const char *canonical)
{
    char names[3][WEIGHTS_NAME];

    assert_int_equal(weights_family_names(family, canonical, names), 1);
    snprintf(text, size, "%.*s", (int)size - 1, names[0]);
    return text;
}

/* ---- nothing but tensors ---- */

static void without_a_configuration_the_tensors_tell(void **state)
{
    const struct vit_config want = tiny_config(VIT_NORM_PRE);
    const struct vit_config *c;
    struct folder f;
    struct vit_model *m;

    (void)state;
    timm_folder(&f, NULL);
    m = folder_open(&f, NULL);
    c = vit_model_config(m);
    assert_int_equal(c->image, want.image);
    assert_int_equal(c->stem.patch, want.stem.patch);
    assert_int_equal(c->width, want.width);
    assert_int_equal(c->depth, want.depth);
    assert_int_equal(c->hidden, want.hidden);
    assert_int_equal(c->classes, want.classes);
    assert_true(c->cls && c->position_prefix && c->qkv_bias && c->bias && c->norm.final && !c->norm.pooled);
    assert_int_equal(c->heads, 1); /* 16 is below 64 */
    assert_int_equal(folder_notes(m, true, "heads is not stored: 1 assumed"), 1);
    assert_int_equal(folder_notes(m, true, "everything is inferred"), 1);
    assert_int_equal(folder_notes(m, false, "width 16, depth 3"), 1); /* what -v prints */
    assert_string_equal(vit_model_labels(m)[2], "class_2");
    assert_false(vit_model_has_labels(m));
    vit_model_close(m);
    folder_remove(&f);
}

/* The configuration as a file of ours would have it, but for what tensors never tell or means nothing. */
static json_t *told_by_tensors(const struct vit_model *m)
{
    const struct vit_config *c = vit_model_config(m);
    json_t *o = vit_config_to_json(c, vit_model_recipe(m), NULL);

    json_object_del(o, "heads");
    json_object_del(o, "preprocess");
    json_object_del(json_object_get(o, "norm"), "eps");
    if (!c->cls) json_object_del(o, "position_prefix");
    if (c->stem.layers && !c->stem.project) json_object_del(o, "patch_bias");
    return o;
}

/* With and without the configuration that stands beside them: the same but for the heads. */
static void the_stems_and_norms_of_other_families_are_inferred(void **state)
{
    static const char *const NAMES[] = { "cct-2-3x2", "torchvision-convstem", "vit-lite",
                                         "torch-post-norm-relu" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        struct folder f = { .path = "" };
        struct vit_model *whole, *m;
        json_t *want, *got;
        char path[400];
        size_t size;
        unsigned char *bytes;

        snprintf(f.path, sizeof f.path, "tests/data/golden/%s", NAMES[i]);
        whole = folder_open(&f, NULL);
        snprintf(path, sizeof path, "%s/model.safetensors", f.path);
        bytes = tmp_read(path, &size);
        tmp_create(f.path, sizeof f.path);
        tmp_write(f.path, "model.safetensors", bytes, size, NULL, 0);
        m = folder_open(&f, NULL);
        want = told_by_tensors(whole);
        got = told_by_tensors(m);
        if (!json_equal(want, got))
            fail_msg("%s: %s is inferred, expected %s", NAMES[i], json_dumps(got, 0), json_dumps(want, 0));
        assert_int_equal(folder_notes(m, true, "everything is inferred"), 1);
        assert_int_equal(folder_notes(m, true, "post and relu assumed"), !strncmp(NAMES[i], "torch-", 6));
        json_decref(want);
        json_decref(got);
        vit_model_close(whole);
        vit_model_close(m);
        free(bytes);
        folder_remove(&f);
    }
}

/* Every part of a network that has tensors of its own, or sizes, is found by them. */
static void what_has_tensors_is_inferred(void **state)
{
    enum { SANDWICH, LAYERSCALE, REZERO, EMBED, POOLED, RMS, DYT, GLU, REGISTERS, NO_BIAS, NO_CLASS, ALL };
    struct vit_config c[ALL];

    (void)state;
    for (int i = 0; i < ALL; i++) c[i] = tiny_config(VIT_NORM_PRE);
    c[SANDWICH] = tiny_config(VIT_NORM_SANDWICH);
    c[LAYERSCALE] = tiny_config(VIT_NORM_LAYERSCALE);
    c[REZERO] = tiny_config(VIT_NORM_REZERO);
    c[EMBED].norm.embed = true;
    c[POOLED].pool = VIT_POOL_MEAN, c[POOLED].norm.pooled = true, c[POOLED].norm.final = false;
    c[RMS].norm.kind = KERN_RMSNORM;
    c[DYT].norm.kind = KERN_DYT;
    c[GLU].glu = true, c[GLU].act = KERN_ACT_SILU;
    c[REGISTERS].registers = 3, c[REGISTERS].channels = 1;
    c[NO_BIAS].bias = c[NO_BIAS].qkv_bias = c[NO_BIAS].patch_bias = false;
    c[NO_CLASS].cls = c[NO_CLASS].position_prefix = false, c[NO_CLASS].pool = VIT_POOL_MEAN;
    for (int i = 0; i < ALL; i++) {
        struct folder f;
        struct vit_model *whole, *m;
        char path[400];
        json_t *want, *got;

        folder_make(&f, &c[i]);
        folder_write(&f);
        whole = folder_open(&f, NULL);
        snprintf(path, sizeof path, "%s/config.json", f.path);
        assert_int_equal(remove(path), 0);
        m = folder_open(&f, NULL);
        want = told_by_tensors(whole);
        got = told_by_tensors(m);
        if (!json_equal(want, got))
            fail_msg("%d: %s is inferred, expected %s", i, json_dumps(got, 0), json_dumps(want, 0));
        json_decref(want);
        json_decref(got);
        vit_model_close(whole);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* What no tensor shows, as each family's own code has it where no file says otherwise: timm's _cfg() of
 * vision_transformer.py; facebook/deit-base-distilled-patch16-224 and facebook/dinov2-base; torchvision's
 * ImageClassification(crop_size=224), resize_size=256; nn.TransformerEncoderLayer and cct.py have the eps of
 * nn.LayerNorm; vision_transformer/ of Google scales bytes to [-1, 1]. */
static void each_family_has_its_own_eps_and_recipe(void **state)
{
    static const struct {
        const char *name, *file;
        float eps;
        bool squash;
        float crop_pct;
        enum patch_filter filter;
        float mean, std; /* of red */
    } ROWS[] = {
        { "timm-cls", "model.safetensors", 1e-6f, false, 0.9f, PATCH_BICUBIC, 0.5f, 0.5f },
        { "hf-deit-distilled", "model.safetensors", 1e-12f, true, 0.875f, PATCH_BICUBIC, 0.485f, 0.229f },
        { "hf-dinov2", "model.safetensors", 1e-6f, false, 0.875f, PATCH_BICUBIC, 0.485f, 0.229f },
        { "torchvision-convstem", "model.safetensors", 1e-6f, false, 0.875f, PATCH_BILINEAR, 0.485f, 0.229f },
        { "torch-post-norm-relu", "model.safetensors", 1e-5f, true, 1, PATCH_BICUBIC, 0.5f, 0.5f },
        { "cct-2-3x2", "model.safetensors", 1e-5f, true, 1, PATCH_BICUBIC, 0.5f, 0.5f },
        { "jax-npz", "model.npz", 1e-6f, true, 1, PATCH_BILINEAR, 0.5f, 0.5f },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f = { .path = "" };
        const struct patch_recipe *r;
        struct vit_model *m;
        unsigned char *bytes;
        char path[400];
        size_t size;

        snprintf(path, sizeof path, "tests/data/golden/%s/%s", ROWS[i].name, ROWS[i].file);
        bytes = tmp_read(path, &size);
        tmp_create(f.path, sizeof f.path);
        tmp_write(f.path, ROWS[i].file, bytes, size, NULL, 0);
        m = folder_open(&f, NULL);
        r = vit_model_recipe(m);
        if (vit_model_config(m)->norm.eps != ROWS[i].eps || r->squash != ROWS[i].squash ||
            r->crop_pct != ROWS[i].crop_pct || r->filter != ROWS[i].filter || r->mean[0] != ROWS[i].mean ||
            r->std[0] != ROWS[i].std)
            fail_msg("%s: eps %g, squash %d, crop_pct %g, %s, mean %g, std %g", ROWS[i].name,
                     (double)vit_model_config(m)->norm.eps, r->squash, (double)r->crop_pct,
                     patch_filter_name(r->filter), (double)r->mean[0], (double)r->std[0]);
        vit_model_close(m);
        free(bytes);
        folder_remove(&f);
    }
}

/* DINOv2 with registers: positions of the class token and the patches, none of the registers. So the class
 * token has its position before the registers come between, which is the same as a class token at another
 * place. */
static void registers_need_no_positions(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    const size_t d = (size_t)c.width;
    const float *token, *position;
    struct folder f;
    struct vit_model *m;

    (void)state;
    c.registers = 4;
    folder_make(&f, &c);
    folder_entry(&f, "pos_embed")->shape[1] = 1 + 4;
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->image, 8);
    assert_int_equal(vit_model_config(m)->registers, 4);
    assert_false(vit_model_config(m)->position_prefix);
    token = folder_entry(&f, "cls_token")->data;
    position = folder_entry(&f, "pos_embed")->data;
    for (size_t j = 0; j < d; j++) assert_true(tiny_values(m, "cls_token")[j] == token[j] + position[j]);
    assert_memory_equal(tiny_values(m, "pos_embed"), position + d, 4 * d * sizeof *position);
    vit_model_close(m);
    folder_remove(&f);
}

/* What facebookresearch publishes has timm's names, and its own resizing of positions and recipe. */
static void a_file_of_dinov2_is_used_as_its_own_code_does(void **state)
{
    static const enum weights_resample HOW[] = { WEIGHTS_BICUBIC_OFFSET, WEIGHTS_BICUBIC_ANTIALIAS };
    enum { GRID = 4 };

    (void)state;
    for (int registers = 0; registers < 2; registers++) {
        struct vit_config c = tiny_config(VIT_NORM_LAYERSCALE);
        float want[GRID * GRID * 16];
        struct vit_error err;
        struct folder f;
        struct vit_model *m;

        c.registers = registers, c.position_prefix = true;
        folder_make(&f, &c);
        folder_entry(&f, "pos_embed")->shape[1] = 1 + 4;
        folder_add(&f, "mask_token", 2, 1, 16);
        if (registers) folder_entry(&f, "reg_token")->name = "register_tokens";
        folder_weights(&f, "model.safetensors", NULL);
        m = folder_open(&f, &(struct vit_model_options){ .image = GRID * 4 });
        assert_int_equal(folder_notes(m, false, registers ? "read as dinov2-registers" : "read as dinov2:"),
                         1);
        assert_true(vit_model_recipe(m)->mean[0] == 0.485f && vit_model_recipe(m)->std[2] == 0.225f);
        assert_ok(weights_resample_grid(want, (const float *)folder_entry(&f, "pos_embed")->data + 16, 2,
                                        GRID, 16, HOW[registers], &err),
                  &err);
        assert_memory_equal(tiny_values(m, "pos_embed") + (registers ? 0 : 16), want, sizeof want);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* Outside its blocks a network may carry what its authors trained it with. */
static void tensors_beside_the_blocks_are_named_and_left(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;

    (void)state;
    folder_make(&f, &c);
    folder_add(&f, "decoder.weight", 2, 16, 1);
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, true, "1 tensors are not used: \"decoder.weight\" [16, 1]"), 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* 224 pixels, as most models, where it does not. */
static void without_positions_the_configuration_tells_the_size(void **state)
{
    static const struct {
        const char *args, *input;
        int image;
    } ROWS[] = {
        { "", "null", 224 },
        { ",\"img_size\":[12,12]", "[3,16,16]", 12 },
        { ",\"img_size\":10", "null", 10 },
        { "", "[3,16,16]", 16 },
        { ",\"img_size\":3", "null", 224 }, /* less than a patch */
    };
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    (void)state;
    c.position = VIT_POS_NONE;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char config[200];
        struct folder f;
        struct vit_model *m;
        snprintf(config, sizeof config,
                 "{\"architecture\":\"x\",\"model_args\":{\"pos_embed\":\"none\"%s},"
                 "\"pretrained_cfg\":{\"input_size\":%s}}",
                 ROWS[i].args, ROWS[i].input);
        folder_make(&f, &c);
        folder_weights(&f, "model.safetensors", NULL);
        folder_text(&f, "config.json", config);
        m = folder_open(&f, NULL);
        assert_int_equal(vit_model_config(m)->position, VIT_POS_NONE);
        assert_int_equal(vit_model_config(m)->image, ROWS[i].image);
        assert_int_equal(vit_model_recipe(m)->size, ROWS[i].image);
        assert_int_equal(
            folder_notes(m, true, "no position embeddings: none are added, image size 224 assumed"),
            ROWS[i].image == 224);
        assert_int_equal(folder_notes(m, false, "the position embeddings are for"), 0);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* A picture whose last rows and columns fill no patch is prepared as large as it is all the same. */
static void an_image_size_need_be_no_multiple_of_the_patch(void **state)
{
    static const struct {
        const char *config;
        int registers, image;
        bool prefix;
    } ROWS[] = {
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"input_size\":[3,10,10]}}", 0, 10, true },
        { "{\"architecture\":\"x\",\"input_size\":[3,11,11]}", 0, 11, true },
        { "{\"architecture\":\"x\",\"model_args\":{\"img_size\":9}}", 3, 9, true },
        { "{\"model_type\":\"vit\",\"image_size\":10}", 0, 10, true },
        { "{\"model_type\":\"vit\",\"image_size\":[11,11]}", 0, 11, true },
        { "{\"image_size\":10}", 0, 8, true }, /* nobody's */
        /* 4 positions beside 3 tokens in front: of 2 x 2 patches, or of one and the tokens */
        { "{\"architecture\":\"x\",\"input_size\":[3,10,10]}", 2, 10, false },
        { "{\"architecture\":\"x\",\"input_size\":[3,5,5]}", 2, 5, true },
        /* 5, the class token's among them and none of the registers' */
        { "{\"model_type\":\"dinov2_with_registers\",\"image_size\":10}", 4, 10, false },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        const struct vit_config *got;
        struct folder f;
        struct vit_model *m;
        c.registers = ROWS[i].registers;
        folder_make(&f, &c);
        if (c.registers == 2) folder_entry(&f, "pos_embed")->shape[1] = 4;
        if (c.registers == 4) folder_entry(&f, "pos_embed")->shape[1] = 5;
        folder_weights(&f, "model.safetensors", NULL);
        folder_text(&f, "config.json", ROWS[i].config);
        m = folder_open(&f, NULL);
        got = vit_model_config(m);
        if (got->image != ROWS[i].image || vit_model_recipe(m)->size != ROWS[i].image ||
            got->position_prefix != ROWS[i].prefix)
            fail_msg("%s: image %d, pictures of %d, positions of tokens in front: %d", ROWS[i].config,
                     got->image, vit_model_recipe(m)->size, got->position_prefix);
        assert_int_equal(folder_notes(m, true, "resized"), 0);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* As many positions as prefix tokens, so that a size of less than a patch would fit by its count alone. */
static void an_image_size_that_the_positions_contradict_is_not_taken(void **state)
{
    static const char *const SIZES[] = {
        "8", "3", "0", "-8", "12", "4294967304", "\"8\"", "[8, 8]", "[3, 3]"
    };
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    (void)state;
    c.registers = 3;
    c.position_prefix = false;
    for (size_t i = 0; i < VIT_COUNT(SIZES); i++) {
        char config[160];
        struct folder f;
        struct vit_model *m;
        snprintf(
            config, sizeof config,
            "{\"architecture\":\"vit_base_patch16_224\",\"model_args\":{\"num_heads\":2,\"img_size\":%s}}",
            SIZES[i]);
        folder_make(&f, &c);
        folder_weights(&f, "model.safetensors", NULL);
        folder_text(&f, "config.json", config);
        m = folder_open(&f, NULL);
        assert_int_equal(vit_model_config(m)->image, 8);
        assert_false(vit_model_config(m)->position_prefix);
        vit_model_close(m);
        folder_remove(&f);
    }
}

static void heads_follow_from_the_width_of_a_query_norm(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;

    (void)state;
    c.norm.qk = true;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->heads, 2);
    assert_int_equal(folder_notes(m, true, "heads"), 0);
    vit_model_close(m);
    folder_remove(&f);
}

/* The layer before the head hides what pooling gives: as wide as two tokens, it reads one, or two itself. */
static void pooling_is_read_off_the_first_layer_after_it(void **state)
{
    static const enum vit_pool POOLS[] = { VIT_POOL_CLS, VIT_POOL_CLS_MEAN };
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(POOLS); i++) {
        for (int wide = 0; wide <= 2 * c.width; wide += c.width) {
            struct folder f;
            struct vit_model *m;
            c.pool = POOLS[i];
            c.pre_logits = wide;
            folder_make(&f, &c);
            folder_weights(&f, "model.safetensors", NULL);
            m = folder_open(&f, NULL);
            assert_int_equal(vit_model_config(m)->pool, c.pool);
            assert_int_equal(vit_model_config(m)->pre_logits, wide);
            vit_model_close(m);
            folder_remove(&f);
        }
    }
}

/* JAX's query kernels are (width, heads, head width). */
static void heads_follow_from_the_kernels_of_jax(void **state)
{
    struct folder f = { .path = "" };
    struct vit_model *m;
    unsigned char *bytes;
    size_t size;

    (void)state;
    tmp_create(f.path, sizeof f.path);
    bytes = tmp_read("tests/data/golden/jax-npz/model.npz", &size);
    tmp_write(f.path, "model.npz", bytes, size, NULL, 0);
    free(bytes);
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->heads, 3); /* width / 64 would be none */
    assert_int_equal(folder_notes(m, true, "number of heads"), 0);
    vit_model_close(m);
    folder_remove(&f);
}

/* The golden network of JAX with its positions (16, 48) under another name; NULL: with none. from stays
 * open. */
static void jax_folder(struct folder *f, const struct weights_file *from, const char *name,
                       const float *positions)
{
    *f = (struct folder){ 0 };
    tmp_create(f->path, sizeof f->path);
    for (size_t i = 0; i < weights_count(from); i++) {
        const struct weights_tensor *t = weights_at(from, i);
        struct weights_entry *e = &f->entry[f->count];
        if (strstr(t->name, "pos_embedding")) continue;
        *e = (struct weights_entry){ .name = t->name, .dtype = t->dtype, .rank = t->rank, .data = t->data };
        memcpy(e->shape, t->shape, sizeof e->shape);
        f->count++;
    }
    if (name) f->entry[f->count++] = (struct weights_entry){ name, WEIGHTS_F32, 3, { 1, 16, 48 }, positions };
    assert_true(f->count <= FOLDER_TENSORS);
    folder_weights(f, "model.safetensors", NULL);
}

static struct weights_file *jax_file(void)
{
    struct weights_file *file;
    struct vit_error err;

    assert_ok(weights_open(&file, "tests/data/golden/jax-npz/model.npz", &err), &err);
    return file;
}

/* vit_s16_i1k_90ep.npz and others hold no positions. The values are of posemb_sincos_2d(4, 4, 48) in
 * models/vit.py of google-research/big_vision, run in float64. */
static void positions_that_big_vision_does_not_store_are_sines_and_cosines(void **state)
{
    static const struct {
        int patch, column;
        double value;
    } WANT[] = { /* patch 2: x 2, y 0 */
                 { 2, 0, 0.90929743 },  { 2, 1, 0.76158299 },  { 2, 11, 0.0002 },      { 2, 12, -0.41614684 },
                 { 2, 13, 0.64806739 }, { 2, 24, 0 },          { 2, 36, 1 },           { 7, 1, 0.96319037 },
                 { 7, 13, 0.26882021 }, { 7, 24, 0.84147098 }, { 7, 25, 0.41948338 },  { 7, 36, 0.54030231 },
                 { 7, 47, 1 },          { 12, 0, 0 },          { 12, 24, 0.14112001 }, { 12, 26, 0.53300253 },
                 { 12, 35, 0.0003 },    { 15, 2, 0.53300253 }
    };
    struct weights_file *file = jax_file();
    struct folder f;
    struct vit_model *m;

    (void)state;
    jax_folder(&f, file, NULL, NULL);
    m = folder_open(&f, &(struct vit_model_options){ .image = 32 });
    assert_int_equal(vit_model_config(m)->position, VIT_POS_SINCOS2D);
    assert_int_equal(folder_notes(m, true, "big_vision's sines and cosines are added, image size 224"), 1);
    for (size_t i = 0; i < VIT_COUNT(WANT); i++) /* 6e-8: half a step of a float below 1, and of WANT */
        assert_near(m->positions[48 * WANT[i].patch + WANT[i].column], WANT[i].value, 6e-8);
    vit_model_close(m);
    folder_text(&f, "config.json", "{\"architecture\":\"x\",\"input_size\":[3,36,36]}");
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->image, 36);
    assert_int_equal(folder_notes(m, true, "assumed"), 1); /* of the recipe */
    vit_model_close(m);
    folder_text(&f, "config.json", "{\"architecture\":\"x\",\"model_args\":{\"pos_embed\":\"none\"}}");
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->position, VIT_POS_NONE);
    vit_model_close(m);
    folder_remove(&f);
    weights_close(file);
}

/* As positions of the patches alone: the class token comes after them. */
static void stored_positions_of_big_vision_do_as_the_same_fixed_ones(void **state)
{
    static const char *const NAMES[] = { "pos_embedding", "Transformer/pos_embedding" };
    struct weights_file *file = jax_file();
    struct folder fixed;
    struct vit_model *m;
    struct vit_session *s;
    float *planes, want[10];

    (void)state;
    jax_folder(&fixed, file, NULL, NULL);
    m = folder_open(&fixed, &(struct vit_model_options){ .image = 32 });
    planes = tiny_planes(m, 1);
    s = tiny_session(m, 1, 1, false);
    memcpy(want, vit_forward(s, planes, 1), sizeof want);
    vit_session_close(s);
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        struct folder f;
        struct vit_model *stored;
        struct vit_session *other;
        jax_folder(&f, file, NAMES[i], m->positions);
        stored = folder_open(&f, NULL);
        assert_int_equal(vit_model_config(stored)->position, VIT_POS_LEARNED);
        assert_int_equal(vit_model_config(stored)->image, 32);
        other = tiny_session(stored, 1, 1, false);
        assert_memory_equal(vit_forward(other, planes, 1), want, sizeof want);
        vit_session_close(other);
        vit_model_close(stored);
        folder_remove(&f);
    }
    vit_model_close(m);
    free(planes);
    folder_remove(&fixed);
    weights_close(file);
}

/* In the axes that they have there: (width, heads, head width). */
static void a_kernel_of_jax_that_is_missing_has_its_own_shape(void **state)
{
    static const char QUERY[] = "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/query/kernel";
    struct weights_file *file = jax_file();
    struct folder f;
    char says[200];

    (void)state;
    jax_folder(&f, file, NULL, NULL);
    folder_drop(&f, QUERY);
    folder_weights(&f, "model.safetensors", NULL);
    snprintf(says, sizeof says, "are missing: \"%s\" [48, 3, 16]", QUERY);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, says);
    folder_remove(&f);
    weights_close(file);
}

static void an_empty_query_norm_is_refused(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;

    (void)state;
    c.norm.qk = true;
    folder_make(&f, &c);
    folder_entry(&f, "blocks.0.attn.q_norm.weight")->rank = 0; /* a scalar: no first axis */
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "model.safetensors");
    folder_remove(&f);
}

static void tensors_that_are_no_vit_are_refused(void **state)
{
    static const struct {
        const char *drop, *says;
    } ROWS[] = { { "patch_embed.proj.weight", "patch" },
                 { "blocks.0.attn.qkv.weight", "model.safetensors" },
                 { "blocks.0.mlp.fc2.weight", "blocks" },
                 { "head.weight", "holds no classifier" } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct folder f;
        folder_make(&f, &c);
        folder_drop(&f, ROWS[i].drop);
        folder_weights(&f, "model.safetensors", NULL);
        folder_refused(&f, NULL, VIT_ERR_FORMAT, ROWS[i].says);
        folder_remove(&f);
    }
}

/* It answers otherwise without: a norm that a family always has is missing, not meant to be away. */
static void a_last_norm_that_is_not_there_is_missing(void **state)
{
    static const struct {
        const char *config;
        bool taken;
    } ROWS[] = {
        { NULL, false },
        { "{\"architecture\":\"vit_base_patch16_224\",\"model_args\":{\"num_heads\":2}}", false },
        { "{\"architecture\":\"x\",\"model_args\":{\"final_norm\":false}}", true },
        /* timm 1.0.31 has these without */
        { "{\"architecture\":\"vit_intern300m_patch14_448\",\"model_args\":{\"num_heads\":2}}", true },
        { "{\"architecture\":\"vit_huge_patch16_radio_v3\",\"model_args\":{\"num_heads\":2}}", true },
        { "{\"architecture\":\"vit_intern300m_patch14_448\",\"model_args\":{\"final_norm\":true}}", false },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct folder f;
        c.norm.final = false;
        folder_make(&f, &c);
        folder_weights(&f, "model.safetensors", NULL);
        if (ROWS[i].config) folder_text(&f, "config.json", ROWS[i].config);
        if (ROWS[i].taken) {
            struct vit_model *m = folder_open(&f, NULL);
            assert_false(vit_model_config(m)->norm.final);
            vit_model_close(m);
        } else {
            folder_refused(&f, NULL, VIT_ERR_FORMAT, "are missing: \"norm.weight\" [16], \"norm.bias\" [16]");
        }
        folder_remove(&f);
    }
}

/* The tensors of f as a file of the family has them; names: for what it calls them. */
static void rename_as(struct folder *f, enum weights_family family, char names[][3][WEIGHTS_NAME])
{
    for (int i = f->count; i-- > 0;) {
        struct weights_entry *e = &f->entry[i];
        const int parts = weights_family_names(family, e->name, names[i]);

        assert_true(parts == 1 || parts == 3);
        e->name = names[i][0];
        e->shape[0] /= parts;
        for (int j = 1; j < parts; j++) {
            assert_true(f->count < FOLDER_TENSORS);
            f->entry[f->count] = *e;
            f->entry[f->count++].name = names[i][j];
        }
    }
}

/* Every other family's is there too, but torch's: its stack has one only if it is given one. */
static void the_last_norm_of_other_families_is_missed_too(void **state)
{
    static const struct {
        enum weights_family family;
        const char *says;
    } ROWS[] = {
        { WEIGHTS_HF_VIT, "are missing: \"vit.layernorm.weight\" [16], \"vit.layernorm.bias\" [16]" },
        { WEIGHTS_TORCHVISION, "are missing: \"encoder.ln.weight\" [16], \"encoder.ln.bias\" [16]" },
        { WEIGHTS_TORCH, NULL },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        char names[FOLDER_TENSORS][3][WEIGHTS_NAME];
        struct folder f;
        c.norm.final = false;
        folder_make(&f, &c);
        rename_as(&f, ROWS[i].family, names);
        folder_weights(&f, "model.safetensors", NULL);
        if (ROWS[i].says)
            folder_refused(&f, NULL, VIT_ERR_FORMAT, ROWS[i].says);
        else
            vit_model_close(folder_open(&f, NULL));
        folder_remove(&f);
    }
}

/* Whatever the block: sizes are those that most of its kind have. */
static void a_tensor_of_the_first_block_is_blamed_as_any_other(void **state)
{
    static const char *const NAMES[] = { "blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight",
                                         "blocks.0.mlp.fc2.weight" };
    struct weights_entry *e;
    struct folder f;
    char says[100];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        timm_folder(&f, "{\"architecture\":\"x\",\"model_args\":{\"embed_dim\":16}}");
        snprintf(says, sizeof says, "are missing: \"%s\" [", NAMES[i]);
        folder_drop(&f, NAMES[i]);
        folder_weights(&f, "model.safetensors", NULL);
        folder_refused(&f, NULL, VIT_ERR_FORMAT, says);
        folder_remove(&f);
    }
    timm_folder(&f, "{\"architecture\":\"x\",\"model_args\":{\"embed_dim\":16}}");
    e = folder_entry(&f, "blocks.0.attn.proj.weight");
    e->shape[0] = 3, e->shape[1] = 5;
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"blocks.0.attn.proj.weight\" is [3, 5], expected [16, 16]");
    folder_remove(&f);
}

/* Query, key and value are three tensors there: the one that does not fit is named, by its own name. */
static void a_part_that_does_not_fit_is_named_as_the_file_does(void **state)
{
    static const char QUERY[] = "vit.encoder.layer.0.attention.attention.query.weight";
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    char names[FOLDER_TENSORS][3][WEIGHTS_NAME], says[200];
    struct folder f;

    (void)state;
    folder_make(&f, &c);
    rename_as(&f, WEIGHTS_HF_VIT, names);
    folder_entry(&f, QUERY)->shape[0] = 9;
    folder_entry(&f, QUERY)->shape[1] = 5;
    folder_weights(&f, "model.safetensors", NULL);
    snprintf(says, sizeof says, "/model.safetensors: \"%s\" is [9, 5], expected [16, 16]", QUERY);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, says);
    folder_drop(&f, QUERY);
    folder_weights(&f, "model.safetensors", NULL);
    snprintf(says, sizeof says,
             ": 1 tensors that norm placement \"pre\" and this configuration need are "
             "missing: \"%s\" [16, 16]",
             QUERY);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, says);
    folder_remove(&f);
}

/* timm's ParallelScalingBlock, that of ViT-22B: attention and MLP side by side, out of one product. */
static void a_parallel_block_is_refused(void **state)
{
    static const struct {
        const char *name;
        int rank, rows, cols;
    } BLOCK[] = {
        { "blocks.0.in_norm.weight", 1, 16, 0 },        { "blocks.0.in_norm.bias", 1, 16, 0 },
        { "blocks.0.in_proj.weight", 2, 80, 16 },       { "blocks.0.in_proj.bias", 1, 80, 0 },
        { "blocks.0.attn_out_proj.weight", 2, 16, 16 }, { "blocks.0.attn_out_proj.bias", 1, 16, 0 },
        { "blocks.0.mlp_out_proj.weight", 2, 16, 32 },  { "blocks.0.mlp_out_proj.bias", 1, 16, 0 }
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;

    (void)state;
    folder_make(&f, &c);
    for (int i = f.count; i-- > 0;)
        if (!strncmp(f.entry[i].name, "blocks.", strlen("blocks."))) folder_drop(&f, f.entry[i].name);
    for (size_t i = 0; i < VIT_COUNT(BLOCK); i++)
        folder_add(&f, BLOCK[i].name, BLOCK[i].rank, BLOCK[i].rows, BLOCK[i].cols);
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_FORMAT,
                   "no blocks of a plain ViT found under the names of timm: expected tensors such as "
                   "\"blocks.0.attn.qkv.weight\"");
    folder_remove(&f);
}

/* A head of several layers, or a dropout in front of the one: torchvision's heads[1], timm's head.mlp. */
static void a_classifier_of_another_kind_is_named(void **state)
{
    static const char *const HEADS[] = { "head.1.weight", "heads.head.0.weight", "classifier.2.weight",
                                         "fc.weight" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(HEADS); i++) {
        const struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct folder f;
        char says[100];
        folder_make(&f, &c);
        folder_drop(&f, "head.weight");
        folder_add(&f, HEADS[i], 2, 4, 16);
        folder_weights(&f, "model.safetensors", NULL);
        snprintf(says, sizeof says, "its classifier is of another kind (\"%s\" [4, 16])", HEADS[i]);
        folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, says);
        folder_remove(&f);
    }
}

/* The tensors of f under names of their own: those of the head begin with head, the others with trunk. */
static void rename_all(struct folder *f, char names[FOLDER_TENSORS][120], const char *trunk, const char *head)
{
    for (int i = 0; i < f->count; i++) {
        const char *name = f->entry[i].name;
        if (!strncmp(name, "head.", strlen("head.")))
            snprintf(names[i], 120, "%s%s", head, name + strlen("head"));
        else
            snprintf(names[i], 120, "%s%s", trunk, name);
        f->entry[i].name = names[i];
    }
}

static void answer(float *logits, const struct vit_model *m, const float *planes)
{
    struct vit_session *s = tiny_session(m, 1, 1, false);

    memcpy(logits, vit_forward(s, planes, 1), (size_t)vit_model_config(m)->classes * sizeof *logits);
    vit_session_close(s);
}

/* nn.Sequential(nn.Dropout(), nn.Linear()), and a backbone beside a linear layer. */
static void a_classifier_of_another_name_answers_as_head_does(void **state)
{
    static const struct {
        const char *trunk, *head;
    } ROWS[] = { { "", "fc" },
                 { "", "head.1" },
                 { "", "classifier.0" },
                 { "", "heads.head.1" },
                 { "backbone.", "fc" },
                 { "backbone.", "classifier" },
                 { "backbone.", "backbone.head.1" },
                 { "state_dict.model.backbone.", "state_dict.model.classifier.1" } };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;
    float want[4], got[4], *planes;

    (void)state;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    planes = tiny_planes(m, 1);
    answer(want, m, planes);
    vit_model_close(m);
    folder_remove(&f);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char names[FOLDER_TENSORS][120], says[120];
        folder_make(&f, &c);
        rename_all(&f, names, ROWS[i].trunk, ROWS[i].head);
        folder_weights(&f, "model.safetensors", NULL);
        m = folder_open(&f, NULL);
        snprintf(says, sizeof says, "\"%s\" is taken for its classifier", ROWS[i].head);
        assert_int_equal(folder_notes(m, true, says), 1);
        assert_int_equal(folder_notes(m, true, "not used"), 0);
        answer(got, m, planes);
        assert_memory_equal(got, want, sizeof want);
        vit_model_close(m);
        folder_remove(&f);
    }
    free(planes);
}

/* What else of a classifier there is, and where a layer lies, may mean that it reads something else. */
static void a_classifier_of_another_name_is_taken_only_alone(void **state)
{
    static const struct {
        const char *trunk, *head, *more;
        int rank, rows, cols;
    } ROWS[] = {
        { "", "head.1", "head.0.weight", 1, 16, 0 }, /* a norm */
        { "", "head.1", "head.0.weight", 2, 16, 16 },
        { "", "head.2", "head.other", 1, 1, 0 }, /* what are the first two? */
        { "", "fc", "classifier.weight", 2, 4, 16 },
        { "", "fc", "aux_head.bias", 1, 4, 0 },
        { "backbone.", "decoder.fc", "decoder.x", 1, 1, 0 },
        { "backbone.", "backbone.decoder.fc", "decoder.x", 1, 1, 0 },
        { "", "my_fc", "x", 1, 1, 0 },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char names[FOLDER_TENSORS][120];
        struct folder f;
        folder_make(&f, &c);
        rename_all(&f, names, ROWS[i].trunk, ROWS[i].head);
        folder_add(&f, ROWS[i].more, ROWS[i].rank, ROWS[i].rows, ROWS[i].cols);
        folder_weights(&f, "model.safetensors", NULL);
        folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "its classifier is of another kind");
        folder_remove(&f);
    }
}

static void a_classifier_of_another_name_and_width_is_refused(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;

    (void)state;
    folder_make(&f, &c);
    folder_drop(&f, "head.weight");
    folder_drop(&f, "head.bias");
    folder_add(&f, "fc.weight", 2, 4, 8);
    folder_add(&f, "fc.bias", 1, 4, 0);
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "another kind (\"fc.weight\" [4, 8])");
    folder_entry(&f, "fc.weight")->shape[1] = 16;
    folder_entry(&f, "fc.bias")->shape[0] = 3;
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "of other names a bias too");
    folder_remove(&f);
}

/* DINOv2, MAE and ImageNet-21k's networks are published without a head: their features are all there. */
static void a_network_without_a_classifier_has_features(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct vit_model_options headless = { .headless = true };
    struct folder f;
    struct vit_model *whole, *m;
    struct vit_session *s;
    float *planes, want[16];

    (void)state;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    whole = folder_open(&f, &headless); /* it has one: nothing changes */
    assert_int_equal(vit_model_config(whole)->classes, c.classes);
    planes = tiny_planes(whole, 1);
    s = tiny_session(whole, 1, 1, false);
    vit_forward(s, planes, 1);
    memcpy(want, vit_features(s), sizeof want);
    vit_session_close(s);
    vit_model_close(whole);

    folder_drop(&f, "head.weight");
    folder_drop(&f, "head.bias");
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", "{\"num_classes\":0,\"architecture\":\"mine\"}");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "holds no classifier");
    m = folder_open(&f, &headless);
    assert_int_equal(vit_model_config(m)->classes, 1);
    assert_int_equal(folder_notes(m, false, "holds no classifier"), 1);
    s = tiny_session(m, 1, 1, false);
    assert_true(vit_forward(s, planes, 1)[0] == 0); /* a head of zeros */
    assert_memory_equal(vit_features(s), want, sizeof want);
    vit_session_close(s);
    vit_model_close(m);

    folder_add(&f, "head.fc2.weight", 2, 4, 16);
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, &headless, VIT_ERR_UNSUPPORTED, "of another kind"); /* what it reads is not known */
    free(planes);
    folder_remove(&f);
}

static void assert_headless(const char *path, const float *planes, const float *want)
{
    const struct vit_model_options o = { .headless = true };
    struct vit_model *m;
    struct vit_session *s;
    struct vit_error err;

    assert_refused(vit_model_open(&m, path, NULL, &err), VIT_ERR_FORMAT, "\"head.weight\" [1, 16]", &err);
    assert_ok(vit_model_open(&m, path, &o, &err), &err);
    assert_int_equal(folder_notes(m, false, "holds no classifier"), 1);
    s = tiny_session(m, 1, 1, false);
    vit_forward(s, planes, 1);
    assert_memory_equal(vit_features(s), want, 16 * sizeof *want);
    vit_session_close(s);
    vit_model_close(m);
}

/* With a configuration of ours beside it, which has classes all the same; and saved, packed or not. */
static void a_network_without_a_classifier_stays_without_one(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct vit_model_options how = { .headless = true };
    struct folder f;
    struct vit_model *m;
    struct vit_session *s;
    struct vit_error err;
    float *planes, want[16];
    char path[400];

    (void)state;
    folder_make(&f, &c);
    folder_drop(&f, "head.weight");
    folder_drop(&f, "head.bias");
    folder_write(&f);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"head.weight\" [4, 16]");
    m = folder_open(&f, &how);
    assert_int_equal(vit_model_config(m)->classes, 1);
    assert_int_equal(folder_notes(m, true, ""), 0);
    planes = tiny_planes(m, 1);
    s = tiny_session(m, 1, 1, false);
    assert_true(vit_forward(s, planes, 1)[0] == 0);
    memcpy(want, vit_features(s), sizeof want);
    snprintf(path, sizeof path, "%s/saved.safetensors", f.path);
    assert_ok(vit_model_save(m, path, WEIGHTS_F32, &err), &err);
    assert_headless(path, planes, want);
    assert_ok(vit_model_save_packed(m, path, KERN_F32, "ref+vec", &err), &err);
    assert_headless(path, planes, want);
    snprintf(path, sizeof path, "%s/exported", f.path);
    assert_refused(vit_model_export(m, path, WEIGHTS_TIMM, WEIGHTS_F32, &err), VIT_ERR_UNSUPPORTED,
                   "a model without a classifier is not written for timm", &err);
    vit_session_close(s);
    vit_model_close(m);
    free(planes);
    folder_remove(&f);
}

/* As a start of training: all is taken but the head, which is drawn, also where one class is learnt. */
static void a_network_without_a_classifier_is_a_start(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *from, *m;
    struct vit_error err;

    (void)state;
    folder_make(&f, &c);
    folder_drop(&f, "head.weight");
    folder_drop(&f, "head.bias");
    folder_weights(&f, "model.safetensors", NULL);
    from = folder_open(&f, &(struct vit_model_options){ .headless = true });
    for (int classes = 1; classes <= 4; classes += 3) {
        c = *vit_model_config(from);
        c.classes = classes;
        assert_ok(vit_model_create(&m, &c, NULL, NULL, NULL, NULL, &err), &err);
        assert_ok(vit_model_take(m, from, &err), &err);
        assert_memory_equal(tiny_values(m, "blocks.1.mlp.fc1.weight"),
                            folder_entry(&f, "blocks.1.mlp.fc1.weight")->data, 16 * 24 * sizeof(float));
        assert_true(tiny_values(m, "head.weight")[0] != 0);
        assert_int_equal(folder_notes(m, true, "has no head, one was drawn"), 1);
        vit_model_close(m);
    }
    vit_model_close(from);
    folder_remove(&f);
}

/* timm's vit_*_clip_* have a norm after the embedding, and nn.LayerNorm's eps. */
static void a_tower_of_clip_has_its_eps(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;

    (void)state;
    c.norm.embed = true;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_true(vit_model_config(m)->norm.eps == 1e-5f);
    assert_int_equal(folder_notes(m, true, "eps 1e-5 and gelu assumed"), 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* Averaged weights beside the last: their answers differ, so it is said whose are given. */
static void the_copy_that_is_read_is_said(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    char name[FOLDER_TENSORS][2][100];
    struct folder f;
    struct vit_model *m;
    int count;

    (void)state;
    folder_make(&f, &c);
    count = f.count;
    assert_true(2 * count < FOLDER_TENSORS);
    for (int i = 0; i < count; i++) {
        snprintf(name[i][0], sizeof name[i][0], "model.%s", f.entry[i].name);
        snprintf(name[i][1], sizeof name[i][1], "model_ema.%s", f.entry[i].name);
        f.entry[count + i] = f.entry[i];
        f.entry[i].name = name[i][0];
        f.entry[count + i].name = name[i][1];
    }
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_int_equal(folder_notes(m, false, "\"model.\" before the names of its tensors is left out"), 1);
    vit_model_close(m);
    f.count = 2 * count;
    folder_weights(&f, "model.safetensors", NULL);
    m = folder_open(&f, NULL);
    assert_int_equal(
        folder_notes(m, true, "several copies of the network: \"model_ema\" is read, not \"model\""), 1);
    vit_model_close(m);
    folder_remove(&f);
}

static void positions_that_are_no_square_are_refused(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;

    (void)state;
    folder_make(&f, &c);
    folder_entry(&f, "pos_embed")->shape[1] = 4 + 3;
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "7 position embeddings are not a square grid");
    folder_remove(&f);
}

/* Sizes multiply to more than an int: refused, not wrapped. Empty axes keep such a file small. */
static void huge_axes_do_not_overflow(void **state)
{
    static const int64_t HUGE[] = { 1 << 28, (int64_t)1 << 31, (int64_t)1 << 40, (int64_t)1 << 62 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(HUGE); i++) {
        const struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct folder f;
        struct weights_entry *e;
        folder_make(&f, &c);
        e = folder_entry(&f, "patch_embed.proj.weight");
        e->shape[0] = 0;
        e->shape[2] = e->shape[3] = HUGE[i] > 1 << 30 ? 1 << 30 : HUGE[i];
        e = folder_entry(&f, "pos_embed");
        e->shape[0] = 0;
        e->shape[1] = 16384 * 16384 + 1;
        folder_weights(&f, "model.safetensors", NULL);
        folder_refused(&f, NULL, VIT_ERR_FORMAT, "model.safetensors");
        folder_remove(&f);
    }
}

/* Strides of convolutions do, too; the cap is far above any size that is taken. */
static void huge_strides_do_not_overflow(void **state)
{
    enum { KERNEL = (1 << 16) + 2 }; /* stride 2^15, and 2 of the pooling: 2^32 of two layers */
    struct vit_config c = tiny_config(VIT_NORM_PRE_POST);
    char names[FOLDER_TENSORS][64];
    struct folder f;

    (void)state;
    c.stem = (struct patch_stem){ .layers = 2 };
    for (int i = 0; i < 2; i++)
        c.stem.conv[i] = (struct patch_conv){
            .out = c.width, .kernel = 3, .stride = 1, .padding = 1, .pool = { 3, 2, 1 }
        };
    c.cls = c.position_prefix = false, c.pool = VIT_POOL_SEQ;
    folder_make(&f, &c);
    for (int i = 0; i < 2; i++) {
        struct weights_entry *e =
            folder_entry(&f, i ? "patch_embed.conv.1.weight" : "patch_embed.conv.0.weight");
        e->shape[0] = 0;
        e->shape[2] = e->shape[3] = KERNEL;
    }
    for (int i = 0; i < f.count; i++)
        f.entry[i].name = name_in(names[i], sizeof names[i], WEIGHTS_CCT, f.entry[i].name);
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "found 268435456");
    folder_text(&f, "config.json", "{\"architecture\":\"x\",\"model_args\":{\"img_size\":8}}");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "found 268435456");
    folder_remove(&f);
}

/* ---- timm ---- */

static void timm_arguments_are_read(void **state)
{
    const struct vit_config *c;
    const struct patch_recipe *r;
    struct folder f;
    struct vit_model *m;

    (void)state;
    timm_folder(
        &f, "{\"architecture\":\"vit_x\",\"num_classes\":4,\"global_pool\":\"avg\",\"model_args\":{\"num_"
            "heads\":4,"
            "\"embed_dim\":16,\"norm_eps\":1e-5,\"act_layer\":\"quick_gelu\",\"block\":\"ResPostBlock\"},"
            "\"pretrained_cfg\":{\"input_size\":[3,8,8],\"interpolation\":\"bilinear\",\"crop_pct\":0.875,"
            "\"crop_mode\":\"squash\",\"mean\":[0.1,0.2,0.3],\"std\":[1,2,3]},"
            "\"label_names\":[\"d\",\"c\",\"b\",\"a\"]}");
    m = folder_open(&f, NULL);
    c = vit_model_config(m);
    r = vit_model_recipe(m);
    assert_int_equal(c->heads, 4);
    assert_true(c->norm.eps == 1e-5f && c->act == KERN_ACT_QUICK_GELU &&
                c->norm.placement == VIT_NORM_RES_POST);
    assert_int_equal(c->pool, VIT_POOL_MEAN);
    assert_true(r->size == 8 && r->squash && r->filter == PATCH_BILINEAR && r->crop_pct == 0.875f);
    assert_true(r->mean[1] == 0.2f && r->std[2] == 3);
    assert_string_equal(vit_model_labels(m)[0], "d");
    assert_int_equal(folder_notes(m, true, ""), 0);
    vit_model_close(m);
    folder_remove(&f);
}

/* resolve_data_config() of timm 1.0.31 on PretrainedCfg(): bicubic, 0.875, ImageNet's mean and std. */
static void what_timm_does_not_say_is_its_default(void **state)
{
    static const struct {
        const char *config;
        bool squash;
        float crop_pct;
        enum patch_filter filter;
        float mean, std; /* of red */
        const char *says;
    } ROWS[] = {
        { "{\"architecture\":\"x\"}", false, 0.875f, PATCH_BICUBIC, 0.485f, 0.229f,
          "crop_pct 0.875, ImageNet's mean, ImageNet's std assumed" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"crop_pct\":null,\"mean\":[0.5,0.5,0.5]}}", false,
          0.875f, PATCH_BICUBIC, 0.5f, 0.229f, ": crop_pct 0.875, ImageNet's std assumed" },
        /* before timm 0.8 */
        { "{\"architecture\":\"x\",\"num_classes\":4,\"input_size\":[3,8,8],"
          "\"crop_pct\":1.0,\"interpolation\":\"bilinear\",\"crop_mode\":\"squash\","
          "\"std\":[0.25,0.25,0.25]}",
          true, 1, PATCH_BILINEAR, 0.485f, 0.25f, ": ImageNet's mean assumed" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct patch_recipe *r;
        struct folder f;
        struct vit_model *m;
        timm_folder(&f, ROWS[i].config);
        m = folder_open(&f, NULL);
        r = vit_model_recipe(m);
        if (r->squash != ROWS[i].squash || r->crop_pct != ROWS[i].crop_pct || r->filter != ROWS[i].filter ||
            r->mean[0] != ROWS[i].mean || r->std[0] != ROWS[i].std)
            fail_msg("%s: squash %d, crop_pct %g, %s, mean %g, std %g", ROWS[i].config, r->squash,
                     (double)r->crop_pct, patch_filter_name(r->filter), (double)r->mean[0],
                     (double)r->std[0]);
        assert_int_equal(folder_notes(m, true, ROWS[i].says), 1);
        vit_model_close(m);
        folder_remove(&f);
    }
}

static void timm_arguments_that_contradict_the_tensors_are_refused(void **state)
{
    static const struct {
        const char *config, *says;
    } ROWS[] = {
        { "{\"architecture\":\"x\",\"model_args\":{\"depth\":12}}",
          "\"depth\" is 12, but the tensors say 3" },
        { "{\"architecture\":\"x\",\"model_args\":{\"embed_dim\":\"16\"}}",
          "\"embed_dim\" must be an integer" },
        { "{\"architecture\":\"vit_tiny_patch16_224\",\"model_args\":{\"embed_dim\":16}}",
          "width 16 is not a multiple of 3 heads" },
        { "{\"architecture\":\"x\",\"model_args\":{\"patch_size\":8}}", "\"patch_size\" is 8" },
        { "{\"architecture\":\"x\",\"model_args\":{\"num_heads\":3}}", "3 heads" },
        { "{\"architecture\":\"x\",\"model_args\":{\"num_heads\":0}}", "\"num_heads\"" },
        { "{\"architecture\":\"x\",\"num_classes\":10}", "\"num_classes\" is 10" },
        { "{\"architecture\":\"x\",\"model_args\":[1]}", "\"model_args\" must be an object" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":\"y\"}", "\"pretrained_cfg\" must be an object" },
        { "{\"architecture\":1}", "\"architecture\" must be a string" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"mean\":[1e300,0,0]}}", "\"mean\"" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"input_size\":[3,1e300,8]}}", "\"input_size\"" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"std\":[0,0,0]}}", "std" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"crop_pct\":-1}}", "crop_pct" },
        { "{\"architecture\":\"x\",\"model_args\":{\"norm_eps\":0}}", "eps" },
        { "{\"architecture\":\"x\",\"model_args\":{\"in_chans\":1}}", "\"in_chans\" is 1" },
        { "{\"architecture\":\"x\",\"model_args\":{\"reg_tokens\":4}}",
          "\"reg_tokens\" is 4, but the tensors say 0" },
        { "{\"architecture\":\"x\",\"model_args\":{\"class_token\":false}}",
          "\"class_token\" is false, but the tensors say true" },
        { "{\"architecture\":\"x\",\"model_args\":{\"qkv_bias\":false}}", "\"qkv_bias\" is false" },
        { "{\"architecture\":\"x\",\"model_args\":{\"proj_bias\":false}}", "\"proj_bias\" is false" },
        { "{\"architecture\":\"x\",\"model_args\":{\"qk_norm\":true}}",
          "\"qk_norm\" is true, but the tensors say false" },
        { "{\"architecture\":\"x\",\"model_args\":{\"pre_norm\":true}}", "\"pre_norm\" is true" },
        { "{\"architecture\":\"x\",\"model_args\":{\"fc_norm\":true}}", "\"fc_norm\" is true" },
        { "{\"architecture\":\"x\",\"model_args\":{\"final_norm\":false}}", "\"final_norm\" is false" },
        { "{\"architecture\":\"x\",\"model_args\":{\"no_embed_class\":true}}", "\"no_embed_class\" is true" },
        { "{\"architecture\":\"x\",\"model_args\":{\"qk_norm\":1}}", "\"qk_norm\" must be" },
        { "{\"architecture\":\"x\",\"model_args\":{\"init_values\":0.1}}",
          "\"init_values\" is 0.1, but the tensors have no scales" },
        { "{\"architecture\":\"x\",\"model_args\":{\"mlp_ratio\":4}}",
          "\"mlp_ratio\" is 4, but the tensors say 1.5" },
        { "{\"architecture\":\"x\",\"model_args\":{\"pos_embed\":\"none\"}}",
          "\"pos_embed\" is \"none\", but the tensors have positions" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f;
        struct vit_model *m;
        struct vit_error err = { 0 };
        timm_folder(&f, ROWS[i].config);
        if (!vit_model_open(&m, f.path, NULL, &err)) fail_msg("%s was taken", ROWS[i].config);
        assert_int_equal(err.status, VIT_ERR_FORMAT);
        if (!strstr(err.text, ROWS[i].says))
            fail_msg("%s: \"%s\" does not say %s", ROWS[i].config, err.text, ROWS[i].says);
        folder_remove(&f);
    }
}

/* Zero is no value, nor is null; a norm behind each branch has begun with it. */
static void timm_arguments_that_the_tensors_bear_out_are_no_matter(void **state)
{
    static const struct {
        const char *args;
        bool scales;
    } ROWS[] = {
        { "\"init_values\":0", false },
        { "\"init_values\":null,\"qk_norm\":null", false },
        { "\"init_values\":1e-5,\"block\":\"ResPostBlock\"", false },
        { "\"init_values\":1e-5", true },
        { "\"mlp_ratio\":1.55,\"fc_norm\":false,\"final_norm\":true,\"no_embed_class\":false", true },
        { "\"qkv_bias\":true,\"proj_bias\":true,\"reg_tokens\":0,\"pre_norm\":false", true },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_config c = tiny_config(ROWS[i].scales ? VIT_NORM_LAYERSCALE : VIT_NORM_PRE);
        char config[200];
        struct folder f;
        snprintf(config, sizeof config, "{\"architecture\":\"x\",\"model_args\":{%s}}", ROWS[i].args);
        folder_make(&f, &c);
        folder_weights(&f, "model.safetensors", NULL);
        folder_text(&f, "config.json", config);
        vit_model_close(folder_open(&f, NULL));
        folder_remove(&f);
    }
}

/* timm's code always has one, and that of others has. Of timm's names alone nobody knows. */
static void a_bias_of_the_patches_that_is_not_there_is_missing(void **state)
{
    static const struct {
        const char *config;
        enum weights_family family;
        bool norm; /* after the embedding */
        const char *says;
    } ROWS[] = {
        { "{\"architecture\":\"x\"}", WEIGHTS_TIMM, false, "\"patch_embed.proj.bias\" [16]" },
        { "{\"architecture\":\"x\"}", WEIGHTS_TIMM, true, NULL },
        { NULL, WEIGHTS_TIMM, false, NULL },
        { NULL, WEIGHTS_TORCHVISION, false, "\"conv_proj.conv_last.bias\" [16]" },
        { NULL, WEIGHTS_TORCH, false, NULL },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        char names[FOLDER_TENSORS][3][WEIGHTS_NAME];
        struct folder f;
        c.patch_bias = false;
        c.norm.embed = ROWS[i].norm;
        folder_make(&f, &c);
        rename_as(&f, ROWS[i].family, names);
        folder_weights(&f, "model.safetensors", NULL);
        if (ROWS[i].config) folder_text(&f, "config.json", ROWS[i].config);
        if (ROWS[i].says)
            folder_refused(&f, NULL, VIT_ERR_FORMAT, ROWS[i].says);
        else
            vit_model_close(folder_open(&f, NULL));
        folder_remove(&f);
    }
}

/* Whatever it is, it is only said. */
static void a_size_of_timm_that_is_not_the_positions_is_a_note(void **state)
{
    static const struct {
        const char *size, *says;
    } ROWS[] = {
        { "[3,16,16]", "names 16 pixels, the position embeddings are for 8" },
        { "[3,8.5,8.5]", "names 8.5 pixels" },
        { "[3,1e30,1e30]", "names 1e+30 pixels" },
        { "[3,-1e30,-1e30]", "names -1e+30 pixels" },
        { "[3,8,8]", NULL },
        { "null", NULL },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f;
        struct vit_model *m;
        char text[128];
        snprintf(text, sizeof text,
                 "{\"architecture\":\"x\",\"num_classes\":null,\"pretrained_cfg\":{\"input_size\":%s}}",
                 ROWS[i].size);
        timm_folder(&f, text);
        m = folder_open(&f, NULL);
        assert_int_equal(folder_notes(m, false, "\"input_size\" names"), ROWS[i].says != NULL);
        if (ROWS[i].says) assert_int_equal(folder_notes(m, false, ROWS[i].says), 1);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* timm's MLPs take any activation behind a gate; of its own networks all have silu. */
static void a_gate_of_timm_without_silu_is_refused(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;

    (void)state;
    c.glu = true, c.act = KERN_ACT_SILU;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json", "{\"architecture\":\"x\",\"model_args\":{\"act_layer\":\"silu\"}}");
    vit_model_close(folder_open(&f, NULL));
    folder_text(&f, "config.json", "{\"architecture\":\"x\",\"model_args\":{\"act_layer\":\"gelu\"}}");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "a gated MLP (swiglu) has the activation silu, found gelu");
    folder_remove(&f);
}

static void what_timm_has_and_we_do_not_is_unsupported(void **state)
{
    static const char *const CONFIGS[] = {
        "{\"architecture\":\"x\",\"model_args\":{\"block\":\"ParallelScalingBlock\"}}",
        "{\"architecture\":\"x\",\"global_pool\":\"map\"}",
        "{\"architecture\":\"x\",\"model_args\":{\"act_layer\":\"mish\"}}",
        "{\"architecture\":\"x\",\"pretrained_cfg\":{\"interpolation\":\"nearest\"}}",
        "{\"architecture\":\"x\",\"pretrained_cfg\":{\"crop_mode\":\"border\"}}",
        "{\"architecture\":\"x\",\"pretrained_cfg\":{\"input_size\":[3,4,16]}}",
        "{\"architecture\":\"x\",\"model_args\":{\"img_size\":[4,16]}}",
        "{\"architecture\":\"x\",\"model_args\":{\"pool_include_prefix\":true}}",
        "{\"architecture\":\"x\",\"model_args\":{\"dynamic_img_size\":true,\"dynamic_img_pad\":true}}",
        "{\"architecture\":\"x\",\"global_pool\":\"\"}", /* logits of every token */
        "{\"architecture\":\"x\",\"model_args\":{\"global_pool\":\"\"}}",
        "{\"architecture\":\"x\",\"model_args\":{\"norm_layer\":\"simplenorm\"}}",
        "{\"architecture\":\"x\",\"model_args\":{\"norm_layer\":\"rmsnorm\"}}",
        "{\"architecture\":\"vit_small_patch16_rope_ape_224\"}",
        "{\"architecture\":\"vit_pe_core_tiny_patch16_384\"}",
        "{\"architecture\":\"eva02_tiny_patch14_224\"}",
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CONFIGS); i++) {
        struct folder f;
        timm_folder(&f, CONFIGS[i]);
        folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "config.json");
        folder_remove(&f);
    }
}

/* As ACT2FN of transformers 5.24.0 has them; timm's gelu_tanh, and quickgelu of both. */
static void activations_have_the_names_of_others(void **state)
{
    static const struct {
        const char *name;
        enum kern_act act;
    } ROWS[] = {
        { "gelu", KERN_ACT_GELU },
        { "gelu_python", KERN_ACT_GELU },
        { "gelu_new", KERN_ACT_GELU_TANH },
        { "gelu_fast", KERN_ACT_GELU_TANH },
        { "gelu_tanh", KERN_ACT_GELU_TANH },
        { "gelu_pytorch_tanh", KERN_ACT_GELU_TANH },
        { "gelu_accurate", KERN_ACT_GELU_TANH },
        { "quick_gelu", KERN_ACT_QUICK_GELU },
        { "quickgelu", KERN_ACT_QUICK_GELU },
        { "relu", KERN_ACT_RELU },
        { "silu", KERN_ACT_SILU },
        { "swish", KERN_ACT_SILU },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_model *m;
        struct folder f;
        char text[128];

        snprintf(text, sizeof text, "{\"architecture\":\"x\",\"model_args\":{\"act_layer\":\"%s\"}}",
                 ROWS[i].name);
        timm_folder(&f, text);
        m = folder_open(&f, NULL);
        if (vit_model_config(m)->act != ROWS[i].act)
            fail_msg("%s: %s", ROWS[i].name, kern_act_name(vit_model_config(m)->act));
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* What create_model() of timm 1.0.31 builds under these names, of networks whose tensors look alike. */
static void timm_names_tell_what_no_tensor_shows(void **state)
{
    static const struct {
        const char *name;
        int width, heads;
        enum kern_act act;
        float eps;
    } ROWS[] = {
        { "vit_base_patch16_224", 768, 12, KERN_ACT_GELU, 1e-6f },
        { "vit_base_patch16_gap_224", 768, 16, KERN_ACT_GELU, 1e-6f },
        { "vit_huge_patch14_224", 1280, 16, KERN_ACT_GELU, 1e-6f },
        { "vit_giant_patch14_dinov2", 1536, 24, KERN_ACT_GELU, 1e-6f },
        { "vit_giantopt_patch16_siglip_gap_256", 1536, 16, KERN_ACT_GELU_TANH, 1e-6f },
        { "vit_base_patch32_siglip_gap_256", 768, 12, KERN_ACT_GELU_TANH, 1e-6f },
        { "vit_base_patch16_siglip_gap_256", 768, 12, KERN_ACT_GELU, 1e-6f },
        { "vit_large_patch16_siglip_gap_512", 1024, 16, KERN_ACT_GELU_TANH, 1e-6f },
        { "vit_large_patch16_siglip_gap_384", 1024, 16, KERN_ACT_GELU, 1e-6f },
        { "vit_so400m_patch16_siglip_gap_256", 1152, 16, KERN_ACT_GELU_TANH, 1e-6f },
        { "vit_so400m_patch14_siglip_gap_224", 1152, 16, KERN_ACT_GELU, 1e-6f },
        { "vit_huge_patch14_clip_quickgelu_224", 1280, 16, KERN_ACT_QUICK_GELU, 1e-5f },
        { "vit_giant_patch14_reg4_dinov2", 1536, 24, KERN_ACT_GELU, 1e-6f },
        { "vit_base_patch16_plus_240", 896, 14, KERN_ACT_GELU, 1e-6f },
        { "flexivit_small", 384, 6, KERN_ACT_GELU, 1e-6f },
        { "vit_xsmall_patch16_clip_224", 256, 4, KERN_ACT_GELU, 1e-5f },
        { "vit_so150m2_patch16_reg1_gap_256", 832, 13, KERN_ACT_GELU, 1e-6f },
        { "vit_giant_patch16_radio_v3", 1536, 24, KERN_ACT_GELU, 1e-6f },
        { "beit3_giant_patch14_224", 1408, 16, KERN_ACT_GELU, 1e-5f },
        { "vit_large_patch16_siglip_512", 1024, 16, KERN_ACT_GELU_TANH, 1e-6f },
        { "test_vit", 64, 2, KERN_ACT_GELU, 1e-6f },
        { "test_vit4", 96, 3, KERN_ACT_GELU, 1e-6f },
        /* with an embed_dim of its own: the heads stay */
        { "vit_tiny_patch16_224", 96, 3, KERN_ACT_GELU, 1e-6f },
        { "vit_large_patch14_clip_224", 512, 16, KERN_ACT_GELU, 1e-5f },
        { "vit_base_patch32_plus_256", 448, 14, KERN_ACT_GELU, 1e-6f },
        { "vit_intern300m_patch14_448", 128, 16, KERN_ACT_GELU, 1e-6f },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        const struct vit_config *got;
        struct folder f;
        struct vit_model *m;
        char config[128];
        c.width = ROWS[i].width, c.heads = 1, c.depth = 1;
        snprintf(config, sizeof config, "{\"architecture\":\"%s.in1k\"}", ROWS[i].name);
        folder_make(&f, &c);
        folder_weights(&f, "model.safetensors", NULL);
        folder_text(&f, "config.json", config);
        m = folder_open(&f, NULL);
        got = vit_model_config(m);
        if (got->heads != ROWS[i].heads || got->act != ROWS[i].act || got->norm.eps != ROWS[i].eps)
            fail_msg("%s: %d heads, %s, eps %g", ROWS[i].name, got->heads, kern_act_name(got->act),
                     (double)got->norm.eps);
        vit_model_close(m);
        folder_remove(&f);
    }
}

static void a_network_without_positions_must_say_so(void **state)
{
    static const char *const CONFIGS[] = {
        "{\"architecture\":\"vit_base_patch16_new\"}",
        "{\"architecture\":\"x\",\"model_args\":{\"pos_embed\":\"learn\"}}",
        "{\"architecture\":\"x\",\"model_args\":{\"pos_embed\":0}}",
        "{\"model_type\":\"vit\",\"image_size\":8}",
        "{\"model_args\":{\"pos_embed\":\"none\"}}", /* nobody's */
    };
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;

    (void)state;
    c.position = VIT_POS_NONE;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "holds no position embeddings");
    for (size_t i = 0; i < VIT_COUNT(CONFIGS); i++) {
        folder_text(&f, "config.json", CONFIGS[i]);
        folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "positions of another kind");
    }
    folder_text(&f, "config.json", "{\"architecture\":\"x\",\"model_args\":{\"pos_embed\":\"none\"}}");
    vit_model_close(folder_open(&f, NULL));
    folder_remove(&f);
}

/* timm writes as many means as channels; only pictures of three are ever prepared. */
static void means_of_other_channels_are_not_needed(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    struct vit_model *m;

    (void)state;
    c.channels = 1;
    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    folder_text(&f, "config.json",
                "{\"architecture\":\"x\",\"pretrained_cfg\":{\"mean\":[0.5],\"std\":[0.5]}}");
    m = folder_open(&f, NULL);
    assert_int_equal(vit_model_config(m)->channels, 1);
    vit_model_close(m);
    folder_remove(&f);
}

/* ---- networks that are not these ---- */

/* Blocks that hold more than a plain ViT's compute something else: BEiT, scaled or differential attention. */
static void blocks_with_other_tensors_are_refused(void **state)
{
    static const struct {
        const char *tensor, *says;
    } ROWS[] = {
        { "blocks.0.attn.q_bias", "\"blocks.0.attn.q_bias\" [16, 1]" },
        { "blocks.1.attn.norm.weight", "\"blocks.1.attn.norm.weight\" [16, 1]" },
        { "blocks.0.attn.lambda_q1", "blocks are of another kind: 1 of their tensors" },
        { "blocks.0.ls1.other", "blocks are of another kind" },
        { "blocks.0.attn.rel_pos.mlp.fc1.weight", "relative positions" },
        { "patch_embed.norm.weight", "a norm in its patch embedding" },
        { "attn_pool.latent", "a MAP head" },
        { "rope.freqs", "rotary positions" },
        { "blocks.0.attn.qkv.lora_A.default.weight", "a LoRA adapter that is not merged" },
        { "patch_embed.backbone.conv.weight", "a convolutional network before the patches" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct folder f;
        char *ours;
        folder_make(&f, &c);
        folder_add(&f, ROWS[i].tensor, 2, 16, 1);
        folder_weights(&f, "model.safetensors", NULL);
        folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, ROWS[i].says);
        ours = folder_config_text(&f); /* whoever describes the network means it so */
        folder_text(&f, "config.json", ours);
        vit_model_close(folder_open(&f, NULL));
        free(ours);
        folder_remove(&f);
    }
}

/* nn.TransformerEncoderLayer(bias=False) has LayerNorms of a weight alone, as an RMSNorm of timm's. */
static void a_norm_of_torch_without_bias_is_no_rmsnorm(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_POST);
    struct folder f;
    char names[FOLDER_TENSORS][64];

    (void)state;
    c.norm.kind = KERN_RMSNORM;
    folder_make(&f, &c);
    for (int i = 0; i < f.count; i++)
        f.entry[i].name = name_in(names[i], sizeof names[i], WEIGHTS_TORCH, f.entry[i].name);
    folder_weights(&f, "model.safetensors", NULL);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"layers.0.norm1.bias\"");
    folder_remove(&f);
}

/* cct.py: stride max(1, kernel / 2 - 1) and padding kernel / 2, as CCT-14/7x2 has them. */
static void the_strides_of_a_compact_transformer_follow_its_kernels(void **state)
{
    static const int KERNELS[] = { 3, 5, 7 }, STRIDES[] = { 1, 1, 2 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(KERNELS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE_POST);
        const struct patch_conv *conv;
        struct folder f;
        struct vit_model *m;
        char names[FOLDER_TENSORS][64];
        c.stem = (struct patch_stem){ .layers = 1 };
        c.stem.conv[0] = (struct patch_conv){ c.width, KERNELS[i], STRIDES[i],    KERNELS[i] / 2,
                                              false,   false,      KERN_ACT_RELU, { 3, 2, 1 } };
        c.image = 16, c.cls = c.position_prefix = c.qkv_bias = false, c.pool = VIT_POOL_SEQ;
        folder_make(&f, &c);
        for (int j = 0; j < f.count; j++)
            f.entry[j].name = name_in(names[j], sizeof names[j], WEIGHTS_CCT, f.entry[j].name);
        folder_weights(&f, "model.safetensors", NULL);
        m = folder_open(&f, NULL);
        conv = &vit_model_config(m)->stem.conv[0];
        assert_int_equal(conv->stride, STRIDES[i]);
        assert_int_equal(conv->padding, KERNELS[i] / 2);
        assert_int_equal(vit_model_config(m)->image, 16);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* ---- labels ---- */

static void labels_must_be_as_many_as_classes(void **state)
{
    static const struct {
        const char *config, *says;
    } ROWS[] = {
        { "{\"architecture\":\"x\",\"label_names\":[\"a\",\"b\",\"c\"]}",
          "3 labels, but the model has 4 classes" },
        { "{\"architecture\":\"x\",\"label_names\":[\"a\",\"b\",\"c\",4.5]}", "no label for class 3" },
        { "{\"architecture\":\"x\",\"label_names\":\"abcd\"}", "must be an array or an object" },
        { "{\"architecture\":\"x\",\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\",\"4\":\"d\"}}",
          "no label for class 3" },
        { "{\"architecture\":\"x\",\"id2label\":{}}", "0 labels" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f;
        timm_folder(&f, ROWS[i].config);
        folder_refused(&f, NULL, VIT_ERR_FORMAT, ROWS[i].says);
        folder_remove(&f);
    }
}

/* JSON objects have no order: "10" sorts before "2". */
static void labels_of_an_object_go_by_their_number(void **state)
{
    struct folder f;
    struct vit_model *m;

    (void)state;
    timm_folder(&f,
                "{\"architecture\":\"x\",\"id2label\":{\"3\":\"d\",\"1\":\"b\",\"0\":\"a\",\"2\":\"c\"}}");
    m = folder_open(&f, NULL);
    for (int i = 0; i < 4; i++) assert_int_equal(vit_model_labels(m)[i][0], 'a' + i);
    assert_true(vit_model_has_labels(m));
    vit_model_close(m);
    folder_remove(&f);
}

/* Digits and years are often written as numbers. */
static void labels_may_be_numbers(void **state)
{
    static const char *const CONFIGS[] = {
        "{\"architecture\":\"x\",\"id2label\":{\"0\":-7,\"1\":\"b\",\"2\":2,\"3\":9007199254740993}}",
        "{\"architecture\":\"x\",\"label_names\":[-7,\"b\",2,9007199254740993]}",
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CONFIGS); i++) {
        struct folder f;
        struct vit_model *m;
        timm_folder(&f, CONFIGS[i]);
        m = folder_open(&f, NULL);
        assert_string_equal(vit_model_labels(m)[0], "-7");
        assert_string_equal(vit_model_labels(m)[1], "b");
        assert_string_equal(vit_model_labels(m)[3], "9007199254740993");
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* timm's _parse_model_cfg(): the outer names first. */
static void labels_of_timm_may_lie_deeper(void **state)
{
    static const struct {
        const char *config, *first;
    } ROWS[] = {
        { "{\"architecture\":\"x\",\"labels\":[\"e\",\"f\",\"g\",\"h\"]}", "e" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{\"label_names\":[\"i\",\"f\",\"g\",\"h\"]}}", "i" },
        { "{\"architecture\":\"x\",\"label_names\":[\"o\",\"f\",\"g\",\"h\"],"
          "\"pretrained_cfg\":{\"label_names\":[\"i\",\"f\",\"g\",\"h\"]}}",
          "o" },
        { "{\"architecture\":\"x\",\"pretrained_cfg\":{},\"labels\":[\"e\"]}", "class_0" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct folder f;
        struct vit_model *m;
        timm_folder(&f, ROWS[i].config);
        m = folder_open(&f, NULL);
        assert_string_equal(vit_model_labels(m)[0], ROWS[i].first);
        vit_model_close(m);
        folder_remove(&f);
    }
}

/* ---- JSON that is not what it should be ---- */

static void a_broken_configuration_is_refused_with_its_line(void **state)
{
    static const char *const BROKEN[] = {
        "",
        "{",
        "{\"format\":\"vit-1\",}",
        "{\"format\":\"vit-1\"} trailing",
        "{\"image\":8,\"image\":8}",
        "{\"x\":1e400}",
        "{\"x\":99999999999999999999999}",
        "{\"x\":\"\xff\xfe\"}",
        "{\"x\":\"a\\u0000b\"}",
        "{\"x\":nan}",
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(BROKEN); i++) {
        struct folder f;
        timm_folder(&f, BROKEN[i]);
        folder_refused(&f, NULL, VIT_ERR_FORMAT, "config.json: not valid JSON: line");
        folder_remove(&f);
    }
}

static void a_deeply_nested_configuration_is_refused(void **state)
{
    enum { DEPTH = 2000000 };
    struct folder f;
    char *bomb = malloc(DEPTH + 1);

    (void)state;
    memset(bomb, '[', DEPTH);
    bomb[DEPTH] = '\0';
    timm_folder(&f, bomb);
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "not valid JSON");
    free(bomb);
    folder_remove(&f);
}

static void a_format_that_is_not_ours_is_refused(void **state)
{
    struct folder f;

    (void)state;
    timm_folder(&f, "{\"format\":\"vit-2\"}");
    folder_refused(&f, NULL, VIT_ERR_UNSUPPORTED, "found \"vit-2\"");
    folder_text(&f, "config.json", "{\"format\":1}");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "\"format\" must be a string");
    folder_text(&f, "config.json", "[1, 2]");
    folder_refused(&f, NULL, VIT_ERR_FORMAT, "must be a JSON object");
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_configuration_the_tensors_tell),
        cmocka_unit_test(the_stems_and_norms_of_other_families_are_inferred),
        cmocka_unit_test(what_has_tensors_is_inferred),
        cmocka_unit_test(each_family_has_its_own_eps_and_recipe),
        cmocka_unit_test(registers_need_no_positions),
        cmocka_unit_test(a_file_of_dinov2_is_used_as_its_own_code_does),
        cmocka_unit_test(tensors_beside_the_blocks_are_named_and_left),
        cmocka_unit_test(without_positions_the_configuration_tells_the_size),
        cmocka_unit_test(an_image_size_need_be_no_multiple_of_the_patch),
        cmocka_unit_test(an_image_size_that_the_positions_contradict_is_not_taken),
        cmocka_unit_test(heads_follow_from_the_width_of_a_query_norm),
        cmocka_unit_test(pooling_is_read_off_the_first_layer_after_it),
        cmocka_unit_test(heads_follow_from_the_kernels_of_jax),
        cmocka_unit_test(positions_that_big_vision_does_not_store_are_sines_and_cosines),
        cmocka_unit_test(stored_positions_of_big_vision_do_as_the_same_fixed_ones),
        cmocka_unit_test(a_kernel_of_jax_that_is_missing_has_its_own_shape),
        cmocka_unit_test(an_empty_query_norm_is_refused),
        cmocka_unit_test(tensors_that_are_no_vit_are_refused),
        cmocka_unit_test(a_last_norm_that_is_not_there_is_missing),
        cmocka_unit_test(the_last_norm_of_other_families_is_missed_too),
        cmocka_unit_test(a_tensor_of_the_first_block_is_blamed_as_any_other),
        cmocka_unit_test(a_part_that_does_not_fit_is_named_as_the_file_does),
        cmocka_unit_test(a_parallel_block_is_refused),
        cmocka_unit_test(a_classifier_of_another_kind_is_named),
        cmocka_unit_test(a_classifier_of_another_name_answers_as_head_does),
        cmocka_unit_test(a_classifier_of_another_name_is_taken_only_alone),
        cmocka_unit_test(a_classifier_of_another_name_and_width_is_refused),
        cmocka_unit_test(a_network_without_a_classifier_has_features),
        cmocka_unit_test(a_network_without_a_classifier_stays_without_one),
        cmocka_unit_test(a_network_without_a_classifier_is_a_start),
        cmocka_unit_test(a_tower_of_clip_has_its_eps),
        cmocka_unit_test(the_copy_that_is_read_is_said),
        cmocka_unit_test(positions_that_are_no_square_are_refused),
        cmocka_unit_test(huge_axes_do_not_overflow),
        cmocka_unit_test(huge_strides_do_not_overflow),
        cmocka_unit_test(timm_arguments_are_read),
        cmocka_unit_test(what_timm_does_not_say_is_its_default),
        cmocka_unit_test(timm_arguments_that_contradict_the_tensors_are_refused),
        cmocka_unit_test(timm_arguments_that_the_tensors_bear_out_are_no_matter),
        cmocka_unit_test(a_bias_of_the_patches_that_is_not_there_is_missing),
        cmocka_unit_test(a_size_of_timm_that_is_not_the_positions_is_a_note),
        cmocka_unit_test(what_timm_has_and_we_do_not_is_unsupported),
        cmocka_unit_test(a_gate_of_timm_without_silu_is_refused),
        cmocka_unit_test(activations_have_the_names_of_others),
        cmocka_unit_test(timm_names_tell_what_no_tensor_shows),
        cmocka_unit_test(a_network_without_positions_must_say_so),
        cmocka_unit_test(means_of_other_channels_are_not_needed),
        cmocka_unit_test(blocks_with_other_tensors_are_refused),
        cmocka_unit_test(a_norm_of_torch_without_bias_is_no_rmsnorm),
        cmocka_unit_test(the_strides_of_a_compact_transformer_follow_its_kernels),
        cmocka_unit_test(labels_must_be_as_many_as_classes),
        cmocka_unit_test(labels_of_an_object_go_by_their_number),
        cmocka_unit_test(labels_may_be_numbers),
        cmocka_unit_test(labels_of_timm_may_lie_deeper),
        cmocka_unit_test(a_broken_configuration_is_refused_with_its_line),
        cmocka_unit_test(a_deeply_nested_configuration_is_refused),
        cmocka_unit_test(a_format_that_is_not_ours_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
