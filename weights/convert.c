#include <string.h>

#include "weights/file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little endian, and read as they lie");

static const struct {
    const char *name;
    size_t size;
} DTYPES[] = {
    [WEIGHTS_F64] = { "F64", 8 },   [WEIGHTS_F32] = { "F32", 4 }, [WEIGHTS_F16] = { "F16", 2 },
    [WEIGHTS_BF16] = { "BF16", 2 }, [WEIGHTS_I64] = { "I64", 8 }, [WEIGHTS_I32] = { "I32", 4 },
    [WEIGHTS_I16] = { "I16", 2 },   [WEIGHTS_I8] = { "I8", 1 },   [WEIGHTS_U8] = { "U8", 1 },
    [WEIGHTS_BOOL] = { "BOOL", 1 },
};
_Static_assert(VIT_COUNT(DTYPES) == WEIGHTS_DTYPES, "a dtype has no row");

const char *weights_dtype_name(enum weights_dtype dtype)
{
    return (size_t)dtype < WEIGHTS_DTYPES ? DTYPES[dtype].name : "unknown";
}

size_t weights_dtype_size(enum weights_dtype dtype)
{
    return DTYPES[dtype].size;
}

bool weights_is_float(enum weights_dtype dtype)
{
    return dtype <= WEIGHTS_BF16;
}

static float from_bits(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Infinities and NaN payloads keep
 * their bits; a denormal is fraction 2^-24, exact in float. */
static float from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;

    if (exponent == 31) return from_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    return sign ? -(float)fraction * 0x1p-24f : (float)fraction * 0x1p-24f;
}

float weights_load_f32(const struct weights_tensor *t, size_t i)
{
    const unsigned char *at = (const unsigned char *)t->data + i * DTYPES[t->dtype].size;
    double d;
    float f;
    uint16_t h;

    switch (t->dtype) {
    case WEIGHTS_F64: memcpy(&d, at, sizeof d); return (float)d;
    case WEIGHTS_F32: memcpy(&f, at, sizeof f); return f;
    case WEIGHTS_F16: memcpy(&h, at, sizeof h); return from_f16(h);
    default: memcpy(&h, at, sizeof h); return vit_from_bf16(h);
    }
}

static int64_t load_i64(const struct weights_tensor *t, size_t i)
{
    const unsigned char *at = (const unsigned char *)t->data + i * DTYPES[t->dtype].size;
    int64_t l;
    int32_t w;
    int16_t h;

    switch (t->dtype) {
    case WEIGHTS_I64: memcpy(&l, at, sizeof l); return l;
    case WEIGHTS_I32: memcpy(&w, at, sizeof w); return w;
    case WEIGHTS_I16: memcpy(&h, at, sizeof h); return h;
    case WEIGHTS_I8: return (signed char)*at;
    default: return *at;
    }
}

/* ---- going through a tensor ---- */

void weights_strides(size_t *stride, const struct weights_tensor *t, bool fortran)
{
    size_t step = 1;

    for (int i = 0; i < t->rank; i++) {
        const int axis = fortran ? i : t->rank - 1 - i;

        stride[axis] = step;
        step *= (size_t)t->shape[axis];
    }
}

enum vit_status weights_read_f32(const struct weights_tensor *t, const char *path, float *out,
                                 struct vit_error *err)
{
    int64_t index[WEIGHTS_RANK] = { 0 };
    size_t stride[WEIGHTS_RANK], at = 0;

    if (!weights_is_float(t->dtype))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %s, expected a floating-point type", path,
                        t->name, weights_dtype_name(t->dtype));
    if (!t->fortran && t->dtype == WEIGHTS_F32) {
        if (t->count) memcpy(out, t->data, t->count * sizeof *out);
        return VIT_OK;
    }
    weights_strides(stride, t, t->fortran);
    for (size_t i = 0; i < t->count; i++) {
        out[i] = weights_load_f32(t, t->fortran ? at : i);
        if (t->fortran) at = weights_next(t->rank, t->shape, stride, index, at);
    }
    return VIT_OK;
}

enum vit_status weights_read_i64(const struct weights_tensor *t, const char *path, int64_t *out,
                                 struct vit_error *err)
{
    int64_t index[WEIGHTS_RANK] = { 0 };
    size_t stride[WEIGHTS_RANK], at = 0;

    if (weights_is_float(t->dtype))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %s, expected integers", path, t->name,
                        weights_dtype_name(t->dtype));
    weights_strides(stride, t, t->fortran);
    for (size_t i = 0; i < t->count; i++) {
        out[i] = load_i64(t, t->fortran ? at : i);
        if (t->fortran) at = weights_next(t->rank, t->shape, stride, index, at);
    }
    return VIT_OK;
}

const float *weights_view_f32(const struct weights_tensor *t)
{
    const bool aligned = (uintptr_t)t->data % sizeof(float) == 0;

    return t->dtype == WEIGHTS_F32 && !t->fortran && aligned ? t->data : NULL;
}
