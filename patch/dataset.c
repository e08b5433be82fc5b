#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patch/cifar.h"
#include "patch/walk.h"
#include "vit/arena.h"
#include "vit/text.h"

static const char *const SPLITS[] = {
    [PATCH_TRAIN] = "train",
    [PATCH_VAL] = "val",
    [PATCH_TEST] = "test",
    [PATCH_ALL] = "all",
};
_Static_assert(VIT_COUNT(SPLITS) == PATCH_SPLITS, "a split has no name");

const char *patch_split_name(enum patch_split split)
{
    return (size_t)split < PATCH_SPLITS ? SPLITS[split] : "unknown";
}

int patch_split_from_name(const char *name)
{
    return vit_index_of(SPLITS, PATCH_SPLITS, name);
}

/* ---- creating and closing ---- */

static void leave_store(struct patch_store *s)
{
    if (!s || atomic_fetch_sub(&s->users, 1) > 1) return;
    for (int i = 0; i < s->open; i++) close(s->fd[i]);
    patch_names_free(&s->files);
    free(s->refused);
    free(s);
}

enum vit_status patch_dataset_create(struct patch_dataset **out, const struct patch_kind *kind,
                                     struct vit_error *err)
{
    struct patch_dataset *d = calloc(1, sizeof *d);
    struct patch_store *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!d || !s) {
        free(d);
        free(s);
        return vit_fail(err, VIT_ERR_NOMEM, "no memory for a data set");
    }
    atomic_init(&s->users, 1);
    s->kind = kind;
    d->store = s;
    *out = d;
    return VIT_OK;
}

enum vit_status patch_dataset_add(struct patch_dataset *d, size_t where, int label, struct vit_error *err)
{
    if (!vit_grow((void **)&d->records, d->count, sizeof *d->records))
        return vit_fail(err, VIT_ERR_NOMEM, "no memory for more than %zu pictures", d->count);
    d->records[d->count++] = (struct patch_record){ where, label };
    return VIT_OK;
}

enum vit_status patch_store_refuse(struct patch_store *s, size_t where, const struct vit_error *why,
                                   struct vit_error *err)
{
    if (!vit_grow((void **)&s->refused, s->refusals, sizeof *s->refused))
        return vit_fail(err, VIT_ERR_NOMEM, "no memory to say what is wrong with more than %zu pictures",
                        s->refusals);
    s->refused[s->refusals++] = (struct patch_refusal){ where, *why };
    return VIT_OK;
}

void patch_dataset_close(struct patch_dataset *d)
{
    if (!d) return;
    leave_store(d->store);
    patch_names_free(&d->classes);
    free(d->records);
    free(d);
}

/* ---- opening ---- */

/* A folder of classes last among the folders: an archive's would be a class, without pictures. */
static const struct patch_kind *const KINDS[] = {
    &patch_kind_cifar10,         &patch_kind_cifar100, &patch_kind_cifar10_python,
    &patch_kind_cifar100_python, &patch_kind_folder,   &patch_kind_csv,
};

/* Nothing can be said of what lies in a folder that may not be entered. */
static enum vit_status check_there(const char *path, struct vit_error *err)
{
    struct stat s;

    if (!stat(path, &s) && (!S_ISDIR(s.st_mode) || !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS)))
        return VIT_OK;
    if (errno == ENOENT) return vit_fail(err, VIT_ERR_IO, "%s: no such data set", path);
    return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
}

static bool is_archive(const char *name)
{
    static const char *const EXTENSIONS[] = { ".tar.gz", ".tgz", ".tar", ".zip" };

    for (size_t i = 0; i < VIT_COUNT(EXTENSIONS); i++)
        if (patch_has_extension(name, EXTENSIONS[i])) return true;
    return false;
}

/* What may be meant where nothing is recognised: the archive that path is, or that lies in it as it came. */
static void say_archive(char *text, size_t size, const char *path)
{
    struct patch_names files = { 0 };
    const char *found = is_archive(path) ? path : NULL;

    if (!found && patch_is_folder(path)) patch_list_files(&files, path, NULL);
    for (size_t i = 0; !found && i < files.count; i++)
        if (is_archive(files.item[i])) found = files.item[i];
    *text = '\0';
    if (found) snprintf(text, size, "; \"%s\" is an archive, to be unpacked first", found);
    patch_names_free(&files);
}

static enum vit_status recognise(const struct patch_kind **kind, const char *path, struct vit_error *err)
{
    const enum vit_status status = check_there(path, err);
    char archive[512];

    *kind = NULL;
    if (status) return status;
    for (size_t i = 0; i < VIT_COUNT(KINDS) && !*kind; i++)
        if (KINDS[i]->found(KINDS[i], path)) *kind = KINDS[i];
    if (*kind) return VIT_OK;
    say_archive(archive, sizeof archive, path);
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: not a data set: expected a folder of the files of CIFAR-10 or CIFAR-100 (binary or "
                    "Python version), a folder with a folder of pictures for each class, or a text of lines "
                    "file,label%s",
                    path, archive);
}

static enum vit_status check_split(const char *path, const struct patch_kind *kind, enum patch_split split,
                                   struct vit_error *err)
{
    const char *names[PATCH_SPLITS];
    char text[64];
    size_t count = 0;
    unsigned there;
    const enum vit_status status = kind->splits(&there, kind, path, err);

    if (status || split == PATCH_ALL || !there || there & 1u << split) return status;
    for (int i = 0; i < PATCH_ALL; i++)
        if (there & 1u << i) names[count++] = SPLITS[i];
    return vit_fail(err, VIT_ERR_ARG, "%s: this %s has no split \"%s\", it has: %s", path, kind->name,
                    SPLITS[split], vit_list(text, sizeof text, names, count));
}

enum vit_status patch_dataset_splits(unsigned *out, const char *path, struct vit_error *err)
{
    const struct patch_kind *kind;
    const enum vit_status status = recognise(&kind, path, err);

    *out = 0;
    return status ? status : kind->splits(out, kind, path, err);
}

enum vit_status patch_dataset_open(struct patch_dataset **out, const char *path, enum patch_split split,
                                   struct vit_error *err)
{
    const struct patch_kind *kind;
    enum vit_status status = recognise(&kind, path, err);

    *out = NULL;
    if (!status) status = check_split(path, kind, split, err);
    if (!status) status = patch_dataset_create(out, kind, err);
    if (!status) status = kind->open(*out, path, split, err);
    if (!status && !(*out)->count)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: this %s holds no pictures", path, kind->name);
    if (status) {
        patch_dataset_close(*out);
        *out = NULL;
    }
    return status;
}

/* ---- asking ---- */

size_t patch_dataset_count(const struct patch_dataset *d)
{
    return d->count;
}

int patch_dataset_classes(const struct patch_dataset *d)
{
    return (int)d->classes.count;
}

const char *patch_dataset_class(const struct patch_dataset *d, int i)
{
    return i >= 0 && (size_t)i < d->classes.count ? d->classes.item[i] : NULL;
}

int patch_dataset_label(const struct patch_dataset *d, size_t i)
{
    return d->records[i].label;
}

const char *patch_dataset_name(const struct patch_dataset *d, size_t i, char *text, size_t size)
{
    return d->store->kind->describe(d->store, d->records[i].where, text, size);
}

const char *patch_dataset_kind(const struct patch_dataset *d)
{
    return d->store->kind->name;
}

/* FNV-1a of 64 bits (Fowler, Noll and Vo); the NUL parts one text from the next. */
static uint64_t mix_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    } while (*text++);
    return hash;
}

static uint64_t mix_number(uint64_t hash, long long number)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", number);
    return mix_text(hash, text);
}

/* What follows root, a folder, or the folder that root, a file, lies in; name itself where neither holds
 * it. */
static const char *below(const char *name, const char *root)
{
    size_t n = strlen(root);

    while (n && root[n - 1] == '/') n--;
    if (!strncmp(name, root, n) && name[n] == '/') return name + n + strspn(name + n, "/");
    while (n && root[n - 1] != '/') n--;
    return strncmp(name, root, n) ? name : name + n;
}

/* CIFAR's files may lie in root or in the folder of the archive. */
static uint64_t mix_file(uint64_t hash, const struct patch_dataset *d, const char *name, const char *root)
{
    const char *slash = d->store->kind->cifar ? strrchr(name, '/') : NULL;
    struct stat file;

    hash = mix_text(hash, slash ? slash + 1 : below(name, root));
    return mix_number(hash, stat(name, &file) ? -1 : (long long)file.st_size);
}

uint64_t patch_dataset_digest(const struct patch_dataset *d, const char *root)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < d->classes.count; i++) hash = mix_text(hash, d->classes.item[i]);
    for (size_t i = 0; i < d->store->files.count; i++)
        hash = mix_file(hash, d, d->store->files.item[i], root);
    for (size_t i = 0; i < d->count; i++)
        hash = mix_number(mix_number(hash, (long long)d->records[i].where), d->records[i].label);
    return hash;
}

static bool is_file(const char *path, const struct stat *file)
{
    struct stat s;

    return !stat(path, &s) && s.st_dev == file->st_dev && s.st_ino == file->st_ino;
}

/* It lies beside the records. */
static bool is_class_names(const struct patch_store *s, const struct stat *file)
{
    const char *records = s->files.count && s->kind->cifar ? s->files.item[0] : NULL;
    const char *slash = records ? strrchr(records, '/') : NULL;
    char path[PATH_MAX];

    if (!slash) return false;
    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - records), records, s->kind->cifar->names);
    return is_file(path, file);
}

bool patch_dataset_reads(const struct patch_dataset *d, const char *path)
{
    const struct patch_names *files = &d->store->files;
    struct stat file;

    if (stat(path, &file) || !S_ISREG(file.st_mode)) return false;
    for (size_t i = 0; i < files->count; i++)
        if (is_file(files->item[i], &file)) return true;
    return is_class_names(d->store, &file);
}

static int by_where(const void *key, const void *refusal)
{
    const size_t a = *(const size_t *)key, b = ((const struct patch_refusal *)refusal)->where;

    return (a > b) - (a < b);
}

enum vit_status patch_dataset_read(const struct patch_dataset *d, size_t i,
                                   const struct patch_decode *options, struct patch_image *out,
                                   struct vit_error *err)
{
    const struct patch_store *s = d->store;
    const size_t where = d->records[i].where;
    const struct patch_refusal *r =
        s->refusals ? bsearch(&where, s->refused, s->refusals, sizeof *r, by_where) : NULL;

    *out = (struct patch_image){ 0 };
    return r ? vit_fail(err, r->why.status, "%s", r->why.text) : s->kind->read(s, where, options, out, err);
}

enum vit_status patch_file_of_store_read(const struct patch_store *s, size_t where,
                                         const struct patch_decode *options, struct patch_image *out,
                                         struct vit_error *err)
{
    return patch_image_read(out, s->files.item[where], options, err);
}

const char *patch_file_of_store_name(const struct patch_store *s, size_t where, char *text, size_t size)
{
    (void)text, (void)size;
    return s->files.item[where];
}
