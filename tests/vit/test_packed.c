/* Files whose matrices lie as the products take them. */
#include "tests/vit/files.h"

enum { PICTURES = 3 };

/* One width is no multiple of any panel, so that all are padded. */
static struct vit_config odd_config(enum vit_placement placement)
{
    struct vit_config c = tiny_config(placement);

    c.width = 18;
    c.hidden = 25;
    return c;
}

static int open_folder(void **state)
{
    const struct vit_config c = odd_config(VIT_NORM_PRE);

    return files_open(state, &c, PICTURES);
}

/* Both files of f->m in dtype, packed for kernels. */
static void save_both(const struct files *f, enum kern_dtype dtype, const char *kernels)
{
    struct vit_error err;

    assert_ok(vit_model_save(f->m, f->plain, vit_stored_dtype(dtype), &err), &err);
    assert_ok(vit_model_save_packed(f->m, f->packed, dtype, kernels, &err), &err);
}

static struct vit_model *open_as(const char *path, enum kern_dtype dtype, const char *kernels, bool trainable)
{
    const struct vit_model_options how = { .kernels = kernels, .dtype = dtype, .trainable = trainable };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_open(&m, path, &how, &err), &err);
    return m;
}

/* ---- the same answers ---- */

static void assert_same_answers(const struct files *f, enum kern_dtype dtype, const char *kernels)
{
    struct vit_model *m[2] = { open_as(f->plain, dtype, kernels, false),
                               open_as(f->packed, dtype, kernels, false) };
    struct vit_session *s[2];

    for (int i = 0; i < 2; i++) s[i] = tiny_session(m[i], PICTURES, 1, false);
    if (memcmp(vit_forward(s[0], f->planes, PICTURES), vit_forward(s[1], f->planes, PICTURES),
               PICTURES * TINY_CLASSES * sizeof(float)))
        fail_msg("packed: %s with %s answers otherwise", kern_dtype_name(dtype), kernels);
    for (int i = 0; i < 2; i++) {
        vit_session_close(s[i]);
        vit_model_close(m[i]);
    }
}

/* The names of overlay i over the reference; false: this CPU cannot run it, or it lays out nothing. */
static bool packing_kernels(int i, enum kern_dtype dtype, char *spec, size_t size)
{
    const struct kern_overlay *o = kern_overlay(i);
    struct kern k;

    snprintf(spec, size, "ref+vec+%s", o->name);
    return o->available && !kern_select(&k, spec, NULL) && k.layout[dtype].panel;
}

/* Every file with every overlay: the ones it was made for and all others. */
static void any_kernels_and_any_type_answer_as_from_an_ordinary_file(void **state)
{
    const struct files *f = *state;
    char made_for[64], run_by[64];

    for (int dtype = 0; dtype < KERN_DTYPES; dtype++)
        for (int i = 0; kern_overlay(i); i++) {
            if (!packing_kernels(i, (enum kern_dtype)dtype, made_for, sizeof made_for)) continue;
            save_both(f, (enum kern_dtype)dtype, made_for);
            for (int j = 0; kern_overlay(j); j++) {
                if (!packing_kernels(j, (enum kern_dtype)dtype, run_by, sizeof run_by)) continue;
                for (int as = 0; as < KERN_DTYPES; as++) assert_same_answers(f, (enum kern_dtype)as, run_by);
            }
            for (int as = 0; as < KERN_DTYPES; as++) assert_same_answers(f, (enum kern_dtype)as, "ref");
        }
}

static void every_placement_can_be_packed(void **state)
{
    struct files *f = *state;

    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_config c = odd_config((enum vit_placement)p);
        vit_model_close(f->m);
        f->m = tiny_model(&c, "ref");
        save_both(f, KERN_F32, "ref+vec");
        assert_same_answers(f, KERN_F32, "ref+vec");
    }
}

static bool says(const struct vit_model *m, const char *part)
{
    for (int i = 0; vit_model_note(m, i, NULL); i++)
        if (strstr(vit_model_note(m, i, NULL), part)) return true;
    return false;
}

/* ---- in place ---- */

/* Bytes that the open model took for matrices and parameters, and whether it says that it took none. */
static size_t bytes_taken(const struct files *f, const char *kernels, bool expected)
{
    struct vit_model *m = open_as(f->packed, KERN_F32, kernels, false);
    const size_t bytes = m->packed.used + m->values.used;
    bool in_place = !expected;

    assert_string_equal(vit_model_packed(m, &in_place), "ref+vec");
    assert_int_equal(in_place, expected);
    assert_true(says(m, expected ? "used where they lie" : "laid out again"));
    vit_model_close(m);
    return bytes;
}

/* In place only the stem's product is laid out: 18 outputs in whole panels of 8, of 48 inputs; the arena may
 * add 128 bytes a piece. */
static void the_kernels_it_was_made_for_copy_no_matrix(void **state)
{
    const struct files *f = *state;
    const size_t stem = 24 * 48 * sizeof(float);

    save_both(f, KERN_F32, "ref+vec");
    assert_true(bytes_taken(f, "ref+vec", true) <= stem + 4 * 128);
    assert_true(bytes_taken(f, "ref", false) > 18 * (54 + 18 + 25 + 25) * 2 * sizeof(float));
}

/* The head of a file of integers lies as f32 products take it; the blocks do not. */
static void what_is_laid_out_again_in_part_says_so(void **state)
{
    const struct files *f = *state;
    struct vit_model *m;
    bool in_place = true;

    save_both(f, KERN_I8, "ref+vec");
    m = open_as(f->packed, KERN_F32, "ref+vec", false);
    vit_model_packed(m, &in_place);
    assert_false(in_place);
    assert_null(m->mats.head.f32);
    assert_non_null(m->mats.block[0].qkv.f32);
    vit_model_close(m);
}

/* A writer that does not know of lines may put anything in front. */
static void bytes_that_are_not_aligned_are_copied(void **state)
{
    const struct files *f = *state;
    size_t size;
    struct vit_model *m;
    bool in_place = true;

    save_both(f, KERN_F32, "ref+vec");
    unsigned char *bytes = tmp_read(f->packed, &size), *moved = malloc(size + 4);
    assert_non_null(moved);
    const uint64_t header = bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16,
                   longer = header + 4;
    memcpy(moved, &longer, sizeof longer);
    memcpy(moved + 8, bytes + 8, header);
    memset(moved + 8 + header, ' ', 4);
    memcpy(moved + 12 + header, bytes + 8 + header, size - 8 - header);
    tmp_write(f->dir, "packed", moved, size + 4, NULL, 0);
    m = open_as(f->packed, KERN_F32, "ref+vec", false);
    vit_model_packed(m, &in_place);
    assert_false(in_place);
    vit_model_close(m);
    assert_same_answers(f, KERN_F32, "ref+vec");
    free(bytes);
    free(moved);
}

/* Which of the two counts is no guess: the packed one, and the other is said to be for nothing. */
static void an_ordinary_matrix_beside_a_packed_one_is_said_to_be_unused(void **state)
{
    static const char EXTRA[] =
        "\"blocks.0.attn.qkv.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},";
    const struct files *f = *state;
    const size_t more = strlen(EXTRA);
    size_t size;
    struct vit_model *m;

    save_both(f, KERN_F32, "ref+vec");
    unsigned char *bytes = tmp_read(f->packed, &size), *longer = malloc(size + more);
    assert_non_null(longer);
    const uint64_t header = (bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16) + more;
    memcpy(longer, &header, sizeof header);
    longer[8] = '{';
    memcpy(longer + 9, EXTRA, more);
    memcpy(longer + 9 + more, bytes + 9, size - 9);
    tmp_write(f->dir, "packed", longer, size + more, NULL, 0);
    m = open_as(f->packed, KERN_F32, "ref+vec", false);
    assert_true(says(m, "1 tensors are not used: \"blocks.0.attn.qkv.weight\""));
    vit_model_close(m);
    free(bytes);
    free(longer);
}

static void assert_read_alike(const struct files *f, const char *kernels)
{
    struct vit_model *plain, *packed;
    float values[18 * 64];
    int without = 0;

    save_both(f, KERN_I8, kernels);
    plain = open_as(f->plain, KERN_I8, kernels, false);
    packed = open_as(f->packed, KERN_I8, kernels, false);
    for (int i = 0; i < vit_model_parameter_count(plain); i++) {
        const struct vit_parameter p = vit_model_parameter(plain, i);
        without += !vit_model_parameter(packed, i).values;
        assert_true(p.count <= VIT_COUNT(values));
        vit_model_read(packed, i, values);
        if (memcmp(values, p.values, p.count * sizeof *values))
            fail_msg("%s: %s reads otherwise", kernels, p.name);
    }
    assert_int_equal(without, TINY_DEPTH * 4 + 1);
    vit_model_close(plain);
    vit_model_close(packed);
}

/* Integers of 8 bits as floats, by every way to round them. */
static void a_matrix_has_no_values_but_can_be_read(void **state)
{
    static const char *const KERNELS[] = { "ref+vec", "ref+avx2", "ref+avx512" };
    struct vit_error err;
    struct kern k;

    for (size_t i = 0; i < VIT_COUNT(KERNELS); i++)
        if (!kern_select(&k, KERNELS[i], &err)) assert_read_alike(*state, KERNELS[i]);
}

static void a_trainable_model_has_all_values(void **state)
{
    const struct files *f = *state;
    struct vit_model *m;

    save_both(f, KERN_F32, "ref+vec");
    m = open_as(f->packed, KERN_F32, "ref+vec", true);
    for (int i = 0; i < vit_model_parameter_count(m); i++) {
        const struct vit_parameter was = vit_model_parameter(f->m, i), is = vit_model_parameter(m, i);
        assert_memory_equal(was.values, is.values, was.count * sizeof(float));
    }
    vit_model_close(m);
}

static void it_can_be_a_start_of_training(void **state)
{
    const struct files *f = *state;
    const struct vit_config c = odd_config(VIT_NORM_PRE);
    const struct vit_init init = { .seed = 9, .out_gain = 1 };
    struct vit_model *from, *m;
    struct vit_error err;

    save_both(f, KERN_F32, "ref+vec");
    from = open_as(f->packed, KERN_F32, "ref+vec", false);
    assert_ok(vit_model_create(&m, &c, NULL, NULL, &init, NULL, &err), &err);
    assert_ok(vit_model_take(m, from, &err), &err);
    for (int i = 0; i < vit_model_parameter_count(m); i++) {
        const struct vit_parameter was = vit_model_parameter(f->m, i), is = vit_model_parameter(m, i);
        assert_memory_equal(was.values, is.values, was.count * sizeof(float));
    }
    vit_model_close(from);
    vit_model_close(m);
}

static void a_nan_in_it_is_found(void **state)
{
    struct files *f = *state;
    struct vit_model *m;
    struct vit_error err;

    tiny_values(f->m, "blocks.1.mlp.fc1.weight")[3] = NAN;
    save_both(f, KERN_F32, "ref+vec");
    m = open_as(f->packed, KERN_F32, "ref+vec", false);
    assert_refused(vit_model_check(m, &err), VIT_ERR_FORMAT,
                   "\"blocks.1.mlp.fc1.weight\" holds nan at 3, 1 of its 450", &err);
    vit_model_close(m);
}

/* ---- broken files ---- */

/* A copy of the packed file with from replaced by to, of the same length. */
static void spoil(const struct files *f, const char *from, const char *to)
{
    size_t size, length = strlen(from);
    unsigned char *bytes = tmp_read(f->packed, &size), *at = memmem(bytes, size, from, length);

    if (!at) fail_msg("the file has no %s", from);
    assert_int_equal(strlen(to), length);
    memcpy(at, to, length);
    tmp_write(f->dir, "spoiled", bytes, size, NULL, 0);
    free(bytes);
}

static void assert_spoiled(const struct files *f, enum vit_status status, const char *part)
{
    const struct vit_model_options how = { .kernels = "ref+vec" };
    struct vit_model *m;
    struct vit_error err = { 0 };
    char path[300];

    snprintf(path, sizeof path, "%s/spoiled", f->dir);
    assert_refused(vit_model_open(&m, path, &how, &err), status, part, &err);
    assert_null(m);
}

static void a_wrong_description_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
        enum vit_status status;
        const char *part;
    } CASES[] = {
        { "{\\\"version\\\":1", "{\\\"version\\\":2", VIT_ERR_UNSUPPORTED,
          "packed in version 2, this program" },
        { "{\\\"version\\\":1", "[\\\"version\\\":1", VIT_ERR_FORMAT, "" },
        { "{\\\"version\\\":1", "{\\\"version\\\":x", VIT_ERR_FORMAT, "" },
        { "\\\"dtype\\\":\\\"f32\\\"", "\\\"dtype\\\":\\\"f64\\\"", VIT_ERR_FORMAT, "found f64" },
        { "\\\"dtype\\\":\\\"f32\\\"", "\\\"dtypo\\\":\\\"f32\\\"", VIT_ERR_FORMAT, "found none" },
        { "\\\"dtype\\\":\\\"f32\\\"", "\\\"dtype\\\":\\\"i8_\\\"", VIT_ERR_FORMAT, "found i8_" },
        { "\\\"f32\\\":{", "\\\"f64\\\":{", VIT_ERR_FORMAT, "no layout of f32" },
        { "\\\"panel\\\":8", "\\\"panel\\\":7", VIT_ERR_UNSUPPORTED, "panels of 7" },
        { "\\\"panel\\\":8", "\\\"panel\\\":4", VIT_ERR_FORMAT, "_packed\" is U8" },
        { "\\\"fold\\\":1", "\\\"fold\\\":9", VIT_ERR_UNSUPPORTED, "9 neighbours" },
        { "\\\"bytes\\\":4", "\\\"bytes\\\":2", VIT_ERR_UNSUPPORTED, "numbers of 2 bytes" },
        { "blocks.1.attn.proj.weight_packed", "blocks.1.attn.proj.weight_peckad", VIT_ERR_FORMAT,
          "\"blocks.1.attn.proj.weight\" [18, 18]" },
        { "\"vit.packed\"", "\"vit.pecked\"", VIT_ERR_FORMAT, "missing" },
    };
    const struct files *f = *state;

    save_both(f, KERN_F32, "ref+vec");
    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        spoil(f, CASES[i].from, CASES[i].to);
        assert_spoiled(f, CASES[i].status, CASES[i].part);
    }
}

static void a_cut_off_file_is_refused(void **state)
{
    const struct files *f = *state;
    size_t size;
    unsigned char *bytes;

    save_both(f, KERN_I8, "ref+vec");
    bytes = tmp_read(f->packed, &size);
    for (size_t n = 1; n < size; n += 97) {
        tmp_write(f->dir, "spoiled", bytes, n, NULL, 0);
        assert_spoiled(f, VIT_ERR_FORMAT, "spoiled");
    }
    free(bytes);
}

static void kernels_that_lay_out_nothing_are_refused(void **state)
{
    const struct files *f = *state;
    struct vit_error err;

    assert_refused(vit_model_save_packed(f->m, f->packed, KERN_F32, "ref", &err), VIT_ERR_ARG,
                   "the kernels ref read f32 as it is", &err);
    assert_refused(vit_model_save_packed(f->m, f->packed, KERN_F32, "nosuch", &err), VIT_ERR_ARG,
                   "unknown kernels", &err);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, files_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(any_kernels_and_any_type_answer_as_from_an_ordinary_file),
        IN_FOLDER(every_placement_can_be_packed),
        IN_FOLDER(the_kernels_it_was_made_for_copy_no_matrix),
        IN_FOLDER(what_is_laid_out_again_in_part_says_so),
        IN_FOLDER(bytes_that_are_not_aligned_are_copied),
        IN_FOLDER(an_ordinary_matrix_beside_a_packed_one_is_said_to_be_unused),
        IN_FOLDER(a_matrix_has_no_values_but_can_be_read),
        IN_FOLDER(a_trainable_model_has_all_values),
        IN_FOLDER(it_can_be_a_start_of_training),
        IN_FOLDER(a_nan_in_it_is_found),
        IN_FOLDER(a_wrong_description_is_refused),
        IN_FOLDER(a_cut_off_file_is_refused),
        IN_FOLDER(kernels_that_lay_out_nothing_are_refused),
    };

    return cmocka_run_group_tests_name("vit/packed", tests, NULL, NULL);
}
