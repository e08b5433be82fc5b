#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/train.h"
#include "vit/sink.h"
#include "vit/text.h"

/* In the order they may be removed in: without a state nothing goes on by mistake. */
static const char *const FILES[] = { TRAIN_STATE, TRAIN_MODEL, TRAIN_CONFIG };

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

/* By the folder's name of itself, which is found only where its other files are. */
enum vit_status train_folder_check(const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];
    DIR *d = opendir(train_path(path, folder, "."));

    if (d)
        closedir(d);
    else if (errno != ENOENT && errno != ENOTDIR) /* train_folder_make says what is wrong */
        return vit_fail(err, VIT_ERR_IO, "%s: cannot be listed: %s", folder, strerror(errno));
    return VIT_OK;
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

/* Empty, but perhaps for the log of a run that failed before its first line. */
static bool unused(const char *folder)
{
    char path[PATH_MAX];
    struct stat s;

    return holds_only(folder, TRAIN_LOG) && (stat(train_path(path, folder, TRAIN_LOG), &s) || !s.st_size);
}

bool train_folder_runs(const char *folder)
{
    return train_folder_has(folder, TRAIN_LOG);
}

enum vit_status train_folder_may_begin(const char *folder, bool replace, struct vit_error *err)
{
    const bool runs = train_folder_runs(folder);

    if (unused(folder) || (replace && runs)) return VIT_OK;
    if (runs)
        return vit_fail(err, VIT_ERR_ARG,
                        "%s: is not empty; --resume %s goes on with its run, --force replaces it", folder,
                        folder);
    return vit_fail(err, VIT_ERR_ARG, "%s: is not empty, and holds no run", folder);
}

bool train_folder_above(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    char path[PATH_MAX];
    bool above = train_folder_has(folder, TRAIN_GRID);

    if (!d) return above;
    while (!above && (entry = readdir(d)))
        above = entry->d_name[0] != '.' && train_folder_runs(train_path(path, folder, entry->d_name));
    closedir(d);
    return above;
}

bool train_folder_done(const char *folder)
{
    return train_folder_has(folder, TRAIN_MODEL) && train_folder_has(folder, TRAIN_CONFIG);
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

enum vit_status train_folder_lock(int *file, const char *folder, const char *name, const char *what,
                                  struct vit_error *err)
{
    char path[PATH_MAX];

    *file = open(train_path(path, folder, name), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (*file < 0) return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (flock(*file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return vit_fail(err, VIT_ERR_IO, "%s: another %s is writing to it", path, what);
    return VIT_OK;
}

enum vit_status train_folder_kept(const char *folder, const char *name, int file, const char *what,
                                  struct vit_error *err)
{
    char path[PATH_MAX];
    struct stat held, named;
    const bool exists = !stat(train_path(path, folder, name), &named);

    if (fstat(file, &held) || (!exists && errno != ENOENT && errno != ENOTDIR))
        return vit_fail(err, VIT_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    if (exists && named.st_dev == held.st_dev && named.st_ino == held.st_ino) return VIT_OK;
    return vit_fail(err, VIT_ERR_IO, "%s: was removed or replaced while the %s wrote to it", path, what);
}

/* Unlinking asks for no permission but the folder's. */
static enum vit_status check_replaceable(const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < VIT_COUNT(FILES) && !status; i++)
        if (train_folder_has(folder, FILES[i]))
            status = vit_can_write_file(train_path(path, folder, FILES[i]), err);
    return status;
}

enum vit_status train_folder_clear(const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];
    enum vit_status status = check_replaceable(folder, err);

    if (status) return status;
    for (size_t i = 0; i < VIT_COUNT(FILES); i++)
        if (unlink(train_path(path, folder, FILES[i])) && errno != ENOENT && errno != ENOTDIR)
            return vit_fail(err, VIT_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return VIT_OK;
}

/* The file that a name of vit_sink is to become when it is whole, "model.safetensors" of
 * "model.safetensors.71-0.tmp". False: it is no such name. */
static bool to_become(char *file, size_t size, const char *name)
{
    static const char END[] = ".tmp";
    const size_t length = strlen(name);
    char *number;

    if (length >= size || length < strlen(END) || strcmp(name + length - strlen(END), END) != 0) return false;
    snprintf(file, size, "%.*s", (int)(length - strlen(END)), name);
    number = strrchr(file, '.');
    if (!number || number[1 + strspn(number + 1, "-0123456789")]) return false;
    *number = '\0';
    return true;
}

void train_folder_tidy_files(const char *folder, train_is_file *is_file, const void *of)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    char path[PATH_MAX], file[NAME_MAX + 1];

    if (!d) return;
    while ((entry = readdir(d)))
        if (to_become(file, sizeof file, entry->d_name) && is_file(of, file))
            unlink(train_path(path, folder, entry->d_name));
    closedir(d);
}

static bool is_of_run(const void *unused, const char *name)
{
    (void)unused;
    return vit_index_of(FILES, VIT_COUNT(FILES), name) >= 0;
}

void train_folder_tidy(const char *folder)
{
    train_folder_tidy_files(folder, is_of_run, NULL);
}
