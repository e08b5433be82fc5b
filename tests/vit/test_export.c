/* Models as folders of other frameworks. What timm and transformers themselves make of them is asked by
 * tools/check-export.py; here they are read back as such folders are. */
#include <jansson.h>

#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"
#include "vit/config_json.h"
#include "vit/dialects.h"

struct fixture {
    char dir[256], out[300];
};

static int open_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    tmp_create(f->dir, sizeof f->dir);
    snprintf(f->out, sizeof f->out, "%s/out", f->dir);
    *state = f;
    return 0;
}

static int close_folder(void **state)
{
    struct fixture *f = *state;

    tmp_remove(f->dir);
    free(f);
    return 0;
}

static struct vit_model *open_model(const char *path)
{
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, path, NULL, &err), &err);
    return m;
}

/* ---- and back ---- */

/* Configuration, preprocessing (a crop may be told by whole pixels), labels. */
static json_t *description(const struct vit_model *m, bool labels)
{
    json_t *o =
        vit_config_to_json(vit_model_config(m), vit_model_recipe(m), labels ? vit_model_labels(m) : NULL);

    json_object_set_new(json_object_get(o, "preprocess"), "crop_pct",
                        json_integer(patch_recipe_side(vit_model_recipe(m))));
    return o;
}

/* Each framework resizes positions in its own way, whatever was read. */
static void resize_as(json_t *description, enum weights_family family)
{
    const enum weights_resample how = weights_family_resample(family, "safetensors");

    if (how)
        json_object_set_new(description, "position_resample", json_string(weights_resample_name(how)));
    else
        json_object_del(description, "position_resample");
}

/* Each framework rounds the place of a crop in its own way, which no file of theirs tells. */
static void round_as(json_t *description, const struct patch_recipe *r, enum weights_family family)
{
    const bool crops = !r->squash || patch_recipe_side(r) != r->size;

    if (crops && family != WEIGHTS_TIMM)
        json_object_set_new(json_object_get(description, "preprocess"), "crop_round", json_string("down"));
    else
        json_object_del(json_object_get(description, "preprocess"), "crop_round");
}

static void assert_same_model(const struct vit_model *was, const struct vit_model *is,
                              enum weights_family family, const char *what)
{
    const bool labels = vit_model_has_labels(was); /* Hugging Face's always have some */
    json_t *want = description(was, labels), *got = description(is, labels);

    round_as(want, vit_model_recipe(was), family);
    resize_as(want, family);
    if (!json_equal(want, got))
        fail_msg("%s: written %s, read back %s", what, json_dumps(want, 0), json_dumps(got, 0));
    json_decref(want);
    json_decref(got);
    assert_int_equal(vit_model_parameter_count(was), vit_model_parameter_count(is));
    for (int i = 0; i < vit_model_parameter_count(was); i++) {
        const struct vit_parameter a = vit_model_parameter(was, i), b = vit_model_parameter(is, i);
        assert_string_equal(a.name, b.name);
        assert_int_equal(a.count, b.count);
        if (memcmp(a.values, b.values, a.count * sizeof *a.values)) fail_msg("%s: %s differs", what, a.name);
    }
}

static void export_and_compare(const struct vit_model *m, const char *out, enum weights_family family,
                               const char *what)
{
    struct vit_model *back;
    struct vit_error err;

    assert_ok(vit_model_export(m, out, family, WEIGHTS_F32, &err), &err);
    back = open_model(out);
    assert_string_equal(vit_model_family(back), weights_family_name(family));
    assert_same_model(m, back, family, what);
    vit_model_close(back);
    tmp_remove(out);
}

/* Each was made by the framework itself, and by others whose models it can hold. */
static void models_of_other_frameworks_come_back(void **state)
{
    static const struct {
        const char *name;
        enum weights_family family;
    } ROWS[] = {
        { "timm-cls", WEIGHTS_TIMM },
        { "timm-cls", WEIGHTS_HF_VIT },
        { "timm-qknorm", WEIGHTS_TIMM },
        { "timm-odd-dims", WEIGHTS_TIMM },
        { "timm-odd-dims", WEIGHTS_HF_VIT },
        { "jax-npz", WEIGHTS_HF_VIT },
        { "pth-state-dict", WEIGHTS_TIMM },
        { "hf-dinov2", WEIGHTS_HF_DINOV2 },
        { "hf-deit-distilled", WEIGHTS_HF_DEIT },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char path[128];
        struct vit_model *m;
        snprintf(path, sizeof path, "tests/data/golden/%s", ROWS[i].name);
        m = open_model(path);
        export_and_compare(m, f->out, ROWS[i].family, ROWS[i].name);
        vit_model_close(m);
    }
}

static struct vit_model *open_at(const char *path, int image)
{
    const struct vit_model_options options = { .image = image };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, path, &options, &err), &err);
    return m;
}

static void assert_same_positions(const struct vit_model *a, const struct vit_model *b, const char *what)
{
    for (int i = 0; i < vit_model_parameter_count(a); i++) {
        const struct vit_parameter p = vit_model_parameter(a, i), q = vit_model_parameter(b, i);
        if (strcmp(p.name, "pos_embed") != 0) continue;
        assert_int_equal(p.count, q.count);
        if (memcmp(p.values, q.values, p.count * sizeof *p.values)) fail_msg("%s: other positions", what);
        return;
    }
    fail_msg("%s: no positions", what);
}

/* At another size a file of ours is what the one was that it was made from. */
static void a_file_of_ours_resizes_positions_as_its_origin(void **state)
{
    static const struct {
        const char *name;
        enum weights_resample how;
    } ROWS[] = {
        { "timm-cls", WEIGHTS_BICUBIC_ANTIALIAS },
        { "hf-dinov2", WEIGHTS_BICUBIC },
        { "hf-deit-distilled", WEIGHTS_BICUBIC },
        { "jax-npz", WEIGHTS_LINEAR_CORNERS },
        { "torchvision-convstem", WEIGHTS_BICUBIC_CORNERS },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        char path[128], ours[320];
        struct vit_model *m, *origin, *kept;
        struct vit_error err;
        int image;

        snprintf(path, sizeof path, "tests/data/golden/%s", ROWS[i].name);
        snprintf(ours, sizeof ours, "%s/%s.safetensors", f->dir, ROWS[i].name);
        m = open_model(path);
        assert_int_equal(vit_model_config(m)->position_resample, ROWS[i].how);
        image = 2 * vit_model_config(m)->image;
        assert_ok(vit_model_save(m, ours, WEIGHTS_F32, &err), &err);
        vit_model_close(m);
        origin = open_at(path, image);
        kept = open_at(ours, image);
        assert_int_equal(vit_model_config(kept)->position_resample, ROWS[i].how);
        assert_same_positions(origin, kept, ROWS[i].name);
        vit_model_close(origin);
        vit_model_close(kept);
    }
}

/* What no tensor shows has to be in timm's model_args: which norm, which pool, which activation. */
static void every_model_that_timm_has_comes_back(void **state)
{
    const struct fixture *f = *state;
    struct vit_config c[7];

    for (size_t i = 0; i < VIT_COUNT(c); i++) c[i] = tiny_config(i == 1 ? VIT_NORM_LAYERSCALE : VIT_NORM_PRE);
    c[0].pool = VIT_POOL_MEAN;
    c[2].pool = VIT_POOL_MEAN, c[2].cls = c[2].position_prefix = false;
    c[3].pool = VIT_POOL_MEAN, c[3].norm.final = false, c[3].norm.pooled = true;
    c[4].registers = 2, c[4].position_prefix = false, c[4].qkv_bias = false;
    c[5].act = KERN_ACT_QUICK_GELU, c[5].norm.final = false, c[5].bias = false;
    c[6].act = KERN_ACT_GELU_TANH, c[6].position = VIT_POS_LEARNED, c[6].hidden = 25;
    for (size_t i = 0; i < VIT_COUNT(c); i++) {
        struct vit_model *m = tiny_model(&c[i], "ref");
        char what[16];
        snprintf(what, sizeof what, "model %zu", i);
        export_and_compare(m, f->out, WEIGHTS_TIMM, what);
        vit_model_close(m);
    }
}

static void labels_and_every_kind_of_preprocessing_come_back(void **state)
{
    static const char *const LABELS[] = { "cat", "dog, \"hot\"", "\xc3\xa4hre", "cat 2" };
    static const enum weights_family FAMILIES[] = { WEIGHTS_TIMM, WEIGHTS_HF_VIT };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct vit_init init = { .seed = 1 };
    const struct fixture *f = *state;
    struct vit_error err;

    for (int i = 0; i < 2 * 3 * PATCH_FILTERS; i++) {
        struct patch_recipe r = patch_recipe_default(TINY_SIDE);
        struct vit_model *m;
        r.squash = i / 2 % 3 > 0;
        r.crop_pct = i / 2 % 3 == 2 ? 1 : 0.875f;
        r.filter = (enum patch_filter)(i / 6);
        r.mean[1] = 0.485f;
        assert_ok(vit_model_create(&m, &c, &r, LABELS, &init, NULL, &err), &err);
        export_and_compare(m, f->out, FAMILIES[i % 2], patch_filter_name(r.filter));
        vit_model_close(m);
    }
}

/* Hugging Face's lies in a file of its own, which is obeyed beside any network. */
static void the_preprocessing_of_another_framework_goes(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct fixture *f = *state;
    struct patch_recipe dark = patch_recipe_default(TINY_SIDE);
    struct vit_model *before, *m;
    struct vit_error err;

    dark.mean[0] = 0.25f;
    assert_ok(vit_model_create(&before, &c, &dark, NULL, NULL, NULL, &err), &err);
    assert_ok(vit_model_create(&m, &c, NULL, NULL, NULL, NULL, &err), &err);
    assert_ok(vit_model_export(before, f->out, WEIGHTS_HF_VIT, WEIGHTS_F32, &err), &err);
    export_and_compare(m, f->out, WEIGHTS_TIMM, "over another");
    vit_model_close(before);
    vit_model_close(m);
}

static void bf16_is_rounded_once(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct fixture *f = *state;
    struct vit_model *m = tiny_model(&c, "ref"), *back;
    struct vit_error err;

    assert_ok(vit_model_export(m, f->out, WEIGHTS_HF_VIT, WEIGHTS_BF16, &err), &err);
    back = open_model(f->out);
    for (int i = 0; i < vit_model_parameter_count(m); i++) {
        const struct vit_parameter a = vit_model_parameter(m, i), b = vit_model_parameter(back, i);
        for (size_t j = 0; j < a.count; j++) assert_true(vit_from_bf16(vit_bf16(a.values[j])) == b.values[j]);
    }
    vit_model_close(back);
    vit_model_close(m);
}

/* ---- what lies in the file ---- */

/* Names of modeling_vit.py and of the state dict that ViTForImageClassification saves. */
static void the_tensors_have_the_names_of_the_class(void **state)
{
    static const struct {
        const char *name;
        int rank, rows;
    } ROWS[] = {
        { "vit.embeddings.cls_token", 3, 1 },
        { "vit.embeddings.position_embeddings", 3, 1 },
        { "vit.embeddings.patch_embeddings.projection.weight", 4, 16 },
        { "vit.encoder.layer.1.attention.attention.query.weight", 2, 16 },
        { "vit.encoder.layer.1.attention.attention.value.bias", 1, 16 },
        { "vit.encoder.layer.0.attention.output.dense.weight", 2, 16 },
        { "vit.encoder.layer.0.layernorm_after.weight", 1, 16 },
        { "vit.encoder.layer.0.intermediate.dense.weight", 2, 24 },
        { "vit.encoder.layer.0.output.dense.bias", 1, 16 },
        { "vit.layernorm.bias", 1, 16 },
        { "classifier.weight", 2, TINY_CLASSES },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct fixture *f = *state;
    struct vit_model *m = tiny_model(&c, "ref");
    struct weights_file *file;
    struct vit_error err;
    char path[400];

    assert_ok(vit_model_export(m, f->out, WEIGHTS_HF_VIT, WEIGHTS_F32, &err), &err);
    snprintf(path, sizeof path, "%s/model.safetensors", f->out);
    assert_ok(weights_open(&file, path, &err), &err);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct weights_tensor *t = weights_find(file, ROWS[i].name);
        if (!t || t->rank != ROWS[i].rank || t->shape[0] != ROWS[i].rows) fail_msg("%s", ROWS[i].name);
    }
    assert_int_equal(weights_count(file), 4 + TINY_DEPTH * 16 + 4); /* 16 a block; tokens, norm, head */
    assert_string_equal(weights_meta(file, "format"), "pt");
    assert_null(weights_meta(file, "vit.config"));
    weights_close(file);
    vit_model_close(m);
}

/* What ViTConfig and Dinov2Config of transformers need to build the network: we read some of it off the
 * tensors, they do not. */
#define HF_BASE                                                                                              \
    "\"hidden_size\":16,\"num_hidden_layers\":3,\"num_attention_heads\":2,\"hidden_act\":\"gelu\","          \
    "\"layer_norm_eps\":1e-6,\"image_size\":8,\"patch_size\":4,\"num_channels\":3,\"qkv_bias\":true,"        \
    "\"id2label\":{\"0\":\"class_0\",\"1\":\"class_1\",\"2\":\"class_2\",\"3\":\"class_3\"},"                \
    "\"label2id\":{\"class_0\":0,\"class_1\":1,\"class_2\":2,\"class_3\":3}"

static void the_configuration_has_what_the_class_reads(void **state)
{
    static const struct {
        enum weights_family family;
        enum vit_placement placement;
        enum vit_pool pool;
        const char *config;
    } ROWS[] = {
        { WEIGHTS_HF_VIT, VIT_NORM_PRE, VIT_POOL_CLS,
          "{\"architectures\":[\"ViTForImageClassification\"],\"model_type\":\"vit\"," HF_BASE
          ",\"intermediate_size\":24}" },
        { WEIGHTS_HF_DINOV2, VIT_NORM_LAYERSCALE, VIT_POOL_CLS_MEAN,
          "{\"architectures\":[\"Dinov2ForImageClassification\"],\"model_type\":\"dinov2\"," HF_BASE
          ",\"mlp_ratio\":1.5,\"layerscale_value\":1.0,\"use_swiglu_ffn\":false}" },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(ROWS[i].placement);
        json_t *want = json_loads(ROWS[i].config, 0, NULL), *got;
        struct vit_error err;
        struct vit_model *m;
        char path[400];

        c.pool = ROWS[i].pool;
        m = tiny_model(&c, "ref");
        assert_ok(vit_model_export(m, f->out, ROWS[i].family, WEIGHTS_F32, &err), &err);
        snprintf(path, sizeof path, "%s/config.json", f->out);
        got = json_load_file(path, 0, NULL);
        if (!want || !json_equal(want, got))
            fail_msg("%s, expected %s", json_dumps(got, 0), json_dumps(want, 0));
        json_decref(want);
        json_decref(got);
        vit_model_close(m);
        tmp_remove(f->out);
    }
}

/* Dinov2Model has a token for training besides, and calls a file without it incomplete. */
static void a_dinov2_is_complete(void **state)
{
    const struct fixture *f = *state;
    struct vit_model *m = open_model("tests/data/golden/hf-dinov2");
    const struct weights_tensor *t;
    struct weights_file *file;
    struct vit_error err;
    char path[400];

    assert_ok(vit_model_export(m, f->out, WEIGHTS_HF_DINOV2, WEIGHTS_F32, &err), &err);
    snprintf(path, sizeof path, "%s/model.safetensors", f->out);
    assert_ok(weights_open(&file, path, &err), &err);
    t = weights_find(file, "dinov2.embeddings.mask_token");
    assert_non_null(t);
    assert_int_equal(t->count, vit_model_config(m)->width);
    for (size_t i = 0; i < t->count; i++) assert_true(((const float *)t->data)[i] == 0);
    weights_close(file);
    vit_model_close(m);
}

/* int(width * ratio) of Python, whose floats are doubles. */
static void assert_ratio(int width, int hidden)
{
    const double ratio = vit_mlp_ratio(width, hidden);

    if ((int)(width * ratio) != hidden)
        fail_msg("%d of %d: %.17g gives %d", hidden, width, ratio, (int)(width * ratio));
}

static void the_ratio_gives_the_hidden_width(void **state)
{
    static const struct {
        int width, hidden;
        double ratio;
    } SHORTEST[] = { { 768, 3072, 4 }, { 16, 24, 1.5 }, { 192, 256, 1.336 }, { 1152, 4304, 3.7365 } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(SHORTEST); i++) {
        assert_ratio(SHORTEST[i].width, SHORTEST[i].hidden);
        assert_true(vit_mlp_ratio(SHORTEST[i].width, SHORTEST[i].hidden) == SHORTEST[i].ratio);
    }
    for (int width = 1; width <= 64; width++)
        for (int hidden = 1; hidden <= 5 * width; hidden++) assert_ratio(width, hidden);
    for (int width = 64; width <= 1 << 16; width += 8 * (width / 64)) {
        assert_ratio(width, width * 4 / 3);
        assert_ratio(width, width * 8 / 3);
        assert_ratio(width, 4 * width - 1);
        assert_ratio(width, 1);
        assert_ratio(width, 8 << 16);
    }
}

/* The key of an object of an object in config.json; *whole: json_decref. */
static const json_t *written(json_t **whole, const struct fixture *f, const char *object, const char *key)
{
    char path[400];

    snprintf(path, sizeof path, "%s/config.json", f->out);
    *whole = json_load_file(path, 0, NULL);
    assert_non_null(*whole);
    return json_object_get(object ? json_object_get(*whole, object) : *whole, key);
}

static void the_ratio_survives_the_file(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct fixture *f = *state;
    struct vit_model *m;
    struct vit_error err;
    json_t *whole;

    c.width = 192, c.hidden = 256, c.depth = 1;
    m = tiny_model(&c, "ref");
    assert_ok(vit_model_export(m, f->out, WEIGHTS_TIMM, WEIGHTS_F32, &err), &err);
    assert_int_equal((int)(192 * json_real_value(written(&whole, f, "model_args", "mlp_ratio"))), 256);
    json_decref(whole);
    vit_model_close(m);
}

/* Size, patch and picture are those of the name; others get one that timm knows. */
static void the_architecture_is_the_one_of_this_size(void **state)
{
    static const struct {
        const char *preset, *name;
        int image;
    } ROWS[] = {
        { "vit_tiny_patch16_384", "vit_tiny_patch16_384", 384 },
        { "vit_tiny_patch16_224", "vit_tiny_patch16_224", 224 },
        { "vit_tiny_patch16_224", "vit_base_patch16_224", 240 },
        { "vit_tiny_patch4_32", "vit_base_patch16_224", 32 },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c;
        struct vit_model *m;
        struct vit_error err;
        json_t *whole;
        assert_ok(vit_config_preset(&c, ROWS[i].preset, &err), &err);
        c.image = ROWS[i].image;
        c.classes = TINY_CLASSES;
        assert_ok(vit_model_create(&m, &c, NULL, NULL, NULL, NULL, &err), &err);
        assert_ok(vit_model_export(m, f->out, WEIGHTS_TIMM, WEIGHTS_BF16, &err), &err);
        assert_string_equal(json_string_value(written(&whole, f, NULL, "architecture")), ROWS[i].name);
        json_decref(whole);
        vit_model_close(m);
    }
}

/* ---- what they do otherwise ---- */

/* Where a crop has half a pixel, timm goes to the even side and transformers down; timm reads no EXIF. */
static void what_others_do_to_pictures_is_said(void **state)
{
    static const struct {
        bool squash, down;
        int side; /* of TINY_SIDE it keeps 8 */
        bool timm, hf;
    } ROWS[] = {
        { true, false, 8, false, false },  { true, true, 8, false, false },
        { true, false, 9, false, false },  { true, false, 10, false, false },
        { true, false, 11, false, true },  { true, true, 11, true, false },
        { true, true, 15, true, false },   { true, false, 5, false, false },
        { false, false, 8, false, true },  { false, true, 8, true, false },
        { false, false, 10, false, true },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct patch_recipe r = patch_recipe_default(TINY_SIDE);
        struct vit_model *m;
        r.squash = ROWS[i].squash;
        r.crop_down = ROWS[i].down;
        r.crop_pct = (float)TINY_SIDE / (float)ROWS[i].side;
        assert_ok(vit_model_create(&m, &c, &r, NULL, NULL, NULL, &err), &err);
        assert_int_equal(strstr(vit_export_difference(m, WEIGHTS_TIMM), "timm crops") != NULL, ROWS[i].timm);
        assert_non_null(strstr(vit_export_difference(m, WEIGHTS_TIMM), "EXIF"));
        assert_int_equal(vit_export_difference(m, WEIGHTS_HF_VIT) != NULL, ROWS[i].hf);
        assert_null(vit_export_difference(m, WEIGHTS_JAX));
        vit_model_close(m);
    }
}

/* ---- what they have no model for ---- */

static void assert_not_exported(const struct vit_model *m, const struct fixture *f,
                                enum weights_family family, enum weights_dtype dtype, enum vit_status status,
                                const char *part)
{
    struct vit_error err;

    assert_refused(vit_model_export(m, f->out, family, dtype, &err), status, part, &err);
    assert_int_equal(tmp_count(f->dir), 0);
}

static void what_they_have_no_class_for_is_refused(void **state)
{
    static const struct {
        enum vit_placement placement;
        enum vit_pool pool;
        enum weights_family family;
        const char *says;
    } ROWS[] = {
        { VIT_NORM_POST, VIT_POOL_CLS, WEIGHTS_TIMM,
          "\"norm.placement\" is [\"pre\", \"layerscale\"] there, here it is \"post\"" },
        { VIT_NORM_LAYERSCALE, VIT_POOL_CLS, WEIGHTS_HF_VIT, "\"norm.placement\" is \"pre\" there" },
        { VIT_NORM_PRE, VIT_POOL_SEQ, WEIGHTS_TIMM,
          "\"pool\" is [\"cls\", \"mean\"] there, here it is \"seq\"" },
        { VIT_NORM_PRE, VIT_POOL_MEAN, WEIGHTS_HF_VIT, "\"pool\" is \"cls\" there" },
        { VIT_NORM_PRE, VIT_POOL_CLS, WEIGHTS_HF_DEIT, "\"dist\" is true there, here it is false" },
        { VIT_NORM_PRE, VIT_POOL_CLS, WEIGHTS_HF_DINOV2, "\"pool\" is \"cls_mean\" there" },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(ROWS[i].placement);
        struct vit_model *m;
        c.pool = ROWS[i].pool;
        m = tiny_model(&c, "ref");
        assert_not_exported(m, f, ROWS[i].family, WEIGHTS_F32, VIT_ERR_UNSUPPORTED, ROWS[i].says);
        vit_model_close(m);
    }
}

static void other_requests_are_refused(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct fixture *f = *state;
    struct vit_model *m = tiny_model(&c, "ref");
    struct fixture deep = *f;

    assert_not_exported(m, f, WEIGHTS_TORCHVISION, WEIGHTS_F32, VIT_ERR_ARG, "not written for torchvision");
    snprintf(deep.out, sizeof deep.out, "%s/none/out", f->dir);
    assert_not_exported(m, &deep, WEIGHTS_TIMM, WEIGHTS_F32, VIT_ERR_IO, "cannot be made");
    vit_model_close(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(models_of_other_frameworks_come_back),
        TEST(a_file_of_ours_resizes_positions_as_its_origin),
        TEST(every_model_that_timm_has_comes_back),
        TEST(labels_and_every_kind_of_preprocessing_come_back),
        TEST(the_preprocessing_of_another_framework_goes),
        TEST(bf16_is_rounded_once),
        TEST(the_tensors_have_the_names_of_the_class),
        TEST(the_configuration_has_what_the_class_reads),
        TEST(a_dinov2_is_complete),
        TEST(the_ratio_gives_the_hidden_width),
        TEST(the_ratio_survives_the_file),
        TEST(the_architecture_is_the_one_of_this_size),
        TEST(what_others_do_to_pictures_is_said),
        TEST(what_they_have_no_class_for_is_refused),
        TEST(other_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
