/* Memory that runs out inside a verb: an exit code, a sentence, and no result that is not whole. The verbs
 * run inside this program, whose allocator refuses when told to. VIT_FAULTS=all: every allocation,
 * otherwise a part. */
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "tests/patch/noise.h"
#include "tests/support/gate.h"
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
static int run_verb(const struct args_verb *v, const char *const *line, int refuse, int *seen)
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
    const char *line[WORDS];
};

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
    int seen, failed = 0, code = run_verb(v->verb, v->line, 0, &seen);

    assert_int_equal(code, CMD_DONE);
    want = content(result, &size);
    for (int n = 1, all = seen; n <= all; n += stride()) {
        unlink(result);
        code = run_verb(v->verb, v->line, n, &seen);
        if (code != CMD_DONE && code != CMD_SOME_FAILED && code != CMD_UNUSABLE && code != CMD_USAGE)
            fail_msg("%s: allocation %d: exit code %d", v->verb->name, n, code);
        if (code && is_silent()) fail_msg("%s: allocation %d: failed in silence", v->verb->name, n);
        failed += code != CMD_DONE;
        is = content(result, &found);
        if (is && (found != size || memcmp(is, want, size) != 0) && !code)
            fail_msg("%s: allocation %d: another result, and exit code 0", v->verb->name, n);
        if (!is && want && !code) fail_msg("%s: allocation %d: no result, and exit code 0", v->verb->name, n);
        free(is);
    }
    free(want);
    unlink(result);
    assert_true(failed > 0);
}

static void a_verb_without_memory_says_so(void **state)
{
    char data[300];
    const struct verb verbs[] = {
        { &cmd_logits, { "-m", MODEL, "-i", INPUT, "-o", "@", "-t1" } },
        { &cmd_convert, { MODEL, "@", "--dtype", "bf16" } },
        { &cmd_preprocess, { "-m", MODEL, PICTURE, "-o", "@" } },
        { &cmd_explain, { "-m", MODEL, PICTURE, "-o", "@", "-t1", "--panel", "32", "--json" } },
        { &cmd_embed, { "-m", MODEL, PICTURE, "-o", "@", "-t1" } },
        { &cmd_classify, { "-m", MODEL, PICTURE, "--json", "-t1" } },
        { &cmd_eval,
          { "-m", "builtin:pre", "--data", data, "--split", "train", "--predictions", "@", "-t1", "-q" } },
        { &cmd_info, { "-m", MODEL, "--json", "--memory" } },
    };

    (void)state;
    snprintf(data, sizeof data, "%s/data", dir);
    noise_write(data, 20, 10, 20, 1, 0);
    for (size_t i = 0; i < VIT_COUNT(verbs); i++) {
        const bool picture = verbs[i].verb == &cmd_preprocess || verbs[i].verb == &cmd_explain;
        snprintf(result, sizeof result, "%s/%s", dir, picture ? "x.png" : "x.safetensors");
        starve(&verbs[i]);
    }
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
    };

    take_one_cpu();
    setenv("OMP_NUM_THREADS", "1", 1);
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0); /* where a sync costs nothing */
    return cmocka_run_group_tests(tests, setup, tmp_teardown);
}
