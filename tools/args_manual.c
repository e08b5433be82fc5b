/* The manual page, roff with the man macros, from the option tables. */
#include <string.h>

#include "tools/args.h"

/* A backslash and a minus mean something to roff; so do a dot and a quote at the start of a line. */
static void roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\n')
            fputs("\n.br\n", out);
        else
            fputc(*text, out);
    }
}

static void option(FILE *out, const struct args_option *o)
{
    const char *fallback = o->otherwise ? o->otherwise : o->initial;
    char accepts[512];

    fputs(".TP\n.B ", out);
    if (o->letter) fprintf(out, "\\-%c\\fR, \\fB", o->letter);
    fputs("\\-\\-", out);
    roff(out, o->name);
    if (o->metavar) {
        fputs(" \\fI", out);
        roff(out, o->metavar);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    roff(out, o->help);
    args_choices(o, accepts, sizeof accepts);
    if (!accepts[0]) args_range(o, accepts, sizeof accepts);
    if (accepts[0]) {
        fputs("; ", out);
        roff(out, accepts);
    }
    if (fallback) {
        fputs(" (default: ", out);
        roff(out, fallback);
        fputc(')', out);
    }
    fputs(".\n", out);
}

static bool has_group(const struct args_verb *v, const struct args_group *g)
{
    for (const struct args_group *const *own = v->groups; *own; own++)
        if (*own == g) return true;
    return false;
}

/* The verbs that have a group, how many. */
static int users(const struct args_verb *const *verbs, const struct args_group *g)
{
    int count = 0;

    for (; *verbs; verbs++) count += has_group(*verbs, g);
    return count;
}

static void options_of(FILE *out, const struct args_group *g)
{
    for (size_t i = 0; i < g->count; i++) option(out, &g->options[i]);
}

/* A verb with the options that are its alone, and the names of the groups it shares. */
static void verb(FILE *out, const char *program, const struct args_verb *v,
                 const struct args_verb *const *verbs)
{
    const char *between = ".PP\nShared options: ";

    fprintf(out, ".SS %s %s [options] ", program, v->name);
    roff(out, v->operands);
    fputc('\n', out);
    roff(out, v->summary);
    fputs(".\n", out);
    if (v->details) {
        fputs(".PP\n", out);
        roff(out, v->details);
        fputc('\n', out);
    }
    for (const struct args_group *const *g = v->groups; *g; g++)
        if (users(verbs, *g) == 1) options_of(out, *g);
    for (const struct args_group *const *g = v->groups; *g; g++) {
        if (users(verbs, *g) == 1) continue;
        fprintf(out, "%s%s", between, (*g)->title);
        between = "; ";
    }
    if (*between == ';') fputs(".\n", out);
}

/* What several verbs have, once, with their names: groups of one title may differ. */
static void shared(FILE *out, const struct args_verb *const *verbs, const struct args_group *g)
{
    int left = users(verbs, g);

    fprintf(out, ".SS %s\nOf ", g->title);
    for (; *verbs; verbs++) {
        if (!has_group(*verbs, g)) continue;
        left--;
        fprintf(out, "%s%s", (*verbs)->name, left > 1 ? ", " : left ? " and " : ".\n");
    }
    options_of(out, g);
}

/* The first verb that has a shared group prints it. */
static void all_shared(FILE *out, const struct args_verb *const *verbs)
{
    for (const struct args_verb *const *v = verbs; *v; v++)
        for (const struct args_group *const *g = (*v)->groups; *g; g++) {
            const struct args_verb *const *first = verbs;
            while (!has_group(*first, *g)) first++;
            if (first == v && users(verbs, *g) > 1) shared(out, verbs, *g);
        }
}

void args_manual(FILE *out, const char *program, const struct args_verb *const *verbs)
{
    static const char *const CODES[][2] = {
        { "0", "done" },
        { "1", "some inputs failed (each one is reported, the others are done), or a result could not be "
               "written" },
        { "2", "wrong usage" },
        { "3", "the model or the data set cannot be used" },
        { "4", "training diverged" },
        { "130", "interrupted" },
    };

    fprintf(out, ".TH %s 1 \"\" \"%s %s\" \"User Commands\"\n", "VIT", program, VIT_VERSION);
    fprintf(out, ".SH NAME\n%s \\- Vision Transformer image classifier\n", program);
    fprintf(out, ".SH SYNOPSIS\n.B %s\n.I verb\n[options] [operands]\n", program);
    fputs(".SH DESCRIPTION\nResults go to standard output and nothing else does; progress, warnings and "
          "errors go to standard error.\n.SH VERBS\n",
          out);
    for (const struct args_verb *const *v = verbs; *v; v++) verb(out, program, *v, verbs);
    fputs(".SH SHARED OPTIONS\n", out);
    all_shared(out, verbs);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < VIT_COUNT(CODES); i++) fprintf(out, ".TP\n.B %s\n%s\n", CODES[i][0], CODES[i][1]);
    fputs(".SH ENVIRONMENT\n.TP\n.B OMP_NUM_THREADS\nthreads when \\-t is not given.\n"
          ".TP\n.B VIT_KERNELS\nkernels when \\-\\-kernels is not given.\n",
          out);
}
