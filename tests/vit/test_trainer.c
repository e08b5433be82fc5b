/* Training: steps against PyTorch's AdamW, resuming, threads, micro-batches, overfitting. */
#include <limits.h>

#include "tests/support/golden.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "vit/hyper.h"
#include "vit/trainer.h"

static struct vit_config tiny(enum vit_placement placement)
{
    return (struct vit_config){
        .image = 8,
        .channels = 3,
        .stem = { .patch = 4 },
        .width = 32,
        .depth = 2,
        .heads = 4,
        .hidden = 48,
        .classes = 4,
        .cls = true,
        .position_prefix = true,
        .norm = { .placement = placement, .eps = 1e-6f, .final = vit_placement_final(placement) },
        .act = KERN_ACT_GELU,
        .qkv_bias = true,
        .bias = true,
        .patch_bias = true
    };
}

enum { PICTURES = 16, CLASSES = 4, FLOATS = 3 * 8 * 8 };

/* Fixed noise pictures with fixed labels. */
static void make_batch(float *planes, int *labels)
{
    srand(7);
    for (int i = 0; i < PICTURES * FLOATS; i++) planes[i] = (float)rand() / (float)RAND_MAX * 2 - 1;
    for (int i = 0; i < PICTURES; i++) labels[i] = rand() % CLASSES;
}

struct run {
    struct vit_model *model;
    struct vit_trainer *trainer;
    float planes[PICTURES * FLOATS];
    int labels[PICTURES];
};

static struct vit_hyper recipe(void)
{
    struct vit_hyper h = vit_hyper_default();

    h.lr = 2e-3f;
    h.steps = 200;
    h.warmup = 5;
    h.seed = 3;
    return h;
}

static void start_in(struct run *r, enum kern_dtype dtype, const struct vit_config *c,
                     const struct vit_hyper *h, int threads)
{
    const struct vit_init init = { .seed = 1, .out_gain = 0.1f };
    const struct vit_model_options options = { .dtype = dtype };
    struct vit_error err;

    make_batch(r->planes, r->labels);
    assert_ok(vit_model_create(&r->model, c, NULL, NULL, &init, &options, &err), &err);
    assert_ok(vit_trainer_create(&r->trainer, r->model, h, PICTURES, threads, &err), &err);
}

static void start(struct run *r, const struct vit_config *c, const struct vit_hyper *h, int threads)
{
    start_in(r, KERN_F32, c, h, threads);
}

static struct vit_report step(struct run *r)
{
    return vit_trainer_step(r->trainer,
                            &(struct vit_batch){ .planes = r->planes, .labels = r->labels, .n = PICTURES });
}

static void stop(struct run *r)
{
    vit_trainer_close(r->trainer);
    vit_model_close(r->model);
}

static void assert_same_weights(const struct vit_model *a, const struct vit_model *b, double bound)
{
    for (int i = 0; i < vit_model_parameter_count(a); i++) {
        const struct vit_parameter p = vit_model_parameter(a, i), q = vit_model_parameter(b, i);
        if (bound == 0 && memcmp(p.values, q.values, p.count * sizeof *p.values))
            fail_msg("%s: not the same bits", p.name);
        assert_close(p.name, p.values, q.values, p.count, bound);
    }
}

/* *state of these: the format of the products. */
static void every_placement_overfits(void **state)
{
    const enum kern_dtype *dtype = *state;

    for (int placement = 0; placement < VIT_PLACEMENTS; placement++) {
        struct vit_config c = tiny((enum vit_placement)placement);
        struct vit_hyper h = recipe();
        struct vit_report last = { 0 };
        struct run r;

        c.norm.mix = 0.5f;
        start_in(&r, *dtype, &c, &h, 1);
        for (int i = 0; i < h.steps; i++) last = step(&r);
        if (last.correct != PICTURES)
            fail_msg("%s: %d of %d after %d steps, loss %g", vit_placement_name(c.norm.placement),
                     last.correct, PICTURES, h.steps, last.loss);
        stop(&r);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    const enum kern_dtype *dtype = *state;
    const struct vit_config c = tiny(VIT_NORM_POST);
    struct vit_hyper h = recipe();
    struct run one, three;

    h.drop_path = 0.2f;
    h.attn_drop = 0.1f;
    h.patch_drop = 0.4f;
    start_in(&one, *dtype, &c, &h, 1);
    start_in(&three, *dtype, &c, &h, 3);
    for (int i = 0; i < 10; i++) {
        step(&one);
        step(&three);
    }
    assert_same_weights(one.model, three.model, 0);
    stop(&one);
    stop(&three);
}

static void a_resumed_run_continues_with_the_same_bits(void **state)
{
    const enum kern_dtype *dtype = *state;
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct run whole, first, second;
    struct vit_error err;
    char dir[256], path[300], *note;

    h.ema = 0.9f;
    h.drop_path = 0.1f;
    h.patch_drop = 0.5f;
    h.optimizer = VIT_MUON;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/state.safetensors", dir);
    start_in(&whole, *dtype, &c, &h, 1);
    start_in(&first, *dtype, &c, &h, 1);
    for (int i = 0; i < 12; i++) step(&whole);
    for (int i = 0; i < 7; i++) step(&first);
    assert_ok(vit_trainer_save(first.trainer, path, "seven", &err), &err);
    stop(&first);
    start_in(&second, *dtype, &c, &h, 1);
    assert_ok(vit_trainer_resume(second.trainer, path, &note, &err), &err);
    assert_string_equal(note, "seven");
    assert_int_equal(vit_trainer_steps(second.trainer), 7);
    for (int i = 0; i < 5; i++) step(&second);
    assert_same_weights(whole.model, second.model, 0);
    vit_trainer_average(whole.trainer, true);
    vit_trainer_average(second.trainer, true);
    assert_same_weights(whole.model, second.model, 0);
    free(note);
    stop(&whole);
    stop(&second);
    tmp_remove(dir);
}

/* a = d a + (1 - d) w after every step, from a = w before the first; d = min(ema, (1 + step) / (10 + step)).
 * The trainer computes in f32: a step rounds both terms and their sum, by 2^-24 of at most 2 |w| in all, and
 * what is left of a step's error falls as d^k: for |w| < 2 no more than 2^-24 2 2 / (1 - 0.9) = 2.4e-6. */
static void the_average_is_its_recurrence(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    double *expected[64];
    struct run r;

    (void)state;
    h.ema = 0.9f;
    start(&r, &c, &h, 2);
    const int count = vit_model_parameter_count(r.model);
    assert_in_range(count, 1, VIT_COUNT(expected));
    for (int i = 0; i < count; i++) {
        const struct vit_parameter p = vit_model_parameter(r.model, i);
        expected[i] = malloc(p.count * sizeof *expected[i]);
        for (size_t k = 0; k < p.count; k++) expected[i][k] = (double)p.values[k];
    }
    for (int at = 0; at < 100; at++) {
        const float warm = (1 + (float)at) / (10 + (float)at);
        const double d = (double)fminf(h.ema, warm);
        step(&r);
        for (int i = 0; i < count; i++) {
            const struct vit_parameter p = vit_model_parameter(r.model, i);
            for (size_t k = 0; k < p.count; k++)
                expected[i][k] = d * expected[i][k] + (1 - d) * (double)p.values[k];
        }
    }
    vit_trainer_average(r.trainer, true);
    for (int i = 0; i < count; i++) {
        const struct vit_parameter p = vit_model_parameter(r.model, i);
        for (size_t k = 0; k < p.count; k++) {
            if (!(fabs((double)p.values[k] - expected[i][k]) <= 2.4e-6))
                fail_msg("%s[%zu]: %.9g, expected %.9g", p.name, k, (double)p.values[k], expected[i][k]);
        }
        free(expected[i]);
    }
    stop(&r);
}

static void another_recipe_is_not_resumed(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct run r;
    struct vit_error err;
    char dir[256], path[300], *note;

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/state.safetensors", dir);
    start(&r, &c, &h, 1);
    assert_ok(vit_trainer_save(r.trainer, path, "", &err), &err);
    stop(&r);
    h.lr *= 2;
    start(&r, &c, &h, 1);
    assert_refused(vit_trainer_resume(r.trainer, path, &note, &err), VIT_ERR_ARG, "\"lr\"", &err);
    assert_null(note);
    stop(&r);
    tmp_remove(dir);
}

/* Mixed, each picture with a share of its own, and with a teacher that is sure of another class for each, but
 * for a tenth. */
static struct vit_report full_step(struct run *r)
{
    float teacher[PICTURES * CLASSES], weight[PICTURES];
    int other[PICTURES];

    for (int i = 0; i < PICTURES; i++) {
        other[i] = r->labels[PICTURES - 1 - i];
        weight[i] = (float)(i + 1) / (PICTURES + 1);
        for (int j = 0; j < CLASSES; j++)
            teacher[i * CLASSES + j] = j == (i + 1) % CLASSES ? 0.9f : 0.1f / (CLASSES - 1);
    }
    return vit_trainer_step(r->trainer, &(struct vit_batch){ .planes = r->planes,
                                                             .labels = r->labels,
                                                             .other = other,
                                                             .weight = weight,
                                                             .n = PICTURES,
                                                             .teacher = teacher,
                                                             .teacher_share = 0.6f });
}

/* The same products are summed in another order: each gradient may differ by about as many roundings of
 * the largest partial sum as there are rows, PICTURES * tokens. */
static void micro_batches_give_the_same_gradients(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    const double rows = PICTURES * vit_config_tokens(&c);
    struct vit_hyper h = recipe();
    struct run whole, parts;
    double most = 0;

    (void)state;
    h.drop_path = h.attn_drop = 0.2f; /* masks belong to pictures, not to their places in a part */
    h.patch_drop = 0.5f;
    start(&whole, &c, &h, 1);
    h.accumulate = 3; /* 6 + 6 + 4 */
    start(&parts, &c, &h, 1);
    const struct vit_report a = full_step(&whole), b = full_step(&parts);
    const float *g = whole.trainer->grads->values, *k = parts.trainer->grads->values;
    for (size_t i = 0; i < whole.trainer->floats; i++) most = fmax(most, fabs((double)g[i]));
    assert_close("gradient", k, g, whole.trainer->floats, rows * 0x1p-24 * most);
    assert_true(fabs(a.loss - b.loss) < 1e-6);
    stop(&whole);
    stop(&parts);
}

/* A product of rounded factors is off by at most 2^-8 of its absolute terms. Forward and backward pass
 * through four products a block each, through the stem and back: so many such errors may add up. Those two
 * of attention, which only the forward rounds, stay within the bound without being counted. */
static void bf16_gradients_follow_those_of_f32(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    const double products = 2 * (4 * c.depth + 1);
    struct vit_hyper h = recipe();
    struct run wide, narrow;
    struct vit_report a, b;

    (void)state;
    start(&wide, &c, &h, 1);
    start_in(&narrow, KERN_BF16, &c, &h, 1);
    a = step(&wide);
    b = step(&narrow);
    assert_true(a.loss != b.loss); /* else nothing was rounded */
    assert_true(fabs(a.loss - b.loss) < products * 0x1p-8 * a.loss);
    for (int i = 0; i < wide.model->slot_count; i++) {
        const struct vit_slot *s = &wide.model->slots[i];
        const float *g = wide.trainer->grads->values + s->offset;
        double most = 0;
        for (size_t j = 0; j < s->count; j++) most = fmax(most, fabs((double)g[j]));
        assert_close(s->name, narrow.trainer->grads->values + s->offset, g, s->count,
                     products * 0x1p-8 * most +
                         1e-9); /* the gradient of a key's bias is zero but for rounding */
    }
    stop(&wide);
    stop(&narrow);
}

/* AdamW's running mean after one step is (1 - beta1) of the gradient it was given. */
static void a_gradient_is_cut_to_the_norm_that_it_may_have(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct vit_report plain;
    struct run r;

    (void)state;
    h.clip = 0;
    start(&r, &c, &h, 1);
    plain = step(&r);
    stop(&r);
    for (int tight = 0; tight < 2; tight++) {
        double sum = 0;
        h.clip = (float)plain.grad_norm * (tight ? 0.5f : 2);
        start(&r, &c, &h, 1);
        assert_true(step(&r).grad_norm == plain.grad_norm); /* as it was before */
        for (size_t i = 0; i < r.trainer->floats; i++)
            sum += (double)r.trainer->mean[i] * (double)r.trainer->mean[i];
        assert_near(sqrt(sum) / plain.grad_norm, 0.1 * (tight ? 0.5 : 1), 1e-5);
        stop(&r);
    }
}

/* Muon's matrices after one step from the same weights, the first of them; free it. */
static float *after_muon(struct vit_hyper *h, float *before, size_t *count)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    const struct vit_muon_matrix *m;
    struct run r;
    float *after;

    h->optimizer = VIT_MUON;
    start(&r, &c, h, 1);
    m = r.trainer->matrices;
    *count = (size_t)m->n * (size_t)m->k;
    after = malloc(*count * sizeof *after);
    assert_non_null(after);
    assert_true(*count <= 32 * 96);
    memcpy(before, m->w, *count * sizeof *before);
    step(&r);
    memcpy(after, m->w, *count * sizeof *after);
    stop(&r);
    return after;
}

/* lr f of the step, f the schedule's factor, and the decoupled decay lr f d w beside it. */
static void muon_follows_the_schedule_and_decays(void **state)
{
    float w[32 * 96], *warm, *low, *decayed;
    struct vit_hyper h = recipe();
    size_t count;

    (void)state;
    h.decay = 0;
    h.muon_lr = 0.02f;
    h.warmup = 10;
    assert_near(vit_schedule_factor(&h, 0), 0.1, 1e-12);
    warm = after_muon(&h, w, &count);
    h.muon_lr = 0.002f;
    h.warmup = 0;
    h.schedule = VIT_CONSTANT;
    low = after_muon(&h, w, &count);
    assert_close("warm-up", warm, low, (int)count, 1e-7);
    h.decay = 0.5f;
    decayed = after_muon(&h, w, &count);
    for (size_t i = 0; i < count; i++) low[i] -= 0.002f * 0.5f * w[i];
    assert_close("decay", decayed, low, (int)count, 1e-7);
    free(warm);
    free(low);
    free(decayed);
}

/* Gains are 1 and biases 0 at first: what decay takes from a gain is lr decay, and from the rest nothing. */
static void decay_is_of_the_matrices_or_of_everything(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    float gain[2];

    (void)state;
    h.warmup = 0;
    h.schedule = VIT_CONSTANT;
    h.decay = 0.5f;
    for (int all = 0; all < 2; all++) {
        struct run r;
        h.decay_all = all;
        start(&r, &c, &h, 1);
        step(&r);
        for (int i = 0; i < r.model->slot_count; i++)
            if (!strcmp(r.model->slots[i].name, "blocks.0.norm1.weight"))
                gain[all] = r.trainer->values[r.model->slots[i].offset];
        stop(&r);
    }
    assert_near(gain[0] - gain[1], (double)h.lr * 0.5, 2e-7);
}

/* Masks of steps differ: where nothing is learnt, nothing else does. */
static void every_step_drops_other_attention(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    double loss[2];
    struct run r;

    (void)state;
    h.lr = 0;
    for (int drop = 0; drop < 2; drop++) {
        h.attn_drop = drop ? 0.5f : 0;
        start(&r, &c, &h, 1);
        for (int i = 0; i < 2; i++) loss[i] = step(&r).loss;
        assert_int_equal(loss[0] != loss[1], drop);
        assert_true(vit_session_call(r.trainer->session, 0, PICTURES).attn_drop.key !=
                    vit_session_call(r.trainer->session, 1, PICTURES).attn_drop.key);
        stop(&r);
    }
}

/* tests/data/trainer/make.py: torch.optim.AdamW in float64 on the same network and batch. */
static void ten_steps_equal_torch_adamw(void **state)
{
    static const char *const TENSORS[] = { "pos_embed", "blocks.0.attn.proj.weight", "blocks.1.mlp.fc2.bias",
                                           "blocks.2.norm1.weight", "head.weight" };
    const struct vit_hyper h = { .lr = 1e-3f,
                                 .beta1 = 0.9f,
                                 .beta2 = 0.98f,
                                 .eps = 1e-8f,
                                 .decay = 0.05f,
                                 .schedule = VIT_CONSTANT,
                                 .steps = 10,
                                 .accumulate = 1 };
    struct weights_file *expect;
    struct vit_trainer *t;
    struct golden g;
    struct vit_error err;
    float loss[10];

    (void)state;
    golden_open(&g, "timm-cls", NULL, true);
    assert_ok(weights_open(&expect, "tests/data/trainer/adamw.safetensors", &err), &err);
    assert_ok(weights_read_f32(weights_find(expect, "loss"), "loss", loss, &err), &err);
    assert_ok(vit_trainer_create(&t, g.model, &h, g.n, 1, &err), &err);
    for (int i = 0; i < h.steps; i++) {
        const struct vit_report r =
            vit_trainer_step(t, &(struct vit_batch){ .planes = g.input, .labels = g.labels, .n = g.n });
        if (!(fabs(r.loss - (double)loss[i]) < 1e-5))
            fail_msg("step %d: loss %.8f, expected %.8f", i, r.loss, (double)loss[i]);
    }
    for (size_t i = 0; i < VIT_COUNT(TENSORS); i++) {
        const struct weights_tensor *e = weights_find(expect, TENSORS[i]);
        bool found = false;
        for (int j = 0; j < vit_model_parameter_count(g.model); j++) {
            const struct vit_parameter p = vit_model_parameter(g.model, j);
            if (strcmp(p.name, TENSORS[i])) continue;
            assert_close(p.name, p.values, (const float *)e->data, p.count, 1e-5);
            found = true;
        }
        if (!found) fail_msg("no parameter %s", TENSORS[i]);
    }
    vit_trainer_close(t);
    weights_close(expect);
    golden_close(&g);
}

static void arms_of_a_seed_start_from_the_same_bits(void **state)
{
    const struct vit_config pre = tiny(VIT_NORM_PRE), post = tiny(VIT_NORM_POST);
    struct vit_hyper h = recipe();
    struct run a, b;
    int shared = 0;

    (void)state;
    start(&a, &pre, &h, 1);
    start(&b, &post, &h, 1);
    for (int i = 0; i < vit_model_parameter_count(a.model); i++) {
        const struct vit_parameter p = vit_model_parameter(a.model, i);
        for (int j = 0; j < vit_model_parameter_count(b.model); j++) {
            const struct vit_parameter q = vit_model_parameter(b.model, j);
            if (strcmp(p.name, q.name)) continue;
            assert_memory_equal(p.values, q.values, p.count * sizeof *p.values);
            shared++;
        }
    }
    assert_int_equal(shared, vit_model_parameter_count(b.model)); /* pre has norm.* on top */
    stop(&a);
    stop(&b);
}

static void a_saved_model_gives_the_same_logits(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_SANDWICH);
    struct vit_hyper h = recipe();
    struct vit_model *m;
    struct vit_session *s, *t;
    struct run r;
    struct vit_error err;
    char dir[256], path[300];

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    start(&r, &c, &h, 1);
    for (int i = 0; i < 3; i++) step(&r);
    assert_ok(vit_model_save(r.model, path, WEIGHTS_F32, &err), &err);
    assert_ok(vit_model_open(&m, path, NULL, &err), &err);
    assert_ok(vit_session_create(&s, m, &(struct vit_session_options){ .batch = PICTURES }, &err), &err);
    assert_ok(vit_session_create(&t, r.model, &(struct vit_session_options){ .batch = PICTURES }, &err),
              &err);
    assert_memory_equal(vit_forward(s, r.planes, PICTURES), vit_forward(t, r.planes, PICTURES),
                        PICTURES * CLASSES * sizeof(float));
    vit_session_close(s);
    vit_session_close(t);
    vit_model_close(m);
    stop(&r);
    tmp_remove(dir);
}

static struct vit_model *drawn(const struct vit_config *c, uint64_t seed)
{
    const struct vit_init init = { .kind = VIT_INIT_XAVIER, .seed = seed, .out_gain = 1 };
    struct vit_model *m;
    struct vit_error err;

    assert_ok(vit_model_create(&m, c, NULL, NULL, &init, NULL, &err), &err);
    return m;
}

/* Parameters of a that are not, bit by bit, those of b; the first one's name. */
static int differing(const struct vit_model *a, const struct vit_model *b, const char **first)
{
    int count = 0;

    for (int i = 0; i < vit_model_parameter_count(a); i++) {
        const struct vit_parameter p = vit_model_parameter(a, i), q = vit_model_parameter(b, i);
        if (p.count == q.count && !memcmp(p.values, q.values, p.count * sizeof *p.values)) continue;
        if (!count++) *first = p.name;
    }
    return count;
}

static void weights_are_taken_from_another_model(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_config more = c, post = tiny(VIT_NORM_POST), narrow = c;
    struct vit_model *from = drawn(&c, 1), *same = drawn(&c, 2), *classes, *lacks = drawn(&post, 1), *other;
    const char *first = "";
    struct vit_error err;

    (void)state;
    more.classes = CLASSES + 3;
    narrow.hidden -= 16;
    classes = drawn(&more, 2);
    other = drawn(&narrow, 2);
    assert_true(differing(same, from, &first) > 0);
    assert_ok(vit_model_take(same, from, &err), &err);
    assert_int_equal(differing(same, from, &first), 0);

    assert_ok(vit_model_take(classes, from, &err), &err);
    assert_int_equal(differing(classes, from, &first), 2);
    assert_string_equal(first, "head.weight");

    assert_ok(vit_model_take(lacks, from, &err), &err); /* what the file has on top is left */
    assert_int_equal(vit_model_take(from, lacks, &err), VIT_ERR_ARG);
    assert_string_equal(err.text, "new model: has no norm.weight, which the network to train needs");
    assert_int_equal(vit_model_take(other, from, &err), VIT_ERR_ARG);
    assert_string_equal(err.text, "new model: blocks.0.mlp.fc1.weight: expected the shape [32, 32] of the "
                                  "network to train, found [48, 32]");
    vit_model_close(from);
    vit_model_close(same);
    vit_model_close(classes);
    vit_model_close(lacks);
    vit_model_close(other);
}

static void what_nothing_can_be_trained_with_is_refused(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_model *m = drawn(&c, 1);
    struct vit_hyper h[10];
    static const char *const SAYS[] = { "eps",
                                        "beta2",
                                        "drop_path",
                                        "lr",
                                        "schedule",
                                        "optimizer",
                                        "steps must be at least 1, found 0",
                                        "warmup must be at least 0, found -1",
                                        "warmup must be at most the 200 steps, found 201",
                                        "accumulate must be at least 0, found -2" };
    struct vit_trainer *t;
    struct vit_error err;

    (void)state;
    for (int i = 0; i < 10; i++) h[i] = recipe();
    assert_refused(vit_trainer_create(&t, m, &h[0], 0, 1, &err), VIT_ERR_ARG, "a batch of 0 pictures", &err);
    assert_refused(vit_trainer_create(&t, m, &h[0], -1, 1, &err), VIT_ERR_ARG, "a batch of -1 pictures",
                   &err);
    h[0].eps = 0;
    h[1].beta2 = 1;
    h[2].drop_path = 1;
    h[3].lr = NAN;
    h[4].schedule = VIT_SCHEDULES;
    h[5].optimizer = VIT_OPTIMIZERS;
    h[6].steps = 0;
    h[7].warmup = -1;
    h[8].warmup = h[8].steps + 1;
    h[9].accumulate = -2;
    for (int i = 0; i < 10; i++)
        assert_refused(vit_trainer_create(&t, m, &h[i], 4, 1, &err), VIT_ERR_ARG, SAYS[i], &err);
    vit_model_close(m);
}

/* A sum of both would be none: the parts of a step would have no pictures, and it no end. */
static void the_largest_batch_may_be_accumulated_one_by_one(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_model *m = drawn(&c, 1);
    struct vit_hyper h = recipe();
    float planes[PICTURES * FLOATS];
    int labels[PICTURES];
    struct vit_trainer *t;
    struct vit_error err;

    (void)state;
    make_batch(planes, labels);
    h.accumulate = INT_MAX;
    assert_ok(vit_trainer_create(&t, m, &h, INT_MAX, 1, &err), &err);
    assert_true(
        vit_trainer_step(t, &(struct vit_batch){ .planes = planes, .labels = labels, .n = 2 }).finite);
    assert_int_equal(vit_trainer_steps(t), 1);
    vit_trainer_close(t);
    vit_model_close(m);
}

/* Without a vit_init all of it is zero; what stands in options may be any number. */
static void a_new_model_takes_no_init_and_no_unknown_kind(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    const struct vit_init zero = { 0 }, kind = { .kind = VIT_INITS };
    const struct vit_model_options dtype = { .dtype = KERN_DTYPES };
    struct vit_model *a, *b, *none;
    const char *first = "";
    struct vit_error err;

    (void)state;
    assert_ok(vit_model_create(&a, &c, NULL, NULL, NULL, NULL, &err), &err);
    assert_ok(vit_model_create(&b, &c, NULL, NULL, &zero, NULL, &err), &err);
    assert_int_equal(differing(a, b, &first), 0);
    assert_refused(vit_model_create(&none, &c, NULL, NULL, &kind, NULL, &err), VIT_ERR_ARG, "initialisation",
                   &err);
    assert_refused(vit_model_create(&none, &c, NULL, NULL, NULL, &dtype, &err), VIT_ERR_ARG, "dtype", &err);
    assert_null(none);
    vit_model_close(a);
    vit_model_close(b);
}

/* Its parameters are the file's, which nobody may write. */
static void weights_are_not_taken_into_a_model_for_inference(void **state)
{
    struct vit_model *m, *from;
    struct vit_error err;

    (void)state;
    assert_ok(vit_model_open(&m, "tests/data/golden/timm-cls", NULL, &err), &err);
    assert_ok(vit_model_open(&from, "tests/data/golden/timm-cls", NULL, &err), &err);
    assert_refused(vit_model_take(m, from, &err), VIT_ERR_ARG, "was not opened for training", &err);
    vit_model_close(m);
    vit_model_close(from);
}

static void a_step_that_is_not_finite_touches_nothing(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct run r, fresh;

    (void)state;
    start(&r, &c, &h, 1);
    start(&fresh, &c, &h, 1);
    r.planes[0] = INFINITY;
    assert_false(step(&r).finite);
    assert_int_equal(vit_trainer_steps(r.trainer), 0);
    assert_same_weights(r.model, fresh.model, 0);
    stop(&r);
    stop(&fresh);
}

/* Not every overflow shows in the loss: pixels of 1e38 times weights of zero are zero, but times a gradient
 * of more than 1 they overflow. */
static void a_gradient_that_is_not_finite_touches_nothing(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct vit_report report;
    struct run r;
    float *before;

    (void)state;
    start(&r, &c, &h, 1);
    for (int i = 0; i < r.model->slot_count; i++) {
        const struct vit_slot *s = &r.model->slots[i];
        float *w = r.trainer->values + s->offset;
        for (size_t j = 0; j < s->count; j++)
            w[j] *= !strcmp(s->name, "patch_embed.proj.weight") ? 0
                    : !strcmp(s->name, "head.weight")           ? 1e6f
                                                                : 1;
    }
    vit_model_pack(r.model, NULL);
    for (int i = 0; i < PICTURES * FLOATS; i++) r.planes[i] = 1e38f;
    before = malloc(r.trainer->floats * sizeof *before);
    memcpy(before, r.trainer->values, r.trainer->floats * sizeof *before);
    report = step(&r);
    assert_true(isfinite(report.loss));
    assert_false(report.finite);
    assert_int_equal(vit_trainer_steps(r.trainer), 0);
    assert_memory_equal(r.trainer->values, before, r.trainer->floats * sizeof *before);
    free(before);
    stop(&r);
}

/* Of depth blocks, block i drops a picture's branch at the rate p i / (depth - 1), as timm's linspace(0, p,
 * depth) has it, and what stays is lengthened so that the mean stays: after Huang et al. 2016. A single block
 * has the whole rate. The count of drops is binomial; five standard deviations. */
static void the_rate_of_drop_path_rises_to_the_last_block(void **state)
{
    enum { STEPS = 60, DRAWS = STEPS * 2 * PICTURES };

    (void)state;
    for (int depth = 1; depth <= 3; depth++) {
        struct vit_config c = tiny(VIT_NORM_PRE);
        struct vit_hyper h = recipe();
        int dropped[3] = { 0 };
        struct run r;

        c.depth = depth;
        h.drop_path = 0.5f;
        start(&r, &c, &h, 1);
        for (int i = 0; i < STEPS; i++) {
            assert_true(step(&r).finite);
            for (int at = 0; at < depth * 2 * PICTURES; at++) {
                const int block = at / (2 * PICTURES);
                const float rate = depth > 1 ? 0.5f * (float)block / (float)(depth - 1) : 0.5f;
                const float factor = r.trainer->session->trace[block].drop[at / PICTURES % 2][at % PICTURES];
                dropped[block] += factor == 0;
                if (factor != 0) assert_near(factor, 1 / (1 - rate), 1e-6); /* a few roundings */
            }
        }
        for (int block = 0; block < depth; block++) {
            const double rate = depth > 1 ? 0.5 * block / (depth - 1) : 0.5;
            if (!(fabs(dropped[block] - rate * DRAWS) <= 5 * sqrt(DRAWS * rate * (1 - rate))))
                fail_msg("block %d of %d: %d of %d are dropped, expected about %g", block, depth,
                         dropped[block], DRAWS, rate * DRAWS);
        }
        stop(&r);
    }
}

/* Which pictures still answer alike when the pixels of patch p change in all of them: bit i for picture i. */
static unsigned deaf_to(struct run *r, int p)
{
    const struct vit_config *c = &r->model->config;
    const int grid = vit_config_grid(c), side = c->image / grid;
    struct vit_session *s = r->trainer->session;
    float before[PICTURES * CLASSES], changed[PICTURES * FLOATS];
    unsigned deaf = 0;

    memcpy(before, vit_forward(s, r->planes, PICTURES), sizeof before);
    memcpy(changed, r->planes, sizeof changed);
    for (int i = 0; i < PICTURES * 3; i++)
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
                changed[(i * c->image + p / grid * side + y) * c->image + p % grid * side + x] += 1;
    const float *after = vit_forward(s, changed, PICTURES);
    for (int i = 0; i < PICTURES; i++)
        if (!memcmp(after + (size_t)i * CLASSES, before + (size_t)i * CLASSES, CLASSES * sizeof *after))
            deaf |= 1u << i;
    return deaf;
}

/* Of 16 patches, at the rate of 0.4, int(16 x 0.6) = 9 are kept, as timm's PatchDropout has it: in ascending
 * order, each as often as the others (hypergeometric: a binomial's five deviations are wider), and these are
 * what the answers depend on. */
static void a_step_sees_so_many_patches_of_each_picture(void **state)
{
    enum { STEPS = 100, PATCHES = 16, KEPT = 9, DRAWS = STEPS * PICTURES };
    const double share = (double)KEPT / PATCHES;
    struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    int seen[PATCHES] = { 0 };
    struct run r;

    (void)state;
    c.stem.patch = 2;
    h.patch_drop = 0.4f;
    start(&r, &c, &h, 1);
    assert_int_equal(r.trainer->session->tokens, 1 + KEPT);
    for (int i = 0; i < STEPS; i++) {
        assert_true(step(&r).finite);
        for (int at = 0; at < PICTURES * KEPT; at++) {
            const int p = r.trainer->kept[at];
            assert_in_range(p, 0, PATCHES - 1);
            if (at % KEPT) assert_true(r.trainer->kept[at - 1] < p);
            seen[p]++;
        }
    }
    for (int p = 0; p < PATCHES; p++) {
        unsigned kept = 0;
        if (!(fabs(seen[p] - share * DRAWS) <= 5 * sqrt(DRAWS * share * (1 - share))))
            fail_msg("patch %d is kept %d times of %d, expected about %g", p, seen[p], DRAWS, share * DRAWS);
        for (int at = 0; at < PICTURES * KEPT; at++)
            if (r.trainer->kept[at] == p) kept |= 1u << at / KEPT;
        assert_int_equal(deaf_to(&r, p), ~kept & 0xffff);
    }
    stop(&r);
}

/* The one patch there is, or so few left out that it is none: the stem may write the stream itself. */
static void a_rate_that_leaves_nothing_out_is_none(void **state)
{
    struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper none = recipe(), h = recipe();
    struct run a, b;

    (void)state;
    c.cls = false;
    c.pool = VIT_POOL_MEAN;
    c.stem.patch = 8;
    h.patch_drop = 0.5f;
    start(&a, &c, &none, 1);
    start(&b, &c, &h, 1);
    for (int i = 0; i < 3; i++) {
        assert_true(step(&a).finite);
        assert_true(step(&b).finite);
    }
    assert_same_weights(a.model, b.model, 0);
    stop(&a);
    stop(&b);
}

/* int(L * (1. - p)), computed by Python 3: timm's PatchDropout. */
static void as_many_patches_are_kept_as_timm_keeps(void **state)
{
    static const struct {
        int image, patch;
        float rate;
        int kept;
    } ROWS[] = {
        { 40, 4, 0.1f, 90 },   { 40, 4, 0.9f, 9 },    { 60, 4, 0.2f, 180 },    { 80, 4, 0.3f, 280 },
        { 100, 4, 0.4f, 375 }, { 224, 16, 0.5f, 98 }, { 224, 16, 0.25f, 147 }, { 32, 4, 0.75f, 16 }
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct vit_config c = tiny(VIT_NORM_PRE);
        struct vit_hyper h = recipe();
        c.image = ROWS[i].image;
        c.stem.patch = ROWS[i].patch;
        h.patch_drop = ROWS[i].rate;
        assert_int_equal(vit_hyper_patches(&h, &c), ROWS[i].kept);
        const double all = vit_config_macs(&c), seen = vit_training_macs(&c, &h);
        assert_true(seen < all && seen > all * (1 - (double)ROWS[i].rate) / 4);
        h.patch_drop = 0;
        assert_true(vit_training_macs(&c, &h) == all);
    }
}

/* Blanks in the place of text in a file, which keeps its length. */
static void blank(const char *path, const char *text)
{
    FILE *f = fopen(path, "r+b");
    char head[16384];
    size_t n;

    assert_non_null(f);
    n = fread(head, 1, sizeof head - 1, f);
    head[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!head[i]) head[i] = ' '; /* of the length in front */
    const char *at = strstr(head, text);
    assert_non_null(at);
    fseek(f, at - head, SEEK_SET);
    for (size_t i = 0; i < strlen(text); i++) fputc(' ', f);
    assert_int_equal(fclose(f), 0);
}

/* States of the first versions know nothing of a setting that came later: it was off. */
static void a_state_from_before_a_setting_goes_on_without_it(void **state)
{
    const struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct vit_error err;
    struct run r;
    char dir[256], path[300], *note;

    (void)state;
    tmp_create(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/state.safetensors", dir);
    start(&r, &c, &h, 1);
    step(&r);
    assert_ok(vit_trainer_save(r.trainer, path, "", &err), &err);
    stop(&r);
    blank(path, "\\\"patch_drop\\\":0.0,");
    start(&r, &c, &h, 1);
    assert_ok(vit_trainer_resume(r.trainer, path, &note, &err), &err);
    assert_int_equal(vit_trainer_steps(r.trainer), 1);
    free(note);
    stop(&r);
    h.patch_drop = 0.5f;
    start(&r, &c, &h, 1);
    assert_refused(vit_trainer_resume(r.trainer, path, &note, &err), VIT_ERR_ARG, "\"patch_drop\" absent",
                   &err);
    stop(&r);
    tmp_remove(dir);
}

/* Of SwiGLU's matrices the first of a block is the largest, not the last. */
static void muon_has_room_for_every_matrix(void **state)
{
    struct vit_config c = tiny(VIT_NORM_PRE);
    struct vit_hyper h = recipe();
    struct run r;

    (void)state;
    c.glu = true;
    c.act = KERN_ACT_SILU;
    h.optimizer = VIT_MUON;
    start(&r, &c, &h, 1);
    assert_int_equal(r.trainer->matrix_count, 2 * (3 + 3)); /* q, k, v, projection, two of the MLP */
    for (int i = 0; i < r.trainer->matrix_count; i++) {
        const struct vit_muon_matrix *m = &r.trainer->matrices[i];
        const struct vit_muon_room *room = &r.trainer->muon.room[0];
        const int short_side = m->n < m->k ? m->n : m->k;
        assert_true(room->next - room->x >= m->n * m->k);
        assert_true(room->gram - room->next >= m->n * m->k);
        assert_true(room->poly - room->gram >= short_side * short_side);
    }
    stop(&r);
}

int main(void)
{
    static enum kern_dtype f32 = KERN_F32, bf16 = KERN_BF16;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_placement_overfits, &f32),
        cmocka_unit_test_prestate(every_placement_overfits, &bf16),
        cmocka_unit_test_prestate(threads_do_not_change_a_bit, &f32),
        cmocka_unit_test_prestate(threads_do_not_change_a_bit, &bf16),
        cmocka_unit_test_prestate(a_resumed_run_continues_with_the_same_bits, &f32),
        cmocka_unit_test_prestate(a_resumed_run_continues_with_the_same_bits, &bf16),
        cmocka_unit_test(bf16_gradients_follow_those_of_f32),
        cmocka_unit_test(the_average_is_its_recurrence),
        cmocka_unit_test(another_recipe_is_not_resumed),
        cmocka_unit_test(micro_batches_give_the_same_gradients),
        cmocka_unit_test(a_gradient_is_cut_to_the_norm_that_it_may_have),
        cmocka_unit_test(muon_follows_the_schedule_and_decays),
        cmocka_unit_test(decay_is_of_the_matrices_or_of_everything),
        cmocka_unit_test(every_step_drops_other_attention),
        cmocka_unit_test(ten_steps_equal_torch_adamw),
        cmocka_unit_test(arms_of_a_seed_start_from_the_same_bits),
        cmocka_unit_test(a_saved_model_gives_the_same_logits),
        cmocka_unit_test(weights_are_taken_from_another_model),
        cmocka_unit_test(weights_are_not_taken_into_a_model_for_inference),
        cmocka_unit_test(a_new_model_takes_no_init_and_no_unknown_kind),
        cmocka_unit_test(what_nothing_can_be_trained_with_is_refused),
        cmocka_unit_test(the_largest_batch_may_be_accumulated_one_by_one),
        cmocka_unit_test(a_step_that_is_not_finite_touches_nothing),
        cmocka_unit_test(a_gradient_that_is_not_finite_touches_nothing),
        cmocka_unit_test(the_rate_of_drop_path_rises_to_the_last_block),
        cmocka_unit_test(a_step_sees_so_many_patches_of_each_picture),
        cmocka_unit_test(a_rate_that_leaves_nothing_out_is_none),
        cmocka_unit_test(as_many_patches_are_kept_as_timm_keeps),
        cmocka_unit_test(a_state_from_before_a_setting_goes_on_without_it),
        cmocka_unit_test(muon_has_room_for_every_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
