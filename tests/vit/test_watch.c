/* Numbers that are none: named in the weights, in the pixels, and at the step that made them. */
#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"

enum { N = 3 };

struct fixture {
    struct vit_model *m;
    struct vit_session *s;
    float *planes;
    struct vit_trouble trouble[N];
};

static int setup(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct fixture *f = calloc(1, sizeof *f);

    f->m = tiny_model(&c, NULL);
    f->s = tiny_session(f->m, N, 1, false);
    f->planes = tiny_planes(f->m, N);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->planes);
    vit_session_close(f->s);
    vit_model_close(f->m);
    free(f);
    return 0;
}

/* Change one value of a parameter and lay the matrices out again. */
static void spoil(struct fixture *f, const char *name, size_t at, float value)
{
    tiny_values(f->m, name)[at] = value;
    vit_model_pack(f->m, NULL);
}

static void assert_watched(const struct vit_config *c, enum kern_dtype dtype)
{
    const struct vit_model_options how = { .dtype = dtype };
    struct vit_trouble trouble[N];
    struct vit_model *drawn = tiny_model(c, NULL), *m;
    float logits[N * TINY_CLASSES], *planes = tiny_planes(drawn, N);
    struct vit_session *s;
    struct vit_error err;
    char dir[TMP_PATH], path[TMP_PATH + 8];

    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/model", dir);
    assert_ok(vit_model_save(drawn, path, WEIGHTS_F32, &err), &err);
    assert_ok(vit_model_open(&m, path, &how, &err), &err);
    s = tiny_session(m, N, 1, false);
    memcpy(logits, vit_forward(s, planes, N), sizeof logits);
    assert_watched_logits(c, vit_forward_watched(s, planes, N, trouble), logits, N);
    for (int i = 0; i < N; i++) assert_false(trouble[i].found);
    vit_session_close(s);
    vit_model_close(m);
    vit_model_close(drawn);
    free(planes);
    tmp_remove(dir);
}

static void watching_changes_no_bit_but_where_branches_have_gains(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * KERN_DTYPES * VIT_PLACEMENTS; i++) {
        struct vit_config c = tiny_config((enum vit_placement)(i / 2 / KERN_DTYPES));
        c.bias = i % 2;
        assert_watched(&c, (enum kern_dtype)(i / 2 % KERN_DTYPES));
    }
}

static void a_bad_weight_is_named_by_its_tensor(void **state)
{
    struct fixture *f = *state;
    struct vit_error err = { 0 };

    assert_ok(vit_model_check(f->m, &err), &err);
    spoil(f, "blocks.1.mlp.fc1.weight", 7, NAN);
    assert_refused(vit_model_check(f->m, &err), VIT_ERR_FORMAT,
                   "\"blocks.1.mlp.fc1.weight\" holds nan at 7, 1 of", &err);
    spoil(f, "blocks.0.norm1.bias", 2, -INFINITY);
    assert_refused(vit_model_check(f->m, &err), VIT_ERR_FORMAT, "\"blocks.0.norm1.bias\" holds -inf at 2",
                   &err);
}

/* One picture's fault is not the others'. */
static void a_bad_pixel_is_the_fault_of_its_picture_alone(void **state)
{
    struct fixture *f = *state;

    f->planes[vit_model_input_floats(f->m) + 5] = INFINITY;
    vit_forward_watched(f->s, f->planes, N, f->trouble);
    assert_false(f->trouble[0].found || f->trouble[2].found);
    assert_true(f->trouble[1].found && isinf(f->trouble[1].value));
    assert_string_equal(f->trouble[1].where, "the pixels");
}

/* Finite weights whose sums are not: 3e38 twice is more than a float holds. Its step is named. */
static void an_overflow_is_named_by_its_step(void **state)
{
    enum { W = 16 }; /* width: where the second row of a tensor begins */
    static const struct {
        struct {
            const char *tensor;
            int at;
            float value;
        } set[4];
        const char *where;
    } ROWS[] = {
        { { { "patch_embed.proj.bias", 0, 3e38f }, { "pos_embed", W, 3e38f } }, "the embedding" },
        { { { "cls_token", 0, 3e38f }, { "blocks.0.attn.proj.bias", 0, 3e38f } }, "residual sum of block 0" },
        { { { "cls_token", 0, 3e38f }, { "blocks.1.mlp.fc2.bias", 0, 3e38f } }, "residual sum of block 1" },
        { { { "head.weight", 0, 3e38f }, /* one of the two signs is that of the feature */
            { "head.bias", 0, 3e38f },
            { "head.weight", W, -3e38f },
            { "head.bias", 1, 3e38f } },
          "the head" },
    };
    struct vit_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        void *fixture;
        struct fixture *f;
        setup(&fixture);
        f = fixture;
        for (int j = 0; j < 4 && ROWS[i].set[j].tensor; j++)
            spoil(f, ROWS[i].set[j].tensor, (size_t)ROWS[i].set[j].at, ROWS[i].set[j].value);
        assert_ok(vit_model_check(f->m, &err), &err);
        vit_forward_watched(f->s, f->planes, N, f->trouble);
        if (!f->trouble[0].found || !strstr(f->trouble[0].where, ROWS[i].where))
            fail_msg("expected %s, found \"%s\"", ROWS[i].where, f->trouble[0].where);
        teardown(&fixture);
    }
}

/* Against long double: the shift must be exact, whatever the distance of the logits. */
static void softmax_is_right_for_any_logits(void **state)
{
    static const float ROWS[][4] = {
        { 1000, 0, -1000, 999 },        { 3e38f, -3e38f, 0, 1 },       { 88.9f, 89, -103.9f, -104 },
        { 1e-40f, -1e-40f, 0, 1e-45f }, { -3e38f, -3e38f, -3e38f, 0 }, { 3e38f, 3e38f, 3e38f, 3e38f },
        { 0.1f, 0.2f, 0.3f, -0.4f },
    };
    float out[4];

    (void)state;
    for (size_t r = 0; r < VIT_COUNT(ROWS); r++) {
        long double shift = ROWS[r][0], sum = 0, all = 0;
        for (int i = 1; i < 4; i++) shift = fmaxl(shift, ROWS[r][i]);
        for (int i = 0; i < 4; i++) sum += expl(ROWS[r][i] - shift);
        vit_softmax(out, ROWS[r], 4);
        for (int i = 0; i < 4; i++) {
            const long double want = expl(ROWS[r][i] - shift) / sum;
            /* one rounding to float, half a denormal at the bottom; double's own errors are 2^-29 of that */
            const long double bound = want * 0x1.01p-24L + 0x1p-150L;
            if (!(fabsl(out[i] - want) <= bound))
                fail_msg("row %zu: [%d] is %.9g, expected %.9Lg", r, i, (double)out[i], want);
            all += out[i];
        }
        assert_true(fabsl(all - 1) <= 4 * 0x1p-24L);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watching_changes_no_bit_but_where_branches_have_gains),
        TEST(a_bad_weight_is_named_by_its_tensor),
        TEST(a_bad_pixel_is_the_fault_of_its_picture_alone),
        cmocka_unit_test(an_overflow_is_named_by_its_step),
        cmocka_unit_test(softmax_is_right_for_any_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
