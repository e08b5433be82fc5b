/* source.h - files that are read by their name. Each is opened without waiting, and what is no ordinary file
 * (a folder, a pipe, a device) is refused: nothing that a name leads to can stop the program. */
#ifndef VIT_SOURCE_H
#define VIT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "vit/base.h"

/* There is something of that name, if only a link that leads nowhere, or nobody may know: opening it says
 * which. */
bool vit_source_is_there(const char *path);
/* Opens path for reading: *fd, to be closed by the caller (-1 on failure), and the *size of the file in
 * bytes. Fails with VIT_ERR_IO; errno is ENOENT where, and only where, there is no such file. */
enum vit_status vit_source_open(int *fd, size_t *size, const char *path, struct vit_error *err);
/* The whole content of a file: *bytes, to be freed by the caller (NULL on failure), *size of them and a
 * zero byte behind. VIT_ERR_UNSUPPORTED: the file is larger than max bytes; VIT_ERR_IO: as above, or it got
 * shorter meanwhile; VIT_ERR_NOMEM. */
enum vit_status vit_source_read(unsigned char **bytes, size_t *size, const char *path, size_t max,
                                struct vit_error *err);

#endif
