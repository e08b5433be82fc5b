/* A picture that an operand names, and the bytes of standard input. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pictures.h"

unsigned char *pictures_stdin(size_t *size, struct vit_error *err)
{
    unsigned char *bytes = NULL, *larger;
    size_t room = 0, got;

    *size = 0;
    do {
        if (*size + 65536 > room) {
            room = room ? 2 * room : 262144;
            larger = room <= 2 * PATCH_MAX_BYTES ? realloc(bytes, room + 1) : NULL;
            if (!larger) {
                free(bytes);
                vit_fail(err, VIT_ERR_NOMEM, PICTURES_STDIN ": more than fits in memory (%zu bytes)", *size);
                return NULL;
            }
            bytes = larger;
        }
        got = fread(bytes + *size, 1, 65536, stdin);
        *size += got;
    } while (got);
    if (ferror(stdin))
        vit_fail(err, VIT_ERR_IO, PICTURES_STDIN ": cannot be read: %s", strerror(errno));
    else if (!*size)
        vit_fail(err, VIT_ERR_FORMAT, PICTURES_STDIN ": is empty");
    if (ferror(stdin) || !*size) {
        free(bytes);
        return NULL;
    }
    bytes[*size] = '\0';
    return bytes;
}

enum vit_status pictures_read(struct patch_image *out, const char *file, const struct patch_decode *options,
                              struct vit_error *err)
{
    struct vit_error why;
    unsigned char *bytes;
    size_t size;
    enum vit_status status;

    if (strcmp(file, "-") != 0) return patch_image_read(out, file, options, err);
    *out = (struct patch_image){ 0 };
    bytes = pictures_stdin(&size, &why);
    if (!bytes) return vit_fail(err, why.status, "%s", why.text);
    status = patch_image_decode(out, bytes, size, PICTURES_STDIN, options, err);
    free(bytes);
    return status;
}
