/* What an option accepts, in words, and the text of --help. */
#include <math.h>
#include <string.h>

#include "tools/args.h"
#include "vit/text.h"

enum { COLUMNS = 90, INDENT = 28 };

static void accepts_number(const struct args_option *o, const char *what, char *text, size_t size)
{
    if (o->high >= 0x1p63) /* more than the digits of a double */
        snprintf(text, size, "%s, %g or more and less than 2^%d", what, o->low, ilogb(o->high));
    else
        snprintf(text, size, "%s from %.10g to %.10g", what, o->low, o->high);
}

void args_choices(const struct args_option *o, char *text, size_t size)
{
    text[0] = '\0';
    for (int i = 0; o->choice && o->choice(i); i++)
        vit_list_add(text, size, o->choice(i + 1) ? ", " : " or ", o->choice(i));
}

void args_range(const struct args_option *o, char *text, size_t size)
{
    char what[64];

    text[0] = '\0';
    if (o->typed) o = o->typed;
    switch (o->kind) {
    case ARGS_INT:
    case ARGS_COUNT: accepts_number(o, "a whole number", text, size); break;
    case ARGS_FLOAT: accepts_number(o, "a number", text, size); break;
    case ARGS_FLOATS:
        snprintf(what, sizeof what, "%d numbers separated by commas, each", o->count);
        accepts_number(o, what, text, size);
        break;
    default: break;
    }
}

void args_accepts(const struct args_option *o, char *text, size_t size)
{
    args_range(o, text, size);
    if (o->kind == ARGS_CHOICE) args_choices(o, text, size);
    if (!text[0]) snprintf(text, size, "a text that is not empty");
}

void args_wrap(FILE *out, const char *text, int at, int indent)
{
    int column = at;

    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + length > COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", length, text);
        column += length;
        text += length;
        if (*text == '\n') {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        if (*text) text++;
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct args_option *o)
{
    char left[96], text[1024], choices[512];
    const char *fallback = o->otherwise ? o->otherwise : o->initial;

    snprintf(left, sizeof left, "  %c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
             o->letter ? ", " : "  ", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
    args_choices(o, choices, sizeof choices);
    snprintf(text, sizeof text, "%s%s%s%s%s%s", o->help, choices[0] ? ": " : "", choices,
             fallback ? " (default: " : "", fallback ? fallback : "", fallback ? ")" : "");
    if (strlen(left) + 2 > INDENT)
        fprintf(out, "%s\n%*s", left, INDENT, "");
    else
        fprintf(out, "%-*s", INDENT, left);
    args_wrap(out, text, INDENT, INDENT);
}

void args_usage(FILE *out, const char *program, const struct args_verb *v)
{
    fprintf(out, "usage: %s %s [options]%s%s\n", program, v->name, v->operands[0] ? " " : "", v->operands);
}

void args_help(FILE *out, const char *program, const struct args_verb *v)
{
    args_usage(out, program, v);
    fprintf(out, "%s.\n", v->summary);
    if (v->details) {
        fputc('\n', out);
        args_wrap(out, v->details, 0, 0);
    }
    for (const struct args_group *const *g = v->groups; *g; g++) {
        fprintf(out, "\n%s:\n", (*g)->title);
        for (size_t i = 0; i < (*g)->count; i++) print_option(out, &(*g)->options[i]);
    }
}
