/* explain_view.h - where the attention of a network lies in a picture.
 *
 * Map 0 is the rollout, then they go head by head, block by block. */
#ifndef TOOLS_EXPLAIN_VIEW_H
#define TOOLS_EXPLAIN_VIEW_H

#include "patch/patch.h"
#include "vit/attention.h"

/* Those of many that were asked for. */
struct explain_span {
    int first, count;
};

struct explain_view {
    const char *file;
    const struct vit_model *model;
    const struct vit_config *config;
    int tokens, grid;
    struct explain_span blocks, heads;
    struct patch_decode decode;
    struct vit_attention *attention;
    int side; /* pixels of a panel; 0: nothing is drawn */

    /* What explain_see finds. */
    struct patch_image panel; /* what the network saw, at the size of a panel; the caller frees it */
    int class;
    float score;
};

/* Read the picture, and compute its attention. */
enum vit_status explain_see(struct explain_view *v, struct vit_error *err);

int explain_maps(const struct explain_view *v);
/* Of a map but the rollout. */
int explain_block(const struct explain_view *v, int i);
int explain_head(const struct explain_view *v, int i);
/* "rollout", "block 3 head 1" */
void explain_map_name(char *text, size_t size, const struct explain_view *v, int i);
/* (grid, grid): the tokens in front of the patches are left out. */
const double *explain_map(const struct explain_view *v, int i);
/* Least and most of a map, where 1 is what a token gets of attention that prefers none. */
void explain_map_range(double *least, double *most, const struct explain_view *v, int i);

#endif
