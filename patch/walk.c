#include "patch/walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "vit/arena.h"
#include "vit/source.h"

/* S_IFDIR, S_IFREG and so on; S_IFLNK: it is there and cannot be reached; 0: it is not there. */
static mode_t kind_of(const char *path, const char *name)
{
    struct stat s;
    char text[PATH_MAX];
    const int n = snprintf(text, sizeof text, "%s/%s", path, name);

    if (n < 0 || (size_t)n >= sizeof text) return 0;
    if (!stat(text, &s)) return s.st_mode & S_IFMT;
    return vit_source_is_there(text) ? S_IFLNK : 0;
}

bool patch_is_folder(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

bool patch_is_file(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

bool patch_has_folder(const char *path, const char *name)
{
    const mode_t kind = kind_of(path, name);

    return kind == S_IFDIR || (kind == S_IFLNK && !patch_is_picture_name(name));
}

bool patch_has_file(const char *path, const char *name)
{
    const mode_t kind = kind_of(path, name);

    return kind == S_IFREG || kind == S_IFLNK;
}

bool patch_has_extension(const char *name, const char *extension)
{
    const size_t n = strlen(name), e = strlen(extension);

    return n > e && !strcasecmp(name + n - e, extension);
}

bool patch_is_picture_name(const char *name)
{
    /* From WebP on they are not read: whoever has some among the others is told so. */
    static const char *const EXTENSIONS[] = { ".jpg", ".jpeg", ".jpe", ".jfif", ".png",
                                              ".bmp", ".ppm",  ".pgm", ".pnm",  ".webp",
                                              ".gif", ".tiff", ".tif", ".heic", ".avif" };

    for (size_t i = 0; i < VIT_COUNT(EXTENSIONS); i++)
        if (patch_has_extension(name, EXTENSIONS[i])) return true;
    return false;
}

void patch_say_no_pictures(struct vit_error *why, const char *path)
{
    vit_fail(why, VIT_ERR_IO, "%s: a folder without pictures: expected JPEG, PNG, BMP or PNM", path);
}

/* Links and file systems that do not tell the kind of an entry need a stat. */
static bool entry_is_folder(const char *path, const struct dirent *e)
{
    if (e->d_type == DT_DIR) return true;
    if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN) return false;
    return patch_has_folder(path, e->d_name);
}

/* Memory that ran out says nothing of the folder. */
static enum vit_status not_listed(const char *path, struct vit_error *err)
{
    return vit_fail(err, errno == ENOMEM ? VIT_ERR_NOMEM : VIT_ERR_IO, "%s: cannot be listed: %s", path,
                    strerror(errno));
}

static enum vit_status list(struct patch_names *out, const char *path, bool folders, struct vit_error *err)
{
    const size_t first = out->count;
    enum vit_status status = VIT_OK;
    DIR *d = opendir(path);

    if (!d) return not_listed(path, err);
    for (const struct dirent *e; !status && (errno = 0, e = readdir(d));) {
        if (e->d_name[0] == '.' || entry_is_folder(path, e) != folders) continue;
        status = patch_names_add(out, e->d_name, strlen(e->d_name), err);
    }
    if (!status && errno) status = not_listed(path, err);
    closedir(d);
    patch_names_sort(out, first);
    return status;
}

enum vit_status patch_list_folders(struct patch_names *out, const char *path, struct vit_error *err)
{
    return list(out, path, true, err);
}

enum vit_status patch_list_files(struct patch_names *out, const char *path, struct vit_error *err)
{
    return list(out, path, false, err);
}

/* Folders already entered. */
struct seen {
    struct folder_id {
        dev_t device;
        ino_t inode;
    } * item;
    size_t count;
};

/* *fresh: path was not entered before; now it is. */
static enum vit_status enter(struct seen *seen, const char *path, bool *fresh, struct vit_error *err)
{
    struct stat s;

    if (stat(path, &s)) return vit_fail(err, VIT_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    *fresh = false;
    for (size_t i = 0; i < seen->count; i++)
        if (seen->item[i].device == s.st_dev && seen->item[i].inode == s.st_ino) return VIT_OK;
    if (!vit_grow((void **)&seen->item, seen->count, sizeof *seen->item))
        return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to list it", path);
    seen->item[seen->count++] = (struct folder_id){ s.st_dev, s.st_ino };
    *fresh = true;
    return VIT_OK;
}

/* Append the pictures right in path, and its folders to the list of those still to enter. */
static enum vit_status visit(struct patch_names *out, struct patch_names *to_do, const char *path,
                             struct vit_error *err)
{
    struct patch_names files = { 0 }, folders = { 0 };
    enum vit_status status = patch_list_files(&files, path, err);

    if (!status) status = patch_list_folders(&folders, path, err);
    for (size_t i = 0; i < files.count && !status; i++)
        if (patch_is_picture_name(files.item[i])) status = patch_names_join(out, path, files.item[i], err);
    for (size_t i = 0; i < folders.count && !status; i++)
        status = patch_names_join(to_do, path, folders.item[i], err);
    patch_names_free(&files);
    patch_names_free(&folders);
    return status;
}

enum vit_status patch_list_pictures(struct patch_names *out, struct patch_names *closed, const char *path,
                                    struct vit_error *err)
{
    const size_t first = out->count;
    struct patch_names to_do = { 0 };
    struct seen seen = { 0 };
    enum vit_status status = patch_names_add(&to_do, path, strlen(path), err);

    for (size_t i = 0; i < to_do.count && !status; i++) {
        bool fresh = false;
        status = enter(&seen, to_do.item[i], &fresh, err);
        if (!status && fresh) status = visit(out, &to_do, to_do.item[i], err);
        if (status == VIT_ERR_IO && closed)
            status = patch_names_add(closed, to_do.item[i], strlen(to_do.item[i]), err);
    }
    free(seen.item);
    patch_names_free(&to_do);
    patch_names_sort(out, first);
    return status;
}
