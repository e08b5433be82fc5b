/* names.c - enumerators as config.json writes them. */
#include "kernels/kern.h"
#include "vit/text.h"

static const char *const ACTS[] = {
    [KERN_ACT_NONE] = "none",           [KERN_ACT_GELU] = "gelu",
    [KERN_ACT_GELU_TANH] = "gelu_tanh", [KERN_ACT_QUICK_GELU] = "quick_gelu",
    [KERN_ACT_RELU] = "relu",           [KERN_ACT_SILU] = "silu",
    [KERN_ACT_TANH] = "tanh",
};
_Static_assert(VIT_COUNT(ACTS) == KERN_ACTS, "an activation has no name");

static const char *const NORMS[] = {
    [KERN_LAYERNORM] = "layernorm",
    [KERN_RMSNORM] = "rmsnorm",
    [KERN_DYT] = "dyt",
};
_Static_assert(VIT_COUNT(NORMS) == KERN_NORM_KINDS, "a normalisation has no name");

static const char *const DTYPES[] = { [KERN_F32] = "f32", [KERN_BF16] = "bf16", [KERN_I8] = "int8" };
_Static_assert(VIT_COUNT(DTYPES) == KERN_DTYPES, "a format has no name");

const char *kern_act_name(enum kern_act act)
{
    return (size_t)act < VIT_COUNT(ACTS) ? ACTS[act] : "unknown";
}

int kern_act_from_name(const char *name)
{
    return vit_index_of(ACTS, VIT_COUNT(ACTS), name);
}

const char *kern_norm_kind_name(enum kern_norm_kind kind)
{
    return (size_t)kind < VIT_COUNT(NORMS) ? NORMS[kind] : "unknown";
}

int kern_norm_kind_from_name(const char *name)
{
    return vit_index_of(NORMS, VIT_COUNT(NORMS), name);
}

const char *kern_dtype_name(enum kern_dtype dtype)
{
    return (size_t)dtype < VIT_COUNT(DTYPES) ? DTYPES[dtype] : "unknown";
}

int kern_dtype_from_name(const char *name)
{
    return vit_index_of(DTYPES, VIT_COUNT(DTYPES), name);
}
