/* base.h - status codes and error text, shared by every folder.
 *
 * A function that can fail because of the world (a file, memory, the CPU) returns
 * enum vit_status and fills a struct vit_error with one sentence: where, what,
 * expected, found. err may always be NULL. Faults of the caller are asserts. */
#ifndef VIT_BASE_H
#define VIT_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIT_VERSION "0.1.0"

#if defined(__GNUC__)
#define VIT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define VIT_PRINTF(text, first)
#endif

/* Far above any machine: more would end the program when the system refuses OpenMP one of them. */
enum { VIT_MOST_THREADS = 1024 };

#define VIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum vit_status {
    VIT_OK,
    VIT_ERR_ARG,         /* a value the caller chose cannot be used */
    VIT_ERR_NOMEM,       /* memory ran out */
    VIT_ERR_IO,          /* the system refused: open, read, write, rename */
    VIT_ERR_FORMAT,      /* the content is not what it claims to be */
    VIT_ERR_UNSUPPORTED, /* well-formed, but this build or CPU cannot serve it */
    VIT_STATUS_COUNT
};

struct vit_error {
    enum vit_status status;
    char text[1024]; /* one sentence, no newline, no trailing full stop */
};

/* Fill err (if not NULL) with a formatted sentence and return status, so that
 * "return vit_fail(err, VIT_ERR_IO, ...)" is the whole error path. The sentence is
 * UTF-8 without control characters, whatever the texts in it hold (each that is
 * neither becomes "?"). Where there is no room "..." stands for its middle, which is
 * that of a path: what is wrong with it stays. */
enum vit_status vit_fail(struct vit_error *err, enum vit_status status, const char *format, ...)
    VIT_PRINTF(3, 4);
enum vit_status vit_vfail(struct vit_error *err, enum vit_status status, const char *format, va_list args);

/* Bytes of the UTF-8 character at text, 0 when there is none: no overlong forms, no
 * surrogates. */
int vit_utf8(const char *text);
/* Whether all of text is that. */
bool vit_is_utf8(const char *text);
/* The same, and 0 for control characters (up to U+001F, U+007F to U+009F): what a
 * terminal may be sent. */
int vit_printable(const char *text);
/* Bytes of the mark that some programs on Windows put before a UTF-8 text: 3, or 0 where there is none. */
size_t vit_utf8_mark(const char *text, size_t size);
/* The next line of a text that holds more than spaces and tabs, length bytes without its end; *text is then
 * what follows. NULL: there is none. */
const char *vit_next_line(const char **text, size_t *length);
/* size, or up to 3 less: the first bytes of a UTF-8 text without a part of a
 * character at their end. */
size_t vit_cut(const char *text, size_t size);

/* "VIT_ERR_FORMAT" -> "format": the word used as error.code in JSON output. */
const char *vit_status_name(enum vit_status status);

/* bf16: the upper half of a float, rounded to nearest, ties to even; NaN stays NaN. */
static inline uint16_t vit_bf16(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline float vit_from_bf16(uint16_t h)
{
    const uint32_t bits = (uint32_t)h << 16;
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

#ifdef __cplusplus
}
#endif
#endif
