/* The pickle of a PyTorch archive, over storages that exist. */
#include "tests/fuzz/archive.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t VALUES[64] = { 0, 0, 128, 63 };
    const struct archive_member members[] = { { "a/data.pkl", data, size },
                                              { "a/data/0", VALUES, 16 },
                                              { "a/data/1", VALUES, sizeof VALUES } };
    size_t bytes;
    uint8_t *zip = archive_make(members, VIT_COUNT(members), &bytes);
    struct weights_file *f;

    if (zip && !weights_open(&f, fuzz_file(zip, bytes), NULL)) fuzz_use_weights(f);
    free(zip);
    return 0;
}
