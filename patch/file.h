/* file.h - whole files in, of which none is empty. */
#ifndef PATCH_FILE_H
#define PATCH_FILE_H

#include "vit/base.h"

/* vit_source_read (vit/source.h) of a file of 1 to max bytes. VIT_ERR_FORMAT: it has none. */
enum vit_status patch_file_read(unsigned char **bytes, size_t *size, const char *path, size_t max,
                                struct vit_error *err);

#endif
