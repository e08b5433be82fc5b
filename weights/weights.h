/* weights.h - named tensors on disk.
 *
 *     #include <weights/weights.h>
 *
 *     // out (count) = the tensor of that name; left alone where there is none of so many numbers.
 *     enum vit_status load(float *out, size_t count, const char *path, const char *name,
 *                          struct vit_error *err)
 *     {
 *         struct weights_file *f;
 *         enum vit_status status = weights_open(&f, path, err);
 *
 *         if (status) return status;
 *         const struct weights_tensor *t = weights_find(f, name);
 *         if (t && t->count == count) status = weights_read_f32(t, path, out, err);
 *         weights_close(f);
 *         return status;
 *     }
 *
 * Reads safetensors (mapped, nothing copied), NumPy .npz and PyTorch .pth/.bin archives of plain
 * tensors (a restricted reader that executes nothing). Every offset, size and shape is checked when the
 * file is opened; after that no access can leave the file. A file must not change while it is open.
 * An archive that would unpack to more than 100 times its size (and 64 MiB) is refused.
 *
 * These functions are in libvit.a; libvit.so exports vit_* alone (vit/vit.h). */
#ifndef VIT_WEIGHTS_WEIGHTS_H
#define VIT_WEIGHTS_WEIGHTS_H

#include "../vit/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum weights_dtype {
    WEIGHTS_F64,
    WEIGHTS_F32,
    WEIGHTS_F16,
    WEIGHTS_BF16,
    WEIGHTS_I64,
    WEIGHTS_I32,
    WEIGHTS_I16,
    WEIGHTS_I8,
    WEIGHTS_U8,
    WEIGHTS_BOOL,
    WEIGHTS_DTYPES
};
const char *weights_dtype_name(enum weights_dtype dtype); /* safetensors' names: "F32" */
size_t weights_dtype_size(enum weights_dtype dtype);      /* bytes */

enum { WEIGHTS_RANK = 8 };

struct weights_tensor {
    const char *name;
    enum weights_dtype dtype;
    int rank;
    int64_t shape[WEIGHTS_RANK];
    bool fortran;     /* first index fastest (.npz, or a transposed PyTorch view); else last */
    size_t count;     /* elements */
    const void *data; /* little endian, possibly unaligned */
};

struct weights_file;

/* Open by content, not by name. path stays in every error. */
enum vit_status weights_open(struct weights_file **out, const char *path, struct vit_error *err);
/* The same of a safetensors file in memory, which the caller leaves as it is until f is closed; name: for
 * errors. VIT_ERR_UNSUPPORTED: it is an archive. */
enum vit_status weights_open_memory(struct weights_file **out, const void *bytes, size_t size,
                                    const char *name, struct vit_error *err);
void weights_close(struct weights_file *f); /* accepts NULL */

const char *weights_path(const struct weights_file *f);
const char *weights_format(const struct weights_file *f); /* "safetensors", "npz", "pth" */
size_t weights_count(const struct weights_file *f);
const struct weights_tensor *weights_at(const struct weights_file *f, size_t i);
const struct weights_tensor *weights_find(const struct weights_file *f, const char *name); /* NULL: none */
/* Text of __metadata__; NULL: none. */
const char *weights_meta(const struct weights_file *f, const char *key);

/* out (count) = the tensor as f32, last index fastest; any of F64, F32, F16, BF16. Other types:
 * VIT_ERR_FORMAT. */
enum vit_status weights_read_f32(const struct weights_tensor *t, const char *path, float *out,
                                 struct vit_error *err);
/* out (count) from any integer type. */
enum vit_status weights_read_i64(const struct weights_tensor *t, const char *path, int64_t *out,
                                 struct vit_error *err);
/* The data itself when it is F32, aligned and last index fastest: used in place; else NULL. */
const float *weights_view_f32(const struct weights_tensor *t);

/* "[144, 48]" */
const char *weights_shape_text(const struct weights_tensor *t, char *text, size_t size);
/* The same of a shape that is no tensor's of a file. */
const char *weights_sides_text(const int64_t *shape, int rank, char *text, size_t size);

/* ---- writing safetensors ---- */

struct weights_entry {
    const char *name;
    enum weights_dtype dtype;
    int rank;
    int64_t shape[WEIGHTS_RANK];
    const void *data; /* last index fastest */
};
struct weights_text {
    const char *key, *value;
};
/* Temporary name beside path, fsync, rename, fsync of the folder: a crash leaves the old file or the new
 * one. Equal arguments give equal bytes. Data starts 64-byte aligned. */
enum vit_status weights_write(const char *path, const struct weights_entry *entries, size_t count,
                              const struct weights_text *meta, size_t meta_count, struct vit_error *err);

/* ---- names: one canonical (timm) view of every family's file ---- */

enum weights_family {
    WEIGHTS_TIMM,
    WEIGHTS_HF_VIT,
    WEIGHTS_HF_DEIT,
    WEIGHTS_HF_DINOV2,
    WEIGHTS_HF_DINOV2_REG, /* with register tokens: the same names, other resizing */
    WEIGHTS_DINOV2,        /* as facebookresearch has them: timm's names and a mask token */
    WEIGHTS_DINOV2_REG,    /* with register tokens */
    WEIGHTS_TORCHVISION,
    WEIGHTS_TORCH, /* torch.nn.TransformerEncoderLayer under any prefix, the rest timm's */
    WEIGHTS_CCT,   /* Compact-Transformers */
    WEIGHTS_JAX,   /* Flax ViT .npz */
    WEIGHTS_FAMILIES
};
const char *weights_family_name(enum weights_family family);
/* The names under which a classifier's file of the family holds a canonical tensor ("head.weight"), the
 * reverse of weights_view_find(): written one after the other, equal parts of its first axis. Returns how
 * many; 0: the family has no such tensor, or lays it out otherwise. */
enum { WEIGHTS_NAME = 256 };
int weights_family_names(enum weights_family family, const char *canonical, char names[3][WEIGHTS_NAME]);

/* How the file's layout becomes the canonical one. */
enum weights_layout {
    WEIGHTS_AS_IS,
    WEIGHTS_TRANSPOSE, /* (in, out) -> (out, in): Flax Dense */
    WEIGHTS_HWIO,      /* (h, w, in, out) -> (out, in, h, w): Flax convolution */
    WEIGHTS_HEADS_IN,  /* (d, h, e) -> (h e, d), bias (h, e) -> (h e): Flax query, key, value */
    WEIGHTS_HEADS_OUT, /* (h, e, d) -> (d, h e): Flax attention output */
};

/* Where one canonical tensor lies in a file: parts are concatenated along the first canonical axis (query,
 * key, value), each after its layout is applied. A part of type I8 stands for its integers times a scale for
 * each row, which the file holds beside it as NAME_scale. */
struct weights_source {
    int parts; /* 0: the file does not have it */
    const struct weights_tensor *part[3];
    enum weights_layout layout;
    const struct weights_tensor *scale[3]; /* of part; NULL: none */
};

struct weights_view; /* a file seen through canonical names */

/* Recognise the family from the tensor names, with wrappers (module., model., state_dict., ...) stripped.
 * The view keeps a pointer to f and must be closed first. */
enum vit_status weights_view_open(struct weights_view **out, const struct weights_file *f,
                                  struct vit_error *err);
void weights_view_close(struct weights_view *v); /* accepts NULL */
enum weights_family weights_view_family(const struct weights_view *v);
const struct weights_file *weights_view_file(const struct weights_view *v);
/* Whether a choice was made between copies of the network (averaged weights, a teacher): what stands before
 * the names of the chosen one ("model_ema.") and of another. Names with nothing before them are no choice.
 * Without one *chosen is what stands before the names, perhaps "". */
bool weights_view_copies(const struct weights_view *v, const char **chosen, const char **other);

/* Find a canonical tensor ("blocks.3.attn.qkv.weight"); marks its parts as used. */
struct weights_source weights_view_find(struct weights_view *v, const char *canonical);
/* The names under which the file has the parts of a canonical tensor, or would have them beside its others,
 * and their layout; those that it has are marked as used: they have their place. Returns how many; 0: its
 * family has no such tensor. */
int weights_view_names(struct weights_view *v, const char *canonical, char names[3][WEIGHTS_NAME],
                       enum weights_layout *layout);
/* From here on these two of its tensors are "head.weight" and "head.bias", whatever their names. */
void weights_view_set_head(struct weights_view *v, const struct weights_tensor *weight,
                           const struct weights_tensor *bias);
/* Rank and shape it has after the layout and concatenation; false when the parts do not fit together. */
bool weights_source_shape(const struct weights_source *s, int *rank, int64_t shape[WEIGHTS_RANK]);
/* shape = that of each of parts tensors of the layout, which together have the canonical one; heads: of the
 * network. Returns its rank; 0: the layout has no such shape. */
int weights_part_shape(enum weights_layout layout, int parts, int heads, const int64_t *canonical, int rank,
                       int64_t shape[WEIGHTS_RANK]);
/* out (count) = the canonical tensor as f32; exact for integers with scales of at most 17 bits. */
enum vit_status weights_source_read(const struct weights_source *s, const char *path, float *out,
                                    struct vit_error *err);
/* In place, when one part, as is, F32 and aligned; else NULL. */
const float *weights_source_view(const struct weights_source *s);
/* The reverse, for gradients and for writing a file back: part i of the canonical values, in the
 * file's own shape and layout; out has part[i]->count floats. */
void weights_source_split(const struct weights_source *s, int i, const float *canonical, float *out);
/* Blocks in the file: 1 + the highest block number. */
int weights_view_depth(const struct weights_view *v);
/* Tensor i of the file was asked for; those that were not are unexpected. */
bool weights_view_used(const struct weights_view *v, size_t i);
/* Tensor i is one that no classifier needs: mask tokens, counters of batch norm, poolers, the state of an
 * optimiser, the other copies of a file that holds several (student and teacher). */
bool weights_view_ignorable(const struct weights_view *v, size_t i);
/* The name of tensor i without the wrappers of the view; NULL: it does not lie in them. block (may be NULL):
 * it belongs to a block. */
const char *weights_view_name(const struct weights_view *v, size_t i, bool *block);

/* ---- position embeddings at another grid ---- */

enum weights_resample {
    WEIGHTS_BICUBIC_ANTIALIAS, /* timm, DINOv2 with registers: a -0.5, antialiased */
    WEIGHTS_BILINEAR,          /* timm from npz: half-pixel, no antialias */
    WEIGHTS_BICUBIC,           /* Hugging Face: a -0.75, no antialias */
    WEIGHTS_BICUBIC_OFFSET,    /* facebookresearch's DINOv2: scale (to + 0.1) / from */
    WEIGHTS_BICUBIC_CORNERS,   /* torchvision interpolate_embeddings: align_corners */
    WEIGHTS_LINEAR_CORNERS,    /* original JAX: scipy zoom, order 1 */
    WEIGHTS_RESAMPLES
};
const char *weights_resample_name(enum weights_resample how); /* "bicubic_antialias" */
int weights_resample_from_name(const char *name);             /* -1: unknown */
enum weights_resample weights_family_resample(enum weights_family family, const char *format);
/* out (to, to, d) from in (from, from, d), row-major y then x. Equal sizes copy. VIT_ERR_ARG: a size out of
 * range; VIT_ERR_NOMEM. */
enum vit_status weights_resample_grid(float *out, const float *in, int from, int to, int d,
                                      enum weights_resample how, struct vit_error *err);

#ifdef __cplusplus
}
#endif
#endif
