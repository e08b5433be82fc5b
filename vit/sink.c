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

/* A fresh file beside path. -1: errno says why. */
static int open_beside(char *name, size_t size, const char *path)
{
    int fd = -1;

    for (int i = 0; i < 100; i++) {
        snprintf(name, size, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) break;
    }
    return fd;
}

/* With the permissions of the file that is there, or (NULL) of any new one; mkstemp's would be the owner's
 * only. */
static int open_temporary(struct vit_sink *s, const struct stat *there)
{
    const size_t size = strlen(s->path) + 32;
    int fd, why;

    s->temporary = malloc(size);
    fd = s->temporary ? open_beside(s->temporary, size, s->path) : -1;
    if (fd < 0 || !there || !fchmod(fd, there->st_mode & 0777)) return fd;
    why = errno;
    close(fd);
    unlink(s->temporary);
    errno = why;
    return -1;
}

enum vit_status vit_sink_open(struct vit_sink *s, const char *path, struct vit_error *err)
{
    struct stat there;
    const bool exists = !stat(path, &there);
    int fd;

    *s = (struct vit_sink){ .name = path };
    errno = exists && S_ISDIR(there.st_mode) ? EISDIR : 0;
    if (errno) return refused(s, "written", err);
    /* Renaming asks for no permission but the folder's. */
    if (exists && !may_write(path)) return refused(s, "written", err);
    if (exists && !S_ISREG(there.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC); /* not by its real path: that of /dev/fd/3 leads nowhere */
    } else {
        s->path = exists ? realpath(path, NULL) : strdup(path);
        if (!s->path) return refused(s, "written", err);
        fd = open_temporary(s, exists ? &there : NULL);
    }
    if (fd < 0) {
        enum vit_status status = refused(s, "created", err);
        free(s->temporary);
        s->temporary = NULL; /* nothing to unlink: it may be another's */
        return status;
    }
    s->f = fdopen(fd, "wb");
    if (!s->f) close(fd);
    return s->f ? VIT_OK : refused(s, "created", err);
}

enum vit_status vit_sink_put(struct vit_sink *s, const void *bytes, size_t size, struct vit_error *err)
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

enum vit_status vit_sink_commit(struct vit_sink *s, struct vit_error *err)
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
    status = vit_sink_open(&s, path, err);
    vit_sink_close(&s);
    return status;
}
