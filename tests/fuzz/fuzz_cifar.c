/* CIFAR's files. The first byte says which; the rest is the test file, or that of the class names. */
#include <stdio.h>

#include "patch/patch.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const NAMES[] = { "ten/test_batch.bin", "hundred/test.bin", "python/test_batch",
                                         "names/batches.meta" };
    static const char *const FOLDERS[] = { "ten", "hundred", "python", "names" };
    struct patch_dataset *d;
    struct patch_image image;
    char path[300], name[300];
    uint8_t classes[200];
    int which;

    if (!size) return 0;
    which = data[0] & 3;
    for (size_t i = 0; i < sizeof classes; i++) classes[i] = i & 1 ? '\n' : 'a';
    if (which == 1) fuzz_write(fuzz_folder(), "hundred/fine_label_names.txt", classes, sizeof classes);
    if (which == 3) fuzz_write(fuzz_folder(), "names/test_batch", data, 1);
    fuzz_write(fuzz_folder(), NAMES[which], data + 1, size - 1);
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), FOLDERS[which]);
    if (patch_dataset_open(&d, path, PATCH_TEST, NULL)) return 0;
    for (size_t i = 0; i < patch_dataset_count(d); i++) {
        patch_dataset_name(d, i, name, sizeof name);
        patch_dataset_label(d, i);
        if (!patch_dataset_read(d, i, NULL, &image, NULL)) patch_image_free(&image);
    }
    patch_dataset_close(d);
    return 0;
}
