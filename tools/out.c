#include "tools/out.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/json.h"

/* 15 significant digits survive decimal -> double -> decimal, so 0.1 stays 0.1. */
enum { DIGITS = 15 };

json_t *out_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *out_float(float value)
{
    char text[32];

    if (!isfinite(value)) return json_null();
    for (int digits = 6; digits <= 9; digits++) { /* 9 always read back: FLT_DECIMAL_DIG */
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    return json_real(strtod(text, NULL));
}

int out_sequence(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    static const struct {
        unsigned char low, high, second_low, second_high;
        int bytes;
    } FORMS[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t f = 0; f < sizeof FORMS / sizeof FORMS[0]; f++) {
        if (s[0] < FORMS[f].low || s[0] > FORMS[f].high) continue;
        if (FORMS[f].bytes == 1) return 1;
        if (s[1] < FORMS[f].second_low || s[1] > FORMS[f].second_high) return 0;
        for (int i = 2; i < FORMS[f].bytes; i++)
            if ((s[i] & 0xc0) != 0x80) return 0;
        return FORMS[f].bytes;
    }
    return 0;
}

json_t *out_text(const char *text)
{
    char *clean = malloc(3 * strlen(text) + 1), *to = clean;
    json_t *value;

    if (!clean) return NULL;
    while (*text) {
        int bytes = out_sequence(text);
        memcpy(to, bytes ? text : "\xef\xbf\xbd", bytes ? (size_t)bytes : 3);
        to += bytes ? bytes : 3;
        text += bytes ? bytes : 1;
    }
    *to = '\0';
    value = json_string(clean);
    free(clean);
    return value;
}

bool out_json(json_t *value)
{
    char *text = vit_json_text(value, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));

    json_decref(value);
    if (!text) {
        fprintf(stderr, "vit: out of memory while writing a result\n");
        return false;
    }
    puts(text);
    free(text);
    return !ferror(stdout);
}

int out_name(FILE *out, const char *text)
{
    int columns = 0;

    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        if (*s < 0x20 || *s == 0x7f)
            columns += fprintf(out, "\\x%02x", *s);
        else {
            fputc(*s, out);
            columns += (*s & 0xc0) != 0x80; /* continuation bytes take no column */
        }
    }
    return columns;
}

int out_width(const char *text)
{
    int columns = 0;

    for (const unsigned char *s = (const unsigned char *)text; *s; s++)
        columns += *s < 0x20 || *s == 0x7f ? 4 : (*s & 0xc0) != 0x80;
    return columns;
}

bool out_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

int out_close(int code)
{
    errno = 0;
    if (out_flush()) return code;
    fprintf(stderr, "vit: standard output: cannot be written: %s\n",
            errno ? strerror(errno) : "an earlier write failed");
    return code ? code : 1;
}
