/* Completions for bash, zsh and fish from the option tables. */
#include <string.h>

#include "tools/args.h"

/* ---- bash ---- */

static void words(FILE *out, const char *(*word)(int i))
{
    for (int i = 0; word(i); i++) fprintf(out, "%s%s", i ? " " : "", word(i));
}

/* After an option whose value is none of a few words come files, not operands. */
static void bash_values(FILE *out, const struct args_verb *v, const struct args_option *o)
{
    if (!o->choice && !(o->metavar && v->operand)) return;
    fprintf(out, "    '%s --%s'", v->name, o->name);
    if (o->letter) fprintf(out, " | '%s -%c'", v->name, o->letter);
    if (!o->choice) {
        fputs(") return ;;\n", out);
        return;
    }
    fputs(") words='", out);
    words(out, o->choice);
    fputs("' ;;\n", out);
}

static void bash_operands(FILE *out, const struct args_verb *v)
{
    if (!v->operand) return;
    fprintf(out, "    %s) words='", v->name);
    words(out, v->operand);
    fputs("' ;;\n", out);
}

static void bash_names(FILE *out, const struct args_verb *v)
{
    const struct args_option *o;

    fprintf(out, "    %s) words='", v->name);
    for (int i = 0; (o = args_option_at(v, i)); i++) fprintf(out, "%s--%s", i ? " " : "", o->name);
    fputs("' ;;\n", out);
}

void args_bash(FILE *out, const char *program, const struct args_verb *const *verbs)
{
    const struct args_option *o;

    fprintf(out, "_%s() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n",
            program);
    fputs("    local verb=${COMP_WORDS[1]} words=\n    COMPREPLY=()\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        words='",
          out);
    for (const struct args_verb *const *v = verbs; *v; v++) fprintf(out, "%s ", (*v)->name);
    fputs("--help --version'\n        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n        return\n    "
          "fi\n"
          "    case \"$verb $prev\" in\n",
          out);
    for (const struct args_verb *const *v = verbs; *v; v++)
        for (int i = 0; (o = args_option_at(*v, i)); i++) bash_values(out, *v, o);
    fputs("    esac\n    if [ -z \"$words\" ] && [ \"${cur#-}\" != \"$cur\" ]; then\n    case \"$verb\" in\n",
          out);
    for (const struct args_verb *const *v = verbs; *v; v++) bash_names(out, *v);
    fputs("    esac\n    elif [ -z \"$words\" ]; then\n    case \"$verb\" in\n", out);
    for (const struct args_verb *const *v = verbs; *v; v++) bash_operands(out, *v);
    fputs("    esac\n    fi\n    [ -z \"$words\" ] || COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n",
          out);
    fprintf(out, "complete -o default -F _%s %s\n", program, program);
}

/* ---- zsh ---- */

/* In a spec of _arguments within single quotes: brackets, colons and quotes are special. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else {
            if (strchr("[]:\\", *text)) fputc('\\', out);
            fputc(*text, out);
        }
    }
}

static void zsh_words(FILE *out, const char *(*word)(int i))
{
    fputc('(', out);
    for (int i = 0; word(i); i++) {
        if (i) fputc(' ', out);
        zsh_text(out, word(i));
    }
    fputc(')', out);
}

static void zsh_option(FILE *out, const struct args_option *o)
{
    if (o->letter)
        fprintf(out, "        '(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter,
                o->metavar ? "+" : "", o->name, o->metavar ? "=" : "");
    else
        fprintf(out, "        '--%s%s[", o->name, o->metavar ? "=" : "");
    zsh_text(out, o->help);
    fputc(']', out);
    if (o->metavar) {
        fputc(':', out);
        zsh_text(out, o->metavar);
        fputc(':', out);
    }
    if (o->kind == ARGS_PATH) fputs("_files", out);
    if (o->choice) zsh_words(out, o->choice);
    fputs("' \\\n", out);
}

static void zsh_operands(FILE *out, const struct args_verb *v)
{
    if (!v->operand) {
        fputs("        '*:file:_files' ;;\n", out);
        return;
    }
    fputs("        '*:word:", out);
    zsh_words(out, v->operand);
    fputs("' ;;\n", out);
}

void args_zsh(FILE *out, const char *program, const struct args_verb *const *verbs)
{
    const struct args_option *o;

    fprintf(out, "#compdef %s\n_%s() {\n    local -a verbs\n    verbs=(\n", program, program);
    for (const struct args_verb *const *v = verbs; *v; v++) {
        fprintf(out, "        '%s:", (*v)->name);
        zsh_text(out, (*v)->summary);
        fputs("'\n", out);
    }
    fputs("    )\n    if (( CURRENT == 2 )); then _describe verb verbs; return; fi\n"
          "    local verb=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $verb in\n",
          out);
    for (const struct args_verb *const *v = verbs; *v; v++) {
        fprintf(out, "    %s) _arguments -s \\\n", (*v)->name);
        for (int i = 0; (o = args_option_at(*v, i)); i++) zsh_option(out, o);
        zsh_operands(out, *v);
    }
    fprintf(out, "    esac\n}\n_%s \"$@\"\n", program);
}

/* ---- fish ---- */

static void fish_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (strchr("'\\", *text)) fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void fish_option(FILE *out, const char *program, const char *verb, const struct args_option *o)
{
    fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from %s' -l %s", program, verb, o->name);
    if (o->letter) fprintf(out, " -s %c", o->letter);
    if (o->metavar) fputs(o->choice ? " -x" : " -r", out);
    if (o->choice) {
        fputs(" -a '", out);
        words(out, o->choice);
        fputc('\'', out);
    }
    fputs(" -d ", out);
    fish_text(out, o->help);
    fputc('\n', out);
}

void args_fish(FILE *out, const char *program, const struct args_verb *const *verbs)
{
    const struct args_option *o;

    for (; *verbs; verbs++) {
        fprintf(out, "complete -c %s -f -n __fish_use_subcommand -a %s -d ", program, (*verbs)->name);
        fish_text(out, (*verbs)->summary);
        fputc('\n', out);
        for (int i = 0; (o = args_option_at(*verbs, i)); i++) fish_option(out, program, (*verbs)->name, o);
        if (!(*verbs)->operand) continue;
        fprintf(out, "complete -c %s -f -n '__fish_seen_subcommand_from %s' -a '", program, (*verbs)->name);
        words(out, (*verbs)->operand);
        fputs("'\n", out);
    }
}
