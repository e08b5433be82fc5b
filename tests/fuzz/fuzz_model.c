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

/* Whether it could be opened. The reference reads what others have packed; the vectors of every CPU use it
 * where it lies, and read no more of it than the file has. */
static bool use(const char *path, const char *kernels, enum kern_dtype dtype)
{
    enum { MOST_FLOATS = 1 << 16, MOST_MACS = 1 << 24 };
    const struct vit_model_options options = { .kernels = kernels, .dtype = dtype };
    struct vit_model *m;

    if (vit_model_open(&m, path, &options, NULL)) return false;
    if (vit_model_input_floats(m) < MOST_FLOATS && vit_config_macs(vit_model_config(m)) < MOST_MACS)
        run_once(m);
    if (vit_model_packed(m, NULL)) vit_model_check(m, NULL);
    vit_model_close(m);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);

    /* Most inputs are refused, and that once is enough. */
    if (!use(path, "ref", KERN_F32)) return 0;
    use(path, "ref+vec", KERN_F32);
    use(path, "ref+vec", KERN_I8);
    return 0;
}
