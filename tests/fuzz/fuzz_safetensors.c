/* A safetensors file, read where it lies. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weights_file *f;

    if (!weights_open_memory(&f, data, size, "fuzz", NULL)) fuzz_use_weights(f);
    return 0;
}
