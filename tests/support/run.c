#include "tests/support/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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
