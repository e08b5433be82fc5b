#include "vit/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool vit_source_is_there(const char *path)
{
    struct stat s;

    return lstat(path, &s) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static const char *kind_of(mode_t mode)
{
    static const struct {
        mode_t type;
        const char *name;
    } KINDS[] = {
        { S_IFDIR, "a folder" },      { S_IFIFO, "a pipe" },    { S_IFCHR, "a device" },
        { S_IFBLK, "a disk device" }, { S_IFSOCK, "a socket" },
    };
    for (size_t i = 0; i < VIT_COUNT(KINDS); i++)
        if ((mode & S_IFMT) == KINDS[i].type) return KINDS[i].name;
    return "something else";
}

static enum vit_status examine(int fd, size_t *size, const char *path, struct vit_error *err)
{
    struct stat s;

    if (fstat(fd, &s)) return vit_fail(err, VIT_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return vit_fail(err, VIT_ERR_IO, "%s: expected a file, found %s", path, kind_of(s.st_mode));
    *size = (size_t)s.st_size;
    if ((off_t)*size == s.st_size) return VIT_OK;
    return vit_fail(err, VIT_ERR_IO, "%s: larger than the memory of this system can be", path);
}

enum vit_status vit_source_open(int *fd, size_t *size, const char *path, struct vit_error *err)
{
    enum vit_status status;

    *size = 0;
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* otherwise a pipe waits for its writer */
    if (*fd < 0) {
        const int why = errno;
        status = vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(why));
        errno = why;
        return status;
    }
    status = examine(*fd, size, path, err);
    if (!status) return VIT_OK;
    close(*fd);
    *fd = -1;
    errno = 0;
    return status;
}

/* read() until size bytes are there; returns how many came, or -1. */
static ssize_t read_fully(int fd, unsigned char *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(fd, to + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (!got) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static enum vit_status fill(unsigned char *bytes, size_t size, int fd, const char *path,
                            struct vit_error *err)
{
    const ssize_t got = read_fully(fd, bytes, size);

    if (got < 0) return vit_fail(err, VIT_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if ((size_t)got != size)
        return vit_fail(err, VIT_ERR_IO, "%s: shrank while it was read, from %zu to %zd bytes", path, size,
                        got);
    bytes[size] = 0;
    return VIT_OK;
}

static enum vit_status read_open(unsigned char **bytes, size_t size, int fd, const char *path, size_t max,
                                 struct vit_error *err)
{
    enum vit_status status;

    if (size > max)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %zu bytes, more than the %zu that are read", path,
                        size, max);
    *bytes = size < SIZE_MAX ? malloc(size + 1) : NULL;
    if (!*bytes) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes", path, size);
    status = fill(*bytes, size, fd, path, err);
    if (!status) return VIT_OK;
    free(*bytes);
    *bytes = NULL;
    return status;
}

enum vit_status vit_source_read(unsigned char **bytes, size_t *size, const char *path, size_t max,
                                struct vit_error *err)
{
    int fd;
    enum vit_status status = vit_source_open(&fd, size, path, err);

    *bytes = NULL;
    if (status) return status;
    status = read_open(bytes, *size, fd, path, max, err);
    if (status) *size = 0;
    close(fd);
    return status;
}
