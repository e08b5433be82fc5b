/* Unlabelled pictures, as named on a command line. */
#include <stdlib.h>
#include <string.h>

#include "patch/dataset.h"
#include "patch/file.h"
#include "patch/walk.h"

#define MAX_LIST_BYTES ((size_t)1 << 30)

/* A folder's pictures. One without any stands for itself, so that reading it reports it. */
static enum vit_status add_folder(struct patch_names *files, const char *path, struct vit_error *err)
{
    const size_t before = files->count;
    enum vit_status status = patch_list_pictures(files, path, err);

    if (!status && files->count == before) status = patch_names_add(files, path, strlen(path), err);
    return status;
}

/* A path on each line, relative to where the program runs. */
static enum vit_status add_list(struct patch_names *files, const char *path, struct vit_error *err)
{
    unsigned char *bytes;
    size_t size;
    enum vit_status status = patch_file_read(&bytes, &size, path, MAX_LIST_BYTES, err);
    const char *text = (const char *)bytes;

    if (status) return status;
    if (memchr(text, 0, size))
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: not a list of files: holds a zero byte", path);
    while (*text && !status) {
        const size_t length = strcspn(text, "\r\n");
        if (length) status = patch_names_add(files, text, length, err);
        text += length + strspn(text + length, "\r\n");
    }
    free(bytes);
    return status;
}

static enum vit_status add_path(struct patch_names *files, const char *path, struct vit_error *err)
{
    if (patch_is_folder(path)) return add_folder(files, path, err);
    if (patch_has_extension(path, ".txt")) return add_list(files, path, err);
    return patch_names_add(files, path, strlen(path), err);
}

enum vit_status patch_dataset_files(struct patch_dataset **out, const char *const *paths, size_t count,
                                    struct vit_error *err)
{
    enum vit_status status = patch_dataset_create(out, &patch_kind_files, err);

    for (size_t i = 0; i < count && !status; i++) status = add_path(&(*out)->store->files, paths[i], err);
    for (size_t i = 0; !status && i < (*out)->store->files.count; i++)
        status = patch_dataset_add(*out, i, -1, err);
    if (status) {
        patch_dataset_close(*out);
        *out = NULL;
    }
    return status;
}

const struct patch_kind patch_kind_files = {
    .name = "files",
    .read = patch_file_of_store_read,
    .describe = patch_file_of_store_name,
};
