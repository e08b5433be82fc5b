/* zip.h - members of a zip archive in memory, read through libzip within the budget of the file. */
#ifndef WEIGHTS_ZIP_H
#define WEIGHTS_ZIP_H

#include <zip.h>

#include "weights/file.h"

/* A member being read: its name, the bytes it unpacks to, how many were read. */
struct weights_member {
    const struct weights_file *f;
    const char *name;
    size_t size, at;
    zip_file_t *stream;
};

/* Open member i. name lives as long as the archive. Close with weights_member_close, also on failure. */
enum vit_status weights_member_open(struct weights_member *m, const struct weights_file *f, zip_t *zip,
                                    zip_uint64_t i, struct vit_error *err);
/* The next size bytes; fewer are an error. */
enum vit_status weights_member_read(struct weights_member *m, void *out, size_t size, struct vit_error *err);
/* After the last byte: verifies the checksum. */
enum vit_status weights_member_end(struct weights_member *m, struct vit_error *err);
void weights_member_close(struct weights_member *m);

#endif
