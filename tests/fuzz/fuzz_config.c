/* A configuration beside a model's weights: ours, timm's, Hugging Face's, by its content. The first byte
 * says which weights it lies beside, and whether it is config.json or preprocessor_config.json. */
#include <stdio.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/models.h"
#include "vit/vit.h"

static char folders[MODELS][300];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (int i = 0; i < MODELS; i++) {
        snprintf(folders[i], sizeof folders[i], "%s/%d", fuzz_folder(), i);
        models_write(folders[i], i);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const FILES[] = { "config.json", "preprocessor_config.json" };
    const struct vit_model_options options = { .kernels = "ref" };
    char config[400];
    struct vit_model *m;
    int which, file;

    if (size < 1) return 0;
    which = data[0] & (MODELS - 1);
    file = data[0] / MODELS & 1;
    fuzz_write(folders[which], FILES[file], data + 1, size - 1);
    vit_model_open(&m, folders[which], &options, NULL);
    vit_model_close(m);
    snprintf(config, sizeof config, "%s/%s", folders[which], FILES[file]);
    unlink(config);
    return 0;
}
