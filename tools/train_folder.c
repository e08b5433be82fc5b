#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/train.h"

static const char LOG[] = "log.jsonl";
/* In the order they may be removed in: without a state nothing goes on by mistake. */
static const char *const FILES[] = { "state.safetensors", "model.safetensors", "config.json" };

const char *train_path(char *text, const char *folder, const char *name)
{
    snprintf(text, PATH_MAX, "%s/%s", folder, name);
    return text;
}

bool train_folder_has(const char *folder, const char *name)
{
    char path[PATH_MAX];

    return access(train_path(path, folder, name), F_OK) == 0;
}

/* Nothing but a file of that name. */
static bool holds_only(const char *folder, const char *name)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    bool only = true;

    if (!d) return errno == ENOENT || errno == ENOTDIR; /* train_folder_make says what is wrong */
    while (only && (entry = readdir(d)))
        only = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
               strcmp(entry->d_name, name) == 0;
    closedir(d);
    return only;
}

bool train_folder_empty(const char *folder)
{
    return holds_only(folder, "");
}

bool train_folder_unused(const char *folder)
{
    char path[PATH_MAX];
    struct stat s;

    return holds_only(folder, LOG) && (stat(train_path(path, folder, LOG), &s) || !s.st_size);
}

bool train_folder_runs(const char *folder)
{
    return train_folder_has(folder, LOG);
}

bool train_folder_done(const char *folder)
{
    return train_folder_has(folder, "model.safetensors") && train_folder_has(folder, "config.json");
}

enum vit_status train_folder_make(const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];
    struct stat s;

    if (snprintf(path, sizeof path, "%s", folder) > PATH_MAX - 64)
        return vit_fail(err, VIT_ERR_ARG, "%s: the name is too long", folder);
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        mkdir(path, 0777); /* what is wrong shows at the last one */
        *p = '/';
    }
    if (mkdir(path, 0777) && errno != EEXIST)
        return vit_fail(err, VIT_ERR_IO, "%s: cannot be made: %s", folder, strerror(errno));
    if (stat(path, &s) || !S_ISDIR(s.st_mode))
        return vit_fail(err, VIT_ERR_IO, "%s: is not a folder", folder);
    return VIT_OK;
}

enum vit_status train_folder_clear(const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < VIT_COUNT(FILES); i++)
        if (unlink(train_path(path, folder, FILES[i])) && errno != ENOENT && errno != ENOTDIR)
            return vit_fail(err, VIT_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return VIT_OK;
}

/* The names that weights_write gives its files until they are whole, where it gives them any. */
static bool is_left_over(const char *name)
{
    const size_t length = strlen(name);

    if (length < 5 || strcmp(name + length - 4, ".tmp") != 0) return false;
    for (size_t i = 0; i < VIT_COUNT(FILES); i++) {
        const size_t n = strlen(FILES[i]);
        if (strncmp(name, FILES[i], n) == 0 && name[n] == '.') return true;
    }
    return false;
}

void train_folder_sweep(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    char path[PATH_MAX];

    if (!d) return;
    while ((entry = readdir(d)))
        if (is_left_over(entry->d_name)) unlink(train_path(path, folder, entry->d_name));
    closedir(d);
}
