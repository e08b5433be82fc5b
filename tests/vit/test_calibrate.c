/* Fixed scales of int8 activations: chosen from pictures, stored, used, refused. */
#include "tests/vit/files.h"
#include "vit/session.h"

enum { PICTURES = 4, PRODUCTS = TINY_DEPTH * VIT_BLOCK_PRODUCTS };

static int open_folder(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    c.act = KERN_ACT_RELU; /* which doubles with its argument */
    return files_open(state, &c, PICTURES);
}

/* Calibrate f->m with pictures from first on, in calls of at most two. */
static void calibrate(struct files *f, int first, int count)
{
    const size_t each = vit_model_input_floats(f->m);
    struct vit_session *s = tiny_session(f->m, 2, 1, false);
    struct vit_calibration *c;
    struct vit_error err;

    assert_ok(vit_calibration_create(&c, f->m, &err), &err);
    for (int i = first; i < first + count; i += 2)
        vit_calibration_add(c, s, f->planes + (size_t)i * each, i + 1 < first + count ? 2 : 1);
    vit_calibration_apply(c, f->m);
    vit_calibration_close(c);
    vit_session_close(s);
}

static void keep(const struct files *f, float scales[PRODUCTS])
{
    memcpy(scales, f->m->x_scale, PRODUCTS * sizeof *scales);
}

/* ---- choosing ---- */

/* Of what qkv and fc1 of block 1 read. */
struct most {
    float qkv, fc1;
};

static float largest(const float *x, size_t count)
{
    float most = 0;

    for (size_t i = 0; i < count; i++) most = fmaxf(most, fabsf(x[i]));
    return most;
}

static void see(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                const float *stream, const float *branch)
{
    struct most *m = arg;
    const size_t count = (size_t)call->n * (size_t)call->tokens * (size_t)call->config->width;

    (void)stream;
    if (call->block == 1 && step->op == VIT_OP_ATTN) m->qkv = largest(branch, count);
    if (call->block == 1 && step->op == VIT_OP_MLP) m->fc1 = largest(branch, count);
}

static void the_largest_number_of_all_pictures_becomes_127(void **state)
{
    struct files *f = *state;
    struct vit_session *s = tiny_session(f->m, PICTURES, 1, false);
    struct most most = { 0, 0 };
    const struct vit_tap tap = { see, &most };

    s->tap = &tap;
    vit_forward(s, f->planes, PICTURES);
    vit_session_close(s);
    calibrate(f, 0, PICTURES);
    assert_true(f->m->x_scale[VIT_BLOCK_PRODUCTS + VIT_PRODUCT_QKV] == most.qkv / 127);
    assert_true(f->m->x_scale[VIT_BLOCK_PRODUCTS + VIT_PRODUCT_FC1] == most.fc1 / 127);
    assert_int_equal(vit_model_fixed_scales(f->m), PRODUCTS);
}

static void more_pictures_never_lower_a_scale(void **state)
{
    struct files *f = *state;
    float one[PRODUCTS], other[PRODUCTS];

    calibrate(f, 0, 1);
    keep(f, one);
    calibrate(f, 1, PICTURES - 1);
    keep(f, other);
    calibrate(f, 0, PICTURES);
    for (int i = 0; i < PRODUCTS; i++) assert_true(f->m->x_scale[i] == fmaxf(one[i], other[i]));
}

static void twice(struct files *f, const char *name, size_t from)
{
    float *w = tiny_values(f->m, name);

    for (int i = 0; i < vit_model_parameter_count(f->m); i++) {
        const struct vit_parameter p = vit_model_parameter(f->m, i);
        for (size_t j = from; p.values == w && j < p.count; j++) w[j] *= 2;
    }
}

/* Twice the values double what attention gives to its projection, and twice fc1 what fc2 reads; what stands
 * before is the same. Factors of two are exact. */
static void what_a_product_reads_sets_its_scale(void **state)
{
    static const int SAME[] = { VIT_PRODUCT_QKV, VIT_PRODUCT_PROJ, VIT_PRODUCT_FC1 };
    struct files *f = *state;
    float before[PRODUCTS];

    calibrate(f, 0, PICTURES);
    keep(f, before);
    twice(f, "blocks.0.mlp.fc1.weight", 0);
    twice(f, "blocks.0.mlp.fc1.bias", 0);
    vit_model_pack(f->m, NULL);
    calibrate(f, 0, PICTURES);
    for (size_t i = 0; i < VIT_COUNT(SAME); i++) assert_true(f->m->x_scale[SAME[i]] == before[SAME[i]]);
    assert_true(f->m->x_scale[VIT_PRODUCT_FC2] == 2 * before[VIT_PRODUCT_FC2]);
    twice(f, "blocks.0.attn.qkv.weight", 2 * 16 * 16);
    twice(f, "blocks.0.attn.qkv.bias", 2 * 16);
    vit_model_pack(f->m, NULL);
    calibrate(f, 0, PICTURES);
    assert_true(f->m->x_scale[VIT_PRODUCT_QKV] == before[VIT_PRODUCT_QKV]);
    assert_true(f->m->x_scale[VIT_PRODUCT_PROJ] == 2 * before[VIT_PRODUCT_PROJ]);
}

/* fc1 that gives nothing above zero leaves nothing for fc2. */
static void zeros_have_no_scale(void **state)
{
    struct files *f = *state;
    float *w = tiny_values(f->m, "blocks.0.mlp.fc1.weight"), *b = tiny_values(f->m, "blocks.0.mlp.fc1.bias");

    memset(w, 0, 24 * 16 * sizeof *w);
    for (int i = 0; i < 24; i++) b[i] = -1;
    vit_model_pack(f->m, NULL);
    calibrate(f, 0, PICTURES);
    assert_true(f->m->x_scale[VIT_PRODUCT_FC2] == 0);
    assert_int_equal(vit_model_fixed_scales(f->m), PRODUCTS - 1);
}

/* ---- stored and used ---- */

static struct vit_model *open_as(const struct files *f, enum kern_dtype dtype, bool row_scales)
{
    const struct vit_model_options how = { .kernels = "ref+vec", .dtype = dtype, .row_scales = row_scales };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, f->plain, &how, &err), &err);
    return m;
}

static void a_file_keeps_them(void **state)
{
    struct files *f = *state;
    struct vit_error err;

    calibrate(f, 0, PICTURES);
    vit_model_fix_scale(f->m, VIT_PRODUCT_FC1, 0);
    for (int packed = 0; packed < 2; packed++) {
        assert_ok(packed ? vit_model_save_packed(f->m, f->plain, KERN_I8, "ref+vec", &err)
                         : vit_model_save(f->m, f->plain, WEIGHTS_I8, &err),
                  &err);
        for (int dtype = 0; dtype < KERN_DTYPES; dtype++) {
            struct vit_model *m = open_as(f, (enum kern_dtype)dtype, false);
            assert_memory_equal(m->x_scale, f->m->x_scale, PRODUCTS * sizeof(float));
            for (int i = 0; vit_model_note(m, i, NULL); i++)
                assert_null(strstr(vit_model_note(m, i, NULL), "not used"));
            vit_model_close(m);
        }
    }
    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_BF16, &err), &err);
    struct vit_model *m = open_as(f, KERN_F32, false);
    assert_int_equal(vit_model_fixed_scales(m), 0);
    vit_model_close(m);
}

static void forward(const struct files *f, struct vit_model *m, float logits[PICTURES * TINY_CLASSES])
{
    struct vit_session *s = tiny_session(m, PICTURES, 1, false);

    memcpy(logits, vit_forward(s, f->planes, PICTURES), PICTURES * TINY_CLASSES * sizeof(float));
    vit_session_close(s);
}

/* A scale that is far too small spoils the answers of int8, and of nothing else. */
static void only_int8_uses_them_and_only_when_wanted(void **state)
{
    struct files *f = *state;
    float before[KERN_DTYPES][PICTURES * TINY_CLASSES], after[PICTURES * TINY_CLASSES];
    struct vit_error err;
    struct vit_model *m;

    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    for (int dtype = 0; dtype < KERN_DTYPES; dtype++) {
        m = open_as(f, (enum kern_dtype)dtype, false);
        forward(f, m, before[dtype]);
        vit_model_close(m);
    }
    vit_model_fix_scale(f->m, VIT_PRODUCT_FC1, 1e-4f);
    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    for (int dtype = 0; dtype < KERN_DTYPES; dtype++)
        for (int row_scales = 0; row_scales < 2; row_scales++) {
            const bool same = dtype != KERN_I8 || row_scales;
            m = open_as(f, (enum kern_dtype)dtype, row_scales);
            forward(f, m, after);
            if (same != !memcmp(before[dtype], after, sizeof after))
                fail_msg("%s, row scales %d: the answers are%s the same",
                         kern_dtype_name((enum kern_dtype)dtype), row_scales, same ? " not" : "");
            vit_model_close(m);
        }
}

/* An int8 model answers with the scale it was just given, as the file of it does when it is opened. */
static void a_model_in_memory_uses_them_at_once(void **state)
{
    struct files *f = *state;
    float before[PICTURES * TINY_CLASSES], after[PICTURES * TINY_CLASSES], want[PICTURES * TINY_CLASSES];
    struct vit_error err;
    struct vit_model *m, *opened;

    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    m = open_as(f, KERN_I8, false);
    forward(f, m, before);
    vit_model_fix_scale(m, VIT_PRODUCT_FC1, 1e-4f);
    forward(f, m, after);
    vit_model_fix_scale(f->m, VIT_PRODUCT_FC1, 1e-4f);
    assert_ok(vit_model_save(f->m, f->packed, WEIGHTS_I8, &err), &err);
    assert_ok(vit_model_open(&opened, f->packed,
                             &(struct vit_model_options){ .kernels = "ref+vec", .dtype = KERN_I8 }, &err),
              &err);
    forward(f, opened, want);
    assert_memory_equal(after, want, sizeof want);
    assert_memory_not_equal(after, before, sizeof before);
    vit_model_close(opened);
    vit_model_close(m);
}

static void another_placement_has_scales_of_its_own(void **state)
{
    struct files *f = *state;
    struct vit_model_options how = { .dtype = KERN_I8, .placement = "pre" };
    struct vit_error err;
    struct vit_model *m;

    calibrate(f, 0, PICTURES);
    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    for (int swapped = 0; swapped < 2; swapped++) {
        assert_ok(vit_model_open(&m, f->plain, &how, &err), &err);
        assert_int_equal(vit_model_fixed_scales(m), swapped ? 0 : PRODUCTS);
        vit_model_close(m);
        how.placement = "post";
    }
}

/* Nor in a file of what was trained. */
static void training_leaves_none(void **state)
{
    struct files *f = *state;
    const struct vit_model_options how = { .trainable = true };
    struct vit_error err;
    struct vit_model *m;
    int said = 0;

    calibrate(f, 0, PICTURES);
    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    assert_ok(vit_model_open(&m, f->plain, &how, &err), &err);
    for (int i = 0; vit_model_note(m, i, NULL); i++)
        said += strstr(vit_model_note(m, i, NULL), "12 fixed scales for int8 are left out") != NULL;
    assert_int_equal(said, 1);
    assert_int_equal(vit_model_fixed_scales(m), 0);
    assert_ok(vit_model_save(m, f->packed, WEIGHTS_I8, &err), &err);
    vit_model_close(m);
    assert_ok(vit_model_open(&m, f->packed, NULL, &err), &err);
    assert_int_equal(vit_model_fixed_scales(m), 0);
    vit_model_close(m);
}

/* ---- refusals ---- */

static void bad_scales_are_refused(void **state)
{
    static const float BAD[] = { 0, -0.5f, NAN, INFINITY, 0x1p-127f, 0x1.8p126f };
    struct files *f = *state;
    struct vit_model *m;
    struct vit_error err;
    size_t size;

    vit_model_fix_scale(f->m, VIT_PRODUCT_PROJ, 0x1.2468p-5f); /* its bits are nowhere else in the file */
    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        const float good = 0x1.2468p-5f;
        unsigned char *bytes = tmp_read(f->plain, &size), *at = memmem(bytes, size, &good, sizeof good);
        char bad[300];

        assert_non_null(at);
        memcpy(at, &BAD[i], sizeof BAD[i]);
        tmp_write(f->dir, "bad", bytes, size, bad, sizeof bad);
        free(bytes);
        assert_refused(vit_model_open(&m, bad, NULL, &err), VIT_ERR_FORMAT,
                       "\"blocks.0.attn.proj.input_scale\" is", &err);
        assert_null(m);
    }
}

/* The model of f->plain with one tensor more. */
static void add_tensor(struct files *f, const struct weights_entry *more, char *path, size_t path_size)
{
    struct weights_file *file;
    struct weights_entry entries[80];
    struct weights_text meta[] = { { "vit.config", NULL } };
    struct vit_error err;
    size_t count;

    assert_ok(weights_open(&file, f->plain, &err), &err);
    count = weights_count(file);
    assert_true(count < VIT_COUNT(entries));
    for (size_t i = 0; i < count; i++) {
        const struct weights_tensor *t = weights_at(file, i);
        entries[i] = (struct weights_entry){ t->name, t->dtype, t->rank, { 0 }, t->data };
        memcpy(entries[i].shape, t->shape, sizeof t->shape);
    }
    entries[count] = *more;
    meta[0].value = weights_meta(file, "vit.config");
    snprintf(path, path_size, "%s/more", f->dir);
    assert_ok(weights_write(path, entries, count + 1, meta, 1, &err), &err);
    weights_close(file);
}

static void other_types_and_shapes_are_refused(void **state)
{
    static const float TWO[2] = { 1, 1 };
    static const struct {
        enum weights_dtype dtype;
        int rank, size;
        const char *part;
    } CASES[] = {
        { WEIGHTS_F32, 1, 2, "is F32 [2], expected F32 [1]" },
        { WEIGHTS_F32, 1, 0, "is F32 [0], expected F32 [1]" },
        { WEIGHTS_BF16, 1, 1, "is BF16 [1], expected F32 [1]" },
        { WEIGHTS_I32, 0, 0, "is I32 [], expected F32 [1]" },
    };
    struct files *f = *state;
    struct vit_model *m;
    struct vit_error err;
    char path[300];

    assert_ok(vit_model_save(f->m, f->plain, WEIGHTS_I8, &err), &err);
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const struct weights_entry more = { .name = "blocks.1.mlp.fc2.input_scale",
                                            .dtype = CASES[i].dtype,
                                            .rank = CASES[i].rank,
                                            .shape = { CASES[i].size },
                                            .data = TWO };
        add_tensor(f, &more, path, sizeof path);
        assert_refused(vit_model_open(&m, path, NULL, &err), VIT_ERR_FORMAT, CASES[i].part, &err);
        assert_null(m);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, files_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_largest_number_of_all_pictures_becomes_127),
        IN_FOLDER(more_pictures_never_lower_a_scale),
        IN_FOLDER(what_a_product_reads_sets_its_scale),
        IN_FOLDER(zeros_have_no_scale),
        IN_FOLDER(a_file_keeps_them),
        IN_FOLDER(only_int8_uses_them_and_only_when_wanted),
        IN_FOLDER(a_model_in_memory_uses_them_at_once),
        IN_FOLDER(another_placement_has_scales_of_its_own),
        IN_FOLDER(training_leaves_none),
        IN_FOLDER(bad_scales_are_refused),
        IN_FOLDER(other_types_and_shapes_are_refused),
    };

    return cmocka_run_group_tests_name("vit/calibrate", tests, NULL, NULL);
}
