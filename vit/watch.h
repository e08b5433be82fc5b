/* watch.h - looking at every value of a forward, for the first that is not a finite number. */
#ifndef VIT_WATCH_H
#define VIT_WATCH_H

#include "vit/block.h"

/* values (n, each): for pictures without trouble so far, the first infinity or NaN, made by where. */
void vit_watch_values(struct vit_trouble *watch, const float *values, int n, size_t each, const char *format,
                      ...) VIT_PRINTF(5, 6);
/* After a step of a block, which may have been done together with the step behind it: value (m, d) it
 * wrote. */
void vit_watch_step(const struct vit_block_call *call, const struct vit_step *step, const float *value);

#endif
