/* config_json.h - our own dialect of config.json ("format": "vit-1"), both ways. */
#ifndef VIT_CONFIG_JSON_H
#define VIT_CONFIG_JSON_H

#include <jansson.h>

#include "vit/vit.h"

/* Fill *c from an object in our format. where names the file. Unknown keys are an error: a misspelt one
 * would otherwise be lost. labels and preprocess are read by the two functions below. */
enum vit_status vit_config_from_json(struct vit_config *c, const json_t *object, const char *where,
                                     struct vit_error *err);
/* The "preprocess" of such an object. Only the keys that are there overwrite *r. */
enum vit_status vit_recipe_from_json(struct patch_recipe *r, const json_t *object, const char *where,
                                     struct vit_error *err);
/* A new object (json_decref) that vit_config_from_json reads back; labels (classes) may be NULL. */
json_t *vit_config_to_json(const struct vit_config *c, const struct patch_recipe *r,
                           const char *const *labels);

/* Names of the enumerations as the file has them. */
const char *vit_pool_name(enum vit_pool pool);
const char *vit_position_name(enum vit_position position);

#endif
