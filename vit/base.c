#include "vit/base.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- texts ---- */

int vit_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    /* Unicode 15, table 3-7. */
    static const struct {
        unsigned char low, high, second_low, second_high;
        int bytes;
    } FORMS[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t f = 0; f < VIT_COUNT(FORMS); f++) {
        if (s[0] < FORMS[f].low || s[0] > FORMS[f].high) continue;
        if (FORMS[f].bytes == 1) return 1;
        if (s[1] < FORMS[f].second_low || s[1] > FORMS[f].second_high) return 0;
        for (int i = 2; i < FORMS[f].bytes; i++)
            if ((s[i] & 0xc0) != 0x80) return 0;
        return FORMS[f].bytes;
    }
    return 0;
}

bool vit_is_utf8(const char *text)
{
    for (int bytes; *text; text += bytes)
        if (!(bytes = vit_utf8(text))) return false;
    return true;
}

int vit_printable(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    const bool control = s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);

    return control ? 0 : vit_utf8(text);
}

size_t vit_utf8_mark(const char *text, size_t size)
{
    return size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

static bool is_blank(const char *line)
{
    line += strspn(line, " \t");
    return !*line || *line == '\r' || *line == '\n';
}

const char *vit_next_line(const char **text, size_t *length)
{
    while (**text) {
        const char *line = *text;
        *length = strcspn(line, "\r\n");
        *text = line + *length + strspn(line + *length, "\r\n");
        if (!is_blank(line)) return line;
    }
    return NULL;
}

size_t vit_cut(const char *text, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        const unsigned char c = (unsigned char)text[size - back];

        if ((c & 0xc0) == 0x80) continue;
        return back < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : c >= 0xc0 ? 2u : 1u) ? size - back : size;
    }
    return size;
}

/* ---- errors ---- */

/* Names from files are quoted in errors: nothing in them may move a terminal's cursor. Some terminals obey
 * U+009B as they do ESC [, and those that know no UTF-8 the byte 0x9b. */
static void clean(char *text)
{
    char *to = text;

    while (*text) {
        const int shown = vit_printable(text), bytes = shown ? shown : vit_utf8(text);

        if (shown)
            memmove(to, text, (size_t)shown);
        else
            *to = '?';
        to += shown ? shown : 1;
        text += bytes ? bytes : 1;
    }
    *to = '\0';
}

/* Where a sentence begins and ends is what it says: a long path in it gives way. to: its first bytes. */
static void shorten(char *to, size_t size, const char *whole, size_t length)
{
    static const char GAP[] = "...";
    const size_t half = (size - sizeof GAP) / 2, first = vit_cut(whole, half);
    size_t rest = length - half;

    for (int i = 0; i < 3 && ((unsigned char)whole[rest] & 0xc0) == 0x80; i++) rest++;
    memcpy(to + first, GAP, sizeof GAP - 1);
    memcpy(to + first + sizeof GAP - 1, whole + rest, length - rest + 1);
}

/* length: of the whole sentence. Without memory for it the end is lost instead. */
static void fit(char *text, size_t size, int length, const char *format, va_list args)
{
    char *whole = malloc((size_t)length + 1);

    if (whole && vsnprintf(whole, (size_t)length + 1, format, args) == length)
        shorten(text, size, whole, (size_t)length);
    else
        text[vit_cut(text, size - 1)] = '\0';
    free(whole);
}

enum vit_status vit_vfail(struct vit_error *err, enum vit_status status, const char *format, va_list args)
{
    va_list again;
    int length;

    if (!err) return status;
    err->status = status;
    va_copy(again, args);
    length = vsnprintf(err->text, sizeof err->text, format, args);
    if (length >= (int)sizeof err->text) fit(err->text, sizeof err->text, length, format, again);
    va_end(again);
    clean(err->text);
    return status;
}

enum vit_status vit_fail(struct vit_error *err, enum vit_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vit_vfail(err, status, format, args);
    va_end(args);
    return status;
}

const char *vit_status_name(enum vit_status status)
{
    static const char *const NAMES[] = {
        [VIT_OK] = "ok",     [VIT_ERR_ARG] = "argument",  [VIT_ERR_NOMEM] = "memory",
        [VIT_ERR_IO] = "io", [VIT_ERR_FORMAT] = "format", [VIT_ERR_UNSUPPORTED] = "unsupported",
    };
    _Static_assert(VIT_COUNT(NAMES) == VIT_STATUS_COUNT, "a status has no name");

    return (size_t)status < VIT_COUNT(NAMES) ? NAMES[status] : "unknown";
}
