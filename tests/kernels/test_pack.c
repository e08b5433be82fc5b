/* Packed weights, and what their layout says of them: no overlay may lay out otherwise than it says. */
#include "kernels/quant.h"
#include "tests/kernels/overlay.h"

/* Widths around every panel and odd numbers of pairs. */
static const int SIDES[] = { 1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 65 };

/* w (n, k) as the products of a format see it. */
static void as_seen(float *out, const float *w, int n, int k, enum kern_dtype dtype)
{
    for (int j = 0; j < n; j++) {
        const struct kern_quant q = kern_quant_row(w + (size_t)j * k, k);
        for (size_t i = (size_t)j * k; i < (size_t)(j + 1) * k; i++)
            out[i] = dtype == KERN_I8     ? q.scale * kern_quant_round(w[i], q)
                     : dtype == KERN_BF16 ? vit_from_bf16(vit_bf16(w[i]))
                                          : w[i];
    }
}

/* Laid out for linear, or for linear_dx (back): as the transpose, (k, n). */
static void check_shape(const struct overlay *o, int n, int k, bool back)
{
    const size_t count = (size_t)n * k, bytes = kern_pack_bytes(&o->k, o->dtype, n, k, back);
    float *w = filled(count, 7), *expected = guard_floats(count), *got = guard_floats(count);
    void *packed = guard_bytes(bytes);

    kern_pack(&o->k, o->dtype, packed, w, n, k, back);
    kern_unpack(&o->k.layout[o->dtype], got, packed, back ? k : n, back ? n : k);
    as_seen(expected, w, n, k, o->dtype);
    for (size_t i = 0; i < count; i++) {
        const size_t at = back ? i % (size_t)k * (size_t)n + i / (size_t)k : i;

        if (got[at] != expected[i]) /* an integer has one zero, a float two */
            fail_msg("%s %s %d x %d%s: [%zu] is %.9g, expected %.9g", o->name, kern_dtype_name(o->dtype), n,
                     k, back ? ", for linear_dx" : "", i, (double)got[at], (double)expected[i]);
    }
    guard_free(packed, bytes);
    guard_free_floats(w, count);
    guard_free_floats(expected, count);
    guard_free_floats(got, count);
}

static void unpacking_gives_what_was_packed(void **state)
{
    const struct overlay *o = *state;
    const struct kern_layout *l = &o->k.layout[o->dtype];

    for (int back = 0; back < 2; back++) {
        if (!l->panel || (back && o->dtype == KERN_I8)) {
            assert_int_equal(kern_pack_bytes(&o->k, o->dtype, 1, 1, back), 0);
            continue;
        }
        assert_true(kern_layout_known(l));
        assert_int_equal(l->dtype, o->dtype);
        for (size_t i = 0; i < VIT_COUNT(SIDES); i++)
            for (size_t j = 0; j < VIT_COUNT(SIDES); j++) check_shape(o, SIDES[i], SIDES[j], back);
    }
}

/* ---- layouts that nobody makes ---- */

static void strange_layouts_are_not_known(void **state)
{
    static const struct kern_layout STRANGE[] = {
        { KERN_F32, 0, 1, 4 },   { KERN_F32, 10, 1, 4 }, { KERN_F32, -16, 1, 4 }, { KERN_F32, 512, 1, 4 },
        { KERN_F32, 16, 0, 4 },  { KERN_F32, 16, 3, 4 }, { KERN_F32, 16, 1, 2 },  { KERN_I8, 16, 2, 0 },
        { KERN_BF16, 16, 2, 3 }, { KERN_I8, 16, 2, 1 },  { KERN_I8, 16, 1, 1 },   { KERN_I8, 16, 4, 2 },
        { KERN_BF16, 16, 4, 1 }, { KERN_F32, 16, 4, 4 },
    };
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(STRANGE); i++)
        if (kern_layout_known(&STRANGE[i])) fail_msg("layout %zu counts as known", i);
}

static void sizes_that_do_not_fit_are_said(void **state)
{
    const struct kern k = { .layout = { [KERN_I8] = { KERN_I8, 32, 2, 4 } } };
    bool fits = true;
    (void)state;

    assert_int_equal(kern_layout_bytes(&k.layout[KERN_I8], INT32_MAX, INT32_MAX, &fits), 0);
    assert_false(fits);
    assert_true(kern_pack_bytes(&k, KERN_I8, INT32_MAX, INT32_MAX, false) == SIZE_MAX);
}

int main(void)
{
    struct CMUnitTest on_overlays[] = { cmocka_unit_test(unpacking_gives_what_was_packed) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strange_layouts_are_not_known),
        cmocka_unit_test(sizes_that_do_not_fit_are_said),
    };
    int failures = cmocka_run_group_tests_name("kernels/pack", tests, NULL, NULL);

    failures += run_on_part(PART_F32, on_overlays, VIT_COUNT(on_overlays));
    failures += run_on_part(PART_BF16, on_overlays, VIT_COUNT(on_overlays));
    return failures + run_on_part(PART_I8, on_overlays, VIT_COUNT(on_overlays));
}
