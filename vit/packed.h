/* packed.h - how the matrices of a file are laid out, when they lie there as the products take them.
 *
 * Such a file has, instead of the tensor NAME of a matrix, bytes named NAME_packed, padded with zeros to
 * whole lines of VIT_ALIGN bytes, and the metadata vit.packed, an object:
 *     {"version":1,"kernels":"ref+vec+avx2+int8","dtype":"int8",
 *      "layouts":{"f32":{"panel":16,"fold":1,"bytes":4},"int8":{"panel":16,"fold":2,"bytes":2}}}
 * dtype is the format of the blocks' matrices; those behind the blocks are f32. A layout is a struct
 * kern_layout: whoever has the same one uses the bytes where they lie, and others can read them. */
#ifndef VIT_PACKED_H
#define VIT_PACKED_H

#include "kernels/kern.h"

#define VIT_PACKED_SUFFIX "_packed"

struct vit_packing {
    bool there;            /* the file has packed matrices */
    bool in_place;         /* and the model uses them all where they lie */
    enum kern_dtype dtype; /* of the blocks' */
    char kernels[sizeof((struct kern *)0)->name];
    struct kern_layout layout[KERN_DTYPES]; /* panel 0: not used */
};

/* What the kernels k make of a model in dtype. */
struct vit_packing vit_packing_of(const struct kern *k, enum kern_dtype dtype);
/* The text of vit.packed (free it); NULL: no memory. */
char *vit_packing_text(const struct vit_packing *p);
/* The reverse; where names the file. VIT_ERR_UNSUPPORTED: of another version. */
enum vit_status vit_packing_parse(struct vit_packing *p, const char *where, const char *text,
                                  struct vit_error *err);

/* Bytes of a matrix (n, k) in a file, whole lines; *fits as kern_layout_bytes() has it. */
size_t vit_packed_bytes(const struct kern_layout *l, int n, int k, bool *fits);

#endif
