/* Finite differences through whole small networks, along two directions of each tensor: every placement with
 * every norm kind, every pooling, stem, activation and switch, and all that training leaves out by chance.
 * Element by element: test_slopes.c. */
#include "tests/vit/tiny.h"
#include "vit/config.h"
#include "vit/trainer.h"

enum { N = 3, CLASSES = 3 };

static struct vit_config base(void)
{
    struct vit_config c = tiny_config(VIT_NORM_PRE);

    c.classes = CLASSES;
    c.norm.eps = 1e-5f;
    return c;
}

struct net {
    struct vit_model *model;
    struct vit_session *session;
    struct vit_gradients *grads;
    float *planes;
    int labels[N];
};

/* What training leaves out by chance, here always the same; all zero: nothing. */
struct left_out {
    const int *kept; /* (N, patches): the patches that the blocks see */
    int patches;
    bool branches;   /* each picture without some of its branches, and with more of others */
    float attention; /* rate of dropout of its probabilities */
};

/* Of the branches of block, a factor for each picture: another order in each branch. */
static void lend_factors(struct vit_block_trace *trace, int block)
{
    static float factors[5] = { 0, 1.25f, 2, 0, 1.25f };

    for (int half = 0; half < 2; half++) trace->drop[half] = factors + (2 * block + half) % 3;
}

static void net_open(struct net *n, const struct vit_config *c, const struct left_out *out)
{
    const struct vit_init init = { .seed = 5, .out_gain = 0.7f, .scale = 0.5f, .position = 0.5f };
    const int patches = out->kept ? out->patches : vit_config_patches(c);
    struct vit_error err;
    size_t floats;

    assert_ok(vit_model_create(&n->model, c, NULL, NULL, &init,
                               &(struct vit_model_options){ .kernels = "ref" }, &err),
              &err);
    assert_ok(vit_session_create_partial(
                  &n->session, n->model,
                  &(struct vit_session_options){ .batch = N, .threads = 1, .training = true }, patches, &err),
              &err);
    n->session->kept = out->kept;
    n->session->attn_drop = (struct kern_drop){ .rate = out->attention, .key = 19 };
    for (int b = 0; out->branches && b < c->depth; b++) lend_factors(&n->session->trace[b], b);
    assert_ok(vit_gradients_create(&n->grads, n->model, &err), &err);
    floats = N * vit_model_input_floats(n->model);
    n->planes = malloc(floats * sizeof *n->planes);
    for (size_t i = 0; i < floats; i++) n->planes[i] = (float)vit_random_normal(11, i);
    for (int i = 0; i < N; i++) n->labels[i] = i % CLASSES;
    /* Biases, gains and scales away from their special initial values, ReZero's zero above all. */
    for (int i = 0; i < n->model->slot_count; i++) {
        float *w = *vit_slot_pointer(&n->model->params, &n->model->slots[i]);
        for (size_t j = 0; j < n->model->slots[i].count; j++)
            w[j] += 0.2f * (float)vit_random_normal(vit_key(13, (uint64_t)i), j);
    }
    vit_model_pack(n->model, NULL);
}

static void net_close(struct net *n)
{
    free(n->planes);
    vit_gradients_close(n->grads);
    vit_session_close(n->session);
    vit_model_close(n->model);
}

static double loss_at(struct net *n)
{
    const struct vit_targets t = { .label = n->labels };

    vit_model_pack(n->model, NULL);
    return vit_cross_entropy(NULL, vit_forward(n->session, n->planes, N), &t, N, CLASSES, N);
}

/* Derivative of the loss along unit direction u of a tensor, by central differences of step h. */
static double slope(struct net *n, float *w, const double *u, size_t count, double h)
{
    float *saved = malloc(count * sizeof *saved);
    double up, down;

    memcpy(saved, w, count * sizeof *w);
    for (size_t i = 0; i < count; i++) w[i] = (float)(saved[i] + h * u[i]);
    up = loss_at(n);
    for (size_t i = 0; i < count; i++) w[i] = (float)(saved[i] - h * u[i]);
    down = loss_at(n);
    memcpy(w, saved, count * sizeof *w);
    free(saved);
    return (up - down) / (2 * h);
}

static void normalise(double *u, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) sum += u[i] * u[i];
    for (size_t i = 0; i < count; i++) u[i] /= sqrt(sum);
}

/* One tensor, along its gradient and along a random direction. The loss is a double over f32 logits of
 * order one: its rounding, some 5e-7, over 2 h is 1e-4; the third derivative's h^2 / 6 stays below 2 % of
 * the gradient for networks of this size. */
static void check_tensor(struct net *n, const char *what, int i)
{
    const struct vit_slot *s = &n->model->slots[i];
    const float *g = vit_gradients_get(n->grads, i);
    float *w = *vit_slot_pointer(&n->model->params, s);
    double *u = malloc(s->count * sizeof *u), norm = 0;

    for (size_t j = 0; j < s->count; j++) norm += (double)g[j] * (double)g[j];
    norm = sqrt(norm);
    for (int direction = 0; direction < 2; direction++) {
        double expected = 0, found;
        for (size_t j = 0; j < s->count; j++)
            u[j] = direction || norm == 0 ? vit_random_normal(17, j) : (double)g[j];
        normalise(u, s->count);
        for (size_t j = 0; j < s->count; j++) expected += (double)g[j] * u[j];
        found = slope(n, w, u, s->count, 2.5e-3);
        if (!(fabs(found - expected) <= 0.02 * norm + 1e-4))
            fail_msg("%s: %s: differences give %.6g, backward %.6g (gradient %.3g)", what, s->name, found,
                     expected, norm);
    }
    free(u);
}

static void check_without(const struct vit_config *c, const struct left_out *out, const char *what)
{
    struct net n;

    net_open(&n, c, out);
    vit_forward(n.session, n.planes, N);
    vit_backward(n.session, n.labels, N, n.grads);
    for (int i = 0; i < n.model->slot_count; i++) check_tensor(&n, what, i);
    net_close(&n);
}

static void check(const struct vit_config *c, const char *what)
{
    check_without(c, &(struct left_out){ 0 }, what);
}

static void check_kept(const struct vit_config *c, const int *kept, int patches, const char *what)
{
    check_without(c, &(struct left_out){ .kept = kept, .patches = patches }, what);
}

static void every_placement_and_norm_kind(void **state)
{
    char what[64];

    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        for (int kind = 0; kind < KERN_NORM_KINDS; kind++) {
            struct vit_config c = base();
            c.norm.placement = (enum vit_placement)p;
            c.norm.mix = 0.5f;
            c.norm.kind = (enum kern_norm_kind)kind;
            c.norm.final = vit_placement_final(c.norm.placement);
            snprintf(what, sizeof what, "%s, %s", vit_placement_name(c.norm.placement),
                     kern_norm_kind_name(c.norm.kind));
            check(&c, what);
        }
    }
}

static void every_pooling(void **state)
{
    (void)state;
    for (int pool = 0; pool < VIT_POOLS; pool++) {
        for (int pooled = 0; pooled < 2; pooled++) {
            struct vit_config c = base();
            c.pool = (enum vit_pool)pool;
            c.cls = pool == VIT_POOL_CLS || pool == VIT_POOL_CLS_MEAN;
            c.registers = pool == VIT_POOL_MEAN ? 2 : 0;
            c.norm.pooled = pooled && pool != VIT_POOL_CLS_MEAN;
            c.norm.final = !c.norm.pooled;
            check(&c, pooled ? "pooling, fc_norm" : "pooling");
            c.pre_logits = 12;
            check(&c, pooled ? "pooling, fc_norm, pre_logits" : "pooling, pre_logits");
        }
    }
}

static void every_activation(void **state)
{
    struct vit_config c = base();

    (void)state;
    for (int act = KERN_ACT_GELU; act < KERN_ACTS; act++) {
        c.act = (enum kern_act)act;
        /* a kink within the step breaks the difference, not the derivative */
        if (act != KERN_ACT_RELU) check(&c, kern_act_name(c.act));
    }
    c.act = KERN_ACT_SILU;
    c.glu = true;
    check(&c, "swiglu");
}

static struct patch_conv layer(int out, enum kern_act act, int stride, int pool)
{
    struct patch_conv l = {
        .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = stride == 2, .act = act
    };

    if (pool) l.pool.kernel = 3, l.pool.stride = 2, l.pool.padding = 1;
    return l;
}

static void every_stem(void **state)
{
    struct vit_config c = base();

    (void)state;
    c.stem = (struct patch_stem){ .layers = 2,
                                  .conv = { layer(8, KERN_ACT_GELU, 1, 0), layer(16, KERN_ACT_GELU, 2, 0) } };
    check(&c, "two convolutions");
    c.stem = (struct patch_stem){ .layers = 1, .conv = { layer(16, KERN_ACT_GELU, 1, 1) } };
    c.cls = false;
    c.pool = VIT_POOL_SEQ;
    check(&c, "convolution and pooling");
    c.stem = (struct patch_stem){ .layers = 1, .conv = { layer(8, KERN_ACT_GELU, 2, 0) }, .project = true };
    check(&c, "convolution and projection");
    c = base();
    c.patch_bias = false;
    c.image = 10; /* two pixels over */
    check(&c, "patch embedding without bias");
}

static void every_switch(void **state)
{
    struct vit_config c = base();

    (void)state;
    c.norm.qk = true;
    c.norm.embed = true;
    c.pre_logits = 12;
    c.registers = 2;
    check(&c, "qk, embed, pre_logits, registers");
    c = base();
    c.dist = true;
    c.qkv_bias = c.bias = false;
    check(&c, "distillation token, no biases");
    c.pre_logits = 12;
    check(&c, "distillation token, pre_logits");
    c = base();
    c.position = VIT_POS_SINCOS2D;
    check(&c, "sincos2d");
    c = base();
    c.position_prefix = false;
    check(&c, "positions of patches only");
}

/* Each picture with patches of its own left out: the stem of those learns from other pictures alone. */
static void every_way_to_do_without_patches(void **state)
{
    static const int TWO[N][2] = { { 0, 3 }, { 1, 2 }, { 0, 1 } }, ONE[N] = { 3, 3, 0 };
    static const int FIVE[N][5] = { { 0, 1, 7, 8, 15 }, { 2, 3, 4, 9, 14 }, { 1, 5, 8, 10, 12 } };
    struct vit_config c = base();

    (void)state;
    check_kept(&c, TWO[0], 2, "two of four patches");
    check_kept(&c, ONE, 1, "one patch");
    c.position_prefix = false;
    c.registers = 2;
    check_kept(&c, TWO[0], 2, "positions of patches only");
    c = base();
    c.position = VIT_POS_SINCOS2D;
    check_kept(&c, TWO[0], 2, "sincos2d");
    c.norm.embed = true;
    c.dist = true;
    check_kept(&c, TWO[0], 2, "embed, distillation token");
    c = base();
    c.cls = false;
    c.pool = VIT_POOL_MEAN;
    check_kept(&c, TWO[0], 2, "mean of those");
    c.pool = VIT_POOL_SEQ;
    c.stem = (struct patch_stem){ .layers = 1, .conv = { layer(16, KERN_ACT_GELU, 1, 1) } };
    check_kept(&c, FIVE[0], 5, "five of sixteen, sequence pooling");
}

static void what_training_drops_has_no_part_in_gradients(void **state)
{
    char what[64];

    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        struct vit_config c = base();
        c.norm.placement = (enum vit_placement)p;
        c.norm.final = vit_placement_final(c.norm.placement);
        snprintf(what, sizeof what, "%s, branches", vit_placement_name(c.norm.placement));
        check_without(&c, &(struct left_out){ .branches = true }, what);
        snprintf(what, sizeof what, "%s, attention", vit_placement_name(c.norm.placement));
        check_without(&c, &(struct left_out){ .attention = 0.25f }, what);
        c.norm.qk = true;
        snprintf(what, sizeof what, "%s, both, qk", vit_placement_name(c.norm.placement));
        check_without(&c, &(struct left_out){ .branches = true, .attention = 0.25f }, what);
    }
}

/* The backward would give gradients of the folded convolutions, not of the tensors. */
static void a_stem_with_batch_norm_is_refused(void **state)
{
    const struct vit_hyper h = vit_hyper_default();
    struct vit_config c = base();
    struct vit_gradients *g;
    struct vit_trainer *t;
    struct vit_model *m;
    struct vit_error err;

    (void)state;
    c.stem = (struct patch_stem){ .layers = 2,
                                  .conv = { layer(8, KERN_ACT_GELU, 1, 0), layer(16, KERN_ACT_GELU, 2, 0) } };
    c.stem.conv[0].batch_norm = true;
    assert_ok(vit_model_create(&m, &c, NULL, NULL, &(struct vit_init){ .seed = 5 }, NULL, &err), &err);
    assert_refused(vit_gradients_create(&g, m, &err), VIT_ERR_UNSUPPORTED, "batch norm", &err);
    assert_null(g);
    assert_refused(vit_trainer_create(&t, m, &h, N, 1, &err), VIT_ERR_UNSUPPORTED, "batch norm", &err);
    assert_null(t);
    vit_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_placement_and_norm_kind),
        cmocka_unit_test(every_pooling),
        cmocka_unit_test(every_activation),
        cmocka_unit_test(every_stem),
        cmocka_unit_test(every_switch),
        cmocka_unit_test(every_way_to_do_without_patches),
        cmocka_unit_test(what_training_drops_has_no_part_in_gradients),
        cmocka_unit_test(a_stem_with_batch_norm_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
