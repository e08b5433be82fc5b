/* CIFAR-10 and CIFAR-100 as published (Krizhevsky 2009). In the binary files records of one or two label
 * bytes and 3072 bytes of pixels, planes red, green, blue of 32 x 32; in those for Python the same pixels,
 * the labels apart. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patch/cifar.h"
#include "patch/walk.h"
#include "vit/source.h"

enum { PIXELS = PATCH_CIFAR_PIXELS, MAX_RECORD = 2 + PIXELS };

static const char *const CIFAR10[] = { "airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck" };

#define TEN(extension)                                                                                       \
    {                                                                                                        \
        { PATCH_TRAIN, "data_batch_1" extension }, { PATCH_TRAIN, "data_batch_2" extension },                \
            { PATCH_TRAIN, "data_batch_3" extension }, { PATCH_TRAIN, "data_batch_4" extension },            \
            { PATCH_TRAIN, "data_batch_5" extension }, { PATCH_TEST, "test_batch" extension },               \
    }
#define HUNDRED(extension)                                                                                   \
    {                                                                                                        \
        { PATCH_TRAIN, "train" extension }, { PATCH_TEST, "test" extension },                                \
    }

static const struct patch_cifar BINARY10 = {
    .folder = "cifar-10-batches-bin",
    .names = "batches.meta.txt",
    .classes = CIFAR10,
    .class_count = VIT_COUNT(CIFAR10),
    .labels = 1,
    .file = TEN(".bin"),
    .files = 6,
};
static const struct patch_cifar BINARY100 = {
    .folder = "cifar-100-binary",
    .names = "fine_label_names.txt",
    .class_count = 100,
    .labels = 2,
    .file = HUNDRED(".bin"),
    .files = 2,
};
static const struct patch_cifar PYTHON10 = {
    .folder = "cifar-10-batches-py",
    .names = "batches.meta",
    .classes = CIFAR10,
    .class_count = VIT_COUNT(CIFAR10),
    .label_key = "labels",
    .name_key = "label_names",
    .file = TEN(""),
    .files = 6,
};
static const struct patch_cifar PYTHON100 = {
    .folder = "cifar-100-python",
    .names = "meta",
    .class_count = 100,
    .label_key = "fine_labels",
    .name_key = "fine_label_names",
    .file = HUNDRED(""),
    .files = 2,
};

static size_t record_size(const struct patch_cifar *c)
{
    return (size_t)c->labels + PIXELS;
}

/* A name like train.bin says little, a size of whole records more. */
static bool has_records(const char *folder, const struct patch_cifar *c)
{
    bool any = false;

    for (int i = 0; i < c->files && !c->label_key; i++) {
        char path[PATH_MAX];
        struct stat info;
        const int n = snprintf(path, sizeof path, "%s/%s", folder, c->file[i].name);

        if (n < 0 || n >= PATH_MAX || stat(path, &info) || !S_ISREG(info.st_mode)) continue;
        if (!info.st_size || (size_t)info.st_size % record_size(c)) return false;
        any = true;
    }
    return any;
}

static unsigned splits_right_in(const char *path, const struct patch_cifar *c)
{
    unsigned bits = 0;

    if (!c->classes && !patch_has_file(path, c->names) && !has_records(path, c)) return 0;
    for (int i = 0; i < c->files; i++)
        if (patch_has_file(path, c->file[i].name)) bits |= 1u << c->file[i].split;
    return bits;
}

/* The folder of the files: path, or the archive's folder in it; text holds it. NULL: neither. */
static const char *locate(char text[PATH_MAX], const char *path, const struct patch_cifar *c)
{
    int n = snprintf(text, PATH_MAX, "%s", path);

    if (n > 0 && n < PATH_MAX && splits_right_in(text, c)) return text;
    n = snprintf(text, PATH_MAX, "%s/%s", path, c->folder);
    return n > 0 && n < PATH_MAX && splits_right_in(text, c) ? text : NULL;
}

static enum vit_status splits(unsigned *out, const struct patch_kind *kind, const char *path,
                              struct vit_error *err)
{
    char text[PATH_MAX];

    (void)err;
    *out = locate(text, path, kind->cifar) ? splits_right_in(text, kind->cifar) : 0;
    return VIT_OK;
}

static bool found(const struct patch_kind *kind, const char *path)
{
    char text[PATH_MAX];

    return locate(text, path, kind->cifar) != NULL;
}

/* ---- opening ---- */

static enum vit_status standard_names(struct patch_names *classes, const struct patch_cifar *c,
                                      struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < c->class_count && !status; i++)
        status = patch_names_add(classes, c->classes[i], strlen(c->classes[i]), err);
    return status;
}

static enum vit_status read_names(struct patch_names *classes, const char *folder,
                                  const struct patch_cifar *c, struct vit_error *err)
{
    struct patch_names path = { 0 };
    enum vit_status status = patch_names_join(&path, folder, c->names, err);

    if (!status && !patch_has_file(folder, c->names))
        status =
            vit_fail(err, VIT_ERR_FORMAT,
                     "%s: no such file, expected the names of the classes of CIFAR-%d beside its pictures",
                     path.item[0], c->class_count);
    if (!status)
        status = c->name_key ? patch_cifar_names_read(classes, path.item[0], c, err)
                             : patch_names_read(classes, path.item[0], err);
    if (!status && classes->count != (size_t)c->class_count)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: expected %d class names, found %zu", path.item[0],
                          c->class_count, classes->count);
    patch_names_free(&path);
    return status;
}

/* The label byte of a record that begins with head; -1: beyond the classes. */
static int label_of(const unsigned char *head, const struct patch_cifar *c)
{
    const int label = head[c->labels - 1];

    return label < c->class_count ? label : -1;
}

/* One record for each begun one: the rest of a cut file is a picture that cannot be read. */
static enum vit_status add_records(struct patch_dataset *d, int file, const struct patch_cifar *c,
                                   struct vit_error *err)
{
    struct patch_store *s = d->store;
    const size_t count = (s->bytes[file] + record_size(c) - 1) / record_size(c);
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < count && !status; i++) {
        unsigned char head[2] = { 0 };
        const bool there = pread(s->fd[file], head, sizeof head, (off_t)(i * record_size(c))) == sizeof head;
        status = patch_dataset_add(d, s->first[file] + i, there ? label_of(head, c) : -1, err);
    }
    s->first[file + 1] = s->first[file] + count;
    return status;
}

static enum vit_status add_batch(struct patch_dataset *d, int file, const struct patch_cifar *c,
                                 struct vit_error *err)
{
    struct patch_store *s = d->store;
    const char *path = s->files.item[file];
    struct patch_cifar_batch b;
    enum vit_status status = patch_cifar_batch_read(&b, path, c, err);

    for (size_t i = 0; !status && i < b.count; i++) {
        struct vit_error why;
        status = patch_dataset_add(d, s->first[file] + i, b.labels[i], err);
        if (status || b.labels[i] >= 0) continue;
        vit_fail(&why, VIT_ERR_FORMAT, "%s: record %zu: its label is no number from 0 to %d", path, i,
                 c->class_count - 1);
        status = patch_store_refuse(s, s->first[file] + i, &why, err);
    }
    free(b.labels);
    s->begin[file] = b.at;
    s->first[file + 1] = s->first[file] + b.count;
    return status;
}

static enum vit_status add_file(struct patch_dataset *d, const char *folder, const char *name,
                                const struct patch_cifar *c, struct vit_error *err)
{
    struct patch_store *s = d->store;
    const int file = s->open;
    const char *path;
    enum vit_status status = patch_names_join(&s->files, folder, name, err);

    if (status) return status;
    path = s->files.item[s->files.count - 1];
    status = vit_source_open(&s->fd[file], &s->bytes[file], path, err);
    if (status) return status;
    s->open++; /* closed with the store */
    if (!s->bytes[file])
        return vit_fail(err, VIT_ERR_FORMAT, "%s: expected pictures of %zu bytes, found an empty file", path,
                        record_size(c));
    return c->label_key ? add_batch(d, file, c, err) : add_records(d, file, c, err);
}

static enum vit_status open_cifar(struct patch_dataset *d, const char *path, enum patch_split split,
                                  struct vit_error *err)
{
    const struct patch_cifar *c = d->store->kind->cifar;
    char text[PATH_MAX];
    const char *folder = locate(text, path, c);
    enum vit_status status;

    if (!folder) return vit_fail(err, VIT_ERR_IO, "%s: its files are gone", path);
    status = c->classes && !patch_has_file(folder, c->names) ? standard_names(&d->classes, c, err)
                                                             : read_names(&d->classes, folder, c, err);
    for (int i = 0; i < c->files && !status; i++)
        if (split == PATCH_ALL || split == c->file[i].split)
            status = add_file(d, folder, c->file[i].name, c, err);
    return status;
}

/* ---- reading ---- */

static int file_of(const struct patch_store *s, size_t where)
{
    int file = 0;

    while (where >= s->first[file + 1]) file++;
    return file;
}

static const char *describe(const struct patch_store *s, size_t where, char *text, size_t size)
{
    const int file = file_of(s, where);
    const char *path = s->files.item[file], *slash = strrchr(path, '/');

    snprintf(text, size, "%s[%zu]", slash ? slash + 1 : path, where - s->first[file]);
    return text;
}

static enum vit_status read_record(unsigned char *record, const struct patch_store *s, size_t where,
                                   struct vit_error *err)
{
    const struct patch_cifar *c = s->kind->cifar;
    const int file = file_of(s, where);
    const size_t i = where - s->first[file];
    const char *path = s->files.item[file];
    const size_t size = record_size(c);
    const ssize_t got = pread(s->fd[file], record, size, (off_t)(s->begin[file] + i * size));

    if (got < 0) return vit_fail(err, VIT_ERR_IO, "%s: record %zu: %s", path, i, strerror(errno));
    if ((size_t)got != size)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: record %zu: expected %zu bytes, found %zd", path, i, size,
                        got);
    if (c->labels && label_of(record, c) < 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: record %zu: label %d, expected 0 to %d", path, i,
                        record[c->labels - 1], c->class_count - 1);
    return VIT_OK;
}

static enum vit_status read_cifar(const struct patch_store *s, size_t where,
                                  const struct patch_decode *options, struct patch_image *out,
                                  struct vit_error *err)
{
    unsigned char record[MAX_RECORD];
    const unsigned char *planes = record + s->kind->cifar->labels;
    enum vit_status status = read_record(record, s, where, err);

    (void)options;
    if (!status) status = patch_image_create(out, PATCH_CIFAR_SIDE, PATCH_CIFAR_SIDE, err);
    for (int i = 0; !status && i < PIXELS; i++) out->rgb[i] = planes[i % 3 * PATCH_CIFAR_PLANE + i / 3];
    return status;
}

/* ---- the four kinds ---- */

#define KIND(called, of)                                                                                     \
    {                                                                                                        \
        .name = called, .cifar = of, .found = found, .splits = splits, .open = open_cifar,                   \
        .read = read_cifar, .describe = describe,                                                            \
    }
const struct patch_kind patch_kind_cifar10 = KIND("CIFAR-10 binary", &BINARY10);
const struct patch_kind patch_kind_cifar100 = KIND("CIFAR-100 binary", &BINARY100);
const struct patch_kind patch_kind_cifar10_python = KIND("CIFAR-10 Python", &PYTHON10);
const struct patch_kind patch_kind_cifar100_python = KIND("CIFAR-100 Python", &PYTHON100);
