/* Unlabelled pictures, as named on a command line. */
#include <stdlib.h>
#include <string.h>

#include "patch/dataset.h"
#include "patch/file.h"
#include "patch/walk.h"

#define MAX_LIST_BYTES ((size_t)1 << 30)

static enum vit_status add_file(struct patch_store *s, const char *path, size_t length, struct vit_error *err)
{
    return patch_names_add(&s->files, path, length, err);
}

/* What holds no pictures, or does not say which, stands for itself: reading it gives the reason, and the
 * others are not touched. */
static enum vit_status refuse(struct patch_store *s, const char *path, const struct vit_error *why,
                              struct vit_error *err)
{
    enum vit_status status;

    if (why->status == VIT_ERR_NOMEM) return vit_fail(err, why->status, "%s", why->text);
    status = patch_store_refuse(s, s->files.count, why, err);
    return status ? status : add_file(s, path, strlen(path), err);
}

/* It could not be listed a moment ago. */
static enum vit_status refuse_closed(struct patch_store *s, const char *path, struct vit_error *err)
{
    struct patch_names files = { 0 };
    struct vit_error why;

    if (!patch_list_files(&files, path, &why)) vit_fail(&why, VIT_ERR_IO, "%s: cannot be listed", path);
    patch_names_free(&files);
    return refuse(s, path, &why, err);
}

/* Its pictures, and those of the folders in it. */
static enum vit_status add_folder(struct patch_store *s, const char *path, struct vit_error *err)
{
    const size_t before = s->files.count;
    struct patch_names closed = { 0 };
    struct vit_error why;
    enum vit_status status = patch_list_pictures(&s->files, &closed, path, err);

    for (size_t i = 0; i < closed.count && !status; i++) status = refuse_closed(s, closed.item[i], err);
    patch_names_free(&closed);
    if (status || s->files.count > before) return status;
    patch_say_no_pictures(&why, path);
    return refuse(s, path, &why, err);
}

/* A file, or a folder: then its pictures in its place. A list in a list is none. */
static enum vit_status add_line(struct patch_store *s, const char *line, size_t length, struct vit_error *err)
{
    const size_t at = s->files.count;
    enum vit_status status = add_file(s, line, length, err);
    char *folder;

    if (status || !patch_is_folder(s->files.item[at])) return status;
    folder = s->files.item[--s->files.count];
    status = add_folder(s, folder, err);
    free(folder);
    return status;
}

/* Paths are relative to where the program runs. */
static enum vit_status add_lines(struct patch_store *s, const char *text, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    const char *line;
    size_t length;

    text += vit_utf8_mark(text, strlen(text));
    while (!status && (line = vit_next_line(&text, &length))) status = add_line(s, line, length, err);
    return status;
}

static enum vit_status add_list(struct patch_store *s, const char *path, struct vit_error *err)
{
    const size_t before = s->files.count;
    unsigned char *bytes;
    size_t size;
    struct vit_error why;
    enum vit_status status = patch_file_read(&bytes, &size, path, MAX_LIST_BYTES, &why);

    if (status) return refuse(s, path, &why, err);
    why.status = VIT_OK;
    if (memchr(bytes, 0, size))
        vit_fail(&why, VIT_ERR_FORMAT, "%s: not a list of files: holds a zero byte", path);
    else
        status = add_lines(s, (const char *)bytes, err);
    free(bytes);
    if (status) return status;
    if (!why.status && s->files.count == before)
        vit_fail(&why, VIT_ERR_FORMAT, "%s: not a list of files: holds no line", path);
    return why.status ? refuse(s, path, &why, err) : VIT_OK;
}

static enum vit_status add_path(struct patch_store *s, const char *path, struct vit_error *err)
{
    if (patch_is_folder(path)) return add_folder(s, path, err);
    if (patch_has_extension(path, ".txt")) return add_list(s, path, err);
    return add_file(s, path, strlen(path), err);
}

static const struct patch_kind KIND = {
    .name = "files",
    .read = patch_file_of_store_read,
    .describe = patch_file_of_store_name,
};

enum vit_status patch_dataset_files(struct patch_dataset **out, const char *const *paths, size_t count,
                                    struct vit_error *err)
{
    enum vit_status status = patch_dataset_create(out, &KIND, err);

    for (size_t i = 0; i < count && !status; i++) status = add_path((*out)->store, paths[i], err);
    for (size_t i = 0; !status && i < (*out)->store->files.count; i++)
        status = patch_dataset_add(*out, i, -1, err);
    if (status) {
        patch_dataset_close(*out);
        *out = NULL;
    }
    return status;
}
