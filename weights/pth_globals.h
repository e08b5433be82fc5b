/* pth_globals.h - the names in PyTorch's pickles that are known, for pth.c only. */
#ifndef WEIGHTS_PTH_GLOBALS_H
#define WEIGHTS_PTH_GLOBALS_H

#include "vit/pickle.h"
#include "weights/weights.h"

/* A CALL is a tensor: storage, offset, shape, strides; an ID its storage: "storage", type, key, where it was,
 * elements. */
extern const struct vit_pickle_dialect weights_pth_dialect;

/* Type of the elements of a storage; false: v names no such type. */
bool weights_pth_dtype(enum weights_dtype *dtype, const struct vit_pickle_value *v);

#endif
