/* The values a new model starts from: what is drawn and how wide, what is not, and what DeepNorm scales. */
#include "tests/vit/tiny.h"

/* Wide enough for a spread to be told from that of another matrix, sides that differ. */
static struct vit_config wide(enum vit_placement placement)
{
    struct vit_config c = tiny_config(placement);

    c.width = 64;
    c.hidden = 96;
    c.classes = 40;
    return c;
}

static struct vit_model *created(const struct vit_config *c, const struct vit_init *init)
{
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_create(&m, c, NULL, NULL, init, NULL, &err), &err);
    return m;
}

static const struct vit_slot *slot_of(const struct vit_model *m, const char *name)
{
    for (int i = 0; i < m->slot_count; i++)
        if (!strcmp(m->slots[i].name, name)) return &m->slots[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

/* ---- what is drawn ---- */

/* A normal number that lies within two deviations has this one: the variance of a cut normal distribution is
 * 1 - 2 z phi(z) / (2 Phi(z) - 1) at z = 2. */
static double cut_deviation(void)
{
    return sqrt(1 - 4 * exp(-2) / sqrt(2 * acos(-1)) / erf(sqrt(2)));
}

/* n independent numbers of mean 0 and that deviation, none beyond bound: mean and deviation within five of
 * their own standard errors, s / sqrt(n) and at most (for a normal distribution) s / sqrt(2 n). */
static void assert_drawn(const char *name, const float *w, size_t n, double deviation, double bound)
{
    double mean = 0, square = 0, found;

    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)w[i]) <= bound * (1 + 1e-6)))
            fail_msg("%s[%zu]: %g, expected at most %g", name, i, (double)w[i], bound);
        mean += (double)w[i] / (double)n;
        square += (double)w[i] * (double)w[i] / (double)n;
    }
    found = sqrt(square - mean * mean);
    if (!(fabs(mean) <= 5 * deviation / sqrt((double)n))) fail_msg("%s: mean %g, expected 0", name, mean);
    if (!(fabs(found - deviation) <= 5 * deviation / sqrt(2 * (double)n)))
        fail_msg("%s: deviation %g, expected %g", name, found, deviation);
}

/* Glorot and Bengio 2010, eq. 16, for each matrix by itself, of which qkv is three; timm's 0.02, cut. */
static void matrices_have_the_spread_of_their_initialisation(void **state)
{
    static const struct {
        const char *name;
        int out, in, parts;
    } ROWS[] = {
        { "blocks.0.attn.qkv.weight", 64, 64, 3 },
        { "blocks.1.attn.proj.weight", 64, 64, 1 },
        { "blocks.2.mlp.fc1.weight", 96, 64, 1 },
        { "blocks.0.mlp.fc2.weight", 64, 96, 1 },
        { "head.weight", 40, 64, 1 },
    };
    const struct vit_config c = wide(VIT_NORM_PRE);

    (void)state;
    for (int kind = 0; kind < VIT_INITS; kind++) {
        struct vit_model *m = created(&c, &(struct vit_init){ .kind = (enum vit_init_kind)kind, .seed = 2 });
        for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
            const size_t count = (size_t)ROWS[i].out * (size_t)ROWS[i].in;
            const double glorot = sqrt(6.0 / (ROWS[i].in + ROWS[i].out));
            for (int part = 0; part < ROWS[i].parts; part++) {
                const float *w = tiny_values(m, ROWS[i].name) + (size_t)part * count;
                if (kind == VIT_INIT_XAVIER)
                    assert_drawn(ROWS[i].name, w, count, glorot / sqrt(3), glorot);
                else
                    assert_drawn(ROWS[i].name, w, count, 0.02 * cut_deviation(), 0.04);
            }
        }
        vit_model_close(m);
    }
}

/* He et al. 2015 before ReLU, LeCun et al. 1998 elsewhere, whatever the blocks' initialisation is. */
static void stems_tokens_and_positions_have_a_spread_of_their_own(void **state)
{
    for (int kind = 0; kind < VIT_INITS; kind++) {
        const struct vit_init init = { .kind = (enum vit_init_kind)kind, .seed = 2 };
        struct vit_init far = init;
        struct vit_config c = wide(VIT_NORM_PRE);
        struct vit_model *m = created(&c, &init);
        const double cut = cut_deviation(), patch = sqrt(1.0 / (3 * 4 * 4)), conv = sqrt(2.0 / (3 * 3 * 3));

        (void)state;
        assert_drawn("patch", tiny_values(m, "patch_embed.proj.weight"), 64 * 48, patch * cut, 2 * patch);
        assert_drawn("cls_token", tiny_values(m, "cls_token"), 64, 0.02 * cut, 0.04);
        assert_drawn("pos_embed", tiny_values(m, "pos_embed"), (1 + 4) * 64, 0.02 * cut, 0.04);
        vit_model_close(m);
        far.position = 0.5f;
        c.stem = (struct patch_stem){ .layers = 1, .project = true };
        c.stem.conv[0] = (struct patch_conv){ .out = 48, .kernel = 3, .stride = 1, .padding = 1 };
        m = created(&c, &far);
        assert_drawn("conv", tiny_values(m, "patch_embed.conv.0.weight"), 48 * 27, conv * cut, 2 * conv);
        assert_drawn("projection", tiny_values(m, "patch_embed.proj.weight"), 64 * 48, cut / sqrt(48),
                     2 / sqrt(48));
        assert_drawn("pos_embed", tiny_values(m, "pos_embed"), (1 + 64) * 64, 0.5 * cut, 1);
        vit_model_close(m);
    }
}

/* Each of q, k and v too; and no tensor repeats the draws of another. */
static void no_two_matrices_are_alike(void **state)
{
    const struct vit_config c = wide(VIT_NORM_PRE);
    struct vit_model *m = created(&c, &(struct vit_init){ .seed = 2 });
    float first[64];
    int count = 0;

    (void)state;
    for (int i = 0; i < m->slot_count; i++) {
        const struct vit_slot *s = &m->slots[i];
        const int parts = strstr(s->name, "qkv") ? 3 : 1;
        if (!s->decay) continue;
        for (int part = 0; part < parts; part++) {
            first[count] = (*vit_slot_pointer(&m->params, s))[s->count / (size_t)parts * (size_t)part];
            for (int j = 0; j < count; j++)
                if (first[j] == first[count]) fail_msg("%s starts as another matrix", s->name);
            count++;
        }
    }
    assert_int_equal(count, TINY_DEPTH * 6 + 2); /* and the patches and the head */
    vit_model_close(m);
}

/* Wang et al. 2022, table 1, encoder only: beta = (8 N)^(-1/4), exactly 1/2 for two blocks, on value, output
 * projection and MLP, whichever initialisation drew them. */
static void deepnorm_halves_the_value_path_of_two_blocks(void **state)
{
    static const char *const SCALED[] = { "attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight",
                                          "mlp.fc2.weight" };

    (void)state;
    for (int kind = 0; kind < VIT_INITS; kind++) {
        const struct vit_init init = { .kind = (enum vit_init_kind)kind, .seed = 2 };
        struct vit_config c = wide(VIT_NORM_POST), deep = wide(VIT_NORM_DEEPNORM);
        struct vit_model *plain, *m;

        c.depth = deep.depth = 2;
        plain = created(&c, &init);
        m = created(&deep, &init);
        assert_int_equal(m->slot_count, plain->slot_count);
        for (int i = 0; i < m->slot_count; i++) {
            const struct vit_slot *s = &m->slots[i];
            const float *w = *vit_slot_pointer(&m->params, s),
                        *was = *vit_slot_pointer(&plain->params, &plain->slots[i]);
            size_t from = s->count;
            for (size_t j = 0; s->block >= 0 && j < VIT_COUNT(SCALED); j++)
                if (strstr(s->name, SCALED[j])) from = j ? 0 : s->count / 3 * 2; /* of q, k, v the last */
            for (size_t j = 0; j < s->count; j++)
                if (w[j] != (j < from ? 1 : 0.5f) * was[j])
                    fail_msg("%s[%zu]: %.9g, was %.9g", s->name, j, (double)w[j], (double)was[j]);
        }
        vit_model_close(plain);
        vit_model_close(m);
    }
}

/* ---- what is not ---- */

/* Liu et al. 2022 and Ding et al. 2021 start the norms on a
 * branch's output small, here from out_gain; LayerScale by depth: Touvron et al. 2021; DyT: Zhu et al. 2025;
 * ReZero: Bachlechner et al. 2020. */
static void what_is_not_drawn_has_one_value(void **state)
{
    static const struct {
        enum vit_placement placement;
        int depth;
        float scale;
        const char *name;
        float value;
    } ROWS[] = {
        { VIT_NORM_PRE, 3, 0, "blocks.0.norm1.weight", 1 },
        { VIT_NORM_PRE, 3, 0, "blocks.0.norm1.bias", 0 },
        { VIT_NORM_PRE, 3, 0, "blocks.2.norm2.weight", 1 },
        { VIT_NORM_PRE, 3, 0, "norm.weight", 1 },
        { VIT_NORM_PRE, 3, 0, "blocks.0.attn.qkv.bias", 0 },
        { VIT_NORM_PRE, 3, 0, "blocks.1.mlp.fc1.bias", 0 },
        { VIT_NORM_PRE, 3, 0, "patch_embed.proj.bias", 0 },
        { VIT_NORM_PRE, 3, 0, "head.bias", 0 },
        { VIT_NORM_POST, 3, 0, "blocks.0.norm1.weight", 1 },
        { VIT_NORM_SANDWICH, 3, 0, "blocks.0.norm1.weight", 1 },
        { VIT_NORM_SANDWICH, 3, 0, "blocks.0.norm1_out.weight", 0.25f },
        { VIT_NORM_SANDWICH, 3, 0, "blocks.2.norm2_out.weight", 0.25f },
        { VIT_NORM_RES_POST, 3, 0, "blocks.0.norm1.weight", 0.25f },
        { VIT_NORM_RES_POST, 3, 0, "blocks.2.norm2.weight", 0.25f },
        { VIT_NORM_RES_POST, 3, 0, "blocks.0.attn.q_norm.weight", 1 },
        { VIT_NORM_RES_POST, 3, 0, "norm.weight", 1 },
        { VIT_NORM_LAYERSCALE, 18, 0, "blocks.0.ls1.gamma", 0.1f },
        { VIT_NORM_LAYERSCALE, 19, 0, "blocks.0.ls2.gamma", 1e-5f },
        { VIT_NORM_LAYERSCALE, 24, 0, "blocks.0.ls1.gamma", 1e-5f },
        { VIT_NORM_LAYERSCALE, 25, 0, "blocks.0.ls1.gamma", 1e-6f },
        { VIT_NORM_LAYERSCALE, 25, 0.3f, "blocks.24.ls2.gamma", 0.3f },
        { VIT_NORM_REZERO, 3, 0.3f, "blocks.0.ls1.gamma", 0 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_init init = { .seed = 2, .out_gain = 0.25f, .scale = ROWS[i].scale };
        struct vit_config c = tiny_config(ROWS[i].placement);
        struct vit_model *m;

        c.depth = ROWS[i].depth;
        c.norm.qk = true;
        m = created(&c, &init);
        for (size_t j = 0; j < slot_of(m, ROWS[i].name)->count; j++)
            if (tiny_values(m, ROWS[i].name)[j] != ROWS[i].value)
                fail_msg("%s of %s, %d blocks: %g, expected %g", ROWS[i].name,
                         vit_placement_name(ROWS[i].placement), c.depth,
                         (double)tiny_values(m, ROWS[i].name)[j], (double)ROWS[i].value);
        vit_model_close(m);
    }
}

static void kinds_of_norm_start_as_they_are_defined(void **state)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m;

    (void)state;
    c.norm.kind = KERN_DYT;
    m = created(&c, NULL);
    assert_true(*tiny_values(m, "blocks.0.norm1.alpha") == 0.5f && *tiny_values(m, "norm.alpha") == 0.5f);
    vit_model_close(m);
    c.stem = (struct patch_stem){ .layers = 1 };
    c.stem.conv[0] =
        (struct patch_conv){ .out = 16, .kernel = 3, .stride = 1, .padding = 1, .batch_norm = true };
    m = created(&c, NULL);
    for (int i = 0; i < 16; i++) {
        assert_true(tiny_values(m, "patch_embed.bn.0.weight")[i] == 1);
        assert_true(tiny_values(m, "patch_embed.bn.0.bias")[i] == 0);
        assert_true(tiny_values(m, "patch_embed.bn.0.running_mean")[i] == 0);
        assert_true(tiny_values(m, "patch_embed.bn.0.running_var")[i] == 1);
    }
    vit_model_close(m);
}

/* The JAX ViT's; the layer before the head is drawn all the same. */
static void a_head_of_zeros_is_only_the_head(void **state)
{
    struct vit_config c = wide(VIT_NORM_PRE);
    struct vit_model *m;

    (void)state;
    c.pre_logits = 24;
    m = created(&c, &(struct vit_init){ .seed = 2, .zero_head = true });
    for (size_t i = 0; i < slot_of(m, "head.weight")->count; i++)
        assert_true(tiny_values(m, "head.weight")[i] == 0);
    assert_drawn("pre_logits", tiny_values(m, "pre_logits.weight"), 24 * 64, sqrt(2.0 / (24 + 64)),
                 sqrt(6.0 / (24 + 64)));
    vit_model_close(m);
}

/* ---- what cannot be made ---- */

static void a_recipe_that_cannot_prepare_its_pictures_is_refused(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct patch_recipe wrong = patch_recipe_default(TINY_SIDE), other = patch_recipe_default(TINY_SIDE + 4);
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    wrong.std[1] = 0;
    assert_refused(vit_model_create(&m, &c, &wrong, NULL, NULL, NULL, &err), VIT_ERR_ARG, "std", &err);
    assert_null(m);
    assert_refused(vit_model_create(&m, &c, &other, NULL, NULL, NULL, &err), VIT_ERR_ARG,
                   "pictures of 12 pixels are prepared for a network of 8", &err);
    assert_null(m);
}

/* In a file they would be the file's fault; here they are the caller's. */
static void a_network_that_cannot_be_made_is_the_callers_choice(void **state)
{
    static const char *const SAYS[] = { "new model: \"depth\" must be between 1 and 1024, found 0",
                                        "new model: width 16 is not a multiple of 7 heads",
                                        "new model: norm \"eps\" must be above 0 and below 1, found 0",
                                        "new model: stem: " };
    struct vit_config c[VIT_COUNT(SAYS)];
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(SAYS); i++) c[i] = tiny_config(VIT_NORM_PRE);
    c[0].depth = 0;
    c[1].heads = 7;
    c[2].norm.eps = 0;
    c[3].stem.patch = -1;
    for (size_t i = 0; i < VIT_COUNT(SAYS); i++) {
        assert_refused(vit_model_create(&m, &c[i], NULL, NULL, NULL, NULL, &err), VIT_ERR_ARG, SAYS[i], &err);
        assert_null(m);
    }
}

/* Whether the placement has a use for them or not. */
static void initial_values_out_of_range_are_refused(void **state)
{
    static const struct {
        struct vit_init init;
        const char *says;
    } ROWS[] = {
        { { .out_gain = NAN }, "new model: the initial gain of output norms must be finite, found nan" },
        { { .out_gain = -INFINITY }, "gain of output norms must be finite, found -inf" },
        { { .scale = NAN }, "new model: the initial LayerScale must be finite and at least 0, found nan" },
        { { .scale = INFINITY }, "LayerScale must be finite and at least 0, found inf" },
        { { .scale = -0.1f }, "LayerScale must be finite and at least 0, found -0.1" },
        { { .position = NAN },
          "the initial deviation of positions must be finite and at least 0, found nan" },
        { { .position = INFINITY }, "deviation of positions must be finite and at least 0, found inf" },
        { { .position = -1 }, "deviation of positions must be finite and at least 0, found -1" },
    };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        assert_refused(vit_model_create(&m, &c, NULL, NULL, &ROWS[i].init, NULL, &err), VIT_ERR_ARG,
                       ROWS[i].says, &err);
        assert_null(m);
    }
}

/* They could not be saved. */
static void labels_that_are_not_utf_8_are_refused(void **state)
{
    static const char *const LABELS[TINY_CLASSES] = { "cat", "dog", "caf\xe9", "cow" };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    assert_refused(vit_model_create(&m, &c, NULL, LABELS, NULL, NULL, &err), VIT_ERR_ARG,
                   "new model: label 2 must be UTF-8, found \"caf?\"", &err);
    assert_null(m);
}

static void classes_are_named_again_or_keep_their_names(void **state)
{
    static const char *const LABELS[TINY_CLASSES] = { "cat", "dog", "hen", "cow" },
                             *const WRONG[TINY_CLASSES] = { "a", "b", "c", "caf\xe9" };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    assert_ok(vit_model_create(&m, &c, NULL, NULL, NULL, NULL, &err), &err);
    assert_false(vit_model_has_labels(m));
    assert_refused(vit_model_set_labels(m, WRONG, &err), VIT_ERR_ARG, "label 3 must be UTF-8, found \"caf?\"",
                   &err);
    assert_false(vit_model_has_labels(m));
    assert_string_equal(vit_model_labels(m)[0], "class_0");
    assert_ok(vit_model_set_labels(m, LABELS, &err), &err);
    assert_true(vit_model_has_labels(m));
    for (int i = 0; i < TINY_CLASSES; i++) assert_string_equal(vit_model_labels(m)[i], LABELS[i]);
    vit_model_close(m);
}

/* ---- a start that is not drawn ---- */

static const char *const HEAD[] = { "head.weight", "head.bias", "head_dist.weight", "head_dist.bias" };

/* A model with two heads, all of whose values differ from those of another seed. */
static struct vit_model *named(const char *const *labels, uint64_t seed)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    const struct vit_init init = { .seed = seed };
    struct vit_model *m;
    struct vit_error err;

    c.dist = true;
    assert_ok(vit_model_create(&m, &c, NULL, labels, &init, NULL, &err), &err);
    for (size_t i = 0; i < VIT_COUNT(HEAD); i += 2)
        for (int k = 0; k < TINY_CLASSES; k++)
            tiny_values(m, HEAD[i + 1])[k] = (float)(seed * 10 + i) + 0.1f * (float)k;
    return m;
}

/* How many heads of a have the row i where b has the row j. */
static int same_rows(struct vit_model *a, int i, struct vit_model *b, int j)
{
    int same = 0;

    for (size_t k = 0; k < VIT_COUNT(HEAD); k++) {
        const size_t size = slot_of(a, HEAD[k])->count / TINY_CLASSES;
        same += !memcmp(tiny_values(a, HEAD[k]) + (size_t)i * size,
                        tiny_values(b, HEAD[k]) + (size_t)j * size, size * sizeof(float));
    }
    return same;
}

/* Four classes each time: names say which rows of a head are for which, where there are any. */
static void a_head_is_kept_by_the_names_of_its_classes(void **state)
{
    static const char *const AS[] = { "ant", "bee", "cat", "dog" };
    static const char *const TURNED[] = { "bee", "cat", "ant", "dog" };
    static const char *const OTHERS[] = { "ant", "bee", "cat", "eel" };
    static const char *const TWICE[] = { "ant", "ant", "bee", "cat" };
    static const struct {
        const char *const *from, *const *to;
        int row[TINY_CLASSES]; /* of from's head; -1: it stays as it was drawn */
        const char *note;
    } ROWS[] = {
        { AS, AS, { 0, 1, 2, 3 }, NULL },
        { AS,
          TURNED,
          { 1, 2, 0, 3 },
          "its head is for the same classes in another order, and is kept by name" },
        { NULL,
          AS,
          { 0, 1, 2, 3 },
          "has no label names: its head is kept, its classes taken in the order of the new ones" },
        { AS, NULL, { 0, 1, 2, 3 }, NULL },
        { NULL, NULL, { 0, 1, 2, 3 }, NULL },
        { TWICE, TWICE, { 0, 1, 2, 3 }, NULL },
        { AS, OTHERS, { -1, -1, -1, -1 }, "its head is for other classes, a new one was drawn" },
        { AS, TWICE, { -1, -1, -1, -1 }, "its head is for other classes, a new one was drawn" },
        { TWICE, AS, { -1, -1, -1, -1 }, "its head is for other classes, a new one was drawn" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_model *from = named(ROWS[i].from, 1), *to = named(ROWS[i].to, 2);
        struct vit_model *before = named(ROWS[i].to, 2);
        struct vit_error err;
        const char *note;
        bool warning;

        assert_ok(vit_model_take(to, from, &err), &err);
        for (int k = 0; k < TINY_CLASSES; k++) {
            const int row = ROWS[i].row[k];
            assert_int_equal(same_rows(to, k, row < 0 ? before : from, row < 0 ? k : row), VIT_COUNT(HEAD));
        }
        note = vit_model_note(to, 0, &warning);
        assert_int_equal(note != NULL, ROWS[i].note != NULL);
        if (note) assert_string_equal(note + strlen("new model: "), ROWS[i].note);
        vit_model_close(before);
        vit_model_close(to);
        vit_model_close(from);
    }
}

static void a_head_that_begins_at_zero_is_said_to(void **state)
{
    const struct vit_init zero = { .zero_head = true };
    struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_model *from = created(&c, NULL), *to;
    struct vit_error err;
    bool warning;

    (void)state;
    c.classes++;
    to = created(&c, &zero);
    assert_ok(vit_model_take(to, from, &err), &err);
    assert_string_equal(vit_model_note(to, 0, &warning),
                        "new model: its head is for other classes, a new one begins at zero");
    vit_model_close(to);
    vit_model_close(from);
}

/* How often the notes of m have a warning with that text. */
static int warnings(const struct vit_model *m, const char *text)
{
    const char *note;
    int found = 0;
    bool warning;

    for (int i = 0; (note = vit_model_note(m, i, &warning)); i++) found += warning && strstr(note, text);
    return found;
}

/* A network with less in it: what the trained one has on top is counted and named; a head for other classes,
 * of which another note speaks, is not among it. */
static void what_a_network_does_not_take_is_said(void **state)
{
    static const struct {
        int depth;
        bool final, cls;
        int classes;
        const char *unused; /* NULL: nothing */
    } ROWS[] = {
        { TINY_DEPTH, true, true, TINY_CLASSES, NULL },
        { TINY_DEPTH, true, true, TINY_CLASSES + 1, NULL },
        { TINY_DEPTH - 1, true, true, TINY_CLASSES,
          "12 of its tensors are not used by the network to train: blocks.2" },
        { 1, true, true, TINY_CLASSES + 1,
          "24 of its tensors are not used by the network to train: blocks.1 to blocks.2" },
        { 1, false, true, TINY_CLASSES,
          "26 of its tensors are not used by the network to train: blocks.1 to blocks.2, \"norm.weight\" "
          "[16], \"norm.bias\" [16]" },
        { TINY_DEPTH, true, false, TINY_CLASSES,
          "1 of its tensors are not used by the network to train: \"cls_token\" [1, 1, 16]" },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny_config(VIT_NORM_PRE);
        struct vit_model *from, *to;
        struct vit_error err;
        char expected[200];

        c.position_prefix = false;
        c.pool = VIT_POOL_MEAN;
        from = created(&c, NULL);
        c.depth = ROWS[i].depth;
        c.norm.final = ROWS[i].final;
        c.cls = ROWS[i].cls;
        c.classes = ROWS[i].classes;
        to = created(&c, NULL);
        assert_ok(vit_model_take(to, from, &err), &err);
        snprintf(expected, sizeof expected, "new model: %s", ROWS[i].unused ? ROWS[i].unused : "");
        assert_int_equal(warnings(to, "not used"), ROWS[i].unused != NULL);
        if (ROWS[i].unused) assert_string_equal(vit_model_note(to, to->notes - 1, NULL), expected);
        assert_int_equal(warnings(to, "its head is for other classes"), ROWS[i].classes != TINY_CLASSES);
        vit_model_close(to);
        vit_model_close(from);
    }
}

/* Its matrices fit all the same. */
static void heads_that_are_cut_otherwise_are_said(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct vit_config other = c;
    struct vit_model *from = created(&c, NULL), *same = created(&c, NULL), *to;
    struct vit_error err;
    char expected[200];

    (void)state;
    other.heads = 2 * c.heads;
    to = created(&other, NULL);
    assert_ok(vit_model_take(same, from, &err), &err);
    assert_int_equal(warnings(same, "attention"), 0);
    assert_ok(vit_model_take(to, from, &err), &err);
    snprintf(expected, sizeof expected, "its attention has %d heads and gets %d: ", c.heads, other.heads);
    assert_int_equal(warnings(to, expected), 1);
    vit_model_close(to);
    vit_model_close(same);
    vit_model_close(from);
}

/* ---- wider MLPs ---- */

static const float *values_of(const struct vit_model *m, const char *name)
{
    return vit_model_parameter(m, (int)(slot_of(m, name) - m->slots)).values;
}

/* Of a part of fc1 (a gate has two) the first rows are those of from, and the others as drawn. */
static void assert_rows_kept(const struct vit_model *to, const struct vit_model *from,
                             const struct vit_model *drawn, const char *name, int part)
{
    const size_t length = slot_of(to, name)->rank == 2 ? (size_t)to->config.width : 1;
    const size_t is = (size_t)to->config.hidden * length, had = (size_t)from->config.hidden * length;
    const float *w = values_of(to, name) + (size_t)part * is;

    assert_memory_equal(w, values_of(from, name) + (size_t)part * had, had * sizeof *w);
    assert_memory_equal(w + had, values_of(drawn, name) + (size_t)part * is + had, (is - had) * sizeof *w);
}

static void assert_columns_zero(const struct vit_model *to, const struct vit_model *from, const char *name)
{
    const size_t is = (size_t)to->config.hidden, had = (size_t)from->config.hidden;

    for (size_t row = 0; row < (size_t)to->config.width; row++) {
        const float *w = values_of(to, name) + row * is;
        assert_memory_equal(w, values_of(from, name) + row * had, had * sizeof *w);
        for (size_t j = had; j < is; j++) assert_true(w[j] == 0);
    }
}

/* logits (TINY_CLASSES) for one picture of noise. */
static void answer(const struct vit_model *m, float *logits)
{
    const struct vit_session_options o = { .batch = 1, .threads = 1 };
    const size_t count = 3 * (size_t)m->config.image * (size_t)m->config.image;
    float *pixels = calloc(count, sizeof *pixels);
    const float *found;
    struct vit_session *s;
    struct vit_error err;

    assert_non_null(pixels);
    for (size_t i = 0; i < count; i++) pixels[i] = (float)vit_random_normal(7, i);
    assert_ok(vit_session_create(&s, m, &o, &err), &err);
    found = vit_forward(s, pixels, 1);
    memcpy(logits, found, TINY_CLASSES * sizeof *logits);
    vit_session_close(s);
    free(pixels);
}

/* 5e-6 of the largest logit: the same sums of at most 48 numbers of which some are zero, in another order. */
static void wider_mlps_answer_as_before(void **state)
{
    static const struct {
        enum vit_placement placement;
        bool glu;
        int more;
    } ROWS[] = { { VIT_NORM_PRE, false, 16 },
                 { VIT_NORM_POST, false, 16 },
                 { VIT_NORM_DEEPNORM, false, 7 },
                 { VIT_NORM_PRE, true, 16 },
                 { VIT_NORM_POST, true, 5 } };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct vit_init other = { .seed = 2 };
        struct vit_config c = tiny_config(ROWS[i].placement);
        float expected[TINY_CLASSES], found[TINY_CLASSES], largest = 0;
        struct vit_model *from, *to, *drawn;
        struct vit_error err;

        c.glu = ROWS[i].glu;
        c.act = c.glu ? KERN_ACT_SILU : c.act;
        from = tiny_model(&c, NULL);
        c.hidden += ROWS[i].more;
        to = created(&c, &other);
        drawn = created(&c, &other);
        assert_ok(vit_model_take(to, from, &err), &err);
        for (int part = 0; part < (c.glu ? 2 : 1); part++) {
            assert_rows_kept(to, from, drawn, "blocks.1.mlp.fc1.weight", part);
            assert_rows_kept(to, from, drawn, "blocks.1.mlp.fc1.bias", part);
        }
        assert_columns_zero(to, from, "blocks.1.mlp.fc2.weight");
        answer(from, expected);
        answer(to, found);
        for (int k = 0; k < TINY_CLASSES; k++) largest = fmaxf(largest, fabsf(expected[k]));
        for (int k = 0; k < TINY_CLASSES; k++) assert_true(fabsf(found[k] - expected[k]) <= 5e-6f * largest);
        assert_true(largest > 0);
        vit_model_close(from);
        vit_model_close(to);
        vit_model_close(drawn);
    }
}

/* fc1 of one has the shape of the other's, or a wider one than that. */
static void mlps_are_not_taken_with_a_gate_for_those_without(void **state)
{
    static const struct {
        bool glu;
        int hidden, lent;
        const char *words;
    } ROWS[] = {
        { false, 16, 8, ": expected MLPs without a gate, as the network to train has them, found gated" },
        { false, 24, 8, ": expected MLPs without a gate" },
        { true, 8, 8, ": expected gated MLPs, as the network to train has them, found MLPs without" },
        { true, 16, 16, ": expected gated MLPs" }
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c[2] = { tiny_config(VIT_NORM_PRE), tiny_config(VIT_NORM_PRE) };
        const struct vit_init other = { .seed = 2 };
        float before[TINY_CLASSES], after[TINY_CLASSES];
        struct vit_model *from, *to;
        struct vit_error err;

        c[0].glu = ROWS[i].glu, c[1].glu = !ROWS[i].glu;
        c[ROWS[i].glu ? 0 : 1].act = KERN_ACT_SILU;
        c[0].hidden = ROWS[i].hidden, c[1].hidden = ROWS[i].lent;
        to = created(&c[0], &other);
        from = tiny_model(&c[1], NULL);
        answer(to, before);
        assert_refused(vit_model_take(to, from, &err), VIT_ERR_ARG, ROWS[i].words, &err);
        answer(to, after);
        assert_memory_equal(after, before, sizeof after);
        vit_model_close(to);
        vit_model_close(from);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_have_the_spread_of_their_initialisation),
        cmocka_unit_test(stems_tokens_and_positions_have_a_spread_of_their_own),
        cmocka_unit_test(no_two_matrices_are_alike),
        cmocka_unit_test(deepnorm_halves_the_value_path_of_two_blocks),
        cmocka_unit_test(what_is_not_drawn_has_one_value),
        cmocka_unit_test(kinds_of_norm_start_as_they_are_defined),
        cmocka_unit_test(a_head_of_zeros_is_only_the_head),
        cmocka_unit_test(a_recipe_that_cannot_prepare_its_pictures_is_refused),
        cmocka_unit_test(a_network_that_cannot_be_made_is_the_callers_choice),
        cmocka_unit_test(initial_values_out_of_range_are_refused),
        cmocka_unit_test(labels_that_are_not_utf_8_are_refused),
        cmocka_unit_test(classes_are_named_again_or_keep_their_names),
        cmocka_unit_test(a_head_is_kept_by_the_names_of_its_classes),
        cmocka_unit_test(a_head_that_begins_at_zero_is_said_to),
        cmocka_unit_test(what_a_network_does_not_take_is_said),
        cmocka_unit_test(heads_that_are_cut_otherwise_are_said),
        cmocka_unit_test(wider_mlps_answer_as_before),
        cmocka_unit_test(mlps_are_not_taken_with_a_gate_for_those_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
