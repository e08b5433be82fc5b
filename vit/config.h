/* config.h - sizes that follow from a configuration (those of its tokens are in vit.h), and the check of a
 * recipe. */
#ifndef VIT_CONFIG_H
#define VIT_CONFIG_H

#include "vit/vit.h"

int vit_config_patches(const struct vit_config *c); /* of a picture */
/* vit_config_macs() with blocks that see so many tokens. */
double vit_config_macs_at(const struct vit_config *c, int tokens);

/* Widths that shapes share: rows of fc1 (gate and value, or value alone), what pooling gives, and what the
 * head reads. */
int vit_up_rows(const struct vit_config *c);
int vit_pooled_width(const struct vit_config *c);
int vit_head_inputs(const struct vit_config *c);

/* patch_recipe_check() of what a file says: VIT_ERR_FORMAT. */
enum vit_status vit_recipe_check(const struct patch_recipe *r, const char *where, struct vit_error *err);

#endif
