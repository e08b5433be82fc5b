/* faults.so - preloaded into the program, makes one operation on files fail: the disk is full, broken or
 * read-only. And a decoder of JPEG that crashes.
 *
 *   VIT_FAULT=N:ERRNO[:stay]   operation N fails (and with stay all after it); N 0: only count
 *   VIT_FAULT_COUNT=FILE       receives the number of operations at the end
 *
 * Operations are those that change what is on a disk: opening for writing, write, fwrite, fflush, fsync,
 * fclose, ftruncate, linkat, rename, mkdir. Standard streams do not count. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_TMPFILE
#define O_TMPFILE O_CREAT
#endif

static struct {
    atomic_int seen;
    int fail, code;
    bool stay;
} plan;

__attribute__((constructor)) static void read_plan(void)
{
    const char *text = getenv("VIT_FAULT");
    char word[8] = "";

    if (text && sscanf(text, "%d:%d:%7s", &plan.fail, &plan.code, word) >= 2) plan.stay = *word != '\0';
}

/* The function itself, behind ours. */
#define REAL(name)                                                                                           \
    static __typeof__(name) *real;                                                                           \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

static bool fails(void)
{
    const int n = atomic_fetch_add(&plan.seen, 1) + 1;

    if (!plan.fail || (plan.stay ? n < plan.fail : n != plan.fail)) return false;
    errno = plan.code;
    return true;
}

__attribute__((destructor)) static void say_count(void)
{
    const char *path = getenv("VIT_FAULT_COUNT");
    FILE *f;

    plan.fail = 0;
    f = path ? fopen(path, "w") : NULL;
    if (!f) return;
    fprintf(f, "%d\n", atomic_load(&plan.seen) - 1); /* but for this fopen */
    fclose(f);
}

static bool is_ours(int fd)
{
    return fd > 2;
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
    va_end(args);
    return (flags & O_ACCMODE) != O_RDONLY && fails() ? -1 : real(path, flags, mode);
}

FILE *fopen(const char *path, const char *how)
{
    REAL(fopen);

    return *how != 'r' && fails() ? NULL : real(path, how);
}

/* Half of it gets through: what a disk does that becomes full. */
ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(write);

    if (!is_ours(fd) || !fails()) return real(fd, bytes, size);
    (void)!real(fd, bytes, size / 2);
    errno = plan.code;
    return -1;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *f)
{
    REAL(fwrite);

    if (!is_ours(fileno(f)) || !fails()) return real(bytes, size, count, f);
    real(bytes, size, count / 2, f);
    errno = plan.code;
    return count / 2;
}

int fflush(FILE *f)
{
    REAL(fflush);

    return f && is_ours(fileno(f)) && fails() ? EOF : real(f);
}

/* The stream is gone all the same. */
int fclose(FILE *f)
{
    REAL(fclose);
    const bool refused = is_ours(fileno(f)) && fails();
    const int code = real(f);

    if (refused) errno = plan.code;
    return refused ? EOF : code;
}

int fsync(int fd)
{
    REAL(fsync);

    return fails() ? -1 : real(fd);
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);

    return fails() ? -1 : real(fd, size);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    REAL(linkat);

    return fails() ? -1 : real(from_folder, from, to_folder, to, flags);
}

int rename(const char *from, const char *to)
{
    REAL(rename);

    return fails() ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);

    return fails() ? -1 : real(path, mode);
}

/* libjpeg as it might be: a JPEG that holds these words crashes it. */
void jpeg_mem_src(void *jpeg, const unsigned char *bytes, unsigned long size);
void jpeg_mem_src(void *jpeg, const unsigned char *bytes, unsigned long size)
{
    static const char WORDS[] = "crash the decoder";
    char *volatile nowhere = (char *)16;
    REAL(jpeg_mem_src);

    if (memmem(bytes, size, WORDS, sizeof WORDS - 1)) *nowhere = 0;
    real(jpeg, bytes, size);
}
