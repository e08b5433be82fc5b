/* dataset.h - the inside of a data set, for the files that read each kind. */
#ifndef PATCH_DATASET_H
#define PATCH_DATASET_H

#include <stdatomic.h>

#include "patch/names.h"
#include "patch/patch.h"

struct patch_store;
struct patch_cifar;

/* A kind of data set: how it is recognised, opened and read. */
struct patch_kind {
    const char *name;
    const struct patch_cifar *cifar; /* NULL: another kind */
    /* path is one of these. */
    bool (*found)(const struct patch_kind *kind, const char *path);
    /* *out: its splits as bits, 1 << PATCH_TRAIN and so on; 0: it is one set. */
    enum vit_status (*splits)(unsigned *out, const struct patch_kind *kind, const char *path,
                              struct vit_error *err);
    /* Fill d, which is made for this kind; split is PATCH_ALL or one it has, or it has none. On failure d
     * is closed by the caller. */
    enum vit_status (*open)(struct patch_dataset *d, const char *path, enum patch_split split,
                            struct vit_error *err);
    /* Picture number where, as the records say; not called for one that is refused. */
    enum vit_status (*read)(const struct patch_store *s, size_t where, const struct patch_decode *options,
                            struct patch_image *out, struct vit_error *err);
    const char *(*describe)(const struct patch_store *s, size_t where, char *text, size_t size);
};
extern const struct patch_kind patch_kind_cifar10, patch_kind_cifar100, patch_kind_cifar10_python,
    patch_kind_cifar100_python, patch_kind_folder, patch_kind_csv;

enum { PATCH_STORE_FILES = 6 }; /* CIFAR-10: five of training, one of test */

/* What counts as a picture and is known to be none before it is read. */
struct patch_refusal {
    size_t where;
    struct vit_error why;
};

/* Where the pictures lie. Shared by a data set and the parts held out of it; does not change. */
struct patch_store {
    atomic_int users;
    const struct patch_kind *kind;
    struct patch_names files; /* one a picture; CIFAR: one for some thousand */
    /* CIFAR: files[i] is open as fd[i], its records have the numbers first[i] to first[i + 1] and lie there
     * from byte begin[i] on. */
    int open, fd[PATCH_STORE_FILES];
    size_t first[PATCH_STORE_FILES + 1], bytes[PATCH_STORE_FILES], begin[PATCH_STORE_FILES];
    struct patch_refusal *refused; /* (refusals), in the order of where */
    size_t refusals;
};

struct patch_record {
    size_t where;
    int label; /* -1: unlabelled, or damaged: reading it says how */
};

struct patch_dataset {
    struct patch_store *store;
    struct patch_names classes;
    struct patch_record *records; /* (count) */
    size_t count;
};

enum vit_status patch_dataset_create(struct patch_dataset **out, const struct patch_kind *kind,
                                     struct vit_error *err);
enum vit_status patch_dataset_add(struct patch_dataset *d, size_t where, int label, struct vit_error *err);

/* Reading number where, which comes after those refused before, fails with why. */
enum vit_status patch_store_refuse(struct patch_store *s, size_t where, const struct vit_error *why,
                                   struct vit_error *err);

/* read and describe of the kinds with a file for each picture. */
enum vit_status patch_file_of_store_read(const struct patch_store *s, size_t where,
                                         const struct patch_decode *options, struct patch_image *out,
                                         struct vit_error *err);
const char *patch_file_of_store_name(const struct patch_store *s, size_t where, char *text, size_t size);

#endif
