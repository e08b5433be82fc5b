/* PyTorch's archive since version 1.6: a zip of NAME/data.pkl, a pickle that describes tensors as views of
 * storages, and NAME/data/KEY, the bytes of each storage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/arena.h"
#include "weights/pth_globals.h"
#include "weights/readers.h"

enum { MAX_PICKLE = 16 << 20, MAX_NAME = 512, MAX_DEPTH = 32, MAX_VISITS = 1 << 20 };

/* A member that was read, once however many tensors view it; data NULL: not yet. */
struct storage {
    const unsigned char *data;
    size_t bytes;
};

struct reader {
    struct weights_file *f;
    zip_t *zip;
    char folder[MAX_NAME];    /* "archive/" */
    struct storage *storages; /* (members) */
    char name[MAX_NAME];      /* of the value being looked at: keys joined by dots */
    size_t visits;
    struct vit_error *err;
};

static enum vit_status bad_tensor(struct reader *r, const char *why)
{
    return vit_fail(r->err, VIT_ERR_FORMAT, "%s: \"%s\" %s", r->f->path, r->name, why);
}

/* ---- storages ---- */

static enum vit_status load(struct reader *r, zip_uint64_t i, struct storage *s)
{
    struct weights_member m;
    void *data = NULL;
    enum vit_status status = weights_member_open(&m, r->f, r->zip, i, r->err);

    if (!status) status = weights_file_take(r->f, m.size, r->name, &data, r->err);
    if (!status) status = weights_member_read(&m, data, m.size, r->err);
    if (!status) status = weights_member_end(&m, r->err);
    weights_member_close(&m);
    if (!status) *s = (struct storage){ .data = data, .bytes = m.size };
    return status;
}

/* The archive's size of a member must be what every view says, before it is read. */
static enum vit_status check_size(struct reader *r, zip_uint64_t i, size_t expected)
{
    zip_stat_t s = { 0 };

    if (!zip_stat_index(r->zip, i, 0, &s) && s.valid & ZIP_STAT_SIZE && s.size == expected) return VIT_OK;
    return vit_fail(r->err, VIT_ERR_FORMAT, "%s: \"%s\" lies in a storage of %llu bytes, expected %zu",
                    r->f->path, r->name, (unsigned long long)s.size, expected);
}

static enum vit_status open_storage(struct reader *r, const struct vit_pickle_value *v,
                                    enum weights_dtype *dtype, size_t *count, const unsigned char **data)
{
    const struct vit_pickle_value *key = v->items[2], *number = v->items[4];
    char name[2 * MAX_NAME + 8];
    const bool fits = key->size < MAX_NAME && !memchr(key->text, '\0', key->size);
    zip_int64_t i = -1;
    size_t bytes;
    enum vit_status status;

    if (fits) {
        snprintf(name, sizeof name, "%sdata/%.*s", r->folder, (int)key->size, key->text);
        i = zip_name_locate(r->zip, name, 0);
    }
    if (i < 0) return bad_tensor(r, "lies in a storage that is not in the archive");
    if (!weights_pth_dtype(dtype, v->items[1]) || number->number < 0)
        return bad_tensor(r, "lies in a storage of impossible size");
    bytes = *count = (size_t)number->number;
    if (!vit_size_mul(&bytes, weights_dtype_size(*dtype)))
        return bad_tensor(r, "lies in a storage of impossible size");
    status = check_size(r, (zip_uint64_t)i, bytes);
    if (!status && !r->storages[i].data) status = load(r, (zip_uint64_t)i, &r->storages[i]);
    if (!status && r->storages[i].bytes != bytes) status = bad_tensor(r, "lies in a storage that changed");
    *data = r->storages[i].data;
    return status;
}

/* ---- tensors ---- */

/* A view of a storage: element (i, j, ...) at offset + i stride[0] + j stride[1] + ... */
struct strided {
    size_t offset, stride[WEIGHTS_RANK];
};

static bool read_numbers(const struct vit_pickle_value *v, int rank, int64_t *out)
{
    for (int i = 0; i < rank; i++) {
        if (v->items[i]->kind != VIT_PICKLE_INT || v->items[i]->number < 0) return false;
        out[i] = v->items[i]->number;
    }
    return true;
}

static bool read_view(const struct vit_pickle_value *v, struct weights_tensor *t, struct strided *s)
{
    const struct vit_pickle_value *shape = v->items[2], *stride = v->items[3];
    int64_t numbers[WEIGHTS_RANK];

    if (shape->count > WEIGHTS_RANK || stride->count != shape->count || v->items[1]->number < 0) return false;
    t->rank = (int)shape->count;
    s->offset = (size_t)v->items[1]->number;
    if (!read_numbers(shape, t->rank, t->shape) || !read_numbers(stride, t->rank, numbers)) return false;
    for (int i = 0; i < t->rank; i++) s->stride[i] = (size_t)numbers[i];
    return true;
}

/* Every element lies among the storage's count. */
static bool inside(const struct weights_tensor *t, const struct strided *s, size_t count)
{
    size_t last = s->offset;

    if (!t->count) return true;
    for (int i = 0; i < t->rank; i++) {
        size_t step = (size_t)t->shape[i] - 1;

        if (!vit_size_mul(&step, s->stride[i]) || step > SIZE_MAX - last) return false;
        last += step;
    }
    return last < count;
}

/* Whether the elements follow each other without gaps, the last index fastest (or the first). Strides of
 * dimensions of size 1 mean nothing. */
static bool dense(const struct weights_tensor *t, const struct strided *s, bool first_fastest)
{
    size_t stride[WEIGHTS_RANK];

    weights_strides(stride, t, first_fastest);
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i] != 1 && s->stride[i] != stride[i]) return false;
    return true;
}

static enum vit_status copy_view(struct reader *r, struct weights_tensor *t, const struct strided *s,
                                 const unsigned char *from, size_t bytes)
{
    const size_t size = weights_dtype_size(t->dtype);
    int64_t index[WEIGHTS_RANK] = { 0 };
    size_t at = s->offset;
    void *to;
    enum vit_status status = weights_file_take(r->f, bytes, t->name, &to, r->err);

    if (status) return status;
    t->data = to;
    for (size_t i = 0; i < t->count; i++) {
        memcpy((unsigned char *)to + i * size, from + at * size, size);
        at = weights_next(t->rank, t->shape, s->stride, index, at);
    }
    return VIT_OK;
}

static enum vit_status place(struct reader *r, const struct vit_pickle_value *v, struct weights_tensor *t)
{
    const unsigned char *data = NULL;
    struct strided s = { 0 };
    size_t count = 0, bytes;
    enum vit_status status;

    if (v->items[0]->kind != VIT_PICKLE_ID || !read_view(v, t, &s))
        return bad_tensor(r, "has an impossible shape or strides");
    status = open_storage(r, v->items[0], &t->dtype, &count, &data);
    if (!status) status = weights_check_shape(r->f, t, &bytes, r->err);
    if (status) return status;
    if (!inside(t, &s, count)) return bad_tensor(r, "reaches beyond its storage");
    if (!t->count) s.offset = 0;
    t->data = data + s.offset * weights_dtype_size(t->dtype);
    if (!t->count || dense(t, &s, false)) return VIT_OK;
    t->fortran = dense(t, &s, true);
    return t->fortran ? VIT_OK : copy_view(r, t, &s, data, bytes);
}

static enum vit_status add_tensor(struct reader *r, const struct vit_pickle_value *v)
{
    struct weights_tensor t = { 0 };
    enum vit_status status = weights_file_text(r->f, r->name, strlen(r->name), &t.name, r->err);

    if (!status) status = weights_check_name(r->f, t.name, r->err);
    if (!status) status = place(r, v, &t);
    return status ? status : weights_file_add(r->f, &t, r->err);
}

/* ---- from nested dictionaries to names ---- */

static bool is_tree(const struct vit_pickle_value *v)
{
    return v->kind == VIT_PICKLE_DICT || v->kind == VIT_PICKLE_LIST || v->kind == VIT_PICKLE_TUPLE;
}

/* Whether weights may be under a key: what else is beside them needs no name. NULL: an element of a list. */
static bool names_weights(const struct vit_pickle_value *key, const struct vit_pickle_value *v)
{
    if (v->kind != VIT_PICKLE_CALL && !is_tree(v)) return false;
    return !key || key->kind == VIT_PICKLE_INT || key->kind == VIT_PICKLE_TEXT;
}

/* Extend the name by such a key. */
static enum vit_status extend(struct reader *r, size_t used, const struct vit_pickle_value *key,
                              size_t number)
{
    const bool text = key && key->kind == VIT_PICKLE_TEXT;
    const char *dot = used ? "." : "";
    char *to = r->name + used;
    size_t room = sizeof r->name - used;
    int n;

    if (text)
        n = snprintf(to, room, "%s%.*s", dot, (int)key->size, key->text);
    else if (key)
        n = snprintf(to, room, "%s%lld", dot, (long long)key->number);
    else
        n = snprintf(to, room, "%s%zu", dot, number);
    if (text && memchr(key->text, '\0', key->size))
        return vit_fail(r->err, VIT_ERR_FORMAT, "%s: the name that begins \"%.100s\" has a zero byte",
                        r->f->path, r->name);
    if (n >= 0 && (size_t)n < room) return VIT_OK;
    return vit_fail(r->err, VIT_ERR_FORMAT,
                    "%s: the name that begins \"%.100s\" is too long: expected at most %d bytes, found %zu",
                    r->f->path, r->name, MAX_NAME - 1, used + (size_t)n);
}

/* Adds every tensor under v, whose name is the first used characters of r->name. */
static enum vit_status flatten(struct reader *r, const struct vit_pickle_value *v, size_t used, int depth)
{
    const bool dict = v->kind == VIT_PICKLE_DICT;
    enum vit_status status = VIT_OK;

    if (v->kind == VIT_PICKLE_CALL) return add_tensor(r, v);
    if (!is_tree(v)) return VIT_OK;
    if (depth == MAX_DEPTH || (r->visits += v->count) > MAX_VISITS)
        return vit_fail(r->err, VIT_ERR_FORMAT, "%s: its dictionaries are nested too deep or too large",
                        r->f->path);
    for (size_t i = 0; i < v->count && !status; i += 1 + dict) {
        const struct vit_pickle_value *key = dict ? v->items[i] : NULL, *value = v->items[i + dict];

        r->name[used] = '\0';
        if (!names_weights(key, value)) continue;
        status = extend(r, used, key, i);
        if (!status) status = flatten(r, value, strlen(r->name), depth + 1);
    }
    return status;
}

/* ---- the archive ---- */

/* torch.save puts Python's sys.byteorder here, "little" or "big", and nothing after it; archives before
 * torch 2.1 have no such member, and are little-endian. */
static enum vit_status check_byte_order(struct reader *r)
{
    char name[MAX_NAME + 16], order[8] = "";
    zip_int64_t i;
    struct weights_member m;
    enum vit_status status;

    snprintf(name, sizeof name, "%sbyteorder", r->folder);
    i = zip_name_locate(r->zip, name, 0);
    if (i < 0) return VIT_OK;
    status = weights_member_open(&m, r->f, r->zip, (zip_uint64_t)i, r->err);
    if (!status && m.size < sizeof order) {
        status = weights_member_read(&m, order, m.size, r->err);
        if (!status) status = weights_member_end(&m, r->err);
    }
    weights_member_close(&m);
    if (status || (m.size == strlen("little") && !strcmp(order, "little"))) return status;
    if (m.size == strlen("big") && !strcmp(order, "big"))
        return vit_fail(r->err, VIT_ERR_UNSUPPORTED, "%s: was written by a big-endian machine", r->f->path);
    return vit_fail(r->err, VIT_ERR_FORMAT,
                    "%s: \"%s\" must be \"little\" or \"big\", found %zu bytes that are neither", r->f->path,
                    name, m.size);
}

static enum vit_status read_pickle(struct reader *r, zip_uint64_t i, unsigned char **out, size_t *size)
{
    struct weights_member m;
    enum vit_status status = weights_member_open(&m, r->f, r->zip, i, r->err);

    *size = m.size;
    if (!status && m.size > MAX_PICKLE)
        status = vit_fail(r->err, VIT_ERR_FORMAT, "%s: its pickle has %zu bytes, at most %d are read",
                          r->f->path, m.size, MAX_PICKLE);
    if (!status && !(*out = malloc(m.size + 1)))
        status = vit_fail(r->err, VIT_ERR_NOMEM, "%s: cannot allocate %zu bytes", r->f->path, m.size);
    if (!status) status = weights_member_read(&m, *out, m.size, r->err);
    if (!status) status = weights_member_end(&m, r->err);
    weights_member_close(&m);
    return status;
}

static enum vit_status read_tensors(struct reader *r, zip_uint64_t pickle)
{
    struct vit_pickle *p = NULL;
    const struct vit_pickle_value *root;
    unsigned char *bytes = NULL;
    size_t size;
    enum vit_status status = read_pickle(r, pickle, &bytes, &size);

    if (!status) status = vit_pickle_read(&p, &root, &weights_pth_dialect, r->f->path, bytes, size, r->err);
    if (!status) status = flatten(r, root, 0, 0);
    if (!status && !r->f->count)
        status = vit_fail(r->err, VIT_ERR_FORMAT, "%s: holds no tensors", r->f->path);
    vit_pickle_close(p);
    free(bytes);
    return status;
}

static enum vit_status take_folder(struct reader *r, const char *name, size_t size)
{
    if (size >= sizeof r->folder)
        return vit_fail(r->err, VIT_ERR_FORMAT,
                        "%s: the folder of its pickle has a name of %zu bytes, expected at most %d",
                        r->f->path, size, MAX_NAME - 1);
    memcpy(r->folder, name, size);
    return VIT_OK;
}

enum vit_status weights_read_pth(struct weights_file *f, zip_t *zip, zip_uint64_t pickle,
                                 struct vit_error *err)
{
    const char *name = zip_get_name(zip, pickle, 0);
    const size_t folder = strlen(name) - strlen("data.pkl");
    struct reader *r = calloc(1, sizeof *r);
    enum vit_status status;

    if (r) r->storages = calloc((size_t)zip_get_num_entries(zip, 0) + 1, sizeof *r->storages);
    if (!r || !r->storages) {
        free(r);
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory", f->path);
    }
    r->f = f;
    r->zip = zip;
    r->err = err;
    status = take_folder(r, name, folder);
    if (!status) status = check_byte_order(r);
    if (!status) status = read_tensors(r, pickle);
    free(r->storages);
    free(r);
    return status;
}
