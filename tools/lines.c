#include "tools/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/memory.h"
#include "tools/out.h"
#include "vit/json.h"
#include "vit/sink.h"
#include "vit/source.h"

static enum vit_status refused(const char *path, const char *what, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_IO, "%s: cannot be %s: %s", path, what, strerror(errno));
}

/* ---- texts ---- */

/* A file and how far it was looked at. It may hold any bytes: a power cut leaves zeros. */
struct text {
    unsigned char *bytes;
    size_t size, at;
};

/* The whole file (free t->bytes); no file: nothing. */
static enum vit_status read_text(struct text *t, const char *path, struct vit_error *err)
{
    enum vit_status status;

    *t = (struct text){ 0 };
    errno = 0;
    status = vit_source_read(&t->bytes, &t->size, path, SIZE_MAX, err);
    return status && errno == ENOENT ? VIT_OK : status;
}

/* The next whole line as an object, NULL at the end; *start and *length: its text, with the end. */
static enum vit_status next_line(json_t **line, struct text *t, const char **start, size_t *length,
                                 const char *path, struct vit_error *err)
{
    const char *rest = t->bytes ? (const char *)t->bytes + t->at : "";
    const char *end = memchr(rest, '\n', t->size - t->at);

    *line = NULL;
    if (!end) return VIT_OK;
    *start = rest;
    *length = (size_t)(end + 1 - *start);
    t->at += *length;
    return vit_json_parse(line, path, *start, *length - 1, err);
}

/* Or nothing: behind a part of it the next line that is added would be a part of one, too. A write takes what
 * fits; why no more does is only said by the next one. */
static enum vit_status write_all(int file, const char *path, const char *text, size_t size, bool sync,
                                 struct vit_error *err)
{
    const off_t before = lseek(file, 0, SEEK_END);
    enum vit_status status = VIT_OK;

    errno = ENOSPC; /* what a write of nothing means */
    for (size_t at = 0; at < size && !status;) {
        const ssize_t count = write(file, text + at, size - at);
        if (count > 0)
            at += (size_t)count;
        else
            status = refused(path, "written", err);
    }
    if (!status && sync && fsync(file) && errno != EINVAL) status = refused(path, "synced", err);
    if (status && before >= 0) (void)!ftruncate(file, before);
    return status;
}

/* ---- lines ---- */

enum vit_status lines_read(json_t **out, const char *path, struct vit_error *err)
{
    struct text text;
    const char *start;
    size_t length;
    json_t *line;
    enum vit_status status = read_text(&text, path, err);

    *out = NULL;
    if (status) return status;
    *out = json_array();
    while (!(status = next_line(&line, &text, &start, &length, path, err)) && line)
        vit_json_append(out, line);
    free(text.bytes);
    if (!status && *out) return VIT_OK;
    json_decref(*out);
    *out = NULL;
    return status ? status : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its lines", path);
}

enum vit_status lines_cut(int file, const char *path, struct vit_error *err)
{
    struct text text;
    enum vit_status status = read_text(&text, path, err);
    size_t keep;

    if (status) return status;
    for (keep = text.size; keep && text.bytes[keep - 1] != '\n';) keep--;
    if (ftruncate(file, (off_t)keep)) status = refused(path, "shortened", err);
    free(text.bytes);
    return status;
}

/* With its end, which is no NUL (free *text). */
static enum vit_status text_of(char **text, size_t *size, const char *path, const json_t *line,
                               struct vit_error *err)
{
    *size = 0;
    *text = vit_json_text(line, JSON_COMPACT | JSON_REAL_PRECISION(OUT_DIGITS));
    if (!*text) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for a line", path);
    *size = strlen(*text) + 1;
    (*text)[*size - 1] = '\n';
    return VIT_OK;
}

enum vit_status lines_put(int file, const char *path, const json_t *line, struct vit_error *err)
{
    char *text;
    size_t size;
    enum vit_status status = text_of(&text, &size, path, line, err);

    if (status) return status;
    status = write_all(file, path, text, size, false, err);
    free(text);
    return status;
}

enum vit_status lines_add(json_t **kept, int file, const char *path, const json_t *line,
                          struct vit_error *err)
{
    char *text;
    size_t size;
    enum vit_status status = text_of(&text, &size, path, line, err);

    *kept = NULL;
    if (status) return status;
    status = vit_json_parse(kept, path, text, size - 1, err);
    if (!status) status = write_all(file, path, text, size, true, err);
    free(text);
    if (!status) return VIT_OK;
    json_decref(*kept);
    *kept = NULL;
    return status;
}

/* ---- some lines of a file ---- */

/* The lines of path that choose takes (free kept->bytes); *all: the bytes it has. */
static enum vit_status filter(struct memory *kept, size_t *all, const char *path,
                              bool (*choose)(const void *arg, const json_t *line), const void *arg,
                              struct vit_error *err)
{
    struct text text;
    const char *start;
    size_t length;
    json_t *line;
    enum vit_status status = read_text(&text, path, err);

    *kept = (struct memory){ 0 };
    if (status) return status;
    *all = text.size;
    memory_open(kept);
    while (kept->out && !(status = next_line(&line, &text, &start, &length, path, err)) && line) {
        if (choose(arg, line)) fwrite(start, 1, length, kept->out);
        json_decref(line);
    }
    free(text.bytes);
    if (!memory_close(kept) && !status)
        status = vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its lines", path);
    return status;
}

struct wish {
    bool (*wanted)(const void *arg, const char *cell);
    const void *arg;
};

static bool is_wanted(const void *arg, const json_t *line)
{
    const struct wish *wish = arg;
    const char *cell = json_string_value(json_object_get(line, "cell"));

    return cell && wish->wanted(wish->arg, cell);
}

enum vit_status lines_keep(const char *path, bool (*wanted)(const void *arg, const char *cell),
                           const void *arg, struct vit_error *err)
{
    const struct wish wish = { wanted, arg };
    size_t all = 0;
    struct memory kept;
    enum vit_status status = filter(&kept, &all, path, is_wanted, &wish, err);

    if (!status && kept.size < all) status = vit_write_file(path, kept.bytes, kept.size, err);
    free(kept.bytes);
    return status;
}

static bool is_any(const void *arg, const json_t *line)
{
    (void)arg, (void)line;
    return true;
}

enum vit_status lines_copy_log(const char *path, const char *log, struct vit_error *err)
{
    size_t all = 0;
    struct memory lines;
    int file;
    enum vit_status status = filter(&lines, &all, log, is_any, NULL, err);

    if (status) {
        free(lines.bytes);
        return status;
    }
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    status =
        file < 0 ? refused(path, "opened", err) : write_all(file, path, lines.bytes, lines.size, true, err);
    if (file >= 0) close(file);
    free(lines.bytes);
    return status;
}
