/* The table of norm placements: names, steps, and the parameters that follow from them. */
#include <locale.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "tests/vit/tiny.h"
#include "vit/block.h"

enum { DEPTH = 8 };

/* A configuration of every placement; mix half and half. */
static struct vit_norm_config norm_of(int placement)
{
    return (struct vit_norm_config){ .placement = (enum vit_placement)placement, .mix = 0.5f };
}

/* ---- names ---- */

static void every_name_reads_back_as_itself(void **state)
{
    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_norm_config n = norm_of(p);
        struct vit_norm_config back = { .eps = 7 };
        struct vit_error err;
        char text[32];

        vit_placement_text(&n, text, sizeof text);
        assert_ok(vit_placement_parse(&back, text, &err), &err);
        assert_int_equal(back.placement, p);
        assert_true(back.eps == 7); /* the rest of the norm's configuration is left alone */
    }
}

static void a_mix_carries_its_fraction(void **state)
{
    struct vit_norm_config n = { 0 };
    struct vit_error err;
    char text[32];

    (void)state;
    assert_ok(vit_placement_parse(&n, "mix:0.25", &err), &err);
    assert_int_equal(n.placement, VIT_NORM_MIX);
    assert_true(n.mix == 0.25f);
    assert_string_equal(vit_placement_text(&n, text, sizeof text), "mix:0.25");
}

/* A locale whose decimal point is a comma, made in dir: no system has to have one. */
static bool make_comma(const char *dir)
{
    static const char SOURCE[] = "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"\"\ngrouping -1\n"
                                 "END LC_NUMERIC\n";
    char map[8192] = "<code_set_name> ascii\n<escape_char> /\nCHARMAP\n", command[4 * TMP_PATH];

    for (int i = 0; i < 127; i++)
        snprintf(map + strlen(map), sizeof map - strlen(map), "<U%04X> /x%02x x\n", i, i);
    strcat(map, "END CHARMAP\n");
    tmp_write(dir, "source", SOURCE, strlen(SOURCE), NULL, 0);
    tmp_write(dir, "map", map, strlen(map), NULL, 0);
    /* It warns, with its exit status too, of all else that a locale could say. */
    snprintf(command, sizeof command, "localedef -c -i '%s/source' -f '%s/map' '%s/comma' >/dev/null 2>&1",
             dir, dir, dir);
    (void)!system(command);
    return !setenv("LOCPATH", dir, 1) && setlocale(LC_NUMERIC, "comma");
}

static void a_mix_has_a_point_where_the_program_has_a_comma(void **state)
{
    struct vit_norm_config n = { .placement = VIT_NORM_MIX, .mix = 0.25f };
    struct vit_error err = { 0 };
    enum vit_status status;
    char dir[TMP_PATH], text[32], half[8];

    (void)state;
    tmp_create(dir, sizeof dir);
    const bool made = make_comma(dir);
    snprintf(half, sizeof half, "%.1f", 0.5);
    vit_placement_text(&n, text, sizeof text);
    status = vit_placement_parse(&n, "mix:0.75", &err);
    setlocale(LC_NUMERIC, "C");
    unsetenv("LOCPATH");
    tmp_remove(dir);
    if (!made) skip(); /* no localedef: another C library than GNU's */
    assert_string_equal(half, "0,5");
    assert_string_equal(text, "mix:0.25");
    assert_ok(status, &err);
    assert_true(n.mix == 0.75f);
}

static void any_fraction_of_a_mix_survives_as_text(void **state)
{
    (void)state;
    for (int i = 0; i <= 1000; i++) {
        const struct vit_norm_config n = { .placement = VIT_NORM_MIX,
                                           .mix = (float)i / 1000 * (1 - 0x1p-20f) };
        struct vit_norm_config back = { 0 };
        struct vit_error err;
        char text[32];

        assert_ok(vit_placement_parse(&back, vit_placement_text(&n, text, sizeof text), &err), &err);
        if (back.mix != n.mix) fail_msg("%s: %.9g, was %.9g", text, (double)back.mix, (double)n.mix);
    }
}

static void an_error_lists_every_name(void **state)
{
    static const char *const WRONG[] = { "",        "Pre",    "pre ",    "postnorm", "mix",    "mix:",
                                         "mix:1.5", "mix:-1", "mix:nan", "mix:0.5x", "unknown" };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(WRONG); i++) {
        struct vit_norm_config n = { .placement = VIT_NORM_SANDWICH };
        struct vit_error err;

        assert_refused(vit_placement_parse(&n, WRONG[i], &err), VIT_ERR_ARG, WRONG[i], &err);
        assert_non_null(strstr(err.text,
                               "one of pre, post, res-post, sandwich, deepnorm, pre-post, post-pre, "
                               "layerscale, rezero, mix:F"));
        assert_int_equal(n.placement, VIT_NORM_SANDWICH); /* not touched */
    }
}

/* ---- steps ---- */

static bool is_join(enum vit_op op)
{
    return op == VIT_OP_JOIN || op == VIT_OP_JOIN_ALPHA;
}

static int count_steps(const struct vit_step *s, enum vit_op op)
{
    int count = 0;

    for (; s->op != VIT_OP_END; s++) count += s->op == op;
    return count;
}

static void every_block_is_two_residual_branches(void **state)
{
    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_norm_config n = norm_of(p);

        for (int block = 0; block < DEPTH; block++) {
            const struct vit_step *s = vit_block_steps(&n, block, DEPTH);
            bool open = false; /* between FORK and JOIN */
            int branches = 0, steps = 0;

            for (; s->op != VIT_OP_END; s++, steps++) {
                const bool inside = s->op == VIT_OP_ATTN || s->op == VIT_OP_MLP ||
                                    s->op == VIT_OP_NORM_BRANCH || s->op == VIT_OP_SCALE_BRANCH;
                if (inside && !open) fail_msg("%s: step %d works on no branch", vit_placement_name(p), steps);
                if (s->op == VIT_OP_FORK) assert_false(open);
                if (is_join(s->op)) assert_true(open);
                if (s->op == VIT_OP_NORM_STREAM) assert_false(open); /* JOIN would add to what FORK copied */
                open = s->op == VIT_OP_FORK || (open && !is_join(s->op));
                branches += is_join(s->op);
            }
            assert_false(open);
            assert_int_equal(branches, 2);
            assert_true(steps > 0 && steps < VIT_STEPS);
        }
    }
}

static void attention_comes_once_and_before_the_mlp(void **state)
{
    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_norm_config n = norm_of(p);
        const struct vit_step *s = vit_block_steps(&n, 0, DEPTH);

        assert_int_equal(count_steps(s, VIT_OP_ATTN), 1);
        assert_int_equal(count_steps(s, VIT_OP_MLP), 1);
        while (s->op != VIT_OP_ATTN) assert_int_not_equal(s++->op, VIT_OP_MLP);
    }
}

/* What stands where, in words; the definitions are in the papers named in placement.c. */
static void each_row_is_its_definition(void **state)
{
    static const struct {
        enum vit_placement placement;
        enum vit_op first, after_attn, last;
        int norms, scales;
    } ROWS[] = {
        { VIT_NORM_PRE, VIT_OP_FORK, VIT_OP_JOIN, VIT_OP_JOIN, 2, 0 },
        { VIT_NORM_POST, VIT_OP_FORK, VIT_OP_JOIN, VIT_OP_NORM_STREAM, 2, 0 },
        { VIT_NORM_RES_POST, VIT_OP_FORK, VIT_OP_NORM_BRANCH, VIT_OP_JOIN, 2, 0 },
        { VIT_NORM_SANDWICH, VIT_OP_FORK, VIT_OP_NORM_BRANCH, VIT_OP_JOIN, 4, 0 },
        { VIT_NORM_DEEPNORM, VIT_OP_FORK, VIT_OP_JOIN_ALPHA, VIT_OP_NORM_STREAM, 2, 0 },
        { VIT_NORM_PRE_POST, VIT_OP_FORK, VIT_OP_JOIN, VIT_OP_JOIN, 2, 0 },
        { VIT_NORM_POST_PRE, VIT_OP_NORM_STREAM, VIT_OP_JOIN, VIT_OP_JOIN, 2, 0 },
        { VIT_NORM_LAYERSCALE, VIT_OP_FORK, VIT_OP_SCALE_BRANCH, VIT_OP_JOIN, 2, 2 },
        { VIT_NORM_REZERO, VIT_OP_FORK, VIT_OP_SCALE_BRANCH, VIT_OP_JOIN, 0, 2 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_norm_config n = norm_of(ROWS[i].placement);
        const struct vit_step *s = vit_block_steps(&n, 0, DEPTH), *end = s, *attn = s;

        while (end->op != VIT_OP_END) end++;
        while (attn->op != VIT_OP_ATTN) attn++;
        if (s->op != ROWS[i].first || attn[1].op != ROWS[i].after_attn || end[-1].op != ROWS[i].last)
            fail_msg("%s: not its definition", vit_placement_name(ROWS[i].placement));
        assert_int_equal(count_steps(s, VIT_OP_NORM_BRANCH) + count_steps(s, VIT_OP_NORM_STREAM),
                         ROWS[i].norms);
        assert_int_equal(count_steps(s, VIT_OP_SCALE_BRANCH), ROWS[i].scales);
    }
}

static void a_mix_is_post_first_and_pre_after(void **state)
{
    static const struct {
        float mix;
        int depth, post;
    } ROWS[] = { { 0, 4, 0 },          { 0.25f, 12, 3 },       { 0.5f, 7, 3 },
                 { 1.0f / 3, 9, 3 },   { 0.3f, 10, 3 },        { 1, 5, 5 },
                 { 0.333333f, 12, 4 }, { 0.333333f, 192, 64 }, { 0.3333f, 12, 3 } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_norm_config n = { .placement = VIT_NORM_MIX, .mix = ROWS[i].mix };
        const struct vit_norm_config post = norm_of(VIT_NORM_POST), pre = norm_of(VIT_NORM_PRE);

        for (int block = 0; block < ROWS[i].depth; block++) {
            const struct vit_norm_config *want = block < ROWS[i].post ? &post : &pre;
            if (vit_block_steps(&n, block, ROWS[i].depth) != vit_block_steps(want, 0, 1))
                fail_msg("mix %g of %d: block %d", (double)ROWS[i].mix, ROWS[i].depth, block);
        }
    }
}

/* A stream that no block norms last needs one more norm before the head, except ReZero's by definition. */
static void a_final_norm_goes_with_an_unnormed_stream(void **state)
{
    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_norm_config n = norm_of(p);
        const struct vit_step *s = vit_block_steps(&n, DEPTH - 1, DEPTH);

        while (s[1].op != VIT_OP_END) s++;
        if (vit_placement_final((enum vit_placement)p) !=
            (p != VIT_NORM_REZERO && s->op != VIT_OP_NORM_STREAM))
            fail_msg("%s: final norm %d", vit_placement_name((enum vit_placement)p),
                     vit_placement_final((enum vit_placement)p));
    }
}

/* Wang et al. 2022, fig. 2: an encoder of N layers has alpha (2N)^(1/4), 16^(1/4) and 24^(1/4) here. */
static void deepnorm_scales_by_the_fourth_root_of_twice_the_depth(void **state)
{
    (void)state;
    assert_true(fabs((double)vit_placement_alpha(8) - 2) < 1e-6);
    assert_true(fabs((double)vit_placement_alpha(12) - 2.21336384) < 1e-6);
}

/* ---- parameters ---- */

/* Number of the model's tensors whose name ends so. */
static int tensors_of(const struct vit_config *c, const char *end, int *elements)
{
    struct vit_slot slots[128];
    size_t total;
    int count = vit_slots(NULL, c, &total), found = 0;

    assert_true(count <= 128);
    vit_slots(slots, c, &total);
    for (int i = 0; i < count; i++) {
        const size_t n = strlen(slots[i].name), k = strlen(end);
        if (n < k || strcmp(slots[i].name + n - k, end)) continue;
        if (elements) *elements = (int)slots[i].count;
        found++;
    }
    return found;
}

static void each_placement_has_the_tensors_its_steps_use(void **state)
{
    static const struct {
        enum vit_placement placement;
        int norm1, norm1_out, scale, scale_size, final;
    } ROWS[] = {
        { VIT_NORM_PRE, 1, 0, 0, 0, 1 },      { VIT_NORM_POST, 1, 0, 0, 0, 0 },
        { VIT_NORM_RES_POST, 1, 0, 0, 0, 1 }, { VIT_NORM_SANDWICH, 1, 1, 0, 0, 1 },
        { VIT_NORM_DEEPNORM, 1, 0, 0, 0, 0 }, { VIT_NORM_PRE_POST, 1, 0, 0, 0, 1 },
        { VIT_NORM_POST_PRE, 1, 0, 0, 0, 1 }, { VIT_NORM_LAYERSCALE, 1, 0, 1, 16, 1 },
        { VIT_NORM_REZERO, 0, 0, 1, 1, 0 },   { VIT_NORM_MIX, 1, 0, 0, 0, 1 },
    };
    _Static_assert(VIT_COUNT(ROWS) == VIT_PLACEMENTS, "a placement is not tested");

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_config c = tiny_config(ROWS[i].placement);
        int size = 0;

        assert_int_equal(tensors_of(&c, ".norm1.weight", NULL), c.depth * ROWS[i].norm1);
        assert_int_equal(tensors_of(&c, ".norm2.bias", NULL), c.depth * ROWS[i].norm1);
        assert_int_equal(tensors_of(&c, ".norm1_out.weight", NULL), c.depth * ROWS[i].norm1_out);
        assert_int_equal(tensors_of(&c, ".norm2_out.bias", NULL), c.depth * ROWS[i].norm1_out);
        assert_int_equal(tensors_of(&c, ".ls1.gamma", &size), c.depth * ROWS[i].scale);
        assert_int_equal(tensors_of(&c, ".ls2.gamma", &size), c.depth * ROWS[i].scale);
        assert_int_equal(size, ROWS[i].scale_size);
        assert_int_equal(tensors_of(&c, "norm.weight", NULL), ROWS[i].final);
    }
}

static void the_kind_of_norm_decides_its_tensors(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    const int norms = 2 * c.depth + 1;

    (void)state;
    c.norm.kind = KERN_RMSNORM;
    assert_int_equal(tensors_of(&c, ".alpha", NULL), 0);
    assert_int_equal(tensors_of(&c, "norm1.bias", NULL) + tensors_of(&c, "norm.bias", NULL), 0);
    c.norm.kind = KERN_DYT;
    assert_int_equal(tensors_of(&c, ".alpha", NULL), norms);
    c.norm.kind = KERN_LAYERNORM;
    assert_int_equal(tensors_of(&c, ".alpha", NULL), 0);
    assert_int_equal(tensors_of(&c, "norm1.bias", NULL), c.depth);
}

static void weight_decay_is_for_matrices_only(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_LAYERSCALE);
    struct vit_slot slots[128];
    size_t total;
    int count;

    (void)state;
    c.norm.qk = c.norm.embed = true;
    count = vit_slots(NULL, &c, &total);
    assert_true(count <= 128);
    vit_slots(slots, &c, &total);
    for (int i = 0; i < count; i++) {
        const bool token = strstr(slots[i].name, "_token") || !strcmp(slots[i].name, "pos_embed");
        if (slots[i].decay != (slots[i].rank > 1 && !token))
            fail_msg("%s: decay %d", slots[i].name, slots[i].decay);
    }
}

/* A gate and its values lie in one, too, and are drawn as one matrix. */
static void slots_say_what_their_names_do(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_SANDWICH);
    struct vit_slot slots[128];
    size_t total;
    int count;

    (void)state;
    c.dist = c.glu = true;
    c.registers = 2;
    c.pre_logits = 8;
    count = vit_slots(NULL, &c, &total);
    assert_true(count <= 128);
    vit_slots(slots, &c, &total);
    for (int i = 0; i < count; i++) {
        const char *name = slots[i].name;
        if (slots[i].head != !strncmp(name, "head", 4)) fail_msg("%s: head %d", name, slots[i].head);
        if (slots[i].parts != (strstr(name, "qkv") ? 3 : 1)) fail_msg("%s: parts %d", name, slots[i].parts);
        if ((slots[i].start == VIT_START_TOKEN) != (strstr(name, "_token") != NULL))
            fail_msg("%s: start %d", name, slots[i].start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_reads_back_as_itself),
        cmocka_unit_test(a_mix_carries_its_fraction),
        cmocka_unit_test(a_mix_has_a_point_where_the_program_has_a_comma),
        cmocka_unit_test(any_fraction_of_a_mix_survives_as_text),
        cmocka_unit_test(an_error_lists_every_name),
        cmocka_unit_test(every_block_is_two_residual_branches),
        cmocka_unit_test(attention_comes_once_and_before_the_mlp),
        cmocka_unit_test(each_row_is_its_definition),
        cmocka_unit_test(a_mix_is_post_first_and_pre_after),
        cmocka_unit_test(a_final_norm_goes_with_an_unnormed_stream),
        cmocka_unit_test(deepnorm_scales_by_the_fourth_root_of_twice_the_depth),
        cmocka_unit_test(each_placement_has_the_tensors_its_steps_use),
        cmocka_unit_test(the_kind_of_norm_decides_its_tensors),
        cmocka_unit_test(weight_decay_is_for_matrices_only),
        cmocka_unit_test(slots_say_what_their_names_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
