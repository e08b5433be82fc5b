#include "tools/out.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vit/base.h"
#include "vit/json.h"

json_t *out_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *out_float(float value)
{
    return isfinite(value) ? vit_json_number(value) : json_null();
}

json_t *out_whole(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

json_t *out_text(const char *text)
{
    char *clean = malloc(3 * strlen(text) + 1), *to = clean;
    json_t *value;

    if (!clean) return NULL;
    while (*text) {
        int bytes = vit_utf8(text);
        memcpy(to, bytes ? text : "\xef\xbf\xbd", bytes ? (size_t)bytes : 3);
        to += bytes ? bytes : 3;
        text += bytes ? bytes : 1;
    }
    *to = '\0';
    value = json_string(clean);
    free(clean);
    return value;
}

void out_json_line(FILE *out, const char *text)
{
    for (int bytes; *text; text++) {
        if (vit_printable(text) || !(bytes = vit_utf8(text))) {
            fputc((unsigned char)*text, out); /* also the further bytes of a character */
            continue;
        }
        text += bytes - 1;
        fprintf(out, "\\u%04x", (unsigned char)*text); /* the last byte of U+007F to U+009F is the number */
    }
    fputc('\n', out);
}

const char *out_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

bool out_json(json_t *value)
{
    char *text = vit_json_text(value, JSON_COMPACT | JSON_REAL_PRECISION(OUT_DIGITS));

    json_decref(value);
    if (!text) {
        fprintf(stderr, "vit: out of memory while writing a result\n");
        return false;
    }
    out_json_line(stdout, text);
    free(text);
    return !ferror(stdout);
}

/* What begins HTML in markdown, as a reference that does not. */
static const char *reference(char c)
{
    return c == '<' ? "&lt;" : c == '&' ? "&amp;" : NULL;
}

/* A character as it is printed. */
struct piece {
    char text[8];
    int bytes, columns;
};

/* The first one of text; returns its bytes there. */
static int take_piece(struct piece *p, const char *text, bool markdown)
{
    const int bytes = vit_printable(text);
    const char *name = markdown ? reference(*text) : NULL;

    *p = (struct piece){ .bytes = bytes, .columns = 1 };
    if (name)
        p->bytes = p->columns = snprintf(p->text, sizeof p->text, "%s", name);
    else if (bytes)
        memcpy(p->text, text, (size_t)bytes);
    else
        p->bytes = p->columns = snprintf(p->text, sizeof p->text, "\\x%02x", (unsigned char)*text);
    return bytes ? bytes : 1;
}

/* Columns of text, which is printed unless out is NULL. */
static int put_name(FILE *out, const char *text, bool markdown)
{
    struct piece p;
    int columns = 0;

    while (*text) {
        text += take_piece(&p, text, markdown);
        if (out) fwrite(p.text, 1, (size_t)p.bytes, out);
        columns += p.columns;
    }
    return columns;
}

int out_name(FILE *out, const char *text)
{
    return put_name(out, text, false);
}

int out_width(const char *text)
{
    return put_name(NULL, text, false);
}

const char *out_name_text(char *to, const char *text)
{
    struct piece p;
    char *end = to;

    while (*text) {
        text += take_piece(&p, text, false);
        memcpy(end, p.text, (size_t)p.bytes);
        end += p.bytes;
    }
    *end = '\0';
    return to;
}

int out_markdown(FILE *out, const char *text)
{
    return put_name(out, text, true);
}

void out_csv(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

bool out_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* stdout is a pipe that nobody reads any more: they have what they wanted. */
static bool reader_is_gone(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };

    return poll(&out, 1, 0) > 0 && out.revents & POLLERR;
}

int out_close(int code)
{
    errno = 0;
    if (out_flush()) return code;
    if (reader_is_gone()) {
        if (code > 1) return code;
        signal(SIGPIPE, SIG_DFL); /* the end of cat and the like, only not in the middle of something */
        raise(SIGPIPE);
    }
    fprintf(stderr, "vit: standard output: cannot be written: %s\n",
            errno ? strerror(errno) : "an earlier write failed");
    return code ? code : 1;
}
