/* vit - the program: finds the verb, reads its options, runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/out.h"

static int run_verb(const struct args_verb *v, int count, char **words)
{
    struct vit_error err;
    struct cmd_common *options = calloc(1, v->bytes); /* every verb's options begin with the common ones */
    int code;

    if (!options) {
        cmd_error("cannot allocate %zu bytes", v->bytes);
        return CMD_UNUSABLE;
    }
    if (args_parse(v, options, &count, words, &err)) {
        code = cmd_usage("%s", err.text);
    } else if (options->help) {
        args_help(stdout, "vit", v);
        code = CMD_DONE;
    } else if (options->version) {
        cmd_print_version();
        code = CMD_DONE;
    } else {
        cmd_check_environment(v, options);
        code = v->run(options, count, words);
    }
    free(options);
    if (code == CMD_USAGE) args_usage(stderr, "vit", v);
    return code;
}

static int run(int argc, char **argv)
{
    const struct args_verb *v;

    if (argc < 2) {
        cmd_print_verbs(stderr);
        return CMD_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        cmd_print_version();
        return CMD_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cmd_print_verbs(stdout);
        return CMD_DONE;
    }
    v = cmd_find_verb(argv[1]);
    return v ? run_verb(v, argc - 2, argv + 2) : cmd_unknown_verb(argv[1]);
}

/* A file opened while 0, 1 or 2 is closed would take its number, and results would go into it. */
static void occupy_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int main(int argc, char **argv)
{
    occupy_standard_files();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, which out_close looks into */
    signal(SIGXFSZ, SIG_IGN); /* so is a file that the limit of ulimit -f ends */
    return out_close(run(argc, argv));
}
