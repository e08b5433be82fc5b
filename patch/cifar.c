/* The binary files of CIFAR-10 and CIFAR-100 as published (Krizhevsky 2009): records of one or two label
 * bytes and 3072 bytes of pixels, planes red, green, blue of 32 x 32. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patch/dataset.h"
#include "patch/file.h"
#include "patch/walk.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, MAX_RECORD = 2 + PIXELS };

static const char *const CIFAR10[] = { "airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck" };
static const char *const CIFAR100[] = {
    "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
    "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
    "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
    "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
    "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
    "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
    "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
    "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
    "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
    "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
    "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
    "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
    "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
    "woman",      "worm",
};

struct cifar {
    const char *folder; /* as the archive unpacks */
    const char *names;  /* file of the class names, one a line */
    const char *const *classes;
    int class_count;
    int label_at; /* CIFAR-100: the coarse label first, then the fine one */
    size_t record;
    struct {
        enum patch_split split;
        const char *name;
    } file[PATCH_STORE_FILES];
    int files;
};

static const struct cifar CIFARS[2] = {
    { "cifar-10-batches-bin",
      "batches.meta.txt",
      CIFAR10,
      VIT_COUNT(CIFAR10),
      0,
      1 + PIXELS,
      { { PATCH_TRAIN, "data_batch_1.bin" },
        { PATCH_TRAIN, "data_batch_2.bin" },
        { PATCH_TRAIN, "data_batch_3.bin" },
        { PATCH_TRAIN, "data_batch_4.bin" },
        { PATCH_TRAIN, "data_batch_5.bin" },
        { PATCH_TEST, "test_batch.bin" } },
      6 },
    { "cifar-100-binary",
      "fine_label_names.txt",
      CIFAR100,
      VIT_COUNT(CIFAR100),
      1,
      2 + PIXELS,
      { { PATCH_TRAIN, "train.bin" }, { PATCH_TEST, "test.bin" } },
      2 },
};
_Static_assert(VIT_COUNT(CIFAR100) == 100, "CIFAR-100 has 100 classes");

static const struct cifar *cifar_of(const struct patch_kind *kind)
{
    return &CIFARS[kind == &patch_kind_cifar100];
}

static unsigned splits_right_in(const char *path, const struct cifar *c)
{
    unsigned bits = 0;

    for (int i = 0; i < c->files; i++)
        if (patch_has_file(path, c->file[i].name)) bits |= 1u << c->file[i].split;
    return bits;
}

/* The folder of the files: path, or the archive's folder in it; text holds it. NULL: neither. */
static const char *locate(char text[PATH_MAX], const char *path, const struct cifar *c)
{
    int n = snprintf(text, PATH_MAX, "%s", path);

    if (n > 0 && n < PATH_MAX && splits_right_in(text, c)) return text;
    n = snprintf(text, PATH_MAX, "%s/%s", path, c->folder);
    return n > 0 && n < PATH_MAX && splits_right_in(text, c) ? text : NULL;
}

static unsigned splits_of(const char *path, const struct cifar *c)
{
    char text[PATH_MAX];

    return locate(text, path, c) ? splits_right_in(text, c) : 0;
}

/* ---- opening ---- */

static enum vit_status standard_names(struct patch_names *classes, const struct cifar *c,
                                      struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < c->class_count && !status; i++)
        status = patch_names_add(classes, c->classes[i], strlen(c->classes[i]), err);
    return status;
}

static enum vit_status read_names(struct patch_names *classes, const char *folder, const struct cifar *c,
                                  struct vit_error *err)
{
    enum { MAX_BYTES = 1 << 20 };
    struct patch_names path = { 0 };
    unsigned char *bytes = NULL;
    size_t size;
    enum vit_status status = patch_names_join(&path, folder, c->names, err);

    if (!status) status = patch_file_read(&bytes, &size, path.item[0], MAX_BYTES, err);
    for (const char *text = (const char *)bytes; !status && *text;) {
        const size_t length = strcspn(text, "\r\n");
        if (length) status = patch_names_add(classes, text, length, err);
        text += length + strspn(text + length, "\r\n");
    }
    if (!status && classes->count != (size_t)c->class_count)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: expected %d class names, found %zu", path.item[0],
                          c->class_count, classes->count);
    free(bytes);
    patch_names_free(&path);
    return status;
}

/* The label byte of record i of the file; -1: beyond the classes, or not there. */
static int label_of(const unsigned char *head, const struct cifar *c)
{
    return head[c->label_at] < c->class_count ? head[c->label_at] : -1;
}

/* One record for each begun one: the rest of a cut file is a picture that cannot be read. */
static enum vit_status add_records(struct patch_dataset *d, int file, const struct cifar *c,
                                   struct vit_error *err)
{
    struct patch_store *s = d->store;
    const size_t count = (s->bytes[file] + c->record - 1) / c->record;
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < count && !status; i++) {
        unsigned char head[2] = { 0 };
        const bool there = pread(s->fd[file], head, sizeof head, (off_t)(i * c->record)) == sizeof head;
        status = patch_dataset_add(d, s->first[file] + i, there ? label_of(head, c) : -1, err);
    }
    s->first[file + 1] = s->first[file] + count;
    return status;
}

static enum vit_status add_file(struct patch_dataset *d, const char *folder, const char *name,
                                const struct cifar *c, struct vit_error *err)
{
    struct patch_store *s = d->store;
    struct stat info;
    const char *path;
    int fd;
    enum vit_status status = patch_names_join(&s->files, folder, name, err);

    if (status) return status;
    path = s->files.item[s->files.count - 1];
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    s->fd[s->open++] = fd; /* closed with the store */
    if (fstat(fd, &info)) return vit_fail(err, VIT_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode) || info.st_size == 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: expected records of %zu bytes, found an empty file", path,
                        c->record);
    s->bytes[s->open - 1] = (size_t)info.st_size;
    return add_records(d, s->open - 1, c, err);
}

static enum vit_status open_cifar(struct patch_dataset *d, const char *path, enum patch_split split,
                                  struct vit_error *err)
{
    const struct cifar *c = cifar_of(d->store->kind);
    char text[PATH_MAX];
    const char *folder = locate(text, path, c);
    enum vit_status status;

    if (!folder) return vit_fail(err, VIT_ERR_IO, "%s: its files are gone", path);
    status = patch_has_file(folder, c->names) ? read_names(&d->classes, folder, c, err)
                                              : standard_names(&d->classes, c, err);
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
    const struct cifar *c = cifar_of(s->kind);
    const int file = file_of(s, where);
    const size_t i = where - s->first[file];
    const char *path = s->files.item[file];
    const ssize_t got = pread(s->fd[file], record, c->record, (off_t)(i * c->record));

    if (got < 0) return vit_fail(err, VIT_ERR_IO, "%s: record %zu: %s", path, i, strerror(errno));
    if ((size_t)got != c->record)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: record %zu: expected %zu bytes, found %zd", path, i,
                        c->record, got);
    if (label_of(record, c) < 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: record %zu: label %d, expected 0 to %d", path, i,
                        record[c->label_at], c->class_count - 1);
    return VIT_OK;
}

static enum vit_status read_cifar(const struct patch_store *s, size_t where,
                                  const struct patch_decode *options, struct patch_image *out,
                                  struct vit_error *err)
{
    unsigned char record[MAX_RECORD];
    const unsigned char *planes = record + cifar_of(s->kind)->record - PIXELS;
    enum vit_status status = read_record(record, s, where, err);

    (void)options;
    if (!status) status = patch_image_create(out, SIDE, SIDE, err);
    for (int i = 0; !status && i < PIXELS; i++) out->rgb[i] = planes[i % 3 * PLANE + i / 3];
    return status;
}

/* ---- the two kinds ---- */

static bool found10(const char *path)
{
    return splits_of(path, &CIFARS[0]) != 0;
}

static unsigned splits10(const char *path)
{
    return splits_of(path, &CIFARS[0]);
}

static bool found100(const char *path)
{
    return splits_of(path, &CIFARS[1]) != 0;
}

static unsigned splits100(const char *path)
{
    return splits_of(path, &CIFARS[1]);
}

const struct patch_kind patch_kind_cifar10 = {
    .name = "CIFAR-10 binary",
    .found = found10,
    .splits = splits10,
    .open = open_cifar,
    .read = read_cifar,
    .describe = describe,
};
const struct patch_kind patch_kind_cifar100 = {
    .name = "CIFAR-100 binary",
    .found = found100,
    .splits = splits100,
    .open = open_cifar,
    .read = read_cifar,
    .describe = describe,
};
