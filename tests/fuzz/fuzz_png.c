/* PNG with its checksums put right first: they would keep every mutation from the decoder. */
#include <stdlib.h>
#include <string.h>

#include "patch/bytes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/picture.h"

static void mend(uint8_t *png, size_t size)
{
    enum { SIGNATURE = 8, FRAME = 12 };

    for (size_t at = SIGNATURE; at < size && size - at >= FRAME;) {
        const size_t length = patch_big32(png + at);
        uint32_t crc;

        if (length > size - at - FRAME) return;
        crc = fuzz_crc32(png + at + 4, length + 4);
        for (int i = 0; i < 4; i++) png[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += FRAME + length;
    }
}

/* With a wrong checksum the decoder would see nothing: the check value of the catalogue of CRCs. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    if (fuzz_crc32((const uint8_t *)"123456789", 9) != 0xcbf43926) fuzz_stop("the checksum is wrong");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    if (!copy) return 0;
    if (size) memcpy(copy, data, size);
    mend(copy, size);
    fuzz_picture(copy, size);
    free(copy);
    return 0;
}
