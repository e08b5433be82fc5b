#include "patch/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patch/file.h"
#include "vit/arena.h"

static enum vit_status no_memory(struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_NOMEM, "no memory for a list of names");
}

enum vit_status patch_names_add(struct patch_names *n, const char *text, size_t length, struct vit_error *err)
{
    char *copy = malloc(length + 1);

    if (!copy || !vit_grow((void **)&n->item, n->count, sizeof *n->item)) {
        free(copy);
        return no_memory(err);
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    n->item[n->count++] = copy;
    return VIT_OK;
}

enum vit_status patch_names_join(struct patch_names *n, const char *folder, const char *name,
                                 struct vit_error *err)
{
    const size_t head = strlen(folder);
    const char *slash = head && folder[head - 1] == '/' ? "" : "/";
    const size_t size = head + strlen(name) + 2;
    char *path;
    enum vit_status status;

    if (!head || name[0] == '/') return patch_names_add(n, name, strlen(name), err);
    path = malloc(size);
    if (!path) return no_memory(err);
    snprintf(path, size, "%s%s%s", folder, slash, name);
    status = patch_names_add(n, path, strlen(path), err);
    free(path);
    return status;
}

enum vit_status patch_names_read(struct patch_names *n, const char *path, struct vit_error *err)
{
    enum { MAX_BYTES = 16 << 20 };
    unsigned char *bytes = NULL;
    size_t size;
    enum vit_status status = patch_file_read(&bytes, &size, path, MAX_BYTES, err);
    const char *text = (const char *)bytes, *line;
    size_t length;

    if (!status && memchr(bytes, 0, size)) /* what is behind it would be passed over */
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: not a text: holds a zero byte", path);
    if (!status) text += vit_utf8_mark(text, size);
    while (!status && (line = vit_next_line(&text, &length))) status = patch_names_add(n, line, length, err);
    free(bytes);
    return status;
}

enum vit_status patch_names_copy(struct patch_names *to, const struct patch_names *from,
                                 struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < from->count && !status; i++)
        status = patch_names_add(to, from->item[i], strlen(from->item[i]), err);
    return status;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void patch_names_sort(struct patch_names *n, size_t first)
{
    if (n->count > first + 1) qsort(n->item + first, n->count - first, sizeof *n->item, by_bytes);
}

void patch_names_unique(struct patch_names *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->count; i++) {
        if (kept && !strcmp(n->item[kept - 1], n->item[i]))
            free(n->item[i]);
        else
            n->item[kept++] = n->item[i];
    }
    n->count = kept;
}

ptrdiff_t patch_names_search(const struct patch_names *n, const char *name)
{
    char *const *found = n->count ? bsearch(&name, n->item, n->count, sizeof *n->item, by_bytes) : NULL;

    return found ? found - n->item : -1;
}

void patch_names_free(struct patch_names *n)
{
    for (size_t i = 0; i < n->count; i++) free(n->item[i]);
    free(n->item);
    *n = (struct patch_names){ 0 };
}
