#include "tests/support/tmp.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

/* Folders that are there, of the process that made them: children end without a word on them. */
static struct folder {
    struct folder *next;
    pid_t owner;
    char path[];
} * folders;

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s, (void)type, (void)f;
    return remove(path);
}

static void remove_all(void)
{
    while (folders) {
        struct folder *f = folders;
        folders = f->next;
        if (f->owner == getpid()) nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
    }
}

void tmp_create(char *text, size_t size)
{
    static bool begun;
    const char *root = getenv("TMPDIR");
    struct folder *f;

    snprintf(text, size, "%s/vit-test-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(text)) fail_msg("cannot make %s: %s", text, strerror(errno));
    f = malloc(sizeof *f + size);
    if (!f) fail_msg("cannot allocate %zu bytes", size);
    *f = (struct folder){ .next = folders, .owner = getpid() };
    memcpy(f->path, text, strlen(text) + 1);
    folders = f;
    if (!begun) atexit(remove_all);
    begun = true;
}

void tmp_keep(const char *path)
{
    for (struct folder **f = &folders; *f; f = &(*f)->next) {
        struct folder *found = *f;
        if (strcmp(found->path, path)) continue;
        *f = found->next;
        free(found);
        return;
    }
}

void tmp_remove(const char *path)
{
    tmp_keep(path);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void *tmp_fixture(void **state, size_t size)
{
    *state = calloc(1, size);
    assert_true(*state && size >= TMP_PATH);
    tmp_create(*state, TMP_PATH);
    return *state;
}

int tmp_setup(void **state)
{
    tmp_fixture(state, TMP_PATH);
    return 0;
}

int tmp_teardown(void **state)
{
    tmp_remove(*state);
    free(*state);
    return 0;
}

static void make_parents(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        mkdir(path, 0777);
        *p = '/';
    }
}

void tmp_write(const char *dir, const char *name, const void *bytes, size_t size, char *text,
               size_t text_size)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    make_parents(path);
    f = fopen(path, "wb");
    if (!f) fail_msg("cannot write %s: %s", path, strerror(errno));
    if (size && fwrite(bytes, 1, size, f) != size) fail_msg("cannot write %s", path);
    fclose(f);
    if (text) snprintf(text, text_size, "%s", path);
}

unsigned char *tmp_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    unsigned char *bytes = NULL;
    size_t got;

    *size = 0;
    if (!f) fail_msg("cannot read %s: %s", path, strerror(errno));
    do {
        bytes = realloc(bytes, *size + 65536 + 1);
        got = fread(bytes + *size, 1, 65536, f);
        *size += got;
    } while (got);
    fclose(f);
    return bytes;
}

char *tmp_text(const char *dir, const char *name)
{
    char path[4096];
    size_t size;
    unsigned char *bytes;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    bytes = tmp_read(path, &size);
    bytes[size] = '\0';
    return (char *)bytes;
}

int tmp_lines(const char *dir, const char *name)
{
    char path[4096];
    int lines = 0, c;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "rb");
    while (f && (c = getc(f)) != EOF) lines += c == '\n';
    if (f) fclose(f);
    return lines;
}

bool tmp_has(const char *dir, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

void tmp_assert_same(const char *a, const char *b, const char *name)
{
    char path[2][4096];
    size_t size[2];
    unsigned char *bytes[2];

    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", i ? b : a, name);
        bytes[i] = tmp_read(path[i], &size[i]);
    }
    if (size[0] != size[1] || memcmp(bytes[0], bytes[1], size[0]) != 0)
        fail_msg("%s and %s differ", path[0], path[1]);
    free(bytes[0]);
    free(bytes[1]);
}

int tmp_count(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int n = 0;

    if (!d) fail_msg("cannot list %s: %s", dir, strerror(errno));
    while ((e = readdir(d))) n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}
