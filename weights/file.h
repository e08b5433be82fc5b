/* file.h - what an open file is inside weights/, and what its readers share.
 *
 * A reader (safetensors.c, npz.c, pth.c) adds tensors to a struct weights_file. Their data point into
 * the mapped file, or into blocks the file owns. Memory for what a reader unpacks is limited by a
 * budget, so that a small file cannot claim all memory. */
#ifndef WEIGHTS_FILE_H
#define WEIGHTS_FILE_H

#include "weights/weights.h"

struct weights_block;

struct weights_file {
    char *path;
    const char *format;
    const unsigned char *bytes; /* the whole file */
    size_t size;
    bool mapped; /* bytes came from mmap; otherwise the caller's */

    struct weights_tensor *tensors; /* (count), in the order of the file */
    size_t count;
    const struct weights_tensor **by_name; /* (count), sorted */

    void *header;                 /* safetensors: the json_t that owns names and metadata */
    struct weights_block *blocks; /* memory taken with weights_file_take */
    size_t budget;                /* bytes weights_file_take may still hand out */
};

/* bytes of memory that live as long as f, 64-byte aligned, not initialised. what names the taker in the
 * error. Takes them and what keeps them from the budget; beyond it: VIT_ERR_FORMAT. */
enum vit_status weights_file_take(struct weights_file *f, size_t bytes, const char *what, void **out,
                                  struct vit_error *err);
/* *out: a copy of the first size bytes of text, ended by a zero byte, in such memory. */
enum vit_status weights_file_text(struct weights_file *f, const char *text, size_t size, const char **out,
                                  struct vit_error *err);
/* Names go into error sentences and onto terminals: control characters are refused. */
enum vit_status weights_check_name(const struct weights_file *f, const char *name, struct vit_error *err);
/* Append t; its name must live as long as f. */
enum vit_status weights_file_add(struct weights_file *f, const struct weights_tensor *t,
                                 struct vit_error *err);
/* After the last weights_file_add: sort by name; two tensors of one name are refused. */
enum vit_status weights_file_index(struct weights_file *f, struct vit_error *err);

/* *count = product of the shape; *bytes = count times the size of an element. False: does not fit. */
bool weights_shape_count(const int64_t *shape, int rank, enum weights_dtype dtype, size_t *count,
                         size_t *bytes);
/* The same for t, with a sentence: sets t->count. bytes: of its data. */
enum vit_status weights_check_shape(const struct weights_file *f, struct weights_tensor *t, size_t *bytes,
                                    struct vit_error *err);

/* stride (rank) of the data where the last index is fastest, or with fortran the first. */
void weights_strides(size_t *stride, const struct weights_tensor *t, bool fortran);
/* The place of the element after the one at place at, the last index fastest; index (rank), which begins with
 * zeros, counts along. */
static inline size_t weights_next(int rank, const int64_t *shape, const size_t *stride, int64_t *index,
                                  size_t at)
{
    for (int i = rank - 1; i >= 0; i--) {
        at += stride[i];
        if (++index[i] < shape[i]) break;
        at -= stride[i] * (size_t)shape[i];
        index[i] = 0;
    }
    return at;
}

/* Element i of the data as float; t must be a floating type. */
float weights_load_f32(const struct weights_tensor *t, size_t i);
bool weights_is_float(enum weights_dtype dtype);

#endif
