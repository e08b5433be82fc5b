/* vit help: the verbs, one verb, and the texts that `make install` puts beside the program. */
#include <string.h>

#include "tools/cmd.h"

struct options {
    struct cmd_common common;
    bool man, bash, zsh, fish;
};

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "man", .kind = ARGS_FLAG, .at = AT(man), .help = "the manual page, for man(1)" },
    { .name = "bash", .kind = ARGS_FLAG, .at = AT(bash), .help = "completions for bash" },
    { .name = "zsh", .kind = ARGS_FLAG, .at = AT(zsh), .help = "completions for zsh" },
    { .name = "fish", .kind = ARGS_FLAG, .at = AT(fish), .help = "completions for fish" },
    { .name = "help", .letter = 'h', .kind = ARGS_FLAG, .at = AT(common.help), .help = "this text" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, NULL };

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    const struct {
        bool wanted;
        void (*print)(FILE *, const char *, const struct args_verb *const *);
    } texts[] = {
        { o->man, args_manual }, { o->bash, args_bash }, { o->zsh, args_zsh }, { o->fish, args_fish }
    };

    for (size_t i = 0; i < VIT_COUNT(texts); i++) {
        if (!texts[i].wanted) continue;
        texts[i].print(stdout, "vit", cmd_verbs);
        return CMD_DONE;
    }
    if (count != 1) return cmd_usage(&cmd_help, "help: expected one verb, found %d", count);
    for (const struct args_verb *const *v = cmd_verbs; *v; v++) {
        if (strcmp((*v)->name, operands[0]) != 0) continue;
        args_help(stdout, "vit", *v);
        return CMD_DONE;
    }
    return cmd_usage(&cmd_help, "unknown verb \"%s\"; vit help lists the verbs", operands[0]);
}

const struct args_verb cmd_help = {
    .name = "help",
    .operands = "[VERB]",
    .summary = "Explain the program or one verb",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
