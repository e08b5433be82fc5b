#include "patch/augment.h"

#include "tests/support/test.h"

enum { SIZE = 32, BYTES = SIZE * SIZE * 3 };

/* Every pixel says where it is: red its column, green its row. */
static void mark(unsigned char *pixels)
{
    for (int i = 0; i < SIZE * SIZE; i++) {
        pixels[3 * i] = (unsigned char)(i % SIZE * 7 + 1);
        pixels[3 * i + 1] = (unsigned char)(i / SIZE * 7 + 1);
        pixels[3 * i + 2] = (unsigned char)(i * 13 % 251);
    }
}

static void apply(unsigned char *pixels, const struct patch_augment *a, uint64_t seed, uint64_t epoch,
                  uint64_t index)
{
    unsigned char scratch[BYTES];

    mark(pixels);
    patch_augment_apply(pixels, scratch, SIZE, a, seed, epoch, index);
}

static struct patch_augment everything(void)
{
    return (struct patch_augment){ .crop_padding = 4,
                                   .flip = PATCH_FLIP_RANDOM,
                                   .policy = PATCH_POLICY_RANDAUGMENT,
                                   .operations = 3,
                                   .magnitude = 9,
                                   .deviation = 0.5f,
                                   .cutout = 8,
                                   .erase = 0.5f };
}

static void a_picture_depends_on_its_key_alone(void **state)
{
    const struct patch_augment a = everything();
    unsigned char first[16][BYTES], again[BYTES];

    (void)state;
    for (uint64_t i = 0; i < 16; i++) apply(first[i], &a, 5, 2, i);
    for (uint64_t i = 16; i--;) { /* the other way round */
        apply(again, &a, 5, 2, i);
        assert_memory_equal(again, first[i], BYTES);
    }
}

static void seed_epoch_and_index_each_change_a_picture(void **state)
{
    const struct patch_augment a = everything();
    static const uint64_t KEYS[3][3] = { { 6, 2, 0 }, { 5, 3, 0 }, { 5, 2, 1 } };

    (void)state;
    for (size_t k = 0; k < VIT_COUNT(KEYS); k++) {
        int equal = 0;

        for (uint64_t i = 0; i < 20; i++) {
            unsigned char one[BYTES], other[BYTES];
            apply(one, &a, 5, 2, 100 * i);
            apply(other, &a, KEYS[k][0], KEYS[k][1], KEYS[k][2] + 100 * i);
            equal += !memcmp(one, other, BYTES);
        }
        assert_in_range(equal, 0, 1);
    }
}

static void nothing_changes_nothing(void **state)
{
    struct patch_augment a;
    struct vit_error err;
    unsigned char want[BYTES], got[BYTES];

    (void)state;
    assert_ok(patch_augment_preset(&a, "none", &err), &err);
    mark(want);
    for (uint64_t i = 0; i < 50; i++) {
        apply(got, &a, 1, 1, i);
        assert_memory_equal(got, want, BYTES);
    }
}

static bool is_flipped(const struct patch_augment *a, uint64_t epoch, uint64_t index)
{
    unsigned char got[BYTES], same[BYTES];

    mark(same);
    apply(got, a, 3, epoch, index);
    if (!memcmp(got, same, BYTES)) return false;
    for (int i = 0; i < SIZE * SIZE; i++)
        assert_memory_equal(got + 3 * i, same + 3 * (i / SIZE * SIZE + SIZE - 1 - i % SIZE), 3);
    return true;
}

static void alternating_flips_take_turns(void **state)
{
    const struct patch_augment a = { .flip = PATCH_FLIP_ALTERNATING };
    int flips = 0;

    (void)state;
    for (uint64_t i = 0; i < 400; i++) {
        const bool first = is_flipped(&a, 0, i);
        for (uint64_t epoch = 1; epoch < 4; epoch++)
            assert_int_equal(is_flipped(&a, epoch, i), first ^ (epoch & 1));
        flips += first;
    }
    assert_in_range(flips, 150, 250); /* 200, five deviations of 10 */
}

static void random_flips_are_even_and_independent(void **state)
{
    const struct patch_augment a = { .flip = PATCH_FLIP_RANDOM };
    int flips = 0, turns = 0;

    (void)state;
    for (uint64_t i = 0; i < 400; i++) {
        flips += is_flipped(&a, 0, i);
        turns += is_flipped(&a, 0, i) != is_flipped(&a, 1, i);
    }
    assert_in_range(flips, 150, 250);
    assert_in_range(turns, 150, 250);
}

/* Where the marked pixels went tells the offset; the middle of the picture never comes from the border. */
static void crop_offsets_are_uniform(void **state)
{
    const struct patch_augment a = { .crop_padding = 4 };
    enum { PLACES = 81, DRAWS = 8100 };
    int count[PLACES] = { 0 };
    double chi2 = 0;

    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        unsigned char got[BYTES];
        apply(got, &a, 4, 0, i);
        const unsigned char *middle = got + (16 * SIZE + 16) * 3;
        const int right = (middle[0] - 1) / 7 - 16, down = (middle[1] - 1) / 7 - 16;
        assert_in_range(right + 4, 0, 8);
        assert_in_range(down + 4, 0, 8);
        count[(down + 4) * 9 + right + 4]++;
    }
    for (int i = 0; i < PLACES; i++) chi2 += (count[i] - 100.0) * (count[i] - 100.0) / 100;
    /* Chi-square with 80 degrees of freedom: below 46.5 and above 124.8 once in a thousand each. */
    if (chi2 < 46.5 || chi2 > 124.8) fail_msg("chi-square %.1f", chi2);
}

static void a_crop_reflects_without_repeating_the_edge(void **state)
{
    struct patch_augment a = { .crop_padding = 4 };

    (void)state;
    for (int padding = 0; padding < PATCH_PADDINGS; padding++) {
        a.padding = (enum patch_padding)padding;
        for (uint64_t i = 0; i < 40; i++) {
            unsigned char got[BYTES], from[BYTES];
            apply(got, &a, 4, 0, i);
            mark(from);
            const int right = (got[(16 * SIZE + 16) * 3] - 1) / 7 - 16,
                      down = (got[(16 * SIZE + 16) * 3 + 1] - 1) / 7 - 16;
            for (int y = 0; y < SIZE; y++)
                for (int x = 0; x < SIZE; x++) {
                    const int sy = abs(31 - abs(31 - (y + down))), sx = abs(31 - abs(31 - (x + right)));
                    const bool outside = sy != y + down || sx != x + right;
                    const unsigned char black[3] = { 0 }, *want = from + (sy * SIZE + sx) * 3;
                    assert_memory_equal(got + (y * SIZE + x) * 3,
                                        outside && padding == PATCH_PAD_ZERO ? black : want, 3);
                }
        }
    }
}

/* Pixels of the fill colour: their number and the box they fill. */
static int painted(const unsigned char *pixels, const unsigned char fill[3], int box[4])
{
    int count = 0;

    box[0] = box[1] = SIZE, box[2] = box[3] = 0;
    for (int i = 0; i < SIZE * SIZE; i++) {
        if (memcmp(pixels + 3 * i, fill, 3)) continue;
        const int y = i / SIZE, x = i % SIZE;
        box[0] = y < box[0] ? y : box[0], box[1] = x < box[1] ? x : box[1];
        box[2] = y + 1 > box[2] ? y + 1 : box[2], box[3] = x + 1 > box[3] ? x + 1 : box[3];
        count++;
    }
    return count;
}

static void cutout_paints_a_square_cut_at_the_border(void **state)
{
    const struct patch_augment a = { .cutout = 8, .fill = { 255, 0, 77 } };
    int whole = 0, box[4];

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        unsigned char got[BYTES];
        apply(got, &a, 9, 0, i);
        const int count = painted(got, a.fill, box), h = box[2] - box[0], w = box[3] - box[1];
        assert_int_equal(count, h * w);
        assert_in_range(h, 4, 8);
        assert_in_range(w, 4, 8);
        assert_true(h == 8 || box[0] == 0 || box[2] == SIZE);
        assert_true(w == 8 || box[1] == 0 || box[3] == SIZE);
        whole += count == 64;
    }
    /* Of 32 centres a side 25 leave the square whole: 610 of 1000, deviation 15.4. */
    assert_in_range(whole, 533, 687);
}

/* Places down and across are drawn apart: of n pairs of independent numbers the correlation is normal with
 * the deviation 1 / sqrt(n). */
static void painted_boxes_are_not_on_a_diagonal(void **state)
{
    static const struct patch_augment WAYS[] = { { .cutout = 8, .fill = { 255, 0, 77 } },
                                                 { .erase = 1, .fill = { 255, 0, 77 } } };

    (void)state;
    for (size_t way = 0; way < VIT_COUNT(WAYS); way++) {
        double down = 0, across = 0, both = 0;
        int count = 0, box[4];

        for (uint64_t i = 0; i < 2000; i++) {
            unsigned char got[BYTES];
            apply(got, &WAYS[way], 9, 0, i);
            if (!painted(got, WAYS[way].fill, box)) continue;
            /* Either end may be the border: twice the middle, from that of the picture. */
            const int y = box[0] + box[2] - SIZE, x = box[1] + box[3] - SIZE;
            down += y * y, across += x * x, both += x * y;
            count++;
        }
        assert_true(count > 1000);
        assert_near(both / sqrt(down * across), 0, 5 / sqrt(count));
    }
}

static void erasing_keeps_its_probability_area_and_ratio(void **state)
{
    const struct patch_augment a = { .erase = 0.25f, .fill = { 255, 0, 77 } };
    int erased = 0, box[4];

    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        unsigned char got[BYTES];
        apply(got, &a, 9, 0, i);
        const int count = painted(got, a.fill, box), h = box[2] - box[0], w = box[3] - box[1];
        if (!count) continue;
        erased++;
        assert_int_equal(count, h * w);
        /* 2 to 33 % of 1024 pixels, sides 0.3 to 3.3; each side is rounded by up to a half */
        assert_true((h + 0.5) * (w + 0.5) >= 0.02 * 1024 && (h - 0.5) * (w - 0.5) <= 1024 / 3.0);
        assert_true((h + 0.5) / (w - 0.5) >= 0.3 && (w + 0.5) / (h - 0.5) >= 0.3);
    }
    assert_in_range(erased, 403, 597); /* 500, five deviations of 19.4 */
}

static void augmentations_do_not_disturb_each_other(void **state)
{
    struct patch_augment alone = { .cutout = 8, .fill = { 255, 0, 77 } }, also = alone;
    int one[4], other[4];

    (void)state;
    also.crop_padding = 4;
    also.flip = PATCH_FLIP_RANDOM;
    for (uint64_t i = 0; i < 50; i++) {
        unsigned char a[BYTES], b[BYTES];
        apply(a, &alone, 1, 2, i);
        apply(b, &also, 1, 2, i);
        assert_int_equal(painted(a, alone.fill, one), painted(b, alone.fill, other));
        assert_memory_equal(one, other, sizeof one);
    }
}

/* The picture is changed for most keys (of AutoAugment's sub-policies a few mostly do nothing), and not
 * always in the same way. */
static void policies_change_pictures(void **state)
{
    static const char *const NAMES[] = { "autoaugment", "randaugment", "trivial" };

    (void)state;
    for (size_t p = 0; p < VIT_COUNT(NAMES); p++) {
        struct patch_augment a;
        struct vit_error err;
        unsigned char plain[BYTES], got[BYTES], last[BYTES] = { 0 };
        int changed = 0, differ = 0;

        assert_ok(patch_augment_preset(&a, NAMES[p], &err), &err);
        a.crop_padding = 0, a.flip = PATCH_FLIP_NONE;
        mark(plain);
        for (uint64_t i = 0; i < 200; i++) {
            apply(got, &a, 8, 0, i);
            changed += memcmp(got, plain, BYTES) != 0;
            differ += memcmp(got, last, BYTES) != 0;
            memcpy(last, got, BYTES);
        }
        assert_in_range(changed, 120, 199);
        assert_in_range(differ, 120, 200);
    }
}

/* AutoAugment moves up and down at level 3 by 32 150/331 3/9 = 4.8 pixels and at level 9 by 14.5, truncated;
 * one sub-policy does the latter twice. */
static void autoaugment_moves_whole_pixels(void **state)
{
    const struct patch_augment a = { .policy = PATCH_POLICY_AUTOAUGMENT };
    bool found[SIZE] = { false };

    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        unsigned char got[BYTES], from[BYTES];
        apply(got, &a, 2, 0, i);
        mark(from);
        for (int down = 1; down < SIZE; down++)
            found[down] |= !memcmp(got + down * SIZE * 3, from, (size_t)(SIZE - down) * SIZE * 3);
    }
    for (int down = 1; down < SIZE; down++)
        assert_int_equal(found[down], down == 4 || down == 14 || down == 28);
}

static void fill_is_nought_after_normalising(void **state)
{
    struct patch_augment a;
    struct vit_error err;

    (void)state;
    assert_ok(patch_augment_preset(&a, "cutout", &err), &err);
    assert_memory_equal(a.fill, ((unsigned char[3]){ 128, 128, 128 }), 3);
    patch_augment_fill(&a, (float[3]){ 0.4914f, 0.4822f, 0.4465f }); /* CIFAR-10: 125.3, 123.0, 113.9 */
    assert_memory_equal(a.fill, ((unsigned char[3]){ 125, 123, 114 }), 3);
}

static void presets_are_found_and_can_be_done(void **state)
{
    struct patch_augment a;
    struct vit_error err;
    int count = 0;

    (void)state;
    for (; patch_augment_preset_name(count); count++) {
        assert_ok(patch_augment_preset(&a, patch_augment_preset_name(count), &err), &err);
        assert_ok(patch_augment_check(&a, SIZE, &err), &err);
    }
    assert_int_equal(count, 7);
    assert_null(patch_augment_preset_name(-1));
    assert_refused(patch_augment_preset(&a, "colour", &err), VIT_ERR_ARG,
                   "\"colour\", expected one of none, flip, basic, cutout, autoaugment, randaugment, trivial",
                   &err);
}

static void impossible_augmentations_are_refused(void **state)
{
    const struct patch_augment crop = { .crop_padding = 4 }, magnitude = { .magnitude = NAN };
    const struct patch_augment erase = { .erase = 1.5f }, policy = { .policy = PATCH_POLICIES };
    struct vit_error err;

    (void)state;
    assert_refused(patch_augment_check(&crop, 4, &err), VIT_ERR_ARG, "crop padding is 4, expected 0 to 3",
                   &err);
    assert_refused(patch_augment_check(&crop, 0, &err), VIT_ERR_ARG, "picture size is 0", &err);
    assert_refused(patch_augment_check(&magnitude, 32, &err), VIT_ERR_ARG, "magnitude is nan", &err);
    assert_refused(patch_augment_check(&erase, 32, &err), VIT_ERR_ARG, "erase probability is 1.5", &err);
    assert_refused(patch_augment_check(&policy, 32, &err), VIT_ERR_ARG, "policy is 4, expected 0 to 3", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_depends_on_its_key_alone),
        cmocka_unit_test(seed_epoch_and_index_each_change_a_picture),
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(alternating_flips_take_turns),
        cmocka_unit_test(random_flips_are_even_and_independent),
        cmocka_unit_test(crop_offsets_are_uniform),
        cmocka_unit_test(a_crop_reflects_without_repeating_the_edge),
        cmocka_unit_test(cutout_paints_a_square_cut_at_the_border),
        cmocka_unit_test(painted_boxes_are_not_on_a_diagonal),
        cmocka_unit_test(erasing_keeps_its_probability_area_and_ratio),
        cmocka_unit_test(augmentations_do_not_disturb_each_other),
        cmocka_unit_test(policies_change_pictures),
        cmocka_unit_test(autoaugment_moves_whole_pixels),
        cmocka_unit_test(fill_is_nought_after_normalising),
        cmocka_unit_test(presets_are_found_and_can_be_done),
        cmocka_unit_test(impossible_augmentations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
