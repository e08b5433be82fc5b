#include "vit/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vit_status refused(const struct vit_sink *s, const char *what, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_IO, "%s: cannot be %s: %s", s->name, what, strerror(errno));
}

static bool may_write(const char *path)
{
    return !faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
}

/* Owned by the caller; NULL: no memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

enum { FD_NAME = 32 };

static const char *fd_name(char name[FD_NAME], int fd)
{
    snprintf(name, FD_NAME, "/proc/self/fd/%d", fd);
    return name;
}

/* A fresh file in the folder of path, which goes with this process, whatever ends it. -1: not on this
 * system, or not there. */
static int open_nameless(const char *path)
{
#ifdef O_TMPFILE
    char *folder = folder_of(path), name[FD_NAME];
    int fd = folder ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;

    free(folder);
    if (fd < 0 || !access(fd_name(name, fd), F_OK)) return fd; /* by that it gets its name */
    close(fd);
#else
    (void)path;
#endif
    return -1;
}

static int link_to(const char *path, int fd)
{
    char name[FD_NAME];

    return linkat(AT_FDCWD, fd_name(name, fd), AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* Name number i beside path. brief: one that fits where path's own name leaves no room for more. */
static void name_beside(char *out, size_t size, const char *path, bool brief, int i)
{
    const char *slash = strrchr(path, '/');
    const size_t kept = !brief ? strlen(path) : slash ? (size_t)(slash + 1 - path) : 0;

    snprintf(out, size, "%.*s%s.%ld-%d.tmp", (int)kept, path, brief ? "vit" : "", (long)getpid(), i);
}

/* A name beside path that no file has, for the nameless one, or (-1) a fresh one that is opened. -1: errno
 * says why, and there is no name to unlink: it may be another's. */
static int take_name(struct vit_sink *s, int nameless)
{
    const size_t size = strlen(s->path) + 32;
    char *name = malloc(size);
    bool brief = false;
    int fd = -1, why;

    for (int i = 0; name && i < 100; i++) {
        name_beside(name, size, s->path, brief, i);
        fd = nameless < 0 ? open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)
                          : link_to(name, nameless);
        if (fd >= 0 || (errno != EEXIST && (brief || errno != ENAMETOOLONG))) break;
        brief = brief || errno == ENAMETOOLONG;
    }
    s->temporary = name;
    if (fd >= 0) return fd;
    why = errno;
    free(name);
    s->temporary = NULL;
    errno = why;
    return -1;
}

/* With the permissions of the file that is there, or (NULL) of any new one; mkstemp's would be the owner's
 * only. */
static int open_temporary(struct vit_sink *s, const struct stat *there, bool nameless)
{
    int fd = nameless ? open_nameless(s->path) : -1, why;

    if (fd < 0) fd = take_name(s, -1);
    if (fd < 0 || !there || !fchmod(fd, there->st_mode & 0777)) return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* Whether a file may be renamed over the one at path: in a sticky folder by the owner of either alone. */
static bool may_replace(const char *path, const struct stat *there)
{
    char *folder = folder_of(path);
    struct stat in;
    const bool sticky = folder && !stat(folder, &in) && in.st_mode & S_ISVTX;

    free(folder);
    errno = EPERM;
    return !sticky || !geteuid() || there->st_uid == geteuid() || in.st_uid == geteuid();
}

static bool is_dangling(const char *path)
{
    struct stat at;

    return !lstat(path, &at) && S_ISLNK(at.st_mode);
}

static enum vit_status open_sink(struct vit_sink *s, const char *path, bool nameless, struct vit_error *err)
{
    struct stat there;
    const bool exists = !stat(path, &there);
    int fd;

    *s = (struct vit_sink){ .name = path };
    if (!exists && errno == ENAMETOOLONG) return refused(s, "created", err); /* a temporary name may fit */
    errno = exists && S_ISDIR(there.st_mode) ? EISDIR : 0;
    if (errno) return refused(s, "written", err);
    /* Renaming asks for no permission but the folder's. */
    if (exists && !may_write(path)) return refused(s, "written", err);
    if (!exists && is_dangling(path))
        return vit_fail(err, VIT_ERR_IO, "%s: cannot be written: it is a link to what is not there", path);
    if (exists && !S_ISREG(there.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC); /* not by its real path: that of /dev/fd/3 leads nowhere */
    } else {
        s->path = exists ? realpath(path, NULL) : strdup(path);
        if (!s->path) return refused(s, "written", err);
        if (exists && !may_replace(s->path, &there)) return refused(s, "replaced", err);
        fd = open_temporary(s, exists ? &there : NULL, nameless);
    }
    if (fd < 0) return refused(s, "created", err);
    s->f = fdopen(fd, "wb");
    if (!s->f) close(fd);
    return s->f ? VIT_OK : refused(s, "created", err);
}

enum vit_status vit_sink_open(struct vit_sink *s, const char *path, struct vit_error *err)
{
    return open_sink(s, path, true, err);
}

enum vit_status vit_sink_put(struct vit_sink *s, const void *bytes, size_t size, struct vit_error *err)
{
    if (size && fwrite(bytes, 1, size, s->f) != size) return refused(s, "written", err);
    return VIT_OK;
}

/* After a rename the name itself must reach the disk. Some file systems cannot sync a folder: no fault. */
static void sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
    free(folder);
}

enum vit_status vit_sink_commit(struct vit_sink *s, struct vit_error *err)
{
    FILE *f = s->f;

    if (fflush(f)) return refused(s, "written", err);
    if (s->path && fsync(fileno(f))) return refused(s, "synced", err);
    if (s->path && !s->temporary && take_name(s, fileno(f))) return refused(s, "created", err);
    s->f = NULL;
    if (fclose(f)) return refused(s, "closed", err);
    if (!s->path) return VIT_OK;
    if (rename(s->temporary, s->path)) return refused(s, "renamed to", err);
    free(s->temporary);
    s->temporary = NULL;
    sync_folder(s->path);
    return VIT_OK;
}

void vit_sink_close(struct vit_sink *s)
{
    if (s->f) fclose(s->f);
    if (s->temporary) unlink(s->temporary);
    free(s->temporary);
    free(s->path);
}

enum vit_status vit_write_file(const char *path, const void *bytes, size_t size, struct vit_error *err)
{
    struct vit_sink s;
    enum vit_status status = vit_sink_open(&s, path, err);

    if (!status) status = vit_sink_put(&s, bytes, size, err);
    if (!status) status = vit_sink_commit(&s, err);
    vit_sink_close(&s);
    return status;
}

enum vit_status vit_can_write_file(const char *path, struct vit_error *err)
{
    struct vit_sink s = { .name = path };
    struct stat there;
    enum vit_status status;

    if (!stat(path, &there) && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode))
        return may_write(path) ? VIT_OK /* opening a pipe waits for its reader */
                               : refused(&s, "written", err);
    status = open_sink(&s, path, false, err); /* nameless, it would not tell a name that is too long */
    vit_sink_close(&s);
    return status;
}
