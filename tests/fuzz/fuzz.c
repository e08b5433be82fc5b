#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
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

/* The folders are made by whoever writes the first time. */
void fuzz_write(const char *where, const char *name, const void *data, size_t size)
{
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s/%s", where, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        tmp_write(where, name, data, size, NULL, 0);
        return;
    }
    write_all(fd, data, size);
    close(fd);
}

uint32_t fuzz_crc32(const uint8_t *p, size_t n)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; !table[255] && i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < n; i++) crc = crc >> 8 ^ table[(crc ^ p[i]) & 255];
    return ~crc;
}
