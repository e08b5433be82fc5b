/* The checks are those of the reference implementation (safetensors/src/tensor.rs, read_metadata and
 * validate): tensors sorted by their offsets cover the data without a hole, an overlap or a rest. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "vit/json.h"
#include "vit/text.h"
#include "weights/readers.h"

static const uint64_t MAX_HEADER = 100000000;

/* Where tensors may lie: the bytes after the header. */
struct data {
    const unsigned char *bytes;
    size_t size;
};

static uint64_t little_endian(const unsigned char *p)
{
    uint64_t n = 0;

    for (int i = 7; i >= 0; i--) n = n << 8 | p[i];
    return n;
}

static enum vit_status read_header(struct weights_file *f, struct data *data, struct vit_error *err)
{
    const uint64_t size = little_endian(f->bytes);
    enum vit_status status;
    json_t *header;

    if (size > MAX_HEADER)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: its header claims %llu bytes, at most %llu are allowed",
                        f->path, (unsigned long long)size, (unsigned long long)MAX_HEADER);
    if (size > f->size - 8)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: is cut off: its header claims %llu bytes, %zu are there",
                        f->path, (unsigned long long)size, f->size - 8);
    status = vit_json_parse(&header, f->path, (const char *)f->bytes + 8, (size_t)size, err);
    if (status) return status;
    f->header = header;
    data->bytes = f->bytes + 8 + size;
    data->size = f->size - 8 - (size_t)size;
    return VIT_OK;
}

/* "F64, F32, ...": what is read. */
static const char *list_dtypes(char *text, size_t size)
{
    *text = '\0';
    for (int i = 0; i < WEIGHTS_DTYPES; i++)
        vit_list_add(text, size, ", ", weights_dtype_name((enum weights_dtype)i));
    return text;
}

static enum vit_status read_dtype(const struct weights_file *f, const json_t *info, struct weights_tensor *t,
                                  struct vit_error *err)
{
    const char *dtype = json_string_value(json_object_get(info, "dtype"));
    char text[128];

    if (!dtype) return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" has no dtype", f->path, t->name);
    for (int i = 0; i < WEIGHTS_DTYPES; i++) {
        t->dtype = (enum weights_dtype)i;
        if (!strcmp(dtype, weights_dtype_name(t->dtype))) return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" has the dtype \"%.20s\"; read are %s", f->path,
                    t->name, dtype, list_dtypes(text, sizeof text));
}

static enum vit_status read_shape(const struct weights_file *f, const json_t *info, struct weights_tensor *t,
                                  struct vit_error *err)
{
    const json_t *shape = json_object_get(info, "shape");

    if (!json_is_array(shape) || json_array_size(shape) > WEIGHTS_RANK)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" has no shape of at most %d dimensions", f->path,
                        t->name, WEIGHTS_RANK);
    t->rank = (int)json_array_size(shape);
    for (int i = 0; i < t->rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);

        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: dimension %d of \"%s\" is not an integer of 0 or more",
                            f->path, i, t->name);
        t->shape[i] = json_integer_value(dim);
    }
    return VIT_OK;
}

static enum vit_status read_offsets(const struct weights_file *f, const json_t *info,
                                    struct weights_tensor *t, const struct data *data, size_t bytes,
                                    struct vit_error *err)
{
    const json_t *offsets = json_object_get(info, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    json_int_t begin = json_integer_value(first), end = json_integer_value(second);

    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: the data_offsets of \"%s\" are not two integers", f->path,
                        t->name);
    if (begin < 0 || end < begin || (uintmax_t)end > data->size)
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: \"%s\" claims the bytes %lld to %lld of data that has %zu bytes", f->path,
                        t->name, (long long)begin, (long long)end, data->size);
    if ((size_t)(end - begin) != bytes) {
        char text[256];
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" %s %s has %lld bytes, expected %zu", f->path,
                        t->name, weights_dtype_name(t->dtype), weights_shape_text(t, text, sizeof text),
                        (long long)(end - begin), bytes);
    }
    t->data = data->bytes + begin;
    return VIT_OK;
}

static enum vit_status read_tensor(struct weights_file *f, const char *name, const json_t *info,
                                   const struct data *data, struct vit_error *err)
{
    struct weights_tensor t = { .name = name };
    size_t bytes;
    enum vit_status status = weights_check_name(f, name, err);

    if (status) return status;
    if (!json_is_object(info))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is not described by an object", f->path, name);
    status = read_dtype(f, info, &t, err);
    if (!status) status = read_shape(f, info, &t, err);
    if (!status) status = weights_check_shape(f, &t, &bytes, err);
    if (!status) status = read_offsets(f, info, &t, data, bytes, err);
    return status ? status : weights_file_add(f, &t, err);
}

static enum vit_status check_metadata(const struct weights_file *f, const json_t *meta, struct vit_error *err)
{
    const char *key;
    json_t *value;

    if (json_is_null(meta)) return VIT_OK;
    if (!json_is_object(meta))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: __metadata__ is not an object", f->path);
    json_object_foreach((json_t *)meta, key, value)
    {
        if (!json_is_string(value))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" of __metadata__ is not a string", f->path, key);
    }
    return VIT_OK;
}

static size_t bytes_of(const struct weights_tensor *t)
{
    return t->count * weights_dtype_size(t->dtype);
}

static int by_offset(const void *a, const void *b)
{
    const struct weights_tensor *x = a, *y = b;
    const uintptr_t xa = (uintptr_t)x->data, ya = (uintptr_t)y->data;

    if (xa != ya) return xa < ya ? -1 : 1;
    return (bytes_of(x) > bytes_of(y)) - (bytes_of(x) < bytes_of(y));
}

/* Sorts the tensors into file order; each must begin where the one before ends. */
static enum vit_status check_cover(struct weights_file *f, const struct data *data, struct vit_error *err)
{
    size_t at = 0;

    if (f->count) qsort(f->tensors, f->count, sizeof *f->tensors, by_offset);
    for (size_t i = 0; i < f->count; i++) {
        const struct weights_tensor *t = &f->tensors[i];
        const size_t begin = (size_t)((const unsigned char *)t->data - data->bytes);

        if (begin != at)
            return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" begins at byte %zu, expected %zu: %s", f->path,
                            t->name, begin, at, begin < at ? "tensors overlap" : "there is a hole");
        at += bytes_of(t);
    }
    if (at != data->size)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: has %zu bytes of data, its tensors need %zu", f->path,
                        data->size, at);
    return VIT_OK;
}

enum vit_status weights_read_safetensors(struct weights_file *f, struct vit_error *err)
{
    struct data data = { 0 };
    const char *name;
    json_t *info;
    enum vit_status status = read_header(f, &data, err);

    if (status) return status;
    json_object_foreach((json_t *)f->header, name, info)
    {
        if (!strcmp(name, "__metadata__"))
            status = check_metadata(f, info, err);
        else
            status = read_tensor(f, name, info, &data, err);
        if (status) return status;
    }
    return check_cover(f, &data, err);
}

const char *weights_meta(const struct weights_file *f, const char *key)
{
    return json_string_value(json_object_get(json_object_get(f->header, "__metadata__"), key));
}
