/* One canonical tensor out of the parts and layouts of a file, and back. Both directions walk the canonical
 * order and compute where each element lies in the file, so they cannot disagree. */
#include <assert.h>
#include <string.h>

#include "vit/arena.h"
#include "weights/file.h"

/* order: the file's axes in canonical order; merge: canonical axes merge and merge + 1 become one; -1:
 * none. */
static const struct axes {
    enum weights_layout layout;
    int rank;
    int order[4];
    int merge;
} AXES[] = {
    { WEIGHTS_TRANSPOSE, 2, { 1, 0 }, -1 },   { WEIGHTS_HWIO, 4, { 3, 2, 0, 1 }, -1 },
    { WEIGHTS_HEADS_IN, 3, { 1, 2, 0 }, 0 },  { WEIGHTS_HEADS_IN, 2, { 0, 1 }, 0 },
    { WEIGHTS_HEADS_OUT, 3, { 2, 0, 1 }, 1 },
};

/* Where the elements of one part lie. */
struct walk {
    int rank;
    int64_t shape[WEIGHTS_RANK]; /* of the file's axes, in canonical order */
    size_t stride[WEIGHTS_RANK];
    int merge;
};

/* fortran: strides of the data as it lies; otherwise of the file's shape with the last index fastest. */
static bool plan(struct walk *w, const struct weights_tensor *t, enum weights_layout layout, bool fortran)
{
    const struct axes *a = NULL;
    size_t stride[WEIGHTS_RANK];

    for (size_t i = 0; i < VIT_COUNT(AXES); i++)
        if (AXES[i].layout == layout && AXES[i].rank == t->rank) a = &AXES[i];
    if (!a && layout != WEIGHTS_AS_IS) return false;
    weights_strides(stride, t, fortran);
    w->rank = t->rank;
    w->merge = a ? a->merge : -1;
    for (int i = 0; i < t->rank; i++) {
        const int axis = a ? a->order[i] : i;
        w->shape[i] = t->shape[axis];
        w->stride[i] = stride[axis];
    }
    return true;
}

static bool part_shape(const struct weights_tensor *t, enum weights_layout layout, int *rank, int64_t *shape)
{
    struct walk w;

    if (!plan(&w, t, layout, false)) return false;
    *rank = 0;
    for (int i = 0; i < w.rank; i++) {
        size_t size = (size_t)w.shape[i];

        if (w.merge >= 0 && i == w.merge + 1) {
            --*rank; /* a tensor without elements may have dimensions whose product does not fit */
            if (!vit_size_mul(&size, (size_t)shape[*rank]) || size > INT64_MAX) return false;
        }
        shape[(*rank)++] = (int64_t)size;
    }
    return true;
}

bool weights_source_shape(const struct weights_source *s, int *rank, int64_t shape[WEIGHTS_RANK])
{
    if (!s->parts || !part_shape(s->part[0], s->layout, rank, shape)) return false;
    for (int i = 1; i < s->parts; i++) {
        int other_rank;
        int64_t other[WEIGHTS_RANK];

        if (!part_shape(s->part[i], s->layout, &other_rank, other)) return false;
        if (!*rank || other_rank != *rank) return false;
        if (memcmp(other + 1, shape + 1, (size_t)(*rank - 1) * sizeof *shape)) return false;
        if (other[0] > INT64_MAX - shape[0]) return false;
        shape[0] += other[0];
    }
    return true;
}

/* The reverse of part_shape. */
int weights_part_shape(enum weights_layout layout, int parts, int heads, const int64_t *canonical, int rank,
                       int64_t shape[WEIGHTS_RANK])
{
    const struct axes *a = NULL;
    int64_t apart[WEIGHTS_RANK];

    for (size_t i = 0; i < VIT_COUNT(AXES); i++)
        if (AXES[i].layout == layout && AXES[i].rank - (AXES[i].merge >= 0) == rank) a = &AXES[i];
    if (!a && layout != WEIGHTS_AS_IS) return 0;
    memcpy(apart, canonical, (size_t)rank * sizeof *apart);
    apart[0] /= parts;
    for (int i = rank; a && a->merge >= 0 && i > a->merge; i--)
        apart[i] = i == a->merge + 1 ? apart[a->merge] / heads : apart[i - 1];
    if (a && a->merge >= 0) apart[a->merge] = heads;
    rank = a ? a->rank : rank;
    for (int i = 0; i < rank; i++) shape[a ? a->order[i] : i] = apart[i];
    return rank;
}

static enum vit_status read_part(const struct weights_tensor *t, enum weights_layout layout, const char *path,
                                 float *out, struct vit_error *err)
{
    int64_t index[WEIGHTS_RANK] = { 0 };
    size_t at = 0;
    struct walk w;

    if (layout == WEIGHTS_AS_IS || !weights_is_float(t->dtype)) return weights_read_f32(t, path, out, err);
    plan(&w, t, layout, t->fortran);
    for (size_t i = 0; i < t->count; i++) {
        out[i] = weights_load_f32(t, at);
        at = weights_next(w.rank, w.shape, w.stride, index, at);
    }
    return VIT_OK;
}

/* Integers (n, ...) in rows, each times its scale (n). */
static enum vit_status read_scaled(const struct weights_tensor *t, const struct weights_tensor *scale,
                                   enum weights_layout layout, const char *path, float *out,
                                   struct vit_error *err)
{
    const int64_t rows = t->rank ? t->shape[0] : 0;
    const size_t row = rows ? t->count / (size_t)rows : 0;
    char shape[256];

    if (layout != WEIGHTS_AS_IS || t->fortran)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: \"%s\" holds integers in another layout than (outputs, inputs)", path, t->name);
    if (scale->rank != 1 || scale->shape[0] != rows || !weights_is_float(scale->dtype))
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: \"%s\" is %s %s, expected [%lld] floats, one a row of \"%s\"", path, scale->name,
                        weights_dtype_name(scale->dtype), weights_shape_text(scale, shape, sizeof shape),
                        (long long)rows, t->name);
    for (size_t i = 0; i < t->count; i++)
        out[i] = weights_load_f32(scale, i / row) * (float)((const signed char *)t->data)[i];
    return VIT_OK;
}

enum vit_status weights_source_read(const struct weights_source *s, const char *path, float *out,
                                    struct vit_error *err)
{
    int rank;
    int64_t shape[WEIGHTS_RANK];

    if (!weights_source_shape(s, &rank, shape)) {
        char text[256] = "nothing";
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" %s does not fit the layout of its family", path,
                        s->parts ? s->part[0]->name : "",
                        s->parts ? weights_shape_text(s->part[0], text, sizeof text) : text);
    }
    for (int i = 0; i < s->parts; i++) {
        enum vit_status status = s->scale[i] ? read_scaled(s->part[i], s->scale[i], s->layout, path, out, err)
                                             : read_part(s->part[i], s->layout, path, out, err);
        if (status) return status;
        out += s->part[i]->count;
    }
    return VIT_OK;
}

const float *weights_source_view(const struct weights_source *s)
{
    return s->parts == 1 && s->layout == WEIGHTS_AS_IS ? weights_view_f32(s->part[0]) : NULL;
}

void weights_source_split(const struct weights_source *s, int i, const float *canonical, float *out)
{
    int64_t index[WEIGHTS_RANK] = { 0 };
    size_t at = 0;
    struct walk w;

    assert(i < s->parts);
    for (int j = 0; j < i; j++) canonical += s->part[j]->count;
    if (!plan(&w, s->part[i], s->layout, false)) return; /* a source that cannot be read either */
    for (size_t j = 0; j < s->part[i]->count; j++) {
        out[at] = canonical[j];
        at = weights_next(w.rank, w.shape, w.stride, index, at);
    }
}
