/* grads.h - gradients of all parameters, and their way back to the names of the model's file. */
#ifndef TOOLS_GRADS_H
#define TOOLS_GRADS_H

#include "vit/vit.h"

struct grads {
    const struct vit_model *model;
    float **sum;                 /* (parameters) over batches, owned */
    struct vit_gradients *batch; /* of the last batch, owned */
    double loss;                 /* mean cross-entropy so far */
};

enum vit_status grads_create(struct grads *g, const struct vit_model *m, struct vit_error *err);
void grads_free(struct grads *g); /* accepts a zeroed one */

/* Add the gradient of the last forward's n pictures, of total in all. */
void grads_add(struct grads *g, struct vit_session *s, const int *labels, int n, size_t total);

/* Tensors ready for weights_write: "grad." and the name in the model's file, in the file's shape and
 * layout, one for each part that was joined; "grad." and the canonical name where the file has no such
 * tensor of that size (resized positions). */
struct grads_tensors {
    struct weights_entry *entries; /* owned, their names and data too */
    size_t count;
};
enum vit_status grads_export(struct grads_tensors *out, const struct grads *g, struct vit_error *err);
void grads_tensors_free(struct grads_tensors *t);

#endif
