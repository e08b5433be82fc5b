/* NumPy's .npz: a zip of .npy members (numpy/lib/format.py): magic, version, length of a header, the header
 * (a Python dictionary of descr, fortran_order and shape), the values. */
#include <ctype.h>
#include <string.h>

#include "vit/text.h"
#include "weights/readers.h"

enum { MAX_HEADER = 65536 };

static const struct {
    const char *descr;
    enum weights_dtype dtype;
} DESCRS[] = {
    { "<f8", WEIGHTS_F64 },  { "<f4", WEIGHTS_F32 }, { "<f2", WEIGHTS_F16 },
    { "|V2", WEIGHTS_BF16 }, /* what NumPy makes of Flax's bfloat16 */
    { "<i8", WEIGHTS_I64 },  { "<i4", WEIGHTS_I32 }, { "<i2", WEIGHTS_I16 },
    { "|i1", WEIGHTS_I8 },   { "|u1", WEIGHTS_U8 },  { "|b1", WEIGHTS_BOOL },
};

/* ---- the header: the subset of Python that NumPy writes ---- */

struct header {
    char descr[16];
    bool fortran;
    int rank;
    int64_t shape[WEIGHTS_RANK];
    unsigned seen; /* bit i: key i was read */
};

/* Text left to read; every step leaves spaces behind it. */
static const char *skip(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') p++;
    return p;
}

static bool take(const char **p, const char *token)
{
    const size_t size = strlen(token);

    if (strncmp(*p, token, size)) return false;
    *p = skip(*p + size);
    return true;
}

static bool take_string(const char **p, char *out, size_t size)
{
    const char quote = **p;
    size_t n;

    if (quote != '\'' && quote != '"') return false;
    n = strcspn(*p + 1, quote == '"' ? "\"\\" : "'\\");
    if (n >= size || (*p)[1 + n] != quote) return false;
    memcpy(out, *p + 1, n);
    out[n] = '\0';
    *p = skip(*p + n + 2);
    return true;
}

static bool take_dim(const char **p, int64_t *dim)
{
    *dim = 0;
    if (!isdigit((unsigned char)**p)) return false;
    for (; isdigit((unsigned char)**p); ++*p) {
        if (*dim > (INT64_MAX - 9) / 10) return false;
        *dim = 10 * *dim + (**p - '0');
    }
    take(p, "L"); /* Python 2 wrote long integers so */
    *p = skip(*p);
    return true;
}

static bool take_shape(const char **p, struct header *h)
{
    if (!take(p, "(")) return false;
    while (!take(p, ")")) {
        if (h->rank == WEIGHTS_RANK || !take_dim(p, &h->shape[h->rank])) return false;
        h->rank++;
        if (!take(p, ",") && **p != ')') return false;
    }
    return true;
}

static bool take_bool(const char **p, bool *out)
{
    *out = take(p, "True");
    return *out || take(p, "False");
}

static bool take_value(const char **p, const char *key, struct header *h)
{
    static const char *const KEYS[] = { "descr", "fortran_order", "shape" };
    unsigned i = 0;

    while (i < VIT_COUNT(KEYS) && strcmp(key, KEYS[i])) i++;
    if (i == VIT_COUNT(KEYS) || h->seen & 1u << i) return false;
    h->seen |= 1u << i;
    if (i == 0) return take_string(p, h->descr, sizeof h->descr);
    return i == 1 ? take_bool(p, &h->fortran) : take_shape(p, h);
}

static bool parse(const char *p, struct header *h)
{
    char key[16];

    p = skip(p);
    if (!take(&p, "{")) return false;
    while (!take(&p, "}")) {
        if (!take_string(&p, key, sizeof key) || !take(&p, ":") || !take_value(&p, key, h)) return false;
        if (!take(&p, ",") && *p != '}') return false;
    }
    return !*p && h->seen == 7;
}

/* ---- a member ---- */

static enum vit_status bad_header(const struct weights_member *m, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" has no header of a NumPy array that can be understood",
                    m->f->path, m->name);
}

/* text (MAX_HEADER + 1) = the header of version 1, 2 or 3. */
static enum vit_status read_text(struct weights_member *m, char *text, struct vit_error *err)
{
    unsigned char head[12];
    size_t size;
    enum vit_status status = weights_member_read(m, head, 10, err);

    if (status) return status;
    if (memcmp(head, "\x93NUMPY", 6) || head[6] < 1 || head[6] > 3) return bad_header(m, err);
    size = head[8] | (size_t)head[9] << 8;
    if (head[6] > 1) {
        status = weights_member_read(m, head + 10, 2, err);
        if (status) return status;
        size |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (size > MAX_HEADER) return bad_header(m, err);
    status = weights_member_read(m, text, size, err);
    text[size] = '\0';
    return status;
}

/* "<f8, <f4, ...": what is read. */
static const char *list_descrs(char *text, size_t size)
{
    *text = '\0';
    for (size_t i = 0; i < VIT_COUNT(DESCRS); i++) vit_list_add(text, size, ", ", DESCRS[i].descr);
    return text;
}

static enum vit_status read_dtype(const struct weights_member *m, const struct header *h,
                                  enum weights_dtype *dtype, struct vit_error *err)
{
    char text[128];

    for (size_t i = 0; i < VIT_COUNT(DESCRS); i++) {
        if (strcmp(h->descr, DESCRS[i].descr)) continue;
        *dtype = DESCRS[i].dtype;
        return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" has the type \"%s\"%s; read are %s", m->f->path,
                    m->name, h->descr, h->descr[0] == '>' ? " (big endian)" : "",
                    list_descrs(text, sizeof text));
}

/* "Transformer/encoder_norm/scale.npy" without the ending. */
static enum vit_status read_name(struct weights_file *f, const struct weights_member *m,
                                 struct weights_tensor *t, struct vit_error *err)
{
    const enum vit_status status =
        weights_file_text(f, m->name, strlen(m->name) - strlen(".npy"), &t->name, err);

    return status ? status : weights_check_name(f, t->name, err);
}

static enum vit_status read_values(struct weights_file *f, struct weights_member *m, struct weights_tensor *t,
                                   struct vit_error *err)
{
    size_t bytes;
    void *data;
    enum vit_status status = weights_check_shape(f, t, &bytes, err);

    if (status) return status;
    if (bytes != m->size - m->at) {
        char text[256];
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" %s %s has %zu bytes, expected %zu", f->path, t->name,
                        weights_dtype_name(t->dtype), weights_shape_text(t, text, sizeof text),
                        m->size - m->at, bytes);
    }
    status = weights_file_take(f, bytes, t->name, &data, err);
    if (status) return status;
    t->data = data;
    status = weights_member_read(m, data, bytes, err);
    return status ? status : weights_member_end(m, err);
}

static enum vit_status read_array(struct weights_file *f, struct weights_member *m, struct vit_error *err)
{
    char text[MAX_HEADER + 1];
    struct header h = { 0 };
    struct weights_tensor t = { 0 };
    enum vit_status status = read_name(f, m, &t, err);

    if (!status) status = read_text(m, text, err);
    if (status) return status;
    if (!parse(text, &h)) return bad_header(m, err);
    status = read_dtype(m, &h, &t.dtype, err);
    if (status) return status;
    t.rank = h.rank;
    memcpy(t.shape, h.shape, sizeof t.shape);
    t.fortran = h.fortran && h.rank > 1;
    status = read_values(f, m, &t, err);
    return status ? status : weights_file_add(f, &t, err);
}

enum vit_status weights_read_npz(struct weights_file *f, zip_t *zip, struct vit_error *err)
{
    const zip_int64_t count = zip_get_num_entries(zip, 0);

    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        struct weights_member m = { 0 };
        enum vit_status status;

        if (!name || !vit_ends_with(name, ".npy")) continue;
        status = weights_member_open(&m, f, zip, (zip_uint64_t)i, err);
        if (!status) status = read_array(f, &m, err);
        weights_member_close(&m);
        if (status) return status;
    }
    return VIT_OK;
}
