/* cifar.h - the forms in which CIFAR is published, and what is read of the one for Python; for cifar*.c. */
#ifndef PATCH_CIFAR_H
#define PATCH_CIFAR_H

#include "patch/dataset.h"

enum { PATCH_CIFAR_SIDE = 32, PATCH_CIFAR_PLANE = 32 * 32, PATCH_CIFAR_PIXELS = 3 * PATCH_CIFAR_PLANE };

struct patch_cifar {
    const char *folder; /* as the archive unpacks */
    const char *names;  /* file of the class names: one a line, or a pickle */
    /* Where that file is missing. NULL: "train" and "test" are names of many files, these only beside it, or,
     * binary, where their sizes are of whole records. */
    const char *const *classes;
    int class_count;
    int labels; /* bytes before a record's pixels; the last is the label (CIFAR-100: the fine one) */
    const char *label_key, *name_key; /* in the pickles of the version for Python; NULL: binary files */
    struct {
        enum patch_split split;
        const char *name;
    } file[PATCH_STORE_FILES];
    int files;
};

/* The pictures of a pickle: count records of PATCH_CIFAR_PIXELS bytes from byte at of the file on, and their
 * labels (count), owned by the caller; -1: no number of one of c's classes. */
struct patch_cifar_batch {
    size_t at, count;
    int *labels;
};
enum vit_status patch_cifar_batch_read(struct patch_cifar_batch *out, const char *path,
                                       const struct patch_cifar *c, struct vit_error *err);

/* Append the class names in a pickle. */
enum vit_status patch_cifar_names_read(struct patch_names *out, const char *path, const struct patch_cifar *c,
                                       struct vit_error *err);

#endif
