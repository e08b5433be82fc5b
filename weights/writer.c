/* Safetensors: a header in JSON, and the tensors in the order of the arguments. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "vit/arena.h"
#include "vit/json.h"
#include "vit/sink.h"
#include "weights/file.h"

static bool add_tensor(json_t *header, const struct weights_entry *e, size_t begin, size_t bytes)
{
    json_t *shape = json_array();

    for (int i = 0; i < e->rank; i++)
        if (json_array_append_new(shape, json_integer(e->shape[i]))) return json_decref(shape), false;
    return !json_object_set_new(header, e->name,
                                json_pack("{s:s, s:o, s:[I, I]}", "dtype", weights_dtype_name(e->dtype),
                                          "shape", shape, "data_offsets", (json_int_t)begin,
                                          (json_int_t)(begin + bytes)));
}

static bool add_metadata(json_t *header, const struct weights_text *meta, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(object, meta[i].key, json_string(meta[i].value)))
            return json_decref(object), false;
    return !json_object_set_new(header, "__metadata__", object);
}

/* What cannot stand in a header: a text that is not UTF-8, a name used twice, a shape that no tensor has. */
static enum vit_status check_entry(const char *path, const json_t *header, const struct weights_entry *e,
                                   bool fits, struct vit_error *err)
{
    const char *why = !vit_is_utf8(e->name)              ? "its name is not UTF-8"
                      : json_object_get(header, e->name) ? "its name is taken"
                      : !fits                            ? "its shape is impossible"
                                                         : NULL;

    return why ? vit_fail(err, VIT_ERR_ARG, "%s: \"%s\" cannot be written: %s", path, e->name, why) : VIT_OK;
}

static enum vit_status check_metadata(const char *path, const struct weights_text *meta, size_t count,
                                      struct vit_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!vit_is_utf8(meta[i].key) || !vit_is_utf8(meta[i].value))
            return vit_fail(err, VIT_ERR_ARG, "%s: its metadata \"%s\" is not UTF-8 text", path, meta[i].key);
    return VIT_OK;
}

/* *header (json_decref, on failure too): the entries in the order of the arguments. */
static enum vit_status build_header(json_t **header, const char *path, const struct weights_entry *entries,
                                    size_t count, const struct weights_text *meta, size_t meta_count,
                                    struct vit_error *err)
{
    enum vit_status status = check_metadata(path, meta, meta_count, err);
    size_t at = 0, elements, bytes = 0;
    bool room;

    *header = json_object();
    room = *header && (!meta_count || add_metadata(*header, meta, meta_count));
    for (size_t i = 0; !status && room && i < count; i++) {
        const struct weights_entry *e = &entries[i];
        const bool fits = weights_shape_count(e->shape, e->rank, e->dtype, &elements, &bytes) &&
                          bytes <= (size_t)INT64_MAX - at;

        status = check_entry(path, *header, e, fits, err);
        if (!status) room = add_tensor(*header, e, at, bytes);
        at += bytes;
    }
    if (!status && !room) status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its header", path);
    return status;
}

/* The 8 bytes of length, the JSON, and spaces up to a multiple of VIT_ALIGN. */
static enum vit_status put_header(struct vit_sink *s, const json_t *header, struct vit_error *err)
{
    static const char SPACES[] = "                                                                ";
    char *text = vit_json_text(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
    const size_t size = text ? strlen(text) : 0, pad = (VIT_ALIGN - (8 + size) % VIT_ALIGN) % VIT_ALIGN;
    const uint64_t length = size + pad; /* lies little endian, see convert.c */
    enum vit_status status;

    _Static_assert(sizeof SPACES > VIT_ALIGN, "too few spaces");
    if (!text) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate its header", s->name);
    status = vit_sink_put(s, &length, sizeof length, err);
    if (!status) status = vit_sink_put(s, text, size, err);
    if (!status) status = vit_sink_put(s, SPACES, pad, err);
    free(text);
    return status;
}

enum vit_status weights_write(const char *path, const struct weights_entry *entries, size_t count,
                              const struct weights_text *meta, size_t meta_count, struct vit_error *err)
{
    json_t *header;
    struct vit_sink s;
    enum vit_status status = build_header(&header, path, entries, count, meta, meta_count, err);

    if (status) {
        json_decref(header);
        return status;
    }
    status = vit_sink_open(&s, path, err);
    if (!status) status = put_header(&s, header, err);
    for (size_t i = 0; i < count && !status; i++) {
        size_t elements, bytes;

        weights_shape_count(entries[i].shape, entries[i].rank, entries[i].dtype, &elements, &bytes);
        status = vit_sink_put(&s, entries[i].data, bytes, err);
    }
    if (!status) status = vit_sink_commit(&s, err);
    vit_sink_close(&s);
    json_decref(header);
    return status;
}
