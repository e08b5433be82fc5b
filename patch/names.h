/* names.h - a growing list of strings: paths, classes. */
#ifndef PATCH_NAMES_H
#define PATCH_NAMES_H

#include "vit/base.h"

struct patch_names {
    char **item; /* (count), each its own allocation */
    size_t count;
};

/* Append a copy of length bytes. */
enum vit_status patch_names_add(struct patch_names *n, const char *text, size_t length,
                                struct vit_error *err);
/* Append "folder/name", or name alone where it is absolute or folder is empty. */
enum vit_status patch_names_join(struct patch_names *n, const char *folder, const char *name,
                                 struct vit_error *err);
/* Append the lines of a text of at most 16 MiB: no line ends, no blank lines, no byte order mark. */
enum vit_status patch_names_read(struct patch_names *n, const char *path, struct vit_error *err);
enum vit_status patch_names_copy(struct patch_names *to, const struct patch_names *from,
                                 struct vit_error *err);
/* Sort from item first on, by bytes, as strcmp does. */
void patch_names_sort(struct patch_names *n, size_t first);
/* Drop repetitions in a sorted list. */
void patch_names_unique(struct patch_names *n);
/* Index in a sorted list, or -1. */
ptrdiff_t patch_names_search(const struct patch_names *n, const char *name);
void patch_names_free(struct patch_names *n); /* accepts a zeroed list */

#endif
