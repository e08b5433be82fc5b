/* What torch.save and the scripts that call it ask for by name. */
#include "weights/pth_globals.h"

/* Python's own types, under the name of the module in protocol 2 and that since. */
#define BUILT_IN(type)                                                                                       \
    { "__builtin__", type, .use = VIT_PICKLE_IGNORED },                                                      \
    {                                                                                                        \
        "builtins", type, .use = VIT_PICKLE_IGNORED                                                          \
    }

/* _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks) is the one that is called for its
 * result. meaning: the weights_dtype of a type of storage. */
static const struct vit_pickle_global GLOBALS[] = {
    { "collections", "OrderedDict", .use = VIT_PICKLE_NEW_DICT },
    { "collections", "defaultdict", .use = VIT_PICKLE_NEW_DICT },
    { "torch._utils", "_rebuild_tensor_v2", .use = VIT_PICKLE_NEW },
    { "torch._utils", "_rebuild_parameter", .use = VIT_PICKLE_FIRST, .first = VIT_PICKLE_CALL },
    { "torch", "Size", .use = VIT_PICKLE_FIRST, .first = VIT_PICKLE_TUPLE },
    { "torch", "device", .use = VIT_PICKLE_IGNORED },
    { "torch", "float64", .use = VIT_PICKLE_IGNORED },
    { "torch", "float32", .use = VIT_PICKLE_IGNORED },
    { "torch", "float16", .use = VIT_PICKLE_IGNORED },
    { "torch", "bfloat16", .use = VIT_PICKLE_IGNORED },
    { "torch", "int64", .use = VIT_PICKLE_IGNORED },
    { "torch", "int32", .use = VIT_PICKLE_IGNORED },
    { "torch", "int16", .use = VIT_PICKLE_IGNORED },
    { "torch", "int8", .use = VIT_PICKLE_IGNORED },
    { "torch", "uint8", .use = VIT_PICKLE_IGNORED },
    { "torch", "bool", .use = VIT_PICKLE_IGNORED },
    { "torch", "complex64", .use = VIT_PICKLE_IGNORED },
    { "torch", "complex128", .use = VIT_PICKLE_IGNORED },
    /* What training scripts keep beside the weights (timm's train.py: its arguments); nothing is used. */
    { "argparse", "Namespace", .use = VIT_PICKLE_OBJECT },
    { "pathlib", "PosixPath", .use = VIT_PICKLE_IGNORED },
    { "pathlib._local", "PosixPath", .use = VIT_PICKLE_IGNORED }, /* Python 3.13 */
    { "numpy.core.multiarray", "scalar", .use = VIT_PICKLE_IGNORED },
    { "numpy._core.multiarray", "scalar", .use = VIT_PICKLE_IGNORED }, /* NumPy 2 */
    { "numpy", "dtype", .use = VIT_PICKLE_IGNORED },
    { "numpy", "ndarray", .use = VIT_PICKLE_IGNORED },
    { "numpy.core.multiarray", "_reconstruct", .use = VIT_PICKLE_IGNORED },
    { "numpy._core.multiarray", "_reconstruct", .use = VIT_PICKLE_IGNORED },
    { "numpy.core.numeric", "_frombuffer", .use = VIT_PICKLE_IGNORED }, /* protocol 5 */
    { "numpy._core.numeric", "_frombuffer", .use = VIT_PICKLE_IGNORED },
    { "_codecs", "encode", .use = VIT_PICKLE_IGNORED },
    { "collections", "Counter", .use = VIT_PICKLE_IGNORED }, /* the milestones of MultiStepLR */
    { "collections", "deque", .use = VIT_PICKLE_IGNORED },
    { "datetime", "datetime", .use = VIT_PICKLE_IGNORED },
    { "datetime", "timedelta", .use = VIT_PICKLE_IGNORED },
    BUILT_IN("set"),
    BUILT_IN("frozenset"),
    BUILT_IN("complex"),
    BUILT_IN("bytearray"),
    BUILT_IN("slice"),
    BUILT_IN("list"),
    BUILT_IN("dict"),
    BUILT_IN("int"),
    BUILT_IN("float"),
    { "torch", "DoubleStorage", .meaning = WEIGHTS_F64 },
    { "torch", "FloatStorage", .meaning = WEIGHTS_F32 },
    { "torch", "HalfStorage", .meaning = WEIGHTS_F16 },
    { "torch", "BFloat16Storage", .meaning = WEIGHTS_BF16 },
    { "torch", "LongStorage", .meaning = WEIGHTS_I64 },
    { "torch", "IntStorage", .meaning = WEIGHTS_I32 },
    { "torch", "ShortStorage", .meaning = WEIGHTS_I16 },
    { "torch", "CharStorage", .meaning = WEIGHTS_I8 },
    { "torch", "ByteStorage", .meaning = WEIGHTS_U8 },
    { "torch", "BoolStorage", .meaning = WEIGHTS_BOOL },
};

bool weights_pth_dtype(enum weights_dtype *dtype, const struct vit_pickle_value *v)
{
    if (v->kind != VIT_PICKLE_GLOBAL || GLOBALS[v->number].use != VIT_PICKLE_TYPE) return false;
    *dtype = (enum weights_dtype)GLOBALS[v->number].meaning;
    return true;
}

static const char *check(const struct vit_pickle_dialect *d, const struct vit_pickle_value *v)
{
    /* ("storage", type, key, where it was, elements) */
    static const enum vit_pickle_kind STORAGE[] = { VIT_PICKLE_TEXT, VIT_PICKLE_GLOBAL, VIT_PICKLE_TEXT,
                                                    VIT_PICKLE_TEXT, VIT_PICKLE_INT },
                                      TENSOR[] = { VIT_PICKLE_ID, VIT_PICKLE_INT, VIT_PICKLE_TUPLE,
                                                   VIT_PICKLE_TUPLE };
    enum weights_dtype dtype;

    (void)d;
    if (v->kind == VIT_PICKLE_CALL)
        return vit_pickle_are(v, VIT_COUNT(TENSOR), TENSOR) ? NULL
                                                            : "a tensor is not described as PyTorch does";
    return vit_pickle_are(v, VIT_COUNT(STORAGE), STORAGE) && weights_pth_dtype(&dtype, v->items[1])
               ? NULL
               : "a storage is not described as PyTorch does";
}

const struct vit_pickle_dialect weights_pth_dialect = {
    .globals = GLOBALS,
    .count = VIT_COUNT(GLOBALS),
    .reads = "tensors, dictionaries and plain values only, so save model.state_dict() or use .safetensors",
    .check = check,
};
