/* exif.h - which way up a picture is: orientation 1 to 8, 1 when none is said or it cannot be read. What XMP
 * says of it is not read. */
#ifndef PATCH_EXIF_H
#define PATCH_EXIF_H

#include "patch/patch.h"

int patch_exif_jpeg(const unsigned char *bytes, size_t size);
/* From eXIf, or a text "Raw profile type exif"; 0: no memory to read that. */
int patch_exif_png(const unsigned char *bytes, size_t size);
/* Of a TIFF structure, as Exif and eXIf hold it, "Exif" before it or not. */
int patch_exif_tiff(const unsigned char *bytes, size_t size);
/* Turn the picture as the orientation says. */
enum vit_status patch_exif_turn(struct patch_image *image, int orientation, struct vit_error *err);

#endif
