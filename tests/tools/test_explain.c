/* vit explain: the sheet pixel by pixel, the numbers against the library's, and mistakes in the line. */
#include "tests/tools/cli.h"
#include "tools/explain.h"
#include "vit/attention.h"

#define MODEL   "tests/data/golden/timm-cls" /* 3 blocks, 3 heads, a grid of 4 x 4, one token in front */
#define CONV    "tests/data/golden/cct-2-3x2"
#define PICTURE "tests/data/preprocess/fmt-420.jpg"
#define WIDE    "tests/data/preprocess/small-97x61.png"

enum { DEPTH = 3, HEADS = 3, GRID = 4 };

static char png[300];

/* ---- the sheet ---- */

enum { WIDTH = 6, HEIGHT = 4, PANELS = 3 };
static const double MAP[2][3] = { { 1, 2, 3 }, { 5, 4, 1 } };

/* A picture, the map over it, and below the first the map once more; letters have dots of one pixel. */
static struct patch_image sheet_of(float alpha, enum patch_filter filter, unsigned char *rgb)
{
    const struct patch_image picture = { .width = WIDTH, .height = HEIGHT, .rgb = rgb };
    const struct explain_sheet s = { &picture, 2, 3, alpha, filter };
    const struct explain_panel panels[PANELS] = { { .line = { "x" } },
                                                  { .map = &MAP[0][0], .column = 1 },
                                                  { .map = &MAP[0][0], .row = 1 } };
    struct patch_image out;
    struct vit_error err;

    for (int i = 0; i < WIDTH * HEIGHT * 3; i++) rgb[i] = (unsigned char)(i * 37 % 251);
    assert_ok(explain_draw(&out, &s, panels, PANELS, &err), &err);
    return out;
}

static const unsigned char *pixel(const struct patch_image *image, int x, int y)
{
    assert_true(x >= 0 && x < image->width && y >= 0 && y < image->height);
    return image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
}

/* Where a panel's picture begins: gaps of 4, two lines of text. */
enum { GAP = 4, TEXT = 2 * EXPLAIN_LETTER_HEIGHT, TOP = GAP + TEXT, RIGHT = GAP + WIDTH + GAP };
enum { BELOW = TOP + HEIGHT + GAP + TEXT };

static void a_sheet_has_room_for_its_panels(void **state)
{
    unsigned char rgb[WIDTH * HEIGHT * 3];
    struct patch_image out = sheet_of(1, PATCH_BOX, rgb);

    (void)state;
    assert_int_equal(out.width, RIGHT + WIDTH + GAP);
    assert_int_equal(out.height, BELOW + HEIGHT + GAP);
    for (int y = 0; y < out.height; y++) /* nothing is drawn where there is no panel */
        for (int x = RIGHT; x < out.width; x++)
            if (y >= TOP + HEIGHT) assert_memory_equal(pixel(&out, x, y), "\xff\xff\xff", 3);
    patch_image_free(&out);
}

static void a_map_alone_is_its_colours(void **state)
{
    unsigned char rgb[WIDTH * HEIGHT * 3], colour[3];
    struct patch_image out = sheet_of(1, PATCH_BOX, rgb);

    (void)state;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            explain_colour(colour, (int)lrint(255 * (MAP[y / 2][x / 2] - 1) / 4));
            assert_memory_equal(pixel(&out, RIGHT + x, TOP + y), colour, 3);
            assert_memory_equal(pixel(&out, GAP + x, BELOW + y), colour, 3);
            assert_memory_equal(pixel(&out, GAP + x, TOP + y), rgb + 3 * (y * WIDTH + x), 3);
        }
    patch_image_free(&out);
}

static void alpha_mixes_the_colours_with_a_grey_picture(void **state)
{
    static const float ALPHAS[] = { 0, 0.25f, 1 };
    unsigned char rgb[WIDTH * HEIGHT * 3], colour[3];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ALPHAS); i++) {
        const double alpha = (double)ALPHAS[i];
        struct patch_image out = sheet_of(ALPHAS[i], PATCH_BOX, rgb);
        for (int k = 0; k < WIDTH * HEIGHT; k++) {
            const unsigned char *p = rgb + 3 * k, *is = pixel(&out, RIGHT + k % WIDTH, TOP + k / WIDTH);
            const double grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
            explain_colour(colour, (int)lrint(255 * (MAP[k / WIDTH / 2][k % WIDTH / 2] - 1) / 4));
            for (int c = 0; c < 3; c++) /* half by rounding to a byte, the rest by arithmetic in float */
                assert_true(fabs(is[c] - ((1 - alpha) * grey + alpha * colour[c])) <= 0.5 + 1e-4);
        }
        patch_image_free(&out);
    }
}

/* A map of one value has no range: all of it is the colour of the least. */
static void a_flat_map_is_dark(void **state)
{
    unsigned char rgb[3] = { 9, 9, 9 }, colour[3];
    const struct patch_image picture = { .width = 1, .height = 1, .rgb = rgb };
    const struct explain_sheet s = { &picture, 1, 1, 1, PATCH_BILINEAR };
    const double one = 0.25;
    struct patch_image out;
    struct vit_error err;

    (void)state;
    assert_ok(explain_draw(&out, &s, &(struct explain_panel){ .map = &one }, 1, &err), &err);
    explain_colour(colour, 0);
    assert_memory_equal(pixel(&out, GAP, TOP), colour, 3);
    patch_image_free(&out);
}

static void a_sheet_too_large_is_refused(void **state)
{
    unsigned char rgb[3] = { 0 };
    const struct patch_image picture = { .width = 1, .height = 1, .rgb = rgb };
    const struct explain_sheet s = { &picture, 1, 1, 1, PATCH_BOX };
    const struct explain_panel far[] = { { .row = 20000 }, { .row = 10000, .column = 10000 } };
    struct patch_image out;
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(far); i++) {
        assert_refused(explain_draw(&out, &s, &far[i], 1, &err), VIT_ERR_ARG, "fewer or smaller", &err);
        assert_null(out.rgb);
    }
}

/* The ends and the middle, from matplotlib's viridis(0), viridis(127), viridis(255). */
static void colours_are_viridis(void **state)
{
    unsigned char rgb[3];

    (void)state;
    explain_colour(rgb, 0);
    assert_memory_equal(rgb, "\x44\x01\x54", 3);
    explain_colour(rgb, 127);
    assert_memory_equal(rgb, "\x21\x90\x8d", 3);
    explain_colour(rgb, 255);
    assert_memory_equal(rgb, "\xfd\xe7\x25", 3);
    for (int i = 1; i < 256; i++) { /* ever lighter: that is what makes it readable */
        unsigned char before[3];
        explain_colour(before, i - 1);
        explain_colour(rgb, i);
        /* of Rec. 709 on stored values; neighbours may lie a rounding of one channel back */
        assert_true(0.2126 * (rgb[0] - before[0]) + 0.7152 * (rgb[1] - before[1]) +
                        0.0722 * (rgb[2] - before[2]) >
                    -0.5);
    }
}

static void every_letter_of_a_label_is_drawn_and_differs(void **state)
{
    const char *text = "abcdehikloprtux0123456789-.";
    unsigned char all[32][EXPLAIN_LETTER_WIDTH * EXPLAIN_LETTER_HEIGHT * 3];

    (void)state;
    for (size_t i = 0; i <= strlen(text); i++) { /* the last: a blank */
        const char letter[2] = { text[i] ? text[i] : ' ', 0 };
        struct patch_image cell = { .width = EXPLAIN_LETTER_WIDTH,
                                    .height = EXPLAIN_LETTER_HEIGHT,
                                    .rgb = all[i] };
        memset(all[i], 255, sizeof all[i]);
        explain_write(&cell, letter, 0, 0, 1);
        for (size_t k = 0; k < i; k++) assert_memory_not_equal(all[i], all[k], sizeof all[i]);
    }
}

static void text_ends_at_the_edge(void **state)
{
    unsigned char rgb[8 * 8 * 3 + 1];
    struct patch_image image = { .width = 8, .height = 8, .rgb = rgb };

    (void)state;
    memset(rgb, 255, sizeof rgb);
    explain_write(&image, "block 0", -3, -3, 2);
    explain_write(&image, "block 0", 5, 5, 2);
    assert_int_equal(rgb[8 * 8 * 3], 255);
    assert_int_equal(pixel(&image, 5, 5)[0], 0);
}

/* ---- the program ---- */

static struct patch_image picture_written(void)
{
    struct patch_image image;
    struct vit_error err;

    assert_ok(patch_image_read(&image, png, NULL, &err), &err);
    return image;
}

/* Panels of 224: letters of two pixels a dot, gaps of 8. */
static void assert_size(int rows, int columns, int width, int height)
{
    struct patch_image image = picture_written();

    assert_int_equal(image.width, 8 + columns * (width + 8));
    assert_int_equal(image.height, 8 + rows * (height + 4 * EXPLAIN_LETTER_HEIGHT + 8));
    patch_image_free(&image);
}

static void the_picture_has_a_panel_for_every_map(void **state)
{
    (void)state;
    EXPECT(0, "block 2 head 2", "", "explain", "-m", MODEL, PICTURE, "-o", png);
    assert_size(2, HEADS, 224, 224);
    EXPECT(0, "block 0 head 0", "", "explain", "-m", MODEL, PICTURE, "-o", png, "--block", "all");
    assert_size(1 + DEPTH, HEADS, 224, 224);
    EXPECT(0, "block 1 head 0", "", "explain", "-m", MODEL, PICTURE, "-o", png, "--block", "1", "--head",
           "0");
    assert_size(2, 2, 224, 224);
}

/* A model that squashes: the picture keeps its own shape, 224 x 224 * 61 / 97. */
static void a_squashed_picture_gets_its_shape_back(void **state)
{
    (void)state;
    EXPECT(0, "rollout", "", "explain", "-m", CONV, WIDE, "-o", png, "--head", "last");
    assert_size(2, 2, 224, 141);
}

static json_t *explained(const char *const *words)
{
    struct run r = run_verb("explain", (const char *const[]){ "--json", NULL }, words);
    json_t *all = objects(r.out), *one;

    assert_int_equal(json_array_size(all), 1);
    one = json_incref(json_array_get(all, 0));
    json_decref(all);
    expect(&r, 0, "", NULL);
    return one;
}
#define EXPLAINED(...) explained((const char *const[]){ __VA_ARGS__, NULL })

/* Nine digits of a float read back as it. */
static void assert_grid(const json_t *rows, const double *map)
{
    assert_int_equal(json_array_size(rows), GRID);
    for (size_t i = 0; i < GRID; i++) {
        const json_t *row = json_array_get(rows, i);
        assert_int_equal(json_array_size(row), GRID);
        for (size_t j = 0; j < GRID; j++)
            assert_true((float)json_number_value(json_array_get(row, j)) == (float)map[i * GRID + j]);
    }
}

static void json_holds_the_maps_of_the_library(void **state)
{
    json_t *o = EXPLAINED("-m", MODEL, PICTURE, "--block", "all");
    const json_t *maps = json_object_get(o, "maps");
    struct vit_attention *a;
    struct vit_model *m;
    struct vit_error err;
    float *planes;

    (void)state;
    assert_ok(vit_model_open(&m, MODEL, NULL, &err), &err);
    assert_ok(vit_attention_create(&a, m, 0, &err), &err);
    planes = malloc(vit_model_input_floats(m) * sizeof *planes);
    assert_ok(vit_read_image(m, PICTURE, planes, NULL, &err), &err);
    vit_attention_forward(a, planes);
    assert_grid(json_object_get(o, "rollout"), vit_attention_rollout(a) + 1);
    assert_int_equal(json_array_size(maps), DEPTH * HEADS);
    for (int i = 0; i < DEPTH * HEADS; i++) {
        const json_t *one = json_array_get(maps, (size_t)i);
        assert_true(number(one, "block") == i / HEADS && number(one, "head") == i % HEADS);
        assert_grid(json_object_get(one, "map"), vit_attention_head(a, i / HEADS, i % HEADS) + 1);
    }
    assert_true(number(o, "tokens") == GRID * GRID + 1);
    free(planes);
    vit_attention_close(a);
    vit_model_close(m);
    json_decref(o);
}

static void assert_same_prediction(const json_t *a, const json_t *b)
{
    const double score = number(b, "score");

    assert_string_equal(json_string_value(json_object_get(a, "label")),
                        json_string_value(json_object_get(b, "label")));
    assert_true(number(a, "index") == number(b, "index"));
    assert_true(fabs(number(a, "score") - score) <= test_watched_slack() * score);
}

static void the_prediction_is_that_of_classify(void **state)
{
    static const char *const NORMS[] = { "pre", "post" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NORMS); i++) {
        struct run r = VIT("classify", "-q", "-m", MODEL, "--norm", NORMS[i], "--json", PICTURE);
        json_t *all = objects(r.out), *o = EXPLAINED("-q", "-m", MODEL, "--norm", NORMS[i], PICTURE);
        const json_t *list = json_object_get(json_array_get(all, 0), "predictions");
        assert_same_prediction(json_object_get(o, "prediction"), json_array_get(list, 0));
        json_decref(all);
        json_decref(o);
        run_free(&r);
    }
}

static void a_swapped_norm_changes_the_maps_and_warns(void **state)
{
    json_t *plain = EXPLAINED("-m", MODEL, PICTURE),
           *post = EXPLAINED("-q", "-m", MODEL, PICTURE, "--norm", "post");

    (void)state;
    assert_false(json_equal(json_object_get(plain, "rollout"), json_object_get(post, "rollout")));
    json_decref(plain);
    json_decref(post);
    EXPECT(0, "", "warning", "explain", "-m", MODEL, PICTURE, "-o", png, "--norm", "post");
}

static void the_orientation_may_be_ignored(void **state)
{
    const char *turned = "tests/data/preprocess/fmt-exif6.jpg";
    json_t *as_meant = EXPLAINED("-m", MODEL, turned),
           *as_stored = EXPLAINED("-m", MODEL, turned, "--no-exif");

    (void)state;
    assert_false(json_equal(json_object_get(as_meant, "rollout"), json_object_get(as_stored, "rollout")));
    json_decref(as_meant);
    json_decref(as_stored);
}

static void the_picture_may_come_from_standard_input(void **state)
{
    const char *const words[] = { "explain", "-m", MODEL, "--json", "-", NULL };
    struct run_input input = { 0 };
    json_t *direct = EXPLAINED("-m", MODEL, PICTURE), *piped;
    unsigned char *bytes = tmp_read(PICTURE, &input.size);
    struct run r;
    (void)state;

    input.bytes = bytes;
    r = run_vit(words, &input);
    piped = objects(r.out);
    assert_string_equal(text_of(json_array_get(piped, 0), "file"), "-");
    assert_true(
        json_equal(json_object_get(json_array_get(piped, 0), "rollout"), json_object_get(direct, "rollout")));
    expect(&r, 0, "", NULL);
    r = run_vit(words, NULL);
    expect(&r, 1, "\"error\"", "standard input: is empty");
    json_decref(direct);
    json_decref(piped);
    free(bytes);
}

static void mistakes_in_the_line_are_wrong_usage(void **state)
{
    (void)state;
    EXPECT(2, NULL, "one picture, found 0", "explain", "-o", png);
    EXPECT(2, NULL, "one picture, found 2", "explain", PICTURE, WIDE, "-o", png);
    EXPECT(2, NULL, "--output", "explain", "-m", MODEL, PICTURE);
    EXPECT(2, NULL, "found \"x.gif\"", "explain", "-m", MODEL, PICTURE, "-o", "x.gif");
    EXPECT(2, NULL, "--block: expected a whole number from 0 to 2, last or all, found \"3\"", "explain", "-m",
           MODEL, PICTURE, "-o", png, "--block", "3");
    EXPECT(2, NULL, ", last or all, found \"left\"", "explain", "-m", MODEL, PICTURE, "-o", png, "--head",
           "left");
    EXPECT(2, NULL, "--alpha", "explain", "-m", MODEL, PICTURE, "-o", png, "--alpha", "1.5");
    EXPECT(2, NULL, "--panel", "explain", "-m", MODEL, PICTURE, "-o", png, "--panel", "1");
    EXPECT(2, NULL, "--alpha: expected --output", "explain", "-m", MODEL, PICTURE, "--json", "--alpha",
           "0.5");
    EXPECT(2, NULL, "--panel: expected --output", "explain", "-m", MODEL, PICTURE, "--json", "--panel", "64");
    EXPECT(2, NULL, "--interpolation: expected --output", "explain", "-m", MODEL, PICTURE, "--json",
           "--interpolation", "box");
    EXPECT(2, NULL, "--panel 4096: 11 panels are ", "explain", "-m", MODEL, "nowhere.png", "-o", png,
           "--block", "all", "--panel", "4096");
    EXPECT(2, NULL, "did you mean --block?", "explain", "-m", MODEL, PICTURE, "-o", png, "--blok", "1");
    EXPECT(0, "usage: vit explain", NULL, "explain", "--help");
}

static void what_cannot_be_read_or_written_is_said(void **state)
{
    (void)state;
    EXPECT(3, NULL, "nowhere", "explain", "-m", "nowhere", PICTURE, "-o", png);
    EXPECT(1, "", "missing.jpg", "explain", "-m", MODEL, "missing.jpg", "-o", png);
    EXPECT(1, "\"error\"", "missing.jpg", "explain", "-m", MODEL, "missing.jpg", "--json");
    EXPECT(1, "", "97 x 61", "explain", "-m", MODEL, WIDE, "-o", png, "--max-pixels", "5916");
    EXPECT(1, "", "/no/where.png", "explain", "-m", MODEL, PICTURE, "-o", "/no/where.png");
}

static int setup(void **state)
{
    snprintf(png, sizeof png, "%s/map.png", (const char *)tmp_fixture(state, TMP_PATH));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sheet_has_room_for_its_panels),
        cmocka_unit_test(a_map_alone_is_its_colours),
        cmocka_unit_test(alpha_mixes_the_colours_with_a_grey_picture),
        cmocka_unit_test(a_flat_map_is_dark),
        cmocka_unit_test(a_sheet_too_large_is_refused),
        cmocka_unit_test(colours_are_viridis),
        cmocka_unit_test(every_letter_of_a_label_is_drawn_and_differs),
        cmocka_unit_test(text_ends_at_the_edge),
        cmocka_unit_test(the_picture_has_a_panel_for_every_map),
        cmocka_unit_test(a_squashed_picture_gets_its_shape_back),
        cmocka_unit_test(json_holds_the_maps_of_the_library),
        cmocka_unit_test(the_prediction_is_that_of_classify),
        cmocka_unit_test(a_swapped_norm_changes_the_maps_and_warns),
        cmocka_unit_test(the_orientation_may_be_ignored),
        cmocka_unit_test(the_picture_may_come_from_standard_input),
        cmocka_unit_test(mistakes_in_the_line_are_wrong_usage),
        cmocka_unit_test(what_cannot_be_read_or_written_is_said),
    };

    return cmocka_run_group_tests(tests, setup, tmp_teardown);
}
