/* Files that are there whole or not at all: written under a temporary name beside their own, synced, renamed,
 * and the folder synced. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vit/arena.h"
#include "vit/json.h"
#include "weights/file.h"

struct sink {
    const char *name; /* what the caller called it */
    char *path;       /* where the bytes belong, links resolved */
    char *temporary;  /* where they are until renamed; NULL: a device or pipe, written directly */
    FILE *f;
};

static enum vit_status refused(const struct sink *s, const char *what, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_IO, "%s: cannot be %s: %s", s->name, what, strerror(errno));
}

/* A fresh file beside path with the permissions of any new file (mkstemp's would be the owner's only). */
static int open_temporary(struct sink *s)
{
    const size_t size = strlen(s->path) + 32;

    s->temporary = malloc(size);
    if (!s->temporary) return -1;
    for (int i = 0; i < 100; i++) {
        snprintf(s->temporary, size, "%s.%ld-%d.tmp", s->path, (long)getpid(), i);
        int fd = open(s->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

static enum vit_status sink_open(struct sink *s, const char *path, struct vit_error *err)
{
    struct stat there;
    const bool exists = !stat(path, &there);
    int fd;

    *s = (struct sink){ .name = path };
    errno = exists && S_ISDIR(there.st_mode) ? EISDIR : 0;
    if (errno) return refused(s, "written", err);
    s->path = exists ? realpath(path, NULL) : strdup(path);
    if (!s->path) return refused(s, "written", err);
    if (exists && !S_ISREG(there.st_mode))
        fd = open(s->path, O_WRONLY | O_CLOEXEC);
    else
        fd = open_temporary(s);
    if (fd < 0) {
        enum vit_status status = refused(s, "created", err);
        free(s->temporary);
        s->temporary = NULL; /* nothing to unlink: it may be another's */
        return status;
    }
    s->f = fdopen(fd, "wb");
    if (s->f) return VIT_OK;
    close(fd);
    return refused(s, "created", err);
}

static enum vit_status put(struct sink *s, const void *bytes, size_t size, struct vit_error *err)
{
    if (size && fwrite(bytes, 1, size, s->f) != size) return refused(s, "written", err);
    return VIT_OK;
}

/* After a rename the name itself must reach the disk. Some file systems cannot sync a folder: no fault. */
static void sync_folder(const char *path)
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    int fd;

    if (slash) slash[slash == folder] = '\0';
    fd = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
    free(folder);
}

static enum vit_status commit(struct sink *s, struct vit_error *err)
{
    FILE *f = s->f;

    if (fflush(f)) return refused(s, "written", err);
    if (s->temporary && fsync(fileno(f))) return refused(s, "synced", err);
    s->f = NULL;
    if (fclose(f)) return refused(s, "closed", err);
    if (!s->temporary) return VIT_OK;
    if (rename(s->temporary, s->path)) return refused(s, "renamed to", err);
    free(s->temporary);
    s->temporary = NULL;
    sync_folder(s->path);
    return VIT_OK;
}

/* What is left of a sink that was committed, or given up: then the old file stays as it was. */
static void sink_close(struct sink *s)
{
    if (s->f) fclose(s->f);
    if (s->temporary) unlink(s->temporary);
    free(s->temporary);
    free(s->path);
}

enum vit_status weights_write_bytes(const char *path, const void *bytes, size_t size, struct vit_error *err)
{
    struct sink s;
    enum vit_status status = sink_open(&s, path, err);

    if (!status) status = put(&s, bytes, size, err);
    if (!status) status = commit(&s, err);
    sink_close(&s);
    return status;
}

enum vit_status weights_can_write(const char *path, struct vit_error *err)
{
    struct sink s = { .name = path };
    struct stat there;
    enum vit_status status;

    if (!stat(path, &there) && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode))
        return access(path, W_OK) ? refused(&s, "created", err)
                                  : VIT_OK; /* opening a pipe waits for its reader */
    status = sink_open(&s, path, err);
    sink_close(&s);
    return status;
}

/* ---- safetensors ---- */

static bool add_tensor(json_t *header, const struct weights_entry *e, size_t begin, size_t bytes)
{
    json_t *shape = json_array();

    for (int i = 0; i < e->rank; i++)
        if (json_array_append_new(shape, json_integer(e->shape[i]))) return json_decref(shape), false;
    return !json_object_set_new(header, e->name,
                                json_pack("{s:s, s:o, s:[I, I]}", "dtype", weights_dtype_name(e->dtype),
                                          "shape", shape, "data_offsets", (json_int_t)begin,
                                          (json_int_t)(begin + bytes)));
}

static bool add_metadata(json_t *header, const struct weights_text *meta, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(object, meta[i].key, json_string(meta[i].value)))
            return json_decref(object), false;
    return !json_object_set_new(header, "__metadata__", object);
}

/* The header in the order of the arguments. NULL, with the sentence: a name used twice, or not UTF-8. */
static json_t *build_header(const char *path, const struct weights_entry *entries, size_t count,
                            const struct weights_text *meta, size_t meta_count, struct vit_error *err)
{
    json_t *header = json_object();
    size_t at = 0, elements, bytes;

    if (meta_count && !add_metadata(header, meta, meta_count)) {
        vit_fail(err, VIT_ERR_ARG, "%s: its metadata is not UTF-8 text", path);
        return json_decref(header), NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct weights_entry *e = &entries[i];
        const bool fits = weights_shape_count(e->shape, e->rank, e->dtype, &elements, &bytes);

        if (!fits || bytes > (size_t)INT64_MAX - at || json_object_get(header, e->name) ||
            !add_tensor(header, e, at, bytes)) {
            vit_fail(err, VIT_ERR_ARG,
                     "%s: \"%s\" cannot be written: its name is taken or its shape impossible", path,
                     e->name);
            return json_decref(header), NULL;
        }
        at += bytes;
    }
    return header;
}

/* The 8 bytes of length, the JSON, and spaces up to a multiple of VIT_ALIGN. */
static enum vit_status put_header(struct sink *s, const json_t *header, struct vit_error *err)
{
    static const char SPACES[] = "                                                                ";
    char *text = vit_json_text(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
    const size_t size = text ? strlen(text) : 0, pad = (VIT_ALIGN - (8 + size) % VIT_ALIGN) % VIT_ALIGN;
    const uint64_t length = size + pad; /* lies little endian, see convert.c */
    enum vit_status status;

    _Static_assert(sizeof SPACES > VIT_ALIGN, "too few spaces");
    if (!text) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its header", s->name);
    status = put(s, &length, sizeof length, err);
    if (!status) status = put(s, text, size, err);
    if (!status) status = put(s, SPACES, pad, err);
    free(text);
    return status;
}

enum vit_status weights_write(const char *path, const struct weights_entry *entries, size_t count,
                              const struct weights_text *meta, size_t meta_count, struct vit_error *err)
{
    json_t *header = build_header(path, entries, count, meta, meta_count, err);
    struct sink s;
    enum vit_status status;

    if (!header) return VIT_ERR_ARG;
    status = sink_open(&s, path, err);
    if (!status) status = put_header(&s, header, err);
    for (size_t i = 0; i < count && !status; i++) {
        size_t elements, bytes;

        weights_shape_count(entries[i].shape, entries[i].rank, entries[i].dtype, &elements, &bytes);
        status = put(&s, entries[i].data, bytes, err);
    }
    if (!status) status = commit(&s, err);
    sink_close(&s);
    json_decref(header);
    return status;
}
