/* readers.h - between open.c and the readers, one for each kind of file: they fill f->tensors from f->bytes,
 * or from the members of an archive. */
#ifndef WEIGHTS_READERS_H
#define WEIGHTS_READERS_H

#include "weights/zip.h"

enum vit_status weights_read_safetensors(struct weights_file *f, struct vit_error *err);
enum vit_status weights_read_npz(struct weights_file *f, zip_t *zip, struct vit_error *err);
/* pickle: the index of data.pkl. */
enum vit_status weights_read_pth(struct weights_file *f, zip_t *zip, zip_uint64_t pickle,
                                 struct vit_error *err);

#endif
