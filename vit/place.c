/* The files of a model: one that is named, or what a folder from a hub holds. */
#include "vit/place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vit/source.h"
#include "vit/text.h"

static bool join_path(char *out, const char *dir, const char *name)
{
    return snprintf(out, VIT_PLACE_BYTES, "%s/%s", dir, name) < VIT_PLACE_BYTES;
}

/* dir/name into out if it is there, else "". Of a link that leads nowhere opening tells. */
static void beside(char *out, const char *dir, const char *name)
{
    if (!join_path(out, dir, name) || !vit_source_is_there(out)) *out = '\0';
}

/* The one file of a folder with this ending; several are an error that names two of them. */
static enum vit_status only_file(char *out, const char *dir, const char *end, struct vit_error *err)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    enum vit_status status = VIT_OK;

    *out = '\0';
    if (!d) return vit_fail(err, VIT_ERR_IO, "%s: cannot be listed: %s", dir, strerror(errno));
    while (!status && (errno = 0, e = readdir(d))) {
        if (e->d_name[0] == '.' || !vit_ends_with(e->d_name, end)) continue;
        if (*out)
            status =
                vit_fail(err, VIT_ERR_ARG, "%s: several models: %s and %s; name one", dir, out, e->d_name);
        else if (!join_path(out, dir, e->d_name))
            status = vit_fail(err, VIT_ERR_ARG, "%s: the path is too long", dir);
    }
    if (!status && errno)
        status = vit_fail(err, VIT_ERR_IO, "%s: cannot be listed: %s", dir, strerror(errno));
    closedir(d);
    return status;
}

/* What the index of a model in several files is called, for either kind. */
static enum vit_status refuse_shards(const char *dir, struct vit_error *err)
{
    static const char *const NAMES[] = { "model.safetensors.index.json", "pytorch_model.bin.index.json" };
    char path[VIT_PLACE_BYTES];

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        beside(path, dir, NAMES[i]);
        if (*path)
            return vit_fail(err, VIT_ERR_UNSUPPORTED,
                            "%s: the model lies in several files (%s), which are not read: save it in one, "
                            "save_pretrained(DIR, max_shard_size=\"100GB\")",
                            dir, NAMES[i]);
    }
    return VIT_OK;
}

static enum vit_status find_weights(char *out, const char *dir, struct vit_error *err)
{
    static const char *const NAMES[] = { "model.safetensors", "pytorch_model.bin", "model.npz", "model.pth" };
    static const char *const ENDS[] = { ".safetensors", ".npz", ".pth", ".bin" };
    enum vit_status status;

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        beside(out, dir, NAMES[i]);
        if (*out) return VIT_OK;
    }
    status = refuse_shards(dir, err);
    for (size_t i = 0; !status && i < VIT_COUNT(ENDS); i++) {
        status = only_file(out, dir, ENDS[i], err);
        if (status || *out) return status;
    }
    if (status) return status;
    return vit_fail(err, VIT_ERR_IO,
                    "%s: no model in this folder: expected model.safetensors, or one .safetensors, "
                    ".npz, .pth or .bin file",
                    dir);
}

enum vit_status vit_place_find(struct vit_place *p, const char *path, struct vit_error *err)
{
    struct stat s;
    char dir[VIT_PLACE_BYTES];
    const char *slash = strrchr(path, '/');

    if (stat(path, &s)) return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (strlen(path) >= VIT_PLACE_BYTES - 32)
        return vit_fail(err, VIT_ERR_ARG, "%.64s...: the path is too long", path);
    if (S_ISDIR(s.st_mode)) {
        snprintf(dir, sizeof dir, "%s", path);
        enum vit_status status = find_weights(p->weights, dir, err);
        if (status) return status;
    } else {
        snprintf(p->weights, sizeof p->weights, "%s", path);
        snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    }
    beside(p->config, dir, "config.json");
    beside(p->recipe, dir, "preprocessor_config.json");
    return VIT_OK;
}
