/* config.h - sizes that follow from a configuration; those of its tokens are in vit.h. */
#ifndef VIT_CONFIG_H
#define VIT_CONFIG_H

#include "vit/vit.h"

/* Widths that shapes share: rows of fc1 (gate and value, or value alone), what pooling gives, and what the
 * head reads. */
int vit_up_rows(const struct vit_config *c);
int vit_pooled_width(const struct vit_config *c);
int vit_head_inputs(const struct vit_config *c);

#endif
