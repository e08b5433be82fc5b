#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/tmp.h"

void fuzz_stop(const char *what)
{
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

static void stop(const char *what)
{
    fprintf(stderr, "fuzz: %s: %s\n", what, strerror(errno));
    abort();
}

static void write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        const ssize_t put = write(fd, data, size);
        if (put <= 0) stop("write");
        data += put;
        size -= (size_t)put;
    }
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd >= 0) close(fd);
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0) stop("memfd_create");
    write_all(fd, data, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* Not removed here: libFuzzer ends without the handlers of atexit. tools/fuzz.sh takes TMPDIR away. */
const char *fuzz_folder(void)
{
    static char folder[256];

    if (!*folder) tmp_create(folder, sizeof folder);
    return folder;
}

void fuzz_write(const char *where, const char *name, const void *data, size_t size)
{
    tmp_write(where, name, data, size, NULL, 0);
}
