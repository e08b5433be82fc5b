#include "weights/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vit/arena.h"

struct weights_block {
    struct weights_block *next;
    /* Data follow at DATA_AT. */
};
enum { DATA_AT = VIT_ALIGN };
_Static_assert(sizeof(struct weights_block) <= DATA_AT, "the link does not fit before the data");

/* ---- memory ---- */

enum vit_status weights_file_take(struct weights_file *f, size_t bytes, const char *what, void **out,
                                  struct vit_error *err)
{
    const size_t left = f->budget < DATA_AT + VIT_ALIGN ? 0 : f->budget - DATA_AT - VIT_ALIGN;
    struct weights_block *b;
    size_t whole;

    *out = NULL;
    if (bytes > left)
        return vit_fail(
            err, VIT_ERR_FORMAT,
            "%s: \"%s\" needs %zu bytes, which with those before is more than a file of %zu bytes "
            "may unpack to",
            f->path, what, bytes, f->size);
    whole = DATA_AT + (bytes + VIT_ALIGN - 1) / VIT_ALIGN * VIT_ALIGN;
    b = aligned_alloc(VIT_ALIGN, whole);
    if (!b)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes for \"%s\"", f->path, bytes, what);
    f->budget -= whole;
    b->next = f->blocks;
    f->blocks = b;
    *out = (unsigned char *)b + DATA_AT;
    return VIT_OK;
}

enum vit_status weights_file_text(struct weights_file *f, const char *text, size_t size, const char **out,
                                  struct vit_error *err)
{
    void *copy;
    const enum vit_status status = weights_file_take(f, size + 1, "the name of a tensor", &copy, err);

    *out = copy;
    if (status) return status;
    memcpy(copy, text, size);
    ((char *)copy)[size] = '\0';
    return VIT_OK;
}

/* ---- tensors ---- */

enum vit_status weights_check_name(const struct weights_file *f, const char *name, struct vit_error *err)
{
    for (const char *p = name; *p; p++)
        if (vit_utf8(p) && !vit_printable(p))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: the name of tensor %zu has a control character",
                            f->path, f->count);
    return VIT_OK;
}

bool weights_shape_count(const int64_t *shape, int rank, enum weights_dtype dtype, size_t *count,
                         size_t *bytes)
{
    *count = 1;
    for (int i = 0; i < rank; i++)
        if (shape[i] < 0 || !vit_size_mul(count, (size_t)shape[i])) return false;
    *bytes = *count;
    return vit_size_mul(bytes, weights_dtype_size(dtype));
}

enum vit_status weights_check_shape(const struct weights_file *f, struct weights_tensor *t, size_t *bytes,
                                    struct vit_error *err)
{
    if (!weights_shape_count(t->shape, t->rank, t->dtype, &t->count, bytes)) {
        char text[256];
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" has an impossible shape %s", f->path, t->name,
                        weights_shape_text(t, text, sizeof text));
    }
    return VIT_OK;
}

enum vit_status weights_file_add(struct weights_file *f, const struct weights_tensor *t,
                                 struct vit_error *err)
{
    if (!vit_grow((void **)&f->tensors, f->count, sizeof *f->tensors))
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the list of tensors", f->path);
    f->tensors[f->count++] = *t;
    return VIT_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct weights_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

enum vit_status weights_file_index(struct weights_file *f, struct vit_error *err)
{
    f->by_name = malloc((f->count + 1) * sizeof *f->by_name);
    if (!f->by_name) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the list of tensors", f->path);
    for (size_t i = 0; i < f->count; i++) f->by_name[i] = &f->tensors[i];
    if (f->count) qsort(f->by_name, f->count, sizeof *f->by_name, by_name);
    for (size_t i = 1; i < f->count; i++)
        if (!strcmp(f->by_name[i - 1]->name, f->by_name[i]->name))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: two tensors have the name \"%s\"", f->path,
                            f->by_name[i]->name);
    return VIT_OK;
}

const struct weights_tensor *weights_find(const struct weights_file *f, const char *name)
{
    const struct weights_tensor key = { .name = name }, *wanted = &key;
    const struct weights_tensor **found;

    if (!f->count) return NULL;
    found = bsearch(&wanted, f->by_name, f->count, sizeof *f->by_name, by_name);
    return found ? *found : NULL;
}

const char *weights_path(const struct weights_file *f)
{
    return f->path;
}

const char *weights_format(const struct weights_file *f)
{
    return f->format;
}

size_t weights_count(const struct weights_file *f)
{
    return f->count;
}

const struct weights_tensor *weights_at(const struct weights_file *f, size_t i)
{
    return i < f->count ? &f->tensors[i] : NULL;
}

const char *weights_sides_text(const int64_t *shape, int rank, char *text, size_t size)
{
    size_t used = 0;

    if (!size) return text;
    used += (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", shape[i]);
    if (used < size) snprintf(text + used, size - used, "]");
    return text;
}

const char *weights_shape_text(const struct weights_tensor *t, char *text, size_t size)
{
    return weights_sides_text(t->shape, t->rank, text, size);
}

void weights_close(struct weights_file *f)
{
    if (!f) return;
    while (f->blocks) {
        struct weights_block *next = f->blocks->next;
        free(f->blocks);
        f->blocks = next;
    }
    json_decref(f->header);
    free(f->by_name);
    free(f->tensors);
    if (f->mapped) munmap((void *)f->bytes, f->size);
    free(f->path);
    free(f);
}
