#include "tools/markup.h"

#include <assert.h>

static const char *reference(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* No control characters but these, and not U+FFFE and U+FFFF: XML 1.0, production 2, which allows U+007F to
 * U+009F; a terminal should not see them. */
static bool allowed(const char *s)
{
    const unsigned char *c = (const unsigned char *)s;

    if (*s == '\t' || *s == '\n') return true;
    return vit_printable(s) && !(c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe);
}

/* The bytes of text before end. No sequence crosses it: there is an ASCII character, or nothing more. */
static void put_until(FILE *out, const char *text, const char *end)
{
    while (text < end) {
        const int bytes = vit_utf8(text);
        const char *name = reference(*text);

        if (name)
            fputs(name, out);
        else if (allowed(text))
            fwrite(text, 1, (size_t)bytes, out);
        else
            fputs("\xef\xbf\xbd", out);
        text += bytes ? bytes : 1;
    }
}

void markup_text(FILE *out, const char *text)
{
    put_until(out, text, text + strlen(text));
}

void markup_word(FILE *out, const char *text)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=%+@";

    if (*text && !text[strspn(text, PLAIN)]) {
        fputs(text, out);
        return;
    }
    fputs("&#39;", out);
    while (*text) {
        const size_t run = strcspn(text, "'");

        put_until(out, text, text + run);
        text += run;
        if (!*text) break;
        fputs("&#39;\\&#39;&#39;", out); /* end the quotes, one quote, begin anew */
        text++;
    }
    fputs("&#39;", out);
}

/* One conversion at *format (after the per cent sign), which is moved past it. */
static void convert(FILE *out, const char **format, va_list *args)
{
    const size_t flags = strspn(*format, "-+0123456789.");
    char spec[16];
    char kind = (*format)[flags];

    assert(flags < sizeof spec - 3);
    snprintf(spec, sizeof spec, "%%%.*s%c", (int)flags, *format, kind);
    *format += flags + 1;
    switch (kind) {
    case 's': markup_text(out, va_arg(*args, const char *)); break;
    case 'd': fprintf(out, "%d", va_arg(*args, int)); break;
    case 'f':
    case 'g': fprintf(out, spec, va_arg(*args, double)); break;
    case 'z':
        assert(**format == 'u');
        (*format)++;
        fprintf(out, "%zu", va_arg(*args, size_t));
        break;
    default: assert(kind == '%'); fputc('%', out);
    }
}

void markup_put(FILE *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    while (*format) {
        const size_t plain = strcspn(format, "%");

        fwrite(format, 1, plain, out);
        format += plain;
        if (!*format) break;
        format++;
        convert(out, &format, &args);
    }
    va_end(args);
}
