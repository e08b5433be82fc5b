/* Orientation: the TIFF structure alone, and inside JPEG and PNG. */
#include <stdlib.h>

#include "patch/exif.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int found[] = { patch_exif_tiff(data, size), patch_exif_jpeg(data, size),
                          patch_exif_png(data, size) };
    struct patch_image image;

    for (size_t i = 0; i < VIT_COUNT(found); i++) {
        if (found[i] < 1 || found[i] > 8) abort();
        if (patch_image_create(&image, 3, 2, NULL)) continue;
        for (int j = 0; j < 18; j++) image.rgb[j] = (unsigned char)j;
        patch_exif_turn(&image, found[i], NULL);
        patch_image_free(&image);
    }
    return 0;
}
