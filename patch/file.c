#include "patch/file.h"

#include <stdlib.h>

#include "vit/source.h"

enum vit_status patch_file_read(unsigned char **bytes, size_t *size, const char *path, size_t max,
                                struct vit_error *err)
{
    enum vit_status status = vit_source_read(bytes, size, path, max, err);

    if (status || *size) return status;
    free(*bytes);
    *bytes = NULL;
    return vit_fail(err, VIT_ERR_FORMAT, "%s: the file is empty", path);
}
