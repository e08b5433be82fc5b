/* Memory that runs out inside a verb: an exit code, a sentence, and no result that is not whole. The verbs
 * run inside this program, whose allocator refuses when told to. VIT_FAULTS=all: every allocation,
 * otherwise a part. */
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/patch/noise.h"
#include "tests/support/gate.h"
#include "tests/support/run.h"
#include "tools/cmd.h"
#include "tools/memory.h"

#define MODEL   "tests/data/golden/timm-cls"
#define PICTURE "tests/data/preprocess/fmt-420.jpg"
#define INPUT   "tests/data/golden/timm-cls/expect.safetensors"

enum { WORDS = 16 };

static const char *dir;
static char result[300], said[300];

/* Standard output and error go into files while a verb runs. */
struct streams {
    int out, err;
};

static struct streams redirect(void)
{
    struct streams s = { dup(1), dup(2) };
    char path[300];
    int fd;

    fflush(NULL);
    snprintf(path, sizeof path, "%s/out", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(fd, 1);
    close(fd);
    fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(fd, 2);
    close(fd);
    return s;
}

static void restore(const struct streams *s)
{
    fflush(NULL);
    dup2(s->out, 1);
    dup2(s->err, 2);
    close(s->out);
    close(s->err);
    clearerr(stdout);
}

/* Parse first (a command line is a few bytes), then run with allocation refuse refused; 0: none. */
static int run_starved(const struct args_verb *v, const char *const *line, int refuse, int *seen)
{
    char copies[WORDS][320], *words[WORDS + 1] = { NULL };
    struct vit_error err = { 0 };
    struct streams streams;
    void *options = calloc(1, v->bytes);
    int count = 0, code;

    for (; line[count]; count++) {
        snprintf(copies[count], sizeof copies[count], "%s",
                 strcmp(line[count], "@") == 0 ? result : line[count]);
        words[count] = copies[count];
    }
    assert_ok(args_parse(v, options, &count, words, &err), &err);
    streams = redirect();
    arm(refuse);
    code = v->run(options, count, words);
    *seen = disarm();
    restore(&streams);
    free(options);
    return code;
}

static bool is_silent(void)
{
    size_t size;

    free(tmp_read(said, &size));
    return size == 0;
}

/* The file a verb has written; NULL: none. */
static unsigned char *content(const char *path, size_t *size)
{
    return access(path, F_OK) ? NULL : tmp_read(path, size);
}

struct verb {
    const struct args_verb *verb;
    const char *name; /* of the file it writes, in dir */
    const char *line[WORDS];
};

/* Objects in what the verb has printed with --json, a line each; -1: one is not whole. */
static int printed(void)
{
    int count = 0;
    char *text = tmp_text(dir, "out");
    const char *at = text;

    while (*at && count >= 0) {
        const size_t length = strcspn(at, "\n");
        json_t *one = json_loadb(at, length, 0, NULL);
        count = at[length] && json_is_object(one) ? count + 1 : -1;
        json_decref(one);
        at += length + (at[length] == '\n');
    }
    free(text);
    return count;
}

static bool prints_json(const struct verb *v)
{
    for (const char *const *word = v->line; *word; word++)
        if (!strcmp(*word, "--json")) return true;
    return false;
}

/* A verb that has failed leaves nothing, or, where a picture failed it alone, the whole of the others. */
static bool may_be_another(const struct verb *v, int code)
{
    return (v->verb == &cmd_eval || v->verb == &cmd_embed) && code == CMD_SOME_FAILED;
}

/* Most allocations of a verb repeat, tensor by tensor. A prime, so that it does not step with them. */
static int stride(void)
{
    const char *all = getenv("VIT_FAULTS");

    return all && strcmp(all, "all") == 0 ? 1 : 13;
}

static void starve(const struct verb *v)
{
    size_t size = 0, found = 0;
    unsigned char *want, *is;
    int seen, failed = 0, code = run_starved(v->verb, v->line, 0, &seen);
    const int objects = prints_json(v) ? printed() : 0;

    assert_int_equal(code, CMD_DONE);
    assert_true(!prints_json(v) || objects > 0);
    want = content(result, &size);
    for (int n = 1, all = seen; n <= all; n += stride()) {
        unlink(result);
        code = run_starved(v->verb, v->line, n, &seen);
        if (code != CMD_DONE && code != CMD_SOME_FAILED && code != CMD_UNUSABLE && code != CMD_USAGE)
            fail_msg("%s: allocation %d: exit code %d", v->verb->name, n, code);
        if (code && is_silent()) fail_msg("%s: allocation %d: failed in silence", v->verb->name, n);
        failed += code != CMD_DONE;
        if (!code && objects && printed() != objects)
            fail_msg("%s: allocation %d: objects were lost on standard output, and exit code 0",
                     v->verb->name, n);
        is = content(result, &found);
        if (is && (found != size || memcmp(is, want, size) != 0) && !may_be_another(v, code))
            fail_msg("%s: allocation %d: another result, exit code %d", v->verb->name, n, code);
        if (!is && want && !code) fail_msg("%s: allocation %d: no result, and exit code 0", v->verb->name, n);
        free(is);
    }
    free(want);
    unlink(result);
    assert_true(failed > 0);
}

/* Two runs of one condition, as a sweep writes them. */
static void write_cells(void)
{
    static const char CELLS[] =
        "{\"cell\":\"a\",\"norm\":\"pre\",\"depth\":6,\"lr\":0.001,\"warmup\":0,\"init\":\"xavier\","
        "\"seed\":0,\"status\":\"done\",\"val_top1\":0.5,\"val_n\":1000}\n"
        "{\"cell\":\"b\",\"norm\":\"post\",\"depth\":6,\"lr\":0.001,\"warmup\":0,\"init\":\"xavier\","
        "\"seed\":0,\"status\":\"dead\",\"val_top1\":0.1,\"val_n\":1000}\n";
    static const char GRID[] = "{\"data\":\"d\",\"settings\":{\"norm\":[\"pre\",\"post\"],"
                               "\"qk-norm\":[\"off\",\"on\"],\"zero-head\":[\"off\"]}}";
    static const char PROBE[] = "{\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":1,\"seed\":0,\"block\":0,"
                                "\"width\":16,\"grad_w2\":1}\n";

    tmp_write(dir, "grid/sweep.json", GRID, sizeof GRID - 1, NULL, 0);
    tmp_write(dir, "grid/probe.jsonl", PROBE, sizeof PROBE - 1, NULL, 0);
    tmp_write(dir, "grid/cells.jsonl", CELLS, sizeof CELLS - 1, NULL, 0);
}

static void write_logits(const char *path, const char *data)
{
    struct run r = run_vit((const char *const[]){ "eval", "-q", "-m", "builtin:pre", "--data", data,
                                                  "--split", "train", "--logits", path, NULL },
                           NULL);

    run_expect(&r, 0, "");
}

static void a_verb_without_memory_says_so(void **state)
{
    char data[300], grid[300], logits[300];
    const struct verb verbs[] = {
        { &cmd_logits, "x.safetensors", { "-m", MODEL, "-i", INPUT, "-o", "@", "-t1" } },
        { &cmd_convert, "x.safetensors", { MODEL, "@", "--dtype", "bf16" } },
        { &cmd_preprocess, "x.png", { "-m", MODEL, PICTURE, "-o", "@" } },
        { &cmd_explain, "x.png", { "-m", MODEL, PICTURE, "-o", "@", "-t1", "--panel", "32", "--json" } },
        { &cmd_embed, "x.npy", { "-m", MODEL, PICTURE, "-o", "@", "-t1" } },
        { &cmd_classify, "none", { "-m", MODEL, PICTURE, "--json", "-t1" } },
        { &cmd_eval,
          "x.csv",
          { "-m", "builtin:pre", "--data", data, "--split", "train", "--predictions", "@", "-t1", "-q" } },
        { &cmd_info, "none", { "-m", MODEL, "--json", "--memory" } },
        { &cmd_compare, "none", { logits, logits, "--json", "-q" } },
        { &cmd_report, "x.html", { grid, "-o", "@" } },
    };

    (void)state;
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(grid, sizeof grid, "%s/grid", dir);
    snprintf(logits, sizeof logits, "%s/logits.safetensors", dir);
    noise_write(data, 20, 10, 20, 1, 0);
    write_cells();
    write_logits(logits, data);
    for (size_t i = 0; i < VIT_COUNT(verbs); i++) {
        snprintf(result, sizeof result, "%s/%s", dir, verbs[i].name);
        starve(&verbs[i]);
    }
}

/* ---- training where there is no memory to keep the pictures ---- */

enum { PICTURES = 25, PICTURE_BYTES = 3 * 32 * 32 };

static int train_starved(const char *data, const char *out, bool resume, int refuse, int *seen)
{
    const char *const line[] = { "--data",     data,         resume ? "--resume" : "--out",
                                 out,          "--width=8",  "--depth=1",
                                 "--heads=1",  "--patch=16", "--batch=5",
                                 "--epochs=2", "--val=0",    "--checkpoint-every=2",
                                 "-q",         "-t1",        NULL };

    return run_starved(&cmd_train, line, refuse, seen);
}

/* A picture that gets no memory is in no batch that is too small: the run ends, and goes on as if nothing had
 * been. */
static void training_without_memory_for_a_picture_can_be_gone_on_with(void **state)
{
    char data[300], whole[300], broken[300], model[400], saved[400];
    size_t size, found;
    unsigned char *want;
    int all, seen, late = 0;

    (void)state;
    snprintf(data, sizeof data, "%s/many", dir);
    snprintf(whole, sizeof whole, "%s/whole", dir);
    snprintf(broken, sizeof broken, "%s/broken", dir);
    noise_write(data, PICTURES, 5, 20, 1, 0);
    atomic_store(&gate.never, (size_t)PICTURES * PICTURE_BYTES + 1); /* the store of them */
    assert_int_equal(train_starved(data, whole, false, 0, &all), CMD_DONE);
    snprintf(model, sizeof model, "%s/model.safetensors", whole);
    want = tmp_read(model, &size);
    snprintf(model, sizeof model, "%s/model.safetensors", broken);
    snprintf(saved, sizeof saved, "%s/state.safetensors", broken);
    for (int n = 1; n <= all; n += stride()) {
        unsigned char *is;
        char *text;
        int code;

        tmp_remove(broken);
        code = train_starved(data, broken, false, n, &seen);
        text = tmp_text(dir, "said");
        if (code != CMD_DONE && (code != CMD_UNUSABLE || !*text))
            fail_msg("allocation %d: exit code %d, %s", n, code, text);
        late += strstr(text, "cannot allocate a picture") && !access(saved, F_OK);
        free(text);
        if (code) assert_int_equal(train_starved(data, broken, true, 0, &seen), CMD_DONE);
        is = tmp_read(model, &found);
        if (found != size || memcmp(is, want, size) != 0)
            fail_msg("allocation %d: another model, exit code %d", n, code);
        free(is);
    }
    free(want);
    atomic_store(&gate.never, 0);
    assert_true(late > 0);
}

/* Every allocation of a stream, and of one inside it, fails once: never is a part of the text taken for
 * all. */
static void a_stream_into_memory_knows_what_it_lost(void **state)
{
    int failed = 0, all = 0;

    (void)state;
    for (int n = 0; n <= all; n++) {
        struct memory outer, inner;
        bool whole;
        arm(n);
        if (memory_open(&outer)) {
            for (int i = 0; i < 1000; i++) fprintf(outer.out, "%04d ", i);
            if (memory_open(&inner)) fputs("inside", inner.out);
            if (memory_close(&inner)) fputs(inner.bytes, outer.out);
            free(inner.bytes);
        }
        whole = memory_close(&outer);
        const int seen = disarm();
        all = n ? all : seen;
        if (!n) assert_true(whole);
        if (whole) {
            assert_int_equal(outer.size, 5006);
            assert_string_equal(outer.bytes + 4995, "0999 inside");
        }
        failed += !whole;
        free(outer.bytes);
    }
    assert_in_range(failed, 3, all);
}

static int setup(void **state)
{
    dir = tmp_fixture(state, TMP_PATH);
    snprintf(said, sizeof said, "%s/said", dir);
    return 0;
}

/* One CPU, so that models are packed by one thread: libgomp ends the program when it cannot start another. */
static void take_one_cpu(void)
{
    cpu_set_t allowed, one;
    int cpu = 0;

    if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &allowed)) cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_into_memory_knows_what_it_lost),
        cmocka_unit_test(a_verb_without_memory_says_so),
        cmocka_unit_test(training_without_memory_for_a_picture_can_be_gone_on_with),
    };

    take_one_cpu();
    setenv("OMP_NUM_THREADS", "1", 1);
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0); /* where a sync costs nothing */
    return cmocka_run_group_tests(tests, setup, tmp_teardown);
}
