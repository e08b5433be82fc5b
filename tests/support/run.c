#include "tests/support/run.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"

enum { WORDS = 96 };

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The child: files as standard streams, then the program. Does not return. */
static void become(const char *const *argv, int in, int out, int err)
{
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(126);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

static char *read_back(FILE *f, size_t *size)
{
    char *text = NULL;

    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    text = malloc(*size + 1);
    if (!text) return NULL;
    *size = fread(text, 1, *size, f);
    text[*size] = '\0';
    return text;
}

static bool run_with(struct run *r, const char *const *argv, FILE *in, FILE *out, FILE *err, int out_fd)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) become(argv, fileno(in), out_fd, fileno(err));
    if (child < 0 || waitpid(child, &status, 0) != child) return false;
    r->code = code_of(status);
    r->out = read_back(out, &r->out_size);
    r->err = read_back(err, &r->err_size);
    return r->code != 127 && r->code != 126 && r->out && r->err;
}

/* Files, not pipes: nothing can fill up and wait. */
bool run_program(struct run *r, const char *const *argv, const struct run_input *input)
{
    FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
    int other = input && input->out_path ? open(input->out_path, O_WRONLY) : -1;
    bool done = false;

    *r = (struct run){ 0 };
    if (in && out && err) {
        if (input && input->size) fwrite(input->bytes, 1, input->size, in);
        fflush(in);
        rewind(in);
        lseek(fileno(in), 0, SEEK_SET);
        done = run_with(r, argv, in, out, err, other >= 0 ? other : fileno(out));
    }
    if (other >= 0) close(other);
    if (in) fclose(in);
    if (out) fclose(out);
    if (err) fclose(err);
    return done;
}

void run_free(struct run *r)
{
    free(r->out);
    free(r->err);
    *r = (struct run){ 0 };
}

/* ---- vit ---- */

const char *run_binary(void)
{
    static char binary[PATH_MAX];
    const char *path = getenv("VIT_BIN");

    if (!path || !*path) path = "build/release/bin/vit";
    if (!*binary && !realpath(path, binary)) fail_msg("%s: cannot be found", path);
    return binary;
}

static int add(const char **argv, int count, const char *const *words)
{
    for (int i = 0; words && words[i]; i++) {
        assert_true(count + 1 < WORDS);
        argv[count++] = words[i];
    }
    argv[count] = NULL;
    return count;
}

/* argv (WORDS) = vit, the verb if any, and both lists. */
static void command(const char **argv, const char *verb, const char *const *usual, const char *const *words)
{
    int count = 0;

    argv[count++] = run_binary();
    if (verb) argv[count++] = verb;
    count = add(argv, count, usual);
    add(argv, count, words);
}

struct run run_vit(const char *const *words, const struct run_input *input)
{
    const char *argv[WORDS];
    struct run r;

    command(argv, NULL, NULL, words);
    if (!run_program(&r, argv, input)) fail_msg("%s cannot be started", argv[0]);
    return r;
}

struct run run_verb(const char *verb, const char *const *usual, const char *const *words)
{
    const char *argv[WORDS];

    command(argv, verb, usual, words);
    return run_vit(argv + 1, NULL);
}

void run_expect(struct run *r, int code, const char *part)
{
    if (r->code != code)
        fail_msg("exit code %d, expected %d\nstdout: %s\nstderr: %s", r->code, code, r->out, r->err);
    if (!strstr(r->err, part)) fail_msg("stderr: expected \"%s\", found: %s", part, r->err);
    run_free(r);
}

/* ---- interrupted ---- */

static bool ended(pid_t child)
{
    siginfo_t info = { 0 };

    return !waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == child;
}

int run_interrupted(const char *verb, const char *const *usual, const char *const *words, const char *dir,
                    const char *name, int lines, int number)
{
    const char *argv[WORDS];
    int status, null = open("/dev/null", O_RDWR);
    pid_t child;

    command(argv, verb, usual, words);
    child = fork();
    if (child == 0) become(argv, null, null, null);
    close(null);
    assert_true(child > 0);
    while (tmp_lines(dir, name) < lines && !ended(child)) usleep(200);
    kill(child, number); /* a child that has ended is still there: nobody waited for it */
    assert_int_equal(waitpid(child, &status, 0), child);
    return code_of(status);
}
