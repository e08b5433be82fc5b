/* vit probe as a user meets it: rows and tables of small networks on coloured noise. */
#include <unistd.h>

#include "tests/patch/noise.h"
#include "tests/tools/again.h"
#include "tests/tools/cli.h"
#include "tools/recipe.h"
#include "vit/probe.h"

enum { PICTURES = 20, CLASSES = 4 };
#define CHECKPOINT "tests/data/golden/timm-cls"      /* pre, depth 3, no label names, 10 classes */
#define SEVEN      "tests/data/golden/timm-odd-dims" /* no label names, 7 classes */

struct fixture {
    char dir[TMP_PATH], data[300], ten[300];
};

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    run_binary(); /* before a test leaves the folder */
    snprintf(f->data, sizeof f->data, "%s/data", f->dir);
    snprintf(f->ten, sizeof f->ten, "%s/ten", f->dir);
    noise_write(f->data, PICTURES, CLASSES, 40, 1, 0);
    noise_write(f->ten, PICTURES, 10, 40, 1, 0);
    return 0;
}

/* ---- running ---- */

#define PROBE(...) run_verb("probe", NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define EXPECT_PROBE(code, part, ...)                                                                        \
    do {                                                                                                     \
        struct run run_ = PROBE(__VA_ARGS__);                                                                \
        run_expect(&run_, code, part);                                                                       \
    } while (0)

/* Small networks on the fixture's pictures. */
#define SMALL(f)                                                                                             \
    "-d", (f)->data, "--split", "train", "--width", "16", "--heads", "2", "--hidden", "24", "-t", "1"

static const char *text(const json_t *row, const char *key)
{
    const char *v = json_string_value(json_object_get(row, key));

    return v ? v : "";
}

/* ---- rows ---- */

static void a_row_has_every_promised_key(void **state)
{
    static const char *const NUMBERS[] = {
        /* SPEC's */
        "depth", "seed", "block", "grad_w2", "stream_rms", "branch_share", "token_cosine", "step_change",
        "entropy",
        /* and ours */
        "grad_q", "grad_k", "grad_v", "grad_o", "grad_w1", "middle_rms", "stream_max", "attn_branch_rms",
        "mlp_branch_rms", "attn_share", "mlp_share", "effective_rank", "layer_cosine", "steps_change",
        "one_hot_heads", "max_logit", "loss", "entry_rms", "entry_cosine", "entry_rank", "logits_change",
        "logits_steps_change", "image", "patch", "width", "heads", "hidden", "tokens", "pictures", "lr",
        "steps"
    };
    static const char *const TEXTS[] = { "norm",      "init",      "stem", "pool",
                                         "norm_kind", "condition", "data", "split" };
    static const char *const OTHERS[] = { "model", "preset" }; /* or null */
    struct fixture *f = *state;
    json_t *rows =
        objects_of(PROBE(SMALL(f), "--json", "--norm", "post", "--init", "xavier", "--depth", "3"));

    assert_int_equal(json_array_size(rows), 5 * 3); /* five seeds, unless --seeds says otherwise */
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        for (size_t i = 0; i < VIT_COUNT(NUMBERS); i++) number(row, NUMBERS[i]);
        for (size_t i = 0; i < VIT_COUNT(TEXTS); i++) text_of(row, TEXTS[i]);
        for (size_t i = 0; i < VIT_COUNT(OTHERS); i++) assert_non_null(json_object_get(row, OTHERS[i]));
        assert_string_equal(text(row, "norm"), "post");
        assert_string_equal(text(row, "init"), "xavier");
        assert_int_equal(json_array_size(json_object_get(row, "head_entropy")), 2);
        assert_int_equal(json_array_size(json_object_get(row, "angle")), r % 3 + 1);
        assert_int_equal((int)number(row, "block"), r % 3);
        assert_int_equal((int)number(row, "seed"), r / 3);
        assert_int_equal((int)number(row, "pictures"), PICTURES);
        assert_string_equal(text(row, "norm_kind"), "layernorm");
        assert_true(json_is_false(json_object_get(row, "embed_norm")));
        assert_true(json_is_false(json_object_get(row, "final_norm"))); /* post has none */
        assert_int_equal((int)number(row, "out_gain"), 1);
    }
    json_decref(rows);
}

static void lists_multiply(void **state)
{
    static const char *const INIT[] = { "xavier", "trunc02" }, *const NORM[] = { "mix:0.5", "sandwich" };
    struct fixture *f = *state;
    json_t *rows =
        objects_of(PROBE(SMALL(f), "--json", "--norm", "mix:0.5,sandwich", "--init", "xavier,trunc02",
                         "--depth", "1,2", "--patch", "8,16", "--seeds", "2", "--seed", "7"));
    size_t at = 0;

    for (int patch = 8; patch <= 16; patch += 8)
        for (int init = 0; init < 2; init++)
            for (int norm = 0; norm < 2; norm++)
                for (int depth = 1; depth <= 2; depth++)
                    for (int seed = 7; seed <= 8; seed++)
                        for (int block = 0; block < depth; block++) {
                            const json_t *row = json_array_get(rows, at++);
                            assert_int_equal((int)number(row, "patch"), patch);
                            assert_string_equal(text(row, "init"), INIT[init]);
                            assert_string_equal(text(row, "norm"), NORM[norm]);
                            assert_int_equal((int)number(row, "depth"), depth);
                            assert_int_equal((int)number(row, "seed"), seed);
                            assert_int_equal((int)number(row, "block"), block);
                        }
    assert_int_equal(json_array_size(rows), at);
    json_decref(rows);
}

static void threads_change_no_byte(void **state)
{
    struct fixture *f = *state;
    struct run one, two;

    SKIP_ON_BLAS();
    one = PROBE(SMALL(f), "--json", "--depth", "2", "--seeds", "1");
    two = PROBE(SMALL(f), "--json", "--depth", "2", "--seeds", "1", "-t", "2");
    assert_int_equal(one.code + two.code, 0);
    assert_true(one.out_size > 0);
    assert_string_equal(one.out, two.out);
    run_free(&one);
    run_free(&two);
}

/* The pictures of a data set as a model sees them. */
static float *read_planes(const char *path, const struct patch_recipe *recipe, int *labels)
{
    const size_t floats = 3 * (size_t)recipe->size * (size_t)recipe->size;
    float *planes = malloc(PICTURES * floats * sizeof *planes);
    struct patch_dataset *d;
    struct patch_loader *l;
    struct vit_error err;

    assert_ok(patch_dataset_open(&d, path, PATCH_TRAIN, &err), &err);
    assert_ok(patch_loader_create(&l, d, recipe, &(struct patch_loader_options){ .batch = PICTURES }, &err),
              &err);
    const struct patch_batch *b = patch_loader_next(l);
    assert_int_equal(b->rows, PICTURES);
    memcpy(planes, b->planes, PICTURES * floats * sizeof *planes);
    memcpy(labels, b->labels, PICTURES * sizeof *labels);
    patch_loader_close(l);
    patch_dataset_close(d);
    return planes;
}

/* rows: those of one network, which is m. Doubles are printed with 15 digits. */
static void expect_measured(const json_t *rows, struct vit_model *m, const char *data, const char *norm)
{
    const struct vit_probe_options o = { .pictures = PICTURES, .batch = 7, .threads = 1, .lr = 1e-3f };
    const int depth = vit_model_config(m)->depth;
    int labels[PICTURES], found = 0;
    float *planes = read_planes(data, vit_model_recipe(m), labels);
    struct vit_probe *p;
    struct vit_error err;

    assert_ok(vit_probe_create(&p, m, &o, &err), &err);
    vit_probe_measure(p, planes, labels);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const struct vit_probe_block *b;
        if (strcmp(text(row, "norm"), norm) != 0) continue;
        assert_int_equal((int)number(row, "block"), found);
        b = vit_probe_block(p, found++);
        const struct {
            const char *key;
            double value;
        } expected[] = { { "grad_w2", b->grad[VIT_PROBE_W2] },
                         { "grad_k", b->grad[VIT_PROBE_K] },
                         { "stream_rms", b->stream_rms },
                         { "branch_share", b->branch_share },
                         { "token_cosine", b->token_cosine },
                         { "step_change", b->step_change },
                         { "entropy", b->entropy },
                         { "effective_rank", b->rank },
                         { "mlp_share", b->share[VIT_PROBE_MLP] },
                         { "layer_cosine", b->layer_cosine },
                         { "max_logit", b->max_logit },
                         { "loss", vit_probe_network(p)->loss } };
        for (size_t k = 0; k < VIT_COUNT(expected); k++)
            if (!(fabs(number(row, expected[k].key) - expected[k].value) <= 1e-14 * fabs(expected[k].value)))
                fail_msg("%s, block %d: %s is %.15g, measured %.15g", norm, found - 1, expected[k].key,
                         number(row, expected[k].key), expected[k].value);
    }
    assert_int_equal(found, depth);
    vit_probe_close(p);
    free(planes);
}

static void a_new_network_is_the_one_that_training_starts_from(void **state)
{
    struct fixture *f = *state;
    json_t *rows =
        objects_of(PROBE("-d", f->data, "--split", "train", "--json", "--norm", "res-post", "--init",
                         "trunc02", "--depth", "2", "--seed", "3", "--seeds", "1", "-t", "1", "-b", "7"));
    struct vit_config c;
    struct vit_error err;
    const struct patch_recipe pictures = recipe_pictures(NULL, NULL, 32, "CIFAR-10 binary");
    const struct vit_init init = { .kind = VIT_INIT_TRUNC02, .seed = 3, .out_gain = 1, .position = 0.02f };
    struct vit_model *m;

    assert_ok(vit_config_preset(&c, "plain-4", &err), &err);
    c.stem.patch = 8, c.width = 128, c.heads = 4, c.hidden = 256, c.depth = 2, c.classes = 10;
    c.cls = false, c.pool = VIT_POOL_MEAN;
    c.norm.placement = VIT_NORM_RES_POST, c.norm.final = true;
    assert_ok(vit_model_create(&m, &c, &pictures, NULL, &init, NULL, &err), &err);
    expect_measured(rows, m, f->data, "res-post");
    vit_model_close(m);
    json_decref(rows);
}

static void a_checkpoint_is_measured_under_every_placement_asked_for(void **state)
{
    struct fixture *f = *state;
    struct run r = PROBE("-m", CHECKPOINT, "-d", f->ten, "--split", "train", "--norm", "pre,post,res-post",
                         "--json", "-t", "1", "-b", "7");
    assert_non_null(strstr(r.err, "norm placement swapped from pre to post"));
    json_t *rows = objects_of(r);
    static const char *const NORMS[] = { "pre", "post", "res-post" };

    assert_int_equal(json_array_size(rows), 9);
    for (int i = 0; i < 3; i++) {
        const struct vit_model_options o = { .placement = NORMS[i], .trainable = true };
        struct vit_model *m;
        struct vit_error err;
        assert_ok(vit_model_open(&m, CHECKPOINT, &o, &err), &err);
        expect_measured(rows, m, f->ten, NORMS[i]);
        vit_model_close(m);
    }
    assert_string_equal(text(json_array_get(rows, 0), "init"), "checkpoint");
    assert_string_equal(text(json_array_get(rows, 0), "model"), CHECKPOINT);
    assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "seed")));
    assert_true(number(json_array_get(rows, 2), "grad_w2") != number(json_array_get(rows, 5), "grad_w2"));
    json_decref(rows);
}

/* ---- lists that stand for what a preset or a stem has ---- */

/* A patch is for the networks that have patches. */
static void each_stem_has_the_tokens_of_its_own(void **state)
{
    static const char *const GIVEN[][2] = { { NULL, NULL }, { "--patch", "4" } };
    struct fixture *f = *state;

    for (size_t i = 0; i < VIT_COUNT(GIVEN); i++) {
        json_t *rows =
            objects_of(PROBE(SMALL(f), "--json", "--norm", "pre", "--init", "xavier", "--depth", "1",
                             "--seeds", "1", "--stem", "conv-3x1,patch", GIVEN[i][0], GIVEN[i][1]));
        assert_int_equal(json_array_size(rows), 2);
        assert_string_equal(text_of(json_array_get(rows, 0), "stem"), "conv-3x1");
        assert_int_equal((int)number(json_array_get(rows, 0), "patch"), 0);
        assert_string_equal(text_of(json_array_get(rows, 1), "stem"), "patch");
        assert_int_equal((int)number(json_array_get(rows, 1), "patch"), GIVEN[i][0] ? 4 : 8);
        json_decref(rows);
    }
    /* What several patches mean for the other stem nobody knows. */
    EXPECT_PROBE(2, "the stem is made of convolutions", SMALL(f), "--stem", "patch,conv-3x1", "--patch",
                 "4,8");
}

static void a_preset_is_said_with_what_it_brings(void **state)
{
    struct fixture *f = *state;
    json_t *rows = objects_of(PROBE("-d", f->data, "--split", "train", "--json", "-t", "1", "--preset",
                                    "accurate", "--depth", "1", "--norm-kind", "rmsnorm", "--embed-norm"));
    const json_t *row = json_array_get(rows, 0);

    assert_string_equal(text_of(row, "preset"), "accurate");
    assert_string_equal(text_of(row, "stem"), "conv-3x2");
    assert_string_equal(text_of(row, "pool"), "seq");
    assert_string_equal(text_of(row, "norm"), "pre");
    assert_string_equal(text_of(row, "norm_kind"), "rmsnorm");
    assert_int_equal((int)number(row, "width"), 160);
    assert_true(json_is_true(json_object_get(row, "embed_norm")));
    assert_true(json_is_true(json_object_get(row, "zero_head")));
    json_decref(rows);
}

/* The different values of a key, in their order, as a list: "6,12,24". */
static void values_of(char *text, size_t size, const json_t *rows, const char *key)
{
    json_t *seen = json_object();
    const json_t *row;
    size_t i, used = 0;

    *text = '\0';
    json_array_foreach(rows, i, row)
    {
        const json_t *v = json_object_get(row, key);
        char one[64];
        if (json_is_string(v))
            snprintf(one, sizeof one, "%s", json_string_value(v));
        else
            snprintf(one, sizeof one, "%g", json_number_value(v));
        if (json_object_get(seen, one)) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "", one);
        json_object_set_new(seen, one, json_true());
    }
    json_decref(seen);
}

/* But for those of which the help says what they mean, and no value of a row. */
static void the_help_says_what_nobody_gives(void **state)
{
    static const char *const MEANT[] = { "preset", "final-norm", "layer-scale" };
    const struct args_group *lists = cmd_probe.groups[1];
    json_t *rows = objects_of(PROBE("--noise", "--limit", "1", "--seeds", "1", "--json"));
    (void)state;

    for (size_t i = 0; i < lists->count; i++) {
        const struct args_option *o = &lists->options[i];
        char key[32], values[200];
        bool meant = !o->otherwise;
        for (size_t k = 0; k < VIT_COUNT(MEANT); k++) meant |= !strcmp(o->name, MEANT[k]);
        if (meant) continue;
        snprintf(key, sizeof key, "%s", o->name);
        for (char *c = key; *c; c++) *c = *c == '-' ? '_' : *c;
        values_of(values, sizeof values, rows, key);
        if (strncmp(values, o->otherwise, strcspn(o->otherwise, ";")) != 0 ||
            strlen(values) != strcspn(o->otherwise, ";"))
            fail_msg("--%s: %s when nobody says, in the help %s", o->name, values, o->otherwise);
    }
    json_decref(rows);
}

/* ---- measured again ---- */

/* What each list of networks is given: other than what it is when nobody says. NULL: a switch. */
static const char *const OTHER[][2] = {
    { "norm", "sandwich,post" }, { "depth", "1,2" },        { "init", "trunc02" },
    { "image", "24" },           { "patch", "4" },          { "stem", "patch,conv-3x1" },
    { "width", "24" },           { "heads", "3" },          { "hidden", "40" },
    { "pool", "cls" },           { "preset", "cct-4-3x2" }, { "norm-kind", "rmsnorm" },
    { "final-norm", "off" },     { "out-gain", "0.5" },     { "position-std", "0.1" },
    { "layer-scale", "0.3" },    { "embed-norm", NULL },    { "qk-norm", NULL },
    { "zero-head", NULL },
};

/* Every option of the lists, with its value of OTHER, behind count words that are there. */
static const char *const *with_all_lists(const char **words, size_t count)
{
    static char names[VIT_COUNT(OTHER)][32];
    const struct args_group *lists = cmd_probe.groups[1];

    assert_int_equal(lists->count, VIT_COUNT(OTHER));
    for (size_t i = 0; i < lists->count; i++) {
        size_t at = 0;
        while (at < VIT_COUNT(OTHER) && strcmp(OTHER[at][0], lists->options[i].name) != 0) at++;
        if (at == VIT_COUNT(OTHER)) fail_msg("--%s: no value of it to try", lists->options[i].name);
        snprintf(names[i], sizeof names[i], "--%s", OTHER[at][0]);
        words[count++] = names[i];
        if (OTHER[at][1]) words[count++] = OTHER[at][1];
    }
    words[count] = NULL;
    return words;
}

/* Rows but for what a group of them is called, which says what was given. */
static json_t *rows_of(const char *text)
{
    json_t *rows = objects(text);

    for (size_t i = 0; i < json_array_size(rows); i++) json_object_del(json_array_get(rows, i), "condition");
    return rows;
}

/* And measured all the same: a page's command has what the rows say. */
static void a_setting_that_nothing_reads_is_warned_of(void **state)
{
    struct fixture *f = *state;

    EXPECT_PROBE(0, "warning: --layer-scale: nothing reads it without --norm layerscale", SMALL(f), "--norm",
                 "pre", "--depth", "1", "--init", "xavier", "--seeds", "1", "--limit", "4", "--layer-scale",
                 "0.5");
}

/* Files in a test's folder. */
enum { FILES = 3, NAME = 300 };

static void write_rows(const struct fixture *f, const char *name, struct run r, char path[NAME])
{
    assert_int_equal(r.code, 0);
    tmp_write(f->dir, name, r.out, r.out_size, path, NAME);
    run_free(&r);
}

/* The commands of a page over these files (NULL ends the list), so many, make them again. */
static void expect_files_again(const char *const *paths, int commands)
{
    json_t *before[FILES];
    char *text, *again = again_commands(paths);
    struct run r;
    int found = 0;

    for (const char *at = again; (at = strstr(at, "vit probe")); at++) found++;
    if (found != commands) fail_msg("%d commands, expected %d: %s", found, commands, again);
    for (int i = 0; paths[i]; i++) {
        before[i] = rows_of(text = tmp_text("", paths[i]));
        free(text);
        assert_int_equal(unlink(paths[i]), 0);
    }
    r = again_run(again);
    for (int i = 0; paths[i]; i++) {
        json_t *after = rows_of(text = tmp_text("", paths[i]));
        if (!json_equal(before[i], after)) fail_msg("other rows of %s", again);
        json_decref(before[i]);
        json_decref(after);
        free(text);
    }
    run_free(&r);
    free(again);
}

static void expect_again(const struct fixture *f, struct run first)
{
    char path[NAME];

    write_rows(f, "rows.jsonl", first, path);
    expect_files_again((const char *const[]){ path, NULL }, 1);
}

static void a_page_s_command_measures_the_same(void **state)
{
    struct fixture *f = *state;
    const char *words[2 * VIT_COUNT(OTHER) + 16] = { "-d",      f->data, "--split", "train", "--json",
                                                     "--seeds", "2",     "-t",      "1" };

    expect_again(f, run_verb("probe", NULL, with_all_lists(words, 9)));
    expect_again(f, PROBE("-d", f->data, "--split", "train", "--json", "-t", "1", "--preset", "accurate",
                          "--depth", "1", "--seeds", "1", "--lr", "0.01", "--steps", "2", "--limit", "8"));
    expect_again(f, PROBE("--noise", "--json", "-t", "1", "--limit", "4", "--norm", "pre,post,res-post",
                          "--depth", "1", "--seeds", "1"));
    expect_again(f, PROBE(SMALL(f), "--json", "--depth", "2", "--norm", "pre,post", "--final-norm", "on,off",
                          "--seeds", "1", "--limit", "8", "--batch", "3", "--dtype", "bf16", "--kernels",
                          "ref"));
}

/* At its own size and norms, or others; shown the samples, whose classes it need not have, or noise. */
static void a_page_s_command_measures_a_model_again(void **state)
{
    struct fixture *f = *state;

    expect_again(f, PROBE("-m", CHECKPOINT, "-d", f->ten, "--split", "train", "--norm", "pre,post", "--json",
                          "-t", "1", "--limit", "8"));
    expect_again(f, PROBE("-m", CHECKPOINT, "-d", f->ten, "--split", "train", "--size", "48", "--final-norm",
                          "off", "--json", "-t", "1", "--limit", "4"));
    expect_again(f, PROBE("-m", SEVEN, "--json", "-t", "1", "--limit", "3"));
    expect_again(f, PROBE("-m", SEVEN, "--noise", "--seed", "4", "--json", "-t", "1", "--limit", "3"));
}

/* What one command cannot say takes several: another rate, a model, combinations that were not measured. */
static void rows_of_several_commands_have_as_many(void **state)
{
    struct fixture *f = *state;
    char fast[NAME], slow[NAME], model[NAME], all[NAME];
    char *part[3], *joined;

    write_rows(f, "fast.jsonl",
               PROBE(SMALL(f), "--json", "--norm", "pre,post", "--depth", "1,2", "--init", "xavier",
                     "--seeds", "2", "--limit", "8", "--lr", "3e-3", "--steps", "2"),
               fast);
    write_rows(f, "slow.jsonl",
               PROBE(SMALL(f), "--json", "--norm", "post", "--depth", "3", "--init", "trunc02", "--seeds",
                     "1", "--seed", "5", "--limit", "8"),
               slow);
    write_rows(f, "model.jsonl",
               PROBE("-m", CHECKPOINT, "-d", f->ten, "--split", "train", "--json", "-t", "1", "--limit", "4"),
               model);
    expect_files_again((const char *const[]){ fast, slow, model, NULL }, 3);
    part[0] = tmp_text("", slow), part[1] = tmp_text("", fast), part[2] = tmp_text("", model);
    assert_true(asprintf(&joined, "%s%s%s", part[0], part[1], part[2]) > 0);
    tmp_write(f->dir, "all.jsonl", joined, strlen(joined), all, NAME);
    expect_files_again((const char *const[]){ all, NULL }, 3);
    write_rows(f, "presets.jsonl",
               PROBE("-d", f->data, "--split", "train", "--json", "-t", "1", "--preset", "plain-4,cct-4-3x2",
                     "--norm", "pre,post", "--depth", "1", "--seeds", "1", "--limit", "4"),
               all);
    expect_files_again((const char *const[]){ all, NULL }, 2); /* each has its own width, and more */
    for (int i = 0; i < 3; i++) free(part[i]);
    free(joined);
}

/* ---- tables ---- */

/* The numbers behind a line's label, "MEAN +-DEVIATION" several times; label is searched behind title. */
static int table_row(const char *out, const char *title, const char *label, double *mean, double *deviation)
{
    const char *at = strstr(out, title), *end;
    int count = 0;

    if (at) at = strstr(at, label);
    if (!at) fail_msg("no line \"%s\" under \"%s\": %s", label, title, out);
    at += strlen(label);
    end = at + strcspn(at, "\n");
    while (at < end && sscanf(at, "%lf +-%lf", &mean[count], &deviation[count]) == 2) {
        at = strstr(at, "+-");
        at += strcspn(at, " \n");
        count++;
    }
    return count;
}

/* Half of the last digit of three, and as much as the deviation shows. */
static void expect_printed(const char *what, double printed, double value)
{
    if (!(fabs(printed - value) <= 0.00501 * fabs(value) + 1e-12))
        fail_msg("%s: printed %g, computed %g", what, printed, value);
}

static void tables_show_means_and_deviations_of_the_rows(void **state)
{
    struct fixture *f = *state;
    json_t *rows = objects_of(
        PROBE(SMALL(f), "--json", "--norm", "pre", "--init", "xavier", "--depth", "2,4", "--seeds", "2"));
    struct run r = PROBE(SMALL(f), "--norm", "pre", "--init", "xavier", "--depth", "2,4", "--seeds", "2");
    double mean[8], deviation[8], grad[2][2], rms[2], slope[2];

    assert_int_equal(r.code, 0);
    for (int seed = 0; seed < 2; seed++) { /* rows: depth 2, then 4; in each both seeds */
        const json_t *shallow = json_array_get(rows, (size_t)(2 * seed + 1));
        const json_t *deep = json_array_get(rows, (size_t)(4 + 4 * seed + 3));
        grad[0][seed] = number(shallow, "grad_w2");
        grad[1][seed] = number(deep, "grad_w2");
        rms[seed] = number(shallow, "stream_rms");
        slope[seed] = log(grad[1][seed] / grad[0][seed]) / log(2);
    }
    assert_int_equal(table_row(r.out, "gradient of W2", "pre           2", mean, deviation), 3);
    expect_printed("mean of W2's gradient", mean[0], (grad[0][0] + grad[0][1]) / 2);
    assert_true(fabs(deviation[0] - fabs(grad[0][0] - grad[0][1]) / sqrt(2)) <= 0.00501 * mean[0]);
    expect_printed("times RMS", mean[1], (grad[0][0] * rms[0] + grad[0][1] * rms[1]) / 2);
    assert_int_equal(table_row(r.out, "gradient of W2", "pre           4", mean, deviation), 3);
    expect_printed("mean of W2's gradient", mean[0], (grad[1][0] + grad[1][1]) / 2);
    assert_int_equal(table_row(r.out, "slope", "pre", mean, deviation), 1);
    expect_printed("slope", mean[0], (slope[0] + slope[1]) / 2);
    assert_int_equal(table_row(r.out, "stream after the last block", "pre           2", mean, deviation), 5);
    expect_printed("stream RMS", mean[0], (rms[0] + rms[1]) / 2);
    run_free(&r);
    json_decref(rows);
}

static void every_block_has_a_line_when_asked_for(void **state)
{
    struct fixture *f = *state;
    struct run r = PROBE(SMALL(f), "--norm", "post", "--init", "xavier", "--depth", "3", "--blocks",
                         "--steps", "2", "--seeds", "1");
    int lines = 0;

    assert_int_equal(r.code, 0);
    for (const char *at = r.out; (at = strstr(at, "\nblock ")); at++) lines++;
    assert_int_equal(lines, 3 * 3); /* three tables */
    assert_non_null(strstr(r.out, "all: stream"));
    run_free(&r);
}

static void parallel_tokens_are_warned_of(void **state)
{
    (void)state;
    EXPECT_PROBE(0, "post, depth 16: the tokens of a picture leave the blocks parallel", "--noise", "--limit",
                 "8", "--norm", "post", "--depth", "16", "--init", "xavier", "--seeds", "1", "-t", "1");
}

/* ---- pictures ---- */

static void without_data_the_samples_are_used_where_they_are(void **state)
{
    struct fixture *f = *state;
    char here[4096];
    json_t *rows =
        objects_of(PROBE("--json", "--depth", "1", "--norm", "pre", "--init", "xavier", "--seeds", "1"));

    assert_int_equal((int)number(json_array_get(rows, 0), "pictures"), 16);
    assert_string_equal(text(json_array_get(rows, 0), "data"), "samples/labels.csv");
    json_decref(rows);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(f->dir), 0);
    struct run r = PROBE("--depth", "1");
    assert_int_equal(chdir(here), 0);
    run_expect(&r, 2, "--data PATH names a data set");
}

/* A list of the samples, in their order, with the labels 0 to 6 in turn. */
static void write_in_turn(const struct fixture *f, char *list, size_t size)
{
    char here[4096], text[16 * 4200], *samples = tmp_text("samples", "labels.csv");
    size_t used = 0;
    int i = 0;

    assert_non_null(getcwd(here, sizeof here));
    for (const char *at = strchr(samples, '\n') + 1; *at; at = strchr(at, '\n') + 1)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s/samples/%.*s,%d\n", here,
                                 (int)strcspn(at, ","), at, i++ % 7);
    tmp_write(f->dir, "turn.csv", text, used, list, size);
    free(samples);
}

/* Of seven classes, and of ten that have other names. A data set that was asked for is taken as it is. */
static void the_samples_have_labels_in_turn_for_a_model_of_other_classes(void **state)
{
    static const char *const MODELS[] = { SEVEN, "tests/data/golden/hf-dinov2" };
    struct fixture *f = *state;
    char list[300];
    struct run r;
    json_t *rows[2];

    for (size_t i = 0; i < VIT_COUNT(MODELS); i++) {
        r = PROBE("-m", MODELS[i], "--json", "-t", "1");
        if (strstr(r.err, "classes: ")) fail_msg("%s: a list of classes: %s", MODELS[i], r.err);
        run_expect(&r, 0, "samples/labels.csv: its classes are not those of tests/data/golden/");
        EXPECT_PROBE(3, "the data", "-m", MODELS[i], "-d", "samples/labels.csv");
    }
    write_in_turn(f, list, sizeof list);
    r = PROBE("-m", SEVEN, "--json", "-t", "1");
    rows[0] = rows_of(r.out);
    run_free(&r);
    r = PROBE("-m", SEVEN, "--json", "-t", "1", "-d", list);
    rows[1] = rows_of(r.out);
    run_free(&r);
    for (size_t i = 0; i < json_array_size(rows[0]); i++)
        for (int k = 0; k < 2; k++) {
            json_t *row = json_array_get(rows[k], i);
            assert_true(json_equal(json_object_get(row, "labels_in_turn"), json_boolean(k == 0)));
            json_object_del(row, "labels_in_turn");
            json_object_del(row, "data");
        }
    assert_true(json_array_size(rows[0]) && json_equal(rows[0], rows[1]));
    json_decref(rows[0]);
    json_decref(rows[1]);
}

static void a_picture_that_cannot_be_read_is_reported_and_left_out(void **state)
{
    struct fixture *f = *state;
    char data[300];

    snprintf(data, sizeof data, "%s/cut", f->dir);
    noise_write(data, PICTURES, CLASSES, 40, 1, 1000); /* the last record is cut */
    struct run r = PROBE("-d", data, "--split", "train", "--json", "--depth", "1", "--norm", "pre", "--init",
                         "xavier", "--seeds", "1");
    json_t *row = json_loads(r.out, 0, NULL);
    assert_int_equal((int)number(row, "pictures"), PICTURES - 1);
    json_decref(row);
    run_expect(&r, 1, "data_batch_5.bin");
    EXPECT_PROBE(3, "more than the 1023 that may be decoded (--max-pixels)", "--max-pixels", "1023");
}

/* ---- mistakes ---- */

static void mistakes_are_named(void **state)
{
    struct fixture *f = *state;

    EXPECT_PROBE(2, "no operands", SMALL(f), "x");
    EXPECT_PROBE(2, "--seed: expected 5 seeds less than 2^63 from it on, found \"9223372036854775804\"",
                 "--seed", "9223372036854775804");
    EXPECT_PROBE(2, "--norm: ", "--norm", "pre,middle");
    EXPECT_PROBE(2, "--depth: ", "--depth", "6,0");
    EXPECT_PROBE(2, "--depth: ", "--depth", "6,twelve");
    EXPECT_PROBE(2, "--depth: ", "--depth", "6,,12");
    EXPECT_PROBE(2, "--depth: expected different values, found \"6\" twice", "--depth", "6,12,6");
    EXPECT_PROBE(2, "--init: ", "--init", "xavier,he");
    EXPECT_PROBE(2, "--heads", "--heads", "0");
    EXPECT_PROBE(2, "multiple of 3 heads", "--heads", "3");
    EXPECT_PROBE(2, "--seeds: ", "--seeds", "0");
    EXPECT_PROBE(2, "--lr: ", "--lr", "fast");
    EXPECT_PROBE(2, "--steps: ", "--steps", "0");
    EXPECT_PROBE(2, "--limit: ", "--limit", "0");
    EXPECT_PROBE(2, "found both", "--noise", "-d", f->data);
    EXPECT_PROBE(2, "--split: expected a data set, found --noise", "--noise", "--split", "test");
    EXPECT_PROBE(2, "--max-pixels: expected pictures to decode", "--noise", "--max-pixels", "3");
    EXPECT_PROBE(2, "--size 16 is for -m MODEL", "--size", "16");
    EXPECT_PROBE(2, "--depth is for new networks", "-m", CHECKPOINT, "--depth", "6");
    EXPECT_PROBE(2, "--qk-norm is for new networks", "-m", CHECKPOINT, "--qk-norm");
    EXPECT_PROBE(2, "--seeds 2: a MODEL", "-m", CHECKPOINT, "--seeds", "2");
    EXPECT_PROBE(2, "--final-norm: ", "-m", CHECKPOINT, "--final-norm", "maybe");
    EXPECT_PROBE(2, "--norm: ", "-m", CHECKPOINT, "--norm", "pre,middle");
    EXPECT_PROBE(2, "--patch 4: the stem is made of convolutions", "--stem", "conv-3x1", "--patch", "4");
    EXPECT_PROBE(2, "did you mean --seeds?", "--sedes", "2");
    EXPECT_PROBE(2, "--dtype int8: is for inference", "--noise", "--dtype", "int8");
    EXPECT_PROBE(3, "nowhere", "-d", "nowhere");
    EXPECT_PROBE(3, "nowhere", "-m", "nowhere", "--noise");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_every_promised_key),
        cmocka_unit_test(lists_multiply),
        cmocka_unit_test(threads_change_no_byte),
        cmocka_unit_test(a_new_network_is_the_one_that_training_starts_from),
        cmocka_unit_test(a_checkpoint_is_measured_under_every_placement_asked_for),
        cmocka_unit_test(each_stem_has_the_tokens_of_its_own),
        cmocka_unit_test(a_preset_is_said_with_what_it_brings),
        cmocka_unit_test(the_help_says_what_nobody_gives),
        cmocka_unit_test(a_setting_that_nothing_reads_is_warned_of),
        cmocka_unit_test(a_page_s_command_measures_the_same),
        cmocka_unit_test(a_page_s_command_measures_a_model_again),
        cmocka_unit_test(rows_of_several_commands_have_as_many),
        cmocka_unit_test(tables_show_means_and_deviations_of_the_rows),
        cmocka_unit_test(every_block_has_a_line_when_asked_for),
        cmocka_unit_test(parallel_tokens_are_warned_of),
        cmocka_unit_test(without_data_the_samples_are_used_where_they_are),
        cmocka_unit_test(the_samples_have_labels_in_turn_for_a_model_of_other_classes),
        cmocka_unit_test(a_picture_that_cannot_be_read_is_reported_and_left_out),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests_name("tools/probe", tests, setup, tmp_teardown);
}
