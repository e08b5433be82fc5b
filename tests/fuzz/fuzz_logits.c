/* A file of logits, as vit compare takes it in the place of a model. */
#include "tests/fuzz/fuzz.h"
#include "tools/compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compare_run run = { .file = fuzz_file(data, size) };
    struct compare_arm arm = { .runs = &run, .count = 1 };
    struct compare c = { .arms = &arm, .arm_count = 1 };
    struct vit_error err;

    if (compare_is_logits(run.file)) compare_read_logits(&run, &err);
    compare_flips(&c);
    compare_run_free(&run);
    return 0;
}
