/* One array of an .npz: header and values. */
#include "tests/fuzz/archive.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct archive_member members[] = { { "head.weight.npy", data, size },
                                              { "head.bias.npy", data, size } };
    size_t bytes;
    uint8_t *zip = archive_make(members, VIT_COUNT(members), &bytes);
    struct weights_file *f;

    if (zip && !weights_open(&f, fuzz_file(zip, bytes), NULL)) fuzz_use_weights(f);
    free(zip);
    return 0;
}
