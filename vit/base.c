#include "vit/base.h"

#include <stdio.h>

/* Names from files are quoted in errors: nothing in them may move a terminal's cursor. */
static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

enum vit_status vit_vfail(struct vit_error *err, enum vit_status status, const char *format, va_list args)
{
    if (err) {
        err->status = status;
        vsnprintf(err->text, sizeof err->text, format, args);
        clean(err->text);
    }
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
