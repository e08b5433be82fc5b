/* Whole models: a safetensors file with or without a configuration in it, opened, and run when small. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vit/vit.h"

static void run_once(const struct vit_model *m)
{
    const struct vit_session_options options = { .batch = 1, .threads = 1 };
    const size_t floats = vit_model_input_floats(m);
    float *planes = calloc(floats, sizeof *planes);
    struct vit_session *s = NULL;

    if (planes && !vit_session_create(&s, m, &options, NULL)) vit_forward(s, planes, 1);
    vit_session_close(s);
    free(planes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST_FLOATS = 1 << 16, MOST_MACS = 1 << 24 };
    const struct vit_model_options options = { .kernels = "ref" };
    struct vit_model *m;

    if (vit_model_open(&m, fuzz_file(data, size), &options, NULL)) return 0;
    if (vit_model_input_floats(m) < MOST_FLOATS && vit_config_macs(vit_model_config(m)) < MOST_MACS)
        run_once(m);
    vit_model_close(m);
    return 0;
}
