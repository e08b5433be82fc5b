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
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_talk_group, NULL };

/* ---- verbs by name ---- */

const struct args_verb *const cmd_verbs[] = {
    &cmd_classify, &cmd_eval,    &cmd_compare,    &cmd_train,   &cmd_sweep, &cmd_probe,
    &cmd_report,   &cmd_logits,  &cmd_preprocess, &cmd_explain, &cmd_embed, &cmd_info,
    &cmd_bench,    &cmd_convert, &cmd_help,       NULL,
};

static const char *verb_name(const void *list, int i)
{
    const struct args_verb *const *verbs = list;

    return verbs[i] ? verbs[i]->name : NULL;
}

static const char *verb_word(int i)
{
    return verb_name(cmd_verbs, i);
}

const struct args_verb *cmd_find_verb(const char *name)
{
    for (const struct args_verb *const *v = cmd_verbs; *v; v++)
        if (strcmp((*v)->name, name) == 0) return *v;
    return NULL;
}

/* What may stand in the place of a verb. */
static const char *switch_name(const void *list, int i)
{
    static const char *const NAMES[] = { "--help", "--version", NULL };

    (void)list;
    return NAMES[i];
}

int cmd_unknown_verb(const char *name)
{
    const bool is_switch = name[0] == '-';
    const char *near =
        is_switch ? args_nearest(name, switch_name, NULL) : args_nearest(name, verb_name, cmd_verbs);

    if (near)
        cmd_error("unknown %s \"%s\"; did you mean vit %s?", is_switch ? "option" : "verb", name, near);
    else if (is_switch)
        cmd_error("expected a verb before the options, found \"%s\"; vit help lists the verbs", name);
    else
        cmd_error("unknown verb \"%s\"; vit help lists the verbs", name);
    return CMD_USAGE;
}

void cmd_print_verbs(FILE *out)
{
    fputs("usage: vit VERB [options] [operands]\n\nVision Transformer image classifier. Verbs:\n", out);
    for (const struct args_verb *const *v = cmd_verbs; *v; v++)
        fprintf(out, "  %-12s %s\n", (*v)->name, (*v)->summary);
    fputs("\nvit VERB --help explains a verb, vit --version tells what this build can do.\n", out);
}

/* ---- the verb ---- */

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    const struct args_verb *v;
    const struct {
        bool wanted;
        void (*print)(FILE *, const char *, const struct args_verb *const *);
    } texts[] = {
        { o->man, args_manual }, { o->bash, args_bash }, { o->zsh, args_zsh }, { o->fish, args_fish }
    };
    const int wanted = o->man + o->bash + o->zsh + o->fish;

    if (wanted + count > 1)
        return cmd_usage("expected one verb or one of --man, --bash, --zsh, --fish, found %d",
                         wanted + count);
    for (size_t i = 0; i < VIT_COUNT(texts); i++)
        if (texts[i].wanted) texts[i].print(stdout, "vit", cmd_verbs);
    if (!wanted && !count) cmd_print_verbs(stdout);
    if (!count) return CMD_DONE;
    v = cmd_find_verb(operands[0]);
    if (!v) return cmd_unknown_verb(operands[0]);
    args_help(stdout, "vit", v);
    return CMD_DONE;
}

const struct args_verb cmd_help = {
    .name = "help",
    .operands = "[VERB]",
    .operand = verb_word,
    .summary = "Explain the program or one verb",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
