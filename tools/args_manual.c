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
    args_accepts(o, accepts, sizeof accepts);
    if (o->kind == ARGS_INT || o->kind == ARGS_FLOAT || o->kind == ARGS_CHOICE) {
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

static void verb(FILE *out, const char *program, const struct args_verb *v)
{
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
    for (size_t i = 0; i < v->groups[0]->count; i++) option(out, &v->groups[0]->options[i]);
}

/* Groups after a verb's own are shared: each is described once. */
static void shared(FILE *out, const struct args_verb *const *verbs)
{
    const struct args_group *seen[16];
    size_t count = 0;

    for (; *verbs; verbs++) {
        for (const struct args_group *const *g = (*verbs)->groups + 1; *(g - 1) && *g; g++) {
            size_t i = 0;
            while (i < count && seen[i] != *g) i++;
            if (i < count || count == VIT_COUNT(seen)) continue;
            seen[count++] = *g;
            fprintf(out, ".SS %s\n", (*g)->title);
            for (size_t k = 0; k < (*g)->count; k++) option(out, &(*g)->options[k]);
        }
    }
}

void args_manual(FILE *out, const char *program, const struct args_verb *const *verbs)
{
    static const char *const CODES[][2] = {
        { "0", "done" },
        { "1", "some inputs failed: each one is reported, the others are done" },
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
    for (const struct args_verb *const *v = verbs; *v; v++) verb(out, program, *v);
    fputs(".SH SHARED OPTIONS\n", out);
    shared(out, verbs);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < VIT_COUNT(CODES); i++) fprintf(out, ".TP\n.B %s\n%s\n", CODES[i][0], CODES[i][1]);
    fputs(".SH ENVIRONMENT\n.TP\n.B OMP_NUM_THREADS\nthreads when \\-t is not given.\n"
          ".TP\n.B VIT_KERNELS\nkernels when \\-\\-kernels is not given.\n",
          out);
}
