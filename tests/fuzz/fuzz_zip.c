/* The archive itself: what libzip and the readers of its members make of any bytes. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weights_file *f;

    if (!weights_open(&f, fuzz_file(data, size), NULL)) fuzz_use_weights(f);
    return 0;
}
