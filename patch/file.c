#include "patch/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum vit_status read_open(unsigned char **bytes, size_t *size, int fd, const char *path, size_t max,
                                 struct vit_error *err)
{
    struct stat s;
    ssize_t got;

    if (fstat(fd, &s)) return vit_fail(err, VIT_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return vit_fail(err, VIT_ERR_IO, "%s: expected a file, found %s", path, kind_of(s.st_mode));
    if (s.st_size == 0) return vit_fail(err, VIT_ERR_FORMAT, "%s: the file is empty", path);
    if ((uintmax_t)s.st_size > max)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %jd bytes, more than the %zu that are read", path,
                        (intmax_t)s.st_size, max);
    *size = (size_t)s.st_size;
    *bytes = malloc(*size + 1);
    if (!*bytes) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes", path, *size);
    got = read_fully(fd, *bytes, *size);
    if (got < 0) return vit_fail(err, VIT_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if ((size_t)got != *size)
        return vit_fail(err, VIT_ERR_IO, "%s: shrank while it was read, from %zu to %zd bytes", path, *size,
                        got);
    (*bytes)[*size] = 0;
    return VIT_OK;
}

enum vit_status patch_file_read(unsigned char **bytes, size_t *size, const char *path, size_t max,
                                struct vit_error *err)
{
    /* Without O_NONBLOCK, opening a pipe waits for its writer. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    enum vit_status status;

    *bytes = NULL;
    *size = 0;
    if (fd < 0) return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    status = read_open(bytes, size, fd, path, max, err);
    close(fd);
    if (status) {
        free(*bytes);
        *bytes = NULL;
        *size = 0;
    }
    return status;
}
