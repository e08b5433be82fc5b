/* The probe against a forward of its own (truth.h), and every number from its values by definition. */
#include "tests/vit/truth.h"
#include "vit/block.h"
#include "vit/loss.h"
#include "vit/probe.h"
#include "vit/session.h"
#include "vit/tokens.h"

/* The program's promise for its logits, 1e-4 of the largest: floats through a few dozen roundings a value. */
#define BOUND 1e-4

/* ---- the fixture: a network, its pictures, the truth, the probe's answer ---- */

struct fixture {
    struct vit_model *model;
    float *planes;
    int labels[N];
    struct truth *truth;
    struct vit_probe *probe;
};

static const float LR = 0.01f;

static struct vit_probe *probe_of(struct vit_model *m, const float *planes, const int *labels, int batch,
                                  int threads, int steps)
{
    const struct vit_probe_options o = {
        .pictures = N, .batch = batch, .threads = threads, .lr = LR, .steps = steps
    };
    struct vit_probe *p;
    struct vit_error err;

    assert_ok(vit_probe_create(&p, m, &o, &err), &err);
    vit_probe_measure(p, planes, labels);
    return p;
}

static void open_net(struct fixture *f, enum vit_placement placement)
{
    const struct vit_config c = tiny_config(placement);

    f->model = tiny_model(&c, NULL);
    f->planes = tiny_planes(f->model, N);
    for (int i = 0; i < N; i++) f->labels[i] = i % TINY_CLASSES;
    f->truth = calloc(1, sizeof *f->truth);
    forward(f->truth, f->model, f->planes);
    f->probe = probe_of(f->model, f->planes, f->labels, 2, 1, 1); /* parts of 2, 2 and 1 pictures */
}

static void close_net(struct fixture *f)
{
    vit_probe_close(f->probe);
    vit_model_close(f->model);
    free(f->planes);
    free(f->truth);
}

#define FOR_EVERY_PLACEMENT(f)                                                                               \
    for (int placement_ = 0; placement_ < VIT_PLACEMENTS; close_net(&(f)), placement_++)                     \
        if (open_net(&(f), (enum vit_placement)placement_), true)

/* relative to the expected value */
static void agrees(const struct fixture *f, const char *what, int block, double found, double expected)
{
    if (!(fabs(found - expected) <= BOUND * fabs(expected)))
        fail_msg("%s, block %d: %s: expected %.9g, found %.9g",
                 vit_placement_name(f->model->config.norm.placement), block, what, expected, found);
}

static double rms(const double *x, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sqrt(sum / (double)count);
}
#define RMS(array) rms((const double *)(array), sizeof(array) / sizeof(double))

static double cosine(const double *a, const double *b)
{
    double ab = 0, aa = 0, bb = 0;

    for (int j = 0; j < D; j++) ab += a[j] * b[j], aa += a[j] * a[j], bb += b[j] * b[j];
    return ab / sqrt(aa * bb);
}

/* ---- facts ---- */

static void amplitudes_are_those_of_the_definition(void **state)
{
    struct fixture f;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    {
        const struct truth *r = f.truth;

        agrees(&f, "entry RMS", 0, vit_probe_network(f.probe)->entry_rms, RMS(r->stream[0]));
        for (int i = 0; i < DEPTH; i++) {
            const struct vit_probe_block *b = vit_probe_block(f.probe, i);
            const double *x = (const double *)r->stream[i + 1];
            double most = 0, share[2];
            for (int j = 0; j < N * T * D; j++) most = fmax(most, fabs(x[j]));
            agrees(&f, "stream RMS", i, b->stream_rms, RMS(r->stream[i + 1]));
            agrees(&f, "stream maximum", i, b->stream_max, most);
            agrees(&f, "RMS in the middle", i, b->middle_rms, RMS(r->middle[i]));
            for (int half = 0; half < 2; half++) {
                share[half] = RMS(r->branch[i][half]) / RMS(r->skip[i][half]);
                agrees(&f, "branch RMS", i, b->branch_rms[half], RMS(r->branch[i][half]));
                agrees(&f, "share", i, b->share[half], share[half]);
            }
            agrees(&f, "branch share", i, b->branch_share, (share[0] + share[1]) / 2);
        }
    }
}

static void attention_is_that_of_an_explicit_softmax(void **state)
{
    struct fixture f;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    for (int i = 0; i < DEPTH; i++) {
        const struct vit_probe_block *b = vit_probe_block(f.probe, i);
        double most = -INFINITY, mean = 0;
        for (int h = 0; h < H; h++) {
            double sum = 0;
            for (int n = 0; n < N; n++)
                for (int q = 0; q < T * T; q++) {
                    const double a = f.truth->prob[i][n][h][q / T][q % T];
                    sum -= a * log(a) / log(T) / (N * T);
                    most = fmax(most, f.truth->logit[i][n][h][q / T][q % T]);
                }
            agrees(&f, "entropy of a head", i, b->head_entropy[h], sum);
            mean += sum / H;
        }
        agrees(&f, "entropy", i, b->entropy, mean);
        agrees(&f, "largest logit", i, b->max_logit, most);
        assert_true(b->one_hot == 0);
    }
}

/* Queries and keys blown up: every query sees one key, and the logits are large. */
static void heads_that_see_one_token_are_counted(void **state)
{
    struct fixture f;

    (void)state;
    open_net(&f, VIT_NORM_PRE);
    float *w = tiny_values(f.model, "blocks.1.attn.qkv.weight"); /* head 0: rows 0 to 7 and 16 to 23 */
    for (int i = 0; i < E * D; i++) w[i] *= 100, w[D * D + i] *= 100;
    vit_model_pack(f.model, NULL);
    vit_probe_close(f.probe);
    f.probe = probe_of(f.model, f.planes, f.labels, N, 1, 1);
    assert_true(vit_probe_block(f.probe, 0)->one_hot == 0);
    assert_true(vit_probe_block(f.probe, 1)->one_hot == 0.5);
    assert_true(vit_probe_block(f.probe, 1)->head_entropy[0] < 0.1);
    assert_true(vit_probe_block(f.probe, 1)->max_logit > 100);
    close_net(&f);
}

static void cosines_are_means_over_tokens(void **state)
{
    struct fixture f;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    for (int i = 0; i <= DEPTH; i++) {
        const double(*x)[T][D] = f.truth->stream[i];
        const struct vit_probe_block *b = i ? vit_probe_block(f.probe, i - 1) : NULL;
        double pairs = 0;
        for (int n = 0; n < N; n++)
            for (int s = 0; s < T; s++)
                for (int t = 0; t < T; t++)
                    pairs += s == t ? 0 : cosine(x[n][s], x[n][t]) / (N * T * (T - 1));
        agrees(&f, "token cosine", i, b ? b->token_cosine : vit_probe_network(f.probe)->entry_cosine, pairs);
        for (int from = 0; from < i; from++) {
            double mean = 0, angle = 0;
            for (int row = 0; row < N * T; row++) {
                const double c = cosine(f.truth->stream[from][row / T][row % T], x[row / T][row % T]);
                mean += c / (N * T);
                angle += acos(c) / acos(-1) / (N * T);
            }
            agrees(&f, "angle", i, b->angle[from], angle);
            if (from == i - 1) agrees(&f, "layer cosine", i, b->layer_cosine, mean);
        }
    }
}

/* Singular values of x (T, D) by one-sided Jacobi rotations of its rows: another way than the product's. */
static double rank_by_rotations(double x[T][D])
{
    double sum = 0, entropy = 0, size[T];

    for (int sweep = 0; sweep < 30; sweep++)
        for (int p = 0; p < T; p++)
            for (int q = p + 1; q < T; q++) {
                double a = 0, b = 0, c = 0;
                for (int j = 0; j < D; j++)
                    a += x[p][j] * x[p][j], b += x[q][j] * x[q][j], c += x[p][j] * x[q][j];
                if (fabs(c) <= 1e-15 * sqrt(a * b)) continue;
                const double zeta = (b - a) / (2 * c), t = copysign(1, zeta) / (fabs(zeta) + hypot(1, zeta));
                const double cos_ = 1 / hypot(1, t), sin_ = t * cos_;
                for (int j = 0; j < D; j++) {
                    const double u = x[p][j], v = x[q][j];
                    x[p][j] = cos_ * u - sin_ * v;
                    x[q][j] = sin_ * u + cos_ * v;
                }
            }
    for (int t = 0; t < T; t++) sum += size[t] = rms(x[t], D);
    for (int t = 0; t < T; t++) entropy -= size[t] / sum * log(size[t] / sum);
    return exp(entropy);
}

static void the_rank_is_that_of_the_singular_values(void **state)
{
    struct fixture f;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    for (int i = 0; i <= DEPTH; i++) {
        double mean = 0;
        for (int n = 0; n < N; n++) mean += rank_by_rotations(f.truth->stream[i][n]) / N;
        agrees(&f, "effective rank", i,
               i ? vit_probe_block(f.probe, i - 1)->rank : vit_probe_network(f.probe)->entry_rank, mean);
    }
}

/* A matrix of r orthogonal rows of one length has rank r; its transpose too. */
static void the_rank_of_orthogonal_tokens_is_their_number(void **state)
{
    enum { LONG = 12, SHORT = 5 };
    float x[LONG * LONG];
    double work[LONG * LONG + 4 * LONG];

    (void)state;
    for (int r = 1; r <= SHORT; r++)
        for (int wide = 0; wide < 2; wide++) {
            const int rows = wide ? SHORT : LONG, columns = wide ? LONG : SHORT;
            memset(x, 0, sizeof x);
            assert_true(vit_tokens_work(rows, columns) <= VIT_COUNT(work));
            for (int i = 0; i < r; i++) x[i * columns + i] = i % 2 ? -3.0f : 3.0f;
            const double rank = vit_tokens_rank(x, rows, columns, work);
            if (!(fabs(rank - r) < 1e-6)) fail_msg("rank of %d rows: %.9g", r, rank);
        }
    for (int i = 0; i < LONG; i++) x[i] = 0;
    assert_true(isnan(vit_tokens_rank(x, 3, 4, work)));
    x[5] = INFINITY;
    assert_true(isnan(vit_tokens_rank(x, 3, 4, work)));
    assert_true(isnan(vit_tokens_cosine(x, 1, 4, work)));
}

/* The gradient of a parameter by name, of a session that has nothing to do with the probe's. */
static const float *gradient(const struct fixture *f, const struct vit_gradients *g, const char *format,
                             int block, size_t *count)
{
    char name[64];

    snprintf(name, sizeof name, format, block);
    for (int i = 0; i < vit_model_parameter_count(f->model); i++) {
        const struct vit_parameter p = vit_model_parameter(f->model, i);
        if (strcmp(p.name, name) != 0) continue;
        *count = p.count;
        return vit_gradients_get(g, i);
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

static struct vit_gradients *gradients_of(const struct fixture *f, double *loss)
{
    struct vit_session *s = tiny_session(f->model, N, 1, true);
    struct vit_gradients *g;
    struct vit_error err;

    assert_ok(vit_gradients_create(&g, f->model, &err), &err);
    vit_forward(s, f->planes, N);
    *loss = vit_backward(s, f->labels, N, g);
    vit_session_close(s);
    return g;
}

static void gradients_are_those_of_the_mean_loss(void **state)
{
    static const struct {
        const char *name;
        int part, parts;
    } MATRICES[VIT_PROBE_MATRICES] = {
        [VIT_PROBE_Q] = { "blocks.%d.attn.qkv.weight", 0, 3 },
        [VIT_PROBE_K] = { "blocks.%d.attn.qkv.weight", 1, 3 },
        [VIT_PROBE_V] = { "blocks.%d.attn.qkv.weight", 2, 3 },
        [VIT_PROBE_O] = { "blocks.%d.attn.proj.weight", 0, 1 },
        [VIT_PROBE_W1] = { "blocks.%d.mlp.fc1.weight", 0, 1 },
        [VIT_PROBE_W2] = { "blocks.%d.mlp.fc2.weight", 0, 1 },
    };
    struct fixture f;
    double loss;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    {
        struct vit_gradients *g = gradients_of(&f, &loss);
        agrees(&f, "loss", 0, vit_probe_network(f.probe)->loss, loss);
        for (int i = 0; i < DEPTH * VIT_PROBE_MATRICES; i++) {
            const int block = i / VIT_PROBE_MATRICES, m = i % VIT_PROBE_MATRICES;
            size_t count = 0;
            const float *all = gradient(&f, g, MATRICES[m].name, block, &count);
            double sum = 0;
            count /= (size_t)MATRICES[m].parts;
            for (size_t j = 0; j < count; j++) {
                const double x = (double)all[(size_t)MATRICES[m].part * count + j];
                sum += x * x;
            }
            agrees(&f, MATRICES[m].name, block, vit_probe_block(f.probe, block)->grad[m], sqrt(sum));
        }
        vit_gradients_close(g);
    }
}

/* AdamW's first step: every weight of the blocks' matrices by lr g / (|g| + eps). */
static void take_step(struct fixture *f)
{
    double loss;
    struct vit_gradients *g = gradients_of(f, &loss);

    for (int i = 0; i < f->model->slot_count; i++) {
        const struct vit_slot *s = &f->model->slots[i];
        const float *grad = vit_gradients_get(g, i);
        float *w = *vit_slot_pointer(&f->model->params, s);
        if (strncmp(s->name, "blocks.", 7) != 0 || s->rank != 2) continue;
        for (size_t j = 0; j < s->count; j++) {
            const double x = (double)grad[j];
            w[j] = (float)((double)w[j] - (double)LR * x / (fabs(x) + 1e-8));
        }
    }
    vit_model_pack(f->model, NULL);
    vit_gradients_close(g);
}

static double change(const double *after, const double *before, size_t count)
{
    double moved = 0;

    for (size_t i = 0; i < count; i++) moved += (after[i] - before[i]) * (after[i] - before[i]);
    return sqrt(moved / (double)count) / rms(before, count);
}

static void a_step_changes_what_doing_it_changes(void **state)
{
    struct truth *after = calloc(1, sizeof *after);
    struct fixture f;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    {
        take_step(&f);
        forward(after, f.model, f.planes);
        for (int i = 0; i < DEPTH; i++) {
            const struct vit_probe_block *b = vit_probe_block(f.probe, i);
            agrees(&f, "step change", i, b->step_change,
                   change((double *)after->stream[i + 1], (double *)f.truth->stream[i + 1], N * T * D));
            assert_true(b->steps_change == b->step_change); /* one step was asked for */
        }
        agrees(&f, "change of the logits", 0, vit_probe_network(f.probe)->logits_change,
               change((double *)after->logits, (double *)f.truth->logits, N * TINY_CLASSES));
    }
    free(after);
}

/* Six steps of AdamW by its formula: the moments go on from step to step. */
static void steps_add_up(void **state)
{
    struct fixture f;

    (void)state;
    open_net(&f, VIT_NORM_POST);
    struct vit_probe *six = probe_of(f.model, f.planes, f.labels, N, 1, 6);
    struct vit_gradients *g;
    double loss;
    const struct vit_hyper h = vit_hyper_default();
    float *mean = calloc(2 * f.model->arena_floats, sizeof *mean), *square = mean + f.model->arena_floats;
    for (int step = 1; step <= 6; step++) {
        g = gradients_of(&f, &loss);
        for (int i = 0; i < f.model->slot_count; i++) {
            const struct vit_slot *s = &f.model->slots[i];
            const float *grad = vit_gradients_get(g, i);
            float *w = *vit_slot_pointer(&f.model->params, s);
            if (strncmp(s->name, "blocks.", 7) != 0 || s->rank != 2) continue;
            for (size_t j = 0; j < s->count; j++) {
                float *m = &mean[s->offset + j], *v = &square[s->offset + j];
                *m = h.beta1 * *m + (1 - h.beta1) * grad[j];
                *v = h.beta2 * *v + (1 - h.beta2) * grad[j] * grad[j];
                w[j] -= (float)((double)LR * ((double)*m / (1 - pow((double)h.beta1, step))) /
                                (sqrt((double)*v / (1 - pow((double)h.beta2, step))) + 1e-8));
            }
        }
        vit_model_pack(f.model, NULL);
        vit_gradients_close(g);
    }
    struct truth *after = calloc(1, sizeof *after);
    forward(after, f.model, f.planes);
    const struct vit_probe_block *b = vit_probe_block(six, DEPTH - 1);
    agrees(&f, "change after six steps", DEPTH - 1, b->steps_change,
           change((double *)after->stream[DEPTH], (double *)f.truth->stream[DEPTH], N * T * D));
    agrees(&f, "change after the first", DEPTH - 1, b->step_change,
           vit_probe_block(f.probe, DEPTH - 1)->step_change);
    assert_true(b->steps_change > b->step_change);
    free(after);
    free(mean);
    vit_probe_close(six);
    close_net(&f);
}

static bool same_numbers(const struct vit_probe *a, const struct vit_probe *b)
{
    for (int i = 0; i < DEPTH; i++) {
        const struct vit_probe_block *x = vit_probe_block(a, i), *y = vit_probe_block(b, i);
        if (memcmp(x, y, offsetof(struct vit_probe_block, head_entropy)) != 0) return false;
        if (memcmp(x->head_entropy, y->head_entropy, H * sizeof *x->head_entropy) != 0) return false;
        if (memcmp(x->angle, y->angle, ((size_t)i + 1) * sizeof *x->angle) != 0) return false;
    }
    return memcmp(vit_probe_network(a), vit_probe_network(b), sizeof(struct vit_probe_network)) == 0;
}

static void threads_change_no_bit(void **state)
{
    struct fixture f;

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    {
        struct vit_probe *two = probe_of(f.model, f.planes, f.labels, 2, 2, 1);
        if (!same_numbers(f.probe, two)) fail_msg("%s", vit_placement_name(f.model->config.norm.placement));
        vit_probe_close(two);
    }
}

static void the_model_is_left_as_it_was(void **state)
{
    struct fixture f;

    (void)state;
    open_net(&f, VIT_NORM_SANDWICH);
    struct vit_probe *again = probe_of(f.model, f.planes, f.labels, 2, 1, 3);
    vit_probe_measure(again, f.planes, f.labels);
    struct vit_probe *third = probe_of(f.model, f.planes, f.labels, 2, 1, 3);
    assert_true(same_numbers(again, third));
    vit_probe_close(again);
    vit_probe_close(third);
    close_net(&f);
}

static void count_calls(void *arg, const struct vit_block_call *call, const struct vit_step *step,
                        const float *stream, const float *branch)
{
    int *calls = arg;

    assert_non_null(stream);
    assert_true(branch != NULL || step == vit_block_steps(&call->config->norm, call->block, DEPTH) ||
                step[-1].op == VIT_OP_NORM_STREAM);
    calls[call->block]++;
}

/* Being looked at changes a forward only by the rounding of sums that are then made one by one. */
static void looking_on_changes_nothing(void **state)
{
    struct fixture f;
    float logits[N * TINY_CLASSES];

    (void)state;
    FOR_EVERY_PLACEMENT(f)
    for (int training = 0; training < 2; training++) {
        struct vit_session *s = tiny_session(f.model, N, 1, training);
        int calls[DEPTH] = { 0 };
        const struct vit_tap tap = { count_calls, calls };
        double most = 0;
        memcpy(logits, vit_forward(s, f.planes, N), sizeof logits);
        for (int i = 0; i < N * TINY_CLASSES; i++) most = fmax(most, fabs((double)logits[i]));
        s->tap = &tap;
        assert_close("logits", vit_forward(s, f.planes, N), logits, (size_t)N * TINY_CLASSES, BOUND * most);
        for (int block = 0; block < DEPTH; block++) {
            const struct vit_step *step = vit_block_steps(&f.model->config.norm, block, DEPTH);
            int steps = 1;
            for (; step->op != VIT_OP_END; step++) steps++;
            assert_int_equal(calls[block], steps);
        }
        vit_session_close(s);
    }
}

static void a_model_that_only_infers_is_refused(void **state)
{
    const struct vit_probe_options o = { .pictures = 1 };
    struct fixture f;
    struct vit_probe *p;
    struct vit_error err;

    (void)state;
    open_net(&f, VIT_NORM_PRE);
    f.model->trainable = false;
    assert_refused(vit_probe_create(&p, f.model, &o, &err), VIT_ERR_ARG, "was not opened for training", &err);
    assert_null(p);
    close_net(&f);
}

/* ---- the theory, at small size ---- */

enum { SEEDS = 3, PICTURES = 16 };

struct last {
    double grad, rms; /* of the last block: W2's gradient, the stream's RMS; means over seeds */
};

/* Noise as pictures and a norm behind the stem: independent tokens of RMS 1, as the theory has them. Every
 * patch is read. */
static struct last last_block(enum vit_placement placement, enum vit_init_kind kind, int depth)
{
    struct vit_config c = tiny_config(placement);
    const struct vit_probe_options o = { .pictures = PICTURES, .threads = 1, .lr = 1e-3f };
    struct last mean = { 0, 0 };
    int labels[PICTURES];

    c.width = 64, c.hidden = 128, c.heads = 4, c.depth = depth;
    c.pool = VIT_POOL_MEAN;
    c.norm.embed = true;
    for (int i = 0; i < PICTURES; i++) labels[i] = i % TINY_CLASSES;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const struct vit_init init = { .kind = kind, .seed = seed, .out_gain = 1 };
        struct vit_model *m;
        struct vit_probe *p;
        struct vit_error err;

        assert_ok(vit_model_create(&m, &c, NULL, NULL, &init, NULL, &err), &err);
        assert_ok(vit_probe_create(&p, m, &o, &err), &err);
        float *planes = tiny_planes(m, PICTURES);
        vit_probe_measure(p, planes, labels);
        assert_true(fabs(vit_probe_network(p)->entry_rms - 1) < 1e-3);
        mean.grad += vit_probe_block(p, depth - 1)->grad[VIT_PROBE_W2] / SEEDS;
        mean.rms += vit_probe_block(p, depth - 1)->stream_rms / SEEDS;
        free(planes);
        vit_probe_close(p);
        vit_model_close(m);
    }
    return mean;
}

/* Xiong et al. 2020: the stream of post has RMS 1 and that of pre grows like the root of the depth; pre's
 * last gradient is smaller than post's by about that RMS, because the final norm divides by it. */
static void pres_last_gradient_is_posts_over_the_rms(void **state)
{
    static const int DEPTHS[] = { 4, 16 };
    double ratio[2], rms_[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct last post = last_block(VIT_NORM_POST, VIT_INIT_XAVIER, DEPTHS[i]);
        const struct last pre = last_block(VIT_NORM_PRE, VIT_INIT_XAVIER, DEPTHS[i]);
        assert_true(fabs(post.rms - 1) < 1e-3);
        ratio[i] = post.grad / pre.grad;
        rms_[i] = pre.rms;
        if (!(ratio[i] > rms_[i] / 2 && ratio[i] < rms_[i] * 2))
            fail_msg("depth %d: post / pre %.3g, RMS %.3g", DEPTHS[i], ratio[i], rms_[i]);
    }
    /* Four times as deep: twice the RMS. */
    if (!(rms_[1] > 1.5 * rms_[0] && rms_[1] < 2.5 * rms_[0] && ratio[1] > ratio[0]))
        fail_msg("RMS %.3g and %.3g, post / pre %.3g and %.3g", rms_[0], rms_[1], ratio[0], ratio[1]);
}

/* At width d a branch of two matrices of deviation s has variance (d s^2)^2 or less, here 0.0007: the 24
 * branches of 12 blocks leave the stream at RMS 1.01 at most, and pre's final norm nothing to divide by. */
static void trunc02_hides_the_difference(void **state)
{
    const struct last post = last_block(VIT_NORM_POST, VIT_INIT_TRUNC02, 12);
    const struct last pre = last_block(VIT_NORM_PRE, VIT_INIT_TRUNC02, 12);

    (void)state;
    if (!(fabs(pre.grad / post.grad - 1) < 0.05)) fail_msg("post %.4g, pre %.4g", post.grad, pre.grad);
    assert_true(pre.rms < 1.01);
}

/* Cosines by hand: of three tokens two are alike, and one is nothing. */
static void a_token_of_zeros_is_like_no_other(void **state)
{
    const float x[3][2] = { { 3, 0 }, { 0, 0 }, { 5, 0 } }, y[3][2] = { { 1, 0 }, { 1, 0 }, { 0, 2 } };
    double work[64], angle;

    (void)state;
    assert_true(vit_tokens_work(3, 2) <= VIT_COUNT(work));
    assert_near(vit_tokens_cosine(x[0], 3, 2, work), 1.0 / 3, 1e-15);
    assert_near(vit_tokens_between(&angle, x[0], y[0], 3, 2), 1.0 / 3, 1e-15);
    assert_near(angle, (0 + 0.5 + 0.5) / 3, 1e-15);
}

/* A NaN is larger than nothing and smaller than nothing: what only compares would not see it. */
static void what_is_not_a_number_is_not_measured(void **state)
{
    const float x[] = { 3, NAN, -5 }, y[] = { 1, 2, 4 }, prob[] = { 0, 1, NAN };
    double most = 1;
    struct fixture f;

    (void)state;
    assert_true(isnan(vit_tokens_squares(x, 3, &most)) && isnan(most));
    assert_true(vit_tokens_squares(y, 3, &most) == 21 && isnan(most));
    assert_true(isnan(vit_tokens_entropy(prob, 3)) && vit_tokens_entropy(prob, 2) == 0);
    assert_true(isnan(vit_tokens_logit(x, y, 3, 1, 1)) && vit_tokens_logit(y, y, 3, 1, 1) == 16);
    open_net(&f, VIT_NORM_PRE);
    tiny_values(f.model, "blocks.1.attn.qkv.bias")[0] = NAN; /* head 0 */
    vit_model_pack(f.model, NULL);
    vit_probe_close(f.probe);
    f.probe = probe_of(f.model, f.planes, f.labels, N, 1, 1);
    for (int i = 0; i < DEPTH; i++) {
        const struct vit_probe_block *b = vit_probe_block(f.probe, i);
        const bool sick = i > 0;
        assert_int_equal(isnan(b->head_entropy[0]) != 0, sick);
        assert_int_equal(isnan(b->entropy) != 0, sick);
        assert_int_equal(isnan(b->one_hot) != 0, sick);
        assert_int_equal(isnan(b->max_logit) != 0, sick);
        assert_int_equal(isnan(b->stream_max) != 0, sick);
        assert_int_equal(isnan(b->rank) != 0, sick);
    }
    close_net(&f);
}

static void options_out_of_their_range_are_refused(void **state)
{
    static const struct {
        struct vit_probe_options options;
        const char *says;
    } ROWS[] = {
        { { .pictures = 0, .lr = 1e-3f }, "0 pictures, expected at least 1" },
        { { .pictures = 1, .batch = -1, .lr = 1e-3f }, "batch must be at least 0, found -1" },
        { { .pictures = 1, .steps = -1, .lr = 1e-3f }, "steps must be at least 0, found -1" },
        { { .pictures = 1, .lr = NAN }, "lr must be at least 0 and finite, found nan" },
        { { .pictures = 1, .lr = INFINITY }, "lr must be at least 0 and finite, found inf" },
        { { .pictures = 1, .lr = -1 }, "lr must be at least 0 and finite, found -1" },
    };
    struct fixture f;
    struct vit_probe *p;
    struct vit_error err;

    (void)state;
    open_net(&f, VIT_NORM_PRE);
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        assert_refused(vit_probe_create(&p, f.model, &ROWS[i].options, &err), VIT_ERR_ARG, ROWS[i].says,
                       &err);
        assert_null(p);
    }
    close_net(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amplitudes_are_those_of_the_definition),
        cmocka_unit_test(attention_is_that_of_an_explicit_softmax),
        cmocka_unit_test(heads_that_see_one_token_are_counted),
        cmocka_unit_test(cosines_are_means_over_tokens),
        cmocka_unit_test(the_rank_is_that_of_the_singular_values),
        cmocka_unit_test(the_rank_of_orthogonal_tokens_is_their_number),
        cmocka_unit_test(gradients_are_those_of_the_mean_loss),
        cmocka_unit_test(a_step_changes_what_doing_it_changes),
        cmocka_unit_test(steps_add_up),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(the_model_is_left_as_it_was),
        cmocka_unit_test(looking_on_changes_nothing),
        cmocka_unit_test(a_model_that_only_infers_is_refused),
        cmocka_unit_test(options_out_of_their_range_are_refused),
        cmocka_unit_test(pres_last_gradient_is_posts_over_the_rms),
        cmocka_unit_test(trunc02_hides_the_difference),
        cmocka_unit_test(a_token_of_zeros_is_like_no_other),
        cmocka_unit_test(what_is_not_a_number_is_not_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
