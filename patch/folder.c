/* A folder with a folder for each class, perhaps below train/, val/ and test/. */
#include <string.h>
#include <strings.h>

#include "patch/dataset.h"
#include "patch/walk.h"
#include "vit/text.h"

/* Names under which splits are found, in any case: "Training" beside "Testing" are no classes. */
static const struct {
    enum patch_split split;
    const char *folder;
} SPLIT_FOLDERS[] = {
    { PATCH_TRAIN, "train" },  { PATCH_TRAIN, "training" }, { PATCH_VAL, "val" },
    { PATCH_VAL, "valid" },    { PATCH_VAL, "validation" }, { PATCH_TEST, "test" },
    { PATCH_TEST, "testing" },
};

static enum vit_status hold_folders(bool *holds, const char *path, struct vit_error *err)
{
    struct patch_names folders = { 0 };
    const enum vit_status status = patch_list_folders(&folders, path, err);

    *holds = !status && folders.count;
    patch_names_free(&folders);
    return status;
}

/* One that cannot be listed may be a data set: asking for its splits says why it cannot. */
static bool found(const struct patch_kind *kind, const char *path)
{
    bool holds;

    (void)kind;
    return patch_is_folder(path) && (hold_folders(&holds, path, NULL) || holds);
}

/* path/train is a split if it holds classes; a folder "train" of pictures is a class. One that cannot be
 * listed may be either. */
static enum vit_status is_split(bool *split, const char *path, const char *folder, struct vit_error *err)
{
    struct patch_names where = { 0 };
    enum vit_status status = patch_names_join(&where, path, folder, err);

    *split = false;
    if (!status) status = hold_folders(split, where.item[0], err);
    patch_names_free(&where);
    return status;
}

/* Call see for every split below path, in the order of the table and of the names. */
static enum vit_status each_split(const char *path,
                                  enum vit_status (*see)(void *arg, const char *path, enum patch_split split,
                                                         const char *folder, struct vit_error *err),
                                  void *arg, struct vit_error *err)
{
    struct patch_names folders = { 0 };
    enum vit_status status = patch_list_folders(&folders, path, err);

    for (size_t i = 0; i < VIT_COUNT(SPLIT_FOLDERS); i++)
        for (size_t j = 0; j < folders.count && !status; j++) {
            bool split = false;
            if (!strcasecmp(folders.item[j], SPLIT_FOLDERS[i].folder))
                status = is_split(&split, path, folders.item[j], err);
            if (split) status = see(arg, path, SPLIT_FOLDERS[i].split, folders.item[j], err);
        }
    patch_names_free(&folders);
    return status;
}

static enum vit_status mark(void *bits, const char *path, enum patch_split split, const char *folder,
                            struct vit_error *err)
{
    (void)path;
    (void)folder;
    (void)err;
    *(unsigned *)bits |= 1u << split;
    return VIT_OK;
}

static enum vit_status splits(unsigned *out, const struct patch_kind *kind, const char *path,
                              struct vit_error *err)
{
    (void)kind;
    *out = 0;
    return each_split(path, mark, out, err);
}

static bool has_name_of_split(const char *folder)
{
    for (size_t i = 0; i < VIT_COUNT(SPLIT_FOLDERS); i++)
        if (!strcasecmp(folder, SPLIT_FOLDERS[i].folder)) return true;
    return false;
}

/* Pictures right in path/folder. */
static enum vit_status look_into(bool *holds, const char *path, const char *folder, struct vit_error *err)
{
    struct patch_names where = { 0 }, files = { 0 };
    enum vit_status status = patch_names_join(&where, path, folder, err);

    *holds = false;
    /* One that cannot be listed is no class. */
    if (!status && patch_list_files(&files, where.item[0], err) == VIT_ERR_NOMEM) status = VIT_ERR_NOMEM;
    for (size_t i = 0; i < files.count && !*holds; i++) *holds = patch_is_picture_name(files.item[i]);
    patch_names_free(&where);
    patch_names_free(&files);
    return status;
}

/* A class called "train" that has folders is none of the splits: the classes beside it tell. */
static enum vit_status check_beside(const char *path, const char *split, struct vit_error *err)
{
    struct patch_names folders = { 0 };
    enum vit_status status = patch_list_folders(&folders, path, err);
    size_t classes = 0;
    char text[256];

    for (size_t i = 0; i < folders.count && !status; i++) {
        char *folder = folders.item[i];
        bool holds = false;
        if (!has_name_of_split(folder)) status = look_into(&holds, path, folder, err);
        if (!holds) continue;
        folders.item[i] = folders.item[classes];
        folders.item[classes++] = folder;
    }
    if (!status && classes)
        status = vit_fail(err, VIT_ERR_FORMAT,
                          "%s: expected splits alone beside %s/, found folders of pictures: %s", path, split,
                          vit_list(text, sizeof text, (const char *const *)folders.item, classes));
    patch_names_free(&folders);
    return status;
}

struct wanted {
    struct patch_names *roots;
    enum patch_split split;
    bool checked;
};

static enum vit_status take(void *arg, const char *path, enum patch_split split, const char *folder,
                            struct vit_error *err)
{
    struct wanted *w = arg;
    const enum vit_status status = w->checked ? VIT_OK : check_beside(path, folder, err);

    w->checked = true;
    if (status || (w->split != PATCH_ALL && w->split != split)) return status;
    return patch_names_join(w->roots, path, folder, err);
}

/* The folders whose folders are the classes: path itself, or those of the wanted splits. */
static enum vit_status list_roots(struct patch_names *roots, const char *path, enum patch_split split,
                                  struct vit_error *err)
{
    struct wanted w = { roots, split, false };
    enum vit_status status = each_split(path, take, &w, err);

    if (!status && !roots->count) status = patch_names_add(roots, path, strlen(path), err);
    return status;
}

static enum vit_status list_classes(struct patch_names *classes, const struct patch_names *roots,
                                    struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < roots->count && !status; i++)
        status = patch_list_folders(classes, roots->item[i], err);
    patch_names_sort(classes, 0);
    patch_names_unique(classes);
    return status;
}

/* Its pictures. A folder without any stands for itself: its class is not missing in silence. */
static enum vit_status add_folder(struct patch_dataset *d, const char *path, int label, struct vit_error *err)
{
    struct patch_names *files = &d->store->files;
    const size_t first = files->count;
    struct vit_error why;
    enum vit_status status = patch_list_pictures(files, NULL, path, err);

    if (!status && files->count == first) {
        patch_say_no_pictures(&why, path);
        status = patch_store_refuse(d->store, first, &why, err);
        if (!status) status = patch_names_add(files, path, strlen(path), err);
    }
    for (size_t i = first; i < files->count && !status; i++) status = patch_dataset_add(d, i, label, err);
    return status;
}

static enum vit_status add_class(struct patch_dataset *d, const char *root, int label, struct vit_error *err)
{
    struct patch_names path = { 0 };
    enum vit_status status;

    if (!patch_has_folder(root, d->classes.item[label])) return VIT_OK;
    status = patch_names_join(&path, root, d->classes.item[label], err);
    if (!status) status = add_folder(d, path.item[0], label, err);
    patch_names_free(&path);
    return status;
}

static enum vit_status open_folder(struct patch_dataset *d, const char *path, enum patch_split split,
                                   struct vit_error *err)
{
    struct patch_names roots = { 0 };
    enum vit_status status = list_roots(&roots, path, split, err);

    if (!status) status = list_classes(&d->classes, &roots, err);
    for (size_t i = 0; i < roots.count && !status; i++)
        for (size_t label = 0; label < d->classes.count && !status; label++)
            status = add_class(d, roots.item[i], (int)label, err);
    if (d->count == d->store->refusals) d->count = 0; /* folders alone: no data set */
    patch_names_free(&roots);
    return status;
}

const struct patch_kind patch_kind_folder = {
    .name = "folder of classes",
    .found = found,
    .splits = splits,
    .open = open_folder,
    .read = patch_file_of_store_read,
    .describe = patch_file_of_store_name,
};
