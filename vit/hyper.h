/* hyper.h - hyper-parameters: as a JSON object, how many patches a step sees, whether anything can be trained
 * with them. */
#ifndef VIT_HYPER_H
#define VIT_HYPER_H

#include <jansson.h>

#include "vit/train.h"

/* A new object (json_decref); NULL when memory runs out. */
json_t *vit_hyper_to_json(const struct vit_hyper *h);
/* How many of the patches of a picture a step sees: as many as timm's PatchDropout keeps, one at least. */
int vit_hyper_patches(const struct vit_hyper *h, const struct vit_config *c);
/* VIT_ERR_ARG names the first that nothing can be trained with. */
enum vit_status vit_hyper_check(const struct vit_hyper *h, struct vit_error *err);

#endif
