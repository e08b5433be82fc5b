/* file.h - whole files in. */
#ifndef PATCH_FILE_H
#define PATCH_FILE_H

#include "vit/base.h"

/* *bytes (freed by the caller) = the content of a regular file of 1 to max bytes. Folders, pipes and
 * devices are refused without waiting for them. A zero byte, not counted, follows the content. */
enum vit_status patch_file_read(unsigned char **bytes, size_t *size, const char *path, size_t max,
                                struct vit_error *err);

#endif
