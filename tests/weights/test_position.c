#include "tests/support/test.h"
#include "weights/weights.h"

/* Expected values are float, made in double by PyTorch; ours are made in double and rounded once. Weights of
 * a tap differ by a few units of 2^-53, values are below 4: what is left is the rounding of the result. */
static const double BOUND = 4 * 0x1p-23;

static const char *const KINDS[] = {
    [WEIGHTS_BICUBIC_ANTIALIAS] = "bicubic_antialias",
    [WEIGHTS_BILINEAR] = "bilinear",
    [WEIGHTS_BICUBIC] = "bicubic",
    [WEIGHTS_BICUBIC_OFFSET] = "bicubic_offset",
    [WEIGHTS_BICUBIC_CORNERS] = "bicubic_corners",
    [WEIGHTS_LINEAR_CORNERS] = "linear_corners",
};
_Static_assert(VIT_COUNT(KINDS) == WEIGHTS_RESAMPLES, "a kind has no name");

static void read(const struct weights_file *f, const char *name, float *out)
{
    const struct weights_tensor *t = weights_find(f, name);
    struct vit_error err;

    if (!t) fail_msg("no %s", name);
    assert_ok(weights_read_f32(t, "fixture", out, &err), &err);
}

static void every_kind_equals_pytorch(void **state)
{
    static const struct {
        int from, to;
    } SIZES[] = { { 4, 6 }, { 7, 5 }, { 9, 2 }, { 3, 1 }, { 1, 3 } };
    struct weights_file *f;
    struct vit_error err;

    (void)state;
    assert_ok(weights_open(&f, "tests/data/weights/position.safetensors", &err), &err);
    for (size_t i = 0; i < VIT_COUNT(SIZES) * WEIGHTS_RESAMPLES; i++) {
        const enum weights_resample how = (enum weights_resample)(i % WEIGHTS_RESAMPLES);
        const int from = SIZES[i / WEIGHTS_RESAMPLES].from, to = SIZES[i / WEIGHTS_RESAMPLES].to;
        float in[81 * 3], wanted[36 * 3], got[36 * 3];
        char name[64];

        snprintf(name, sizeof name, "in.%d", from);
        read(f, name, in);
        snprintf(name, sizeof name, "%s.%d.%d", KINDS[how], from, to);
        read(f, name, wanted);
        assert_ok(weights_resample_grid(got, in, from, to, 3, how, &err), &err);
        assert_close(name, got, wanted, (size_t)to * to * 3, BOUND);
    }
    weights_close(f);
}

static void equal_sizes_copy_every_bit(void **state)
{
    float in[2 * 2 * 3], out[2 * 2 * 3];
    struct vit_error err;

    (void)state;
    for (int i = 0; i < 12; i++) in[i] = i % 5 ? (float)i * 1e-41f : -0.0f;
    for (int how = 0; how < WEIGHTS_RESAMPLES; how++) {
        memset(out, 1, sizeof out);
        assert_ok(weights_resample_grid(out, in, 2, 2, 3, (enum weights_resample)how, &err), &err);
        assert_memory_equal(out, in, sizeof in);
    }
}

/* Weights add up to one, also where the border cuts the filter; a width beyond one chunk of channels. */
static void a_constant_stays_constant(void **state)
{
    enum { D = 70 };
    float in[4 * 4 * D], out[6 * 6 * D];
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(in); i++) in[i] = (float)(i % D);
    for (int how = 0; how < WEIGHTS_RESAMPLES; how++)
        for (int to = 1; to <= 6; to++) {
            assert_ok(weights_resample_grid(out, in, 4, to, D, (enum weights_resample)how, &err), &err);
            for (int i = 0; i < to * to * D; i++)
                if (fabs(out[i] - i % D) > D * 0x1p-23)
                    fail_msg("kind %d to %d [%d]: %g", how, to, i, out[i]);
        }
}

static void impossible_sizes_are_refused(void **state)
{
    float x = 0;
    struct vit_error err;

    (void)state;
    assert_refused(weights_resample_grid(&x, &x, 0, 1, 1, WEIGHTS_BICUBIC, &err), VIT_ERR_ARG, "0x0 to 1x1",
                   &err);
    assert_refused(weights_resample_grid(&x, &x, 1, -1, 1, WEIGHTS_BICUBIC, &err), VIT_ERR_ARG, "-1x-1",
                   &err);
    assert_refused(weights_resample_grid(&x, &x, 1, 1 << 20, 1, WEIGHTS_BICUBIC, &err), VIT_ERR_ARG,
                   "cannot be resized", &err);
}

static void names_are_found_again(void **state)
{
    (void)state;
    for (int how = 0; how < WEIGHTS_RESAMPLES; how++)
        assert_int_equal(weights_resample_from_name(weights_resample_name((enum weights_resample)how)), how);
    assert_int_equal(weights_resample_from_name("cubic"), -1);
}

static void every_family_has_its_own_resampling(void **state)
{
    (void)state;
    assert_int_equal(weights_family_resample(WEIGHTS_TIMM, "safetensors"), WEIGHTS_BICUBIC_ANTIALIAS);
    assert_int_equal(weights_family_resample(WEIGHTS_TIMM, "npz"), WEIGHTS_BILINEAR);
    assert_int_equal(weights_family_resample(WEIGHTS_HF_DINOV2, "pth"), WEIGHTS_BICUBIC);
    /* transformers 5.24, modeling_dinov2_with_registers.py: antialias=True there, and nowhere else. */
    assert_int_equal(weights_family_resample(WEIGHTS_HF_DINOV2_REG, "pth"), WEIGHTS_BICUBIC_ANTIALIAS);
    /* facebookresearch/dinov2, hub/backbones.py: interpolate_offset 0.1; 0 and antialias with registers. */
    assert_int_equal(weights_family_resample(WEIGHTS_DINOV2, "pth"), WEIGHTS_BICUBIC_OFFSET);
    assert_int_equal(weights_family_resample(WEIGHTS_DINOV2_REG, "pth"), WEIGHTS_BICUBIC_ANTIALIAS);
    assert_int_equal(weights_family_resample(WEIGHTS_TORCHVISION, "pth"), WEIGHTS_BICUBIC_CORNERS);
    assert_int_equal(weights_family_resample(WEIGHTS_CCT, "pth"), WEIGHTS_BILINEAR);
    assert_int_equal(weights_family_resample(WEIGHTS_JAX, "npz"), WEIGHTS_LINEAR_CORNERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_equals_pytorch), cmocka_unit_test(equal_sizes_copy_every_bit),
        cmocka_unit_test(a_constant_stays_constant), cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(names_are_found_again),     cmocka_unit_test(every_family_has_its_own_resampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
