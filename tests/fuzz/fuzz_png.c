/* PNG with its checksums put right first: they would keep every mutation from the decoder. */
#include <stdlib.h>
#include <string.h>

#include "patch/decode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/picture.h"

static uint32_t crc32(const uint8_t *p, size_t n)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; !table[1] && i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < n; i++) crc = crc >> 8 ^ table[(crc ^ p[i]) & 255];
    return ~crc;
}

static void mend(uint8_t *png, size_t size)
{
    enum { SIGNATURE = 8, FRAME = 12 };

    for (size_t at = SIGNATURE; at < size && size - at >= FRAME;) {
        const size_t length = patch_big32(png + at);
        uint32_t crc;

        if (length > size - at - FRAME) return;
        crc = crc32(png + at + 4, length + 4);
        for (int i = 0; i < 4; i++) png[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += FRAME + length;
    }
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
